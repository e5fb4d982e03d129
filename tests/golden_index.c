/* Golden cases: index. */
#include <string.h>

#include "support/golden_op.h"

/* The list of indices: "form" has n for NULL and i for the next tensor. */
static tp_tensors indices(const golden_call *c, tp_tensor **list) {
    const char *form = args_text(c->args, "form") + 1; /* behind the quote */
    int count = 0, taken = 1;
    for (; form[count] == 'n' || form[count] == 'i'; count++)
        list[count] = form[count] == 'n' ? NULL : c->in[taken++];
    return (tp_tensors){count, list};
}

static tp_embedding_bag_options bag_options(const golden_call *c) {
    bool offsets = golden_flag(c, "offsets");
    return (tp_embedding_bag_options){.mode = (tp_bag_mode)golden_int(c, "mode"),
                                      .offsets = offsets ? c->in[2] : NULL,
                                      .include_last_offset = golden_flag(c, "last"),
                                      .per_sample_weights = c->n_in > 2 + offsets ? c->in[2 + offsets] : NULL,
                                      .has_padding_idx = golden_flag(c, "has_padding"),
                                      .padding_idx = golden_int(c, "padding")};
}

/* clang-format off */
#define OPS(OP) \
    OP(gather, (X, DIM, Y)) OP(scatter_add, (X, DIM, Y, c->in[2])) OP(index_select, (X, DIM, Y)) \
    OP(index_add, (X, DIM, Y, c->in[2])) OP(pad, (X, golden_shape(c, "pads"), golden_number(c, "value"))) \
    OP(embedding, (X, Y, (tp_embedding_options){.has_padding_idx = golden_flag(c, "has_padding"), .padding_idx = golden_int(c, "padding")})) \
    OP(embedding_bag, (X, Y, bag_options(c))) OP(one_hot, (X, golden_int(c, "n"))) OP(index_copy, (X, DIM, Y, c->in[2])) \
    OP(index_fill, (X, DIM, Y, golden_number(c, "value"))) OP(scatter, (X, DIM, Y, c->in[2])) \
    OP(scatter_scalar, (X, DIM, Y, golden_number(c, "value"))) OP(take_along_dim, (X, Y, DIM)) \
    OP(scatter_reduce, (X, DIM, Y, c->in[2], (tp_scatter_reduction)golden_int(c, "reduction"), golden_flag(c, "exclude"))) \
    OP(masked_select, (X, Y)) OP(masked_scatter, (X, Y, c->in[2])) OP(nonzero, (X))
/* clang-format on */

OPS(GOLDEN_RUNNER)

static int run_index(const golden_call *c) {
    tp_tensor *list[TP_MAX_DIMS];
    c->out[0] = tp_index(X, indices(c, list));
    return 1;
}

static int run_index_put(const golden_call *c) {
    tp_tensor *list[TP_MAX_DIMS];
    c->out[0] = tp_index_put(X, indices(c, list), c->in[c->n_in - 1], golden_flag(c, "accumulate"));
    return 1;
}

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
    {"index", run_index, 0, 0},
    {"index_put", run_index_put, 0, 0},
};
/* clang-format on */
GOLDEN_FAMILY(index, rows)
