/* The loops of the elementwise ops that are compiled once for all ISAs: what does not vectorise (remainders, integer
 * powers and quotients, gamma functions) or is rarely used on integers. */
#include <math.h>

#include "ops/elementwise.h"
#include "ops/special.h"

#define TP__IVDEP
#define TP__EW_ONCE 1
#define TP__PASTE3_(a, b, c) a##b##c
#define TP__PASTE3(a, b, c) TP__PASTE3_(a, b, c)
#define EWN(name) TP__PASTE3(once_##name, _, EW_TYPE)

#define EW_FORWARD_ONCE(fname, y) EW_LOOP(fname, T, y)
#define EW_FORWARD_NONE(fname, y)
#define EW_FORWARD_SAME EW_FORWARD_NONE
#define EW_FORWARD_FLOAT EW_FORWARD_NONE
#define EW_FORWARD_REAL EW_FORWARD_NONE
#define EW_COMPARE_LOOP EW_FORWARD_NONE
#define EW_TEST_LOOP EW_FORWARD_NONE

#define REMAINDER(a, b) EWN(remainder)(a, b)
#define FMOD(a, b) EWN(fmod)(a, b)
#define DIV_FLOOR(a, b) EWN(div_floor)(a, b)

/* ---- floating ---------------------------------------------------------------------------------------------- */

#define EW_FORWARD_RARE EW_FORWARD_ONCE
#define EW_FORWARD_MIXED EW_FORWARD_NONE
#define EW_FORWARD_INT EW_FORWARD_NONE
#define TP__EW_INTEGER 0
#define ASIN(a) ((T)asin((double)(a)))
#define ACOS(a) ((T)acos((double)(a)))
#define ATAN(a) ((T)atan((double)(a)))
#define ASINH(a) ((T)asinh((double)(a)))
#define ACOSH(a) ((T)acosh((double)(a)))
#define ATANH(a) ((T)atanh((double)(a)))
#define ATAN2(a, b) ((T)atan2((double)(a), (double)(b)))
#define ERFINV(a) ((T)tp__erfinv((double)(a)))
#define LGAMMA(a) ((T)tp__lgamma((double)(a)))
#define DIGAMMA(a) ((T)tp__digamma((double)(a)))
#define POLYGAMMA(n, a) ((T)tp__polygamma_of((double)(n), (double)(a)))

/* remainder and div_floor as in PyTorch, which has them from Python: the remainder has the sign of the divisor, and
 * both come of one fmod, so that they agree. */
#define EW_DIVISIONS(fmod_of, floor_of, copysign_of)                                                         \
    static T EWN(fmod)(T a, T b) { return fmod_of(a, b); }                                                   \
    static T EWN(remainder)(T a, T b) {                                                                      \
        T r = fmod_of(a, b);                                                                                 \
        return r != 0 && (b < 0) != (r < 0) ? r + b : r;                                                     \
    }                                                                                                        \
    static T EWN(div_floor)(T a, T b) {                                                                      \
        if (b == 0) return a / b;                                                                            \
        T r = fmod_of(a, b), q = (a - r) / b;                                                                \
        if (r != 0 && (b < 0) != (r < 0)) q -= 1;                                                            \
        if (q == 0) return copysign_of(0, a / b);                                                            \
        T f = floor_of(q);                                                                                   \
        return q - f > (T)0.5 ? f + 1 : f;                                                                   \
    }

#define T float
#define EW_TYPE f32
EW_DIVISIONS(fmodf, floorf, copysignf)
#include "kernels/elementwise_template.h"
#undef T
#undef EW_TYPE
#define T double
#define EW_TYPE f64
EW_DIVISIONS(fmod, floor, copysign)
#include "kernels/elementwise_template.h"
#undef T
#undef EW_TYPE

/* ---- integers: divisors are not zero, that has been checked; the smallest by -1 wraps around -------------------- */

#undef TP__EW_INTEGER
#undef EW_FORWARD_RARE
#undef EW_FORWARD_MIXED
#undef EW_FORWARD_INT
#define TP__EW_INTEGER 1
#define EW_FORWARD_RARE EW_FORWARD_NONE
#define EW_FORWARD_MIXED EW_FORWARD_ONCE
#define EW_FORWARD_INT EW_FORWARD_ONCE

#define NUM(literal) ((T)(literal))
#define ADD(a, b) ((T)((uint64_t)(a) + (uint64_t)(b)))
#define MUL(a, b) ((T)((uint64_t)(a) * (uint64_t)(b)))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define FMAX MAX
#define FMIN MIN
#define WHERE(c, a, b) ((c) ? (a) : (b))
#define LE(a, b) ((a) <= (b))
#define FLOOR(a) (a)
#define CEIL(a) (a)
#define ROUND(a) (a)
#define TRUNC(a) (a)
#define POW(a, b) EWN(pow)(a, b)
#define DIV_TRUNC(a, b) EWN(div_trunc)(a, b)
#define BIT_AND(a, b) ((T)((a) & (b)))
#define BIT_OR(a, b) ((T)((a) | (b)))
#define BIT_XOR(a, b) ((T)((a) ^ (b)))
#define BIT_NOT(a) ((T) ~(a))
#define SHIFT_LEFT(a, b) EWN(shift_left)(a, b)
#define SHIFT_RIGHT(a, b) EWN(shift_right)(a, b)

/* Shifts by less than nothing or by more bits than there are shift all of them out, as in PyTorch. */
#define EW_INTEGERS                                                                                          \
    static inline T EWN(div_trunc)(T a, T b) { return EW_MINUS_ONE(b) ? (T)(0 - (uint64_t)a) : (T)(a / b); } \
    static inline T EWN(fmod)(T a, T b) { return EW_MINUS_ONE(b) ? 0 : (T)(a % b); }                         \
    static inline T EWN(remainder)(T a, T b) {                                                               \
        T r = EWN(fmod)(a, b);                                                                               \
        return (T)(r != 0 && (b < 0) != (r < 0) ? r + b : r);                                                \
    }                                                                                                        \
    static inline T EWN(div_floor)(T a, T b) {                                                               \
        T r = EWN(fmod)(a, b), q = EWN(div_trunc)(a, b);                                                     \
        return (T)(r != 0 && (b < 0) != (r < 0) ? q - 1 : q);                                                \
    }                                                                                                        \
    static inline T EWN(pow)(T a, T b) {                                                                     \
        if (b < 0) return a == 1 ? 1 : EW_MINUS_ONE(a) ? (T)(b % 2 ? a : 1) : 0;                             \
        uint64_t y = 1, power = (uint64_t)a;                                                                 \
        for (uint64_t n = (uint64_t)b; n; n >>= 1, power *= power)                                           \
            if (n & 1) y *= power;                                                                           \
        return (T)y;                                                                                         \
    }                                                                                                        \
    static inline T EWN(shift_left)(T a, T b) {                                                              \
        return b < 0 || (uint64_t)b >= 8 * sizeof(T) ? 0 : (T)((uint64_t)a << b);                            \
    }                                                                                                        \
    static inline T EWN(shift_right)(T a, T b) {                                                             \
        return b < 0 || (uint64_t)b >= 8 * sizeof(T) ? (T)(a < 0 ? -1 : 0) : (T)(a >> b);                    \
    }

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtype-limits" /* an unsigned element is never below zero */
#endif

#define EW_MINUS_ONE(b) ((b) == -1)
#define T int64_t
#define EW_TYPE i64
EW_INTEGERS
#include "kernels/elementwise_template.h"
#undef T
#undef EW_TYPE
#define T int32_t
#define EW_TYPE i32
EW_INTEGERS
#include "kernels/elementwise_template.h"
#undef T
#undef EW_TYPE
#undef EW_MINUS_ONE
#define EW_MINUS_ONE(b) 0
#define T uint8_t
#define EW_TYPE u8
EW_INTEGERS
#include "kernels/elementwise_template.h"
#undef T
#undef EW_TYPE

/* ---- the table ------------------------------------------------------------------------------------------------- */

#define EW_REALS(name) once_##name##_forward_f32, once_##name##_forward_f64
#define EW_INTS(name) once_##name##_forward_i64, once_##name##_forward_i32, once_##name##_forward_u8
#define EW_LOOPS_FLOAT(name)
#define EW_LOOPS_SAME(name)
#define EW_LOOPS_REAL(name)
#define EW_LOOPS_RARE(name) [TP__EW_##name] = {EW_REALS(name)},
#define EW_LOOPS_MIXED(name) [TP__EW_##name] = {NULL, NULL, EW_INTS(name)},
#define EW_LOOPS_INT EW_LOOPS_MIXED
#define EW_LOOPS_ONCE(name) [TP__EW_##name] = {EW_REALS(name), EW_INTS(name)},

const tp__ew_loops tp__ew_once[TP__EW_COUNT] = {
#define UNARY(name, y, dx, saves, class, low, high) EW_LOOPS_##class(name)
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#define SCALAR_FIRST UNARY
#define BINARY(name, y, da, da_uses, db, db_uses, class, low, high) EW_LOOPS_##class(name)
#define TERNARY(name, y, da, da_uses, db, db_uses, dc, dc_uses, class, low, high) EW_LOOPS_##class(name)
#define TERNARY_P1 TERNARY
#define COMPARE(name, y)
#define COMPARE_P1 COMPARE
#define TEST COMPARE
#include "kernels/elementwise.def"
};
