/* Tensors of random numbers; the numbers themselves come from core/philox.c. */
#include "taper/random.h"

#include <float.h>
#include <math.h>

#include "core/philox.h"
#include "ops/ops.h"

static tp_tensor *drawn(const char *op, tp_shape shape, tp__draw draw, tp_generator *generator) {
    tp_tensor *t = tp__tensor_new(op, shape, draw.dtype);
    if (t) tp__draw_fill(&draw, generator, tp__data(t), t->numel);
    return t;
}

static bool check_real(const char *op, tp_dtype dtype) {
    if (tp__is_floating(dtype)) return true;
    tp__error(TP_ERR_DTYPE, op, "draws float32 or float64, not %s", tp_dtype_name(dtype));
    return false;
}

tp_tensor *tp_rand(tp_shape shape, tp_dtype dtype, tp_generator *generator) {
    if (!check_real("rand", dtype)) return NULL;
    return drawn("rand", shape, (tp__draw){.kind = TP__DRAW_UNIFORM, .dtype = dtype, .b = 1}, generator);
}

tp_tensor *tp_randn(tp_shape shape, tp_dtype dtype, tp_generator *generator) {
    if (!check_real("randn", dtype)) return NULL;
    return drawn("randn", shape, (tp__draw){.kind = TP__DRAW_NORMAL, .dtype = dtype, .b = 1}, generator);
}

tp_tensor *tp_randint(int64_t low, int64_t high, tp_shape shape, tp_dtype dtype, tp_generator *generator) {
    const char *op = "randint";
    int64_t n = tp__shape_check(op, shape, dtype);
    if (n < 0) return NULL;
    if (dtype == TP_BOOL) TP_FAIL(TP_ERR_DTYPE, op, "does not draw bool; tp_bernoulli does");
    if (low >= high && n > 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "no integers from %lld below %lld", (long long)low, (long long)high);
    /* The largest integers up to which each dtype holds all. */
    static const int64_t limit[TP_DTYPE_COUNT] = {1 << 24,   (int64_t)1 << 53, INT64_MAX,
                                                  INT32_MAX, UINT8_MAX,        1};
    int64_t least = dtype == TP_U8 ? 0 : -limit[dtype] - !tp__is_floating(dtype);
    if (n > 0 && (low < least || high - 1 > limit[dtype]))
        TP_FAIL(TP_ERR_ARGUMENT, op, "integers from %lld below %lld do not fit %s", (long long)low,
                (long long)high, tp_dtype_name(dtype));
    tp__draw draw = {.kind = TP__DRAW_INTEGER,
                     .dtype = dtype,
                     .low = low,
                     .range = (uint64_t)high - (uint64_t)low};
    return drawn(op, shape, draw, generator);
}

tp_tensor *tp_randperm(int64_t n, tp_generator *generator) {
    tp_tensor *t = tp__tensor_new("randperm", TP_SHAPE(n), TP_I64);
    if (!t) return NULL;
    int64_t *p = tp__data_i64(t);
    for (int64_t i = 0; i < n; i++) { /* Fisher-Yates, inside out */
        int64_t j = tp_generator_below(generator, i + 1);
        if (j != i) p[i] = p[j];
        p[j] = i;
    }
    return t;
}

tp_tensor *tp_bernoulli(double p, tp_shape shape, tp_dtype dtype, tp_generator *generator) {
    if (!(p >= 0 && p <= 1)) TP_FAIL(TP_ERR_ARGUMENT, "bernoulli", "probability %g is not in [0, 1]", p);
    return drawn("bernoulli", shape, (tp__draw){.kind = TP__DRAW_BERNOULLI, .dtype = dtype, .a = p},
                 generator);
}

static tp_tensor *draw_into(const char *op, tp_tensor *t, tp__draw draw, tp_generator *generator) {
    if (!check_real(op, (tp_dtype)t->dtype)) return NULL;
    draw.dtype = (tp_dtype)t->dtype;
    TP_TRY_NULL(tp__inplace_check(op, t, tp__will_record(TP__INPUTS(t)), "tp_rand or tp_randn"));
    if (t->dense && !t->node) {
        tp__draw_fill(&draw, generator, tp__data(t), t->numel);
        tp__touch(t);
        return t;
    }
    tp_scope *scope = tp_scope_begin();
    tp_tensor *values = scope ? drawn(op, t->shape, draw, generator) : NULL;
    tp_tensor *r = values ? tp_copy_(t, values) : NULL;
    tp_scope_end(scope);
    return r;
}

tp_tensor *tp_uniform_(tp_tensor *t, double low, double high, tp_generator *generator) {
    TP_REQUIRE(t, "uniform_");
    if (!(low <= high) || !isfinite(low) || !isfinite(high))
        TP_FAIL(TP_ERR_ARGUMENT, "uniform_", "no numbers from %g below %g", low, high);
    double most = t->dtype == TP_F32 ? FLT_MAX : DBL_MAX;
    if (low < -most || high > most || !isfinite(high - low))
        TP_FAIL(TP_ERR_ARGUMENT, "uniform_", "from %g below %g is more than %s spans", low, high,
                tp__dtype_text(t));
    return draw_into("uniform_", t, (tp__draw){.kind = TP__DRAW_UNIFORM, .a = low, .b = high}, generator);
}

tp_tensor *tp_normal_(tp_tensor *t, double mean, double std, tp_generator *generator) {
    TP_REQUIRE(t, "normal_");
    if (!isfinite(mean) || !isfinite(std) || std < 0)
        TP_FAIL(TP_ERR_ARGUMENT, "normal_",
                "mean %g and standard deviation %g; both must be finite, the latter not negative", mean, std);
    return draw_into("normal_", t, (tp__draw){.kind = TP__DRAW_NORMAL, .a = mean, .b = std}, generator);
}
