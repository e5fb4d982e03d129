#include "optim/optim.h"
#include "taper/dtype.h"
#include "taper/elementwise.h"
#include "taper/linalg.h"
#include "taper/reduce.h"
#include "taper/views.h"

/* An odd polynomial, applied again and again, moves the singular values of x, all between 0 and 1 at first, to about 1 and
 * leaves the singular vectors alone. The smaller side decides the size of the products. */
static tp_tensor *muon_orthogonalized(const tp__optim_hyper *h, tp_tensor *x) {
    double a = h->coefficients[0], b = h->coefficients[1], c = h->coefficients[2];
    if (!x) return NULL;
    bool tall = tp_tensor_size(x, 0) > tp_tensor_size(x, 1);
    if (tall) x = tp_t(x);
    x = tp_div(x, tp_clamp(tp_sqrt(tp_sum(tp_square(x))), h->eps, INFINITY));
    for (int i = 0; i < h->iterations; i++) {
        tp_tensor *gram = tp_matmul(x, tp_t(x));
        tp_tensor *change = tp_add(tp_mul_scalar(gram, b), tp_mul_scalar(tp_matmul(gram, gram), c));
        x = tp_add(tp_mul_scalar(x, a), tp_matmul(change, x));
    }
    return tall ? tp_t(x) : x;
}

static tp_tensor *muon_update(const tp_optim *o, double weight_decay, tp_tensor *lr, tp_tensor *p,
                              tp_tensor *g, tp_tensor **state) {
    const tp__optim_hyper *h = &o->hyper;
    tp_tensor *b = state[0] ? state[0] : tp_zeros_like(p), *d = b;
    d = b = state[0] = tp_add(b, tp_mul_scalar(tp_sub(g, b), 1 - h->momentum));
    if (h->nesterov) d = tp_add(g, tp_mul_scalar(tp_sub(b, g), h->momentum));
    double rows = (double)tp_tensor_size(p, 0), columns = (double)tp_tensor_size(p, 1);
    double factor = h->match_adamw   ? 0.2 * sqrt(fmax(rows, columns))
                    : rows > columns ? sqrt(rows / columns)
                                     : 1;
    tp_tensor *kept = weight_decay != 0 ? tp__optim_decayed(p, lr, weight_decay) : p;
    return tp_sub(kept, tp_mul(muon_orthogonalized(h, d), tp__optim_rate(lr, factor, p)));
}

static const tp__optim_rule muon_rule = {.name = "optim_muon", .matrices = true, .update = muon_update};

tp_optim *tp_optim_muon(tp_tensors params, double lr, tp_muon_options options) {
    const char *op = muon_rule.name;
    tp__optim_hyper hyper = {.momentum = tp__default(options.momentum, 0.95),
                             .eps = tp__default(options.eps, 1e-7),
                             .nesterov = !options.no_nesterov,
                             .iterations = options.ns_steps == 0 ? 5 : options.ns_steps,
                             .match_adamw = options.match_rms_adamw};
    static const double coefficients[] = {3.4445, -4.775, 2.0315};
    const double *given = options.ns_coefficients;
    bool none = given[0] == 0 && given[1] == 0 && given[2] == 0;
    for (int k = 0; k < 3; k++) hyper.coefficients[k] = none ? coefficients[k] : given[k];
    if (!tp__optim_not_negative(hyper.momentum))
        TP_FAIL(TP_ERR_ARGUMENT, op, "momentum must be finite and not negative, got %g", hyper.momentum);
    if (!tp__optim_not_negative(hyper.eps))
        TP_FAIL(TP_ERR_ARGUMENT, op, "eps must be finite and not negative, got %g", hyper.eps);
    if (hyper.iterations < 1 || hyper.iterations >= 100)
        TP_FAIL(TP_ERR_ARGUMENT, op, "ns_steps must be 1 to 99, got %d", hyper.iterations);
    if (!isfinite(hyper.coefficients[0] + hyper.coefficients[1] + hyper.coefficients[2]))
        TP_FAIL(TP_ERR_ARGUMENT, op, "ns_coefficients must be finite, got %g, %g, %g", hyper.coefficients[0],
                hyper.coefficients[1], hyper.coefficients[2]);
    static const char *const names[] = {"momentum_buffer"};
    return tp__optim_new(&muon_rule, hyper, 1, names, NULL, params, lr,
                         tp__default(options.weight_decay, 0.1));
}
