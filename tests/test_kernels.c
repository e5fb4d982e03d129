/* Holds the kernels of products, convolution and pooling to plain loops: every ISA level that the CPU has, both
 * types, all edges of their tiles, and not a byte beyond the operands. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "kernels_buffer.h"

/* ---- buffers ------------------------------------------------------------------------------------------ */

static uint64_t random_state;

void random_start(uint64_t seed) { random_state = seed * 2654435769u + 1; }

int64_t random_below(int64_t n) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((random_state >> 33) % (uint64_t)n);
}

static size_t item_size(int dtype) { return dtype ? sizeof(double) : sizeof(float); }

static const uint32_t mark32 = 0x7fc0dead;
static const uint64_t mark64 = 0x7ff8deadbeefdead;

static void mark(buffer *b, int64_t i) {
    if (b->dtype) memcpy((double *)b->data + i, &mark64, 8);
    else memcpy((float *)b->data + i, &mark32, 4);
}

bool buffer_is_mark(const buffer *b, int64_t i) {
    if (b->dtype) return memcmp((const double *)b->data + i, &mark64, 8) == 0;
    return memcmp((const float *)b->data + i, &mark32, 4) == 0;
}

buffer buffer_new(int dtype, int64_t n) {
    buffer b = {.dtype = dtype, .n = n, .guard = random_below(2) ? 64 : 0};
    size_t size = item_size(dtype), bytes = (size_t)(n + 2 * b.guard) * size;
    b.block = b.guard ? aligned_alloc(64, (bytes + 63) / 64 * 64) : malloc(bytes ? bytes : 1);
    assert_non_null(b.block);
    b.data = b.block + (size_t)b.guard * size;
    for (int64_t i = -b.guard; i < n + b.guard; i++) mark(&b, i);
    return b;
}

void buffer_fill(buffer *b, int most) {
    for (int64_t i = 0; i < b->n; i++) buffer_set(b, i, (double)(random_below(2 * most + 1) - most));
}

void buffer_free(buffer *b, const char *what) {
    for (int64_t i = 1; i <= b->guard; i++)
        if (!buffer_is_mark(b, -i) || !buffer_is_mark(b, b->n - 1 + i))
            fail_msg("%s: written beyond its ends", what);
    free(b->block);
}

double buffer_get(const buffer *b, int64_t i) {
    return b->dtype ? ((const double *)b->data)[i] : (double)((const float *)b->data)[i];
}

void buffer_set(buffer *b, int64_t i, double value) {
    if (b->dtype) ((double *)b->data)[i] = value;
    else ((float *)b->data)[i] = (float)value;
}

void each_level(void (*body)(int dtype)) {
    const char *before = tp__kern->name;
    for (const char *const *level = tp__kernels_available(); *level; level++) {
        assert_true(tp__kernels_use(*level));
        for (int dtype = 0; dtype < 2; dtype++) {
            random_start(7);
            body(dtype);
        }
    }
    tp__kernels_use(before);
}

/* ---- products ----------------------------------------------------------------------------------------- */

typedef struct product_case {
    int64_t m, n, k;
    bool a_t, b_t, c_t; /* stored by columns? */
    bool accumulate, row_bias, col_bias;
} product_case;

/* A matrix with room between its lines. Of one line, any stride may be given; a case of its own. */
typedef struct matrix {
    buffer b;
    int64_t rs, cs;
} matrix;

static matrix matrix_new(int dtype, int64_t rows, int64_t columns, bool by_columns, int64_t gap) {
    int64_t lines = by_columns ? columns : rows, length = by_columns ? rows : columns;
    matrix m = {.b = buffer_new(dtype, lines > 0 && length > 0 ? (lines - 1) * (length + gap) + length : 0)};
    m.rs = by_columns ? 1 : length + gap;
    m.cs = by_columns ? length + gap : 1;
    return m;
}

static void matrix_fill(matrix *m, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            buffer_set(&m->b, i * m->rs + j * m->cs, (double)(random_below(9) - 4));
}

static void check_product(int dtype, product_case p) {
    char text[200];
    snprintf(text, sizeof text, "gemm %s f%d m %d n %d k %d%s%s%s%s%s%s", tp__kern->name, dtype ? 64 : 32,
             (int)p.m, (int)p.n, (int)p.k, p.a_t ? " A^T" : "", p.b_t ? " B^T" : "", p.c_t ? " C^T" : "",
             p.accumulate ? " accumulate" : "", p.row_bias ? " row bias" : "",
             p.col_bias ? " column bias" : "");
    const int64_t gaps[] = {0, 0, 1, 5};
    matrix a = matrix_new(dtype, p.m, p.k, p.a_t, gaps[random_below(4)]);
    matrix b = matrix_new(dtype, p.k, p.n, p.b_t, gaps[random_below(4)]);
    matrix c = matrix_new(dtype, p.m, p.n, p.c_t, gaps[random_below(4)]);
    buffer rows = buffer_new(dtype, p.m), columns = buffer_new(dtype, p.n);
    matrix_fill(&a, p.m, p.k);
    matrix_fill(&b, p.k, p.n);
    if (p.accumulate) matrix_fill(&c, p.m, p.n);
    buffer_fill(&rows, 9);
    buffer_fill(&columns, 9);
    double *expected = malloc((size_t)(p.m * p.n + 1) * sizeof(double));
    assert_non_null(expected);
    for (int64_t i = 0; i < p.m; i++) {
        for (int64_t j = 0; j < p.n; j++) {
            double sum = p.accumulate ? buffer_get(&c.b, i * c.rs + j * c.cs) : 0;
            if (p.row_bias) sum += buffer_get(&rows, i);
            if (p.col_bias) sum += buffer_get(&columns, j);
            for (int64_t k = 0; k < p.k; k++)
                sum += buffer_get(&a.b, i * a.rs + k * a.cs) * buffer_get(&b.b, k * b.rs + j * b.cs);
            expected[i * p.n + j] = sum;
        }
    }
    size_t bytes = tp__kern->gemm->scratch[dtype](p.m, p.n, p.k);
    char *scratch = aligned_alloc(64, (bytes + 127) / 64 * 64);
    assert_non_null(scratch);
    memset(scratch + bytes, 0x5a, 64);
    tp__kern->gemm->run[dtype](&(tp__gemm_args){.m = p.m,
                                                .n = p.n,
                                                .k = p.k,
                                                .a = a.b.data,
                                                .a_rs = a.rs,
                                                .a_cs = a.cs,
                                                .b = b.b.data,
                                                .b_rs = b.rs,
                                                .b_cs = b.cs,
                                                .c = c.b.data,
                                                .c_rs = c.rs,
                                                .c_cs = c.cs,
                                                .accumulate = p.accumulate,
                                                .row_bias = p.row_bias ? rows.data : NULL,
                                                .col_bias = p.col_bias ? columns.data : NULL,
                                                .scratch = scratch});
    for (int i = 0; i < 64; i++)
        if (scratch[bytes + (size_t)i] != 0x5a) fail_msg("%s: scratch overrun", text);
    free(scratch);
    for (int64_t i = 0; i < p.m; i++) {
        for (int64_t j = 0; j < p.n; j++) {
            int64_t at = i * c.rs + j * c.cs;
            double value = buffer_get(&c.b, at);
            if (value != expected[i * p.n + j])
                fail_msg("%s: C[%d][%d] is %g, not %g", text, (int)i, (int)j, value, expected[i * p.n + j]);
            mark(&c.b, at);
        }
    }
    for (int64_t i = 0; i < c.b.n; i++)
        if (!buffer_is_mark(&c.b, i)) fail_msg("%s: written between the lines of C", text);
    free(expected);
    buffer_free(&a.b, text);
    buffer_free(&b.b, text);
    buffer_free(&c.b, text);
    buffer_free(&rows, text);
    buffer_free(&columns, text);
}

/* The eight layouts, each as it is, accumulating, and with biases. */
static void check_product_forms(int dtype, int64_t m, int64_t n, int64_t k) {
    for (int form = 0; form < 8 * 5; form++) {
        int how = form / 8;
        check_product(dtype, (product_case){m, n, k, form & 1, form & 2, form & 4, how == 1,
                                            how == 2 || how == 4, how == 3 || how == 4});
    }
}

/* All sizes about the edges of tiles: rows of 6 and 14, columns of 2, 4, 8, 16 and 32, panels 256 deep. */
static void product_edges(int dtype) {
    const int64_t sizes[] = {1, 5, 14, 15, 31, 33}, depths[] = {0, 1, 3, 17};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            for (int k = 0; k < 4; k++) check_product_forms(dtype, sizes[i], sizes[j], depths[k]);
    check_product_forms(dtype, 0, 5, 3);
    check_product_forms(dtype, 5, 0, 3);
    check_product_forms(dtype, 0, 0, 0);
    check_product_forms(dtype, 29, 35, 255);
    check_product_forms(dtype, 15, 70, 257);
    check_product_forms(dtype, 3, 3, 600);
    check_product_forms(dtype, 7, 260, 40);
    check_product_forms(dtype, 150, 9, 33);
}

static void product_random(int dtype) {
    for (int i = 0; i < 1200; i++) {
        int64_t most[] = {4, 20, 40, 90};
        product_case p = {.m = random_below(most[random_below(4)]),
                          .n = random_below(most[random_below(4)]),
                          .k = random_below(random_below(8) ? 70 : 600)};
        p.a_t = random_below(2);
        p.b_t = random_below(2);
        p.c_t = random_below(2);
        p.accumulate = random_below(3) == 0;
        p.row_bias = !p.accumulate && random_below(2);
        p.col_bias = !p.accumulate && random_below(2);
        check_product(dtype, p);
    }
}

/* Lines 4 KB apart, where the kernel copies the operands first. */
static void product_far_lines(int dtype) {
    const int64_t m = 30, n = 70, k = 40, stride = 1024;
    for (int form = 0; form < 4; form++) {
        bool a_t = form & 1, b_t = form & 2;
        buffer a = buffer_new(dtype, stride * (a_t ? k : m)), b = buffer_new(dtype, stride * (b_t ? n : k)),
               c = buffer_new(dtype, stride * m);
        buffer_fill(&a, 4);
        buffer_fill(&b, 4);
        int64_t a_rs = a_t ? 1 : stride, a_cs = a_t ? stride : 1, b_rs = b_t ? 1 : stride,
                b_cs = b_t ? stride : 1;
        void *scratch = aligned_alloc(64, (tp__kern->gemm->scratch[dtype](m, n, k) + 63) / 64 * 64);
        tp__kern->gemm->run[dtype](&(tp__gemm_args){.m = m,
                                                    .n = n,
                                                    .k = k,
                                                    .a = a.data,
                                                    .a_rs = a_rs,
                                                    .a_cs = a_cs,
                                                    .b = b.data,
                                                    .b_rs = b_rs,
                                                    .b_cs = b_cs,
                                                    .c = c.data,
                                                    .c_rs = stride,
                                                    .c_cs = 1,
                                                    .scratch = scratch});
        free(scratch);
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;
                for (int64_t q = 0; q < k; q++)
                    sum += buffer_get(&a, i * a_rs + q * a_cs) * buffer_get(&b, q * b_rs + j * b_cs);
                assert_true(buffer_get(&c, i * stride + j) == sum);
            }
        }
        buffer_free(&a, "A");
        buffer_free(&b, "B");
        buffer_free(&c, "C");
    }
}

static void test_product_edges(void **state) {
    (void)state;
    each_level(product_edges);
}

static void test_product_random(void **state) {
    (void)state;
    each_level(product_random);
}

static void test_product_far_lines(void **state) {
    (void)state;
    each_level(product_far_lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product_edges),     cmocka_unit_test(test_product_random),
        cmocka_unit_test(test_product_far_lines), cmocka_unit_test(test_conv_shapes),
        cmocka_unit_test(test_conv_random),       cmocka_unit_test(test_max_pool),
        cmocka_unit_test(test_max_pool_nan),      cmocka_unit_test(test_avg_pool),
        cmocka_unit_test(test_adaptive_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
