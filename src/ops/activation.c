/* The activations that are more than a row of kernels/activation.def. */
#include "taper/activation.h"

#include <math.h>

#include "ops/elementwise.h"
#include "taper/index.h"
#include "taper/random.h"
#include "taper/tensor.h"

tp_tensor *tp_softplus_with(tp_tensor *x, tp_softplus_options options) {
    const char *op = "softplus_with";
    TP_REQUIRE(x, op);
    if (!tp__require_floating(op, "x", x)) return NULL;
    double beta = options.beta == 0 ? 1 : options.beta;
    double threshold = tp__default(options.threshold, 20);
    if (options.beta == 0 && signbit(options.beta)) TP_FAIL(TP_ERR_ARGUMENT, op, "beta must not be 0");
    return tp__softplus(x, beta, threshold);
}

tp_tensor *tp_prelu(tp_tensor *x, tp_tensor *weight) {
    const char *op = "prelu";
    TP_REQUIRE(x, op);
    TP_REQUIRE(weight, op);
    if (!tp__require_floating(op, "x", x) || !tp__require_floating(op, "weight", weight)) return NULL;
    int64_t channels = x->shape.ndim >= 2 ? x->shape.dims[1] : 1;
    if (weight->shape.ndim > 1 || (weight->numel != 1 && weight->numel != channels))
        TP_FAIL(TP_ERR_SHAPE, op, "weight must be (1,) or (%lld,), for x %s; got %s", (long long)channels,
                tp__shape_text(x->shape), tp__shape_text(weight->shape));
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_shape shape = {x->shape.ndim, {0}};
    for (int i = 0; i < shape.ndim; i++) shape.dims[i] = i == 1 ? weight->numel : 1;
    return tp_scope_return(scope, tp__prelu(x, tp_reshape(weight, shape)));
}

tp_tensor *tp_glu(tp_tensor *x, int dim) {
    const char *op = "glu";
    TP_REQUIRE(x, op);
    if (!tp__require_floating(op, "x", x)) return NULL;
    int d = tp__wrap_dim(op, dim, x->shape.ndim);
    if (d < 0) return NULL;
    if (x->shape.ndim == 0 || x->shape.dims[d] % 2 != 0)
        TP_FAIL(TP_ERR_SHAPE, op, "the size of dim %d must be even: %s", dim, tp__shape_text(x->shape));
    tp_scope *scope = tp_scope_begin();
    int64_t half = x->shape.dims[d] / 2;
    tp_tensor *y = scope ? tp_mul(tp_narrow(x, d, 0, half), tp_sigmoid(tp_narrow(x, d, half, half))) : NULL;
    return tp_scope_return(scope, y);
}

tp_tensor *tp_softmin(tp_tensor *x, int dim) {
    const char *op = "softmin";
    TP_REQUIRE(x, op);
    if (!tp__require_floating(op, "x", x) || tp__wrap_dim(op, dim, x->shape.ndim) < 0) return NULL;
    tp_scope *scope = tp_scope_begin();
    return tp_scope_return(scope, scope ? tp_softmax(tp_neg(x), dim) : NULL);
}

/* 1 at the first largest element along the dim, else 0; a constant. */
static tp_tensor *gumbel_choice(tp_tensor *y, int dim) {
    if (!y) return NULL;
    tp_tensor *chosen = tp_max_dim(y, dim, true).indices,
              *places = chosen ? tp_arange(0, (double)y->shape.dims[dim], 1, TP_I64) : NULL;
    if (!places) return NULL;
    tp_shape along = {y->shape.ndim, {0}};
    for (int i = 0; i < along.ndim; i++) along.dims[i] = i == dim ? y->shape.dims[dim] : 1;
    return tp_to_dtype(tp_eq(tp_reshape(places, along), chosen), (tp_dtype)y->dtype);
}

tp_tensor *tp_gumbel_softmax(tp_tensor *x, int dim, tp_gumbel_options options) {
    const char *op = "gumbel_softmax";
    TP_REQUIRE(x, op);
    if (!tp__require_floating(op, "x", x)) return NULL;
    int d = tp__wrap_dim(op, dim, x->shape.ndim);
    if (d < 0) return NULL;
    double tau = tp__default(options.tau, 1);
    if (!(tau > 0)) TP_FAIL(TP_ERR_ARGUMENT, op, "tau must be above 0, got %g", tau);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    /* -log(-log u), of u in (0, 1): 1 - u, for u is in [0, 1), and log1p takes it as it is */
    tp_tensor *u = tp_rand(x->shape, (tp_dtype)x->dtype, options.generator);
    tp_tensor *noise = tp_neg(tp_log(tp_neg(tp_log1p(tp_neg(u)))));
    tp_tensor *noisy =
        tp_add(x, tp_clamp_max(noise, 40)); /* more than any u above 0 gives; u = 0 would be infinite */
    tp_tensor *y = tp_softmax(tp_div_scalar(noisy, tau), dim);
    if (options.hard && y && y->numel > 0 && y->shape.ndim > 0)
        y = tp_add(tp_sub(gumbel_choice(y, d), tp_detach(y)), y); /* its value, with the gradient of y */
    return tp_scope_return(scope, y);
}

tp_tensor *tp_rrelu(tp_tensor *x, bool training, tp_rrelu_options options) {
    const char *op = "rrelu";
    TP_REQUIRE(x, op);
    if (!tp__require_floating(op, "x", x)) return NULL;
    double lower = tp__default(options.lower, 1.0 / 8);
    double upper = tp__default(options.upper, 1.0 / 3);
    if (!(lower <= upper))
        TP_FAIL(TP_ERR_ARGUMENT, op, "lower must not be above upper: %g and %g", lower, upper);
    if (!training) return tp_leaky_relu(x, (lower + upper) / 2);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *slopes = tp_rand(x->shape, (tp_dtype)x->dtype, options.generator);
    slopes = tp_add_scalar(tp_mul_scalar(slopes, upper - lower), lower);
    return tp_scope_return(scope, tp__prelu(x, slopes));
}
