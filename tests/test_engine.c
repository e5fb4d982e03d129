/* The tape: walks, gradients as tensors, hooks, versions, in-place rules, deep graphs, failures. */
/* ctest: timeout 600 */
#include "check.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/autograd.h"
#include "core/alloc.h"

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

static void anomaly(void **state) {
    (void)state;
    tp_tensor *x = leaf(0);
    tp_set_anomaly_mode(true);
    tp_status status = tp_backward(tp_sqrt(x));
    tp_set_anomaly_mode(false);
    assert_int_equal(status, TP_ERR_NUMERIC);
    assert_error(TP_ERR_NUMERIC, "sqrt: its backward gave a NaN or infinite gradient for input 0");
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

/* ---- what callers may do ----------------------------------------------------------------------------------- */

static tp_tensor *give_context(tp_tensor *g, void *context) {
    (void)g;
    return context;
}

/* What a hook returns stays its owner's: no fused rule writes into it, no leaf takes it for its gradient. */
static void what_a_hook_returns_is_not_taken(void **state) {
    (void)state;
    tp_tensor *c = tp_full(TP_SHAPE(3), 5, TP_F64), *x = leaf_of(TP_SHAPE(3)), *y = tp_tanh(x),
              *w = leaf_of(TP_SHAPE(3));
    tp_register_hook(y, give_context, c, NULL);
    tp_register_hook(w, give_context, c, NULL);
    assert_ok(tp_backward(tp_sum(tp_add(tp_mul_scalar(y, 2), w))));
    assert_values(c, 5, 5, 5);
    assert_values(tp_tensor_grad(w), 5, 5, 5);
    assert_false(tp_tensor_shares_storage(tp_tensor_grad(w), c));
}

typedef struct hook_actor {
    tp_tensor *t, *other, *kept;
    int id, calls;
    tp_status status;
} hook_actor;

static tp_tensor *remove_another(tp_tensor *g, void *context) {
    (void)g;
    hook_actor *a = context;
    a->calls++;
    a->status = tp_remove_hook(a->t, a->id);
    return NULL;
}

static tp_tensor *count_call(tp_tensor *g, void *context) {
    (void)g;
    ((hook_actor *)context)->calls++;
    return NULL;
}

static void hooks_remove_hooks(void **state) {
    (void)state;
    tp_tensor *x = leaf(3), *y = tp_square(x);
    hook_actor a = {.t = y, .id = 1};
    tp_register_hook(y, remove_another, &a, NULL);
    tp_register_hook(y, count_call, &a, NULL);
    tp_register_hook(y, count_call, &a, NULL);
    assert_ok(tp_backward_with(y, (tp_backward_options){.retain_graph = true}));
    assert_ok(a.status);
    assert_int_equal(a.calls, 2);
    a.id = 0; /* itself */
    assert_ok(tp_backward_with(y, (tp_backward_options){.retain_graph = true}));
    assert_int_equal(a.calls, 4);
    assert_ok(tp_backward(y));
    assert_int_equal(a.calls, 5);
}

static tp_tensor *walk_again(tp_tensor *g, void *context) {
    (void)g;
    hook_actor *a = context;
    tp_tensor *r;
    a->status =
        a->other ? tp_grad(TP_TENSORS(a->t), TP_TENSORS(a->other), (tp_tensors){0}, &r, (tp_grad_options){0})
                 : tp_backward(a->t);
    return NULL;
}

/* A walk inside a walk through the same nodes fails, and leaves the outer one alone. */
static void hooks_walk(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *h = tp_square(x), *y = tp_mul_scalar(h, 3), *g;
    hook_actor a = {.t = y, .other = h};
    tp_register_hook(y, walk_again, &a, NULL);
    assert_ok(
        tp_grad(TP_TENSORS(y), TP_TENSORS(h), (tp_tensors){0}, &g, (tp_grad_options){.retain_graph = true}));
    assert_int_equal(a.status, TP_ERR_AUTOGRAD);
    assert_float_equal(tp_tensor_item(g), 3, 0);
    a.other = NULL;
    assert_ok(tp_backward(y));
    assert_int_equal(a.status, TP_ERR_AUTOGRAD);
    assert_float_equal(grad_of(x), 12, 0);
}

static tp_tensor *clear_other(tp_tensor *g, void *context) {
    (void)g;
    tp_zero_grad(context);
    return NULL;
}

/* Hooks of leaves run before any gradient is touched. */
static void hooks_of_leaves_clear_gradients(void **state) {
    (void)state;
    tp_tensor *a = leaf_of(TP_SHAPE(3)), *b = leaf_of(TP_SHAPE(3));
    assert_ok(tp_backward(tp_sum(tp_add(a, b))));
    tp_register_hook(a, clear_other, b, NULL);
    tp_register_hook(b, clear_other, a, NULL);
    assert_ok(tp_backward(tp_sum(tp_add(a, b))));
    tp_tensor *ga = tp_tensor_grad(a), *gb = tp_tensor_grad(b);
    assert_values(ga, 1, 1, 1);
    assert_values(gb, 1, 1, 1);
    assert_true(tp_tensor_is_contiguous(ga) && tp_tensor_is_contiguous(gb));
    assert_false(tp_tensor_shares_storage(ga, gb));
}

static tp_tensor *let_go(tp_tensor *g, void *context) {
    hook_actor *a = context;
    tp_keep(&a->kept, tp_detach(g));
    return NULL;
}

static void hooks_release_the_root(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *g;
    hook_actor a = {0};
    tp_scope *s = tp_scope_begin();
    tp_tensor *h = tp_square(x), *y = tp_mul_scalar(h, 3);
    tp_register_hook(h, let_go, &a, NULL);
    a.kept = tp_retain(y);
    tp_scope_end(s);
    assert_ok(tp_grad(TP_TENSORS(a.kept), TP_TENSORS(x), (tp_tensors){0}, &g, (tp_grad_options){0}));
    assert_float_equal(tp_tensor_item(g), 12, 0);
    assert_float_equal(tp_tensor_item(a.kept), 3, 0);
    tp_release(a.kept);
}

static void hooks_leave_a_pending_error(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *y = tp_square(x);
    hook_actor a = {0};
    tp_register_hook(y, count_call, &a, NULL);
    tp_tensor *one = tp_scalar(1, TP_F64);
    assert_null(tp_add(x, NULL));
    assert_ok(tp_backward_with(y, (tp_backward_options){.grad = one}));
    assert_int_equal(a.calls, 1);
    assert_int_equal(tp_backward(tp_square(tp_add(NULL, x))), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "add: argument b is NULL");
}

/* Nothing arrives at an output nobody used: no zeros are kept, shown to hooks or given as its gradient. */
static void unused_outputs_have_no_gradient(void **state) {
    (void)state;
    tp_tensor *x = leaf_of(TP_SHAPE(4)), *parts[2], *g[2];
    hook_actor a = {0};
    assert_ok(tp_split(x, 2, 0, parts, 2));
    tp_retain_grad(parts[1]);
    tp_register_hook(parts[1], count_call, &a, NULL);
    tp_tensor *y = tp_sum(parts[0]);
    assert_int_equal(tp_grad(TP_TENSORS(y), TP_TENSORS(x, parts[1]), (tp_tensors){0}, g,
                             (tp_grad_options){.retain_graph = true}),
                     TP_ERR_AUTOGRAD);
    assert_error(TP_ERR_AUTOGRAD, "grad: the outputs do not depend on input 1; pass allow_unused for zeros");
    assert_ok(tp_backward(y));
    assert_int_equal(a.calls, 0);
    assert_null(tp_tensor_grad(parts[1]));
}

static void roots_inputs_and_duplicates(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *h = tp_square(x), *y = tp_mul_scalar(h, 3), *g[5];
    hook_actor a = {0};
    tp_register_hook(x, count_call, &a, NULL);
    assert_ok(
        tp_grad(TP_TENSORS(y, y, h, x), TP_TENSORS(x, x, h, y, h), (tp_tensors){0}, g, (tp_grad_options){0}));
    double want[] = {6 * 4 + 4 + 1, 29, 7, 2, 7};
    for (int i = 0; i < 5; i++) assert_float_equal(tp_tensor_item(g[i]), want[i], 0);
    assert_int_equal(a.calls, 1);
    h = tp_square(x);
    y = tp_mul_scalar(h, 3);
    assert_ok(tp_backward_with(y, (tp_backward_options){.inputs = TP_TENSORS(h, h, x, x)}));
    assert_float_equal(grad_of(h), 3, 0);
    assert_float_equal(grad_of(x), 12, 0);
}

static void no_gradient_is_the_callers_tensor(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *g = tp_scalar(3, TP_F64), *v = leaf(4), *gv = tp_square(v);
    assert_int_equal(tp_tensor_set_grad(x, x), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "tensor_set_grad: a tensor cannot be its own gradient");
    for (int create_graph = 0; create_graph < 2; create_graph++) {
        tp_tensor *roots[] = {x, g};
        for (int i = 0; i < 2; i++) {
            tp_backward_options options = {.grad = roots[i], .create_graph = create_graph};
            assert_ok(tp_backward_with(x, options));
            assert_false(tp_tensor_shares_storage(tp_tensor_grad(x), roots[i]));
            tp_zero_grad(x);
        }
    }
    assert_ok(tp_backward_with(x, (tp_backward_options){.grad = gv}));
    assert_false(tp_tensor_shares_storage(tp_tensor_grad(x), gv));
    assert_false(tp_requires_grad(tp_tensor_grad(x)));
    tp_tensor *h = tp_square(x);
    assert_ok(tp_backward_with(h, (tp_backward_options){.grad = g, .inputs = TP_TENSORS(h)}));
    assert_false(tp_tensor_shares_storage(tp_tensor_grad(h), g));
}

/* A kept gradient leads back to the node of its tensor, which keeps the hooks: that must be no cycle. */
static void kept_gradients_go_with_their_tensors(void **state) {
    (void)state;
    hook_actor a = {0};
    tp_tensor *x = leaf(2);
    tp_scope *s = tp_scope_begin();
    tp_tensor *y = tp_retain_grad(tp_square(x)), *z = tp_square(y);
    tp_register_hook(y, count_call, &a, NULL);
    assert_ok(tp_backward_with(z, (tp_backward_options){.create_graph = true}));
    assert_float_equal(grad_of(y), 8, 0);
    tp_retain(z);
    tp_scope_end(s);
    tp_zero_grad(x);
    assert_ok(tp_backward(z)); /* the hook has outlived its tensor */
    assert_int_equal(a.calls, 2);
    tp_release(z);
    assert_float_equal(grad_of(x), 4 * 8, 0);
}

static void modes_nest_in_modes(void **state) {
    (void)state;
    tp_no_grad_begin();
    assert_false(tp_set_grad_enabled(true));
    tp_no_grad_begin();
    assert_ok(tp_no_grad_end());
    assert_true(tp_grad_enabled()); /* as before the inner pair */
    tp_set_grad_enabled(false);
    for (int i = 0; i < 100; i++) tp_no_grad_begin();
    for (int i = 0; i < 100; i++) assert_ok(tp_no_grad_end());
    assert_false(tp_grad_enabled());
    /* the check for NaN does not end the graph being built either */
    tp_tensor *g;
    tp_set_grad_enabled(true);
    tp_tensor *x = leaf(2), *y = tp_mul(tp_square(x), x);
    tp_set_grad_enabled(false);
    tp_set_anomaly_mode(true);
    tp_status status =
        tp_grad(TP_TENSORS(y), TP_TENSORS(x), (tp_tensors){0}, &g, (tp_grad_options){.create_graph = true});
    tp_set_anomaly_mode(false);
    assert_ok(tp_no_grad_end());
    assert_ok(status);
    assert_true(tp_grad_enabled());
    assert_ok(tp_backward(g));
    assert_float_equal(grad_of(x), 12, 1e-12);
}

static void inplace_makes_no_cycle_and_writes_no_borrowed_memory(void **state) {
    (void)state;
    tp_tensor *x = leaf(2), *y = tp_add_scalar(x, 1);
    tp_set_requires_grad(x, false);
    assert_null(tp_add_(x, y)); /* x would lead to y, and y to x */
    assert_error(TP_ERR_AUTOGRAD, "add_: the tensor has been a leaf or has a gradient; use tp_add");
    double memory[2] = {1, 2};
    tp_tensor *t = tp_from_memory(memory, TP_SHAPE(2), TP_F64, NULL, NULL);
    assert_null(tp_add_(t, y));
    assert_error(TP_ERR_ALIAS,
                 "add_: the tensor's memory is the caller's, who would not see the result; use tp_add");
    assert_tensor(tp_add_(t, t));
    assert_float_equal(memory[1], 4, 0);
}

static void twice_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    (void)ctx;
    dx[0] = tp_mul(g[0], tp_full_like(g[0], 2));
}

static const tp__op twice_op = {.name = "twice", .vjp = twice_vjp, .once = true};

static tp_tensor *twice(tp_tensor *x) {
    tp_no_grad_begin();
    tp_tensor *y = tp_mul_scalar(x, 2);
    tp_no_grad_end();
    return tp__record(&twice_op, y, TP__INPUTS(x), NULL, 0);
}

/* The refusal holds for the way through the op's inputs, too, not for that through the incoming gradient alone. */
static void once_differentiable(void **state) {
    (void)state;
    tp_tensor *x = leaf(3), *g, *u = leaf(1);
    tp_grad_options again = {.create_graph = true};
    for (int i = 0; i < 2; i++) { /* of a leaf, of a result */
        tp_tensor *h = i ? tp_square(x) : x;
        assert_ok(tp_grad(TP_TENSORS(twice(h)), TP_TENSORS(h), (tp_tensors){0}, &g, again));
        assert_int_equal(tp_backward(tp_mul(g, x)), TP_ERR_AUTOGRAD);
        assert_error(TP_ERR_AUTOGRAD, "twice: has no second derivative");
        assert_ok(tp_grad(TP_TENSORS(twice(h)), TP_TENSORS(h), TP_TENSORS(u), &g, again));
        assert_int_equal(tp_grad(TP_TENSORS(g), TP_TENSORS(u), (tp_tensors){0}, &g, (tp_grad_options){0}),
                         TP_ERR_AUTOGRAD);
        assert_error(TP_ERR_AUTOGRAD, "twice: has no second derivative");
    }
    assert_null(tp_tensor_grad(x));
}

/* ---- failures ---------------------------------------------------------------------------------------------- */

/* The walk's heap is just full when the node fails whose inputs filled it. */
static void failure_with_a_full_heap(void **state) {
    (void)state;
    tp_tensor *x = leaf_of(TP_SHAPE(1)), *in[65];
    for (int i = 0; i < 64; i++) in[i] = tp_mul_scalar(x, i);
    in[64] = x;
    tp_tensor *y = tp_cat((tp_tensors){65, in}, 0), *g = tp_ones(TP_SHAPE(65), TP_F64);
    assert_ok(tp_tensor_set_at(g, TP_SHAPE(64), NAN));
    tp_set_anomaly_mode(true);
    tp_status status = tp_backward_with(y, (tp_backward_options){.grad = g});
    tp_set_anomaly_mode(false);
    assert_int_equal(status, TP_ERR_NUMERIC);
    assert_error(TP_ERR_NUMERIC, "cat: its backward gave a NaN or infinite gradient for input 64");
    assert_null(tp_tensor_grad(x));
}

/* The saved values of all the graph go, also where every node can be reached in 2^50 ways. */
static void failed_walks_free_the_graph(void **state) {
    (void)state;
    tp_tensor *x = leaf_of(TP_SHAPE(1000)), *t = x;
    tp_scope *s = tp_scope_begin();
    for (int i = 0; i < 50; i++) t = tp_mul(tp_square(t), t);
    tp_tensor *y = tp_sum(t);
    tp_register_hook(y, refuse, NULL, NULL);
    y = tp_scope_return(s, y);
    size_t held = tp_memory_stats().in_use;
    assert_int_equal(tp_backward(y), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "my_hook: no");
    assert_true(tp_memory_stats().in_use < held - 50 * 1000 * sizeof(double));
    assert_int_equal(tp_backward(y), TP_ERR_ARGUMENT); /* and so it can be told again */
    tp_error_clear();
}

typedef struct grads_case {
    tp_tensor *leaves[4], *result;
} grads_case;

/* Leaves of all kinds: without a gradient, with one of their own, with one somebody else holds as well, with a view. */
static grads_case grads_make(bool create_graph) {
    grads_case c;
    for (int i = 0; i < 4; i++) c.leaves[i] = tp_set_requires_grad(tp_ones(TP_SHAPE(3), TP_F64), true);
    c.result = tp_add(tp_add(c.leaves[0], c.leaves[1]), tp_mul(c.leaves[2], c.leaves[3]));
    tp_scope *s = tp_scope_begin();
    assert_ok(tp_backward_with(tp_sum(tp_add(c.leaves[1], c.leaves[2])),
                               (tp_backward_options){.create_graph = create_graph}));
    tp_scope_end(s);
    assert_tensor(tp_tensor_grad(c.leaves[2])); /* held by this test's scope now */
    assert_ok(tp_tensor_set_grad(c.leaves[3], tp_expand(tp_ones(TP_SHAPE(1), TP_F64), TP_SHAPE(3))));
    return c;
}

static double grads_sum(const grads_case *c, int i) {
    tp_tensor *g = tp_tensor_grad(c->leaves[i]);
    return g ? tp_tensor_item(tp_sum(g)) : 0;
}

/* Memory runs out at each allocation in turn: every gradient is as it was, or every one as it should be. */
static void out_of_memory_changes_all_gradients_or_none(void **state) {
    (void)state;
    for (int create_graph = 0; create_graph < 2; create_graph++) {
        for (int64_t n = 1;; n++) {
            tp_scope *s = tp_scope_begin();
            grads_case c = grads_make(create_graph);
            tp_scope *inner = tp_scope_begin();
            tp_tensor *y = tp_sum(c.result);
            tp__alloc_fail_at(n, false);
            tp_status status =
                tp_backward_with(y, (tp_backward_options){.create_graph = create_graph,
                                                          .inputs = n % 2 ? (tp_tensors){0}
                                                                          : (tp_tensors){4, c.leaves}});
            bool reached = tp__alloc_fail_count() >= n;
            tp__alloc_fail_at(0, false);
            tp_scope_end(inner);
            assert_true(status == TP_OK || status == TP_ERR_MEMORY);
            double before[] = {0, 3, 3, 3}, more = status == TP_OK ? 3 : 0;
            for (int i = 0; i < 4; i++) assert_float_equal(grads_sum(&c, i), before[i] + more, 0);
            for (int i = 0; i < 4; i++) tp_zero_grad(c.leaves[i]);
            tp_error_clear();
            tp_scope_end(s);
            if (!reached) break;
        }
    }
}

static void *walk_to_shared(void *arg) {
    bool ok = true;
    for (int i = 0; i < 2000 && ok; i++) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *g;
        tp_status status = tp_grad(TP_TENSORS(tp_mul_scalar(arg, 3)), TP_TENSORS(arg), (tp_tensors){0}, &g,
                                   (tp_grad_options){0});
        /* the node may be the other thread's at the moment; but a walk that has it keeps it */
        ok = status == TP_OK ? tp_tensor_item(g) == 3
                             : strstr(tp_last_error().message, "another walk") != NULL;
        tp_scope_end(s);
    }
    return ok ? arg : NULL;
}

static void threads_ask_for_one_result(void **state) {
    (void)state;
    tp_tensor *h = tp_square(leaf(2));
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, walk_to_shared, h), 0);
    for (int i = 0; i < 2; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, h);
    }
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
        CHECK_TEST(anomaly),
        CHECK_TEST(chains_are_checked_once),
        CHECK_TEST(what_a_hook_returns_is_not_taken),
        CHECK_TEST(hooks_remove_hooks),
        CHECK_TEST(hooks_walk),
        CHECK_TEST(hooks_of_leaves_clear_gradients),
        CHECK_TEST(hooks_release_the_root),
        CHECK_TEST(hooks_leave_a_pending_error),
        CHECK_TEST(unused_outputs_have_no_gradient),
        CHECK_TEST(roots_inputs_and_duplicates),
        CHECK_TEST(no_gradient_is_the_callers_tensor),
        CHECK_TEST(kept_gradients_go_with_their_tensors),
        CHECK_TEST(modes_nest_in_modes),
        CHECK_TEST(inplace_makes_no_cycle_and_writes_no_borrowed_memory),
        CHECK_TEST(once_differentiable),
        CHECK_TEST(failure_with_a_full_heap),
        CHECK_TEST(failed_walks_free_the_graph),
        CHECK_TEST(out_of_memory_changes_all_gradients_or_none),
        CHECK_TEST(threads_ask_for_one_result),
        CHECK_TEST(deep_graphs_on_a_small_stack),
        CHECK_TEST(memory_stays_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
