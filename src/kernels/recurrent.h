/* Recurrent cells, after the products: one pass over the gates of some samples. */
#ifndef TP__KERNELS_RECURRENT_H
#define TP__KERNELS_RECURRENT_H

#include <stdint.h>

/* One step of `rows` samples of an LSTM; arrays are packed, gates and dgates (rows, 4 size), the others (rows, size). */
typedef struct tp__lstm_rows {
    int64_t rows, size;
    const void *bias; /* (4 size), or NULL: added to the gates */
    void *gates;      /* forward: the sums in, i, f, g and o out; backward: those */
    const void *c_before;
    void *c, *h;            /* forward: written, c may be c_before; backward: c alone is read */
    const void *dy;         /* backward: of this step's output */
    void *dh, *dc, *dgates; /* backward: of h and c from the later steps; dc then of c_before; of the sums */
} tp__lstm_rows;

typedef struct tp__recurrent_kernels {
    void (*lstm[2])(const tp__lstm_rows *job);
    void (*lstm_grad[2])(const tp__lstm_rows *job);
} tp__recurrent_kernels;

extern const tp__recurrent_kernels tp__recurrent_kernels_base, tp__recurrent_kernels_v3,
    tp__recurrent_kernels_v4;

#endif
