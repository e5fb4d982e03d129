/* Modules of several tensors: each gives what its op does. */
#include "check.h"

/* A module_row and what the module is given. */
typedef struct row {
    tp_module *module;
    tp_tensors inputs;
    tp_tensor *expected;
    const char *printed;
} row;

static void check_rows(const row *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        check_module(&(module_row){rows[i].module, rows[i].expected, rows[i].printed}, rows[i].inputs);
}

static void losses_are_their_ops(void **state) {
    (void)state;
    tp_manual_seed(12);
    tp_tensor *x = tp_randn(TP_SHAPE(4, 3), TP_F32, NULL), *y = tp_randn(TP_SHAPE(4, 3), TP_F32, NULL),
              *z = tp_randn(TP_SHAPE(4, 3), TP_F32, NULL), *p = tp_rand(TP_SHAPE(4, 3), TP_F32, NULL);
    tp_tensor *labels = tp_randint(0, 3, TP_SHAPE(4), TP_I64, NULL), *w = tp_rand(TP_SHAPE(3), TP_F32, NULL),
              *signs = TP_F32_TENSOR(TP_SHAPE(4), 1, -1, -1, 1), *logp = tp_log_softmax(x, 1),
              *side = tp_unsqueeze(signs, 1);
    tp_tensors xy = TP_TENSORS(x, y);
    tp_ce_options ce = {.weight = w, .label_smoothing = 0.1}, nll = {.reduction = TP_SUM};
    tp_bce_options bce = {.weight = w}, logits = {.pos_weight = w};
    tp_kl_div_options kl = {.batchmean = true};
    tp_gaussian_nll_options gaussian = {.full = true};
    tp_poisson_nll_options poisson = {.reduction = TP_NONE};
    tp_multi_margin_options multi = {.p = 2, .weight = w};
    tp_triplet_options triplet = {.margin = 2};
    const row rows[] = {
        {tp_nn_mse_loss(TP_SUM), xy, tp_mse_loss(x, y, TP_SUM), "MSELoss()"},
        {tp_nn_l1_loss(TP_NONE), xy, tp_l1_loss(x, y, TP_NONE), "L1Loss()"},
        {tp_nn_smooth_l1_loss(0.5, TP_MEAN), xy, tp_smooth_l1_loss(x, y, 0.5, TP_MEAN), "SmoothL1Loss()"},
        {tp_nn_huber_loss(0.5, TP_MEAN), xy, tp_huber_loss(x, y, 0.5, TP_MEAN), "HuberLoss()"},
        {tp_nn_cross_entropy_loss(ce), TP_TENSORS(x, labels), tp_cross_entropy(x, labels, ce),
         "CrossEntropyLoss()"},
        {tp_nn_nll_loss(nll), TP_TENSORS(logp, labels), tp_nll_loss(logp, labels, nll), "NLLLoss()"},
        {tp_nn_bce_loss(bce), TP_TENSORS(p, p), tp_bce(p, p, bce), "BCELoss()"},
        {tp_nn_bce_with_logits_loss(logits), TP_TENSORS(x, p), tp_bce_with_logits(x, p, logits),
         "BCEWithLogitsLoss()"},
        {tp_nn_kl_div_loss(kl), TP_TENSORS(logp, p), tp_kl_div(logp, p, kl), "KLDivLoss()"},
        {tp_nn_gaussian_nll_loss(gaussian), TP_TENSORS(x, y, p), tp_gaussian_nll_loss(x, y, p, gaussian),
         "GaussianNLLLoss()"},
        {tp_nn_poisson_nll_loss(poisson), TP_TENSORS(x, p), tp_poisson_nll_loss(x, p, poisson),
         "PoissonNLLLoss()"},
        {tp_nn_margin_ranking_loss(0.5, TP_MEAN), TP_TENSORS(x, y, side),
         tp_margin_ranking_loss(x, y, side, 0.5, TP_MEAN), "MarginRankingLoss()"},
        {tp_nn_hinge_embedding_loss(2, TP_SUM), TP_TENSORS(x, side),
         tp_hinge_embedding_loss(x, side, 2, TP_SUM), "HingeEmbeddingLoss()"},
        {tp_nn_soft_margin_loss(TP_MEAN), TP_TENSORS(x, side), tp_soft_margin_loss(x, side, TP_MEAN),
         "SoftMarginLoss()"},
        {tp_nn_multilabel_soft_margin_loss(w, TP_SUM), TP_TENSORS(x, p),
         tp_multilabel_soft_margin_loss(x, p, w, TP_SUM), "MultiLabelSoftMarginLoss()"},
        {tp_nn_multi_margin_loss(multi), TP_TENSORS(x, labels), tp_multi_margin_loss(x, labels, multi),
         "MultiMarginLoss()"},
        {tp_nn_triplet_margin_loss(triplet), TP_TENSORS(x, y, z), tp_triplet_margin_loss(x, y, z, triplet),
         "TripletMarginLoss()"},
        {tp_nn_cosine_embedding_loss(0.2, TP_NONE), TP_TENSORS(x, y, signs),
         tp_cosine_embedding_loss(x, y, signs, 0.2, TP_NONE), "CosineEmbeddingLoss()"},
        {tp_nn_pairwise_distance((tp_pairwise_distance_options){.p = 1}), xy,
         tp_pairwise_distance(x, y, (tp_pairwise_distance_options){.p = 1}), "PairwiseDistance()"},
        {tp_nn_cosine_similarity(1, 1e-8), xy, tp_cosine_similarity(x, y, 1, 1e-8), "CosineSimilarity()"},
    };
    check_rows(rows, sizeof rows / sizeof *rows);
    tp_tensor *steps = tp_log_softmax(tp_randn(TP_SHAPE(6, 4, 3), TP_F32, NULL), -1),
              *said = tp_randint(1, 3, TP_SHAPE(4, 2), TP_I64, NULL),
              *lengths = tp_full(TP_SHAPE(4), 5, TP_I64);
    tp_ctc_options ctc = {.reduction = TP_SUM};
    const row ctcs[] = {
        {tp_nn_ctc_loss(ctc), TP_TENSORS(steps, said), tp_ctc_loss(steps, said, NULL, NULL, ctc),
         "CTCLoss()"},
        {tp_nn_ctc_loss(ctc), TP_TENSORS(steps, said, lengths), tp_ctc_loss(steps, said, lengths, NULL, ctc),
         "CTCLoss()"},
        {tp_nn_ctc_loss(ctc), TP_TENSORS(steps, said, NULL, tp_zeros(TP_SHAPE(4), TP_I64)),
         tp_ctc_loss(steps, said, NULL, tp_zeros(TP_SHAPE(4), TP_I64), ctc), "CTCLoss()"},
    };
    check_rows(ctcs, sizeof ctcs / sizeof *ctcs);
}

static void unpooling_is_its_op(void **state) {
    (void)state;
    tp_values a = tp_max_pool1d_indices(tp_rand(TP_SHAPE(1, 2, 8), TP_F32, NULL), 2, (tp_pool1d_options){0}),
              b = tp_max_pool2d_indices(tp_rand(TP_SHAPE(1, 2, 6, 8), TP_F32, NULL), 3, 2,
                                        (tp_pool2d_options){0}),
              c = tp_max_pool3d_indices(tp_rand(TP_SHAPE(1, 1, 4, 4, 4), TP_F32, NULL), 2, 2, 2,
                                        (tp_pool3d_options){0});
    tp_max_unpool_options none = {.padding = {0}}, strided = {.stride = {3, 2}};
    const row rows[] = {
        {tp_nn_max_unpool1d(2, none), TP_TENSORS(a.values, a.indices),
         tp_max_unpool1d(a.values, a.indices, 2, none),
         "MaxUnpool1d(kernel_size=(2,), stride=(2,), padding=(0,))"},
        {tp_nn_max_unpool2d(3, 2, strided), TP_TENSORS(b.values, b.indices),
         tp_max_unpool2d(b.values, b.indices, 3, 2, strided),
         "MaxUnpool2d(kernel_size=(3, 2), stride=(3, 2), padding=(0, 0))"},
        {tp_nn_max_unpool3d(2, 0, 0, none), TP_TENSORS(c.values, c.indices),
         tp_max_unpool3d(c.values, c.indices, 2, 0, 0, none),
         "MaxUnpool3d(kernel_size=(2, 2, 2), stride=(2, 2, 2), padding=(0, 0, 0))"},
    };
    check_rows(rows, sizeof rows / sizeof *rows);
}

/* A weight is part of the module's state, and the module's own. */
static void weights_are_buffers(void **state) {
    (void)state;
    tp_tensor *w = tp_ones(TP_SHAPE(3), TP_F32), *x = tp_eye(3, 3, TP_F32),
              *labels = TP_I64_TENSOR(TP_SHAPE(3), 0, 1, 2);
    tp_scope *s = tp_scope_begin();
    tp_module *m =
        tp_nn_cross_entropy_loss((tp_ce_options){.weight = tp_mul_scalar(w, 2), .reduction = TP_SUM});
    tp_scope_end(s);
    assert_int_equal(tp_module_parameters(m).count, 0);
    assert_values(tp_module_find(m, "weight"), 2, 2, 2);
    tp_tensor *loss = tp_forward_all(m, TP_TENSORS(tp_set_requires_grad(x, true), labels));
    assert_float_equal(tp_tensor_item(loss),
                       2 * tp_tensor_item(tp_cross_entropy(x, labels, (tp_ce_options){.reduction = TP_SUM})),
                       1e-6);
    assert_ok(tp_backward(loss));
    assert_null(tp_forward(m, x));
    assert_error(TP_ERR_STATE,
                 "forward: a CrossEntropyLoss has no forward of one tensor; use tp_forward_all()");
    assert_null(tp_forward_all(m, TP_TENSORS(x)));
    assert_error(TP_ERR_ARGUMENT, "forward_all: a CrossEntropyLoss takes 2 tensors, got 1");
    assert_null(tp_forward_all(m, TP_TENSORS(x, NULL)));
    assert_error(TP_ERR_NULL, "cross_entropy: argument target is NULL");
    tp_module_free(m);
    m = tp_nn_ctc_loss((tp_ctc_options){0});
    assert_null(tp_forward_all(m, TP_TENSORS(x)));
    assert_error(TP_ERR_ARGUMENT, "forward_all: a CTCLoss takes 2 to 4 tensors, got 1");
    tp_module_free(m);
    assert_null(tp_nn_nll_loss((tp_ce_options){.weight = tp_add(w, tp_ones(TP_SHAPE(2), TP_F32))}));
    assert_error(TP_ERR_SHAPE, "add: shapes do not broadcast: (3,) and (2,)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(losses_are_their_ops),
        CHECK_TEST(unpooling_is_its_op),
        CHECK_TEST(weights_are_buffers),
    };
    return cmocka_run_group_tests_name("nn_loss", tests, NULL, NULL);
}
