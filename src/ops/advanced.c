/* Indexing by tensors and masks: what is meant is worked out as one vector of row numbers, and index_select, index_add and where do the
 * rest, with their gradients. */
#include <string.h>

#include "ops/layout.h"
#include "ops/ops.h"
#include "taper/index.h"
#include "taper/tensor.h"

/* ---- nonzero --------------------------------------------------------------------------------------------------- */

/* The row-major numbers of the elements of one type that are not zero: how many there are, and their numbers, `count` of them. */
#define ADVANCED_SET(suffix, T)                                                                              \
    static int64_t advanced_count_##suffix(const void *x_, int64_t n) {                                      \
        const T *x = x_;                                                                                     \
        int64_t count = 0;                                                                                   \
        for (int64_t i = 0; i < n; i++) count += x[i] != 0;                                                  \
        return count;                                                                                        \
    }                                                                                                        \
    static void advanced_list_##suffix(const void *x_, int64_t count, int64_t *to) {                         \
        const T *x = x_;                                                                                     \
        for (int64_t i = 0, k = 0; k < count; i++) { /* no branch on what is as likely as not */             \
            to[k] = i;                                                                                       \
            k += x[i] != 0;                                                                                  \
        }                                                                                                    \
    }
ADVANCED_SET(f32, float)
ADVANCED_SET(f64, double)
ADVANCED_SET(i64, int64_t)
ADVANCED_SET(i32, int32_t)
ADVANCED_SET(u8, uint8_t)
#undef ADVANCED_SET

/* The row-major numbers of the elements that are not zero: (count), I64. Not recorded. */
static tp_tensor *advanced_set_numbers(const char *op, tp_tensor *x) {
    static const struct {
        int64_t (*count)(const void *x, int64_t n);
        void (*list)(const void *x, int64_t count, int64_t *to);
    } ways[TP_DTYPE_COUNT] = {
        [TP_F32] = {advanced_count_f32, advanced_list_f32},
        [TP_F64] = {advanced_count_f64, advanced_list_f64},
        [TP_I64] = {advanced_count_i64, advanced_list_i64},
        [TP_I32] = {advanced_count_i32, advanced_list_i32},
        [TP_U8] = {advanced_count_u8, advanced_list_u8},
        [TP_BOOL] = {advanced_count_u8, advanced_list_u8},
    };
    tp_scope *s = tp_scope_begin();
    tp_tensor *packed = s ? tp__packed(op, x, (tp_dtype)x->dtype) : NULL, *y = NULL;
    if (packed)
        y = tp__tensor_new(op, TP_SHAPE(ways[x->dtype].count(tp__data(packed), packed->numel)), TP_I64);
    if (y) ways[x->dtype].list(tp__data(packed), y->numel, tp__data_i64(y));
    return s ? tp_scope_return(s, y) : NULL;
}

/* Rows of the indices of the elements with these numbers, which ascend. */
static void advanced_coordinates(const int64_t *numbers, int64_t count, tp_shape shape, int64_t *to) {
    const int n = shape.ndim, last = n - 1;
    int64_t index[TP_MAX_DIMS] = {0}, line = 0, width = n ? shape.dims[last] : 1;
    for (int64_t k = 0; k < count; k++, to += n) {
        for (; numbers[k] - line >= width; line += width)
            for (int d = last - 1; d >= 0; d--) {
                if (++index[d] < shape.dims[d]) break;
                index[d] = 0;
            }
        for (int d = 0; d < last; d++) to[d] = index[d];
        if (n > 0) to[last] = numbers[k] - line;
    }
}

/* Row-major numbers of elements of `shape` as indices of dim d: (count), I64. */
static tp_tensor *advanced_coordinate(const char *op, const tp_tensor *numbers, tp_shape shape, int d) {
    int64_t inner = 1;
    for (int k = d + 1; k < shape.ndim; k++) inner *= shape.dims[k];
    tp_tensor *y = tp__tensor_new(op, numbers->shape, TP_I64);
    const int64_t *from = tp__data_i64(numbers);
    int64_t *to = y ? tp__data_i64(y) : NULL;
    for (int64_t n = 0; to && n < y->numel; n++) to[n] = from[n] / inner % shape.dims[d];
    return y;
}

tp_tensor *tp_nonzero(tp_tensor *x) {
    const char *op = "nonzero";
    TP_REQUIRE(x, op);
    tp_scope *s = tp_scope_begin();
    tp_tensor *numbers = s ? advanced_set_numbers(op, x) : NULL;
    tp_tensor *y = numbers ? tp__tensor_new(op, TP_SHAPE(numbers->numel, x->shape.ndim), TP_I64) : NULL;
    if (y) advanced_coordinates(tp__data_i64(numbers), numbers->numel, x->shape, tp__data_i64(y));
    return s ? tp_scope_return(s, y) : NULL;
}

/* ---- masks -------------------------------------------------------------------------------------------------------- */

static bool advanced_check_mask(const char *op, const tp_tensor *x, const tp_tensor *mask, tp_shape *shape) {
    if (mask->dtype != TP_BOOL) {
        tp__error(TP_ERR_DTYPE, op, "the mask must be bool, got %s", tp__dtype_text(mask));
        return false;
    }
    if (tp__broadcast(x->shape, mask->shape, shape)) return true;
    tp__error(TP_ERR_SHAPE, op, "x %s and mask %s do not broadcast", tp__shape_text(x->shape),
              tp__shape_text(mask->shape));
    return false;
}

static tp_tensor *advanced_flat(tp_tensor *t, tp_shape shape) {
    return tp_reshape(tp_expand(t, shape), TP_SHAPE(tp_shape_numel(shape)));
}

tp_tensor *tp_masked_select(tp_tensor *x, tp_tensor *mask) {
    const char *op = "masked_select";
    TP_REQUIRE(x, op);
    TP_REQUIRE(mask, op);
    tp_shape shape;
    if (!advanced_check_mask(op, x, mask, &shape)) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *wide = tp_expand(mask, shape), *numbers = wide ? advanced_set_numbers(op, wide) : NULL;
    return tp_scope_return(s, numbers ? tp_index_select(advanced_flat(x, shape), 0, numbers) : NULL);
}

tp_tensor *tp_masked_scatter(tp_tensor *x, tp_tensor *mask, tp_tensor *source) {
    const char *op = "masked_scatter";
    TP_REQUIRE(x, op);
    TP_REQUIRE(mask, op);
    TP_REQUIRE(source, op);
    tp_shape shape;
    if (!advanced_check_mask(op, x, mask, &shape)) return NULL;
    if (x->dtype != source->dtype)
        TP_FAIL(TP_ERR_DTYPE, op, "x is %s, source %s: they must be of one dtype", tp__dtype_text(x),
                tp__dtype_text(source));
    tp_scope *s = tp_scope_begin();
    tp_tensor *wide = s ? tp_expand(mask, shape) : NULL,
              *numbers = wide ? advanced_set_numbers(op, wide) : NULL;
    tp_tensor *pick = numbers ? tp__tensor_new(op, TP_SHAPE(tp_shape_numel(shape)), TP_I64) : NULL, *y = NULL;
    if (pick && numbers->numel > source->numel) {
        tp__error(TP_ERR_SHAPE, op, "the mask has %lld places, source %s fewer elements",
                  (long long)numbers->numel, tp__shape_text(source->shape));
    } else if (pick && numbers->numel == 0) {
        tp_tensor *none = tp_narrow(tp_reshape(source, TP_SHAPE(source->numel)), 0, 0, 0);
        y = tp_reshape(tp_index_add(advanced_flat(x, shape), 0, numbers, none), shape);
    } else if (pick) {
        const int64_t *from = tp__data_i64(numbers);
        int64_t *to = tp__data_i64(pick);
        memset(to, 0, (size_t)pick->numel * sizeof *to);
        for (int64_t n = 0; n < numbers->numel; n++) to[from[n]] = n;
        tp_tensor *spread = tp_index_select(tp_reshape(source, TP_SHAPE(source->numel)), 0, pick);
        y = tp_where(wide, tp_reshape(spread, shape), x);
    }
    return s ? tp_scope_return(s, y) : NULL;
}

/* ---- slices of one dim ------------------------------------------------------------------------------------------------ */

/* A packed vector of indices of `dim`, checked. */
static tp_tensor *advanced_vector(const char *op, tp_tensor *index, int64_t size, int dim) {
    if (!tp__is_index((tp_dtype)index->dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "index is %s, must be int64 or int32", tp__dtype_text(index));
    if (index->shape.ndim > 1)
        TP_FAIL(TP_ERR_SHAPE, op, "index is %s, must be a vector", tp__shape_text(index->shape));
    tp_tensor *t = tp__packed(op, index, TP_I64);
    const int64_t *v = t ? tp__data_i64(t) : NULL;
    for (int64_t n = 0; t && n < t->numel; n++)
        if (v[n] < 0 || v[n] >= size)
            TP_FAIL(TP_ERR_INDEX, op, "index[%lld] is %lld, out of range for size %lld of dim %d",
                    (long long)n, (long long)v[n], (long long)size, dim);
    return t;
}

/* A shape of ones but for the size of `dim`: what makes a vector along it broadcast. */
static tp_shape advanced_along(int ndim, int dim, int64_t size) {
    tp_shape shape = {ndim, {1, 1, 1, 1, 1, 1, 1, 1}};
    if (ndim > 0) shape.dims[dim] = size;
    return shape;
}

/* Which slices are named: BOOL, broadcasts against x. The last one of those that name slice i: pick[i]. */
static tp_tensor *advanced_named(const char *op, const tp_tensor *index, int64_t size, int ndim, int dim,
                                 tp_tensor *pick) {
    tp_tensor *mask = tp__tensor_new(op, advanced_along(ndim, dim, size), TP_BOOL);
    if (!mask) return NULL;
    memset(tp__data(mask), 0, (size_t)mask->numel);
    const int64_t *v = tp__data_i64(index);
    for (int64_t n = 0; n < index->numel; n++) {
        tp__data(mask)[v[n]] = 1;
        if (pick) (tp__data_i64(pick))[v[n]] = n;
    }
    return mask;
}

tp_tensor *tp_index_fill(tp_tensor *x, int dim, tp_tensor *index, double value) {
    const char *op = "index_fill";
    TP_REQUIRE(x, op);
    TP_REQUIRE(index, op);
    int n = x->shape.ndim, d = tp__wrap_dim(op, dim, n);
    if (d < 0) return NULL;
    if (!tp__holds((tp_dtype)x->dtype, value) ||
        (!tp__is_floating((tp_dtype)x->dtype) && value != (double)(int64_t)value))
        TP_FAIL(TP_ERR_DTYPE, op, "%g into a tensor of %s", value, tp__dtype_text(x));
    tp_scope *s = tp_scope_begin();
    int64_t size = n ? x->shape.dims[d] : 1;
    tp_tensor *at = s ? advanced_vector(op, index, size, d) : NULL;
    tp_tensor *mask = at ? advanced_named(op, at, size, n, d, NULL) : NULL;
    tp_tensor *filled = mask ? tp_full(TP_SCALAR_SHAPE, value, (tp_dtype)x->dtype) : NULL;
    return s ? tp_scope_return(s, filled ? tp_where(mask, filled, x) : NULL) : NULL;
}

tp_tensor *tp_index_copy(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source) {
    const char *op = "index_copy";
    TP_REQUIRE(x, op);
    TP_REQUIRE(index, op);
    TP_REQUIRE(source, op);
    int n = x->shape.ndim, d = tp__wrap_dim(op, dim, n);
    if (d < 0) return NULL;
    if (x->dtype != source->dtype)
        TP_FAIL(TP_ERR_DTYPE, op, "x is %s, source %s: they must be of one dtype", tp__dtype_text(x),
                tp__dtype_text(source));
    tp_shape expected = x->shape;
    if (n > 0) expected.dims[d] = index->numel;
    if (!tp_shape_equal(expected, source->shape))
        TP_FAIL(TP_ERR_SHAPE, op, "source is %s instead of %s", tp__shape_text(source->shape),
                tp__shape_text(expected));
    tp_scope *s = tp_scope_begin();
    int64_t size = n ? x->shape.dims[d] : 1;
    tp_tensor *at = s ? advanced_vector(op, index, size, d) : NULL, *y = NULL;
    tp_tensor *pick = at ? tp_zeros(TP_SHAPE(size), TP_I64) : NULL;
    tp_tensor *mask = pick ? advanced_named(op, at, size, n, d, pick) : NULL;
    if (mask && at->numel == 0)
        y = tp_index_add(x, d, at, source); /* nothing, but it depends on the source */
    else if (mask) y = tp_where(mask, n ? tp_index_select(source, d, pick) : source, x);
    return s ? tp_scope_return(s, y) : NULL;
}

tp_tensor *tp_take_along_dim(tp_tensor *x, tp_tensor *index, int dim) {
    const char *op = "take_along_dim";
    TP_REQUIRE(x, op);
    TP_REQUIRE(index, op);
    int n = x->shape.ndim, d = tp__wrap_dim(op, dim, n);
    if (d < 0) return NULL;
    tp_shape a = x->shape, b = index->shape, both;
    if (index->shape.ndim != n)
        TP_FAIL(TP_ERR_SHAPE, op, "index %s has not as many dims as x %s", tp__shape_text(b),
                tp__shape_text(a));
    if (n > 0) a.dims[d] = b.dims[d] = 1;
    if (!tp__broadcast(a, b, &both))
        TP_FAIL(TP_ERR_SHAPE, op, "index %s and x %s do not broadcast but for dim %d",
                tp__shape_text(index->shape), tp__shape_text(x->shape), d);
    if (!tp__is_index((tp_dtype)index->dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "index is %s, must be int64 or int32", tp__dtype_text(index));
    a = b = both;
    if (n > 0) {
        a.dims[d] = x->shape.dims[d];
        b.dims[d] = index->shape.dims[d];
    }
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *y = tp_gather(tp_expand(x, a), d, tp_expand(index, b));
    if (!y) tp__error_rename(NULL, op);
    return tp_scope_return(s, y);
}

/* ---- several index tensors at once ---------------------------------------------------------------------------------------- */

/* x[i0, :, i2, ...] worked out. */
typedef struct advanced_plan {
    int n_indexed;              /* dims of x that are indexed */
    int dims[TP_MAX_DIMS];      /* which */
    tp_tensor *at[TP_MAX_DIMS]; /* by what, each I64 */
    tp_shape shape;             /* what the index tensors broadcast to */
    tp_shape rest;              /* the sizes of the other dims of x, in their order */
    int place;                  /* before which of these the result has the indices' dims */
    int64_t rows;               /* product of the sizes of the indexed dims */
    tp_tensor *numbers;         /* (numel of shape), I64: rows of x with the indexed dims in front */
} advanced_plan;

/* One entry of the list: an index tensor, or a mask, which stands for as many dims as it has. */
static bool advanced_add(const char *op, advanced_plan *plan, const tp_tensor *x, int number,
                         tp_tensor *index, int *dim) {
    bool mask = index->dtype == TP_BOOL || index->dtype == TP_U8;
    if (!mask && !tp__is_index((tp_dtype)index->dtype)) {
        tp__error(TP_ERR_DTYPE, op, "index %d is %s, must be int64, int32 or bool", number,
                  tp__dtype_text(index));
        return false;
    }
    int count = mask ? index->shape.ndim : 1;
    if (*dim + count > x->shape.ndim || (mask && count == 0)) {
        tp__error(TP_ERR_INDEX, op, "index %d goes beyond the dims of x %s", number,
                  tp__shape_text(x->shape));
        return false;
    }
    tp_tensor *numbers = mask ? advanced_set_numbers(op, index) : NULL;
    if (mask && !numbers) return false;
    for (int k = 0; k < count; k++, (*dim)++) {
        if (mask && index->shape.dims[k] != x->shape.dims[*dim]) {
            tp__error(TP_ERR_SHAPE, op, "mask %d, %s, does not fit x %s at dim %d", number,
                      tp__shape_text(index->shape), tp__shape_text(x->shape), *dim);
            return false;
        }
        tp_tensor *at =
            mask ? advanced_coordinate(op, numbers, index->shape, k) : tp__cast(op, index, TP_I64);
        if (!at) return false;
        plan->dims[plan->n_indexed] = *dim;
        plan->at[plan->n_indexed++] = at;
    }
    return true;
}

/* The number of the row that each combination of indices means; negative ones count from the end. */
static bool advanced_number_rows(const char *op, advanced_plan *plan, const tp_tensor *x) {
    plan->numbers = tp__tensor_new(op, TP_SHAPE(tp_shape_numel(plan->shape)), TP_I64);
    if (!plan->numbers) return false;
    int64_t *to = tp__data_i64(plan->numbers);
    memset(to, 0, (size_t)plan->numbers->numel * sizeof *to);
    plan->rows = 1;
    for (int k = 0; k < plan->n_indexed; k++) {
        int64_t size = x->shape.dims[plan->dims[k]];
        tp_tensor *wide = tp_expand(plan->at[k], plan->shape),
                  *packed = wide ? tp__packed(op, wide, TP_I64) : NULL;
        if (!packed) return false;
        const int64_t *v = tp__data_i64(packed);
        for (int64_t n = 0; n < packed->numel; n++) {
            if (v[n] < -size || v[n] >= size) {
                tp__error(TP_ERR_INDEX, op, "index %lld is out of range for size %lld of dim %d",
                          (long long)v[n], (long long)size, plan->dims[k]);
                return false;
            }
            to[n] = to[n] * size + (v[n] < 0 ? v[n] + size : v[n]);
        }
        plan->rows *= size;
    }
    return true;
}

static bool advanced_make_plan(const char *op, advanced_plan *plan, tp_tensor *x, tp_tensors indices) {
    *plan = (advanced_plan){.shape = {0, {0}}};
    if (indices.count < 1 || indices.count > TP_MAX_DIMS) {
        tp__error(TP_ERR_ARGUMENT, op, "takes 1 to %d indices, got %d", TP_MAX_DIMS, indices.count);
        return false;
    }
    if (tp__check_list(op, "indices", indices.count, indices.items) != TP_OK) return false;
    int dim = 0;
    for (int i = 0; i < indices.count; i++) {
        if (!indices.items[i]) {
            if (tp__error_pending()) { /* not an absent index, but one that failed */
                tp__error_null(op, "indices");
                return false;
            }
            if (dim++ < x->shape.ndim) continue;
            tp__error(TP_ERR_INDEX, op, "index %d goes beyond the dims of x %s", i, tp__shape_text(x->shape));
            return false;
        }
        if (!advanced_add(op, plan, x, i, indices.items[i], &dim)) return false;
    }
    for (int k = 0; k < plan->n_indexed; k++) {
        tp_shape before = plan->shape;
        if (!tp__broadcast(before, plan->at[k]->shape, &plan->shape)) {
            tp__error(TP_ERR_SHAPE, op, "index tensors do not broadcast: %s and %s", tp__shape_text(before),
                      tp__shape_text(plan->at[k]->shape));
            return false;
        }
    }
    int n = plan->n_indexed;
    bool adjacent = n > 0 && plan->dims[n - 1] - plan->dims[0] == n - 1;
    plan->place = adjacent ? plan->dims[0] : 0;
    for (int d = 0, k = 0; d < x->shape.ndim; d++) {
        if (k < plan->n_indexed && plan->dims[k] == d) k++;
        else plan->rest.dims[plan->rest.ndim++] = x->shape.dims[d];
    }
    if (plan->rest.ndim + plan->shape.ndim > TP_MAX_DIMS) {
        tp__error(TP_ERR_SHAPE, op, "the result would have %d dims", plan->rest.ndim + plan->shape.ndim);
        return false;
    }
    return advanced_number_rows(op, plan, x);
}

/* (rows, rest): x with the indexed dims in front and as one. */
static tp_tensor *advanced_rows(const advanced_plan *plan, tp_tensor *x) {
    tp_dims order = {0, {0}};
    for (int k = 0; k < plan->n_indexed; k++) order.items[order.count++] = plan->dims[k];
    for (int d = 0, k = 0; d < x->shape.ndim; d++) {
        if (k < plan->n_indexed && plan->dims[k] == d) k++;
        else order.items[order.count++] = d;
    }
    return tp_reshape(tp_permute(x, order), TP_SHAPE(plan->rows, tp_shape_numel(plan->rest)));
}

/* The result's shape, and as it is with the indices' dims in front. */
static tp_shape advanced_shape(const advanced_plan *plan, bool in_front) {
    tp_shape shape = {0, {0}};
    int place = in_front ? 0 : plan->place;
    for (int d = 0; d <= plan->rest.ndim; d++) {
        for (int k = 0; d == place && k < plan->shape.ndim; k++)
            shape.dims[shape.ndim++] = plan->shape.dims[k];
        if (d < plan->rest.ndim) shape.dims[shape.ndim++] = plan->rest.dims[d];
    }
    return shape;
}

/* Moves the indices' dims from the front to their place, or back. */
static tp_tensor *advanced_move(const advanced_plan *plan, tp_tensor *t, bool back) {
    tp_dims front = {plan->shape.ndim, {0}}, there = {plan->shape.ndim, {0}};
    if (plan->place == 0 || plan->shape.ndim == 0) return t;
    for (int k = 0; k < plan->shape.ndim; k++) {
        front.items[k] = k;
        there.items[k] = plan->place + k;
    }
    return back ? tp_movedim(t, there, front) : tp_movedim(t, front, there);
}

tp_tensor *tp_index(tp_tensor *x, tp_tensors indices) {
    const char *op = "index";
    TP_REQUIRE(x, op);
    advanced_plan plan;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *y = NULL;
    if (advanced_make_plan(op, &plan, x, indices)) {
        y = tp_index_select(advanced_rows(&plan, x), 0, plan.numbers);
        y = advanced_move(&plan, tp_reshape(y, advanced_shape(&plan, true)), false);
    }
    return tp_scope_return(s, tp_contiguous(y));
}

static tp_tensor *advanced_put(const char *op, tp_tensor *x, tp_tensors indices, tp_tensor *values,
                               bool accumulate) {
    advanced_plan plan;
    if (!advanced_make_plan(op, &plan, x, indices)) return NULL;
    tp_shape shape = advanced_shape(&plan, false), both;
    if (x->dtype != values->dtype)
        TP_FAIL(TP_ERR_DTYPE, op, "x is %s, values %s: they must be of one dtype", tp__dtype_text(x),
                tp__dtype_text(values));
    if (!tp__broadcast(values->shape, shape, &both) || !tp_shape_equal(both, shape))
        TP_FAIL(TP_ERR_SHAPE, op, "values %s do not broadcast to what is indexed, %s",
                tp__shape_text(values->shape), tp__shape_text(shape));
    int64_t rest = tp_shape_numel(plan.rest);
    tp_tensor *source = advanced_move(&plan, tp_expand(values, shape), true);
    source = tp_reshape(source, TP_SHAPE(plan.numbers->numel, rest));
    tp_tensor *rows = advanced_rows(&plan, x);
    tp_tensor *y = accumulate ? tp_index_add(rows, 0, plan.numbers, source)
                              : tp_index_copy(rows, 0, plan.numbers, source);
    /* Back to the dims of x. */
    tp_shape front = {0, {0}};
    tp_dims from = {plan.n_indexed, {0}}, to = {plan.n_indexed, {0}};
    for (int k = 0; k < plan.n_indexed; k++) {
        front.dims[front.ndim++] = x->shape.dims[plan.dims[k]];
        from.items[k] = k;
        to.items[k] = plan.dims[k];
    }
    for (int d = 0; d < plan.rest.ndim; d++) front.dims[front.ndim++] = plan.rest.dims[d];
    return tp_contiguous(tp_movedim(tp_reshape(y, front), from, to));
}

tp_tensor *tp_index_put(tp_tensor *x, tp_tensors indices, tp_tensor *values, bool accumulate) {
    const char *op = "index_put";
    TP_REQUIRE(x, op);
    TP_REQUIRE(values, op);
    tp_scope *s = tp_scope_begin();
    return s ? tp_scope_return(s, advanced_put(op, x, indices, values, accumulate)) : NULL;
}

/* ---- in place ------------------------------------------------------------------------------------------------------------------ */

/* Puts `y`, computed from x and others of which `recorded` says whether they are, in the place of x. */
static tp_tensor *advanced_replace(tp_tensor *x, tp_tensor *y, bool recorded) {
    if (!y) return NULL;
    if (recorded) tp__replace(x, y);
    else {
        tp__copy_values(x, y);
        tp__touch(x);
    }
    return x;
}

tp_tensor *tp_index_put_(tp_tensor *x, tp_tensors indices, tp_tensor *values, bool accumulate) {
    const char *op = "index_put_";
    TP_REQUIRE(x, op);
    TP_REQUIRE(values, op);
    bool recorded = tp__will_record(TP__INPUTS(x, values));
    TP_TRY_NULL(tp__inplace_check(op, x, recorded, "tp_index_put"));
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *y = advanced_replace(x, advanced_put(op, x, indices, values, accumulate), recorded);
    tp_scope_end(s);
    return y;
}

#define ADVANCED_INPLACE(NAME, other, parameters, call)                                                      \
    tp_tensor *tp_##NAME##_ parameters {                                                                     \
        TP_REQUIRE(x, #NAME "_");                                                                            \
        bool recorded = tp__will_record(TP__INPUTS(x, other));                                               \
        TP_TRY_NULL(tp__inplace_check(#NAME "_", x, recorded, "tp_" #NAME));                                 \
        tp_scope *s = tp_scope_begin();                                                                      \
        if (!s) return NULL;                                                                                 \
        tp_tensor *y = advanced_replace(x, call, recorded);                                                  \
        if (!y) tp__error_rename(#NAME, #NAME "_");                                                          \
        tp_scope_end(s);                                                                                     \
        return y;                                                                                            \
    }
ADVANCED_INPLACE(scatter_add, source, (tp_tensor * x, int dim, tp_tensor *index, tp_tensor *source),
                 tp_scatter_add(x, dim, index, source))
ADVANCED_INPLACE(index_add, source, (tp_tensor * x, int dim, tp_tensor *index, tp_tensor *source),
                 tp_index_add(x, dim, index, source))
ADVANCED_INPLACE(index_copy, source, (tp_tensor * x, int dim, tp_tensor *index, tp_tensor *source),
                 tp_index_copy(x, dim, index, source))
ADVANCED_INPLACE(index_fill, NULL, (tp_tensor * x, int dim, tp_tensor *index, double value),
                 tp_index_fill(x, dim, index, value))
ADVANCED_INPLACE(scatter, source, (tp_tensor * x, int dim, tp_tensor *index, tp_tensor *source),
                 tp_scatter(x, dim, index, source))
ADVANCED_INPLACE(scatter_scalar, NULL, (tp_tensor * x, int dim, tp_tensor *index, double value),
                 tp_scatter_scalar(x, dim, index, value))
ADVANCED_INPLACE(masked_scatter, source, (tp_tensor * x, tp_tensor *mask, tp_tensor *source),
                 tp_masked_scatter(x, mask, source))
