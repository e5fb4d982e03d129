/* Preparation of columns: against scikit-learn, and by hand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "support/golden.h"

/* The largest difference, relative to 1 + |want|, where NaN is equal to NaN; to `tol`. */
static void assert_near(const char *name, const char *what, const tp_tensor *got, const tp_tensor *want,
                        double tol) {
    double error = golden_error(got, want);
    if (!(error <= tol)) fail_msg("%s: %s differs by %g: %s", name, what, error, tp_last_error().message);
}

static tp_prepare *make(const char *args) {
    double numbers[3 * 8];
    tp_prepare_step steps[8];
    int count = args_numbers(args, "steps", numbers, 24) / 3;
    for (int i = 0; i < count; i++)
        steps[i] = (tp_prepare_step){(tp_prepare_kind)numbers[3 * i], numbers[3 * i + 1], numbers[3 * i + 2]};
    tp_prepare *p = tp_prepare_new((tp_prepare_steps){count, steps});
    assert_tensor(p);
    return p;
}

static void test_golden(void **state) {
    (void)state;
    golden *file = golden_open("prepare");
    int cases = 0;
    for (int i = 0; i < golden_count(file); i++) {
        const char *name = golden_name(file, i), *args = golden_args(file, i);
        tp_scope *s = tp_scope_begin();
        tp_tensor *train = golden_tensor(file, TP_F64, "%s/train", name);
        tp_tensor *test = golden_tensor(file, TP_F64, "%s/test", name);
        tp_tensor *applied = golden_tensor(file, TP_F64, "%s/applied", name);
        tp_tensor *inverse = golden_tensor(file, TP_F64, "%s/inverse", name);
        tp_prepare *p = make(args);
        assert_ok(tp_prepare_fit(p, train));
        assert_int_equal(tp_prepare_columns(p), 6);
        tp_tensor *y = tp_prepare_apply(p, test);
        assert_near(name, "apply", y, applied, 1e-12);
        assert_near(name, "inverse", tp_prepare_inverse(p, y), inverse, 1e-12);
        tp_prepare *again = tp_prepare_from_state(tp_prepare_state(p));
        assert_near(name, "saved", tp_prepare_apply(again, test), y, 0);
        tp_tensor *turned = tp_t(tp_contiguous(tp_t(test)));
        assert_near(name, "not packed", tp_prepare_apply(p, turned), y, 0);
        tp_prepare_free(p);
        tp_prepare_free(again);
        tp_scope_end(s);
        cases++;
    }
    golden_close(file);
    assert_int_equal(cases, 23);
}

static void test_by_hand(void **state) {
    (void)state;
    tp_prepare *p = tp_prepare_new(
        TP_STEPS({.kind = TP_PREPARE_FILL_MEAN}, {.kind = TP_PREPARE_MINMAX, .a = -1, .b = 1}));
    tp_tensor *x = TP_F32_TENSOR(TP_SHAPE(3), 1, NAN, 5);
    assert_int_equal(tp_prepare_columns(p), 0);
    assert_ok(tp_prepare_fit(p, x));
    tp_tensor *y = tp_prepare_apply(p, x);
    assert_int_equal(tp_tensor_dtype(y), TP_F32);
    assert_values(y, -1, 0, 1);
    assert_values(tp_prepare_inverse(p, y), 1, 3, 5);
    assert_values(tp_prepare_apply(p, TP_F64_TENSOR(TP_SHAPE(2, 1), 7, NAN)), 2, 0);
    assert_true(
        tp_shape_equal(tp_tensor_shape(tp_prepare_apply(p, tp_zeros(TP_SHAPE(0), TP_F32))), TP_SHAPE(0)));
    assert_ok(tp_prepare_fit(p, tp_ones(TP_SHAPE(2, 3), TP_F64))); /* again, on other columns */
    assert_values(tp_prepare_apply(p, tp_full(TP_SHAPE(1, 3), 1, TP_F64)), -1, -1, -1);
    tp_prepare_free(p);
    tp_prepare_free(NULL);
}

/* Windows have the figures of all their rows; what is missing in one is not filled from the one before. */
static void test_windows(void **state) {
    (void)state;
    tp_prepare *p = tp_prepare_new(TP_STEPS({.kind = TP_PREPARE_FILL_FORWARD}, {.kind = TP_PREPARE_MINMAX}));
    tp_tensor *x = TP_F64_TENSOR(TP_SHAPE(2, 2, 2), 1, 10, NAN, 30, NAN, NAN, 5, 50);
    assert_ok(tp_prepare_fit(p, x));
    assert_int_equal(tp_prepare_columns(p), 2);
    tp_tensor *y = tp_prepare_apply(p, x); /* filled: 1 10, 1 30; 3 30, 5 50 */
    assert_true(tp_shape_equal(tp_tensor_shape(y), TP_SHAPE(2, 2, 2)));
    assert_values(y, 0, 0, 0, 0.5, 0.5, 0.5, 1, 1);
    assert_values(tp_prepare_inverse(p, y), 1, 10, 1, 30, 3, 30, 5, 50);
    assert_int_equal(tp_tensor_numel(tp_prepare_apply(p, tp_zeros(TP_SHAPE(3, 0, 2), TP_F32))), 0);
    assert_ok(tp_prepare_fit(p, TP_F64_TENSOR(TP_SHAPE(2), 10, 20)));
    tp_tensor *forecast = TP_F64_TENSOR(TP_SHAPE(2, 2, 1), 0, 0.5, 1, 2);
    assert_values(tp_prepare_inverse(p, forecast), 10, 15, 20, 30);
    tp_prepare_free(p);
}

static void test_file(void **state) {
    (void)state;
    char path[] = "/tmp/taper-prepare-XXXXXX", message[200];
    int fd = mkstemp(path);
    assert_true(fd >= 0 && close(fd) == 0);
    tp_tensor *x = tp_rand(TP_SHAPE(20, 3), TP_F32, NULL);
    tp_prepare *p = tp_prepare_new(
        TP_STEPS({.kind = TP_PREPARE_CLIP_DEVIATIONS, .a = 1}, {.kind = TP_PREPARE_STANDARDIZE}));
    assert_int_equal(tp_prepare_save(p, path), TP_ERR_STATE);
    assert_error(TP_ERR_STATE, "prepare_save: it has not been fitted");
    assert_ok(tp_prepare_fit(p, x));
    assert_ok(tp_prepare_save(p, path));
    tp_prepare *q = tp_prepare_load(path);
    assert_tensor(q);
    assert_near("file", "apply", tp_prepare_apply(q, x), tp_prepare_apply(p, x), 0);
    assert_int_equal(tp_prepare_save(p, "/nowhere/p"), TP_ERR_IO);
    assert_true(strncmp(tp_last_error().message, "prepare_save: /nowhere/p", 24) == 0);
    assert_null(tp_prepare_load("/nowhere/p"));
    assert_error(TP_ERR_IO, "prepare_load: /nowhere/p: No such file or directory");
    tp_named_tensor other = {"prepare", x};
    assert_ok(tp_safetensors_save(path, (tp_named_tensors){1, &other}, (tp_named_texts){0}));
    assert_null(tp_prepare_load(path));
    snprintf(message, sizeof message, "prepare_load: %s: is no state of a preparation: float32 (20, 3)",
             path);
    assert_error(TP_ERR_FORMAT, message);
    tp_prepare_free(p);
    tp_prepare_free(q);
    assert_int_equal(unlink(path), 0);
}

/* States that cannot be: each row one. */
static void test_broken_states(void **state) {
    (void)state;
    static const double rows[][5] = {{0, 0, 0, 1, 1},   {9, 0, 0, 1, 1},       {1.5, 0, 0, 1, 1},
                                     {NAN, 0, 0, 1, 1}, {1, 0, 0, 1, 0},       {1, 0, 0, 1, -1},
                                     {2, 3, 1, 1, 1},   {1, 0, 0, NAN, 1},     {7, 0, 2, 0, 1},
                                     {8, -1, 0, 0, 1},  {1, INFINITY, 0, 1, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(tp_prepare_from_state(tp_from_f64(TP_SHAPE(1, 5), rows[i], 5)));
        assert_error(TP_ERR_FORMAT, "prepare_from_state: is no state of a preparation: row 0 makes no sense");
    }
    assert_null(tp_prepare_from_state(tp_zeros(TP_SHAPE(1, 4), TP_F64)));
    assert_error(TP_ERR_FORMAT, "prepare_from_state: is no state of a preparation: float64 (1, 4)");
    assert_null(tp_prepare_from_state(tp_zeros(TP_SHAPE(0, 5), TP_F64)));
    assert_error(TP_ERR_FORMAT, "prepare_from_state: is no state of a preparation: float64 (0, 5)");
    assert_null(tp_prepare_from_state(NULL));
    assert_error(TP_ERR_NULL, "prepare_from_state: argument state is NULL");
}

static void test_errors(void **state) {
    (void)state;
    assert_null(tp_prepare_new((tp_prepare_steps){0}));
    assert_error(TP_ERR_ARGUMENT, "prepare_new: there cannot be 0 steps");
    assert_null(tp_prepare_new(
        TP_STEPS({.kind = TP_PREPARE_STANDARDIZE}, {.kind = TP_PREPARE_MINMAX, .a = 2, .b = 1})));
    assert_error(TP_ERR_ARGUMENT, "prepare_new: step 1 makes no sense: kind 2, a 2, b 1");
    assert_null(tp_prepare_new(TP_STEPS({.kind = TP_PREPARE_CLIP_QUANTILES, .a = 0.5, .b = 1.5})));
    assert_error(TP_ERR_ARGUMENT, "prepare_new: step 0 makes no sense: kind 7, a 0.5, b 1.5");
    tp_prepare *p = tp_prepare_new(TP_STEPS({.kind = TP_PREPARE_STANDARDIZE}));
    tp_tensor *x = tp_ones(TP_SHAPE(5, 2), TP_F32);
    assert_null(tp_prepare_apply(p, x));
    assert_error(TP_ERR_STATE, "prepare_apply: it has not been fitted");
    assert_null(tp_prepare_state(p));
    assert_error(TP_ERR_STATE, "prepare_state: it has not been fitted");
    assert_int_equal(tp_prepare_fit(p, tp_zeros(TP_SHAPE(0, 2), TP_F32)), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "prepare_fit: x has no rows");
    assert_int_equal(tp_prepare_fit(p, tp_zeros(TP_SHAPE(1, 2, 2, 2), TP_F32)), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "prepare_fit: x is (1, 2, 2, 2), not (N), (N, C) or (M, L, C)");
    assert_int_equal(tp_prepare_fit(p, tp_zeros(TP_SHAPE(3), TP_I64)), TP_ERR_DTYPE);
    assert_int_equal(tp_prepare_fit(p, NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "prepare_fit: argument x is NULL");
    assert_ok(tp_prepare_fit(p, x));
    tp_tensor *bad = TP_F32_TENSOR(TP_SHAPE(2, 2), 1, NAN, 2, NAN);
    assert_int_equal(tp_prepare_fit(p, bad), TP_ERR_NUMERIC);
    assert_error(TP_ERR_NUMERIC, "prepare_fit: column 1 has no value in 2 rows");
    assert_int_equal(tp_prepare_fit(p, TP_F32_TENSOR(TP_SHAPE(2), 1, -INFINITY)), TP_ERR_NUMERIC);
    assert_error(TP_ERR_NUMERIC, "prepare_fit: row 1 of column 0 is infinite");
    assert_int_equal(tp_prepare_fit(p, TP_F64_TENSOR(TP_SHAPE(2), 1e308, -1e308)), TP_ERR_NUMERIC);
    assert_error(TP_ERR_NUMERIC, "prepare_fit: the values of column 0 are too large");
    assert_int_equal(tp_prepare_columns(p), 2); /* as it was */
    assert_values(tp_prepare_apply(p, tp_ones(TP_SHAPE(1, 2), TP_F32)), 0, 0);
    assert_null(tp_prepare_inverse(p, tp_ones(TP_SHAPE(4, 3), TP_F32)));
    assert_error(TP_ERR_SHAPE, "prepare_inverse: it was fitted on 2 columns, x has 3: (4, 3)");
    assert_null(tp_prepare_apply(p, tp_ones(TP_SHAPE(4), TP_F32)));
    assert_error(TP_ERR_SHAPE, "prepare_apply: it was fitted on 2 columns, x has 1: (4,)");
    assert_int_equal(tp_prepare_columns(NULL), -1);
    assert_error(TP_ERR_NULL, "prepare_columns: argument prepare is NULL");
    tp_prepare_free(p);
}

static char walk_path[] = "/tmp/taper-prepare-XXXXXX";

static tp_status all_of_it(void *x) {
    tp_prepare *p =
        tp_prepare_new(TP_STEPS({.kind = TP_PREPARE_FILL_MEDIAN}, {.kind = TP_PREPARE_STANDARDIZE}));
    bool ok = p && tp_prepare_fit(p, x) == TP_OK && tp_prepare_inverse(p, tp_prepare_apply(p, x)) &&
              tp_prepare_save(p, walk_path) == TP_OK;
    tp_prepare *q = ok ? tp_prepare_load(walk_path) : NULL;
    tp_prepare_free(p);
    tp_prepare_free(q);
    return q ? TP_OK : tp_last_error().code;
}

static void test_no_memory(void **state) {
    (void)state;
    int fd = mkstemp(walk_path);
    assert_true(fd >= 0 && close(fd) == 0);
    assert_survives_no_memory(all_of_it, tp_rand(TP_SHAPE(20, 30), TP_F32, NULL), 10);
    assert_int_equal(unlink(walk_path), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_golden),    CHECK_TEST(test_by_hand),       CHECK_TEST(test_windows),
        CHECK_TEST(test_file),      CHECK_TEST(test_broken_states), CHECK_TEST(test_errors),
        CHECK_TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
