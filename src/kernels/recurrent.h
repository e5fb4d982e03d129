/* Recurrent cells, after the products: one pass over the gates of some samples. */
#ifndef TP__KERNELS_RECURRENT_H
#define TP__KERNELS_RECURRENT_H

#include <stdint.h>

typedef enum tp__cell { TP__CELL_TANH, TP__CELL_RELU, TP__CELL_GRU, TP__CELL_LSTM, TP__CELL_COUNT } tp__cell;

/* One step of `rows` samples; arrays are packed, of `size` elements a row but for gates and their like. G is 1, 1, 3, 4.
 * Forward: `in` (rows, G size) holds the inputs' sums, biases included, and `state` the states', h w_hh^T; of a GRU `bias` is added to them.
 * Afterwards `gates` has what the way back wants: nothing; r, z, n and the state's part of n, (rows, 4 size); i, f, g, o.
 * Backward: `dh` holds what is wanted of h, and of a GRU then what goes past the product; `dgates` (rows, G size) is of the inputs' sums,
 * dstate of the state's where that differs (GRU). */
typedef struct tp__cell_rows {
    int64_t rows, size;
    const void *in;
    const void *bias; /* (3 size), or NULL */
    void *state;
    const void *h_before, *c_before;
    void *gates, *c, *h; /* of this step; c may be c_before in the forward */
    void *dh, *dc, *dgates, *dstate;
} tp__cell_rows;

typedef void tp__cell_fn(const tp__cell_rows *job);

typedef struct tp__recurrent_kernels {
    tp__cell_fn *forward[TP__CELL_COUNT][2], *backward[TP__CELL_COUNT][2];
    void (*add[2])(int64_t n, const void *x, void *sum); /* sum += x */
} tp__recurrent_kernels;

extern const tp__recurrent_kernels tp__recurrent_kernels_base, tp__recurrent_kernels_v3,
    tp__recurrent_kernels_v4;

#endif
