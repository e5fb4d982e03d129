/* Around an optimizer's step: learning-rate schedules, clipping of gradients, averages of weights.
 *
 *     tp_lr *parts[] = {tp_lr_linear(opt, 0.1, 1, 5), tp_lr_cosine(opt, 95, 0)};
 *     tp_lr *schedule = tp_lr_sequential(parts, 2, (const int64_t[]){5});
 *     for (int epoch = 0; epoch < 100; epoch++) {
 *         ... tp_backward(loss); tp_clip_grad_norm(params, 1, (tp_clip_options){0}); tp_optim_step(opt); ...
 *         tp_lr_next(schedule);
 *     }
 *     tp_lr_free(schedule);
 *     tp_optim_free(opt);
 *
 * A schedule is attached to an optimizer, which must live longer, and sets the learning rates of the groups that the optimizer has
 * when the schedule is made. The base rate of a group is its rate when the first schedule was made for it, or what
 * tp_optim_set_lr() has set since. t counts the calls of tp_lr_next(). Values are PyTorch's; schedules multiply the current rate as
 * PyTorch's do, so that several of one optimizer act together. */
#ifndef TAPER_LR_H
#define TAPER_LR_H

#include "taper/base.h"
#include "taper/module.h"
#include "taper/optim.h"
#include "taper/status.h"

TP_BEGIN_DECLS

typedef struct tp_lr tp_lr;

/* The constructors set the first rates at once. Each result is to be freed with tp_lr_free(), before the optimizer. Errors common to
 * all: TP_ERR_NULL; TP_ERR_ARGUMENT for a number out of its range; TP_ERR_MEMORY. After an error the rates are as before. */

/* base gamma^floor(t / step_size). gamma is finite and not negative. Source: torch.optim.lr_scheduler.StepLR. */
TP_API tp_lr *tp_lr_step(tp_optim *optim, int64_t step_size, double gamma);

/* base gamma^(number of milestones <= t). The milestones ascend and may repeat. Source: MultiStepLR. */
TP_API tp_lr *tp_lr_multi_step(tp_optim *optim, const int64_t *milestones, int count, double gamma);

/* base gamma^t. Source: ExponentialLR. */
TP_API tp_lr *tp_lr_exponential(tp_optim *optim, double gamma);

/* eta_min + (base - eta_min) (1 + cos(pi t / t_max)) / 2. Source: CosineAnnealingLR. */
TP_API tp_lr *tp_lr_cosine(tp_optim *optim, int64_t t_max, double eta_min);

/* The same over t_0 steps, then again from the base over t_0 t_mult, t_0 t_mult^2 ... steps.
 * Source: Loshchilov and Hutter 2017; CosineAnnealingWarmRestarts. */
TP_API tp_lr *tp_lr_cosine_restarts(tp_optim *optim, int64_t t_0, int64_t t_mult, double eta_min);

/* base times a factor that goes from `start`, in (0, 1], to `end`, in [0, 1], in total_iters steps and stays: a warm-up.
 * Source: LinearLR. */
TP_API tp_lr *tp_lr_linear(tp_optim *optim, double start, double end, int64_t total_iters);

typedef struct tp_one_cycle_options {
    double pct_start;  /* share of the steps that the rate rises in; 0 is 0.3, TP_ZERO is 0; in [0, 1] */
    bool linear;       /* straight instead of along a cosine */
    bool three_phase;  /* fall to the initial rate as fast as it rose, then to the least */
    double div_factor; /* initial rate = max_lr / div_factor; 0 is 25 */
    double final_div_factor; /* least rate = initial rate / final_div_factor; 0 is 1e4 */
    bool no_cycle_momentum;
    double base_momentum, max_momentum; /* in (0, 1); 0 is 0.85 and 0.95 */
} tp_one_cycle_options;

/* From max_lr / div_factor up to max_lr and down to almost 0 within total_steps. The initial rate becomes the base rate of all groups.
 * Meanwhile the momentum (beta1 of Adam and its like) goes from max_momentum to base_momentum and back; an optimizer that was made
 * without a momentum keeps none. More than total_steps calls of tp_lr_next() are TP_ERR_STATE; the last of them stays at the least rate,
 * where PyTorch's goes past it. Source: Smith and Topin 2018; OneCycleLR. */
TP_API tp_lr *tp_lr_one_cycle(tp_optim *optim, double max_lr, int64_t total_steps,
                              tp_one_cycle_options options);

typedef struct tp_plateau_options {
    bool maximize;         /* the larger the metric the better */
    double factor;         /* in [0, 1); 0 is 0.1, TP_ZERO is 0 */
    int patience;          /* reports without improvement that are borne; 0 is 10, -1 is none */
    double threshold;      /* what counts as an improvement; 0 is 1e-4, TP_ZERO is 0 */
    bool absolute;         /* the threshold is a difference, not a share of the best */
    int cooldown;          /* reports after a reduction in which nothing is counted */
    double min_lr;         /* of all groups */
    const double *min_lrs; /* or one for each group; read by the constructor */
    double eps;            /* smaller changes of a rate are left out; 0 is 1e-8, TP_ZERO is 0 */
} tp_plateau_options;

/* Multiplies the rates by `factor` when a metric, told by tp_lr_report(), has not improved for more than `patience` reports. NaN is no
 * improvement. Source: ReduceLROnPlateau. */
TP_API tp_lr *tp_lr_plateau(tp_optim *optim, tp_plateau_options options);

/* One after the other: parts[i + 1] begins, from the base rates, at t = milestones[i], of which there are count - 1, positive and
 * ascending. Takes the parts over, also after an error, when they are freed. Errors: TP_ERR_ARGUMENT also for parts of different optimizers,
 * a part taken over before, or a plateau. Source: SequentialLR. */
TP_API tp_lr *tp_lr_sequential(tp_lr *const *parts, int count, const int64_t *milestones);

/* All at once: each part changes what the one before it has left. Parts and errors as above. Source: ChainedScheduler. */
TP_API tp_lr *tp_lr_chained(tp_lr *const *parts, int count);

TP_API void tp_lr_free(tp_lr *lr); /* NULL does nothing; the rates stay as they are */

/* Goes on by one and sets the rates: PyTorch's step(). Errors: TP_ERR_NULL; TP_ERR_STATE for a plateau, which needs tp_lr_report(), and
 * past the end of a one-cycle schedule. Nothing is changed after an error. */
TP_API tp_status tp_lr_next(tp_lr *lr);

/* The same for a plateau, with the metric that it watches; the other schedules do not look at it. */
TP_API tp_status tp_lr_report(tp_lr *lr, double metric);

/* Where the schedule is, with the optimizer's rates, to be saved beside tp_optim_state(): one tensor "schedule", F64, the schedule's
 * own, valid until the next call with it. After an error: count 0. Errors: TP_ERR_NULL, TP_ERR_MEMORY. */
TP_API tp_named_tensors tp_lr_state(tp_lr *lr);

/* Goes on from such a state of a schedule made in the same way, and sets the rates. Nothing is changed after an error. Errors:
 * TP_ERR_ARGUMENT for another name or numbers that no schedule has; TP_ERR_SHAPE for the state of another kind of schedule;
 * TP_ERR_DTYPE; TP_ERR_NULL. */
TP_API tp_status tp_lr_load_state(tp_lr *lr, tp_named_tensors state);

/* Clipping of gradients. Parameters without a gradient are passed over. */

typedef struct tp_clip_options {
    double norm_type; /* positive, INFINITY for the largest element; 0 is 2 */
    bool error_if_nonfinite;
} tp_clip_options;

/* Multiplies the gradients of `params` by max_norm / (norm + 1e-6) where that is below 1, norm being that of all their elements together,
 * and returns the norm as it was; 0 without gradients. A norm that is NaN makes all gradients NaN; an infinite one, 0 (NaN where they are
 * infinite). The same bits at any number of threads. NaN after an error. Errors: TP_ERR_NULL; TP_ERR_ARGUMENT for a max_norm that is
 * negative or NaN, or a norm_type that is not positive; TP_ERR_STATE for a norm that is not finite, if asked for; TP_ERR_MEMORY.
 * Source: torch.nn.utils.clip_grad_norm_. */
TP_API double tp_clip_grad_norm(tp_tensors params, double max_norm, tp_clip_options options);

/* Brings every element of the gradients into [-value, value]. NaN stays NaN. Errors: TP_ERR_NULL; TP_ERR_ARGUMENT for a value that is
 * negative or NaN; TP_ERR_MEMORY. Source: torch.nn.utils.clip_grad_value_. */
TP_API tp_status tp_clip_grad_value(tp_tensors params, double value);

/* Exponential moving averages of weights. */

typedef struct tp_ema tp_ema;

typedef struct tp_ema_options {
    /* the decay of update n, from 0, is min(decay, (1 + n) / (10 + n)), so that averages forget the start sooner */
    bool warmup;
} tp_ema_options;

/* Averages of `params`, which it holds, with the values they have now; to be freed with tp_ema_free(). decay is in [0, 1].
 *     a = decay a + (1 - decay) p          at every tp_ema_update(); at the first a = p
 * Errors: TP_ERR_NULL; TP_ERR_ARGUMENT for an empty list, a parameter that is not packed, or a decay out of range; TP_ERR_DTYPE unless F32
 * or F64; TP_ERR_MEMORY. Source: torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn(). */
TP_API tp_ema *tp_ema_new(tp_tensors params, double decay, tp_ema_options options);
TP_API void tp_ema_free(tp_ema *ema); /* NULL does nothing; weights that are swapped stay so */

/* Takes the parameters' present values into the averages. Errors: TP_ERR_NULL; TP_ERR_STATE while swapped. */
TP_API tp_status tp_ema_update(tp_ema *ema);

/* Exchanges averages and parameters: called before an evaluation, and again after it. Errors: TP_ERR_NULL. */
TP_API tp_status tp_ema_swap(tp_ema *ema);
TP_API bool tp_ema_swapped(const tp_ema *ema); /* false after an error */

/* Writes the averages into the parameters, for good. Errors: TP_ERR_NULL; TP_ERR_STATE while swapped. */
TP_API tp_status tp_ema_copy_to(tp_ema *ema);

/* The averages, "0", "1", ... in the order of the parameters, and "n_averaged", the number of updates (0-d I64). Tensors and list are the
 * object's own, the list valid until it is freed. After an error, such as TP_ERR_STATE while swapped: count 0. */
TP_API tp_named_tensors tp_ema_state(tp_ema *ema);

/* Copies such a list, complete and in any order, into the averages. Nothing is changed after an error. Errors: TP_ERR_NULL; TP_ERR_STATE
 * while swapped; TP_ERR_ARGUMENT for an unknown, repeated or missing name; TP_ERR_SHAPE; TP_ERR_DTYPE. */
TP_API tp_status tp_ema_load_state(tp_ema *ema, tp_named_tensors state);

TP_END_DECLS

#endif
