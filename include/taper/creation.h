/* Making tensors. All results are packed, belong to the current scope and do not require grad. Errors common
 * to all: TP_ERR_SHAPE for a negative size, more than 8 dims or a product that overflows, TP_ERR_MEMORY. */
#ifndef TAPER_CREATION_H
#define TAPER_CREATION_H

#include "taper/base.h"
#include "taper/dtype.h"
#include "taper/shape.h"

TP_BEGIN_DECLS

TP_API tp_tensor *tp_empty(tp_shape shape, tp_dtype dtype); /* contents undefined */
TP_API tp_tensor *tp_zeros(tp_shape shape, tp_dtype dtype);
TP_API tp_tensor *tp_ones(tp_shape shape, tp_dtype dtype);
/* One value everywhere, or 0-d; integers take it without its fraction. Errors: TP_ERR_DTYPE for one out of an integer dtype's range. */
TP_API tp_tensor *tp_full(tp_shape shape, double value, tp_dtype dtype);
TP_API tp_tensor *tp_scalar(double value, tp_dtype dtype);

/* Of the shape and dtype of `t`. */
TP_API tp_tensor *tp_empty_like(const tp_tensor *t);
TP_API tp_tensor *tp_zeros_like(const tp_tensor *t);
TP_API tp_tensor *tp_ones_like(const tp_tensor *t);
TP_API tp_tensor *tp_full_like(const tp_tensor *t, double value);

/* start, start + step, ... below end (above, for a negative step): (ceil((end - start) / step),). Errors:
 * TP_ERR_ARGUMENT for a step of zero or of the wrong sign, or a value that is not finite. */
TP_API tp_tensor *tp_arange(double start, double end, double step, tp_dtype dtype);

/* `count` values evenly spaced from start to end, both included; dtype F32 or F64. */
TP_API tp_tensor *tp_linspace(double start, double end, int64_t count, tp_dtype dtype);

/* The identity matrix (n, m): ones on the main diagonal. */
TP_API tp_tensor *tp_eye(int64_t n, int64_t m, tp_dtype dtype);

/* Rows and columns of the elements of a triangle of an (n, m) matrix, row by row: (2, count), I64. The triangle is that of tp_tril() and
 * tp_triu() with `offset` as its diagonal. */
TP_API tp_tensor *tp_tril_indices(int64_t n, int64_t m, int64_t offset);
TP_API tp_tensor *tp_triu_indices(int64_t n, int64_t m, int64_t offset);

/* A copy of row-major elements of `dtype` at `data`, which must hold the shape's number of elements. `data`
 * may be NULL for an empty shape only (TP_ERR_NULL). */
TP_API tp_tensor *tp_from_data(const void *data, tp_shape shape, tp_dtype dtype);

/* A tensor over the caller's own memory, not copied: row-major elements of `dtype`, aligned to the dtype's size
 * (BOOL: bytes that are 0 or 1). When the last tensor that shares it is gone, release(data, context) is called, on whichever thread that was;
 * NULL for nothing. Errors: TP_ERR_NULL, TP_ERR_ARGUMENT for misaligned memory; release is then not called. */
TP_API tp_tensor *tp_from_memory(void *data, tp_shape shape, tp_dtype dtype,
                                 void (*release)(void *data, void *context), void *context);

/* From C literals: TP_F32_TENSOR(TP_SHAPE(2, 2), 1, 2, 3, 4). The number of literals must be the shape's
 * number of elements: TP_ERR_SHAPE else. */
TP_API tp_tensor *tp_from_f32(tp_shape shape, const float *values, int64_t count);
TP_API tp_tensor *tp_from_f64(tp_shape shape, const double *values, int64_t count);
TP_API tp_tensor *tp_from_i64(tp_shape shape, const int64_t *values, int64_t count);

TP_END_DECLS

#ifdef __cplusplus
template <class... A> tp_tensor *tp__from_f32(tp_shape shape, A... a) {
    const float values[] = {(float)a...};
    return tp_from_f32(shape, values, (int64_t)sizeof...(a));
}
template <class... A> tp_tensor *tp__from_f64(tp_shape shape, A... a) {
    const double values[] = {(double)a...};
    return tp_from_f64(shape, values, (int64_t)sizeof...(a));
}
template <class... A> tp_tensor *tp__from_i64(tp_shape shape, A... a) {
    const int64_t values[] = {(int64_t)a...};
    return tp_from_i64(shape, values, (int64_t)sizeof...(a));
}
#define TP_F32_TENSOR(shape, ...) (tp__from_f32(shape, __VA_ARGS__))
#define TP_F64_TENSOR(shape, ...) (tp__from_f64(shape, __VA_ARGS__))
#define TP_I64_TENSOR(shape, ...) (tp__from_i64(shape, __VA_ARGS__))
#else
#define TP_F32_TENSOR(shape, ...)                                                                            \
    tp_from_f32(shape, (const float[]){__VA_ARGS__}, TP__COUNT(float, __VA_ARGS__))
#define TP_F64_TENSOR(shape, ...)                                                                            \
    tp_from_f64(shape, (const double[]){__VA_ARGS__}, TP__COUNT(double, __VA_ARGS__))
#define TP_I64_TENSOR(shape, ...)                                                                            \
    tp_from_i64(shape, (const int64_t[]){__VA_ARGS__}, TP__COUNT(int64_t, __VA_ARGS__))
#endif

#endif
