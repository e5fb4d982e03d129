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

/* Class probabilities in place of labels; the mean is over the samples. */
static void ref_probabilities(const sample *row, const dense *in, dense *out) {
    const tp_ce_options *o = row->arg;
    int64_t outer, classes, inner, dim = in[0].shape.ndim > 1;
    dense_around(in[0].shape, (int)dim, &outer, &classes, &inner);
    dense loss = {{0}};
    tp_shape shape = {in[0].shape.ndim - 1, {0}};
    for (int d = 0; d < shape.ndim; d++) shape.dims[d] = in[0].shape.dims[d < dim ? d : d + 1];
    dense_new(&loss, shape);
    for (int64_t k = 0; k < loss.numel; k++) {
        const double *x = in[0].data + k / inner * classes * inner + k % inner;
        const double *t = in[1].data + k / inner * classes * inner + k % inner;
        double sum = 0;
        for (int64_t c = 0; c < classes; c++) sum += exp(x[c * inner]);
        for (int64_t c = 0; c < classes; c++) {
            double share = (1 - o->label_smoothing) * t[c * inner] + o->label_smoothing / (double)classes;
            loss.data[k] -= share * (x[c * inner] - log(sum)) * (in[2].data ? in[2].data[c] : 1);
        }
    }
    reduced(o->reduction, shape, loss.data, (double)loss.numel, out);
    free(loss.data);
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

/* ---- ctc_loss: in are x, targets, input_lengths, target_lengths; arg the options ------------------- */

#define CTC(...)                                                                                             \
    .arg = &(const tp_ctc_options) { __VA_ARGS__ }

SAMPLE_RUN(run_ctc_loss, tp_ctc_loss(in[0], in[1], in[2], in[3], *(const tp_ctc_options *)row->arg))

/* The probability of labels[0 .. count) in the first `steps` steps of the sample, by the number of labels said so far and whether
 * a blank was the last. */
static double said(const double *x, int64_t stride, int64_t steps, const double *labels, int64_t count,
                   int64_t blank) {
    double *now = calloc((size_t)(4 * count + 4), sizeof *now), *next = now + 2 * count + 2;
    now[0] =
        1; /* 2 k: after k labels and a blank, or nothing; 2 k + 1: with the k-th label, from 0, as the last */
    for (int64_t t = 0; t < steps; t++, x += stride) {
        for (int64_t k = 0; k <= count; k++) {
            next[2 * k] = exp(x[blank]) * (now[2 * k] + (k > 0 ? now[2 * k - 1] : 0));
            if (k == count) continue;
            double from = now[2 * k + 1] + now[2 * k];
            if (k > 0 && labels[k] != labels[k - 1]) from += now[2 * k - 1];
            next[2 * k + 1] = exp(x[(int64_t)labels[k]]) * from;
        }
        for (int64_t i = 0; i < 2 * count + 1; i++) now[i] = next[i];
    }
    double p = now[2 * count] + (count > 0 ? now[2 * count - 1] : 0);
    free(now);
    return p;
}

static void ref_ctc_loss(const sample *row, const dense *in, dense *out) {
    const tp_ctc_options *o = row->arg;
    const bool alone = in[0].shape.ndim == 2;
    int64_t steps = in[0].shape.dims[0], batch = alone ? 1 : in[0].shape.dims[1], next = 0;
    int64_t classes = in[0].shape.dims[alone ? 1 : 2], widest = in[1].shape.dims[in[1].shape.ndim - 1];
    dense loss = {{0}};
    dense_new(&loss, TP_SHAPE(batch));
    for (int64_t n = 0; n < batch; n++) {
        int64_t count = in[3].data ? (int64_t)in[3].data[n] : widest;
        const double *labels = in[1].data + (in[1].shape.ndim == 2 ? n * widest : next);
        next += count;
        double p = said(in[0].data + n * classes, batch * classes,
                        in[2].data ? (int64_t)in[2].data[n] : steps, labels, count, o->blank);
        loss.data[n] = p == 0 && o->zero_infinity ? 0 : -log(p);
        if (o->reduction == TP_MEAN && count > 1) loss.data[n] /= (double)count;
    }
    reduced(o->reduction, alone ? TP_SCALAR_SHAPE : TP_SHAPE(batch), loss.data, (double)batch, out);
    free(loss.data);
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

/* ---- losses of elements: arg is a loss_case ------------------------------------------------------- */

typedef struct loss_case {
    tp_reduction reduction;
    double number; /* beta, delta or margin */
    bool flag, other;
    double eps;
} loss_case;

#define CASE(...)                                                                                            \
    .arg = &(const loss_case) { __VA_ARGS__ }
#define C(row) ((const loss_case *)(row)->arg)

/* The mean, sum or all of f(x, y, z), whose arguments broadcast. */
typedef double each_fn(const loss_case *c, double x, double y, double z);
static void each(const sample *row, const dense *in, dense *out, each_fn *f) {
    tp_shape shape = dense_broadcast_shape(in[0].shape, in[1].shape);
    if (in[2].data) shape = dense_broadcast_shape(shape, in[2].shape);
    dense loss = {{0}};
    dense_new(&loss, shape);
    for (int64_t k = 0; k < loss.numel; k++)
        loss.data[k] = f(C(row), in[0].data[dense_broadcast(in[0].shape, shape, k)],
                         in[1].data[dense_broadcast(in[1].shape, shape, k)],
                         in[2].data ? in[2].data[dense_broadcast(in[2].shape, shape, k)] : 1);
    reduced(C(row)->reduction, shape, loss.data, (double)loss.numel, out);
    free(loss.data);
}
#define EACH(op)                                                                                             \
    static void ref_##op(const sample *row, const dense *in, dense *out) { each(row, in, out, each_##op); }
#define EACH_FN(op)                                                                                          \
    static double each_##op(const loss_case *c, double x, double y, double z);                               \
    EACH(op)                                                                                                 \
    static double each_##op(const loss_case *c, double x, double y, double z)
#define UNUSED ((void)c, (void)x, (void)y, (void)z)

SAMPLE_RUN(run_l1_loss, tp_l1_loss(in[0], in[1], C(row)->reduction))
EACH_FN(l1_loss) {
    UNUSED;
    return fabs(x - y);
}

SAMPLE_RUN(run_smooth_l1_loss, tp_smooth_l1_loss(in[0], in[1], C(row)->number, C(row)->reduction))
EACH_FN(smooth_l1_loss) {
    UNUSED;
    double beta = c->number != 0 ? c->number : signbit(c->number) ? 0 : 1, d = fabs(x - y);
    return d < beta ? d * d / (2 * beta) : d - beta / 2;
}

SAMPLE_RUN(run_huber_loss, tp_huber_loss(in[0], in[1], C(row)->number, C(row)->reduction))
EACH_FN(huber_loss) {
    UNUSED;
    double delta = c->number != 0 ? c->number : 1, d = fabs(x - y);
    return d <= delta ? d * d / 2 : delta * (d - delta / 2);
}

SAMPLE_RUN(run_bce, tp_bce(in[0], in[1], (tp_bce_options){in[2], NULL, C(row)->reduction}))
EACH_FN(bce) {
    UNUSED;
    return -z * (y * fmax(log(x), -100) + (1 - y) * fmax(log1p(-x), -100));
}

SAMPLE_RUN(run_kl_div, tp_kl_div(in[0], in[1],
                                 (tp_kl_div_options){.log_target = C(row)->flag,
                                                     .batchmean = C(row)->other,
                                                     .reduction = C(row)->reduction}))
static double each_kl_div(const loss_case *c, double x, double y, double z) {
    UNUSED;
    return c->flag ? exp(y) * (y - x) : y == 0 ? 0 : y * (log(y) - x);
}
static void ref_kl_div(const sample *row, const dense *in, dense *out) {
    loss_case summed = *C(row);
    if (summed.other) summed.reduction = TP_SUM;
    sample copy = *row;
    copy.arg = &summed;
    each(&copy, in, out, each_kl_div);
    if (summed.other && in[0].shape.ndim > 0) out->data[0] /= (double)in[0].shape.dims[0];
}

SAMPLE_RUN(run_gaussian_nll_loss,
           tp_gaussian_nll_loss(in[0], in[1], in[2],
                                (tp_gaussian_nll_options){C(row)->flag, C(row)->eps, C(row)->reduction}))
static double each_gaussian_nll(const loss_case *c, double x, double y, double z) {
    double var = fmax(z, c->eps != 0 ? c->eps : 1e-6), loss = (log(var) + (x - y) * (x - y) / var) / 2;
    return c->flag ? loss + log(2 * 3.14159265358979323846) / 2 : loss;
}
static void ref_gaussian_nll_loss(const sample *row, const dense *in, dense *out) {
    dense wide[3] = {in[0], in[1], in[2]};
    if (wide[2].shape.ndim < wide[0].shape.ndim) wide[2].shape.dims[wide[2].shape.ndim++] = 1;
    each(row, wide, out, each_gaussian_nll);
}

SAMPLE_RUN(run_poisson_nll_loss,
           tp_poisson_nll_loss(in[0], in[1],
                               (tp_poisson_nll_options){.no_log = C(row)->flag,
                                                        .full = C(row)->other,
                                                        .eps = C(row)->eps,
                                                        .reduction = C(row)->reduction}))
EACH_FN(poisson_nll_loss) {
    UNUSED;
    double eps = c->eps != 0 ? c->eps : 1e-8, loss = c->flag ? x - y * log(x + eps) : exp(x) - y * x;
    if (c->other && y > 1) loss += y * log(y) - y + log(2 * 3.14159265358979323846 * y) / 2;
    return loss;
}

SAMPLE_RUN(run_sigmoid_focal_loss,
           tp_sigmoid_focal_loss(in[0], in[1],
                                 (tp_focal_options){C(row)->number, C(row)->eps, C(row)->reduction}))
EACH_FN(sigmoid_focal_loss) {
    UNUSED;
    double alpha = c->number != 0 ? c->number : signbit(c->number) ? 0 : 0.25;
    double gamma = c->eps != 0 ? c->eps : signbit(c->eps) ? 0 : 2, p = 1 / (1 + exp(-x));
    double loss = -(y * log_sigmoid(x) + (1 - y) * log_sigmoid(-x)), near = p * y + (1 - p) * (1 - y);
    loss *= pow(1 - near, gamma);
    return alpha >= 0 ? loss * (alpha * y + (1 - alpha) * (1 - y)) : loss;
}

SAMPLE_RUN(run_margin_ranking_loss,
           tp_margin_ranking_loss(in[0], in[1], in[2], C(row)->number, C(row)->reduction))
EACH_FN(margin_ranking_loss) {
    UNUSED;
    return fmax(0, -z * (x - y) + c->number);
}

SAMPLE_RUN(run_hinge_embedding_loss, tp_hinge_embedding_loss(in[0], in[1], C(row)->number, C(row)->reduction))
EACH_FN(hinge_embedding_loss) {
    UNUSED;
    double margin = c->number != 0 ? c->number : signbit(c->number) ? 0 : 1;
    return (y != 1 ? fmax(0, margin - x) : 0) + (y != -1 ? x : 0);
}

SAMPLE_RUN(run_soft_margin_loss, tp_soft_margin_loss(in[0], in[1], C(row)->reduction))
EACH_FN(soft_margin_loss) {
    UNUSED;
    return -log_sigmoid(x * y);
}

/* ---- losses of rows: what the last dim's elements make, reduced ----------------------------------- */

SAMPLE_RUN(run_multilabel_soft_margin_loss,
           tp_multilabel_soft_margin_loss(in[0], in[1], in[2], C(row)->reduction))
static void ref_multilabel_soft_margin_loss(const sample *row, const dense *in, dense *out) {
    tp_shape rows = in[0].shape;
    int64_t n = rows.dims[--rows.ndim];
    dense loss = {{0}};
    dense_new(&loss, rows);
    for (int64_t k = 0; k < in[0].numel; k++) {
        double x = in[0].data[k], t = in[1].data[k];
        double w = in[2].data ? in[2].data[dense_broadcast(in[2].shape, in[0].shape, k)] : 1;
        loss.data[k / n] -= w * (t * log_sigmoid(x) + (1 - t) * log_sigmoid(-x)) / (double)n;
    }
    reduced(C(row)->reduction, rows, loss.data, (double)loss.numel, out);
    free(loss.data);
}

SAMPLE_RUN(run_multi_margin_loss,
           tp_multi_margin_loss(in[0], in[1],
                                (tp_multi_margin_options){.p = C(row)->flag ? 2 : 0,
                                                          .margin = C(row)->number,
                                                          .weight = in[2],
                                                          .reduction = C(row)->reduction}))
static void ref_multi_margin_loss(const sample *row, const dense *in, dense *out) {
    tp_shape rows = in[0].shape;
    int64_t n = in[0].shape.dims[--rows.ndim];
    rows = in[1].shape;
    double margin = C(row)->number != 0 ? C(row)->number : 1;
    dense loss = {{0}};
    dense_new(&loss, rows);
    for (int64_t k = 0; k < in[0].numel; k++) {
        int64_t target = (int64_t)in[1].data[k / n];
        if (k % n == target) continue;
        double v = fmax(0, margin - in[0].data[k / n * n + target] + in[0].data[k]);
        loss.data[k / n] += (in[2].data ? in[2].data[target] : 1) * (C(row)->flag ? v * v : v) / (double)n;
    }
    reduced(C(row)->reduction, rows, loss.data, (double)loss.numel, out);
    free(loss.data);
}

SAMPLE_RUN(run_triplet_margin_loss,
           tp_triplet_margin_loss(in[0], in[1], in[2],
                                  (tp_triplet_options){.margin = row->p[0],
                                                       .p = C(row)->number,
                                                       .eps = C(row)->eps,
                                                       .swap = C(row)->flag,
                                                       .reduction = C(row)->reduction}))
static double distance(const loss_case *c, int64_t n, const double *x, const double *y) {
    double p = c->number != 0 ? c->number : 2, eps = c->eps != 0 ? c->eps : signbit(c->eps) ? 0 : 1e-6;
    double sum = 0, most = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += pow(fabs(x[i] - y[i] + eps), p);
        most = fmax(most, fabs(x[i] - y[i] + eps));
    }
    return isinf(p) ? most : pow(sum, 1 / p);
}
static void ref_triplet_margin_loss(const sample *row, const dense *in, dense *out) {
    tp_shape rows = in[0].shape;
    int64_t n = rows.dims[--rows.ndim];
    double margin = row->p[0] != 0 ? row->p[0] : 1;
    dense loss = {{0}};
    dense_new(&loss, rows);
    for (int64_t k = 0; k < loss.numel; k++) {
        const double *a = in[0].data + k * n, *p = in[1].data + k * n, *q = in[2].data + k * n;
        double far = distance(C(row), n, a, q);
        if (C(row)->flag) far = fmin(far, distance(C(row), n, p, q));
        loss.data[k] = fmax(0, margin + distance(C(row), n, a, p) - far);
    }
    reduced(C(row)->reduction, rows, loss.data, (double)loss.numel, out);
    free(loss.data);
}

SAMPLE_RUN(run_cosine_embedding_loss,
           tp_cosine_embedding_loss(in[0], in[1], in[2], C(row)->number, C(row)->reduction))
static void ref_cosine_embedding_loss(const sample *row, const dense *in, dense *out) {
    int64_t n = in[0].shape.dims[in[0].shape.ndim - 1];
    dense loss = {{0}};
    dense_new(&loss, in[2].shape);
    for (int64_t k = 0; k < loss.numel; k++) {
        double ab = 0, aa = 1e-12, bb = 1e-12;
        for (int64_t i = k * n; i < k * n + n; i++) {
            ab += in[0].data[i] * in[1].data[i];
            aa += in[0].data[i] * in[0].data[i];
            bb += in[1].data[i] * in[1].data[i];
        }
        double cosine = ab / sqrt(aa * bb);
        loss.data[k] = in[2].data[k] == 1    ? 1 - cosine
                       : in[2].data[k] == -1 ? fmax(0, cosine - C(row)->number)
                                             : 0;
    }
    reduced(C(row)->reduction, in[2].shape, loss.data, (double)loss.numel, out);
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

/* The three reductions, and a large one. */
#define REDUCTIONS(op, what, ...)                                                                            \
    ROW(op, what ", mean", {__VA_ARGS__}, CASE(TP_MEAN)),                                                    \
        ROW(op, what ", sum", {__VA_ARGS__}, CASE(TP_SUM)),                                                  \
        ROW(op, what ", none", {__VA_ARGS__}, CASE(TP_NONE))
#define FIXED(low, high, ...)                                                                                \
    { FLOAT_IN(low, high), SHAPE(__VA_ARGS__), .fixed = true }
#define F32_IN(low, high, ...)                                                                               \
    { .kind = SAMPLE_F32, .lo = low, .hi = high, SHAPE(__VA_ARGS__) }
#define SIGNS(...)                                                                                           \
    { FLOAT_IN(0, 1), SHAPE(6), .fixed = true, .values = VALUES(__VA_ARGS__) }
#define SIX SIGNS(1, -1, 1, 1, -1, -1)
#define APART                                                                                                \
    { FLOAT_IN(-3, 3), SHAPE(3, 4), .apart = 0.02 }
#define PLUS                                                                                                 \
    { FLOAT_IN(5, 9), SHAPE(3, 4) }
#define SCALAR_IN(low, high)                                                                                 \
    { FLOAT_IN(low, high), SCALAR }
#define EMPTY(op) ROW(op, "no elements", {X(0, 3), X(0, 3)}, CASE(TP_MEAN), .flags = SAMPLE_NAN)
#define INFINITE                                                                                             \
    { FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(NAN, INFINITY, -INFINITY, 1) }
#define LARGE(op, low, high, ...)                                                                            \
    ROW(op, "large", {X(500, 400), FLOATS(low, high, 500, 400)}, CASE(__VA_ARGS__), .flags = SAMPLE_LARGE)

#define SHARES(...)                                                                                          \
    { FLOAT_IN(0, 1), SHAPE(__VA_ARGS__) }
#define PROBABILITIES(what, x, target, weight, ...)                                                          \
    {                                                                                                        \
        "cross_entropy", "probabilities, " what, run_cross_entropy, ref_probabilities, {x, target, weight},  \
            OPTIONS(__VA_ARGS__)                                                                             \
    }
#define GIVEN(shape, ...)                                                                                    \
    { .kind = SAMPLE_I64, shape, .values = VALUES(__VA_ARGS__) }
#define LENGTHS(shape, ...)                                                                                  \
    { .kind = SAMPLE_I64, shape, .optional = true, .values = VALUES(__VA_ARGS__) }
#define CTC_ROW(what, ...)                                                                                   \
    { "ctc_loss", what, run_ctc_loss, ref_ctc_loss, __VA_ARGS__, .no_second = "not written" }

static const sample loss_rows[] = {
    REDUCTIONS(l1_loss, "near and far", APART, PLUS),
    REDUCTIONS(smooth_l1_loss, "beyond beta", APART, PLUS),
    REDUCTIONS(smooth_l1_loss, "within beta", FLOATS(0, 0.4, 3, 4), FLOATS(-0.5, 0, 3, 4)),
    REDUCTIONS(huber_loss, "beyond delta", APART, PLUS),
    REDUCTIONS(huber_loss, "within delta", FLOATS(0, 0.4, 3, 4), FLOATS(-0.5, 0, 3, 4)),
    ROW(smooth_l1_loss, "beta 2.5", {X(3, 4), FLOATS(-5, -4, 3, 4)}, CASE(.number = 2.5)),
    ROW(smooth_l1_loss, "beta 0", {APART, PLUS}, CASE(.number = -0.0)),
    ROW(huber_loss, "delta 0.3", {X(3, 4), PLUS}, CASE(.number = 0.3)),
    ROW(huber_loss, "delta 8, 0-d", {SCALAR_IN(-2, 2), SCALAR_IN(-2, 2)}, CASE(.number = 8)),
    ROW(l1_loss, "F32 and F64", {F32_IN(-2, 2, 3, 4), PLUS}, CASE(0), .dtype = "float64",
        .flags = SAMPLE_SAME_DTYPE),
    ROW(l1_loss, "constant target", {X(3, 4), FIXED(5, 6, 3, 4)}, CASE(0)),
    ROW(l1_loss, "NaN and infinities", {X(4), INFINITE}, CASE(TP_NONE), .flags = SAMPLE_NAN),
    ROW(smooth_l1_loss, "NaN and infinities", {X(4), INFINITE}, CASE(TP_NONE), .flags = SAMPLE_NAN),
    ROW(huber_loss, "NaN and infinities", {X(4), INFINITE}, CASE(TP_NONE), .flags = SAMPLE_NAN),
    EMPTY(l1_loss),
    EMPTY(smooth_l1_loss),
    EMPTY(huber_loss),
    EMPTY(bce),
    EMPTY(kl_div),
    EMPTY(poisson_nll_loss),
    EMPTY(soft_margin_loss),
    LARGE(l1_loss, 5, 9, 0),
    LARGE(smooth_l1_loss, -3, 3, 0),
    LARGE(huber_loss, -3, 3, TP_NONE),
    LARGE(soft_margin_loss, -3, 3, 0),
    LARGE(kl_div, 0.1, 1, 0),
    ROW(bce, "large", {FLOATS(0.1, 0.9, 500, 400), FLOATS(0, 1, 500, 400), NONE}, CASE(0),
        .flags = SAMPLE_LARGE),
    REDUCTIONS(bce, "probabilities", FLOATS(0.05, 0.95, 3, 4), FLOATS(0, 1, 3, 4), NONE),
    REDUCTIONS(bce, "weight", FLOATS(0.05, 0.95, 3, 4), FLOATS(0, 1, 3, 4), WEIGHTS(3, 1)),
    ROW(bce, "constant target and weight",
        {FLOATS(0.05, 0.95, 3, 4),
         FIXED(0, 1, 3, 4),
         {FLOAT_IN(0, 1), SHAPE(4), .fixed = true, .optional = true}},
        CASE(0)),
    ROW(bce, "0 and 1",
        {{FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(0, 1, 0, 1)},
         {FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(0, 1, 1, 0)},
         NONE},
        CASE(TP_NONE), .flags = SAMPLE_NAN),
    REDUCTIONS(kl_div, "probabilities", X(3, 4), FLOATS(0.1, 1, 3, 4)),
    ROW(kl_div, "batchmean", {X(3, 4), FLOATS(0.1, 1, 3, 4)}, CASE(.other = true)),
    ROW(kl_div, "batchmean, 0-d", {SCALAR_IN(-2, 0), SCALAR_IN(0.1, 1)}, CASE(.other = true)),
    ROW(kl_div, "logarithms", {X(3, 4), X(3, 4)}, CASE(.flag = true)),
    ROW(kl_div, "broadcast", {X(3, 4), FLOATS(0.1, 1, 4)}, CASE(TP_SUM)),
    ROW(kl_div, "zeros", {X(4), {FLOAT_IN(0, 1), SHAPE(4), .fixed = true, .values = VALUES(0, 0.5, 0, 1)}},
        CASE(TP_NONE)),
    REDUCTIONS(gaussian_nll_loss, "variances", X(3, 4), X(3, 4), FLOATS(0.5, 2, 3, 4)),
    ROW(gaussian_nll_loss, "full", {X(3, 4), X(3, 4), FLOATS(0.5, 2, 3, 4)}, CASE(.flag = true)),
    ROW(gaussian_nll_loss, "a variance a row", {X(3, 4), X(3, 4), FLOATS(0.5, 2, 3)}, CASE(0)),
    ROW(gaussian_nll_loss, "a variance a column", {X(3, 4), X(3, 4), FLOATS(0.5, 2, 1, 4)}, CASE(TP_NONE)),
    ROW(gaussian_nll_loss, "below eps", {X(4), X(4), FIXED(0, 0.4, 4)}, CASE(.eps = 0.5)),
    ROW(gaussian_nll_loss, "target broadcast", {X(3, 4), X(4), FLOATS(0.5, 2, 3, 4)}, CASE(TP_SUM)),
    ROW(gaussian_nll_loss, "no elements", {X(0, 3), X(0, 3), X(0, 3)}, CASE(TP_SUM)),
    ROW(gaussian_nll_loss, "large", {X(500, 300), X(500, 300), FLOATS(0.5, 2, 500, 300)}, CASE(0),
        .flags = SAMPLE_LARGE),
    REDUCTIONS(poisson_nll_loss, "logarithms", X(3, 4), FLOATS(0, 5, 3, 4)),
    ROW(poisson_nll_loss, "rates", {FLOATS(0.5, 4, 3, 4), FLOATS(0, 5, 3, 4)}, CASE(.flag = true)),
    ROW(poisson_nll_loss, "full", {X(3, 4), FLOATS(2, 9, 3, 4)}, CASE(.other = true)),
    ROW(poisson_nll_loss, "full, few", {X(3, 4), FIXED(0, 3, 3, 4)}, CASE(TP_NONE, .other = true)),
    ROW(poisson_nll_loss, "rates, eps, full", {FLOATS(0.5, 4, 3, 4), FIXED(0, 5, 4)},
        CASE(TP_SUM, .flag = true, .other = true, .eps = 0.1)),
    ROW(poisson_nll_loss, "counts", {X(3, 4), INTS(0, 9, 3, 4)}, CASE(.other = true)),
    ROW(poisson_nll_loss, "large", {X(500, 300), FLOATS(0, 5, 500, 300)}, CASE(0), .flags = SAMPLE_LARGE),
    REDUCTIONS(sigmoid_focal_loss, "defaults", X(3, 4), FLOATS(0, 1, 3, 4)),
    ROW(sigmoid_focal_loss, "alpha 0.6, gamma 1.5", {X(3, 4), FLOATS(0, 1, 3, 4)},
        CASE(.number = 0.6, .eps = 1.5)),
    ROW(sigmoid_focal_loss, "alpha and gamma 0", {X(3, 4), FLOATS(0, 1, 3, 4)},
        CASE(.number = -0.0, .eps = -0.0)),
    ROW(sigmoid_focal_loss, "no alpha", {X(3, 4), FLOATS(0, 1, 3, 4)}, CASE(.number = -1)),
    ROW(sigmoid_focal_loss, "no elements", {X(0), X(0)}, CASE(TP_SUM)),
    ROW(sigmoid_focal_loss, "large", {X(500, 300), FLOATS(0, 1, 500, 300)}, CASE(0), .flags = SAMPLE_LARGE),
    REDUCTIONS(margin_ranking_loss, "plain", FLOATS(0, 3, 6), FLOATS(-3, -0.1, 6), SIX),
    ROW(margin_ranking_loss, "margin", {X(6), FLOATS(4, 6, 6), SIX}, CASE(.number = 0.5)),
    ROW(margin_ranking_loss, "broadcast", {FLOATS(0, 3, 4, 6), FLOATS(-3, -0.1, 1, 6), FIXED(0.5, 1, 4, 1)},
        CASE(.number = 9)),
    ROW(margin_ranking_loss, "integer target", {X(3, 4), FLOATS(4, 6, 3, 4), INTS(1, 2, 3, 4)}, CASE(0)),
    ROW(margin_ranking_loss, "0-d", {SCALAR_IN(0, 2), SCALAR_IN(-2, -0.5), SCALAR_IN(-2, -1)}, CASE(0)),
    ROW(margin_ranking_loss, "no elements", {X(0), X(0), X(0)}, CASE(TP_SUM)),
    ROW(margin_ranking_loss, "large", {X(500, 300), X(500, 300), FIXED(-1, 1, 500, 300)}, CASE(0),
        .flags = SAMPLE_LARGE),
    REDUCTIONS(hinge_embedding_loss, "plain", FLOATS(-2, 0.9, 6), SIX),
    ROW(hinge_embedding_loss, "margin 3", {FLOATS(0, 2.9, 6), SIX}, CASE(.number = 3)),
    ROW(hinge_embedding_loss, "other targets", {FLOATS(-2, 0.9, 6), SIGNS(1, 0, -1, 0.5, 2, -1)}, CASE(0)),
    ROW(hinge_embedding_loss, "broadcast", {FLOATS(-2, 0.9, 4, 6), SIX}, CASE(0)),
    ROW(hinge_embedding_loss, "integer target", {FLOATS(-2, 0.9, 6), INTS(-1, 0, 6)}, CASE(0)),
    ROW(hinge_embedding_loss, "no elements", {X(0), FIXED(0, 1, 0)}, CASE(TP_SUM)),
    ROW(hinge_embedding_loss, "large", {X(500, 300), FIXED(-1, 1, 500, 300)}, CASE(0), .flags = SAMPLE_LARGE),
    REDUCTIONS(soft_margin_loss, "plain", X(6), SIX),
    ROW(soft_margin_loss, "far from zero", {FLOATS(-900, 900, 6), SIX}, CASE(0)),
    ROW(soft_margin_loss, "broadcast", {X(3, 4), X(4)}, CASE(0)),
    ROW(soft_margin_loss, "integer target", {X(6), INTS(1, 2, 6)}, CASE(0)),
    REDUCTIONS(multilabel_soft_margin_loss, "plain", X(3, 4), FLOATS(0, 1, 3, 4), NONE),
    ROW(multilabel_soft_margin_loss, "weight", {X(3, 4), FLOATS(0, 1, 3, 4), WEIGHTS(4)}, CASE(0)),
    ROW(multilabel_soft_margin_loss, "one sample", {X(4), FLOATS(0, 1, 4), NONE}, CASE(0)),
    ROW(multilabel_soft_margin_loss, "no rows", {X(0, 4), FLOATS(0, 1, 0, 4), NONE}, CASE(TP_SUM)),
    ROW(multilabel_soft_margin_loss, "large", {X(500, 300), FLOATS(0, 1, 500, 300), NONE}, CASE(0),
        .flags = SAMPLE_LARGE),
    REDUCTIONS(multi_margin_loss, "plain", X(4, 5), LABELS(5, 4), NONE),
    ROW(multi_margin_loss, "squares", {X(4, 5), LABELS(5, 4), NONE}, CASE(.flag = true)),
    ROW(multi_margin_loss, "weight, margin", {X(4, 5), LABELS(5, 4), WEIGHT(5)}, CASE(.number = 2.5)),
    ROW(multi_margin_loss, "one sample", {X(5), {INT_IN(0, 5), SCALAR}, NONE}, CASE(TP_NONE)),
    ROW(multi_margin_loss, "I32 labels", {X(4, 5), I32_LABELS(5, 4), NONE}, CASE(0)),
    ROW(multi_margin_loss, "no rows", {X(0, 5), LABELS(5, 0), NONE}, CASE(TP_SUM)),
    ROW(multi_margin_loss, "large", {X(3000, 50), LABELS(50, 3000), NONE}, CASE(0), .flags = SAMPLE_LARGE),
    REDUCTIONS(triplet_margin_loss, "plain", X(3, 4), X(3, 4), X(3, 4)),
    ROW(triplet_margin_loss, "swap, margin", {X(3, 4), X(3, 4), X(3, 4)}, CASE(.flag = true), .p = {5}),
    ROW(triplet_margin_loss, "p = 1", {APART, PLUS, {FLOAT_IN(-9, -4), SHAPE(3, 4)}}, CASE(.number = 1),
        .p = {20}),
    ROW(triplet_margin_loss, "p = 3, eps", {APART, PLUS, {FLOAT_IN(-9, -4), SHAPE(3, 4)}},
        CASE(.number = 3, .eps = 0.1), .p = {20}),
    ROW(triplet_margin_loss, "p = infinity",
        {{FLOAT_IN(-3, 3), SHAPE(6), .apart = 0.1},
         {FLOAT_IN(20, 30), SHAPE(6), .apart = 0.5},
         FLOATS(-9, -8, 6)},
        CASE(.number = INFINITY), .p = {20}),
    ROW(triplet_margin_loss, "one, no eps", {X(5), X(5), X(5)}, CASE(.eps = -0.0), .p = {9}),
    ROW(triplet_margin_loss, "sequences", {X(2, 3, 4), X(2, 3, 4), X(2, 3, 4)}, CASE(TP_NONE), .p = {9}),
    ROW(triplet_margin_loss, "no rows", {X(0, 4), X(0, 4), X(0, 4)}, CASE(TP_SUM)),
    ROW(triplet_margin_loss, "large", {X(500, 200), X(500, 200), X(500, 200)}, CASE(0),
        .flags = SAMPLE_LARGE),
    REDUCTIONS(cosine_embedding_loss, "plain", X(6, 4), X(6, 4), SIX),
    ROW(cosine_embedding_loss, "margin", {FLOATS(0.5, 1, 6, 4), FLOATS(0.5, 1, 6, 4), SIX},
        CASE(.number = 0.2)),
    ROW(cosine_embedding_loss, "one", {X(4), X(4), {INT_IN(1, 2), SCALAR}}, CASE(0)),
    ROW(cosine_embedding_loss, "other targets", {X(6, 4), X(6, 4), SIGNS(1, 0, 1, 0.5, 2, 1)}, CASE(0)),
    ROW(cosine_embedding_loss, "no rows", {X(0, 4), X(0, 4), FIXED(0, 1, 0)}, CASE(TP_SUM)),
    ROW(cosine_embedding_loss, "large", {X(500, 200), X(500, 200), INTS(1, 2, 500)}, CASE(0),
        .flags = SAMPLE_LARGE),
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
    PROBABILITIES("mean", X(4, 5), SHARES(4, 5), NONE, 0),
    PROBABILITIES("sum, weight", X(4, 5), SHARES(4, 5), WEIGHT(5), .reduction = TP_SUM),
    PROBABILITIES("mean, weight", X(4, 5), SHARES(4, 5), WEIGHT(5), 0),
    PROBABILITIES("none", X(4, 5), SHARES(4, 5), NONE, .reduction = TP_NONE),
    PROBABILITIES("images, smoothing, weight", X(2, 3, 2, 2), SHARES(2, 3, 2, 2), WEIGHT(3),
                  .label_smoothing = 0.2),
    PROBABILITIES("images, none", X(2, 3, 4), SHARES(2, 3, 4), NONE, .reduction = TP_NONE),
    PROBABILITIES("one sample", X(5), SHARES(5), WEIGHT(5), .label_smoothing = 0.1),
    PROBABILITIES("no rows, sum", X(0, 3), SHARES(0, 3), NONE, .reduction = TP_SUM),
    {"cross_entropy",
     "probabilities, large",
     run_cross_entropy,
     ref_probabilities,
     {X(3000, 50), SHARES(3000, 50), NONE},
     OPTIONS(0),
     .flags = SAMPLE_LARGE,
     .tol_f32 = 1e-4},
    CTC_ROW("rows of labels", {X(5, 2, 4), GIVEN(SHAPE(2, 2), 1, 3, 2, 2), NONE, NONE}, CTC(0)),
    CTC_ROW("lengths, sum",
            {X(5, 3, 4), GIVEN(SHAPE(3, 3), 1, 3, 1, 2, 2, 1, 3, 1, 1), LENGTHS(SHAPE(3), 5, 4, 2),
             LENGTHS(SHAPE(3), 3, 2, 1)},
            CTC(.reduction = TP_SUM), .flags = SAMPLE_NO_EXPAND),
    CTC_ROW("one row of labels, none",
            {X(4, 3, 3), GIVEN(SHAPE(4), 1, 2, 2, 1), NONE, LENGTHS(SHAPE(3), 1, 2, 1)},
            CTC(.reduction = TP_NONE), .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND),
    CTC_ROW("another blank", {X(4, 2, 3), GIVEN(SHAPE(2, 2), 0, 1, 1, 1), NONE, NONE}, CTC(.blank = 2)),
    CTC_ROW("no labels", {X(4, 2, 3), GIVEN(SHAPE(2, 1), 1, 0), NONE, LENGTHS(SHAPE(2), 1, 0)}, CTC(0),
            .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND),
    CTC_ROW("no batch", {X(6, 4), GIVEN(SHAPE(3), 1, 1, 2), NONE, NONE}, CTC(0)),
    CTC_ROW("no batch, lengths", {X(6, 4), GIVEN(SHAPE(2), 3, 2), LENGTHS(SCALAR, 5), LENGTHS(SCALAR, 2)},
            CTC(0)),
    CTC_ROW("no way, zero_infinity", {X(2, 2, 3), GIVEN(SHAPE(2, 2), 1, 1, 1, 2), NONE, NONE},
            CTC(.zero_infinity = true)),
    CTC_ROW("no way", {X(2, 2, 3), GIVEN(SHAPE(2, 2), 1, 1, 1, 2), NONE, NONE}, CTC(.reduction = TP_NONE),
            .flags = SAMPLE_NAN),
    CTC_ROW("no samples, sum", {X(4, 0, 3), INTS(1, 2, 0, 2), NONE, NONE}, CTC(.reduction = TP_SUM)),
    CTC_ROW("no steps, sum", {X(0, 2, 3), INTS(1, 2, 2, 0), NONE, NONE}, CTC(.reduction = TP_SUM)),
    CTC_ROW("large", {X(60, 20, 40), INTS(1, 40, 20, 25), NONE, NONE}, CTC(0), .flags = SAMPLE_LARGE,
            .tol = 1e-10, .tol_f32 = 2e-4),
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
