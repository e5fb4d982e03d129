/* Tensors: what one can ask of them.
 *
 * A tensor has a dtype, up to 8 dims, strides in elements, an offset and a storage that it may share with
 * views of it. Tensors may be read by any thread; writing needs the caller's lock.
 *
 * Getters return 0, -1, NaN or NULL after an error, such as a NULL tensor. */
#ifndef TAPER_TENSOR_H
#define TAPER_TENSOR_H

#include "taper/base.h"
#include "taper/dtype.h"
#include "taper/shape.h"
#include "taper/status.h"

TP_BEGIN_DECLS

TP_API tp_shape tp_tensor_shape(const tp_tensor *t); /* a scalar shape after an error */
TP_API int tp_tensor_ndim(const tp_tensor *t);
TP_API int64_t tp_tensor_numel(const tp_tensor *t);
TP_API tp_dtype tp_tensor_dtype(const tp_tensor *t);

/* The size of one dim; a negative one counts from the end. Errors: TP_ERR_INDEX. */
TP_API int64_t tp_tensor_size(const tp_tensor *t, int dim);

/* The step between neighbours of one dim, in elements. Errors: TP_ERR_INDEX. */
TP_API int64_t tp_tensor_stride(const tp_tensor *t, int dim);

/* Are the elements packed in row-major order, without gaps? */
TP_API bool tp_tensor_is_contiguous(const tp_tensor *t);

/* Do the two share their storage (as views of one another do)? */
TP_API bool tp_tensor_shares_storage(const tp_tensor *a, const tp_tensor *b);

/* How often the tensor's storage has been written to since it was made. */
TP_API uint64_t tp_tensor_version(const tp_tensor *t);

/* The first element's address. With a non-contiguous tensor the others lie at the strides from it. Valid as
 * long as the tensor lives and until it is next changed in place. The second form is for writing: it counts
 * as one write, so it is called again before each round of writing, and fails with TP_ERR_ALIAS if elements
 * of the tensor overlap in memory (an expanded one) and TP_ERR_AUTOGRAD if it was recorded on the tape. */
TP_API const void *tp_tensor_data(const tp_tensor *t);
TP_API void *tp_tensor_data_mut(tp_tensor *t);

/* The value of a tensor of one element, as double. Errors: TP_ERR_SHAPE for any other number of elements.
 * I64 beyond 2^53 is rounded: tp_tensor_item_i64() is exact, and for integer and BOOL tensors alone. */
TP_API double tp_tensor_item(const tp_tensor *t);
TP_API int64_t tp_tensor_item_i64(const tp_tensor *t);

/* One element, `index` with one entry a dim, negative ones from the end: tp_tensor_at(t, TP_SHAPE(0, -1)).
 * Errors: TP_ERR_INDEX. */
TP_API double tp_tensor_at(const tp_tensor *t, tp_shape index);

/* Sets one element in place, converted as tp_to_dtype() does. Errors as tp_tensor_data_mut(), TP_ERR_INDEX. */
TP_API tp_status tp_tensor_set_at(tp_tensor *t, tp_shape index, double value);

/* Copies the elements, row-major, to `out`, which has room for `count` elements of the tensor's dtype.
 * Errors: TP_ERR_ARGUMENT unless count is the tensor's number of elements. */
TP_API tp_status tp_tensor_copy_out(const tp_tensor *t, void *out, int64_t count);

/* The same, converted to double. */
TP_API tp_status tp_tensor_copy_out_f64(const tp_tensor *t, double *out, int64_t count);

/* Prints the tensor as PyTorch does: `tensor([[1., 2.], [3., 4.]])`, large ones summarised with "...". A
 * dtype other than the default one, and requires_grad or the recorded op, are named at the end. Writing
 * ends with no newline. The second form behaves as snprintf: it writes at most `size` bytes including the
 * terminating 0, and returns the length of the whole text, -1 after an error. */
TP_API tp_status tp_tensor_fprint(FILE *file, const tp_tensor *t);
TP_API int tp_tensor_format(const tp_tensor *t, char *buffer, size_t size);

/* A copy of another dtype; `t` itself if it has that dtype already. Float to integer truncates and
 * saturates, NaN gives 0; to BOOL is != 0. Differentiable between floating dtypes. */
TP_API tp_tensor *tp_to_dtype(tp_tensor *t, tp_dtype dtype);

/* A packed copy; `t` itself if it is packed already. Differentiable. */
TP_API tp_tensor *tp_contiguous(tp_tensor *t);

/* A packed copy with a storage of its own. Differentiable. */
TP_API tp_tensor *tp_clone(tp_tensor *t);

/* Copies `source`, broadcast and converted, into `t` in place. Returns `t`, NULL when nothing was changed.
 * Errors: those of in-place ops (elementwise.h). */
TP_API tp_tensor *tp_copy_(tp_tensor *t, tp_tensor *source);

/* Sets every element in place. Returns `t`, NULL when nothing was changed. A value that an integer
 * tensor cannot hold, no whole number or out of range, is TP_ERR_DTYPE. */
TP_API tp_tensor *tp_fill_(tp_tensor *t, double value);

TP_END_DECLS

#endif
