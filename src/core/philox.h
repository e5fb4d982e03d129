/* Philox 4x32-10 and what is made from its words. Compiled once, without contraction and without libm, so that every
 * machine draws the same numbers. Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
#ifndef TP__CORE_PHILOX_H
#define TP__CORE_PHILOX_H

#include "core/thread.h"

/* The four words of one block. */
void tp__philox(uint64_t seed, uint64_t block, uint32_t out[4]);

/* What a draw's elements are. */
typedef enum tp__draw_kind {
    TP__DRAW_UNIFORM,
    TP__DRAW_NORMAL,
    TP__DRAW_INTEGER,
    TP__DRAW_BERNOULLI
} tp__draw_kind;

typedef struct tp__draw {
    tp__draw_kind kind;
    tp_dtype dtype;
    double a, b; /* uniform in [a, b); mean and standard deviation; probability a */
    int64_t low; /* integer in [low, low + range) */
    uint64_t range;
} tp__draw;

/* Fills n packed elements and advances the generator (NULL: the thread's). The generator moves by the same
 * number of blocks for a given kind, dtype and n. */
void tp__draw_fill(const tp__draw *draw, tp_generator *generator, void *out, int64_t n);

#endif
