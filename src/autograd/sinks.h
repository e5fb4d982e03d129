/* Where the gradients of a walk end: leaves, and what it is asked for. They are gathered here and delivered when the
 * walk is through, so that one that fails leaves every gradient as it was. For engine.c. */
#ifndef TP__AUTOGRAD_SINKS_H
#define TP__AUTOGRAD_SINKS_H

#include "autograd/node.h"

typedef struct tp__sink {
    const void *key;      /* the leaf, or the tp__out */
    tp_tensor *tensor;    /* the leaf, or the output's tensor */
    tp_tensor *grad;      /* these are references, or NULL */
    tp_tensor *old, *sum; /* the tensor's gradient so far, and what it is to be replaced by */
    tp_tensor **parts;    /* of a gradient in rows: index, values, index, values, ..., references */
    int part_count, part_capacity, own_count; /* of them this walk's own; after them what the tensor had */
    tp_tensor *index, *values;                /* what they and the rows so far add up to */
} tp__sink;

typedef struct tp__sinks {
    const char *op;    /* "backward" or "grad", for messages */
    bool create_graph; /* then no gradient is changed in place */
    tp__sink *items;   /* in the order in which the walk met them */
    int64_t count, capacity;
    int64_t *places; /* a hash table, 2 * capacity: 1 + the place in items, or 0 */
} tp__sinks;

/* Under what the gradient of `t` is found. */
const void *tp__sink_key(const tp_tensor *t);

/* The sink of `key`, or NULL; good until the next is added. */
tp__sink *tp__sink_find(const tp__sinks *s, const void *key);
/* Likewise, made if need be; NULL with a record if out of memory. */
tp__sink *tp__sink_add(tp__sinks *s, const void *key, tp_tensor *tensor);

/* Adds rows to the gradient of a leaf. */
tp_status tp__sink_add_rows(tp__sinks *s, tp_tensor *leaf, tp_tensor *index, tp_tensor *values);

/* Runs the hooks of the leaves on what is gathered for them. */
tp_status tp__sinks_run_hooks(tp__sinks *s);
/* Adds what is gathered to the tensors' gradients: to all of them, or to none. */
tp_status tp__sinks_deliver(tp__sinks *s);
/* Runs the hooks of the leaves that wait for that. */
tp_status tp__sinks_run_after(const tp__sinks *s);

void tp__sinks_free(tp__sinks *s);

/* May `t` be written to in place of making a new tensor? Only `t` itself is looked at: the caller's one
 * reference must be the last. */
static inline bool tp__solely_held(const tp_tensor *t) {
    return atomic_load_explicit(&t->refs, memory_order_acquire) == 1 &&
           atomic_load_explicit(&t->storage->refs, memory_order_acquire) == 1 && t->dense && !t->node &&
           !t->storage->release;
}

#endif
