/* What the files about recurrent layers share. */
#ifndef TP__OPS_SEQUENCE_H
#define TP__OPS_SEQUENCE_H

#include "core/tensor.h"

/* The steps of one layer and direction of an LSTM as one node. in (T, N, 4 H): what the inputs have to say, h and c (N, H), w (4 H, H),
 * b (4 H) or NULL, of one dtype; all has been checked. -> the states (T, N, H), and the last c in *c. NULL with a record. */
tp_tensor *tp__lstm_steps(tp_tensor *in, tp_tensor *h, tp_tensor **c, tp_tensor *w, tp_tensor *b, bool back);

#endif
