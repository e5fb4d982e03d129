/* Extremes along one dim with their indices. */
#include <string.h>

#include "ops/reduce.h"
#include "taper/index.h"

/* ---- the search -------------------------------------------------------------------------------------- */

typedef struct extreme_job {
    tp__reduce_rows_fn *reduce;
    int64_t (*find)(int64_t n, const void *x, const void *value);
    const char *x;
    char *values; /* NULL: not wanted */
    int64_t *indices;
    int64_t n, item;
} extreme_job;

static void extreme_range(void *context, int64_t begin, int64_t end, int worker) {
    const extreme_job *job = context;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        const char *row = job->x + r * job->n * job->item;
        double value; /* room for an element of any type */
        job->reduce(1, job->n, row, job->n, 1, &value, 1);
        job->indices[r] = job->find(job->n, row, &value);
        if (job->values) memcpy(job->values + r * job->item, &value, (size_t)job->item);
    }
}

/* F32, F64 or I64: what the search is done in. */
static tp_dtype extreme_dtype(tp_dtype dtype) { return tp__is_floating(dtype) ? dtype : TP_I64; }

/* The search over rows of n > 0 elements; `values` (or NULL) is of the rows' dtype. */
static void extreme_run(tp__reduce_kind kind, const tp_tensor *rows, int64_t n, tp_tensor *values,
                        tp_tensor *indices) {
    tp_dtype dtype = (tp_dtype)rows->dtype;
    extreme_job job = {tp__kern->reduce->rows[kind][dtype], tp__kern->reduce->find[dtype], tp__data(rows),
                       values ? tp__data(values) : NULL,    tp__data_i64(indices),         n,
                       (int64_t)tp__itemsize(dtype)};
    tp__parallel_for(indices->numel, TP__REDUCE_CHUNK / n, extreme_range, &job);
}

static tp_tensor *extreme_rows(const char *op, tp_tensor *x, int dim) {
    bool mask[TP_MAX_DIMS] = {false};
    if (x->shape.ndim > 0) mask[dim] = true;
    return tp__reduce_rows(op, x, mask, extreme_dtype((tp_dtype)x->dtype));
}

/* The shape of the result of reducing `dim`; false with a record if there is nothing along it. */
static bool extreme_shape(const char *op, const tp_tensor *x, int *dim, bool keepdim, tp_shape *shape) {
    *dim = tp__wrap_dim(op, *dim, x->shape.ndim);
    if (*dim < 0) return false;
    bool mask[TP_MAX_DIMS] = {false};
    if (x->shape.ndim > 0) mask[*dim] = true;
    if (tp__reduced_count(x->shape, mask) == 0) {
        tp__error(TP_ERR_SHAPE, op, "over no elements: dim %d of x of shape %s", *dim,
                  tp__shape_text(x->shape));
        return false;
    }
    *shape = tp__reduced_shape(x->shape, mask, keepdim);
    return true;
}

/* ---- max_dim and min_dim ------------------------------------------------------------------------------ */

void tp__picked_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp__picked_attr *a = tp__attr(ctx);
    tp_shape shape = tp__input_shape(ctx, 0);
    bool mask[TP_MAX_DIMS] = {false};
    if (shape.ndim > 0) mask[a->dim] = true;
    tp_tensor *at = tp__unreduce(tp__output(ctx, 1), mask, a->keepdim);
    tp_tensor *zeros = tp_zeros(shape, tp__input_dtype(ctx, 0));
    dx[0] = tp_scatter_add(zeros, a->dim, at, tp__unreduce(g[0], mask, a->keepdim));
}

tp_values tp__record_picked(const tp__op *op, tp_tensor *x, tp_values y, const tp__picked_attr *a) {
    tp__call call = {.op = op,
                     .n_in = 1,
                     .in = &x,
                     .n_out = 2,
                     .out = (tp_tensor *[]){y.values, y.indices},
                     .attr = a,
                     .attr_size = sizeof *a};
    return tp__record_call(&call) ? y : (tp_values){NULL, NULL};
}

tp_values tp__escape_values(tp_scope *scope, tp_values y) {
    tp_tensor *both[] = {y.values, y.indices};
    tp__hand_over(scope, 2, both);
    return (tp_values){both[0], both[1]};
}

static const tp__op max_dim_op = {.name = "max_dim", .vjp = tp__picked_vjp, .save_outputs = 2};
static const tp__op min_dim_op = {.name = "min_dim", .vjp = tp__picked_vjp, .save_outputs = 2};

static tp_values extreme_dim_values(const tp__op *op, tp__reduce_kind kind, tp_tensor *x, tp_shape shape,
                                    const tp__picked_attr *a) {
    tp_values none = {NULL, NULL}, y = none;
    tp_tensor *rows = extreme_rows(op->name, x, a->dim);
    if (!rows) return none;
    y.values = tp__tensor_new(op->name, shape, (tp_dtype)rows->dtype);
    y.indices = y.values ? tp__tensor_new(op->name, shape, TP_I64) : NULL;
    if (!y.indices) return none;
    int64_t n = x->shape.ndim > 0 ? x->shape.dims[a->dim] : 1;
    extreme_run(kind, rows, n, y.values, y.indices);
    y.values = tp__cast(op->name, y.values, (tp_dtype)x->dtype);
    return y.values ? tp__record_picked(op, x, y, a) : none;
}

static tp_values extreme_dim(const tp__op *op, tp__reduce_kind kind, tp_tensor *x, int dim, bool keepdim) {
    tp_values none = {NULL, NULL};
    tp_shape shape;
    if (!x) tp__error_null(op->name, "x");
    if (!x || !extreme_shape(op->name, x, &dim, keepdim, &shape)) return none;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return none;
    tp_values y = extreme_dim_values(op, kind, x, shape, &(tp__picked_attr){dim, keepdim});
    return tp__escape_values(scope, y);
}

tp_values tp_max_dim(tp_tensor *x, int dim, bool keepdim) {
    return extreme_dim(&max_dim_op, TP__MAX, x, dim, keepdim);
}

tp_values tp_min_dim(tp_tensor *x, int dim, bool keepdim) {
    return extreme_dim(&min_dim_op, TP__MIN, x, dim, keepdim);
}

/* ---- argmax and argmin -------------------------------------------------------------------------------- */

static tp_tensor *arg_all(const char *op, tp__reduce_kind kind, tp_tensor *x) {
    TP_REQUIRE(x, op);
    if (x->numel == 0) TP_FAIL(TP_ERR_SHAPE, op, "over no elements: x of shape %s", tp__shape_text(x->shape));
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *row = tp__packed(op, x, extreme_dtype((tp_dtype)x->dtype));
    tp_tensor *y = row ? tp__tensor_new(op, TP_SCALAR_SHAPE, TP_I64) : NULL;
    if (y) extreme_run(kind, row, x->numel, NULL, y);
    return tp_scope_return(scope, y);
}

static tp_tensor *arg_dim(const char *op, tp__reduce_kind kind, tp_tensor *x, int dim, bool keepdim) {
    TP_REQUIRE(x, op);
    tp_shape shape;
    if (!extreme_shape(op, x, &dim, keepdim, &shape)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *rows = extreme_rows(op, x, dim), *y = rows ? tp__tensor_new(op, shape, TP_I64) : NULL;
    if (y) extreme_run(kind, rows, x->shape.ndim > 0 ? x->shape.dims[dim] : 1, NULL, y);
    return tp_scope_return(scope, y);
}

tp_tensor *tp_argmax(tp_tensor *x) { return arg_all("argmax", TP__MAX, x); }
tp_tensor *tp_argmin(tp_tensor *x) { return arg_all("argmin", TP__MIN, x); }

tp_tensor *tp_argmax_dim(tp_tensor *x, int dim, bool keepdim) {
    return arg_dim("argmax_dim", TP__MAX, x, dim, keepdim);
}
tp_tensor *tp_argmin_dim(tp_tensor *x, int dim, bool keepdim) {
    return arg_dim("argmin_dim", TP__MIN, x, dim, keepdim);
}
