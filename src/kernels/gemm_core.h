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
#define GEMM_DOTS 4 /* rows and columns of a tile of dot products */
#else
#define GEMM_MR 6
#define GEMM_DOTS 3
#endif
#define GEMM_KC 256   /* depth of a panel: the panel stays in L1 */
#define GEMM_PANELS 4 /* panels packed at a time: they stay in L2 */
#if defined(__clang__)
#define TP__UNROLL _Pragma("clang loop unroll(full)")
#else
#define TP__UNROLL _Pragma("GCC unroll 16")
#endif
#endif

#include "kernels/quad.h"

#undef VEC
#undef GEMM_NR
#define VEC FN(gemm_vec)
#define GEMM_NR (2 * TP__LANES)

typedef T VEC __attribute__((vector_size(TP__VEC_BYTES), aligned(sizeof(T)), may_alias));

static inline VEC FN(gemm_load)(const T *p) { return *(const VEC *)(const void *)p; }
static inline void FN(gemm_store)(T *p, VEC v) { *(VEC *)(void *)p = v; }

/* Transposes a square. */
static inline void FN(gemm_square)(const T *from, int64_t step, T *to, int64_t to_step) {
    QUAD a = QUAD_AT(from), b = QUAD_AT(from + step);
#if TP__REAL_IS_32
    QUAD c = QUAD_AT(from + 2 * step), d = QUAD_AT(from + 3 * step);
    QUAD ab_low = TP__SHUFFLE(a, b, 0, 4, 1, 5), ab_high = TP__SHUFFLE(a, b, 2, 6, 3, 7);
    QUAD cd_low = TP__SHUFFLE(c, d, 0, 4, 1, 5), cd_high = TP__SHUFFLE(c, d, 2, 6, 3, 7);
    QUAD_AT(to) = TP__SHUFFLE(ab_low, cd_low, 0, 1, 4, 5);
    QUAD_AT(to + to_step) = TP__SHUFFLE(ab_low, cd_low, 2, 3, 6, 7);
    QUAD_AT(to + 2 * to_step) = TP__SHUFFLE(ab_high, cd_high, 0, 1, 4, 5);
    QUAD_AT(to + 3 * to_step) = TP__SHUFFLE(ab_high, cd_high, 2, 3, 6, 7);
#else
    QUAD_AT(to) = TP__SHUFFLE(a, b, 0, 2);
    QUAD_AT(to + to_step) = TP__SHUFFLE(a, b, 1, 3);
#endif
}

/* to[j][i] = from[i][j]; i below `rows`, j below `columns`. The last squares overlap those before them. */
static inline void FN(gemm_transpose)(const T *from, int64_t step, int64_t rows, int64_t columns, T *to,
                                      int64_t to_step) {
    if (rows < QUAD_LANES || columns < QUAD_LANES) {
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++) to[j * to_step + i] = from[i * step + j];
        return;
    }
    for (int64_t i = 0; i < rows; i += QUAD_LANES) {
        if (i > rows - QUAD_LANES) i = rows - QUAD_LANES;
        const T *f = from + i * step;
        T *t = to + i;
        int64_t j = 0;
        for (; j + QUAD_LANES <= columns; j += QUAD_LANES)
            FN(gemm_square)(f + j, step, t + j * to_step, to_step);
        j = columns - QUAD_LANES;
        FN(gemm_square)(f + j, step, t + j * to_step, to_step);
    }
}

/* A short copy. */
static inline void FN(gemm_copy)(const T *from, int64_t n, T *to) {
    if (n < QUAD_LANES) {
        for (int64_t i = 0; i < n; i++) to[i] = from[i];
        return;
    }
    int64_t i = 0;
    for (; i + QUAD_LANES <= n; i += QUAD_LANES) QUAD_AT(to + i) = QUAD_AT(from + i);
    i = n - QUAD_LANES;
    QUAD_AT(to + i) = QUAD_AT(from + i);
}

/* c (rows, GEMM_NR) = a b, plus c if `add`, plus a bias for each row or column if there is one. The columns of A lie `cs` apart, or, if
 * there is a table `at`, at these offsets. `rows` and what is NULL are constants in each instance. */
static inline
    __attribute__((always_inline)) void FN(gemm_micro)(const int rows, int64_t k, const T *a, int64_t rs,
                                                       int64_t cs, const int32_t *at, const T *b, int64_t ldb,
                                                       T *c, int64_t ldc, bool add, const T *row_bias,
                                                       const T *col_bias) {
    VEC acc[GEMM_MR][2];
    TP__UNROLL
    for (int i = 0; i < rows; i++) acc[i][0] = acc[i][1] = (VEC){0};
    for (int64_t p = 0; p < k; p++) {
        VEC b0 = FN(gemm_load)(b), b1 = FN(gemm_load)(b + TP__LANES);
        TP__UNROLL
        for (int i = 0; i < rows; i++) {
            T x = at ? a[at[p] + i * rs] : a[i * rs];
            acc[i][0] += x * b0;
            acc[i][1] += x * b1;
        }
        if (!at) a += cs;
        b += ldb;
    }
    TP__UNROLL
    for (int i = 0; i < rows; i++) {
        T *row = c + i * ldc;
        if (row_bias) {
            acc[i][0] += row_bias[i];
            acc[i][1] += row_bias[i];
        }
        if (col_bias) {
            acc[i][0] += FN(gemm_load)(col_bias);
            acc[i][1] += FN(gemm_load)(col_bias + TP__LANES);
        }
        if (add) {
            acc[i][0] += FN(gemm_load)(row);
            acc[i][1] += FN(gemm_load)(row + TP__LANES);
        }
        FN(gemm_store)(row, acc[i][0]);
        FN(gemm_store)(row + TP__LANES, acc[i][1]);
    }
}

typedef void FN(gemm_micro_fn)(int64_t k, const T *a, int64_t rs, int64_t cs, const T *b, int64_t ldb, T *c,
                               int64_t ldc, bool add, const T *row_bias, const T *col_bias);

/* One instance for each number of rows; where the rows of A lie side by side, as in a transposed or packed one, their
 * addresses are constants. */
#define GEMM_INSTANCE(rows)                                                                                  \
    static void FN(gemm_micro_##rows)(int64_t k, const T *a, int64_t rs, int64_t cs, const T *b,             \
                                      int64_t ldb, T *c, int64_t ldc, bool add, const T *row_bias,           \
                                      const T *col_bias) {                                                   \
        if (rs == 1) FN(gemm_micro)(rows, k, a, 1, cs, NULL, b, ldb, c, ldc, add, row_bias, col_bias);       \
        else FN(gemm_micro)(rows, k, a, rs, cs, NULL, b, ldb, c, ldc, add, row_bias, col_bias);              \
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
    FN(gemm_micro_1),
    FN(gemm_micro_2),
    FN(gemm_micro_3),
    FN(gemm_micro_4),
    FN(gemm_micro_5),
    FN(gemm_micro_6),
#if TP__ISA == 4
    FN(gemm_micro_7),
    FN(gemm_micro_8),
    FN(gemm_micro_9),
    FN(gemm_micro_10),
    FN(gemm_micro_11),
    FN(gemm_micro_12),
    FN(gemm_micro_13),
    FN(gemm_micro_14),
#endif
};

/* Where a tile of sums goes: to C, by rows or by columns, beginning with the bias or adding to what is there. */
typedef struct FN(gemm_target) {
    T *c;
    int64_t rs, cs;
    bool add;                     /* to what C holds */
    const T *row_bias, *col_bias; /* NULL, or of the tile's rows and columns */
} FN(gemm_target);

/* Moves a finished block of sums (rows, n), of GEMM_NR columns in memory, to its place. */
static inline void FN(gemm_place)(T *block, int rows, int n, const FN(gemm_target) *to) {
    for (int i = 0; to->row_bias && i < rows; i++)
        for (int j = 0; j < GEMM_NR; j++) block[i * GEMM_NR + j] += to->row_bias[i];
    for (int i = 0; to->col_bias && i < rows; i++)
        for (int j = 0; j < n; j++) block[i * GEMM_NR + j] += to->col_bias[j];
    T turned[GEMM_MR * GEMM_NR];
    const T *from = block;
    int64_t lines = rows, length = n, step = GEMM_NR, to_step = to->rs;
    if (to->cs != 1) { /* by columns */
        T *where = to->add ? turned : to->c;
        FN(gemm_transpose)(block, GEMM_NR, rows, n, where, to->add ? rows : to->cs);
        if (!to->add) return;
        from = turned;
        lines = n;
        length = step = rows;
        to_step = to->cs;
    }
    for (int64_t i = 0; i < lines; i++) {
        T *c = to->c + i * to_step;
        if (!to->add) FN(gemm_copy)(from + i * step, length, c);
        else
            for (int64_t j = 0; j < length; j++) c[j] += from[i * step + j];
    }
}

/* Rows [0, m) of A times one panel of n <= GEMM_NR columns, of which the lines lie `ldb` apart. The rows are cut into even blocks: 32 are 11 + 11 + 10, not
 * 14 + 14 + 4, since a low block cannot hide the latency of its sums. */
static inline void FN(gemm_panel)(int64_t m, int n, int64_t k, const T *a, int64_t rs, int64_t cs,
                                  const T *panel, int64_t ldb, FN(gemm_target) to) {
    int64_t blocks = (m + GEMM_MR - 1) / GEMM_MR;
    bool direct = n == GEMM_NR && to.cs == 1;
    _Alignas(64) T sums[GEMM_MR * GEMM_NR];
    for (int64_t done = 0; blocks > 0; blocks--) {
        int rows = (int)((m - done + blocks - 1) / blocks);
        const T *ab = a + done * rs;
        if (direct) {
            FN(gemm_micros)[rows](k, ab, rs, cs, panel, ldb, to.c, to.rs, to.add, to.row_bias, to.col_bias);
        } else {
            FN(gemm_micros)[rows](k, ab, rs, cs, panel, ldb, sums, GEMM_NR, false, NULL, NULL);
            FN(gemm_place)(sums, rows, n, &to);
        }
        to.c += rows * to.rs;
        if (to.row_bias) to.row_bias += rows;
        done += rows;
    }
}

/* Packs rows [0, k) and columns [0, n) of B into panels. Where its rows are packed all panels are filled at a time, since a walk down a
 * few columns of a wide matrix meets a new page at each step. */
static inline void FN(gemm_pack)(const T *b, int64_t rs, int64_t cs, int64_t k, int64_t n, T *panels) {
    int64_t last = n % GEMM_NR, whole = n - last, step = k * GEMM_NR;
    if (cs == 1) {
        for (int64_t p = 0; p < k; p++, b += rs) {
            T *to = panels + p * GEMM_NR;
            for (int64_t j = 0; j < whole; j += GEMM_NR, to += step) {
                FN(gemm_store)(to, FN(gemm_load)(b + j));
                FN(gemm_store)(to + TP__LANES, FN(gemm_load)(b + j + TP__LANES));
            }
            if (last) FN(gemm_copy)(b + whole, last, to);
        }
    } else {
        for (int64_t j = 0; j < n; j += GEMM_NR) {
            int64_t columns = n - j < GEMM_NR ? n - j : GEMM_NR;
            const T *from = b + j * cs;
            T *to = panels + j / GEMM_NR * step;
            if (rs == 1) FN(gemm_transpose)(from, cs, columns, k, to, GEMM_NR);
            else
                for (int64_t p = 0; p < k; p++)
                    for (int64_t q = 0; q < columns; q++) to[p * GEMM_NR + q] = from[p * rs + q * cs];
        }
    }
    T *to = panels + whole * k;
    for (int64_t p = 0; last && p < k; p++)
        for (int64_t j = last; j < GEMM_NR; j++) to[p * GEMM_NR + j] = 0;
}
