/* Kernels of the losses that compare elements. */
#ifndef TP__KERNELS_LOSS_H
#define TP__KERNELS_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/kernels.h"

/* name, as in tp_<name>() */
#define TP__LOSS_KINDS(X)                                                                                    \
    X(mse_loss)                                                                                              \
    X(l1_loss)                                                                                               \
    X(smooth_l1_loss)                                                                                        \
    X(huber_loss)                                                                                            \
    X(bce)                                                                                                   \
    X(bce_with_logits)

typedef enum tp__loss_kind {
#define TP__LOSS_ENUM(name) TP__LOSS_##name,
    TP__LOSS_KINDS(TP__LOSS_ENUM)
#undef TP__LOSS_ENUM
        TP__LOSS_COUNT
} tp__loss_kind;

/* Elements that the kernels take at a time: threads share out multiples of it. */
#define TP__LOSS_BLOCK 512

/* The least x (1 - x) in the slope of bce: 1e-12 as a float, in F64 too, as in PyTorch. */
#define TP__LOSS_BCE_LEAST 9.999999960041972e-13

/* Everything of the one real type, packed and of one shape. */
typedef struct tp__loss_job {
    tp__loss_kind kind;
    bool slope; /* d loss / dx in place of the loss */
    const void *x, *target;
    const void *weight;     /* or NULL: multiplies the losses */
    const void *pos_weight; /* or NULL: bce_with_logits only */
    const void *g;          /* or NULL: multiplies too */
    double p;               /* beta or delta */
    double scale;           /* multiplies what `each` gives */
    void *y;                /* what `each` writes */
} tp__loss_job;

struct tp__loss_kernels {
    /* [0] F32, [1] F64; both for the elements [begin, begin + count) */
    void (*each[2])(const tp__loss_job *job, int64_t begin, int64_t count);
    void (*sum[2])(const tp__loss_job *job, int64_t begin, int64_t count, void *out); /* not scaled */
};

extern const tp__loss_kernels tp__loss_kernels_base, tp__loss_kernels_v3, tp__loss_kernels_v4;

#endif
