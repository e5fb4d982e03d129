/* Products of few rows or columns whose operands both lie along k: as dot products, which need no packing; a template, after
 * gemm_core.h. */

#undef DOTS_ALL
#define DOTS_ALL (GEMM_DOTS * GEMM_DOTS)

/* sums (rows, columns) = a b^T. Both numbers are constants in each instance. */
static inline __attribute__((always_inline)) void FN(gemm_dots)(const int rows, const int columns, int64_t k,
                                                                const T *a, int64_t lda, const T *b,
                                                                int64_t ldb, T *sums) {
    VEC acc[GEMM_DOTS][GEMM_DOTS], av[GEMM_DOTS], bv[GEMM_DOTS];
    T ends[2 * GEMM_DOTS][TP__LANES]; /* the last elements of each line, filled up with zeros */
    TP__UNROLL
    for (int i = 0; i < rows; i++) {
        TP__UNROLL
        for (int j = 0; j < columns; j++) acc[i][j] = (VEC){0};
    }
    for (int64_t p = 0, at = 0; p < k; p += TP__LANES, at += TP__LANES) {
        if (k - p < TP__LANES) {
            memset(ends, 0, sizeof ends);
            for (int i = 0; i < rows; i++) FN(gemm_copy)(a + i * lda + p, k - p, ends[i]);
            for (int j = 0; j < columns; j++) FN(gemm_copy)(b + j * ldb + p, k - p, ends[GEMM_DOTS + j]);
            a = ends[0];
            b = ends[GEMM_DOTS];
            lda = ldb = TP__LANES;
            at = 0;
        }
        TP__UNROLL
        for (int j = 0; j < columns; j++) bv[j] = FN(gemm_load)(b + j * ldb + at);
        TP__UNROLL
        for (int i = 0; i < rows; i++) {
            av[i] = FN(gemm_load)(a + i * lda + at);
            TP__UNROLL
            for (int j = 0; j < columns; j++) acc[i][j] += av[i] * bv[j];
        }
    }
    _Alignas(64) T lanes[DOTS_ALL * TP__LANES], turned[TP__LANES * DOTS_ALL];
    TP__UNROLL
    for (int i = 0; i < rows; i++) {
        TP__UNROLL
        for (int j = 0; j < columns; j++) FN(gemm_store)(lanes + (i * columns + j) * TP__LANES, acc[i][j]);
    }
    const int n = rows * columns;
    FN(gemm_transpose)(lanes, TP__LANES, n, TP__LANES, turned, n);
    for (int q = 0; q < n; q++) sums[q] = turned[q];
    for (int l = 1; l < TP__LANES; l++)
        for (int q = 0; q < n; q++) sums[q] += turned[l * n + q];
}

static void FN(gemm_dots_of)(int rows, int columns, int64_t k, const T *a, int64_t lda, const T *b,
                             int64_t ldb, T *sums) {
    switch (rows * 8 + columns) {
#define DOTS_CASE(r, c)                                                                                      \
    case (r)*8 + (c): FN(gemm_dots)(r, c, k, a, lda, b, ldb, sums); break;
        DOTS_CASE(1, 1)
        DOTS_CASE(1, 2)
        DOTS_CASE(1, 3)
        DOTS_CASE(2, 1)
        DOTS_CASE(2, 2)
        DOTS_CASE(2, 3)
        DOTS_CASE(3, 1)
        DOTS_CASE(3, 2)
        DOTS_CASE(3, 3)
#if TP__ISA == 4
        DOTS_CASE(1, 4)
        DOTS_CASE(2, 4)
        DOTS_CASE(3, 4)
        DOTS_CASE(4, 1)
        DOTS_CASE(4, 2)
        DOTS_CASE(4, 3)
        DOTS_CASE(4, 4)
#endif
    default: break;
#undef DOTS_CASE
    }
}

/* All of C; a and b hold k elements side by side in each of their m and n lines. */
static void FN(gemm_by_dots)(int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,
                             int64_t ldb, const FN(gemm_target) *to) {
    T sums[DOTS_ALL];
    int64_t row_blocks = (m + GEMM_DOTS - 1) / GEMM_DOTS, column_blocks = (n + GEMM_DOTS - 1) / GEMM_DOTS;
    for (int64_t j = 0; column_blocks > 0; column_blocks--) {
        int columns = (int)((n - j + column_blocks - 1) / column_blocks);
        for (int64_t i = 0, left = row_blocks; left > 0; left--) {
            int rows = (int)((m - i + left - 1) / left);
            FN(gemm_dots_of)(rows, columns, k, a + i * lda, lda, b + j * ldb, ldb, sums);
            for (int r = 0; r < rows; r++)
                for (int c = 0; c < columns; c++) {
                    T *at = to->c + (i + r) * to->rs + (j + c) * to->cs, sum = sums[r * columns + c];
                    if (to->row_bias) sum += to->row_bias[i + r];
                    if (to->col_bias) sum += to->col_bias[j + c];
                    *at = to->add ? *at + sum : sum;
                }
            i += rows;
        }
        j += columns;
    }
}
