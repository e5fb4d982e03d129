/* Sorting, and what it gives a part of. */
#include "taper/sort.h"

#include "ops/reduce.h"
#include "ops/sort.h"

static const tp_values sort_none = {NULL, NULL};

/* The results of one call in the current scope. `shape` has want->count along the dim, or has dropped it. */
static tp_values sort_new(const tp__op *op, tp_tensor *x, tp_shape shape, const tp__picked_attr *a,
                          const tp__sort_want *want) {
    tp_tensor *packed = tp__packed(op->name, x, (tp_dtype)x->dtype);
    if (!packed) return sort_none;
    tp_values y = {tp__tensor_new(op->name, shape, (tp_dtype)x->dtype), NULL};
    y.indices = y.values ? tp__tensor_new(op->name, shape, TP_I64) : NULL;
    if (!y.indices || !tp__sort_lines(op->name, packed, a->dim, want, y.values, y.indices)) return sort_none;
    return tp__record_picked(op, x, y, a);
}

static tp_values sort_some(const tp__op *op, tp_tensor *x, tp_shape shape, const tp__picked_attr *a,
                           const tp__sort_want *want) {
    tp_scope *scope = tp_scope_begin();
    if (!scope) return sort_none;
    return tp__escape_values(scope, sort_new(op, x, shape, a, want));
}

/* Wraps the dim and gives its size; false with a record. */
static bool sort_dim(const char *op, const tp_tensor *x, int *dim, int64_t *size) {
    if (!x) tp__error_null(op, "x");
    if (!x) return false;
    *dim = tp__wrap_dim(op, *dim, x->shape.ndim);
    if (*dim < 0) return false;
    *size = x->shape.ndim ? x->shape.dims[*dim] : 1;
    return true;
}

/* Is k in lowest .. size? With a record if not. */
static bool sort_rank(const char *op, const tp_tensor *x, int dim, int64_t k, int64_t lowest, int64_t size) {
    if (k >= lowest && k <= size) return true;
    tp__error(TP_ERR_INDEX, op, "k of %lld of the %lld along dim %d of x of shape %s", (long long)k,
              (long long)size, dim, tp__shape_text(x->shape));
    return false;
}

static tp_shape sort_shape(const tp_tensor *x, int dim, int64_t count) {
    tp_shape shape = x->shape;
    if (shape.ndim) shape.dims[dim] = count;
    return shape;
}

static const tp__op sort_op = {.name = "sort", .vjp = tp__picked_vjp, .save_outputs = 2};
static const tp__op topk_op = {.name = "topk", .vjp = tp__picked_vjp, .save_outputs = 2};
static const tp__op kthvalue_op = {.name = "kthvalue", .vjp = tp__picked_vjp, .save_outputs = 2};

tp_values tp_sort(tp_tensor *x, int dim, bool descending) {
    int64_t size;
    if (!sort_dim("sort", x, &dim, &size)) return sort_none;
    return sort_some(&sort_op, x, x->shape, &(tp__picked_attr){dim, true},
                     &(tp__sort_want){.count = size, .descending = descending});
}

tp_tensor *tp_argsort(tp_tensor *x, int dim, bool descending) {
    const char *op = "argsort";
    int64_t size;
    if (!sort_dim(op, x, &dim, &size)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *packed = tp__packed(op, x, (tp_dtype)x->dtype);
    tp_tensor *y = packed ? tp__tensor_new(op, x->shape, TP_I64) : NULL;
    tp__sort_want want = {.count = size, .descending = descending};
    if (y && !tp__sort_lines(op, packed, dim, &want, NULL, y)) y = NULL;
    return tp_scope_return(scope, y);
}

tp_values tp_topk(tp_tensor *x, int64_t k, int dim, bool smallest) {
    int64_t size;
    if (!sort_dim("topk", x, &dim, &size)) return sort_none;
    if (!sort_rank("topk", x, dim, k, x->shape.ndim ? 0 : 1, size)) return sort_none;
    return sort_some(&topk_op, x, sort_shape(x, dim, k), &(tp__picked_attr){dim, true},
                     &(tp__sort_want){.count = k, .descending = !smallest});
}

tp_values tp_kthvalue(tp_tensor *x, int64_t k, int dim, bool keepdim) {
    int64_t size;
    if (!sort_dim("kthvalue", x, &dim, &size)) return sort_none;
    if (!sort_rank("kthvalue", x, dim, k, 1, size)) return sort_none;
    bool mask[TP_MAX_DIMS] = {false};
    if (x->shape.ndim) mask[dim] = true;
    return sort_some(&kthvalue_op, x, tp__reduced_shape(x->shape, mask, keepdim),
                     &(tp__picked_attr){dim, keepdim}, &(tp__sort_want){.first = k - 1, .count = 1});
}
