/* Samples of activation.h. Most rows are generated from activation.def, as those of elementwise.def are. */
#include "support/sample_elementwise.h"

static double f_relu(double x) { return isnan(x) ? NAN : x > 0 ? x : 0; }
static double f_leaky_relu(double x, double slope) { return x > 0 ? x : slope * x; }
static double f_gelu(double x) { return x * (1 + erf(x / sqrt(2.0))) / 2; }
static double f_gelu_tanh(double x) {
    return x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x))) / 2;
}
static double f_silu(double x) { return x / (1 + exp(-x)); }
static double f_softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double f_relu6(double x) { return isnan(x) ? NAN : fmin(fmax(x, 0), 6); }
static double f_elu(double x, double alpha) { return x > 0 ? x : alpha * expm1(x); }
static double f_selu(double x) {
    return 1.0507009873554804934193349852946 * (x > 0 ? x : 1.6732632423543772848170429916717 * expm1(x));
}
static double f_celu(double x, double alpha) { return x > 0 ? x : alpha * expm1(x / alpha); }
static double f_mish(double x) { return x * tanh(f_softplus(x)); }
static double f_logsigmoid(double x) { return -f_softplus(-x); }
static double f_softsign(double x) { return x / (1 + fabs(x)); }
static double f_hardtanh(double x, double lo, double hi) { return isnan(x) ? NAN : fmin(fmax(x, lo), hi); }
static double f_hardsigmoid(double x) { return isnan(x) ? NAN : fmin(fmax(x + 3, 0), 6) / 6; }
static double f_hardswish(double x) { return x * f_hardsigmoid(x); }
static double f_threshold(double x, double threshold, double value) { return x <= threshold ? value : x; }
static double f_hardshrink(double x, double lambda) { return fabs(x) <= lambda ? 0 : x; }
static double f_softshrink(double x, double lambda) {
    return isnan(x) ? x : x > lambda ? x - lambda : x < -lambda ? x + lambda : 0;
}
static double f_tanhshrink(double x) { return x - tanh(x); }

#define UNARY RUN_UNARY
#define UNARY_P1 RUN_UNARY_P1
#define UNARY_P2 RUN_UNARY_P2
#include "kernels/activation.def"
#undef UNARY
#undef UNARY_P1
#undef UNARY_P2

INPLACE(relu)
INPLACE(relu6)
INPLACE(selu)
INPLACE(silu)
INPLACE(mish)
INPLACE(hardsigmoid)
INPLACE(hardswish)
INPLACE_P1(leaky_relu)
INPLACE_P1(elu)
INPLACE_P1(celu)
INPLACE_P2(hardtanh)
INPLACE_P2(threshold)

SAMPLE_RUN(run_softplus_with, tp_softplus_with(in[0], *(const tp_softplus_options *)row->arg))
static double f_softplus_with(const sample *row, double x) {
    const tp_softplus_options *o = row->arg;
    double beta = o->beta == 0 ? 1 : o->beta,
           threshold = o->threshold != 0 || signbit(o->threshold) ? o->threshold : 20;
    return beta * x > threshold ? x : f_softplus(beta * x) / beta;
}
REFERENCE(softplus_with, in[0].shape, f_softplus_with(row, AT(0)))
#define SOFTPLUS(...)                                                                                        \
    .arg = &(const tp_softplus_options) { __VA_ARGS__ }

SAMPLE_RUN(run_prelu, tp_prelu(in[0], in[1]))
static void ref_prelu(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, in[0].shape);
    int64_t outer = 1, channels = 1, inner = 1;
    if (in[0].shape.ndim > 1) dense_around(in[0].shape, 1, &outer, &channels, &inner);
    for (int64_t n = 0; n < out->numel; n++) {
        double x = in[0].data[n], w = in[1].data[in[1].numel == 1 ? 0 : n / inner % channels];
        y[n] = x > 0 ? x : w * x;
    }
}

SAMPLE_RUN(run_glu, tp_glu(in[0], (int)row->i[0]))
static void ref_glu(const sample *row, const dense *in, dense *out) {
    int64_t outer, size, inner;
    int d = (int)row->i[0] < 0 ? (int)row->i[0] + in[0].shape.ndim : (int)row->i[0];
    tp_shape shape = in[0].shape;
    dense_around(shape, d, &outer, &size, &inner);
    shape.dims[d] /= 2;
    double *y = dense_new(out, shape);
    int64_t half = size / 2 * inner;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < half; k++) {
            const double *x = in[0].data + o * size * inner + k;
            y[o * half + k] = x[0] / (1 + exp(-x[half]));
        }
}

SAMPLE_RUN(run_softmin, tp_softmin(in[0], (int)row->i[0]))
static void ref_softmin(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, in[0].shape);
    int64_t outer, size, inner;
    dense_around(in[0].shape, (int)row->i[0], &outer, &size, &inner);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t j = 0; j < inner; j++) {
            const double *x = in[0].data + o * size * inner + j;
            double sum = 0;
            for (int64_t k = 0; k < size; k++) sum += exp(-x[k * inner]);
            for (int64_t k = 0; k < size; k++) y[o * size * inner + j + k * inner] = exp(-x[k * inner]) / sum;
        }
}

/* What is drawn is not the references' to know: of the soft one the sum along the dim is compared, of the hard one that it is
 * one-hot, and of rrelu the eval form. */
SAMPLE_RUN(run_gumbel_softmax,
           tp_gumbel_softmax(in[0], (int)row->i[0], (tp_gumbel_options){.tau = row->p[0]}))
static int run_gumbel_sums(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_tensor *y = tp_gumbel_softmax(in[0], (int)row->i[0], (tp_gumbel_options){.hard = row->i[1] != 0});
    out[0] = tp_sum_dim(y, TP_DIMS((int)row->i[0]), true);
    if (row->i[1]) out[1] = tp_amax(y, TP_DIMS((int)row->i[0]), true);
    return row->i[1] ? 2 : 1;
}
static void ref_gumbel_sums(const sample *row, const dense *in, dense *out) {
    tp_shape shape = in[0].shape;
    shape.dims[row->i[0]] = 1;
    for (int k = 0; k < (row->i[1] ? 2 : 1); k++) {
        double *y = dense_new(&out[k], shape);
        for (int64_t n = 0; n < out[k].numel; n++) y[n] = 1;
    }
}
SAMPLE_RUN(run_rrelu,
           tp_rrelu(in[0], row->i[0] != 0, (tp_rrelu_options){.lower = row->p[0], .upper = row->p[1]}))
REFERENCE(rrelu, in[0].shape,
          AT(0) > 0 ? AT(0) : AT(0) * (row->p[0] != 0 ? (row->p[0] + row->p[1]) / 2 : 11.0 / 48))

/* Tables, laid out by hand. */
/* clang-format off */
static const sample activation_rows[] = {
#define UNARY(name, y, dx, saves, class, low, high)                                                          \
    UNARY_ROWS_WITH(#name, name, low, high, P0, P1, 0) INTEGER_##class(INTEGER_ROW1, #name, name)
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#include "kernels/activation.def"

    INPLACE_ROW1(relu, -3, 3) INPLACE_ROW1(relu6, -3, 9) INPLACE_ROW1(selu, -3, 3) INPLACE_ROW1(silu, -3, 3)
    INPLACE_ROW1(mish, -3, 3) INPLACE_ROW1(hardsigmoid, -2.9, 2.9) INPLACE_ROW1(hardswish, -2.9, 2.9)
    INPLACE_ROW1(leaky_relu, -3, 3) INPLACE_ROW1(elu, -3, 3) INPLACE_ROW1(celu, -3, 3) INPLACE_ROW1(hardtanh, -3, 3)
    INPLACE_ROW1(threshold, -3, 3)
    SPECIAL_ROW1(relu) SPECIAL_ROW1(relu6) SPECIAL_ROW1(softplus) SPECIAL_ROW1(leaky_relu, .p = {0.25})
    SPECIAL_ROW1(elu, .p = {0.5}) SPECIAL_ROW1(selu) SPECIAL_ROW1(celu, .p = {0.5}) SPECIAL_ROW1(mish)
    SPECIAL_ROW1(logsigmoid) SPECIAL_ROW1(softsign) SPECIAL_ROW1(hardtanh, .p = {-1, 2})
    SPECIAL_ROW1(hardsigmoid) SPECIAL_ROW1(threshold, .p = {0.5, 9}) SPECIAL_ROW1(hardshrink, .p = {0.5})
    SPECIAL_ROW1(softshrink, .p = {0.5})
    {"softplus", "far out", run_softplus, ref_softplus,
     {{FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(-300, -30, 30, 300)}}},
    {"silu", "far out", run_silu, ref_silu, {{FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(-300, -30, 30, 300)}}},
    {"mish", "far out", run_mish, ref_mish, {{FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(-300, -30, 30, 300)}}},
    {"elu", "far out", run_elu, ref_elu, {{FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(-900, -30, 30, 900)}},
     .p = {0.5}},
    {"gelu", "far out", run_gelu, ref_gelu, {{FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(-30, -7, 7, 30)}}},
    {"leaky_relu", "negative slope", run_leaky_relu, ref_leaky_relu, {DRAWN(-3, 3, 3, 4)}, .p = {-0.5}},
    {"leaky_relu", "slope zero", run_leaky_relu, ref_leaky_relu, {DRAWN(-3, 3, 3, 4)}, .p = {0}},
    {"celu", "alpha negative", run_celu, ref_celu, {DRAWN(-3, 3, 3, 4)}, .p = {-2}},
    {"threshold", "bytes", run_threshold, ref_threshold, {KIND_IN(SAMPLE_U8, 0, 9, 3, 4)}, .p = {4, 7},
     .flags = SAMPLE_NO_GRAD, .dtype = "uint8"},

    {"softplus_with", "the default", run_softplus_with, ref_softplus_with, {FLOATS(-4, 4, 3, 4)}, SOFTPLUS(0)},
    {"softplus_with", "beta and threshold", run_softplus_with, ref_softplus_with,
     {{FLOAT_IN(-4, 4), SHAPE(3, 7), .gap = 0.01, .avoid = {1.5}}}, SOFTPLUS(.beta = 2, .threshold = 3)},
    {"softplus_with", "threshold zero", run_softplus_with, ref_softplus_with,
     {{FLOAT_IN(-4, 4), SHAPE(3, 7), .gap = 0.01}}, SOFTPLUS(.threshold = TP_ZERO)},
    {"softplus_with", "far out", run_softplus_with, ref_softplus_with,
     {{FLOAT_IN(0, 1), SHAPE(4), .values = VALUES(-300, -30, 30, 300)}}, SOFTPLUS(0)},

    {"prelu", "one weight", run_prelu, ref_prelu, {DRAWN(-3, 3, 2, 3, 4), FLOATS(0.1, 1, 1)},
     .flags = SAMPLE_NO_EXPAND},
    {"prelu", "channels", run_prelu, ref_prelu, {DRAWN(-3, 3, 2, 3, 4), FLOATS(0.1, 1, 3)}},
    {"prelu", "channels of a matrix", run_prelu, ref_prelu, {DRAWN(-3, 3, 5, 3), FLOATS(-1, 1, 3)}},
    {"prelu", "one dim", run_prelu, ref_prelu, {DRAWN(-3, 3, 6), FLOATS(0.1, 1, 1)}, .flags = SAMPLE_NO_EXPAND},
    {"prelu", "all 0-d", run_prelu, ref_prelu, {DRAWN_SCALAR(-3, -1), {FLOAT_IN(0.1, 1), SCALAR}}},
    {"prelu", "no elements", run_prelu, ref_prelu, {DRAWN(-3, 3, 0, 3), FLOATS(0.1, 1, 3)}},
    {"prelu", "large", run_prelu, ref_prelu, {DRAWN(-3, 3, 4, 37, 487), FLOATS(0.1, 1, 37)}, .flags = SAMPLE_LARGE},
    {"glu", "last dim", run_glu, ref_glu, {FLOATS(-3, 3, 3, 8)}, .i = {-1}, .flags = SAMPLE_NO_EXPAND},
    {"glu", "middle dim", run_glu, ref_glu, {FLOATS(-3, 3, 2, 4, 3)}, .i = {1}, .flags = SAMPLE_NO_EXPAND},
    {"glu", "no elements", run_glu, ref_glu, {FLOATS(-3, 3, 2, 0)}, .i = {1}},
    {"glu", "large", run_glu, ref_glu, {FLOATS(-3, 3, 211, 488)}, .i = {1}, .flags = SAMPLE_LARGE | SAMPLE_NO_EXPAND},
    {"softmin", "last dim", run_softmin, ref_softmin, {FLOATS(-3, 3, 3, 5)}, .i = {1}},
    {"softmin", "first dim", run_softmin, ref_softmin, {FLOATS(-3, 3, 3, 5)}, .i = {0}},
    {"softmin", "large", run_softmin, ref_softmin, {FLOATS(-3, 3, 211, 487)}, .i = {1}, .flags = SAMPLE_LARGE},
    {"gumbel_softmax", "sums", run_gumbel_sums, ref_gumbel_sums, {FLOATS(-3, 3, 3, 5)}, .i = {1},
     .flags = SAMPLE_COMPOSED | SAMPLE_ZERO_GRAD},
    {"gumbel_softmax", "hard", run_gumbel_sums, ref_gumbel_sums, {{FLOAT_IN(-3, 3), SHAPE(3, 5), .fixed = true}},
     .i = {0, 1}, .flags = SAMPLE_COMPOSED},
    {"gumbel_softmax", "soft", run_gumbel_softmax, NULL, {FLOATS(-3, 3, 3, 5)}, .i = {-1}, .p = {0.7},
     .flags = SAMPLE_NO_EXPAND | SAMPLE_SAME_DTYPE},
    {"rrelu", "eval", run_rrelu, ref_rrelu, {DRAWN(-3, 3, 3, 4)}},
    {"rrelu", "eval, bounds given", run_rrelu, ref_rrelu, {DRAWN(-3, 3, 3, 4)}, .p = {0.25, 0.5}},
    {"rrelu", "training, bounds alike", run_rrelu, ref_rrelu, {DRAWN(-3, 3, 3, 4)}, .i = {1}, .p = {0.25, 0.25}},
    {"rrelu", "training", run_rrelu, NULL, {DRAWN(-3, 3, 3, 4)}, .i = {1}, .p = {0.25, 0.75},
     .flags = SAMPLE_NO_EXPAND | SAMPLE_SAME_DTYPE},
};
/* clang-format on */

SAMPLE_FAMILY(activation, activation_rows)
