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
    if (self->options.sparse) tp__text_add(&text, ", sparse=True");
    return (int)text.length;
}

static const tp_module_class nn_embedding_class = {.name = "Embedding",
                                                   .size = sizeof(nn_embedding),
                                                   .forward = nn_embedding_forward,
                                                   .describe = nn_embedding_describe};

/* Gives `m` its table, a standard normal one with zeros for the padding. */
static bool embedding_add_table(tp_module *m, tp_tensor **slot, tp_shape shape, int64_t padding,
                                tp_dtype dtype, tp_generator *generator) {
    tp_tensor *weight = tp_randn(shape, dtype, generator);
    bool ok = !weight || padding < 0 || tp_fill_(tp_select(weight, 0, padding), 0);
    return ok && tp_module_register_parameter(m, "weight", slot, weight);
}

/* The padding's row, counted from 0; -1 for none, -2 with a record for numbers that make no sense. */
static int64_t embedding_padding(const char *op, int64_t rows, int64_t size, bool has_padding,
                                 int64_t padding) {
    if (rows < 0 || size < 0) {
        tp__error(TP_ERR_ARGUMENT, op, "%lld embeddings of %lld dims", (long long)rows, (long long)size);
        return -2;
    }
    if (!has_padding) return -1;
    if (padding >= -rows && padding < rows) return padding < 0 ? padding + rows : padding;
    tp__error(TP_ERR_ARGUMENT, op, "padding_idx %lld is none of the %lld embeddings", (long long)padding,
              (long long)rows);
    return -2;
}

tp_module *tp_nn_embedding(int64_t num_embeddings, int64_t embedding_dim, tp_nn_embedding_options options) {
    const char *op = "nn_embedding";
    int64_t padding =
        embedding_padding(op, num_embeddings, embedding_dim, options.has_padding_idx, options.padding_idx);
    if (padding < -1 || !tp__nn_check_dtype(op, options.dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_embedding *self = s ? (nn_embedding *)tp_module_new(&nn_embedding_class) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->rows = num_embeddings;
    self->size = embedding_dim;
    self->options = (tp_embedding_options){options.has_padding_idx, padding, options.sparse};
    bool ok = embedding_add_table(&self->base, &self->weight, TP_SHAPE(num_embeddings, embedding_dim),
                                  padding, options.dtype, options.generator);
    return tp__module_finish(&self->base, s, ok);
}

typedef struct nn_embedding_bag {
    tp_module base;
    tp_tensor *weight;
    int64_t rows, size;
    tp_embedding_bag_options options;
} nn_embedding_bag;

static tp_tensor *nn_embedding_bag_all(tp_module *m, tp_tensors in) {
    const nn_embedding_bag *self = (const nn_embedding_bag *)m;
    tp_embedding_bag_options options = self->options;
    if (in.count < 1 || in.count > 3)
        TP_FAIL(TP_ERR_ARGUMENT, "embedding_bag", "takes an index, offsets and factors, got %d tensors",
                in.count);
    if (in.count > 1) options.offsets = in.items[1];
    if (in.count > 2) options.per_sample_weights = in.items[2];
    return tp_embedding_bag(in.items[0], self->weight, options);
}

static tp_tensor *nn_embedding_bag_forward(tp_module *m, tp_tensor *x) {
    return nn_embedding_bag_all(m, (tp_tensors){1, &x});
}

static int nn_embedding_bag_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_embedding_bag *self = (const nn_embedding_bag *)m;
    static const char *const modes[] = {"mean", "sum", "max"};
    tp__text text = {buffer, size, 0};
    tp__text_add(&text, "%lld, %lld, mode='%s'", (long long)self->rows, (long long)self->size,
                 modes[self->options.mode]);
    if (self->options.has_padding_idx)
        tp__text_add(&text, ", padding_idx=%lld", (long long)self->options.padding_idx);
    return (int)text.length;
}

static const tp_module_class nn_embedding_bag_class = {.name = "EmbeddingBag",
                                                       .size = sizeof(nn_embedding_bag),
                                                       .forward = nn_embedding_bag_forward,
                                                       .forward_all = nn_embedding_bag_all,
                                                       .describe = nn_embedding_bag_describe};

tp_module *tp_nn_embedding_bag(int64_t num_embeddings, int64_t embedding_dim,
                               tp_nn_embedding_bag_options options) {
    const char *op = "nn_embedding_bag";
    int64_t padding =
        embedding_padding(op, num_embeddings, embedding_dim, options.has_padding_idx, options.padding_idx);
    if (padding < -1 || !tp__nn_check_dtype(op, options.dtype)) return NULL;
    if ((unsigned)options.mode > TP_BAG_MAX)
        TP_FAIL(TP_ERR_ARGUMENT, op, "there is no mode %d", (int)options.mode);
    tp_scope *s = tp_scope_begin();
    nn_embedding_bag *self = s ? (nn_embedding_bag *)tp_module_new(&nn_embedding_bag_class) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->rows = num_embeddings;
    self->size = embedding_dim;
    self->options = (tp_embedding_bag_options){.mode = options.mode,
                                               .include_last_offset = options.include_last_offset,
                                               .has_padding_idx = options.has_padding_idx,
                                               .padding_idx = padding,
                                               .sparse = options.sparse};
    bool ok = embedding_add_table(&self->base, &self->weight, TP_SHAPE(num_embeddings, embedding_dim),
                                  padding, options.dtype, options.generator);
    return tp__module_finish(&self->base, s, ok);
}
