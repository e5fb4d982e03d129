/* Ops on images: rearrangement, resampling, patches. Differentiable any number of times, but for tp_grid_sample(). Results belong to the
 * current scope. */
#ifndef TAPER_VISION_H
#define TAPER_VISION_H

#include "taper/base.h"
#include "taper/shape.h"

TP_BEGIN_DECLS

/* (..., C r^2, H, W) -> (..., C, H r, W r) and back: y[c][h r + i][w r + j] = x[c r^2 + i r + j][h][w], r being `factor`. Any dtype. Errors:
 * TP_ERR_SHAPE for fewer than three dims or sizes that do not divide, TP_ERR_ARGUMENT for a factor below 1. */
TP_API tp_tensor *tp_pixel_shuffle(tp_tensor *x, int64_t factor);
TP_API tp_tensor *tp_pixel_unshuffle(tp_tensor *x, int64_t factor);

/* x: (N, C, ...), its channels dealt out anew: channel i of group g becomes channel i groups + g. Any dtype. Errors: as above. */
TP_API tp_tensor *tp_channel_shuffle(tp_tensor *x, int64_t groups);

typedef enum tp_interpolate_mode {
    TP_INTERPOLATE_NEAREST,       /* x[floor(i in / out)] */
    TP_INTERPOLATE_NEAREST_EXACT, /* x[floor((i + 0.5) in / out)] */
    TP_INTERPOLATE_LINEAR,        /* PyTorch's linear, bilinear or trilinear, by the number of dims */
    TP_INTERPOLATE_CUBIC,         /* bicubic, A = -0.75; in one and three dims too */
    TP_INTERPOLATE_AREA           /* means, as tp_adaptive_avg_pool2d() takes them */
} tp_interpolate_mode;

typedef struct tp_interpolate_options {
    tp_interpolate_mode mode;
    bool align_corners; /* linear and cubic: the corners' centres stay, not their outer edges */
    tp_shape size;      /* of the result's spatial dims: TP_SHAPE(64, 64); or else */
    double scale[3];    /* the factor for each, {2} for all; the size is rounded down */
} tp_interpolate_options;

/* x: (N, C, L), (N, C, H, W) or (N, C, D, H, W) with other spatial sizes, each dim resampled for itself. F32 or F64; the nearest modes any
 * dtype. Errors: TP_ERR_ARGUMENT unless either size or scale is given, or for one that leaves nothing, or align_corners with another
 * mode; TP_ERR_SHAPE, TP_ERR_DTYPE. Source: F.interpolate. */
TP_API tp_tensor *tp_interpolate(tp_tensor *x, tp_interpolate_options options);

typedef enum tp_grid_padding { TP_GRID_ZEROS, TP_GRID_BORDER, TP_GRID_REFLECTION } tp_grid_padding;

typedef struct tp_grid_sample_options {
    bool nearest;            /* the nearest element, half to even, without gradient to grid; else bilinear */
    tp_grid_padding padding; /* what lies outside: zeros, the border's value, or x reflected */
    bool align_corners;      /* -1 and 1 are the centres of the corner elements, not their outer edges */
} tp_grid_sample_options;

/* y[n][c][i][j] is x[n][c] at the place (h, w) that grid[n][i][j] = (w, h) names in [-1, 1]; NaN counts as -1.
 * x: (N, C, H, W), grid: (N, OH, OW, 2) -> (N, C, OH, OW); or x: (N, C, D, H, W), grid: (N, OD, OH, OW, 3) of (w, h, d). F32 or F64, both
 * alike. Differentiable once, in x and grid. Errors: TP_ERR_SHAPE also for an x without elements in its planes, TP_ERR_DTYPE,
 * TP_ERR_ARGUMENT. Source: F.grid_sample. */
TP_API tp_tensor *tp_grid_sample(tp_tensor *x, tp_tensor *grid, tp_grid_sample_options options);

/* The grid of an affine map: grid[n][i][j] = theta[n] (w, h, 1), for w and h that run from -1 to 1 as align_corners says.
 * theta: (N, 2, 3), size: (N, C, H, W) -> (N, H, W, 2); theta: (N, 3, 4), size: (N, C, D, H, W) -> (N, D, H, W, 3). F32 or F64.
 * Errors: TP_ERR_SHAPE, TP_ERR_DTYPE. Source: F.affine_grid. */
TP_API tp_tensor *tp_affine_grid(tp_tensor *theta, tp_shape size, bool align_corners);

typedef struct tp_im2col_options {
    int64_t stride[2], padding[2], dilation[2]; /* as in tp_conv2d_options */
} tp_im2col_options;

/* The patches a convolution sees as columns: x: (N, C, H, W) or (C, H, W) -> (N, C KH KW, L), L = OH OW; and the sum of such columns where
 * they overlap, which is its transpose: x: (N, C KH KW, L) or (C KH KW, L) -> (N, C, out_h, out_w). A kernel_w of 0 repeats kernel_h.
 * Any dtype. Errors: TP_ERR_SHAPE for sizes that do not fit, TP_ERR_ARGUMENT for options out of range. Source: F.unfold, F.fold. */
TP_API tp_tensor *tp_im2col(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_im2col_options options);
TP_API tp_tensor *tp_col2im(tp_tensor *x, int64_t out_h, int64_t out_w, int64_t kernel_h, int64_t kernel_w,
                            tp_im2col_options options);

TP_END_DECLS

#endif
