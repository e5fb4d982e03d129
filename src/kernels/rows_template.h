/* Vectors, and what is reduced over one packed row: shared by the kernels of reductions, softmax and norms.
 * Included after "kernels/real.h", once for each real type; a second inclusion for the same one does
 * nothing, so that several kernel files can be compiled as one. */
#if TP__REAL_IS_32 ? !defined(TP__ROWS_F32) : !defined(TP__ROWS_F64)
#if TP__REAL_IS_32
#define TP__ROWS_F32
#else
#define TP__ROWS_F64
#endif

/* A register, and the same at any address. */
typedef T FN(vec) __attribute__((vector_size(TP__VEC_BYTES)));
typedef T FN(vec_at) __attribute__((vector_size(TP__VEC_BYTES), aligned(sizeof(T)), may_alias));
typedef TI FN(vec_mask) __attribute__((vector_size(TP__VEC_BYTES)));

static inline FN(vec) FN(vec_load)(const T *p) { return *(const FN(vec_at) *)p; }

/* The sum over a row is made of blocks of this many elements, each added up in four vectors, and the blocks are
 * added pairwise: rounding grows with the logarithm of n. Eight additions in a lane, however wide the vectors. */
#ifndef TP__ROW_BLOCK
#define TP__ROW_BLOCK (4 * 8 * TP__LANES)
#define TP__ROW_DEPTH 64 /* of the stack of pairwise sums */
#endif

/* Defines `T name(int64_t n, const T *x, const T *y, T c)`, n > 0: the terms V(x, y, c, i), of a vector at i,
 * and S(x, y, c, i), of element i, combined by VC and SC. Unused arguments are x again and 0. */
#define TP__DEFINE_ROW(name, V, S, VC, SC)                                                                   \
    TP__SHARED static T FN(name##_block)(int64_t n, const T *x, const T *y, T c) {                           \
        const int64_t w = TP__LANES;                                                                         \
        int64_t i = 1;                                                                                       \
        T total;                                                                                             \
        (void)y;                                                                                             \
        (void)c;                                                                                             \
        if (n < w) {                                                                                         \
            total = S(x, y, c, 0);                                                                           \
        } else {                                                                                             \
            FN(vec) a0 = V(x, y, c, 0);                                                                      \
            i = w;                                                                                           \
            if (n >= 4 * w) {                                                                                \
                FN(vec) a1 = V(x, y, c, w), a2 = V(x, y, c, 2 * w), a3 = V(x, y, c, 3 * w);                  \
                for (i = 4 * w; i + 4 * w <= n; i += 4 * w) {                                                \
                    a0 = VC(a0, V(x, y, c, i));                                                              \
                    a1 = VC(a1, V(x, y, c, i + w));                                                          \
                    a2 = VC(a2, V(x, y, c, i + 2 * w));                                                      \
                    a3 = VC(a3, V(x, y, c, i + 3 * w));                                                      \
                }                                                                                            \
                a0 = VC(a0, a1);                                                                             \
                a2 = VC(a2, a3);                                                                             \
                a0 = VC(a0, a2);                                                                             \
            }                                                                                                \
            for (; i + w <= n; i += w) a0 = VC(a0, V(x, y, c, i));                                           \
            T lane[TP__LANES];                                                                               \
            *(FN(vec_at) *)lane = a0;                                                                        \
            for (int half = TP__LANES / 2; half > 0; half /= 2)                                              \
                for (int k = 0; k < half; k++) lane[k] = SC(lane[k], lane[k + half]);                        \
            total = lane[0];                                                                                 \
        }                                                                                                    \
        for (; i < n; i++) total = SC(total, S(x, y, c, i));                                                 \
        return total;                                                                                        \
    }                                                                                                        \
    TP__SHARED static T FN(name##_long)(int64_t n, const T *x, const T *y, T c) {                            \
        T stack[TP__ROW_DEPTH];                                                                              \
        int depth = 0;                                                                                       \
        for (int64_t at = 0, block = 0; at < n; at += TP__ROW_BLOCK, block++) {                              \
            int64_t size = n - at < TP__ROW_BLOCK ? n - at : TP__ROW_BLOCK;                                  \
            T sum = FN(name##_block)(size, x + at, y + at, c);                                               \
            for (int64_t k = block; k & 1; k >>= 1, depth--) sum = SC(stack[depth - 1], sum);                \
            stack[depth++] = sum;                                                                            \
        }                                                                                                    \
        T total = stack[--depth];                                                                            \
        while (depth > 0) {                                                                                  \
            depth--;                                                                                         \
            total = SC(stack[depth], total);                                                                 \
        }                                                                                                    \
        return total;                                                                                        \
    }                                                                                                        \
    static inline T FN(name)(int64_t n, const T *x, const T *y, T c) {                                       \
        return n <= TP__ROW_BLOCK ? FN(name##_block)(n, x, y, c) : FN(name##_long)(n, x, y, c);              \
    }

#ifndef TP__ROW_ADD
#define TP__ROW_ADD(a, b) ((a) + (b))
#define TP__ROW_V(x, y, c, i) FN(vec_load)((x) + (i))
#define TP__ROW_S(x, y, c, i) ((x)[i])
#define TP__ROW_V_SHIFT(x, y, c, i) (FN(vec_load)((x) + (i)) - (c))
#define TP__ROW_S_SHIFT(x, y, c, i) ((x)[i] - (c))
#define TP__ROW_V_DOT(x, y, c, i) (FN(vec_load)((x) + (i)) * FN(vec_load)((y) + (i)))
#define TP__ROW_S_DOT(x, y, c, i) ((x)[i] * (y)[i])
#define TP__ROW_V_DEV(x, y, c, i) FN(vec_row_square)(FN(vec_load)((x) + (i)) - (c))
#define TP__ROW_S_DEV(x, y, c, i) FN(row_square)((x)[i] - (c))
#define TP__ROW_V_DEV_DOT(x, y, c, i) ((FN(vec_load)((x) + (i)) - (c)) * FN(vec_load)((y) + (i)))
#define TP__ROW_S_DEV_DOT(x, y, c, i) (((x)[i] - (c)) * (y)[i])
#endif

static inline FN(vec) FN(vec_row_square)(FN(vec) v) { return v * v; }
static inline T FN(row_square)(T v) { return v * v; }

/* NaN wins, as in PyTorch. The first comparison gives b if either is NaN. Selects, no branches. */
static inline FN(vec) FN(vec_nan_max)(FN(vec) a, FN(vec) b) {
    FN(vec_mask) take = (FN(vec_mask))(a > b) | (FN(vec_mask))(a != a);
    return (FN(vec))((take & (FN(vec_mask))a) | (~take & (FN(vec_mask))b));
}
static inline FN(vec) FN(vec_nan_min)(FN(vec) a, FN(vec) b) {
    FN(vec_mask) take = (FN(vec_mask))(a < b) | (FN(vec_mask))(a != a);
    return (FN(vec))((take & (FN(vec_mask))a) | (~take & (FN(vec_mask))b));
}
static inline T FN(nan_max)(T a, T b) {
    const T m = a > b ? a : b;
    return a != a ? a : m;
}
static inline T FN(nan_min)(T a, T b) {
    const T m = a < b ? a : b;
    return a != a ? a : m;
}

TP__DEFINE_ROW(row_sum, TP__ROW_V, TP__ROW_S, TP__ROW_ADD, TP__ROW_ADD)
TP__DEFINE_ROW(row_max, TP__ROW_V, TP__ROW_S, FN(vec_nan_max), FN(nan_max))
TP__DEFINE_ROW(row_min, TP__ROW_V, TP__ROW_S, FN(vec_nan_min), FN(nan_min))
TP__DEFINE_ROW(row_shifted, TP__ROW_V_SHIFT, TP__ROW_S_SHIFT, TP__ROW_ADD, TP__ROW_ADD) /* sum (x - c) */
TP__DEFINE_ROW(row_dot, TP__ROW_V_DOT, TP__ROW_S_DOT, TP__ROW_ADD, TP__ROW_ADD)         /* sum x y */
TP__DEFINE_ROW(row_dev, TP__ROW_V_DEV, TP__ROW_S_DEV, TP__ROW_ADD, TP__ROW_ADD)         /* sum (x - c)^2 */
TP__DEFINE_ROW(row_dev_dot, TP__ROW_V_DEV_DOT, TP__ROW_S_DEV_DOT, TP__ROW_ADD,
               TP__ROW_ADD) /* sum (x - c) y */

#endif
