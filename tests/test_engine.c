/* The tape: walks, gradients as tensors, hooks, versions, in-place rules, deep graphs, failures. */
/* ctest: timeout 600 */
#include "check.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static tp_tensor *leaf(double v) { return tp_set_requires_grad(tp_scalar(v, TP_F64), true); }
static tp_tensor *leaf_of(tp_shape shape) { return tp_set_requires_grad(tp_rand(shape, TP_F64, NULL), true); }
static double grad_of(const tp_tensor *t) { return tp_tensor_item(tp_tensor_grad(t)); }

/* ---- gradients of all kinds ------------------------------------------------------------------------------ */

static void used_many_times(void **state) {
    (void)state;
    tp_tensor *x = leaf(2);
    tp_tensor *y = tp_add(tp_mul(x, x), tp_mul(x, tp_mul(x, x))); /* x^2 + x^3 */
    assert_ok(tp_backward(y));
    assert_float_equal(grad_of(x), 2 * 2 + 3 * 4, 1e-12);
}

static void gradients_add_up(void **state) {
    (void)state;
    tp_tensor *x = leaf(3);
    for (int i = 1; i <= 3; i++) {
        assert_ok(tp_backward(tp_mul_scalar(x, 2)));
        assert_float_equal(grad_of(x), 2 * i, 0);
    }
    tp_zero_grad(x);
    assert_null(tp_tensor_grad(x));
}

static void view_of_view(void **state) {
    (void)state;
    tp_tensor *x = leaf_of(TP_SHAPE(4, 6));
    tp_tensor *v = tp_select(tp_transpose(tp_narrow(x, 1, 1, 3), 0, 1), 0, 2); /* column 3 */
    assert_ok(tp_backward(tp_sum(tp_mul_scalar(v, 5))));
    tp_tensor *g = tp_tensor_grad(x);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 6; j++) assert_float_equal(tp_tensor_at(g, TP_SHAPE(i, j)), j == 3 ? 5 : 0, 0);
    assert_true(tp_tensor_is_contiguous(g));
}

static void expanded_input(void **state) {
    (void)state;
    tp_tensor *x = leaf_of(TP_SHAPE(3, 1));
    assert_ok(tp_backward(tp_sum(tp_expand(x, TP_SHAPE(2, 3, 4)))));
    assert_values(tp_tensor_grad(x), 8, 8, 8);
}

static void result_with_retain_grad(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *y = tp_retain_grad(tp_square(x));
    assert_ok(tp_backward(tp_mul_scalar(y, 3)));
    assert_float_equal(grad_of(y), 3, 0);
    assert_float_equal(grad_of(x), 12, 0);
    assert_null(tp_tensor_grad(tp_scalar(1, TP_F64)));
}

static void several_outputs_some_unused(void **state) {
    (void)state;
    tp_tensor *x = leaf_of(TP_SHAPE(5)), *parts[3];
    assert_ok(tp_split(x, 2, 0, parts, 3));
    assert_ok(tp_backward(tp_sum(parts[1])));
    assert_values(tp_tensor_grad(x), 0, 0, 1, 1, 0);
}

static void gradient_is_its_own(void **state) {
    (void)state;
    tp_tensor *a = leaf_of(TP_SHAPE(3)), *b = leaf_of(TP_SHAPE(3));
    tp_tensor *g = tp_ones(TP_SHAPE(3), TP_F64);
    assert_ok(tp_backward_with(tp_add(a, b), (tp_backward_options){.grad = g}));
    assert_false(tp_tensor_shares_storage(tp_tensor_grad(a), tp_tensor_grad(b)));
    assert_false(tp_tensor_shares_storage(tp_tensor_grad(a), g));
}

static void gradient_takes_the_inputs_dtype(void **state) {
    (void)state;
    tp_tensor *a = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true);
    tp_tensor *b = tp_ones(TP_SHAPE(2), TP_F64);
    assert_ok(tp_backward(tp_sum(tp_mul(a, b))));
    assert_int_equal(tp_tensor_dtype(tp_tensor_grad(a)), TP_F32);
}

static void backward_into_some_inputs(void **state) {
    (void)state;
    tp_tensor *a = leaf(2), *b = leaf(3), *h = tp_mul(a, b);
    assert_ok(tp_backward_with(tp_square(h), (tp_backward_options){.inputs = TP_TENSORS(a, h)}));
    assert_float_equal(grad_of(a), 2 * 6 * 3, 0);
    assert_float_equal(grad_of(h), 12, 0);
    assert_null(tp_tensor_grad(b));
}

/* ---- tp_grad --------------------------------------------------------------------------------------------- */

static void higher_derivatives(void **state) {
    (void)state;
    tp_tensor *x = leaf(0.7), *y = tp_sin(x);
    double want[] = {cos(0.7), -sin(0.7), -cos(0.7), sin(0.7), cos(0.7)};
    for (int i = 0; i < 5; i++) {
        assert_ok(tp_grad(TP_TENSORS(y), TP_TENSORS(x), (tp_tensors){0}, &y,
                          (tp_grad_options){.create_graph = true}));
        assert_float_equal(tp_tensor_item(y), want[i], 1e-12);
    }
    assert_null(tp_tensor_grad(x));
}

static void grad_of_results_and_beyond(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *h = tp_square(x), *y = tp_mul_scalar(h, 3), *g[2];
    assert_ok(tp_grad(TP_TENSORS(y), TP_TENSORS(h, x), (tp_tensors){0}, g, (tp_grad_options){0}));
    assert_float_equal(tp_tensor_item(g[0]), 3, 0);
    assert_float_equal(tp_tensor_item(g[1]), 12, 0);
}

static void grad_stops_at_its_inputs(void **state) {
    (void)state;
    /* The graph below h was walked already: a walk that went there would fail. */
    tp_tensor *x = leaf(2), *h = tp_square(x), *y = tp_mul_scalar(h, 3), *g;
    assert_ok(tp_backward(h));
    assert_ok(tp_grad(TP_TENSORS(y), TP_TENSORS(h), (tp_tensors){0}, &g, (tp_grad_options){0}));
    assert_float_equal(tp_tensor_item(g), 3, 0);
}

static void unused_inputs(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *z = leaf_of(TP_SHAPE(2)), *g[2];
    assert_int_equal(tp_grad(TP_TENSORS(tp_square(x)), TP_TENSORS(x, z), (tp_tensors){0}, g,
                             (tp_grad_options){0}),
                     TP_ERR_AUTOGRAD);
    assert_null(g[0]);
    assert_null(g[1]);
    assert_error(TP_ERR_AUTOGRAD, "grad: the outputs do not depend on input 1; pass allow_unused for zeros");
    assert_ok(tp_grad(TP_TENSORS(tp_square(x)), TP_TENSORS(x, z), (tp_tensors){0}, g,
                      (tp_grad_options){.allow_unused = true}));
    assert_values(g[1], 0, 0);
}

static void create_graph_in_backward(void **state) {
    (void)state;
    tp_tensor *x = leaf(3);
    assert_ok(tp_backward_with(tp_mul(x, tp_square(x)), (tp_backward_options){.create_graph = true}));
    tp_tensor *g = tp_tensor_grad(x); /* 3 x^2 */
    assert_true(tp_requires_grad(g));
    tp_zero_grad(x);
    assert_ok(tp_backward(g));
    assert_float_equal(grad_of(x), 18, 1e-12);
}

/* ---- rules of the graph ---------------------------------------------------------------------------------- */

static void walking_twice(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *y = tp_square(x);
    assert_ok(tp_backward_with(y, (tp_backward_options){.retain_graph = true}));
    assert_ok(tp_backward(y));
    assert_float_equal(grad_of(x), 8, 0);
    assert_int_equal(tp_backward(y), TP_ERR_AUTOGRAD);
    assert_error(TP_ERR_AUTOGRAD,
                 "backward: the graph was walked before and its saved values are gone (op square); "
                 "pass retain_graph to the first walk");
    assert_float_equal(grad_of(x), 8, 0);
}

static void saved_value_changed(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *w = tp_scalar(3, TP_F64), *y = tp_mul(x, w);
    assert_tensor(tp_add_scalar_(w, 1));
    assert_int_equal(tp_backward(y), TP_ERR_AUTOGRAD);
    assert_error(TP_ERR_AUTOGRAD,
                 "mul: input 1, which the gradient needs, was changed in place after it was recorded: "
                 "it was at version 0, now 1");
}

static void no_grad_records_nothing(void **state) {
    (void)state;
    tp_tensor *x = leaf(2);
    tp_no_grad_begin();
    tp_no_grad_begin();
    assert_ok(tp_no_grad_end());
    tp_tensor *y = tp_square(x);
    assert_ok(tp_no_grad_end());
    assert_false(tp_requires_grad(y));
    assert_true(tp_requires_grad(tp_square(x)));
    assert_int_equal(tp_no_grad_end(), TP_ERR_STATE);
    tp_scope *s = tp_scope_begin();
    tp_no_grad_begin();
    tp_scope_end(s); /* restores the mode */
    assert_true(tp_grad_enabled());
}

static void detach_shares_memory(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *d = tp_detach(tp_square(x));
    assert_false(tp_requires_grad(d));
    assert_int_equal(tp_backward(d), TP_ERR_AUTOGRAD);
    tp_tensor *e = tp_detach(x);
    assert_tensor(tp_fill_(e, 7));
    assert_float_equal(tp_tensor_item(x), 7, 0);
}

static void inplace_rules(void **state) {
    (void)state;
    tp_tensor *x = leaf(2);
    assert_null(tp_add_scalar_(x, 1));
    assert_error(TP_ERR_AUTOGRAD,
                 "add_scalar_: the tensor is a leaf that requires grad; use tp_add_scalar, or write "
                 "under tp_no_grad_begin()");
    tp_no_grad_begin();
    assert_tensor(tp_add_scalar_(x, 1)); /* 3 */
    assert_ok(tp_no_grad_end());
    tp_tensor *y = tp_mul_scalar(x, 2);
    assert_tensor(tp_mul_(y, x)); /* 2 x^2 */
    assert_tensor(tp_exp_(tp_mul_scalar_(y, 0.1)));
    assert_ok(tp_backward(y)); /* exp(0.2 x^2): d = 0.4 x exp(...) */
    assert_float_equal(grad_of(x), 0.4 * 3 * exp(0.2 * 9), 1e-9);
    tp_tensor *z = tp_mul_scalar(tp_set_requires_grad(tp_ones(TP_SHAPE(4), TP_F64), true), 2),
              *v = tp_narrow(z, 0, 0, 2);
    assert_null(tp_add_scalar_(z, 1));
    assert_error(TP_ERR_ALIAS,
                 "add_scalar_: a view, a detached tensor or a saved value shares the tensor's memory; use "
                 "tp_add_scalar");
    assert_tensor(v);
    assert_null(tp_add_(tp_expand(tp_ones(TP_SHAPE(1), TP_F64), TP_SHAPE(3)), tp_ones(TP_SHAPE(3), TP_F64)));
    assert_error(TP_ERR_ALIAS, "add_: elements of the tensor overlap in memory, of shape (3,)");
    tp_tensor *m = tp_arange(0, 5, 1, TP_F64);
    assert_null(tp_add_(tp_narrow(m, 0, 0, 4), tp_narrow(m, 0, 1, 4)));
    assert_error(TP_ERR_ALIAS, "add_: the second operand overlaps the tensor in memory");
    assert_tensor(tp_add_(m, m));
    assert_values(m, 0, 2, 4, 6, 8);
}

/* ---- hooks ----------------------------------------------------------------------------------------------- */

static tp_tensor *double_it(tp_tensor *g, void *context) {
    ++*(int *)context;
    return tp_mul_scalar(g, 2);
}

static tp_tensor *refuse(tp_tensor *g, void *context) {
    (void)g, (void)context;
    tp_error_set(TP_ERR_ARGUMENT, "my_hook", "no");
    return NULL;
}

static void free_count(void *context) { *(int *)context += 100; }

static void hooks(void **state) {
    (void)state;
    int calls = 0;
    tp_tensor *x = leaf(3), *y = tp_square(x);
    int id = tp_register_hook(y, double_it, &calls, NULL);
    assert_int_equal(tp_register_hook(x, double_it, &calls, free_count), 0);
    assert_ok(tp_backward_with(tp_add(y, y), (tp_backward_options){.retain_graph = true}));
    assert_int_equal(calls, 2); /* each once, with the whole gradient */
    assert_float_equal(grad_of(x), 2 * 2 * 2 * 6, 0);
    assert_ok(tp_remove_hook(y, id));
    assert_int_equal(tp_remove_hook(y, id), TP_ERR_ARGUMENT);
    tp_zero_grad(x);
    assert_ok(tp_backward(y));
    assert_float_equal(grad_of(x), 12, 0);
    assert_ok(tp_remove_hook(x, 0));
    assert_int_equal(calls, 103);
    tp_register_hook(x, refuse, NULL, NULL);
    assert_int_equal(tp_backward(tp_square(x)), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "my_hook: no");
    assert_float_equal(grad_of(x), 12, 0);
}

/* Which hooks have run, in order. */
static int hooks_run[20], hooks_run_count;

static tp_tensor *note(tp_tensor *g, void *context) {
    (void)g;
    hooks_run[hooks_run_count++] = *(int *)context;
    return NULL;
}

static void hooks_of_leaves_run_in_the_order_of_the_walk(void **state) {
    (void)state;
    int numbers[20];
    tp_tensor *y = leaf(1);
    for (int i = 0; i < 20; i++) {
        numbers[i] = i;
        tp_tensor *x = leaf(2);
        assert_int_equal(tp_register_hook(x, note, &numbers[i], NULL), 0);
        y = tp_mul(y, x);
    }
    hooks_run_count = 0;
    assert_ok(tp_backward(y));
    assert_int_equal(hooks_run_count, 20);
    for (int i = 0; i < 20; i++) assert_int_equal(hooks_run[i], 19 - i);
}

static void anomaly(void **state) {
    (void)state;
    tp_tensor *x = leaf(0);
    tp_set_anomaly_mode(true);
    tp_status status = tp_backward(tp_sqrt(x));
    tp_set_anomaly_mode(false);
    assert_int_equal(status, TP_ERR_NUMERIC);
    assert_error(TP_ERR_NUMERIC,
                 "sqrt: its backward gave a NaN or infinite gradient for input 0, first at []: inf");
}

/* ---- errors of chains ------------------------------------------------------------------------------------ */

static void chains_are_checked_once(void **state) {
    (void)state;
    tp_tensor *a = leaf_of(TP_SHAPE(2, 3)), *b = leaf_of(TP_SHAPE(4, 5));
    tp_tensor *y = tp_sum(tp_relu(tp_add(tp_mul(a, b), a)));
    assert_null(y);
    assert_int_equal(tp_backward(y), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "mul: shapes do not broadcast: (2, 3) and (4, 5)");
    assert_null(tp_add(a, NULL)); /* nothing is pending any more: a new error */
    assert_error(TP_ERR_NULL, "add: argument b is NULL");
}

/* ---- size ------------------------------------------------------------------------------------------------ */

#define DEEP 1000000

static void *deep_chain(void *arg) {
    (void)arg;
    tp_scope *s = tp_scope_begin();
    tp_tensor *x = leaf(1), *y = NULL, *t = x;
    for (int i = 0; i < DEEP; i++) {
        tp_scope *inner = tp_scope_begin();
        t = tp_add_scalar(t, 1e-6);
        tp_keep(&y, t);
        tp_scope_end(inner);
        t = y;
    }
    tp_status status = tp_backward(y);
    double grad = grad_of(x);
    tp_release(y);
    tp_scope_end(s);
    return (void *)(intptr_t)(status == TP_OK && grad == 1);
}

/* Freed without ever having been walked. */
static void *deep_chain_unwalked(void *arg) {
    (void)arg;
    tp_scope *s = tp_scope_begin();
    tp_tensor *t = leaf(1);
    for (int i = 0; i < DEEP; i++) t = tp_mul_scalar(t, 1);
    tp_scope_end(s);
    return (void *)1;
}

/* DEEP leaves summed pairwise, level by level. */
static void *wide_tree(void *arg) {
    (void)arg;
    int n = DEEP / 2;
    tp_scope *s = tp_scope_begin();
    tp_tensor **level = malloc((size_t)n * sizeof *level), *first = leaf(1);
    for (int i = 0; i < n; i++) level[i] = i ? leaf(1) : first;
    while (n > 1) {
        for (int i = 0; i + 1 < n; i += 2) level[i / 2] = tp_add(level[i], level[i + 1]);
        if (n % 2) level[n / 2] = level[n - 1];
        n = (n + 1) / 2;
    }
    tp_status status = tp_backward(level[0]);
    double grad = grad_of(first);
    free(level);
    tp_scope_end(s);
    return (void *)(intptr_t)(status == TP_OK && grad == 1);
}

/* x = x + x, half of it each time: every node has two edges to the one before. */
static void *diamonds(void *arg) {
    (void)arg;
    tp_scope *s = tp_scope_begin();
    tp_tensor *x = leaf(1), *t = x;
    for (int i = 0; i < DEEP / 2; i++) t = tp_mul_scalar(tp_add(t, t), 0.5);
    tp_status status = tp_backward(t);
    double grad = grad_of(x);
    tp_scope_end(s);
    return (void *)(intptr_t)(status == TP_OK && grad == 1);
}

/* A gradient with a gradient with a gradient ... is no tape, but must not end the stack either. */
static void *gradients_of_gradients(void *arg) {
    (void)arg;
    tp_tensor *t = NULL;
    for (int i = 0; i < DEEP; i++) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *next = tp_scalar(0, TP_F64);
        if (t) tp_tensor_set_grad(next, t);
        tp_keep(&t, next);
        tp_scope_end(s);
    }
    tp_release(t);
    return (void *)1;
}

static void run_on_small_stack(void *(*f)(void *)) {
    pthread_attr_t attr;
    pthread_t thread;
    void *result;
    pthread_attr_init(&attr);
    assert_int_equal(pthread_attr_setstacksize(&attr, 256 << 10), 0);
    assert_int_equal(pthread_create(&thread, &attr, f, NULL), 0);
    pthread_join(thread, &result);
    pthread_attr_destroy(&attr);
    assert_non_null(result);
}

static void deep_graphs_on_a_small_stack(void **state) {
    (void)state;
    run_on_small_stack(deep_chain);
    run_on_small_stack(deep_chain_unwalked);
    run_on_small_stack(wide_tree);
    run_on_small_stack(diamonds);
    run_on_small_stack(gradients_of_gradients);
}

static long resident_pages(void) {
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (fscanf(f, "%ld %ld", &pages, &resident) != 2) resident = 0;
    fclose(f);
    return resident;
}

static void memory_stays_where_it_was(void **state) {
    (void)state;
    tp_tensor *w = tp_set_requires_grad(tp_rand(TP_SHAPE(8, 16), TP_F32, NULL), true);
    tp_tensor *x = tp_rand(TP_SHAPE(4, 8), TP_F32, NULL);
    long before = 0;
    tp_memory_info info = {0};
    for (int step = 0; step < 100000; step++) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *loss =
            tp_mean(tp_square(tp_tanh(tp_sum_dim(tp_mul(tp_unsqueeze(x, 2), w), TP_DIMS(1), false))));
        assert_ok(tp_backward(loss));
        tp_no_grad_begin();
        tp_sub_(w, tp_mul_scalar(tp_tensor_grad(w), 0.01));
        tp_no_grad_end();
        tp_zero_grad(w);
        tp_scope_end(s);
        if (step == 100) before = resident_pages(), info = tp_memory_stats();
    }
    tp_memory_info after = tp_memory_stats();
    assert_int_equal(after.live_tensors, info.live_tensors);
    assert_int_equal(after.in_use, info.in_use);
#if !defined(__SANITIZE_ADDRESS__)
    assert_in_range(resident_pages(), 0,
                    before + 64); /* a quarter of a megabyte of slack for the C library */
#else
    (void)before;
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(used_many_times),
        CHECK_TEST(gradients_add_up),
        CHECK_TEST(view_of_view),
        CHECK_TEST(expanded_input),
        CHECK_TEST(result_with_retain_grad),
        CHECK_TEST(several_outputs_some_unused),
        CHECK_TEST(gradient_is_its_own),
        CHECK_TEST(gradient_takes_the_inputs_dtype),
        CHECK_TEST(backward_into_some_inputs),
        CHECK_TEST(higher_derivatives),
        CHECK_TEST(grad_of_results_and_beyond),
        CHECK_TEST(grad_stops_at_its_inputs),
        CHECK_TEST(unused_inputs),
        CHECK_TEST(create_graph_in_backward),
        CHECK_TEST(walking_twice),
        CHECK_TEST(saved_value_changed),
        CHECK_TEST(no_grad_records_nothing),
        CHECK_TEST(detach_shares_memory),
        CHECK_TEST(inplace_rules),
        CHECK_TEST(hooks),
        CHECK_TEST(hooks_of_leaves_run_in_the_order_of_the_walk),
        CHECK_TEST(anomaly),
        CHECK_TEST(chains_are_checked_once),
        CHECK_TEST(deep_graphs_on_a_small_stack),
        CHECK_TEST(memory_stays_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
