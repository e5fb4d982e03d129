/* The elementwise kernels of one ISA level: the rows of elementwise.def for each element type. */
#include "kernels/elementwise.h"

#include "kernels/isa.h"

#if defined(__clang__)
#define TP__IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define TP__IVDEP _Pragma("GCC ivdep") /* an element depends on no other, also when done in place */
#endif

/* The words of the rows, as C. */
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define MUL(a, b) ((a) * (b))
#define DIV(a, b) ((a) / (b))
#define NEG(a) (-(a))
#define SQUARE(a) ((a) * (a))
#define WHERE(c, a, b) ((c) ? (a) : (b))
#define AND(a, b) ((a) & (b))
#define OR(a, b) ((a) | (b))
#define EQ(a, b) ((a) == (b))
#define NE(a, b) ((a) != (b))
#define LT(a, b) ((a) < (b))
#define LE(a, b) ((a) <= (b))
#define GT(a, b) ((a) > (b))
#define GE(a, b) ((a) >= (b))
#define ABS(a) FN(abs)(a)
#define SIGN(a) FN(sign)(a)
#define MAX(a, b) FN(max)(a, b)
#define MIN(a, b) FN(min)(a, b)
#define EXP(a) FN(exp)(a)
#define LOG(a) FN(log)(a)
#define EXP2(a) FN(exp2)(a)
#define EXPM1(a) FN(expm1)(a)
#define LOG2(a) FN(log2)(a)
#define LOG10(a) FN(log10)(a)
#define LOG1P(a) FN(log1p)(a)
#define SQRT(a) FN(sqrt)(a)
#define RSQRT(a) FN(rsqrt)(a)
#define SIN(a) FN(sin)(a)
#define COS(a) FN(cos)(a)
#define TAN(a) FN(tan)(a)
#define SINH(a) FN(sinh)(a)
#define COSH(a) FN(cosh)(a)
#define TANH(a) FN(tanh)(a)
#define ASIN(a) FN(asin)(a)
#define ACOS(a) FN(acos)(a)
#define ATAN(a) FN(atan)(a)
#define ASINH(a) FN(asinh)(a)
#define ACOSH(a) FN(acosh)(a)
#define ATANH(a) FN(atanh)(a)
#define ATAN2(a, b) FN(atan2)(a, b)
#define SIGMOID(a) FN(sigmoid)(a)
#define ERF(a) FN(erf)(a)
#define ERFC(a) FN(erfc)(a)
#define POW(a, b) FN(pow)(a, b)
#define FMAX(a, b) FN(fmax)(a, b)
#define FMIN(a, b) FN(fmin)(a, b)
#define FLOOR(a) FN(floor)(a)
#define CEIL(a) FN(ceil)(a)
#define ROUND(a) FN(round)(a)
#define TRUNC(a) FN(trunc)(a)
#define DIV_TRUNC(a, b) FN(trunc)((a) / (b))
#define CLAMP_MAX(a, c) FN(min)(a, NUM(c))
#define XLOGY(a, b) EWN(xlogy)(a, b)
#define HYPOT(a, b) EWN(hypot)(a, b)
#define TANH_SOFTPLUS(a) EWN(tanh_softplus)(a)
#define ISINF(a) (FN(abs)(a) == TP__MATH_INF)
#define ISFINITE(a) (FN(abs)(a) < TP__MATH_INF)
#define SIGNBIT(a) (FN(math_bits)(a) >= TP__MATH_SIGN)

/* Words that only derivatives without a kernel have (PASS). */
#define ZERO(a) (a)
#define NOT_ZERO(a) (a)
#define DIV_FLOOR(a, b) (a)
#define DIGAMMA(a) (a)
#define POLYGAMMA(n, a) (a)
#define TP__EW_NAN 0

/* ---- floating ---------------------------------------------------------------------------------------- */

#define TP__EW_INTEGER 0
#define EWN(name) FN(name)
#define TP__EW_ONCE 0
#define EW_FORWARD_FLOAT(fname, y) EW_LOOP(fname, T, y)
#define EW_FORWARD_SAME EW_FORWARD_FLOAT
#define EW_FORWARD_REAL EW_FORWARD_FLOAT
#define EW_FORWARD_MIXED EW_FORWARD_FLOAT
#define EW_FORWARD_RARE(fname, y)
#define EW_FORWARD_ONCE EW_FORWARD_RARE
#define EW_FORWARD_INT EW_FORWARD_RARE
#define EW_COMPARE_LOOP(fname, y) EW_LOOP(fname, uint8_t, y)
#define EW_TEST_LOOP EW_COMPARE_LOOP

#define TP__REAL 32
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/elementwise_template.h"

#define TP__REAL 64
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/elementwise_template.h"

/* ---- integers: arithmetic wraps, so it is done unsigned ------------------------------------------------ */

#undef TP__EW_INTEGER
#undef EWN
#undef EW_FORWARD_FLOAT
#undef EW_FORWARD_SAME
#undef EW_FORWARD_REAL
#undef EW_FORWARD_MIXED
#undef ADD
#undef SUB
#undef MUL
#undef NEG
#undef ABS
#undef SIGN
#undef MAX
#undef MIN
#undef ISINF
#undef ISFINITE
#undef SIGNBIT
#undef NUM
#undef T
#define TP__EW_INTEGER 1
#define EWN(name) TP__PASTE4(ew_##name##_, EW_TYPE, _, TP__ISA_SUFFIX)
#define EW_FORWARD_SAME(fname, y) EW_LOOP(fname, T, y)
#define EW_FORWARD_FLOAT EW_FORWARD_RARE
#define EW_FORWARD_REAL EW_FORWARD_RARE
#define EW_FORWARD_MIXED EW_FORWARD_RARE
#define ADD(a, b) ((T)((uint64_t)(a) + (uint64_t)(b)))
#define SUB(a, b) ((T)((uint64_t)(a) - (uint64_t)(b)))
#define MUL(a, b) ((T)((uint64_t)(a) * (uint64_t)(b)))
#define NEG(a) ((T)(0 - (uint64_t)(a)))
#define ABS(a) ((T)((a) < 0 ? 0 - (uint64_t)(a) : (uint64_t)(a)))
#define SIGN(a) ((T)(((a) > 0) - ((a) < 0)))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define ISINF(a) ((a) != (a))
#define ISFINITE(a) ((a) == (a))
#define SIGNBIT(a) ((a) < 0)
#define NUM(literal) ((T)(literal))

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtype-limits" /* an unsigned element is never below zero */
#endif

#define T int64_t
#define EW_TYPE i64
#include "kernels/elementwise_template.h"
#undef T
#undef EW_TYPE
#undef EW_TEST_LOOP /* of one operand: the narrower integers become I64 or F64 before */
#define EW_TEST_LOOP EW_FORWARD_RARE
#define T int32_t
#define EW_TYPE i32
#include "kernels/elementwise_template.h"
#undef T
#undef EW_TYPE
#define T uint8_t
#define EW_TYPE u8
#include "kernels/elementwise_template.h"
#undef T
#undef EW_TYPE

/* ---- the table ----------------------------------------------------------------------------------------- */

#define F32N(name) TP__PASTE4(tp__, name, _f32_, TP__ISA_SUFFIX)
#define F64N(name) TP__PASTE4(tp__, name, _f64_, TP__ISA_SUFFIX)
#define INTN(name, type) TP__PASTE4(ew_##name##_, type, _, TP__ISA_SUFFIX)
#define EW_REALS(name) F32N(name##_forward), F64N(name##_forward)
#define EW_FORWARDS_SAME(name)                                                                               \
    { EW_REALS(name), INTN(name##_forward, i64), INTN(name##_forward, i32), INTN(name##_forward, u8) }
#define EW_FORWARDS_TEST(name)                                                                               \
    { EW_REALS(name), INTN(name##_forward, i64) }
#define EW_FORWARDS_FLOAT(name)                                                                              \
    { EW_REALS(name) }
#define EW_FORWARDS_REAL EW_FORWARDS_FLOAT
#define EW_FORWARDS_MIXED EW_FORWARDS_FLOAT
#define EW_FORWARDS_RARE(name)                                                                               \
    { NULL }
#define EW_FORWARDS_ONCE EW_FORWARDS_RARE
#define EW_FORWARDS_INT EW_FORWARDS_RARE
#define EW_VJP(name, k, uses)                                                                                \
    { (uses) & PASS ? NULL : F32N(name##_vjp##k), (uses)&PASS ? NULL : F64N(name##_vjp##k) }

#define UNARY(name, y, dx, saves, class, low, high)                                                          \
    [TP__EW_##name] = {EW_FORWARDS_##class(name), {EW_VJP(name, 0, saves)}},
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#define SCALAR_FIRST UNARY
#define BINARY(name, y, da, da_uses, db, db_uses, class, low, high)                                          \
    [TP__EW_##name] = {EW_FORWARDS_##class(name), {EW_VJP(name, 0, da_uses), EW_VJP(name, 1, db_uses)}},
#define TERNARY(name, y, da, da_uses, db, db_uses, dc, dc_uses, class, low, high)                            \
    [TP__EW_##name] = {EW_FORWARDS_##class(name), {{NULL}}},
#define TERNARY_P1 TERNARY
#define COMPARE(name, y) [TP__EW_##name] = {EW_FORWARDS_SAME(name), {{NULL}}},
#define COMPARE_P1(name, y) [TP__EW_##name] = {EW_FORWARDS_TEST(name), {{NULL}}},
#define TEST COMPARE_P1

const tp__elementwise_kernels TP__ISA_NAME(elementwise_kernels) = {
    .rows =
        {
#include "kernels/elementwise.def"
        },
    .where = EW_FORWARDS_SAME(where),
};
