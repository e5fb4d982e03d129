/* Losses that compare elements: squared, absolute and smoothed errors, binary cross-entropy. Each is a row of
 * kernels/loss_template.h, and one rule stands for all. */
#include "ops/loss.h"

#include <math.h>

#include "kernels/loss.h"
#include "ops/reduce.h"
#include "taper/tensor.h"

typedef struct loss_attr {
    tp__loss_kind kind;
    tp_reduction reduction;
    double p;     /* beta or delta */
    double scale; /* what the sum is multiplied by */
} loss_attr;

enum { LOSS_X, LOSS_TARGET, LOSS_WEIGHT, LOSS_POS, LOSS_INPUTS };

/* ---- what the losses share ---------------------------------------------------------------------------- */

tp_tensor *tp__loss_reduce(tp_tensor *loss, tp_reduction reduction) {
    return reduction == TP_MEAN ? tp_mean(loss) : reduction == TP_SUM ? tp_sum(loss) : loss;
}

bool tp__loss_check_reduction(const char *op, tp_reduction reduction) {
    if ((unsigned)reduction > TP_NONE) tp__error(TP_ERR_ARGUMENT, op, "%d is no reduction", (int)reduction);
    return (unsigned)reduction <= TP_NONE;
}

bool tp__loss_check_unit(const char *op, const char *name, tp_tensor *t) {
    tp_scope *scope = tp_scope_begin();
    tp_tensor *packed = scope ? tp__packed(op, t, (tp_dtype)t->dtype) : NULL;
    bool good = packed != NULL;
    if (packed) {
        const tp_dtype dtype = (tp_dtype)t->dtype;
        const int64_t item = (int64_t)tp__itemsize(dtype);
        for (int64_t i = 0; i < packed->numel && good; i++) {
            double v = tp__load_f64(tp__data(packed) + i * item, dtype);
            good = v >= 0 && v <= 1;
            if (!good) tp__error(TP_ERR_ARGUMENT, op, "%s must be in [0, 1], got %g", name, v);
        }
    }
    tp_scope_end(scope);
    return good;
}

/* ---- the definitions, in public ops ------------------------------------------------------------------- */

/* -(target max(log x, -100) + (1 - target) max(log(1 - x), -100)) */
static tp_tensor *loss_bce(tp_tensor *x, tp_tensor *target) {
    tp_tensor *yes = tp_clamp_min(tp_log(x), -100), *no = tp_clamp_min(tp_log(tp_scalar_sub(1, x)), -100);
    return tp_sub(tp_mul(tp_sub_scalar(target, 1), no), tp_mul(target, yes));
}

/* (1 - target) x + (1 + (pos_weight - 1) target) log(1 + exp(-x)) */
static tp_tensor *loss_bce_with_logits(tp_tensor *x, tp_tensor *target, tp_tensor *pos) {
    tp_tensor *rest = tp_softplus(tp_neg(x));
    if (pos) rest = tp_mul(rest, tp_add_scalar(tp_mul(tp_sub_scalar(pos, 1), target), 1));
    return tp_add(tp_mul(tp_scalar_sub(1, target), x), rest);
}

static tp_tensor *loss_elements(const loss_attr *a, tp_tensor *const *in) {
    if (a->kind == TP__LOSS_bce) return loss_bce(in[LOSS_X], in[LOSS_TARGET]);
    if (a->kind == TP__LOSS_bce_with_logits)
        return loss_bce_with_logits(in[LOSS_X], in[LOSS_TARGET], in[LOSS_POS]);
    tp_tensor *d = tp_sub(in[LOSS_X], in[LOSS_TARGET]);
    if (a->kind == TP__LOSS_mse_loss) return tp_square(d);
    if (a->kind == TP__LOSS_l1_loss) return tp_abs(d);
    tp_tensor *c = tp_clamp(d, -a->p, a->p); /* c (d - c / 2) is d^2 / 2 near 0 and straight further out */
    tp_tensor *loss = tp_mul(c, tp_sub(d, tp_mul_scalar(c, 0.5)));
    return a->kind == TP__LOSS_huber_loss ? loss : tp_div_scalar(loss, a->p);
}

static bool loss_composite(const void *attr, tp_tensor *const *in, tp_tensor **outputs) {
    const loss_attr *a = attr;
    tp_tensor *loss = loss_elements(a, in);
    if (in[LOSS_WEIGHT]) loss = tp_mul(loss, in[LOSS_WEIGHT]);
    if (a->reduction != TP_NONE) loss = tp_mul_scalar(tp_sum(loss), a->scale);
    outputs[0] = loss;
    return loss != NULL;
}

/* ---- the rule ----------------------------------------------------------------------------------------- */

static void loss_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__vjp_by_composite(ctx, loss_composite, g, dx);
}

/* The logarithms' own slopes are infinite at 0 and 1, where the loss's count as (x - target) / 1e-12. */
static void loss_bce_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const loss_attr *a = tp__attr(ctx);
    tp_tensor *x = tp__input(ctx, LOSS_X), *target = tp__input(ctx, LOSS_TARGET);
    tp_tensor *weight = tp__input(ctx, LOSS_WEIGHT), *from = tp_mul_scalar(g[0], a->scale);
    tp_tensor *weighted = tp__has_input(ctx, LOSS_WEIGHT) ? tp_mul(from, weight) : from;
    tp_tensor *safe = tp_clamp_min(tp_mul(tp_scalar_sub(1, x), x), TP__LOSS_BCE_LEAST);
    if (tp__needs(ctx, LOSS_X)) dx[LOSS_X] = tp_mul(weighted, tp_div(tp_sub(x, target), safe));
    if (tp__needs(ctx, LOSS_TARGET))
        dx[LOSS_TARGET] = tp_mul(weighted, tp_sub(tp_clamp_min(tp_log(tp_scalar_sub(1, x)), -100),
                                                  tp_clamp_min(tp_log(x), -100)));
    if (tp__needs(ctx, LOSS_WEIGHT)) dx[LOSS_WEIGHT] = tp_mul(from, loss_bce(x, target));
}

/* The data of `t`, packed and broadcast to `shape`, in *data; NULL stays NULL. False if out of memory. */
static bool loss_data(const char *op, tp_tensor *t, tp_shape shape, const void **data) {
    *data = NULL;
    if (!t) return true;
    bool before = tp_set_grad_enabled(false);
    if (!tp_shape_equal(t->shape, shape)) t = tp_expand(t, shape);
    tp_set_grad_enabled(before);
    if (t) t = tp__packed(op, t, (tp_dtype)t->dtype);
    if (t) *data = tp__data(t);
    return t != NULL;
}

static bool loss_job_init(const char *op, tp__loss_job *job, const loss_attr *a, tp_tensor *const *in) {
    tp_shape shape = in[LOSS_X]->shape;
    *job = (tp__loss_job){.kind = a->kind, .p = a->p, .scale = 1};
    return loss_data(op, in[LOSS_X], shape, &job->x) && loss_data(op, in[LOSS_TARGET], shape, &job->target) &&
           loss_data(op, in[LOSS_WEIGHT], shape, &job->weight) &&
           loss_data(op, in[LOSS_POS], shape, &job->pos_weight);
}

typedef struct loss_run {
    tp__loss_job job;
    int64_t n;
    tp_dtype dtype;
} loss_run;

static void loss_range(void *context, int64_t begin, int64_t end, int worker) {
    const loss_run *run = context;
    (void)worker;
    int64_t from = begin * TP__LOSS_BLOCK, to = end * TP__LOSS_BLOCK;
    tp__kern->loss->each[run->dtype](&run->job, from, (to < run->n ? to : run->n) - from);
}

/* y = what the job gives for each element. */
static tp_tensor *loss_each(const char *op, const tp__loss_job *job, const tp_tensor *x) {
    tp_tensor *y = tp__tensor_new(op, x->shape, (tp_dtype)x->dtype);
    if (!y) return NULL;
    loss_run run = {*job, x->numel, (tp_dtype)x->dtype};
    run.job.y = tp__data(y);
    tp__parallel_for((x->numel + TP__LOSS_BLOCK - 1) / TP__LOSS_BLOCK, (1 << 15) / TP__LOSS_BLOCK, loss_range,
                     &run);
    return y;
}

/* The errors are of x - target: their slopes in target are the negative ones. */
static bool loss_is_distance(tp__loss_kind kind) {
    return kind != TP__LOSS_bce && kind != TP__LOSS_bce_with_logits;
}

static const tp__op loss_ops[TP__LOSS_COUNT];

static void loss_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const loss_attr *a = tp__attr(ctx);
    const char *op = loss_ops[a->kind].name;
    bool by_rule = tp__needs(ctx, LOSS_TARGET) && !loss_is_distance(a->kind);
    if (by_rule || tp__needs(ctx, LOSS_WEIGHT) || tp__needs(ctx, LOSS_POS)) {
        loss_ops[a->kind].vjp(ctx, g, dx);
        return;
    }
    tp_tensor *in[LOSS_INPUTS];
    for (int i = 0; i < LOSS_INPUTS; i++) {
        in[i] = tp__input(ctx, i);
        if (!in[i] && tp__has_input(ctx, i)) return;
    }
    tp__loss_job job;
    if (!loss_job_init(op, &job, a, in)) return;
    if (a->reduction == TP_NONE && !loss_data(op, g[0], in[LOSS_X]->shape, &job.g)) return;
    job.slope = true;
    job.scale = a->scale;
    if (a->reduction != TP_NONE) job.scale *= tp__load_f64(tp__data(g[0]), (tp_dtype)g[0]->dtype);
    if (tp__needs(ctx, LOSS_X)) dx[LOSS_X] = loss_each(op, &job, in[LOSS_X]);
    job.scale = -job.scale;
    if (tp__needs(ctx, LOSS_TARGET)) dx[LOSS_TARGET] = loss_each(op, &job, in[LOSS_X]);
}

#define LOSS_OP(kind, rule)                                                                                  \
    [TP__LOSS_##kind] = {.name = #kind, .vjp = rule, .vjp_fused = loss_vjp_fused, .save_inputs = TP__ALL}
static const tp__op loss_ops[TP__LOSS_COUNT] = {
    LOSS_OP(mse_loss, loss_vjp),   LOSS_OP(l1_loss, loss_vjp), LOSS_OP(smooth_l1_loss, loss_vjp),
    LOSS_OP(huber_loss, loss_vjp), LOSS_OP(bce, loss_bce_vjp), LOSS_OP(bce_with_logits, loss_vjp),
};

/* ---- the forward -------------------------------------------------------------------------------------- */

static void loss_part(const void *context, int64_t row, int64_t begin, int64_t count, void *out) {
    const loss_run *run = context;
    (void)row;
    tp__kern->loss->sum[run->dtype](&run->job, begin, count, out);
}

/* The inputs, of one dtype. */
static tp_tensor *loss_forward(loss_attr *a, tp_tensor *const *in) {
    const char *op = loss_ops[a->kind].name;
    tp_tensor *x = in[LOSS_X], *y;
    loss_run run = {.n = x->numel, .dtype = (tp_dtype)x->dtype};
    if (!loss_job_init(op, &run.job, a, in)) return NULL;
    a->scale = a->reduction == TP_MEAN ? 1 / (double)x->numel : 1;
    if (a->reduction == TP_NONE) {
        y = loss_each(op, &run.job, x);
    } else {
        y = tp__tensor_new(op, TP_SCALAR_SHAPE, run.dtype);
        if (!y || !tp__reduce_parts(op, run.dtype, 1, x->numel, loss_part, &run, tp__data(y))) return NULL;
        tp__store_f64(tp__data(y), run.dtype, tp__load_f64(tp__data(y), run.dtype) * a->scale);
    }
    return tp__record(&loss_ops[a->kind], y, LOSS_INPUTS, in, a, sizeof *a);
}

static bool loss_check(const char *op, const tp_tensor *x, const tp_tensor *target, tp_reduction reduction) {
    if (!tp__require_floating(op, "x", x) || !tp__require_floating(op, "target", target)) return false;
    if (!tp_shape_equal(x->shape, target->shape)) {
        tp__error(TP_ERR_SHAPE, op, "x is %s, but target %s", tp__shape_text(x->shape),
                  tp__shape_text(target->shape));
        return false;
    }
    return tp__loss_check_reduction(op, reduction);
}

/* Of arguments that have been checked. */
static tp_tensor *loss_of(loss_attr a, tp_tensor *const *in) {
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *same[LOSS_INPUTS] = {NULL};
    tp_dtype dtype = (tp_dtype)in[LOSS_X]->dtype;
    for (int i = 1; i < LOSS_INPUTS; i++)
        if (in[i] && in[i]->dtype == TP_F64) dtype = TP_F64;
    bool good = true;
    for (int i = 0; i < LOSS_INPUTS; i++) {
        if (!in[i]) continue;
        same[i] = tp_to_dtype(in[i], dtype);
        good &= same[i] != NULL;
    }
    return tp_scope_return(scope, good ? loss_forward(&a, same) : NULL);
}

static tp_tensor *loss_distance(const char *op, loss_attr a, tp_tensor *x, tp_tensor *target) {
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    if (!loss_check(op, x, target, a.reduction)) return NULL;
    return loss_of(a, (tp_tensor *[LOSS_INPUTS]){x, target});
}

tp_tensor *tp_mse_loss(tp_tensor *x, tp_tensor *target, tp_reduction reduction) {
    return loss_distance("mse_loss", (loss_attr){TP__LOSS_mse_loss, reduction, 0, 1}, x, target);
}

tp_tensor *tp_l1_loss(tp_tensor *x, tp_tensor *target, tp_reduction reduction) {
    return loss_distance("l1_loss", (loss_attr){TP__LOSS_l1_loss, reduction, 0, 1}, x, target);
}

tp_tensor *tp_smooth_l1_loss(tp_tensor *x, tp_tensor *target, double beta, tp_reduction reduction) {
    const char *op = "smooth_l1_loss";
    beta = tp__default(beta, 1);
    if (!(beta >= 0)) TP_FAIL(TP_ERR_ARGUMENT, op, "beta %g is not in [0, Inf]", beta);
    tp__loss_kind kind = beta == 0 ? TP__LOSS_l1_loss : TP__LOSS_smooth_l1_loss;
    return loss_distance(op, (loss_attr){kind, reduction, beta, 1}, x, target);
}

tp_tensor *tp_huber_loss(tp_tensor *x, tp_tensor *target, double delta, tp_reduction reduction) {
    const char *op = "huber_loss";
    delta = tp__default(delta, 1);
    if (!(delta > 0)) TP_FAIL(TP_ERR_ARGUMENT, op, "delta %g is not positive", delta);
    return loss_distance(op, (loss_attr){TP__LOSS_huber_loss, reduction, delta, 1}, x, target);
}

static bool loss_check_weight(const char *op, const tp_tensor *x, const tp_tensor *weight, const char *name) {
    if (!weight) return true;
    tp_shape shape;
    if (!tp__broadcast(x->shape, weight->shape, &shape) || !tp_shape_equal(shape, x->shape)) {
        tp__error(TP_ERR_SHAPE, op, "%s of shape %s does not broadcast to x of shape %s", name,
                  tp__shape_text(weight->shape), tp__shape_text(x->shape));
        return false;
    }
    return tp__require_floating(op, name, weight);
}

tp_tensor *tp_bce(tp_tensor *x, tp_tensor *target, tp_bce_options options) {
    const char *op = "bce";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    TP_OPTIONAL(options.weight);
    TP_OPTIONAL(options.pos_weight);
    if (options.pos_weight) TP_FAIL(TP_ERR_ARGUMENT, op, "pos_weight is for bce_with_logits");
    if (!loss_check(op, x, target, options.reduction) ||
        !loss_check_weight(op, x, options.weight, "weight") || !tp__loss_check_unit(op, "x", x) ||
        !tp__loss_check_unit(op, "target", target))
        return NULL;
    return loss_of((loss_attr){TP__LOSS_bce, options.reduction, 0, 1},
                   (tp_tensor *[LOSS_INPUTS]){x, target, options.weight});
}

tp_tensor *tp_bce_with_logits(tp_tensor *x, tp_tensor *target, tp_bce_options options) {
    const char *op = "bce_with_logits";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    TP_OPTIONAL(options.weight);
    TP_OPTIONAL(options.pos_weight);
    if (!loss_check(op, x, target, options.reduction) ||
        !loss_check_weight(op, x, options.weight, "weight") ||
        !loss_check_weight(op, x, options.pos_weight, "pos_weight"))
        return NULL;
    return loss_of((loss_attr){TP__LOSS_bce_with_logits, options.reduction, 0, 1},
                   (tp_tensor *[LOSS_INPUTS]){x, target, options.weight, options.pos_weight});
}
