/* Reductions of one real type; see reduce.h. */

/* Lines are added one after the other in blocks of this many, and the blocks pairwise. */
#ifndef TP__COLS_BLOCK
#define TP__COLS_BLOCK 32
#define TP__COLS_DEPTH 48
#define TP__COLS_VECS 8 /* registers side by side */
#define TP__COLS_INLINE static inline __attribute__((always_inline))
#endif

/* Elements apart from each other are gathered a block at a time. */
#define TP__DEFINE_ROWS(kind, SC)                                                                            \
    static T FN(kind##_far)(int64_t n, const T *x, int64_t step) {                                           \
        T buffer[TP__ROW_BLOCK], stack[TP__ROW_DEPTH];                                                       \
        int depth = 0;                                                                                       \
        for (int64_t at = 0, block = 0; at < n; at += TP__ROW_BLOCK, block++) {                              \
            int64_t size = n - at < TP__ROW_BLOCK ? n - at : TP__ROW_BLOCK;                                  \
            for (int64_t i = 0; i < size; i++) buffer[i] = x[(at + i) * step];                               \
            T sum = FN(row_##kind##_block)(size, buffer, buffer, 0);                                         \
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
    static void FN(kind##_rows)(int64_t rows, int64_t n, const void *x_, int64_t row_step, int64_t step,     \
                                void *out_, int64_t out_step) {                                              \
        const T *x = x_;                                                                                     \
        T *out = out_;                                                                                       \
        if (step == 1)                                                                                       \
            for (int64_t r = 0; r < rows; r++)                                                               \
                out[r * out_step] = FN(row_##kind)(n, x + r * row_step, x + r * row_step, 0);                \
        else                                                                                                 \
            for (int64_t r = 0; r < rows; r++)                                                               \
                out[r * out_step] = FN(kind##_far)(n, x + r * row_step, step);                               \
    }

/* kind_panel: one panel of `vecs` vectors, a constant where it is inlined.
 * kind_narrow: fewer columns than a vector holds. Where lines follow each other without a gap, a vector reads
 * on into the next ones, whose values are then not used; the last lines are taken one element at a time. */
#define TP__DEFINE_COLS(kind, VC, SC)                                                                        \
    TP__COLS_INLINE void FN(kind##_panel)(const int vecs, int64_t n, const T *x, int64_t step,               \
                                          FN(vec) *total) {                                                  \
        FN(vec) stack[TP__COLS_DEPTH][TP__COLS_VECS];                                                        \
        int depth = 0;                                                                                       \
        for (int64_t at = 0, block = 0; at < n; at += TP__COLS_BLOCK, block++) {                             \
            int64_t size = n - at < TP__COLS_BLOCK ? n - at : TP__COLS_BLOCK;                                \
            const T *line = x + at * step;                                                                   \
            FN(vec) sum[TP__COLS_VECS];                                                                      \
            for (int v = 0; v < vecs; v++) sum[v] = FN(vec_load)(line + v * TP__LANES);                      \
            for (int64_t i = 1; i < size; i++) {                                                             \
                line += step;                                                                                \
                for (int v = 0; v < vecs; v++) sum[v] = VC(sum[v], FN(vec_load)(line + v * TP__LANES));      \
            }                                                                                                \
            for (int64_t k = block; k & 1; k >>= 1) {                                                        \
                depth--;                                                                                     \
                for (int v = 0; v < vecs; v++) sum[v] = VC(stack[depth][v], sum[v]);                         \
            }                                                                                                \
            for (int v = 0; v < vecs; v++) stack[depth][v] = sum[v];                                         \
            depth++;                                                                                         \
        }                                                                                                    \
        depth--;                                                                                             \
        for (int v = 0; v < vecs; v++) total[v] = stack[depth][v];                                           \
        while (depth > 0) {                                                                                  \
            depth--;                                                                                         \
            for (int v = 0; v < vecs; v++) total[v] = VC(stack[depth][v], total[v]);                         \
        }                                                                                                    \
    }                                                                                                        \
    static void FN(kind##_narrow)(int64_t n, int64_t width, const T *x, int64_t step, T *out,                \
                                  int64_t out_step) {                                                        \
        int64_t whole = step == width ? n - (TP__LANES - 1) / width : 0;                                     \
        if (whole < 2) {                                                                                     \
            for (int64_t c = 0; c < width; c++) out[c * out_step] = FN(kind##_far)(n, x + c, step);          \
            return;                                                                                          \
        }                                                                                                    \
        FN(vec) total[TP__COLS_VECS];                                                                        \
        FN(kind##_panel)(1, whole, x, step, total);                                                          \
        T lane[TP__LANES];                                                                                   \
        *(FN(vec_at) *)lane = total[0];                                                                      \
        for (int64_t i = whole; i < n; i++)                                                                  \
            for (int64_t c = 0; c < width; c++) lane[c] = SC(lane[c], x[i * step + c]);                      \
        for (int64_t c = 0; c < width; c++) out[c * out_step] = lane[c];                                     \
    }                                                                                                        \
    static void FN(kind##_cols)(int64_t n, int64_t width, const void *x_, int64_t step, void *out_,          \
                                int64_t out_step) {                                                          \
        const T *x = x_;                                                                                     \
        T *out = out_;                                                                                       \
        const int64_t panel = TP__COLS_VECS * TP__LANES;                                                     \
        FN(vec) total[TP__COLS_VECS];                                                                        \
        int64_t c = 0;                                                                                       \
        for (; c + panel <= width; c += panel) {                                                             \
            FN(kind##_panel)(TP__COLS_VECS, n, x + c, step, total);                                          \
            FN(vec_put)(panel, total, out + c * out_step, out_step);                                         \
        }                                                                                                    \
        if (width < TP__LANES) {                                                                             \
            if (width > 0) FN(kind##_narrow)(n, width, x, step, out, out_step);                              \
            return;                                                                                          \
        }                                                                                                    \
        while (c < width) { /* the last one may overlap what is done: the same values again */               \
            if (c > width - TP__LANES) c = width - TP__LANES;                                                \
            FN(kind##_panel)(1, n, x + c, step, total);                                                      \
            FN(vec_put)(TP__LANES, total, out + c * out_step, out_step);                                     \
            c += TP__LANES;                                                                                  \
        }                                                                                                    \
    }

static inline void FN(vec_put)(int64_t count, const FN(vec) *from, T *out, int64_t out_step) {
    if (out_step == 1) {
        for (int64_t v = 0; v < count / TP__LANES; v++) *(FN(vec_at) *)(out + v * TP__LANES) = from[v];
        return;
    }
    T buffer[TP__COLS_VECS * TP__LANES];
    for (int64_t v = 0; v < count / TP__LANES; v++) *(FN(vec_at) *)(buffer + v * TP__LANES) = from[v];
    for (int64_t i = 0; i < count; i++) out[i * out_step] = buffer[i];
}

TP__DEFINE_ROWS(sum, TP__ROW_ADD)
TP__DEFINE_ROWS(max, FN(nan_max))
TP__DEFINE_ROWS(min, FN(nan_min))
TP__DEFINE_COLS(sum, TP__ROW_ADD, TP__ROW_ADD)
TP__DEFINE_COLS(max, FN(vec_nan_max), FN(nan_max))
TP__DEFINE_COLS(min, FN(vec_nan_min), FN(nan_min))

static int64_t FN(find)(int64_t n, const void *x_, const void *value) {
    const T *x = x_, v = *(const T *)value;
    int64_t i = 0;
    for (; i + 64 <= n; i += 64) { /* is it in this block? A loop without exits vectorises */
        TI found = 0;
        for (int k = 0; k < 64; k++) found |= x[i + k] == v || x[i + k] != x[i + k];
        if (found) break;
    }
    while (i < n && x[i] != v && x[i] == x[i]) i++;
    return i;
}

static void FN(square_dev)(int64_t n, const void *x, const void *mean, void *out) {
    *(T *)out = FN(row_dev)(n, x, x, *(const T *)mean);
}
