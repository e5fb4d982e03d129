/* Distances and similarities of vectors. */
#include <math.h>

#include "ops/ops.h"
#include "taper/autograd.h"
#include "taper/linalg.h"
#include "taper/tensor.h"

/* x^(1/p), and its slope 0 where x is 0: a distance of zero has no direction. */
static tp_tensor *distance_root(tp_tensor *x, double p) {
    tp_tensor *zero = tp_eq_scalar(x, 0), *safe = tp_where(zero, tp__constant(x, 1), x);
    tp_tensor *root = p == 2 ? tp_sqrt(safe) : tp_pow_scalar(safe, 1 / p);
    return tp_where(zero, tp__constant(x, 0), root);
}

/* The p-norm over the last dim. */
static tp_tensor *distance_norm(tp_tensor *d, double p, bool keepdim) {
    const tp_dims last = TP_DIMS(-1);
    if (!d) return NULL;
    if (p == 0) return tp_sum_dim(tp_square(tp_sign(d)), last, keepdim);
    if (p == 1) return tp_sum_dim(tp_abs(d), last, keepdim);
    if (p == 2) return distance_root(tp_sum_dim(tp_square(d), last, keepdim), 2);
    tp_tensor *size = tp_abs(d);
    if (isinf(p))
        return tp_shape_numel(d->shape) ? tp_amax(size, last, keepdim) : tp_sum_dim(size, last, keepdim);
    tp_tensor *zero = tp_eq_scalar(size, 0), *safe = tp_where(zero, tp__constant(d, 1), size);
    tp_tensor *power = tp_where(zero, tp__constant(d, 0), tp_pow_scalar(safe, p));
    return distance_root(tp_sum_dim(power, last, keepdim), p);
}

/* |a|^2 + |b|^2 - 2 a b^T, never below zero. */
static tp_tensor *cdist_by_product(tp_tensor *a, tp_tensor *b) {
    tp_tensor *aa = tp_sum_dim(tp_square(a), TP_DIMS(-1), true);
    tp_tensor *bb = tp_transpose(tp_sum_dim(tp_square(b), TP_DIMS(-1), true), -2, -1);
    tp_tensor *ab = tp_mul_scalar(tp_matmul(a, tp_transpose(b, -2, -1)), -2);
    return distance_root(tp_clamp(tp_add(tp_add(ab, aa), bb), 0, INFINITY), 2);
}

/* The largest of |d| over the last dim; each that is as large as it has the whole gradient, as in PyTorch's cdist. */
static void distance_largest_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *d = tp__input(ctx, 0), *y = tp__output(ctx, 0);
    if (!d || !y) return;
    tp_tensor *largest = tp_eq(tp_abs(d), tp_unsqueeze(y, -1));
    dx[0] = tp_where(largest, tp_mul(tp_sign(d), tp_unsqueeze(g[0], -1)), tp__constant(d, 0));
}

static const tp__op distance_largest_op = {.name = "cdist",
                                           .vjp = distance_largest_vjp,
                                           .save_inputs = 1,
                                           .save_outputs = 1};

static tp_tensor *distance_largest(tp_tensor *d) {
    if (!d || d->numel == 0) return distance_norm(d, INFINITY, false);
    bool recording = tp_set_grad_enabled(false);
    tp_tensor *y = tp_amax(tp_abs(d), TP_DIMS(-1), false);
    tp_set_grad_enabled(recording);
    return tp__record(&distance_largest_op, y, TP__INPUTS(d), NULL, 0);
}

static bool distance_check(const char *op, const tp_tensor *a, const tp_tensor *b, double p) {
    if (!tp__require_floating(op, "a", a) || !tp__require_floating(op, "b", b)) return false;
    if (p >= 0) return true;
    tp__error(TP_ERR_ARGUMENT, op, "p must not be negative, got %g", p);
    return false;
}

tp_tensor *tp_cdist(tp_tensor *a, tp_tensor *b, double p) {
    const char *op = "cdist";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    if (!distance_check(op, a, b, p)) return NULL;
    int an = a->shape.ndim, bn = b->shape.ndim;
    tp_shape lead_a = a->shape, lead_b = b->shape, lead;
    lead_a.ndim = an - 2;
    lead_b.ndim = bn - 2;
    if (an < 2 || bn < 2 || a->shape.dims[an - 1] != b->shape.dims[bn - 1])
        TP_FAIL(TP_ERR_SHAPE, op, "takes (..., P, M) and (..., R, M), got %s and %s",
                tp__shape_text(a->shape), tp__shape_text(b->shape));
    if (an == TP_MAX_DIMS || bn == TP_MAX_DIMS)
        TP_FAIL(TP_ERR_SHAPE, op, "takes up to %d dims", TP_MAX_DIMS - 1);
    if (!tp__broadcast(lead_a, lead_b, &lead))
        TP_FAIL(TP_ERR_SHAPE, op, "leading dims do not broadcast: %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    bool large = a->shape.dims[an - 2] > 25 || b->shape.dims[bn - 2] > 25; /* as PyTorch draws the line */
    if (p == 2 && large) return tp_scope_return(s, cdist_by_product(a, b));
    tp_tensor *d = tp_sub(tp_unsqueeze(a, -2), tp_unsqueeze(b, -3));
    return tp_scope_return(s, isinf(p) ? distance_largest(d) : distance_norm(d, p, false));
}

tp_tensor *tp_pairwise_distance(tp_tensor *a, tp_tensor *b, tp_pairwise_distance_options options) {
    const char *op = "pairwise_distance";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    double p = tp__default(options.p, 2);
    double eps = tp__default(options.eps, 1e-6);
    tp_shape shape;
    if (!distance_check(op, a, b, p)) return NULL;
    if (!tp__broadcast(a->shape, b->shape, &shape) || shape.ndim == 0)
        TP_FAIL(TP_ERR_SHAPE, op, "takes vectors that broadcast, got %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    if (isinf(p) && shape.dims[shape.ndim - 1] == 0)
        TP_FAIL(TP_ERR_SHAPE, op, "nothing is the largest of %s", tp__shape_text(shape));
    tp_scope *s = tp_scope_begin();
    return s ? tp_scope_return(s, distance_norm(tp_add_scalar(tp_sub(a, b), eps), p, options.keepdim)) : NULL;
}

tp_tensor *tp_cosine_similarity(tp_tensor *a, tp_tensor *b, int dim, double eps) {
    const char *op = "cosine_similarity";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    tp_shape shape;
    if (!distance_check(op, a, b, 2)) return NULL;
    if (!tp__broadcast(a->shape, b->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "shapes do not broadcast: %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    if (!(eps >= 0)) TP_FAIL(TP_ERR_ARGUMENT, op, "eps must not be negative, got %g", eps);
    int d = tp__wrap_dim(op, dim, shape.ndim);
    tp_scope *s = d < 0 ? NULL : tp_scope_begin();
    if (!s) return NULL;
    /* Each norm is held above eps; at and below it, it is a constant. */
    tp_tensor *x = tp_expand(a, shape), *y = tp_expand(b, shape);
    tp_tensor *nx = distance_root(tp_sum_dim(tp_square(x), TP_DIMS(d), true), 2);
    tp_tensor *ny = distance_root(tp_sum_dim(tp_square(y), TP_DIMS(d), true), 2);
    x = tp_div(x, tp_clamp(nx, eps, INFINITY));
    y = tp_div(y, tp_clamp(ny, eps, INFINITY));
    return tp_scope_return(s, tp_sum_dim(tp_mul(x, y), TP_DIMS(d), false));
}
