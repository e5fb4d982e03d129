/* The matrix product of one tile; a template, after real.h. */
#include "kernels/gemm_core.h"

/* Room for one panel of B and all of a packed A, of whichever operand is taken as A. */
static size_t FN(gemm_scratch)(int64_t m, int64_t n, int64_t k) {
    int64_t depth = k < GEMM_KC ? k : GEMM_KC;
    return (size_t)(GEMM_KC * GEMM_NR + (m > n ? m : n) * depth) * sizeof(T);
}

/* Packs the rows of A in the blocks that gemm_panel() cuts: each block k columns of its rows side by side. */
static void FN(gemm_pack_rows)(const T *a, int64_t rs, int64_t cs, int64_t m, int64_t k, T *to) {
    int64_t blocks = (m + GEMM_MR - 1) / GEMM_MR;
    for (int64_t done = 0; blocks > 0; blocks--) {
        int64_t rows = (m - done + blocks - 1) / blocks;
        const T *from = a + done * rs;
        if (rs == 1)
            for (int64_t p = 0; p < k; p++) FN(gemm_copy)(from + p * cs, rows, to + p * rows);
        else if (cs == 1) FN(gemm_transpose)(from, rs, rows, k, to, rows);
        else
            for (int64_t p = 0; p < k; p++)
                for (int64_t i = 0; i < rows; i++) to[p * rows + i] = from[i * rs + p * cs];
        to += rows * k;
        done += rows;
    }
}

/* All rows of a packed A times one panel. */
static void FN(gemm_packed_panel)(int64_t m, int n, int64_t k, const T *packed, const T *panel, FN(gemm_target) to) {
    int64_t blocks = (m + GEMM_MR - 1) / GEMM_MR;
    for (int64_t done = 0; blocks > 0; blocks--) {
        int64_t rows = (m - done + blocks - 1) / blocks;
        FN(gemm_panel)(rows, n, k, packed + done * k, 1, rows, panel, to);
        to.c += rows * to.rs;
        if (to.row_bias) to.row_bias += rows;
        done += rows;
    }
}

/* Is A better packed? Where its elements are used often enough to pay for the copy, or where a walk along it
 * falls on the same few lines of the cache again and again. */
static bool FN(gemm_packs_a)(int64_t m, int64_t n, int64_t rs, int64_t cs) {
    int64_t step = (rs == 1 ? cs : rs) * (int64_t)sizeof(T);
    if (rs == 1) return step >= 1024 && n >= 4 * GEMM_NR;
    return n >= 8 * GEMM_NR || (m > 4 && n >= 2 * GEMM_NR && step % 1024 == 0);
}

/* The time of a tile in units of copying one packed element: multiplying, copying B, copying A, and writing C
 * by columns. Measured; it need only rank the two ways. */
static double FN(gemm_cost)(int64_t m, int64_t n, int64_t k, int64_t a_rs, int64_t a_cs, int64_t b_cs, int64_t c_cs) {
    int64_t wide = (n + GEMM_NR - 1) / GEMM_NR * GEMM_NR, high = m < 6 ? 6 : m;
    double cost = 0.28 * (double)high * (double)wide * (double)k + (double)k * (double)n * (b_cs == 1 ? 1 : 1.6);
    if (FN(gemm_packs_a)(m, n, a_rs, a_cs)) cost += 1.6 * (double)m * (double)k;
    if (c_cs != 1) cost += 2 * (double)m * (double)n * (double)((k + GEMM_KC - 1) / GEMM_KC);
    return cost;
}

static void FN(gemm_tile)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rs, int64_t a_cs, const T *b,
                          int64_t b_rs, int64_t b_cs, FN(gemm_target) to, T *scratch) {
    bool pack_a = FN(gemm_packs_a)(m, n, a_rs, a_cs);
    T *panel = scratch, *packed = scratch + GEMM_KC * GEMM_NR;
    for (int64_t p0 = 0; p0 < k || p0 == 0; p0 += GEMM_KC) {
        int64_t depth = k - p0 < GEMM_KC ? k - p0 : GEMM_KC;
        const T *ak = a + p0 * a_cs;
        if (pack_a) FN(gemm_pack_rows)(ak, a_rs, a_cs, m, depth, packed);
        for (int64_t j = 0; j < n; j += GEMM_NR) {
            int columns = n - j < GEMM_NR ? (int)(n - j) : GEMM_NR;
            FN(gemm_target) here = to;
            here.c += j * to.cs;
            if (here.col_bias) here.col_bias += j;
            FN(gemm_pack)(b + p0 * b_rs + j * b_cs, b_rs, b_cs, depth, columns, panel);
            if (pack_a) FN(gemm_packed_panel)(m, columns, depth, packed, panel, here);
            else FN(gemm_panel)(m, columns, depth, ak, a_rs, a_cs, panel, here);
        }
        to.add = true; /* the bias is in */
        to.row_bias = to.col_bias = NULL;
    }
}

static void FN(gemm_run)(const tp__gemm_args *g) {
    FN(gemm_target) to = {g->c, g->c_rs, g->c_cs, g->accumulate, g->row_bias, g->col_bias};
    if (g->m == 0 || g->n == 0) return;
    /* The product can also be done as its transpose: which operand is copied, and which one fills the vectors, is
     * a matter of the shape. */
    bool swap = FN(gemm_cost)(g->n, g->m, g->k, g->b_cs, g->b_rs, g->a_rs, g->c_rs) <
                FN(gemm_cost)(g->m, g->n, g->k, g->a_rs, g->a_cs, g->b_cs, g->c_cs);
    if (!swap) {
        FN(gemm_tile)(g->m, g->n, g->k, g->a, g->a_rs, g->a_cs, g->b, g->b_rs, g->b_cs, to, g->scratch);
        return;
    }
    FN(gemm_target) t = {to.c, to.cs, to.rs, to.add, to.col_bias, to.row_bias};
    FN(gemm_tile)(g->n, g->m, g->k, g->b, g->b_cs, g->b_rs, g->a, g->a_cs, g->a_rs, t, g->scratch);
}

/* The register tile by itself, for convolution. */
static void FN(gemm_tap_tile)(int rows, int64_t k, const void *a, int64_t rs, const int32_t *at, const void *b, void *c,
                              bool add) {
    switch (rows) {
#define GEMM_CASE(n)                                                                                         \
    case n:                                                                                                  \
        if (rs == 1) FN(gemm_micro)(n, k, a, 1, 0, at, b, c, GEMM_NR, add, NULL);                            \
        else FN(gemm_micro)(n, k, a, rs, 0, at, b, c, GEMM_NR, add, NULL);                                   \
        break;
        GEMM_CASE(1)
        GEMM_CASE(2)
        GEMM_CASE(3)
        GEMM_CASE(4)
        GEMM_CASE(5)
        GEMM_CASE(6)
#if TP__ISA == 4
        GEMM_CASE(7)
        GEMM_CASE(8)
        GEMM_CASE(9)
        GEMM_CASE(10)
        GEMM_CASE(11)
        GEMM_CASE(12)
        GEMM_CASE(13)
        GEMM_CASE(14)
#endif
    default: break;
#undef GEMM_CASE
    }
}

static void FN(gemm_turn)(const void *from, int64_t step, int64_t rows, int64_t columns, void *to, int64_t to_step) {
    FN(gemm_transpose)(from, step, rows, columns, to, to_step);
}
