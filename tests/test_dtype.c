/* Element types: promotion, conversion and what follows from them. Expected values are PyTorch 2.13's, but
 * for conversions from floating to integer, where PyTorch leaves to the machine what taper saturates. */
#include "check.h"

#include <math.h>
#include <string.h>

#define EACH(d) for (int d = 0; d < TP_DTYPE_COUNT; d++)

static void names_and_sizes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t size;
        bool floating;
    } want[] = {{"float32", 4, true}, {"float64", 8, true}, {"int64", 8, false},
                {"int32", 4, false},  {"uint8", 1, false},  {"bool", 1, false}};
    EACH(d) {
        assert_string_equal(tp_dtype_name((tp_dtype)d), want[d].name);
        assert_int_equal(tp_dtype_size((tp_dtype)d), want[d].size);
        assert_int_equal(tp_dtype_is_floating((tp_dtype)d), want[d].floating);
    }
    assert_string_equal(tp_dtype_name((tp_dtype)TP_DTYPE_COUNT), "?");
    assert_int_equal(tp_dtype_size((tp_dtype)TP_DTYPE_COUNT), 0);
    assert_false(tp_dtype_is_floating((tp_dtype)99));
}

/* ---- promotion ----------------------------------------------------------------------------------------- */

#define F32 TP_F32
#define F64 TP_F64
#define I64 TP_I64
#define I32 TP_I32
#define U8 TP_U8
#define BOOL TP_BOOL

/* torch.promote_types(row, column) */
static const tp_dtype promoted[TP_DTYPE_COUNT][TP_DTYPE_COUNT] = {
    {F32, F64, F32, F32, F32, F32}, {F64, F64, F64, F64, F64, F64}, {F32, F64, I64, I64, I64, I64},
    {F32, F64, I64, I32, I32, I32}, {F32, F64, I64, I32, U8, U8},   {F32, F64, I64, I32, U8, BOOL},
};

/* torch.result_type(row with dims, column of 0 dims) */
static const tp_dtype with_0d[TP_DTYPE_COUNT][TP_DTYPE_COUNT] = {
    {F32, F32, F32, F32, F32, F32}, {F64, F64, F64, F64, F64, F64}, {F32, F64, I64, I64, I64, I64},
    {F32, F64, I32, I32, I32, I32}, {F32, F64, U8, U8, U8, U8},     {F32, F64, I64, I32, U8, BOOL},
};

static void promote_types(void **state) {
    (void)state;
    EACH(a) EACH(b) assert_int_equal(tp_promote_types((tp_dtype)a, (tp_dtype)b), promoted[a][b]);
}

static void assert_result(tp_tensor *t, tp_dtype dtype) {
    assert_tensor(t);
    assert_int_equal(tp_tensor_dtype(t), dtype);
    double v[2];
    assert_ok(tp_tensor_copy_out_f64(t, v, tp_tensor_numel(t)));
    assert_true(v[0] == 1); /* all operands are one; maximum, product and choice of ones */
}

static void results_of_ops(void **state) {
    (void)state;
    tp_tensor *yes = tp_ones(TP_SHAPE(2), BOOL);
    EACH(a) EACH(b) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *x = tp_ones(TP_SHAPE(2), (tp_dtype)a), *y = tp_ones(TP_SHAPE(2), (tp_dtype)b);
        tp_tensor *y0 = tp_scalar(1, (tp_dtype)b), *x0 = tp_scalar(1, (tp_dtype)a);
        assert_result(tp_maximum(x, y), promoted[a][b]);
        assert_result(tp_mul(x, y), promoted[a][b]);
        assert_result(tp_where(yes, x, y), promoted[a][b]);
        assert_result(tp_mul(x, y0), with_0d[a][b]);
        assert_result(tp_mul(y0, x), with_0d[a][b]);
        assert_result(tp_where(yes, x, y0), with_0d[a][b]);
        assert_result(tp_mul(x0, y0), promoted[a][b]);
        assert_result(tp_mul(tp_reshape(x0, TP_SHAPE(1)), y0),
                      with_0d[a][b]); /* one dim of size one counts in full */
        assert_result(tp_eq(x, y), BOOL);
        assert_result(tp_le(x, y0), BOOL);
        tp_dtype quotient = promoted[a][b] <= F64 ? promoted[a][b] : F32;
        assert_result(tp_div(x, y), quotient);
        if (promoted[a][b] != BOOL) assert_result(tp_pow(x, y), promoted[a][b]);
        tp_scope_end(s);
    }
}

static void scalars_keep_the_dtype(void **state) {
    (void)state;
    EACH(d) {
        tp_dtype dtype = (tp_dtype)d, real = d <= F64 ? dtype : F32;
        tp_tensor *x = tp_ones(TP_SHAPE(2), dtype);
        assert_result(tp_div_scalar(x, 1), real);
        assert_result(tp_scalar_div(1, x), real);
        assert_result(tp_sqrt(x), real);
        assert_result(tp_eq_scalar(x, 1), BOOL);
        if (d == BOOL) continue;
        assert_result(tp_pow_scalar(x, 2), dtype);
        assert_result(tp_scalar_pow(1, x), dtype);
        assert_result(tp_add_scalar(x, 0), dtype);
        assert_result(tp_scalar_sub(2, x), dtype);
        assert_result(tp_mul_scalar(x, 1), dtype);
        assert_result(tp_clamp(x, 0, 1), dtype);
        assert_result(tp_square(x), dtype);
    }
}

/* ---- conversion ---------------------------------------------------------------------------------------- */

enum { VALUES = 18 };
static const double reals[VALUES] = {0,         -0.0,         0.5,           -0.5, 2.9,   -2.9,
                                     254.9,     255.9,        256,           -1,   NAN,   INFINITY,
                                     -INFINITY, 2147483648.0, -2147483904.0, 1e30, -1e30, 3e9};

static void check_i64(tp_tensor *t, const int64_t *want, int n) {
    int64_t got[VALUES];
    assert_tensor(t);
    assert_ok(tp_tensor_copy_out(tp_to_dtype(t, I64), got, n));
    for (int i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("element %d: %lld, not %lld", i, (long long)got[i], (long long)want[i]);
}

static void reals_truncate_and_saturate(void **state) {
    (void)state;
    const int64_t max = INT64_MAX, min = INT64_MIN;
    const int64_t i64[VALUES] = {0,  0, 0,   0,   2,          -2,          254, 255, 256,
                                 -1, 0, max, min, 2147483648, -2147483904, max, min, 3000000000};
    int64_t i32[VALUES], u8[VALUES], boolean[VALUES];
    for (int i = 0; i < VALUES; i++) {
        i32[i] = i64[i] > INT32_MAX ? INT32_MAX : i64[i] < INT32_MIN ? INT32_MIN : i64[i];
        u8[i] = i64[i] > 255 ? 255 : i64[i] < 0 ? 0 : i64[i];
        boolean[i] = reals[i] != 0;
    }
    for (int d = F32; d <= F64; d++) {
        tp_tensor *x = tp_to_dtype(tp_from_f64(TP_SHAPE(VALUES), reals, VALUES), (tp_dtype)d);
        check_i64(tp_to_dtype(x, I64), i64, VALUES);
        check_i64(tp_to_dtype(x, I32), i32, VALUES);
        check_i64(tp_to_dtype(x, U8), u8, VALUES);
        check_i64(tp_to_dtype(x, BOOL), boolean, VALUES);
        for (int i = 0; i < VALUES; i++) { /* one at a time */
            tp_tensor *one = tp_select(x, 0, i);
            check_i64(tp_to_dtype(one, I64), &i64[i], 1);
            check_i64(tp_to_dtype(one, I32), &i32[i], 1);
            check_i64(tp_to_dtype(one, U8), &u8[i], 1);
            check_i64(tp_to_dtype(one, BOOL), &boolean[i], 1);
        }
    }
    tp_tensor *edge = TP_F64_TENSOR(TP_SHAPE(4), 0x1p63, -0x1p63, 0x1.fffffffffffffp62, 2147483647.5);
    check_i64(edge, (const int64_t[]){max, min, max - 1023, INT32_MAX}, 4);
    check_i64(tp_to_dtype(edge, I32), (const int64_t[]){INT32_MAX, INT32_MIN, INT32_MAX, INT32_MAX}, 4);
}

static void integers_wrap(void **state) {
    (void)state;
    tp_tensor *x =
        TP_I64_TENSOR(TP_SHAPE(6), ((int64_t)1 << 32) + 5, -1, 300, INT64_MIN, INT64_MAX, 2147483648);
    check_i64(tp_to_dtype(x, I32), (const int64_t[]){5, -1, 300, 0, -1, INT32_MIN}, 6);
    check_i64(tp_to_dtype(x, U8), (const int64_t[]){5, 255, 44, 0, 255, 0}, 6);
    check_i64(tp_to_dtype(x, BOOL), (const int64_t[]){1, 1, 1, 1, 1, 1}, 6);
    tp_tensor *b = tp_to_dtype(TP_I64_TENSOR(TP_SHAPE(3), 0, 2, 256), BOOL);
    EACH(d) check_i64(tp_to_dtype(b, (tp_dtype)d), (const int64_t[]){0, 1, 1}, 3);
}

static void rounding(void **state) {
    (void)state;
    tp_tensor *x = TP_I64_TENSOR(TP_SHAPE(3), 16777217, 16777219, INT64_MAX);
    assert_values(tp_to_dtype(x, F32), 16777216, 16777220, 0x1p63);
    x = TP_F64_TENSOR(TP_SHAPE(4), 0.1, 1e300, 1e-300, -1e300);
    tp_tensor *y = tp_to_dtype(x, F32);
    assert_true(tp_tensor_at(y, TP_SHAPE(0)) == (double)0.1f && tp_tensor_at(y, TP_SHAPE(2)) == 0);
    assert_true(tp_tensor_at(y, TP_SHAPE(1)) == INFINITY && tp_tensor_at(y, TP_SHAPE(3)) == -INFINITY);
    assert_true(isnan(tp_tensor_item(tp_to_dtype(tp_scalar(NAN, F32), F64))));
}

static void copies_or_itself(void **state) {
    (void)state;
    EACH(d) {
        tp_tensor *x = tp_ones(TP_SHAPE(2, 3), (tp_dtype)d);
        assert_ptr_equal(tp_to_dtype(x, (tp_dtype)d), x);
        EACH(e) {
            if (e == d) continue;
            tp_tensor *y = tp_to_dtype(x, (tp_dtype)e);
            assert_false(tp_tensor_shares_storage(x, y));
            assert_values(y, 1, 1, 1, 1, 1, 1);
        }
        assert_int_equal(tp_tensor_numel(tp_to_dtype(tp_ones(TP_SHAPE(0, 3), (tp_dtype)d), F64)), 0);
    }
}

static void any_layout(void **state) {
    (void)state;
    tp_tensor *x = tp_transpose(tp_reshape(tp_arange(0, 6, 1, I64), TP_SHAPE(2, 3)), 0, 1);
    tp_tensor *y = tp_to_dtype(x, F32);
    assert_true(tp_tensor_is_contiguous(y));
    assert_values(y, 0, 3, 1, 4, 2, 5);
    assert_values(tp_to_dtype(tp_expand(TP_F32_TENSOR(TP_SHAPE(2, 1), 1.5, -2.5), TP_SHAPE(2, 3)), I32), 1, 1,
                  1, -2, -2, -2);
    tp_tensor *large = tp_arange(0, 100000, 1, F64); /* in threads */
    tp_tensor *odd = tp_to_dtype(tp_slice(large, 0, 1, 100000, 2), I32);
    assert_true(tp_tensor_at(odd, TP_SHAPE(49999)) == 99999 && tp_tensor_at(odd, TP_SHAPE(0)) == 1);
    assert_true(tp_tensor_item(tp_sum(odd)) == 2.5e9);
}

static void gradients(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(2), F32), true);
    tp_tensor *y = tp_to_dtype(tp_to_dtype(x, F64), F32);
    assert_ok(tp_backward(tp_sum(tp_mul_scalar(y, 3))));
    assert_values(tp_tensor_grad(x), 3, 3);
    assert_int_equal(tp_tensor_dtype(tp_tensor_grad(x)), F32);
    assert_false(tp_requires_grad(tp_to_dtype(x, I64))); /* integers carry none */
    assert_false(tp_requires_grad(tp_gt_scalar(x, 0)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(names_and_sizes),
        CHECK_TEST(promote_types),
        CHECK_TEST(results_of_ops),
        CHECK_TEST(scalars_keep_the_dtype),
        CHECK_TEST(reals_truncate_and_saturate),
        CHECK_TEST(integers_wrap),
        CHECK_TEST(rounding),
        CHECK_TEST(copies_or_itself),
        CHECK_TEST(any_layout),
        CHECK_TEST(gradients),
    };
    return cmocka_run_group_tests_name("dtype", tests, NULL, NULL);
}
