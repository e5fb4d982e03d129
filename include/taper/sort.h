/* Sorting and searching.
 *
 * NaN counts as larger than everything else, -0 as equal to 0, and what is equal keeps its order (all sorting is
 * stable), so that every result is determined, where PyTorch leaves the indices of equal elements open. Any
 * dtype. Values are differentiable, any number of times: the gradient goes to the elements they came from.
 * Indices are I64. Dims may be negative, to count from the end (TP_ERR_INDEX out of range); a 0-d tensor is
 * taken for one element in one dim. Results belong to the current scope. */
#ifndef TAPER_SORT_H
#define TAPER_SORT_H

#include "taper/base.h"
#include "taper/reduce.h"

TP_BEGIN_DECLS

/* The elements along `dim` in ascending (descending) order, and where along it they were. x: (...). Results:
 * the shape of x. Source: torch.sort with stable. */
TP_API tp_values tp_sort(tp_tensor *x, int dim, bool descending);

/* The indices alone. Source: torch.argsort. */
TP_API tp_tensor *tp_argsort(tp_tensor *x, int dim, bool descending);

/* The k largest (smallest) elements along `dim`, in descending (ascending) order. x: (..., D, ...) ->
 * (..., k, ...). Errors: TP_ERR_INDEX unless 0 <= k <= D (k = 1 for a 0-d tensor). Source: torch.topk. */
TP_API tp_values tp_topk(tp_tensor *x, int64_t k, int dim, bool smallest);

/* The k-th smallest element along `dim`, k from 1. Errors: TP_ERR_INDEX unless 1 <= k <= D. Source:
 * torch.kthvalue. */
TP_API tp_values tp_kthvalue(tp_tensor *x, int64_t k, int dim, bool keepdim);

/* What tp_unique() gives besides the values. */
typedef struct tp_unique_options {
    bool inverse; /* where in the values each element of x went */
    bool counts;  /* how many elements of x each value stands for */
} tp_unique_options;

/* All NULL after an error; what was not asked for is NULL. None carries a gradient. */
typedef struct tp_unique_out {
    tp_tensor *values;  /* (U), ascending */
    tp_tensor *inverse; /* the shape of x, I64 */
    tp_tensor *counts;  /* (U), I64 */
} tp_unique_out;

/* The distinct elements of `x`, sorted. Each NaN is distinct. Source: torch.unique. */
TP_API tp_unique_out tp_unique(tp_tensor *x, tp_unique_options options);

/* The distinct slices of `dim`, in the order that their elements have, the first that differ deciding. values: as
 * x, with U along the dim; inverse: (D). Errors: TP_ERR_INDEX for a 0-d tensor; TP_ERR_SHAPE for slices without
 * elements. Source: torch.unique with dim. */
TP_API tp_unique_out tp_unique_dim(tp_tensor *x, int dim, tp_unique_options options);

/* As tp_unique() with runs of equal elements, in the order in which they come, counting as one each. Source:
 * torch.unique_consecutive. */
TP_API tp_unique_out tp_unique_consecutive(tp_tensor *x, tp_unique_options options);

/* Where in an ascending row each of `values` would be put to keep it ascending: before the elements equal to it,
 * or behind them if `right`. sorted: (D), or (..., D) with a row for each of values: (..., V). Result: I64, the
 * shape of values. NaN goes to the end. Not differentiable. Dtypes promote. Errors: TP_ERR_SHAPE;
 * TP_ERR_DTYPE for BOOL. Whether it is sorted is not checked. Source: torch.searchsorted. */
TP_API tp_tensor *tp_searchsorted(tp_tensor *sorted, tp_tensor *values, bool right);

/* The same the other way round: the bucket of each element of x: (...) between ascending boundaries: (D).
 * Source: torch.bucketize. */
TP_API tp_tensor *tp_bucketize(tp_tensor *x, tp_tensor *boundaries, bool right);

/* y[v] = how often v is among x, or the sum of the weights of those elements, in their order. x: (N),
 * integers of 0 or more (TP_ERR_DTYPE, TP_ERR_INDEX). weights: (N) or NULL. Result: (max(minlength, largest of x
 * + 1)), I64; with weights F32 if they are that, else F64. Not differentiable. Errors: TP_ERR_SHAPE;
 * TP_ERR_ARGUMENT for a minlength below 0. Source: torch.bincount. */
TP_API tp_tensor *tp_bincount(tp_tensor *x, tp_tensor *weights, int64_t minlength);

TP_END_DECLS

#endif
