/* Distinct elements, places in sorted rows, and counts. None is differentiable. */
#include <string.h>

#include "ops/sort.h"
#include "taper/sort.h"

/* ---- unique -------------------------------------------------------------------------------------------- */

static const tp_unique_out unique_none = {NULL, NULL, NULL};

/* Where runs of equal elements begin, into `starts` if it is not NULL; returns how many there are. */
#define UNIQUE_STARTS(suffix, type)                                                                          \
    static int64_t unique_starts_##suffix(int64_t n, const char *x_, int64_t *starts) {                      \
        const type *x = (const type *)(const void *)x_;                                                      \
        int64_t count = 0;                                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                                    \
            if (i > 0 && x[i] == x[i - 1]) continue;                                                         \
            if (starts) starts[count] = i;                                                                   \
            count++;                                                                                         \
        }                                                                                                    \
        return count;                                                                                        \
    }
UNIQUE_STARTS(f32, float)
UNIQUE_STARTS(f64, double)
UNIQUE_STARTS(i64, int64_t)
UNIQUE_STARTS(i32, int32_t)
UNIQUE_STARTS(u8, uint8_t)
#undef UNIQUE_STARTS

static int64_t unique_starts(const tp_tensor *x, int64_t *starts) {
    switch ((tp_dtype)x->dtype) {
    case TP_F32: return unique_starts_f32(x->numel, tp__data(x), starts);
    case TP_F64: return unique_starts_f64(x->numel, tp__data(x), starts);
    case TP_I64: return unique_starts_i64(x->numel, tp__data(x), starts);
    case TP_I32: return unique_starts_i32(x->numel, tp__data(x), starts);
    case TP_U8:
    case TP_BOOL: break;
    }
    return unique_starts_u8(x->numel, tp__data(x), starts);
}

static int64_t *unique_data(const tp_tensor *t) { return tp__data_i64(t); }

/* inverse[order[i]] = which run element i of the row belongs to; without an order, inverse[i]. */
static void unique_number(const tp_tensor *starts, const tp_tensor *order, tp_tensor *inverse) {
    const int64_t *start = unique_data(starts), *from = order ? unique_data(order) : NULL;
    int64_t *to = unique_data(inverse);
    for (int64_t u = 0; u < starts->numel; u++) {
        int64_t end = u + 1 < starts->numel ? start[u + 1] : inverse->numel;
        for (int64_t i = start[u]; i < end; i++) to[from ? from[i] : i] = u;
    }
}

/* The runs of `row`, packed, whose i-th element was element order[i] of x (i if that is NULL). */
static tp_unique_out unique_runs(const char *op, tp_shape shape, const tp_tensor *row, const tp_tensor *order,
                                 tp_unique_options options) {
    tp_shape runs = {1, {unique_starts(row, NULL)}};
    tp_tensor *starts = tp__tensor_new(op, runs, TP_I64);
    tp_unique_out y = {starts ? tp__tensor_new(op, runs, (tp_dtype)row->dtype) : NULL, NULL, NULL};
    if (!y.values) return unique_none;
    if (options.inverse && !(y.inverse = tp__tensor_new(op, shape, TP_I64))) return unique_none;
    if (options.counts && !(y.counts = tp__tensor_new(op, runs, TP_I64))) return unique_none;
    int64_t *start = unique_data(starts);
    unique_starts(row, start);
    size_t item = tp__itemsize((tp_dtype)row->dtype);
    for (int64_t u = 0; u < starts->numel; u++) {
        memcpy(tp__data(y.values) + u * (int64_t)item, tp__data(row) + start[u] * (int64_t)item, item);
        int64_t end = u + 1 < starts->numel ? start[u + 1] : row->numel;
        if (y.counts) unique_data(y.counts)[u] = end - start[u];
    }
    if (y.inverse) unique_number(starts, order, y.inverse);
    return y;
}

static tp_unique_out unique_new(const char *op, tp_tensor *x, bool sorted, tp_unique_options options) {
    const int64_t one[1] = {1};
    tp_shape line = {1, {x->numel}};
    tp_tensor *row = tp__packed(op, x, (tp_dtype)x->dtype), *order = NULL;
    if (row) row = tp__tensor_alias(op, row, line, one, row->offset);
    if (!row) return unique_none;
    if (sorted) {
        tp_tensor *before = row;
        row = tp__tensor_new(op, line, (tp_dtype)x->dtype);
        if (row && options.inverse) order = tp__tensor_new(op, line, TP_I64);
        if (!row || (options.inverse && !order)) return unique_none;
        tp__sort_want all = {.count = x->numel};
        if (!tp__sort_lines(op, before, 0, &all, row, order)) return unique_none;
    }
    return unique_runs(op, x->shape, row, order, options);
}

tp_unique_out tp__escape_unique(tp_scope *scope, tp_unique_out y, tp_unique_options options) {
    tp_unique_out z = {tp_scope_escape(scope, y.values), NULL, NULL};
    if (z.values && y.inverse) z.inverse = tp_scope_escape(scope, y.inverse);
    if (z.values && y.counts) z.counts = tp_scope_escape(scope, y.counts);
    tp_scope_end(scope);
    bool all = z.values && !z.inverse == !options.inverse && !z.counts == !options.counts;
    return all ? z : unique_none;
}

static tp_unique_out unique_some(const char *op, tp_tensor *x, bool sorted, tp_unique_options options) {
    if (!x) tp__error_null(op, "x");
    tp_scope *scope = x ? tp_scope_begin() : NULL;
    if (!scope) return unique_none;
    return tp__escape_unique(scope, unique_new(op, x, sorted, options), options);
}

tp_unique_out tp_unique(tp_tensor *x, tp_unique_options options) {
    return unique_some("unique", x, true, options);
}

tp_unique_out tp_unique_consecutive(tp_tensor *x, tp_unique_options options) {
    return unique_some("unique_consecutive", x, false, options);
}

/* ---- searchsorted and bucketize -------------------------------------------------------------------------- */

typedef struct search_job {
    void (*range)(const struct search_job *job, int64_t begin, int64_t end);
    const char *rows, *values;
    int64_t *y;
    int64_t n, each; /* values for each row; 0 if all are for one */
    bool right;
} search_job;

/* The first element that is not below the value, or with `right` the first above it; behind what does not compare,
 * NaN on either side. */
#define SEARCH_RANGE(suffix, type)                                                                           \
    static void search_##suffix(const search_job *job, int64_t begin, int64_t end) {                         \
        const type *values = (const type *)(const void *)job->values;                                        \
        for (int64_t i = begin; i < end; i++) {                                                              \
            const type *row = (const type *)(const void *)job->rows, v = values[i];                          \
            if (job->each) row += i / job->each * job->n;                                                    \
            int64_t from = 0, to = job->n;                                                                   \
            while (from < to) {                                                                              \
                int64_t middle = from + (to - from) / 2;                                                     \
                if (job->right ? !(row[middle] > v) : !(row[middle] >= v)) from = middle + 1;                \
                else to = middle;                                                                            \
            }                                                                                                \
            job->y[i] = from;                                                                                \
        }                                                                                                    \
    }
SEARCH_RANGE(f32, float)
SEARCH_RANGE(f64, double)
SEARCH_RANGE(i64, int64_t)
#undef SEARCH_RANGE

static void search_range(void *context, int64_t begin, int64_t end, int worker) {
    const search_job *job = context;
    (void)worker;
    job->range(job, begin, end);
}

static tp_tensor *search(const char *op, tp_tensor *rows, tp_tensor *values, bool right) {
    if (rows->dtype == TP_BOOL || values->dtype == TP_BOOL)
        TP_FAIL(TP_ERR_DTYPE, op, "bool has no order: %s and %s", tp__dtype_text(rows),
                tp__dtype_text(values));
    tp_dtype dtype = tp__result_type(rows, values);
    if (!tp__is_floating(dtype)) dtype = TP_I64;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    rows = tp__packed(op, rows, dtype);
    values = rows ? tp__packed(op, values, dtype) : NULL;
    tp_tensor *y = values ? tp__tensor_new(op, values->shape, TP_I64) : NULL;
    if (y) {
        search_job job = {.range = dtype == TP_F32   ? search_f32
                                   : dtype == TP_F64 ? search_f64
                                                     : search_i64,
                          .rows = tp__data(rows),
                          .values = tp__data(values),
                          .y = unique_data(y),
                          .n = rows->shape.dims[rows->shape.ndim - 1],
                          .each = rows->shape.ndim > 1 ? values->shape.dims[values->shape.ndim - 1] : 0,
                          .right = right};
        tp__parallel_for(y->numel, 2048, search_range, &job);
    }
    return tp_scope_return(scope, y);
}

tp_tensor *tp_searchsorted(tp_tensor *sorted, tp_tensor *values, bool right) {
    const char *op = "searchsorted";
    TP_REQUIRE(sorted, op);
    TP_REQUIRE(values, op);
    bool fits =
        sorted->shape.ndim == 1 || (sorted->shape.ndim > 1 && sorted->shape.ndim == values->shape.ndim);
    for (int i = 0; fits && i + 1 < sorted->shape.ndim; i++)
        fits = sorted->shape.dims[i] == values->shape.dims[i];
    if (!fits)
        TP_FAIL(TP_ERR_SHAPE, op,
                "sorted must be one row, or have the dims of values but for the last: %s, %s",
                tp__shape_text(sorted->shape), tp__shape_text(values->shape));
    return search(op, sorted, values, right);
}

tp_tensor *tp_bucketize(tp_tensor *x, tp_tensor *boundaries, bool right) {
    const char *op = "bucketize";
    TP_REQUIRE(x, op);
    TP_REQUIRE(boundaries, op);
    if (boundaries->shape.ndim != 1)
        TP_FAIL(TP_ERR_SHAPE, op, "boundaries must have 1 dim: %s", tp__shape_text(boundaries->shape));
    return search(op, boundaries, x, right);
}

/* ---- bincount -------------------------------------------------------------------------------------------- */

static tp_tensor *bincount(const char *op, tp_tensor *x, tp_tensor *weights, int64_t size) {
    x = tp__packed(op, x, TP_I64);
    if (!x) return NULL;
    const int64_t *at = unique_data(x);
    for (int64_t i = 0; i < x->numel; i++) {
        if (at[i] < 0) TP_FAIL(TP_ERR_INDEX, op, "element %lld of x is %lld", (long long)i, (long long)at[i]);
        if (at[i] >= size) size = at[i] < INT64_MAX ? at[i] + 1 : at[i];
    }
    tp_tensor *w = weights ? tp__packed(op, weights, TP_F64) : NULL;
    if (weights && !w) return NULL;
    tp_tensor *y = tp__tensor_new(op, (tp_shape){1, {size}}, weights ? TP_F64 : TP_I64);
    if (!y) return NULL;
    memset(tp__data(y), 0, (size_t)size * 8);
    const double *add = w ? (const double *)(const void *)tp__data(w) : NULL;
    double *sums = (double *)(void *)tp__data(y);
    for (int64_t i = 0; i < x->numel; i++) {
        if (add) sums[at[i]] += add[i];
        else unique_data(y)[at[i]]++;
    }
    return weights && weights->dtype == TP_F32 ? tp__cast(op, y, TP_F32) : y;
}

tp_tensor *tp_bincount(tp_tensor *x, tp_tensor *weights, int64_t minlength) {
    const char *op = "bincount";
    TP_REQUIRE(x, op);
    TP_OPTIONAL(weights);
    if (tp__is_floating((tp_dtype)x->dtype) || x->dtype == TP_BOOL)
        TP_FAIL(TP_ERR_DTYPE, op, "x must be of integers, got %s", tp__dtype_text(x));
    if (x->shape.ndim != 1) TP_FAIL(TP_ERR_SHAPE, op, "x must have 1 dim: %s", tp__shape_text(x->shape));
    if (weights && !tp_shape_equal(weights->shape, x->shape))
        TP_FAIL(TP_ERR_SHAPE, op, "weights and x differ in shape: %s, %s", tp__shape_text(weights->shape),
                tp__shape_text(x->shape));
    if (minlength < 0) TP_FAIL(TP_ERR_ARGUMENT, op, "minlength is %lld", (long long)minlength);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    return tp_scope_return(scope, bincount(op, x, weights, minlength));
}
