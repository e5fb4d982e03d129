/* Samples of decompose.h. Rows on decompositions whose factors are unique only up to signs look at what does not depend on them,
 * and rows on symmetric matrices make them from any. */
#include <stdlib.h>
#include <string.h>

#include "support/sample.h"

/* ---- matrices in plain loops ----------------------------------------------------------------------------- */

enum { MOST = 24 };

typedef struct matrix {
    int64_t m, n;
    double at[MOST * MOST];
} matrix;

/* Matrix number i of an array. */
static matrix matrix_of(const dense *d, int64_t i) {
    matrix a = {d->shape.dims[d->shape.ndim - 2], d->shape.dims[d->shape.ndim - 1], {0}};
    memcpy(a.at, d->data + i * a.m * a.n, (size_t)(a.m * a.n) * sizeof(double));
    return a;
}

static matrix product(const matrix *a, const matrix *b) {
    matrix c = {a->m, b->n, {0}};
    for (int64_t i = 0; i < c.m; i++)
        for (int64_t j = 0; j < c.n; j++)
            for (int64_t k = 0; k < a->n; k++) c.at[i * c.n + j] += a->at[i * a->n + k] * b->at[k * b->n + j];
    return c;
}

static matrix flipped(const matrix *a) {
    matrix t = {a->n, a->m, {0}};
    for (int64_t i = 0; i < a->m; i++)
        for (int64_t j = 0; j < a->n; j++) t.at[j * a->m + i] = a->at[i * a->n + j];
    return t;
}

/* X with A X = B, by Gauss and Jordan with the largest pivot of each column; the determinant if it is wanted. */
static matrix eliminate(matrix a, matrix b, double *det) {
    double d = 1;
    for (int64_t k = 0; k < a.n; k++) {
        int64_t p = k;
        for (int64_t i = k + 1; i < a.n; i++)
            if (fabs(a.at[i * a.n + k]) > fabs(a.at[p * a.n + k])) p = i;
        for (int64_t j = 0; j < a.n && p != k; j++) {
            double kept = a.at[k * a.n + j];
            a.at[k * a.n + j] = a.at[p * a.n + j];
            a.at[p * a.n + j] = kept;
        }
        for (int64_t j = 0; j < b.n && p != k; j++) {
            double kept = b.at[k * b.n + j];
            b.at[k * b.n + j] = b.at[p * b.n + j];
            b.at[p * b.n + j] = kept;
        }
        double pivot = a.at[k * a.n + k];
        d *= p != k ? -pivot : pivot;
        if (pivot == 0) break;
        for (int64_t i = 0; i < a.n; i++) {
            double f = i == k ? 0 : a.at[i * a.n + k] / pivot;
            for (int64_t j = 0; j < a.n; j++) a.at[i * a.n + j] -= f * a.at[k * a.n + j];
            for (int64_t j = 0; j < b.n; j++) b.at[i * b.n + j] -= f * b.at[k * b.n + j];
        }
    }
    for (int64_t i = 0; i < a.n; i++)
        for (int64_t j = 0; j < b.n; j++) b.at[i * b.n + j] /= a.at[i * a.n + i];
    if (det) *det = d;
    return b;
}

static matrix identity(int64_t n) {
    matrix e = {n, n, {0}};
    for (int64_t i = 0; i < n; i++) e.at[i * n + i] = 1;
    return e;
}

/* Descending singular values, by rotating the columns of A until they are at right angles (Hestenes). */
static void singular_values(matrix a, double *s) {
    if (a.m < a.n) a = flipped(&a);
    for (int sweep = 0; sweep < 60; sweep++)
        for (int64_t p = 0; p < a.n; p++)
            for (int64_t q = p + 1; q < a.n; q++) {
                double pp = 0, qq = 0, pq = 0;
                for (int64_t i = 0; i < a.m; i++) {
                    double x = a.at[i * a.n + p], y = a.at[i * a.n + q];
                    pp += x * x;
                    qq += y * y;
                    pq += x * y;
                }
                if (fabs(pq) < 1e-300) continue;
                double zeta = (qq - pp) / (2 * pq),
                       t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
                double c = 1 / sqrt(1 + t * t), sn = c * t;
                for (int64_t i = 0; i < a.m; i++) {
                    double x = a.at[i * a.n + p], y = a.at[i * a.n + q];
                    a.at[i * a.n + p] = c * x - sn * y;
                    a.at[i * a.n + q] = sn * x + c * y;
                }
            }
    for (int64_t j = 0; j < a.n; j++) {
        s[j] = 0;
        for (int64_t i = 0; i < a.m; i++) s[j] += a.at[i * a.n + j] * a.at[i * a.n + j];
        s[j] = sqrt(s[j]);
        for (int64_t k = j; k > 0 && s[k] > s[k - 1]; k--) {
            double kept = s[k];
            s[k] = s[k - 1];
            s[k - 1] = kept;
        }
    }
}

/* ---- references ------------------------------------------------------------------------------------------ */

static tp_shape leading(tp_shape shape, int drop) {
    shape.ndim -= drop;
    return shape;
}

static int64_t matrices_in(const dense *d) { return tp_shape_numel(leading(d->shape, 2)); }

static void ref_inv(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, in[0].shape);
    for (int64_t i = 0; i < matrices_in(&in[0]) && in[0].numel > 0; i++) {
        matrix a = matrix_of(&in[0], i), x = eliminate(a, identity(a.n), NULL);
        memcpy(y + i * a.n * a.n, x.at, (size_t)(a.n * a.n) * sizeof(double));
    }
}

static void ref_det(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, leading(in[0].shape, 2)), *z = NULL;
    if (row->i[0]) z = dense_new(&out[1], leading(in[0].shape, 2)); /* slogdet: sign and log */
    for (int64_t i = 0; i < out->numel; i++) {
        matrix a = matrix_of(&in[0], i);
        double det = 1;
        eliminate(a, identity(a.n), &det);
        if (z) z[i] = log(fabs(det));
        y[i] = z ? (det > 0) - (det < 0) : det;
    }
}

/* i[0]: is b a vector? i[1]: which triangle of a counts, 0 all, 1 upper, 2 lower; i[2]: from the right; i[3]: unit diagonal. */
static void ref_solve(const sample *row, const dense *in, dense *out) {
    tp_shape sa = in[0].shape, sb = in[1].shape;
    if (row->i[0]) sb.dims[sb.ndim++] = 1;
    tp_shape ba = leading(sa, 2), bb = leading(sb, 2), shape = dense_broadcast_shape(ba, bb), batch = shape;
    int64_t n = sa.dims[sa.ndim - 1], rows = sb.dims[sb.ndim - 2], columns = sb.dims[sb.ndim - 1];
    shape.dims[shape.ndim++] = rows;
    if (!row->i[0]) shape.dims[shape.ndim++] = columns;
    double *y = dense_new(out, shape);
    dense b = {sb, in[1].numel, in[1].data};
    for (int64_t i = 0; out->numel > 0 && i < tp_shape_numel(batch); i++) {
        matrix a = matrix_of(&in[0], dense_broadcast(ba, batch, i)),
               rhs = matrix_of(&b, dense_broadcast(bb, batch, i));
        for (int64_t r = 0; r < n; r++)
            for (int64_t c = 0; c < n; c++) {
                if ((row->i[1] == 1 && c < r) || (row->i[1] == 2 && c > r)) a.at[r * n + c] = 0;
                if (row->i[3] && r == c) a.at[r * n + c] = 1;
            }
        if (row->i[2]) {
            a = flipped(&a);
            rhs = flipped(&rhs);
        }
        matrix x = eliminate(a, rhs, NULL);
        if (row->i[2]) x = flipped(&x);
        memcpy(y + i * rows * columns, x.at, (size_t)(rows * columns) * sizeof(double));
    }
}

/* x x^T + 2, of each matrix. */
static matrix positive(const matrix *x) {
    matrix t = flipped(x), a = product(x, &t);
    for (int64_t i = 0; i < a.n; i++) a.at[i * a.n + i] += 2;
    return a;
}

static matrix cholesky(const matrix *a) {
    matrix l = {a->n, a->n, {0}};
    int64_t n = a->n;
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = j; i < n; i++) {
            double sum = a->at[i * n + j];
            for (int64_t k = 0; k < j; k++) sum -= l.at[i * n + k] * l.at[j * n + k];
            l.at[i * n + j] = i == j ? sqrt(sum) : sum / l.at[j * n + j];
        }
    return l;
}

/* i[0]: upper; i[1]: the input is the positive matrix itself. */
static void ref_cholesky(const sample *row, const dense *in, dense *out) {
    tp_shape shape = in[0].shape;
    int64_t n = shape.dims[shape.ndim - 1] = shape.dims[shape.ndim - 2];
    double *y = dense_new(out, shape);
    for (int64_t i = 0; i < matrices_in(&in[0]) && n > 0; i++) {
        matrix x = matrix_of(&in[0], i), a = row->i[1] ? x : positive(&x), l = cholesky(&a);
        if (row->i[0]) l = flipped(&l);
        memcpy(y + i * n * n, l.at, (size_t)(n * n) * sizeof(double));
    }
}

/* With L given, and read as its lower triangle, or U: L L^T X = B. */
static void ref_cholesky_solve(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, in[1].shape);
    for (int64_t i = 0; i < matrices_in(&in[1]); i++) {
        matrix l = matrix_of(&in[0], i), b = matrix_of(&in[1], i);
        for (int64_t r = 0; r < l.n; r++)
            for (int64_t c = 0; c < l.n; c++)
                if (row->i[0] ? c < r : c > r) l.at[r * l.n + c] = 0;
        matrix t = flipped(&l), a = row->i[0] ? product(&t, &l) : product(&l, &t), x = eliminate(a, b, NULL);
        memcpy(y + i * b.m * b.n, x.at, (size_t)(b.m * b.n) * sizeof(double));
    }
}

/* What a decomposition multiplies out to: the input. */
static void ref_same(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, in[0].shape);
    memcpy(y, in[0].data, (size_t)in[0].numel * sizeof(double));
}

/* Q Q^T, the projection on the columns of a, A (A^T A)^-1 A^T, and |R| multiplied out: R^T R = A^T A. */
static void ref_qr(const sample *row, const dense *in, dense *out) {
    (void)row;
    tp_shape batch = leading(in[0].shape, 2), first = batch, second = batch;
    int64_t m = in[0].shape.dims[batch.ndim], n = in[0].shape.dims[batch.ndim + 1];
    first.dims[first.ndim++] = m;
    first.dims[first.ndim++] = m;
    second.dims[second.ndim++] = n;
    second.dims[second.ndim++] = n;
    double *p = dense_new(&out[0], first), *r = dense_new(&out[1], second);
    for (int64_t i = 0; i < tp_shape_numel(batch); i++) {
        matrix a = matrix_of(&in[0], i), t = flipped(&a), ata = product(&t, &a), projection = identity(m);
        if (m > n && !row->i[0]) {
            matrix x = eliminate(ata, t, NULL);
            projection = product(&a, &x);
        }
        memcpy(p + i * m * m, projection.at, (size_t)(m * m) * sizeof(double));
        memcpy(r + i * n * n, ata.at, (size_t)(n * n) * sizeof(double));
    }
}

/* a = x + x^T. Results: the eigenvalues, and V exp(w / 4) V^T by its series. */
static void ref_eigh(const sample *row, const dense *in, dense *out) {
    tp_shape values = leading(in[0].shape, 1);
    int64_t n = in[0].shape.dims[values.ndim];
    double *w = dense_new(&out[0], values), *e = row->i[1] ? NULL : dense_new(&out[1], in[0].shape);
    for (int64_t i = 0; i < matrices_in(&in[0]) && n > 0; i++) {
        matrix x = matrix_of(&in[0], i), a = flipped(&x), shifted, term = identity(n), sum = term;
        for (int64_t k = 0; k < n * n; k++) a.at[k] += x.at[k];
        shifted = a;
        for (int64_t k = 0; k < n; k++)
            shifted.at[k * n + k] += 100; /* positive: singular values are eigenvalues */
        double s[MOST];
        singular_values(shifted, s);
        for (int64_t k = 0; k < n; k++) w[i * n + k] = s[n - 1 - k] - 100;
        for (int64_t k = 0; k < n * n; k++) a.at[k] /= 4;
        for (int j = 1; j < 60; j++) {
            term = product(&term, &a);
            for (int64_t k = 0; k < n * n; k++) {
                term.at[k] /= j;
                sum.at[k] += term.at[k];
            }
        }
        if (e) memcpy(e + i * n * n, sum.at, (size_t)(n * n) * sizeof(double));
    }
}

static void ref_svdvals(const sample *row, const dense *in, dense *out) {
    (void)row;
    tp_shape shape = leading(in[0].shape, 1);
    int64_t m = in[0].shape.dims[shape.ndim - 1], n = in[0].shape.dims[shape.ndim], k = m < n ? m : n;
    shape.dims[shape.ndim - 1] = k;
    double *s = dense_new(out, shape);
    for (int64_t i = 0; i < matrices_in(&in[0]) && k > 0; i++)
        singular_values(matrix_of(&in[0], i), s + i * k);
}

/* s, and U (s + s^3) Vh = A + A A^T A. */
static void ref_svd(const sample *row, const dense *in, dense *out) {
    ref_svdvals(row, in, out);
    double *y = dense_new(&out[1], in[0].shape);
    for (int64_t i = 0; i < matrices_in(&in[0]) && in[0].numel > 0; i++) {
        matrix a = matrix_of(&in[0], i), t = flipped(&a), at = product(&a, &t), cube = product(&at, &a);
        for (int64_t k = 0; k < a.m * a.n; k++) y[i * a.m * a.n + k] = a.at[k] + cube.at[k];
    }
}

/* Of full rank: (A^T A)^-1 A^T, or A^T (A A^T)^-1. */
static matrix pseudo_inverse(const matrix *a) {
    matrix t = flipped(a);
    if (a->m >= a->n) return eliminate(product(&t, a), t, NULL);
    matrix x = eliminate(product(a, &t), *a, NULL);
    return flipped(&x);
}

static void ref_pinv(const sample *row, const dense *in, dense *out) {
    (void)row;
    tp_shape shape = in[0].shape;
    int64_t m = shape.dims[shape.ndim - 2], n = shape.dims[shape.ndim - 1];
    shape.dims[shape.ndim - 2] = n;
    shape.dims[shape.ndim - 1] = m;
    double *y = dense_new(out, shape);
    for (int64_t i = 0; i < matrices_in(&in[0]) && m * n > 0; i++) {
        matrix a = matrix_of(&in[0], i), x = pseudo_inverse(&a);
        memcpy(y + i * m * n, x.at, (size_t)(m * n) * sizeof(double));
    }
}

static void ref_rank(const sample *row, const dense *in, dense *out) {
    (void)in;
    double *y = dense_new(out, TP_SHAPE(2));
    for (int k = 0; k < 2; k++) y[k] = (double)row->i[k];
}

/* Solution, residuals, rank and singular values; i[0]: is b a vector? One matrix. */
static void ref_lstsq(const sample *row, const dense *in, dense *out) {
    matrix a = matrix_of(&in[0], 0), b = {a.m, 1, {0}}, x;
    tp_shape shape = TP_SHAPE(a.n);
    if (!row->i[0]) {
        b = matrix_of(&in[1], 0);
        shape = TP_SHAPE(a.n, b.n);
    } else memcpy(b.at, in[1].data, (size_t)a.m * sizeof(double));
    matrix inverse = pseudo_inverse(&a);
    x = product(&inverse, &b);
    memcpy(dense_new(&out[0], shape), x.at, (size_t)(x.m * x.n) * sizeof(double));
    double *r = dense_new(&out[1], TP_SHAPE(a.m > a.n ? b.n : 0));
    matrix made = product(&a, &x);
    for (int64_t j = 0; a.m > a.n && j < b.n; j++)
        for (int64_t i = 0; i < a.m; i++)
            r[j] += (made.at[i * b.n + j] - b.at[i * b.n + j]) * (made.at[i * b.n + j] - b.at[i * b.n + j]);
    int64_t k = a.m < a.n ? a.m : a.n;
    dense_new(&out[2], TP_SCALAR_SHAPE)[0] = (double)k;
    singular_values(a, dense_new(&out[3], TP_SHAPE(k)));
}

/* ---- calls ------------------------------------------------------------------------------------------------ */

static tp_tensor *t_(tp_tensor *x) { return tp_transpose(x, -2, -1); }

SAMPLE_RUN(run_inv, tp_linalg_inv(in[0]))
SAMPLE_RUN(run_det, tp_linalg_det(in[0]))
SAMPLE_RUN(run_solve, tp_linalg_solve(in[0], in[1]))
SAMPLE_RUN(run_cholesky, tp_linalg_cholesky(in[0], row->i[0] != 0))
SAMPLE_RUN(run_cholesky_solve, tp_linalg_cholesky_solve(in[0], in[1], row->i[0] != 0))
SAMPLE_RUN(run_eigvalsh, tp_linalg_eigvalsh(tp_add(in[0], t_(in[0])), row->i[0] != 0))
SAMPLE_RUN(run_eigvalsh_plain, tp_linalg_eigvalsh(in[0], false))
SAMPLE_RUN(run_svdvals, tp_linalg_svdvals(in[0]))
SAMPLE_RUN(run_pinv, tp_linalg_pinv(in[0], 0))
SAMPLE_RUN(run_rank, tp_linalg_matrix_rank(in[0], row->p[0]))
SAMPLE_RUN(run_triangular,
           tp_linalg_solve_triangular(in[0], in[1], row->i[1] == 1,
                                      (tp_solve_triangular_options){.right = row->i[2] != 0,
                                                                    .unitriangular = row->i[3] != 0}))

static int run_cholesky_of(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    int64_t n = in[0] ? tp_tensor_size(in[0], -2) : 0;
    tp_tensor *two = in[0] ? tp_mul_scalar(tp_eye(n, n, tp_tensor_dtype(in[0])), 2) : NULL;
    out[0] = tp_linalg_cholesky(tp_add(tp_matmul(in[0], t_(in[0])), two), row->i[0] != 0);
    return 1;
}

static int run_slogdet(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    tp_slogdet_out y = tp_linalg_slogdet(in[0]);
    out[0] = y.sign;
    out[1] = y.logabsdet;
    return 2;
}

/* The factors multiplied, so that signs do not matter. */
static int run_qr(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_qr_out y = tp_linalg_qr(in[0], row->i[0] != 0);
    out[0] = tp_matmul(y.q, t_(y.q));
    out[1] = tp_matmul(t_(y.r), y.r);
    return 2;
}

static int run_qr_product(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_qr_out y = tp_linalg_qr(in[0], row->i[0] != 0);
    out[0] = tp_matmul(y.q, y.r);
    return 1;
}

static int run_qr_plain(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    tp_qr_out y = tp_linalg_qr(in[0], false);
    out[0] = y.q;
    out[1] = y.r;
    return 2;
}

static int run_eigh(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_eigh_out y = tp_linalg_eigh(tp_add(in[0], t_(in[0])), row->i[0] != 0);
    tp_tensor *e = tp_exp(tp_div_scalar(y.eigenvalues, 4));
    out[0] = y.eigenvalues;
    out[1] = tp_matmul(tp_mul(y.eigenvectors, tp_unsqueeze(e, -2)), t_(y.eigenvectors));
    return 2;
}

static int run_eigh_plain(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    tp_eigh_out y = tp_linalg_eigh(in[0], false);
    out[0] = y.eigenvalues;
    out[1] = y.eigenvectors;
    return 2;
}

static int run_svd(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_svd_out y = tp_linalg_svd(in[0], row->i[0] != 0);
    tp_tensor *s = tp_add(y.s, tp_pow_scalar(y.s, 3)), *u = y.u, *vh = y.vh;
    int64_t k = y.s ? tp_tensor_size(y.s, -1) : 0;
    out[0] = y.s;
    if (row->i[0]) {
        u = tp_narrow(u, -1, 0, k);
        vh = tp_narrow(vh, -2, 0, k);
    }
    out[1] = tp_matmul(tp_mul(u, tp_unsqueeze(s, -2)), vh);
    return 2;
}

static int run_svd_product(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    tp_svd_out y = tp_linalg_svd(in[0], false);
    out[0] = tp_matmul(tp_mul(y.u, tp_unsqueeze(y.s, -2)), y.vh);
    return 1;
}

static int run_svd_plain(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    tp_svd_out y = tp_linalg_svd(in[0], false);
    out[0] = y.u;
    out[1] = y.s;
    out[2] = y.vh;
    return 3;
}

static int run_lstsq(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    tp_lstsq_out y = tp_linalg_lstsq(in[0], in[1], 0);
    out[0] = y.solution;
    out[1] = y.residuals;
    out[2] = y.rank;
    out[3] = y.singular_values;
    return 4;
}

/* A well-conditioned drawing would be luck: the diagonal is given. */
#define EASY VALUES(3, 0.5, -0.2, 0.1, -2.5, 0.7, 0.4, -0.3, 2.2)
#define EASY_TWO                                                                                             \
    VALUES(3, 0.5, -0.2, 0.1, -2.5, 0.7, 0.4, -0.3, 2.2, -1.5, 0.3, 0.2, 0.6, 2.1, -0.4, 0.2, 0.9, -1.8)
#define LOWER VALUES(4, NAN, -INFINITY, 1, 3, NAN, -0.5, 0.2, 2)
#define POSITIVE VALUES(4, 1, -0.5, 1, 3, 0.2, -0.5, 0.2, 2)
#define SINGULAR VALUES(1, 2, 3, 2, 4, 6, 0, 1, -1)
#define RANKS VALUES(1, 2, 3, 2, 4, 6, 3, 6, 9, 1, 0, 0, 0, 1, 0, 0, 0, 1e-3)
#define THREE                                                                                                \
    { FLOAT_IN(-1, 1), SHAPE(3, 3), .values = EASY }
#define TWO_THREES                                                                                           \
    { FLOAT_IN(-1, 1), SHAPE(2, 3, 3), .values = EASY_TWO }
#define LAX .tol = 1e-9, .tol_f32 = 2e-3
#define STIFF .flags = SAMPLE_NO_EXPAND, LAX

/* Tables, laid out by hand. */
/* clang-format off */
static const sample decompose_rows[] = {
    {"linalg_inv", "matrix", run_inv, ref_inv, {THREE}, STIFF},
    {"linalg_inv", "batch", run_inv, ref_inv, {TWO_THREES}, STIFF},
    {"linalg_inv", "one element", run_inv, ref_inv, {FLOATS(1, 2, 1, 1)}, LAX},
    {"linalg_inv", "no elements", run_inv, ref_inv, {FLOATS(1, 2, 2, 0, 0)}, LAX},
    {"linalg_inv", "no matrices", run_inv, ref_inv, {FLOATS(1, 2, 0, 3, 3)}, LAX},

    {"linalg_det", "matrix", run_det, ref_det, {THREE}, STIFF},
    {"linalg_det", "batch", run_det, ref_det, {TWO_THREES}, STIFF},
    {"linalg_det", "singular", run_det, ref_det, {{FLOAT_IN(-1, 1), SHAPE(3, 3), .values = SINGULAR}},
     .flags = SAMPLE_NO_EXPAND, .tol = 1e-6, .tol_f32 = 1e-2},
    {"linalg_det", "no elements", run_det, ref_det, {FLOATS(1, 2, 2, 0, 0)}, LAX},
    {"linalg_slogdet", "matrix", run_slogdet, ref_det, {THREE}, .i = {1}, STIFF},
    {"linalg_slogdet", "batch", run_slogdet, ref_det, {TWO_THREES}, .i = {1}, STIFF},

    {"linalg_solve", "matrix", run_solve, ref_solve, {THREE, FLOATS(-2, 2, 3, 2)}, STIFF},
    {"linalg_solve", "vector", run_solve, ref_solve, {THREE, FLOATS(-2, 2, 3)}, .i = {1}, STIFF},
    {"linalg_solve", "batch of vectors", run_solve, ref_solve, {TWO_THREES, FLOATS(-2, 2, 2, 3)}, .i = {1}, STIFF},
    {"linalg_solve", "batch", run_solve, ref_solve, {TWO_THREES, FLOATS(-2, 2, 2, 3, 2)}, STIFF},
    {"linalg_solve", "stretched", run_solve, ref_solve, {TWO_THREES, FLOATS(-2, 2, 2, 1, 3, 1)}, STIFF},
    {"linalg_solve", "large batch", run_solve, ref_solve, {FLOATS(-2, 2, 200, 4, 4), FLOATS(-2, 2, 200, 4, 2)},
     .flags = SAMPLE_NO_EXPAND | SAMPLE_LARGE, .tol = 1e-6, .tol_f32 = 1},
    {"linalg_solve", "no columns", run_solve, ref_solve, {THREE, FLOATS(-2, 2, 3, 0)}, STIFF},

    {"linalg_solve_triangular", "upper", run_triangular, ref_solve, {THREE, FLOATS(-2, 2, 3, 2)}, .i = {0, 1}, STIFF},
    {"linalg_solve_triangular", "lower", run_triangular, ref_solve, {THREE, FLOATS(-2, 2, 3, 2)}, .i = {0, 2}, STIFF},
    {"linalg_solve_triangular", "upper, right", run_triangular, ref_solve, {THREE, FLOATS(-2, 2, 2, 3)}, .i = {0, 1, 1}, STIFF},
    {"linalg_solve_triangular", "lower, right", run_triangular, ref_solve, {THREE, FLOATS(-2, 2, 2, 3)}, .i = {0, 2, 1}, STIFF},
    {"linalg_solve_triangular", "unit", run_triangular, ref_solve, {THREE, FLOATS(-2, 2, 3, 2)}, .i = {0, 2, 0, 1}, STIFF},
    {"linalg_solve_triangular", "unit, right, batch", run_triangular, ref_solve, {TWO_THREES, FLOATS(-2, 2, 2, 3)},
     .i = {0, 1, 1, 1}, STIFF},

    {"linalg_cholesky", "given", run_cholesky, ref_cholesky, {{FLOAT_IN(-1, 1), SHAPE(3, 3), .values = POSITIVE, .fixed = true}},
     .i = {0, 1}, STIFF},
    {"linalg_cholesky", "lower", run_cholesky_of, ref_cholesky, {FLOATS(-1, 1, 3, 4)}, .flags = SAMPLE_COMPOSED, LAX},
    {"linalg_cholesky", "upper, batch", run_cholesky_of, ref_cholesky, {FLOATS(-1, 1, 2, 3, 4)}, .i = {1}, .flags = SAMPLE_COMPOSED, LAX},
    {"linalg_cholesky", "no elements", run_cholesky, ref_cholesky, {FLOATS(1, 2, 0, 0)}, .i = {0, 1}, LAX},
    {"linalg_cholesky_solve", "lower", run_cholesky_solve, ref_cholesky_solve, {THREE, FLOATS(-2, 2, 3, 2)}, STIFF},
    {"linalg_cholesky_solve", "upper, batch", run_cholesky_solve, ref_cholesky_solve, {TWO_THREES, FLOATS(-2, 2, 2, 3, 1)},
     .i = {1}, STIFF},

    {"linalg_qr", "tall", run_qr, ref_qr, {{FLOAT_IN(-2, 2), SHAPE(5, 3)}}, .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_qr", "square, batch", run_qr, ref_qr, {TWO_THREES}, .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_qr", "wide", run_qr_product, ref_same, {FLOATS(-2, 2, 3, 5)}, .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_qr", "complete and wide", run_qr_product, ref_same, {FLOATS(-2, 2, 2, 4)}, .i = {1},
     .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_qr", "complete and tall", run_qr_product, ref_same, {{FLOAT_IN(-2, 2), SHAPE(4, 2), .fixed = true}}, .i = {1},
     .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_qr", "the factors", run_qr_plain, NULL, {THREE}, STIFF},
    {"linalg_qr", "large, tall", run_qr_product, ref_same, {FLOATS(-2, 2, 40000, 3)},
     .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND | SAMPLE_LARGE, LAX},
    {"linalg_qr", "no columns", run_qr_product, ref_same, {FLOATS(-2, 2, 3, 0)}, .flags = SAMPLE_COMPOSED, LAX},

    {"linalg_eigh", "lower", run_eigh, ref_eigh, {{FLOAT_IN(-2, 2), SHAPE(4, 4), .apart = 0.05}},
     .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_eigh", "upper, batch", run_eigh, ref_eigh, {TWO_THREES}, .i = {1}, .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_eigh", "given", run_eigh_plain, NULL, {{FLOAT_IN(-1, 1), SHAPE(3, 3), .values = POSITIVE, .fixed = true}}, STIFF},
    {"linalg_eigvalsh", "matrix", run_eigvalsh, ref_eigh, {{FLOAT_IN(-2, 2), SHAPE(4, 4), .apart = 0.05}}, .i = {0, 1},
     .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_eigvalsh", "one triangle read", run_eigvalsh_plain, NULL, {{FLOAT_IN(-1, 1), SHAPE(3, 3), .values = LOWER, .fixed = true}},
     .flags = SAMPLE_NO_EXPAND | SAMPLE_NAN, LAX},
    {"linalg_eigvalsh", "given", run_eigvalsh_plain, NULL, {{FLOAT_IN(-1, 1), SHAPE(3, 3), .values = POSITIVE, .fixed = true}}, STIFF},

    {"linalg_svd", "tall", run_svd, ref_svd, {FLOATS(-2, 2, 4, 3)}, .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_svd", "wide, batch", run_svd, ref_svd, {FLOATS(-2, 2, 2, 2, 4)}, .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_svd", "square", run_svd, ref_svd, {THREE}, .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_svd", "full, tall", run_svd, ref_svd, {FLOATS(-2, 2, 4, 2)}, .i = {1}, .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_svd", "full, wide", run_svd, ref_svd, {FLOATS(-2, 2, 2, 4)}, .i = {1}, .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND, LAX},
    {"linalg_svd", "large, tall", run_svd_product, ref_same, {FLOATS(-2, 2, 40000, 3)},
     .flags = SAMPLE_COMPOSED | SAMPLE_NO_EXPAND | SAMPLE_LARGE, LAX},
    {"linalg_svd", "the factors", run_svd_plain, NULL, {FLOATS(-2, 2, 4, 3)}, STIFF},
    {"linalg_svdvals", "tall", run_svdvals, ref_svdvals, {FLOATS(-2, 2, 4, 3)}, STIFF},
    {"linalg_svdvals", "wide, batch", run_svdvals, ref_svdvals, {FLOATS(-2, 2, 2, 2, 4)}, STIFF},
    {"linalg_svdvals", "no elements", run_svdvals, ref_svdvals, {FLOATS(-2, 2, 2, 0, 4)}, LAX},

    {"linalg_pinv", "tall", run_pinv, ref_pinv, {FLOATS(-2, 2, 4, 3)}, STIFF},
    {"linalg_pinv", "wide, batch", run_pinv, ref_pinv, {FLOATS(-2, 2, 2, 2, 4)}, STIFF},
    {"linalg_pinv", "no elements", run_pinv, ref_pinv, {FLOATS(-2, 2, 0, 4)}, LAX},
    {"linalg_matrix_rank", "batch", run_rank, ref_rank, {{FLOAT_IN(-1, 1), SHAPE(2, 3, 3), .values = RANKS}}, .i = {1, 3},
     .flags = SAMPLE_NO_GRAD | SAMPLE_NO_EXPAND},
    {"linalg_matrix_rank", "tolerance", run_rank, ref_rank, {{FLOAT_IN(-1, 1), SHAPE(2, 3, 3), .values = RANKS}}, .i = {1, 2},
     .p = {0.01}, .flags = SAMPLE_NO_GRAD | SAMPLE_NO_EXPAND},
    {"linalg_lstsq", "tall", run_lstsq, ref_lstsq, {FLOATS(-2, 2, 5, 3), FLOATS(-2, 2, 5, 2)}, STIFF},
    {"linalg_lstsq", "wide", run_lstsq, ref_lstsq, {FLOATS(-2, 2, 2, 4), FLOATS(-2, 2, 2, 2)}, STIFF},
    {"linalg_lstsq", "vector", run_lstsq, ref_lstsq, {FLOATS(-2, 2, 4, 2), FLOATS(-2, 2, 4)}, .i = {1}, STIFF},
};
/* clang-format on */

SAMPLE_FAMILY(decompose, decompose_rows)
