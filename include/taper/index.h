/* Indexing and padding. All copy, and all but tp_one_hot() are differentiable, any number of times. Index
 * tensors are I64 or I32 (TP_ERR_DTYPE); every index is checked before anything is read or written
 * (TP_ERR_INDEX with the first bad one), and negative ones are errors, as in PyTorch's functions. What
 * adds does so in the order of the index, whatever the number of threads. Dims may be negative, to count
 * from the end (TP_ERR_INDEX out of range). Results belong to the current scope. 0-d tensors are taken for
 * one element in one dim. */
#ifndef TAPER_INDEX_H
#define TAPER_INDEX_H

#include "taper/base.h"
#include "taper/shape.h"

TP_BEGIN_DECLS

/* y[i][j] = x[index[i][j]][j] for dim 0, likewise for others: one element for each of the index. x: (...),
 * any dtype. index: as many dims as x, no larger in dims other than `dim` (TP_ERR_SHAPE; one without
 * elements fits any x). Result: the index's shape. Source: torch.gather. */
TP_API tp_tensor *tp_gather(tp_tensor *x, int dim, tp_tensor *index);

/* x with source[i][j] added at [index[i][j]][j] for dim 0, likewise for others: the transpose of
 * tp_gather(). x and source: one dtype (TP_ERR_DTYPE). index: as tp_gather(), and no larger than source in
 * any dim (TP_ERR_SHAPE); what lies beyond it in source is not read. Source: torch.scatter_add. */
TP_API tp_tensor *tp_scatter_add(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source);

/* The slices index[0], index[1], ... of `dim`. x: (..., D, ...), any dtype. index: (n) or ()
 * (TP_ERR_SHAPE). Result: (..., n, ...). Source: torch.index_select. */
TP_API tp_tensor *tp_index_select(tp_tensor *x, int dim, tp_tensor *index);

/* x with source's i-th slice of `dim` added to slice index[i]: the transpose of tp_index_select(). x:
 * (..., D, ...); index: (n) or (); source: (..., n, ...), of the dtype of x. Errors: TP_ERR_SHAPE,
 * TP_ERR_DTYPE. Source: torch.index_add. */
TP_API tp_tensor *tp_index_add(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source);

/* Constant padding: y[i] = x[i - before] where there is such an element, else `value`. pads holds (before,
 * after) pairs from the last dim backwards; negative ones crop. TP_SHAPE(1, 1, 2, 2) adds one column each
 * side and two rows each side. Any dtype. Errors: TP_ERR_ARGUMENT for an odd number of pads or too many;
 * TP_ERR_SHAPE for a size below 0; TP_ERR_DTYPE for a value that is not whole, with an integer tensor.
 * Source: F.pad. */
TP_API tp_tensor *tp_pad(tp_tensor *x, tp_shape pads, double value);

/* index: (...), in [0, num_classes) -> (..., num_classes), I64 zeros and ones; num_classes -1: the largest
 * index + 1. Not differentiable. Errors: TP_ERR_ARGUMENT for num_classes below 1 other than -1, and for -1
 * with an index without elements. Source: F.one_hot. */
TP_API tp_tensor *tp_one_hot(tp_tensor *index, int64_t num_classes);

TP_END_DECLS

#endif
