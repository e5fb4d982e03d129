/* The checks can fail: wrong gradients in ops made for this test are caught, by tp_gradcheck() and by the
 * sample table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "autograd/autograd.h"
#include "support/sample.h"
#include "taper/autograd.h"
#include "taper/creation.h"
#include "taper/elementwise.h"
#include "taper/reduce.h"
#include "taper/scope.h"
#include "taper/views.h"

/* y = x^2 in a form of its own for each rule to be tried. */
static tp_tensor *squared(const tp__op *op, tp_tensor *x) {
    TP_REQUIRE(x, op->name);
    tp_scope *s = tp_scope_begin();
    tp_set_grad_enabled(false);
    tp_tensor *y = tp_scope_return(s, tp_mul(x, x));
    return tp__record(op, y, TP__INPUTS(x), NULL, 0);
}

static void right_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp_mul(g[0], tp_mul_scalar(tp__input(ctx, 0), 2));
}
static void wrong_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp_mul(g[0], tp_mul_scalar(tp__input(ctx, 0), 2.01));
}
static void negated_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp_mul(g[0], tp_mul_scalar(tp__input(ctx, 0), -2));
}
static void zero_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    (void)ctx;
    dx[0] = tp_zeros_like(g[0]);
}
/* Right values that do not depend on x on the tape: the second derivative is lost. */
static void cut_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp_mul(g[0], tp_mul_scalar(tp_detach(tp__input(ctx, 0)), 2));
}
/* A fused rule that differs from the recorded one. */
static void off_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp_mul(g[0], tp_mul_scalar(tp__input(ctx, 0), 2 + 1e-7));
}
static void failing_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    (void)ctx;
    (void)g;
    (void)dx;
}

/* Tables, laid out by hand. */
/* clang-format off */
#define OP(rule) {.name = #rule, .vjp = rule##_vjp, .save_inputs = TP__ALL}
static const tp__op right_op = OP(right), wrong_op = OP(wrong), negated_op = OP(negated), zero_op = OP(zero),
                    cut_op = OP(cut), failing_op = OP(failing),
                    off_op = {.name = "off", .vjp = right_vjp, .vjp_fused = off_vjp, .save_inputs = TP__ALL},
                    once_op = {.name = "once", .vjp = right_vjp, .save_inputs = TP__ALL, .once = true};
/* clang-format on */

static int call(tp_tensors in, tp_tensor **out, void *op) {
    out[0] = squared(op, in.items[0]);
    return 1;
}

static tp_tensor *input(void) { return tp_set_requires_grad(tp_linspace(0.5, 2, 6, TP_F64), true); }

static tp_status first_order(const tp__op *op) {
    return tp_gradcheck(call, (void *)op, TP_TENSORS(input()), (tp_gradcheck_options){0});
}
static tp_status second_order(const tp__op *op) {
    return tp_gradgradcheck(call, (void *)op, TP_TENSORS(input()), (tp_gradcheck_options){0});
}

static void test_right_gradient_passes(void **state) {
    (void)state;
    assert_int_equal(first_order(&right_op), TP_OK);
    assert_int_equal(second_order(&right_op), TP_OK);
}

static void test_wrong_gradient_is_caught(void **state) {
    (void)state;
    assert_int_equal(first_order(&wrong_op), TP_ERR_GRADCHECK);
    const char *message = tp_last_error().message;
    assert_non_null(strstr(message, "gradcheck: ")); /* names output, input, element and both values */
    assert_non_null(strstr(message, "4.02"));
    assert_int_equal(first_order(&negated_op), TP_ERR_GRADCHECK);
}

static void test_zero_gradient_is_caught(void **state) {
    (void)state;
    assert_int_equal(first_order(&zero_op), TP_ERR_GRADCHECK);
}

static int constant(tp_tensors in, tp_tensor **out, void *context) {
    (void)context;
    out[0] = tp_mul_scalar(in.items[0], 0);
    return 1;
}

/* Both sides zero: nothing is shown, unless it is asked for. */
static void test_zero_everywhere_is_caught(void **state) {
    (void)state;
    assert_int_equal(tp_gradcheck(constant, NULL, TP_TENSORS(input()), (tp_gradcheck_options){0}),
                     TP_ERR_GRADCHECK);
    assert_int_equal(tp_gradcheck(constant, NULL, TP_TENSORS(input()),
                                  (tp_gradcheck_options){.allow_zero = true}),
                     TP_OK);
}

static void test_lost_second_derivative_is_caught(void **state) {
    (void)state;
    assert_int_equal(first_order(&cut_op), TP_OK);
    assert_int_equal(second_order(&cut_op), TP_ERR_GRADCHECK);
}

static void test_once_is_an_error_at_second_order(void **state) {
    (void)state;
    assert_int_equal(first_order(&once_op), TP_OK);
    assert_int_equal(second_order(&once_op), TP_ERR_AUTOGRAD);
    assert_non_null(strstr(tp_last_error().message, "once"));
}

static void test_rule_without_result_is_an_error(void **state) {
    (void)state;
    assert_int_not_equal(first_order(&failing_op), TP_OK);
}

/* Restores what it perturbs. */
static void test_inputs_are_as_before(void **state) {
    (void)state;
    tp_tensor *x = input();
    double before[6], after[6];
    assert_int_equal(tp_tensor_copy_out(x, before, 6), TP_OK);
    assert_int_equal(tp_gradcheck(call, (void *)&right_op, TP_TENSORS(x), (tp_gradcheck_options){0}), TP_OK);
    assert_int_equal(tp_tensor_copy_out(x, after, 6), TP_OK);
    assert_memory_equal(before, after, sizeof before);
    assert_null(tp_tensor_grad(x));
}

/* ---- fast mode, inputs that are not packed, rules that vary -------------------------------------------------- */

static void test_fast_mode_catches_what_is_wrong(void **state) {
    (void)state;
    tp_gradcheck_options fast = {.fast = true};
    tp_tensor *x = tp_set_requires_grad(tp_linspace(0.5, 2, 1000, TP_F64), true);
    double before[1000], after[1000];
    assert_int_equal(tp_tensor_copy_out(x, before, 1000), TP_OK);
    const tp__op *right[] = {&right_op, &cut_op}, *wrong[] = {&wrong_op, &negated_op, &zero_op};
    for (int k = 0; k < 2; k++)
        assert_int_equal(tp_gradcheck(call, (void *)right[k], TP_TENSORS(x), fast), TP_OK);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(tp_gradcheck(call, (void *)wrong[k], TP_TENSORS(x), fast), TP_ERR_GRADCHECK);
        assert_non_null(strstr(tp_last_error().message,
                               "gradcheck: d output 0 / d input 0 along random directions: analytic"));
    }
    assert_int_equal(tp_gradgradcheck(call, (void *)&right_op, TP_TENSORS(x), fast), TP_OK);
    assert_int_equal(tp_gradgradcheck(call, (void *)&cut_op, TP_TENSORS(x), fast), TP_ERR_GRADCHECK);
    assert_int_equal(tp_gradcheck(constant, NULL, TP_TENSORS(x), fast), TP_ERR_GRADCHECK);
    assert_non_null(strstr(tp_last_error().message, "all gradients are zero"));
    assert_int_equal(tp_tensor_copy_out(x, after, 1000), TP_OK);
    assert_memory_equal(before, after, sizeof before);
}

static void test_inputs_that_are_not_packed(void **state) {
    (void)state;
    tp_tensor *x = tp_t(tp_reshape(tp_linspace(0.5, 2, 6, TP_F64), TP_SHAPE(2, 3)));
    x = tp_set_requires_grad(tp_narrow(x, 0, 1, 2), true);
    assert_false(tp_tensor_is_contiguous(x));
    for (int fast = 0; fast < 2; fast++) {
        tp_gradcheck_options o = {.fast = fast};
        assert_int_equal(tp_gradcheck(call, (void *)&right_op, TP_TENSORS(x), o), TP_OK);
        assert_int_equal(tp_gradgradcheck(call, (void *)&right_op, TP_TENSORS(x), o), TP_OK);
        assert_int_equal(tp_gradcheck(call, (void *)&wrong_op, TP_TENSORS(x), o), TP_ERR_GRADCHECK);
    }
}

static int walks;
static void varying_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp_mul(g[0], tp_mul_scalar(tp__input(ctx, 0), 2 + 1e-9 * walks++));
}

static void test_varying_gradient_is_caught(void **state) {
    (void)state;
    static const tp__op varying = {.name = "varying", .vjp = varying_vjp, .save_inputs = TP__ALL};
    assert_int_equal(first_order(&varying), TP_ERR_GRADCHECK);
    assert_non_null(strstr(tp_last_error().message, "changes from walk to walk"));
    assert_int_equal(tp_gradcheck(call, (void *)(uintptr_t)&varying, TP_TENSORS(input()),
                                  (tp_gradcheck_options){.nondet_tol = 1e-6}),
                     TP_OK);
}

/* ---- the sample table can fail too --------------------------------------------------------------------- */

SAMPLE_RUN(run_right, squared(&right_op, in[0]))
SAMPLE_RUN(run_wrong, squared(&wrong_op, in[0]))
SAMPLE_RUN(run_zero, squared(&zero_op, in[0]))
SAMPLE_RUN(run_cut, squared(&cut_op, in[0]))
SAMPLE_RUN(run_off, squared(&off_op, in[0]))
SAMPLE_RUN(run_once, squared(&once_op, in[0]))
SAMPLE_RUN(run_null, in[0] ? squared(&right_op, in[0]) : NULL)

/* Reads memory as if every tensor were packed. */
static int run_packed_only(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    out[0] =
        in[0] ? tp_from_data(tp_tensor_data(in[0]), tp_tensor_shape(in[0]), tp_tensor_dtype(in[0])) : NULL;
    return 1;
}

static void ref_square(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, in[0].shape);
    for (int64_t n = 0; n < out->numel; n++) y[n] = in[0].data[n] * in[0].data[n];
}
static void ref_cube(const sample *row, const dense *in, dense *out) {
    ref_square(row, in, out);
    for (int64_t n = 0; n < out->numel; n++) out->data[n] *= in[0].data[n];
}
static void ref_same(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, in[0].shape);
    for (int64_t n = 0; n < out->numel; n++) y[n] = in[0].data[n];
}

/* Tables, laid out by hand. */
/* clang-format off */
#define IN {FLOATS(0.5, 2, 3, 4)}
static const sample row_right = {"right", "", run_right, ref_square, IN},
                    row_reference = {"right", "another reference", run_right, ref_cube, IN},
                    row_wrong = {"wrong", "", run_wrong, ref_square, IN},
                    row_zero = {"zero", "", run_zero, ref_square, IN}, row_cut = {"cut", "", run_cut,
                    ref_square, IN},
                    row_off = {"off", "", run_off, ref_square, IN},
                    row_once = {"once", "", run_once, ref_square, IN, .no_second = "made so"},
                    row_not_once = {"right", "", run_right, ref_square, IN, .no_second = "not so"},
                    row_null = {"right", "null", run_null, ref_square, IN},
                    row_packed = {"packed", "", run_packed_only, ref_same, IN,
                    .flags = SAMPLE_NO_GRAD | SAMPLE_NO_EXPAND};
/* clang-format on */

static void test_table_passes_what_is_right(void **state) {
    (void)state;
    sample_quiet = false;
    assert_int_equal(sample_check_values(&row_right).failures, 0);
    assert_int_equal(sample_check_layout(&row_right).failures, 0);
    assert_int_equal(sample_check_gradients(&row_right).failures, 0);
    assert_int_equal(sample_check_isa(&row_right).failures, 0);
    assert_int_equal(sample_check_threads(&row_right).failures, 0);
    assert_int_equal(sample_check_errors(&row_right).failures, 0);
    assert_int_equal(sample_check_gradients(&row_once).failures, 0);
}

static void test_table_catches_what_is_wrong(void **state) {
    (void)state;
    sample_quiet = true;
    assert_int_not_equal(sample_check_values(&row_reference).failures, 0);
    assert_int_not_equal(sample_check_layout(&row_packed).failures, 0);
    assert_int_not_equal(sample_check_gradients(&row_wrong).failures, 0);
    assert_int_not_equal(sample_check_gradients(&row_zero).failures, 0);
    assert_int_not_equal(sample_check_gradients(&row_cut).failures, 0);
    assert_int_not_equal(sample_check_gradients(&row_off).failures, 0);
    assert_int_not_equal(sample_check_gradients(&row_not_once).failures, 0);
    assert_int_not_equal(sample_check_errors(&row_null).failures, 0);
    sample_quiet = false;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_gradient_passes),
        cmocka_unit_test(test_wrong_gradient_is_caught),
        cmocka_unit_test(test_zero_gradient_is_caught),
        cmocka_unit_test(test_zero_everywhere_is_caught),
        cmocka_unit_test(test_lost_second_derivative_is_caught),
        cmocka_unit_test(test_once_is_an_error_at_second_order),
        cmocka_unit_test(test_rule_without_result_is_an_error),
        cmocka_unit_test(test_inputs_are_as_before),
        cmocka_unit_test(test_fast_mode_catches_what_is_wrong),
        cmocka_unit_test(test_inputs_that_are_not_packed),
        cmocka_unit_test(test_varying_gradient_is_caught),
        cmocka_unit_test(test_table_passes_what_is_right),
        cmocka_unit_test(test_table_catches_what_is_wrong),
    };
    return cmocka_run_group_tests_name("gradcheck", tests, NULL, NULL);
}
