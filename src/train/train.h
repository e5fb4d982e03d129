/* What the files of this room share. */
#ifndef TP__TRAIN_TRAIN_H
#define TP__TRAIN_TRAIN_H

#include "core/scope.h"
#include "data/data.h"
#include "taper/train.h"

/* ---- history.c ---- */

struct tp_history {
    int columns;
    int64_t epochs, capacity;
    int64_t best;
    char **names;
    double **values; /* of each column */
};

/* The column of metric i, `before` in front: its name, and _1, _2 behind that of a second, a third of one name. */
enum { TP__COLUMN_SIZE = 64 };
const char *tp__metric_column(tp_metrics metrics, int i, const char *before, char name[TP__COLUMN_SIZE]);

/* With a column for each name: names[0 .. count-1], copied. */
tp_history *tp__history_new(const char *op, const char *const *names, int count);
int tp__history_find(const tp_history *history,
                     const char *name); /* -1, without a record, if there is none */
tp_status tp__history_append(const char *op, tp_history *history, const double *row);
tp_status tp__history_save(const char *op, const tp_history *history, const char *path);

/* ---- evaluate.c ---- */

/* How a model is run, and what it is compared with. */
typedef struct tp__runner {
    const char *op;
    tp_module *net;
    tp_criterion *loss;
    void *loss_context;
    tp_predict_fn *predict;
    void *predict_context;
    tp_metrics metrics;
} tp__runner;

/* The model's prediction, and the loss of it (NULL where there is no criterion): in the current scope. */
tp_status tp__runner_run(const tp__runner *runner, const tp_batch *batch, tp_tensor **prediction,
                         tp_tensor **loss);
tp_status tp__runner_count(const tp__runner *runner, const tp_batch *batch, tp_tensor *prediction);

/* Are all the metrics of a list there? `argument` is what the user calls it. */
tp_status tp__check_metrics(const char *op, const char *argument, tp_metrics metrics);

/* The mean loss over a loader's epoch, and the metrics: in evaluation mode and unrecorded. */
tp_status tp__runner_evaluate(const tp__runner *runner, tp_loader *loader, double *loss);

/* A function of the public interface that fails was told of it by a status, or by NULL: the code, pending again. */
tp_status tp__failed(void);

/* ---- snapshot.c: copies of a module's state, and of its modes ---- */

typedef struct tp__snapshot {
    int count;
    tp_tensor **copies; /* held; NULL: none taken */
} tp__snapshot;

tp_status tp__snapshot_take(const char *op, tp__snapshot *snapshot, const tp_module *m);
tp_status tp__snapshot_restore(const tp__snapshot *snapshot, tp_module *m);
void tp__snapshot_free(tp__snapshot *snapshot);

/* Are all of the module's parameters finite, and has no buffer a NaN? */
tp_status tp__finite(const tp_module *m, bool *finite);

/* Puts the module into evaluation mode; the modes it and those below had come back by the second call. NULL out of memory. */
bool *tp__modes_eval(const char *op, tp_module *m);
void tp__modes_restore(tp_module *m, bool *modes);

/* ---- progress.c ---- */

typedef struct tp__progress {
    FILE *out;           /* NULL: silent */
    bool terminal, open; /* the terminal shows a line that is still growing */
    int64_t epoch, epochs, batch, batches, samples;
    double start, epoch_start, shown; /* seconds */
} tp__progress;

double tp__seconds(void);
void tp__progress_start(tp__progress *progress, FILE *out, int64_t epochs, int64_t batches);
void tp__progress_epoch(tp__progress *progress, int64_t epoch);
void tp__progress_batch(tp__progress *progress, int64_t samples, double loss, tp_metrics metrics);
void tp__progress_row(tp__progress *progress, const tp_history *history); /* after an epoch */
void tp__progress_end(tp__progress *progress);                            /* leaves no line half written */

#endif
