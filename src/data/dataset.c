#include "data/data.h"

#include <math.h>
#include <stdio.h>

#include "core/scope.h"
#include "ops/ops.h"

static tp_dataset *dataset_new(const char *op) {
    tp_dataset *d = tp__alloc_zero(sizeof *d);
    if (!d) {
        tp__error_memory(op, sizeof *d);
        return NULL;
    }
    atomic_init(&d->refs, 1);
    tp__count(&tp__self()->counters.objects, 1);
    return d;
}

void tp__dataset_unref(tp_dataset *dataset) {
    if (!tp__unref(&dataset->refs)) return;
    if (dataset->base) tp__dataset_unref(dataset->base);
    for (int i = 0; dataset->items && i < dataset->count; i++) tp_release(dataset->items[i]);
    tp__free(dataset->items);
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

/* ---- of tensors -------------------------------------------------------------------------------------- */

static bool dataset_check(const char *op, tp_tensors tensors) {
    if (tensors.count < 1) {
        tp__error(TP_ERR_ARGUMENT, op, "the list of tensors is empty");
        return false;
    }
    for (int i = 0; i < tensors.count; i++) {
        const tp_tensor *t = tensors.items[i], *first = tensors.items[0];
        if (!t) {
            char name[32];
            snprintf(name, sizeof name, "tensors[%d]", i);
            tp__error_null(op, name);
            return false;
        }
        if (t->shape.ndim == 0 || t->shape.dims[0] != first->shape.dims[0]) {
            if (t->shape.ndim == 0) tp__error(TP_ERR_SHAPE, op, "tensors[%d] has no dim of samples: ()", i);
            else
                tp__error(TP_ERR_SHAPE, op, "numbers of samples differ: tensors[0] is %s, tensors[%d] is %s",
                          tp__shape_text(first->shape), i, tp__shape_text(t->shape));
            return false;
        }
    }
    return true;
}

tp_dataset *tp_dataset_tensors(tp_tensors tensors) {
    const char *op = "dataset_tensors";
    if (!dataset_check(op, tensors)) return NULL;
    tp_dataset *d = dataset_new(op);
    if (!d) return NULL;
    d->size = tensors.items[0]->shape.dims[0];
    d->items = tp__alloc_zero((size_t)tensors.count * sizeof *d->items);
    if (!d->items) tp__error_memory(op, (size_t)tensors.count * sizeof *d->items);
    tp_scope *s = d->items ? tp_scope_begin() : NULL;
    while (s && d->count < tensors.count) {
        tp_tensor *t = tensors.items[d->count];
        t = tp__packed(op, t, (tp_dtype)t->dtype);
        if (!t) break;
        d->items[d->count++] = tp_retain(t);
    }
    tp_scope_end(s);
    if (d->count == tensors.count) return d;
    tp__dataset_unref(d);
    return NULL;
}

/* ---- parts ------------------------------------------------------------------------------------------- */

/* The samples that `indices`, known to be in range, names. */
static tp_dataset *dataset_part(const char *op, tp_dataset *of, const int64_t *indices, int64_t count) {
    tp_dataset *d = dataset_new(op);
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
    return dataset_part(op, dataset, indices, count);
}

/* Fisher and Yates, from the front. */
void tp__shuffled(int64_t *order, int64_t n, tp_generator *generator) {
    for (int64_t i = 0; i < n; i++) {
        int64_t j = tp_generator_below(generator, i + 1);
        if (j != i) order[i] = order[j];
        order[j] = i;
    }
}

/* Turns sizes or fractions into numbers of samples. */
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

static tp_status split_make(const char *op, tp_dataset *dataset, const int64_t *lengths, int count,
                            const int64_t *order, tp_dataset **parts) {
    for (int i = 0; i < count; order += lengths[i++]) {
        parts[i] = dataset_part(op, dataset, order, lengths[i]);
        if (parts[i]) continue;
        while (i-- > 0) {
            tp__dataset_unref(parts[i]);
            parts[i] = NULL;
        }
        return TP_ERR_MEMORY;
    }
    return TP_OK;
}

tp_status tp_random_split(tp_dataset *dataset, const double *sizes, int count, tp_generator *generator,
                          tp_dataset **parts) {
    const char *op = "random_split";
    for (int i = 0; parts && i < count; i++) parts[i] = NULL;
    if (!dataset || !sizes || !parts)
        return tp__deliver(tp__error_null(op, !dataset ? "dataset" : !sizes ? "sizes" : "parts"));
    if (count < 1) return tp__deliver(tp__error(TP_ERR_ARGUMENT, op, "there cannot be %d parts", count));
    size_t bytes = ((size_t)count + (size_t)dataset->size) * sizeof(int64_t);
    int64_t *lengths = tp__alloc(bytes);
    if (!lengths) return tp__deliver(tp__error_memory(op, bytes));
    int64_t *order = lengths + count;
    tp_status status = split_lengths(op, sizes, count, dataset->size, lengths);
    if (status == TP_OK) {
        tp__shuffled(order, dataset->size, generator);
        status = split_make(op, dataset, lengths, count, order, parts);
    }
    tp__free(lengths);
    return tp__deliver(status);
}
