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

/* ---- rows: layer_norm, rms_norm, group_norm, instance_norm, normalize ------------------------------- */

/* i[0]: how many last dims are normalised; p[0]: eps. */
static tp_shape last_dims(const sample *row, tp_shape x) {
    tp_shape last = {(int)row->i[0], {0}};
    for (int d = 0; d < last.ndim; d++)
        last.dims[d] = x.ndim < last.ndim ? 1 : x.dims[x.ndim - last.ndim + d];
    return last;
}

SAMPLE_RUN(run_layer_norm, tp_layer_norm(in[0], in[0] ? last_dims(row, tp_tensor_shape(in[0])) : TP_SHAPE(1),
                                         (tp_norm_options){.weight = in[1], .bias = in[2], .eps = row->p[0]}))
SAMPLE_RUN(run_rms_norm,
           tp_rms_norm(in[0], in[0] ? last_dims(row, tp_tensor_shape(in[0])) : TP_SHAPE(1), in[1], row->p[0]))
/* i[0]: groups. */
SAMPLE_RUN(run_group_norm, tp_group_norm(in[0], row->i[0],
                                         (tp_norm_options){.weight = in[1], .bias = in[2], .eps = row->p[0]}))

#define INSTANCE(...)                                                                                        \
    .arg = &(const tp_instance_norm_options) { __VA_ARGS__ }

static tp_instance_norm_options instance_options(const sample *row, tp_tensor *const *in) {
    tp_instance_norm_options options = *(const tp_instance_norm_options *)row->arg;
    options.weight = in[1];
    options.bias = in[2];
    options.running_mean = in[3];
    options.running_var = in[4];
    return options;
}

SAMPLE_RUN(run_instance_norm, tp_instance_norm(in[0], instance_options(row, in)))

static int run_instance_running(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    if (!tp_instance_norm(in[0], instance_options(row, in))) return 0;
    out[0] = in[3];
    out[1] = in[4];
    return 2;
}

/* Mean (of zero unless centred) and mean square from it of n values. */
static void moments(const double *x, int64_t n, bool centred, double *mean, double *var) {
    *mean = *var = 0;
    for (int64_t i = 0; centred && i < n; i++) *mean += x[i] / (double)n;
    for (int64_t i = 0; i < n; i++) *var += (x[i] - *mean) * (x[i] - *mean) / (double)n;
}

/* Rows of n; weight and bias are repeated every `period` elements, each one for `span` of them. */
static void ref_rows(const dense *in, dense *out, int64_t n, int64_t period, int64_t span, bool centred,
                     double eps) {
    double *y = dense_new(out, in[0].shape), mean = 0, var = 0;
    for (int64_t k = 0; k < out->numel; k++) {
        if (k % n == 0) moments(in[0].data + k, n, centred, &mean, &var);
        y[k] = (in[0].data[k] - mean) / sqrt(var + eps);
        if (in[1].data) y[k] *= in[1].data[k % period / span];
        if (in[2].data) y[k] += in[2].data[k % period / span];
    }
}

static double eps_or(double eps, double otherwise) { return eps == 0 && !signbit(eps) ? otherwise : eps; }

static void ref_layer_norm(const sample *row, const dense *in, dense *out) {
    int64_t n = tp_shape_numel(last_dims(row, in[0].shape));
    ref_rows(in, out, n, n, 1, true, eps_or(row->p[0], 1e-5));
}
static void ref_rms_norm(const sample *row, const dense *in, dense *out) {
    int64_t n = tp_shape_numel(last_dims(row, in[0].shape));
    const dense given[3] = {in[0], in[1]};
    ref_rows(given, out, n, n, 1, false, eps_or(row->p[0], 2.220446049250313e-16));
}
static void ref_channels(const dense *in, dense *out, int64_t groups, double eps) {
    int64_t images, channels, span;
    dense_around(in[0].shape, 1, &images, &channels, &span);
    ref_rows(in, out, channels / groups * span, channels * span, span, true, eps);
}
static void ref_group_norm(const sample *row, const dense *in, dense *out) {
    ref_channels(in, out, row->i[0], eps_or(row->p[0], 1e-5));
}
static void ref_instance_norm(const sample *row, const dense *in, dense *out) {
    const tp_instance_norm_options *options = row->arg;
    double eps = eps_or(options->eps, 1e-5);
    if (!options->no_input_stats) {
        if (in[0].numel == 0) dense_new(out, in[0].shape);
        else ref_channels(in, out, in[0].shape.dims[1], eps);
        return;
    }
    int64_t images, channels, span;
    dense_around(in[0].shape, 1, &images, &channels, &span);
    double *y = dense_new(out, in[0].shape);
    for (int64_t k = 0; k < out->numel; k++) {
        int64_t c = k / span % channels;
        y[k] = (in[0].data[k] - in[3].data[c]) / sqrt(in[4].data[c] + eps);
        if (in[1].data) y[k] *= in[1].data[c];
        if (in[2].data) y[k] += in[2].data[c];
    }
}

static void ref_instance_running(const sample *row, const dense *in, dense *out) {
    const tp_instance_norm_options *options = row->arg;
    int64_t images, channels, span;
    dense_around(in[0].shape, 1, &images, &channels, &span);
    double momentum = eps_or(options->momentum, 0.1);
    double *means = dense_new(&out[0], in[3].shape), *vars = dense_new(&out[1], in[4].shape);
    for (int64_t c = 0; c < channels; c++) {
        double all_mean = 0, all_var = 0, mean, var;
        for (int64_t n = 0; n < images; n++) {
            moments(in[0].data + (n * channels + c) * span, span, true, &mean, &var);
            all_mean += mean / (double)images;
            all_var += var * (double)span / (double)(span - 1) / (double)images;
        }
        means[c] = (1 - momentum) * in[3].data[c] + momentum * all_mean;
        vars[c] = (1 - momentum) * in[4].data[c] + momentum * all_var;
    }
}

/* i[0]: dim; p: p and eps. */
SAMPLE_RUN(run_normalize, tp_normalize(in[0], row->p[0], (int)row->i[0], row->p[1]))
static void ref_normalize(const sample *row, const dense *in, dense *out) {
    int64_t outer, size, inner;
    double *y = dense_new(out, in[0].shape), p = row->p[0];
    if (in[0].shape.ndim == 0) {
        y[0] = in[0].data[0] / fabs(in[0].data[0]);
        return;
    }
    dense_around(in[0].shape, (int)row->i[0], &outer, &size, &inner);
    for (int64_t k = 0; k < out->numel; k++) {
        double norm = 0;
        for (int64_t j = 0; j < size; j++) {
            double v = fabs(in[0].data[(k / inner / size * size + j) * inner + k % inner]);
            norm = isinf(p) ? fmax(norm, v) : norm + pow(v, p);
        }
        y[k] = in[0].data[k] / fmax(isinf(p) ? norm : pow(norm, 1 / p), eps_or(row->p[1], 1e-12));
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

/* The dropouts of more than single elements, by row->arg; i[0] is training, i[1] how many first dims the mask has. */
typedef tp_tensor *dropout_fn(tp_tensor *x, double p, bool training, tp_generator *generator);
typedef struct dropout_kind {
    dropout_fn *op;
    bool alpha;
} dropout_kind;
#define KIND(name, is_alpha)                                                                                 \
    .arg = &(const dropout_kind) { tp_##name, is_alpha }

SAMPLE_RUN(run_dropouts,
           ((const dropout_kind *)row->arg)->op(in[0], row->p[0], row->i[0] != 0, tp_default_generator()))

/* What is left when x m / (1 - p), or with l SELU's limit (x m + l (1 - m)) scaled and shifted, is taken from the result. */
static int run_dropouts_rest(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    const dropout_kind *kind = row->arg;
    double p = row->p[0], l = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717;
    tp_generator_state state = tp_generator_get_state(NULL);
    tp_tensor *y = kind->op(in[0], p, true, NULL);
    tp_generator_set_state(tp_default_generator(), state);
    tp_shape shape = tp_tensor_shape(in[0]);
    for (int d = (int)row->i[1]; d < shape.ndim; d++) shape.dims[d] = 1;
    tp_tensor *mask = tp_bernoulli(1 - p, shape, tp_tensor_dtype(in[0]), NULL), *kept = tp_mul(in[0], mask);
    double a = 1 / sqrt((1 - p) * (1 + p * l * l));
    if (kind->alpha) kept = tp_add(kept, tp_mul_scalar(tp_add_scalar(mask, -1), -l));
    kept = kind->alpha ? tp_add_scalar(tp_mul_scalar(kept, a), -a * p * l) : tp_div_scalar(kept, 1 - p);
    out[0] = tp_sub(y, kept);
    return 1;
}

/* ---- rows ----------------------------------------------------------------------------------------- */

#define X(...) FLOATS(-2, 2, __VA_ARGS__)
#define WEIGHT(...)                                                                                          \
    { FLOAT_IN(0.5, 1.5), SHAPE(__VA_ARGS__), .optional = true }
#define BIAS(...)                                                                                            \
    { FLOAT_IN(-1, 1), SHAPE(__VA_ARGS__), .optional = true }
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

#define FAR(...)                                                                                             \
    { FLOAT_IN(-2, 2), SHAPE(__VA_ARGS__), .gap = 0.1 }
#define LAYER(what, last, eps, ...)                                                                          \
    {                                                                                                        \
        "layer_norm", what, run_layer_norm, ref_layer_norm, {__VA_ARGS__}, .i = {last}, .p = {eps},          \
                                                                           .tol = 1e-11, .tol_f32 = 2e-4     \
    }
#define RMS(what, last, eps, ...)                                                                            \
    {                                                                                                        \
        "rms_norm", what, run_rms_norm, ref_rms_norm, {__VA_ARGS__}, .i = {last}, .p = {eps}, .tol = 1e-11,  \
                                                                     .tol_f32 = 2e-4                         \
    }
#define GROUP(what, groups, eps, ...)                                                                        \
    {                                                                                                        \
        "group_norm", what, run_group_norm, ref_group_norm, {__VA_ARGS__}, .i = {groups}, .p = {eps},        \
                                                                           .tol = 1e-11, .tol_f32 = 2e-4     \
    }
/* One of the statistics alone is another error, and they are written. */
#define TRACKED (SAMPLE_COMPOSED | SAMPLE_NO_EXPAND)
#define INSTANCES(what, flag_set, x, weight, bias, mean, var, ...)                                           \
    {                                                                                                        \
        "instance_norm", what, run_instance_norm, ref_instance_norm, {x, weight, bias, mean, var},           \
            INSTANCE(__VA_ARGS__), .flags = flag_set, .tol = 1e-11, .tol_f32 = 2e-4                          \
    }
#define DROPOUTS(name, what, f, is_alpha, x, ...)                                                            \
    { #name, what, run_dropouts, f, {x }, KIND(name, is_alpha), __VA_ARGS__ }
#define DROPOUTS_REST(name, what, is_alpha, x, ...)                                                          \
    {                                                                                                        \
#name, "the mask it draws" what, run_dropouts_rest, ref_zeros,                                       \
            {x }, KIND(name, is_alpha), .flags = SAMPLE_COMPOSED | SAMPLE_ZERO_GRAD, __VA_ARGS__             \
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
    LAYER("lines", 1, 0, X(4, 5), WEIGHT(5), BIAS(5)),
    LAYER("two dims", 2, 0.1, X(3, 2, 4), WEIGHT(2, 4), BIAS(2, 4)),
    LAYER("all dims", 1, 0, X(6), WEIGHT(6), NONE),
    LAYER("no weight", 1, 0, X(2, 3, 4), NONE, BIAS(4)),
    LAYER("plain", 1, 0, X(3, 5), NONE, NONE),
    LAYER("eps zero", 1, -0.0, X(3, 5), WEIGHT(5), BIAS(5)),
    LAYER("no rows", 1, 0, X(0, 3), WEIGHT(3), BIAS(3)),
    LAYER("rows of nothing", 1, 0, X(3, 0), WEIGHT(0), BIAS(0)),
    {"layer_norm",
     "large",
     run_layer_norm,
     ref_layer_norm,
     {X(700, 200), WEIGHT(200), BIAS(200)},
     .i = {1},
     .flags = SAMPLE_LARGE,
     .tol = 1e-10,
     .tol_f32 = 1e-3},
    RMS("lines", 1, 0, X(4, 5), WEIGHT(5)),
    RMS("two dims", 2, 0.1, X(3, 2, 4), WEIGHT(2, 4)),
    RMS("plain", 1, 0, X(3, 2, 4), NONE),
    RMS("no rows", 1, 0, X(0, 3), WEIGHT(3)),
    RMS("rows of nothing", 2, 0, X(2, 0, 3), WEIGHT(0, 3)),
    {"rms_norm",
     "large",
     run_rms_norm,
     ref_rms_norm,
     {X(700, 200), WEIGHT(200)},
     .i = {1},
     .flags = SAMPLE_LARGE,
     .tol = 1e-10,
     .tol_f32 = 1e-3},
    GROUP("images", 2, 0, X(2, 4, 2, 3), WEIGHT(4), BIAS(4)),
    GROUP("one group", 1, 0.1, X(2, 3, 4), WEIGHT(3), BIAS(3)),
    GROUP("lines, no bias", 2, 0, X(3, 6), WEIGHT(6), NONE),
    GROUP("no weight", 3, 0, X(2, 3, 4), NONE, BIAS(3)),
    GROUP("plain", 2, 0, X(2, 4, 3), NONE, NONE),
    GROUP("no images", 2, 0, X(0, 4, 3), WEIGHT(4), BIAS(4)),
    GROUP("no pixels", 2, 0, X(2, 4, 0), WEIGHT(4), BIAS(4)),
    {"group_norm",
     "large",
     run_group_norm,
     ref_group_norm,
     {X(10, 12, 30, 30), WEIGHT(12), BIAS(12)},
     .i = {4},
     .flags = SAMPLE_LARGE,
     .tol = 1e-10,
     .tol_f32 = 2e-3},
    INSTANCES("images", 0, X(2, 3, 2, 3), WEIGHT(3), BIAS(3), NONE, NONE, 0),
    INSTANCES("sequences, no bias", 0, X(2, 3, 4), WEIGHT(3), NONE, NONE, NONE, .eps = 0.1),
    INSTANCES("plain", 0, X(2, 2, 5), NONE, NONE, NONE, NONE, 0),
    INSTANCES("with running statistics", TRACKED, X(2, 3, 4), WEIGHT(3), BIAS(3), FIXED_MEAN(3), FIXED_VAR(3),
              0),
    INSTANCES("no images", 0, X(0, 3, 4), WEIGHT(3), BIAS(3), NONE, NONE, 0),
    INSTANCES("no channels", 0, X(2, 0, 4), WEIGHT(0), BIAS(0), NONE, NONE, 0),
    INSTANCES("no pixels", TRACKED, X(2, 3, 0), WEIGHT(3), BIAS(3), FIXED_MEAN(3), FIXED_VAR(3), 0),
    {"instance_norm",
     "by the running statistics",
     run_instance_norm,
     ref_instance_norm,
     {X(2, 3, 4), WEIGHT(3), BIAS(3), FIXED_MEAN(3), FIXED_VAR(3)},
     INSTANCE(.no_input_stats = true),
     .flags = SAMPLE_COMPOSED},
    {"instance_norm",
     "running statistics",
     run_instance_running,
     ref_instance_running,
     {X(3, 2, 4), NONE, NONE, FIXED_MEAN(2), FIXED_VAR(2)},
     INSTANCE(.momentum = 0.3),
     .flags = SAMPLE_NO_GRAD | SAMPLE_COMPOSED | SAMPLE_NO_EXPAND},
    {"instance_norm",
     "running statistics, one image",
     run_instance_running,
     ref_instance_running,
     {X(1, 2, 3, 3), WEIGHT(2), BIAS(2), FIXED_MEAN(2), FIXED_VAR(2)},
     INSTANCE(0),
     .flags = SAMPLE_NO_GRAD | SAMPLE_COMPOSED | SAMPLE_NO_EXPAND},
    {"instance_norm",
     "large",
     run_instance_norm,
     ref_instance_norm,
     {X(10, 12, 30, 30), WEIGHT(12), BIAS(12), NONE, NONE},
     INSTANCE(0),
     .flags = SAMPLE_LARGE,
     .tol = 1e-10,
     .tol_f32 = 2e-3},
    {"normalize", "last dim", run_normalize, ref_normalize, {X(3, 4)}, .i = {-1}, .p = {2}},
    {"normalize", "middle dim, p = 3", run_normalize, ref_normalize, {FAR(2, 3, 2)}, .i = {1}, .p = {3}},
    {"normalize", "p = 1", run_normalize, ref_normalize, {FAR(3, 4)}, .i = {0}, .p = {1}},
    {"normalize",
     "p = inf",
     run_normalize,
     ref_normalize,
     {{FLOAT_IN(0.5, 2), SHAPE(3, 4), .apart = 0.02}},
     .i = {1},
     .p = {INFINITY}},
    {"normalize", "below eps", run_normalize, ref_normalize, {X(3, 4)}, .i = {-1}, .p = {2, 20}},
    {"normalize", "no elements", run_normalize, ref_normalize, {X(3, 0)}, .i = {0}, .p = {2}},
    {"normalize",
     "large",
     run_normalize,
     ref_normalize,
     {X(600, 300)},
     .i = {1},
     .p = {2},
     .flags = SAMPLE_LARGE},
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
    DROPOUTS_REST(dropout1d, "", false, X(3, 4, 2), .p = {0.4}, .i = {1, 2}),
    DROPOUTS_REST(dropout1d, ", no batch", false, X(5, 2), .p = {0.4}, .i = {1, 1}),
    DROPOUTS(dropout1d, "not training", ref_dropout, false, X(3, 4, 2), .p = {0.5}),
    DROPOUTS(dropout1d, "p = 0", ref_dropout, false, X(3, 4, 2), .i = {1}),
    DROPOUTS(dropout1d, "p = 1", ref_dropout, false, X(3, 4, 2), .p = {1}, .i = {1},
             .flags = SAMPLE_ZERO_GRAD),
    DROPOUTS(dropout1d, "p = 0.3", NULL, false, X(3, 4, 2), .p = {0.3}, .i = {1}),
    DROPOUTS(dropout1d, "no elements", ref_dropout, false, X(0, 4, 2), .p = {0.3}, .i = {1}),
    DROPOUTS_REST(dropout2d, "", false, X(2, 5, 2, 2), .p = {0.4}, .i = {1, 2}),
    DROPOUTS(dropout2d, "not training", ref_dropout, false, X(2, 5, 2, 2), .p = {0.5}),
    DROPOUTS(dropout2d, "p = 0", ref_dropout, false, X(2, 5, 2, 2), .i = {1}),
    DROPOUTS(dropout2d, "p = 1", ref_dropout, false, X(2, 5, 2, 2), .p = {1}, .i = {1},
             .flags = SAMPLE_ZERO_GRAD),
    DROPOUTS(dropout2d, "p = 0.3", NULL, false, X(2, 5, 2, 2), .p = {0.3}, .i = {1}),
    DROPOUTS(dropout2d, "no elements", ref_dropout, false, X(0, 5, 2, 2), .p = {0.3}, .i = {1}),
    DROPOUTS_REST(dropout3d, "", false, X(2, 4, 1, 2, 2), .p = {0.4}, .i = {1, 2}),
    DROPOUTS_REST(dropout3d, ", no batch", false, X(5, 1, 2, 2), .p = {0.4}, .i = {1, 1}),
    DROPOUTS(dropout3d, "not training", ref_dropout, false, X(2, 4, 1, 2, 2), .p = {0.5}),
    DROPOUTS(dropout3d, "p = 0", ref_dropout, false, X(2, 4, 1, 2, 2), .i = {1}),
    DROPOUTS(dropout3d, "p = 1", ref_dropout, false, X(2, 4, 1, 2, 2), .p = {1}, .i = {1},
             .flags = SAMPLE_ZERO_GRAD),
    DROPOUTS(dropout3d, "p = 0.3", NULL, false, X(2, 4, 1, 2, 2), .p = {0.3}, .i = {1}),
    DROPOUTS(dropout3d, "no elements", ref_dropout, false, X(0, 4, 1, 2, 2), .p = {0.3}, .i = {1}),
    DROPOUTS_REST(alpha_dropout, "", true, X(5, 6), .p = {0.4}, .i = {1, 2}),
    DROPOUTS_REST(alpha_dropout, ", three dims", true, X(2, 3, 4), .p = {0.4}, .i = {1, 3}),
    DROPOUTS(alpha_dropout, "not training", ref_dropout, true, X(5, 6), .p = {0.5}),
    DROPOUTS(alpha_dropout, "p = 0", ref_dropout, true, X(5, 6), .i = {1}),
    DROPOUTS(alpha_dropout, "p = 1", ref_dropout, true, X(5, 6), .p = {1}, .i = {1},
             .flags = SAMPLE_ZERO_GRAD),
    DROPOUTS(alpha_dropout, "p = 0.3", NULL, true, X(5, 6), .p = {0.3}, .i = {1}),
    DROPOUTS(alpha_dropout, "no elements", ref_dropout, true, X(0, 6), .p = {0.3}, .i = {1}),
    DROPOUTS_REST(feature_alpha_dropout, "", true, X(3, 4, 2), .p = {0.4}, .i = {1, 2}),
    DROPOUTS_REST(feature_alpha_dropout, ", lines", true, X(3, 5), .p = {0.4}, .i = {1, 2}),
    DROPOUTS(feature_alpha_dropout, "not training", ref_dropout, true, X(3, 4, 2), .p = {0.5}),
    DROPOUTS(feature_alpha_dropout, "p = 0", ref_dropout, true, X(3, 4, 2), .i = {1}),
    DROPOUTS(feature_alpha_dropout, "p = 1", ref_dropout, true, X(3, 4, 2), .p = {1}, .i = {1},
             .flags = SAMPLE_ZERO_GRAD),
    DROPOUTS(feature_alpha_dropout, "p = 0.3", NULL, true, X(3, 4, 2), .p = {0.3}, .i = {1}),
    DROPOUTS(feature_alpha_dropout, "no elements", ref_dropout, true, X(0, 4, 2), .p = {0.3}, .i = {1}),
};

SAMPLE_FAMILY(norm, norm_rows)
