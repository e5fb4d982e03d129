/* Modules of recurrent networks. */
#include "taper/nn_recurrent.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/scope.h"
#include "nn/nn.h"
#include "taper/creation.h"
#include "taper/init.h"

enum { RECURRENT_PARTS = 5 }; /* w_ih, w_hh, b_ih, b_hh, w_hr, of one layer and direction */

static const char *const recurrent_parts[RECURRENT_PARTS] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh",
                                                             "weight_hr"};

/* One weight, uniform within +-1 / sqrt(hidden); `behind` is put behind its name. */
static bool recurrent_add(tp_module *m, int part, const char *behind, tp_tensor **slot, tp_shape shape,
                          int64_t hidden, tp_dtype dtype, tp_generator *generator) {
    char name[64];
    const double bound = hidden > 0 ? 1 / sqrt((double)hidden) : 0;
    snprintf(name, sizeof name, "%s%s", recurrent_parts[part], behind);
    return tp_module_register_parameter(m, name, slot,
                                        tp_init_uniform_(tp_empty(shape, dtype), -bound, bound, generator)) !=
           NULL;
}

static bool recurrent_check(const char *op, int64_t input, int64_t hidden, tp_dtype dtype) {
    if (input < 0 || hidden < 1)
        TP_FAIL(TP_ERR_ARGUMENT, op,
                "input_size %lld and hidden_size %lld; the latter must be positive, the former not negative",
                (long long)input, (long long)hidden);
    if (hidden > INT32_MAX)
        TP_FAIL(TP_ERR_SHAPE, op, "hidden_size %lld makes weights of too many elements", (long long)hidden);
    return tp__nn_check_dtype(op, dtype);
}

/* ---- layers ------------------------------------------------------------------------------------------- */

typedef struct nn_recurrent {
    tp_module base;
    int64_t input, hidden;
    int gates;
    tp_nn_recurrent_options options;
    int count;         /* of weights */
    tp_tensor **slots; /* in the order in which the op takes them */
} nn_recurrent;

static void nn_recurrent_free(tp_module *m) { tp__free(((nn_recurrent *)m)->slots); }

static int nn_recurrent_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_recurrent *self = (const nn_recurrent *)m;
    const tp_nn_recurrent_options *o = &self->options;
    tp__text text = {buffer, size, 0};
    tp__text_add(&text, "%lld, %lld", (long long)self->input, (long long)self->hidden);
    if (o->proj_size) tp__text_add(&text, ", proj_size=%lld", (long long)o->proj_size);
    if (o->layers > 1) tp__text_add(&text, ", num_layers=%d", o->layers);
    if (o->no_bias) tp__text_add(&text, ", bias=False");
    if (o->batch_first) tp__text_add(&text, ", batch_first=True");
    if (o->dropout != 0) tp__text_add(&text, ", dropout=%g", o->dropout);
    if (o->bidirectional) tp__text_add(&text, ", bidirectional=True");
    return (int)text.length;
}

static tp_recurrent_options nn_recurrent_options(const nn_recurrent *self, tp_tensor *lengths) {
    const tp_nn_recurrent_options *o = &self->options;
    return (tp_recurrent_options){.layers = o->layers,
                                  .no_bias = o->no_bias,
                                  .batch_first = o->batch_first,
                                  .bidirectional = o->bidirectional,
                                  .projected = o->proj_size > 0,
                                  .dropout = o->dropout,
                                  .training = self->base.training,
                                  .lengths = lengths};
}

static tp_recurrent_out nn_recurrent_run(nn_recurrent *self, tp_tensor *x, tp_tensor *h, tp_tensor *lengths) {
    const tp_tensors weights = {self->count, self->slots};
    const tp_recurrent_options options = nn_recurrent_options(self, lengths);
    if (self->gates == 3) return tp_gru(x, h, weights, options);
    return self->options.relu ? tp_rnn_relu(x, h, weights, options) : tp_rnn_tanh(x, h, weights, options);
}

static tp_tensor *nn_recurrent_forward(tp_module *m, tp_tensor *x) {
    return nn_recurrent_run((nn_recurrent *)m, x, NULL, NULL).output;
}

static tp_lstm_out nn_lstm_run(nn_recurrent *self, tp_tensor *x, tp_lstm_state state, tp_tensor *lengths) {
    return tp_lstm(x, state, (tp_tensors){self->count, self->slots}, nn_recurrent_options(self, lengths));
}

static tp_tensor *nn_lstm_forward(tp_module *m, tp_tensor *x) {
    return nn_lstm_run((nn_recurrent *)m, x, (tp_lstm_state){NULL, NULL}, NULL).output;
}

#define NN_RECURRENT(ident, printed, run)                                                                    \
    static const tp_module_class nn_##ident##_class = {.name = printed,                                      \
                                                       .size = sizeof(nn_recurrent),                         \
                                                       .forward = run,                                       \
                                                       .free = nn_recurrent_free,                            \
                                                       .describe = nn_recurrent_describe};
NN_RECURRENT(rnn, "RNN", nn_recurrent_forward)
NN_RECURRENT(gru, "GRU", nn_recurrent_forward)
NN_RECURRENT(lstm, "LSTM", nn_lstm_forward)

/* The weights of layer `layer` in a direction, put into the slots from *next on. */
static bool nn_recurrent_layer(nn_recurrent *self, int layer, bool back, int *next) {
    const tp_nn_recurrent_options *o = &self->options;
    const int64_t rows = self->gates * self->hidden, out = o->proj_size ? o->proj_size : self->hidden;
    const int64_t in = layer == 0 ? self->input : out * (o->bidirectional ? 2 : 1);
    const tp_shape shapes[RECURRENT_PARTS] = {TP_SHAPE(rows, in), TP_SHAPE(rows, out), TP_SHAPE(rows),
                                              TP_SHAPE(rows), TP_SHAPE(out, self->hidden)};
    char behind[32];
    snprintf(behind, sizeof behind, "_l%d%s", layer, back ? "_reverse" : "");
    for (int part = 0; part < RECURRENT_PARTS; part++) {
        const bool bias = part == 2 || part == 3;
        if ((bias && o->no_bias) || (part == 4 && !o->proj_size)) continue;
        if (!recurrent_add(&self->base, part, behind, &self->slots[(*next)++], shapes[part], self->hidden,
                           o->dtype, o->generator))
            return false;
    }
    return true;
}

static bool nn_recurrent_fill(const char *op, nn_recurrent *self) {
    const tp_nn_recurrent_options *o = &self->options;
    const int directions = o->bidirectional ? 2 : 1, layers = o->layers ? o->layers : 1;
    self->count = layers * directions * (RECURRENT_PARTS - (o->no_bias ? 2 : 0) - (o->proj_size ? 0 : 1));
    const size_t bytes = (size_t)self->count * sizeof *self->slots;
    self->slots = tp__alloc(bytes);
    if (!self->slots) {
        tp__error_memory(op, bytes);
        return false;
    }
    memset(self->slots, 0, bytes);
    int next = 0;
    for (int layer = 0; layer < layers; layer++)
        for (int d = 0; d < directions; d++)
            if (!nn_recurrent_layer(self, layer, d == 1, &next)) return false;
    return true;
}

static tp_module *nn_recurrent_new(const char *op, const tp_module_class *type, int gates, int64_t input,
                                   int64_t hidden, tp_nn_recurrent_options options) {
    if (!recurrent_check(op, input, hidden, options.dtype)) return NULL;
    if (options.layers < 0 || options.layers > 1000000)
        TP_FAIL(TP_ERR_ARGUMENT, op, "%d layers", options.layers);
    if (!(options.dropout >= 0 && options.dropout <= 1))
        TP_FAIL(TP_ERR_ARGUMENT, op, "dropout must be in [0, 1], got %g", options.dropout);
    if (options.proj_size < 0 || options.proj_size >= hidden || (options.proj_size > 0 && gates != 4))
        TP_FAIL(TP_ERR_ARGUMENT, op, "proj_size %lld must be less than hidden_size %lld, and an LSTM's",
                (long long)options.proj_size, (long long)hidden);
    tp_scope *s = tp_scope_begin();
    nn_recurrent *self = s ? (nn_recurrent *)tp_module_new(type) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->input = input;
    self->hidden = hidden;
    self->gates = gates;
    self->options = options;
    return tp__module_finish(&self->base, s, nn_recurrent_fill(op, self));
}

tp_module *tp_nn_rnn(int64_t input_size, int64_t hidden_size, tp_nn_recurrent_options options) {
    return nn_recurrent_new("nn_rnn", &nn_rnn_class, 1, input_size, hidden_size, options);
}

tp_module *tp_nn_gru(int64_t input_size, int64_t hidden_size, tp_nn_recurrent_options options) {
    return nn_recurrent_new("nn_gru", &nn_gru_class, 3, input_size, hidden_size, options);
}

tp_module *tp_nn_lstm(int64_t input_size, int64_t hidden_size, tp_nn_recurrent_options options) {
    return nn_recurrent_new("nn_lstm", &nn_lstm_class, 4, input_size, hidden_size, options);
}

tp_recurrent_out tp_nn_rnn_forward(tp_module *m, tp_tensor *x, tp_tensor *h, tp_tensor *lengths) {
    nn_recurrent *self = tp__module_of("nn_rnn_forward", m, &nn_rnn_class);
    return self ? nn_recurrent_run(self, x, h, lengths) : (tp_recurrent_out){NULL, NULL};
}

tp_recurrent_out tp_nn_gru_forward(tp_module *m, tp_tensor *x, tp_tensor *h, tp_tensor *lengths) {
    nn_recurrent *self = tp__module_of("nn_gru_forward", m, &nn_gru_class);
    return self ? nn_recurrent_run(self, x, h, lengths) : (tp_recurrent_out){NULL, NULL};
}

tp_lstm_out tp_nn_lstm_forward(tp_module *m, tp_tensor *x, tp_lstm_state state, tp_tensor *lengths) {
    nn_recurrent *self = tp__module_of("nn_lstm_forward", m, &nn_lstm_class);
    return self ? nn_lstm_run(self, x, state, lengths) : (tp_lstm_out){NULL, NULL, NULL};
}

/* ---- cells -------------------------------------------------------------------------------------------- */

typedef struct nn_cell {
    tp_module base;
    int64_t input, hidden;
    tp_nn_cell_options options;
    tp_tensor *slots[RECURRENT_PARTS - 1];
} nn_cell;

static int nn_cell_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_cell *self = (const nn_cell *)m;
    tp__text text = {buffer, size, 0};
    tp__text_add(&text, "%lld, %lld", (long long)self->input, (long long)self->hidden);
    if (self->options.no_bias) tp__text_add(&text, ", bias=False");
    if (self->options.relu) tp__text_add(&text, ", nonlinearity=relu");
    return (int)text.length;
}

static tp_cell_weights nn_cell_weights(const nn_cell *self) {
    return (tp_cell_weights){self->slots[0], self->slots[1], self->slots[2], self->slots[3]};
}

/* h, or zeros that go with x. */
static tp_tensor *nn_cell_state(const nn_cell *self, const tp_tensor *x, tp_tensor *h) {
    if (h || !x || tp__error_pending()) return h;
    tp_shape shape = x->shape;
    if (shape.ndim > 0) shape.dims[shape.ndim - 1] = self->hidden;
    return tp_zeros(shape, (tp_dtype)x->dtype);
}

static tp_tensor *nn_rnn_cell_step(nn_cell *self, tp_tensor *x, tp_tensor *h) {
    h = nn_cell_state(self, x, h);
    return self->options.relu ? tp_rnn_relu_cell(x, h, nn_cell_weights(self))
                              : tp_rnn_tanh_cell(x, h, nn_cell_weights(self));
}

static tp_tensor *nn_gru_cell_step(nn_cell *self, tp_tensor *x, tp_tensor *h) {
    return tp_gru_cell(x, nn_cell_state(self, x, h), nn_cell_weights(self));
}

static tp_lstm_state nn_lstm_cell_step(nn_cell *self, tp_tensor *x, tp_lstm_state state) {
    const tp_lstm_state from = {nn_cell_state(self, x, state.h), nn_cell_state(self, x, state.c)};
    return tp_lstm_cell(x, from, nn_cell_weights(self));
}

static bool nn_cell_count(const tp_module *m, tp_tensors in) {
    if (in.count == 1 || in.count == 2) return true;
    TP_FAIL(TP_ERR_ARGUMENT, "forward_all", "a %s takes 1 to 2 tensors, got %d", m->type->name, in.count);
}

#define NN_CELL(ident, printed)                                                                              \
    static tp_tensor *nn_##ident##_forward(tp_module *m, tp_tensor *x) {                                     \
        return nn_##ident##_step((nn_cell *)m, x, NULL);                                                     \
    }                                                                                                        \
    static tp_tensor *nn_##ident##_forward_all(tp_module *m, tp_tensors in) {                                \
        if (!nn_cell_count(m, in)) return NULL;                                                              \
        return nn_##ident##_step((nn_cell *)m, in.items[0], in.count == 2 ? in.items[1] : NULL);             \
    }                                                                                                        \
    static const tp_module_class nn_##ident##_class = {.name = printed,                                      \
                                                       .size = sizeof(nn_cell),                              \
                                                       .forward = nn_##ident##_forward,                      \
                                                       .forward_all = nn_##ident##_forward_all,              \
                                                       .describe = nn_cell_describe};
NN_CELL(rnn_cell, "RNNCell")
NN_CELL(gru_cell, "GRUCell")

static tp_tensor *nn_lstm_cell_forward(tp_module *m, tp_tensor *x) {
    return nn_lstm_cell_step((nn_cell *)m, x, (tp_lstm_state){NULL, NULL}).h;
}

static const tp_module_class nn_lstm_cell_class = {.name = "LSTMCell",
                                                   .size = sizeof(nn_cell),
                                                   .forward = nn_lstm_cell_forward,
                                                   .describe = nn_cell_describe};

static tp_module *nn_cell_new(const char *op, const tp_module_class *type, int gates, int64_t input,
                              int64_t hidden, tp_nn_cell_options options) {
    if (!recurrent_check(op, input, hidden, options.dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_cell *self = s ? (nn_cell *)tp_module_new(type) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->input = input;
    self->hidden = hidden;
    self->options = options;
    const tp_shape shapes[] = {TP_SHAPE(gates * hidden, input), TP_SHAPE(gates * hidden, hidden),
                               TP_SHAPE(gates * hidden), TP_SHAPE(gates * hidden)};
    bool ok = true;
    for (int part = 0; part < (options.no_bias ? 2 : 4) && ok; part++)
        ok = recurrent_add(&self->base, part, "", &self->slots[part], shapes[part], hidden, options.dtype,
                           options.generator);
    return tp__module_finish(&self->base, s, ok);
}

tp_module *tp_nn_rnn_cell(int64_t input_size, int64_t hidden_size, tp_nn_cell_options options) {
    return nn_cell_new("nn_rnn_cell", &nn_rnn_cell_class, 1, input_size, hidden_size, options);
}

tp_module *tp_nn_gru_cell(int64_t input_size, int64_t hidden_size, tp_nn_cell_options options) {
    return nn_cell_new("nn_gru_cell", &nn_gru_cell_class, 3, input_size, hidden_size, options);
}

tp_module *tp_nn_lstm_cell(int64_t input_size, int64_t hidden_size, tp_nn_cell_options options) {
    return nn_cell_new("nn_lstm_cell", &nn_lstm_cell_class, 4, input_size, hidden_size, options);
}

tp_lstm_state tp_nn_lstm_cell_forward(tp_module *m, tp_tensor *x, tp_lstm_state state) {
    nn_cell *self = tp__module_of("nn_lstm_cell_forward", m, &nn_lstm_cell_class);
    return self ? nn_lstm_cell_step(self, x, state) : (tp_lstm_state){NULL, NULL};
}
