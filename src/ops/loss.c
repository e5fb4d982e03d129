/* Losses that compare elements: squared error, binary cross-entropy. */
#include "taper/loss.h"

#include "ops/reduce.h"
#include "taper/tensor.h"

/* What the mean, the sum or nothing makes of the elements' losses. */
static tp_tensor *loss_reduce(tp_tensor *loss, tp_reduction reduction) {
    return reduction == TP_MEAN ? tp_mean(loss) : reduction == TP_SUM ? tp_sum(loss) : loss;
}

static bool loss_check(const char *op, const tp_tensor *x, const tp_tensor *target, tp_reduction reduction) {
    if (!tp__require_floating(op, "x", x) || !tp__require_floating(op, "target", target)) return false;
    if (!tp_shape_equal(x->shape, target->shape)) {
        tp__error(TP_ERR_SHAPE, op, "x is %s, but target %s", tp__shape_text(x->shape),
                  tp__shape_text(target->shape));
        return false;
    }
    if ((unsigned)reduction > TP_NONE) {
        tp__error(TP_ERR_ARGUMENT, op, "%d is no reduction", (int)reduction);
        return false;
    }
    return true;
}

/* ---- mse_loss: sum (x - target)^2 * scale --------------------------------------------------------- */

static void mse_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const double *scale = tp__attr(ctx);
    tp_tensor *slope = tp_mul_scalar(tp_sub(tp__input(ctx, 0), tp__input(ctx, 1)), 2 * *scale);
    tp_tensor *r = tp_mul(slope, g[0]);
    dx[0] = r;
    if (tp__needs(ctx, 1)) dx[1] = tp_neg(r);
}

typedef struct mse_job {
    const char *x, *target;
    char *dx;
    double scale;
    int64_t item;
    tp_dtype dtype;
} mse_job;

static void mse_range(void *context, int64_t begin, int64_t end, int worker) {
    const mse_job *job = context;
    (void)worker;
    int64_t at = begin * job->item;
    tp__kern->reduce->scaled_diff[job->dtype](end - begin, job->x + at, job->target + at, job->scale,
                                              job->dx + at);
}

/* sign * 2 scale g (x - target) */
static tp_tensor *mse_gradient(tp_tensor *x, tp_tensor *target, double factor) {
    tp_tensor *r = tp__tensor_new("mse_loss", x->shape, (tp_dtype)x->dtype);
    if (!r) return NULL;
    mse_job job = {
        tp__data(x),       tp__data(target), tp__data(r), factor, (int64_t)tp__itemsize((tp_dtype)x->dtype),
        (tp_dtype)x->dtype};
    tp__parallel_for(x->numel, 1 << 16, mse_range, &job);
    return r;
}

static void mse_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const double *scale = tp__attr(ctx);
    tp_tensor *x = tp__input(ctx, 0), *target = tp__input(ctx, 1);
    if (!x || !target) return;
    x = tp__packed("mse_loss", x, (tp_dtype)x->dtype);
    target = tp__packed("mse_loss", target, (tp_dtype)target->dtype);
    if (!x || !target) return;
    double factor = 2 * *scale * tp__load_f64(tp__data(g[0]), (tp_dtype)g[0]->dtype);
    if (tp__needs(ctx, 0)) dx[0] = mse_gradient(x, target, factor);
    if (tp__needs(ctx, 1)) dx[1] = mse_gradient(x, target, -factor);
}

static const tp__op mse_loss_op = {.name = "mse_loss",
                                   .vjp = mse_vjp,
                                   .vjp_fused = mse_vjp_fused,
                                   .save_inputs = TP__ALL};

static void mse_part(const void *context, int64_t row, int64_t begin, int64_t count, void *out) {
    const mse_job *job = context;
    (void)row;
    int64_t at = begin * job->item;
    tp__kern->reduce->square_diff[job->dtype](count, job->x + at, job->target + at, out);
}

/* x and target of one dtype. */
static tp_tensor *mse_fused(tp_tensor *x, tp_tensor *target, double scale) {
    const char *op = "mse_loss";
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_tensor *a = tp__packed(op, x, dtype), *b = tp__packed(op, target, dtype);
    tp_tensor *y = a && b ? tp__tensor_new(op, TP_SCALAR_SHAPE, dtype) : NULL;
    if (!y) return NULL;
    mse_job job = {tp__data(a), tp__data(b), NULL, scale, (int64_t)tp__itemsize(dtype), dtype};
    if (!tp__reduce_parts(op, dtype, 1, x->numel, mse_part, &job, tp__data(y))) return NULL;
    tp__store_f64(tp__data(y), dtype, tp__load_f64(tp__data(y), dtype) * scale);
    return tp__record(&mse_loss_op, y, TP__INPUTS(x, target), &scale, sizeof scale);
}

tp_tensor *tp_mse_loss(tp_tensor *x, tp_tensor *target, tp_reduction reduction) {
    const char *op = "mse_loss";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    if (!loss_check(op, x, target, reduction)) return NULL;
    tp_dtype dtype = tp_promote_types((tp_dtype)x->dtype, (tp_dtype)target->dtype);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    x = tp_to_dtype(x, dtype);
    target = tp_to_dtype(target, dtype);
    tp_tensor *y = NULL;
    if (reduction == TP_NONE) y = tp_square(tp_sub(x, target));
    else if (x && target) y = mse_fused(x, target, reduction == TP_MEAN ? 1 / (double)x->numel : 1);
    return tp_scope_return(scope, y);
}

/* ---- bce_with_logits ------------------------------------------------------------------------------ */

static bool bce_check_weight(const tp_tensor *x, const tp_tensor *weight, const char *name) {
    if (!weight) return true;
    const char *op = "bce_with_logits";
    tp_shape shape;
    if (!tp__broadcast(x->shape, weight->shape, &shape) || !tp_shape_equal(shape, x->shape)) {
        tp__error(TP_ERR_SHAPE, op, "%s of shape %s does not broadcast to x of shape %s", name,
                  tp__shape_text(weight->shape), tp__shape_text(x->shape));
        return false;
    }
    return tp__require_floating(op, name, weight);
}

/* (1 - target) x + (1 + (pos_weight - 1) target) log(1 + exp(-x)) */
static tp_tensor *bce_elements(tp_tensor *x, tp_tensor *target, const tp_bce_options *o) {
    tp_tensor *rest = tp_softplus(tp_neg(x));
    if (o->pos_weight) rest = tp_mul(rest, tp_add_scalar(tp_mul(tp_sub_scalar(o->pos_weight, 1), target), 1));
    tp_tensor *loss = tp_add(tp_mul(tp_scalar_sub(1, target), x), rest);
    return o->weight ? tp_mul(loss, o->weight) : loss;
}

tp_tensor *tp_bce_with_logits(tp_tensor *x, tp_tensor *target, tp_bce_options options) {
    const char *op = "bce_with_logits";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    TP_OPTIONAL(options.weight);
    TP_OPTIONAL(options.pos_weight);
    if (!loss_check(op, x, target, options.reduction) || !bce_check_weight(x, options.weight, "weight") ||
        !bce_check_weight(x, options.pos_weight, "pos_weight"))
        return NULL;
    tp_scope *scope = tp_scope_begin();
    return scope ? tp_scope_return(scope, loss_reduce(bce_elements(x, target, &options), options.reduction))
                 : NULL;
}
