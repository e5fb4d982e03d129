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

/* The elements at the indices of `dim`, after broadcasting x and index in the other dims: tp_gather() for those. */
TP_API tp_tensor *tp_take_along_dim(tp_tensor *x, tp_tensor *index, int dim);

/* x with source[i][j], or the number, written to [index[i][j]][j] for dim 0, likewise for others. Shapes and dtypes as for
 * tp_scatter_add(). Of several that go to one place the last, row-major, stays, and the gradient goes to it alone (PyTorch leaves both
 * open). Errors: TP_ERR_DTYPE also for a value that is not whole, with an integer tensor. Source: torch.scatter. */
TP_API tp_tensor *tp_scatter(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source);
TP_API tp_tensor *tp_scatter_scalar(tp_tensor *x, int dim, tp_tensor *index, double value);

typedef enum tp_scatter_reduction {
    TP_SCATTER_SUM,
    TP_SCATTER_MEAN,
    TP_SCATTER_PROD,
    TP_SCATTER_AMAX,
    TP_SCATTER_AMIN
} tp_scatter_reduction;

/* x with each element replaced by the sum, ... of itself and of what the index sends there; with exclude_self without itself, where
 * anything is sent. Of any dtype but BOOL, the mean of integers rounded down; shapes as for tp_scatter_add(). Ties of amax and amin share the gradient. Source:
 * torch.scatter_reduce. */
TP_API tp_tensor *tp_scatter_reduce(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source,
                                    tp_scatter_reduction reduction, bool exclude_self);

/* x with slice index[i] of `dim` replaced by source's i-th slice, or by a number. Of several for one slice the last stays, and the
 * gradient goes to it alone. Shapes and dtypes as for tp_index_add(). Source: torch.index_copy, index_fill. */
TP_API tp_tensor *tp_index_copy(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source);
TP_API tp_tensor *tp_index_fill(tp_tensor *x, int dim, tp_tensor *index, double value);

/* x[i0, i1, ...] as in PyTorch: the list has an index tensor for each dim from the first on, or NULL for all of the dim; a BOOL
 * tensor is a mask over as many dims as it has, of their sizes. Index tensors broadcast; their dims stand in the result where they
 * stand in the list, or in front if that is in several places. Negative indices count from the end. A copy. Errors:
 * TP_ERR_INDEX, TP_ERR_SHAPE, TP_ERR_DTYPE. Source: torch.Tensor.__getitem__. */
TP_API tp_tensor *tp_index(tp_tensor *x, tp_tensors indices);

/* x with `values`, broadcast to what tp_index() would give, written there, or added. Of several for one place the last stays.
 * Source: torch.index_put. */
TP_API tp_tensor *tp_index_put(tp_tensor *x, tp_tensors indices, tp_tensor *values, bool accumulate);

/* The elements of x where the BOOL mask is set, row-major: (count), after broadcasting; and x with those elements replaced, one after
 * the other, by those of source. Errors: TP_ERR_DTYPE, TP_ERR_SHAPE also for a source with too few elements. */
TP_API tp_tensor *tp_masked_select(tp_tensor *x, tp_tensor *mask);
TP_API tp_tensor *tp_masked_scatter(tp_tensor *x, tp_tensor *mask, tp_tensor *source);

/* The indices of the elements that are not zero: (count, ndim), I64, row-major. Not differentiable. */
TP_API tp_tensor *tp_nonzero(tp_tensor *x);

/* In place; see elementwise.h for what that needs. */
TP_API tp_tensor *tp_scatter_(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source);
TP_API tp_tensor *tp_scatter_scalar_(tp_tensor *x, int dim, tp_tensor *index, double value);
TP_API tp_tensor *tp_scatter_add_(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source);
TP_API tp_tensor *tp_index_add_(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source);
TP_API tp_tensor *tp_index_copy_(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source);
TP_API tp_tensor *tp_index_fill_(tp_tensor *x, int dim, tp_tensor *index, double value);
TP_API tp_tensor *tp_index_put_(tp_tensor *x, tp_tensors indices, tp_tensor *values, bool accumulate);
TP_API tp_tensor *tp_masked_scatter_(tp_tensor *x, tp_tensor *mask, tp_tensor *source);

/* Constant padding: y[i] = x[i - before] where there is such an element, else `value`. pads holds (before,
 * after) pairs from the last dim backwards; negative ones crop. TP_SHAPE(1, 1, 2, 2) adds one column each
 * side and two rows each side. Any dtype. Errors: TP_ERR_ARGUMENT for an odd number of pads or too many;
 * TP_ERR_SHAPE for a size below 0; TP_ERR_DTYPE for a value that is not whole, with an integer tensor.
 * Source: F.pad. */
TP_API tp_tensor *tp_pad(tp_tensor *x, tp_shape pads, double value);

typedef enum tp_pad_mode { TP_PAD_CONSTANT, TP_PAD_REFLECT, TP_PAD_REPLICATE, TP_PAD_CIRCULAR } tp_pad_mode;

/* Padding with what stands in x: mirrored at its first and last element (which is not repeated), its edge repeated, or x continued around;
 * TP_PAD_CONSTANT pads with zeros. pads as in tp_pad(), of any dims; negative ones crop. Errors: TP_ERR_ARGUMENT for a pad that is not
 * less than the size (reflect) or more than it (circular), or for an empty dim; TP_ERR_SHAPE. Source: F.pad. */
TP_API tp_tensor *tp_pad_with(tp_tensor *x, tp_shape pads, tp_pad_mode mode);

/* index: (...), in [0, num_classes) -> (..., num_classes), I64 zeros and ones; num_classes -1: the largest
 * index + 1. Not differentiable. Errors: TP_ERR_ARGUMENT for num_classes below 1 other than -1, and for -1
 * with an index without elements. Source: F.one_hot. */
TP_API tp_tensor *tp_one_hot(tp_tensor *index, int64_t num_classes);

typedef struct tp_embedding_options {
    bool has_padding_idx;
    int64_t padding_idx; /* the row that gets no gradient; a negative one counts from the end */
    /* The gradient of a weight that is a leaf is kept as the rows that were used (tp_tensor_sparse_grad()), so that a step costs
     * what these cost, whatever the size of the table. SGD without momentum and weight decay, Adam with `lazy`, and clipping read it so;
     * for anything else it is made dense. Differentiable once. */
    bool sparse;
} tp_embedding_options;

/* Rows of a table: index (...), I64 or I32, in [0, V), weight (V, D), F32 or F64 -> (..., D). The gradients of a row that is named more than
 * once are added up in the order of the index. Errors: TP_ERR_SHAPE, TP_ERR_DTYPE, TP_ERR_INDEX. Source: torch.nn.functional.embedding. */
TP_API tp_tensor *tp_embedding(tp_tensor *index, tp_tensor *weight, tp_embedding_options options);

typedef enum tp_bag_mode { TP_BAG_MEAN, TP_BAG_SUM, TP_BAG_MAX } tp_bag_mode;

typedef struct tp_embedding_bag_options {
    tp_bag_mode mode;
    tp_tensor *offsets;       /* of an index (n): where each bag begins, (B), I64 or I32, ascending from 0 */
    bool include_last_offset; /* offsets are (B + 1), with the end of the last bag */
    /* of the index's shape and the weight's dtype: factors of the rows; with the sum only */
    tp_tensor *per_sample_weights;
    bool has_padding_idx;
    int64_t padding_idx; /* entries of the index that count for nothing; a negative one counts from the end */
    bool sparse;         /* see tp_embedding_options */
} tp_embedding_bag_options;

/* Mean, sum or largest of the rows that a bag names: index (B, L), or (n) with offsets, weight (V, D) -> (B, D). A bag without entries
 * gives zeros. Of rows with the same largest element the first has the gradient. Errors: TP_ERR_SHAPE, TP_ERR_DTYPE, TP_ERR_INDEX,
 * TP_ERR_ARGUMENT. Source: torch.nn.functional.embedding_bag, without max_norm and scale_grad_by_freq. */
TP_API tp_tensor *tp_embedding_bag(tp_tensor *index, tp_tensor *weight, tp_embedding_bag_options options);

TP_END_DECLS

#endif
