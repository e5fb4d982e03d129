/* L-BFGS: what its line search needs to know. */
#ifndef TP__OPTIM_LBFGS_H
#define TP__OPTIM_LBFGS_H

#include "optim/optim.h"

/* A step in progress: how the loss is evaluated. */
typedef struct tp__lbfgs_run {
    const char *op;
    tp_optim *o;
    tp_loss_fn *loss;
    void *context;
} tp__lbfgs_run;

/* A point on the line p + t d: the loss there, its gradient as one vector (the slot holds a reference), and the slope along d. */
typedef struct tp__lbfgs_point {
    double t, value, slope;
    tp_tensor *grad;
} tp__lbfgs_point;

/* Evaluates the loss at x + t d, and leaves the parameters at x. */
tp_status tp__lbfgs_probe(const tp__lbfgs_run *run, const tp_tensor *x, tp_tensor *d, double t,
                          tp__lbfgs_point *point);

/* Finds a step along `d` that fulfils the strong Wolfe conditions. `from` is where the search starts, with t = 0; `t` the first
 * step tried; `found` gets the point. At most `most` evaluations, which are counted in `evaluations`. */
tp_status tp__lbfgs_search(const tp__lbfgs_run *run, const tp_tensor *x, tp_tensor *d, double t,
                           const tp__lbfgs_point *from, double tolerance_change, int most,
                           tp__lbfgs_point *found, int *evaluations);

/* One that is replaced keeps no reference; clearing gives it up. */
void tp__lbfgs_point_set(tp__lbfgs_point *to, const tp__lbfgs_point *from);
void tp__lbfgs_point_clear(tp__lbfgs_point *point);

#endif
