/* Holds every function of src/kernels/math.h to its bound, on each ISA the machine has.
 *
 * To be compiled: tests/math_isa.c once per ISA with the kernel flags and include paths (src, tests):
 *     -std=c11 -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast
 *     -DTP__ISA=0
 *     -DTP__ISA=3 -march=x86-64-v3                                   (x86-64 only)
 *     -DTP__ISA=4 -march=x86-64-v4 -mprefer-vector-width=512         (x86-64 only)
 * and this file as any test (-Isrc -Itests), linked with those objects, cmocka and libm. It needs no
 * library.
 *
 * By default f32 is tried at every 4099th of the 2^32 bit patterns. TP_TEST_LONG=1 tries them all (an
 * hour or so) and many more f64; TP_TEST_STRIDE=n sets the step; both print the worst error of each
 * function. A name as argument restricts the run to one function: TP_TEST_LONG=1 ./test_math exp */
/* ctest: long */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "math_isa.h"

enum { BLOCK = 4096 };

/* ---- references: double for f32, long double for f64 ---- */

typedef double ref32(double a, double b);
typedef long double ref64(long double a, long double b);

/* `d` and `l` are the same expression for the two types. */
#define REFERENCE(name, d, l)                                                                                \
    static double name##_r32(double a, double b) {                                                           \
        (void)b;                                                                                             \
        return d;                                                                                            \
    }                                                                                                        \
    static long double name##_r64(long double a, long double b) {                                            \
        (void)b;                                                                                             \
        return l;                                                                                            \
    }

REFERENCE(exp, exp(a), expl(a))
REFERENCE(exp2, exp2(a), exp2l(a))
REFERENCE(expm1, expm1(a), expm1l(a))
REFERENCE(log, log(a), logl(a))
REFERENCE(log2, log2(a), log2l(a))
REFERENCE(log10, log10(a), log10l(a))
REFERENCE(log1p, log1p(a), log1pl(a))
REFERENCE(sin, sin(a), sinl(a))
REFERENCE(cos, cos(a), cosl(a))
REFERENCE(tan, tan(a), tanl(a))
REFERENCE(sinh, sinh(a), sinhl(a))
REFERENCE(cosh, cosh(a), coshl(a))
REFERENCE(tanh, tanh(a), tanhl(a))
REFERENCE(sigmoid, a < 0 ? exp(a) / (1 + exp(a)) : 1 / (1 + exp(-a)),
          a < 0 ? expl(a) / (1 + expl(a)) : 1 / (1 + expl(-a)))
REFERENCE(erf, erf(a), erfl(a))
REFERENCE(erfc, erfc(a), erfcl(a))
REFERENCE(sqrt, sqrt(a), sqrtl(a))
REFERENCE(rsqrt, 1 / sqrt(a), 1 / sqrtl(a))
REFERENCE(floor, floor(a), floorl(a))
REFERENCE(ceil, ceil(a), ceill(a))
REFERENCE(trunc, trunc(a), truncl(a))
REFERENCE(round, rint(a), rintl(a))
REFERENCE(abs, fabs(a), fabsl(a))
REFERENCE(sign, (a > 0) - (a < 0), (a > 0) - (a < 0))
REFERENCE(isnan, isnan(a) ? 1 : 0, isnan(a) ? 1 : 0)
REFERENCE(pow, pow(a, b), powl(a, b))
REFERENCE(max, isnan(a) || isnan(b) ? NAN : fmax(a, b), isnan(a) || isnan(b) ? NAN : fmaxl(a, b))
REFERENCE(min, isnan(a) || isnan(b) ? NAN : fmin(a, b), isnan(a) || isnan(b) ? NAN : fminl(a, b))
REFERENCE(fmax, fmax(a, b), fmaxl(a, b))
REFERENCE(fmin, fmin(a, b), fminl(a, b))
REFERENCE(copysign, copysign(a, b), copysignl(a, b))

/* ---- what is promised ---- */

typedef struct {
    const char *name;
    ref32 *r32;
    ref64 *r64;
    double ulp32, ulp64; /* 0: the very same value */
    double low, high;    /* where f64 is sampled evenly, besides all over the bit patterns */
    int zero_sign;       /* the sign of a zero is promised too */
    int arity;
} promise;

#define PROMISE(name, ulp32, ulp64, low, high)                                                               \
    { #name, name##_r32, name##_r64, ulp32, ulp64, low, high, 1, 1 }
#define PROMISE2(name, ulp32, ulp64, zero_sign)                                                              \
    { #name, name##_r32, name##_r64, ulp32, ulp64, -4, 4, zero_sign, 2 }

static const promise promises[] = {
    PROMISE(exp, 1, 1, -750, 720), PROMISE(exp2, 1, 1, -1080, 1030), PROMISE(expm1, 1, 1.1, -40, 40),
    PROMISE(log, 1, 1, 0, 4),      PROMISE(log2, 1, 1, 0, 4),        PROMISE(log10, 1, 1, 0, 4),
    PROMISE(log1p, 1, 1, -1, 3),   PROMISE(sin, 2, 1, -20, 20),      PROMISE(cos, 2, 1, -20, 20),
    PROMISE(tan, 1, 1, -20, 20),   PROMISE(sinh, 2, 2, -4, 4),       PROMISE(cosh, 2, 2, -4, 4),
    PROMISE(tanh, 2, 2, -4, 4),    PROMISE(sigmoid, 2, 2, -40, 40),  PROMISE(erf, 2, 2, -6, 6),
    PROMISE(erfc, 1, 5, -6, 28),   PROMISE(sqrt, 0.5, 0.5, 0, 4),    PROMISE(rsqrt, 1, 1.5, 0, 4),
    PROMISE(floor, 0, 0, -4, 4),   PROMISE(ceil, 0, 0, -4, 4),       PROMISE(trunc, 0, 0, -4, 4),
    PROMISE(round, 0, 0, -4, 4),   PROMISE(abs, 0, 0, -4, 4),        PROMISE(sign, 0, 0, -4, 4),
    PROMISE(isnan, 0, 0, -4, 4),   PROMISE2(pow, 1, 1, 1),           PROMISE2(max, 0, 0, 0),
    PROMISE2(min, 0, 0, 0),        PROMISE2(fmax, 0, 0, 0),          PROMISE2(fmin, 0, 0, 0),
    PROMISE2(copysign, 0, 0, 1),
};
enum { PROMISES = sizeof promises / sizeof promises[0] };

/* ---- the machine ---- */

typedef struct {
    const char *name;
    const tp__math_row *rows;
} isa;

static isa isas[3];
static int isa_count;

static void find_isas(void) {
    isas[isa_count++] = (isa){"base", tp__math_rows_base};
#if TP_HAVE_ISA_V3
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
        isas[isa_count++] = (isa){"v3", tp__math_rows_v3};
#if TP_HAVE_ISA_V4
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl"))
            isas[isa_count++] = (isa){"v4", tp__math_rows_v4};
#endif
    }
#endif
}

static const tp__math_row *row_of(const isa *i, const char *name) {
    const tp__math_row *r = i->rows;
    while (r->name && strcmp(r->name, name) != 0) r++;
    assert_non_null(r->name);
    return r;
}

/* ---- errors in ulp ---- */

static const double wrong = 1e30; /* NaN, infinity, zero's sign or an exact value missed */

static double ulp_error32(const promise *p, float got, double want) {
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : wrong;
    if (p->ulp32 == 0)
        return (double)got == want && (!p->zero_sign || !signbit(got) == !signbit(want)) ? 0 : wrong;
    if ((float)want == 0 && got == 0 && !signbit(got) != !signbit(want)) return wrong;
    if (isinf(got) && isinf(want)) return !signbit(got) == !signbit(want) ? 0 : wrong;
    const double top = 0x1p128; /* infinity is the next value after FLT_MAX */
    const double g = isinf(got) ? copysign(top, got) : (double)got;
    const double w = fabs(want) > top ? copysign(top, want) : want;
    uint64_t bits;
    memcpy(&bits, &w, sizeof bits);
    int e = (int)(bits >> 52 & 2047) - 1023;
    e = e < -126 ? -126 : e > 127 ? 127 : e;
    bits = (uint64_t)(1023 + 23 - e) << 52;
    double per_ulp;
    memcpy(&per_ulp, &bits, sizeof per_ulp);
    return fabs(g - w) * per_ulp;
}

static double ulp_error64(const promise *p, double got, long double want) {
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : wrong;
    if (p->ulp64 == 0)
        return (long double)got == want && (!p->zero_sign || !signbit(got) == !signbit(want)) ? 0 : wrong;
    if ((double)want == 0 && got == 0 && !signbit(got) != !signbit(want)) return wrong;
    if (isinf(got) && (isinf(want) || isinf((double)want)))
        return !signbit(got) == !signbit(want) ? 0 : wrong;
    if (isinf(got) || isinf(want)) return fabsl(want) >= DBL_MAX && fabs(got) >= DBL_MAX ? 1 : wrong;
    int e = want == 0 ? -1022 : ilogbl(want);
    if (e < -1022) e = -1022;
    return (double)ldexpl(fabsl((long double)got - want), 52 - e);
}

typedef struct {
    double ulp;
    double a, b, got;
    const char *isa;
} worst;

static void note(worst *w, double error, double a, double b, double got, const char *name) {
    if (error <= w->ulp) return;
    *w = (worst){error, a, b, got, name};
}

static void check32(const promise *p, size_t n, const float *a, const float *b, worst *w) {
    static double want[BLOCK];
    static float got[BLOCK];
    for (size_t i = 0; i < n; i++) want[i] = p->r32((double)a[i], (double)b[i]);
    for (int k = 0; k < isa_count; k++) {
        row_of(&isas[k], p->name)->f32(n, a, b, got);
        for (size_t i = 0; i < n; i++)
            note(w, ulp_error32(p, got[i], want[i]), (double)a[i], (double)b[i], (double)got[i],
                 isas[k].name);
    }
}

static void check64(const promise *p, size_t n, const double *a, const double *b, worst *w) {
    static long double want[BLOCK];
    static double got[BLOCK];
    for (size_t i = 0; i < n; i++) want[i] = p->r64((long double)a[i], (long double)b[i]);
    for (int k = 0; k < isa_count; k++) {
        row_of(&isas[k], p->name)->f64(n, a, b, got);
        for (size_t i = 0; i < n; i++)
            note(w, ulp_error64(p, got[i], want[i]), a[i], b[i], got[i], isas[k].name);
    }
}

/* ---- samples ---- */

static uint64_t seed;

static uint64_t draw(void) { /* splitmix64 */
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Any value at all. Only quiet NaNs: libm's pow(x, 0) is NaN for a signalling one. */
static double draw_double(void) {
    const uint64_t u = draw();
    double x;
    memcpy(&x, &u, sizeof x);
    return isnan(x) ? NAN : x;
}

static double even(double low, double high) { return low + (high - low) * (double)(draw() >> 11) * 0x1p-53; }

static float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* The places where something changes; both signs and both neighbours of each are tried. */
/* clang-format off */
static const double corners[] = {
    0, 0x1p-1074, 0x1p-1022, 0x1p-149, 0x1p-126, 0x1p-90, 0x1p-54, 0x1p-24,
    0.25, 1 / 3.0, 0.35, 0.5, 2 / 3.0, 0.9, 1, 4 / 3.0, 1.5, 2, 2.5, 3, 4, 6, 9, 10, 16, 18, 20, 27, 38,
    0.34657359027997265, 1.03972077083991796, 0.70710678118654752, 1.41421356237309505, /* ln2/2, 3 ln2/2 */
    0.78539816339744831, 1.57079632679489662, 3.14159265358979324,
    87.3365, 88.7228, 89, 89.41599, 89.6, 103.98, 104, 126, 127, 128, 129, 149, 150, 151,
    708.39, 709.78, 710, 710.4758, 710.6, 745.14, 746, 1022, 1023, 1024, 1025, 1074, 1075, 1076,
    0x1p22, 0x1p23, 0x1p24, 0x1p25, 0x1p50, 0x1p51, 0x1p52, 0x1p53, 0x1p60, 0x1p76, 0x1p102, 0x1p127,
    FLT_MAX, DBL_MAX, INFINITY, NAN,
};
/* clang-format on */
enum { CORNERS = sizeof corners / sizeof corners[0], SPECIALS = 6 * CORNERS };

static void special_values(double *d, float *f) {
    for (int i = 0; i < CORNERS; i++) {
        const double c = corners[i];
        const double near64[3] = {c, nextafter(c, -INFINITY), nextafter(c, INFINITY)};
        const float c32 = (float)c, near32[3] = {c32, nextafterf(c32, -INFINITY), nextafterf(c32, INFINITY)};
        for (int k = 0; k < 3; k++) {
            d[6 * i + k] = near64[k];
            d[6 * i + 3 + k] = -near64[k];
            f[6 * i + k] = near32[k];
            f[6 * i + 3 + k] = -near32[k];
        }
    }
}

/* Pairs for pow whose result is spread over the exponents, and others; for the rest any will do. */
static void draw_pair(double bits_x, double any_y, double top, double *x, double *y) {
    *x = bits_x;
    switch (draw() & 3) {
    case 0: *y = any_y; break;
    case 1: *y = (double)(int)(draw() % 64) - 32; break;
    case 2: *x = even(0, 4); /* fall through */
    default: *y = even(-top, top) / log2(fabs(*x)); break;
    }
}

/* ---- tests ---- */

static int is_long, is_loud;
static uint64_t stride;
static const char *only;

static void verdict(const promise *p, const char *type, double bound, const worst *w) {
    if (is_loud)
        print_message("%-9s %s %.4f ulp at (%a, %a) = %a, %s\n", p->name, type, w->ulp, w->a, w->b, w->got,
                      w->isa ? w->isa : "-");
    if (!(w->ulp <= bound + 1e-6)) /* the reference itself is not exact */
        fail_msg("%s %s: %g ulp (bound %g) at (%a, %a) = %a on %s", p->name, type, w->ulp, bound, w->a, w->b,
                 w->got, w->isa);
}

static void test_special(void **state) {
    (void)state;
    static double d[SPECIALS], d2[SPECIALS];
    static float f[SPECIALS], f2[SPECIALS];
    special_values(d, f);
    for (int i = 0; i < PROMISES; i++) {
        const promise *p = &promises[i];
        if (only && strcmp(only, p->name) != 0) continue;
        worst w32 = {0, 0, 0, 0, NULL}, w64 = w32;
        for (int k = 0; k < (p->arity == 2 ? SPECIALS : 1); k++) {
            for (int j = 0; j < SPECIALS; j++) {
                d2[j] = d[k];
                f2[j] = f[k];
            }
            check32(p, SPECIALS, f, f2, &w32);
            check64(p, SPECIALS, d, d2, &w64);
        }
        verdict(p, "f32 corners", p->ulp32, &w32);
        verdict(p, "f64 corners", p->ulp64, &w64);
    }
}

static void test_f32(void **state) {
    (void)state;
    static float a[BLOCK], b[BLOCK];
    for (int i = 0; i < PROMISES; i++) {
        const promise *p = &promises[i];
        if (only && strcmp(only, p->name) != 0) continue;
        worst w = {0, 0, 0, 0, NULL};
        seed = 1;
        for (uint64_t u = 0; u < 0x100000000u;) {
            size_t n = 0;
            for (; n < BLOCK && u < 0x100000000u; u += stride, n++) {
                a[n] = float_of((uint32_t)u);
                b[n] = 0;
                if (p->arity == 1) continue;
                double x, y;
                draw_pair((double)a[n], (double)float_of((uint32_t)draw()), 152, &x, &y);
                a[n] = (float)x;
                b[n] = (float)y;
            }
            check32(p, n, a, b, &w);
        }
        verdict(p, "f32", p->ulp32, &w);
    }
}

static void test_f64(void **state) {
    (void)state;
    static double a[BLOCK], b[BLOCK];
    for (int i = 0; i < PROMISES; i++) {
        const promise *p = &promises[i];
        if (only && strcmp(only, p->name) != 0) continue;
        worst w = {0, 0, 0, 0, NULL};
        seed = 2;
        for (int block = 0; block < (is_long ? 5000 : is_loud ? 500 : 16); block++) {
            for (int j = 0; j < BLOCK; j++) {
                const double any = draw_double();
                a[j] = j & 1 ? even(p->low, p->high) : any;
                b[j] = 0;
                if (p->arity == 2) draw_pair(any, draw_double(), 1080, &a[j], &b[j]);
            }
            check64(p, BLOCK, a, b, &w);
        }
        verdict(p, "f64", LDBL_MANT_DIG >= 64 ? p->ulp64 : p->ulp64 + 1, &w);
    }
}

int main(int argc, char **argv) {
    const char *step = getenv("TP_TEST_STRIDE"), *all = getenv("TP_TEST_LONG");
    is_long = all && strcmp(all, "1") == 0;
    is_loud = is_long || step;
    stride = step ? strtoull(step, NULL, 10) : is_long ? 1 : 4099;
    if (stride == 0) stride = 1;
    only = argc > 1 ? argv[1] : NULL;
    find_isas();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_special),
        cmocka_unit_test(test_f32),
        cmocka_unit_test(test_f64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
