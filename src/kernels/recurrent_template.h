/* Recurrent cells of one real type; see recurrent.h. */

static void FN(lstm)(const tp__lstm_rows *job) {
    const int64_t n = job->size;
    const T *bias = job->bias;
    for (int64_t r = 0; r < job->rows; r++) {
        T *gate = (T *)job->gates + r * 4 * n, *c = (T *)job->c + r * n, *h = (T *)job->h + r * n;
        const T *before = (const T *)job->c_before + r * n;
        if (bias)
            for (int64_t j = 0; j < 4 * n; j++) gate[j] += bias[j];
        for (int64_t j = 0; j < 2 * n; j++) gate[j] = FN(sigmoid)(gate[j]);
        for (int64_t j = 2 * n; j < 3 * n; j++) gate[j] = FN(tanh)(gate[j]);
        for (int64_t j = 3 * n; j < 4 * n; j++) gate[j] = FN(sigmoid)(gate[j]);
        for (int64_t j = 0; j < n; j++) c[j] = gate[n + j] * before[j] + gate[j] * gate[2 * n + j];
        for (int64_t j = 0; j < n; j++) h[j] = gate[3 * n + j] * FN(tanh)(c[j]);
    }
}

static void FN(lstm_grad)(const tp__lstm_rows *job) {
    const int64_t n = job->size;
    for (int64_t r = 0; r < job->rows; r++) {
        const T *i = (const T *)job->gates + r * 4 * n, *f = i + n, *g = f + n, *o = g + n;
        const T *before = (const T *)job->c_before + r * n, *c = (const T *)job->c + r * n;
        const T *dy = (const T *)job->dy + r * n, *dh = (const T *)job->dh + r * n;
        T *dc = (T *)job->dc + r * n, *di = (T *)job->dgates + r * 4 * n, *df = di + n, *dg = df + n,
          *d_o = dg + n;
        for (int64_t j = 0; j < n; j++) {
            const T t = FN(tanh)(c[j]), d = dy[j] + dh[j], dcj = dc[j] + d * o[j] * (1 - t * t);
            di[j] = dcj * g[j] * i[j] * (1 - i[j]);
            df[j] = dcj * before[j] * f[j] * (1 - f[j]);
            dg[j] = dcj * i[j] * (1 - g[j] * g[j]);
            d_o[j] = d * t * o[j] * (1 - o[j]);
            dc[j] = dcj * f[j];
        }
    }
}
