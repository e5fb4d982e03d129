#include "data/data.h"

#include <stdio.h>

#include "core/scope.h"
#include "ops/ops.h"

static tp_dataset *dataset_new(const char *op, int columns) {
    tp_dataset *d = tp__alloc_zero(sizeof *d);
    size_t bytes = (size_t)columns * sizeof *d->columns;
    if (d && columns > 0) d->columns = tp__alloc_zero(bytes);
    if (!d || (columns > 0 && !d->columns)) {
        tp__free(d);
        tp__error_memory(op, sizeof *d + bytes);
        return NULL;
    }
    atomic_init(&d->refs, 1);
    tp__count(&tp__self()->counters.objects, 1);
    return d;
}

static void column_free(tp__column *column, int64_t size) {
    tp_release(column->rows);
    for (int64_t i = 0; column->samples && i < size; i++) tp_release(column->samples[i]);
    tp__free(column->samples);
}

void tp__dataset_unref(tp_dataset *dataset) {
    if (!tp__unref(&dataset->refs)) return;
    if (dataset->base) tp__dataset_unref(dataset->base);
    for (int i = 0; dataset->columns && i < dataset->count; i++)
        column_free(&dataset->columns[i], dataset->size);
    if (dataset->release) dataset->release(dataset->context);
    tp__free(dataset->columns);
    tp__free(dataset->indices);
    tp__free(dataset);
    tp__count(&tp__self()->counters.objects, -1);
}

void tp_dataset_free(tp_dataset *dataset) {
    if (dataset) tp__dataset_unref(dataset);
}

int64_t tp_dataset_size(const tp_dataset *dataset) {
    if (dataset) return dataset->size;
    tp__error_null("dataset_size", "dataset");
    return -1;
}

int tp_dataset_item_count(const tp_dataset *dataset) {
    if (dataset) return dataset->count;
    tp__error_null("dataset_item_count", "dataset");
    return -1;
}

/* Sample `index` of an item. */
static tp_tensor *column_sample(const tp__column *column, int64_t index) {
    const tp_tensor *t = column->rows ? column->rows : column->samples[index];
    if (!column->rows) return tp__tensor_alias("dataset_get", t, t->shape, t->strides, t->offset);
    tp_shape shape = {.ndim = t->shape.ndim - 1};
    for (int d = 0; d < shape.ndim; d++) shape.dims[d] = t->shape.dims[d + 1];
    return tp__tensor_alias("dataset_get", t, shape, t->strides + 1, t->offset + index * t->strides[0]);
}

tp_status tp__dataset_custom_sample(const char *op, const tp_dataset *custom, int64_t index,
                                    tp_tensor **items) {
    for (int i = 0; i < custom->count; i++) items[i] = NULL;
    TP_TRY(custom->get(custom->context, index, items));
    for (int i = 0; i < custom->count; i++)
        if (!items[i])
            return tp__error(TP_ERR_NULL, op, "the dataset gave no item %d of sample %lld", i,
                             (long long)index);
    return TP_OK;
}

static tp_status dataset_sample(const char *op, tp_dataset *whole, int64_t index, tp_tensor **items) {
    if (whole->get) return tp__dataset_custom_sample(op, whole, index, items);
    for (int i = 0; i < whole->count; i++) {
        items[i] = column_sample(&whole->columns[i], index);
        if (!items[i]) return TP_ERR_MEMORY;
    }
    return TP_OK;
}

tp_status tp_dataset_get(tp_dataset *dataset, int64_t index, tp_tensor **items) {
    const char *op = "dataset_get";
    if (!dataset || !items) return tp__deliver(tp__error_null(op, dataset ? "items" : "dataset"));
    for (int i = 0; i < dataset->count; i++) items[i] = NULL;
    if (index < 0 || index >= dataset->size)
        return tp__deliver(tp__error(TP_ERR_INDEX, op, "index %lld, the dataset has %lld samples",
                                     (long long)index, (long long)dataset->size));
    tp_dataset *whole = dataset->base ? dataset->base : dataset;
    tp_status status = dataset_sample(op, whole, dataset->base ? dataset->indices[index] : index, items);
    for (int i = 0; status != TP_OK && i < dataset->count; i++) items[i] = NULL;
    return tp__deliver(status);
}

/* ---- of tensors -------------------------------------------------------------------------------------- */

/* Are all there, with as many samples each as there are sequences (-1: as the first)? Returns that number, or -1. */
static int64_t dataset_check(const char *op, tp_tensors tensors, int64_t sequences) {
    int64_t size = sequences;
    if (tp__check_tensors(op, "tensors", tensors) != TP_OK) return -1;
    for (int i = 0; i < tensors.count; i++) {
        const tp_tensor *t = tensors.items[i];
        if (t->shape.ndim == 0) {
            tp__error(TP_ERR_SHAPE, op, "tensors[%d] has no dim of samples: ()", i);
            return -1;
        }
        if (size < 0) size = t->shape.dims[0];
        if (t->shape.dims[0] == size) continue;
        char others[64];
        if (sequences < 0)
            snprintf(others, sizeof others, "tensors[0] is %s", tp__shape_text(tensors.items[0]->shape));
        else snprintf(others, sizeof others, "there are %lld sequences", (long long)sequences);
        tp__error(TP_ERR_SHAPE, op, "numbers of samples differ: %s, tensors[%d] is %s", others, i,
                  tp__shape_text(t->shape));
        return -1;
    }
    return size;
}

/* Holds `t`, or a packed copy of it. */
static bool dataset_hold(const char *op, tp_tensor *t, tp_tensor **held) {
    tp_scope *s = tp_scope_begin();
    t = s ? tp__packed(op, t, (tp_dtype)t->dtype) : NULL;
    *held = t ? tp_retain(t) : NULL;
    tp_scope_end(s);
    return t != NULL;
}

static bool dataset_hold_all(const char *op, tp_dataset *d, tp_tensors tensors) {
    for (int i = 0; i < tensors.count; i++)
        if (!dataset_hold(op, tensors.items[i], &d->columns[d->count++].rows)) return false;
    return true;
}

tp_dataset *tp_dataset_tensors(tp_tensors tensors) {
    const char *op = "dataset_tensors";
    if (tensors.count < 1) TP_FAIL(TP_ERR_ARGUMENT, op, "the list of tensors is empty");
    int64_t size = dataset_check(op, tensors, -1);
    tp_dataset *d = size < 0 ? NULL : dataset_new(op, tensors.count);
    if (!d) return NULL;
    d->size = size;
    if (dataset_hold_all(op, d, tensors)) return d;
    tp__dataset_unref(d);
    return NULL;
}

tp_dataset *tp_dataset_sequences(tp_tensors sequences, tp_tensors tensors) {
    const char *op = "dataset_sequences";
    if (tp__check_sequences(op, sequences) < 0 || dataset_check(op, tensors, sequences.count) < 0)
        return NULL;
    tp_dataset *d = dataset_new(op, 1 + tensors.count);
    if (!d) return NULL;
    size_t bytes = (size_t)sequences.count * sizeof(tp_tensor *);
    tp_tensor **samples = tp__alloc_zero(bytes);
    if (!samples) tp__error_memory(op, bytes);
    d->size = sequences.count;
    d->count = 1;
    d->columns[0].samples = samples;
    bool ok = samples != NULL;
    for (int i = 0; ok && i < sequences.count; i++) ok = dataset_hold(op, sequences.items[i], &samples[i]);
    if (ok && dataset_hold_all(op, d, tensors)) return d;
    tp__dataset_unref(d);
    return NULL;
}

tp_dataset *tp_dataset_custom(int64_t size, int item_count, tp_dataset_fn *get, void *context,
                              void (*release)(void *context)) {
    const char *op = "dataset_custom";
    TP_REQUIRE(get, op);
    if (size < 0) TP_FAIL(TP_ERR_ARGUMENT, op, "the size is %lld", (long long)size);
    if (item_count < 1) TP_FAIL(TP_ERR_ARGUMENT, op, "there cannot be %d items", item_count);
    tp_dataset *d = dataset_new(op, 0);
    if (!d) return NULL;
    d->size = size;
    d->count = item_count;
    d->get = get;
    d->context = context;
    d->release = release;
    return d;
}

/* ---- parts ------------------------------------------------------------------------------------------- */

tp_dataset *tp__dataset_part(const char *op, tp_dataset *of, const int64_t *indices, int64_t count) {
    tp_dataset *d = dataset_new(op, 0);
    if (!d) return NULL;
    d->base = of->base ? of->base : of; /* a part of a part is one of the whole */
    tp__ref(&d->base->refs);
    d->count = of->count;
    d->size = count;
    d->indices = tp__alloc((size_t)(count ? count : 1) * sizeof *d->indices);
    if (!d->indices) {
        tp__error_memory(op, (size_t)count * sizeof *d->indices);
        tp__dataset_unref(d);
        return NULL;
    }
    for (int64_t i = 0; i < count; i++) d->indices[i] = of->base ? of->indices[indices[i]] : indices[i];
    return d;
}

tp_dataset *tp_dataset_subset(tp_dataset *dataset, const int64_t *indices, int64_t count) {
    const char *op = "dataset_subset";
    TP_REQUIRE(dataset, "dataset_subset");
    if (count < 0 || (uint64_t)count > SIZE_MAX / sizeof *indices)
        TP_FAIL(TP_ERR_ARGUMENT, op, "there cannot be %lld indices", (long long)count);
    if (count > 0) TP_REQUIRE(indices, "dataset_subset");
    for (int64_t i = 0; i < count; i++)
        if (indices[i] < 0 || indices[i] >= dataset->size)
            TP_FAIL(TP_ERR_INDEX, op, "indices[%lld] is %lld, the dataset has %lld samples", (long long)i,
                    (long long)indices[i], (long long)dataset->size);
    return tp__dataset_part(op, dataset, indices, count);
}
