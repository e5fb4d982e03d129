/* Elementwise ops made of others. */
#include <float.h>
#include <math.h>

#include "ops/elementwise.h"
#include "taper/tensor.h"

/* Ends a composite: gives `y` to the caller's scope. */
static tp_tensor *composed(tp_scope *scope, tp_tensor *y) { return tp_scope_return(scope, y); }

tp_tensor *tp_polygamma(int n, tp_tensor *x) {
    const char *op = "polygamma";
    TP_REQUIRE(x, op);
    if (n < 0) TP_FAIL(TP_ERR_ARGUMENT, op, "the order must be 0 or more, got %d", n);
    return n == 0 ? tp_digamma(x) : tp__polygamma(x, n);
}

tp_tensor *tp_trigamma(tp_tensor *x) {
    TP_REQUIRE(x, "trigamma");
    return tp__polygamma(x, 1);
}

tp_tensor *tp_logit_eps(tp_tensor *x, double eps) {
    const char *op = "logit_eps";
    TP_REQUIRE(x, op);
    if (!(eps >= 0 && eps <= 0.5)) TP_FAIL(TP_ERR_ARGUMENT, op, "eps must be from 0 to 0.5, got %g", eps);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *from = tp__is_floating((tp_dtype)x->dtype) ? x : tp__cast(op, x, TP_F32);
    return composed(scope, from ? tp_logit(tp_clamp(from, eps, 1 - eps)) : NULL);
}

tp_tensor *tp_round_decimals(tp_tensor *x, int decimals) {
    const char *op = "round_decimals";
    TP_REQUIRE(x, op);
    if (!tp__require_floating(op, "x", x)) return NULL;
    tp_scope *scope = tp_scope_begin();
    double scale = pow(10, fabs((double)decimals));
    if (!scope) return NULL;
    if (decimals >= 0) return composed(scope, tp_div_scalar(tp_round(tp_mul_scalar(x, scale)), scale));
    return composed(scope, tp_mul_scalar(tp_round(tp_div_scalar(x, scale)), scale));
}

tp_tensor *tp_nan_to_num(tp_tensor *x, tp_nan_to_num_options options) {
    const char *op = "nan_to_num";
    TP_REQUIRE(x, op);
    if (!tp__is_floating((tp_dtype)x->dtype)) return tp_clone(x);
    double largest = x->dtype == TP_F32 ? FLT_MAX : DBL_MAX;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *y = tp_masked_fill(x, tp_isnan(x), options.nan);
    y = tp_masked_fill(y, tp_eq_scalar(x, INFINITY), tp__default(options.posinf, largest));
    return composed(scope,
                    tp_masked_fill(y, tp_eq_scalar(x, -INFINITY), tp__default(options.neginf, -largest)));
}

tp_tensor *tp_ldexp(tp_tensor *x, tp_tensor *exponent) {
    const char *op = "ldexp";
    TP_REQUIRE(x, op);
    TP_REQUIRE(exponent, op);
    tp_shape shape;
    if (!tp__broadcast(x->shape, exponent->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "shapes do not broadcast: %s and %s", tp__shape_text(x->shape),
                tp__shape_text(exponent->shape));
    tp_scope *scope = tp_scope_begin();
    return scope ? composed(scope, tp_mul(x, tp_exp2(exponent))) : NULL;
}

/* ---- logic --------------------------------------------------------------------------------------------------- */

/* What each of the two is as a truth value, combined. */
static tp_tensor *logical(const char *op, tp_tensor *(*combine)(tp_tensor *, tp_tensor *), tp_tensor *a,
                          tp_tensor *b) {
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    tp_shape shape;
    if (!tp__broadcast(a->shape, b->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "shapes do not broadcast: %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *x = a->dtype == TP_BOOL ? a : tp_ne_scalar(a, 0),
              *y = b->dtype == TP_BOOL ? b : tp_ne_scalar(b, 0);
    return composed(scope, combine(x, y));
}

tp_tensor *tp_logical_and(tp_tensor *a, tp_tensor *b) { return logical("logical_and", tp_mul, a, b); }
tp_tensor *tp_logical_or(tp_tensor *a, tp_tensor *b) { return logical("logical_or", tp_add, a, b); }
tp_tensor *tp_logical_xor(tp_tensor *a, tp_tensor *b) { return logical("logical_xor", tp_ne, a, b); }

/* ---- are two the same? ---------------------------------------------------------------------------------------- */

static tp_tensor *close_elements(tp_tensor *a, tp_tensor *b, tp_isclose_options options) {
    double rtol = tp__default(options.rtol, 1e-5);
    double atol = tp__default(options.atol, 1e-8);
    tp_tensor *same = tp_eq(a, b);
    if (options.equal_nan) same = tp_add(same, tp_mul(tp_isnan(a), tp_isnan(b)));
    if (a->dtype == TP_BOOL && b->dtype == TP_BOOL) return same;
    tp_dtype dtype = tp__result_type(a, b);
    if (!tp__is_floating(dtype)) dtype = TP_F64; /* so that no difference wraps around */
    tp_tensor *x = tp__cast("isclose", a, dtype), *y = tp__cast("isclose", b, dtype);
    tp_tensor *apart = tp_abs(tp_sub(x, y)), *allowed = tp_add_scalar(tp_abs(tp_mul_scalar(y, rtol)), atol);
    return tp_add(same, tp_mul(tp_isfinite(apart), tp_le(apart, allowed)));
}

static tp_tensor *isclose_as(const char *op, tp_tensor *a, tp_tensor *b, tp_isclose_options options) {
    tp_shape shape;
    if (!tp__broadcast(a->shape, b->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "shapes do not broadcast: %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    if (!(options.rtol >= 0) || !(options.atol >= 0))
        TP_FAIL(TP_ERR_ARGUMENT, op, "tolerances must be 0 or more: rtol %g, atol %g", options.rtol,
                options.atol);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_no_grad_begin();
    tp_tensor *y = close_elements(a, b, options);
    tp_no_grad_end();
    return composed(scope, y);
}

tp_tensor *tp_isclose(tp_tensor *a, tp_tensor *b, tp_isclose_options options) {
    TP_REQUIRE(a, "isclose");
    TP_REQUIRE(b, "isclose");
    return isclose_as("isclose", a, b, options);
}

/* Is every element of a mask true? False also for a NULL. */
static bool all_true(tp_tensor *mask) {
    tp_tensor *all = mask ? tp_all(mask) : NULL;
    return all && *tp__data(all);
}

bool tp_allclose(tp_tensor *a, tp_tensor *b, tp_isclose_options options) {
    const char *op = "allclose";
    if (!a || !b) {
        tp__error_null(op, a ? "b" : "a");
        return false;
    }
    tp_scope *scope = tp_scope_begin();
    bool yes = scope && all_true(isclose_as(op, a, b, options));
    tp_scope_end(scope);
    return yes;
}

bool tp_equal(tp_tensor *a, tp_tensor *b) {
    if (!a || !b) {
        tp__error_null("equal", a ? "b" : "a");
        return false;
    }
    if (!tp_shape_equal(a->shape, b->shape)) return false;
    tp_scope *scope = tp_scope_begin();
    bool yes = scope && all_true(tp_eq(a, b));
    tp_scope_end(scope);
    return yes;
}
