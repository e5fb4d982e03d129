/* Running sums. */
#include "ops/ops.h"

#include <math.h>

typedef struct cumsum_attr {
    int dim;
    bool reverse; /* from the end: the transpose, which is what the gradient is */
} cumsum_attr;

typedef struct cumsum_job {
    const char *x;
    char *y;
    int64_t n, inner;
    bool reverse;
    void (*line)(int64_t n, int64_t step, const void *x, void *y);
} cumsum_job;

/* In double, so that only the results are rounded. */
static void cumsum_f32(int64_t n, int64_t step, const void *x_, void *y_) {
    const float *x = x_;
    float *y = y_;
    double total = 0;
    for (int64_t i = 0; i < n; i++) y[i * step] = (float)(total += (double)x[i * step]);
}

/* With what each addition loses carried along (Neumaier), until a sum is infinite or NaN. */
static void cumsum_f64(int64_t n, int64_t step, const void *x_, void *y_) {
    const double *x = x_;
    double *y = y_, total = 0, lost = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = x[i * step], sum = total + v, big = fabs(total) >= fabs(v) ? total : v;
        lost = isfinite(sum) ? lost + ((big - sum) + (big == total ? v : total)) : 0;
        total = sum;
        y[i * step] = total + lost;
    }
}

static void cumsum_i64(int64_t n, int64_t step, const void *x_, void *y_) {
    const int64_t *x = x_;
    int64_t *y = y_;
    uint64_t total = 0;
    for (int64_t i = 0; i < n; i++) y[i * step] = (int64_t)(total += (uint64_t)x[i * step]);
}

static void cumsum_range(void *context, int64_t begin, int64_t end, int worker) {
    const cumsum_job *job = context;
    (void)worker;
    int64_t item = job->line == cumsum_f32 ? 4 : 8;
    for (int64_t lane = begin; lane < end; lane++) {
        int64_t at = lane / job->inner * job->n * job->inner + lane % job->inner;
        if (job->reverse) at += (job->n - 1) * job->inner;
        job->line(job->n, job->reverse ? -job->inner : job->inner, job->x + at * item, job->y + at * item);
    }
}

static void cumsum_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx);

static const tp__op cumsum_op = {.name = "cumsum", .vjp = cumsum_vjp};

static tp_tensor *cumsum_along(tp_tensor *x, const cumsum_attr *a) {
    const char *op = "cumsum";
    tp_dtype dtype = tp__is_floating((tp_dtype)x->dtype) ? (tp_dtype)x->dtype : TP_I64;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *packed = tp__packed(op, x, dtype);
    tp_tensor *y = packed ? tp__tensor_new(op, x->shape, dtype) : NULL;
    if (y && y->numel > 0) {
        cumsum_job job = {tp__data(packed), tp__data(y), 1, 1, a->reverse, NULL};
        if (x->shape.ndim > 0) job.n = x->shape.dims[a->dim];
        for (int i = a->dim + 1; i < x->shape.ndim; i++) job.inner *= x->shape.dims[i];
        job.line = dtype == TP_F32 ? cumsum_f32 : dtype == TP_F64 ? cumsum_f64 : cumsum_i64;
        tp__parallel_for(y->numel / job.n, 32768 / job.n, cumsum_range, &job);
    }
    return tp_scope_return(scope, tp__record(&cumsum_op, y, TP__INPUTS(x), a, sizeof *a));
}

static void cumsum_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    cumsum_attr a = *(const cumsum_attr *)tp__attr(ctx);
    a.reverse = !a.reverse;
    dx[0] = cumsum_along(g[0], &a);
}

tp_tensor *tp_cumsum(tp_tensor *x, int dim) {
    TP_REQUIRE(x, "cumsum");
    dim = tp__wrap_dim("cumsum", dim, x->shape.ndim);
    return dim < 0 ? NULL : cumsum_along(x, &(cumsum_attr){dim, false});
}
