/* Metrics of the order of scores: the areas under the ROC and the precision-recall curve, and the curves. */
#include <stdlib.h>

#include "ops/ops.h"
#include "train/metrics.h"

/* ---- gathering --------------------------------------------------------------------------------------- */

/* Of two classes there is one score a sample, of more one for each: m->classes scores, and as many points. */
static tp_status rank_update(tp_metric *m, const tp__metric_batch *b) {
    const int64_t columns = b->c > 2 ? b->c : 1;
    if (m->samples > 0 && columns != m->classes)
        return tp__error(TP_ERR_SHAPE, b->op,
                         "the prediction %s has scores of %lld classes, before it was %lld",
                         tp__shape_text(b->prediction->shape), (long long)(columns > 1 ? columns : 2),
                         (long long)(m->classes > 1 ? m->classes : 2));
    TP_TRY(tp__metric_check_scores(b, b->c == 2)); /* of two infinities the difference may be none */
    TP_TRY(tp__metric_check_labels(b, "target", b->y, columns > 1 ? columns : 2));
    int64_t needed = (m->samples + b->n) * columns;
    if (needed > m->room) {
        int64_t room = needed > 2 * m->room ? needed : 2 * m->room;
        void *grown = tp__realloc(m->points, (size_t)room * sizeof *m->points);
        if (!grown) return tp__error_memory(b->op, (size_t)room * sizeof *m->points);
        m->points = grown;
        m->room = room;
    }
    m->classes = columns;
    tp__metric_point *to = m->points + m->samples * columns;
    for (int64_t i = 0; i < b->n; i++)
        for (int64_t k = 0; k < columns; k++, to++) {
            to->score = b->c == 2 ? b->p[2 * i + 1] - b->p[2 * i] : b->p[i * columns + k];
            to->label = columns > 1 ? b->y[i] == (double)k : (int64_t)b->y[i];
        }
    return TP_OK;
}

/* ---- the points of the curves ------------------------------------------------------------------------ */

/* How many scores at or above a threshold have the label 0 and 1; thresholds descend. */
typedef struct rank_step {
    double threshold, zeros, ones;
} rank_step;

static int rank_compare(const void *a, const void *b) {
    double x = ((const tp__metric_point *)a)->score, y = ((const tp__metric_point *)b)->score;
    return (x < y) - (x > y);
}

/* One step for each different score in a column; to be freed. NULL with a record. */
static rank_step *rank_steps(const char *op, const tp_metric *m, int64_t column, int64_t *count) {
    size_t n = (size_t)m->samples, bytes = n * (sizeof(rank_step) + sizeof *m->points);
    rank_step *steps = tp__alloc(bytes ? bytes : 1);
    if (!steps) {
        tp__error_memory(op, bytes);
        return NULL;
    }
    tp__metric_point *sorted = (tp__metric_point *)(void *)(steps + n);
    for (size_t i = 0; i < n; i++) sorted[i] = m->points[i * (size_t)m->classes + (size_t)column];
    qsort(sorted, n, sizeof *sorted, rank_compare);
    double of[2] = {0, 0};
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        of[sorted[i].label]++;
        if (i + 1 == n || sorted[i + 1].score != sorted[i].score)
            steps[(*count)++] = (rank_step){sorted[i].score, of[0], of[1]};
    }
    return steps;
}

static double rank_roc_area(const rank_step *steps, int64_t count) {
    rank_step last = {0, 0, 0};
    double area = 0; /* twice, in pairs of labels */
    for (int64_t i = 0; i < count; i++) {
        area += (steps[i].zeros - last.zeros) * (steps[i].ones + last.ones);
        last = steps[i];
    }
    return last.zeros > 0 && last.ones > 0 ? area / 2 / last.zeros / last.ones : NAN;
}

static double rank_pr_area(const rank_step *steps, int64_t count) {
    rank_step last = {0, 0, 0};
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += (steps[i].ones - last.ones) * steps[i].ones / (steps[i].ones + steps[i].zeros);
        last = steps[i];
    }
    return last.ones > 0 ? sum / last.ones : 0;
}

/* The mean over the columns. */
static double rank_mean(const tp_metric *m, double (*area)(const rank_step *steps, int64_t count)) {
    double sum = 0;
    for (int64_t k = 0; k < m->classes; k++) {
        int64_t count;
        rank_step *steps = rank_steps("metric_value", m, k, &count);
        if (!steps) return NAN;
        sum += area(steps, count);
        tp__free(steps);
    }
    return sum / (double)m->classes;
}

static double rank_roc_value(const tp_metric *m) { return rank_mean(m, rank_roc_area); }
static double rank_pr_value(const tp_metric *m) { return rank_mean(m, rank_pr_area); }

static const tp__metric_rule rank_roc_rule = {"metric_roc_auc", true, false, rank_update, rank_roc_value},
                             rank_pr_rule = {"metric_pr_auc", true, false, rank_update, rank_pr_value};

tp_metric *tp_metric_roc_auc(void) { return tp__metric_new(&rank_roc_rule); }
tp_metric *tp_metric_pr_auc(void) { return tp__metric_new(&rank_pr_rule); }

static double rank_once(const char *op, const tp__metric_rule *rule, tp_tensor *scores, tp_tensor *labels) {
    tp_metric *m = tp__metric_once(op, rule, scores, labels);
    double value = m ? tp_metric_value(m) : NAN;
    tp_metric_free(m);
    return value;
}

double tp_roc_auc(tp_tensor *scores, tp_tensor *labels) {
    return rank_once("roc_auc", &rank_roc_rule, scores, labels);
}
double tp_pr_auc(tp_tensor *scores, tp_tensor *labels) {
    return rank_once("pr_auc", &rank_pr_rule, scores, labels);
}

/* ---- the curves -------------------------------------------------------------------------------------- */

static rank_step *rank_curve_steps(const char *op, const tp_metric *m, int64_t *count) {
    if (!m) {
        tp__error_null(op, "metric");
        return NULL;
    }
    if (m->rule->update != rank_update) TP_FAIL(TP_ERR_STATE, op, "%s has no curve", tp_metric_name(m));
    if (m->samples == 0) TP_FAIL(TP_ERR_STATE, op, "there are no samples");
    if (m->classes > 1)
        TP_FAIL(TP_ERR_STATE, op, "a curve is of two classes, the scores are of %lld", (long long)m->classes);
    return rank_steps(op, m, 0, count);
}

/* Does the curve bend at step i, or end? */
static bool rank_bends(const rank_step *s, int64_t i, int64_t count) {
    if (i == 0 || i == count - 1) return true;
    return s[i + 1].zeros - s[i].zeros != s[i].zeros - s[i - 1].zeros ||
           s[i + 1].ones - s[i].ones != s[i].ones - s[i - 1].ones;
}

/* Three packed rows in the current scope; false with a record. */
static bool rank_rows(const char *op, int64_t n, int64_t n_thresholds, tp_tensor **t, double **rows) {
    for (int k = 0; k < 3; k++) {
        t[k] = tp__tensor_new(op, TP_SHAPE(k < 2 ? n : n_thresholds), TP_F64);
        if (!t[k]) return false;
        rows[k] = (double *)(void *)tp__data(t[k]);
    }
    return true;
}

static void rank_roc_fill(const char *op, rank_step *steps, int64_t count, bool keep_all, tp_tensor **t) {
    rank_step last = steps[count - 1];
    double *rows[3];
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) kept += keep_all || rank_bends(steps, i, count);
    if (!rank_rows(op, kept + 1, kept + 1, t, rows)) return;
    int64_t at = 0;
    for (int64_t i = -1; i < count; i++) {
        if (i >= 0 && !keep_all && !rank_bends(steps, i, count)) continue;
        rank_step s = i < 0 ? (rank_step){INFINITY, 0, 0} : steps[i];
        rows[0][at] = last.zeros > 0 ? s.zeros / last.zeros : NAN;
        rows[1][at] = last.ones > 0 ? s.ones / last.ones : NAN;
        rows[2][at++] = s.threshold;
    }
}

static void rank_pr_fill(const char *op, const rank_step *steps, int64_t count, tp_tensor **t) {
    double *rows[3], ones = steps[count - 1].ones;
    if (!rank_rows(op, count + 1, count, t, rows)) return;
    for (int64_t i = 0; i < count; i++) {
        rank_step s = steps[count - 1 - i];
        rows[0][i] = s.ones / (s.ones + s.zeros);
        rows[1][i] = ones > 0 ? s.ones / ones : 1;
        rows[2][i] = s.threshold;
    }
    rows[0][count] = 1;
    rows[1][count] = 0;
}

static void rank_curve(const char *op, const tp_metric *m, bool roc, bool keep_all, tp_tensor **t) {
    t[0] = t[1] = t[2] = NULL;
    int64_t count;
    rank_step *steps = rank_curve_steps(op, m, &count);
    tp_scope *s = steps ? tp_scope_begin() : NULL;
    if (s) {
        if (roc) rank_roc_fill(op, steps, count, keep_all, t);
        else rank_pr_fill(op, steps, count, t);
        tp__hand_over(s, 3, t);
    }
    tp__free(steps);
}

tp_roc tp_metric_roc_curve(const tp_metric *m, bool keep_all) {
    tp_tensor *t[3];
    rank_curve("metric_roc_curve", m, true, keep_all, t);
    return (tp_roc){t[0], t[1], t[2]};
}

tp_pr tp_metric_pr_curve(const tp_metric *m) {
    tp_tensor *t[3];
    rank_curve("metric_pr_curve", m, false, true, t);
    return (tp_pr){t[0], t[1], t[2]};
}

tp_roc tp_roc_curve(tp_tensor *scores, tp_tensor *labels, bool keep_all) {
    tp_tensor *t[3] = {NULL, NULL, NULL};
    tp_metric *m = tp__metric_once("roc_curve", &rank_roc_rule, scores, labels);
    if (m) rank_curve("roc_curve", m, true, keep_all, t);
    tp_metric_free(m);
    return (tp_roc){t[0], t[1], t[2]};
}

tp_pr tp_pr_curve(tp_tensor *scores, tp_tensor *labels) {
    tp_tensor *t[3] = {NULL, NULL, NULL};
    tp_metric *m = tp__metric_once("pr_curve", &rank_pr_rule, scores, labels);
    if (m) rank_curve("pr_curve", m, false, true, t);
    tp_metric_free(m);
    return (tp_pr){t[0], t[1], t[2]};
}
