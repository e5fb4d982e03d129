/* Products of integer matrices, a row at a time. They wrap around, and so are computed unsigned. */
#include <string.h>

#include "ops/product.h"

/* One row of C: c += a[k] b[k] for each row of B. */
#define INTEGER_ROW(name, type)                                                                              \
    static void name(const tp__product *p, const char *a, const char *b, char *c) {                          \
        const type *left = (const type *)(const void *)a, *right = (const type *)(const void *)b;            \
        type *row = (type *)(void *)c;                                                                       \
        memset(row, 0, (size_t)p->n * sizeof *row);                                                          \
        for (int64_t k = 0; k < p->k; k++) {                                                                 \
            type x = left[k * p->a_cs];                                                                      \
            const type *from = right + k * p->b_rs;                                                          \
            for (int64_t j = 0; j < p->n; j++) row[j] = (type)(row[j] + x * from[j * p->b_cs]);              \
        }                                                                                                    \
    }
INTEGER_ROW(integer_row_64, uint64_t)
INTEGER_ROW(integer_row_32, uint32_t)
INTEGER_ROW(integer_row_8, uint8_t)

/* Items: the rows of all C_i. */
static void integer_rows(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const tp__product *p = context;
    int64_t item = (int64_t)tp__itemsize(p->dtype);
    for (int64_t r = begin; r < end; r++) {
        int64_t i = r / p->m, row = r % p->m;
        const char *a = p->a + ((p->a_at ? p->a_at[i] : 0) + row * p->a_rs) * item;
        const char *b = p->b + (p->b_at ? p->b_at[i] : 0) * item;
        char *c = p->c + (i * p->c_step + row * p->c_rs) * item;
        if (p->dtype == TP_I64) integer_row_64(p, a, b, c);
        else if (p->dtype == TP_I32) integer_row_32(p, a, b, c);
        else integer_row_8(p, a, b, c);
    }
}

void tp__product_integers(const tp__product *p) {
    tp__product copy = *p;
    double work = (double)p->n * (double)p->k;
    tp__parallel_for(p->batch * p->m, work < 32768 ? (int64_t)(32768 / (work + 1)) + 1 : 1, integer_rows,
                     &copy);
}
