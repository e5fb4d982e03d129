/* Variance and standard deviation. */
#include "ops/reduce.h"

#include <math.h>

/* d var / dx = 2 (x - mean) / (n - correction) */
static tp_tensor *var_gradient(tp__ctx *ctx, tp_tensor *g) {
    const tp__reduce_attr *a = tp__attr(ctx);
    tp_tensor *x = tp__input(ctx, 0);
    if (!x) return NULL;
    tp_tensor *centred = tp_sub(x, tp_mean_dim(x, tp__mask_dims(a->mask, x->shape.ndim), true));
    return tp_mul(tp_mul_scalar(g, 2 / a->number), centred);
}

static void var_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp__reduce_attr *a = tp__attr(ctx);
    dx[0] = var_gradient(ctx, tp__unreduce(g[0], a->mask, a->keepdim));
}

/* Through the square root, whose gradient counts as 0 where the deviation is 0, as PyTorch's. */
static void std_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp__reduce_attr *a = tp__attr(ctx);
    tp_tensor *y = tp__unreduce(tp__output(ctx, 0), a->mask, a->keepdim);
    tp_tensor *none = tp_eq_scalar(y, 0), *safe = tp_where(none, tp__constant(y, 1), y);
    tp_tensor *half = tp_div(tp__unreduce(g[0], a->mask, a->keepdim), tp_mul_scalar(safe, 2));
    dx[0] = var_gradient(ctx, tp_where(none, tp__constant(y, 0), half));
}

static const tp__op var_op = {.name = "var", .vjp = var_vjp, .save_inputs = TP__ALL};
static const tp__op var_dim_op = {.name = "var_dim", .vjp = var_vjp, .save_inputs = TP__ALL};
static const tp__op std_op = {.name = "std", .vjp = std_vjp, .save_inputs = TP__ALL, .save_outputs = 1};
static const tp__op std_dim_op = {.name = "std_dim",
                                  .vjp = std_vjp,
                                  .save_inputs = TP__ALL,
                                  .save_outputs = 1};

typedef struct moment_job {
    const char *x, *mean;
    int64_t n, item;
    void (*kernel)(int64_t n, const void *x, const void *mean, void *out);
} moment_job;

static void moment_part(const void *context, int64_t row, int64_t begin, int64_t count, void *out) {
    const moment_job *job = context;
    job->kernel(count, job->x + (row * job->n + begin) * job->item, job->mean + row * job->item, out);
}

/* The reduced dims are the last ones: rows, whose deviations are summed as they are computed. */
static bool moment_rows(const char *op, tp_tensor *x, const tp__reduce_attr *a, tp_tensor *mean,
                        tp_tensor *y) {
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_tensor *rows = tp__packed(op, x, dtype);
    if (!rows) return false;
    int64_t n = tp__reduced_count(x->shape, a->mask);
    moment_job job = {tp__data(rows), tp__data(mean), n, (int64_t)tp__itemsize(dtype),
                      tp__kern->reduce->square_dev[dtype]};
    return tp__reduce_parts(op, dtype, y->numel, n, moment_part, &job, tp__data(y));
}

/* Any other dims: the squares are written down, which takes less time than bringing the rows together. */
static bool moment_any(const char *op, tp_tensor *x, const tp__reduce_attr *a, tp_tensor *mean,
                       tp_tensor *y) {
    bool before = tp_set_grad_enabled(false);
    tp_tensor *squares = tp_square(tp_sub(x, tp__unreduce(mean, a->mask, a->keepdim)));
    tp_set_grad_enabled(before);
    return squares && tp__reduce(op, TP__SUM, squares, a->mask, y);
}

/* t = t / by, or its square root. */
static void moment_divide(tp_tensor *t, double by, bool root) {
    float *p = (float *)(void *)tp__data(t);
    double *q = (double *)(void *)tp__data(t);
    for (int64_t i = 0; i < t->numel; i++) {
        if (t->dtype == TP_F32) p[i] = root ? sqrtf(p[i] / (float)by) : p[i] / (float)by;
        else q[i] = root ? sqrt(q[i] / by) : q[i] / by;
    }
}

/* y = sum (x - mean)^2 / number, in two passes. */
static bool moment_run(const char *op, tp_tensor *x, const tp__reduce_attr *a, tp_tensor *y, bool root) {
    tp_tensor *mean = tp__tensor_new(op, y->shape, (tp_dtype)x->dtype);
    if (!mean || !tp__reduce(op, TP__SUM, x, a->mask, mean)) return false;
    moment_divide(mean, (double)tp__reduced_count(x->shape, a->mask), false);
    bool last = true;
    for (int i = 1; i < x->shape.ndim; i++) last &= a->mask[i] || !a->mask[i - 1];
    if (!(last ? moment_rows : moment_any)(op, x, a, mean, y)) return false;
    moment_divide(y, a->number > 0 ? a->number : 0, root);
    return true;
}

static tp_tensor *moment(const tp__op *op, tp_tensor *x, tp_dims dims, double correction, bool keepdim,
                         bool root) {
    TP_REQUIRE(x, op->name);
    tp__reduce_attr a;
    if (!tp__require_floating(op->name, "x", x)) return NULL;
    if (!tp__reduce_attr_init(op->name, x, dims, keepdim, &a)) return NULL;
    a.number = (double)tp__reduced_count(x->shape, a.mask) - correction;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *y = tp__tensor_new(op->name, tp__reduced_shape(x->shape, a.mask, keepdim), (tp_dtype)x->dtype);
    if (y && !moment_run(op->name, x, &a, y, root)) y = NULL;
    return tp_scope_return(scope, tp__record(op, y, TP__INPUTS(x), &a, sizeof a));
}

tp_tensor *tp_var(tp_tensor *x) { return moment(&var_op, x, TP_NO_DIMS, 1, false, false); }
tp_tensor *tp_std(tp_tensor *x) { return moment(&std_op, x, TP_NO_DIMS, 1, false, true); }

tp_tensor *tp_var_dim(tp_tensor *x, tp_dims dims, double correction, bool keepdim) {
    return moment(&var_dim_op, x, dims, correction, keepdim, false);
}

tp_tensor *tp_std_dim(tp_tensor *x, tp_dims dims, double correction, bool keepdim) {
    return moment(&std_dim_op, x, dims, correction, keepdim, true);
}
