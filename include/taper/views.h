/* Shapes and views. Unless a function says "copy", its result shares the storage of `x`, so that writing
 * to one is seen in the other. All are differentiable, any number of times; any dtype. Dims may be
 * negative, to count from the end; one out of range is TP_ERR_INDEX, a repeated one TP_ERR_ARGUMENT.
 * Results belong to the current scope. Each does what the function of its name in PyTorch does. */
#ifndef TAPER_VIEWS_H
#define TAPER_VIEWS_H

#include "taper/base.h"
#include "taper/shape.h"
#include "taper/status.h"

TP_BEGIN_DECLS

/* The elements in row-major order under another shape, of which one size may be -1 and follows from the
 * rest: a view where the strides allow it, else a copy. Errors: TP_ERR_SHAPE if the numbers of elements
 * differ, or if the size -1 could be any. */
TP_API tp_tensor *tp_reshape(tp_tensor *x, tp_shape shape);

/* Merges the dims from start to end, both included; a 0-d tensor becomes (1,). As tp_reshape(). Errors:
 * TP_ERR_ARGUMENT if end comes before start. */
TP_API tp_tensor *tp_flatten(tp_tensor *x, int start_dim, int end_dim);

/* Splits one dim: (..., D, ...) -> (..., sizes, ...), one of the sizes may be -1. Errors: as tp_reshape(),
 * TP_ERR_ARGUMENT for no sizes. */
TP_API tp_tensor *tp_unflatten(tp_tensor *x, int dim, tp_shape sizes);

/* Swaps two dims. */
TP_API tp_tensor *tp_transpose(tp_tensor *x, int dim0, int dim1);

/* (m, n) -> (n, m); a vector or scalar keeps its shape. Errors: TP_ERR_SHAPE for more dims. */
TP_API tp_tensor *tp_t(tp_tensor *x);

/* Dim i of the result is dims[i] of x. Errors: TP_ERR_ARGUMENT unless each dim is named once. */
TP_API tp_tensor *tp_permute(tp_tensor *x, tp_dims dims);

/* Drops dims of size 1: the named ones (those of another size stay), or all for TP_NO_DIMS. */
TP_API tp_tensor *tp_squeeze(tp_tensor *x, tp_dims dims);

/* A dim of size 1 before `dim`, from -ndim-1 to ndim. Errors: TP_ERR_SHAPE if there are 8 dims already. */
TP_API tp_tensor *tp_unsqueeze(tp_tensor *x, int dim);

/* Stretches dims of size 1, and adds leading ones, without copying; a size of -1 keeps the dim's. The
 * elements of the result overlap in memory, so that it cannot be written to. Errors: TP_ERR_SHAPE. */
TP_API tp_tensor *tp_expand(tp_tensor *x, tp_shape shape);
TP_API tp_tensor *tp_broadcast_to(tp_tensor *x, tp_shape shape); /* the same by its other name */

/* The indices start .. start+length-1 of `dim`; a negative start counts from the end. Errors:
 * TP_ERR_INDEX. */
TP_API tp_tensor *tp_narrow(tp_tensor *x, int dim, int64_t start, int64_t length);

/* The indices start, start+step, ... below end, as Python's x[start:end:step]: what is out of range is cut
 * off, negative bounds count from the end. INT64_MAX as end is the end. Errors: TP_ERR_ARGUMENT for a step
 * below 1. */
TP_API tp_tensor *tp_slice(tp_tensor *x, int dim, int64_t start, int64_t end, int64_t step);

/* The one index of `dim`, without the dim; negative ones count from the end. Errors: TP_ERR_INDEX. */
TP_API tp_tensor *tp_select(tp_tensor *x, int dim, int64_t index);

/* All windows of `size` indices along `dim`, each `step` after the one before: the dim becomes (D - size) / step + 1, and the window
 * a new last dim. Windows may overlap in memory. Errors: TP_ERR_ARGUMENT, TP_ERR_SHAPE if there are 8 dims already.
 * Source: torch.Tensor.unfold. */
TP_API tp_tensor *tp_unfold(tp_tensor *x, int dim, int64_t size, int64_t step);

/* Element (i, j, ...) is element offset + i stride[0] + j stride[1] + ... of x, counted row-major: a view where x is packed, else a
 * view of its copy (PyTorch counts in the storage instead). Elements may overlap. Errors: TP_ERR_ARGUMENT for negative strides
 * or lists of different lengths, TP_ERR_INDEX for what lies outside. */
TP_API tp_tensor *tp_as_strided(tp_tensor *x, tp_shape size, tp_shape stride, int64_t offset);

/* Cuts `dim` into pieces of `size`, the last one smaller if need be, into outputs[0 .. count-1], where
 * count must be the number of pieces, ceil(size of dim / size), at least 1 (TP_ERR_ARGUMENT). All NULL
 * after an error. Views. */
TP_API tp_status tp_split(tp_tensor *x, int64_t size, int dim, tp_tensor **outputs, int count);

/* Cuts `dim` into pieces of these sizes (up to 8), which must add up to its own, into outputs[0 .. sizes.ndim-1]. Views. */
TP_API tp_status tp_split_sizes(tp_tensor *x, tp_shape sizes, int dim, tp_tensor **outputs);

/* Cuts `dim` into at most `chunks` pieces of one size, the last one smaller if need be; `outputs` has room for as many. Returns how many
 * there are, -1 after an error. Views. */
TP_API int tp_chunk(tp_tensor *x, int64_t chunks, int dim, tp_tensor **outputs);

/* The slices of `dim`, without it, into outputs[0 .. count-1]; count must be its size (TP_ERR_ARGUMENT). Views. */
TP_API tp_status tp_unbind(tp_tensor *x, int dim, tp_tensor **outputs, int count);

/* All tensors expanded to the shape they broadcast to, into as many outputs; or vectors (0-d counts as one element) stretched over the
 * grid that they span: output k varies along dim k, with xy the first two dims are swapped. Of one dtype (TP_ERR_DTYPE). Views. */
TP_API tp_status tp_broadcast_tensors(tp_tensors tensors, tp_tensor **outputs);
TP_API tp_status tp_meshgrid(tp_tensors tensors, bool xy, tp_tensor **outputs);

/* Dim source[k] goes to place destination[k]; the others keep their order. */
TP_API tp_tensor *tp_movedim(tp_tensor *x, tp_dims source, tp_dims destination);

/* The named dims in reverse order; none for TP_NO_DIMS. A copy. */
TP_API tp_tensor *tp_flip(tp_tensor *x, tp_dims dims);

/* Moves elements along the dims by so many places, around the end; with TP_NO_DIMS along the flattened tensor, by one shift. A copy.
 * Errors: TP_ERR_ARGUMENT unless there are as many shifts as dims. */
TP_API tp_tensor *tp_roll(tp_tensor *x, tp_shape shifts, tp_dims dims);

/* x side by side repeats[d] times in each dim; dims are added in front where there are more repeats. tp_tile() takes fewer too, and
 * then repeats the last dims. A copy. Errors: TP_ERR_ARGUMENT. Source: torch.Tensor.repeat, torch.tile. */
TP_API tp_tensor *tp_repeat(tp_tensor *x, tp_shape repeats);
TP_API tp_tensor *tp_tile(tp_tensor *x, tp_shape repeats);

/* Each index of `dim` so many times in a row; or index i repeats[i] times, repeats: (D), I64 or I32. A copy. Errors: TP_ERR_ARGUMENT
 * for a negative number, TP_ERR_SHAPE, TP_ERR_DTYPE. Source: torch.repeat_interleave. */
TP_API tp_tensor *tp_repeat_interleave(tp_tensor *x, int64_t repeats, int dim);
TP_API tp_tensor *tp_repeat_interleave_each(tp_tensor *x, tp_tensor *repeats, int dim);

/* The lower (j - i <= diagonal) or upper (j - i >= diagonal) triangle of the last two dims, zeros elsewhere. A copy. */
TP_API tp_tensor *tp_tril(tp_tensor *x, int64_t diagonal);
TP_API tp_tensor *tp_triu(tp_tensor *x, int64_t diagonal);

/* A copy of `x` in which what tp_slice(x, dim, start, end, step) or tp_select(x, dim, index) would show is
 * `source`, converted to the dtype of `x`: how to write into a part of a recorded tensor. Errors: those of
 * the view, TP_ERR_SHAPE if `source` has not its shape. */
TP_API tp_tensor *tp_slice_scatter(tp_tensor *x, tp_tensor *source, int dim, int64_t start, int64_t end,
                                   int64_t step);
TP_API tp_tensor *tp_select_scatter(tp_tensor *x, tp_tensor *source, int dim, int64_t index);

/* Joins along an existing dim (shapes alike but there; 1-d tensors without elements are passed over, as in
 * PyTorch), or along a new one (shapes alike). Dtypes promote. Copies. Errors: TP_ERR_ARGUMENT for an
 * empty list, TP_ERR_SHAPE; TP_ERR_NULL for a NULL in the list. */
TP_API tp_tensor *tp_cat(tp_tensors tensors, int dim);
TP_API tp_tensor *tp_stack(tp_tensors tensors, int dim);

TP_END_DECLS

#endif
