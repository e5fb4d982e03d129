/* Linear algebra through LAPACK: solving, determinants, decompositions. As torch.linalg.
 *
 * Matrices are the last two dims; whatever dims stand in front are a batch, (*). F32 and F64. Gradients are PyTorch's, of any
 * order unless a function says else; those of decompositions exist where the decomposition is unique up to signs that the loss does
 * not depend on. The same bits at any number of threads.
 *
 * Errors common to all: TP_ERR_UNSUPPORTED in a build without LAPACK; TP_ERR_SHAPE for fewer than two dims, for a matrix that is
 * not square where it must be, or one too large for LAPACK's integers; TP_ERR_DTYPE; TP_ERR_NUMERIC, with the number of the
 * matrix in the batch, where there is no result. */
#ifndef TAPER_DECOMPOSE_H
#define TAPER_DECOMPOSE_H

#include "taper/base.h"

TP_BEGIN_DECLS

/* Solving. */

/* A^-1: (*, n, n) -> (*, n, n). Errors: TP_ERR_NUMERIC for a singular matrix. */
TP_API tp_tensor *tp_linalg_inv(tp_tensor *a);

/* X with A X = B. a: (*, n, n), b: (*, n, k) -> (*, n, k), batches broadcast; or vectors, b: (n) or (*, n) with the batch of a
 * just so -> (*, n). Errors: TP_ERR_NUMERIC for a singular matrix. */
TP_API tp_tensor *tp_linalg_solve(tp_tensor *a, tp_tensor *b);

typedef struct tp_solve_triangular_options {
    bool right;         /* X A = B instead of A X = B */
    bool unitriangular; /* the diagonal is taken as ones, and not read */
} tp_solve_triangular_options;

/* X with A X = B where A is upper or lower triangular; the other triangle is not read. a: (*, n, n), b: (*, n, k), or (*, k, n)
 * from the right; batches broadcast. A zero on the diagonal gives infinities, as in PyTorch. */
TP_API tp_tensor *tp_linalg_solve_triangular(tp_tensor *a, tp_tensor *b, bool upper,
                                             tp_solve_triangular_options options);

/* L with A = L L^T, lower triangular, or U with A = U^T U: (*, n, n) -> (*, n, n). One triangle of a, the lower or the upper, is
 * read; the gradient is symmetric. Errors: TP_ERR_NUMERIC for a matrix that is not positive definite. */
TP_API tp_tensor *tp_linalg_cholesky(tp_tensor *a, bool upper);

/* X with A X = B from A's Cholesky factor, l: (*, n, n), b: (*, n, k). As torch.cholesky_solve(b, l). */
TP_API tp_tensor *tp_linalg_cholesky_solve(tp_tensor *l, tp_tensor *b, bool upper);

typedef struct tp_lstsq_out {
    tp_tensor *solution;  /* (*, n, k), or (*, n) */
    tp_tensor *residuals; /* |A X - B|^2 of each column, (*, k), where m > n and every rank is n; else (0) */
    tp_tensor *rank;      /* (*), I64 */
    tp_tensor *singular_values; /* (*, min(m, n)), descending */
} tp_lstsq_out;

/* The X of least norm for which |A X - B| is least. a: (*, m, n), b: (*, m, k), or (*, m) with the batch of a just so; batches
 * broadcast. Singular values up to rcond times the largest count as zero; 0 is max(m, n) times the dtype's epsilon. */
TP_API tp_lstsq_out tp_linalg_lstsq(tp_tensor *a, tp_tensor *b, double rcond);

/* The pseudo-inverse: (*, m, n) -> (*, n, m). rtol as rcond above. The gradient is that at constant rank. */
TP_API tp_tensor *tp_linalg_pinv(tp_tensor *a, double rtol);

/* The number of singular values above rtol times the largest: (*, m, n) -> (*), I64. rtol as rcond above. */
TP_API tp_tensor *tp_linalg_matrix_rank(tp_tensor *a, double rtol);

/* Determinants. */

/* (*, n, n) -> (*); 1 for n = 0. Singular matrices have gradients too, the cofactors (PyTorch 2.13 gives zeros); where they are
 * to be differentiated again, to half of the digits. */
TP_API tp_tensor *tp_linalg_det(tp_tensor *a);

typedef struct tp_slogdet_out {
    tp_tensor *sign;      /* (*): -1, 0 or 1. No gradient */
    tp_tensor *logabsdet; /* (*): log |det A|; -Inf for a singular matrix */
} tp_slogdet_out;

/* The determinant where it would overflow: det A = sign exp(logabsdet). */
TP_API tp_slogdet_out tp_linalg_slogdet(tp_tensor *a);

/* Decompositions. */

typedef struct tp_qr_out {
    tp_tensor *q; /* (*, m, min(m, n)), or (*, m, m) if complete: orthonormal columns */
    tp_tensor *r; /* (*, min(m, n), n), or (*, m, n): upper triangular */
} tp_qr_out;

/* A = Q R, by Householder reflections: (*, m, n). `complete` for all columns of Q; where m > n that has no gradient (its further
 * columns are not unique), and asking for it is TP_ERR_AUTOGRAD. */
TP_API tp_qr_out tp_linalg_qr(tp_tensor *a, bool complete);

typedef struct tp_eigh_out {
    tp_tensor *eigenvalues;  /* (*, n), ascending */
    tp_tensor *eigenvectors; /* (*, n, n), in columns */
} tp_eigh_out;

/* A = V diag(w) V^T of symmetric matrices, (*, n, n), of which the lower triangle (or the upper) is read. The gradient of vectors is
 * infinite where eigenvalues coincide; it takes the matrix as symmetric, as PyTorch's. */
TP_API tp_eigh_out tp_linalg_eigh(tp_tensor *a, bool upper);
TP_API tp_tensor *tp_linalg_eigvalsh(tp_tensor *a, bool upper);

typedef struct tp_svd_out {
    tp_tensor *u;  /* (*, m, k), k = min(m, n), or (*, m, m) if full */
    tp_tensor *s;  /* (*, k), descending */
    tp_tensor *vh; /* (*, k, n), or (*, n, n) if full */
} tp_svd_out;

/* A = U diag(s) Vh: (*, m, n). The gradient of vectors is infinite where singular values coincide or, for m != n, are zero; that of
 * the further vectors of `full_matrices` is zero, as in PyTorch. */
TP_API tp_svd_out tp_linalg_svd(tp_tensor *a, bool full_matrices);
TP_API tp_tensor *tp_linalg_svdvals(tp_tensor *a);

TP_END_DECLS

#endif
