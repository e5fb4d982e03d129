/* The steps of a recurrent layer in one direction, fused: samples are shared out among threads in chunks, each of which goes through all
 * steps by itself, with one product and one pass over the gates a step. Its rule for a graph is the composite. */
#include <string.h>

#include "kernels/gemm.h"
#include "ops/ops.h"
#include "ops/sequence.h"
#include "taper/linalg.h"
#include "taper/tensor.h"
#include "taper/views.h"

typedef struct steps_attr {
    tp__cell cell;
    int64_t steps, batch, size;
    bool back;
} steps_attr;

/* Recorded inputs; what is kept of the gates (T, N, ...) and all c (T, N, H) are for the fused rule alone. */
enum { STEPS_IN, STEPS_H, STEPS_C, STEPS_W, STEPS_B, STEPS_GATES, STEPS_CS, STEPS_INPUTS };

/* The k-th step in time is at place: */
static int64_t steps_place(const steps_attr *a, int64_t k) { return a->back ? a->steps - 1 - k : k; }

/* How wide the sums of the gates are, and what is kept of them. */
static int64_t steps_sums(const steps_attr *a) { return tp__cell_gates(a->cell) * a->size; }
static int64_t steps_kept(const steps_attr *a) {
    return (a->cell == TP__CELL_GRU ? 4 : tp__cell_gates(a->cell)) * a->size;
}

/* ---- the rule ----------------------------------------------------------------------------------------- */

static bool steps_composite(const void *attr, tp_tensor *const *in, tp_tensor **outputs) {
    const steps_attr *a = attr;
    const size_t bytes = (size_t)a->steps * sizeof(tp_tensor *);
    tp_tensor **all = tp__alloc(bytes), *h = in[STEPS_H], *c = in[STEPS_C];
    if (!all) {
        tp__error_memory(tp__cell_name(a->cell), bytes);
        return false;
    }
    for (int64_t k = 0; k < a->steps && h; k++) {
        const int64_t t = steps_place(a, k);
        tp_tensor *state = tp_linear(h, in[STEPS_W], in[STEPS_B]);
        tp__cell_step(a->cell, tp_select(in[STEPS_IN], 0, t), state, &h, &c);
        all[t] = h;
    }
    outputs[0] = h ? tp_stack((tp_tensors){(int)a->steps, all}, 0) : NULL;
    if (a->cell == TP__CELL_LSTM) outputs[1] = c;
    tp__free(all);
    return outputs[0] && (a->cell != TP__CELL_LSTM || c);
}

static void steps_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__vjp_by_composite(ctx, steps_composite, g, dx);
}

/* ---- kernels ------------------------------------------------------------------------------------------ */

typedef struct steps_run {
    const steps_attr *a;
    tp_dtype dtype;
    int64_t item, chunk;
    bool keeps; /* of all steps, the gates and c; else each step overwrites the last one's */
    const char *in, *h0, *c0, *w, *b; /* w: (H, G H) forward, (G H, H) backward */
    char *gates, *cs, *y;
    const char *dy;
    char *dh, *dc, *dgates, *dstate; /* dh and dc: (N, H); dstate is dgates but for a GRU */
    char *scratch;
    size_t scratch_bytes, product_bytes; /* of each worker; of which the product's, before a GRU's sums */
} steps_run;

/* By the batch alone, so that a sample's sums do not depend on the number of threads. */
static int64_t steps_chunk(int64_t batch) {
    const int64_t half = (batch + 1) / 2;
    return half < 8 ? 8 : half > 32 ? 32 : half;
}

/* Row n0 of step t of an array (T, N, width); NULL stays NULL. */
static char *steps_at(const steps_run *run, const char *array, int64_t t, int64_t n0, int64_t width) {
    return array ? (char *)array + (t * run->a->batch + n0) * width * run->item : NULL;
}

/* The state that step k begins with. */
static const char *steps_before(const steps_run *run, const char *array, const char *first, int64_t k,
                                int64_t n0, bool again) {
    if (k == 0) return steps_at(run, first, 0, n0, run->a->size);
    return steps_at(run, array, again ? 0 : steps_place(run->a, k - 1), n0, run->a->size);
}

static void steps_product(const steps_run *run, int64_t m, int64_t n, int64_t k, const void *from, void *to,
                          bool add, void *scratch) {
    tp__kern->gemm->run[run->dtype](&(tp__gemm_args){.m = m,
                                                     .n = n,
                                                     .k = k,
                                                     .a = from,
                                                     .a_rs = k,
                                                     .a_cs = 1,
                                                     .b = run->w,
                                                     .b_rs = n,
                                                     .b_cs = 1,
                                                     .c = to,
                                                     .c_rs = n,
                                                     .c_cs = 1,
                                                     .accumulate = add,
                                                     .scratch = scratch});
}

static void steps_forward_chunk(const steps_run *run, int64_t n0, int64_t rows, char *scratch) {
    const steps_attr *a = run->a;
    const int64_t size = a->size, sums = steps_sums(a);
    const bool gru = a->cell == TP__CELL_GRU;
    for (int64_t k = 0; k < a->steps; k++) {
        const int64_t t = steps_place(a, k), at = run->keeps ? t : 0;
        const char *before = steps_before(run, run->y, run->h0, k, n0, false),
                   *in = steps_at(run, run->in, t, n0, sums);
        char *gates = steps_at(run, run->gates, at, n0, steps_kept(a)),
             *to = gru ? scratch + run->product_bytes : gates;
        if (!gru) memcpy(to, in, (size_t)(rows * sums * run->item));
        steps_product(run, rows, sums, size, before, to, !gru, scratch);
        tp__kern->recurrent->forward[a->cell][run->dtype](
            &(tp__cell_rows){.rows = rows,
                             .size = size,
                             .bias = run->b,
                             .gates = gates,
                             .in = in,
                             .state = to,
                             .h_before = before,
                             .c_before = steps_before(run, run->cs, run->c0, k, n0, !run->keeps),
                             .c = steps_at(run, run->cs, at, n0, size),
                             .h = steps_at(run, run->y, t, n0, size)});
    }
}

static void steps_backward_chunk(const steps_run *run, int64_t n0, int64_t rows, char *scratch) {
    const steps_attr *a = run->a;
    const int64_t size = a->size, sums = steps_sums(a);
    char *dh = steps_at(run, run->dh, 0, n0, size), *dc = steps_at(run, run->dc, 0, n0, size);
    for (int64_t k = a->steps - 1; k >= 0; k--) {
        const int64_t t = steps_place(a, k);
        char *dstate = steps_at(run, run->dstate, t, n0, sums);
        tp__kern->recurrent->backward[a->cell][run->dtype](
            &(tp__cell_rows){.rows = rows,
                             .size = size,
                             .gates = steps_at(run, run->gates, t, n0, steps_kept(a)),
                             .h_before = steps_before(run, run->y, run->h0, k, n0, false),
                             .c_before = steps_before(run, run->cs, run->c0, k, n0, false),
                             .c = steps_at(run, run->cs, t, n0, size),
                             .h = steps_at(run, run->y, t, n0, size),
                             .dy = steps_at(run, run->dy, t, n0, size),
                             .dh = dh,
                             .dc = dc,
                             .dgates = steps_at(run, run->dgates, t, n0, sums),
                             .dstate = dstate});
        steps_product(run, rows, size, sums, dstate, dh, a->cell == TP__CELL_GRU, scratch);
    }
}

static void steps_range(void *context, int64_t begin, int64_t end, int worker) {
    const steps_run *run = context;
    char *scratch = run->scratch + (size_t)worker * run->scratch_bytes;
    for (int64_t i = begin; i < end; i++) {
        const int64_t n0 = i * run->chunk, left = run->a->batch - n0,
                      rows = left < run->chunk ? left : run->chunk;
        if (run->dgates) steps_backward_chunk(run, n0, rows, scratch);
        else steps_forward_chunk(run, n0, rows, scratch);
    }
}

/* Goes through all chunks; n and k are the products'. */
static bool steps_go(steps_run *run, int64_t n, int64_t k) {
    run->chunk = steps_chunk(run->a->batch);
    const int64_t chunks = (run->a->batch + run->chunk - 1) / run->chunk;
    for (int64_t rows = 1; rows <= run->chunk;
         rows++) { /* the last chunk may be smaller, and go another way */
        const size_t bytes = (tp__kern->gemm->scratch[run->dtype](rows, n, k) + 63) / 64 * 64;
        if (bytes > run->product_bytes) run->product_bytes = bytes;
    }
    const size_t sums =
        run->a->cell == TP__CELL_GRU ? (size_t)(run->chunk * steps_sums(run->a) * run->item) : 0;
    run->scratch_bytes = run->product_bytes + (sums + 63) / 64 * 64;
    const size_t bytes = run->scratch_bytes * (size_t)tp__max_workers() + 64;
    run->scratch = tp__buffer_alloc(bytes);
    if (!run->scratch) {
        tp__error_memory(tp__cell_name(run->a->cell), bytes);
        return false;
    }
    const int64_t work = run->a->steps * run->chunk * n * k;
    tp__parallel_for(chunks, work > 0 ? 65536 / work + 1 : 1, steps_range, run);
    tp__buffer_free(run->scratch, bytes);
    return true;
}

/* ---- the fused rule ----------------------------------------------------------------------------------- */

/* The sum over all steps of dstate^T times the h that the step began with: of the first one h, of the others the state before. */
static tp_tensor *steps_weight_grad(const steps_attr *a, tp_tensor *dstate, tp_tensor *y, tp_tensor *h) {
    const int64_t rest = a->steps - 1, rows = rest * a->batch;
    tp_tensor *first = tp_matmul(tp_t(tp_select(dstate, 0, steps_place(a, 0))), h);
    if (rest == 0) return first;
    tp_tensor *later = tp_reshape(tp_narrow(dstate, 0, a->back ? 0 : 1, rest), TP_SHAPE(rows, steps_sums(a)));
    tp_tensor *before = tp_reshape(tp_narrow(y, 0, a->back ? 1 : 0, rest), TP_SHAPE(rows, a->size));
    return tp_add(tp_matmul(tp_t(later), before), first);
}

/* What goes back to the inputs and the states; the weights' follow from dstate. */
static bool steps_backward(tp__ctx *ctx, const steps_attr *a, tp_tensor *const *in, tp_tensor *y,
                           tp_tensor *const *g, tp_tensor **dx, tp_tensor **dstate) {
    const char *op = tp__op_name(ctx);
    const tp_dtype dtype = (tp_dtype)y->dtype;
    const tp_shape state = TP_SHAPE(a->batch, a->size);
    const bool lstm = a->cell == TP__CELL_LSTM;
    steps_run run = {
        .a = a, .dtype = dtype, .item = (int64_t)tp__itemsize(dtype), .keeps = true, .y = tp__data(y)};
    dx[STEPS_IN] = tp__tensor_new(op, in[STEPS_IN]->shape, dtype);
    dx[STEPS_H] = tp_zeros(state, dtype);
    if (lstm) dx[STEPS_C] = tp__tensor_new(op, state, dtype);
    *dstate = a->cell == TP__CELL_GRU ? tp__tensor_new(op, in[STEPS_IN]->shape, dtype) : dx[STEPS_IN];
    bool good = dx[STEPS_IN] && dx[STEPS_H] && (!lstm || dx[STEPS_C]) && *dstate;
    run.dy = tp__packed_data(op, g[0], &good);
    run.h0 = tp__packed_data(op, in[STEPS_H], &good);
    run.c0 = tp__packed_data(op, in[STEPS_C], &good);
    run.w = tp__packed_data(op, in[STEPS_W], &good);
    if (!good) return false;
    if (lstm) tp__copy_values(dx[STEPS_C], g[1]);
    run.gates = tp__data(in[STEPS_GATES]); /* both were made packed */
    run.cs = lstm ? tp__data(in[STEPS_CS]) : NULL;
    run.dh = tp__data(dx[STEPS_H]);
    run.dc = lstm ? tp__data(dx[STEPS_C]) : NULL;
    run.dgates = tp__data(dx[STEPS_IN]);
    run.dstate = tp__data(*dstate);
    return y->numel == 0 || steps_go(&run, a->size, steps_sums(a));
}

static void steps_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const steps_attr *a = tp__attr(ctx);
    tp_tensor *in[STEPS_INPUTS], *y = tp__output(ctx, 0), *dstate, *all[STEPS_INPUTS] = {NULL};
    for (int i = 0; i < STEPS_INPUTS; i++) {
        in[i] = tp__input(ctx, i);
        if (!in[i] && tp__has_input(ctx, i)) return;
    }
    if (!y || !steps_backward(ctx, a, in, y, g, all, &dstate)) return;
    for (int i = 0; i <= STEPS_C; i++) dx[i] = all[i];
    if (tp__needs(ctx, STEPS_W)) dx[STEPS_W] = steps_weight_grad(a, dstate, y, in[STEPS_H]);
    if (tp__needs(ctx, STEPS_B)) dx[STEPS_B] = tp_sum_dim(dstate, TP_DIMS(0, 1), false);
}

#define STEPS_OP(NAME)                                                                                       \
    {                                                                                                        \
        .name = NAME, .vjp = steps_vjp, .vjp_fused = steps_vjp_fused, .save_inputs = TP__ALL,                \
        .save_outputs = 1                                                                                    \
    }
static const tp__op steps_ops[TP__CELL_COUNT] = {STEPS_OP("rnn_tanh"), STEPS_OP("rnn_relu"), STEPS_OP("gru"),
                                                 STEPS_OP("lstm")};

const char *tp__cell_name(tp__cell cell) { return steps_ops[cell].name; }

int tp__cell_gates(tp__cell cell) { return cell == TP__CELL_LSTM ? 4 : cell == TP__CELL_GRU ? 3 : 1; }

/* ---- the op ------------------------------------------------------------------------------------------- */

/* Of operands that are packed, and w turned. */
static bool steps_forward(const steps_attr *a, tp_tensor *const *in, tp_tensor *w, tp_tensor *y, tp_tensor *c,
                          bool keeps) {
    const char *op = tp__cell_name(a->cell);
    const tp_dtype dtype = (tp_dtype)y->dtype;
    steps_run run = {.a = a,
                     .dtype = dtype,
                     .item = (int64_t)tp__itemsize(dtype),
                     .keeps = keeps,
                     .w = tp__data(w),
                     .gates = tp__data(in[STEPS_GATES]),
                     .cs = c ? tp__data(in[STEPS_CS]) : NULL,
                     .y = tp__data(y)};
    bool good = true;
    run.in = tp__packed_data(op, in[STEPS_IN], &good);
    run.h0 = tp__packed_data(op, in[STEPS_H], &good);
    run.c0 = tp__packed_data(op, in[STEPS_C], &good);
    run.b = tp__packed_data(op, in[STEPS_B], &good);
    if (!good) return false;
    if (y->numel == 0) return true;
    if (!steps_go(&run, steps_sums(a), a->size)) return false;
    if (c)
        memcpy(tp__data(c), steps_at(&run, run.cs, keeps ? steps_place(a, a->steps - 1) : 0, 0, a->size),
               (size_t)(c->numel * run.item));
    return true;
}

/* Everything in the current scope: the states, and the last c in *c. */
static tp_tensor *steps_made(const steps_attr *a, tp_tensor **in, tp_tensor **c) {
    const tp__op *op = &steps_ops[a->cell];
    const tp_dtype dtype = (tp_dtype)in[STEPS_IN]->dtype;
    const bool lstm = a->cell == TP__CELL_LSTM, keeps = tp__will_record(STEPS_GATES, in);
    const int64_t kept = keeps ? a->steps : 1;
    tp_tensor *w = tp_contiguous(tp_t(tp_detach(in[STEPS_W])));
    tp_tensor *out[2] = {tp__tensor_new(op->name, TP_SHAPE(a->steps, a->batch, a->size), dtype),
                         lstm ? tp__tensor_new(op->name, TP_SHAPE(a->batch, a->size), dtype) : NULL};
    in[STEPS_GATES] = tp__tensor_new(op->name, TP_SHAPE(kept, a->batch, steps_kept(a)), dtype);
    in[STEPS_CS] = lstm ? tp__tensor_new(op->name, TP_SHAPE(kept, a->batch, a->size), dtype) : NULL;
    if (!w || !out[0] || !in[STEPS_GATES] || (lstm && (!out[1] || !in[STEPS_CS])) ||
        !steps_forward(a, in, w, out[0], out[1], keeps))
        return NULL;
    const tp__call call = {.op = op,
                           .n_in = STEPS_INPUTS,
                           .in = in,
                           .n_out = lstm ? 2 : 1,
                           .out = out,
                           .attr = a,
                           .attr_size = sizeof *a};
    *c = out[1];
    return tp__record_call(&call) ? out[0] : NULL;
}

tp_tensor *tp__sequence_steps(tp__cell cell, tp_tensor *in, tp_tensor *h, tp_tensor **c, tp_tensor *w,
                              tp_tensor *b, bool back) {
    const bool lstm = cell == TP__CELL_LSTM;
    if (!in || !h || (lstm && !*c)) return NULL;
    const steps_attr a = {cell, in->shape.dims[0], in->shape.dims[1], h->shape.dims[1], back};
    tp_tensor *given[STEPS_INPUTS] = {in, h, lstm ? *c : NULL, w, b, NULL, NULL}, *last = NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *out[] = {steps_made(&a, given, &last), last};
    tp__hand_over(s, lstm ? 2 : 1, out);
    if (lstm) *c = out[1];
    return out[0];
}
