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
    tp_tensor *power = p == 3 ? size : tp_pow_scalar(size, p - 2);
    return tp_mul(tp_where(at_zero, zero, tp_mul(x, power)), scale);
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

/* Columns that are added up side by side, and the lines that are added one after the other; these pairwise. */
#define VECTOR_WIDTH 16
#define VECTOR_LINES 8

typedef struct vector_job {
    const char *x;
    double *sums; /* of strips */
    int64_t n, inner, strips;
    double p;
    bool single;
} vector_job;

/* sums[c] = sum |x|^p over n lines of `width` elements, `step` apart. */
typedef void vector_sums_fn(double p, int64_t n, int64_t step, int width, const void *x, double *sums);

#define VECTOR_TERMS(TERM)                                                                                   \
    for (int64_t i = 0; i < n; i++)                                                                          \
        for (int c = 0; c < width; c++) {                                                                    \
            double v = (double)x[i * step + c];                                                              \
            sums[c] += (TERM);                                                                               \
        }
#define VECTOR_SUMS(suffix, type)                                                                            \
    static inline                                                                                            \
        __attribute__((always_inline)) void vector_block_##suffix(double p, int64_t n, int64_t step,         \
                                                                  int width, const type *x,                  \
                                                                  double *restrict sums) {                   \
        for (int c = 0; c < width; c++) sums[c] = 0;                                                         \
        if (p == 2) {                                                                                        \
            VECTOR_TERMS(v *v)                                                                               \
        } else if (p == 1) {                                                                                 \
            VECTOR_TERMS(fabs(v))                                                                            \
        } else if (p == 0) {                                                                                 \
            VECTOR_TERMS(v != 0)                                                                             \
        } else if (p == 3) {                                                                                 \
            VECTOR_TERMS(v *v *fabs(v))                                                                      \
        } else {                                                                                             \
            VECTOR_TERMS(pow(fabs(v), p))                                                                    \
        }                                                                                                    \
    }                                                                                                        \
    static void vector_sums_##suffix(double p, int64_t n, int64_t step, int width, const void *x_,           \
                                     double *sums) {                                                         \
        const type *x = x_;                                                                                  \
        double more[VECTOR_WIDTH];                                                                           \
        if (n > VECTOR_LINES) {                                                                              \
            int64_t half = (n / 2 + VECTOR_LINES - 1) / VECTOR_LINES * VECTOR_LINES;                         \
            vector_sums_##suffix(p, half, step, width, x, sums);                                             \
            vector_sums_##suffix(p, n - half, step, width, x + half * step, more);                           \
            for (int c = 0; c < width; c++) sums[c] += more[c];                                              \
        } else if (width == VECTOR_WIDTH) {                                                                  \
            vector_block_##suffix(p, n, step, VECTOR_WIDTH, x, sums);                                        \
        } else {                                                                                             \
            vector_block_##suffix(p, n, step, width, x, sums);                                               \
        }                                                                                                    \
    }
VECTOR_SUMS(f32, float)
VECTOR_SUMS(f64, double)
#undef VECTOR_SUMS
#undef VECTOR_TERMS

/* A piece of a row, as lines of VECTOR_WIDTH elements and what is left. */
static double vector_row(const vector_job *job, const char *x, int64_t n) {
    vector_sums_fn *fn = job->single ? vector_sums_f32 : vector_sums_f64;
    int64_t lines = n / VECTOR_WIDTH, left = n % VECTOR_WIDTH;
    double sums[VECTOR_WIDTH], rest = 0;
    if (left > 0) fn(job->p, left, 1, 1, x + lines * VECTOR_WIDTH * (job->single ? 4 : 8), &rest);
    if (lines == 0) return rest;
    fn(job->p, lines, VECTOR_WIDTH, VECTOR_WIDTH, x, sums);
    for (int half = VECTOR_WIDTH / 2; half > 0; half /= 2)
        for (int c = 0; c < half; c++) sums[c] += sums[c + half];
    return sums[0] + rest;
}

static void vector_part(const void *context, int64_t row, int64_t begin, int64_t count, void *out) {
    const vector_job *job = context;
    const char *x = job->x + (row * job->n + begin) * (job->single ? 4 : 8);
    if (job->p == 2 && job->single) {
        const float zero = 0;
        float sum;
        tp__kern->reduce->square_dev[TP_F32](count, x, &zero, &sum);
        *(double *)out = (double)sum;
        if (sum > VECTOR_LEAST && sum < INFINITY) return;
    } else if (job->p == 2) {
        const double zero = 0;
        tp__kern->reduce->square_dev[TP_F64](count, x, &zero, out);
        return;
    }
    *(double *)out = vector_row(job, x, count);
}

static void vector_strips(void *context, int64_t begin, int64_t end, int worker) {
    const vector_job *job = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        int64_t column = i % job->strips * VECTOR_WIDTH, left = job->inner - column;
        int64_t at = i / job->strips * job->n * job->inner + column;
        (job->single ? vector_sums_f32 : vector_sums_f64)(job->p, job->n, job->inner,
                                                          left < VECTOR_WIDTH ? (int)left : VECTOR_WIDTH,
                                                          job->x + at * (job->single ? 4 : 8),
                                                          job->sums + i / job->strips * job->inner + column);
    }
}

/* Are the reduced dims neighbours, with others behind them, and is there enough of these for the threads? Then
 * n and inner say how many elements there are of each. */
static bool vector_has_strips(const tp_tensor *x, const bool mask[TP_MAX_DIMS], vector_job *job) {
    int runs = 0;
    job->inner = 1;
    for (int i = 0; i < x->shape.ndim; i++) {
        bool begins = mask[i] && (i == 0 || !mask[i - 1]);
        runs += begins;
        job->inner = mask[i] ? 1 : job->inner * x->shape.dims[i];
    }
    job->strips = (job->inner + VECTOR_WIDTH - 1) / VECTOR_WIDTH;
    return x->dense && runs == 1 && job->inner > 1 && job->n < TP__REDUCE_CHUNK;
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
    tp_tensor *sums = tp__tensor_new(op, y->shape, TP_F64);
    if (!sums) return false;
    vector_job job = {.n = tp__reduced_count(x->shape, a->mask),
                      .p = a->number,
                      .single = x->dtype == TP_F32};
    job.sums = (double *)(void *)tp__data(sums);
    if (vector_has_strips(x, a->mask, &job)) {
        job.x = tp__data(x);
        int64_t width = job.inner < VECTOR_WIDTH ? job.inner : VECTOR_WIDTH;
        if (y->numel > 0)
            tp__parallel_for(y->numel / job.inner * job.strips, TP__REDUCE_CHUNK / ((job.n + 1) * width),
                             vector_strips, &job);
    } else {
        tp_tensor *rows = tp__reduce_rows(op, x, a->mask, (tp_dtype)x->dtype);
        if (!rows) return false;
        job.x = tp__data(rows);
        if (!tp__reduce_parts(op, TP_F64, y->numel, job.n, vector_part, &job, job.sums)) return false;
    }
    vector_roots(y, job.sums, a->number);
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
