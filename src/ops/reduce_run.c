/* Reductions of any dims of a tensor of any strides are brought down to two kernels: rows (elements in a line
 * become one) and columns (lines become one, element by element). */
#include <string.h>

#include "ops/reduce.h"

/* Fewer elements than this for each thread are not worth waking it. */
#define REDUCE_GRAIN (2 * TP__REDUCE_CHUNK)
/* Columns that are wider than one piece are shared out in panels of this many. */
#define REDUCE_PANEL 256
/* The columns kernel adds up this many lines at a time; a piece is a power of two of them, so that the pieces
 * join as the blocks would have. */
#define REDUCE_LINES 32

typedef struct reduce_dim {
    int64_t size, xs, ys; /* ys is 0 for a reduced one */
    bool reduced;
} reduce_dim;

/* One call of a kernel over everything. */
typedef struct reduce_pass {
    tp__reduce_rows_fn *rows; /* NULL: columns */
    tp__reduce_cols_fn *cols;
    const char *x;
    char *y;
    int64_t item; /* bytes an element */
    int outer_count;
    reduce_dim outer[TP_MAX_DIMS];
    reduce_dim inner; /* the rows, or the columns */
    int64_t lanes;    /* rows, or panels of columns */
    int64_t n, step;  /* what is reduced */
    int64_t chunks, chunk, chunk_ys;
} reduce_pass;

static void reduce_range(void *context, int64_t begin, int64_t end, int worker) {
    const reduce_pass *p = context;
    (void)worker;
    for (int64_t i = begin, took; i < end; i += took) {
        int64_t lane = i % p->lanes, rest = i / p->lanes, c = rest % p->chunks;
        int64_t xo = c * p->chunk * p->step, yo = c * p->chunk_ys;
        rest /= p->chunks;
        for (int d = p->outer_count - 1; d >= 0; d--) {
            int64_t at = rest % p->outer[d].size;
            rest /= p->outer[d].size;
            xo += at * p->outer[d].xs;
            yo += at * p->outer[d].ys;
        }
        int64_t from = p->rows ? lane : lane * REDUCE_PANEL;
        const char *x = p->x + (xo + from * p->inner.xs) * p->item;
        char *y = p->y + (yo + from * p->inner.ys) * p->item;
        int64_t left = p->n - c * p->chunk, n = left < p->chunk ? left : p->chunk;
        if (p->rows) {
            took = p->lanes - lane < end - i ? p->lanes - lane : end - i;
            p->rows(took, n, x, p->inner.xs, p->step, y, p->inner.ys);
        } else {
            took = 1;
            p->cols(n, lane == p->lanes - 1 ? p->inner.size - from : REDUCE_PANEL, x, p->step, y,
                    p->inner.ys);
        }
    }
}

static void reduce_pass_run(reduce_pass *p) {
    int64_t items = p->lanes * p->chunks;
    for (int d = 0; d < p->outer_count; d++) items *= p->outer[d].size;
    int64_t width = p->rows ? 1 : p->inner.size < REDUCE_PANEL ? p->inner.size : REDUCE_PANEL;
    int64_t cost = (p->n < p->chunk ? p->n : p->chunk) * width;
    tp__parallel_for(items, REDUCE_GRAIN / cost, reduce_range, p);
}

static int64_t reduce_distance(int64_t step) { return step < 0 ? -step : step; }

/* Orders the dims as they lie in memory, outermost first, and merges those that step alike. */
static int reduce_merge(reduce_dim *dims, int count) {
    for (int i = 1; i < count; i++) {
        reduce_dim d = dims[i];
        int at = i;
        for (; at > 0 && reduce_distance(dims[at - 1].xs) < reduce_distance(d.xs); at--)
            dims[at] = dims[at - 1];
        dims[at] = d;
    }
    int n = 0;
    for (int i = 0; i < count; i++) {
        reduce_dim d = dims[i], *last = n ? &dims[n - 1] : NULL;
        if (last && last->reduced == d.reduced && last->xs == d.xs * d.size && last->ys == d.ys * d.size) {
            d.size *= last->size;
            *last = d;
        } else {
            dims[n++] = d;
        }
    }
    return n;
}

/* Chooses rows or columns for reducing dims[r]; the other dims, of which `inner` gets one, stay. */
static int reduce_choose(const reduce_dim *dims, int count, int r) {
    int inner = -1;
    for (int i = 0; i < count; i++)
        if (i != r) inner = i;
    if (dims[r].xs == 1) return inner;
    for (int i = 0; i < count; i++)
        if (i != r && dims[i].xs == 1) return i;
    return inner;
}

static void reduce_split(reduce_pass *p) {
    p->chunks = 1;
    p->chunk = p->n;
    if (p->rows) {
        if (p->n >= 2 * TP__REDUCE_CHUNK) p->chunk = TP__REDUCE_CHUNK;
    } else if (p->inner.size < TP__REDUCE_CHUNK / 8 && p->n >= 2 * TP__REDUCE_CHUNK / p->inner.size) {
        p->chunk = REDUCE_LINES;
        while (p->chunk * p->inner.size < TP__REDUCE_CHUNK) p->chunk *= 2;
    }
    p->chunks = (p->n + p->chunk - 1) / p->chunk;
}

static bool reduce_dims_run(const char *op, tp__reduce_kind kind, tp_dtype dtype, const char *x, char *y,
                            reduce_dim *dims, int count);

/* Reduces dims[r] into a buffer and then what is left of it into y: other dims to be reduced, and the pieces
 * of this one. */
static bool reduce_staged(const char *op, tp__reduce_kind kind, tp_dtype dtype, reduce_pass *p, char *y) {
    reduce_dim left[TP_MAX_DIMS + 2];
    int n = 0;
    int64_t step = 1;
    if (!p->rows) {
        left[n++] = (reduce_dim){p->inner.size, 1, p->inner.ys, p->inner.reduced};
        p->inner.ys = step;
        step *= p->inner.size;
    }
    left[n++] = (reduce_dim){p->chunks, step, 0, true};
    p->chunk_ys = step;
    step *= p->chunks;
    if (p->rows) {
        left[n++] = (reduce_dim){p->inner.size, step, p->inner.ys, p->inner.reduced};
        p->inner.ys = step;
        step *= p->inner.size;
    }
    for (int d = p->outer_count - 1; d >= 0; d--) {
        left[n++] = (reduce_dim){p->outer[d].size, step, p->outer[d].ys, p->outer[d].reduced};
        p->outer[d].ys = step;
        step *= p->outer[d].size;
    }
    size_t bytes = (size_t)(step * p->item);
    p->y = tp__buffer_alloc(bytes);
    if (!p->y) {
        tp__error_memory(op, bytes);
        return false;
    }
    reduce_pass_run(p);
    reduce_dim dims[TP_MAX_DIMS + 2];
    int count = 0;
    for (int i = n - 1; i >= 0; i--)
        if (left[i].size != 1) dims[count++] = left[i];
    bool done = reduce_dims_run(op, kind, dtype, p->y, y, dims, count);
    tp__buffer_free(p->y, bytes);
    return done;
}

static bool reduce_dims_run(const char *op, tp__reduce_kind kind, tp_dtype dtype, const char *x, char *y,
                            reduce_dim *dims, int count) {
    count = reduce_merge(dims, count);
    int r = -1, reduced = 0;
    for (int i = 0; i < count; i++) {
        if (!dims[i].reduced) continue;
        r = i;
        reduced++;
    }
    if (r < 0) { /* a copy: the reduction of one line */
        r = count++;
        dims[r] = (reduce_dim){1, 0, 0, true};
        reduced = 1;
    }
    int inner = reduce_choose(dims, count, r);
    bool rows = inner < 0 || dims[inner].xs != 1 || dims[r].xs == 1;
    reduce_pass p = {
        .x = x, .y = y, .item = (int64_t)tp__itemsize(dtype), .n = dims[r].size, .step = dims[r].xs};
    p.rows = rows ? tp__kern->reduce->rows[kind][dtype] : NULL;
    p.cols = rows ? NULL : tp__kern->reduce->cols[kind][dtype];
    p.inner = inner < 0 ? (reduce_dim){1, 0, 0, false} : dims[inner];
    int64_t panels = p.inner.size / REDUCE_PANEL;
    p.lanes = rows ? p.inner.size : panels > 0 ? panels : 1;
    for (int i = 0; i < count; i++)
        if (i != r && i != inner) p.outer[p.outer_count++] = dims[i];
    reduce_split(&p);
    if (reduced > 1 || p.chunks > 1) return reduce_staged(op, kind, dtype, &p, y);
    reduce_pass_run(&p);
    return true;
}

bool tp__reduce(const char *op, tp__reduce_kind kind, const tp_tensor *x, const bool mask[TP_MAX_DIMS],
                tp_tensor *y) {
    if (y->numel == 0) return true;
    tp_dtype dtype = (tp_dtype)x->dtype;
    if (x->numel == 0) {
        memset(tp__data(y), 0, (size_t)y->numel * tp__itemsize(dtype));
        return true;
    }
    reduce_dim dims[TP_MAX_DIMS + 2]; /* room for the dims that staging adds */
    int64_t ys[TP_MAX_DIMS], step = 1;
    for (int i = x->shape.ndim - 1; i >= 0; i--) {
        ys[i] = mask[i] ? 0 : step;
        if (!mask[i]) step *= x->shape.dims[i];
    }
    int count = 0;
    for (int i = 0; i < x->shape.ndim; i++)
        if (x->shape.dims[i] != 1)
            dims[count++] = (reduce_dim){x->shape.dims[i], x->strides[i], ys[i], mask[i]};
    return reduce_dims_run(op, kind, dtype, tp__data(x), tp__data(y), dims, count);
}

tp_tensor *tp__reduce_rows(const char *op, tp_tensor *x, const bool mask[TP_MAX_DIMS], tp_dtype dtype) {
    tp_shape shape = {x->shape.ndim, {0}};
    int64_t strides[TP_MAX_DIMS];
    int n = 0;
    bool moved = false;
    for (int reduced = 0; reduced < 2; reduced++) {
        for (int i = 0; i < x->shape.ndim; i++) {
            if (mask[i] != (bool)reduced) continue;
            moved |= n != i;
            shape.dims[n] = x->shape.dims[i];
            strides[n++] = x->strides[i];
        }
    }
    if (moved) x = tp__tensor_alias(op, x, shape, strides, x->offset);
    return x ? tp__packed(op, x, dtype) : NULL;
}

/* ---- sums of functions of the elements -------------------------------------------------------------- */

typedef struct reduce_parts_job {
    tp__row_part_fn *part;
    const void *context;
    char *out;
    int64_t n, chunks, item;
} reduce_parts_job;

static void reduce_parts_range(void *context, int64_t begin, int64_t end, int worker) {
    const reduce_parts_job *job = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = i / job->chunks, from = i % job->chunks * TP__REDUCE_CHUNK, left = job->n - from;
        job->part(job->context, row, from, left < TP__REDUCE_CHUNK ? left : TP__REDUCE_CHUNK,
                  job->out + i * job->item);
    }
}

bool tp__reduce_parts(const char *op, tp_dtype dtype, int64_t rows, int64_t n, tp__row_part_fn *part,
                      const void *context, void *out) {
    int64_t item = (int64_t)tp__itemsize(dtype), chunks = (n + TP__REDUCE_CHUNK - 1) / TP__REDUCE_CHUNK;
    if (n == 0) memset(out, 0, (size_t)(rows * item));
    if (n == 0 || rows == 0) return true;
    reduce_parts_job job = {part, context, out, n, chunks, item};
    size_t bytes = (size_t)(rows * chunks * item);
    if (chunks > 1 && !(job.out = tp__buffer_alloc(bytes))) {
        tp__error_memory(op, bytes);
        return false;
    }
    tp__parallel_for(rows * chunks, REDUCE_GRAIN / (n < TP__REDUCE_CHUNK ? n : TP__REDUCE_CHUNK),
                     reduce_parts_range, &job);
    if (chunks > 1) {
        tp__kern->reduce->rows[TP__SUM][dtype](rows, chunks, job.out, chunks, 1, out, 1);
        tp__buffer_free(job.out, bytes);
    }
    return true;
}
