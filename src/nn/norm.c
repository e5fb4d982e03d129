/* Modules of normalisation and dropout. */
#include "taper/norm.h"

#include <math.h>
#include <stdio.h>

#include "core/scope.h"
#include "nn/nn.h"
#include "taper/creation.h"
#include "taper/nn.h"
#include "taper/views.h"

/* ---- batch normalisation ----------------------------------------------------------------------------- */

typedef struct nn_batch_norm {
    tp_module base;
    tp_tensor *weight, *bias, *running_mean, *running_var, *num_batches_tracked;
    int64_t features;
    tp_nn_batch_norm_options options;
} nn_batch_norm;

/* 1 / (the number of batches), this one included. */
static double nn_batch_norm_share(const nn_batch_norm *self) {
    return 1 / (tp_tensor_item(self->num_batches_tracked) + 1);
}

static tp_tensor *nn_batch_norm_run(nn_batch_norm *self, tp_tensor *x) {
    bool training = self->base.training || self->options.no_running_stats;
    bool cumulative = self->options.cumulative && self->base.training && self->num_batches_tracked;
    tp_batch_norm_options options = {.weight = self->weight,
                                     .bias = self->bias,
                                     .running_mean = self->running_mean,
                                     .running_var = self->running_var,
                                     .training = training,
                                     .momentum =
                                         cumulative ? nn_batch_norm_share(self) : self->options.momentum,
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

static tp_tensor *nn_batch_norm3d_forward(tp_module *m, tp_tensor *x) {
    if (x->shape.ndim != 5)
        TP_FAIL(TP_ERR_SHAPE, "nn_batch_norm3d", "takes (N, C, D, H, W), got %s", tp__shape_text(x->shape));
    return nn_batch_norm_run((nn_batch_norm *)m, x);
}

static int nn_batch_norm_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_batch_norm *self = (const nn_batch_norm *)m;
    const tp_nn_batch_norm_options *o = &self->options;
    double eps = o->eps != 0 ? o->eps : 1e-5;
    double momentum = tp__default(o->momentum, 0.1);
    tp__text text = {buffer, size, 0};
    tp__text_add(&text, "%lld, eps=%g, ", (long long)self->features, eps);
    if (o->cumulative) tp__text_add(&text, "momentum=None, ");
    else tp__text_add(&text, "momentum=%g, ", fabs(momentum));
    tp__text_add(&text, "affine=%s, bias=%s, track_running_stats=%s", tp__nn_bool(!o->no_affine),
                 tp__nn_bool(!o->no_affine && !o->no_bias), tp__nn_bool(!o->no_running_stats));
    return (int)text.length;
}

static const tp_module_class nn_batch_norm1d_class = {.name = "BatchNorm1d",
                                                      .size = sizeof(nn_batch_norm),
                                                      .forward = nn_batch_norm1d_forward,
                                                      .describe = nn_batch_norm_describe};
static const tp_module_class nn_batch_norm2d_class = {.name = "BatchNorm2d",
                                                      .size = sizeof(nn_batch_norm),
                                                      .forward = nn_batch_norm2d_forward,
                                                      .describe = nn_batch_norm_describe};

static const tp_module_class nn_batch_norm3d_class = {.name = "BatchNorm3d",
                                                      .size = sizeof(nn_batch_norm),
                                                      .forward = nn_batch_norm3d_forward,
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

tp_module *tp_nn_batch_norm3d(int64_t features, tp_nn_batch_norm_options options) {
    return nn_batch_norm_new("nn_batch_norm3d", &nn_batch_norm3d_class, features, options);
}

/* ---- layer, RMS and group normalisation --------------------------------------------------------------------------- */

typedef struct nn_norm {
    tp_module base;
    tp_tensor *weight, *bias;
    tp_shape shape; /* normalised, or (C) */
    int64_t groups;
    tp_nn_norm_options options;
} nn_norm;

static tp_tensor *nn_layer_norm_forward(tp_module *m, tp_tensor *x) {
    const nn_norm *self = (const nn_norm *)m;
    return tp_layer_norm(x, self->shape, (tp_norm_options){self->weight, self->bias, self->options.eps});
}

static tp_tensor *nn_rms_norm_forward(tp_module *m, tp_tensor *x) {
    const nn_norm *self = (const nn_norm *)m;
    return tp_rms_norm(x, self->shape, self->weight, self->options.eps);
}

static tp_tensor *nn_group_norm_forward(tp_module *m, tp_tensor *x) {
    const nn_norm *self = (const nn_norm *)m;
    if (x->shape.ndim < 2 || x->shape.dims[1] != self->shape.dims[0])
        TP_FAIL(TP_ERR_SHAPE, "nn_group_norm", "x %s has not %lld channels", tp__shape_text(x->shape),
                (long long)self->shape.dims[0]);
    return tp_group_norm(x, self->groups, (tp_norm_options){self->weight, self->bias, self->options.eps});
}

static double nn_norm_eps(const tp_nn_norm_options *o) { return tp__default(o->eps, 1e-5); }

static int nn_layer_norm_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_norm *self = (const nn_norm *)m;
    const tp_nn_norm_options *o = &self->options;
    tp__text text = {buffer, size, 0};
    tp__text_tuple(&text, self->shape.ndim, self->shape.dims);
    tp__text_add(&text, ", eps=%g, elementwise_affine=%s, bias=%s", nn_norm_eps(o),
                 tp__nn_bool(!o->no_affine), tp__nn_bool(!o->no_affine && !o->no_bias));
    return (int)text.length;
}

static int nn_rms_norm_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_norm *self = (const nn_norm *)m;
    const tp_nn_norm_options *o = &self->options;
    tp__text text = {buffer, size, 0};
    tp__text_tuple(&text, self->shape.ndim, self->shape.dims);
    if (o->eps == 0 && !signbit(o->eps)) tp__text_add(&text, ", eps=None");
    else tp__text_add(&text, ", eps=%g", fabs(o->eps));
    tp__text_add(&text, ", elementwise_affine=%s", tp__nn_bool(!o->no_affine));
    return (int)text.length;
}

static int nn_group_norm_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_norm *self = (const nn_norm *)m;
    const tp_nn_norm_options *o = &self->options;
    return snprintf(buffer, size, "%lld, %lld, eps=%g, affine=%s, bias=%s", (long long)self->groups,
                    (long long)self->shape.dims[0], nn_norm_eps(o), tp__nn_bool(!o->no_affine),
                    tp__nn_bool(!o->no_affine && !o->no_bias));
}

static const tp_module_class nn_layer_norm_class = {.name = "LayerNorm",
                                                    .size = sizeof(nn_norm),
                                                    .forward = nn_layer_norm_forward,
                                                    .describe = nn_layer_norm_describe};
static const tp_module_class nn_rms_norm_class = {.name = "RMSNorm",
                                                  .size = sizeof(nn_norm),
                                                  .forward = nn_rms_norm_forward,
                                                  .describe = nn_rms_norm_describe};
static const tp_module_class nn_group_norm_class = {.name = "GroupNorm",
                                                    .size = sizeof(nn_norm),
                                                    .forward = nn_group_norm_forward,
                                                    .describe = nn_group_norm_describe};

static tp_module *nn_norm_new(const char *op, const tp_module_class *type, tp_shape shape, int64_t groups,
                              tp_nn_norm_options options) {
    if (!(options.eps >= 0 && isfinite(options.eps)))
        TP_FAIL(TP_ERR_ARGUMENT, op, "eps must not be negative, got %g", options.eps);
    if (!tp__nn_check_dtype(op, options.dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_norm *self = s ? (nn_norm *)tp_module_new(type) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->shape = shape;
    self->groups = groups;
    self->options = options;
    tp_module *m = &self->base;
    bool ok = options.no_affine ||
              tp_module_register_parameter(m, "weight", &self->weight, tp_ones(shape, options.dtype)) != NULL;
    if (ok && !options.no_affine && !options.no_bias && type != &nn_rms_norm_class)
        ok = tp_module_register_parameter(m, "bias", &self->bias, tp_zeros(shape, options.dtype)) != NULL;
    return tp__module_finish(m, s, ok);
}

static bool nn_norm_check_shape(const char *op, tp_shape normalized) {
    if (normalized.ndim >= 1 && tp_shape_numel(normalized) >= 0) return true;
    TP_FAIL(TP_ERR_ARGUMENT, op, "a normalized shape of %s", tp__shape_text(normalized));
}

tp_module *tp_nn_layer_norm(tp_shape normalized, tp_nn_norm_options options) {
    const char *op = "nn_layer_norm";
    if (!nn_norm_check_shape(op, normalized)) return NULL;
    return nn_norm_new(op, &nn_layer_norm_class, normalized, 0, options);
}

tp_module *tp_nn_rms_norm(tp_shape normalized, tp_nn_norm_options options) {
    const char *op = "nn_rms_norm";
    if (!nn_norm_check_shape(op, normalized)) return NULL;
    return nn_norm_new(op, &nn_rms_norm_class, normalized, 0, options);
}

tp_module *tp_nn_group_norm(int64_t groups, int64_t channels, tp_nn_norm_options options) {
    const char *op = "nn_group_norm";
    if (channels < 0 || groups < 1 || channels % groups != 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "%lld channels do not make %lld groups", (long long)channels,
                (long long)groups);
    return nn_norm_new(op, &nn_group_norm_class, TP_SHAPE(channels), groups, options);
}

/* ---- instance normalisation ---------------------------------------------------------------------------------------- */

typedef struct nn_instance_norm {
    tp_module base;
    tp_tensor *weight, *bias, *running_mean, *running_var, *num_batches_tracked;
    int nd;
    int64_t features;
    tp_nn_instance_norm_options options;
} nn_instance_norm;

/* x: (N, C, ...) with nd spatial dims, or without N. */
static tp_tensor *nn_instance_norm_forward(tp_module *m, tp_tensor *x) {
    const nn_instance_norm *self = (const nn_instance_norm *)m;
    int n = x->shape.ndim;
    if ((n != self->nd + 1 && n != self->nd + 2) || x->shape.dims[n - self->nd - 1] != self->features)
        TP_FAIL(TP_ERR_SHAPE, "nn_instance_norm", "%s of %lld channels takes no %s", m->type->name,
                (long long)self->features, tp__shape_text(x->shape));
    tp_instance_norm_options options = {.weight = self->weight,
                                        .bias = self->bias,
                                        .running_mean = self->running_mean,
                                        .running_var = self->running_var,
                                        .no_input_stats = !m->training && self->running_mean,
                                        .momentum = self->options.momentum,
                                        .eps = self->options.eps};
    if (n == self->nd + 2) return tp_instance_norm(x, options);
    tp_tensor *y = tp_instance_norm(tp_unsqueeze(x, 0), options);
    return y ? tp_squeeze(y, TP_DIMS(0)) : NULL;
}

static int nn_instance_norm_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_instance_norm *self = (const nn_instance_norm *)m;
    const tp_nn_instance_norm_options *o = &self->options;
    double momentum = tp__default(o->momentum, 0.1);
    double eps = tp__default(o->eps, 1e-5);
    return snprintf(buffer, size, "%lld, eps=%g, momentum=%g, affine=%s, bias=%s, track_running_stats=%s",
                    (long long)self->features, eps, momentum, tp__nn_bool(o->affine), tp__nn_bool(o->affine),
                    tp__nn_bool(o->track_running_stats));
}

#define NN_INSTANCE_NORM_CLASS(NAME)                                                                         \
    {                                                                                                        \
        .name = NAME, .size = sizeof(nn_instance_norm), .forward = nn_instance_norm_forward,                 \
        .describe = nn_instance_norm_describe                                                                \
    }
static const tp_module_class nn_instance_norm_classes[] = {NN_INSTANCE_NORM_CLASS("InstanceNorm1d"),
                                                           NN_INSTANCE_NORM_CLASS("InstanceNorm2d"),
                                                           NN_INSTANCE_NORM_CLASS("InstanceNorm3d")};

static bool nn_instance_norm_fill(nn_instance_norm *self) {
    tp_module *m = &self->base;
    tp_shape shape = TP_SHAPE(self->features);
    tp_dtype dtype = self->options.dtype;
    if (self->options.affine &&
        (!tp_module_register_parameter(m, "weight", &self->weight, tp_ones(shape, dtype)) ||
         !tp_module_register_parameter(m, "bias", &self->bias, tp_zeros(shape, dtype))))
        return false;
    if (!self->options.track_running_stats) return true;
    return tp_module_register_buffer(m, "running_mean", &self->running_mean, tp_zeros(shape, dtype)) &&
           tp_module_register_buffer(m, "running_var", &self->running_var, tp_ones(shape, dtype)) &&
           tp_module_register_buffer(m, "num_batches_tracked", &self->num_batches_tracked,
                                     tp_zeros(TP_SCALAR_SHAPE, TP_I64));
}

static tp_module *nn_instance_norm_new(const char *op, int nd, int64_t features,
                                       tp_nn_instance_norm_options options) {
    if (features < 0) TP_FAIL(TP_ERR_ARGUMENT, op, "%lld features", (long long)features);
    if (!(options.eps >= 0 && isfinite(options.eps)) || !(options.momentum >= 0 && options.momentum <= 1))
        TP_FAIL(TP_ERR_ARGUMENT, op, "eps must not be negative and momentum in [0, 1], got %g and %g",
                options.eps, options.momentum);
    if (!tp__nn_check_dtype(op, options.dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_instance_norm *self = s ? (nn_instance_norm *)tp_module_new(&nn_instance_norm_classes[nd - 1]) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->nd = nd;
    self->features = features;
    self->options = options;
    return tp__module_finish(&self->base, s, nn_instance_norm_fill(self));
}

tp_module *tp_nn_instance_norm1d(int64_t features, tp_nn_instance_norm_options options) {
    return nn_instance_norm_new("nn_instance_norm1d", 1, features, options);
}

tp_module *tp_nn_instance_norm2d(int64_t features, tp_nn_instance_norm_options options) {
    return nn_instance_norm_new("nn_instance_norm2d", 2, features, options);
}

tp_module *tp_nn_instance_norm3d(int64_t features, tp_nn_instance_norm_options options) {
    return nn_instance_norm_new("nn_instance_norm3d", 3, features, options);
}

/* ---- dropout ------------------------------------------------------------------------------------------------------- */

typedef struct nn_dropout {
    tp_module base;
    double p;
    tp_generator *generator;
    tp_tensor *(*op)(tp_tensor *x, double p, bool training, tp_generator *generator);
} nn_dropout;

static tp_tensor *nn_dropout_forward(tp_module *m, tp_tensor *x) {
    const nn_dropout *self = (const nn_dropout *)m;
    return self->op(x, self->p, m->training, self->generator);
}

static int nn_dropout_describe(const tp_module *m, char *buffer, size_t size) {
    return snprintf(buffer, size, "p=%g, inplace=False", ((const nn_dropout *)m)->p);
}

#define NN_DROPOUT_CLASS(NAME)                                                                               \
    {                                                                                                        \
        .name = NAME, .size = sizeof(nn_dropout), .forward = nn_dropout_forward,                             \
        .describe = nn_dropout_describe                                                                      \
    }
static const tp_module_class nn_dropout_class = NN_DROPOUT_CLASS("Dropout"),
                             nn_dropout1d_class = NN_DROPOUT_CLASS("Dropout1d"),
                             nn_dropout2d_class = NN_DROPOUT_CLASS("Dropout2d"),
                             nn_dropout3d_class = NN_DROPOUT_CLASS("Dropout3d"),
                             nn_alpha_dropout_class = NN_DROPOUT_CLASS("AlphaDropout"),
                             nn_feature_alpha_dropout_class = NN_DROPOUT_CLASS("FeatureAlphaDropout");

static tp_module *nn_dropout_new(const char *op, const tp_module_class *type, nn_dropout given) {
    if (!(given.p >= 0 && given.p <= 1)) TP_FAIL(TP_ERR_ARGUMENT, op, "p must be in [0, 1], got %g", given.p);
    nn_dropout *self = (nn_dropout *)tp_module_new(type);
    if (!self) return NULL;
    self->p = given.p;
    self->generator = given.generator;
    self->op = given.op;
    return &self->base;
}

tp_module *tp_nn_dropout(double p, tp_generator *generator) {
    nn_dropout given = {.p = p, .generator = generator, .op = tp_dropout};
    return nn_dropout_new("nn_dropout", &nn_dropout_class, given);
}

tp_module *tp_nn_dropout1d(double p, tp_generator *generator) {
    nn_dropout given = {.p = p, .generator = generator, .op = tp_dropout1d};
    return nn_dropout_new("nn_dropout1d", &nn_dropout1d_class, given);
}

tp_module *tp_nn_dropout2d(double p, tp_generator *generator) {
    nn_dropout given = {.p = p, .generator = generator, .op = tp_dropout2d};
    return nn_dropout_new("nn_dropout2d", &nn_dropout2d_class, given);
}

tp_module *tp_nn_dropout3d(double p, tp_generator *generator) {
    nn_dropout given = {.p = p, .generator = generator, .op = tp_dropout3d};
    return nn_dropout_new("nn_dropout3d", &nn_dropout3d_class, given);
}

tp_module *tp_nn_alpha_dropout(double p, tp_generator *generator) {
    nn_dropout given = {.p = p, .generator = generator, .op = tp_alpha_dropout};
    return nn_dropout_new("nn_alpha_dropout", &nn_alpha_dropout_class, given);
}

tp_module *tp_nn_feature_alpha_dropout(double p, tp_generator *generator) {
    nn_dropout given = {.p = p, .generator = generator, .op = tp_feature_alpha_dropout};
    return nn_dropout_new("nn_feature_alpha_dropout", &nn_feature_alpha_dropout_class, given);
}
