/* Golden cases: linalg. */
#include "support/golden_op.h"

/* clang-format off */
#define OPS(OP) \
    OP(matmul, (X, Y)) OP(linear, (X, Y, c->in[2])) OP(dot, (X, Y)) OP(outer, (X, Y))
/* clang-format on */

OPS(GOLDEN_RUNNER)

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
};
/* clang-format on */
GOLDEN_FAMILY(linalg, rows)
