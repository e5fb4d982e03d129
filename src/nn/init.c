/* Initialisers. */
#include "taper/init.h"

#include <math.h>

#include "core/scope.h"
#include "ops/ops.h"
#include "taper/autograd.h"
#include "taper/tensor.h"

/* What an in-place op would find wrong, in the name of the initialiser. */
static bool init_check(const char *op, tp_tensor *t, bool floating) {
    if (!t) {
        tp__error_null(op, "t");
        return false;
    }
    if (floating && !tp__require_floating(op, "t", t)) return false;
    if (t->node) {
        tp__error(TP_ERR_AUTOGRAD, op, "the tensor is the result of the recorded op %s", tp_grad_op_name(t));
        return false;
    }
    if (tp__inplace_check(op, t, false, "") != TP_OK) return false;
    return true;
}

static bool init_finite(const char *op, const char *what, double value) {
    if (isfinite(value)) return true;
    tp__error(TP_ERR_ARGUMENT, op, "%s is not finite: %g", what, value);
    return false;
}

static tp_tensor *init_fill(const char *op, tp_tensor *t, double value) {
    if (!init_check(op, t, false)) return NULL;
    bool before = tp_set_grad_enabled(false);
    t = tp_fill_(t, value);
    tp_set_grad_enabled(before);
    return t;
}

tp_tensor *tp_init_constant_(tp_tensor *t, double value) { return init_fill("init_constant_", t, value); }
tp_tensor *tp_init_zeros_(tp_tensor *t) { return init_fill("init_zeros_", t, 0); }
tp_tensor *tp_init_ones_(tp_tensor *t) { return init_fill("init_ones_", t, 1); }

/* tp_uniform_() and tp_normal_() with recording off. */
static tp_tensor *init_draw(tp_tensor *t, bool normal, double a, double b, tp_generator *generator) {
    bool before = tp_set_grad_enabled(false);
    t = normal ? tp_normal_(t, a, b, generator) : tp_uniform_(t, a, b, generator);
    tp_set_grad_enabled(before);
    return t;
}

tp_tensor *tp_init_uniform_(tp_tensor *t, double low, double high, tp_generator *generator) {
    const char *op = "init_uniform_";
    if (!init_check(op, t, true)) return NULL;
    if (!isfinite(low) || !isfinite(high) || low > high)
        TP_FAIL(TP_ERR_ARGUMENT, op, "low and high must be finite and in order, got %g and %g", low, high);
    return init_draw(t, false, low, high, generator);
}

tp_tensor *tp_init_normal_(tp_tensor *t, double mean, double std, tp_generator *generator) {
    const char *op = "init_normal_";
    if (!init_check(op, t, true) || !init_finite(op, "mean", mean)) return NULL;
    if (!(isfinite(std) && std >= 0))
        TP_FAIL(TP_ERR_ARGUMENT, op, "the standard deviation must be finite and not negative, got %g", std);
    return init_draw(t, true, mean, std, generator);
}

double tp_init_calculate_gain(tp_nonlinearity nonlinearity, double slope) {
    switch (nonlinearity) {
    case TP_INIT_LEAKY_RELU: return sqrt(2.0 / (1.0 + slope * slope));
    case TP_INIT_RELU: return sqrt(2.0);
    case TP_INIT_LINEAR:
    case TP_INIT_SIGMOID: return 1.0;
    case TP_INIT_TANH: return 5.0 / 3.0;
    case TP_INIT_SELU: return 0.75;
    }
    tp__error(TP_ERR_ARGUMENT, "init_calculate_gain", "%d is no nonlinearity", (int)nonlinearity);
    return NAN;
}

typedef struct init_fans {
    double in, out;
} init_fans;

static bool init_find_fans(const char *op, const tp_tensor *t, init_fans *fans) {
    if (t->shape.ndim < 2) {
        tp__error(TP_ERR_SHAPE, op, "fan in and fan out need 2 dims or more, got shape %s",
                  tp__shape_text(t->shape));
        return false;
    }
    double field = 1;
    for (int i = 2; i < t->shape.ndim; i++) field *= (double)t->shape.dims[i];
    *fans = (init_fans){(double)t->shape.dims[1] * field, (double)t->shape.dims[0] * field};
    return true;
}

static tp_tensor *init_kaiming(const char *op, tp_tensor *t, tp_kaiming_options options, bool normal) {
    init_fans fans = {0, 0};
    if (!init_check(op, t, true) || !init_finite(op, "slope", options.slope) || !init_find_fans(op, t, &fans))
        return NULL;
    if (options.mode != TP_FAN_IN && options.mode != TP_FAN_OUT)
        TP_FAIL(TP_ERR_ARGUMENT, op, "%d is no fan mode", (int)options.mode);
    double gain = tp_init_calculate_gain(options.nonlinearity, options.slope);
    if (isnan(gain)) TP_FAIL(TP_ERR_ARGUMENT, op, "%d is no nonlinearity", (int)options.nonlinearity);
    if (t->numel == 0) return t;
    double std = gain / sqrt(options.mode == TP_FAN_IN ? fans.in : fans.out), bound = sqrt(3.0) * std;
    return normal ? init_draw(t, true, 0, std, options.generator)
                  : init_draw(t, false, -bound, bound, options.generator);
}

tp_tensor *tp_init_kaiming_uniform_(tp_tensor *t, tp_kaiming_options options) {
    return init_kaiming("init_kaiming_uniform_", t, options, false);
}

tp_tensor *tp_init_kaiming_normal_(tp_tensor *t, tp_kaiming_options options) {
    return init_kaiming("init_kaiming_normal_", t, options, true);
}

static tp_tensor *init_xavier(const char *op, tp_tensor *t, double gain, tp_generator *generator,
                              bool normal) {
    init_fans fans = {0, 0};
    if (!init_check(op, t, true) || !init_finite(op, "gain", gain) || !init_find_fans(op, t, &fans))
        return NULL;
    if (t->numel == 0) return t;
    double std = fabs(gain) * sqrt(2.0 / (fans.in + fans.out)), bound = sqrt(3.0) * std;
    return normal ? init_draw(t, true, 0, std, generator) : init_draw(t, false, -bound, bound, generator);
}

tp_tensor *tp_init_xavier_uniform_(tp_tensor *t, double gain, tp_generator *generator) {
    return init_xavier("init_xavier_uniform_", t, gain, generator, false);
}

tp_tensor *tp_init_xavier_normal_(tp_tensor *t, double gain, tp_generator *generator) {
    return init_xavier("init_xavier_normal_", t, gain, generator, true);
}

/* ---- orthogonal -------------------------------------------------------------------------------------- */

/* In four sums, which the compiler may keep in one vector. */
static double init_dot(const double *a, const double *b, int64_t n) {
    double sum[4] = {0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) sum[k] += a[i + k] * b[i + k];
    for (; i < n; i++) sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Makes the `count` rows of `a`, each of `n` >= count elements, orthonormal, by Gram-Schmidt; each row is
 * projected twice, which is enough (Giraud et al. 2005). The factor R of a = R^T q then has a positive
 * diagonal, as after torch.nn.init.orthogonal_'s change of signs. */
static void init_orthonormalise(double *a, int64_t count, int64_t n) {
    for (int64_t i = 0; i < count; i++) {
        double *row = a + i * n;
        for (int64_t k = 0; k < 2 * i; k++) {
            const double *other = a + k % i * n;
            double along = init_dot(row, other, n);
            for (int64_t j = 0; j < n; j++) row[j] -= along * other[j];
        }
        double length = sqrt(init_dot(row, row, n));
        for (int64_t j = 0; j < n; j++) row[j] /= length;
    }
}

static tp_tensor *init_orthogonal(const char *op, tp_tensor *t, double gain, tp_generator *generator) {
    int64_t rows = t->shape.dims[0], columns = t->numel / rows;
    bool wide = columns >= rows;
    /* One orthonormal vector a row, whichever way `t` has them. */
    tp_tensor *q = tp_randn(wide ? TP_SHAPE(rows, columns) : TP_SHAPE(columns, rows), TP_F64, generator);
    double *data = tp_tensor_data_mut(q);
    if (!data) return NULL;
    init_orthonormalise(data, wide ? rows : columns, wide ? columns : rows);
    tp_tensor *values = tp_reshape(tp_mul_scalar(wide ? q : tp_t(q), gain), t->shape);
    /* Converted beforehand, so that the copy has nothing left to do that could fail. */
    return tp_copy_(t, tp__packed(op, values, (tp_dtype)t->dtype));
}

tp_tensor *tp_init_orthogonal_(tp_tensor *t, double gain, tp_generator *generator) {
    const char *op = "init_orthogonal_";
    if (!init_check(op, t, true) || !init_finite(op, "gain", gain)) return NULL;
    if (t->shape.ndim < 2)
        TP_FAIL(TP_ERR_SHAPE, op, "takes 2 dims or more, got shape %s", tp__shape_text(t->shape));
    if (t->numel == 0) return t;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_no_grad_begin();
    tp_tensor *done = init_orthogonal(op, t, gain, generator);
    tp_scope_end(s);
    return done;
}
