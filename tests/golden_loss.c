/* Golden cases: loss. */
#include "support/golden_op.h"

static tp_ce_options ce_options(const golden_call *c) {
    return (tp_ce_options){.weight = c->n_in > 2 ? c->in[2] : NULL,
                           .has_ignore_index = args_number(c->args, "ignore_index", -1) != -1,
                           .ignore_index = golden_int(c, "ignore_index"),
                           .label_smoothing = golden_number(c, "label_smoothing"),
                           .reduction = golden_reduction(c)};
}

/* clang-format off */
#define OPS(OP) \
    OP(cross_entropy, (X, Y, ce_options(c))) OP(nll_loss, (X, Y, ce_options(c))) \
    OP(mse_loss, (X, Y, golden_reduction(c))) \
    OP(bce_with_logits, (X, Y, (tp_bce_options){c->in[2], c->in[3], golden_reduction(c)}))
/* clang-format on */

OPS(GOLDEN_RUNNER)

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
};
/* clang-format on */
GOLDEN_FAMILY(loss, rows)
