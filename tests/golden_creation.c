/* Golden cases: creation. */
#include "support/golden_op.h"

/* clang-format off */
#define TYPE tp_tensor_dtype(X)
#define START golden_number(c, "start")
#define END golden_number(c, "end")
#define SIZES golden_int(c, "n"), golden_int(c, "m")
#define OPS(OP) \
    OP(zeros, (golden_shape(c, "shape"), TYPE)) OP(ones, (golden_shape(c, "shape"), TYPE)) \
    OP(full, (golden_shape(c, "shape"), S, TYPE)) OP(scalar, (S, TYPE)) \
    OP(zeros_like, (X)) OP(ones_like, (X)) OP(full_like, (X, S)) \
    OP(arange, (START, END, golden_number(c, "step"), TYPE)) OP(linspace, (START, END, golden_int(c, "count"), TYPE)) \
    OP(eye, (SIZES, TYPE)) OP(tril_indices, (SIZES, golden_int(c, "offset"))) OP(triu_indices, (SIZES, golden_int(c, "offset")))
/* clang-format on */
OPS(GOLDEN_RUNNER)

static const golden_row rows[] = {OPS(GOLDEN_ROW)};
GOLDEN_FAMILY(creation, rows)
