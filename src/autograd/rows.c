/* Gradients of tables that only some rows have: an embedding's. A leaf's gradient is then the sum of a dense tensor, if it has
 * one, and of rows, if it has some; whoever asks for a dense one gets the rows added to it. */
#include <stdlib.h>
#include <string.h>

#include "autograd/node.h"
#include "core/parallel.h"
#include "core/scope.h"
#include "taper/creation.h"
#include "taper/index.h"
#include "taper/views.h"

#define ROWS_GRAIN 16384 /* elements that a thread is worth */

typedef struct row_place {
    int64_t row, place; /* the place among all that were given */
} row_place;

static int compare_places(const void *a, const void *b) {
    const row_place *x = a, *y = b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

/* Adds up the values of each row: those of group u are at places[starts[u] .. starts[u + 1] - 1]. */
typedef struct rows_job {
    const row_place *places;
    const int64_t *starts;
    const char *from;
    char *to;
    int64_t size; /* of a row */
    bool doubles;
} rows_job;

#define ROWS_ADD(T)                                                                                          \
    do {                                                                                                     \
        T *to = (T *)(void *)job->to + u * job->size;                                                        \
        for (int64_t i = first; i < end; i++) {                                                              \
            const T *from = (const T *)(const void *)job->from + job->places[i].place * job->size;           \
            for (int64_t k = 0; k < job->size; k++) to[k] = i == first ? from[k] : to[k] + from[k];          \
        }                                                                                                    \
    } while (0)

static void rows_add(void *context, int64_t begin, int64_t stop, int worker) {
    (void)worker;
    const rows_job *job = context;
    for (int64_t u = begin; u < stop; u++) {
        int64_t first = job->starts[u], end = job->starts[u + 1];
        if (job->doubles) ROWS_ADD(double);
        else ROWS_ADD(float);
    }
}

/* The rows of index (n), sorted, and where each distinct one begins: their number. starts[] has room for n + 1. */
static int64_t rows_sort(const int64_t *index, int64_t n, row_place *places, int64_t *starts) {
    for (int64_t i = 0; i < n; i++) places[i] = (row_place){index[i], i};
    qsort(places, (size_t)n, sizeof *places, compare_places);
    int64_t distinct = 0;
    for (int64_t i = 0; i < n; i++)
        if (i == 0 || places[i].row != places[i - 1].row) starts[distinct++] = i;
    starts[distinct] = n;
    return distinct;
}

static tp_status rows_combine(const char *op, tp_tensor *index, tp_tensor *values, tp_tensor **sum_index,
                              tp_tensor **sum_values) {
    int64_t n = index->numel;
    size_t bytes = ((size_t)n + 1) * (sizeof(row_place) + sizeof(int64_t));
    row_place *places = tp__alloc(bytes);
    if (!places) return tp__error_memory(op, bytes);
    int64_t *starts = (int64_t *)(places + n + 1);
    int64_t distinct = rows_sort(tp__data_i64(index), n, places, starts);
    tp_shape shape = values->shape;
    shape.dims[0] = distinct;
    *sum_index = tp__tensor_new(op, TP_SHAPE(distinct), TP_I64);
    *sum_values = *sum_index ? tp__tensor_new(op, shape, (tp_dtype)values->dtype) : NULL;
    int64_t *out = *sum_values ? tp__data_i64(*sum_index) : NULL;
    for (int64_t u = 0; out && u < distinct; u++) out[u] = places[starts[u]].row;
    if (out && (*sum_values)->numel > 0) {
        rows_job job = {.places = places,
                        .starts = starts,
                        .from = tp__data(values),
                        .to = tp__data(*sum_values),
                        .size = (*sum_values)->numel / distinct,
                        .doubles = values->dtype == TP_F64};
        int64_t grain = ROWS_GRAIN / job.size;
        tp__parallel_for(distinct, grain > 0 ? grain : 1, rows_add, &job);
    }
    tp__free(places);
    return *sum_values ? TP_OK : TP_ERR_MEMORY;
}

/* One tensor of every other part. */
static tp_tensor *rows_join(const char *op, int count, tp_tensor *const *parts) {
    if (count == 2) return tp_contiguous(parts[0]);
    tp_tensor **list = tp__alloc((size_t)count * sizeof *list);
    if (!list) {
        tp__error_memory(op, (size_t)count * sizeof *list);
        return NULL;
    }
    for (int i = 0; i < count / 2; i++) list[i] = parts[2 * i];
    tp_tensor *joined = tp_cat((tp_tensors){count / 2, list}, 0);
    tp__free(list);
    return joined;
}

tp_status tp__rows_sum(const char *op, int count, tp_tensor *const *parts, tp_tensor **index,
                       tp_tensor **values) {
    *index = *values = NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return TP_ERR_MEMORY;
    tp_set_grad_enabled(false);
    tp_tensor *all_index = rows_join(op, count, parts), *all_values = rows_join(op, count, parts + 1);
    tp_status status = all_index && all_values ? rows_combine(op, all_index, all_values, index, values)
                                               : tp_last_error().code;
    if (status == TP_OK) {
        tp_retain(*index);
        tp_retain(*values);
    }
    tp_scope_end(s);
    if (status != TP_OK) *index = *values = NULL;
    return status;
}

tp_tensor *tp__rows_dense(const char *op, const tp_tensor *like, tp_tensor *base, tp_tensor *index,
                          tp_tensor *values) {
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_set_grad_enabled(false);
    tp_tensor *dense = base ? tp_clone(base) : tp_zeros(like->shape, (tp_dtype)like->dtype);
    dense = dense ? tp_index_add_(dense, 0, index, values) : NULL;
    if (!dense) tp__error_rename(NULL, op);
    return tp_scope_return(s, dense);
}

/* References to the rows of `meta`, or NULL, in the current scope. */
static tp_status rows_of(tp__meta *meta, tp_tensor **index, tp_tensor **values) {
    tp__meta_lock(meta);
    tp_tensor *both[] = {tp_retain(meta->row_index), tp_retain(meta->row_values)};
    tp__meta_unlock(meta);
    for (int i = 0; i < 2 && both[0]; i++) {
        if (tp__scope_own(both[i])) continue;
        for (; i < 2; i++) tp__tensor_unref(both[i]);
        return tp__error_memory("tensor_grad", sizeof **index);
    }
    *index = both[0];
    *values = both[1];
    return TP_OK;
}

bool tp__meta_has_rows(const tp__meta *meta) {
    tp__meta_lock(meta);
    bool rows = meta->row_index != NULL;
    tp__meta_unlock(meta);
    return rows;
}

/* Puts `dense` in place of `base` and the rows it was made of, unless another thread has changed either since. */
static bool rows_settle(tp__meta *meta, const tp_tensor *base, const tp_tensor *index, tp_tensor *dense) {
    tp__meta_lock(meta);
    tp_tensor *old[] = {meta->grad, meta->row_index, meta->row_values};
    bool same = old[0] == base && old[1] == index;
    if (same) {
        meta->grad = tp_retain(dense);
        meta->row_index = meta->row_values = NULL;
    }
    tp__meta_unlock(meta);
    for (int i = 0; i < 3 && same; i++) tp_release(old[i]); /* outside the lock: it may release a graph */
    return same;
}

tp_status tp__meta_densify(const char *op, const tp_tensor *t) {
    tp__meta *meta = tp__meta_of(t);
    tp_status status = TP_OK;
    bool settled = false;
    while (meta && !settled && status == TP_OK && tp__meta_has_rows(meta)) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *index = NULL, *values = NULL;
        status = s ? rows_of(meta, &index, &values) : TP_ERR_MEMORY;
        tp_tensor *base = index ? tp__meta_retain_grad(meta) : NULL;
        tp_tensor *dense = index ? tp__rows_dense(op, t, base, index, values) : NULL;
        if (dense) settled = rows_settle(meta, base, index, dense);
        else if (index) status = tp_last_error().code;
        tp_release(base);
        tp_scope_end(s);
    }
    return status;
}

tp_status tp__grad_rows(const tp_tensor *t, tp_tensor **index, tp_tensor **values) {
    tp__meta *meta = tp__meta_of(t);
    *index = *values = NULL;
    tp_tensor *dense = meta ? tp__meta_retain_grad(meta) : NULL;
    tp_release(dense);
    return meta && !dense ? rows_of(meta, index, values) : TP_OK;
}

tp_status tp__grad_dense(const tp_tensor *t, tp_tensor **grad) {
    tp__meta *meta = tp__meta_of(t);
    *grad = NULL;
    if (!meta) return TP_OK;
    TP_TRY(tp__meta_densify("tensor_grad", t));
    tp_tensor *held = tp__meta_retain_grad(meta);
    if (held && !tp__scope_own(held)) {
        tp__tensor_unref(held);
        return tp__error_memory("tensor_grad", sizeof *held);
    }
    *grad = held;
    return TP_OK;
}
