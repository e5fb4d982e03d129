/* Products of matrices and tensors, as compositions of matmul. Arguments are checked first, so that what is wrong is told in the name
 * of the op that was called. */
#include <math.h>

#include "ops/ops.h"
#include "taper/decompose.h"
#include "taper/linalg.h"
#include "taper/tensor.h"

/* ---- what they share ----------------------------------------------------------------------------------------- */

static bool contract_floating(const char *op, const tp_tensor *a, const tp_tensor *b) {
    if (tp__is_floating((tp_dtype)a->dtype) && tp__is_floating((tp_dtype)b->dtype)) return true;
    tp__error(TP_ERR_DTYPE, op, "takes float32 or float64, got %s and %s", tp__dtype_text(a),
              tp__dtype_text(b));
    return false;
}

/* The plain products take integers too. */
static bool contract_alike(const char *op, const tp_tensor *a, const tp_tensor *b) {
    bool integers = !tp__is_floating((tp_dtype)a->dtype) && !tp__is_floating((tp_dtype)b->dtype);
    if (integers && a->dtype != TP_BOOL && b->dtype != TP_BOOL) return true;
    return contract_floating(op, a, b);
}

/* a: `an` dims, b: `bn` dims, the last of a as large as the last but one of b (or its only one). */
static bool contract_check(const char *op, const tp_tensor *a, int an, const tp_tensor *b, int bn) {
    bool ok = a->shape.ndim == an && b->shape.ndim == bn &&
              a->shape.dims[an - 1] == b->shape.dims[bn == 1 ? 0 : bn - 2] &&
              (an < 3 || a->shape.dims[0] == b->shape.dims[0]);
    if (ok) return contract_alike(op, a, b);
    tp__error(TP_ERR_SHAPE, op, "takes %s, got %s and %s",
              an == 3   ? "(b, m, k) and (b, k, n)"
              : bn == 2 ? "(m, k) and (k, n)"
                        : "(m, k) and (k)",
              tp__shape_text(a->shape), tp__shape_text(b->shape));
    return false;
}

tp_tensor *tp_mm(tp_tensor *a, tp_tensor *b) {
    TP_REQUIRE(a, "mm");
    TP_REQUIRE(b, "mm");
    return contract_check("mm", a, 2, b, 2) ? tp_matmul(a, b) : NULL;
}

tp_tensor *tp_bmm(tp_tensor *a, tp_tensor *b) {
    TP_REQUIRE(a, "bmm");
    TP_REQUIRE(b, "bmm");
    return contract_check("bmm", a, 3, b, 3) ? tp_matmul(a, b) : NULL;
}

tp_tensor *tp_mv(tp_tensor *a, tp_tensor *x) {
    TP_REQUIRE(a, "mv");
    TP_REQUIRE(x, "mv");
    return contract_check("mv", a, 2, x, 1) ? tp_matmul(a, x) : NULL;
}

/* beta input + alpha a b */
static tp_tensor *contract_add(const char *op, tp_tensor *input, tp_tensor *a, int an, tp_tensor *b, int bn,
                               tp_addmm_options options) {
    TP_REQUIRE(input, op);
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    if (!contract_check(op, a, an, b, bn) || !contract_floating(op, a, b)) return NULL;
    if (!tp__require_floating(op, "input", input)) return NULL;
    tp_shape shape = a->shape, both;
    shape.dims[an - 1] = b->shape.dims[bn - 1];
    if (bn == 1) shape.ndim = 1;
    if (!tp__broadcast(input->shape, shape, &both) || !tp_shape_equal(both, shape))
        TP_FAIL(TP_ERR_SHAPE, op, "input %s does not broadcast to the product, %s",
                tp__shape_text(input->shape), tp__shape_text(shape));
    double beta = tp__default(options.beta, 1);
    double alpha = tp__default(options.alpha, 1);
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *y = tp_matmul(a, b);
    if (alpha != 1) y = tp_mul_scalar(y, alpha);
    if (beta != 0) y = tp_add(y, beta == 1 ? input : tp_mul_scalar(input, beta));
    return tp_scope_return(s, y);
}

tp_tensor *tp_addmm(tp_tensor *input, tp_tensor *a, tp_tensor *b, tp_addmm_options options) {
    return contract_add("addmm", input, a, 2, b, 2, options);
}

tp_tensor *tp_addmv(tp_tensor *input, tp_tensor *a, tp_tensor *x, tp_addmm_options options) {
    return contract_add("addmv", input, a, 2, x, 1, options);
}

tp_tensor *tp_baddbmm(tp_tensor *input, tp_tensor *a, tp_tensor *b, tp_addmm_options options) {
    return contract_add("baddbmm", input, a, 3, b, 3, options);
}

/* ---- bilinear -------------------------------------------------------------------------------------------------- */

static bool bilinear_check(const char *op, const tp_tensor *x1, const tp_tensor *x2, const tp_tensor *w,
                           const tp_tensor *bias) {
    tp_shape lead1 = x1->shape, lead2 = x2->shape;
    bool ok = lead1.ndim > 0 && lead2.ndim > 0 && w->shape.ndim == 3;
    if (ok) {
        lead1.ndim--;
        lead2.ndim--;
        ok = tp_shape_equal(lead1, lead2) && lead1.dims[lead1.ndim] == w->shape.dims[1] &&
             lead2.dims[lead2.ndim] == w->shape.dims[2];
    }
    if (!ok) {
        tp__error(TP_ERR_SHAPE, op, "x1 %s and x2 %s do not fit weight %s, which is (out, in1, in2)",
                  tp__shape_text(x1->shape), tp__shape_text(x2->shape), tp__shape_text(w->shape));
        return false;
    }
    if (bias && (bias->shape.ndim != 1 || bias->shape.dims[0] != w->shape.dims[0])) {
        tp__error(TP_ERR_SHAPE, op, "bias %s does not fit weight %s, which is (out, in1, in2)",
                  tp__shape_text(bias->shape), tp__shape_text(w->shape));
        return false;
    }
    return contract_floating(op, x1, x2) && tp__require_floating(op, "weight", w) &&
           (!bias || tp__require_floating(op, "bias", bias));
}

tp_tensor *tp_bilinear(tp_tensor *x1, tp_tensor *x2, tp_tensor *weight, tp_tensor *bias) {
    const char *op = "bilinear";
    TP_REQUIRE(x1, op);
    TP_REQUIRE(x2, op);
    TP_REQUIRE(weight, op);
    TP_OPTIONAL(bias);
    if (!bilinear_check(op, x1, x2, weight, bias)) return NULL;
    int64_t out = weight->shape.dims[0], in1 = weight->shape.dims[1], in2 = weight->shape.dims[2];
    tp_shape shape = x1->shape, lead = x1->shape;
    shape.dims[shape.ndim - 1] = out;
    lead.ndim--;
    int64_t rows = tp_shape_numel(lead);
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    /* (rows, in1) x (in1, out in2), then each row's (out, in2) x (in2). */
    tp_tensor *turned = tp_reshape(tp_permute(weight, TP_DIMS(1, 0, 2)), TP_SHAPE(in1, out * in2));
    tp_tensor *first = tp_matmul(tp_reshape(x1, TP_SHAPE(rows, in1)), turned);
    tp_tensor *y =
        tp_matmul(tp_reshape(first, TP_SHAPE(rows, out, in2)), tp_reshape(x2, TP_SHAPE(rows, in2, 1)));
    y = tp_reshape(y, shape);
    return tp_scope_return(s, bias ? tp_add(y, bias) : y);
}

/* ---- tensordot --------------------------------------------------------------------------------------------------- */

/* As a matrix: the summed dims, in their order, as its columns (last) or its rows, the others as they stand. */
static tp_tensor *tensordot_matrix(tp_tensor *t, tp_dims summed, bool last, int64_t inner) {
    tp_dims order = {0, {0}};
    bool taken[TP_MAX_DIMS] = {false};
    for (int k = 0; k < summed.count; k++) taken[summed.items[k]] = true;
    for (int k = 0; k < summed.count && !last; k++) order.items[order.count++] = summed.items[k];
    for (int d = 0; d < t->shape.ndim; d++)
        if (!taken[d]) order.items[order.count++] = d;
    for (int k = 0; k < summed.count && last; k++) order.items[order.count++] = summed.items[k];
    int64_t outer = 1;
    for (int d = 0; d < t->shape.ndim; d++)
        if (!taken[d]) outer *= t->shape.dims[d];
    tp_tensor *turned = order.count ? tp_permute(t, order) : t;
    return tp_reshape(turned, last ? TP_SHAPE(outer, inner) : TP_SHAPE(inner, outer));
}

/* Wraps the dims of one operand. */
static bool tensordot_dims(const char *op, const tp_tensor *t, tp_dims *dims) {
    bool seen[TP_MAX_DIMS] = {false};
    for (int k = 0; k < dims->count; k++) {
        int d = t->shape.ndim == 0 ? -1 : tp__wrap_dim(op, dims->items[k], t->shape.ndim);
        if (d < 0 && !tp__error_pending())
            tp__error(TP_ERR_INDEX, op, "dim %d of a 0-d tensor", dims->items[k]);
        if (d < 0) return false;
        if (seen[d]) {
            tp__error(TP_ERR_ARGUMENT, op, "dim %d is given twice", dims->items[k]);
            return false;
        }
        seen[d] = true;
        dims->items[k] = d;
    }
    return true;
}

static tp_tensor *tensordot_run(const char *op, tp_tensor *a, tp_tensor *b, tp_dims a_dims, tp_dims b_dims) {
    if (!contract_floating(op, a, b) || !tensordot_dims(op, a, &a_dims) || !tensordot_dims(op, b, &b_dims))
        return NULL;
    int64_t inner = 1;
    tp_dims a_sums = {0, {0}}, b_sums = {0, {0}}; /* against a size of 1, which is stretched */
    for (int k = 0; k < a_dims.count; k++) {
        int64_t a_size = a->shape.dims[a_dims.items[k]], b_size = b->shape.dims[b_dims.items[k]];
        if (a_size != b_size && a_size != 1 && b_size != 1)
            TP_FAIL(TP_ERR_SHAPE, op, "dim %d of %s and dim %d of %s differ in size", a_dims.items[k],
                    tp__shape_text(a->shape), b_dims.items[k], tp__shape_text(b->shape));
        if (a_size != b_size && b_size == 1) a_sums.items[a_sums.count++] = a_dims.items[k];
        if (a_size != b_size && a_size == 1) b_sums.items[b_sums.count++] = b_dims.items[k];
        inner *= a_size == b_size ? a_size : 1;
    }
    int more = a->shape.ndim + b->shape.ndim - 2 * a_dims.count;
    if (more > TP_MAX_DIMS) TP_FAIL(TP_ERR_SHAPE, op, "the result would have %d dims", more);
    tp_shape shape = {0, {0}};
    for (int side = 0; side < 2; side++) {
        const tp_tensor *t = side ? b : a;
        const tp_dims *dims = side ? &b_dims : &a_dims;
        for (int d = 0; d < t->shape.ndim; d++) {
            bool summed = false;
            for (int k = 0; k < dims->count; k++) summed = summed || dims->items[k] == d;
            if (!summed) shape.dims[shape.ndim++] = t->shape.dims[d];
        }
    }
    if (tp__shape_check(op, shape, TP_F64) < 0) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    if (a_sums.count > 0) a = tp_sum_dim(a, a_sums, true);
    if (b_sums.count > 0) b = tp_sum_dim(b, b_sums, true);
    tp_tensor *y = !a || !b ? NULL
                            : tp_matmul(tensordot_matrix(a, a_dims, true, inner),
                                        tensordot_matrix(b, b_dims, false, inner));
    return tp_scope_return(s, tp_reshape(y, shape));
}

tp_tensor *tp_tensordot(tp_tensor *a, tp_tensor *b, int dims) {
    const char *op = "tensordot";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    if (dims < 0 || dims > a->shape.ndim || dims > b->shape.ndim)
        TP_FAIL(TP_ERR_ARGUMENT, op, "%d dims of %s and %s", dims, tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    tp_dims last = {dims, {0}}, first = {dims, {0}};
    for (int k = 0; k < dims; k++) {
        last.items[k] = a->shape.ndim - dims + k;
        first.items[k] = k;
    }
    return tensordot_run(op, a, b, last, first);
}

tp_tensor *tp_tensordot_dims(tp_tensor *a, tp_tensor *b, tp_dims a_dims, tp_dims b_dims) {
    const char *op = "tensordot_dims";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    if (a_dims.count != b_dims.count || a_dims.count < 0 || a_dims.count > TP_MAX_DIMS)
        TP_FAIL(TP_ERR_ARGUMENT, op, "%d dims of a and %d of b", a_dims.count, b_dims.count);
    return tensordot_run(op, a, b, a_dims, b_dims);
}

/* ---- others ---------------------------------------------------------------------------------------------------------- */

tp_tensor *tp_vecdot(tp_tensor *a, tp_tensor *b, int dim) {
    const char *op = "vecdot";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    tp_shape shape;
    if (!contract_floating(op, a, b)) return NULL;
    if (!tp__broadcast(a->shape, b->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "shapes do not broadcast: %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    int d = tp__wrap_dim(op, dim, shape.ndim);
    tp_scope *s = d < 0 ? NULL : tp_scope_begin();
    return s ? tp_scope_return(s, tp_sum_dim(tp_mul(a, b), TP_DIMS(d), false)) : NULL;
}

tp_tensor *tp_inner(tp_tensor *a, tp_tensor *b) {
    const char *op = "inner";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    int an = a->shape.ndim, bn = b->shape.ndim;
    if (an == 0 || bn == 0) return tp_mul(a, b);
    if (a->shape.dims[an - 1] != b->shape.dims[bn - 1])
        TP_FAIL(TP_ERR_SHAPE, op, "the last dims of %s and %s differ in size", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    return tensordot_run(op, a, b, TP_DIMS(-1), TP_DIMS(-1));
}

tp_tensor *tp_kron(tp_tensor *a, tp_tensor *b) {
    const char *op = "kron";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    int n = a->shape.ndim > b->shape.ndim ? a->shape.ndim : b->shape.ndim;
    if (2 * n > TP_MAX_DIMS)
        TP_FAIL(TP_ERR_SHAPE, op, "takes up to %d dims, got %s and %s", TP_MAX_DIMS / 2,
                tp__shape_text(a->shape), tp__shape_text(b->shape));
    tp_shape left = {2 * n, {0}}, right = {2 * n, {0}}, shape = {n, {0}};
    for (int d = 0; d < n; d++) {
        int from_a = d - (n - a->shape.ndim), from_b = d - (n - b->shape.ndim);
        int64_t rows = from_a < 0 ? 1 : a->shape.dims[from_a],
                columns = from_b < 0 ? 1 : b->shape.dims[from_b];
        left.dims[2 * d] = rows;
        left.dims[2 * d + 1] = right.dims[2 * d] = 1;
        right.dims[2 * d + 1] = columns;
        if (__builtin_mul_overflow(rows, columns, &shape.dims[d]))
            TP_FAIL(TP_ERR_SHAPE, op, "the product of %s and %s is too large", tp__shape_text(a->shape),
                    tp__shape_text(b->shape));
    }
    if (tp__shape_check(op, shape, (tp_dtype)a->dtype) < 0) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    return tp_scope_return(s, tp_reshape(tp_mul(tp_reshape(a, left), tp_reshape(b, right)), shape));
}

tp_tensor *tp_cross(tp_tensor *a, tp_tensor *b, int dim) {
    const char *op = "cross";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    tp_shape shape;
    if (a->dtype == TP_BOOL || b->dtype == TP_BOOL)
        TP_FAIL(TP_ERR_DTYPE, op, "is not defined for bool tensors");
    if (a->shape.ndim != b->shape.ndim || !tp__broadcast(a->shape, b->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "%s and %s are not of one number of dims that broadcast",
                tp__shape_text(a->shape), tp__shape_text(b->shape));
    int d = tp__wrap_dim(op, dim, shape.ndim);
    if (d < 0) return NULL;
    if (shape.ndim == 0 || a->shape.dims[d] != 3 || b->shape.dims[d] != 3)
        TP_FAIL(TP_ERR_SHAPE, op, "dim %d of %s and %s must be of size 3", d, tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *x[3], *y[3], *z[3];
    for (int k = 0; k < 3; k++) {
        x[k] = tp_select(a, d, k);
        y[k] = tp_select(b, d, k);
    }
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        z[k] = tp_sub(tp_mul(x[i], y[j]), tp_mul(x[j], y[i]));
    }
    return tp_scope_return(s, tp_stack((tp_tensors){3, z}, d));
}

tp_tensor *tp_linalg_matrix_power(tp_tensor *a, int64_t n) {
    const char *op = "linalg_matrix_power";
    TP_REQUIRE(a, op);
    int ndim = a->shape.ndim;
    if (ndim < 2 || a->shape.dims[ndim - 1] != a->shape.dims[ndim - 2])
        TP_FAIL(TP_ERR_SHAPE, op, "a must be square matrices, got %s", tp__shape_text(a->shape));
    if (!tp__require_floating(op, "a", a)) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *base = n < 0 ? tp_linalg_inv(a) : a, *power = NULL;
    for (uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n; left > 0 && base; left >>= 1) {
        if (left & 1) power = power ? tp_matmul(power, base) : base;
        if (left > 1) base = tp_matmul(base, base);
    }
    if (n == 0) {
        tp_tensor *eye = tp_eye(a->shape.dims[ndim - 1], a->shape.dims[ndim - 1], (tp_dtype)a->dtype);
        power = tp_expand(eye, a->shape);
    }
    return tp_scope_return(s, n == 0 || n == 1 ? tp_clone(power) : power);
}

enum { MULTI_MOST = 32 };

/* size[k], size[k + 1]: rows and columns of matrix k. */
static bool multi_dot_sizes(const char *op, tp_tensors matrices, int64_t *size) {
    int n = matrices.count;
    for (int k = 0; k < n; k++) {
        const tp_tensor *t = matrices.items[k];
        if (!t) {
            tp__error_null(op, "matrices");
            return false;
        }
        bool vector = t->shape.ndim == 1 && (k == 0 || k == n - 1);
        if (t->shape.ndim != 2 && !vector) {
            tp__error(TP_ERR_SHAPE, op, "number %d is %s, not a matrix", k, tp__shape_text(t->shape));
            return false;
        }
        int64_t rows = vector && k == 0 ? 1 : t->shape.dims[0];
        if (k > 0 && size[k] != rows) {
            tp__error(TP_ERR_SHAPE, op, "number %d is %s after %s", k, tp__shape_text(t->shape),
                      tp__shape_text(matrices.items[k - 1]->shape));
            return false;
        }
        if (!tp__require_floating(op, "every matrix", t)) return false;
        size[k] = rows;
        size[k + 1] = !vector ? t->shape.dims[1] : k == 0 ? t->shape.dims[0] : 1;
    }
    return true;
}

/* The cheapest order, by dynamic programming: i to j are best cut after best[i][j]. */
static void multi_dot_order(int n, const int64_t *size, int best[MULTI_MOST][MULTI_MOST]) {
    double cost[MULTI_MOST][MULTI_MOST] = {{0}};
    for (int length = 2; length <= n; length++)
        for (int i = 0; i + length <= n; i++) {
            int j = i + length - 1;
            cost[i][j] = INFINITY;
            for (int k = i; k < j; k++) {
                double c =
                    cost[i][k] + cost[k + 1][j] + (double)size[i] * (double)size[k + 1] * (double)size[j + 1];
                if (!(c < cost[i][j])) continue;
                cost[i][j] = c;
                best[i][j] = k;
            }
        }
}

/* Matrices i to j: at most MULTI_MOST deep. */
static tp_tensor *multi_dot_product(tp_tensor *const *items, int best[MULTI_MOST][MULTI_MOST], int i, int j) {
    if (i == j) return items[i];
    int cut = best[i][j];
    return tp_matmul(multi_dot_product(items, best, i, cut), multi_dot_product(items, best, cut + 1, j));
}

tp_tensor *tp_linalg_multi_dot(tp_tensors matrices) {
    const char *op = "linalg_multi_dot";
    int best[MULTI_MOST][MULTI_MOST] = {{0}};
    int64_t size[MULTI_MOST + 1];
    if (matrices.count < 2 || matrices.count > MULTI_MOST)
        TP_FAIL(TP_ERR_ARGUMENT, op, "takes 2 to %d matrices, got %d", MULTI_MOST, matrices.count);
    TP_TRY_NULL(tp__check_list(op, "matrices", matrices.count, matrices.items));
    if (!multi_dot_sizes(op, matrices, size)) return NULL;
    multi_dot_order(matrices.count, size, best);
    tp_scope *s = tp_scope_begin();
    return s ? tp_scope_return(s, multi_dot_product(matrices.items, best, 0, matrices.count - 1)) : NULL;
}
