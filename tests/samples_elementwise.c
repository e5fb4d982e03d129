/* Samples of elementwise.h. Most rows are generated from elementwise.def: what an op added there needs here
 * is its reference, f_<name>, in support/sample_functions.h. Rows written by hand follow for what a generated row cannot know. */
#define TP__EW_NO_ACTIVATIONS 1 /* those are in samples_activation.c */
#include "core/status.h"
#include "support/sample_elementwise.h"
#include "support/sample_functions.h"

/* The ops whose gradient is zero everywhere. */
#define FLAGS_sign -, SAMPLE_ZERO_GRAD
#define FLAGS_floor -, SAMPLE_ZERO_GRAD
#define FLAGS_ceil -, SAMPLE_ZERO_GRAD
#define FLAGS_round -, SAMPLE_ZERO_GRAD
#define FLAGS_trunc -, SAMPLE_ZERO_GRAD
#define FLAGS_div_trunc -, SAMPLE_ZERO_GRAD
#define FLAGS_div_floor -, SAMPLE_ZERO_GRAD
#define UNARY RUN_UNARY
#define UNARY_P1 RUN_UNARY_P1
#define UNARY_P2 RUN_UNARY_P2
#define SCALAR_FIRST RUN_SCALAR_FIRST
#define BINARY RUN_BINARY
#define TERNARY RUN_TERNARY
#define TERNARY_P1 RUN_TERNARY_P1
#define COMPARE RUN_BINARY
#define COMPARE_P1 RUN_UNARY_P1
#define TEST RUN_UNARY
#include "kernels/elementwise.def"

SAMPLE_RUN(run_where, tp_where(in[0], in[1], in[2]))
REFERENCE(where, dense_broadcast_shape(dense_broadcast_shape(in[0].shape, in[1].shape), in[2].shape),
          AT(0) != 0 ? AT(1) : AT(2))

/* ---- rows by hand -------------------------------------------------------------------------------------- */

/* clang-format off */
/* The functions of one variable with an in-place form, and where to try it. */
#define INPLACE_UNARIES(X)                                                                                   \
    X(neg, -3, 3)                                                                                            \
    X(abs, -3, 3)                                                                                            \
    X(sign, -3, 3)                                                                                           \
    X(square, -3, 3) X(sqrt, 0.2, 5) X(rsqrt, 0.2, 5) X(reciprocal, 0.3, 4) X(exp, -3, 3) X(exp2, -3, 3)     \
        X(expm1, -3, 3) X(log, 0.2, 5) X(log2, 0.2, 5) X(log10, 0.2, 5) X(log1p, -0.8, 5) X(sin, -6, 6)      \
            X(cos, -6, 6) X(tan, -1.3, 1.3) X(asin, -0.9, 0.9) X(acos, -0.9, 0.9) X(atan, -3, 3)             \
                X(sinh, -3, 3) X(cosh, -3, 3) X(tanh, -3, 3) X(asinh, -3, 3) X(acosh, 1.2, 4)                \
                    X(atanh, -0.9, 0.9) X(sigmoid, -3, 3) X(erf, -2, 2) X(erfc, -2, 2) X(floor, -3, 3)       \
                        X(ceil, -3, 3) X(round, -3, 3) X(trunc, -3, 3) X(frac, -3, 3)
#define INPLACE_NUMBERS(X)                                                                                   \
    X(add_scalar, -3, 3)                                                                                     \
    X(sub_scalar, -3, 3)                                                                                     \
    X(mul_scalar, -3, 3) X(div_scalar, -3, 3) X(pow_scalar, 0.3, 3) X(clamp_min, -3, 3) X(clamp_max, -3, 3)
#define INPLACE_BINARIES(X)                                                                                  \
    X(add, -3, 3)                                                                                            \
    X(sub, -3, 3)                                                                                            \
    X(mul, -3, 3)                                                                                            \
    X(div, 0.5, 3) X(div_trunc, 0.5, 3) X(div_floor, 0.5, 3) X(remainder, 0.5, 3) X(fmod, 0.5, 3)            \
        X(pow, 0.5, 3) X(xlogy, 0.5, 3)
#define INPLACE_BITS(X)                                                                                      \
    X(bitwise_and) X(bitwise_or) X(bitwise_xor) X(bitwise_left_shift) X(bitwise_right_shift)
/* clang-format on */
#define MAKE_INPLACE(name, low, high) INPLACE(name)
#define MAKE_INPLACE_P1(name, low, high) INPLACE_P1(name)
#define MAKE_INPLACE2(name, low, high) INPLACE2(name)
INPLACE_UNARIES(MAKE_INPLACE)
INPLACE_NUMBERS(MAKE_INPLACE_P1)
INPLACE_BINARIES(MAKE_INPLACE2)
INPLACE_BITS(INPLACE2)
INPLACE(bitwise_not)
INPLACE_P2(clamp)
#define INPLACE_BIT_ROW(name)                                                                                \
    {#name,                                                                                                  \
     "in place",                                                                                             \
     run_##name,                                                                                             \
     ref_##name,                                                                                             \
     {INTS(-9, 9, 4, 5), INTS(0, 5, 5)},                                                                     \
     .inplace = inplace_##name,                                                                              \
     .flags = SAMPLE_NO_GRAD},
SAMPLE_RUN(inplace_lerp, tp_lerp_(in[0], in[1], in[2]))
SAMPLE_RUN(inplace_addcmul, tp_addcmul_(in[0], in[1], in[2], row->p[0]))
SAMPLE_RUN(inplace_addcdiv, tp_addcdiv_(in[0], in[1], in[2], row->p[0]))
#define INPLACE_ROW3(name, low, high)                                                                        \
    {#name,                                                                                                  \
     "in place",                                                                                             \
     run_##name,                                                                                             \
     ref_##name,                                                                                             \
     {DRAWN(low, high, 4, 5), DRAWN(low, high, 5), DRAWN(low, high, 4, 1)},                                  \
     .p = {P0},                                                                                              \
     .inplace = inplace_##name},

/* Binary ops with a number on either side. */
#define SCALAR_FORMS(X)                                                                                      \
    X(div_trunc, SAMPLE_ZERO_GRAD) X(div_floor, SAMPLE_ZERO_GRAD) X(remainder, 0) X(fmod, 0) X(xlogy, 0)
#define BIT_SCALARS(X)                                                                                       \
    X(bitwise_and) X(bitwise_or) X(bitwise_xor) X(bitwise_left_shift) X(bitwise_right_shift)
#define SCALAR_FORM(name, extra) SCALAR_LAST(name) SCALAR_FRONT(name)
#define SCALAR_LAST(name)                                                                                    \
    SAMPLE_RUN(run_##name##_scalar, tp_##name##_scalar(in[0], row->p[0]))                                    \
    SAMPLE_RUN(inplace_##name##_scalar, tp_##name##_scalar_(in[0], row->p[0]))                               \
    REFERENCE(name##_scalar, in[0].shape, f_##name(AT(0), row->p[0]))
#define SCALAR_FRONT(name)                                                                                   \
    SAMPLE_RUN(run_scalar_##name, tp_scalar_##name(row->p[0], in[0]))                                        \
    REFERENCE(scalar_##name, in[0].shape, f_##name(row->p[0], AT(0)))
SCALAR_FORMS(SCALAR_FORM)
BIT_SCALARS(SCALAR_LAST)
SCALAR_FRONT(bitwise_left_shift)
SCALAR_FRONT(bitwise_right_shift)
#define SCALAR_ROWS(name, extra)                                                                             \
    {#name "_scalar",                                                                                        \
     "",                                                                                                     \
     run_##name##_scalar,                                                                                    \
     ref_##name##_scalar,                                                                                    \
     {DRAWN(0.5, 3, 3, 4)},                                                                                  \
     .p = {P0},                                                                                              \
     .inplace = inplace_##name##_scalar,                                                                     \
     .flags = extra},                                                                                        \
        {#name "_scalar",                                                                                    \
         "0-d",                                                                                              \
         run_##name##_scalar,                                                                                \
         ref_##name##_scalar,                                                                                \
         {DRAWN_SCALAR(0.5, 3)},                                                                             \
         .p = {1.5},                                                                                         \
         .inplace = inplace_##name##_scalar,                                                                 \
         .flags = extra},                                                                                    \
        {#name "_scalar",       "nothing", run_##name##_scalar, ref_##name##_scalar,                         \
         {DRAWN(0.5, 3, 0, 2)}, .p = {P0}, .flags = extra},                                                  \
        {#name "_scalar",                                                                                    \
         "large",                                                                                            \
         run_##name##_scalar,                                                                                \
         ref_##name##_scalar,                                                                                \
         {DRAWN(0.5, 3, 211, 487)},                                                                          \
         .p = {P0},                                                                                          \
         .flags = SAMPLE_LARGE | (extra)},                                                                   \
        {"scalar_" #name,       "",          run_scalar_##name, ref_scalar_##name,                           \
         {DRAWN(0.5, 3, 3, 4)}, .p = {2.25}, .flags = extra},                                                \
        {"scalar_" #name,        "0-d",       run_scalar_##name, ref_scalar_##name,                          \
         {DRAWN_SCALAR(0.5, 3)}, .p = {2.25}, .flags = extra},                                               \
        {"scalar_" #name,       "nothing",   run_scalar_##name, ref_scalar_##name,                           \
         {DRAWN(0.5, 3, 0, 2)}, .p = {2.25}, .flags = extra},
#define SCALAR_INTEGER_ROWS(name, result)                                                                    \
    {#name "_scalar",                                                                                        \
     "integers",                                                                                             \
     run_##name##_scalar,                                                                                    \
     ref_##name##_scalar,                                                                                    \
     {INTS(-9, 9, 3, 4)},                                                                                    \
     .p = {3},                                                                                               \
     .flags = SAMPLE_NO_GRAD,                                                                                \
     .dtype = result,                                                                                        \
     .tol = 1e-6,                                                                                            \
     .inplace = inplace_##name##_scalar},                                                                    \
        {"scalar_" #name,         "integers",         run_scalar_##name,                                     \
         ref_scalar_##name,       {INTS(1, 9, 3, 4)}, .p = {-7},                                             \
         .flags = SAMPLE_NO_GRAD, .dtype = result,    .tol = 1e-6},
#define BIT_SCALAR_ROWS(name)                                                                                \
    {#name "_scalar",                                                                                        \
     "",                                                                                                     \
     run_##name##_scalar,                                                                                    \
     ref_##name##_scalar,                                                                                    \
     {INTS(-9, 9, 3, 4)},                                                                                    \
     .p = {3},                                                                                               \
     .flags = SAMPLE_NO_GRAD,                                                                                \
     .dtype = "int64",                                                                                       \
     .inplace = inplace_##name##_scalar},                                                                    \
        {#name "_scalar",                                                                                    \
         "bytes",                                                                                            \
         run_##name##_scalar,                                                                                \
         ref_##name##_scalar,                                                                                \
         {KIND_IN(SAMPLE_U8, 0, 30, 3, 4)},                                                                  \
         .p = {3},                                                                                           \
         .flags = SAMPLE_NO_GRAD,                                                                            \
         .dtype = "uint8",                                                                                   \
         .inplace = inplace_##name##_scalar},

SAMPLE_RUN(run_lerp_scalar, tp_lerp_scalar(in[0], in[1], row->p[0]))
SAMPLE_RUN(inplace_lerp_scalar, tp_lerp_scalar_(in[0], in[1], row->p[0]))
REFERENCE(lerp_scalar, dense_broadcast_shape(in[0].shape, in[1].shape), f_lerp(AT(0), AT(1), row->p[0]))
SAMPLE_RUN(run_ldexp, tp_ldexp(in[0], in[1]))
REFERENCE(ldexp, dense_broadcast_shape(in[0].shape, in[1].shape), AT(0) * exp2(AT(1)))
SAMPLE_RUN(run_trigamma, tp_trigamma(in[0]))
REFERENCE(trigamma, in[0].shape, f_polygamma(1, AT(0)))
SAMPLE_RUN(run_polygamma, tp_polygamma((int)row->i[0], in[0]))
REFERENCE(polygamma, in[0].shape, f_polygamma((double)row->i[0], AT(0)))
SAMPLE_RUN(run_logit_eps, tp_logit_eps(in[0], row->p[0]))
REFERENCE(logit_eps, in[0].shape, f_logit(fmin(fmax(AT(0), row->p[0]), 1 - row->p[0])))
SAMPLE_RUN(run_round_decimals, tp_round_decimals(in[0], (int)row->i[0]))
REFERENCE(round_decimals, in[0].shape,
          row->i[0] < 0 ? rint(AT(0) / pow(10, (double)-row->i[0])) * pow(10, (double)-row->i[0])
                        : rint(AT(0) * pow(10, (double)row->i[0])) / pow(10, (double)row->i[0]))
SAMPLE_RUN(run_nan_to_num, tp_nan_to_num(in[0], (tp_nan_to_num_options){row->p[0], row->p[1], row->p[2]}))
static double f_nan_to_num(const sample *row, double x) {
    if (isnan(x)) return row->p[0];
    if (!isinf(x)) return x;
    double given = row->p[x > 0 ? 1 : 2];
    return given != 0 || signbit(given) ? given + 0.0
           : x > 0                      ? 0x1.fffffffffffffp1023
                                        : -0x1.fffffffffffffp1023;
}
REFERENCE(nan_to_num, in[0].shape, f_nan_to_num(row, AT(0)))

SAMPLE_RUN(run_logical_and, tp_logical_and(in[0], in[1]))
SAMPLE_RUN(run_logical_or, tp_logical_or(in[0], in[1]))
SAMPLE_RUN(run_logical_xor, tp_logical_xor(in[0], in[1]))
REFERENCE(logical_and, dense_broadcast_shape(in[0].shape, in[1].shape), AT(0) != 0 && AT(1) != 0)
REFERENCE(logical_or, dense_broadcast_shape(in[0].shape, in[1].shape), AT(0) != 0 || AT(1) != 0)
REFERENCE(logical_xor, dense_broadcast_shape(in[0].shape, in[1].shape), (AT(0) != 0) != (AT(1) != 0))
#define LOGICAL_ROWS(name)                                                                                   \
    {#name, "", run_##name, ref_##name, {BOOLS(3, 4), BOOLS(4)}, .flags = SAMPLE_NO_GRAD, .dtype = "bool"},  \
        {#name,                                                                                              \
         "numbers",                                                                                          \
         run_##name,                                                                                         \
         ref_##name,                                                                                         \
         {INTS(-1, 2, 3, 4), FLOATS(-1, 1, 3, 1)},                                                           \
         .flags = SAMPLE_NO_GRAD,                                                                            \
         .dtype = "bool"},                                                                                   \
        {#name,                                                                                              \
         "NaN is true",                                                                                      \
         run_##name,                                                                                         \
         ref_##name,                                                                                         \
         {{FLOAT_IN(0, 1), SHAPE(12), .values = SPECIALS}, BOOLS(12)},                                       \
         .flags = SAMPLE_NO_GRAD | SAMPLE_NAN | SAMPLE_SAME_DTYPE},                                          \
        {#name,                                                                                              \
         "0-d",                                                                                              \
         run_##name,                                                                                         \
         ref_##name,                                                                                         \
         {{.kind = SAMPLE_BOOL, SCALAR}, BOOLS(4)},                                                          \
         .flags = SAMPLE_NO_GRAD},                                                                           \
        {#name, "nothing", run_##name, ref_##name, {BOOLS(0, 4), BOOLS(4)}, .flags = SAMPLE_NO_GRAD},        \
        {#name,                                                                                              \
         "large",                                                                                            \
         run_##name,                                                                                         \
         ref_##name,                                                                                         \
         {BOOLS(211, 487), BOOLS(487)},                                                                      \
         .flags = SAMPLE_NO_GRAD | SAMPLE_LARGE},

#define CLOSE_OPTIONS                                                                                        \
    (tp_isclose_options) { row->p[0], row->p[1], row->i[0] != 0 }
SAMPLE_RUN(run_isclose, tp_isclose(in[0], in[1], CLOSE_OPTIONS))
static bool f_isclose(const sample *row, double a, double b) {
    double rtol = row->p[0] != 0 || signbit(row->p[0]) ? row->p[0] : 1e-5;
    double atol = row->p[1] != 0 || signbit(row->p[1]) ? row->p[1] : 1e-8;
    if (isnan(a) || isnan(b)) return row->i[0] && isnan(a) && isnan(b);
    return a == b || (isfinite(a - b) && fabs(a - b) <= atol + rtol * fabs(b));
}
REFERENCE(isclose, dense_broadcast_shape(in[0].shape, in[1].shape), f_isclose(row, AT(0), AT(1)))

/* A bool as a 0-d tensor, NULL after an error. */
static tp_tensor *answer(bool yes) {
    return tp__error_pending() ? NULL : tp_full(TP_SCALAR_SHAPE, yes, TP_BOOL);
}
SAMPLE_RUN(run_allclose, answer(tp_allclose(in[0], in[1], CLOSE_OPTIONS)))
SAMPLE_RUN(run_equal, answer(tp_equal(in[0], in[1])))
static void ref_allclose(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, (tp_shape){0, {0}});
    tp_shape shape = dense_broadcast_shape(in[0].shape, in[1].shape);
    int64_t total = 1;
    for (int d = 0; d < shape.ndim; d++) total *= shape.dims[d];
    y[0] = 1;
    for (int64_t n = 0; n < total; n++)
        if (!f_isclose(row, in[0].data[dense_broadcast(in[0].shape, shape, n)],
                       in[1].data[dense_broadcast(in[1].shape, shape, n)]))
            y[0] = 0;
}
static void ref_equal(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, (tp_shape){0, {0}});
    y[0] = tp_shape_equal(in[0].shape, in[1].shape);
    for (int64_t n = 0; y[0] != 0 && n < in[0].numel; n++)
        if (in[0].data[n] != in[1].data[n]) y[0] = 0;
}

SAMPLE_RUN(run_masked_fill, tp_masked_fill(in[0], in[1], row->p[0]))
SAMPLE_RUN(inplace_masked_fill, tp_masked_fill_(in[0], in[1], row->p[0]))
REFERENCE(masked_fill, dense_broadcast_shape(in[0].shape, in[1].shape), AT(1) != 0 ? row->p[0] : AT(0))

#define ROW3(name, what, a, b, c, extra)                                                                     \
    { #name, what, run_##name, ref_##name, {a, b, c }, .p = {P0 }, .flags = extra }
#define TERNARY_ROWS(name, low, high)                                                                        \
    ROW3(name, "", DRAWN(low, high, 3, 7), DRAWN(low, high, 3, 7), DRAWN(low, high, 3, 7), 0),               \
        ROW3(name, "stretched", DRAWN(low, high, 3, 1), DRAWN(low, high, 2, 1, 5), DRAWN(low, high, 5), 0),  \
        ROW3(name, "0-d with tensors", DRAWN_SCALAR(low, high), DRAWN(low, high, 2, 3), DRAWN(low, high, 3), \
             0),                                                                                             \
        ROW3(name, "0-d last", DRAWN(low, high, 2, 3), DRAWN(low, high, 3), DRAWN_SCALAR(low, high), 0),     \
        ROW3(name, "all 0-d", DRAWN_SCALAR(low, high), DRAWN_SCALAR(low, high), DRAWN_SCALAR(low, high), 0), \
        ROW3(name, "nothing", DRAWN(low, high, 2, 0), DRAWN(low, high, 1), DRAWN(low, high, 2, 1), 0),       \
        ROW3(name, "large", DRAWN(low, high, 211, 487), DRAWN(low, high, 487), DRAWN(low, high, 211, 1),     \
             SAMPLE_LARGE),

/* One tensor as both operands. */
#define TWICE(name)                                                                                          \
    SAMPLE_RUN(run_twice_##name, tp_##name(in[0], in[0]))                                                    \
    REFERENCE(twice_##name, in[0].shape, f_##name(AT(0), AT(0)))
TWICE(add)
TWICE(mul)
TWICE(pow)
#define TWICE_ROW(name)                                                                                      \
    {                                                                                                        \
#name, "one tensor twice", run_twice_##name, ref_twice_##name, { FLOATS(0.5, 2, 3, 4) }              \
    }

#define SPECIAL_ROW2(name)                                                                                   \
    {#name,                                                                                                  \
     "NaN, infinities, zeros and extremes",                                                                  \
     run_##name,                                                                                             \
     ref_##name,                                                                                             \
     {{FLOAT_IN(0, 1), SHAPE(12, 1), .values = SPECIALS}, {FLOAT_IN(0, 1), SHAPE(12), .values = SPECIALS}},  \
     .flags = SAMPLE_NAN | SAMPLE_SAME_DTYPE},

#define TYPED(name, what, a, b, result)                                                                      \
    {                                                                                                        \
#name, what, run_##name, ref_##name,                                                                 \
            {a, b }, .dtype = result, .flags = SAMPLE_NO_GRAD | SAMPLE_SAME_DTYPE, .tol = 1e-6               \
    }
#define OF_KIND(k, ...)                                                                                      \
    { .kind = k, .lo = 1, .hi = 5, SHAPE(__VA_ARGS__) }
#define SCALAR_OF_KIND(k)                                                                                    \
    { .kind = k, .lo = 1, .hi = 5, SCALAR }
#define FIXED_F64(...)                                                                                       \
    { FLOAT_IN(1, 5), SHAPE(__VA_ARGS__), .fixed = true }
#define FIXED_F64_SCALAR                                                                                     \
    { FLOAT_IN(1, 5), SCALAR, .fixed = true }

static const sample elementwise_rows[] = {
#define UNARY(name, y, dx, saves, class, low, high) UNARY_##class(name, low, high)
#define UNARY_FLOAT(name, low, high) UNARY_ROWS(#name, name, low, high, FLAGS_OF(name))
#define UNARY_RARE UNARY_FLOAT
#define UNARY_REAL UNARY_FLOAT
#define UNARY_SAME UNARY_FLOAT
#define UNARY_MIXED UNARY_FLOAT
#define UNARY_INT(name, low, high) BIT_ROW1(name, "int64", SAMPLE_I64, "int64", 0)
#define UNARY_P1(name, y, dx, saves, class, low, high) UNARY_ROWS(#name, name, low, high, 0)
#define SCALAR_FIRST UNARY_P1
#define UNARY_P2(name, y, dx, saves, class, low, high) /* where clamp is not flat */                         \
    UNARY_ROWS_WITH(#name, name, low, high, P0, P1, 0)
#define BINARY(name, y, da, da_uses, db, db_uses, class, low, high) BINARY_##class(name, low, high)
#define BINARY_FLOAT(name, low, high) BINARY_ROWS(name, low, high, FLAGS_OF(name))
#define BINARY_RARE BINARY_FLOAT
#define BINARY_REAL BINARY_FLOAT
#define BINARY_SAME BINARY_FLOAT
#define BINARY_MIXED BINARY_FLOAT
#define BINARY_ONCE BINARY_FLOAT
#define BINARY_INT(name, low, high) BIT_ROWS2(name)
#define TERNARY(name, y, da, da_uses, db, db_uses, dc, dc_uses, class, low, high)                            \
    TERNARY_ROWS(name, low, high)
#define TERNARY_P1 TERNARY
#define COMPARE(name, y) BINARY_ROWS(name, -2, 2, SAMPLE_NO_GRAD) SPECIAL_ROW2(name)
#define COMPARE_P1(name, y) UNARY_ROWS(#name, name, -2, 2, SAMPLE_NO_GRAD)
#define TEST(name, y) UNARY_ROWS(#name, name, -2, 2, SAMPLE_NO_GRAD)
#include "kernels/elementwise.def"

#define UNARY(name, y, dx, saves, class, low, high) INTEGER_##class(INTEGER_ROW1, #name, name)
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#define SCALAR_FIRST UNARY
#define BINARY(name, y, da, da_uses, db, db_uses, class, low, high) INTEGER_##class(INTEGER_ROW2, #name, name)
#define TERNARY(name, ...)
#define TERNARY_P1 TERNARY
#define COMPARE TERNARY
#define COMPARE_P1 TERNARY
#define TEST TERNARY
#include "kernels/elementwise.def"

    INPLACE_UNARIES(INPLACE_ROW1) INPLACE_NUMBERS(INPLACE_ROW1) INPLACE_BINARIES(INPLACE_ROW2)
        INPLACE_BITS(INPLACE_BIT_ROW) INPLACE_ROW1(clamp, -3, 3){"bitwise_not",
                                                                 "in place",
                                                                 run_bitwise_not,
                                                                 ref_bitwise_not,
                                                                 {INTS(-9, 9, 4, 5)},
                                                                 .inplace = inplace_bitwise_not,
                                                                 .flags = SAMPLE_NO_GRAD},
    INPLACE_ROW3(lerp, -3, 3) INPLACE_ROW3(addcmul, -3, 3) INPLACE_ROW3(addcdiv, 0.5, 3)
        SCALAR_FORMS(SCALAR_ROWS) SCALAR_INTEGER_ROWS(div_trunc, "int64")
            SCALAR_INTEGER_ROWS(div_floor, "int64") SCALAR_INTEGER_ROWS(remainder, "int64")
                SCALAR_INTEGER_ROWS(fmod, "int64"){"xlogy_scalar",
                                                   "integers",
                                                   run_xlogy_scalar,
                                                   ref_xlogy_scalar,
                                                   {INTS(-9, 9, 3, 4)},
                                                   .p = {3},
                                                   .flags = SAMPLE_NO_GRAD,
                                                   .dtype = "float32",
                                                   .tol = 1e-6},
    {"scalar_xlogy",
     "integers",
     run_scalar_xlogy,
     ref_scalar_xlogy,
     {INTS(0, 9, 3, 4)},
     .p = {0.5},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "float32",
     .tol = 1e-6},
    BIT_SCALARS(BIT_SCALAR_ROWS){"scalar_bitwise_left_shift",
                                 "",
                                 run_scalar_bitwise_left_shift,
                                 ref_scalar_bitwise_left_shift,
                                 {INTS(0, 9, 3, 4)},
                                 .p = {3},
                                 .flags = SAMPLE_NO_GRAD,
                                 .dtype = "int64"},
    {"scalar_bitwise_right_shift",
     "",
     run_scalar_bitwise_right_shift,
     ref_scalar_bitwise_right_shift,
     {INTS(0, 9, 3, 4)},
     .p = {-300},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "int64"},
    {"bitwise_and",
     "bool",
     run_bitwise_and,
     ref_bitwise_and,
     {BOOLS(3, 4), BOOLS(4)},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "bool"},
    {"bitwise_or",
     "bool",
     run_bitwise_or,
     ref_bitwise_or,
     {BOOLS(3, 4), BOOLS(4)},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "bool"},
    {"bitwise_xor",
     "bool",
     run_bitwise_xor,
     ref_bitwise_xor,
     {BOOLS(3, 4), BOOLS(4)},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "bool"},
    {"bitwise_not",
     "bool",
     run_bitwise_not,
     ref_logical_not,
     {BOOLS(3, 4)},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "bool"},
    {"lerp_scalar",
     "",
     run_lerp_scalar,
     ref_lerp_scalar,
     {DRAWN(-3, 3, 3, 4), DRAWN(-3, 3, 4)},
     .p = {0.25},
     .inplace = inplace_lerp_scalar},
    {"lerp_scalar",
     "beyond",
     run_lerp_scalar,
     ref_lerp_scalar,
     {DRAWN(-3, 3, 3, 4), DRAWN(-3, 3, 3, 4)},
     .p = {1.75},
     .inplace = inplace_lerp_scalar},
    {"lerp_scalar",
     "0-d",
     run_lerp_scalar,
     ref_lerp_scalar,
     {DRAWN_SCALAR(-3, 3), DRAWN_SCALAR(-3, 3)},
     .p = {0.5}},
    {"lerp",
     "small weights",
     run_lerp,
     ref_lerp,
     {DRAWN(-3, 3, 3, 4), DRAWN(-3, 3, 4), FLOATS(-0.4, 0.4, 3, 4)}},
    {"addcmul",
     "integers",
     run_addcmul,
     ref_addcmul,
     {INTS(-5, 5, 3, 4), INTS(-5, 5, 4), INTS(-5, 5, 3, 1)},
     .p = {2},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "int64"},
    {"ldexp", "", run_ldexp, ref_ldexp, {FLOATS(-2, 2, 3, 4), FLOATS(-2, 2, 4)}},
    {"ldexp",
     "integers",
     run_ldexp,
     ref_ldexp,
     {INTS(-9, 9, 3, 4), INTS(-3, 9, 4)},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "float32"},
    {"trigamma", "", run_trigamma, ref_trigamma, {FLOATS(0.3, 5, 3, 4)}},
    {"trigamma", "0-d", run_trigamma, ref_trigamma, {{FLOAT_IN(0.3, 5), SCALAR}}},
    {"polygamma", "order 0", run_polygamma, ref_polygamma, {FLOATS(0.3, 5, 3, 4)}, .i = {0}},
    {"polygamma", "order 2", run_polygamma, ref_polygamma, {FLOATS(0.5, 5, 3, 4)}, .i = {2}},
    {"polygamma", "order 5", run_polygamma, ref_polygamma, {FLOATS(1, 5, 3, 4)}, .i = {5}},
    {"polygamma", "nothing", run_polygamma, ref_polygamma, {FLOATS(1, 5, 3, 0)}, .i = {3}},
    {"polygamma",
     "large",
     run_polygamma,
     ref_polygamma,
     {FLOATS(1, 5, 111, 187)},
     .i = {3},
     .flags = SAMPLE_LARGE},
    {"logit_eps",
     "",
     run_logit_eps,
     ref_logit_eps,
     {{FLOAT_IN(-0.2, 1.2), SHAPE(3, 7), .gap = 0.01, .avoid = {0.1, 0.9}}},
     .p = {0.1}},
    {"logit_eps", "eps 0", run_logit_eps, ref_logit_eps, {FLOATS(0.1, 0.9, 3, 7)}, .p = {0}},
    {"logit_eps",
     "integers",
     run_logit_eps,
     ref_logit_eps,
     {INTS(0, 2, 3, 7)},
     .p = {0.1},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "float32",
     .tol = 1e-6},
    {"round_decimals",
     "two",
     run_round_decimals,
     ref_round_decimals,
     {FLOATS(-3, 3, 3, 7)},
     .i = {2},
     .flags = SAMPLE_ZERO_GRAD | SAMPLE_SAME_DTYPE},
    {"round_decimals",
     "tens",
     run_round_decimals,
     ref_round_decimals,
     {FLOATS(-300, 300, 3, 7)},
     .i = {-1},
     .flags = SAMPLE_ZERO_GRAD},
    {"nan_to_num", "", run_nan_to_num, ref_nan_to_num, {FLOATS(-3, 3, 3, 4)}},
    {"nan_to_num",
     "integers",
     run_nan_to_num,
     ref_nan_to_num,
     {INTS(-3, 3, 3, 4)},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "int64"},
    SPECIAL_ROW1(nan_to_num){"nan_to_num",
                             "given",
                             run_nan_to_num,
                             ref_nan_to_num,
                             {{FLOAT_IN(0, 1), SHAPE(12), .values = SPECIALS}},
                             .p = {2, 3, TP_ZERO},
                             .flags = SAMPLE_NAN | SAMPLE_SAME_DTYPE},
    LOGICAL_ROWS(logical_and) LOGICAL_ROWS(logical_or) LOGICAL_ROWS(logical_xor)
        SPECIAL_ROW2(isclose){"isclose",
                              "NaN equal",
                              run_isclose,
                              ref_isclose,
                              {{FLOAT_IN(0, 1), SHAPE(12), .values = SPECIALS},
                               {FLOAT_IN(0, 1), SHAPE(12), .values = SPECIALS}},
                              .i = {1},
                              .flags = SAMPLE_NAN | SAMPLE_NO_GRAD | SAMPLE_SAME_DTYPE},
    {"isclose",
     "wide",
     run_isclose,
     ref_isclose,
     {FLOATS(-2, 2, 3, 4), FLOATS(-2, 2, 4)},
     .p = {0.5, 0.25},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "bool"},
    {"isclose",
     "integers",
     run_isclose,
     ref_isclose,
     {INTS(-3, 3, 3, 4), INTS(-3, 3, 4)},
     .p = {TP_ZERO, 1},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "bool"},
    {"isclose", "bool", run_isclose, ref_isclose, {BOOLS(3, 4), BOOLS(4)}, .flags = SAMPLE_NO_GRAD},
    {"allclose",
     "no",
     run_allclose,
     ref_allclose,
     {FLOATS(-2, 2, 3, 4), FLOATS(-2, 2, 4)},
     .flags = SAMPLE_NO_GRAD},
    {"allclose",
     "yes",
     run_allclose,
     ref_allclose,
     {FLOATS(-2, 2, 3, 4), FLOATS(-2, 2, 4)},
     .p = {0.5, 9},
     .flags = SAMPLE_NO_GRAD},
    {"allclose",
     "nothing",
     run_allclose,
     ref_allclose,
     {FLOATS(-2, 2, 0, 4), FLOATS(-2, 2, 4)},
     .flags = SAMPLE_NO_GRAD},
    {"equal", "no", run_equal, ref_equal, {INTS(0, 2, 3, 4), INTS(0, 2, 3, 4)}, .flags = SAMPLE_NO_GRAD},
    {"equal", "yes", run_equal, ref_equal, {INTS(1, 2, 3, 4), INTS(1, 2, 3, 4)}, .flags = SAMPLE_NO_GRAD},
    {"equal",
     "other shapes",
     run_equal,
     ref_equal,
     {INTS(1, 2, 3, 4), INTS(1, 2, 4)},
     .flags = SAMPLE_NO_GRAD | SAMPLE_NO_EXPAND},
    {"masked_fill",
     "",
     run_masked_fill,
     ref_masked_fill,
     {FLOATS(-2, 2, 3, 4), BOOLS(3, 4)},
     .p = {1.5},
     .inplace = inplace_masked_fill},
    {"masked_fill",
     "row",
     run_masked_fill,
     ref_masked_fill,
     {FLOATS(-2, 2, 3, 4), BOOLS(4)},
     .p = {-INFINITY},
     .inplace = inplace_masked_fill,
     .flags = SAMPLE_NAN},
    {"masked_fill",
     "stretched",
     run_masked_fill,
     ref_masked_fill,
     {FLOATS(-2, 2, 3, 1), BOOLS(2, 1, 4)},
     .p = {0.5}},
    {"masked_fill",
     "0-d",
     run_masked_fill,
     ref_masked_fill,
     {{FLOAT_IN(-2, 2), SCALAR}, BOOLS(4)},
     .p = {0.5}},
    {"masked_fill",
     "nothing",
     run_masked_fill,
     ref_masked_fill,
     {FLOATS(-2, 2, 3, 0), BOOLS(3, 1)},
     .p = {0.5},
     .inplace = inplace_masked_fill},
    {"masked_fill",
     "integers",
     run_masked_fill,
     ref_masked_fill,
     {INTS(-5, 5, 3, 4), BOOLS(4)},
     .p = {7},
     .inplace = inplace_masked_fill,
     .flags = SAMPLE_NO_GRAD,
     .dtype = "int64"},
    {"masked_fill",
     "NaN under the mask",
     run_masked_fill,
     ref_masked_fill,
     {{FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(1, NAN, 2, INFINITY)},
      {.kind = SAMPLE_BOOL, SHAPE(4), .values = VALUES(0, 1, 0, 1)}},
     .p = {0.5},
     .flags = SAMPLE_NAN},
    {"masked_fill",
     "large",
     run_masked_fill,
     ref_masked_fill,
     {FLOATS(-2, 2, 211, 487), BOOLS(487)},
     .p = {0.5},
     .inplace = inplace_masked_fill,
     .flags = SAMPLE_LARGE},
    TWICE_ROW(add),
    TWICE_ROW(mul),
    TWICE_ROW(pow),

    SPECIAL_ROW2(add) SPECIAL_ROW2(sub) SPECIAL_ROW2(mul) SPECIAL_ROW2(div) SPECIAL_ROW2(
        maximum) SPECIAL_ROW2(minimum) SPECIAL_ROW2(pow) SPECIAL_ROW1(neg) SPECIAL_ROW1(abs)
        SPECIAL_ROW1(sign) SPECIAL_ROW1(square) SPECIAL_ROW1(exp) SPECIAL_ROW1(log) SPECIAL_ROW1(
            sqrt) SPECIAL_ROW1(rsqrt) SPECIAL_ROW1(reciprocal) SPECIAL_ROW1(tanh) SPECIAL_ROW1(sigmoid)
            SPECIAL_ROW1(erf) SPECIAL_ROW1(clamp, .p = {-1, 2}) SPECIAL_ROW1(logical_not) SPECIAL_ROW1(isnan)
                SPECIAL_ROW1(clamp_min, .p = {0.5}) SPECIAL_ROW1(clamp_max, .p = {0.5})
                    SPECIAL_ROW1(eq_scalar, .p = {1}) SPECIAL_ROW1(ne_scalar, .p = {1}) SPECIAL_ROW1(isinf)
                        SPECIAL_ROW1(isfinite) SPECIAL_ROW1(signbit) SPECIAL_ROW1(exp2) SPECIAL_ROW1(expm1)
                            SPECIAL_ROW1(log2) SPECIAL_ROW1(log10) SPECIAL_ROW1(log1p) SPECIAL_ROW1(asin)
                                SPECIAL_ROW1(acos) SPECIAL_ROW1(atan) SPECIAL_ROW1(asinh) SPECIAL_ROW1(acosh)
                                    SPECIAL_ROW1(atanh) SPECIAL_ROW1(erfc) SPECIAL_ROW1(erfinv) SPECIAL_ROW1(
                                        logit) SPECIAL_ROW1(floor) SPECIAL_ROW1(ceil) SPECIAL_ROW1(round)
                                        SPECIAL_ROW1(trunc) SPECIAL_ROW2(fmax) SPECIAL_ROW2(fmin)
                                            SPECIAL_ROW2(atan2) SPECIAL_ROW2(hypot) SPECIAL_ROW2(
                                                xlogy){"sin",
                                                       "large arguments",
                                                       run_sin,
                                                       ref_sin,
                                                       {{FLOAT_IN(0, 1), SHAPE(8),
                                                         .values = VALUES(0, 1e-9, 100, -1000, 12345.678, 1e6,
                                                                          3e7, -2e9)}},
                                                       .tol = 1e-10,
                                                       .flags = SAMPLE_SAME_DTYPE | SAMPLE_NAN},
    {"cos",
     "large arguments",
     run_cos,
     ref_cos,
     {{FLOAT_IN(0, 1), SHAPE(8), .values = VALUES(0, 1e-9, 100, -1000, 12345.678, 1e6, 3e7, -2e9)}},
     .tol = 1e-10,
     .flags = SAMPLE_SAME_DTYPE | SAMPLE_NAN},
    {"pow_scalar", "square", run_pow_scalar, ref_pow_scalar, {FLOATS(-2, 2, 3, 4)}, .p = {2}},
    {"pow_scalar", "cube", run_pow_scalar, ref_pow_scalar, {FLOATS(-2, 2, 3, 4)}, .p = {3}},
    {"pow_scalar", "inverse", run_pow_scalar, ref_pow_scalar, {FLOATS(0.5, 2, 3, 4)}, .p = {-1}},
    {"pow_scalar", "root", run_pow_scalar, ref_pow_scalar, {FLOATS(0.5, 2, 3, 4)}, .p = {0.5}},
    {"pow_scalar", "one", run_pow_scalar, ref_pow_scalar, {FLOATS(-2, 2, 3, 4)}, .p = {1}},
    {"pow_scalar",
     "zero",
     run_pow_scalar,
     ref_pow_scalar,
     {FLOATS(-2, 2, 3, 4)},
     .p = {0},
     .flags = SAMPLE_ZERO_GRAD},
    {"pow_scalar",
     "square, at zero",
     run_pow_scalar,
     ref_pow_scalar,
     {{FLOAT_IN(0, 1), SHAPE(3), .values = VALUES(0, 1, -1)}},
     .p = {2}},
    {"mul_scalar",
     "zero",
     run_mul_scalar,
     ref_mul_scalar,
     {FLOATS(-2, 2, 3, 4)},
     .p = {0},
     .flags = SAMPLE_ZERO_GRAD},
    {"clamp", "open below", run_clamp, ref_clamp, {DRAWN(-3, 3, 3, 4)}, .p = {-INFINITY, P0}},
    {"clamp", "open above", run_clamp, ref_clamp, {DRAWN(-3, 3, 3, 4)}, .p = {P0, INFINITY}},
    {"clamp", "open on both sides", run_clamp, ref_clamp, {DRAWN(-3, 3, 3, 4)}, .p = {-INFINITY, INFINITY}},
    {"abs", "eight dims", run_abs, ref_abs, {DRAWN(-3, 3, 1, 2, 1, 2, 1, 3, 1, 2)}},
    {"mul",
     "eight dims, all kinds of stretching",
     run_mul,
     ref_mul,
     {DRAWN(-3, 3, 1, 2, 1, 2, 1, 3, 1, 2), DRAWN(-3, 3, 2, 1, 1, 2, 2, 1, 1, 1)}},

    {"where", "", run_where, ref_where, {BOOLS(3, 4), FLOATS(-2, 2, 3, 4), FLOATS(-2, 2, 3, 4)}},
    {"where", "all stretched", run_where, ref_where, {BOOLS(3, 1), FLOATS(-2, 2, 2, 1, 4), FLOATS(-2, 2, 4)}},
    {"where",
     "0-d branches",
     run_where,
     ref_where,
     {BOOLS(3, 4), {FLOAT_IN(-2, 2), SCALAR}, {FLOAT_IN(-2, 2), SCALAR}}},
    {"where",
     "0-d condition",
     run_where,
     ref_where,
     {{.kind = SAMPLE_BOOL, SCALAR}, FLOATS(-2, 2, 2, 3), FLOATS(-2, 2, 2, 3)}},
    {"where", "nothing", run_where, ref_where, {BOOLS(0, 4), FLOATS(-2, 2, 0, 4), FLOATS(-2, 2, 4)}},
    {"where",
     "integers",
     run_where,
     ref_where,
     {BOOLS(3, 4), INTS(-5, 5, 3, 4), INTS(-5, 5, 4)},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "int64"},
    {"where",
     "NaN not taken",
     run_where,
     ref_where,
     {{.kind = SAMPLE_BOOL, SHAPE(4), .values = VALUES(1, 0, 1, 0)},
      {FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(1, NAN, 2, INFINITY)},
      FLOATS(-2, 2, 4)},
     .flags = SAMPLE_NAN},
    {"where",
     "large",
     run_where,
     ref_where,
     {BOOLS(211, 487), FLOATS(-2, 2, 211, 487), FLOATS(-2, 2, 487)},
     .flags = SAMPLE_LARGE},

    /* Promotion: the floating class first, then the wider; a 0-d operand only by its class. */
    TYPED(add, "F32 and F64", OF_KIND(SAMPLE_F32, 3, 4), FIXED_F64(4), "float64"),
    TYPED(add, "F32 and 0-d F64", OF_KIND(SAMPLE_F32, 3, 4), FIXED_F64_SCALAR, "float32"),
    TYPED(add, "0-d F64 and F32", FIXED_F64_SCALAR, OF_KIND(SAMPLE_F32, 3, 4), "float32"),
    TYPED(add, "0-d F32 and 0-d F64", SCALAR_OF_KIND(SAMPLE_F32), FIXED_F64_SCALAR, "float64"),
    TYPED(mul, "F32 and I64", OF_KIND(SAMPLE_F32, 3, 4), OF_KIND(SAMPLE_I64, 4), "float32"),
    TYPED(mul, "I64 and F64", OF_KIND(SAMPLE_I64, 3, 4), FIXED_F64(4), "float64"),
    TYPED(mul, "I64 and 0-d F64", OF_KIND(SAMPLE_I64, 3, 4), FIXED_F64_SCALAR, "float64"),
    TYPED(sub, "I32 and I64", OF_KIND(SAMPLE_I32, 3, 4), OF_KIND(SAMPLE_I64, 4), "int64"),
    TYPED(sub, "I32 and 0-d I64", OF_KIND(SAMPLE_I32, 3, 4), SCALAR_OF_KIND(SAMPLE_I64), "int32"),
    TYPED(add, "U8 and I32", OF_KIND(SAMPLE_U8, 3, 4), OF_KIND(SAMPLE_I32, 4), "int32"),
    TYPED(add, "U8 and U8", OF_KIND(SAMPLE_U8, 3, 4), OF_KIND(SAMPLE_U8, 4), "uint8"),
    TYPED(add, "BOOL and I64", OF_KIND(SAMPLE_BOOL, 3, 4), OF_KIND(SAMPLE_I64, 4), "int64"),
    TYPED(mul, "BOOL and F32", OF_KIND(SAMPLE_BOOL, 3, 4), OF_KIND(SAMPLE_F32, 4), "float32"),
    TYPED(mul, "BOOL and BOOL", OF_KIND(SAMPLE_BOOL, 3, 4), OF_KIND(SAMPLE_BOOL, 4), "bool"),
    TYPED(div, "I64 and I32", OF_KIND(SAMPLE_I64, 3, 4), OF_KIND(SAMPLE_I32, 4), "float32"),
    TYPED(div, "I64 and F64", OF_KIND(SAMPLE_I64, 3, 4), FIXED_F64(4), "float64"),
    TYPED(maximum, "I32 and F64", OF_KIND(SAMPLE_I32, 3, 4), FIXED_F64(4), "float64"),
    TYPED(lt, "I64 and F64", OF_KIND(SAMPLE_I64, 3, 4), FIXED_F64(4), "bool"),
    TYPED(eq, "BOOL and BOOL", OF_KIND(SAMPLE_BOOL, 3, 4), OF_KIND(SAMPLE_BOOL, 4), "bool"),
    {"where",
     "F32 and F64",
     run_where,
     ref_where,
     {BOOLS(3, 4), OF_KIND(SAMPLE_F32, 3, 4), FIXED_F64(4)},
     .flags = SAMPLE_NO_GRAD | SAMPLE_SAME_DTYPE,
     .dtype = "float64"},
    {"exp",
     "BOOL",
     run_exp,
     ref_exp,
     {BOOLS(3, 4)},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "float32",
     .tol = 1e-6},
    {"logical_not",
     "integers with zeros",
     run_logical_not,
     ref_logical_not,
     {INTS(-1, 2, 4, 5)},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "bool"},
    {"isnan",
     "integers",
     run_isnan,
     ref_isnan,
     {INTS(-1, 2, 4, 5)},
     .flags = SAMPLE_NO_GRAD,
     .dtype = "bool"},
};
/* clang-format on */

SAMPLE_FAMILY(elementwise, elementwise_rows)
