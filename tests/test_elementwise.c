/* Elementwise ops where the sample table does not look: integers, bools, scalars out of the ordinary,
 * in-place dtypes, special values of pow, clamp and maximum, 0-d and empty operands. Values are PyTorch's but
 * where a comment says otherwise. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX64 INT64_MAX
#define MIN64 INT64_MIN
#define P53 ((int64_t)1 << 53)

#define I64(...) TP_I64_TENSOR(TP_SHAPE(TP__COUNT(int64_t, __VA_ARGS__)), __VA_ARGS__)
#define I32(...) tp_to_dtype(I64(__VA_ARGS__), TP_I32)
#define U8(...) tp_to_dtype(I64(__VA_ARGS__), TP_U8)
#define BOOL(...) tp_to_dtype(I64(__VA_ARGS__), TP_BOOL)
#define F32(...) TP_F32_TENSOR(TP_SHAPE(TP__COUNT(float, __VA_ARGS__)), __VA_ARGS__)
#define F64(...) TP_F64_TENSOR(TP_SHAPE(TP__COUNT(double, __VA_ARGS__)), __VA_ARGS__)

/* Integers are compared exactly, and the dtype with them. */
static void check_whole(tp_tensor *t, tp_dtype dtype, const int64_t *want, int n, int line) {
    if (!t) fail_msg("line %d: %s", line, tp_last_error().message);
    if (tp_tensor_dtype(t) != dtype) fail_msg("line %d: %s", line, tp_dtype_name(tp_tensor_dtype(t)));
    int64_t got[16];
    assert_ok(tp_tensor_copy_out(tp_to_dtype(t, TP_I64), got, n));
    for (int i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("line %d, element %d: %lld, not %lld", line, i, (long long)got[i], (long long)want[i]);
}
#define assert_whole(t, dtype, ...)                                                                          \
    check_whole(t, dtype, (const int64_t[]){__VA_ARGS__}, TP__COUNT(int64_t, __VA_ARGS__), __LINE__)

/* ---- integer arithmetic -------------------------------------------------------------------------------- */

static void integers_wrap_around(void **state) {
    (void)state;
    assert_whole(tp_add(I64(MAX64, MIN64, 5), I64(1, -1, 6)), TP_I64, MIN64, MAX64, 11);
    assert_whole(tp_sub(I64(MIN64, 0), I64(1, MIN64)), TP_I64, MAX64, MIN64);
    assert_whole(tp_mul(I64(MAX64, P53), I64(2, 4096)), TP_I64, -2, 0);
    assert_whole(tp_neg(I64(MIN64, 3)), TP_I64, MIN64, -3);
    assert_whole(tp_abs(I64(MIN64, -3)), TP_I64, MIN64, 3);
    assert_whole(tp_square(I64((int64_t)1 << 32, -9)), TP_I64, 0, 81);
    assert_whole(tp_add_scalar(I64(MAX64), 1), TP_I64, MIN64);
    assert_whole(tp_mul_scalar(I64(MAX64), 0x1p62), TP_I64, -((int64_t)1 << 62));
    assert_whole(tp_scalar_sub(-0x1p63, I64(1)), TP_I64, MAX64);
    assert_whole(tp_add(I32(INT32_MAX, INT32_MIN), I32(1, -1)), TP_I32, INT32_MIN, INT32_MAX);
    assert_whole(tp_mul(I32(65536, -65537), I32(65536, 65536)), TP_I32, 0, -65536);
    assert_whole(tp_neg(I32(INT32_MIN)), TP_I32, INT32_MIN);
    assert_whole(tp_abs(I32(INT32_MIN)), TP_I32, INT32_MIN);
    assert_whole(tp_square(I32(65536, 46341)), TP_I32, 0, -2147479015);
    assert_whole(tp_add_scalar(I32(INT32_MAX), 1), TP_I32, INT32_MIN);
    assert_whole(tp_add_scalar(I32(1), 3e9), TP_I32, -1294967295);
    assert_whole(tp_sign(I64(-7, 0, MAX64)), TP_I64, -1, 0, 1);
}

static void unsigned_bytes(void **state) {
    (void)state;
    assert_whole(tp_add(U8(250, 5), U8(10, 5)), TP_U8, 4, 10);
    assert_whole(tp_sub(U8(5, 250), U8(10, 5)), TP_U8, 251, 245);
    assert_whole(tp_mul(U8(16, 250), U8(16, 2)), TP_U8, 0, 244);
    assert_whole(tp_neg(U8(1, 0)), TP_U8, 255, 0);
    assert_whole(tp_abs(U8(200)), TP_U8, 200);
    assert_whole(tp_sign(U8(200, 0)), TP_U8, 1, 0);
    assert_whole(tp_square(U8(17)), TP_U8, 33);
    assert_whole(tp_maximum(U8(200, 3), U8(100, 4)), TP_U8, 200, 4);
    assert_whole(tp_minimum(U8(200, 3), U8(100, 4)), TP_U8, 100, 3);
    assert_whole(tp_add_scalar(U8(5, 250), -1), TP_U8, 4, 249);
    assert_whole(tp_sub_scalar(U8(5), 255), TP_U8, 6);
    assert_whole(tp_mul_scalar(U8(5, 250), -1), TP_U8, 251, 6);
    assert_whole(tp_scalar_sub(-1, U8(5, 250)), TP_U8, 250, 5);
    assert_whole(tp_add_scalar(U8(5, 250), 300), TP_U8, 49, 38);
    assert_whole(tp_add(U8(250), I32(10)), TP_I32, 260);
}

static void division_is_real(void **state) {
    (void)state;
    tp_tensor *q = tp_div(I64(7, -7, 1, -1, 0), I64(2, 2, 0, 0, 0));
    assert_int_equal(tp_tensor_dtype(q), TP_F32);
    assert_values(q, 3.5, -3.5, INFINITY, -INFINITY, NAN);
    assert_values(tp_div_scalar(U8(7), 2), 3.5);
    assert_values(tp_scalar_div(1, I32(4, 0)), 0.25, INFINITY);
    assert_values(tp_div_scalar(I64(1), 0), INFINITY);
    assert_values(tp_div_scalar(I64(3), 0.5), 6); /* a fraction is welcome here */
    assert_values(tp_div(BOOL(1, 0), BOOL(1, 1)), 1, 0);
    assert_int_equal(tp_tensor_dtype(tp_div(I64(1), F64(3))), TP_F64);
    assert_values(tp_pow(I64(2, 3), I64(10, 2)), 1024, 9);
    assert_values(tp_exp(I64(0)), 1);
}

static void fractions_do_not_go_with_integers(void **state) {
    (void)state;
    tp_tensor *x = I64(1, 2);
    tp_tensor *(*const ops[])(tp_tensor *, double) = {tp_add_scalar,  tp_sub_scalar, tp_mul_scalar,
                                                      tp_clamp_min,   tp_clamp_max,  tp_add_scalar_,
                                                      tp_sub_scalar_, tp_mul_scalar_};
    static const char *const names[] = {"add_scalar", "sub_scalar",  "mul_scalar",  "clamp_min",
                                        "clamp_max",  "add_scalar_", "sub_scalar_", "mul_scalar_"};
    static const double numbers[] = {0.5, -1e-9, NAN};
    for (int k = 0; k < 8; k++) {
        for (int i = 0; i < 3; i++) {
            char message[160];
            snprintf(
                message, sizeof message,
                "%s: the number %g does not fit a tensor of int64; convert the tensor with tp_to_dtype()",
                names[k], numbers[i]);
            assert_null(ops[k](x, numbers[i]));
            assert_error(TP_ERR_DTYPE, message);
        }
    }
    assert_null(tp_scalar_sub(0.5, U8(1)));
    assert_error(
        TP_ERR_DTYPE,
        "scalar_sub: the number 0.5 does not fit a tensor of uint8; convert the tensor with tp_to_dtype()");
    assert_null(tp_clamp(I32(1), 0, 1.5));
    assert_error(
        TP_ERR_DTYPE,
        "clamp: the number 1.5 does not fit a tensor of int32; convert the tensor with tp_to_dtype()");
    /* Infinity and what no 64 bits hold are no integers either. */
    assert_null(tp_add_scalar(x, INFINITY));
    assert_error(
        TP_ERR_DTYPE,
        "add_scalar: the number inf does not fit a tensor of int64; convert the tensor with tp_to_dtype()");
    assert_null(tp_mul_scalar_(U8(1), 1e20));
    assert_error(
        TP_ERR_DTYPE,
        "mul_scalar_: the number 1e+20 does not fit a tensor of uint8; convert the tensor with tp_to_dtype()");
    assert_null(tp_sub_scalar(x, 0x1p63));
    assert_error(
        TP_ERR_DTYPE,
        "sub_scalar: the number 9.22337e+18 does not fit a tensor of int64; convert the tensor with tp_to_dtype()");
    assert_whole(x, TP_I64, 1, 2);
    assert_int_equal(tp_tensor_version(x), 0);
}

/* ---- bools --------------------------------------------------------------------------------------------- */

static void bools(void **state) {
    (void)state;
    tp_tensor *a = BOOL(0, 0, 1, 1), *b = BOOL(0, 1, 0, 1);
    assert_whole(tp_add(a, b), TP_BOOL, 0, 1, 1, 1);
    assert_whole(tp_mul(a, b), TP_BOOL, 0, 0, 0, 1);
    assert_whole(tp_maximum(a, b), TP_BOOL, 0, 1, 1, 1);
    assert_whole(tp_minimum(a, b), TP_BOOL, 0, 0, 0, 1);
    assert_whole(tp_eq(a, b), TP_BOOL, 1, 0, 0, 1);
    assert_whole(tp_lt(a, b), TP_BOOL, 0, 1, 0, 0);
    assert_whole(tp_logical_not(a), TP_BOOL, 1, 1, 0, 0);
    assert_whole(tp_gt_scalar(a, 0.5), TP_BOOL, 0, 0, 1, 1);
    assert_whole(tp_eq_scalar(a, 2), TP_BOOL, 0, 0, 0, 0);
    assert_whole(tp_ge_scalar(a, -1), TP_BOOL, 1, 1, 1, 1);
    assert_whole(tp_add(a, I64(1, 2, 3, 4)), TP_I64, 1, 2, 4, 5);
    assert_whole(tp_sub(a, U8(1, 2, 3, 4)), TP_U8, 255, 254, 254, 253);
    assert_values(tp_mul(a, F32(1.5, 2.5, 3.5, 4.5)), 0, 0, 3.5, 4.5);
    assert_ptr_equal(tp_add_(a, b), a);
    assert_whole(a, TP_BOOL, 0, 1, 1, 1);
    assert_ptr_equal(tp_mul_(a, b), a);
    assert_whole(a, TP_BOOL, 0, 1, 0, 1);
    tp_tensor *(*const unary[])(tp_tensor *) = {tp_neg, tp_abs, tp_sign, tp_square};
    for (int k = 0; k < 4; k++) {
        assert_null(unary[k](a));
        assert_int_equal(tp_last_error().code, TP_ERR_DTYPE);
    }
    assert_null(tp_add_scalar(a, 1));
    assert_error(TP_ERR_DTYPE, "add_scalar: is not defined for bool tensors; convert with tp_to_dtype()");
    assert_null(tp_sub_(a, b));
    assert_error(TP_ERR_DTYPE, "sub_: is not defined for bool tensors; convert with tp_to_dtype()");
    assert_null(tp_clamp(a, 0, 1));
    assert_error(TP_ERR_DTYPE, "clamp: is not defined for bool tensors; convert with tp_to_dtype()");
    assert_null(tp_add_(a, I64(1, 2, 3, 4)));
    assert_error(TP_ERR_DTYPE, "add_: the result is int64, which a tensor of bool cannot hold");
    assert_whole(a, TP_BOOL, 0, 1, 0, 1);
}

/* ---- comparisons --------------------------------------------------------------------------------------- */

static void large_integers_compare_exactly(void **state) {
    (void)state;
    tp_tensor *a = I64(P53, P53 + 1, MAX64, MAX64 - 1, MIN64),
              *b = I64(P53 + 1, P53 + 1, MAX64 - 1, MAX64, MIN64 + 1);
    assert_whole(tp_eq(a, b), TP_BOOL, 0, 1, 0, 0, 0);
    assert_whole(tp_ne(a, b), TP_BOOL, 1, 0, 1, 1, 1);
    assert_whole(tp_lt(a, b), TP_BOOL, 1, 0, 0, 1, 1);
    assert_whole(tp_le(a, b), TP_BOOL, 1, 1, 0, 1, 1);
    assert_whole(tp_gt(a, b), TP_BOOL, 0, 0, 1, 0, 0);
    assert_whole(tp_ge(a, b), TP_BOOL, 0, 1, 1, 0, 0);
    assert_whole(tp_maximum(a, b), TP_I64, P53 + 1, P53 + 1, MAX64, MAX64, MIN64 + 1);
}

/* With a number too, unlike in PyTorch, which rounds to float32 first. */
static void numbers_compare_exactly(void **state) {
    (void)state;
    tp_tensor *a = I64(P53 - 1, P53, P53 + 1, 2 * P53 + 1, MAX64, MIN64);
    assert_whole(tp_eq_scalar(a, 0x1p53), TP_BOOL, 0, 1, 0, 0, 0, 0);
    assert_whole(tp_gt_scalar(a, 0x1p53), TP_BOOL, 0, 0, 1, 1, 1, 0);
    assert_whole(tp_eq_scalar(a, 0x1p54), TP_BOOL, 0, 0, 0, 0, 0, 0);
    assert_whole(tp_lt_scalar(a, 0x1p54), TP_BOOL, 1, 1, 1, 0, 0, 1);
    assert_whole(tp_eq_scalar(a, 0x1p63), TP_BOOL, 0, 0, 0, 0, 0, 0);
    assert_whole(tp_lt_scalar(a, 0x1p63), TP_BOOL, 1, 1, 1, 1, 1, 1);
    assert_whole(tp_ge_scalar(a, 0x1p63), TP_BOOL, 0, 0, 0, 0, 0, 0);
    assert_whole(tp_le_scalar(a, -0x1p63), TP_BOOL, 0, 0, 0, 0, 0, 1);
    assert_whole(tp_lt_scalar(a, -0x1p63), TP_BOOL, 0, 0, 0, 0, 0, 0);
    assert_whole(tp_gt_scalar(a, -1e30), TP_BOOL, 1, 1, 1, 1, 1, 1);
    assert_whole(tp_lt_scalar(a, INFINITY), TP_BOOL, 1, 1, 1, 1, 1, 1);
    assert_whole(tp_eq_scalar(a, NAN), TP_BOOL, 0, 0, 0, 0, 0, 0);
    assert_whole(tp_ne_scalar(a, NAN), TP_BOOL, 1, 1, 1, 1, 1, 1);
    assert_whole(tp_lt_scalar(I32(0, 1, 2), 1.5), TP_BOOL, 1, 1, 0);
    assert_whole(tp_lt_scalar(I32(INT32_MIN, INT32_MAX), 2147483648.0), TP_BOOL, 1, 1);
    assert_whole(tp_ge_scalar(U8(0, 1, 255), 256), TP_BOOL, 0, 0, 0);
    assert_whole(tp_gt_scalar(U8(0, 1, 255), -1), TP_BOOL, 1, 1, 1);
    assert_whole(tp_eq_scalar(F32(0.1f, 0.5f), 0.1f), TP_BOOL, 1, 0);
    assert_whole(tp_isnan(I64(1, 0)), TP_BOOL, 0, 0);
    assert_whole(tp_logical_not(F64(NAN, 0, -0.0, 1e-300)), TP_BOOL, 0, 1, 1, 0);
}

static void nan_compares_unequal_to_all(void **state) {
    (void)state;
    tp_tensor *a = F64(NAN, NAN, 1), *b = F64(NAN, 1, NAN);
    assert_whole(tp_eq(a, b), TP_BOOL, 0, 0, 0);
    assert_whole(tp_ne(a, b), TP_BOOL, 1, 1, 1);
    assert_whole(tp_lt(a, b), TP_BOOL, 0, 0, 0);
    assert_whole(tp_ge(a, b), TP_BOOL, 0, 0, 0);
    assert_whole(tp_isnan(a), TP_BOOL, 1, 1, 0);
}

/* ---- values that are special --------------------------------------------------------------------------- */

static void nan_passes(void **state) {
    (void)state;
    for (int d = TP_F32; d <= TP_F64; d++) {
        tp_tensor *a = tp_to_dtype(F64(NAN, 1, NAN, -INFINITY), (tp_dtype)d);
        tp_tensor *b = tp_to_dtype(F64(2, NAN, NAN, 3), (tp_dtype)d);
        assert_values(tp_maximum(a, b), NAN, NAN, NAN, 3);
        assert_values(tp_minimum(a, b), NAN, NAN, NAN, -INFINITY);
        assert_values(tp_clamp_min(a, 0), NAN, 1, NAN, 0);
        assert_values(tp_clamp_min(a, NAN), NAN, NAN, NAN, NAN);
        assert_values(tp_relu(a), NAN, 1, NAN, 0);
        assert_values(tp_clamp(a, -1, 0.5), NAN, 0.5, NAN, -1);
        assert_values(tp_clamp(b, NAN, 1), NAN, NAN, NAN, NAN);
    }
    /* A zero is as large as the other: either may come out. */
    assert_values(tp_maximum(F32(-0.0f), F32(0.0f)), 0);
}

static void powers(void **state) {
    (void)state;
    static const double table[][3] = {
        {0, 0, 1},
        {NAN, 0, 1},
        {1, NAN, 1},
        {-8, 1.0 / 3, NAN},
        {0, -1, INFINITY},
        {-0.0, -1, -INFINITY},
        {-0.0, -2, INFINITY},
        {-1, INFINITY, 1},
        {0.5, INFINITY, 0},
        {2, -INFINITY, 0},
        {INFINITY, -1, 0},
        {-2, 3, -8},
        {-2, 4, 16},
        {-INFINITY, 3, -INFINITY},
        {-INFINITY, 2, INFINITY},
        {4, 0.5, 2},
        {0, 5, 0},
        {2, 10, 1024},
        {10, -2, 0.01},
        {NAN, 1, NAN},
        {-1, NAN, NAN},
        {-3, -3, -1.0 / 27},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        double a = table[i][0], b = table[i][1];
        for (int d = TP_F32; d <= TP_F64; d++) {
            tp_tensor *x = tp_to_dtype(F64(a), (tp_dtype)d), *y = tp_to_dtype(F64(b), (tp_dtype)d);
            tp_tensor *of[] = {tp_pow(x, y), tp_pow_scalar(x, b), tp_scalar_pow(a, y)};
            for (int k = 0; k < 3; k++) {
                double got = tp_tensor_item(of[k]), want = table[i][2];
                if (isnan(want) ? !isnan(got) : !(got == want || fabs(got - want) <= 2e-7 * fabs(want)))
                    fail_msg("%g^%g in %s, form %d: %g, not %g", a, b, tp_dtype_name((tp_dtype)d), k, got,
                             want);
            }
        }
    }
}

static void gradients_of_powers_at_zero(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(F64(0, 0, 0, 0, 2), true),
              *e = tp_set_requires_grad(F64(0, 1, 2, 0.5, 0), true);
    assert_ok(tp_backward(tp_sum(tp_pow(x, e))));
    assert_values(tp_tensor_grad(x), 0, 1, 0, INFINITY, 0);
    assert_values(tp_tensor_grad(e), 0, 0, 0, 0, log(2));
    tp_zero_grad(x);
    assert_ok(tp_backward(tp_sum(tp_pow_scalar(x, 0))));
    assert_values(tp_tensor_grad(x), 0, 0, 0, 0, 0);
    tp_zero_grad(x);
    assert_ok(tp_backward(tp_sum(tp_pow_scalar(x, 2))));
    assert_values(tp_tensor_grad(x), 0, 0, 0, 0, 4);
}

/* torch.relu and others at their kinks */
static void gradients_at_kinks(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(F64(-1, 0, 1), true),
              *loss[] = {tp_relu(x),        tp_abs(x),  tp_leaky_relu(x, 0.25),
                         tp_clamp(x, 0, 1), tp_sign(x), tp_maximum(x, tp_zeros_like(x))};
    static const double want[][3] = {{0, 0, 1}, {-1, 0, 1}, {0.25, 0.25, 1},
                                     {0, 1, 1}, {0, 0, 0},  {0, 0.5, 1}};
    for (int k = 0; k < 6; k++) {
        tp_zero_grad(x);
        assert_ok(tp_backward(tp_sum(loss[k])));
        assert_values(tp_tensor_grad(x), want[k][0], want[k][1], want[k][2]);
    }
}

static void clamp(void **state) {
    (void)state;
    assert_whole(tp_clamp(I64(MIN64, 0, MAX64), -INFINITY, INFINITY), TP_I64, MIN64, 0, MAX64);
    assert_whole(tp_clamp(I64(MIN64, 0, MAX64), -1, INFINITY), TP_I64, -1, 0, MAX64);
    assert_whole(tp_clamp(I64(MIN64, 0, MAX64), -INFINITY, 1), TP_I64, MIN64, 0, 1);
    assert_whole(tp_clamp(I64(MIN64, 0, MAX64), -1e300, 1e300), TP_I64, MIN64, 0, MAX64);
    assert_whole(tp_clamp(I32(INT32_MIN, 0, INT32_MAX), -INFINITY, INFINITY), TP_I32, INT32_MIN, 0,
                 INT32_MAX);
    assert_whole(tp_clamp(I32(INT32_MIN, 0, INT32_MAX), -1e10, 5), TP_I32, INT32_MIN, 0, 5);
    assert_whole(tp_clamp(U8(0, 5, 250), -5, 300), TP_U8, 0, 5, 250);
    assert_whole(tp_clamp(U8(0, 5, 250), 3, INFINITY), TP_U8, 3, 5, 250);
    assert_whole(tp_clamp_(I64(1, 5, 9), 3, 7), TP_I64, 3, 5, 7);
    assert_whole(tp_clamp_min(U8(0, 200), -7), TP_U8, 0, 200);
    assert_whole(tp_clamp_max(U8(0, 200), 1000), TP_U8, 0, 200);
    assert_whole(tp_clamp_min(I64(0, MAX64), -INFINITY), TP_I64, 0, MAX64);
    assert_whole(tp_clamp_max(I64(0, MAX64), INFINITY), TP_I64, 0, MAX64);
    assert_values(tp_clamp(F32(1, 2, 3), 5, 0), 0, 0, 0); /* bounds in the wrong order: the upper one */
    assert_values(tp_clamp(F32(-INFINITY, 2, INFINITY), -INFINITY, INFINITY), -INFINITY, 2, INFINITY);
}

/* ---- operands of odd shapes ---------------------------------------------------------------------------- */

static void zero_dims(void **state) {
    (void)state;
    tp_tensor *s = tp_scalar(3, TP_F32), *v = F32(1, 2);
    assert_values(tp_sub(v, s), -2, -1);
    assert_values(tp_sub(s, v), 2, 1);
    tp_tensor *r = tp_mul(s, s);
    assert_int_equal(tp_tensor_ndim(r), 0);
    assert_values(r, 9);
    assert_int_equal(tp_tensor_ndim(tp_add(s, tp_reshape(s, TP_SHAPE(1, 1, 1)))), 3);
    assert_values(tp_add(I64(1, 2), tp_scalar(0.5, TP_F64)), 1.5, 2.5); /* a higher class raises it */
    assert_int_equal(tp_tensor_dtype(tp_add(I64(1, 2), tp_scalar(0.5, TP_F32))), TP_F32);
    assert_whole(tp_add(U8(200, 1), tp_scalar(100, TP_I64)), TP_U8, 44, 101); /* the same does not */
    assert_values(tp_add_(v, s), 4, 5);
    assert_null(tp_add_(s, v));
    assert_error(TP_ERR_SHAPE, "add_: the result is (2,), which does not fit the tensor's ()");
    tp_tensor *x = tp_set_requires_grad(tp_scalar(3, TP_F64), true);
    assert_ok(tp_backward(tp_sum(tp_mul(x, F64(1, 2, 4)))));
    assert_values(tp_tensor_grad(x), 7);
    assert_int_equal(tp_tensor_ndim(tp_tensor_grad(x)), 0);
}

static void no_elements(void **state) {
    (void)state;
    tp_tensor *none = tp_zeros(TP_SHAPE(0, 3), TP_F32);
    assert_true(
        tp_shape_equal(tp_tensor_shape(tp_add(none, tp_ones(TP_SHAPE(1, 3), TP_F32))), TP_SHAPE(0, 3)));
    assert_true(
        tp_shape_equal(tp_tensor_shape(tp_add(none, tp_ones(TP_SHAPE(2, 1, 1), TP_F32))), TP_SHAPE(2, 0, 3)));
    assert_true(tp_shape_equal(tp_tensor_shape(tp_exp(none)), TP_SHAPE(0, 3)));
    assert_int_equal(tp_tensor_numel(tp_add(tp_zeros(TP_SHAPE(0), TP_F32), tp_scalar(1, TP_F32))), 0);
    assert_ptr_equal(tp_add_(none, tp_ones(TP_SHAPE(3), TP_F32)), none);
    assert_ptr_equal(tp_fill_(none, 3), none);
    assert_null(tp_add(none, tp_ones(TP_SHAPE(2, 3), TP_F32)));
    assert_error(TP_ERR_SHAPE, "add: shapes do not broadcast: (0, 3) and (2, 3)");
    tp_tensor *x = tp_set_requires_grad(tp_zeros(TP_SHAPE(2, 0), TP_F32), true);
    assert_ok(tp_backward(tp_sum(tp_square(x))));
    assert_true(tp_shape_equal(tp_tensor_shape(tp_tensor_grad(x)), TP_SHAPE(2, 0)));
}

/* ---- in place ------------------------------------------------------------------------------------------ */

static void in_place_dtypes(void **state) {
    (void)state;
    tp_tensor *u = U8(250, 5), *f = F32(1, 2), *i = I64(1, 2);
    assert_ptr_equal(tp_add_(u, I64(10, 1000)), u); /* wraps into its own dtype */
    assert_whole(u, TP_U8, 4, 237);
    assert_ptr_equal(tp_mul_(f, F64(0.5, 0.25)), f);
    assert_int_equal(tp_tensor_dtype(f), TP_F32);
    assert_values(f, 0.5, 0.5);
    assert_ptr_equal(tp_sub_(i, BOOL(1, 0)), i);
    assert_whole(i, TP_I64, 0, 2);
    assert_values(tp_div_(f, I64(2, 4)), 0.25, 0.125);
    assert_null(tp_exp_(i));
    assert_error(TP_ERR_DTYPE, "exp_: the result is float32, which a tensor of int64 cannot hold");
    assert_null(tp_div_scalar_(i, 2));
    assert_error(TP_ERR_DTYPE, "div_scalar_: the result is float32, which a tensor of int64 cannot hold");
    assert_null(tp_mul_(i, tp_scalar(0.5, TP_F64)));
    assert_error(TP_ERR_DTYPE, "mul_: the result is float64, which a tensor of int64 cannot hold");
    assert_null(tp_add_(BOOL(1, 0), U8(1, 1)));
    assert_error(TP_ERR_DTYPE, "add_: the result is uint8, which a tensor of bool cannot hold");
    assert_whole(i, TP_I64, 0, 2);
}

/* Recorded or not, the same operands are taken. */
static void in_place_dtypes_recorded(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(F32(1, 2), true), *y = tp_mul_scalar(x, 2);
    assert_ptr_equal(tp_mul_(y, F64(3, 5)), y);
    assert_int_equal(tp_tensor_dtype(y), TP_F32);
    assert_values(y, 6, 20);
    assert_ok(tp_backward(tp_sum(y)));
    assert_values(tp_tensor_grad(x), 6, 10);
    y = tp_mul_scalar(x, 2);
    assert_null(tp_add_(y, tp_ones(TP_SHAPE(3, 2), TP_F32)));
    assert_error(TP_ERR_SHAPE, "add_: the result is (3, 2), which does not fit the tensor's (2,)");
    assert_values(y, 2, 4);
}

static void in_place_with_itself_and_views(void **state) {
    (void)state;
    tp_tensor *x = F32(1, 2, 3, 4);
    assert_values(tp_mul_(x, x), 1, 4, 9, 16);
    assert_values(tp_sub_(x, x), 0, 0, 0, 0);
    x = F32(1, 2, 3, 4);
    tp_tensor *odd = tp_slice(x, 0, 1, 4, 2), *even = tp_slice(x, 0, 0, 4, 2);
    assert_values(tp_neg_(odd), -2, -4);
    assert_values(x, 1, -2, 3, -4);
    assert_null(tp_add_(odd, even)); /* interleaved: no element is shared, but that is not looked into */
    assert_error(TP_ERR_ALIAS, "add_: the second operand overlaps the tensor in memory");
    assert_null(tp_add_(tp_expand(F32(1), TP_SHAPE(3)), F32(1, 2, 3)));
    assert_error(TP_ERR_ALIAS, "add_: elements of the tensor overlap in memory, of shape (3,)");
    tp_tensor *t = tp_reshape(F32(1, 2, 3, 4, 5, 6), TP_SHAPE(2, 3));
    assert_values(tp_add_(tp_transpose(t, 0, 1), tp_transpose(t, 0, 1)), 2, 8, 4, 10, 6, 12);
    assert_null(tp_add_(t, tp_narrow(t, 0, 0, 1))); /* its own first row */
    assert_error(TP_ERR_ALIAS, "add_: the second operand overlaps the tensor in memory");
    assert_values(t, 2, 4, 6, 8, 10, 12);
}

static void copying_and_filling(void **state) {
    (void)state;
    tp_tensor *t = tp_zeros(TP_SHAPE(2, 2), TP_I32);
    uint64_t version = tp_tensor_version(t);
    assert_ptr_equal(tp_copy_(t, F64(1.9, -1.9)), t);
    assert_whole(t, TP_I32, 1, -1, 1, -1);
    assert_int_equal(tp_tensor_version(t), version + 1);
    assert_whole(tp_copy_(t, tp_scalar(7, TP_U8)), TP_I32, 7, 7, 7, 7);
    assert_ptr_equal(tp_copy_(t, t), t);
    assert_whole(tp_fill_(t, INT32_MIN), TP_I32, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN);
    assert_null(tp_fill_(t, 2147483648.0));
    assert_error(TP_ERR_DTYPE, "fill_: 2.14748e+09 into a tensor of int32");
    assert_null(tp_fill_(U8(1), -1));
    assert_error(TP_ERR_DTYPE, "fill_: -1 into a tensor of uint8");
    assert_null(tp_fill_(I64(1), INFINITY));
    assert_error(TP_ERR_DTYPE, "fill_: inf into a tensor of int64");
    assert_null(tp_fill_(I64(1), NAN));
    assert_error(TP_ERR_DTYPE, "fill_: nan into a tensor of int64");
    assert_whole(tp_fill_(BOOL(0, 0), 2), TP_BOOL, 1, 1);
    assert_values(tp_fill_(F32(0, 0), NAN), NAN, NAN);
    assert_null(tp_fill_(tp_expand(F32(1), TP_SHAPE(3)), 2));
    assert_error(TP_ERR_ALIAS, "fill_: elements of the tensor overlap in memory, of shape (3,)");
    assert_null(tp_fill_(tp_set_requires_grad(F32(1), true), 2));
    assert_error(TP_ERR_AUTOGRAD,
                 "fill_: the tensor is a leaf that requires grad; use tp_full, or write under "
                 "tp_no_grad_begin()");
    tp_tensor *x = tp_set_requires_grad(F64(1, 2, 3), true), *y = tp_mul_scalar(x, 2);
    assert_ptr_equal(tp_fill_(y, 5), y);
    assert_ok(tp_backward(tp_sum(tp_mul(y, x))));
    assert_values(tp_tensor_grad(x), 5, 5, 5);
    tp_zero_grad(x);
    y = tp_zeros(TP_SHAPE(2, 3), TP_F64);
    assert_ptr_equal(tp_copy_(y, x), y); /* what is copied into a plain tensor is recorded too */
    assert_ok(tp_backward(tp_sum(y)));
    assert_values(tp_tensor_grad(x), 2, 2, 2);
    assert_null(tp_copy_(tp_narrow(t, 0, 0, 1), tp_narrow(tp_transpose(t, 0, 1), 0, 0, 1)));
    assert_error(TP_ERR_ALIAS, "copy_: the source overlaps the tensor in memory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(integers_wrap_around),
        CHECK_TEST(unsigned_bytes),
        CHECK_TEST(division_is_real),
        CHECK_TEST(fractions_do_not_go_with_integers),
        CHECK_TEST(bools),
        CHECK_TEST(large_integers_compare_exactly),
        CHECK_TEST(numbers_compare_exactly),
        CHECK_TEST(nan_compares_unequal_to_all),
        CHECK_TEST(nan_passes),
        CHECK_TEST(powers),
        CHECK_TEST(gradients_of_powers_at_zero),
        CHECK_TEST(gradients_at_kinks),
        CHECK_TEST(clamp),
        CHECK_TEST(zero_dims),
        CHECK_TEST(no_elements),
        CHECK_TEST(in_place_dtypes),
        CHECK_TEST(in_place_dtypes_recorded),
        CHECK_TEST(in_place_with_itself_and_views),
        CHECK_TEST(copying_and_filling),
    };
    return cmocka_run_group_tests_name("elementwise", tests, NULL, NULL);
}
