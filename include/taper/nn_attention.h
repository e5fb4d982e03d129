/* Ready-made modules of attention and transformers; what nn.h says of modules holds for them. */
#ifndef TAPER_NN_ATTENTION_H
#define TAPER_NN_ATTENTION_H

#include "taper/base.h"
#include "taper/dtype.h"
#include "taper/module.h"
#include "taper/random.h"

TP_BEGIN_DECLS

/* Masks are PyTorch's here: a BOOL mask is true where something is hidden, the opposite of tp_scaled_dot_product_attention()'s. A floating
 * one is added to the scores. */

typedef struct tp_nn_multihead_attention_options {
    double dropout; /* of the weights, in training, from the thread's default generator */
    bool no_bias;
    bool add_bias_kv;   /* one more key and value, which are parameters */
    bool add_zero_attn; /* one more key and value, which are zero */
    int64_t kdim, vdim; /* features of keys and values; 0 is embed_dim */
    bool batch_first;   /* tensors are (N, T, ...) instead of (T, N, ...) */
    tp_dtype dtype;
    tp_generator *generator; /* of the weights */
} tp_nn_multihead_attention_options;

/* Attention in num_heads parts of the features, of projected queries, keys and values: concat(head_1, ...) W_out^T + b_out, with
 * head_h = attention(q W_qh^T + b_qh, k W_kh^T + b_kh, v W_vh^T + b_vh). Parameters: in_proj_weight (3 E, E), of q, k and v one below the
 * other, or, if kdim or vdim differ, q_proj_weight (E, E), k_proj_weight (E, kdim), v_proj_weight (E, vdim), all uniform by
 * tp_init_xavier_uniform_(); in_proj_bias (3 E) zeros; bias_k and bias_v (1, 1, E) by tp_init_xavier_normal_(); out_proj.weight (E, E)
 * and out_proj.bias (E) as tp_nn_linear()'s, the bias zeros. tp_forward() is self-attention, tp_forward_all(m, TP_TENSORS(q, k, v))
 * attention without masks. Errors: TP_ERR_ARGUMENT unless num_heads divides embed_dim.
 * Sources: Vaswani et al. 2017; torch.nn.MultiheadAttention. */
TP_API tp_module *tp_nn_multihead_attention(int64_t embed_dim, int64_t num_heads,
                                            tp_nn_multihead_attention_options options);

typedef struct tp_attention_masks {
    tp_tensor *attn_mask;        /* (L, S) or (N num_heads, L, S), or NULL */
    tp_tensor *key_padding_mask; /* (N, S), of one sequence (S): keys that nobody sees; or NULL */
    bool is_causal;              /* query i sees the keys 0 to i alone; no mask need be given for it */
    bool need_weights;           /* PyTorch's default is true; they take (N, num_heads, L, S) */
    bool per_head; /* the weights of each head instead of their mean: PyTorch's average_attn_weights=False */
} tp_attention_masks;

typedef struct tp_attention_out {
    tp_tensor *output, *weights;
} tp_attention_out;

/* q: (L, N, E), k: (S, N, kdim), v: (S, N, vdim), with batch_first (N, L, E) and so on, or one sequence (L, E), (S, kdim), (S, vdim).
 * output: of q's shape. weights, if they are asked for: (N, L, S), or (N, num_heads, L, S), of one sequence without N; after dropout. Of a
 * query that sees no key all weights are zero. Without weights, dropout and learned masks no (L, S) is stored. All results, or all
 * NULL. Errors: TP_ERR_SHAPE, TP_ERR_DTYPE; TP_ERR_ARGUMENT for another module. */
TP_API tp_attention_out tp_nn_multihead_attention_forward(tp_module *m, tp_tensor *q, tp_tensor *k,
                                                          tp_tensor *v, tp_attention_masks masks);

typedef struct tp_nn_transformer_options {
    int64_t dim_feedforward; /* 0 is 2048 */
    double dropout;          /* 0 is 0.1, TP_ZERO is none */
    bool gelu;               /* instead of relu */
    double layer_norm_eps;   /* 0 is 1e-5 */
    bool batch_first;        /* x is (N, T, E) instead of (T, N, E) */
    bool norm_first;         /* normalise before attention and before the network, instead of after */
    bool no_bias;
    bool is_causal;  /* each position sees itself and those before: a decoder without an encoder, as GPT */
    bool final_norm; /* of tp_nn_transformer_encoder(): normalise what the last layer gives */
    tp_dtype dtype;
    tp_generator *generator; /* of the weights; dropout draws from the thread's default one */
} tp_nn_transformer_options;

/* x = norm1(x + attention(x)), x = norm2(x + linear2(relu(linear1(x)))), with dropout of each part's result and of what goes into linear2;
 * with norm_first x = x + attention(norm1(x)), x = x + linear2(relu(linear1(norm2(x)))). Children: self_attn, linear1, dropout, linear2,
 * norm1, norm2, dropout1, dropout2. x: (T, N, d_model), (N, T, d_model) or (T, d_model) -> x's shape.
 * Source: torch.nn.TransformerEncoderLayer. */
TP_API tp_module *tp_nn_transformer_encoder_layer(int64_t d_model, int64_t num_heads,
                                                  tp_nn_transformer_options options);

/* So many layers one after the other, layers.0, layers.1, ..., each with weights drawn for itself, and, if asked for, norm.
 * Source: torch.nn.TransformerEncoder, whose layers begin with the same weights. */
TP_API tp_module *tp_nn_transformer_encoder(int64_t d_model, int64_t num_heads, int num_layers,
                                            tp_nn_transformer_options options);

/* The same with masks, for all layers; tp_forward() is without. need_weights and per_head do not count. */
TP_API tp_tensor *tp_nn_transformer_encoder_layer_forward(tp_module *m, tp_tensor *x,
                                                          tp_attention_masks masks);
TP_API tp_tensor *tp_nn_transformer_encoder_forward(tp_module *m, tp_tensor *x, tp_attention_masks masks);

typedef struct tp_nn_positional_encoding_options {
    double dropout;   /* of the sum, in training, from the thread's default generator */
    bool learned;     /* a parameter instead of waves */
    bool batch_first; /* x is (N, T, E) instead of (T, N, E) */
    tp_dtype dtype;
    tp_generator *generator; /* of the learned ones */
} tp_nn_positional_encoding_options;

/* Adds to x what tells positions apart: the first T rows of a buffer pe (max_len, dim), tp_sinusoidal_positions(), or of a parameter
 * weight (max_len, dim), normal with a deviation of 0.02. x: (T, N, dim), (N, T, dim) or (T, dim), T at most max_len (TP_ERR_SHAPE).
 * Sources: Vaswani et al. 2017, section 3.5; Radford et al. 2019 (GPT-2). */
TP_API tp_module *tp_nn_positional_encoding(int64_t max_len, int64_t dim,
                                            tp_nn_positional_encoding_options options);

TP_END_DECLS

#endif
