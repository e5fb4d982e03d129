/* What the files of this room share. */
#ifndef TP__OPTIM_OPTIM_H
#define TP__OPTIM_OPTIM_H

#include <math.h>

#include "core/tensor.h"
#include "kernels/optim.h"
#include "taper/creation.h"
#include "taper/optim.h"
#include "taper/tensor.h"

/* State tensors a parameter has at most, and how many of them are numbers. */
#define TP__OPTIM_STATES 4
#define TP__OPTIM_SCALARS 2

typedef struct tp__optim_group {
    double lr, weight_decay;
    double base_lr; /* what schedules start from, once there has been one */
    bool has_base;
} tp__optim_group;

typedef struct tp__optim_param {
    tp_tensor *tensor;
    int group;
    bool begun; /* has taken a step; before that its state is as good as NULL */
    tp_tensor *state[TP__OPTIM_STATES];
} tp__optim_param;

/* The options with their defaults filled in; each rule reads its own. */
typedef struct tp__optim_hyper {
    double momentum, dampening, beta1, beta2, eps, momentum_decay, alpha, lr_decay;
    double coefficients[3];
    int iterations;
    bool nesterov, amsgrad, maximize, decoupled, centered, match_adamw, lazy;
} tp__optim_hyper;

/* One parameter's share of a step under way. */
typedef struct tp__optim_job {
    tp__optim_param *param;
    int64_t n, start;     /* its first element in the row of all jobs' elements */
    const int64_t *index; /* of a gradient in rows: which rows of the parameter these are; else NULL */
    int64_t row;          /* and their size */
    char *p;
    const char *g;
    char *state[TP__OPTIM_ARRAYS];
    size_t item;
    tp__optim_fn *kernel;
    double scalars[TP__OPTIM_SCALARS]; /* as they are after this step */
    tp__optim_coefs coefs;
    tp_tensor *result[1 + TP__OPTIM_STATES]; /* without a kernel: the new parameter and state */
} tp__optim_job;

/* An optimizer's row. */
typedef struct tp__optim_rule {
    const char *name; /* of the constructor, without prefix */
    int n_scalars; /* the first state tensors are 0-d F64 numbers, of which kernels see nothing; the first of them counts
                         the steps */
    bool matrices; /* parameters must have two dims */

    /* The definition, in public ops. `state` holds the old tensors, and then the new ones; before the first step the initial
     * values, but NULL in a rule without numbers. `lr` is 0-d. Returns the new parameter. A NULL among the results is a
     * failure. */
    tp_tensor *(*update)(const tp_optim *optim, double weight_decay, tp_tensor *lr, tp_tensor *p,
                         tp_tensor *g, tp_tensor **state);

    /* The same as one pass: the kernel for a dtype (NULL: the step takes `update`), and its numbers for one parameter.
     * scalars[0] counts this step already; others are to be brought forward. */
    tp__optim_fn *(*kernel)(const tp_optim *optim, tp_dtype dtype);
    /* Is a step that touches only the rows with a gradient what is wanted? NULL: never. */
    bool (*takes_rows)(const tp_optim *optim, const tp__optim_group *group);
    void (*coefs)(const tp_optim *optim, const tp__optim_group *group, bool first, double *scalars,
                  tp__optim_coefs *c);
} tp__optim_rule;

typedef struct tp__lbfgs tp__lbfgs;

struct tp_optim {
    const tp__optim_rule *rule;
    tp__optim_hyper hyper;
    int n_state; /* state tensors a parameter */
    const char *state_names[TP__OPTIM_STATES];
    double initial[TP__OPTIM_STATES]; /* what state tensors are filled with before the first step */
    int n_groups, n_params;
    tp__optim_group *groups;
    tp__optim_param *params;
    tp_tensor **list;    /* the parameters' tensors */
    tp__optim_job *jobs; /* room for one a parameter */
    void *state_list;    /* what tp_optim_state() gave last */
    tp__lbfgs *lbfgs;    /* of L-BFGS, which has state of its own and no rule to update by */
};

/* L-BFGS's part of what all optimizers do. */
void tp__lbfgs_free(tp__lbfgs *l);
tp_status tp__lbfgs_step(const char *op, tp_optim *o, tp_loss_fn *loss, void *context, double *value);
tp_status tp__lbfgs_state(tp_optim *o, tp_named_tensors *state); /* into o->state_list */
tp_status tp__lbfgs_load_state(const char *op, tp_optim *o, tp_named_tensors state);

/* Clears the gradients, computes the loss with recording on, walks it, and gives its value. */
tp_status tp__optim_evaluate(const char *op, tp_optim *o, tp_loss_fn *loss, void *context, double *value);

/* A state tensor of a parameter as it is before the first step. */
tp_tensor *tp__optim_initial(const tp_optim *o, int k, tp_tensor *p);

/* A 0-d F64 number as a factor of `p`: in its dtype, so that it does not raise a 0-d F32 to F64. */
static inline tp_tensor *tp__optim_factor(tp_tensor *number, const tp_tensor *p) {
    return tp_to_dtype(number, tp_tensor_dtype(p));
}

/* The same for a learning rate times a number. */
tp_tensor *tp__optim_rate(tp_tensor *lr, double factor, const tp_tensor *p);

/* p (1 - lr weight_decay). */
tp_tensor *tp__optim_decayed(tp_tensor *p, tp_tensor *lr, double weight_decay);

/* The checks that Adam and its like share; `values` are beta1, beta2 and eps. */
bool tp__optim_check_betas(const char *op, const tp__optim_hyper *hyper);

static inline bool tp__optim_not_negative(double value) { return isfinite(value) && value >= 0; }

/* An optimizer with one group; NULL with a record. No `initial` values: all zero. */
tp_optim *tp__optim_new(const tp__optim_rule *rule, tp__optim_hyper hyper, int n_state,
                        const char *const *state_names, const double *initial, tp_tensors params, double lr,
                        double weight_decay);

#endif
