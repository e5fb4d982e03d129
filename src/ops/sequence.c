/* Recurrent layers over sequences: in each direction of each layer, a product for the inputs of all steps, and the steps as one node. */
#include "ops/ops.h"
#include "ops/sequence.h"
#include "taper/index.h"
#include "taper/linalg.h"
#include "taper/norm.h"
#include "taper/recurrent.h"
#include "taper/sort.h"
#include "taper/tensor.h"
#include "taper/views.h"

/* A call, made uniform: x (T, N, I), states (layers directions, N, size) or NULL, lengths packed I64 or NULL. */
typedef struct sequence {
    const char *op;
    tp__cell kind;
    int gates, layers, directions, each; /* weights of one direction of one layer */
    int64_t steps, batch, size, outputs; /* T, N, H, and what h has: H, or P with a projection */
    tp_tensor *x, *h, *c, *lengths;
    tp_tensor *inverse; /* the way back from the order in which the sequences now are; NULL: it is theirs */
    tp_tensors weights;
    tp_recurrent_options options;
} sequence;

/* Weights of one layer and direction; those that are not there are NULL. */
typedef struct sequence_weights {
    tp_tensor *w_ih, *w_hh, *b_ih, *b_hh, *w_hr;
} sequence_weights;

static sequence_weights sequence_weights_of(const sequence *q, int number) {
    tp_tensor *const *w = q->weights.items + number * q->each;
    const bool bias = !q->options.no_bias;
    return (sequence_weights){.w_ih = w[0],
                              .w_hh = w[1],
                              .b_ih = bias ? w[2] : NULL,
                              .b_hh = bias ? w[3] : NULL,
                              .w_hr = q->options.projected ? w[q->each - 1] : NULL};
}

/* ---- arguments ---------------------------------------------------------------------------------------- */

static bool sequence_check_shape(const sequence *q, const tp_tensor *t, const char *name, int number,
                                 tp_shape shape) {
    if (!tp_shape_equal(t->shape, shape))
        TP_FAIL(TP_ERR_SHAPE, q->op, "%s of weights %d is %s, not %s", name, number, tp__shape_text(t->shape),
                tp__shape_text(shape));
    if (t->dtype != q->x->dtype)
        TP_FAIL(TP_ERR_DTYPE, q->op, "%s of weights %d is %s, but x %s", name, number, tp__dtype_text(t),
                tp__dtype_text(q->x));
    return true;
}

static bool sequence_check_weights(sequence *q) {
    const int64_t sets = (int64_t)q->layers * q->directions;
    q->each = 2 + (q->options.no_bias ? 0 : 2) + (q->options.projected ? 1 : 0);
    if (q->weights.count != sets * q->each)
        TP_FAIL(TP_ERR_ARGUMENT, q->op, "%d layers in %d directions need %lld weights, got %d", q->layers,
                q->directions, (long long)(sets * q->each), q->weights.count);
    TP_TRY_NULL(tp__check_list(q->op, "weights", q->weights.count, q->weights.items));
    for (int k = 0; k < q->weights.count; k++)
        if (!q->weights.items[k]) {
            tp__error_null(q->op, "weights");
            return false;
        }
    const tp_shape first = q->weights.items[1]->shape, last = q->weights.items[q->each - 1]->shape;
    if (first.ndim != 2 || first.dims[0] % q->gates != 0)
        TP_FAIL(TP_ERR_SHAPE, q->op, "w_hh must be (%d H, H), got %s", q->gates, tp__shape_text(first));
    q->size = first.dims[0] / q->gates;
    q->outputs = q->options.projected && last.ndim == 2 ? last.dims[0] : q->size;
    for (int k = 0; k < sets; k++) {
        const sequence_weights w = sequence_weights_of(q, k);
        const int64_t in = k < q->directions ? q->x->shape.dims[2] : q->directions * q->outputs,
                      rows = q->gates * q->size;
        if (!sequence_check_shape(q, w.w_ih, "w_ih", k, TP_SHAPE(rows, in)) ||
            !sequence_check_shape(q, w.w_hh, "w_hh", k, TP_SHAPE(rows, q->outputs)) ||
            (w.b_ih && (!sequence_check_shape(q, w.b_ih, "b_ih", k, TP_SHAPE(rows)) ||
                        !sequence_check_shape(q, w.b_hh, "b_hh", k, TP_SHAPE(rows)))) ||
            (w.w_hr && !sequence_check_shape(q, w.w_hr, "w_hr", k, TP_SHAPE(q->outputs, q->size))))
            return false;
    }
    return true;
}

/* An initial state as (layers directions, N, size). */
static bool sequence_check_state(const sequence *q, tp_tensor **state, const char *name, int64_t size,
                                 bool alone) {
    if (!*state) return true;
    const int64_t sets = (int64_t)q->layers * q->directions;
    const tp_shape shape = alone ? TP_SHAPE(sets, size) : TP_SHAPE(sets, q->batch, size);
    if (!tp_shape_equal((*state)->shape, shape))
        TP_FAIL(TP_ERR_SHAPE, q->op, "%s is %s, not %s", name, tp__shape_text((*state)->shape),
                tp__shape_text(shape));
    if ((*state)->dtype != q->x->dtype)
        TP_FAIL(TP_ERR_DTYPE, q->op, "%s is %s, but x %s", name, tp__dtype_text(*state),
                tp__dtype_text(q->x));
    if (alone) *state = tp_unsqueeze(*state, 1);
    return *state != NULL;
}

static bool sequence_check_lengths(sequence *q) {
    tp_tensor *t = q->options.lengths;
    if (!t) return true;
    if (!tp__is_index((tp_dtype)t->dtype))
        TP_FAIL(TP_ERR_DTYPE, q->op, "lengths must be int64 or int32, got %s", tp__dtype_text(t));
    if (t->shape.ndim != 1 || t->numel != q->batch)
        TP_FAIL(TP_ERR_SHAPE, q->op, "lengths must be (%lld,), one a sequence, got %s", (long long)q->batch,
                tp__shape_text(t->shape));
    q->lengths = tp__packed(q->op, t, TP_I64);
    const int64_t *length = q->lengths ? tp__data_i64(q->lengths) : NULL;
    for (int64_t n = 0; length && n < q->batch; n++)
        if (length[n] < 1 || length[n] > q->steps)
            TP_FAIL(TP_ERR_ARGUMENT, q->op, "lengths[%lld] is %lld, not in [1, %lld]", (long long)n,
                    (long long)length[n], (long long)q->steps);
    return q->lengths != NULL;
}

/* The same sequences, dim 1, in another order; NULL is the same. */
static tp_tensor *sequence_ordered(tp_tensor *t, tp_tensor *order) {
    return t && order ? tp_index_select(t, 1, order) : t;
}

/* x with zeros past the ends: whatever is there, NaN too, must not reach a sum over all steps, as the weights' gradients are. */
static tp_tensor *sequence_cut(const sequence *q) {
    tp_tensor *place = tp_unsqueeze(tp_arange(0, (double)q->steps, 1, TP_I64), 1);
    tp_tensor *running = tp_unsqueeze(tp_lt(place, q->lengths), 2);
    return tp_where(running, q->x, tp__constant(q->x, 0));
}

/* Lengths that say nothing go; of others the sequences are put into the order that the steps want. */
static bool sequence_sort(sequence *q) {
    bool whole = true;
    for (int64_t n = 0; q->lengths && n < q->batch; n++)
        whole = whole && tp__data_i64(q->lengths)[n] == q->steps;
    if (whole) q->lengths = NULL;
    if (!q->lengths) return true;
    tp_tensor *order = tp__sequence_order(q->lengths);
    const bool h = q->h, c = q->c;
    q->inverse = order ? tp_argsort(order, 0, false) : NULL;
    if (!q->inverse) return false;
    q->x = sequence_ordered(sequence_cut(q), order);
    q->lengths = tp_index_select(q->lengths, 0, order);
    q->h = sequence_ordered(q->h, order);
    q->c = sequence_ordered(q->c, order);
    return q->lengths && q->x && (q->h || !h) && (q->c || !c);
}

/* The call made uniform, in the current scope; `alone`: of one sequence without a batch. */
static bool sequence_prepare(sequence *q, tp_tensor *x, bool alone) {
    const tp_recurrent_options *o = &q->options;
    q->x = alone ? tp_unsqueeze(x, 1) : o->batch_first ? tp_transpose(x, 0, 1) : x;
    if (!q->x) return false;
    q->steps = q->x->shape.dims[0];
    q->batch = q->x->shape.dims[1];
    return sequence_check_weights(q) && sequence_check_state(q, &q->h, "h", q->outputs, alone) &&
           sequence_check_state(q, &q->c, "c", q->size, alone) && sequence_check_lengths(q) &&
           sequence_sort(q);
}

static bool sequence_check(sequence *q, const tp_tensor *x) {
    const tp_recurrent_options *o = &q->options;
    q->op = tp__cell_name(q->kind);
    q->gates = tp__cell_gates(q->kind);
    q->layers = o->layers ? o->layers : 1;
    q->directions = o->bidirectional ? 2 : 1;
    if (!x) {
        tp__error_null(q->op, "x");
        return false;
    }
    if ((!q->h || (q->kind == TP__CELL_LSTM && !q->c) || !o->lengths) && tp__error_pending()) return false;
    if (!tp__require_floating(q->op, "x", x)) return false;
    if (x->shape.ndim != 2 && x->shape.ndim != 3)
        TP_FAIL(TP_ERR_SHAPE, q->op, "x must be %s or (T, I), got %s",
                o->batch_first ? "(N, T, I)" : "(T, N, I)", tp__shape_text(x->shape));
    if (x->shape.dims[x->shape.ndim == 3 && o->batch_first ? 1 : 0] < 1)
        TP_FAIL(TP_ERR_SHAPE, q->op, "no steps: x is %s", tp__shape_text(x->shape));
    if (q->layers < 1) TP_FAIL(TP_ERR_ARGUMENT, q->op, "%d layers", q->layers);
    if (!(o->dropout >= 0 && o->dropout <= 1))
        TP_FAIL(TP_ERR_ARGUMENT, q->op, "dropout %g is not in [0, 1]", o->dropout);
    if (o->projected && q->kind != TP__CELL_LSTM)
        TP_FAIL(TP_ERR_ARGUMENT, q->op, "only lstm can be projected");
    return true;
}

/* ---- one layer, in one direction ---------------------------------------------------------------------- */

static tp_tensor *sequence_gate(tp_tensor *gates, int k, int count) {
    if (!gates) return NULL;
    const int64_t size = gates->shape.dims[gates->shape.ndim - 1] / count;
    return tp_narrow(gates, -1, k * size, size);
}

static tp_tensor *sequence_sigmoid(tp_tensor *gates, int k, int count) {
    return tp_sigmoid(sequence_gate(gates, k, count));
}

void tp__cell_step(tp__cell cell, tp_tensor *in, tp_tensor *state, tp_tensor **h, tp_tensor **c) {
    if (cell == TP__CELL_GRU) {
        tp_tensor *r = tp_sigmoid(tp_add(sequence_gate(in, 0, 3), sequence_gate(state, 0, 3)));
        tp_tensor *z = tp_sigmoid(tp_add(sequence_gate(in, 1, 3), sequence_gate(state, 1, 3)));
        tp_tensor *new = tp_tanh(tp_add(sequence_gate(in, 2, 3), tp_mul(r, sequence_gate(state, 2, 3))));
        *h = tp_add(new, tp_mul(z, tp_sub(*h, new)));
        return;
    }
    tp_tensor *gates = tp_add(in, state);
    if (cell != TP__CELL_LSTM) {
        *h = cell == TP__CELL_RELU ? tp_relu(gates) : tp_tanh(gates);
        return;
    }
    *c = tp_add(tp_mul(sequence_sigmoid(gates, 1, 4), *c),
                tp_mul(sequence_sigmoid(gates, 0, 4), tp_tanh(sequence_gate(gates, 2, 4))));
    *h = tp_mul(sequence_sigmoid(gates, 3, 4), tp_tanh(*c));
}

static tp_tensor *sequence_initial(const sequence *q, tp_tensor *states, int number, int64_t size) {
    return states ? tp_select(states, 0, number) : tp_zeros(TP_SHAPE(q->batch, size), (tp_dtype)q->x->dtype);
}

/* The states at all steps, (T, N, outputs), and the last ones in *h and *c. */
static tp_tensor *sequence_run(const sequence *q, tp_tensor *x, int number, bool back, tp_tensor **h,
                               tp_tensor **c) {
    const sequence_weights w = sequence_weights_of(q, number);
    *h = sequence_initial(q, q->h, number, q->outputs);
    *c = q->kind == TP__CELL_LSTM ? sequence_initial(q, q->c, number, q->size) : NULL;
    const bool gru = q->kind == TP__CELL_GRU; /* alone has gates that keep the two biases apart */
    tp_tensor *bias = gru || !w.b_hh ? w.b_ih : tp_add(w.b_ih, w.b_hh);
    return tp__sequence_steps(&(tp__sequence){.cell = q->kind,
                                              .back = back,
                                              .in = tp_linear(x, w.w_ih, bias),
                                              .w = w.w_hh,
                                              .b = gru ? w.b_hh : NULL,
                                              .w_hr = w.w_hr,
                                              .lengths = q->lengths},
                              h, c);
}

/* ---- all layers --------------------------------------------------------------------------------------- */

/* Runs them: output, h and c (NULL without) in out. `last` has room for all states. */
static bool sequence_layers(const sequence *q, tp_tensor **last, bool alone, tp_tensor *out[3]) {
    const int sets = q->layers * q->directions;
    tp_tensor *x = q->x;
    for (int layer = 0; layer < q->layers; layer++) {
        tp_tensor *sides[2] = {NULL, NULL};
        for (int d = 0; d < q->directions; d++) {
            const int number = layer * q->directions + d;
            sides[d] = sequence_run(q, x, number, d == 1, &last[number], &last[sets + number]);
            if (!sides[d]) return false;
        }
        x = q->directions == 2 ? tp_cat((tp_tensors){2, sides}, 2) : sides[0];
        if (layer + 1 < q->layers && q->options.training && q->options.dropout > 0)
            x = tp_dropout(x, q->options.dropout, true, q->options.generator);
    }
    x = sequence_ordered(x, q->inverse);
    out[0] = alone ? tp_squeeze(x, TP_DIMS(1)) : q->options.batch_first ? tp_transpose(x, 0, 1) : x;
    for (int k = 0; k < (q->kind == TP__CELL_LSTM ? 2 : 1); k++) {
        out[1 + k] = sequence_ordered(tp_stack((tp_tensors){sets, last + k * sets}, 0), q->inverse);
        if (alone) out[1 + k] = tp_squeeze(out[1 + k], TP_DIMS(1));
    }
    return out[0] && out[1] && (out[2] || q->kind != TP__CELL_LSTM);
}

/* Output, h and c into the scope that was current before; all NULL if anything failed. */
static void sequence_call(sequence q, tp_tensor *x, tp_tensor *out[3]) {
    tp_tensor **last = NULL;
    bool good = false;
    out[0] = out[1] = out[2] = NULL;
    if (!sequence_check(&q, x)) return;
    tp_scope *s = tp_scope_begin();
    if (!s) return;
    const bool alone = x->shape.ndim == 2;
    if (sequence_prepare(&q, x, alone)) {
        const size_t bytes = 2 * (size_t)q.layers * (size_t)q.directions * sizeof *last;
        last = tp__alloc(bytes);
        if (last) good = sequence_layers(&q, last, alone, out);
        else tp__error_memory(q.op, bytes);
    }
    tp__free(last);
    if (!good) out[0] = NULL;
    tp__hand_over(s, q.kind == TP__CELL_LSTM ? 3 : 2, out);
}

static tp_recurrent_out sequence_plain(tp__cell kind, tp_tensor *x, tp_tensor *h, tp_tensors weights,
                                       tp_recurrent_options options) {
    tp_tensor *out[3];
    sequence_call((sequence){.kind = kind, .h = h, .weights = weights, .options = options}, x, out);
    return (tp_recurrent_out){out[0], out[1]};
}

tp_recurrent_out tp_rnn_tanh(tp_tensor *x, tp_tensor *h, tp_tensors weights, tp_recurrent_options options) {
    return sequence_plain(TP__CELL_TANH, x, h, weights, options);
}

tp_recurrent_out tp_rnn_relu(tp_tensor *x, tp_tensor *h, tp_tensors weights, tp_recurrent_options options) {
    return sequence_plain(TP__CELL_RELU, x, h, weights, options);
}

tp_recurrent_out tp_gru(tp_tensor *x, tp_tensor *h, tp_tensors weights, tp_recurrent_options options) {
    return sequence_plain(TP__CELL_GRU, x, h, weights, options);
}

tp_lstm_out tp_lstm(tp_tensor *x, tp_lstm_state state, tp_tensors weights, tp_recurrent_options options) {
    tp_tensor *out[3];
    sequence_call(
        (sequence){.kind = TP__CELL_LSTM, .h = state.h, .c = state.c, .weights = weights, .options = options},
        x, out);
    return (tp_lstm_out){out[0], out[1], out[2]};
}
