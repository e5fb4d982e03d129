/* Initialisers: fill a tensor in place, unrecorded, whether it requires grad or not. Each returns `t`, or
 * NULL when nothing was changed. Random numbers come from `generator`, NULL is the thread's default one.
 *
 * fan_in is the number of inputs that one output depends on, fan_out the number of outputs that one input
 * reaches: of t: (out, in, k1, k2, ...) they are in k1 k2 ... and out k1 k2 ... .
 *
 * Errors common to all: those of in-place ops (elementwise.h); TP_ERR_DTYPE unless `t` is F32 or F64
 * (constants: any dtype that can hold the value); TP_ERR_SHAPE for fans or orthogonality of fewer than 2
 * dims; TP_ERR_ARGUMENT for a number that is not finite or a negative standard deviation. A tensor without
 * elements stays as it is. */
#ifndef TAPER_INIT_H
#define TAPER_INIT_H

#include "taper/base.h"
#include "taper/random.h"

TP_BEGIN_DECLS

TP_API tp_tensor *tp_init_constant_(tp_tensor *t, double value);
TP_API tp_tensor *tp_init_zeros_(tp_tensor *t);
TP_API tp_tensor *tp_init_ones_(tp_tensor *t);

TP_API tp_tensor *tp_init_uniform_(tp_tensor *t, double low, double high, tp_generator *generator);
TP_API tp_tensor *tp_init_normal_(tp_tensor *t, double mean, double std, tp_generator *generator);

/* What follows the layer; it decides the gain, which keeps the variance of activations. */
typedef enum tp_nonlinearity {
    TP_INIT_LEAKY_RELU, /* sqrt(2 / (1 + slope^2)) */
    TP_INIT_RELU,       /* sqrt(2) */
    TP_INIT_LINEAR,     /* 1, as for convolutions and sigmoid */
    TP_INIT_SIGMOID,    /* 1 */
    TP_INIT_TANH,       /* 5 / 3 */
    TP_INIT_SELU        /* 3 / 4 */
} tp_nonlinearity;

/* The gain; `slope` counts for leaky ReLU only. NaN with TP_ERR_ARGUMENT for what is no nonlinearity.
 * Source: torch.nn.init.calculate_gain. */
TP_API double tp_init_calculate_gain(tp_nonlinearity nonlinearity, double slope);

typedef enum tp_fan_mode { TP_FAN_IN, TP_FAN_OUT } tp_fan_mode; /* keep the variance forward, or backward */

typedef struct tp_kaiming_options {
    double slope; /* PyTorch's a */
    tp_fan_mode mode;
    tp_nonlinearity nonlinearity; /* zero is leaky ReLU, with slope 0: ReLU */
    tp_generator *generator;
} tp_kaiming_options;

/* Uniform within +-gain sqrt(3 / fan), and normal with standard deviation gain / sqrt(fan).
 * Source: He et al. 2015; torch.nn.init.kaiming_uniform_, kaiming_normal_. */
TP_API tp_tensor *tp_init_kaiming_uniform_(tp_tensor *t, tp_kaiming_options options);
TP_API tp_tensor *tp_init_kaiming_normal_(tp_tensor *t, tp_kaiming_options options);

/* Uniform within +-gain sqrt(6 / (fan_in + fan_out)), and normal with standard deviation
 * gain sqrt(2 / (fan_in + fan_out)). PyTorch's default gain is 1.
 * Source: Glorot and Bengio 2010; torch.nn.init.xavier_uniform_, xavier_normal_. */
TP_API tp_tensor *tp_init_xavier_uniform_(tp_tensor *t, double gain, tp_generator *generator);
TP_API tp_tensor *tp_init_xavier_normal_(tp_tensor *t, double gain, tp_generator *generator);

/* gain times a random matrix with orthonormal rows or columns, whichever are fewer, of t as (size of dim 0) x
 * (the rest). Computed in double. Source: Saxe et al. 2013; torch.nn.init.orthogonal_. */
TP_API tp_tensor *tp_init_orthogonal_(tp_tensor *t, double gain, tp_generator *generator);

TP_END_DECLS

#endif
