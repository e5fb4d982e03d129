/* The losses of one real type; see loss.h. A kind is two functions of one block: its losses and its slopes. */

typedef void FN(loss_fn)(int64_t n, const T *restrict x, const T *restrict target, const T *restrict pos, T p,
                         T *restrict y);

/* Both of a kind, in a and b, the elements of x and target, their difference d, the positive weight w and p. */
#ifndef TP__DEFINE_LOSS
#define TP__DEFINE_LOSS_FN(name, value)                                                                      \
    static void FN(name)(int64_t n, const T *restrict x, const T *restrict target, const T *restrict pos,    \
                         T p, T *restrict y) {                                                               \
        (void)p;                                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                                    \
            const T a = x[i], b = target[i], d = a - b, w = pos[i];                                          \
            (void)d;                                                                                         \
            (void)w;                                                                                         \
            y[i] = (value);                                                                                  \
        }                                                                                                    \
    }
#define TP__DEFINE_LOSS(name, value, slope)                                                                  \
    TP__DEFINE_LOSS_FN(name, value)                                                                          \
    TP__DEFINE_LOSS_FN(name##_slope, slope)
#define TP__LOSS_MAX(a, b) ((a) < (b) ? (b) : (a)) /* a NaN in a stays */
#define TP__LOSS_CLAMP(v, most) ((v) < -(most) ? -(most) : (v) > (most) ? (most) : (v))
#endif

TP__DEFINE_LOSS(mse_loss, d *d, NUM(2) * d)
TP__DEFINE_LOSS(l1_loss, FN(abs)(d), FN(sign)(d))
TP__DEFINE_LOSS(smooth_l1_loss, FN(abs)(d) < p ? NUM(0.5) * d * d / p : FN(abs)(d) - NUM(0.5) * p,
                TP__LOSS_CLAMP(d / p, NUM(1)))
TP__DEFINE_LOSS(huber_loss, FN(abs)(d) <= p ? NUM(0.5) * d * d : p * (FN(abs)(d) - NUM(0.5) * p),
                TP__LOSS_CLAMP(d, p))
TP__DEFINE_LOSS(bce,
                (b - NUM(1)) * TP__LOSS_MAX(FN(log1p)(-a), NUM(-100)) -
                    b * TP__LOSS_MAX(FN(log)(a), NUM(-100)),
                d / TP__LOSS_MAX((NUM(1) - a) * a, NUM(TP__LOSS_BCE_LEAST)))
TP__DEFINE_LOSS(bce_with_logits,
                (NUM(1) - b) * a + (NUM(1) + (w - NUM(1)) * b) *
                                       (TP__LOSS_MAX(-a, NUM(0)) + FN(log1p)(FN(exp)(-FN(abs)(a)))),
                (NUM(1) - b) - (NUM(1) + (w - NUM(1)) * b) * FN(sigmoid)(-a))

#ifndef TP__LOSS_PAIR
#define TP__LOSS_PAIR(name) {FN(name), FN(name##_slope)},
#endif
static FN(loss_fn) *const FN(loss_fns)[TP__LOSS_COUNT][2] = {TP__LOSS_KINDS(TP__LOSS_PAIR)};

/* One block of at most TP__LOSS_BLOCK, weighted. */
static void FN(loss_block)(const tp__loss_job *job, int64_t at, int64_t n, const T *ones, T *y) {
    const T *pos = job->pos_weight ? (const T *)job->pos_weight + at : ones;
    FN(loss_fns)[job->kind][job->slope](n, (const T *)job->x + at, (const T *)job->target + at, pos,
                                        (T)job->p, y);
    if (!job->weight) return;
    const T *weight = (const T *)job->weight + at;
    for (int64_t i = 0; i < n; i++) y[i] *= weight[i];
}

static void FN(loss_each)(const tp__loss_job *job, int64_t begin, int64_t count) {
    T ones[TP__LOSS_BLOCK], block[TP__LOSS_BLOCK];
    const T scale = (T)job->scale;
    for (int64_t i = 0; i < TP__LOSS_BLOCK; i++) ones[i] = 1;
    for (int64_t at = begin, n; at < begin + count; at += n) {
        n = begin + count - at < TP__LOSS_BLOCK ? begin + count - at : TP__LOSS_BLOCK;
        T *y = (T *)job->y + at;
        FN(loss_block)(job, at, n, ones, block);
        if (job->g) {
            const T *g = (const T *)job->g + at;
            for (int64_t i = 0; i < n; i++) y[i] = block[i] * scale * g[i];
        } else {
            for (int64_t i = 0; i < n; i++) y[i] = block[i] * scale;
        }
    }
}

static void FN(loss_sum)(const tp__loss_job *job, int64_t begin, int64_t count, void *out) {
    T ones[TP__LOSS_BLOCK], block[TP__LOSS_BLOCK], stack[TP__ROW_DEPTH];
    int depth = 0;
    for (int64_t i = 0; i < TP__LOSS_BLOCK; i++) ones[i] = 1;
    for (int64_t at = begin, k = 0, n; at < begin + count; at += n, k++) {
        n = begin + count - at < TP__LOSS_BLOCK ? begin + count - at : TP__LOSS_BLOCK;
        FN(loss_block)(job, at, n, ones, block);
        T sum = FN(row_sum_block)(n, block, block, 0);
        for (int64_t bits = k; bits & 1; bits >>= 1, depth--) sum = stack[depth - 1] + sum;
        stack[depth++] = sum;
    }
    T total = stack[--depth];
    while (depth > 0) total = stack[--depth] + total;
    *(T *)out = total;
}
