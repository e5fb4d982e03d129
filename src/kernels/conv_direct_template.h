/* Convolution straight from the image, without a matrix of columns; a template, after real.h.
 *
 * The register tile of matrix products takes its broadcast operand through a table of offsets. For y these are the taps of
 * the kernel, the tile's rows are pixels side by side and its columns outputs; for the weight's gradient they are the
 * pixels, the rows are channels and the columns outputs. The image is first copied with its left and right padding; kernel
 * rows that hang over above or below are left out of the sum, which is why taps are ordered (kh, c, kw). */

/* Of one group: sizes, and where in the scratch memory the operands lie. */
typedef struct FN(direct_plan) {
    int64_t channels, outputs, depth, pixels, panels;
    int64_t width, plane;               /* of the padded copy */
    size_t padded, table, packed, sums; /* offsets in bytes; the next free */
    size_t end;
} FN(direct_plan);

static FN(direct_plan) FN(direct_measure)(const tp__conv2d *g) {
    FN(direct_plan) p = {.channels = g->c / g->groups, .outputs = g->o / g->groups, .pixels = g->oh * g->ow};
    p.depth = p.channels * g->kh * g->kw;
    p.panels = (p.outputs + DIRECT_NR - 1) / DIRECT_NR;
    p.width = (g->ow - 1) * g->stride_w + (g->kw - 1) * g->dil_w + 1;
    /* An odd number of cache lines, so that the channels of one pixel do not all fall on the same few. */
    int64_t line = 64 / (int64_t)sizeof(T);
    p.plane = ((g->h * p.width + line - 1) / line | 1) * line;
    int64_t deepest = p.depth > p.pixels ? p.depth : p.pixels;
    p.table = p.padded + (size_t)(p.channels * p.plane) * sizeof(T);
    p.packed = p.table + ((size_t)deepest * sizeof(int32_t) + 63) / 64 * 64;
    p.sums = p.packed + (size_t)(deepest * p.panels * g->groups * DIRECT_NR) * sizeof(T);
    p.end = p.sums + (size_t)(p.depth * p.panels * g->groups * DIRECT_NR) * sizeof(T);
    return p;
}

/* Where this is the faster way: enough outputs to fill a panel, not so few taps that moving the results costs more than
 * computing them, and enough pixels to make up for packing the weight. */
static bool FN(direct_forward_pays)(const tp__conv2d *g) {
    FN(direct_plan) p = FN(direct_measure)(g);
    return 2 * p.outputs >= DIRECT_NR && p.depth >= 32 && g->ow >= 4 && g->n * p.pixels >= 128 &&
           p.channels * p.plane <= INT32_MAX;
}

static bool FN(direct_weight_grad_pays)(const tp__conv2d *g) {
    FN(direct_plan) p = FN(direct_measure)(g);
    return 2 * p.outputs >= DIRECT_NR && p.channels >= 6 && p.channels * p.plane <= INT32_MAX;
}

/* Copies an image (channels, h, w) with as much padding on its left and right as the windows see. */
static void FN(direct_pad)(const tp__conv2d *g, const FN(direct_plan) *p, const T *x, T *to) {
    int64_t left = g->pad_w < p->width ? g->pad_w : p->width;
    int64_t inside = p->width - left < g->w ? p->width - left : g->w, right = p->width - left - inside;
    for (int64_t c = 0; c < p->channels; c++) {
        T *line = to + c * p->plane;
        for (int64_t i = 0; i < g->h; i++, x += g->w, line += p->width) {
            for (int64_t j = 0; j < left; j++) line[j] = 0;
            FN(conv_copy)(x, inside, line + left);
            for (int64_t j = 0; j < right; j++) line[left + inside + j] = 0;
        }
    }
}

/* The values i in [0, n) for which first + i step lies in [0, size): [*lo, *hi). */
static void FN(direct_clip)(int64_t first, int64_t step, int64_t size, int64_t n, int64_t *lo, int64_t *hi) {
    *lo = first >= 0 ? 0 : (-first + step - 1) / step;
    *hi = first >= size ? 0 : (size - 1 - first) / step + 1;
    if (*hi > n) *hi = n;
    if (*lo > *hi) *lo = *hi;
}

/* The weight (outputs, channels, kh, kw) of each group as panels (kh, channels, kw, DIRECT_NR). Or, if `turned`, that which makes
 * dx of dy: inputs and outputs change places and the kernel is turned round; `g` and `p` are the convolution's of dy, and the weight
 * is (channels, outputs, kh, kw). */
static void FN(direct_pack_weight)(const tp__conv2d *g, const FN(direct_plan) *p, const T *weight,
                                   bool turned, char *scratch) {
    T *to = (T *)(void *)(scratch + p->packed), *lines = (T *)(void *)(scratch + p->sums);
    int64_t taps = g->kh * g->kw, line = turned ? taps : p->depth,
            channel = turned ? p->outputs * taps : taps;
    for (int64_t panel = 0; panel < p->panels * g->groups; panel++, to += p->depth * DIRECT_NR) {
        int64_t group = panel / p->panels, o = panel % p->panels * DIRECT_NR,
                outputs = p->outputs - o < DIRECT_NR ? p->outputs - o : DIRECT_NR;
        const T *from = weight + group * p->outputs * p->depth + o * line;
        memset(lines, 0, (size_t)(taps * DIRECT_NR) * sizeof(T));
        for (int64_t c = 0; c < p->channels; c++) {
            CONV_GEMM.turn[!TP__REAL_IS_32](from + c * channel, line, outputs, taps, lines, DIRECT_NR);
            for (int64_t tap = 0; tap < taps; tap++) {
                int64_t at = turned ? taps - 1 - tap : tap, u = at / g->kw, v = at % g->kw;
                memcpy(to + ((u * p->channels + c) * g->kw + v) * DIRECT_NR, lines + tap * DIRECT_NR,
                       DIRECT_NR * sizeof(T));
            }
        }
    }
}

/* One line i of the output of one panel of outputs: y and bias (or NULL) begin at its first. */
static void FN(direct_line)(const tp__conv2d *g, const FN(direct_plan) *p, const T *padded, const int32_t *at,
                            const T *panel, int64_t outputs, const T *bias, int64_t i, T *y) {
    int64_t u0, u1, first = i * g->stride_h - g->pad_h, per_row = p->channels * g->kw;
    FN(direct_clip)(first, g->dil_h, g->h, g->kh, &u0, &u1);
    const T *line = u0 < u1 ? padded + (first + u0 * g->dil_h) * p->width : padded;
    _Alignas(64) T sums[DIRECT_MR * DIRECT_NR];
    int64_t blocks = (g->ow + DIRECT_MR - 1) / DIRECT_MR;
    for (int64_t j = 0; blocks > 0; blocks--) {
        int rows = (int)((g->ow - j + blocks - 1) / blocks);
        CONV_GEMM.tile[!TP__REAL_IS_32](rows, (u1 - u0) * per_row, line + j * g->stride_w, g->stride_w, at,
                                        panel + u0 * per_row * DIRECT_NR, sums, DIRECT_NR, false);
        for (int r = 0; bias && r < rows; r++)
            for (int64_t o = 0; o < outputs; o++) sums[r * DIRECT_NR + o] += bias[o];
        CONV_GEMM.turn[!TP__REAL_IS_32](sums, DIRECT_NR, rows, outputs, y + i * g->ow + j, p->pixels);
        j += rows;
    }
}

/* Images [n0, n1) of y, with the weight in panels in scratch memory. */
static void FN(direct_forward)(const tp__conv2d *g, const FN(direct_plan) *p, const T *x, const T *bias, T *y,
                               int64_t n0, int64_t n1, char *scratch) {
    T *padded = (T *)(void *)(scratch + p->padded), *packed = (T *)(void *)(scratch + p->packed);
    int32_t *at = (int32_t *)(void *)(scratch + p->table), *next = at;
    for (int64_t u = 0; u < g->kh; u++)
        for (int64_t c = 0; c < p->channels; c++)
            for (int64_t v = 0; v < g->kw; v++)
                *next++ = (int32_t)(c * p->plane + u * g->dil_h * p->width + v * g->dil_w);
    for (int64_t n = n0 * g->groups; n < n1 * g->groups; n++) {
        int64_t group = n % g->groups;
        FN(direct_pad)(g, p, x + n * p->channels * g->h * g->w, padded);
        for (int64_t panel = 0; panel < p->panels; panel++) {
            int64_t o = panel * DIRECT_NR, outputs = p->outputs - o < DIRECT_NR ? p->outputs - o : DIRECT_NR;
            for (int64_t i = 0; i < g->oh; i++)
                FN(direct_line)(g, p, padded, at, packed + (group * p->panels + panel) * p->depth * DIRECT_NR,
                                outputs, bias ? bias + group * p->outputs + o : NULL, i,
                                y + (n * p->outputs + o) * p->pixels);
        }
    }
}

/* The convolution of dy that gives dx: with the kernel turned round, where strides are one. */
static bool FN(direct_input_grad_geometry)(const tp__conv2d *g, tp__conv2d *back) {
    *back = *g;
    back->c = g->o;
    back->h = g->oh;
    back->w = g->ow;
    back->o = g->c;
    back->oh = g->h;
    back->ow = g->w;
    back->pad_h = g->dil_h * (g->kh - 1) - g->pad_h;
    back->pad_w = g->dil_w * (g->kw - 1) - g->pad_w;
    return g->stride_h == 1 && g->stride_w == 1 && back->pad_h >= 0 && back->pad_w >= 0 &&
           FN(direct_forward_pays)(back);
}

/* Adds what one image and group gives to the sums of its panels: (channels, kh, kw, DIRECT_NR). `packed` holds its dy as (pixels,
 * DIRECT_NR) panels. */
static void FN(direct_weight_sums)(const tp__conv2d *g, const FN(direct_plan) *p, const T *padded,
                                   const int32_t *at, const T *packed, T *sums) {
    for (int64_t panel = 0; panel < p->panels; panel++) {
        for (int64_t u = 0; u < g->kh; u++) {
            int64_t i0, i1, first = u * g->dil_h - g->pad_h;
            FN(direct_clip)(first, g->stride_h, g->h, g->oh, &i0, &i1);
            const T *line = i0 < i1 ? padded + (first + i0 * g->stride_h) * p->width : padded;
            for (int64_t v = 0; v < g->kw; v++) {
                int64_t blocks = (p->channels + DIRECT_MR - 1) / DIRECT_MR;
                for (int64_t c = 0; blocks > 0; blocks--) {
                    int rows = (int)((p->channels - c + blocks - 1) / blocks);
                    CONV_GEMM.tile[!TP__REAL_IS_32](rows, (i1 - i0) * g->ow,
                                                    line + c * p->plane + v * g->dil_w, p->plane, at,
                                                    packed + i0 * g->ow * DIRECT_NR,
                                                    sums + ((c * g->kh + u) * g->kw + v) * DIRECT_NR,
                                                    g->kh * g->kw * DIRECT_NR, true);
                    c += rows;
                }
            }
        }
        packed += p->pixels * DIRECT_NR;
        sums += p->depth * DIRECT_NR;
    }
}

static void FN(direct_weight_grad)(const tp__conv2d *g, const T *dy, const T *x, T *dw, int64_t n0,
                                   int64_t n1, char *scratch) {
    FN(direct_plan) plan = FN(direct_measure)(g), *p = &plan;
    T *padded = (T *)(void *)(scratch + p->padded), *packed = (T *)(void *)(scratch + p->packed),
      *sums = (T *)(void *)(scratch + p->sums);
    int32_t *at = (int32_t *)(void *)(scratch + p->table);
    int64_t of_group = p->panels * p->depth * DIRECT_NR;
    for (int64_t i = 0; i < g->oh; i++)
        for (int64_t j = 0; j < g->ow; j++)
            at[i * g->ow + j] = (int32_t)(i * g->stride_h * p->width + j * g->stride_w);
    memset(sums, 0, (size_t)(of_group * g->groups) * sizeof(T));
    memset(packed, 0,
           (size_t)(p->panels * p->pixels * DIRECT_NR) * sizeof(T)); /* outputs that a panel lacks */
    for (int64_t n = n0 * g->groups; n < n1 * g->groups; n++) {
        FN(direct_pad)(g, p, x + n * p->channels * g->h * g->w, padded);
        for (int64_t o = 0; o < p->outputs; o += DIRECT_NR)
            CONV_GEMM.turn[!TP__REAL_IS_32](dy + (n * p->outputs + o) * p->pixels, p->pixels,
                                            p->outputs - o < DIRECT_NR ? p->outputs - o : DIRECT_NR,
                                            p->pixels, packed + o * p->pixels, DIRECT_NR);
        FN(direct_weight_sums)(g, p, padded, at, packed, sums + n % g->groups * of_group);
    }
    for (int64_t panel = 0; panel < p->panels * g->groups; panel++) {
        int64_t o = panel % p->panels * DIRECT_NR,
                outputs = p->outputs - o < DIRECT_NR ? p->outputs - o : DIRECT_NR;
        CONV_GEMM.turn[!TP__REAL_IS_32](sums + panel * p->depth * DIRECT_NR, DIRECT_NR, p->depth, outputs,
                                        dw + (panel / p->panels * p->outputs + o) * p->depth, p->depth);
    }
}
