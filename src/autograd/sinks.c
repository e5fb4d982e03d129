#include "autograd/sinks.h"

#include <stdlib.h>

#include "core/scope.h"
#include "taper/creation.h"

/* ---- the table of sinks ------------------------------------------------------------------------------ */

static tp__sink *sink_probe(tp__sink *items, int64_t capacity, const void *key) {
    uint64_t hash = ((uint64_t)(uintptr_t)key >> 3) * 0x9E3779B97F4A7C15u;
    for (int64_t i = (int64_t)(hash >> 20) & (capacity - 1);; i = (i + 1) & (capacity - 1))
        if (!items[i].key || items[i].key == key) return &items[i];
}

tp__sink *tp__sink_find(const tp__sinks *sinks, const void *key) {
    tp__sink *s = sinks->capacity ? sink_probe(sinks->items, sinks->capacity, key) : NULL;
    return s && s->key ? s : NULL;
}

tp__sink *tp__sink_add(tp__sinks *sinks, const void *key, tp_tensor *tensor) {
    if (2 * sinks->count >= sinks->capacity) {
        int64_t capacity = sinks->capacity ? 2 * sinks->capacity : 32;
        tp__sink *items = tp__alloc_zero((size_t)capacity * sizeof *items);
        if (!items) {
            tp__error_memory(sinks->op, (size_t)capacity * sizeof *items);
            return NULL;
        }
        for (int64_t i = 0; i < sinks->capacity; i++)
            if (sinks->items[i].key) *sink_probe(items, capacity, sinks->items[i].key) = sinks->items[i];
        tp__free(sinks->items);
        sinks->items = items;
        sinks->capacity = capacity;
    }
    tp__sink *s = sink_probe(sinks->items, sinks->capacity, key);
    if (!s->key) {
        s->key = key;
        s->tensor = tensor;
        s->number = sinks->count++;
    }
    return s;
}

const void *tp__sink_key(const tp_tensor *t) {
    return t->node ? (const void *)&tp__node_of(t)->outs[t->output] : t;
}

static bool sink_has_grad(const tp__sink *s) { return s->grad || s->part_count > 0; }

static bool sink_is_leaf(const tp__sink *s) { return s->key == s->tensor; }

tp_status tp__sink_add_rows(const tp__sinks *sinks, tp__sink *s, tp_tensor *index, tp_tensor *values) {
    if (s->part_count + 4 > s->part_capacity) { /* a pair, and room for one more */
        int capacity = s->part_capacity ? 2 * s->part_capacity : 8;
        tp_tensor **parts = tp__realloc(s->parts, (size_t)capacity * sizeof *parts);
        if (!parts) return tp__error_memory(sinks->op, (size_t)capacity * sizeof *parts);
        s->parts = parts;
        s->part_capacity = capacity;
    }
    s->parts[s->part_count++] = tp_retain(index);
    s->parts[s->part_count++] = tp_retain(values);
    return TP_OK;
}

/* ---- delivery ---------------------------------------------------------------------------------------- */

/* In three passes: the hooks of leaves, which may do anything; all else that can fail; and what cannot. */

static tp_status sink_replace(tp__sink *s, tp_tensor *g) {
    if (!g) return tp_last_error().code;
    tp_retain(g);
    tp_release(s->grad);
    s->grad = g;
    return TP_OK;
}

static tp_status sink_hooks(tp__sink *s) {
    tp__meta *meta = tp__meta_of(s->tensor);
    return sink_is_leaf(s) && meta && meta->hooks ? sink_replace(s, tp__meta_run_hooks(meta, s->grad))
                                                  : TP_OK;
}

tp_status tp__sinks_run_hooks(tp__sinks *sinks) {
    tp_scope *scope = tp_scope_begin();
    if (!scope) return TP_ERR_MEMORY;
    tp_status status = TP_OK;
    for (int64_t i = 0; i < sinks->capacity && status == TP_OK; i++)
        if (sinks->items[i].grad) status = sink_hooks(&sinks->items[i]);
    tp_scope_end(scope);
    return status;
}

/* Can the tensor keep the gradient `g`, which only a sink holds? It must be dense, with a storage of its own. */
static bool own_enough(const tp__sinks *sinks, const tp_tensor *g) {
    return sinks->create_graph ? atomic_load_explicit(&g->refs, memory_order_acquire) == 1 &&
                                     atomic_load_explicit(&g->storage->refs, memory_order_acquire) == 1 &&
                                     g->dense && !g->storage->release
                               : tp__solely_held(g);
}

/* A gradient in rows stays one unless there is a dense one too. */
static tp_status sink_prepare_rows(const tp__sinks *sinks, tp__sink *s, tp__meta *meta) {
    tp_tensor *index = NULL, *values = NULL;
    bool dense = s->grad != NULL;
    s->own_count = s->part_count;
    if (!dense) TP_TRY(tp__grad_rows(s->tensor, &index, &values));
    if (index) {
        TP_TRY(tp__sink_add_rows(sinks, s, index, values));
        s->old = tp_retain(index);
    } else {
        tp_tensor *old = tp__meta_retain_grad(meta);
        dense = dense || old;
        tp_release(old);
    }
    TP_TRY(tp__rows_sum(sinks->op, s->part_count, s->parts, &s->index, &s->values));
    if (!dense) return TP_OK;
    TP_TRY(sink_replace(s, tp__rows_dense(sinks->op, s->tensor, s->grad, s->index, s->values)));
    tp_release(s->index);
    s->index = NULL;
    return TP_OK;
}

static tp_status sink_prepare(const tp__sinks *sinks, tp__sink *s) {
    tp__meta *meta = tp__meta_make(sinks->op, s->tensor);
    if (!meta) return TP_ERR_MEMORY;
    if (s->part_count > 0) TP_TRY(sink_prepare_rows(sinks, s, meta));
    if (s->index) return TP_OK;
    TP_TRY(tp__meta_densify(sinks->op, s->tensor));
    tp__meta_lock(meta);
    bool in_place = meta->grad && !sinks->create_graph && tp__solely_held(meta->grad);
    s->old = in_place ? NULL : tp_retain(meta->grad);
    tp__meta_unlock(meta);
    if (in_place) return TP_OK;
    if (!s->old) return own_enough(sinks, s->grad) ? TP_OK : sink_replace(s, tp_clone(s->grad));
    s->sum = tp_retain(tp_add(s->old, s->grad));
    return s->sum ? TP_OK : tp_last_error().code;
}

/* Another thread has changed the same rows since they were prepared: the walk's own parts are added to what is there now. */
static tp_status sink_add_again(const tp__sinks *sinks, tp__sink *s, tp__meta *meta) {
    tp_tensor *index, *values;
    for (int i = s->own_count; i < s->part_count; i++) tp_release(s->parts[i]);
    if (meta->row_index) {
        s->parts[s->own_count] =
            tp_retain(meta->row_index); /* the old ones' place, or room for one more pair */
        s->parts[s->own_count + 1] = tp_retain(meta->row_values);
    }
    s->part_count = s->own_count + (meta->row_index ? 2 : 0);
    TP_TRY(tp__rows_sum(sinks->op, s->part_count, s->parts, &index, &values));
    tp_release(s->index);
    tp_release(s->values);
    s->index = index;
    s->values = values;
    return TP_OK;
}

static tp_status sink_deliver_rows(const tp__sinks *sinks, tp__sink *s, tp__meta *meta) {
    tp_tensor *old[2] = {NULL, NULL};
    tp__meta_lock(meta);
    tp_status status = meta->row_index == s->old ? TP_OK : sink_add_again(sinks, s, meta);
    if (status == TP_OK) {
        old[0] = meta->row_index;
        old[1] = meta->row_values;
        meta->row_index = tp_retain(s->index);
        meta->row_values = tp_retain(s->values);
    }
    tp__meta_unlock(meta);
    for (int i = 0; i < 2; i++) tp_release(old[i]);
    return status;
}

/* Fails only where memory runs out just as another thread has changed the same gradient since it was prepared. */
static tp_status sink_deliver(const tp__sinks *sinks, tp__sink *s) {
    tp__meta *meta = tp__meta_of(s->tensor);
    if (s->index) return sink_deliver_rows(sinks, s, meta);
    tp_tensor *next = NULL;
    bool added = false;
    tp__meta_lock(meta);
    if (!meta->grad) next = tp_retain(s->grad);
    else if (s->sum && meta->grad == s->old) next = tp_retain(s->sum);
    else if (!sinks->create_graph && tp__solely_held(meta->grad))
        added = tp_add_(meta->grad, s->grad) != NULL;
    else next = tp_retain(tp_add(meta->grad, s->grad));
    tp_tensor *old = next ? meta->grad : NULL;
    if (next) meta->grad = next;
    tp__meta_unlock(meta);
    tp_release(old); /* outside the lock: it may release a graph, and with it other gradients */
    return next || added ? TP_OK : tp_last_error().code;
}

static int compare_numbers(const void *a, const void *b) {
    const tp__sink *x = *(const tp__sink *const *)a, *y = *(const tp__sink *const *)b;
    return x->number < y->number ? -1 : 1;
}

/* Which leaves have hooks to be run after the delivery; gathered before it, since it may fail. */
static tp_status gather_after(tp__sinks *sinks) {
    for (int pass = 0; pass < 2; pass++) {
        sinks->after_count = 0;
        for (int64_t i = 0; i < sinks->capacity; i++) {
            const tp__sink *s = &sinks->items[i];
            if (!s->grad || !sink_is_leaf(s) || !tp__meta_has_after(tp__meta_of(s->tensor))) continue;
            if (pass) sinks->after[sinks->after_count] = s;
            sinks->after_count++;
        }
        if (pass || sinks->after_count == 0) continue;
        sinks->after = tp__alloc((size_t)sinks->after_count * sizeof *sinks->after);
        if (!sinks->after)
            return tp__error_memory(sinks->op, (size_t)sinks->after_count * sizeof *sinks->after);
    }
    if (sinks->after_count)
        qsort(sinks->after, (size_t)sinks->after_count, sizeof *sinks->after, compare_numbers);
    return TP_OK;
}

tp_status tp__sinks_run_after(const tp__sinks *sinks) {
    tp_status status = TP_OK;
    for (int64_t i = 0; i < sinks->after_count && status == TP_OK; i++) {
        tp_tensor *leaf = tp_retain(sinks->after[i]->tensor);
        status = tp__meta_run_after(tp__meta_of(leaf), leaf);
        tp_release(leaf);
    }
    return status;
}

tp_status tp__sinks_deliver(tp__sinks *sinks) {
    TP_TRY(tp__sinks_run_hooks(sinks));
    TP_TRY(gather_after(sinks));
    tp_scope *scope = tp_scope_begin();
    if (!scope) return TP_ERR_MEMORY;
    tp_status status = TP_OK;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < sinks->capacity && status == TP_OK; i++)
            if (sink_has_grad(&sinks->items[i]))
                status = pass ? sink_deliver(sinks, &sinks->items[i]) : sink_prepare(sinks, &sinks->items[i]);
        tp__scope_clear(scope);
    }
    tp_scope_end(scope);
    return status;
}

void tp__sinks_free(tp__sinks *sinks) {
    for (int64_t i = 0; i < sinks->capacity; i++) {
        tp__sink *s = &sinks->items[i];
        tp_release(s->grad);
        tp_release(s->old);
        tp_release(s->sum);
        for (int k = 0; k < s->part_count; k++) tp_release(s->parts[k]);
        tp__free(s->parts);
        tp_release(s->index);
        tp_release(s->values);
    }
    tp__free(sinks->after);
    tp__free(sinks->items);
}
