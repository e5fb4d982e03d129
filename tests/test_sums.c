/* Sums are at least as accurate as pairwise summation, whose error is at most u ceil(log2 n) sum |x|: the sum, the
 * mean, the variance, norms and running sums, over all elements and over a dim, whatever the layout.
 *
 * TP_TEST_LONG=1 takes 10^8 elements in place of 10^6 where all are added up. */
/* ctest: long */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "taper.h"

/* ---- what is added up ------------------------------------------------------------------------------------ */

typedef enum number_kind { TENTHS, NEAR_ONE, UNIFORM, CANCELLING, FAR, SPREAD, KINDS } number_kind;
static const char *const kind_names[] = {"tenths",     "near one",      "uniform",
                                         "cancelling", "far from zero", "spread"};

/* A number in [0, 1) from the bits of i. */
static double drawn(uint64_t i) {
    i = (i + 1) * 0x9E3779B97F4A7C15u;
    i = (i ^ i >> 30) * 0xBF58476D1CE4E5B9u;
    i = (i ^ i >> 27) * 0x94D049BB133111EBu;
    return (double)((i ^ i >> 31) >> 11) / 9007199254740992.0;
}

static double element(number_kind kind, int64_t i) {
    uint64_t k = (uint64_t)i;
    switch (kind) {
    case TENTHS: return 0.1;
    case NEAR_ONE: return 1 + (drawn(k) - 0.5) * 1e-3;
    case UNIFORM: return drawn(k);
    case CANCELLING: return (i & 1 ? -1 : 1) * (1e6 + drawn(k / 2) * 1e6) + drawn(k) * 1e-2;
    case FAR: return 4096 + drawn(k);
    case SPREAD: return (drawn(k) - 0.5) * pow(10, 12 * drawn(k + 7) - 6);
    case KINDS: break;
    }
    return 0;
}

/* As the dtype has it. */
static double rounded(number_kind kind, int64_t i, tp_dtype dtype) {
    double x = element(kind, i);
    return dtype == TP_F32 ? (double)(float)x : x;
}

/* A sum to twice the precision. */
typedef struct exact {
    double high, low;
} exact;

static void exact_add(exact *sum, double x) {
    double total = sum->high + x, part = total - sum->high;
    sum->low += (sum->high - (total - part)) + (x - part);
    sum->high = total;
}

static double exact_value(exact sum) { return sum.high + sum.low; }

/* ---- the layouts ------------------------------------------------------------------------------------------- */

/* `lanes` lines of n elements; line l holds elements l n, l n + 1, ... */
typedef struct layout {
    const char *name;
    int dim; /* -1: all */
    int64_t lanes, outer, inner, step;
} layout;

static const layout layouts[] = {{"all", -1, 1, 1, 1, 1},    {"all, strided", -1, 1, 1, 1, 2},
                                 {"rows", 1, 6, 6, 1, 1},    {"rows, strided", 1, 6, 6, 1, 2},
                                 {"columns", 1, 6, 1, 6, 1}, {"many columns", 1, 300, 1, 300, 1},
                                 {"middle", 1, 6, 2, 3, 1},  {"middle, strided", 1, 6, 2, 3, 2}};

/* (outer, n, inner) with the elements in place; with a step, a view of what is so many times as long. */
static tp_tensor *laid_out(const layout *l, int64_t n, number_kind kind, tp_dtype dtype) {
    tp_tensor *t = tp_zeros(TP_SHAPE(l->outer, n * l->step, l->inner), dtype);
    assert_non_null(t);
    float *f = dtype == TP_F32 ? tp_tensor_data_mut(t) : NULL;
    double *d = dtype == TP_F64 ? tp_tensor_data_mut(t) : NULL;
    for (int64_t lane = 0; lane < l->lanes; lane++)
        for (int64_t i = 0; i < n; i++) {
            int64_t at = (lane / l->inner * n * l->step + i * l->step) * l->inner + lane % l->inner;
            double x = rounded(kind, lane * n + i, dtype);
            if (f) f[at] = (float)x;
            else d[at] = x;
        }
    return l->step == 1 ? t : tp_slice(t, 1, 0, INT64_MAX, l->step);
}

/* Element i of a result, whatever its layout. */
static double result(tp_tensor *t, int64_t i) {
    const void *data = tp_tensor_data(t);
    return tp_tensor_dtype(t) == TP_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

/* ---- the bounds -------------------------------------------------------------------------------------------- */

typedef struct truth {
    int64_t n;
    double sum, size, mean, square; /* size: of the absolute values; square: of the deviations */
    double length;                  /* the norm */
    double unit, steps; /* the relative error of a rounding, and how many pairwise summation has */
} truth;

static truth truth_of(number_kind kind, int64_t first, int64_t n, tp_dtype dtype) {
    exact sum = {0, 0}, size = {0, 0}, square = {0, 0}, length = {0, 0};
    for (int64_t i = 0; i < n; i++) {
        double x = rounded(kind, first + i, dtype);
        exact_add(&sum, x);
        exact_add(&length, x * x);
        exact_add(&length, fma(x, x, -x * x));
        exact_add(&size, fabs(x));
    }
    double mean = exact_value(sum) / (double)n;
    for (int64_t i = 0; i < n; i++) {
        double centred = rounded(kind, first + i, dtype) - mean;
        exact_add(&square, centred * centred);
    }
    return (truth){n,
                   exact_value(sum),
                   exact_value(size),
                   mean,
                   exact_value(square),
                   sqrt(exact_value(length)),
                   (dtype == TP_F32 ? FLT_EPSILON : DBL_EPSILON) / 2,
                   ceil(log2((double)n))};
}

static int failures;

static void hold(const char *op, const char *what, number_kind kind, double got, double want, double bound) {
    if (fabs(got - want) <= bound) return;
    fprintf(stderr, "    %s, %s, %s: %.17g, not %.17g: off by %.3g, allowed %.3g\n", op, what,
            kind_names[kind], got, want, fabs(got - want), bound);
    failures++;
}

/* Norms over the same elements, of which those with p = 2 are squared and the root is taken: that halves the relative
 * error of the sum and adds one. */
static void hold_norms(const char *what, number_kind kind, const truth *t, double one, double two) {
    hold("norm with p = 1", what, kind, one, t->size, t->unit * fmax(t->steps, 1) * t->size);
    hold("norm with p = 2", what, kind, two, t->length, t->unit * ((t->steps + 1) / 2 + 1) * t->length);
}

/* The mean is the sum with one rounding more. The deviations from it, squared, have three roundings each and are
 * added up; that the mean is off adds the square of by how much. */
static void hold_lane(const char *what, number_kind kind, const truth *t, double sum, double mean,
                      double var) {
    double n = (double)t->n, sum_bound = t->unit * t->steps * t->size;
    double mean_bound = sum_bound / n + t->unit * fabs(t->mean);
    hold("sum", what, kind, sum, t->sum, sum_bound);
    hold("mean", what, kind, mean, t->mean, mean_bound);
    double var_bound = (t->unit * (t->steps + 4) * t->square + n * mean_bound * mean_bound) / (n - 1);
    hold("var", what, kind, var, t->square / (n - 1), var_bound);
}

/* Every 61st element of a running sum. */
static void hold_running(const layout *l, number_kind kind, tp_dtype dtype, int64_t n, tp_tensor *running) {
    for (int64_t lane = 0; lane < l->lanes; lane++) {
        exact sum = {0, 0};
        double size = 0, unit = (dtype == TP_F32 ? FLT_EPSILON : DBL_EPSILON) / 2;
        for (int64_t i = 0; i < n; i++) {
            double x = rounded(kind, lane * n + i, dtype);
            exact_add(&sum, x);
            size += fabs(x);
            if (i % 61 != 0) continue;
            double bound = unit * (i > 0 ? ceil(log2((double)i + 1)) : 0) * size;
            hold("cumsum", l->name, kind,
                 result(running, (lane / l->inner * n + i) * l->inner + lane % l->inner), exact_value(sum),
                 bound);
        }
    }
}

static void check(const layout *l, number_kind kind, tp_dtype dtype, int64_t n) {
    tp_scope *scope = tp_scope_begin();
    tp_tensor *x = laid_out(l, n, kind, dtype), *sum, *mean, *var, *one, *two;
    if (l->dim < 0) {
        one = tp_norm(x, 1);
        two = tp_norm(x, 2);
        sum = tp_sum(x);
        mean = tp_mean(x);
        var = tp_var(x);
    } else {
        one = tp_norm_dim(x, 1, TP_DIMS(l->dim), false);
        two = tp_norm_dim(x, 2, TP_DIMS(l->dim), false);
        sum = tp_sum_dim(x, TP_DIMS(l->dim), false);
        mean = tp_mean_dim(x, TP_DIMS(l->dim), false);
        var = tp_var_dim(x, TP_DIMS(l->dim), 1, false);
    }
    tp_tensor *running = tp_cumsum(x, 1);
    assert_non_null(running);
    for (int64_t lane = 0; lane < l->lanes; lane++) {
        truth t = truth_of(kind, lane * n, n, dtype);
        hold_lane(l->name, kind, &t, result(sum, lane), result(mean, lane), result(var, lane));
        hold_norms(l->name, kind, &t, result(one, lane), result(two, lane));
    }
    hold_running(l, kind, dtype, n, running);
    tp_scope_end(scope);
}

static void check_all(tp_dtype dtype) {
    failures = 0;
    for (size_t l = 0; l < sizeof layouts / sizeof layouts[0]; l++)
        for (int kind = 0; kind < KINDS; kind++) {
            int64_t most = 60000 / layouts[l].lanes;
            for (int64_t n = most; n > 1; n /= 9) check(&layouts[l], (number_kind)kind, dtype, n);
        }
    assert_int_equal(failures, 0);
}

static void test_f32(void **state) {
    (void)state;
    check_all(TP_F32);
}

static void test_f64(void **state) {
    (void)state;
    check_all(TP_F64);
}

/* ---- many --------------------------------------------------------------------------------------------------- */

static void test_many(void **state) {
    (void)state;
    const char *all = getenv("TP_TEST_LONG");
    int64_t n = all && *all == '1' ? 100000000 : 1000000;
    static const layout whole = {"many", -1, 1, 1, 1, 1};
    failures = 0;
    for (int kind = 0; kind < KINDS; kind++) check(&whole, (number_kind)kind, TP_F32, n);
    tp_memory_trim();
    assert_int_equal(failures, 0);
}

/* One large element among small ones: what one after the other would lose. */
static void test_small_ones_count(void **state) {
    (void)state;
    tp_tensor *x = tp_ones(TP_SHAPE(1 << 22), TP_F32);
    ((float *)tp_tensor_data_mut(x))[0] = 16777216;
    double want = 16777216.0 + (1 << 22) - 1;
    assert_true(fabs(tp_tensor_item(tp_sum(x)) - want) <= 22 * FLT_EPSILON / 2 * want);
    tp_tensor *y = tp_cumsum(x, 0);
    assert_true(fabs(result(y, (1 << 22) - 1) - want) <= FLT_EPSILON / 2 * want);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f32), cmocka_unit_test(test_f64),
                                       cmocka_unit_test(test_many), cmocka_unit_test(test_small_ones_count)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tp_shutdown();
    return failed;
}
