/* Kernels of softmax and what is built on it. All operands are packed unless a step is given. */
#ifndef TP__KERNELS_SOFTMAX_H
#define TP__KERNELS_SOFTMAX_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/kernels.h"

/* Columns taken at a time. */
#define TP__SOFTMAX_COLS 64
/* Elements, and rows at most, taken at a time: see tp__softmax_rows(). */
#define TP__SOFTMAX_BLOCK 1024
#define TP__SOFTMAX_ROWS 128

/* How many rows of n > 0 elements the kernels take at a time. Threads share out whole blocks of that many, so
 * that which elements stand together in a vector depends on the shape alone. */
static inline int64_t tp__softmax_rows(int64_t n) {
    int64_t rows = TP__SOFTMAX_BLOCK / n;
    return rows < 1 ? 1 : rows > TP__SOFTMAX_ROWS ? TP__SOFTMAX_ROWS : rows;
}

/* y = softmax, or log_softmax, of `rows` rows of n > 0 elements. */
typedef void tp__softmax_rows_fn(int64_t rows, int64_t n, const void *x, void *y);

/* The same down columns: element i of column c < width is at [i * step + c], in x and y alike. */
typedef void tp__softmax_cols_fn(int64_t n, int64_t width, int64_t step, const void *x, void *y);

/* dx from the result y and its gradient g; all packed, or all of one step. */
typedef void tp__softmax_rows_grad_fn(int64_t rows, int64_t n, const void *y, const void *g, void *dx);
typedef void tp__softmax_cols_grad_fn(int64_t n, int64_t width, int64_t step, const void *y, const void *g,
                                      void *dx);

/* Cross-entropy of `rows` rows of scores x, each of n > 0 classes. A row whose target is negative
 * counts for nothing. */
typedef struct tp__ce_rows {
    int64_t rows, n;
    const void *x;
    int64_t x_step;
    const int64_t *target;
    const void *weight; /* n class weights, or NULL for 1 */
    double smoothing;
    void *stats;   /* (rows, 2): the row's largest score m, and 1 / sum exp(x - m) */
    void *loss;    /* forward: (rows) */
    const void *g; /* backward: the losses' gradients, g_step apart, to be multiplied by `scale` */
    int64_t g_step;
    double scale;
    void *dx; /* backward: (rows, n) */
} tp__ce_rows;

struct tp__softmax_kernels {
    /* [0] F32, [1] F64 */
    tp__softmax_rows_fn *softmax_rows[2], *log_softmax_rows[2];
    tp__softmax_cols_fn *softmax_cols[2], *log_softmax_cols[2];
    tp__softmax_rows_grad_fn *softmax_rows_grad[2], *log_softmax_rows_grad[2];
    tp__softmax_cols_grad_fn *softmax_cols_grad[2], *log_softmax_cols_grad[2];
    void (*logsumexp_rows[2])(int64_t rows, int64_t n, const void *x, void *y);
    void (*cross_entropy[2])(const tp__ce_rows *job);      /* fills stats and loss */
    void (*cross_entropy_grad[2])(const tp__ce_rows *job); /* fills dx */
};

extern const tp__softmax_kernels tp__softmax_kernels_base, tp__softmax_kernels_v3, tp__softmax_kernels_v4;

#endif
