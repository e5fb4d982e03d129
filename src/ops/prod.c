/* Products over any dims. */
#include "core/alloc.h"
#include "ops/reduce.h"
#include "ops/scan.h"
#include "taper/tensor.h"

/* ---- the gradient ------------------------------------------------------------------------------------- */

/* The order of dims that brings the reduced ones behind the others, and the order that takes it back. */
static void prod_orders(const bool mask[TP_MAX_DIMS], int ndim, tp_dims *there, tp_dims *back) {
    *there = *back = TP_NO_DIMS;
    for (int reduced = 0; reduced < 2; reduced++)
        for (int i = 0; i < ndim; i++)
            if (mask[i] == (bool)reduced) there->items[there->count++] = i;
    back->count = ndim;
    for (int i = 0; i < ndim; i++) back->items[there->items[i]] = i;
}

/* The product of those before each element of a row times that of those behind it: no division, so that it is
 * right whatever is zero. In F64, where F32 does not overflow on the way. */
static tp_tensor *prod_others(tp_tensor *rows) {
    tp_tensor *wide = tp_to_dtype(rows, TP_F64);
    if (!wide) return NULL;
    tp__scan_attr from_start = {wide->shape.ndim - 1, false}, from_end = {wide->shape.ndim - 1, true};
    return tp_mul(tp__shift(tp__cumprod(wide, &from_start), &from_start, 1),
                  tp__shift(tp__cumprod(wide, &from_end), &from_end, 1));
}

static void prod_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp__reduce_attr *a = tp__attr(ctx);
    tp_tensor *x = tp__input(ctx, 0), *dy = tp__unreduce(g[0], a->mask, a->keepdim);
    if (!x || !dy) return;
    if (x->shape.ndim == 0 || x->numel == 0) {
        dx[0] = tp_expand(dy, x->shape);
        return;
    }
    tp_dims there, back;
    prod_orders(a->mask, x->shape.ndim, &there, &back);
    tp_shape rows = tp__reduced_shape(x->shape, a->mask, false);
    rows.dims[rows.ndim++] = tp__reduced_count(x->shape, a->mask);
    tp_tensor *moved = tp_permute(x, there);
    tp_tensor *others = prod_others(tp_reshape(moved, rows));
    if (!others) return;
    dx[0] = tp_mul(dy, tp_permute(tp_reshape(others, moved->shape), back));
}

typedef struct prod_back_job {
    const char *x;
    const double *g;
    double *dx;
    int64_t n;
    bool single;
} prod_back_job;

static void prod_back_range(void *context, int64_t begin, int64_t end, int worker) {
    const prod_back_job *job = context;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        const float *x = (const float *)(const void *)job->x + r * job->n;
        const double *wide = (const double *)(const void *)job->x + r * job->n;
        double *dx = job->dx + r * job->n, before = 1, behind = 1;
        for (int64_t i = 0; i < job->n; i++) {
            dx[i] = before;
            before *= job->single ? (double)x[i] : wide[i];
        }
        for (int64_t i = job->n - 1; i >= 0; i--) {
            dx[i] = job->g[r] * (dx[i] * behind);
            behind *= job->single ? (double)x[i] : wide[i];
        }
    }
}

/* The same in two passes over rows. */
static void prod_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const char *op = "prod";
    const tp__reduce_attr *a = tp__attr(ctx);
    tp_tensor *x = tp__input(ctx, 0);
    if (!x) return;
    if (x->shape.ndim == 0 || x->numel == 0) {
        prod_vjp(ctx, g, dx);
        return;
    }
    tp_tensor *rows = tp__reduce_rows(op, x, a->mask, (tp_dtype)x->dtype);
    tp_tensor *dy = rows ? tp__packed(op, g[0], TP_F64) : NULL;
    tp_tensor *others = dy ? tp__tensor_new(op, rows->shape, TP_F64) : NULL;
    if (!others) return;
    prod_back_job job = {.x = tp__data(rows),
                         .g = (const double *)(const void *)tp__data(dy),
                         .dx = (double *)(void *)tp__data(others),
                         .n = tp__reduced_count(x->shape, a->mask),
                         .single = x->dtype == TP_F32};
    tp__parallel_for(x->numel / job.n, TP__REDUCE_CHUNK / job.n, prod_back_range, &job);
    tp_dims there, back;
    prod_orders(a->mask, x->shape.ndim, &there, &back);
    dx[0] = tp_permute(tp__cast(op, others, (tp_dtype)x->dtype), back);
}

static const tp__op prod_op = {.name = "prod",
                               .vjp = prod_vjp,
                               .vjp_fused = prod_vjp_fused,
                               .save_inputs = TP__ALL};
static const tp__op prod_dim_op = {.name = "prod_dim",
                                   .vjp = prod_vjp,
                                   .vjp_fused = prod_vjp_fused,
                                   .save_inputs = TP__ALL};

/* ---- the value ---------------------------------------------------------------------------------------- */

/* Rows in pieces, whose borders depend on the shape alone, each a product of 8 bytes. */
typedef struct prod_job {
    const char *x;
    char *parts;
    int64_t n, chunks, chunk;
    void (*line)(int64_t n, const void *x, void *y);
} prod_job;

#define PROD_LANES 16
#define PROD_LINE(suffix, type, total)                                                                       \
    static void prod_##suffix(int64_t n, const void *x_, void *y) {                                          \
        const type *x = x_;                                                                                  \
        total p[PROD_LANES];                                                                                 \
        int64_t i = 0;                                                                                       \
        for (int k = 0; k < PROD_LANES; k++) p[k] = 1;                                                       \
        for (; i + PROD_LANES <= n; i += PROD_LANES)                                                         \
            for (int k = 0; k < PROD_LANES; k++) p[k] *= (total)x[i + k];                                    \
        for (; i < n; i++) p[0] *= (total)x[i];                                                              \
        for (int half = PROD_LANES / 2; half > 0; half /= 2)                                                 \
            for (int k = 0; k < half; k++) p[k] *= p[k + half];                                              \
        *(total *)y = p[0];                                                                                  \
    }
PROD_LINE(f32, float, double)
PROD_LINE(f64, double, double)
PROD_LINE(i64, int64_t, uint64_t)
#undef PROD_LINE
#undef PROD_LANES

static void prod_range(void *context, int64_t begin, int64_t end, int worker) {
    const prod_job *job = context;
    (void)worker;
    int64_t item = job->line == prod_f32 ? 4 : 8;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = i / job->chunks, from = i % job->chunks * job->chunk, left = job->n - from;
        job->line(left < job->chunk ? left : job->chunk, job->x + (row * job->n + from) * item,
                  job->parts + i * 8);
    }
}

/* y = the products of the rows of n > 0 elements. */
static bool prod_run(const char *op, const tp_tensor *rows, int64_t n, tp_tensor *y) {
    tp_dtype dtype = (tp_dtype)y->dtype;
    prod_job job = {.x = tp__data(rows), .n = n, .chunk = n < 2 * TP__REDUCE_CHUNK ? n : TP__REDUCE_CHUNK};
    job.chunks = (n + job.chunk - 1) / job.chunk;
    job.line = dtype == TP_F32 ? prod_f32 : dtype == TP_F64 ? prod_f64 : prod_i64;
    size_t bytes = (size_t)(y->numel * job.chunks * 8);
    job.parts = tp__buffer_alloc(bytes);
    if (!job.parts) {
        tp__error_memory(op, bytes);
        return false;
    }
    tp__parallel_for(y->numel * job.chunks, 2 * TP__REDUCE_CHUNK / job.chunk, prod_range, &job);
    for (int64_t r = 0; r < y->numel; r++) {
        double product;
        char *part = job.parts + r * job.chunks * 8;
        (dtype == TP_I64 ? prod_i64 : prod_f64)(job.chunks, part,
                                                dtype == TP_F32 ? (char *)&product : tp__data(y) + r * 8);
        if (dtype == TP_F32) ((float *)(void *)tp__data(y))[r] = (float)product;
    }
    tp__buffer_free(job.parts, bytes);
    return true;
}

static tp_tensor *prod_some(const tp__op *op, tp_tensor *x, tp_dims dims, bool keepdim) {
    TP_REQUIRE(x, op->name);
    tp__reduce_attr a;
    if (!tp__reduce_attr_init(op->name, x, dims, keepdim, &a)) return NULL;
    tp_dtype dtype = tp__is_floating((tp_dtype)x->dtype) ? (tp_dtype)x->dtype : TP_I64;
    tp_shape shape = tp__reduced_shape(x->shape, a.mask, keepdim);
    int64_t n = tp__reduced_count(x->shape, a.mask);
    if (n == 0) return tp__record(op, tp_ones(shape, dtype), TP__INPUTS(x), &a, sizeof a);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *rows = tp__reduce_rows(op->name, x, a.mask, dtype);
    tp_tensor *y = rows ? tp__tensor_new(op->name, shape, dtype) : NULL;
    if (y && !prod_run(op->name, rows, n, y)) y = NULL;
    return tp_scope_return(scope, tp__record(op, y, TP__INPUTS(x), &a, sizeof a));
}

tp_tensor *tp_prod(tp_tensor *x) { return prod_some(&prod_op, x, TP_NO_DIMS, false); }

tp_tensor *tp_prod_dim(tp_tensor *x, tp_dims dims, bool keepdim) {
    return prod_some(&prod_dim_op, x, dims, keepdim);
}
