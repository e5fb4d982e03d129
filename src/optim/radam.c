#include "optim/optim.h"
#include "taper/dtype.h"
#include "taper/elementwise.h"

/* What the bias-corrected mean is multiplied by at step t besides 1 / (sqrt(v) + eps); 0 in the first steps, where the
 * variance is not known well enough to divide by. */
static double radam_rectified(const tp__optim_hyper *h, double t) {
    double power = pow(h->beta2, t), most = 2 / (1 - h->beta2) - 1, rho = most - 2 * t * power / (1 - power);
    if (!(rho > 5)) return 0;
    return sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) * sqrt(1 - power);
}

static tp_tensor *radam_update(const tp_optim *o, double weight_decay, tp_tensor *lr, tp_tensor *p,
                               tp_tensor *g, tp_tensor **state) {
    const tp__optim_hyper *h = &o->hyper;
    double t = tp_tensor_item(state[0]) + 1, rectified = radam_rectified(h, t);
    tp_tensor *d = h->maximize ? tp_neg(g) : g, *kept = p;
    if (weight_decay != 0 && h->decoupled) kept = tp__optim_decayed(p, lr, weight_decay);
    else if (weight_decay != 0) d = tp_add(d, tp_mul_scalar(p, weight_decay));
    state[0] = tp_scalar(t, TP_F64);
    tp_tensor *m = state[1] = tp_add(state[1], tp_mul_scalar(tp_sub(d, state[1]), 1 - h->beta1));
    tp_tensor *v = state[2] =
        tp_add(tp_mul_scalar(state[2], h->beta2), tp_mul_scalar(tp_square(d), 1 - h->beta2));
    double factor = (rectified > 0 ? rectified : 1) / (1 - pow(h->beta1, t));
    tp_tensor *along = tp_mul(m, tp__optim_rate(lr, factor, p));
    if (rectified > 0) along = tp_div(along, tp_add_scalar(tp_sqrt(v), h->eps));
    return tp_sub(kept, along);
}

static tp__optim_fn *radam_kernel(const tp_optim *o, tp_dtype dtype) {
    (void)o;
    return tp__kern->optim->radam[dtype];
}

static void radam_coefs(const tp_optim *o, const tp__optim_group *group, bool first, double *scalars,
                        tp__optim_coefs *c) {
    (void)first;
    const tp__optim_hyper *h = &o->hyper;
    double rectified = radam_rectified(h, scalars[0]);
    c->adam = (tp__adam_coefs){.sign = h->maximize ? -1 : 1,
                               .decay = h->decoupled ? 0 : group->weight_decay,
                               .rate1 = 1 - h->beta1,
                               .beta2 = h->beta2,
                               .rate2 = 1 - h->beta2,
                               .keep = h->decoupled ? 1 - group->lr * group->weight_decay : 1,
                               .step = group->lr * (rectified > 0 ? rectified : 1) /
                                       (1 - pow(h->beta1, scalars[0])),
                               .undivided = !(rectified > 0),
                               .eps = h->eps};
}

static const tp__optim_rule radam_rule = {.name = "optim_radam",
                                          .n_scalars = 1,
                                          .update = radam_update,
                                          .kernel = radam_kernel,
                                          .coefs = radam_coefs};

tp_optim *tp_optim_radam(tp_tensors params, double lr, tp_radam_options options) {
    tp__optim_hyper hyper = {.beta1 = tp__default(options.beta1, 0.9),
                             .beta2 = tp__default(options.beta2, 0.999),
                             .eps = tp__default(options.eps, 1e-8),
                             .decoupled = options.decoupled_weight_decay,
                             .maximize = options.maximize};
    if (!tp__optim_check_betas(radam_rule.name, &hyper)) return NULL;
    static const char *const names[] = {"step", "exp_avg", "exp_avg_sq"};
    return tp__optim_new(&radam_rule, hyper, 3, names, NULL, params, lr, options.weight_decay);
}
