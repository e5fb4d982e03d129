/* Samples of reduce.h. */
#include <stdlib.h>

#include "support/sample.h"

/* ---- over a list of dims: arg is the list, i[0] keepdim, p[0] the correction of var and std ------- */

#define OVER(...)                                                                                            \
    .arg = &(const tp_dims) {                                                                                \
        TP__COUNT(int, __VA_ARGS__), { __VA_ARGS__ }                                                         \
    }
#define KEEP .i = {1}

static tp_dims row_dims(const sample *row) { return row->arg ? *(const tp_dims *)row->arg : TP_NO_DIMS; }

SAMPLE_RUN(run_sum, tp_sum(in[0]))
SAMPLE_RUN(run_mean, tp_mean(in[0]))
SAMPLE_RUN(run_var, tp_var(in[0]))
SAMPLE_RUN(run_std, tp_std(in[0]))
SAMPLE_RUN(run_sum_dim, tp_sum_dim(in[0], row_dims(row), row->i[0] != 0))
SAMPLE_RUN(run_mean_dim, tp_mean_dim(in[0], row_dims(row), row->i[0] != 0))
SAMPLE_RUN(run_amax, tp_amax(in[0], row_dims(row), row->i[0] != 0))
SAMPLE_RUN(run_amin, tp_amin(in[0], row_dims(row), row->i[0] != 0))
SAMPLE_RUN(run_var_dim, tp_var_dim(in[0], row_dims(row), row->p[0], row->i[0] != 0))
SAMPLE_RUN(run_std_dim, tp_std_dim(in[0], row_dims(row), row->p[0], row->i[0] != 0))
SAMPLE_RUN(run_logsumexp, tp_logsumexp(in[0], row_dims(row), row->i[0] != 0))

/* Which dims the row reduces. */
static void row_mask(const sample *row, int ndim, bool *mask) {
    tp_dims dims = row_dims(row);
    for (int d = 0; d < ndim; d++) mask[d] = dims.count == 0;
    for (int k = 0; k < dims.count && ndim > 0; k++)
        mask[dims.items[k] < 0 ? dims.items[k] + ndim : dims.items[k]] = true;
}

/* The shape of the result; and where in it the n-th element of x belongs. */
static tp_shape kept_shape(const sample *row, tp_shape x, const bool *mask) {
    tp_shape shape = {0};
    for (int d = 0; d < x.ndim; d++)
        if (!mask[d] || row->i[0]) shape.dims[shape.ndim++] = mask[d] ? 1 : x.dims[d];
    return shape;
}

static int64_t kept_position(tp_shape x, const bool *mask, int64_t n) {
    int64_t index[TP_MAX_DIMS], position = 0;
    dense_index(x, n, index);
    for (int d = 0; d < x.ndim; d++)
        if (!mask[d]) position = position * x.dims[d] + index[d];
    return position;
}

/* y[k] += f(x, shift[k]) over the elements that belong to k. */
static void add_up(const dense *x, const bool *mask, const double *shift, double (*f)(double x, double shift),
                   double *y) {
    for (int64_t n = 0; n < x->numel; n++) {
        int64_t k = kept_position(x->shape, mask, n);
        y[k] += f(x->data[n], shift ? shift[k] : 0);
    }
}

static double term_itself(double x, double shift) { return x - shift; }
static double term_square(double x, double shift) { return (x - shift) * (x - shift); }
static double term_exp(double x, double shift) {
    (void)shift;
    return exp(x);
}

static int64_t count_of(const dense *x, const dense *out) {
    return out->numel > 0 ? x->numel / out->numel : 0;
}

static void ref_sum(const sample *row, const dense *in, dense *out) {
    bool mask[TP_MAX_DIMS] = {false};
    row_mask(row, in[0].shape.ndim, mask);
    add_up(&in[0], mask, NULL, term_itself, dense_new(out, kept_shape(row, in[0].shape, mask)));
}

static void ref_mean(const sample *row, const dense *in, dense *out) {
    ref_sum(row, in, out);
    for (int64_t k = 0; k < out->numel; k++) out->data[k] /= (double)count_of(&in[0], out);
}

static void ref_var_dim(const sample *row, const dense *in, dense *out) {
    bool mask[TP_MAX_DIMS] = {false};
    dense mean = {{0}};
    row_mask(row, in[0].shape.ndim, mask);
    ref_mean(row, in, &mean);
    add_up(&in[0], mask, mean.data, term_square, dense_new(out, mean.shape));
    for (int64_t k = 0; k < out->numel; k++) {
        double left = (double)count_of(&in[0], out) - row->p[0];
        out->data[k] /= left > 0 ? left : 0;
    }
    free(mean.data);
}

static void ref_std_dim(const sample *row, const dense *in, dense *out) {
    ref_var_dim(row, in, out);
    for (int64_t k = 0; k < out->numel; k++) out->data[k] = sqrt(out->data[k]);
}

static void ref_logsumexp(const sample *row, const dense *in, dense *out) {
    bool mask[TP_MAX_DIMS] = {false};
    row_mask(row, in[0].shape.ndim, mask);
    add_up(&in[0], mask, NULL, term_exp, dense_new(out, kept_shape(row, in[0].shape, mask)));
    for (int64_t k = 0; k < out->numel; k++) out->data[k] = log(out->data[k]);
}

static void extreme_of(const sample *row, const dense *x, dense *out, double sign) {
    bool mask[TP_MAX_DIMS] = {false};
    row_mask(row, x->shape.ndim, mask);
    double *y = dense_new(out, kept_shape(row, x->shape, mask));
    for (int64_t k = 0; k < out->numel; k++) y[k] = -sign * INFINITY;
    for (int64_t n = 0; n < x->numel; n++) {
        int64_t k = kept_position(x->shape, mask, n);
        if (isnan(x->data[n]) || sign * x->data[n] > sign * y[k]) y[k] = x->data[n];
    }
}

static void ref_amax(const sample *row, const dense *in, dense *out) { extreme_of(row, &in[0], out, 1); }
static void ref_amin(const sample *row, const dense *in, dense *out) { extreme_of(row, &in[0], out, -1); }

SAMPLE_RUN(run_count_nonzero, tp_count_nonzero(in[0]))
SAMPLE_RUN(run_count_nonzero_dim, tp_count_nonzero_dim(in[0], row_dims(row), row->i[0] != 0))

static double term_nonzero(double x, double shift) {
    (void)shift;
    return x != 0;
}

static void ref_count_nonzero(const sample *row, const dense *in, dense *out) {
    bool mask[TP_MAX_DIMS] = {false};
    row_mask(row, in[0].shape.ndim, mask);
    add_up(&in[0], mask, NULL, term_nonzero, dense_new(out, kept_shape(row, in[0].shape, mask)));
}

SAMPLE_RUN(run_any_dim, tp_any_dim(in[0], row_dims(row), row->i[0] != 0))
SAMPLE_RUN(run_all_dim, tp_all_dim(in[0], row_dims(row), row->i[0] != 0))

static void ref_any_dim(const sample *row, const dense *in, dense *out) {
    ref_count_nonzero(row, in, out);
    for (int64_t k = 0; k < out->numel; k++) out->data[k] = out->data[k] > 0;
}
static void ref_all_dim(const sample *row, const dense *in, dense *out) {
    ref_count_nonzero(row, in, out);
    for (int64_t k = 0; k < out->numel; k++) out->data[k] = out->data[k] == (double)count_of(&in[0], out);
}

/* ---- sum_to_shape: arg is the shape --------------------------------------------------------------- */

#define TO(...)                                                                                              \
    .arg = &(const tp_shape) {                                                                               \
        TP__COUNT(int64_t, __VA_ARGS__), { __VA_ARGS__ }                                                     \
    }

static tp_shape row_shape(const sample *row) {
    return row->arg ? *(const tp_shape *)row->arg : TP_SCALAR_SHAPE;
}

SAMPLE_RUN(run_sum_to_shape, tp_sum_to_shape(in[0], row_shape(row)))

static void ref_sum_to_shape(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, row_shape(row));
    for (int64_t n = 0; n < in[0].numel; n++) y[dense_broadcast(out->shape, in[0].shape, n)] += in[0].data[n];
}

/* ---- along one dim: i[0] is the dim, i[1] keepdim ------------------------------------------------- */

#define ALONG(dim) .i = {dim}
#define ALONG_KEEP(dim) .i = {dim, 1}

static int two_results(tp_values values, tp_tensor **out) {
    out[0] = values.values;
    out[1] = values.indices;
    return 2;
}

static int run_max_dim(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    return two_results(tp_max_dim(in[0], (int)row->i[0], row->i[1] != 0), out);
}
static int run_min_dim(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    return two_results(tp_min_dim(in[0], (int)row->i[0], row->i[1] != 0), out);
}
SAMPLE_RUN(run_argmax, tp_argmax(in[0]))
SAMPLE_RUN(run_argmin, tp_argmin(in[0]))
SAMPLE_RUN(run_argmax_dim, tp_argmax_dim(in[0], (int)row->i[0], row->i[1] != 0))
SAMPLE_RUN(run_argmin_dim, tp_argmin_dim(in[0], (int)row->i[0], row->i[1] != 0))
SAMPLE_RUN(run_softmax, tp_softmax(in[0], (int)row->i[0]))
SAMPLE_RUN(run_log_softmax, tp_log_softmax(in[0], (int)row->i[0]))

SAMPLE_RUN(run_prod, tp_prod(in[0]))
SAMPLE_RUN(run_prod_dim, tp_prod_dim(in[0], row_dims(row), row->i[0] != 0))
SAMPLE_RUN(run_norm, tp_norm(in[0], row->p[0]))
SAMPLE_RUN(run_norm_dim, tp_norm_dim(in[0], row->p[0], row_dims(row), row->i[0] != 0))

static void ref_prod(const sample *row, const dense *in, dense *out) {
    bool mask[TP_MAX_DIMS] = {false};
    row_mask(row, in[0].shape.ndim, mask);
    double *y = dense_new(out, kept_shape(row, in[0].shape, mask));
    for (int64_t k = 0; k < out->numel; k++) y[k] = 1;
    for (int64_t n = 0; n < in[0].numel; n++) y[kept_position(in[0].shape, mask, n)] *= in[0].data[n];
}

SAMPLE_RUN(run_nansum, tp_nansum(in[0]))
SAMPLE_RUN(run_nansum_dim, tp_nansum_dim(in[0], row_dims(row), row->i[0] != 0))

static double term_number(double x, double shift) { return isnan(x) ? 0 : x - shift; }

static void ref_nansum(const sample *row, const dense *in, dense *out) {
    bool mask[TP_MAX_DIMS] = {false};
    row_mask(row, in[0].shape.ndim, mask);
    add_up(&in[0], mask, NULL, term_number, dense_new(out, kept_shape(row, in[0].shape, mask)));
}

static void ref_norm(const sample *row, const dense *in, dense *out) {
    bool mask[TP_MAX_DIMS] = {false};
    double p = row->p[0];
    row_mask(row, in[0].shape.ndim, mask);
    double *y = dense_new(out, kept_shape(row, in[0].shape, mask));
    for (int64_t k = 0; k < out->numel; k++) y[k] = p < 0 && isinf(p) ? INFINITY : 0;
    for (int64_t n = 0; n < in[0].numel; n++) {
        double *at = &y[kept_position(in[0].shape, mask, n)], v = fabs(in[0].data[n]);
        if (isinf(p)) *at = isnan(v) || (p > 0 ? v > *at : v < *at) ? v : *at;
        else *at += p == 0 ? v != 0 : pow(v, p);
    }
    for (int64_t k = 0; k < out->numel; k++)
        if (p != 0 && !isinf(p)) y[k] = pow(y[k], 1 / p);
}

SAMPLE_RUN(run_median, tp_median(in[0]))
static int run_median_dim(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    return two_results(tp_median_dim(in[0], (int)row->i[0], row->i[1] != 0), out);
}

/* The index of the first NaN, or of the element before which come as many as behind it, or one less. */
static int64_t middle_of(const double *x, int64_t n, int64_t step) {
    for (int64_t i = 0; i < n; i++)
        if (isnan(x[i * step])) return i;
    for (int64_t i = 0; i < n; i++) {
        int64_t before = 0;
        for (int64_t j = 0; j < n; j++)
            before += x[j * step] < x[i * step] || (x[j * step] == x[i * step] && j < i);
        if (before == (n - 1) / 2) return i;
    }
    return 0;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ref_median(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, TP_SCALAR_SHAPE), *sorted;
    dense copy = {{0}};
    bool has_nan = in[0].numel == 0;
    sorted = dense_new(&copy, in[0].shape);
    for (int64_t n = 0; n < copy.numel; n++) has_nan = has_nan || isnan(sorted[n] = in[0].data[n]);
    qsort(sorted, (size_t)copy.numel, sizeof *sorted, by_value);
    y[0] = has_nan ? NAN : sorted[(copy.numel - 1) / 2];
    free(copy.data);
}

static void ref_median_dim(const sample *row, const dense *in, dense *out) {
    int64_t outer, size, inner;
    tp_shape shape = in[0].shape;
    dense_around(shape, (int)row->i[0], &outer, &size, &inner);
    int dim = (int)row->i[0] < 0 ? (int)row->i[0] + shape.ndim : (int)row->i[0];
    if (shape.ndim > 0) shape.dims[dim] = 1;
    for (int d = dim; !row->i[1] && d + 1 < shape.ndim; d++) shape.dims[d] = shape.dims[d + 1];
    if (!row->i[1] && shape.ndim > 0) shape.ndim--;
    double *y = dense_new(&out[0], shape), *at = dense_new(&out[1], shape);
    for (int64_t k = 0; k < outer * inner; k++) {
        const double *x = in[0].data + k / inner * size * inner + k % inner;
        int64_t middle = middle_of(x, size, inner);
        y[k] = x[middle * inner];
        at[k] = (double)middle;
    }
}

/* The first index of the largest of sign * x along the dim; NaN is larger than all. */
static int64_t first_best(const double *x, int64_t size, int64_t step, double sign) {
    int64_t best = 0;
    for (int64_t i = 1; i < size && !isnan(x[best * step]); i++)
        if (isnan(x[i * step]) || sign * x[i * step] > sign * x[best * step]) best = i;
    return best;
}

static void best_along(const sample *row, const dense *x, dense *values, dense *indices, double sign) {
    int64_t outer, size, inner;
    dense_around(x->shape, (int)row->i[0], &outer, &size, &inner);
    tp_shape shape = {0};
    int dim = (int)row->i[0] < 0 ? (int)row->i[0] + x->shape.ndim : (int)row->i[0];
    for (int d = 0; d < x->shape.ndim; d++)
        if (d != dim || row->i[1]) shape.dims[shape.ndim++] = d == dim ? 1 : x->shape.dims[d];
    if (values) dense_new(values, shape);
    dense_new(indices, shape);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t j = 0; j < inner; j++) {
            const double *line = x->data + o * size * inner + j;
            int64_t best = first_best(line, size, inner, sign);
            indices->data[o * inner + j] = (double)best;
            if (values) values->data[o * inner + j] = line[best * inner];
        }
}

static void ref_max_dim(const sample *row, const dense *in, dense *out) {
    best_along(row, &in[0], &out[0], &out[1], 1);
}
static void ref_min_dim(const sample *row, const dense *in, dense *out) {
    best_along(row, &in[0], &out[0], &out[1], -1);
}
static void ref_argmax_dim(const sample *row, const dense *in, dense *out) {
    best_along(row, &in[0], NULL, out, 1);
}
static void ref_argmin_dim(const sample *row, const dense *in, dense *out) {
    best_along(row, &in[0], NULL, out, -1);
}

static void ref_argmax(const sample *row, const dense *in, dense *out) {
    (void)row;
    *dense_new(out, TP_SCALAR_SHAPE) = (double)first_best(in[0].data, in[0].numel, 1, 1);
}
static void ref_argmin(const sample *row, const dense *in, dense *out) {
    (void)row;
    *dense_new(out, TP_SCALAR_SHAPE) = (double)first_best(in[0].data, in[0].numel, 1, -1);
}

/* x - max - log sum exp(x - max) along the dim. */
static void ref_log_softmax(const sample *row, const dense *in, dense *out) {
    int64_t outer, size, inner;
    dense_around(in[0].shape, (int)row->i[0], &outer, &size, &inner);
    double *y = dense_new(out, in[0].shape);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t j = 0; j < inner; j++) {
            int64_t at = o * size * inner + j;
            double largest = -INFINITY, sum = 0;
            for (int64_t k = 0; k < size; k++) largest = fmax(largest, in[0].data[at + k * inner]);
            for (int64_t k = 0; k < size; k++) sum += exp(in[0].data[at + k * inner] - largest);
            for (int64_t k = 0; k < size; k++)
                y[at + k * inner] = in[0].data[at + k * inner] - largest - log(sum);
        }
}

static void ref_softmax(const sample *row, const dense *in, dense *out) {
    ref_log_softmax(row, in, out);
    for (int64_t n = 0; n < out->numel; n++) out->data[n] = exp(out->data[n]);
}

/* ---- any and all ---------------------------------------------------------------------------------- */

SAMPLE_RUN(run_any, tp_any(in[0]))
SAMPLE_RUN(run_all, tp_all(in[0]))

static void ref_any(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, TP_SCALAR_SHAPE);
    for (int64_t n = 0; n < in[0].numel; n++)
        if (in[0].data[n] != 0) *y = 1;
}
static void ref_all(const sample *row, const dense *in, dense *out) {
    (void)row;
    double *y = dense_new(out, TP_SCALAR_SHAPE);
    *y = 1;
    for (int64_t n = 0; n < in[0].numel; n++)
        if (in[0].data[n] == 0) *y = 0;
}

/* ---- rows ----------------------------------------------------------------------------------------- */

#define OF(...) FLOATS(-2, 2, __VA_ARGS__)
#define ZERO_D                                                                                               \
    { FLOAT_IN(-2, 2), SCALAR }
#define APART(...)                                                                                           \
    { FLOAT_IN(-2, 2), SHAPE(__VA_ARGS__), .apart = 0.01 }
#define SMOOTH(...)                                                                                          \
    { FLOAT_IN(-2, 2), SHAPE(__VA_ARGS__), .gap = 0.2 }
/* all |x| apart */
#define LEVELS GIVEN(SHAPE(3, 4), 1, -2, 0.5, 3, -0.25, 1.5, -3.5, 2.5, 0.75, -4, 1.25, -1.75)
#define LONGS(...) INTS(-9, 9, __VA_ARGS__)
#define BYTES(...)                                                                                           \
    { .kind = SAMPLE_U8, .lo = 0, .hi = 200, SHAPE(__VA_ARGS__) }
#define GIVEN(shape, ...)                                                                                    \
    { .kind = SAMPLE_FLOAT, shape, .values = VALUES(__VA_ARGS__) }
#define ROW(op, what, ...)                                                                                   \
    { #op, what, run_##op, __VA_ARGS__ }

static const sample reduce_rows[] = {
    ROW(sum, "matrix", ref_sum, {OF(3, 5)}),
    ROW(sum, "0-d", ref_sum, {ZERO_D}),
    ROW(sum, "four dims", ref_sum, {OF(2, 3, 2, 3)}),
    ROW(sum, "no elements", ref_sum, {OF(3, 0)}),
    ROW(sum, "large", ref_sum, {OF(700, 300)}, .flags = SAMPLE_LARGE, .tol_f32 = 1e-3),
    ROW(sum, "I64", ref_sum, {LONGS(4, 5)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(sum, "U8", ref_sum, {BYTES(40)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(sum, "BOOL", ref_sum, {BOOLS(6, 7)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(sum_dim, "first", ref_sum, {OF(4, 3)}, OVER(0)),
    ROW(sum_dim, "last, kept", ref_sum, {OF(4, 3)}, OVER(-1), KEEP),
    ROW(sum_dim, "middle", ref_sum, {OF(2, 4, 3)}, OVER(1)),
    ROW(sum_dim, "all but the middle", ref_sum, {OF(2, 4, 3)}, OVER(0, 2)),
    ROW(sum_dim, "all but the middle, kept", ref_sum, {OF(2, 4, 3)}, OVER(2, 0), KEEP),
    ROW(sum_dim, "every other of four", ref_sum, {OF(2, 3, 2, 3)}, OVER(1, -1)),
    ROW(sum_dim, "all, kept", ref_sum, {OF(2, 3, 2)}, KEEP),
    ROW(sum_dim, "0-d", ref_sum, {ZERO_D}, OVER(-1)),
    ROW(sum_dim, "dims of size 1", ref_sum, {OF(1, 5, 1)}, OVER(0, 2)),
    ROW(sum_dim, "over no elements", ref_sum, {OF(0, 3)}, OVER(0)),
    ROW(sum_dim, "no elements left", ref_sum, {OF(0, 3)}, OVER(1)),
    ROW(sum_dim, "wide columns", ref_sum, {OF(3, 19)}, OVER(0)),
    ROW(sum_dim, "I64 columns", ref_sum, {LONGS(5, 6)}, OVER(0), .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(sum_dim, "large, rows", ref_sum, {OF(300, 700)}, OVER(1), .flags = SAMPLE_LARGE, .tol_f32 = 2e-4),
    ROW(sum_dim, "large, columns", ref_sum, {OF(300, 700)}, OVER(0), .flags = SAMPLE_LARGE, .tol_f32 = 2e-4),
    ROW(sum_dim, "large, few columns", ref_sum, {OF(20011, 10)}, OVER(0), .flags = SAMPLE_LARGE,
        .tol_f32 = 1e-3),
    ROW(sum_dim, "large, few rows", ref_sum, {OF(2, 100003)}, OVER(1), .flags = SAMPLE_LARGE,
        .tol_f32 = 1e-3),
    ROW(sum_dim, "large, images", ref_sum, {OF(9, 16, 25, 25)}, OVER(0, 2, 3), .flags = SAMPLE_LARGE,
        .tol_f32 = 2e-4),
    ROW(sum_dim, "large, I64", ref_sum, {LONGS(400, 500)}, OVER(0), .flags = SAMPLE_LARGE | SAMPLE_NO_GRAD),
    ROW(mean, "matrix", ref_mean, {OF(3, 5)}),
    ROW(mean, "0-d", ref_mean, {ZERO_D}),
    ROW(mean, "no elements", ref_mean, {OF(0)}, .flags = SAMPLE_NAN),
    ROW(mean, "large", ref_mean, {OF(700, 300)}, .flags = SAMPLE_LARGE),
    ROW(mean_dim, "first", ref_mean, {OF(4, 3)}, OVER(0)),
    ROW(mean_dim, "last, kept", ref_mean, {OF(2, 3, 4)}, OVER(-1), KEEP),
    ROW(mean_dim, "two of three", ref_mean, {OF(2, 3, 4)}, OVER(0, 2)),
    ROW(mean_dim, "over no elements", ref_mean, {OF(0, 3)}, OVER(0), .flags = SAMPLE_NAN),
    ROW(mean_dim, "large", ref_mean, {OF(300, 700)}, OVER(0), .flags = SAMPLE_LARGE),
    ROW(sum_to_shape, "to the same shape", ref_sum_to_shape, {OF(3, 4)}, TO(3, 4)),
    ROW(sum_to_shape, "a leading dim", ref_sum_to_shape, {OF(3, 4)}, TO(4)),
    ROW(sum_to_shape, "a dim of size 1", ref_sum_to_shape, {OF(3, 4)}, TO(3, 1)),
    ROW(sum_to_shape, "both", ref_sum_to_shape, {OF(2, 3, 4)}, TO(3, 1)),
    ROW(sum_to_shape, "to a scalar", ref_sum_to_shape, {OF(3, 4)}),
    ROW(sum_to_shape, "leading dims of size 1", ref_sum_to_shape, {OF(1, 1, 4)}, TO(4)),
    ROW(sum_to_shape, "I64", ref_sum_to_shape, {LONGS(3, 4)}, TO(4), .flags = SAMPLE_NO_GRAD),
    ROW(sum_to_shape, "large", ref_sum_to_shape, {OF(600, 300)}, TO(300), .flags = SAMPLE_LARGE,
        .tol_f32 = 2e-4),
    ROW(amax, "all", ref_amax, {APART(3, 5)}),
    ROW(amax, "0-d", ref_amax, {ZERO_D}),
    ROW(amax, "last", ref_amax, {APART(3, 5)}, OVER(-1)),
    ROW(amax, "two of three, kept", ref_amax, {APART(2, 4, 3)}, OVER(0, 2), KEEP),
    ROW(amax, "wide columns", ref_amax, {{FLOAT_IN(-2, 2), SHAPE(2, 20), .apart = 0.01}}, OVER(0)),
    ROW(amax, "NaN wins", ref_amax, {GIVEN(SHAPE(2, 4), 1, NAN, 3, 2, -1, -INFINITY, -3, -2)}, OVER(1),
        .flags = SAMPLE_NAN),
    ROW(amax, "I64", ref_amax, {LONGS(4, 5)}, OVER(0), .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(amax, "U8", ref_amax, {BYTES(4, 5)}, OVER(1), .flags = SAMPLE_NO_GRAD, .dtype = "uint8"),
    ROW(amax, "BOOL", ref_amax, {BOOLS(4, 2)}, OVER(1), .flags = SAMPLE_NO_GRAD, .dtype = "bool"),
    ROW(amax, "no elements left", ref_amax, {OF(0, 3)}, OVER(1)),
    ROW(amax, "large", ref_amax, {OF(300, 700)}, OVER(0), .flags = SAMPLE_LARGE),
    ROW(amin, "all", ref_amin, {APART(3, 5)}),
    ROW(amin, "first, kept", ref_amin, {APART(3, 5)}, OVER(0), KEEP),
    ROW(amin, "NaN wins", ref_amin, {GIVEN(SHAPE(4, 2), 1, NAN, 3, 2, -1, INFINITY, NAN, -2)}, OVER(0),
        .flags = SAMPLE_NAN),
    ROW(amin, "I64", ref_amin, {LONGS(4, 5)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(amin, "large", ref_amin, {OF(700, 300)}, OVER(1), .flags = SAMPLE_LARGE),
    ROW(max_dim, "last", ref_max_dim, {APART(3, 5)}, ALONG(-1)),
    ROW(max_dim, "first, kept", ref_max_dim, {APART(3, 5)}, ALONG_KEEP(0)),
    ROW(max_dim, "middle", ref_max_dim, {APART(2, 4, 3)}, ALONG(1)),
    ROW(max_dim, "0-d", ref_max_dim, {ZERO_D}, ALONG(0)),
    ROW(max_dim, "first of ties", ref_max_dim, {GIVEN(SHAPE(2, 4), 1, 3, 3, 2, 5, 5, 5, 5)}, ALONG(1),
        .flags = SAMPLE_NAN),
    ROW(max_dim, "first NaN", ref_max_dim, {GIVEN(SHAPE(2, 4), 1, NAN, 3, NAN, 5, 4, 5, 5)}, ALONG(1),
        .flags = SAMPLE_NAN),
    ROW(max_dim, "I64", ref_max_dim, {LONGS(4, 5)}, ALONG(0), .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(max_dim, "BOOL", ref_max_dim, {BOOLS(4, 5)}, ALONG(1), .flags = SAMPLE_NO_GRAD, .dtype = "bool"),
    ROW(max_dim, "no elements left", ref_max_dim, {OF(0, 3)}, ALONG(1)),
    ROW(max_dim, "large", ref_max_dim, {OF(500, 200)}, ALONG(1), .flags = SAMPLE_LARGE),
    ROW(min_dim, "last", ref_min_dim, {APART(3, 5)}, ALONG(-1)),
    ROW(min_dim, "first", ref_min_dim, {APART(3, 5)}, ALONG(0)),
    ROW(min_dim, "first NaN", ref_min_dim, {GIVEN(SHAPE(2, 3), 1, NAN, NAN, 3, 3, 4)}, ALONG(1),
        .flags = SAMPLE_NAN),
    ROW(min_dim, "large", ref_min_dim, {OF(200, 500)}, ALONG(0), .flags = SAMPLE_LARGE),
    ROW(argmax, "matrix", ref_argmax, {APART(3, 5)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(argmax, "long", ref_argmax, {APART(150)}, .flags = SAMPLE_NO_GRAD),
    ROW(argmax, "ties and NaN", ref_argmax, {GIVEN(SHAPE(6), 1, 3, 3, NAN, NAN, 9)}, .flags = SAMPLE_NAN),
    ROW(argmax, "0-d", ref_argmax, {ZERO_D}, .flags = SAMPLE_NO_GRAD),
    ROW(argmin, "matrix", ref_argmin, {APART(3, 5)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(argmin, "I64 ties", ref_argmin, {INTS(0, 3, 20)}, .flags = SAMPLE_NO_GRAD),
    ROW(argmax_dim, "last", ref_argmax_dim, {APART(4, 10)}, ALONG(-1), .flags = SAMPLE_NO_GRAD,
        .dtype = "int64"),
    ROW(argmax_dim, "first, kept", ref_argmax_dim, {APART(4, 10)}, ALONG_KEEP(0), .flags = SAMPLE_NO_GRAD),
    ROW(argmax_dim, "U8", ref_argmax_dim, {BYTES(4, 10)}, ALONG(1), .flags = SAMPLE_NO_GRAD),
    ROW(argmax_dim, "large", ref_argmax_dim, {OF(2000, 50)}, ALONG(1),
        .flags = SAMPLE_NO_GRAD | SAMPLE_LARGE),
    ROW(argmin_dim, "middle", ref_argmin_dim, {APART(2, 4, 3)}, ALONG(1), .flags = SAMPLE_NO_GRAD,
        .dtype = "int64"),
    ROW(argmin_dim, "0-d", ref_argmin_dim, {ZERO_D}, ALONG(0), .flags = SAMPLE_NO_GRAD),
    ROW(var, "matrix", ref_var_dim, {OF(3, 5)}, .p = {1}),
    ROW(var, "far from zero", ref_var_dim, {FLOATS(1000, 1001, 4, 5)}, .p = {1}, .tol = 1e-9,
        .tol_f32 = 2e-3),
    ROW(var, "one element", ref_var_dim, {OF(1)}, .p = {1}, .flags = SAMPLE_NAN),
    ROW(var, "large", ref_var_dim, {OF(700, 300)}, .p = {1}, .flags = SAMPLE_LARGE),
    ROW(var_dim, "last, biased", ref_var_dim, {OF(3, 5)}, OVER(-1)),
    ROW(var_dim, "first, kept", ref_var_dim, {OF(3, 5)}, OVER(0), KEEP, .p = {1}),
    ROW(var_dim, "all but the middle", ref_var_dim, {OF(2, 3, 4)}, OVER(0, 2), .p = {1}),
    ROW(var_dim, "the middle, fractional correction", ref_var_dim, {OF(2, 4, 3)}, OVER(1), .p = {0.5}),
    ROW(var_dim, "no elements left", ref_var_dim, {OF(0, 3)}, OVER(1), .p = {1}),
    ROW(var_dim, "large, rows", ref_var_dim, {OF(300, 700)}, OVER(1), .p = {1}, .flags = SAMPLE_LARGE),
    ROW(var_dim, "large, columns", ref_var_dim, {OF(300, 700)}, OVER(0), .p = {1}, .flags = SAMPLE_LARGE),
    ROW(std, "matrix", ref_std_dim, {OF(3, 5)}, .p = {1}),
    ROW(std, "large", ref_std_dim, {OF(700, 300)}, .p = {1}, .flags = SAMPLE_LARGE),
    ROW(std_dim, "last, biased", ref_std_dim, {OF(3, 5)}, OVER(-1)),
    ROW(std_dim, "first, kept", ref_std_dim, {OF(4, 3)}, OVER(0), KEEP, .p = {1}),
    ROW(std_dim, "all but the middle", ref_std_dim, {OF(2, 3, 4)}, OVER(0, 2), .p = {1}),
    ROW(logsumexp, "all", ref_logsumexp, {OF(3, 5)}),
    ROW(logsumexp, "0-d", ref_logsumexp, {ZERO_D}),
    ROW(logsumexp, "last, kept", ref_logsumexp, {OF(3, 5)}, OVER(-1), KEEP),
    ROW(logsumexp, "two of three", ref_logsumexp, {OF(2, 4, 3)}, OVER(0, 2)),
    ROW(logsumexp, "infinities", ref_logsumexp,
        {GIVEN(SHAPE(4, 2), -INFINITY, -INFINITY, 1, -INFINITY, INFINITY, 0, NAN, 1)}, OVER(1),
        .flags = SAMPLE_NAN),
    ROW(logsumexp, "over no elements", ref_logsumexp, {OF(0, 3)}, OVER(0), .flags = SAMPLE_NAN),
    ROW(logsumexp, "large", ref_logsumexp, {OF(1000, 200)}, OVER(1), .flags = SAMPLE_LARGE),
    ROW(logsumexp, "large, one row", ref_logsumexp, {OF(5000)}, .flags = SAMPLE_LARGE),
    ROW(softmax, "last", ref_softmax, {OF(3, 5)}, ALONG(-1)),
    ROW(softmax, "first", ref_softmax, {OF(3, 5)}, ALONG(0)),
    ROW(softmax, "middle", ref_softmax, {OF(2, 4, 3)}, ALONG(1)),
    ROW(softmax, "0-d", ref_softmax, {ZERO_D}, ALONG(0), .flags = SAMPLE_ZERO_GRAD),
    ROW(softmax, "far from zero", ref_softmax, {FLOATS(800, 803, 3, 5)}, ALONG(1)),
    ROW(softmax, "wide rows", ref_softmax, {OF(2, 37)}, ALONG(1)),
    ROW(softmax, "some -Inf", ref_softmax, {GIVEN(SHAPE(2, 3), 1, -INFINITY, 2, -INFINITY, -INFINITY, 0)},
        ALONG(1), .flags = SAMPLE_NAN),
    ROW(softmax, "no elements", ref_softmax, {OF(3, 0)}, ALONG(1)),
    ROW(softmax, "large, rows", ref_softmax, {OF(3000, 40)}, ALONG(1), .flags = SAMPLE_LARGE),
    ROW(softmax, "large, columns", ref_softmax, {OF(20, 30, 150)}, ALONG(1), .flags = SAMPLE_LARGE),
    ROW(log_softmax, "last", ref_log_softmax, {OF(3, 5)}, ALONG(-1)),
    ROW(log_softmax, "first", ref_log_softmax, {OF(3, 5)}, ALONG(0)),
    ROW(log_softmax, "middle", ref_log_softmax, {OF(2, 4, 3)}, ALONG(1)),
    ROW(log_softmax, "far from zero", ref_log_softmax, {FLOATS(-803, -800, 3, 5)}, ALONG(1), .tol_f32 = 2e-4),
    ROW(log_softmax, "no elements", ref_log_softmax, {OF(0, 3)}, ALONG(1)),
    ROW(log_softmax, "large, rows", ref_log_softmax, {OF(3000, 40)}, ALONG(1), .flags = SAMPLE_LARGE),
    ROW(log_softmax, "large, long rows", ref_log_softmax, {OF(40, 3000)}, ALONG(1), .flags = SAMPLE_LARGE),
    ROW(log_softmax, "large, columns", ref_log_softmax, {OF(20, 30, 150)}, ALONG(1), .flags = SAMPLE_LARGE),
    ROW(any, "some", ref_any, {BOOLS(3, 4)}, .flags = SAMPLE_NO_GRAD, .dtype = "bool"),
    ROW(any, "none", ref_any, {GIVEN(SHAPE(3), 0, 0, 0)}, .flags = SAMPLE_NO_GRAD),
    ROW(any, "a fraction, NaN", ref_any, {GIVEN(SHAPE(2), 0, NAN)}, .flags = SAMPLE_NAN),
    ROW(any, "no elements", ref_any, {BOOLS(0)}, .flags = SAMPLE_NO_GRAD),
    ROW(all, "some", ref_all, {BOOLS(3, 4)}, .flags = SAMPLE_NO_GRAD, .dtype = "bool"),
    ROW(all, "every one", ref_all, {GIVEN(SHAPE(3), 0.5, -1, INFINITY)}, .flags = SAMPLE_NO_GRAD),
    ROW(all, "no elements", ref_all, {LONGS(0)}, .flags = SAMPLE_NO_GRAD),
    ROW(count_nonzero, "some", ref_count_nonzero, {INTS(-1, 2, 3, 4)}, .flags = SAMPLE_NO_GRAD,
        .dtype = "int64"),
    ROW(count_nonzero, "NaN", ref_count_nonzero, {GIVEN(SHAPE(4), 0, NAN, 0.25, -INFINITY)},
        .flags = SAMPLE_NAN),
    ROW(count_nonzero, "no elements", ref_count_nonzero, {LONGS(0)}, .flags = SAMPLE_NO_GRAD),
    ROW(count_nonzero_dim, "first, kept", ref_count_nonzero, {BOOLS(3, 4)}, OVER(0), KEEP,
        .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(count_nonzero_dim, "two of three", ref_count_nonzero, {INTS(-1, 2, 2, 3, 4)}, OVER(0, -1),
        .flags = SAMPLE_NO_GRAD),
    ROW(count_nonzero_dim, "large", ref_count_nonzero, {INTS(-1, 2, 700, 300)}, OVER(1),
        .flags = SAMPLE_NO_GRAD | SAMPLE_LARGE),
    ROW(any_dim, "last", ref_any_dim, {INTS(0, 3, 6, 3)}, OVER(-1), .flags = SAMPLE_NO_GRAD, .dtype = "bool"),
    ROW(any_dim, "two of three, kept", ref_any_dim, {BOOLS(2, 5, 2)}, OVER(0, 2), KEEP,
        .flags = SAMPLE_NO_GRAD),
    ROW(any_dim, "NaN", ref_any_dim, {GIVEN(SHAPE(2, 2), 0, NAN, NAN, 1)}, OVER(1), .flags = SAMPLE_NAN),
    ROW(any_dim, "over no elements", ref_any_dim, {LONGS(0, 3)}, OVER(0), .flags = SAMPLE_NO_GRAD),
    ROW(any_dim, "large", ref_any_dim, {INTS(0, 900, 700, 300)}, OVER(1),
        .flags = SAMPLE_NO_GRAD | SAMPLE_LARGE),
    ROW(all_dim, "last", ref_all_dim, {INTS(0, 3, 6, 3)}, OVER(-1), .flags = SAMPLE_NO_GRAD, .dtype = "bool"),
    ROW(all_dim, "two of three, kept", ref_all_dim, {BOOLS(2, 5, 2)}, OVER(0, 2), KEEP,
        .flags = SAMPLE_NO_GRAD),
    ROW(all_dim, "NaN", ref_all_dim, {GIVEN(SHAPE(2, 2), 0, NAN, NAN, 1)}, OVER(1), .flags = SAMPLE_NAN),
    ROW(all_dim, "over no elements", ref_all_dim, {LONGS(0, 3)}, OVER(0), .flags = SAMPLE_NO_GRAD),
    ROW(all_dim, "large", ref_all_dim, {INTS(0, 900, 700, 300)}, OVER(1),
        .flags = SAMPLE_NO_GRAD | SAMPLE_LARGE),
    ROW(nansum, "matrix", ref_nansum, {OF(3, 5)}),
    ROW(nansum, "NaN", ref_nansum, {GIVEN(SHAPE(5), 1, NAN, 2, NAN, -4)}, .flags = SAMPLE_NAN),
    ROW(nansum, "I64", ref_nansum, {LONGS(4, 5)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(nansum_dim, "first, kept", ref_nansum, {OF(3, 5)}, OVER(0), KEEP),
    ROW(nansum_dim, "NaN", ref_nansum, {GIVEN(SHAPE(2, 3), 1, NAN, 2, NAN, -4, 1)}, OVER(-1),
        .flags = SAMPLE_NAN),
    ROW(prod, "matrix", ref_prod, {OF(3, 4)}),
    ROW(prod, "one zero", ref_prod, {GIVEN(SHAPE(2, 3), 1, 2, -3, 0, 2, 1.5)}),
    ROW(prod, "three zeros", ref_prod, {GIVEN(SHAPE(6), 1, 0, -3, 0, 2, 0)}, .flags = SAMPLE_ZERO_GRAD),
    ROW(prod, "0-d", ref_prod, {ZERO_D}),
    ROW(prod, "no elements", ref_prod, {OF(0, 3)}),
    ROW(prod, "I64", ref_prod, {INTS(-3, 4, 3, 3)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(prod, "BOOL", ref_prod, {BOOLS(3)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(prod, "NaN and infinities", ref_prod, {GIVEN(SHAPE(4), 1, INFINITY, NAN, 0)}, .flags = SAMPLE_NAN),
    ROW(prod, "large", ref_prod, {FLOATS(0.999, 1.001, 300, 300)}, .flags = SAMPLE_LARGE, .tol_f32 = 1e-4),
    ROW(prod_dim, "last", ref_prod, {OF(3, 4)}, OVER(-1)),
    ROW(prod_dim, "first, kept", ref_prod, {OF(4, 3)}, OVER(0), KEEP),
    ROW(prod_dim, "middle", ref_prod, {OF(2, 4, 3)}, OVER(1)),
    ROW(prod_dim, "two of three", ref_prod, {OF(2, 3, 3)}, OVER(2, 0)),
    ROW(prod_dim, "zeros", ref_prod, {GIVEN(SHAPE(3, 4), 1, 2, 3, -1, 0, 2, -1, 3, 0, 2, 0, 1)}, OVER(1)),
    ROW(prod_dim, "over no elements", ref_prod, {OF(0, 3)}, OVER(0)),
    ROW(prod_dim, "no elements left", ref_prod, {OF(0, 3)}, OVER(1)),
    ROW(prod_dim, "large", ref_prod, {FLOATS(0.95, 1.05, 300, 300)}, OVER(0), .flags = SAMPLE_LARGE,
        .tol_f32 = 1e-4),
    ROW(norm, "2", ref_norm, {OF(3, 5)}, .p = {2}),
    ROW(norm, "1", ref_norm, {SMOOTH(3, 5)}, .p = {1}),
    ROW(norm, "0", ref_norm, {GIVEN(SHAPE(5), 1, 0, -2, 0, 3)}, .p = {0}, .flags = SAMPLE_NAN),
    ROW(norm, "3", ref_norm, {OF(3, 5)}, .p = {3}),
    ROW(norm, "1.5", ref_norm, {SMOOTH(3, 5)}, .p = {1.5}),
    ROW(norm, "0.5", ref_norm, {SMOOTH(3, 5)}, .p = {0.5}),
    ROW(norm, "-1", ref_norm, {SMOOTH(3, 5)}, .p = {-1}),
    ROW(norm, "largest", ref_norm, {LEVELS}, .p = {INFINITY}),
    ROW(norm, "smallest", ref_norm, {LEVELS}, .p = {-INFINITY}),
    ROW(norm, "0-d", ref_norm, {ZERO_D}, .p = {2}),
    ROW(norm, "no elements", ref_norm, {OF(0, 3)}, .p = {2}),
    ROW(norm, "NaN", ref_norm, {GIVEN(SHAPE(3), 1, NAN, 2)}, .p = {INFINITY}, .flags = SAMPLE_NAN),
    ROW(norm, "infinite", ref_norm, {GIVEN(SHAPE(3), 1, -INFINITY, 2)}, .p = {2}, .flags = SAMPLE_NAN),
    ROW(norm, "huge squares", ref_norm, {GIVEN(SHAPE(3), 3e25, -4e25, 0)}, .p = {2}, .flags = SAMPLE_NAN),
    ROW(norm, "tiny squares", ref_norm, {GIVEN(SHAPE(3), 3e-25, -4e-25, 0)}, .p = {2}, .flags = SAMPLE_NAN),
    ROW(norm, "large", ref_norm, {OF(300, 700)}, .p = {2}, .flags = SAMPLE_LARGE),
    ROW(norm_dim, "2, last", ref_norm, {OF(3, 5)}, OVER(-1), .p = {2}),
    ROW(norm_dim, "2, first, kept", ref_norm, {OF(3, 5)}, OVER(0), KEEP, .p = {2}),
    ROW(norm_dim, "3, two of three", ref_norm, {OF(2, 3, 4)}, OVER(0, 2), .p = {3}),
    ROW(norm_dim, "1, middle", ref_norm, {SMOOTH(2, 3, 4)}, OVER(1), .p = {1}),
    ROW(norm_dim, "largest", ref_norm, {LEVELS}, OVER(1), .p = {INFINITY}),
    ROW(norm_dim, "smallest, kept", ref_norm, {LEVELS}, OVER(0), KEEP, .p = {-INFINITY}),
    ROW(norm_dim, "no elements left", ref_norm, {OF(0, 3)}, OVER(1), .p = {2}),
    ROW(norm_dim, "large", ref_norm, {OF(300, 700)}, OVER(0), .p = {2}, .flags = SAMPLE_LARGE),
    ROW(norm_dim, "0, two first", ref_norm, {GIVEN(SHAPE(2, 2, 3), 1, 0, 0, 2, 0, -1, 0, 0, 0, -3, 0.5, 0)},
        OVER(0, 1), .p = {0}, .flags = SAMPLE_ZERO_GRAD),
    ROW(norm_dim, "2, wide", ref_norm, {OF(3, 19)}, OVER(0), .p = {2}),
    ROW(norm_dim, "2, over no elements", ref_norm, {OF(0, 3)}, OVER(0), .p = {2}),
    ROW(norm_dim, "large, strips that are not full", ref_norm, {OF(7, 500, 37)}, OVER(1), .p = {1},
        .flags = SAMPLE_LARGE),
    ROW(norm_dim, "large, few columns", ref_norm, {OF(40011, 5)}, OVER(0), .p = {2}, .flags = SAMPLE_LARGE),
    ROW(norm_dim, "large, 3", ref_norm, {OF(300, 300)}, OVER(1), .p = {3}, .flags = SAMPLE_LARGE),
    ROW(median, "odd", ref_median, {APART(3, 5)}),
    ROW(median, "even", ref_median, {APART(4, 5)}),
    ROW(median, "0-d", ref_median, {ZERO_D}),
    ROW(median, "NaN", ref_median, {GIVEN(SHAPE(5), 1, NAN, 3, NAN, 2)}, .flags = SAMPLE_NAN),
    ROW(median, "no elements", ref_median, {OF(0, 3)}, .flags = SAMPLE_NAN),
    ROW(median, "I64", ref_median, {LONGS(4, 5)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"),
    ROW(median, "large", ref_median, {OF(300, 300)}, .flags = SAMPLE_LARGE),
    ROW(median_dim, "last", ref_median_dim, {APART(3, 5)}, ALONG(-1)),
    ROW(median_dim, "first, kept, even", ref_median_dim, {APART(4, 3)}, ALONG_KEEP(0)),
    ROW(median_dim, "middle", ref_median_dim, {APART(2, 5, 3)}, ALONG(1)),
    ROW(median_dim, "0-d", ref_median_dim, {ZERO_D}, ALONG(0)),
    ROW(median_dim, "NaN", ref_median_dim, {GIVEN(SHAPE(2, 4), 1, NAN, 3, NAN, 4, 2, 4, 4)}, ALONG(1),
        .flags = SAMPLE_NAN),
    ROW(median_dim, "no lines", ref_median_dim, {OF(0, 3)}, ALONG(1)),
    ROW(median_dim, "U8", ref_median_dim, {BYTES(4, 5)}, ALONG(1), .flags = SAMPLE_NO_GRAD, .dtype = "uint8"),
    ROW(median_dim, "large", ref_median_dim, {OF(100, 300)}, ALONG(1), .flags = SAMPLE_LARGE),
};

SAMPLE_FAMILY(reduce, reduce_rows)
