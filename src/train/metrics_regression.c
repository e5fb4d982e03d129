/* Errors of predicted numbers. */
#include "train/metrics.h"

static tp_status regression_update(tp_metric *m, const tp__metric_batch *b) {
    TP_TRY(tp__metric_check_scores(b, true));
    for (int64_t i = 0; i < b->n * b->c; i++)
        if (!isfinite(b->y[i]))
            return tp__error(TP_ERR_ARGUMENT, b->op, "element %lld of the target is %g", (long long)i,
                             b->y[i]);
    if (m->sums && m->outputs != b->c)
        return tp__error(TP_ERR_SHAPE, b->op,
                         "the prediction %s has %lld numbers a sample, earlier ones %lld",
                         tp__shape_text(b->prediction->shape), (long long)b->c, (long long)m->outputs);
    if (!m->sums) {
        size_t bytes = (size_t)(b->c + 1) * sizeof *m->sums;
        m->sums = tp__alloc_zero(bytes);
        if (!m->sums) return tp__error_memory(b->op, bytes);
        m->outputs = b->c;
    }
    for (int64_t i = 0; i < b->n; i++)
        for (int64_t j = 0; j < b->c; j++) {
            struct tp__metric_sums *s = &m->sums[j];
            double y = b->y[i * b->c + j], e = b->p[i * b->c + j] - y, apart = y - s->mean;
            s->squares += e * e;
            s->sizes += fabs(e);
            s->mean += apart / (double)(m->samples + i + 1);
            s->spread += apart * (y - s->mean); /* Welford: no difference of large sums */
        }
    return TP_OK;
}

typedef double regression_output(const struct tp__metric_sums *s, double n);

static double regression_mse(const struct tp__metric_sums *s, double n) { return s->squares / n; }
static double regression_rmse(const struct tp__metric_sums *s, double n) { return sqrt(s->squares / n); }
static double regression_mae(const struct tp__metric_sums *s, double n) { return s->sizes / n; }
static double regression_r2(const struct tp__metric_sums *s, double n) {
    if (n < 2) return NAN;
    if (s->spread == 0) return s->squares == 0;
    return 1 - s->squares / s->spread;
}

static double regression_mean(const tp_metric *m, regression_output *output) {
    double sum = 0;
    for (int64_t j = 0; j < m->outputs; j++) sum += output(&m->sums[j], (double)m->samples);
    return sum / (double)m->outputs;
}

static double regression_value_mse(const tp_metric *m) { return regression_mean(m, regression_mse); }
static double regression_value_rmse(const tp_metric *m) { return regression_mean(m, regression_rmse); }
static double regression_value_mae(const tp_metric *m) { return regression_mean(m, regression_mae); }
static double regression_value_r2(const tp_metric *m) { return regression_mean(m, regression_r2); }

static const tp__metric_rule regression_mse_rule = {"metric_mse", false, false, regression_update,
                                                    regression_value_mse},
                             regression_rmse_rule = {"metric_rmse", false, false, regression_update,
                                                     regression_value_rmse},
                             regression_mae_rule = {"metric_mae", false, false, regression_update,
                                                    regression_value_mae},
                             regression_r2_rule = {"metric_r2", false, false, regression_update,
                                                   regression_value_r2};

tp_metric *tp_metric_mse(void) { return tp__metric_new(&regression_mse_rule); }
tp_metric *tp_metric_rmse(void) { return tp__metric_new(&regression_rmse_rule); }
tp_metric *tp_metric_mae(void) { return tp__metric_new(&regression_mae_rule); }
tp_metric *tp_metric_r2(void) { return tp__metric_new(&regression_r2_rule); }
