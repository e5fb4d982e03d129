#include "core/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/scope.h"

/* Data up to this many bytes lies in the storage's own block. */
#define INLINE_DATA 256

#define STORAGE_HEADER ((sizeof(tp__storage) + TP__ALIGN - 1) / TP__ALIGN * TP__ALIGN)

/* ---- storage --------------------------------------------------------------------------------------- */

static tp__storage *storage_init(tp__storage *s, char *data, size_t bytes, bool inline_data) {
    atomic_init(&s->refs, 1);
    atomic_init(&s->version, 0);
    s->inline_data = inline_data;
    s->data = data;
    s->bytes = bytes;
    s->release = NULL;
    s->context = NULL;
    tp__count(&tp__self()->counters.storages, 1);
    return s;
}

tp__storage *tp__storage_new(size_t bytes) {
    if (bytes <= INLINE_DATA) {
        tp__storage *s = tp__small_alloc(STORAGE_HEADER + bytes);
        return s ? storage_init(s, (char *)s + STORAGE_HEADER, bytes, true) : NULL;
    }
    tp__storage *s = tp__small_alloc(sizeof *s);
    if (!s) return NULL;
    char *data = tp__buffer_alloc(bytes);
    if (!data) {
        tp__small_free(s, sizeof *s);
        return NULL;
    }
    return storage_init(s, data, bytes, false);
}

/* The user's memory needs none: but a storage without a release function owns a buffer. */
static void release_nothing(void *data, void *context) {
    (void)data;
    (void)context;
}

static tp__storage *storage_borrow(void *data, size_t bytes, void (*release)(void *, void *), void *context) {
    tp__storage *s = tp__small_alloc(sizeof *s);
    if (!s) return NULL;
    storage_init(s, data, bytes, false);
    s->release = release;
    s->context = context;
    return s;
}

void tp__storage_unref(tp__storage *s) {
    if (!s || !tp__unref(&s->refs)) return;
    tp__count(&tp__self()->counters.storages, -1);
    if (s->inline_data) {
        tp__small_free(s, STORAGE_HEADER + s->bytes);
        return;
    }
    if (s->release) s->release(s->data, s->context);
    else tp__buffer_free(s->data, s->bytes);
    tp__small_free(s, sizeof *s);
}

/* ---- tensor ---------------------------------------------------------------------------------------- */

tp_status tp__check_tensors(const char *op, const char *argument, tp_tensors list) {
    TP_TRY(tp__check_list(op, argument, list.count, list.items));
    for (int i = 0; i < list.count; i++) {
        if (list.items[i]) continue;
        char name[64];
        snprintf(name, sizeof name, "%s[%d]", argument, i);
        return tp__error_null(op, name);
    }
    return TP_OK;
}

/* A tensor around a storage reference that the caller holds and that passes to it. */
static tp_tensor *tensor_make(const char *op, tp__storage *storage, tp_dtype dtype, tp_shape shape,
                              const int64_t *strides, int64_t offset, int64_t numel) {
    tp_tensor *t = storage && tp__scope_reserve() ? tp__small_alloc(sizeof *t) : NULL;
    if (!t) {
        tp__storage_unref(storage);
        tp__error_memory(op, numel > 0 ? (size_t)numel * tp__itemsize(dtype) : sizeof *t);
        return NULL;
    }
    atomic_init(&t->refs, 1);
    t->dtype = (uint8_t)dtype;
    t->requires_grad = false;
    t->output = 0;
    t->storage = storage;
    t->offset = offset;
    t->numel = numel;
    t->node = NULL;
    t->meta = NULL;
    t->shape.ndim = shape.ndim;
    for (int i = 0; i < shape.ndim; i++) t->shape.dims[i] = shape.dims[i];
    if (strides) {
        for (int i = 0; i < shape.ndim; i++) t->strides[i] = strides[i];
        t->dense = tp__layout_is_dense(shape, strides);
    } else {
        tp__dense_strides(t->shape, t->strides);
        t->dense = true;
    }
    tp__count(&tp__tls.counters.tensors, 1);
    tp__scope_own(t); /* there is room */
    return t;
}

tp_tensor *tp__tensor_new(const char *op, tp_shape shape, tp_dtype dtype) {
    int64_t n = tp__shape_check(op, shape, dtype);
    if (n < 0) return NULL;
    return tensor_make(op, tp__storage_new((size_t)n * tp__itemsize(dtype)), dtype, shape, NULL, 0, n);
}

tp_tensor *tp__tensor_over(const char *op, tp__storage *storage, tp_dtype dtype, tp_shape shape,
                           const int64_t *strides, int64_t offset) {
    tp__ref(&storage->refs);
    return tensor_make(op, storage, dtype, shape, strides, offset, tp_shape_numel(shape));
}

tp_tensor *tp__tensor_alias(const char *op, const tp_tensor *base, tp_shape shape, const int64_t *strides,
                            int64_t offset) {
    return tp__tensor_over(op, base->storage, (tp_dtype)base->dtype, shape, strides, offset);
}

tp_tensor *tp__tensor_borrow(const char *op, void *data, tp_shape shape, tp_dtype dtype,
                             void (*release)(void *, void *), void *context) {
    int64_t n = tp__shape_check(op, shape, dtype);
    if (n < 0) return NULL;
    tp__storage *s = storage_borrow(data, (size_t)n * tp__itemsize(dtype), release_nothing, context);
    tp_tensor *t = tensor_make(op, s, dtype, shape, NULL, 0, n);
    if (!t) return NULL; /* the memory is the caller's still */
    if (release) s->release = release;
    return t;
}

static void graph_ref_drop(tp__graph_ref *ref) {
    if (ref && tp__unref(&ref->refs)) ref->destroy(ref);
}

void tp__tensor_unref(tp_tensor *t) {
    if (!tp__unref(&t->refs)) return;
    tp__count(&tp__self()->counters.tensors, -1);
    tp__storage *storage = t->storage;
    tp__graph_ref *node = t->node, *meta = t->meta;
    tp__small_free(t, sizeof *t);
    tp__storage_unref(storage);
    graph_ref_drop(node);
    graph_ref_drop(meta);
}

/* ---- overlap --------------------------------------------------------------------------------------- */

bool tp__overlaps_itself(const tp_tensor *t) {
    if (t->dense || t->numel <= 1) return false;
    /* With the dims in order of stride, each must step over all that the smaller ones span. */
    int64_t size[TP_MAX_DIMS], step[TP_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < t->shape.ndim; i++) {
        if (t->shape.dims[i] == 1) continue;
        int64_t s = t->strides[i] < 0 ? -t->strides[i] : t->strides[i];
        int at = n++;
        for (; at > 0 && step[at - 1] > s; at--) {
            step[at] = step[at - 1];
            size[at] = size[at - 1];
        }
        step[at] = s;
        size[at] = t->shape.dims[i];
    }
    int64_t span = 0;
    for (int i = 0; i < n; i++) {
        if (step[i] <= span) return true;
        span += step[i] * (size[i] - 1);
    }
    return false;
}

/* First and last byte that a tensor reaches. */
static void byte_range(const tp_tensor *t, const char **lo, const char **hi) {
    int64_t first = 0, last = 0, item = (int64_t)tp__itemsize((tp_dtype)t->dtype);
    for (int i = 0; i < t->shape.ndim; i++) {
        int64_t reach = t->strides[i] * (t->shape.dims[i] - 1);
        if (reach < 0) first += reach;
        else last += reach;
    }
    *lo = tp__data(t) + first * item;
    *hi = tp__data(t) + (last + 1) * item - 1;
}

static bool same_layout(const tp_tensor *a, const tp_tensor *b) {
    if (a->dtype != b->dtype || tp__data(a) != tp__data(b) || !tp_shape_equal(a->shape, b->shape))
        return false;
    for (int i = 0; i < a->shape.ndim; i++)
        if (a->shape.dims[i] > 1 && a->strides[i] != b->strides[i]) return false;
    return true;
}

bool tp__overlaps_partly(const tp_tensor *a, const tp_tensor *b) {
    if (a->numel == 0 || b->numel == 0) return false;
    const char *a_lo, *a_hi, *b_lo, *b_hi;
    byte_range(a, &a_lo, &a_hi);
    byte_range(b, &b_lo, &b_hi);
    return a_lo <= b_hi && b_lo <= a_hi && !same_layout(a, b);
}

/* ---- elements -------------------------------------------------------------------------------------- */

double tp__load_f64(const char *address, tp_dtype dtype) {
    switch (dtype) {
#define LOAD_CASE(name, ctype, text, floating)                                                               \
    case name: {                                                                                             \
        ctype v;                                                                                             \
        memcpy(&v, address, sizeof v);                                                                       \
        return (double)v;                                                                                    \
    }
        TP_DTYPE_LIST(LOAD_CASE)
#undef LOAD_CASE
    }
    return NAN;
}

int64_t tp__load_i64(const char *address, tp_dtype dtype) {
    if (dtype == TP_I64) {
        int64_t v;
        memcpy(&v, address, sizeof v);
        return v;
    }
    return tp__saturate_i64(tp__load_f64(address, dtype));
}

int64_t tp__saturate_i64(double v) {
    if (v != v) return 0;
    if (v >= 0x1p63) return INT64_MAX;
    if (v < -0x1p63) return INT64_MIN;
    return (int64_t)v;
}

bool tp__holds(tp_dtype dtype, double value) {
    if (tp__is_floating(dtype)) return true;
    if (value != trunc(value)) return false;
    switch (dtype) {
    case TP_I64: return value >= -0x1p63 && value < 0x1p63;
    case TP_I32: return value >= INT32_MIN && value <= INT32_MAX;
    case TP_U8: return value >= 0 && value <= UINT8_MAX;
    default: return !isinf(value);
    }
}

void tp__store_f64(char *address, tp_dtype dtype, double value) {
    int64_t whole = tp__saturate_i64(value);
    switch (dtype) {
    case TP_F32: {
        float v = (float)value;
        memcpy(address, &v, sizeof v);
        break;
    }
    case TP_F64: memcpy(address, &value, sizeof value); break;
    case TP_I64: memcpy(address, &whole, sizeof whole); break;
    case TP_I32: {
        int32_t v = whole > INT32_MAX ? INT32_MAX : whole < INT32_MIN ? INT32_MIN : (int32_t)whole;
        memcpy(address, &v, sizeof v);
        break;
    }
    case TP_U8: *(uint8_t *)address = (uint8_t)(whole > 255 ? 255 : whole < 0 ? 0 : whole); break;
    case TP_BOOL: *address = value != 0; break;
    }
}

const char *tp__dtype_text(const tp_tensor *t) { return tp_dtype_name((tp_dtype)t->dtype); }
