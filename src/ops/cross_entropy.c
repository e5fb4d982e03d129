/* Cross-entropy on class indices and on class probabilities, and negative log-likelihood. */
#include <stdio.h>

#include "kernels/softmax.h"
#include "ops/loss.h"
#include "ops/reduce.h"
#include "taper/index.h"
#include "taper/tensor.h"

/* What the rows have in common. */
typedef struct ce_attr {
    tp_reduction reduction;
    double smoothing;
    double norm; /* the sum of the weights of the targets that count */
} ce_attr;

/* The recorded inputs. The target is I64, packed, and negative where a row counts for nothing. */
enum { CE_X, CE_TARGET, CE_WEIGHT, CE_STATS, CE_INPUTS };

/* ---- arguments ---------------------------------------------------------------------------------------- */

static bool ce_check_weight(const char *op, const tp_tensor *x, const tp_tensor *weight, int64_t classes) {
    if (!weight) return true;
    if (weight->shape.ndim != 1 || weight->shape.dims[0] != classes) {
        tp__error(TP_ERR_SHAPE, op, "weight must be (%lld,), one number a class, got %s", (long long)classes,
                  tp__shape_text(weight->shape));
        return false;
    }
    if (weight->dtype != x->dtype) {
        tp__error(TP_ERR_DTYPE, op, "weight is %s, but x %s", tp__dtype_text(weight), tp__dtype_text(x));
        return false;
    }
    return true;
}

/* The shape that the target must have: x's without its classes. */
static tp_shape ce_target_shape(tp_shape x) {
    tp_shape shape = {x.ndim - 1, {0}};
    for (int i = 0, to = 0; i < x.ndim; i++)
        if (i != (x.ndim > 1)) shape.dims[to++] = x.dims[i];
    return shape;
}

static bool ce_check_options(const char *op, const tp_ce_options *o) {
    if (!tp__loss_check_reduction(op, o->reduction)) return false;
    if (!(o->label_smoothing >= 0 && o->label_smoothing <= 1))
        TP_FAIL(TP_ERR_ARGUMENT, op, "label_smoothing %g is not in [0, 1]", o->label_smoothing);
    return true;
}

static bool ce_check(const char *op, const tp_tensor *x, const tp_tensor *target, const tp_ce_options *o) {
    if (!tp__require_floating(op, "x", x)) return false;
    if (x->shape.ndim == 0) {
        tp__error(TP_ERR_SHAPE, op, "x must be (C), (N, C) or (N, C, ...), got ()");
        return false;
    }
    tp_shape shape = ce_target_shape(x->shape);
    if (!tp_shape_equal(target->shape, shape)) {
        tp__error(TP_ERR_SHAPE, op, "x of shape %s needs a target of shape %s, got %s",
                  tp__shape_text(x->shape), tp__shape_text(shape), tp__shape_text(target->shape));
        return false;
    }
    if (!tp__is_index((tp_dtype)target->dtype)) {
        tp__error(TP_ERR_DTYPE, op, "target must be int64 or int32, got %s", tp__dtype_text(target));
        return false;
    }
    return ce_check_options(op, o) && ce_check_weight(op, x, o->weight, x->shape.dims[x->shape.ndim > 1]);
}

static TP__COLD void ce_bad_label(const char *op, tp_shape shape, int64_t at, int64_t label,
                                  int64_t classes) {
    char text[192] = "";
    int64_t index[TP_MAX_DIMS];
    for (int i = shape.ndim - 1; i >= 0; i--) {
        index[i] = at % shape.dims[i];
        at /= shape.dims[i];
    }
    int n = 0;
    for (int i = 0; i < shape.ndim; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%lld", i ? ", " : "[", (long long)index[i]);
    if (shape.ndim > 0) snprintf(text + n, sizeof text - (size_t)n, "]");
    tp__error(TP_ERR_INDEX, op, "target%s is %lld, which is no class in [0, %lld)", text, (long long)label,
              (long long)classes);
}

/* Checks the labels and adds up the weights of those that count. Returns them packed, as I64, those to be
 * ignored negative; in the current scope. */
static tp_tensor *ce_labels(const char *op, tp_tensor *target, int64_t classes, const tp_ce_options *o,
                            ce_attr *a) {
    const int64_t ignored = o->has_ignore_index ? o->ignore_index : -100;
    tp_tensor *labels = tp__packed(op, target, TP_I64);
    tp_tensor *weight = labels && o->weight ? tp__packed(op, o->weight, (tp_dtype)o->weight->dtype) : NULL;
    if (!labels || (o->weight && !weight)) return NULL;
    const int64_t *label = tp__data_i64(labels);
    int64_t count = 0;
    double sum = 0;
    for (int64_t i = 0; i < labels->numel; i++) {
        int64_t t = label[i];
        if (t == ignored) continue;
        if (t < 0 || t >= classes) {
            ce_bad_label(op, target->shape, i, t, classes);
            return NULL;
        }
        count++;
        if (weight)
            sum += tp__load_f64(tp__data(weight) + t * (int64_t)tp__itemsize((tp_dtype)weight->dtype),
                                (tp_dtype)weight->dtype);
    }
    *a = (ce_attr){o->reduction, o->label_smoothing, weight ? sum : (double)count};
    if (ignored < 0 || count == labels->numel) return labels;
    tp_tensor *marked = tp__tensor_new(op, labels->shape, TP_I64);
    if (!marked) return NULL;
    int64_t *to = tp__data_i64(marked);
    for (int64_t i = 0; i < labels->numel; i++) to[i] = label[i] == ignored ? -1 : label[i];
    return marked;
}

/* x as (rows, C), recorded: the classes last. */
static tp_tensor *ce_as_rows(tp_tensor *x) {
    if (x->shape.ndim == 2) return x;
    if (x->shape.ndim == 1) return tp_unsqueeze(x, 0);
    tp_dims order = {x->shape.ndim, {0}};
    int64_t rows = x->shape.dims[0];
    for (int i = 1; i < x->shape.ndim - 1; i++) order.items[i] = i + 1;
    order.items[x->shape.ndim - 1] = 1;
    for (int i = 2; i < x->shape.ndim; i++) rows *= x->shape.dims[i];
    return tp_reshape(tp_permute(x, order), TP_SHAPE(rows, x->shape.dims[1]));
}

/* ---- the definition, in public ops -------------------------------------------------------------------- */

/* From log-probabilities (N, C) and labels (N), negative where ignored, to the reduced loss. */
static tp_tensor *ce_from_log(tp_tensor *logp, tp_tensor *labels, tp_tensor *weight, const ce_attr *a) {
    if (!logp || !labels) return NULL;
    int64_t rows = logp->shape.dims[0], classes = logp->shape.dims[1];
    tp_tensor *zero = tp__constant(logp, 0), *counts = tp_ge_scalar(labels, 0),
              *safe = tp_clamp_min(labels, 0);
    tp_tensor *picked = tp_gather(logp, 1, tp_reshape(safe, TP_SHAPE(rows, 1)));
    tp_tensor *loss = tp_neg(tp_reshape(picked, TP_SHAPE(rows))), *own = NULL;
    if (weight) loss = tp_mul(loss, own = tp_index_select(weight, 0, safe));
    if (a->smoothing != 0) {
        tp_tensor *all = tp_sum_dim(weight ? tp_mul(logp, weight) : logp, TP_DIMS(1), false);
        loss =
            tp_sub(tp_mul_scalar(loss, 1 - a->smoothing), tp_mul_scalar(all, a->smoothing / (double)classes));
    }
    loss = tp_where(counts, loss, zero);
    if (a->reduction == TP_NONE) return loss;
    if (a->reduction == TP_SUM) return tp_sum(loss);
    if (!weight) return tp_div_scalar(tp_sum(loss), a->norm);
    return tp_div(tp_sum(loss), tp_sum(tp_where(counts, own, zero)));
}

static bool ce_composite(const void *attr, tp_tensor *const *in, tp_tensor **outputs) {
    tp_tensor *logp = tp_log_softmax(in[CE_X], 1);
    outputs[0] = ce_from_log(logp, in[CE_TARGET], in[CE_WEIGHT], attr);
    return outputs[0] != NULL;
}

/* ---- kernels ------------------------------------------------------------------------------------------ */

typedef struct ce_run {
    tp__ce_rows job;
    int64_t block, item;
    bool backward;
    void (*kernel)(const tp__ce_rows *job);
} ce_run;

static void ce_range(void *context, int64_t begin, int64_t end, int worker) {
    const ce_run *run = context;
    (void)worker;
    tp__ce_rows job = run->job;
    int64_t first = begin * run->block, last = end * run->block;
    if (last > job.rows) last = job.rows;
    job.rows = last - first;
    job.x = (const char *)job.x + first * job.x_step * run->item;
    job.target += first;
    job.stats = (char *)job.stats + 2 * first * run->item;
    if (run->backward) {
        job.g = (const char *)job.g + first * job.g_step * run->item;
        job.dx = (char *)job.dx + first * job.n * run->item;
    } else {
        job.loss = (char *)job.loss + first * run->item;
    }
    run->kernel(&job);
}

/* Runs the kernel over the rows of x, whose elements must lie side by side. */
static void ce_go(ce_run *run, const tp_tensor *x, const tp_tensor *labels, const tp_tensor *stats,
                  const tp_tensor *weight, double smoothing) {
    run->job.rows = x->shape.dims[0];
    run->job.n = x->shape.dims[1];
    if (x->numel == 0) return;
    run->job.x = tp__data(x);
    run->job.x_step = x->strides[0];
    run->job.target = tp__data_i64(labels);
    run->job.weight = weight ? tp__data(weight) : NULL;
    run->job.smoothing = smoothing;
    run->job.stats = tp__data(stats);
    run->block = tp__softmax_rows(run->job.n);
    run->item = (int64_t)tp__itemsize((tp_dtype)x->dtype);
    tp__parallel_for((run->job.rows + run->block - 1) / run->block,
                     ((int64_t)1 << 14) / (run->block * run->job.n), ce_range, run);
}

static tp_tensor *ce_rows_of(const char *op, tp_tensor *x) {
    return x->strides[1] == 1 ? x : tp__packed(op, x, (tp_dtype)x->dtype);
}

/* ---- cross_entropy ------------------------------------------------------------------------------------ */

static void ce_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__vjp_by_composite(ctx, ce_composite, g, dx);
}

/* dx = (softmax(x) - target) g / norm */
static void ce_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    if (tp__needs(ctx, CE_WEIGHT)) {
        ce_vjp(ctx, g, dx);
        return;
    }
    const char *op = "cross_entropy";
    const ce_attr *a = tp__attr(ctx);
    tp_tensor *x = tp__input(ctx, CE_X), *labels = tp__input(ctx, CE_TARGET),
              *stats = tp__input(ctx, CE_STATS);
    tp_tensor *weight = tp__input(ctx, CE_WEIGHT);
    if (!x || !labels || !stats || (!weight && tp__has_input(ctx, CE_WEIGHT))) return;
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_tensor *rows = ce_rows_of(op, x), *grad = tp__packed(op, g[0], dtype);
    if (weight) weight = tp__packed(op, weight, dtype);
    tp_tensor *r = tp__tensor_new(op, x->shape, dtype);
    if (!rows || !grad || !r || (!weight && tp__has_input(ctx, CE_WEIGHT))) return;
    ce_run run = {.backward = true, .kernel = tp__kern->softmax->cross_entropy_grad[dtype]};
    run.job.g = tp__data(grad);
    run.job.g_step = a->reduction == TP_NONE ? 1 : 0;
    run.job.scale = a->reduction == TP_MEAN ? 1 / a->norm : 1;
    run.job.dx = tp__data(r);
    ce_go(&run, rows, labels, stats, weight, a->smoothing);
    dx[CE_X] = r;
}

static const tp__op cross_entropy_op = {.name = "cross_entropy",
                                        .vjp = ce_vjp,
                                        .vjp_fused = ce_vjp_fused,
                                        .save_inputs = TP__ALL};

/* y = the sum of the losses / by */
static bool ce_reduce(const char *op, const tp_tensor *loss, double by, tp_tensor *y) {
    bool mask[TP_MAX_DIMS] = {true};
    if (!tp__reduce(op, TP__SUM, loss, mask, y)) return false;
    if (by != 1)
        tp__store_f64(tp__data(y), (tp_dtype)y->dtype, tp__load_f64(tp__data(y), (tp_dtype)y->dtype) / by);
    return true;
}

/* The fused op on rows (N, C) and labels (N). */
static tp_tensor *ce_rows(tp_tensor *x, tp_tensor *labels, tp_tensor *weight, const ce_attr *a) {
    const char *op = "cross_entropy";
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_shape shape = TP_SHAPE(x->shape.dims[0]);
    tp_tensor *rows = ce_rows_of(op, x), *stats = tp__tensor_new(op, TP_SHAPE(shape.dims[0], 2), dtype);
    tp_tensor *loss = tp__tensor_new(op, shape, dtype),
              *packed = weight ? tp__packed(op, weight, dtype) : NULL;
    if (!rows || !stats || !loss || (weight && !packed)) return NULL;
    ce_run run = {.kernel = tp__kern->softmax->cross_entropy[dtype]};
    run.job.loss = tp__data(loss);
    ce_go(&run, rows, labels, stats, packed, a->smoothing);
    tp_tensor *y = loss;
    if (a->reduction != TP_NONE) {
        y = tp__tensor_new(op, TP_SCALAR_SHAPE, dtype);
        if (!y || !ce_reduce(op, loss, a->reduction == TP_MEAN ? a->norm : 1, y)) return NULL;
    }
    return tp__record(&cross_entropy_op, y, TP__INPUTS(x, labels, weight, stats), a, sizeof *a);
}

static tp_tensor *ce_any(const char *op, tp_tensor *x, tp_tensor *target, const tp_ce_options *o,
                         bool logits) {
    int64_t classes = x->shape.dims[x->shape.ndim > 1];
    ce_attr a;
    tp_tensor *labels = ce_labels(op, target, classes, o, &a);
    if (labels && classes == 0 && labels->numel > 0)
        TP_FAIL(TP_ERR_SHAPE, op, "no classes: x of shape %s", tp__shape_text(x->shape));
    tp_tensor *rows = labels ? ce_as_rows(x) : NULL;
    if (!rows) return NULL;
    if (labels->shape.ndim != 1) { /* never recorded, so that an alias will do */
        int64_t step = 1;
        labels = tp__tensor_alias(op, labels, TP_SHAPE(labels->numel), &step, labels->offset);
        if (!labels) return NULL;
    }
    tp_tensor *y = logits ? ce_rows(rows, labels, o->weight, &a) : ce_from_log(rows, labels, o->weight, &a);
    return y && a.reduction == TP_NONE && target->shape.ndim != 1 ? tp_reshape(y, target->shape) : y;
}

/* ---- class probabilities ------------------------------------------------------------------------------ */

static bool ce_check_probabilities(const char *op, const tp_tensor *x, const tp_ce_options *o) {
    const int dim = x->shape.ndim > 1;
    if (!tp__require_floating(op, "x", x) || !ce_check_options(op, o) ||
        !ce_check_weight(op, x, o->weight, x->shape.dims[dim]))
        return false;
    if (o->has_ignore_index) TP_FAIL(TP_ERR_ARGUMENT, op, "ignore_index is for class indices");
    if (x->shape.dims[dim] == 0)
        TP_FAIL(TP_ERR_SHAPE, op, "no classes: x of shape %s", tp__shape_text(x->shape));
    return true;
}

static tp_tensor *ce_probabilities(tp_tensor *x, tp_tensor *target, const tp_ce_options *o) {
    const int dim = x->shape.ndim > 1;
    const double classes = (double)x->shape.dims[dim], smoothing = o->label_smoothing;
    if (smoothing != 0) target = tp_add_scalar(tp_mul_scalar(target, 1 - smoothing), smoothing / classes);
    if (o->weight) {
        tp_shape shape = {x->shape.ndim - dim, {x->shape.dims[dim]}};
        for (int d = 1; d < shape.ndim; d++) shape.dims[d] = 1;
        target = tp_mul(target, tp_reshape(o->weight, shape));
    }
    tp_tensor *each = tp_mul(tp_log_softmax(x, dim), target);
    if (o->reduction == TP_NONE) return tp_neg(tp_sum_dim(each, TP_DIMS(dim), false));
    tp_tensor *sum = tp_neg(tp_sum(each));
    return o->reduction == TP_SUM ? sum : tp_div_scalar(sum, (double)x->numel / classes);
}

tp_tensor *tp_cross_entropy(tp_tensor *x, tp_tensor *target, tp_ce_options options) {
    const char *op = "cross_entropy";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    TP_OPTIONAL(options.weight);
    const bool probabilities = x->shape.ndim > 0 && tp__is_floating((tp_dtype)target->dtype) &&
                               tp_shape_equal(x->shape, target->shape);
    if (!(probabilities ? ce_check_probabilities(op, x, &options) : ce_check(op, x, target, &options)))
        return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    return tp_scope_return(scope, probabilities ? ce_probabilities(x, target, &options)
                                                : ce_any(op, x, target, &options, true));
}

tp_tensor *tp_nll_loss(tp_tensor *x, tp_tensor *target, tp_ce_options options) {
    const char *op = "nll_loss";
    TP_REQUIRE(x, op);
    TP_REQUIRE(target, op);
    TP_OPTIONAL(options.weight);
    if (!ce_check(op, x, target, &options)) return NULL;
    if (options.label_smoothing != 0) TP_FAIL(TP_ERR_ARGUMENT, op, "label_smoothing is for cross_entropy");
    tp_scope *scope = tp_scope_begin();
    return scope ? tp_scope_return(scope, ce_any(op, x, target, &options, false)) : NULL;
}
