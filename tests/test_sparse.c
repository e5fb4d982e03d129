/* Gradients in rows: what an embedding with the option `sparse` leaves at its table, and who reads it. */
/* ctest: threads */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "core/alloc.h"

enum { ROWS = 50, SIZE = 3 };

static tp_tensor *table(void) {
    tp_generator *g = tp_generator_new(4);
    tp_tensor *t = tp_set_requires_grad(tp_randn(TP_SHAPE(ROWS, SIZE), TP_F32, g), true);
    tp_generator_free(g);
    return t;
}

static tp_tensor *words(int64_t n, uint64_t seed) {
    tp_generator *g = tp_generator_new(seed);
    tp_tensor *t = tp_randint(0, 12, TP_SHAPE(n), TP_I64, g);
    tp_generator_free(g);
    return t;
}

/* A loss whose gradient differs from place to place. */
static tp_tensor *loss_of(tp_tensor *weight, tp_tensor *index, tp_embedding_options options) {
    tp_tensor *y = tp_embedding(index, weight, options);
    tp_tensor *factor =
        tp_reshape(tp_arange(1, (double)tp_tensor_numel(index) + 1, 1, TP_F32), TP_SHAPE(-1, 1));
    return tp_sum(tp_mul(tp_square(y), factor));
}

static const tp_embedding_options in_rows = {.sparse = true}, dense = {.sparse = false};

static void test_rows(void **state) {
    (void)state;
    tp_tensor *a = table(), *b = table(), *index = words(30, 1);
    assert_ok(tp_backward(loss_of(a, index, in_rows)));
    assert_ok(tp_backward(loss_of(b, index, dense)));
    tp_sparse_grad g = tp_tensor_sparse_grad(a);
    assert_tensor(g.indices);
    int64_t n = tp_tensor_numel(g.indices);
    const int64_t *rows = tp_tensor_data(g.indices);
    assert_in_range(n, 2, 12);
    for (int64_t i = 1; i < n; i++) assert_true(rows[i] > rows[i - 1]);
    assert_true(tp_shape_equal(tp_tensor_shape(g.values), TP_SHAPE(n, SIZE)));
    assert_true(tp_equal(g.values, tp_index_select(tp_tensor_grad(b), 0, g.indices)));
    assert_null(tp_tensor_sparse_grad(b).indices);

    /* It adds up over walks, in rows and otherwise, and becomes dense when asked for so. */
    assert_ok(tp_backward(loss_of(a, words(9, 2), in_rows)));
    assert_ok(tp_backward(loss_of(b, words(9, 2), dense)));
    assert_tensor(tp_tensor_sparse_grad(a).values);
    assert_true(tp_equal(tp_tensor_grad(a), tp_tensor_grad(b)));
    assert_null(tp_tensor_sparse_grad(a).values);
    assert_ok(tp_backward(loss_of(a, words(9, 3), in_rows)));
    assert_ok(tp_backward(loss_of(b, words(9, 3), dense)));
    assert_true(tp_equal(tp_tensor_grad(a), tp_tensor_grad(b)));
    tp_zero_grad(a);
    assert_null(tp_tensor_sparse_grad(a).indices);
    assert_null(tp_tensor_grad(a));

    /* Of one walk that brings both kinds. */
    tp_zero_grad(b);
    assert_ok(tp_backward(tp_add(loss_of(a, index, in_rows), tp_sum(tp_square(a)))));
    assert_ok(tp_backward(tp_add(loss_of(b, index, dense), tp_sum(tp_square(b)))));
    assert_null(tp_tensor_sparse_grad(a).indices);
    assert_true(tp_allclose(tp_tensor_grad(a), tp_tensor_grad(b), (tp_isclose_options){0}));
    assert_null(tp_tensor_sparse_grad(NULL).indices);
    assert_error(TP_ERR_NULL, "tensor_sparse_grad: argument t is NULL");
}

/* Where only a dense gradient will do there is one. */
static tp_tensor *twice(tp_tensor *g, void *context) {
    (void)context;
    return tp_mul_scalar(g, 2);
}

static void test_dense_where_needed(void **state) {
    (void)state;
    tp_tensor *a = table(), *b = table(), *index = words(30, 1), *g, *h;
    tp_embedding_options padded = {.has_padding_idx = true, .padding_idx = 3, .sparse = true};
    tp_tensor *loss = loss_of(a, index, padded);
    padded.sparse = false;
    assert_ok(tp_grad(TP_TENSORS(loss), TP_TENSORS(a), (tp_tensors){0, NULL}, &g, (tp_grad_options){0}));
    loss = loss_of(b, index, padded);
    assert_ok(tp_grad(TP_TENSORS(loss), TP_TENSORS(b), (tp_tensors){0, NULL}, &h, (tp_grad_options){0}));
    assert_true(tp_equal(g, h));
    assert_values(tp_select(g, 0, 3), 0, 0, 0);
    padded.sparse = true;
    assert_ok(tp_backward(loss_of(a, index, padded)));
    assert_true(tp_equal(tp_tensor_grad(a), g));
    tp_zero_grad(a);
    assert_true(tp_register_hook(a, twice, NULL, NULL) >= 0);
    assert_ok(tp_backward(loss_of(a, index, padded)));
    assert_null(tp_tensor_sparse_grad(a).indices);
    assert_true(tp_equal(tp_tensor_grad(a), tp_mul_scalar(g, 2)));
    tp_tensor *scaled = tp_mul_scalar(b, 2); /* no leaf */
    assert_ok(tp_backward(loss_of(scaled, index, in_rows)));
    assert_tensor(tp_tensor_grad(b));
}

static tp_optim *make_optim(int kind, tp_tensor *p) {
    switch (kind) {
    case 0: return tp_optim_sgd(TP_TENSORS(p), 0.01, (tp_sgd_options){0});
    case 1: return tp_optim_adagrad(TP_TENSORS(p), 0.1, (tp_adagrad_options){0});
    case 2: return tp_optim_adam(TP_TENSORS(p), 0.1, (tp_adam_options){0});
    case 3: return tp_optim_sgd(TP_TENSORS(p), 0.01, (tp_sgd_options){.momentum = 0.9});
    default: return tp_optim_adam(TP_TENSORS(p), 0.1, (tp_adam_options){.lazy = true});
    }
}

/* Optimizers give the same, bit by bit, whatever form the gradient has; they keep rows as they are only where that is so. */
static void test_optimizers(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        tp_tensor *a = table(), *b = table();
        tp_optim *x = make_optim(kind, a), *y = make_optim(kind, b);
        for (uint64_t step = 0; step < 5; step++) {
            tp_optim_zero_grad(x);
            tp_optim_zero_grad(y);
            assert_ok(tp_backward(loss_of(a, words(20, step), in_rows)));
            assert_ok(tp_backward(loss_of(b, words(20, step), dense)));
            assert_ok(tp_optim_step(x));
            assert_ok(tp_optim_step(y));
            assert_int_equal(tp_tensor_sparse_grad(a).indices != NULL, kind < 2);
        }
        assert_true(tp_equal(a, b));
        tp_optim_free(x);
        tp_optim_free(y);
    }
}

/* Lazy Adam is Adam on the rows that a step uses, and nothing on the others. Source: torch.optim.SparseAdam. */
static void test_lazy_adam(void **state) {
    (void)state;
    tp_tensor *a = table();
    double p[ROWS][SIZE], m[ROWS][SIZE] = {{0}}, v[ROWS][SIZE] = {{0}};
    tp_optim *optim = make_optim(4, a);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < SIZE; k++) p[i][k] = ((const float *)tp_tensor_data(a))[i * SIZE + k];
    for (int step = 1; step <= 6; step++) {
        tp_tensor *index = words(8, (uint64_t)step);
        const int64_t *word = tp_tensor_data(index);
        double g[ROWS][SIZE] = {{0}};
        bool used[ROWS] = {false};
        for (int i = 0; i < 8; i++)
            for (int k = 0; k < SIZE; k++) {
                g[word[i]][k] += 2 * p[word[i]][k] * (i + 1);
                used[word[i]] = true;
            }
        for (int i = 0; i < ROWS; i++)
            for (int k = 0; k < SIZE && used[i]; k++) {
                m[i][k] += 0.1 * (g[i][k] - m[i][k]);
                v[i][k] = 0.999 * v[i][k] + 0.001 * g[i][k] * g[i][k];
                double size = 0.1 / (1 - pow(0.9, step)), scale = 1 / sqrt(1 - pow(0.999, step));
                p[i][k] -= size * m[i][k] / (sqrt(v[i][k]) * scale + 1e-8);
            }
        tp_optim_zero_grad(optim);
        assert_ok(tp_backward(loss_of(a, index, in_rows)));
        assert_ok(tp_optim_step(optim));
        for (int i = 0; i < ROWS; i++)
            for (int k = 0; k < SIZE; k++)
                assert_float_equal(((const float *)tp_tensor_data(a))[i * SIZE + k], p[i][k], 2e-5);
    }
    tp_optim_free(optim);
    assert_null(tp_optim_adam(TP_TENSORS(a), 0.1, (tp_adam_options){.lazy = true, .weight_decay = 0.5}));
    assert_error(TP_ERR_ARGUMENT, "optim_adam: lazy goes with neither amsgrad nor a weight decay (0.5)");
}

/* Clipping leaves rows rows. */
static void test_clip(void **state) {
    (void)state;
    tp_tensor *a = table();
    assert_ok(tp_backward(tp_sum(tp_embedding(tp_zeros(TP_SHAPE(4), TP_I64), a, in_rows))));
    assert_float_equal(tp_clip_grad_norm(TP_TENSORS(a), 1, (tp_clip_options){0}), 4 * sqrt(SIZE), 1e-6);
    assert_float_equal(tp_tensor_item(tp_norm(tp_tensor_sparse_grad(a).values, 2)), 1, 1e-5);
    assert_ok(tp_clip_grad_value(TP_TENSORS(a), 0.25));
    assert_values(tp_tensor_sparse_grad(a).values, 0.25, 0.25, 0.25);
}

/* A step's memory does not depend on the table. */
static void test_large_table(void **state) {
    (void)state;
    tp_module *m = tp_nn_embedding(500000, 16, (tp_nn_embedding_options){.sparse = true});
    tp_optim *optim = tp_optim_sgd(tp_module_parameters(m), 0.1, (tp_sgd_options){0});
    size_t before = tp_memory_stats().in_use;
    tp_memory_reset_peak();
    tp_scope *s = tp_scope_begin();
    assert_ok(tp_backward(tp_sum(tp_forward(m, words(100, 1)))));
    assert_ok(tp_optim_step(optim));
    assert_ok(tp_optim_zero_grad(optim));
    tp_scope_end(s);
    assert_true(tp_memory_stats().peak - before < (16 << 20)); /* the table has 32 MB */
    tp_optim_free(optim);
    tp_module_free(m);
}

/* Threads that share a table lose nothing of each other's. */
static void *one_thread(void *context) {
    tp_tensor *weight = context;
    for (uint64_t k = 0; k < 40; k++) {
        tp_scope *s = tp_scope_begin();
        tp_backward(tp_sum(tp_embedding(words(6, k), weight, in_rows)));
        tp_scope_end(s);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    tp_tensor *weight = table();
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, one_thread, weight), 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    assert_float_equal(tp_tensor_item(tp_sum(tp_tensor_grad(weight))), 3 * 40 * 6 * SIZE, 0);
}

/* Nor does one that asks for the gradient meanwhile, which makes it dense. */
static _Atomic bool walks_go_on;

static void *many_walks(void *context) {
    for (int k = 0; k < 8; k++) one_thread(context);
    walks_go_on = false;
    return NULL;
}

static void test_reader(void **state) {
    (void)state;
    for (int round = 0; round < 15; round++) {
        tp_tensor *weight = tp_set_requires_grad(tp_zeros(TP_SHAPE(3000, SIZE), TP_F32), true);
        pthread_t thread;
        walks_go_on = true;
        assert_int_equal(pthread_create(&thread, NULL, many_walks, weight), 0);
        while (walks_go_on) {
            tp_scope *s = tp_scope_begin();
            tp_tensor_grad(weight);
            tp_scope_end(s);
        }
        pthread_join(thread, NULL);
        assert_float_equal(tp_tensor_item(tp_sum(tp_tensor_grad(weight))), 8 * 40 * 6 * SIZE, 0);
    }
}

static void test_empty(void **state) {
    (void)state;
    tp_tensor *a = tp_set_requires_grad(tp_zeros(TP_SHAPE(9, 0), TP_F32), true);
    tp_tensor *index = tp_full(TP_SHAPE(3), 7, TP_I64);
    tp_scope *s = tp_scope_begin(); /* memory that is used again holds something else */
    for (int64_t n = 1; n < 9; n++) tp_full(TP_SHAPE(n), 1e9, TP_I64);
    tp_scope_end(s);
    assert_ok(tp_backward(tp_sum(tp_embedding(index, a, in_rows))));
    assert_values(tp_tensor_sparse_grad(a).indices, 7);
    assert_true(tp_shape_equal(tp_tensor_shape(tp_tensor_grad(a)), TP_SHAPE(9, 0)));
    a = table();
    assert_ok(tp_backward(tp_sum(tp_embedding(tp_zeros(TP_SHAPE(0), TP_I64), a, in_rows))));
    assert_int_equal(tp_tensor_numel(tp_tensor_sparse_grad(a).indices), 0);
    assert_true(tp_equal(tp_tensor_grad(a), tp_zeros_like(a)));
}

/* The largest of bags takes memory for what is in them: here one has 4000 entries, and 4000 have one. */
static void test_uneven_bags(void **state) {
    (void)state;
    enum { MANY = 4000 };
    tp_tensor *weight = tp_set_requires_grad(tp_randn(TP_SHAPE(ROWS, SIZE), TP_F32, NULL), true);
    tp_tensor *index = tp_randint(0, ROWS, TP_SHAPE(2 * MANY), TP_I64, NULL);
    tp_tensor *offsets =
        tp_cat(TP_TENSORS(tp_zeros(TP_SHAPE(1), TP_I64), tp_arange(MANY, 2 * MANY, 1, TP_I64)), 0);
    size_t before = tp_memory_stats().in_use;
    tp_memory_reset_peak();
    tp_tensor *y =
        tp_embedding_bag(index, weight, (tp_embedding_bag_options){.offsets = offsets, .mode = TP_BAG_MAX});
    assert_tensor(y);
    assert_ok(tp_backward(tp_sum(y)));
    assert_true(tp_memory_stats().peak - before < 32 * (size_t)MANY * SIZE * sizeof(float));
    tp_tensor *all =
        tp_amax(tp_index_select(tp_detach(weight), 0, tp_narrow(index, 0, 0, MANY)), TP_DIMS(0), false);
    assert_true(tp_equal(tp_select(tp_detach(y), 0, 0), all));
}

/* Whatever allocation fails, the gradient is as it was or as it should be. */
static void test_no_memory(void **state) {
    (void)state;
    tp_tensor *a = table(), *index = words(30, 1);
    tp_optim *optim = make_optim(0, a);
    assert_ok(tp_backward(loss_of(a, index, in_rows)));
    tp_tensor *once = tp_clone(tp_tensor_sparse_grad(a).values);
    for (int64_t n = 1, failed = 1; failed; n++) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *loss = tp_sum(tp_embedding(index, a, in_rows));
        tp_zero_grad(a);
        assert_ok(tp_backward(loss_of(a, index, in_rows)));
        tp__alloc_fail_at(n, false);
        tp_status status = tp_backward(loss);
        failed = tp__alloc_fail_count() >= n;
        tp__alloc_fail_at(0, false);
        assert_int_equal(status == TP_OK, !failed);
        if (failed) assert_true(tp_equal(tp_tensor_sparse_grad(a).values, once));
        tp_scope_end(s);
    }
    for (int64_t n = 1, failed = 1; failed; n++) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *before = tp_clone(tp_detach(a));
        tp__alloc_fail_at(n, false);
        tp_status status = tp_optim_step(optim);
        failed = tp__alloc_fail_count() >= n;
        tp__alloc_fail_at(0, false);
        assert_int_equal(status == TP_OK, !failed);
        if (failed) assert_true(tp_equal(tp_detach(a), before));
        tp_scope_end(s);
    }
    for (int64_t n = 1, failed = 1; failed; n++) {
        tp_scope *s = tp_scope_begin();
        tp__alloc_fail_at(n, false);
        tp_tensor *g = tp_tensor_grad(a);
        failed = tp__alloc_fail_count() >= n;
        tp__alloc_fail_at(0, false);
        assert_int_equal(g != NULL, !failed);
        tp_error_clear();
        tp_scope_end(s);
    }
    tp_optim_free(optim);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_rows),        CHECK_TEST(test_dense_where_needed),
        CHECK_TEST(test_optimizers),  CHECK_TEST(test_lazy_adam),
        CHECK_TEST(test_large_table), CHECK_TEST(test_threads),
        CHECK_TEST(test_no_memory),   CHECK_TEST(test_clip),
        CHECK_TEST(test_uneven_bags), CHECK_TEST(test_reader),
        CHECK_TEST(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
