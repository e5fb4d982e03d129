/* Parts of a dataset for training, validation and test, and windows of a series. */
#ifndef TAPER_SPLIT_H
#define TAPER_SPLIT_H

#include "taper/base.h"
#include "taper/data.h"
#include "taper/status.h"

TP_BEGIN_DECLS

/* Cuts a dataset at random into parts[0 .. count-1], to be freed one by one; all NULL after an error. `sizes`
 * holds either the parts' numbers of samples, which add up to that of `dataset`, or fractions that add up to
 * 1 (within 1e-9): part i then has floor(sizes[i] N) samples, and those left over go one each to the first
 * parts. Which samples go where depends on `generator` (NULL: the thread's default) and N alone.
 *     const double sizes[] = {0.9, 0.1};
 *     tp_dataset *parts[2];
 *     tp_random_split(data, sizes, 2, NULL, parts);
 * Errors: TP_ERR_NULL; TP_ERR_ARGUMENT for sizes that are negative, not whole or do not add up, or a count
 * below 1; TP_ERR_MEMORY. Source: torch.utils.data.random_split. */
TP_API tp_status tp_random_split(tp_dataset *dataset, const double *sizes, int count, tp_generator *generator,
                                 tp_dataset **parts);

typedef struct tp_split_options {
    bool chronological; /* the samples stay in order: the first part has the earliest */
    uint64_t seed;      /* else they are shuffled, which depends on seed and N alone (and on labels) */
    /* stratified: (N) I64, the samples' classes; every part has its share of each, to within 1 */
    tp_tensor *labels;
} tp_split_options;

/* Cuts a dataset of N samples into parts[0 .. count-1], to be freed one by one; all NULL after an error.
 * `sizes` are numbers of samples or fractions, as of tp_random_split().
 *     tp_dataset *parts[3];
 *     tp_dataset_split(data, (const double[]){0.7, 0.15, 0.15}, 3, (tp_split_options){.seed = 1}, parts);
 * Of a series, split the series itself and then make windows of each part: neighbouring windows overlap, so
 * that windows split at random, or at a border, would show the test data to the training. Errors: those of
 * tp_random_split(); TP_ERR_ARGUMENT for labels with chronological; TP_ERR_SHAPE, TP_ERR_DTYPE for labels
 * that are not (N) I64. Source: sklearn.model_selection.train_test_split. */
TP_API tp_status tp_dataset_split(tp_dataset *dataset, const double *sizes, int count,
                                  tp_split_options options, tp_dataset **parts);

typedef struct tp_kfold_options {
    bool shuffle; /* samples go to folds in an order that depends on seed and N alone (and on labels) */
    uint64_t seed;
    tp_tensor *labels; /* stratified: (N) I64, the classes; every fold has its share of each, to within 1 */
} tp_kfold_options;

/* Fold number `fold` of `folds`, from 0: parts[0], to train on, has the samples of the other folds,
 * parts[1], to test on, those of this one, both in the dataset's order; to be freed one by one, both NULL
 * after an error. Each sample is tested in one fold; the first N mod folds folds have one sample more. Calls
 * with equal options belong together. Leave-one-out is as many folds as samples:
 *     for (int64_t i = 0; i < tp_dataset_size(data); i++)
 *         tp_kfold(data, tp_dataset_size(data), i, (tp_kfold_options){0}, parts);
 * Errors: TP_ERR_NULL; TP_ERR_ARGUMENT for less than 2 folds, or more than samples or than members of the
 * smallest class (for which scikit-learn only warns); TP_ERR_INDEX for `fold`; TP_ERR_SHAPE, TP_ERR_DTYPE
 * for labels; TP_ERR_MEMORY. Source: sklearn.model_selection.KFold, StratifiedKFold, LeaveOneOut; unshuffled
 * they give the same folds. */
TP_API tp_status tp_kfold(tp_dataset *dataset, int64_t folds, int64_t fold, tp_kfold_options options,
                          tp_dataset *parts[2]);

typedef struct tp_windows_out {
    tp_tensor *inputs;  /* (N, length) or (N, length, C) */
    tp_tensor *targets; /* (N, horizon) or (N, horizon, C) */
} tp_windows_out;

/* Windows of a series (T) or (T, C) of any dtype, and what follows each of them:
 *     inputs[n] = series[n stride .. n stride + length - 1],  targets[n] = the next `horizon` steps,
 *     N = (T - length - horizon) / stride + 1, rounded down.
 * Both are views of the series, through which gradients flow. Both NULL after an error: TP_ERR_NULL;
 * TP_ERR_SHAPE for other numbers of dims; TP_ERR_ARGUMENT for a length, horizon or stride below 1, or length
 * + horizon > T; TP_ERR_MEMORY. Source: keras.utils.timeseries_dataset_from_array, with targets of `horizon`
 * steps. */
TP_API tp_windows_out tp_windows(tp_tensor *series, int64_t length, int64_t horizon, int64_t stride);

TP_END_DECLS

#endif
