/* Samples of recurrent.h: in are x, the state (h, and c of an LSTM), w_ih, w_hh, b_ih, b_hh. */
#include "support/sample.h"

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

/* clang-format off */
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

static const sample recurrent_rows[] = {
    CELLS(rnn_tanh_cell, 1, ALONE), CELLS(rnn_relu_cell, 1, ALONE), CELLS(gru_cell, 3, ALONE), CELLS(lstm_cell, 4, PAIR),
};
/* clang-format on */

SAMPLE_FAMILY(recurrent, recurrent_rows)
