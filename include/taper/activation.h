/* Activations, element by element; softmax and its like are in reduce.h.
 *
 * What elementwise.h says holds here too. Integers are TP_ERR_DTYPE, except for relu, relu6, hardtanh and threshold, which keep
 * them, and softsign and tanhshrink, which turn them to F32. At a kink the gradient is PyTorch's, given beside the function. */
#ifndef TAPER_ACTIVATION_H
#define TAPER_ACTIVATION_H

#include "taper/base.h"

TP_BEGIN_DECLS

TP_API tp_tensor *tp_relu(tp_tensor *x);                     /* max(x, 0); NaN passes; d = 0 at 0 */
TP_API tp_tensor *tp_relu6(tp_tensor *x);                    /* min(max(x, 0), 6); d = 0 at 0 and 6 */
TP_API tp_tensor *tp_leaky_relu(tp_tensor *x, double slope); /* x > 0 ? x : slope x; d = slope at 0 */
TP_API tp_tensor *tp_elu(tp_tensor *x, double alpha);        /* x > 0 ? x : alpha (e^x - 1); d = alpha at 0 */
TP_API tp_tensor *tp_selu(tp_tensor *x);                     /* 1.0507 (x > 0 ? x : 1.6733 (e^x - 1)) */
TP_API tp_tensor *tp_celu(tp_tensor *x, double alpha); /* x > 0 ? x : alpha (e^(x/alpha) - 1); alpha not 0 */
TP_API tp_tensor *tp_gelu(tp_tensor *x);               /* x (1 + erf(x / sqrt 2)) / 2 */
TP_API tp_tensor *tp_gelu_tanh(tp_tensor *x);          /* the tanh approximation of gelu */
TP_API tp_tensor *tp_silu(tp_tensor *x);               /* x sigmoid(x) */
TP_API tp_tensor *tp_mish(tp_tensor *x);               /* x tanh(softplus(x)) */
TP_API tp_tensor *tp_logsigmoid(tp_tensor *x);         /* log sigmoid(x), without overflow */
TP_API tp_tensor *tp_softsign(tp_tensor *x);           /* x / (1 + |x|) */
TP_API tp_tensor *tp_hardsigmoid(tp_tensor *x);        /* min(max(x + 3, 0), 6) / 6; d = 0 at -3 and 3 */
TP_API tp_tensor *tp_hardswish(tp_tensor *x);          /* x hardsigmoid(x); d = 0 at -3, 1 at 3 */
TP_API tp_tensor *tp_tanhshrink(tp_tensor *x);         /* x - tanh(x) */

/* min(max(x, lo), hi); d = 0 at the bounds, unlike tp_clamp's. TP_ERR_ARGUMENT if lo > hi. */
TP_API tp_tensor *tp_hardtanh(tp_tensor *x, double lo, double hi);
/* x > threshold ? x : value; d = 0 at the threshold. */
TP_API tp_tensor *tp_threshold(tp_tensor *x, double threshold, double value);
/* |x| <= lambda ? 0 : x, and the latter moved towards 0 by lambda; d = 0 at the bounds. softshrink: TP_ERR_ARGUMENT if lambda < 0. */
TP_API tp_tensor *tp_hardshrink(tp_tensor *x, double lambda);
TP_API tp_tensor *tp_softshrink(tp_tensor *x, double lambda);

/* log(1 + e^x), without overflow. PyTorch's has x itself above 20, which differs by less than 3e-9; so does the form with
 * options: log(1 + e^(beta x)) / beta, x itself where beta x > threshold. TP_ERR_ARGUMENT for a beta of 0. */
typedef struct tp_softplus_options {
    double beta;      /* 1 */
    double threshold; /* 20; TP_ZERO for 0 */
} tp_softplus_options;
TP_API tp_tensor *tp_softplus(tp_tensor *x);
TP_API tp_tensor *tp_softplus_with(tp_tensor *x, tp_softplus_options options);

/* x > 0 ? x : weight x; d = weight at 0. x: (N, C, ...) with weight (C), one for each channel; or any x with one weight, (1) or 0-d. */
TP_API tp_tensor *tp_prelu(tp_tensor *x, tp_tensor *weight);

/* x > 0 ? x : a x; in training each a is drawn from [lower, upper], else it is their mean. TP_ERR_ARGUMENT if lower > upper. */
typedef struct tp_rrelu_options {
    double lower, upper;     /* 1/8 and 1/3; TP_ZERO for 0 */
    tp_generator *generator; /* NULL: the thread's default one */
} tp_rrelu_options;
TP_API tp_tensor *tp_rrelu(tp_tensor *x, bool training, tp_rrelu_options options);

/* a sigmoid(b), a and b the halves of x along `dim`: (..., 2 n, ...) to (..., n, ...). TP_ERR_SHAPE if its size is odd. */
TP_API tp_tensor *tp_glu(tp_tensor *x, int dim);

/* softmax(-x) along `dim`. */
TP_API tp_tensor *tp_softmin(tp_tensor *x, int dim);

/* softmax((x + noise) / tau) along `dim`, the noise -log(-log u) with u uniform: a sample of the category whose unnormalised log
 * probabilities are x. Hard: one-hot, 1 at the largest, with the gradient of the soft one (straight-through).
 * Source: Jang et al., "Categorical reparameterization with Gumbel-softmax", 2017. TP_ERR_ARGUMENT unless tau > 0. */
typedef struct tp_gumbel_options {
    double tau; /* 1 */
    bool hard;
    tp_generator *generator; /* NULL: the thread's default one */
} tp_gumbel_options;
TP_API tp_tensor *tp_gumbel_softmax(tp_tensor *x, int dim, tp_gumbel_options options);

/* In place. */
TP_API tp_tensor *tp_relu_(tp_tensor *x);
TP_API tp_tensor *tp_relu6_(tp_tensor *x);
TP_API tp_tensor *tp_selu_(tp_tensor *x);
TP_API tp_tensor *tp_silu_(tp_tensor *x);
TP_API tp_tensor *tp_mish_(tp_tensor *x);
TP_API tp_tensor *tp_hardsigmoid_(tp_tensor *x);
TP_API tp_tensor *tp_hardswish_(tp_tensor *x);
TP_API tp_tensor *tp_leaky_relu_(tp_tensor *x, double slope);
TP_API tp_tensor *tp_elu_(tp_tensor *x, double alpha);
TP_API tp_tensor *tp_celu_(tp_tensor *x, double alpha);
TP_API tp_tensor *tp_hardtanh_(tp_tensor *x, double lo, double hi);
TP_API tp_tensor *tp_threshold_(tp_tensor *x, double threshold, double value);

TP_END_DECLS

#endif
