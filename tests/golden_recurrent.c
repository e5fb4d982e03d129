/* Golden cases: recurrent. */
#include "support/golden_op.h"

/* clang-format off */
#define WEIGHTS(first) (tp_cell_weights){c->in[first], c->in[(first) + 1], c->in[(first) + 2], c->in[(first) + 3]}
#define OPS(OP) \
    OP(rnn_tanh_cell, (X, Y, WEIGHTS(2))) OP(rnn_relu_cell, (X, Y, WEIGHTS(2))) OP(gru_cell, (X, Y, WEIGHTS(2)))
/* clang-format on */
OPS(GOLDEN_RUNNER)

static int run_lstm_cell(const golden_call *c) {
    tp_lstm_state state = tp_lstm_cell(X, (tp_lstm_state){Y, c->in[2]}, WEIGHTS(3));
    c->out[0] = state.h;
    c->out[1] = state.c;
    return 2;
}

/* In are x, h, c, lengths, and the weights. */
static tp_recurrent_options options(const golden_call *c) {
    return (tp_recurrent_options){.layers = golden_int(c, "layers"),
                                  .no_bias = golden_flag(c, "no_bias"),
                                  .batch_first = golden_flag(c, "batch_first"),
                                  .bidirectional = golden_flag(c, "bidirectional"),
                                  .projected = golden_flag(c, "projected"),
                                  .lengths = c->in[3]};
}

static tp_tensors weights(const golden_call *c) { return (tp_tensors){c->n_in - 4, (tp_tensor **)c->in + 4}; }

#define SEQUENCE(op)                                                                                         \
    static int run_##op(const golden_call *c) {                                                              \
        tp_recurrent_out y = tp_##op(X, Y, weights(c), options(c));                                          \
        c->out[0] = y.output;                                                                                \
        c->out[1] = y.h;                                                                                     \
        return 2;                                                                                            \
    }
SEQUENCE(rnn_tanh)
SEQUENCE(rnn_relu)
SEQUENCE(gru)

static int run_lstm(const golden_call *c) {
    tp_lstm_out y = tp_lstm(X, (tp_lstm_state){Y, c->in[2]}, weights(c), options(c));
    c->out[0] = y.output;
    c->out[1] = y.h;
    c->out[2] = y.c;
    return 3;
}

static int run_pad_sequence(const golden_call *c) {
    tp_pad_sequence_options options = {.batch_first = golden_flag(c, "batch_first"),
                                       .padding_value = golden_number(c, "value"),
                                       .padding_left = golden_flag(c, "left")};
    c->out[0] = tp_pad_sequence((tp_tensors){c->n_in, (tp_tensor **)(uintptr_t)c->in}, options);
    return 1;
}

static int run_unpad_sequence(const golden_call *c) {
    tp_unpad_sequence(X, Y, golden_flag(c, "batch_first"), c->out);
    return (int)tp_tensor_numel(Y);
}

static const golden_row rows[] = {
    OPS(GOLDEN_ROW){"lstm_cell", run_lstm_cell, 0, 0},
    {"rnn_tanh", run_rnn_tanh, 0, 0},
    {"rnn_relu", run_rnn_relu, 0, 0},
    {"gru", run_gru, 0, 0},
    {"lstm", run_lstm, 0, 0},
    {"pad_sequence", run_pad_sequence, 0, 0},
    {"unpad_sequence", run_unpad_sequence, 0, 0},
};
GOLDEN_FAMILY(recurrent, rows)
