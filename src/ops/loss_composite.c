/* Losses that are sums of other ops: their gradients come from those. */
#include <math.h>
#include <stdio.h>

#include "ops/loss.h"
#include "taper/index.h"
#include "taper/tensor.h"

/* Ends the scope that a loss began, with what the reduction makes of its elements. */
static tp_tensor *composite_end(tp_scope *scope, tp_tensor *loss, tp_reduction reduction) {
    return tp_scope_return(scope, loss ? tp__loss_reduce(loss, reduction) : NULL);
}

static bool composite_check_broadcast(const char *op, const char *a_name, const tp_tensor *a,
                                      const char *b_name, const tp_tensor *b) {
    tp_shape shape;
    if (tp__broadcast(a->shape, b->shape, &shape)) return true;
    tp__error(TP_ERR_SHAPE, op, "%s of shape %s and %s of shape %s do not broadcast", a_name,
              tp__shape_text(a->shape), b_name, tp__shape_text(b->shape));
    return false;
}

/* x and a target that broadcasts with it. */
static bool composite_check(const char *op, const tp_tensor *x, const tp_tensor *target,
                            tp_reduction reduction) {
    return tp__require_floating(op, "x", x) && tp__loss_check_reduction(op, reduction) &&
           composite_check_broadcast(op, "x", x, "target", target);
}

static bool composite_check_equal(const char *op, const tp_tensor *x, const tp_tensor *target,
                                  tp_reduction reduction) {
    if (!tp__require_floating(op, "x", x) || !tp__require_floating(op, "target", target) ||
        !tp__loss_check_reduction(op, reduction))
        return false;
    if (!tp_shape_equal(x->shape, target->shape))
        tp__error(TP_ERR_SHAPE, op, "x is %s, but target %s", tp__shape_text(x->shape),
                  tp__shape_text(target->shape));
    return tp_shape_equal(x->shape, target->shape);
}

/* ---- of distributions --------------------------------------------------------------------------------- */

static tp_tensor *kl_elements(tp_tensor *x, tp_tensor *target, bool log_target) {
    if (log_target) return tp_mul(tp_exp(target), tp_sub(target, x));
    tp_tensor *safe = tp_where(tp_eq_scalar(target, 0), tp__constant(target, 1), target);
    return tp_mul(target, tp_sub(tp_log(safe), x));
}

tp_tensor *tp_kl_div(tp_tensor *x, tp_tensor *target, tp_kl_div_options options) {
    const char *op = "kl_div";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    if (!composite_check(op, x, target, options.reduction) || !tp__require_floating(op, "target", target))
        return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *loss = kl_elements(x, target, options.log_target);
    if (!options.batchmean) return composite_end(scope, loss, options.reduction);
    loss = loss ? tp_sum(loss) : NULL;
    if (loss && x->shape.ndim > 0) loss = tp_div_scalar(loss, (double)x->shape.dims[0]);
    return tp_scope_return(scope, loss);
}

/* var as it broadcasts to x: NULL with a record if it is neither of the shapes documented. */
static tp_tensor *gaussian_var(const char *op, const tp_tensor *x, tp_tensor *var) {
    if (tp_shape_equal(x->shape, var->shape)) return var;
    tp_shape shorter = x->shape;
    shorter.ndim--;
    if (x->shape.ndim > 0 && tp_shape_equal(shorter, var->shape)) return tp_unsqueeze(var, -1);
    int different = 0;
    bool fits = x->shape.ndim == var->shape.ndim;
    for (int i = 0; fits && i < x->shape.ndim; i++) {
        if (x->shape.dims[i] == var->shape.dims[i]) continue;
        different++;
        fits = var->shape.dims[i] == 1;
    }
    if (fits && different == 1) return var;
    TP_FAIL(TP_ERR_SHAPE, op, "var of shape %s does not fit x of shape %s", tp__shape_text(var->shape),
            tp__shape_text(x->shape));
}

static bool gaussian_check_var(const char *op, tp_tensor *var) {
    bool before = tp_set_grad_enabled(false);
    tp_tensor *negative = tp_any(tp_lt_scalar(var, 0));
    tp_set_grad_enabled(before);
    if (negative && *tp__data(negative)) tp__error(TP_ERR_ARGUMENT, op, "var has negative elements");
    return negative && !*tp__data(negative);
}

tp_tensor *tp_gaussian_nll_loss(tp_tensor *x, tp_tensor *target, tp_tensor *var,
                                tp_gaussian_nll_options options) {
    const char *op = "gaussian_nll_loss";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    TP_REQUIRE(var, op);
    double eps = tp__default(options.eps, 1e-6);
    if (!composite_check(op, x, target, options.reduction) || !tp__require_floating(op, "var", var))
        return NULL;
    if (!(eps > 0)) TP_FAIL(TP_ERR_ARGUMENT, op, "eps %g is not positive", eps);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *loss = NULL, *wide = gaussian_check_var(op, var) ? gaussian_var(op, x, var) : NULL;
    if (wide) { /* what is below eps becomes eps as a constant is added */
        bool before = tp_set_grad_enabled(false);
        tp_tensor *lift = tp_sub(tp_clamp_min(wide, eps), wide);
        tp_set_grad_enabled(before);
        wide = tp_add(wide, lift);
        loss = tp_mul_scalar(tp_add(tp_log(wide), tp_div(tp_square(tp_sub(x, target)), wide)), 0.5);
        if (options.full) loss = tp_add_scalar(loss, 0.91893853320467274); /* log(2 pi) / 2 */
    }
    return composite_end(scope, loss, options.reduction);
}

/* Stirling's formula for log(target!), where target > 1. */
static tp_tensor *poisson_rest(tp_tensor *target) {
    tp_tensor *far = tp_gt_scalar(target, 1), *safe = tp_where(far, target, tp__constant(target, 1));
    tp_tensor *rest = tp_add(tp_sub(tp_mul(safe, tp_log(safe)), safe),
                             tp_mul_scalar(tp_log(tp_mul_scalar(safe, 6.2831853071795865)), 0.5));
    return tp_where(far, rest, tp__constant(target, 0));
}

tp_tensor *tp_poisson_nll_loss(tp_tensor *x, tp_tensor *target, tp_poisson_nll_options options) {
    const char *op = "poisson_nll_loss";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    if (!composite_check(op, x, target, options.reduction)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *loss;
    if (options.no_log)
        loss = tp_sub(x, tp_mul(target, tp_log(tp_add_scalar(x, tp__default(options.eps, 1e-8)))));
    else loss = tp_sub(tp_exp(x), tp_mul(target, x));
    if (options.full) {
        target = tp__is_floating((tp_dtype)target->dtype) ? target : tp_to_dtype(target, (tp_dtype)x->dtype);
        loss = target ? tp_add(loss, poisson_rest(target)) : NULL;
    }
    return composite_end(scope, loss, options.reduction);
}

tp_tensor *tp_sigmoid_focal_loss(tp_tensor *x, tp_tensor *target, tp_focal_options options) {
    const char *op = "sigmoid_focal_loss";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    double alpha = tp__default(options.alpha, 0.25), gamma = tp__default(options.gamma, 2);
    if (!composite_check_equal(op, x, target, options.reduction)) return NULL;
    if (!(alpha <= 1)) TP_FAIL(TP_ERR_ARGUMENT, op, "alpha %g is above 1", alpha);
    if (!(gamma >= 0)) TP_FAIL(TP_ERR_ARGUMENT, op, "gamma %g is negative", gamma);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *other = tp_scalar_sub(1, target), *p = tp_sigmoid(x);
    tp_tensor *loss = tp_bce_with_logits(x, target, (tp_bce_options){.reduction = TP_NONE});
    /* 1 - p_t, as a sum of what is not negative */
    tp_tensor *far = tp_add(tp_mul(p, other), tp_mul(tp_sigmoid(tp_neg(x)), target));
    if (gamma != 0) loss = tp_mul(loss, gamma == 2 ? tp_square(far) : tp_pow_scalar(far, gamma));
    if (alpha >= 0)
        loss = tp_mul(loss, tp_add(tp_mul_scalar(target, alpha), tp_mul_scalar(other, 1 - alpha)));
    return composite_end(scope, loss, options.reduction);
}

/* ---- of margins --------------------------------------------------------------------------------------- */

tp_tensor *tp_margin_ranking_loss(tp_tensor *a, tp_tensor *b, tp_tensor *target, double margin,
                                  tp_reduction reduction) {
    const char *op = "margin_ranking_loss";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    TP_REQUIRE(target, op);
    if (!tp__require_floating(op, "a", a) || !tp__require_floating(op, "b", b) ||
        !tp__loss_check_reduction(op, reduction))
        return NULL;
    if (a->shape.ndim != b->shape.ndim || a->shape.ndim != target->shape.ndim)
        TP_FAIL(TP_ERR_SHAPE, op, "ranks differ: a is %s, b %s, target %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape), tp__shape_text(target->shape));
    if (!composite_check_broadcast(op, "a", a, "b", b) ||
        !composite_check_broadcast(op, "a", a, "target", target) ||
        !composite_check_broadcast(op, "b", b, "target", target))
        return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *loss = tp_add_scalar(tp_mul(tp_sub(b, a), target), margin);
    return composite_end(scope, tp_clamp_min(loss, 0), reduction);
}

tp_tensor *tp_hinge_embedding_loss(tp_tensor *x, tp_tensor *target, double margin, tp_reduction reduction) {
    const char *op = "hinge_embedding_loss";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    if (!composite_check(op, x, target, reduction)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *zero = tp__constant(x, 0);
    tp_tensor *hinge = tp_clamp_min(tp_scalar_sub(tp__default(margin, 1), x), 0);
    tp_tensor *loss =
        tp_add(tp_where(tp_ne_scalar(target, 1), hinge, zero), tp_where(tp_ne_scalar(target, -1), x, zero));
    return composite_end(scope, loss, reduction);
}

tp_tensor *tp_soft_margin_loss(tp_tensor *x, tp_tensor *target, tp_reduction reduction) {
    const char *op = "soft_margin_loss";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    if (!composite_check(op, x, target, reduction)) return NULL;
    tp_scope *scope = tp_scope_begin();
    return scope ? composite_end(scope, tp_softplus(tp_neg(tp_mul(target, x))), reduction) : NULL;
}

tp_tensor *tp_multilabel_soft_margin_loss(tp_tensor *x, tp_tensor *target, tp_tensor *weight,
                                          tp_reduction reduction) {
    const char *op = "multilabel_soft_margin_loss";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    TP_OPTIONAL(weight);
    if (!composite_check_equal(op, x, target, reduction)) return NULL;
    if (x->shape.ndim == 0) TP_FAIL(TP_ERR_SHAPE, op, "x must be (C) or (..., C), got ()");
    tp_shape shape;
    if (weight && (!tp__broadcast(x->shape, weight->shape, &shape) || !tp_shape_equal(shape, x->shape)))
        TP_FAIL(TP_ERR_SHAPE, op, "weight of shape %s does not broadcast to x of shape %s",
                tp__shape_text(weight->shape), tp__shape_text(x->shape));
    if (weight && !tp__require_floating(op, "weight", weight)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *each = tp_bce_with_logits(x, target, (tp_bce_options){weight, NULL, TP_NONE});
    return composite_end(scope, tp_mean_dim(each, TP_DIMS(-1), false), reduction);
}

static bool multi_margin_check(const char *op, const tp_tensor *x, const tp_tensor *target,
                               const tp_multi_margin_options *o, double p) {
    if (!tp__require_floating(op, "x", x) || !tp__loss_check_reduction(op, o->reduction)) return false;
    tp_shape shape = {x->shape.ndim - 1, {x->shape.dims[0]}};
    if (x->shape.ndim < 1 || x->shape.ndim > 2 || x->shape.dims[x->shape.ndim - 1] == 0)
        tp__error(TP_ERR_SHAPE, op, "x must be (C) or (N, C), got %s", tp__shape_text(x->shape));
    else if (!tp_shape_equal(target->shape, shape))
        tp__error(TP_ERR_SHAPE, op, "x of shape %s needs a target of shape %s, got %s",
                  tp__shape_text(x->shape), tp__shape_text(shape), tp__shape_text(target->shape));
    else if (!tp__is_index((tp_dtype)target->dtype))
        tp__error(TP_ERR_DTYPE, op, "target must be int64 or int32, got %s", tp__dtype_text(target));
    else if (p != 1 && p != 2) tp__error(TP_ERR_ARGUMENT, op, "p must be 1 or 2, got %g", p);
    else if (o->weight &&
             (o->weight->shape.ndim != 1 || o->weight->shape.dims[0] != x->shape.dims[x->shape.ndim - 1]))
        tp__error(TP_ERR_SHAPE, op, "weight must be (%lld,), one number a class, got %s",
                  (long long)x->shape.dims[x->shape.ndim - 1], tp__shape_text(o->weight->shape));
    else if (o->weight && o->weight->dtype != x->dtype)
        tp__error(TP_ERR_DTYPE, op, "weight is %s, but x %s", tp__dtype_text(o->weight), tp__dtype_text(x));
    else return true;
    return false;
}

/* The target as packed I64 of `rows` labels in [0, classes), or NULL with a record. */
static tp_tensor *multi_margin_labels(const char *op, tp_tensor *target, int64_t classes) {
    tp_tensor *labels = tp__packed(op, target, TP_I64);
    if (!labels) return NULL;
    const int64_t *label = tp__data_i64(labels);
    for (int64_t i = 0; i < labels->numel; i++)
        if (label[i] < 0 || label[i] >= classes)
            TP_FAIL(TP_ERR_INDEX, op, "target[%lld] is %lld, which is no class in [0, %lld)", (long long)i,
                    (long long)label[i], (long long)classes);
    return tp_reshape(labels, TP_SHAPE(labels->numel));
}

static tp_tensor *multi_margin_rows(tp_tensor *x, tp_tensor *labels, double p, double margin,
                                    tp_tensor *weight) {
    if (!x || !labels) return NULL;
    int64_t rows = x->shape.dims[0], classes = x->shape.dims[1];
    tp_tensor *own = tp_gather(x, 1, tp_reshape(labels, TP_SHAPE(rows, 1)));
    tp_tensor *loss = tp_clamp_min(tp_add_scalar(tp_sub(x, own), margin), 0);
    if (p == 2) loss = tp_square(loss);
    loss = tp_where(tp_ne_scalar(tp_one_hot(labels, classes), 0), tp__constant(x, 0), loss);
    loss = tp_div_scalar(tp_sum_dim(loss, TP_DIMS(1), false), (double)classes);
    return weight ? tp_mul(loss, tp_index_select(weight, 0, labels)) : loss;
}

tp_tensor *tp_multi_margin_loss(tp_tensor *x, tp_tensor *target, tp_multi_margin_options options) {
    const char *op = "multi_margin_loss";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    TP_OPTIONAL(options.weight);
    double p = tp__default(options.p, 1), margin = tp__default(options.margin, 1);
    if (!multi_margin_check(op, x, target, &options, p)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *labels = multi_margin_labels(op, target, x->shape.dims[x->shape.ndim - 1]), *loss = NULL;
    if (labels) {
        tp_tensor *rows = x->shape.ndim == 1 ? tp_unsqueeze(x, 0) : x;
        loss = multi_margin_rows(rows, labels, p, margin, options.weight);
        if (x->shape.ndim == 1) loss = tp_reshape(loss, TP_SCALAR_SHAPE);
    }
    return composite_end(scope, loss, options.reduction);
}

/* ---- of vectors --------------------------------------------------------------------------------------- */

/* x^(1 / p), with the gradient 0 where x is 0. */
static tp_tensor *composite_root(tp_tensor *x, double p) {
    if (!x) return NULL;
    tp_tensor *none = tp_eq_scalar(x, 0), *safe = tp_where(none, tp__constant(x, 1), x);
    return tp_where(none, tp__constant(x, 0), p == 2 ? tp_sqrt(safe) : tp_pow_scalar(safe, 1 / p));
}

/* |a - b + eps|_p over the last dim. */
static tp_tensor *composite_distance(tp_tensor *a, tp_tensor *b, double p, double eps) {
    tp_tensor *d = tp_add_scalar(tp_sub(a, b), eps);
    tp_dims last = TP_DIMS(-1);
    if (p == 2) return composite_root(tp_sum_dim(tp_square(d), last, false), 2);
    d = tp_abs(d);
    if (p == 1) return tp_sum_dim(d, last, false);
    if (isinf(p)) return p > 0 ? tp_amax(d, last, false) : tp_amin(d, last, false);
    return composite_root(tp_sum_dim(tp_pow_scalar(d, p), last, false), p);
}

static bool triplet_check(const char *op, tp_tensor *const *in, tp_reduction reduction) {
    static const char *const names[] = {"anchor", "positive", "negative"};
    for (int i = 0; i < 3; i++)
        if (!tp__require_floating(op, names[i], in[i])) return false;
    if (in[0]->shape.ndim != in[1]->shape.ndim || in[0]->shape.ndim != in[2]->shape.ndim ||
        in[0]->shape.ndim == 0) {
        tp__error(TP_ERR_SHAPE, op,
                  "all must be (..., D) of one rank: anchor is %s, positive %s, negative %s",
                  tp__shape_text(in[0]->shape), tp__shape_text(in[1]->shape), tp__shape_text(in[2]->shape));
        return false;
    }
    return composite_check_broadcast(op, names[0], in[0], names[1], in[1]) &&
           composite_check_broadcast(op, names[0], in[0], names[2], in[2]) &&
           composite_check_broadcast(op, names[1], in[1], names[2], in[2]) &&
           tp__loss_check_reduction(op, reduction);
}

tp_tensor *tp_triplet_margin_loss(tp_tensor *anchor, tp_tensor *positive, tp_tensor *negative,
                                  tp_triplet_options options) {
    const char *op = "triplet_margin_loss";
    TP_REQUIRE(anchor, op);
    TP_REQUIRE(positive, op);
    TP_REQUIRE(negative, op);
    double margin = tp__default(options.margin, 1), p = tp__default(options.p, 2),
           eps = tp__default(options.eps, 1e-6);
    if (!triplet_check(op, (tp_tensor *[]){anchor, positive, negative}, options.reduction)) return NULL;
    if (!(margin > 0)) TP_FAIL(TP_ERR_ARGUMENT, op, "margin %g is not positive", margin);
    if (!(p > 0)) TP_FAIL(TP_ERR_ARGUMENT, op, "p %g is not positive", p);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *near = composite_distance(anchor, positive, p, eps),
              *far = composite_distance(anchor, negative, p, eps);
    if (options.swap) far = tp_minimum(far, composite_distance(positive, negative, p, eps));
    tp_tensor *loss = tp_clamp_min(tp_add_scalar(tp_sub(near, far), margin), 0);
    return composite_end(scope, loss, options.reduction);
}

tp_tensor *tp_cosine_embedding_loss(tp_tensor *a, tp_tensor *b, tp_tensor *target, double margin,
                                    tp_reduction reduction) {
    const char *op = "cosine_embedding_loss";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    TP_REQUIRE(target, op);
    if (!tp__require_floating(op, "a", a) || !tp__require_floating(op, "b", b) ||
        !tp__loss_check_reduction(op, reduction))
        return NULL;
    int rank = target->shape.ndim + 1;
    if (rank > 2 || a->shape.ndim != rank || b->shape.ndim != rank)
        TP_FAIL(TP_ERR_SHAPE, op, "needs (N, D), (N, D), (N) or (D), (D), (), got %s, %s, %s",
                tp__shape_text(a->shape), tp__shape_text(b->shape), tp__shape_text(target->shape));
    tp_shape both, rows = {rank - 1, {0}};
    if (!composite_check_broadcast(op, "a", a, "b", b)) return NULL;
    tp__broadcast(a->shape, b->shape, &both);
    if (rank == 2) rows.dims[0] = both.dims[0];
    if (!tp__broadcast(rows, target->shape, &both))
        TP_FAIL(TP_ERR_SHAPE, op, "target of shape %s does not fit a of shape %s",
                tp__shape_text(target->shape), tp__shape_text(a->shape));
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_dims last = TP_DIMS(-1);
    tp_tensor *sizes = tp_mul(tp_add_scalar(tp_sum_dim(tp_square(a), last, false), 1e-12),
                              tp_add_scalar(tp_sum_dim(tp_square(b), last, false), 1e-12));
    tp_tensor *cosine = tp_div(tp_sum_dim(tp_mul(a, b), last, false), tp_sqrt(sizes)), *loss = NULL;
    if (cosine) {
        tp_tensor *zero = tp__constant(cosine, 0);
        loss =
            tp_add(tp_where(tp_eq_scalar(target, 1), tp_scalar_sub(1, cosine), zero),
                   tp_where(tp_eq_scalar(target, -1), tp_clamp_min(tp_sub_scalar(cosine, margin), 0), zero));
    }
    return composite_end(scope, loss, reduction);
}
