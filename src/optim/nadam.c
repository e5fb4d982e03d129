#include "optim/optim.h"
#include "taper/dtype.h"
#include "taper/elementwise.h"

/* The momentum of step t. */
static double nadam_momentum(const tp__optim_hyper *h, double t) {
    return h->beta1 * (1 - 0.5 * pow(0.96, t * h->momentum_decay));
}

static tp_tensor *nadam_update(const tp_optim *o, double weight_decay, tp_tensor *lr, tp_tensor *p,
                               tp_tensor *g, tp_tensor **state) {
    const tp__optim_hyper *h = &o->hyper;
    double t = tp_tensor_item(state[0]) + 1, mu = nadam_momentum(h, t), next = nadam_momentum(h, t + 1);
    double product = tp_tensor_item(state[1]) * mu;
    tp_tensor *d = h->maximize ? tp_neg(g) : g, *kept = p;
    if (weight_decay != 0 && h->decoupled) kept = tp__optim_decayed(p, lr, weight_decay);
    else if (weight_decay != 0) d = tp_add(d, tp_mul_scalar(p, weight_decay));
    state[0] = tp_scalar(t, TP_F64);
    state[1] = tp_scalar(product, TP_F64);
    tp_tensor *m = state[2] = tp_add(state[2], tp_mul_scalar(tp_sub(d, state[2]), 1 - h->beta1));
    tp_tensor *v = state[3] =
        tp_add(tp_mul_scalar(state[3], h->beta2), tp_mul_scalar(tp_square(d), 1 - h->beta2));
    tp_tensor *size = tp_add_scalar(tp_sqrt(tp_div_scalar(v, 1 - pow(h->beta2, t))), h->eps);
    tp_tensor *direct = tp_mul(d, tp__optim_rate(lr, (1 - mu) / (1 - product), p));
    tp_tensor *along = tp_mul(m, tp__optim_rate(lr, next / (1 - product * next), p));
    return tp_sub(kept, tp_div(tp_add(direct, along), size));
}

static tp__optim_fn *nadam_kernel(const tp_optim *o, tp_dtype dtype) {
    (void)o;
    return tp__kern->optim->nadam[dtype];
}

static void nadam_coefs(const tp_optim *o, const tp__optim_group *group, bool first, double *scalars,
                        tp__optim_coefs *c) {
    (void)first;
    const tp__optim_hyper *h = &o->hyper;
    double t = scalars[0], mu = nadam_momentum(h, t), next = nadam_momentum(h, t + 1);
    double product = scalars[1] *= mu;
    c->adam = (tp__adam_coefs){.sign = h->maximize ? -1 : 1,
                               .decay = h->decoupled ? 0 : group->weight_decay,
                               .rate1 = 1 - h->beta1,
                               .beta2 = h->beta2,
                               .rate2 = 1 - h->beta2,
                               .keep = h->decoupled ? 1 - group->lr * group->weight_decay : 1,
                               .step = group->lr * next / (1 - product * next),
                               .direct = group->lr * (1 - mu) / (1 - product),
                               .scale = 1 / sqrt(1 - pow(h->beta2, t)),
                               .eps = h->eps};
}

static const tp__optim_rule nadam_rule = {.name = "optim_nadam",
                                          .n_scalars = 2,
                                          .update = nadam_update,
                                          .kernel = nadam_kernel,
                                          .coefs = nadam_coefs};

tp_optim *tp_optim_nadam(tp_tensors params, double lr, tp_nadam_options options) {
    const char *op = nadam_rule.name;
    tp__optim_hyper hyper = {.beta1 = tp__default(options.beta1, 0.9),
                             .beta2 = tp__default(options.beta2, 0.999),
                             .eps = tp__default(options.eps, 1e-8),
                             .momentum_decay = tp__default(options.momentum_decay, 4e-3),
                             .decoupled = options.decoupled_weight_decay,
                             .maximize = options.maximize};
    if (!tp__optim_check_betas(op, &hyper)) return NULL;
    if (!tp__optim_not_negative(hyper.momentum_decay))
        TP_FAIL(TP_ERR_ARGUMENT, op, "momentum_decay must be finite and not negative, got %g",
                hyper.momentum_decay);
    static const char *const names[] = {"step", "mu_product", "exp_avg", "exp_avg_sq"};
    static const double initial[] = {0, 1, 0, 0};
    return tp__optim_new(&nadam_rule, hyper, 4, names, initial, params, lr, options.weight_decay);
}
