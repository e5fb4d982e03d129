/* Losses. `reduction` is TP_MEAN (the zero default), TP_SUM or TP_NONE. */
#ifndef TAPER_LOSS_H
#define TAPER_LOSS_H

#include "taper/base.h"

TP_BEGIN_DECLS

typedef enum tp_reduction { TP_MEAN, TP_SUM, TP_NONE } tp_reduction;

typedef struct tp_ce_options {
    tp_tensor *weight;      /* (C), of each class; NULL is 1 */
    bool has_ignore_index;  /* zero means the default, -100 */
    int64_t ignore_index;   /* targets of this value count for nothing */
    double label_smoothing; /* in [0, 1]: the target is (1 - s) one-hot + s / C; cross_entropy only */
    tp_reduction
        reduction; /* the mean is over the weights of the targets that count: NaN if there are none */
} tp_ce_options;

/* Cross-entropy of unnormalised scores and class indices: -log softmax(x)[target].
 * x: (N, C), (C) or (N, C, d1, ...), F32 or F64; target: (N), () or (N, d1, ...), I64 or I32, in [0, C).
 * -> () or, with TP_NONE, the target's shape. Errors: TP_ERR_SHAPE, TP_ERR_DTYPE, TP_ERR_INDEX for a label out of range. */
TP_API tp_tensor *tp_cross_entropy(tp_tensor *x, tp_tensor *target, tp_ce_options options);

/* The same on log-probabilities: -x[target]. */
TP_API tp_tensor *tp_nll_loss(tp_tensor *x, tp_tensor *target, tp_ce_options options);

/* (x - target)^2, of equal shapes (TP_ERR_SHAPE: no broadcasting, which in a loss is nearly always a mistake). */
TP_API tp_tensor *tp_mse_loss(tp_tensor *x, tp_tensor *target, tp_reduction reduction);

typedef struct tp_bce_options {
    tp_tensor *weight;     /* broadcast to x; NULL is 1 */
    tp_tensor *pos_weight; /* broadcast to x: weight of the positive part; NULL is 1 */
    tp_reduction reduction;
} tp_bce_options;

/* -(pos_weight target log sigmoid(x) + (1 - target) log(1 - sigmoid(x))), without overflow. target: floating, of x's shape, differentiable too. */
TP_API tp_tensor *tp_bce_with_logits(tp_tensor *x, tp_tensor *target, tp_bce_options options);

TP_END_DECLS

#endif
