/* Attention, and the positions that go with it. */
#ifndef TAPER_ATTENTION_H
#define TAPER_ATTENTION_H

#include "taper/base.h"
#include "taper/dtype.h"
#include "taper/random.h"

TP_BEGIN_DECLS

typedef struct tp_attention_options {
    tp_tensor *attn_mask; /* NULL: none. BOOL: true takes part; floating: added to the scores */
    double dropout_p;     /* of the weights, always: there is no training flag */
    bool is_causal;       /* query i sees the keys 0 to i alone; beside a mask both count */
    double scale;         /* of q k^T: 0 is 1 / sqrt(E), TP_ZERO is 0 */
    bool enable_gqa;      /* k and v may have fewer heads (dim -3): each serves several of q, side by side */
    tp_generator *generator; /* of the dropout; NULL: the thread's default */
} tp_attention_options;

/* softmax(scale q k^T + mask) v, over the keys. q: (..., L, E), k: (..., S, E), v: (..., S, Ev) -> (..., L, Ev), with the leading dims
 * broadcast; attn_mask broadcasts to (..., L, S). q, k, v: all F32 or all F64; a floating mask is F32 or of that dtype. A query
 * that sees no key gives zeros, and passes no gradient on. Neither scores nor weights are stored: they are computed in blocks, forwards and
 * again backwards; except where there is dropout, where the mask is differentiated, or where a graph of the gradient is built: these
 * take memory for (..., L, S). Errors: TP_ERR_SHAPE, TP_ERR_DTYPE; TP_ERR_ARGUMENT for a dropout not in [0, 1].
 * Sources: Vaswani et al. 2017; Dao 2023 (FlashAttention-2); torch.nn.functional.scaled_dot_product_attention, which refuses a mask
 * beside is_causal. */
TP_API tp_tensor *tp_scaled_dot_product_attention(tp_tensor *q, tp_tensor *k, tp_tensor *v,
                                                  tp_attention_options options);

/* The positions 0 to length - 1 as waves: element (t, 2i) is sin(t / 10000^(2i / dim)), element (t, 2i + 1) the cosine of the same.
 * (length, dim), F32 or F64 (TP_ERR_DTYPE). Errors: TP_ERR_SHAPE for a negative size. Source: Vaswani et al. 2017, section 3.5. */
TP_API tp_tensor *tp_sinusoidal_positions(int64_t length, int64_t dim, tp_dtype dtype);

TP_END_DECLS

#endif
