#include "ops/decompose.h"

#include <stdio.h>
#include <string.h>

bool tp__dec_check(const char *op, const char *argument, const tp_tensor *t, bool square) {
    if (!tp__lapack_available(op)) return false;
    if (t->shape.ndim < 2) {
        tp__error(TP_ERR_SHAPE, op, "%s must have at least two dims, got %s", argument,
                  tp__shape_text(t->shape));
        return false;
    }
    if (!tp__require_floating(op, argument, t)) return false;
    if (square && tp__dec_rows(t) != tp__dec_columns(t)) {
        tp__error(TP_ERR_SHAPE, op, "%s must be square matrices, got %s", argument, tp__shape_text(t->shape));
        return false;
    }
    return tp__lapack_fits(op, tp__dec_rows(t), tp__dec_columns(t));
}

tp_shape tp__dec_batch(const tp_tensor *t) {
    tp_shape batch = t->shape;
    batch.ndim -= 2;
    batch.dims[batch.ndim] = batch.dims[batch.ndim + 1] = 0;
    return batch;
}

tp_shape tp__dec_shape(tp_shape batch, int64_t rows, int64_t columns) {
    batch.dims[batch.ndim++] = rows;
    batch.dims[batch.ndim++] = columns;
    return batch;
}

tp_tensor *tp__dec_flip(const char *op, const tp_tensor *t) {
    tp_shape shape = t->shape;
    int64_t strides[TP_MAX_DIMS];
    int n = shape.ndim;
    memcpy(strides, t->strides, sizeof strides);
    shape.dims[n - 2] = t->shape.dims[n - 1];
    shape.dims[n - 1] = t->shape.dims[n - 2];
    strides[n - 2] = t->strides[n - 1];
    strides[n - 1] = t->strides[n - 2];
    return tp__tensor_alias(op, t, shape, strides, t->offset);
}

tp_tensor *tp__dec_copy(const char *op, const tp_tensor *t, tp_shape batch, tp_dtype dtype, bool columns) {
    tp_tensor *from =
        columns ? tp__dec_flip(op, t) : tp__tensor_alias(op, t, t->shape, t->strides, t->offset);
    if (!from) return NULL;
    tp_tensor *y = tp__tensor_new(op, tp__dec_shape(batch, tp__dec_rows(from), tp__dec_columns(from)), dtype);
    if (y) tp__copy_values(y, from);
    return y;
}

bool tp__dec_succeeded(const char *op, tp_status status, int64_t failed, int info, int64_t count,
                       const char *what) {
    if (status == TP_OK) return true;
    if (status != TP_ERR_NUMERIC) return false;
    char text[128], place[48] = "";
    snprintf(text, sizeof text, what, info);
    if (count > 1) snprintf(place, sizeof place, "matrix %lld of the batch: ", (long long)failed);
    tp__error(TP_ERR_NUMERIC, op, "%s%s", place, text);
    return false;
}

tp_tensor *tp__dec_weights(const tp_tensor *like, int64_t n, double below, double on, double above) {
    if (!like) return NULL;
    tp_tensor *t = tp__tensor_new("constant", TP_SHAPE(n, n), (tp_dtype)like->dtype);
    for (int64_t i = 0; t && i < n; i++)
        for (int64_t j = 0; j < n; j++)
            tp__store_f64(tp__data(t) + (i * n + j) * (int64_t)tp__itemsize((tp_dtype)t->dtype),
                          (tp_dtype)t->dtype,
                          j < i    ? below
                          : j == i ? on
                                   : above);
    return t;
}

tp_tensor *tp__dec_eye(int64_t n) {
    tp_tensor *t = tp__tensor_new("constant", TP_SHAPE(n, n), TP_BOOL);
    if (!t) return NULL;
    memset(tp__data(t), 0, (size_t)t->numel);
    for (int64_t i = 0; i < n; i++) tp__data(t)[i * n + i] = 1;
    return t;
}
