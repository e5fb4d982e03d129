/* What the files about recurrent layers share. */
#ifndef TP__OPS_SEQUENCE_H
#define TP__OPS_SEQUENCE_H

#include "core/tensor.h"
#include "kernels/recurrent.h"

/* The name of the op, and how many gates there are. */
const char *tp__cell_name(tp__cell cell);
int tp__cell_gates(tp__cell cell);

/* One step of a cell in public ops: in (N, G H) is what the input has to say, state h w^T + b what the state has; *h and *c (LSTM), (N, H),
 * become the next. NULL passes through. */
void tp__cell_step(tp__cell cell, tp_tensor *in, tp_tensor *state, tp_tensor **h, tp_tensor **c);

/* The steps of one layer and direction as one node. in (T, N, G H), h and, for an LSTM, *c (N, H), w (G H, H), b (G H) or NULL, of one dtype;
 * all has been checked. -> the states (T, N, H), and the last c in *c. NULL with a record. */
tp_tensor *tp__sequence_steps(tp__cell cell, tp_tensor *in, tp_tensor *h, tp_tensor **c, tp_tensor *w,
                              tp_tensor *b, bool back);

#endif
