/* The register tile that matrix products and convolutions share; a template, after real.h.
 *
 * B comes packed in panels of GEMM_NR columns (two vectors), zero-padded. The micro kernel keeps its part of C in registers and
 * broadcasts the elements of A, which it reads where they are. Source of the scheme: Goto and van de Geijn, "Anatomy of
 * high-performance matrix multiplication", ACM TOMS 34, 2008. */

#ifndef TP__GEMM_CORE
#define TP__GEMM_CORE
/* Rows of the register tile: as many as the register file holds beside two vectors of B and one of A. */
#if TP__ISA == 4
#define GEMM_MR 14
#else
#define GEMM_MR 6
#endif
#define GEMM_KC 256 /* depth of a panel: the panel stays in L1 */
#if defined(__clang__)
#define TP__UNROLL _Pragma("clang loop unroll(full)")
#else
#define TP__UNROLL _Pragma("GCC unroll 16")
#endif
#endif

#undef VEC
#undef GEMM_NR
#define VEC FN(gemm_vec)
#define GEMM_NR (2 * TP__LANES)

typedef T VEC __attribute__((vector_size(TP__VEC_BYTES), aligned(sizeof(T)), may_alias));

static inline VEC FN(gemm_load)(const T *p) { return *(const VEC *)(const void *)p; }
static inline void FN(gemm_store)(T *p, VEC v) { *(VEC *)(void *)p = v; }

/* c (rows, GEMM_NR) = a b, plus c if `add`, plus a bias for each row if there is one. `rows` is a constant in each
 * instance. */
static inline __attribute__((always_inline)) void FN(gemm_micro)(const int rows, int64_t k, const T *a, int64_t rs,
                                                                 int64_t cs, const T *b, T *c, int64_t ldc, bool add,
                                                                 const T *bias) {
    VEC acc[GEMM_MR][2];
    TP__UNROLL
    for (int i = 0; i < rows; i++) acc[i][0] = acc[i][1] = (VEC){0};
    for (int64_t p = 0; p < k; p++) {
        VEC b0 = FN(gemm_load)(b), b1 = FN(gemm_load)(b + TP__LANES);
        TP__UNROLL
        for (int i = 0; i < rows; i++) {
            T x = a[i * rs];
            acc[i][0] += x * b0;
            acc[i][1] += x * b1;
        }
        a += cs;
        b += GEMM_NR;
    }
    TP__UNROLL
    for (int i = 0; i < rows; i++) {
        T *row = c + i * ldc;
        if (bias) {
            acc[i][0] += bias[i];
            acc[i][1] += bias[i];
        }
        if (add) {
            acc[i][0] += FN(gemm_load)(row);
            acc[i][1] += FN(gemm_load)(row + TP__LANES);
        }
        FN(gemm_store)(row, acc[i][0]);
        FN(gemm_store)(row + TP__LANES, acc[i][1]);
    }
}

typedef void FN(gemm_micro_fn)(int64_t k, const T *a, int64_t rs, int64_t cs, const T *b, T *c, int64_t ldc, bool add,
                               const T *bias);

/* One instance for each number of rows; where the rows of A lie side by side, as in a transposed or packed one, their
 * addresses are constants. */
#define GEMM_INSTANCE(rows)                                                                                  \
    static void FN(gemm_micro_##rows)(int64_t k, const T *a, int64_t rs, int64_t cs, const T *b, T *c,       \
                                      int64_t ldc, bool add, const T *bias) {                                \
        if (rs == 1) FN(gemm_micro)(rows, k, a, 1, cs, b, c, ldc, add, bias);                                \
        else FN(gemm_micro)(rows, k, a, rs, cs, b, c, ldc, add, bias);                                       \
    }
GEMM_INSTANCE(1)
GEMM_INSTANCE(2)
GEMM_INSTANCE(3)
GEMM_INSTANCE(4)
GEMM_INSTANCE(5)
GEMM_INSTANCE(6)
#if TP__ISA == 4
GEMM_INSTANCE(7)
GEMM_INSTANCE(8)
GEMM_INSTANCE(9)
GEMM_INSTANCE(10)
GEMM_INSTANCE(11)
GEMM_INSTANCE(12)
GEMM_INSTANCE(13)
GEMM_INSTANCE(14)
#endif
#undef GEMM_INSTANCE

static FN(gemm_micro_fn) *const FN(gemm_micros)[GEMM_MR + 1] = {
    NULL,
    FN(gemm_micro_1), FN(gemm_micro_2), FN(gemm_micro_3), FN(gemm_micro_4), FN(gemm_micro_5), FN(gemm_micro_6),
#if TP__ISA == 4
    FN(gemm_micro_7), FN(gemm_micro_8), FN(gemm_micro_9), FN(gemm_micro_10), FN(gemm_micro_11), FN(gemm_micro_12),
    FN(gemm_micro_13), FN(gemm_micro_14),
#endif
};

/* Where a tile of sums goes: to C, by rows or by columns, beginning with the bias or adding to what is there. */
typedef struct FN(gemm_target) {
    T *c;
    int64_t rs, cs;
    bool add;                          /* to what C holds */
    const T *row_bias, *col_bias;      /* NULL, or of the tile's rows and columns */
} FN(gemm_target);

/* Moves a finished block of sums (rows, n), of GEMM_NR columns in memory, to its place. */
static inline void FN(gemm_place)(const T *block, int rows, int n, const FN(gemm_target) * to) {
    for (int i = 0; i < rows; i++) {
        T bias = to->row_bias ? to->row_bias[i] : 0;
        const T *from = block + i * GEMM_NR;
        T *c = to->c + i * to->rs;
        if (to->add) {
            for (int j = 0; j < n; j++) c[j * to->cs] += from[j];
        } else if (to->col_bias) {
            for (int j = 0; j < n; j++) c[j * to->cs] = from[j] + to->col_bias[j] + bias;
        } else {
            for (int j = 0; j < n; j++) c[j * to->cs] = from[j] + bias;
        }
    }
}

/* Rows [0, m) of A times one packed panel of n <= GEMM_NR columns. The rows are cut into even blocks: 32 are 11 + 11 + 10, not
 * 14 + 14 + 4, since a low block cannot hide the latency of its sums. */
static inline void FN(gemm_panel)(int64_t m, int n, int64_t k, const T *a, int64_t rs, int64_t cs, const T *panel,
                                  FN(gemm_target) to) {
    int64_t blocks = (m + GEMM_MR - 1) / GEMM_MR;
    bool direct = n == GEMM_NR && to.cs == 1 && !to.col_bias;
    _Alignas(64) T sums[GEMM_MR * GEMM_NR];
    for (int64_t done = 0; blocks > 0; blocks--) {
        int rows = (int)((m - done + blocks - 1) / blocks);
        const T *ab = a + done * rs;
        if (direct) {
            FN(gemm_micros)[rows](k, ab, rs, cs, panel, to.c, to.rs, to.add, to.row_bias);
        } else {
            FN(gemm_micros)[rows](k, ab, rs, cs, panel, sums, GEMM_NR, false, NULL);
            FN(gemm_place)(sums, rows, n, &to);
        }
        to.c += rows * to.rs;
        if (to.row_bias) to.row_bias += rows;
        done += rows;
    }
}

/* Packs rows [0, k) and columns [0, n), n <= GEMM_NR, of B. */
static inline void FN(gemm_pack)(const T *b, int64_t rs, int64_t cs, int64_t k, int n, T *panel) {
    if (cs == 1 && n == GEMM_NR) {
        for (int64_t p = 0; p < k; p++, b += rs, panel += GEMM_NR) {
            FN(gemm_store)(panel, FN(gemm_load)(b));
            FN(gemm_store)(panel + TP__LANES, FN(gemm_load)(b + TP__LANES));
        }
        return;
    }
    /* A line of the cache at a time, so that each line of a transposed B is read once. */
    const int64_t line = 64 / (int64_t)sizeof(T);
    for (int64_t p0 = 0; p0 < k; p0 += line) {
        int64_t p1 = p0 + line < k ? p0 + line : k;
        for (int j = 0; j < n; j++)
            for (int64_t p = p0; p < p1; p++) panel[p * GEMM_NR + j] = b[p * rs + j * cs];
        for (int j = n; j < GEMM_NR; j++)
            for (int64_t p = p0; p < p1; p++) panel[p * GEMM_NR + j] = 0;
    }
}
