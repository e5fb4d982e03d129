/* Jacobians, Hessians and their products with vectors, against formulas and against one another. */
#include "support/check.h"

#include <math.h>
#include <string.h>

static const tp_functional_options plain = {0}, graph = {.create_graph = true}, strict = {.strict = true};

static tp_tensor *draw(tp_shape shape) { return tp_randn(shape, TP_F64, NULL); }

/* (a: (3), b: (2, 3)) -> tanh(b) a: (2), and the 0-d sum of a^3 b_1 */
static int two_of_two(tp_tensors in, tp_tensor **out, void *context) {
    (void)context;
    tp_tensor *a = in.items[0], *b = in.items[1];
    out[0] = tp_sum_dim(tp_mul(tp_tanh(b), a), TP_DIMS(1), false);
    out[1] = tp_sum(tp_mul(tp_mul(tp_square(a), a), tp_select(b, 0, 1)));
    return 2;
}

/* sum x^3 y */
static int cubic(tp_tensors in, tp_tensor **out, void *context) {
    (void)context;
    tp_tensor *x = in.items[0];
    out[0] = tp_sum(tp_mul(tp_mul(tp_square(x), x), in.items[1]));
    return 1;
}

static int linear_of_first(tp_tensors in, tp_tensor **out, void *context) {
    (void)context;
    out[0] = tp_sum(tp_mul_scalar(in.items[0], 3));
    return 1;
}

/* Row by row x -> (sum x^2, x_0 x_1, exp x_1): the samples of a batch do not see one another. */
static int by_samples(tp_tensors in, tp_tensor **out, void *context) {
    (void)context;
    tp_tensor *x = in.items[0], *a = tp_select(x, 1, 0), *b = tp_select(x, 1, 1);
    out[0] = tp_stack(TP_TENSORS(tp_sum_dim(tp_square(x), TP_DIMS(1), false), tp_mul(a, b), tp_exp(b)), 1);
    return 1;
}

static void assert_close(tp_tensor *a, tp_tensor *b) {
    assert_tensor(a);
    assert_tensor(b);
    assert_true(tp_shape_equal(tp_tensor_shape(a), tp_tensor_shape(b)));
    if (tp_tensor_numel(a) == 0) return;
    assert_true(tp_tensor_item(tp_amax(tp_abs(tp_sub(tp_to_dtype(a, TP_F64), b)), (tp_dims){0}, false)) <
                1e-9);
}

static tp_tensor *diagonal(tp_tensor *v) { return tp_mul(tp_eye(3, 3, TP_F64), v); }

static void jacobian_is_the_formula(void **state) {
    (void)state;
    tp_tensor *a = TP_F64_TENSOR(TP_SHAPE(3), 1, 2, -1), *b = draw(TP_SHAPE(2, 3)), *j[4];
    assert_ok(tp_jacobian(two_of_two, NULL, TP_TENSORS(a, b), 2, j, plain));
    assert_close(j[0], tp_tanh(b));
    tp_tensor *slope = tp_mul(tp_scalar_sub(1, tp_square(tp_tanh(b))), a); /* d out_r / d b_rc */
    for (int r = 0; r < 2; r++)
        for (int s = 0; s < 2; s++)
            assert_close(tp_select(tp_select(j[1], 0, r), 0, s),
                         r == s ? tp_select(slope, 0, r) : tp_zeros(TP_SHAPE(3), TP_F64));
    assert_close(j[2], tp_mul_scalar(tp_mul(tp_square(a), tp_select(b, 0, 1)), 3));
    assert_close(tp_select(j[3], 0, 1), tp_mul(tp_square(a), a));
    assert_close(tp_select(j[3], 0, 0), tp_zeros(TP_SHAPE(3), TP_F64));
    for (int k = 0; k < 4; k++) assert_false(tp_requires_grad(j[k]));
    assert_false(tp_requires_grad(a));
}

static void products_are_those_of_the_jacobian(void **state) {
    (void)state;
    tp_tensor *a = draw(TP_SHAPE(3)), *b = tp_t(draw(TP_SHAPE(3, 2))), *j[4], *out[2], *r[2];
    tp_tensor *u0 = draw(TP_SHAPE(2)), *u1 = draw(TP_SCALAR_SHAPE), *va = draw(TP_SHAPE(3)),
              *vb = draw(TP_SHAPE(2, 3));
    assert_ok(tp_jacobian(two_of_two, NULL, TP_TENSORS(a, b), 2, j, plain));
    assert_ok(tp_vjp(two_of_two, NULL, TP_TENSORS(a, b), TP_TENSORS(u0, u1), out, r, plain));
    assert_close(r[0], tp_add(tp_matmul(u0, j[0]), tp_mul(j[2], u1)));
    assert_close(tp_reshape(r[1], TP_SHAPE(6)), tp_add(tp_matmul(u0, tp_reshape(j[1], TP_SHAPE(2, 6))),
                                                       tp_mul(tp_reshape(j[3], TP_SHAPE(6)), u1)));
    assert_false(tp_requires_grad(out[0]));
    assert_ok(tp_jvp(two_of_two, NULL, TP_TENSORS(a, b), TP_TENSORS(va, vb), 2, NULL, r, plain));
    assert_close(r[0], tp_add(tp_matmul(j[0], va),
                              tp_matmul(tp_reshape(j[1], TP_SHAPE(2, 6)), tp_reshape(vb, TP_SHAPE(6)))));
    assert_close(r[1], tp_add(tp_sum(tp_mul(j[2], va)), tp_sum(tp_mul(j[3], vb))));
}

static void hessian_by_blocks(void **state) {
    (void)state;
    tp_tensor *x = draw(TP_SHAPE(3)), *y = draw(TP_SHAPE(3)), *h[4], *r[2], *value;
    assert_ok(tp_hessian(cubic, NULL, TP_TENSORS(x, y), h, plain));
    assert_close(h[0], diagonal(tp_mul_scalar(tp_mul(x, y), 6)));
    assert_close(h[1], diagonal(tp_mul_scalar(tp_square(x), 3)));
    assert_close(h[2], h[1]);
    assert_close(h[3], tp_zeros(TP_SHAPE(3, 3), TP_F64));
    tp_tensor *v = draw(TP_SHAPE(3)), *w = draw(TP_SHAPE(3));
    assert_ok(tp_hvp(cubic, NULL, TP_TENSORS(x, y), TP_TENSORS(v, w), &value, r, plain));
    assert_close(r[0], tp_add(tp_matmul(h[0], v), tp_matmul(h[1], w)));
    assert_close(r[1], tp_add(tp_matmul(h[2], v), tp_matmul(h[3], w)));
    assert_float_equal(tp_tensor_item(value), tp_tensor_item(tp_sum(tp_mul(tp_mul(tp_square(x), x), y))),
                       1e-12);
}

/* All samples in one walk: the diagonal blocks of the full Jacobian. */
static void batched_is_the_diagonal(void **state) {
    (void)state;
    tp_tensor *x = draw(TP_SHAPE(4, 2)), *full, *each;
    for (int create = 0; create < 2; create++) {
        tp_functional_options options = {.batched = true, .create_graph = create};
        assert_ok(tp_jacobian(by_samples, NULL, TP_TENSORS(x), 1, &full, plain));
        assert_ok(tp_jacobian(by_samples, NULL, TP_TENSORS(x), 1, &each, options));
        for (int n = 0; n < 4; n++)
            assert_close(tp_select(each, 0, n), tp_select(tp_select(full, 0, n), 1, n));
    }
    tp_tensor *y = draw(TP_SHAPE(3)), *pair[2];
    assert_int_equal(tp_jacobian(cubic, NULL, TP_TENSORS(y, y), 1, pair,
                                 (tp_functional_options){.batched = true}),
                     TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE,
                 "jacobian: .batched: output 0 is (), input 0 is (3,); dim 0 of all must be the batch");
}

/* What is recorded can be differentiated by the inputs and by v. */
static void results_can_be_differentiated(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(draw(TP_SHAPE(3)), true), *y = draw(TP_SHAPE(3)), *h[4], *g[2], *j[2];
    tp_tensor *v = tp_set_requires_grad(draw(TP_SHAPE(3)), true), *zero = tp_zeros(TP_SHAPE(3), TP_F64);
    assert_ok(tp_hessian(cubic, NULL, TP_TENSORS(x, y), h, graph));
    assert_ok(tp_grad(TP_TENSORS(tp_sum(h[0])), TP_TENSORS(x), (tp_tensors){0}, g, (tp_grad_options){0}));
    assert_close(g[0], tp_mul_scalar(y, 6));
    assert_ok(tp_jacobian(cubic, NULL, TP_TENSORS(x, y), 1, j, graph));
    assert_ok(tp_grad(TP_TENSORS(tp_sum(j[0])), TP_TENSORS(x), (tp_tensors){0}, g, (tp_grad_options){0}));
    assert_close(g[0], tp_mul_scalar(tp_mul(tp_detach(x), y), 6));
    assert_ok(tp_hvp(cubic, NULL, TP_TENSORS(x, y), TP_TENSORS(v, zero), NULL, h, graph));
    assert_ok(tp_grad(TP_TENSORS(tp_sum(h[0])), TP_TENSORS(x, v), (tp_tensors){0}, g, (tp_grad_options){0}));
    assert_close(g[0], tp_mul_scalar(tp_mul(tp_detach(v), y), 6));
    assert_close(g[1], tp_mul_scalar(tp_mul(tp_detach(x), y), 6));
    assert_ok(tp_jvp(cubic, NULL, TP_TENSORS(x, y), TP_TENSORS(v, zero), 1, NULL, h, graph));
    assert_ok(tp_grad(TP_TENSORS(h[0]), TP_TENSORS(x, v), (tp_tensors){0}, g, (tp_grad_options){0}));
    assert_close(g[0], tp_mul_scalar(tp_mul(tp_mul(tp_detach(x), y), tp_detach(v)), 6));
    assert_close(g[1], tp_mul_scalar(tp_mul(tp_square(tp_detach(x)), y), 3));
    assert_null(tp_tensor_grad(x));
}

static void what_does_not_depend_is_zero(void **state) {
    (void)state;
    tp_tensor *x = draw(TP_SHAPE(2)), *y = draw(TP_SHAPE(3)), *r[4], *one = draw(TP_SCALAR_SHAPE);
    tp_tensors in = TP_TENSORS(x, y), v = TP_TENSORS(x, y);
    assert_ok(tp_jacobian(linear_of_first, NULL, in, 1, r, plain));
    assert_values(r[0], 3, 3);
    assert_values(r[1], 0, 0, 0);
    assert_ok(tp_jacobian(linear_of_first, NULL, in, 1, r, graph));
    assert_values(r[1], 0, 0, 0);
    assert_ok(tp_hessian(linear_of_first, NULL, in, r, plain));
    assert_values(r[0], 0, 0, 0, 0);
    assert_true(tp_shape_equal(tp_tensor_shape(r[1]), TP_SHAPE(2, 3)));
    assert_ok(tp_hvp(linear_of_first, NULL, in, v, NULL, r, plain));
    assert_values(r[1], 0, 0, 0);
    assert_ok(tp_vjp(linear_of_first, NULL, in, TP_TENSORS(one), NULL, r, plain));
    assert_values(r[1], 0, 0, 0);
    assert_ok(tp_vjp(linear_of_first, NULL, in, (tp_tensors){0}, NULL, r, plain));
    assert_values(r[0], 3, 3);
    assert_ok(tp_jvp(linear_of_first, NULL, in, v, 1, NULL, r, plain));
    assert_close(r[0], tp_mul_scalar(tp_sum(x), 3));
    assert_int_equal(tp_jacobian(linear_of_first, NULL, in, 1, r, strict), TP_ERR_AUTOGRAD);
    assert_error(TP_ERR_AUTOGRAD, "jacobian: output 0 does not depend on input 1, which .strict forbids");
    assert_null(r[0]);
    assert_int_equal(tp_hessian(linear_of_first, NULL, TP_TENSORS(x), r, strict), TP_ERR_AUTOGRAD);
    assert_error(TP_ERR_AUTOGRAD,
                 "hessian: the gradient by input 0 does not depend on input 0, which .strict forbids");
    assert_int_equal(tp_vjp(linear_of_first, NULL, in, (tp_tensors){0}, NULL, r, strict), TP_ERR_AUTOGRAD);
    assert_error(TP_ERR_AUTOGRAD, "vjp: output 0 does not depend on input 1, which .strict forbids");
}

static int constant(tp_tensors in, tp_tensor **out, void *context) {
    (void)in, (void)context;
    out[0] = tp_ones(TP_SHAPE(2), TP_F32);
    return 1;
}

/* The very input, whole numbers beside it, and a tensor from outside that requires grad. */
static int odd_outputs(tp_tensors in, tp_tensor **out, void *context) {
    out[0] = in.items[0];
    out[1] = tp_argmax(in.items[0]);
    out[2] = tp_mul(in.items[0], context);
    return 3;
}

static void odd_functions(void **state) {
    (void)state;
    tp_tensor *x = tp_ones(TP_SHAPE(2), TP_F32),
              *w = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true), *r[3],
              *empty = tp_zeros(TP_SHAPE(0, 2), TP_F32), *s = tp_scalar(2, TP_F64);
    assert_ok(tp_jacobian(constant, NULL, TP_TENSORS(x), 1, r, plain));
    assert_values(r[0], 0, 0, 0, 0);
    assert_ok(tp_jvp(constant, NULL, TP_TENSORS(x), TP_TENSORS(x), 1, NULL, r, plain));
    assert_values(r[0], 0, 0);
    assert_ok(tp_jacobian(by_samples, NULL, TP_TENSORS(empty), 1, r, plain));
    assert_true(tp_shape_equal(tp_tensor_shape(r[0]), TP_SHAPE(0, 3, 0, 2)));
    assert_ok(
        tp_jacobian(by_samples, NULL, TP_TENSORS(empty), 1, r, (tp_functional_options){.batched = true}));
    assert_true(tp_shape_equal(tp_tensor_shape(r[0]), TP_SHAPE(0, 3, 2)));
    assert_ok(tp_vjp(linear_of_first, NULL, TP_TENSORS(s), (tp_tensors){0}, NULL, r, plain));
    assert_values(r[0], 3);
    assert_ok(tp_jvp(linear_of_first, NULL, TP_TENSORS(s), (tp_tensors){0}, 1, NULL, r, plain));
    assert_values(r[0], 3);
    assert_ok(tp_jacobian(odd_outputs, w, TP_TENSORS(x), 3, r, plain));
    assert_values(r[0], 1, 0, 0, 1);
    assert_values(r[1], 0, 0);
    assert_values(r[2], 1, 0, 0, 1);
    assert_null(tp_tensor_grad(w));
}

static int fails(tp_tensors in, tp_tensor **out, void *context) {
    (void)context;
    out[0] = tp_matmul(in.items[0], tp_ones(TP_SHAPE(7, 2), TP_F64));
    return 1;
}

static int says_nothing(tp_tensors in, tp_tensor **out, void *context) {
    (void)in, (void)out, (void)context;
    return -1;
}

static int many_dims(tp_tensors in, tp_tensor **out, void *context) {
    (void)context;
    out[0] = tp_reshape(in.items[0], TP_SHAPE(1, 1, 1, 1, 2));
    return 1;
}

static void errors_name_the_function(void **state) {
    (void)state;
    tp_tensor *x = draw(TP_SHAPE(2)), *n = tp_zeros(TP_SHAPE(2), TP_I64), *wide = draw(TP_SHAPE(1, 1, 1, 2)),
              *r[4];
    tp_tensors in = TP_TENSORS(x);
    assert_int_equal(tp_jacobian(NULL, NULL, in, 1, r, plain), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "jacobian: argument f is NULL");
    assert_int_equal(tp_jacobian(cubic, NULL, in, 0, r, plain), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "jacobian: n_outputs is 0; it must be 1 to 16");
    assert_int_equal(tp_jacobian(linear_of_first, NULL, in, 2, r, plain), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "jacobian: the function made 1 outputs, not 2");
    assert_int_equal(tp_hessian(linear_of_first, NULL, (tp_tensors){0}, r, plain), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "hessian: there are no inputs");
    assert_int_equal(tp_hessian(linear_of_first, NULL, TP_TENSORS(x, n), r, plain), TP_ERR_DTYPE);
    assert_error(TP_ERR_DTYPE, "hessian: input 1 is int64; only floating tensors have gradients");
    assert_int_equal(tp_hessian(fails, NULL, in, r, plain), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "matmul: inner sizes differ: (2,) x (7, 2)");
    assert_int_equal(tp_hessian(says_nothing, NULL, in, r, plain), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "hessian: the function failed without an error");
    assert_int_equal(tp_hessian(many_dims, NULL, in, r, plain), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE,
                 "hessian: the function's output must be one floating element, got float64 (1, 1, 1, 1, 2)");
    assert_int_equal(tp_jacobian(many_dims, NULL, TP_TENSORS(wide), 1, r, plain), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE,
                 "jacobian: the derivative of (1, 1, 1, 1, 2) by (1, 1, 1, 2) has more than 8 dims");
    assert_int_equal(tp_jvp(linear_of_first, NULL, in, TP_TENSORS(wide), 1, NULL, r, plain), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "jvp: v 0 is (1, 1, 1, 2), input 0 is (2,)");
    assert_int_equal(tp_jvp(linear_of_first, NULL, in, TP_TENSORS(x, x), 1, NULL, r, plain), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "jvp: v has 2 tensors, but there are 1 inputs");
    assert_int_equal(tp_hvp(linear_of_first, NULL, in, (tp_tensors){0}, NULL, r, plain), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "hvp: without v there may be one input, of one element");
    assert_int_equal(tp_vjp(linear_of_first, NULL, in, TP_TENSORS(n), NULL, r, plain), TP_ERR_DTYPE);
    assert_error(TP_ERR_DTYPE, "vjp: v 0 is int64; it must be floating");
    assert_null(r[0]);
}

static tp_status all_of_them(void *context) {
    (void)context;
    tp_tensor *x = tp_linspace(0.5, 2, 3, TP_F64), *y = tp_linspace(1, 2, 3, TP_F64), *r[4], *out;
    tp_status status = x && y ? TP_OK : TP_ERR_MEMORY;
    for (int create = 0; create < 2 && status == TP_OK; create++) {
        tp_functional_options options = {.create_graph = create};
        status = tp_jacobian(cubic, NULL, TP_TENSORS(x, y), 1, r, options);
        if (status == TP_OK) status = tp_hessian(cubic, NULL, TP_TENSORS(x, y), r, options);
        if (status == TP_OK)
            status = tp_jvp(cubic, NULL, TP_TENSORS(x, y), TP_TENSORS(y, x), 1, &out, r, options);
        if (status == TP_OK)
            status = tp_vjp(cubic, NULL, TP_TENSORS(x, y), (tp_tensors){0}, &out, r, options);
        if (status == TP_OK)
            status = tp_hvp(cubic, NULL, TP_TENSORS(x, y), TP_TENSORS(x, y), &out, r, options);
        if (status != TP_OK && r[0]) status = TP_ERR_STATE;
    }
    return status;
}

/* Memory runs out at every allocation: an error, and nothing is left. */
static void every_allocation_may_fail(void **state) {
    (void)state;
    assert_survives_no_memory(all_of_them, NULL, 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(jacobian_is_the_formula),
        CHECK_TEST(products_are_those_of_the_jacobian),
        CHECK_TEST(hessian_by_blocks),
        CHECK_TEST(batched_is_the_diagonal),
        CHECK_TEST(results_can_be_differentiated),
        CHECK_TEST(what_does_not_depend_is_zero),
        CHECK_TEST(odd_functions),
        CHECK_TEST(errors_name_the_function),
        CHECK_TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("functional", tests, NULL, NULL);
}
