/* Samples of sort.h. */
#include <stdlib.h>

#include "support/sample.h"

/* ---- order: i is {dim, descending or smallest, k, keepdim} -------------------------------------------------- */

static int row_dim(const sample *row) { return (int)row->i[0]; }

static int two_results(tp_values both, tp_tensor **out) {
    out[0] = both.values;
    out[1] = both.indices;
    return 2;
}

static int run_sort(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    return two_results(tp_sort(in[0], row_dim(row), row->i[1] != 0), out);
}
static int run_topk(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    return two_results(tp_topk(in[0], row->i[2], row_dim(row), row->i[1] != 0), out);
}
static int run_kthvalue(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    return two_results(tp_kthvalue(in[0], row->i[2], row_dim(row), row->i[3] != 0), out);
}
SAMPLE_RUN(run_argsort, tp_argsort(in[0], row_dim(row), row->i[1] != 0))

static bool below(double a, double b) { return isnan(b) ? !isnan(a) : a < b; }

/* The place of element i of a line once it is in order: how many come before it. */
static int64_t place_of(const double *line, int64_t n, int64_t step, int64_t i, bool descending) {
    int64_t before = 0;
    double x = line[i * step];
    for (int64_t j = 0; j < n; j++) {
        double other = line[j * step];
        bool less = descending ? below(x, other) : below(other, x);
        bool tie = !below(x, other) && !below(other, x);
        before += less || (tie && j < i);
    }
    return before;
}

/* The places first .. first+count-1 of each line. */
static void order_along(const sample *row, const dense *x, bool descending, int64_t first, int64_t count,
                        bool drop, dense *values, dense *indices) {
    int64_t outer, size, inner;
    dense_around(x->shape, row_dim(row), &outer, &size, &inner);
    tp_shape shape = x->shape;
    int dim = row_dim(row) < 0 ? row_dim(row) + shape.ndim : row_dim(row);
    if (shape.ndim > 0) shape.dims[dim] = count;
    if (drop && shape.ndim > 0) {
        for (int d = dim; d + 1 < shape.ndim; d++) shape.dims[d] = shape.dims[d + 1];
        shape.ndim--;
    }
    double *y = values ? dense_new(values, shape) : NULL, *at = dense_new(indices, shape);
    for (int64_t n = 0; n < x->numel; n++) {
        int64_t o = n / (size * inner), i = n / inner % size, c = n % inner;
        const double *line = x->data + o * size * inner + c;
        int64_t place = place_of(line, size, inner, i, descending) - first;
        if (place < 0 || place >= count) continue;
        if (y) y[(o * count + place) * inner + c] = x->data[n];
        at[(o * count + place) * inner + c] = (double)i;
    }
}

static int64_t line_size(const sample *row, const dense *x) {
    int64_t outer, size, inner;
    dense_around(x->shape, row_dim(row), &outer, &size, &inner);
    return size;
}

static void ref_sort(const sample *row, const dense *in, dense *out) {
    order_along(row, in, row->i[1] != 0, 0, line_size(row, in), false, &out[0], &out[1]);
}
static void ref_argsort(const sample *row, const dense *in, dense *out) {
    order_along(row, in, row->i[1] != 0, 0, line_size(row, in), false, NULL, out);
}
static void ref_topk(const sample *row, const dense *in, dense *out) {
    order_along(row, in, row->i[1] == 0, 0, row->i[2], false, &out[0], &out[1]);
}
static void ref_kthvalue(const sample *row, const dense *in, dense *out) {
    order_along(row, in, false, row->i[2] - 1, 1, row->i[3] == 0, &out[0], &out[1]);
}

/* ---- unique ------------------------------------------------------------------------------------------------- */

static int three_results(tp_unique_out y, tp_tensor **out) {
    out[0] = y.values;
    out[1] = y.inverse;
    out[2] = y.counts;
    return 3;
}

static int run_unique(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    return three_results(tp_unique(in[0], (tp_unique_options){.inverse = true, .counts = true}), out);
}
static int run_unique_values(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    tp_unique_out y = tp_unique(in[0], (tp_unique_options){false, false});
    out[0] = y.inverse || y.counts ? NULL : y.values;
    return 1;
}
static int run_unique_consecutive(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    return three_results(tp_unique_consecutive(in[0], (tp_unique_options){.inverse = true, .counts = true}),
                         out);
}

/* The first of each kind: the rank of a kind is the number of firsts that come before it. */
static void ref_unique(const sample *row, const dense *in, dense *out) {
    const dense *x = &in[0];
    bool sorted = row->i[0] == 0;
    int64_t kinds = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            dense_new(&out[0], (tp_shape){1, {kinds}});
            dense_new(&out[1], x->shape);
            dense_new(&out[2], (tp_shape){1, {kinds}});
        }
        int64_t run = -1;
        for (int64_t i = 0; i < x->numel; i++) {
            int64_t first = i, rank = 0;
            for (int64_t j = i - 1; j >= 0 && (sorted || x->data[j] == x->data[i]); j--)
                if (x->data[j] == x->data[i]) first = j;
            run += first == i;
            kinds += first == i && pass == 0;
            for (int64_t j = 0; pass == 1 && sorted && j < x->numel; j++) {
                bool head = true;
                for (int64_t k = 0; k < j; k++) head &= x->data[k] != x->data[j];
                bool both = isnan(x->data[j]) && isnan(x->data[i]);
                rank += head && (below(x->data[j], x->data[i]) || (both && j < first));
            }
            if (pass == 0) continue;
            if (!sorted) rank = run;
            out[0].data[rank] = x->data[first];
            out[1].data[i] = (double)rank;
            out[2].data[rank]++;
        }
    }
}

static void ref_unique_values(const sample *row, const dense *in, dense *out) {
    dense all[3] = {{{0}}};
    ref_unique(row, in, all);
    double *y = dense_new(out, all[0].shape);
    for (int64_t i = 0; i < all[0].numel; i++) y[i] = all[0].data[i];
    for (int k = 0; k < 3; k++) free(all[k].data);
}

/* ---- unique_dim: i[0] is the dim -------------------------------------------------------------------------- */

static int run_unique_dim(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    return three_results(tp_unique_dim(in[0], row_dim(row),
                                       (tp_unique_options){.inverse = true, .counts = true}),
                         out);
}

/* Below 0, 0 or above: slice i against slice j. */
static int slice_order(const dense *x, int64_t outer, int64_t size, int64_t inner, int64_t i, int64_t j) {
    for (int64_t e = 0; e < outer * inner; e++) {
        const double *line = x->data + e / inner * size * inner + e % inner;
        double a = line[i * inner], b = line[j * inner];
        if (below(a, b) || below(b, a)) return below(a, b) ? -1 : 1;
    }
    return 0;
}

/* A slice's place is the number of different ones below it. */
static void ref_unique_dim(const sample *row, const dense *in, dense *out) {
    const dense *x = &in[0];
    int64_t outer, size, inner, kinds = 0;
    dense_around(x->shape, row_dim(row), &outer, &size, &inner);
    double *place = dense_new(&out[1], (tp_shape){1, {size}});
    for (int64_t i = 0; i < size; i++) {
        bool head = true;
        for (int64_t j = 0; j < i; j++) head &= slice_order(x, outer, size, inner, i, j) != 0;
        kinds += head;
        for (int64_t j = 0; head && j < size; j++) place[j] += slice_order(x, outer, size, inner, i, j) < 0;
    }
    tp_shape shape = x->shape;
    shape.dims[row_dim(row) < 0 ? row_dim(row) + shape.ndim : row_dim(row)] = kinds;
    double *y = dense_new(&out[0], shape), *counts = dense_new(&out[2], (tp_shape){1, {kinds}});
    for (int64_t i = 0; i < size; i++) counts[(int64_t)place[i]]++;
    for (int64_t n = 0; n < x->numel; n++) {
        int64_t o = n / (size * inner), to = (int64_t)place[n / inner % size];
        y[(o * kinds + to) * inner + n % inner] = x->data[n];
    }
}

/* ---- searching: i[0] is right, or bincount's minlength ------------------------------------------------------- */

SAMPLE_RUN(run_searchsorted, tp_searchsorted(in[0], in[1], row->i[0] != 0))
SAMPLE_RUN(run_bucketize, tp_bucketize(in[1], in[0], row->i[0] != 0))
SAMPLE_RUN(run_bincount, tp_bincount(in[0], in[1], row->i[0]))

/* How many of the row are below the value, or not above it. */
static void ref_search(const sample *row, const dense *in, dense *out) {
    const dense *sorted = &in[0], *values = &in[1];
    double *y = dense_new(out, values->shape);
    int64_t n = sorted->shape.dims[sorted->shape.ndim - 1];
    int64_t each = sorted->shape.ndim > 1 ? values->shape.dims[values->shape.ndim - 1] : values->numel;
    for (int64_t i = 0; i < values->numel; i++)
        for (int64_t j = 0; j < n; j++) {
            double at = sorted->data[i / each * n + j], v = values->data[i];
            y[i] += row->i[0] ? !(at > v) : !(at >= v);
        }
}

static void ref_bincount(const sample *row, const dense *in, dense *out) {
    int64_t size = row->i[0];
    for (int64_t i = 0; i < in[0].numel; i++)
        if (in[0].data[i] >= (double)size) size = (int64_t)in[0].data[i] + 1;
    double *y = dense_new(out, (tp_shape){1, {size}});
    for (int64_t i = 0; i < in[0].numel; i++) y[(int64_t)in[0].data[i]] += in[1].data ? in[1].data[i] : 1;
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

/* clang-format off */
#define APART(...) {FLOAT_IN(-4, 4), SHAPE(__VA_ARGS__), .apart = 0.02}
#define ZERO_D {FLOAT_IN(-2, 2), SCALAR}
#define GIVEN(shape, ...) {FLOAT_IN(0, 0), shape, .values = VALUES(__VA_ARGS__)}
#define OF_KIND(k, low, high, ...) {.kind = k, .lo = low, .hi = high, SHAPE(__VA_ARGS__)}
#define STEPS(...) {FLOAT_IN(0, 0), SHAPE(5), .fixed = true, .values = VALUES(__VA_ARGS__)}
#define ODD GIVEN(SHAPE(2, 5), 1, NAN, -0.0, INFINITY, 0, -INFINITY, 2, NAN, 2, NAN)
#define ROW(op, what, ref, ...) {#op, what, run_##op, ref, __VA_ARGS__}
#define NO .flags = SAMPLE_NO_GRAD

static const sample sort_rows[] = {
    ROW(sort, "last", ref_sort, {APART(3, 5)}, .i = {-1}),
    ROW(sort, "first, descending", ref_sort, {APART(4, 3)}, .i = {0, 1}),
    ROW(sort, "middle", ref_sort, {APART(2, 5, 3)}, .i = {1}),
    ROW(sort, "0-d", ref_sort, {ZERO_D}, .i = {0}),
    ROW(sort, "one line, merged", ref_sort, {APART(90)}, .i = {0}),
    ROW(sort, "no elements", ref_sort, {FLOATS(-2, 2, 3, 0)}, .i = {1}),
    ROW(sort, "no lines", ref_sort, {FLOATS(-2, 2, 0, 3)}, .i = {1}),
    ROW(sort, "NaN and zeros", ref_sort, {ODD}, .i = {1}, .flags = SAMPLE_NAN),
    ROW(sort, "NaN and zeros, descending", ref_sort, {ODD}, .i = {1, 1}, .flags = SAMPLE_NAN),
    ROW(sort, "I64 ties", ref_sort, {INTS(-3, 3, 4, 30)}, .i = {1}, NO, .dtype = "int64"),
    ROW(sort, "I64 ties, descending", ref_sort, {INTS(-3, 3, 30, 4)}, .i = {0, 1}, NO),
    ROW(sort, "I32", ref_sort, {OF_KIND(SAMPLE_I32, -9, 9, 3, 30)}, .i = {1}, NO, .dtype = "int32"),
    ROW(sort, "U8, descending", ref_sort, {OF_KIND(SAMPLE_U8, 0, 255, 3, 30)}, .i = {1, 1}, NO, .dtype = "uint8"),
    ROW(sort, "BOOL", ref_sort, {BOOLS(3, 9)}, .i = {0}, NO, .dtype = "bool"),
    ROW(sort, "large, rows", ref_sort, {FLOATS(-2, 2, 60, 300)}, .i = {1}, .flags = SAMPLE_LARGE),
    ROW(sort, "large, columns", ref_sort, {FLOATS(-2, 2, 700, 20)}, .i = {0, 1}, .flags = SAMPLE_LARGE),
    ROW(sort, "large, I32", ref_sort, {OF_KIND(SAMPLE_I32, -99999, 99999, 20, 900)}, .i = {1}, .flags = SAMPLE_LARGE | SAMPLE_NO_GRAD),
    ROW(sort, "large, I64", ref_sort, {INTS(-999999, 999999, 20, 900)}, .i = {1, 1}, .flags = SAMPLE_LARGE | SAMPLE_NO_GRAD),
    ROW(argsort, "last", ref_argsort, {APART(3, 5)}, .i = {-1}, NO, .dtype = "int64"),
    ROW(argsort, "first, descending", ref_argsort, {APART(3, 5)}, .i = {0, 1}, NO),
    ROW(argsort, "NaN and zeros", ref_argsort, {ODD}, .i = {0}, .flags = SAMPLE_NAN),
    ROW(argsort, "0-d", ref_argsort, {ZERO_D}, .i = {-1}, NO),
    ROW(argsort, "large", ref_argsort, {INTS(-50, 50, 40, 500)}, .i = {1}, .flags = SAMPLE_LARGE | SAMPLE_NO_GRAD),
    ROW(topk, "last", ref_topk, {APART(3, 5)}, .i = {-1, 0, 2}),
    ROW(topk, "first, smallest", ref_topk, {APART(4, 3)}, .i = {0, 1, 3}),
    ROW(topk, "all", ref_topk, {APART(3, 5)}, .i = {1, 0, 5}),
    ROW(topk, "none", ref_topk, {APART(3, 5)}, .i = {1, 0, 0}),
    ROW(topk, "0-d", ref_topk, {ZERO_D}, .i = {0, 0, 1}),
    ROW(topk, "of many", ref_topk, {APART(100)}, .i = {0, 0, 7}),
    ROW(topk, "NaN first", ref_topk, {ODD}, .i = {1, 0, 3}, .flags = SAMPLE_NAN),
    ROW(topk, "NaN last", ref_topk, {ODD}, .i = {1, 1, 4}, .flags = SAMPLE_NAN),
    ROW(topk, "I64 ties", ref_topk, {INTS(-3, 3, 4, 60)}, .i = {1, 0, 40}, NO, .dtype = "int64"),
    ROW(topk, "BOOL", ref_topk, {BOOLS(3, 9)}, .i = {1, 0, 4}, NO, .dtype = "bool"),
    ROW(topk, "few of many, descending order", ref_topk, {INTS(-2000, 2000, 2, 700)}, .i = {1, 1, 12}, NO),
    ROW(topk, "few of many ties", ref_topk, {INTS(-3, 3, 2, 700)}, .i = {1, 0, 3}, NO),
    ROW(topk, "large", ref_topk, {FLOATS(-2, 2, 60, 300)}, .i = {1, 0, 5}, .flags = SAMPLE_LARGE),
    ROW(topk, "large, columns", ref_topk, {FLOATS(-2, 2, 300, 60)}, .i = {0, 1, 100}, .flags = SAMPLE_LARGE),
    ROW(kthvalue, "last", ref_kthvalue, {APART(3, 5)}, .i = {-1, 0, 2}),
    ROW(kthvalue, "first, kept", ref_kthvalue, {APART(4, 3)}, .i = {0, 0, 1, 1}),
    ROW(kthvalue, "middle", ref_kthvalue, {APART(2, 5, 3)}, .i = {1, 0, 5}),
    ROW(kthvalue, "0-d", ref_kthvalue, {ZERO_D}, .i = {0, 0, 1}),
    ROW(kthvalue, "of many", ref_kthvalue, {APART(100)}, .i = {0, 0, 40}),
    ROW(kthvalue, "no lines", ref_kthvalue, {FLOATS(-2, 2, 0, 3)}, .i = {1, 0, 2}),
    ROW(kthvalue, "NaN", ref_kthvalue, {ODD}, .i = {1, 0, 4}, .flags = SAMPLE_NAN),
    ROW(kthvalue, "I64 ties", ref_kthvalue, {INTS(-3, 3, 4, 60)}, .i = {1, 0, 33}, NO, .dtype = "int64"),
    ROW(kthvalue, "large", ref_kthvalue, {FLOATS(-2, 2, 60, 300)}, .i = {1, 0, 150}, .flags = SAMPLE_LARGE),
    ROW(unique, "I64", ref_unique, {INTS(-3, 3, 4, 5)}, NO, .dtype = "int64"),
    ROW(unique, "U8", ref_unique, {OF_KIND(SAMPLE_U8, 0, 255, 40)}, NO, .dtype = "uint8"),
    ROW(unique, "I32", ref_unique, {OF_KIND(SAMPLE_I32, -9, 9, 40)}, NO, .dtype = "int32"),
    ROW(unique, "BOOL", ref_unique, {BOOLS(3, 9)}, NO, .dtype = "bool"),
    ROW(unique, "floats, NaN and zeros", ref_unique, {ODD}, .flags = SAMPLE_NAN),
    ROW(unique, "0-d", ref_unique, {ZERO_D}, NO),
    ROW(unique, "no elements", ref_unique, {FLOATS(-2, 2, 0, 3)}, NO),
    ROW(unique, "many", ref_unique, {INTS(-300, 300, 500)}, NO),
    {"unique", "values alone", run_unique_values, ref_unique_values, {INTS(-3, 3, 4, 5)}, NO},
    ROW(unique_consecutive, "I64", ref_unique, {INTS(0, 3, 30)}, .i = {1}, NO, .dtype = "int64"),
    ROW(unique_consecutive, "matrix", ref_unique, {BOOLS(4, 5)}, .i = {1}, NO, .dtype = "bool"),
    ROW(unique_consecutive, "NaN", ref_unique, {GIVEN(SHAPE(6), NAN, NAN, 0, -0.0, 1, 0)}, .i = {1}, .flags = SAMPLE_NAN),
    ROW(unique_consecutive, "no elements", ref_unique, {INTS(0, 3, 0)}, .i = {1}, NO),
    ROW(unique_dim, "rows", ref_unique_dim, {INTS(0, 2, 9, 3)}, .i = {0}, NO, .dtype = "int64"),
    ROW(unique_dim, "columns", ref_unique_dim, {BOOLS(2, 9)}, .i = {-1}, NO, .dtype = "bool"),
    ROW(unique_dim, "middle", ref_unique_dim, {INTS(0, 2, 2, 9, 2)}, .i = {1}, NO),
    ROW(unique_dim, "floats", ref_unique_dim, {GIVEN(SHAPE(4, 2), 1, INFINITY, -0.0, 2, 1, INFINITY, 0, 2)}, .i = {0}, .flags = SAMPLE_NAN),
    ROW(unique_dim, "I32", ref_unique_dim, {OF_KIND(SAMPLE_I32, 0, 3, 3, 20)}, .i = {1}, NO, .dtype = "int32"),
    ROW(unique_dim, "U8", ref_unique_dim, {OF_KIND(SAMPLE_U8, 0, 200, 3, 20)}, .i = {1}, NO, .dtype = "uint8"),
    ROW(unique_dim, "no slices", ref_unique_dim, {FLOATS(-2, 2, 0, 3)}, .i = {0}, NO),
    ROW(searchsorted, "one row", ref_search, {STEPS(-1, 0, 0, 1, 2), FLOATS(-2, 3, 3, 4)}, NO, .dtype = "int64"),
    ROW(searchsorted, "ties, right", ref_search, {STEPS(-1, 0, 0, 1, 2), INTS(-2, 4, 3, 4)}, .i = {1}, NO),
    ROW(searchsorted, "ties, left", ref_search, {STEPS(-1, 0, 0, 1, 2), INTS(-2, 4, 3, 4)}, NO),
    ROW(searchsorted, "rows", ref_search, {GIVEN(SHAPE(2, 3), -1, 0, 1, 2, 4, 6), INTS(-2, 7, 2, 5)}, NO),
    ROW(searchsorted, "0-d value", ref_search, {STEPS(-1, 0, 0, 1, 2), ZERO_D}, NO),
    ROW(searchsorted, "NaN", ref_search, {STEPS(-INFINITY, 0, 1, 2, INFINITY), GIVEN(SHAPE(4), NAN, INFINITY, 0, -INFINITY)}, .flags = SAMPLE_NAN),
    ROW(searchsorted, "nothing to search", ref_search, {INTS(0, 1, 0), INTS(0, 9, 4)}, NO),
    ROW(searchsorted, "no values", ref_search, {GIVEN(SHAPE(2, 2), 1, 2, 3, 4), FLOATS(-1, 1, 2, 0)}, NO),
    ROW(searchsorted, "large", ref_search, {STEPS(-1, 0, 0, 1, 2), FLOATS(-2, 3, 300, 40)}, .flags = SAMPLE_NO_GRAD | SAMPLE_LARGE),
    ROW(bucketize, "floats", ref_search, {STEPS(-1, 0, 0, 1, 2), FLOATS(-2, 3, 3, 4)}, NO, .dtype = "int64"),
    ROW(bucketize, "integers, right", ref_search, {STEPS(-1, 0, 0, 1, 2), INTS(-2, 4, 3, 4)}, .i = {1}, NO),
    ROW(bucketize, "0-d", ref_search, {STEPS(-1, 0, 0, 1, 2), ZERO_D}, NO),
    ROW(bincount, "counts", ref_bincount, {INTS(0, 9, 30), {.kind = SAMPLE_ABSENT, .optional = true}}, NO, .dtype = "int64"),
    ROW(bincount, "U8, at least", ref_bincount, {OF_KIND(SAMPLE_U8, 0, 9, 30), {.kind = SAMPLE_ABSENT, .optional = true}}, .i = {12}, NO),
    ROW(bincount, "weights", ref_bincount, {INTS(0, 9, 30), {FLOAT_IN(-2, 2), SHAPE(30), .optional = true}}, NO, .dtype = "float64"),
    ROW(bincount, "I32, whole weights", ref_bincount, {OF_KIND(SAMPLE_I32, 0, 9, 30), {INT_IN(-2, 9), SHAPE(30), .optional = true}}, NO, .dtype = "float64"),
    ROW(bincount, "no elements", ref_bincount, {INTS(0, 9, 0), {.kind = SAMPLE_ABSENT, .optional = true}}, .i = {3}, NO),
};
/* clang-format on */
SAMPLE_FAMILY(sort, sort_rows)
