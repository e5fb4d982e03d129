/* The functions that are compiled once, not for each ISA, through their ops: F32 at a sample of all bit patterns, all of them with
 * TP_TEST_LONG=1, F64 at random places, against references in long double that are written from other formulas. A bound in ulp, and where
 * a function has zeros that are no numbers (lgamma, digamma) an absolute one beside it. TP_TEST_LOUD=1 prints the worst errors. */
/* ctest: long */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 14 };

/* ---- references ---------------------------------------------------------------------------------------------- */

static long double ref_asin(long double x) { return asinl(x); }
static long double ref_acos(long double x) { return acosl(x); }
static long double ref_atan(long double x) { return atanl(x); }
static long double ref_asinh(long double x) { return asinhl(x); }
static long double ref_acosh(long double x) { return acoshl(x); }
static long double ref_atanh(long double x) { return atanhl(x); }
static long double ref_lgamma(long double x) {
    int sign;
    return lgammal_r(x, &sign);
}

/* Newton's method in the error function, or in its complement where that keeps the digits. */
static long double ref_erfinv(long double x) {
    long double a = fabsl(x), y;
    if (!(a < 1)) return a == 1 ? copysignl(INFINITY, x) : (long double)NAN;
    if (a == 0) return x;
    y = a < 0.5L ? 0.886226925452758013649L * a : sqrtl(-logl((1 - a) * 0.8L));
    for (int i = 0; i < 60; i++) {
        long double slope = 1.128379167095512573896L * expl(-y * y);
        long double error = a < 0.5L ? erfl(y) - a : (1 - a) - erfcl(y);
        long double step = error / slope;
        y -= step / (1 + y * step);
        if (fabsl(step) <= 1e-19L * y) break;
    }
    return copysignl(y, x);
}

/* Shifted to 40 and on by the recurrence, then the asymptotic series; reflected below zero. */
static long double ref_digamma(long double x) {
    const long double pi = 3.141592653589793238463L;
    long double y = 0;
    if (x == 0) return copysignl(INFINITY, -x);
    if (isinf(x)) return x > 0 ? x : (long double)NAN;
    if (x < 0) {
        long double part = x - rintl(x);
        if (part == 0) return NAN;
        y = fabsl(part) == 0.5L ? 0 : -pi / tanl(pi * part);
        x = 1 - x;
    }
    for (; x < 40; x++) y -= 1 / x;
    long double z = 1 / (x * x);
    return y + logl(x) - 0.5L / x -
           z * (1 / 12.0L -
                z * (1 / 120.0L -
                     z * (1 / 252.0L - z * (1 / 240.0L - z * (1 / 132.0L - z * 691 / 32760.0L)))));
}

static long double ref_trigamma(long double x) {
    const long double pi = 3.141592653589793238463L;
    if (isinf(x)) return x > 0 ? 0 : (long double)NAN;
    if (x <= 0) {
        long double part = x - rintl(x);
        if (part == 0) return INFINITY;
        long double s = pi / sinl(pi * part);
        return s * s - ref_trigamma(1 - x);
    }
    long double y = 0;
    for (; x < 40; x++) y += 1 / (x * x);
    long double z = 1 / (x * x);
    return y + 1 / x + z / 2 +
           z / x * (1 / 6.0L - z * (1 / 30.0L - z * (1 / 42.0L - z * (1 / 30.0L - z * 5 / 66.0L))));
}

/* ---- what is promised ------------------------------------------------------------------------------------------- */

typedef struct promise {
    const char *name;
    tp_tensor *(*op)(tp_tensor *x);
    long double (*reference)(long double x);
    double ulp32, ulp64;
    double absolute32, absolute64; /* enough too */
    double low, high;              /* where F64 is sampled evenly, besides all over the bit patterns */
} promise;

static const promise promises[] = {
    {"asin", tp_asin, ref_asin, 1, 2, 0, 0, -1, 1},
    {"acos", tp_acos, ref_acos, 1, 2, 0, 0, -1, 1},
    {"atan", tp_atan, ref_atan, 1, 2, 0, 0, -20, 20},
    {"asinh", tp_asinh, ref_asinh, 1, 3, 0, 0, -20, 20},
    {"acosh", tp_acosh, ref_acosh, 1, 3, 0, 0, 1, 20},
    {"atanh", tp_atanh, ref_atanh, 1, 3, 0, 0, -1, 1},
    {"erfinv", tp_erfinv, ref_erfinv, 1, 4, 0, 0, -1, 1},
    {"lgamma", tp_lgamma, ref_lgamma, 1, 5, 1e-7, 2e-14, -20, 40},
    {"digamma", tp_digamma, ref_digamma, 2, 8, 1e-6, 2e-14, -20, 40},
    {"trigamma", tp_trigamma, ref_trigamma, 2, 16, 0, 0, 0.01, 40},
};
enum { PROMISES = sizeof promises / sizeof promises[0] };

/* |got - want| in units of the last place of want, in a type of `digits` bits whose least exponent is `least`. */
static double ulps(double got, long double want, int digits, int least, double largest) {
    if (isnan(got) || isnan(want)) return isnan(got) && isnan(want) ? 0 : INFINITY;
    if (isinf(got) || fabsl(want) > largest)
        return isinf(got) && fabsl(want) >= largest && (got > 0) == (want > 0) ? 0 : INFINITY;
    int e = want == 0 ? least : ilogbl(want);
    if (e < least) e = least;
    return (double)ldexpl(fabsl((long double)got - want), digits - 1 - e);
}

typedef struct worst {
    double ulp, at, got;
} worst;

static void check_block(const promise *p, tp_tensor *x, worst *w) {
    bool f32 = tp_tensor_dtype(x) == TP_F32;
    static double in[BLOCK], out[BLOCK];
    int64_t n = tp_tensor_numel(x);
    assert_ok(tp_tensor_copy_out_f64(x, in, n));
    assert_ok(tp_tensor_copy_out_f64(p->op(x), out, n));
    for (int64_t i = 0; i < n; i++) {
        long double want = p->reference(in[i]);
        double error = f32 ? ulps(out[i], want, 24, -126, 0x1.fffffefffffffp127)
                           : ulps(out[i], want, 53, -1022, 0x1.fffffffffffffp1023);
        double absolute = f32 ? p->absolute32 : p->absolute64;
        if (error > w->ulp && !(fabsl((long double)out[i] - want) <= absolute))
            *w = (worst){error, in[i], out[i]};
    }
}

static void verdict(const promise *p, const char *type, double bound, const worst *w) {
    if (getenv("TP_TEST_LOUD") || getenv("TP_TEST_LONG"))
        print_message("%-9s %s %.3f ulp at %a = %a\n", p->name, type, w->ulp, w->at, w->got);
    if (!(w->ulp <= bound))
        fail_msg("%s %s: %g ulp (bound %g) at %a = %a", p->name, type, w->ulp, bound, w->at, w->got);
}

static void floats(void **state) {
    (void)state;
    bool all = getenv("TP_TEST_LONG") != NULL;
    uint64_t stride = all ? 1 : 20011, end = (uint64_t)1 << 32;
    for (int k = 0; k < PROMISES; k++) {
        worst w = {0, 0, 0};
        for (uint64_t bits = 0; bits < end;) {
            static float values[BLOCK];
            int64_t n = 0;
            for (; n < BLOCK && bits < end; bits += stride) {
                uint32_t u = (uint32_t)bits;
                memcpy(&values[n++], &u, sizeof u);
            }
            tp_scope *s = tp_scope_begin();
            check_block(&promises[k], tp_from_f32(TP_SHAPE(n), values, n), &w);
            tp_scope_end(s);
        }
        verdict(&promises[k], "f32", promises[k].ulp32, &w);
    }
}

static uint64_t draw(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void doubles(void **state) {
    (void)state;
    int blocks = getenv("TP_TEST_LONG") ? 600 : 4;
    for (int k = 0; k < PROMISES; k++) {
        const promise *p = &promises[k];
        worst w = {0, 0, 0};
        uint64_t seed = 3;
        for (int b = 0; b < blocks; b++) {
            static double values[BLOCK];
            for (int i = 0; i < BLOCK; i++) {
                uint64_t u = draw(&seed);
                memcpy(&values[i], &u, sizeof u);
                if (i & 1) values[i] = p->low + (p->high - p->low) * (double)(draw(&seed) >> 11) * 0x1p-53;
            }
            tp_scope *s = tp_scope_begin();
            check_block(p, tp_from_f64(TP_SHAPE(BLOCK), values, BLOCK), &w);
            tp_scope_end(s);
        }
        verdict(p, "f64", p->ulp64, &w);
    }
}

static void special_values(void **state) {
    (void)state;
    const double inf = INFINITY;
    tp_tensor *x = TP_F64_TENSOR(TP_SHAPE(8), 0, -0.0, 1, -1, 2, inf, -inf, NAN);
    const struct {
        tp_tensor *(*op)(tp_tensor *);
        double want[8];
    } rows[] = {
        {tp_erfinv, {0, -0.0, inf, -inf, NAN, NAN, NAN, NAN}},
        {tp_lgamma, {inf, inf, 0, inf, 0, inf, inf, NAN}},
        {tp_digamma, {-inf, inf, -0.57721566490153286061, NAN, 0.42278433509846713939, inf, NAN, NAN}},
        {tp_atanh, {0, -0.0, inf, -inf, NAN, NAN, NAN, NAN}},
        {tp_acosh, {NAN, NAN, 0, NAN, 1.31695789692481670863, inf, NAN, NAN}},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        tp_tensor *y = rows[r].op(x);
        for (int i = 0; i < 8; i++) {
            double got = tp_tensor_at(y, TP_SHAPE(i)), want = rows[r].want[i];
            bool same = isnan(want) ? isnan(got) : got == want || fabs(got - want) < 1e-15;
            if (!same || (want == 0 && signbit(want) != signbit(got)))
                fail_msg("row %zu, element %d: %g, not %g", r, i, got, want);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {CHECK_TEST(floats), CHECK_TEST(doubles), CHECK_TEST(special_values)};
    return cmocka_run_group_tests_name("special", tests, NULL, NULL);
}
