/* Modules with parameters: linear, bilinear, batch normalisation. */
#include <math.h>
#include <stdio.h>

#include "core/scope.h"
#include "nn/nn.h"
#include "taper/creation.h"
#include "taper/init.h"
#include "taper/linalg.h"
#include "taper/nn.h"
#include "taper/norm.h"

static const char *nn_bool(bool value) { return value ? "True" : "False"; }

bool tp__nn_check_dtype(const char *op, tp_dtype dtype) {
    if (dtype == TP_F32 || dtype == TP_F64) return true;
    tp__error(TP_ERR_DTYPE, op, "parameters are float32 or float64, got %s", tp_dtype_name(dtype));
    return false;
}

bool tp__nn_add_weights(tp_module *m, tp_tensor **weight, tp_shape shape, tp_tensor **bias, int64_t bias_size,
                        tp_dtype dtype, tp_generator *generator) {
    tp_kaiming_options kaiming = {.slope = sqrt(5.0), .generator = generator};
    tp_tensor *w = tp_init_kaiming_uniform_(tp_empty(shape, dtype), kaiming);
    if (!tp_module_register_parameter(m, "weight", weight, w)) return false;
    if (!bias) return true;
    double fan_in = 1;
    for (int d = 1; d < shape.ndim; d++) fan_in *= (double)shape.dims[d];
    double bound = fan_in > 0 ? 1 / sqrt(fan_in) : 0;
    tp_tensor *b = tp_init_uniform_(tp_empty(TP_SHAPE(bias_size), dtype), -bound, bound, generator);
    return tp_module_register_parameter(m, "bias", bias, b) != NULL;
}

/* ---- linear ------------------------------------------------------------------------------------------ */

typedef struct nn_linear {
    tp_module base;
    tp_tensor *weight, *bias;
    int64_t in, out;
    bool no_bias;
} nn_linear;

static tp_tensor *nn_linear_forward(tp_module *m, tp_tensor *x) {
    nn_linear *self = (nn_linear *)m;
    return tp_linear(x, self->weight, self->bias);
}

static int nn_linear_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_linear *self = (const nn_linear *)m;
    return snprintf(buffer, size, "in_features=%lld, out_features=%lld, bias=%s", (long long)self->in,
                    (long long)self->out, nn_bool(!self->no_bias));
}

static const tp_module_class nn_linear_class = {.name = "Linear",
                                                .size = sizeof(nn_linear),
                                                .forward = nn_linear_forward,
                                                .describe = nn_linear_describe};

tp_module *tp_nn_linear(int64_t in_features, int64_t out_features, tp_linear_options options) {
    const char *op = "nn_linear";
    if (in_features < 0 || out_features < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "%lld inputs and %lld outputs; neither may be negative",
                (long long)in_features, (long long)out_features);
    if (!tp__nn_check_dtype(op, options.dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_linear *self = s ? (nn_linear *)tp_module_new(&nn_linear_class) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->in = in_features;
    self->out = out_features;
    self->no_bias = options.no_bias;
    bool ok = tp__nn_add_weights(&self->base, &self->weight, TP_SHAPE(out_features, in_features),
                                 options.no_bias ? NULL : &self->bias, out_features, options.dtype,
                                 options.generator);
    return tp__module_finish(&self->base, s, ok);
}

/* ---- bilinear ---------------------------------------------------------------------------------------- */

typedef struct nn_bilinear {
    tp_module base;
    tp_tensor *weight, *bias;
    int64_t in1, in2, out;
    bool no_bias;
} nn_bilinear;

static int nn_bilinear_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_bilinear *self = (const nn_bilinear *)m;
    return snprintf(buffer, size, "in1_features=%lld, in2_features=%lld, out_features=%lld, bias=%s",
                    (long long)self->in1, (long long)self->in2, (long long)self->out,
                    nn_bool(!self->no_bias));
}

static const tp_module_class nn_bilinear_class = {.name = "Bilinear",
                                                  .size = sizeof(nn_bilinear),
                                                  .describe = nn_bilinear_describe};

tp_module *tp_nn_bilinear(int64_t in1_features, int64_t in2_features, int64_t out_features,
                          tp_linear_options options) {
    const char *op = "nn_bilinear";
    if (in1_features < 1 || in2_features < 0 || out_features < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op,
                "%lld and %lld inputs and %lld outputs; the first must be positive, none negative",
                (long long)in1_features, (long long)in2_features, (long long)out_features);
    if (!tp__nn_check_dtype(op, options.dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_bilinear *self = s ? (nn_bilinear *)tp_module_new(&nn_bilinear_class) : NULL;
    if (!self) {
        tp_scope_end(s);
        return NULL;
    }
    self->in1 = in1_features;
    self->in2 = in2_features;
    self->out = out_features;
    self->no_bias = options.no_bias;
    double bound = 1 / sqrt((double)in1_features);
    tp_tensor *weight = tp_empty(TP_SHAPE(out_features, in1_features, in2_features), options.dtype);
    weight = tp_init_uniform_(weight, -bound, bound, options.generator);
    bool ok = tp_module_register_parameter(&self->base, "weight", &self->weight, weight) != NULL;
    if (ok && !options.no_bias) {
        tp_tensor *bias = tp_empty(TP_SHAPE(out_features), options.dtype);
        bias = tp_init_uniform_(bias, -bound, bound, options.generator);
        ok = tp_module_register_parameter(&self->base, "bias", &self->bias, bias) != NULL;
    }
    return tp__module_finish(&self->base, s, ok);
}

tp_tensor *tp_nn_bilinear_forward(tp_module *m, tp_tensor *x1, tp_tensor *x2) {
    const char *op = "nn_bilinear_forward";
    TP_REQUIRE(m, op);
    if (m->type != &nn_bilinear_class) TP_FAIL(TP_ERR_ARGUMENT, op, "a %s is no Bilinear", m->type->name);
    const nn_bilinear *self = (const nn_bilinear *)m;
    return tp_bilinear(x1, x2, self->weight, self->bias);
}

/* ---- batch normalisation ----------------------------------------------------------------------------- */

typedef struct nn_batch_norm {
    tp_module base;
    tp_tensor *weight, *bias, *running_mean, *running_var, *num_batches_tracked;
    int64_t features;
    tp_nn_batch_norm_options options;
} nn_batch_norm;

static tp_tensor *nn_batch_norm_run(nn_batch_norm *self, tp_tensor *x) {
    bool training = self->base.training || self->options.no_running_stats;
    tp_batch_norm_options options = {.weight = self->weight,
                                     .bias = self->bias,
                                     .running_mean = self->running_mean,
                                     .running_var = self->running_var,
                                     .training = training,
                                     .momentum = self->options.momentum,
                                     .eps = self->options.eps};
    tp_tensor *y = tp_batch_norm(x, options);
    int64_t *batches = y && self->base.training && self->num_batches_tracked
                           ? tp_tensor_data_mut(self->num_batches_tracked)
                           : NULL;
    if (batches) ++*batches;
    return y;
}

static tp_tensor *nn_batch_norm1d_forward(tp_module *m, tp_tensor *x) {
    if (x->shape.ndim != 2 && x->shape.ndim != 3)
        TP_FAIL(TP_ERR_SHAPE, "nn_batch_norm1d", "takes (N, C) or (N, C, L), got %s",
                tp__shape_text(x->shape));
    return nn_batch_norm_run((nn_batch_norm *)m, x);
}

static tp_tensor *nn_batch_norm2d_forward(tp_module *m, tp_tensor *x) {
    if (x->shape.ndim != 4)
        TP_FAIL(TP_ERR_SHAPE, "nn_batch_norm2d", "takes (N, C, H, W), got %s", tp__shape_text(x->shape));
    return nn_batch_norm_run((nn_batch_norm *)m, x);
}

static int nn_batch_norm_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_batch_norm *self = (const nn_batch_norm *)m;
    const tp_nn_batch_norm_options *o = &self->options;
    double eps = o->eps != 0 ? o->eps : 1e-5;
    double momentum = o->momentum != 0 || signbit(o->momentum) ? o->momentum : 0.1;
    return snprintf(buffer, size, "%lld, eps=%g, momentum=%g, affine=%s, bias=%s, track_running_stats=%s",
                    (long long)self->features, eps, fabs(momentum), nn_bool(!o->no_affine),
                    nn_bool(!o->no_affine && !o->no_bias), nn_bool(!o->no_running_stats));
}

static const tp_module_class nn_batch_norm1d_class = {.name = "BatchNorm1d",
                                                      .size = sizeof(nn_batch_norm),
                                                      .forward = nn_batch_norm1d_forward,
                                                      .describe = nn_batch_norm_describe};
static const tp_module_class nn_batch_norm2d_class = {.name = "BatchNorm2d",
                                                      .size = sizeof(nn_batch_norm),
                                                      .forward = nn_batch_norm2d_forward,
                                                      .describe = nn_batch_norm_describe};

static bool nn_batch_norm_fill(nn_batch_norm *self) {
    tp_module *m = &self->base;
    const tp_nn_batch_norm_options *o = &self->options;
    tp_shape shape = TP_SHAPE(self->features);
    if (!o->no_affine && !tp_module_register_parameter(m, "weight", &self->weight, tp_ones(shape, o->dtype)))
        return false;
    if (!o->no_affine && !o->no_bias &&
        !tp_module_register_parameter(m, "bias", &self->bias, tp_zeros(shape, o->dtype)))
        return false;
    if (o->no_running_stats) return true;
    return tp_module_register_buffer(m, "running_mean", &self->running_mean, tp_zeros(shape, o->dtype)) &&
           tp_module_register_buffer(m, "running_var", &self->running_var, tp_ones(shape, o->dtype)) &&
           tp_module_register_buffer(m, "num_batches_tracked", &self->num_batches_tracked,
                                     tp_zeros(TP_SCALAR_SHAPE, TP_I64));
}

static tp_module *nn_batch_norm_new(const char *op, const tp_module_class *type, int64_t features,
                                    tp_nn_batch_norm_options options) {
    if (features < 0) TP_FAIL(TP_ERR_ARGUMENT, op, "%lld features", (long long)features);
    if (!(options.eps >= 0 && isfinite(options.eps)) || !(fabs(options.momentum) <= 1) ||
        options.momentum < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "eps must not be negative and momentum in [0, 1], got %g and %g",
                options.eps, options.momentum);
    if (!tp__nn_check_dtype(op, options.dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_batch_norm *self = s ? (nn_batch_norm *)tp_module_new(type) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->features = features;
    self->options = options;
    return tp__module_finish(&self->base, s, nn_batch_norm_fill(self));
}

tp_module *tp_nn_batch_norm1d(int64_t features, tp_nn_batch_norm_options options) {
    return nn_batch_norm_new("nn_batch_norm1d", &nn_batch_norm1d_class, features, options);
}

tp_module *tp_nn_batch_norm2d(int64_t features, tp_nn_batch_norm_options options) {
    return nn_batch_norm_new("nn_batch_norm2d", &nn_batch_norm2d_class, features, options);
}
