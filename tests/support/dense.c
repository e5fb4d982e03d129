/* Row-major double arrays for the references of sample rows: see sample.h. */
#include <assert.h>
#include <stdlib.h>

#include "support/sample.h"

double *dense_new(dense *out, tp_shape shape) {
    out->shape = shape;
    out->numel = 1;
    for (int d = 0; d < shape.ndim; d++) out->numel *= shape.dims[d];
    out->data = calloc((size_t)(out->numel ? out->numel : 1), sizeof(double));
    assert(out->data);
    return out->data;
}

void dense_strides(tp_shape shape, int64_t *strides) {
    int64_t step = 1;
    for (int d = shape.ndim - 1; d >= 0; d--) {
        strides[d] = step;
        step *= shape.dims[d];
    }
}

void dense_index(tp_shape shape, int64_t n, int64_t *index) {
    for (int d = shape.ndim - 1; d >= 0; d--) {
        index[d] = n % shape.dims[d];
        n /= shape.dims[d];
    }
}

int64_t dense_broadcast(tp_shape from, tp_shape to, int64_t n) {
    int64_t position = 0, step = 1;
    for (int d = to.ndim - 1, f = from.ndim - 1; d >= 0; d--, f--) {
        int64_t index = n % to.dims[d];
        n /= to.dims[d];
        if (f < 0) continue;
        if (from.dims[f] != 1) position += index * step;
        step *= from.dims[f];
    }
    return position;
}

tp_shape dense_broadcast_shape(tp_shape a, tp_shape b) {
    tp_shape out = a.ndim >= b.ndim ? a : b;
    for (int k = 1; k <= out.ndim; k++) {
        int64_t size_a = k <= a.ndim ? a.dims[a.ndim - k] : 1;
        int64_t size_b = k <= b.ndim ? b.dims[b.ndim - k] : 1;
        assert(size_a == size_b || size_a == 1 || size_b == 1);
        out.dims[out.ndim - k] = size_a == 1 ? size_b : size_a;
    }
    return out;
}

void dense_around(tp_shape shape, int dim, int64_t *outer, int64_t *size, int64_t *inner) {
    *outer = *inner = *size = 1;
    if (shape.ndim == 0) return;
    if (dim < 0) dim += shape.ndim;
    for (int d = 0; d < dim; d++) *outer *= shape.dims[d];
    *size = shape.dims[dim];
    for (int d = dim + 1; d < shape.ndim; d++) *inner *= shape.dims[d];
}
