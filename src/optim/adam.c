#include "optim/optim.h"
#include "taper/creation.h"
#include "taper/dtype.h"
#include "taper/elementwise.h"

static const tp__optim_rule adam_rule, adamw_rule;

bool tp__optim_check_betas(const char *op, const tp__optim_hyper *h) {
    if (!(h->beta1 >= 0 && h->beta1 < 1 && h->beta2 >= 0 && h->beta2 < 1)) {
        tp__error(TP_ERR_ARGUMENT, op, "beta1 and beta2 must be in [0, 1), got %g and %g", h->beta1,
                  h->beta2);
        return false;
    }
    if (tp__optim_not_negative(h->eps)) return true;
    tp__error(TP_ERR_ARGUMENT, op, "eps must be finite and not negative, got %g", h->eps);
    return false;
}

tp_tensor *tp__optim_rate(tp_tensor *lr, double factor, const tp_tensor *p) {
    return tp__optim_factor(tp_mul_scalar(tp_to_dtype(lr, TP_F64), factor), p);
}

tp_tensor *tp__optim_decayed(tp_tensor *p, tp_tensor *lr, double weight_decay) {
    return tp_mul(p, tp__optim_factor(tp_scalar_sub(1, tp_mul_scalar(tp_to_dtype(lr, TP_F64), weight_decay)),
                                      p));
}

static tp_tensor *adam_update(const tp_optim *o, double weight_decay, tp_tensor *lr, tp_tensor *p,
                              tp_tensor *g, tp_tensor **state) {
    const tp__optim_hyper *h = &o->hyper;
    tp_tensor *step = tp_add_scalar(state[0], 1), *m = state[1], *v = state[2];
    tp_tensor *d = h->maximize ? tp_neg(g) : g, *kept = p;
    lr = tp_to_dtype(lr, TP_F64);
    if (weight_decay != 0 && o->rule == &adamw_rule) kept = tp__optim_decayed(p, lr, weight_decay);
    else if (weight_decay != 0) d = tp_add(d, tp_mul_scalar(p, weight_decay));
    m = tp_add(m, tp_mul_scalar(tp_sub(d, m), 1 - h->beta1));
    v = tp_add(tp_mul_scalar(v, h->beta2), tp_mul_scalar(tp_square(d), 1 - h->beta2));
    state[0] = step;
    state[1] = m;
    state[2] = v;
    if (h->amsgrad) v = state[3] = tp_maximum(state[3], v);
    tp_tensor *size = tp_div(lr, tp_scalar_sub(1, tp_scalar_pow(h->beta1, step)));
    tp_tensor *scale = tp_rsqrt(tp_scalar_sub(1, tp_scalar_pow(h->beta2, step)));
    tp_tensor *denominator = tp_add_scalar(tp_mul(tp_sqrt(v), tp__optim_factor(scale, p)), h->eps);
    return tp_sub(kept, tp_div(tp_mul(m, tp__optim_factor(size, p)), denominator));
}

static tp__optim_fn *adam_kernel(const tp_optim *o, tp_dtype dtype) {
    return o->hyper.amsgrad ? tp__kern->optim->amsgrad[dtype] : tp__kern->optim->adam[dtype];
}

static bool adam_takes_rows(const tp_optim *o, const tp__optim_group *group) {
    return o->hyper.lazy && group->weight_decay == 0;
}

static void adam_coefs(const tp_optim *o, const tp__optim_group *group, bool first, double *scalars,
                       tp__optim_coefs *c) {
    (void)first;
    double step = scalars[0];
    const tp__optim_hyper *h = &o->hyper;
    bool decoupled = o->rule == &adamw_rule;
    c->adam = (tp__adam_coefs){.sign = h->maximize ? -1 : 1,
                               .decay = decoupled ? 0 : group->weight_decay,
                               .rate1 = 1 - h->beta1,
                               .beta2 = h->beta2,
                               .rate2 = 1 - h->beta2,
                               .keep = decoupled ? 1 - group->lr * group->weight_decay : 1,
                               .step = group->lr / (1 - pow(h->beta1, step)),
                               .scale = 1 / sqrt(1 - pow(h->beta2, step)),
                               .eps = h->eps};
}

static const tp__optim_rule adam_rule = {.name = "optim_adam",
                                         .n_scalars = 1,
                                         .update = adam_update,
                                         .kernel = adam_kernel,
                                         .takes_rows = adam_takes_rows,
                                         .coefs = adam_coefs};
static const tp__optim_rule adamw_rule = {.name = "optim_adamw",
                                          .n_scalars = 1,
                                          .update = adam_update,
                                          .kernel = adam_kernel,
                                          .takes_rows = adam_takes_rows,
                                          .coefs = adam_coefs};

static tp_optim *adam_new(const tp__optim_rule *rule, tp_tensors params, double lr, tp_adam_options options,
                          double weight_decay) {
    tp__optim_hyper hyper = {.beta1 = tp__default(options.beta1, 0.9),
                             .beta2 = tp__default(options.beta2, 0.999),
                             .eps = tp__default(options.eps, 1e-8),
                             .amsgrad = options.amsgrad,
                             .maximize = options.maximize,
                             .lazy = options.lazy};
    if (!tp__optim_check_betas(rule->name, &hyper)) return NULL;
    if (options.lazy && (options.amsgrad || weight_decay != 0))
        TP_FAIL(TP_ERR_ARGUMENT, rule->name, "lazy goes with neither amsgrad nor a weight decay (%g)",
                weight_decay);
    static const char *const names[] = {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
    return tp__optim_new(rule, hyper, options.amsgrad ? 4 : 3, names, NULL, params, lr, weight_decay);
}

tp_optim *tp_optim_adam(tp_tensors params, double lr, tp_adam_options options) {
    return adam_new(&adam_rule, params, lr, options, options.weight_decay);
}

tp_optim *tp_optim_adamw(tp_tensors params, double lr, tp_adam_options options) {
    return adam_new(&adamw_rule, params, lr, options, tp__default(options.weight_decay, 0.01));
}
