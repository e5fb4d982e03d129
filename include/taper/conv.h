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
    /* so much padding that the result has the size of x; stride 1 only. Where it is uneven there is more behind */
    bool same;
} tp_conv2d_options;

/* 2-d convolution (cross-correlation).
 *     y[n][o][i][j] = bias[o] + sum_{c, u, v} weight[o][c][u][v] x[n][c][i s + u d - p][j s + v d - p]
 * x: (N, C, H, W) or (C, H, W), weight: (O, C / groups, KH, KW), bias: (O) or NULL
 * -> (N, O, (H + 2 p - d (KH - 1) - 1) / s + 1, ...). F32 or F64.
 * Errors: TP_ERR_SHAPE, TP_ERR_ARGUMENT for options that are negative or not below 2^31 - 1, TP_ERR_DTYPE. */
TP_API tp_tensor *tp_conv2d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias, tp_conv2d_options options);

/* The same with one and three spatial dims: x (N, C, L) or (C, L), weight (O, C / groups, K); x (N, C, D, H, W) or (C, D, H, W), weight
 * (O, C / groups, KD, KH, KW). Errors: as tp_conv2d(). */
typedef struct tp_conv1d_options {
    int64_t groups, stride, padding, dilation; /* 0 is 1, and no padding */
    bool same;                                 /* as for two dims */
} tp_conv1d_options;

typedef struct tp_conv3d_options {
    int64_t groups;
    int64_t stride[3], padding[3],
        dilation[3]; /* (d, h, w); stride and dilation: {0} is 1, a 0 repeats the one before */
    bool same;       /* as for two dims */
} tp_conv3d_options;

TP_API tp_tensor *tp_conv1d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias, tp_conv1d_options options);
TP_API tp_tensor *tp_conv3d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias, tp_conv3d_options options);

/* Transposed convolution: what the gradient of tp_conv2d() is to its input, with a bias. Each input element spreads the kernel over
 * the result.
 * x: (N, C, H, W) or (C, H, W), weight: (C, O / groups, KH, KW), bias: (O) or NULL
 * -> (N, O, (H - 1) s - 2 p + d (KH - 1) + output_padding + 1, ...); likewise with one and three spatial dims.
 * output_padding adds to the far side, and must be less than stride or dilation. Errors: as tp_conv2d(). */
typedef struct tp_conv_transpose1d_options {
    int64_t groups, stride, padding, output_padding, dilation;
} tp_conv_transpose1d_options;

typedef struct tp_conv_transpose2d_options {
    int64_t groups;
    int64_t stride[2], padding[2], output_padding[2], dilation[2]; /* as tp_conv2d_options has them */
} tp_conv_transpose2d_options;

typedef struct tp_conv_transpose3d_options {
    int64_t groups;
    int64_t stride[3], padding[3], output_padding[3], dilation[3]; /* as tp_conv3d_options has them */
} tp_conv_transpose3d_options;

TP_API tp_tensor *tp_conv_transpose1d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias,
                                      tp_conv_transpose1d_options options);
TP_API tp_tensor *tp_conv_transpose2d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias,
                                      tp_conv_transpose2d_options options);
TP_API tp_tensor *tp_conv_transpose3d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias,
                                      tp_conv_transpose3d_options options);

TP_END_DECLS

#endif
