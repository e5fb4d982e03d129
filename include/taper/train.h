/* The short way to train, beside a loop of one's own:
 *
 *     tp_metric *accuracy = tp_metric_accuracy((tp_class_options){0});
 *     tp_fit_options options = {.loss = tp_criterion_cross_entropy, .optim = optim, .epochs = 5,
 *                               .metrics = TP_METRICS(accuracy), .loader = {.u8_scale = 1.0 / 255},
 *                               .validation = test_set};
 *     tp_history *history = tp_fit(net, train_set, options);
 *     if (!history) fprintf(stderr, "%s\n", tp_last_error().message);
 *
 * A dataset's items are a model's inputs, and last what it is to predict. A model of one input is run by tp_forward(), one
 * of several by tp_forward_all(), any other by a function in the options. */
#ifndef TAPER_TRAIN_H
#define TAPER_TRAIN_H

#include <stdio.h>

#include "taper/base.h"
#include "taper/data.h"
#include "taper/lr.h"
#include "taper/metrics.h"
#include "taper/module.h"
#include "taper/optim.h"
#include "taper/split.h"

TP_BEGIN_DECLS

/* The loss of a batch: a one-element tensor, the mean over its samples. */
typedef tp_tensor *tp_criterion(void *context, tp_tensor *prediction, tp_tensor *target);

/* Ready-made ones, and what `context` may be; NULL is {0}. In the options' `weight` lie class weights.
 * tp_criterion_cross_entropy: tp_cross_entropy(); const tp_ce_options *.
 * tp_criterion_bce_with_logits: tp_bce_with_logits(), of predictions (N) or (N, 1) and labels (N) or (N, 1) of any dtype;
 * const tp_bce_options *. tp_criterion_bce: likewise tp_bce(), of probabilities.
 * tp_criterion_mse, _l1: tp_mse_loss(), tp_l1_loss(), targets brought to the prediction's dtype, (N) to (N, 1) where that
 * is the prediction's shape; no context. */
TP_API tp_tensor *tp_criterion_cross_entropy(void *context, tp_tensor *prediction, tp_tensor *target);
TP_API tp_tensor *tp_criterion_bce_with_logits(void *context, tp_tensor *prediction, tp_tensor *target);
TP_API tp_tensor *tp_criterion_bce(void *context, tp_tensor *prediction, tp_tensor *target);
TP_API tp_tensor *tp_criterion_mse(void *context, tp_tensor *prediction, tp_tensor *target);
TP_API tp_tensor *tp_criterion_l1(void *context, tp_tensor *prediction, tp_tensor *target);

/* Weights that make classes count alike: N / (C n_c) for labels (N), I64, in [0, C): (C), F32; 0 for a class without
 * members. Errors: TP_ERR_NULL, TP_ERR_SHAPE, TP_ERR_DTYPE, TP_ERR_INDEX, TP_ERR_ARGUMENT for C below 1.
 * Source: sklearn.utils.class_weight.compute_class_weight("balanced"). */
TP_API tp_tensor *tp_class_weights(tp_tensor *labels, int64_t classes);

/* How a model is run on a batch: its prediction. */
typedef tp_tensor *tp_predict_fn(void *context, tp_module *net, const tp_batch *batch);

/* What a training has come to, epoch by epoch: a table with a row for each epoch and a column for each figure, "loss", the
 * metrics' names, the same with "val_" in front, "lr" and "seconds". A second metric of one name, such as macro and micro F1, has "_1"
 * behind its name, a third "_2". */
typedef struct tp_history tp_history;

TP_API void tp_history_free(tp_history *history);                          /* NULL does nothing */
TP_API int64_t tp_history_epochs(const tp_history *history);               /* done; -1 after an error */
TP_API int tp_history_columns(const tp_history *history);                  /* -1 after an error */
TP_API const char *tp_history_name(const tp_history *history, int column); /* lent; NULL after an error */

/* A column, an entry an epoch, lent until the history is freed. Errors: TP_ERR_ARGUMENT if there is none. */
TP_API const double *tp_history_values(const tp_history *history, const char *name);

/* One figure, epochs counted from 0, or with a negative number from the end (-1: the last); NaN after an error. Errors:
 * TP_ERR_ARGUMENT, TP_ERR_INDEX. */
TP_API double tp_history_value(const tp_history *history, const char *name, int64_t epoch);

/* The epoch whose weights were best by the monitored figure; -1 before the first or after an error. */
TP_API int64_t tp_history_best(const tp_history *history);

typedef enum tp_verbosity {
    TP_PROGRESS, /* a line an epoch, which grows on a terminal */
    TP_SILENT
} tp_verbosity;

/* Told of each epoch when it is over: history's last row is its. Sets *stop to end the training there. Anything but TP_OK
 * ends it with that error. */
typedef tp_status tp_epoch_fn(void *context, tp_module *net, const tp_history *history, bool *stop);

typedef struct tp_fit_options {
    tp_criterion *loss;     /* required */
    void *loss_context;     /* what it is called with: class weights are in the criterion's options */
    tp_optim *optim;        /* required: takes the steps, over the parameters it was made with */
    tp_metrics metrics;     /* of each epoch's training batches as they go by, and of the validation data */
    tp_predict_fn *predict; /* NULL: as said above */
    void *predict_context;

    int64_t epochs;           /* to train for; 0 is 1 */
    int64_t batch_size;       /* 0 is 32 */
    tp_loader_options loader; /* for the training data, shuffled unless it has weights or strata, or */
    bool no_shuffle;          /* this is set */
    tp_dataset *validation;   /* looked at after each epoch, in order, without transform and drop_last; or */
    double validation_split;  /* this share of the training data, its last samples, is left out for it */

    int64_t accumulate;    /* batches whose gradients make one step, each by its number of samples; 0 is 1 */
    double clip_norm;      /* not 0: tp_clip_grad_norm() before each step */
    double clip_value;     /* not 0: tp_clip_grad_value() */
    tp_lr *schedule;       /* goes on after each epoch, told of the monitored figure; or with */
    bool schedule_by_step; /* this after each step */
    tp_ema *ema;           /* updated after each step; validated and kept are the parameters themselves */

    const char *monitor;  /* which figure tells the best epoch; NULL: "val_loss", without validation "loss" */
    bool monitor_largest; /* the larger, the better */
    double min_delta;     /* what changes by no more than this is no better */
    int64_t patience;     /* not 0: stop after so many epochs that were no better, with the best weights */
    bool keep_last;       /* with patience: keep the last weights instead */
    const char *checkpoint; /* not NULL: the file for tp_module_save() of the weights that are the best */
    const char *csv_log;    /* not NULL: the file to which the history is written after each epoch */
    tp_epoch_fn *each_epoch;
    void *each_epoch_context;

    tp_verbosity verbosity;
    FILE *progress; /* where it goes; NULL: stdout */
} tp_fit_options;

/* Trains `net`, in training mode, and leaves it so. The history is to be freed with tp_history_free(); NULL after an error.
 * Runs with recording on. The same bits whatever the numbers of threads and workers.
 *
 * A loss that is not finite ends it with TP_ERR_NUMERIC, which names epoch, step and loss, before it does harm: the weights
 * are then those that gave it, or, if these are themselves not finite, or a buffer has become NaN, those at the beginning of the
 * epoch. So do weights that an epoch's last step made not finite.
 *
 * Errors: TP_ERR_NULL for a missing loss or optim; TP_ERR_ARGUMENT for numbers out of range, a monitor that is no column of
 * the history, validation data given twice, no training samples; those of loaders, model, loss, metrics, files.
 * Source: keras.Model.fit. */
TP_API tp_history *tp_fit(tp_module *net, tp_dataset *data, tp_fit_options options);

typedef struct tp_evaluate_options {
    tp_criterion *loss; /* NULL: metrics only */
    void *loss_context;
    tp_metrics metrics; /* reset at first; tp_metric_value() then tells */
    tp_predict_fn *predict;
    void *predict_context;
    int64_t batch_size;       /* 0 is 32 */
    tp_loader_options loader; /* for a transform, workers and the like; it is always all samples, in order */
} tp_evaluate_options;

/* The mean loss over all samples of `data`, in evaluation mode and unrecorded; 0 without a loss, NaN after an error. The
 * mode of `net` is then as it was. Errors: those of loaders, model, loss and metrics; TP_ERR_ARGUMENT if there is no
 * sample. Source: keras.Model.evaluate. */
TP_API double tp_evaluate(tp_module *net, tp_dataset *data, tp_evaluate_options options);

/* The predictions for all samples of `data`, in order: (N, ...), in the current scope; evaluated as by tp_evaluate(), which
 * describes the options. Samples of one item are inputs; of several the last is left out. Errors: also TP_ERR_SHAPE for
 * predictions that do not go together. Source: keras.Model.predict. */
TP_API tp_tensor *tp_predict(tp_module *net, tp_dataset *data, tp_evaluate_options options);

/* Cross-validation. */

/* A fold on its way: the samples to train on and to test on, and what is to be trained. */
typedef struct tp_fold {
    int64_t number;
    tp_dataset *train, *test;
    tp_module *net;
    tp_optim *optim;
    tp_lr *schedule; /* these two may stay NULL; see tp_fit_options */
    tp_ema *ema;
} tp_fold;

/* Puts a new model and its optimizer into the fold, which owns what is in it from then on. It may exchange the datasets for
 * others, prepared by what the training part alone tells, and frees the old ones then. Anything but TP_OK ends it all with
 * that error. */
typedef tp_status tp_fold_fn(void *context, tp_fold *fold);

typedef struct tp_cross_validate_options {
    int64_t folds;          /* 0 is 5; as many as samples leaves one out at a time */
    tp_kfold_options kfold; /* shuffled, stratified */
    /* Of each fold: `optim` and `validation` are not looked at, a split is one of the fold's training part, a schedule and an
     * ema come from the fold's function, and a file that is named has the last fold's. */
    tp_fit_options fit;
} tp_cross_validate_options;

/* Trains a new model for each fold and tests it on the samples left out: a history with a row for each fold, of the columns "loss" and
 * the metrics' names, to be freed with tp_history_free(). NULL after an error: TP_ERR_ARGUMENT for a schedule or an ema in the options;
 * those of tp_kfold(), tp_fit(), tp_evaluate() and the function. Source: sklearn.model_selection.cross_validate. */
TP_API tp_history *tp_cross_validate(tp_dataset *data, tp_fold_fn *make, void *context,
                                     tp_cross_validate_options options);

/* The mean of a column, and its standard deviation, sqrt(sum (x - mean)^2 / (n - 1)), 0 for one row; NaN after an error. Errors:
 * TP_ERR_NULL, TP_ERR_ARGUMENT. */
TP_API double tp_history_mean(const tp_history *history, const char *name);
TP_API double tp_history_deviation(const tp_history *history, const char *name);

TP_END_DECLS

#endif
