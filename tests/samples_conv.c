/* Samples of conv.h and pool.h. */
#include "support/sample.h"

static int64_t or_else(int64_t value, int64_t otherwise) { return value ? value : otherwise; }

/* ---- convolution --------------------------------------------------------------------------------------- */

static int run_conv2d(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    const tp_conv2d_options *options = row->arg;
    out[0] = tp_conv2d(in[0], in[1], in[2], options ? *options : (tp_conv2d_options){0});
    return 1;
}

static void ref_conv2d(const sample *row, const dense *in, dense *out) {
    tp_conv2d_options o = row->arg ? *(const tp_conv2d_options *)row->arg : (tp_conv2d_options){0};
    tp_shape x = in[0].shape, w = in[1].shape;
    int b = x.ndim - 3; /* 1 with a batch */
    int64_t batch = b ? x.dims[0] : 1, channels = x.dims[b], height = x.dims[b + 1], width = x.dims[b + 2];
    int64_t sh = or_else(o.stride[0], 1), sw = or_else(o.stride[1], sh);
    int64_t dh = or_else(o.dilation[0], 1), dw = or_else(o.dilation[1], dh), groups = or_else(o.groups, 1);
    int64_t oh = (height + 2 * o.padding[0] - dh * (w.dims[2] - 1) - 1) / sh + 1;
    int64_t ow = (width + 2 * o.padding[1] - dw * (w.dims[3] - 1) - 1) / sw + 1;
    double *y = dense_new(out, b ? TP_SHAPE(batch, w.dims[0], oh, ow) : TP_SHAPE(w.dims[0], oh, ow));
    int64_t per_group = w.dims[0] / groups;
    for (int64_t n = 0; n < out->numel; n++) {
        int64_t j = n % ow, i = n / ow % oh, f = n / (ow * oh) % w.dims[0], item = n / (ow * oh * w.dims[0]);
        y[n] = in[2].data ? in[2].data[f] : 0;
        for (int64_t k = 0; k < w.dims[1] * w.dims[2] * w.dims[3]; k++) {
            int64_t v = k % w.dims[3], u = k / w.dims[3] % w.dims[2], c = k / (w.dims[3] * w.dims[2]);
            int64_t row_at = i * sh + u * dh - o.padding[0], column = j * sw + v * dw - o.padding[1];
            if (row_at < 0 || row_at >= height || column < 0 || column >= width) continue;
            int64_t from = item * channels + f / per_group * w.dims[1] + c;
            y[n] += in[1].data[f * w.dims[1] * w.dims[2] * w.dims[3] + k] *
                    in[0].data[(from * height + row_at) * width + column];
        }
    }
}

/* ---- pooling ------------------------------------------------------------------------------------------- */

typedef struct pool {
    int64_t kernel[2];
    tp_pool2d_options options;
} pool;

/* clang-format off */
#define POOL(kh, kw, ...) &(const pool){{kh, kw}, {__VA_ARGS__}}
/* clang-format on */

static int run_max_pool2d(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    const pool *p = row->arg;
    out[0] = tp_max_pool2d(in[0], p->kernel[0], p->kernel[1], p->options);
    return 1;
}

static int run_max_pool2d_indices(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    const pool *p = row->arg;
    tp_values both = tp_max_pool2d_indices(in[0], p->kernel[0], p->kernel[1], p->options);
    out[0] = both.values;
    out[1] = both.indices;
    return 2;
}

static int run_avg_pool2d(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    const pool *p = row->arg;
    out[0] = tp_avg_pool2d(in[0], p->kernel[0], p->kernel[1], p->options);
    return 1;
}

SAMPLE_RUN(run_adaptive_avg_pool2d, tp_adaptive_avg_pool2d(in[0], row->i[0], row->i[1]))

/* One dim of a window's geometry. */
typedef struct axis {
    int64_t size, out, kernel, stride, padding, dilation;
} axis;

static axis axis_of(const pool *p, int k, int64_t size) {
    const tp_pool2d_options *o = &p->options;
    axis a = {.size = size, .kernel = or_else(p->kernel[k], p->kernel[0]), .padding = o->padding[k]};
    a.stride = or_else(o->stride[k], or_else(o->stride[0], a.kernel));
    a.dilation = or_else(o->dilation[k], or_else(o->dilation[0], 1));
    int64_t room = size + 2 * a.padding - a.dilation * (a.kernel - 1) - 1;
    a.out = (o->ceil_mode ? (room + a.stride - 1) / a.stride : room / a.stride) + 1;
    /* PyTorch drops a last window that would begin in the padding. */
    if (o->ceil_mode && (a.out - 1) * a.stride >= size + a.padding) a.out--;
    return a;
}

static tp_shape pooled_shape(tp_shape shape, int64_t oh, int64_t ow) {
    shape.dims[shape.ndim - 2] = oh;
    shape.dims[shape.ndim - 1] = ow;
    return shape;
}

static void ref_max_pool2d(const sample *row, const dense *in, dense *out) {
    tp_shape x = in[0].shape;
    axis h = axis_of(row->arg, 0, x.dims[x.ndim - 2]), w = axis_of(row->arg, 1, x.dims[x.ndim - 1]);
    double *y = dense_new(&out[0], pooled_shape(x, h.out, w.out));
    double *index = dense_new(&out[1], out[0].shape);
    for (int64_t n = 0; n < out[0].numel; n++) {
        int64_t j = n % w.out, i = n / w.out % h.out, plane = n / (w.out * h.out);
        y[n] = -INFINITY;
        for (int64_t u = 0; u < h.kernel; u++)
            for (int64_t v = 0; v < w.kernel; v++) {
                int64_t r = i * h.stride + u * h.dilation - h.padding,
                        c = j * w.stride + v * w.dilation - w.padding;
                if (r < 0 || r >= h.size || c < 0 || c >= w.size) continue;
                double value = in[0].data[(plane * h.size + r) * w.size + c];
                if (!(value > y[n] || (isnan(value) && !isnan(y[n])))) continue;
                y[n] = value;
                index[n] = (double)(r * w.size + c);
            }
    }
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static void ref_avg_pool2d(const sample *row, const dense *in, dense *out) {
    const pool *p = row->arg;
    tp_shape x = in[0].shape;
    axis h = axis_of(p, 0, x.dims[x.ndim - 2]), w = axis_of(p, 1, x.dims[x.ndim - 1]);
    double *y = dense_new(out, pooled_shape(x, h.out, w.out));
    for (int64_t n = 0; n < out->numel; n++) {
        int64_t j = n % w.out, i = n / w.out % h.out, plane = n / (w.out * h.out);
        int64_t top = i * h.stride - h.padding, left = j * w.stride - w.padding;
        /* The divisor counts padding, but not what lies beyond it in ceil mode. */
        int64_t bottom = least(top + h.kernel, h.size + h.padding),
                right = least(left + w.kernel, w.size + w.padding);
        int64_t divisor = (bottom - top) * (right - left);
        top = most(top, 0), left = most(left, 0), bottom = least(bottom, h.size),
        right = least(right, w.size);
        if (p->options.count_exclude_pad) divisor = (bottom - top) * (right - left);
        if (p->options.divisor) divisor = p->options.divisor;
        for (int64_t r = top; r < bottom; r++)
            for (int64_t c = left; c < right; c++) y[n] += in[0].data[(plane * h.size + r) * w.size + c];
        y[n] /= (double)divisor;
    }
}

static void ref_adaptive(const sample *row, const dense *in, dense *out) {
    tp_shape x = in[0].shape;
    int64_t h = x.dims[x.ndim - 2], w = x.dims[x.ndim - 1];
    int64_t oh = row->i[0] < 0 ? h : row->i[0], ow = row->i[1] < 0 ? w : row->i[1];
    double *y = dense_new(out, pooled_shape(x, oh, ow));
    for (int64_t n = 0; n < out->numel; n++) {
        int64_t j = n % ow, i = n / ow % oh, plane = n / (ow * oh), count = 0;
        for (int64_t r = i * h / oh; r < ((i + 1) * h + oh - 1) / oh; r++)
            for (int64_t c = j * w / ow; c < ((j + 1) * w + ow - 1) / ow; c++, count++)
                y[n] += in[0].data[(plane * h + r) * w + c];
        y[n] /= (double)count;
    }
}

/* Tables, laid out by hand. */
/* clang-format off */
/* ---- rows ---------------------------------------------------------------------------------------------- */

#define OF(...) FLOATS(-1, 1, __VA_ARGS__)
#define PLAIN_CONV .groups = 0
#define PLAIN_POOL .divisor = 0
#define BIAS(...) {FLOAT_IN(-1, 1), SHAPE(__VA_ARGS__), .optional = true}
#define CONV(what, x, w, b, ...)                                                                             \
    {"conv2d", what, run_conv2d, ref_conv2d, {x, w, b}, .arg = &(const tp_conv2d_options){__VA_ARGS__}}
#define CONV_LARGE(what, x, w, b, ...)                                                                       \
    {"conv2d",                 what,          run_conv2d, ref_conv2d, {x, w, b},                             \
     .flags = SAMPLE_LARGE,    .tol_f32 = 1e-3, .tol = 1e-11, .arg = &(const tp_conv2d_options){__VA_ARGS__}}
/* Distinct values: the largest of a window stays the largest. */
#define APART(...) {FLOAT_IN(-2, 2), SHAPE(__VA_ARGS__), .apart = 0.01}
#define MAX(what, x, ...) {"max_pool2d", what, run_max_pool2d, ref_max_pool2d, {x}, .arg = __VA_ARGS__}
#define MAX_INDICES(what, x, ...)                                                                            \
    {"max_pool2d_indices", what, run_max_pool2d_indices, ref_max_pool2d, {x}, .arg = __VA_ARGS__}
#define AVG(what, x, ...) {"avg_pool2d", what, run_avg_pool2d, ref_avg_pool2d, {x}, .arg = __VA_ARGS__}
#define ADAPTIVE(what, x, h, w)                                                                              \
    {"adaptive_avg_pool2d", what, run_adaptive_avg_pool2d, ref_adaptive, {x}, .i = {h, w}}
/* A row of the above, large. */
#define LARGE(op, what, run, reference, x, ...)                                                              \
    {op, what, run, reference, {x}, .flags = SAMPLE_LARGE, .tol_f32 = 1e-4, __VA_ARGS__}

static const sample conv_rows[] = {
    CONV("3x3", OF(2, 2, 4, 5), OF(3, 2, 3, 3), BIAS(3), PLAIN_CONV),
    CONV("no batch", OF(2, 4, 4), OF(2, 2, 3, 3), BIAS(2), PLAIN_CONV),
    CONV("no bias", OF(1, 2, 4, 4), OF(2, 2, 2, 2), ABSENT, PLAIN_CONV),
    CONV("1x1", OF(2, 3, 3, 2), OF(4, 3, 1, 1), BIAS(4), PLAIN_CONV),
    CONV("1x1, stride 2", OF(2, 3, 3, 5), OF(2, 3, 1, 1), BIAS(2), .stride = {2, 2}),
    CONV("kernel of the image's size", OF(2, 2, 3, 4), OF(3, 2, 3, 4), BIAS(3), PLAIN_CONV),
    CONV("unlike kernel sides", OF(1, 2, 4, 5), OF(2, 2, 1, 3), BIAS(2), PLAIN_CONV),
    CONV("padding", OF(1, 2, 3, 3), OF(2, 2, 3, 3), BIAS(2), .padding = {1, 1}),
    CONV("padding of one side", OF(1, 2, 3, 3), OF(2, 2, 3, 2), BIAS(2), .padding = {1}),
    CONV("padding wider than the kernel", OF(1, 1, 2, 2), OF(1, 1, 2, 2), BIAS(1), .padding = {3, 2}),
    CONV("stride 2", OF(1, 2, 5, 6), OF(2, 2, 3, 3), BIAS(2), .stride = {2}),
    CONV("unlike strides", OF(1, 1, 6, 6), OF(2, 1, 2, 3), BIAS(2), .stride = {3, 2}),
    CONV("stride beyond the kernel", OF(1, 2, 5, 7), OF(2, 2, 2, 2), BIAS(2), .stride = {3, 4}),
    CONV("stride that leaves a rest", OF(1, 1, 6, 6), OF(2, 1, 3, 3), BIAS(2), .stride = {2, 2},
     .padding = {0, 1}),
    CONV("dilation", OF(1, 2, 5, 6), OF(2, 2, 2, 3), BIAS(2), .dilation = {2}),
    CONV("all options", OF(2, 4, 5, 6), OF(4, 2, 2, 2), BIAS(4), .stride = {2, 1}, .padding = {1, 2},
         .dilation = {2, 3}, .groups = 2),
    CONV("two groups", OF(2, 4, 3, 3), OF(6, 2, 2, 2), BIAS(6), .groups = 2),
    CONV("depthwise", OF(2, 3, 4, 4), OF(3, 1, 3, 3), BIAS(3), .groups = 3, .padding = {1, 1}),
    CONV("depthwise with multiplier", OF(1, 2, 4, 4), OF(4, 1, 2, 2), ABSENT, .groups = 2, .stride = {2}),
    CONV("empty batch", OF(0, 2, 4, 4), OF(3, 2, 3, 3), BIAS(3), PLAIN_CONV),
    CONV("no output channels", OF(1, 2, 4, 4), OF(0, 2, 3, 3), BIAS(0), PLAIN_CONV),
    CONV_LARGE("large, as in mnist's first layer", OF(37, 1, 28, 28), OF(32, 1, 3, 3), BIAS(32), PLAIN_CONV),
    CONV_LARGE("large, as in mnist's second layer", OF(19, 32, 13, 13), OF(64, 32, 3, 3), BIAS(64),
     PLAIN_CONV),
    CONV_LARGE("large, padded and strided", OF(9, 16, 30, 31), OF(24, 16, 3, 3), BIAS(24),
               .padding = {1, 1}, .stride = {2}),
    CONV_LARGE("large, 1x1", OF(11, 64, 14, 14), OF(65, 64, 1, 1), BIAS(65), PLAIN_CONV),
    CONV_LARGE("large, groups", OF(9, 32, 15, 15), OF(32, 8, 3, 3), BIAS(32), .groups = 4, .padding = {1, 1}),
    CONV_LARGE("large, depthwise", OF(9, 48, 20, 20), OF(48, 1, 3, 3), BIAS(48), .groups = 48,
     .padding = {1, 1}),
    CONV_LARGE("large, one image", OF(16, 64, 64), OF(16, 16, 5, 5), BIAS(16), .padding = {2, 2}),
    CONV_LARGE("large, dilated", OF(9, 8, 32, 32), OF(8, 8, 3, 3), ABSENT, .dilation = {2, 3}),

    MAX("2x2", APART(2, 2, 4, 4), POOL(2, 0, PLAIN_POOL)),
    MAX("no batch", APART(2, 4, 5), POOL(2, 2, PLAIN_POOL)),
    MAX("rest cut off", APART(1, 2, 5, 7), POOL(2, 3, PLAIN_POOL)),
    MAX("windows that overlap", APART(1, 2, 5, 5), POOL(3, 3, .stride = {1})),
    MAX("stride beyond the kernel", APART(1, 1, 7, 7), POOL(2, 2, .stride = {3, 4})),
    MAX("padding", APART(1, 2, 5, 5), POOL(3, 3, .stride = {2}, .padding = {1, 1})),
    MAX("dilation", APART(1, 1, 7, 8), POOL(2, 3, .stride = {1}, .dilation = {2})),
    MAX("ceil", APART(1, 2, 5, 6), POOL(2, 4, .ceil_mode = true)),
    MAX("ceil with a window dropped", APART(1, 1, 4, 4), POOL(2, 2, .stride = {3}, .padding = {1, 1},
     .ceil_mode = true)),
    MAX("whole plane", APART(2, 3, 3, 3), POOL(3, 3, PLAIN_POOL)),
    MAX("empty batch", APART(0, 2, 4, 4), POOL(2, 2, PLAIN_POOL)),
    {"max_pool2d", "ties: the first", run_max_pool2d, ref_max_pool2d,
     {{FLOAT_IN(0, 1), SHAPE(1, 2, 4), .values = VALUES(1, 1, 2, 3, 1, 1, 3, 3)}}, .arg = POOL(2, 2,
      PLAIN_POOL),
     .flags = SAMPLE_NAN},
    {"max_pool2d", "NaN wins", run_max_pool2d, ref_max_pool2d,
     {{FLOAT_IN(0, 1), SHAPE(1, 2, 4), .values = VALUES(1, NAN, 2, 3, INFINITY, 1, -INFINITY, NAN)}},
     .arg = POOL(2, 2, PLAIN_POOL), .flags = SAMPLE_NAN},
    LARGE("max_pool2d", "large", run_max_pool2d, ref_max_pool2d, OF(33, 32, 26, 26), .arg = POOL(2, 2,
     PLAIN_POOL)),
    LARGE("max_pool2d", "large, overlapping", run_max_pool2d, ref_max_pool2d, OF(17, 16, 27, 27),
          .arg = POOL(3, 3, .stride = {2}, .padding = {1, 1})),
    MAX_INDICES("2x2", APART(2, 2, 4, 4), POOL(2, 2, PLAIN_POOL)),
    MAX_INDICES("padding and dilation", APART(1, 2, 6, 5), POOL(2, 3, .stride = {2, 1}, .padding = {1, 1},
     .dilation = {3, 2})),
    MAX_INDICES("no batch", APART(3, 4, 4), POOL(2, 2, PLAIN_POOL)),

    AVG("2x2", OF(2, 2, 4, 4), POOL(2, 0, PLAIN_POOL)),
    AVG("no batch", OF(2, 4, 5), POOL(2, 2, PLAIN_POOL)),
    AVG("windows that overlap", OF(1, 2, 4, 5), POOL(3, 2, .stride = {1})),
    AVG("padding", OF(1, 2, 5, 5), POOL(3, 3, .stride = {2}, .padding = {1, 1})),
    AVG("padding not counted", OF(1, 2, 5, 5), POOL(3, 3, .stride = {2}, .padding = {1, 1},
     .count_exclude_pad = true)),
    AVG("ceil", OF(1, 1, 5, 6), POOL(2, 4, .ceil_mode = true)),
    AVG("ceil and padding", OF(1, 1, 6, 7), POOL(3, 3, .stride = {2}, .padding = {1, 1}, .ceil_mode = true)),
    AVG("ceil, padding not counted", OF(1, 1, 6, 7), POOL(3, 3, .stride = {2}, .padding = {1, 1},
     .ceil_mode = true, .count_exclude_pad = true)),
    AVG("own divisor", OF(1, 2, 4, 4), POOL(2, 2, .divisor = 3)),
    AVG("empty batch", OF(0, 2, 4, 4), POOL(2, 2, PLAIN_POOL)),
    LARGE("avg_pool2d", "large", run_avg_pool2d, ref_avg_pool2d, OF(33, 32, 26, 26), .arg = POOL(2, 2,
     PLAIN_POOL)),

    ADAPTIVE("to one", OF(2, 2, 3, 4), 1, 1),
    ADAPTIVE("even", OF(1, 2, 4, 6), 2, 3),
    ADAPTIVE("uneven", OF(1, 2, 5, 7), 3, 4),
    ADAPTIVE("larger than the input", OF(1, 1, 2, 3), 3, 5),
    ADAPTIVE("one side kept", OF(1, 2, 4, 3), 2, -1),
    ADAPTIVE("no batch", OF(2, 4, 4), 2, 2),
    ADAPTIVE("empty batch", OF(0, 2, 4, 4), 2, 2),
    LARGE("adaptive_avg_pool2d", "large", run_adaptive_avg_pool2d, ref_adaptive, OF(33, 64, 13, 13),
     .i = {5, 6}),
};
/* clang-format on */

SAMPLE_FAMILY(conv, conv_rows)
