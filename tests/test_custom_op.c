/* Ops of users: what a class can do, and what is said when it is wrong. */
/* ctest: threads */
#include "support/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static tp_tensor *leaf(tp_shape shape) { return tp_set_requires_grad(tp_randn(shape, TP_F64, NULL), true); }

/* ---- x^3, by ops, with what can be made of it ------------------------------------------------------------------ */

static tp_status cube_forward(tp_tensors x, tp_tensor **y, tp_tensor **saved, const void *attr) {
    (void)saved, (void)attr;
    y[0] = tp_mul(tp_square(x.items[0]), x.items[0]);
    return TP_OK;
}

static tp_status cube_vjp(tp_op_call *call, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp_mul(g[0], tp_mul_scalar(tp_square(tp_op_input(call, 0)), 3));
    return TP_OK;
}

static const tp_op_class cube = {.name = "cube", .forward = cube_forward, .vjp = cube_vjp, .save_inputs = 1};

/* The same in plain C, which the tape cannot see. */
static tp_status plain_vjp(tp_op_call *call, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *x = tp_contiguous(tp_op_input(call, 0)), *gc = tp_contiguous(g[0]);
    dx[0] = tp_empty(tp_op_input_shape(call, 0), TP_F64);
    if (!x || !gc || !dx[0]) return tp_last_error().code;
    if (!tp_shape_equal(tp_op_output_shape(call, 0), tp_tensor_shape(gc)))
        return tp_error_set(TP_ERR_STATE, "plain", "its output has another shape than the gradient");
    const double *xs = tp_tensor_data(x), *gs = tp_tensor_data(gc);
    double *d = tp_tensor_data_mut(dx[0]);
    for (int64_t i = 0; i < tp_tensor_numel(x); i++) d[i] = 3 * xs[i] * xs[i] * gs[i];
    return TP_OK;
}

static const tp_op_class
    plain = {.name = "plain", .forward = cube_forward, .vjp = plain_vjp, .save_inputs = 1},
    once = {.name = "once", .forward = cube_forward, .vjp = plain_vjp, .save_inputs = 1, .once = true};

/* (x, w) -> x w + x, broadcast, with the factor of `attr`; and the largest element, which carries no gradient, and where it is. */
static tp_status mix_forward(tp_tensors in, tp_tensor **y, tp_tensor **saved, const void *attr) {
    double factor = **(double *const *)attr;
    tp_tensor *p = tp_mul(in.items[0], in.items[1]);
    y[0] = tp_mul_scalar(in.items[2] ? tp_add(p, in.items[2]) : p, factor);
    y[1] = tp_amax(y[0], (tp_dims){0}, false);
    y[2] = tp_argmax(y[0]);
    saved[0] = tp_full(TP_SHAPE(1), factor, TP_F64);
    return TP_OK;
}

static tp_status mix_vjp(tp_op_call *call, tp_tensor *const *g, tp_tensor **dx) {
    if (g[1] || g[2]) return tp_error_set(TP_ERR_STATE, "mix", "a gradient for what carries none");
    tp_tensor *scaled = tp_mul(g[0], tp_op_saved(call, 0));
    if (**(double *const *)tp_op_attr(call) != tp_tensor_item(tp_op_saved(call, 0))) return TP_ERR_STATE;
    if (tp_op_needs(call, 0)) dx[0] = tp_mul(scaled, tp_op_input(call, 1));
    if (tp_op_needs(call, 1)) dx[1] = tp_mul(scaled, tp_op_input(call, 0));
    if (tp_op_needs(call, 2)) dx[2] = scaled;
    return TP_OK;
}

static int factors_freed;
static void free_factor(void *attr) {
    factors_freed++;
    free(*(double **)attr);
}

static const tp_op_class mix = {.name = "mix",
                                .forward = mix_forward,
                                .vjp = mix_vjp,
                                .n_outputs = 3,
                                .n_saved = 1,
                                .save_inputs = 3,
                                .optional_inputs = 4,
                                .no_grad_outputs = 2,
                                .saved_is_constant = true,
                                .attr_size = sizeof(double *),
                                .free_attr = free_factor};

static double *factor(double v) {
    double *p = malloc(sizeof *p);
    assert_non_null(p);
    *p = v;
    return p;
}

static int apply(tp_tensors in, tp_tensor **out, void *type) {
    out[0] = tp_op_apply(type, in, NULL);
    return 1;
}

static int apply_mix(tp_tensors in, tp_tensor **out, void *context) {
    (void)context;
    double *attr = factor(2);
    if (tp_op_run(&mix, in, out, &attr) == TP_OK) return 1;
    tp_error_set(tp_last_error().code, "apply_mix", "%s", tp_last_error().message);
    return -1;
}

static void gradients_of_both_orders(void **state) {
    (void)state;
    tp_tensors x = TP_TENSORS(leaf(TP_SHAPE(2, 3)));
    tp_gradcheck_options o = {0};
    assert_ok(tp_gradcheck(apply, (void *)(uintptr_t)&cube, x, o));
    assert_ok(tp_gradgradcheck(apply, (void *)(uintptr_t)&cube, x, o));
    assert_ok(tp_gradcheck(apply, (void *)(uintptr_t)&plain, x, o));
    assert_ok(tp_gradcheck(apply, (void *)(uintptr_t)&once, x, o));
    tp_tensors in = TP_TENSORS(leaf(TP_SHAPE(2, 3)), leaf(TP_SHAPE(3)), leaf(TP_SHAPE(2, 1)));
    assert_ok(tp_gradcheck(apply_mix, NULL, in, o));
    assert_ok(tp_gradgradcheck(apply_mix, NULL, in, o));
    in.items[2] = NULL;
    double *attr = factor(3);
    tp_tensor *y[3], *b = tp_op_apply(&cube, x, NULL);
    assert_ok(tp_op_run(&mix, in, y, &attr));
    assert_string_equal(tp_grad_op_name(b), "cube");
    assert_true(tp_requires_grad(y[0]) && !tp_requires_grad(y[1]) && !tp_requires_grad(y[2]));
    assert_int_equal(tp_tensor_dtype(y[2]), TP_I64);
    assert_ok(tp_backward(tp_sum(y[0])));
    assert_values(tp_sub(tp_tensor_grad(in.items[0]), tp_mul_scalar(tp_detach(in.items[1]), 3)), 0, 0, 0, 0,
                  0, 0);
}

static void attributes_are_freed_once(void **state) {
    (void)state;
    factors_freed = 0;
    tp_tensor *x = leaf(TP_SHAPE(2)), *c = tp_ones(TP_SHAPE(2), TP_F64), *y[3];
    tp_scope *s = tp_scope_begin();
    double *attr = factor(1);
    assert_ok(tp_op_run(&mix, TP_TENSORS(x, c, NULL), y, &attr));
    assert_int_equal(factors_freed, 0);
    tp_scope_end(s);
    assert_int_equal(factors_freed, 1);
    attr = factor(1);
    assert_ok(tp_op_run(&mix, TP_TENSORS(c, c, NULL), y, &attr)); /* not recorded */
    assert_int_equal(factors_freed, 2);
    attr = factor(1);
    assert_int_equal(tp_op_run(&mix, TP_TENSORS(x, NULL, NULL), y, &attr), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "mix: input 1 is NULL");
    assert_null(y[0]);
    assert_int_equal(factors_freed, 3);
    attr = factor(1);
    assert_int_equal(tp_op_run(&mix, TP_TENSORS(x, tp_ones(TP_SHAPE(3), TP_F64), NULL), y, &attr),
                     TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "mul: shapes do not broadcast: (2,) and (3,)");
    assert_int_equal(factors_freed, 4);
}

/* ---- second order where there is none ------------------------------------------------------------------------- */

static tp_status twice(const tp_op_class *type, bool through_g) {
    tp_tensor *x = leaf(TP_SHAPE(3)), *g[1], *y = tp_op_apply(type, TP_TENSORS(x), NULL);
    if (through_g) y = tp_square(y);
    tp_status status = tp_grad(TP_TENSORS(tp_sum(y)), TP_TENSORS(x), (tp_tensors){0}, g,
                               (tp_grad_options){.create_graph = true});
    if (status != TP_OK) return status;
    return tp_grad(TP_TENSORS(tp_sum(g[0])), TP_TENSORS(x), (tp_tensors){0}, g, (tp_grad_options){0});
}

/* x -> x * saved mask, and x -> e^x by a saved value that depends on x */
static tp_status saved_forward(tp_tensors x, tp_tensor **y, tp_tensor **saved, const void *attr) {
    (void)attr;
    y[0] = saved[0] = tp_exp(x.items[0]);
    return TP_OK;
}
static tp_status saved_vjp(tp_op_call *call, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp_mul(g[0], tp_op_saved(call, 0));
    return TP_OK;
}
/* sign: a gradient of zeros needs no record */
static tp_status sign_forward(tp_tensors x, tp_tensor **y, tp_tensor **saved, const void *attr) {
    (void)attr, (void)saved;
    y[0] = tp_sign(x.items[0]);
    return TP_OK;
}
static tp_status sign_vjp(tp_op_call *call, tp_tensor *const *g, tp_tensor **dx) {
    (void)call;
    dx[0] = tp_zeros_like(g[0]);
    return TP_OK;
}

static void second_order_is_right_or_an_error(void **state) {
    (void)state;
    static const tp_op_class saved = {.name = "saved",
                                      .forward = saved_forward,
                                      .vjp = saved_vjp,
                                      .n_saved = 1},
                             sign = {.name = "sgn", .forward = sign_forward, .vjp = sign_vjp};
    for (int through_g = 0; through_g < 2; through_g++) {
        assert_int_equal(twice(&once, through_g), TP_ERR_AUTOGRAD);
        assert_error(TP_ERR_AUTOGRAD, "once: has no second derivative");
        assert_int_equal(twice(&plain, through_g), TP_ERR_AUTOGRAD);
        assert_error(TP_ERR_AUTOGRAD, "plain: has no second derivative: its rule for input 0 is not made of "
                                      "recorded ops; mark the op .once");
        assert_int_equal(twice(&saved, through_g), TP_ERR_AUTOGRAD);
        assert_error(
            TP_ERR_AUTOGRAD,
            "saved: has no second derivative: saved tensor 0, which its rule uses, is a constant to the "
            "tape; if it is one, mark the op .saved_is_constant, else .once");
        assert_ok(twice(&cube, through_g));
    }
    tp_tensor *x = leaf(TP_SHAPE(2)), *g[1];
    assert_ok(tp_grad(TP_TENSORS(tp_sum(tp_op_apply(&sign, TP_TENSORS(x), NULL))), TP_TENSORS(x),
                      (tp_tensors){0}, g, (tp_grad_options){.create_graph = true}));
    assert_values(g[0], 0, 0);
}

/* ---- rules that are wrong ------------------------------------------------------------------------------------- */

static int fault;
static tp_status faulty_forward(tp_tensors x, tp_tensor **y, tp_tensor **saved, const void *attr) {
    (void)saved, (void)attr;
    if (fault == 6) return TP_OK;
    if (fault == 7) return tp_error_set(TP_ERR_ARGUMENT, "faulty", "not like this");
    if (fault == 8) return TP_ERR_IO;
    y[0] = fault == 9 ? x.items[0] : tp_square(x.items[0]);
    return TP_OK;
}
static tp_status faulty_vjp(tp_op_call *call, tp_tensor *const *g, tp_tensor **dx) {
    if (fault == 1) dx[0] = tp_ones(TP_SHAPE(3), TP_F64);
    if (fault == 2) dx[0] = tp_to_dtype(g[0], TP_F32);
    if (fault == 3) dx[0] = tp_op_input(call, 0);
    if (fault == 4) return tp_error_set(TP_ERR_ARGUMENT, "faulty", "no gradient today");
    if (fault == 5) dx[0] = tp_op_input(call, 1);
    if (fault == 9) dx[0] = g[0];
    if (fault == 10) return TP_ERR_IO;
    if (fault == 11) dx[0] = tp_op_output(call, -1);
    if (fault == 12) dx[0] = tp_op_saved(call, 0);
    return TP_OK;
}

static void wrong_rules_are_named(void **state) {
    (void)state;
    static const tp_op_class faulty = {.name = "faulty", .forward = faulty_forward, .vjp = faulty_vjp};
    static const struct {
        tp_status code;
        const char *message;
    } want[] = {{TP_ERR_AUTOGRAD, "faulty: its gradient rule gave nothing for input 0"},
                {TP_ERR_SHAPE, "faulty: the gradient rule gave (3,) for input 0 of shape (2,)"},
                {TP_ERR_DTYPE, "faulty: its gradient rule gave float32 for input 0, which is float64"},
                {TP_ERR_AUTOGRAD, "faulty: input 0 was not saved for the gradient"},
                {TP_ERR_ARGUMENT, "faulty: no gradient today"},
                {TP_ERR_INDEX, "faulty: its rule asks for input 1; there are 1"},
                {TP_ERR_NULL, "faulty: its forward made no output 0"},
                {TP_ERR_ARGUMENT, "faulty: not like this"},
                {TP_ERR_IO, "faulty: its forward failed"},
                {TP_OK, NULL},
                {TP_ERR_IO, "faulty: its gradient rule failed"},
                {TP_ERR_INDEX, "faulty: its rule asks for output -1; there are 1"},
                {TP_ERR_INDEX, "faulty: its rule asks for saved tensor 0; there are 0"}};
    for (fault = 0; fault < 13; fault++) {
        tp_tensor *x = leaf(TP_SHAPE(2));
        tp_status status = tp_backward(tp_sum(tp_op_apply(&faulty, TP_TENSORS(x), NULL)));
        assert_int_equal(status, want[fault].code);
        if (status != TP_OK) assert_error(status, want[fault].message);
        assert_int_equal(tp_tensor_grad(x) != NULL, fault == 9); /* the very input as output */
        assert_true(tp_is_leaf(x));
    }
    tp_tensor *x = leaf(TP_SHAPE(2)), *y[3];
    tp_op_class bad = cube;
    bad.vjp = NULL;
    assert_null(tp_op_apply(&bad, TP_TENSORS(x), NULL));
    assert_error(TP_ERR_NULL, "cube: the class has no vjp");
    bad = cube, bad.n_saved = 17;
    assert_int_equal(tp_op_run(&bad, TP_TENSORS(x), y, NULL), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "cube: 0 outputs and 17 saved tensors; at most 16 each");
    bad = cube, bad.attr_size = 257;
    assert_null(tp_op_apply(&bad, TP_TENSORS(x), &bad));
    assert_error(TP_ERR_ARGUMENT, "cube: 257 bytes of attributes; at most 256");
    bad = cube, bad.attr_size = 8;
    assert_null(tp_op_apply(&bad, TP_TENSORS(x), NULL));
    assert_error(TP_ERR_NULL, "cube: argument attr is NULL");
    assert_null(tp_op_apply(&mix, TP_TENSORS(x), NULL));
    assert_error(TP_ERR_ARGUMENT, "mix: has 3 outputs; tp_op_run() gives them");
    assert_null(tp_op_apply(&cube, (tp_tensors){1, NULL}, NULL));
    assert_error(TP_ERR_NULL, "cube: inputs.items is NULL, for 1");
    assert_null(tp_op_apply(&cube, (tp_tensors){-1, NULL}, NULL));
    assert_error(TP_ERR_ARGUMENT, "cube: inputs.count is -1");
    assert_null(tp_op_apply(NULL, TP_TENSORS(x), NULL));
    assert_error(TP_ERR_NULL, "op_run: argument op is NULL");
    /* a saved input that is changed afterwards */
    tp_tensor *c = tp_add_scalar(x, 0), *z = tp_op_apply(&cube, TP_TENSORS(c), NULL);
    tp_no_grad_begin();
    tp_add_scalar_(c, 1);
    assert_ok(tp_no_grad_end());
    assert_int_equal(tp_backward(tp_sum(z)), TP_ERR_AUTOGRAD);
    assert_error(TP_ERR_AUTOGRAD,
                 "cube: input 0, which the gradient needs, was changed in place after it was "
                 "recorded: it was at version 0, now 1");
}

/* ---- many ------------------------------------------------------------------------------------------------------ */

/* The sum of all inputs and the product with the first; more inputs than there are bits. */
static tp_status total_forward(tp_tensors x, tp_tensor **y, tp_tensor **saved, const void *attr) {
    (void)attr;
    y[0] = x.items[0];
    for (int i = 1; i < x.count; i++) y[0] = tp_add(y[0], x.items[i]);
    saved[0] = tp_scalar(x.count, TP_I64);
    return TP_OK;
}
static tp_status total_vjp(tp_op_call *call, tp_tensor *const *g, tp_tensor **dx) {
    int64_t n = tp_tensor_item_i64(tp_op_saved(call, 0));
    for (int i = 0; i < n; i++)
        if (tp_op_needs(call, i)) dx[i] = g[0];
    return TP_OK;
}

static void many_inputs(void **state) {
    (void)state;
    static const tp_op_class total = {.name = "total",
                                      .forward = total_forward,
                                      .vjp = total_vjp,
                                      .n_saved = 1};
    tp_tensor *x[100];
    for (int i = 0; i < 100; i++) x[i] = i % 2 ? leaf(TP_SHAPE(2)) : tp_ones(TP_SHAPE(2), TP_F64);
    for (int n = 31; n <= 100; n += n < 34 ? 1 : 66) {
        for (int i = 0; i < 100; i++) tp_zero_grad(x[i]);
        assert_ok(tp_backward(tp_sum(tp_op_apply(&total, (tp_tensors){n, x}, NULL))));
        assert_values(tp_tensor_grad(x[n - 1 - n % 2]), 1, 1);
        assert_null(tp_tensor_grad(x[0]));
    }
}

static void a_long_chain(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(tp_scalar(0, TP_F64), true), *y = NULL;
    tp_keep(&y, x);
    for (int k = 0; k < 200000; k++) {
        tp_scope *s = tp_scope_begin();
        tp_keep(&y, tp_op_apply(&cube, TP_TENSORS(y), NULL));
        tp_scope_end(s);
    }
    assert_ok(tp_backward(y));
    tp_release(y);
    assert_values(tp_tensor_grad(x), 0);
}

static tp_status whole_step(void *context) {
    (void)context;
    tp_tensor *x = tp_set_requires_grad(tp_linspace(1, 2, 4, TP_F64), true),
              *w = tp_linspace(1, 2, 4, TP_F64), *y[3], *g[1];
    double *attr = factor(2);
    if (!x || !w) free(attr);
    tp_status status = x && w ? tp_op_run(&mix, TP_TENSORS(x, w, x), y, &attr) : TP_ERR_MEMORY;
    if (status == TP_OK)
        status = tp_grad(TP_TENSORS(tp_sum(tp_op_apply(&cube, TP_TENSORS(y[0]), NULL))), TP_TENSORS(x),
                         (tp_tensors){0}, g, (tp_grad_options){.create_graph = true});
    if (status == TP_OK) status = tp_backward(tp_sum(g[0]));
    tp_zero_grad(x);
    return status;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    assert_survives_no_memory(whole_step, NULL, 20);
}

static void *walk_alone(void *shared) {
    tp_scope *s = tp_scope_begin();
    bool ok = true;
    for (int k = 0; k < 50; k++)
        ok = ok && tp_backward(tp_sum(tp_op_apply(&cube, TP_TENSORS((tp_tensor *)shared), NULL))) == TP_OK;
    tp_scope_end(s);
    return ok ? shared : NULL;
}

static void several_threads(void **state) {
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F64), true);
    for (int k = 0; k < THREADS; k++) assert_int_equal(pthread_create(&threads[k], NULL, walk_alone, x), 0);
    for (int k = 0; k < THREADS; k++) {
        void *ok;
        pthread_join(threads[k], &ok);
        assert_non_null(ok);
    }
    assert_values(tp_tensor_grad(x), 600, 600);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(gradients_of_both_orders),
        CHECK_TEST(attributes_are_freed_once),
        CHECK_TEST(second_order_is_right_or_an_error),
        CHECK_TEST(wrong_rules_are_named),
        CHECK_TEST(many_inputs),
        CHECK_TEST(a_long_chain),
        CHECK_TEST(every_allocation_may_fail),
        CHECK_TEST(several_threads),
    };
    return cmocka_run_group_tests_name("custom_op", tests, NULL, NULL);
}
