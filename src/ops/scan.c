/* Running sums. */
#include "ops/scan.h"

#include <math.h>

#include "taper/index.h"

/* ---- what all scans share ----------------------------------------------------------------------------- */

typedef struct scan_job {
    const char *x, *other;
    char *y;
    int64_t *indices;
    int64_t n, inner, strips, item;
    bool reverse;
    tp__scan_fn *scan;
} scan_job;

static void scan_range(void *context, int64_t begin, int64_t end, int worker) {
    const scan_job *job = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        int64_t column = i % job->strips * TP__SCAN_WIDTH, left = job->inner - column;
        int64_t at = i / job->strips * job->n * job->inner + column;
        if (job->reverse) at += (job->n - 1) * job->inner;
        tp__scan_strip strip = {.n = job->n,
                                .step = job->reverse ? -job->inner : job->inner,
                                .x = job->x + at * job->item,
                                .other = job->other ? job->other + at * job->item : NULL,
                                .y = job->y + at * job->item,
                                .indices = job->indices ? job->indices + at : NULL};
        job->scan(&strip, left < TP__SCAN_WIDTH ? (int)left : TP__SCAN_WIDTH);
    }
}

void tp__scan_run(const tp__scan_attr *a, tp__scan_fn *scan, const tp_tensor *x, const tp_tensor *other,
                  tp_tensor *y, tp_tensor *indices) {
    if (x->numel == 0) return;
    scan_job job = {.x = tp__data(x),
                    .other = other ? tp__data(other) : NULL,
                    .y = tp__data(y),
                    .indices = indices ? tp__data_i64(indices) : NULL,
                    .n = x->shape.ndim > 0 ? x->shape.dims[a->dim] : 1,
                    .inner = 1,
                    .item = (int64_t)tp__itemsize((tp_dtype)x->dtype),
                    .reverse = a->reverse,
                    .scan = scan};
    for (int i = a->dim + 1; i < x->shape.ndim; i++) job.inner *= x->shape.dims[i];
    job.strips = (job.inner + TP__SCAN_WIDTH - 1) / TP__SCAN_WIDTH;
    int64_t width = job.inner < TP__SCAN_WIDTH ? job.inner : TP__SCAN_WIDTH;
    tp__parallel_for(x->numel / job.n / job.inner * job.strips, 32768 / (job.n * width), scan_range, &job);
}

tp_tensor *tp__shift(tp_tensor *x, const tp__scan_attr *a, double fill) {
    TP_REQUIRE(x, "shift");
    if (x->shape.ndim == 0) return tp_full_like(x, fill);
    tp_shape pads = a->reverse ? TP_SHAPE(-1, 1) : TP_SHAPE(1, -1);
    return tp_transpose(tp_pad(tp_transpose(x, a->dim, -1), pads, fill), a->dim, -1);
}

/* ---- cumsum ------------------------------------------------------------------------------------------- */

#define CUMSUM_ADD(a, b) ((a) + (b))
/* In double, so that only the results are rounded. */
TP__SCAN_SIMPLE(cumsum_f32, float, double, 0, CUMSUM_ADD)
TP__SCAN_SIMPLE(cumsum_i64, int64_t, uint64_t, 0, CUMSUM_ADD)
#undef CUMSUM_ADD

/* With what each addition loses carried along (Neumaier), until a sum is infinite or NaN. */
TP__SCAN(cumsum_f64) {
    const double *x = s->x;
    double *y = s->y, total[TP__SCAN_WIDTH], lost[TP__SCAN_WIDTH];
    for (int c = 0; c < width; c++) total[c] = lost[c] = 0;
    for (int64_t i = 0; i < s->n; i++)
        for (int c = 0; c < width; c++) {
            double v = x[i * s->step + c], before = total[c], sum = before + v;
            bool larger = fabs(before) >= fabs(v);
            double loss = ((larger ? before : v) - sum) + (larger ? v : before);
            lost[c] = isfinite(sum) ? lost[c] + loss : 0;
            total[c] = sum;
            y[i * s->step + c] = sum + lost[c];
        }
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
    tp__scan_fn *scan = dtype == TP_F32 ? cumsum_f32 : dtype == TP_F64 ? cumsum_f64 : cumsum_i64;
    if (y) tp__scan_run(a, scan, packed, NULL, y, NULL);
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
    TP__SCAN(recurrence_##suffix) {                                                                          \
        const type *a = s->x, *b = s->other;                                                                 \
        type *y = s->y;                                                                                      \
        double h[TP__SCAN_WIDTH];                                                                            \
        for (int c = 0; c < width; c++) h[c] = (double)(y[c] = b[c]);                                        \
        for (int64_t i = 1; i < s->n; i++)                                                                   \
            for (int c = 0; c < width; c++) {                                                                \
                h[c] = (double)b[i * s->step + c] + (double)a[i * s->step + c] * h[c];                       \
                y[i * s->step + c] = (type)h[c];                                                             \
            }                                                                                                \
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
