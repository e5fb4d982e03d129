/* What the samples of rows of elementwise.def and activation.def share: how a row is run, its reference, and the samples made of
 * it. Reference functions are f_<name>, in double. */
#ifndef SAMPLE_ELEMENTWISE_H
#define SAMPLE_ELEMENTWISE_H

#include "support/sample.h"

#define TP__EW_PUBLIC_ONLY 1

/* The second of its arguments: what such a macro holds, or the default if there is no such macro. */
#define SECOND(...) SECOND_OF(__VA_ARGS__, -)
#define SECOND_OF(a, b, ...) b
#define FLAGS_OF(name) SECOND(FLAGS_##name, 0)

/* run_<name> and ref_<name> of every op in the table. */
#define REFERENCE(name, shape, call)                                                                         \
    static void ref_##name(const sample *row, const dense *in, dense *out) {                                 \
        (void)row;                                                                                           \
        double *y = dense_new(out, shape);                                                                   \
        for (int64_t n = 0; n < out->numel; n++) y[n] = call;                                                \
    }
#define AT(k) in[k].data[dense_broadcast(in[k].shape, out->shape, n)]
#define RUN_UNARY(name, ...)                                                                                 \
    SAMPLE_RUN(run_##name, tp_##name(in[0]))                                                                 \
    REFERENCE(name, in[0].shape, f_##name(AT(0)))
#define RUN_UNARY_P1(name, ...)                                                                              \
    SAMPLE_RUN(run_##name, tp_##name(in[0], row->p[0]))                                                      \
    REFERENCE(name, in[0].shape, f_##name(AT(0), row->p[0]))
#define RUN_SCALAR_FIRST(name, ...)                                                                          \
    SAMPLE_RUN(run_##name, tp_##name(row->p[0], in[0]))                                                      \
    REFERENCE(name, in[0].shape, f_##name(row->p[0], AT(0)))
#define RUN_UNARY_P2(name, ...)                                                                              \
    SAMPLE_RUN(run_##name, tp_##name(in[0], row->p[0], row->p[1]))                                           \
    REFERENCE(name, in[0].shape, f_##name(AT(0), row->p[0], row->p[1]))
#define RUN_BINARY(name, ...)                                                                                \
    SAMPLE_RUN(run_##name, tp_##name(in[0], in[1]))                                                          \
    REFERENCE(name, dense_broadcast_shape(in[0].shape, in[1].shape), f_##name(AT(0), AT(1)))
#define RUN_TERNARY(name, ...)                                                                               \
    SAMPLE_RUN(run_##name, tp_##name(in[0], in[1], in[2]))                                                   \
    REFERENCE(name, dense_broadcast_shape(dense_broadcast_shape(in[0].shape, in[1].shape), in[2].shape),     \
              f_##name(AT(0), AT(1), AT(2)))
#define RUN_TERNARY_P1(name, ...)                                                                            \
    SAMPLE_RUN(run_##name, tp_##name(in[0], in[1], in[2], row->p[0]))                                        \
    REFERENCE(name, dense_broadcast_shape(dense_broadcast_shape(in[0].shape, in[1].shape), in[2].shape),     \
              f_##name(AT(0), AT(1), AT(2), row->p[0]))

/* clang-format off */
/* ---- generated rows ------------------------------------------------------------------------------------ */

/* Away from 0 and the two parameters, where ops have their kinks. */
#define P0 0.75
#define P1 1.5
#define DRAWN(low, high, ...)                                                                                \
    {FLOAT_IN(low, high), SHAPE(__VA_ARGS__), .gap = 0.01, .avoid = {0, P0, P1}}
#define DRAWN_SCALAR(low, high) {FLOAT_IN(low, high), SCALAR, .gap = 0.01, .avoid = {0, P0, P1}}
#define ROW1(op, name, what, input, extra)                                                                   \
    {op, what, run_##name, ref_##name, {input}, .p = {P0, P1}, .flags = extra}
#define ROW2(name, what, a, b, extra) {#name, what, run_##name, ref_##name, {a, b}, .flags = extra}

#define UNARY_ROWS(op, name, low, high, extra) UNARY_ROWS_WITH(op, name, low, high, low, high, extra)
#define UNARY_ROWS_WITH(op, name, low, high, low0, high0, extra)                                             \
    ROW1(op, name, "", DRAWN(low, high, 3, 7), extra),                                                       \
        ROW1(op, name, "three dims", DRAWN(low, high, 2, 3, 5), extra),                                      \
        ROW1(op, name, "0-d", DRAWN_SCALAR(low0, high0), extra),                                             \
        ROW1(op, name, "nothing", DRAWN(low, high, 2, 0, 3), extra),                                         \
        ROW1(op, name, "large", DRAWN(low, high, 211, 487), (extra) | SAMPLE_LARGE),

#define BINARY_ROWS(name, low, high, extra)                                                                  \
    ROW2(name, "", DRAWN(low, high, 3, 7), DRAWN(low, high, 3, 7), extra),                                   \
        ROW2(name, "last dim stretched", DRAWN(low, high, 3, 1), DRAWN(low, high, 3, 5), extra),             \
        ROW2(name, "leading dim missing", DRAWN(low, high, 2, 3, 4), DRAWN(low, high, 4), extra),            \
        ROW2(name, "both stretched", DRAWN(low, high, 2, 1, 3), DRAWN(low, high, 4, 1), extra),              \
        ROW2(name, "0-d with tensor", DRAWN_SCALAR(low, high), DRAWN(low, high, 2, 3), extra),               \
        ROW2(name, "tensor with 0-d", DRAWN(low, high, 2, 3), DRAWN_SCALAR(low, high), extra),               \
        ROW2(name, "two 0-d", DRAWN_SCALAR(low, high), DRAWN_SCALAR(low, high), extra),                      \
        ROW2(name, "nothing", DRAWN(low, high, 2, 0), DRAWN(low, high, 2, 0), extra),                        \
        ROW2(name, "nothing by stretching", DRAWN(low, high, 2, 1), DRAWN(low, high, 1, 0), extra),          \
        ROW2(name, "large", DRAWN(low, high, 211, 487), DRAWN(low, high, 211, 487), (extra) | SAMPLE_LARGE), \
        ROW2(name, "large, row", DRAWN(low, high, 211, 487), DRAWN(low, high, 487), (extra) | SAMPLE_LARGE), \
        ROW2(name, "large, column", DRAWN(low, high, 211, 1), DRAWN(low, high, 211, 487),                    \
             (extra) | SAMPLE_LARGE),

/* Whole numbers from 1 on: ops that keep integers, and those that turn them to F32; others have no such row. */
#define INTEGER_SAME(MAKE, op, name) MAKE(op, name, .dtype = "int64")
#define INTEGER_MIXED INTEGER_SAME
#define INTEGER_ONCE INTEGER_SAME
#define INTEGER_FLOAT(MAKE, op, name) MAKE(op, name, .dtype = "float32", .tol = 1e-6)
#define INTEGER_RARE INTEGER_FLOAT
#define INTEGER_REAL(MAKE, op, name)
#define INTEGER_INT(MAKE, op, name)
#define INTEGER_ROW1(op, name, ...)                                                                          \
    {op, "integers", run_##name, ref_##name, {{INT_IN(1, 5), SHAPE(3, 4)}}, .p = {2, 3},                     \
     .flags = SAMPLE_NO_GRAD, __VA_ARGS__},
#define INTEGER_ROW2(op, name, ...)                                                                          \
    {op, "integers", run_##name, ref_##name, {{INT_IN(1, 5), SHAPE(3, 4)}, {INT_IN(1, 5), SHAPE(4)}},     \
     .flags = SAMPLE_NO_GRAD, __VA_ARGS__},

/* Of bits there are integers and BOOL alone. */
#define KIND_IN(k, low, high, ...) {.kind = k, .lo = low, .hi = high, SHAPE(__VA_ARGS__)}
#define BIT_ROW1(name, what, k, result, extra)                                                               \
    {#name, what, run_##name, ref_##name, {KIND_IN(k, -9, 9, 3, 7)}, .dtype = result,                        \
     .flags = SAMPLE_NO_GRAD | (extra)},
#define BIT_ROW2(name, what, k, low, high, result)                                                           \
    {#name, what, run_##name, ref_##name, {KIND_IN(k, low, high, 3, 7), KIND_IN(k, 0, 7, 7)},                \
     .dtype = result, .flags = SAMPLE_NO_GRAD},
#define BIT_ROWS2(name)                                                                                      \
    BIT_ROW2(name, "int64", SAMPLE_I64, -9, 9, "int64") BIT_ROW2(name, "int32", SAMPLE_I32, -9, 9, "int32")  \
    {#name, "column and row", run_##name, ref_##name, {INTS(-9, 9, 3, 1), INTS(0, 70, 4)},                   \
     .flags = SAMPLE_NO_GRAD},                                                                               \
    {#name, "0-d", run_##name, ref_##name, {INTS(-9, 9, 3), {INT_IN(0, 5), SCALAR}},                         \
     .flags = SAMPLE_NO_GRAD},                                                                               \
    {#name, "nothing", run_##name, ref_##name, {INTS(-9, 9, 3, 0), INTS(0, 5, 0)}, .flags = SAMPLE_NO_GRAD}, \
    {#name, "large", run_##name, ref_##name, {INTS(-9, 9, 211, 487), INTS(0, 5, 487)},                       \
     .flags = SAMPLE_NO_GRAD | SAMPLE_LARGE},

/* ---- in place, and special values ---- */
#define INPLACE(name) SAMPLE_RUN(inplace_##name, tp_##name##_(in[0]))
#define INPLACE_P1(name) SAMPLE_RUN(inplace_##name, tp_##name##_(in[0], row->p[0]))
#define INPLACE_P2(name) SAMPLE_RUN(inplace_##name, tp_##name##_(in[0], row->p[0], row->p[1]))
#define INPLACE2(name) SAMPLE_RUN(inplace_##name, tp_##name##_(in[0], in[1]))
#define INPLACE_ROW1(name, low, high)                                                                        \
    {#name, "in place", run_##name, ref_##name, {DRAWN(low, high, 4, 5)}, .p = {P0, P1},                     \
     .inplace = inplace_##name, .flags = FLAGS_OF(name)},                                                                             \
        {#name, "in place, large", run_##name, ref_##name, {DRAWN(low, high, 211, 487)}, .p = {P0, P1},      \
         .inplace = inplace_##name, .flags = FLAGS_OF(name) | SAMPLE_LARGE},
#define SPECIALS VALUES(NAN, INFINITY, -INFINITY, 0.0, -0.0, 1.0, -1.0, 1e300, -1e300, 5e-324, 800.0, -800.0)
#define INPLACE_ROW2(name, low, high)                                                                        \
    {#name, "in place", run_##name, ref_##name, {DRAWN(low, high, 4, 5), DRAWN(low, high, 4, 5)},            \
     .inplace = inplace_##name, .flags = FLAGS_OF(name)},                                                    \
        {#name, "in place, stretched", run_##name, ref_##name, {DRAWN(low, high, 4, 5), DRAWN(low, high,     \
         4, 1)},                                                                                             \
         .inplace = inplace_##name, .flags = FLAGS_OF(name)},                                                \
        {#name, "in place, 0-d", run_##name, ref_##name, {DRAWN(low, high, 4, 5), DRAWN_SCALAR(low, high)},  \
         .inplace = inplace_##name, .flags = FLAGS_OF(name)},
#define SPECIAL_ROW1(name, ...)                                                                              \
    {#name, "NaN, infinities, zeros and extremes", run_##name, ref_##name,                                   \
     {{FLOAT_IN(0, 1), SHAPE(12), .values = SPECIALS}}, .flags = SAMPLE_NAN | SAMPLE_SAME_DTYPE, __VA_ARGS__},
/* clang-format on */

#endif
