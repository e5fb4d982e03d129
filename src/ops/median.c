/* The lower median. */
#include <math.h>

#include "ops/reduce.h"
#include "ops/sort.h"
#include "taper/tensor.h"

/* Elements that tie share the gradient evenly; NaN ties with NaN. */
static void median_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *x = tp__input(ctx, 0), *y = tp__output(ctx, 0);
    tp_tensor *tie = tp_where(tp_isnan(y), tp_isnan(x), tp_eq(x, y));
    tie = tie ? tp_to_dtype(tie, tp__input_dtype(ctx, 0)) : NULL;
    if (tie) dx[0] = tp_mul(tie, tp_div(g[0], tp_sum(tie)));
}

static const tp__op median_op = {.name = "median",
                                 .vjp = median_vjp,
                                 .save_inputs = TP__ALL,
                                 .save_outputs = 1};
static const tp__op median_dim_op = {.name = "median_dim", .vjp = tp__picked_vjp, .save_outputs = 2};

static tp__sort_want median_want(int64_t n) {
    return (tp__sort_want){.first = (n - 1) / 2, .count = 1, .median = true};
}

static tp_tensor *median_all(const char *op, tp_tensor *x) {
    const int64_t one[1] = {1};
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_tensor *packed = tp__packed(op, x, dtype);
    if (packed) packed = tp__tensor_alias(op, packed, (tp_shape){1, {x->numel}}, one, packed->offset);
    tp_tensor *y = packed ? tp__tensor_new(op, TP_SCALAR_SHAPE, dtype) : NULL;
    tp__sort_want want = median_want(x->numel);
    return y && tp__sort_lines(op, packed, 0, &want, y, NULL) ? y : NULL;
}

tp_tensor *tp_median(tp_tensor *x) {
    const char *op = "median";
    TP_REQUIRE(x, op);
    tp_dtype dtype = (tp_dtype)x->dtype;
    if (x->numel == 0 && !tp__is_floating(dtype))
        TP_FAIL(TP_ERR_SHAPE, op, "of no integers: x of shape %s", tp__shape_text(x->shape));
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *y = x->numel > 0 ? median_all(op, x) : tp_full(TP_SCALAR_SHAPE, NAN, dtype);
    return tp_scope_return(scope, tp__record(&median_op, y, TP__INPUTS(x), NULL, 0));
}

static tp_values median_lines(tp_tensor *x, const tp__picked_attr *a, int64_t size) {
    const char *op = "median_dim";
    bool mask[TP_MAX_DIMS] = {false};
    if (x->shape.ndim) mask[a->dim] = true;
    tp_shape shape = tp__reduced_shape(x->shape, mask, a->keepdim);
    tp_values none = {NULL, NULL}, y = none;
    tp_tensor *packed = tp__packed(op, x, (tp_dtype)x->dtype);
    y.values = packed ? tp__tensor_new(op, shape, (tp_dtype)x->dtype) : NULL;
    y.indices = y.values ? tp__tensor_new(op, shape, TP_I64) : NULL;
    tp__sort_want want = median_want(size);
    if (!y.indices || !tp__sort_lines(op, packed, a->dim, &want, y.values, y.indices)) return none;
    return tp__record_picked(&median_dim_op, x, y, a);
}

tp_values tp_median_dim(tp_tensor *x, int dim, bool keepdim) {
    const char *op = "median_dim";
    tp_values none = {NULL, NULL};
    if (!x) tp__error_null(op, "x");
    if (!x || (dim = tp__wrap_dim(op, dim, x->shape.ndim)) < 0) return none;
    int64_t size = x->shape.ndim ? x->shape.dims[dim] : 1;
    if (size == 0) {
        tp__error(TP_ERR_SHAPE, op, "over no elements: dim %d of x of shape %s", dim,
                  tp__shape_text(x->shape));
        return none;
    }
    tp_scope *scope = tp_scope_begin();
    if (!scope) return none;
    return tp__escape_values(scope, median_lines(x, &(tp__picked_attr){dim, keepdim}, size));
}
