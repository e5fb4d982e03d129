/* Random numbers: Philox 4x32-10, counter based.
 *
 * Element i of a draw depends on (seed, offset, i) alone, so every machine, ISA and thread count draws the
 * same numbers. They are not PyTorch's. Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011. */
#ifndef TAPER_RANDOM_H
#define TAPER_RANDOM_H

#include "taper/base.h"
#include "taper/dtype.h"
#include "taper/shape.h"
#include "taper/status.h"

TP_BEGIN_DECLS

/* A generator's whole state: what tp_generator_set_state() needs to go on from the same place. */
typedef struct tp_generator_state {
    uint64_t seed;
    uint64_t offset; /* blocks of four 32-bit words drawn so far */
} tp_generator_state;

/* Each thread has a default generator, seeded with 0 until the thread calls this. */
TP_API void tp_manual_seed(uint64_t seed);

/* The calling thread's default generator: lent, never freed by the caller, not to be used by other threads. */
TP_API tp_generator *tp_default_generator(void);

/* A generator of one's own, to be freed with tp_generator_free() (NULL does nothing). NULL if out of memory.
 * Wherever a function takes a generator, NULL means the thread's default one. */
TP_API tp_generator *tp_generator_new(uint64_t seed);
TP_API void tp_generator_free(tp_generator *generator);

TP_API tp_generator_state tp_generator_get_state(const tp_generator *generator);
TP_API void tp_generator_set_state(tp_generator *generator, tp_generator_state state);

/* One number at a time, advancing the generator by one block (an integer rarely takes more): uniform in [0, 1) with 53 bits; an integer
 * uniform in [0, n) without bias, 0 for n <= 1. */
TP_API double tp_generator_uniform(tp_generator *generator);
TP_API int64_t tp_generator_below(tp_generator *generator, int64_t n);

/* Tensors of `shape` drawn from `generator` (NULL: the thread's default).
 * tp_rand: uniform in [0, 1); tp_randn: standard normal (Box-Muller). dtype: F32 or F64. */
TP_API tp_tensor *tp_rand(tp_shape shape, tp_dtype dtype, tp_generator *generator);
TP_API tp_tensor *tp_randn(tp_shape shape, tp_dtype dtype, tp_generator *generator);

/* Integers uniform in [low, high), of any dtype but BOOL. Errors: TP_ERR_ARGUMENT unless low < high or the
 * shape is empty, or if the range does not fit the dtype. */
TP_API tp_tensor *tp_randint(int64_t low, int64_t high, tp_shape shape, tp_dtype dtype,
                             tp_generator *generator);

/* A random permutation of 0 .. n-1: (n), I64. */
TP_API tp_tensor *tp_randperm(int64_t n, tp_generator *generator);

/* 1 with probability p, else 0; dtype any. Errors: TP_ERR_ARGUMENT unless 0 <= p <= 1. */
TP_API tp_tensor *tp_bernoulli(double p, tp_shape shape, tp_dtype dtype, tp_generator *generator);

/* tp_rand() and tp_randn() of the shape and dtype of `t`. */
TP_API tp_tensor *tp_rand_like(const tp_tensor *t, tp_generator *generator);
TP_API tp_tensor *tp_randn_like(const tp_tensor *t, tp_generator *generator);

/* Of distributions given by tensors, F32 or F64; not differentiable.
 * tp_bernoulli_of: 1 with probability p, else 0, element by element. Errors: TP_ERR_ARGUMENT for a p outside [0, 1].
 * tp_normal: mean + std z with z standard normal, the two broadcast. Errors: TP_ERR_SHAPE, TP_ERR_ARGUMENT for a negative or NaN std. */
TP_API tp_tensor *tp_bernoulli_of(tp_tensor *p, tp_generator *generator);
TP_API tp_tensor *tp_normal(tp_tensor *mean, tp_tensor *std, tp_generator *generator);

/* Indices drawn with probabilities in proportion to the weights, (n) or (rows, n): (count) or (rows, count), I64. Without replacement
 * none is drawn twice. Errors: TP_ERR_SHAPE, TP_ERR_DTYPE, TP_ERR_ARGUMENT for a negative or not finite weight, or a row with too few
 * positive ones. */
TP_API tp_tensor *tp_multinomial(tp_tensor *weights, int64_t count, bool replacement,
                                 tp_generator *generator);

/* Fills `t` in place with uniform numbers in [low, high) or normal ones of the given mean and standard
 * deviation; `t` is F32 or F64. Returns `t`, or NULL when nothing was changed. Errors: those of in-place ops
 * (elementwise.h); TP_ERR_ARGUMENT unless low <= high, std >= 0, all are finite, and low, high and high - low
 * no more than the dtype holds. */
TP_API tp_tensor *tp_uniform_(tp_tensor *t, double low, double high, tp_generator *generator);
TP_API tp_tensor *tp_normal_(tp_tensor *t, double mean, double std, tp_generator *generator);

TP_END_DECLS

#endif
