/* Dropout. */
#include "kernels/norm.h"
#include "ops/ops.h"
#include "taper/norm.h"

/* y = x mask scale is linear in x, so its rule is the op itself, with the same mask. */
static tp_tensor *dropout_apply(tp_tensor *x, tp_tensor *mask, double scale);

static void dropout_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = dropout_apply(g[0], tp__input(ctx, 1), *(const double *)tp__attr(ctx));
}

static const tp__op dropout_op = {.name = "dropout", .vjp = dropout_vjp, .save_inputs = 2};

typedef struct dropout_job {
    const char *x;
    const uint8_t *mask;
    char *y;
    double scale;
    int64_t item;
    void (*kernel)(int64_t n, const void *x, const uint8_t *mask, double scale, void *y);
} dropout_job;

static void dropout_range(void *context, int64_t begin, int64_t end, int worker) {
    const dropout_job *job = context;
    (void)worker;
    job->kernel(end - begin, job->x + begin * job->item, job->mask + begin, job->scale,
                job->y + begin * job->item);
}

static tp_tensor *dropout_apply(tp_tensor *x, tp_tensor *mask, double scale) {
    const char *op = "dropout";
    TP_REQUIRE(x, op);
    TP_REQUIRE(mask, op);
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *packed = tp__packed(op, x, dtype), *y = packed ? tp__tensor_new(op, x->shape, dtype) : NULL;
    if (y) {
        dropout_job job = {tp__data(packed),
                           (const uint8_t *)tp__data(mask),
                           tp__data(y),
                           scale,
                           (int64_t)tp__itemsize(dtype),
                           tp__kern->norm->masked_scale[dtype]};
        tp__parallel_for(x->numel, 1 << 16, dropout_range, &job);
    }
    return tp_scope_return(scope, tp__record(&dropout_op, y, TP__INPUTS(x, mask), &scale, sizeof scale));
}

tp_tensor *tp_dropout(tp_tensor *x, double p, bool training, tp_generator *generator) {
    const char *op = "dropout";
    TP_REQUIRE(x, op);
    if (!(p >= 0 && p <= 1)) TP_FAIL(TP_ERR_ARGUMENT, op, "probability %g is not in [0, 1]", p);
    if (!training || p == 0) return x;
    if (!tp__require_floating(op, "x", x)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *mask = tp_bernoulli(1 - p, x->shape, TP_BOOL, generator);
    return tp_scope_return(scope, mask ? dropout_apply(x, mask, p < 1 ? 1 / (1 - p) : 0) : NULL);
}
