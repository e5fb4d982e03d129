/* Samples of linalg.h. */
#include "support/sample.h"

SAMPLE_RUN(run_matmul, tp_matmul(in[0], in[1]))
SAMPLE_RUN(run_linear, tp_linear(in[0], in[1], in[2]))
SAMPLE_RUN(run_dot, tp_dot(in[0], in[1]))
SAMPLE_RUN(run_outer, tp_outer(in[0], in[1]))

/* The leading dims of a matmul operand, without the last two (vectors have none). */
static tp_shape batch_of(tp_shape shape) {
    shape.ndim = shape.ndim > 2 ? shape.ndim - 2 : 0;
    return shape;
}

static void ref_matmul(const sample *row, const dense *in, dense *out) {
    (void)row;
    tp_shape a = in[0].shape, b = in[1].shape;
    int64_t m = a.ndim > 1 ? a.dims[a.ndim - 2] : 1, inner = a.dims[a.ndim - 1];
    int64_t p = b.ndim > 1 ? b.dims[b.ndim - 1] : 1;
    tp_shape batch_a = batch_of(a), batch_b = batch_of(b), batch = dense_broadcast_shape(batch_a, batch_b);
    tp_shape shape = batch;
    if (a.ndim > 1) shape.dims[shape.ndim++] = m;
    if (b.ndim > 1) shape.dims[shape.ndim++] = p;
    double *y = dense_new(out, shape);
    for (int64_t n = 0; m * p > 0 && n < out->numel / (m * p); n++) {
        const double *x = in[0].data + dense_broadcast(batch_a, batch, n) * m * inner;
        const double *w = in[1].data + dense_broadcast(batch_b, batch, n) * inner * p;
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < p; j++)
                for (int64_t k = 0; k < inner; k++) y[(n * m + i) * p + j] += x[i * inner + k] * w[k * p + j];
    }
}

static void ref_linear(const sample *row, const dense *in, dense *out) {
    (void)row;
    int64_t outputs = in[1].shape.dims[0], inputs = in[1].shape.dims[1];
    tp_shape shape = in[0].shape;
    shape.dims[shape.ndim - 1] = outputs;
    double *y = dense_new(out, shape);
    for (int64_t n = 0; n < out->numel; n++) {
        int64_t r = n / outputs, o = n % outputs;
        y[n] = in[2].data ? in[2].data[o] : 0;
        for (int64_t k = 0; k < inputs; k++) y[n] += in[0].data[r * inputs + k] * in[1].data[o * inputs + k];
    }
}

static void ref_dot(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, TP_SCALAR_SHAPE);
    for (int64_t k = 0; k < in[0].numel; k++) y[0] += in[0].data[k] * in[1].data[k];
}

static void ref_outer(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, TP_SHAPE(in[0].numel, in[1].numel));
    for (int64_t n = 0; n < out->numel; n++) y[n] = in[0].data[n / in[1].numel] * in[1].data[n % in[1].numel];
}

/* Tables, laid out by hand. */
/* clang-format off */
#define MATMUL(what, a, b) {"matmul", what, run_matmul, ref_matmul, {a, b}}
#define MATMUL_LARGE(what, a, b)                                                                             \
    {"matmul", what, run_matmul, ref_matmul, {a, b}, .flags = SAMPLE_LARGE, .tol_f32 = 2e-4}
#define OF(...) FLOATS(-1.5, 1.5, __VA_ARGS__)
#define BIAS(...) {FLOAT_IN(-1.5, 1.5), SHAPE(__VA_ARGS__), .optional = true}

static const sample linalg_rows[] = {
    MATMUL("vector vector", OF(5), OF(5)),
    MATMUL("matrix vector", OF(3, 4), OF(4)),
    MATMUL("vector matrix", OF(3), OF(3, 4)),
    MATMUL("matrix matrix", OF(3, 4), OF(4, 5)),
    MATMUL("one by one", OF(1, 1), OF(1, 1)),
    MATMUL("column row", OF(4, 1), OF(1, 5)),
    MATMUL("row column", OF(1, 6), OF(6, 1)),
    MATMUL("batch matrix", OF(2, 3, 4), OF(4, 2)),
    MATMUL("batch vector", OF(2, 3, 4), OF(4)),
    MATMUL("vector batch", OF(3), OF(2, 3, 4)),
    MATMUL("matrix batch", OF(3, 4), OF(2, 4, 2)),
    MATMUL("batch batch", OF(2, 3, 4), OF(2, 4, 2)),
    MATMUL("batch stretched", OF(1, 3, 4), OF(3, 4, 2)),
    MATMUL("batches outer", OF(2, 1, 2, 3), OF(1, 3, 3, 2)),
    MATMUL("batches of unlike rank", OF(2, 2, 2, 3), OF(2, 3, 2)),
    MATMUL("five dims", OF(2, 1, 2, 2, 3), OF(3, 1, 3, 2)),
    MATMUL("no rows", OF(0, 4), OF(4, 3)),
    MATMUL("no columns", OF(3, 4), OF(4, 0)),
    MATMUL("inner size zero", OF(3, 0), OF(0, 2)),
    MATMUL("empty vectors", OF(0), OF(0)),
    MATMUL("empty batch", OF(0, 3, 4), OF(4, 2)),
    MATMUL("batch with inner size zero", OF(2, 3, 0), OF(2, 0, 2)),
    {"matmul", "integers", run_matmul, ref_matmul, {INTS(-9, 9, 2, 3, 4), INTS(-9, 9, 4, 2)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
    {"matmul", "int32, vector", run_matmul, ref_matmul, {{.kind = SAMPLE_I32, .lo = -9, .hi = 9, SHAPE(5)}, {.kind = SAMPLE_I32, .lo = -9, .hi = 9, SHAPE(5, 3)}},
     .flags = SAMPLE_NO_GRAD, .dtype = "int32"},
    {"matmul", "integers promoted", run_matmul, ref_matmul, {{.kind = SAMPLE_U8, .lo = 0, .hi = 9, SHAPE(2, 3)}, INTS(-9, 9, 3, 3)},
     .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
    {"matmul", "bytes", run_matmul, ref_matmul, {{.kind = SAMPLE_U8, .lo = 0, .hi = 6, SHAPE(2, 0)}, {.kind = SAMPLE_U8, .lo = 0, .hi = 6, SHAPE(0, 3)}},
     .flags = SAMPLE_NO_GRAD, .dtype = "uint8"},
    {"matmul", "large, integers", run_matmul, ref_matmul, {INTS(-99, 99, 130, 70), INTS(-99, 99, 70, 90)},
     .flags = SAMPLE_NO_GRAD | SAMPLE_LARGE, .dtype = "int64"},
    {"dot", "integers", run_dot, ref_dot, {INTS(-9, 9, 7), INTS(-9, 9, 7)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
    MATMUL("odd sizes", OF(17, 19), OF(19, 23)),
    MATMUL_LARGE("large", OF(301, 257), OF(257, 263)),
    MATMUL_LARGE("large, long inner", OF(33, 5000), OF(5000, 17)),
    MATMUL_LARGE("large, tall", OF(5003, 40), OF(40, 10)),
    MATMUL_LARGE("large matrix vector", OF(1031, 517), OF(517)),
    MATMUL_LARGE("large vector matrix", OF(1031), OF(1031, 517)),
    MATMUL_LARGE("large dot", OF(100003), OF(100003)),
    MATMUL_LARGE("large batch", OF(37, 64, 33), OF(37, 33, 65)),
    MATMUL_LARGE("large batch stretched", OF(37, 64, 33), OF(33, 65)),
    {"linear", "matrix", run_linear, ref_linear, {OF(4, 3), OF(5, 3), BIAS(5)}},
    {"linear", "vector", run_linear, ref_linear, {OF(3), OF(4, 3), BIAS(4)}},
    {"linear", "more dims", run_linear, ref_linear, {OF(2, 2, 3), OF(4, 3), BIAS(4)}},
    {"linear", "no bias", run_linear, ref_linear, {OF(4, 3), OF(2, 3), ABSENT}},
    {"linear", "one output", run_linear, ref_linear, {OF(4, 3), OF(1, 3), BIAS(1)}},
    {"linear", "no rows", run_linear, ref_linear, {OF(0, 3), OF(2, 3), BIAS(2)}},
    {"linear", "no inputs", run_linear, ref_linear, {OF(4, 0), OF(2, 0), BIAS(2)}},
    {"linear", "no outputs", run_linear, ref_linear, {OF(4, 3), OF(0, 3), BIAS(0)}},
    {"linear", "large", run_linear, ref_linear, {OF(131, 785), OF(129, 785), BIAS(129)},
     .flags = SAMPLE_LARGE,
     .tol_f32 = 2e-4},
    {"linear", "large, many rows", run_linear, ref_linear, {OF(5000, 64), OF(10, 64), BIAS(10)},
     .flags = SAMPLE_LARGE, .tol_f32 = 2e-3},
    {"dot", "", run_dot, ref_dot, {OF(7), OF(7)}},
    {"dot", "one element", run_dot, ref_dot, {OF(1), OF(1)}},
    {"dot", "nothing", run_dot, ref_dot, {OF(0), OF(0)}},
    {"dot", "large", run_dot, ref_dot, {OF(200003), OF(200003)}, .flags = SAMPLE_LARGE, .tol_f32 = 1e-3},
    {"outer", "", run_outer, ref_outer, {OF(4), OF(3)}},
    {"outer", "nothing", run_outer, ref_outer, {OF(4), OF(0)}},
    {"outer", "integers", run_outer, ref_outer, {INTS(-9, 9, 4), INTS(-9, 9, 3)}, .flags = SAMPLE_NO_GRAD},
    {"outer", "large", run_outer, ref_outer, {OF(700), OF(800)}, .flags = SAMPLE_LARGE, .tol_f32 = 1e-3},
};
/* clang-format on */

SAMPLE_FAMILY(linalg, linalg_rows)
