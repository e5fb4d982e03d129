/* Attention as one node that stores neither scores nor weights: blocks of queries meet the blocks of keys one after the other, and what
 * they have gathered so far is rescaled whenever a larger score turns up. Backwards the scores are computed again. Its rule for a graph is
 * the composite. Source: Dao, "FlashAttention-2", 2023. */
#include <string.h>

#include "kernels/attention.h"
#include "kernels/gemm.h"
#include "ops/attention.h"
#include "taper/tensor.h"

/* Queries and keys of a block: the scores of one stay in the second level cache. What is causal skips blocks, and skips more with smaller ones. */
#define FUSED_ROWS 128
#define FUSED_CAUSAL_ROWS 64
#define FUSED_COLUMNS 512
#define FUSED_GRAIN 65536 /* multiply-adds that are worth a thread's while */

/* Recorded inputs; stats (..., L, 2) are for the fused rule alone. */
enum { FUSED_Q, FUSED_K, FUSED_V, FUSED_MASK, FUSED_STATS, FUSED_INPUTS };

static bool fused_composite(const void *attr, tp_tensor *const *in, tp_tensor **outputs) {
    outputs[0] = tp__attention_composite(attr, in[FUSED_Q], in[FUSED_K], in[FUSED_V], in[FUSED_MASK]);
    return outputs[0] != NULL;
}

static void fused_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__vjp_by_composite(ctx, fused_composite, g, dx);
}

/* ---- blocks ------------------------------------------------------------------------------------------- */

typedef struct fused_run {
    const tp__attention *a;
    tp_dtype dtype;
    int64_t item, batch, queries, keys, size, values;
    tp_tensor *const *in; /* of the same leading dims, any strides */
    char *y, *stats;      /* packed */
    const tp_tensor *g;   /* NULL: forwards */
    char *d[3];           /* gradients of q, k and v, packed; NULL if not wanted */
    int64_t rows, columns, blocks, key_blocks;
    char *scratch;
    size_t scratch_bytes, product_bytes,
        scores_bytes; /* of each worker; of which the product's, and a block's scores */
} fused_run;

/* A matrix of a batch. */
typedef struct fused_matrix {
    const char *data;
    int64_t rs, cs;
} fused_matrix;

static fused_matrix fused_matrix_at(const tp_tensor *t, int64_t n) {
    int64_t at = 0, n_dims = t->shape.ndim - 2;
    for (int64_t d = n_dims - 1; d >= 0; d--) {
        at += n % t->shape.dims[d] * t->strides[d];
        n /= t->shape.dims[d];
    }
    return (fused_matrix){tp__data(t) + at * (int64_t)tp__itemsize((tp_dtype)t->dtype), t->strides[n_dims],
                          t->strides[n_dims + 1]};
}

/* From its row `row` on; or turned. */
static fused_matrix fused_rows(const fused_run *run, fused_matrix m, int64_t row) {
    m.data += row * m.rs * run->item;
    return m;
}

static fused_matrix fused_turned(fused_matrix m) { return (fused_matrix){m.data, m.cs, m.rs}; }

/* c (m, n), rows c_rs apart, = or += a b. */
static void fused_product(const fused_run *run, int64_t m, int64_t n, int64_t k, fused_matrix a,
                          fused_matrix b, char *c, int64_t c_rs, bool add, char *scratch) {
    tp__kern->gemm->run[run->dtype](&(tp__gemm_args){.m = m,
                                                     .n = n,
                                                     .k = k,
                                                     .a = a.data,
                                                     .a_rs = a.rs,
                                                     .a_cs = a.cs,
                                                     .b = b.data,
                                                     .b_rs = b.rs,
                                                     .b_cs = b.cs,
                                                     .c = c,
                                                     .c_rs = c_rs,
                                                     .c_cs = 1,
                                                     .accumulate = add,
                                                     .scratch = scratch});
}

/* How many keys the queries below `end` see. */
static int64_t fused_seen(const fused_run *run, int64_t end) {
    return run->a->causal && end < run->keys ? end : run->keys;
}

static int64_t fused_least(int64_t a, int64_t b) { return a < b ? a : b; }

/* The block at query i0 and key j0 of matrix n of the batch, to be filled in. */
static tp__attention_block fused_block(const fused_run *run, int64_t n, int64_t i0, int64_t j0) {
    tp__attention_block b = {.rows = fused_least(run->rows, run->queries - i0),
                             .columns = run->columns,
                             .step = run->columns,
                             .scale = run->a->scale,
                             .first = run->a->causal ? i0 - j0 : INT64_MAX / 2,
                             .stats = run->stats + (n * run->queries + i0) * 2 * run->item,
                             .out = run->y + (n * run->queries + i0) * run->values * run->item,
                             .values = run->values};
    const tp_tensor *t = run->in[FUSED_MASK];
    if (t) {
        const fused_matrix mask = fused_matrix_at(t, n);
        b.mask = mask.data + (i0 * mask.rs + j0 * mask.cs) * (int64_t)tp__itemsize((tp_dtype)t->dtype);
        b.mask_rs = mask.rs;
        b.mask_cs = mask.cs;
        b.mask_adds = t->dtype != TP_BOOL;
    }
    return b;
}

static void fused_forward_block(const fused_run *run, int64_t n, int64_t i0, char *scratch) {
    const tp__attention_kernels *kernels = tp__kern->attention;
    const fused_matrix q = fused_rows(run, fused_matrix_at(run->in[FUSED_Q], n), i0),
                       k = fused_matrix_at(run->in[FUSED_K], n), v = fused_matrix_at(run->in[FUSED_V], n);
    tp__attention_block b = fused_block(run, n, i0, 0);
    const int64_t seen = fused_seen(run, i0 + b.rows);
    const fused_matrix weights = {scratch + run->product_bytes, run->columns, 1};
    for (int64_t j0 = 0; j0 < seen; j0 += run->columns) {
        b = fused_block(run, n, i0, j0);
        b.columns = fused_least(run->columns, seen - j0);
        b.scores = scratch + run->product_bytes;
        b.begins = j0 == 0;
        fused_product(run, b.rows, b.columns, run->size, q, fused_turned(fused_rows(run, k, j0)), b.scores,
                      b.step, false, scratch);
        kernels->weigh[run->dtype](&b);
        fused_product(run, b.rows, run->values, b.columns, weights, fused_rows(run, v, j0), b.out,
                      run->values, j0 > 0, scratch);
    }
    kernels->finish[run->dtype](&b);
}

/* Queries and keys of one matrix of the batch, whole blocks of them, and which gradients are wanted of it. */
typedef struct fused_part {
    int64_t n, i_begin, i_end, j_begin, j_end;
    bool queries, keys;
} fused_part;

/* dq, dk and dv of a block gain what b, unweighed, has of them. Each is added up in the order of the other side's blocks. */
static void fused_gain(const fused_run *run, const fused_part *part, const tp__attention_block *b, int64_t i0,
                       int64_t j0, char *scratch) {
    const int64_t size = run->size, values = run->values, i = part->n * run->queries + i0,
                  j = part->n * run->keys + j0;
    const fused_matrix q = fused_rows(run, fused_matrix_at(run->in[FUSED_Q], part->n), i0),
                       k = fused_rows(run, fused_matrix_at(run->in[FUSED_K], part->n), j0),
                       g = fused_rows(run, fused_matrix_at(run->g, part->n), i0);
    const fused_matrix p = {b->scores, b->step, 1}, ds = {b->dp, b->step, 1};
    if (run->d[FUSED_Q] && part->queries)
        fused_product(run, b->rows, size, b->columns, ds, k, run->d[FUSED_Q] + i * size * run->item, size,
                      true, scratch);
    if (run->d[FUSED_K] && part->keys)
        fused_product(run, b->columns, size, b->rows, fused_turned(ds), q,
                      run->d[FUSED_K] + j * size * run->item, size, true, scratch);
    if (run->d[FUSED_V] && part->keys)
        fused_product(run, b->columns, values, b->rows, fused_turned(p), g,
                      run->d[FUSED_V] + j * values * run->item, values, true, scratch);
}

static void fused_backward_part(const fused_run *run, const fused_part *part, char *scratch) {
    const tp__attention_kernels *kernels = tp__kern->attention;
    const fused_matrix q = fused_matrix_at(run->in[FUSED_Q], part->n),
                       k = fused_matrix_at(run->in[FUSED_K], part->n),
                       v = fused_matrix_at(run->in[FUSED_V], part->n), g = fused_matrix_at(run->g, part->n);
    char *scores = scratch + run->product_bytes, *dp = scores + run->scores_bytes,
         *dots = dp + run->scores_bytes;
    for (int64_t i0 = part->i_begin; i0 < part->i_end; i0 += run->rows) {
        tp__attention_block b = fused_block(run, part->n, i0, 0);
        const int64_t seen = fused_least(fused_seen(run, i0 + b.rows), part->j_end);
        const fused_matrix gi = fused_rows(run, g, i0);
        kernels->dots[run->dtype](b.rows, run->values, b.out, gi.data, gi.rs, gi.cs, dots);
        for (int64_t j0 = part->j_begin; j0 < seen; j0 += run->columns) {
            b = fused_block(run, part->n, i0, j0);
            b.columns = fused_least(run->columns, fused_seen(run, i0 + b.rows) - j0);
            b.scores = scores;
            b.dp = dp;
            b.dots = dots;
            fused_product(run, b.rows, b.columns, run->size, fused_rows(run, q, i0),
                          fused_turned(fused_rows(run, k, j0)), scores, b.step, false, scratch);
            fused_product(run, b.rows, b.columns, run->values, gi, fused_turned(fused_rows(run, v, j0)), dp,
                          b.step, false, scratch);
            kernels->unweigh[run->dtype](&b);
            fused_gain(run, part, &b, i0, j0, scratch);
        }
    }
}

static char *fused_scratch(const fused_run *run, int worker) {
    return run->scratch + (size_t)worker * run->scratch_bytes;
}

static void fused_forward_range(void *context, int64_t begin, int64_t end, int worker) {
    const fused_run *run = context;
    for (int64_t i = begin; i < end; i++)
        fused_forward_block(run, i / run->blocks, i % run->blocks * run->rows, fused_scratch(run, worker));
}

/* Items are matrices of the batch. */
static void fused_backward_range(void *context, int64_t begin, int64_t end, int worker) {
    const fused_run *run = context;
    for (int64_t n = begin; n < end; n++) {
        const fused_part part = {n, 0, run->queries, 0, run->keys, true, true};
        fused_backward_part(run, &part, fused_scratch(run, worker));
    }
}

/* Items are blocks of queries, and then blocks of keys. */
static void fused_queries_range(void *context, int64_t begin, int64_t end, int worker) {
    const fused_run *run = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t from = i % run->blocks * run->rows;
        const fused_part part = {i / run->blocks, from, from + 1, 0, run->keys, true, false};
        fused_backward_part(run, &part, fused_scratch(run, worker));
    }
}

static void fused_keys_range(void *context, int64_t begin, int64_t end, int worker) {
    const fused_run *run = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t from = i % run->key_blocks * run->columns;
        const fused_part part = {i / run->key_blocks, 0, run->queries, from, from + 1, false, true};
        fused_backward_part(run, &part, fused_scratch(run, worker));
    }
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static size_t fused_padded(int64_t bytes) { return ((size_t)bytes + 63) / 64 * 64; }

static int64_t fused_most(int64_t a, int64_t b) { return a > b ? a : b; }

/* `items` of equal parts of all the work. */
static void fused_share(fused_run *run, int64_t items, tp__range_fn *range) {
    const double all =
        (double)run->batch * (double)run->queries * (double)run->keys * (double)(run->size + run->values + 1);
    const double each = all / (double)items;
    tp__parallel_for(items, each < FUSED_GRAIN ? (int64_t)(FUSED_GRAIN / each) + 1 : 1, range, run);
}

/* By matrices of the batch, five products a block; or, where that would leave so many threads idle that it takes twice as long, by blocks, with
 * two of the products made twice. The sums are the same, in the same order. */
static void fused_backward(fused_run *run) {
    const int64_t workers = tp__max_workers(), rounds = (run->batch + workers - 1) / workers;
    if (2 * 7 * run->batch >= 5 * rounds * workers) {
        fused_share(run, run->batch, fused_backward_range);
        return;
    }
    if (run->d[FUSED_Q]) fused_share(run, run->batch * run->blocks, fused_queries_range);
    if (run->d[FUSED_K] || run->d[FUSED_V]) fused_share(run, run->batch * run->key_blocks, fused_keys_range);
}

/* The sizes, and borders of blocks that follow from the shapes alone. */
static void fused_measure(fused_run *run) {
    const tp_tensor *q = run->in[FUSED_Q], *v = run->in[FUSED_V];
    const int n = q->shape.ndim;
    run->item = (int64_t)tp__itemsize(run->dtype);
    run->queries = q->shape.dims[n - 2];
    run->size = q->shape.dims[n - 1];
    run->keys = v->shape.dims[n - 2];
    run->values = v->shape.dims[n - 1];
    run->batch = 1;
    for (int d = 0; d < n - 2; d++) run->batch *= q->shape.dims[d];
    if (run->batch == 0 || run->queries == 0 || run->keys == 0) return;
    run->rows = fused_least(run->queries, run->a->causal ? FUSED_CAUSAL_ROWS : FUSED_ROWS);
    run->columns = fused_least(run->keys, FUSED_COLUMNS);
    run->blocks = (run->queries + run->rows - 1) / run->rows;
    run->key_blocks = (run->keys + run->columns - 1) / run->columns;
}

static bool fused_go(fused_run *run) {
    fused_measure(run);
    if (run->blocks == 0) return true;
    const int64_t side = fused_most(fused_most(run->rows, run->columns), fused_most(run->size, run->values));
    run->product_bytes = fused_padded((int64_t)tp__kern->gemm->scratch[run->dtype](side, side, side));
    run->scores_bytes = fused_padded(run->rows * run->columns * run->item);
    run->scratch_bytes = run->product_bytes + 2 * run->scores_bytes + fused_padded(run->rows * run->item);
    const size_t bytes = run->scratch_bytes * (size_t)tp__max_workers();
    run->scratch = tp__buffer_alloc(bytes);
    if (!run->scratch) {
        tp__error_memory(TP__ATTENTION, bytes);
        return false;
    }
    if (run->g) fused_backward(run);
    else fused_share(run, run->batch * run->blocks, fused_forward_range);
    tp__buffer_free(run->scratch, bytes);
    return true;
}

/* ---- the op ------------------------------------------------------------------------------------------- */

static void fused_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *in[FUSED_INPUTS], *y = tp__output(ctx, 0), *all[3] = {NULL};
    for (int i = 0; i < FUSED_INPUTS; i++) {
        in[i] = tp__input(ctx, i);
        if (!in[i] && tp__has_input(ctx, i)) return;
    }
    if (!y) return;
    fused_run run = {.a = tp__attr(ctx),
                     .dtype = (tp_dtype)y->dtype,
                     .in = in,
                     .y = tp__data(y),
                     .stats = tp__data(in[FUSED_STATS]),
                     .g = g[0]};
    for (int i = 0; i < 3; i++) {
        if (!tp__needs(ctx, i)) continue;
        all[i] = tp_zeros(in[i]->shape, run.dtype);
        if (!all[i]) return;
        run.d[i] = tp__data(all[i]);
    }
    if (!fused_go(&run)) return;
    for (int i = 0; i < 3; i++) dx[i] = all[i];
}

static const tp__op fused_op = {.name = TP__ATTENTION,
                                .vjp = fused_vjp,
                                .vjp_fused = fused_vjp_fused,
                                .save_inputs = TP__ALL,
                                .save_outputs = 1};

/* The mask in the dtype of q if it adds, and with a view's dims for all there are. */
static tp_tensor *fused_mask(tp_tensor *mask, const tp_tensor *q, const tp_tensor *k) {
    tp_shape shape = q->shape;
    shape.dims[shape.ndim - 1] = k->shape.dims[shape.ndim - 2];
    if (mask->dtype != TP_BOOL) mask = tp__cast(TP__ATTENTION, mask, (tp_dtype)q->dtype);
    return mask ? tp_expand(tp_detach(mask), shape) : NULL;
}

tp_tensor *tp__attention_fused(const tp__attention *a, tp_tensor *q, tp_tensor *k, tp_tensor *v,
                               tp_tensor *mask) {
    tp_tensor *in[FUSED_INPUTS] = {q, k, v, mask ? fused_mask(mask, q, k) : NULL, NULL};
    if (mask && !in[FUSED_MASK]) return NULL;
    const tp_dtype dtype = (tp_dtype)q->dtype;
    const int last = q->shape.ndim - 1;
    tp_shape out = q->shape, stats = q->shape;
    out.dims[last] = v->shape.dims[last];
    stats.dims[last] = 2;
    tp_tensor *y = v->shape.dims[last - 1] ? tp__tensor_new(TP__ATTENTION, out, dtype) : tp_zeros(out, dtype);
    in[FUSED_STATS] = y ? tp__tensor_new(TP__ATTENTION, stats, dtype) : NULL;
    if (!in[FUSED_STATS]) return NULL;
    fused_run run = {.a = a, .dtype = dtype, .in = in, .y = tp__data(y), .stats = tp__data(in[FUSED_STATS])};
    return fused_go(&run) ? tp__record(&fused_op, y, FUSED_INPUTS, in, a, sizeof *a) : NULL;
}
