#include "kernels/reduce.h"

#define TP__REAL 32
#include "kernels/real.h"
#include "kernels/rows_template.h"
#include "reduce_template.h"
#define TP__REAL 64
#include "kernels/real.h"
#include "kernels/rows_template.h"
#include "reduce_template.h"

/* ---- whole numbers: sums wrap around ---------------------------------------------------------------- */

#define WHOLE(name) TP__PASTE4(tp__, name, _i64_, TP__ISA_SUFFIX)
#define WHOLE_ADD(a, b) ((int64_t)((uint64_t)(a) + (uint64_t)(b)))
#define WHOLE_MAX(a, b) ((a) > (b) ? (a) : (b))
#define WHOLE_MIN(a, b) ((a) < (b) ? (a) : (b))
#define WHOLE_PANEL 256

#define DEFINE_WHOLE(kind, COMBINE)                                                                          \
    static void WHOLE(kind##_rows)(int64_t rows, int64_t n, const void *x_, int64_t row_step, int64_t step,  \
                                   void *out_, int64_t out_step) {                                           \
        int64_t *out = out_;                                                                                 \
        for (int64_t r = 0; r < rows; r++) {                                                                 \
            const int64_t *x = (const int64_t *)x_ + r * row_step;                                           \
            int64_t total = x[0];                                                                            \
            if (step == 1)                                                                                   \
                for (int64_t i = 1; i < n; i++) total = COMBINE(total, x[i]);                                \
            else                                                                                             \
                for (int64_t i = 1; i < n; i++) total = COMBINE(total, x[i * step]);                         \
            out[r * out_step] = total;                                                                       \
        }                                                                                                    \
    }                                                                                                        \
    static void WHOLE(kind##_cols)(int64_t n, int64_t width, const void *x_, int64_t step, void *out_,       \
                                   int64_t out_step) {                                                       \
        int64_t *out = out_, total[WHOLE_PANEL];                                                             \
        for (int64_t at = 0; at < width; at += WHOLE_PANEL) {                                                \
            const int64_t *x = (const int64_t *)x_ + at;                                                     \
            int64_t w = width - at < WHOLE_PANEL ? width - at : WHOLE_PANEL;                                 \
            for (int64_t c = 0; c < w; c++) total[c] = x[c];                                                 \
            for (int64_t i = 1; i < n; i++)                                                                  \
                for (int64_t c = 0; c < w; c++) total[c] = COMBINE(total[c], x[i * step + c]);               \
            for (int64_t c = 0; c < w; c++) out[(at + c) * out_step] = total[c];                             \
        }                                                                                                    \
    }

DEFINE_WHOLE(sum, WHOLE_ADD)
DEFINE_WHOLE(max, WHOLE_MAX)
DEFINE_WHOLE(min, WHOLE_MIN)

static int64_t WHOLE(find)(int64_t n, const void *x_, const void *value) {
    const int64_t *x = x_, v = *(const int64_t *)value;
    int64_t i = 0;
    while (i < n && x[i] != v) i++;
    return i;
}

/* ---- the table -------------------------------------------------------------------------------------- */

#define REAL(name, type) TP__PASTE4(tp__, name, _##type##_, TP__ISA_SUFFIX)
#define TYPES(name)                                                                                          \
    { REAL(name, f32), REAL(name, f64), WHOLE(name) }
#define REALS(name)                                                                                          \
    { REAL(name, f32), REAL(name, f64) }

const tp__reduce_kernels TP__ISA_NAME(reduce_kernels) = {
    .rows = {TYPES(sum_rows), TYPES(max_rows), TYPES(min_rows)},
    .cols = {TYPES(sum_cols), TYPES(max_cols), TYPES(min_cols)},
    .find = TYPES(find),
    .square_dev = REALS(square_dev),
};
