/* Sums, means, extremes and log-sum-exp over any dims; any and all. */
#include "ops/reduce.h"

#include <math.h>
#include <string.h>

#include "kernels/softmax.h"
#include "taper/tensor.h"

/* ---- what they share -------------------------------------------------------------------------------- */

bool tp__reduce_attr_init(const char *op, const tp_tensor *x, tp_dims dims, bool keepdim,
                          tp__reduce_attr *attr) {
    attr->keepdim = keepdim;
    attr->number = 1;
    return tp__dims_mask(op, dims, x->shape.ndim, attr->mask);
}

int64_t tp__reduced_count(tp_shape shape, const bool mask[TP_MAX_DIMS]) {
    int64_t n = 1;
    for (int i = 0; i < shape.ndim; i++)
        if (mask[i]) n *= shape.dims[i];
    return n;
}

tp_dims tp__mask_dims(const bool mask[TP_MAX_DIMS], int ndim) {
    tp_dims dims = TP_NO_DIMS;
    for (int i = 0; i < ndim; i++)
        if (mask[i]) dims.items[dims.count++] = i;
    return dims;
}

/* ---- sum and mean ----------------------------------------------------------------------------------- */

static void sum_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp__reduce_attr *a = tp__attr(ctx);
    dx[0] = tp_expand(tp__unreduce(g[0], a->mask, a->keepdim), tp__input_shape(ctx, 0));
}

static void mean_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp__reduce_attr *a = tp__attr(ctx);
    tp_tensor *part = tp_div_scalar(tp__unreduce(g[0], a->mask, a->keepdim), a->number);
    dx[0] = tp_expand(part, tp__input_shape(ctx, 0));
}

static const tp__op sum_op = {.name = "sum", .vjp = sum_vjp};
static const tp__op sum_dim_op = {.name = "sum_dim", .vjp = sum_vjp};
static const tp__op mean_op = {.name = "mean", .vjp = mean_vjp};
static const tp__op mean_dim_op = {.name = "mean_dim", .vjp = mean_vjp};

static tp_tensor *sum_whole(const char *op, tp_tensor *x, const tp__reduce_attr *a, tp_shape shape) {
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *whole = tp__cast(op, x, TP_I64);
    tp_tensor *y = whole ? tp__tensor_new(op, shape, TP_I64) : NULL;
    if (y && !tp__reduce(op, TP__SUM, whole, a->mask, y)) y = NULL;
    return tp_scope_return(scope, y);
}

static tp_tensor *sum_some(const tp__op *op, tp_tensor *x, tp_dims dims, bool keepdim) {
    TP_REQUIRE(x, op->name);
    tp__reduce_attr a;
    if (!tp__reduce_attr_init(op->name, x, dims, keepdim, &a)) return NULL;
    tp_shape shape = tp__reduced_shape(x->shape, a.mask, keepdim);
    if (!tp__is_floating((tp_dtype)x->dtype)) return sum_whole(op->name, x, &a, shape);
    tp_tensor *y = tp__tensor_new(op->name, shape, (tp_dtype)x->dtype);
    if (!y || !tp__reduce(op->name, TP__SUM, x, a.mask, y)) return NULL;
    return tp__record(op, y, TP__INPUTS(x), &a, sizeof a);
}

tp_tensor *tp_sum(tp_tensor *x) { return sum_some(&sum_op, x, TP_NO_DIMS, false); }

tp_tensor *tp_sum_dim(tp_tensor *x, tp_dims dims, bool keepdim) {
    return sum_some(&sum_dim_op, x, dims, keepdim);
}

static tp_tensor *nansum_some(const char *op, tp_tensor *x, tp_dims dims, bool keepdim) {
    TP_REQUIRE(x, op);
    tp__reduce_attr a;
    if (!tp__reduce_attr_init(op, x, dims, keepdim, &a)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    if (tp__is_floating((tp_dtype)x->dtype)) x = tp_where(tp_isnan(x), tp__constant(x, 0), x);
    return tp_scope_return(scope, tp_sum_dim(x, dims, keepdim));
}

tp_tensor *tp_nansum(tp_tensor *x) { return nansum_some("nansum", x, TP_NO_DIMS, false); }

tp_tensor *tp_nansum_dim(tp_tensor *x, tp_dims dims, bool keepdim) {
    return nansum_some("nansum_dim", x, dims, keepdim);
}

static void reduce_divide(tp_tensor *y, double by) {
    if (y->dtype == TP_F32) {
        float *p = (float *)(void *)tp__data(y), number = (float)by;
        for (int64_t i = 0; i < y->numel; i++) p[i] /= number;
    } else {
        double *p = (double *)(void *)tp__data(y);
        for (int64_t i = 0; i < y->numel; i++) p[i] /= by;
    }
}

static tp_tensor *mean_some(const tp__op *op, tp_tensor *x, tp_dims dims, bool keepdim) {
    TP_REQUIRE(x, op->name);
    tp__reduce_attr a;
    if (!tp__require_floating(op->name, "x", x)) return NULL;
    if (!tp__reduce_attr_init(op->name, x, dims, keepdim, &a)) return NULL;
    a.number = (double)tp__reduced_count(x->shape, a.mask);
    tp_tensor *y = tp__tensor_new(op->name, tp__reduced_shape(x->shape, a.mask, keepdim), (tp_dtype)x->dtype);
    if (!y || !tp__reduce(op->name, TP__SUM, x, a.mask, y)) return NULL;
    reduce_divide(y, a.number);
    return tp__record(op, y, TP__INPUTS(x), &a, sizeof a);
}

tp_tensor *tp_mean(tp_tensor *x) { return mean_some(&mean_op, x, TP_NO_DIMS, false); }

tp_tensor *tp_mean_dim(tp_tensor *x, tp_dims dims, bool keepdim) {
    return mean_some(&mean_dim_op, x, dims, keepdim);
}

/* ---- sum_to_shape ----------------------------------------------------------------------------------- */

static void sum_to_shape_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp_expand(g[0], tp__input_shape(ctx, 0));
}

static const tp__op sum_to_shape_op = {.name = "sum_to_shape", .vjp = sum_to_shape_vjp};

tp_tensor *tp_sum_to_shape(tp_tensor *x, tp_shape shape) {
    const char *op = "sum_to_shape";
    TP_REQUIRE(x, op);
    if (tp_shape_equal(x->shape, shape)) return x;
    bool mask[TP_MAX_DIMS] = {false};
    if (!tp__check_ndim(op, shape)) return NULL;
    int lead = x->shape.ndim - shape.ndim;
    bool fits = lead >= 0;
    for (int i = 0; fits && i < x->shape.ndim; i++) {
        int64_t to = i < lead ? 1 : shape.dims[i - lead];
        mask[i] = i < lead || to != x->shape.dims[i];
        fits = to == 1 || to == x->shape.dims[i];
    }
    if (!fits)
        TP_FAIL(TP_ERR_SHAPE, op, "%s does not broadcast to %s", tp__shape_text(shape),
                tp__shape_text(x->shape));
    if (!tp__is_floating((tp_dtype)x->dtype)) {
        tp__reduce_attr a;
        memcpy(a.mask, mask, sizeof mask);
        return sum_whole(op, x, &a, shape);
    }
    tp_tensor *y = tp__tensor_new(op, shape, (tp_dtype)x->dtype);
    if (!y || !tp__reduce(op, TP__SUM, x, mask, y)) return NULL;
    return tp__record(&sum_to_shape_op, y, TP__INPUTS(x), NULL, 0);
}

/* ---- amax and amin ---------------------------------------------------------------------------------- */

/* Elements that tie share the gradient evenly. */
static void extreme_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp__reduce_attr *a = tp__attr(ctx);
    tp_tensor *x = tp__input(ctx, 0), *y = tp__unreduce(tp__output(ctx, 0), a->mask, a->keepdim);
    tp_tensor *tie = tp_to_dtype(tp_eq(x, y), tp__input_dtype(ctx, 0));
    if (!tie) return;
    tp_tensor *count = tp_sum_dim(tie, tp__mask_dims(a->mask, tie->shape.ndim), true);
    dx[0] = tp_mul(tp_div(tp__unreduce(g[0], a->mask, a->keepdim), count), tie);
}

static const tp__op amax_op = {.name = "amax", .vjp = extreme_vjp, .save_inputs = TP__ALL, .save_outputs = 1};
static const tp__op amin_op = {.name = "amin", .vjp = extreme_vjp, .save_inputs = TP__ALL, .save_outputs = 1};

static tp_tensor *extreme(const tp__op *op, tp__reduce_kind kind, tp_tensor *x, tp_dims dims, bool keepdim) {
    TP_REQUIRE(x, op->name);
    tp__reduce_attr a;
    if (!tp__reduce_attr_init(op->name, x, dims, keepdim, &a)) return NULL;
    if (tp__reduced_count(x->shape, a.mask) == 0)
        TP_FAIL(TP_ERR_SHAPE, op->name, "over no elements: x of shape %s", tp__shape_text(x->shape));
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_shape shape = tp__reduced_shape(x->shape, a.mask, keepdim);
    if (tp__is_floating(dtype) || dtype == TP_I64) {
        tp_tensor *y = tp__tensor_new(op->name, shape, dtype);
        if (!y || !tp__reduce(op->name, kind, x, a.mask, y)) return NULL;
        return tp__record(op, y, TP__INPUTS(x), &a, sizeof a);
    }
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *wide = tp__cast(op->name, x, TP_I64);
    tp_tensor *y = wide ? tp__tensor_new(op->name, shape, TP_I64) : NULL;
    if (y && !tp__reduce(op->name, kind, wide, a.mask, y)) y = NULL;
    return tp_scope_return(scope, y ? tp__cast(op->name, y, dtype) : NULL);
}

tp_tensor *tp_amax(tp_tensor *x, tp_dims dims, bool keepdim) {
    return extreme(&amax_op, TP__MAX, x, dims, keepdim);
}

tp_tensor *tp_amin(tp_tensor *x, tp_dims dims, bool keepdim) {
    return extreme(&amin_op, TP__MIN, x, dims, keepdim);
}

/* ---- logsumexp -------------------------------------------------------------------------------------- */

static void logsumexp_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp__reduce_attr *a = tp__attr(ctx);
    tp_tensor *y = tp__unreduce(tp__output(ctx, 0), a->mask, a->keepdim);
    dx[0] = tp_mul(tp__unreduce(g[0], a->mask, a->keepdim), tp_exp(tp_sub(tp__input(ctx, 0), y)));
}

static const tp__op logsumexp_op = {.name = "logsumexp",
                                    .vjp = logsumexp_vjp,
                                    .save_inputs = TP__ALL,
                                    .save_outputs = 1};

typedef struct logsumexp_job {
    const char *x;
    char *y;
    int64_t rows, n, block, item;
    void (*kernel)(int64_t rows, int64_t n, const void *x, void *y);
} logsumexp_job;

static void logsumexp_range(void *context, int64_t begin, int64_t end, int worker) {
    const logsumexp_job *job = context;
    (void)worker;
    int64_t first = begin * job->block, last = end * job->block;
    if (last > job->rows) last = job->rows;
    job->kernel(last - first, job->n, job->x + first * job->n * job->item, job->y + first * job->item);
}

static bool logsumexp_run(const char *op, tp_tensor *x, const bool mask[TP_MAX_DIMS], int64_t n,
                          tp_tensor *y) {
    tp_tensor *rows = tp__reduce_rows(op, x, mask, (tp_dtype)x->dtype);
    if (!rows) return false;
    logsumexp_job job = {tp__data(rows),
                         tp__data(y),
                         y->numel,
                         n,
                         tp__softmax_rows(n),
                         (int64_t)tp__itemsize((tp_dtype)x->dtype),
                         tp__kern->softmax->logsumexp_rows[x->dtype]};
    tp__parallel_for((job.rows + job.block - 1) / job.block, 16384 / (job.block * n), logsumexp_range, &job);
    return true;
}

tp_tensor *tp_logsumexp(tp_tensor *x, tp_dims dims, bool keepdim) {
    const char *op = "logsumexp";
    TP_REQUIRE(x, op);
    tp__reduce_attr a;
    if (!tp__require_floating(op, "x", x) || !tp__reduce_attr_init(op, x, dims, keepdim, &a)) return NULL;
    int64_t n = tp__reduced_count(x->shape, a.mask);
    tp_shape shape = tp__reduced_shape(x->shape, a.mask, keepdim);
    if (n == 0)
        return tp__record(&logsumexp_op, tp_full(shape, -INFINITY, (tp_dtype)x->dtype), TP__INPUTS(x), &a,
                          sizeof a);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *y = tp__tensor_new(op, shape, (tp_dtype)x->dtype);
    if (y && !logsumexp_run(op, x, a.mask, n, y)) y = NULL;
    return tp_scope_return(scope, tp__record(&logsumexp_op, y, TP__INPUTS(x), &a, sizeof a));
}

/* ---- any and all ------------------------------------------------------------------------------------ */

/* Looks for the byte `value` among the elements as BOOL; the result is `found` if there is one. */
static tp_tensor *bool_search(const char *op, tp_tensor *x, int value, bool found) {
    TP_REQUIRE(x, op);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *flags = tp__packed(op, x, TP_BOOL),
              *y = flags ? tp__tensor_new(op, TP_SCALAR_SHAPE, TP_BOOL) : NULL;
    if (y) *tp__data(y) = (memchr(tp__data(flags), value, (size_t)flags->numel) != NULL) == found;
    return tp_scope_return(scope, y);
}

tp_tensor *tp_any(tp_tensor *x) { return bool_search("any", x, 1, true); }

tp_tensor *tp_all(tp_tensor *x) { return bool_search("all", x, 0, false); }

/* ---- count_nonzero ---------------------------------------------------------------------------------- */

static tp_tensor *count_some(const char *op, tp_tensor *x, tp_dims dims, bool keepdim) {
    TP_REQUIRE(x, op);
    tp__reduce_attr a;
    if (!tp__reduce_attr_init(op, x, dims, keepdim, &a)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *flags = tp__cast(op, x, TP_BOOL);
    tp_tensor *y = flags ? sum_whole(op, flags, &a, tp__reduced_shape(x->shape, a.mask, keepdim)) : NULL;
    return tp_scope_return(scope, y);
}

tp_tensor *tp_count_nonzero(tp_tensor *x) { return count_some("count_nonzero", x, TP_NO_DIMS, false); }

tp_tensor *tp_count_nonzero_dim(tp_tensor *x, tp_dims dims, bool keepdim) {
    return count_some("count_nonzero_dim", x, dims, keepdim);
}

/* ---- any and all over dims -------------------------------------------------------------------------- */

tp_tensor *tp_any_dim(tp_tensor *x, tp_dims dims, bool keepdim) {
    TP_REQUIRE(x, "any_dim");
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    return tp_scope_return(scope, tp_ne_scalar(count_some("any_dim", x, dims, keepdim), 0));
}

tp_tensor *tp_all_dim(tp_tensor *x, tp_dims dims, bool keepdim) {
    const char *op = "all_dim";
    TP_REQUIRE(x, op);
    tp__reduce_attr a;
    if (!tp__reduce_attr_init(op, x, dims, keepdim, &a)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    double n = (double)tp__reduced_count(x->shape, a.mask);
    return tp_scope_return(scope, tp_eq_scalar(count_some(op, x, dims, keepdim), n));
}
