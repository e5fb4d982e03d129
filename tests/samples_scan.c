/* Samples of reduce.h: running sums, products, log-sum-exps and extremes. */
#include "support/sample.h"

/* ---- scans: i[0] is the dim ------------------------------------------------------------------------- */

#define ALONG(dim) .i = {dim}

SAMPLE_RUN(run_cumsum, tp_cumsum(in[0], (int)row->i[0]))
SAMPLE_RUN(run_cumprod, tp_cumprod(in[0], (int)row->i[0]))
SAMPLE_RUN(run_logcumsumexp, tp_logcumsumexp(in[0], (int)row->i[0]))

static int run_cummax(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_values y = tp_cummax(in[0], (int)row->i[0]);
    out[0] = y.values;
    out[1] = y.indices;
    return 2;
}
static int run_cummin(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_values y = tp_cummin(in[0], (int)row->i[0]);
    out[0] = y.values;
    out[1] = y.indices;
    return 2;
}

static double next_sum(double before, double x) { return before + x; }
static double next_product(double before, double x) { return before * x; }
static double next_log(double before, double x) {
    double top = fmax(before, x);
    if (isnan(before) || isnan(x)) return NAN;
    return isinf(top) ? top : top + log(exp(before - top) + exp(x - top));
}

static void scan_of(const sample *row, const dense *x, dense *out, double start,
                    double (*next)(double before, double x)) {
    int64_t outer, size, inner;
    dense_around(x->shape, (int)row->i[0], &outer, &size, &inner);
    double *y = dense_new(out, x->shape);
    for (int64_t n = 0; n < out->numel; n++)
        y[n] = next(n / inner % size > 0 ? y[n - inner] : start, x->data[n]);
}

static void ref_cumsum(const sample *row, const dense *in, dense *out) {
    scan_of(row, &in[0], out, 0, next_sum);
}
static void ref_cumprod(const sample *row, const dense *in, dense *out) {
    scan_of(row, &in[0], out, 1, next_product);
}
static void ref_logcumsumexp(const sample *row, const dense *in, dense *out) {
    scan_of(row, &in[0], out, -INFINITY, next_log);
}

/* The last index at which the largest of sign * x so far is, or NaN. */
static void extremes_of(const sample *row, const dense *x, dense *out, double sign) {
    int64_t outer, size, inner;
    dense_around(x->shape, (int)row->i[0], &outer, &size, &inner);
    double *y = dense_new(&out[0], x->shape), *at = dense_new(&out[1], x->shape);
    for (int64_t n = 0; n < x->numel; n++) {
        int64_t i = n / inner % size;
        bool new_one = i == 0 || isnan(x->data[n]) || sign * x->data[n] >= sign * y[n - inner];
        y[n] = new_one ? x->data[n] : y[n - inner];
        at[n] = new_one ? (double)i : at[n - inner];
    }
}
static void ref_cummax(const sample *row, const dense *in, dense *out) { extremes_of(row, &in[0], out, 1); }
static void ref_cummin(const sample *row, const dense *in, dense *out) { extremes_of(row, &in[0], out, -1); }

/* ---- rows ------------------------------------------------------------------------------------------- */

#define OF(...) FLOATS(-2, 2, __VA_ARGS__)
#define ZERO_D                                                                                               \
    { FLOAT_IN(-2, 2), SCALAR }
#define APART(...)                                                                                           \
    { FLOAT_IN(-2, 2), SHAPE(__VA_ARGS__), .apart = 0.01 }
#define LONGS(...) INTS(-9, 9, __VA_ARGS__)
#define BYTES(...)                                                                                           \
    { .kind = SAMPLE_U8, .lo = 0, .hi = 200, SHAPE(__VA_ARGS__) }
#define GIVEN(shape, ...)                                                                                    \
    { .kind = SAMPLE_FLOAT, shape, .values = VALUES(__VA_ARGS__) }
#define ROW(op, what, ...)                                                                                   \
    { #op, what, run_##op, __VA_ARGS__ }

/* One zero, several and none along either dim. */
#define ZEROS_AMONG GIVEN(SHAPE(3, 4), 0.5, 0, 2, -1, 0, 1.5, 0, 2, 0.7, -0.6, 1.1, 0.9)

static const sample scan_rows[] = {
    ROW(cumsum, "last", ref_cumsum, {OF(3, 5)}, ALONG(-1)),
    ROW(cumsum, "first", ref_cumsum, {OF(3, 5)}, ALONG(0)),
    ROW(cumsum, "middle", ref_cumsum, {OF(2, 4, 3)}, ALONG(1)),
    ROW(cumsum, "0-d", ref_cumsum, {ZERO_D}, ALONG(0)),
    ROW(cumsum, "no elements", ref_cumsum, {OF(3, 0)}, ALONG(1)),
    ROW(cumsum, "I64", ref_cumsum, {LONGS(4, 5)}, ALONG(0), .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(cumsum, "BOOL", ref_cumsum, {BOOLS(4, 5)}, ALONG(1), .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(cumsum, "NaN and infinities", ref_cumsum,
        {GIVEN(SHAPE(3, 4), 1, INFINITY, 2, -INFINITY, 1, NAN, 2, 3, -INFINITY, 1, 2, 3)}, ALONG(1),
        .flags = SAMPLE_NAN),
    ROW(cumsum, "large, rows", ref_cumsum, {OF(300, 400)}, ALONG(1), .flags = SAMPLE_LARGE),
    ROW(cumsum, "large, columns", ref_cumsum, {OF(300, 400)}, ALONG(0), .flags = SAMPLE_LARGE),
    ROW(cumsum, "large, strips that are not full", ref_cumsum, {OF(7, 500, 37)}, ALONG(1),
        .flags = SAMPLE_LARGE),
    ROW(cumprod, "last", ref_cumprod, {OF(3, 5)}, ALONG(-1)),
    ROW(cumprod, "first", ref_cumprod, {OF(3, 5)}, ALONG(0)),
    ROW(cumprod, "middle", ref_cumprod, {OF(2, 4, 3)}, ALONG(1)),
    ROW(cumprod, "zeros, last", ref_cumprod, {ZEROS_AMONG}, ALONG(1)),
    ROW(cumprod, "zeros, first", ref_cumprod, {ZEROS_AMONG}, ALONG(0)),
    ROW(cumprod, "0-d", ref_cumprod, {ZERO_D}, ALONG(-1)),
    ROW(cumprod, "one element", ref_cumprod, {OF(2, 1)}, ALONG(1)),
    ROW(cumprod, "no elements", ref_cumprod, {OF(3, 0)}, ALONG(1)),
    ROW(cumprod, "no columns", ref_cumprod, {OF(3, 0)}, ALONG(0)),
    ROW(cumprod, "I64", ref_cumprod, {INTS(-3, 4, 4, 5)}, ALONG(0), .flags = SAMPLE_NO_GRAD,
        .dtype = "int64"),
    ROW(cumprod, "U8", ref_cumprod, {BYTES(4, 5)}, ALONG(1), .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(cumprod, "NaN and infinities", ref_cumprod, {GIVEN(SHAPE(2, 4), 1, INFINITY, -2, 0, 1, NAN, 2, 3)},
        ALONG(1), .flags = SAMPLE_NAN),
    ROW(cumprod, "large, rows", ref_cumprod, {FLOATS(0.9, 1.1, 300, 400)}, ALONG(1), .flags = SAMPLE_LARGE),
    ROW(cumprod, "large, columns", ref_cumprod, {FLOATS(0.9, 1.1, 300, 400)}, ALONG(0),
        .flags = SAMPLE_LARGE),
    ROW(cumprod, "a strip and more", ref_cumprod, {OF(3, 17)}, ALONG(0)),
    ROW(cumprod, "six dims", ref_cumprod, {OF(1, 3, 1, 2, 1, 2)}, ALONG(1)),
    ROW(cumprod, "BOOL", ref_cumprod, {BOOLS(4, 5)}, ALONG(1), .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(logcumsumexp, "last", ref_logcumsumexp, {OF(3, 5)}, ALONG(-1)),
    ROW(logcumsumexp, "first", ref_logcumsumexp, {OF(3, 5)}, ALONG(0)),
    ROW(logcumsumexp, "middle", ref_logcumsumexp, {OF(2, 4, 3)}, ALONG(1)),
    ROW(logcumsumexp, "far from zero", ref_logcumsumexp, {FLOATS(-803, -800, 3, 5)}, ALONG(1),
        .tol_f32 = 2e-4),
    ROW(logcumsumexp, "far above zero", ref_logcumsumexp, {FLOATS(800, 803, 3, 5)}, ALONG(1),
        .tol_f32 = 2e-4),
    ROW(logcumsumexp, "0-d", ref_logcumsumexp, {ZERO_D}, ALONG(0)),
    ROW(logcumsumexp, "no elements", ref_logcumsumexp, {OF(0, 3)}, ALONG(0)),
    ROW(logcumsumexp, "infinities and NaN", ref_logcumsumexp,
        {GIVEN(SHAPE(3, 4), -INFINITY, -INFINITY, 2, 1, 1, INFINITY, 2, INFINITY, -INFINITY, 0, NAN, 2)},
        ALONG(1), .flags = SAMPLE_NAN),
    ROW(logcumsumexp, "large, rows", ref_logcumsumexp, {OF(300, 400)}, ALONG(1), .flags = SAMPLE_LARGE,
        .tol_f32 = 1e-4),
    ROW(logcumsumexp, "large, columns", ref_logcumsumexp, {OF(300, 400)}, ALONG(0), .flags = SAMPLE_LARGE,
        .tol_f32 = 1e-4),
    ROW(logcumsumexp, "a strip and more", ref_logcumsumexp, {OF(3, 19)}, ALONG(0)),
    ROW(cummax, "last", ref_cummax, {APART(3, 5)}, ALONG(-1)),
    ROW(cummax, "first", ref_cummax, {APART(3, 5)}, ALONG(0)),
    ROW(cummax, "middle", ref_cummax, {APART(2, 4, 3)}, ALONG(1)),
    ROW(cummax, "0-d", ref_cummax, {ZERO_D}, ALONG(0)),
    ROW(cummax, "last of ties", ref_cummax, {GIVEN(SHAPE(2, 4), 1, 3, 3, 2, 5, 5, 5, 5)}, ALONG(1),
        .flags = SAMPLE_NAN),
    ROW(cummax, "NaN", ref_cummax, {GIVEN(SHAPE(2, 4), 1, NAN, 3, NAN, NAN, 4, -INFINITY, INFINITY)},
        ALONG(1), .flags = SAMPLE_NAN),
    ROW(cummax, "I64", ref_cummax, {LONGS(4, 5)}, ALONG(0), .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(cummax, "BOOL", ref_cummax, {BOOLS(4, 5)}, ALONG(1), .flags = SAMPLE_NO_GRAD, .dtype = "bool"),
    ROW(cummax, "no elements", ref_cummax, {OF(0, 3)}, ALONG(0)),
    ROW(cummax, "large", ref_cummax, {OF(500, 200)}, ALONG(1), .flags = SAMPLE_LARGE),
    ROW(cummax, "a strip and more", ref_cummax, {{FLOAT_IN(-2, 2), SHAPE(3, 18), .apart = 0.01}}, ALONG(0)),
    ROW(cummax, "U8", ref_cummax, {BYTES(4, 5)}, ALONG(1), .flags = SAMPLE_NO_GRAD, .dtype = "uint8"),
    ROW(cummin, "last", ref_cummin, {APART(3, 5)}, ALONG(-1)),
    ROW(cummin, "first", ref_cummin, {APART(3, 5)}, ALONG(0)),
    ROW(cummin, "NaN", ref_cummin, {GIVEN(SHAPE(2, 4), 1, 1, NAN, 3, 3, 4, 3, 0)}, ALONG(1),
        .flags = SAMPLE_NAN),
    ROW(cummin, "U8", ref_cummin, {BYTES(4, 5)}, ALONG(0), .flags = SAMPLE_NO_GRAD, .dtype = "uint8"),
    ROW(cummin, "large", ref_cummin, {OF(200, 500)}, ALONG(0), .flags = SAMPLE_LARGE),
    ROW(cummin, "BOOL", ref_cummin, {BOOLS(4, 5)}, ALONG(1), .flags = SAMPLE_NO_GRAD, .dtype = "bool"),
};
SAMPLE_FAMILY(scan, scan_rows)
