/* What callers may do to a walk: hooks that act, roots and inputs of all kinds, several at once, failures. */
/* ctest: threads */
#include "check.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "autograd/autograd.h"
#include "core/alloc.h"

static tp_tensor *leaf(double v) { return tp_set_requires_grad(tp_scalar(v, TP_F64), true); }
static tp_tensor *leaf_of(tp_shape shape) { return tp_set_requires_grad(tp_rand(shape, TP_F64, NULL), true); }
static double grad_of(const tp_tensor *t) { return tp_tensor_item(tp_tensor_grad(t)); }

/* ---- hooks ------------------------------------------------------------------------------------------------- */

static tp_tensor *refuse(tp_tensor *g, void *context) {
    (void)g, (void)context;
    tp_error_set(TP_ERR_ARGUMENT, "my_hook", "no");
    return NULL;
}

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

/* ---- roots, inputs, modes ------------------------------------------------------------------------------------ */

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

/* ---- labels, and hooks for when the gradient is there ------------------------------------------------------------ */

static void labels_tell_where(void **state) {
    (void)state;
    tp_tensor *x = leaf_of(TP_SHAPE(2, 3)), *g;
    assert_ok(tp_tensor_set_at(x, TP_SHAPE(1, 1), 0));
    assert_null(tp_set_label("encoder"));
    tp_scope *s = tp_scope_begin();
    assert_string_equal(tp_set_label("inner"), "encoder");
    tp_tensor *y = tp_scope_return(s, tp_sqrt(tp_t(x)));
    tp_tensor *z = tp_square(x);
    assert_string_equal(tp_set_label(NULL), "encoder"); /* the scope put it back */
    assert_string_equal(tp_grad_label(y), "inner");
    assert_string_equal(tp_grad_label(z), "encoder");
    assert_null(tp_grad_label(x));
    assert_null(tp_grad_label(tp_square(z)));
    tp_set_anomaly_mode(true);
    tp_status status = tp_backward(tp_sum(y));
    tp_set_anomaly_mode(false);
    assert_int_equal(status, TP_ERR_NUMERIC);
    assert_error(TP_ERR_NUMERIC,
                 "sqrt: its backward gave a NaN or infinite gradient for input 0, first at [1, 1]: "
                 "inf; recorded under the label inner");
    /* what a rule records goes under the op's label */
    assert_ok(tp_grad(TP_TENSORS(tp_sum(z)), TP_TENSORS(x), (tp_tensors){0}, &g,
                      (tp_grad_options){.create_graph = true}));
    assert_string_equal(tp_grad_label(g), "encoder");
    assert_null(tp_set_label(NULL));
}

/* Results alone are looked at, and only where a NaN is made. */
static void the_op_that_makes_a_nan(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(TP_F64_TENSOR(TP_SHAPE(2, 2), 1, 2, -3, 4), true);
    tp_set_nan_check(true);
    tp_tensor *fine = tp_log(tp_square(x)), *bad = tp_log(tp_t(x)), *constant = tp_log(tp_detach(x));
    tp_set_nan_check(false);
    assert_tensor(fine);
    assert_null(bad);
    assert_error(TP_ERR_NUMERIC, "log: it made a NaN, in output 0, first at [0, 1]: nan");
    assert_tensor(constant); /* not recorded */
}

typedef struct stepper {
    int calls, order[4];
    bool fail;
    tp_tensor *first;
} stepper;

/* Steps one parameter and gives its gradient back at once. */
static tp_status step_leaf(tp_tensor *t, void *context) {
    stepper *s = context;
    s->order[s->calls++] = t == s->first;
    if (s->fail) return tp_error_set(TP_ERR_STATE, "step", "no");
    tp_sub_(t, tp_mul_scalar(tp_tensor_grad(t), 0.5));
    tp_zero_grad(t);
    return tp_last_error().code;
}

static void freed(void *context) { ((stepper *)context)->calls = -1; }

static void hooks_after_the_gradient(void **state) {
    (void)state;
    tp_error_clear();
    tp_tensor *a = leaf(2), *b = leaf(3), *g[1];
    stepper s = {.first = a};
    int id = tp_register_post_accumulate_hook(a, step_leaf, &s, NULL);
    assert_true(id >= 0);
    assert_true(tp_register_post_accumulate_hook(b, step_leaf, &s, NULL) >= 0);
    tp_tensor *y = tp_mul(tp_mul(a, a), b); /* a is met twice, its hook runs once */
    tp_error_clear();
    assert_ok(
        tp_grad(TP_TENSORS(y), TP_TENSORS(a), (tp_tensors){0}, g, (tp_grad_options){.retain_graph = true}));
    assert_int_equal(s.calls, 0);
    assert_ok(tp_backward(y));
    assert_int_equal(s.calls, 2);
    assert_int_equal(s.order[0], 0); /* b is met first */
    assert_float_equal(tp_tensor_item(a), 2 - 0.5 * 12, 1e-12);
    assert_float_equal(tp_tensor_item(b), 3 - 0.5 * 4, 1e-12);
    assert_null(tp_tensor_grad(a));
    s = (stepper){.first = a, .fail = true};
    assert_int_equal(tp_backward(tp_mul(a, b)), TP_ERR_STATE);
    assert_error(TP_ERR_STATE, "step: no");
    assert_int_equal(s.calls, 1);
    assert_tensor(tp_tensor_grad(a)); /* all has been delivered */
    assert_tensor(tp_tensor_grad(b));
    assert_ok(tp_remove_hook(a, id));
    s = (stepper){.first = a};
    assert_ok(tp_backward(tp_mul(a, b)));
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.order[0], 0);
    tp_scope *scope = tp_scope_begin();
    tp_tensor *c = leaf(1);
    tp_register_post_accumulate_hook(c, step_leaf, &s, freed);
    tp_scope_end(scope);
    assert_int_equal(s.calls, -1);
}

/* A million labelled ops and a hook at either end: no deeper stack, none of it left. */
static void long_chains_with_labels_and_hooks(void **state) {
    (void)state;
    tp_tensor *x = leaf(1), *y = NULL;
    hook_actor counts = {0};
    stepper s = {.first = x};
    tp_register_post_accumulate_hook(x, step_leaf, &s, NULL);
    tp_keep(&y, tp_neg(x));
    tp_register_hook(y, count_call, &counts, NULL);
    const char *before = tp_set_label("chain");
    for (int k = 0; k < 1000000; k++) {
        tp_scope *scope = tp_scope_begin();
        tp_keep(&y, tp_neg(y));
        tp_scope_end(scope);
    }
    tp_set_label(before);
    assert_string_equal(tp_grad_label(y), "chain");
    assert_ok(tp_backward(y));
    tp_release(y);
    assert_int_equal(counts.calls, 1);
    assert_int_equal(s.calls, 1);
    assert_float_equal(tp_tensor_item(x), 1.5, 1e-12);
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
    assert_error(TP_ERR_NUMERIC,
                 "cat: its backward gave a NaN or infinite gradient for input 64, first at [0]: nan");
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

int main(void) {
    const struct CMUnitTest tests[] = {
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
        CHECK_TEST(labels_tell_where),
        CHECK_TEST(the_op_that_makes_a_nan),
        CHECK_TEST(hooks_after_the_gradient),
        CHECK_TEST(long_chains_with_labels_and_hooks),
        CHECK_TEST(failure_with_a_full_heap),
        CHECK_TEST(failed_walks_free_the_graph),
        CHECK_TEST(out_of_memory_changes_all_gradients_or_none),
        CHECK_TEST(threads_ask_for_one_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
