/* Tensors and storages from the inside. */
#ifndef TP__CORE_TENSOR_H
#define TP__CORE_TENSOR_H

#include <stdatomic.h>

#include "core/status.h"
#include "core/thread.h"
#include "taper/dtype.h"
#include "taper/shape.h"
#include "taper/tensor.h"

/* An option whose zero means a default, and whose negative zero (TP_ZERO) means zero. */
static inline double tp__default(double value, double otherwise) {
    if (value != 0) return value;
    return __builtin_signbit(value) ? 0 : otherwise;
}

/* What the tape hangs on tensors. Core knows no more of it than how to count and drop it. */
typedef struct tp__graph_ref {
    _Atomic int32_t refs;
    void (*destroy)(struct tp__graph_ref *self); /* called when refs has reached zero */
} tp__graph_ref;

typedef struct tp__storage {
    _Atomic int32_t refs;
    bool inline_data; /* `data` follows this header in the same block */
    _Atomic uint64_t version;
    char *data;
    size_t bytes;
    void (*release)(void *data, void *context); /* memory that is the user's */
    void *context;
} tp__storage;

struct tp_tensor {
    _Atomic int32_t refs;
    uint8_t dtype;
    bool requires_grad; /* a leaf that takes part in differentiation */
    bool dense;         /* packed row-major: strides follow from the shape */
    int32_t output;     /* which output of `node` */
    tp__storage *storage;
    int64_t offset; /* in elements */
    int64_t numel;
    tp__graph_ref *node; /* the recorded op that made it, or NULL; see autograd/autograd.h */
    tp__graph_ref *meta; /* gradient and hooks, or NULL */
    tp_shape shape;
    int64_t strides[TP_MAX_DIMS];
};

/* A new packed tensor in the current scope, contents undefined. NULL with a record in the name of `op`. */
tp_tensor *tp__tensor_new(const char *op, tp_shape shape, tp_dtype dtype);

/* A tensor over the same storage with another layout, in the current scope; no gradient connection.
 * `offset` is absolute, in elements. The caller answers for the layout's bounds. */
tp_tensor *tp__tensor_alias(const char *op, const tp_tensor *base, tp_shape shape, const int64_t *strides,
                            int64_t offset);

/* A tensor over a storage, which gains a reference; in the current scope. */
tp_tensor *tp__tensor_over(const char *op, tp__storage *storage, tp_dtype dtype, tp_shape shape,
                           const int64_t *strides, int64_t offset);

/* A tensor over the caller's memory; `release` (or NULL) is called when the last one is gone. */
tp_tensor *tp__tensor_borrow(const char *op, void *data, tp_shape shape, tp_dtype dtype,
                             void (*release)(void *data, void *context), void *context);

/* Drops a reference, frees with the last. */
void tp__tensor_unref(tp_tensor *t);

tp__storage *tp__storage_new(size_t bytes);
void tp__storage_unref(tp__storage *storage);

/* Strides of a packed tensor. */
void tp__dense_strides(tp_shape shape, int64_t *strides);
bool tp__layout_is_dense(tp_shape shape, const int64_t *strides);

/* Do two different elements of `t` lie at one address? (Conservative: true for layouts it cannot tell.) */
bool tp__overlaps_itself(const tp_tensor *t);
/* Do the two share memory, other than as the same elements in the same order? */
bool tp__overlaps_partly(const tp_tensor *a, const tp_tensor *b);

static inline size_t tp__itemsize(tp_dtype dtype) {
    static const uint8_t size[TP_DTYPE_COUNT] = {4, 8, 8, 4, 1, 1};
    return size[dtype];
}
static inline bool tp__is_floating(tp_dtype dtype) { return dtype <= TP_F64; }
static inline bool tp__is_index(tp_dtype dtype) { return dtype == TP_I64 || dtype == TP_I32; }

/* The first element. */
static inline char *tp__data(const tp_tensor *t) {
    return t->storage->data + t->offset * (int64_t)tp__itemsize((tp_dtype)t->dtype);
}
/* The same of an I64 tensor. */
static inline int64_t *tp__data_i64(const tp_tensor *t) { return (int64_t *)(void *)tp__data(t); }
static inline bool tp__needs_grad(const tp_tensor *t) { return t && (t->requires_grad || t->node); }

/* Says that the storage was, or is about to be, written to. */
static inline void tp__touch(tp_tensor *t) {
    atomic_fetch_add_explicit(&t->storage->version, 1, memory_order_relaxed);
}

/* Is it a list, see tp__check_list(), without NULLs? */
tp_status tp__check_tensors(const char *op, const char *argument, tp_tensors list);

/* Is its number of dims one that a tensor can have? */
bool tp__check_ndim(const char *op, tp_shape shape);

/* Checks a shape for a new tensor: number of elements, or -1 with a record. */
int64_t tp__shape_check(const char *op, tp_shape shape, tp_dtype dtype);

/* Wraps a negative dim; -1 with a TP_ERR_INDEX record if it is out of range for `ndim` dims (a 0-d tensor has
 * the dims 0 and -1, as in PyTorch). */
int tp__wrap_dim(const char *op, int dim, int ndim);

/* The broadcast of two shapes. False if they do not fit, without a record. */
bool tp__broadcast(tp_shape a, tp_shape b, tp_shape *out);

/* "(2, 3)" for messages, in a small ring of thread-local buffers: valid for the next seven calls. */
const char *tp__shape_text(tp_shape shape);
const char *tp__dtype_text(const tp_tensor *t);

/* One element as double or I64, for getters and printing; `address` is the element's. */
double tp__load_f64(const char *address, tp_dtype dtype);
int64_t tp__load_i64(const char *address, tp_dtype dtype);
void tp__store_f64(char *address, tp_dtype dtype, double value);
int64_t tp__saturate_i64(double value); /* truncated; NaN is 0 */
/* Can an element of `dtype` be `value` as it is? Floating ones always; BOOL takes any whole number. */
bool tp__holds(tp_dtype dtype, double value);

#endif
