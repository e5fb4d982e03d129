/* Many threads at once: each with a model of its own, all with one frozen model, all with gradients that flow
 * into the same leaves. cmocka's asserts belong to the main thread: workers report by their result. */
/* ctest: threads */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/nets.h"

enum { THREADS = 8, SIDE = 8, CLASSES = 3, STEPS = 6 };

typedef struct worker {
    pthread_t thread;
    int number;
    bool ok;
    uint64_t hash;
    tp_module *net;   /* shared */
    tp_tensor *leaf;  /* shared */
    tp_tensor *value; /* handed over */
    char error[256];
} worker;

static bool told(worker *w, bool ok) {
    if (!ok && w->error[0] == 0) snprintf(w->error, sizeof w->error, "%s", tp_last_error().message);
    return ok;
}

static void run_all(worker *workers, void *(*body)(void *)) {
    for (int k = 0; k < THREADS; k++) {
        workers[k].number = k;
        assert_int_equal(pthread_create(&workers[k].thread, NULL, body, &workers[k]), 0);
    }
    for (int k = 0; k < THREADS; k++) pthread_join(workers[k].thread, NULL);
    for (int k = 0; k < THREADS; k++)
        if (!workers[k].ok) fail_msg("thread %d: %s", k, workers[k].error);
}

typedef struct alive {
    int64_t tensors, storages, nodes, objects;
    size_t bytes;
} alive;

static alive count(void) {
    tp_memory_info info = tp_memory_stats();
    return (alive){info.live_tensors, info.live_storages, info.live_nodes, info.live_objects, info.in_use};
}

static void assert_as_before(alive before) {
    alive now = count();
    assert_int_equal(now.tensors, before.tensors);
    assert_int_equal(now.storages, before.storages);
    assert_int_equal(now.nodes, before.nodes);
    assert_int_equal(now.objects, before.objects);
    assert_int_equal(now.bytes, before.bytes);
}

/* ---- each its own model -------------------------------------------------------------------------------- */

static uint64_t train_own(int number, bool *ok) {
    tp_scope *s = tp_scope_begin();
    tp_manual_seed((uint64_t)number);
    tp_module *net = net_new(number % 2 ? NET_CNN : NET_MLP, SIDE, CLASSES, (uint64_t)number);
    tp_optim *optim = net ? tp_optim_adam(tp_module_parameters(net), 1e-2, (tp_adam_options){0}) : NULL;
    *ok = optim != NULL;
    for (int step = 0; *ok && step < STEPS; step++) {
        tp_scope *inner = tp_scope_begin();
        double loss = NAN;
        net_batch batch = net_draw(6, SIDE, CLASSES, (uint64_t)(number * 100 + step));
        *ok = net_step(net, optim, batch, &loss) == TP_OK && isfinite(loss);
        tp_scope_end(inner);
    }
    uint64_t hash = net ? net_hash(net) : 0;
    tp_optim_free(optim);
    tp_module_free(net);
    tp_scope_end(s);
    return hash;
}

static void *own_model(void *argument) {
    worker *w = argument;
    w->hash = train_own(w->number, &w->ok);
    told(w, w->ok);
    return NULL;
}

static void test_each_trains_its_own_model(void **state) {
    (void)state;
    static worker workers[THREADS];
    alive before = count();
    run_all(workers, own_model);
    assert_as_before(before);
    for (int k = 0; k < THREADS; k++) { /* as if it had been alone */
        bool ok;
        assert_true(train_own(k, &ok) == workers[k].hash);
        assert_true(ok);
    }
}

/* ---- one frozen model ---------------------------------------------------------------------------------- */

static void *shared_model(void *argument) {
    worker *w = argument;
    w->ok = true;
    for (int k = 0; w->ok && k < STEPS; k++) {
        tp_scope *s = tp_scope_begin();
        net_batch batch = net_draw(4, SIDE, CLASSES, 9);
        tp_set_requires_grad(batch.x, true); /* gradients of the input flow through the frozen model */
        tp_tensor *loss = tp_cross_entropy(tp_forward(w->net, batch.x), batch.y, (tp_ce_options){0});
        w->ok = told(w, tp_backward(loss) == TP_OK);
        tp_tensor *grad = tp_tensor_grad(batch.x);
        double sum = w->ok ? tp_tensor_item(tp_sum(tp_square(grad))) : NAN;
        memcpy(&w->hash, &sum, sizeof sum);
        w->ok = w->ok && sum > 0;
        tp_scope_end(s);
    }
    return NULL;
}

static void test_all_use_one_frozen_model(void **state) {
    (void)state;
    static worker workers[THREADS];
    tp_module *net = net_new(NET_CNN, SIDE, CLASSES, 3);
    assert_non_null(net);
    assert_int_equal(tp_module_eval(net), TP_OK);
    assert_int_equal(tp_module_requires_grad(net, false), TP_OK);
    alive before = count();
    uint64_t hash = net_hash(net);
    for (int k = 0; k < THREADS; k++) workers[k].net = net;
    run_all(workers, shared_model);
    assert_as_before(before);
    for (int k = 1; k < THREADS; k++) assert_true(workers[k].hash == workers[0].hash);
    assert_true(net_hash(net) == hash);
    tp_module_free(net);
}

/* ---- one leaf for all ---------------------------------------------------------------------------------- */

static void *shared_leaf(void *argument) {
    worker *w = argument;
    w->ok = true;
    for (int k = 0; w->ok && k < 50; k++) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *loss = tp_sum(tp_mul_scalar(tp_add(w->leaf, w->leaf), w->number + 1));
        w->ok = told(w, tp_backward(loss) == TP_OK);
        tp_scope_end(s);
    }
    return NULL;
}

static void test_gradients_of_all_add_up_in_one_leaf(void **state) {
    (void)state;
    static worker workers[THREADS];
    alive before = count();
    tp_scope *s = tp_scope_begin();
    tp_tensor *leaf = tp_set_requires_grad(tp_ones(TP_SHAPE(7, 5), TP_F64), true);
    for (int k = 0; k < THREADS; k++) workers[k].leaf = leaf;
    run_all(workers, shared_leaf);
    /* sum over the threads of 50 * 2 * (number + 1), exact in F64 */
    assert_true(tp_tensor_at(tp_tensor_grad(leaf), TP_SHAPE(0, 0)) == 50.0 * 2 * THREADS * (THREADS + 1) / 2);
    assert_true(tp_tensor_at(tp_tensor_grad(leaf), TP_SHAPE(6, 4)) == 50.0 * 2 * THREADS * (THREADS + 1) / 2);
    tp_scope_end(s);
    assert_as_before(before);
}

/* ---- a graph made on one thread and walked on another -------------------------------------------------- */

static void *walk_handed_over(void *argument) {
    worker *w = argument;
    w->ok = told(w, tp_backward(w->value) == TP_OK);
    tp_release(w->value);
    return NULL;
}

static void test_graphs_are_walked_by_other_threads(void **state) {
    (void)state;
    static worker workers[THREADS];
    alive before = count();
    tp_scope *s = tp_scope_begin();
    tp_tensor *leaf = tp_set_requires_grad(tp_ones(TP_SHAPE(5), TP_F64), true);
    for (int k = 0; k < THREADS; k++) {
        tp_scope *inner = tp_scope_begin();
        workers[k].value = tp_retain(tp_sum(tp_square(tp_add_scalar(leaf, 2))));
        tp_scope_end(inner);
    }
    run_all(workers, walk_handed_over);
    assert_true(tp_tensor_at(tp_tensor_grad(leaf), TP_SHAPE(3)) == THREADS * 6);
    tp_scope_end(s);
    assert_as_before(before);
}

/* ---- records, scopes and generators of one's own ------------------------------------------------------- */

static void *own_state(void *argument) {
    worker *w = argument;
    w->ok = tp_last_error().code == TP_OK && tp_grad_enabled();
    tp_manual_seed(42);
    tp_scope *s = tp_scope_begin();
    if (w->number % 2) tp_no_grad_begin();
    w->ok = w->ok && tp_matmul(tp_ones(TP_SHAPE(2, 3), TP_F32), tp_ones(TP_SHAPE(2, 3), TP_F32)) == NULL;
    w->ok = w->ok && tp_last_error().code == TP_ERR_SHAPE && tp_grad_enabled() == (w->number % 2 == 0);
    double drawn = tp_tensor_item(tp_rand(TP_SHAPE(1), TP_F64, NULL));
    memcpy(&w->hash, &drawn, sizeof drawn);
    tp_scope_end(s);
    w->ok = w->ok && tp_grad_enabled();
    /* Left to the root scope, which ends with the thread. */
    w->ok = w->ok && tp_ones(TP_SHAPE(100), TP_F32) != NULL;
    return NULL;
}

static void test_threads_have_state_of_their_own(void **state) {
    (void)state;
    static worker workers[THREADS];
    alive before = count();
    tp_error_clear();
    run_all(workers, own_state);
    assert_int_equal(tp_last_error().code, TP_OK);
    for (int k = 1; k < THREADS; k++) assert_true(workers[k].hash == workers[0].hash);
    assert_as_before(before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_trains_its_own_model),
        cmocka_unit_test(test_all_use_one_frozen_model),
        cmocka_unit_test(test_gradients_of_all_add_up_in_one_leaf),
        cmocka_unit_test(test_graphs_are_walked_by_other_threads),
        cmocka_unit_test(test_threads_have_state_of_their_own),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
