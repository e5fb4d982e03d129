/* What the op families share. */
#ifndef TP__OPS_OPS_H
#define TP__OPS_OPS_H

#include "autograd/autograd.h"
#include "core/parallel.h"
#include "core/scope.h"
#include "core/tensor.h"
#include "kernels/elementwise.h"
#include "kernels/kernels.h"
#include "taper/activation.h"
#include "taper/creation.h"
#include "taper/elementwise.h"
#include "taper/reduce.h"
#include "taper/views.h"

#define TP__MAX_OPERANDS 6

/* Runs `loop` (kernels/elementwise.h) over all elements of `shape`; operands[0] has that shape and is written, the others are
 * broadcast to it. Whatever the layouts, the loop sees packed rows. Uses threads where it pays: `cost` is the
 * work of an element in units of one add. Cannot fail. */
void tp__run_loop(tp__loop *loop, tp_shape shape, int n_operands, tp_tensor *const *operands,
                  const double *params, int cost);

/* The dtype PyTorch computes a and b in, 0-d tensors counting less (torch.result_type). */
tp_dtype tp__result_type(const tp_tensor *a, const tp_tensor *b);

/* Writes the values of `from`, broadcast to the shape of `to` and converted to its dtype. Neither is recorded,
 * nor its version moved. Cannot fail. */
void tp__copy_values(tp_tensor *to, tp_tensor *from);

/* A tensor of `dtype` with the values of `t`, never recorded: `t` itself if it has that dtype. */
tp_tensor *tp__cast(const char *op, tp_tensor *t, tp_dtype dtype);
/* The same, and packed. What kernels that need packed rows ask for, once. */
tp_tensor *tp__packed(const char *op, tp_tensor *t, tp_dtype dtype);

/* A 0-d constant of the dtype of `like` (F32 for integers), never recorded: numbers in gradient rules. */
tp_tensor *tp__constant(const tp_tensor *like, double value);

/* Which of `ndim` dims a list names (none: all). False with a record for one out of range or repeated. */
bool tp__dims_mask(const char *op, tp_dims dims, int ndim, bool mask[TP_MAX_DIMS]);

/* The shape after reducing the marked dims. */
tp_shape tp__reduced_shape(tp_shape shape, const bool mask[TP_MAX_DIMS], bool keepdim);

/* Puts back dims of size 1 where a reduction without keepdim dropped them, so that a gradient broadcasts
 * against the input. A differentiable view. */
tp_tensor *tp__unreduce(tp_tensor *t, const bool mask[TP_MAX_DIMS], bool keepdim);

/* The data of `t`, packed, in the current scope; NULL stays NULL. Out of memory, with a record, *good becomes false. */
const void *tp__packed_data(const char *op, tp_tensor *t, bool *good);

/* Ends the scope with several results, which go to the one around it, all of them or none: they are then NULL. */
void tp__hand_over(tp_scope *s, int count, tp_tensor **results);

/* Has `t`, unless it is NULL, this shape and the dtype of x? False with a record, in which it is called `name`. */
bool tp__check_part(const char *op, const tp_tensor *x, const tp_tensor *t, const char *name, tp_shape shape);

/* The longest of sequences (L_i, ...) of one dtype and the same further dims, which can be stacked; -1 with a record if they are not. */
int64_t tp__check_sequences(const char *op, tp_tensors sequences);

/* Requires F32 or F64; false with a TP_ERR_DTYPE record else. */
bool tp__require_floating(const char *op, const char *argument, const tp_tensor *t);

#endif
