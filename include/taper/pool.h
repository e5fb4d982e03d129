/* Pooling. x: (N, C, H, W) or (C, H, W), F32 or F64. Sizes are (h, w) pairs; in kernel, stride and dilation a
 * second size of zero repeats the first. */
#ifndef TAPER_POOL_H
#define TAPER_POOL_H

#include "taper/base.h"
#include "taper/reduce.h"

TP_BEGIN_DECLS

typedef struct tp_pool2d_options {
    bool ceil_mode;         /* round the output size up */
    int64_t stride[2];      /* {0} is the kernel's size */
    int64_t padding[2];     /* at most half the kernel; -Inf for max, zeros for avg */
    int64_t dilation[2];    /* max only; {0} is 1 */
    bool count_exclude_pad; /* avg only: padding does not count in the divisor */
    int64_t divisor;        /* avg only: divide by this instead of the window's size; 0 for none */
} tp_pool2d_options;

/* -> (N, C, OH, OW), OH = floor((H + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. The gradient goes to the first
 * largest element of a window; NaN wins. The second form gives its flat index in the H x W plane too. */
TP_API tp_tensor *tp_max_pool2d(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options);
TP_API tp_values tp_max_pool2d_indices(tp_tensor *x, int64_t kernel_h, int64_t kernel_w,
                                       tp_pool2d_options options);

TP_API tp_tensor *tp_avg_pool2d(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options);

/* Output cell i averages x from floor(i H / out_h) to ceil((i + 1) H / out_h) - 1; out sizes of -1 keep H or W. */
TP_API tp_tensor *tp_adaptive_avg_pool2d(tp_tensor *x, int64_t out_h, int64_t out_w);

TP_END_DECLS

#endif
