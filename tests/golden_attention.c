/* Golden cases: attention. */
#include "support/golden_op.h"

static int run_attention(const golden_call *c) {
    c->out[0] = tp_scaled_dot_product_attention(X, Y, c->in[2],
                                                (tp_attention_options){.attn_mask = c->in[3],
                                                                       .is_causal = golden_flag(c, "causal"),
                                                                       .scale = golden_number(c, "scale"),
                                                                       .enable_gqa = golden_flag(c, "gqa")});
    return 1;
}

static int run_positions(const golden_call *c) {
    c->out[0] = tp_sinusoidal_positions(golden_int(c, "length"), golden_int(c, "size"), TP_F64);
    return 1;
}

static const golden_row rows[] = {
    {"scaled_dot_product_attention", run_attention, 0, 0},
    {"sinusoidal_positions", run_positions, 0, 0},
};
GOLDEN_FAMILY(attention, rows)
