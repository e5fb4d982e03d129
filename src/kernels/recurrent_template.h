/* Recurrent cells of one real type; see recurrent.h. Rows have functions of their own where there are too many arrays to be compared at
 * run time: compilers heed `restrict` of parameters. */

static void FN(recurrent_add)(int64_t n, const void *x, void *sum) {
    const T *a = x;
    T *b = sum;
    for (int64_t j = 0; j < n; j++) b[j] += a[j];
}

/* ---- rnn ---------------------------------------------------------------------------------------------- */

static void FN(rnn_tanh)(const tp__cell_rows *job) {
    const T *in = job->in, *state = job->state;
    T *h = job->h;
    for (int64_t j = 0; j < job->rows * job->size; j++) h[j] = FN(tanh)(in[j] + state[j]);
}

static void FN(rnn_relu)(const tp__cell_rows *job) {
    const T *in = job->in, *state = job->state;
    T *h = job->h;
    for (int64_t j = 0; j < job->rows * job->size; j++) {
        const T sum = in[j] + state[j];
        h[j] = sum <= 0 ? 0 : sum; /* NaN passes */
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
    const T *bias = job->bias;
    for (int64_t row = 0; row < job->rows; row++) {
        const T *in = (const T *)job->in + row * 3 * n, *before = (const T *)job->h_before + row * n;
        T *state = (T *)job->state + row * 3 * n, *r = (T *)job->gates + row * 4 * n, *z = r + n,
          *new = z + n, *from = new + n, *h = (T *)job->h + row *n;
        if (bias)
            for (int64_t j = 0; j < 3 * n; j++) state[j] += bias[j];
        for (int64_t j = 0; j < 2 * n; j++) r[j] = FN(sigmoid)(in[j] + state[j]);
        for (int64_t j = 0; j < n; j++) from[j] = state[2 * n + j];
        for (int64_t j = 0; j < n; j++) new[j] = FN(tanh)(in[2 * n + j] + r[j] * from[j]);
        for (int64_t j = 0; j < n; j++) h[j] = new[j] + z[j] * (before[j] - new[j]);
    }
}

static void FN(gru_grad_row)(int64_t n, const T *restrict r, const T *restrict z, const T *restrict new,
                             const T *restrict from, const T *restrict before, T *restrict dh, T *restrict in,
                             T *restrict state) {
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

static void FN(gru_grad)(const tp__cell_rows *job) {
    const int64_t n = job->size;
    for (int64_t row = 0; row < job->rows; row++) {
        const T *gate = (const T *)job->gates + row * 4 * n;
        FN(gru_grad_row)
        (n, gate, gate + n, gate + 2 * n, gate + 3 * n, (const T *)job->h_before + row * n,
         (T *)job->dh + row * n, (T *)job->dgates + row * 3 * n, (T *)job->dstate + row * 3 * n);
    }
}

/* ---- LSTM --------------------------------------------------------------------------------------------- */

static void FN(lstm)(const tp__cell_rows *job) {
    const int64_t n = job->size;
    for (int64_t row = 0; row < job->rows; row++) {
        const T *in = (const T *)job->in + row * 4 * n, *state = (const T *)job->state + row * 4 * n,
                *before = (const T *)job->c_before + row * n;
        T *gate = (T *)job->gates + row * 4 * n, *c = (T *)job->c + row * n, *h = (T *)job->h + row * n;
        for (int64_t j = 0; j < 2 * n; j++) gate[j] = FN(sigmoid)(in[j] + state[j]);
        for (int64_t j = 2 * n; j < 3 * n; j++) gate[j] = FN(tanh)(in[j] + state[j]);
        for (int64_t j = 3 * n; j < 4 * n; j++) gate[j] = FN(sigmoid)(in[j] + state[j]);
        for (int64_t j = 0; j < n; j++) c[j] = gate[n + j] * before[j] + gate[j] * gate[2 * n + j];
        for (int64_t j = 0; j < n; j++) h[j] = gate[3 * n + j] * FN(tanh)(c[j]);
    }
}

static void FN(lstm_grad_row)(int64_t n, const T *restrict i, const T *restrict f, const T *restrict g,
                              const T *restrict o, const T *restrict before, const T *restrict c,
                              const T *restrict dh, T *restrict dc, T *restrict di, T *restrict df,
                              T *restrict dg, T *restrict d_o) {
    for (int64_t j = 0; j < n; j++) {
        const T t = FN(tanh)(c[j]), d = dh[j], dcj = dc[j] + d * o[j] * (1 - t * t);
        di[j] = dcj * g[j] * i[j] * (1 - i[j]);
        df[j] = dcj * before[j] * f[j] * (1 - f[j]);
        dg[j] = dcj * i[j] * (1 - g[j] * g[j]);
        d_o[j] = d * t * o[j] * (1 - o[j]);
        dc[j] = dcj * f[j];
    }
}

static void FN(lstm_grad)(const tp__cell_rows *job) {
    const int64_t n = job->size;
    for (int64_t row = 0; row < job->rows; row++) {
        const T *gate = (const T *)job->gates + row * 4 * n;
        T *to = (T *)job->dgates + row * 4 * n;
        FN(lstm_grad_row)
        (n, gate, gate + n, gate + 2 * n, gate + 3 * n, (const T *)job->c_before + row * n,
         (const T *)job->c + row * n, (const T *)job->dh + row * n, (T *)job->dc + row * n, to, to + n,
         to + 2 * n, to + 3 * n);
    }
}
