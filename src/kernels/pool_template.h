/* Pooling of one element type; a template, after real.h. */
#include "kernels/quad.h"

/* `count` windows of 2 x 2 side by side: the first largest wins, NaN above all. */
static inline void FN(pool_max_squares)(const T *r0, const T *r1, int32_t at, int32_t w, T *y, int32_t *index,
                                        int32_t count) {
    for (int32_t j = 0; j < count; j++) {
        T best = r0[2 * j], b = r0[2 * j + 1], c = r1[2 * j], d = r1[2 * j + 1];
        int32_t first = at + 2 * j, which = first;
        bool take = (b > best) | (b != b);
        best = take ? b : best;
        which = take ? first + 1 : which;
        take = (c > best) | (c != c);
        best = take ? c : best;
        which = take ? first + w : which;
        take = (d > best) | (d != d);
        best = take ? d : best;
        which = take ? first + w + 1 : which;
        y[j] = best;
        index[j] = which;
    }
}

static inline void FN(pool_take)(QUAD value, TI offset, QUAD *best, QUAD_INT *which) {
    QUAD_INT take = (value > *best) | (value != value);
    *best = (QUAD)((take & (QUAD_INT)value) | (~take & (QUAD_INT)*best));
    *which = (take & offset) | (~take & *which);
}

/* The same of QUAD_LANES windows, since no compiler vectorises a row so short. */
static inline void FN(pool_max_quad)(const T *r0, const T *r1, int32_t at, int32_t w, T *y, int32_t *index) {
    QUAD top = QUAD_AT(r0), top_next = QUAD_AT(r0 + QUAD_LANES), low = QUAD_AT(r1),
         low_next = QUAD_AT(r1 + QUAD_LANES);
#if TP__REAL_IS_32
    QUAD best = TP__SHUFFLE(top, top_next, 0, 2, 4, 6), b = TP__SHUFFLE(top, top_next, 1, 3, 5, 7);
    QUAD c = TP__SHUFFLE(low, low_next, 0, 2, 4, 6), d = TP__SHUFFLE(low, low_next, 1, 3, 5, 7);
    QUAD_INT which = {0, 2, 4, 6};
#else
    QUAD best = TP__SHUFFLE(top, top_next, 0, 2), b = TP__SHUFFLE(top, top_next, 1, 3);
    QUAD c = TP__SHUFFLE(low, low_next, 0, 2), d = TP__SHUFFLE(low, low_next, 1, 3);
    QUAD_INT which = {0, 2};
#endif
    QUAD_INT offset = {0};
    FN(pool_take)(b, 1, &best, &offset);
    FN(pool_take)(c, w, &best, &offset);
    FN(pool_take)(d, w + 1, &best, &offset);
    which += offset + at;
    QUAD_AT(y) = best;
    for (int k = 0; k < QUAD_LANES; k++) index[k] = (int32_t)which[k];
}

/* Windows of 2 x 2 that do not overlap, the usual case. What is left of a row after blocks of 16 is done in quads, of which the
 * last overlaps the one before. */
static void FN(pool_max_2x2)(const tp__pool2d *g, const T *x, T *y, int32_t *index) {
    int32_t ow = (int32_t)g->ow, w = (int32_t)g->w, wide = ow >= QUAD_LANES ? ow / 16 * 16 : ow;
    for (int64_t i = 0; i < g->oh; i++, y += ow, index += ow) {
        const T *r0 = x + 2 * i * g->w, *r1 = r0 + g->w;
        int32_t at = (int32_t)(2 * i * g->w);
        FN(pool_max_squares)(r0, r1, at, w, y, index, wide);
        for (int32_t j = wide; j < ow; j += QUAD_LANES) {
            if (j > ow - QUAD_LANES) j = ow - QUAD_LANES;
            FN(pool_max_quad)(r0 + 2 * j, r1 + 2 * j, at + 2 * j, w, y + j, index + j);
        }
    }
}

/* The rows (or columns) [lo, hi) of the input under one output, and how many count in the divisor. */
static inline void FN(pool_window)(const tp__pool2d *g, int64_t out, int64_t in_size, int64_t out_size,
                                   int64_t kernel, int64_t stride, int64_t pad, int64_t *lo, int64_t *hi,
                                   int64_t *counted) {
    if (g->adaptive) {
        *lo = out * in_size / out_size;
        *hi = ((out + 1) * in_size + out_size - 1) / out_size;
        *counted = *hi - *lo;
        return;
    }
    int64_t begin = out * stride - pad, end = begin + kernel;
    int64_t padded_end =
        end < in_size + pad ? end : in_size + pad; /* ceil_mode: beyond the padding nothing counts */
    *lo = begin < 0 ? 0 : begin;
    *hi = end < in_size ? end : in_size;
    if (*hi < *lo) *hi = *lo;
    *counted = g->count_exclude_pad ? *hi - *lo : padded_end - begin;
}

static void FN(pool_max_any)(const tp__pool2d *g, const T *x, T *y, int32_t *index) {
    int64_t kh = g->kh, kw = g->kw, end, counted;
    for (int64_t i = 0; i < g->oh; i++) {
        int64_t row = i * g->stride_h - g->pad_h;
        if (g->adaptive) {
            FN(pool_window)(g, i, g->h, g->oh, 0, 0, 0, &row, &end, &counted);
            kh = end - row;
        }
        for (int64_t j = 0; j < g->ow; j++, y++, index++) {
            int64_t column = j * g->stride_w - g->pad_w, at = -1;
            T best = -(T)INFINITY;
            if (g->adaptive) {
                FN(pool_window)(g, j, g->w, g->ow, 0, 0, 0, &column, &end, &counted);
                kw = end - column;
            }
            for (int64_t u = 0, r = row; u < kh; u++, r += g->dil_h) {
                if (r < 0 || r >= g->h) continue;
                for (int64_t v = 0, c = column; v < kw; v++, c += g->dil_w) {
                    if (c < 0 || c >= g->w) continue;
                    T value = x[r * g->w + c];
                    if (at < 0 || value > best || value != value) {
                        best = value;
                        at = r * g->w + c;
                    }
                }
            }
            *y = best;
            *index = (int32_t)at;
        }
    }
}

static void FN(pool_max_forward)(const tp__pool2d *g, const void *x, void *y, int32_t *index, int64_t p0,
                                 int64_t p1) {
    bool simple = g->kh == 2 && g->kw == 2 && g->stride_h == 2 && g->stride_w == 2 && g->pad_h == 0 &&
                  g->pad_w == 0 && g->dil_h == 1 && g->dil_w == 1 && 2 * g->oh <= g->h && 2 * g->ow <= g->w;
    for (int64_t p = p0; p < p1; p++) {
        const T *from = (const T *)x + p * g->h * g->w;
        T *to = (T *)y + p * g->oh * g->ow;
        if (simple) FN(pool_max_2x2)(g, from, to, index + p * g->oh * g->ow);
        else FN(pool_max_any)(g, from, to, index + p * g->oh * g->ow);
    }
}

static void FN(pool_max_backward)(const tp__pool2d *g, const void *dy, const int32_t *index, void *dx,
                                  int64_t p0, int64_t p1) {
    int64_t plane = g->h * g->w, outputs = g->oh * g->ow;
    for (int64_t p = p0; p < p1; p++) {
        const T *from = (const T *)dy + p * outputs;
        T *to = (T *)dx + p * plane;
        memset(to, 0, (size_t)plane * sizeof(T));
        for (int64_t i = 0; i < outputs; i++)
            if (index[p * outputs + i] >= 0) to[index[p * outputs + i]] += from[i];
    }
}

static inline T FN(pool_scale)(const tp__pool2d *g, int64_t rows, int64_t columns) {
    int64_t divisor = g->divisor ? g->divisor : rows * columns;
    return 1 / (T)divisor;
}

static void FN(pool_avg_forward)(const tp__pool2d *g, const void *x, void *y, int64_t p0, int64_t p1) {
    T *to = (T *)y + p0 * g->oh * g->ow;
    for (int64_t p = p0; p < p1; p++) {
        const T *plane = (const T *)x + p * g->h * g->w;
        for (int64_t i = 0; i < g->oh; i++) {
            int64_t r0, r1, rows, c0, c1, columns;
            FN(pool_window)(g, i, g->h, g->oh, g->kh, g->stride_h, g->pad_h, &r0, &r1, &rows);
            for (int64_t j = 0; j < g->ow; j++, to++) {
                FN(pool_window)(g, j, g->w, g->ow, g->kw, g->stride_w, g->pad_w, &c0, &c1, &columns);
                T sum = 0;
                for (int64_t r = r0; r < r1; r++)
                    for (int64_t c = c0; c < c1; c++) sum += plane[r * g->w + c];
                *to = sum * FN(pool_scale)(g, rows, columns);
            }
        }
    }
}

static void FN(pool_avg_backward)(const tp__pool2d *g, const void *dy, void *dx, int64_t p0, int64_t p1) {
    const T *from = (const T *)dy + p0 * g->oh * g->ow;
    for (int64_t p = p0; p < p1; p++) {
        T *plane = (T *)dx + p * g->h * g->w;
        memset(plane, 0, (size_t)(g->h * g->w) * sizeof(T));
        for (int64_t i = 0; i < g->oh; i++) {
            int64_t r0, r1, rows, c0, c1, columns;
            FN(pool_window)(g, i, g->h, g->oh, g->kh, g->stride_h, g->pad_h, &r0, &r1, &rows);
            for (int64_t j = 0; j < g->ow; j++, from++) {
                FN(pool_window)(g, j, g->w, g->ow, g->kw, g->stride_w, g->pad_w, &c0, &c1, &columns);
                T share = *from * FN(pool_scale)(g, rows, columns);
                for (int64_t r = r0; r < r1; r++)
                    for (int64_t c = c0; c < c1; c++) plane[r * g->w + c] += share;
            }
        }
    }
}
