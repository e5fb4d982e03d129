/* Modules with parameters: linear, bilinear, embedding. */
#include <math.h>
#include <stdio.h>

#include "core/scope.h"
#include "nn/nn.h"
#include "taper/creation.h"
#include "taper/init.h"
#include "taper/linalg.h"
#include "taper/nn.h"
#include "taper/views.h"

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
                    (long long)self->out, tp__nn_bool(!self->no_bias));
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
                    tp__nn_bool(!self->no_bias));
}

static tp_tensor *nn_bilinear_forward(tp_module *m, tp_tensors in) {
    const nn_bilinear *self = (const nn_bilinear *)m;
    if (in.count != 2)
        TP_FAIL(TP_ERR_ARGUMENT, "forward_all", "a Bilinear takes 2 tensors, got %d", in.count);
    return tp_bilinear(in.items[0], in.items[1], self->weight, self->bias);
}

static const tp_module_class nn_bilinear_class = {.name = "Bilinear",
                                                  .size = sizeof(nn_bilinear),
                                                  .forward_all = nn_bilinear_forward,
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

/* ---- embedding --------------------------------------------------------------------------------------- */

typedef struct nn_embedding {
    tp_module base;
    tp_tensor *weight;
    int64_t rows, size;
    tp_embedding_options options;
} nn_embedding;

static tp_tensor *nn_embedding_forward(tp_module *m, tp_tensor *x) {
    const nn_embedding *self = (const nn_embedding *)m;
    return tp_embedding(x, self->weight, self->options);
}

static int nn_embedding_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_embedding *self = (const nn_embedding *)m;
    tp__text text = {buffer, size, 0};
    tp__text_add(&text, "%lld, %lld", (long long)self->rows, (long long)self->size);
    if (self->options.has_padding_idx)
        tp__text_add(&text, ", padding_idx=%lld", (long long)self->options.padding_idx);
    return (int)text.length;
}

static const tp_module_class nn_embedding_class = {.name = "Embedding",
                                                   .size = sizeof(nn_embedding),
                                                   .forward = nn_embedding_forward,
                                                   .describe = nn_embedding_describe};

tp_module *tp_nn_embedding(int64_t num_embeddings, int64_t embedding_dim, tp_nn_embedding_options options) {
    const char *op = "nn_embedding";
    int64_t padding = options.padding_idx;
    if (num_embeddings < 0 || embedding_dim < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "%lld embeddings of %lld dims", (long long)num_embeddings,
                (long long)embedding_dim);
    if (options.has_padding_idx && (padding < -num_embeddings || padding >= num_embeddings))
        TP_FAIL(TP_ERR_ARGUMENT, op, "padding_idx %lld is none of the %lld embeddings", (long long)padding,
                (long long)num_embeddings);
    if (!tp__nn_check_dtype(op, options.dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_embedding *self = s ? (nn_embedding *)tp_module_new(&nn_embedding_class) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->rows = num_embeddings;
    self->size = embedding_dim;
    if (padding < 0) padding += num_embeddings;
    self->options = (tp_embedding_options){options.has_padding_idx, padding};
    tp_tensor *weight = tp_randn(TP_SHAPE(num_embeddings, embedding_dim), options.dtype, options.generator);
    bool ok = !weight || !options.has_padding_idx || tp_fill_(tp_select(weight, 0, padding), 0);
    ok = ok && tp_module_register_parameter(&self->base, "weight", &self->weight, weight);
    return tp__module_finish(&self->base, s, ok);
}
