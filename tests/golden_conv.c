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

/* clang-format off */
#define OPS(OP) \
    OP(conv2d, (X, Y, c->in[2], conv_options(c))) OP(conv1d, (X, Y, c->in[2], conv1d_options(c))) \
    OP(conv3d, (X, Y, c->in[2], conv3d_options(c))) OP(conv_transpose1d, (X, Y, c->in[2], back1d_options(c))) \
    OP(conv_transpose2d, (X, Y, c->in[2], back2d_options(c))) OP(conv_transpose3d, (X, Y, c->in[2], back3d_options(c)))
/* clang-format on */

OPS(GOLDEN_RUNNER)

static const golden_row rows[] = {OPS(GOLDEN_ROW)};
GOLDEN_FAMILY(conv, rows)
