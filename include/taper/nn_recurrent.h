/* Ready-made modules of recurrent networks; what nn.h says of modules holds for them. */
#ifndef TAPER_NN_RECURRENT_H
#define TAPER_NN_RECURRENT_H

#include "taper/base.h"
#include "taper/dtype.h"
#include "taper/module.h"
#include "taper/random.h"
#include "taper/recurrent.h"

TP_BEGIN_DECLS

typedef struct tp_nn_recurrent_options {
    int layers; /* 0 is 1 */
    bool relu;  /* instead of tanh; rnn only */
    bool no_bias;
    bool batch_first; /* x and the output are (N, T, ...) instead of (T, N, ...) */
    bool bidirectional;
    int64_t proj_size; /* LSTM: h and the output are of this size, by weight_hr; 0 is no projection */
    double dropout;    /* in training, of the outputs of all layers but the last */
    tp_dtype dtype;
    /* of the weights; the dropout draws from the default one of the thread that runs it */
    tp_generator *generator;
} tp_nn_recurrent_options;

/* tp_rnn_tanh() or tp_rnn_relu(), tp_gru() and tp_lstm(). Parameters, of layer k: weight_ih_lk, weight_hh_lk, bias_ih_lk, bias_hh_lk and
 * weight_hr_lk, and the same with _reverse; all uniform within +-1 / sqrt(hidden). tp_forward() gives the output from a zero state; the
 * functions below take the initial state (NULL is zero) and lengths (NULL is all), and give the last state too.
 * Sources: torch.nn.RNN, GRU, LSTM. */
TP_API tp_module *tp_nn_rnn(int64_t input_size, int64_t hidden_size, tp_nn_recurrent_options options);
TP_API tp_module *tp_nn_gru(int64_t input_size, int64_t hidden_size, tp_nn_recurrent_options options);
TP_API tp_module *tp_nn_lstm(int64_t input_size, int64_t hidden_size, tp_nn_recurrent_options options);

TP_API tp_recurrent_out tp_nn_rnn_forward(tp_module *m, tp_tensor *x, tp_tensor *h, tp_tensor *lengths);
TP_API tp_recurrent_out tp_nn_gru_forward(tp_module *m, tp_tensor *x, tp_tensor *h, tp_tensor *lengths);
TP_API tp_lstm_out tp_nn_lstm_forward(tp_module *m, tp_tensor *x, tp_lstm_state state, tp_tensor *lengths);

typedef struct tp_nn_cell_options {
    bool relu; /* instead of tanh; rnn only */
    bool no_bias;
    tp_dtype dtype;
    tp_generator *generator;
} tp_nn_cell_options;

/* One step: weight_ih, weight_hh, bias_ih, bias_hh, all uniform within +-1 / sqrt(hidden). tp_forward() gives the h that follows a zero
 * state; tp_forward_all(m, TP_TENSORS(x, h)) that which follows h. An LSTM's cell, with two states, is run by tp_nn_lstm_cell_forward(),
 * where NULL is zero. Sources: torch.nn.RNNCell, GRUCell, LSTMCell. */
TP_API tp_module *tp_nn_rnn_cell(int64_t input_size, int64_t hidden_size, tp_nn_cell_options options);
TP_API tp_module *tp_nn_gru_cell(int64_t input_size, int64_t hidden_size, tp_nn_cell_options options);
TP_API tp_module *tp_nn_lstm_cell(int64_t input_size, int64_t hidden_size, tp_nn_cell_options options);
TP_API tp_lstm_state tp_nn_lstm_cell_forward(tp_module *m, tp_tensor *x, tp_lstm_state state);

TP_END_DECLS

#endif
