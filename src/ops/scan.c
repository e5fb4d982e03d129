/* Running sums. */
#include "ops/scan.h"

#include <math.h>

#include "taper/index.h"

/* ---- what all scans share ----------------------------------------------------------------------------- */

typedef struct scan_job {
    const char *x, *other;
    char *y;
    int64_t *indices;
    int64_t n, inner, item;
    bool reverse;
    tp__scan_fn *line;
} scan_job;

static void scan_range(void *context, int64_t begin, int64_t end, int worker) {
    const scan_job *job = context;
    (void)worker;
    for (int64_t lane = begin; lane < end; lane++) {
        int64_t at = lane / job->inner * job->n * job->inner + lane % job->inner;
        if (job->reverse) at += (job->n - 1) * job->inner;
        tp__scan_line line = {.n = job->n,
                              .step = job->reverse ? -job->inner : job->inner,
                              .x = job->x + at * job->item,
                              .other = job->other ? job->other + at * job->item : NULL,
                              .y = job->y + at * job->item,
                              .indices = job->indices ? job->indices + at : NULL};
        job->line(&line);
    }
}

void tp__scan_run(const tp__scan_attr *a, tp__scan_fn *line, const tp_tensor *x, const tp_tensor *other,
                  tp_tensor *y, tp_tensor *indices) {
    if (x->numel == 0) return;
    scan_job job = {.x = tp__data(x),
                    .other = other ? tp__data(other) : NULL,
                    .y = tp__data(y),
                    .indices = indices ? (int64_t *)(void *)tp__data(indices) : NULL,
                    .n = x->shape.ndim > 0 ? x->shape.dims[a->dim] : 1,
                    .inner = 1,
                    .item = (int64_t)tp__itemsize((tp_dtype)x->dtype),
                    .reverse = a->reverse,
                    .line = line};
    for (int i = a->dim + 1; i < x->shape.ndim; i++) job.inner *= x->shape.dims[i];
    tp__parallel_for(x->numel / job.n, 32768 / job.n, scan_range, &job);
}

tp_tensor *tp__shift(tp_tensor *x, const tp__scan_attr *a, double fill) {
    TP_REQUIRE(x, "shift");
    if (x->shape.ndim == 0) return tp_full_like(x, fill);
    tp_shape pads = a->reverse ? TP_SHAPE(-1, 1) : TP_SHAPE(1, -1);
    return tp_transpose(tp_pad(tp_transpose(x, a->dim, -1), pads, fill), a->dim, -1);
}

/* ---- cumsum ------------------------------------------------------------------------------------------- */

/* In double, so that only the results are rounded. */
static void cumsum_f32(const tp__scan_line *line) {
    const float *x = line->x;
    float *y = line->y;
    double total = 0;
    for (int64_t i = 0; i < line->n; i++) y[i * line->step] = (float)(total += (double)x[i * line->step]);
}

/* With what each addition loses carried along (Neumaier), until a sum is infinite or NaN. */
static void cumsum_f64(const tp__scan_line *line) {
    const double *x = line->x;
    double *y = line->y, total = 0, lost = 0;
    for (int64_t i = 0; i < line->n; i++) {
        double v = x[i * line->step], sum = total + v, big = fabs(total) >= fabs(v) ? total : v;
        lost = isfinite(sum) ? lost + ((big - sum) + (big == total ? v : total)) : 0;
        total = sum;
        y[i * line->step] = total + lost;
    }
}

static void cumsum_i64(const tp__scan_line *line) {
    const int64_t *x = line->x;
    int64_t *y = line->y;
    uint64_t total = 0;
    for (int64_t i = 0; i < line->n; i++) y[i * line->step] = (int64_t)(total += (uint64_t)x[i * line->step]);
}

static void cumsum_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx);

static const tp__op cumsum_op = {.name = "cumsum", .vjp = cumsum_vjp};

static tp_tensor *cumsum_along(tp_tensor *x, const tp__scan_attr *a) {
    const char *op = "cumsum";
    TP_REQUIRE(x, op);
    tp_dtype dtype = tp__is_floating((tp_dtype)x->dtype) ? (tp_dtype)x->dtype : TP_I64;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *packed = tp__packed(op, x, dtype);
    tp_tensor *y = packed ? tp__tensor_new(op, x->shape, dtype) : NULL;
    tp__scan_fn *line = dtype == TP_F32 ? cumsum_f32 : dtype == TP_F64 ? cumsum_f64 : cumsum_i64;
    if (y) tp__scan_run(a, line, packed, NULL, y, NULL);
    return tp_scope_return(scope, tp__record(&cumsum_op, y, TP__INPUTS(x), a, sizeof *a));
}

static void cumsum_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__scan_attr a = *(const tp__scan_attr *)tp__attr(ctx);
    a.reverse = !a.reverse;
    dx[0] = cumsum_along(g[0], &a);
}

tp_tensor *tp_cumsum(tp_tensor *x, int dim) {
    TP_REQUIRE(x, "cumsum");
    dim = tp__wrap_dim("cumsum", dim, x->shape.ndim);
    return dim < 0 ? NULL : cumsum_along(x, &(tp__scan_attr){dim, false});
}

/* ---- recurrence ----------------------------------------------------------------------------------------- */

/* db runs the other way with the factors one place on; da[i] = db[i] h[i-1]. */
static void recurrence_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__scan_attr here = *(const tp__scan_attr *)tp__attr(ctx), back = here;
    back.reverse = !here.reverse;
    dx[1] = tp__recurrence(tp__shift(tp__input(ctx, 0), &back, 0), g[0], &back);
    if (tp__needs(ctx, 0)) dx[0] = tp_mul(dx[1], tp__shift(tp__output(ctx, 0), &here, 0));
}

static const tp__op recurrence_op = {.name = "recurrence",
                                     .vjp = recurrence_vjp,
                                     .save_inputs = 1,
                                     .save_outputs = 1};

#define RECURRENCE(suffix, type)                                                                             \
    static void recurrence_##suffix(const tp__scan_line *line) {                                             \
        const type *a = line->x, *b = line->other;                                                           \
        type *y = line->y;                                                                                   \
        double h = (double)b[0];                                                                             \
        y[0] = b[0];                                                                                         \
        for (int64_t i = 1; i < line->n; i++) {                                                              \
            h = (double)b[i * line->step] + (double)a[i * line->step] * h;                                   \
            y[i * line->step] = (type)h;                                                                     \
        }                                                                                                    \
    }
RECURRENCE(f32, float)
RECURRENCE(f64, double)
#undef RECURRENCE

tp_tensor *tp__recurrence(tp_tensor *a, tp_tensor *b, const tp__scan_attr *attr) {
    const char *op = "recurrence";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    tp_dtype dtype = (tp_dtype)a->dtype;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *pa = tp__packed(op, a, dtype), *pb = pa ? tp__packed(op, b, dtype) : NULL;
    tp_tensor *y = pb ? tp__tensor_new(op, a->shape, dtype) : NULL;
    if (y) tp__scan_run(attr, dtype == TP_F32 ? recurrence_f32 : recurrence_f64, pa, pb, y, NULL);
    return tp_scope_return(scope, tp__record(&recurrence_op, y, TP__INPUTS(a, b), attr, sizeof *attr));
}
