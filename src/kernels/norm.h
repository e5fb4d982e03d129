/* Kernels of normalisation and dropout. */
#ifndef TP__KERNELS_NORM_H
#define TP__KERNELS_NORM_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/kernels.h"

/* Everything of the one real type, and packed. */
typedef struct tp__batch_norm_job {
    int64_t images, channels, size; /* of x: (images, channels, size) */
    const void *x;
    const void *weight, *bias; /* (channels), or NULL */
    double eps;
    bool training;    /* mean and var are the batch's: written by forward, constants else */
    void *mean, *var; /* (channels) */
    void *y;
    const void *g;         /* backward: the gradient of y */
    void *dx;              /* NULL where not wanted */
    void *dweight, *dbias; /* (channels), never NULL */
} tp__batch_norm_job;

/* Channels side by side in a line (size 1) are taken this many at a time; borders are multiples of it. */
#define TP__NORM_COLS 64

/* For the channels [begin, end). */
typedef void tp__batch_norm_fn(const tp__batch_norm_job *job, int64_t begin, int64_t end);

/* Normalisation of the rows of x: (rows, n), n > 0. Element i of row r has weight (r % period) (n / span) + i / span: each its own (span 1,
 * period 1), or one a channel of a group. Everything of one real type, and packed. */
typedef struct tp__norm_rows_job {
    int64_t rows, n, period, span;
    bool centred; /* else the mean is taken for 0 */
    double eps;
    const void *x;
    const void *weight, *bias; /* (period n / span), or NULL */
    void *mean, *rstd;         /* (rows): written by forward */
    void *y;
    const void *g; /* backward: the gradient of y */
    void *dx;      /* NULL where not wanted */
} tp__norm_rows_job;

struct tp__norm_kernels {
    /* [0] F32, [1] F64 */
    /* For the rows [begin, end). The gradient needs scratch of n elements; dweight and dbias (NULL, both) are added to. */
    void (*norm_rows[2])(const tp__norm_rows_job *job, int64_t begin, int64_t end);
    void (*norm_rows_grad[2])(const tp__norm_rows_job *job, int64_t begin, int64_t end, void *scratch,
                              void *dweight, void *dbias);
    tp__batch_norm_fn *batch_norm[2], *batch_norm_grad[2];
    /* y = x * mask * scale, with mask bytes of 0 and 1 */
    void (*masked_scale[2])(int64_t n, const void *x, const uint8_t *mask, double scale, void *y);
};

extern const tp__norm_kernels tp__norm_kernels_base, tp__norm_kernels_v3, tp__norm_kernels_v4;

#endif
