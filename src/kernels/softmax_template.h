/* Softmax of one real type; see softmax.h.
 *
 * Short rows are taken several at a time, so that the exponentials run over one long stretch of memory: a row
 * of ten classes would leave most of a vector idle. */

/* The largest; a NaN is lost here, but not in the sum that follows. */
static inline T FN(softmax_max)(int64_t n, const T *x) {
    T m = x[0];
    if (n >= TP__LANES) return FN(row_max)(n, x, x, 0);
    for (int64_t i = 1; i < n; i++) m = x[i] > m ? x[i] : m;
    return m;
}

/* In place: of two pointers that are the same the vectorised loop would have to fear an overlap. */
TP__SHARED static void FN(softmax_exp)(int64_t n, T *e) {
    for (int64_t i = 0; i < n; i++) e[i] = FN(exp)(e[i]);
}

static inline int64_t FN(softmax_take)(int64_t rows, int64_t n) {
    int64_t most = tp__softmax_rows(n);
    return rows < most ? rows : most;
}

/* For `rows` rows: m = the largest, e = exp(x - m) packed, sum = its sum. With `finite`, an infinite m counts
 * as 0: the sum is then 0 or Inf, not NaN. */
TP__SHARED static void FN(softmax_begin)(int64_t rows, int64_t n, const T *x, int64_t x_step, T *e, T *m,
                                         T *sum, bool finite) {
    for (int64_t r = 0; r < rows; r++) {
        const T *row = x + r * x_step;
        T *to = e + r * n, largest = FN(softmax_max)(n, row);
        if (finite && largest - largest != 0) largest = 0;
        for (int64_t i = 0; i < n; i++) to[i] = row[i] - largest;
        m[r] = largest;
    }
    FN(softmax_exp)(rows * n, e);
    for (int64_t r = 0; r < rows; r++) sum[r] = FN(row_sum)(n, e + r * n, e + r * n, 0);
}

static void FN(softmax_rows)(int64_t rows, int64_t n, const void *x_, void *y_) {
    const T *x = x_;
    T *y = y_, m[TP__SOFTMAX_ROWS], sum[TP__SOFTMAX_ROWS];
    for (int64_t at = 0, take; at < rows; at += take, x += take * n, y += take * n) {
        take = FN(softmax_take)(rows - at, n);
        FN(softmax_begin)(take, n, x, n, y, m, sum, false);
        for (int64_t r = 0; r < take; r++) {
            const T scale = NUM(1) / sum[r];
            for (int64_t i = 0; i < n; i++) y[r * n + i] *= scale;
        }
    }
}

static void FN(log_softmax_rows)(int64_t rows, int64_t n, const void *x_, void *y_) {
    const T *x = x_;
    T *y = y_, m[TP__SOFTMAX_ROWS], sum[TP__SOFTMAX_ROWS];
    for (int64_t at = 0, take; at < rows; at += take, x += take * n, y += take * n) {
        take = FN(softmax_take)(rows - at, n);
        FN(softmax_begin)(take, n, x, n, y, m, sum, false);
        for (int64_t r = 0; r < take; r++) sum[r] = FN(log)(sum[r]);
        for (int64_t r = 0; r < take; r++) {
            const T largest = m[r], rest = sum[r];
            for (int64_t i = 0; i < n; i++) y[r * n + i] = (x[r * n + i] - largest) - rest;
        }
    }
}

/* The sum of exp(x - m) over a row of any length, a block at a time. */
static T FN(softmax_sum_long)(int64_t n, const T *x, T m) {
    T e[TP__SOFTMAX_BLOCK], stack[TP__ROW_DEPTH];
    int depth = 0;
    for (int64_t at = 0, block = 0; at < n; at += TP__SOFTMAX_BLOCK, block++) {
        int64_t size = n - at < TP__SOFTMAX_BLOCK ? n - at : TP__SOFTMAX_BLOCK;
        for (int64_t i = 0; i < size; i++) e[i] = FN(exp)(x[at + i] - m);
        T sum = FN(row_sum)(size, e, e, 0);
        for (int64_t k = block; k & 1; k >>= 1, depth--) sum = stack[depth - 1] + sum;
        stack[depth++] = sum;
    }
    T total = stack[--depth];
    while (depth > 0) total = stack[--depth] + total;
    return total;
}

/* m and sum of exp(x - m) for the next rows, without keeping the exponentials. */
TP__SHARED static void FN(softmax_sums)(int64_t rows, int64_t n, const T *x, int64_t x_step, T *m, T *sum,
                                        bool finite) {
    T e[TP__SOFTMAX_BLOCK];
    if (n <= TP__SOFTMAX_BLOCK) {
        FN(softmax_begin)(rows, n, x, x_step, e, m, sum, finite);
        return;
    }
    for (int64_t r = 0; r < rows; r++) {
        m[r] = FN(softmax_max)(n, x + r * x_step);
        if (finite && m[r] - m[r] != 0) m[r] = 0;
        sum[r] = FN(softmax_sum_long)(n, x + r * x_step, m[r]);
    }
}

static void FN(logsumexp_rows)(int64_t rows, int64_t n, const void *x_, void *y_) {
    const T *x = x_;
    T *y = y_, m[TP__SOFTMAX_ROWS], sum[TP__SOFTMAX_ROWS];
    for (int64_t at = 0, take; at < rows; at += take, x += take * n, y += take) {
        take = FN(softmax_take)(rows - at, n);
        FN(softmax_sums)(take, n, x, n, m, sum, true);
        for (int64_t r = 0; r < take; r++) y[r] = m[r] + FN(log)(sum[r]);
    }
}

static void FN(softmax_rows_grad)(int64_t rows, int64_t n, const void *y_, const void *g_, void *dx_) {
    const T *y = y_, *g = g_;
    T *dx = dx_;
    for (int64_t r = 0; r < rows; r++, y += n, g += n, dx += n) {
        const T dot = FN(row_dot)(n, y, g, 0);
        for (int64_t i = 0; i < n; i++) dx[i] = y[i] * (g[i] - dot);
    }
}

static void FN(log_softmax_rows_grad)(int64_t rows, int64_t n, const void *y_, const void *g_, void *dx_) {
    const T *y = y_, *g = g_;
    T *dx = dx_;
    for (int64_t at = 0, take; at < rows; at += take) {
        take = FN(softmax_take)(rows - at, n);
        for (int64_t i = 0; i < take * n; i++) dx[i] = FN(exp)(y[i]);
        for (int64_t r = 0; r < take; r++, y += n, g += n, dx += n) {
            const T sum = FN(row_sum)(n, g, g, 0);
            for (int64_t i = 0; i < n; i++) dx[i] = g[i] - dx[i] * sum;
        }
    }
}

/* ---- down columns ----------------------------------------------------------------------------------- */

/* For up to TP__SOFTMAX_COLS columns: m = the largest, sum = the sum of exp(x - m). */
TP__SHARED static void FN(softmax_cols_begin)(int64_t n, int64_t width, int64_t step, const T *x, T *y, T *m,
                                              T *sum) {
    for (int64_t c = 0; c < width; c++) {
        m[c] = x[c];
        sum[c] = 0;
    }
    for (int64_t i = 1; i < n; i++)
        for (int64_t c = 0; c < width; c++) m[c] = x[i * step + c] > m[c] ? x[i * step + c] : m[c];
    for (int64_t i = 0; i < n; i++) {
        for (int64_t c = 0; c < width; c++) {
            const T e = FN(exp)(x[i * step + c] - m[c]);
            y[i * step + c] = e;
            sum[c] += e;
        }
    }
}

static void FN(softmax_cols)(int64_t n, int64_t width, int64_t step, const void *x_, void *y_) {
    T m[TP__SOFTMAX_COLS], sum[TP__SOFTMAX_COLS];
    for (int64_t at = 0; at < width; at += TP__SOFTMAX_COLS) {
        const T *x = (const T *)x_ + at;
        T *y = (T *)y_ + at;
        int64_t w = width - at < TP__SOFTMAX_COLS ? width - at : TP__SOFTMAX_COLS;
        FN(softmax_cols_begin)(n, w, step, x, y, m, sum);
        for (int64_t c = 0; c < w; c++) sum[c] = NUM(1) / sum[c];
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < w; c++) y[i * step + c] *= sum[c];
    }
}

static void FN(log_softmax_cols)(int64_t n, int64_t width, int64_t step, const void *x_, void *y_) {
    T m[TP__SOFTMAX_COLS], sum[TP__SOFTMAX_COLS];
    for (int64_t at = 0; at < width; at += TP__SOFTMAX_COLS) {
        const T *x = (const T *)x_ + at;
        T *y = (T *)y_ + at;
        int64_t w = width - at < TP__SOFTMAX_COLS ? width - at : TP__SOFTMAX_COLS;
        FN(softmax_cols_begin)(n, w, step, x, y, m, sum);
        for (int64_t c = 0; c < w; c++) sum[c] = FN(log)(sum[c]);
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < w; c++) y[i * step + c] = (x[i * step + c] - m[c]) - sum[c];
    }
}

static void FN(softmax_cols_grad)(int64_t n, int64_t width, int64_t step, const void *y_, const void *g_,
                                  void *dx_) {
    T dot[TP__SOFTMAX_COLS];
    for (int64_t at = 0; at < width; at += TP__SOFTMAX_COLS) {
        const T *y = (const T *)y_ + at, *g = (const T *)g_ + at;
        T *dx = (T *)dx_ + at;
        int64_t w = width - at < TP__SOFTMAX_COLS ? width - at : TP__SOFTMAX_COLS;
        for (int64_t c = 0; c < w; c++) dot[c] = 0;
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < w; c++) dot[c] += y[i * step + c] * g[i * step + c];
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < w; c++) dx[i * step + c] = y[i * step + c] * (g[i * step + c] - dot[c]);
    }
}

static void FN(log_softmax_cols_grad)(int64_t n, int64_t width, int64_t step, const void *y_, const void *g_,
                                      void *dx_) {
    T sum[TP__SOFTMAX_COLS];
    for (int64_t at = 0; at < width; at += TP__SOFTMAX_COLS) {
        const T *y = (const T *)y_ + at, *g = (const T *)g_ + at;
        T *dx = (T *)dx_ + at;
        int64_t w = width - at < TP__SOFTMAX_COLS ? width - at : TP__SOFTMAX_COLS;
        for (int64_t c = 0; c < w; c++) sum[c] = 0;
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < w; c++) sum[c] += g[i * step + c];
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < w; c++)
                dx[i * step + c] = g[i * step + c] - FN(exp)(y[i * step + c]) * sum[c];
    }
}

/* ---- cross-entropy ---------------------------------------------------------------------------------- */

/* sum_c weight_c (log sum exp(x) - x_c): what label smoothing adds, before its factor. `all` is the sum of
 * the weights. */
static inline T FN(ce_spread)(int64_t n, const T *x, const T *weight, T all, T m, T log_sum) {
    const T shifted = weight ? FN(row_dev_dot)(n, x, weight, m) : FN(row_shifted)(n, x, x, m);
    return all * log_sum - shifted;
}

/* The sum of the class weights. */
static inline T FN(ce_all)(const tp__ce_rows *job) {
    const T *weight = job->weight;
    return weight ? FN(row_sum)(job->n, weight, weight, 0) : (T)job->n;
}

static void FN(cross_entropy)(const tp__ce_rows *job) {
    const T *x = job->x, *weight = job->weight;
    const int64_t n = job->n;
    T *stats = job->stats, *loss = job->loss, m[TP__SOFTMAX_ROWS], sum[TP__SOFTMAX_ROWS],
      log_sum[TP__SOFTMAX_ROWS];
    const T keep = (T)(1 - job->smoothing), spread = (T)(job->smoothing / (double)n);
    const T all = spread != 0 ? FN(ce_all)(job) : 0;
    for (int64_t at = 0, take; at < job->rows; at += take, x += take * job->x_step) {
        take = FN(softmax_take)(job->rows - at, n);
        FN(softmax_sums)(take, n, x, job->x_step, m, sum, false);
        for (int64_t r = 0; r < take; r++) {
            log_sum[r] = FN(log)(sum[r]);
            stats[2 * (at + r)] = m[r];
            stats[2 * (at + r) + 1] = NUM(1) / sum[r];
        }
        for (int64_t r = 0; r < take; r++) {
            const int64_t t = job->target[at + r];
            const T *row = x + r * job->x_step;
            T value = 0;
            if (t >= 0) {
                value = log_sum[r] - (row[t] - m[r]);
                if (weight) value *= weight[t];
                if (spread != 0)
                    value = keep * value + spread * FN(ce_spread)(n, row, weight, all, m[r], log_sum[r]);
            }
            loss[at + r] = value;
        }
    }
}

/* dx_c = g (a p_c - b [c = target] - d weight_c) with p = softmax(x). */
static void FN(cross_entropy_grad)(const tp__ce_rows *job) {
    const T *x = job->x, *weight = job->weight, *stats = job->stats, *g = job->g;
    const int64_t n = job->n;
    const T keep = (T)(1 - job->smoothing), spread = (T)(job->smoothing / (double)n);
    const T all = spread != 0 ? FN(ce_all)(job) : 0;
    T *dx = job->dx;
    for (int64_t at = 0, take; at < job->rows; at += take) {
        take = FN(softmax_take)(job->rows - at, n);
        for (int64_t r = 0; r < take; r++) {
            const T *row = x + (at + r) * job->x_step, m = stats[2 * (at + r)];
            for (int64_t i = 0; i < n; i++) dx[r * n + i] = row[i] - m;
        }
        FN(softmax_exp)(take * n, dx);
        for (int64_t r = 0; r < take; r++, dx += n) {
            const int64_t t = job->target[at + r];
            if (t < 0) {
                for (int64_t i = 0; i < n; i++) dx[i] = 0;
                continue;
            }
            const T gr = g[(at + r) * job->g_step] * (T)job->scale, b = keep * (weight ? weight[t] : NUM(1));
            const T a = gr * (b + spread * all) * stats[2 * (at + r) + 1], d = gr * spread;
            for (int64_t i = 0; i < n; i++) dx[i] *= a;
            dx[t] -= gr * b;
            if (spread != 0 && weight)
                for (int64_t i = 0; i < n; i++) dx[i] -= d * weight[i];
            else if (spread != 0)
                for (int64_t i = 0; i < n; i++) dx[i] -= d;
        }
    }
}
