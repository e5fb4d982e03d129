/* The seam through which all matrix products go. */
#ifndef TP__OPS_PRODUCT_H
#define TP__OPS_PRODUCT_H

#include "ops/ops.h"

/* `batch` products C_i (m, n) = A_i (m, k) B_i (k, n), of one floating dtype; strides in elements. Of each C rows or columns
 * are packed. */
typedef struct tp__product {
    tp_dtype dtype;
    int64_t m, n, k;
    const char *a, *b;
    int64_t a_rs, a_cs, b_rs, b_cs;
    char *c;
    int64_t c_rs, c_cs;
    const char *col_bias; /* (n), or NULL */
    int64_t batch;
    const int64_t *a_at, *b_at; /* element offsets of each A_i and B_i, or NULL: none */
    int64_t c_step;             /* elements from one C_i to the next */
} tp__product;

/* Computes it, cut into tiles by the shape alone, on as many threads as pay. False with a record if out of memory. */
bool tp__product_run(const char *op, const tp__product *p);

/* The same for I64, I32 and U8, whatever the strides of A and B; the rows of C are packed, and there is no bias. Cannot fail. */
void tp__product_integers(const tp__product *p);

/* For tp_build_info(): what multiplies matrices here. */
const char *tp__product_info(void);

#endif
