/* Norms of vectors: (sum |x|^p)^(1/p) over any dims. */
#include <math.h>

#include "ops/reduce.h"
#include "taper/tensor.h"

/* ---- the gradient --------------------------------------------------------------------------------------- */

/* Elements as large as the largest (smallest) share the gradient evenly. */
static tp_tensor *vector_extreme_gradient(tp_tensor *x, tp_tensor *y, tp_tensor *g,
                                          const tp__reduce_attr *a) {
    tp_tensor *tie = tp_where(tp_isnan(y), tp_isnan(x), tp_eq(tp_abs(x), y));
    tie = tie ? tp_to_dtype(tie, (tp_dtype)x->dtype) : NULL;
    if (!tie) return NULL;
    tp_tensor *count = tp_sum_dim(tie, tp__mask_dims(a->mask, x->shape.ndim), true);
    return tp_mul(tp_mul(tp_sign(x), tie), tp_div(g, count));
}

/* x |x|^(p-2) g / y^(p-1), with 0 for x = 0 and for y = 0. */
static tp_tensor *vector_power_gradient(tp_tensor *x, tp_tensor *y, tp_tensor *g, double p) {
    tp_tensor *one = tp__constant(x, 1), *zero = tp__constant(x, 0);
    tp_tensor *none = tp_eq_scalar(y, 0), *divisor = tp_where(none, one, y);
    if (p != 2) divisor = tp_pow_scalar(divisor, p - 1);
    tp_tensor *scale = tp_where(none, zero, tp_div(g, divisor));
    if (p == 2) return tp_mul(x, scale);
    tp_tensor *at_zero = tp_eq_scalar(x, 0), *size = tp_abs(tp_where(at_zero, one, x));
    return tp_mul(tp_where(at_zero, zero, tp_mul(x, tp_pow_scalar(size, p - 2))), scale);
}

static void vector_norm_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp__reduce_attr *a = tp__attr(ctx);
    double p = a->number;
    tp_tensor *x = tp__input(ctx, 0), *y = tp__unreduce(tp__output(ctx, 0), a->mask, a->keepdim);
    tp_tensor *dy = tp__unreduce(g[0], a->mask, a->keepdim);
    if (!x || !y || !dy) return;
    if (p == 0) dx[0] = tp_zeros_like(x);
    else if (p == 1) dx[0] = tp_mul(tp_sign(x), dy);
    else if (isinf(p)) dx[0] = vector_extreme_gradient(x, y, dy, a);
    else dx[0] = vector_power_gradient(x, y, dy, p);
}

static const tp__op norm_op = {.name = "norm",
                               .vjp = vector_norm_vjp,
                               .save_inputs = TP__ALL,
                               .save_outputs = 1};
static const tp__op norm_dim_op = {.name = "norm_dim",
                                   .vjp = vector_norm_vjp,
                                   .save_inputs = TP__ALL,
                                   .save_outputs = 1};

/* ---- the value ------------------------------------------------------------------------------------------ */

/* Sums of squares in F32 below this, or infinite, are taken again in F64. */
#define VECTOR_LEAST 1e-24f

typedef struct vector_job {
    const void *x;
    int64_t n;
    double p;
    bool single;
} vector_job;

static double vector_term(const vector_job *job, int64_t i) {
    double v = job->single ? (double)((const float *)job->x)[i] : ((const double *)job->x)[i];
    if (job->p == 2) return v * v;
    if (job->p == 0) return v != 0;
    if (job->p == 1) return fabs(v);
    return job->p == 3 ? fabs(v) * (v * v) : pow(fabs(v), job->p);
}

/* By halves down to few. */
static double vector_sum(const vector_job *job, int64_t begin, int64_t n) {
    if (n > 32) {
        int64_t half = n / 64 * 32 > 0 ? n / 64 * 32 : 32;
        return vector_sum(job, begin, half) + vector_sum(job, begin + half, n - half);
    }
    double sum = 0;
    for (int64_t i = begin; i < begin + n; i++) sum += vector_term(job, i);
    return sum;
}

static void vector_part(const void *context, int64_t row, int64_t begin, int64_t count, void *out) {
    const vector_job *job = context;
    if (job->p == 2 && job->single) {
        const float zero = 0;
        float sum;
        tp__kern->reduce->square_dev[TP_F32](count, (const float *)job->x + row * job->n + begin, &zero,
                                             &sum);
        *(double *)out = (double)sum;
        if (sum > VECTOR_LEAST && sum < INFINITY) return;
    } else if (job->p == 2) {
        const double zero = 0;
        tp__kern->reduce->square_dev[TP_F64](count, (const double *)job->x + row * job->n + begin, &zero,
                                             out);
        return;
    }
    *(double *)out = vector_sum(job, row * job->n + begin, count);
}

/* y = the root of the sums in `sums`. */
static void vector_roots(tp_tensor *y, const double *sums, double p) {
    for (int64_t r = 0; r < y->numel; r++) {
        double root = p == 0 || p == 1 ? sums[r] : p == 2 ? sqrt(sums[r]) : pow(sums[r], 1 / p);
        tp__store_f64(tp__data(y) + r * (int64_t)tp__itemsize((tp_dtype)y->dtype), (tp_dtype)y->dtype, root);
    }
}

static bool vector_extreme(const char *op, tp_tensor *x, const tp__reduce_attr *a, tp_tensor *y) {
    bool before = tp_set_grad_enabled(false);
    tp_tensor *size = tp_abs(x);
    tp_set_grad_enabled(before);
    return size && tp__reduce(op, a->number > 0 ? TP__MAX : TP__MIN, size, a->mask, y);
}

/* Sums in F64, so that the powers of F32 numbers do not overflow. */
static bool vector_run(const char *op, tp_tensor *x, const tp__reduce_attr *a, tp_tensor *y) {
    if (isinf(a->number)) return vector_extreme(op, x, a, y);
    tp_tensor *rows = tp__reduce_rows(op, x, a->mask, (tp_dtype)x->dtype);
    tp_tensor *sums = rows ? tp__tensor_new(op, y->shape, TP_F64) : NULL;
    if (!sums) return false;
    vector_job job = {tp__data(rows), tp__reduced_count(x->shape, a->mask), a->number, x->dtype == TP_F32};
    if (!tp__reduce_parts(op, TP_F64, y->numel, job.n, vector_part, &job, tp__data(sums))) return false;
    vector_roots(y, (const double *)(const void *)tp__data(sums), a->number);
    return true;
}

static tp_tensor *norm_some(const tp__op *op, tp_tensor *x, double p, tp_dims dims, bool keepdim) {
    TP_REQUIRE(x, op->name);
    tp__reduce_attr a;
    if (!tp__require_floating(op->name, "x", x)) return NULL;
    if (isnan(p)) TP_FAIL(TP_ERR_ARGUMENT, op->name, "p is NaN");
    if (!tp__reduce_attr_init(op->name, x, dims, keepdim, &a)) return NULL;
    a.number = p;
    if ((p < 0 || isinf(p)) && tp__reduced_count(x->shape, a.mask) == 0)
        TP_FAIL(TP_ERR_SHAPE, op->name, "with p = %g over no elements: x of shape %s", p,
                tp__shape_text(x->shape));
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *y = tp__tensor_new(op->name, tp__reduced_shape(x->shape, a.mask, keepdim), (tp_dtype)x->dtype);
    if (y && !vector_run(op->name, x, &a, y)) y = NULL;
    return tp_scope_return(scope, tp__record(op, y, TP__INPUTS(x), &a, sizeof a));
}

tp_tensor *tp_norm(tp_tensor *x, double p) { return norm_some(&norm_op, x, p, TP_NO_DIMS, false); }

tp_tensor *tp_norm_dim(tp_tensor *x, double p, tp_dims dims, bool keepdim) {
    return norm_some(&norm_dim_op, x, p, dims, keepdim);
}
