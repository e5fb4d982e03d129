#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/scope.h"
#include "data/data.h"
#include "taper/autograd.h"

/* ---- a batch that is made ---------------------------------------------------------------------------- */

bool tp__made_init(tp__made *made, int count) {
    *made = (tp__made){.status = TP_OK};
    made->items = tp__alloc_zero(2 * (size_t)count * sizeof *made->items);
    if (made->items) made->lengths = made->items + count;
    return made->items != NULL;
}

void tp__made_clear(tp__made *made, int count) {
    for (int i = 0; made->items && i < 2 * count; i++) {
        tp_release(made->items[i]);
        made->items[i] = NULL;
    }
    made->ready = false;
}

void tp__made_free(tp__made *made, int count) {
    tp__made_clear(made, count);
    tp__free(made->items);
}

/* Keeps the calling thread's error with the batch: another thread will tell of it. */
static void made_fail(tp__made *made, tp_status status) {
    tp_error error = tp_last_error();
    bool known = error.code == status;
    made->status = status;
    made->op = known ? error.op : "loader_next";
    const char *text = known ? error.message : tp_status_string(status);
    size_t prefix = strlen(made->op);
    if (known && strncmp(text, made->op, prefix) == 0 && strncmp(text + prefix, ": ", 2) == 0)
        text += prefix + 2;
    snprintf(made->message, sizeof made->message, "%s", text);
}

static tp_status loader_transform(const tp_loader *l, int64_t number, int64_t size, tp__made *made) {
    if (!l->options.transform) return TP_OK;
    tp_generator generator = {
        .state = tp__place_stream(l->sampler.seed, (uint64_t)l->epoch, (uint64_t)number + 1)};
    tp_batch batch = {size, l->dataset->count, made->items, made->lengths};
    TP_TRY(l->options.transform(l->options.transform_context, &batch, &generator));
    for (int i = 0; i < l->dataset->count; i++)
        if (!made->items[i]) return tp__error_null("loader_next", "batch->items, after the transform,");
    return TP_OK;
}

void tp__loader_make(const tp_loader *loader, int64_t number, tp__made *made) {
    int count = loader->dataset->count;
    int64_t start = number * loader->batch_size, size = loader->sampler.size - start;
    if (size > loader->batch_size) size = loader->batch_size;
    const int64_t *order = loader->sampler.order ? loader->sampler.order + start : NULL;
    made->status = TP_OK;
    tp_scope *s = tp_scope_begin();
    if (s) tp_no_grad_begin();
    tp_status status =
        s ? tp__collate(loader->dataset, &loader->options, order, start, size, made->items, made->lengths)
          : TP_ERR_MEMORY;
    if (status == TP_OK) status = loader_transform(loader, number, size, made);
    for (int i = 0; i < 2 * count; i++) /* the scope's until now */
        made->items[i] = status == TP_OK && made->items[i] ? tp_retain(made->items[i]) : NULL;
    if (status != TP_OK) made_fail(made, status);
    tp_scope_end(s);
    made->ready = true;
}

/* ---- a loader ---------------------------------------------------------------------------------------- */

static tp_status loader_check(int64_t batch_size, const tp_loader_options *options) {
    const char *op = "loader_new";
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {{"draws", options->draws}, {"workers", options->workers}, {"prefetch", options->prefetch}};
    if (batch_size < 1)
        return tp__error(TP_ERR_ARGUMENT, op, "the batch size is %lld", (long long)batch_size);
    for (int i = 0; i < 3; i++)
        if (counts[i].value < 0)
            return tp__error(TP_ERR_ARGUMENT, op, "%s is %lld", counts[i].name, (long long)counts[i].value);
    if (!isfinite(options->u8_scale))
        return tp__error(TP_ERR_ARGUMENT, op, "u8_scale is %g", options->u8_scale);
    if (options->shuffle + (options->strata != NULL) + (options->weights != NULL) > 1)
        return tp__error(TP_ERR_ARGUMENT, op, "an epoch is one of shuffle, strata and weights, not several");
    if (options->draws > 0 && !options->weights)
        return tp__error(TP_ERR_ARGUMENT, op, "draws is %lld, but there are no weights",
                         (long long)options->draws);
    return TP_OK;
}

tp_loader *tp_loader_new(tp_dataset *dataset, int64_t batch_size, tp_loader_options options) {
    const char *op = "loader_new";
    TP_REQUIRE(dataset, op);
    TP_OPTIONAL(options.strata);
    TP_OPTIONAL(options.weights);
    TP_TRY_NULL(loader_check(batch_size, &options));
    tp_loader *l = tp__alloc_zero(sizeof *l);
    if (!l || !tp__made_init(&l->lent, dataset->count)) {
        tp__free(l);
        tp__error_memory(op, sizeof *l);
        return NULL;
    }
    l->dataset = dataset;
    l->batch_size = batch_size;
    l->options = options;
    tp_scope *s = tp_scope_begin();
    tp_status status = s ? tp__sampler_init(&l->sampler, dataset->size, &options) : TP_ERR_MEMORY;
    tp_scope_end(s);
    l->options.strata = l->options.weights = NULL; /* not held: the sampler has what it needs */
    tp__ref(&dataset->refs);
    tp__count(&tp__self()->counters.objects, 1);
    if (status == TP_OK) return l;
    tp_loader_free(l);
    return NULL;
}

void tp_loader_free(tp_loader *loader) {
    if (!loader) return;
    tp__prefetch_stop(loader->prefetch);
    tp__made_free(&loader->lent, loader->dataset->count);
    tp__sampler_free(&loader->sampler);
    tp__dataset_unref(loader->dataset);
    tp__free(loader);
    tp__count(&tp__self()->counters.objects, -1);
}

static int64_t loader_batches(const tp_loader *l) {
    int64_t n = l->sampler.size, size = l->batch_size;
    return n / size + (n % size != 0 && !l->options.drop_last);
}

static void loader_stop(tp_loader *l) {
    tp__prefetch_stop(l->prefetch);
    l->prefetch = NULL;
}

bool tp_loader_next(tp_loader *loader, tp_batch *batch) {
    if (batch) *batch = (tp_batch){0};
    if (!loader || !batch) {
        tp_status status = tp__error_null("loader_next", loader ? "batch" : "loader");
        if (loader) loader->status = status;
        return false;
    }
    tp__made *made = &loader->lent;
    tp__made_clear(made, loader->dataset->count);
    loader->status = TP_OK;
    if (loader->position >= loader_batches(loader)) {
        loader_stop(loader);
        loader->epoch++;
        loader->position = 0;
        return false;
    }
    tp__sampler_start(&loader->sampler, loader->epoch);
    if (loader->options.workers > 0 && !loader->prefetch) loader->prefetch = tp__prefetch_start(loader);
    if (loader->prefetch) tp__prefetch_next(loader->prefetch, made);
    else tp__loader_make(loader, loader->position, made);
    if (made->status != TP_OK) {
        loader_stop(loader);
        loader->status = tp__error(made->status, made->op, "%s", made->message);
        return false;
    }
    int64_t left = loader->sampler.size - loader->position * loader->batch_size;
    loader->position++;
    *batch = (tp_batch){left < loader->batch_size ? left : loader->batch_size, loader->dataset->count,
                        made->items, made->lengths};
    return true;
}

/* ---- asking, and going elsewhere --------------------------------------------------------------------- */

tp_status tp_loader_status(const tp_loader *loader) {
    return tp__deliver(loader ? loader->status : tp__error_null("loader_status", "loader"));
}

int64_t tp_loader_batches(const tp_loader *loader) {
    if (loader) return loader_batches(loader);
    tp__error_null("loader_batches", "loader");
    return -1;
}

int64_t tp_loader_epoch(const tp_loader *loader) {
    if (loader) return loader->epoch;
    tp__error_null("loader_epoch", "loader");
    return -1;
}

int64_t tp_loader_position(const tp_loader *loader) {
    if (loader) return loader->position;
    tp__error_null("loader_position", "loader");
    return -1;
}

tp_status tp_loader_seek(tp_loader *loader, int64_t epoch, int64_t batch) {
    const char *op = "loader_seek";
    if (!loader) return tp__deliver(tp__error_null(op, "loader"));
    if (epoch < 0 || epoch > INT64_MAX / 2) /* there are epochs after it */
        return tp__deliver(tp__error(TP_ERR_ARGUMENT, op, "the epoch is %lld", (long long)epoch));
    if (batch < 0 || batch > loader_batches(loader))
        return tp__deliver(tp__error(TP_ERR_ARGUMENT, op, "batch %lld, an epoch has %lld", (long long)batch,
                                     (long long)loader_batches(loader)));
    loader_stop(loader);
    loader->epoch = epoch;
    loader->position = batch;
    return TP_OK;
}
