/* Golden cases: views, and what turns, repeats and cuts. */
#include "support/golden_op.h"

#define SHAPE_ARG golden_shape(c, "shape")
#define ALL ((tp_tensors){c->n_in, (tp_tensor **)(uintptr_t)c->in})

static tp_dims dims_of(const golden_call *c, const char *key) {
    double values[TP_MAX_DIMS];
    tp_dims dims = {.count = args_numbers(c->args, key, values, TP_MAX_DIMS)};
    for (int k = 0; k < dims.count; k++) dims.items[k] = (int)values[k];
    return dims;
}

/* clang-format off */
#define OPS(OP) \
    OP(reshape, (X, SHAPE_ARG)) OP(flatten, (X, golden_int(c, "start"), golden_int(c, "end"))) \
    OP(unflatten, (X, DIM, SHAPE_ARG)) OP(t, (X)) OP(squeeze, (X, golden_dims(c))) OP(unsqueeze, (X, DIM)) \
    OP(transpose, (X, golden_dims(c).items[0], golden_dims(c).items[1])) OP(permute, (X, golden_dims(c))) \
    OP(expand, (X, SHAPE_ARG)) OP(broadcast_to, (X, SHAPE_ARG)) OP(narrow, (X, DIM, golden_int(c, "start"), golden_int(c, "length"))) \
    OP(select, (X, DIM, golden_int(c, "index"))) \
    OP(slice, (X, DIM, golden_int(c, "start"), golden_int(c, "end"), golden_int(c, "step"))) \
    OP(slice_scatter, (X, Y, DIM, golden_int(c, "start"), golden_int(c, "end"), golden_int(c, "step"))) \
    OP(select_scatter, (X, Y, DIM, golden_int(c, "index"))) OP(cat, (ALL, DIM)) OP(stack, (ALL, DIM)) \
    OP(movedim, (X, dims_of(c, "source"), dims_of(c, "destination"))) OP(flip, (X, golden_dims(c))) \
    OP(roll, (X, SHAPE_ARG, golden_dims(c))) OP(repeat, (X, SHAPE_ARG)) OP(tile, (X, SHAPE_ARG)) \
    OP(repeat_interleave, (X, golden_int(c, "repeats"), DIM)) OP(repeat_interleave_each, (X, Y, DIM)) \
    OP(tril, (X, golden_int(c, "diagonal"))) OP(triu, (X, golden_int(c, "diagonal"))) \
    OP(pad_with, (X, SHAPE_ARG, (tp_pad_mode)golden_int(c, "mode")))
/* clang-format on */

OPS(GOLDEN_RUNNER)

static int run_split(const golden_call *c) {
    int64_t size = golden_int(c, "size"), whole = tp_tensor_size(X, DIM);
    int count = (int)((whole + size - 1) / size);
    tp_split(X, size, DIM, c->out, count);
    return count;
}

static int run_split_sizes(const golden_call *c) {
    tp_split_sizes(X, SHAPE_ARG, DIM, c->out);
    return SHAPE_ARG.ndim;
}

static int run_chunk(const golden_call *c) { return tp_chunk(X, golden_int(c, "chunks"), DIM, c->out); }

static int run_unbind(const golden_call *c) {
    int count = (int)tp_tensor_size(X, DIM);
    tp_unbind(X, DIM, c->out, count);
    return count;
}

static int run_broadcast_tensors(const golden_call *c) {
    tp_broadcast_tensors(ALL, c->out);
    return c->n_in;
}

static int run_meshgrid(const golden_call *c) {
    tp_meshgrid(ALL, golden_flag(c, "xy"), c->out);
    return c->n_in;
}

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
    {"split", run_split, 0, 0},
    {"split_sizes", run_split_sizes, 0, 0},
    {"chunk", run_chunk, 0, 0},
    {"unbind", run_unbind, 0, 0},
    {"broadcast_tensors", run_broadcast_tensors, 0, 0},
    {"meshgrid", run_meshgrid, 0, 0},
};
/* clang-format on */
GOLDEN_FAMILY(views, rows)
