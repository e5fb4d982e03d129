/* Convolution of images, one range of the batch at a time. */
#ifndef TP__KERNELS_CONV_H
#define TP__KERNELS_CONV_H

#include <stddef.h>
#include <stdint.h>

/* All tensors are packed: x (n, c, h, w), weight (o, c / groups, kh, kw), y (n, o, oh, ow). */
typedef struct tp__conv2d {
    int64_t n, c, h, w, o, kh, kw, oh, ow;
    int64_t stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups;
} tp__conv2d;

/* Images [n0, n1). `scratch` is 64-byte aligned, of the size that the function of that name gives. */
typedef struct tp__conv_kernels {
    /* y = conv(x, weight) + bias (NULL: none) */
    void (*forward[2])(const tp__conv2d *g, const void *x, const void *weight, const void *bias, void *y,
                       int64_t n0, int64_t n1, void *scratch);
    /* dx = the gradient of x */
    void (*input_grad[2])(const tp__conv2d *g, const void *dy, const void *weight, void *dx, int64_t n0,
                          int64_t n1, void *scratch);
    /* dw = the part of the weight's gradient that these images give, summed in their order */
    void (*weight_grad[2])(const tp__conv2d *g, const void *dy, const void *x, void *dw, int64_t n0,
                           int64_t n1, void *scratch);
    size_t (*scratch[2])(const tp__conv2d *g);
} tp__conv_kernels;

extern const tp__conv_kernels tp__conv_kernels_base, tp__conv_kernels_v3, tp__conv_kernels_v4;

#endif
