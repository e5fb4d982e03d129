/* Modules: ownership, names, lists, modes, tying, functional calls, loading, printing, the ready-made layers.
 * */
/* ctest: threads */
#include "check.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINEAR(in, out) tp_nn_linear(in, out, (tp_linear_options){0})

static int64_t objects(void) { return tp_memory_stats().live_objects; }

/* ---- a module of one's own --------------------------------------------------------------------------- */

typedef struct net {
    tp_module base;
    tp_module *fc1, *fc2;
    tp_tensor *scale;
    int *freed;
} net;

static tp_tensor *net_forward(tp_module *m, tp_tensor *x) {
    net *self = (net *)m;
    return tp_mul(tp_forward(self->fc2, tp_relu(tp_forward(self->fc1, x))), self->scale);
}

static void net_free(tp_module *m) {
    net *self = (net *)m;
    if (self->freed && self->fc1 && tp_module_find(self->fc1, "weight"))
        ++*self->freed; /* its tensors are there still */
}

static const tp_module_class net_class = {.name = "Net",
                                          .size = sizeof(net),
                                          .forward = net_forward,
                                          .free = net_free};

static net *net_make(void) {
    net *n = (net *)tp_module_new(&net_class);
    assert_non_null(n);
    n->fc1 = tp_module_add(&n->base, "fc1", LINEAR(3, 4));
    n->fc2 = tp_module_add(&n->base, "fc2", LINEAR(4, 2));
    tp_module_register_parameter(&n->base, "scale", &n->scale, tp_full(TP_SHAPE(2), 2, TP_F32));
    return n;
}

static void own_module(void **state) {
    (void)state;
    int freed = 0;
    net *n = net_make();
    n->freed = &freed;
    assert_non_null(n->scale);
    assert_true(n->base.training && n->fc2->training);
    assert_int_equal(objects(), 3);
    tp_tensor *x = tp_ones(TP_SHAPE(5, 3), TP_F32), *y = tp_forward(&n->base, x);
    assert_tensor(y);
    tp_tensor *w1 = tp_module_find(&n->base, "fc1.weight"), *b1 = tp_module_find(&n->base, "fc1.bias");
    tp_tensor *w2 = tp_module_find(&n->base, "fc2.weight"), *b2 = tp_module_find(&n->base, "fc2.bias");
    tp_tensor *by_hand = tp_mul_scalar(tp_linear(tp_relu(tp_linear(x, w1, b1)), w2, b2), 2);
    assert_float_equal(tp_tensor_item(tp_sum(tp_abs(tp_sub(y, by_hand)))), 0, 0);
    assert_ok(tp_backward(tp_sum(y)));
    assert_tensor(tp_tensor_grad(w1));
    assert_tensor(tp_tensor_grad(n->scale));
    assert_ok(tp_module_zero_grad(&n->base));
    assert_null(tp_tensor_grad(w1));
    assert_int_equal(tp_last_error().code, TP_OK);
    tp_module_free(&n->base);
    assert_int_equal(freed, 1);
    assert_int_equal(objects(), 0);
    tp_module_free(NULL);
}

static void forward_leaves_its_result_only(void **state) {
    (void)state;
    net *n = net_make();
    tp_tensor *x = tp_ones(TP_SHAPE(5, 3), TP_F32);
    tp_no_grad_begin();
    int64_t before = tp_memory_stats().live_tensors;
    assert_tensor(tp_forward(&n->base, x));
    assert_int_equal(tp_memory_stats().live_tensors, before + 1);
    assert_ok(tp_no_grad_end());
    tp_module_free(&n->base);
}

static tp_tensor *lazy_forward(tp_module *m, tp_tensor *x) {
    (void)m;
    tp_no_grad_begin(); /* left open: the scope around a forward closes it */
    tp_scope_begin();
    return x ? NULL : x;
}

static const tp_module_class lazy_class = {.name = "Lazy",
                                           .size = sizeof(tp_module),
                                           .forward = lazy_forward};
static const tp_module_class holder_class = {.name = "Holder", .size = sizeof(tp_module)};
static const tp_module_class small_class = {.name = "Small", .size = 1};

static void forwards_that_fail(void **state) {
    (void)state;
    tp_tensor *x = tp_ones(TP_SHAPE(2, 3), TP_F32);
    tp_module *lazy = tp_module_new(&lazy_class), *holder = tp_module_new(&holder_class);
    assert_null(tp_forward(lazy, x));
    assert_error(TP_ERR_STATE, "forward: the forward of a Lazy returned NULL and left no error");
    assert_true(tp_grad_enabled());
    assert_null(tp_forward(holder, x));
    assert_error(TP_ERR_STATE, "forward: a Holder has no forward");
    assert_null(tp_forward(NULL, x));
    assert_error(TP_ERR_NULL, "forward: argument m is NULL");
    assert_null(tp_forward(lazy, NULL));
    assert_error(TP_ERR_NULL, "forward: argument x is NULL");
    tp_module_free(lazy);
    tp_module_free(holder);
    assert_null(tp_module_new(&small_class));
    assert_int_equal(tp_last_error().code, TP_ERR_ARGUMENT);
    assert_null(tp_module_new(NULL));
    assert_error(TP_ERR_NULL, "module_new: argument type is NULL");
}

/* ---- ownership --------------------------------------------------------------------------------------- */

static void add_owns_even_when_it_fails(void **state) {
    (void)state;
    tp_module *m = tp_module_new(&holder_class), *kept = tp_module_add(m, "a", tp_nn_relu());
    assert_null(tp_module_add(m, "a", tp_nn_relu()));
    assert_error(TP_ERR_ARGUMENT, "module_add: Holder has a \"a\" already");
    assert_null(tp_module_add(m, "a.b", tp_nn_relu()));
    assert_error(TP_ERR_ARGUMENT, "module_add: a name must not be empty or contain a dot, got \"a.b\"");
    assert_null(tp_module_add(m, "", tp_nn_relu()));
    assert_error(TP_ERR_ARGUMENT, "module_add: a name must not be empty or contain a dot, got \"\"");
    assert_null(tp_module_add(m, NULL, tp_nn_relu()));
    assert_error(TP_ERR_NULL, "module_add: argument name is NULL");
    assert_null(tp_module_add(NULL, "a", tp_nn_relu()));
    assert_error(TP_ERR_NULL, "module_add: argument m is NULL");
    assert_int_equal(objects(), 2);
    assert_null(tp_module_add(m, "b", kept));
    assert_error(TP_ERR_STATE, "module_add: the ReLU is \"a\" of a Holder already");
    tp_module *inner = tp_module_add(m, "inner", tp_module_new(&holder_class));
    assert_null(tp_module_add(inner, "outer", m));
    assert_error(TP_ERR_STATE, "module_add: the Holder would lie in itself, as \"outer\"");
    assert_null(tp_module_add(m, "m", m));
    assert_int_equal(tp_last_error().code, TP_ERR_STATE);
    tp_module_free(kept);
    assert_error(TP_ERR_STATE, "module_free: the module is \"a\" of a Holder, which will free it");
    assert_int_equal(objects(), 3);
    tp_module_free(m);
    assert_int_equal(objects(), 0);
}

static void null_child_waits_in_the_record(void **state) {
    (void)state;
    tp_module *m = tp_module_new(&holder_class);
    assert_null(tp_module_add(m, "a", NULL));
    assert_error(TP_ERR_NULL, "module_add: argument child is NULL");
    assert_null(tp_module_add(m, "fc", LINEAR(-1, 2)));
    assert_null(tp_module_add(m, "next", NULL));
    assert_error(TP_ERR_ARGUMENT, "nn_linear: -1 inputs and 2 outputs; neither may be negative");
    tp_module_free(m);
}

static void lists_with_a_hole(void **state) {
    (void)state;
    assert_null(tp_nn_sequential(TP_MODULES(LINEAR(2, 3), LINEAR(3, -4), tp_nn_relu())));
    assert_error(TP_ERR_ARGUMENT, "nn_linear: 3 inputs and -4 outputs; neither may be negative");
    assert_null(tp_nn_sequential(TP_MODULES(tp_nn_relu(), NULL)));
    assert_error(TP_ERR_NULL, "nn_sequential: module 1 is NULL");
    tp_module *twice = tp_nn_relu();
    assert_null(tp_nn_sequential(TP_MODULES(twice, tp_nn_tanh(), twice)));
    assert_error(TP_ERR_STATE, "nn_sequential: module 2 is module 0 too");
    assert_int_equal(objects(), 0);
    tp_module *owner = tp_nn_sequential(TP_MODULES(tp_nn_relu()));
    assert_null(tp_nn_sequential(TP_MODULES(tp_nn_tanh(), tp_module_child_at(owner, 0))));
    assert_error(TP_ERR_STATE, "module_add: the ReLU is \"0\" of a Sequential already");
    assert_int_equal(objects(), 2);
    tp_module_free(owner);
    tp_module *empty = tp_nn_sequential((tp_modules){0, NULL});
    tp_tensor *x = tp_ones(TP_SHAPE(2), TP_F32);
    assert_ptr_equal(tp_forward(empty, x), x);
    tp_module_free(empty);
}

static void own_buffer(void **state) {
    (void)state;
    net *n = net_make();
    tp_tensor *count = NULL, *other = NULL, *value = tp_scalar(7, TP_I64);
    int parameters = tp_module_parameters(&n->base).count, all = tp_module_state(&n->base).count;
    assert_ptr_equal(tp_module_register_buffer(&n->base, "count", &count, value), value);
    assert_ptr_equal(count, value);
    assert_ptr_equal(tp_module_find(&n->base, "count"), value);
    assert_int_equal(tp_module_parameters(&n->base).count, parameters); /* it is not trained, but loaded */
    assert_int_equal(tp_module_state(&n->base).count, all + 1);
    tp_named_tensor one = {"count", tp_scalar(9, TP_I64)};
    assert_ok(tp_module_load_state(&n->base, (tp_named_tensors){1, &one},
                                   (tp_load_options){.allow_missing = true}));
    assert_true(tp_tensor_item(count) == 9);
    assert_null(tp_module_register_buffer(&n->base, "count", &other, value));
    assert_error(TP_ERR_ARGUMENT, "module_register_buffer: Net has a \"count\" already");
    tp_module_free(&n->base);
}

static void registering_errors(void **state) {
    (void)state;
    net *n = net_make();
    tp_tensor *slot = NULL, *t = tp_ones(TP_SHAPE(2, 3), TP_F32);
    assert_null(tp_module_register_parameter(&n->base, "scale", &slot, t));
    assert_error(TP_ERR_ARGUMENT, "module_register_parameter: Net has a \"scale\" already");
    assert_null(tp_module_register_parameter(&n->base, "fc1", &slot, t));
    assert_error(TP_ERR_ARGUMENT, "module_register_parameter: Net has a \"fc1\" already");
    assert_null(tp_module_register_parameter(&n->base, "w", &n->scale, t));
    assert_error(TP_ERR_ARGUMENT, "module_register_parameter: the slot of \"w\" is that of \"scale\"");
    assert_null(tp_module_register_parameter(&n->base, "w", &slot, NULL));
    assert_error(TP_ERR_NULL, "module_register_parameter: argument value is NULL");
    assert_null(tp_module_register_parameter(&n->base, "w", NULL, t));
    assert_error(TP_ERR_NULL, "module_register_parameter: argument slot is NULL");
    assert_null(tp_module_register_parameter(&n->base, "w", &slot, tp_zeros(TP_SHAPE(2), TP_I64)));
    assert_error(TP_ERR_DTYPE, "module_register_parameter: a parameter is float32 or float64, got int64");
    assert_null(tp_module_register_parameter(&n->base, "w", &slot, tp_t(t)));
    assert_error(TP_ERR_ARGUMENT,
                 "module_register_parameter: \"w\" is not packed, of shape (3, 2); tp_contiguous() packs it");
    assert_null(tp_module_register_parameter(&n->base, "w", &slot, tp_mul_scalar(n->scale, 2)));
    assert_int_equal(tp_last_error().code, TP_ERR_AUTOGRAD);
    assert_null(slot);
    assert_false(tp_requires_grad(t));
    assert_int_equal(tp_module_parameters(&n->base).count, 5);
    tp_module_free(&n->base);
}

/* ---- names and lists --------------------------------------------------------------------------------- */

static tp_module *two_blocks(void) {
    return tp_nn_sequential(TP_MODULES(
        tp_nn_sequential(TP_MODULES(tp_nn_conv2d(1, 2, 3, 3, (tp_nn_conv2d_options){.no_bias = true}),
                                    tp_nn_batch_norm2d(2, (tp_nn_batch_norm_options){0}), tp_nn_relu())),
        tp_nn_flatten(), LINEAR(8, 3)));
}

static void assert_names(tp_named_tensors got, const char *const *names, int count) {
    assert_int_equal(got.count, count);
    for (int i = 0; i < count; i++) assert_string_equal(got.items[i].name, names[i]);
}
#define ASSERT_NAMES(got, ...)                                                                               \
    assert_names(got, (const char *const[]){__VA_ARGS__},                                                    \
                 (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)))

static void names_in_pytorchs_order(void **state) {
    (void)state;
    tp_module *m = two_blocks();
    ASSERT_NAMES(tp_module_state(m), "0.0.weight", "0.1.weight", "0.1.bias", "0.1.running_mean",
                 "0.1.running_var", "0.1.num_batches_tracked", "2.weight", "2.bias");
    ASSERT_NAMES(tp_module_named_parameters(m), "0.0.weight", "0.1.weight", "0.1.bias", "2.weight", "2.bias");
    tp_tensors params = tp_module_parameters(m);
    assert_int_equal(params.count, 5);
    assert_ptr_equal(params.items[3], tp_module_find(m, "2.weight"));
    assert_ptr_equal(params.items, tp_module_parameters(m).items);
    assert_int_equal(tp_module_numel(m), 2 * 9 + 2 + 2 + 24 + 3);
    assert_int_equal(tp_module_child_count(m), 3);
    assert_string_equal(tp_module_child_name(m, 2), "2");
    assert_ptr_equal(tp_module_child(m, "0.1"), tp_module_child_at(tp_module_child_at(m, 0), 1));
    assert_ptr_equal(tp_module_child(m, ""), m);
    /* A change below is seen above. */
    tp_module_add(tp_module_child(m, "0"), "extra", LINEAR(1, 1));
    ASSERT_NAMES(tp_module_named_parameters(m), "0.0.weight", "0.1.weight", "0.1.bias", "0.extra.weight",
                 "0.extra.bias", "2.weight", "2.bias");
    tp_module_free(m);
}

static void finding_errors(void **state) {
    (void)state;
    tp_module *m = two_blocks();
    const char *const tensors[] = {"",          "0",           "0.0",     "3.weight",
                                   "0.0.weigh", "0.0.weight.", ".weight", "0..weight"};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        assert_null(tp_module_find(m, tensors[i]));
        char message[100];
        snprintf(message, sizeof message, "module_find: Sequential has no parameter or buffer \"%s\"",
                 tensors[i]);
        assert_error(TP_ERR_ARGUMENT, message);
    }
    const char *const modules[] = {".", "0.", ".0", "0.3", "0.0.weight", "5"};
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        assert_null(tp_module_child(m, modules[i]));
        char message[100];
        snprintf(message, sizeof message, "module_child: Sequential has no module \"%s\"", modules[i]);
        assert_error(TP_ERR_ARGUMENT, message);
    }
    assert_null(tp_module_child_at(m, 3));
    assert_error(TP_ERR_INDEX, "module_child_at: Sequential has 3 children, got 3");
    assert_null(tp_module_child_name(m, -1));
    assert_error(TP_ERR_INDEX, "module_child_name: Sequential has 3 children, got -1");
    tp_module_free(m);
}

static void null_modules(void **state) {
    (void)state;
    assert_int_equal(tp_module_parameters(NULL).count, 0);
    assert_error(TP_ERR_NULL, "module_parameters: argument m is NULL");
    assert_int_equal(tp_module_named_parameters(NULL).count, 0);
    assert_error(TP_ERR_NULL, "module_named_parameters: argument m is NULL");
    assert_int_equal(tp_module_state(NULL).count, 0);
    assert_error(TP_ERR_NULL, "module_state: argument m is NULL");
    assert_int_equal(tp_module_numel(NULL), -1);
    assert_error(TP_ERR_NULL, "module_numel: argument m is NULL");
    assert_int_equal(tp_module_child_count(NULL), -1);
    assert_error(TP_ERR_NULL, "module_child_count: argument m is NULL");
    assert_int_equal(tp_module_train(NULL), TP_ERR_NULL);
    assert_int_equal(tp_module_eval(NULL), TP_ERR_NULL);
    assert_int_equal(tp_module_requires_grad(NULL, true), TP_ERR_NULL);
    assert_int_equal(tp_module_zero_grad(NULL), TP_ERR_NULL);
    assert_int_equal(tp_module_tie(NULL, "a", "b"), TP_ERR_NULL);
    assert_int_equal(tp_module_load_state(NULL, (tp_named_tensors){0, NULL}, (tp_load_options){0}),
                     TP_ERR_NULL);
    assert_int_equal(tp_module_format(NULL, NULL, 0), -1);
    assert_error(TP_ERR_NULL, "module_format: argument m is NULL");
    assert_int_equal(tp_module_fprint(stdout, NULL), TP_ERR_NULL);
    assert_null(tp_functional_call(NULL, (tp_tensors){0, NULL}, tp_ones(TP_SHAPE(1), TP_F32)));
    assert_error(TP_ERR_NULL, "functional_call: argument m is NULL");
}

static void modes_and_freezing(void **state) {
    (void)state;
    tp_module *m = two_blocks();
    assert_ok(tp_module_eval(m));
    assert_false(tp_module_child(m, "0.1")->training);
    assert_ok(tp_module_train(m));
    assert_true(tp_module_child(m, "0.1")->training);
    assert_ok(tp_module_requires_grad(tp_module_child(m, "0"), false));
    assert_false(tp_requires_grad(tp_module_find(m, "0.0.weight")));
    assert_true(tp_requires_grad(tp_module_find(m, "2.weight")));
    assert_ok(tp_backward(tp_sum(tp_forward(m, tp_rand(TP_SHAPE(2, 1, 4, 4), TP_F32, NULL)))));
    assert_null(tp_tensor_grad(tp_module_find(m, "0.0.weight")));
    assert_tensor(tp_tensor_grad(tp_module_find(m, "2.weight")));
    assert_ok(tp_module_requires_grad(m, true));
    assert_ok(tp_backward(tp_sum(tp_forward(m, tp_rand(TP_SHAPE(2, 1, 4, 4), TP_F32, NULL)))));
    assert_tensor(tp_tensor_grad(tp_module_find(m, "0.0.weight")));
    tp_module_free(m);
}

/* ---- tying, functional calls ------------------------------------------------------------------------- */

static void tied_parameters(void **state) {
    (void)state;
    tp_module *m = tp_nn_sequential(TP_MODULES(LINEAR(3, 3), LINEAR(3, 3), LINEAR(3, 2)));
    assert_int_equal(tp_module_tie(m, "1.weight", "2.weight"), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "module_tie: \"1.weight\" is (3, 3), \"2.weight\" is (2, 3)");
    assert_int_equal(tp_module_tie(m, "1.weight", "4.weight"), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "module_tie: Sequential has no parameter \"4.weight\"");
    assert_int_equal(tp_module_tie(m, "1.weight", NULL), TP_ERR_NULL);
    assert_int_equal(tp_module_parameters(m).count, 6);
    assert_ok(tp_module_tie(m, "1.weight", "0.weight"));
    ASSERT_NAMES(tp_module_named_parameters(m), "0.weight", "0.bias", "1.bias", "2.weight", "2.bias");
    ASSERT_NAMES(tp_module_state(m), "0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias");
    assert_ptr_equal(tp_module_find(m, "1.weight"), tp_module_find(m, "0.weight"));
    assert_int_equal(tp_module_numel(m), 9 + 3 + 3 + 6 + 2);
    /* Both uses add to the one gradient. */
    tp_tensor *w = tp_module_find(m, "0.weight"), *x = tp_rand(TP_SHAPE(4, 3), TP_F32, NULL), *grads[2];
    assert_ok(tp_backward(tp_sum(tp_forward(m, x))));
    tp_tensor *a = tp_set_requires_grad(tp_clone(tp_detach(w)), true),
              *b = tp_set_requires_grad(tp_clone(tp_detach(w)), true);
    tp_tensor *y = tp_linear(tp_linear(x, a, tp_module_find(m, "0.bias")), b, tp_module_find(m, "1.bias"));
    y = tp_linear(y, tp_module_find(m, "2.weight"), tp_module_find(m, "2.bias"));
    assert_ok(
        tp_grad(TP_TENSORS(tp_sum(y)), TP_TENSORS(a, b), (tp_tensors){0, NULL}, grads, (tp_grad_options){0}));
    double apart = tp_tensor_item(
        tp_amax(tp_abs(tp_sub(tp_tensor_grad(w), tp_add(grads[0], grads[1]))), TP_NO_DIMS, false));
    assert_true(apart < 1e-5);
    tp_module_free(m);
}

static void functional_call(void **state) {
    (void)state;
    tp_module *m = tp_nn_sequential(TP_MODULES(LINEAR(3, 3), tp_nn_tanh(), LINEAR(3, 3)));
    assert_ok(tp_module_tie(m, "2.weight", "0.weight"));
    tp_tensors own = tp_module_parameters(m);
    assert_int_equal(own.count, 3);
    tp_tensor *x = tp_rand(TP_SHAPE(4, 3), TP_F32, NULL), *others[3], *leaf[3], *grads[3];
    for (int i = 0; i < 3; i++) {
        leaf[i] = tp_set_requires_grad(tp_rand(tp_tensor_shape(own.items[i]), TP_F32, NULL), true);
        others[i] = tp_mul_scalar(leaf[i], 2);
    }
    tp_tensor *before = tp_forward(m, x), *y = tp_functional_call(m, (tp_tensors){3, others}, x);
    tp_tensor *by_hand = tp_linear(tp_tanh(tp_linear(x, others[0], others[1])), others[0], others[2]);
    assert_float_equal(tp_tensor_item(tp_amax(tp_abs(tp_sub(y, by_hand)), TP_NO_DIMS, false)), 0, 1e-6);
    assert_ok(tp_grad(TP_TENSORS(tp_sum(y)), (tp_tensors){3, leaf}, (tp_tensors){0, NULL}, grads,
                      (tp_grad_options){0}));
    for (int i = 0; i < 3; i++) assert_null(tp_tensor_grad(own.items[i]));
    tp_tensor *after = tp_forward(m, x);
    assert_float_equal(tp_tensor_item(tp_amax(tp_abs(tp_sub(after, before)), TP_NO_DIMS, false)), 0, 0);
    assert_ptr_equal(tp_module_parameters(m).items[1], own.items[1]);

    assert_null(tp_functional_call(m, (tp_tensors){3, NULL}, x));
    assert_error(TP_ERR_NULL, "functional_call: tensors.items is NULL, for 3");
    assert_null(tp_functional_call(m, (tp_tensors){2, others}, x));
    assert_error(TP_ERR_ARGUMENT, "functional_call: Sequential has 3 parameters, got 2 tensors");
    assert_null(tp_functional_call(m, TP_TENSORS(others[0], others[0], others[2]), x));
    assert_error(TP_ERR_SHAPE, "functional_call: tensor 1 is (3, 3), the parameter (3,)");
    assert_null(tp_functional_call(m, TP_TENSORS(others[0], NULL, others[2]), x));
    assert_error(TP_ERR_NULL, "functional_call: tensor 1 is NULL");
    /* A forward that fails puts the parameters back too. */
    assert_null(tp_functional_call(m, (tp_tensors){3, others}, tp_ones(TP_SHAPE(2, 5), TP_F32)));
    tp_error_clear();
    assert_float_equal(tp_tensor_item(tp_amax(tp_abs(tp_sub(tp_forward(m, x), before)), TP_NO_DIMS, false)),
                       0, 0);
    tp_module_free(m);
}

/* ---- loading ----------------------------------------------------------------------------------------- */

static void load_copies_and_converts(void **state) {
    (void)state;
    tp_module *a = two_blocks(), *b = two_blocks();
    tp_named_tensors from = tp_module_state(a);
    tp_named_tensor items[8];
    for (int i = 0; i < 8; i++) {
        items[7 - i] = from.items[i]; /* in any order, packed or not */
        if (tp_dtype_is_floating(tp_tensor_dtype(from.items[i].tensor)))
            items[7 - i].tensor = tp_to_dtype(tp_detach(from.items[i].tensor), TP_F64);
        if (i == 6) items[7 - i].tensor = tp_t(tp_clone(tp_t(items[7 - i].tensor)));
    }
    tp_module *child = tp_module_child(a, "0.1");
    assert_tensor(tp_fill_(tp_module_find(child, "num_batches_tracked"), 12));
    tp_tensor *weight = tp_module_find(b, "2.weight");
    uint64_t version = tp_tensor_version(weight);
    assert_ok(tp_module_load_state(b, (tp_named_tensors){8, items}, (tp_load_options){0}));
    assert_ptr_equal(tp_module_find(b, "2.weight"), weight);
    assert_true(tp_tensor_version(weight) > version);
    for (int i = 0; i < 8; i++) {
        tp_tensor *x = from.items[i].tensor, *y = tp_module_state(b).items[i].tensor;
        assert_int_equal(tp_tensor_dtype(x), tp_tensor_dtype(y));
        assert_int_equal((int)tp_tensor_item(tp_all(tp_eq(x, y))), 1);
    }
    tp_module_free(a);
    tp_module_free(b);
}

static void load_from_its_own_tensors(void **state) {
    (void)state;
    tp_module *m = tp_nn_sequential(TP_MODULES(LINEAR(2, 2), LINEAR(2, 2)));
    tp_tensor *a = tp_module_find(m, "0.weight"), *b = tp_module_find(m, "1.weight");
    tp_tensor *a0 = tp_clone(tp_detach(a)), *b0 = tp_clone(tp_detach(b));
    const tp_named_tensor swapped[] = {{"0.weight", b}, {"1.weight", tp_detach(a)}};
    assert_ok(
        tp_module_load_state(m, (tp_named_tensors){2, swapped}, (tp_load_options){.allow_missing = true}));
    assert_int_equal((int)tp_tensor_item(tp_all(tp_eq(a, b0))), 1);
    assert_int_equal((int)tp_tensor_item(tp_all(tp_eq(b, a0))), 1);
    assert_ok(tp_module_load_state(m, tp_module_state(m), (tp_load_options){0}));
    assert_int_equal((int)tp_tensor_item(tp_all(tp_eq(a, b0))), 1);
    tp_module_free(m);
}

static void load_is_strict(void **state) {
    (void)state;
    tp_module *m = LINEAR(2, 3);
    assert_tensor(tp_init_zeros_(tp_module_find(m, "weight")));
    assert_tensor(tp_init_zeros_(tp_module_find(m, "bias")));
    tp_tensor *w = tp_ones(TP_SHAPE(3, 2), TP_F32), *b = tp_ones(TP_SHAPE(3), TP_F32);
    tp_tensor *wrong = tp_ones(TP_SHAPE(2, 3), TP_F32), *whole = tp_ones(TP_SHAPE(3), TP_I64);
    const struct {
        tp_named_tensor items[3];
        int count;
        tp_status code;
        const char *message;
    } rows[] = {
        {{{"weight", w}}, 1, TP_ERR_ARGUMENT, "module_load_state: Linear: missing: bias"},
        {{{0}}, 0, TP_ERR_ARGUMENT, "module_load_state: Linear: missing: weight, bias"},
        {{{"weight", w}, {"bias", b}, {"extra", b}},
         3,
         TP_ERR_ARGUMENT,
         "module_load_state: Linear: unexpected: extra"},
        {{{"weight", w}, {"bia", b}},
         2,
         TP_ERR_ARGUMENT,
         "module_load_state: Linear: missing: bias; unexpected: bia"},
        {{{"weight", w}, {"bias", b}, {"bias", b}},
         3,
         TP_ERR_ARGUMENT,
         "module_load_state: Linear: given twice: bias"},
        {{{"weight", wrong}, {"bias", b}},
         2,
         TP_ERR_SHAPE,
         "module_load_state: Linear: of another shape: weight (2, 3) for (3, 2)"},
        {{{"bias", whole}, {"weight", w}},
         2,
         TP_ERR_DTYPE,
         "module_load_state: Linear: of another dtype: bias int64 for float32"},
        {{{"bias", b}, {"weight", NULL}}, 2, TP_ERR_NULL, "module_load_state: Linear: NULL: weight"},
        {{{"weight", wrong}, {"other", b}},
         2,
         TP_ERR_ARGUMENT,
         "module_load_state: Linear: missing: bias; unexpected: other; of another shape: weight (2, 3) for (3, 2)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(tp_module_load_state(m, (tp_named_tensors){rows[i].count, rows[i].items},
                                              (tp_load_options){0}),
                         rows[i].code);
        assert_error(rows[i].code, rows[i].message);
        assert_values(tp_module_find(m, "weight"), 0, 0, 0, 0, 0, 0);
        assert_values(tp_module_find(m, "bias"), 0, 0, 0);
    }
    assert_ok(tp_module_load_state(m, (tp_named_tensors){2, rows[3].items},
                                   (tp_load_options){.allow_missing = true, .allow_unexpected = true}));
    assert_values(tp_module_find(m, "weight"), 1, 1, 1, 1, 1, 1);
    assert_values(tp_module_find(m, "bias"), 0, 0, 0);
    tp_module_free(m);
}

static void long_lists_of_faults_are_cut(void **state) {
    (void)state;
    tp_module *m = tp_nn_sequential((tp_modules){0, NULL});
    for (int i = 0; i < 40; i++) {
        char name[40];
        snprintf(name, sizeof name, "a_layer_with_a_long_name_%d", i);
        tp_module_add(m, name, LINEAR(1, 1));
    }
    assert_int_equal(tp_module_load_state(m, (tp_named_tensors){0, NULL}, (tp_load_options){0}),
                     TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT,
                 "module_load_state: Sequential: missing: a_layer_with_a_long_name_0.weight, "
                 "a_layer_with_a_long_name_0.bias, a_layer_with_a_long_name_1.weight and 77 more");
    tp_module_free(m);
}

/* ---- printing ---------------------------------------------------------------------------------------- */

static const char printed[] =
    "Sequential(\n"
    "  (0): Conv2d(1, 32, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)\n"
    "  (1): Conv2d(2, 4, kernel_size=(3, 5), stride=(1, 1), dilation=(2, 2), groups=2)\n"
    "  (2): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)\n"
    "  (3): MaxPool2d(kernel_size=(2, 3), stride=(1, 2), padding=0, dilation=1, ceil_mode=False)\n"
    "  (4): AvgPool2d(kernel_size=2, stride=2, padding=0)\n"
    "  (5): AdaptiveAvgPool2d(output_size=(1, None))\n"
    "  (6): BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)\n"
    "  (7): BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)\n"
    "  (8): Dropout(p=0.25, inplace=False)\n"
    "  (9): Flatten(start_dim=1, end_dim=-1)\n"
    "  (10): LeakyReLU(negative_slope=0.1)\n"
    "  (11): GELU(approximate='none')\n"
    "  (12): GELU(approximate='tanh')\n"
    "  (13): SiLU()\n"
    "  (14): Softmax(dim=1)\n"
    "  (15): LogSoftmax(dim=-1)\n"
    "  (16): Identity()\n"
    "  (17): Sequential(\n"
    "    (0): Linear(in_features=3, out_features=4, bias=True)\n"
    "    (1): ReLU()\n"
    "  )\n"
    "  (18): Sequential()\n"
    ")";

static void prints_as_pytorch(void **state) {
    (void)state;
    tp_module *m = tp_nn_sequential(TP_MODULES(
        tp_nn_conv2d(1, 32, 3, 0, (tp_nn_conv2d_options){.stride = {2}, .padding = {1, 1}, .no_bias = true}),
        tp_nn_conv2d(2, 4, 3, 5, (tp_nn_conv2d_options){.dilation = {2}, .groups = 2}),
        tp_nn_max_pool2d(2, 2, (tp_pool2d_options){0}),
        tp_nn_max_pool2d(2, 3, (tp_pool2d_options){.stride = {1, 2}}),
        tp_nn_avg_pool2d(2, 0, (tp_pool2d_options){0}), tp_nn_adaptive_avg_pool2d(1, -1),
        tp_nn_batch_norm2d(3, (tp_nn_batch_norm_options){0}),
        tp_nn_batch_norm1d(3, (tp_nn_batch_norm_options){.no_affine = true, .no_running_stats = true}),
        tp_nn_dropout(0.25, NULL), tp_nn_flatten(), tp_nn_leaky_relu(0.1), tp_nn_gelu(), tp_nn_gelu_tanh(),
        tp_nn_silu(), tp_nn_softmax(1), tp_nn_log_softmax(-1), tp_nn_identity(),
        tp_nn_sequential(TP_MODULES(LINEAR(3, 4), tp_nn_relu())), tp_nn_sequential((tp_modules){0, NULL})));
    assert_non_null(m);
    char text[2048], cut[50];
    assert_int_equal(tp_module_format(m, text, sizeof text), sizeof printed - 1);
    assert_string_equal(text, printed);
    for (size_t size = 0; size <= sizeof cut; size++) {
        memset(cut, '#', sizeof cut);
        assert_int_equal(tp_module_format(m, cut, size), sizeof printed - 1);
        if (size > 0) assert_int_equal(strlen(cut), size - 1);
        if (size > 0) assert_memory_equal(cut, printed, size - 1);
    }
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_ok(tp_module_fprint(file, m));
    rewind(file);
    assert_int_equal(fread(text, 1, sizeof text, file), sizeof printed - 1);
    assert_memory_equal(text, printed, sizeof printed - 1);
    fclose(file);
    tp_module_free(m);
}

/* ---- layers ------------------------------------------------------------------------------------------ */

static double largest(tp_tensor *t) { return tp_tensor_item(tp_amax(tp_abs(t), TP_NO_DIMS, false)); }

static void default_initialisation(void **state) {
    (void)state;
    tp_generator *g = tp_generator_new(5);
    tp_module *fc = tp_nn_linear(25, 400, (tp_linear_options){.dtype = TP_F64, .generator = g});
    tp_module *conv = tp_nn_conv2d(8, 40, 2, 4, (tp_nn_conv2d_options){.groups = 2, .generator = g});
    double bound = 0.2, conv_bound = 1 / sqrt(4 * 2 * 4);
    assert_int_equal(tp_tensor_dtype(tp_module_find(fc, "bias")), TP_F64);
    assert_true(largest(tp_module_find(fc, "weight")) <= bound &&
                largest(tp_module_find(fc, "weight")) > 0.99 * bound);
    assert_true(largest(tp_module_find(fc, "bias")) <= bound &&
                largest(tp_module_find(fc, "bias")) > 0.9 * bound);
    assert_true(tp_shape_equal(tp_tensor_shape(tp_module_find(conv, "weight")), TP_SHAPE(40, 4, 2, 4)));
    assert_true(largest(tp_module_find(conv, "weight")) <= conv_bound);
    assert_true(largest(tp_module_find(conv, "weight")) > 0.98 * conv_bound);
    assert_true(largest(tp_module_find(conv, "bias")) <= conv_bound);
    tp_generator_set_state(g, (tp_generator_state){.seed = 5});
    tp_manual_seed(77); /* not drawn from */
    tp_module *again = tp_nn_linear(25, 400, (tp_linear_options){.dtype = TP_F64, .generator = g});
    assert_int_equal((int)tp_tensor_item(
                         tp_all(tp_eq(tp_module_find(fc, "weight"), tp_module_find(again, "weight")))),
                     1);
    assert_int_equal((int)tp_generator_get_state(NULL).offset, 0);
    tp_module_free(fc);
    tp_module_free(conv);
    tp_module_free(again);
    tp_generator_free(g);
    tp_module *none = LINEAR(0, 2); /* as PyTorch: a bias of zeros, no weights */
    assert_values(tp_forward(none, tp_ones(TP_SHAPE(1, 0), TP_F32)), 0, 0);
    tp_module_free(none);
}

/* Each module against the op it stands for. */
static void layers_are_their_ops(void **state) {
    (void)state;
    tp_manual_seed(8);
    tp_tensor *x = tp_randn(TP_SHAPE(2, 3, 6, 6), TP_F32, NULL);
    tp_pool2d_options pool = {.stride = {1, 2}, .padding = {1, 1}};
    const struct {
        tp_module *module;
        tp_tensor *expected;
    } rows[] = {
        {tp_nn_flatten(), tp_flatten(x, 1, -1)},
        {tp_nn_flatten_with(0, 1), tp_flatten(x, 0, 1)},
        {tp_nn_max_pool2d(3, 2, pool), tp_max_pool2d(x, 3, 2, pool)},
        {tp_nn_avg_pool2d(3, 0, pool), tp_avg_pool2d(x, 3, 3, pool)},
        {tp_nn_adaptive_avg_pool2d(2, -1), tp_adaptive_avg_pool2d(x, 2, 6)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tp_tensor *y = tp_forward(rows[i].module, x);
        assert_tensor(rows[i].expected);
        assert_tensor(y);
        assert_true(tp_shape_equal(tp_tensor_shape(y), tp_tensor_shape(rows[i].expected)));
        assert_int_equal((int)tp_tensor_item(tp_all(tp_eq(y, rows[i].expected))), 1);
        tp_module_free(rows[i].module);
    }
    tp_module *conv = tp_nn_conv2d(3, 4, 3, 2, (tp_nn_conv2d_options){.stride = {2, 1}, .padding = {1, 0}});
    tp_conv2d_options options = {.stride = {2, 1}, .padding = {1, 0}};
    tp_tensor *y = tp_conv2d(x, tp_module_find(conv, "weight"), tp_module_find(conv, "bias"), options);
    assert_int_equal((int)tp_tensor_item(tp_all(tp_eq(tp_forward(conv, x), y))), 1);
    tp_module_free(conv);
}

static void constructor_errors(void **state) {
    (void)state;
    tp_nn_conv2d_options conv = {0};
    assert_null(tp_nn_linear(2, 2, (tp_linear_options){.dtype = TP_I64}));
    assert_error(TP_ERR_DTYPE, "nn_linear: parameters are float32 or float64, got int64");
    assert_null(tp_nn_conv2d(3, 4, 0, 0, conv));
    assert_error(TP_ERR_ARGUMENT,
                 "nn_conv2d: a size is out of range: 3, 4, kernel_size=(0, 0), stride=(1, 1)");
    conv.groups = 2;
    assert_null(tp_nn_conv2d(3, 4, 1, 1, conv));
    assert_error(TP_ERR_ARGUMENT,
                 "nn_conv2d: groups must divide both numbers of channels: 3, 4, kernel_size=(1, 1), "
                 "stride=(1, 1), groups=2");
    assert_null(tp_nn_max_pool2d(0, 0, (tp_pool2d_options){0}));
    assert_error(TP_ERR_ARGUMENT,
                 "nn_max_pool2d: a size is out of range: kernel_size=0, stride=0, padding=0, dilation=1, "
                 "ceil_mode=False");
    assert_null(tp_nn_avg_pool2d(2, 2, (tp_pool2d_options){.padding = {-1}}));
    assert_int_equal(tp_last_error().code, TP_ERR_ARGUMENT);
    assert_null(tp_nn_adaptive_avg_pool2d(-2, 1));
    assert_error(TP_ERR_ARGUMENT,
                 "nn_adaptive_avg_pool2d: sizes are at least 1, or -1 for the input's: output_size=(-2, 1)");
    assert_null(tp_nn_batch_norm1d(-1, (tp_nn_batch_norm_options){0}));
    assert_error(TP_ERR_ARGUMENT, "nn_batch_norm1d: -1 features");
    assert_null(tp_nn_batch_norm2d(2, (tp_nn_batch_norm_options){.momentum = 2}));
    assert_error(TP_ERR_ARGUMENT,
                 "nn_batch_norm2d: eps must not be negative and momentum in [0, 1], got 0 and 2");
    assert_null(tp_nn_dropout(1.5, NULL));
    assert_error(TP_ERR_ARGUMENT, "nn_dropout: p must be in [0, 1], got 1.5");
}

/* During a forward of a Sequential without a tape only one step's input and output live at a time. */
static void lists_and_dictionaries(void **state) {
    (void)state;
    tp_module *list = tp_nn_module_list(TP_MODULES(LINEAR(2, 3), LINEAR(3, 4)));
    assert_non_null(tp_module_append(list, LINEAR(4, 5)));
    assert_int_equal(tp_module_child_count(list), 3);
    assert_string_equal(tp_module_child_name(list, 2), "2");
    assert_int_equal(tp_module_parameters(list).count, 6);
    assert_string_equal(tp_module_named_parameters(list).items[4].name, "2.weight");
    assert_null(tp_forward(list, tp_ones(TP_SHAPE(1, 2), TP_F32)));
    assert_error(TP_ERR_STATE, "forward: a ModuleList has no forward");
    tp_module_free(list);

    const char *const names[] = {"encoder", "decoder"};
    tp_module *dict = tp_nn_module_dict(names, TP_MODULES(LINEAR(2, 3), LINEAR(3, 2)));
    assert_ptr_equal(tp_module_child(dict, "decoder"), tp_module_child_at(dict, 1));
    char text[256];
    tp_module_format(dict, text, sizeof text);
    assert_string_equal(text, "ModuleDict(\n"
                              "  (encoder): Linear(in_features=2, out_features=3, bias=True)\n"
                              "  (decoder): Linear(in_features=3, out_features=2, bias=True)\n"
                              ")");
    tp_module_free(dict);

    const char *const twice[] = {"a", "a"}, *const none[] = {NULL};
    assert_null(tp_nn_module_dict(twice, TP_MODULES(LINEAR(1, 1), LINEAR(1, 1))));
    assert_error(TP_ERR_ARGUMENT, "module_add: ModuleDict has a \"a\" already");
    assert_null(tp_nn_module_dict(none, TP_MODULES(LINEAR(1, 1))));
    assert_error(TP_ERR_NULL, "module_add: argument name is NULL");
    assert_null(tp_nn_module_dict(NULL, TP_MODULES(LINEAR(1, 1))));
    assert_error(TP_ERR_NULL, "nn_module_dict: argument names is NULL");
    assert_null(tp_module_append(NULL, LINEAR(1, 1)));
    assert_error(TP_ERR_NULL, "module_add: argument m is NULL");
    assert_null(tp_nn_module_list(TP_MODULES(LINEAR(1, 1), NULL)));
    assert_error(TP_ERR_NULL, "nn_module_list: module 1 is NULL");
    tp_module *empty = tp_nn_module_dict(NULL, (tp_modules){0, NULL});
    assert_int_equal(tp_module_child_count(empty), 0);
    tp_module_free(empty);
}

static void sequential_drops_inputs(void **state) {
    (void)state;
    enum { N = 1 << 16 };
    tp_module *m = tp_nn_sequential(TP_MODULES(tp_nn_relu(), tp_nn_tanh(), tp_nn_sigmoid(), tp_nn_relu(),
                                               tp_nn_sequential(TP_MODULES(tp_nn_tanh(), tp_nn_relu()))));
    tp_tensor *x = tp_ones(TP_SHAPE(N), TP_F32);
    tp_no_grad_begin();
    tp_memory_reset_peak();
    size_t before = tp_memory_stats().in_use;
    assert_tensor(tp_forward(m, x));
    assert_true(tp_memory_stats().peak - before <= 2 * N * sizeof(float) + 65536);
    assert_ok(tp_no_grad_end());
    tp_module_free(m);
}

/* ---- threads ----------------------------------------------------------------------------------------- */

static void *look_and_run(void *arg) {
    tp_module *m = arg;
    tp_scope *s = tp_scope_begin();
    bool ok = tp_module_parameters(m).count == 5 && tp_module_state(m).count == 8;
    tp_tensor *x = tp_ones(TP_SHAPE(2, 1, 4, 4), TP_F32);
    for (int i = 0; i < 20; i++) ok = ok && tp_forward(m, x);
    tp_scope_end(s);
    return ok ? NULL : arg;
}

static void shared_by_threads(void **state) {
    (void)state;
    tp_module *m = two_blocks();
    assert_ok(tp_module_eval(m));
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) assert_int_equal(pthread_create(&threads[i], NULL, look_and_run, m), 0);
    for (int i = 0; i < 8; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    tp_module_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(own_module),
        CHECK_TEST(forward_leaves_its_result_only),
        CHECK_TEST(forwards_that_fail),
        CHECK_TEST(add_owns_even_when_it_fails),
        CHECK_TEST(null_child_waits_in_the_record),
        CHECK_TEST(lists_with_a_hole),
        CHECK_TEST(own_buffer),
        CHECK_TEST(registering_errors),
        CHECK_TEST(names_in_pytorchs_order),
        CHECK_TEST(finding_errors),
        CHECK_TEST(null_modules),
        CHECK_TEST(modes_and_freezing),
        CHECK_TEST(tied_parameters),
        CHECK_TEST(functional_call),
        CHECK_TEST(load_copies_and_converts),
        CHECK_TEST(load_from_its_own_tensors),
        CHECK_TEST(load_is_strict),
        CHECK_TEST(long_lists_of_faults_are_cut),
        CHECK_TEST(prints_as_pytorch),
        CHECK_TEST(default_initialisation),
        CHECK_TEST(layers_are_their_ops),
        CHECK_TEST(constructor_errors),
        CHECK_TEST(lists_and_dictionaries),
        CHECK_TEST(sequential_drops_inputs),
        CHECK_TEST(shared_by_threads),
    };
    return cmocka_run_group_tests_name("nn", tests, NULL, NULL);
}
