/* PNG through libpng. Whatever libpng calls an error comes back by longjmp() to png_try(), so what has to
 * be freed lies in the job, and no local variable is changed between the two. */
#include "taper/image.h"

#include <string.h>

#include "core/alloc.h"
#include "core/scope.h"
#include "core/tensor.h"
#include "io/io.h"
#include "ops/ops.h"

#define PNG_PIXELS ((int64_t)1 << 28) /* by default at most */
#define PNG_CHANNELS 4

static bool png_check_options(const char *op, tp_png_options options) {
    if (options.channels < 0 || options.channels > PNG_CHANNELS)
        tp__error(TP_ERR_ARGUMENT, op, "channels is %d, not in [0, %d]", options.channels, PNG_CHANNELS);
    else if (options.max_pixels < 0)
        tp__error(TP_ERR_ARGUMENT, op, "max_pixels is %lld", (long long)options.max_pixels);
    else return true;
    return false;
}

static bool png_check_image(const char *op, const tp_tensor *image) {
    const int64_t *d = image->shape.dims;
    if (image->dtype != TP_U8) {
        tp__error(TP_ERR_DTYPE, op, "an image is uint8, not %s", tp__dtype_text(image));
        return false;
    }
    if (image->shape.ndim == 3 && d[0] >= 1 && d[0] <= PNG_CHANNELS && d[1] >= 1 && d[1] <= INT32_MAX &&
        d[2] >= 1 && d[2] <= INT32_MAX)
        return true;
    tp__error(TP_ERR_SHAPE, op, "an image is (C, H, W) with 1 to 4 channels, not %s",
              tp__shape_text(image->shape));
    return false;
}

#if defined(TP_HAVE_PNG)

#include <png.h>
#include <setjmp.h>

typedef struct png_job {
    const char *op, *path;
    png_structp png;
    png_infop info;
    char message[128];
    bool no_memory;
    const unsigned char *bytes; /* of the file that is read */
    size_t size, at;
    tp__writer *writer; /* of the file that is written */
    png_uint_32 width, height;
    int depth, type; /* of the file */
    int channels;    /* of `pixels`: 1 or 3, and one more if `alpha` */
    bool alpha;
    int passes;
    size_t row;
    png_bytep pixels; /* interleaved */
} png_job;

/* ---- what libpng calls ------------------------------------------------------------------------------- */

static void png_on_error(png_structp png, png_const_charp message) {
    png_job *job = png_get_error_ptr(png);
    snprintf(job->message, sizeof job->message, "%s", message);
    png_longjmp(png, 1);
}

static void png_on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static png_voidp png_give(png_structp png, png_alloc_size_t size) {
    void *p = tp__alloc(size);
    if (!p) ((png_job *)png_get_mem_ptr(png))->no_memory = true;
    return p;
}

static void png_take(png_structp png, png_voidp p) {
    (void)png;
    tp__free(p);
}

static void png_on_read(png_structp png, png_bytep out, size_t count) {
    png_job *job = png_get_io_ptr(png);
    if (count > job->size - job->at) png_error(png, "truncated");
    memcpy(out, job->bytes + job->at, count);
    job->at += count;
}

static void png_on_write(png_structp png, png_bytep data, size_t count) {
    png_job *job = png_get_io_ptr(png);
    tp__writer_bytes(job->writer, data, count);
    if (job->writer->failed) png_error(png, "cannot be written");
}

static void png_on_flush(png_structp png) { (void)png; }

/* ---- calling libpng ---------------------------------------------------------------------------------- */

/* Runs a step. False with a record if libpng, or what it calls, has found an error in it. */
static bool png_try(png_job *job, void (*step)(png_job *job)) {
    if (setjmp(png_jmpbuf(job->png)) == 0) {
        step(job);
        return true;
    }
    if (job->no_memory) tp__error_memory(job->op, job->size);
    else if (!job->writer || !job->writer->failed)
        tp__error(TP_ERR_FORMAT, job->op, "%s: bad PNG: %s", job->path, job->message);
    return false;
}

static void png_read_header(png_job *job) {
    png_structp png = job->png;
    png_set_read_fn(png, job, png_on_read);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL,
                                -1); /* all that has no part in the pixels */
    png_set_benign_errors(png, 0);   /* are errors */
    png_read_info(png, job->info);
    png_get_IHDR(png, job->info, &job->width, &job->height, &job->depth, &job->type, NULL, NULL, NULL);
}

/* Chooses what becomes of the pixels. It is here that libpng asks for memory by the width. */
static void png_read_prepare(png_job *job) {
    png_structp png = job->png;
    job->channels = job->type & PNG_COLOR_MASK_COLOR ? 3 : 1;
    if (job->type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    else if (job->depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (job->depth == 16) png_set_scale_16(png);
    if (!job->alpha) {
        png_set_strip_alpha(png);
    } else {
        job->channels++;
        if (png_get_valid(png, job->info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(png);
        else if (!(job->type & PNG_COLOR_MASK_ALPHA)) png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
    }
    job->passes = png_set_interlace_handling(png);
    png_read_update_info(png, job->info);
    job->row = png_get_rowbytes(png, job->info);
    if (job->row != (size_t)job->width * (size_t)job->channels) png_error(png, "rows of an odd size");
}

static void png_read_pixels(png_job *job) {
    for (int pass = 0; pass < job->passes; pass++)
        for (png_uint_32 y = 0; y < job->height; y++)
            png_read_row(job->png, job->pixels + y * job->row, NULL);
    png_read_end(job->png, NULL);
}

static void png_write_pixels(png_job *job) {
    static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    png_set_write_fn(job->png, job, png_on_write, png_on_flush);
    png_set_user_limits(job->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(job->png, job->info, job->width, job->height, 8, types[job->channels], PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(job->png, job->info);
    for (png_uint_32 y = 0; y < job->height; y++) png_write_row(job->png, job->pixels + y * job->row);
    png_write_end(job->png, NULL);
}

/* ---- reading ----------------------------------------------------------------------------------------- */

/* Can the file hold the pixels that its header claims? */
static bool png_check_header(const png_job *job, tp_png_options options) {
    int64_t most = options.max_pixels ? options.max_pixels : PNG_PIXELS;
    double bits = job->depth * png_get_channels(job->png, job->info);
    if ((int64_t)job->width * job->height > most) {
        tp__error(TP_ERR_UNSUPPORTED, job->op, "%s: has %lld x %lld pixels, over the limit of %lld",
                  job->path, (long long)job->width, (long long)job->height, (long long)most);
        return false;
    }
    /* No data is compressed to less than 1 in 1032 by deflate. */
    if ((double)job->width * job->height * bits / 8 <= 1032.0 * (double)job->size) return true;
    tp__error(TP_ERR_FORMAT, job->op, "%s: truncated: %lld x %lld pixels cannot be in %lld bytes", job->path,
              (long long)job->width, (long long)job->height, (long long)job->size);
    return false;
}

/* Writes channel `c` of `wanted` as a plane. */
static void png_copy_plane(const png_job *job, int c, int wanted, uint8_t *out) {
    bool colour = job->channels >= 3, alpha = job->alpha && c == wanted - 1;
    const uint8_t *p = job->pixels;
    int step = job->channels, from = alpha ? step - 1 : colour ? c : 0;
    size_t pixels = (size_t)job->width * job->height;
    if (colour && !alpha && wanted < 3)
        for (size_t k = 0; k < pixels; k++, p += step)
            out[k] = (uint8_t)((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 0x8000u) >> 16);
    else
        for (size_t k = 0; k < pixels; k++, p += step) out[k] = p[from];
}

static tp_tensor *png_read(png_job *job, tp_png_options options) {
    if (job->size < 8 || png_sig_cmp(job->bytes, 0, 8) != 0)
        TP_FAIL(TP_ERR_FORMAT, job->op, "%s: is no PNG file", job->path);
    job->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, job, png_on_error, png_on_warning, job,
                                        png_give, png_take);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (!job->info) {
        tp__error_memory(job->op, job->size);
        return NULL;
    }
    if (!png_try(job, png_read_header) || !png_check_header(job, options) || !png_try(job, png_read_prepare))
        return NULL;
    int wanted = options.channels ? options.channels : job->channels;
    tp_tensor *t = tp__tensor_new(job->op, TP_SHAPE(wanted, job->height, job->width), TP_U8);
    size_t bytes = job->row * job->height;
    job->pixels = t ? tp__buffer_alloc(bytes) : NULL;
    if (t && !job->pixels) tp__error_memory(job->op, bytes);
    if (!job->pixels) return NULL;
    bool good = png_try(job, png_read_pixels);
    for (int c = 0; good && c < wanted; c++)
        png_copy_plane(job, c, wanted, (uint8_t *)tp__data(t) + (size_t)c * job->width * job->height);
    tp__buffer_free(job->pixels, bytes);
    if (good && job->at < job->size) {
        tp__error(TP_ERR_FORMAT, job->op, "%s: oversized: %lld bytes follow the image", job->path,
                  (long long)(job->size - job->at));
        good = false;
    }
    return good ? t : NULL;
}

tp_tensor *tp_png_load(const char *path, tp_png_options options) {
    const char *op = "png_load";
    TP_REQUIRE(path, "png_load");
    if (!png_check_options(op, options)) return NULL;
    tp__file file;
    if (!tp__file_open(&file, op, path)) return NULL;
    png_job job = {.op = op,
                   .path = path,
                   .size = (size_t)file.size,
                   .alpha = options.channels % 2 == 0 && options.channels > 0};
    unsigned char *bytes = tp__alloc(job.size + 1);
    if (!bytes) tp__error_memory(op, job.size);
    job.bytes = bytes;
    tp_scope *s = bytes ? tp_scope_begin() : NULL;
    tp_tensor *t = s && tp__file_read(&file, 0, bytes, job.size) ? png_read(&job, options) : NULL;
    png_destroy_read_struct(&job.png, &job.info, NULL);
    tp__free(bytes);
    tp__file_close(&file);
    return s ? tp_scope_return(s, t) : NULL;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

/* Of a packed image. False after a failure, of which the record tells. */
static bool png_write(png_job *job, const tp_tensor *image) {
    const int64_t *d = image->shape.dims;
    job->channels = (int)d[0];
    job->height = (png_uint_32)d[1];
    job->width = (png_uint_32)d[2];
    job->row = (size_t)d[2] * (size_t)d[0];
    job->size = (size_t)image->numel;
    job->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, job, png_on_error, png_on_warning, job,
                                         png_give, png_take);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    job->pixels = job->info ? tp__buffer_alloc(job->size) : NULL;
    if (!job->pixels) {
        tp__error_memory(job->op, job->size);
        return false;
    }
    const uint8_t *from = (const uint8_t *)tp__data(image);
    size_t pixels = (size_t)d[1] * (size_t)d[2];
    for (size_t k = 0; k < pixels; k++)
        for (size_t c = 0; c < (size_t)d[0]; c++) job->pixels[k * (size_t)d[0] + c] = from[c * pixels + k];
    bool good = png_try(job, png_write_pixels);
    tp__buffer_free(job->pixels, job->size);
    return good;
}

tp_status tp_png_save(const char *path, tp_tensor *image) {
    const char *op = "png_save";
    if (!path || !image) return tp__deliver(tp__error_null(op, path ? "image" : "path"));
    if (!png_check_image(op, image)) return tp__deliver(tp_last_error().code);
    tp__writer writer;
    png_job job = {.op = op, .path = path, .writer = &writer};
    tp_scope *s = tp_scope_begin();
    tp_tensor *packed = s ? tp__packed(op, image, TP_U8) : NULL;
    bool opened = packed && tp__writer_open(&writer, op, path), good = opened && png_write(&job, packed);
    tp_status status = TP_OK;
    if (good) status = tp__writer_close(&writer);
    else status = tp_last_error().code;
    if (opened && !good) tp__writer_abandon(&writer);
    png_destroy_write_struct(&job.png, &job.info);
    tp_scope_end(s);
    return tp__deliver(status);
}

#else

static tp_status png_missing(const char *op, const char *path) {
    return tp__error(TP_ERR_UNSUPPORTED, op, "%s: this library was built without libpng", path);
}

tp_tensor *tp_png_load(const char *path, tp_png_options options) {
    TP_REQUIRE(path, "png_load");
    if (png_check_options("png_load", options)) png_missing("png_load", path);
    return NULL;
}

tp_status tp_png_save(const char *path, tp_tensor *image) {
    const char *op = "png_save";
    if (!path || !image) return tp__deliver(tp__error_null(op, path ? "image" : "path"));
    if (!png_check_image(op, image)) return tp__deliver(tp_last_error().code);
    return tp__deliver(png_missing(op, path));
}

#endif
