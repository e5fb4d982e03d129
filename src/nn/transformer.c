/* Layers of a transformer, and positions. */
#include <stdio.h>

#include "core/scope.h"
#include "nn/nn.h"
#include "taper/activation.h"
#include "taper/attention.h"
#include "taper/creation.h"
#include "taper/elementwise.h"
#include "taper/init.h"
#include "taper/nn.h"
#include "taper/nn_attention.h"
#include "taper/norm.h"
#include "taper/scope.h"
#include "taper/tensor.h"
#include "taper/views.h"

/* ---- a layer ------------------------------------------------------------------------------------------ */

typedef struct nn_layer {
    tp_module base;
    tp_nn_transformer_options options;
    tp_module *attention, *linear1, *dropout, *linear2, *norm1, *norm2, *dropout1, *dropout2;
} nn_layer;

static tp_tensor *layer_attend(const nn_layer *self, tp_tensor *x, tp_attention_masks masks) {
    masks.is_causal = masks.is_causal || self->options.is_causal;
    masks.need_weights = false;
    return tp_forward(self->dropout1,
                      tp_nn_multihead_attention_forward(self->attention, x, x, x, masks).output);
}

static tp_tensor *layer_feed(const nn_layer *self, tp_tensor *x) {
    tp_tensor *h = tp_forward(self->linear1, x);
    h = self->options.gelu ? tp_gelu(h) : tp_relu(h);
    return tp_forward(self->dropout2, tp_forward(self->linear2, tp_forward(self->dropout, h)));
}

/* In a scope of its own. */
static tp_tensor *layer_run(const nn_layer *self, tp_tensor *x, tp_attention_masks masks) {
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    if (self->options.norm_first) {
        x = tp_add(x, layer_attend(self, tp_forward(self->norm1, x), masks));
        x = tp_add(x, layer_feed(self, tp_forward(self->norm2, x)));
    } else {
        x = tp_forward(self->norm1, tp_add(x, layer_attend(self, x, masks)));
        x = tp_forward(self->norm2, tp_add(x, layer_feed(self, x)));
    }
    return tp_scope_return(s, x);
}

static tp_tensor *nn_layer_forward(tp_module *m, tp_tensor *x) {
    return layer_run((const nn_layer *)m, x, (tp_attention_masks){0});
}

static const tp_module_class nn_layer_class = {.name = "TransformerEncoderLayer",
                                               .size = sizeof(nn_layer),
                                               .forward = nn_layer_forward};

static bool layer_fill(nn_layer *self, int64_t size, int64_t heads) {
    const tp_nn_transformer_options *o = &self->options;
    const double dropout = tp__default(o->dropout, 0.1);
    const int64_t wide = o->dim_feedforward ? o->dim_feedforward : 2048;
    const tp_linear_options linear = {.no_bias = o->no_bias, .dtype = o->dtype, .generator = o->generator};
    const tp_nn_norm_options norm = {.eps = o->layer_norm_eps, .no_bias = o->no_bias, .dtype = o->dtype};
    const tp_nn_multihead_attention_options attention = {.dropout = dropout,
                                                         .no_bias = o->no_bias,
                                                         .batch_first = o->batch_first,
                                                         .dtype = o->dtype,
                                                         .generator = o->generator};
    tp_module *m = &self->base;
    self->attention = tp_module_add(m, "self_attn", tp_nn_multihead_attention(size, heads, attention));
    self->linear1 = tp_module_add(m, "linear1", tp_nn_linear(size, wide, linear));
    self->dropout = tp_module_add(m, "dropout", tp_nn_dropout(dropout, NULL));
    self->linear2 = tp_module_add(m, "linear2", tp_nn_linear(wide, size, linear));
    self->norm1 = tp_module_add(m, "norm1", tp_nn_layer_norm(TP_SHAPE(size), norm));
    self->norm2 = tp_module_add(m, "norm2", tp_nn_layer_norm(TP_SHAPE(size), norm));
    self->dropout1 = tp_module_add(m, "dropout1", tp_nn_dropout(dropout, NULL));
    self->dropout2 = tp_module_add(m, "dropout2", tp_nn_dropout(dropout, NULL));
    return self->attention && self->linear1 && self->dropout && self->linear2 && self->norm1 && self->norm2 &&
           self->dropout1 && self->dropout2;
}

static bool layer_check(const char *op, int64_t size, int64_t heads, const tp_nn_transformer_options *o) {
    const double dropout = tp__default(o->dropout, 0.1);
    if (size < 1 || heads < 1 || size % heads != 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "d_model %lld must be a multiple of num_heads %lld, and both positive",
                (long long)size, (long long)heads);
    if (o->dim_feedforward < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "dim_feedforward %lld is negative", (long long)o->dim_feedforward);
    if (!(dropout >= 0 && dropout <= 1))
        TP_FAIL(TP_ERR_ARGUMENT, op, "dropout must be in [0, 1], got %g", dropout);
    return tp__nn_check_dtype(op, o->dtype);
}

tp_module *tp_nn_transformer_encoder_layer(int64_t d_model, int64_t num_heads,
                                           tp_nn_transformer_options options) {
    if (!layer_check("nn_transformer_encoder_layer", d_model, num_heads, &options)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_layer *self = s ? (nn_layer *)tp_module_new(&nn_layer_class) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->options = options;
    return tp__module_finish(&self->base, s, layer_fill(self, d_model, num_heads));
}

tp_tensor *tp_nn_transformer_encoder_layer_forward(tp_module *m, tp_tensor *x, tp_attention_masks masks) {
    const char *op = "nn_transformer_encoder_layer_forward";
    const nn_layer *self = tp__module_of(op, m, &nn_layer_class);
    if (!self) return NULL;
    TP_REQUIRE(x, op);
    return layer_run(self, x, masks);
}

/* ---- several ------------------------------------------------------------------------------------------ */

typedef struct nn_encoder {
    tp_module base;
    tp_module *layers, *norm;
} nn_encoder;

/* Drops each layer's input as soon as it has run. */
static tp_tensor *encoder_run(const nn_encoder *self, tp_tensor *x, tp_attention_masks masks) {
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *held = tp_retain(x);
    const int count = tp_module_child_count(self->layers);
    for (int i = 0; i < count && held; i++) {
        tp_scope *inner = tp_scope_begin();
        tp_tensor *y =
            inner ? layer_run((const nn_layer *)tp_module_child_at(self->layers, i), held, masks) : NULL;
        tp_tensor *kept = y ? tp_retain(y) : NULL;
        tp_scope_end(inner);
        tp_release(held);
        held = kept;
    }
    tp_tensor *y = held && self->norm ? tp_forward(self->norm, held) : held;
    y = tp_scope_return(s, y);
    if (held) tp_release(held);
    return y;
}

static tp_tensor *nn_encoder_forward(tp_module *m, tp_tensor *x) {
    return encoder_run((const nn_encoder *)m, x, (tp_attention_masks){0});
}

static const tp_module_class nn_encoder_class = {.name = "TransformerEncoder",
                                                 .size = sizeof(nn_encoder),
                                                 .forward = nn_encoder_forward};

static bool encoder_fill(nn_encoder *self, int64_t size, int64_t heads, int layers,
                         const tp_nn_transformer_options *o) {
    self->layers = tp_module_add(&self->base, "layers", tp_nn_module_list((tp_modules){0, NULL}));
    for (int i = 0; i < layers; i++)
        if (!self->layers ||
            !tp_module_append(self->layers, tp_nn_transformer_encoder_layer(size, heads, *o)))
            return false;
    if (o->final_norm) {
        const tp_nn_norm_options norm = {.eps = o->layer_norm_eps, .no_bias = o->no_bias, .dtype = o->dtype};
        self->norm = tp_module_add(&self->base, "norm", tp_nn_layer_norm(TP_SHAPE(size), norm));
    }
    return self->layers && (self->norm || !o->final_norm);
}

tp_module *tp_nn_transformer_encoder(int64_t d_model, int64_t num_heads, int num_layers,
                                     tp_nn_transformer_options options) {
    const char *op = "nn_transformer_encoder";
    if (!layer_check(op, d_model, num_heads, &options)) return NULL;
    if (num_layers < 0 || num_layers > 1000000) TP_FAIL(TP_ERR_ARGUMENT, op, "%d layers", num_layers);
    tp_scope *s = tp_scope_begin();
    nn_encoder *self = s ? (nn_encoder *)tp_module_new(&nn_encoder_class) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    return tp__module_finish(&self->base, s, encoder_fill(self, d_model, num_heads, num_layers, &options));
}

tp_tensor *tp_nn_transformer_encoder_forward(tp_module *m, tp_tensor *x, tp_attention_masks masks) {
    const char *op = "nn_transformer_encoder_forward";
    const nn_encoder *self = tp__module_of(op, m, &nn_encoder_class);
    if (!self) return NULL;
    TP_REQUIRE(x, op);
    return encoder_run(self, x, masks);
}

/* ---- positions ---------------------------------------------------------------------------------------- */

typedef struct nn_positions {
    tp_module base;
    tp_tensor *table;
    int64_t length, size;
    tp_nn_positional_encoding_options options;
} nn_positions;

static tp_tensor *nn_positions_forward(tp_module *m, tp_tensor *x) {
    const nn_positions *self = (const nn_positions *)m;
    const int n = x->shape.ndim, dim = n == 3 && self->options.batch_first ? 1 : 0;
    if ((n != 2 && n != 3) || x->shape.dims[n - 1] != self->size || x->shape.dims[dim] > self->length)
        TP_FAIL(TP_ERR_SHAPE, "nn_positional_encoding",
                "x must be %s with at most %lld positions and %lld features, got %s",
                self->options.batch_first ? "(N, T, E)" : "(T, N, E)", (long long)self->length,
                (long long)self->size, tp__shape_text(x->shape));
    tp_tensor *table = tp_narrow(self->table, 0, 0, x->shape.dims[dim]);
    if (n == 3 && dim == 0) table = tp_unsqueeze(table, 1);
    return tp_dropout(tp_add(x, table), self->options.dropout, m->training, NULL);
}

static int nn_positions_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_positions *self = (const nn_positions *)m;
    return snprintf(buffer, size, "%lld, %lld, dropout=%g, learned=%s, batch_first=%s",
                    (long long)self->length, (long long)self->size, self->options.dropout,
                    tp__nn_bool(self->options.learned), tp__nn_bool(self->options.batch_first));
}

static const tp_module_class nn_positions_class = {.name = "PositionalEncoding",
                                                   .size = sizeof(nn_positions),
                                                   .forward = nn_positions_forward,
                                                   .describe = nn_positions_describe};

static bool positions_fill(nn_positions *self) {
    const tp_nn_positional_encoding_options *o = &self->options;
    if (!o->learned)
        return tp_module_register_buffer(&self->base, "pe", &self->table,
                                         tp_sinusoidal_positions(self->length, self->size, o->dtype)) != NULL;
    tp_tensor *w = tp_empty(TP_SHAPE(self->length, self->size), o->dtype);
    return tp_module_register_parameter(&self->base, "weight", &self->table,
                                        tp_init_normal_(w, 0, 0.02, o->generator)) != NULL;
}

tp_module *tp_nn_positional_encoding(int64_t max_len, int64_t dim,
                                     tp_nn_positional_encoding_options options) {
    const char *op = "nn_positional_encoding";
    if (max_len < 0 || dim < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "max_len %lld and dim %lld; neither may be negative", (long long)max_len,
                (long long)dim);
    if (!(options.dropout >= 0 && options.dropout <= 1))
        TP_FAIL(TP_ERR_ARGUMENT, op, "dropout must be in [0, 1], got %g", options.dropout);
    if (!tp__nn_check_dtype(op, options.dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_positions *self = s ? (nn_positions *)tp_module_new(&nn_positions_class) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->length = max_len;
    self->size = dim;
    self->options = options;
    return tp__module_finish(&self->base, s, positions_fill(self));
}
