/* Golden cases: elementwise. */
#include "support/golden_op.h"

/* clang-format off */
#define OPS(OP) \
    OP(neg, (X)) OP(abs, (X)) OP(square, (X)) OP(exp, (X)) OP(sin, (X)) OP(cos, (X)) OP(tanh, (X)) \
    OP(sigmoid, (X)) OP(erf, (X)) OP(relu, (X)) OP(gelu, (X)) OP(gelu_tanh, (X)) OP(silu, (X)) \
    OP(softplus, (X)) OP(sign, (X)) OP(log, (X)) OP(sqrt, (X)) OP(rsqrt, (X)) OP(reciprocal, (X)) \
    OP(add, (X, Y)) OP(sub, (X, Y)) OP(mul, (X, Y)) OP(div, (X, Y)) OP(maximum, (X, Y)) \
    OP(minimum, (X, Y)) OP(pow, (X, Y)) OP(pow_scalar, (X, S)) OP(scalar_pow, (S, X)) \
    OP(scalar_sub, (S, X)) OP(scalar_div, (S, X)) OP(leaky_relu, (X, S)) \
    OP(clamp, (X, golden_number(c, "lo"), golden_number(c, "hi"))) OP(where, (X, Y, c->in[2]))
/* clang-format on */

OPS(GOLDEN_RUNNER)

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
};
/* clang-format on */
GOLDEN_FAMILY(elementwise, rows)
