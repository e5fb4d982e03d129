/* Where the gradients of a walk end: a table of leaves and of outputs that are asked for, and their delivery. */
#ifndef TP__AUTOGRAD_SINKS_H
#define TP__AUTOGRAD_SINKS_H

#include "autograd/node.h"
#include "taper/elementwise.h"

/* A leaf, or a node's output that is asked for. */
typedef struct tp__sink {
    const void *key;      /* the leaf, or the tp__out; NULL: a free place in the table */
    tp_tensor *tensor;    /* the leaf, or the output's tensor */
    tp_tensor *grad;      /* these are references, or NULL */
    tp_tensor *old, *sum; /* the tensor's gradient so far, and what it is to be replaced by */
    tp_tensor **parts;    /* of a gradient in rows: index, values, index, values, ..., references */
    int part_count, part_capacity, own_count; /* of them this walk's own; after them what the tensor had */
    tp_tensor *index, *values;                /* what they and the rows so far add up to */
    int64_t number;                           /* in the order in which the walk met them */
} tp__sink;

typedef struct tp__sinks {
    const char *op;    /* for messages */
    bool create_graph; /* gradients may be part of a graph: none is written to */
    tp__sink *items;
    int64_t count, capacity; /* capacity: a power of two, or 0 */
    const tp__sink **after;  /* leaves with hooks for when their gradient is there, in order */
    int64_t after_count;
} tp__sinks;

tp__sink *tp__sink_find(const tp__sinks *sinks, const void *key);

/* The sink of `key`, made if need be; NULL with a record if out of memory. */
tp__sink *tp__sink_add(tp__sinks *sinks, const void *key, tp_tensor *tensor);

/* Under what the gradient of `t` is found. */
const void *tp__sink_key(const tp_tensor *t);

/* Adds a gradient in rows. */
tp_status tp__sink_add_rows(const tp__sinks *sinks, tp__sink *s, tp_tensor *index, tp_tensor *values);

/* The hooks of leaves on the gradients that arrived. */
tp_status tp__sinks_run_hooks(tp__sinks *sinks);

/* Runs these hooks and adds what arrived to the tensors' gradients: to all or, after a failure, to none. */
tp_status tp__sinks_deliver(tp__sinks *sinks);

/* The hooks for when a leaf's gradient is there. */
tp_status tp__sinks_run_after(const tp__sinks *sinks);

void tp__sinks_free(tp__sinks *sinks);

/* May `t` be written to in place of making a new tensor? Only `t` itself is looked at: the caller's one
 * reference must be the last. */
static inline bool tp__solely_held(const tp_tensor *t) {
    return atomic_load_explicit(&t->refs, memory_order_acquire) == 1 &&
           atomic_load_explicit(&t->storage->refs, memory_order_acquire) == 1 && t->dense && !t->node &&
           !t->storage->release;
}

/* Adds `g` to the sum in `*slot`. */
static inline tp_status tp__accumulate(bool create_graph, tp_tensor **slot, tp_tensor *g) {
    if (!*slot) {
        *slot = tp_retain(g);
        return TP_OK;
    }
    tp_tensor *sum = !create_graph && tp__solely_held(*slot) ? tp_add_(*slot, g) : tp_add(*slot, g);
    if (!sum) return tp_last_error().code;
    if (sum != *slot) {
        tp_release(*slot);
        *slot = tp_retain(sum);
    }
    return TP_OK;
}

#endif
