/* Ops of one's own: a forward function and a gradient rule, in C.
 *
 *     static tp_status cube_forward(tp_tensors x, tp_tensor **y, tp_tensor **saved, const void *attr) {
 *         y[0] = tp_mul(tp_square(x.items[0]), x.items[0]);
 *         return TP_OK;
 *     }
 *     static tp_status cube_vjp(tp_op_call *call, tp_tensor *const *g, tp_tensor **dx) {
 *         dx[0] = tp_mul(g[0], tp_mul_scalar(tp_square(tp_op_input(call, 0)), 3));
 *         return TP_OK;
 *     }
 *     static const tp_op_class cube = {.name = "cube", .forward = cube_forward, .vjp = cube_vjp, .save_inputs = 1};
 *
 *     tp_tensor *y = tp_op_apply(&cube, TP_TENSORS(x), NULL);
 *
 * docs/custom-ops.md goes through it. tp_gradcheck() and tp_gradgradcheck() tell whether a rule is right. */
#ifndef TAPER_CUSTOM_H
#define TAPER_CUSTOM_H

#include "taper/base.h"
#include "taper/dtype.h"
#include "taper/shape.h"
#include "taper/status.h"

TP_BEGIN_DECLS

#define TP_OP_MAX 16       /* outputs, and saved tensors */
#define TP_OP_ATTR_MAX 256 /* bytes */
#define TP_OP_ALL (~0u)    /* all inputs, or outputs */

/* A recorded call, as its rule sees it. */
typedef struct tp_op_call tp_op_call;

/* Makes outputs[0 .. n_outputs-1], new tensors, from the inputs, and saved[0 .. n_saved-1]. Nothing it does is
 * recorded, and what else it makes is released when it returns. It may compute with ops or in plain C, and must
 * not change an input. An output left NULL is a failure. After tp_error_set() it returns the code. */
typedef tp_status tp_op_forward(tp_tensors inputs, tp_tensor **outputs, tp_tensor **saved, const void *attr);

/* Sets dx[i] to the gradient of input i, for each with tp_op_needs(call, i): of the input's dtype, and of its shape or of one that
 * broadcasting made of it, which is summed back. g[k] is the gradient of output k: zeros if nobody used it,
 * NULL for an output that carries none. All are NULL at first, and a NULL left is a failure. */
typedef tp_status tp_op_vjp(tp_op_call *call, tp_tensor *const *g, tp_tensor **dx);

/* An op. It must outlive every graph it is recorded in: normally static const. */
typedef struct tp_op_class {
    const char *name; /* without prefix, for messages */
    tp_op_forward *forward;
    tp_op_vjp *vjp;
    int n_outputs; /* 0 is 1 */
    int n_saved;   /* other tensors than inputs and outputs that the rule needs, made by the forward */
    /* Bit i: input i's value is kept for the rule, likewise output k's. Beyond 32, TP_OP_ALL keeps all inputs. */
    uint32_t save_inputs, save_outputs;
    uint32_t optional_inputs; /* bit i: input i may be NULL */
    /* bit k: output k carries no gradient; outputs that are not floating never do */
    uint32_t no_grad_outputs;
    /* The rule is not made of taper's ops (or uses tp_op_saved() for what depends on inputs): a second derivative is
     * an error that says so, where it would be wrong. */
    bool once;
    bool saved_is_constant; /* what is saved does not depend on the inputs, as a random mask does not */
    size_t attr_size;       /* bytes at `attr` that are copied into the record, up to TP_OP_ATTR_MAX */
    void (*free_attr)(void *attr); /* releases what these bytes own, or NULL */
} tp_op_class;

/* Runs the op: its outputs into outputs[0 .. n_outputs-1], all NULL after an error, and records it if an input requires
 * grad. What `attr` owns is the op's from now on: free_attr is called once, after an error at once. Errors: TP_ERR_NULL for
 * an input that is not optional or an output not made; TP_ERR_ARGUMENT for a class that is not possible; those of the forward. */
TP_API tp_status tp_op_run(const tp_op_class *op, tp_tensors inputs, tp_tensor **outputs, const void *attr);

/* The same for an op with one output, which is returned, or NULL. */
TP_API tp_tensor *tp_op_apply(const tp_op_class *op, tp_tensors inputs, const void *attr);

/* What a rule may ask. Tensors are valid until it returns. A value that was not saved, or was changed in place since, is
 * TP_ERR_AUTOGRAD (and NULL); a number out of range TP_ERR_INDEX. */
TP_API bool tp_op_needs(const tp_op_call *call, int i);
TP_API tp_tensor *tp_op_input(tp_op_call *call, int i); /* NULL without an error if it was not given */
TP_API tp_tensor *tp_op_output(tp_op_call *call, int k);
TP_API tp_tensor *tp_op_saved(tp_op_call *call, int k);
TP_API tp_shape tp_op_input_shape(const tp_op_call *call,
                                  int i); /* of one that was saved or needs a gradient */
TP_API tp_shape tp_op_output_shape(const tp_op_call *call, int k);
TP_API const void *tp_op_attr(const tp_op_call *call);

TP_END_DECLS

#endif
