/* Nodes and what the tape hangs on tensors, for src/autograd alone. */
#ifndef TP__AUTOGRAD_NODE_H
#define TP__AUTOGRAD_NODE_H

#include "autograd/autograd.h"

typedef struct tp__node tp__node;

/* Where the gradient of an input goes: to an output of another node, or to a leaf; neither: to nobody. */
typedef struct tp__edge {
    tp__node *node;
    tp_tensor *leaf;
    int32_t output;
} tp__edge;

/* A tensor's gradient and hooks. A leaf has it alone; the result of a recorded op shares it with the node. */
typedef struct tp__hook {
    struct tp__hook *next;
    int id;
    tp_hook_fn *call; /* or, for a leaf whose gradient is there, */
    tp_accumulate_hook_fn *after;
    void *context;
    void (*free_context)(void *);
} tp__hook;

typedef struct tp__meta {
    tp__graph_ref ref; /* counts the tensors; with the last the gradient goes, which may lead to the node */
    _Atomic int32_t
        holders; /* the tensors together, the node, and who runs the hooks; with the last the hooks go */
    tp_tensor *row_index, *row_values; /* more of the gradient, as rows; see rows.c. NULL: none */
    bool orphan;                       /* no tensor is left that a gradient could be asked of */
    tp_tensor *grad;
    bool retain_grad;
    int next_id;
    tp__hook *hooks;
} tp__meta;

/* What a node knows of an output, and what a walk gathers for it. */
typedef struct tp__out {
    int64_t *dims;
    int8_t ndim;
    uint8_t dtype;
    tp_tensor *grad; /* the sum so far of the walk under way */
    tp__meta *meta;  /* hooks or retain_grad of the output's tensor, or NULL */
} tp__out;

/* A saved value: never a tensor, so that a saved output makes no cycle. */
typedef struct tp__saved {
    tp__storage *storage; /* NULL: not saved, or released */
    uint64_t version;
    int64_t offset;
    int64_t *dims; /* ndim sizes, then ndim strides */
    int8_t ndim;
    uint8_t dtype;
} tp__saved;

struct tp__node {
    tp__graph_ref ref;
    const tp__op *op;
    uint64_t sequence;
    _Atomic(void *) walk; /* the walk it belongs to at the moment */
    tp__node *next;       /* in a list of nodes to release, or of those that a failed walk frees */
    tp__edge *edges;      /* n_in */
    tp__out *outs;        /* n_out */
    tp__saved *saved;     /* n_in for the inputs, then n_out for the outputs */
    void *attr;
    int32_t n_in, n_out;
    uint32_t bytes;    /* of the whole block */
    bool released;     /* its saved values are gone */
    bool needed;       /* leads to an input that the walk is for */
    uint64_t given;    /* bit i: input i was not NULL; beyond 64 inputs all are given */
    const char *label; /* the user's name for where it was recorded, or NULL */
};

struct tp__ctx {
    tp__node *node;
    bool all; /* every edge is wanted */
    bool create_graph;
    const void *walk;
};

static inline tp__node *tp__node_of(const tp_tensor *t) { return (tp__node *)(void *)t->node; }
static inline tp__meta *tp__meta_of(const tp_tensor *t) { return (tp__meta *)(void *)t->meta; }

/* The tensor's meta, made if need be; NULL with a record if out of memory. */
tp__meta *tp__meta_make(const char *op, tp_tensor *t);

/* Is there anything at this edge that the walk of `ctx` wants a gradient for? */
bool tp__edge_wanted(const tp__ctx *ctx, const tp__edge *edge);

/* tp_grad() with more to say. The status is yet to be delivered. */
typedef struct tp__request {
    const char *op; /* for messages */
    tp_grad_options options;
    bool keep_null; /* NULL, not zeros or an error, for an input that the outputs do not depend on */
    /* A part of another walk: the hooks of leaves are left to that, and nothing recorded before `since` nor a leaf
     * that is neither asked for nor in `known` may be reached. */
    bool part;
    uint64_t since;
    tp_tensors known;
} tp__request;
tp_status tp__grad(const tp__request *request, tp_tensors outputs, tp_tensors inputs, tp_tensors grad_outputs,
                   tp_tensor **grads);

/* The number of the next node. */
uint64_t tp__sequence(void);

/* Calls a user's function and checks what it says it made: the number of outputs, or -1 with a record. */
int tp__call_function(const char *op, tp_function *f, tp_tensors inputs, tp_tensor **outputs, void *context);

/* Drops the saved values, so that their memory goes as the walk passes. */
void tp__node_release_saved(tp__node *node);

tp_shape tp__out_shape(const tp__out *out);

/* Gains and loses a holder. */
void tp__meta_hold(tp__meta *meta);
void tp__meta_drop(tp__meta *meta);

/* Guards the grad pointers: of a leaf, threads may accumulate into it at once. */
void tp__meta_lock(const tp__meta *meta);
void tp__meta_unlock(const tp__meta *meta);

/* The gradient, with a reference for the caller, or NULL. */
tp_tensor *tp__meta_retain_grad(const tp__meta *meta);

/* Sets the gradient to `grad` (a new reference is taken), dropping the old one; not if nobody could ask for it. */
void tp__meta_set_grad(tp__meta *meta, tp_tensor *grad);

/* What rows add up to: those of parts[0], parts[2], ... (indices) and parts[1], parts[3], ... (values), each row once,
 * ascending, the values of one summed in the order given. References for the caller. */
tp_status tp__rows_sum(const char *op, int count, tp_tensor *const *parts, tp_tensor **index,
                       tp_tensor **values);
/* `base` (NULL: zeros of the shape of `like`) and such rows, as a dense tensor in the current scope. */
tp_tensor *tp__rows_dense(const char *op, const tp_tensor *like, tp_tensor *base, tp_tensor *index,
                          tp_tensor *values);
bool tp__meta_has_rows(const tp__meta *meta);
/* Makes what `t` has of its gradient as rows part of the dense one. */
tp_status tp__meta_densify(const char *op, const tp_tensor *t);

/* Runs the hooks on `g`: the gradient to go on with, NULL with a record after a failure. What a hook gave in its place has
 * a reference in the current scope besides its owner's, so that nobody takes it for a tensor of the walk's own. */
tp_tensor *tp__meta_run_hooks(tp__meta *meta, tp_tensor *g);

/* Runs the post-accumulate hooks of `leaf`. */
bool tp__meta_has_after(const tp__meta *meta);
tp_status tp__meta_run_after(tp__meta *meta, tp_tensor *leaf);

/* TP_ERR_NUMERIC, with the place, if the gradient of input i holds a NaN or infinite value. */
tp_status tp__check_gradient(const tp__node *node, int i, const tp_tensor *g) TP__COLD;
/* Likewise if an output of the call, which is about to be recorded, holds a NaN. */
tp_status tp__check_outputs(const tp__call *call) TP__COLD;

/* A tensor that stands for what `edge` leads to, to record a call on; its values mean nothing. NULL for an edge to
 * nobody, or with a record. */
tp_tensor *tp__edge_tensor(const char *op, const tp__edge *edge);

#endif
