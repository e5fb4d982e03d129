/* Attention in public ops, and sinusoidal positions. */
#include "taper/attention.h"

#include <math.h>

#include "ops/attention.h"
#include "taper/linalg.h"
#include "taper/norm.h"
#include "taper/tensor.h"

/* ---- arguments ---------------------------------------------------------------------------------------- */

/* All dims but the last two. */
static tp_shape attention_leading(const tp_tensor *t) {
    tp_shape shape = t->shape;
    shape.ndim -= 2;
    return shape;
}

static int64_t attention_size(const tp_tensor *t, int from_end) {
    return t->shape.dims[t->shape.ndim - from_end];
}

static bool attention_check_types(const char *op, const tp_tensor *q, const tp_tensor *k, const tp_tensor *v,
                                  const tp_attention_options *o) {
    const tp_tensor *mask = o->attn_mask;
    if (!tp__require_floating(op, "q", q)) return false;
    if (k->dtype != q->dtype || v->dtype != q->dtype)
        TP_FAIL(TP_ERR_DTYPE, op, "q, k and v must be of one dtype, got %s, %s and %s", tp__dtype_text(q),
                tp__dtype_text(k), tp__dtype_text(v));
    if (mask && mask->dtype != TP_BOOL && mask->dtype != TP_F32 && mask->dtype != q->dtype)
        TP_FAIL(TP_ERR_DTYPE, op, "attn_mask must be bool, float32 or of the dtype of q, %s, got %s",
                tp__dtype_text(q), tp__dtype_text(mask));
    if (!(o->dropout_p >= 0 && o->dropout_p <= 1))
        TP_FAIL(TP_ERR_ARGUMENT, op, "dropout_p %g is not in [0, 1]", o->dropout_p);
    return true;
}

/* k and v may have fewer heads than q. */
static bool attention_check_heads(const char *op, const tp_tensor *q, const tp_tensor *k,
                                  const tp_tensor *v) {
    if (q->shape.ndim < 3 || k->shape.ndim < 3 || v->shape.ndim < 3)
        TP_FAIL(TP_ERR_SHAPE, op, "grouped heads need 3 dims or more, got q %s, k %s and v %s",
                tp__shape_text(q->shape), tp__shape_text(k->shape), tp__shape_text(v->shape));
    const int64_t heads = attention_size(q, 3), of_k = attention_size(k, 3), of_v = attention_size(v, 3);
    if (of_k < 1 || of_v < 1 || heads % of_k != 0 || heads % of_v != 0)
        TP_FAIL(TP_ERR_SHAPE, op, "%lld heads of q are not a multiple of %lld of k and %lld of v",
                (long long)heads, (long long)of_k, (long long)of_v);
    return true;
}

/* The leading dims of the result, with those of q for the heads of k and v if they are grouped. */
static bool attention_check_shapes(const char *op, const tp_tensor *q, const tp_tensor *k, const tp_tensor *v,
                                   const tp_attention_options *o, tp_shape *leading) {
    if (q->shape.ndim < 2 || k->shape.ndim < 2 || v->shape.ndim < 2 ||
        attention_size(q, 1) != attention_size(k, 1) || attention_size(k, 2) != attention_size(v, 2))
        TP_FAIL(TP_ERR_SHAPE, op,
                "q, k and v must be (..., L, E), (..., S, E) and (..., S, Ev), got %s, %s and %s",
                tp__shape_text(q->shape), tp__shape_text(k->shape), tp__shape_text(v->shape));
    tp_shape of_q = attention_leading(q), of_k = attention_leading(k), of_v = attention_leading(v);
    if (o->enable_gqa) {
        if (!attention_check_heads(op, q, k, v)) return false;
        of_k.dims[of_k.ndim - 1] = of_v.dims[of_v.ndim - 1] = of_q.dims[of_q.ndim - 1];
    }
    if (!tp__broadcast(of_q, of_k, leading) || !tp__broadcast(*leading, of_v, leading))
        TP_FAIL(TP_ERR_SHAPE, op, "leading dims of q, k and v do not broadcast: %s, %s and %s",
                tp__shape_text(q->shape), tp__shape_text(k->shape), tp__shape_text(v->shape));
    if (!o->attn_mask) return true;
    tp_shape scores = *leading, both;
    scores.dims[scores.ndim++] = attention_size(q, 2);
    scores.dims[scores.ndim++] = attention_size(k, 2);
    if (!tp__broadcast(scores, o->attn_mask->shape, &both) || !tp_shape_equal(scores, both))
        TP_FAIL(TP_ERR_SHAPE, op, "attn_mask %s does not broadcast to the scores, %s",
                tp__shape_text(o->attn_mask->shape), tp__shape_text(scores));
    return true;
}

/* ---- the definition ----------------------------------------------------------------------------------- */

/* softmax over the keys, but zeros where all scores are -Inf. */
static tp_tensor *attention_softmax(tp_tensor *scores) {
    tp_tensor *dead = tp_eq_scalar(tp_amax(tp_detach(scores), TP_DIMS(-1), true), -INFINITY);
    tp_tensor *zero = tp__constant(scores, 0);
    return tp_where(dead, zero, tp_softmax(tp_where(dead, zero, scores), -1));
}

tp_tensor *tp__attention_weights(const tp__attention *a, tp_tensor *q, tp_tensor *k, tp_tensor *mask) {
    tp_tensor *scores = tp_matmul(tp_mul_scalar(q, a->scale), tp_transpose(k, -2, -1)),
              *never = tp__constant(q, -INFINITY);
    if (mask) scores = mask->dtype == TP_BOOL ? tp_where(mask, scores, never) : tp_add(scores, mask);
    if (a->causal) {
        const tp_shape square = TP_SHAPE(attention_size(q, 2), attention_size(k, 2));
        scores = tp_where(tp_tril(tp_ones(square, TP_BOOL), 0), scores, never);
    }
    const bool empty = attention_size(k, 2) == 0; /* of no keys there is no largest score */
    tp_tensor *p = mask && !empty ? attention_softmax(scores) : tp_softmax(scores, -1);
    return tp_dropout(p, a->dropout, true, a->generator);
}

tp_tensor *tp__attention_composite(const tp__attention *a, tp_tensor *q, tp_tensor *k, tp_tensor *v,
                                   tp_tensor *mask) {
    return tp_matmul(tp__attention_weights(a, q, k, mask), v);
}

/* k or v with a head for each of q. */
static tp_tensor *attention_heads(tp_tensor *t, const tp_tensor *q) {
    const int64_t each = attention_size(q, 3) / attention_size(t, 3);
    return each == 1 ? t : tp_repeat_interleave(t, each, -3);
}

/* `t` with these leading dims, a view. */
static tp_tensor *attention_expanded(tp_tensor *t, tp_shape leading) {
    tp_shape shape = leading;
    shape.dims[shape.ndim++] = attention_size(t, 2);
    shape.dims[shape.ndim++] = attention_size(t, 1);
    return tp_shape_equal(shape, t->shape) ? t : tp_expand(t, shape);
}

static tp_tensor *attention_run(const tp__attention *a, tp_shape leading, tp_tensor *q, tp_tensor *k,
                                tp_tensor *v, tp_tensor *mask) {
    if (a->dropout > 0 || (mask && tp__will_record(1, &mask)))
        return tp__attention_composite(a, q, k, v, mask);
    q = attention_expanded(q, leading);
    k = attention_expanded(k, leading);
    v = attention_expanded(v, leading);
    return q && k && v ? tp__attention_fused(a, q, k, v, mask) : NULL;
}

tp_tensor *tp_scaled_dot_product_attention(tp_tensor *q, tp_tensor *k, tp_tensor *v,
                                           tp_attention_options options) {
    const char *op = TP__ATTENTION;
    TP_REQUIRE(q, op);
    TP_REQUIRE(k, op);
    TP_REQUIRE(v, op);
    TP_OPTIONAL(options.attn_mask);
    tp_shape leading;
    if (!attention_check_types(op, q, k, v, &options) ||
        !attention_check_shapes(op, q, k, v, &options, &leading))
        return NULL;
    const int64_t size = attention_size(q, 1);
    const tp__attention a = {.scale = tp__default(options.scale, size ? 1 / sqrt((double)size) : 1),
                             .causal = options.is_causal,
                             .dropout = options.dropout_p,
                             .generator = options.generator};
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    if (options.enable_gqa) {
        k = attention_heads(k, q);
        v = attention_heads(v, q);
    }
    return tp_scope_return(s, k && v ? attention_run(&a, leading, q, k, v, options.attn_mask) : NULL);
}

/* ---- positions ---------------------------------------------------------------------------------------- */

tp_tensor *tp_sinusoidal_positions(int64_t length, int64_t dim, tp_dtype dtype) {
    const char *op = "sinusoidal_positions";
    if (!tp__is_floating(dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "positions are float32 or float64, got %s", tp_dtype_name(dtype));
    tp_tensor *y = tp__tensor_new(op, TP_SHAPE(length, dim), dtype);
    if (!y) return NULL;
    const size_t item = tp__itemsize(dtype);
    char *to = tp__data(y);
    for (int64_t t = 0; t < length && dim > 0; t++)
        for (int64_t i = 0; i < dim; i++, to += item) {
            const double angle = (double)t / pow(10000, (double)(i - i % 2) / (double)dim);
            tp__store_f64(to, dtype, i % 2 ? cos(angle) : sin(angle));
        }
    return y;
}
