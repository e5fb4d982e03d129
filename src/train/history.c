#include <math.h>
#include <string.h>

#include "io/io.h"
#include "train/train.h"

const char *tp__metric_column(tp_metrics metrics, int i, const char *before, char name[TP__COLUMN_SIZE]) {
    const char *own = tp_metric_name(metrics.items[i]);
    int earlier = 0;
    for (int k = 0; k < i; k++) earlier += strcmp(tp_metric_name(metrics.items[k]), own) == 0;
    if (earlier) snprintf(name, TP__COLUMN_SIZE, "%s%s_%d", before, own, earlier);
    else snprintf(name, TP__COLUMN_SIZE, "%s%s", before, own);
    return name;
}

tp_history *tp__history_new(const char *op, const char *const *names, int count) {
    tp_history *h = tp__alloc_zero(sizeof *h);
    bool ok = h != NULL;
    if (ok) {
        tp__count(&tp__self()->counters.objects, 1);
        h->best = -1;
        h->names = tp__alloc_zero((size_t)count * sizeof *h->names);
        h->values = tp__alloc_zero((size_t)count * sizeof *h->values);
        ok = h->names && h->values;
    }
    for (int i = 0; ok && i < count; i++, h->columns++) ok = (h->names[i] = tp__strdup(names[i])) != NULL;
    if (ok) return h;
    tp__error_memory(op, sizeof *h);
    tp_history_free(h);
    return NULL;
}

void tp_history_free(tp_history *history) {
    if (!history) return;
    for (int i = 0; i < history->columns; i++) {
        tp__free(history->names[i]);
        tp__free(history->values[i]);
    }
    tp__free(history->names);
    tp__free(history->values);
    tp__free(history);
    tp__count(&tp__self()->counters.objects, -1);
}

int tp__history_find(const tp_history *history, const char *name) {
    for (int i = 0; i < history->columns; i++)
        if (strcmp(history->names[i], name) == 0) return i;
    return -1;
}

tp_status tp__history_append(const char *op, tp_history *history, const double *row) {
    if (history->epochs == history->capacity) {
        int64_t capacity = history->capacity ? 2 * history->capacity : 16;
        size_t bytes = (size_t)capacity * sizeof(double);
        for (int i = 0; i < history->columns; i++) {
            double *values = tp__realloc(history->values[i], bytes);
            if (!values) return tp__error_memory(op, bytes);
            history->values[i] = values;
        }
        history->capacity = capacity;
    }
    for (int i = 0; i < history->columns; i++) history->values[i][history->epochs] = row[i];
    history->epochs++;
    return TP_OK;
}

tp_status tp__history_save(const char *op, const tp_history *history, const char *path) {
    tp__writer w;
    if (!tp__writer_open(&w, op, path)) return tp__failed();
    tp__writer_printf(&w, "epoch");
    for (int i = 0; i < history->columns; i++) tp__writer_printf(&w, ",%s", history->names[i]);
    for (int64_t e = 0; e < history->epochs; e++) {
        tp__writer_printf(&w, "\n%lld", (long long)e);
        for (int i = 0; i < history->columns; i++) tp__writer_printf(&w, ",%.9g", history->values[i][e]);
    }
    tp__writer_printf(&w, "\n");
    return tp__writer_close(&w);
}

/* ---- asking ------------------------------------------------------------------------------------------ */

int64_t tp_history_epochs(const tp_history *history) {
    if (history) return history->epochs;
    tp__error_null("history_epochs", "history");
    return -1;
}

int tp_history_columns(const tp_history *history) {
    if (history) return history->columns;
    tp__error_null("history_columns", "history");
    return -1;
}

const char *tp_history_name(const tp_history *history, int column) {
    TP_REQUIRE(history, "history_name");
    if (column < 0 || column >= history->columns)
        TP_FAIL(TP_ERR_INDEX, "history_name", "column %d, there are %d", column, history->columns);
    return history->names[column];
}

static const double *history_column(const char *op, const tp_history *history, const char *name) {
    TP_REQUIRE(history, op);
    TP_REQUIRE(name, op);
    int column = tp__history_find(history, name);
    if (column < 0) TP_FAIL(TP_ERR_ARGUMENT, op, "there is no \"%.100s\" in the history", name);
    return history->values[column];
}

const double *tp_history_values(const tp_history *history, const char *name) {
    return history_column("history_values", history, name);
}

double tp_history_value(const tp_history *history, const char *name, int64_t epoch) {
    const double *values = history_column("history_value", history, name);
    if (!values && (!history || history->epochs > 0)) return NAN;
    int64_t n = history->epochs, at = epoch < 0 ? epoch + n : epoch;
    if (at >= 0 && at < n) return values[at];
    tp__error(TP_ERR_INDEX, "history_value", "epoch %lld, there are %lld", (long long)epoch, (long long)n);
    return NAN;
}

double tp_history_mean(const tp_history *history, const char *name) {
    const double *values = history_column("history_mean", history, name);
    if (!values) return NAN;
    double sum = 0;
    for (int64_t e = 0; e < history->epochs; e++) sum += values[e];
    return sum / (double)history->epochs;
}

double tp_history_deviation(const tp_history *history, const char *name) {
    const double *values = history_column("history_deviation", history, name);
    if (!values) return NAN;
    double mean = tp_history_mean(history, name), sum = 0;
    for (int64_t e = 0; e < history->epochs; e++) sum += (values[e] - mean) * (values[e] - mean);
    return history->epochs > 1 ? sqrt(sum / (double)(history->epochs - 1)) : 0;
}

int64_t tp_history_best(const tp_history *history) {
    if (history) return history->best;
    tp__error_null("history_best", "history");
    return -1;
}
