/* Constant padding and cropping: y[i] = x[i - before] where there is such an element, else the value. So its
 * transpose is the same with negated pads, and zeros. */
#include <math.h>

#include "ops/layout.h"
#include "ops/ops.h"
#include "taper/index.h"
#include "taper/tensor.h"

static void pad_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_shape pads = *(const tp_shape *)tp__attr(ctx);
    for (int i = 0; i < pads.ndim; i++) pads.dims[i] = -pads.dims[i];
    dx[0] = tp_pad(g[0], pads, 0);
}

static const tp__op pad_op = {.name = "pad", .vjp = pad_vjp};

/* The result's shape; false with a record. */
static bool pad_shape(const char *op, const tp_tensor *x, tp_shape pads, tp_shape *out) {
    *out = x->shape;
    if (pads.ndim < 0 || pads.ndim > TP_MAX_DIMS || pads.ndim % 2 != 0 || pads.ndim / 2 > x->shape.ndim) {
        tp__error(TP_ERR_ARGUMENT, op,
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
            tp__error(TP_ERR_SHAPE, op, "pads %lld and %lld of dim %d do not fit its size %lld",
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
    if (!pad_shape("pad", x, pads, &shape)) return NULL;
    tp_dtype dtype = (tp_dtype)x->dtype;
    if (!tp__holds(dtype, value))
        TP_FAIL(TP_ERR_DTYPE, "pad", "%g into a tensor of %s", value, tp__dtype_text(x));
    tp_tensor *y = tp__tensor_new("pad", shape, dtype);
    if (!y) return NULL;
    _Alignas(8) char bytes[8];
    tp__store_f64(bytes, dtype, value);
    pad_fill(y, x, pads, bytes);
    return tp__record(&pad_op, y, TP__INPUTS(x), &pads, sizeof pads);
}

/* ---- with what stands in x -------------------------------------------------------------------------------- */

/* Which index of x padded position i shows. */
static int64_t pad_source(tp_pad_mode mode, int64_t i, int64_t size) {
    if (mode == TP_PAD_REPLICATE) return i < 0 ? 0 : i >= size ? size - 1 : i;
    if (mode == TP_PAD_CIRCULAR) return i < 0 ? i + size : i >= size ? i - size : i;
    return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
}

static bool pad_check_mode(const char *op, tp_pad_mode mode, int64_t before, int64_t after, int64_t size,
                           int d) {
    int64_t most = mode == TP_PAD_REFLECT ? size - 1 : mode == TP_PAD_CIRCULAR ? size : INT64_MAX;
    bool grows = before > 0 || after > 0;
    if (!grows || (size > 0 && before <= most && after <= most)) return true;
    tp__error(TP_ERR_ARGUMENT, op, "pads %lld and %lld of dim %d, of size %lld, are more than %s allows",
              (long long)before, (long long)after, d, (long long)size,
              mode == TP_PAD_REFLECT    ? "reflecting"
              : mode == TP_PAD_CIRCULAR ? "going around"
                                        : "an empty dim");
    return false;
}

/* One dim: its indices, one after the other. */
static tp_tensor *pad_dim(const char *op, tp_tensor *x, int d, int64_t before, int64_t after,
                          tp_pad_mode mode) {
    if (mode == TP_PAD_CIRCULAR && (before < 0 || after < 0)) { /* what is left goes around */
        int64_t front = before < 0 ? -before : 0, back = after < 0 ? -after : 0;
        x = tp_narrow(x, d, front, x->shape.dims[d] - front - back);
        before += front;
        after += back;
    }
    if (!x || (before == 0 && after == 0)) return x;
    int64_t size = x->shape.dims[d], wide = size + before + after;
    tp_tensor *index = tp__tensor_new(op, TP_SHAPE(wide), TP_I64);
    if (!index) return NULL;
    int64_t *to = tp__data_i64(index);
    for (int64_t i = 0; i < wide; i++) to[i] = pad_source(mode, i - before, size);
    return tp_index_select(x, d, index);
}

tp_tensor *tp_pad_with(tp_tensor *x, tp_shape pads, tp_pad_mode mode) {
    const char *op = "pad_with";
    TP_REQUIRE(x, op);
    tp_shape shape;
    if ((int)mode < 0 || mode > TP_PAD_CIRCULAR) TP_FAIL(TP_ERR_ARGUMENT, op, "no mode %d", (int)mode);
    if (!pad_shape(op, x, pads, &shape)) return NULL;
    for (int i = 0; i < pads.ndim && mode != TP_PAD_CONSTANT; i += 2) {
        int d = x->shape.ndim - 1 - i / 2;
        int64_t before = pads.dims[i], after = pads.dims[i + 1], size = x->shape.dims[d];
        if (mode == TP_PAD_CIRCULAR) size += (before < 0 ? before : 0) + (after < 0 ? after : 0);
        if (!pad_check_mode(op, mode, before, after, size, d)) return NULL;
    }
    if (tp__shape_check(op, shape, (tp_dtype)x->dtype) < 0) return NULL;
    if (mode == TP_PAD_CONSTANT) return tp_pad(x, pads, 0);
    tp_scope *s = tp_scope_begin();
    tp_tensor *y = x;
    for (int i = 0; s && y && i < pads.ndim; i += 2)
        y = pad_dim(op, y, x->shape.ndim - 1 - i / 2, pads.dims[i], pads.dims[i + 1], mode);
    return s ? tp_scope_return(s, y && y->storage == x->storage ? tp_clone(y) : y) : NULL;
}
