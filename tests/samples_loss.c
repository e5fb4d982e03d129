/* Samples of loss.h. */
#include <stdlib.h>

#include "support/sample.h"

static const tp_reduction *row_reduction(const sample *row) { return row->arg; }

/* Each loss by itself, `shape`, becomes what the reduction makes of it: the mean over `count`. */
static void reduced(tp_reduction reduction, tp_shape shape, const double *loss, double count, dense *out) {
    int64_t n = tp_shape_numel(shape);
    double *y = dense_new(out, reduction == TP_NONE ? shape : TP_SCALAR_SHAPE);
    for (int64_t k = 0; k < n; k++) y[reduction == TP_NONE ? k : 0] += loss[k];
    if (reduction == TP_MEAN) y[0] /= count;
}

/* ---- cross_entropy and nll_loss: in are x, target, weight; arg the other options ------------------ */

#define OPTIONS(...)                                                                                         \
    .arg = &(const tp_ce_options) { __VA_ARGS__ }

static tp_ce_options row_options(const sample *row, tp_tensor *weight) {
    tp_ce_options options = *(const tp_ce_options *)row->arg;
    options.weight = weight;
    return options;
}

SAMPLE_RUN(run_cross_entropy, tp_cross_entropy(in[0], in[1], row_options(row, in[2])))
SAMPLE_RUN(run_nll_loss, tp_nll_loss(in[0], in[1], row_options(row, in[2])))

/* The loss of one target from the log-probabilities of its classes, `step` apart. */
static double class_loss(const tp_ce_options *o, const double *logp, int64_t classes, int64_t step,
                         int64_t target, const double *weight) {
    double s = o->label_smoothing, loss = -(1 - s) * logp[target * step] * (weight ? weight[target] : 1);
    for (int64_t c = 0; c < classes && s != 0; c++)
        loss -= s / (double)classes * logp[c * step] * (weight ? weight[c] : 1);
    return loss;
}

static void classified(const sample *row, const dense *x, const double *logp, const dense *in, dense *out) {
    const tp_ce_options *o = row->arg;
    int64_t outer, classes, inner, ignored = o->has_ignore_index ? o->ignore_index : -100;
    dense_around(x->shape, x->shape.ndim > 1 ? 1 : 0, &outer, &classes, &inner);
    dense loss = {{0}};
    dense_new(&loss, in[1].shape);
    double count = 0;
    for (int64_t k = 0; k < in[1].numel; k++) {
        int64_t target = (int64_t)in[1].data[k];
        if (target == ignored) continue;
        const double *at = logp + k / inner * classes * inner + k % inner;
        loss.data[k] = class_loss(o, at, classes, inner, target, in[2].data);
        count += in[2].data ? in[2].data[target] : 1;
    }
    reduced(o->reduction, in[1].shape, loss.data, count, out);
    free(loss.data);
}

static void ref_nll_loss(const sample *row, const dense *in, dense *out) {
    classified(row, &in[0], in[0].data, in, out);
}

static void ref_cross_entropy(const sample *row, const dense *in, dense *out) {
    int64_t outer, classes, inner;
    dense_around(in[0].shape, in[0].shape.ndim > 1 ? 1 : 0, &outer, &classes, &inner);
    dense logp = {{0}};
    dense_new(&logp, in[0].shape);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t j = 0; j < inner; j++) {
            int64_t at = o * classes * inner + j;
            double largest = -INFINITY, sum = 0;
            for (int64_t c = 0; c < classes; c++) largest = fmax(largest, in[0].data[at + c * inner]);
            for (int64_t c = 0; c < classes; c++) sum += exp(in[0].data[at + c * inner] - largest);
            for (int64_t c = 0; c < classes; c++)
                logp.data[at + c * inner] = in[0].data[at + c * inner] - largest - log(sum);
        }
    classified(row, &in[0], logp.data, in, out);
    free(logp.data);
}

/* ---- mse_loss: arg is the reduction --------------------------------------------------------------- */

#define REDUCTION(reduction)                                                                                 \
    .arg = &(const tp_reduction) { reduction }

SAMPLE_RUN(run_mse_loss, tp_mse_loss(in[0], in[1], *row_reduction(row)))

static void ref_mse_loss(const sample *row, const dense *in, dense *out) {
    dense loss = {{0}};
    dense_new(&loss, in[0].shape);
    for (int64_t k = 0; k < in[0].numel; k++)
        loss.data[k] = (in[0].data[k] - in[1].data[k]) * (in[0].data[k] - in[1].data[k]);
    reduced(*row_reduction(row), in[0].shape, loss.data, (double)in[0].numel, out);
    free(loss.data);
}

/* ---- bce_with_logits: in are x, target, weight, pos_weight; arg is the reduction ------------------ */

SAMPLE_RUN(run_bce_with_logits,
           tp_bce_with_logits(in[0], in[1], (tp_bce_options){in[2], in[3], *row_reduction(row)}))

/* log(1 / (1 + exp(-x))) */
static double log_sigmoid(double x) { return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x)); }

static void ref_bce_with_logits(const sample *row, const dense *in, dense *out) {
    dense loss = {{0}};
    dense_new(&loss, in[0].shape);
    for (int64_t k = 0; k < in[0].numel; k++) {
        double x = in[0].data[k], t = in[1].data[k];
        double weight = in[2].data ? in[2].data[dense_broadcast(in[2].shape, in[0].shape, k)] : 1;
        double pos = in[3].data ? in[3].data[dense_broadcast(in[3].shape, in[0].shape, k)] : 1;
        loss.data[k] = -weight * (pos * t * log_sigmoid(x) + (1 - t) * log_sigmoid(-x));
    }
    reduced(*row_reduction(row), in[0].shape, loss.data, (double)in[0].numel, out);
    free(loss.data);
}

/* ---- rows ----------------------------------------------------------------------------------------- */

#define X(...) FLOATS(-3, 3, __VA_ARGS__)
#define LABELS(n, ...) INTS(0, n, __VA_ARGS__)
#define I32_LABELS(n, ...)                                                                                   \
    { .kind = SAMPLE_I32, .lo = 0, .hi = n, SHAPE(__VA_ARGS__) }
#define WEIGHT(n)                                                                                            \
    { FLOAT_IN(0.5, 1.5), SHAPE(n), .optional = true }
#define WEIGHTS(...)                                                                                         \
    { FLOAT_IN(0.5, 1.5), SHAPE(__VA_ARGS__), .optional = true }
#define NONE                                                                                                 \
    { .kind = SAMPLE_ABSENT, .optional = true }
#define ROW(op, what, ...)                                                                                   \
    { #op, what, run_##op, ref_##op, __VA_ARGS__ }
#define SOME_LABELS                                                                                          \
    { .kind = SAMPLE_I64, SHAPE(5), .values = VALUES(2, -100, 0, -100, 1) }

static const sample loss_rows[] = {
    ROW(cross_entropy, "mean", {X(4, 5), LABELS(5, 4), NONE}, OPTIONS(0)),
    ROW(cross_entropy, "sum", {X(4, 5), LABELS(5, 4), NONE}, OPTIONS(.reduction = TP_SUM)),
    ROW(cross_entropy, "none", {X(4, 5), LABELS(5, 4), NONE}, OPTIONS(.reduction = TP_NONE)),
    ROW(cross_entropy, "one sample, 0-d target", {X(5), {INT_IN(0, 5), SCALAR}, NONE}, OPTIONS(0)),
    ROW(cross_entropy, "I32 labels", {X(4, 5), I32_LABELS(5, 4), NONE}, OPTIONS(0)),
    ROW(cross_entropy, "images", {X(2, 3, 2, 2), LABELS(3, 2, 2, 2), NONE}, OPTIONS(0)),
    ROW(cross_entropy, "images, none", {X(2, 3, 4), LABELS(3, 2, 4), NONE}, OPTIONS(.reduction = TP_NONE)),
    ROW(cross_entropy, "weight", {X(4, 5), LABELS(5, 4), WEIGHT(5)}, OPTIONS(0)),
    ROW(cross_entropy, "weight, sum", {X(4, 5), LABELS(5, 4), WEIGHT(5)}, OPTIONS(.reduction = TP_SUM)),
    ROW(cross_entropy, "ignored", {X(5, 3), SOME_LABELS, NONE}, OPTIONS(0)),
    ROW(cross_entropy, "ignored, weight", {X(5, 3), SOME_LABELS, WEIGHT(3)}, OPTIONS(0)),
    ROW(cross_entropy, "a class ignored", {X(6, 3), LABELS(3, 6), NONE},
        OPTIONS(.has_ignore_index = true, .ignore_index = 1)),
    ROW(cross_entropy, "ignored, none", {X(5, 3), SOME_LABELS, NONE}, OPTIONS(.reduction = TP_NONE)),
    ROW(cross_entropy, "smoothing", {X(4, 5), LABELS(5, 4), NONE}, OPTIONS(.label_smoothing = 0.2)),
    ROW(cross_entropy, "smoothing, weight, ignored", {X(5, 3), SOME_LABELS, WEIGHT(3)},
        OPTIONS(.label_smoothing = 0.1)),
    ROW(cross_entropy, "all smoothing, none", {X(4, 5), LABELS(5, 4), WEIGHT(5)},
        OPTIONS(.label_smoothing = 1, .reduction = TP_NONE)),
    ROW(cross_entropy, "far from zero", {FLOATS(700, 703, 4, 5), LABELS(5, 4), NONE}, OPTIONS(0),
        .tol_f32 = 1e-4),
    ROW(cross_entropy, "wide rows", {X(1, 37), LABELS(37, 1), NONE}, OPTIONS(0)),
    ROW(cross_entropy, "no rows", {X(0, 3), LABELS(3, 0), NONE}, OPTIONS(0), .flags = SAMPLE_NAN),
    ROW(cross_entropy, "no rows, sum", {X(0, 3), LABELS(3, 0), NONE}, OPTIONS(.reduction = TP_SUM)),
    ROW(cross_entropy, "large", {X(3000, 50), LABELS(50, 3000), NONE}, OPTIONS(0), .flags = SAMPLE_LARGE),
    ROW(cross_entropy, "large, many classes", {X(40, 3000), LABELS(3000, 40), NONE},
        OPTIONS(.label_smoothing = 0.1), .flags = SAMPLE_LARGE),
    ROW(nll_loss, "mean", {X(4, 5), LABELS(5, 4), NONE}, OPTIONS(0)),
    ROW(nll_loss, "sum", {X(4, 5), LABELS(5, 4), NONE}, OPTIONS(.reduction = TP_SUM)),
    ROW(nll_loss, "none", {X(4, 5), LABELS(5, 4), NONE}, OPTIONS(.reduction = TP_NONE)),
    ROW(nll_loss, "one sample", {X(5), {INT_IN(0, 5), SCALAR}, NONE}, OPTIONS(0)),
    ROW(nll_loss, "images, weight", {X(2, 3, 4), LABELS(3, 2, 4), WEIGHT(3)}, OPTIONS(0)),
    ROW(nll_loss, "ignored", {X(5, 3), SOME_LABELS, NONE}, OPTIONS(0)),
    ROW(nll_loss, "ignored, weight", {X(5, 3), SOME_LABELS, WEIGHT(3)}, OPTIONS(0)),
    ROW(nll_loss, "large", {X(3000, 50), LABELS(50, 3000), NONE}, OPTIONS(0), .flags = SAMPLE_LARGE),
    ROW(mse_loss, "mean", {X(3, 4), X(3, 4)}, REDUCTION(TP_MEAN)),
    ROW(mse_loss, "sum", {X(3, 4), X(3, 4)}, REDUCTION(TP_SUM)),
    ROW(mse_loss, "none", {X(3, 4), X(3, 4)}, REDUCTION(TP_NONE)),
    ROW(mse_loss, "0-d", {{FLOAT_IN(-2, 2), SCALAR}, {FLOAT_IN(-2, 2), SCALAR}}, REDUCTION(TP_MEAN)),
    ROW(mse_loss, "no elements", {X(0, 3), X(0, 3)}, REDUCTION(TP_MEAN), .flags = SAMPLE_NAN),
    ROW(mse_loss, "constant target", {X(3, 4), {FLOAT_IN(-3, 3), SHAPE(3, 4), .fixed = true}},
        REDUCTION(TP_MEAN)),
    ROW(mse_loss, "large", {X(500, 400), X(500, 400)}, REDUCTION(TP_MEAN), .flags = SAMPLE_LARGE),
    ROW(bce_with_logits, "mean", {X(3, 4), FLOATS(0, 1, 3, 4), NONE, NONE}, REDUCTION(TP_MEAN)),
    ROW(bce_with_logits, "sum", {X(3, 4), FLOATS(0, 1, 3, 4), NONE, NONE}, REDUCTION(TP_SUM)),
    ROW(bce_with_logits, "none", {X(3, 4), FLOATS(0, 1, 3, 4), NONE, NONE}, REDUCTION(TP_NONE)),
    ROW(bce_with_logits, "weight", {X(3, 4), FLOATS(0, 1, 3, 4), WEIGHTS(3, 1), NONE}, REDUCTION(TP_MEAN)),
    ROW(bce_with_logits, "pos_weight", {X(3, 4), FLOATS(0, 1, 3, 4), NONE, WEIGHTS(4)}, REDUCTION(TP_MEAN)),
    ROW(bce_with_logits, "both weights", {X(3, 4), FLOATS(0, 1, 3, 4), WEIGHTS(3, 4), WEIGHTS(4)},
        REDUCTION(TP_SUM)),
    ROW(bce_with_logits, "far from zero",
        {FLOATS(-90, 90, 3, 4), {FLOAT_IN(0, 1), SHAPE(3, 4), .fixed = true}, NONE, NONE},
        REDUCTION(TP_MEAN)),
    ROW(bce_with_logits, "0-d", {{FLOAT_IN(-2, 2), SCALAR}, {FLOAT_IN(0, 1), SCALAR}, NONE, NONE},
        REDUCTION(TP_MEAN)),
    ROW(bce_with_logits, "no elements", {X(0), X(0), NONE, NONE}, REDUCTION(TP_SUM)),
    ROW(bce_with_logits, "large", {X(500, 400), FLOATS(0, 1, 500, 400), NONE, NONE}, REDUCTION(TP_MEAN),
        .flags = SAMPLE_LARGE),
};

SAMPLE_FAMILY(loss, loss_rows)
