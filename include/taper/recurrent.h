/* Recurrent networks: single steps, and layers of them over whole sequences. */
#ifndef TAPER_RECURRENT_H
#define TAPER_RECURRENT_H

#include "taper/base.h"
#include "taper/random.h"
#include "taper/shape.h"

TP_BEGIN_DECLS

/* What a cell multiplies its input and its state by, of all its gates one below the other: w_ih (gates H, I), w_hh (gates H, H), and b_ih and
 * b_hh (gates H), or NULL. */
typedef struct tp_cell_weights {
    tp_tensor *w_ih, *w_hh, *b_ih, *b_hh;
} tp_cell_weights;

/* One step from the state h to the next. x: (N, I) or (I); h: (N, H) or (H) -> h's shape; all F32 or all F64 (TP_ERR_DTYPE). Errors:
 * TP_ERR_SHAPE. Sources: torch.rnn_tanh_cell, rnn_relu_cell; Cho et al. 2014 and torch.gru_cell.
 * rnn: one gate; tanh or relu of x w_ih^T + b_ih + h w_hh^T + b_hh.
 * gru: gates r, z, n; (1 - z) n + z h, where n = tanh(x w_in^T + b_in + r (h w_hn^T + b_hn)), and r and z are sigmoids. */
TP_API tp_tensor *tp_rnn_tanh_cell(tp_tensor *x, tp_tensor *h, tp_cell_weights weights);
TP_API tp_tensor *tp_rnn_relu_cell(tp_tensor *x, tp_tensor *h, tp_cell_weights weights);
TP_API tp_tensor *tp_gru_cell(tp_tensor *x, tp_tensor *h, tp_cell_weights weights);

typedef struct tp_lstm_state {
    tp_tensor *h, *c;
} tp_lstm_state;

/* The same with gates i, f, g, o: c' = f c + i g, h' = o tanh(c'), of which g is a hyperbolic tangent and the others sigmoids. state.c: of
 * state.h's shape. Both results, or both NULL. Source: Hochreiter and Schmidhuber 1997; torch.lstm_cell. */
TP_API tp_lstm_state tp_lstm_cell(tp_tensor *x, tp_lstm_state state, tp_cell_weights weights);

/* ---- sequences ----
 *
 * Memory: besides x, a layer that is recorded holds for each step and direction 2 (rnn), 8 (gru) or 10 (lstm) times N x H elements until
 * its backward has passed, and that takes 4, 15 and 15 times as many at its peak; an LSTM projected to P holds 10 + P / H and takes
 * 14 + 3 P / H. Lengths cost 1 more, and x twice more. It grows with T and in nothing else, the stack with nothing: any number of steps can be
 * run. Steps past a sequence's end are not computed. Pieces of a long series, with the state carried
 * over by tp_keep(&h, tp_detach(out.h)), hold no more than a piece: examples/truncated_bptt.c. */

typedef struct tp_recurrent_options {
    int layers;         /* one above the other, each on the outputs of the one below; 0 is 1 */
    bool no_bias;       /* weights come without biases */
    bool batch_first;   /* x and the output are (N, T, ...) instead of (T, N, ...) */
    bool bidirectional; /* each layer also runs from the end, with its own weights; outputs side by side */
    bool projected; /* LSTM: h is what w_hr makes of it: weights have it last, of each layer and direction */
    double dropout; /* of the outputs of all layers but the last, when training */
    bool training;
    tp_generator *generator; /* of the dropout; NULL: the thread's default */
    tp_tensor *lengths;      /* (N), I64 or I32: how many steps count of each sequence; NULL is all */
} tp_recurrent_options;

typedef struct tp_recurrent_out {
    tp_tensor *output, *h;
} tp_recurrent_out;

typedef struct tp_lstm_out {
    tp_tensor *output, *h, *c;
} tp_lstm_out;

/* x: (T, N, I), with batch_first (N, T, I), or a single sequence (T, I). The initial states, h and c: (layers directions, N, H) or, for one
 * sequence, (layers directions, H); NULL is zeros. weights: w_ih, w_hh, b_ih, b_hh as a cell's, of each layer from the lowest, forwards and
 * backwards; w_ih of a layer above has as many columns as the one below has outputs. With w_hr, (P, H), h and the output are of size P.
 * output: (T, N, directions H), the last layer's states at each step; h and c: each layer's and direction's last, of the initial ones' shape.
 * With lengths, as with PyTorch's packed sequences, outputs past a sequence's end are zero, whatever x has there, the last state is that
 * of its last step, and the way back begins there. All results, or all NULL. Errors: TP_ERR_SHAPE, TP_ERR_DTYPE, TP_ERR_ARGUMENT for a number of weights, a
 * length not in [1, T] or a dropout not in [0, 1]. Source: torch.nn.RNN, GRU, LSTM. */
TP_API tp_recurrent_out tp_rnn_tanh(tp_tensor *x, tp_tensor *h, tp_tensors weights,
                                    tp_recurrent_options options);
TP_API tp_recurrent_out tp_rnn_relu(tp_tensor *x, tp_tensor *h, tp_tensors weights,
                                    tp_recurrent_options options);
TP_API tp_recurrent_out tp_gru(tp_tensor *x, tp_tensor *h, tp_tensors weights, tp_recurrent_options options);
TP_API tp_lstm_out tp_lstm(tp_tensor *x, tp_lstm_state state, tp_tensors weights,
                           tp_recurrent_options options);

typedef struct tp_pad_sequence_options {
    bool batch_first; /* (N, T, ...) instead of (T, N, ...) */
    double padding_value;
    bool padding_left; /* shorter sequences are filled up in front instead of at their end */
} tp_pad_sequence_options;

/* N sequences (L_i, ...), of one dtype and the same further dims, as one tensor (T, N, ...), T the longest L_i. Errors: TP_ERR_NULL;
 * TP_ERR_ARGUMENT for an empty list or a padding_value that the dtype cannot hold; TP_ERR_SHAPE, TP_ERR_DTYPE for sequences that do not go
 * together. Source: torch.nn.utils.rnn.pad_sequence. Keras's pad_sequences, which cuts too, is in text.h. */
TP_API tp_tensor *tp_pad_sequence(tp_tensors sequences, tp_pad_sequence_options options);

/* The way back: the first lengths[i] steps of each of the N sequences of padded (T, N, ...), or (N, T, ...) with batch_first, as views;
 * sequences[] has room for N. lengths: (N), I64 or I32. All NULL after an error: TP_ERR_NULL; TP_ERR_SHAPE; TP_ERR_DTYPE;
 * TP_ERR_INDEX for a length that is not in [0, T]. Source: torch.nn.utils.rnn.unpad_sequence. */
TP_API tp_status tp_unpad_sequence(tp_tensor *padded, tp_tensor *lengths, bool batch_first,
                                   tp_tensor **sequences);

TP_END_DECLS

#endif
