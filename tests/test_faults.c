/* Memory runs out at every single allocation of a training step: the step says so, leaks nothing, leaves the
 * parameters unchanged or fully updated, and the next one works. */
/* ctest: timeout 900 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/alloc.h"
#include "support/nets.h"

enum { SIDE = 8, CLASSES = 3 };

typedef struct alive {
    int64_t tensors, storages, nodes, objects;
    size_t bytes;
} alive;

static alive count(void) {
    tp_memory_info info = tp_memory_stats();
    return (alive){info.live_tensors, info.live_storages, info.live_nodes, info.live_objects, info.in_use};
}

static bool same(alive a, alive b) {
    return a.tensors == b.tensors && a.storages == b.storages && a.nodes == b.nodes &&
           a.objects == b.objects && a.bytes == b.bytes;
}

static void assert_as_before(alive before, const char *what, int64_t n) {
    alive now = count();
    if (!same(now, before))
        fail_msg(
            "%s, allocation %lld: left alive %lld tensors, %lld storages, %lld nodes, %lld objects, %lld bytes",
            what, (long long)n, (long long)(now.tensors - before.tensors),
            (long long)(now.storages - before.storages), (long long)(now.nodes - before.nodes),
            (long long)(now.objects - before.objects), (long long)now.bytes - (long long)before.bytes);
}

/* Are all parameters as at the start (0), or all as after the step (1)? -1 for a mixture. Buffers may differ: a
 * forward in training mode updates them before anything later can fail. */
static int parameters_are(const tp_module *net, float *const *start, float *const *end) {
    tp_tensors params = tp_module_parameters(net);
    bool is_start = true, is_end = true;
    for (int k = 0; k < params.count; k++) {
        const float *now = tp_tensor_data(params.items[k]);
        for (int64_t n = 0; n < tp_tensor_numel(params.items[k]); n++) {
            is_start = is_start && now[n] == start[k][n];
            is_end = is_end && now[n] == end[k][n];
        }
    }
    return is_start ? 0 : is_end ? 1 : -1;
}

static float **copy_parameters(const tp_module *net) {
    tp_tensors params = tp_module_parameters(net);
    float **copy = calloc((size_t)params.count, sizeof *copy);
    assert_non_null(copy);
    for (int k = 0; k < params.count; k++) {
        int64_t n = tp_tensor_numel(params.items[k]);
        copy[k] = malloc((size_t)n * sizeof(float));
        assert_non_null(copy[k]);
        assert_int_equal(tp_tensor_copy_out(params.items[k], copy[k], n), TP_OK);
    }
    return copy;
}

static void free_copy(float **copy, int n) {
    for (int k = 0; k < n; k++) free(copy[k]);
    free(copy);
}

typedef struct training {
    tp_module *net;
    tp_optim *optim;
    net_batch batch;
    tp_scope *scope;
} training;

/* A network one step into its training, so that the optimizer's state and the caches are there or not. */
static training begin(net_kind kind, int steps) {
    training t = {.scope = tp_scope_begin()};
    tp_manual_seed(1);
    t.net = net_new(kind, SIDE, CLASSES, 5);
    assert_non_null(t.net);
    t.optim = tp_optim_adam(tp_module_parameters(t.net), 1e-2, (tp_adam_options){0});
    assert_non_null(t.optim);
    t.batch = net_draw(5, SIDE, CLASSES, 6);
    for (int k = 0; k < steps; k++) assert_int_equal(net_step(t.net, t.optim, t.batch, NULL), TP_OK);
    tp_manual_seed(2); /* the mask of the step to come */
    return t;
}

static void end(training *t) {
    tp_optim_free(t->optim);
    tp_module_free(t->net);
    tp_scope_end(t->scope);
}

/* With allocation n of a step failing (and all later ones if `forever`). False when the step has fewer. */
static bool fail_one(net_kind kind, int steps, int64_t n, bool forever, float *const *start,
                     float *const *after) {
    alive outside = count();
    training t = begin(kind, steps);
    alive before = count();
    tp_error_clear();
    tp__alloc_fail_at(n, forever);
    tp_status status = net_step(t.net, t.optim, t.batch, NULL);
    int64_t made = tp__alloc_fail_count();
    tp__alloc_fail_at(0, false);
    bool reached = made >= n;
    if (status != TP_OK && status != TP_ERR_MEMORY)
        fail_msg("allocation %lld: %s %s", (long long)n, tp_status_name(status), tp_last_error().message);
    int state = parameters_are(t.net, start, after);
    if (status == TP_OK ? state != 1 : state != 0)
        fail_msg("allocation %lld: %s, but the parameters are %s", (long long)n, tp_status_name(status),
                 state < 0 ? "neither as before nor as after"
                 : state   ? "updated"
                           : "unchanged");
    tp_error_clear();
    assert_int_equal(tp_optim_zero_grad(t.optim), TP_OK); /* gradients that were reached are kept till now */
    alive cleared = count();
    if (cleared.nodes != before.nodes)
        fail_msg("allocation %lld: %lld nodes are left", (long long)n,
                 (long long)(cleared.nodes - before.nodes));
    /* usable afterwards: the very step succeeds, and gives what it always gives, but for what buffers saw */
    tp_manual_seed(2);
    if (status != TP_OK) {
        assert_int_equal(net_step(t.net, t.optim, t.batch, NULL), TP_OK);
        if (parameters_are(t.net, start, after) != 1)
            fail_msg("allocation %lld: the step after the failed one gives another result", (long long)n);
    }
    end(&t);
    assert_as_before(outside, "a whole run", n);
    return reached;
}

static void fail_every(net_kind kind, int steps, bool forever) {
    training t = begin(kind, steps);
    int parameters = tp_module_parameters(t.net).count;
    float **start = copy_parameters(t.net);
    assert_int_equal(net_step(t.net, t.optim, t.batch, NULL), TP_OK);
    float **after = copy_parameters(t.net);
    end(&t);
    int64_t n = 1;
    while (fail_one(kind, steps, n, forever, start, after)) n++;
    assert_true(n > 20); /* the hook was reached at all */
    free_copy(start, parameters);
    free_copy(after, parameters);
}

static void test_mlp_first_step(void **state) {
    (void)state;
    fail_every(NET_MLP, 0, false);
    fail_every(NET_MLP, 0, true);
}

static void test_mlp_later_step(void **state) {
    (void)state;
    fail_every(NET_MLP, 2, false);
    fail_every(NET_MLP, 2, true);
}

static void test_cnn_first_step(void **state) {
    (void)state;
    fail_every(NET_CNN, 0, false);
}

static void test_cnn_later_step(void **state) {
    (void)state;
    fail_every(NET_CNN, 2, false);
    fail_every(NET_CNN, 2, true);
}

static void test_transformer_first_step(void **state) {
    (void)state;
    fail_every(NET_TRANSFORMER, 0, false);
}

/* Making the things themselves. */
static void test_construction(void **state) {
    (void)state;
    for (int64_t n = 1;; n++) {
        alive before = count();
        tp_scope *s = tp_scope_begin();
        tp__alloc_fail_at(n, false);
        tp_module *net = net_new(NET_CNN, SIDE, CLASSES, 5);
        tp_optim *optim = net ? tp_optim_adam(tp_module_parameters(net), 1e-2, (tp_adam_options){0}) : NULL;
        net_batch batch = net_draw(5, SIDE, CLASSES, 6);
        bool reached = tp__alloc_fail_count() >= n;
        tp__alloc_fail_at(0, false);
        if (reached) assert_true(!net || !optim || !batch.x || !batch.y);
        if (reached) assert_int_equal(tp_last_error().code, TP_ERR_MEMORY);
        tp_optim_free(optim);
        tp_module_free(net);
        tp_scope_end(s);
        tp_error_clear();
        assert_as_before(before, "construction", n);
        if (!reached) break;
    }
}

/* A second derivative, views, in-place ops, several outputs: what a plain step does not meet. */
static tp_status derivatives(void) {
    tp_scope *s = tp_scope_begin();
    if (!s) return tp_last_error().code;
    tp_tensor *x = tp_set_requires_grad(tp_linspace(0.5, 2, 12, TP_F64), true), *g[1] = {0}, *gg[1] = {0};
    tp_tensor *m = tp_reshape(x, TP_SHAPE(3, 4)), *parts[2] = {0};
    tp_status status = tp_split(m, 2, 1, parts, 2);
    if (status != TP_OK) { /* delivered: the parts would be NULLs of no origin */
        tp_scope_end(s);
        return status;
    }
    tp_tensor *both = tp_cat(TP_TENSORS(tp_tanh(parts[0]), tp_sqrt(parts[1])), 0);
    tp_values top = tp_max_dim(tp_matmul(both, tp_t(both)), 1, false);
    tp_tensor *y = tp_mul_(tp_add_scalar(top.values, 1), tp_logsumexp(both, TP_DIMS(1), false));
    tp_tensor *loss = tp_sum(y);
    status =
        tp_grad(TP_TENSORS(loss), TP_TENSORS(x), (tp_tensors){0}, g, (tp_grad_options){.create_graph = true});
    if (status == TP_OK)
        status = tp_grad(TP_TENSORS(tp_sum(tp_square(g[0]))), TP_TENSORS(x), (tp_tensors){0}, gg,
                         (tp_grad_options){0});
    if (status != TP_OK && (gg[0] || tp_last_error().code != status)) status = TP_ERR_STATE;
    tp_scope_end(s);
    return status;
}

static void test_second_derivative(void **state) {
    (void)state;
    assert_int_equal(derivatives(), TP_OK);
    for (int forever = 0; forever < 2; forever++)
        for (int64_t n = 1;; n++) {
            alive before = count();
            tp__alloc_fail_at(n, forever);
            tp_status status = derivatives();
            bool reached = tp__alloc_fail_count() >= n;
            tp__alloc_fail_at(0, false);
            if (status != TP_OK && status != TP_ERR_MEMORY)
                fail_msg("allocation %lld: %s %s", (long long)n, tp_status_name(status),
                         tp_last_error().message);
            tp_error_clear();
            assert_as_before(before, "second derivative", n);
            if (!reached) break;
        }
    assert_int_equal(derivatives(), TP_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mlp_first_step),         cmocka_unit_test(test_mlp_later_step),
        cmocka_unit_test(test_cnn_first_step),         cmocka_unit_test(test_cnn_later_step),
        cmocka_unit_test(test_transformer_first_step), cmocka_unit_test(test_construction),
        cmocka_unit_test(test_second_derivative),
    };
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
