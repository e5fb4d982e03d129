/* Pooling of one element type; a template, after real.h. */

/* Windows of 2 x 2 that do not overlap, the usual case: the first largest wins, NaN above all. */
static void FN(pool_max_2x2)(const tp__pool2d *g, const T *x, T *y, int32_t *index) {
    for (int64_t i = 0; i < g->oh; i++, y += g->ow, index += g->ow) {
        const T *r0 = x + 2 * i * g->w, *r1 = r0 + g->w;
        int32_t at = (int32_t)(2 * i * g->w), w = (int32_t)g->w, ow = (int32_t)g->ow;
        for (int32_t j = 0; j < ow; j++) {
            T best = r0[2 * j], b = r0[2 * j + 1], c = r1[2 * j], d = r1[2 * j + 1];
            int32_t which = at + 2 * j, first = which;
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
}

static void FN(pool_max_any)(const tp__pool2d *g, const T *x, T *y, int32_t *index) {
    for (int64_t i = 0; i < g->oh; i++) {
        for (int64_t j = 0; j < g->ow; j++, y++, index++) {
            int64_t row = i * g->stride_h - g->pad_h, column = j * g->stride_w - g->pad_w, at = -1;
            T best = -(T)INFINITY;
            for (int64_t u = 0, r = row; u < g->kh; u++, r += g->dil_h) {
                if (r < 0 || r >= g->h) continue;
                for (int64_t v = 0, c = column; v < g->kw; v++, c += g->dil_w) {
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

static void FN(pool_max_forward)(const tp__pool2d *g, const void *x, void *y, int32_t *index, int64_t p0, int64_t p1) {
    bool simple = g->kh == 2 && g->kw == 2 && g->stride_h == 2 && g->stride_w == 2 && g->pad_h == 0 && g->pad_w == 0 &&
                  g->dil_h == 1 && g->dil_w == 1 && 2 * g->oh <= g->h && 2 * g->ow <= g->w;
    for (int64_t p = p0; p < p1; p++) {
        const T *from = (const T *)x + p * g->h * g->w;
        T *to = (T *)y + p * g->oh * g->ow;
        if (simple) FN(pool_max_2x2)(g, from, to, index + p * g->oh * g->ow);
        else FN(pool_max_any)(g, from, to, index + p * g->oh * g->ow);
    }
}

static void FN(pool_max_backward)(const tp__pool2d *g, const void *dy, const int32_t *index, void *dx, int64_t p0,
                                  int64_t p1) {
    int64_t plane = g->h * g->w, outputs = g->oh * g->ow;
    for (int64_t p = p0; p < p1; p++) {
        const T *from = (const T *)dy + p * outputs;
        T *to = (T *)dx + p * plane;
        memset(to, 0, (size_t)plane * sizeof(T));
        for (int64_t i = 0; i < outputs; i++)
            if (index[p * outputs + i] >= 0) to[index[p * outputs + i]] += from[i];
    }
}

/* The rows (or columns) [lo, hi) of the input under one output, and how many count in the divisor. */
static inline void FN(pool_window)(const tp__pool2d *g, int64_t out, int64_t in_size, int64_t out_size, int64_t kernel,
                                   int64_t stride, int64_t pad, int64_t *lo, int64_t *hi, int64_t *counted) {
    if (g->adaptive) {
        *lo = out * in_size / out_size;
        *hi = ((out + 1) * in_size + out_size - 1) / out_size;
        *counted = *hi - *lo;
        return;
    }
    int64_t begin = out * stride - pad, end = begin + kernel;
    int64_t padded_end = end < in_size + pad ? end : in_size + pad; /* ceil_mode: beyond the padding nothing counts */
    *lo = begin < 0 ? 0 : begin;
    *hi = end < in_size ? end : in_size;
    if (*hi < *lo) *hi = *lo;
    *counted = g->count_exclude_pad ? *hi - *lo : padded_end - begin;
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
