/* Convolution. */
#ifndef TAPER_CONV_H
#define TAPER_CONV_H

#include "taper/base.h"

TP_BEGIN_DECLS

typedef struct tp_conv2d_options {
    int64_t groups;      /* 0 is 1 */
    int64_t stride[2];   /* (h, w); {0} is 1; {2} alone is 2 for both */
    int64_t padding[2];  /* zeros on each side; {1} alone is 1 for h and 0 for w: write {1, 1} */
    int64_t dilation[2]; /* {0} is 1; {2} alone is 2 for both */
} tp_conv2d_options;

/* 2-d convolution (cross-correlation).
 *     y[n][o][i][j] = bias[o] + sum_{c, u, v} weight[o][c][u][v] x[n][c][i s + u d - p][j s + v d - p]
 * x: (N, C, H, W) or (C, H, W), weight: (O, C / groups, KH, KW), bias: (O) or NULL
 * -> (N, O, (H + 2 p - d (KH - 1) - 1) / s + 1, ...). F32 or F64.
 * Errors: TP_ERR_SHAPE, TP_ERR_ARGUMENT for negative options, TP_ERR_DTYPE. */
TP_API tp_tensor *tp_conv2d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias, tp_conv2d_options options);

TP_END_DECLS

#endif
