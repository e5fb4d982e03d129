/* Samples of linalg.h: what is made of products, diagonals and distances. */
#include <string.h>

#include "support/sample.h"

/* ---- sums over letters, which are the reference of all products ------------------------------------------- */

/* An equation as it is called, and the same with every dim a letter and an arrow, for the reference. */
typedef struct equation {
    const char *called, *plain;
} equation;

static int64_t offset_of(const char *letters, size_t count, tp_shape shape, const int64_t *value) {
    int64_t strides[TP_MAX_DIMS] = {0}, at = 0;
    dense_strides(shape, strides);
    for (size_t k = 0; k < count; k++)
        if (shape.dims[k] != 1) at += value[letters[k] - 'a'] * strides[k];
    return at;
}

/* y = sum of the products, over all values of all letters. */
static void sum_letters(const char *plain, const dense *in, dense *out) {
    const char *terms[8], *arrow = strstr(plain, "->");
    size_t length[8];
    int n = 0;
    int64_t size[26], value[26] = {0};
    for (int l = 0; l < 26; l++) size[l] = 1;
    for (const char *at = plain; at <= arrow; at += length[n - 1] + 1) {
        terms[n] = at;
        length[n] = strcspn(at, ",-");
        n++;
    }
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < length[i]; k++) {
            int64_t s = in[i].shape.dims[k];
            if (s != 1) size[terms[i][k] - 'a'] = s;
        }
    tp_shape shape = {(int)strlen(arrow + 2), {0}};
    for (int k = 0; k < shape.ndim; k++) shape.dims[k] = size[arrow[2 + k] - 'a'];
    double *y = dense_new(out, shape);
    int64_t total = 1;
    for (int l = 0; l < 26; l++) total *= size[l];
    for (int64_t step = 0; step < total; step++) {
        double p = 1;
        for (int i = 0; i < n; i++) p *= in[i].data[offset_of(terms[i], length[i], in[i].shape, value)];
        y[offset_of(arrow + 2, (size_t)shape.ndim, shape, value)] += p;
        for (int l = 25; l >= 0; l--) {
            if (++value[l] < size[l]) break;
            value[l] = 0;
        }
    }
}

/* arg: the equation, as it is to be called if it is, for the reference if it is not. */
static void ref_einsum(const sample *row, const dense *in, dense *out) {
    sum_letters(((const equation *)row->arg)->plain, in, out);
}

/* p[0] times input 0, broadcast, and p[1] times the product of the others. */
static void ref_addmm(const sample *row, const dense *in, dense *out) {
    sum_letters(((const equation *)row->arg)->plain, in + 1, out);
    for (int64_t n = 0; n < out->numel; n++) {
        double beta = row->p[0] != 0 ? row->p[0] : signbit(row->p[0]) ? 0 : 1;
        double alpha = row->p[1] != 0 ? row->p[1] : signbit(row->p[1]) ? 0 : 1;
        out->data[n] *= alpha;
        if (beta != 0) out->data[n] += beta * in[0].data[dense_broadcast(in[0].shape, out->shape, n)];
    }
}

static void ref_bilinear(const sample *row, const dense *in, dense *out) {
    sum_letters(((const equation *)row->arg)->plain, in, out);
    int64_t outputs = in[2].shape.dims[0];
    for (int64_t n = 0; in[3].data && n < out->numel; n++) out->data[n] += in[3].data[n % outputs];
}

/* ---- diagonals ---------------------------------------------------------------------------------------------- */

/* i: offset, dim1, dim2 of the larger shape. Calls put(element of the larger, element of the smaller) for each. */
static void diagonal_pairs(tp_shape large, const int64_t *i, tp_shape small, int64_t *pairs) {
    int64_t index[TP_MAX_DIMS] = {0}, strides[TP_MAX_DIMS] = {0};
    int d1 = (int)(i[1] < 0 ? i[1] + large.ndim : i[1]), d2 = (int)(i[2] < 0 ? i[2] + large.ndim : i[2]);
    dense_strides(large, strides);
    for (int64_t n = 0; n < tp_shape_numel(small); n++) {
        dense_index(small, n, index);
        int64_t k = index[small.ndim - 1];
        pairs[n] = (k + (i[0] < 0 ? -i[0] : 0)) * strides[d1] + (k + (i[0] > 0 ? i[0] : 0)) * strides[d2];
        for (int d = 0, from = 0; d < large.ndim; d++)
            if (d != d1 && d != d2) pairs[n] += index[from++] * strides[d];
    }
}

static tp_shape diagonal_shape(tp_shape large, const int64_t *i) {
    int d1 = (int)(i[1] < 0 ? i[1] + large.ndim : i[1]), d2 = (int)(i[2] < 0 ? i[2] + large.ndim : i[2]);
    int64_t rows = large.dims[d1] - (i[0] < 0 ? -i[0] : 0), columns = large.dims[d2] - (i[0] > 0 ? i[0] : 0);
    tp_shape small = {0, {0}};
    for (int d = 0; d < large.ndim; d++)
        if (d != d1 && d != d2) small.dims[small.ndim++] = large.dims[d];
    int64_t length = rows < columns ? rows : columns;
    small.dims[small.ndim++] = length > 0 ? length : 0;
    return small;
}

static void ref_diagonal(const sample *row, const dense *in, dense *out) {
    int64_t pairs[64];
    double *y = dense_new(out, diagonal_shape(in[0].shape, row->i));
    diagonal_pairs(in[0].shape, row->i, out->shape, pairs);
    for (int64_t n = 0; n < out->numel; n++) y[n] = in[0].data[pairs[n]];
}

/* i[3..]: the larger shape. */
static void ref_diag_embed(const sample *row, const dense *in, dense *out) {
    int64_t pairs[64];
    tp_shape large = {in[0].shape.ndim + 1, {0}};
    for (int d = 0; d < large.ndim; d++) large.dims[d] = row->i[3 + d];
    double *y = dense_new(out, large);
    diagonal_pairs(large, row->i, in[0].shape, pairs);
    for (int64_t n = 0; n < in[0].numel; n++) y[pairs[n]] = in[0].data[n];
}

static void ref_trace(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, TP_SCALAR_SHAPE);
    int64_t m = in[0].shape.dims[0], n = in[0].shape.dims[1];
    for (int64_t k = 0; k < m && k < n; k++) y[0] += in[0].data[k * n + k];
}

/* ---- windows ---------------------------------------------------------------------------------------------------- */

/* i: dim, size, step. */
static void ref_unfold(const sample *row, const dense *in, dense *out) {
    int64_t strides[TP_MAX_DIMS] = {0}, index[TP_MAX_DIMS] = {0};
    tp_shape shape = in[0].shape;
    int d = (int)(row->i[0] < 0 ? row->i[0] + shape.ndim : row->i[0]);
    dense_strides(shape, strides);
    if (shape.ndim > 0) shape.dims[d] = (shape.dims[d] - row->i[1]) / row->i[2] + 1;
    shape.dims[shape.ndim++] = row->i[1];
    double *y = dense_new(out, shape);
    for (int64_t n = 0; n < out->numel; n++) {
        dense_index(shape, n, index);
        int64_t at = 0;
        for (int k = 0; k < shape.ndim - 1; k++)
            at += (k == d ? index[k] * row->i[2] + index[shape.ndim - 1] : index[k]) * strides[k];
        y[n] = in[0].data[at];
    }
}

/* i: rows, columns, row stride, column stride, offset. */
static void ref_as_strided(const sample *row, const dense *in, dense *out) {
    const int64_t *i = row->i;
    double *y = dense_new(out, TP_SHAPE(i[0], i[1]));
    for (int64_t n = 0; n < out->numel; n++) y[n] = in[0].data[i[4] + n / i[1] * i[2] + n % i[1] * i[3]];
}

/* ---- others -------------------------------------------------------------------------------------------------------- */

static void ref_cross(const sample *row, const dense *in, dense *out) {
    tp_shape shape = dense_broadcast_shape(in[0].shape, in[1].shape);
    double *y = dense_new(out, shape);
    int64_t outer, size, inner;
    dense_around(shape, (int)row->i[0], &outer, &size, &inner);
    for (int64_t n = 0; n < out->numel; n++) {
        int64_t k = n / inner % 3, at[3];
        for (int64_t j = 0; j < 3; j++) at[j] = n + (j - k) * inner;
        const int64_t p = at[(k + 1) % 3], q = at[(k + 2) % 3];
        y[n] = in[0].data[dense_broadcast(in[0].shape, shape, p)] *
                   in[1].data[dense_broadcast(in[1].shape, shape, q)] -
               in[0].data[dense_broadcast(in[0].shape, shape, q)] *
                   in[1].data[dense_broadcast(in[1].shape, shape, p)];
    }
}

static void ref_kron(const sample *row, const dense *in, dense *out) {
    (void)row;
    int n = in[0].shape.ndim > in[1].shape.ndim ? in[0].shape.ndim : in[1].shape.ndim;
    tp_shape a = {n, {0}}, b = {n, {0}}, shape = {n, {0}};
    for (int d = 0; d < n; d++) {
        int fa = d - (n - in[0].shape.ndim), fb = d - (n - in[1].shape.ndim);
        a.dims[d] = fa < 0 ? 1 : in[0].shape.dims[fa];
        b.dims[d] = fb < 0 ? 1 : in[1].shape.dims[fb];
        shape.dims[d] = a.dims[d] * b.dims[d];
    }
    double *y = dense_new(out, shape);
    int64_t index[TP_MAX_DIMS] = {0}, sa[TP_MAX_DIMS] = {0}, sb[TP_MAX_DIMS] = {0};
    dense_strides(a, sa);
    dense_strides(b, sb);
    for (int64_t k = 0; k < out->numel; k++) {
        int64_t pa = 0, pb = 0;
        dense_index(shape, k, index);
        for (int d = 0; d < n; d++) {
            pa += index[d] / b.dims[d] * sa[d];
            pb += index[d] % b.dims[d] * sb[d];
        }
        y[k] = in[0].data[pa] * in[1].data[pb];
    }
}

/* The p-norm of n differences. */
static double norm_of(const double *d, int64_t n, double p) {
    double y = 0;
    for (int64_t k = 0; k < n; k++) {
        double size = fabs(d[k]);
        if (p == 0) y += size != 0;
        else if (isinf(p)) y = fmax(y, size);
        else y += pow(size, p);
    }
    return p == 0 || isinf(p) ? y : pow(y, 1 / p);
}

static void ref_cdist(const sample *row, const dense *in, dense *out) {
    tp_shape a = in[0].shape, b = in[1].shape, la = a, lb = b, lead;
    la.ndim -= 2;
    lb.ndim -= 2;
    lead = dense_broadcast_shape(la, lb);
    int64_t p = a.dims[a.ndim - 2], r = b.dims[b.ndim - 2], m = a.dims[a.ndim - 1],
            count = tp_shape_numel(lead);
    tp_shape shape = lead;
    shape.dims[shape.ndim++] = p;
    shape.dims[shape.ndim++] = r;
    double *y = dense_new(out, shape), d[64];
    for (int64_t n = 0; n < count; n++)
        for (int64_t i = 0; i < p; i++)
            for (int64_t j = 0; j < r; j++) {
                for (int64_t k = 0; k < m; k++)
                    d[k] = in[0].data[(dense_broadcast(la, lead, n) * p + i) * m + k] -
                           in[1].data[(dense_broadcast(lb, lead, n) * r + j) * m + k];
                y[(n * p + i) * r + j] = norm_of(d, m, row->p[0]);
            }
}

static void ref_pairwise(const sample *row, const dense *in, dense *out) {
    const tp_pairwise_distance_options *o = row->arg;
    tp_shape full = dense_broadcast_shape(in[0].shape, in[1].shape), shape = full;
    int64_t m = full.dims[full.ndim - 1];
    if (o->keepdim) shape.dims[shape.ndim - 1] = 1;
    else shape.ndim--;
    double *y = dense_new(out, shape), d[64];
    for (int64_t n = 0; n < out->numel; n++) {
        for (int64_t k = 0; k < m; k++)
            d[k] = in[0].data[dense_broadcast(in[0].shape, full, n * m + k)] -
                   in[1].data[dense_broadcast(in[1].shape, full, n * m + k)] + (o->eps != 0 ? o->eps : 1e-6);
        y[n] = norm_of(d, m, o->p != 0 ? o->p : 2);
    }
}

static void ref_cosine(const sample *row, const dense *in, dense *out) {
    tp_shape full = dense_broadcast_shape(in[0].shape, in[1].shape), shape = full;
    int64_t outer, size, inner;
    dense_around(full, (int)row->i[0], &outer, &size, &inner);
    int d = (int)(row->i[0] < 0 ? row->i[0] + full.ndim : row->i[0]);
    for (int k = d; k < full.ndim - 1; k++) shape.dims[k] = full.dims[k + 1];
    shape.ndim--;
    double *y = dense_new(out, shape);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t j = 0; j < inner; j++) {
            double ab = 0, aa = 0, bb = 0;
            for (int64_t k = 0; k < size; k++) {
                int64_t n = (o * size + k) * inner + j;
                double a = in[0].data[dense_broadcast(in[0].shape, full, n)],
                       b = in[1].data[dense_broadcast(in[1].shape, full, n)];
                ab += a * b;
                aa += a * a;
                bb += b * b;
            }
            y[o * inner + j] = ab / (fmax(sqrt(aa), row->p[0]) * fmax(sqrt(bb), row->p[0]));
        }
}

/* i[0]: the power. */
static void ref_power(const sample *row, const dense *in, dense *out) {
    int64_t n = in[0].shape.dims[in[0].shape.ndim - 1], count = in[0].numel / (n * n);
    double *y = dense_new(out, in[0].shape), kept[64];
    for (int64_t c = 0; c < count; c++) {
        const double *a = in[0].data + c * n * n;
        double *z = y + c * n * n;
        for (int64_t k = 0; k < n; k++) z[k * n + k] = 1;
        for (int64_t step = 0; step < row->i[0]; step++) {
            memcpy(kept, z, (size_t)(n * n) * sizeof(double));
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < n; j++) {
                    z[i * n + j] = 0;
                    for (int64_t k = 0; k < n; k++) z[i * n + j] += kept[i * n + k] * a[k * n + j];
                }
        }
    }
}

/* ---- calls --------------------------------------------------------------------------------------------------------- */

static int count_of(const sample *row) {
    int n = 0;
    while (n < SAMPLE_MAX_INPUTS && row->in[n].kind != SAMPLE_NO_INPUT) n++;
    return n;
}

static int run_einsum(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_tensors list = {count_of(row), (tp_tensor **)(uintptr_t)in};
    out[0] = tp_einsum(((const equation *)row->arg)->called, list);
    return 1;
}

static int run_multi_dot(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    out[0] = tp_linalg_multi_dot((tp_tensors){count_of(row), (tp_tensor **)(uintptr_t)in});
    return 1;
}

#define OPTIONS ((tp_addmm_options){row->p[0], row->p[1]})
SAMPLE_RUN(run_mm, tp_mm(in[0], in[1]))
SAMPLE_RUN(run_bmm, tp_bmm(in[0], in[1]))
SAMPLE_RUN(run_mv, tp_mv(in[0], in[1]))
SAMPLE_RUN(run_addmm, tp_addmm(in[0], in[1], in[2], OPTIONS))
SAMPLE_RUN(run_addmv, tp_addmv(in[0], in[1], in[2], OPTIONS))
SAMPLE_RUN(run_baddbmm, tp_baddbmm(in[0], in[1], in[2], OPTIONS))
SAMPLE_RUN(run_bilinear, tp_bilinear(in[0], in[1], in[2], in[3]))
SAMPLE_RUN(run_tensordot, tp_tensordot(in[0], in[1], (int)row->i[0]))
SAMPLE_RUN(run_tensordot_dims,
           tp_tensordot_dims(in[0], in[1], (tp_dims){(int)row->i[0], {(int)row->i[1], (int)row->i[2]}},
                             (tp_dims){(int)row->i[0], {(int)row->i[3], (int)row->i[4]}}))
SAMPLE_RUN(run_vecdot, tp_vecdot(in[0], in[1], (int)row->i[0]))
SAMPLE_RUN(run_inner, tp_inner(in[0], in[1]))
SAMPLE_RUN(run_kron, tp_kron(in[0], in[1]))
SAMPLE_RUN(run_cross, tp_cross(in[0], in[1], (int)row->i[0]))
SAMPLE_RUN(run_power, tp_linalg_matrix_power(in[0], row->i[0]))
SAMPLE_RUN(run_diagonal, tp_diagonal(in[0], row->i[0], (int)row->i[1], (int)row->i[2]))
SAMPLE_RUN(run_diag_embed, tp_diag_embed(in[0], row->i[0], (int)row->i[1], (int)row->i[2]))
SAMPLE_RUN(run_diag, tp_diag(in[0], row->i[0]))
SAMPLE_RUN(run_trace, tp_trace(in[0]))
SAMPLE_RUN(run_unfold, tp_unfold(in[0], (int)row->i[0], row->i[1], row->i[2]))
SAMPLE_RUN(run_as_strided,
           tp_as_strided(in[0], TP_SHAPE(row->i[0], row->i[1]), TP_SHAPE(row->i[2], row->i[3]), row->i[4]))
SAMPLE_RUN(run_cdist, tp_cdist(in[0], in[1], row->p[0]))
SAMPLE_RUN(run_pairwise, tp_pairwise_distance(in[0], in[1], *(const tp_pairwise_distance_options *)row->arg))
SAMPLE_RUN(run_cosine, tp_cosine_similarity(in[0], in[1], (int)row->i[0], row->p[0]))

/* Tables, laid out by hand. */
/* clang-format off */
#define OF(...) FLOATS(-1.5, 1.5, __VA_ARGS__)
#define EQ(called, plain) .arg = &(const equation){called, plain}
#define BY(plain) EQ(NULL, plain)
#define APART(...) {FLOAT_IN(-3, 3), SHAPE(__VA_ARGS__), .apart = 0.02}

static const sample contract_rows[] = {
    {"einsum", "product", run_einsum, ref_einsum, {OF(3, 4), OF(4, 2)}, EQ("ij,jk->ik", "ij,jk->ik")},
    {"einsum", "implicit", run_einsum, ref_einsum, {OF(3, 4), OF(4, 2)}, EQ("zj, jA", "zj,ja->az")},
    {"einsum", "batch", run_einsum, ref_einsum, {OF(2, 3, 4), OF(2, 4, 2)}, EQ("bij,bjk->bik", "bij,bjk->bik")},
    {"einsum", "outer", run_einsum, ref_einsum, {OF(3), OF(4)}, EQ("i,j->ji", "i,j->ji")},
    {"einsum", "nothing summed", run_einsum, ref_einsum, {OF(3, 4), OF(4, 3)}, EQ("ij,ji->ij", "ij,ji->ij")},
    {"einsum", "nothing summed, batch", run_einsum, ref_einsum, {OF(2, 3), OF(2, 4), OF(3, 2)}, EQ("bi,bj,ib->bji", "bi,bj,ib->bji")},
    {"einsum", "all summed", run_einsum, ref_einsum, {OF(3, 4), OF(3, 4)}, EQ("ij,ij->", "ij,ij->")},
    {"einsum", "transpose", run_einsum, ref_einsum, {OF(2, 3, 4)}, EQ("ijk->kji", "ijk->kji")},
    {"einsum", "sum", run_einsum, ref_einsum, {OF(2, 3, 4)}, EQ("ijk->j", "ijk->j")},
    {"einsum", "trace", run_einsum, ref_einsum, {OF(3, 3)}, EQ("ii", "ii->")},
    {"einsum", "diagonal", run_einsum, ref_einsum, {OF(3, 2, 3)}, EQ("iji->ji", "iji->ji")},
    {"einsum", "thrice", run_einsum, ref_einsum, {OF(3, 3, 3)}, EQ("iii->i", "iii->i")},
    {"einsum", "diagonal in a product", run_einsum, ref_einsum, {OF(3, 3), OF(3, 2)}, EQ("ii,ij->j", "ii,ij->j")},
    {"einsum", "ellipsis", run_einsum, ref_einsum, {OF(2, 3, 4), OF(4, 2)}, EQ("...ij,jk->...ik", "bij,jk->bik")},
    {"einsum", "ellipses that broadcast", run_einsum, ref_einsum, {OF(2, 1, 3), OF(4, 3)}, EQ("...i,...i->...", "bci,ci->bc")},
    {"einsum", "ellipsis implicit", run_einsum, ref_einsum, {OF(2, 3, 4), OF(4, 2)}, EQ("...ij,jk", "bij,jk->bik")},
    {"einsum", "ellipsis summed", run_einsum, ref_einsum, {OF(2, 3, 4)}, EQ("...i->i", "abi->i")},
    {"einsum", "ellipsis behind", run_einsum, ref_einsum, {OF(2, 3, 4)}, EQ("i...->...i", "iab->abi")},
    {"einsum", "size 1 stretched", run_einsum, ref_einsum, {OF(3, 1), OF(4, 2)}, EQ("ij,jk->ik", "ij,jk->ik")},
    {"einsum", "three", run_einsum, ref_einsum, {OF(2, 3), OF(3, 4), OF(4, 2)}, EQ("ij,jk,kl->il", "ij,jk,kl->il")},
    {"einsum", "three at once", run_einsum, ref_einsum, {OF(3), OF(3), OF(3)}, EQ("i,i,i->", "i,i,i->")},
    {"einsum", "bilinear", run_einsum, ref_einsum, {OF(2, 3), OF(4, 3, 2), OF(2, 2)}, EQ("bi,oij,bj->bo", "bi,oij,bj->bo")},
    {"einsum", "attention", run_einsum, ref_einsum, {OF(2, 3, 2, 2), OF(2, 4, 2, 2)}, EQ("bqhd,bkhd->bhqk", "bqhd,bkhd->bhqk")},
    {"einsum", "no elements", run_einsum, ref_einsum, {OF(0, 4), OF(4, 2)}, EQ("ij,jk->ik", "ij,jk->ik")},
    {"einsum", "0-d", run_einsum, ref_einsum, {{FLOAT_IN(-2, 2), SCALAR}, OF(3)}, EQ(",i->i", ",i->i")},
    {"einsum", "large", run_einsum, ref_einsum, {OF(70, 30), OF(30, 90)}, EQ("ij,jk->ki", "ij,jk->ki"), .flags = SAMPLE_LARGE, .tol_f32 = 1e-4},

    {"mm", "", run_mm, ref_einsum, {OF(3, 4), OF(4, 2)}, BY("ij,jk->ik")},
    {"mm", "nothing summed", run_mm, ref_einsum, {OF(3, 0), OF(0, 2)}, BY("ij,jk->ik")},
    {"bmm", "", run_bmm, ref_einsum, {OF(2, 3, 4), OF(2, 4, 2)}, BY("bij,bjk->bik")},
    {"mv", "", run_mv, ref_einsum, {OF(3, 4), OF(4)}, BY("ij,j->i")},
    {"addmm", "", run_addmm, ref_addmm, {OF(3, 2), OF(3, 4), OF(4, 2)}, BY("ij,jk->ik")},
    {"addmm", "row, factors", run_addmm, ref_addmm, {OF(2), OF(3, 4), OF(4, 2)}, BY("ij,jk->ik"), .p = {0.5, -2}},
    {"addmm", "input not read", run_addmm, ref_addmm, {{FLOAT_IN(-1, 1), SHAPE(2), .fixed = true, .values = VALUES(NAN, 1)}, OF(3, 4), OF(4, 2)},
     BY("ij,jk->ik"), .p = {TP_ZERO, 3}, .flags = SAMPLE_NO_EXPAND},
    {"addmv", "", run_addmv, ref_addmm, {OF(3), OF(3, 4), OF(4)}, BY("ij,j->i"), .p = {2, 0.5}},
    {"addmv", "number", run_addmv, ref_addmm, {{FLOAT_IN(-2, 2), SCALAR}, OF(3, 4), OF(4)}, BY("ij,j->i")},
    {"baddbmm", "", run_baddbmm, ref_addmm, {OF(2, 3, 2), OF(2, 3, 4), OF(2, 4, 2)}, BY("bij,bjk->bik"), .p = {0.5, 2}},
    {"baddbmm", "stretched", run_baddbmm, ref_addmm, {OF(2, 1, 2), OF(2, 3, 4), OF(2, 4, 2)}, BY("bij,bjk->bik")},
    {"bilinear", "bias", run_bilinear, ref_bilinear, {OF(2, 3), OF(2, 2), OF(4, 3, 2), {FLOAT_IN(-1, 1), SHAPE(4), .optional = true}},
     BY("bi,bj,oij->bo")},
    {"bilinear", "no bias, more dims", run_bilinear, ref_bilinear, {OF(2, 2, 3), OF(2, 2, 2), OF(2, 3, 2), ABSENT}, BY("abi,abj,oij->abo")},
    {"bilinear", "vectors", run_bilinear, ref_bilinear, {OF(3), OF(2), OF(4, 3, 2), ABSENT}, BY("i,j,oij->o")},
    {"bilinear", "no rows", run_bilinear, ref_bilinear, {OF(0, 3), OF(0, 2), OF(4, 3, 2), ABSENT}, BY("bi,bj,oij->bo")},

    {"tensordot", "one", run_tensordot, ref_einsum, {OF(2, 3), OF(3, 4)}, .i = {1}, BY("ab,bc->ac")},
    {"tensordot", "two", run_tensordot, ref_einsum, {OF(2, 3, 4), OF(3, 4, 2)}, .i = {2}, BY("abc,bcd->ad")},
    {"tensordot", "none", run_tensordot, ref_einsum, {OF(2), OF(3)}, .i = {0}, BY("a,b->ab")},
    {"tensordot", "a size of 1", run_tensordot, ref_einsum, {OF(2, 3), OF(1, 4)}, .i = {1}, BY("ab,bc->ac")},
    {"tensordot", "nothing against 1", run_tensordot, ref_einsum, {OF(2, 1), OF(0, 4)}, .i = {1}, .flags = SAMPLE_ZERO_GRAD, BY("ab,bc->ac")},
    {"tensordot_dims", "crossed", run_tensordot_dims, ref_einsum, {OF(2, 3, 4), OF(4, 2, 2)}, .i = {2, 0, -1, 1, 0}, BY("abc,cad->bd")},
    {"tensordot_dims", "one", run_tensordot_dims, ref_einsum, {OF(2, 3), OF(4, 2)}, .i = {1, 0, 0, 1}, BY("ab,ca->bc")},
    {"vecdot", "", run_vecdot, ref_einsum, {OF(3, 4), OF(3, 4)}, .i = {-1}, BY("ab,ab->a")},
    {"vecdot", "broadcast, dim 0", run_vecdot, ref_einsum, {OF(3, 4), OF(3, 1)}, .i = {0}, BY("ab,ab->b")},
    {"inner", "vectors", run_inner, ref_einsum, {OF(3), OF(3)}, BY("a,a->")},
    {"inner", "more", run_inner, ref_einsum, {OF(2, 3), OF(2, 2, 3)}, BY("ai,bci->abc")},
    {"linalg_multi_dot", "three", run_multi_dot, ref_einsum, {OF(2, 5), OF(5, 1), OF(1, 3)}, BY("ab,bc,cd->ad")},
    {"linalg_multi_dot", "four", run_multi_dot, ref_einsum, {OF(3, 2), OF(2, 4), OF(4, 2), OF(2, 3)}, BY("ab,bc,cd,de->ae")},
    {"linalg_multi_dot", "vectors at the ends", run_multi_dot, ref_einsum, {OF(2), OF(2, 4), OF(4)}, BY("a,ab,b->")},
    {"linalg_matrix_power", "third", run_power, ref_power, {OF(3, 3)}, .i = {3}},
    {"linalg_matrix_power", "fifth, batch", run_power, ref_power, {OF(2, 2, 2)}, .i = {5}},
    {"linalg_matrix_power", "first", run_power, ref_power, {OF(2, 2)}, .i = {1}},
    {"linalg_matrix_power", "none", run_power, ref_power, {{FLOAT_IN(-1, 1), SHAPE(2, 2), .fixed = true}}, .i = {0}},

    {"kron", "matrices", run_kron, ref_kron, {OF(2, 3), OF(2, 2)}},
    {"kron", "vector and matrix", run_kron, ref_kron, {OF(3), OF(2, 2)}},
    {"kron", "integers", run_kron, ref_kron, {INTS(-5, 5, 2, 2), INTS(-5, 5, 3)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
    {"cross", "", run_cross, ref_cross, {OF(4, 3), OF(4, 3)}, .i = {-1}},
    {"cross", "dim 0, broadcast", run_cross, ref_cross, {OF(3, 2), OF(3, 1)}, .i = {0}},
    {"cross", "integers", run_cross, ref_cross, {INTS(-9, 9, 3), INTS(-9, 9, 3)}, .i = {0}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"},

    {"diagonal", "square", run_diagonal, ref_diagonal, {OF(4, 4)}, .i = {0, 0, 1}},
    {"diagonal", "above", run_diagonal, ref_diagonal, {OF(3, 5)}, .i = {1, 0, 1}},
    {"diagonal", "below", run_diagonal, ref_diagonal, {OF(5, 3)}, .i = {-2, 0, 1}},
    {"diagonal", "dims", run_diagonal, ref_diagonal, {OF(3, 2, 4)}, .i = {0, -1, 0}},
    {"diagonal", "outside", run_diagonal, ref_diagonal, {OF(3, 3)}, .i = {3, 0, 1}},
    {"diag_embed", "vector", run_diag_embed, ref_diag_embed, {OF(3)}, .i = {0, -2, -1, 3, 3}},
    {"diag_embed", "above, batch", run_diag_embed, ref_diag_embed, {OF(2, 3)}, .i = {1, -2, -1, 2, 4, 4}},
    {"diag_embed", "dims", run_diag_embed, ref_diag_embed, {OF(2, 3)}, .i = {-1, 0, 2, 4, 2, 4}},
    {"diag_embed", "bools", run_diag_embed, ref_diag_embed, {BOOLS(3)}, .i = {0, 0, 1, 3, 3}, .flags = SAMPLE_NO_GRAD, .dtype = "bool"},
    {"diag", "vector", run_diag, ref_diag_embed, {OF(3)}, .i = {1, 0, 1, 4, 4}},
    {"diag", "matrix", run_diag, ref_diagonal, {OF(3, 4)}, .i = {-1, 0, 1}},
    {"trace", "", run_trace, ref_trace, {OF(3, 4)}},
    {"trace", "integers", run_trace, ref_trace, {INTS(-9, 9, 4, 3)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
    {"trace", "nothing", run_trace, ref_trace, {OF(0, 3)}},
    {"unfold", "overlapping", run_unfold, ref_unfold, {OF(7)}, .i = {0, 3, 2}},
    {"unfold", "middle dim", run_unfold, ref_unfold, {OF(2, 5, 2)}, .i = {1, 2, 1}},
    {"unfold", "gaps", run_unfold, ref_unfold, {OF(8)}, .i = {-1, 2, 3}},
    {"unfold", "0-d", run_unfold, ref_unfold, {{FLOAT_IN(-2, 2), SCALAR}}, .i = {0, 1, 1}},
    {"as_strided", "windows", run_as_strided, ref_as_strided, {OF(8)}, .i = {3, 4, 2, 1, 0}},
    {"as_strided", "a part, transposed", run_as_strided, ref_as_strided, {OF(4, 5)}, .i = {2, 3, 1, 5, 6}},
    {"as_strided", "one element", run_as_strided, ref_as_strided, {OF(4)}, .i = {2, 2, 0, 0, 3}},

    {"cdist", "p = 2", run_cdist, ref_cdist, {OF(3, 4), OF(2, 4)}, .p = {2}},
    {"cdist", "p = 2, many rows", run_cdist, ref_cdist, {OF(30, 2), OF(2, 2)}, .p = {2}, .tol = 1e-9, .tol_f32 = 2e-2, .flags = SAMPLE_LARGE},
    {"cdist", "p = 1", run_cdist, ref_cdist, {APART(3, 4), APART(2, 4)}, .p = {1}},
    {"cdist", "p = 0", run_cdist, ref_cdist, {APART(3, 2), APART(2, 2)}, .p = {0}, .flags = SAMPLE_ZERO_GRAD | SAMPLE_NO_EXPAND},
    {"cdist", "infinity", run_cdist, ref_cdist, {APART(3, 3), APART(2, 3)}, .p = {INFINITY}, .flags = SAMPLE_NO_EXPAND},
    {"cdist", "p = 3, batches", run_cdist, ref_cdist, {OF(2, 1, 2, 3), OF(2, 2, 3)}, .p = {3}, .tol = 1e-11},
    {"cdist", "no rows", run_cdist, ref_cdist, {OF(0, 4), OF(2, 4)}, .p = {2}},
    {"pairwise_distance", "defaults", run_pairwise, ref_pairwise, {OF(3, 4), OF(3, 4)}, .arg = &(const tp_pairwise_distance_options){0}},
    {"pairwise_distance", "p = 1, kept", run_pairwise, ref_pairwise, {APART(2, 3), APART(2, 3)},
     .arg = &(const tp_pairwise_distance_options){1, 0, true}},
    {"pairwise_distance", "p = 3, stretched", run_pairwise, ref_pairwise, {OF(2, 3), OF(3)},
     .arg = &(const tp_pairwise_distance_options){3, 1e-3, false}, .tol = 1e-11},
    {"cosine_similarity", "", run_cosine, ref_cosine, {OF(3, 4), OF(3, 4)}, .i = {1}, .p = {1e-8}},
    {"cosine_similarity", "stretched, dim 0", run_cosine, ref_cosine, {OF(3, 2), OF(3, 1)}, .i = {0}, .p = {1e-8}},
    {"cosine_similarity", "below eps", run_cosine, ref_cosine, {OF(2, 3), FLOATS(-0.1, 0.1, 2, 3)}, .i = {-1}, .p = {0.7}},
};
/* clang-format on */

SAMPLE_FAMILY(contract, contract_rows)
