#include "taper/split.h"

#include <math.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/scope.h"
#include "data/data.h"
#include "ops/ops.h"
#include "taper/random.h"
#include "taper/views.h"

/* A sample, in its class. */
typedef struct split_item {
    int64_t label, first; /* the class, and the number of its first sample */
    int64_t sample;
    int64_t place, members; /* of the class; its samples lie one after the other */
    double due;             /* where it stands if all classes are spread evenly over [0, 1] */
} split_item;

/* Are the labels, if there are some, one for each sample? */
static tp_status split_check_labels(const char *op, const tp_tensor *labels, int64_t n) {
    if (!labels) return tp__error_pending() ? tp_last_error().code : TP_OK;
    if (labels->shape.ndim != 1 || labels->shape.dims[0] != n)
        return tp__error(TP_ERR_SHAPE, op, "labels is %s, the dataset has %lld samples",
                         tp__shape_text(labels->shape), (long long)n);
    if (labels->dtype != TP_I64)
        return tp__error(TP_ERR_DTYPE, op, "labels is %s, not int64", tp__dtype_text(labels));
    return TP_OK;
}

static int split_compare(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int split_by_label(const void *a, const void *b) {
    const split_item *x = a, *y = b;
    int order = split_compare(x->label, y->label);
    return order ? order : split_compare(x->sample, y->sample);
}

static int split_by_class(const void *a, const void *b) {
    const split_item *x = a, *y = b;
    int order = split_compare(x->first, y->first);
    return order ? order : split_compare(x->sample, y->sample);
}

static int split_by_due(const void *a, const void *b) {
    const split_item *x = a, *y = b;
    if (x->due != y->due) return x->due < y->due ? -1 : 1;
    return split_compare(x->first, y->first);
}

/* The samples by class, the class that appears first first; to be freed. NULL after a failure. */
static split_item *split_classes(const char *op, tp_tensor *labels, int64_t n) {
    tp_scope *s = tp_scope_begin();
    tp_tensor *packed = s ? tp__packed(op, labels, TP_I64) : NULL;
    size_t bytes = ((size_t)n + 1) * sizeof(split_item);
    split_item *items = packed ? tp__alloc(bytes) : NULL;
    if (packed && !items) tp__error_memory(op, bytes);
    const int64_t *label = items ? tp__data_i64(packed) : NULL;
    for (int64_t i = 0; items && i < n; i++) items[i] = (split_item){.label = label[i], .sample = i};
    tp_scope_end(s);
    if (!items) return NULL;
    qsort(items, (size_t)n, sizeof *items, split_by_label);
    for (int64_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && items[end].label == items[i].label; end++)
            items[end].first = items[i].sample;
        for (int64_t k = i; k < end; k++) items[k].members = end - i;
    }
    qsort(items, (size_t)n, sizeof *items, split_by_class);
    for (int64_t i = 0; i < n; i++)
        items[i].place = i > 0 && items[i].first == items[i - 1].first ? items[i - 1].place + 1 : 0;
    return items;
}

/* ---- parts ------------------------------------------------------------------------------------------- */

/* Turns sizes or fractions into numbers of samples, which add up to n. */
static tp_status split_lengths(const char *op, const double *sizes, int count, int64_t n, int64_t *lengths) {
    double sum = 0;
    bool whole = true;
    for (int i = 0; i < count; i++) {
        if (!(sizes[i] >= 0 && sizes[i] <= 9007199254740992.0))
            return tp__error(TP_ERR_ARGUMENT, op, "sizes[%d] is %g", i, sizes[i]);
        whole = whole && sizes[i] == floor(sizes[i]);
        sum += sizes[i];
    }
    bool fractions = !(whole && sum == (double)n);
    if (fractions && fabs(sum - 1) > 1e-9)
        return tp__error(TP_ERR_ARGUMENT, op,
                         "the sizes add up to %.12g, neither to 1 nor to the %lld samples", sum,
                         (long long)n);
    int64_t left = n;
    for (int i = 0; i < count; i++) {
        lengths[i] = fractions ? (int64_t)floor(sizes[i] * (double)n) : (int64_t)sizes[i];
        if (lengths[i] > left) lengths[i] = left; /* the fractions' sum may be above 1 by a rounding error */
        left -= lengths[i];
    }
    for (int i = 0; left > 0; i = (i + 1) % count, left--) lengths[i]++;
    return TP_OK;
}

/* The parts whose samples follow one another in `order`; all NULL after a failure. */
static tp_status split_make(const char *op, tp_dataset *dataset, const int64_t *lengths, int count,
                            const int64_t *order, tp_dataset **parts) {
    for (int i = 0; i < count; order += lengths[i++]) {
        parts[i] = tp__dataset_part(op, dataset, order, lengths[i]);
        if (parts[i]) continue;
        while (i-- > 0) {
            tp__dataset_unref(parts[i]);
            parts[i] = NULL;
        }
        return TP_ERR_MEMORY;
    }
    return TP_OK;
}

/* Shuffles each class and deals out the classes evenly: any stretch of the order has its share of each. */
static tp_status split_stratify(const char *op, tp_tensor *labels, tp_generator *generator, int64_t *order,
                                int64_t n) {
    split_item *items = split_classes(op, labels, n);
    if (!items) return TP_ERR_MEMORY;
    for (int64_t i = 0; i < n; i += items[i].members) tp__shuffled(order + i, items[i].members, generator);
    for (int64_t i = 0; i < n; i++) items[i].due = ((double)order[i] + 0.5) / (double)items[i].members;
    qsort(items, (size_t)n, sizeof *items, split_by_due);
    for (int64_t i = 0; i < n; i++) order[i] = items[i].sample;
    tp__free(items);
    return TP_OK;
}

static tp_status split_order(const char *op, const tp_split_options *o, int64_t *order, int64_t n) {
    if (o->chronological) {
        for (int64_t i = 0; i < n; i++) order[i] = i;
        return TP_OK;
    }
    tp_generator *generator = tp_generator_new(o->seed);
    if (!generator) return TP_ERR_MEMORY;
    tp_status status = TP_OK;
    if (o->labels) status = split_stratify(op, o->labels, generator, order, n);
    else tp__shuffled(order, n, generator);
    tp_generator_free(generator);
    return status;
}

/* By options, or shuffled by the generator. */
static tp_status split_dataset(const char *op, tp_dataset *dataset, const double *sizes, int count,
                               const tp_split_options *options, tp_generator *generator, tp_dataset **parts) {
    for (int i = 0; parts && i < count; i++) parts[i] = NULL;
    if (!dataset || !sizes || !parts)
        return tp__error_null(op, !dataset ? "dataset" : !sizes ? "sizes" : "parts");
    if (count < 1) return tp__error(TP_ERR_ARGUMENT, op, "there cannot be %d parts", count);
    int64_t n = dataset->size;
    if (options) TP_TRY(split_check_labels(op, options->labels, n));
    if (options && options->labels && options->chronological)
        return tp__error(TP_ERR_ARGUMENT, op, "a chronological split cannot be stratified by labels");
    size_t bytes = ((size_t)count + (size_t)n) * sizeof(int64_t);
    int64_t *lengths = tp__alloc(bytes);
    if (!lengths) return tp__error_memory(op, bytes);
    int64_t *order = lengths + count;
    tp_status status = split_lengths(op, sizes, count, n, lengths);
    if (status == TP_OK && options) status = split_order(op, options, order, n);
    else if (status == TP_OK) tp__shuffled(order, n, generator);
    if (status == TP_OK) status = split_make(op, dataset, lengths, count, order, parts);
    tp__free(lengths);
    return status;
}

tp_status tp_random_split(tp_dataset *dataset, const double *sizes, int count, tp_generator *generator,
                          tp_dataset **parts) {
    return tp__deliver(split_dataset("random_split", dataset, sizes, count, NULL, generator, parts));
}

tp_status tp_dataset_split(tp_dataset *dataset, const double *sizes, int count, tp_split_options options,
                           tp_dataset **parts) {
    return tp__deliver(split_dataset("dataset_split", dataset, sizes, count, &options, NULL, parts));
}

/* ---- folds ------------------------------------------------------------------------------------------- */

/* How many numbers from `from` to `to` - 1 leave the remainder `fold`. */
static int64_t kfold_count(int64_t from, int64_t to, int64_t folds, int64_t fold) {
    int64_t below_to = to / folds + (to % folds > fold), below_from = from / folds + (from % folds > fold);
    return below_to - below_from;
}

/* As StratifiedKFold: if all samples, ordered by class, are dealt out to the folds in turn, each fold gets
 * as many of each class as it is to have. The samples themselves go to the folds in order. */
static tp_status kfold_stratify(const char *op, int64_t folds, tp_tensor *labels, tp_generator *generator,
                                int64_t *fold_of, int64_t n, int64_t *order) {
    split_item *items = split_classes(op, labels, n);
    if (!items) return TP_ERR_MEMORY;
    tp_status status = TP_OK;
    for (int64_t i = 0; i < n && status == TP_OK; i += items[i].members)
        if (items[i].members < folds)
            status = tp__error(TP_ERR_ARGUMENT, op, "there are %lld folds, class %lld has %lld samples",
                               (long long)folds, (long long)items[i].label, (long long)items[i].members);
    for (int64_t i = 0; i < n && status == TP_OK; i += items[i].members) {
        int64_t members = items[i].members, at = 0;
        if (generator) tp__shuffled(order, members, generator);
        for (int64_t fold = 0; fold < folds; fold++)
            for (int64_t k = kfold_count(i, i + members, folds, fold); k > 0; k--, at++)
                fold_of[items[i + (generator ? order[at] : at)].sample] = fold;
    }
    tp__free(items);
    return status;
}

static void kfold_plain(int64_t folds, tp_generator *generator, int64_t *fold_of, int64_t n, int64_t *order) {
    int64_t at = 0;
    if (generator) tp__shuffled(order, n, generator);
    for (int64_t fold = 0; fold < folds; fold++)
        for (int64_t k = n / folds + (fold < n % folds); k > 0; k--, at++)
            fold_of[generator ? order[at] : at] = fold;
}

static tp_status kfold_make(const char *op, tp_dataset *dataset, int64_t folds, int64_t fold,
                            tp_kfold_options o, int64_t *fold_of, int64_t *order, tp_dataset **parts) {
    int64_t n = dataset->size;
    tp_generator *generator = o.shuffle ? tp_generator_new(o.seed) : NULL;
    if (o.shuffle && !generator) return TP_ERR_MEMORY;
    tp_status status = TP_OK;
    if (o.labels) status = kfold_stratify(op, folds, o.labels, generator, fold_of, n, order);
    else kfold_plain(folds, generator, fold_of, n, order);
    tp_generator_free(generator);
    if (status != TP_OK) return status;
    int64_t lengths[2] = {0, 0};
    for (int test = 0; test < 2; test++)
        for (int64_t i = 0; i < n; i++)
            if ((fold_of[i] == fold) == test) order[lengths[0] + lengths[1]] = i, lengths[test]++;
    return split_make(op, dataset, lengths, 2, order, parts);
}

tp_status tp_kfold(tp_dataset *dataset, int64_t folds, int64_t fold, tp_kfold_options options,
                   tp_dataset *parts[2]) {
    const char *op = "kfold";
    if (parts) parts[0] = parts[1] = NULL;
    if (!dataset || !parts) return tp__deliver(tp__error_null(op, dataset ? "parts" : "dataset"));
    int64_t n = dataset->size;
    if (folds < 2 || folds > n)
        return tp__deliver(tp__error(TP_ERR_ARGUMENT, op, "there cannot be %lld folds of %lld samples",
                                     (long long)folds, (long long)n));
    if (fold < 0 || fold >= folds)
        return tp__deliver(tp__error(TP_ERR_INDEX, op, "fold is %lld, there are %lld folds", (long long)fold,
                                     (long long)folds));
    tp_status status = split_check_labels(op, options.labels, n);
    if (status != TP_OK) return tp__deliver(status);
    int64_t *fold_of = tp__alloc(2 * (size_t)n * sizeof *fold_of);
    if (!fold_of) return tp__deliver(tp__error_memory(op, 2 * (size_t)n * sizeof *fold_of));
    status = kfold_make(op, dataset, folds, fold, options, fold_of, fold_of + n, parts);
    tp__free(fold_of);
    return tp__deliver(status);
}

/* ---- windows ----------------------------------------------------------------------------------------- */

/* The windows of series[from .. from + steps - 1]. */
static tp_tensor *windows_of(tp_tensor *series, int64_t from, int64_t steps, int64_t size, int64_t stride) {
    tp_tensor *windows = tp_unfold(tp_narrow(series, 0, from, steps), 0, size, stride);
    return series->shape.ndim == 2 ? tp_transpose(windows, 1, 2) : windows;
}

tp_windows_out tp_windows(tp_tensor *series, int64_t length, int64_t horizon, int64_t stride) {
    const char *op = "windows";
    tp_windows_out out = {NULL, NULL};
    if (!series) {
        tp__error_null(op, "series");
        return out;
    }
    int64_t steps = series->shape.ndim > 0 ? series->shape.dims[0] : 0;
    if (series->shape.ndim < 1 || series->shape.ndim > 2)
        tp__error(TP_ERR_SHAPE, op, "series is %s, not (T) or (T, C)", tp__shape_text(series->shape));
    else if (length < 1 || horizon < 1 || stride < 1)
        tp__error(TP_ERR_ARGUMENT, op, "length is %lld, horizon %lld, stride %lld", (long long)length,
                  (long long)horizon, (long long)stride);
    else if (length > steps || horizon > steps - length)
        tp__error(TP_ERR_ARGUMENT, op, "the series has %lld steps, length %lld and horizon %lld need more",
                  (long long)steps, (long long)length, (long long)horizon);
    else {
        tp_scope *s = tp_scope_begin();
        tp_tensor *both[2] = {NULL, NULL};
        if (s) both[0] = windows_of(series, 0, steps - horizon, length, stride);
        if (both[0]) both[1] = windows_of(series, length, steps - length, horizon, stride);
        if (s) tp__hand_over(s, 2, both);
        out = (tp_windows_out){both[0], both[1]};
    }
    return out;
}
