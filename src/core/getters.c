/* What the user may ask of a tensor. */
#include <math.h>
#include <string.h>

#include "core/scope.h"
#include "core/tensor.h"

#define GETTER_REQUIRE(t, op, result)                                                                        \
    do {                                                                                                     \
        if (TP__UNLIKELY(!(t))) {                                                                            \
            tp__error_null(op, "t");                                                                         \
            return result;                                                                                   \
        }                                                                                                    \
    } while (0)

tp_shape tp_tensor_shape(const tp_tensor *t) {
    GETTER_REQUIRE(t, "tensor_shape", TP_SCALAR_SHAPE);
    return t->shape;
}

int tp_tensor_ndim(const tp_tensor *t) {
    GETTER_REQUIRE(t, "tensor_ndim", -1);
    return t->shape.ndim;
}

int64_t tp_tensor_numel(const tp_tensor *t) {
    GETTER_REQUIRE(t, "tensor_numel", -1);
    return t->numel;
}

tp_dtype tp_tensor_dtype(const tp_tensor *t) {
    GETTER_REQUIRE(t, "tensor_dtype", TP_F32);
    return (tp_dtype)t->dtype;
}

static int getter_dim(const char *op, const tp_tensor *t, int dim) {
    if (t->shape.ndim > 0) return tp__wrap_dim(op, dim, t->shape.ndim);
    tp__error(TP_ERR_INDEX, op, "dim %d is out of range for 0 dims", dim);
    return -1;
}

int64_t tp_tensor_size(const tp_tensor *t, int dim) {
    GETTER_REQUIRE(t, "tensor_size", -1);
    int d = getter_dim("tensor_size", t, dim);
    return d < 0 ? -1 : t->shape.dims[d];
}

int64_t tp_tensor_stride(const tp_tensor *t, int dim) {
    GETTER_REQUIRE(t, "tensor_stride", -1);
    int d = getter_dim("tensor_stride", t, dim);
    return d < 0 ? -1 : t->strides[d];
}

bool tp_tensor_is_contiguous(const tp_tensor *t) {
    GETTER_REQUIRE(t, "tensor_is_contiguous", false);
    return t->dense;
}

bool tp_tensor_shares_storage(const tp_tensor *a, const tp_tensor *b) {
    if (!a || !b) {
        tp__error_null("tensor_shares_storage", a ? "b" : "a");
        return false;
    }
    return a->storage == b->storage;
}

uint64_t tp_tensor_version(const tp_tensor *t) {
    GETTER_REQUIRE(t, "tensor_version", 0);
    return atomic_load_explicit(&t->storage->version, memory_order_relaxed);
}

const void *tp_tensor_data(const tp_tensor *t) {
    GETTER_REQUIRE(t, "tensor_data", NULL);
    return tp__data(t);
}

static bool writable(const char *op, const tp_tensor *t) {
    if (t->node) {
        tp__error(TP_ERR_AUTOGRAD, op,
                  "the tensor is the result of a recorded op; write to a tp_detach() of it");
        return false;
    }
    if (tp__overlaps_itself(t)) {
        tp__error(TP_ERR_ALIAS, op, "elements of the tensor overlap in memory, of shape %s",
                  tp__shape_text(t->shape));
        return false;
    }
    return true;
}

void *tp_tensor_data_mut(tp_tensor *t) {
    GETTER_REQUIRE(t, "tensor_data_mut", NULL);
    if (!writable("tensor_data_mut", t)) return NULL;
    tp__touch(t);
    return tp__data(t);
}

static bool one_element(const char *op, const tp_tensor *t) {
    if (t->numel == 1) return true;
    tp__error(TP_ERR_SHAPE, op, "takes a tensor of one element, got shape %s", tp__shape_text(t->shape));
    return false;
}

double tp_tensor_item(const tp_tensor *t) {
    GETTER_REQUIRE(t, "tensor_item", NAN);
    return one_element("tensor_item", t) ? tp__load_f64(tp__data(t), (tp_dtype)t->dtype) : NAN;
}

int64_t tp_tensor_item_i64(const tp_tensor *t) {
    GETTER_REQUIRE(t, "tensor_item_i64", 0);
    if (tp__is_floating((tp_dtype)t->dtype)) {
        tp__error(TP_ERR_DTYPE, "tensor_item_i64", "takes an integer or bool tensor, got %s",
                  tp__dtype_text(t));
        return 0;
    }
    return one_element("tensor_item_i64", t) ? tp__load_i64(tp__data(t), (tp_dtype)t->dtype) : 0;
}

/* The address of one element, NULL with a record if there is none such. */
static char *element(const char *op, const tp_tensor *t, tp_shape index) {
    if (index.ndim != t->shape.ndim) {
        tp__error(TP_ERR_INDEX, op, "index %s needs one entry for each dim of shape %s",
                  tp__shape_text(index), tp__shape_text(t->shape));
        return NULL;
    }
    int64_t at = 0;
    for (int i = 0; i < index.ndim; i++) {
        int64_t k = index.dims[i], n = t->shape.dims[i];
        if (k < -n || k >= n) {
            tp__error(TP_ERR_INDEX, op, "index %s is out of range for shape %s", tp__shape_text(index),
                      tp__shape_text(t->shape));
            return NULL;
        }
        at += (k < 0 ? k + n : k) * t->strides[i];
    }
    return tp__data(t) + at * (int64_t)tp__itemsize((tp_dtype)t->dtype);
}

double tp_tensor_at(const tp_tensor *t, tp_shape index) {
    GETTER_REQUIRE(t, "tensor_at", NAN);
    const char *p = element("tensor_at", t, index);
    return p ? tp__load_f64(p, (tp_dtype)t->dtype) : NAN;
}

tp_status tp_tensor_set_at(tp_tensor *t, tp_shape index, double value) {
    if (!t) return tp__deliver(tp__error_null("tensor_set_at", "t"));
    if (!writable("tensor_set_at", t)) return tp__deliver(tp_last_error().code);
    char *p = element("tensor_set_at", t, index);
    if (!p) return tp__deliver(TP_ERR_INDEX);
    tp__touch(t);
    tp__store_f64(p, (tp_dtype)t->dtype, value);
    return TP_OK;
}

/* Calls visit(address, i) for every element in row-major order. */
typedef void visit_fn(const char *address, int64_t i, tp_dtype dtype, void *out);

static void visit_all(const tp_tensor *t, visit_fn *visit, void *out) {
    int64_t index[TP_MAX_DIMS] = {0}, at = 0, item = (int64_t)tp__itemsize((tp_dtype)t->dtype);
    const char *base = tp__data(t);
    for (int64_t i = 0; i < t->numel; i++) {
        visit(base + at * item, i, (tp_dtype)t->dtype, out);
        for (int d = t->shape.ndim - 1; d >= 0; d--) {
            at += t->strides[d];
            if (++index[d] < t->shape.dims[d]) break;
            at -= t->strides[d] * index[d];
            index[d] = 0;
        }
    }
}

static void visit_raw(const char *address, int64_t i, tp_dtype dtype, void *out) {
    size_t item = tp__itemsize(dtype);
    memcpy((char *)out + (size_t)i * item, address, item);
}

static void visit_f64(const char *address, int64_t i, tp_dtype dtype, void *out) {
    ((double *)out)[i] = tp__load_f64(address, dtype);
}

static tp_status copy_out(const char *op, const tp_tensor *t, void *out, int64_t count, visit_fn *visit) {
    if (!t) return tp__deliver(tp__error_null(op, "t"));
    if (count != t->numel)
        return tp__deliver(tp__error(TP_ERR_ARGUMENT, op, "room for %lld elements, the tensor has %lld",
                                     (long long)count, (long long)t->numel));
    if (!out && count > 0) return tp__deliver(tp__error_null(op, "out"));
    if (count == 0) return TP_OK;
    if (visit == visit_raw && t->dense)
        memcpy(out, tp__data(t), (size_t)count * tp__itemsize((tp_dtype)t->dtype));
    else visit_all(t, visit, out);
    return TP_OK;
}

tp_status tp_tensor_copy_out(const tp_tensor *t, void *out, int64_t count) {
    return copy_out("tensor_copy_out", t, out, count, visit_raw);
}

tp_status tp_tensor_copy_out_f64(const tp_tensor *t, double *out, int64_t count) {
    return copy_out("tensor_copy_out_f64", t, out, count, visit_f64);
}
