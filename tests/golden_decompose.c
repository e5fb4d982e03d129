/* Golden cases: linear algebra through LAPACK. */
#include "support/golden_op.h"

#define UPPER golden_flag(c, "upper")

static tp_tensor *t_(tp_tensor *x) { return tp_transpose(x, -2, -1); }

/* clang-format off */
#define OPS(OP) \
    OP(linalg_inv, (X)) OP(linalg_det, (X)) OP(linalg_solve, (X, Y)) OP(linalg_svdvals, (X)) OP(linalg_matrix_power, (X, golden_int(c, "n"))) \
    OP(linalg_pinv, (X, 0)) OP(linalg_matrix_rank, (X, 0)) OP(linalg_cholesky_solve, (X, Y, UPPER)) \
    OP(linalg_eigvalsh, (tp_add(X, t_(X)), UPPER)) \
    OP(linalg_solve_triangular, (X, Y, UPPER, (tp_solve_triangular_options){golden_flag(c, "right"), golden_flag(c, "unit")}))
/* clang-format on */

OPS(GOLDEN_RUNNER)

static int run_slogdet(const golden_call *c) {
    tp_slogdet_out y = tp_linalg_slogdet(X);
    c->out[0] = y.sign;
    c->out[1] = y.logabsdet;
    return 2;
}

static int run_cholesky(const golden_call *c) {
    int64_t n = tp_tensor_size(X, -1);
    tp_tensor *two = tp_mul_scalar(tp_eye(n, n, tp_tensor_dtype(X)), 2);
    c->out[0] = tp_linalg_cholesky(tp_add(tp_matmul(X, t_(X)), two), UPPER);
    return 1;
}

static int run_eigh(const golden_call *c) {
    tp_eigh_out y = tp_linalg_eigh(tp_add(X, t_(X)), UPPER);
    tp_tensor *e = tp_exp(tp_div_scalar(y.eigenvalues, 4));
    c->out[0] = y.eigenvalues;
    c->out[1] = tp_matmul(tp_mul(y.eigenvectors, tp_unsqueeze(e, -2)), t_(y.eigenvectors));
    return 2;
}

static int run_svd(const golden_call *c) {
    tp_svd_out y = tp_linalg_svd(X, golden_flag(c, "full"));
    int64_t k = tp_tensor_size(y.s, -1);
    tp_tensor *s = tp_add(y.s, tp_pow_scalar(y.s, 3));
    c->out[0] = y.s;
    c->out[1] = tp_matmul(tp_mul(tp_narrow(y.u, -1, 0, k), tp_unsqueeze(s, -2)), tp_narrow(y.vh, -2, 0, k));
    return 2;
}

/* With the signs that make the diagonal of R positive. */
static int run_qr(const golden_call *c) {
    tp_qr_out y = tp_linalg_qr(X, false);
    int64_t k = tp_tensor_size(y.q, -1);
    tp_tensor *front = tp_detach(tp_narrow(y.r, -1, 0, k)), *eye = tp_eye(k, k, tp_tensor_dtype(X));
    tp_tensor *diagonal = tp_sum_dim(tp_mul(front, eye), TP_DIMS(-2), true);
    c->out[0] = tp_mul(y.q, tp_sign(diagonal));
    c->out[1] = tp_matmul(t_(y.r), y.r);
    return 2;
}

static int run_lstsq(const golden_call *c) {
    c->out[0] = tp_linalg_lstsq(X, Y, 0).solution;
    return 1;
}

/* Condition numbers are up to about 100: some digits go. */
/* clang-format off */
#define LAX(op, arguments) {#op, run_##op, 1e-10, 1e-3},
static const golden_row rows[] = {
    OPS(LAX)
    {"linalg_slogdet", run_slogdet, 1e-10, 1e-3},
    {"linalg_cholesky", run_cholesky, 1e-10, 1e-3},
    {"linalg_eigh", run_eigh, 1e-10, 1e-3},
    {"linalg_svd", run_svd, 1e-10, 1e-3},
    {"linalg_qr", run_qr, 1e-10, 1e-3},
    {"linalg_lstsq", run_lstsq, 1e-10, 1e-3},
};
/* clang-format on */
GOLDEN_FAMILY(decompose, rows)
