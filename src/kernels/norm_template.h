/* Normalisation and dropout of one real type; see norm.h. */

#ifndef TP__NORM_BLOCK
#define TP__NORM_BLOCK 256 /* images, or lines, whose sums are added up together */
#endif

/* Defines the sum of `row` over one channel of all images. */
#define TP__DEFINE_CHANNEL_SUM(name, row)                                                                    \
    static T FN(name)(int64_t images, int64_t size, int64_t step, const T *x, const T *y, T c) {             \
        T part[TP__NORM_BLOCK], total = 0;                                                                   \
        for (int64_t at = 0; at < images; at += TP__NORM_BLOCK) {                                            \
            int64_t take = images - at < TP__NORM_BLOCK ? images - at : TP__NORM_BLOCK;                      \
            for (int64_t k = 0; k < take; k++)                                                               \
                part[k] = FN(row)(size, x + (at + k) * step, y + (at + k) * step, c);                        \
            total += FN(row_sum)(take, part, part, 0);                                                       \
        }                                                                                                    \
        return total;                                                                                        \
    }

TP__DEFINE_CHANNEL_SUM(channel_sum, row_sum)
TP__DEFINE_CHANNEL_SUM(channel_dev, row_dev)
TP__DEFINE_CHANNEL_SUM(channel_dev_dot, row_dev_dot)

static inline T FN(norm_rstd)(T var, double eps) { return NUM(1) / FN(sqrt)(var + (T)eps); }

static void FN(batch_norm_channel)(const tp__batch_norm_job *job, int64_t c) {
    const int64_t step = job->channels * job->size, count = job->images * job->size;
    const T *x = (const T *)job->x + c * job->size;
    T *y = (T *)job->y + c * job->size, *means = job->mean, *vars = job->var;
    if (job->training) {
        means[c] = FN(channel_sum)(job->images, job->size, step, x, x, 0) / (T)count;
        vars[c] = FN(channel_dev)(job->images, job->size, step, x, x, means[c]) / (T)count;
    }
    const T mean = means[c], rstd = FN(norm_rstd)(vars[c], job->eps);
    const T scale = job->weight ? rstd * ((const T *)job->weight)[c] : rstd;
    const T shift = job->bias ? ((const T *)job->bias)[c] : 0;
    for (int64_t k = 0; k < job->images; k++)
        for (int64_t i = 0; i < job->size; i++) y[k * step + i] = (x[k * step + i] - mean) * scale + shift;
}

/* dx = scale (g - sum g / count - (x - mean) rstd^2 sum g (x - mean) / count) */
static void FN(batch_norm_grad_channel)(const tp__batch_norm_job *job, int64_t c) {
    const int64_t step = job->channels * job->size, count = job->images * job->size;
    const T *x = (const T *)job->x + c * job->size, *g = (const T *)job->g + c * job->size;
    T *dx = (T *)job->dx;
    const T mean = ((const T *)job->mean)[c], rstd = FN(norm_rstd)(((const T *)job->var)[c], job->eps);
    const T sum_g = FN(channel_sum)(job->images, job->size, step, g, g, 0);
    const T sum_gx = FN(channel_dev_dot)(job->images, job->size, step, x, g, mean);
    ((T *)job->dweight)[c] = sum_gx * rstd;
    ((T *)job->dbias)[c] = sum_g;
    if (!dx) return;
    dx += c * job->size;
    const T scale = job->weight ? rstd * ((const T *)job->weight)[c] : rstd;
    const T shift = job->training ? sum_g / (T)count : 0;
    const T slope = job->training ? rstd * rstd * sum_gx / (T)count : 0;
    for (int64_t k = 0; k < job->images; k++)
        for (int64_t i = 0; i < job->size; i++)
            dx[k * step + i] = scale * (g[k * step + i] - shift - slope * (x[k * step + i] - mean));
}

/* ---- one element a channel and image: channels side by side ------------------------------------------- */

/* total[c] = sum over the lines of x[c], in blocks. */
static void FN(lines_sum)(int64_t lines, int64_t width, int64_t step, const T *x, T *total) {
    T part[TP__NORM_COLS];
    for (int64_t c = 0; c < width; c++) total[c] = 0;
    for (int64_t at = 0; at < lines; at += TP__NORM_BLOCK) {
        int64_t end = lines - at < TP__NORM_BLOCK ? lines : at + TP__NORM_BLOCK;
        for (int64_t c = 0; c < width; c++) part[c] = 0;
        for (int64_t i = at; i < end; i++)
            for (int64_t c = 0; c < width; c++) part[c] += x[i * step + c];
        for (int64_t c = 0; c < width; c++) total[c] += part[c];
    }
}

/* total[c] = sum of (x[c] - mean[c]) y[c], with y NULL for (x - mean)^2. */
static void FN(lines_dev_dot)(int64_t lines, int64_t width, int64_t step, const T *x, const T *y,
                              const T *mean, T *total) {
    T part[TP__NORM_COLS];
    for (int64_t c = 0; c < width; c++) total[c] = 0;
    for (int64_t at = 0; at < lines; at += TP__NORM_BLOCK) {
        int64_t end = lines - at < TP__NORM_BLOCK ? lines : at + TP__NORM_BLOCK;
        for (int64_t c = 0; c < width; c++) part[c] = 0;
        for (int64_t i = at; i < end; i++) {
            const T *row = x + i * step;
            if (y)
                for (int64_t c = 0; c < width; c++) part[c] += (row[c] - mean[c]) * y[i * step + c];
            else
                for (int64_t c = 0; c < width; c++) part[c] += (row[c] - mean[c]) * (row[c] - mean[c]);
        }
        for (int64_t c = 0; c < width; c++) total[c] += part[c];
    }
}

static void FN(batch_norm_lines)(const tp__batch_norm_job *job, int64_t begin, int64_t width) {
    const int64_t step = job->channels, lines = job->images;
    const T *x = (const T *)job->x + begin, *weight = job->weight, *bias = job->bias;
    T *y = (T *)job->y + begin, *mean = (T *)job->mean + begin, *var = (T *)job->var + begin;
    T m[TP__NORM_COLS], scale[TP__NORM_COLS], shift[TP__NORM_COLS];
    if (job->training) {
        FN(lines_sum)(lines, width, step, x, m);
        for (int64_t c = 0; c < width; c++) m[c] /= (T)lines;
        FN(lines_dev_dot)(lines, width, step, x, NULL, m, scale);
        for (int64_t c = 0; c < width; c++) {
            mean[c] = m[c];
            var[c] = scale[c] / (T)lines;
        }
    }
    for (int64_t c = 0; c < width; c++) {
        m[c] = mean[c];
        scale[c] = FN(norm_rstd)(var[c], job->eps) * (weight ? weight[begin + c] : NUM(1));
        shift[c] = bias ? bias[begin + c] : 0;
    }
    for (int64_t i = 0; i < lines; i++)
        for (int64_t c = 0; c < width; c++) y[i * step + c] = (x[i * step + c] - m[c]) * scale[c] + shift[c];
}

static void FN(batch_norm_grad_lines)(const tp__batch_norm_job *job, int64_t begin, int64_t width) {
    const int64_t step = job->channels, lines = job->images;
    const T *x = (const T *)job->x + begin, *g = (const T *)job->g + begin, *weight = job->weight;
    const T *mean = (const T *)job->mean + begin, *var = (const T *)job->var + begin;
    T m[TP__NORM_COLS], scale[TP__NORM_COLS], shift[TP__NORM_COLS], slope[TP__NORM_COLS];
    for (int64_t c = 0; c < width; c++) m[c] = mean[c];
    FN(lines_sum)(lines, width, step, g, shift);
    FN(lines_dev_dot)(lines, width, step, x, g, m, slope);
    for (int64_t c = 0; c < width; c++) {
        const T rstd = FN(norm_rstd)(var[c], job->eps);
        ((T *)job->dweight)[begin + c] = slope[c] * rstd;
        ((T *)job->dbias)[begin + c] = shift[c];
        scale[c] = weight ? rstd * weight[begin + c] : rstd;
        slope[c] = job->training ? rstd * rstd * slope[c] / (T)lines : 0;
        shift[c] = job->training ? shift[c] / (T)lines : 0;
    }
    if (!job->dx) return;
    T *dx = (T *)job->dx + begin;
    for (int64_t i = 0; i < lines; i++)
        for (int64_t c = 0; c < width; c++)
            dx[i * step + c] = scale[c] * (g[i * step + c] - shift[c] - slope[c] * (x[i * step + c] - m[c]));
}

/* ---- rows ----------------------------------------------------------------------------------------------- */

static void FN(norm_rows)(const tp__norm_rows_job *job, int64_t begin, int64_t end) {
    const int64_t n = job->n, affine = job->weight || job->bias, span = affine ? job->span : n,
                  each = n / span;
    for (int64_t r = begin; r < end; r++) {
        const T *x = (const T *)job->x + r * n;
        T *y = (T *)job->y + r * n;
        const T mean = job->centred ? FN(row_sum)(n, x, x, 0) / (T)n : 0;
        const T rstd = FN(norm_rstd)(FN(row_dev)(n, x, x, mean) / (T)n, job->eps);
        const T *w = job->weight ? (const T *)job->weight + r % job->period * each : NULL;
        const T *b = job->bias ? (const T *)job->bias + r % job->period * each : NULL;
        ((T *)job->mean)[r] = mean;
        ((T *)job->rstd)[r] = rstd;
        if (span == 1 && w && b) {
            for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * rstd * w[i] + b[i];
        } else if (span == 1 && w) {
            for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * rstd * w[i];
        } else {
            for (int64_t k = 0, i = 0; k < each; k++) {
                const T scale = w ? rstd * w[k] : rstd, shift = b ? b[k] : 0;
                for (const int64_t last = i + span; i < last; i++) y[i] = (x[i] - mean) * scale + shift;
            }
        }
    }
}

/* dx = rstd (d - sum d / n - (x - mean) rstd^2 sum d (x - mean) / n) with d = g weight; rows that are not centred lack the first sum. */
static void FN(norm_rows_grad)(const tp__norm_rows_job *job, int64_t begin, int64_t end, void *scratch,
                               void *dweight, void *dbias) {
    const int64_t n = job->n, span = job->span, each = n / span;
    for (int64_t r = begin; r < end; r++) {
        const T *x = (const T *)job->x + r * n, *g = (const T *)job->g + r * n, *d = g;
        const T mean = ((const T *)job->mean)[r], rstd = ((const T *)job->rstd)[r];
        const int64_t first = r % job->period * each;
        if (job->weight && job->dx) {
            const T *w = (const T *)job->weight + first;
            T *to = scratch;
            if (span == 1)
                for (int64_t i = 0; i < n; i++) to[i] = g[i] * w[i];
            else
                for (int64_t k = 0, i = 0; k < each; k++)
                    for (const int64_t last = i + span; i < last; i++) to[i] = g[i] * w[k];
            d = to;
        }
        if (job->dx) {
            T *dx = (T *)job->dx + r * n;
            const T shift = job->centred ? FN(row_sum)(n, d, d, 0) / (T)n : 0;
            const T slope = FN(row_dev_dot)(n, x, d, mean) * rstd * rstd / (T)n;
            for (int64_t i = 0; i < n; i++) dx[i] = rstd * (d[i] - shift - (x[i] - mean) * slope);
        }
        if (!dweight) continue;
        T *dw = (T *)dweight + first, *db = (T *)dbias + first;
        if (span == 1) {
            for (int64_t i = 0; i < n; i++) dw[i] += g[i] * (x[i] - mean) * rstd;
            for (int64_t i = 0; i < n; i++) db[i] += g[i];
        } else {
            for (int64_t k = 0; k < each; k++) {
                const T *xs = x + k * span, *gs = g + k * span;
                dw[k] += FN(row_dev_dot)(span, xs, gs, mean) * rstd;
                db[k] += FN(row_sum)(span, gs, gs, 0);
            }
        }
    }
}

/* ---- what the table holds ----------------------------------------------------------------------------- */

static void FN(batch_norm)(const tp__batch_norm_job *job, int64_t begin, int64_t end) {
    if (job->size == 1)
        for (int64_t c = begin; c < end; c += TP__NORM_COLS)
            FN(batch_norm_lines)(job, c, end - c < TP__NORM_COLS ? end - c : TP__NORM_COLS);
    else
        for (int64_t c = begin; c < end; c++) FN(batch_norm_channel)(job, c);
}

static void FN(batch_norm_grad)(const tp__batch_norm_job *job, int64_t begin, int64_t end) {
    if (job->size == 1)
        for (int64_t c = begin; c < end; c += TP__NORM_COLS)
            FN(batch_norm_grad_lines)(job, c, end - c < TP__NORM_COLS ? end - c : TP__NORM_COLS);
    else
        for (int64_t c = begin; c < end; c++) FN(batch_norm_grad_channel)(job, c);
}

static void FN(masked_scale)(int64_t n, const void *x_, const uint8_t *mask, double scale, void *y_) {
    const T *x = x_, factor = (T)scale;
    T *y = y_;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * (T)mask[i] * factor;
}
