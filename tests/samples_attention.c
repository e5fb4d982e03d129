/* Samples of attention.h. */
#include <stdlib.h>

#include "support/sample.h"

/* In are q, k, v and the mask; p[0] is the scale, i[0] causal, i[1] grouped heads, p[1] the dropout. */
static int run_attention(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    out[0] = tp_scaled_dot_product_attention(in[0], in[1], in[2],
                                             (tp_attention_options){.attn_mask = in[3],
                                                                    .dropout_p = row->p[1],
                                                                    .is_causal = row->i[0] != 0,
                                                                    .scale = row->p[0],
                                                                    .enable_gqa = row->i[1] != 0});
    return 1;
}

static tp_shape leading(tp_shape shape) {
    shape.ndim -= 2;
    return shape;
}

/* Where the matrix of the batch `n` of shape `all` begins, of an operand whose heads are each used for several of `all`. */
static const double *matrix(const dense *x, tp_shape all, int64_t n) {
    tp_shape from = leading(x->shape);
    const int64_t *d = x->shape.dims + from.ndim, size = d[0] * d[1];
    int64_t heads = from.ndim ? from.dims[from.ndim - 1] : 1, of_all = all.ndim ? all.dims[all.ndim - 1] : 1;
    if (heads > 1 && heads < of_all) { /* grouped: number the heads as those of x */
        int64_t each = of_all / heads;
        n = n / of_all * heads + n % of_all / each;
        all.dims[all.ndim - 1] = heads;
    }
    return x->data + size * dense_broadcast(from, all, n);
}

static void attention_row(const double *q, const double *k, const double *v, double *score, int64_t s,
                          int64_t e, int64_t ev, double scale, double *y) {
    double most = -INFINITY, sum = 0;
    for (int64_t j = 0; j < s; j++) {
        double dot = 0;
        for (int64_t c = 0; c < e; c++) dot += q[c] * k[j * e + c];
        score[j] = score[j] == -INFINITY ? score[j] : score[j] + scale * dot;
        if (score[j] > most || score[j] != score[j]) most = score[j];
    }
    if (most == -INFINITY) return;
    for (int64_t j = 0; j < s; j++) sum += exp(score[j] - most);
    for (int64_t j = 0; j < s; j++)
        for (int64_t c = 0; c < ev; c++) y[c] += exp(score[j] - most) / sum * v[j * ev + c];
}

static void ref_attention(const sample *row, const dense *in, dense *out) {
    tp_shape all =
        dense_broadcast_shape(leading(in[0].shape), row->i[1] ? leading(in[0].shape) : leading(in[1].shape));
    if (!row->i[1]) all = dense_broadcast_shape(all, leading(in[2].shape));
    const int64_t l = in[0].shape.dims[in[0].shape.ndim - 2], e = in[0].shape.dims[in[0].shape.ndim - 1],
                  s = in[1].shape.dims[in[1].shape.ndim - 2], ev = in[2].shape.dims[in[2].shape.ndim - 1];
    tp_shape shape = all, scores = all;
    shape.dims[shape.ndim++] = scores.dims[scores.ndim++] = l;
    shape.dims[shape.ndim++] = ev;
    scores.dims[scores.ndim++] = s;
    double *y = dense_new(out, shape), *score = calloc((size_t)s + 1, sizeof *score);
    const double scale = row->p[0] != 0 || signbit(row->p[0]) ? row->p[0] : 1 / sqrt((double)(e ? e : 1));
    for (int64_t n = 0; ev && n < out->numel / ev; n++) {
        const int64_t b = n / l, i = n % l;
        for (int64_t j = 0; j < s; j++) {
            double add = in[3].data ? in[3].data[dense_broadcast(in[3].shape, scores, n * s + j)] : 0;
            if (row->in[3].kind == SAMPLE_BOOL) add = add != 0 ? 0 : -INFINITY;
            score[j] = row->i[0] && j > i ? -INFINITY : add;
        }
        if (row->p[1] != 1)
            attention_row(matrix(&in[0], all, b) + i * e, matrix(&in[1], all, b), matrix(&in[2], all, b),
                          score, s, e, ev, scale, y + n * ev);
    }
    free(score);
}

SAMPLE_RUN(run_positions, tp_sinusoidal_positions(row->i[0], row->i[1], TP_F64))
static void ref_positions(const sample *row, const dense *in, dense *out) {
    (void)in;
    const int64_t dim = row->i[1];
    double *y = dense_new(out, TP_SHAPE(row->i[0], dim));
    for (int64_t k = 0; k < out->numel; k++) {
        double angle = (double)(k / dim) * exp(-log(10000) * (double)(k % dim / 2 * 2) / (double)dim);
        y[k] = k % dim % 2 ? cos(angle) : sin(angle);
    }
}

/* clang-format off */
#define OF(...) FLOATS(-1, 1, __VA_ARGS__)
#define NONE {.kind = SAMPLE_ABSENT, .optional = true}
#define BOOLEAN(...) {.kind = SAMPLE_BOOL, SHAPE(__VA_ARGS__), .optional = true}
#define ADDED(...) {FLOAT_IN(-2, 2), SHAPE(__VA_ARGS__), .optional = true, .fixed = true}
#define LEARNED(...) {FLOAT_IN(-2, 2), SHAPE(__VA_ARGS__), .optional = true}
#define CAUSAL .i = {1}
#define GROUPED .i = {0, 1}
#define ROW(what, ...) {"scaled_dot_product_attention", what, run_attention, ref_attention, __VA_ARGS__}
#define POSITIONS(what, length, dim) {"sinusoidal_positions", what, run_positions, ref_positions, .i = {length, dim}, .flags = SAMPLE_NO_GRAD}

static const sample attention_rows[] = {
    ROW("matrices", {OF(3, 4), OF(5, 4), OF(5, 2), NONE}),
    ROW("batch", {OF(2, 3, 2), OF(2, 4, 2), OF(2, 4, 3), NONE}),
    ROW("heads", {OF(2, 2, 3, 2), OF(2, 2, 3, 2), OF(2, 2, 3, 2), NONE}),
    ROW("one key", {OF(2, 3, 2), OF(2, 1, 2), OF(2, 1, 3), NONE}),
    ROW("scale", {OF(3, 4), OF(5, 4), OF(5, 2), NONE}, .p = {-1.5}),
    ROW("scale of zero", {OF(3, 2), OF(4, 2), OF(4, 2), NONE}, .p = {-0.0}),
    ROW("causal", {OF(2, 4, 2), OF(2, 4, 2), OF(2, 4, 2), NONE}, CAUSAL),
    ROW("causal, more keys", {OF(3, 2), OF(5, 2), OF(5, 2), NONE}, CAUSAL),
    ROW("causal, more queries", {OF(5, 2), OF(3, 2), OF(3, 2), NONE}, CAUSAL),
    ROW("mask", {OF(2, 3, 2), OF(2, 4, 2), OF(2, 4, 2), BOOLEAN(2, 3, 4)}),
    ROW("mask for all heads", {OF(2, 2, 3, 2), OF(2, 2, 4, 2), OF(2, 2, 4, 1), BOOLEAN(2, 1, 3, 4)}),
    ROW("mask of keys", {OF(2, 2, 3, 2), OF(2, 2, 4, 2), OF(2, 2, 4, 1), BOOLEAN(2, 1, 1, 4)}),
    ROW("mask of queries", {OF(2, 3, 2), OF(2, 4, 2), OF(2, 4, 2), BOOLEAN(3, 1)}),
    ROW("a query sees nothing", {OF(3, 2), OF(2, 2), OF(2, 2), {.kind = SAMPLE_BOOL, SHAPE(3, 2), .optional = true, .values = VALUES(1, 1, 0, 0, 0, 1)}}),
    ROW("mask and causal", {OF(2, 4, 2), OF(2, 4, 2), OF(2, 4, 2), BOOLEAN(2, 1, 4)}, CAUSAL),
    ROW("added mask", {OF(2, 3, 2), OF(2, 4, 2), OF(2, 4, 2), ADDED(3, 4)}),
    ROW("added, a query sees nothing", {OF(3, 2), OF(2, 2), OF(2, 2),
        {FLOAT_IN(0, 1), SHAPE(3, 2), .optional = true, .fixed = true, .values = VALUES(0.5, -INFINITY, -INFINITY, -INFINITY, 1, 2)}}),
    ROW("added, of float32", {OF(3, 2), OF(4, 2), OF(4, 2), {.kind = SAMPLE_F32, .lo = -1, .hi = 1, SHAPE(4), .optional = true, .fixed = true}},
        .dtype = "float64"),
    ROW("added, of a number", {OF(3, 2), OF(4, 2), OF(4, 2), {FLOAT_IN(-1, 1), SCALAR, .optional = true, .fixed = true}}),
    ROW("learned mask", {OF(2, 3, 2), OF(2, 4, 2), OF(2, 4, 2), LEARNED(2, 1, 4)}),
    ROW("learned, causal", {OF(2, 3, 2), OF(2, 3, 2), OF(2, 3, 2), LEARNED(3, 3)}, CAUSAL),
    ROW("broadcast keys", {OF(2, 2, 3, 2), OF(2, 1, 4, 2), OF(4, 2), NONE}),
    ROW("broadcast queries", {OF(3, 2), OF(2, 4, 2), OF(2, 4, 2), BOOLEAN(2, 3, 4)}),
    ROW("grouped heads", {OF(2, 4, 2, 2), OF(2, 2, 3, 2), OF(2, 2, 3, 2), NONE}, GROUPED),
    ROW("groups of two sizes", {OF(4, 3, 2), OF(2, 3, 2), OF(1, 3, 2), BOOLEAN(4, 3, 3)}, .i = {1, 1}),
    ROW("all dropped", {OF(3, 2), OF(4, 2), OF(4, 2), NONE}, .p = {0, 1}, .flags = SAMPLE_ZERO_GRAD),
    ROW("no queries", {OF(2, 0, 2), OF(2, 4, 2), OF(2, 4, 2), NONE}),
    ROW("no keys", {OF(2, 3, 2), OF(2, 0, 2), OF(2, 0, 2), NONE}, .flags = SAMPLE_ZERO_GRAD),
    ROW("no keys to mask", {OF(2, 3, 2), OF(2, 0, 2), OF(2, 0, 2), BOOLEAN(3, 0)}, .flags = SAMPLE_ZERO_GRAD),
    ROW("no batch", {OF(0, 3, 2), OF(0, 4, 2), OF(0, 4, 2), NONE}),
    ROW("no features", {OF(2, 3, 0), OF(2, 4, 0), OF(2, 4, 2), NONE}),
    ROW("no values", {OF(2, 3, 2), OF(2, 4, 2), OF(2, 4, 0), NONE}),
    ROW("not a number", {{FLOAT_IN(-1, 1), SHAPE(3, 2), .values = VALUES(1, 2, NAN, 0, -1, 1)}, OF(4, 2), OF(4, 2), NONE}, CAUSAL, .flags = SAMPLE_NAN),
    ROW("blocks", {OF(2, 70, 5), OF(2, 70, 5), OF(2, 70, 3), NONE}, .flags = SAMPLE_LARGE),
    ROW("large", {OF(3, 150, 16), OF(3, 700, 16), OF(3, 700, 17), NONE}, .flags = SAMPLE_LARGE),
    ROW("one long sequence", {OF(300, 8), OF(1100, 8), OF(1100, 5), NONE}, .flags = SAMPLE_LARGE),
    ROW("one long sequence, causal", {OF(700, 8), OF(700, 8), OF(700, 8), BOOLEAN(700)}, CAUSAL, .flags = SAMPLE_LARGE),
    ROW("large, causal", {OF(2, 2, 300, 9), OF(2, 2, 300, 9), OF(2, 2, 300, 9), NONE}, CAUSAL, .flags = SAMPLE_LARGE),
    ROW("large, mask", {OF(2, 2, 260, 8), OF(2, 2, 530, 8), OF(2, 2, 530, 8), BOOLEAN(2, 1, 260, 530)}, .flags = SAMPLE_LARGE),
    ROW("large, added, causal", {OF(2, 200, 8), OF(2, 300, 8), OF(2, 300, 8), ADDED(2, 1, 300)}, CAUSAL, .flags = SAMPLE_LARGE),
    POSITIONS("even", 7, 6), POSITIONS("odd", 5, 5), POSITIONS("one", 3, 1), POSITIONS("no positions", 0, 4), POSITIONS("no features", 4, 0),
};
/* clang-format on */

SAMPLE_FAMILY(attention, attention_rows)
