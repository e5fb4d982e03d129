#include "optim/optim.h"
#include "taper/dtype.h"
#include "taper/elementwise.h"

static tp_tensor *rmsprop_update(const tp_optim *o, double weight_decay, tp_tensor *lr, tp_tensor *p,
                                 tp_tensor *g, tp_tensor **state) {
    const tp__optim_hyper *h = &o->hyper;
    bool moves = h->momentum != 0;
    tp_tensor *d = h->maximize ? tp_neg(g) : g;
    if (weight_decay != 0) d = tp_add(d, tp_mul_scalar(p, weight_decay));
    state[0] = tp_add_scalar(state[0], 1);
    tp_tensor *v = state[1] =
        tp_add(tp_mul_scalar(state[1], h->alpha), tp_mul_scalar(tp_square(d), 1 - h->alpha));
    if (h->centered) {
        tp_tensor **a = &state[2 + moves];
        *a = tp_add(*a, tp_mul_scalar(tp_sub(d, *a), 1 - h->alpha));
        v = tp_sub(v, tp_square(*a));
    }
    tp_tensor *along = tp_div(d, tp_add_scalar(tp_sqrt(v), h->eps));
    if (moves) along = state[2] = tp_add(tp_mul_scalar(state[2], h->momentum), along);
    return tp_sub(p, tp_mul(tp__optim_factor(lr, p), along));
}

static tp__optim_fn *rmsprop_kernel(const tp_optim *o, tp_dtype dtype) {
    return tp__kern->optim->rmsprop[dtype][(o->hyper.momentum != 0) + 2 * o->hyper.centered];
}

static void rmsprop_coefs(const tp_optim *o, const tp__optim_group *group, bool first, double *scalars,
                          tp__optim_coefs *c) {
    (void)first, (void)scalars;
    const tp__optim_hyper *h = &o->hyper;
    c->rmsprop = (tp__rmsprop_coefs){.lr = group->lr,
                                     .sign = h->maximize ? -1 : 1,
                                     .decay = group->weight_decay,
                                     .alpha = h->alpha,
                                     .rate = 1 - h->alpha,
                                     .momentum = h->momentum,
                                     .eps = h->eps};
}

static const tp__optim_rule rmsprop_rule = {.name = "optim_rmsprop",
                                            .n_scalars = 1,
                                            .update = rmsprop_update,
                                            .kernel = rmsprop_kernel,
                                            .coefs = rmsprop_coefs};

tp_optim *tp_optim_rmsprop(tp_tensors params, double lr, tp_rmsprop_options options) {
    const char *op = rmsprop_rule.name;
    tp__optim_hyper hyper = {.alpha = tp__default(options.alpha, 0.99),
                             .eps = tp__default(options.eps, 1e-8),
                             .momentum = options.momentum,
                             .centered = options.centered,
                             .maximize = options.maximize};
    if (!tp__optim_not_negative(hyper.alpha))
        TP_FAIL(TP_ERR_ARGUMENT, op, "alpha must be finite and not negative, got %g", hyper.alpha);
    if (!tp__optim_not_negative(hyper.momentum))
        TP_FAIL(TP_ERR_ARGUMENT, op, "momentum must be finite and not negative, got %g", hyper.momentum);
    if (!tp__optim_not_negative(hyper.eps))
        TP_FAIL(TP_ERR_ARGUMENT, op, "eps must be finite and not negative, got %g", hyper.eps);
    const char *names[TP__OPTIM_STATES] = {"step", "square_avg"};
    int n = 2;
    if (hyper.momentum != 0) names[n++] = "momentum_buffer";
    if (hyper.centered) names[n++] = "grad_avg";
    return tp__optim_new(&rmsprop_rule, hyper, n, names, NULL, params, lr, options.weight_decay);
}
