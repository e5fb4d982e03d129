/* Attention in several heads. */
#include <math.h>
#include <stdio.h>

#include "core/scope.h"
#include "nn/nn.h"
#include "ops/attention.h"
#include "taper/attention.h"
#include "taper/init.h"
#include "taper/linalg.h"
#include "taper/nn.h"
#include "taper/nn_attention.h"

enum { MHA_Q, MHA_K, MHA_V, MHA_PARTS };

typedef struct nn_mha {
    tp_module base;
    int64_t size, heads, features[MHA_PARTS]; /* of queries, keys and values as they come */
    tp_nn_multihead_attention_options options;
    tp_tensor *whole, *part[MHA_PARTS]; /* in_proj_weight, or the three */
    tp_tensor *bias, *bias_k, *bias_v;
    tp_module *out;
} nn_mha;

/* ---- one call ----------------------------------------------------------------------------------------- */

/* Made uniform: x[] are (N, T, features) if batch_first, else (T, N, features). */
typedef struct mha_call {
    const char *op;
    nn_mha *self;
    tp_tensor *x[MHA_PARTS];
    int64_t batch, queries, keys; /* keys grow by those added */
    bool alone;
    tp_attention_masks masks;
} mha_call;

static bool mha_check_inputs(mha_call *c) {
    tp_tensor *const *x = c->x;
    const nn_mha *self = c->self;
    const int n = x[MHA_Q]->shape.ndim, batch_dim = self->options.batch_first ? 0 : 1;
    bool fits = n == 2 || n == 3;
    for (int i = 0; i < MHA_PARTS; i++)
        fits = fits && x[i]->shape.ndim == n && x[i]->shape.dims[n - 1] == self->features[i] &&
               (n == 2 || x[i]->shape.dims[batch_dim] == x[0]->shape.dims[batch_dim]);
    const int length_dim = n == 3 ? 1 - batch_dim : 0;
    if (!fits || x[MHA_K]->shape.dims[length_dim] != x[MHA_V]->shape.dims[length_dim])
        TP_FAIL(TP_ERR_SHAPE, c->op,
                "q, k and v must be %s with %lld, %lld and %lld features, got %s, %s and %s",
                self->options.batch_first ? "(N, L, ...) and twice (N, S, ...)"
                                          : "(L, N, ...) and twice (S, N, ...)",
                (long long)self->features[0], (long long)self->features[1], (long long)self->features[2],
                tp__shape_text(x[0]->shape), tp__shape_text(x[1]->shape), tp__shape_text(x[2]->shape));
    c->alone = n == 2;
    c->batch = c->alone ? 1 : x[0]->shape.dims[batch_dim];
    c->queries = x[MHA_Q]->shape.dims[length_dim];
    c->keys = x[MHA_K]->shape.dims[length_dim];
    return true;
}

static bool mha_check_mask(const mha_call *c, const tp_tensor *mask, const char *name, tp_shape one,
                           tp_shape other) {
    if (!mask) return true;
    if (mask->dtype != TP_BOOL && !tp__is_floating((tp_dtype)mask->dtype))
        TP_FAIL(TP_ERR_DTYPE, c->op, "%s must be bool, float32 or float64, got %s", name,
                tp__dtype_text(mask));
    if (tp_shape_equal(mask->shape, one) || tp_shape_equal(mask->shape, other)) return true;
    const bool both = !tp_shape_equal(one, other);
    TP_FAIL(TP_ERR_SHAPE, c->op, "%s must be %s%s%s, got %s", name, tp__shape_text(one), both ? " or " : "",
            both ? tp__shape_text(other) : "", tp__shape_text(mask->shape));
}

static bool mha_check(mha_call *c) {
    static const char *const names[MHA_PARTS] = {"q", "k", "v"};
    for (int i = 0; i < MHA_PARTS; i++)
        if (!c->x[i]) {
            tp__error_null(c->op, names[i]);
            return false;
        }
    if ((!c->masks.attn_mask || !c->masks.key_padding_mask) && tp__error_pending()) return false;
    if (!mha_check_inputs(c)) return false;
    const tp_shape padding = TP_SHAPE(c->batch, c->keys);
    return mha_check_mask(c, c->masks.attn_mask, "attn_mask", TP_SHAPE(c->queries, c->keys),
                          TP_SHAPE(c->batch * c->self->heads, c->queries, c->keys)) &&
           mha_check_mask(c, c->masks.key_padding_mask, "key_padding_mask", padding,
                          c->alone ? TP_SHAPE(c->keys) : padding);
}

/* ---- queries, keys and values ------------------------------------------------------------------------- */

/* All three at once of one tensor, which is their usual number; else each by its rows of the weights. */
static void mha_project(const mha_call *c, tp_tensor **to) {
    const nn_mha *self = c->self;
    const int64_t size = self->size;
    if (self->whole && c->x[MHA_Q] == c->x[MHA_K] && c->x[MHA_K] == c->x[MHA_V]) {
        tp_tensor *all = tp_linear(c->x[MHA_Q], self->whole, self->bias);
        for (int i = 0; i < MHA_PARTS; i++) to[i] = tp_narrow(all, -1, i * size, size);
        return;
    }
    for (int i = 0; i < MHA_PARTS; i++)
        to[i] = tp_linear(c->x[i], self->whole ? tp_narrow(self->whole, 0, i * size, size) : self->part[i],
                          self->bias ? tp_narrow(self->bias, 0, i * size, size) : NULL);
}

/* One more step: `row` (1, 1, E) for each of the batch. */
static tp_tensor *mha_longer(const mha_call *c, tp_tensor *t, tp_tensor *row) {
    const bool first = c->self->options.batch_first;
    const tp_shape shape =
        first ? TP_SHAPE(c->batch, 1, c->self->size) : TP_SHAPE(1, c->batch, c->self->size);
    return tp_cat(TP_TENSORS(t, tp_expand(row, shape)), first ? 1 : 0);
}

/* Inputs of one sequence as a batch of one; what is one tensor stays one. */
static void mha_batch_of_one(mha_call *c) {
    tp_tensor *const given[MHA_PARTS] = {c->x[0], c->x[1], c->x[2]};
    for (int i = 0; i < MHA_PARTS; i++)
        c->x[i] = i > 0 && given[i] == given[i - 1]
                      ? c->x[i - 1]
                      : tp_unsqueeze(given[i], c->self->options.batch_first ? 0 : 1);
}

/* What is projected, and the keys and values that are added to it, by heads: views (N, heads, T, E / heads). */
static void mha_prepare(const mha_call *c, tp_tensor **to) {
    const nn_mha *self = c->self;
    mha_project(c, to);
    if (self->bias_k) {
        to[MHA_K] = mha_longer(c, to[MHA_K], self->bias_k);
        to[MHA_V] = mha_longer(c, to[MHA_V], self->bias_v);
    }
    if (self->options.add_zero_attn) {
        tp_tensor *zero = to[MHA_K] ? tp_zeros(TP_SHAPE(1, 1, self->size), (tp_dtype)to[MHA_K]->dtype) : NULL;
        to[MHA_K] = mha_longer(c, to[MHA_K], zero);
        to[MHA_V] = mha_longer(c, to[MHA_V], zero);
    }
    const tp_shape heads = TP_SHAPE(self->heads, self->size / self->heads);
    for (int i = 0; i < MHA_PARTS; i++)
        to[i] = tp_permute(tp_unflatten(to[i], -1, heads),
                           self->options.batch_first ? TP_DIMS(0, 2, 1, 3) : TP_DIMS(1, 2, 0, 3));
}

/* ---- masks -------------------------------------------------------------------------------------------- */

/* How many keys are added behind those given. */
static int64_t mha_added_keys(const nn_mha *self) {
    return (self->bias_k ? 1 : 0) + (self->options.add_zero_attn ? 1 : 0);
}

/* `mask` with `count` more columns, which hide nothing. */
static tp_tensor *mha_wider(tp_tensor *mask, int64_t count) {
    if (!mask || count == 0) return mask;
    tp_shape shape = mask->shape;
    shape.dims[shape.ndim - 1] = count;
    return tp_cat(TP_TENSORS(mask, tp_zeros(shape, (tp_dtype)mask->dtype)), -1);
}

/* A mask as numbers to be added. */
static tp_tensor *mha_numbers(tp_tensor *mask, tp_dtype dtype) {
    if (!mask || mask->dtype != TP_BOOL) return mask;
    return tp_masked_fill(tp_zeros(mask->shape, dtype), mask, -INFINITY);
}

/* Hides what either hides. */
static tp_tensor *mha_both(tp_tensor *a, tp_tensor *b, tp_dtype dtype) {
    if (a && b && a->dtype == TP_BOOL && b->dtype == TP_BOOL) return tp_logical_or(a, b);
    return tp_add(mha_numbers(a, dtype), mha_numbers(b, dtype));
}

/* All masks as one, in the meaning of tp_scaled_dot_product_attention(): *mask, NULL if there are none. *causal is
 * whether what comes later is still to be hidden: added keys, which come last but are for all, must not be. False
 * after an error. */
static bool mha_mask(const mha_call *c, tp_dtype dtype, tp_tensor **mask, bool *causal) {
    const int64_t added = mha_added_keys(c->self), heads = c->self->heads;
    tp_tensor *scores = c->masks.attn_mask, *padding = c->masks.key_padding_mask, *parts[3], *all;
    int count = 0;
    *causal = c->masks.is_causal && added == 0;
    *mask = NULL;
    if (scores)
        parts[count++] = scores->shape.ndim == 3
                             ? tp_reshape(scores, TP_SHAPE(c->batch, heads, c->queries, c->keys))
                             : scores;
    if (c->masks.is_causal && added)
        parts[count++] = tp_triu(tp_ones(TP_SHAPE(c->queries, c->keys), TP_BOOL), 1);
    if (padding) parts[count++] = tp_reshape(padding, TP_SHAPE(c->batch, 1, 1, c->keys));
    if (count == 0) return true;
    all = parts[0];
    for (int i = 1; i < count; i++) all = mha_both(all, parts[i], dtype);
    all = mha_wider(all, added);
    *mask = all && all->dtype == TP_BOOL ? tp_logical_not(all) : tp_to_dtype(all, dtype);
    return *mask != NULL;
}

/* ---- the call ----------------------------------------------------------------------------------------- */

/* (N, heads, T, E / heads) as the inputs are laid out, (N, T, E) or (T, N, E). */
static tp_tensor *mha_merged(const mha_call *c, tp_tensor *y) {
    const bool first = c->self->options.batch_first;
    return tp_flatten(tp_permute(y, first ? TP_DIMS(0, 2, 1, 3) : TP_DIMS(2, 0, 1, 3)), 2, 3);
}

static void mha_run(mha_call *c, tp_attention_out *out) {
    const nn_mha *self = c->self;
    tp_tensor *x[MHA_PARTS];
    bool causal = false;
    if (c->alone) mha_batch_of_one(c);
    mha_prepare(c, x);
    if (!x[MHA_Q] || !x[MHA_K] || !x[MHA_V]) return;
    tp_tensor *mask, *y, *weights = NULL;
    if (!mha_mask(c, (tp_dtype)x[MHA_Q]->dtype, &mask, &causal)) return;
    const double dropout = self->base.training ? self->options.dropout : 0;
    if (c->masks.need_weights) {
        const tp__attention a = {.scale = 1 / sqrt((double)self->size / (double)self->heads),
                                 .causal = causal,
                                 .dropout = dropout};
        weights = tp__attention_weights(&a, x[MHA_Q], x[MHA_K], mask);
        y = tp_matmul(weights, x[MHA_V]);
        if (!c->masks.per_head) weights = tp_mean_dim(weights, TP_DIMS(1), false);
        if (c->alone) weights = tp_squeeze(weights, TP_DIMS(0));
    } else {
        y = tp_scaled_dot_product_attention(x[MHA_Q], x[MHA_K], x[MHA_V],
                                            (tp_attention_options){.attn_mask = mask,
                                                                   .dropout_p = dropout,
                                                                   .is_causal = causal});
    }
    y = tp_forward(self->out, mha_merged(c, y));
    if (c->alone) y = tp_squeeze(y, TP_DIMS(self->options.batch_first ? 0 : 1));
    *out = (tp_attention_out){y, weights};
}

/* Into the current scope. */
static tp_attention_out mha_call_run(mha_call c) {
    tp_attention_out out = {NULL, NULL};
    if (!mha_check(&c)) return out;
    tp_scope *s = tp_scope_begin();
    if (!s) return out;
    mha_run(&c, &out);
    tp_tensor *both[] = {out.output, out.weights};
    tp__hand_over(s, c.masks.need_weights ? 2 : 1, both);
    return (tp_attention_out){both[0], both[1]};
}

static tp_tensor *nn_mha_forward(tp_module *m, tp_tensor *x) {
    return mha_call_run(
               (mha_call){.op = "nn_multihead_attention_forward", .self = (nn_mha *)m, .x = {x, x, x}})
        .output;
}

static tp_tensor *nn_mha_forward_all(tp_module *m, tp_tensors in) {
    if (in.count == 1) return nn_mha_forward(m, in.items[0]);
    if (in.count != 3)
        TP_FAIL(TP_ERR_ARGUMENT, "forward_all", "a %s takes 1 or 3 tensors, got %d", m->type->name, in.count);
    return mha_call_run((mha_call){.op = "nn_multihead_attention_forward",
                                   .self = (nn_mha *)m,
                                   .x = {in.items[0], in.items[1], in.items[2]}})
        .output;
}

/* ---- making it ---------------------------------------------------------------------------------------- */

static const tp_module_class nn_mha_class = {.name = "MultiheadAttention",
                                             .size = sizeof(nn_mha),
                                             .forward = nn_mha_forward,
                                             .forward_all = nn_mha_forward_all};

static bool mha_add_weight(nn_mha *self, const char *name, tp_tensor **slot, int64_t rows, int64_t columns) {
    const tp_nn_multihead_attention_options *o = &self->options;
    tp_tensor *w = tp_init_xavier_uniform_(tp_empty(TP_SHAPE(rows, columns), o->dtype), 1, o->generator);
    return tp_module_register_parameter(&self->base, name, slot, w) != NULL;
}

static bool mha_add_key(nn_mha *self, const char *name, tp_tensor **slot) {
    const tp_nn_multihead_attention_options *o = &self->options;
    tp_tensor *row = tp_init_xavier_normal_(tp_empty(TP_SHAPE(1, 1, self->size), o->dtype), 1, o->generator);
    return tp_module_register_parameter(&self->base, name, slot, row) != NULL;
}

static bool mha_fill(nn_mha *self) {
    static const char *const names[MHA_PARTS] = {"q_proj_weight", "k_proj_weight", "v_proj_weight"};
    const tp_nn_multihead_attention_options *o = &self->options;
    const int64_t size = self->size;
    if (self->features[MHA_K] == size && self->features[MHA_V] == size) {
        if (!mha_add_weight(self, "in_proj_weight", &self->whole, 3 * size, size)) return false;
    } else {
        for (int i = 0; i < MHA_PARTS; i++)
            if (!mha_add_weight(self, names[i], &self->part[i], size, self->features[i])) return false;
    }
    if (!o->no_bias && !tp_module_register_parameter(&self->base, "in_proj_bias", &self->bias,
                                                     tp_zeros(TP_SHAPE(3 * size), o->dtype)))
        return false;
    if (o->add_bias_kv &&
        (!mha_add_key(self, "bias_k", &self->bias_k) || !mha_add_key(self, "bias_v", &self->bias_v)))
        return false;
    self->out = tp_module_add(&self->base, "out_proj",
                              tp_nn_linear(size, size,
                                           (tp_linear_options){.no_bias = o->no_bias,
                                                               .dtype = o->dtype,
                                                               .generator = o->generator}));
    return self->out && (o->no_bias || tp_init_zeros_(tp_module_find(self->out, "bias")));
}

tp_module *tp_nn_multihead_attention(int64_t embed_dim, int64_t num_heads,
                                     tp_nn_multihead_attention_options options) {
    const char *op = "nn_multihead_attention";
    if (embed_dim < 1 || num_heads < 1 || embed_dim % num_heads != 0 || embed_dim > INT64_MAX / 3)
        TP_FAIL(TP_ERR_ARGUMENT, op, "embed_dim %lld must be a multiple of num_heads %lld, and both positive",
                (long long)embed_dim, (long long)num_heads);
    if (options.kdim < 0 || options.vdim < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "kdim %lld and vdim %lld; neither may be negative",
                (long long)options.kdim, (long long)options.vdim);
    if (!(options.dropout >= 0 && options.dropout <= 1))
        TP_FAIL(TP_ERR_ARGUMENT, op, "dropout must be in [0, 1], got %g", options.dropout);
    if (!tp__nn_check_dtype(op, options.dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_mha *self = s ? (nn_mha *)tp_module_new(&nn_mha_class) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->size = embed_dim;
    self->heads = num_heads;
    self->features[MHA_Q] = embed_dim;
    self->features[MHA_K] = options.kdim ? options.kdim : embed_dim;
    self->features[MHA_V] = options.vdim ? options.vdim : embed_dim;
    self->options = options;
    return tp__module_finish(&self->base, s, mha_fill(self));
}

tp_attention_out tp_nn_multihead_attention_forward(tp_module *m, tp_tensor *q, tp_tensor *k, tp_tensor *v,
                                                   tp_attention_masks masks) {
    const char *op = "nn_multihead_attention_forward";
    nn_mha *self = tp__module_of(op, m, &nn_mha_class);
    if (!self) return (tp_attention_out){NULL, NULL};
    return mha_call_run((mha_call){.op = op, .self = self, .x = {q, k, v}, .masks = masks});
}
