/* Softmax and its logarithm along one dim. */
#include "kernels/softmax.h"

#include "ops/ops.h"

/* Fewer elements than this for each thread are not worth waking it. */
#define SOFTMAX_GRAIN ((int64_t)1 << 14)

/* The tensor as (outer, n, inner), packed, and what to run over it. */
typedef struct softmax_job {
    const char *x, *g; /* g: the gradient, and x the softmax's result; NULL for the forward */
    char *y;
    int64_t outer, n, inner, item;
    int64_t block, panels; /* rows at a time; panels of columns an outer one */
    tp__softmax_rows_fn *rows;
    tp__softmax_cols_fn *cols;
    tp__softmax_rows_grad_fn *rows_grad;
    tp__softmax_cols_grad_fn *cols_grad;
} softmax_job;

static void softmax_rows_range(void *context, int64_t begin, int64_t end, int worker) {
    const softmax_job *job = context;
    (void)worker;
    int64_t first = begin * job->block, last = end * job->block;
    if (last > job->outer) last = job->outer;
    int64_t at = first * job->n * job->item;
    if (job->g) job->rows_grad(last - first, job->n, job->x + at, job->g + at, job->y + at);
    else job->rows(last - first, job->n, job->x + at, job->y + at);
}

static void softmax_cols_range(void *context, int64_t begin, int64_t end, int worker) {
    const softmax_job *job = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        int64_t from = i % job->panels * TP__SOFTMAX_COLS, left = job->inner - from;
        int64_t width = left < TP__SOFTMAX_COLS ? left : TP__SOFTMAX_COLS;
        int64_t at = (i / job->panels * job->n * job->inner + from) * job->item;
        if (job->g) job->cols_grad(job->n, width, job->inner, job->x + at, job->g + at, job->y + at);
        else job->cols(job->n, width, job->inner, job->x + at, job->y + at);
    }
}

static void softmax_run(softmax_job *job, const tp_tensor *y, int dim) {
    if (y->numel == 0) return;
    job->outer = job->n = job->inner = 1;
    for (int i = 0; i < y->shape.ndim; i++) {
        if (i < dim) job->outer *= y->shape.dims[i];
        else if (i == dim) job->n = y->shape.dims[i];
        else job->inner *= y->shape.dims[i];
    }
    job->item = (int64_t)tp__itemsize((tp_dtype)y->dtype);
    job->y = tp__data(y);
    if (job->inner == 1) {
        job->block = tp__softmax_rows(job->n);
        tp__parallel_for((job->outer + job->block - 1) / job->block, SOFTMAX_GRAIN / (job->block * job->n),
                         softmax_rows_range, job);
    } else {
        job->panels = (job->inner + TP__SOFTMAX_COLS - 1) / TP__SOFTMAX_COLS;
        int64_t width = job->inner < TP__SOFTMAX_COLS ? job->inner : TP__SOFTMAX_COLS;
        tp__parallel_for(job->outer * job->panels, SOFTMAX_GRAIN / (width * job->n), softmax_cols_range, job);
    }
}

static int softmax_dim(tp__ctx *ctx) { return *(const int *)tp__attr(ctx); }

/* dx = y (g - sum g y) */
static void softmax_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *y = tp__output(ctx, 0);
    dx[0] = tp_mul(y, tp_sub(g[0], tp_sum_dim(tp_mul(g[0], y), TP_DIMS(softmax_dim(ctx)), true)));
}

/* dx = g - exp(y) sum g */
static void log_softmax_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *p = tp_exp(tp__output(ctx, 0));
    dx[0] = tp_sub(g[0], tp_mul(p, tp_sum_dim(g[0], TP_DIMS(softmax_dim(ctx)), true)));
}

static void softmax_fused(tp__ctx *ctx, const char *op, softmax_job *job, tp_tensor *g, tp_tensor **dx) {
    tp_tensor *y = tp__output(ctx, 0);
    g = y ? tp__packed(op, g, (tp_dtype)y->dtype) : NULL;
    tp_tensor *r = g ? tp__tensor_new(op, y->shape, (tp_dtype)y->dtype) : NULL;
    if (!r) return;
    job->x = tp__data(y);
    job->g = tp__data(g);
    softmax_run(job, r, softmax_dim(ctx));
    dx[0] = r;
}

static void softmax_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp__softmax_kernels *k = tp__kern->softmax;
    softmax_job job = {.rows_grad = k->softmax_rows_grad[g[0]->dtype],
                       .cols_grad = k->softmax_cols_grad[g[0]->dtype]};
    softmax_fused(ctx, "softmax", &job, g[0], dx);
}

static void log_softmax_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp__softmax_kernels *k = tp__kern->softmax;
    softmax_job job = {.rows_grad = k->log_softmax_rows_grad[g[0]->dtype],
                       .cols_grad = k->log_softmax_cols_grad[g[0]->dtype]};
    softmax_fused(ctx, "log_softmax", &job, g[0], dx);
}

static const tp__op softmax_op = {.name = "softmax",
                                  .vjp = softmax_vjp,
                                  .vjp_fused = softmax_vjp_fused,
                                  .save_outputs = 1};
static const tp__op log_softmax_op = {.name = "log_softmax",
                                      .vjp = log_softmax_vjp,
                                      .vjp_fused = log_softmax_vjp_fused,
                                      .save_outputs = 1};

static tp_tensor *softmax_along(const tp__op *op, softmax_job *job, tp_tensor *x, int dim) {
    dim = tp__wrap_dim(op->name, dim, x->shape.ndim);
    if (dim < 0) return NULL;
    tp_scope *scope = x->dense ? NULL : tp_scope_begin();
    if (!x->dense && !scope) return NULL;
    tp_tensor *packed = tp__packed(op->name, x, (tp_dtype)x->dtype);
    tp_tensor *y = packed ? tp__tensor_new(op->name, x->shape, (tp_dtype)x->dtype) : NULL;
    if (y) {
        job->x = tp__data(packed);
        softmax_run(job, y, dim);
    }
    y = tp__record(op, y, TP__INPUTS(x), &dim, sizeof dim);
    return scope ? tp_scope_return(scope, y) : y;
}

tp_tensor *tp_softmax(tp_tensor *x, int dim) {
    TP_REQUIRE(x, "softmax");
    if (!tp__require_floating("softmax", "x", x)) return NULL;
    const tp__softmax_kernels *k = tp__kern->softmax;
    softmax_job job = {.rows = k->softmax_rows[x->dtype], .cols = k->softmax_cols[x->dtype]};
    return softmax_along(&softmax_op, &job, x, dim);
}

tp_tensor *tp_log_softmax(tp_tensor *x, int dim) {
    TP_REQUIRE(x, "log_softmax");
    if (!tp__require_floating("log_softmax", "x", x)) return NULL;
    const tp__softmax_kernels *k = tp__kern->softmax;
    softmax_job job = {.rows = k->log_softmax_rows[x->dtype], .cols = k->log_softmax_cols[x->dtype]};
    return softmax_along(&log_softmax_op, &job, x, dim);
}
