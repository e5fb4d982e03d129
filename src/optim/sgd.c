#include "optim/optim.h"
#include "taper/dtype.h"
#include "taper/elementwise.h"

static tp_tensor *sgd_update(const tp_optim *o, double weight_decay, tp_tensor *lr, tp_tensor *p,
                             tp_tensor *g, tp_tensor **state) {
    const tp__optim_hyper *h = &o->hyper;
    tp_tensor *d = h->maximize ? tp_neg(g) : g;
    if (weight_decay != 0) d = tp_add(d, tp_mul_scalar(p, weight_decay));
    if (h->momentum != 0) {
        tp_tensor *b = state[0];
        b = b ? tp_add(tp_mul_scalar(b, h->momentum), tp_mul_scalar(d, 1 - h->dampening)) : d;
        d = h->nesterov ? tp_add(d, tp_mul_scalar(b, h->momentum)) : b;
        state[0] = b;
    }
    return tp_sub(p, tp_mul(tp_to_dtype(lr, tp_tensor_dtype(p)), d));
}

static tp__optim_fn *sgd_kernel(const tp_optim *o, tp_dtype dtype) {
    return o->hyper.momentum != 0 ? tp__kern->optim->sgd_momentum[dtype] : tp__kern->optim->sgd[dtype];
}

/* Without these a row that has no gradient does not move. */
static bool sgd_takes_rows(const tp_optim *o, const tp__optim_group *group) {
    return o->hyper.momentum == 0 && group->weight_decay == 0;
}

static void sgd_coefs(const tp_optim *o, const tp__optim_group *group, bool first, double *scalars,
                      tp__optim_coefs *c) {
    (void)scalars;
    const tp__optim_hyper *h = &o->hyper;
    c->sgd = (tp__sgd_coefs){.lr = group->lr,
                             .sign = h->maximize ? -1 : 1,
                             .decay = group->weight_decay,
                             .momentum = h->momentum,
                             .keep = first ? 0 : h->momentum,
                             .gain = first ? 1 : 1 - h->dampening,
                             .nesterov = h->nesterov};
}

static const tp__optim_rule sgd_rule = {.name = "optim_sgd",
                                        .update = sgd_update,
                                        .kernel = sgd_kernel,
                                        .takes_rows = sgd_takes_rows,
                                        .coefs = sgd_coefs};

tp_optim *tp_optim_sgd(tp_tensors params, double lr, tp_sgd_options options) {
    const char *op = sgd_rule.name;
    if (!tp__optim_not_negative(options.momentum))
        TP_FAIL(TP_ERR_ARGUMENT, op, "momentum must be finite and not negative, got %g", options.momentum);
    if (!isfinite(options.dampening)) TP_FAIL(TP_ERR_ARGUMENT, op, "dampening is %g", options.dampening);
    if (options.nesterov && (options.momentum == 0 || options.dampening != 0))
        TP_FAIL(TP_ERR_ARGUMENT, op, "nesterov needs a momentum and no dampening, got %g and %g",
                options.momentum, options.dampening);
    tp__optim_hyper hyper = {.momentum = options.momentum,
                             .dampening = options.dampening,
                             .nesterov = options.nesterov,
                             .maximize = options.maximize};
    static const char *const names[] = {"momentum_buffer"};
    return tp__optim_new(&sgd_rule, hyper, options.momentum != 0, names, NULL, params, lr,
                         options.weight_decay);
}
