#include "core/philox.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/tensor.h"

void tp__philox(uint64_t seed, uint64_t block, uint32_t out[4]) {
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32), c2 = 0, c3 = 0;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* ---- the few functions of libm that are needed, the same bits everywhere ----------------------------- */

/* log(x) for x in (0, 1], from the series of atanh about the nearest power of two; relative error below 1e-15. */
static double draw_log(double x) {
    int exponent;
    double m = frexp(x, &exponent); /* exact: no rounding is involved */
    if (m < 0.70710678118654752) {
        m *= 2;
        exponent--;
    }
    double z = (m - 1) / (m + 1), z2 = z * z, sum = 0;
    for (int k = 21; k >= 1; k -= 2) sum = sum * z2 + 1.0 / k;
    return 2 * z * sum + exponent * 0.69314718055994530942;
}

/* sin and cos of 2 pi t for t in [0, 1): Taylor series in the nearest eighth of a turn. */
static void draw_sincos(double t, double *sine, double *cosine) {
    double quarter = floor(4 * t + 0.5); /* 0 .. 4 */
    double a = (t - quarter * 0.25) * 6.28318530717958647693, a2 = a * a;
    double s = 0, c = 0;
    static const double sin_terms[] = {-1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880,
                                       -1.0 / 5040,          1.0 / 120,        -1.0 / 6,        1.0};
    static const double cos_terms[] = {1.0 / 20922789888000,
                                       -1.0 / 87178291200,
                                       1.0 / 479001600,
                                       -1.0 / 3628800,
                                       1.0 / 40320,
                                       -1.0 / 720,
                                       1.0 / 24,
                                       -0.5,
                                       1.0};
    for (int i = 0; i < 8; i++) s = s * a2 + sin_terms[i];
    for (int i = 0; i < 9; i++) c = c * a2 + cos_terms[i];
    s *= a;
    switch ((int)quarter & 3) {
    case 0: *sine = s, *cosine = c; break;
    case 1: *sine = c, *cosine = -s; break;
    case 2: *sine = -s, *cosine = -c; break;
    default: *sine = -c, *cosine = s; break;
    }
}

static uint64_t draw_word64(const uint32_t *w) { return (uint64_t)w[1] << 32 | w[0]; }

static double draw_unit53(const uint32_t *w) { return (double)(draw_word64(w) >> 11) * 0x1p-53; }

/* Box-Muller: u in (0, 1], t in [0, 1). */
static void draw_normal_pair(double u, double t, double out[2]) {
    double r = sqrt(-2 * draw_log(u)), s, c;
    draw_sincos(t, &s, &c);
    out[0] = r * c;
    out[1] = r * s;
}

/* ---- filling ----------------------------------------------------------------------------------------- */

typedef struct draw_job {
    const tp__draw *draw;
    tp_generator_state state;
    char *out;
    int64_t n;
    int per_block; /* elements made from one block */
} draw_job;

/* As integer, x in [0, 2^64) becomes floor(x range / 2^64): the bias is below range / 2^64. */
static int64_t draw_integer(const tp__draw *d, const uint32_t *w) {
    return (int64_t)((uint64_t)d->low + (uint64_t)(((unsigned __int128)draw_word64(w) * d->range) >> 64));
}

/* The elements of one block as doubles. */
static void draw_reals(const tp__draw *d, const uint32_t w[4], double v[4]) {
    bool wide = d->dtype == TP_F64;
    switch (d->kind) {
    case TP__DRAW_UNIFORM:
        for (int i = 0; i < (wide ? 2 : 4); i++) {
            double u = wide ? draw_unit53(w + 2 * i) : (double)(w[i] >> 8) * 0x1p-24;
            v[i] = d->a + (d->b - d->a) * u;
            if (v[i] >= d->b && d->b > d->a)
                v[i] = nextafter(d->b, d->a); /* rounded to the end of the half-open interval */
        }
        break;
    case TP__DRAW_NORMAL:
        if (wide) {
            draw_normal_pair(1 - draw_unit53(w), draw_unit53(w + 2), v);
        } else {
            draw_normal_pair(((double)w[0] + 1) * 0x1p-32, (double)w[1] * 0x1p-32, v);
            draw_normal_pair(((double)w[2] + 1) * 0x1p-32, (double)w[3] * 0x1p-32, v + 2);
        }
        for (int i = 0; i < (wide ? 2 : 4); i++) v[i] = d->a + d->b * v[i];
        break;
    case TP__DRAW_INTEGER:
        for (int i = 0; i < 2; i++) v[i] = (double)draw_integer(d, w + 2 * i);
        break;
    case TP__DRAW_BERNOULLI:
        for (int i = 0; i < 4; i++) v[i] = (double)w[i] * 0x1p-32 < d->a;
        break;
    }
}

static void draw_store(const tp__draw *d, const uint32_t w[4], char *out, int count) {
    double v[4] = {0};
    draw_reals(d, w, v);
    if (d->dtype == TP_F32) {
        for (int i = 0; i < count; i++) {
            float f = (float)v[i];
            /* Rounding to float may reach the end of the half-open interval. */
            if (d->kind == TP__DRAW_UNIFORM && f >= (float)d->b && d->b > d->a)
                f = nextafterf((float)d->b, (float)d->a);
            memcpy(out + 4 * (size_t)i, &f, sizeof f);
        }
    } else if (d->kind == TP__DRAW_INTEGER && d->dtype == TP_I64) {
        for (int i = 0; i < count; i++) {
            int64_t k = draw_integer(d, w + 2 * i);
            memcpy(out + 8 * (size_t)i, &k, sizeof k);
        }
    } else {
        size_t item = tp__itemsize(d->dtype);
        for (int i = 0; i < count; i++) tp__store_f64(out + item * (size_t)i, d->dtype, v[i]);
    }
}

/* Masks of bytes, as dropout draws them: u 2^-32 < p, asked of the word itself. */
static void draw_bytes(const draw_job *job, int64_t begin, int64_t end) {
    uint64_t threshold = (uint64_t)ceil(job->draw->a * 0x1p32);
    uint8_t *out = (uint8_t *)job->out;
    for (int64_t block = begin; block < end; block++) {
        uint32_t w[4];
        tp__philox(job->state.seed, job->state.offset + (uint64_t)block, w);
        int64_t left = job->n - 4 * block;
        for (int i = 0; i < (left < 4 ? (int)left : 4); i++) out[4 * block + i] = w[i] < threshold;
    }
}

static void draw_blocks(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const draw_job *job = context;
    if (job->draw->kind == TP__DRAW_BERNOULLI && tp__itemsize(job->draw->dtype) == 1) {
        draw_bytes(job, begin, end);
        return;
    }
    size_t item = tp__itemsize(job->draw->dtype);
    for (int64_t block = begin; block < end; block++) {
        uint32_t w[4];
        tp__philox(job->state.seed, job->state.offset + (uint64_t)block, w);
        int64_t at = block * job->per_block, left = job->n - at;
        draw_store(job->draw, w, job->out + item * (size_t)at,
                   left < job->per_block ? (int)left : job->per_block);
    }
}

void tp__draw_fill(const tp__draw *draw, tp_generator *generator, void *out, int64_t n) {
    if (!generator) generator = tp_default_generator();
    bool two_words =
        draw->kind == TP__DRAW_INTEGER || (draw->dtype == TP_F64 && draw->kind != TP__DRAW_BERNOULLI);
    draw_job job = {draw, generator->state, out, n, two_words ? 2 : 4};
    int64_t blocks = (n + job.per_block - 1) / job.per_block;
    tp__parallel_for(blocks, 2048, draw_blocks, &job);
    generator->state.offset += (uint64_t)blocks;
}

/* ---- generators -------------------------------------------------------------------------------------- */

void tp_manual_seed(uint64_t seed) { tp__self()->generator.state = (tp_generator_state){.seed = seed}; }

tp_generator *tp_default_generator(void) { return &tp__self()->generator; }

tp_generator *tp_generator_new(uint64_t seed) {
    tp_generator *g = tp__alloc(sizeof *g);
    if (!g) {
        tp__error_memory("generator_new", sizeof *g);
        return NULL;
    }
    g->state = (tp_generator_state){.seed = seed};
    tp__count(&tp__self()->counters.objects, 1);
    return g;
}

void tp_generator_free(tp_generator *generator) {
    if (!generator) return;
    tp__count(&tp__self()->counters.objects, -1);
    tp__free(generator);
}

tp_generator_state tp_generator_get_state(const tp_generator *generator) {
    return generator ? generator->state : tp_default_generator()->state;
}

void tp_generator_set_state(tp_generator *generator, tp_generator_state state) {
    (generator ? generator : tp_default_generator())->state = state;
}

double tp_generator_uniform(tp_generator *generator) {
    if (!generator) generator = tp_default_generator();
    uint32_t w[4];
    tp__philox(generator->state.seed, generator->state.offset++, w);
    return draw_unit53(w);
}

int64_t tp_generator_below(tp_generator *generator, int64_t n) {
    if (n <= 1) return 0;
    if (!generator) generator = tp_default_generator();
    uint64_t range = (uint64_t)n,
             threshold = -range % range; /* 2^64 mod n: products below it are drawn again */
    for (;;) {
        uint32_t w[4];
        tp__philox(generator->state.seed, generator->state.offset++, w);
        unsigned __int128 product = (unsigned __int128)draw_word64(w) * range;
        if ((uint64_t)product >= threshold) return (int64_t)(product >> 64);
    }
}
