/* Optimizers: change parameters along their gradients.
 *
 *     tp_optim *opt = tp_optim_adam(tp_module_parameters(net), 1e-3, (tp_adam_options){0});
 *     ...
 *     tp_optim_zero_grad(opt);
 *     tp_status st = tp_backward(loss);
 *     if (st == TP_OK) st = tp_optim_step(opt);
 *     ...
 *     tp_optim_free(opt);
 *
 * An optimizer holds references to its parameters, not to the module: the two are freed in any order.
 * Formulas and defaults are PyTorch's; g is the gradient, p the parameter. Each parameter counts its own
 * steps. */
#ifndef TAPER_OPTIM_H
#define TAPER_OPTIM_H

#include "taper/base.h"
#include "taper/module.h"
#include "taper/shape.h"
#include "taper/status.h"

TP_BEGIN_DECLS

typedef struct tp_optim tp_optim;

/* The constructors. `lr`, the learning rate, is literal: 0 is zero. The result is to be freed with
 * tp_optim_free(). Errors common to all: TP_ERR_NULL for a NULL parameter; TP_ERR_ARGUMENT for an empty list,
 * a parameter listed twice or not packed, a negative or not finite lr, an option out of range; TP_ERR_ALIAS
 * for parameters that share memory; TP_ERR_AUTOGRAD for the result of a recorded op (only leaves are
 * optimized); TP_ERR_DTYPE unless F32 or F64; TP_ERR_MEMORY. */

typedef struct tp_sgd_options {
    double momentum;     /* not negative, default 0 */
    double dampening;    /* of the gradient's share in the momentum buffer, default 0 */
    double weight_decay; /* default 0 */
    bool nesterov;       /* needs a momentum, and no dampening */
    bool maximize;       /* go up instead of down */
} tp_sgd_options;

/* Stochastic gradient descent.
 *     d = g + weight_decay p                               (-g to maximize)
 *     b = momentum b + (1 - dampening) d                   at the first step b = d; only with a momentum
 *     p = p - lr (nesterov ? d + momentum b : b)
 * Source: torch.optim.SGD. */
TP_API tp_optim *tp_optim_sgd(tp_tensors params, double lr, tp_sgd_options options);

typedef struct tp_adam_options {
    double beta1;        /* 0 is 0.9, TP_ZERO is 0; in [0, 1) */
    double beta2;        /* 0 is 0.999, TP_ZERO is 0; in [0, 1) */
    double eps;          /* 0 is 1e-8, TP_ZERO is 0 */
    double weight_decay; /* 0 is 0 for Adam, and 0.01 for AdamW, where TP_ZERO is 0 */
    bool amsgrad;        /* divide by the largest v so far */
    bool maximize;       /* go up instead of down */
} tp_adam_options;

/* Adam. t counts the steps from 1.
 *     d = g + weight_decay p                               (-g to maximize)
 *     m = beta1 m + (1 - beta1) d
 *     v = beta2 v + (1 - beta2) d^2
 *     p = p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
 * Source: Kingma and Ba 2015; torch.optim.Adam. */
TP_API tp_optim *tp_optim_adam(tp_tensors params, double lr, tp_adam_options options);

/* Adam with decoupled weight decay: d = g, and p is first multiplied by 1 - lr weight_decay.
 * Source: Loshchilov and Hutter 2019; torch.optim.AdamW. */
TP_API tp_optim *tp_optim_adamw(tp_tensors params, double lr, tp_adam_options options);

/* NULL does nothing. */
TP_API void tp_optim_free(tp_optim *optim);

/* Groups: parameters with a learning rate and a weight decay of their own. Group 0 is the constructor's. */

typedef struct tp_group_options {
    double lr;           /* 0 is that of group 0, TP_ZERO is 0 */
    double weight_decay; /* 0 is that of group 0, TP_ZERO is 0 */
} tp_group_options;

/* Adds a group and returns its number, -1 after an error. Errors: as the constructors', over all groups. */
TP_API int tp_optim_add_group(tp_optim *optim, tp_tensors params, tp_group_options options);
TP_API int tp_optim_group_count(const tp_optim *optim); /* -1 after an error */

/* Learning rate and weight decay of a group; setting with group -1 sets all groups. Getters return NaN after
 * an error. Errors: TP_ERR_INDEX for a group that is not there; TP_ERR_ARGUMENT for a negative or not finite
 * value. */
TP_API double tp_optim_lr(const tp_optim *optim, int group);
TP_API tp_status tp_optim_set_lr(tp_optim *optim, int group, double lr);
TP_API double tp_optim_weight_decay(const tp_optim *optim, int group);
TP_API tp_status tp_optim_set_weight_decay(tp_optim *optim, int group, double weight_decay);

/* All parameters, group after group: the optimizer's own list, valid until a group is added. */
TP_API tp_tensors tp_optim_parameters(const tp_optim *optim);

/* Training. */

/* Takes a step of all parameters that have a gradient, in place and unrecorded; the others, and their state,
 * stay as they are. An error means that nothing was changed. The same bits at any number of threads. Errors:
 * TP_ERR_MEMORY. */
TP_API tp_status tp_optim_step(tp_optim *optim);

/* Clears the gradients of all parameters. */
TP_API tp_status tp_optim_zero_grad(tp_optim *optim);

/* The step as a differentiable function, for learning through it: nothing is changed. The lists have one
 * entry for each of the optimizer's parameters, in order:
 *     params, grads   of the parameters' shapes; a NULL gradient leaves its parameter and state as they are
 *     state           tp_optim_state_size() tensors a parameter, side by side; NULL where it has not begun;
 *     an empty list
 *                     means that none has. What an earlier call gave is passed on.
 *     lr              0-d, for all groups; NULL: each group's own
 *     new_params      room for the results, all NULL after an error
 *     new_state       likewise; NULL if it is not wanted. Both may be the very arrays that params and state
 *     list.
 * Values are those of tp_optim_step() up to rounding. Steps are counted in a 0-d F64 state tensor.
 * Errors: TP_ERR_ARGUMENT for lists of another length, TP_ERR_SHAPE, TP_ERR_DTYPE; those of the ops. */
TP_API tp_status tp_optim_step_functional(const tp_optim *optim, tp_tensors params, tp_tensors grads,
                                          tp_tensors state, tp_tensor *lr, tp_tensor **new_params,
                                          tp_tensor **new_state);

/* State. */

/* The number of state tensors a parameter: with momentum 1 for SGD (momentum_buffer), else 0; 3 for Adam
 * (step, exp_avg, exp_avg_sq), with amsgrad 4 (max_exp_avg_sq). -1 after an error. */
TP_API int tp_optim_state_size(const tp_optim *optim);

/* The state of all parameters that have taken a step, named by their number over all groups and PyTorch's
 * name: "0.exp_avg". The tensors are the optimizer's own; the list is valid until the next call with this
 * optimizer. After an error: count 0. */
TP_API tp_named_tensors tp_optim_state(tp_optim *optim);

/* Copies such a list into the optimizer, converting between F32 and F64; parameters of which it has nothing
 * are as before their first step. Nothing is changed unless all of it can be. Errors: TP_ERR_ARGUMENT for an
 * unknown name, one given twice, or a parameter with only a part of its state; TP_ERR_SHAPE; TP_ERR_DTYPE;
 * TP_ERR_NULL; TP_ERR_MEMORY. */
TP_API tp_status tp_optim_load_state(tp_optim *optim, tp_named_tensors state);

TP_END_DECLS

#endif
