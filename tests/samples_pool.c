/* Samples of pool.h: one and three spatial dims, adaptive maxima, p-norms and the way back. All are taken as three dims here. */
#include "support/sample.h"

typedef struct pooling {
    int nd;
    int64_t kernel[3], stride[3], padding[3],
        dilation[3];                             /* of `nd` dims; stride 0 is the kernel, dilation 0 is 1 */
    bool ceil_mode, count_exclude_pad, adaptive; /* adaptive: kernel is the output's size, -1 for x's */
    int64_t divisor, size[3];                    /* size: of unpooling */
} pooling;

#define P ((const pooling *)row->arg)

/* One dim of three. */
typedef struct axis {
    int64_t size, out, kernel, stride, padding, dilation;
    const pooling *p;
} axis;

static axis axis_of(const pooling *p, tp_shape x, int d) {
    int k = d - (3 - p->nd);
    axis a = {.size = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1, .p = p};
    if (k < 0) return a;
    a.size = x.dims[x.ndim - 3 + d];
    if (p->adaptive) {
        a.out = p->kernel[k] < 0 ? a.size : p->kernel[k];
        return a;
    }
    a.kernel = p->kernel[k];
    a.stride = p->stride[k] ? p->stride[k] : a.kernel;
    a.dilation = p->dilation[k] ? p->dilation[k] : 1;
    a.padding = p->padding[k];
    int64_t room = a.size + 2 * a.padding - a.dilation * (a.kernel - 1) - 1;
    a.out = (p->ceil_mode ? (room + a.stride - 1) / a.stride : room / a.stride) + 1;
    if (p->ceil_mode && (a.out - 1) * a.stride >= a.size + a.padding) a.out--;
    return a;
}

/* Is element i of x in window o? */
static bool inside(const axis *a, int64_t o, int64_t i) {
    if (a->p->adaptive) return i >= o * a->size / a->out && i < ((o + 1) * a->size + a->out - 1) / a->out;
    int64_t at = i + a->padding - o * a->stride;
    return at >= 0 && at % a->dilation == 0 && at / a->dilation < a->kernel;
}

/* How much window o counts in a divisor. */
static int64_t counted(const axis *a, int64_t o) {
    int64_t count = 0, rim = a->p->count_exclude_pad || a->p->adaptive ? 0 : a->padding;
    for (int64_t i = -rim; i < a->size + rim; i++) count += inside(a, o, i);
    return count;
}

typedef struct walk {
    axis d, h, w;
    int64_t volume; /* of a channel of x */
} walk;

static double *walk_begin(const sample *row, tp_shape x, walk *k, dense *out) {
    k->d = axis_of(P, x, 0), k->h = axis_of(P, x, 1), k->w = axis_of(P, x, 2);
    k->volume = k->d.size * k->h.size * k->w.size;
    int64_t sizes[] = {k->d.out, k->h.out, k->w.out};
    for (int d = 3 - P->nd; d < 3; d++) x.dims[x.ndim - 3 + d] = sizes[d];
    return dense_new(out, x);
}

/* Is element i of a channel in window n? */
static bool walk_inside(const walk *k, int64_t n, int64_t i) {
    return inside(&k->w, n % k->w.out, i % k->w.size) &&
           inside(&k->h, n / k->w.out % k->h.out, i / k->w.size % k->h.size) &&
           inside(&k->d, n / k->w.out / k->h.out % k->d.out, i / k->w.size / k->h.size);
}

static void ref_max(const sample *row, const dense *in, dense *out) {
    walk k;
    double *y = walk_begin(row, in[0].shape, &k, &out[0]), *index = dense_new(&out[1], out[0].shape);
    for (int64_t n = 0; n < out[0].numel; n++) {
        const double *x = in[0].data + n / (k.w.out * k.h.out * k.d.out) * k.volume;
        bool any = false;
        for (int64_t i = 0; i < k.volume; i++) {
            if (!walk_inside(&k, n, i) || (any && !(x[i] > y[n] || isnan(x[i])))) continue;
            any = true;
            y[n] = x[i];
            index[n] = (double)i;
        }
    }
}

/* Of x^p, and to the power 1 / p, if row->p[0] is given. */
static void ref_mean(const sample *row, const dense *in, dense *out) {
    walk k;
    double *y = walk_begin(row, in[0].shape, &k, out), p = row->p[0];
    for (int64_t n = 0; n < out->numel; n++) {
        const double *x = in[0].data + n / (k.w.out * k.h.out * k.d.out) * k.volume;
        double count = (double)(counted(&k.w, n % k.w.out) * counted(&k.h, n / k.w.out % k.h.out) *
                                counted(&k.d, n / k.w.out / k.h.out % k.d.out));
        for (int64_t i = 0; i < k.volume; i++)
            if (walk_inside(&k, n, i)) y[n] += p != 0 ? pow(x[i], p) : x[i];
        y[n] /= P->divisor ? (double)P->divisor : count;
        if (p != 0) y[n] = pow(y[n] * (double)(k.d.kernel * k.h.kernel * k.w.kernel), 1 / p);
    }
}

static void ref_unpool(const sample *row, const dense *in, dense *out) {
    tp_shape shape = in[0].shape;
    int64_t from = 1, to = 1;
    for (int k = 0; k < P->nd; k++) {
        int64_t *size = &shape.dims[shape.ndim - P->nd + k],
                stride = P->stride[k] ? P->stride[k] : P->kernel[k];
        from *= *size;
        *size = P->size[k] ? P->size[k] : (*size - 1) * stride - 2 * P->padding[k] + P->kernel[k];
        to *= *size;
    }
    double *y = dense_new(out, shape);
    for (int64_t i = 0; i < in[0].numel; i++) y[i / from * to + (int64_t)in[1].data[i]] = in[0].data[i];
}

static tp_pool1d_options options1(const sample *row) {
    return (tp_pool1d_options){P->ceil_mode, P->stride[0], P->padding[0], P->dilation[0],
                               P->count_exclude_pad};
}
static tp_pool2d_options options2(const sample *row) {
    return (tp_pool2d_options){.ceil_mode = P->ceil_mode, .stride = {P->stride[0], P->stride[1]}};
}
static tp_pool3d_options options3(const sample *row) {
    tp_pool3d_options o = {.ceil_mode = P->ceil_mode,
                           .count_exclude_pad = P->count_exclude_pad,
                           .divisor = P->divisor};
    for (int d = 0; d < 3; d++)
        o.stride[d] = P->stride[d], o.padding[d] = P->padding[d], o.dilation[d] = P->dilation[d];
    return o;
}
static tp_max_unpool_options unpooling(const sample *row) {
    tp_max_unpool_options o = {.size = {P->size[0] ? P->nd : 0, {P->size[0], P->size[1], P->size[2]}}};
    for (int d = 0; d < 3; d++) o.stride[d] = P->stride[d], o.padding[d] = P->padding[d];
    return o;
}

#define RUN_BOTH(name, call)                                                                                 \
    static int name(const sample *row, tp_tensor *const *in, tp_tensor **out) {                              \
        tp_values both = call;                                                                               \
        out[0] = both.values;                                                                                \
        out[1] = both.indices;                                                                               \
        return 2;                                                                                            \
    }
#define K P->kernel
SAMPLE_RUN(run_max_pool1d, tp_max_pool1d(in[0], K[0], options1(row)))
SAMPLE_RUN(run_max_pool3d, tp_max_pool3d(in[0], K[0], K[1], K[2], options3(row)))
RUN_BOTH(run_max_pool1d_indices, tp_max_pool1d_indices(in[0], K[0], options1(row)))
RUN_BOTH(run_max_pool3d_indices, tp_max_pool3d_indices(in[0], K[0], K[1], K[2], options3(row)))
SAMPLE_RUN(run_avg_pool1d, tp_avg_pool1d(in[0], K[0], options1(row)))
SAMPLE_RUN(run_avg_pool3d, tp_avg_pool3d(in[0], K[0], K[1], K[2], options3(row)))
SAMPLE_RUN(run_lp_pool1d, tp_lp_pool1d(in[0], row->p[0], K[0], options1(row)))
SAMPLE_RUN(run_lp_pool2d, tp_lp_pool2d(in[0], row->p[0], K[0], K[1], options2(row)))
SAMPLE_RUN(run_lp_pool3d, tp_lp_pool3d(in[0], row->p[0], K[0], K[1], K[2], options3(row)))
SAMPLE_RUN(run_adaptive_avg_pool1d, tp_adaptive_avg_pool1d(in[0], K[0]))
SAMPLE_RUN(run_adaptive_avg_pool3d, tp_adaptive_avg_pool3d(in[0], K[0], K[1], K[2]))
SAMPLE_RUN(run_adaptive_max_pool1d, tp_adaptive_max_pool1d(in[0], K[0]))
SAMPLE_RUN(run_adaptive_max_pool2d, tp_adaptive_max_pool2d(in[0], K[0], K[1]))
SAMPLE_RUN(run_adaptive_max_pool3d, tp_adaptive_max_pool3d(in[0], K[0], K[1], K[2]))
RUN_BOTH(run_adaptive_max_pool1d_indices, tp_adaptive_max_pool1d_indices(in[0], K[0]))
RUN_BOTH(run_adaptive_max_pool2d_indices, tp_adaptive_max_pool2d_indices(in[0], K[0], K[1]))
RUN_BOTH(run_adaptive_max_pool3d_indices, tp_adaptive_max_pool3d_indices(in[0], K[0], K[1], K[2]))
SAMPLE_RUN(run_max_unpool1d, tp_max_unpool1d(in[0], in[1], K[0], unpooling(row)))
SAMPLE_RUN(run_max_unpool2d, tp_max_unpool2d(in[0], in[1], K[0], K[1], unpooling(row)))
SAMPLE_RUN(run_max_unpool3d, tp_max_unpool3d(in[0], in[1], K[0], K[1], K[2], unpooling(row)))

/* Tables, laid out by hand. */
/* clang-format off */
#define OF(...) FLOATS(-1, 1, __VA_ARGS__)
#define APART(...) {FLOAT_IN(-2, 2), SHAPE(__VA_ARGS__), .apart = 0.01}
#define POSITIVE(...) FLOATS(0.2, 2, __VA_ARGS__)
#define ROW(op, what, reference, x, ...) {#op, what, run_##op, reference, {x}, .arg = &(const pooling){__VA_ARGS__}}
#define LARGE(op, reference, x, ...) {#op, "large", run_##op, reference, {x}, .arg = &(const pooling){__VA_ARGS__}, .flags = SAMPLE_LARGE, .tol_f32 = 1e-4}
#define NORM(op, what, norm, x, ...) {#op, what, run_##op, ref_mean, {x}, .p = {norm}, .arg = &(const pooling){__VA_ARGS__}}
#define BACK(op, what, x, index, ...) {#op, what, run_##op, ref_unpool, {x, index}, .arg = &(const pooling){__VA_ARGS__}, .flags = SAMPLE_NO_EXPAND}
#define AT(list, ...) {INT_IN(0, 1), SHAPE(__VA_ARGS__), .values = list}

static const sample pool_rows[] = {
    ROW(max_pool1d, "plain", ref_max, APART(2, 2, 7), .nd = 1, .kernel = {2}),
    ROW(max_pool1d, "no batch, overlapping, padding", ref_max, APART(2, 6), .nd = 1, .kernel = {3}, .stride = {1}, .padding = {1}),
    ROW(max_pool1d, "dilation, ceil", ref_max, APART(1, 2, 9), .nd = 1, .kernel = {2}, .stride = {3}, .dilation = {2}, .ceil_mode = true),
    ROW(max_pool1d, "no lines", ref_max, APART(0, 2, 5), .nd = 1, .kernel = {2}),
    LARGE(max_pool1d, ref_max, OF(16, 32, 100), .nd = 1, .kernel = {3}, .stride = {2}, .padding = {1}),
    ROW(max_pool1d_indices, "plain", ref_max, APART(2, 2, 7), .nd = 1, .kernel = {2}),
    ROW(max_pool1d_indices, "no batch, padding, dilation", ref_max, APART(2, 8), .nd = 1, .kernel = {3}, .stride = {2}, .padding = {1}, .dilation = {2}),
    ROW(max_pool3d, "plain", ref_max, APART(2, 1, 2, 4, 4), .nd = 3, .kernel = {2, 2, 2}),
    ROW(max_pool3d, "no batch, overlapping, padding", ref_max, APART(1, 3, 4, 4), .nd = 3, .kernel = {2, 3, 2}, .stride = {1, 2, 1}, .padding = {1, 1, 0}),
    ROW(max_pool3d, "dilation, ceil", ref_max, APART(1, 1, 4, 3, 5), .nd = 3, .kernel = {2, 2, 2}, .stride = {3, 2, 2}, .dilation = {2, 1, 3}, .ceil_mode = true),
    {"max_pool3d", "ties and NaN", run_max_pool3d, ref_max, {{FLOAT_IN(0, 1), SHAPE(1, 2, 2, 4), .values = VALUES(1, 1, 2, NAN, 1, 1, -INFINITY, 3, 1, 0, NAN, 1, 1, 1, 2, 2)}}, .arg = &(const pooling){.nd = 3, .kernel = {2, 2, 2}}, .flags = SAMPLE_NAN},
    ROW(max_pool3d, "no volumes", ref_max, APART(0, 2, 2, 2, 2), .nd = 3, .kernel = {2, 1, 2}),
    LARGE(max_pool3d, ref_max, OF(2, 8, 12, 14, 14), .nd = 3, .kernel = {2, 3, 3}, .stride = {2, 2, 2}, .padding = {1, 1, 1}),
    ROW(max_pool3d_indices, "plain", ref_max, APART(2, 1, 2, 4, 4), .nd = 3, .kernel = {2, 2, 2}),
    ROW(max_pool3d_indices, "all", ref_max, APART(1, 4, 3, 4), .nd = 3, .kernel = {2, 3, 2}, .stride = {1, 2, 1}, .padding = {1, 1, 0}, .dilation = {2, 1, 2}),
    {"max_pool3d_indices", "ties and NaN", run_max_pool3d_indices, ref_max, {{FLOAT_IN(0, 1), SHAPE(1, 2, 2, 4), .values = VALUES(1, 1, 2, NAN, 1, 1, -INFINITY, 3, 1, 0, NAN, 1, 1, 1, 2, 2)}}, .arg = &(const pooling){.nd = 3, .kernel = {2, 2, 2}}, .flags = SAMPLE_NAN},
    ROW(avg_pool1d, "plain", ref_mean, OF(2, 2, 7), .nd = 1, .kernel = {2}),
    ROW(avg_pool1d, "no batch, padding, ceil", ref_mean, OF(2, 8), .nd = 1, .kernel = {3}, .stride = {2}, .padding = {1}, .ceil_mode = true),
    ROW(avg_pool1d, "padding not counted", ref_mean, OF(1, 2, 6), .nd = 1, .kernel = {3}, .stride = {1}, .padding = {1}, .count_exclude_pad = true),
    ROW(avg_pool1d, "no lines", ref_mean, OF(0, 2, 5), .nd = 1, .kernel = {2}),
    LARGE(avg_pool1d, ref_mean, OF(16, 32, 100), .nd = 1, .kernel = {3}, .stride = {2}, .padding = {1}),
    ROW(avg_pool3d, "plain", ref_mean, OF(2, 1, 2, 4, 4), .nd = 3, .kernel = {2, 2, 2}),
    ROW(avg_pool3d, "no batch, padding, ceil", ref_mean, OF(1, 3, 4, 4), .nd = 3, .kernel = {2, 3, 2}, .stride = {2, 2, 1}, .padding = {1, 1, 0}, .ceil_mode = true),
    ROW(avg_pool3d, "padding not counted", ref_mean, OF(1, 1, 3, 4, 4), .nd = 3, .kernel = {3, 3, 2}, .stride = {2, 1, 2}, .padding = {1, 1, 1}, .count_exclude_pad = true),
    ROW(avg_pool3d, "own divisor", ref_mean, OF(1, 1, 4, 2, 4), .nd = 3, .kernel = {2, 2, 2}, .divisor = 3),
    ROW(avg_pool3d, "no volumes", ref_mean, OF(0, 1, 4, 2, 4), .nd = 3, .kernel = {2, 2, 2}),
    LARGE(avg_pool3d, ref_mean, OF(2, 8, 12, 14, 14), .nd = 3, .kernel = {2, 3, 3}, .stride = {2, 2, 2}),
    NORM(lp_pool1d, "2", 2, POSITIVE(2, 2, 6), .nd = 1, .kernel = {2}),
    NORM(lp_pool1d, "3, no batch, ceil", 3, POSITIVE(2, 7), .nd = 1, .kernel = {3}, .stride = {2}, .ceil_mode = true),
    {"lp_pool1d", "a window of zeros", run_lp_pool1d, ref_mean, {{FLOAT_IN(0, 1), SHAPE(1, 4), .values = VALUES(0, 0, 1, 2)}}, .p = {2}, .arg = &(const pooling){.nd = 1, .kernel = {2}}, .flags = SAMPLE_NAN},
    NORM(lp_pool2d, "2", 2, POSITIVE(2, 1, 4, 4), .nd = 2, .kernel = {2, 2}),
    NORM(lp_pool2d, "1.5, no batch, stride", 1.5, POSITIVE(1, 4, 5), .nd = 2, .kernel = {2, 3}, .stride = {1, 2}),
    NORM(lp_pool3d, "2", 2, POSITIVE(1, 1, 2, 4, 4), .nd = 3, .kernel = {2, 2, 2}),
    NORM(lp_pool3d, "1, no batch", 1, POSITIVE(1, 3, 2, 4), .nd = 3, .kernel = {1, 2, 2}, .stride = {2, 1, 1}),
    ROW(adaptive_avg_pool1d, "uneven", ref_mean, OF(2, 2, 7), .nd = 1, .adaptive = true, .kernel = {3}),
    ROW(adaptive_avg_pool1d, "no batch, larger", ref_mean, OF(2, 3), .nd = 1, .adaptive = true, .kernel = {5}),
    ROW(adaptive_avg_pool1d, "no lines, kept", ref_mean, OF(0, 2, 3), .nd = 1, .adaptive = true, .kernel = {-1}),
    ROW(adaptive_avg_pool3d, "uneven", ref_mean, OF(1, 2, 3, 4, 2), .nd = 3, .adaptive = true, .kernel = {2, 3, -1}),
    ROW(adaptive_avg_pool3d, "no batch, to one", ref_mean, OF(2, 2, 3, 2), .nd = 3, .adaptive = true, .kernel = {1, 1, 1}),
    LARGE(adaptive_avg_pool3d, ref_mean, OF(2, 8, 12, 13, 14), .nd = 3, .adaptive = true, .kernel = {5, 6, 7}),
    ROW(adaptive_max_pool1d, "uneven", ref_max, APART(2, 2, 7), .nd = 1, .adaptive = true, .kernel = {3}),
    ROW(adaptive_max_pool1d, "no batch, larger", ref_max, APART(2, 3), .nd = 1, .adaptive = true, .kernel = {5}),
    ROW(adaptive_max_pool2d, "uneven", ref_max, APART(2, 1, 5, 4), .nd = 2, .adaptive = true, .kernel = {3, 3}),
    ROW(adaptive_max_pool2d, "no batch, to one", ref_max, APART(2, 3, 4), .nd = 2, .adaptive = true, .kernel = {1, 1}),
    ROW(adaptive_max_pool2d, "no images, one side kept", ref_max, APART(0, 2, 3, 4), .nd = 2, .adaptive = true, .kernel = {-1, 2}),
    LARGE(adaptive_max_pool2d, ref_max, OF(16, 32, 13, 14), .nd = 2, .adaptive = true, .kernel = {5, 6}),
    ROW(adaptive_max_pool3d, "uneven", ref_max, APART(1, 2, 3, 4, 2), .nd = 3, .adaptive = true, .kernel = {2, 3, -1}),
    ROW(adaptive_max_pool3d, "no batch, to one", ref_max, APART(2, 2, 3, 2), .nd = 3, .adaptive = true, .kernel = {1, 1, 1}),
    ROW(adaptive_max_pool1d_indices, "uneven", ref_max, APART(2, 2, 7), .nd = 1, .adaptive = true, .kernel = {3}),
    ROW(adaptive_max_pool2d_indices, "uneven", ref_max, APART(2, 5, 4), .nd = 2, .adaptive = true, .kernel = {3, 3}),
    ROW(adaptive_max_pool3d_indices, "uneven", ref_max, APART(1, 2, 3, 4, 2), .nd = 3, .adaptive = true, .kernel = {2, 3, 2}),
    BACK(max_unpool1d, "plain", OF(1, 2, 3), AT(VALUES(1, 2, 5, 0, 3, 4), 1, 2, 3), .nd = 1, .kernel = {2}),
    BACK(max_unpool1d, "no batch, padding", OF(2, 3), AT(VALUES(0, 2, 3, 1, 3, 4), 2, 3), .nd = 1, .kernel = {3}, .stride = {2}, .padding = {1}),
    BACK(max_unpool1d, "given size", OF(1, 1, 3), AT(VALUES(1, 2, 6), 1, 1, 3), .nd = 1, .kernel = {2}, .size = {7}),
    BACK(max_unpool2d, "plain", OF(1, 1, 2, 2), AT(VALUES(5, 2, 8, 15), 1, 1, 2, 2), .nd = 2, .kernel = {2, 2}),
    BACK(max_unpool2d, "no batch, given size", OF(2, 1, 2), AT(VALUES(0, 7, 3, 4), 2, 1, 2), .nd = 2, .kernel = {2, 2}, .size = {2, 5}),
    BACK(max_unpool2d, "no images", OF(0, 1, 2, 2), AT(NULL, 0, 1, 2, 2), .nd = 2, .kernel = {2, 2}),
    BACK(max_unpool3d, "plain", OF(1, 1, 1, 2, 2), AT(VALUES(5, 18, 8, 31), 1, 1, 1, 2, 2), .nd = 3, .kernel = {2, 2, 2}),
    BACK(max_unpool3d, "no batch, stride", OF(1, 2, 1, 2), AT(VALUES(1, 4, 9, 11), 1, 2, 1, 2), .nd = 3, .kernel = {1, 1, 2}, .stride = {2, 1, 2}),
};
/* clang-format on */

SAMPLE_FAMILY(pool, pool_rows)
