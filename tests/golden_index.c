/* Golden cases: index. */
#include "support/golden_op.h"

/* clang-format off */
#define OPS(OP) \
    OP(gather, (X, DIM, Y)) OP(scatter_add, (X, DIM, Y, c->in[2])) OP(index_select, (X, DIM, Y)) \
    OP(index_add, (X, DIM, Y, c->in[2])) \
    OP(pad, (X, golden_shape(c, "pads"), golden_number(c, "value"))) \
    OP(one_hot, (X, golden_int(c, "n"))) OP(permute, (X, golden_dims(c))) \
    OP(transpose, (X, golden_dims(c).items[0], golden_dims(c).items[1])) \
    OP(slice, (X, DIM, golden_int(c, "start"), golden_int(c, "end"), golden_int(c, "step"))) \
    OP(slice_scatter, (X, Y, DIM, golden_int(c, "start"), golden_int(c, "end"), golden_int(c, "step"))) \
    OP(select_scatter, (X, Y, DIM, golden_int(c, "index"))) \
    OP(cat, ((tp_tensors){c->n_in, (tp_tensor **)c->in}, DIM)) \
    OP(stack, ((tp_tensors){c->n_in, (tp_tensor **)c->in}, DIM))
/* clang-format on */

OPS(GOLDEN_RUNNER)

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
};
/* clang-format on */
GOLDEN_FAMILY(index, rows)
