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
#define LOG1P(a) FN(log1p)(a)
#define SQRT(a) FN(sqrt)(a)
#define RSQRT(a) FN(rsqrt)(a)
#define SIN(a) FN(sin)(a)
#define COS(a) FN(cos)(a)
#define TANH(a) FN(tanh)(a)
#define SIGMOID(a) FN(sigmoid)(a)
#define ERF(a) FN(erf)(a)
#define POW(a, b) FN(pow)(a, b)

/* ---- floating ---------------------------------------------------------------------------------------- */

#define TP__EW_INTEGER 0
#define EWN(name) FN(name)
#define EW_FORWARD_FLOAT(fname, y) EW_LOOP(fname, T, y)
#define EW_FORWARD_SAME(fname, y) EW_LOOP(fname, T, y)

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
#undef ADD
#undef SUB
#undef MUL
#undef NEG
#undef ABS
#undef SIGN
#undef MAX
#undef MIN
#undef NUM
#undef T
#define TP__EW_INTEGER 1
#define EWN(name) TP__PASTE4(ew_##name##_, EW_TYPE, _, TP__ISA_SUFFIX)
#define EW_FORWARD_FLOAT(fname, y)
#define ADD(a, b) ((T)((uint64_t)(a) + (uint64_t)(b)))
#define SUB(a, b) ((T)((uint64_t)(a) - (uint64_t)(b)))
#define MUL(a, b) ((T)((uint64_t)(a) * (uint64_t)(b)))
#define NEG(a) ((T)(0 - (uint64_t)(a)))
#define ABS(a) ((T)((a) < 0 ? 0 - (uint64_t)(a) : (uint64_t)(a)))
#define SIGN(a) ((T)(((a) > 0) - ((a) < 0)))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define NUM(literal) ((T)(literal))

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtype-limits" /* an unsigned element is never below zero */
#endif

#define T int64_t
#define EW_TYPE i64
#include "kernels/elementwise_template.h"
#undef T
#undef EW_TYPE
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
#define EW_INTS_SAME(name) INTN(name##_forward, i64), INTN(name##_forward, i32), INTN(name##_forward, u8)
#define EW_INTS_FLOAT(name) NULL, NULL, NULL
#define EW_FORWARDS(name, class)                                                                             \
    { F32N(name##_forward), F64N(name##_forward), EW_INTS_##class(name) }

#define UNARY(name, y, dx, saves, class, low, high)                                                          \
    [TP__EW_##name] = {EW_FORWARDS(name, class), {{F32N(name##_vjp0), F64N(name##_vjp0)}}},
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#define SCALAR_FIRST UNARY
#define BINARY(name, y, da, da_uses, db, db_uses, class, low, high)                                          \
    [TP__EW_##name] = {EW_FORWARDS(name, class),                                                             \
                       {{F32N(name##_vjp0), F64N(name##_vjp0)}, {F32N(name##_vjp1), F64N(name##_vjp1)}}},
#define COMPARE(name, y) [TP__EW_##name] = {EW_FORWARDS(name, SAME), {{NULL}}},
#define COMPARE_P1 COMPARE
#define TEST COMPARE

const tp__elementwise_kernels TP__ISA_NAME(elementwise_kernels) = {
    .rows =
        {
#include "kernels/elementwise.def"
        },
    .where = EW_FORWARDS(where, SAME),
};
