/* The matrix product of one tile; a template, after real.h. */
#include "kernels/gemm_core.h"
#include "kernels/gemm_dots_template.h"

/* Elements of the panels of B that are packed at a time: n columns, k deep. */
static int64_t FN(gemm_panels_size)(int64_t n, int64_t k) {
    int64_t panels = (n + GEMM_NR - 1) / GEMM_NR;
    return (panels < GEMM_PANELS ? panels : GEMM_PANELS) * GEMM_NR * (k < GEMM_KC ? k : GEMM_KC);
}

/* Room for these and all of a packed A, whichever operand is taken as A. */
static size_t FN(gemm_scratch)(int64_t m, int64_t n, int64_t k) {
    int64_t most = m > n ? m : n;
    return (size_t)(FN(gemm_panels_size)(most, k) + most * (k < GEMM_KC ? k : GEMM_KC)) * sizeof(T);
}

/* Packs the rows of A in the blocks that gemm_panel() cuts: each block k columns of its rows side by side. */
static void FN(gemm_pack_rows)(const T *a, int64_t rs, int64_t cs, int64_t m, int64_t k, T *to) {
    int64_t blocks = (m + GEMM_MR - 1) / GEMM_MR;
    if (rs == 1) { /* along the columns, for the reason that gemm_pack() has */
        for (int64_t p = 0; p < k; p++) {
            const T *from = a + p * cs;
            for (int64_t done = 0, left = blocks; left > 0; left--) {
                int64_t rows = (m - done + left - 1) / left;
                FN(gemm_copy)(from + done, rows, to + done * k + p * rows);
                done += rows;
            }
        }
        return;
    }
    for (int64_t done = 0; blocks > 0; blocks--) {
        int64_t rows = (m - done + blocks - 1) / blocks;
        const T *from = a + done * rs;
        if (cs == 1) FN(gemm_transpose)(from, rs, rows, k, to, rows);
        else
            for (int64_t p = 0; p < k; p++)
                for (int64_t i = 0; i < rows; i++) to[p * rows + i] = from[i * rs + p * cs];
        to += rows * k;
        done += rows;
    }
}

/* All rows of a packed A times one panel. */
static void FN(gemm_packed_panel)(int64_t m, int n, int64_t k, const T *packed, const T *panel,
                                  FN(gemm_target) to) {
    int64_t blocks = (m + GEMM_MR - 1) / GEMM_MR;
    for (int64_t done = 0; blocks > 0; blocks--) {
        int64_t rows = (m - done + blocks - 1) / blocks;
        FN(gemm_panel)(rows, n, k, packed + done * k, 1, rows, panel, GEMM_NR, to);
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
static double FN(gemm_cost)(int64_t m, int64_t n, int64_t k, int64_t a_rs, int64_t a_cs, int64_t b_cs,
                            int64_t c_cs) {
    int64_t wide = (n + GEMM_NR - 1) / GEMM_NR * GEMM_NR, high = m < 6 ? 6 : m;
    double cost =
        0.28 * (double)high * (double)wide * (double)k + (double)k * (double)n * (b_cs == 1 ? 1 : 1.6);
    if (FN(gemm_packs_a)(m, n, a_rs, a_cs)) cost += 1.6 * (double)m * (double)k;
    if (c_cs != 1) cost += 2 * (double)m * (double)n * (double)((k + GEMM_KC - 1) / GEMM_KC);
    return cost;
}

/* The panels of a block of B times A, whose rows are packed if `packed` is not NULL. */
static void FN(gemm_panels)(int64_t m, int64_t n, int64_t k, const T *a, int64_t rs, int64_t cs,
                            const T *packed, const T *panels, int64_t ldb, int64_t step, FN(gemm_target) to) {
    for (int64_t j = 0; j < n; j += GEMM_NR, panels += step) {
        int columns = n - j < GEMM_NR ? (int)(n - j) : GEMM_NR;
        if (packed) FN(gemm_packed_panel)(m, columns, k, packed, panels, to);
        else FN(gemm_panel)(m, columns, k, a, rs, cs, panels, ldb, to);
        to.c += GEMM_NR * to.cs;
        if (to.col_bias) to.col_bias += GEMM_NR;
    }
}

static void FN(gemm_tile)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rs, int64_t a_cs, const T *b,
                          int64_t b_rs, int64_t b_cs, FN(gemm_target) to, T *scratch) {
    bool pack_a = FN(gemm_packs_a)(m, n, a_rs, a_cs);
    /* What is used once only is read where it is. */
    int64_t in_place = m <= GEMM_MR && b_cs == 1 ? n / GEMM_NR * GEMM_NR : 0;
    T *panels = scratch, *packed = pack_a ? scratch + FN(gemm_panels_size)(n, k) : NULL;
    for (int64_t p0 = 0; p0 < k || p0 == 0; p0 += GEMM_KC) {
        int64_t depth = k - p0 < GEMM_KC ? k - p0 : GEMM_KC;
        const T *ak = a + p0 * a_cs, *bk = b + p0 * b_rs;
        if (pack_a) FN(gemm_pack_rows)(ak, a_rs, a_cs, m, depth, packed);
        if (in_place) FN(gemm_panels)(m, in_place, depth, ak, a_rs, a_cs, NULL, bk, b_rs, GEMM_NR, to);
        for (int64_t j = in_place; j < n; j += GEMM_PANELS * GEMM_NR) {
            int64_t columns = n - j < GEMM_PANELS * GEMM_NR ? n - j : GEMM_PANELS * GEMM_NR;
            FN(gemm_target) here = to;
            here.c += j * to.cs;
            if (here.col_bias) here.col_bias += j;
            FN(gemm_pack)(bk + j * b_cs, b_rs, b_cs, depth, columns, panels);
            FN(gemm_panels)(m, columns, depth, ak, a_rs, a_cs, packed, panels, GEMM_NR, depth * GEMM_NR,
                            here);
        }
        to.add = true; /* the bias is in */
        to.row_bias = to.col_bias = NULL;
    }
}

static size_t FN(gemm_packed)(int64_t k, int64_t n) {
    return (size_t)((n + GEMM_NR - 1) / GEMM_NR * GEMM_NR * k) * sizeof(T);
}

static void FN(gemm_pack_all)(int64_t k, int64_t n, const void *b, int64_t rs, int64_t cs, void *to) {
    FN(gemm_pack)(b, rs, cs, k, n, to);
}

/* A product of which B is packed as a whole, in panels of all its depth. */
static void FN(gemm_by_packed)(const tp__gemm_args *g, FN(gemm_target) to) {
    T *packed = FN(gemm_packs_a)(g->m, g->n, g->a_rs, g->a_cs) ? g->scratch : NULL;
    for (int64_t p0 = 0; p0 < g->k || p0 == 0; p0 += GEMM_KC) {
        int64_t depth = g->k - p0 < GEMM_KC ? g->k - p0 : GEMM_KC;
        const T *a = (const T *)g->a + p0 * g->a_cs;
        if (packed) FN(gemm_pack_rows)(a, g->a_rs, g->a_cs, g->m, depth, packed);
        FN(gemm_panels)(g->m, g->n, depth, a, g->a_rs, g->a_cs, packed, (const T *)g->packed + p0 * GEMM_NR,
                        GEMM_NR, g->k * GEMM_NR, to);
        to.add = true; /* the bias is in */
        to.row_bias = to.col_bias = NULL;
    }
}

/* The time of the product by dots, in the same units: full tiles, and what adding up the lanes costs each. */
static double FN(gemm_dots_cost)(int64_t m, int64_t n, int64_t k) {
    int64_t rows = (m + GEMM_DOTS - 1) / GEMM_DOTS * GEMM_DOTS,
            columns = (n + GEMM_DOTS - 1) / GEMM_DOTS * GEMM_DOTS;
    return (TP__ISA == 4 ? 0.28 : 0.37) * (double)rows * (double)columns * (double)(k + 8 * TP__LANES);
}

static void FN(gemm_run)(const tp__gemm_args *g) {
    FN(gemm_target) to = {g->c, g->c_rs, g->c_cs, g->accumulate, g->row_bias, g->col_bias};
    if (g->m == 0 || g->n == 0) return;
    if (g->packed) {
        FN(gemm_by_packed)(g, to);
        return;
    }
    /* The product can also be done as its transpose: which operand is copied, and which one fills the vectors, is
     * a matter of the shape. */
    double cost = FN(gemm_cost)(g->m, g->n, g->k, g->a_rs, g->a_cs, g->b_cs, g->c_cs);
    double swapped = FN(gemm_cost)(g->n, g->m, g->k, g->b_cs, g->b_rs, g->a_rs, g->c_rs);
    double least = swapped < cost ? swapped : cost;
    if (g->a_cs == 1 && g->b_rs == 1 && FN(gemm_dots_cost)(g->m, g->n, g->k) < least) {
        FN(gemm_by_dots)(g->m, g->n, g->k, g->a, g->a_rs, g->b, g->b_cs, &to);
    } else if (cost <= swapped) {
        FN(gemm_tile)(g->m, g->n, g->k, g->a, g->a_rs, g->a_cs, g->b, g->b_rs, g->b_cs, to, g->scratch);
    } else {
        FN(gemm_target) t = {to.c, to.cs, to.rs, to.add, to.col_bias, to.row_bias};
        FN(gemm_tile)(g->n, g->m, g->k, g->b, g->b_cs, g->b_rs, g->a, g->a_cs, g->a_rs, t, g->scratch);
    }
}

/* The register tile by itself, for convolution. */
static void FN(gemm_tap_tile)(int rows, int64_t k, const void *a, int64_t rs, const int32_t *at,
                              const void *b, void *c, int64_t c_step, bool add) {
    switch (rows) {
#define GEMM_CASE(n)                                                                                         \
    case n:                                                                                                  \
        if (rs == 1) FN(gemm_micro)(n, k, a, 1, 0, at, b, GEMM_NR, c, c_step, add, NULL, NULL);              \
        else FN(gemm_micro)(n, k, a, rs, 0, at, b, GEMM_NR, c, c_step, add, NULL, NULL);                     \
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

static void FN(gemm_turn)(const void *from, int64_t step, int64_t rows, int64_t columns, void *to,
                          int64_t to_step) {
    FN(gemm_transpose)(from, step, rows, columns, to, to_step);
}
