/* Derivatives of functions: Jacobians, Hessians, and their products with vectors. And tp_checkpoint(), which runs
 * a function again rather than keep what its gradient needs.
 *
 * `f` is a tp_function (autograd.h): it makes its outputs from the tensors it is given. Each function but the last calls it
 * once, on inputs cut off from their history, and walks what it recorded; no gradient of any tensor changes. Other
 * tensors that `f` uses count as constants.
 *
 * Inputs are F32 or F64 and need not require grad. Results belong to the current scope; result arrays are all
 * NULL after an error. Errors of all of them: TP_ERR_DTYPE for an input that is not floating; TP_ERR_ARGUMENT when `f` makes
 * another number of outputs than was said; those of `f` and of its ops' rules. Source: torch.autograd.functional. */
#ifndef TAPER_FUNCTIONAL_H
#define TAPER_FUNCTIONAL_H

#include "taper/autograd.h"

TP_BEGIN_DECLS

typedef struct tp_functional_options {
    bool create_graph; /* the results are recorded: they can be differentiated by inputs that require grad */
    bool strict; /* an output that does not depend on an input is TP_ERR_AUTOGRAD; otherwise it gives zeros */
    /* tp_jacobian: dim 0 of all inputs and outputs is a batch whose samples do not see one another */
    bool batched;
} tp_functional_options;

/* The Jacobians of `n_outputs` outputs:
 *     jacobians[k * inputs.count + i] = d output k / d input i, of shape (*output k, *input i)
 * of the input's dtype; row by row, one walk for each element of each output, so that a function with few
 * outputs is cheap, whatever its inputs. With .batched the walk for an element serves all samples of the batch at once,
 * and the shape is (B, *output, *input), of one sample each. Errors: TP_ERR_SHAPE for more than 8 dims.
 * torch.autograd.functional.jacobian; .batched is what torch.func.vmap(jacrev(f)) gives. */
TP_API tp_status tp_jacobian(tp_function *f, void *context, tp_tensors inputs, int n_outputs,
                             tp_tensor **jacobians, tp_functional_options options);

/* The second derivatives of a function with one output of one element, in blocks:
 *     hessians[i * inputs.count + j] = d^2 f / d input i d input j, of shape (*input i, *input j)
 * One walk to the gradient and one more for each of its elements. torch.autograd.functional.hessian. */
TP_API tp_status tp_hessian(tp_function *f, void *context, tp_tensors inputs, tp_tensor **hessians,
                            tp_functional_options options);

/* v^T J: vjps[i] = sum_k v_k * d output k / d input i, of the shape of input i. `v` has one tensor of its shape for each output;
 * for one output of one element it may be empty (a 1). outputs[0 .. max(v.count, 1)-1] receive what `f` made, unless
 * NULL. One walk. torch.autograd.functional.vjp. */
TP_API tp_status tp_vjp(tp_function *f, void *context, tp_tensors inputs, tp_tensors v, tp_tensor **outputs,
                        tp_tensor **vjps, tp_functional_options options);

/* J v: jvps[k] = sum_i d output k / d input i * v_i, of the shape of output k. `v` has one tensor of its shape for each
 * input; for one input of one element it may be empty (a 1). outputs[0 .. n_outputs-1] receive what `f` made, unless NULL.
 * v^T J is linear in v, and J v its derivative by v: two walks, and every op on the way must be differentiable twice.
 * torch.autograd.functional.jvp. */
TP_API tp_status tp_jvp(tp_function *f, void *context, tp_tensors inputs, tp_tensors v, int n_outputs,
                        tp_tensor **outputs, tp_tensor **jvps, tp_functional_options options);

/* v^T H, which is H v where the second derivatives are continuous, for a function with one output of one element:
 * hvps[i] of the shape of input i; `v` as for tp_jvp(). *output receives what `f` made, unless NULL. It is
 * the gradient of the gradient's product with v: two walks. torch.autograd.functional.vhp, and hvp where H is symmetric. */
TP_API tp_status tp_hvp(tp_function *f, void *context, tp_tensors inputs, tp_tensors v, tp_tensor **output,
                        tp_tensor **hvps, tp_functional_options options);

typedef struct tp_checkpoint_options {
    bool no_preserve_rng;                /* the second run draws new random numbers */
    void (*free_context)(void *context); /* called with `context` when it is no longer needed, or NULL */
} tp_checkpoint_options;

/* Runs f without keeping what its gradient needs, and runs it again when a walk comes by: memory for time. Of the
 * call the graph holds the inputs alone. outputs[0 .. n_outputs-1] belong to the current scope, all NULL after an error.
 *
 * `inputs` are all that `f` uses and that may require grad: activations, and parameters too, tp_module_parameters().
 * f makes its outputs from the tensors it is given; a leaf is given as itself, so f may also run a module
 * that owns it. What is missing from the list is found at the walk: TP_ERR_AUTOGRAD in place of a missing gradient.
 * With no input that requires grad nothing is recorded, and f runs once.
 *
 * f must do the same both times and change no input. It runs with the thread's default generator at the same
 * state, which is put back: a dropout has the same mask (a generator of one's own is not looked after). Statistics of
 * batch norms in it are updated twice. Gradients are the same bits as without, unless an input is used inside and
 * outside, when the sum may be rounded in another order. Checkpoints nest, and differentiate twice if the ops in
 * them do. `context` must live until the graph is gone (see .free_context, which is called after an error, too).
 * Errors: TP_ERR_ARGUMENT for another number of outputs; TP_ERR_ALIAS for a changed input; at the walk TP_ERR_STATE for
 * outputs of other shapes than at first, and those of f. Source: torch.utils.checkpoint. */
TP_API tp_status tp_checkpoint(tp_function *f, void *context, tp_tensors inputs, int n_outputs,
                               tp_tensor **outputs, tp_checkpoint_options options);

TP_END_DECLS

#endif
