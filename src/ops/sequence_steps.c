/* The steps of a recurrent layer in one direction, fused: sequences are shared out among threads in chunks, each of which goes through all
 * steps by itself, with one product and one pass over the gates a step. Its rule for a graph is the composite. */
#include <string.h>

#include "kernels/gemm.h"
#include "ops/ops.h"
#include "ops/sequence.h"
#include "taper/index.h"
#include "taper/linalg.h"
#include "taper/sort.h"
#include "taper/tensor.h"
#include "taper/views.h"

typedef struct steps_attr {
    tp__cell cell;
    int64_t steps, batch, size, outputs;
    bool back;
} steps_attr;

/* Recorded inputs; what is kept of the gates, (T, N, ...), of c, and of h before it is projected, (T, N, H), are for the fused rule alone. */
enum {
    STEPS_IN,
    STEPS_H,
    STEPS_C,
    STEPS_W,
    STEPS_B,
    STEPS_W_HR,
    STEPS_LENGTHS,
    STEPS_GATES,
    STEPS_CS,
    STEPS_HS,
    STEPS_INPUTS
};

enum { STEPS_Y, STEPS_LAST_H, STEPS_LAST_C, STEPS_OUTPUTS };

/* The k-th step in time is at place: */
static int64_t steps_place(const steps_attr *a, int64_t k) { return a->back ? a->steps - 1 - k : k; }

/* How wide the sums of the gates are, and what is kept of them. */
static int64_t steps_sums(const steps_attr *a) { return tp__cell_gates(a->cell) * a->size; }
static int64_t steps_kept(const steps_attr *a) {
    return a->cell == TP__CELL_GRU || a->cell == TP__CELL_LSTM ? 4 * a->size : 0;
}

/* ---- the rule ----------------------------------------------------------------------------------------- */

/* Step t: the next states in *h and *c, which a sequence that has no such step keeps. -> the output. */
static tp_tensor *steps_composite_step(const steps_attr *a, tp_tensor *const *in, int64_t t, tp_tensor **h,
                                       tp_tensor **c) {
    tp_tensor *h_before = *h, *c_before = *c;
    tp__cell_step(a->cell, tp_select(in[STEPS_IN], 0, t), tp_linear(*h, in[STEPS_W], in[STEPS_B]), h, c);
    if (in[STEPS_W_HR]) *h = tp_linear(*h, in[STEPS_W_HR], NULL);
    if (!in[STEPS_LENGTHS]) return *h;
    tp_tensor *running = tp_unsqueeze(tp_gt_scalar(in[STEPS_LENGTHS], (double)t), 1);
    tp_tensor *y = tp_where(running, *h, tp__constant(h_before, 0));
    *h = tp_where(running, *h, h_before);
    if (*c) *c = tp_where(running, *c, c_before);
    return y;
}

static bool steps_composite(const void *attr, tp_tensor *const *in, tp_tensor **outputs) {
    const steps_attr *a = attr;
    const bool lstm = a->cell == TP__CELL_LSTM;
    const size_t bytes = (size_t)a->steps * sizeof(tp_tensor *);
    tp_tensor **all = a->steps <= INT32_MAX ? tp__alloc(bytes) : NULL, *h = in[STEPS_H], *c = in[STEPS_C];
    if (!all) {
        tp__error_memory(tp__cell_name(a->cell), bytes);
        return false;
    }
    for (int64_t k = 0; k < a->steps && h; k++) {
        const int64_t t = steps_place(a, k);
        all[t] = steps_composite_step(a, in, t, &h, &c);
    }
    outputs[STEPS_Y] = h ? tp_stack((tp_tensors){(int)a->steps, all}, 0) : NULL;
    outputs[STEPS_LAST_H] = h;
    if (lstm) outputs[STEPS_LAST_C] = c;
    tp__free(all);
    return outputs[STEPS_Y] && (!lstm || c);
}

static void steps_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__vjp_by_composite(ctx, steps_composite, g, dx);
}

/* ---- who runs when ------------------------------------------------------------------------------------ */

typedef struct steps_run {
    const steps_attr *a;
    tp_dtype dtype;
    int64_t item, chunk;
    bool keeps;             /* of all steps, the gates, c and h; else each step overwrites the last one's */
    const int64_t *lengths; /* (N), falling within each chunk; NULL: all run to the end */
    const char *in, *h0, *c0, *b;
    const char *w, *w_hr;
    char *packed, *packed_hr;  /* what the products take: forward w^T and w_hr^T, backward w and w_hr */
    char *gates, *cs, *hs, *y; /* hs: h before it is projected */
    char *last_h, *last_c;
    const char *dy;
    char *dh, *dc;         /* (N, P), (N, H) */
    char *dgates, *dstate; /* the same but for a GRU */
    char *dys;             /* what is wanted of projected h */
    char *scratch;         /* each worker's: the product's, then the state's sums or what is wanted of hs */
    size_t scratch_bytes, product_bytes;
} steps_run;

/* By the batch alone, so that a sample's sums do not depend on the number of threads. */
static int64_t steps_chunk(int64_t batch) {
    const int64_t half = (batch + 1) / 2;
    return half < 8 ? 8 : half > 32 ? 32 : half;
}

tp_tensor *tp__sequence_order(tp_tensor *lengths) {
    const int64_t batch = lengths->numel, chunk = steps_chunk(batch);
    tp_tensor *longest = tp_argsort(lengths, 0, true),
              *order = longest ? tp__tensor_new("argsort", lengths->shape, TP_I64) : NULL;
    if (!order) return NULL;
    const int64_t *next = tp__data_i64(longest);
    int64_t *to = tp__data_i64(order);
    for (int64_t row = 0; row < chunk; row++) /* dealt out like cards, so that the chunks have equal work */
        for (int64_t n = row; n < batch; n += chunk) to[n] = *next++;
    return order;
}

/* How many of the rows of a chunk from n0 run at place t: the first ones, as they are the longest. */
static int64_t steps_running(const steps_run *run, int64_t t, int64_t n0, int64_t rows) {
    while (run->lengths && rows > 0 && run->lengths[n0 + rows - 1] <= t) rows--;
    return rows;
}

/* Row n0 of step t of an array (T, N, width); NULL stays NULL. */
static char *steps_at(const steps_run *run, const char *array, int64_t t, int64_t n0, int64_t width) {
    return array ? (char *)array + (t * run->a->batch + n0) * width * run->item : NULL;
}

/* Rows of one step, and what they begin it with: their initial states, or those of the step before. */
typedef struct steps_part {
    int64_t t, n0, rows;
    const char *h, *c;
} steps_part;

static void steps_parts(const steps_run *run, int64_t k, int64_t n0, int64_t rows, steps_part parts[2]) {
    const steps_attr *a = run->a;
    const int64_t t = steps_place(a, k), before = k > 0 ? steps_place(a, k - 1) : t,
                  now = steps_running(run, t, n0, rows);
    int64_t old = k > 0 ? steps_running(run, before, n0, rows) : 0;
    if (old > now) old = now;
    parts[0] = (steps_part){t, n0, old, steps_at(run, run->y, before, n0, a->outputs),
                            steps_at(run, run->cs, run->keeps ? before : 0, n0, a->size)};
    parts[1] = (steps_part){t, n0 + old, now - old, steps_at(run, run->h0, 0, n0 + old, a->outputs),
                            steps_at(run, run->c0, 0, n0 + old, a->size)};
}

/* Zeros in the rows of a step that do not run. */
static void steps_clear(const steps_run *run, char *array, int64_t t, int64_t n0, int64_t rows,
                        int64_t width) {
    const int64_t now = steps_running(run, t, n0, rows);
    if (array && now < rows)
        memset(steps_at(run, array, t, n0 + now, width), 0, (size_t)((rows - now) * width * run->item));
}

/* ---- kernels ------------------------------------------------------------------------------------------ */

/* to (m, n) = from (m, k) b (k, n), of which b is packed; plus what it holds if `add`. */
static void steps_product(const steps_run *run, const void *from, const void *packed, void *to, int64_t m,
                          int64_t n, int64_t k, bool add, void *scratch) {
    tp__kern->gemm->run[run->dtype](&(tp__gemm_args){.m = m,
                                                     .n = n,
                                                     .k = k,
                                                     .a = from,
                                                     .a_rs = k,
                                                     .a_cs = 1,
                                                     .packed = packed,
                                                     .c = to,
                                                     .c_rs = n,
                                                     .c_cs = 1,
                                                     .accumulate = add,
                                                     .scratch = scratch});
}

static void steps_forward_part(const steps_run *run, const steps_part *p, char *scratch) {
    const steps_attr *a = run->a;
    const int64_t size = a->size, sums = steps_sums(a), at = run->keeps ? p->t : 0;
    char *state = scratch + run->product_bytes, *y = steps_at(run, run->y, p->t, p->n0, a->outputs),
         *h = run->w_hr ? steps_at(run, run->hs, at, p->n0, size) : y;
    steps_product(run, p->h, run->packed, state, p->rows, sums, a->outputs, false, scratch);
    tp__kern->recurrent->forward[a->cell][run->dtype](
        &(tp__cell_rows){.rows = p->rows,
                         .size = size,
                         .in = steps_at(run, run->in, p->t, p->n0, sums),
                         .bias = run->b,
                         .state = state,
                         .h_before = p->h,
                         .c_before = p->c,
                         .gates = steps_at(run, run->gates, at, p->n0, steps_kept(a)),
                         .c = steps_at(run, run->cs, at, p->n0, size),
                         .h = h});
    if (run->w_hr) steps_product(run, h, run->packed_hr, y, p->rows, a->outputs, size, false, scratch);
}

static void steps_forward_chunk(const steps_run *run, int64_t n0, int64_t rows, char *scratch) {
    const steps_attr *a = run->a;
    for (int64_t k = 0; k < a->steps; k++) {
        steps_part parts[2];
        steps_parts(run, k, n0, rows, parts);
        for (int i = 0; i < 2; i++)
            if (parts[i].rows > 0) steps_forward_part(run, &parts[i], scratch);
        steps_clear(run, run->y, steps_place(a, k), n0, rows, a->outputs);
        if (run->keeps) steps_clear(run, run->hs, steps_place(a, k), n0, rows, a->size);
    }
    for (int64_t n = n0; n < n0 + rows; n++) {
        const int64_t last = a->back ? 0 : (run->lengths ? run->lengths[n] : a->steps) - 1;
        memcpy(steps_at(run, run->last_h, 0, n, a->outputs), steps_at(run, run->y, last, n, a->outputs),
               (size_t)(a->outputs * run->item));
        if (run->cs)
            memcpy(steps_at(run, run->last_c, 0, n, a->size),
                   steps_at(run, run->cs, run->keeps ? last : 0, n, a->size), (size_t)(a->size * run->item));
    }
}

static void steps_backward_part(const steps_run *run, const steps_part *p, char *scratch) {
    const steps_attr *a = run->a;
    const int64_t size = a->size, sums = steps_sums(a), wide = p->rows * a->outputs;
    char *dh = steps_at(run, run->dh, 0, p->n0, a->outputs),
         *dstate = steps_at(run, run->dstate, p->t, p->n0, sums), *wanted = dh;
    if (run->dy)
        tp__kern->recurrent->add[run->dtype](wide, steps_at(run, run->dy, p->t, p->n0, a->outputs), dh);
    if (run->w_hr) {
        memcpy(steps_at(run, run->dys, p->t, p->n0, a->outputs), dh, (size_t)(wide * run->item));
        wanted = scratch + run->product_bytes;
        steps_product(run, dh, run->packed_hr, wanted, p->rows, size, a->outputs, false, scratch);
    }
    tp__kern->recurrent->backward[a->cell][run->dtype](
        &(tp__cell_rows){.rows = p->rows,
                         .size = size,
                         .gates = steps_at(run, run->gates, p->t, p->n0, steps_kept(a)),
                         .h_before = p->h,
                         .c_before = p->c,
                         .c = steps_at(run, run->cs, p->t, p->n0, size),
                         .h = steps_at(run, run->y, p->t, p->n0, a->outputs),
                         .dh = wanted,
                         .dc = steps_at(run, run->dc, 0, p->n0, size),
                         .dgates = steps_at(run, run->dgates, p->t, p->n0, sums),
                         .dstate = dstate});
    steps_product(run, dstate, run->packed, dh, p->rows, a->outputs, sums, a->cell == TP__CELL_GRU, scratch);
}

static void steps_backward_chunk(const steps_run *run, int64_t n0, int64_t rows, char *scratch) {
    const steps_attr *a = run->a;
    for (int64_t k = a->steps - 1; k >= 0; k--) {
        const int64_t t = steps_place(a, k);
        steps_part parts[2];
        steps_parts(run, k, n0, rows, parts);
        for (int i = 0; i < 2; i++)
            if (parts[i].rows > 0) steps_backward_part(run, &parts[i], scratch);
        steps_clear(run, run->dgates, t, n0, rows, steps_sums(a));
        if (run->dstate != run->dgates) steps_clear(run, run->dstate, t, n0, rows, steps_sums(a));
        steps_clear(run, run->dys, t, n0, rows, a->outputs);
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

static size_t steps_rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Of a matrix (rows, columns), which the forward uses turned: what its product needs, or packs it. */
static size_t steps_packed_bytes(const steps_run *run, int64_t rows, int64_t columns) {
    const bool back = run->dgates != NULL;
    return steps_rounded(tp__kern->gemm->packed[run->dtype](back ? rows : columns, back ? columns : rows));
}

static size_t steps_product_bytes(const steps_run *run, int64_t rows, int64_t columns) {
    const bool back = run->dgates != NULL;
    return steps_rounded(
        tp__kern->gemm->scratch[run->dtype](run->chunk, back ? columns : rows, back ? rows : columns));
}

static void steps_pack(const steps_run *run, const char *w, int64_t rows, int64_t columns, char *to) {
    if (run->dgates) tp__kern->gemm->pack[run->dtype](rows, columns, w, columns, 1, to);
    else tp__kern->gemm->pack[run->dtype](columns, rows, w, 1, columns, to);
}

/* Goes through all chunks. */
static bool steps_go(steps_run *run) {
    const steps_attr *a = run->a;
    const int64_t sums = steps_sums(a);
    run->chunk = steps_chunk(a->batch);
    const int64_t chunks = (a->batch + run->chunk - 1) / run->chunk,
                  work = a->steps * run->chunk * sums * a->outputs;
    const size_t w = steps_packed_bytes(run, sums, a->outputs),
                 w_hr = run->w_hr ? steps_packed_bytes(run, a->outputs, a->size) : 0,
                 of_w = steps_product_bytes(run, sums, a->outputs),
                 of_hr = run->w_hr ? steps_product_bytes(run, a->outputs, a->size) : 0;
    run->product_bytes = of_w > of_hr ? of_w : of_hr;
    run->scratch_bytes = run->product_bytes + steps_rounded((size_t)(run->chunk * sums * run->item));
    const size_t bytes = w + w_hr + run->scratch_bytes * (size_t)tp__max_workers() + 64;
    run->packed = tp__buffer_alloc(bytes);
    if (!run->packed) {
        tp__error_memory(tp__cell_name(a->cell), bytes);
        return false;
    }
    run->packed_hr = run->packed + w;
    run->scratch = run->packed_hr + w_hr;
    steps_pack(run, run->w, sums, a->outputs, run->packed);
    if (run->w_hr) steps_pack(run, run->w_hr, a->outputs, a->size, run->packed_hr);
    tp__parallel_for(chunks, work > 0 ? 65536 / work + 1 : 1, steps_range, run);
    tp__buffer_free(run->packed, bytes);
    return true;
}

/* ---- the fused rule ----------------------------------------------------------------------------------- */

/* The rows of (T, N, width) at which each sequence begins. */
static tp_tensor *steps_first(const steps_attr *a, tp_tensor *t, const tp_tensor *lengths) {
    if (!lengths || !a->back) return tp_select(t, 0, steps_place(a, 0));
    tp_tensor *index = tp__tensor_new(tp__cell_name(a->cell), lengths->shape, TP_I64);
    if (!index) return NULL;
    for (int64_t n = 0; n < a->batch; n++)
        tp__data_i64(index)[n] = (tp__data_i64(lengths)[n] - 1) * a->batch + n;
    return tp_index_select(tp_flatten(t, 0, 1), 0, index);
}

/* The sum over all steps of dstate^T times the h that the step began with: of the first one h, of the others the state before, for
 * which y has zeros where dstate has them or where the sequence begins. */
static tp_tensor *steps_weight_grad(const steps_attr *a, tp_tensor *dstate, tp_tensor *y, tp_tensor *h,
                                    const tp_tensor *lengths) {
    const int64_t rest = a->steps - 1;
    tp_tensor *first = tp_matmul(tp_t(steps_first(a, dstate, lengths)), h);
    if (rest == 0) return first;
    tp_tensor *later = tp_flatten(tp_narrow(dstate, 0, a->back ? 0 : 1, rest), 0, 1),
              *before = tp_flatten(tp_narrow(y, 0, a->back ? 1 : 0, rest), 0, 1);
    return tp_add(tp_matmul(tp_t(later), before), first);
}

/* A new tensor that a rule fills: the values of g, or zeros without. */
static tp_tensor *steps_grad(const char *op, const tp_tensor *like, tp_tensor *g) {
    tp_tensor *t = g ? tp__tensor_new(op, like->shape, (tp_dtype)like->dtype)
                     : tp_zeros(like->shape, (tp_dtype)like->dtype);
    if (t && g) tp__copy_values(t, g);
    return t;
}

/* What goes back to the inputs and the states; the weights' follow from dstate, and from dys, what is wanted of projected h. */
static bool steps_backward(const steps_attr *a, tp_tensor *const *in, tp_tensor *y, tp_tensor *const *g,
                           tp_tensor **dx, tp_tensor **dstate, tp_tensor **dys) {
    const char *op = tp__cell_name(a->cell);
    const tp_dtype dtype = (tp_dtype)y->dtype;
    const bool lstm = a->cell == TP__CELL_LSTM, projected = in[STEPS_W_HR] != NULL;
    dx[STEPS_IN] = tp__tensor_new(op, in[STEPS_IN]->shape, dtype);
    dx[STEPS_H] = steps_grad(op, in[STEPS_H], g[STEPS_LAST_H]);
    dx[STEPS_C] = lstm ? steps_grad(op, in[STEPS_C], g[STEPS_LAST_C]) : NULL;
    *dstate = a->cell == TP__CELL_GRU ? tp__tensor_new(op, in[STEPS_IN]->shape, dtype) : dx[STEPS_IN];
    *dys = projected ? tp__tensor_new(op, y->shape, dtype) : NULL;
    bool good = dx[STEPS_IN] && dx[STEPS_H] && (!lstm || dx[STEPS_C]) && *dstate && (!projected || *dys);
    steps_run run = {.a = a,
                     .dtype = dtype,
                     .item = (int64_t)tp__itemsize(dtype),
                     .keeps = true,
                     .lengths = tp__packed_data(op, in[STEPS_LENGTHS], &good),
                     .h0 = tp__packed_data(op, in[STEPS_H], &good),
                     .c0 = tp__packed_data(op, in[STEPS_C], &good),
                     .w = tp__packed_data(op, in[STEPS_W], &good),
                     .w_hr = tp__packed_data(op, in[STEPS_W_HR], &good),
                     .gates = (char *)tp__packed_data(op, in[STEPS_GATES], &good),
                     .cs = (char *)tp__packed_data(op, in[STEPS_CS], &good),
                     .y = tp__data(y),
                     .dy = tp__packed_data(op, g[STEPS_Y], &good)};
    if (!good) return false;
    run.dh = tp__data(dx[STEPS_H]);
    run.dc = lstm ? tp__data(dx[STEPS_C]) : NULL;
    run.dgates = tp__data(dx[STEPS_IN]);
    run.dstate = tp__data(*dstate);
    run.dys = projected ? tp__data(*dys) : NULL;
    return y->numel == 0 || steps_go(&run);
}

static void steps_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const steps_attr *a = tp__attr(ctx);
    tp_tensor *in[STEPS_INPUTS], *y = tp__output(ctx, STEPS_Y), *dstate, *dys, *all[STEPS_INPUTS] = {NULL};
    for (int i = 0; i < STEPS_INPUTS; i++) {
        in[i] = tp__input(ctx, i);
        if (!in[i] && tp__has_input(ctx, i)) return;
    }
    tp_tensor *const given[STEPS_OUTPUTS] = {g[STEPS_Y], g[STEPS_LAST_H],
                                             a->cell == TP__CELL_LSTM ? g[STEPS_LAST_C] : NULL};
    if (!y || !steps_backward(a, in, y, given, all, &dstate, &dys)) return;
    for (int i = 0; i <= STEPS_C; i++) dx[i] = all[i];
    if (tp__needs(ctx, STEPS_W))
        dx[STEPS_W] = steps_weight_grad(a, dstate, y, in[STEPS_H], in[STEPS_LENGTHS]);
    if (tp__needs(ctx, STEPS_B)) dx[STEPS_B] = tp_sum_dim(dstate, TP_DIMS(0, 1), false);
    if (tp__needs(ctx, STEPS_W_HR))
        dx[STEPS_W_HR] = tp_matmul(tp_t(tp_flatten(dys, 0, 1)), tp_flatten(in[STEPS_HS], 0, 1));
}

#define STEPS_OP(NAME)                                                                                       \
    {                                                                                                        \
        .name = NAME, .vjp = steps_vjp, .vjp_fused = steps_vjp_fused, .save_inputs = TP__ALL,                \
        .save_outputs = 1u << STEPS_Y, .takes_null = true                                                    \
    }
static const tp__op steps_ops[TP__CELL_COUNT] = {STEPS_OP("rnn_tanh"), STEPS_OP("rnn_relu"), STEPS_OP("gru"),
                                                 STEPS_OP("lstm")};

const char *tp__cell_name(tp__cell cell) { return steps_ops[cell].name; }

int tp__cell_gates(tp__cell cell) { return cell == TP__CELL_LSTM ? 4 : cell == TP__CELL_GRU ? 3 : 1; }

/* ---- the op ------------------------------------------------------------------------------------------- */

static bool steps_forward(const steps_attr *a, tp_tensor *const *in, tp_tensor *const *out, bool keeps) {
    const char *op = tp__cell_name(a->cell);
    const tp_dtype dtype = (tp_dtype)out[STEPS_Y]->dtype;
    bool good = true;
    steps_run run = {.a = a,
                     .dtype = dtype,
                     .item = (int64_t)tp__itemsize(dtype),
                     .keeps = keeps,
                     .lengths = tp__packed_data(op, in[STEPS_LENGTHS], &good),
                     .in = tp__packed_data(op, in[STEPS_IN], &good),
                     .h0 = tp__packed_data(op, in[STEPS_H], &good),
                     .c0 = tp__packed_data(op, in[STEPS_C], &good),
                     .b = tp__packed_data(op, in[STEPS_B], &good),
                     .w = tp__packed_data(op, in[STEPS_W], &good),
                     .w_hr = tp__packed_data(op, in[STEPS_W_HR], &good),
                     .y = tp__data(out[STEPS_Y]),
                     .last_h = tp__data(out[STEPS_LAST_H]),
                     .gates = tp__data(in[STEPS_GATES])};
    if (!good) return false;
    if (in[STEPS_HS]) run.hs = tp__data(in[STEPS_HS]);
    if (in[STEPS_CS]) run.cs = tp__data(in[STEPS_CS]);
    if (in[STEPS_CS]) run.last_c = tp__data(out[STEPS_LAST_C]);
    return a->batch == 0 || steps_go(&run);
}

/* Everything in the current scope. */
static bool steps_made(const steps_attr *a, tp_tensor **in, tp_tensor **out) {
    const tp__op *op = &steps_ops[a->cell];
    const tp_dtype dtype = (tp_dtype)in[STEPS_IN]->dtype;
    const bool lstm = a->cell == TP__CELL_LSTM, projected = in[STEPS_W_HR] != NULL,
               keeps = tp__will_record(STEPS_GATES, in);
    const int64_t kept = keeps ? a->steps : 1;
    const tp_shape states = TP_SHAPE(kept, a->batch, a->size);
    out[STEPS_Y] = tp__tensor_new(op->name, TP_SHAPE(a->steps, a->batch, a->outputs), dtype);
    out[STEPS_LAST_H] = tp__tensor_new(op->name, TP_SHAPE(a->batch, a->outputs), dtype);
    if (lstm) out[STEPS_LAST_C] = tp__tensor_new(op->name, TP_SHAPE(a->batch, a->size), dtype);
    in[STEPS_GATES] = tp__tensor_new(op->name, TP_SHAPE(kept, a->batch, steps_kept(a)), dtype);
    if (lstm) in[STEPS_CS] = tp__tensor_new(op->name, states, dtype);
    if (projected) in[STEPS_HS] = tp__tensor_new(op->name, states, dtype);
    if (!out[STEPS_Y] || !out[STEPS_LAST_H] || !in[STEPS_GATES] ||
        (lstm && (!out[STEPS_LAST_C] || !in[STEPS_CS])) || (projected && !in[STEPS_HS]) ||
        !steps_forward(a, in, out, keeps))
        return false;
    return tp__record_call(&(tp__call){.op = op,
                                       .n_in = STEPS_INPUTS,
                                       .in = in,
                                       .n_out = lstm ? 3 : 2,
                                       .out = out,
                                       .attr = a,
                                       .attr_size = sizeof *a});
}

tp_tensor *tp__sequence_steps(const tp__sequence *q, tp_tensor **h, tp_tensor **c) {
    const bool lstm = q->cell == TP__CELL_LSTM;
    tp_tensor *in[STEPS_INPUTS] = {q->in, *h, lstm ? *c : NULL, q->w, q->b, q->w_hr, q->lengths},
              *out[STEPS_OUTPUTS] = {NULL};
    if (!q->in || !*h || (lstm && !*c)) return NULL;
    const int64_t *dims = q->in->shape.dims;
    const steps_attr a = {q->cell, dims[0], dims[1], dims[2] / tp__cell_gates(q->cell), (*h)->shape.dims[1],
                          q->back};
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    if (!steps_made(&a, in, out)) out[STEPS_Y] = NULL;
    tp__hand_over(s, lstm ? 3 : 2, out);
    *h = out[STEPS_LAST_H];
    if (lstm) *c = out[STEPS_LAST_C];
    return out[STEPS_Y];
}
