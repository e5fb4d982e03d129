/* LAPACK, one matrix at a time. All matrices are column-major, as LAPACK has them: a row-major matrix is its transpose. Each
 * routine works in place, for F32 or F64, and returns LAPACK's info: 0, or what went wrong. They run on one thread; call them
 * from tp__lapack_batch(). Without LAPACK tp__lapack_available() says so and there are none. */
#ifndef TP__OPS_LAPACK_H
#define TP__OPS_LAPACK_H

#include "ops/ops.h"

/* False with a TP_ERR_UNSUPPORTED record if this build has no LAPACK. */
bool tp__lapack_available(const char *op);

/* False with a record for a matrix whose size does not fit LAPACK's integers. */
bool tp__lapack_fits(const char *op, int64_t m, int64_t n);

/* Runs fn(context, i, work) for i < count, on as many threads as pay for matrices of `cost` multiply-adds; `work` is
 * `work_bytes` of scratch. `fn` returns an info. The result is TP_OK; TP_ERR_MEMORY with a record; or TP_ERR_NUMERIC without
 * one when an info was not 0, with the first such item in *failed and its info in *info. */
typedef int tp__lapack_fn(void *context, int64_t i, void *work);
tp_status tp__lapack_batch(const char *op, int64_t count, double cost, size_t work_bytes, tp__lapack_fn *fn,
                           void *context, int64_t *failed, int *info);

/* Bytes of scratch for syevd and gesdd of matrices of m rows and n columns; for geqrf and orgqr of so many columns. */
size_t tp__lapack_work(tp_dtype dtype, int64_t m, int64_t n);
size_t tp__lapack_qr_work(tp_dtype dtype, int64_t columns);

typedef struct tp__lapack_routines {
    /* P L U of (m, n): L and U over `a`, the exchanges, from 1, in pivots. info > 0: U[info-1][info-1] is zero. */
    int (*getrf)(tp_dtype dtype, int64_t m, int64_t n, void *a, int *pivots);
    /* Solves A X = B (or A^T X = B) for X, over b (n, k), from what getrf gave. */
    int (*getrs)(tp_dtype dtype, bool transposed, int64_t n, int64_t k, const void *lu, const int *pivots,
                 void *b);
    /* Solves with the triangle of `a`: A X = B (or A^T X = B) over b (n, k). */
    void (*trsm)(tp_dtype dtype, bool upper, bool transposed, bool unit, int64_t n, int64_t k, const void *a,
                 void *b);
    /* The Cholesky factor over the triangle. info > 0: not positive definite at that leading minor. */
    int (*potrf)(tp_dtype dtype, bool upper, int64_t n, void *a);
    /* Householder QR of (m, n), and the first k columns of Q, from that many reflectors, over an (m, k) matrix. */
    int (*geqrf)(tp_dtype dtype, int64_t m, int64_t n, void *a, void *tau, void *work);
    int (*orgqr)(tp_dtype dtype, int64_t m, int64_t k, int64_t reflectors, void *a, const void *tau,
                 void *work);
    /* Eigenvalues, ascending, and eigenvectors, over `a`, of a symmetric matrix of which one triangle is read. */
    int (*syevd)(tp_dtype dtype, bool vectors, bool upper, int64_t n, void *a, void *w, void *work);
    /* Singular values, descending, and vectors: u (m, k), vt (k, n), k = min(m, n), or all of them. `a` is destroyed. */
    int (*gesdd)(tp_dtype dtype, bool vectors, bool full, int64_t m, int64_t n, void *a, void *s, void *u,
                 void *vt, void *work);
} tp__lapack_routines;

/* All NULL without LAPACK. */
extern const tp__lapack_routines tp__lapack;

#endif
