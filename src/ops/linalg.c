/* Matrix products as ops. */
#include "taper/linalg.h"

#include "ops/product.h"
#include "taper/tensor.h"

/* ---- one layer: (..., m, k) x (..., k, n) with equal numbers of dims, at least 2 ---------------------------- */

/* A kernel reads any strides along rows and columns, unless both step far apart. */
static bool readable(const tp_tensor *t) {
    int64_t r = t->strides[t->shape.ndim - 2], c = t->strides[t->shape.ndim - 1];
    return r == 1 || c == 1 || t->shape.dims[t->shape.ndim - 1] == 1 || t->shape.dims[t->shape.ndim - 2] == 1;
}

static tp_tensor *operand(const char *op, tp_tensor *t, tp_dtype dtype) {
    t = tp__cast(op, t, dtype);
    return t && !readable(t) ? tp__packed(op, t, dtype) : t;
}

/* The element offset of each matrix of the broadcast batch. */
static void batch_offsets(const tp_tensor *t, tp_shape batch, int64_t *at) {
    int64_t index[TP_MAX_DIMS] = {0}, n = tp_shape_numel(batch), offset = 0;
    int first = batch.ndim - (t->shape.ndim - 2);
    for (int64_t i = 0; i < n; i++) {
        at[i] = offset;
        for (int d = batch.ndim - 1; d >= 0; d--) {
            int64_t step = d < first || t->shape.dims[d - first] == 1 ? 0 : t->strides[d - first];
            offset += step;
            if (++index[d] < batch.dims[d]) break;
            offset -= step * index[d];
            index[d] = 0;
        }
    }
}

static void product_operands(tp__product *p, const tp_tensor *a, const tp_tensor *b) {
    int an = a->shape.ndim, bn = b->shape.ndim;
    p->m = a->shape.dims[an - 2];
    p->k = a->shape.dims[an - 1];
    p->n = b->shape.dims[bn - 1];
    p->a = tp__data(a);
    p->b = tp__data(b);
    /* The stride of a dim of one element says nothing, and packed is the better guess. */
    p->a_cs = p->k == 1 ? 1 : a->strides[an - 1];
    p->a_rs = p->m == 1 ? p->k : a->strides[an - 2];
    p->b_cs = p->n == 1 ? 1 : b->strides[bn - 1];
    p->b_rs = p->k == 1 ? p->n : b->strides[bn - 2];
}

/* The product of matrices, of which each has at least 2 dims; not recorded. */
static tp_tensor *product_value(const char *op, tp_tensor *a, tp_tensor *b, tp_shape batch, tp_dtype dtype) {
    a = operand(op, a, dtype);
    b = a ? operand(op, b, dtype) : NULL;
    if (!b) return NULL;
    tp__product p = {.dtype = dtype, .batch = tp_shape_numel(batch)};
    product_operands(&p, a, b);
    tp_shape shape = batch;
    shape.dims[shape.ndim++] = p.m;
    shape.dims[shape.ndim++] = p.n;
    tp_tensor *y = tp__tensor_new(op, shape, dtype);
    if (!y || y->numel == 0) return y;
    p.c = tp__data(y);
    p.c_rs = p.n;
    p.c_cs = 1;
    p.c_step = p.m * p.n;
    size_t bytes = 2 * (size_t)p.batch * sizeof(int64_t);
    int64_t *at = NULL;
    if (batch.ndim > 0) {
        at = tp__alloc(bytes);
        if (!at) {
            tp__error_memory(op, bytes);
            return NULL;
        }
        batch_offsets(a, batch, at);
        batch_offsets(b, batch, at + p.batch);
        p.a_at = at;
        p.b_at = at + p.batch;
    }
    bool done = true;
    if (tp__is_floating(dtype)) done = tp__product_run(op, &p);
    else tp__product_integers(&p);
    tp__free(at);
    return done ? y : NULL;
}

/* ---- matmul ---------------------------------------------------------------------------------------------- */

/* With vectors as matrices: d a = g b^T, d b = a^T g. The engine sums over broadcast leading dims. */
static void matmul_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {
    tp_tensor *g = gs[0];
    if (tp__needs(ctx, 0)) {
        tp_tensor *b = tp__input(ctx, 1);
        dx[0] = b ? tp_matmul(g, tp_transpose(b, -2, -1)) : NULL;
    }
    if (tp__needs(ctx, 1)) {
        tp_tensor *a = tp__input(ctx, 0);
        dx[1] = a ? tp_matmul(tp_transpose(a, -2, -1), g) : NULL;
    }
}

static const tp__op matmul_op = {.name = "matmul", .vjp = matmul_vjp, .save_inputs = 3};

static tp_tensor *matmul_record(tp_tensor *y, tp_tensor *a, tp_tensor *b) {
    if (!y) return NULL;
    uint32_t used = (tp__needs_grad(a) ? 2u : 0) | (tp__needs_grad(b) ? 1u : 0);
    tp__call call = {.op = &matmul_op,
                     .n_in = 2,
                     .in = (tp_tensor *[]){a, b},
                     .n_out = 1,
                     .out = &y,
                     .skip_inputs = ~used};
    return tp__record_call(&call) ? y : NULL;
}

static bool check_product_dtype(const char *op, const tp_tensor *a, const tp_tensor *b, tp_dtype *dtype) {
    *dtype = tp__result_type(a, b);
    if (tp__is_floating((tp_dtype)a->dtype) && tp__is_floating((tp_dtype)b->dtype)) return true;
    tp__error(TP_ERR_DTYPE, op, "takes float32 or float64, got %s and %s", tp__dtype_text(a),
              tp__dtype_text(b));
    return false;
}

/* Two floating or two integer operands. */
static bool check_matmul_dtype(const char *op, const tp_tensor *a, const tp_tensor *b, tp_dtype *dtype) {
    *dtype = tp__result_type(a, b);
    bool floating = tp__is_floating((tp_dtype)a->dtype);
    if (floating == tp__is_floating((tp_dtype)b->dtype) && a->dtype != TP_BOOL && b->dtype != TP_BOOL)
        return true;
    tp__error(TP_ERR_DTYPE, op, "takes two floating or two integer tensors, got %s and %s", tp__dtype_text(a),
              tp__dtype_text(b));
    return false;
}

/* Both at least 2-d. */
static tp_tensor *matmul_matrices(tp_tensor *a, tp_tensor *b) {
    const char *op = "matmul";
    tp_dtype dtype;
    tp_shape ab = {a->shape.ndim - 2, {0}}, bb = {b->shape.ndim - 2, {0}}, batch;
    for (int i = 0; i < ab.ndim; i++) ab.dims[i] = a->shape.dims[i];
    for (int i = 0; i < bb.ndim; i++) bb.dims[i] = b->shape.dims[i];
    if (!check_matmul_dtype(op, a, b, &dtype)) return NULL;
    if (!tp__broadcast(ab, bb, &batch))
        TP_FAIL(TP_ERR_SHAPE, op, "leading dims do not broadcast: %s x %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    tp_scope *scope = tp_scope_begin();
    tp_tensor *y = scope ? product_value(op, a, b, batch, dtype) : NULL;
    return scope ? tp_scope_return(scope, matmul_record(y, a, b)) : NULL;
}

tp_tensor *tp_matmul(tp_tensor *a, tp_tensor *b) {
    const char *op = "matmul";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    int an = a->shape.ndim, bn = b->shape.ndim;
    if (an == 0 || bn == 0)
        TP_FAIL(TP_ERR_SHAPE, op, "operands need at least one dim: %s x %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    if (a->shape.dims[an - 1] != b->shape.dims[bn == 1 ? 0 : bn - 2])
        TP_FAIL(TP_ERR_SHAPE, op, "inner sizes differ: %s x %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    if (an > 1 && bn > 1) return matmul_matrices(a, b);
    tp_scope *scope = tp_scope_begin();
    if (scope && an == 1) a = tp_unsqueeze(a, 0);
    if (scope && bn == 1) b = tp_unsqueeze(b, 1);
    tp_tensor *y = scope && a && b ? matmul_matrices(a, b) : NULL;
    if (y && bn == 1) y = tp_squeeze(y, TP_DIMS(-1));
    if (y && an == 1) y = tp_squeeze(y, TP_DIMS(bn == 1 ? -1 : -2));
    return scope ? tp_scope_return(scope, y) : NULL;
}

/* ---- linear ---------------------------------------------------------------------------------------------- */

/* All leading dims as one. Not by a size of -1, which for no elements says nothing. */
static tp_tensor *as_rows(tp_tensor *t) {
    if (t->shape.ndim == 2) return t;
    tp_shape rows = {2, {1, t->shape.dims[t->shape.ndim - 1]}};
    for (int i = 0; i < t->shape.ndim - 1; i++) rows.dims[0] *= t->shape.dims[i];
    return tp_reshape(t, rows);
}

static void linear_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {
    tp_tensor *g = gs[0];
    if (tp__needs(ctx, 0)) {
        tp_tensor *w = tp__input(ctx, 1);
        dx[0] = w ? tp_matmul(g, w) : NULL;
    }
    if (tp__needs(ctx, 1)) {
        tp_tensor *x = tp__input(ctx, 0);
        tp_tensor *g2 = x ? as_rows(g) : NULL, *x2 = g2 ? as_rows(x) : NULL;
        dx[1] = x2 ? tp_matmul(tp_transpose(g2, 0, 1), x2) : NULL;
    }
    if (tp__needs(ctx, 2)) dx[2] = g; /* the engine sums it to the bias's shape */
}

static const tp__op linear_op = {.name = "linear", .vjp = linear_vjp, .save_inputs = 3};

static bool linear_check(const char *op, const tp_tensor *x, const tp_tensor *w, const tp_tensor *bias) {
    int n = x->shape.ndim;
    if (w->shape.ndim != 2 || n < 1 || x->shape.dims[n - 1] != w->shape.dims[1]) {
        tp__error(TP_ERR_SHAPE, op, "x %s does not fit weight %s, which is (out, in)",
                  tp__shape_text(x->shape), tp__shape_text(w->shape));
        return false;
    }
    if (bias && (bias->shape.ndim != 1 || bias->shape.dims[0] != w->shape.dims[0])) {
        tp__error(TP_ERR_SHAPE, op, "bias %s does not fit weight %s, which is (out, in)",
                  tp__shape_text(bias->shape), tp__shape_text(w->shape));
        return false;
    }
    return true;
}

/* x W^T + bias, not recorded. */
static tp_tensor *linear_value(const char *op, tp_tensor *x, tp_tensor *w, tp_tensor *bias, tp_dtype dtype) {
    tp_shape shape = x->shape;
    shape.dims[shape.ndim - 1] = w->shape.dims[0];
    tp_tensor *rows = x->shape.ndim == 2 ? operand(op, x, dtype) : tp__packed(op, x, dtype);
    tp_tensor *weight = rows ? operand(op, w, dtype) : NULL,
              *b = bias && weight ? tp__packed(op, bias, dtype) : NULL;
    tp_tensor *y = weight && (b || !bias) ? tp__tensor_new(op, shape, dtype) : NULL;
    if (!y || y->numel == 0) return y;
    tp__product p = {.dtype = dtype, .batch = 1, .n = w->shape.dims[0], .k = w->shape.dims[1]};
    p.m = y->numel / p.n;
    p.a = tp__data(rows);
    p.a_cs = p.k == 1 ? 1 : rows->strides[rows->shape.ndim - 1];
    p.a_rs = x->shape.ndim == 2 && p.m != 1 ? rows->strides[0] : p.k;
    p.b = tp__data(weight);
    p.b_cs = p.n == 1 ? p.k : weight->strides[0];
    p.b_rs = p.k == 1 ? 1 : weight->strides[1];
    p.c = tp__data(y);
    p.c_rs = p.n;
    p.c_cs = 1;
    p.col_bias = b ? tp__data(b) : NULL;
    return tp__product_run(op, &p) ? y : NULL;
}

tp_tensor *tp_linear(tp_tensor *x, tp_tensor *weight, tp_tensor *bias) {
    const char *op = "linear";
    TP_REQUIRE(x, op);
    TP_REQUIRE(weight, op);
    TP_OPTIONAL(bias);
    tp_dtype dtype;
    if (!linear_check(op, x, weight, bias) || !check_product_dtype(op, x, weight, &dtype)) return NULL;
    if (bias && !tp__require_floating(op, "bias", bias)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *y = linear_value(op, x, weight, bias, dtype);
    if (y) {
        uint32_t used = (tp__needs_grad(x) ? 2u : 0) | (tp__needs_grad(weight) ? 1u : 0);
        tp__call call = {.op = &linear_op,
                         .n_in = 3,
                         .in = (tp_tensor *[]){x, weight, bias},
                         .n_out = 1,
                         .out = &y,
                         .skip_inputs = ~used};
        if (!tp__record_call(&call)) y = NULL;
    }
    return tp_scope_return(scope, y);
}

/* ---- vectors --------------------------------------------------------------------------------------------- */

tp_tensor *tp_dot(tp_tensor *a, tp_tensor *b) {
    const char *op = "dot";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    tp_dtype dtype;
    if (a->shape.ndim != 1 || b->shape.ndim != 1 || a->numel != b->numel)
        TP_FAIL(TP_ERR_SHAPE, op, "takes two vectors of one size, got %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    if (!check_matmul_dtype(op, a, b, &dtype)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    return tp_scope_return(scope, tp__is_floating(dtype) ? tp_sum(tp_mul(a, b)) : tp_matmul(a, b));
}

tp_tensor *tp_outer(tp_tensor *a, tp_tensor *b) {
    const char *op = "outer";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    if (a->shape.ndim != 1 || b->shape.ndim != 1)
        TP_FAIL(TP_ERR_SHAPE, op, "takes two vectors, got %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    if (tp__shape_check(op, TP_SHAPE(a->numel, b->numel), TP_F64) < 0) return NULL;
    tp_scope *scope = tp_scope_begin();
    return scope ? tp_scope_return(scope, tp_mul(tp_unsqueeze(a, 1), b)) : NULL;
}
