/* Normalisation and dropout. */
#ifndef TAPER_NORM_H
#define TAPER_NORM_H

#include "taper/base.h"
#include "taper/random.h"

TP_BEGIN_DECLS

typedef struct tp_batch_norm_options {
    tp_tensor *weight, *bias;              /* (C) each, or NULL */
    tp_tensor *running_mean, *running_var; /* (C) each, or both NULL; updated in place when training */
    bool training; /* normalise by the batch's statistics; required (TP_ERR_ARGUMENT) without running ones */
    double momentum; /* running = (1 - momentum) running + momentum batch; 0 is 0.1, TP_ZERO is 0 */
    double eps;      /* 0 is 1e-5 */
} tp_batch_norm_options;

/* (x - mean) / sqrt(var + eps) * weight + bias for each channel, over all other dims. x: (N, C) or (N, C, ...). Normalises by
 * the biased variance; the running one is updated with the unbiased. Errors: TP_ERR_SHAPE, also when training on one value a channel.
 * Source: Ioffe and Szegedy 2015; torch.nn.functional.batch_norm. */
TP_API tp_tensor *tp_batch_norm(tp_tensor *x, tp_batch_norm_options options);

/* When training, zeroes each element with probability p and scales the others by 1 / (1 - p); otherwise x itself. The mask is
 * drawn from `generator` (NULL: the thread's default) and saved. Errors: TP_ERR_ARGUMENT unless 0 <= p <= 1. */
TP_API tp_tensor *tp_dropout(tp_tensor *x, double p, bool training, tp_generator *generator);

TP_END_DECLS

#endif
