/* Pooling of one to three spatial dims, made of pooling of planes: a line is a plane of one row, and the windows of a volume are those of
 * its planes, then, of each element of these, those along the depth. Maxima, means and their divisors all allow that. */
#include "ops/pool.h"
#include "taper/index.h"
#include "taper/tensor.h"

/* Of `nd` spatial dims, counted as three with the first ones trivial. */
typedef struct pool {
    const char *op;
    int nd;
    int64_t size[3], kernel[3], stride[3], pad[3], dil[3], out[3];
    bool ceil_mode, count_exclude_pad, adaptive;
    int64_t divisor;
} pool;

/* ---- arguments ------------------------------------------------------------------------------------------------- */

static bool pool_check_x(const char *op, const tp_tensor *x, int nd) {
    static const char *const shapes[] = {"(N, C, L) or (C, L)", "(N, C, H, W) or (C, H, W)",
                                         "(N, C, D, H, W) or (C, D, H, W)"};
    int n = x->shape.ndim;
    if (!tp__require_floating(op, "x", x)) return false;
    bool ok = n == nd + 1 || n == nd + 2;
    for (int d = n == nd + 2; d < n; d++) ok = ok && x->shape.dims[d] > 0;
    if (!ok)
        TP_FAIL(TP_ERR_SHAPE, op, "x must be %s, with sizes above 0 but for N, got %s", shapes[nd - 1],
                tp__shape_text(x->shape));
    return true;
}

/* Spatial sizes of x, and everything else trivial. */
static pool pool_of(const char *op, const tp_tensor *x, int nd) {
    pool p = {.op = op, .nd = nd};
    for (int d = 0; d < 3; d++) {
        int from = x->shape.ndim - 3 + d;
        p.size[d] = d >= 3 - nd ? x->shape.dims[from] : 1;
        p.kernel[d] = p.stride[d] = p.dil[d] = p.out[d] = 1;
    }
    return p;
}

static const char *pool_text(const pool *p, const int64_t *values) {
    tp_shape list = {p->nd, {0}};
    for (int d = 0; d < p->nd; d++) list.dims[d] = values[3 - p->nd + d];
    return tp__shape_text(list);
}

/* How many windows; 0 if none fits. */
static int64_t pool_count(const pool *p, int d) {
    int64_t span = p->size[d] + 2 * p->pad[d] - p->dil[d] * (p->kernel[d] - 1) - 1;
    if (span < 0) return 0;
    int64_t out = (span + (p->ceil_mode ? p->stride[d] - 1 : 0)) / p->stride[d] + 1;
    /* The last window must begin inside x or its left padding. */
    return p->ceil_mode && (out - 1) * p->stride[d] >= p->size[d] + p->pad[d] ? out - 1 : out;
}

static bool pool_fits(const pool *p, const tp_tensor *x) {
    int64_t plane, later;
    bool fits = !__builtin_mul_overflow(p->size[1], p->size[2], &plane) && plane <= INT32_MAX &&
                !__builtin_mul_overflow(p->size[0], p->out[1] * p->out[2], &later) && later <= INT32_MAX;
    if (!fits) TP_FAIL(TP_ERR_SHAPE, p->op, "planes of %s are larger than 2^31", tp__shape_text(x->shape));
    return true;
}

/* Fills in defaults and the sizes of the result; false with a record. Lists hold `nd` numbers. */
static bool pool_fill(pool *p, const tp_tensor *x, const int64_t *kernel, const int64_t *stride,
                      const int64_t *padding, const int64_t *dilation) {
    const int64_t limit = INT32_MAX;
    bool sane = true;
    for (int k = 0, d = 3 - p->nd; k < p->nd; k++, d++) {
        p->kernel[d] = kernel[k] ? kernel[k] : k ? p->kernel[d - 1] : 0;
        p->stride[d] = stride[k] ? stride[k] : k && stride[0] ? p->stride[d - 1] : p->kernel[d];
        p->dil[d] = dilation[k] ? dilation[k] : k ? p->dil[d - 1] : 1;
        p->pad[d] = padding[k];
        sane = sane && p->kernel[d] >= 1 && p->stride[d] >= 1 && p->dil[d] >= 1 && p->pad[d] >= 0 &&
               p->pad[d] <= p->kernel[d] / 2 && p->kernel[d] < limit && p->stride[d] < limit &&
               p->dil[d] < limit;
    }
    if (!sane)
        TP_FAIL(
            TP_ERR_ARGUMENT, p->op,
            "kernel %s, stride %s, padding %s, dilation %s; padding is at most half the kernel, the others at "
            "least 1",
            pool_text(p, p->kernel), pool_text(p, p->stride), pool_text(p, p->pad), pool_text(p, p->dil));
    for (int d = 3 - p->nd; d < 3; d++) {
        p->out[d] = pool_count(p, d);
        if (p->out[d] == 0)
            TP_FAIL(TP_ERR_SHAPE, p->op, "x %s with kernel %s leaves no output", tp__shape_text(x->shape),
                    pool_text(p, p->kernel));
    }
    return pool_fits(p, x);
}

static bool pool_1d(pool *p, const char *op, const tp_tensor *x, int64_t kernel, const tp_pool1d_options *o) {
    if (!pool_check_x(op, x, 1)) return false;
    *p = pool_of(op, x, 1);
    p->ceil_mode = o->ceil_mode;
    p->count_exclude_pad = o->count_exclude_pad;
    return pool_fill(p, x, &kernel, &o->stride, &o->padding, &o->dilation);
}

#define POOL_OF(nd)                                                                                          \
    static bool pool_##nd##d(pool *p, const char *op, const tp_tensor *x, const int64_t *kernel,             \
                             const tp_pool##nd##d_options *o) {                                              \
        if (!pool_check_x(op, x, nd)) return false;                                                          \
        *p = pool_of(op, x, nd);                                                                             \
        p->ceil_mode = o->ceil_mode;                                                                         \
        p->count_exclude_pad = o->count_exclude_pad;                                                         \
        p->divisor = o->divisor;                                                                             \
        return pool_fill(p, x, kernel, o->stride, o->padding, o->dilation);                                  \
    }
POOL_OF(2)
POOL_OF(3)
#undef POOL_OF

static bool pool_adaptive(pool *p, const char *op, const tp_tensor *x, int nd, const int64_t *out) {
    if (!pool_check_x(op, x, nd)) return false;
    *p = pool_of(op, x, nd);
    p->adaptive = true;
    for (int d = 3 - nd; d < 3; d++) {
        p->out[d] = *out == -1 ? p->size[d] : *out;
        out++;
    }
    for (int d = 3 - nd; d < 3; d++)
        if (p->out[d] < 1 || p->out[d] > INT32_MAX)
            TP_FAIL(TP_ERR_ARGUMENT, op, "output size %s; sizes are at least 1, or -1 for the input's",
                    pool_text(p, p->out));
    return pool_fits(p, x);
}

/* ---- the two steps ------------------------------------------------------------------------------------------------ */

/* Of the planes (H, W), and then of the planes (D, OH OW), of which only the first dim is pooled. */
static tp__pool2d pool_planes(const pool *p) {
    if (p->adaptive) return tp__pool_adaptive(p->size[1], p->size[2], p->out[1], p->out[2]);
    return (tp__pool2d){.h = p->size[1],
                        .w = p->size[2],
                        .oh = p->out[1],
                        .ow = p->out[2],
                        .kh = p->kernel[1],
                        .kw = p->kernel[2],
                        .stride_h = p->stride[1],
                        .stride_w = p->stride[2],
                        .pad_h = p->pad[1],
                        .pad_w = p->pad[2],
                        .dil_h = p->dil[1],
                        .dil_w = p->dil[2],
                        .count_exclude_pad = p->count_exclude_pad,
                        .divisor = p->nd == 3 && p->divisor ? 1 : p->divisor};
}

static tp__pool2d pool_depths(const pool *p) {
    int64_t plane = p->out[1] * p->out[2];
    if (p->adaptive) return tp__pool_adaptive(p->size[0], plane, p->out[0], plane);
    return (tp__pool2d){.h = p->size[0],
                        .w = plane,
                        .oh = p->out[0],
                        .ow = plane,
                        .kh = p->kernel[0],
                        .kw = 1,
                        .stride_h = p->stride[0],
                        .stride_w = 1,
                        .pad_h = p->pad[0],
                        .dil_h = p->dil[0],
                        .dil_w = 1,
                        .count_exclude_pad = p->count_exclude_pad,
                        .divisor = p->divisor};
}

/* All but the spatial dims as one. */
static int64_t pool_lead(const pool *p, const tp_tensor *x) {
    int64_t lead = 1;
    for (int d = 0; d < x->shape.ndim - p->nd; d++) lead *= x->shape.dims[d];
    return lead;
}

static tp_shape pool_shape(const pool *p, const tp_tensor *x) {
    tp_shape shape = x->shape;
    for (int d = 3 - p->nd; d < 3; d++) shape.dims[shape.ndim - 3 + d] = p->out[d];
    return shape;
}

static tp_tensor *pool_avg(const pool *p, tp_tensor *x) {
    tp__pool2d planes = pool_planes(p), depths = pool_depths(p);
    if (p->nd == 2) return tp__avg_pool_planes(&planes, x);
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    int64_t lead = pool_lead(p, x);
    tp_tensor *y = tp_reshape(x, TP_SHAPE(lead, p->size[0], p->size[1], p->size[2]));
    if (y) y = tp__avg_pool_planes(&planes, y);
    if (y && p->nd == 3) {
        y = tp_reshape(y, TP_SHAPE(lead, 1, p->size[0], depths.w));
        if (y) y = tp__avg_pool_planes(&depths, y);
    }
    return tp_scope_return(s, y ? tp_reshape(y, pool_shape(p, x)) : NULL);
}

/* The place in a volume, from those in the planes (lead, D, OH OW) and that in the depths (lead, OD OH OW). */
static tp_tensor *pool_index(const pool *p, int64_t lead, tp_tensor *in_plane, tp_tensor *in_depth) {
    int64_t plane = p->out[1] * p->out[2];
    in_plane = tp_to_dtype(tp_reshape(in_plane, TP_SHAPE(lead, p->size[0] * plane)), TP_I64);
    in_depth = tp_to_dtype(tp_reshape(in_depth, TP_SHAPE(lead, p->out[0] * plane)), TP_I64);
    tp_tensor *depth = tp_div_floor_scalar(in_depth, (double)plane);
    return tp_add(tp_gather(in_plane, 1, in_depth), tp_mul_scalar(depth, (double)(p->size[1] * p->size[2])));
}

/* In the scope that the caller has opened for it. */
static tp_tensor *pool_max(const pool *p, tp_tensor *x, bool index_wanted, tp_tensor **index) {
    tp__pool2d planes = pool_planes(p), depths = pool_depths(p);
    if (p->nd == 2) return tp__max_pool_planes(p->op, x, &planes, index);
    int64_t lead = pool_lead(p, x);
    tp_tensor *in_plane, *y = tp_reshape(x, TP_SHAPE(lead, p->size[0], p->size[1], p->size[2]));
    if (y) y = tp__max_pool_planes(p->op, y, &planes, &in_plane);
    if (!y) return NULL;
    *index = in_plane;
    if (p->nd == 3) {
        tp_tensor *in_depth;
        y = tp_reshape(y, TP_SHAPE(lead, 1, p->size[0], depths.w));
        if (y) y = tp__max_pool_planes(p->op, y, &depths, &in_depth);
        if (y && index_wanted) *index = pool_index(p, lead, in_plane, in_depth);
    }
    tp_shape shape = pool_shape(p, x);
    if (y && index_wanted) *index = tp_reshape(*index, shape);
    return y ? tp_reshape(y, shape) : NULL;
}

static tp_tensor *pool_max_only(const pool *p, tp_tensor *x) {
    tp_tensor *index;
    tp_scope *s = tp_scope_begin();
    return s ? tp_scope_return(s, pool_max(p, x, false, &index)) : NULL;
}

static tp_values pool_max_both(const pool *p, tp_tensor *x) {
    tp_tensor *index = NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return (tp_values){NULL, NULL};
    tp_tensor *y = pool_max(p, x, true, &index);
    return tp__pool_values(s, y, index);
}

/* ---- maximum ------------------------------------------------------------------------------------------------------ */

tp_tensor *tp_max_pool1d(tp_tensor *x, int64_t kernel, tp_pool1d_options options) {
    const char *op = "max_pool1d";
    pool p;
    TP_REQUIRE(x, op);
    return pool_1d(&p, op, x, kernel, &options) ? pool_max_only(&p, x) : NULL;
}

tp_values tp_max_pool1d_indices(tp_tensor *x, int64_t kernel, tp_pool1d_options options) {
    const char *op = "max_pool1d_indices";
    pool p;
    if (!x) tp__error_null(op, "x");
    return x && pool_1d(&p, op, x, kernel, &options) ? pool_max_both(&p, x) : (tp_values){NULL, NULL};
}

tp_tensor *tp_max_pool2d(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options) {
    const char *op = "max_pool2d";
    int64_t kernel[] = {kernel_h, kernel_w};
    pool p;
    TP_REQUIRE(x, op);
    return pool_2d(&p, op, x, kernel, &options) ? pool_max_only(&p, x) : NULL;
}

tp_values tp_max_pool2d_indices(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options) {
    const char *op = "max_pool2d_indices";
    int64_t kernel[] = {kernel_h, kernel_w};
    pool p;
    if (!x) tp__error_null(op, "x");
    return x && pool_2d(&p, op, x, kernel, &options) ? pool_max_both(&p, x) : (tp_values){NULL, NULL};
}

tp_tensor *tp_max_pool3d(tp_tensor *x, int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                         tp_pool3d_options options) {
    const char *op = "max_pool3d";
    int64_t kernel[] = {kernel_d, kernel_h, kernel_w};
    pool p;
    TP_REQUIRE(x, op);
    return pool_3d(&p, op, x, kernel, &options) ? pool_max_only(&p, x) : NULL;
}

tp_values tp_max_pool3d_indices(tp_tensor *x, int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                                tp_pool3d_options options) {
    const char *op = "max_pool3d_indices";
    int64_t kernel[] = {kernel_d, kernel_h, kernel_w};
    pool p;
    if (!x) tp__error_null(op, "x");
    return x && pool_3d(&p, op, x, kernel, &options) ? pool_max_both(&p, x) : (tp_values){NULL, NULL};
}

tp_tensor *tp_adaptive_max_pool1d(tp_tensor *x, int64_t out) {
    const char *op = "adaptive_max_pool1d";
    pool p;
    TP_REQUIRE(x, op);
    return pool_adaptive(&p, op, x, 1, &out) ? pool_max_only(&p, x) : NULL;
}

tp_values tp_adaptive_max_pool1d_indices(tp_tensor *x, int64_t out) {
    const char *op = "adaptive_max_pool1d_indices";
    pool p;
    if (!x) tp__error_null(op, "x");
    return x && pool_adaptive(&p, op, x, 1, &out) ? pool_max_both(&p, x) : (tp_values){NULL, NULL};
}

tp_tensor *tp_adaptive_max_pool2d(tp_tensor *x, int64_t out_h, int64_t out_w) {
    const char *op = "adaptive_max_pool2d";
    int64_t out[] = {out_h, out_w};
    pool p;
    TP_REQUIRE(x, op);
    return pool_adaptive(&p, op, x, 2, out) ? pool_max_only(&p, x) : NULL;
}

tp_values tp_adaptive_max_pool2d_indices(tp_tensor *x, int64_t out_h, int64_t out_w) {
    const char *op = "adaptive_max_pool2d_indices";
    int64_t out[] = {out_h, out_w};
    pool p;
    if (!x) tp__error_null(op, "x");
    return x && pool_adaptive(&p, op, x, 2, out) ? pool_max_both(&p, x) : (tp_values){NULL, NULL};
}

tp_tensor *tp_adaptive_max_pool3d(tp_tensor *x, int64_t out_d, int64_t out_h, int64_t out_w) {
    const char *op = "adaptive_max_pool3d";
    int64_t out[] = {out_d, out_h, out_w};
    pool p;
    TP_REQUIRE(x, op);
    return pool_adaptive(&p, op, x, 3, out) ? pool_max_only(&p, x) : NULL;
}

tp_values tp_adaptive_max_pool3d_indices(tp_tensor *x, int64_t out_d, int64_t out_h, int64_t out_w) {
    const char *op = "adaptive_max_pool3d_indices";
    int64_t out[] = {out_d, out_h, out_w};
    pool p;
    if (!x) tp__error_null(op, "x");
    return x && pool_adaptive(&p, op, x, 3, out) ? pool_max_both(&p, x) : (tp_values){NULL, NULL};
}

/* ---- mean and p-norm ------------------------------------------------------------------------------------------------ */

static bool pool_no_dilation(const char *op, const int64_t *dilation, int nd, int64_t divisor) {
    for (int d = 0; d < nd; d++)
        if (dilation[d] > 1) TP_FAIL(TP_ERR_ARGUMENT, op, "has no dilation");
    if (divisor < 0) TP_FAIL(TP_ERR_ARGUMENT, op, "the divisor %lld is negative", (long long)divisor);
    return true;
}

tp_tensor *tp_avg_pool1d(tp_tensor *x, int64_t kernel, tp_pool1d_options options) {
    const char *op = "avg_pool1d";
    pool p;
    TP_REQUIRE(x, op);
    if (!pool_no_dilation(op, &options.dilation, 1, 0)) return NULL;
    return pool_1d(&p, op, x, kernel, &options) ? pool_avg(&p, x) : NULL;
}

tp_tensor *tp_avg_pool2d(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options) {
    const char *op = "avg_pool2d";
    int64_t kernel[] = {kernel_h, kernel_w};
    pool p;
    TP_REQUIRE(x, op);
    if (!pool_no_dilation(op, options.dilation, 2, options.divisor)) return NULL;
    return pool_2d(&p, op, x, kernel, &options) ? pool_avg(&p, x) : NULL;
}

tp_tensor *tp_avg_pool3d(tp_tensor *x, int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                         tp_pool3d_options options) {
    const char *op = "avg_pool3d";
    int64_t kernel[] = {kernel_d, kernel_h, kernel_w};
    pool p;
    TP_REQUIRE(x, op);
    if (!pool_no_dilation(op, options.dilation, 3, options.divisor)) return NULL;
    return pool_3d(&p, op, x, kernel, &options) ? pool_avg(&p, x) : NULL;
}

tp_tensor *tp_adaptive_avg_pool1d(tp_tensor *x, int64_t out) {
    const char *op = "adaptive_avg_pool1d";
    pool p;
    TP_REQUIRE(x, op);
    return pool_adaptive(&p, op, x, 1, &out) ? pool_avg(&p, x) : NULL;
}

tp_tensor *tp_adaptive_avg_pool2d(tp_tensor *x, int64_t out_h, int64_t out_w) {
    const char *op = "adaptive_avg_pool2d";
    int64_t out[] = {out_h, out_w};
    pool p;
    TP_REQUIRE(x, op);
    return pool_adaptive(&p, op, x, 2, out) ? pool_avg(&p, x) : NULL;
}

tp_tensor *tp_adaptive_avg_pool3d(tp_tensor *x, int64_t out_d, int64_t out_h, int64_t out_w) {
    const char *op = "adaptive_avg_pool3d";
    int64_t out[] = {out_d, out_h, out_w};
    pool p;
    TP_REQUIRE(x, op);
    return pool_adaptive(&p, op, x, 3, out) ? pool_avg(&p, x) : NULL;
}

/* What has been checked already. The sign and the relu keep the gradient of a window of zeros zero. */
static tp_tensor *pool_lp(const pool *p, tp_tensor *x, double norm) {
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *powers = tp_pow_scalar(x, norm), *mean = powers ? pool_avg(p, powers) : NULL;
    tp_tensor *sum = tp_mul_scalar(tp_mul(tp_sign(mean), tp_relu(tp_abs(mean))),
                                   (double)p->kernel[0] * (double)p->kernel[1] * (double)p->kernel[2]);
    return tp_scope_return(s, tp_pow_scalar(sum, 1 / norm));
}

static bool pool_lp_check(const char *op, double norm, const int64_t *padding, const int64_t *dilation,
                          int nd) {
    if (!(norm > 0)) TP_FAIL(TP_ERR_ARGUMENT, op, "p must be above 0, got %g", norm);
    for (int d = 0; d < nd; d++)
        if (padding[d] != 0) TP_FAIL(TP_ERR_ARGUMENT, op, "has no padding");
    return pool_no_dilation(op, dilation, nd, 0);
}

tp_tensor *tp_lp_pool1d(tp_tensor *x, double norm, int64_t kernel, tp_pool1d_options options) {
    const char *op = "lp_pool1d";
    pool p;
    TP_REQUIRE(x, op);
    if (!pool_lp_check(op, norm, &options.padding, &options.dilation, 1)) return NULL;
    return pool_1d(&p, op, x, kernel, &options) ? pool_lp(&p, x, norm) : NULL;
}

tp_tensor *tp_lp_pool2d(tp_tensor *x, double norm, int64_t kernel_h, int64_t kernel_w,
                        tp_pool2d_options options) {
    const char *op = "lp_pool2d";
    int64_t kernel[] = {kernel_h, kernel_w};
    pool p;
    TP_REQUIRE(x, op);
    if (!pool_lp_check(op, norm, options.padding, options.dilation, 2)) return NULL;
    return pool_2d(&p, op, x, kernel, &options) ? pool_lp(&p, x, norm) : NULL;
}

tp_tensor *tp_lp_pool3d(tp_tensor *x, double norm, int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                        tp_pool3d_options options) {
    const char *op = "lp_pool3d";
    int64_t kernel[] = {kernel_d, kernel_h, kernel_w};
    pool p;
    TP_REQUIRE(x, op);
    if (!pool_lp_check(op, norm, options.padding, options.dilation, 3)) return NULL;
    return pool_3d(&p, op, x, kernel, &options) ? pool_lp(&p, x, norm) : NULL;
}

/* ---- back from the maximum -------------------------------------------------------------------------------------------- */

/* The sizes that unpooling gives, in p->out; false with a record. */
static bool unpool_sizes(pool *p, const int64_t *kernel, const tp_max_unpool_options *o) {
    const int64_t limit = INT32_MAX;
    bool sane = o->size.ndim == 0 || o->size.ndim == p->nd;
    for (int k = 0, d = 3 - p->nd; k < p->nd; k++, d++) {
        p->kernel[d] = kernel[k] ? kernel[k] : k ? p->kernel[d - 1] : 0;
        p->stride[d] = o->stride[k] ? o->stride[k] : k && o->stride[0] ? p->stride[d - 1] : p->kernel[d];
        p->pad[d] = o->padding[k];
        sane = sane && p->kernel[d] >= 1 && p->kernel[d] < limit && p->stride[d] >= 1 &&
               p->stride[d] < limit && p->pad[d] >= 0 && p->pad[d] < limit && p->size[d] < limit;
        if (!sane) break;
        int64_t usual = (p->size[d] - 1) * p->stride[d] - 2 * p->pad[d] + p->kernel[d];
        p->out[d] = o->size.ndim ? o->size.dims[k] : usual;
        sane = p->out[d] >= 1 && p->out[d] > usual - p->stride[d] && p->out[d] < usual + p->stride[d];
    }
    if (sane) return true;
    TP_FAIL(TP_ERR_ARGUMENT, p->op,
            "sizes %s do not come back from kernel %s, stride %s, padding %s and size %s",
            pool_text(p, p->size), pool_text(p, p->kernel), pool_text(p, p->stride), pool_text(p, p->pad),
            tp__shape_text(o->size));
}

static tp_tensor *max_unpool(const char *op, int nd, tp_tensor *x, tp_tensor *indices, const int64_t *kernel,
                             const tp_max_unpool_options *o) {
    TP_REQUIRE(x, op);
    TP_REQUIRE(indices, op);
    if (!pool_check_x(op, x, nd)) return NULL;
    if (!tp__is_index((tp_dtype)indices->dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "indices must be int64 or int32, got %s", tp__dtype_text(indices));
    if (!tp_shape_equal(x->shape, indices->shape))
        TP_FAIL(TP_ERR_SHAPE, op, "x is %s, indices %s", tp__shape_text(x->shape),
                tp__shape_text(indices->shape));
    pool p = pool_of(op, x, nd);
    if (!unpool_sizes(&p, kernel, o)) return NULL;
    tp_shape shape = pool_shape(&p, x);
    if (tp__shape_check(op, shape, (tp_dtype)x->dtype) < 0) return NULL;
    int64_t lead = pool_lead(&p, x), from = p.size[0] * p.size[1] * p.size[2],
            to = p.out[0] * p.out[1] * p.out[2];
    tp_scope *s = tp_scope_begin();
    tp_tensor *index = s ? tp__packed(op, indices, TP_I64) : NULL;
    if (!index) return tp_scope_return(s, NULL);
    const int64_t *at = tp__data_i64(index);
    for (int64_t i = 0; i < index->numel; i++)
        if (at[i] < 0 || at[i] >= to) {
            tp__error(TP_ERR_INDEX, op, "index %lld is out of range for sizes %s", (long long)at[i],
                      pool_text(&p, p.out));
            return tp_scope_return(s, NULL);
        }
    tp_tensor *y = tp_scatter(tp_zeros(TP_SHAPE(lead, to), (tp_dtype)x->dtype), 1,
                              tp_reshape(index, TP_SHAPE(lead, from)), tp_reshape(x, TP_SHAPE(lead, from)));
    return tp_scope_return(s, y ? tp_reshape(y, shape) : NULL);
}

tp_tensor *tp_max_unpool1d(tp_tensor *x, tp_tensor *indices, int64_t kernel, tp_max_unpool_options options) {
    return max_unpool("max_unpool1d", 1, x, indices, &kernel, &options);
}

tp_tensor *tp_max_unpool2d(tp_tensor *x, tp_tensor *indices, int64_t kernel_h, int64_t kernel_w,
                           tp_max_unpool_options options) {
    int64_t kernel[] = {kernel_h, kernel_w};
    return max_unpool("max_unpool2d", 2, x, indices, kernel, &options);
}

tp_tensor *tp_max_unpool3d(tp_tensor *x, tp_tensor *indices, int64_t kernel_d, int64_t kernel_h,
                           int64_t kernel_w, tp_max_unpool_options options) {
    int64_t kernel[] = {kernel_d, kernel_h, kernel_w};
    return max_unpool("max_unpool3d", 3, x, indices, kernel, &options);
}
