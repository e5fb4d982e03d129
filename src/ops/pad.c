/* Constant padding and cropping: y[i] = x[i - before] where there is such an element, else the value. So its
 * transpose is the same with negated pads, and zeros. */
#include <math.h>

#include "ops/layout.h"
#include "ops/ops.h"
#include "taper/index.h"

static void pad_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_shape pads = *(const tp_shape *)tp__attr(ctx);
    for (int i = 0; i < pads.ndim; i++) pads.dims[i] = -pads.dims[i];
    dx[0] = tp_pad(g[0], pads, 0);
}

static const tp__op pad_op = {.name = "pad", .vjp = pad_vjp};

/* The result's shape; false with a record. */
static bool pad_shape(const tp_tensor *x, tp_shape pads, tp_shape *out) {
    *out = x->shape;
    if (pads.ndim < 0 || pads.ndim > TP_MAX_DIMS || pads.ndim % 2 != 0 || pads.ndim / 2 > x->shape.ndim) {
        tp__error(TP_ERR_ARGUMENT, "pad",
                  "%d pads for shape %s: takes (before, after) pairs from the last dim on", pads.ndim,
                  tp__shape_text(x->shape));
        return false;
    }
    for (int i = 0; i < pads.ndim; i += 2) {
        int d = x->shape.ndim - 1 - i / 2;
        int64_t *size = &out->dims[d];
        if (pads.dims[i] == INT64_MIN || pads.dims[i + 1] == INT64_MIN || /* has no negative */
            __builtin_add_overflow(*size, pads.dims[i], size) ||
            __builtin_add_overflow(*size, pads.dims[i + 1], size) || *size < 0) {
            tp__error(TP_ERR_SHAPE, "pad", "pads %lld and %lld of dim %d do not fit its size %lld",
                      (long long)pads.dims[i], (long long)pads.dims[i + 1], d, (long long)x->shape.dims[d]);
            return false;
        }
    }
    return true;
}

/* Copies what both have in common from `x` to its place in `y`, once all else holds the value. */
static void pad_fill(tp_tensor *y, const tp_tensor *x, tp_shape pads, const void *value) {
    size_t item = tp__itemsize((tp_dtype)x->dtype);
    tp_shape common = x->shape;
    const char *from = tp__data(x);
    char *to = tp__data(y);
    for (int i = 0; i < pads.ndim; i += 2) {
        int d = x->shape.ndim - 1 - i / 2;
        int64_t before = pads.dims[i], end = x->shape.dims[d] + before; /* of x, as an index of y */
        int64_t first = before > 0 ? before : 0, last = end < y->shape.dims[d] ? end : y->shape.dims[d];
        common.dims[d] = last > first ? last - first : 0;
        if (last <= first) continue;
        to += first * y->strides[d] * (int64_t)item;
        from += (first - before) * x->strides[d] * (int64_t)item;
    }
    if (tp_shape_numel(common) < y->numel) tp__move_fill(item, tp__data(y), value, y->numel);
    tp__move(item, common, to, y->strides, from, x->strides);
}

tp_tensor *tp_pad(tp_tensor *x, tp_shape pads, double value) {
    TP_REQUIRE(x, "pad");
    tp_shape shape;
    if (!pad_shape(x, pads, &shape)) return NULL;
    tp_dtype dtype = (tp_dtype)x->dtype;
    if (!tp__is_floating(dtype) && value != trunc(value))
        TP_FAIL(TP_ERR_DTYPE, "pad", "%g into a tensor of %s", value, tp__dtype_text(x));
    tp_tensor *y = tp__tensor_new("pad", shape, dtype);
    if (!y) return NULL;
    _Alignas(8) char bytes[8];
    tp__store_f64(bytes, dtype, value);
    pad_fill(y, x, pads, bytes);
    return tp__record(&pad_op, y, TP__INPUTS(x), &pads, sizeof pads);
}
