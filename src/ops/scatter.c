/* Writing to places named by an index, element by element. For the gradient it is worked out which element of the source each element
 * of x took, if any, so that it goes to just that one. */
#include <math.h>
#include <string.h>

#include "ops/index.h"
#include "ops/ops.h"
#include "taper/index.h"
#include "taper/tensor.h"

/* Checks index against x and source (NULL: none) for `dim`, which is wrapped; -1 with a record. */
static int scatter_check(const char *op, const tp_tensor *x, int dim, const tp_tensor *index,
                         const tp_tensor *source) {
    int n = x->shape.ndim, d = tp__wrap_dim(op, dim, n);
    if (d < 0) return -1;
    if (!tp__is_index((tp_dtype)index->dtype)) {
        tp__error(TP_ERR_DTYPE, op, "index is %s, must be int64 or int32", tp__dtype_text(index));
        return -1;
    }
    if (source && source->dtype != x->dtype) {
        tp__error(TP_ERR_DTYPE, op, "x is %s, source %s: they must be of one dtype", tp__dtype_text(x),
                  tp__dtype_text(source));
        return -1;
    }
    if (index->numel == 0) return d;
    bool fits = index->shape.ndim == n && (!source || source->shape.ndim == n);
    for (int k = 0; fits && k < n; k++)
        fits = (k == d || index->shape.dims[k] <= x->shape.dims[k]) &&
               (!source || index->shape.dims[k] <= source->shape.dims[k]);
    if (fits) return d;
    if (source)
        tp__error(TP_ERR_SHAPE, op, "index %s must be no larger than x %s, but in dim %d, nor than source %s",
                  tp__shape_text(index->shape), tp__shape_text(x->shape), d, tp__shape_text(source->shape));
    else
        tp__error(TP_ERR_SHAPE, op, "index %s must be no larger than x %s, but in dim %d",
                  tp__shape_text(index->shape), tp__shape_text(x->shape), d);
    return -1;
}

/* For each element of x, of this shape, whether it is written to, and the row-major number of the element of the source that is written last;
 * `source` and `pick` may be NULL. False with a record for an index out of range. */
static bool scatter_targets(const char *op, tp_shape x, int d, tp_tensor *index, const tp_shape *source,
                            tp_tensor *mask, tp_tensor *pick) {
    tp_tensor *at = tp__packed(op, index, TP_I64);
    if (!at) return false;
    int n = x.ndim;
    int64_t to[TP_MAX_DIMS], from[TP_MAX_DIMS] = {0}, place[TP_MAX_DIMS] = {0}, size = n ? x.dims[d] : 1;
    const int64_t *v = tp__data_i64(at);
    tp__dense_strides(x, to);
    if (source) tp__dense_strides(*source, from);
    memset(tp__data(mask), 0, (size_t)mask->numel);
    if (pick) memset(tp__data(pick), 0, (size_t)pick->numel * sizeof(int64_t));
    for (int64_t i = 0; i < at->numel; i++) {
        if (v[i] < 0 || v[i] >= size) {
            tp__error(TP_ERR_INDEX, op, "index %lld is out of range for size %lld of dim %d", (long long)v[i],
                      (long long)size, d);
            return false;
        }
        int64_t target = 0, origin = 0;
        for (int k = 0; k < n; k++) {
            target += (k == d ? v[i] : place[k]) * to[k];
            origin += place[k] * from[k];
        }
        tp__data(mask)[target] = 1;
        if (pick) (tp__data_i64(pick))[target] = origin;
        for (int k = n - 1; k >= 0; k--) {
            if (++place[k] < index->shape.dims[k]) break;
            place[k] = 0;
        }
    }
    return true;
}

static void scatter_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const int d = *(const int *)tp__attr(ctx);
    tp_tensor *index = tp__input(ctx, 1), *zero = tp__constant(g[0], 0);
    const bool of_source = tp__needs(ctx, 2);
    const tp_shape shape = g[0]->shape, from = of_source ? tp__input_shape(ctx, 2) : shape;
    tp_tensor *mask = tp__tensor_new("scatter", shape, TP_BOOL);
    tp_tensor *pick = mask && of_source ? tp__tensor_new("scatter", TP_SHAPE(g[0]->numel), TP_I64) : NULL;
    if (!index || !mask || (of_source && !pick) ||
        !scatter_targets("scatter", shape, d, index, of_source ? &from : NULL, mask, pick))
        return;
    if (tp__needs(ctx, 0)) dx[0] = tp_where(mask, zero, g[0]);
    if (!of_source) return;
    tp_tensor *taken = tp_reshape(tp_where(mask, g[0], zero), TP_SHAPE(g[0]->numel));
    tp_tensor *none = tp_zeros(TP_SHAPE(tp_shape_numel(from)), (tp_dtype)g[0]->dtype);
    dx[2] = tp_reshape(tp_index_add(none, 0, pick, taken), from);
}

static const tp__op scatter_op = {.name = "scatter", .vjp = scatter_vjp, .save_inputs = 2};

tp_tensor *tp_scatter(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source) {
    const char *op = "scatter";
    TP_REQUIRE(x, op);
    TP_REQUIRE(index, op);
    TP_REQUIRE(source, op);
    int d = scatter_check(op, x, dim, index, source);
    if (d < 0) return NULL;
    if (index->numel == 0)
        return tp_scatter_add(x, d, index, source); /* nothing, but it depends on the source */
    tp_tensor *y = tp__index_set(op, x, d, index, source);
    return y ? tp__record(&scatter_op, y, TP__INPUTS(x, index, source), &d, sizeof d) : NULL;
}

tp_tensor *tp_scatter_scalar(tp_tensor *x, int dim, tp_tensor *index, double value) {
    const char *op = "scatter_scalar";
    TP_REQUIRE(x, op);
    TP_REQUIRE(index, op);
    int d = scatter_check(op, x, dim, index, NULL);
    if (d < 0) return NULL;
    if (!tp__is_floating((tp_dtype)x->dtype) &&
        !(tp__holds((tp_dtype)x->dtype, value) && value == (double)(int64_t)value))
        TP_FAIL(TP_ERR_DTYPE, op, "%g into a tensor of %s", value, tp__dtype_text(x));
    tp_scope *s = tp_scope_begin();
    tp_tensor *mask = s ? tp__tensor_new(op, x->shape, TP_BOOL) : NULL, *y = NULL;
    if (mask && scatter_targets(op, x->shape, d, index, NULL, mask, NULL))
        y = tp_where(mask, tp_full(TP_SCALAR_SHAPE, value, (tp_dtype)x->dtype), x);
    return s ? tp_scope_return(s, y) : NULL;
}

/* ---- scatter_reduce ------------------------------------------------------------------------------------------------------ */

typedef struct scatter_attr {
    int dim;
    tp_scatter_reduction reduction;
    bool exclude_self;
} scatter_attr;

/* Products, largest and smallest by one walk; y holds what they begin with. */
#define SCATTER_WALK(name, T, IS_NAN)                                                                        \
    static void name(const scatter_attr *a, char *y_, const char *source_, tp_shape x, tp_shape source,      \
                     const tp_tensor *index) {                                                               \
        T *y = (T *)(void *)y_;                                                                              \
        const T *src = (const T *)(const void *)source_;                                                     \
        const int64_t *v = tp__data_i64(index);                                                              \
        int64_t to[TP_MAX_DIMS], from[TP_MAX_DIMS], place[TP_MAX_DIMS] = {0};                                \
        tp__dense_strides(x, to);                                                                            \
        tp__dense_strides(source, from);                                                                     \
        for (int64_t i = 0; i < index->numel; i++) {                                                         \
            int64_t target = 0, origin = 0;                                                                  \
            for (int k = 0; k < x.ndim; k++) {                                                               \
                target += (k == a->dim ? v[i] : place[k]) * to[k];                                           \
                origin += place[k] * from[k];                                                                \
            }                                                                                                \
            T value = src[origin], old = y[target];                                                          \
            if (a->reduction == TP_SCATTER_PROD) y[target] = (T)(SCATTER_TIMES(old, value));                 \
            else if (IS_NAN(value)) y[target] = value;                                                       \
            else if (a->reduction == TP_SCATTER_AMAX) y[target] = value > old ? value : old;                 \
            else y[target] = value < old ? value : old;                                                      \
            for (int k = x.ndim - 1; k >= 0; k--) {                                                          \
                if (++place[k] < index->shape.dims[k]) break;                                                \
                place[k] = 0;                                                                                \
            }                                                                                                \
        }                                                                                                    \
    }
#define SCATTER_IS_NAN(v) ((v) != (v))
#define SCATTER_IS_NUMBER(v) false
#define SCATTER_TIMES(a, b) ((a) * (b))
SCATTER_WALK(scatter_walk_f32, float, SCATTER_IS_NAN)
SCATTER_WALK(scatter_walk_f64, double, SCATTER_IS_NAN)
#undef SCATTER_TIMES
#define SCATTER_TIMES(a, b) ((uint64_t)(a) * (uint64_t)(b)) /* integers wrap around */
SCATTER_WALK(scatter_walk_i64, int64_t, SCATTER_IS_NUMBER)
SCATTER_WALK(scatter_walk_i32, int32_t, SCATTER_IS_NUMBER)
SCATTER_WALK(scatter_walk_u8, uint8_t, SCATTER_IS_NUMBER)

typedef void scatter_walk(const scatter_attr *a, char *y, const char *source, tp_shape x,
                          tp_shape source_shape, const tp_tensor *index);

static scatter_walk *scatter_walk_of(tp_dtype dtype) {
    switch (dtype) {
    case TP_F32: return scatter_walk_f32;
    case TP_F64: return scatter_walk_f64;
    case TP_I64: return scatter_walk_i64;
    case TP_I32: return scatter_walk_i32;
    default: return scatter_walk_u8;
    }
}

static tp_tensor *scatter_reduce_run(const char *op, tp_tensor *x, tp_tensor *index, tp_tensor *source,
                                     scatter_attr a);

/* PyTorch's way to a product's gradient where elements are zero: with a single zero, the product of the others. The index and the source
 * are of one shape here. */
static void scatter_prod_vjp(tp__ctx *ctx, const scatter_attr *a, tp_tensor *g, tp_tensor *x,
                             tp_tensor *index, tp_tensor *source, tp_tensor *y, tp_tensor **dx) {
    const char *op = "scatter_reduce";
    tp_tensor *one = tp__constant(x, 1), *zero = tp__constant(x, 0);
    if (tp__needs(ctx, 0)) {
        tp_tensor *safe = tp_where(tp_eq_scalar(x, 0), one, x);
        tp_tensor *others = scatter_reduce_run(op, safe, index, source, *a);
        dx[0] = tp_div(tp_mul(g, others), safe);
        if (a->exclude_self) dx[0] = tp_scatter_scalar(dx[0], a->dim, index, 0);
    }
    if (!tp__needs(ctx, 2)) return;
    tp_tensor *is_zero = tp_eq_scalar(source, 0);
    tp_tensor *zeros =
        tp_scatter_add(tp_zeros_like(x), a->dim, index, tp_to_dtype(is_zero, (tp_dtype)x->dtype));
    tp_tensor *single = tp_mul(is_zero, tp_eq_scalar(tp_gather(zeros, a->dim, index), 1));
    tp_tensor *others = scatter_reduce_run(op, x, index, tp_where(single, one, source), *a);
    tp_tensor *at_zero = tp_gather(tp_mul(g, others), a->dim, index);
    tp_tensor *elsewhere = tp_div(tp_gather(tp_mul(g, y), a->dim, index), tp_where(is_zero, one, source));
    dx[2] = tp_where(single, at_zero, tp_where(is_zero, zero, elsewhere));
}

/* Those that have the value share the gradient. */
static void scatter_extreme_vjp(tp__ctx *ctx, const scatter_attr *a, tp_tensor *g, tp_tensor *x,
                                tp_tensor *index, tp_tensor *source, tp_tensor *y, tp_tensor **dx) {
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_tensor *x_is = tp_to_dtype(tp_eq(x, y), dtype);
    if (a->exclude_self) x_is = tp_scatter_scalar(x_is, a->dim, index, 0);
    tp_tensor *source_is = tp_to_dtype(tp_eq(source, tp_gather(y, a->dim, index)), dtype);
    tp_tensor *count = tp_scatter_add(x_is, a->dim, index, source_is);
    tp_tensor *share = tp_div(g, tp_where(tp_eq_scalar(count, 0), tp__constant(x, 1), count));
    if (tp__needs(ctx, 0)) dx[0] = tp_mul(share, x_is);
    if (tp__needs(ctx, 2)) dx[2] = tp_mul(tp_gather(share, a->dim, index), source_is);
}

static void scatter_reduce_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const scatter_attr *a = tp__attr(ctx);
    tp_tensor *x = tp__input(ctx, 0), *index = tp__input(ctx, 1), *source = tp__input(ctx, 2),
              *y = tp__output(ctx, 0);
    if (!x || !index || !source || !y) return;
    if (a->reduction == TP_SCATTER_PROD) scatter_prod_vjp(ctx, a, g[0], x, index, source, y, dx);
    else scatter_extreme_vjp(ctx, a, g[0], x, index, source, y, dx);
}

static const tp__op scatter_reduce_op = {.name = "scatter_reduce",
                                         .vjp = scatter_reduce_vjp,
                                         .save_inputs = TP__ALL,
                                         .save_outputs = 1};

/* What the touched elements of y begin with when x does not count. */
static double scatter_identity(tp_scatter_reduction reduction) {
    return reduction == TP_SCATTER_PROD ? 1 : reduction == TP_SCATTER_AMAX ? -INFINITY : INFINITY;
}

static tp_tensor *scatter_reduce_run(const char *op, tp_tensor *x, tp_tensor *index, tp_tensor *source,
                                     scatter_attr a) {
    if (!x || !source) return NULL;
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_scope *s = tp_scope_begin();
    tp_tensor *at = s ? tp__packed(op, index, TP_I64) : NULL,
              *from = at ? tp__packed(op, source, dtype) : NULL;
    tp_tensor *y = from ? tp__tensor_new(op, x->shape, dtype) : NULL;
    tp_tensor *mask = y ? tp__tensor_new(op, x->shape, TP_BOOL) : NULL;
    bool ok = mask && scatter_targets(op, x->shape, a.dim, at, &source->shape, mask, NULL);
    if (ok) {
        tp__copy_values(y, x);
        for (int64_t i = 0; a.exclude_self && i < y->numel; i++)
            if (tp__data(mask)[i])
                tp__store_f64(tp__data(y) + (size_t)i * tp__itemsize(dtype), dtype,
                              scatter_identity(a.reduction));
        scatter_walk_of(dtype)(&a, tp__data(y), tp__data(from), x->shape, source->shape, at);
        y = tp__record(&scatter_reduce_op, y, TP__INPUTS(x, at, source), &a, sizeof a);
    }
    return s ? tp_scope_return(s, ok ? y : NULL) : NULL;
}

/* Sums and means by scatter_add. */
static tp_tensor *scatter_mean(tp_tensor *x, tp_tensor *index, tp_tensor *source, scatter_attr a) {
    tp_tensor *start = a.exclude_self ? tp_scatter_scalar(x, a.dim, index, 0) : x;
    tp_tensor *sum = tp_scatter_add(start, a.dim, index, source);
    if (a.reduction == TP_SCATTER_SUM) return sum;
    tp_tensor *count = a.exclude_self ? tp_scatter_scalar(tp_ones_like(x), a.dim, index, 0) : tp_ones_like(x);
    count = tp_scatter_add(count, a.dim, index, tp_ones_like(source));
    count = tp_clamp_min(count, 1);
    return tp__is_floating((tp_dtype)x->dtype) ? tp_div(sum, count) : tp_div_floor(sum, count);
}

tp_tensor *tp_scatter_reduce(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source,
                             tp_scatter_reduction reduction, bool exclude_self) {
    const char *op = "scatter_reduce";
    TP_REQUIRE(x, op);
    TP_REQUIRE(index, op);
    TP_REQUIRE(source, op);
    if (x->dtype == TP_BOOL) TP_FAIL(TP_ERR_DTYPE, op, "x is bool; convert with tp_to_dtype()");
    if ((int)reduction < 0 || reduction > TP_SCATTER_AMIN)
        TP_FAIL(TP_ERR_ARGUMENT, op, "no reduction %d", (int)reduction);
    int d = scatter_check(op, x, dim, index, source);
    if (d < 0) return NULL;
    scatter_attr a = {d, reduction, exclude_self};
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *part = source, *y;
    for (int k = 0; k < index->shape.ndim && index->numel > 0; k++)
        part = tp_narrow(part, k, 0, index->shape.dims[k]);
    if (index->numel == 0) y = tp_scatter_add(x, d, index, source);
    else if (reduction <= TP_SCATTER_MEAN) y = scatter_mean(x, index, part, a);
    else y = scatter_reduce_run(op, x, index, part, a);
    if (!y) tp__error_rename(NULL, op);
    return tp_scope_return(s, y);
}
