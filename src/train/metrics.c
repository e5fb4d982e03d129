/* Metrics: the object, and what is checked of every batch. */
#include "train/metrics.h"

#include "ops/ops.h"
#include "taper/autograd.h"

tp_metric *tp__metric_new(const tp__metric_rule *rule) {
    tp_metric *m = tp__alloc_zero(sizeof *m);
    if (!m) {
        tp__error_memory(rule->name, sizeof *m);
        return NULL;
    }
    tp__count(&tp__self()->counters.objects, 1);
    m->rule = rule;
    return m;
}

void tp__metric_clear(tp_metric *m) {
    tp__free(m->counts);
    tp__free(m->points);
    tp__free(m->sums);
    m->counts = NULL;
    m->points = NULL;
    m->sums = NULL;
    m->samples = m->hits = m->classes = m->room = m->outputs = 0;
    m->loss = 0;
}

void tp_metric_free(tp_metric *m) {
    if (!m) return;
    tp__metric_clear(m);
    tp__free(m);
    tp__count(&tp__self()->counters.objects, -1);
}

tp_status tp_metric_reset(tp_metric *m) {
    if (!m) return tp__deliver(tp__error_null("metric_reset", "metric"));
    tp__metric_clear(m);
    return TP_OK;
}

double tp_metric_value(const tp_metric *m) {
    if (m) return m->samples > 0 ? m->rule->value(m) : NAN;
    tp__error_null("metric_value", "metric");
    return NAN;
}

const char *tp_metric_name(const tp_metric *m) {
    if (m) return m->rule->name + sizeof "metric_" - 1;
    tp__error_null("metric_name", "metric");
    return NULL;
}

/* ---- batches ----------------------------------------------------------------------------------------- */

tp_status tp__metric_check_scores(const tp__metric_batch *b, bool finite) {
    for (int64_t i = 0; i < b->n * b->c; i++)
        if (isnan(b->p[i]) || (finite && !isfinite(b->p[i])))
            return tp__error(TP_ERR_ARGUMENT, b->op, "element %lld of the prediction is %g", (long long)i,
                             b->p[i]);
    return TP_OK;
}

tp_status tp__metric_check_labels(const tp__metric_batch *b, const char *name, const double *labels,
                                  int64_t classes) {
    for (int64_t i = 0; i < b->n; i++) {
        if (!(labels[i] == floor(labels[i])))
            return tp__error(TP_ERR_ARGUMENT, b->op, "element %lld of the %s is %g, no label", (long long)i,
                             name, labels[i]);
        if (labels[i] < 0 || labels[i] >= (double)classes)
            return tp__error(TP_ERR_INDEX, b->op, "element %lld of the %s is %g, there are %lld classes",
                             (long long)i, name, labels[i], (long long)classes);
    }
    return TP_OK;
}

static tp_status metric_check_shapes(const tp_metric *m, const tp__metric_batch *b) {
    const tp_shape *p = &b->prediction->shape, *y = &b->target->shape;
    bool floating = tp__is_floating((tp_dtype)b->prediction->dtype);
    if (!floating && !m->rule->integers)
        return tp__error(TP_ERR_DTYPE, b->op, "%s takes no predictions of %s", tp_metric_name(m),
                         tp__dtype_text(b->prediction));
    if (!m->rule->labels && !tp__is_floating((tp_dtype)b->target->dtype))
        return tp__error(TP_ERR_DTYPE, b->op, "%s takes no targets of %s", tp_metric_name(m),
                         tp__dtype_text(b->target));
    bool fit = p->ndim >= 1 && y->ndim >= 1 && p->dims[0] == y->dims[0];
    if (m->rule->labels) {
        fit = fit && p->ndim <= 2 && (y->ndim == 1 || (y->ndim == 2 && y->dims[1] == 1));
        fit = fit && (p->ndim == 1 || p->dims[1] == 1 || (floating && p->dims[1] > 1));
    } else {
        bool single = p->ndim <= 2 && y->ndim <= 2 && b->prediction->numel == y->dims[0] &&
                      b->target->numel == p->dims[0]; /* (N) and (N, 1) */
        fit = fit && (tp_shape_equal(*p, *y) || single);
    }
    if (fit) return TP_OK;
    return tp__error(TP_ERR_SHAPE, b->op, "%s takes no prediction of %s with a target of %s",
                     tp_metric_name(m), tp__shape_text(*p), tp__shape_text(*y));
}

static tp_status metric_update(const char *op, tp_metric *m, tp_tensor *prediction, tp_tensor *target) {
    tp__metric_batch b = {.op = op, .prediction = prediction, .target = target};
    TP_TRY(metric_check_shapes(m, &b));
    const tp_tensor *p = tp__packed(op, prediction, TP_F64), *y = p ? tp__packed(op, target, TP_F64) : NULL;
    if (!p || !y) return tp__error_null(op, p ? "target" : "prediction");
    b.n = prediction->shape.dims[0];
    if (b.n == 0) return TP_OK;
    b.c = prediction->numel / b.n;
    b.p = (const double *)(const void *)tp__data(p);
    b.y = (const double *)(const void *)tp__data(y);
    TP_TRY(m->rule->update(m, &b));
    m->samples += b.n;
    return TP_OK;
}

static tp_status metric_take(const char *op, tp_metric *m, tp_tensor *prediction, tp_tensor *target) {
    if (!m || !prediction || !target)
        return tp__error_null(op, !m ? "metric" : !prediction ? "prediction" : "target");
    tp_scope *s = tp_scope_begin();
    if (!s) return TP_ERR_MEMORY;
    tp_set_grad_enabled(false);
    tp_status status = metric_update(op, m, prediction, target);
    tp_scope_end(s);
    return status;
}

tp_status tp_metric_update(tp_metric *m, tp_tensor *prediction, tp_tensor *target) {
    return tp__deliver(metric_take("metric_update", m, prediction, target));
}

tp_metric *tp__metric_once(const char *op, const tp__metric_rule *rule, tp_tensor *prediction,
                           tp_tensor *target) {
    TP_REQUIRE(prediction, op);
    TP_REQUIRE(target, op);
    tp_metric *m = tp__metric_new(rule);
    if (!m || metric_take(op, m, prediction, target) == TP_OK) return m;
    tp_metric_free(m);
    return NULL;
}
