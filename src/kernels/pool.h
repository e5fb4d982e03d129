/* Pooling of planes, one range of them at a time. */
#ifndef TP__KERNELS_POOL_H
#define TP__KERNELS_POOL_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tp__pool2d {
    int64_t h, w, oh, ow;
    int64_t kh, kw, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w;
    bool count_exclude_pad; /* of avg */
    int64_t divisor;        /* of avg; 0: the window's size */
    bool adaptive;          /* windows follow from the sizes alone; dilation is 1 */
} tp__pool2d;

/* Planes [p0, p1) of x (planes, h, w) and y (planes, oh, ow). */
typedef struct tp__pool_kernels {
    /* index: of the largest element in the plane, flat */
    void (*max_forward[2])(const tp__pool2d *g, const void *x, void *y, int32_t *index, int64_t p0,
                           int64_t p1);
    void (*max_backward[2])(const tp__pool2d *g, const void *dy, const int32_t *index, void *dx, int64_t p0,
                            int64_t p1);
    void (*avg_forward[2])(const tp__pool2d *g, const void *x, void *y, int64_t p0, int64_t p1);
    void (*avg_backward[2])(const tp__pool2d *g, const void *dy, void *dx, int64_t p0, int64_t p1);
} tp__pool_kernels;

extern const tp__pool_kernels tp__pool_kernels_base, tp__pool_kernels_v3, tp__pool_kernels_v4;

#endif
