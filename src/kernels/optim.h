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

/* d = sign g + decay p; m += rate1 (d - m); v = beta2 v + rate2 d^2; p = keep p - u / (sqrt(v) scale + eps), where u is
 * step m, and for NAdam step m + direct d. RAdam's first steps do not divide: p = keep p - step m. */
typedef struct tp__adam_coefs {
    double sign, decay, rate1, beta2, rate2, keep, step, scale, eps, direct;
    bool undivided;
} tp__adam_coefs;

/* d = sign g + decay p; v = alpha v + rate d^2; centered: a += rate (d - a); size = sqrt(v - a^2) + eps, of v alone if not
 * centered; with a momentum: b = momentum b + d / size; p -= lr b; without: p -= lr d / size */
typedef struct tp__rmsprop_coefs {
    double lr, sign, decay, alpha, rate, momentum, eps;
} tp__rmsprop_coefs;

/* d = sign g + decay p; s += d^2; p -= lr d / (sqrt(s) + eps) */
typedef struct tp__adagrad_coefs {
    double lr, sign, decay, eps;
} tp__adagrad_coefs;

typedef union tp__optim_coefs {
    tp__sgd_coefs sgd;
    tp__adam_coefs adam;
    tp__rmsprop_coefs rmsprop;
    tp__adagrad_coefs adagrad;
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
    tp__optim_fn *nadam[2];        /* m, v */
    tp__optim_fn *radam[2];        /* m, v */
    tp__optim_fn *rmsprop[2][4]; /* v, then b with a momentum, then a if centered: [momentum + 2 centered] */
    tp__optim_fn *adagrad[2];    /* s */
};

extern const tp__optim_kernels tp__optim_kernels_base, tp__optim_kernels_v3, tp__optim_kernels_v4;

#endif
