#include "ops/lapack.h"

#include <limits.h>

#if TP_HAVE_OPENMP
#include <omp.h>
#endif

/* ---- sizes ----------------------------------------------------------------------------------------------- */

/* Elements of work for eigenvalues and singular values (syevd, gesdd), as their manual pages give them: nothing grows with the
 * square of the longer side. */
static int64_t lapack_work_reals(int64_t m, int64_t n) {
    int64_t small = m < n ? m : n, large = m < n ? n : m;
    int64_t syevd = 1 + 6 * small + 2 * small * small, gesdd = 4 * small * small + 10 * small + large;
    return syevd + gesdd + 64 * (small + 1);
}

static int64_t lapack_work_ints(int64_t m, int64_t n) { return 3 + 13 * (m < n ? m : n); }

/* And for QR, in blocks of 64 columns. */
static int64_t lapack_qr_reals(int64_t columns) { return 64 * (columns + 1); }

bool tp__lapack_fits(const char *op, int64_t m, int64_t n) {
    double small = (double)(m < n ? m : n), large = (double)(m < n ? n : m);
    if (6 * small * small + 100 * small + large < INT_MAX - 100) return true;
    tp__error(TP_ERR_SHAPE, op, "a matrix of (%lld, %lld) is too large for LAPACK", (long long)m,
              (long long)n);
    return false;
}

size_t tp__lapack_work(tp_dtype dtype, int64_t m, int64_t n) {
    return ((size_t)lapack_work_reals(m, n) + 8) * tp__itemsize(dtype) +
           (size_t)lapack_work_ints(m, n) * sizeof(int);
}

size_t tp__lapack_qr_work(tp_dtype dtype, int64_t columns) {
    return (size_t)lapack_qr_reals(columns) * tp__itemsize(dtype);
}

/* ---- routines -------------------------------------------------------------------------------------------- */

#if TP_HAVE_LAPACK

/* The routines as Fortran has them: everything by address, and the lengths of texts at the end. */
#define LAPACK_DECLARE(s, real)                                                                              \
    void s##getrf_(const int *m, const int *n, real *a, const int *lda, int *pivots, int *info);             \
    void s##getrs_(const char *trans, const int *n, const int *k, const real *a, const int *lda,             \
                   const int *pivots, real *b, const int *ldb, int *info, size_t);                           \
    void s##trsm_(const char *side, const char *uplo, const char *trans, const char *diag, const int *m,     \
                  const int *n, const real *alpha, const real *a, const int *lda, real *b, const int *ldb,   \
                  size_t, size_t, size_t, size_t);                                                           \
    void s##potrf_(const char *uplo, const int *n, real *a, const int *lda, int *info, size_t);              \
    void s##geqrf_(const int *m, const int *n, real *a, const int *lda, real *tau, real *work,               \
                   const int *lwork, int *info);                                                             \
    void s##orgqr_(const int *m, const int *n, const int *k, real *a, const int *lda, const real *tau,       \
                   real *work, const int *lwork, int *info);                                                 \
    void s##syevd_(const char *jobz, const char *uplo, const int *n, real *a, const int *lda, real *w,       \
                   real *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t, size_t);  \
    void s##gesdd_(const char *jobz, const int *m, const int *n, real *a, const int *lda, real *s, real *u,  \
                   const int *ldu, real *vt, const int *ldvt, real *work, const int *lwork, int *iwork,      \
                   int *info, size_t);
LAPACK_DECLARE(s, float)
LAPACK_DECLARE(d, double)

/* Leading dims are at least 1, of empty matrices too. */
static int lapack_lead(int64_t rows) { return rows > 0 ? (int)rows : 1; }

/* Calls the routine of the dtype. */
#define LAPACK_CALL(dtype, routine, ...)                                                                     \
    do {                                                                                                     \
        if ((dtype) == TP_F32) s##routine(__VA_ARGS__);                                                      \
        else d##routine(__VA_ARGS__);                                                                        \
    } while (0)

static int lapack_getrf(tp_dtype dtype, int64_t m, int64_t n, void *a, int *pivots) {
    int rows = (int)m, columns = (int)n, lead = lapack_lead(m), info = 0;
    LAPACK_CALL(dtype, getrf_, &rows, &columns, a, &lead, pivots, &info);
    return info;
}

static int lapack_getrs(tp_dtype dtype, bool transposed, int64_t n, int64_t k, const void *lu,
                        const int *pivots, void *b) {
    int size = (int)n, columns = (int)k, lead = lapack_lead(n), info = 0;
    LAPACK_CALL(dtype, getrs_, transposed ? "T" : "N", &size, &columns, lu, &lead, pivots, b, &lead, &info,
                1);
    return info;
}

static void lapack_trsm(tp_dtype dtype, bool upper, bool transposed, bool unit, int64_t n, int64_t k,
                        const void *a, void *b) {
    int size = (int)n, columns = (int)k, lead = lapack_lead(n);
    const char *uplo = upper ? "U" : "L", *trans = transposed ? "T" : "N", *diag = unit ? "U" : "N";
    if (dtype == TP_F32) {
        const float one = 1;
        strsm_("L", uplo, trans, diag, &size, &columns, &one, a, &lead, b, &lead, 1, 1, 1, 1);
    } else {
        const double one = 1;
        dtrsm_("L", uplo, trans, diag, &size, &columns, &one, a, &lead, b, &lead, 1, 1, 1, 1);
    }
}

static int lapack_potrf(tp_dtype dtype, bool upper, int64_t n, void *a) {
    int size = (int)n, lead = lapack_lead(n), info = 0;
    LAPACK_CALL(dtype, potrf_, upper ? "U" : "L", &size, a, &lead, &info, 1);
    return info;
}

static int lapack_geqrf(tp_dtype dtype, int64_t m, int64_t n, void *a, void *tau, void *work) {
    int rows = (int)m, columns = (int)n, lead = lapack_lead(m), info = 0;
    int reals = (int)lapack_qr_reals(n);
    LAPACK_CALL(dtype, geqrf_, &rows, &columns, a, &lead, tau, work, &reals, &info);
    return info;
}

static int lapack_orgqr(tp_dtype dtype, int64_t m, int64_t k, int64_t reflectors, void *a, const void *tau,
                        void *work) {
    int rows = (int)m, columns = (int)k, count = (int)reflectors, lead = lapack_lead(m), info = 0;
    int reals = (int)lapack_qr_reals(k);
    LAPACK_CALL(dtype, orgqr_, &rows, &columns, &count, a, &lead, tau, work, &reals, &info);
    return info;
}

static int *lapack_ints(tp_dtype dtype, void *work, int64_t m, int64_t n) {
    return (int *)(void *)((char *)work +
                           ((size_t)lapack_work_reals(m, n) + 7) / 8 * 8 * tp__itemsize(dtype));
}

static int lapack_syevd(tp_dtype dtype, bool vectors, bool upper, int64_t n, void *a, void *w, void *work) {
    int size = (int)n, lead = lapack_lead(n), info = 0;
    int reals = (int)lapack_work_reals(n, n), ints = (int)lapack_work_ints(n, n);
    LAPACK_CALL(dtype, syevd_, vectors ? "V" : "N", upper ? "U" : "L", &size, a, &lead, w, work, &reals,
                lapack_ints(dtype, work, n, n), &ints, &info, 1, 1);
    return info;
}

static int lapack_gesdd(tp_dtype dtype, bool vectors, bool full, int64_t m, int64_t n, void *a, void *s,
                        void *u, void *vt, void *work) {
    int rows = (int)m, columns = (int)n, lead = lapack_lead(m), info = 0;
    int lead_vt = full ? lapack_lead(n) : lapack_lead(m < n ? m : n), reals = (int)lapack_work_reals(m, n);
    const char *job = !vectors ? "N" : full ? "A" : "S";
    LAPACK_CALL(dtype, gesdd_, job, &rows, &columns, a, &lead, s, u, &lead, vt, &lead_vt, work, &reals,
                lapack_ints(dtype, work, m, n), &info, 1);
    return info;
}

const tp__lapack_routines tp__lapack = {.getrf = lapack_getrf,
                                        .getrs = lapack_getrs,
                                        .trsm = lapack_trsm,
                                        .potrf = lapack_potrf,
                                        .geqrf = lapack_geqrf,
                                        .orgqr = lapack_orgqr,
                                        .syevd = lapack_syevd,
                                        .gesdd = lapack_gesdd};

bool tp__lapack_available(const char *op) {
    (void)op;
    return true;
}

#else

const tp__lapack_routines tp__lapack = {0};

bool tp__lapack_available(const char *op) {
    tp__error(TP_ERR_UNSUPPORTED, op, "this build of taper has no LAPACK");
    return false;
}

#endif

/* ---- batches --------------------------------------------------------------------------------------------- */

typedef struct lapack_plan {
    tp__lapack_fn *fn;
    void *context;
    char *work;
    size_t work_bytes; /* of each worker */
    int *infos;
} lapack_plan;

static void lapack_range(void *context, int64_t begin, int64_t end, int worker) {
    const lapack_plan *plan = context;
#if TP_HAVE_OPENMP
    int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* LAPACK stays on this core */
#endif
    for (int64_t i = begin; i < end; i++)
        plan->infos[i] = plan->fn(plan->context, i, plan->work + (size_t)worker * plan->work_bytes);
#if TP_HAVE_OPENMP
    omp_set_num_threads(threads);
#endif
}

tp_status tp__lapack_batch(const char *op, int64_t count, double cost, size_t work_bytes, tp__lapack_fn *fn,
                           void *context, int64_t *failed, int *info) {
    *failed = -1;
    *info = 0;
    if (count == 0) return TP_OK;
    int64_t grain = cost > 20000 ? 1 : (int64_t)(20000 / (cost + 1)) + 1;
    size_t workers = count <= grain ? 1 : (size_t)tp__max_workers();
    lapack_plan plan = {.fn = fn, .context = context, .work_bytes = (work_bytes + 63) / 64 * 64};
    size_t infos = ((size_t)count * sizeof(int) + 63) / 64 * 64, bytes = infos + workers * plan.work_bytes;
    char *memory = tp__buffer_alloc(bytes);
    if (!memory) return tp__error_memory(op, bytes);
    plan.infos = (int *)(void *)memory;
    plan.work = memory + infos;
    tp__parallel_for(count, grain, lapack_range, &plan);
    for (int64_t i = count - 1; i >= 0; i--)
        if (plan.infos[i] != 0) {
            *failed = i;
            *info = plan.infos[i];
        }
    tp__buffer_free(memory, bytes);
    return *failed < 0 ? TP_OK : TP_ERR_NUMERIC;
}
