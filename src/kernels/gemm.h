/* Matrix products. A kernel computes one tile on the calling thread; src/ops/product.c cuts a product into tiles. */
#ifndef TP__KERNELS_GEMM_H
#define TP__KERNELS_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* C (m, n) = A (m, k) B (k, n), plus C if `accumulate`, else plus bias. Strides in elements: of A and B any, so
 * that transposes cost nothing to say; of C one of the two is 1. */
typedef struct tp__gemm_args {
    int64_t m, n, k;
    const void *a, *b;
    int64_t a_rs, a_cs, b_rs, b_cs;
    const void *packed; /* B as tp__gemm_pack_fn packs it, which is then read instead; or NULL */
    void *c;
    int64_t c_rs, c_cs;
    bool accumulate;
    const void *row_bias; /* (m), or NULL: added to every column; not with `accumulate` */
    const void *col_bias; /* (n), or NULL: added to every row; likewise */
    void *scratch;        /* tp__gemm_scratch_fn bytes, 64-byte aligned */
} tp__gemm_args;

typedef void tp__gemm_fn(const tp__gemm_args *args);
typedef size_t tp__gemm_scratch_fn(int64_t m, int64_t n, int64_t k);

/* Packs a B (k, n) for many products: into tp__gemm_packed_fn bytes. */
typedef void tp__gemm_pack_fn(int64_t k, int64_t n, const void *b, int64_t rs, int64_t cs, void *to);
typedef size_t tp__gemm_packed_fn(int64_t k, int64_t n);

/* c (rows, columns) = sum_p a[at[p] + i rs] b[p][j], plus c if `add`: the register tile by itself. At most `tile_rows` rows and exactly
 * tile_columns columns, of which the lines of b consist; those of c lie `c_step` apart. */
typedef void tp__gemm_tile_fn(int rows, int64_t k, const void *a, int64_t rs, const int32_t *at,
                              const void *b, void *c, int64_t c_step, bool add);

/* to[j][i] = from[i][j], i below `rows`, j below `columns`; steps from line to line. */
typedef void tp__gemm_turn_fn(const void *from, int64_t step, int64_t rows, int64_t columns, void *to,
                              int64_t to_step);

/* Index 0 is F32, 1 is F64. */
typedef struct tp__gemm_kernels {
    tp__gemm_fn *run[2];
    tp__gemm_scratch_fn *scratch[2];
    tp__gemm_pack_fn *pack[2];
    tp__gemm_packed_fn *packed[2];
    tp__gemm_tile_fn *tile[2];
    tp__gemm_turn_fn *turn[2];
    int tile_rows, tile_columns[2];
} tp__gemm_kernels;

extern const tp__gemm_kernels tp__gemm_kernels_base, tp__gemm_kernels_v3, tp__gemm_kernels_v4;

#endif
