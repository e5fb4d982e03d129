/* What the kernel tests share: buffers with guards, whole numbers at random, and one run for each ISA level. */
#ifndef KERNELS_BUFFER_H
#define KERNELS_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/check.h"

/* Elements of F32 (dtype 0) or F64 (1). The values are small whole numbers, so that sums of products are exact in any order and
 * results can be compared for equality. */
typedef struct buffer {
    int dtype;
    int64_t n, guard; /* elements; `guard` more on each side hold a mark that no kernel may touch */
    char *block;
    void *data; /* 64-byte aligned if there are guards; without them ASan sees the ends */
} buffer;

/* The mark, also in all elements of a new buffer: NaN, so that a result made of it shows. */
buffer buffer_new(int dtype, int64_t n);
void buffer_fill(buffer *b, int most);         /* random, from -most to most */
void buffer_free(buffer *b, const char *what); /* after checking the guards */
double buffer_get(const buffer *b, int64_t i);
void buffer_set(buffer *b, int64_t i, double value);
bool buffer_is_mark(const buffer *b, int64_t i);

/* Deterministic; `random_below(n)` gives 0 .. n - 1. */
void random_start(uint64_t seed);
int64_t random_below(int64_t n);

/* Runs `body` at each ISA level that the CPU has and in both dtypes. */
void each_level(void (*body)(int dtype));

/* The other test files' tests. */
void test_conv_shapes(void **state);
void test_conv_random(void **state);
void test_max_pool(void **state);
void test_max_pool_nan(void **state);
void test_avg_pool(void **state);
void test_adaptive_pool(void **state);

#endif
