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
    /* the mean is over the weights of the targets that count: NaN if there are none */
    tp_reduction reduction;
} tp_ce_options;

/* Cross-entropy of unnormalised scores and class indices: -log softmax(x)[target].
 * x: (N, C), (C) or (N, C, d1, ...), F32 or F64; target: (N), () or (N, d1, ...), I64 or I32, in [0, C).
 * -> () or, with TP_NONE, the target's shape. Errors: TP_ERR_SHAPE, TP_ERR_DTYPE, TP_ERR_INDEX for a label out of range.
 * Or of class probabilities: target of x's shape, F32 or F64, differentiable: -sum over the classes of target log softmax(x). The
 * mean is then over the samples, whatever the weights, and ignore_index is an error (TP_ERR_ARGUMENT). */
TP_API tp_tensor *tp_cross_entropy(tp_tensor *x, tp_tensor *target, tp_ce_options options);

/* The same on log-probabilities: -x[target]. */
TP_API tp_tensor *tp_nll_loss(tp_tensor *x, tp_tensor *target, tp_ce_options options);

/* Of two tensors of equal shapes (TP_ERR_SHAPE: no broadcasting, which in a loss is nearly always a mistake; PyTorch warns),
 * F32 or F64, both differentiable, with d = x - target. -> () or, with TP_NONE, their shape. */
TP_API tp_tensor *tp_mse_loss(tp_tensor *x, tp_tensor *target, tp_reduction reduction); /* d^2 */
TP_API tp_tensor *tp_l1_loss(tp_tensor *x, tp_tensor *target, tp_reduction reduction); /* |d|; slope 0 at 0 */
/* |d| < beta ? d^2 / (2 beta) : |d| - beta / 2. beta: 0 is 1, TP_ZERO is 0: then l1_loss. TP_ERR_ARGUMENT if negative. */
TP_API tp_tensor *tp_smooth_l1_loss(tp_tensor *x, tp_tensor *target, double beta, tp_reduction reduction);
/* |d| <= delta ? d^2 / 2 : delta (|d| - delta / 2). delta: 0 is 1; TP_ERR_ARGUMENT unless positive. */
TP_API tp_tensor *tp_huber_loss(tp_tensor *x, tp_tensor *target, double delta, tp_reduction reduction);

typedef struct tp_bce_options {
    tp_tensor *weight;     /* broadcast to x; NULL is 1 */
    tp_tensor *pos_weight; /* broadcast to x: weight of the positive part; NULL is 1; bce_with_logits only */
    tp_reduction reduction;
} tp_bce_options;

/* Binary cross-entropy of probabilities: -(target log x + (1 - target) log(1 - x)), the logarithms at least -100, and x (1 - x)
 * in the gradient at least 1e-12. x, target: of equal shapes, floating, in [0, 1] (TP_ERR_ARGUMENT), both differentiable.
 * torch.nn.functional.binary_cross_entropy. */
TP_API tp_tensor *tp_bce(tp_tensor *x, tp_tensor *target, tp_bce_options options);

/* -(pos_weight target log sigmoid(x) + (1 - target) log(1 - sigmoid(x))), without overflow. target: floating, of x's shape, differentiable too. */
TP_API tp_tensor *tp_bce_with_logits(tp_tensor *x, tp_tensor *target, tp_bce_options options);

/* Of sigmoid(x) and how far it is from the target, with p = sigmoid(x) where target is 1 and 1 - sigmoid(x) where it is 0, and in between:
 * -alpha_t (1 - p)^gamma log p with alpha_t = alpha target + (1 - alpha) (1 - target). x, target: of equal shapes, floating. */
typedef struct tp_focal_options {
    double alpha;           /* 0 is 0.25, TP_ZERO is 0; below 0: no alpha_t */
    double gamma;           /* 0 is 2, TP_ZERO is 0 */
    tp_reduction reduction; /* the default is the mean, as everywhere here; torchvision's is none */
} tp_focal_options;
/* Source: Lin et al. 2017; torchvision.ops.sigmoid_focal_loss. */
TP_API tp_tensor *tp_sigmoid_focal_loss(tp_tensor *x, tp_tensor *target, tp_focal_options options);

typedef struct tp_kl_div_options {
    bool log_target; /* target holds logarithms */
    bool batchmean;  /* in place of `reduction`: the sum divided by the first size of x */
    tp_reduction reduction;
} tp_kl_div_options;

/* Kullback-Leibler divergence of log-probabilities x from probabilities: target (log target - x), 0 where target is 0; with log_target
 * exp(target) (target - x). x and target broadcast; both differentiable. */
TP_API tp_tensor *tp_kl_div(tp_tensor *x, tp_tensor *target, tp_kl_div_options options);

typedef struct tp_gaussian_nll_options {
    bool full;  /* adds log(2 pi) / 2 */
    double eps; /* var is at least this, and its gradient as if it were so by itself; 0 is 1e-6. Positive */
    tp_reduction reduction;
} tp_gaussian_nll_options;

/* (log var + (x - target)^2 / var) / 2. var: of x's shape, or with one dim of 1 in place of x's, or without x's last dim; not
 * negative (TP_ERR_ARGUMENT). target broadcasts to x. torch.nn.functional.gaussian_nll_loss. */
TP_API tp_tensor *tp_gaussian_nll_loss(tp_tensor *x, tp_tensor *target, tp_tensor *var,
                                       tp_gaussian_nll_options options);

typedef struct tp_poisson_nll_options {
    bool no_log; /* x is the rate itself: x - target log(x + eps); else its logarithm: exp(x) - target x */
    bool full;   /* adds Stirling's target log target - target + log(2 pi target) / 2 where target > 1 */
    double eps;  /* 0 is 1e-8, TP_ZERO is 0 */
    tp_reduction reduction;
} tp_poisson_nll_options;

/* Negative log-likelihood of counts. x and target broadcast. torch.nn.functional.poisson_nll_loss (no_log is not log_input). */
TP_API tp_tensor *tp_poisson_nll_loss(tp_tensor *x, tp_tensor *target, tp_poisson_nll_options options);

/* max(0, -target (a - b) + margin), target 1 where a should be the larger, else -1. All of one rank; they broadcast. */
TP_API tp_tensor *tp_margin_ranking_loss(tp_tensor *a, tp_tensor *b, tp_tensor *target, double margin,
                                         tp_reduction reduction);

/* x where target is 1, max(0, margin - x) where it is -1. They broadcast. margin: 0 is 1, TP_ZERO is 0. */
TP_API tp_tensor *tp_hinge_embedding_loss(tp_tensor *x, tp_tensor *target, double margin,
                                          tp_reduction reduction);

/* log(1 + exp(-target x)), target 1 or -1, without overflow. They broadcast. */
TP_API tp_tensor *tp_soft_margin_loss(tp_tensor *x, tp_tensor *target, tp_reduction reduction);

/* The mean over the classes of bce_with_logits. x, target: (N, C) or (C), of equal shapes; weight: broadcast to x, or NULL.
 * -> () or, with TP_NONE, (N) or (). */
TP_API tp_tensor *tp_multilabel_soft_margin_loss(tp_tensor *x, tp_tensor *target, tp_tensor *weight,
                                                 tp_reduction reduction);

typedef struct tp_multi_margin_options {
    double p;          /* 1 or 2; 0 is 1 */
    double margin;     /* 0 is 1, TP_ZERO is 0 */
    tp_tensor *weight; /* (C), of the targets' classes, or NULL */
    tp_reduction reduction;
} tp_multi_margin_options;

/* sum over the classes c that are not the target of weight[target] max(0, margin - x[target] + x[c])^p / C. x: (N, C) or (C), target: (N) or ()
 * class indices, I64 or I32 (TP_ERR_INDEX if not in [0, C)). -> () or, with TP_NONE, the target's shape. */
TP_API tp_tensor *tp_multi_margin_loss(tp_tensor *x, tp_tensor *target, tp_multi_margin_options options);

typedef struct tp_triplet_options {
    double margin; /* 0 is 1; positive */
    double p;      /* of the norm; 0 is 2 */
    double eps;    /* 0 is 1e-6, TP_ZERO is 0 */
    bool swap;     /* the negative's distance is the smaller of those from the anchor and from the positive */
    tp_reduction reduction;
} tp_triplet_options;

/* max(0, margin + |anchor - positive + eps|_p - |anchor - negative + eps|_p), norms over the last dim. All of one rank, (..., D); they
 * broadcast. -> () or, with TP_NONE, (...). The norm's gradient is 0 where it is 0. */
TP_API tp_tensor *tp_triplet_margin_loss(tp_tensor *anchor, tp_tensor *positive, tp_tensor *negative,
                                         tp_triplet_options options);

/* 1 - cos(a, b) where target is 1, max(0, cos(a, b) - margin) where it is -1. a, b: (N, D) or (D); target: (N) or ().
 * cos = a.b / sqrt((a.a + 1e-12) (b.b + 1e-12)). -> () or, with TP_NONE, the target's shape. */
TP_API tp_tensor *tp_cosine_embedding_loss(tp_tensor *a, tp_tensor *b, tp_tensor *target, double margin,
                                           tp_reduction reduction);

typedef struct tp_ctc_options {
    int64_t blank; /* the class that stands for no label */
    /* a loss that is infinite, of too few steps for the labels, is 0 and has the gradient 0 */
    bool zero_infinity;
    tp_reduction reduction; /* the mean is over the samples, each divided by the number of its labels */
} tp_ctc_options;

/* Connectionist temporal classification: minus the logarithm of the probability of all ways to say the labels in T steps.
 * x: (T, N, C) or (T, C), logarithms of probabilities (log_softmax); targets: (N, S), or the labels of all samples one after the
 * other in (n), or (S); I64 or I32, in [0, C) but not the blank. input_lengths, target_lengths: how many steps and labels count
 * of each sample, (N) or (), I64 or I32; NULL is all. -> () or, with TP_NONE, (N) or (). Differentiable once. The gradient is
 * x's alone: PyTorch's has exp(x) added, which log_softmax's takes away again. Errors: TP_ERR_SHAPE, TP_ERR_DTYPE,
 * TP_ERR_INDEX for a label out of range, TP_ERR_ARGUMENT for a blank among them and for lengths.
 * Source: Graves et al. 2006; torch.nn.functional.ctc_loss. */
TP_API tp_tensor *tp_ctc_loss(tp_tensor *x, tp_tensor *targets, tp_tensor *input_lengths,
                              tp_tensor *target_lengths, tp_ctc_options options);

TP_END_DECLS

#endif
