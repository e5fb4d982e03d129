/* Convolution as matrix products, one image and group at a time, so that its columns stay in the core's cache; a template,
 * after real.h. */

#undef DIRECT_NR
#define DIRECT_NR (2 * TP__LANES)
#if TP__ISA == 4
#define DIRECT_MR 14
#else
#define DIRECT_MR 6
#endif

/* A short copy: in 16-byte pieces, of which the last overlaps the one before. */
static inline void FN(conv_copy)(const T *from, int64_t n, T *to) {
    const int64_t piece = 16 / (int64_t)sizeof(T);
    if (n < piece) {
        for (int64_t j = 0; j < n; j++) to[j] = from[j];
        return;
    }
    for (int64_t j = 0; j < n; j += piece) {
        if (j > n - piece) j = n - piece;
        memcpy(to + j, from + j, 16);
    }
}

#include "kernels/conv_direct_template.h"
#include "kernels/conv_planes_template.h"

/* The columns of one image and group: col (c / groups * kh * kw, oh * ow), zero where the window hangs over. */
static void FN(conv_columns)(const tp__conv2d *g, const T *x, T *col) {
    int64_t channels = g->c / g->groups;
    for (int64_t c = 0; c < channels; c++, x += g->h * g->w) {
        for (int64_t u = 0; u < g->kh; u++) {
            for (int64_t v = 0; v < g->kw; v++) {
                int64_t first = v * g->dil_w - g->pad_w; /* column of x under output column 0 */
                for (int64_t i = 0; i < g->oh; i++, col += g->ow) {
                    int64_t row = i * g->stride_h + u * g->dil_h - g->pad_h;
                    if (row < 0 || row >= g->h) {
                        memset(col, 0, (size_t)g->ow * sizeof(T));
                        continue;
                    }
                    const T *from = x + row * g->w;
                    /* output columns [lo, hi) lie inside the image */
                    int64_t lo = first >= 0 ? 0 : (-first + g->stride_w - 1) / g->stride_w;
                    int64_t hi = first >= g->w ? 0 : (g->w - 1 - first) / g->stride_w + 1;
                    if (lo > g->ow) lo = g->ow;
                    if (hi > g->ow) hi = g->ow;
                    if (hi < lo) hi = lo;
                    for (int64_t j = 0; j < lo; j++) col[j] = 0;
                    if (g->stride_w == 1) FN(conv_copy)(from + first + lo, hi - lo, col + lo);
                    else
                        for (int64_t j = lo; j < hi; j++) col[j] = from[first + j * g->stride_w];
                    for (int64_t j = hi; j < g->ow; j++) col[j] = 0;
                }
            }
        }
    }
}

/* The transpose: adds the columns to where they came from. */
static void FN(conv_columns_add)(const tp__conv2d *g, const T *col, T *x) {
    int64_t channels = g->c / g->groups;
    for (int64_t c = 0; c < channels; c++, x += g->h * g->w) {
        for (int64_t u = 0; u < g->kh; u++) {
            for (int64_t v = 0; v < g->kw; v++) {
                int64_t first = v * g->dil_w - g->pad_w;
                for (int64_t i = 0; i < g->oh; i++, col += g->ow) {
                    int64_t row = i * g->stride_h + u * g->dil_h - g->pad_h;
                    if (row < 0 || row >= g->h) continue;
                    T *to = x + row * g->w;
                    int64_t lo = first >= 0 ? 0 : (-first + g->stride_w - 1) / g->stride_w;
                    int64_t hi = first >= g->w ? 0 : (g->w - 1 - first) / g->stride_w + 1;
                    if (hi > g->ow) hi = g->ow;
                    if (g->stride_w == 1)
                        for (int64_t j = lo; j < hi; j++) to[first + j] += col[j];
                    else
                        for (int64_t j = lo; j < hi; j++) to[first + j * g->stride_w] += col[j];
                }
            }
        }
    }
}

/* Is an image its own matrix of columns? */
static bool FN(conv_is_pointwise)(const tp__conv2d *g) {
    return g->kh == 1 && g->kw == 1 && g->stride_h == 1 && g->stride_w == 1 && g->pad_h == 0 && g->pad_w == 0;
}

/* Sizes of the products of one group. */
typedef struct FN(conv_sizes) {
    int64_t channels, outputs, depth, pixels, image;
} FN(conv_sizes);

static FN(conv_sizes) FN(conv_measure)(const tp__conv2d *g) {
    int64_t channels = g->c / g->groups;
    return (FN(conv_sizes)){channels, g->o / g->groups, channels * g->kh * g->kw, g->oh * g->ow, g->h * g->w};
}

/* Room for the columns, the weight's gradient by columns, and what the products need. */
static size_t FN(conv_scratch)(const tp__conv2d *g) {
    FN(conv_sizes) s = FN(conv_measure)(g);
    size_t products[3] = {CONV_GEMM.scratch[!TP__REAL_IS_32](s.outputs, s.pixels, s.depth),
                          CONV_GEMM.scratch[!TP__REAL_IS_32](s.depth, s.pixels, s.outputs),
                          CONV_GEMM.scratch[!TP__REAL_IS_32](s.depth, s.outputs, s.pixels)};
    size_t most = products[0] > products[1] ? products[0] : products[1];
    if (products[2] > most) most = products[2];
    size_t columns = ((size_t)(s.depth * s.pixels) * sizeof(T) + 63) / 64 * 64;
    size_t by_columns = ((size_t)(s.depth * g->o) * sizeof(T) + 63) / 64 * 64;
    size_t direct = FN(direct_measure)(g).end, needed = columns + by_columns + most;
    tp__conv2d back;
    if (FN(direct_input_grad_geometry)(g, &back)) {
        size_t of_back = FN(direct_measure)(&back).end;
        if (of_back > direct) direct = of_back;
    }
    if (FN(planes_pay)(g) && FN(planes_measure)(g).end > direct) direct = FN(planes_measure)(g).end;
    return needed > direct ? needed : direct;
}

static void FN(conv_forward)(const tp__conv2d *g, const void *x, const void *weight, const void *bias,
                             void *y, int64_t n0, int64_t n1, void *scratch) {
    if (FN(planes_pay)(g)) {
        T *first = (T *)y + n0 * g->o * g->oh * g->ow;
        FN(planes_forward)(g, x, weight, bias, first, n0, n1, scratch);
        return;
    }
    FN(conv_sizes) s = FN(conv_measure)(g);
    bool pointwise = FN(conv_is_pointwise)(g);
    if (!pointwise && FN(direct_forward_pays)(g)) {
        FN(direct_plan) p = FN(direct_measure)(g);
        FN(direct_pack_weight)(g, &p, weight, false, scratch);
        FN(direct_forward)(g, &p, x, bias, y, n0, n1, scratch);
        return;
    }
    T *col = scratch;
    void *rest = (char *)scratch + ((size_t)(s.depth * s.pixels) * sizeof(T) + 63) / 64 * 64;
    for (int64_t i = n0 * g->groups; i < n1 * g->groups; i++) {
        int64_t group = i % g->groups;
        const T *image = (const T *)x + i * s.channels * s.image;
        if (!pointwise) FN(conv_columns)(g, image, col);
        CONV_GEMM.run[!TP__REAL_IS_32](
            &(tp__gemm_args){.m = s.outputs,
                             .n = s.pixels,
                             .k = s.depth,
                             .a = (const T *)weight + group * s.outputs * s.depth,
                             .a_rs = s.depth,
                             .a_cs = 1,
                             .b = pointwise ? image : col,
                             .b_rs = s.pixels,
                             .b_cs = 1,
                             .c = (T *)y + i * s.outputs * s.pixels,
                             .c_rs = s.pixels,
                             .c_cs = 1,
                             .row_bias = bias ? (const T *)bias + group * s.outputs : NULL,
                             .scratch = rest});
    }
}

static void FN(conv_input_grad)(const tp__conv2d *g, const void *dy, const void *weight, void *dx, int64_t n0,
                                int64_t n1, void *scratch) {
    if (FN(planes_pay)(g)) {
        T *first = (T *)dx + n0 * g->c * g->h * g->w;
        FN(planes_input_grad)(g, dy, weight, first, n0, n1, scratch);
        return;
    }
    FN(conv_sizes) s = FN(conv_measure)(g);
    bool pointwise = FN(conv_is_pointwise)(g);
    tp__conv2d back;
    if (!pointwise && FN(direct_input_grad_geometry)(g, &back)) {
        FN(direct_plan) p = FN(direct_measure)(&back);
        FN(direct_pack_weight)(&back, &p, weight, true, scratch);
        FN(direct_forward)(&back, &p, dy, NULL, dx, n0, n1, scratch);
        return;
    }
    T *col = scratch;
    void *rest = (char *)scratch + ((size_t)(s.depth * s.pixels) * sizeof(T) + 63) / 64 * 64;
    for (int64_t i = n0 * g->groups; i < n1 * g->groups; i++) {
        T *image = (T *)dx + i * s.channels * s.image;
        CONV_GEMM.run[!TP__REAL_IS_32](
            &(tp__gemm_args){.m = s.depth,
                             .n = s.pixels,
                             .k = s.outputs,
                             .a = (const T *)weight + i % g->groups * s.outputs * s.depth,
                             .a_rs = 1,
                             .a_cs = s.depth,
                             .b = (const T *)dy + i * s.outputs * s.pixels,
                             .b_rs = s.pixels,
                             .b_cs = 1,
                             .c = pointwise ? image : col,
                             .c_rs = s.pixels,
                             .c_cs = 1,
                             .scratch = rest});
        if (pointwise) continue;
        memset(image, 0, (size_t)(s.channels * s.image) * sizeof(T));
        FN(conv_columns_add)(g, col, image);
    }
}

static void FN(conv_weight_grad)(const tp__conv2d *g, const void *dy, const void *x, void *dw, int64_t n0,
                                 int64_t n1, void *scratch) {
    if (FN(planes_pay)(g)) {
        FN(planes_weight_grad)(g, dy, x, dw, n0, n1, scratch);
        return;
    }
    FN(conv_sizes) s = FN(conv_measure)(g);
    bool pointwise = FN(conv_is_pointwise)(g);
    if (!pointwise && FN(direct_weight_grad_pays)(g)) {
        FN(direct_weight_grad)(g, dy, x, dw, n0, n1, scratch);
        return;
    }
    T *col = scratch, *by_columns = (T *)(void *)((char *)scratch +
                                                  ((size_t)(s.depth * s.pixels) * sizeof(T) + 63) / 64 * 64);
    void *rest = (char *)by_columns + ((size_t)(s.depth * g->o) * sizeof(T) + 63) / 64 * 64;
    memset(by_columns, 0, (size_t)(s.depth * g->o) * sizeof(T));
    for (int64_t i = n0 * g->groups; i < n1 * g->groups; i++) {
        int64_t group = i % g->groups;
        const T *image = (const T *)x + i * s.channels * s.image;
        if (!pointwise) FN(conv_columns)(g, image, col);
        /* (depth, outputs): the columns are read where they are, and the smaller dy is what gets copied. */
        CONV_GEMM.run[!TP__REAL_IS_32](&(tp__gemm_args){.m = s.depth,
                                                        .n = s.outputs,
                                                        .k = s.pixels,
                                                        .a = pointwise ? image : col,
                                                        .a_rs = s.pixels,
                                                        .a_cs = 1,
                                                        .b = (const T *)dy + i * s.outputs * s.pixels,
                                                        .b_rs = 1,
                                                        .b_cs = s.pixels,
                                                        .c = by_columns + group * s.depth * s.outputs,
                                                        .c_rs = s.outputs,
                                                        .c_cs = 1,
                                                        .accumulate = true,
                                                        .scratch = rest});
    }
    for (int64_t group = 0; group < g->groups; group++)
        for (int64_t o = 0; o < s.outputs; o++)
            for (int64_t d = 0; d < s.depth; d++)
                ((T *)dw)[(group * s.outputs + o) * s.depth + d] =
                    by_columns[(group * s.depth + d) * s.outputs + o];
}
