/* Running products, log-sum-exps and extremes. */
#include <float.h>
#include <math.h>

#include "ops/reduce.h"
#include "ops/scan.h"

/* ---- cumprod -------------------------------------------------------------------------------------------- */

#define CUMPROD_MUL(a, b) ((a) * (b))
TP__SCAN_SIMPLE(cumprod_f32, float, double, 1, CUMPROD_MUL)
TP__SCAN_SIMPLE(cumprod_f64, double, double, 1, CUMPROD_MUL)
TP__SCAN_SIMPLE(cumprod_i64, int64_t, uint64_t, 1, CUMPROD_MUL)
#undef CUMPROD_MUL

/* dx[k] = (product of those before k) * sum over i >= k of g[i] (product of those between k and i), without a
 * division: right whatever is zero. */
static void cumprod_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__scan_attr here = *(const tp__scan_attr *)tp__attr(ctx), back = here;
    back.reverse = !here.reverse;
    tp_tensor *after = tp__recurrence(tp__shift(tp__input(ctx, 0), &back, 0), g[0], &back);
    dx[0] = tp_mul(tp__shift(tp__output(ctx, 0), &here, 1), after);
}

static const tp__op cumprod_op = {.name = "cumprod",
                                  .vjp = cumprod_vjp,
                                  .save_inputs = TP__ALL,
                                  .save_outputs = 1};

tp_tensor *tp__cumprod(tp_tensor *x, const tp__scan_attr *a) {
    const char *op = "cumprod";
    TP_REQUIRE(x, op);
    tp_dtype dtype = tp__is_floating((tp_dtype)x->dtype) ? (tp_dtype)x->dtype : TP_I64;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *packed = tp__packed(op, x, dtype);
    tp_tensor *y = packed ? tp__tensor_new(op, x->shape, dtype) : NULL;
    tp__scan_fn *scan = dtype == TP_F32 ? cumprod_f32 : dtype == TP_F64 ? cumprod_f64 : cumprod_i64;
    if (y) tp__scan_run(a, scan, packed, NULL, y, NULL);
    return tp_scope_return(scope, tp__record(&cumprod_op, y, TP__INPUTS(x), a, sizeof *a));
}

tp_tensor *tp_cumprod(tp_tensor *x, int dim) {
    TP_REQUIRE(x, "cumprod");
    dim = tp__wrap_dim("cumprod", dim, x->shape.ndim);
    return dim < 0 ? NULL : tp__cumprod(x, &(tp__scan_attr){dim, false});
}

/* ---- logcumsumexp --------------------------------------------------------------------------------------- */

/* The largest so far, and the sum of the exponentials relative to it, which is at least 1. */
#define LOGCUMSUMEXP(suffix, type)                                                                           \
    TP__SCAN(logcumsumexp_##suffix) {                                                                        \
        const type *x = s->x;                                                                                \
        type *y = s->y;                                                                                      \
        double most[TP__SCAN_WIDTH], sum[TP__SCAN_WIDTH];                                                    \
        for (int c = 0; c < width; c++) most[c] = -INFINITY, sum[c] = 0;                                     \
        for (int64_t i = 0; i < s->n; i++)                                                                   \
            for (int c = 0; c < width; c++) {                                                                \
                double v = (double)x[i * s->step + c];                                                       \
                if (v == most[c]) {                                                                          \
                    sum[c] += 1; /* infinite ones too */                                                     \
                } else if (v > most[c]) {                                                                    \
                    sum[c] = sum[c] * exp(most[c] - v) + 1;                                                  \
                    most[c] = v;                                                                             \
                } else {                                                                                     \
                    sum[c] += exp(v - most[c]);                                                              \
                }                                                                                            \
                y[i * s->step + c] = (type)(most[c] + log(sum[c]));                                          \
            }                                                                                                \
    }
LOGCUMSUMEXP(f32, float)
LOGCUMSUMEXP(f64, double)
#undef LOGCUMSUMEXP

/* exp(a - b) for a <= b, 0 where a is -Inf. */
static tp_tensor *exp_ratio(tp_tensor *a, tp_tensor *b) {
    tp_tensor *none = tp_eq_scalar(a, -INFINITY);
    return tp_exp(tp_where(none, tp__constant(a, -INFINITY), tp_sub(a, b)));
}

/* dx[k] = exp(x[k] - y[k]) r[k] with r[k] = sum over i >= k of g[i] exp(y[k] - y[i]); no exponent is positive.
 * Inf less Inf counts as 0 in r, so that the NaN it is stays with the x that are infinite. */
static void logcumsumexp_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__scan_attr back = *(const tp__scan_attr *)tp__attr(ctx);
    back.reverse = !back.reverse;
    tp_tensor *y = tp__output(ctx, 0);
    if (!y) return;
    tp_tensor *finite = tp_clamp(y, -INFINITY, y->dtype == TP_F32 ? FLT_MAX : DBL_MAX);
    tp_tensor *r = tp__recurrence(exp_ratio(finite, tp__shift(finite, &back, INFINITY)), g[0], &back);
    dx[0] = tp_mul(exp_ratio(tp__input(ctx, 0), y), r);
}

static const tp__op logcumsumexp_op = {.name = "logcumsumexp",
                                       .vjp = logcumsumexp_vjp,
                                       .save_inputs = TP__ALL,
                                       .save_outputs = 1};

tp_tensor *tp_logcumsumexp(tp_tensor *x, int dim) {
    const char *op = "logcumsumexp";
    TP_REQUIRE(x, op);
    if (!tp__require_floating(op, "x", x)) return NULL;
    tp__scan_attr a = {tp__wrap_dim(op, dim, x->shape.ndim), false};
    if (a.dim < 0) return NULL;
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *packed = tp__packed(op, x, dtype), *y = packed ? tp__tensor_new(op, x->shape, dtype) : NULL;
    if (y) tp__scan_run(&a, dtype == TP_F32 ? logcumsumexp_f32 : logcumsumexp_f64, packed, NULL, y, NULL);
    return tp_scope_return(scope, tp__record(&logcumsumexp_op, y, TP__INPUTS(x), &a, sizeof a));
}

/* ---- cummax and cummin ------------------------------------------------------------------------------------ */

/* NaN wins, and of what is equal the last. */
#define CUMEXTREME(name, type, AT_LEAST)                                                                     \
    TP__SCAN(name) {                                                                                         \
        const type *x = s->x;                                                                                \
        type *y = s->y, best[TP__SCAN_WIDTH];                                                                \
        int64_t at[TP__SCAN_WIDTH];                                                                          \
        for (int c = 0; c < width; c++) best[c] = x[c], at[c] = 0;                                           \
        for (int64_t i = 0; i < s->n; i++)                                                                   \
            for (int c = 0; c < width; c++) {                                                                \
                type v = x[i * s->step + c];                                                                 \
                bool better = v != v || AT_LEAST(v, best[c]);                                                \
                best[c] = better ? v : best[c];                                                              \
                at[c] = better ? i : at[c];                                                                  \
                y[i * s->step + c] = best[c];                                                                \
                s->indices[i * s->step + c] = at[c];                                                         \
            }                                                                                                \
    }
#define CUM_GE(a, b) ((a) >= (b))
#define CUM_LE(a, b) ((a) <= (b))
CUMEXTREME(cummax_f32, float, CUM_GE)
CUMEXTREME(cummax_f64, double, CUM_GE)
CUMEXTREME(cummax_i64, int64_t, CUM_GE)
CUMEXTREME(cummax_i32, int32_t, CUM_GE)
CUMEXTREME(cummax_u8, uint8_t, CUM_GE)
CUMEXTREME(cummin_f32, float, CUM_LE)
CUMEXTREME(cummin_f64, double, CUM_LE)
CUMEXTREME(cummin_i64, int64_t, CUM_LE)
CUMEXTREME(cummin_i32, int32_t, CUM_LE)
CUMEXTREME(cummin_u8, uint8_t, CUM_LE)
#undef CUMEXTREME

/* By dtype. */
static tp__scan_fn *const cummax_scans[TP_DTYPE_COUNT] = {
    [TP_F32] = cummax_f32, [TP_F64] = cummax_f64, [TP_I64] = cummax_i64,
    [TP_I32] = cummax_i32, [TP_U8] = cummax_u8,   [TP_BOOL] = cummax_u8};
static tp__scan_fn *const cummin_scans[TP_DTYPE_COUNT] = {
    [TP_F32] = cummin_f32, [TP_F64] = cummin_f64, [TP_I64] = cummin_i64,
    [TP_I32] = cummin_i32, [TP_U8] = cummin_u8,   [TP_BOOL] = cummin_u8};

static const tp__op cummax_op = {.name = "cummax", .vjp = tp__picked_vjp, .save_outputs = 2};
static const tp__op cummin_op = {.name = "cummin", .vjp = tp__picked_vjp, .save_outputs = 2};

static tp_values cumextreme_new(const tp__op *op, tp__scan_fn *scan, tp_tensor *x, int dim) {
    tp_values none = {NULL, NULL}, y = none;
    tp_tensor *packed = tp__packed(op->name, x, (tp_dtype)x->dtype);
    y.values = packed ? tp__tensor_new(op->name, x->shape, (tp_dtype)x->dtype) : NULL;
    y.indices = y.values ? tp__tensor_new(op->name, x->shape, TP_I64) : NULL;
    if (!y.indices) return none;
    tp__scan_run(&(tp__scan_attr){dim, false}, scan, packed, NULL, y.values, y.indices);
    return tp__record_picked(op, x, y, &(tp__picked_attr){dim, true});
}

static tp_values cumextreme(const tp__op *op, tp__scan_fn *const *scans, tp_tensor *x, int dim) {
    tp_values none = {NULL, NULL};
    if (!x) tp__error_null(op->name, "x");
    if (!x || (dim = tp__wrap_dim(op->name, dim, x->shape.ndim)) < 0) return none;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return none;
    return tp__escape_values(scope, cumextreme_new(op, scans[x->dtype], x, dim));
}

tp_values tp_cummax(tp_tensor *x, int dim) { return cumextreme(&cummax_op, cummax_scans, x, dim); }
tp_values tp_cummin(tp_tensor *x, int dim) { return cumextreme(&cummin_op, cummin_scans, x, dim); }
