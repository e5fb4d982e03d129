/* Recurrent networks, a step at a time. */
#ifndef TAPER_RECURRENT_H
#define TAPER_RECURRENT_H

#include "taper/base.h"

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

TP_END_DECLS

#endif
