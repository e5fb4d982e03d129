/* Matrix products: the cut into tiles, the choice of who computes them, and the only calls of a BLAS.
 *
 * Where the kernels are compiled for AVX2 or AVX-512 taper's own are used: beside OpenBLAS 0.3.21 they measured 0.9 to 1.2
 * times as fast at all sizes from 64 to 2048, and at the small ones of small networks they save its packing and its locks.
 * On other machines, where our kernel is merely what the compiler makes of it, larger products go to the BLAS. */
#include "ops/product.h"

#include <stdio.h>
#include <string.h>

#include "kernels/gemm.h"

#if TP_HAVE_CBLAS
#include <cblas.h>
#if TP_HAVE_OPENMP
#include <omp.h>
#endif
#endif

/* Tiles are this large at the most, so that what is packed of them stays in the second level cache, and smaller
 * where that gives more of them. */
#define TILE_M 256
#define TILE_N 512
#define TILE_WORK ((double)(1 << 19)) /* multiply-adds for which a tile is worth a thread's while */

typedef struct product_plan {
    const tp__product *p;
    int64_t tile_m, tile_n, tiles_m, tiles_n;
    char *scratch;
    size_t scratch_bytes; /* of each worker */
    bool blas;
} product_plan;

/* ---- the BLAS -------------------------------------------------------------------------------------------- */

#if TP_HAVE_CBLAS

#if TP_HAVE_OPENBLAS
/* Only OpenBLAS built on the OpenMP runtime that this library uses can be told to stay on one thread. Where that of clang and that of
 * gcc are both in the process, or it has threads of its own, it is left alone. */
static bool blas_is_usable(void) {
#if TP_HAVE_OPENMP && defined(__clang__)
    return openblas_get_parallel() == 0;
#else
    return openblas_get_parallel() != 1;
#endif
}
#else
static bool blas_is_usable(void) { return true; }
#endif

/* Can the BLAS take this? It wants rows or columns packed, and sizes that fit its int. */
static bool blas_takes(const tp__product *p) {
    const int64_t most = INT32_MAX;
    return (p->a_rs == 1 || p->a_cs == 1) && (p->b_rs == 1 || p->b_cs == 1) && p->c_cs == 1 && !p->col_bias &&
           p->m <= most && p->n <= most && p->k <= most && p->a_rs <= most && p->a_cs <= most &&
           p->b_rs <= most && p->b_cs <= most && p->c_rs <= most &&
           (double)p->m * (double)p->n * (double)p->k >= 32768 && p->k > 0;
}

static void blas_tile(const tp__gemm_args *g, tp_dtype dtype) {
#if TP_HAVE_OPENMP
    int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* this task's own setting, and put back: it may be the caller's */
#endif
    bool ta = g->a_cs != 1, tb = g->b_cs != 1;
    int lda = (int)(ta ? g->a_cs : g->a_rs), ldb = (int)(tb ? g->b_cs : g->b_rs), ldc = (int)g->c_rs;
    /* A matrix of one row or column may come with any stride in the other dim. */
    int need_a = (int)(ta ? g->m : g->k), need_b = (int)(tb ? g->k : g->n);
    if (lda < need_a) lda = need_a;
    if (ldb < need_b) ldb = need_b;
    if (ldc < (int)g->n) ldc = (int)g->n;
    enum CBLAS_TRANSPOSE at = ta ? CblasTrans : CblasNoTrans, bt = tb ? CblasTrans : CblasNoTrans;
    if (dtype == TP_F32)
        cblas_sgemm(CblasRowMajor, at, bt, (int)g->m, (int)g->n, (int)g->k, 1, g->a, lda, g->b, ldb, 0, g->c,
                    ldc);
    else
        cblas_dgemm(CblasRowMajor, at, bt, (int)g->m, (int)g->n, (int)g->k, 1, g->a, lda, g->b, ldb, 0, g->c,
                    ldc);
#if TP_HAVE_OPENMP
    omp_set_num_threads(threads);
#endif
}

static bool own_kernel_is_better(void) { return strcmp(tp__kern->name, "baseline") != 0; }

static bool product_by_blas(const tp__product *p) {
    return !own_kernel_is_better() && blas_is_usable() && blas_takes(p);
}

const char *tp__product_info(void) {
    static char text[160];
    const char *use = own_kernel_is_better() ? "own kernel"
                      : blas_is_usable()     ? "BLAS"
                                             : "own kernel (the BLAS brings threads of another runtime)";
#if TP_HAVE_OPENBLAS
    snprintf(text, sizeof text, "products by %s; OpenBLAS %s", use, openblas_get_corename());
#else
    snprintf(text, sizeof text, "products by %s; CBLAS", use);
#endif
    return text;
}

#else

static void blas_tile(const tp__gemm_args *g, tp_dtype dtype) {
    (void)g;
    (void)dtype;
}

static bool product_by_blas(const tp__product *p) {
    (void)p;
    return false;
}

const char *tp__product_info(void) { return "products by own kernel; no BLAS"; }

#endif

/* ---- tiles ----------------------------------------------------------------------------------------------- */

static void product_tiles(void *context, int64_t begin, int64_t end, int worker) {
    const product_plan *plan = context;
    const tp__product *p = plan->p;
    int64_t item = (int64_t)tp__itemsize(p->dtype), per_matrix = plan->tiles_m * plan->tiles_n;
    for (int64_t t = begin; t < end; t++) {
        int64_t i = t / per_matrix, row = t % per_matrix / plan->tiles_n * plan->tile_m,
                column = t % plan->tiles_n * plan->tile_n;
        const char *a = p->a + (p->a_at ? p->a_at[i] : 0) * item,
                   *b = p->b + (p->b_at ? p->b_at[i] : 0) * item;
        tp__gemm_args g = {
            .m = p->m - row < plan->tile_m ? p->m - row : plan->tile_m,
            .n = p->n - column < plan->tile_n ? p->n - column : plan->tile_n,
            .k = p->k,
            .a = a + row * p->a_rs * item,
            .a_rs = p->a_rs,
            .a_cs = p->a_cs,
            .b = b + column * p->b_cs * item,
            .b_rs = p->b_rs,
            .b_cs = p->b_cs,
            .c = p->c + (i * p->c_step + row * p->c_rs + column * p->c_cs) * item,
            .c_rs = p->c_rs,
            .c_cs = p->c_cs,
            .col_bias = p->col_bias ? p->col_bias + column * item : NULL,
            .scratch = plan->scratch + (size_t)worker * plan->scratch_bytes,
        };
        if (plan->blas) blas_tile(&g, p->dtype);
        else tp__kern->gemm->run[p->dtype](&g);
    }
}

static int64_t cut(int64_t size, int64_t most) {
    int64_t pieces = (size + most - 1) / most;
    return pieces > 0 ? (size + pieces - 1) / pieces : 1;
}

/* Halves tiles until there are some for several threads or they are too small; by the shape alone, so that the
 * same sums are made at any number of threads. */
static void plan_tiles(product_plan *plan) {
    const tp__product *p = plan->p;
    plan->tile_m = cut(p->m, TILE_M);
    plan->tile_n = cut(p->n, TILE_N);
    for (;;) {
        plan->tiles_m = p->m > 0 ? (p->m + plan->tile_m - 1) / plan->tile_m : 0;
        plan->tiles_n = p->n > 0 ? (p->n + plan->tile_n - 1) / plan->tile_n : 0;
        double work = (double)plan->tile_m * (double)plan->tile_n * (double)p->k;
        if (p->batch * plan->tiles_m * plan->tiles_n >= 4 || work < 2 * TILE_WORK) return;
        if (plan->tile_n >= 2 * plan->tile_m && plan->tile_n >= 64)
            plan->tile_n = (plan->tile_n / 2 + 31) / 32 * 32;
        else if (plan->tile_m >= 28) plan->tile_m = (plan->tile_m + 1) / 2;
        else return;
    }
}

bool tp__product_run(const char *op, const tp__product *p) {
    product_plan plan = {.p = p, .blas = product_by_blas(p)};
    plan_tiles(&plan);
    int64_t tiles = p->batch * plan.tiles_m * plan.tiles_n;
    if (tiles == 0) return true;
    double work = (double)plan.tile_m * (double)plan.tile_n * (double)(p->k ? p->k : 1);
    int64_t grain = work >= TILE_WORK ? 1 : (int64_t)(TILE_WORK / work);
    int workers = tiles <= grain ? 1 : tp__max_workers();
    plan.scratch_bytes = (tp__kern->gemm->scratch[p->dtype](plan.tile_m, plan.tile_n, p->k) + 63) / 64 * 64;
    size_t bytes = plan.blas ? 1 : plan.scratch_bytes * (size_t)workers;
    plan.scratch = tp__buffer_alloc(bytes);
    if (!plan.scratch) {
        tp__error_memory(op, bytes);
        return false;
    }
    tp__parallel_for(tiles, grain, product_tiles, &plan);
    tp__buffer_free(plan.scratch, bytes);
    return true;
}
