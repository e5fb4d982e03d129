/* What the ops through LAPACK share. */
#ifndef TP__OPS_DECOMPOSE_H
#define TP__OPS_DECOMPOSE_H

#include "ops/lapack.h"
#include "taper/decompose.h"
#include "taper/linalg.h"
#include "taper/tensor.h"

/* Is this a batch of floating matrices, square ones if asked for, that this build can work on? False with a record. */
bool tp__dec_check(const char *op, const char *argument, const tp_tensor *t, bool square);

/* Rows and columns, the leading dims, and how many matrices they make. */
static inline int64_t tp__dec_rows(const tp_tensor *t) { return t->shape.dims[t->shape.ndim - 2]; }
static inline int64_t tp__dec_columns(const tp_tensor *t) { return t->shape.dims[t->shape.ndim - 1]; }
tp_shape tp__dec_batch(const tp_tensor *t);
tp_shape tp__dec_shape(tp_shape batch, int64_t rows, int64_t columns);

/* A packed copy that may be destroyed, broadcast to `batch`; with the matrices transposed, as LAPACK wants them, if
 * `columns`. Never recorded. */
tp_tensor *tp__dec_copy(const char *op, const tp_tensor *t, tp_shape batch, tp_dtype dtype, bool columns);

/* The matrices transposed, as a view that is not recorded. */
tp_tensor *tp__dec_flip(const char *op, const tp_tensor *t);

/* Turns what tp__lapack_batch() said into a record: `what` says what is wrong with the matrix, and may hold a %d for the info.
 * True if all is well. */
bool tp__dec_succeeded(const char *op, tp_status status, int64_t failed, int info, int64_t count,
                       const char *what);

/* (n, n) constants for rules: `below`, `on` and `above` the diagonal. */
tp_tensor *tp__dec_weights(const tp_tensor *like, int64_t n, double below, double on, double above);
/* The BOOL identity. */
tp_tensor *tp__dec_eye(int64_t n);

#endif
