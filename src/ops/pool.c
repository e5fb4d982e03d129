/* Pooling. */
#include "taper/pool.h"

#include "kernels/pool.h"
#include "ops/ops.h"
#include "taper/index.h"
#include "taper/tensor.h"

typedef struct pool_attr {
    tp__pool2d g;
} pool_attr;

/* ---- kernels on threads ----------------------------------------------------------------------------------- */

typedef struct pool_job {
    const tp__pool2d *g;
    tp_dtype dtype;
    const char *from;
    char *to;
    int32_t *index;
} pool_job;

static void max_forward_range(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const pool_job *job = context;
    tp__kern->pool->max_forward[job->dtype](job->g, job->from, job->to, job->index, begin, end);
}

static void max_backward_range(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const pool_job *job = context;
    tp__kern->pool->max_backward[job->dtype](job->g, job->from, job->index, job->to, begin, end);
}

static void avg_forward_range(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const pool_job *job = context;
    tp__kern->pool->avg_forward[job->dtype](job->g, job->from, job->to, begin, end);
}

static void avg_backward_range(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const pool_job *job = context;
    tp__kern->pool->avg_backward[job->dtype](job->g, job->from, job->to, begin, end);
}

static void pool_run(pool_job *job, tp__range_fn *fn, int64_t planes) {
    int64_t plane = job->g->h * job->g->w + job->g->oh * job->g->ow;
    tp__parallel_for(planes, 32768 / (plane + 1) + 1, fn, job);
}

/* ---- geometry --------------------------------------------------------------------------------------------- */

/* The shape of x with other planes. */
static tp_shape with_planes(tp_shape shape, int64_t h, int64_t w) {
    shape.dims[shape.ndim - 2] = h;
    shape.dims[shape.ndim - 1] = w;
    return shape;
}

static bool pool_check_x(const char *op, const tp_tensor *x) {
    int n = x->shape.ndim;
    if (!tp__require_floating(op, "x", x)) return false;
    bool empty_plane = n >= 2 && (x->shape.dims[n - 1] == 0 || x->shape.dims[n - 2] == 0);
    if ((n == 3 || n == 4) && !empty_plane && (n == 3 || x->shape.dims[1] > 0)) return true;
    tp__error(TP_ERR_SHAPE, op, "x must be (N, C, H, W) or (C, H, W) with planes that are not empty, got %s",
              tp__shape_text(x->shape));
    return false;
}

static int64_t pool_size(int64_t in, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation,
                         bool ceil_mode) {
    int64_t span = in + 2 * pad - dilation * (kernel - 1) - 1;
    if (span < 0) return 0;
    int64_t out = (span + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    /* The last window must begin inside the image or its left padding. */
    return ceil_mode && (out - 1) * stride >= in + pad ? out - 1 : out;
}

static bool pool_geometry(const char *op, tp__pool2d *g, const tp_tensor *x, int64_t kernel_h,
                          int64_t kernel_w, const tp_pool2d_options *o) {
    int n = x->shape.ndim;
    *g = (tp__pool2d){.h = x->shape.dims[n - 2],
                      .w = x->shape.dims[n - 1],
                      .kh = kernel_h,
                      .kw = kernel_w ? kernel_w : kernel_h,
                      .pad_h = o->padding[0],
                      .pad_w = o->padding[1],
                      .count_exclude_pad = o->count_exclude_pad,
                      .divisor = o->divisor};
    g->stride_h = o->stride[0] ? o->stride[0] : g->kh;
    g->stride_w = o->stride[1] ? o->stride[1] : o->stride[0] ? o->stride[0] : g->kw;
    g->dil_h = o->dilation[0] ? o->dilation[0] : 1;
    g->dil_w = o->dilation[1] ? o->dilation[1] : g->dil_h;
    const int64_t limit = (int64_t)1 << 31;
    bool sane = g->kh >= 1 && g->kw >= 1 && g->stride_h >= 1 && g->stride_w >= 1 && g->dil_h >= 1 &&
                g->dil_w >= 1 && g->pad_h >= 0 && g->pad_w >= 0 && g->pad_h <= g->kh / 2 &&
                g->pad_w <= g->kw / 2 && g->kh < limit && g->kw < limit && g->stride_h < limit &&
                g->stride_w < limit && g->dil_h < limit && g->dil_w < limit;
    if (!sane) {
        tp__error(
            TP_ERR_ARGUMENT, op,
            "kernel (%lld, %lld), stride (%lld, %lld), padding (%lld, %lld), dilation (%lld, %lld); padding is at "
            "most half the kernel, the others at least 1",
            (long long)g->kh, (long long)g->kw, (long long)g->stride_h, (long long)g->stride_w,
            (long long)g->pad_h, (long long)g->pad_w, (long long)g->dil_h, (long long)g->dil_w);
        return false;
    }
    g->oh = pool_size(g->h, g->kh, g->stride_h, g->pad_h, g->dil_h, o->ceil_mode);
    g->ow = pool_size(g->w, g->kw, g->stride_w, g->pad_w, g->dil_w, o->ceil_mode);
    if (g->oh > 0 && g->ow > 0 && g->h * g->w <= INT32_MAX) return true;
    tp__error(TP_ERR_SHAPE, op, "x %s with kernel (%lld, %lld) leaves no output", tp__shape_text(x->shape),
              (long long)g->kh, (long long)g->kw);
    return false;
}

/* ---- maximum ---------------------------------------------------------------------------------------------- */

/* The values at the saved indices got the gradient: its scattering, whose own gradient is a gathering. */
static void max_pool2d_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {
    const pool_attr *attr = tp__attr(ctx);
    tp_tensor *index = tp__input(ctx, 1);
    if (!index) return;
    tp_shape shape = tp__input_shape(ctx, 0);
    int64_t planes = index->numel / (attr->g.oh * attr->g.ow);
    tp_shape rows = TP_SHAPE(planes, attr->g.oh * attr->g.ow);
    tp_tensor *zeros = tp_zeros(TP_SHAPE(planes, attr->g.h * attr->g.w), (tp_dtype)gs[0]->dtype);
    dx[0] = tp_reshape(tp_scatter_add(zeros, 1, tp_reshape(index, rows), tp_reshape(gs[0], rows)), shape);
}

static void max_pool2d_vjp_fused(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {
    const pool_attr *attr = tp__attr(ctx);
    tp_tensor *index = tp__input(ctx, 1),
              *g = index ? tp__packed("max_pool2d", gs[0], (tp_dtype)gs[0]->dtype) : NULL;
    dx[0] = g ? tp__tensor_new("max_pool2d", tp__input_shape(ctx, 0), (tp_dtype)g->dtype) : NULL;
    if (!dx[0] || dx[0]->numel == 0) return;
    pool_job job = {.g = &attr->g,
                    .dtype = (tp_dtype)g->dtype,
                    .from = tp__data(g),
                    .to = tp__data(dx[0]),
                    .index = (int32_t *)(void *)tp__data(index)};
    pool_run(&job, max_backward_range, g->numel / (attr->g.oh * attr->g.ow));
}

static const tp__op max_pool2d_op = {.name = "max_pool2d",
                                     .vjp = max_pool2d_vjp,
                                     .vjp_fused = max_pool2d_vjp_fused,
                                     .save_inputs = 2};

static tp_tensor *max_pool(const char *op, tp_tensor *x, int64_t kernel_h, int64_t kernel_w,
                           const tp_pool2d_options *options, tp_tensor **index) {
    TP_REQUIRE(x, op);
    pool_attr attr;
    if (!pool_check_x(op, x) || !pool_geometry(op, &attr.g, x, kernel_h, kernel_w, options)) return NULL;
    tp_shape shape = with_planes(x->shape, attr.g.oh, attr.g.ow);
    tp_tensor *y = tp__tensor_new(op, shape, (tp_dtype)x->dtype),
              *p = y ? tp__packed(op, x, (tp_dtype)x->dtype) : NULL;
    *index = p ? tp__tensor_new(op, shape, TP_I32) : NULL;
    if (!*index) return NULL;
    pool_job job = {.g = &attr.g,
                    .dtype = (tp_dtype)x->dtype,
                    .from = tp__data(p),
                    .to = tp__data(y),
                    .index = (int32_t *)(void *)tp__data(*index)};
    pool_run(&job, max_forward_range, y->numel / (attr.g.oh * attr.g.ow));
    return tp__record(&max_pool2d_op, y, TP__INPUTS(x, *index), &attr, sizeof attr);
}

tp_tensor *tp_max_pool2d(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options) {
    tp_tensor *index;
    tp_scope *scope = tp_scope_begin();
    return scope ? tp_scope_return(scope, max_pool("max_pool2d", x, kernel_h, kernel_w, &options, &index))
                 : NULL;
}

tp_values tp_max_pool2d_indices(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options) {
    tp_tensor *index;
    tp_values r = {NULL, NULL};
    tp_scope *scope = tp_scope_begin();
    if (!scope) return r;
    tp_tensor *y = max_pool("max_pool2d_indices", x, kernel_h, kernel_w, &options, &index);
    tp_tensor *wide = y ? tp_scope_escape(scope, tp_to_dtype(index, TP_I64)) : NULL;
    y = tp_scope_return(scope, wide ? y : NULL);
    if (y) r = (tp_values){y, wide};
    return r;
}

/* ---- average ---------------------------------------------------------------------------------------------- */

static tp_tensor *avg_apply(const tp__pool2d *g, tp_tensor *x);
static tp_tensor *avg_spread(const tp__pool2d *g, tp_tensor *dy);

/* Linear, so the gradient of each is the other. */
static void avg_pool2d_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {
    dx[0] = avg_spread(&((const pool_attr *)tp__attr(ctx))->g, gs[0]);
}

static void avg_pool2d_grad_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {
    dx[0] = avg_apply(&((const pool_attr *)tp__attr(ctx))->g, gs[0]);
}

static const tp__op avg_pool2d_op = {.name = "avg_pool2d", .vjp = avg_pool2d_vjp};
static const tp__op adaptive_avg_pool2d_op = {.name = "adaptive_avg_pool2d", .vjp = avg_pool2d_vjp};
static const tp__op avg_pool2d_grad_op = {.name = "avg_pool2d_grad", .vjp = avg_pool2d_grad_vjp};

static tp_tensor *avg_run(const tp__op *op, const tp__pool2d *g, tp_tensor *from, int64_t h, int64_t w,
                          tp__range_fn *fn) {
    TP_REQUIRE(from, op->name);
    pool_attr attr = {*g};
    tp_dtype dtype = (tp_dtype)from->dtype;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *p = tp__packed(op->name, from, dtype);
    tp_tensor *to = p ? tp__tensor_new(op->name, with_planes(from->shape, h, w), dtype) : NULL;
    if (to && to->numel > 0) {
        pool_job job = {.g = g, .dtype = dtype, .from = tp__data(p), .to = tp__data(to)};
        pool_run(&job, fn, to->numel / (h * w));
    }
    return tp_scope_return(scope, tp__record(op, to, TP__INPUTS(from), &attr, sizeof attr));
}

static tp_tensor *avg_apply(const tp__pool2d *g, tp_tensor *x) {
    return avg_run(g->adaptive ? &adaptive_avg_pool2d_op : &avg_pool2d_op, g, x, g->oh, g->ow,
                   avg_forward_range);
}

static tp_tensor *avg_spread(const tp__pool2d *g, tp_tensor *dy) {
    return avg_run(&avg_pool2d_grad_op, g, dy, g->h, g->w, avg_backward_range);
}

tp_tensor *tp_avg_pool2d(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options) {
    const char *op = "avg_pool2d";
    TP_REQUIRE(x, op);
    tp__pool2d g;
    if (options.dilation[0] > 1 || options.dilation[1] > 1) TP_FAIL(TP_ERR_ARGUMENT, op, "has no dilation");
    if (options.divisor < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "the divisor %lld is negative", (long long)options.divisor);
    if (!pool_check_x(op, x) || !pool_geometry(op, &g, x, kernel_h, kernel_w, &options)) return NULL;
    return avg_apply(&g, x);
}

tp_tensor *tp_adaptive_avg_pool2d(tp_tensor *x, int64_t out_h, int64_t out_w) {
    const char *op = "adaptive_avg_pool2d";
    TP_REQUIRE(x, op);
    if (!pool_check_x(op, x)) return NULL;
    int64_t h = x->shape.dims[x->shape.ndim - 2], w = x->shape.dims[x->shape.ndim - 1];
    tp__pool2d g = {
        .h = h, .w = w, .oh = out_h == -1 ? h : out_h, .ow = out_w == -1 ? w : out_w, .adaptive = true};
    if (g.oh < 1 || g.ow < 1)
        TP_FAIL(TP_ERR_ARGUMENT, op, "output size (%lld, %lld); sizes are at least 1, or -1 for the input's",
                (long long)out_h, (long long)out_w);
    return avg_apply(&g, x);
}
