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

/* The parameters are loaded by PyTorch's names, in the order of named_parameters(). */
static void load(const golden_call *c, tp_module *m) {
    const tp_named_tensors names = tp_module_named_parameters(m);
    tp_named_tensor items[16];
    for (int k = 0; k < names.count && k + 5 < c->n_in; k++)
        items[k] = (tp_named_tensor){names.items[k].name, c->in[5 + k]};
    tp_module_load_state(m, (tp_named_tensors){c->n_in - 5, items}, (tp_load_options){0});
}

static int run_heads(const golden_call *c) {
    tp_module *m = tp_nn_multihead_attention(
        4, 2,
        (tp_nn_multihead_attention_options){.no_bias = golden_flag(c, "no_bias"),
                                            .add_bias_kv = golden_flag(c, "bias_kv"),
                                            .add_zero_attn = golden_flag(c, "zero"),
                                            .kdim = golden_int(c, "kdim"),
                                            .vdim = golden_int(c, "vdim"),
                                            .batch_first = golden_flag(c, "batch_first"),
                                            .dtype = tp_tensor_dtype(X)});
    load(c, m);
    tp_attention_out y =
        tp_nn_multihead_attention_forward(m, X, Y, c->in[2],
                                          (tp_attention_masks){.attn_mask = c->in[3],
                                                               .key_padding_mask = c->in[4],
                                                               .is_causal = golden_flag(c, "causal"),
                                                               .need_weights = golden_flag(c, "weights"),
                                                               .per_head = golden_flag(c, "per_head")});
    tp_module_free(m);
    c->out[0] = y.output;
    c->out[1] = y.weights;
    return golden_flag(c, "weights") ? 2 : 1;
}

static int run_positions(const golden_call *c) {
    c->out[0] = tp_sinusoidal_positions(golden_int(c, "length"), golden_int(c, "size"), TP_F64);
    return 1;
}

static const golden_row rows[] = {
    {"scaled_dot_product_attention", run_attention, 0, 0},
    {"nn_multihead_attention_forward", run_heads, 0, 0},
    {"sinusoidal_positions", run_positions, 0, 0},
};
GOLDEN_FAMILY(attention, rows)
