/* Optimizers: the fused step against the definition in public ops, gradients through a step, groups, state,
 * threads, levels of kernels, errors. Trajectories against PyTorch's are in test_golden.c. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "kernels/kernels.h"

/* ---- all kinds --------------------------------------------------------------------------------------- */

typedef enum rule { SGD, ADAM, ADAMW, NADAM, RADAM, RMSPROP, ADAGRAD } rule;

typedef struct kind {
    const char *name;
    rule rule;
    tp_sgd_options sgd;
    tp_adam_options adam;
    tp_nadam_options nadam;
    tp_radam_options radam;
    tp_rmsprop_options rmsprop;
    tp_adagrad_options adagrad;
} kind;

static const kind kinds[] = {
    {.name = "sgd", .rule = SGD},
    {.name = "sgd with decay", .rule = SGD, .sgd = {.weight_decay = 0.1}},
    {.name = "sgd to maximize", .rule = SGD, .sgd = {.maximize = true}},
    {.name = "momentum", .rule = SGD, .sgd = {.momentum = 0.9}},
    {.name = "momentum with decay", .rule = SGD, .sgd = {.momentum = 0.9, .weight_decay = 0.1}},
    {.name = "dampening", .rule = SGD, .sgd = {.momentum = 0.9, .dampening = 0.3, .maximize = true}},
    {.name = "nesterov", .rule = SGD, .sgd = {.momentum = 0.8, .nesterov = true}},
    {.name = "nesterov with decay",
     .rule = SGD,
     .sgd = {.momentum = 0.8, .nesterov = true, .weight_decay = 0.2}},
    {.name = "adam", .rule = ADAM},
    {.name = "adam with decay",
     .rule = ADAM,
     .adam = {.beta1 = 0.7, .beta2 = 0.9, .eps = 1e-3, .weight_decay = 0.1}},
    {.name = "adam to maximize", .rule = ADAM, .adam = {.maximize = true, .beta1 = TP_ZERO}},
    {.name = "amsgrad", .rule = ADAM, .adam = {.amsgrad = true, .beta2 = 0.8}},
    {.name = "amsgrad with decay", .rule = ADAM, .adam = {.amsgrad = true, .weight_decay = 0.1}},
    {.name = "adamw", .rule = ADAMW, .adam = {.weight_decay = 0.3}},
    {.name = "adamw by default", .rule = ADAMW},
    {.name = "adamw with amsgrad", .rule = ADAMW, .adam = {.amsgrad = true, .weight_decay = TP_ZERO}},
    {.name = "nadam", .rule = NADAM},
    {.name = "nadam with decay", .rule = NADAM, .nadam = {.weight_decay = 0.1, .momentum_decay = 0.1}},
    {.name = "nadam, decoupled",
     .rule = NADAM,
     .nadam = {.weight_decay = 0.1, .decoupled_weight_decay = true, .beta1 = 0.7, .maximize = true}},
    {.name = "radam", .rule = RADAM},
    {.name = "radam with decay", .rule = RADAM, .radam = {.weight_decay = 0.1, .beta2 = 0.9}},
    {.name = "radam, rectified early", .rule = RADAM, .radam = {.beta2 = 0.8, .maximize = true}},
    {.name = "radam, decoupled",
     .rule = RADAM,
     .radam = {.weight_decay = 0.1, .decoupled_weight_decay = true}},
    {.name = "rmsprop", .rule = RMSPROP},
    {.name = "rmsprop with decay", .rule = RMSPROP, .rmsprop = {.weight_decay = 0.1, .alpha = 0.8}},
    {.name = "rmsprop with momentum", .rule = RMSPROP, .rmsprop = {.momentum = 0.9, .maximize = true}},
    {.name = "rmsprop, centered", .rule = RMSPROP, .rmsprop = {.centered = true, .eps = 1e-3}},
    {.name = "rmsprop, all",
     .rule = RMSPROP,
     .rmsprop = {.centered = true, .momentum = 0.5, .weight_decay = 0.1}},
    {.name = "adagrad", .rule = ADAGRAD},
    {.name = "adagrad with decays", .rule = ADAGRAD, .adagrad = {.weight_decay = 0.1, .lr_decay = 0.1}},
    {.name = "adagrad from a value",
     .rule = ADAGRAD,
     .adagrad = {.initial_accumulator_value = 0.5, .eps = 1e-3, .maximize = true}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static tp_optim *optim_new(const kind *k, tp_tensors params, double lr) {
    switch (k->rule) {
    case SGD: return tp_optim_sgd(params, lr, k->sgd);
    case ADAM: return tp_optim_adam(params, lr, k->adam);
    case ADAMW: return tp_optim_adamw(params, lr, k->adam);
    case NADAM: return tp_optim_nadam(params, lr, k->nadam);
    case RADAM: return tp_optim_radam(params, lr, k->radam);
    case RMSPROP: return tp_optim_rmsprop(params, lr, k->rmsprop);
    case ADAGRAD: return tp_optim_adagrad(params, lr, k->adagrad);
    }
    return NULL;
}

static tp_optim *optim_of(const kind *k, tp_tensors params, double lr) {
    tp_optim *o = optim_new(k, params, lr);
    if (!o) fail_msg("%s: %s", k->name, tp_last_error().message);
    return o;
}

static bool has_decay(const kind *k) {
    return k->sgd.weight_decay != 0 || k->adam.weight_decay != 0 || k->nadam.weight_decay != 0 ||
           k->radam.weight_decay != 0 || k->rmsprop.weight_decay != 0 || k->adagrad.weight_decay != 0;
}

/* ---- parameters and gradients ------------------------------------------------------------------------ */

enum { N = 4, STEPS = 6 };

/* Where training starts, and the gradients it is given: drawn once, for all kinds. */
typedef struct course {
    tp_tensor *start[N], *grads[STEPS + 1][N];
} course;

/* Of sizes around those of blocks and vectors, a 0-d one and an empty one. */
static void course_make(course *c, int64_t rows, tp_dtype dtype) {
    const tp_shape shapes[N] = {TP_SHAPE(rows, 251), TP_SCALAR_SHAPE, TP_SHAPE(0, 3), TP_SHAPE(4101)};
    tp_manual_seed(1);
    for (int i = 0; i < N; i++) {
        c->start[i] = tp_randn(shapes[i], dtype, NULL);
        for (int t = 1; t <= STEPS; t++) c->grads[t][i] = tp_sub_scalar(tp_rand(shapes[i], dtype, NULL), 0.4);
    }
}

static void params_make(const course *c, tp_tensor **p) {
    for (int i = 0; i < N; i++) p[i] = tp_set_requires_grad(tp_clone(c->start[i]), true);
}

/* The gradients of step t; that of the 0-d parameter is there in odd steps only. */
static void grads_set(const course *c, tp_tensor *const *p, int t) {
    for (int i = 0; i < N; i++)
        assert_ok(tp_tensor_set_grad(p[i], i == 1 && t % 2 == 0 ? NULL : c->grads[t][i]));
}

static double largest(tp_tensor *t) {
    return tp_tensor_numel(t) == 0 ? 0 : tp_tensor_item(tp_amax(tp_abs(t), TP_NO_DIMS, false));
}

static double largest_difference(tp_tensor *a, tp_tensor *b) {
    return largest(tp_sub(tp_detach(a), tp_detach(b)));
}

static bool same_bits(const tp_tensor *a, const tp_tensor *b) {
    size_t bytes = (size_t)tp_tensor_numel(a) * tp_dtype_size(tp_tensor_dtype(a));
    return bytes == 0 || memcmp(tp_tensor_data(a), tp_tensor_data(b), bytes) == 0;
}

/* ---- fused against composed -------------------------------------------------------------------------- */

static void fused_is_the_definition_for(const kind *k, const course *c, tp_dtype dtype) {
    double tolerance = dtype == TP_F64 ? 1e-14 : 2e-6;
    tp_tensor *p[N], *q[N], *g[N], *state[N * 4] = {0};
    params_make(c, p);
    tp_optim *o = optim_of(k, (tp_tensors){N, p}, 0.05);
    int n_state = tp_optim_state_size(o);
    for (int i = 0; i < N; i++) q[i] = c->start[i];
    for (int t = 1; t <= STEPS; t++) {
        grads_set(c, p, t);
        for (int i = 0; i < N; i++) g[i] = tp_tensor_grad(p[i]);
        assert_ok(tp_optim_step_functional(o, (tp_tensors){N, q}, (tp_tensors){N, g},
                                           (tp_tensors){t == 1 ? 0 : N * n_state, state}, NULL, q, state));
        assert_ok(tp_optim_step(o));
        for (int i = 0; i < N; i++) {
            double apart = largest_difference(p[i], q[i]);
            if (!(apart <= tolerance))
                fail_msg("%s, %s: parameter %d after step %d: %g", k->name, tp_dtype_name(dtype), i, t,
                         apart);
        }
    }
    tp_named_tensors named = tp_optim_state(o);
    assert_int_equal(named.count, N * n_state);
    for (int i = 0; i < named.count; i++)
        if (!(largest_difference(named.items[i].tensor, state[i]) <= tolerance * (1 + largest(state[i]))))
            fail_msg("%s: %s", k->name, named.items[i].name);
    tp_optim_free(o);
}

static void fused_is_the_definition(void **state) {
    (void)state;
    for (int d = 0; d < 2; d++) {
        course c;
        course_make(&c, 37, d ? TP_F64 : TP_F32);
        for (int k = 0; k < KINDS; k++) {
            tp_scope *s = tp_scope_begin();
            fused_is_the_definition_for(&kinds[k], &c, d ? TP_F64 : TP_F32);
            tp_scope_end(s);
        }
    }
}

/* Trains from the start; p receives the results. */
static void run_steps(const kind *k, const course *c, tp_tensor **p) {
    params_make(c, p);
    tp_optim *o = optim_of(k, (tp_tensors){N, p}, 0.05);
    for (int t = 1; t <= STEPS; t++) {
        grads_set(c, p, t);
        assert_ok(tp_optim_step(o));
    }
    tp_optim_free(o);
}

static void same_bits_at_any_number_of_threads(void **state) {
    (void)state;
    for (int d = 0; d < 2; d++) {
        course c;
        course_make(&c, 311, d ? TP_F64 : TP_F32); /* enough for three threads */
        for (int k = 0; k < KINDS; k++) {
            tp_scope *s = tp_scope_begin();
            tp_tensor *p[3][N];
            for (int threads = 1; threads <= 3; threads++) {
                tp_set_num_threads(threads);
                run_steps(&kinds[k], &c, p[threads - 1]);
            }
            tp_set_num_threads(0);
            for (int i = 0; i < N; i++)
                assert_true(same_bits(p[0][i], p[1][i]) && same_bits(p[0][i], p[2][i]));
            tp_scope_end(s);
        }
    }
}

static void each_level_of_kernels(void **state) {
    (void)state;
    const char *used = tp__kern->name;
    for (int d = 0; d < 2; d++) {
        course c;
        course_make(&c, 37, d ? TP_F64 : TP_F32);
        for (int k = 0; k < KINDS; k++) {
            tp_scope *s = tp_scope_begin();
            tp_tensor *base[N], *p[N];
            assert_true(tp__kernels_use("baseline"));
            run_steps(&kinds[k], &c, base);
            for (const char *const *level = tp__kernels_available(); *level; level++) {
                assert_true(tp__kernels_use(*level));
                run_steps(&kinds[k], &c, p);
                for (int i = 0; i < N; i++)
                    assert_true(largest_difference(base[i], p[i]) <= (d ? 1e-13 : 5e-6));
            }
            tp_scope_end(s);
        }
    }
    assert_true(tp__kernels_use(used));
}

/* ---- gradients through a step ------------------------------------------------------------------------ */

/* Two steps from parameter, two gradients and learning rate, as one function. */
static int two_steps(tp_tensors in, tp_tensor **out, void *context) {
    const tp_optim *o = context;
    tp_tensor *p = in.items[0], *state[4], *lr = in.items[3];
    int n = tp_optim_state_size(o);
    if (tp_optim_step_functional(o, TP_TENSORS(p), TP_TENSORS(in.items[1]), (tp_tensors){0, NULL}, lr, &p,
                                 state) != TP_OK)
        return -1;
    if (tp_optim_step_functional(o, TP_TENSORS(p), TP_TENSORS(in.items[2]), (tp_tensors){n, state}, lr,
                                 &out[0], state) != TP_OK)
        return -1;
    return 1;
}

static void gradients_flow_through_steps(void **state) {
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        tp_scope *s = tp_scope_begin();
        tp_manual_seed(3);
        tp_tensor *in[4], *own = tp_zeros(TP_SHAPE(5), TP_F64);
        for (int i = 0; i < 3; i++) in[i] = tp_set_requires_grad(tp_randn(TP_SHAPE(5), TP_F64, NULL), true);
        in[3] = tp_set_requires_grad(tp_scalar(0.1, TP_F64), true);
        tp_optim *o = optim_of(&kinds[k], TP_TENSORS(own), 1);
        tp_status status = tp_gradcheck(two_steps, o, (tp_tensors){4, in}, (tp_gradcheck_options){0});
        /* beta1 = 0 uses the last gradient alone in m, but the first still counts in v. */
        if (status != TP_OK) fail_msg("%s: %s", kinds[k].name, tp_last_error().message);
        status =
            tp_gradgradcheck(two_steps, o, (tp_tensors){4, in}, (tp_gradcheck_options){.allow_zero = true});
        if (status != TP_OK) fail_msg("%s, second order: %s", kinds[k].name, tp_last_error().message);
        tp_optim_free(o);
        tp_scope_end(s);
    }
}

/* A validation loss after three steps on training losses, as a function of the learning rate and of where training starts. */
typedef struct lesson {
    const tp_optim *optim;
    tp_tensor *x, *y, *x_valid, *y_valid;
} lesson;

static tp_tensor *lesson_loss(tp_tensor *w, tp_tensor *x, tp_tensor *y) {
    return tp_mse_loss(tp_tanh(tp_matmul(x, w)), y, TP_MEAN);
}

static int lesson_run(tp_tensors in, tp_tensor **out, void *context) {
    const lesson *l = context;
    tp_tensor *w = in.items[0], *g, *state[4] = {0};
    int n_state = tp_optim_state_size(l->optim);
    for (int step = 0; step < 3; step++) {
        if (tp_grad(TP_TENSORS(lesson_loss(w, l->x, l->y)), TP_TENSORS(w), (tp_tensors){0}, &g,
                    (tp_grad_options){.create_graph = true}) != TP_OK ||
            tp_optim_step_functional(l->optim, TP_TENSORS(w), TP_TENSORS(g),
                                     (tp_tensors){step ? n_state : 0, state}, in.items[1], &w,
                                     state) != TP_OK)
            return -1;
    }
    out[0] = lesson_loss(w, l->x_valid, l->y_valid);
    return 1;
}

static void learning_rates_are_learned(void **state) {
    (void)state;
    tp_manual_seed(5);
    tp_tensor *w = tp_set_requires_grad(tp_randn(TP_SHAPE(3, 2), TP_F64, NULL), true);
    tp_tensor *lr = tp_set_requires_grad(tp_scalar(0.1, TP_F64), true);
    lesson l = {.x = tp_randn(TP_SHAPE(7, 3), TP_F64, NULL),
                .y = tp_rand(TP_SHAPE(7, 2), TP_F64, NULL),
                .x_valid = tp_randn(TP_SHAPE(5, 3), TP_F64, NULL),
                .y_valid = tp_rand(TP_SHAPE(5, 2), TP_F64, NULL)};
    for (int k = 0; k <= KINDS; k++) {
        tp_tensor *own = tp_zeros(TP_SHAPE(3, 2), TP_F64);
        tp_optim *o = k < KINDS ? optim_of(&kinds[k], TP_TENSORS(own), 1)
                                : tp_optim_muon(TP_TENSORS(own), 1, (tp_muon_options){0});
        l.optim = o;
        if (tp_gradcheck(lesson_run, &l, TP_TENSORS(w, lr), (tp_gradcheck_options){0}) != TP_OK)
            fail_msg("%s: %s", k < KINDS ? kinds[k].name : "muon", tp_last_error().message);
        tp_optim_free(o);
    }
}

/* ---- what a step touches ----------------------------------------------------------------------------- */

static void parameters_without_gradient_stay(void **state) {
    (void)state;
    tp_tensor *a = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true);
    tp_tensor *b = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true);
    tp_optim *o = tp_optim_adam(TP_TENSORS(a, b), 0.1, (tp_adam_options){.weight_decay = 1});
    assert_ok(tp_optim_step(o)); /* nothing has one */
    assert_int_equal(tp_optim_state(o).count, 0);
    assert_ok(tp_tensor_set_grad(a, tp_ones(TP_SHAPE(2), TP_F32)));
    uint64_t version_a = tp_tensor_version(a), version_b = tp_tensor_version(b);
    assert_ok(tp_optim_step(o));
    assert_values(a, 0.9, 0.9);
    assert_values(b, 1, 1);
    assert_true(tp_tensor_version(a) > version_a);
    assert_int_equal(tp_tensor_version(b), version_b);
    assert_int_equal(tp_optim_state(o).count, 3);
    assert_ok(tp_optim_zero_grad(o));
    assert_null(tp_tensor_grad(a));
    tp_optim_free(o);
}

static void a_graph_notices_the_step(void **state) {
    (void)state;
    tp_tensor *w = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true);
    tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true);
    tp_optim *o = tp_optim_sgd(TP_TENSORS(w), 0.1, (tp_sgd_options){0});
    tp_tensor *y = tp_sum(tp_mul(w, x)); /* saves w for the gradient of x */
    assert_ok(tp_tensor_set_grad(w, tp_ones(TP_SHAPE(2), TP_F32)));
    assert_ok(tp_optim_step(o));
    assert_true(tp_is_leaf(w));
    assert_int_equal(tp_backward(y), TP_ERR_AUTOGRAD);
    tp_optim_free(o);
}

static void gradients_of_any_layout(void **state) {
    (void)state;
    tp_tensor *w = tp_set_requires_grad(tp_zeros(TP_SHAPE(2, 3), TP_F32), true);
    tp_optim *o = tp_optim_sgd(TP_TENSORS(w), 1, (tp_sgd_options){0});
    assert_ok(tp_tensor_set_grad(w, tp_t(TP_F32_TENSOR(TP_SHAPE(3, 2), 1, 2, 3, 4, 5, 6))));
    assert_ok(tp_optim_step(o));
    assert_values(w, -1, -3, -5, -2, -4, -6);
    assert_ok(tp_tensor_set_grad(w, tp_expand(TP_F32_TENSOR(TP_SHAPE(1, 3), 1, 2, 3), TP_SHAPE(2, 3))));
    assert_ok(tp_optim_step(o));
    assert_values(w, -2, -5, -8, -3, -6, -9);
    /* A view of the parameter as its gradient. */
    assert_tensor(tp_fill_(tp_detach(w), 2));
    assert_ok(tp_tensor_set_grad(w, tp_detach(w)));
    assert_ok(tp_optim_step(o));
    assert_values(w, 0, 0, 0, 0, 0, 0);
    assert_ok(tp_tensor_set_grad(w, NULL));
    tp_optim_free(o);
}

static void freed_in_any_order(void **state) {
    (void)state;
    tp_module *m = tp_nn_linear(2, 2, (tp_linear_options){0});
    tp_optim *o = tp_optim_adam(tp_module_parameters(m), 0.1, (tp_adam_options){0});
    assert_ok(tp_backward(tp_sum(tp_forward(m, tp_ones(TP_SHAPE(1, 2), TP_F32)))));
    assert_int_equal(tp_memory_stats().live_objects, 2);
    tp_module_free(m);
    assert_ok(tp_optim_step(o));
    assert_int_equal(tp_optim_parameters(o).count, 2);
    tp_optim_free(o);
    tp_optim_free(NULL);
}

static void infinite_values_as_in_pytorch(void **state) {
    (void)state;
    /* Without weight decay an infinite parameter stays what it is: no product of zero with it. */
    tp_tensor *w = tp_set_requires_grad(TP_F32_TENSOR(TP_SHAPE(3), INFINITY, -INFINITY, 1), true);
    for (int k = 0; k < KINDS; k++) {
        if (has_decay(&kinds[k])) continue;
        tp_optim *o = optim_of(&kinds[k], TP_TENSORS(w), 0.1);
        assert_ok(tp_tensor_set_grad(w, tp_ones(TP_SHAPE(3), TP_F32)));
        assert_ok(tp_optim_step(o));
        assert_true(tp_tensor_at(w, TP_SHAPE(0)) == INFINITY && tp_tensor_at(w, TP_SHAPE(1)) == -INFINITY);
        tp_optim_free(o);
    }
    assert_ok(tp_tensor_set_grad(w, NULL));
}

/* ---- groups ------------------------------------------------------------------------------------------ */

static void groups(void **state) {
    (void)state;
    tp_tensor *p[4];
    for (int i = 0; i < 4; i++) p[i] = tp_set_requires_grad(tp_ones(TP_SHAPE(1), TP_F64), true);
    tp_optim *o = tp_optim_sgd(TP_TENSORS(p[0]), 0.1, (tp_sgd_options){.weight_decay = 0.5});
    assert_int_equal(tp_optim_add_group(o, TP_TENSORS(p[1]), (tp_group_options){.lr = 0.2}), 1);
    assert_int_equal(tp_optim_add_group(o, TP_TENSORS(p[2]), (tp_group_options){.weight_decay = TP_ZERO}), 2);
    assert_int_equal(tp_optim_add_group(o, TP_TENSORS(p[3]),
                                        (tp_group_options){.lr = TP_ZERO, .weight_decay = 3}),
                     3);
    assert_int_equal(tp_optim_group_count(o), 4);
    assert_int_equal(tp_optim_parameters(o).count, 4);
    assert_ptr_equal(tp_optim_parameters(o).items[2], p[2]);
    for (int i = 0; i < 4; i++) assert_ok(tp_tensor_set_grad(p[i], tp_ones(TP_SHAPE(1), TP_F64)));
    assert_ok(tp_optim_step(o));
    assert_values(p[0], 1 - 0.1 * 1.5);
    assert_values(p[1], 1 - 0.2 * 1.5);
    assert_values(p[2], 1 - 0.1);
    assert_values(p[3], 1);
    assert_ok(tp_optim_set_lr(o, 3, 0.5));
    assert_float_equal(tp_optim_lr(o, 3), 0.5, 0);
    assert_float_equal(tp_optim_lr(o, 1), 0.2, 0);
    assert_float_equal(tp_optim_weight_decay(o, 3), 3, 0);
    assert_ok(tp_optim_set_lr(o, -1, 0.25));
    assert_ok(tp_optim_set_weight_decay(o, -1, 0));
    for (int i = 0; i < 4; i++) {
        assert_float_equal(tp_optim_lr(o, i), 0.25, 0);
        assert_float_equal(tp_optim_weight_decay(o, i), 0, 0);
    }
    assert_int_equal(tp_optim_add_group(o, TP_TENSORS(p[0]), (tp_group_options){0}), -1);
    assert_error(TP_ERR_ARGUMENT, "optim_add_group: parameter 4 is parameter 0 too");
    assert_int_equal(tp_optim_group_count(o), 4);
    tp_optim_free(o);
}

/* ---- state ------------------------------------------------------------------------------------------- */

static void training_goes_on_from_a_loaded_state(void **state) {
    (void)state;
    course c;
    course_make(&c, 5, TP_F32);
    for (int k = 0; k < KINDS; k++) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *p[N], *q[N];
        params_make(&c, p);
        tp_optim *o = optim_of(&kinds[k], (tp_tensors){N, p}, 0.05), *fresh = NULL;
        for (int t = 2; t <= STEPS; t++) { /* the 0-d parameter has no state yet when it is taken over */
            if (t == 3) {
                for (int i = 0; i < N; i++) q[i] = tp_set_requires_grad(tp_clone(tp_detach(p[i])), true);
                fresh = optim_of(&kinds[k], (tp_tensors){N, q}, 0.05);
                assert_ok(tp_optim_load_state(fresh, tp_optim_state(o)));
            }
            grads_set(&c, p, t);
            assert_ok(tp_optim_step(o));
            if (!fresh) continue;
            grads_set(&c, q, t);
            assert_ok(tp_optim_step(fresh));
        }
        for (int i = 0; i < N; i++) assert_true(same_bits(p[i], q[i]));
        tp_optim_free(o);
        tp_optim_free(fresh);
        tp_scope_end(s);
    }
}

static void state_by_name(void **state) {
    (void)state;
    tp_tensor *a = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true);
    tp_tensor *b = tp_set_requires_grad(tp_ones(TP_SHAPE(3), TP_F64), true);
    tp_optim *o = tp_optim_adam(TP_TENSORS(a, b), 0.1, (tp_adam_options){.amsgrad = true});
    assert_int_equal(tp_optim_state_size(o), 4);
    assert_ok(tp_tensor_set_grad(b, tp_full(TP_SHAPE(3), 2, TP_F64)));
    assert_ok(tp_optim_step(o));
    assert_ok(tp_optim_step(o));
    tp_named_tensors named = tp_optim_state(o);
    const char *const names[] = {"1.step", "1.exp_avg", "1.exp_avg_sq", "1.max_exp_avg_sq"};
    assert_int_equal(named.count, 4);
    for (int i = 0; i < 4; i++) assert_string_equal(named.items[i].name, names[i]);
    assert_values(named.items[0].tensor, 2);
    assert_values(named.items[1].tensor, 0.38, 0.38, 0.38);

    tp_tensor *one = tp_ones(TP_SCALAR_SHAPE, TP_F32), *two = tp_ones(TP_SHAPE(2), TP_F64);
    const tp_named_tensor other[] = {{"0.max_exp_avg_sq", two},
                                     {"0.exp_avg", two},
                                     {"0.exp_avg_sq", two},
                                     {"0.step", one}};
    assert_ok(tp_optim_load_state(o, (tp_named_tensors){4, other}));
    named = tp_optim_state(o);
    assert_int_equal(named.count, 4); /* the other parameter is as before its first step */
    assert_string_equal(named.items[1].name, "0.exp_avg");
    assert_int_equal(tp_tensor_dtype(named.items[1].tensor), TP_F32);
    assert_values(named.items[0].tensor, 1);
    assert_ok(tp_optim_load_state(o, (tp_named_tensors){0, NULL}));
    assert_int_equal(tp_optim_state(o).count, 0);
    tp_optim_free(o);
}

static void loading_wrong_states(void **state) {
    (void)state;
    tp_tensor *a = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true);
    tp_tensor *b = tp_set_requires_grad(tp_ones(TP_SHAPE(3), TP_F64), true);
    tp_optim *o = tp_optim_adam(TP_TENSORS(a, b), 0.1, (tp_adam_options){.amsgrad = true});
    assert_ok(tp_tensor_set_grad(b, tp_full(TP_SHAPE(3), 2, TP_F64)));
    assert_ok(tp_optim_step(o));
    tp_tensor *one = tp_ones(TP_SCALAR_SHAPE, TP_F32), *two = tp_ones(TP_SHAPE(2), TP_F64),
              *three = tp_ones(TP_SHAPE(3), TP_F32);
    const struct {
        tp_named_tensor items[5];
        int count;
        tp_status code;
        const char *message;
    } rows[] = {
        {{{"0.step", one}, {"0.exp_avg", two}, {"0.exp_avg_sq", two}},
         3,
         TP_ERR_ARGUMENT,
         "optim_load_state: \"0.max_exp_avg_sq\" is missing"},
        {{{"1.exp_avg", three}}, 1, TP_ERR_ARGUMENT, "optim_load_state: \"1.step\" is missing"},
        {{{"2.step", one}}, 1, TP_ERR_ARGUMENT, "optim_load_state: \"2.step\" is no state of this optimizer"},
        {{{"0.momentum_buffer", two}},
         1,
         TP_ERR_ARGUMENT,
         "optim_load_state: \"0.momentum_buffer\" is no state of this optimizer"},
        {{{"step", one}}, 1, TP_ERR_ARGUMENT, "optim_load_state: \"step\" is no state of this optimizer"},
        {{{NULL, one}}, 1, TP_ERR_ARGUMENT, "optim_load_state: \"\" is no state of this optimizer"},
        {{{"99999999999999999999.step", one}},
         1,
         TP_ERR_ARGUMENT,
         "optim_load_state: \"99999999999999999999.step\" is no state of this optimizer"},
        {{{"0.step", one}, {"0.step", one}},
         2,
         TP_ERR_ARGUMENT,
         "optim_load_state: \"0.step\" is given twice"},
        {{{"0.exp_avg", three}}, 1, TP_ERR_SHAPE, "optim_load_state: \"0.exp_avg\" is (3,) instead of (2,)"},
        {{{"0.step", two}}, 1, TP_ERR_SHAPE, "optim_load_state: \"0.step\" is (2,) instead of ()"},
        {{{"0.exp_avg", tp_zeros(TP_SHAPE(2), TP_I64)}},
         1,
         TP_ERR_DTYPE,
         "optim_load_state: \"0.exp_avg\" is int64"},
        {{{"0.step", tp_scalar(-1, TP_F32)}}, 1, TP_ERR_ARGUMENT, "optim_load_state: \"0.step\" is -1"},
        {{{"0.step", NULL}}, 1, TP_ERR_NULL, "optim_load_state: \"0.step\" is NULL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(tp_optim_load_state(o, (tp_named_tensors){rows[i].count, rows[i].items}),
                         rows[i].code);
        assert_error(rows[i].code, rows[i].message);
        assert_int_equal(tp_optim_state(o).count, 4);
    }
    tp_optim_free(o);
}

/* ---- errors ------------------------------------------------------------------------------------------ */

static void constructor_errors(void **state) {
    (void)state;
    tp_tensor *p = tp_set_requires_grad(tp_ones(TP_SHAPE(2, 3), TP_F32), true);
    tp_tensor *q = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true);
    const struct {
        tp_tensors params;
        double lr;
        tp_status code;
        const char *message;
    } rows[] = {
        {{0, NULL}, 1, TP_ERR_ARGUMENT, "optim_sgd: no parameters"},
        {TP_TENSORS(p, NULL), 1, TP_ERR_NULL, "optim_sgd: parameter 1 is NULL"},
        {TP_TENSORS(p, q, p), 1, TP_ERR_ARGUMENT, "optim_sgd: parameter 2 is parameter 0 too"},
        {TP_TENSORS(p), -0.5, TP_ERR_ARGUMENT,
         "optim_sgd: the learning rate must be finite and not negative, got -0.5"},
        {TP_TENSORS(p), NAN, TP_ERR_ARGUMENT,
         "optim_sgd: the learning rate must be finite and not negative, got nan"},
        {TP_TENSORS(q, tp_mul_scalar(p, 2)), 1, TP_ERR_AUTOGRAD,
         "optim_sgd: parameter 1 is the result of the recorded op mul_scalar; only leaves are optimized"},
        {TP_TENSORS(tp_zeros(TP_SHAPE(2), TP_I64)), 1, TP_ERR_DTYPE,
         "optim_sgd: parameter 0 is int64, not float32 or float64"},
        {TP_TENSORS(tp_detach(tp_t(p))), 1, TP_ERR_ARGUMENT,
         "optim_sgd: parameter 0 is not packed, of shape (3, 2)"},
        {TP_TENSORS(p, tp_detach(p)), 1, TP_ERR_ALIAS,
         "optim_sgd: parameter 1 shares memory with parameter 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(tp_optim_sgd(rows[i].params, rows[i].lr, (tp_sgd_options){0}));
        assert_error(rows[i].code, rows[i].message);
    }
    assert_null(
        tp_optim_adam(tp_module_parameters(NULL), 1, (tp_adam_options){0})); /* the first error is kept */
    assert_error(TP_ERR_NULL, "module_parameters: argument m is NULL");
}

static void option_errors(void **state) {
    (void)state;
    tp_tensors p = TP_TENSORS(tp_ones(TP_SHAPE(2), TP_F32));
    assert_null(tp_optim_sgd(p, 1, (tp_sgd_options){.momentum = -1}));
    assert_error(TP_ERR_ARGUMENT, "optim_sgd: momentum must be finite and not negative, got -1");
    assert_null(tp_optim_sgd(p, 1, (tp_sgd_options){.dampening = NAN}));
    assert_error(TP_ERR_ARGUMENT, "optim_sgd: dampening is nan");
    assert_null(tp_optim_sgd(p, 1, (tp_sgd_options){.nesterov = true}));
    assert_error(TP_ERR_ARGUMENT, "optim_sgd: nesterov needs a momentum and no dampening, got 0 and 0");
    assert_null(tp_optim_sgd(p, 1, (tp_sgd_options){.weight_decay = -1}));
    assert_error(TP_ERR_ARGUMENT, "optim_sgd: the weight decay must be finite and not negative, got -1");
    assert_null(tp_optim_adam(p, 1, (tp_adam_options){.beta1 = 1}));
    assert_error(TP_ERR_ARGUMENT, "optim_adam: beta1 and beta2 must be in [0, 1), got 1 and 0.999");
    assert_null(tp_optim_adamw(p, 1, (tp_adam_options){.eps = -1}));
    assert_error(TP_ERR_ARGUMENT, "optim_adamw: eps must be finite and not negative, got -1");
    tp_optim *o = tp_optim_adam(p, 1, (tp_adam_options){0});
    assert_int_equal(tp_optim_set_lr(o, 1, 1), TP_ERR_INDEX);
    assert_error(TP_ERR_INDEX, "optim_set_lr: there are 1 groups, got group 1");
    assert_int_equal(tp_optim_set_lr(o, 0, -1), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "optim_set_lr: the value must be finite and not negative, got -1");
    assert_true(isnan(tp_optim_lr(o, -1)));
    assert_error(TP_ERR_INDEX, "optim_lr: there are 1 groups, got group -1");
    assert_int_equal(tp_optim_set_weight_decay(o, 7, 0), TP_ERR_INDEX);
    tp_optim_free(o);
}

static void null_optimizers(void **state) {
    (void)state;
    assert_int_equal(tp_optim_step(NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "optim_step: argument optim is NULL");
    assert_int_equal(tp_optim_zero_grad(NULL), TP_ERR_NULL);
    assert_int_equal(tp_optim_load_state(NULL, (tp_named_tensors){0, NULL}), TP_ERR_NULL);
    assert_int_equal(tp_optim_state(NULL).count, 0);
    assert_error(TP_ERR_NULL, "optim_state: argument optim is NULL");
    assert_int_equal(tp_optim_state_size(NULL), -1);
    assert_error(TP_ERR_NULL, "optim_state_size: argument optim is NULL");
    assert_int_equal(tp_optim_parameters(NULL).count, 0);
    assert_error(TP_ERR_NULL, "optim_parameters: argument optim is NULL");
    assert_int_equal(tp_optim_group_count(NULL), -1);
    assert_error(TP_ERR_NULL, "optim_group_count: argument optim is NULL");
    assert_int_equal(tp_optim_add_group(NULL, (tp_tensors){0, NULL}, (tp_group_options){0}), -1);
    assert_error(TP_ERR_NULL, "optim_add_group: argument optim is NULL");
    assert_true(isnan(tp_optim_weight_decay(NULL, 0)));
    assert_error(TP_ERR_NULL, "optim_weight_decay: argument optim is NULL");
}

static void functional_errors(void **state) {
    (void)state;
    tp_tensor *p = tp_ones(TP_SHAPE(2), TP_F32), *g = tp_ones(TP_SHAPE(2), TP_F32),
              *wrong = tp_ones(TP_SHAPE(3), TP_F32);
    tp_tensor *out = p, *new_state[3] = {p, p, p};
    tp_optim *o = tp_optim_adam(TP_TENSORS(p), 1, (tp_adam_options){0});
    const tp_tensors none = {0, NULL};
    const struct {
        tp_tensors params, grads, state;
        tp_tensor *lr;
        tp_status code;
        const char *message;
    } rows[] = {
        {TP_TENSORS(p, p), TP_TENSORS(g), none, NULL, TP_ERR_ARGUMENT,
         "the optimizer has 1 parameters, got 2 and 1 gradients"},
        {TP_TENSORS(NULL), TP_TENSORS(g), none, NULL, TP_ERR_NULL, "parameter 0 is NULL"},
        {TP_TENSORS(wrong), TP_TENSORS(g), none, NULL, TP_ERR_SHAPE,
         "parameter 0 is (3,), the parameter (2,)"},
        {TP_TENSORS(p), TP_TENSORS(wrong), none, NULL, TP_ERR_SHAPE,
         "gradient 0 is (3,), the parameter (2,)"},
        {TP_TENSORS(p), TP_TENSORS(g), TP_TENSORS(p), NULL, TP_ERR_ARGUMENT,
         "there are 3 state tensors for 1 parameters, got 1"},
        {TP_TENSORS(p), TP_TENSORS(g), TP_TENSORS(p, p, p), NULL, TP_ERR_SHAPE,
         "the step of parameter 0 is float32 (2,), not a 0-d float64"},
        {TP_TENSORS(p), TP_TENSORS(g), TP_TENSORS(NULL, wrong, p), NULL, TP_ERR_SHAPE,
         "state of parameter 0 is (3,), the parameter (2,)"},
        {TP_TENSORS(p), {1, NULL}, none, NULL, TP_ERR_NULL, "grads.items is NULL, for 1"},
        {TP_TENSORS(p), TP_TENSORS(g), {3, NULL}, NULL, TP_ERR_NULL, "state.items is NULL, for 3"},
        {TP_TENSORS(p), TP_TENSORS(g), none, g, TP_ERR_SHAPE,
         "lr is float32 (2,), not a 0-d floating tensor"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char message[200];
        snprintf(message, sizeof message, "optim_step_functional: %s", rows[i].message);
        out = new_state[2] = p;
        assert_int_equal(tp_optim_step_functional(o, rows[i].params, rows[i].grads, rows[i].state, rows[i].lr,
                                                  &out, new_state),
                         rows[i].code);
        assert_error(rows[i].code, message);
        assert_true(!out && !new_state[2]);
    }
    /* A NULL gradient that is the failure of a call before is no absent one. */
    tp_tensor *failed = tp_add(g, wrong);
    assert_int_equal(tp_optim_step_functional(o, TP_TENSORS(p), TP_TENSORS(failed), none, NULL, &out, NULL),
                     TP_ERR_SHAPE);
    tp_optim_free(o);
}

/* The first step with its n-th allocation failing: it has changed nothing, and the training that follows is
 * as any other. Returns whether there was an n-th allocation. */
static bool fail_in_first_step(const kind *k, const course *c, tp_tensor *const *expected, int64_t n) {
    tp_tensor *p[N];
    params_make(c, p);
    tp_optim *o = optim_of(k, (tp_tensors){N, p}, 0.05);
    grads_set(c, p, 1);
    assert_ok(tp_tensor_set_grad(p[0], tp_t(tp_contiguous(tp_t(c->grads[1][0]))))); /* to be packed first */
    tp__alloc_fail_at(n, false);
    tp_status status = tp_optim_step(o);
    bool reached = tp__alloc_fail_count() >= n;
    tp__alloc_fail_at(0, false);
    if (status != TP_OK) {
        assert_int_equal(status, TP_ERR_MEMORY);
        for (int i = 0; i < N; i++) assert_true(same_bits(p[i], c->start[i]));
        assert_int_equal(tp_optim_state(o).count, 0);
        tp_error_clear();
        assert_ok(tp_optim_step(o));
    }
    for (int t = 2; t <= STEPS; t++) {
        grads_set(c, p, t);
        assert_ok(tp_optim_step(o));
    }
    for (int i = 0; i < N; i++) assert_true(same_bits(p[i], expected[i]));
    tp_optim_free(o);
    return reached;
}

static void a_step_that_fails_changes_nothing(void **state) {
    (void)state;
    course c;
    course_make(&c, 5, TP_F32);
    for (int k = 0; k < KINDS; k++) {
        tp_tensor *expected[N];
        run_steps(&kinds[k], &c, expected);
        for (int64_t n = 1, reached = 1; reached; n++) {
            tp_scope *s = tp_scope_begin();
            reached = fail_in_first_step(&kinds[k], &c, expected, n);
            tp_scope_end(s);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(fused_is_the_definition),
        CHECK_TEST(same_bits_at_any_number_of_threads),
        CHECK_TEST(each_level_of_kernels),
        CHECK_TEST(gradients_flow_through_steps),
        CHECK_TEST(learning_rates_are_learned),
        CHECK_TEST(parameters_without_gradient_stay),
        CHECK_TEST(a_graph_notices_the_step),
        CHECK_TEST(gradients_of_any_layout),
        CHECK_TEST(freed_in_any_order),
        CHECK_TEST(infinite_values_as_in_pytorch),
        CHECK_TEST(groups),
        CHECK_TEST(training_goes_on_from_a_loaded_state),
        CHECK_TEST(state_by_name),
        CHECK_TEST(loading_wrong_states),
        CHECK_TEST(constructor_errors),
        CHECK_TEST(option_errors),
        CHECK_TEST(null_optimizers),
        CHECK_TEST(functional_errors),
        CHECK_TEST(a_step_that_fails_changes_nothing),
    };
    return cmocka_run_group_tests_name("optim", tests, NULL, NULL);
}
