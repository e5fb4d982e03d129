/* Samples of elementwise.h. Most rows are generated from elementwise.def: what an op added there needs here
 * is its reference, f_<name>, in double. Rows written by hand follow for what a generated row cannot know. */
#include "support/sample.h"

/* ---- references ---------------------------------------------------------------------------------------- */

static double f_add(double a, double b) { return a + b; }
static double f_sub(double a, double b) { return a - b; }
static double f_mul(double a, double b) { return a * b; }
static double f_div(double a, double b) { return a / b; }
static double f_pow(double a, double b) { return pow(a, b); }
static double f_maximum(double a, double b) { return isnan(a) || isnan(b) ? NAN : a > b ? a : b; }
static double f_minimum(double a, double b) { return isnan(a) || isnan(b) ? NAN : a < b ? a : b; }

static double f_add_scalar(double x, double s) { return x + s; }
static double f_sub_scalar(double x, double s) { return x - s; }
static double f_mul_scalar(double x, double s) { return x * s; }
static double f_div_scalar(double x, double s) { return x / s; }
static double f_pow_scalar(double x, double s) { return pow(x, s); }
static double f_scalar_sub(double s, double x) { return s - x; }
static double f_scalar_div(double s, double x) { return s / x; }
static double f_scalar_pow(double s, double x) { return pow(s, x); }
static double f_maximum_scalar(double x, double s) { return f_maximum(x, s); }
static double f_minimum_scalar(double x, double s) { return f_minimum(x, s); }

static double f_neg(double x) { return -x; }
static double f_abs(double x) { return fabs(x); }
static double f_sign(double x) { return (x > 0) - (x < 0); } /* of NaN 0, as torch.sign */
static double f_square(double x) { return x * x; }
static double f_exp(double x) { return exp(x); }
static double f_log(double x) { return log(x); }
static double f_sqrt(double x) { return sqrt(x); }
static double f_rsqrt(double x) { return 1 / sqrt(x); }
static double f_reciprocal(double x) { return 1 / x; }
static double f_sin(double x) { return sin(x); }
static double f_cos(double x) { return cos(x); }
static double f_tanh(double x) { return tanh(x); }
static double f_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double f_erf(double x) { return erf(x); }
static double f_relu(double x) { return isnan(x) ? NAN : x > 0 ? x : 0; }
static double f_leaky_relu(double x, double slope) { return x > 0 ? x : slope * x; }
static double f_gelu(double x) { return x * (1 + erf(x / sqrt(2.0))) / 2; }
static double f_gelu_tanh(double x) {
    return x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x))) / 2;
}
static double f_silu(double x) { return x / (1 + exp(-x)); }
static double f_softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double f_clamp(double x, double lo, double hi) { return isnan(x) ? NAN : fmin(fmax(x, lo), hi); }

static double f_eq(double a, double b) { return a == b; }
static double f_ne(double a, double b) { return a != b; }
static double f_lt(double a, double b) { return a < b; }
static double f_le(double a, double b) { return a <= b; }
static double f_gt(double a, double b) { return a > b; }
static double f_ge(double a, double b) { return a >= b; }
static double f_eq_scalar(double x, double s) { return x == s; }
static double f_ne_scalar(double x, double s) { return x != s; }
static double f_lt_scalar(double x, double s) { return x < s; }
static double f_le_scalar(double x, double s) { return x <= s; }
static double f_gt_scalar(double x, double s) { return x > s; }
static double f_ge_scalar(double x, double s) { return x >= s; }
static double f_logical_not(double x) { return x == 0; }
static double f_isnan(double x) { return isnan(x); }

/* The one op whose gradient is zero everywhere. */
#define FLAGS_sign -, SAMPLE_ZERO_GRAD
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
#define UNARY(name, ...)                                                                                     \
    SAMPLE_RUN(run_##name, tp_##name(in[0]))                                                                 \
    REFERENCE(name, in[0].shape, f_##name(AT(0)))
#define UNARY_P1(name, ...)                                                                                  \
    SAMPLE_RUN(run_##name, tp_##name(in[0], row->p[0]))                                                      \
    REFERENCE(name, in[0].shape, f_##name(AT(0), row->p[0]))
#define SCALAR_FIRST(name, ...)                                                                              \
    SAMPLE_RUN(run_##name, tp_##name(row->p[0], in[0]))                                                      \
    REFERENCE(name, in[0].shape, f_##name(row->p[0], AT(0)))
#define UNARY_P2(name, ...)                                                                                  \
    SAMPLE_RUN(run_##name, tp_##name(in[0], row->p[0], row->p[1]))                                           \
    REFERENCE(name, in[0].shape, f_##name(AT(0), row->p[0], row->p[1]))
#define BINARY(name, ...)                                                                                    \
    SAMPLE_RUN(run_##name, tp_##name(in[0], in[1]))                                                          \
    REFERENCE(name, dense_broadcast_shape(in[0].shape, in[1].shape), f_##name(AT(0), AT(1)))
#define COMPARE(name, y) BINARY(name, y)
#define COMPARE_P1(name, y) UNARY_P1(name, y)
#define TEST(name, y) UNARY(name, y)
#include "kernels/elementwise.def"

SAMPLE_RUN(run_where, tp_where(in[0], in[1], in[2]))
REFERENCE(where, dense_broadcast_shape(dense_broadcast_shape(in[0].shape, in[1].shape), in[2].shape),
          AT(0) != 0 ? AT(1) : AT(2))

/* Tables, laid out by hand. */
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

/* Whole numbers from 1 on: ops that keep integers, and those that turn them to F32. */
#define SAME .dtype = "int64"
#define FLOAT .dtype = "float32", .tol = 1e-6
#define INTEGER_ROW1(op, name, ...)                                                                          \
    {op, "integers", run_##name, ref_##name, {{INT_IN(1, 5), SHAPE(3, 4)}}, .p = {2, 3},                     \
     .flags = SAMPLE_NO_GRAD, __VA_ARGS__},
#define INTEGER_ROW2(name, ...)                                                                              \
    {#name, "integers", run_##name, ref_##name, {{INT_IN(1, 5), SHAPE(3, 4)}, {INT_IN(1, 5), SHAPE(4)}},     \
     .flags = SAMPLE_NO_GRAD, __VA_ARGS__},

/* ---- rows by hand -------------------------------------------------------------------------------------- */

#define INPLACE(name) SAMPLE_RUN(inplace_##name, tp_##name##_(in[0]))
#define INPLACE_P1(name) SAMPLE_RUN(inplace_##name, tp_##name##_(in[0], row->p[0]))
#define INPLACE2(name) SAMPLE_RUN(inplace_##name, tp_##name##_(in[0], in[1]))
INPLACE2(add)
INPLACE2(sub)
INPLACE2(mul)
INPLACE2(div)
INPLACE_P1(add_scalar)
INPLACE_P1(sub_scalar)
INPLACE_P1(mul_scalar)
INPLACE_P1(div_scalar)
INPLACE(neg)
INPLACE(exp)
INPLACE(sqrt)
INPLACE(tanh)
INPLACE(sigmoid)
INPLACE(relu)
SAMPLE_RUN(inplace_clamp, tp_clamp_(in[0], row->p[0], row->p[1]))

#define INPLACE_ROW1(name, low, high)                                                                        \
    {#name, "in place", run_##name, ref_##name, {DRAWN(low, high, 4, 5)}, .p = {P0, P1},                     \
     .inplace = inplace_##name},                                                                             \
        {#name, "in place, large", run_##name, ref_##name, {DRAWN(low, high, 211, 487)}, .p = {P0, P1},      \
         .inplace = inplace_##name, .flags = SAMPLE_LARGE},
#define INPLACE_ROW2(name, low, high)                                                                        \
    {#name, "in place", run_##name, ref_##name, {DRAWN(low, high, 4, 5), DRAWN(low, high, 4, 5)},            \
     .inplace = inplace_##name},                                                                             \
        {#name, "in place, stretched", run_##name, ref_##name, {DRAWN(low, high, 4, 5), DRAWN(low, high,     \
         4, 1)},                                                                                             \
         .inplace = inplace_##name},                                                                         \
        {#name, "in place, 0-d", run_##name, ref_##name, {DRAWN(low, high, 4, 5), DRAWN_SCALAR(low, high)},  \
         .inplace = inplace_##name},

/* One tensor as both operands. */
#define TWICE(name)                                                                                          \
    SAMPLE_RUN(run_twice_##name, tp_##name(in[0], in[0]))                                                    \
    REFERENCE(twice_##name, in[0].shape, f_##name(AT(0), AT(0)))
TWICE(add)
TWICE(mul)
TWICE(pow)
#define TWICE_ROW(name)                                                                                      \
    {#name, "one tensor twice", run_twice_##name, ref_twice_##name, {FLOATS(0.5, 2, 3, 4)}}

#define SPECIALS VALUES(NAN, INFINITY, -INFINITY, 0.0, -0.0, 1.0, -1.0, 1e300, -1e300, 5e-324, 800.0, -800.0)
#define SPECIAL_ROW1(name, ...)                                                                              \
    {#name, "NaN, infinities, zeros and extremes", run_##name, ref_##name,                                   \
     {{FLOAT_IN(0, 1), SHAPE(12), .values = SPECIALS}}, .flags = SAMPLE_NAN | SAMPLE_SAME_DTYPE, __VA_ARGS__},
#define SPECIAL_ROW2(name)                                                                                   \
    {#name, "NaN, infinities, zeros and extremes", run_##name, ref_##name,                                   \
     {{FLOAT_IN(0, 1), SHAPE(12, 1), .values = SPECIALS}, {FLOAT_IN(0, 1), SHAPE(12), .values = SPECIALS}},  \
     .flags = SAMPLE_NAN | SAMPLE_SAME_DTYPE},

#define TYPED(name, what, a, b, result)                                                                      \
    {#name, what, run_##name, ref_##name, {a, b}, .dtype = result,                                           \
     .flags = SAMPLE_NO_GRAD | SAMPLE_SAME_DTYPE, .tol = 1e-6}
#define OF_KIND(k, ...) {.kind = k, .lo = 1, .hi = 5, SHAPE(__VA_ARGS__)}
#define SCALAR_OF_KIND(k) {.kind = k, .lo = 1, .hi = 5, SCALAR}
#define FIXED_F64(...) {FLOAT_IN(1, 5), SHAPE(__VA_ARGS__), .fixed = true}
#define FIXED_F64_SCALAR {FLOAT_IN(1, 5), SCALAR, .fixed = true}

static const sample elementwise_rows[] = {
#define UNARY(name, y, dx, saves, class, low, high)                                                          \
    UNARY_ROWS(#name, name, low, high, FLAGS_OF(name)) INTEGER_ROW1(#name, name, class)
#define UNARY_P1(name, y, dx, saves, class, low, high)                                                       \
    UNARY_ROWS(#name, name, low, high, 0) INTEGER_ROW1(#name, name, class)
#define SCALAR_FIRST(name, y, dx, saves, class, low, high)                                                   \
    UNARY_ROWS(#name, name, low, high, 0) INTEGER_ROW1(#name, name, class)
#define UNARY_P2(name, y, dx, saves, class, low, high) /* where clamp is not flat */                         \
    UNARY_ROWS_WITH(#name, name, low, high, P0, P1, 0) INTEGER_ROW1(#name, name, class)
#define BINARY(name, y, da, da_uses, db, db_uses, class, low, high)                                          \
    BINARY_ROWS(name, low, high, 0) INTEGER_ROW2(name, class)
#define COMPARE(name, y) BINARY_ROWS(name, -2, 2, SAMPLE_NO_GRAD) SPECIAL_ROW2(name)
#define COMPARE_P1(name, y) UNARY_ROWS(#name, name, -2, 2, SAMPLE_NO_GRAD)
#define TEST(name, y) UNARY_ROWS(#name, name, -2, 2, SAMPLE_NO_GRAD)
#include "kernels/elementwise.def"

    INPLACE_ROW2(add, -3, 3) INPLACE_ROW2(sub, -3, 3) INPLACE_ROW2(mul, -3, 3) INPLACE_ROW2(div, 0.5, 3)
    INPLACE_ROW1(add_scalar, -3, 3) INPLACE_ROW1(sub_scalar, -3, 3) INPLACE_ROW1(mul_scalar, -3, 3)
    INPLACE_ROW1(div_scalar, -3, 3) INPLACE_ROW1(neg, -3, 3) INPLACE_ROW1(exp, -3, 3)
    INPLACE_ROW1(sqrt, 0.2, 5) INPLACE_ROW1(tanh, -3, 3) INPLACE_ROW1(sigmoid, -3, 3)
    INPLACE_ROW1(relu, -3, 3) INPLACE_ROW1(clamp, -3, 3)
    TWICE_ROW(add), TWICE_ROW(mul), TWICE_ROW(pow),

    SPECIAL_ROW2(add) SPECIAL_ROW2(sub) SPECIAL_ROW2(mul) SPECIAL_ROW2(div) SPECIAL_ROW2(maximum)
    SPECIAL_ROW2(minimum) SPECIAL_ROW2(pow)
    SPECIAL_ROW1(neg) SPECIAL_ROW1(abs) SPECIAL_ROW1(sign) SPECIAL_ROW1(square) SPECIAL_ROW1(exp)
    SPECIAL_ROW1(log) SPECIAL_ROW1(sqrt) SPECIAL_ROW1(rsqrt) SPECIAL_ROW1(reciprocal) SPECIAL_ROW1(tanh)
    SPECIAL_ROW1(sigmoid) SPECIAL_ROW1(erf) SPECIAL_ROW1(relu) SPECIAL_ROW1(softplus)
    SPECIAL_ROW1(leaky_relu, .p = {0.25}) SPECIAL_ROW1(clamp, .p = {-1, 2}) SPECIAL_ROW1(logical_not)
    SPECIAL_ROW1(isnan) SPECIAL_ROW1(maximum_scalar, .p = {0.5}) SPECIAL_ROW1(minimum_scalar, .p = {0.5})
    SPECIAL_ROW1(eq_scalar, .p = {1}) SPECIAL_ROW1(ne_scalar, .p = {1})
    {"sin", "large arguments", run_sin, ref_sin,
     {{FLOAT_IN(0, 1), SHAPE(8), .values = VALUES(0, 1e-9, 100, -1000, 12345.678, 1e6, 3e7, -2e9)}},
     .tol = 1e-10, .flags = SAMPLE_SAME_DTYPE | SAMPLE_NAN},
    {"cos", "large arguments", run_cos, ref_cos,
     {{FLOAT_IN(0, 1), SHAPE(8), .values = VALUES(0, 1e-9, 100, -1000, 12345.678, 1e6, 3e7, -2e9)}},
     .tol = 1e-10, .flags = SAMPLE_SAME_DTYPE | SAMPLE_NAN},
    {"softplus", "far out", run_softplus, ref_softplus,
     {{FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(-300, -30, 30, 300)}}},
    {"silu", "far out", run_silu, ref_silu,
     {{FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(-300, -30, 30, 300)}}},
    {"gelu", "far out", run_gelu, ref_gelu, {{FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(-30, -7, 7, 30)}}},
    {"pow_scalar", "square", run_pow_scalar, ref_pow_scalar, {FLOATS(-2, 2, 3, 4)}, .p = {2}},
    {"pow_scalar", "cube", run_pow_scalar, ref_pow_scalar, {FLOATS(-2, 2, 3, 4)}, .p = {3}},
    {"pow_scalar", "inverse", run_pow_scalar, ref_pow_scalar, {FLOATS(0.5, 2, 3, 4)}, .p = {-1}},
    {"pow_scalar", "root", run_pow_scalar, ref_pow_scalar, {FLOATS(0.5, 2, 3, 4)}, .p = {0.5}},
    {"pow_scalar", "one", run_pow_scalar, ref_pow_scalar, {FLOATS(-2, 2, 3, 4)}, .p = {1}},
    {"pow_scalar", "zero", run_pow_scalar, ref_pow_scalar, {FLOATS(-2, 2, 3, 4)}, .p = {0},
     .flags = SAMPLE_ZERO_GRAD},
    {"pow_scalar", "square, at zero", run_pow_scalar, ref_pow_scalar,
     {{FLOAT_IN(0, 1), SHAPE(3), .values = VALUES(0, 1, -1)}}, .p = {2}},
    {"mul_scalar", "zero", run_mul_scalar, ref_mul_scalar, {FLOATS(-2, 2, 3, 4)}, .p = {0},
     .flags = SAMPLE_ZERO_GRAD},
    {"clamp", "open below", run_clamp, ref_clamp, {DRAWN(-3, 3, 3, 4)}, .p = {-INFINITY, P0}},
    {"clamp", "open above", run_clamp, ref_clamp, {DRAWN(-3, 3, 3, 4)}, .p = {P0, INFINITY}},
    {"clamp", "open on both sides", run_clamp, ref_clamp, {DRAWN(-3, 3, 3, 4)}, .p = {-INFINITY, INFINITY}},
    {"leaky_relu", "negative slope", run_leaky_relu, ref_leaky_relu, {DRAWN(-3, 3, 3, 4)}, .p = {-0.5}},
    {"leaky_relu", "slope zero", run_leaky_relu, ref_leaky_relu, {DRAWN(-3, 3, 3, 4)}, .p = {0}},
    {"abs", "eight dims", run_abs, ref_abs, {DRAWN(-3, 3, 1, 2, 1, 2, 1, 3, 1, 2)}},
    {"mul", "eight dims, all kinds of stretching", run_mul, ref_mul,
     {DRAWN(-3, 3, 1, 2, 1, 2, 1, 3, 1, 2), DRAWN(-3, 3, 2, 1, 1, 2, 2, 1, 1, 1)}},

    {"where", "", run_where, ref_where, {BOOLS(3, 4), FLOATS(-2, 2, 3, 4), FLOATS(-2, 2, 3, 4)}},
    {"where", "all stretched", run_where, ref_where, {BOOLS(3, 1), FLOATS(-2, 2, 2, 1, 4), FLOATS(-2, 2, 4)}},
    {"where", "0-d branches", run_where, ref_where,
     {BOOLS(3, 4), {FLOAT_IN(-2, 2), SCALAR}, {FLOAT_IN(-2, 2), SCALAR}}},
    {"where", "0-d condition", run_where, ref_where,
     {{.kind = SAMPLE_BOOL, SCALAR}, FLOATS(-2, 2, 2, 3), FLOATS(-2, 2, 2, 3)}},
    {"where", "nothing", run_where, ref_where, {BOOLS(0, 4), FLOATS(-2, 2, 0, 4), FLOATS(-2, 2, 4)}},
    {"where", "integers", run_where, ref_where, {BOOLS(3, 4), INTS(-5, 5, 3, 4), INTS(-5, 5, 4)},
     .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
    {"where", "NaN not taken", run_where, ref_where,
     {{.kind = SAMPLE_BOOL, SHAPE(4), .values = VALUES(1, 0, 1, 0)},
      {FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(1, NAN, 2, INFINITY)}, FLOATS(-2, 2, 4)},
     .flags = SAMPLE_NAN},
    {"where", "large", run_where, ref_where, {BOOLS(211, 487), FLOATS(-2, 2, 211, 487), FLOATS(-2, 2, 487)},
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
    {"where", "F32 and F64", run_where, ref_where, {BOOLS(3, 4), OF_KIND(SAMPLE_F32, 3, 4), FIXED_F64(4)},
     .flags = SAMPLE_NO_GRAD | SAMPLE_SAME_DTYPE, .dtype = "float64"},
    {"exp", "BOOL", run_exp, ref_exp, {BOOLS(3, 4)}, .flags = SAMPLE_NO_GRAD, .dtype = "float32",
     .tol = 1e-6},
    {"logical_not", "integers with zeros", run_logical_not, ref_logical_not, {INTS(-1, 2, 4, 5)},
     .flags = SAMPLE_NO_GRAD, .dtype = "bool"},
    {"isnan", "integers", run_isnan, ref_isnan, {INTS(-1, 2, 4, 5)}, .flags = SAMPLE_NO_GRAD,
     .dtype = "bool"},
};
/* clang-format on */

SAMPLE_FAMILY(elementwise, elementwise_rows)
