/* QR, eigenvalues, singular values, and what is built on them. */
#include <math.h>
#include <string.h>

#include "ops/decompose.h"
#include "taper/autograd.h"

static tp_tensor *spectral_transposed(tp_tensor *t) { return tp_transpose(t, -2, -1); }

/* X - X^T */
static tp_tensor *spectral_skew(tp_tensor *x) { return tp_sub(x, spectral_transposed(x)); }

/* v_j - v_i in row i and column j, with ones on the diagonal. */
static tp_tensor *spectral_gaps(tp_tensor *v, int64_t n) {
    tp_tensor *gaps = tp_sub(tp_unsqueeze(v, -2), tp_unsqueeze(v, -1));
    return tp_where(tp__dec_eye(n), tp__constant(v, 1), gaps);
}

/* ---- QR ------------------------------------------------------------------------------------------------------- */

typedef struct qr_job {
    tp_dtype dtype;
    int64_t m, n, k, q_columns;
    char *a, *q, *r; /* a: in columns; q: (m, q_columns) in columns; r: (q_columns, n) in rows */
} qr_job;

static int qr_run(void *context, int64_t i, void *work) {
    const qr_job *job = context;
    int64_t item = (int64_t)tp__itemsize(job->dtype), m = job->m, n = job->n, k = job->k;
    char *a = job->a + i * m * n * item, *q = job->q + i * m * job->q_columns * item,
         *r = job->r + i * job->q_columns * n * item, *tau = work;
    void *scratch = tau + (k + 8) / 8 * 8 * item;
    int info = tp__lapack.geqrf(job->dtype, m, n, a, tau, scratch);
    memset(r, 0, (size_t)(job->q_columns * n * item));
    for (int64_t row = 0; row < k; row++)
        for (int64_t column = row; column < n; column++)
            memcpy(r + (row * n + column) * item, a + (column * m + row) * item, (size_t)item);
    memcpy(q, a, (size_t)(m * k * item));
    if (info == 0) info = tp__lapack.orgqr(job->dtype, m, job->q_columns, k, q, tau, scratch);
    return info;
}

/* g[0], g[1] may be NULL. */
static void qr_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *q = tp__output(ctx, 0), *r = tp__output(ctx, 1);
    if (!q || !r) return;
    tp_tensor *rt = spectral_transposed(r), *m = NULL;
    if (g[1]) m = tp_matmul(g[1], rt);
    if (g[0]) {
        tp_tensor *other = tp_matmul(spectral_transposed(q), g[0]);
        m = m ? tp_sub(m, other) : tp_neg(other);
    }
    int64_t n = tp__dec_columns(r);
    tp_tensor *above = tp_mul(m, tp__dec_weights(r, n, 0, 1, 1));
    tp_tensor *both = tp_mul(tp_add(above, spectral_transposed(above)), tp__dec_weights(r, n, 1, 0.5, 1));
    tp_tensor *da = tp_matmul(q, both);
    if (g[0]) da = tp_add(da, g[0]);
    dx[0] = tp_linalg_solve_triangular(rt, da, false, (tp_solve_triangular_options){.right = true});
}

static void qr_complete_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    (void)ctx, (void)g, (void)dx;
    tp__error(TP_ERR_AUTOGRAD, "linalg_qr",
              "has no gradient when complete and there are more rows than columns");
}

static const tp__op qr_op = {.name = "linalg_qr", .vjp = qr_vjp, .save_outputs = 3, .takes_null = true};
static const tp__op qr_complete_op = {.name = "linalg_qr", .vjp = qr_complete_vjp, .takes_null = true};

/* Not recorded. */
static bool qr_value(const char *op, tp_tensor *a, bool complete, tp_tensor **q, tp_tensor **r) {
    int64_t m = tp__dec_rows(a), n = tp__dec_columns(a), k = m < n ? m : n, count, failed;
    int64_t columns = complete ? m : k;
    tp_dtype dtype = (tp_dtype)a->dtype;
    tp_shape batch = tp__dec_batch(a);
    int info;
    count = tp_shape_numel(batch);
    tp_tensor *copy = tp__dec_copy(op, a, batch, dtype, true);
    tp_tensor *qt = copy ? tp__tensor_new(op, tp__dec_shape(batch, columns, m), dtype) : NULL;
    *r = qt ? tp__tensor_new(op, tp__dec_shape(batch, columns, n), dtype) : NULL;
    if (!*r) return false;
    qr_job job = {dtype, m, n, k, columns, tp__data(copy), tp__data(qt), tp__data(*r)};
    size_t work =
        tp__lapack_qr_work(dtype, columns > n ? columns : n) + (size_t)(k + 8) * tp__itemsize(dtype);
    double cost = (double)m * (double)n * (double)k;
    tp_status status = tp__lapack_batch(op, count, cost, work, qr_run, &job, &failed, &info);
    if (!tp__dec_succeeded(op, status, failed, info, count, "LAPACK gives up with %d")) return false;
    tp_tensor *flipped = tp__dec_flip(op, qt);
    *q = flipped ? tp__packed(op, flipped, dtype) : NULL;
    return *q != NULL;
}

static bool qr_recorded(const char *op, tp_tensor *a, bool complete, tp_tensor **out) {
    if (!qr_value(op, a, complete, &out[0], &out[1])) return false;
    bool extra = complete && tp__dec_rows(a) > tp__dec_columns(a);
    tp__call call = {.op = extra ? &qr_complete_op : &qr_op, .n_in = 1, .in = &a, .n_out = 2, .out = out};
    return tp__record_call(&call);
}

/* Of a wide matrix: the QR of its square front decides Q, and the rest of R is what Q makes of the other columns. */
static bool qr_wide(const char *op, tp_tensor *a, tp_tensor **out) {
    int64_t m = tp__dec_rows(a), n = tp__dec_columns(a);
    tp_tensor *front = tp_narrow(a, -1, 0, m), *rest = tp_narrow(a, -1, m, n - m);
    if (!front || !rest || !qr_recorded(op, front, false, out)) return false;
    tp_tensor *other = tp_matmul(spectral_transposed(out[0]), rest);
    out[1] = tp_cat(TP_TENSORS(out[1], other), -1);
    return out[1] != NULL;
}

tp_qr_out tp_linalg_qr(tp_tensor *a, bool complete) {
    const char *op = "linalg_qr";
    tp_tensor *out[2] = {NULL, NULL};
    if (!a) {
        tp__error_null(op, "a");
        return (tp_qr_out){NULL, NULL};
    }
    int64_t most = a->shape.ndim < 2                      ? 0
                   : tp__dec_rows(a) > tp__dec_columns(a) ? tp__dec_rows(a)
                                                          : tp__dec_columns(a);
    if (!tp__dec_check(op, "a", a, false) || (complete && !tp__lapack_fits(op, most, most)))
        return (tp_qr_out){NULL, NULL};
    tp_scope *s = tp_scope_begin();
    if (!s) return (tp_qr_out){NULL, NULL};
    bool ok = tp__dec_rows(a) < tp__dec_columns(a) ? qr_wide(op, a, out) : qr_recorded(op, a, complete, out);
    if (!ok) out[0] = out[1] = NULL;
    tp__hand_over(s, 2, out);
    return (tp_qr_out){out[0], out[1]};
}

/* ---- eigenvalues ---------------------------------------------------------------------------------------------- */

/* An info of our own, that LAPACK gives to nothing: it would not end, or end in anything. */
enum { SPECTRAL_NOT_FINITE = -1000 };

static const char *spectral_failure(int info) {
    return info == SPECTRAL_NOT_FINITE ? "the matrix has elements that are not finite" : "no convergence: %d";
}

static bool spectral_is_finite(const char *data, int64_t n, tp_dtype dtype) {
    const float *f32 = (const float *)(const void *)data;
    const double *f64 = (const double *)(const void *)data;
    bool finite = true;
    if (dtype == TP_F32)
        for (int64_t i = 0; i < n; i++) finite = finite && isfinite(f32[i]);
    else
        for (int64_t i = 0; i < n; i++) finite = finite && isfinite(f64[i]);
    return finite;
}

typedef struct eigh_job {
    tp_dtype dtype;
    int64_t n;
    char *a, *w;
    bool vectors, upper;
} eigh_job;

static int eigh_run(void *context, int64_t i, void *work) {
    const eigh_job *job = context;
    int64_t n = job->n, item = (int64_t)tp__itemsize(job->dtype);
    char *a = job->a + i * n * n * item, *w = job->w + i * n * item;
    for (int64_t r = 0; r < n; r++) {
        const char *row = a + (job->upper ? r * n + r : r * n) * item;
        if (!spectral_is_finite(row, job->upper ? n - r : r + 1, job->dtype)) return SPECTRAL_NOT_FINITE;
    }
    /* In memory a is its transpose. */
    return tp__lapack.syevd(job->dtype, job->vectors, !job->upper, n, a, w, work);
}

/* out[0]: eigenvalues; out[1]: eigenvectors, unless NULL is enough. */
static bool eigh_value(const char *op, tp_tensor *a, bool upper, bool vectors, tp_tensor **out) {
    tp_dtype dtype = (tp_dtype)a->dtype;
    tp_shape batch = tp__dec_batch(a), shape = a->shape;
    int64_t n = tp__dec_rows(a), count = tp_shape_numel(batch), failed;
    int info;
    shape.dims[--shape.ndim] = 0;
    tp_tensor *copy = tp__dec_copy(op, a, batch, dtype, false);
    out[0] = copy ? tp__tensor_new(op, shape, dtype) : NULL;
    if (!out[0]) return false;
    eigh_job job = {dtype, n, tp__data(copy), tp__data(out[0]), vectors, upper};
    double cost = 4 * (double)n * (double)n * (double)n;
    tp_status status =
        tp__lapack_batch(op, count, cost, tp__lapack_work(dtype, n, n), eigh_run, &job, &failed, &info);
    if (!tp__dec_succeeded(op, status, failed, info, count, spectral_failure(info))) return false;
    if (!vectors) return true;
    tp_tensor *flipped = tp__dec_flip(op, copy);
    out[1] = flipped ? tp__packed(op, flipped, dtype) : NULL;
    return out[1] != NULL;
}

/* V (diag(g_w) + skew(V^T g_V) / gaps) V^T, where only the part that turns the vectors counts; either gradient may be NULL. */
static void eigh_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *w = tp__output(ctx, 0), *v = tp__output(ctx, 1);
    if (!w || !v) return;
    tp_tensor *vt = spectral_transposed(v), *inner;
    int64_t n = tp__dec_rows(v);
    if (!g[1]) {
        dx[0] = tp_matmul(tp_mul(v, tp_unsqueeze(g[0], -2)), vt);
        return;
    }
    tp_tensor *turn = tp_mul_scalar(spectral_skew(tp_matmul(vt, g[1])), 0.5);
    inner = tp_div(turn, spectral_gaps(w, n));
    tp_tensor *diagonal = g[0] ? tp_unsqueeze(g[0], -1) : tp__constant(w, 0);
    inner = tp_where(tp__dec_eye(n), diagonal, inner);
    dx[0] = tp_matmul(v, tp_matmul(inner, vt));
}

static const tp__op eigh_op = {.name = "linalg_eigh", .vjp = eigh_vjp, .save_outputs = 3, .takes_null = true};

tp_eigh_out tp_linalg_eigh(tp_tensor *a, bool upper) {
    const char *op = "linalg_eigh";
    tp_tensor *out[2] = {NULL, NULL};
    if (!a) tp__error_null(op, "a");
    if (!a || !tp__dec_check(op, "a", a, true)) return (tp_eigh_out){NULL, NULL};
    tp_scope *s = tp_scope_begin();
    if (!s) return (tp_eigh_out){NULL, NULL};
    tp__call call = {.op = &eigh_op, .n_in = 1, .in = &a, .n_out = 2, .out = out};
    if (!eigh_value(op, a, upper, true, out) || !tp__record_call(&call)) out[0] = out[1] = NULL;
    tp__hand_over(s, 2, out);
    return (tp_eigh_out){out[0], out[1]};
}

tp_tensor *tp_linalg_eigvalsh(tp_tensor *a, bool upper) {
    const char *op = "linalg_eigvalsh";
    TP_REQUIRE(a, op);
    if (!tp__dec_check(op, "a", a, true)) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *out[2] = {NULL, NULL};
    if (tp__will_record(TP__INPUTS(a)))
        out[0] = tp_linalg_eigh(a, upper).eigenvalues; /* whose gradient needs vectors */
    else if (!eigh_value(op, a, upper, false, out)) out[0] = NULL;
    return tp_scope_return(s, out[0]);
}

/* ---- singular values ---------------------------------------------------------------------------------------------- */

typedef struct svd_job {
    tp_dtype dtype;
    int64_t m, n, u_columns, v_rows;
    char *a, *u, *s, *vh;
    bool vectors, full;
    bool tall; /* a, u and vh are transposed in memory, so that LAPACK sees columns that are long */
} svd_job;

/* Otherwise a is in memory its transpose V S U^T, whose left vectors in columns are those of Vh in rows. */
static int svd_run(void *context, int64_t i, void *work) {
    const svd_job *job = context;
    int64_t m = job->m, n = job->n, k = m < n ? m : n, item = (int64_t)tp__itemsize(job->dtype);
    char *a = job->a + i * m * n * item, *s = job->s + i * k * item;
    char *u = job->vectors ? job->u + i * m * job->u_columns * item : NULL,
         *vh = job->vectors ? job->vh + i * job->v_rows * n * item : NULL;
    if (!spectral_is_finite(a, m * n, job->dtype)) return SPECTRAL_NOT_FINITE;
    if (k > 0 && job->tall)
        return tp__lapack.gesdd(job->dtype, job->vectors, job->full, m, n, a, s, u, vh, work);
    if (k > 0) return tp__lapack.gesdd(job->dtype, job->vectors, job->full, n, m, a, s, vh, u, work);
    char *square = m > 0 ? u : vh; /* of nothing, the full vectors are any */
    for (int64_t r = 0; job->vectors && job->full && r < m + n; r++)
        for (int64_t c = 0; c < m + n; c++)
            tp__store_f64(square + (r * (m + n) + c) * item, job->dtype, r == c);
    return 0;
}

/* What lies in columns if `flip`, packed in rows. */
static tp_tensor *spectral_in_rows(const char *op, tp_tensor *t, bool flip) {
    if (!flip) return t;
    tp_tensor *flipped = tp__dec_flip(op, t);
    return flipped ? tp__packed(op, flipped, (tp_dtype)t->dtype) : NULL;
}

/* out: u, s, vh; s alone without vectors. */
static bool svd_value(const char *op, tp_tensor *a, bool vectors, bool full, tp_tensor **out) {
    tp_dtype dtype = (tp_dtype)a->dtype;
    tp_shape batch = tp__dec_batch(a), values = batch;
    int64_t m = tp__dec_rows(a), n = tp__dec_columns(a), k = m < n ? m : n, failed;
    int64_t u_columns = full ? m : k, v_rows = full ? n : k, count = tp_shape_numel(batch);
    int info;
    values.dims[values.ndim++] = k;
    bool tall = m > n && n > 0;
    tp_tensor *copy = tp__dec_copy(op, a, batch, dtype, tall), *u = NULL, *vh = NULL;
    out[1] = copy ? tp__tensor_new(op, values, dtype) : NULL;
    if (out[1] && vectors)
        u = tp__tensor_new(op, tall ? tp__dec_shape(batch, u_columns, m) : tp__dec_shape(batch, m, u_columns),
                           dtype);
    if (u)
        vh = tp__tensor_new(op, tall ? tp__dec_shape(batch, n, v_rows) : tp__dec_shape(batch, v_rows, n),
                            dtype);
    if (!out[1] || (vectors && !vh)) return false;
    svd_job job = {.dtype = dtype,
                   .m = m,
                   .n = n,
                   .u_columns = u_columns,
                   .v_rows = v_rows,
                   .a = tp__data(copy),
                   .u = vectors ? tp__data(u) : NULL,
                   .s = tp__data(out[1]),
                   .vh = vectors ? tp__data(vh) : NULL,
                   .vectors = vectors,
                   .full = full,
                   .tall = tall};
    double cost = 8 * (double)m * (double)n * (double)k;
    tp_status status =
        tp__lapack_batch(op, count, cost, tp__lapack_work(dtype, n, m), svd_run, &job, &failed, &info);
    if (!tp__dec_succeeded(op, status, failed, info, count, spectral_failure(info))) return false;
    if (!vectors) return true;
    out[0] = spectral_in_rows(op, u, tall);
    out[2] = out[0] ? spectral_in_rows(op, vh, tall) : NULL;
    return out[2] != NULL;
}

/* The part of the gradient between U and Vh: that of the vectors within the space they span, and of the values. */
static tp_tensor *svd_inner(tp_tensor *u, tp_tensor *s, tp_tensor *vh, tp_tensor *gu, tp_tensor *gs,
                            tp_tensor *gvh) {
    int64_t k = tp_tensor_size(s, -1);
    tp_tensor *gaps = spectral_gaps(tp_square(s), k), *inner = NULL;
    if (gu) {
        tp_tensor *turn = tp_div(spectral_skew(tp_matmul(spectral_transposed(u), gu)), gaps);
        inner = tp_mul(turn, tp_unsqueeze(s, -2));
    }
    if (gvh) {
        tp_tensor *turn = tp_div(spectral_skew(tp_matmul(vh, spectral_transposed(gvh))), gaps);
        tp_tensor *part = tp_mul(tp_unsqueeze(s, -1), turn);
        inner = inner ? tp_add(inner, part) : part;
    }
    tp_tensor *diagonal = gs ? tp_where(tp__dec_eye(k), tp_unsqueeze(gs, -1), tp__constant(s, 0)) : NULL;
    return diagonal ? tp_add(inner, diagonal) : inner;
}

/* As PyTorch's svd_backward(); any gradient may be NULL. */
static void svd_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *u = tp__output(ctx, 0), *s = tp__output(ctx, 1), *vh = tp__output(ctx, 2);
    if (!u || !s || !vh) return;
    int64_t m = tp__dec_rows(u), k = tp__dec_columns(u), n = tp__dec_columns(vh);
    if (!g[0] && !g[2]) {
        dx[0] = tp_matmul(tp_mul(u, tp_unsqueeze(g[1], -2)), vh);
        return;
    }
    tp_tensor *inner = svd_inner(u, s, vh, g[0], g[1], g[2]), *da;
    if (m > k && g[0]) {
        tp_tensor *scaled = tp_div(g[0], tp_unsqueeze(s, -2));
        tp_tensor *outside = tp_sub(scaled, tp_matmul(u, tp_matmul(spectral_transposed(u), scaled)));
        da = tp_matmul(tp_add(tp_matmul(u, inner), outside), vh);
    } else if (n > k && g[2]) {
        tp_tensor *scaled = tp_div(g[2], tp_unsqueeze(s, -1));
        tp_tensor *outside = tp_sub(scaled, tp_matmul(tp_matmul(scaled, spectral_transposed(vh)), vh));
        da = tp_matmul(u, tp_add(tp_matmul(inner, vh), outside));
    } else da = tp_matmul(u, tp_matmul(inner, vh));
    dx[0] = da;
}

static const tp__op svd_op = {.name = "linalg_svd", .vjp = svd_vjp, .save_outputs = 7, .takes_null = true};

/* The reduced decomposition, recorded; `full` has the further vectors put beside it, as constants. */
static bool svd_recorded(const char *op, tp_tensor *a, bool full, tp_tensor **out) {
    if (!svd_value(op, a, true, full, out)) return false;
    int64_t m = tp__dec_rows(a), n = tp__dec_columns(a), k = m < n ? m : n;
    tp_tensor *u = out[0], *vh = out[2];
    if (full && tp__will_record(TP__INPUTS(a))) {
        out[0] = tp_contiguous(tp_narrow(u, -1, 0, k));
        out[2] = tp_contiguous(tp_narrow(vh, -2, 0, k));
        if (!out[0] || !out[2]) return false;
    }
    tp__call call = {.op = &svd_op, .n_in = 1, .in = &a, .n_out = 3, .out = out};
    if (!tp__record_call(&call)) return false;
    if (u != out[0] && m > k) out[0] = tp_cat(TP_TENSORS(out[0], tp_narrow(u, -1, k, m - k)), -1);
    if (vh != out[2] && n > k) out[2] = tp_cat(TP_TENSORS(out[2], tp_narrow(vh, -2, k, n - k)), -2);
    return true;
}

tp_svd_out tp_linalg_svd(tp_tensor *a, bool full_matrices) {
    const char *op = "linalg_svd";
    const tp_svd_out none = {NULL, NULL, NULL};
    tp_tensor *out[3] = {NULL, NULL, NULL};
    if (!a) tp__error_null(op, "a");
    if (!a || !tp__dec_check(op, "a", a, false)) return none;
    tp_scope *s = tp_scope_begin();
    if (!s) return none;
    if (!svd_recorded(op, a, full_matrices, out)) out[0] = NULL;
    tp__hand_over(s, 3, out);
    return (tp_svd_out){out[0], out[1], out[2]};
}

tp_tensor *tp_linalg_svdvals(tp_tensor *a) {
    const char *op = "linalg_svdvals";
    TP_REQUIRE(a, op);
    if (!tp__dec_check(op, "a", a, false)) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *out[3] = {NULL, NULL, NULL};
    if (tp__will_record(TP__INPUTS(a))) out[1] = tp_linalg_svd(a, false).s; /* whose gradient needs vectors */
    else if (!svd_value(op, a, false, false, out)) out[1] = NULL;
    if (!out[1]) tp__error_rename(NULL, op);
    return tp_scope_return(s, out[1]);
}

/* ---- pseudo-inverse, rank, least squares -------------------------------------------------------------------------- */

/* Which singular values count: above rtol times the largest of their matrix, (*, k) BOOL. */
static tp_tensor *pinv_counted(const tp_tensor *a, tp_tensor *s, double rtol) {
    int64_t m = tp__dec_rows(a), n = tp__dec_columns(a);
    if (rtol == 0) rtol = (double)(m > n ? m : n) * (a->dtype == TP_F32 ? 0x1p-23 : 0x1p-52);
    if (s->numel == 0) return tp_gt_scalar(s, 0);
    return tp_gt(s, tp_mul_scalar(tp_amax(s, TP_DIMS(-1), true), rtol));
}

static bool pinv_check(const char *op, const tp_tensor *a, const char *argument, double tolerance) {
    if (!tp__dec_check(op, "a", a, false)) return false;
    if (tolerance >= 0 && isfinite(tolerance)) return true;
    tp__error(TP_ERR_ARGUMENT, op, "%s must be finite and not negative, got %g", argument, tolerance);
    return false;
}

/* The formula of Golub and Pereyra, with as few products of the larger size as there can be. */
static void pinv_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *a = tp__input(ctx, 0), *y = tp__output(ctx, 0);
    if (!a || !y) return;
    tp_tensor *yt = spectral_transposed(y), *gt = spectral_transposed(g[0]);
    if (tp__dec_rows(a) <= tp__dec_columns(a)) {
        tp_tensor *k = tp_matmul(gt, y), *kyt = tp_matmul(k, yt);
        tp_tensor *first = tp_sub(kyt, spectral_transposed(tp_matmul(y, k)));
        tp_tensor *second = tp_matmul(tp_matmul(a, y), kyt);
        tp_tensor *third = tp_matmul(tp_matmul(yt, y), tp_sub(gt, tp_matmul(k, a)));
        dx[0] = tp_add(tp_sub(first, second), third);
    } else {
        tp_tensor *k = tp_matmul(y, gt), *ytk = tp_matmul(yt, k);
        tp_tensor *first = tp_sub(ytk, spectral_transposed(tp_matmul(k, y)));
        tp_tensor *second = tp_matmul(tp_matmul(tp_sub(gt, tp_matmul(a, k)), y), yt);
        tp_tensor *third = tp_matmul(tp_matmul(ytk, y), a);
        dx[0] = tp_sub(tp_add(first, second), third);
    }
}

static const tp__op pinv_op = {.name = "linalg_pinv", .vjp = pinv_vjp, .save_inputs = 1, .save_outputs = 1};

/* V S^+ U^T, not recorded. */
static tp_tensor *pinv_value(const char *op, tp_tensor *a, double rtol) {
    tp_tensor *out[3] = {NULL, NULL, NULL};
    bool recording = tp_set_grad_enabled(false);
    tp_tensor *y = NULL;
    if (svd_value(op, a, true, false, out)) {
        tp_tensor *factors =
            tp_where(pinv_counted(a, out[1], rtol), tp_reciprocal(out[1]), tp__constant(out[1], 0));
        y = tp_matmul(tp_mul(spectral_transposed(out[2]), tp_unsqueeze(factors, -2)),
                      spectral_transposed(out[0]));
    }
    tp_set_grad_enabled(recording);
    return y;
}

tp_tensor *tp_linalg_pinv(tp_tensor *a, double rtol) {
    const char *op = "linalg_pinv";
    TP_REQUIRE(a, op);
    if (!pinv_check(op, a, "rtol", rtol)) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    return tp_scope_return(s, tp__record(&pinv_op, pinv_value(op, a, rtol), TP__INPUTS(a), NULL, 0));
}

tp_tensor *tp_linalg_matrix_rank(tp_tensor *a, double rtol) {
    const char *op = "linalg_matrix_rank";
    TP_REQUIRE(a, op);
    if (!pinv_check(op, a, "rtol", rtol)) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *out[3] = {NULL, NULL, NULL};
    bool ok = svd_value(op, a, false, false, out);
    return tp_scope_return(s, ok ? tp_sum_dim(pinv_counted(a, out[1], rtol), TP_DIMS(-1), false) : NULL);
}

/* The figures beside the solution; b: matrices. */
static bool lstsq_figures(const char *op, tp_tensor *a, tp_tensor *b, double rcond, tp_lstsq_out *out) {
    int64_t m = tp__dec_rows(a), n = tp__dec_columns(a);
    out->singular_values = tp_linalg_svdvals(a);
    tp_tensor *values = tp_detach(out->singular_values);
    out->rank = values ? tp_sum_dim(pinv_counted(a, values, rcond), TP_DIMS(-1), false) : NULL;
    tp_tensor *full = tp_all(tp_eq_scalar(out->rank, (double)n));
    if (!full) return false;
    bool residuals = m > n && tp_tensor_item_i64(full);
    out->residuals = residuals
                         ? tp_sum_dim(tp_square(tp_sub(tp_matmul(a, out->solution), b)), TP_DIMS(-2), false)
                         : tp__tensor_new(op, TP_SHAPE(0), (tp_dtype)a->dtype);
    return out->residuals != NULL;
}

tp_lstsq_out tp_linalg_lstsq(tp_tensor *a, tp_tensor *b, double rcond) {
    const char *op = "linalg_lstsq";
    const tp_lstsq_out none = {NULL, NULL, NULL, NULL};
    tp_lstsq_out out = none;
    if (!a || !b) tp__error_null(op, a ? "b" : "a");
    if (!a || !b || !pinv_check(op, a, "rcond", rcond) || !tp__require_floating(op, "b", b)) return none;
    tp_shape rows = a->shape;
    rows.dims[--rows.ndim] = 0;
    bool vector = b->shape.ndim == 1 || tp_shape_equal(rows, b->shape);
    if (b->shape.ndim == 0 || b->shape.dims[b->shape.ndim - (vector ? 1 : 2)] != tp__dec_rows(a)) {
        tp__error(TP_ERR_SHAPE, op, "b %s does not fit a %s", tp__shape_text(b->shape),
                  tp__shape_text(a->shape));
        return none;
    }
    tp_scope *s = tp_scope_begin();
    if (!s) return none;
    tp_tensor *matrices = vector ? tp_unsqueeze(b, -1) : b;
    out.solution = tp_matmul(tp_linalg_pinv(a, rcond), matrices);
    tp_tensor *results[4] = {NULL, NULL, NULL, NULL};
    if (out.solution && lstsq_figures(op, a, matrices, rcond, &out)) {
        results[0] = vector ? tp_squeeze(out.solution, TP_DIMS(-1)) : out.solution;
        results[1] = out.residuals;
        results[2] = out.rank;
        results[3] = out.singular_values;
    } else {
        tp__error_rename(NULL, op);
    }
    tp__hand_over(s, 4, results);
    return (tp_lstsq_out){results[0], results[1], results[2], results[3]};
}
