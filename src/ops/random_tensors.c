/* Random tensors whose distributions are given by tensors. None is differentiable. */
#include <math.h>
#include <string.h>

#include "ops/ops.h"
#include "taper/autograd.h"
#include "taper/random.h"
#include "taper/tensor.h"

tp_tensor *tp_rand_like(const tp_tensor *t, tp_generator *generator) {
    TP_REQUIRE(t, "rand_like");
    return tp_rand(t->shape, (tp_dtype)t->dtype, generator);
}

tp_tensor *tp_randn_like(const tp_tensor *t, tp_generator *generator) {
    TP_REQUIRE(t, "randn_like");
    return tp_randn(t->shape, (tp_dtype)t->dtype, generator);
}

/* Are all elements of `t` at least `low` and at most `high`? Else a record of one that is not. */
static bool random_check_range(const char *op, const char *what, tp_tensor *t, double low, double high) {
    tp_tensor *packed = tp__packed(op, t, (tp_dtype)t->dtype);
    size_t item = tp__itemsize((tp_dtype)t->dtype);
    for (int64_t n = 0; packed && n < t->numel; n++) {
        double v = tp__load_f64(tp__data(packed) + (size_t)n * item, (tp_dtype)t->dtype);
        if (v >= low && v <= high) continue;
        tp__error(TP_ERR_ARGUMENT, op, "%s holds %g at element %lld", what, v, (long long)n);
        return false;
    }
    return packed != NULL;
}

tp_tensor *tp_bernoulli_of(tp_tensor *p, tp_generator *generator) {
    const char *op = "bernoulli_of";
    TP_REQUIRE(p, op);
    if (!tp__require_floating(op, "p", p)) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *y = NULL, *given = tp_detach(p);
    if (given && random_check_range(op, "p", given, 0, 1))
        y = tp_to_dtype(tp_lt(tp_rand(p->shape, (tp_dtype)p->dtype, generator), given), (tp_dtype)p->dtype);
    return tp_scope_return(s, y);
}

tp_tensor *tp_normal(tp_tensor *mean, tp_tensor *std, tp_generator *generator) {
    const char *op = "normal";
    TP_REQUIRE(mean, op);
    TP_REQUIRE(std, op);
    tp_shape shape;
    if (!tp__require_floating(op, "mean", mean) || !tp__require_floating(op, "std", std)) return NULL;
    if (!tp__broadcast(mean->shape, std->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "mean %s and std %s do not broadcast", tp__shape_text(mean->shape),
                tp__shape_text(std->shape));
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *y = NULL, *spread = tp_detach(std);
    if (spread && random_check_range(op, "std", spread, 0, INFINITY))
        y = tp_add(tp_mul(tp_randn(shape, tp__result_type(mean, std), generator), spread), tp_detach(mean));
    return tp_scope_return(s, y);
}

/* ---- multinomial ------------------------------------------------------------------------------------------- */

/* Sums of pairs of the weights, of pairs of those, and so on: nodes[i] is of nodes 2 i and 2 i + 1, the weights are nodes n to
 * 2 n - 1, and nodes[1] is the total. */
static void multinomial_sum(double *nodes, int64_t n) {
    for (int64_t i = n - 1; i > 0; i--) nodes[i] = nodes[2 * i] + nodes[2 * i + 1];
}

/* The weight in whose stretch u, in [0, total), lies. It is never one of zero, whatever the rounding. */
static int64_t multinomial_find(const double *nodes, int64_t n, double u) {
    int64_t i = 1;
    while (i < n) {
        const double left = nodes[2 * i];
        const bool right = nodes[2 * i + 1] > 0 && u >= left;
        if (right) u -= left;
        i = 2 * i + right;
    }
    return i - n;
}

/* The drawn ones of one row. `nodes` has room for 2 n. */
static void multinomial_row(const double *weights, double *nodes, int64_t n, int64_t count, bool replacement,
                            tp_generator *generator, int64_t *to) {
    memcpy(nodes + n, weights, (size_t)n * sizeof *nodes);
    multinomial_sum(nodes, n);
    for (int64_t k = 0; k < count; k++) {
        to[k] = multinomial_find(nodes, n, tp_generator_uniform(generator) * nodes[1]);
        if (replacement) continue;
        nodes[n + to[k]] = 0;
        for (int64_t i = (n + to[k]) / 2; i > 0; i /= 2) nodes[i] = nodes[2 * i] + nodes[2 * i + 1];
    }
}

/* Weights that are finite, not negative, and of which enough are positive. */
static bool multinomial_check(const char *op, const double *w, int64_t row, int64_t n, int64_t count,
                              bool replacement) {
    int64_t positive = 0;
    double total = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!(w[i] >= 0) || isinf(w[i])) {
            tp__error(TP_ERR_ARGUMENT, op, "weight %lld of row %lld is %g", (long long)i, (long long)row,
                      w[i]);
            return false;
        }
        positive += w[i] > 0;
        total += w[i];
    }
    if (isinf(total)) {
        tp__error(TP_ERR_ARGUMENT, op, "the weights of row %lld add up to infinity", (long long)row);
        return false;
    }
    int64_t needed = replacement ? count > 0 : count;
    if (positive >= needed) return true;
    tp__error(TP_ERR_ARGUMENT, op, "row %lld has %lld positive weights, %lld are to be drawn", (long long)row,
              (long long)positive, (long long)count);
    return false;
}

tp_tensor *tp_multinomial(tp_tensor *weights, int64_t count, bool replacement, tp_generator *generator) {
    const char *op = "multinomial";
    TP_REQUIRE(weights, op);
    if (!tp__require_floating(op, "weights", weights)) return NULL;
    int ndim = weights->shape.ndim;
    if (ndim < 1 || ndim > 2)
        TP_FAIL(TP_ERR_SHAPE, op, "weights must be (n) or (rows, n), got %s", tp__shape_text(weights->shape));
    int64_t n = weights->shape.dims[ndim - 1], rows = ndim == 2 ? weights->shape.dims[0] : 1;
    if (count < 1) TP_FAIL(TP_ERR_ARGUMENT, op, "count is %lld, must be at least 1", (long long)count);
    tp_shape shape = weights->shape;
    shape.dims[ndim - 1] = count;
    tp_scope *s = tp_scope_begin();
    tp_tensor *w = s ? tp__packed(op, weights, TP_F64) : NULL,
              *work = w ? tp__tensor_new(op, TP_SHAPE(rows > 0 ? 2 * n : 0), TP_F64) : NULL;
    tp_tensor *y = work ? tp__tensor_new(op, shape, TP_I64) : NULL;
    const double *from = y ? (const double *)(const void *)tp__data(w) : NULL;
    for (int64_t r = 0; y && r < rows; r++)
        if (!multinomial_check(op, from + r * n, r, n, count, replacement)) y = NULL;
    for (int64_t r = 0; y && r < rows; r++)
        multinomial_row(from + r * n, (double *)(void *)tp__data(work), n, count, replacement, generator,
                        tp__data_i64(y) + r * count);
    return s ? tp_scope_return(s, y) : NULL;
}
