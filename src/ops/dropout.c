/* Dropout. */
#include "kernels/norm.h"

#include <math.h>

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

/* ---- channels --------------------------------------------------------------------------------------------------- */

static bool dropout_check(const char *op, const tp_tensor *x, double p) {
    if (!(p >= 0 && p <= 1)) TP_FAIL(TP_ERR_ARGUMENT, op, "probability %g is not in [0, 1]", p);
    return tp__require_floating(op, "x", x);
}

/* Zeros and ones, drawn for the first `dims` dims of x and the same along the others, a constant. */
static tp_tensor *dropout_noise(const tp_tensor *x, double p, int dims, tp_generator *generator) {
    tp_shape shape = x->shape;
    for (int d = dims; d < shape.ndim; d++) shape.dims[d] = 1;
    return tp_bernoulli(1 - p, shape, (tp_dtype)x->dtype, generator);
}

static tp_tensor *dropout_channels(const char *op, tp_tensor *x, int spatial, bool unbatched, double p,
                                   bool training, tp_generator *generator) {
    TP_REQUIRE(x, op);
    if (!dropout_check(op, x, p)) return NULL;
    int n = x->shape.ndim;
    if (n != spatial + 2 && !(unbatched && n == spatial + 1))
        TP_FAIL(TP_ERR_SHAPE, op, "x must have %d dims%s, got %s", spatial + 2,
                unbatched ? ", or one less without N" : "", tp__shape_text(x->shape));
    if (!training || p == 0) return x;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *noise = dropout_noise(x, p, n - spatial, generator);
    if (noise && p < 1) noise = tp_mul_scalar(noise, 1 / (1 - p));
    return tp_scope_return(s, noise ? tp_mul(x, noise) : NULL);
}

tp_tensor *tp_dropout1d(tp_tensor *x, double p, bool training, tp_generator *generator) {
    return dropout_channels("dropout1d", x, 1, true, p, training, generator);
}

tp_tensor *tp_dropout2d(tp_tensor *x, double p, bool training, tp_generator *generator) {
    return dropout_channels("dropout2d", x, 2, false, p, training, generator);
}

tp_tensor *tp_dropout3d(tp_tensor *x, double p, bool training, tp_generator *generator) {
    return dropout_channels("dropout3d", x, 3, true, p, training, generator);
}

/* ---- alpha dropout ------------------------------------------------------------------------------------------------ */

/* With q = 1 - p and l SELU's limit: a (x mask + l (1 - mask)) + b, a = 1 / sqrt(q (1 + p l^2)), b = -a p l. */
static tp_tensor *alpha_apply(tp_tensor *x, double p, int dims, tp_generator *generator) {
    const double limit = -1.7580993408473766;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *mask = dropout_noise(x, p, dims, generator), *y = NULL;
    if (mask && p == 1) {
        y = tp_mul_scalar(x, 0);
    } else if (mask) {
        double a = 1 / sqrt((1 - p) * (1 + p * limit * limit));
        tp_tensor *shift = tp_add_scalar(tp_mul_scalar(mask, -limit * a), (1 - p) * limit * a);
        y = tp_add(tp_mul(x, tp_mul_scalar(mask, a)), shift);
    }
    return tp_scope_return(s, y);
}

tp_tensor *tp_alpha_dropout(tp_tensor *x, double p, bool training, tp_generator *generator) {
    const char *op = "alpha_dropout";
    TP_REQUIRE(x, op);
    if (!dropout_check(op, x, p)) return NULL;
    return training && p > 0 ? alpha_apply(x, p, x->shape.ndim, generator) : x;
}

tp_tensor *tp_feature_alpha_dropout(tp_tensor *x, double p, bool training, tp_generator *generator) {
    const char *op = "feature_alpha_dropout";
    TP_REQUIRE(x, op);
    if (!dropout_check(op, x, p)) return NULL;
    if (x->shape.ndim < 2)
        TP_FAIL(TP_ERR_SHAPE, op, "x must be (N, C, ...), got %s", tp__shape_text(x->shape));
    return training && p > 0 ? alpha_apply(x, p, 2, generator) : x;
}
