/* In what order a loader takes its samples. */
#include <math.h>
#include <stdlib.h>

#include "core/philox.h"
#include "core/scope.h"
#include "data/data.h"
#include "ops/ops.h"

tp_generator_state tp__place_stream(uint64_t seed, uint64_t epoch, uint64_t place) {
    uint32_t w[4];
    tp__philox(seed, epoch, w);
    if (place > 0) tp__philox((uint64_t)w[1] << 32 | w[0], place, w);
    return (tp_generator_state){.seed = (uint64_t)w[1] << 32 | w[0]};
}

/* ---- making ------------------------------------------------------------------------------------------ */

static tp_status sampler_check(const tp_tensor *t, const char *name, int64_t samples, bool dtype_fits,
                               const char *dtypes) {
    if (t->shape.ndim != 1 || t->shape.dims[0] != samples)
        return tp__error(TP_ERR_SHAPE, "loader_new", "%s is %s, the dataset has %lld samples", name,
                         tp__shape_text(t->shape), (long long)samples);
    if (!dtype_fits)
        return tp__error(TP_ERR_DTYPE, "loader_new", "%s is %s, not %s", name, tp__dtype_text(t), dtypes);
    return TP_OK;
}

static tp_status sampler_weights(tp__sampler *sampler, tp_tensor *weights) {
    TP_TRY(sampler_check(weights, "weights", sampler->samples, tp__is_floating((tp_dtype)weights->dtype),
                         "F32 or F64"));
    size_t bytes = (size_t)sampler->samples * sizeof(double);
    weights = tp__packed("loader_new", weights, TP_F64);
    sampler->cumulative = tp__alloc(bytes);
    if (!weights || !sampler->cumulative) return tp__error_memory("loader_new", bytes);
    const double *w = (const double *)(const void *)tp__data(weights);
    double sum = 0;
    for (int64_t i = 0; i < sampler->samples; i++) {
        if (!(w[i] >= 0) || isinf(w[i]))
            return tp__error(TP_ERR_ARGUMENT, "loader_new", "weights[%lld] is %g", (long long)i, w[i]);
        sampler->cumulative[i] = sum += w[i];
    }
    if (sampler->samples > 0 && !(sum > 0 && isfinite(sum)))
        return tp__error(TP_ERR_ARGUMENT, "loader_new", "the weights add up to %g", sum);
    return TP_OK;
}

static int compare_classes(const void *a, const void *b) {
    int64_t x = ((const tp__due *)a)->rank, y = ((const tp__due *)b)->rank;
    return (x > y) - (x < y);
}

/* Numbers the classes, whatever they are, from 0, and counts their members. */
static tp_status sampler_strata(tp__sampler *sampler, tp_tensor *strata) {
    TP_TRY(sampler_check(strata, "strata", sampler->samples, strata->dtype == TP_I64, "I64"));
    size_t n = (size_t)sampler->samples, bytes = (n + 1) * sizeof *sampler->due;
    strata = tp__packed("loader_new", strata, TP_I64);
    sampler->due = tp__alloc(bytes);
    sampler->classes = tp__alloc((n + 1) * sizeof *sampler->classes);
    if (!strata || !sampler->due || !sampler->classes) return tp__error_memory("loader_new", bytes);
    const int64_t *given = tp__data_i64(strata);
    for (size_t i = 0; i < n; i++) sampler->due[i] = (tp__due){.rank = given[i], .sample = (int64_t)i};
    qsort(sampler->due, n, sizeof *sampler->due, compare_classes);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && sampler->due[i].rank != sampler->due[i - 1].rank) sampler->class_count++;
        sampler->classes[sampler->due[i].sample] = sampler->class_count;
    }
    if (n > 0) sampler->class_count++;
    bytes = ((size_t)sampler->class_count + 1) * sizeof *sampler->strata;
    sampler->strata = tp__alloc_zero(bytes);
    if (!sampler->strata) return tp__error_memory("loader_new", bytes);
    for (size_t i = 0; i < n; i++) sampler->strata[sampler->classes[i]].members++;
    return TP_OK;
}

tp_status tp__sampler_init(tp__sampler *sampler, int64_t samples, const tp_loader_options *options) {
    *sampler = (tp__sampler){.seed = options->seed, .samples = samples, .epoch = -1};
    sampler->size = options->weights && options->draws > 0 ? options->draws : samples;
    if (samples == 0) sampler->size = 0;
    if (options->weights) TP_TRY(sampler_weights(sampler, options->weights));
    if (options->strata) TP_TRY(sampler_strata(sampler, options->strata));
    if (!options->weights && !options->strata && !options->shuffle) return TP_OK;
    size_t bytes = (size_t)(sampler->size + 1) * sizeof(int64_t);
    if ((uint64_t)sampler->size < SIZE_MAX / sizeof(int64_t)) sampler->order = tp__alloc(bytes);
    return sampler->order ? TP_OK : tp__error_memory("loader_new", bytes);
}

void tp__sampler_free(tp__sampler *sampler) {
    tp__free(sampler->classes);
    tp__free(sampler->cumulative);
    tp__free(sampler->order);
    tp__free(sampler->strata);
    tp__free(sampler->due);
}

/* ---- an epoch's order -------------------------------------------------------------------------------- */

/* Fisher and Yates, from the front. */
void tp__shuffled(int64_t *order, int64_t n, tp_generator *generator) {
    for (int64_t i = 0; i < n; i++) {
        int64_t j = tp_generator_below(generator, i + 1);
        if (j != i) order[i] = order[j];
        order[j] = i;
    }
}

/* The first sample whose cumulative weight is above a uniform share of the sum. */
static int64_t draw_weighted(const tp__sampler *sampler, tp_generator *generator) {
    const double *cumulative = sampler->cumulative;
    int64_t low = 0, high = sampler->samples - 1;
    double at = tp_generator_uniform(generator) * cumulative[high];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (cumulative[middle] > at) high = middle;
        else low = middle + 1;
    }
    return low;
}

static int compare_due(const void *a, const void *b) {
    const tp__due *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

/* Spreads each class evenly over the epoch: the k-th of its m members, in a random order, is due at (k + u) / m of it,
 * with one random u for the class. */
static void order_strata(tp__sampler *sampler, tp_generator *generator) {
    tp__shuffled(sampler->order, sampler->samples, generator);
    for (int64_t c = 0; c < sampler->class_count; c++) {
        sampler->strata[c].next = 0;
        sampler->strata[c].shift = tp_generator_uniform(generator);
    }
    for (int64_t i = 0; i < sampler->samples; i++) {
        tp__stratum *stratum = &sampler->strata[sampler->classes[sampler->order[i]]];
        double at = ((double)stratum->next++ + stratum->shift) / (double)stratum->members;
        sampler->due[i] = (tp__due){at, i, sampler->order[i]};
    }
    qsort(sampler->due, (size_t)sampler->samples, sizeof *sampler->due, compare_due);
    for (int64_t i = 0; i < sampler->samples; i++) sampler->order[i] = sampler->due[i].sample;
}

void tp__sampler_start(tp__sampler *sampler, int64_t epoch) {
    if (!sampler->order || sampler->epoch == epoch) return;
    tp_generator generator = {.state = tp__place_stream(sampler->seed, (uint64_t)epoch, 0)};
    sampler->epoch = epoch;
    if (sampler->classes) order_strata(sampler, &generator);
    else if (!sampler->cumulative) tp__shuffled(sampler->order, sampler->samples, &generator);
    else
        for (int64_t i = 0; i < sampler->size; i++) sampler->order[i] = draw_weighted(sampler, &generator);
}
