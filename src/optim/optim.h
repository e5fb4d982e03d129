/* What the files of this room share. */
#ifndef TP__OPTIM_OPTIM_H
#define TP__OPTIM_OPTIM_H

#include <math.h>

#include "core/tensor.h"
#include "kernels/optim.h"
#include "taper/optim.h"

/* State tensors a parameter has at most: a step count and what kernels take. */
#define TP__OPTIM_STATES (1 + TP__OPTIM_ARRAYS)

typedef struct tp__optim_group {
    double lr, weight_decay;
} tp__optim_group;

typedef struct tp__optim_param {
    tp_tensor *tensor;
    int group;
    bool begun; /* has taken a step; before that its state is as good as NULL */
    tp_tensor *state[TP__OPTIM_STATES];
} tp__optim_param;

/* The options with their defaults filled in; each rule reads its own. */
typedef struct tp__optim_hyper {
    double momentum, dampening, beta1, beta2, eps;
    bool nesterov, amsgrad, maximize;
} tp__optim_hyper;

/* One parameter's share of a step under way. */
typedef struct tp__optim_job {
    tp__optim_param *param;
    int64_t n, start; /* its first element in the row of all jobs' elements */
    char *p;
    const char *g;
    char *state[TP__OPTIM_ARRAYS];
    size_t item;
    tp__optim_fn *kernel;
    double step; /* the count of this step */
    tp__optim_coefs coefs;
} tp__optim_job;

/* An optimizer's row. */
typedef struct tp__optim_rule {
    const char *name; /* of the constructor, without prefix */
    bool counts;      /* the first state tensor is the 0-d step count, of which kernels see nothing */

    /* The definition, in public ops. `state` holds the old tensors (NULL before the first step), and then the
     * new ones; `lr` is 0-d. Returns the new parameter. A NULL among the results is a failure. */
    tp_tensor *(*update)(const tp_optim *optim, double weight_decay, tp_tensor *lr, tp_tensor *p,
                         tp_tensor *g, tp_tensor **state);

    /* The same as one pass: the kernel for a dtype, and its numbers for one parameter's step number `step`.
     * */
    tp__optim_fn *(*kernel)(const tp_optim *optim, tp_dtype dtype);
    void (*coefs)(const tp_optim *optim, const tp__optim_group *group, bool first, double step,
                  tp__optim_coefs *c);
} tp__optim_rule;

struct tp_optim {
    const tp__optim_rule *rule;
    tp__optim_hyper hyper;
    int n_state; /* state tensors a parameter */
    const char *state_names[TP__OPTIM_STATES];
    int n_groups, n_params;
    tp__optim_group *groups;
    tp__optim_param *params;
    tp_tensor **list;    /* the parameters' tensors */
    tp__optim_job *jobs; /* room for one a parameter */
    void *state_list;    /* what tp_optim_state() gave last */
};

/* An option whose zero means a default, and whose negative zero means zero. */
static inline double tp__optim_default(double value, double otherwise) {
    if (value != 0) return value;
    return signbit(value) ? 0 : otherwise;
}

static inline bool tp__optim_not_negative(double value) { return isfinite(value) && value >= 0; }

/* An optimizer with one group; NULL with a record. */
tp_optim *tp__optim_new(const tp__optim_rule *rule, tp__optim_hyper hyper, int n_state,
                        const char *const *state_names, tp_tensors params, double lr, double weight_decay);

#endif
