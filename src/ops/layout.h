/* What views, join, index and pad share: moving elements between layouts, by their size alone. */
#ifndef TP__OPS_LAYOUT_H
#define TP__OPS_LAYOUT_H

#include "core/tensor.h"

/* Work of fewer elements than this stays on one thread. */
#define TP__MOVE_GRAIN 32768

/* Elements of `item` bytes read and written whatever they stand for. */
typedef uint8_t __attribute__((may_alias)) tp__item1;
typedef uint32_t __attribute__((may_alias)) tp__item4;
typedef uint64_t __attribute__((may_alias)) tp__item8;

/* Copies the elements of `shape` from one layout to another; strides in elements of `item` (1, 4 or 8) bytes.
 * The two must not overlap, nor the elements of `to` one another. Uses threads where it pays. Cannot fail. */
void tp__move(size_t item, tp_shape shape, char *to, const int64_t *to_strides, const char *from,
              const int64_t *from_strides);

/* The same for tensors of one shape and dtype. */
static inline void tp__move_tensor(tp_tensor *to, const tp_tensor *from) {
    tp__move(tp__itemsize((tp_dtype)from->dtype), from->shape, tp__data(to), to->strides, tp__data(from),
             from->strides);
}

/* Sets `n` packed elements to the `item` bytes at `value`; NULL is zeros. */
void tp__move_fill(size_t item, char *to, const void *value, int64_t n);

/* x[start:end:step] of a dim, as Python has it: from `start`, `length` elements `step` apart, all in
 * range. */
typedef struct tp__slice {
    int64_t start, length, step;
} tp__slice;

/* Resolves a slice of a dim of `size`. False with a record for a step below 1. */
bool tp__slice_resolve(const char *op, int64_t size, int64_t start, int64_t end, int64_t step,
                       tp__slice *out);

/* Wraps a dim that must exist: 0-d tensors have none. -1 with a record. */
int tp__wrap_own_dim(const char *op, int dim, const tp_tensor *x);

/* Wraps an index of a dim of `size`; -1 with a record if it is out of range. */
int64_t tp__wrap_index(const char *op, int64_t index, int64_t size, int dim);

/* The shape with a dim of `size` put before `dim`, and the shape without dim `dim`. */
tp_shape tp__shape_insert(tp_shape shape, int dim, int64_t size);
tp_shape tp__shape_drop(tp_shape shape, int dim);

/* The dim before which tp_unsqueeze() and tp_stack() put a new one; -1 with a record. */
int tp__wrap_new_dim(const char *op, int dim, tp_shape shape);

#endif
