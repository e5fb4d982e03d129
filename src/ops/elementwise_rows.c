/* One op of each row of kernels/elementwise.def: its rules, its descriptor, its public function. */
#include "ops/elementwise.h"

#include <math.h>

#include "taper/activation.h"
#include "taper/tensor.h"

#define TP__EW_NAN NAN

/* The gradient of what is flat: zero whatever g is, and g is not forgotten, so that it can be differentiated again. */
static tp_tensor *ew_zero(tp_tensor *g) {
    if (!g) return NULL;
    tp_tensor *none = tp__ew_number("where", TP_BOOL, 0);
    return tp_where(none, g, tp__constant(g, 0));
}

/* A divisor of which zeros become infinite, so that nothing comes of the quotient, nor of its derivatives. */
static tp_tensor *ew_not_zero(tp_tensor *t) {
    return tp_where(tp_eq_scalar(t, 0), tp__constant(t, INFINITY), t);
}

/* An operand as the rule wants it: an integer one, beside a floating one, as the number that the op took it for. */
static tp_tensor *ew_operand(tp__ctx *ctx, int i, const tp_tensor *g) {
    tp_tensor *t = tp__input(ctx, i);
    return t && !tp__is_floating((tp_dtype)t->dtype) ? tp_to_dtype(t, (tp_dtype)g->dtype) : t;
}

/* ---- the words of the rows as ops -------------------------------------------------------------------------- */

#define ADD(a, b) tp_add(a, b)
#define SUB(a, b) tp_sub(a, b)
#define MUL(a, b) tp_mul(a, b)
#define DIV(a, b) tp_div(a, b)
#define NEG(a) tp_neg(a)
#define SQUARE(a) tp_square(a)
#define WHERE(c, a, b) tp_where(c, a, b)
#define AND(a, b) tp_mul(a, b)
#define OR(a, b) tp_add(a, b)
#define NOT_ZERO(a) ew_not_zero(a)
#define ZERO(a) ew_zero(a)
#define EQ(a, b) tp_eq(a, b)
#define LT(a, b) tp_lt(a, b)
#define LE(a, b) tp_le(a, b)
#define GT(a, b) tp_gt(a, b)
#define GE(a, b) tp_ge(a, b)
#define NE(a, b) tp_ne(a, b)
#define ABS(a) tp_abs(a)
#define SIGN(a) tp_sign(a)
#define CLAMP_MAX(a, c) tp_clamp_max(a, c)
#define EXP(a) tp_exp(a)
#define LOG(a) tp_log(a)
#define RSQRT(a) tp_rsqrt(a)
#define SIN(a) tp_sin(a)
#define COS(a) tp_cos(a)
#define SINH(a) tp_sinh(a)
#define COSH(a) tp_cosh(a)
#define TANH(a) tp_tanh(a)
#define SIGMOID(a) tp_sigmoid(a)
#define ERF(a) tp_erf(a)
#define DIGAMMA(a) tp_digamma(a)
#define POLYGAMMA(n, a) tp__polygamma(a, n)
#define TANH_SOFTPLUS(a) tp_tanh(tp_softplus(a))
#define POW(a, b) tp_pow(a, b)
#define XLOGY(a, b) tp_xlogy(a, b)
#define HYPOT(a, b) tp_hypot(a, b)
#define DIV_TRUNC(a, b) tp_div_trunc(a, b)
#define DIV_FLOOR(a, b) tp_div_floor(a, b)
#define NUM(c) tp__constant(g, c)
#define P0 tp__constant(g, attr->params[0])
#define P1 tp__constant(g, attr->params[1])

/* ---- descriptors and rules ----------------------------------------------------------------------------------- */

#define EW_ATTR                                                                                              \
    const tp__ew_attr *attr = tp__attr(ctx);                                                                 \
    (void)attr

#define EW_UNARY(NAME, count, dx_, saves, class_)                                                            \
    static void NAME##_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {                             \
        EW_ATTR;                                                                                             \
        tp_tensor *g = gs[0], *x = (saves)&SAVE_X ? tp__input(ctx, 0) : g,                                   \
                  *y = (saves)&SAVE_Y ? tp__output(ctx, 0) : g;                                              \
        dx[0] = x && y ? dx_ : NULL;                                                                         \
    }                                                                                                        \
    static void NAME##_vjp_fused(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx);                        \
    static const tp__ew_def NAME##_def = {.op = {.name = #NAME,                                              \
                                                 .vjp = NAME##_vjp,                                          \
                                                 .vjp_fused = (saves)&PASS ? NULL : NAME##_vjp_fused,        \
                                                 .save_inputs = (saves)&SAVE_X ? 1 : 0,                      \
                                                 .save_outputs = (saves)&SAVE_Y ? 1 : 0},                    \
                                          .row = TP__EW_##NAME,                                              \
                                          .class = class_,                                                   \
                                          .n_params = count,                                                 \
                                          .uses = {saves},                                                   \
                                          .inplace = #NAME "_",                                              \
                                          .instead = "tp_" #NAME};                                           \
    static void NAME##_vjp_fused(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {                       \
        dx[0] = tp__ew_fused(ctx, &NAME##_def, 0, gs[0], true);                                              \
    }
#define UNARY(NAME, y_, dx, saves, class, low, high) EW_UNARY(NAME, 0, dx, saves, class)
#define UNARY_P1(NAME, y_, dx, saves, class, low, high) EW_UNARY(NAME, 1, dx, saves, class)
#define UNARY_P2(NAME, y_, dx, saves, class, low, high) EW_UNARY(NAME, 2, dx, saves, class)
#define SCALAR_FIRST UNARY_P1
#define BINARY(NAME, y_, da, da_uses, db, db_uses, class_, low, high)                                        \
    static void NAME##_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {                             \
        bool need_a = tp__needs(ctx, 0), need_b = tp__needs(ctx, 1);                                         \
        uint32_t uses = (need_a ? (da_uses) : 0) | (need_b ? (db_uses) : 0);                                 \
        tp_tensor *g = gs[0], *a = uses & USES_A ? ew_operand(ctx, 0, g) : g,                                \
                  *b = uses & USES_B ? ew_operand(ctx, 1, g) : g;                                            \
        if (!a || !b) return;                                                                                \
        if (need_a) dx[0] = da;                                                                              \
        if (need_b) dx[1] = db;                                                                              \
    }                                                                                                        \
    static void NAME##_vjp_fused(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx);                        \
    static const tp__ew_def NAME##_def = {.op = {.name = #NAME,                                              \
                                                 .vjp = NAME##_vjp,                                          \
                                                 .vjp_fused = (da_uses)&PASS ? NULL : NAME##_vjp_fused,      \
                                                 .save_inputs =                                              \
                                                     ((da_uses) | (db_uses)) & (USES_A | USES_B)},           \
                                          .row = TP__EW_##NAME,                                              \
                                          .class = class_,                                                   \
                                          .uses = {da_uses, db_uses},                                        \
                                          .inplace = #NAME "_",                                              \
                                          .instead = "tp_" #NAME};                                           \
    static void NAME##_vjp_fused(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {                       \
        bool need_b = tp__needs(ctx, 1);                                                                     \
        if (tp__needs(ctx, 0)) dx[0] = tp__ew_fused(ctx, &NAME##_def, 0, gs[0], !need_b);                    \
        if (need_b) dx[1] = tp__ew_fused(ctx, &NAME##_def, 1, gs[0], true);                                  \
    }
#define EW_TERNARY(NAME, count, da, da_uses, db, db_uses, dc, dc_uses, class_)                               \
    static void NAME##_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {                             \
        EW_ATTR;                                                                                             \
        bool need_a = tp__needs(ctx, 0), need_b = tp__needs(ctx, 1), need_c = tp__needs(ctx, 2);             \
        uint32_t uses = (need_a ? (da_uses) : 0) | (need_b ? (db_uses) : 0) | (need_c ? (dc_uses) : 0);      \
        tp_tensor *g = gs[0], *a = uses & USES_A ? tp__input(ctx, 0) : g,                                    \
                  *b = uses & USES_B ? tp__input(ctx, 1) : g, *c = uses & USES_C ? tp__input(ctx, 2) : g;    \
        if (!a || !b || !c) return;                                                                          \
        if (need_a) dx[0] = da;                                                                              \
        if (need_b) dx[1] = db;                                                                              \
        if (need_c) dx[2] = dc;                                                                              \
    }                                                                                                        \
    static const tp__ew_def NAME##_def = {.op = {.name = #NAME,                                              \
                                                 .vjp = NAME##_vjp,                                          \
                                                 .save_inputs = ((da_uses) | (db_uses) | (dc_uses)) &        \
                                                                (USES_A | USES_B | USES_C)},                 \
                                          .row = TP__EW_##NAME,                                              \
                                          .class = class_,                                                   \
                                          .n_params = count,                                                 \
                                          .uses = {da_uses, db_uses, dc_uses},                               \
                                          .instead = "tp_" #NAME};
#define TERNARY(NAME, y_, da, da_uses, db, db_uses, dc, dc_uses, class, low, high)                           \
    EW_TERNARY(NAME, 0, da, da_uses, db, db_uses, dc, dc_uses, class)
#define TERNARY_P1(NAME, y_, da, da_uses, db, db_uses, dc, dc_uses, class, low, high)                        \
    EW_TERNARY(NAME, 1, da, da_uses, db, db_uses, dc, dc_uses, class)
#define COMPARE(NAME, y)
#define COMPARE_P1(NAME, y)
#define TEST(NAME, y)
#include "kernels/elementwise.def"

/* ---- public functions ------------------------------------------------------------------------------------------ */

#define UNARY(NAME, ...)                                                                                     \
    tp_tensor *tp_##NAME(tp_tensor *x) { return tp__ew_unary(&NAME##_def, x, (tp__ew_attr){{0}}); }
#define UNARY_P1(NAME, ...)                                                                                  \
    tp_tensor *tp_##NAME(tp_tensor *x, double p0) {                                                          \
        return tp__ew_unary(&NAME##_def, x, (tp__ew_attr){{p0}});                                            \
    }
#define UNARY_P2(NAME, ...)                                                                                  \
    tp_tensor *tp_##NAME(tp_tensor *x, double p0, double p1) {                                               \
        return tp__ew_unary(&NAME##_def, x, (tp__ew_attr){{p0, p1}});                                        \
    }
#define SCALAR_FIRST(NAME, ...)                                                                              \
    tp_tensor *tp_##NAME(double p0, tp_tensor *x) {                                                          \
        return tp__ew_unary(&NAME##_def, x, (tp__ew_attr){{p0}});                                            \
    }
#define BINARY(NAME, ...)                                                                                    \
    tp_tensor *tp_##NAME(tp_tensor *a, tp_tensor *b) { return tp__ew_binary(&NAME##_def, #NAME, a, b); }
#define TERNARY(NAME, ...)                                                                                   \
    tp_tensor *tp_##NAME(tp_tensor *a, tp_tensor *b, tp_tensor *c) {                                         \
        return tp__ew_ternary(&NAME##_def, #NAME, a, b, c, (tp__ew_attr){{0}});                              \
    }                                                                                                        \
    tp_tensor *tp_##NAME##_(tp_tensor *a, tp_tensor *b, tp_tensor *c) {                                      \
        return tp__ew_ternary_(&NAME##_def, #NAME "_", a, b, c, (tp__ew_attr){{0}});                         \
    }
#define TERNARY_P1(NAME, ...)                                                                                \
    tp_tensor *tp_##NAME(tp_tensor *a, tp_tensor *b, tp_tensor *c, double p0) {                              \
        return tp__ew_ternary(&NAME##_def, #NAME, a, b, c, (tp__ew_attr){{p0}});                             \
    }                                                                                                        \
    tp_tensor *tp_##NAME##_(tp_tensor *a, tp_tensor *b, tp_tensor *c, double p0) {                           \
        return tp__ew_ternary_(&NAME##_def, #NAME "_", a, b, c, (tp__ew_attr){{p0}});                        \
    }
#define COMPARE(NAME, y)                                                                                     \
    tp_tensor *tp_##NAME(tp_tensor *a, tp_tensor *b) { return tp__ew_compare(#NAME, TP__EW_##NAME, a, b); }
#define COMPARE_P1(NAME, y)                                                                                  \
    tp_tensor *tp_##NAME(tp_tensor *x, double s) { return tp__ew_compare_scalar(#NAME, TP__EW_##NAME, x, s); }
#define TEST(NAME, y)                                                                                        \
    tp_tensor *tp_##NAME(tp_tensor *x) { return tp__ew_compare_scalar(#NAME, TP__EW_##NAME, x, 0); }
#include "kernels/elementwise.def"

/* ---- in place -------------------------------------------------------------------------------------------------- */

/* clang-format off */
#define INPLACE_UNARIES(X) \
    X(neg) X(abs) X(sign) X(square) X(sqrt) X(rsqrt) X(reciprocal) X(exp) X(exp2) X(expm1) X(log) X(log2) X(log10) \
    X(log1p) X(sin) X(cos) X(tan) X(sinh) X(cosh) X(tanh) X(asin) X(acos) X(atan) X(asinh) X(acosh) X(atanh) X(sigmoid) X(erf) X(erfc) X(floor) X(ceil) X(round) \
    X(trunc) X(frac) X(bitwise_not) X(relu) X(relu6) X(selu) X(silu) X(mish) X(hardsigmoid) X(hardswish)
#define INPLACE_NUMBERS(X) \
    X(add_scalar) X(sub_scalar) X(mul_scalar) X(div_scalar) X(pow_scalar) X(clamp_min) X(clamp_max) X(leaky_relu) \
    X(elu) X(celu)
#define INPLACE_BINARIES(X) \
    X(add) X(sub) X(mul) X(div) X(div_trunc) X(div_floor) X(remainder) X(fmod) X(pow) X(xlogy) \
    X(bitwise_and) X(bitwise_or) X(bitwise_xor) X(bitwise_left_shift) X(bitwise_right_shift)
/* The forms of binary ops with a number as second or as first operand. */
#define SCALAR_FORMS(X) \
    X(div_trunc) X(div_floor) X(remainder) X(fmod) X(xlogy) X(bitwise_and) X(bitwise_or) X(bitwise_xor) \
    X(bitwise_left_shift) X(bitwise_right_shift)
#define SCALAR_FIRST_FORMS(X) \
    X(div_trunc) X(div_floor) X(remainder) X(fmod) X(xlogy) X(bitwise_left_shift) X(bitwise_right_shift)
/* clang-format on */

#define INPLACE_UNARY(NAME)                                                                                  \
    tp_tensor *tp_##NAME##_(tp_tensor *x) { return tp__ew_unary_(&NAME##_def, x, (tp__ew_attr){{0}}); }
#define INPLACE_NUMBER(NAME)                                                                                 \
    tp_tensor *tp_##NAME##_(tp_tensor *x, double s) {                                                        \
        return tp__ew_unary_(&NAME##_def, x, (tp__ew_attr){{s}});                                            \
    }
#define INPLACE_NUMBERS2(NAME)                                                                               \
    tp_tensor *tp_##NAME##_(tp_tensor *x, double p0, double p1) {                                            \
        return tp__ew_unary_(&NAME##_def, x, (tp__ew_attr){{p0, p1}});                                       \
    }
#define INPLACE_BINARY(NAME)                                                                                 \
    tp_tensor *tp_##NAME##_(tp_tensor *a, tp_tensor *b) { return tp__ew_binary_(&NAME##_def, a, b); }
#define SCALAR_FORM(NAME)                                                                                    \
    tp_tensor *tp_##NAME##_scalar(tp_tensor *x, double s) {                                                  \
        return tp__ew_scalar(&NAME##_def, #NAME "_scalar", x, s, false);                                     \
    }                                                                                                        \
    tp_tensor *tp_##NAME##_scalar_(tp_tensor *x, double s) {                                                 \
        return tp__ew_scalar_(&NAME##_def, #NAME "_scalar_", x, s);                                          \
    }
#define SCALAR_FIRST_FORM(NAME)                                                                              \
    tp_tensor *tp_scalar_##NAME(double s, tp_tensor *x) {                                                    \
        return tp__ew_scalar(&NAME##_def, "scalar_" #NAME, x, s, true);                                      \
    }
INPLACE_UNARIES(INPLACE_UNARY)
INPLACE_NUMBERS(INPLACE_NUMBER)
INPLACE_NUMBERS2(clamp)
INPLACE_NUMBERS2(hardtanh)
INPLACE_NUMBERS2(threshold)
INPLACE_BINARIES(INPLACE_BINARY)
SCALAR_FORMS(SCALAR_FORM)
SCALAR_FIRST_FORMS(SCALAR_FIRST_FORM)

tp_tensor *tp_lerp_scalar(tp_tensor *a, tp_tensor *b, double weight) {
    const char *op = "lerp_scalar";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    tp_scope *scope = tp_scope_begin();
    tp_tensor *w = scope ? tp__ew_number(op, tp__result_type(a, b), weight) : NULL;
    return tp_scope_return(scope, w ? tp__ew_ternary(&lerp_def, op, a, b, w, (tp__ew_attr){{0}}) : NULL);
}

tp_tensor *tp_lerp_scalar_(tp_tensor *a, tp_tensor *b, double weight) {
    const char *op = "lerp_scalar_";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    tp_scope *scope = tp_scope_begin();
    tp_tensor *w = scope ? tp__ew_number(op, (tp_dtype)a->dtype, weight) : NULL;
    tp_tensor *y = w ? tp__ew_ternary_(&lerp_def, op, a, b, w, (tp__ew_attr){{0}}) : NULL;
    tp_scope_end(scope);
    return y;
}
