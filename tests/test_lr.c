/* Schedules, clipping and averages: errors, ownership, edges. The rates against PyTorch's are in golden_lr.c. */
/* ctest: threads */
#include "check.h"

#include <math.h>
#include <string.h>

static tp_optim *one_parameter(void) {
    return tp_optim_sgd(TP_TENSORS(tp_zeros(TP_SHAPE(2), TP_F32)), 0.1, (tp_sgd_options){0});
}

static void schedules_check_their_numbers(void **state) {
    (void)state;
    tp_optim *o = one_parameter();
    assert_null(tp_lr_step(NULL, 1, 0.5));
    assert_error(TP_ERR_NULL, "lr_step: argument optim is NULL");
    assert_null(tp_lr_step(o, 0, 0.5));
    assert_error(TP_ERR_ARGUMENT, "lr_step: step_size must be positive, and at most 2^50, got 0");
    assert_null(tp_lr_exponential(o, NAN));
    assert_error(TP_ERR_ARGUMENT, "lr_exponential: gamma must be finite and not negative, got nan");
    assert_null(tp_lr_multi_step(o, (const int64_t[]){4, 3}, 2, 0.5));
    assert_error(TP_ERR_ARGUMENT, "lr_multi_step: milestones must ascend from 0, got milestones[1] = 3");
    assert_null(tp_lr_multi_step(o, NULL, -1, 0.5));
    assert_error(TP_ERR_ARGUMENT, "lr_multi_step: there cannot be -1 milestones");
    assert_null(tp_lr_linear(o, 0, 1, 5));
    assert_error(TP_ERR_ARGUMENT, "lr_linear: start must be in (0, 1], got 0");
    assert_null(tp_lr_cosine(o, 5, -1));
    assert_error(TP_ERR_ARGUMENT, "lr_cosine: eta_min must be finite and not negative, got -1");
    assert_null(tp_lr_cosine_restarts(o, 5, 0, 0));
    assert_error(TP_ERR_ARGUMENT, "lr_cosine_restarts: t_mult must be positive, and at most 2^50, got 0");
    assert_null(tp_lr_one_cycle(o, 1, 10, (tp_one_cycle_options){.pct_start = 2}));
    assert_error(TP_ERR_ARGUMENT, "lr_one_cycle: pct_start must be in [0, 1], got 2");
    assert_null(tp_lr_plateau(o, (tp_plateau_options){.factor = 1}));
    assert_error(TP_ERR_ARGUMENT, "lr_plateau: factor must be in [0, 1), got 1");
    assert_null(tp_lr_plateau(o, (tp_plateau_options){.patience = -2}));
    assert_error(TP_ERR_ARGUMENT, "lr_plateau: patience -2 and cooldown 0 cannot be");
    assert_int_equal(tp_lr_next(NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "lr_next: argument lr is NULL");
    assert_true(tp_optim_lr(o, 0) == 0.1);
    tp_lr_free(NULL);
    tp_optim_free(o);
}

static void parts_are_taken_over(void **state) {
    (void)state;
    tp_optim *o = one_parameter(), *other = one_parameter();
    tp_lr *parts[] = {tp_lr_step(o, 2, 0.5), tp_lr_plateau(o, (tp_plateau_options){0}),
                      tp_lr_step(o, 2, 0.5)};
    assert_null(tp_lr_chained(parts, 3));
    assert_error(TP_ERR_ARGUMENT, "lr_chained: parts[1] is a plateau");
    parts[0] = tp_lr_step(o, 2, 0.5);
    parts[1] = parts[2] = tp_lr_step(other, 2, 0.5);
    assert_null(tp_lr_chained(parts, 3));
    assert_error(TP_ERR_ARGUMENT, "lr_chained: parts[1] is of another optimizer than parts[0]");
    parts[0] = parts[1] = tp_lr_step(o, 2, 0.5);
    assert_null(tp_lr_chained(parts, 2));
    assert_error(TP_ERR_ARGUMENT, "lr_chained: parts[1] is a part of a schedule already");
    parts[0] = tp_lr_step(o, 2, 0.5);
    parts[1] = tp_lr_step(o, 0, 0.5);
    assert_null(tp_lr_sequential(parts, 2, (const int64_t[]){1}));
    assert_error(TP_ERR_ARGUMENT, "lr_step: step_size must be positive, and at most 2^50, got 0");
    parts[0] = tp_lr_step(o, 2, 0.5);
    parts[1] = tp_lr_step(o, 2, 0.5);
    assert_null(tp_lr_sequential(parts, 2, (const int64_t[]){0}));
    assert_error(TP_ERR_ARGUMENT, "lr_sequential: milestones must ascend from 1, got milestones[0] = 0");
    assert_null(tp_lr_sequential(NULL, 0, NULL));
    assert_error(TP_ERR_ARGUMENT, "lr_sequential: there cannot be 0 parts");
    tp_optim_free(o);
    tp_optim_free(other);
}

static void a_schedule_that_cannot_go_on_says_so(void **state) {
    (void)state;
    tp_optim *o = one_parameter();
    tp_lr *lr = tp_lr_plateau(o, (tp_plateau_options){.patience = -1});
    assert_int_equal(tp_lr_next(lr), TP_ERR_STATE);
    assert_error(TP_ERR_STATE, "lr_next: a plateau goes on by tp_lr_report()");
    assert_ok(tp_lr_report(lr, 1));
    assert_ok(tp_lr_report(lr, NAN));
    assert_true(fabs(tp_optim_lr(o, 0) - 0.01) < 1e-15);
    tp_lr_free(lr);
    assert_ok(tp_optim_set_lr(o, 0, 0.4)); /* the base of what comes now */
    lr = tp_lr_linear(o, 0.5, 1, 1);
    assert_true(tp_optim_lr(o, 0) == 0.2);
    tp_lr_free(lr);
    lr = tp_lr_one_cycle(o, 1, 2, (tp_one_cycle_options){0});
    assert_ok(tp_lr_next(lr));
    assert_ok(tp_lr_next(lr));
    double least = tp_optim_lr(o, 0);
    assert_true(fabs(least - 4e-6) < 1e-15);
    assert_int_equal(tp_lr_next(lr), TP_ERR_STATE);
    assert_error(TP_ERR_STATE, "lr_next: the one-cycle schedule has 2 steps, all of them taken");
    assert_true(tp_optim_lr(o, 0) == least);
    tp_lr_free(lr);
    tp_optim_free(o);
}

static void states_are_checked(void **state) {
    (void)state;
    tp_optim *o = one_parameter();
    tp_lr *lr = tp_lr_step(o, 2, 0.5);
    tp_named_tensor entry = {"schedule", tp_zeros(TP_SHAPE(9), TP_F32)};
    assert_int_equal(tp_lr_load_state(lr, (tp_named_tensors){0, NULL}), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "lr_load_state: a schedule's state is one tensor named \"schedule\"");
    assert_int_equal(tp_lr_load_state(lr, (tp_named_tensors){1, &entry}), TP_ERR_DTYPE);
    assert_error(TP_ERR_DTYPE, "lr_load_state: \"schedule\" is not packed float64 but float32");
    entry.tensor = tp_full(TP_SHAPE(9), 0.5, TP_F64);
    assert_int_equal(tp_lr_load_state(lr, (tp_named_tensors){1, &entry}), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "lr_load_state: \"schedule\" holds numbers that no schedule has");
    entry.tensor = tp_zeros(TP_SHAPE(8), TP_F64);
    assert_int_equal(tp_lr_load_state(lr, (tp_named_tensors){1, &entry}), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "lr_load_state: \"schedule\" is (8,) instead of (9,)");
    assert_int_equal(tp_lr_state(NULL).count, 0);
    assert_error(TP_ERR_NULL, "lr_state: argument lr is NULL");
    assert_true(tp_optim_lr(o, 0) == 0.1);
    tp_lr_free(lr);
    tp_optim_free(o);
}

/* ---- clipping ---------------------------------------------------------------------------------------- */

static tp_tensor *with_grad(tp_tensor *grad) {
    tp_tensor *p = tp_set_requires_grad(tp_zeros_like(tp_detach(grad)), true);
    assert_ok(tp_tensor_set_grad(p, grad));
    return p;
}

static void norms_are_clipped(void **state) {
    (void)state;
    tp_tensor *a = with_grad(TP_F32_TENSOR(TP_SHAPE(2), 3, 0)),
              *b = with_grad(TP_F64_TENSOR(TP_SHAPE(1), -4));
    tp_tensor *none = tp_set_requires_grad(tp_zeros(TP_SHAPE(3), TP_F32), true);
    tp_tensors params = TP_TENSORS(a, none, b);
    assert_true(tp_clip_grad_norm(params, 10, (tp_clip_options){0}) == 5);
    assert_values(tp_tensor_grad(a), 3, 0);
    assert_true(tp_clip_grad_norm(params, 4, (tp_clip_options){.norm_type = INFINITY}) == 4);
    assert_true(fabs(tp_clip_grad_norm(params, 1, (tp_clip_options){.norm_type = 1}) - 7) < 1e-5);
    assert_values(tp_tensor_grad(a), 3.0 / 7, 0);
    assert_values(tp_tensor_grad(b), -4.0 / 7);
    assert_true(tp_clip_grad_norm((tp_tensors){0, NULL}, 1, (tp_clip_options){0}) == 0);
    assert_ok(tp_clip_grad_value(params, 0.5));
    assert_values(tp_tensor_grad(a), 3.0 / 7, 0);
    assert_values(tp_tensor_grad(b), -0.5);
    assert_ok(tp_tensor_set_grad(b, TP_F64_TENSOR(TP_SHAPE(1), INFINITY)));
    assert_true(isnan(tp_clip_grad_norm(params, 1, (tp_clip_options){.error_if_nonfinite = true})));
    assert_error(TP_ERR_STATE, "clip_grad_norm: the norm of the gradients is inf");
    assert_true(isnan(tp_clip_grad_norm(params, -1, (tp_clip_options){0})));
    assert_error(TP_ERR_ARGUMENT, "clip_grad_norm: max_norm must not be negative, got -1");
    assert_true(isnan(tp_clip_grad_norm(params, 1, (tp_clip_options){.norm_type = -2})));
    assert_error(TP_ERR_ARGUMENT, "clip_grad_norm: norm_type must be positive, got -2");
    assert_int_equal(tp_clip_grad_value(params, NAN), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "clip_grad_value: value must not be negative, got nan");
    assert_int_equal(tp_clip_grad_value(TP_TENSORS(NULL), 1), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "clip_grad_value: argument params is NULL");
}

static void clipping_has_the_same_bits_at_any_number_of_threads(void **state) {
    (void)state;
    tp_manual_seed(3);
    tp_tensor *grad = tp_randn(TP_SHAPE(311, 307), TP_F32, NULL), *clipped[3];
    double norm[3];
    for (int threads = 1; threads <= 3; threads++) {
        tp_set_num_threads(threads);
        tp_tensor *p = with_grad(tp_clone(grad));
        norm[threads - 1] = tp_clip_grad_norm(TP_TENSORS(p), 0.3, (tp_clip_options){0});
        clipped[threads - 1] = tp_tensor_grad(p);
    }
    tp_set_num_threads(0);
    for (int k = 1; k < 3; k++) {
        assert_true(norm[k] == norm[0]);
        assert_memory_equal(tp_tensor_data(clipped[k]), tp_tensor_data(clipped[0]),
                            311 * 307 * sizeof(float));
    }
}

/* ---- averages ---------------------------------------------------------------------------------------- */

static void averages_begin_with_what_is_there(void **state) {
    (void)state;
    tp_tensor *p = TP_F64_TENSOR(TP_SHAPE(3), NAN, INFINITY, -1.5e308);
    tp_ema *ema = tp_ema_new(TP_TENSORS(p), 0.75, (tp_ema_options){0});
    assert_non_null(ema);
    tp_fill_(p, 1.5e308);
    assert_ok(tp_ema_update(ema));
    assert_values(tp_ema_state(ema).items[0].tensor, 1.5e308, 1.5e308, 1.5e308);
    tp_ema_free(ema);
}

static void averages_follow(void **state) {
    (void)state;
    tp_tensor *p = TP_F64_TENSOR(TP_SHAPE(2), 1, 2), *q = TP_F32_TENSOR(TP_SHAPE(1), 8);
    tp_ema *ema = tp_ema_new(TP_TENSORS(p, q), 0.75, (tp_ema_options){0});
    assert_non_null(ema);
    tp_fill_(p, 4);
    assert_ok(tp_ema_update(ema)); /* the first takes the values as they are */
    tp_fill_(p, 8);
    assert_ok(tp_ema_update(ema));
    assert_values(tp_ema_state(ema).items[0].tensor, 5, 5);
    assert_ok(tp_ema_swap(ema));
    assert_true(tp_ema_swapped(ema));
    assert_values(p, 5, 5);
    assert_int_equal(tp_ema_update(ema), TP_ERR_STATE);
    assert_error(TP_ERR_STATE, "ema_update: averages and parameters are swapped");
    assert_ok(tp_ema_swap(ema));
    assert_values(p, 8, 8);
    tp_named_tensors saved = tp_ema_state(ema);
    assert_int_equal(saved.count, 3);
    assert_string_equal(saved.items[2].name, "n_averaged");
    assert_int_equal(tp_tensor_item_i64(saved.items[2].tensor), 2);
    tp_ema *again = tp_ema_new(TP_TENSORS(p, q), 0.75, (tp_ema_options){0});
    assert_ok(tp_ema_load_state(again, saved));
    assert_ok(tp_ema_copy_to(again));
    assert_values(p, 5, 5);
    saved.count = 2;
    assert_int_equal(tp_ema_load_state(again, saved), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "ema_load_state: \"n_averaged\" is missing");
    tp_ema_free(ema);
    tp_ema_free(again);
    assert_null(tp_ema_new(TP_TENSORS(p), 1.5, (tp_ema_options){0}));
    assert_error(TP_ERR_ARGUMENT, "ema_new: decay must be in [0, 1], got 1.5");
    assert_null(tp_ema_new(TP_TENSORS(tp_zeros(TP_SHAPE(2), TP_I64)), 0.5, (tp_ema_options){0}));
    assert_error(TP_ERR_DTYPE, "ema_new: parameter 0 is int64, not float32 or float64");
}

static void averages_warm_up(void **state) {
    (void)state;
    tp_tensor *p = TP_F64_TENSOR(TP_SHAPE(1), 0);
    tp_ema *ema = tp_ema_new(TP_TENSORS(p), 0.999, (tp_ema_options){.warmup = true});
    assert_ok(tp_ema_update(ema));
    tp_fill_(p, 11);
    assert_ok(tp_ema_update(ema)); /* decay 2 / 11 */
    assert_values(tp_ema_state(ema).items[0].tensor, 9);
    tp_ema_free(ema);
}

/* ---- memory ------------------------------------------------------------------------------------------ */

static tp_status all_of_it(void *p) {
    tp_status status = TP_ERR_MEMORY;
    tp_optim *o = tp_optim_sgd(TP_TENSORS(p), 0.1, (tp_sgd_options){0});
    tp_lr *parts[2] = {o ? tp_lr_linear(o, 0.1, 1, 5) : NULL, o ? tp_lr_cosine(o, 5, 0) : NULL};
    tp_lr *lr = o ? tp_lr_sequential(parts, 2, (const int64_t[]){5}) : NULL;
    tp_ema *ema = lr ? tp_ema_new(TP_TENSORS(p), 0.9, (tp_ema_options){0}) : NULL;
    if (ema && tp_lr_state(lr).count == 1 && tp_clip_grad_norm(TP_TENSORS(p), 1, (tp_clip_options){0}) >= 0)
        status = tp_clip_grad_value(TP_TENSORS(p), 1);
    tp_ema_free(ema);
    tp_lr_free(lr);
    tp_optim_free(o);
    return status;
}

static void memory_may_run_out(void **state) {
    (void)state;
    assert_survives_no_memory(all_of_it, with_grad(tp_ones(TP_SHAPE(30), TP_F32)), 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(schedules_check_their_numbers),
        CHECK_TEST(parts_are_taken_over),
        CHECK_TEST(a_schedule_that_cannot_go_on_says_so),
        CHECK_TEST(states_are_checked),
        CHECK_TEST(norms_are_clipped),
        CHECK_TEST(clipping_has_the_same_bits_at_any_number_of_threads),
        CHECK_TEST(averages_begin_with_what_is_there),
        CHECK_TEST(averages_follow),
        CHECK_TEST(averages_warm_up),
        CHECK_TEST(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
