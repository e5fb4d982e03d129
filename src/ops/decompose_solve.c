/* Inverses, solving and determinants, by LU and Cholesky factors. */
#include <math.h>
#include <string.h>

#include "ops/decompose.h"
#include "taper/autograd.h"

static tp_tensor *solve_transposed(tp_tensor *t) { return tp_transpose(t, -2, -1); }

/* ---- LU: inverse and determinant of each matrix ------------------------------------------------------------ */

/* What to do about a pivot of zero. */
typedef enum lu_zero { LU_FAIL, LU_KEEP, LU_REPLACE } lu_zero;

typedef struct lu_job {
    tp_dtype dtype;
    int64_t n, bytes;            /* of a matrix */
    char *a;                     /* destroyed */
    char *inverse;               /* or NULL */
    double *sign, *logabs, *det; /* of each matrix, or NULL */
    lu_zero zero;
    bool
        coarse; /* put in a larger number for zeros, of which products of several inverses make no more of rounding */
} lu_job;

static double lu_at(const lu_job *job, const char *a, int64_t i) {
    return tp__load_f64(a + i * (job->n + 1) * (int64_t)tp__itemsize(job->dtype), job->dtype);
}

/* Puts a number of the size of rounding in the place of pivots of zero: products with the inverse then come out as their limits. */
static void lu_replace_zeros(const lu_job *job, char *a) {
    double largest = 0, eps = job->dtype == TP_F32 ? 0x1p-23 : 0x1p-52;
    if (job->coarse) eps = sqrt(eps);
    for (int64_t i = 0; i < job->n; i++) largest = fmax(largest, fabs(lu_at(job, a, i)));
    for (int64_t i = 0; i < job->n; i++)
        if (lu_at(job, a, i) == 0)
            tp__store_f64(a + i * (job->n + 1) * (int64_t)tp__itemsize(job->dtype), job->dtype,
                          eps * (largest > 0 ? largest : 1));
}

static void lu_determinant(const lu_job *job, const char *a, const int *pivots, int64_t item) {
    double sign = 1, logabs = 0, det = 1;
    for (int64_t i = 0; i < job->n; i++) {
        double u = lu_at(job, a, i);
        if (pivots[i] != i + 1) {
            sign = -sign;
            det = -det;
        }
        det *= u;
        sign = u < 0 ? -sign : u == 0 ? 0 : isnan(u) ? u : sign;
        logabs += log(fabs(u));
    }
    if (job->det) job->det[item] = det;
    if (job->sign) job->sign[item] = sign;
    if (job->logabs) job->logabs[item] = logabs;
}

/* The inverse: of the transpose in columns, which is the inverse in rows. */
static void lu_invert(const lu_job *job, const char *a, const int *pivots, char *to) {
    int64_t item = (int64_t)tp__itemsize(job->dtype);
    memset(to, 0, (size_t)job->bytes);
    for (int64_t i = 0; i < job->n; i++) tp__store_f64(to + i * (job->n + 1) * item, job->dtype, 1);
    tp__lapack.getrs(job->dtype, false, job->n, job->n, a, pivots, to);
}

static int lu_run(void *context, int64_t i, void *work) {
    const lu_job *job = context;
    char *a = job->a + i * job->bytes;
    int info = tp__lapack.getrf(job->dtype, job->n, job->n, a, work);
    if (info > 0 && job->zero == LU_REPLACE) lu_replace_zeros(job, a);
    if (info > 0 && job->zero == LU_FAIL) return info;
    lu_determinant(job, a, work, i);
    if (job->inverse) lu_invert(job, a, work, job->inverse + i * job->bytes);
    return 0;
}

/* Runs it for all matrices of `a`; `inverse` is a packed tensor to be filled, or NULL. */
static bool lu_batch(const char *op, tp_tensor *a, tp_tensor *inverse, lu_job job) {
    tp_tensor *copy = tp__dec_copy(op, a, tp__dec_batch(a), (tp_dtype)a->dtype, false);
    if (!copy) return false;
    int64_t count = tp_shape_numel(tp__dec_batch(a)), failed;
    int info;
    job.dtype = (tp_dtype)a->dtype;
    job.n = tp__dec_rows(a);
    job.bytes = job.n * job.n * (int64_t)tp__itemsize(job.dtype);
    job.a = tp__data(copy);
    job.inverse = inverse ? tp__data(inverse) : NULL;
    double cost = (double)job.n * (double)job.n * (double)job.n;
    tp_status status =
        tp__lapack_batch(op, count, cost, (size_t)job.n * sizeof(int), lu_run, &job, &failed, &info);
    return tp__dec_succeeded(op, status, failed, info, count, "the matrix is singular: pivot %d is zero");
}

/* ---- inverse -------------------------------------------------------------------------------------------------- */

static void inv_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *y = tp__output(ctx, 0), *yt = y ? solve_transposed(y) : NULL;
    dx[0] = yt ? tp_neg(tp_matmul(yt, tp_matmul(g[0], yt))) : NULL;
}

static const tp__op inv_op = {.name = "linalg_inv", .vjp = inv_vjp, .save_outputs = 1};

static tp_tensor *inv_value(const char *op, tp_tensor *a, lu_job job) {
    tp_scope *s = tp_scope_begin();
    tp_tensor *y = s ? tp__tensor_new(op, a->shape, (tp_dtype)a->dtype) : NULL;
    if (y && !lu_batch(op, a, y, job)) y = NULL;
    return s ? tp_scope_return(s, tp__record(&inv_op, y, TP__INPUTS(a), NULL, 0)) : NULL;
}

tp_tensor *tp_linalg_inv(tp_tensor *a) {
    const char *op = "linalg_inv";
    TP_REQUIRE(a, op);
    if (!tp__dec_check(op, "a", a, true)) return NULL;
    return inv_value(op, a, (lu_job){.zero = LU_FAIL});
}

/* ---- solving ---------------------------------------------------------------------------------------------------- */

typedef struct solve_job {
    tp_dtype dtype;
    int64_t n, k, a_bytes, b_bytes;
    char *a, *b;
    bool upper, transposed, unit; /* of triangles */
} solve_job;

static int solve_run(void *context, int64_t i, void *work) {
    const solve_job *job = context;
    char *a = job->a + i * job->a_bytes;
    int info = tp__lapack.getrf(job->dtype, job->n, job->n, a, work);
    if (info != 0) return info;
    return tp__lapack.getrs(job->dtype, true, job->n, job->k, a, work, job->b + i * job->b_bytes);
}

static int solve_triangular_run(void *context, int64_t i, void *work) {
    (void)work;
    const solve_job *job = context;
    tp__lapack.trsm(job->dtype, job->upper, job->transposed, job->unit, job->n, job->k,
                    job->a + i * job->a_bytes, job->b + i * job->b_bytes);
    return 0;
}

/* Runs `fn` on copies of A, in rows, and B, in columns or rows; gives B as it is then, or NULL. */
static tp_tensor *solve_batch(const char *op, tp_tensor *a, tp_tensor *b, bool columns, tp__lapack_fn *fn,
                              solve_job job) {
    tp_shape batch;
    job.dtype = tp__result_type(a, b);
    if (!tp__broadcast(tp__dec_batch(a), tp__dec_batch(b), &batch))
        TP_FAIL(TP_ERR_SHAPE, op, "leading dims do not broadcast: %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    tp_tensor *matrices = tp__dec_copy(op, a, batch, job.dtype, false);
    tp_tensor *x = matrices ? tp__dec_copy(op, b, batch, job.dtype, columns) : NULL;
    if (!x) return NULL;
    int64_t count = tp_shape_numel(batch), failed, item = (int64_t)tp__itemsize(job.dtype);
    int info;
    job.n = tp__dec_rows(a);
    job.k = columns ? tp__dec_columns(b) : tp__dec_rows(b);
    job.a_bytes = job.n * job.n * item;
    job.b_bytes = job.n * job.k * item;
    job.a = tp__data(matrices);
    job.b = tp__data(x);
    double cost = (double)job.n * (double)job.n * (double)(job.n + job.k);
    tp_status status =
        tp__lapack_batch(op, count, cost, (size_t)job.n * sizeof(int), fn, &job, &failed, &info);
    if (!tp__dec_succeeded(op, status, failed, info, count, "the matrix is singular: pivot %d is zero"))
        return NULL;
    if (!columns) return x;
    tp_tensor *flipped = tp__dec_flip(op, x);
    return flipped ? tp__packed(op, flipped, job.dtype) : NULL;
}

static void solve_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *a = tp__input(ctx, 0), *at = a ? solve_transposed(a) : NULL;
    tp_tensor *db = at ? tp_linalg_solve(at, g[0]) : NULL;
    if (tp__needs(ctx, 1)) dx[1] = db;
    if (!tp__needs(ctx, 0) || !db) return;
    tp_tensor *x = tp__output(ctx, 0);
    dx[0] = x ? tp_neg(tp_matmul(db, solve_transposed(x))) : NULL;
}

static const tp__op solve_op = {.name = "linalg_solve",
                                .vjp = solve_vjp,
                                .save_inputs = 1,
                                .save_outputs = 1};

/* Is b a vector, or a batch of them just as large as that of a? */
static bool solve_is_vector(const tp_tensor *a, const tp_tensor *b) {
    if (b->shape.ndim == 1) return true;
    tp_shape rows = a->shape;
    rows.dims[--rows.ndim] = 0;
    return b->shape.ndim == rows.ndim && tp_shape_equal(rows, b->shape);
}

static bool solve_check(const char *op, const tp_tensor *a, const tp_tensor *b, int64_t rows) {
    if (!tp__require_floating(op, "b", b)) return false;
    if (b->shape.ndim >= 2 && tp__dec_rows(b) == rows) return tp__lapack_fits(op, rows, tp__dec_columns(b));
    tp__error(TP_ERR_SHAPE, op, "b %s does not fit a %s", tp__shape_text(b->shape), tp__shape_text(a->shape));
    return false;
}

/* b: matrices. */
static tp_tensor *solve_matrices(const char *op, tp_tensor *a, tp_tensor *b) {
    if (!b || !solve_check(op, a, b, tp__dec_rows(a))) return NULL;
    tp_scope *s = tp_scope_begin();
    tp_tensor *y = s ? solve_batch(op, a, b, true, solve_run, (solve_job){0}) : NULL;
    return s ? tp_scope_return(s, tp__record(&solve_op, y, TP__INPUTS(a, b), NULL, 0)) : NULL;
}

tp_tensor *tp_linalg_solve(tp_tensor *a, tp_tensor *b) {
    const char *op = "linalg_solve";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    if (!tp__dec_check(op, "a", a, true)) return NULL;
    if (!solve_is_vector(a, b)) return solve_matrices(op, a, b);
    if (b->shape.dims[b->shape.ndim - 1] != tp__dec_rows(a))
        TP_FAIL(TP_ERR_SHAPE, op, "b %s does not fit a %s", tp__shape_text(b->shape),
                tp__shape_text(a->shape));
    tp_scope *s = tp_scope_begin();
    tp_tensor *x = s ? solve_matrices(op, a, tp_unsqueeze(b, -1)) : NULL;
    return s ? tp_scope_return(s, x ? tp_squeeze(x, TP_DIMS(-1)) : NULL) : NULL;
}

/* ---- triangles ---------------------------------------------------------------------------------------------------- */

typedef struct triangular_attr {
    bool upper, right, unit;
} triangular_attr;

static void triangular_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const triangular_attr *o = tp__attr(ctx);
    tp_solve_triangular_options options = {.right = o->right, .unitriangular = o->unit};
    tp_tensor *a = tp__input(ctx, 0), *at = a ? solve_transposed(a) : NULL;
    tp_tensor *db = at ? tp_linalg_solve_triangular(at, g[0], !o->upper, options) : NULL;
    if (tp__needs(ctx, 1)) dx[1] = db;
    if (!tp__needs(ctx, 0) || !db) return;
    tp_tensor *x = tp__output(ctx, 0), *xt = x ? solve_transposed(x) : NULL;
    if (!xt) return;
    tp_tensor *da = tp_neg(o->right ? tp_matmul(xt, db) : tp_matmul(db, xt));
    dx[0] = tp_mul(da, tp__dec_weights(da, tp__dec_rows(a), !o->upper, !o->unit, o->upper));
}

static const tp__op triangular_op = {.name = "linalg_solve_triangular",
                                     .vjp = triangular_vjp,
                                     .save_inputs = 1,
                                     .save_outputs = 1};

tp_tensor *tp_linalg_solve_triangular(tp_tensor *a, tp_tensor *b, bool upper,
                                      tp_solve_triangular_options options) {
    const char *op = "linalg_solve_triangular";
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    if (!tp__dec_check(op, "a", a, true) || !tp__dec_check(op, "b", b, false)) return NULL;
    int64_t n = tp__dec_rows(a);
    if ((options.right ? tp__dec_columns(b) : tp__dec_rows(b)) != n)
        TP_FAIL(TP_ERR_SHAPE, op, "b %s does not fit a %s%s", tp__shape_text(b->shape),
                tp__shape_text(a->shape), options.right ? " from the right" : "");
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    /* In memory a is its transpose; from the right, so is all of the equation. */
    solve_job job = {.upper = !upper, .transposed = !options.right, .unit = options.unitriangular};
    tp_tensor *y = solve_batch(op, a, b, !options.right, solve_triangular_run, job);
    triangular_attr attr = {upper, options.right, options.unitriangular};
    return tp_scope_return(s, tp__record(&triangular_op, y, TP__INPUTS(a, b), &attr, sizeof attr));
}

/* ---- Cholesky -------------------------------------------------------------------------------------------------------- */

typedef struct cholesky_job {
    tp_dtype dtype;
    int64_t n, bytes;
    char *a;
    bool upper;
} cholesky_job;

/* In memory a is its transpose: the lower triangle in rows is the upper one in columns, and so is the factor. */
static int cholesky_run(void *context, int64_t i, void *work) {
    (void)work;
    const cholesky_job *job = context;
    char *a = job->a + i * job->bytes;
    int64_t item = (int64_t)tp__itemsize(job->dtype), n = job->n;
    int info = tp__lapack.potrf(job->dtype, !job->upper, n, a);
    for (int64_t r = 0; info == 0 && r < n; r++) /* not every LAPACK looks for NaN */
        if (isnan(tp__load_f64(a + r * (n + 1) * item, job->dtype))) info = (int)r + 1;
    for (int64_t r = 0; r < n; r++) {
        if (job->upper) memset(a + r * n * item, 0, (size_t)(r * item));
        else memset(a + (r * n + r + 1) * item, 0, (size_t)((n - r - 1) * item));
    }
    return info;
}

static void cholesky_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    bool upper = *(const bool *)tp__attr(ctx);
    tp_tensor *y = tp__output(ctx, 0), *l = y && upper ? solve_transposed(y) : y;
    if (!l) return;
    tp_tensor *gl = upper ? solve_transposed(g[0]) : g[0], *lt = solve_transposed(l);
    tp_tensor *phi = tp_mul(tp_matmul(lt, gl), tp__dec_weights(l, tp__dec_rows(l), 1, 0.5, 0));
    tp_tensor *left = tp_linalg_solve_triangular(lt, phi, true, (tp_solve_triangular_options){0});
    tp_tensor *da = tp_linalg_solve_triangular(l, left, false, (tp_solve_triangular_options){.right = true});
    dx[0] = da ? tp_mul_scalar(tp_add(da, solve_transposed(da)), 0.5) : NULL;
}

/* Not recorded. */
static tp_tensor *cholesky_value(const char *op, tp_tensor *a, bool upper) {
    tp_dtype dtype = (tp_dtype)a->dtype;
    tp_tensor *y = tp__dec_copy(op, a, tp__dec_batch(a), dtype, false);
    if (!y) return NULL;
    int64_t n = tp__dec_rows(a), count = tp_shape_numel(tp__dec_batch(a)), failed;
    int info;
    cholesky_job job = {dtype, n, n * n * (int64_t)tp__itemsize(dtype), tp__data(y), upper};
    double cost = (double)n * (double)n * (double)n / 3;
    tp_status status = tp__lapack_batch(op, count, cost, 0, cholesky_run, &job, &failed, &info);
    bool done = tp__dec_succeeded(op, status, failed, info, count,
                                  "not positive definite: the leading minor of order %d is not");
    return done ? y : NULL;
}

static const tp__op cholesky_op = {.name = "linalg_cholesky", .vjp = cholesky_vjp, .save_outputs = 1};

tp_tensor *tp_linalg_cholesky(tp_tensor *a, bool upper) {
    const char *op = "linalg_cholesky";
    TP_REQUIRE(a, op);
    if (!tp__dec_check(op, "a", a, true)) return NULL;
    tp_scope *s = tp_scope_begin();
    tp_tensor *y = s ? cholesky_value(op, a, upper) : NULL;
    return s ? tp_scope_return(s, tp__record(&cholesky_op, y, TP__INPUTS(a), &upper, sizeof upper)) : NULL;
}

tp_tensor *tp_linalg_cholesky_solve(tp_tensor *l, tp_tensor *b, bool upper) {
    const char *op = "linalg_cholesky_solve";
    TP_REQUIRE(l, op);
    TP_REQUIRE(b, op);
    if (!tp__dec_check(op, "l", l, true) || !tp__dec_check(op, "b", b, false)) return NULL;
    if (tp__dec_rows(b) != tp__dec_rows(l))
        TP_FAIL(TP_ERR_SHAPE, op, "b %s does not fit l %s", tp__shape_text(b->shape),
                tp__shape_text(l->shape));
    tp_shape batch;
    if (!tp__broadcast(tp__dec_batch(l), tp__dec_batch(b), &batch))
        TP_FAIL(TP_ERR_SHAPE, op, "leading dims do not broadcast: %s and %s", tp__shape_text(l->shape),
                tp__shape_text(b->shape));
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    const tp_solve_triangular_options left = {0};
    tp_tensor *other = solve_transposed(l), *first = upper ? other : l, *second = upper ? l : other;
    tp_tensor *x = tp_linalg_solve_triangular(first, b, false, left);
    return tp_scope_return(s, tp_linalg_solve_triangular(second, x, true, left));
}

/* ---- determinants ---------------------------------------------------------------------------------------------------- */

static const tp__op det_op;

/* (*) in F64, to be filled in. */
static tp_tensor *det_numbers(const char *op, const tp_tensor *a) {
    return tp__tensor_new(op, tp__dec_batch(a), TP_F64);
}

/* A determinant that is not zero, and the inverse: for a singular matrix those of one very near it, so that the product of the two is
 * the adjugate. Both recorded. */
static tp_tensor *det_cofactors(tp_tensor *a, bool coarse) {
    const char *op = "linalg_det";
    tp_tensor *numbers = det_numbers(op, a);
    if (!numbers) return NULL;
    tp_tensor *inverse =
        inv_value(op, a,
                  (lu_job){.zero = LU_REPLACE, .coarse = coarse, .det = (double *)(void *)tp__data(numbers)});
    tp_tensor *det = inverse ? tp__cast(op, numbers, (tp_dtype)a->dtype) : NULL;
    det = tp__record(&det_op, det, TP__INPUTS(a), &coarse, sizeof coarse);
    return det ? tp_mul(tp_reshape(det, tp__dec_shape(tp__dec_batch(a), 1, 1)), solve_transposed(inverse))
               : NULL;
}

static void det_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const bool *coarse = tp__attr(ctx); /* all factors of one product must stem from the same matrix */
    tp_tensor *a = tp__input(ctx, 0),
              *cofactors = a ? det_cofactors(a, *coarse || tp__graph_wanted(ctx)) : NULL;
    dx[0] = cofactors ? tp_mul(tp_reshape(g[0], tp__dec_shape(tp__dec_batch(a), 1, 1)), cofactors) : NULL;
}

static const tp__op det_op = {.name = "linalg_det", .vjp = det_vjp, .save_inputs = 1};

tp_tensor *tp_linalg_det(tp_tensor *a) {
    const char *op = "linalg_det";
    TP_REQUIRE(a, op);
    if (!tp__dec_check(op, "a", a, true)) return NULL;
    tp_scope *s = tp_scope_begin();
    tp_tensor *numbers = s ? det_numbers(op, a) : NULL;
    lu_job job = {.zero = LU_KEEP, .det = numbers ? (double *)(void *)tp__data(numbers) : NULL};
    bool done = numbers && lu_batch(op, a, NULL, job);
    tp_tensor *det = done ? tp__cast(op, numbers, (tp_dtype)a->dtype) : NULL;
    const bool coarse = false;
    return s ? tp_scope_return(s, tp__record(&det_op, det, TP__INPUTS(a), &coarse, sizeof coarse)) : NULL;
}

static void slogdet_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *a = tp__input(ctx, 0);
    tp_tensor *inverse = a ? inv_value("linalg_slogdet", a, (lu_job){.zero = LU_KEEP}) : NULL;
    dx[0] = inverse
                ? tp_mul(tp_reshape(g[0], tp__dec_shape(tp__dec_batch(a), 1, 1)), solve_transposed(inverse))
                : NULL;
}

static const tp__op slogdet_op = {.name = "linalg_slogdet", .vjp = slogdet_vjp, .save_inputs = 1};

tp_slogdet_out tp_linalg_slogdet(tp_tensor *a) {
    const char *op = "linalg_slogdet";
    const tp_slogdet_out none = {NULL, NULL};
    if (!a) {
        tp__error_null(op, "a");
        return none;
    }
    if (!tp__dec_check(op, "a", a, true)) return none;
    tp_scope *s = tp_scope_begin();
    if (!s) return none;
    tp_tensor *sign = det_numbers(op, a), *logabs = sign ? det_numbers(op, a) : NULL;
    tp_slogdet_out out = none;
    if (logabs && lu_batch(op, a, NULL,
                           (lu_job){.zero = LU_KEEP,
                                    .sign = (double *)(void *)tp__data(sign),
                                    .logabs = (double *)(void *)tp__data(logabs)})) {
        out.sign = tp__cast(op, sign, (tp_dtype)a->dtype);
        out.logabsdet = tp__cast(op, logabs, (tp_dtype)a->dtype);
        out.logabsdet = out.sign ? tp__record(&slogdet_op, out.logabsdet, TP__INPUTS(a), NULL, 0) : NULL;
    }
    tp_tensor *both[] = {out.sign, out.logabsdet};
    tp__hand_over(s, 2, both);
    return (tp_slogdet_out){both[0], both[1]};
}
