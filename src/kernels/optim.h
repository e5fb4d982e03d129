/* Kernels of the optimizers: one pass over parameter, gradient and state. */
#ifndef TP__KERNELS_OPTIM_H
#define TP__KERNELS_OPTIM_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/kernels.h"

/* d = sign g + decay p; b = keep b + gain d; p -= lr (nesterov ? d + momentum b : b) */
typedef struct tp__sgd_coefs {
    double lr, sign, decay, momentum, keep, gain;
    bool nesterov;
} tp__sgd_coefs;

/* d = sign g + decay p; m += rate1 (d - m); v = beta2 v + rate2 d^2; p = keep p - step m / (sqrt(v) scale +
 * eps) */
typedef struct tp__adam_coefs {
    double sign, decay, rate1, beta2, rate2, keep, step, scale, eps;
} tp__adam_coefs;

typedef union tp__optim_coefs {
    tp__sgd_coefs sgd;
    tp__adam_coefs adam;
} tp__optim_coefs;

/* The most state arrays a kernel takes. */
#define TP__OPTIM_ARRAYS 3

/* n packed elements of one real type; `state` as the optimizer lists it. Arrays do not overlap. */
typedef void tp__optim_fn(int64_t n, void *p, const void *g, void *const *state,
                          const tp__optim_coefs *coefs);

struct tp__optim_kernels {
    /* [0] F32, [1] F64 */
    tp__optim_fn *sgd[2];          /* no state */
    tp__optim_fn *sgd_momentum[2]; /* b */
    tp__optim_fn *adam[2];         /* m, v */
    tp__optim_fn *amsgrad[2];      /* m, v, the largest v so far, which then takes v's place in the step */
};

extern const tp__optim_kernels tp__optim_kernels_base, tp__optim_kernels_v3, tp__optim_kernels_v4;

#endif
