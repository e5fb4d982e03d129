#include "taper/creation.h"

#include <math.h>
#include <string.h>

#include "ops/ops.h"
#include "taper/tensor.h"

tp_tensor *tp_empty(tp_shape shape, tp_dtype dtype) { return tp__tensor_new("empty", shape, dtype); }

/* A new tensor with one value everywhere. */
static tp_tensor *filled(const char *op, tp_shape shape, double value, tp_dtype dtype) {
    if ((unsigned)dtype < TP_DTYPE_COUNT && dtype != TP_BOOL && !tp__holds(dtype, trunc(value)))
        TP_FAIL(TP_ERR_DTYPE, op, "%g into a tensor of %s", value, tp_dtype_name(dtype));
    tp_tensor *t = tp__tensor_new(op, shape, dtype);
    if (!t || t->numel == 0) return t;
    size_t item = tp__itemsize(dtype);
    if (value == 0 && !signbit(value)) {
        memset(tp__data(t), 0, (size_t)t->numel * item);
        return t;
    }
    char one[8];
    tp__store_f64(one, dtype, value);
    char *p = tp__data(t);
    for (int64_t i = 0; i < t->numel; i++) memcpy(p + (size_t)i * item, one, item);
    return t;
}

tp_tensor *tp_zeros(tp_shape shape, tp_dtype dtype) { return filled("zeros", shape, 0, dtype); }
tp_tensor *tp_ones(tp_shape shape, tp_dtype dtype) { return filled("ones", shape, 1, dtype); }
tp_tensor *tp_full(tp_shape shape, double value, tp_dtype dtype) {
    return filled("full", shape, value, dtype);
}
tp_tensor *tp_scalar(double value, tp_dtype dtype) { return filled("scalar", TP_SCALAR_SHAPE, value, dtype); }

tp_tensor *tp_empty_like(const tp_tensor *t) {
    TP_REQUIRE(t, "empty_like");
    return tp__tensor_new("empty_like", t->shape, (tp_dtype)t->dtype);
}

tp_tensor *tp_zeros_like(const tp_tensor *t) {
    TP_REQUIRE(t, "zeros_like");
    return filled("zeros_like", t->shape, 0, (tp_dtype)t->dtype);
}

tp_tensor *tp_ones_like(const tp_tensor *t) {
    TP_REQUIRE(t, "ones_like");
    return filled("ones_like", t->shape, 1, (tp_dtype)t->dtype);
}

tp_tensor *tp_full_like(const tp_tensor *t, double value) {
    TP_REQUIRE(t, "full_like");
    return filled("full_like", t->shape, value, (tp_dtype)t->dtype);
}

tp_tensor *tp_arange(double start, double end, double step, tp_dtype dtype) {
    const char *op = "arange";
    if (!isfinite(start) || !isfinite(end) || !isfinite(step))
        TP_FAIL(TP_ERR_ARGUMENT, op, "from %g to %g by %g is not finite", start, end, step);
    if (step == 0) TP_FAIL(TP_ERR_ARGUMENT, op, "the step is 0");
    if ((end - start) / step < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "steps of %g lead from %g away from %g", step, start, end);
    double count = ceil((end - start) / step);
    if (count > 0x1p62)
        TP_FAIL(TP_ERR_SHAPE, op, "from %g to %g by %g has too many elements", start, end, step);
    tp_tensor *t = tp__tensor_new(op, TP_SHAPE((int64_t)count), dtype);
    if (!t) return NULL;
    size_t item = tp__itemsize(dtype);
    for (int64_t i = 0; i < t->numel; i++)
        tp__store_f64(tp__data(t) + (size_t)i * item, dtype, start + (double)i * step);
    return t;
}

tp_tensor *tp_linspace(double start, double end, int64_t count, tp_dtype dtype) {
    const char *op = "linspace";
    if (!tp__is_floating(dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "makes float32 or float64, not %s", tp_dtype_name(dtype));
    tp_tensor *t = tp__tensor_new(op, TP_SHAPE(count), dtype);
    if (!t) return NULL;
    size_t item = tp__itemsize(dtype);
    double step = count > 1 ? (end - start) / (double)(count - 1) : 0;
    for (int64_t i = 0; i < count; i++) { /* from both ends, so that the last element is `end` itself */
        double v = i < (count + 1) / 2 ? start + (double)i * step : end - (double)(count - 1 - i) * step;
        tp__store_f64(tp__data(t) + (size_t)i * item, dtype, v);
    }
    return t;
}

tp_tensor *tp_eye(int64_t n, int64_t m, tp_dtype dtype) {
    tp_tensor *t = filled("eye", TP_SHAPE(n, m), 0, dtype);
    if (!t) return NULL;
    size_t item = tp__itemsize(dtype);
    for (int64_t i = 0; i < n && i < m; i++)
        tp__store_f64(tp__data(t) + (size_t)(i * m + i) * item, dtype, 1);
    return t;
}

/* A packed copy of what is at `data`. */
static tp_tensor *from_memory_copy(const char *op, const char *argument, const void *data, tp_shape shape,
                                   tp_dtype dtype) {
    tp_tensor *t = tp__tensor_new(op, shape, dtype);
    if (!t || t->numel == 0) return t;
    if (!data) {
        tp__error_null(op, argument);
        return NULL;
    }
    if (dtype != TP_BOOL) {
        memcpy(tp__data(t), data, (size_t)t->numel * tp__itemsize(dtype));
        return t;
    }
    for (int64_t i = 0; i < t->numel; i++)
        tp__data(t)[i] = ((const char *)data)[i] != 0; /* only 0 and 1 are bools */
    return t;
}

tp_tensor *tp_from_data(const void *data, tp_shape shape, tp_dtype dtype) {
    return from_memory_copy("from_data", "data", data, shape, dtype);
}

tp_tensor *tp_from_memory(void *data, tp_shape shape, tp_dtype dtype, void (*release)(void *, void *),
                          void *context) {
    const char *op = "from_memory";
    TP_REQUIRE(data, op);
    int64_t n = tp__shape_check(op, shape, dtype);
    if (n < 0) return NULL;
    if ((uintptr_t)data % tp__itemsize(dtype) != 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "the address is not aligned to %zu bytes, the size of %s",
                tp__itemsize(dtype), tp_dtype_name(dtype));
    return tp__tensor_borrow(op, data, shape, dtype, release, context);
}

static tp_tensor *from_literals(const char *op, const void *values, int64_t count, tp_shape shape,
                                tp_dtype dtype) {
    int64_t n = tp__shape_check(op, shape, dtype);
    if (n < 0) return NULL;
    if (n != count)
        TP_FAIL(TP_ERR_SHAPE, op, "%lld values for shape %s", (long long)count, tp__shape_text(shape));
    return from_memory_copy(op, "values", values, shape, dtype);
}

tp_tensor *tp_from_f32(tp_shape shape, const float *values, int64_t count) {
    return from_literals("from_f32", values, count, shape, TP_F32);
}

tp_tensor *tp_from_f64(tp_shape shape, const double *values, int64_t count) {
    return from_literals("from_f64", values, count, shape, TP_F64);
}

tp_tensor *tp_from_i64(tp_shape shape, const int64_t *values, int64_t count) {
    return from_literals("from_i64", values, count, shape, TP_I64);
}
