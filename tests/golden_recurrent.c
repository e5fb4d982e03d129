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

static const golden_row rows[] = {OPS(GOLDEN_ROW){"lstm_cell", run_lstm_cell, 0, 0}};
GOLDEN_FAMILY(recurrent, rows)
