/* Golden cases: activation. */
#include "support/golden_op.h"

#define LO golden_number(c, "lo")
#define HI golden_number(c, "hi")

/* A number of the options, where 0 is meant as 0. */
static double option(const golden_call *c, const char *key) {
    double value = golden_number(c, key);
    return value == 0 ? TP_ZERO : value;
}

/* clang-format off */
#define OPS(OP) \
    OP(relu, (X)) OP(relu6, (X)) OP(selu, (X)) OP(gelu, (X)) OP(gelu_tanh, (X)) OP(silu, (X)) OP(mish, (X)) \
    OP(logsigmoid, (X)) OP(softsign, (X)) OP(hardswish, (X)) OP(tanhshrink, (X)) \
    OP(softplus, (X)) OP(leaky_relu, (X, S)) OP(elu, (X, S)) OP(celu, (X, S)) OP(hardshrink, (X, S)) \
    OP(softshrink, (X, S)) OP(hardtanh, (X, LO, HI)) OP(threshold, (X, LO, HI)) OP(prelu, (X, Y)) \
    OP(softplus_with, (X, (tp_softplus_options){option(c, "beta"), option(c, "threshold")})) \
    OP(rrelu, (X, false, (tp_rrelu_options){.lower = option(c, "lower"), .upper = option(c, "upper")})) \
    OP(glu, (X, DIM)) OP(softmin, (X, DIM))
/* clang-format on */

OPS(GOLDEN_RUNNER)

/* PyTorch has its sixth in single precision. */
GOLDEN_RUNNER(hardsigmoid, (X))

static const golden_row rows[] = {OPS(GOLDEN_ROW){"hardsigmoid", run_hardsigmoid, 1e-8, 0}};
GOLDEN_FAMILY(activation, rows)
