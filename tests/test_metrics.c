/* Metrics against scikit-learn's, batch by batch; errors, resets, memory. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/golden.h"

static double number(const char *args, const char *key) { return args_number(args, key, 0); }

static tp_metric *metric_of(const char *args) {
    char op[32];
    snprintf(op, sizeof op, "%s", args_text(args, "op"));
    double threshold = number(args, "threshold");
    tp_class_options options = {.average = (tp_average)number(args, "average"),
                                .classes = (int64_t)number(args, "classes"),
                                .threshold = threshold,
                                .zero_division = number(args, "zero_division")};
    if (strcmp(op, "accuracy") == 0) return tp_metric_accuracy(options);
    if (strcmp(op, "precision") == 0) return tp_metric_precision(options);
    if (strcmp(op, "recall") == 0) return tp_metric_recall(options);
    if (strcmp(op, "f1") == 0) return tp_metric_f1(options);
    if (strcmp(op, "top_k") == 0) return tp_metric_top_k((int64_t)number(args, "k"));
    if (strcmp(op, "log_loss") == 0) return tp_metric_log_loss(number(args, "logits") != 0);
    if (strcmp(op, "roc_auc") == 0 || strcmp(op, "roc_curve") == 0) return tp_metric_roc_auc();
    if (strcmp(op, "pr_auc") == 0 || strcmp(op, "pr_curve") == 0) return tp_metric_pr_auc();
    if (strcmp(op, "mse") == 0) return tp_metric_mse();
    if (strcmp(op, "rmse") == 0) return tp_metric_rmse();
    if (strcmp(op, "mae") == 0) return tp_metric_mae();
    return tp_metric_r2();
}

static void compare(const golden *file, const char *name, tp_dtype real, int k, tp_tensor *got) {
    tp_tensor *want = golden_tensor(file, TP_F64, "%s/out%d", name, k);
    tp_tensor *single = real == TP_F32 ? golden_tensor(file, TP_F64, "%s/float32", name) : NULL;
    if (single) want = single;
    double error = golden_error(got ? tp_to_dtype(got, TP_F64) : NULL, want);
    if (!(error <= (real == TP_F64 ? 1e-12 : 2e-6))) golden_failed(name, real, "result", k, error);
}

/* In pieces of 7 samples. */
static void gather(tp_metric *m, tp_tensor *p, tp_tensor *y) {
    int64_t n = tp_tensor_size(p, 0);
    for (int64_t at = 0; at < n; at += 7) {
        int64_t count = n - at < 7 ? n - at : 7;
        assert_ok(tp_metric_update(m, tp_narrow(p, 0, at, count), tp_narrow(y, 0, at, count)));
    }
}

static void run_metric(const golden *file, int i, tp_dtype real) {
    const char *name = golden_name(file, i), *args = golden_args(file, i);
    tp_tensor *p = golden_tensor(file, real, "%s/p", name), *y = golden_tensor(file, real, "%s/y", name);
    tp_metric *m = metric_of(args);
    assert_non_null(m);
    gather(m, p, y);
    tp_metric_reset(m);
    gather(m, p, y);
    if (strcmp(args_text(args, "op"), "roc_curve") == 0) {
        tp_roc roc = tp_metric_roc_curve(m, number(args, "keep_all") != 0);
        tp_roc again = tp_roc_curve(p, y, number(args, "keep_all") != 0);
        tp_tensor *parts[] = {roc.fpr, roc.tpr, roc.thresholds, again.fpr, again.tpr, again.thresholds};
        for (int k = 0; k < 6; k++) compare(file, name, real, k % 3, parts[k]);
    } else if (strcmp(args_text(args, "op"), "pr_curve") == 0) {
        tp_pr pr = tp_metric_pr_curve(m), again = tp_pr_curve(p, y);
        tp_tensor *parts[] = {pr.precision,    pr.recall,    pr.thresholds,
                              again.precision, again.recall, again.thresholds};
        for (int k = 0; k < 6; k++) compare(file, name, real, k % 3, parts[k]);
    } else {
        compare(file, name, real, 0, tp_scalar(tp_metric_value(m), TP_F64));
        for (int k = 1; golden_tensor(file, TP_F64, "%s/out%d", name, k); k++)
            compare(file, name, real, k, tp_metric_confusion(m, (tp_confusion_scale)(k - 1)));
    }
    if (strcmp(args_text(args, "op"), "roc_auc") == 0)
        compare(file, name, real, 0, tp_scalar(tp_roc_auc(p, y), TP_F64));
    if (strcmp(args_text(args, "op"), "pr_auc") == 0)
        compare(file, name, real, 0, tp_scalar(tp_pr_auc(p, y), TP_F64));
    tp_metric_free(m);
}

static void values_are_those_of_scikit_learn(void **state) {
    (void)state;
    golden *file = golden_open("metrics");
    golden_failures = 0;
    assert_true(golden_count(file) > 100);
    for (int k = 0; k < 2 * golden_count(file); k++) {
        tp_scope *s = tp_scope_begin();
        run_metric(file, k / 2, k % 2 ? TP_F32 : TP_F64);
        tp_scope_end(s);
    }
    golden_close(file);
    assert_int_equal(golden_failures, 0);
}

static void targets_may_be_of_any_dtype(void **state) {
    (void)state;
    const tp_dtype dtypes[] = {TP_F32, TP_F64, TP_I64, TP_I32, TP_U8, TP_BOOL};
    tp_tensor *p = TP_F32_TENSOR(TP_SHAPE(4, 1), 0.9f, 0.2f, 0.6f, 0.5f),
              *two = TP_F32_TENSOR(TP_SHAPE(2, 2), 1, 2, 4, 1);
    for (int k = 0; k < 6; k++) {
        tp_tensor *y = tp_to_dtype(TP_F32_TENSOR(TP_SHAPE(4, 1), 1, 0, 0, 0), dtypes[k]);
        tp_metric *m = tp_metric_accuracy((tp_class_options){0});
        assert_ok(tp_metric_update(m, p, y));
        assert_true(tp_metric_value(m) == 0.75);
        assert_true(tp_roc_auc(p, y) == 1);
        tp_metric_free(m);
    }
    assert_true(tp_roc_auc(two, TP_I64_TENSOR(TP_SHAPE(2), 1, 0)) ==
                1); /* the second column less the first */
}

static void without_samples_a_value_is_nan(void **state) {
    (void)state;
    tp_metric *m = tp_metric_mae();
    assert_string_equal(tp_metric_name(m), "mae");
    assert_true(isnan(tp_metric_value(m)));
    assert_ok(tp_metric_update(m, tp_zeros(TP_SHAPE(0), TP_F32), tp_zeros(TP_SHAPE(0), TP_F32)));
    assert_true(isnan(tp_metric_value(m)));
    tp_metric_free(m);
    tp_metric_free(NULL);
    assert_true(isnan(tp_metric_value(NULL)));
    assert_error(TP_ERR_NULL, "metric_value: argument metric is NULL");
    assert_int_equal(tp_metric_reset(NULL), TP_ERR_NULL);
    tp_error_clear();
    assert_null(tp_metric_name(NULL));
    tp_error_clear();
}

/* To the last bit, whatever the batches. */
static void batches_leave_no_trace(void **state) {
    (void)state;
    enum { N = 500 };
    tp_tensor *p = tp_randn(TP_SHAPE(N, 5), TP_F64, NULL), *q = tp_sin(p);
    tp_tensor *y = tp_remainder_scalar(tp_arange(0, N, 1, TP_I64), 5);
    double first[5] = {0};
    for (int64_t size = 1; size <= N; size = 3 * size + 1) {
        tp_metric *kinds[] = {tp_metric_log_loss(true), tp_metric_mse(), tp_metric_rmse(), tp_metric_mae(),
                              tp_metric_r2()};
        for (int k = 0; k < 5; k++) {
            for (int64_t at = 0; at < N; at += size) {
                int64_t count = N - at < size ? N - at : size;
                tp_tensor *target = tp_narrow(k ? q : y, 0, at, count);
                assert_ok(tp_metric_update(kinds[k], tp_narrow(p, 0, at, count), target));
            }
            double value = tp_metric_value(kinds[k]);
            if (size == 1) first[k] = value;
            assert_true(value == first[k]);
            tp_metric_free(kinds[k]);
        }
    }
}

static void one_column_goes_with_none(void **state) {
    (void)state;
    tp_tensor *column = TP_F32_TENSOR(TP_SHAPE(3, 1), 1, 2, 4), *row = TP_F32_TENSOR(TP_SHAPE(3), 1, 0, 0);
    tp_metric *m = tp_metric_mae();
    assert_ok(tp_metric_update(m, column, row));
    assert_true(tp_metric_value(m) == 2);
    assert_ok(tp_metric_update(m, row, column));
    assert_true(tp_metric_value(m) == 2);
    tp_metric_free(m);
}

typedef struct wrong {
    tp_metric *metric;
    tp_tensor *p, *y;
    tp_status code;
    const char *message;
} wrong;

static void wrong_batches_are_errors(void **state) {
    (void)state;
    const tp_class_options none = {0}, macro = {.average = TP_AVERAGE_MACRO};
    tp_tensor *three = tp_zeros(TP_SHAPE(2, 3), TP_F32), *one = tp_zeros(TP_SHAPE(2), TP_F32);
    tp_tensor *zeros = tp_zeros(TP_SHAPE(2), TP_I64);
    const wrong rows[] = {
        {tp_metric_f1(none), three, zeros, TP_ERR_SHAPE,
         "f1 of 3 classes needs an average that is not binary"},
        {tp_metric_f1(macro), three, TP_I64_TENSOR(TP_SHAPE(2), 0, 3), TP_ERR_INDEX,
         "element 1 of the target is 3, there are 3 classes"},
        {tp_metric_f1(macro), three, TP_I64_TENSOR(TP_SHAPE(2), -1, 0), TP_ERR_INDEX,
         "element 0 of the target is -1, there are 3 classes"},
        {tp_metric_f1(macro), one, TP_F32_TENSOR(TP_SHAPE(2), 0, 0.5f), TP_ERR_ARGUMENT,
         "element 1 of the target is 0.5, no label"},
        {tp_metric_accuracy(none), three, tp_zeros(TP_SHAPE(3), TP_I64), TP_ERR_SHAPE,
         "accuracy takes no prediction of (2, 3) with a target of (3,)"},
        {tp_metric_accuracy(none), TP_F32_TENSOR(TP_SHAPE(2), 0, NAN), zeros, TP_ERR_ARGUMENT,
         "element 1 of the prediction is nan"},
        {tp_metric_accuracy(none), TP_I64_TENSOR(TP_SHAPE(2), 0, 2), zeros, TP_ERR_INDEX,
         "element 1 of the prediction is 2, there are 2 classes"},
        {tp_metric_accuracy((tp_class_options){.classes = 4}), three, zeros, TP_ERR_SHAPE,
         "the prediction (2, 3) has 3 columns for 4 classes"},
        {tp_metric_accuracy((tp_class_options){.classes = 4}), one, zeros, TP_ERR_SHAPE,
         "the prediction (2,) has one score a sample for 4 classes"},
        {tp_metric_accuracy((tp_class_options){.classes = 1518500250}), zeros, zeros, TP_ERR_ARGUMENT,
         "there cannot be 1518500250 classes"}, /* the square, in bytes, is just above 2^64 */
        {tp_metric_top_k(2), one, zeros, TP_ERR_SHAPE, "top_k needs scores (N, C), got (2,)"},
        {tp_metric_roc_auc(), three, TP_I64_TENSOR(TP_SHAPE(2), 0, 3), TP_ERR_INDEX,
         "element 1 of the target is 3, there are 3 classes"},
        {tp_metric_roc_auc(), zeros, zeros, TP_ERR_DTYPE, "roc_auc takes no predictions of int64"},
        {tp_metric_log_loss(false), TP_F32_TENSOR(TP_SHAPE(2), 0, 2), zeros, TP_ERR_ARGUMENT,
         "element 1 of the prediction is 2, no probability"},
        {tp_metric_mse(), one, zeros, TP_ERR_DTYPE, "mse takes no targets of int64"},
        {tp_metric_mse(), one, three, TP_ERR_SHAPE,
         "mse takes no prediction of (2,) with a target of (2, 3)"},
        {tp_metric_mse(), tp_zeros(TP_SHAPE(2, 1, 1), TP_F32), one, TP_ERR_SHAPE,
         "mse takes no prediction of (2, 1, 1) with a target of (2,)"},
        {tp_metric_mse(), one, TP_F32_TENSOR(TP_SHAPE(2), 0, INFINITY), TP_ERR_ARGUMENT,
         "element 1 of the target is inf"},
        {tp_metric_mse(), NULL, one, TP_ERR_NULL, "argument prediction is NULL"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        char message[128];
        snprintf(message, sizeof message, "metric_update: %s", rows[k].message);
        assert_int_equal(tp_metric_update(rows[k].metric, rows[k].p, rows[k].y), rows[k].code);
        assert_error(rows[k].code, message);
        assert_true(isnan(tp_metric_value(rows[k].metric)));
        tp_metric_free(rows[k].metric);
    }
}

static void wrong_options_are_errors(void **state) {
    (void)state;
    assert_null(tp_metric_top_k(0));
    assert_error(TP_ERR_ARGUMENT, "metric_top_k: k must be positive, got 0");
    assert_null(tp_metric_f1((tp_class_options){.classes = 1}));
    assert_error(TP_ERR_ARGUMENT, "metric_f1: there cannot be 1 classes");
    assert_null(tp_metric_f1((tp_class_options){.average = (tp_average)9}));
    assert_error(TP_ERR_ARGUMENT, "metric_f1: there is no average 9");
    tp_metric *mse = tp_metric_mse(), *auc = tp_metric_roc_auc(), *f1 = tp_metric_f1((tp_class_options){0});
    assert_null(tp_metric_confusion(mse, TP_CONFUSION_COUNTS));
    assert_error(TP_ERR_STATE, "metric_confusion: mse has no confusion matrix");
    assert_null(tp_metric_confusion(f1, TP_CONFUSION_COUNTS));
    assert_error(TP_ERR_STATE, "metric_confusion: the number of classes is not known yet");
    assert_null(tp_metric_roc_curve(mse, false).fpr);
    assert_error(TP_ERR_STATE, "metric_roc_curve: mse has no curve");
    assert_null(tp_metric_pr_curve(auc).recall);
    assert_error(TP_ERR_STATE, "metric_pr_curve: there are no samples");
    assert_true(isnan(tp_roc_auc(NULL, NULL)));
    assert_error(TP_ERR_NULL, "roc_auc: argument prediction is NULL");
    assert_ok(tp_metric_update(auc, tp_eye(3, 3, TP_F32), tp_arange(0, 3, 1, TP_I64)));
    assert_true(tp_metric_value(auc) == 1);
    assert_null(tp_metric_roc_curve(auc, false).fpr);
    assert_error(TP_ERR_STATE, "metric_roc_curve: a curve is of two classes, the scores are of 3");
    assert_int_equal(tp_metric_update(auc, tp_zeros(TP_SHAPE(2, 2), TP_F32), tp_zeros(TP_SHAPE(2), TP_I64)),
                     TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE,
                 "metric_update: the prediction (2, 2) has scores of 2 classes, before it was 3");
    assert_ok(tp_metric_update(auc, tp_eye(1, 3, TP_F32), tp_full(TP_SHAPE(1), 2, TP_I64)));
    assert_true(tp_metric_value(auc) < 1);
    assert_ok(tp_metric_reset(auc));
    assert_ok(tp_metric_update(auc, tp_eye(2, 3, TP_F32), tp_arange(0, 2, 1, TP_I64)));
    assert_true(isnan(tp_metric_value(auc))); /* one class does not occur */
    tp_metric_free(mse);
    tp_metric_free(auc);
    tp_metric_free(f1);
}

/* Every kind once, of a prediction and a target. */
static tp_status all_metrics(void *context) {
    tp_tensor *p = ((tp_tensor **)context)[0], *y = ((tp_tensor **)context)[1];
    tp_metric *kinds[] = {tp_metric_f1((tp_class_options){0}), tp_metric_top_k(1), tp_metric_log_loss(true),
                          tp_metric_mse(), tp_metric_pr_auc()};
    bool good = true;
    for (int k = 0; k < 5; k++) {
        tp_tensor *target = k == 3 ? p : y;
        good = good && kinds[k] && tp_metric_update(kinds[k], p, target) == TP_OK &&
               !isnan(tp_metric_value(kinds[k]));
    }
    good = good && tp_metric_confusion(kinds[0], TP_CONFUSION_ALL) && tp_roc_curve(p, y, false).tpr;
    for (int k = 0; k < 5; k++) tp_metric_free(kinds[k]);
    return good ? TP_OK : tp_last_error().code;
}

static void memory_may_run_out(void **state) {
    (void)state;
    tp_tensor *of[] = {TP_F32_TENSOR(TP_SHAPE(3, 2), 1, 2, 3, 1, 4, 2), TP_I64_TENSOR(TP_SHAPE(3), 1, 0, 1)};
    assert_survives_no_memory(all_metrics, of, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(values_are_those_of_scikit_learn), CHECK_TEST(targets_may_be_of_any_dtype),
        CHECK_TEST(without_samples_a_value_is_nan),   CHECK_TEST(wrong_batches_are_errors),
        CHECK_TEST(wrong_options_are_errors),         CHECK_TEST(memory_may_run_out),
        CHECK_TEST(batches_leave_no_trace),           CHECK_TEST(one_column_goes_with_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
