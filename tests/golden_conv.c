/* Golden cases: conv. */
#include "support/golden_op.h"

static tp_conv2d_options conv_options(const golden_call *c) {
    tp_conv2d_options o = {.groups = golden_int(c, "groups")};
    golden_ints(c, "stride", 2, o.stride);
    golden_ints(c, "padding", 2, o.padding);
    golden_ints(c, "dilation", 2, o.dilation);
    o.same = golden_flag(c, "same");
    return o;
}

static tp_conv1d_options conv1d_options(const golden_call *c) {
    return (tp_conv1d_options){golden_int(c, "groups"), golden_int(c, "stride"), golden_int(c, "padding"),
                               golden_int(c, "dilation"), golden_flag(c, "same")};
}

static tp_conv3d_options conv3d_options(const golden_call *c) {
    tp_conv3d_options o = {.groups = golden_int(c, "groups"), .same = golden_flag(c, "same")};
    golden_ints(c, "stride", 3, o.stride);
    golden_ints(c, "padding", 3, o.padding);
    golden_ints(c, "dilation", 3, o.dilation);
    return o;
}

static tp_conv_transpose1d_options back1d_options(const golden_call *c) {
    return (tp_conv_transpose1d_options){golden_int(c, "groups"), golden_int(c, "stride"),
                                         golden_int(c, "padding"), golden_int(c, "output_padding"),
                                         golden_int(c, "dilation")};
}

static tp_conv_transpose2d_options back2d_options(const golden_call *c) {
    tp_conv_transpose2d_options o = {.groups = golden_int(c, "groups")};
    golden_ints(c, "stride", 2, o.stride);
    golden_ints(c, "padding", 2, o.padding);
    golden_ints(c, "output_padding", 2, o.output_padding);
    golden_ints(c, "dilation", 2, o.dilation);
    return o;
}

static tp_conv_transpose3d_options back3d_options(const golden_call *c) {
    tp_conv_transpose3d_options o = {.groups = golden_int(c, "groups")};
    golden_ints(c, "stride", 3, o.stride);
    golden_ints(c, "padding", 3, o.padding);
    golden_ints(c, "output_padding", 3, o.output_padding);
    golden_ints(c, "dilation", 3, o.dilation);
    return o;
}

static tp_pool2d_options pool_options(const golden_call *c) {
    tp_pool2d_options o = {.ceil_mode = golden_flag(c, "ceil_mode"),
                           .count_exclude_pad = args_number(c->args, "count_include_pad", 1) == 0,
                           .divisor = golden_int(c, "divisor_override")};
    golden_ints(c, "stride", 2, o.stride);
    golden_ints(c, "padding", 2, o.padding);
    golden_ints(c, "dilation", 2, o.dilation);
    return o;
}

static int64_t kernel(const golden_call *c, int k) {
    int64_t pair[2];
    golden_ints(c, "kernel", 2, pair);
    return pair[k];
}

static int64_t extent(const golden_call *c, int k) {
    int64_t pair[2];
    golden_ints(c, "size", 2, pair);
    return pair[k];
}

/* clang-format off */
#define OPS(OP) \
    OP(conv2d, (X, Y, c->in[2], conv_options(c))) OP(conv1d, (X, Y, c->in[2], conv1d_options(c))) \
    OP(conv3d, (X, Y, c->in[2], conv3d_options(c))) OP(conv_transpose1d, (X, Y, c->in[2], back1d_options(c))) \
    OP(conv_transpose2d, (X, Y, c->in[2], back2d_options(c))) OP(conv_transpose3d, (X, Y, c->in[2], back3d_options(c))) \
    OP(max_pool2d, (X, kernel(c, 0), kernel(c, 1), pool_options(c))) \
    OP(avg_pool2d, (X, kernel(c, 0), kernel(c, 1), pool_options(c))) \
    OP(adaptive_avg_pool2d, (X, extent(c, 0), extent(c, 1)))
/* clang-format on */

OPS(GOLDEN_RUNNER)

static int run_max_pool2d_indices(const golden_call *c) {
    return golden_values(c, tp_max_pool2d_indices(X, kernel(c, 0), kernel(c, 1), pool_options(c)));
}

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
    {"max_pool2d_indices", run_max_pool2d_indices, 0, 0},
};
/* clang-format on */
GOLDEN_FAMILY(conv, rows)
