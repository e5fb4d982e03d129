#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/philox.h"
#include "core/scope.h"
#include "data/data.h"

#define LOADER_GRAIN_BYTES (256 << 10) /* of a batch, that a thread is worth */
#define GATHER_AHEAD_BYTES 2048        /* of a row, fetched before it is its turn */

struct tp_loader {
    tp_dataset *dataset;
    int64_t batch_size;
    tp_loader_options options;
    int64_t epoch, position; /* of the next batch; the position is in samples */
    int64_t *order;          /* the epoch's, if shuffled */
    bool ordered;            /* `order` is that of `epoch` */
    tp_status status;
    tp_tensor **items; /* the batch that is lent, or NULLs */
};

tp_loader *tp_loader_new(tp_dataset *dataset, int64_t batch_size, tp_loader_options options) {
    const char *op = "loader_new";
    TP_REQUIRE(dataset, "loader_new");
    if (batch_size < 1) TP_FAIL(TP_ERR_ARGUMENT, op, "the batch size is %lld", (long long)batch_size);
    if (!isfinite(options.u8_scale)) TP_FAIL(TP_ERR_ARGUMENT, op, "u8_scale is %g", options.u8_scale);
    size_t order_bytes = options.shuffle ? (size_t)dataset->size * sizeof(int64_t) : 0;
    tp_loader *l = tp__alloc_zero(sizeof *l);
    tp_tensor **items = tp__alloc_zero((size_t)dataset->count * sizeof *items);
    int64_t *order = order_bytes ? tp__alloc(order_bytes) : NULL;
    if (!l || !items || (order_bytes && !order)) {
        tp__free(l);
        tp__free(items);
        tp__free(order);
        tp__error_memory(op, sizeof *l + order_bytes);
        return NULL;
    }
    *l = (tp_loader){
        .dataset = dataset, .batch_size = batch_size, .options = options, .order = order, .items = items};
    tp__ref(&dataset->refs);
    tp__count(&tp__self()->counters.objects, 1);
    return l;
}

/* Takes back the batch that is lent. */
static void loader_reclaim(tp_loader *l) {
    for (int i = 0; i < l->dataset->count; i++) {
        tp_release(l->items[i]);
        l->items[i] = NULL;
    }
}

void tp_loader_free(tp_loader *loader) {
    if (!loader) return;
    loader_reclaim(loader);
    tp__dataset_unref(loader->dataset);
    tp__free(loader->order);
    tp__free(loader->items);
    tp__free(loader);
    tp__count(&tp__self()->counters.objects, -1);
}

/* ---- a batch ----------------------------------------------------------------------------------------- */

/* Copies chosen rows of one tensor, one after the other. */
typedef struct gather_job {
    const char *from;
    char *to;
    size_t row;             /* bytes, in the source */
    const int64_t *order;   /* the batch's part of the epoch's order; NULL: start, start + 1, ... */
    const int64_t *indices; /* of a subset; NULL: all samples */
    int64_t start;
    bool scaled; /* from U8 to F32 */
    float scale;
} gather_job;

static const char *gather_from(const gather_job *job, int64_t i) {
    int64_t k = job->order ? job->order[i] : job->start + i;
    if (job->indices) k = job->indices[k];
    return job->from + job->row * (size_t)k;
}

static void gather_rows(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const gather_job *job = context;
    size_t row = job->row, ahead = row < GATHER_AHEAD_BYTES ? row : GATHER_AHEAD_BYTES;
    for (int64_t i = begin; i < end; i++) {
        const char *from = gather_from(job, i);
        if (i + 2 < end) { /* shuffled rows lie where no hardware looks ahead: this halves the time */
            const char *soon = gather_from(job, i + 2);
            for (size_t j = 0; j < ahead; j += 64) __builtin_prefetch(soon + j);
        }
        if (job->scaled) {
            const uint8_t *in = (const uint8_t *)from;
            float *out = (float *)(void *)job->to + row * (size_t)i, scale = job->scale;
            for (size_t j = 0; j < row; j++) out[j] = (float)in[j] * scale;
        } else {
            memcpy(job->to + row * (size_t)i, from, row);
        }
    }
}

/* Item `i` of the next `size` samples, in the current scope. */
static tp_tensor *loader_gather(const tp_loader *l, int i, int64_t size) {
    const tp_dataset *d = l->dataset;
    const tp_tensor *source = (d->base ? d->base : d)->items[i];
    tp_dtype dtype = (tp_dtype)source->dtype;
    bool scaled = dtype == TP_U8 && l->options.u8_scale != 0;
    tp_shape shape = source->shape;
    shape.dims[0] = size;
    tp_tensor *t = tp__tensor_new("loader_next", shape, scaled ? TP_F32 : dtype);
    if (!t || t->numel == 0) return t;
    gather_job job = {.from = tp__data(source),
                      .to = tp__data(t),
                      .row = (size_t)(t->numel / size) * tp__itemsize(dtype)};
    job.order = l->order ? l->order + l->position : NULL;
    job.indices = d->indices;
    job.start = l->position;
    job.scaled = scaled;
    job.scale = (float)l->options.u8_scale;
    int64_t grain = LOADER_GRAIN_BYTES / (int64_t)job.row;
    tp__parallel_for(size, grain > 0 ? grain : 1, gather_rows, &job);
    return t;
}

/* The order of an epoch: (seed, epoch) choose a stream of the generator, of which no other epoch has a
 * part. */
static void loader_shuffle(tp_loader *l) {
    uint32_t w[4];
    tp__philox(l->options.seed, (uint64_t)l->epoch, w);
    tp_generator generator = {.state = {.seed = (uint64_t)w[1] << 32 | w[0]}};
    tp__shuffled(l->order, l->dataset->size, &generator);
    l->ordered = true;
}

static bool loader_fill(tp_loader *l, int64_t size) {
    tp_scope *s = tp_scope_begin();
    bool ok = s != NULL;
    for (int i = 0; ok && i < l->dataset->count; i++) {
        l->items[i] = tp_retain(loader_gather(l, i, size));
        ok = l->items[i] != NULL;
    }
    tp_scope_end(s);
    if (!ok) loader_reclaim(l);
    return ok;
}

bool tp_loader_next(tp_loader *loader, tp_batch *batch) {
    if (batch) *batch = (tp_batch){0};
    if (!loader || !batch) {
        tp_status status = tp__error_null("loader_next", loader ? "batch" : "loader");
        if (loader) loader->status = status;
        return false;
    }
    loader_reclaim(loader);
    loader->status = TP_OK;
    int64_t size = loader->dataset->size - loader->position;
    if (size > loader->batch_size) size = loader->batch_size;
    if (size == 0 || (loader->options.drop_last && size < loader->batch_size)) {
        loader->epoch++;
        loader->position = 0;
        loader->ordered = false;
        return false;
    }
    if (loader->order && !loader->ordered) loader_shuffle(loader);
    if (!loader_fill(loader, size)) {
        loader->status = TP_ERR_MEMORY;
        return false;
    }
    loader->position += size;
    *batch = (tp_batch){size, loader->dataset->count, loader->items};
    return true;
}

/* ---- asking ------------------------------------------------------------------------------------------ */

tp_status tp_loader_status(const tp_loader *loader) {
    return tp__deliver(loader ? loader->status : tp__error_null("loader_status", "loader"));
}

int64_t tp_loader_batches(const tp_loader *loader) {
    if (!loader) {
        tp__error_null("loader_batches", "loader");
        return -1;
    }
    int64_t n = loader->dataset->size, batch = loader->batch_size;
    return n / batch + (n % batch != 0 && !loader->options.drop_last);
}

int64_t tp_loader_epoch(const tp_loader *loader) {
    if (loader) return loader->epoch;
    tp__error_null("loader_epoch", "loader");
    return -1;
}

tp_status tp_loader_start_epoch(tp_loader *loader, int64_t epoch) {
    if (!loader) return tp__deliver(tp__error_null("loader_start_epoch", "loader"));
    if (epoch < 0)
        return tp__deliver(
            tp__error(TP_ERR_ARGUMENT, "loader_start_epoch", "the epoch is %lld", (long long)epoch));
    loader->ordered = loader->ordered && epoch == loader->epoch;
    loader->epoch = epoch;
    loader->position = 0;
    return TP_OK;
}
