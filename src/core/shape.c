#include "taper/shape.h"

#include <stdio.h>

#include "core/tensor.h"

int64_t tp_shape_numel(tp_shape shape) {
    if (shape.ndim < 0 || shape.ndim > TP_MAX_DIMS) return -1;
    bool empty = false;
    int64_t n = 1; /* of the sizes that are not 0: strides of an empty tensor must not overflow either */
    for (int i = 0; i < shape.ndim; i++) {
        if (shape.dims[i] < 0) return -1;
        if (shape.dims[i] == 0) empty = true;
        else if (__builtin_mul_overflow(n, shape.dims[i], &n)) return -1;
    }
    return empty ? 0 : n;
}

bool tp_shape_equal(tp_shape a, tp_shape b) {
    if (a.ndim != b.ndim) return false;
    for (int i = 0; i < a.ndim && i < TP_MAX_DIMS; i++)
        if (a.dims[i] != b.dims[i]) return false;
    return true;
}

int tp_shape_format(tp_shape shape, char *buffer, size_t size) {
    size_t length = 0;
    int ndim = shape.ndim < 0 ? 0 : shape.ndim > TP_MAX_DIMS ? TP_MAX_DIMS : shape.ndim;
    char text[32];
    for (int i = -1; i <= ndim; i++) {
        int n;
        if (i < 0) n = snprintf(text, sizeof text, "(");
        else if (i == ndim) n = snprintf(text, sizeof text, ndim == 1 ? ",)" : ")");
        else n = snprintf(text, sizeof text, i ? ", %lld" : "%lld", (long long)shape.dims[i]);
        for (int k = 0; k < n; k++, length++)
            if (length + 1 < size) buffer[length] = text[k];
    }
    if (size > 0) buffer[length < size ? length : size - 1] = '\0';
    return (int)length;
}

const char *tp__shape_text(tp_shape shape) {
    tp__texts *texts = tp__self()->texts;
    char *text = texts->ring[texts->next++ & 7];
    tp_shape_format(shape, text, sizeof texts->ring[0]);
    return text;
}

bool tp__check_ndim(const char *op, tp_shape shape) {
    if (shape.ndim >= 0 && shape.ndim <= TP_MAX_DIMS) return true;
    tp__error(TP_ERR_SHAPE, op, "a tensor has 0 to %d dims, not %d", TP_MAX_DIMS, shape.ndim);
    return false;
}

int64_t tp__shape_check(const char *op, tp_shape shape, tp_dtype dtype) {
    if ((unsigned)dtype >= TP_DTYPE_COUNT) {
        tp__error(TP_ERR_DTYPE, op, "%d is no dtype", (int)dtype);
        return -1;
    }
    if (!tp__check_ndim(op, shape)) return -1;
    int64_t n = tp_shape_numel(shape), bytes;
    if (n < 0 || __builtin_mul_overflow(n, (int64_t)tp__itemsize(dtype), &bytes)) {
        tp__error(TP_ERR_SHAPE, op, "shape %s has a negative size or too many elements",
                  tp__shape_text(shape));
        return -1;
    }
    return n;
}

int tp__wrap_dim(const char *op, int dim, int ndim) {
    int range = ndim ? ndim : 1;
    if (dim < -range || dim >= range) {
        tp__error(TP_ERR_INDEX, op, "dim %d is out of range for %d dims", dim, ndim);
        return -1;
    }
    return dim < 0 ? dim + range : dim;
}

bool tp__broadcast(tp_shape a, tp_shape b, tp_shape *out) {
    tp_shape r = {a.ndim > b.ndim ? a.ndim : b.ndim, {0}};
    for (int i = 1; i <= r.ndim; i++) {
        int64_t x = i <= a.ndim ? a.dims[a.ndim - i] : 1, y = i <= b.ndim ? b.dims[b.ndim - i] : 1;
        if (x != y && x != 1 && y != 1) return false;
        r.dims[r.ndim - i] = x == 1 ? y : x;
    }
    *out = r;
    return true;
}

void tp__dense_strides(tp_shape shape, int64_t *strides) {
    int64_t step = 1;
    for (int i = shape.ndim - 1; i >= 0; i--) {
        strides[i] = step;
        step *= shape.dims[i] > 0 ? shape.dims[i] : 1;
    }
}

bool tp__layout_is_dense(tp_shape shape, const int64_t *strides) {
    int64_t step = 1;
    for (int i = shape.ndim - 1; i >= 0; i--) {
        if (shape.dims[i] == 0) return true;
        if (shape.dims[i] != 1 && strides[i] != step) return false;
        step *= shape.dims[i];
    }
    return true;
}
