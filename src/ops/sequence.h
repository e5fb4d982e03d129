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

/* The steps of one layer and direction as one node, of one dtype, all checked: in (T, N, G H), w (G H, P), b (3 H) of a GRU or NULL, w_hr (P, H) or
 * NULL, when P is H, and lengths (N) or NULL, packed I64. *h (N, P) and, for an LSTM, *c (N, H) become the last states. -> the states
 * (T, N, P). All NULL with a record. */
typedef struct tp__sequence {
    tp__cell cell;
    bool back;
    tp_tensor *in, *w, *b, *w_hr, *lengths;
} tp__sequence;

tp_tensor *tp__sequence_steps(const tp__sequence *q, tp_tensor **h, tp_tensor **c);

/* The order in which the sequences must come when they have lengths (N), packed I64: a permutation (N), I64, in the current scope. */
tp_tensor *tp__sequence_order(tp_tensor *lengths);

#endif
