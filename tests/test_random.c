/* Random numbers: Philox against published vectors, the same at any number of threads, and distributed as
 * they should be. Seeds are fixed, so that a statistical test passes always or never. */
#include "check.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/philox.h"

/* ---- the generator itself ------------------------------------------------------------------------------ */

/* Philox 4x32-10 once more, with the whole counter, which the library's has only half of. */
static void reference_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)0xD2511F53 * c[0], q = (uint64_t)0xCD9E8D57 * c[2];
        uint32_t next[4] = {(uint32_t)(q >> 32) ^ c[1] ^ k[0], (uint32_t)q, (uint32_t)(p >> 32) ^ c[3] ^ k[1],
                            (uint32_t)p};
        memcpy(c, next, sizeof c);
        k[0] += 0x9E3779B9;
        k[1] += 0xBB67AE85;
    }
    memcpy(out, c, sizeof c);
}

/* The vectors of the Random123 distribution, kat_vectors. */
static void known_answers(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    uint32_t w[4];
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        reference_philox(vectors[i].counter, vectors[i].key, w);
        assert_memory_equal(w, vectors[i].out, sizeof w);
    }
    tp__philox(0, 0, w);
    assert_memory_equal(w, vectors[0].out, sizeof w);
}

/* Key: the seed; counter: the block's number and zeros; low words first. */
static void mapping_of_seed_and_block(void **state) {
    (void)state;
    uint64_t bits = 1;
    for (int i = 0; i < 1000; i++) {
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        uint64_t seed = bits ^ bits >> 29, block = seed * 0x9E3779B97F4A7C15u;
        if (i == 0) seed = UINT64_MAX, block = UINT64_MAX;
        uint32_t got[4], want[4];
        tp__philox(seed, block, got);
        reference_philox((uint32_t[4]){(uint32_t)block, (uint32_t)(block >> 32), 0, 0},
                         (uint32_t[2]){(uint32_t)seed, (uint32_t)(seed >> 32)}, want);
        assert_memory_equal(got, want, sizeof got);
    }
}

/* The first numbers of seed 0, which must never change. */
static void first_numbers(void **state) {
    (void)state;
    tp_manual_seed(0);
    tp_tensor *r = tp_rand(TP_SHAPE(4), TP_F32, NULL);
    static const uint32_t words[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    for (int i = 0; i < 4; i++) assert_true(tp_tensor_at(r, TP_SHAPE(i)) == (words[i] >> 8) * 0x1p-24);
    tp_manual_seed(0);
    r = tp_rand(TP_SHAPE(2), TP_F64, NULL);
    assert_true(tp_tensor_at(r, TP_SHAPE(0)) == (double)(0xe169c58d6627e8d5u >> 11) * 0x1p-53);
    assert_true(tp_tensor_at(r, TP_SHAPE(1)) == (double)(0x9b00dbd8bc57ac4cu >> 11) * 0x1p-53);
    tp_manual_seed(0);
    r = tp_randn(TP_SHAPE(2), TP_F32, NULL); /* Box-Muller of the first two words */
    double radius = sqrt(-2 * log((0x6627e8d5 + 1.0) * 0x1p-32)),
           turn = 2 * 3.14159265358979323846 * 0xe169c58d * 0x1p-32;
    assert_float_equal(tp_tensor_at(r, TP_SHAPE(0)), radius * cos(turn), 1e-6);
    assert_float_equal(tp_tensor_at(r, TP_SHAPE(1)), radius * sin(turn), 1e-6);
    tp_manual_seed(0);
    r = tp_randint(-5, 5, TP_SHAPE(1), TP_I32, NULL);
    assert_values(r, floor(0xe169c58d * 0x1p-32 * 10) - 5);
}

/* ---- draws of every kind ------------------------------------------------------------------------------- */

enum { KINDS = 12 };

static tp_tensor *draw(int kind, int64_t n, tp_generator *g) {
    tp_shape shape = TP_SHAPE(n);
    switch (kind) {
    case 0: return tp_rand(shape, TP_F32, g);
    case 1: return tp_rand(shape, TP_F64, g);
    case 2: return tp_randn(shape, TP_F32, g);
    case 3: return tp_randn(shape, TP_F64, g);
    case 4: return tp_randint(-100, 1000, shape, TP_I64, g);
    case 5: return tp_randint(-100, 1000, shape, TP_I32, g);
    case 6: return tp_randint(0, 256, shape, TP_U8, g);
    case 7: return tp_randint(0, 10, shape, TP_F32, g);
    case 8: return tp_bernoulli(0.3, shape, TP_F32, g);
    case 9: return tp_bernoulli(0.3, shape, TP_BOOL, g);
    case 10: return tp_uniform_(tp_empty(shape, TP_F32), -2, 3, g);
    default: return tp_normal_(tp_empty(shape, TP_F64), 10, 0.5, g);
    }
}

static bool same_values(const tp_tensor *a, const tp_tensor *b) {
    size_t bytes = (size_t)tp_tensor_numel(a) * tp_dtype_size(tp_tensor_dtype(a));
    return tp_tensor_dtype(a) == tp_tensor_dtype(b) &&
           tp_shape_equal(tp_tensor_shape(a), tp_tensor_shape(b)) &&
           memcmp(tp_tensor_data(a), tp_tensor_data(b), bytes) == 0;
}

static void same_numbers_at_any_number_of_threads(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        tp_tensor *of[4];
        tp_generator_state after[4];
        for (int threads = 1; threads <= 3; threads++) {
            tp_set_num_threads(threads);
            tp_manual_seed(77);
            of[threads] = draw(kind, 50003, NULL);
            assert_tensor(of[threads]);
            after[threads] = tp_generator_get_state(NULL);
        }
        assert_true(same_values(of[1], of[2]) && same_values(of[1], of[3]));
        assert_memory_equal(&after[1], &after[2], sizeof after[1]);
    }
    tp_set_num_threads(0);
}

/* Element i depends on seed, offset and i alone: a longer draw begins with the shorter one. */
static void longer_draws_begin_like_shorter_ones(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        for (int n = 0; n <= 9; n++) {
            tp_manual_seed(3);
            tp_tensor *a = draw(kind, n, NULL);
            tp_manual_seed(3);
            tp_tensor *b = draw(kind, 5000, NULL);
            assert_true(same_values(a, tp_narrow(b, 0, 0, n)));
        }
    }
}

static void offsets(void **state) {
    (void)state;
    tp_generator *g = tp_generator_new(8);
    static const struct {
        int kind, n;
        uint64_t blocks;
    } want[] = {{0, 0, 0}, {0, 1, 1}, {0, 4, 1}, {0, 5, 2}, {1, 5, 3},
                {2, 5, 2}, {3, 5, 3}, {4, 5, 3}, {6, 4, 2}, {8, 5, 2}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        tp_generator_set_state(g, (tp_generator_state){8, 100});
        draw(want[i].kind, want[i].n, g);
        assert_int_equal(tp_generator_get_state(g).offset, 100 + want[i].blocks);
        assert_int_equal(tp_generator_get_state(g).seed, 8);
    }
    tp_generator_set_state(g, (tp_generator_state){8, 0});
    tp_tensor *whole = tp_rand(TP_SHAPE(12), TP_F32, g);
    tp_generator_set_state(g, (tp_generator_state){8, 2});
    assert_true(same_values(tp_rand(TP_SHAPE(4), TP_F32, g), tp_narrow(whole, 0, 8, 4)));
    tp_generator_free(g);
}

static void state_saved_and_restored(void **state) {
    (void)state;
    tp_manual_seed(5);
    draw(2, 17, NULL);
    tp_generator_state saved = tp_generator_get_state(NULL);
    tp_tensor *a = draw(2, 100, NULL), *next = draw(4, 10, NULL);
    tp_generator *other = tp_generator_new(0);
    tp_generator_set_state(other, saved);
    assert_true(same_values(draw(2, 100, other), a) && same_values(draw(4, 10, other), next));
    tp_generator_free(other);
    tp_generator_set_state(NULL, saved);
    assert_true(same_values(draw(2, 100, NULL), a));
    assert_false(same_values(draw(2, 100, NULL), a));
}

static void generators_of_ones_own(void **state) {
    (void)state;
    int64_t objects = tp_memory_stats().live_objects;
    tp_generator *a = tp_generator_new(1), *b = tp_generator_new(1), *c = tp_generator_new(2);
    assert_int_equal(tp_memory_stats().live_objects, objects + 3);
    tp_generator_state before = tp_generator_get_state(NULL);
    tp_tensor *x = tp_rand(TP_SHAPE(8), TP_F64, a);
    assert_true(same_values(x, tp_rand(TP_SHAPE(8), TP_F64, b)));
    assert_false(same_values(x, tp_rand(TP_SHAPE(8), TP_F64, c)));
    assert_int_equal(tp_generator_get_state(NULL).offset, before.offset); /* the default one has not moved */
    assert_ptr_equal(tp_default_generator(), tp_default_generator());
    tp_generator_free(a);
    tp_generator_free(b);
    tp_generator_free(c);
    tp_generator_free(NULL);
    assert_int_equal(tp_memory_stats().live_objects, objects);
}

static void *draw_in_thread(void *result) {
    tp_scope *s = tp_scope_begin();
    double *values = result;
    values[0] = tp_tensor_item(tp_rand(TP_SHAPE(1), TP_F64, NULL)); /* seeded with 0 */
    tp_manual_seed(9);
    values[1] = tp_tensor_item(tp_rand(TP_SHAPE(1), TP_F64, NULL));
    tp_scope_end(s);
    return NULL;
}

static void each_thread_has_its_own(void **state) {
    (void)state;
    tp_manual_seed(0);
    double want[2] = {tp_tensor_item(tp_rand(TP_SHAPE(1), TP_F64, NULL)), 0}, got[2] = {-1, -1};
    tp_manual_seed(9);
    want[1] = tp_tensor_item(tp_rand(TP_SHAPE(1), TP_F64, NULL));
    tp_manual_seed(1234);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, draw_in_thread, got), 0);
    pthread_join(thread, NULL);
    assert_true(got[0] == want[0] && got[1] == want[1]);
    tp_generator_state mine = tp_generator_get_state(NULL);
    assert_int_equal(mine.seed, 1234);
    assert_int_equal(mine.offset, 0);
}

/* ---- distributions ------------------------------------------------------------------------------------- */

enum { DRAWS = 200000 };
static double sample[DRAWS];

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double normal_cdf(double x) { return 0.5 * erfc(-x * 0.70710678118654752); }
static double uniform_cdf(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

/* Mean, variance, skewness and kurtosis within 4.5 standard errors, Kolmogorov-Smirnov at one in ten thousand. */
static void assert_distributed(tp_tensor *t, double mean, double variance, double kurtosis,
                               double (*cdf)(double)) {
    assert_tensor(t);
    assert_ok(tp_tensor_copy_out_f64(t, sample, DRAWS));
    double m[5] = {0};
    for (int i = 0; i < DRAWS; i++) m[1] += (sample[i] - mean) / DRAWS;
    for (int i = 0; i < DRAWS; i++) {
        double d = (sample[i] - mean) / sqrt(variance), p = d;
        for (int k = 2; k <= 4; k++) m[k] += (p *= d) / DRAWS;
    }
    double e = 4.5 / sqrt(DRAWS);
    assert_true(fabs(m[1]) < e * sqrt(variance));
    assert_true(fabs(m[2] - 1) < e * sqrt(kurtosis - 1));
    assert_true(fabs(m[3]) < e * sqrt(15));
    assert_true(fabs(m[4] - kurtosis) < e * sqrt(96));
    qsort(sample, DRAWS, sizeof sample[0], by_value);
    double worst = 0;
    for (int i = 0; i < DRAWS; i++) {
        double f = cdf(sample[i]);
        worst = fmax(worst, fmax(f - (double)i / DRAWS, (i + 1.0) / DRAWS - f));
    }
    assert_true(worst < 2.23 / sqrt(DRAWS));
}

static void distributions_of_reals(void **state) {
    (void)state;
    tp_manual_seed(2026);
    for (int dtype = TP_F32; dtype <= TP_F64; dtype++) {
        assert_distributed(tp_rand(TP_SHAPE(DRAWS), (tp_dtype)dtype, NULL), 0.5, 1.0 / 12, 1.8, uniform_cdf);
        assert_distributed(tp_randn(TP_SHAPE(DRAWS), (tp_dtype)dtype, NULL), 0, 1, 3, normal_cdf);
        tp_tensor *t = tp_normal_(tp_empty(TP_SHAPE(DRAWS), (tp_dtype)dtype), 3, 2, NULL);
        assert_distributed(tp_mul_scalar(tp_sub_scalar(t, 3), 0.5), 0, 1, 3, normal_cdf);
        t = tp_uniform_(tp_empty(TP_SHAPE(DRAWS), (tp_dtype)dtype), -1, 3, NULL);
        assert_distributed(tp_mul_scalar(tp_add_scalar(t, 1), 0.25), 0.5, 1.0 / 12, 1.8, uniform_cdf);
    }
}

/* Neighbours are independent: the cosine and sine of one pair too. */
static void neighbours_are_uncorrelated(void **state) {
    (void)state;
    tp_manual_seed(11);
    for (int kind = 0; kind < 4; kind++) {
        assert_ok(tp_tensor_copy_out_f64(draw(kind, DRAWS, NULL), sample, DRAWS));
        double mean = kind < 2 ? 0.5 : 0, variance = kind < 2 ? 1.0 / 12 : 1;
        for (int lag = 1; lag <= 5; lag++) {
            double sum = 0, squares = 0;
            for (int i = lag; i < DRAWS; i++) {
                double a = sample[i] - mean, b = sample[i - lag] - mean;
                sum += a * b / variance;
                squares += (a * a / variance - 1) * (b * b / variance - 1);
            }
            assert_true(fabs(sum) < 4.5 * sqrt(DRAWS));
            assert_true(fabs(squares) < 4.5 * 2 * sqrt(DRAWS));
        }
    }
}

/* sum (count - expected)^2 / expected, for cells of one probability */
static double chi_square(const int *counts, int cells, int total) {
    double sum = 0, expected = (double)total / cells;
    for (int i = 0; i < cells; i++) sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    return sum;
}

static void integers_are_uniform_and_in_range(void **state) {
    (void)state;
    static const tp_dtype dtypes[] = {TP_F32, TP_F64, TP_I64, TP_I32, TP_U8};
    tp_manual_seed(6);
    for (int k = 0; k < 5; k++) {
        int64_t low = dtypes[k] == TP_U8 ? 0 : -3;
        assert_ok(tp_tensor_copy_out_f64(tp_randint(low, low + 7, TP_SHAPE(DRAWS), dtypes[k], NULL), sample,
                                         DRAWS));
        int counts[7] = {0};
        for (int i = 0; i < DRAWS; i++) {
            double v = sample[i] - (double)low;
            assert_true(v >= 0 && v < 7 && v == floor(v));
            counts[(int)v]++;
        }
        assert_true(chi_square(counts, 7, DRAWS) < 27.9); /* 6 degrees of freedom, one in ten thousand */
    }
}

static void integers_of_any_range(void **state) {
    (void)state;
    tp_manual_seed(8);
    int64_t values[2000];
    tp_tensor *t = tp_randint(INT64_MIN, INT64_MAX, TP_SHAPE(2000), TP_I64, NULL);
    assert_ok(tp_tensor_copy_out(t, values, 2000));
    int quarters[4] = {0};
    for (int i = 0; i < 2000; i++) quarters[(uint64_t)(values[i] ^ INT64_MIN) >> 62]++;
    assert_true(chi_square(quarters, 4, 2000) < 21.1);
    assert_values(tp_randint(INT64_MIN, INT64_MIN + 1, TP_SHAPE(2), TP_I64, NULL), -0x1p63, -0x1p63);
    assert_true(tp_tensor_item_i64(tp_randint(INT64_MAX - 1, INT64_MAX, TP_SHAPE(1), TP_I64, NULL)) ==
                INT64_MAX - 1);
    assert_tensor(tp_randint(INT32_MIN, (int64_t)INT32_MAX + 1, TP_SHAPE(10), TP_I32, NULL));
    assert_tensor(tp_randint(-(1 << 24), (1 << 24) + 1, TP_SHAPE(10), TP_F32, NULL));
    t = tp_randint(0, 256, TP_SHAPE(20000), TP_U8, NULL);
    assert_true(tp_tensor_item(tp_amax(t, TP_NO_DIMS, false)) == 255);
    assert_true(tp_tensor_item(tp_amin(t, TP_NO_DIMS, false)) == 0);
    assert_tensor(tp_randint(5, 5, TP_SHAPE(0), TP_I64, NULL));
    assert_tensor(tp_randint(5, -5, TP_SHAPE(3, 0), TP_U8, NULL));
}

/* A remainder of 64 bits by three eighths of their range would fall into the lower two thirds too often. */
static void one_integer_without_bias(void **state) {
    (void)state;
    tp_generator *g = tp_generator_new(12);
    int64_t n = (int64_t)3 << 61;
    int thirds[3] = {0};
    for (int i = 0; i < 30000; i++) {
        int64_t k = tp_generator_below(g, n);
        assert_true(k >= 0 && k < n);
        thirds[k >> 61]++;
    }
    assert_true(chi_square(thirds, 3, 30000) < 18.4);
    tp_generator_state before = tp_generator_get_state(g);
    assert_int_equal(tp_generator_below(g, 1), 0);
    assert_int_equal(tp_generator_below(g, 0), 0);
    assert_int_equal(tp_generator_below(g, -7), 0);
    assert_int_equal(tp_generator_get_state(g).offset, before.offset);
    for (int i = 0; i < 1000; i++) {
        double u = tp_generator_uniform(g);
        assert_true(u >= 0 && u < 1);
    }
    assert_int_equal(tp_generator_get_state(g).offset, before.offset + 1000);
    tp_generator_free(g);
}

static void permutations(void **state) {
    (void)state;
    tp_manual_seed(21);
    for (int64_t n = 0; n <= 1000; n = n < 3 ? n + 1 : n * 10 - 20) {
        tp_tensor *p = tp_randperm(n, NULL);
        assert_tensor(p);
        assert_int_equal(tp_tensor_dtype(p), TP_I64);
        int64_t values[1000];
        bool seen[1000] = {false};
        assert_ok(tp_tensor_copy_out(p, values, n));
        for (int i = 0; i < n; i++) {
            assert_true(values[i] >= 0 && values[i] < n && !seen[values[i]]);
            seen[values[i]] = true;
        }
    }
    int counts[64] = {0}, used[24], cells = 0,
        total = 24000; /* of four: each of the 24 orders equally often */
    for (int i = 0; i < total; i++) {
        tp_scope *s = tp_scope_begin();
        int64_t v[4];
        assert_ok(tp_tensor_copy_out(tp_randperm(4, NULL), v, 4));
        counts[v[0] * 16 + v[1] * 4 + v[2]]++;
        tp_scope_end(s);
    }
    for (int i = 0; i < 64; i++)
        if (counts[i] > 0 && cells < 24) used[cells++] = counts[i];
    assert_int_equal(cells, 24);
    assert_true(chi_square(used, 24, total) < 58); /* 23 degrees of freedom */
}

static void bernoulli(void **state) {
    (void)state;
    tp_manual_seed(4);
    assert_true(tp_tensor_item(tp_sum(tp_bernoulli(0, TP_SHAPE(1000), TP_F32, NULL))) == 0);
    assert_true(tp_tensor_item(tp_sum(tp_bernoulli(1, TP_SHAPE(1000), TP_F32, NULL))) == 1000);
    for (int dtype = 0; dtype < TP_DTYPE_COUNT; dtype++) {
        tp_tensor *t = tp_bernoulli(0.3, TP_SHAPE(DRAWS), (tp_dtype)dtype, NULL);
        assert_tensor(t);
        assert_int_equal(tp_tensor_dtype(t), dtype);
        double ones = tp_tensor_item(tp_sum(tp_to_dtype(t, TP_F64)));
        assert_true(fabs(ones - 0.3 * DRAWS) < 4.5 * sqrt(DRAWS * 0.3 * 0.7));
        assert_true(tp_tensor_item(tp_sum(tp_to_dtype(tp_mul(t, t), TP_F64))) ==
                    ones); /* nothing but 0 and 1 */
    }
    assert_int_equal(tp_tensor_numel(tp_bernoulli(0.5, TP_SHAPE(0), TP_F32, NULL)), 0);
}

/* ---- intervals stay half open -------------------------------------------------------------------------- */

static void upper_end_is_never_reached(void **state) {
    (void)state;
    static const struct {
        tp_dtype dtype;
        double low, high;
    } rows[] = {{TP_F32, 0, 1},
                {TP_F32, 1, 1 + 0x1p-23},
                {TP_F32, 0x1p24, 0x1p24 + 2},
                {TP_F32, -1, 0x1p-20},
                {TP_F64, 0, 1},
                {TP_F64, 1e16, 1e16 + 2},
                {TP_F64, 1, 1 + 0x1p-52},
                {TP_F64, 0.1, 0.1 + 0x1p-55},
                {TP_F32, -FLT_MAX, FLT_MAX},
                {TP_F32, -1, 0},
                {TP_F64, -0.3, -0.1}};
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        tp_tensor *t = tp_uniform_(tp_empty(TP_SHAPE(50000), rows[k].dtype), rows[k].low, rows[k].high, NULL);
        assert_tensor(t);
        assert_true(tp_tensor_item(tp_amin(t, TP_NO_DIMS, false)) >= rows[k].low);
        if (!(tp_tensor_item(tp_amax(t, TP_NO_DIMS, false)) < rows[k].high))
            fail_msg("row %d reaches its end", (int)k);
    }
    assert_values(tp_uniform_(tp_empty(TP_SHAPE(3), TP_F64), 2.5, 2.5, NULL), 2.5, 2.5, 2.5);
    assert_values(tp_normal_(tp_empty(TP_SHAPE(3), TP_F32), 2.5, 0, NULL), 2.5, 2.5, 2.5);
}

/* ---- in place ------------------------------------------------------------------------------------------ */

static void into_views(void **state) {
    (void)state;
    tp_tensor *whole = tp_zeros(TP_SHAPE(4, 6), TP_F32),
              *view = tp_slice(tp_transpose(whole, 0, 1), 0, 0, 6, 2);
    tp_manual_seed(1);
    uint64_t version = tp_tensor_version(whole);
    assert_ptr_equal(tp_uniform_(view, 1, 2, NULL), view);
    assert_true(tp_tensor_version(whole) > version);
    tp_manual_seed(1);
    tp_tensor *packed = tp_uniform_(tp_empty(TP_SHAPE(3, 4), TP_F32), 1, 2, NULL);
    assert_true(same_values(tp_contiguous(view), packed));
    assert_float_equal(tp_tensor_item(tp_sum(whole)), tp_tensor_item(tp_sum(packed)), 1e-5);
}

static void into_recorded_tensors(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(3), TP_F64), true);
    tp_tensor *y = tp_mul_scalar(x, 2);
    assert_ptr_equal(tp_normal_(y, 0, 1, NULL), y);
    assert_ok(tp_backward(tp_sum(tp_add(y, x))));
    assert_values(tp_tensor_grad(x), 1, 1, 1); /* what y was has no influence any more */
    assert_null(tp_uniform_(x, 0, 1, NULL));
    assert_error(TP_ERR_AUTOGRAD,
                 "uniform_: the tensor is a leaf that requires grad; use tp_rand or tp_randn, or write "
                 "under tp_no_grad_begin()");
    tp_no_grad_begin();
    assert_ptr_equal(tp_uniform_(x, 0, 1, NULL), x);
    assert_ok(tp_no_grad_end());
}

/* ---- errors -------------------------------------------------------------------------------------------- */

static void bad_arguments(void **state) {
    (void)state;
    tp_generator_state before = tp_generator_get_state(NULL);
    tp_shape two = TP_SHAPE(2);
    assert_null(tp_randn(two, TP_BOOL, NULL));
    assert_error(TP_ERR_DTYPE, "randn: draws float32 or float64, not bool");
    assert_null(tp_rand(TP_SHAPE(-2), TP_F32, NULL));
    assert_error(TP_ERR_SHAPE, "rand: shape (-2,) has a negative size or too many elements");
    assert_null(tp_randint(0, 2, two, TP_BOOL, NULL));
    assert_error(TP_ERR_DTYPE, "randint: does not draw bool; tp_bernoulli does");
    assert_null(tp_randint(0, 2, two, (tp_dtype)6, NULL));
    assert_error(TP_ERR_DTYPE, "randint: 6 is no dtype");
    assert_null(tp_randint(-1, 2, two, TP_U8, NULL));
    assert_error(TP_ERR_ARGUMENT, "randint: integers from -1 below 2 do not fit uint8");
    assert_null(tp_randint(0, (int64_t)INT32_MAX + 2, two, TP_I32, NULL));
    assert_error(TP_ERR_ARGUMENT, "randint: integers from 0 below 2147483649 do not fit int32");
    assert_null(tp_randint(0, (1 << 24) + 2, two, TP_F32, NULL));
    assert_error(TP_ERR_ARGUMENT, "randint: integers from 0 below 16777218 do not fit float32");
    assert_null(tp_randint(INT64_MAX, INT64_MIN, two, TP_I64, NULL));
    assert_error(TP_ERR_ARGUMENT, "randint: no integers from 9223372036854775807 below -9223372036854775808");
    assert_null(tp_randperm(-1, NULL));
    assert_error(TP_ERR_SHAPE, "randperm: shape (-1,) has a negative size or too many elements");
    assert_null(tp_bernoulli(NAN, two, TP_F32, NULL));
    assert_error(TP_ERR_ARGUMENT, "bernoulli: probability nan is not in [0, 1]");
    assert_null(tp_bernoulli(-0.1, two, TP_F32, NULL));
    assert_error(TP_ERR_ARGUMENT, "bernoulli: probability -0.1 is not in [0, 1]");
    tp_tensor *t = tp_ones(two, TP_F32), *d = tp_ones(two, TP_F64);
    assert_null(tp_uniform_(t, NAN, 1, NULL));
    assert_error(TP_ERR_ARGUMENT, "uniform_: no numbers from nan below 1");
    assert_null(tp_uniform_(t, 0, INFINITY, NULL));
    assert_error(TP_ERR_ARGUMENT, "uniform_: no numbers from 0 below inf");
    assert_null(tp_uniform_(t, 0, 1e300, NULL));
    assert_error(TP_ERR_ARGUMENT, "uniform_: from 0 below 1e+300 is more than float32 spans");
    assert_null(tp_uniform_(d, -1e308, 1e308, NULL));
    assert_error(TP_ERR_ARGUMENT, "uniform_: from -1e+308 below 1e+308 is more than float64 spans");
    assert_null(tp_normal_(t, INFINITY, 1, NULL));
    assert_error(TP_ERR_ARGUMENT,
                 "normal_: mean inf and standard deviation 1; both must be finite, the latter not negative");
    assert_null(tp_normal_(t, 0, NAN, NULL));
    assert_error(TP_ERR_ARGUMENT,
                 "normal_: mean 0 and standard deviation nan; both must be finite, the latter not negative");
    assert_null(tp_normal_(NULL, 0, -1, NULL));
    assert_error(TP_ERR_NULL, "normal_: argument t is NULL");
    assert_null(tp_uniform_(tp_zeros(two, TP_I64), 0, 1, NULL));
    assert_error(TP_ERR_DTYPE, "uniform_: draws float32 or float64, not int64");
    assert_null(tp_uniform_(tp_expand(tp_ones(TP_SHAPE(1), TP_F32), two), 0, 1, NULL));
    assert_error(TP_ERR_ALIAS, "uniform_: elements of the tensor overlap in memory, of shape (2,)");
    assert_values(t, 1, 1);
    assert_int_equal(tp_generator_get_state(NULL).offset, before.offset); /* failures draw nothing */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(known_answers),
        CHECK_TEST(mapping_of_seed_and_block),
        CHECK_TEST(first_numbers),
        CHECK_TEST(same_numbers_at_any_number_of_threads),
        CHECK_TEST(longer_draws_begin_like_shorter_ones),
        CHECK_TEST(offsets),
        CHECK_TEST(state_saved_and_restored),
        CHECK_TEST(generators_of_ones_own),
        CHECK_TEST(each_thread_has_its_own),
        CHECK_TEST(distributions_of_reals),
        CHECK_TEST(neighbours_are_uncorrelated),
        CHECK_TEST(integers_are_uniform_and_in_range),
        CHECK_TEST(integers_of_any_range),
        CHECK_TEST(one_integer_without_bias),
        CHECK_TEST(permutations),
        CHECK_TEST(bernoulli),
        CHECK_TEST(upper_end_is_never_reached),
        CHECK_TEST(into_views),
        CHECK_TEST(into_recorded_tensors),
        CHECK_TEST(bad_arguments),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
