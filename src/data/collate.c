/* Batches from samples. */
#include <string.h>

#include "core/parallel.h"
#include "core/scope.h"
#include "data/data.h"
#include "ops/ops.h"

#define COLLATE_GRAIN_BYTES (256 << 10) /* of a batch, that a thread is worth */
#define GATHER_AHEAD_BYTES 2048         /* of a row, fetched before it is its turn */

/* Which samples of the whole dataset a batch has. */
typedef struct collate_choice {
    const int64_t *order;   /* the batch's part of the epoch's order; NULL: start, start + 1, ... */
    const int64_t *indices; /* of a subset; NULL: all samples */
    int64_t start, size;
} collate_choice;

static inline int64_t chosen(const collate_choice *choice, int64_t i) {
    int64_t k = choice->order ? choice->order[i] : choice->start + i;
    return choice->indices ? choice->indices[k] : k;
}

static bool collate_scales(const tp_loader_options *options, tp_dtype dtype) {
    return dtype == TP_U8 && options->u8_scale != 0;
}

static void copy_elements(char *to, const char *from, size_t count, size_t itemsize, bool scaled,
                          float scale) {
    if (!scaled) {
        if (count > 0) memcpy(to, from, count * itemsize);
        return;
    }
    float *out = (float *)(void *)to;
    const uint8_t *in = (const uint8_t *)from;
    for (size_t j = 0; j < count; j++) out[j] = (float)in[j] * scale;
}

/* ---- rows of one tensor ------------------------------------------------------------------------------ */

typedef struct gather_job {
    const collate_choice *choice;
    const char *from;
    char *to;
    size_t row, itemsize; /* elements, and their bytes in the source */
    bool scaled;          /* from U8 to F32 */
    float scale;
} gather_job;

static void gather_rows(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const gather_job *job = context;
    size_t bytes = job->row * job->itemsize, ahead = bytes < GATHER_AHEAD_BYTES ? bytes : GATHER_AHEAD_BYTES;
    size_t to_bytes = job->row * (job->scaled ? sizeof(float) : job->itemsize);
    for (int64_t i = begin; i < end; i++) {
        if (i + 2 < end) { /* shuffled rows lie where no hardware looks ahead: this halves the time */
            const char *soon = job->from + bytes * (size_t)chosen(job->choice, i + 2);
            for (size_t j = 0; j < ahead; j += 64) __builtin_prefetch(soon + j);
        }
        copy_elements(job->to + to_bytes * (size_t)i, job->from + bytes * (size_t)chosen(job->choice, i),
                      job->row, job->itemsize, job->scaled, job->scale);
    }
}

static tp_tensor *collate_rows(const tp_tensor *rows, const tp_loader_options *options,
                               const collate_choice *choice) {
    tp_dtype dtype = (tp_dtype)rows->dtype;
    bool scaled = collate_scales(options, dtype);
    tp_shape shape = rows->shape;
    shape.dims[0] = choice->size;
    tp_tensor *t = tp__tensor_new("loader_next", shape, scaled ? TP_F32 : dtype);
    if (!t || t->numel == 0) return t;
    gather_job job = {.choice = choice, .from = tp__data(rows), .to = tp__data(t)};
    job.row = (size_t)(t->numel / choice->size);
    job.itemsize = tp__itemsize(dtype);
    job.scaled = scaled;
    job.scale = (float)options->u8_scale;
    int64_t grain = COLLATE_GRAIN_BYTES / (int64_t)(job.row * job.itemsize);
    tp__parallel_for(choice->size, grain > 0 ? grain : 1, gather_rows, &job);
    return t;
}

/* ---- tensors of their own ---------------------------------------------------------------------------- */

/* A batch of samples that are tensors: what it will be, from its first one on. */
typedef struct collate_plan {
    tp_shape shape; /* (size, ...) */
    tp_dtype dtype;
    bool differ; /* in their first dim */
} collate_plan;

static tp_status collate_misfit(int item, int64_t i, const tp_tensor *first, const tp_tensor *t) {
    bool dtypes = t->dtype != first->dtype;
    return tp__error(dtypes ? TP_ERR_DTYPE : TP_ERR_SHAPE, "loader_next",
                     "item %d of a batch's samples: the first is %s %s, that of number %lld is %s %s%s", item,
                     tp__dtype_text(first), tp__shape_text(first->shape), (long long)i, tp__dtype_text(t),
                     tp__shape_text(t->shape),
                     !dtypes && t->shape.ndim == first->shape.ndim ? " (the option pad fills up first dims)"
                                                                   : "");
}

static tp_status collate_look(int item, tp_tensor *const *samples, int64_t size,
                              const tp_loader_options *options, collate_plan *plan) {
    const tp_tensor *first = samples[0];
    if (first->shape.ndim == TP_MAX_DIMS)
        return tp__error(TP_ERR_SHAPE, "loader_next",
                         "item %d of a sample is %s: no room for a dim of samples", item,
                         tp__shape_text(first->shape));
    tp_shape longest = first->shape;
    for (int64_t i = 1; i < size; i++) {
        const tp_tensor *t = samples[i];
        tp_shape rest = t->shape;
        if (options->pad && rest.ndim > 0) rest.dims[0] = first->shape.dims[0];
        if (t->dtype != first->dtype || !tp_shape_equal(rest, first->shape))
            return collate_misfit(item, i, first, t);
        if (rest.ndim == 0) continue;
        plan->differ = plan->differ || t->shape.dims[0] != first->shape.dims[0];
        if (t->shape.dims[0] > longest.dims[0]) longest.dims[0] = t->shape.dims[0];
    }
    plan->shape = (tp_shape){.ndim = longest.ndim + 1, .dims = {size}};
    for (int d = 0; d < longest.ndim; d++) plan->shape.dims[d + 1] = longest.dims[d];
    plan->dtype = (tp_dtype)first->dtype;
    return TP_OK;
}

static tp_status collate_lengths(tp_tensor *const *samples, int64_t size, tp_tensor **lengths) {
    *lengths = tp__tensor_new("loader_next", TP_SHAPE(size), TP_I64);
    if (!*lengths) return TP_ERR_MEMORY;
    int64_t *length = tp__data_i64(*lengths);
    for (int64_t i = 0; i < size; i++) length[i] = samples[i]->shape.dims[0];
    return TP_OK;
}

/* Stacks samples[0 .. size-1], filled up where they differ. */
static tp_status collate_stack(int item, tp_tensor *const *samples, int64_t size,
                               const tp_loader_options *options, tp_tensor **stacked, tp_tensor **lengths) {
    const char *op = "loader_next";
    collate_plan plan = {.differ = false};
    TP_TRY(collate_look(item, samples, size, options, &plan));
    bool scaled = collate_scales(options, plan.dtype);
    tp_dtype dtype = scaled ? TP_F32 : plan.dtype;
    if (options->pad && !tp__holds(dtype, options->pad_value))
        return tp__error(TP_ERR_ARGUMENT, op, "pad_value %g, but item %d is %s", options->pad_value, item,
                         tp_dtype_name(dtype));
    tp_tensor *t =
        plan.differ ? tp_full(plan.shape, options->pad_value, dtype) : tp__tensor_new(op, plan.shape, dtype);
    if (!t) return TP_ERR_MEMORY;
    if (options->pad && plan.shape.ndim > 1) TP_TRY(collate_lengths(samples, size, lengths));
    size_t to_row = (size_t)(t->numel / size) * tp__itemsize(dtype);
    for (int64_t i = 0; i < size; i++) {
        const tp_tensor *from = tp__packed(op, samples[i], plan.dtype);
        if (!from) return TP_ERR_MEMORY;
        copy_elements(tp__data(t) + to_row * (size_t)i, tp__data(from), (size_t)from->numel,
                      tp__itemsize(plan.dtype), scaled, (float)options->u8_scale);
    }
    *stacked = t;
    return TP_OK;
}

/* Of a custom dataset: the samples are made one by one, item by item they are stacked. */
static tp_status collate_custom(const tp_dataset *whole, const tp_loader_options *options,
                                const collate_choice *choice, tp_tensor **items, tp_tensor **lengths) {
    int64_t size = choice->size;
    size_t count = (size_t)whole->count, bytes = count * (size_t)(size + 1) * sizeof(tp_tensor *);
    tp_tensor **made = tp__alloc_zero(bytes); /* item by item, and the sample that is being made */
    if (!made) return tp__error_memory("loader_next", bytes);
    tp_tensor **sample = made + count * (size_t)size;
    tp_status status = TP_OK;
    for (int64_t i = 0; status == TP_OK && i < size; i++) {
        status = tp__dataset_custom_sample("loader_next", whole, chosen(choice, i), sample);
        for (size_t k = 0; k < count; k++) made[k * (size_t)size + (size_t)i] = sample[k];
    }
    for (size_t k = 0; status == TP_OK && k < count; k++)
        status = collate_stack((int)k, made + k * (size_t)size, size, options, &items[k], &lengths[k]);
    tp__free(made);
    return status;
}

static tp_status collate_samples(int item, tp_tensor *const *all, const tp_loader_options *options,
                                 const collate_choice *choice, tp_tensor **stacked, tp_tensor **lengths) {
    size_t bytes = (size_t)choice->size * sizeof(tp_tensor *);
    tp_tensor **samples = tp__alloc(bytes);
    if (!samples) return tp__error_memory("loader_next", bytes);
    for (int64_t i = 0; i < choice->size; i++) samples[i] = all[chosen(choice, i)];
    tp_status status = collate_stack(item, samples, choice->size, options, stacked, lengths);
    tp__free(samples);
    return status;
}

tp_status tp__collate(const tp_dataset *dataset, const tp_loader_options *options, const int64_t *order,
                      int64_t start, int64_t size, tp_tensor **items, tp_tensor **lengths) {
    const tp_dataset *whole = dataset->base ? dataset->base : dataset;
    collate_choice choice = {order, dataset->indices, start, size};
    for (int i = 0; i < whole->count; i++) items[i] = lengths[i] = NULL;
    if (whole->get) return collate_custom(whole, options, &choice, items, lengths);
    for (int i = 0; i < whole->count; i++) {
        const tp__column *column = &whole->columns[i];
        if (column->rows) items[i] = collate_rows(column->rows, options, &choice);
        else TP_TRY(collate_samples(i, column->samples, options, &choice, &items[i], &lengths[i]));
        if (!items[i]) return TP_ERR_MEMORY;
    }
    return TP_OK;
}
