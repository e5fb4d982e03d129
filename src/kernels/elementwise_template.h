/* The loops of one element type: floating (after real.h) or integer (TP__EW_INTEGER). EW_FORWARD_<class> says which classes
 * of rows are wanted. Included by elementwise.c, and by src/ops/elementwise_once.c (TP__EW_ONCE). */

#define EW_LOOP(fname, outtype, expr)                                                                        \
    static void fname(int64_t n, char *const *p, const double *params) {                                     \
        outtype *out = (outtype *)(void *)p[0];                                                              \
        (void)params;                                                                                        \
        EW_INPUTS                                                                                            \
        TP__IVDEP                                                                                            \
        for (int64_t i = 0; i < n; i++) {                                                                    \
            EW_ELEMENTS                                                                                      \
            out[i] = (outtype)(expr);                                                                        \
        }                                                                                                    \
    }

/* The parameters as the element type: in the integer loops they are whole, wrap around, and at most 2^63. */
#if TP__EW_INTEGER
#define P0 ((T)(params[0] >= 0x1p63 ? INT64_MAX : (int64_t)params[0]))
#define P1 ((T)(params[1] >= 0x1p63 ? INT64_MAX : (int64_t)params[1]))
#else
#define P0 ((T)params[0])
#define P1 ((T)params[1])
#endif

#if !TP__EW_INTEGER && !TP__EW_ONCE

/* Words that need a variable of their own. */
static inline __attribute__((always_inline)) T EWN(xlogy)(T a, T b) {
    const T y = a == NUM(0) ? NUM(0) : a * FN(log)(b);
    return b != b ? b : y;
}

/* tanh(log(1 + e^x)) = w / (w + 2), w = e^x (e^x + 2); 1 from where e^x alone would overflow on. */
static inline __attribute__((always_inline)) T EWN(tanh_softplus)(T x) {
    const T e = FN(exp)(FN(min)(x, NUM(30))), w = e * (e + NUM(2));
    return w / (w + NUM(2));
}

static inline __attribute__((always_inline)) T EWN(hypot)(T a, T b) {
    const T x = FN(abs)(a), y = FN(abs)(b), large = FN(max)(x, y), small = FN(min)(x, y), r = small / large;
    const T h = large * FN(sqrt)(NUM(1) + r * r);
    return x == TP__MATH_INF || y == TP__MATH_INF ? TP__MATH_INF : large == NUM(0) ? large : h;
}

#endif

#undef EW_INPUTS
#undef EW_ELEMENTS
#define EW_INPUTS const T *xs = (const T *)(const void *)p[1];
#define EW_ELEMENTS T x = xs[i];

#define UNARY(name, y, dx, saves, class, low, high) EW_FORWARD_##class(EWN(name##_forward), y)
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#define SCALAR_FIRST UNARY
#define BINARY(name, ...)
#define TERNARY TERNARY_P1
#define TERNARY_P1(name, ...)
#define COMPARE(name, y)
#define COMPARE_P1(name, y) EW_TEST_LOOP(EWN(name##_forward), y)
#define TEST COMPARE_P1
#include "kernels/elementwise.def"

#undef EW_INPUTS
#undef EW_ELEMENTS
#define EW_INPUTS const T *as = (const T *)(const void *)p[1], *bs = (const T *)(const void *)p[2];
#define EW_ELEMENTS T a = as[i], b = bs[i];

#define UNARY(name, ...)
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#define SCALAR_FIRST UNARY
#define BINARY(name, y, da, da_uses, db, db_uses, class, low, high) EW_FORWARD_##class(EWN(name##_forward), y)
#define TERNARY TERNARY_P1
#define TERNARY_P1(name, ...)
#define COMPARE(name, y) EW_COMPARE_LOOP(EWN(name##_forward), y)
#define COMPARE_P1(name, y)
#define TEST COMPARE_P1
#include "kernels/elementwise.def"

#undef EW_INPUTS
#undef EW_ELEMENTS
#define EW_INPUTS                                                                                            \
    const T *as = (const T *)(const void *)p[1], *bs = (const T *)(const void *)p[2],                        \
            *cs = (const T *)(const void *)p[3];
#define EW_ELEMENTS T a = as[i], b = bs[i], c = cs[i];

#define UNARY(name, ...)
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#define SCALAR_FIRST UNARY
#define BINARY UNARY
#define TERNARY TERNARY_P1
#define TERNARY_P1(name, y, da, da_uses, db, db_uses, dc, dc_uses, class, low, high)                         \
    EW_FORWARD_##class(EWN(name##_forward), y)
#define COMPARE UNARY
#define COMPARE_P1 UNARY
#define TEST UNARY
#include "kernels/elementwise.def"

#if !TP__EW_ONCE

#undef EW_INPUTS
#undef EW_ELEMENTS
#define EW_INPUTS                                                                                            \
    const uint8_t *cs = (const uint8_t *)p[1];                                                               \
    const T *as = (const T *)(const void *)p[2], *bs = (const T *)(const void *)p[3];
#define EW_ELEMENTS T a = as[i], b = bs[i];
EW_LOOP(EWN(where_forward), T, cs[i] ? a : b)

#endif

#if !TP__EW_INTEGER && !TP__EW_ONCE

/* Which of the saved values a derivative reads is known when the row is expanded: what it does not read is
 * not loaded. */
#undef EW_INPUTS
#undef EW_ELEMENTS
#define EW_INPUTS                                                                                            \
    const T *gs = (const T *)(const void *)p[1], *xs = (const T *)(const void *)p[2],                        \
            *ys = (const T *)(const void *)p[4];
#define EW_ELEMENTS                                                                                          \
    T g = gs[i], x = xs[i], y = ys[i];                                                                       \
    (void)g, (void)x, (void)y;
#define UNARY(name, y_, dx, saves, class, low, high) EW_LOOP(EWN(name##_vjp0), T, dx)
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#define SCALAR_FIRST UNARY
#define BINARY(name, ...)
#define TERNARY TERNARY_P1
#define TERNARY_P1 BINARY
#define COMPARE BINARY
#define COMPARE_P1 BINARY
#define TEST BINARY
#include "kernels/elementwise.def"

#undef EW_INPUTS
#undef EW_ELEMENTS
#define EW_INPUTS                                                                                            \
    const T *gs = (const T *)(const void *)p[1], *as = (const T *)(const void *)p[2],                        \
            *bs = (const T *)(const void *)p[3], *ys = (const T *)(const void *)p[4];
#define EW_ELEMENTS                                                                                          \
    T g = gs[i], a = as[i], b = bs[i], y = ys[i];                                                            \
    (void)g, (void)a, (void)b, (void)y;
#define UNARY(name, ...)
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#define SCALAR_FIRST UNARY
#define BINARY(name, y_, da, da_uses, db, db_uses, class, low, high)                                         \
    EW_LOOP(EWN(name##_vjp0), T, da)                                                                         \
    EW_LOOP(EWN(name##_vjp1), T, db)
#define TERNARY TERNARY_P1
#define TERNARY_P1 UNARY
#define COMPARE UNARY
#define COMPARE_P1 UNARY
#define TEST UNARY
#include "kernels/elementwise.def"

#endif

#undef EW_INPUTS
#undef EW_ELEMENTS
#undef EW_LOOP
#undef P0
#undef P1
