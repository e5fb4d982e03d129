/* Samples of vision.h. */
#include "support/sample.h"

/* ---- shuffles ------------------------------------------------------------------------------------------------- */

SAMPLE_RUN(run_pixel_shuffle, tp_pixel_shuffle(in[0], row->i[0]))
SAMPLE_RUN(run_pixel_unshuffle, tp_pixel_unshuffle(in[0], row->i[0]))
SAMPLE_RUN(run_channel_shuffle, tp_channel_shuffle(in[0], row->i[0]))

/* Walks over the image of fewer channels; `merge` writes to it, else reads. */
static void ref_pixels(const sample *row, const dense *in, dense *out, bool merge) {
    int n = in[0].shape.ndim;
    int64_t r = row->i[0];
    tp_shape fine = in[0].shape, shape;
    int64_t *last = fine.dims + n - 3;
    if (merge) last[0] /= r * r, last[1] *= r, last[2] *= r;
    shape = fine;
    if (!merge) shape.dims[n - 3] *= r * r, shape.dims[n - 2] /= r, shape.dims[n - 1] /= r;
    double *y = dense_new(out, shape);
    int64_t c = last[0], h = last[1], w = last[2];
    for (int64_t i = 0; i < in[0].numel; i++) {
        int64_t v = i % w, u = i / w % h, k = i / w / h % c, b = i / w / h / c;
        int64_t coarse = (((b * c + k) * r * r + u % r * r + v % r) * (h / r) + u / r) * (w / r) + v / r;
        if (merge) y[i] = in[0].data[coarse];
        else y[coarse] = in[0].data[i];
    }
}
static void ref_pixel_shuffle(const sample *row, const dense *in, dense *out) {
    ref_pixels(row, in, out, true);
}
static void ref_pixel_unshuffle(const sample *row, const dense *in, dense *out) {
    ref_pixels(row, in, out, false);
}

static void ref_channel_shuffle(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, in[0].shape);
    int64_t groups = row->i[0], c = in[0].shape.dims[1], rest = 1;
    for (int d = 2; d < in[0].shape.ndim; d++) rest *= in[0].shape.dims[d];
    for (int64_t i = 0; i < in[0].numel; i++) {
        int64_t k = i / rest % c, n = i / rest / c, g = k / (c / groups), j = k % (c / groups);
        y[(n * c + j * groups + g) * rest + i % rest] = in[0].data[i];
    }
}

/* ---- interpolation ----------------------------------------------------------------------------------------------- */

#define INTERPOLATION ((const tp_interpolate_options *)row->arg)
SAMPLE_RUN(run_interpolate, tp_interpolate(in[0], *INTERPOLATION))

static double keys(double x) {
    x = fabs(x);
    if (x <= 1) return 1.25 * x * x * x - 2.25 * x * x + 1;
    return x < 2 ? -0.75 * x * x * x + 3.75 * x * x - 6 * x + 3 : 0;
}

/* How much of element k is in element i of the result. */
static double share(const tp_interpolate_options *o, double scale, int64_t in, int64_t out, int64_t i,
                    int64_t k) {
    double step = scale > 0 ? 1 / scale : (double)in / (double)out;
    double at = o->align_corners ? out > 1 ? (double)(i * (in - 1)) / (double)(out - 1) : 0
                                 : ((double)i + 0.5) * step - 0.5;
    double sum = 0;
    switch (o->mode) {
    case TP_INTERPOLATE_NEAREST: return floor((double)i * step + 1e-9) == (double)k;
    case TP_INTERPOLATE_NEAREST_EXACT: return floor(((double)i + 0.5) * step + 1e-9) == (double)k;
    case TP_INTERPOLATE_AREA: {
        int64_t first = i * in / out, end = ((i + 1) * in + out - 1) / out;
        return k >= first && k < end ? 1 / (double)(end - first) : 0;
    }
    case TP_INTERPOLATE_LINEAR:
        at = fmin(fmax(at, 0), (double)(in - 1));
        return fmax(0, 1 - fabs(at - (double)k));
    case TP_INTERPOLATE_CUBIC: /* what lies outside is the border's value */
        for (int64_t j = k > 0 ? k : -3; j <= (k < in - 1 ? k : in + 2); j++) sum += keys(at - (double)j);
        return sum;
    }
    return 0;
}

static void ref_interpolate(const sample *row, const dense *in, dense *out) {
    const tp_interpolate_options *o = INTERPOLATION;
    tp_shape from = in[0].shape, to = from;
    int nd = from.ndim - 2;
    double scale[3] = {0};
    for (int d = 0; d < nd; d++) {
        scale[d] = o->scale[d] > 0 ? o->scale[d] : o->scale[0];
        to.dims[2 + d] = o->size.ndim ? o->size.dims[d] : (int64_t)floor((double)from.dims[2 + d] * scale[d]);
        if (o->size.ndim) scale[d] = 0;
    }
    double *y = dense_new(out, to);
    int64_t plane = 1;
    for (int d = 0; d < nd; d++) plane *= from.dims[2 + d];
    for (int64_t i = 0; i < out->numel; i++) {
        int64_t at[TP_MAX_DIMS], k[TP_MAX_DIMS];
        dense_index(to, i, at);
        int64_t first = (at[0] * from.dims[1] + at[1]) * plane;
        for (int64_t p = 0; p < plane; p++) {
            double part = in[0].data[first + p];
            dense_index(from, first + p, k);
            for (int d = 2; d < nd + 2; d++)
                part *= share(o, scale[d - 2], from.dims[d], to.dims[d], at[d], k[d]);
            y[i] += part;
        }
    }
}

/* ---- grids ------------------------------------------------------------------------------------------------------- */

#define GRID ((const tp_grid_sample_options *)row->arg)
SAMPLE_RUN(run_grid_sample, tp_grid_sample(in[0], in[1], *GRID))

/* The place in a dim, outside kept or folded back: a triangle wave between the mirrors. */
static double grid_at(const tp_grid_sample_options *o, double g, int64_t size) {
    double last = (double)(size - 1);
    double at = o->align_corners ? (g + 1) / 2 * last : ((g + 1) * (double)size - 1) / 2;
    if (isnan(g)) at = o->align_corners ? 0 : -0.5;
    if (o->padding == TP_GRID_REFLECTION) {
        double low = o->align_corners ? 0 : -0.5, span = o->align_corners ? last : (double)size;
        double phase = span > 0 ? (at - low) / span : 0;
        phase -= 2 * floor(phase / 2);
        at = low + span * (phase <= 1 ? phase : 2 - phase);
    }
    return o->padding == TP_GRID_ZEROS ? at : fmin(fmax(at, 0), last);
}

static void ref_grid_sample(const sample *row, const dense *in, dense *out) {
    tp_shape from = in[0].shape, to = from;
    int nd = from.ndim - 2;
    int64_t points = 1, plane = 1;
    for (int d = 0; d < nd; d++) {
        to.dims[2 + d] = in[1].shape.dims[1 + d];
        points *= to.dims[2 + d];
        plane *= from.dims[2 + d];
    }
    double *y = dense_new(out, to);
    for (int64_t i = 0; i < out->numel; i++) {
        int64_t n = i / points / to.dims[1], p = i % points, k[TP_MAX_DIMS];
        for (int64_t q = 0; q < plane; q++) {
            double weight = 1;
            dense_index(from, q, k);
            for (int d = 0; d < nd; d++) {
                double g = in[1].data[(n * points + p) * nd + nd - 1 - d];
                double at = grid_at(GRID, g, from.dims[2 + d]), away = fabs(at - (double)k[2 + d]);
                weight *= GRID->nearest ? nearbyint(at) == (double)k[2 + d] : fmax(0, 1 - away);
            }
            if (weight != 0) y[i] += weight * in[0].data[i / points * plane + q];
        }
    }
}

SAMPLE_RUN(run_affine_grid, tp_affine_grid(in[0], *(const tp_shape *)row->arg, row->i[0] != 0))

static void ref_affine_grid(const sample *row, const dense *in, dense *out) {
    tp_shape size = *(const tp_shape *)row->arg;
    int nd = size.ndim - 2;
    tp_shape shape = {nd + 2, {size.dims[0]}};
    for (int d = 0; d < nd; d++) shape.dims[1 + d] = size.dims[2 + d];
    shape.dims[nd + 1] = nd;
    double *y = dense_new(out, shape);
    for (int64_t i = 0; i < out->numel; i++) {
        int64_t at[TP_MAX_DIMS];
        dense_index(shape, i, at);
        const double *line = in[0].data + (at[0] * nd + at[nd + 1]) * (nd + 1);
        y[i] = line[nd];
        for (int d = 0; d < nd; d++) {
            double n = (double)shape.dims[1 + d], j = (double)at[1 + d];
            double place = row->i[0] ? (n > 1 ? -1 + 2 * j / (n - 1) : 0) : (2 * j + 1) / n - 1;
            y[i] += line[nd - 1 - d] * place;
        }
    }
}

/* ---- patches ----------------------------------------------------------------------------------------------------- */

#define PATCHES ((const tp_im2col_options *)row->arg)
SAMPLE_RUN(run_im2col, tp_im2col(in[0], row->i[0], row->i[1], *PATCHES))
SAMPLE_RUN(run_col2im, tp_col2im(in[0], row->i[2], row->i[3], row->i[0], row->i[1], *PATCHES))

static int64_t or_one(const int64_t *pair, int d) { return pair[d] ? pair[d] : pair[0] ? pair[0] : 1; }

/* Walks over the elements of all patches: `gather` reads images, else adds to them. */
static void ref_patches(const sample *row, const dense *in, dense *out, bool gather) {
    const tp_im2col_options *o = PATCHES;
    int64_t k[2] = {row->i[0], row->i[1]}, size[2], count[2];
    tp_shape shape = in[0].shape;
    bool batched = shape.ndim == (gather ? 4 : 3);
    int64_t n = batched ? shape.dims[0] : 1, c = shape.dims[batched];
    if (!gather) c /= k[0] * k[1];
    for (int d = 0; d < 2; d++) {
        size[d] = gather ? shape.dims[shape.ndim - 2 + d] : row->i[2 + d];
        count[d] =
            (size[d] + 2 * o->padding[d] - or_one(o->dilation, d) * (k[d] - 1) - 1) / or_one(o->stride, d) +
            1;
    }
    int64_t columns = count[0] * count[1];
    if (gather) shape = TP_SHAPE(n, c * k[0] * k[1], columns);
    else shape = TP_SHAPE(n, c, size[0], size[1]);
    if (!batched) {
        for (int d = 1; d < shape.ndim; d++) shape.dims[d - 1] = shape.dims[d];
        shape.ndim--;
    }
    double *y = dense_new(out, shape);
    for (int64_t i = 0; i < n * c * k[0] * k[1] * columns; i++) {
        int64_t l = i % columns, u = i / columns / k[1] % k[0], v = i / columns % k[1],
                plane = i / columns / k[0] / k[1];
        int64_t a = l / count[1] * or_one(o->stride, 0) + u * or_one(o->dilation, 0) - o->padding[0];
        int64_t b = l % count[1] * or_one(o->stride, 1) + v * or_one(o->dilation, 1) - o->padding[1];
        if (a < 0 || a >= size[0] || b < 0 || b >= size[1]) continue;
        int64_t pixel = (plane * size[0] + a) * size[1] + b;
        if (gather) y[i] = in[0].data[pixel];
        else y[pixel] += in[0].data[i];
    }
}
static void ref_im2col(const sample *row, const dense *in, dense *out) { ref_patches(row, in, out, true); }
static void ref_col2im(const sample *row, const dense *in, dense *out) { ref_patches(row, in, out, false); }

/* Tables, laid out by hand. */
/* clang-format off */
#define X(...) FLOATS(-2, 2, __VA_ARGS__)
#define SHUFFLE(op, what, input, factor) {#op, what, run_##op, ref_##op, {input}, .i = {factor}}
#define RESIZE(what, x, ...) {"interpolate", what, run_interpolate, ref_interpolate, {x}, .arg = &(const tp_interpolate_options){__VA_ARGS__}}
#define SIZE(...) .size = {TP__COUNT(int64_t, __VA_ARGS__), {__VA_ARGS__}}
/* The grid stays away from the places where a finite difference would cross an element. */
#define KINKS2 {FLOAT_IN(-1.45, 1.45), SHAPE(2, 2, 3, 2), .avoid = {-0.5, 0.5, 1.5}, .gap = 0.02}
#define KINKS3 {FLOAT_IN(-1.9, 1.9), SHAPE(2, 2, 3, 2), .avoid = {-1, 0, 1}, .gap = 0.02}
#define KINKS3D {FLOAT_IN(-1.45, 1.45), SHAPE(1, 2, 1, 2, 3), .avoid = {-0.5, 0.5, 1.5}, .gap = 0.02}
#define AT(what, x, grid, ...) {"grid_sample", what, run_grid_sample, ref_grid_sample, {x, grid}, .arg = &(const tp_grid_sample_options){__VA_ARGS__}, .no_second = "not written"}
#define COLUMNS(op, what, x, kh, kw, h, w, ...) {#op, what, run_##op, ref_##op, {x}, .i = {kh, kw, h, w}, .arg = &(const tp_im2col_options){__VA_ARGS__}}

static const sample vision_rows[] = {
    SHUFFLE(pixel_shuffle, "4-d", X(2, 8, 2, 3), 2),
    SHUFFLE(pixel_shuffle, "3-d", X(9, 2, 1), 3),
    SHUFFLE(pixel_shuffle, "5-d", X(2, 1, 4, 1, 2), 2),
    SHUFFLE(pixel_shuffle, "factor 1", X(2, 2, 2), 1),
    SHUFFLE(pixel_shuffle, "no images", X(0, 4, 2, 2), 2),
    SHUFFLE(pixel_shuffle, "integers", INTS(-9, 9, 1, 4, 2, 2), 2),
    SHUFFLE(pixel_unshuffle, "4-d", X(2, 2, 4, 6), 2),
    SHUFFLE(pixel_unshuffle, "3-d", X(1, 6, 3), 3),
    SHUFFLE(pixel_unshuffle, "5-d", X(2, 1, 1, 2, 4), 2),
    SHUFFLE(pixel_unshuffle, "no rows", X(2, 3, 0, 4), 2),
    SHUFFLE(channel_shuffle, "4-d", X(2, 6, 2, 2), 3),
    SHUFFLE(channel_shuffle, "3-d", X(2, 6, 3), 2),
    SHUFFLE(channel_shuffle, "5-d", X(1, 4, 2, 1, 2), 2),
    SHUFFLE(channel_shuffle, "one group", X(1, 3, 2), 1),
    SHUFFLE(channel_shuffle, "no images", X(0, 4, 2), 2),
    RESIZE("nearest, up", X(2, 2, 3, 4), SIZE(5, 9)),
    RESIZE("nearest, down", X(1, 2, 5, 7), SIZE(2, 3)),
    RESIZE("nearest, twice", X(1, 2, 3, 2), .scale = {2}),
    RESIZE("nearest, 3-d, scale", X(2, 2, 7), .scale = {1.5}),
    RESIZE("nearest, 5-d", X(1, 2, 2, 3, 2), SIZE(3, 2, 4)),
    RESIZE("nearest exact, up and down", X(1, 2, 5, 3), SIZE(3, 7), .mode = TP_INTERPOLATE_NEAREST_EXACT),
    {"interpolate", "nearest of integers", run_interpolate, ref_interpolate, {INTS(-9, 9, 1, 2, 3, 3)}, .arg = &(const tp_interpolate_options){SIZE(4, 2)}, .dtype = "int64"},
    RESIZE("linear, up", X(2, 2, 4), SIZE(7), .mode = TP_INTERPOLATE_LINEAR),
    RESIZE("linear, scale", X(1, 2, 5), .scale = {0.7}, .mode = TP_INTERPOLATE_LINEAR),
    RESIZE("linear, one element", X(1, 2, 1), SIZE(3), .mode = TP_INTERPOLATE_LINEAR),
    RESIZE("bilinear, up", X(2, 2, 3, 4), SIZE(5, 7), .mode = TP_INTERPOLATE_LINEAR),
    RESIZE("bilinear, down", X(1, 2, 5, 6), SIZE(2, 3), .mode = TP_INTERPOLATE_LINEAR),
    RESIZE("bilinear, corners aligned", X(1, 2, 3, 4), SIZE(5, 2), .mode = TP_INTERPOLATE_LINEAR, .align_corners = true),
    RESIZE("bilinear, to one", X(1, 2, 3, 4), SIZE(1, 1), .mode = TP_INTERPOLATE_LINEAR, .align_corners = true),
    RESIZE("bilinear, as it is", X(1, 2, 3, 4), SIZE(3, 4), .mode = TP_INTERPOLATE_LINEAR),
    RESIZE("bilinear, two scales", X(1, 2, 3, 4), .scale = {2, 1.5}, .mode = TP_INTERPOLATE_LINEAR),
    RESIZE("trilinear", X(1, 1, 2, 3, 2), SIZE(3, 4, 3), .mode = TP_INTERPOLATE_LINEAR),
    RESIZE("trilinear, corners aligned", X(1, 1, 2, 3, 2), SIZE(3, 2, 3), .mode = TP_INTERPOLATE_LINEAR, .align_corners = true),
    RESIZE("bicubic, up", X(1, 2, 3, 4), SIZE(5, 6), .mode = TP_INTERPOLATE_CUBIC),
    RESIZE("bicubic, down, corners aligned", X(1, 1, 6, 7), SIZE(4, 3), .mode = TP_INTERPOLATE_CUBIC, .align_corners = true),
    RESIZE("area", X(1, 2, 5, 4), SIZE(2, 3), .mode = TP_INTERPOLATE_AREA),
    RESIZE("no images", X(0, 2, 3, 4), SIZE(5, 6), .mode = TP_INTERPOLATE_LINEAR),
    {"interpolate", "large", run_interpolate, ref_interpolate, {X(2, 4, 14, 18)}, .arg = &(const tp_interpolate_options){SIZE(40, 44), .mode = TP_INTERPOLATE_LINEAR}, .flags = SAMPLE_LARGE},
    AT("zeros", X(2, 2, 2, 2), KINKS2, .align_corners = false),
    AT("zeros, corners aligned", X(2, 2, 3, 3), KINKS3, .align_corners = true),
    AT("border", X(2, 2, 2, 2), KINKS2, .padding = TP_GRID_BORDER),
    AT("border, corners aligned", X(2, 1, 3, 3), KINKS3, .padding = TP_GRID_BORDER, .align_corners = true),
    AT("reflection", X(2, 2, 2, 2), KINKS2, .padding = TP_GRID_REFLECTION),
    AT("reflection, corners aligned", X(2, 1, 3, 3), KINKS3, .padding = TP_GRID_REFLECTION, .align_corners = true),
    AT("3-d", X(1, 2, 2, 2, 2), KINKS3D, .align_corners = false),
    AT("3-d, reflection", X(1, 1, 2, 2, 2), KINKS3D, .padding = TP_GRID_REFLECTION),
    {"grid_sample", "nearest", run_grid_sample, ref_grid_sample, {X(2, 2, 3, 3), {FLOAT_IN(-1.2, 1.2), SHAPE(2, 2, 3, 2), .fixed = true}}, .arg = &(const tp_grid_sample_options){.nearest = true}, .no_second = "not written"},
    {"grid_sample", "nearest, border", run_grid_sample, ref_grid_sample, {X(1, 2, 2, 3), {FLOAT_IN(-2, 2), SHAPE(1, 2, 3, 2), .fixed = true}}, .arg = &(const tp_grid_sample_options){.nearest = true, .padding = TP_GRID_BORDER}, .no_second = "not written"},
    {"grid_sample", "NaN, infinities and far away", run_grid_sample, ref_grid_sample, {X(1, 2, 2, 3), {FLOAT_IN(0, 1), SHAPE(1, 1, 5, 2), .fixed = true, .values = VALUES(NAN, 0, INFINITY, 0, 0, -INFINITY, 1e30, -1e30, NAN, NAN)}}, .arg = &(const tp_grid_sample_options){0}, .flags = SAMPLE_NAN, .no_second = "not written"},
    {"grid_sample", "far away, border", run_grid_sample, ref_grid_sample, {X(1, 2, 2, 3), {FLOAT_IN(0, 1), SHAPE(1, 1, 5, 2), .fixed = true, .values = VALUES(NAN, 0, INFINITY, 0, 0, -INFINITY, 1e30, -1e30, NAN, NAN)}}, .arg = &(const tp_grid_sample_options){.padding = TP_GRID_BORDER}, .flags = SAMPLE_NAN, .no_second = "not written"},
    AT("no points", X(2, 2, 2, 2), FLOATS(-1, 1, 2, 0, 3, 2), .align_corners = true),
    AT("no images", X(0, 2, 2, 2), FLOATS(-1, 1, 0, 2, 3, 2), .align_corners = true),
    {"grid_sample", "large", run_grid_sample, ref_grid_sample, {X(2, 3, 12, 10), FLOATS(-1.3, 1.3, 2, 24, 31, 2)}, .arg = &(const tp_grid_sample_options){.padding = TP_GRID_BORDER}, .flags = SAMPLE_LARGE, .no_second = "not written"},
    {"affine_grid", "2-d", run_affine_grid, ref_affine_grid, {X(2, 2, 3)}, .arg = &(const tp_shape){4, {2, 1, 3, 4}}},
    {"affine_grid", "2-d, corners aligned", run_affine_grid, ref_affine_grid, {X(2, 2, 3)}, .arg = &(const tp_shape){4, {2, 5, 3, 1}}, .i = {1}},
    {"affine_grid", "3-d", run_affine_grid, ref_affine_grid, {X(1, 3, 4)}, .arg = &(const tp_shape){5, {1, 2, 2, 3, 2}}},
    COLUMNS(im2col, "plain", X(2, 2, 3, 4), 2, 2, 0, 0, .padding = {0}),
    COLUMNS(im2col, "no batch, stride, padding", X(2, 4, 3), 3, 2, 0, 0, .stride = {2, 1}, .padding = {1, 1}),
    COLUMNS(im2col, "dilation", X(1, 2, 5, 4), 2, 2, 0, 0, .dilation = {3, 2}),
    COLUMNS(im2col, "no images", X(0, 2, 3, 4), 2, 2, 0, 0, .stride = {2}),
    {"im2col", "large", run_im2col, ref_im2col, {X(4, 3, 20, 21)}, .i = {3, 3}, .arg = &(const tp_im2col_options){.padding = {1, 1}}, .flags = SAMPLE_LARGE},
    COLUMNS(col2im, "plain", X(2, 8, 6), 2, 2, 3, 4, .padding = {0}),
    COLUMNS(col2im, "no batch, stride, padding", X(12, 8), 3, 2, 4, 3, .stride = {2, 1}, .padding = {1, 1}),
    COLUMNS(col2im, "dilation", X(1, 8, 4), 2, 2, 5, 4, .dilation = {3, 2}),
    COLUMNS(col2im, "no images", X(0, 8, 6), 2, 2, 3, 4, .stride = {1}),
    {"col2im", "large", run_col2im, ref_col2im, {X(4, 27, 420)}, .i = {3, 3, 20, 21}, .arg = &(const tp_im2col_options){.padding = {1, 1}}, .flags = SAMPLE_LARGE},
};
/* clang-format on */

SAMPLE_FAMILY(vision, vision_rows)
