/* Golden cases: pool. */
#include "support/golden_op.h"

static tp_pool1d_options options1(const golden_call *c) {
    return (tp_pool1d_options){.ceil_mode = golden_flag(c, "ceil_mode"),
                               .stride = golden_int(c, "stride"),
                               .padding = golden_int(c, "padding"),
                               .dilation = golden_int(c, "dilation"),
                               .count_exclude_pad = args_number(c->args, "count_include_pad", 1) == 0};
}

static tp_pool2d_options options2(const golden_call *c) {
    tp_pool2d_options o = {.ceil_mode = golden_flag(c, "ceil_mode"),
                           .count_exclude_pad = args_number(c->args, "count_include_pad", 1) == 0,
                           .divisor = golden_int(c, "divisor_override")};
    golden_ints(c, "stride", 2, o.stride);
    golden_ints(c, "padding", 2, o.padding);
    golden_ints(c, "dilation", 2, o.dilation);
    return o;
}

static tp_pool3d_options options3(const golden_call *c) {
    tp_pool3d_options o = {.ceil_mode = golden_flag(c, "ceil_mode"),
                           .count_exclude_pad = args_number(c->args, "count_include_pad", 1) == 0,
                           .divisor = golden_int(c, "divisor_override")};
    golden_ints(c, "stride", 3, o.stride);
    golden_ints(c, "padding", 3, o.padding);
    golden_ints(c, "dilation", 3, o.dilation);
    return o;
}

static tp_max_unpool_options unpooling(const golden_call *c) {
    tp_max_unpool_options o = {.size = golden_shape(c, "size")};
    golden_ints(c, "stride", 3, o.stride);
    golden_ints(c, "padding", 3, o.padding);
    return o;
}

static int64_t number(const golden_call *c, const char *key, int k) {
    int64_t list[3];
    golden_ints(c, key, 3, list);
    return list[k];
}

/* clang-format off */
#define K(k) number(c, "kernel", k)
#define SIZE(k) number(c, "size", k)
#define P golden_number(c, "p")
#define OPS(OP) \
    OP(max_pool1d, (X, K(0), options1(c))) OP(max_pool2d, (X, K(0), K(1), options2(c))) \
    OP(max_pool3d, (X, K(0), K(1), K(2), options3(c))) \
    OP(avg_pool1d, (X, K(0), options1(c))) OP(avg_pool2d, (X, K(0), K(1), options2(c))) \
    OP(avg_pool3d, (X, K(0), K(1), K(2), options3(c))) \
    OP(lp_pool1d, (X, P, K(0), options1(c))) OP(lp_pool2d, (X, P, K(0), K(1), options2(c))) \
    OP(lp_pool3d, (X, P, K(0), K(1), K(2), options3(c))) \
    OP(adaptive_avg_pool1d, (X, SIZE(0))) OP(adaptive_avg_pool2d, (X, SIZE(0), SIZE(1))) \
    OP(adaptive_avg_pool3d, (X, SIZE(0), SIZE(1), SIZE(2))) \
    OP(adaptive_max_pool1d, (X, SIZE(0))) OP(adaptive_max_pool2d, (X, SIZE(0), SIZE(1))) \
    OP(adaptive_max_pool3d, (X, SIZE(0), SIZE(1), SIZE(2))) \
    OP(max_unpool1d, (X, Y, K(0), unpooling(c))) OP(max_unpool2d, (X, Y, K(0), K(1), unpooling(c))) \
    OP(max_unpool3d, (X, Y, K(0), K(1), K(2), unpooling(c)))
#define BOTH(OP) \
    OP(max_pool1d_indices, (X, K(0), options1(c))) OP(max_pool2d_indices, (X, K(0), K(1), options2(c))) \
    OP(max_pool3d_indices, (X, K(0), K(1), K(2), options3(c))) \
    OP(adaptive_max_pool1d_indices, (X, SIZE(0))) OP(adaptive_max_pool2d_indices, (X, SIZE(0), SIZE(1))) \
    OP(adaptive_max_pool3d_indices, (X, SIZE(0), SIZE(1), SIZE(2)))
#define BOTH_RUNNER(op, arguments) \
    static int run_##op(const golden_call *c) { return golden_values(c, tp_##op arguments); }
/* clang-format on */
OPS(GOLDEN_RUNNER)
BOTH(BOTH_RUNNER)

static const golden_row rows[] = {OPS(GOLDEN_ROW) BOTH(GOLDEN_ROW)};
GOLDEN_FAMILY(pool, rows)
