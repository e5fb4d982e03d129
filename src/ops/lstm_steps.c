/* The steps of an LSTM's layer in one direction, fused: samples are shared out among threads in chunks, each of which goes through all
 * steps by itself. Its rule for a graph is the composite. */
#include <string.h>

#include "kernels/gemm.h"
#include "kernels/recurrent.h"
#include "ops/ops.h"
#include "ops/sequence.h"
#include "taper/linalg.h"
#include "taper/tensor.h"
#include "taper/views.h"

typedef struct steps_attr {
    int64_t steps, batch, size;
    bool back;
} steps_attr;

/* Recorded inputs; the gates (T, N, 4 H) and all c (T, N, H) are kept for the fused rule alone. */
enum { STEPS_IN, STEPS_H, STEPS_C, STEPS_W, STEPS_B, STEPS_GATES, STEPS_CS, STEPS_INPUTS };

/* The k-th step in time is at place: */
static int64_t steps_place(const steps_attr *a, int64_t k) { return a->back ? a->steps - 1 - k : k; }

/* ---- the rule ----------------------------------------------------------------------------------------- */

static tp_tensor *steps_gate(const steps_attr *a, tp_tensor *gates, int k) {
    return tp_narrow(gates, -1, k * a->size, a->size);
}

static bool steps_composite(const void *attr, tp_tensor *const *in, tp_tensor **outputs) {
    const steps_attr *a = attr;
    const size_t bytes = (size_t)a->steps * sizeof(tp_tensor *);
    tp_tensor **h = tp__alloc(bytes), *last = in[STEPS_H], *c = in[STEPS_C];
    if (!h) {
        tp__error_memory("lstm", bytes);
        return false;
    }
    for (int64_t k = 0; k < a->steps && last; k++) {
        const int64_t t = steps_place(a, k);
        tp_tensor *gates = tp_add(tp_select(in[STEPS_IN], 0, t), tp_linear(last, in[STEPS_W], in[STEPS_B]));
        tp_tensor *i = tp_sigmoid(steps_gate(a, gates, 0)), *f = tp_sigmoid(steps_gate(a, gates, 1));
        tp_tensor *g = tp_tanh(steps_gate(a, gates, 2)), *o = tp_sigmoid(steps_gate(a, gates, 3));
        c = tp_add(tp_mul(f, c), tp_mul(i, g));
        last = h[t] = tp_mul(o, tp_tanh(c));
    }
    outputs[0] = last ? tp_stack((tp_tensors){(int)a->steps, h}, 0) : NULL;
    outputs[1] = c;
    tp__free(h);
    return outputs[0] && outputs[1];
}

static void steps_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__vjp_by_composite(ctx, steps_composite, g, dx);
}

/* ---- kernels ------------------------------------------------------------------------------------------ */

typedef struct steps_run {
    const steps_attr *a;
    tp_dtype dtype;
    int64_t item, chunk;
    int64_t kept;                     /* steps of which gates and c are kept: T, or one that is used again */
    const char *in, *h0, *c0, *w, *b; /* w: (H, 4 H) forward, (4 H, H) backward */
    char *gates, *cs, *y;
    const char *dy;
    char *dh, *dc, *dgates; /* dh and dc: (N, H) */
    char *scratch;
    size_t scratch_bytes; /* of each worker */
} steps_run;

/* By the batch alone, so that a sample's sums do not depend on the number of threads. */
static int64_t steps_chunk(int64_t batch) {
    const int64_t half = (batch + 1) / 2;
    return half < 8 ? 8 : half > 32 ? 32 : half;
}

/* Row n0 of step t of an array (T, N, width). */
static char *steps_at(const steps_run *run, const char *array, int64_t t, int64_t n0, int64_t width) {
    return (char *)array + (t * run->a->batch + n0) * width * run->item;
}

static const char *steps_before(const steps_run *run, const char *array, const char *first, int64_t k,
                                int64_t n0, bool again) {
    const int64_t size = run->a->size;
    if (k == 0) return first + n0 * size * run->item;
    return steps_at(run, array, again ? 0 : steps_place(run->a, k - 1), n0, size);
}

static void steps_forward_chunk(const steps_run *run, int64_t n0, int64_t rows, void *scratch) {
    const steps_attr *a = run->a;
    const int64_t size = a->size, wide = 4 * size;
    const bool again = run->kept == 1;
    for (int64_t k = 0; k < a->steps; k++) {
        const int64_t t = steps_place(a, k), at = again ? 0 : t;
        char *gates = steps_at(run, run->gates, at, n0, wide);
        memcpy(gates, steps_at(run, run->in, t, n0, wide), (size_t)(rows * wide * run->item));
        tp__kern->gemm->run[run->dtype](
            &(tp__gemm_args){.m = rows,
                             .n = wide,
                             .k = size,
                             .a = steps_before(run, run->y, run->h0, k, n0, false),
                             .a_rs = size,
                             .a_cs = 1,
                             .b = run->w,
                             .b_rs = wide,
                             .b_cs = 1,
                             .c = gates,
                             .c_rs = wide,
                             .c_cs = 1,
                             .accumulate = true,
                             .scratch = scratch});
        tp__kern->recurrent->lstm[run->dtype](
            &(tp__lstm_rows){.rows = rows,
                             .size = size,
                             .bias = run->b,
                             .gates = gates,
                             .c_before = steps_before(run, run->cs, run->c0, k, n0, again),
                             .c = steps_at(run, run->cs, at, n0, size),
                             .h = steps_at(run, run->y, t, n0, size)});
    }
}

static void steps_backward_chunk(const steps_run *run, int64_t n0, int64_t rows, void *scratch) {
    const steps_attr *a = run->a;
    const int64_t size = a->size, wide = 4 * size;
    char *dh = steps_at(run, run->dh, 0, n0, size), *dc = steps_at(run, run->dc, 0, n0, size);
    for (int64_t k = a->steps - 1; k >= 0; k--) {
        const int64_t t = steps_place(a, k);
        char *dgates = steps_at(run, run->dgates, t, n0, wide);
        tp__kern->recurrent->lstm_grad[run->dtype](
            &(tp__lstm_rows){.rows = rows,
                             .size = size,
                             .gates = steps_at(run, run->gates, t, n0, wide),
                             .c_before = steps_before(run, run->cs, run->c0, k, n0, false),
                             .c = steps_at(run, run->cs, t, n0, size),
                             .dy = steps_at(run, run->dy, t, n0, size),
                             .dh = dh,
                             .dc = dc,
                             .dgates = dgates});
        tp__kern->gemm->run[run->dtype](&(tp__gemm_args){.m = rows,
                                                         .n = size,
                                                         .k = wide,
                                                         .a = dgates,
                                                         .a_rs = wide,
                                                         .a_cs = 1,
                                                         .b = run->w,
                                                         .b_rs = size,
                                                         .b_cs = 1,
                                                         .c = dh,
                                                         .c_rs = size,
                                                         .c_cs = 1,
                                                         .scratch = scratch});
    }
}

static void steps_range(void *context, int64_t begin, int64_t end, int worker) {
    const steps_run *run = context;
    void *scratch = run->scratch + (size_t)worker * run->scratch_bytes;
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
    size_t most = 0; /* the last chunk may be smaller, and so go another way */
    for (int64_t rows = 1; rows <= run->chunk; rows++) {
        const size_t bytes = tp__kern->gemm->scratch[run->dtype](rows, n, k);
        if (bytes > most) most = bytes;
    }
    run->scratch_bytes = (most + 63) / 64 * 64;
    const size_t bytes = run->scratch_bytes * (size_t)tp__max_workers() + 64;
    run->scratch = tp__buffer_alloc(bytes);
    if (!run->scratch) {
        tp__error_memory("lstm", bytes);
        return false;
    }
    const int64_t work = run->a->steps * run->chunk * n * k;
    tp__parallel_for(chunks, work > 0 ? 65536 / work + 1 : 1, steps_range, run);
    tp__buffer_free(run->scratch, bytes);
    return true;
}

/* ---- the fused rule ----------------------------------------------------------------------------------- */

/* The h that each step began with: (T N, H). */
static tp_tensor *steps_states_before(const steps_attr *a, tp_tensor *y, tp_tensor *h) {
    tp_tensor *first = tp_unsqueeze(h, 0), *rest = tp_narrow(y, 0, a->back ? 1 : 0, a->steps - 1);
    tp_tensor *all = a->back ? tp_cat(TP_TENSORS(rest, first), 0) : tp_cat(TP_TENSORS(first, rest), 0);
    return tp_reshape(all, TP_SHAPE(a->steps * a->batch, a->size));
}

static bool steps_pack(const char *op, tp_tensor *t, const char **data) {
    t = t ? tp__packed(op, t, (tp_dtype)t->dtype) : NULL;
    *data = t ? tp__data(t) : NULL;
    return t != NULL;
}

static void steps_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const char *op = tp__op_name(ctx);
    const steps_attr *a = tp__attr(ctx);
    tp_tensor *in[STEPS_INPUTS], *y = tp__output(ctx, 0);
    for (int i = 0; i < STEPS_INPUTS; i++) {
        in[i] = tp__input(ctx, i);
        if (!in[i] && tp__has_input(ctx, i)) return;
    }
    if (!y) return;
    const tp_dtype dtype = (tp_dtype)y->dtype;
    steps_run run = {.a = a, .dtype = dtype, .item = (int64_t)tp__itemsize(dtype), .kept = a->steps};
    const tp_shape state = TP_SHAPE(a->batch, a->size);
    tp_tensor *dgates = tp__tensor_new(op, in[STEPS_IN]->shape, dtype), *dh = tp_zeros(state, dtype),
              *dc = tp__tensor_new(op, state, dtype);
    const char *gates, *cs;
    if (!dgates || !dh || !dc || !steps_pack(op, g[0], &run.dy) || !steps_pack(op, in[STEPS_C], &run.c0) ||
        !steps_pack(op, in[STEPS_W], &run.w) || !steps_pack(op, in[STEPS_GATES], &gates) ||
        !steps_pack(op, in[STEPS_CS], &cs))
        return;
    tp__copy_values(dc, g[1]);
    run.gates = (char *)gates;
    run.cs = (char *)cs;
    run.dh = tp__data(dh);
    run.dc = tp__data(dc);
    run.dgates = tp__data(dgates);
    if (y->numel > 0 && !steps_go(&run, a->size, 4 * a->size)) return;
    dx[STEPS_IN] = dgates;
    dx[STEPS_H] = dh;
    dx[STEPS_C] = dc;
    tp_tensor *rows = tp_reshape(dgates, TP_SHAPE(a->steps * a->batch, 4 * a->size));
    if (tp__needs(ctx, STEPS_W)) dx[STEPS_W] = tp_matmul(tp_t(rows), steps_states_before(a, y, in[STEPS_H]));
    if (tp__needs(ctx, STEPS_B)) dx[STEPS_B] = tp_sum_dim(rows, TP_DIMS(0), false);
}

static const tp__op steps_op = {.name = "lstm",
                                .vjp = steps_vjp,
                                .vjp_fused = steps_vjp_fused,
                                .save_inputs = TP__ALL,
                                .save_outputs = 1};

/* ---- the op ------------------------------------------------------------------------------------------- */

/* Of operands that are packed. */
static bool steps_forward(const steps_attr *a, tp_tensor *const *in, tp_tensor *w, tp_tensor *y,
                          tp_tensor *c) {
    const tp_dtype dtype = (tp_dtype)y->dtype;
    steps_run run = {.a = a,
                     .dtype = dtype,
                     .item = (int64_t)tp__itemsize(dtype),
                     .kept = in[STEPS_CS]->shape.dims[0],
                     .in = tp__data(in[STEPS_IN]),
                     .h0 = tp__data(in[STEPS_H]),
                     .c0 = tp__data(in[STEPS_C]),
                     .w = tp__data(w),
                     .b = in[STEPS_B] ? tp__data(in[STEPS_B]) : NULL,
                     .gates = tp__data(in[STEPS_GATES]),
                     .cs = tp__data(in[STEPS_CS]),
                     .y = tp__data(y)};
    if (y->numel == 0) return true;
    if (!steps_go(&run, 4 * a->size, a->size)) return false;
    const int64_t last = run.kept == 1 ? 0 : steps_place(a, a->steps - 1);
    memcpy(tp__data(c), run.cs + last * c->numel * run.item, (size_t)(c->numel * run.item));
    return true;
}

/* A packed form of each operand, and what is kept of the steps. */
static bool steps_operands(const steps_attr *a, tp_tensor *const *given, tp_tensor **in) {
    const char *op = steps_op.name;
    const tp_dtype dtype = (tp_dtype)given[STEPS_IN]->dtype;
    const int64_t kept = tp__will_record(STEPS_INPUTS - 2, given) ? a->steps : 1;
    for (int i = 0; i < STEPS_GATES; i++) {
        in[i] = given[i] ? tp__packed(op, given[i], dtype) : NULL;
        if (given[i] && !in[i]) return false;
    }
    in[STEPS_GATES] = tp__tensor_new(op, TP_SHAPE(kept, a->batch, 4 * a->size), dtype);
    in[STEPS_CS] = tp__tensor_new(op, TP_SHAPE(kept, a->batch, a->size), dtype);
    return in[STEPS_GATES] && in[STEPS_CS];
}

tp_tensor *tp__lstm_steps(tp_tensor *in, tp_tensor *h, tp_tensor **c, tp_tensor *w, tp_tensor *b, bool back) {
    const char *op = steps_op.name;
    if (!in || !h || !*c) return NULL;
    const steps_attr a = {in->shape.dims[0], in->shape.dims[1], h->shape.dims[1], back};
    const tp_dtype dtype = (tp_dtype)in->dtype;
    tp_tensor *given[STEPS_INPUTS] = {in, h, *c, w, b, NULL, NULL}, *packed[STEPS_INPUTS];
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_no_grad_begin();
    tp_tensor *turned = tp_contiguous(tp_t(w));
    tp_no_grad_end();
    tp_tensor *out[2] = {tp__tensor_new(op, TP_SHAPE(a.steps, a.batch, a.size), dtype),
                         tp__tensor_new(op, TP_SHAPE(a.batch, a.size), dtype)};
    bool good = turned && out[0] && out[1] && steps_operands(&a, given, packed) &&
                steps_forward(&a, packed, turned, out[0], out[1]);
    if (good) {
        given[STEPS_GATES] = packed[STEPS_GATES];
        given[STEPS_CS] = packed[STEPS_CS];
        good = tp__record_call(&(tp__call){.op = &steps_op,
                                           .n_in = STEPS_INPUTS,
                                           .in = given,
                                           .n_out = 2,
                                           .out = out,
                                           .attr = &a,
                                           .attr_size = sizeof a});
    }
    tp_tensor *y = good ? tp_scope_escape(s, out[0]) : NULL;
    *c = y ? tp_scope_escape(s, out[1]) : NULL;
    tp_scope_end(s);
    return *c ? y : NULL;
}
