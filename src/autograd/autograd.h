/* The tape from the inside: how an op is described and recorded, and what a gradient rule may ask.
 *
 * An op is a forward function and a `const tp__op`. The forward computes its result without recording and
 * then calls tp__record(), which does nothing unless an input requires grad and recording is on:
 *
 *     static void sin_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
 *         dx[0] = tp_mul(g[0], tp_cos(tp__input(ctx, 0)));
 *     }
 *     static const tp__op sin_op = {.name = "sin", .vjp = sin_vjp, .save_inputs = TP__ALL};
 *
 * A rule is written in public differentiable ops of g, inputs and outputs, and never branches on values. The
 * engine runs it in a scope of its own, reduces what it gives for a broadcast input to that input's shape and
 * casts it to its dtype. */
#ifndef TP__AUTOGRAD_AUTOGRAD_H
#define TP__AUTOGRAD_AUTOGRAD_H

#include "core/tensor.h"
#include "taper/autograd.h"

typedef struct tp__ctx tp__ctx;

/* g[k]: gradient of output k, never NULL unless .takes_null (zeros stand in). dx[i]: to be set for each
 * input i with tp__needs(ctx, i); NULL at first. A NULL left there is a failure. */
typedef void tp__vjp_fn(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx);

/* The gradient of input 0, a table (V, D), as some of its rows: *index (n), I64, in [0, V), and *values (n, D); the
 * others are zero, and a row named twice has the sum. NULL is a failure. */
typedef void tp__rows_fn(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **index, tp_tensor **values);

#define TP__ALL (~0u)

typedef struct tp__op {
    const char *name;
    tp__vjp_fn *vjp;       /* differentiable; used when a graph is being built, or always without the next */
    tp__vjp_fn *vjp_fused; /* a direct kernel for the same values, used when no graph is being built */
    tp__rows_fn *vjp_rows; /* the same as rows, used instead where input 0 is a leaf that may have them */
    uint32_t save_inputs;  /* bit i: input i's value is saved; beyond 32 inputs none is */
    uint32_t save_outputs; /* bit k: output k's */
    bool takes_null;       /* the rule handles NULL g[k] of unused outputs itself */
    bool once;             /* has no second derivative: asking for it is an error */
    void (*free_attr)(void *attr); /* releases what the attributes own, or NULL */
} tp__op;

/* A recorded call, to be filled in by the forward. Inputs that can carry no gradient (indices, masks, saved
 * statistics: anything kept for the rule) come as further inputs; they get no edge. NULL inputs are allowed
 * (an absent bias). */
typedef struct tp__call {
    const tp__op *op;
    int n_in;
    tp_tensor *const *in;
    int n_out;
    tp_tensor *const *out;
    const void *attr;     /* copied */
    size_t attr_size;     /* at most TP__ATTR_MAX */
    uint32_t skip_inputs; /* bit i: do not save input i after all (its partner needs no gradient) */
} tp__call;

#define TP__ATTR_MAX 512

/* Records the call if any input requires grad and recording is on; the floating outputs then carry a node.
 * False if out of memory (with a record): the forward then returns NULL. If nothing is recorded, true. */
bool tp__record_call(const tp__call *call);

/* The usual case of one output: returns `y`, or NULL if `y` is NULL or recording failed. */
tp_tensor *tp__record(const tp__op *op, tp_tensor *y, int n_in, tp_tensor *const *in, const void *attr,
                      size_t attr_size);
#define TP__INPUTS(...)                                                                                      \
    ((int)(sizeof((tp_tensor *[]){__VA_ARGS__}) / sizeof(tp_tensor *))), (tp_tensor *[]) { __VA_ARGS__ }

/* Would a call on these inputs be recorded? */
bool tp__will_record(int n_in, tp_tensor *const *in);

/* What a rule may ask. Tensors belong to the rule's scope. NULL with a record when a saved value is gone or
 * was changed in place. */
const char *tp__op_name(const tp__ctx *ctx);
bool tp__needs(const tp__ctx *ctx, int i);           /* is dx[i] wanted? */
tp_tensor *tp__input(tp__ctx *ctx, int i);           /* a saved input; NULL without record if it was NULL */
tp_tensor *tp__output(tp__ctx *ctx, int k);          /* a saved output */
bool tp__has_input(const tp__ctx *ctx, int i);       /* was input i given (not NULL)? */
tp_shape tp__input_shape(const tp__ctx *ctx, int i); /* of an input that needs a gradient */
tp_dtype tp__input_dtype(const tp__ctx *ctx, int i); /* likewise */
tp_shape tp__output_shape(const tp__ctx *ctx, int k);
const void *tp__attr(const tp__ctx *ctx);
int tp__input_count(const tp__ctx *ctx);
bool tp__graph_wanted(const tp__ctx *ctx); /* is a graph being built? */

/* For a big fused op's vjp: reruns `composite` under grad mode on fresh identity aliases of all inputs and
 * gives their gradients (differentiable when a graph is being built). The composite gets the inputs in the
 * order recorded (NULL stays NULL) and fills outputs[0 .. n_out-1]. All inputs must have been saved. */
typedef bool tp__composite_fn(const void *attr, tp_tensor *const *in, tp_tensor **outputs);
void tp__vjp_by_composite(tp__ctx *ctx, tp__composite_fn *composite, tp_tensor *const *g, tp_tensor **dx);

/* The gradient of `t` as rows, if it consists of nothing else: (n), I64, ascending, and (n, D) in the current scope, the very
 * ones that the tensor holds, to read; else NULL. Fails only for want of memory. */
tp_status tp__grad_rows(const tp_tensor *t, tp_tensor **index, tp_tensor **values);
/* The gradient of `t` as a dense tensor, in the current scope; NULL if there is none. Likewise. */
tp_status tp__grad_dense(const tp_tensor *t, tp_tensor **grad);

/* An op that returns its input under a new identity: the same storage, a node of its own. */
tp_tensor *tp__alias(tp_tensor *x);

/* Begins an in-place op on `t`: TP_OK if it may be written, with a record otherwise. `recorded` says whether the
 * call will be recorded; `instead` names the op to use instead. */
tp_status tp__inplace_check(const char *op, tp_tensor *t, bool recorded, const char *instead);

/* Makes `t` the tensor that `y`, a fresh result of the same shape and dtype, is: storage, node. This is how a
 * recorded in-place op ends, once tp__inplace_check() has shown that nobody else sees the storage. */
void tp__replace(tp_tensor *t, tp_tensor *y);

#endif
