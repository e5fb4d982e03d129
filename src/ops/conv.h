/* What the files about convolution share. */
#ifndef TP__OPS_CONV_H
#define TP__OPS_CONV_H

#include "taper/conv.h"

/* The transpose of conv2d() without a bias, as a differentiable op: x (N, in, H, W), w (in, out / groups, kh, kw) -> (N, out, out_h, out_w).
 * All has been checked. */
tp_tensor *tp__conv2d_transposed(tp_tensor *x, tp_tensor *w, tp_conv2d_options options, int64_t out_h,
                                 int64_t out_w);

/* conv2d() with .same. */
tp_tensor *tp__conv2d_same(tp_tensor *x, tp_tensor *weight, tp_tensor *bias, tp_conv2d_options options);

#endif
