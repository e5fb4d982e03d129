/* Attention: what is done to a block of scores between the matrix products. */
#ifndef TP__KERNELS_ATTENTION_H
#define TP__KERNELS_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

/* A block of q k^T, of some queries (rows) with some keys (columns), not yet scaled.
 * Of row r only the columns up to first + r count: is_causal, or INT64_MAX / 2 for all of them. The mask's rows lie mask_rs apart, its columns
 * mask_cs, which may be 0: bytes, of which nonzero ones let take part, or, if it adds, numbers.
 * stats (rows, 2) are of each query: while the blocks of its keys pass, the largest score so far and the sum of exp(score - largest); when
 * finished, that score, or 0 if it is -Inf, and 1 / sum, or 0 if the sum is. */
typedef struct tp__attention_block {
    int64_t rows, columns, step;
    void *scores;
    double scale;
    int64_t first;
    const void *mask;
    int64_t mask_rs, mask_cs;
    bool mask_adds;
    void *stats;
    bool begins; /* weigh: these are the queries' first keys; stats and out hold nothing yet */
    void *out; /* (rows, values); weigh rescales it to the new largest score, finish divides it by the sum */
    int64_t values;
    void *dp; /* unweigh: what the weights' gradients are, columns `step` apart; becomes the scores' */
    const void *dots; /* unweigh: (rows), the sum over a query's keys of weight times its gradient */
} tp__attention_block;

typedef void tp__attention_fn(const tp__attention_block *block);

/* y[r] = sum_c a[r][c] b[r][c]; rows of a are packed, of b any strides. */
typedef void tp__attention_dots_fn(int64_t rows, int64_t n, const void *a, const void *b, int64_t b_rs,
                                   int64_t b_cs, void *y);

typedef struct tp__attention_kernels {
    tp__attention_fn *weigh[2];   /* scores become exp(score - largest so far), and out is rescaled to that */
    tp__attention_fn *finish[2];  /* the last keys have passed */
    tp__attention_fn *unweigh[2]; /* with finished stats: scores become weights, dp the gradient of scores */
    tp__attention_dots_fn *dots[2];
} tp__attention_kernels;

extern const tp__attention_kernels tp__attention_kernels_base, tp__attention_kernels_v3,
    tp__attention_kernels_v4;

#endif
