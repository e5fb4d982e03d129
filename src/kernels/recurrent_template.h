/* Recurrent cells of one real type; see recurrent.h. */

static void FN(recurrent_add)(int64_t n, const void *x, void *sum) {
    const T *a = x;
    T *b = sum;
    for (int64_t j = 0; j < n; j++) b[j] += a[j];
}

/* ---- rnn ---------------------------------------------------------------------------------------------- */

static inline const T *FN(cell_bias)(const tp__cell_rows *job, T *gate, int64_t n) {
    const T *bias = job->bias;
    if (bias)
        for (int64_t j = 0; j < n; j++) gate[j] += bias[j];
    return gate;
}

static void FN(rnn_tanh)(const tp__cell_rows *job) {
    const int64_t n = job->size;
    for (int64_t r = 0; r < job->rows; r++) {
        const T *gate = FN(cell_bias)(job, (T *)job->gates + r * n, n);
        T *h = (T *)job->h + r * n;
        for (int64_t j = 0; j < n; j++) h[j] = FN(tanh)(gate[j]);
    }
}

static void FN(rnn_relu)(const tp__cell_rows *job) {
    const int64_t n = job->size;
    for (int64_t r = 0; r < job->rows; r++) {
        const T *gate = FN(cell_bias)(job, (T *)job->gates + r * n, n);
        T *h = (T *)job->h + r * n;
        for (int64_t j = 0; j < n; j++) h[j] = gate[j] <= 0 ? 0 : gate[j]; /* NaN passes */
    }
}

static void FN(rnn_tanh_grad)(const tp__cell_rows *job) {
    const T *h = job->h, *dh = job->dh;
    T *d = job->dgates;
    for (int64_t j = 0; j < job->rows * job->size; j++) d[j] = dh[j] * (1 - h[j] * h[j]);
}

static void FN(rnn_relu_grad)(const tp__cell_rows *job) {
    const T *h = job->h, *dh = job->dh;
    T *d = job->dgates;
    for (int64_t j = 0; j < job->rows * job->size; j++) d[j] = h[j] > 0 ? dh[j] : 0;
}

/* ---- GRU ---------------------------------------------------------------------------------------------- */

static void FN(gru)(const tp__cell_rows *job) {
    const int64_t n = job->size;
    for (int64_t row = 0; row < job->rows; row++) {
        const T *in = (const T *)job->in + row * 3 * n, *before = (const T *)job->h_before + row * n;
        T *r = (T *)job->gates + row * 4 * n, *z = r + n, *new = z + n, *from = new + n,
          *h = (T *)job->h + row *n;
        const T *state = FN(cell_bias)(job, (T *)job->state + row * 3 * n, 3 * n);
        for (int64_t j = 0; j < 2 * n; j++) r[j] = FN(sigmoid)(in[j] + state[j]);
        for (int64_t j = 0; j < n; j++) from[j] = state[2 * n + j];
        for (int64_t j = 0; j < n; j++) new[j] = FN(tanh)(in[2 * n + j] + r[j] * from[j]);
        for (int64_t j = 0; j < n; j++) h[j] = new[j] + z[j] * (before[j] - new[j]);
    }
}

static void FN(gru_grad)(const tp__cell_rows *job) {
    const int64_t n = job->size;
    for (int64_t row = 0; row < job->rows; row++) {
        const T *r = (const T *)job->gates + row * 4 * n, *z = r + n, *new = z + n, *from = new + n;
        const T *before = (const T *)job->h_before + row * n;
        T *dh = (T *)job->dh + row * n, *in = (T *)job->dgates + row * 3 * n,
          *state = (T *)job->dstate + row * 3 * n;
        for (int64_t j = 0; j < n; j++) {
            const T d = dh[j], dn = d * (1 - z[j]) * (1 - new[j] * new[j]);
            const T dr = dn * from[j] * r[j] * (1 - r[j]), dz = d * (before[j] - new[j]) * z[j] * (1 - z[j]);
            in[j] = state[j] = dr;
            in[n + j] = state[n + j] = dz;
            in[2 * n + j] = dn;
            state[2 * n + j] = dn * r[j];
            dh[j] = d * z[j];
        }
    }
}

/* ---- LSTM --------------------------------------------------------------------------------------------- */

static void FN(lstm)(const tp__cell_rows *job) {
    const int64_t n = job->size;
    for (int64_t r = 0; r < job->rows; r++) {
        T *gate = (T *)job->gates + r * 4 * n, *c = (T *)job->c + r * n, *h = (T *)job->h + r * n;
        const T *before = (const T *)job->c_before + r * n;
        FN(cell_bias)(job, gate, 4 * n);
        for (int64_t j = 0; j < 2 * n; j++) gate[j] = FN(sigmoid)(gate[j]);
        for (int64_t j = 2 * n; j < 3 * n; j++) gate[j] = FN(tanh)(gate[j]);
        for (int64_t j = 3 * n; j < 4 * n; j++) gate[j] = FN(sigmoid)(gate[j]);
        for (int64_t j = 0; j < n; j++) c[j] = gate[n + j] * before[j] + gate[j] * gate[2 * n + j];
        for (int64_t j = 0; j < n; j++) h[j] = gate[3 * n + j] * FN(tanh)(c[j]);
    }
}

static void FN(lstm_grad)(const tp__cell_rows *job) {
    const int64_t n = job->size;
    for (int64_t r = 0; r < job->rows; r++) {
        const T *i = (const T *)job->gates + r * 4 * n, *f = i + n, *g = f + n, *o = g + n;
        const T *before = (const T *)job->c_before + r * n, *c = (const T *)job->c + r * n;
        const T *dh = (const T *)job->dh + r * n;
        T *dc = (T *)job->dc + r * n, *di = (T *)job->dgates + r * 4 * n, *df = di + n, *dg = df + n,
          *d_o = dg + n;
        for (int64_t j = 0; j < n; j++) {
            const T t = FN(tanh)(c[j]), d = dh[j], dcj = dc[j] + d * o[j] * (1 - t * t);
            di[j] = dcj * g[j] * i[j] * (1 - i[j]);
            df[j] = dcj * before[j] * f[j] * (1 - f[j]);
            dg[j] = dcj * i[j] * (1 - g[j] * g[j]);
            d_o[j] = d * t * o[j] * (1 - o[j]);
            dc[j] = dcj * f[j];
        }
    }
}
