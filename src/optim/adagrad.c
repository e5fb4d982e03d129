#include "optim/optim.h"
#include "taper/dtype.h"
#include "taper/elementwise.h"

static tp_tensor *adagrad_update(const tp_optim *o, double weight_decay, tp_tensor *lr, tp_tensor *p,
                                 tp_tensor *g, tp_tensor **state) {
    const tp__optim_hyper *h = &o->hyper;
    double t = tp_tensor_item(state[0]) + 1;
    tp_tensor *d = h->maximize ? tp_neg(g) : g;
    if (weight_decay != 0) d = tp_add(d, tp_mul_scalar(p, weight_decay));
    state[0] = tp_scalar(t, TP_F64);
    state[1] = tp_add(state[1], tp_square(d));
    tp_tensor *along = tp_div(d, tp_add_scalar(tp_sqrt(state[1]), h->eps));
    return tp_sub(p, tp_mul(tp__optim_rate(lr, 1 / (1 + (t - 1) * h->lr_decay), p), along));
}

static tp__optim_fn *adagrad_kernel(const tp_optim *o, tp_dtype dtype) {
    (void)o;
    return tp__kern->optim->adagrad[dtype];
}

/* A row without a gradient neither moves nor adds to its sum. */
static bool adagrad_takes_rows(const tp_optim *o, const tp__optim_group *group) {
    (void)o;
    return group->weight_decay == 0;
}

static void adagrad_coefs(const tp_optim *o, const tp__optim_group *group, bool first, double *scalars,
                          tp__optim_coefs *c) {
    (void)first;
    const tp__optim_hyper *h = &o->hyper;
    c->adagrad = (tp__adagrad_coefs){.lr = group->lr / (1 + (scalars[0] - 1) * h->lr_decay),
                                     .sign = h->maximize ? -1 : 1,
                                     .decay = group->weight_decay,
                                     .eps = h->eps};
}

static const tp__optim_rule adagrad_rule = {.name = "optim_adagrad",
                                            .n_scalars = 1,
                                            .update = adagrad_update,
                                            .kernel = adagrad_kernel,
                                            .takes_rows = adagrad_takes_rows,
                                            .coefs = adagrad_coefs};

tp_optim *tp_optim_adagrad(tp_tensors params, double lr, tp_adagrad_options options) {
    const char *op = adagrad_rule.name;
    tp__optim_hyper hyper = {.eps = tp__default(options.eps, 1e-10),
                             .lr_decay = options.lr_decay,
                             .maximize = options.maximize};
    if (!tp__optim_not_negative(hyper.lr_decay))
        TP_FAIL(TP_ERR_ARGUMENT, op, "lr_decay must be finite and not negative, got %g", hyper.lr_decay);
    if (!tp__optim_not_negative(options.initial_accumulator_value))
        TP_FAIL(TP_ERR_ARGUMENT, op, "initial_accumulator_value must be finite and not negative, got %g",
                options.initial_accumulator_value);
    if (!tp__optim_not_negative(hyper.eps))
        TP_FAIL(TP_ERR_ARGUMENT, op, "eps must be finite and not negative, got %g", hyper.eps);
    static const char *const names[] = {"step", "sum"};
    double initial[] = {0, options.initial_accumulator_value};
    return tp__optim_new(&adagrad_rule, hyper, 2, names, initial, params, lr, options.weight_decay);
}
