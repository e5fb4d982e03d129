/* Initialisers: ranges and moments, fans, gains, orthogonality, errors. */
#include "check.h"

#include <math.h>
#include <stdlib.h>

static double *copy_of(const tp_tensor *t) {
    double *data = malloc(((size_t)tp_tensor_numel(t) + 1) * sizeof *data);
    assert_non_null(data);
    assert_ok(tp_tensor_copy_out_f64(t, data, tp_tensor_numel(t)));
    return data;
}

typedef struct moments {
    double low, high, mean, std;
} moments;

static moments moments_of(const tp_tensor *t) {
    assert_tensor(t);
    double *data = copy_of(t), n = (double)tp_tensor_numel(t);
    moments m = {INFINITY, -INFINITY, 0, 0};
    for (int64_t i = 0; i < tp_tensor_numel(t); i++) {
        m.low = fmin(m.low, data[i]);
        m.high = fmax(m.high, data[i]);
        m.mean += data[i] / n;
    }
    for (int64_t i = 0; i < tp_tensor_numel(t); i++) m.std += (data[i] - m.mean) * (data[i] - m.mean) / n;
    m.std = sqrt(m.std);
    free(data);
    return m;
}

/* Uniform within +-bound: the extremes come near it, and the moments are those of the distribution. */
static void assert_uniform(const tp_tensor *t, double low, double high) {
    moments m = moments_of(t);
    double width = high - low;
    assert_true(m.low >= low && m.low < low + 0.01 * width);
    assert_true(m.high <= high && m.high > high - 0.01 * width);
    assert_float_equal(m.mean, (low + high) / 2, 0.02 * width);
    assert_float_equal(m.std, width / sqrt(12), 0.02 * width);
}

static void assert_normal(const tp_tensor *t, double mean, double std) {
    moments m = moments_of(t);
    assert_float_equal(m.mean, mean, 0.05 * std);
    assert_float_equal(m.std, std, 0.05 * std);
    assert_true(m.high > mean + 2.5 * std); /* not uniform */
}

static tp_tensor *leaf(tp_shape shape, tp_dtype dtype) {
    return tp_set_requires_grad(tp_zeros(shape, dtype), true);
}

static void constants(void **state) {
    (void)state;
    tp_tensor *t = leaf(TP_SHAPE(2, 2), TP_F32);
    assert_ptr_equal(tp_init_constant_(t, 2.5), t);
    assert_values(t, 2.5, 2.5, 2.5, 2.5);
    assert_ptr_equal(tp_init_ones_(t), t);
    assert_values(t, 1, 1, 1, 1);
    assert_ptr_equal(tp_init_zeros_(t), t);
    assert_values(t, 0, 0, 0, 0);
    assert_true(tp_is_leaf(t) && tp_requires_grad(t));
    tp_tensor *count = tp_zeros(TP_SHAPE(2), TP_I64);
    assert_ptr_equal(tp_init_constant_(count, 7), count);
    assert_values(count, 7, 7);
}

static void uniform_and_normal(void **state) {
    (void)state;
    tp_tensor *t = leaf(TP_SHAPE(100, 100), TP_F32);
    tp_manual_seed(1);
    assert_ptr_equal(tp_init_uniform_(t, -2, 5, NULL), t);
    assert_uniform(t, -2, 5);
    assert_ptr_equal(tp_init_normal_(t, 3, 0.5, NULL), t);
    assert_normal(t, 3, 0.5);
    assert_true(tp_is_leaf(t) && tp_requires_grad(t) && tp_grad_enabled());
}

static void kaiming(void **state) {
    (void)state;
    /* of (40, 30, 3, 2): fan_in 180, fan_out 240 */
    tp_tensor *t = leaf(TP_SHAPE(40, 30, 3, 2), TP_F64);
    tp_manual_seed(2);
    tp_init_kaiming_uniform_(t, (tp_kaiming_options){0});
    assert_uniform(t, -sqrt(2) * sqrt(3.0 / 180), sqrt(2) * sqrt(3.0 / 180));
    tp_init_kaiming_uniform_(t, (tp_kaiming_options){.slope = sqrt(5)});
    assert_uniform(t, -1 / sqrt(180), 1 / sqrt(180));
    tp_init_kaiming_uniform_(t, (tp_kaiming_options){.mode = TP_FAN_OUT, .nonlinearity = TP_INIT_TANH});
    assert_uniform(t, -5.0 / 3 * sqrt(3.0 / 240), 5.0 / 3 * sqrt(3.0 / 240));
    tp_init_kaiming_normal_(t, (tp_kaiming_options){.nonlinearity = TP_INIT_RELU});
    assert_normal(t, 0, sqrt(2.0 / 180));
    tp_init_kaiming_normal_(t, (tp_kaiming_options){.mode = TP_FAN_OUT, .nonlinearity = TP_INIT_LINEAR});
    assert_normal(t, 0, sqrt(1.0 / 240));
}

static void xavier(void **state) {
    (void)state;
    tp_tensor *t = leaf(TP_SHAPE(40, 30, 3, 2), TP_F32);
    tp_manual_seed(3);
    tp_init_xavier_uniform_(t, 1, NULL);
    assert_uniform(t, -sqrt(6.0 / 420), sqrt(6.0 / 420));
    tp_init_xavier_normal_(t, 2, NULL);
    assert_normal(t, 0, 2 * sqrt(2.0 / 420));
}

static void gains(void **state) {
    (void)state;
    assert_float_equal(tp_init_calculate_gain(TP_INIT_LINEAR, 0), 1, 0);
    assert_float_equal(tp_init_calculate_gain(TP_INIT_SIGMOID, 0), 1, 0);
    assert_float_equal(tp_init_calculate_gain(TP_INIT_TANH, 0), 1.6666666666666667, 1e-15);
    assert_float_equal(tp_init_calculate_gain(TP_INIT_RELU, 0), 1.4142135623730951, 1e-15);
    assert_float_equal(tp_init_calculate_gain(TP_INIT_LEAKY_RELU, 0.01), 1.4141428569978354, 1e-15);
    assert_float_equal(tp_init_calculate_gain(TP_INIT_SELU, 0), 0.75, 0);
    assert_true(isnan(tp_init_calculate_gain((tp_nonlinearity)99, 0)));
    assert_error(TP_ERR_ARGUMENT, "init_calculate_gain: 99 is no nonlinearity");
}

/* Rows or columns, whichever are fewer, are orthogonal and of length `gain`. */
static void check_orthogonal(tp_shape shape, tp_dtype dtype, double gain, double tolerance) {
    tp_tensor *t = leaf(shape, dtype);
    assert_ptr_equal(tp_init_orthogonal_(t, gain, NULL), t);
    int64_t rows = shape.dims[0], columns = tp_tensor_numel(t) / rows;
    double *a = copy_of(t);
    bool wide = columns >= rows;
    int64_t few = wide ? rows : columns, many = wide ? columns : rows, along = wide ? 1 : columns,
            across = wide ? columns : 1;
    for (int64_t i = 0; i < few; i++)
        for (int64_t k = 0; k < few; k++) {
            double dot = 0;
            for (int64_t j = 0; j < many; j++) dot += a[i * across + j * along] * a[k * across + j * along];
            assert_float_equal(dot, i == k ? gain * gain : 0, tolerance);
        }
    free(a);
}

static void orthogonal(void **state) {
    (void)state;
    tp_manual_seed(4);
    check_orthogonal(TP_SHAPE(7, 7), TP_F64, 1, 1e-14);
    check_orthogonal(TP_SHAPE(60, 60), TP_F64, 1, 1e-13);
    check_orthogonal(TP_SHAPE(5, 31), TP_F64, 2, 1e-13);
    check_orthogonal(TP_SHAPE(31, 5), TP_F64, 0.5, 1e-14);
    check_orthogonal(TP_SHAPE(8, 3, 3, 2), TP_F32, 1, 1e-6);
    check_orthogonal(TP_SHAPE(1, 1), TP_F64, 3, 1e-14);
}

/* The average of the entries' squares is 1 / n, and their signs are even: no direction is preferred. */
static void orthogonal_is_fair(void **state) {
    (void)state;
    tp_manual_seed(5);
    double diagonal = 0;
    int positive = 0;
    for (int k = 0; k < 400; k++) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *t = tp_init_orthogonal_(tp_zeros(TP_SHAPE(3, 3), TP_F64), 1, NULL);
        double first = tp_tensor_at(t, TP_SHAPE(0, 0));
        diagonal += first * first / 400;
        positive += first > 0;
        tp_scope_end(s);
    }
    assert_float_equal(diagonal, 1.0 / 3, 0.05);
    assert_true(positive > 160 && positive < 240);
}

static void from_a_generator(void **state) {
    (void)state;
    tp_generator *g = tp_generator_new(11);
    tp_tensor *a = tp_init_orthogonal_(tp_zeros(TP_SHAPE(4, 4), TP_F64), 1, g);
    tp_generator_set_state(g, (tp_generator_state){.seed = 11});
    tp_manual_seed(99);
    tp_tensor *b = tp_init_orthogonal_(tp_zeros(TP_SHAPE(4, 4), TP_F64), 1, g);
    assert_int_equal((int)tp_tensor_item(tp_all(tp_eq(a, b))), 1);
    tp_generator_free(g);
}

static void strided_and_empty(void **state) {
    (void)state;
    tp_tensor *base = tp_zeros(TP_SHAPE(4, 6), TP_F32);
    assert_tensor(
        tp_init_kaiming_uniform_(tp_transpose(tp_narrow(base, 1, 0, 3), 0, 1), (tp_kaiming_options){0}));
    assert_tensor(tp_init_orthogonal_(tp_transpose(tp_narrow(base, 1, 3, 2), 0, 1), 1, NULL));
    assert_values(tp_select(base, 1, 5), 0, 0, 0, 0);
    assert_true(tp_tensor_item(tp_amax(tp_abs(base), TP_NO_DIMS, false)) > 0);
    tp_tensor *empty = tp_zeros(TP_SHAPE(0, 3), TP_F32);
    assert_ptr_equal(tp_init_kaiming_uniform_(empty, (tp_kaiming_options){0}), empty);
    assert_ptr_equal(tp_init_xavier_normal_(empty, 1, NULL), empty);
    assert_ptr_equal(tp_init_orthogonal_(empty, 1, NULL), empty);
}

static void errors(void **state) {
    (void)state;
    tp_tensor *t = tp_zeros(TP_SHAPE(2, 3), TP_F32), *flat = tp_zeros(TP_SHAPE(3), TP_F32);
    assert_null(tp_init_zeros_(NULL));
    assert_error(TP_ERR_NULL, "init_zeros_: argument t is NULL");
    assert_null(tp_init_normal_(NULL, 0, 1, NULL));
    assert_error(TP_ERR_NULL, "init_normal_: argument t is NULL");
    assert_null(tp_init_uniform_(t, 1, 0, NULL));
    assert_error(TP_ERR_ARGUMENT, "init_uniform_: low and high must be finite and in order, got 1 and 0");
    assert_null(tp_init_normal_(t, 0, -1, NULL));
    assert_error(TP_ERR_ARGUMENT,
                 "init_normal_: the standard deviation must be finite and not negative, got -1");
    assert_null(tp_init_normal_(t, NAN, 1, NULL));
    assert_error(TP_ERR_ARGUMENT, "init_normal_: mean is not finite: nan");
    assert_null(tp_init_kaiming_uniform_(flat, (tp_kaiming_options){0}));
    assert_error(TP_ERR_SHAPE,
                 "init_kaiming_uniform_: fan in and fan out need 2 dims or more, got shape (3,)");
    assert_null(tp_init_kaiming_normal_(t, (tp_kaiming_options){.mode = (tp_fan_mode)5}));
    assert_error(TP_ERR_ARGUMENT, "init_kaiming_normal_: 5 is no fan mode");
    assert_null(tp_init_kaiming_normal_(t, (tp_kaiming_options){.nonlinearity = (tp_nonlinearity)9}));
    assert_error(TP_ERR_ARGUMENT, "init_kaiming_normal_: 9 is no nonlinearity");
    assert_null(tp_init_xavier_uniform_(t, INFINITY, NULL));
    assert_error(TP_ERR_ARGUMENT, "init_xavier_uniform_: gain is not finite: inf");
    assert_null(tp_init_orthogonal_(flat, 1, NULL));
    assert_error(TP_ERR_SHAPE, "init_orthogonal_: takes 2 dims or more, got shape (3,)");
    assert_null(tp_init_uniform_(tp_zeros(TP_SHAPE(2), TP_I64), 0, 1, NULL));
    assert_int_equal(tp_last_error().code, TP_ERR_DTYPE);
    assert_null(tp_init_uniform_(tp_expand(flat, TP_SHAPE(2, 3)), 0, 1, NULL));
    assert_error(TP_ERR_ALIAS, "init_uniform_: elements of the tensor overlap in memory, of shape (2, 3)");
    tp_set_requires_grad(t, true);
    assert_null(tp_init_ones_(tp_mul_scalar(t, 2)));
    assert_int_equal(tp_last_error().code, TP_ERR_AUTOGRAD);
    assert_values(t, 0, 0, 0, 0, 0, 0); /* nothing was changed */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(constants),
        CHECK_TEST(uniform_and_normal),
        CHECK_TEST(kaiming),
        CHECK_TEST(xavier),
        CHECK_TEST(gains),
        CHECK_TEST(orthogonal),
        CHECK_TEST(orthogonal_is_fair),
        CHECK_TEST(from_a_generator),
        CHECK_TEST(strided_and_empty),
        CHECK_TEST(errors),
    };
    return cmocka_run_group_tests_name("init", tests, NULL, NULL);
}
