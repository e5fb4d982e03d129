/* Automatic differentiation: recording, backward, gradients as tensors, hooks, checks.
 *
 * An operation on a tensor that requires grad records a node. tp_backward() walks the nodes from the last
 * recorded to the first, adds what it finds into the leaves' gradients (tp_tensor_grad) and frees the graph
 * as it goes. Gradients add up over several walks, until tp_zero_grad(). */
#ifndef TAPER_AUTOGRAD_H
#define TAPER_AUTOGRAD_H

#include "taper/base.h"
#include "taper/shape.h"
#include "taper/status.h"

TP_BEGIN_DECLS

/* Makes a leaf (a tensor no recorded op made) take part in differentiation, or no more. Returns `t`.
 * Errors: TP_ERR_DTYPE unless F32 or F64; TP_ERR_AUTOGRAD for the result of a recorded op. */
TP_API tp_tensor *tp_set_requires_grad(tp_tensor *t, bool requires_grad);
TP_API bool tp_requires_grad(const tp_tensor *t); /* true too for results of recorded ops */
TP_API bool tp_is_leaf(const tp_tensor *t);

/* The op that made `t`, "mul"; NULL for a leaf. */
TP_API const char *tp_grad_op_name(const tp_tensor *t);

/* The gradient accumulated so far, of the shape and dtype of `t`; NULL, without an error, if there is none.
 * A later walk adds to it in place or puts a new tensor in its stead: ask again after each. */
TP_API tp_tensor *tp_tensor_grad(const tp_tensor *t);

/* The gradient of a table of embeddings, made with the option `sparse`, as the rows that were used: indices (n), I64,
 * ascending, and values (n, D); all other rows are zero. Both NULL if there is no gradient, or one that is not of this kind.
 * tp_tensor_grad() makes it a dense one for good. */
typedef struct tp_sparse_grad {
    tp_tensor *indices, *values;
} tp_sparse_grad;
TP_API tp_sparse_grad tp_tensor_sparse_grad(const tp_tensor *t);

/* Sets the gradient; NULL clears it. Errors: TP_ERR_SHAPE, TP_ERR_DTYPE, TP_ERR_ARGUMENT for `t` itself. */
TP_API tp_status tp_tensor_set_grad(tp_tensor *t, tp_tensor *grad);
TP_API void tp_zero_grad(tp_tensor *t); /* sets it to NULL */

/* Keeps the gradient of the result of a recorded op too, for tp_tensor_grad(). Returns `t`. */
TP_API tp_tensor *tp_retain_grad(tp_tensor *t);

/* The same storage, cut off from the graph. Writing to it writes to `t`. */
TP_API tp_tensor *tp_detach(tp_tensor *t);

/* Between the two, operations on this thread record nothing. They nest; the end of a scope restores the mode
 * the scope began with. Errors of _end: TP_ERR_STATE without a begin. */
TP_API void tp_no_grad_begin(void);
TP_API tp_status tp_no_grad_end(void);
TP_API bool tp_grad_enabled(void);
/* Sets the mode, and returns the one before. */
TP_API bool tp_set_grad_enabled(bool enabled);

typedef struct tp_backward_options {
    tp_tensor *grad;   /* of the shape of `t`: the gradient to start with; NULL is 1, for one element only */
    bool create_graph; /* record the walk itself, so that gradients can be differentiated again */
    bool retain_graph; /* keep the graph for another walk; create_graph implies it */
    tp_tensors inputs; /* add into the gradients of these only; empty: of all leaves */
} tp_backward_options;

/* Adds the gradient of the one-element tensor `t` with respect to every leaf that led to it into that leaf's
 * gradient, and frees the graph. A NULL `t` returns the code of the op that broke.
 * With create_graph the gradients refer to the leaves that hold them: clear them (tp_zero_grad) when done, or use tp_grad().
 * Errors: TP_ERR_SHAPE if `t` has not one element and no grad is given; TP_ERR_AUTOGRAD if `t` does not
 * require grad, the graph was walked already, a saved value was changed in place, or an op has no such
 * derivative; what a gradient rule may raise. The graph is freed then too, and leaves met before the error
 * keep their gradients as they were before the walk. */
TP_API tp_status tp_backward(tp_tensor *t);
TP_API tp_status tp_backward_with(tp_tensor *t, tp_backward_options options);

typedef struct tp_grad_options {
    bool create_graph;
    bool retain_graph;
    bool allow_unused; /* zeros, instead of an error, for an input that the outputs do not depend on */
} tp_grad_options;

/* The gradients of `outputs` with respect to `inputs`, as tensors, leaving every tp_tensor_grad() alone:
 *     grads[i] = sum_k d outputs[k] / d inputs[i] * grad_outputs[k]
 * `grad_outputs` has one element an output, each of its output's shape (NULL: 1, for a one-element output);
 * an empty list means all NULL. `grads` has room for inputs.count pointers; all NULL after an error. The results belong to the current
 * scope. Inputs may be leaves or results. Errors: as tp_backward_with(); TP_ERR_AUTOGRAD for an input that
 * does not require grad or that the outputs do not depend on. */
TP_API tp_status tp_grad(tp_tensors outputs, tp_tensors inputs, tp_tensors grad_outputs, tp_tensor **grads,
                         tp_grad_options options);

/* A function called with the gradient of a tensor once a walk has it complete. It may return NULL to leave it,
 * or another tensor of the same shape and dtype in its place; a failure is told by tp_error_set() and NULL.
 * It must not change the gradient in place, nor walk the graph it belongs to. */
typedef tp_tensor *tp_hook_fn(tp_tensor *grad, void *context);

/* Registers a hook. A tensor's run in the order of registration; leaves come in the order in which the walk met them.
 * Returns a number for tp_remove_hook(), or -1. `free_context` (or NULL) is called with `context` when the hook goes.
 * Errors: TP_ERR_AUTOGRAD if `t` does not require grad. */
TP_API int tp_register_hook(tp_tensor *t, tp_hook_fn *hook, void *context, void (*free_context)(void *));
TP_API tp_status tp_remove_hook(tp_tensor *t, int id);

/* A function called after a walk of tp_backward() has added to the gradient of a leaf, once a walk. It may step an
 * optimizer for this one parameter and clear the gradient (tp_zero_grad), so that memory goes leaf by leaf. An
 * error that it returns is what tp_backward() returns; the gradients of all leaves have been delivered by then, and the
 * hooks that were still to come are not run. It must not walk the graph it was called from. */
typedef tp_status tp_accumulate_hook_fn(tp_tensor *leaf, void *context);

/* Registers one, as tp_register_hook() does; tp_remove_hook() removes it. Leaves come in the order in which the walk met
 * them. Errors: TP_ERR_AUTOGRAD unless `leaf` is one that requires grad. Source: Tensor.register_post_accumulate_grad_hook. */
TP_API int tp_register_post_accumulate_hook(tp_tensor *leaf, tp_accumulate_hook_fn *hook, void *context,
                                            void (*free_context)(void *));

/* With anomaly mode on (this thread), a walk stops with TP_ERR_NUMERIC at the op whose gradient first held a NaN or infinite value:
 * the message names it, the element, and the label under which it was recorded.
 * With the check for NaN on, so does an op that is recorded and makes a NaN. Both read every value. Source:
 * torch.autograd.detect_anomaly. */
TP_API void tp_set_anomaly_mode(bool on);
TP_API void tp_set_nan_check(bool on);

/* Names the part of the program, "encoder", whose ops this thread records from now on; NULL is none. Returns the label before,
 * and the end of a scope puts back the one it began with. The text must outlive the graph: normally a literal.
 * What a rule or a checkpoint records goes under the label of the op it belongs to. */
TP_API const char *tp_set_label(const char *label);

/* The label of the op that made `t`; NULL if there is none. */
TP_API const char *tp_grad_label(const tp_tensor *t);

/* A function of `inputs`, whose results go to outputs[0 .. n_outputs-1]; `outputs` has room for
 * TP_FUNCTION_MAX_OUTPUTS. Returns their number, or -1 after an error. */
#define TP_FUNCTION_MAX_OUTPUTS 16
typedef int tp_function(tp_tensors inputs, tp_tensor **outputs, void *context);

typedef struct tp_gradcheck_options {
    double eps;        /* step of the central differences; 0 is 1e-6 */
    double atol, rtol; /* 0 is 1e-5 and 1e-3: |analytic - numeric| <= atol + rtol * |numeric| */
    /* accept gradients that are zero everywhere, otherwise an error: a check of zeros shows nothing */
    bool allow_zero;
    /* one projection on random directions for each pair of output and input, in place of every element */
    bool fast;
    double nondet_tol; /* how far the gradients of two walks over the same graph may differ; 0: not at all */
} tp_gradcheck_options;

/* Compares the gradients of `f` at `inputs` (F64, contiguous or not) with central differences, for every input that
 * requires grad, every output and every element. TP_OK, or TP_ERR_GRADCHECK with a message that gives the worst element:
 * output, input, index, analytic and numeric value. Other errors: TP_ERR_DTYPE for an input that requires grad
 * and is not F64, TP_ERR_ARGUMENT when none does, and those of `f`. The values of the inputs are perturbed
 * and restored. With .fast two calls of `f` an input and one walk a pair do, and the message names the pair alone: for
 * large inputs, and less sharp, since one wrong element among many may stay below the tolerance of them all.
 * Source: torch.autograd.gradcheck. */
TP_API tp_status tp_gradcheck(tp_function *f, void *context, tp_tensors inputs, tp_gradcheck_options options);

/* The same for the gradient: checks the derivative of (inputs, grad_outputs) -> gradients, with random
 * grad_outputs drawn from a fixed seed. Source: torch.autograd.gradgradcheck. */
TP_API tp_status tp_gradgradcheck(tp_function *f, void *context, tp_tensors inputs,
                                  tp_gradcheck_options options);

TP_END_DECLS

#endif
