/* Samples of recurrent.h. */
#include <stdlib.h>
#include <string.h>

#include "support/sample.h"

/* ---- cells: in are x, the state (h, and c of an LSTM), w_ih, w_hh, b_ih, b_hh ------------------------ */

#define WEIGHTS(first) ((tp_cell_weights){in[first], in[(first) + 1], in[(first) + 2], in[(first) + 3]})

SAMPLE_RUN(run_rnn_tanh_cell, tp_rnn_tanh_cell(in[0], in[1], WEIGHTS(2)))
SAMPLE_RUN(run_rnn_relu_cell, tp_rnn_relu_cell(in[0], in[1], WEIGHTS(2)))
SAMPLE_RUN(run_gru_cell, tp_gru_cell(in[0], in[1], WEIGHTS(2)))
static int run_lstm_cell(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    tp_lstm_state state = tp_lstm_cell(in[0], (tp_lstm_state){in[1], in[2]}, WEIGHTS(3));
    out[0] = state.h;
    out[1] = state.c;
    return 2;
}

static double logistic(double x) { return 1 / (1 + exp(-x)); }

/* Row `gate` of b + v W^T for sample n. */
static double weighed(const dense *v, const dense *w, const dense *b, int64_t n, int64_t gate) {
    int64_t size = v->shape.dims[v->shape.ndim - 1];
    double sum = b->data ? b->data[gate] : 0;
    for (int64_t k = 0; k < size; k++) sum += v->data[n * size + k] * w->data[gate * size + k];
    return sum;
}

typedef struct cell {
    const dense *x, *h, *w_ih, *w_hh, *b_ih, *b_hh;
    int64_t n, j, size; /* which sample, which element of its state, of how many */
} cell;

static double of_input(const cell *c, int64_t k) {
    return weighed(c->x, c->w_ih, c->b_ih, c->n, k * c->size + c->j);
}
static double of_state(const cell *c, int64_t k) {
    return weighed(c->h, c->w_hh, c->b_hh, c->n, k * c->size + c->j);
}

static cell cell_at(const dense *in, int first, int64_t at) {
    int64_t size = in[1].shape.dims[in[1].shape.ndim - 1];
    return (cell){&in[0],
                  &in[1],
                  &in[first],
                  &in[first + 1],
                  &in[first + 2],
                  &in[first + 3],
                  size ? at / size : 0,
                  size ? at % size : 0,
                  size};
}

static void ref_rnn_tanh_cell(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, in[1].shape);
    for (int64_t k = 0; k < out->numel; k++) {
        cell c = cell_at(in, 2, k);
        y[k] = tanh(of_input(&c, 0) + of_state(&c, 0));
    }
}

static void ref_rnn_relu_cell(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, in[1].shape);
    for (int64_t k = 0; k < out->numel; k++) {
        cell c = cell_at(in, 2, k);
        y[k] = fmax(of_input(&c, 0) + of_state(&c, 0), 0);
    }
}

static void ref_gru_cell(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, in[1].shape);
    for (int64_t k = 0; k < out->numel; k++) {
        cell c = cell_at(in, 2, k);
        double r = logistic(of_input(&c, 0) + of_state(&c, 0)),
               z = logistic(of_input(&c, 1) + of_state(&c, 1));
        double n = tanh(of_input(&c, 2) + r * of_state(&c, 2));
        y[k] = (1 - z) * n + z * in[1].data[k];
    }
}

static void ref_lstm_cell(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *h = dense_new(&out[0], in[1].shape), *next = dense_new(&out[1], in[1].shape);
    for (int64_t k = 0; k < out->numel; k++) {
        cell c = cell_at(in, 3, k);
        double gate[4];
        for (int g = 0; g < 4; g++) gate[g] = of_input(&c, g) + of_state(&c, g);
        next[k] = logistic(gate[1]) * in[2].data[k] + logistic(gate[0]) * tanh(gate[2]);
        h[k] = logistic(gate[3]) * tanh(next[k]);
    }
}

/* ---- sequences: in are x, h, c, lengths and the weights; arg the other options ----------------------- */

enum { SEQUENCE_WEIGHTS = 4 };

static tp_recurrent_options sequence_options(const sample *row, tp_tensor *const *in) {
    tp_recurrent_options options = *(const tp_recurrent_options *)row->arg;
    options.lengths = in[3];
    return options;
}

static tp_tensors sequence_weights(const sample *row, tp_tensor *const *in) {
    int count = 0;
    while (SEQUENCE_WEIGHTS + count < SAMPLE_MAX_INPUTS &&
           row->in[SEQUENCE_WEIGHTS + count].kind != SAMPLE_NO_INPUT)
        count++;
    return (tp_tensors){count, (tp_tensor **)in + SEQUENCE_WEIGHTS};
}

#define RUN_SEQUENCE(op)                                                                                     \
    static int run_##op(const sample *row, tp_tensor *const *in, tp_tensor **out) {                          \
        tp_recurrent_out y = tp_##op(in[0], in[1], sequence_weights(row, in), sequence_options(row, in));    \
        out[0] = y.output;                                                                                   \
        out[1] = y.h;                                                                                        \
        return 2;                                                                                            \
    }
RUN_SEQUENCE(rnn_tanh)
RUN_SEQUENCE(rnn_relu)
RUN_SEQUENCE(gru)
static int run_lstm(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_lstm_state state = {in[1], in[2]};
    tp_lstm_out y = tp_lstm(in[0], state, sequence_weights(row, in), sequence_options(row, in));
    out[0] = y.output;
    out[1] = y.h;
    out[2] = y.c;
    return 3;
}

/* What one sequence does in one layer and direction: x (count, in) with `step` between rows, h and c in place; y gets each h. */
typedef struct walk {
    const sample *row;
    const dense *w; /* w_ih, w_hh, then what there is */
    int64_t in, size, outputs, count;
    bool back;
} walk;

static void walk_step(const walk *k, const double *x, double *h, double *c) {
    const tp_recurrent_options *o = k->row->arg;
    const bool lstm = strcmp(k->row->op, "lstm") == 0, gru = strcmp(k->row->op, "gru") == 0;
    const int gates = lstm ? 4 : gru ? 3 : 1;
    double *a = calloc((size_t)(2 * gates * k->size + k->outputs + k->size), sizeof *a),
           *b = a + gates * k->size, *next = b + gates * k->size, *whole = next + k->outputs;
    for (int64_t r = 0; r < gates * k->size; r++) {
        if (!o->no_bias) a[r] = k->w[2].data[r], b[r] = k->w[3].data[r];
        for (int64_t j = 0; j < k->in; j++) a[r] += k->w[0].data[r * k->in + j] * x[j];
        for (int64_t j = 0; j < k->outputs; j++) b[r] += k->w[1].data[r * k->outputs + j] * h[j];
    }
    for (int64_t j = 0; j < k->size; j++) {
        const int64_t n = k->size;
        if (lstm) {
            c[j] = logistic(a[n + j] + b[n + j]) * c[j] +
                   logistic(a[j] + b[j]) * tanh(a[2 * n + j] + b[2 * n + j]);
            whole[j] = logistic(a[3 * n + j] + b[3 * n + j]) * tanh(c[j]);
        } else if (gru) {
            double z = logistic(a[n + j] + b[n + j]), r = logistic(a[j] + b[j]);
            whole[j] = (1 - z) * tanh(a[2 * n + j] + r * b[2 * n + j]) + z * h[j];
        } else {
            whole[j] = strcmp(k->row->op, "rnn_relu") == 0 ? fmax(a[j] + b[j], 0) : tanh(a[j] + b[j]);
        }
    }
    const dense *w_hr = &k->w[o->no_bias ? 2 : 4];
    for (int64_t j = 0; j < k->outputs; j++) {
        next[j] = o->projected ? 0 : whole[j];
        for (int64_t i = 0; o->projected && i < k->size; i++)
            next[j] += w_hr->data[j * k->size + i] * whole[i];
    }
    memcpy(h, next, (size_t)k->outputs * sizeof *h);
    free(a);
}

static void walk_sequence(const walk *k, const double *x, int64_t x_step, double *h, double *c, double *y,
                          int64_t y_step) {
    for (int64_t i = 0; i < k->count; i++) {
        int64_t t = k->back ? k->count - 1 - i : i;
        walk_step(k, x + t * x_step, h, c);
        memcpy(y + t * y_step, h, (size_t)k->outputs * sizeof *y);
    }
}

static void ref_sequence(const sample *row, const dense *in, dense *out) {
    const tp_recurrent_options *o = row->arg;
    const bool alone = in[0].shape.ndim == 2, lstm = strcmp(row->op, "lstm") == 0;
    const int gates = lstm                          ? 4
                      : strcmp(row->op, "gru") == 0 ? 3
                                                    : 1,
              layers = o->layers ? o->layers : 1, directions = o->bidirectional ? 2 : 1,
              each = 2 + (o->no_bias ? 0 : 2) + o->projected;
    const int64_t *d = in[0].shape.dims, steps = alone || !o->batch_first ? d[0] : d[1],
                  batch = alone            ? 1
                          : o->batch_first ? d[0]
                                           : d[1],
                  inputs = d[in[0].shape.ndim - 1];
    const dense *w = in + SEQUENCE_WEIGHTS;
    const int64_t size = w[0].shape.dims[0] / gates, outputs = w[1].shape.dims[1],
                  wide = directions * outputs;
    const int64_t sets = (int64_t)layers * directions;
    tp_shape all = alone            ? TP_SHAPE(steps, wide)
                   : o->batch_first ? TP_SHAPE(batch, steps, wide)
                                    : TP_SHAPE(steps, batch, wide);
    double *y = dense_new(&out[0], all);
    double *h = dense_new(&out[1], alone ? TP_SHAPE(sets, outputs) : TP_SHAPE(sets, batch, outputs));
    double *c = lstm ? dense_new(&out[2], alone ? TP_SHAPE(sets, size) : TP_SHAPE(sets, batch, size)) : NULL;
    if (in[1].data) memcpy(h, in[1].data, (size_t)out[1].numel * sizeof *h);
    if (lstm && in[2].data) memcpy(c, in[2].data, (size_t)out[2].numel * sizeof *c);
    double *below = calloc((size_t)(2 * steps * (wide > inputs ? wide : inputs) + 1), sizeof *below),
           *above = below + steps * (wide > inputs ? wide : inputs);
    for (int64_t n = 0; n < batch; n++) {
        const int64_t apart = alone || o->batch_first ? 1 : batch,
                      first = o->batch_first && !alone ? n * steps : n;
        for (int64_t t = 0; t < steps; t++)
            memcpy(below + t * inputs, in[0].data + (first + t * apart) * inputs,
                   (size_t)inputs * sizeof *below);
        for (int layer = 0; layer < layers; layer++) {
            const int64_t width = layer ? wide : inputs;
            memset(above, 0, (size_t)(steps * wide) * sizeof *above);
            for (int side = 0; side < directions; side++) {
                const int set = layer * directions + side;
                walk k = {row,      w + set * each, width,
                          size,     outputs,        in[3].data ? (int64_t)in[3].data[n] : steps,
                          side == 1};
                walk_sequence(&k, below, width, h + (set * batch + n) * outputs,
                              c ? c + (set * batch + n) * size : NULL, above + side * outputs, wide);
            }
            memcpy(below, above, (size_t)(steps * wide) * sizeof *below);
            if (o->training && o->dropout == 1 && layer + 1 < layers)
                memset(below, 0, (size_t)(steps * wide) * sizeof *below);
        }
        for (int64_t t = 0; t < steps; t++)
            memcpy(y + (first + t * apart) * wide, below + t * wide, (size_t)wide * sizeof *y);
    }
    free(below);
}

/* clang-format off */
/* ---- padding: three sequences; i[0] of unpad_sequence is batch_first ---------------------------------- */

SAMPLE_RUN(run_pad_sequence,
           tp_pad_sequence((tp_tensors){3, (tp_tensor **)(uintptr_t)in}, *(const tp_pad_sequence_options *)row->arg))

static void ref_pad_sequence(const sample *row, const dense *in, dense *out) {
    const tp_pad_sequence_options *o = row->arg;
    int64_t most = 0, step = 1;
    for (int n = 0; n < 3; n++)
        if (in[n].shape.dims[0] > most) most = in[n].shape.dims[0];
    tp_shape shape = {.ndim = in[0].shape.ndim + 1};
    shape.dims[o->batch_first] = most;
    shape.dims[!o->batch_first] = 3;
    for (int d = 2; d < shape.ndim; d++) step *= shape.dims[d] = in[0].shape.dims[d - 1];
    double *y = dense_new(out, shape);
    for (int64_t n = 0; n < 3; n++)
        for (int64_t t = 0; t < most; t++)
            for (int64_t k = 0; k < step; k++) {
                int64_t from = o->padding_left ? t - (most - in[n].shape.dims[0]) : t;
                bool there = from >= 0 && from < in[n].shape.dims[0];
                y[(o->batch_first ? n * most + t : t * 3 + n) * step + k] =
                    there ? in[n].data[from * step + k] : o->padding_value;
            }
}

static int run_unpad_sequence(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_unpad_sequence(in[0], in[1], row->i[0] != 0, out);
    return 3;
}

static void ref_unpad_sequence(const sample *row, const dense *in, dense *out) {
    int64_t first = row->i[0], most = in[0].shape.dims[first], step = 1;
    for (int d = 2; d < in[0].shape.ndim; d++) step *= in[0].shape.dims[d];
    for (int64_t n = 0; n < 3; n++) {
        tp_shape shape = {.ndim = in[0].shape.ndim - 1, .dims = {(int64_t)in[1].data[n]}};
        for (int d = 1; d < shape.ndim; d++) shape.dims[d] = in[0].shape.dims[d + 1];
        double *y = dense_new(&out[n], shape);
        for (int64_t t = 0; t < shape.dims[0]; t++)
            for (int64_t k = 0; k < step; k++)
                y[t * step + k] = in[0].data[(first ? n * most + t : t * 3 + n) * step + k];
    }
}

#define OF(...) FLOATS(-1, 1, __VA_ARGS__)
#define BIAS(n) {FLOAT_IN(-1, 1), SHAPE(n), .optional = true}
#define NONE {.kind = SAMPLE_ABSENT, .optional = true}
#define CELL(op, what, ...) {#op, what, run_##op, ref_##op, {__VA_ARGS__}}
#define CELLS(op, g, state) \
    CELL(op, "batch", OF(3, 4), state(3, 2), OF(g * 2, 4), OF(g * 2, 2), BIAS(g * 2), BIAS(g * 2)), \
    CELL(op, "one sample", OF(3), state(2), OF(g * 2, 3), OF(g * 2, 2), BIAS(g * 2), BIAS(g * 2)), \
    CELL(op, "no biases", OF(2, 3), state(2, 3), OF(g * 3, 3), OF(g * 3, 3), NONE, NONE), \
    CELL(op, "one bias", OF(2, 3), state(2, 1), OF(g * 1, 3), OF(g * 1, 1), NONE, BIAS(g * 1)), \
    CELL(op, "no samples", OF(0, 3), state(0, 2), OF(g * 2, 3), OF(g * 2, 2), BIAS(g * 2), BIAS(g * 2)), \
    CELL(op, "no inputs", OF(2, 0), state(2, 2), OF(g * 2, 0), OF(g * 2, 2), BIAS(g * 2), NONE), \
    {#op, "large", run_##op, ref_##op, {OF(300, 20), state(300, 40), OF(g * 40, 20), OF(g * 40, 40), BIAS(g * 40), BIAS(g * 40)}, \
     .flags = SAMPLE_LARGE, .tol_f32 = 1e-4}
#define ALONE(...) OF(__VA_ARGS__)
#define PAIR(...) OF(__VA_ARGS__), OF(__VA_ARGS__)
#define OPTIONS(...) .arg = &(const tp_recurrent_options){__VA_ARGS__}
#define PLAIN .layers = 0
#define SEQUENCE(op, what, ...) {#op, what, run_##op, ref_sequence, __VA_ARGS__}
#define LENGTHS(n, ...) {.kind = SAMPLE_I64, SHAPE(n), .optional = true, .values = VALUES(__VA_ARGS__)}
#define STATE(...) {FLOAT_IN(-1, 1), SHAPE(__VA_ARGS__), .optional = true}
#define BIASED(g, i, h) OF(g * h, i), OF(g * h, h), OF(g * h), OF(g * h)
#define BARE(g, i, h) OF(g * h, i), OF(g * h, h)
/* c and the like are there for an LSTM alone. */
#define SEQUENCES(op, g, c) \
    SEQUENCE(op, "sequences", {OF(4, 2, 3), STATE(1, 2, 2), c(1, 2, 2), NONE, BIASED(g, 3, 2)}, OPTIONS(PLAIN)), \
    SEQUENCE(op, "no state", {OF(3, 2, 2), NONE, NONE, NONE, BIASED(g, 2, 2)}, OPTIONS(PLAIN)), \
    SEQUENCE(op, "one sequence", {OF(3, 2), STATE(1, 2), c(1, 2), NONE, BIASED(g, 2, 2)}, OPTIONS(PLAIN)), \
    SEQUENCE(op, "batch first", {OF(2, 3, 2), STATE(1, 2, 2), c(1, 2, 2), NONE, BIASED(g, 2, 2)}, OPTIONS(.batch_first = true)), \
    SEQUENCE(op, "two ways", {OF(3, 2, 2), STATE(2, 2, 2), c(2, 2, 2), NONE, BARE(g, 2, 2), BARE(g, 2, 2)}, \
             OPTIONS(.bidirectional = true, .no_bias = true)), \
    SEQUENCE(op, "two layers", {OF(3, 2, 2), STATE(2, 2, 3), c(2, 2, 3), NONE, BARE(g, 2, 3), BARE(g, 3, 3)}, \
             OPTIONS(.layers = 2, .no_bias = true)), \
    SEQUENCE(op, "lengths", {OF(4, 3, 2), STATE(1, 3, 2), c(1, 3, 2), LENGTHS(3, 2, 4, 1), BIASED(g, 2, 2)}, OPTIONS(PLAIN)), \
    SEQUENCE(op, "lengths, two ways", {OF(4, 3, 2), STATE(2, 3, 2), c(2, 3, 2), LENGTHS(3, 1, 3, 2), BIASED(g, 2, 2), BIASED(g, 2, 2)}, \
             OPTIONS(.bidirectional = true)), \
    SEQUENCE(op, "lengths of several chunks", {OF(3, 19, 1), STATE(2, 19, 1), c(2, 19, 1), LENGTHS(19, 1, 3, 2, 2, 3, 1, 1, 1, 2, 3, 3, 2, 1, 3, 1, 2, 2, 1, 3), \
             BARE(g, 1, 1), BARE(g, 1, 1)}, OPTIONS(.bidirectional = true, .no_bias = true)), \
    SEQUENCE(op, "lengths alike", {OF(2, 3, 2), NONE, NONE, LENGTHS(2, 3, 3), BIASED(g, 2, 2)}, OPTIONS(.batch_first = true)), \
    SEQUENCE(op, "length of one sequence", {OF(3, 2), STATE(1, 2), c(1, 2), LENGTHS(1, 2), BIASED(g, 2, 2)}, OPTIONS(PLAIN)), \
    SEQUENCE(op, "nothing passes the dropout", {OF(3, 2, 2), STATE(2, 2, 2), c(2, 2, 2), NONE, BIASED(g, 2, 2), BIASED(g, 2, 2)}, \
             OPTIONS(.layers = 2, .dropout = 1, .training = true)), \
    SEQUENCE(op, "everything", {OF(2, 3, 2), STATE(4, 2, 1), c(4, 2, 1), LENGTHS(2, 3, 2), BARE(g, 2, 1), BARE(g, 2, 1), BARE(g, 2, 1), BARE(g, 2, 1)}, \
             OPTIONS(.layers = 2, .no_bias = true, .bidirectional = true, .batch_first = true, .dropout = 0.5)), \
    SEQUENCE(op, "no sequences", {OF(2, 0, 2), STATE(1, 0, 2), c(1, 0, 2), NONE, BIASED(g, 2, 2)}, OPTIONS(PLAIN)), \
    SEQUENCE(op, "large", {OF(20, 40, 20), NONE, NONE, NONE, CALM(30 * g, 20), CALM(30 * g, 30), CALM(30 * g), CALM(30 * g)}, OPTIONS(PLAIN), \
             .flags = SAMPLE_LARGE, .tol_f32 = 1e-4)
/* So small that states do not run away from one another. */
#define CALM(...) FLOATS(-0.15, 0.15, __VA_ARGS__)
#define NO_C(...) NONE

static const sample recurrent_rows[] = {
    SEQUENCES(rnn_tanh, 1, NO_C), SEQUENCES(rnn_relu, 1, NO_C), SEQUENCES(gru, 3, NO_C), SEQUENCES(lstm, 4, STATE),
#define PROJECTED(i, h, p) OF(4 * h, i), OF(4 * h, p), OF(4 * h), OF(4 * h), OF(p, h)
#define PROJECTED_BARE(i, h, p) OF(4 * h, i), OF(4 * h, p), OF(p, h)
    SEQUENCE(lstm, "projected", {OF(3, 2, 2), STATE(1, 2, 2), STATE(1, 2, 3), NONE, PROJECTED(2, 3, 2)}, OPTIONS(.projected = true)),
    SEQUENCE(lstm, "projected, no state", {OF(3, 2, 2), NONE, NONE, NONE, PROJECTED(2, 3, 1)}, OPTIONS(.projected = true)),
    SEQUENCE(lstm, "projected, one sequence", {OF(3, 2), STATE(1, 2), STATE(1, 3), NONE, PROJECTED(2, 3, 2)}, OPTIONS(.projected = true)),
    SEQUENCE(lstm, "projected to more", {OF(2, 2, 2), STATE(1, 2, 3), STATE(1, 2, 1), NONE, PROJECTED(2, 1, 3)}, OPTIONS(.projected = true)),
    SEQUENCE(lstm, "projected, two layers", {OF(3, 2, 2), STATE(2, 2, 1), STATE(2, 2, 2), NONE, PROJECTED_BARE(2, 2, 1), PROJECTED_BARE(1, 2, 1)},
             OPTIONS(.projected = true, .layers = 2, .no_bias = true)),
    SEQUENCE(lstm, "projected, two ways", {OF(2, 3, 2), STATE(2, 2, 1), STATE(2, 2, 2), NONE, PROJECTED(2, 2, 1), PROJECTED(2, 2, 1)},
             OPTIONS(.projected = true, .bidirectional = true, .batch_first = true)),
    SEQUENCE(lstm, "projected, lengths", {OF(4, 3, 2), STATE(1, 3, 2), STATE(1, 3, 3), LENGTHS(3, 2, 4, 1), PROJECTED(2, 3, 2)}, OPTIONS(.projected = true)),
    SEQUENCE(lstm, "projected, everything", {OF(2, 3, 2), STATE(4, 2, 1), STATE(4, 2, 2), LENGTHS(2, 3, 2),
             PROJECTED_BARE(2, 2, 1), PROJECTED_BARE(2, 2, 1), PROJECTED_BARE(2, 2, 1), PROJECTED_BARE(2, 2, 1)},
             OPTIONS(.projected = true, .layers = 2, .no_bias = true, .bidirectional = true, .batch_first = true, .dropout = 0.5)),
    SEQUENCE(lstm, "projected, no sequences", {OF(2, 0, 2), STATE(1, 0, 1), STATE(1, 0, 2), NONE, PROJECTED(2, 2, 1)}, OPTIONS(.projected = true)),
    SEQUENCE(lstm, "projected, large", {OF(20, 40, 20), NONE, NONE, NONE, CALM(120, 20), CALM(120, 10), CALM(120), CALM(120), CALM(10, 30)},
             OPTIONS(.projected = true), .flags = SAMPLE_LARGE, .tol_f32 = 1e-4),
#define PAD(what, a, b, c, ...) {"pad_sequence", what, run_pad_sequence, ref_pad_sequence, {a, b, c}, .arg = &(const tp_pad_sequence_options){__VA_ARGS__}}
#define STEPS(n, ...) {.kind = SAMPLE_I64, SHAPE(n), .values = VALUES(__VA_ARGS__)}
    PAD("vectors", OF(2), OF(4), OF(1), .padding_value = 0),
    PAD("matrices, batch first", OF(2, 3), OF(4, 3), OF(1, 3), .batch_first = true, .padding_value = -1.5),
    PAD("from the left", OF(2, 3), OF(4, 3), OF(1, 3), .padding_left = true, .padding_value = 2),
    PAD("three dims, no steps", OF(2, 1, 2), OF(4, 1, 2), FLOATS(-1, 1, 3, 1, 2), .batch_first = true, .padding_left = true),
    PAD("alike", OF(2, 2), OF(2, 2), OF(2, 2), .padding_value = 7),
    {"unpad_sequence", "all", run_unpad_sequence, ref_unpad_sequence, {OF(4, 3, 2), STEPS(3, 2, 4, 1)}},
    {"unpad_sequence", "batch first", run_unpad_sequence, ref_unpad_sequence, {OF(3, 4), STEPS(3, 2, 4, 3)}, .i = {1}},
    {"unpad_sequence", "no steps of one", run_unpad_sequence, ref_unpad_sequence, {OF(3, 4, 2), STEPS(3, 2, 0, 3)}, .i = {1}},
    CELLS(rnn_tanh_cell, 1, ALONE), CELLS(rnn_relu_cell, 1, ALONE), CELLS(gru_cell, 3, ALONE), CELLS(lstm_cell, 4, PAIR),
};
/* clang-format on */

SAMPLE_FAMILY(recurrent, recurrent_rows)
