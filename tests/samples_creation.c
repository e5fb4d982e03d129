/* Samples of creation.h and random.h. Where an op takes a dtype, it is that of in[0]. */
#include "support/sample.h"

#define DTYPE tp_tensor_dtype(in[0])
#define GIVEN (*(const tp_shape *)row->arg)
#define OF(...)                                                                                              \
    .arg = &(const tp_shape) {                                                                               \
        TP__COUNT(int64_t, __VA_ARGS__), { __VA_ARGS__ }                                                     \
    }
#define OF_NONE                                                                                              \
    .arg = &(const tp_shape) { 0 }

/* ---- creation: p are the numbers, i the sizes ------------------------------------------------------- */

SAMPLE_RUN(run_zeros, tp_zeros(GIVEN, DTYPE))
SAMPLE_RUN(run_ones, tp_ones(GIVEN, DTYPE))
SAMPLE_RUN(run_full, tp_full(GIVEN, row->p[0], DTYPE))
SAMPLE_RUN(run_scalar, tp_scalar(row->p[0], DTYPE))
SAMPLE_RUN(run_zeros_like, tp_zeros_like(in[0]))
SAMPLE_RUN(run_ones_like, tp_ones_like(in[0]))
SAMPLE_RUN(run_full_like, tp_full_like(in[0], row->p[0]))
SAMPLE_RUN(run_arange, tp_arange(row->p[0], row->p[1], row->p[2], DTYPE))
SAMPLE_RUN(run_linspace, tp_linspace(row->p[0], row->p[1], row->i[0], DTYPE))
SAMPLE_RUN(run_eye, tp_eye(row->i[0], row->i[1], DTYPE))
SAMPLE_RUN(run_tril_indices, tp_tril_indices(row->i[0], row->i[1], row->i[2]))
SAMPLE_RUN(run_triu_indices, tp_triu_indices(row->i[0], row->i[1], row->i[2]))

/* What is in the memory of an empty tensor is not for anyone to see. */
static int run_empty(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_tensor *t = tp_empty(GIVEN, DTYPE);
    out[0] = t ? tp_fill_(t, row->p[0]) : NULL;
    return 1;
}
static int run_empty_like(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_tensor *t = tp_empty_like(in[0]);
    out[0] = t ? tp_fill_(t, row->p[0]) : NULL;
    return 1;
}

/* Of the numbers 0, 1, ... as many as the shape has elements. */
static const double numbers_f64[] = {0, 1, 2, 3, 4, 5, 6, 7};
static const float numbers_f32[] = {0, 1, 2, 3, 4, 5, 6, 7};
static const int64_t numbers_i64[] = {0, 1, 2, 3, 4, 5, 6, 7};
SAMPLE_RUN(run_from_data, tp_to_dtype(tp_from_data(numbers_f64, GIVEN, TP_F64), DTYPE))
SAMPLE_RUN(run_from_memory,
           tp_to_dtype(tp_from_memory((void *)numbers_f64, GIVEN, TP_F64, NULL, NULL), DTYPE))
SAMPLE_RUN(run_from_f32, tp_to_dtype(tp_from_f32(GIVEN, numbers_f32, tp_shape_numel(GIVEN)), DTYPE))
SAMPLE_RUN(run_from_f64, tp_to_dtype(tp_from_f64(GIVEN, numbers_f64, tp_shape_numel(GIVEN)), DTYPE))
SAMPLE_RUN(run_from_i64, tp_to_dtype(tp_from_i64(GIVEN, numbers_i64, tp_shape_numel(GIVEN)), DTYPE))

static void ref_value(dense *out, tp_shape shape, double value) {
    double *y = dense_new(out, shape);
    for (int64_t n = 0; n < out->numel; n++) y[n] = value;
}
static void ref_zeros(const sample *row, const dense *in, dense *out) { (void)in, ref_value(out, GIVEN, 0); }
static void ref_ones(const sample *row, const dense *in, dense *out) { (void)in, ref_value(out, GIVEN, 1); }
static void ref_full(const sample *row, const dense *in, dense *out) {
    (void)in, ref_value(out, GIVEN, row->p[0]);
}
static void ref_scalar(const sample *row, const dense *in, dense *out) {
    (void)in, ref_value(out, TP_SCALAR_SHAPE, row->p[0]);
}
static void ref_zeros_like(const sample *row, const dense *in, dense *out) {
    (void)row, ref_value(out, in[0].shape, 0);
}
static void ref_ones_like(const sample *row, const dense *in, dense *out) {
    (void)row, ref_value(out, in[0].shape, 1);
}
static void ref_full_like(const sample *row, const dense *in, dense *out) {
    ref_value(out, in[0].shape, row->p[0]);
}
static void ref_from(const sample *row, const dense *in, dense *out) {
    (void)in;
    double *y = dense_new(out, GIVEN);
    for (int64_t n = 0; n < out->numel; n++) y[n] = (double)n;
}
static void ref_arange(const sample *row, const dense *in, dense *out) {
    (void)in;
    int64_t count = 0;
    while (row->p[2] > 0 ? row->p[0] + (double)count * row->p[2] < row->p[1]
                         : row->p[0] + (double)count * row->p[2] > row->p[1])
        count++;
    double *y = dense_new(out, TP_SHAPE(count));
    for (int64_t n = 0; n < count; n++) y[n] = row->p[0] + (double)n * row->p[2];
}
static void ref_linspace(const sample *row, const dense *in, dense *out) {
    (void)in;
    double *y = dense_new(out, TP_SHAPE(row->i[0]));
    for (int64_t n = 0; n < out->numel; n++)
        y[n] = row->p[0] + (n ? (row->p[1] - row->p[0]) * (double)n / (double)(row->i[0] - 1) : 0);
}
static void ref_eye(const sample *row, const dense *in, dense *out) {
    (void)in;
    double *y = dense_new(out, TP_SHAPE(row->i[0], row->i[1]));
    for (int64_t n = 0; n < out->numel; n++) y[n] = n / row->i[1] == n % row->i[1];
}
static void ref_triangle(const sample *row, dense *out, bool lower) {
    int64_t n = row->i[0], m = row->i[1], count = 0, at = 0;
    for (int pass = 0; pass < 2; pass++) {
        double *y = pass ? dense_new(out, TP_SHAPE(2, count)) : NULL;
        for (int64_t r = 0; r < n; r++)
            for (int64_t c = 0; c < m; c++) {
                if (lower ? c - r > row->i[2] : c - r < row->i[2]) continue;
                if (pass) y[at] = (double)r, y[count + at++] = (double)c;
                else count++;
            }
    }
}
static void ref_tril_indices(const sample *row, const dense *in, dense *out) {
    (void)in, ref_triangle(row, out, true);
}
static void ref_triu_indices(const sample *row, const dense *in, dense *out) {
    (void)in, ref_triangle(row, out, false);
}

/* ---- random numbers: what must hold of them, as zeros ------------------------------------------------ */

/* 1 for each element below lo or not below hi. */
static tp_tensor *outside(tp_tensor *t, double lo, double hi) {
    return tp_logical_or(tp_lt_scalar(t, lo), tp_ge_scalar(t, hi));
}
SAMPLE_RUN(run_rand, outside(tp_rand(GIVEN, DTYPE, NULL), 0, 1))
SAMPLE_RUN(run_randn, outside(tp_randn(GIVEN, DTYPE, NULL), -9, 9))
SAMPLE_RUN(run_randint, outside(tp_randint(row->i[0], row->i[1], GIVEN, DTYPE, NULL), (double)row->i[0],
                                (double)row->i[1]))
SAMPLE_RUN(run_bernoulli, tp_ne_scalar(tp_bernoulli(row->p[0], GIVEN, DTYPE, NULL), row->p[0]))
SAMPLE_RUN(run_rand_like, outside(tp_rand_like(in[0], NULL), 0, 1))
SAMPLE_RUN(run_randn_like, outside(tp_randn_like(in[0], NULL), -9, 9))
SAMPLE_RUN(run_bernoulli_of, tp_sub(tp_bernoulli_of(in[0], NULL), in[0]))
SAMPLE_RUN(run_normal, tp_sub(tp_normal(in[0], tp_zeros_like(in[0]), NULL), in[0]))
SAMPLE_RUN(run_uniform, tp_uniform_(tp_clone(in[0]), -1, 1, NULL))
SAMPLE_RUN(run_uniform_, tp_uniform_(in[0], -1, 1, NULL))
SAMPLE_RUN(run_gaussian, tp_normal_(tp_clone(in[0]), -1, 2, NULL))
SAMPLE_RUN(run_gaussian_, tp_normal_(in[0], -1, 2, NULL))
/* Sorted, they are 0, 1, ... */
SAMPLE_RUN(run_randperm, tp_sub(tp_sort(tp_randperm(row->i[0], NULL), 0, false).values,
                                tp_arange(0, (double)row->i[0], 1, TP_I64)))
/* Drawn without replacement until none is left, they are all of them. */
SAMPLE_RUN(run_multinomial, tp_sub(tp_sort(tp_multinomial(in[0], row->i[0], false, NULL), -1, false).values,
                                   tp_arange(0, (double)row->i[0], 1, TP_I64)))

static void ref_nothing(const sample *row, const dense *in, dense *out) {
    (void)in, ref_value(out, GIVEN, 0);
}
static void ref_nothing_like(const sample *row, const dense *in, dense *out) {
    (void)row, ref_value(out, in[0].shape, 0);
}
static void ref_counted(const sample *row, const dense *in, dense *out) {
    (void)in, ref_value(out, TP_SHAPE(row->i[0]), 0);
}
static void ref_drawn(const sample *row, const dense *in, dense *out) {
    tp_shape shape = in[0].shape;
    shape.dims[shape.ndim - 1] = row->i[0];
    ref_value(out, shape, 0);
}

/* ---- rows --------------------------------------------------------------------------------------------- */

#define TYPE                                                                                                 \
    {                                                                                                        \
        { FLOAT_IN(0, 1), SCALAR, .fixed = true }                                                            \
    }
#define LIKE(...)                                                                                            \
    {                                                                                                        \
        { FLOAT_IN(0, 1), SHAPE(__VA_ARGS__), .fixed = true }                                                \
    }
#define MADE .flags = SAMPLE_NO_GRAD | SAMPLE_COMPOSED
#define ALONE .flags = SAMPLE_NO_GRAD
#define DRAWN .flags = SAMPLE_NO_GRAD | SAMPLE_COMPOSED | SAMPLE_NO_EXPAND
#define MAKE(op, what, ...)                                                                                  \
    { #op, what, run_##op, ref_##op, TYPE, MADE, __VA_ARGS__ }
#define FROM(op)                                                                                             \
    {#op, "matrix", run_##op, ref_from, TYPE, MADE, OF(2, 3)},                                               \
        {#op, "line", run_##op, ref_from, TYPE, MADE, OF(5)},                                                \
        {#op, "0-d", run_##op, ref_from, TYPE, MADE, OF_NONE}, {                                             \
#op, "no elements", run_##op, ref_from, TYPE, MADE, OF(0)                                            \
    }
#define SHAPES(op, ...)                                                                                      \
    MAKE(op, "matrix", OF(2, 3), __VA_ARGS__), MAKE(op, "0-d", OF_NONE, __VA_ARGS__),                        \
        MAKE(op, "no elements", OF(2, 0), __VA_ARGS__)
#define LIKES(op, ...)                                                                                       \
    {#op, "matrix", run_##op, ref_##op, LIKE(2, 3), ALONE, __VA_ARGS__},                                     \
        {#op, "no elements", run_##op, ref_##op, LIKE(0, 3), ALONE, __VA_ARGS__}, {                          \
#op, "0-d", run_##op, ref_##op, TYPE, ALONE, __VA_ARGS__                                             \
    }
#define TRIANGLES(op)                                                                                        \
    MAKE(op, "square", .i = {3, 3, 0}, .dtype = "int64"), MAKE(op, "wide, above", .i = {2, 5, 1}),           \
        MAKE(op, "tall, below", .i = {4, 2, -1}),                                                            \
        MAKE(op, "none of it", .i = {3, 3, 9 * (#op[3] == 'u') - 9 * (#op[3] == 'l')})
#define RANDOM(op, what, reference, given, ...)                                                              \
    { #op, what, run_##op, reference, given, DRAWN, __VA_ARGS__ }

/* clang-format off */
static const sample creation_rows[] = {
    SHAPES(zeros), SHAPES(ones), SHAPES(full, .p = {3}), MAKE(full, "infinite", OF(3), .p = {INFINITY}),
    MAKE(scalar, "whole", .p = {7}), MAKE(scalar, "negative", .p = {-2}), MAKE(scalar, "a half", .p = {0.5}),
    {"empty", "filled", run_empty, ref_full, TYPE, MADE, OF(2, 3), .p = {2}},
    {"empty", "no elements", run_empty, ref_full, TYPE, MADE, OF(0), .p = {2}},
    LIKES(zeros_like), LIKES(ones_like), LIKES(full_like, .p = {2}),
    {"empty_like", "filled", run_empty_like, ref_full_like, LIKE(2, 3), MADE, .p = {2}},
    MAKE(arange, "up", .p = {0, 5, 1}), MAKE(arange, "steps", .p = {1, 8, 2.5}), MAKE(arange, "down", .p = {3, -3, -2}),
    MAKE(arange, "none", .p = {2, 2, 1}), MAKE(arange, "end left out", .p = {0, 6, 2}),
    MAKE(linspace, "up", .p = {0, 1}, .i = {5}), MAKE(linspace, "down", .p = {3, -2}, .i = {4}),
    MAKE(linspace, "one", .p = {3, 5}, .i = {1}), MAKE(linspace, "none", .p = {3, 5}, .i = {0}),
    MAKE(eye, "square", .i = {3, 3}), MAKE(eye, "wide", .i = {2, 4}), MAKE(eye, "no rows", .i = {0, 3}),
    TRIANGLES(tril_indices), TRIANGLES(triu_indices),
    FROM(from_data), FROM(from_memory), FROM(from_f32), FROM(from_f64), FROM(from_i64),
    RANDOM(rand, "matrix", ref_nothing, TYPE, OF(20, 30)), RANDOM(rand, "0-d", ref_nothing, TYPE, OF_NONE),
    RANDOM(rand, "no elements", ref_nothing, TYPE, OF(0)),
    RANDOM(randn, "matrix", ref_nothing, TYPE, OF(21, 29)), RANDOM(randn, "no elements", ref_nothing, TYPE, OF(3, 0)),
    RANDOM(randint, "matrix", ref_nothing, TYPE, OF(20, 30), .i = {2, 9}),
    RANDOM(randint, "one value", ref_nothing, TYPE, OF(4), .i = {3, 4}),
    RANDOM(bernoulli, "never", ref_nothing, TYPE, OF(20), .p = {0}), RANDOM(bernoulli, "always", ref_nothing, TYPE, OF(20), .p = {1}),
    RANDOM(rand_like, "matrix", ref_nothing_like, LIKE(4, 5)), RANDOM(randn_like, "matrix", ref_nothing_like, LIKE(4, 5)),
    {"bernoulli_of", "always and never", run_bernoulli_of, ref_nothing_like,
     {{FLOAT_IN(0, 1), SHAPE(6), .fixed = true, .values = VALUES(0, 1, 1, 0, 1, 0)}}, DRAWN},
    RANDOM(normal, "no spread", ref_nothing_like, LIKE(4, 5)),
    {"uniform", "matrix", run_uniform, NULL, LIKE(4, 5), DRAWN | SAMPLE_SAME_DTYPE, .inplace = run_uniform_},
    {"normal", "into a tensor", run_gaussian, NULL, LIKE(4, 5), DRAWN | SAMPLE_SAME_DTYPE, .inplace = run_gaussian_},
    RANDOM(randperm, "some", ref_counted, TYPE, .i = {17}), RANDOM(randperm, "none", ref_counted, TYPE, .i = {0}),
    RANDOM(multinomial, "all of a line", ref_drawn, LIKE(9), .i = {9}), RANDOM(multinomial, "all of rows", ref_drawn, LIKE(3, 7), .i = {7}),
};
/* clang-format on */

SAMPLE_FAMILY(creation, creation_rows)
