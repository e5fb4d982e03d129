/* Attention: what the sample table cannot say of it: memory, dropout. */
#include "check.h"

#include <math.h>

/* Bytes of tensor data that a forward and a backward take beyond what was there. */
static size_t taken(tp_tensor *q, tp_tensor *k, tp_tensor *v, tp_attention_options options) {
    tp_memory_reset_peak();
    const size_t before = tp_memory_stats().in_use;
    tp_tensor *grads[3];
    tp_scope *s = tp_scope_begin();
    tp_tensor *y = tp_scaled_dot_product_attention(q, k, v, options);
    assert_ok(tp_grad(TP_TENSORS(tp_sum(y)), TP_TENSORS(q, k, v), (tp_tensors){0, NULL}, grads,
                      (tp_grad_options){0}));
    tp_scope_end(s);
    return tp_memory_stats().peak - before;
}

/* 4096 queries and keys: 64 MiB of scores, of which nothing is stored. */
static void no_scores_are_stored(void **state) {
    (void)state;
    const int64_t length = 4096;
    tp_tensor *x[3];
    for (int i = 0; i < 3; i++)
        x[i] = tp_set_requires_grad(tp_randn(TP_SHAPE(length, 8), TP_F32, NULL), true);
    tp_tensor *seen = tp_bernoulli(0.7, TP_SHAPE(1, length), TP_BOOL, NULL);
    const size_t scores = (size_t)(length * length) * sizeof(float);
    assert_true(taken(x[0], x[1], x[2], (tp_attention_options){0}) < scores / 10);
    assert_true(taken(x[0], x[1], x[2], (tp_attention_options){.is_causal = true, .attn_mask = seen}) <
                scores / 10);
}

/* A mask of all scores is used where it is, and one that is broadcast is not made larger. */
static void masks_are_not_copied(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(tp_randn(TP_SHAPE(8, 512, 4), TP_F32, NULL), true);
    tp_tensor *mask = tp_zeros(TP_SHAPE(512, 512), TP_F32);
    const size_t mask_bytes = 512 * 512 * sizeof(float);
    const size_t none = taken(x, x, x, (tp_attention_options){0}),
                 with = taken(x, x, x, (tp_attention_options){.attn_mask = mask});
    assert_true(with < none + mask_bytes / 4);
}

/* The result is linear in v, so its gradient by v must come from the very weights that were kept. */
static void dropout_keeps_its_mask(void **state) {
    (void)state;
    tp_manual_seed(7);
    tp_tensor *q = tp_randn(TP_SHAPE(3, 20, 4), TP_F64, NULL),
              *k = tp_randn(TP_SHAPE(3, 30, 4), TP_F64, NULL),
              *v = tp_set_requires_grad(tp_randn(TP_SHAPE(3, 30, 5), TP_F64, NULL), true);
    const tp_attention_options options = {.dropout_p = 0.4};
    tp_manual_seed(8);
    tp_tensor *y = tp_scaled_dot_product_attention(q, k, v, options);
    assert_ok(tp_backward(tp_sum(y)));
    const double sum = tp_tensor_item(tp_sum(y)),
                 again = tp_tensor_item(tp_sum(tp_mul(v, tp_tensor_grad(v))));
    assert_true(fabs(sum - again) < 1e-10 * (1 + fabs(sum)));
    assert_false(tp_equal(y, tp_scaled_dot_product_attention(q, k, v, options)));
    tp_manual_seed(8);
    assert_true(tp_equal(y, tp_scaled_dot_product_attention(q, k, v, options)));
    tp_generator *generator = tp_generator_new(8);
    tp_tensor *own =
        tp_scaled_dot_product_attention(q, k, v,
                                        (tp_attention_options){.dropout_p = 0.4, .generator = generator});
    assert_true(tp_equal(y, own));
    tp_generator_free(generator);
}

/* The weights that are kept grow as much as makes up for the others. */
static void dropout_keeps_the_mean(void **state) {
    (void)state;
    tp_manual_seed(9);
    tp_tensor *q = tp_zeros(TP_SHAPE(200, 2), TP_F32), *k = tp_zeros(TP_SHAPE(300, 2), TP_F32),
              *v = tp_ones(TP_SHAPE(300, 1), TP_F32);
    tp_tensor *y = tp_scaled_dot_product_attention(q, k, v, (tp_attention_options){.dropout_p = 0.25});
    assert_true(fabs(tp_tensor_item(tp_mean(y)) - 1) < 0.01);
    assert_true(tp_tensor_item(tp_amax(y, TP_NO_DIMS, false)) > 1.02);
}

/* Scores of hundreds neither overflow nor lose the gradient. */
static void large_scores(void **state) {
    (void)state;
    tp_manual_seed(10);
    tp_tensor *q = tp_set_requires_grad(tp_mul_scalar(tp_randn(TP_SHAPE(600, 4), TP_F32, NULL), 30), true);
    tp_tensor *k = tp_mul_scalar(tp_randn(TP_SHAPE(700, 4), TP_F32, NULL), 30);
    tp_tensor *v = tp_randn(TP_SHAPE(700, 3), TP_F32, NULL);
    q = tp_set_requires_grad(tp_detach(q), true);
    tp_tensor *y = tp_scaled_dot_product_attention(q, k, v, (tp_attention_options){0});
    tp_tensor *exact = tp_scaled_dot_product_attention(tp_to_dtype(q, TP_F64), tp_to_dtype(k, TP_F64),
                                                       tp_to_dtype(v, TP_F64), (tp_attention_options){0});
    assert_true(tp_allclose(tp_to_dtype(y, TP_F64), exact, (tp_isclose_options){.rtol = 1e-3, .atol = 1e-3}));
    assert_ok(tp_backward(tp_sum(y)));
    assert_true(isfinite(tp_tensor_item(tp_sum(tp_tensor_grad(q)))));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(no_scores_are_stored),   CHECK_TEST(masks_are_not_copied),
        CHECK_TEST(dropout_keeps_its_mask), CHECK_TEST(dropout_keeps_the_mean),
        CHECK_TEST(large_scores),
    };
    return cmocka_run_group_tests_name("attention", tests, NULL, NULL);
}
