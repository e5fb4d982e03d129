#include "taper/augment.h"

#include <math.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "core/philox.h"
#include "core/scope.h"
#include "ops/ops.h"

#define AUGMENT_GRAIN 4096      /* pixels that a thread is worth */
#define AUGMENT_PADDING 1000000 /* more is a mistake */

static const char augment_op[] = "augment";

/* An image's random numbers, each in [0, 1). They are drawn whether they are needed or not, so that an
 * option does not change what another one draws. */
enum {
    DRAW_TOP,
    DRAW_LEFT,
    DRAW_MIRROR,
    DRAW_TURN,
    DRAW_ANGLE,
    DRAW_X,
    DRAW_Y,
    DRAW_CUT,
    DRAW_CUT_TOP,
    DRAW_CUT_LEFT
};
enum { DRAW_BLOCKS = 3, DRAWS = 4 * DRAW_BLOCKS };

typedef struct augment_job {
    const tp_augment_options *options;
    const char *from;
    char *to;
    float *scratch; /* of U8 images: for each worker, one image before and after */
    int64_t channels, height, width, crop_height, crop_width;
    bool u8;
    uint64_t seed, block; /* where the first image's numbers begin */
} augment_job;

/* ---- where the pixels come from ---------------------------------------------------------------------- */

/* A plane of an image as it is after cropping and flipping. */
typedef struct augment_view {
    const float *plane;
    int64_t height, width;           /* of the plane */
    int64_t crop_height, crop_width; /* of the view */
    int64_t top, left;               /* of the view, in the plane; outside it if padded */
    bool mirror, turn;
    float fill;
} augment_view;

static float view_at(const augment_view *v, int64_t y, int64_t x) {
    if (y < 0 || y >= v->crop_height || x < 0 || x >= v->crop_width) return v->fill;
    y = v->top + (v->turn ? v->crop_height - 1 - y : y);
    x = v->left + (v->mirror ? v->crop_width - 1 - x : x);
    return y < 0 || y >= v->height || x < 0 || x >= v->width ? v->fill : v->plane[y * v->width + x];
}

/* Between the four nearest pixels. */
static float view_between(const augment_view *v, double y, double x) {
    double top = floor(y), left = floor(x);
    float down = (float)(y - top), right = (float)(x - left);
    int64_t i = (int64_t)top, j = (int64_t)left;
    float above = view_at(v, i, j) * (1 - right) + view_at(v, i, j + 1) * right;
    float below = view_at(v, i + 1, j) * (1 - right) + view_at(v, i + 1, j + 1) * right;
    return above * (1 - down) + below * down;
}

/* Turns and shifts the view into a plane of its size. */
static void view_copy(const augment_view *v, double angle, int64_t shift_y, int64_t shift_x, float *out) {
    double c = cos(angle), s = sin(angle);
    double middle_y = (double)(v->crop_height - 1) / 2, middle_x = (double)(v->crop_width - 1) / 2;
    for (int64_t y = 0; y < v->crop_height; y++)
        for (int64_t x = 0; x < v->crop_width; x++) {
            double dy = (double)(y - shift_y) - middle_y, dx = (double)(x - shift_x) - middle_x;
            *out++ = angle == 0 ? view_at(v, y - shift_y, x - shift_x)
                                : view_between(v, s * dx + c * dy + middle_y, c * dx - s * dy + middle_x);
        }
}

/* ---- an image ---------------------------------------------------------------------------------------- */

static void augment_draw(const augment_job *job, int64_t image, double *draws) {
    for (int b = 0; b < DRAW_BLOCKS; b++) {
        uint32_t words[4];
        tp__philox(job->seed, job->block + (uint64_t)image * DRAW_BLOCKS + (uint64_t)b, words);
        for (int w = 0; w < 4; w++) draws[4 * b + w] = words[w] * 0x1p-32;
    }
}

/* One of the integers 0 .. count-1. */
static int64_t augment_below(double draw, int64_t count) { return (int64_t)(draw * (double)count); }

/* A whole number of pixels, up to `part` of `size` to either side. */
static int64_t augment_shift(double draw, double part, int64_t size) {
    return (int64_t)rint((2 * draw - 1) * part * (double)size);
}

static void augment_normalize(const augment_job *job, int64_t channel, float *plane) {
    const tp_augment_options *o = job->options;
    float mean = o->mean ? (float)o->mean[channel] : 0, std = o->std ? (float)o->std[channel] : 1;
    for (int64_t k = 0; k < job->crop_height * job->crop_width; k++) plane[k] = (plane[k] - mean) / std;
}

static void augment_cut(const augment_job *job, const double *draws, float *plane) {
    const tp_augment_options *o = job->options;
    int64_t top = augment_below(draws[DRAW_CUT_TOP], job->crop_height - o->cutout + 1);
    int64_t left = augment_below(draws[DRAW_CUT_LEFT], job->crop_width - o->cutout + 1);
    for (int64_t y = top; y < top + o->cutout; y++)
        for (int64_t x = left; x < left + o->cutout; x++)
            plane[y * job->crop_width + x] = (float)o->cutout_value;
}

static void augment_image(const augment_job *job, int64_t image, const float *from, float *to) {
    const tp_augment_options *o = job->options;
    double draws[DRAWS];
    augment_draw(job, image, draws);
    int64_t spare_y = job->height + 2 * o->crop_padding - job->crop_height;
    int64_t spare_x = job->width + 2 * o->crop_padding - job->crop_width;
    augment_view view = {.height = job->height,
                         .width = job->width,
                         .crop_height = job->crop_height,
                         .crop_width = job->crop_width,
                         .top = augment_below(draws[DRAW_TOP], spare_y + 1) - o->crop_padding,
                         .left = augment_below(draws[DRAW_LEFT], spare_x + 1) - o->crop_padding,
                         .mirror = draws[DRAW_MIRROR] < o->horizontal_flip,
                         .turn = draws[DRAW_TURN] < o->vertical_flip,
                         .fill = (float)o->fill};
    double angle = (2 * draws[DRAW_ANGLE] - 1) * o->rotation * (3.14159265358979323846 / 180);
    int64_t shift_y = augment_shift(draws[DRAW_Y], o->shift_y, job->crop_height);
    int64_t shift_x = augment_shift(draws[DRAW_X], o->shift_x, job->crop_width);
    bool cut = o->cutout > 0 && draws[DRAW_CUT] < tp__default(o->cutout_p, 1);
    for (int64_t c = 0; c < job->channels; c++) {
        float *plane = to + c * job->crop_height * job->crop_width;
        view.plane = from + c * job->height * job->width;
        view_copy(&view, angle, shift_y, shift_x, plane);
        if (o->channels) augment_normalize(job, c, plane);
        if (cut) augment_cut(job, draws, plane);
    }
}

static void augment_range(void *context, int64_t begin, int64_t end, int worker) {
    const augment_job *job = context;
    int64_t before = job->channels * job->height * job->width;
    int64_t after = job->channels * job->crop_height * job->crop_width;
    for (int64_t i = begin; i < end; i++) {
        if (!job->u8) {
            augment_image(job, i, (const float *)(const void *)job->from + i * before,
                          (float *)(void *)job->to + i * after);
            continue;
        }
        float *from = job->scratch + worker * (before + after), *to = from + before;
        const uint8_t *pixels = (const uint8_t *)job->from + i * before;
        uint8_t *out = (uint8_t *)job->to + i * after;
        for (int64_t k = 0; k < before; k++) from[k] = pixels[k];
        augment_image(job, i, from, to);
        for (int64_t k = 0; k < after; k++)
            out[k] = (uint8_t)(to[k] >= 255 ? 255 : to[k] > 0 ? rintf(to[k]) : 0);
    }
}

/* ---- a batch ----------------------------------------------------------------------------------------- */

static bool augment_check_number(const char *name, double value, double most) {
    if (value >= 0 && value <= most) return true;
    tp__error(TP_ERR_ARGUMENT, augment_op, "%s is %g, not in [0, %g]", name, value, most);
    return false;
}

static bool augment_check_sizes(const tp_tensor *images, const tp_augment_options *o, augment_job *job) {
    if (images->shape.ndim != 4) {
        tp__error(TP_ERR_SHAPE, augment_op, "images are (N, C, H, W), not %s", tp__shape_text(images->shape));
        return false;
    }
    job->channels = images->shape.dims[1];
    job->height = images->shape.dims[2];
    job->width = images->shape.dims[3];
    job->crop_height = o->crop_height ? o->crop_height : job->height;
    job->crop_width = o->crop_width ? o->crop_width : job->width;
    if (!augment_check_number("crop_padding", (double)o->crop_padding, AUGMENT_PADDING)) return false;
    if (job->crop_height < 0 || job->crop_width < 0 || job->crop_height - job->height > 2 * o->crop_padding ||
        job->crop_width - job->width > 2 * o->crop_padding) {
        tp__error(TP_ERR_ARGUMENT, augment_op, "a crop of %s does not fit images of %s padded by %lld",
                  tp__shape_text(TP_SHAPE(job->crop_height, job->crop_width)),
                  tp__shape_text(TP_SHAPE(job->height, job->width)), (long long)o->crop_padding);
        return false;
    }
    if (o->cutout < 0 || o->cutout > job->crop_height || o->cutout > job->crop_width) {
        tp__error(TP_ERR_ARGUMENT, augment_op, "a cutout of side %lld does not fit images of %s",
                  (long long)o->cutout, tp__shape_text(TP_SHAPE(job->crop_height, job->crop_width)));
        return false;
    }
    return true;
}

static bool augment_check_normalize(const tp_tensor *images, const tp_augment_options *o) {
    if (o->channels == 0) {
        if (!o->mean && !o->std) return true;
        tp__error(TP_ERR_ARGUMENT, augment_op, "mean or std without the number of channels");
        return false;
    }
    if (images->dtype != TP_F32) {
        tp__error(TP_ERR_DTYPE, augment_op, "images that are normalized are float32, not %s",
                  tp__dtype_text(images));
        return false;
    }
    if (o->channels != images->shape.dims[1]) {
        tp__error(TP_ERR_ARGUMENT, augment_op, "mean and std of %d channels, for images of %lld", o->channels,
                  (long long)images->shape.dims[1]);
        return false;
    }
    for (int c = 0; c < o->channels; c++)
        if ((o->mean && !isfinite((float)o->mean[c])) ||
            (o->std && !((float)o->std[c] > 0 && isfinite((float)o->std[c])))) {
            tp__error(TP_ERR_ARGUMENT, augment_op, "channel %d has mean %g and std %g", c,
                      o->mean ? o->mean[c] : 0, o->std ? o->std[c] : 1);
            return false;
        }
    return true;
}

static bool augment_check(const tp_tensor *images, const tp_augment_options *o, augment_job *job) {
    if (images->dtype != TP_F32 && images->dtype != TP_U8) {
        tp__error(TP_ERR_DTYPE, augment_op, "images are float32 or uint8, not %s", tp__dtype_text(images));
        return false;
    }
    if (!isfinite((float)o->fill) || !isfinite((float)o->cutout_value)) {
        tp__error(TP_ERR_ARGUMENT, augment_op, "fill is %g, cutout_value is %g", o->fill, o->cutout_value);
        return false;
    }
    return augment_check_sizes(images, o, job) &&
           augment_check_number("horizontal_flip", o->horizontal_flip, 1) &&
           augment_check_number("vertical_flip", o->vertical_flip, 1) &&
           augment_check_number("rotation", o->rotation, 360) &&
           augment_check_number("shift_x", o->shift_x, 1) && augment_check_number("shift_y", o->shift_y, 1) &&
           augment_check_number("cutout_p", o->cutout_p, 1) && augment_check_normalize(images, o);
}

/* Takes n images' numbers from the generator. */
static void augment_numbers(augment_job *job, tp_generator *generator, int64_t n) {
    if (!generator) generator = tp_default_generator();
    tp_generator_state state = tp_generator_get_state(generator);
    job->seed = state.seed;
    job->block = state.offset;
    state.offset += (uint64_t)n * DRAW_BLOCKS;
    tp_generator_set_state(generator, state);
}

tp_tensor *tp_augment(tp_tensor *images, tp_augment_options options, tp_generator *generator) {
    TP_REQUIRE(images, "augment");
    augment_job job = {.options = &options, .u8 = images->dtype == TP_U8};
    if (!augment_check(images, &options, &job)) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    int64_t n = images->shape.dims[0];
    tp_shape shape = TP_SHAPE(n, job.channels, job.crop_height, job.crop_width);
    images = tp__packed(augment_op, images, (tp_dtype)images->dtype);
    tp_tensor *y = images ? tp__tensor_new(augment_op, shape, (tp_dtype)images->dtype) : NULL;
    if (!y || y->numel == 0) return tp_scope_return(s, y);
    size_t after = (size_t)(y->numel / n), before = (size_t)(images->numel / n);
    size_t scratch = job.u8 ? (size_t)tp__max_workers() * (before + after) * sizeof(float) : 0;
    job.scratch = scratch ? tp__buffer_alloc(scratch) : NULL;
    if (scratch && !job.scratch) {
        tp__error_memory(augment_op, scratch);
        return tp_scope_return(s, NULL);
    }
    job.from = tp__data(images);
    job.to = tp__data(y);
    augment_numbers(&job, generator, n);
    tp__parallel_for(n, AUGMENT_GRAIN / (int64_t)after + 1, augment_range, &job);
    if (scratch) tp__buffer_free(job.scratch, scratch);
    return tp_scope_return(s, y);
}

tp_status tp_augment_batch(void *context, tp_batch *batch, tp_generator *generator) {
    if (!context || !batch || batch->count < 1)
        return tp__deliver(tp__error_null(augment_op, !context ? "context" : "batch"));
    tp_tensor *images = tp_augment(batch->items[0], *(const tp_augment_options *)context, generator);
    if (!images) return tp__deliver(tp_last_error().code);
    batch->items[0] = images;
    return TP_OK;
}
