/* Kernels of reductions: rows, where each output comes from elements in a line, and columns, where outputs
 * lie side by side and are reduced over lines together. */
#ifndef TP__KERNELS_REDUCE_H
#define TP__KERNELS_REDUCE_H

#include <stdint.h>

#include "kernels/kernels.h"

typedef enum tp__reduce_kind { TP__SUM, TP__MAX, TP__MIN, TP__REDUCE_KINDS } tp__reduce_kind;

/* The types reduced in, numbered as their dtypes: F32, F64, I64. */
#define TP__REDUCE_TYPES 3

/* out[r * out_step] = the reduction of x[r * row_step + i * step] over i < n, for each r < rows. n > 0. */
typedef void tp__reduce_rows_fn(int64_t rows, int64_t n, const void *x, int64_t row_step, int64_t step,
                                void *out, int64_t out_step);

/* out[c * out_step] = the reduction of x[i * step + c] over i < n, for each c < width. n > 0. */
typedef void tp__reduce_cols_fn(int64_t n, int64_t width, const void *x, int64_t step, void *out,
                                int64_t out_step);

struct tp__reduce_kernels {
    tp__reduce_rows_fn *rows[TP__REDUCE_KINDS][TP__REDUCE_TYPES];
    tp__reduce_cols_fn *cols[TP__REDUCE_KINDS][TP__REDUCE_TYPES];

    /* The first i < n at which x[i] is *value or NaN; n if there is none. x is packed. */
    int64_t (*find[TP__REDUCE_TYPES])(int64_t n, const void *x, const void *value);

    /* F32, F64; all packed, n > 0. *out = sum (x - *mean)^2. */
    void (*square_dev[2])(int64_t n, const void *x, const void *mean, void *out);
};

extern const tp__reduce_kernels tp__reduce_kernels_base, tp__reduce_kernels_v3, tp__reduce_kernels_v4;

#endif
