#include "taper/image.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/alloc.h"
#include "core/scope.h"
#include "data/data.h"
#include "io/bytes.h"
#include "ops/ops.h"
#include "taper/creation.h"
#include "taper/elementwise.h"
#include "taper/views.h"
#include "taper/vision.h"

typedef struct folder_file {
    char *path;
    int label;
} folder_file;

struct tp_image_folder {
    _Atomic int32_t refs;
    tp_image_folder_options options;
    tp__bytes classes; /* of char *, sorted */
    tp__bytes files;   /* of folder_file */
    tp_shape shape;    /* of every image */
};

static int folder_class_count(const tp_image_folder *f) { return (int)(f->classes.size / sizeof(char *)); }
static char **folder_class_names(const tp_image_folder *f) { return (char **)(void *)f->classes.data; }
static int64_t folder_file_count(const tp_image_folder *f) {
    return (int64_t)(f->files.size / sizeof(folder_file));
}
static folder_file *folder_files(const tp_image_folder *f) { return (folder_file *)(void *)f->files.data; }

static void folder_unref(tp_image_folder *f) {
    if (!tp__unref(&f->refs)) return;
    for (int i = 0; i < folder_class_count(f); i++) tp__free(folder_class_names(f)[i]);
    for (int64_t i = 0; i < folder_file_count(f); i++) tp__free(folder_files(f)[i].path);
    tp__bytes_free(&f->classes);
    tp__bytes_free(&f->files);
    tp__free(f);
    tp__count(&tp__self()->counters.objects, -1);
}

void tp_image_folder_free(tp_image_folder *folder) {
    if (folder) folder_unref(folder);
}

/* ---- looking ----------------------------------------------------------------------------------------- */

static const char folder_op[] = "image_folder_open";

/* "dir/name", to be freed; NULL with a record. */
static char *folder_join(const char *dir, const char *name) {
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = tp__alloc(size);
    if (path) snprintf(path, size, "%s/%s", dir, name);
    else tp__error_memory(folder_op, size);
    return path;
}

/* Takes a name into the list if it is that of a folder, or else (`images`) of a PNG file. */
static bool folder_take(const char *dir, const char *name, bool images, tp__bytes *names) {
    size_t length = strlen(name);
    if (*name == '.' || (images && (length < 4 || strcasecmp(name + length - 4, ".png") != 0))) return true;
    char *path = folder_join(dir, name);
    struct stat info;
    if (!path) return false;
    bool wanted = stat(path, &info) == 0 && (images ? S_ISREG(info.st_mode) : S_ISDIR(info.st_mode));
    tp__free(path);
    char *copy = wanted ? tp__strdup(name) : NULL;
    if (copy) tp__bytes_put(names, &copy, sizeof copy);
    if (!wanted || (copy && !names->failed)) return true;
    tp__free(copy);
    tp__error_memory(folder_op, length + names->size);
    return false;
}

static int folder_compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder, sorted. False with a record. */
static bool folder_names(const char *dir, bool images, tp__bytes *names) {
    DIR *d = opendir(dir);
    bool good = d != NULL;
    if (d) errno = 0; /* or the end of the folder cannot be told from a failure */
    for (struct dirent *entry; good && (entry = readdir(d)); errno = 0)
        good = folder_take(dir, entry->d_name, images, names);
    if (!d || (good && errno)) {
        tp__error(TP_ERR_IO, folder_op, "%s: %s", dir, strerror(errno));
        good = false;
    }
    if (d) closedir(d);
    if (good && names->size) qsort(names->data, names->size / sizeof(char *), sizeof(char *), folder_compare);
    return good;
}

/* Adds the images of one class. */
static bool folder_add_class(tp_image_folder *f, const char *dir, int label) {
    tp__bytes names = {0};
    char *folder = folder_join(dir, folder_class_names(f)[label]);
    bool good = folder && folder_names(folder, true, &names);
    size_t count = names.size / sizeof(char *);
    if (good && count == 0) {
        tp__error(TP_ERR_FORMAT, folder_op, "%s: holds no PNG files", folder);
        good = false;
    }
    for (size_t i = 0; i < count; i++) {
        char *name = ((char **)(void *)names.data)[i];
        folder_file file = {good ? folder_join(folder, name) : NULL, label};
        tp__free(name);
        good = good && file.path;
        if (!good) continue;
        tp__bytes_put(&f->files, &file, sizeof file);
        if (!f->files.failed) continue;
        tp__free(file.path);
        tp__error_memory(folder_op, f->files.size);
        good = false;
    }
    tp__bytes_free(&names);
    tp__free(folder);
    return good;
}

static bool folder_look(tp_image_folder *f, const char *dir) {
    if (!folder_names(dir, false, &f->classes)) return false;
    if (folder_class_count(f) == 0)
        tp__error(TP_ERR_FORMAT, folder_op, "%s: holds no folders, one for each class", dir);
    for (int label = 0; label < folder_class_count(f); label++)
        if (!folder_add_class(f, dir, label)) return false;
    return folder_class_count(f) > 0;
}

/* ---- images ------------------------------------------------------------------------------------------ */

/* The image in a file, of the size that is wanted; `op` fails. */
static tp_tensor *folder_read(const char *op, const tp_image_folder *f, int64_t image) {
    const tp_image_folder_options *o = &f->options;
    tp_png_options png = {.channels = o->channels, .max_pixels = o->max_pixels};
    const char *path = folder_files(f)[image].path;
    tp_scope *s = tp_scope_begin();
    tp_tensor *t = s ? tp_png_load(path, png) : NULL;
    if (t && o->height && (t->shape.dims[1] != o->height || t->shape.dims[2] != o->width)) {
        tp_interpolate_options resize = {.mode = TP_INTERPOLATE_LINEAR,
                                         .size = TP_SHAPE(o->height, o->width)};
        t = tp_unsqueeze(tp_to_dtype(t, TP_F32), 0);
        t = tp_select(tp_to_dtype(tp_round(tp_interpolate(t, resize)), TP_U8), 0, 0);
    }
    if (!t) tp__error_rename(NULL, op);
    if (t && f->shape.ndim && !tp_shape_equal(t->shape, f->shape)) {
        tp__error(TP_ERR_FORMAT, op, "%s: is %s, where the first image is %s", path, tp__shape_text(t->shape),
                  tp__shape_text(f->shape));
        t = NULL;
    }
    return s ? tp_scope_return(s, t) : NULL;
}

static bool folder_check(const tp_image_folder_options *o) {
    if (o->height >= 0 && o->width >= 0 && !o->height == !o->width) return true;
    tp__error(TP_ERR_ARGUMENT, folder_op, "height is %lld, width is %lld", (long long)o->height,
              (long long)o->width);
    return false;
}

tp_image_folder *tp_image_folder_open(const char *dir, tp_image_folder_options options) {
    if (!dir) tp__error_null(folder_op, "dir");
    if (!dir || !folder_check(&options)) return NULL;
    tp_image_folder *f = tp__alloc_zero(sizeof *f);
    if (!f) {
        tp__error_memory(folder_op, sizeof *f);
        return NULL;
    }
    tp__count(&tp__self()->counters.objects, 1);
    atomic_init(&f->refs, 1);
    f->options = options;
    if (folder_look(f, dir)) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *first = s ? folder_read(folder_op, f, 0) : NULL;
        if (first) f->shape = first->shape;
        tp_scope_end(s);
        if (first) return f;
    }
    folder_unref(f);
    return NULL;
}

/* ---- asking ------------------------------------------------------------------------------------------ */

int64_t tp_image_folder_size(const tp_image_folder *folder) {
    if (folder) return folder_file_count(folder);
    tp__error_null("image_folder_size", "folder");
    return -1;
}

int tp_image_folder_classes(const tp_image_folder *folder) {
    if (folder) return folder_class_count(folder);
    tp__error_null("image_folder_classes", "folder");
    return -1;
}

static bool folder_index(const char *op, const tp_image_folder *f, int64_t i, bool image) {
    int64_t count = !f ? 0 : image ? folder_file_count(f) : folder_class_count(f);
    if (!f) tp__error_null(op, "folder");
    else if (i < 0 || i >= count)
        tp__error(TP_ERR_INDEX, op, "index %lld is out of range for %lld %s", (long long)i, (long long)count,
                  image ? "images" : "classes");
    return i >= 0 && i < count;
}

const char *tp_image_folder_class(const tp_image_folder *folder, int label) {
    return folder_index("image_folder_class", folder, label, false) ? folder_class_names(folder)[label]
                                                                    : NULL;
}

const char *tp_image_folder_path(const tp_image_folder *folder, int64_t image) {
    return folder_index("image_folder_path", folder, image, true) ? folder_files(folder)[image].path : NULL;
}

int tp_image_folder_label(const tp_image_folder *folder, int64_t image) {
    return folder_index("image_folder_label", folder, image, true) ? folder_files(folder)[image].label : -1;
}

/* ---- datasets ---------------------------------------------------------------------------------------- */

static tp_status folder_get(void *context, int64_t index, tp_tensor **items) {
    const tp_image_folder *f = context;
    items[0] = folder_read("image_folder_dataset", f, index);
    items[1] = items[0] ? tp_scalar(folder_files(f)[index].label, TP_I64) : NULL;
    return tp__deliver(items[1] ? TP_OK : tp_last_error().code);
}

static void folder_release(void *context) { folder_unref(context); }

tp_dataset *tp_image_folder_dataset(tp_image_folder *folder) {
    TP_REQUIRE(folder, "image_folder_dataset");
    tp_dataset *d = tp_dataset_custom(folder_file_count(folder), 2, folder_get, folder, folder_release);
    if (d) tp__ref(&folder->refs);
    else tp__error_rename("dataset_custom", "image_folder_dataset");
    return d;
}

tp_labelled_images tp_image_folder_load(const tp_image_folder *folder) {
    const char *op = "image_folder_load";
    tp_labelled_images result = {NULL, NULL};
    if (!folder) tp__error_null(op, "folder");
    tp_scope *s = folder ? tp_scope_begin() : NULL;
    if (!s) return result;
    int64_t n = folder_file_count(folder);
    tp_shape shape = {.ndim = 4,
                      .dims = {n, folder->shape.dims[0], folder->shape.dims[1], folder->shape.dims[2]}};
    tp_tensor *out[2] = {tp__tensor_new(op, shape, TP_U8), tp__tensor_new(op, TP_SHAPE(n), TP_I64)};
    bool good = out[0] && out[1];
    for (int64_t i = 0; good && i < n; i++) {
        tp_scope *inner = tp_scope_begin();
        tp_tensor *t = inner ? folder_read(op, folder, i) : NULL;
        good = t != NULL;
        if (good) memcpy(tp__data(out[0]) + i * t->numel, tp__data(t), (size_t)t->numel);
        if (good) (tp__data_i64(out[1]))[i] = folder_files(folder)[i].label;
        tp_scope_end(inner);
    }
    if (!good) out[0] = NULL;
    tp__hand_over(s, 2, out);
    return (tp_labelled_images){out[0], out[1]};
}
