/* Normalisation and dropout. */
#ifndef TAPER_NORM_H
#define TAPER_NORM_H

#include "taper/base.h"
#include "taper/random.h"
#include "taper/shape.h"

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

/* weight and bias of the shapes below, or NULL; eps: 0 is 1e-5. */
typedef struct tp_norm_options {
    tp_tensor *weight, *bias;
    double eps;
} tp_norm_options;

/* (x - mean) / sqrt(var + eps) * weight + bias over the last dims, which have the shape `normalized`; var is biased.
 * x: (..., normalized), weight, bias: normalized. Source: Ba et al. 2016; torch.nn.functional.layer_norm. */
TP_API tp_tensor *tp_layer_norm(tp_tensor *x, tp_shape normalized, tp_norm_options options);

/* x / sqrt(mean x^2 + eps) * weight over the last dims. weight: `normalized`, or NULL; eps: 0 is the dtype's epsilon, TP_ZERO is 0.
 * Source: Zhang and Sennrich 2019; torch.nn.functional.rms_norm. */
TP_API tp_tensor *tp_rms_norm(tp_tensor *x, tp_shape normalized, tp_tensor *weight, double eps);

/* The same as layer_norm for each of `groups` groups of channels of each image. x: (N, C, ...), weight, bias: (C). Errors: TP_ERR_SHAPE also
 * for a single element a group in all. Source: Wu and He 2018; torch.nn.functional.group_norm. */
TP_API tp_tensor *tp_group_norm(tp_tensor *x, int64_t groups, tp_norm_options options);

typedef struct tp_instance_norm_options {
    tp_tensor *weight, *bias; /* (C) each, or NULL */
    tp_tensor *running_mean,
        *running_var; /* (C) each, or both NULL; updated in place, but for no_input_stats */
    /* normalise by the running statistics, which must be given, instead of each image's own */
    bool no_input_stats;
    double momentum; /* as in tp_batch_norm_options */
    double eps;
} tp_instance_norm_options;

/* The same for each channel of each image. x: (N, C, ...) with more than one element a channel. The running statistics follow the means,
 * over the images, of mean and unbiased variance. Source: Ulyanov et al. 2016; torch.nn.functional.instance_norm. */
TP_API tp_tensor *tp_instance_norm(tp_tensor *x, tp_instance_norm_options options);

/* x / max(|x|_p, eps) along a dim. eps: 0 is 1e-12, TP_ZERO is 0. Source: torch.nn.functional.normalize. */
TP_API tp_tensor *tp_normalize(tp_tensor *x, double p, int dim, double eps);

/* When training, zeroes each element with probability p and scales the others by 1 / (1 - p); otherwise x itself. The mask is
 * drawn from `generator` (NULL: the thread's default) and saved. Errors: TP_ERR_ARGUMENT unless 0 <= p <= 1. */
TP_API tp_tensor *tp_dropout(tp_tensor *x, double p, bool training, tp_generator *generator);

/* The same of whole channels. x: (N, C, L) or (C, L); (N, C, H, W); (N, C, D, H, W) or (C, D, H, W). (PyTorch's dropout2d warns that it takes
 * three dims for (N, C, L); here that is dropout1d's.) Errors: also TP_ERR_SHAPE. Source: Tompson et al. 2015. */
TP_API tp_tensor *tp_dropout1d(tp_tensor *x, double p, bool training, tp_generator *generator);
TP_API tp_tensor *tp_dropout2d(tp_tensor *x, double p, bool training, tp_generator *generator);
TP_API tp_tensor *tp_dropout3d(tp_tensor *x, double p, bool training, tp_generator *generator);

/* When training, sets elements, or whole channels of x: (N, C, ...), to SELU's lower limit with probability p, and scales and shifts all so
 * that mean 0 and variance 1 stay so. Source: Klambauer et al. 2017. */
TP_API tp_tensor *tp_alpha_dropout(tp_tensor *x, double p, bool training, tp_generator *generator);
TP_API tp_tensor *tp_feature_alpha_dropout(tp_tensor *x, double p, bool training, tp_generator *generator);

TP_END_DECLS

#endif
