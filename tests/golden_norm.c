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

static int run_layer_norm(const golden_call *c) {
    tp_norm_options options = {.weight = Y, .bias = c->in[2], .eps = golden_number(c, "eps")};
    c->out[0] = tp_layer_norm(X, golden_shape(c, "last"), options);
    return 1;
}

static int run_group_norm(const golden_call *c) {
    tp_norm_options options = {.weight = Y, .bias = c->in[2], .eps = golden_number(c, "eps")};
    c->out[0] = tp_group_norm(X, golden_int(c, "groups"), options);
    return 1;
}

static int run_instance_norm(const golden_call *c) {
    tp_tensor *mean = tp_clone(c->in[3]), *var = tp_clone(c->in[4]);
    tp_instance_norm_options options = {.weight = c->in[1],
                                        .bias = c->in[2],
                                        .running_mean = mean,
                                        .running_var = var,
                                        .no_input_stats = golden_flag(c, "no_input_stats"),
                                        .momentum = golden_number(c, "momentum"),
                                        .eps = golden_number(c, "eps")};
    c->out[0] = tp_instance_norm(c->in[0], options);
    c->out[1] = mean;
    c->out[2] = var;
    return 3;
}

/* clang-format off */
#define OPS(OP) \
    OP(rms_norm, (X, golden_shape(c, "last"), Y, golden_number(c, "eps"))) \
    OP(normalize, (X, golden_number(c, "p"), DIM, golden_number(c, "eps")))
OPS(GOLDEN_RUNNER)
static const golden_row rows[] = {
    {"batch_norm", run_batch_norm, 0, 0},
    {"layer_norm", run_layer_norm, 0, 0},
    {"group_norm", run_group_norm, 0, 0},
    {"instance_norm", run_instance_norm, 0, 0},
    OPS(GOLDEN_ROW)
};
/* clang-format on */
GOLDEN_FAMILY(norm, rows)
