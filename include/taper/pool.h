/* Pooling over windows of one, two or three spatial dims. x: (N, C, L), (N, C, H, W) or (N, C, D, H, W), or without N; F32 or F64, with
 * sizes above 0 but for N. Differentiable any number of times. Sizes are in the order (d, h, w); in kernel, stride and dilation a
 * later size of zero repeats the one before. Results belong to the current scope.
 *
 * Errors: TP_ERR_SHAPE for another rank or a window that does not fit, TP_ERR_ARGUMENT for options out of range, TP_ERR_DTYPE. */
#ifndef TAPER_POOL_H
#define TAPER_POOL_H

#include "taper/base.h"
#include "taper/reduce.h"
#include "taper/shape.h"

TP_BEGIN_DECLS

typedef struct tp_pool1d_options {
    bool ceil_mode; /* as in tp_pool2d_options */
    int64_t stride;
    int64_t padding;
    int64_t dilation;
    bool count_exclude_pad;
} tp_pool1d_options;

typedef struct tp_pool2d_options {
    bool ceil_mode;         /* round the output size up */
    int64_t stride[2];      /* {0} is the kernel's size */
    int64_t padding[2];     /* at most half the kernel; -Inf for max, zeros for avg */
    int64_t dilation[2];    /* max only; {0} is 1 */
    bool count_exclude_pad; /* avg only: padding does not count in the divisor */
    int64_t divisor;        /* avg only: divide by this instead of the window's size; 0 for none */
} tp_pool2d_options;

typedef struct tp_pool3d_options {
    bool ceil_mode; /* as in tp_pool2d_options */
    int64_t stride[3];
    int64_t padding[3];
    int64_t dilation[3];
    bool count_exclude_pad;
    int64_t divisor;
} tp_pool3d_options;

/* The largest of each window: (N, C, H, W) -> (N, C, OH, OW), OH = floor((H + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. The
 * gradient goes to the first largest element of a window; NaN wins. The forms in _indices give its flat index in the
 * (D x) H x W elements of its channel too, I64. */
TP_API tp_tensor *tp_max_pool1d(tp_tensor *x, int64_t kernel, tp_pool1d_options options);
TP_API tp_tensor *tp_max_pool2d(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options);
TP_API tp_tensor *tp_max_pool3d(tp_tensor *x, int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                                tp_pool3d_options options);
TP_API tp_values tp_max_pool1d_indices(tp_tensor *x, int64_t kernel, tp_pool1d_options options);
TP_API tp_values tp_max_pool2d_indices(tp_tensor *x, int64_t kernel_h, int64_t kernel_w,
                                       tp_pool2d_options options);
TP_API tp_values tp_max_pool3d_indices(tp_tensor *x, int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                                       tp_pool3d_options options);

typedef struct tp_max_unpool_options {
    int64_t stride[3], padding[3]; /* of the pooling, as it had them */
    /* of the result's spatial dims, where the pooling left a rest; () follows from the others */
    tp_shape size;
} tp_max_unpool_options;

/* Puts each element of x where the index of the same place says, among zeros: what tp_max_pool2d_indices() took away comes back. The
 * size is (H - 1) stride - 2 padding + kernel, or a given one that is less than a stride away from it. x and indices: of one
 * shape. Where an index appears twice the last one stays, and has the gradient. Errors: also TP_ERR_INDEX, with nothing made. Source: F.max_unpool2d. */
TP_API tp_tensor *tp_max_unpool1d(tp_tensor *x, tp_tensor *indices, int64_t kernel,
                                  tp_max_unpool_options options);
TP_API tp_tensor *tp_max_unpool2d(tp_tensor *x, tp_tensor *indices, int64_t kernel_h, int64_t kernel_w,
                                  tp_max_unpool_options options);
TP_API tp_tensor *tp_max_unpool3d(tp_tensor *x, tp_tensor *indices, int64_t kernel_d, int64_t kernel_h,
                                  int64_t kernel_w, tp_max_unpool_options options);

/* The mean of each window. */
TP_API tp_tensor *tp_avg_pool1d(tp_tensor *x, int64_t kernel, tp_pool1d_options options);
TP_API tp_tensor *tp_avg_pool2d(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options);
TP_API tp_tensor *tp_avg_pool3d(tp_tensor *x, int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                                tp_pool3d_options options);

/* (the mean of x^p times the number of elements of a kernel)^(1/p) of each window; the gradient of a window of zeros is 0. No padding and
 * no dilation. Source: F.lp_pool2d. */
TP_API tp_tensor *tp_lp_pool1d(tp_tensor *x, double p, int64_t kernel, tp_pool1d_options options);
TP_API tp_tensor *tp_lp_pool2d(tp_tensor *x, double p, int64_t kernel_h, int64_t kernel_w,
                               tp_pool2d_options options);
TP_API tp_tensor *tp_lp_pool3d(tp_tensor *x, double p, int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                               tp_pool3d_options options);

/* Output cell i is the mean, or the largest, of x from floor(i H / out_h) to ceil((i + 1) H / out_h) - 1; out sizes of -1 keep x's. */
TP_API tp_tensor *tp_adaptive_avg_pool1d(tp_tensor *x, int64_t out);
TP_API tp_tensor *tp_adaptive_avg_pool2d(tp_tensor *x, int64_t out_h, int64_t out_w);
TP_API tp_tensor *tp_adaptive_avg_pool3d(tp_tensor *x, int64_t out_d, int64_t out_h, int64_t out_w);
TP_API tp_tensor *tp_adaptive_max_pool1d(tp_tensor *x, int64_t out);
TP_API tp_tensor *tp_adaptive_max_pool2d(tp_tensor *x, int64_t out_h, int64_t out_w);
TP_API tp_tensor *tp_adaptive_max_pool3d(tp_tensor *x, int64_t out_d, int64_t out_h, int64_t out_w);
TP_API tp_values tp_adaptive_max_pool1d_indices(tp_tensor *x, int64_t out);
TP_API tp_values tp_adaptive_max_pool2d_indices(tp_tensor *x, int64_t out_h, int64_t out_w);
TP_API tp_values tp_adaptive_max_pool3d_indices(tp_tensor *x, int64_t out_d, int64_t out_h, int64_t out_w);

TP_END_DECLS

#endif
