/* Golden cases: vision. */
#include "support/golden_op.h"

static tp_interpolate_options interpolation(const golden_call *c) {
    tp_interpolate_options o = {.mode = (tp_interpolate_mode)golden_int(c, "mode"),
                                .align_corners = golden_flag(c, "align")};
    o.size = golden_shape(c, "size");
    args_numbers(c->args, "scale", o.scale, 3);
    return o;
}

static tp_grid_sample_options sampling(const golden_call *c) {
    return (tp_grid_sample_options){golden_flag(c, "nearest"), (tp_grid_padding)golden_int(c, "padding"),
                                    golden_flag(c, "align")};
}

static tp_im2col_options patches(const golden_call *c) {
    tp_im2col_options o = {0};
    golden_ints(c, "stride", 2, o.stride);
    golden_ints(c, "padding", 2, o.padding);
    golden_ints(c, "dilation", 2, o.dilation);
    return o;
}

static int64_t pair(const golden_call *c, const char *name, int k) {
    int64_t values[2];
    golden_ints(c, name, 2, values);
    return values[k];
}

/* clang-format off */
#define OPS(OP) \
    OP(pixel_shuffle, (X, golden_int(c, "n"))) OP(pixel_unshuffle, (X, golden_int(c, "n"))) \
    OP(channel_shuffle, (X, golden_int(c, "n"))) OP(interpolate, (X, interpolation(c))) \
    OP(grid_sample, (X, Y, sampling(c))) OP(affine_grid, (X, golden_shape(c, "size"), golden_flag(c, "align"))) \
    OP(im2col, (X, pair(c, "kernel", 0), pair(c, "kernel", 1), patches(c))) \
    OP(col2im, (X, pair(c, "size", 0), pair(c, "size", 1), pair(c, "kernel", 0), pair(c, "kernel", 1), patches(c)))
/* clang-format on */
OPS(GOLDEN_RUNNER)

static const golden_row rows[] = {OPS(GOLDEN_ROW)};
GOLDEN_FAMILY(vision, rows)
