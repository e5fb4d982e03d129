/* Metrics of decisions for classes, from counts of what was taken for what; and the log loss. */
#include <float.h>

#include "taper/creation.h"
#include "train/metrics.h"

/* ---- decisions --------------------------------------------------------------------------------------- */

static int64_t class_of_row(const tp_metric *m, const tp__metric_batch *b, int64_t i) {
    const double *row = b->p + i * b->c;
    if (!tp__is_floating((tp_dtype)b->prediction->dtype)) return (int64_t)row[0];
    if (b->c == 1) return row[0] > m->options.threshold;
    int64_t best = 0;
    for (int64_t j = 1; j < b->c; j++)
        if (row[j] > row[best]) best = j;
    return best;
}

/* The number of classes of a batch: what was given, or found before, or its columns, or 2. */
static tp_status class_number(const tp_metric *m, const tp__metric_batch *b, int64_t *classes) {
    bool columns = b->c > 1;
    int64_t known = m->classes ? m->classes : m->options.classes;
    *classes = known ? known : columns ? b->c : 2;
    if (columns && *classes != b->c)
        return tp__error(TP_ERR_SHAPE, b->op, "the prediction %s has %lld columns for %lld classes",
                         tp__shape_text(b->prediction->shape), (long long)b->c, (long long)*classes);
    if (!columns && tp__is_floating((tp_dtype)b->prediction->dtype) && *classes != 2)
        return tp__error(TP_ERR_SHAPE, b->op, "the prediction %s has one score a sample for %lld classes",
                         tp__shape_text(b->prediction->shape), (long long)*classes);
    if (m->options.average == TP_AVERAGE_BINARY && *classes != 2)
        return tp__error(TP_ERR_SHAPE, b->op, "%s of %lld classes needs an average that is not binary",
                         tp_metric_name(m), (long long)*classes);
    if ((uint64_t)*classes > SIZE_MAX / sizeof *m->counts / (uint64_t)*classes) /* bytes of the counts */
        return tp__error(TP_ERR_ARGUMENT, b->op, "there cannot be %lld classes", (long long)*classes);
    return TP_OK;
}

static tp_status class_update(tp_metric *m, const tp__metric_batch *b) {
    int64_t classes;
    TP_TRY(class_number(m, b, &classes));
    TP_TRY(tp__metric_check_labels(b, "target", b->y, classes));
    if (tp__is_floating((tp_dtype)b->prediction->dtype)) TP_TRY(tp__metric_check_scores(b, false));
    else TP_TRY(tp__metric_check_labels(b, "prediction", b->p, classes));
    if (!m->counts) {
        size_t bytes = (size_t)classes * (size_t)classes * sizeof *m->counts;
        m->counts = tp__alloc_zero(bytes);
        if (!m->counts) return tp__error_memory(b->op, bytes);
        m->classes = classes;
    }
    for (int64_t i = 0; i < b->n; i++) m->counts[(int64_t)b->y[i] * classes + class_of_row(m, b, i)]++;
    return TP_OK;
}

/* ---- values ------------------------------------------------------------------------------------------ */

/* Of one class, or of several together: rightly taken, taken at all, and labelled so. */
typedef struct class_tally {
    double right, taken, labelled;
} class_tally;

static class_tally class_count(const tp_metric *m, int64_t j) {
    class_tally t = {(double)m->counts[j * m->classes + j], 0, 0};
    for (int64_t i = 0; i < m->classes; i++) {
        t.taken += (double)m->counts[i * m->classes + j];
        t.labelled += (double)m->counts[j * m->classes + i];
    }
    return t;
}

typedef double class_score(class_tally t);

static double class_precision(class_tally t) { return t.right / t.taken; }
static double class_recall(class_tally t) { return t.right / t.labelled; }
static double class_f1(class_tally t) { return 2 * t.right / (t.taken + t.labelled); }

static double class_value(const tp_metric *m, class_score *score) {
    class_tally all = {0, 0, 0};
    double sum = 0, weights = 0;
    for (int64_t j = 0; j < m->classes; j++) {
        class_tally t = class_count(m, j);
        double value = score(t), weight = m->options.average == TP_AVERAGE_WEIGHTED ? t.labelled : 1;
        if (isnan(value)) value = m->options.zero_division; /* 0 / 0: only the divisor can do that */
        if (m->options.average == TP_AVERAGE_BINARY && j == 1) return value;
        if (t.taken + t.labelled == 0) continue;
        sum += weight * value;
        weights += weight;
        all = (class_tally){all.right + t.right, all.taken + t.taken, all.labelled + t.labelled};
    }
    return m->options.average == TP_AVERAGE_MICRO ? score(all) : sum / weights;
}

static double class_value_accuracy(const tp_metric *m) {
    double right = 0;
    for (int64_t j = 0; j < m->classes; j++) right += (double)m->counts[j * m->classes + j];
    return right / (double)m->samples;
}
static double class_value_precision(const tp_metric *m) { return class_value(m, class_precision); }
static double class_value_recall(const tp_metric *m) { return class_value(m, class_recall); }
static double class_value_f1(const tp_metric *m) { return class_value(m, class_f1); }

static const tp__metric_rule class_accuracy_rule = {"metric_accuracy", true, true, class_update,
                                                    class_value_accuracy},
                             class_precision_rule = {"metric_precision", true, true, class_update,
                                                     class_value_precision},
                             class_recall_rule = {"metric_recall", true, true, class_update,
                                                  class_value_recall},
                             class_f1_rule = {"metric_f1", true, true, class_update, class_value_f1};

static tp_metric *class_new(const tp__metric_rule *rule, tp_class_options options) {
    if (options.classes < 0 || options.classes == 1)
        TP_FAIL(TP_ERR_ARGUMENT, rule->name, "there cannot be %lld classes", (long long)options.classes);
    if ((unsigned)options.average > TP_AVERAGE_WEIGHTED)
        TP_FAIL(TP_ERR_ARGUMENT, rule->name, "there is no average %d", (int)options.average);
    if (isnan(options.threshold)) TP_FAIL(TP_ERR_ARGUMENT, rule->name, "threshold is nan");
    tp_metric *m = tp__metric_new(rule);
    if (!m) return NULL;
    m->options = options;
    m->options.threshold = tp__default(options.threshold, 0.5);
    return m;
}

tp_metric *tp_metric_accuracy(tp_class_options options) {
    options.average = TP_AVERAGE_MICRO; /* which it is, for any number of classes */
    return class_new(&class_accuracy_rule, options);
}
tp_metric *tp_metric_precision(tp_class_options options) { return class_new(&class_precision_rule, options); }
tp_metric *tp_metric_recall(tp_class_options options) { return class_new(&class_recall_rule, options); }
tp_metric *tp_metric_f1(tp_class_options options) { return class_new(&class_f1_rule, options); }

tp_tensor *tp_metric_confusion(const tp_metric *m, tp_confusion_scale normalize) {
    const char *op = "metric_confusion";
    if (!m) {
        tp__error_null(op, "metric");
        return NULL;
    }
    if (m->rule->update != class_update)
        TP_FAIL(TP_ERR_STATE, op, "%s has no confusion matrix", tp_metric_name(m));
    int64_t classes = m->classes ? m->classes : m->options.classes;
    if (!classes) TP_FAIL(TP_ERR_STATE, op, "the number of classes is not known yet");
    if ((unsigned)normalize > TP_CONFUSION_ALL)
        TP_FAIL(TP_ERR_ARGUMENT, op, "there is no normalisation %d", (int)normalize);
    tp_tensor *t = tp_zeros(TP_SHAPE(classes, classes), normalize == TP_CONFUSION_COUNTS ? TP_I64 : TP_F64);
    if (!t || !m->counts) return t;
    for (int64_t i = 0; i < classes; i++)
        for (int64_t j = 0; j < classes; j++) {
            int64_t count = m->counts[i * classes + j];
            double by = (double)m->samples;
            if (normalize == TP_CONFUSION_ROWS) by = class_count(m, i).labelled;
            if (normalize == TP_CONFUSION_COLUMNS) by = class_count(m, j).taken;
            if (normalize == TP_CONFUSION_COUNTS) (tp__data_i64(t))[i * classes + j] = count;
            else ((double *)(void *)tp__data(t))[i * classes + j] = by > 0 ? (double)count / by : 0;
        }
    return t;
}

/* ---- top-k ------------------------------------------------------------------------------------------- */

static tp_status class_check_scores(const tp__metric_batch *b, int64_t classes) {
    TP_TRY(tp__metric_check_scores(b, false));
    return tp__metric_check_labels(b, "target", b->y, classes);
}

static tp_status top_k_update(tp_metric *m, const tp__metric_batch *b) {
    if (b->c < 2)
        return tp__error(TP_ERR_SHAPE, b->op, "top_k needs scores (N, C), got %s",
                         tp__shape_text(b->prediction->shape));
    TP_TRY(class_check_scores(b, b->c));
    for (int64_t i = 0; i < b->n; i++) {
        const double *row = b->p + i * b->c;
        int64_t label = (int64_t)b->y[i], higher = 0;
        for (int64_t j = 0; j < b->c; j++)
            higher += row[j] > row[label] || (row[j] == row[label] && j > label);
        m->hits += higher < m->k;
    }
    return TP_OK;
}

static double top_k_value(const tp_metric *m) { return (double)m->hits / (double)m->samples; }

static const tp__metric_rule top_k_rule = {"metric_top_k", true, false, top_k_update, top_k_value};

tp_metric *tp_metric_top_k(int64_t k) {
    if (k < 1) TP_FAIL(TP_ERR_ARGUMENT, top_k_rule.name, "k must be positive, got %lld", (long long)k);
    tp_metric *m = tp__metric_new(&top_k_rule);
    if (m) m->k = k;
    return m;
}

/* ---- log loss ---------------------------------------------------------------------------------------- */

/* -log of softmax, or of the sigmoid of one logit. */
static double log_loss_of_logits(const double *row, int64_t c, int64_t label) {
    if (c == 1) {
        double x = label ? row[0] : -row[0];
        return x > 0 ? log1p(exp(-x)) : log1p(exp(x)) - x;
    }
    double largest = row[0], sum = 0;
    for (int64_t j = 1; j < c; j++) largest = fmax(largest, row[j]);
    for (int64_t j = 0; j < c; j++) sum += exp(row[j] - largest);
    return log(sum) + largest - row[label];
}

static tp_status log_loss_update(tp_metric *m, const tp__metric_batch *b) {
    double eps = b->prediction->dtype == TP_F32 ? FLT_EPSILON : DBL_EPSILON;
    TP_TRY(class_check_scores(b, b->c == 1 ? 2 : b->c));
    if (m->logits) TP_TRY(tp__metric_check_scores(b, true));
    for (int64_t i = 0; !m->logits && i < b->n * b->c; i++)
        if (!(b->p[i] >= 0 && b->p[i] <= 1))
            return tp__error(TP_ERR_ARGUMENT, b->op, "element %lld of the prediction is %g, no probability",
                             (long long)i, b->p[i]);
    for (int64_t i = 0; i < b->n; i++) {
        const double *row = b->p + i * b->c;
        int64_t label = (int64_t)b->y[i];
        double p = b->c > 1 ? row[label] : label ? row[0] : 1 - row[0];
        /* sample by sample, so that the batches' borders leave no trace */
        m->loss += m->logits ? log_loss_of_logits(row, b->c, label) : -log(fmin(fmax(p, eps), 1 - eps));
    }
    return TP_OK;
}

static double log_loss_value(const tp_metric *m) { return m->loss / (double)m->samples; }

static const tp__metric_rule log_loss_rule = {"metric_log_loss", true, false, log_loss_update,
                                              log_loss_value};

tp_metric *tp_metric_log_loss(bool logits) {
    tp_metric *m = tp__metric_new(&log_loss_rule);
    if (m) m->logits = logits;
    return m;
}
