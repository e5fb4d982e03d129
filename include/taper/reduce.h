/* Reductions.
 *
 * The bare name reduces everything to a 0-d tensor; the _dim form takes a list of dims (negative ones count
 * from the end, TP_NO_DIMS is all; a repeated one is TP_ERR_ARGUMENT, one out of range TP_ERR_INDEX) and
 * keeps them with size 1 if keepdim. Sums are as accurate as pairwise summation and the same bits at any
 * number of threads. */
#ifndef TAPER_REDUCE_H
#define TAPER_REDUCE_H

#include "taper/base.h"
#include "taper/shape.h"

TP_BEGIN_DECLS

/* Two results. Both NULL after an error. */
typedef struct tp_values {
    tp_tensor *values;
    tp_tensor *indices; /* I64, not differentiable */
} tp_values;

/* sum: integers and BOOL give I64; of nothing 0. mean: floating only (TP_ERR_DTYPE); of nothing NaN. */
TP_API tp_tensor *tp_sum(tp_tensor *x);
TP_API tp_tensor *tp_sum_dim(tp_tensor *x, tp_dims dims, bool keepdim);
TP_API tp_tensor *tp_mean(tp_tensor *x);
TP_API tp_tensor *tp_mean_dim(tp_tensor *x, tp_dims dims, bool keepdim);

/* The sum with NaN counting as 0; its gradient there is 0. */
TP_API tp_tensor *tp_nansum(tp_tensor *x);
TP_API tp_tensor *tp_nansum_dim(tp_tensor *x, tp_dims dims, bool keepdim);

/* Sums over the dims that broadcasting `shape` to the shape of `x` would have stretched: the transpose of
 * tp_expand(). */
TP_API tp_tensor *tp_sum_to_shape(tp_tensor *x, tp_shape shape);

/* The product; integers and BOOL give I64; of nothing 1. The gradient is right with zeros, too. Source:
 * torch.prod. */
TP_API tp_tensor *tp_prod(tp_tensor *x);
TP_API tp_tensor *tp_prod_dim(tp_tensor *x, tp_dims dims, bool keepdim);

/* (sum |x|^p)^(1/p), as of a vector: with p = 0 the number of elements that are not zero, with INFINITY and
 * -INFINITY the largest and smallest |x|. The gradient is 0 where the norm is 0 (p > 1) and where x is 0; elements
 * that tie in |x| share that of INFINITY evenly. Floating only (TP_ERR_DTYPE). Errors: TP_ERR_SHAPE over no
 * elements for p < 0 and INFINITY. Source: torch.linalg.vector_norm. */
TP_API tp_tensor *tp_norm(tp_tensor *x, double p);
TP_API tp_tensor *tp_norm_dim(tp_tensor *x, double p, tp_dims dims, bool keepdim);

/* Largest and smallest. NaN wins. Ties share the gradient evenly. Errors: TP_ERR_SHAPE over no elements. */
TP_API tp_tensor *tp_amax(tp_tensor *x, tp_dims dims, bool keepdim);
TP_API tp_tensor *tp_amin(tp_tensor *x, tp_dims dims, bool keepdim);

/* Largest and smallest with the index along `dim` of the first of them, to which the gradient goes. Errors
 * as above. */
TP_API tp_values tp_max_dim(tp_tensor *x, int dim, bool keepdim);
TP_API tp_values tp_min_dim(tp_tensor *x, int dim, bool keepdim);

/* The index of the first largest or smallest element, I64: along `dim`, or in the flattened tensor. */
TP_API tp_tensor *tp_argmax(tp_tensor *x);
TP_API tp_tensor *tp_argmax_dim(tp_tensor *x, int dim, bool keepdim);
TP_API tp_tensor *tp_argmin(tp_tensor *x);
TP_API tp_tensor *tp_argmin_dim(tp_tensor *x, int dim, bool keepdim);

/* The element in the middle of the order, the lower of two; NaN if there is one. tp_median: ties share the gradient
 * evenly; of nothing NaN, TP_ERR_SHAPE for integers. tp_median_dim: with the index along `dim`, of equal elements
 * the one in the middle of a stable order, to which the gradient goes; TP_ERR_SHAPE over no elements. Source:
 * torch.median. */
TP_API tp_tensor *tp_median(tp_tensor *x);
TP_API tp_values tp_median_dim(tp_tensor *x, int dim, bool keepdim);

/* sum (x - mean)^2 / (n - correction), in two passes; tp_var has correction 1, as torch.var. Floating only.
 * tp_std is its square root. A divisor below 0 counts as 0: NaN or Inf when n <= correction. */
TP_API tp_tensor *tp_var(tp_tensor *x);
TP_API tp_tensor *tp_var_dim(tp_tensor *x, tp_dims dims, double correction, bool keepdim);
TP_API tp_tensor *tp_std(tp_tensor *x);
TP_API tp_tensor *tp_std_dim(tp_tensor *x, tp_dims dims, double correction, bool keepdim);

/* log sum exp(x), without overflow. Over nothing -Inf. Floating only. */
TP_API tp_tensor *tp_logsumexp(tp_tensor *x, tp_dims dims, bool keepdim);

/* exp(x) / sum exp(x) along `dim`, and its logarithm. Floating only. */
TP_API tp_tensor *tp_softmax(tp_tensor *x, int dim);
TP_API tp_tensor *tp_log_softmax(tp_tensor *x, int dim);

/* Is any element, are all elements, not zero? To BOOL; of nothing false and true. */
TP_API tp_tensor *tp_any(tp_tensor *x);
TP_API tp_tensor *tp_all(tp_tensor *x);
TP_API tp_tensor *tp_any_dim(tp_tensor *x, tp_dims dims, bool keepdim);
TP_API tp_tensor *tp_all_dim(tp_tensor *x, tp_dims dims, bool keepdim);

/* How many elements are not zero (NaN is not), I64; of nothing 0. */
TP_API tp_tensor *tp_count_nonzero(tp_tensor *x);
TP_API tp_tensor *tp_count_nonzero_dim(tp_tensor *x, tp_dims dims, bool keepdim);

/* y[i] = x[0] + ... + x[i] along `dim`; the shape of x. F32 is summed in F64, F64 with compensation; integers
 * and BOOL give I64. Errors: TP_ERR_INDEX. Source: torch.cumsum. */
TP_API tp_tensor *tp_cumsum(tp_tensor *x, int dim);

/* y[i] = x[0] * ... * x[i]; the gradient is right with zeros, too. Dtypes as tp_cumsum(). Source: torch.cumprod. */
TP_API tp_tensor *tp_cumprod(tp_tensor *x, int dim);

/* y[i] = log(exp(x[0]) + ... + exp(x[i])), without overflow. Floating only (TP_ERR_DTYPE); where x is -Inf the
 * gradient is 0. Source: torch.logcumsumexp. */
TP_API tp_tensor *tp_logcumsumexp(tp_tensor *x, int dim);

/* The largest and smallest of x[0] .. x[i] with their index along `dim`, of equal ones the last, to which the
 * gradient goes. NaN wins. Any dtype. Source: torch.cummax. */
TP_API tp_values tp_cummax(tp_tensor *x, int dim);
TP_API tp_values tp_cummin(tp_tensor *x, int dim);

TP_END_DECLS

#endif
