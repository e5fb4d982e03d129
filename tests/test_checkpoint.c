/* Recomputation: the same bits as without it, less memory, and what may go wrong. */
/* ctest: threads */
#include "support/check.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

enum { LAYERS = 32, WIDTH = 64, ROWS = 256 };

static tp_tensor *weight(int n) {
    tp_tensor *w = tp_mul_scalar(tp_randn(TP_SHAPE(n, n), TP_F32, NULL), 0.2);
    return tp_set_requires_grad(tp_detach(w), true);
}

/* Ops that save three activations, the mask besides. */
static int layer(tp_tensors in, tp_tensor **out, void *context) {
    tp_tensor *h = tp_tanh(tp_matmul(in.items[0], in.items[1]));
    h = tp_sigmoid(tp_mul(h, tp_exp(tp_sin(h))));
    out[0] = context ? tp_dropout(h, 0.5, true, NULL) : h;
    return 1;
}

static tp_tensor *run_layer(tp_tensor *x, tp_tensor *w, bool checkpointed, void *context) {
    tp_tensor *y[1];
    if (checkpointed) {
        assert_ok(tp_checkpoint(layer, context, TP_TENSORS(x, w), 1, y, (tp_checkpoint_options){0}));
        return y[0];
    }
    tp_scope *s = tp_scope_begin();
    assert_int_equal(layer(TP_TENSORS(x, w), y, context), 1);
    return tp_scope_return(s, y[0]);
}

/* A deep network's gradients into g[0 .. LAYERS], and the peak of memory above what was there. */
static size_t deep(bool checkpointed, tp_tensor **g, void *context) {
    tp_manual_seed(3);
    tp_tensor *w[LAYERS + 1];
    for (int i = 0; i < LAYERS; i++) w[i] = weight(WIDTH);
    tp_tensor *x = w[LAYERS] = tp_set_requires_grad(tp_rand(TP_SHAPE(ROWS, WIDTH), TP_F32, NULL), true);
    size_t before = tp_memory_stats().in_use;
    tp_memory_reset_peak();
    tp_scope *s = tp_scope_begin();
    for (int i = 0; i < LAYERS; i++) x = run_layer(x, w[i], checkpointed, context);
    assert_ok(tp_backward(tp_sum(x)));
    tp_scope_end(s);
    size_t peak = tp_memory_stats().peak - before;
    for (int i = 0; i <= LAYERS; i++) g[i] = tp_tensor_grad(w[i]);
    return peak;
}

static void assert_same_bits(tp_tensor *a, tp_tensor *b) {
    assert_tensor(a);
    assert_tensor(b);
    size_t bytes = (size_t)tp_tensor_numel(a) * (tp_tensor_dtype(a) == TP_F64 ? 8 : 4);
    assert_int_equal(tp_tensor_numel(a), tp_tensor_numel(b));
    assert_memory_equal(tp_tensor_data(tp_contiguous(a)), tp_tensor_data(tp_contiguous(b)), bytes);
}

/* Without: each layer keeps three activations. With: one, and those of the layer under way. */
static void memory_falls_and_gradients_are_the_same_bits(void **state) {
    (void)state;
    tp_tensor *plain[LAYERS + 1], *less[LAYERS + 1];
    for (int dropout = 0; dropout < 2; dropout++) {
        size_t all = deep(false, plain, dropout ? plain : NULL),
               few = deep(true, less, dropout ? plain : NULL);
        size_t activation = (size_t)ROWS * WIDTH * sizeof(float);
        for (int i = 0; i <= LAYERS; i++) assert_same_bits(plain[i], less[i]);
        if (2 * few > all || few > (LAYERS + 16) * activation + LAYERS * WIDTH * WIDTH * sizeof(float))
            fail_msg("peaks: %zu bytes without, %zu with", all, few);
    }
}

static void the_generator_goes_on_as_without(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(16, 16), TP_F32), true), *w = weight(16);
    double after[2];
    for (int k = 0; k < 2; k++) {
        tp_manual_seed(5);
        tp_tensor *y = run_layer(x, w, k, x);
        assert_ok(tp_backward(tp_sum(y)));
        after[k] = tp_generator_uniform(tp_default_generator());
    }
    assert_true(after[0] == after[1]);
    tp_tensor *y[1]; /* without the care for it, another mask: a gradient where the output is 0 */
    assert_ok(
        tp_checkpoint(layer, x, TP_TENSORS(x, w), 1, y, (tp_checkpoint_options){.no_preserve_rng = true}));
    tp_zero_grad(w);
    assert_ok(tp_backward(tp_sum(y[0])));
    tp_generator_state now = tp_generator_get_state(tp_default_generator());
    assert_true(now.offset > 0);
}

/* ---- shapes of use ----------------------------------------------------------------------------------------- */

/* (x, y) -> (x^2 y, argmax x, x): several outputs, one of which is whole numbers and one the very input */
static int three_outputs(tp_tensors in, tp_tensor **out, void *context) {
    if (context) ++*(int *)context;
    out[0] = tp_mul(tp_square(in.items[0]), in.items[1]);
    out[1] = tp_argmax(in.items[0]);
    out[2] = in.items[0];
    return 3;
}

static void several_outputs_and_inputs_without_gradient(void **state) {
    (void)state;
    int runs = 0;
    tp_tensor *x = tp_set_requires_grad(tp_linspace(1, 3, 3, TP_F64), true),
              *y = tp_full(TP_SHAPE(3), 2, TP_F64);
    tp_tensor *out[3];
    assert_ok(tp_checkpoint(three_outputs, &runs, TP_TENSORS(x, y), 3, out, (tp_checkpoint_options){0}));
    assert_true(tp_requires_grad(out[0]) && !tp_requires_grad(out[1]) && tp_requires_grad(out[2]));
    assert_string_equal(tp_grad_op_name(out[2]), "checkpoint");
    assert_true(tp_is_leaf(x));
    assert_ok(tp_backward_with(tp_sum(out[0]), (tp_backward_options){.retain_graph = true}));
    assert_values(tp_tensor_grad(x), 4, 8, 12);
    assert_ok(tp_backward(tp_sum(tp_add(out[0], tp_mul_scalar(out[2], 10)))));
    assert_values(tp_tensor_grad(x), 18, 26, 34);
    assert_int_equal(runs, 3);
    assert_int_equal(tp_backward(tp_sum(out[0])), TP_ERR_AUTOGRAD); /* the graph is gone */
    assert_ok(tp_checkpoint(three_outputs, &runs, TP_TENSORS(y, y), 3, out, (tp_checkpoint_options){0}));
    assert_false(tp_requires_grad(out[0]));
    assert_int_equal(runs, 4);
}

/* The same tensor twice, one input made from another, and a hook that must run once. */
static tp_tensor *count_call(tp_tensor *g, void *context) {
    (void)g;
    ++*(int *)context;
    return NULL;
}

static void inputs_that_depend_on_one_another(void **state) {
    (void)state;
    int calls = 0;
    tp_tensor *x = tp_set_requires_grad(tp_linspace(1, 3, 3, TP_F64), true), *out[3], *gg;
    tp_register_hook(x, count_call, &calls, NULL);
    assert_ok(tp_checkpoint(three_outputs, NULL, TP_TENSORS(x, x), 3, out, (tp_checkpoint_options){0}));
    assert_ok(tp_backward(tp_sum(out[0])));
    assert_values(tp_tensor_grad(x), 3, 12, 27);
    assert_int_equal(calls, 1);
    for (int create = 0; create < 2; create++) { /* x^2 (x^3): 5 x^4, and 20 x^3 */
        tp_tensor *cube = tp_mul(tp_square(x), x), *g;
        assert_ok(
            tp_checkpoint(three_outputs, NULL, TP_TENSORS(x, cube), 3, out, (tp_checkpoint_options){0}));
        assert_ok(tp_grad(TP_TENSORS(tp_sum(out[0])), TP_TENSORS(x), (tp_tensors){0}, &g,
                          (tp_grad_options){.create_graph = create}));
        assert_values(g, 5, 80, 405);
        if (!create) continue;
        assert_ok(tp_grad(TP_TENSORS(tp_sum(g)), TP_TENSORS(x), (tp_tensors){0}, &gg, (tp_grad_options){0}));
        assert_values(gg, 20, 160, 540);
    }
}

/* Only x is asked for; the weight is known all the same. */
static void part_of_the_inputs(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(tp_rand(TP_SHAPE(4, 4), TP_F32, NULL), true), *w = weight(4), *g[2];
    for (int k = 0; k < 2; k++)
        assert_ok(tp_grad(TP_TENSORS(tp_sum(run_layer(x, w, k, NULL))), TP_TENSORS(x), (tp_tensors){0}, &g[k],
                          (tp_grad_options){0}));
    assert_same_bits(g[0], g[1]);
    assert_null(tp_tensor_grad(w));
}

static int nested(tp_tensors in, tp_tensor **out, void *context) {
    tp_tensor *h[1];
    if (tp_checkpoint(layer, context, in, 1, h, (tp_checkpoint_options){0}) != TP_OK ||
        tp_checkpoint(layer, context, TP_TENSORS(h[0], in.items[1]), 1, out, (tp_checkpoint_options){0}) !=
            TP_OK)
        return tp_error_set(tp_last_error().code, "nested", "%s", tp_last_error().message), -1;
    return 1;
}

static void nested_and_in_a_module(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(tp_rand(TP_SHAPE(8, 8), TP_F32, NULL), true), *w = weight(8),
              *g[2][2], *y[1];
    for (int k = 0; k < 2; k++) {
        tp_manual_seed(9);
        if (k) assert_ok(tp_checkpoint(nested, x, TP_TENSORS(x, w), 1, y, (tp_checkpoint_options){0}));
        else y[0] = run_layer(run_layer(x, w, false, x), w, false, x);
        assert_ok(
            tp_grad(TP_TENSORS(tp_sum(y[0])), TP_TENSORS(x, w), (tp_tensors){0}, g[k], (tp_grad_options){0}));
    }
    assert_same_bits(g[0][0], g[1][0]);
    assert_same_bits(g[0][1], g[1][1]);
}

static int of_module(tp_tensors in, tp_tensor **out, void *context) {
    out[0] = tp_tanh(tp_forward(context, in.items[0]));
    return 1;
}

static void a_module_with_its_own_parameters(void **state) {
    (void)state;
    tp_module *net = tp_nn_linear(4, 4, (tp_linear_options){0});
    tp_tensors p = tp_module_parameters(net);
    tp_tensor *x = tp_rand(TP_SHAPE(2, 4), TP_F32, NULL), *y[1], *want;
    assert_ok(tp_backward(tp_sum(tp_tanh(tp_forward(net, x)))));
    want = tp_tensor_grad(p.items[0]);
    tp_zero_grad(p.items[0]);
    assert_ok(tp_checkpoint(of_module, net, TP_TENSORS(x, p.items[0], p.items[1]), 1, y,
                            (tp_checkpoint_options){0}));
    assert_ok(tp_backward(tp_sum(y[0])));
    assert_same_bits(want, tp_tensor_grad(p.items[0]));
    /* a parameter that was forgotten is an error, not a gradient that is missing */
    assert_ok(tp_checkpoint(of_module, net, TP_TENSORS(x, p.items[0]), 1, y, (tp_checkpoint_options){0}));
    assert_int_equal(tp_backward(tp_sum(y[0])), TP_ERR_AUTOGRAD);
    assert_error(TP_ERR_AUTOGRAD,
                 "checkpoint: the function gives op linear a tensor that requires grad and is not "
                 "among the inputs");
    tp_module_free(net);
}

static int check_layer(tp_tensors in, tp_tensor **out, void *context) {
    (void)context;
    if (tp_checkpoint(layer, NULL, in, 1, out, (tp_checkpoint_options){0}) == TP_OK) return 1;
    tp_error_set(tp_last_error().code, "check_layer", "%s", tp_last_error().message);
    return -1;
}

static void differentiates_twice(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(tp_rand(TP_SHAPE(2, 2), TP_F64, NULL), true),
              *w = tp_set_requires_grad(tp_rand(TP_SHAPE(2, 2), TP_F64, NULL), true);
    assert_ok(tp_gradcheck(check_layer, NULL, TP_TENSORS(x, w), (tp_gradcheck_options){0}));
    assert_ok(tp_gradgradcheck(check_layer, NULL, TP_TENSORS(x, w), (tp_gradcheck_options){0}));
}

/* ---- failures ---------------------------------------------------------------------------------------------- */

typedef struct moody {
    int runs, frees, bad_run, kind;
} moody;

static void free_moody(void *context) { ((moody *)context)->frees++; }

static int moody_function(tp_tensors in, tp_tensor **out, void *context) {
    moody *m = context;
    bool bad = ++m->runs == m->bad_run;
    out[0] = tp_square(in.items[0]);
    if (!bad) return 1;
    if (m->kind == 0) return tp_error_set(TP_ERR_IO, "moody", "not today"), -1;
    if (m->kind == 1) out[0] = tp_sum(out[0]);
    if (m->kind == 3) tp_add_scalar_(in.items[0], 1);
    out[1] = out[0];
    return m->kind == 2 ? 2 : 1;
}

static void errors_are_delivered(void **state) {
    (void)state;
    static const struct {
        tp_status code;
        const char *message;
    } later[] = {{TP_ERR_IO, "moody: not today"},
                 {TP_ERR_STATE,
                  "checkpoint: output 0 of the function was (2,) at first and is () when run again"},
                 {TP_ERR_STATE, "checkpoint: the function made 1 outputs at first and 2 when run again"}};
    for (int k = 0; k < 3; k++) {
        moody m = {.bad_run = 2, .kind = k};
        tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true), *y[1];
        tp_scope *s = tp_scope_begin();
        tp_generator_state rng = tp_generator_get_state(tp_default_generator());
        assert_ok(tp_checkpoint(moody_function, &m, TP_TENSORS(x), 1, y,
                                (tp_checkpoint_options){.free_context = free_moody}));
        assert_int_equal(tp_backward(tp_sum(y[0])), later[k].code);
        assert_error(later[k].code, later[k].message);
        assert_null(tp_tensor_grad(x));
        assert_true(tp_generator_get_state(tp_default_generator()).offset == rng.offset);
        assert_true(tp_grad_enabled());
        assert_int_equal(m.frees, 0);
        tp_scope_end(s);
        assert_int_equal(m.frees, 1);
    }
    tp_tensor *x = tp_ones(TP_SHAPE(2), TP_F32), *y[2];
    moody m = {.bad_run = 1};
    tp_checkpoint_options options = {.free_context = free_moody};
    assert_int_equal(tp_checkpoint(moody_function, &m, TP_TENSORS(x), 1, y, options), TP_ERR_IO);
    assert_error(TP_ERR_IO, "moody: not today");
    assert_null(y[0]);
    m = (moody){.bad_run = 1, .kind = 3};
    assert_int_equal(tp_checkpoint(moody_function, &m, TP_TENSORS(x), 1, y, options), TP_ERR_ALIAS);
    assert_error(TP_ERR_ALIAS,
                 "checkpoint: the function changed an input in place; it could not be run again");
    m = (moody){0};
    assert_int_equal(tp_checkpoint(moody_function, &m, TP_TENSORS(x), 2, y, options), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "checkpoint: the function made 1 outputs, not 2");
    assert_int_equal(tp_checkpoint(moody_function, &m, TP_TENSORS(x), 0, y, options), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "checkpoint: n_outputs is 0; it must be 1 to 16");
    assert_int_equal(tp_checkpoint(NULL, &m, TP_TENSORS(x), 1, y, options), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "checkpoint: argument f is NULL");
    assert_int_equal(tp_checkpoint(moody_function, &m, TP_TENSORS(x, NULL), 1, y, options), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "checkpoint: argument inputs[1] is NULL");
    assert_int_equal(m.frees, 4);
    assert_ok(tp_checkpoint(moody_function, &m, TP_TENSORS(x), 1, y, options));
    assert_int_equal(m.frees, 5); /* nothing was recorded */
    /* an input changed after the first run */
    tp_tensor *leaf = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true), *out[3];
    assert_ok(tp_checkpoint(three_outputs, NULL, TP_TENSORS(x, leaf), 3, out, (tp_checkpoint_options){0}));
    tp_add_scalar_(x, 1);
    assert_int_equal(tp_backward(tp_sum(out[0])), TP_ERR_AUTOGRAD);
    assert_error(TP_ERR_AUTOGRAD,
                 "checkpoint: input 0, which the gradient needs, was changed in place after it was "
                 "recorded: it was at version 1, now 2");
}

static tp_status whole_step(void *create_graph) {
    tp_tensor *x = tp_set_requires_grad(tp_linspace(0.5, 2, 4, TP_F32), true), *y[1], *g[2];
    tp_tensor *in = tp_reshape(x, TP_SHAPE(2, 2));
    tp_status status = in ? tp_checkpoint(nested, x, TP_TENSORS(in, in), 1, y, (tp_checkpoint_options){0})
                          : tp_last_error().code;
    if (status == TP_OK)
        status = tp_grad(TP_TENSORS(tp_sum(y[0])), TP_TENSORS(x), (tp_tensors){0}, g,
                         (tp_grad_options){.create_graph = *(bool *)create_graph});
    return status;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    assert_survives_no_memory(whole_step, &(bool){false}, 20);
    assert_survives_no_memory(whole_step, &(bool){true}, 20);
}

/* ---- threads ----------------------------------------------------------------------------------------------- */

static tp_tensor *shared_weight;

static void *train_alone(void *result) {
    tp_scope *s = tp_scope_begin();
    tp_manual_seed(11);
    bool ok = true;
    for (int k = 0; k < 8; k++) {
        tp_tensor *x = tp_rand(TP_SHAPE(8, 8), TP_F32, NULL), *y[1] = {NULL};
        ok = ok && tp_checkpoint(nested, x, TP_TENSORS(x, shared_weight), 1, y, (tp_checkpoint_options){0}) ==
                       TP_OK;
        ok = ok && tp_backward(tp_sum(y[0])) == TP_OK;
    }
    tp_scope_end(s);
    *(bool *)result = ok;
    return NULL;
}

static void walks_of_several_threads(void **state) {
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    bool ok[THREADS];
    shared_weight = weight(8);
    for (int k = 0; k < THREADS; k++)
        assert_int_equal(pthread_create(&threads[k], NULL, train_alone, &ok[k]), 0);
    for (int k = 0; k < THREADS; k++) pthread_join(threads[k], NULL);
    for (int k = 0; k < THREADS; k++) assert_true(ok[k]);
    assert_tensor(tp_tensor_grad(shared_weight));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(memory_falls_and_gradients_are_the_same_bits),
        CHECK_TEST(the_generator_goes_on_as_without),
        CHECK_TEST(several_outputs_and_inputs_without_gradient),
        CHECK_TEST(inputs_that_depend_on_one_another),
        CHECK_TEST(part_of_the_inputs),
        CHECK_TEST(nested_and_in_a_module),
        CHECK_TEST(a_module_with_its_own_parameters),
        CHECK_TEST(differentiates_twice),
        CHECK_TEST(errors_are_delivered),
        CHECK_TEST(every_allocation_may_fail),
        CHECK_TEST(walks_of_several_threads),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
