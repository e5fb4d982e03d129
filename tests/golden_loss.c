/* Golden cases: loss. */
#include "support/golden_op.h"

static tp_ce_options ce_options(const golden_call *c) {
    return (tp_ce_options){.weight = c->n_in > 2 ? c->in[2] : NULL,
                           .has_ignore_index = args_number(c->args, "ignore_index", -1) != -1,
                           .ignore_index = golden_int(c, "ignore_index"),
                           .label_smoothing = golden_number(c, "label_smoothing"),
                           .reduction = golden_reduction(c)};
}

#define REDUCTION golden_reduction(c)

static tp_kl_div_options kl_options(const golden_call *c) {
    return (tp_kl_div_options){golden_flag(c, "log_target"), golden_flag(c, "batchmean"), REDUCTION};
}

static tp_poisson_nll_options poisson_options(const golden_call *c) {
    return (tp_poisson_nll_options){golden_flag(c, "no_log"), golden_flag(c, "full"), S, REDUCTION};
}

static tp_multi_margin_options margin_options(const golden_call *c) {
    return (tp_multi_margin_options){golden_number(c, "p"), S, c->n_in > 2 ? c->in[2] : NULL, REDUCTION};
}

static tp_triplet_options triplet_options(const golden_call *c) {
    return (tp_triplet_options){.margin = S,
                                .p = golden_number(c, "p"),
                                .swap = golden_flag(c, "swap"),
                                .reduction = REDUCTION};
}

static tp_ctc_options ctc_options(const golden_call *c) {
    return (tp_ctc_options){golden_int(c, "blank"), golden_flag(c, "zero_infinity"), REDUCTION};
}

/* clang-format off */
#define W (c->n_in > 2 ? c->in[2] : NULL)
#define OPS(OP) \
    OP(cross_entropy, (X, Y, ce_options(c))) OP(nll_loss, (X, Y, ce_options(c))) \
    OP(mse_loss, (X, Y, REDUCTION)) OP(l1_loss, (X, Y, REDUCTION)) OP(smooth_l1_loss, (X, Y, S, REDUCTION)) \
    OP(huber_loss, (X, Y, S, REDUCTION)) OP(bce, (X, Y, (tp_bce_options){W, NULL, REDUCTION})) \
    OP(kl_div, (X, Y, kl_options(c))) \
    OP(gaussian_nll_loss, (X, Y, W, (tp_gaussian_nll_options){golden_flag(c, "full"), S, REDUCTION})) \
    OP(poisson_nll_loss, (X, Y, poisson_options(c))) \
    OP(sigmoid_focal_loss, (X, Y, (tp_focal_options){golden_number(c, "alpha"), S, REDUCTION})) \
    OP(margin_ranking_loss, (X, Y, W, S, REDUCTION)) OP(hinge_embedding_loss, (X, Y, S, REDUCTION)) \
    OP(soft_margin_loss, (X, Y, REDUCTION)) OP(multilabel_soft_margin_loss, (X, Y, W, REDUCTION)) \
    OP(multi_margin_loss, (X, Y, margin_options(c))) OP(triplet_margin_loss, (X, Y, W, triplet_options(c))) \
    OP(ctc_loss, (tp_log_softmax(X, -1), Y, c->in[2], c->in[3], ctc_options(c))) \
    OP(cosine_embedding_loss, (X, Y, W, S, REDUCTION)) \
    OP(bce_with_logits, (X, Y, (tp_bce_options){c->in[2], c->in[3], golden_reduction(c)}))
/* clang-format on */

OPS(GOLDEN_RUNNER)

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
};
/* clang-format on */
GOLDEN_FAMILY(loss, rows)
