/* The functions of kernels/math.h as loops, for tests/test_math.c. Compiled once per ISA with the kernel
 * flags and TP__ISA set, exactly as a kernel file is. */
#include "math_isa.h"

#include "kernels/isa.h"

/* clang-format off */
#define FUNCTIONS(ONE, TWO)                                                                              \
    ONE(exp) ONE(exp2) ONE(expm1) ONE(log) ONE(log2) ONE(log10) ONE(log1p)                               \
    ONE(sin) ONE(cos) ONE(tan) ONE(sinh) ONE(cosh) ONE(tanh) ONE(sigmoid)                                \
    ONE(erf) ONE(erfc) ONE(sqrt) ONE(rsqrt)                                                              \
    ONE(floor) ONE(ceil) ONE(trunc) ONE(round) ONE(abs) ONE(sign) ONE(isnan)                             \
    TWO(pow) TWO(max) TWO(min) TWO(fmax) TWO(fmin) TWO(copysign)
/* clang-format on */

#define LOOP1(name)                                                                                          \
    static void FN(loop_##name)(size_t n, const T *restrict a, const T *restrict b, T *restrict y) {         \
        (void)b;                                                                                             \
        for (size_t i = 0; i < n; i++) y[i] = (T)FN(name)(a[i]);                                             \
    }
#define LOOP2(name)                                                                                          \
    static void FN(loop_##name)(size_t n, const T *restrict a, const T *restrict b, T *restrict y) {         \
        for (size_t i = 0; i < n; i++) y[i] = (T)FN(name)(a[i], b[i]);                                       \
    }

#define TP__REAL 32
#include "kernels/real.h"

#include "kernels/math.h"
FUNCTIONS(LOOP1, LOOP2)

#define TP__REAL 64
#include "kernels/real.h"

#include "kernels/math.h"
FUNCTIONS(LOOP1, LOOP2)

#define ROW(name)                                                                                            \
    {#name, TP__PASTE4(tp__, loop_##name, _f32_, TP__ISA_SUFFIX),                                            \
     TP__PASTE4(tp__, loop_##name, _f64_, TP__ISA_SUFFIX)},

const tp__math_row TP__ISA_NAME(math_rows)[] = {FUNCTIONS(ROW, ROW){NULL, NULL, NULL}};
