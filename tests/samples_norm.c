/* Samples of norm.h. */
#include <stdlib.h>

#include "support/sample.h"

/* ---- batch_norm: in are x, weight, bias, running_mean, running_var; arg the other options --------- */

#define OPTIONS(...)                                                                                         \
    .arg = &(const tp_batch_norm_options) { __VA_ARGS__ }

static tp_batch_norm_options row_options(const sample *row, tp_tensor *const *in) {
    tp_batch_norm_options options = *(const tp_batch_norm_options *)row->arg;
    options.weight = in[1];
    options.bias = in[2];
    options.running_mean = in[3];
    options.running_var = in[4];
    return options;
}

SAMPLE_RUN(run_batch_norm, tp_batch_norm(in[0], row_options(row, in)))

/* What becomes of the running statistics. */
static int run_running(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    if (!tp_batch_norm(in[0], row_options(row, in))) return 0;
    out[0] = in[3];
    out[1] = in[4];
    return 2;
}

/* Mean and biased variance of each channel. */
static void channel_moments(const dense *x, double *mean, double *var) {
    int64_t images, channels, size;
    dense_around(x->shape, 1, &images, &channels, &size);
    for (int64_t c = 0; c < channels; c++) {
        mean[c] = var[c] = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t n = 0; n < images; n++)
                for (int64_t s = 0; s < size; s++) {
                    double v = x->data[(n * channels + c) * size + s], count = (double)(images * size);
                    if (pass) var[c] += (v - mean[c]) * (v - mean[c]) / count;
                    else mean[c] += v / count;
                }
    }
}

static void ref_batch_norm(const sample *row, const dense *in, dense *out) {
    const tp_batch_norm_options *options = row->arg;
    int64_t images, channels, size;
    dense_around(in[0].shape, 1, &images, &channels, &size);
    dense mean = {{0}}, var = {{0}};
    dense_new(&mean, TP_SHAPE(channels));
    dense_new(&var, TP_SHAPE(channels));
    if (options->training) channel_moments(&in[0], mean.data, var.data);
    double *y = dense_new(out, in[0].shape), eps = options->eps != 0 ? options->eps : 1e-5;
    for (int64_t k = 0; k < out->numel; k++) {
        int64_t c = k / size % channels;
        double m = options->training ? mean.data[c] : in[3].data[c],
               v = options->training ? var.data[c] : in[4].data[c];
        y[k] = (in[0].data[k] - m) / sqrt(v + eps);
        if (in[1].data) y[k] *= in[1].data[c];
        if (in[2].data) y[k] += in[2].data[c];
    }
    free(mean.data);
    free(var.data);
}

static void ref_running(const sample *row, const dense *in, dense *out) {
    const tp_batch_norm_options *options = row->arg;
    int64_t channels = in[3].numel;
    double n = (double)(in[0].numel / channels), momentum = options->momentum != 0 ? options->momentum : 0.1;
    double *mean = dense_new(&out[0], in[3].shape), *var = dense_new(&out[1], in[4].shape);
    channel_moments(&in[0], mean, var);
    for (int64_t c = 0; c < channels; c++) {
        mean[c] = (1 - momentum) * in[3].data[c] + momentum * mean[c];
        var[c] = (1 - momentum) * in[4].data[c] + momentum * var[c] * n / (n - 1);
    }
}

/* ---- dropout: p[0] is the probability, i[0] training ---------------------------------------------- */

SAMPLE_RUN(run_dropout, tp_dropout(in[0], row->p[0], row->i[0] != 0, NULL))

/* What is left of dropout(x) when x * mask / (1 - p), with the mask drawn from the same state, is taken from
 * it: nothing. */
static int run_dropout_rest(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_generator_state state = tp_generator_get_state(NULL);
    tp_tensor *y = tp_dropout(in[0], row->p[0], true, NULL);
    tp_generator_set_state(tp_default_generator(), state);
    tp_tensor *mask = tp_bernoulli(1 - row->p[0], tp_tensor_shape(in[0]), tp_tensor_dtype(in[0]), NULL);
    out[0] = tp_sub(y, tp_div_scalar(tp_mul(in[0], mask), 1 - row->p[0]));
    return 1;
}

static void ref_dropout(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, in[0].shape);
    bool all = row->p[0] == 1 && row->i[0];
    for (int64_t n = 0; n < out->numel; n++) y[n] = all ? 0 : in[0].data[n];
}

static void ref_zeros(const sample *row, const dense *in, dense *out) {
    (void)row;
    dense_new(out, in[0].shape);
}

/* ---- rows ----------------------------------------------------------------------------------------- */

#define X(...) FLOATS(-2, 2, __VA_ARGS__)
#define WEIGHT(n)                                                                                            \
    { FLOAT_IN(0.5, 1.5), SHAPE(n), .optional = true }
#define BIAS(n)                                                                                              \
    { FLOAT_IN(-1, 1), SHAPE(n), .optional = true }
#define MEAN(n)                                                                                              \
    { FLOAT_IN(-1, 1), SHAPE(n) }
#define VAR(n)                                                                                               \
    { FLOAT_IN(0.5, 2), SHAPE(n) }
#define FIXED_MEAN(n)                                                                                        \
    { FLOAT_IN(-1, 1), SHAPE(n), .fixed = true }
#define FIXED_VAR(n)                                                                                         \
    { FLOAT_IN(0.5, 2), SHAPE(n), .fixed = true }
#define NONE                                                                                                 \
    { .kind = SAMPLE_ABSENT, .optional = true }

#define TRAIN(what, ...)                                                                                     \
    {                                                                                                        \
        "batch_norm", what, run_batch_norm, ref_batch_norm, {__VA_ARGS__, NONE, NONE},                       \
            OPTIONS(.training = true), .tol = 1e-11, .tol_f32 = 2e-4                                         \
    }
/* One of the statistics alone is an error, but not that of a missing argument: errors/loss.def has it. */
#define EVAL(what, ...)                                                                                      \
    {                                                                                                        \
        "batch_norm", what, run_batch_norm, ref_batch_norm, {__VA_ARGS__}, OPTIONS(0),                       \
            .flags = SAMPLE_COMPOSED                                                                         \
    }

static const sample norm_rows[] = {
    TRAIN("training, lines", X(5, 3), WEIGHT(3), BIAS(3)),
    TRAIN("training, images", X(2, 3, 2, 3), WEIGHT(3), BIAS(3)),
    TRAIN("training, sequences, no weight", X(3, 2, 4), NONE, BIAS(2)),
    TRAIN("training, one channel, no bias", X(3, 1, 4), WEIGHT(1), NONE),
    TRAIN("training, plain", X(6, 2), NONE, NONE),
    TRAIN("training, no elements", X(0, 3), WEIGHT(3), BIAS(3)),
    EVAL("eval, lines", X(3, 4), WEIGHT(4), BIAS(4), MEAN(4), VAR(4)),
    EVAL("eval, images", X(2, 3, 2, 2), WEIGHT(3), BIAS(3), MEAN(3), VAR(3)),
    EVAL("eval, constant statistics", X(2, 3, 2, 2), WEIGHT(3), BIAS(3), FIXED_MEAN(3), FIXED_VAR(3)),
    EVAL("eval, plain", X(3, 2), NONE, NONE, FIXED_MEAN(2), FIXED_VAR(2)),
    EVAL("eval, one image", X(1, 3, 2), NONE, BIAS(3), FIXED_MEAN(3), FIXED_VAR(3)),
    {"batch_norm",
     "large eps",
     run_batch_norm,
     ref_batch_norm,
     {X(4, 3), WEIGHT(3), BIAS(3), NONE, NONE},
     OPTIONS(.training = true, .eps = 0.5)},
    {"batch_norm",
     "running statistics",
     run_running,
     ref_running,
     {X(5, 3, 2), NONE, NONE, FIXED_MEAN(3), FIXED_VAR(3)},
     OPTIONS(.training = true),
     .flags = SAMPLE_NO_GRAD | SAMPLE_COMPOSED | SAMPLE_NO_EXPAND},
    {"batch_norm",
     "running statistics, momentum",
     run_running,
     ref_running,
     {X(5, 3), NONE, NONE, FIXED_MEAN(3), FIXED_VAR(3)},
     OPTIONS(.training = true, .momentum = 0.7),
     .flags = SAMPLE_NO_GRAD | SAMPLE_COMPOSED | SAMPLE_NO_EXPAND},
    {"batch_norm",
     "large, images",
     run_batch_norm,
     ref_batch_norm,
     {X(16, 10, 20, 20), WEIGHT(10), BIAS(10), NONE, NONE},
     OPTIONS(.training = true),
     .flags = SAMPLE_LARGE,
     .tol = 1e-10,
     .tol_f32 = 2e-3},
    {"batch_norm",
     "large, lines",
     run_batch_norm,
     ref_batch_norm,
     {X(600, 150), WEIGHT(150), BIAS(150), NONE, NONE},
     OPTIONS(.training = true),
     .flags = SAMPLE_LARGE,
     .tol = 1e-10,
     .tol_f32 = 1e-3},
    {"dropout", "not training", run_dropout, ref_dropout, {X(3, 4)}, .p = {0.5}},
    {"dropout", "p = 0", run_dropout, ref_dropout, {X(3, 4)}, .i = {1}},
    {"dropout", "p = 1", run_dropout, ref_dropout, {X(3, 4)}, .p = {1}, .i = {1}, .flags = SAMPLE_ZERO_GRAD},
    {"dropout", "p = 0.3", run_dropout, NULL, {X(3, 4)}, .p = {0.3}, .i = {1}},
    {"dropout", "no elements", run_dropout, ref_dropout, {X(3, 0)}, .p = {0.3}, .i = {1}},
    {"dropout",
     "the mask it draws",
     run_dropout_rest,
     ref_zeros,
     {X(5, 8)},
     .p = {0.25},
     .flags = SAMPLE_COMPOSED | SAMPLE_ZERO_GRAD,
     .tol = 1e-12},
    {"dropout", "large", run_dropout, NULL, {X(400, 500)}, .p = {0.5}, .i = {1}, .flags = SAMPLE_LARGE},
};

SAMPLE_FAMILY(norm, norm_rows)
