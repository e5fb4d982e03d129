/* What the op families share: dtypes and dims of operands. */
#include "ops/ops.h"

#include "taper/tensor.h"

/* The promoted dtype of what takes part on one level: tensors with dims above 0-d ones. */
static int dtype_class(tp_dtype dtype) { return tp__is_floating(dtype) ? 2 : dtype == TP_BOOL ? 0 : 1; }

tp_dtype tp__result_type(const tp_tensor *a, const tp_tensor *b) {
    tp_dtype x = (tp_dtype)a->dtype, y = (tp_dtype)b->dtype;
    if (x == y) return x;
    bool a_counts = a->shape.ndim > 0, b_counts = b->shape.ndim > 0;
    if (a_counts == b_counts) return tp_promote_types(x, y);
    tp_dtype main = a_counts ? x : y, other = a_counts ? y : x;
    if (dtype_class(other) <= dtype_class(main)) return main;
    return other;
}

tp_tensor *tp__cast(const char *op, tp_tensor *t, tp_dtype dtype) {
    if (t->dtype == dtype) return t;
    tp_tensor *y = tp__tensor_new(op, t->shape, dtype);
    if (y) tp__copy_values(y, t);
    return y;
}

tp_tensor *tp__packed(const char *op, tp_tensor *t, tp_dtype dtype) {
    if (t->dense && t->dtype == dtype) return t;
    tp_tensor *y = tp__tensor_new(op, t->shape, dtype);
    if (y) tp__copy_values(y, t);
    return y;
}

tp_tensor *tp__constant(const tp_tensor *like, double value) {
    if (!like) return NULL;
    tp_dtype dtype = tp__is_floating((tp_dtype)like->dtype) ? (tp_dtype)like->dtype : TP_F32;
    tp_tensor *t = tp__tensor_new("constant", TP_SCALAR_SHAPE, dtype);
    if (t) tp__store_f64(tp__data(t), dtype, value);
    return t;
}

bool tp__dims_mask(const char *op, tp_dims dims, int ndim, bool mask[TP_MAX_DIMS]) {
    for (int i = 0; i < TP_MAX_DIMS; i++) mask[i] = dims.count == 0 && i < ndim;
    if (dims.count < 0 || dims.count > TP_MAX_DIMS) {
        tp__error(TP_ERR_ARGUMENT, op, "a list of %d dims", dims.count);
        return false;
    }
    bool seen = false; /* of a 0-d tensor */
    for (int i = 0; i < dims.count; i++) {
        int d = tp__wrap_dim(op, dims.items[i], ndim);
        if (d < 0) return false;
        if (ndim == 0 ? seen : mask[d]) {
            tp__error(TP_ERR_ARGUMENT, op, "dim %d is given twice", dims.items[i]);
            return false;
        }
        if (ndim == 0) seen = true;
        else mask[d] = true;
    }
    return true;
}

tp_shape tp__reduced_shape(tp_shape shape, const bool mask[TP_MAX_DIMS], bool keepdim) {
    tp_shape r = {0, {0}};
    for (int i = 0; i < shape.ndim; i++) {
        if (!mask[i]) r.dims[r.ndim++] = shape.dims[i];
        else if (keepdim) r.dims[r.ndim++] = 1;
    }
    return r;
}

tp_tensor *tp__unreduce(tp_tensor *t, const bool mask[TP_MAX_DIMS], bool keepdim) {
    TP_REQUIRE(t, "unreduce");
    if (keepdim) return t;
    tp_shape shape = {0, {0}};
    for (int i = 0, from = 0; i < TP_MAX_DIMS && (mask[i] || from < t->shape.ndim); i++)
        shape.dims[shape.ndim++] = mask[i] ? 1 : t->shape.dims[from++];
    return tp_reshape(t, shape);
}

bool tp__require_floating(const char *op, const char *argument, const tp_tensor *t) {
    if (tp__is_floating((tp_dtype)t->dtype)) return true;
    tp__error(TP_ERR_DTYPE, op, "%s must be float32 or float64, got %s", argument, tp__dtype_text(t));
    return false;
}

bool tp__check_part(const char *op, const tp_tensor *x, const tp_tensor *t, const char *name,
                    tp_shape shape) {
    if (!t) return true;
    if (!tp_shape_equal(t->shape, shape))
        TP_FAIL(TP_ERR_SHAPE, op, "%s is %s, not %s, with x %s", name, tp__shape_text(t->shape),
                tp__shape_text(shape), tp__shape_text(x->shape));
    if (t->dtype != x->dtype)
        TP_FAIL(TP_ERR_DTYPE, op, "%s is %s, but x %s", name, tp__dtype_text(t), tp__dtype_text(x));
    return true;
}

void tp__hand_over(tp_scope *s, int count, tp_tensor **results) {
    bool ok = true;
    for (int k = 0; k < count; k++) ok = ok && results[k];
    for (int k = 0; k < count; k++) {
        results[k] = tp_scope_escape(s, ok ? results[k] : NULL);
        ok = ok && results[k];
    }
    for (int k = 0; k < count && !ok; k++) results[k] = NULL;
    tp_scope_end(s);
}

const void *tp__packed_data(const char *op, tp_tensor *t, bool *good) {
    if (!t) return NULL;
    t = tp__packed(op, t, (tp_dtype)t->dtype);
    if (!t) *good = false;
    return t ? tp__data(t) : NULL;
}
