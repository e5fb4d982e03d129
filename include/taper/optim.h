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
    /* of a gradient in rows (tp_tensor_sparse_grad()): the other rows, and their m and v, stay as they are; without
     * weight decay and amsgrad only. torch.optim.SparseAdam */
    bool lazy;
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

typedef struct tp_nadam_options {
    double beta1, beta2, eps;    /* as Adam's */
    double weight_decay;         /* default 0 */
    double momentum_decay;       /* 0 is 0.004, TP_ZERO is 0 */
    bool decoupled_weight_decay; /* as AdamW's, instead of adding weight_decay p to g */
    bool maximize;               /* go up instead of down */
} tp_nadam_options;

/* Adam with Nesterov momentum. m, v and d as Adam's, mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2):
 *     p = p - lr ((1 - mu_t) / (1 - prod_{i <= t} mu_i) d + mu_{t+1} / (1 - prod_{i <= t+1} mu_i) m)
 *             / (sqrt(v / (1 - beta2^t)) + eps)
 * Source: Dozat 2016; torch.optim.NAdam, whose lr is 2e-3. */
TP_API tp_optim *tp_optim_nadam(tp_tensors params, double lr, tp_nadam_options options);

typedef struct tp_radam_options {
    double beta1, beta2, eps;    /* as Adam's */
    double weight_decay;         /* default 0 */
    bool decoupled_weight_decay; /* as AdamW's, instead of adding weight_decay p to g */
    bool maximize;               /* go up instead of down */
} tp_radam_options;

/* Rectified Adam: as Adam, with v used only from the step on where its variance is tractable, and the step then multiplied by
 *     r = sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t)),
 * rho = 2 / (1 - beta2) - 1, rho_t = rho - 2 t beta2^t / (1 - beta2^t) > 5. Before that p = p - lr m / (1 - beta1^t).
 * eps is added to sqrt(v), not to sqrt(v / (1 - beta2^t)), as in PyTorch.
 * Source: Liu et al. 2020; torch.optim.RAdam. */
TP_API tp_optim *tp_optim_radam(tp_tensors params, double lr, tp_radam_options options);

typedef struct tp_rmsprop_options {
    double alpha;        /* 0 is 0.99, TP_ZERO is 0 */
    double eps;          /* 0 is 1e-8, TP_ZERO is 0 */
    double weight_decay; /* default 0 */
    double momentum;     /* not negative, default 0 */
    bool centered;       /* divide by the standard deviation, not by the root of the mean square */
    bool maximize;       /* go up instead of down */
} tp_rmsprop_options;

/* RMSprop.
 *     d = g + weight_decay p                               (-g to maximize)
 *     v = alpha v + (1 - alpha) d^2
 *     a = alpha a + (1 - alpha) d                          only if centered
 *     u = d / (sqrt(v - a^2) + eps)                        (without a^2 if not centered)
 *     b = momentum b + u                                   only with a momentum
 *     p = p - lr b                                         (or u)
 * Source: Hinton, lecture 6 of Neural Networks for Machine Learning, 2012; torch.optim.RMSprop, whose lr is 1e-2. */
TP_API tp_optim *tp_optim_rmsprop(tp_tensors params, double lr, tp_rmsprop_options options);

typedef struct tp_adagrad_options {
    double lr_decay;                  /* not negative, default 0 */
    double weight_decay;              /* default 0 */
    double initial_accumulator_value; /* of s; not negative, default 0 */
    double eps;                       /* 0 is 1e-10, TP_ZERO is 0 */
    bool maximize;                    /* go up instead of down */
} tp_adagrad_options;

/* Adagrad. t counts the steps from 1.
 *     d = g + weight_decay p                               (-g to maximize)
 *     s = s + d^2
 *     p = p - lr / (1 + (t - 1) lr_decay) d / (sqrt(s) + eps)
 * Source: Duchi et al. 2011; torch.optim.Adagrad, whose lr is 1e-2. */
TP_API tp_optim *tp_optim_adagrad(tp_tensors params, double lr, tp_adagrad_options options);

typedef struct tp_muon_options {
    double momentum;           /* 0 is 0.95, TP_ZERO is 0 */
    double weight_decay;       /* decoupled; 0 is 0.1, TP_ZERO is 0 */
    double eps;                /* the least norm that is divided by; 0 is 1e-7, TP_ZERO is 0 */
    double ns_coefficients[3]; /* a, b, c; all 0 is 3.4445, -4.775, 2.0315 */
    int ns_steps;              /* 1 to 99; 0 is 5 */
    bool no_nesterov;
    bool match_rms_adamw; /* scale steps as those of AdamW are, for its learning rate and weight decay */
} tp_muon_options;

/* Momentum, orthogonalized by Newton-Schulz iterations. For matrices (m, n) only, the weights of hidden layers; biases, embeddings
 * and the last layer are for AdamW.
 *     b = b + (1 - momentum) (g - b)
 *     x = g + momentum (b - g)                             (b without Nesterov)
 *     x = x / max(|x|, eps), Frobenius norm
 *     x = a x + (b x x^T + c (x x^T)^2) x                  ns_steps times, on the side that is smaller
 *     p = p (1 - lr weight_decay) - lr sqrt(max(1, m / n)) x    (0.2 sqrt(max(m, n)) to match AdamW)
 * In the parameters' precision, where PyTorch iterates in bfloat16. Errors: TP_ERR_SHAPE for a parameter that is no matrix.
 * Source: Jordan et al. 2024; torch.optim.Muon. */
TP_API tp_optim *tp_optim_muon(tp_tensors params, double lr, tp_muon_options options);

typedef struct tp_lbfgs_options {
    int max_iter; /* iterations a step; 0 is 20 */
    int max_eval; /* evaluations of the loss a step; 0 is max_iter * 5 / 4 */
    /* the largest element of the gradient that counts as none; 0 is 1e-7, TP_ZERO is 0 */
    double tolerance_grad;
    /* the least change of loss and parameters to go on for; 0 is 1e-9, TP_ZERO is 0 */
    double tolerance_change;
    int history_size;  /* pairs of vectors of all parameters' size that are kept; 0 is 100 */
    bool strong_wolfe; /* search along each direction; else go lr far */
} tp_lbfgs_options;

/* L-BFGS: whole steps of a quasi-Newton method, for a loss that is not random. tp_optim_step_closure() takes a step, of several
 * iterations, that evaluates the loss as often as it needs. All parameters have one dtype and belong to the one group, without
 * weight decay; those without a gradient count as having zeros. Errors: TP_ERR_DTYPE for parameters of two dtypes.
 * Source: Liu and Nocedal 1989; torch.optim.LBFGS, whose lr is 1. */
TP_API tp_optim *tp_optim_lbfgs(tp_tensors params, double lr, tp_lbfgs_options options);

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

/* A loss as a function: builds and returns a one-element tensor that depends on the parameters. */
typedef tp_tensor *tp_loss_fn(void *context);

/* Clears the gradients, computes the loss and its gradients by tp_backward(), and takes a step: what L-BFGS needs, and the
 * whole of a training step with the others. `value`, if not NULL, gets the loss as it was before the step, NaN after an error.
 * L-BFGS evaluates the loss several times, with recording on; after an error parameters and state are as before.
 * Errors: those of the loss, of tp_backward() and of tp_optim_step(); TP_ERR_NULL. */
TP_API tp_status tp_optim_step_closure(tp_optim *optim, tp_loss_fn *loss, void *context, double *value);

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
 * Errors: TP_ERR_STATE for L-BFGS, which has no such form; TP_ERR_ARGUMENT for lists of another length, TP_ERR_SHAPE, TP_ERR_DTYPE; those of the ops. */
TP_API tp_status tp_optim_step_functional(const tp_optim *optim, tp_tensors params, tp_tensors grads,
                                          tp_tensors state, tp_tensor *lr, tp_tensor **new_params,
                                          tp_tensor **new_state);

/* State. */

/* The number of state tensors a parameter, with PyTorch's names: -1 after an error.
 *     SGD      momentum_buffer, only with a momentum          RAdam    step, exp_avg, exp_avg_sq
 *     Adam     step, exp_avg, exp_avg_sq,                     RMSprop  step, square_avg, momentum_buffer with a momentum,
 *              with amsgrad max_exp_avg_sq                             grad_avg if centered
 *     NAdam    step, mu_product, exp_avg, exp_avg_sq          Adagrad  step, sum
 *     Muon     momentum_buffer                                L-BFGS   0: it has one state for all, under parameter 0 */
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
