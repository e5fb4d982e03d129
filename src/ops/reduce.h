/* How reductions are run. */
#ifndef TP__OPS_REDUCE_H
#define TP__OPS_REDUCE_H

#include "kernels/reduce.h"
#include "ops/ops.h"

/* A reduction is split into pieces of about this many elements, for threads to share; the borders depend on
 * the shape alone. */
#define TP__REDUCE_CHUNK ((int64_t)1 << 15)

/* y = the reduction of `x` over the dims in `mask`. Both are F32, F64 or I64, and of one dtype; y is packed,
 * `x` may have any strides. The reduced dims are not empty, but for TP__SUM, which is then 0. False with a
 * record if out of memory. */
bool tp__reduce(const char *op, tp__reduce_kind kind, const tp_tensor *x, const bool mask[TP_MAX_DIMS],
                tp_tensor *y);

/* `x` as packed rows (kept dims, reduced dims) of `dtype`, not recorded; in the current scope. */
tp_tensor *tp__reduce_rows(const char *op, tp_tensor *x, const bool mask[TP_MAX_DIMS], tp_dtype dtype);

/* *out = the sum of a function of the elements [begin, begin + count) of row `row`. */
typedef void tp__row_part_fn(const void *context, int64_t row, int64_t begin, int64_t count, void *out);

/* out[r] = the sum of `part` over the n elements of row r, of F32 or F64, taken in pieces. 0 for n = 0. */
bool tp__reduce_parts(const char *op, tp_dtype dtype, int64_t rows, int64_t n, tp__row_part_fn *part,
                      const void *context, void *out);

/* What the rules of reductions keep. */
typedef struct tp__reduce_attr {
    bool mask[TP_MAX_DIMS];
    bool keepdim;
    double number; /* what the elements are divided by */
} tp__reduce_attr;

/* Fills in mask and keepdim; false with a record for a bad list of dims. */
bool tp__reduce_attr_init(const char *op, const tp_tensor *x, tp_dims dims, bool keepdim,
                          tp__reduce_attr *attr);

/* Values picked along one dim, output 0, and their indices, output 1, saved: the gradient goes to the elements
 * picked. `keepdim` unless the dim was dropped. */
typedef struct tp__picked_attr {
    int dim;
    bool keepdim;
} tp__picked_attr;
void tp__picked_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx);
/* Records such a call and gives its results, or NULLs. */
tp_values tp__record_picked(const tp__op *op, tp_tensor *x, tp_values y, const tp__picked_attr *a);

/* Ends the scope and gives its two results to the one outside; both NULL if either is. */
tp_values tp__escape_values(tp_scope *scope, tp_values y);

/* The product of the sizes that are reduced. */
int64_t tp__reduced_count(tp_shape shape, const bool mask[TP_MAX_DIMS]);

/* The list that means the same as the mask. */
tp_dims tp__mask_dims(const bool mask[TP_MAX_DIMS], int ndim);

#endif
