/* Pooling of planes, of which all pooling is made; see pool.c. */
#include "ops/pool.h"

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

tp__pool2d tp__pool_adaptive(int64_t h, int64_t w, int64_t out_h, int64_t out_w) {
    return (tp__pool2d){.h = h,
                        .w = w,
                        .oh = out_h == -1 ? h : out_h,
                        .ow = out_w == -1 ? w : out_w,
                        .dil_h = 1,
                        .dil_w = 1,
                        .adaptive = true};
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

tp_tensor *tp__max_pool_planes(const char *op, tp_tensor *x, const tp__pool2d *g, tp_tensor **index) {
    pool_attr attr = {*g};
    TP_REQUIRE(x, op);
    tp_shape shape = with_planes(x->shape, g->oh, g->ow);
    tp_tensor *y = tp__tensor_new(op, shape, (tp_dtype)x->dtype),
              *p = y ? tp__packed(op, x, (tp_dtype)x->dtype) : NULL;
    *index = p ? tp__tensor_new(op, shape, TP_I32) : NULL;
    if (!*index) return NULL;
    pool_job job = {.g = &attr.g,
                    .dtype = (tp_dtype)x->dtype,
                    .from = tp__data(p),
                    .to = tp__data(y),
                    .index = (int32_t *)(void *)tp__data(*index)};
    if (y->numel > 0) pool_run(&job, max_forward_range, y->numel / (g->oh * g->ow));
    return tp__record(&max_pool2d_op, y, TP__INPUTS(x, *index), &attr, sizeof attr);
}

tp_values tp__pool_values(tp_scope *scope, tp_tensor *y, tp_tensor *index) {
    tp_values r = {NULL, NULL};
    tp_tensor *wide = y ? tp_scope_escape(scope, tp_to_dtype(index, TP_I64)) : NULL;
    y = tp_scope_return(scope, wide ? y : NULL);
    if (y) r = (tp_values){y, wide};
    return r;
}

/* ---- average ---------------------------------------------------------------------------------------------- */

static tp_tensor *avg_spread(const tp__pool2d *g, tp_tensor *dy);

/* Linear, so the gradient of each is the other. */
static void avg_pool2d_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {
    dx[0] = avg_spread(&((const pool_attr *)tp__attr(ctx))->g, gs[0]);
}

static void avg_pool2d_grad_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {
    dx[0] = tp__avg_pool_planes(&((const pool_attr *)tp__attr(ctx))->g, gs[0]);
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

tp_tensor *tp__avg_pool_planes(const tp__pool2d *g, tp_tensor *x) {
    return avg_run(g->adaptive ? &adaptive_avg_pool2d_op : &avg_pool2d_op, g, x, g->oh, g->ow,
                   avg_forward_range);
}

static tp_tensor *avg_spread(const tp__pool2d *g, tp_tensor *dy) {
    return avg_run(&avg_pool2d_grad_op, g, dy, g->h, g->w, avg_backward_range);
}
