/* Cells of recurrent networks, in public ops. */
#include "taper/recurrent.h"

#include "ops/ops.h"
#include "ops/reduce.h"
#include "taper/linalg.h"
#include "taper/views.h"

/* ---- arguments ---------------------------------------------------------------------------------------- */

static bool cell_check_part(const char *op, const tp_tensor *x, const tp_tensor *t, const char *name,
                            tp_shape shape) {
    if (!t) return true;
    if (!tp_shape_equal(t->shape, shape))
        TP_FAIL(TP_ERR_SHAPE, op, "%s is %s, not %s, with x %s", name, tp__shape_text(t->shape),
                tp__shape_text(shape), tp__shape_text(x->shape));
    if (t->dtype != x->dtype)
        TP_FAIL(TP_ERR_DTYPE, op, "%s is %s, but x %s", name, tp__dtype_text(t), tp__dtype_text(x));
    return true;
}

static bool cell_check(const char *op, const tp_tensor *x, const tp_tensor *h, const tp_cell_weights *w,
                       int gates) {
    if (!tp__require_floating(op, "x", x)) return false;
    const int n = x->shape.ndim;
    if (n < 1 || n > 2)
        TP_FAIL(TP_ERR_SHAPE, op, "x must be (N, I) or (I), got %s", tp__shape_text(x->shape));
    if (h->shape.ndim != n || (n == 2 && h->shape.dims[0] != x->shape.dims[0]))
        TP_FAIL(TP_ERR_SHAPE, op, "h %s does not go with x %s", tp__shape_text(h->shape),
                tp__shape_text(x->shape));
    const int64_t in = x->shape.dims[n - 1], size = h->shape.dims[n - 1];
    return cell_check_part(op, x, h, "h", h->shape) &&
           cell_check_part(op, x, w->w_ih, "w_ih", TP_SHAPE(gates * size, in)) &&
           cell_check_part(op, x, w->w_hh, "w_hh", TP_SHAPE(gates * size, size)) &&
           cell_check_part(op, x, w->b_ih, "b_ih", TP_SHAPE(gates * size)) &&
           cell_check_part(op, x, w->b_hh, "b_hh", TP_SHAPE(gates * size));
}

/* All that may not be NULL; the biases may, unless they failed. */
#define CELL_REQUIRE(op)                                                                                     \
    TP_REQUIRE(x, op);                                                                                       \
    TP_REQUIRE(h, op);                                                                                       \
    TP_REQUIRE(weights.w_ih, op);                                                                            \
    TP_REQUIRE(weights.w_hh, op);                                                                            \
    TP_OPTIONAL(weights.b_ih);                                                                               \
    TP_OPTIONAL(weights.b_hh)

/* ---- cells -------------------------------------------------------------------------------------------- */

/* Of all gates: what the input and the state have to say. */
static tp_tensor *cell_gates(tp_tensor *x, tp_tensor *h, const tp_cell_weights *w) {
    return tp_add(tp_linear(x, w->w_ih, w->b_ih), tp_linear(h, w->w_hh, w->b_hh));
}

static tp_tensor *cell_gate(tp_tensor *gates, int k, int count) {
    if (!gates) return NULL;
    const int64_t size = gates->shape.dims[gates->shape.ndim - 1] / count;
    return tp_narrow(gates, -1, k * size, size);
}

static tp_tensor *cell_rnn(const char *op, tp_tensor *x, tp_tensor *h, tp_cell_weights weights,
                           tp_tensor *(*activation)(tp_tensor *x)) {
    CELL_REQUIRE(op);
    if (!cell_check(op, x, h, &weights, 1)) return NULL;
    tp_scope *s = tp_scope_begin();
    return s ? tp_scope_return(s, activation(cell_gates(x, h, &weights))) : NULL;
}

tp_tensor *tp_rnn_tanh_cell(tp_tensor *x, tp_tensor *h, tp_cell_weights weights) {
    return cell_rnn("rnn_tanh_cell", x, h, weights, tp_tanh);
}

tp_tensor *tp_rnn_relu_cell(tp_tensor *x, tp_tensor *h, tp_cell_weights weights) {
    return cell_rnn("rnn_relu_cell", x, h, weights, tp_relu);
}

tp_tensor *tp_gru_cell(tp_tensor *x, tp_tensor *h, tp_cell_weights weights) {
    const char *op = "gru_cell";
    CELL_REQUIRE(op);
    if (!cell_check(op, x, h, &weights, 3)) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *in = tp_linear(x, weights.w_ih, weights.b_ih),
              *state = tp_linear(h, weights.w_hh, weights.b_hh);
    tp_tensor *r = tp_sigmoid(tp_add(cell_gate(in, 0, 3), cell_gate(state, 0, 3)));
    tp_tensor *z = tp_sigmoid(tp_add(cell_gate(in, 1, 3), cell_gate(state, 1, 3)));
    tp_tensor *n = tp_tanh(tp_add(cell_gate(in, 2, 3), tp_mul(r, cell_gate(state, 2, 3))));
    return tp_scope_return(s, tp_add(n, tp_mul(z, tp_sub(h, n))));
}

/* The next c, and then h. */
static bool cell_lstm(tp_tensor *x, tp_tensor *h, tp_tensor *c, const tp_cell_weights *w, tp_tensor *out[2]) {
    tp_tensor *gates = cell_gates(x, h, w);
    tp_tensor *i = tp_sigmoid(cell_gate(gates, 0, 4)), *f = tp_sigmoid(cell_gate(gates, 1, 4));
    tp_tensor *g = tp_tanh(cell_gate(gates, 2, 4)), *o = tp_sigmoid(cell_gate(gates, 3, 4));
    out[1] = tp_add(tp_mul(f, c), tp_mul(i, g));
    out[0] = tp_mul(o, tp_tanh(out[1]));
    return out[0] != NULL;
}

/* In place of TP_REQUIRE, for what returns two. */
static bool cell_required(const char *op, const tp_tensor *t, const char *name) {
    if (!t) tp__error_null(op, name);
    return t != NULL;
}

tp_lstm_state tp_lstm_cell(tp_tensor *x, tp_lstm_state state, tp_cell_weights weights) {
    const char *op = "lstm_cell";
    const tp_lstm_state none = {NULL, NULL};
    if (!cell_required(op, x, "x") || !cell_required(op, state.h, "state.h") ||
        !cell_required(op, state.c, "state.c") || !cell_required(op, weights.w_ih, "weights.w_ih") ||
        !cell_required(op, weights.w_hh, "weights.w_hh") ||
        ((!weights.b_ih || !weights.b_hh) && tp__error_pending()) ||
        !cell_check(op, x, state.h, &weights, 4) || !cell_check_part(op, x, state.c, "c", state.h->shape))
        return none;
    tp_scope *s = tp_scope_begin();
    if (!s) return none;
    tp_tensor *out[2];
    const bool good = cell_lstm(x, state.h, state.c, &weights, out);
    const tp_values both = tp__escape_values(s, good ? (tp_values){out[0], out[1]} : (tp_values){NULL, NULL});
    return (tp_lstm_state){both.values, both.indices};
}
