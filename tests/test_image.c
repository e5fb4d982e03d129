/* PNG files of all kinds, broken ones, and folders of them. */
/* ctest: threads */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "folder.h"

#define assert_message(code, expected) assert_message_at(folder, code, expected)

/* "folder/name", in a static buffer. */
static const char *in_folder(const char *name) {
    static char text[256];
    snprintf(text, sizeof text, "%s/%s", folder, name);
    return text;
}

static tp_tensor *bytes_image(tp_shape shape) {
    tp_tensor *t = tp_empty(shape, TP_U8);
    uint8_t *p = tp_tensor_data_mut(t);
    for (int64_t k = 0; k < tp_tensor_numel(t); k++) p[k] = (uint8_t)(k * k * 37 + k);
    return t;
}

static void test_arguments(void **state) {
    (void)state;
    tp_tensor *x = bytes_image(TP_SHAPE(3, 2, 2));
    assert_null(tp_png_load(NULL, (tp_png_options){0}));
    assert_error(TP_ERR_NULL, "png_load: argument path is NULL");
    assert_null(tp_png_load(path, (tp_png_options){.channels = 5}));
    assert_error(TP_ERR_ARGUMENT, "png_load: channels is 5, not in [0, 4]");
    assert_null(tp_png_load(path, (tp_png_options){.channels = -1}));
    assert_error(TP_ERR_ARGUMENT, "png_load: channels is -1, not in [0, 4]");
    assert_null(tp_png_load(path, (tp_png_options){.max_pixels = -1}));
    assert_error(TP_ERR_ARGUMENT, "png_load: max_pixels is -1");
    assert_int_equal(tp_png_save(NULL, x), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "png_save: argument path is NULL");
    assert_int_equal(tp_png_save(path, NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "png_save: argument image is NULL");
    assert_int_equal(tp_png_save(path, tp_zeros(TP_SHAPE(1, 2, 2), TP_F32)), TP_ERR_DTYPE);
    assert_error(TP_ERR_DTYPE, "png_save: an image is uint8, not float32");
    const tp_shape shapes[] = {TP_SHAPE(2, 2), TP_SHAPE(5, 2, 2), TP_SHAPE(1, 0, 2), TP_SHAPE(1, 2, 0)};
    for (int i = 0; i < 4; i++) assert_int_equal(tp_png_save(path, tp_zeros(shapes[i], TP_U8)), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "png_save: an image is (C, H, W) with 1 to 4 channels, not (1, 2, 0)");
    assert_null(tp_image_folder_open(NULL, (tp_image_folder_options){0}));
    assert_error(TP_ERR_NULL, "image_folder_open: argument dir is NULL");
    assert_null(tp_image_folder_open(folder, (tp_image_folder_options){.height = 3}));
    assert_error(TP_ERR_ARGUMENT, "image_folder_open: height is 3, width is 0");
    assert_null(tp_image_folder_open("/nowhere", (tp_image_folder_options){0}));
    assert_error(TP_ERR_IO, "image_folder_open: /nowhere: No such file or directory");
    assert_null(tp_image_folder_open(folder, (tp_image_folder_options){0}));
    assert_message(TP_ERR_FORMAT, "image_folder_open: @: holds no folders, one for each class");
    assert_int_equal(tp_image_folder_size(NULL), -1);
    assert_error(TP_ERR_NULL, "image_folder_size: argument folder is NULL");
    assert_int_equal(tp_image_folder_classes(NULL), -1);
    assert_error(TP_ERR_NULL, "image_folder_classes: argument folder is NULL");
    assert_null(tp_image_folder_class(NULL, 0));
    assert_error(TP_ERR_NULL, "image_folder_class: argument folder is NULL");
    assert_null(tp_image_folder_path(NULL, 0));
    assert_error(TP_ERR_NULL, "image_folder_path: argument folder is NULL");
    assert_int_equal(tp_image_folder_label(NULL, 0), -1);
    assert_error(TP_ERR_NULL, "image_folder_label: argument folder is NULL");
    assert_null(tp_image_folder_dataset(NULL));
    assert_error(TP_ERR_NULL, "image_folder_dataset: argument folder is NULL");
    tp_labelled_images all = tp_image_folder_load(NULL);
    assert_true(!all.images && !all.labels);
    assert_error(TP_ERR_NULL, "image_folder_load: argument folder is NULL");
    tp_image_folder_free(NULL);
}

#if defined(TP_HAVE_PNG)

static void assert_same(const tp_tensor *got, const tp_tensor *want) {
    assert_tensor(got);
    assert_tensor(want);
    assert_int_equal(tp_tensor_dtype(got), TP_U8);
    assert_true(tp_shape_equal(tp_tensor_shape(got), tp_tensor_shape(want)));
    assert_memory_equal(tp_tensor_data(got), tp_tensor_data(want), (size_t)tp_tensor_numel(want));
}

/* ---- good files -------------------------------------------------------------------------------------- */

static tp_tensor *of_case(const tp_safetensors *file, const char *name, const char *what, int i) {
    char key[160];
    if (i < 0) snprintf(key, sizeof key, "%s/%s", name, what);
    else snprintf(key, sizeof key, "%s/%s%d", name, what, i);
    return tp_safetensors_get(file, key);
}

static void test_kinds(void **state) {
    (void)state;
    tp_safetensors *file = tp_safetensors_open(TP_TEST_DIR "/golden/png.safetensors");
    assert_non_null(file);
    int cases = 0;
    for (int i = 0; i < tp_safetensors_metadata_count(file); i++) {
        const char *name = tp_safetensors_metadata_key(file, i);
        if (*tp_safetensors_metadata(file, name)) continue;
        tp_scope *s = tp_scope_begin();
        tp_tensor *bytes = of_case(file, name, "file", -1);
        assert_tensor(bytes);
        write_file(tp_tensor_data(bytes), (size_t)tp_tensor_numel(bytes));
        for (int channels = 0; channels <= 4; channels++)
            assert_same(tp_png_load(path, (tp_png_options){.channels = channels}),
                        of_case(file, name, "channels", channels));
        tp_scope_end(s);
        cases++;
    }
    tp_safetensors_close(file);
    assert_int_equal(cases, 53);
}

static void test_save(void **state) {
    (void)state;
    for (int channels = 1; channels <= 4; channels++) {
        tp_tensor *x = bytes_image(TP_SHAPE(channels, 5, 3)), *across = tp_transpose(x, 1, 2);
        assert_ok(tp_png_save(path, x));
        assert_same(tp_png_load(path, (tp_png_options){.channels = channels}), x);
        assert_ok(tp_png_save(path, across));
        assert_same(tp_png_load(path, (tp_png_options){.channels = channels}), tp_contiguous(across));
    }
    assert_int_equal(tp_png_save(folder, bytes_image(TP_SHAPE(1, 1, 1))), TP_ERR_IO);
    assert_message(TP_ERR_IO, "png_save: @: is a directory, not a file");
    assert_int_equal(tp_png_save("/nowhere/a.png", bytes_image(TP_SHAPE(1, 1, 1))), TP_ERR_IO);
    assert_error(TP_ERR_IO, "png_save: /nowhere/a.png: No such file or directory");
}

/* ---- broken files ------------------------------------------------------------------------------------ */

static uint32_t crc_of(const unsigned char *p, size_t size) {
    uint32_t crc = 0xFFFFFFFF;
    while (size-- > 0) {
        crc ^= *p++;
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    return ~crc;
}

static void put_u32(unsigned char *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> (24 - 8 * i));
}

enum { WIDTH_AT = 16, HEIGHT_AT = 20, DEPTH_AT = 24, HEADER_CRC_AT = 29 };

/* A file of 3 x 5 x 4 pixels, to be freed. */
static unsigned char *good_file(size_t *size) {
    assert_ok(tp_png_save(path, bytes_image(TP_SHAPE(3, 5, 4))));
    unsigned char *bytes = malloc(4096);
    FILE *f = fopen(path, "rb");
    *size = fread(bytes, 1, 4096, f);
    fclose(f);
    assert_in_range(*size, 60, 4000);
    return bytes;
}

/* Writes the file with other bytes in its header, whose checksum is right. */
static void write_header(const unsigned char *good, size_t size, uint32_t width, uint32_t height, int depth) {
    unsigned char bytes[4096];
    memcpy(bytes, good, size);
    put_u32(bytes + WIDTH_AT, width);
    put_u32(bytes + HEIGHT_AT, height);
    bytes[DEPTH_AT] = (unsigned char)depth;
    put_u32(bytes + HEADER_CRC_AT, crc_of(bytes + 12, 17));
    write_file(bytes, size);
}

static void assert_bad(tp_status code, const char *message) {
    tp_memory_info before = tp_memory_stats();
    assert_null(tp_png_load(path, (tp_png_options){0}));
    assert_message(code, message);
    assert_int_equal(tp_memory_stats().live_tensors, before.live_tensors);
    assert_int_equal(tp_memory_stats().in_use, before.in_use);
}

static void test_bad_headers(void **state) {
    (void)state;
    size_t size;
    unsigned char *good = good_file(&size);
    write_header(good, size, 4, 5, 8);
    assert_tensor(tp_png_load(path, (tp_png_options){.max_pixels = 20}));
    assert_null(tp_png_load(path, (tp_png_options){.max_pixels = 19}));
    assert_message(TP_ERR_UNSUPPORTED, "png_load: @/file: has 4 x 5 pixels, over the limit of 19");
    write_header(good, size, 2147483647, 2147483647, 8);
    assert_bad(TP_ERR_UNSUPPORTED,
               "png_load: @/file: has 2147483647 x 2147483647 pixels, over the limit of 268435456");
    char message[128];
    snprintf(message, sizeof message,
             "png_load: @/file: truncated: 16384 x 16384 pixels cannot be in %d bytes", (int)size);
    write_header(good, size, 16384, 16384, 8);
    assert_bad(TP_ERR_FORMAT, message);
    static const uint32_t sizes[][2] = {{0, 5}, {4, 0}, {0x80000000, 1}, {1, 0xFFFFFFFF}, {5, 5}, {4, 6}};
    for (int i = 0; i < 6; i++) {
        write_header(good, size, sizes[i][0], sizes[i][1], 8);
        assert_null(tp_png_load(path, (tp_png_options){0}));
        assert_int_equal(tp_last_error().code, TP_ERR_FORMAT);
    }
    write_header(good, size, 4, 5, 7);
    assert_bad(TP_ERR_FORMAT, "png_load: @/file: bad PNG: Invalid IHDR data");
    free(good);
    unlink(path);
    assert_bad(TP_ERR_IO, "png_load: @/file: No such file or directory");
    write_file("", 0);
    assert_bad(TP_ERR_FORMAT, "png_load: @/file: is no PNG file");
    write_file("\xff\xd8\xff\xe0 and JPEG", 13);
    assert_bad(TP_ERR_FORMAT, "png_load: @/file: is no PNG file");
}

/* Cut off anywhere, and any bit wrong: every chunk has its checksum. */
static void test_bad_bytes(void **state) {
    (void)state;
    size_t size;
    unsigned char *good = good_file(&size), *changed = malloc(size + 1);
    for (size_t n = 0; n < size; n++) {
        write_file(good, n);
        assert_bad(TP_ERR_FORMAT,
                   n < 8 ? "png_load: @/file: is no PNG file" : "png_load: @/file: bad PNG: truncated");
    }
    for (size_t bit = 0; bit < 8 * size; bit += 1 + bit % 3) {
        memcpy(changed, good, size);
        changed[bit / 8] ^= (unsigned char)(1 << bit % 8);
        write_file(changed, size);
        assert_null(tp_png_load(path, (tp_png_options){0}));
        tp_status code = tp_last_error().code;
        assert_true(code == TP_ERR_FORMAT || code == TP_ERR_UNSUPPORTED);
    }
    memcpy(changed, good, size);
    changed[size] = 'x';
    write_file(changed, size + 1);
    assert_bad(TP_ERR_FORMAT, "png_load: @/file: oversized: 1 bytes follow the image");
    changed[HEADER_CRC_AT] ^= 1;
    write_file(changed, size);
    assert_bad(TP_ERR_FORMAT, "png_load: @/file: bad PNG: IHDR: CRC error");
    free(good);
    free(changed);
}

/* Puts the right checksum behind every chunk that is whole. */
static void mend(unsigned char *bytes, size_t size) {
    for (size_t at = 8; at + 12 <= size;) {
        size_t length = (size_t)bytes[at] << 24 | (size_t)bytes[at + 1] << 16 | (size_t)bytes[at + 2] << 8 |
                        bytes[at + 3];
        if (length > size - at - 12) return;
        put_u32(bytes + at + 8 + length, crc_of(bytes + at + 4, length + 4));
        at += length + 12;
    }
}

/* Changed at random, the checksums set right, so that what lies behind them is reached: read or refused. */
static void test_fuzz(void **state) {
    (void)state;
    tp_safetensors *file = tp_safetensors_open(TP_TEST_DIR "/golden/png.safetensors");
    tp_generator *g = tp_generator_new(20261123);
    int read = 0, rounds = 0;
    for (int i = 0; i < tp_safetensors_metadata_count(file); i++) {
        const char *name = tp_safetensors_metadata_key(file, i);
        if (*tp_safetensors_metadata(file, name)) continue;
        tp_tensor *bytes = of_case(file, name, "file", -1);
        size_t size = (size_t)tp_tensor_numel(bytes);
        unsigned char changed[4096];
        assert_true(size <= sizeof changed);
        for (int round = 0; round < 60; round++, rounds++) {
            memcpy(changed, tp_tensor_data(bytes), size);
            for (int64_t k = tp_generator_below(g, 3); k >= 0; k--)
                changed[8 + tp_generator_below(g, (int64_t)size - 8)] =
                    (unsigned char)tp_generator_below(g, 256);
            mend(changed, size);
            write_file(changed, size);
            tp_scope *s = tp_scope_begin();
            tp_png_options options = {.channels = (int)tp_generator_below(g, 5), .max_pixels = 1 << 20};
            if (tp_png_load(path, options)) read++;
            else {
                tp_status code = tp_last_error().code;
                assert_true(code == TP_ERR_FORMAT || code == TP_ERR_UNSUPPORTED);
            }
            tp_scope_end(s);
        }
    }
    tp_safetensors_close(file);
    tp_generator_free(g);
    assert_in_range(read, 10, rounds / 2);
}

/* ---- folders ----------------------------------------------------------------------------------------- */

static void put_image(const char *name, tp_tensor *image) { assert_ok(tp_png_save(in_folder(name), image)); }

/* Two classes of two and one images, and what must be passed over. */
static tp_tensor *make_classes(void) {
    tp_tensor *x = bytes_image(TP_SHAPE(3, 3, 4, 5));
    assert_int_equal(mkdir(in_folder("dogs"), 0700), 0);
    assert_int_equal(mkdir(in_folder("Cats"), 0700), 0);
    assert_int_equal(mkdir(in_folder(".hidden"), 0700), 0);
    assert_int_equal(mkdir(in_folder("dogs/deeper.png"), 0700), 0);
    put_image("Cats/b.PNG", tp_select(x, 0, 1));
    put_image("Cats/a.png", tp_select(x, 0, 0));
    put_image("dogs/1.png", tp_select(x, 0, 2));
    put_image("dogs/.png", tp_select(x, 0, 2));
    put_image("loose.png", tp_select(x, 0, 2));
    put_image("dogs/notes.txt", tp_select(x, 0, 2));
    return x;
}

static void remove_classes(void) {
    static const char *const files[] = {"Cats/b.PNG", "Cats/a.png", "dogs/1.png",
                                        "dogs/.png",  "loose.png",  "dogs/notes.txt"};
    static const char *const folders[] = {"dogs/deeper.png", "dogs", "Cats", ".hidden"};
    for (int i = 0; i < 6; i++) unlink(in_folder(files[i]));
    for (int i = 0; i < 4; i++) assert_int_equal(rmdir(in_folder(folders[i])), 0);
}

static void test_folder(void **state) {
    (void)state;
    tp_tensor *x = make_classes();
    tp_image_folder *f = tp_image_folder_open(folder, (tp_image_folder_options){0});
    if (!f) fail_msg("%s", tp_last_error().message);
    assert_int_equal(tp_image_folder_size(f), 3);
    assert_int_equal(tp_image_folder_classes(f), 2);
    assert_string_equal(tp_image_folder_class(f, 0), "Cats");
    assert_string_equal(tp_image_folder_class(f, 1), "dogs");
    assert_string_equal(tp_image_folder_path(f, 1), in_folder("Cats/b.PNG"));
    assert_int_equal(tp_image_folder_label(f, 2), 1);
    assert_null(tp_image_folder_class(f, 2));
    assert_error(TP_ERR_INDEX, "image_folder_class: index 2 is out of range for 2 classes");
    assert_null(tp_image_folder_path(f, -1));
    assert_error(TP_ERR_INDEX, "image_folder_path: index -1 is out of range for 3 images");
    assert_int_equal(tp_image_folder_label(f, 3), -1);
    assert_error(TP_ERR_INDEX, "image_folder_label: index 3 is out of range for 3 images");
    tp_labelled_images all = tp_image_folder_load(f);
    assert_same(all.images, x);
    assert_values(all.labels, 0, 0, 1);

    tp_dataset *d = tp_image_folder_dataset(f);
    tp_image_folder_free(f); /* the dataset holds it */
    for (int workers = 0; workers < 3; workers += 2) {
        tp_loader *l = tp_loader_new(d, 2, (tp_loader_options){.workers = workers});
        tp_batch batch;
        assert_true(tp_loader_next(l, &batch));
        assert_same(batch.items[0], tp_contiguous(tp_narrow(x, 0, 0, 2)));
        assert_true(tp_loader_next(l, &batch));
        assert_same(batch.items[0], tp_contiguous(tp_narrow(x, 0, 2, 1)));
        assert_values(batch.items[1], 1);
        assert_false(tp_loader_next(l, &batch));
        assert_int_equal(tp_loader_status(l), TP_OK);
        tp_loader_free(l);
    }

    put_image("dogs/1.png", bytes_image(TP_SHAPE(3, 5, 4))); /* another size */
    tp_tensor *items[2];
    assert_int_equal(tp_dataset_get(d, 2, items), TP_ERR_FORMAT);
    assert_message(TP_ERR_FORMAT,
                   "image_folder_dataset: @/dogs/1.png: is (3, 5, 4), where the first image is (3, 4, 5)");
    tp_dataset_free(d);
    remove_classes();
}

static void test_folder_sizes(void **state) {
    (void)state;
    tp_tensor *x = make_classes();
    put_image("dogs/1.png", bytes_image(TP_SHAPE(1, 8, 10)));
    tp_image_folder *f =
        tp_image_folder_open(folder, (tp_image_folder_options){.channels = 1, .height = 4, .width = 5});
    tp_labelled_images all = tp_image_folder_load(f);
    assert_tensor(all.images);
    tp_image_folder_free(f);
    tp_tensor *large = tp_unsqueeze(tp_to_dtype(bytes_image(TP_SHAPE(1, 8, 10)), TP_F32), 0);
    tp_tensor *small = tp_interpolate(large, (tp_interpolate_options){.mode = TP_INTERPOLATE_LINEAR,
                                                                      .size = TP_SHAPE(4, 5)});
    assert_same(tp_contiguous(tp_narrow(all.images, 0, 2, 1)), tp_to_dtype(tp_round(small), TP_U8));

    f = tp_image_folder_open(folder, (tp_image_folder_options){.channels = 3});
    all = tp_image_folder_load(f);
    assert_true(!all.images && !all.labels);
    assert_message(TP_ERR_FORMAT,
                   "image_folder_load: @/dogs/1.png: is (3, 8, 10), where the first image is (3, 4, 5)");
    unlink(in_folder("dogs/1.png"));
    assert_null(tp_image_folder_load(f).images);
    assert_message(TP_ERR_IO, "image_folder_load: @/dogs/1.png: No such file or directory");
    tp_image_folder_free(f);
    assert_null(tp_image_folder_open(folder, (tp_image_folder_options){0}));
    assert_message(TP_ERR_FORMAT, "image_folder_open: @/dogs: holds no PNG files");
    put_image("dogs/1.png", tp_select(x, 0, 2));
    assert_null(tp_image_folder_open(folder, (tp_image_folder_options){.max_pixels = 3}));
    assert_message(TP_ERR_UNSUPPORTED,
                   "image_folder_open: @/Cats/a.png: has 5 x 4 pixels, over the limit of 3");
    remove_classes();
}

/* ---- memory ------------------------------------------------------------------------------------------ */

static tp_status all_of_it(void *image) {
    bool ok = tp_png_save(path, image) == TP_OK && tp_png_load(path, (tp_png_options){0});
    tp_image_folder *f =
        ok ? tp_image_folder_open(folder, (tp_image_folder_options){.height = 2, .width = 2}) : NULL;
    ok = f && tp_image_folder_load(f).images;
    tp_dataset *d = ok ? tp_image_folder_dataset(f) : NULL;
    tp_tensor *items[2];
    ok = d && tp_dataset_get(d, 0, items) == TP_OK;
    tp_image_folder_free(f);
    tp_dataset_free(d);
    return ok ? TP_OK : tp_last_error().code;
}

static void test_no_memory(void **state) {
    (void)state;
    tp_tensor *x = make_classes(), *image = tp_transpose(tp_select(x, 0, 0), 1, 2);
    assert_survives_no_memory(all_of_it, image, 100);
    remove_classes();
}

#else

static void test_no_libpng(void **state) {
    (void)state;
    assert_null(tp_png_load(path, (tp_png_options){0}));
    assert_message(TP_ERR_UNSUPPORTED, "png_load: @/file: this library was built without libpng");
    assert_int_equal(tp_png_save(path, bytes_image(TP_SHAPE(1, 2, 2))), TP_ERR_UNSUPPORTED);
    assert_message(TP_ERR_UNSUPPORTED, "png_save: @/file: this library was built without libpng");
    assert_int_equal(mkdir(in_folder("class"), 0700), 0);
    FILE *f = fopen(in_folder("class/1.png"), "wb");
    assert_non_null(f);
    fclose(f);
    assert_null(tp_image_folder_open(folder, (tp_image_folder_options){0}));
    assert_message(TP_ERR_UNSUPPORTED,
                   "image_folder_open: @/class/1.png: this library was built without libpng");
    unlink(in_folder("class/1.png"));
    assert_int_equal(rmdir(in_folder("class")), 0);
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_arguments),
#if defined(TP_HAVE_PNG)
        CHECK_TEST(test_kinds),
        CHECK_TEST(test_save),
        CHECK_TEST(test_bad_headers),
        CHECK_TEST(test_bad_bytes),
        CHECK_TEST(test_fuzz),
        CHECK_TEST(test_folder),
        CHECK_TEST(test_folder_sizes),
        CHECK_TEST(test_no_memory),
#else
        CHECK_TEST(test_no_libpng),
#endif
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
