/* What users are told when something is wrong: every row of errors/ fails with its code and exactly its
 * message, changes nothing and leaves nothing behind. */
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "support/check.h"

/* ---- what the rows are made of ------------------------------------------------------------------------- */

#define F(...) tp_ones(TP_SHAPE(__VA_ARGS__), TP_F32)
#define D(...) tp_ones(TP_SHAPE(__VA_ARGS__), TP_F64)
#define I(...) tp_zeros(TP_SHAPE(__VA_ARGS__), TP_I64)
#define U(...) tp_ones(TP_SHAPE(__VA_ARGS__), TP_U8)
#define B(...) tp_ones(TP_SHAPE(__VA_ARGS__), TP_BOOL)
#define LEAF(...) tp_set_requires_grad(F(__VA_ARGS__), true)

static tp_tensor *pieces[4], *slot;
static double numbers[8], aligned[4];
static tp_scope *foreign_scope; /* of a thread that waits */
static tp_module *linear;       /* 3 -> 2 */

/* The row's own buffer of 8 and a view of its first 4. */
static tp_tensor *buffer, *overlapped;

static tp_tensor *labels(int64_t n, int64_t a, int64_t b, ...) {
    const int64_t values[] = {a, b, 2};
    return tp_from_i64(TP_SHAPE(n), values, n);
}

static tp_scope *ended_scope(void) {
    tp_scope *s = tp_scope_begin();
    tp_scope_end(s);
    return s;
}

/* exp() needs its result for the gradient. */
static tp_tensor *saved_value(void) {
    tp_tensor *y = tp_exp(LEAF(3));
    return y;
}

static tp_tensor *walked(void) {
    tp_tensor *loss = tp_sum(tp_exp(LEAF(3)));
    assert_ok(tp_backward(loss));
    return loss;
}

static tp_tensor *changed(void) {
    tp_tensor *x = F(3), *loss = tp_sum(tp_mul(x, LEAF(3)));
    tp_add_scalar_(x, 1);
    return loss;
}

static tp_tensor *under_no_grad(void) {
    tp_no_grad_begin();
    tp_tensor *loss = tp_sum(LEAF(3));
    assert_ok(tp_no_grad_end());
    return loss;
}

static tp_status grad_of(tp_tensor *output, tp_tensor *input) {
    tp_tensor *grads[1];
    return tp_grad(TP_TENSORS(output), TP_TENSORS(input), (tp_tensors){0}, grads, (tp_grad_options){0});
}

static tp_tensor *hook(tp_tensor *grad, void *context) {
    (void)context;
    return tp_sum(grad);
}

/* The hook gives another shape. */
static tp_tensor *hooked(void) {
    tp_tensor *x = LEAF(3);
    tp_register_hook(x, hook, NULL, NULL);
    return tp_sum(tp_exp(x));
}

static tp_status anomaly(void) {
    tp_set_anomaly_mode(true);
    tp_tensor *x = tp_set_requires_grad(tp_zeros(TP_SHAPE(2), TP_F32), true);
    tp_status status = tp_backward(tp_sum(tp_sqrt(x)));
    tp_set_anomaly_mode(false);
    return status;
}

static tp_status after_hook(tp_tensor *leaf, void *context) {
    (void)leaf, (void)context;
    return TP_OK;
}

static tp_tensor *nan_made(void) {
    const char *before = tp_set_label("head");
    tp_set_nan_check(true);
    tp_tensor *y = tp_log(tp_set_requires_grad(TP_F32_TENSOR(TP_SHAPE(3), 1, -1, -2), true));
    tp_set_nan_check(false);
    tp_set_label(before);
    return y;
}

static int identity(tp_tensors inputs, tp_tensor **outputs, void *context) {
    (void)context;
    outputs[0] = inputs.items[0];
    return 1;
}

/* ---- the table ----------------------------------------------------------------------------------------- */

typedef struct result {
    bool failed;
    tp_status status; /* what the call returned; -1 where it returns none */
} result;

/* T: gives a pointer, NULL; S: gives a status; G: a getter or void, of which the record tells. */
#define RETURN_T(call) result r = {(call) == NULL, (tp_status)-1};
#define RETURN_S(call) result r = {true, (call)};
#define RETURN_G(call)                                                                                       \
    (void)(call);                                                                                            \
    result r = {true, (tp_status)-1};
#define PASTE_(a, b, c) a##b##_##c
#define PASTE(a, b, c) PASTE_(a, b, c)
#define ROW(kind, call, code, message)                                                                       \
    static result PASTE(row_, FAMILY, __LINE__)(void) { RETURN_##kind(call) return r; }
#include "errors/all.def"
#undef ROW

static const struct {
    const char *text;
    result (*run)(void);
    tp_status code;
    const char *message;
} rows[] = {
#define ROW(kind, call, code, message) {#call, PASTE(row_, FAMILY, __LINE__), code, message},
#include "errors/all.def"
#undef ROW
};

static void test_every_row(void **state) {
    (void)state;
    int wrong = 0;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        tp_memory_info before = tp_memory_stats();
        tp_scope *s = tp_scope_begin();
        buffer = F(8);
        overlapped = tp_narrow(buffer, 0, 0, 4);
        tp_error_clear();
        result r = rows[k].run();
        tp_error error = tp_last_error();
        if (!r.failed || error.code != rows[k].code || strcmp(error.message, rows[k].message) != 0 ||
            ((int)r.status != -1 && r.status != rows[k].code)) {
            print_error("%s\n  expected %s \"%s\"\n       got %s \"%s\"%s\n", rows[k].text,
                        tp_status_name(rows[k].code), rows[k].message, tp_status_name(error.code),
                        error.message, r.failed ? "" : ", but a result");
            wrong++;
        }
        tp_error_clear();
        tp_scope_end(s);
        tp_memory_info after = tp_memory_stats();
        if (after.live_tensors != before.live_tensors || after.live_nodes != before.live_nodes ||
            after.in_use != before.in_use || after.live_objects != before.live_objects) {
            print_error("%s\n  leaves something behind\n", rows[k].text);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* Messages start with the name of the function that failed, which is the record's op. */
static void test_messages_name_the_op(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        tp_scope *s = tp_scope_begin();
        buffer = F(8);
        overlapped = tp_narrow(buffer, 0, 0, 4);
        rows[k].run();
        tp_error error = tp_last_error();
        size_t length = strlen(error.op);
        if (strncmp(error.message, error.op, length) != 0 || strncmp(error.message + length, ": ", 2) != 0)
            fail_msg("%s: op \"%s\", message \"%s\"", rows[k].text, error.op, error.message);
        tp_error_clear();
        tp_scope_end(s);
    }
}

/* ---- a chain is checked once --------------------------------------------------------------------------- */

static void test_chain_names_what_broke(void **state) {
    (void)state;
    tp_tensor *x = LEAF(2, 3);
    tp_tensor *loss = tp_mean(tp_relu(tp_add(tp_matmul(x, F(4, 5)), F(5))));
    assert_null(loss);
    assert_int_equal(tp_backward(loss), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "matmul: inner sizes differ: (2, 3) x (4, 5)");
    /* Once delivered, the record is not blamed for a NULL of another origin. */
    assert_null(tp_relu(NULL));
    assert_error(TP_ERR_NULL, "relu: argument x is NULL");
}

static void test_pending_error_passes_optional_arguments(void **state) {
    (void)state;
    tp_tensor *bias = tp_reshape(F(3), TP_SHAPE(4));
    assert_null(tp_linear(F(2, 3), F(4, 3), bias));
    assert_error(TP_ERR_SHAPE, "reshape: the numbers of elements differ: (3,) to (4,)");
    assert_non_null(tp_linear(F(2, 3), F(4, 3), NULL));
}

static void test_failed_inplace_changes_nothing(void **state) {
    (void)state;
    tp_tensor *t = F(3);
    uint64_t version = tp_tensor_version(t);
    assert_null(tp_add_(t, F(4)));
    assert_null(tp_mul_(t, D(2, 3)));
    tp_error_clear();
    assert_int_equal(tp_tensor_version(t), version);
    assert_values(t, 1, 1, 1);
}

static void test_codes_have_names(void **state) {
    (void)state;
#define NAMED(name, value, text)                                                                             \
    assert_string_equal(tp_status_name(name), #name);                                                        \
    assert_string_equal(tp_status_string(name), text);
    TP_STATUS_LIST(NAMED)
    assert_non_null(tp_status_name((tp_status)999));
    assert_non_null(tp_status_string((tp_status)999));
}

static void test_users_own_errors(void **state) {
    (void)state;
    assert_int_equal(tp_error_set(TP_ERR_ARGUMENT, "my_op", "got %d of %s", 3, "something"), TP_ERR_ARGUMENT);
    assert_null(tp_relu(NULL)); /* passed on */
    assert_error(TP_ERR_ARGUMENT, "my_op: got 3 of something");
}

static void test_long_messages_are_cut(void **state) {
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    tp_error_set(TP_ERR_ARGUMENT, "op", "%s", text);
    tp_error error = tp_last_error();
    assert_true(strlen(error.message) > 100 && strlen(error.message) < sizeof text);
    assert_int_equal(strncmp(error.message, "op: xxx", 7), 0);
}

/* ---- another thread's scope ---------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static bool opened, done;

static void *hold_scope(void *argument) {
    (void)argument;
    pthread_mutex_lock(&lock);
    foreign_scope = tp_scope_begin();
    opened = true;
    pthread_cond_broadcast(&turn);
    while (!done) pthread_cond_wait(&turn, &lock);
    tp_scope_end(foreign_scope);
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, hold_scope, NULL) != 0) return 1;
    pthread_mutex_lock(&lock);
    while (!opened) pthread_cond_wait(&turn, &lock);
    pthread_mutex_unlock(&lock);
    linear = tp_nn_linear(3, 2, (tp_linear_options){0});
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_every_row),
        CHECK_TEST(test_messages_name_the_op),
        CHECK_TEST(test_chain_names_what_broke),
        CHECK_TEST(test_pending_error_passes_optional_arguments),
        CHECK_TEST(test_failed_inplace_changes_nothing),
        CHECK_TEST(test_codes_have_names),
        CHECK_TEST(test_users_own_errors),
        CHECK_TEST(test_long_messages_are_cut),
    };
    int failed = cmocka_run_group_tests_name("errors", tests, NULL, NULL);
    tp_module_free(linear);
    pthread_mutex_lock(&lock);
    done = true;
    pthread_cond_broadcast(&turn);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    return failed;
}
