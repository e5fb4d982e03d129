/* Random tensors whose distributions are given by tensors: moments, frequencies, what is never drawn, the same numbers always. */
#include "check.h"

#include <math.h>
#include <string.h>

static void bernoulli_by_probability(void **state) {
    (void)state;
    tp_manual_seed(4);
    tp_tensor *p = tp_expand(TP_F64_TENSOR(TP_SHAPE(4, 1), 0, 0.25, 0.7, 1), TP_SHAPE(4, 20000));
    tp_tensor *y = tp_bernoulli_of(p, NULL), *means = tp_mean_dim(y, TP_DIMS(1), false);
    assert_tensor(y);
    assert_int_equal((int)tp_tensor_item(tp_all(tp_logical_or(tp_eq_scalar(y, 0), tp_eq_scalar(y, 1)))), 1);
    assert_true(tp_tensor_at(means, TP_SHAPE(0)) == 0 && tp_tensor_at(means, TP_SHAPE(3)) == 1);
    assert_float_equal(tp_tensor_at(means, TP_SHAPE(1)), 0.25, 0.02); /* 6 deviations */
    assert_float_equal(tp_tensor_at(means, TP_SHAPE(2)), 0.7, 0.02);
    assert_null(tp_bernoulli_of(TP_F32_TENSOR(TP_SHAPE(2), 0.5, 1.5), NULL));
    assert_error(TP_ERR_ARGUMENT, "bernoulli_of: p holds 1.5 at element 1");
    assert_null(tp_bernoulli_of(tp_zeros(TP_SHAPE(2), TP_I64), NULL));
    assert_error(TP_ERR_DTYPE, "bernoulli_of: p must be float32 or float64, got int64");
}

static void normal_by_mean_and_deviation(void **state) {
    (void)state;
    tp_manual_seed(5);
    tp_tensor *mean = TP_F64_TENSOR(TP_SHAPE(2, 1), -3, 10),
              *std = tp_expand(TP_F64_TENSOR(TP_SHAPE(2, 1), 2, 0.5), TP_SHAPE(2, 20000));
    tp_set_requires_grad(mean, true);
    tp_tensor *y = tp_normal(mean, std, NULL);
    assert_tensor(y);
    assert_false(tp_requires_grad(y));
    tp_tensor *m = tp_mean_dim(y, TP_DIMS(1), false), *d = tp_std_dim(y, TP_DIMS(1), 1, false);
    assert_float_equal(tp_tensor_at(m, TP_SHAPE(0)), -3, 0.09);
    assert_float_equal(tp_tensor_at(m, TP_SHAPE(1)), 10, 0.022);
    assert_float_equal(tp_tensor_at(d, TP_SHAPE(0)), 2, 0.06);
    assert_float_equal(tp_tensor_at(d, TP_SHAPE(1)), 0.5, 0.016);
    assert_null(tp_normal(mean, TP_F64_TENSOR(TP_SHAPE(1), -1), NULL));
    assert_error(TP_ERR_ARGUMENT, "normal: std holds -1 at element 0");
    assert_null(tp_normal(tp_zeros(TP_SHAPE(2), TP_F32), tp_ones(TP_SHAPE(3), TP_F32), NULL));
    assert_error(TP_ERR_SHAPE, "normal: mean (2,) and std (3,) do not broadcast");
    assert_true(tp_shape_equal(tp_tensor_shape(tp_rand_like(std, NULL)), TP_SHAPE(2, 20000)));
    assert_int_equal(tp_tensor_dtype(tp_randn_like(std, NULL)), TP_F64);
}

static void multinomial_by_weight(void **state) {
    (void)state;
    tp_manual_seed(6);
    enum { N = 20000 };
    tp_tensor *w = TP_F32_TENSOR(TP_SHAPE(2, 4), 1, 0, 2, 1, 0, 0, 0, 5);
    tp_tensor *y = tp_multinomial(w, N, true, NULL);
    assert_true(tp_shape_equal(tp_tensor_shape(y), TP_SHAPE(2, N)));
    const int64_t *v = tp_tensor_data(y);
    int64_t seen[4] = {0};
    for (int i = 0; i < N; i++) {
        seen[v[i]]++;
        assert_int_equal(v[N + i], 3);
    }
    assert_int_equal(seen[1], 0);
    assert_float_equal((double)seen[2] / N, 0.5, 0.022);
    assert_float_equal((double)seen[0] / N, 0.25, 0.02);

    /* Without replacement: all that can be drawn, each once; the first as often as its weight says. */
    int first[3] = {0};
    tp_tensor *three = TP_F64_TENSOR(TP_SHAPE(3), 1, 2, 1);
    for (int k = 0; k < 4000; k++) {
        tp_scope *s = tp_scope_begin();
        const int64_t *d = tp_tensor_data(tp_multinomial(three, 3, false, NULL));
        assert_true(d[0] != d[1] && d[1] != d[2] && d[0] != d[2] && d[0] + d[1] + d[2] == 3);
        first[d[0]]++;
        tp_scope_end(s);
    }
    assert_float_equal(first[1] / 4000., 0.5, 0.05);
}

static void multinomial_errors(void **state) {
    (void)state;
    assert_null(tp_multinomial(TP_F32_TENSOR(TP_SHAPE(2), 1, -1), 1, true, NULL));
    assert_error(TP_ERR_ARGUMENT, "multinomial: weight 1 of row 0 is -1");
    assert_null(tp_multinomial(TP_F32_TENSOR(TP_SHAPE(3), 1, 0, 2), 3, false, NULL));
    assert_error(TP_ERR_ARGUMENT, "multinomial: row 0 has 2 positive weights, 3 are to be drawn");
    assert_null(tp_multinomial(tp_zeros(TP_SHAPE(2, 3), TP_F32), 1, true, NULL));
    assert_error(TP_ERR_ARGUMENT, "multinomial: row 0 has 0 positive weights, 1 are to be drawn");
    assert_null(tp_multinomial(tp_ones(TP_SHAPE(2), TP_F32), 0, true, NULL));
    assert_error(TP_ERR_ARGUMENT, "multinomial: count is 0, must be at least 1");
    assert_null(tp_multinomial(tp_ones(TP_SHAPE(1, 2, 2), TP_F32), 1, true, NULL));
    assert_error(TP_ERR_SHAPE, "multinomial: weights must be (n) or (rows, n), got (1, 2, 2)");
    assert_null(tp_multinomial(tp_ones(TP_SHAPE(2), TP_I64), 1, true, NULL));
    assert_error(TP_ERR_DTYPE, "multinomial: weights must be float32 or float64, got int64");
    assert_null(tp_multinomial(NULL, 1, true, NULL));
    assert_error(TP_ERR_NULL, "multinomial: argument weights is NULL");
}

/* The same seed gives the same numbers, whatever the number of threads, and a generator of one's own leaves the default one alone. */
static void reproducible(void **state) {
    (void)state;
    tp_tensor *p = tp_full(TP_SHAPE(300, 300), 0.3, TP_F32), *drawn[3];
    for (int k = 0; k < 3; k++) {
        tp_set_num_threads(k + 1);
        tp_manual_seed(9);
        drawn[k] = tp_add(tp_bernoulli_of(p, NULL), tp_normal(p, p, NULL));
    }
    tp_set_num_threads(0);
    assert_true(tp_equal(drawn[0], drawn[1]) && tp_equal(drawn[0], drawn[2]));
    tp_generator *a = tp_generator_new(3), *b = tp_generator_new(3);
    tp_tensor *w = tp_ones(TP_SHAPE(50), TP_F32);
    assert_true(tp_equal(tp_multinomial(w, 20, false, a), tp_multinomial(w, 20, false, b)));
    assert_true(tp_equal(tp_rand_like(w, a), tp_rand_like(w, b)));
    tp_generator_free(a);
    tp_generator_free(b);
}

static void triangles_as_indices(void **state) {
    (void)state;
    assert_true(
        tp_equal(tp_tril_indices(3, 2, 0), TP_I64_TENSOR(TP_SHAPE(2, 5), 0, 1, 1, 2, 2, 0, 0, 1, 0, 1)));
    assert_true(tp_equal(tp_triu_indices(2, 3, 1), TP_I64_TENSOR(TP_SHAPE(2, 3), 0, 0, 1, 1, 2, 2)));
    assert_true(tp_shape_equal(tp_tensor_shape(tp_triu_indices(2, 3, 5)), TP_SHAPE(2, 0)));
    assert_true(tp_shape_equal(tp_tensor_shape(tp_tril_indices(0, 3, 0)), TP_SHAPE(2, 0)));
    const int64_t many = (int64_t)1 << 40; /* rows that have no elements cost nothing */
    assert_true(tp_shape_equal(tp_tensor_shape(tp_tril_indices(many, 0, 7)), TP_SHAPE(2, 0)));
    assert_true(tp_equal(tp_tril_indices(many, many / 1024 / 1024, 1 - many),
                         TP_I64_TENSOR(TP_SHAPE(2, 1), many - 1, 0)));
    assert_true(tp_equal(tp_triu_indices(1, many, many - 2),
                         TP_I64_TENSOR(TP_SHAPE(2, 2), 0, 0, many - 2, many - 1)));
    assert_true(tp_shape_equal(tp_tensor_shape(tp_triu_indices(INT64_MAX, 1, INT64_MAX)), TP_SHAPE(2, 0)));
    assert_null(tp_tril_indices(INT64_MAX, 1, 0));
    assert_int_equal(tp_last_error().code, TP_ERR_SHAPE);
    assert_null(tp_tril_indices(-1, 3, 0));
    assert_error(TP_ERR_ARGUMENT, "tril_indices: a matrix of (-1, 3)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(bernoulli_by_probability),
        CHECK_TEST(normal_by_mean_and_deviation),
        CHECK_TEST(multinomial_by_weight),
        CHECK_TEST(multinomial_errors),
        CHECK_TEST(reproducible),
        CHECK_TEST(triangles_as_indices),
    };
    return cmocka_run_group_tests_name("random_tensors", tests, NULL, NULL);
}
