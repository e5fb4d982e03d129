/* Cells of recurrent networks, in public ops. */
#include "taper/recurrent.h"

#include "ops/ops.h"
#include "ops/sequence.h"
#include "taper/linalg.h"
#include "taper/views.h"

/* ---- arguments ---------------------------------------------------------------------------------------- */

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
    return tp__check_part(op, x, h, "h", h->shape) &&
           tp__check_part(op, x, w->w_ih, "w_ih", TP_SHAPE(gates * size, in)) &&
           tp__check_part(op, x, w->w_hh, "w_hh", TP_SHAPE(gates * size, size)) &&
           tp__check_part(op, x, w->b_ih, "b_ih", TP_SHAPE(gates * size)) &&
           tp__check_part(op, x, w->b_hh, "b_hh", TP_SHAPE(gates * size));
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

static tp_tensor *cell_run(tp__cell cell, tp_tensor *x, tp_tensor *h, tp_tensor **c,
                           const tp_cell_weights *w) {
    tp__cell_step(cell, tp_linear(x, w->w_ih, w->b_ih), tp_linear(h, w->w_hh, w->b_hh), &h, c);
    return h;
}

static tp_tensor *cell_plain(const char *op, tp__cell cell, tp_tensor *x, tp_tensor *h,
                             tp_cell_weights weights) {
    CELL_REQUIRE(op);
    if (!cell_check(op, x, h, &weights, tp__cell_gates(cell))) return NULL;
    tp_scope *s = tp_scope_begin();
    return s ? tp_scope_return(s, cell_run(cell, x, h, NULL, &weights)) : NULL;
}

tp_tensor *tp_rnn_tanh_cell(tp_tensor *x, tp_tensor *h, tp_cell_weights weights) {
    return cell_plain("rnn_tanh_cell", TP__CELL_TANH, x, h, weights);
}

tp_tensor *tp_rnn_relu_cell(tp_tensor *x, tp_tensor *h, tp_cell_weights weights) {
    return cell_plain("rnn_relu_cell", TP__CELL_RELU, x, h, weights);
}

tp_tensor *tp_gru_cell(tp_tensor *x, tp_tensor *h, tp_cell_weights weights) {
    return cell_plain("gru_cell", TP__CELL_GRU, x, h, weights);
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
        !cell_check(op, x, state.h, &weights, 4) || !tp__check_part(op, x, state.c, "c", state.h->shape))
        return none;
    tp_scope *s = tp_scope_begin();
    if (!s) return none;
    tp_tensor *c = state.c, *h = cell_run(TP__CELL_LSTM, x, state.h, &c, &weights);
    tp_tensor *both[] = {h, c};
    tp__hand_over(s, 2, both);
    return (tp_lstm_state){both[0], both[1]};
}
