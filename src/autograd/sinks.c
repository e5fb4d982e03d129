/* Gradients that have arrived, from the table that gathers them to the tensors that get them. */
#include "autograd/sinks.h"
#include "core/scope.h"
#include "taper/creation.h"
#include "taper/elementwise.h"

/* ---- the table --------------------------------------------------------------------------------------- */

/* Where in the hash table `key` is, or would be. */
static int64_t *sink_probe(const tp__sinks *s, const void *key) {
    int64_t mask = 2 * s->capacity - 1;
    uint64_t hash = ((uint64_t)(uintptr_t)key >> 3) * 0x9E3779B97F4A7C15u;
    for (int64_t i = (int64_t)(hash >> 20) & mask;; i = (i + 1) & mask)
        if (!s->places[i] || s->items[s->places[i] - 1].key == key) return &s->places[i];
}

static tp_status sinks_grow(tp__sinks *s) {
    int64_t capacity = s->capacity ? 2 * s->capacity : 16;
    tp__sink *items = tp__realloc(s->items, (size_t)capacity * sizeof *items);
    if (!items) return tp__error_memory(s->op, (size_t)capacity * sizeof *items);
    s->items = items;
    int64_t *places = tp__alloc_zero(2 * (size_t)capacity * sizeof *places);
    if (!places) return tp__error_memory(s->op, 2 * (size_t)capacity * sizeof *places);
    tp__free(s->places);
    s->places = places;
    s->capacity = capacity;
    for (int64_t i = 0; i < s->count; i++) *sink_probe(s, items[i].key) = i + 1;
    return TP_OK;
}

const void *tp__sink_key(const tp_tensor *t) {
    return t->node ? (const void *)&tp__node_of(t)->outs[t->output] : t;
}

tp__sink *tp__sink_find(const tp__sinks *s, const void *key) {
    int64_t place = s->capacity ? *sink_probe(s, key) : 0; /* 1 + it */
    return place ? &s->items[place - 1] : NULL;
}

tp__sink *tp__sink_add(tp__sinks *s, const void *key, tp_tensor *tensor) {
    tp__sink *known = tp__sink_find(s, key);
    if (known) return known;
    if (s->count == s->capacity && sinks_grow(s) != TP_OK) return NULL;
    tp__sink *added = &s->items[s->count++];
    *added = (tp__sink){.key = key, .tensor = tensor};
    *sink_probe(s, key) = s->count;
    return added;
}

static tp_status sink_add_part(const char *op, tp__sink *s, tp_tensor *index, tp_tensor *values) {
    if (s->part_count + 4 > s->part_capacity) { /* a pair, and room for one more */
        int capacity = s->part_capacity ? 2 * s->part_capacity : 8;
        tp_tensor **parts = tp__realloc(s->parts, (size_t)capacity * sizeof *parts);
        if (!parts) return tp__error_memory(op, (size_t)capacity * sizeof *parts);
        s->parts = parts;
        s->part_capacity = capacity;
    }
    s->parts[s->part_count++] = tp_retain(index);
    s->parts[s->part_count++] = tp_retain(values);
    return TP_OK;
}

tp_status tp__sink_add_rows(tp__sinks *s, tp_tensor *leaf, tp_tensor *index, tp_tensor *values) {
    tp__sink *sink = tp__sink_add(s, leaf, leaf);
    return sink ? sink_add_part(s->op, sink, index, values) : TP_ERR_MEMORY;
}

static bool sink_is_leaf(const tp__sink *s) { return s->key == s->tensor; }

static tp_status sink_replace(tp__sink *s, tp_tensor *g) {
    if (!g) return tp_last_error().code;
    tp_retain(g);
    tp_release(s->grad);
    s->grad = g;
    return TP_OK;
}

void tp__sinks_free(tp__sinks *s) {
    for (int64_t i = 0; i < s->count; i++) {
        tp__sink *sink = &s->items[i];
        tp_release(sink->grad);
        tp_release(sink->old);
        tp_release(sink->sum);
        for (int k = 0; k < sink->part_count; k++) tp_release(sink->parts[k]);
        tp__free(sink->parts);
        tp_release(sink->index);
        tp_release(sink->values);
    }
    tp__free(s->items);
    tp__free(s->places);
}

/* ---- hooks ------------------------------------------------------------------------------------------- */

tp_status tp__sinks_run_hooks(tp__sinks *s) {
    tp_scope *scope = tp_scope_begin();
    if (!scope) return TP_ERR_MEMORY;
    tp_status status = TP_OK;
    for (int64_t i = 0; i < s->count && status == TP_OK; i++) {
        tp__sink *sink = &s->items[i];
        tp__meta *meta = tp__meta_of(sink->tensor);
        if (sink->grad && sink_is_leaf(sink) && meta && meta->hooks)
            status = sink_replace(sink, tp__meta_run_hooks(meta, sink->grad));
    }
    tp_scope_end(scope);
    return status;
}

tp_status tp__sinks_run_after(const tp__sinks *s) {
    tp_status status = TP_OK;
    for (int64_t i = 0; i < s->count && status == TP_OK; i++) {
        const tp__sink *sink = &s->items[i];
        tp__meta *meta = tp__meta_of(sink->tensor);
        if (!sink->grad || !sink_is_leaf(sink) || !tp__meta_has_after(meta)) continue;
        tp_tensor *leaf = tp_retain(sink->tensor); /* a hook may drop it */
        status = tp__meta_run_after(meta, leaf);
        tp_release(leaf);
    }
    return status;
}

/* ---- delivery: first all that can fail --------------------------------------------------------------- */

/* Can the tensor keep the gradient `g`, which only a sink holds? It must be dense, with a storage of its own. */
static bool own_enough(const tp_tensor *g, bool create_graph) {
    return create_graph ? atomic_load_explicit(&g->refs, memory_order_acquire) == 1 &&
                              atomic_load_explicit(&g->storage->refs, memory_order_acquire) == 1 &&
                              g->dense && !g->storage->release
                        : tp__solely_held(g);
}

/* A gradient in rows stays one unless there is a dense one too. */
static tp_status sink_prepare_rows(const char *op, tp__sink *s, tp__meta *meta) {
    tp_tensor *index = NULL, *values = NULL;
    bool dense = s->grad != NULL;
    s->own_count = s->part_count;
    if (!dense) TP_TRY(tp__grad_rows(s->tensor, &index, &values));
    if (index) {
        TP_TRY(sink_add_part(op, s, index, values));
        s->old = tp_retain(index);
    } else {
        tp_tensor *old = tp__meta_retain_grad(meta);
        dense = dense || old;
        tp_release(old);
    }
    TP_TRY(tp__rows_sum(op, s->part_count, s->parts, &s->index, &s->values));
    if (!dense) return TP_OK;
    TP_TRY(sink_replace(s, tp__rows_dense(op, s->tensor, s->grad, s->index, s->values)));
    tp_release(s->index);
    s->index = NULL;
    return TP_OK;
}

static tp_status sink_prepare(const tp__sinks *all, tp__sink *s) {
    tp__meta *meta = tp__meta_make(all->op, s->tensor);
    if (!meta) return TP_ERR_MEMORY;
    if (s->part_count > 0) TP_TRY(sink_prepare_rows(all->op, s, meta));
    if (s->index) return TP_OK;
    TP_TRY(tp__meta_densify(all->op, s->tensor));
    tp__meta_lock(meta);
    bool in_place = meta->grad && !all->create_graph && tp__solely_held(meta->grad);
    s->old = in_place ? NULL : tp_retain(meta->grad);
    tp__meta_unlock(meta);
    if (in_place) return TP_OK;
    if (!s->old) return own_enough(s->grad, all->create_graph) ? TP_OK : sink_replace(s, tp_clone(s->grad));
    s->sum = tp_retain(tp_add(s->old, s->grad));
    return s->sum ? TP_OK : tp_last_error().code;
}

/* ---- delivery: then what cannot ---------------------------------------------------------------------- */

/* Another thread has changed the same rows since they were prepared: the walk's own parts are added to what is
 * there now. */
static tp_status sink_add_again(const char *op, tp__sink *s, const tp__meta *meta) {
    tp_tensor *index, *values;
    for (int i = s->own_count; i < s->part_count; i++) tp_release(s->parts[i]);
    s->part_count = s->own_count;
    if (meta->row_index) { /* in the old ones' place, or in the room for one more pair */
        s->parts[s->part_count++] = tp_retain(meta->row_index);
        s->parts[s->part_count++] = tp_retain(meta->row_values);
    }
    TP_TRY(tp__rows_sum(op, s->part_count, s->parts, &index, &values));
    tp_release(s->index);
    tp_release(s->values);
    s->index = index;
    s->values = values;
    return TP_OK;
}

static tp_status sink_deliver_rows(const char *op, tp__sink *s, tp__meta *meta) {
    tp_tensor *old[2] = {NULL, NULL};
    tp__meta_lock(meta);
    tp_status status = meta->row_index == s->old ? TP_OK : sink_add_again(op, s, meta);
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
static tp_status sink_deliver(const tp__sinks *all, tp__sink *s) {
    tp__meta *meta = tp__meta_of(s->tensor);
    if (s->index) return sink_deliver_rows(all->op, s, meta);
    tp_tensor *next = NULL;
    bool added = false;
    tp__meta_lock(meta);
    if (!meta->grad) next = tp_retain(s->grad);
    else if (s->sum && meta->grad == s->old) next = tp_retain(s->sum);
    else if (!all->create_graph && tp__solely_held(meta->grad)) added = tp_add_(meta->grad, s->grad) != NULL;
    else next = tp_retain(tp_add(meta->grad, s->grad));
    tp_tensor *old = next ? meta->grad : NULL;
    if (next) meta->grad = next;
    tp__meta_unlock(meta);
    tp_release(old); /* outside the lock: it may release a graph, and with it other gradients */
    return next || added ? TP_OK : tp_last_error().code;
}

tp_status tp__sinks_deliver(tp__sinks *s) {
    tp_scope *scope = tp_scope_begin();
    if (!scope) return TP_ERR_MEMORY;
    tp_status status = TP_OK;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < s->count && status == TP_OK; i++) {
            tp__sink *sink = &s->items[i];
            if (!sink->grad && sink->part_count == 0) continue;
            status = pass ? sink_deliver(s, sink) : sink_prepare(s, sink);
        }
        tp__scope_clear(scope);
    }
    tp_scope_end(scope);
    return status;
}
