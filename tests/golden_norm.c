/* Golden cases: norm. */
#include "support/golden_op.h"

static int run_batch_norm(const golden_call *c) {
    tp_tensor *mean = tp_clone(c->in[3]), *var = tp_clone(c->in[4]);
    tp_batch_norm_options options = {.weight = c->in[1],
                                     .bias = c->in[2],
                                     .running_mean = mean,
                                     .running_var = var,
                                     .training = golden_flag(c, "training"),
                                     .momentum = golden_number(c, "momentum"),
                                     .eps = golden_number(c, "eps")};
    c->out[0] = tp_batch_norm(c->in[0], options);
    c->out[1] = mean;
    c->out[2] = var;
    return 3;
}

/* clang-format off */
static const golden_row rows[] = {
    {"batch_norm", run_batch_norm, 0, 0},
};
/* clang-format on */
GOLDEN_FAMILY(norm, rows)
