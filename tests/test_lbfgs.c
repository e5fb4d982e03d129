/* L-BFGS, and steps that compute their loss themselves. Trajectories against PyTorch's are in test_golden.c. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"

static double largest(tp_tensor *t) { return tp_tensor_item(tp_amax(tp_abs(t), TP_NO_DIMS, false)); }

static bool same_bits(const tp_tensor *a, const tp_tensor *b) {
    size_t bytes = (size_t)tp_tensor_numel(a) * tp_dtype_size(tp_tensor_dtype(a));
    return memcmp(tp_tensor_data(a), tp_tensor_data(b), bytes) == 0;
}

/* Rosenbrock's valley, with its minimum of 0 where all are 1. */
typedef struct valley {
    tp_tensor *x;
    int calls, fail_at;
} valley;

static tp_tensor *valley_loss(void *context) {
    valley *v = context;
    if (++v->calls == v->fail_at) {
        tp_error_set(TP_ERR_NUMERIC, "valley", "fails here");
        return NULL;
    }
    int64_t n = tp_tensor_numel(v->x);
    tp_tensor *a = tp_narrow(v->x, 0, 0, n - 1), *b = tp_narrow(v->x, 0, 1, n - 1);
    return tp_sum(
        tp_add(tp_mul_scalar(tp_square(tp_sub(b, tp_square(a))), 100), tp_square(tp_scalar_sub(1, a))));
}

static valley valley_new(tp_dtype dtype) {
    return (valley){.x = tp_set_requires_grad(tp_full(TP_SHAPE(6), -0.5, dtype), true)};
}

static void lbfgs_finds_the_minimum(void **state) {
    (void)state;
    for (int d = 0; d < 2; d++) {
        valley v = valley_new(d ? TP_F64 : TP_F32);
        tp_optim *o =
            tp_optim_lbfgs(TP_TENSORS(v.x), 1, (tp_lbfgs_options){.strong_wolfe = true, .max_iter = 100});
        double first = NAN, last = NAN;
        assert_ok(tp_optim_step_closure(o, valley_loss, &v, &first));
        assert_ok(tp_optim_step_closure(o, valley_loss, &v, &last));
        assert_true(first > 10 && last < 1e-9);
        assert_true(largest(tp_sub_scalar(tp_detach(v.x), 1)) < 1e-5);
        assert_ok(tp_optim_zero_grad(o));
        tp_optim_free(o);
    }
}

static void lbfgs_goes_on_from_a_loaded_state(void **state) {
    (void)state;
    tp_lbfgs_options options = {.strong_wolfe = true, .max_iter = 4, .history_size = 3};
    valley v = valley_new(TP_F64), w = valley_new(TP_F64);
    tp_optim *o = tp_optim_lbfgs(TP_TENSORS(v.x), 1, options),
             *fresh = tp_optim_lbfgs(TP_TENSORS(w.x), 1, options);
    assert_int_equal(tp_optim_state(o).count, 0);
    for (int step = 0; step < 2; step++) assert_ok(tp_optim_step_closure(o, valley_loss, &v, NULL));
    tp_no_grad_begin();
    assert_tensor(tp_copy_(w.x, tp_detach(v.x)));
    assert_ok(tp_no_grad_end());
    tp_named_tensors named = tp_optim_state(o);
    assert_int_equal(named.count, 9);
    assert_ok(tp_optim_load_state(fresh, named));
    for (int step = 0; step < 3; step++) {
        assert_ok(tp_optim_step_closure(o, valley_loss, &v, NULL));
        assert_ok(tp_optim_step_closure(fresh, valley_loss, &w, NULL));
        assert_true(same_bits(v.x, w.x));
    }
    named = tp_optim_state(o);
    assert_int_equal(tp_optim_load_state(fresh, (tp_named_tensors){8, named.items}), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "optim_load_state: \"0.old_stps\" is missing");
    assert_int_equal(tp_optim_load_state(fresh, (tp_named_tensors){1, &(tp_named_tensor){"0.x", v.x}}),
                     TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "optim_load_state: \"0.x\" is no state of this optimizer");
    assert_ok(tp_optim_load_state(fresh, (tp_named_tensors){0, NULL}));
    assert_int_equal(tp_optim_state(fresh).count, 0);
    assert_ok(tp_optim_zero_grad(o));
    assert_ok(tp_optim_zero_grad(fresh));
    tp_optim_free(o);
    tp_optim_free(fresh);
}

/* A loss that fails, or an allocation, wherever it is in the step: parameters and state are as before, and the next step is the
 * one that would have been. */
static void lbfgs_fails_cleanly(void **state) {
    (void)state;
    tp_lbfgs_options options = {.strong_wolfe = true, .max_iter = 3, .history_size = 2};
    for (int64_t n = 1, reached = 1; reached; n++) {
        tp_scope *s = tp_scope_begin();
        valley v = valley_new(TP_F64), w = valley_new(TP_F64);
        tp_optim *o = tp_optim_lbfgs(TP_TENSORS(v.x), 1, options),
                 *twin = tp_optim_lbfgs(TP_TENSORS(w.x), 1, options);
        for (int step = 0; step < 2; step++) {
            assert_ok(tp_optim_step_closure(o, valley_loss, &v, NULL));
            assert_ok(tp_optim_step_closure(twin, valley_loss, &w, NULL));
        }
        tp_tensor *before = tp_clone(tp_detach(v.x));
        if (n <= 2) v.fail_at = v.calls + (int)n;
        else tp__alloc_fail_at(n - 2, false);
        double value = 0;
        tp_status status = tp_optim_step_closure(o, valley_loss, &v, &value);
        reached = n <= 2 || tp__alloc_fail_count() >= n - 2;
        tp__alloc_fail_at(0, false);
        assert_true(n > 2 || status == TP_ERR_NUMERIC);
        if (status != TP_OK) {
            assert_true(isnan(value) && same_bits(v.x, before));
            tp_error_clear();
            assert_ok(tp_optim_step_closure(o, valley_loss, &v, NULL));
        }
        assert_ok(tp_optim_step_closure(twin, valley_loss, &w, NULL));
        assert_true(same_bits(v.x, w.x));
        assert_ok(tp_optim_zero_grad(o));
        assert_ok(tp_optim_zero_grad(twin));
        tp_optim_free(o);
        tp_optim_free(twin);
        tp_scope_end(s);
    }
}

static void lbfgs_errors(void **state) {
    (void)state;
    valley v = valley_new(TP_F64);
    tp_tensor *other = tp_zeros(TP_SHAPE(2), TP_F32);
    assert_null(tp_optim_lbfgs(TP_TENSORS(v.x, other), 1, (tp_lbfgs_options){0}));
    assert_error(TP_ERR_DTYPE, "optim_lbfgs: parameter 1 is float32, parameter 0 float64; all must be alike");
    assert_null(tp_optim_lbfgs(TP_TENSORS(v.x), 1, (tp_lbfgs_options){.max_iter = -1}));
    assert_error(TP_ERR_ARGUMENT,
                 "optim_lbfgs: max_iter, max_eval and history_size must be positive, got -1, -1 and 100");
    assert_null(tp_optim_lbfgs(TP_TENSORS(v.x), 1, (tp_lbfgs_options){.tolerance_grad = NAN}));
    assert_error(TP_ERR_ARGUMENT,
                 "optim_lbfgs: tolerances must be finite and not negative, got nan and 1e-09");
    tp_optim *o = tp_optim_lbfgs(TP_TENSORS(v.x), 1, (tp_lbfgs_options){0});
    assert_int_equal(tp_optim_step(o), TP_ERR_STATE);
    assert_error(TP_ERR_STATE, "optim_step: L-BFGS needs tp_optim_step_closure()");
    assert_int_equal(tp_optim_add_group(o, TP_TENSORS(other), (tp_group_options){0}), -1);
    assert_error(TP_ERR_STATE, "optim_add_group: L-BFGS has one group only");
    tp_tensor *out;
    assert_int_equal(tp_optim_step_functional(o, TP_TENSORS(v.x), TP_TENSORS(v.x), (tp_tensors){0, NULL},
                                              NULL, &out, NULL),
                     TP_ERR_STATE);
    assert_error(TP_ERR_STATE, "optim_step_functional: L-BFGS has no functional form");
    assert_int_equal(tp_optim_step_closure(o, NULL, NULL, NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "optim_step_closure: argument loss is NULL");
    tp_optim_free(o);
}

static tp_tensor *no_loss(void *context) {
    (void)context;
    return NULL;
}

static tp_optim *other_optim(int k, tp_tensor *x) {
    return k ? tp_optim_adam(TP_TENSORS(x), 1e-3, (tp_adam_options){0})
             : tp_optim_sgd(TP_TENSORS(x), 1e-3, (tp_sgd_options){.momentum = 0.9});
}

static void closures_for_all(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++) {
        valley v = valley_new(TP_F64), w = valley_new(TP_F64);
        tp_optim *o = other_optim(k, v.x), *p = other_optim(k, w.x);
        double value;
        assert_ok(tp_optim_step_closure(o, valley_loss, &v, &value));
        tp_tensor *loss = valley_loss(&w);
        assert_ok(tp_backward(loss));
        assert_ok(tp_optim_step(p));
        assert_true(value == tp_tensor_item(loss) && same_bits(v.x, w.x));
        assert_int_equal(tp_optim_step_closure(o, no_loss, NULL, &value), TP_ERR_NULL);
        assert_error(TP_ERR_NULL, "optim_step_closure: the loss is NULL");
        assert_true(isnan(value));
        assert_ok(tp_optim_zero_grad(o));
        assert_ok(tp_optim_zero_grad(p));
        tp_optim_free(o);
        tp_optim_free(p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(lbfgs_finds_the_minimum), CHECK_TEST(lbfgs_goes_on_from_a_loaded_state),
        CHECK_TEST(lbfgs_fails_cleanly),     CHECK_TEST(lbfgs_errors),
        CHECK_TEST(closures_for_all),
    };
    return cmocka_run_group_tests_name("lbfgs", tests, NULL, NULL);
}
