/* What the files about attention share. */
#ifndef TP__OPS_ATTENTION_H
#define TP__OPS_ATTENTION_H

#include "ops/ops.h"

#define TP__ATTENTION "scaled_dot_product_attention"

typedef struct tp__attention {
    double scale;
    bool causal;
    double dropout;
    tp_generator *generator;
} tp__attention;

/* The weights (..., L, S), after dropout, in public ops: of what has been checked; mask may be NULL. NULL with a record. */
tp_tensor *tp__attention_weights(const tp__attention *a, tp_tensor *q, tp_tensor *k, tp_tensor *mask);

/* The definition: these times v. */
tp_tensor *tp__attention_composite(const tp__attention *a, tp_tensor *q, tp_tensor *k, tp_tensor *v,
                                   tp_tensor *mask);

/* The same, but for dropout, as one node that stores no scores. q, k and v have the same leading dims; the mask needs no gradient. */
tp_tensor *tp__attention_fused(const tp__attention *a, tp_tensor *q, tp_tensor *k, tp_tensor *v,
                               tp_tensor *mask);

#endif
