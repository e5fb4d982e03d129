/* Blocks of attention of one real type; see attention.h. */

/* How many columns of row r count. */
static inline int64_t FN(attention_seen)(const tp__attention_block *b, int64_t r) {
    const int64_t seen = b->first + r + 1;
    return seen < 0 ? 0 : seen < b->columns ? seen : b->columns;
}

static inline void FN(attention_choose)(int64_t n, T scale, const uint8_t *mask, int64_t mask_cs, T *row) {
    if (mask_cs == 1)
        for (int64_t j = 0; j < n; j++) row[j] = mask[j] ? scale * row[j] : -NUM(INFINITY);
    else
        for (int64_t j = 0; j < n; j++) row[j] = mask[j * mask_cs] ? scale * row[j] : -NUM(INFINITY);
}

static inline void FN(attention_add)(int64_t n, T scale, const T *mask, int64_t mask_cs, T *row) {
    if (mask_cs == 1)
        for (int64_t j = 0; j < n; j++) row[j] = scale * row[j] + mask[j];
    else
        for (int64_t j = 0; j < n; j++) row[j] = scale * row[j] + mask[j * mask_cs];
}

/* Masks the first n scores of row r. Returns the factor that they still lack: a positive scale can wait for the exponentials, since
 * it does not change which score is the largest. */
static inline T FN(attention_mask)(const tp__attention_block *b, int64_t r, int64_t n, T *row) {
    const T scale = (T)b->scale;
    if (!b->mask && scale > 0) return scale;
    if (!b->mask)
        for (int64_t j = 0; j < n; j++) row[j] *= scale;
    else if (b->mask_adds) FN(attention_add)(n, scale, (const T *)b->mask + r * b->mask_rs, b->mask_cs, row);
    else FN(attention_choose)(n, scale, (const uint8_t *)b->mask + r * b->mask_rs, b->mask_cs, row);
    return 1;
}

/* In place row = exp(factor row - base). */
TP__SHARED static void FN(attention_exp)(int64_t n, T factor, T base, T *row) {
    for (int64_t j = 0; j < n; j++) row[j] = FN(exp)(factor * row[j] - base);
}

static void FN(attention_weigh)(const tp__attention_block *b) {
    for (int64_t r = 0; r < b->rows; r++) {
        T *row = (T *)b->scores + r * b->step, *stats = (T *)b->stats + 2 * r;
        const T before = b->begins ? -NUM(INFINITY) : stats[0], total = b->begins ? 0 : stats[1];
        const int64_t n = FN(attention_seen)(b, r);
        T most = before, sum = 0;
        if (n > 0) {
            const T factor = FN(attention_mask)(b, r, n, row), here = factor * FN(row_max)(n, row, row, 0);
            if (!(here <= before)) most = here;
            FN(attention_exp)(n, factor, most == -NUM(INFINITY) ? 0 : most, row);
            sum = FN(row_sum)(n, row, row, 0);
        }
        for (int64_t j = n; j < b->columns; j++) row[j] = 0;
        const T keep = before == most ? NUM(1) : FN(exp)(before - most);
        stats[0] = most;
        stats[1] = total * keep + sum;
        if (b->begins || keep == 1) continue;
        T *out = (T *)b->out + r * b->values;
        for (int64_t c = 0; c < b->values; c++) out[c] *= keep;
    }
}

static void FN(attention_finish)(const tp__attention_block *b) {
    for (int64_t r = 0; r < b->rows; r++) {
        T *out = (T *)b->out + r * b->values, *stats = (T *)b->stats + 2 * r;
        const T scale = stats[1] == 0 ? 0 : NUM(1) / stats[1];
        for (int64_t c = 0; c < b->values; c++) out[c] *= scale;
        if (stats[0] == -NUM(INFINITY)) stats[0] = 0;
        stats[1] = scale;
    }
}

/* p = exp(score - largest) / sum; its scores' gradient is p (dp - dot), and so scale times that of the product's. */
static void FN(attention_unweigh)(const tp__attention_block *b) {
    const T scale = (T)b->scale;
    for (int64_t r = 0; r < b->rows; r++) {
        T *row = (T *)b->scores + r * b->step, *dp = (T *)b->dp + r * b->step;
        const T *stats = (const T *)b->stats + 2 * r, inverse = stats[1], dot = ((const T *)b->dots)[r];
        const int64_t n = FN(attention_seen)(b, r);
        FN(attention_exp)(n, FN(attention_mask)(b, r, n, row), stats[0], row);
        for (int64_t j = 0; j < n; j++) {
            const T p = inverse * row[j];
            row[j] = p;
            dp[j] = scale * p * (dp[j] - dot);
        }
        for (int64_t j = n; j < b->columns; j++) row[j] = dp[j] = 0;
    }
}

static void FN(attention_dots)(int64_t rows, int64_t n, const void *a_, const void *b_, int64_t b_rs,
                               int64_t b_cs, void *y_) {
    const T *a = a_, *b = b_;
    T *y = y_;
    for (int64_t r = 0; r < rows; r++, a += n, b += b_rs) {
        y[r] = 0;
        if (b_cs == 1 && n > 0) y[r] = FN(row_dot)(n, a, b, 0);
        else
            for (int64_t c = 0; c < n; c++) y[r] += a[c] * b[c * b_cs];
    }
}
