/* Sample rows of views.h. References find each element of the result by its index. */
#include "support/sample.h"

/* A shape or a list of dims, for .arg. */
#define SHAPE_ARG(...)                                                                                       \
    .arg = &(const tp_shape) {                                                                               \
        TP__COUNT(int64_t, __VA_ARGS__), { __VA_ARGS__ }                                                     \
    }
#define DIMS_ARG(...)                                                                                        \
    .arg = &(const tp_dims) {                                                                                \
        TP__COUNT(int, __VA_ARGS__), { __VA_ARGS__ }                                                         \
    }
#define ALL_DIMS                                                                                             \
    .arg = &(const tp_dims) {                                                                                \
        0, { 0 }                                                                                             \
    }
#define NO_SHAPE                                                                                             \
    .arg = &(const tp_shape) {                                                                               \
        0, { 0 }                                                                                             \
    }
#define ROW_SHAPE (*(const tp_shape *)row->arg)
#define ROW_DIMS (*(const tp_dims *)row->arg)

static int wrapped(int64_t dim, int ndim) { return (int)(dim < 0 ? dim + ndim : dim); }

/* The element of `in` at an index of as many entries as it has dims. */
static double at(const dense *in, const int64_t *index) {
    int64_t strides[TP_MAX_DIMS], n = 0;
    dense_strides(in->shape, strides);
    for (int d = 0; d < in->shape.ndim; d++) n += index[d] * strides[d];
    return in->data[n];
}

/* ---- other shapes ------------------------------------------------------------------------------------ */

SAMPLE_RUN(run_reshape, tp_reshape(in[0], ROW_SHAPE))
SAMPLE_RUN(run_flatten, tp_flatten(in[0], (int)row->i[0], (int)row->i[1]))
SAMPLE_RUN(run_unflatten, tp_unflatten(in[0], (int)row->i[0], ROW_SHAPE))
SAMPLE_RUN(run_squeeze, tp_squeeze(in[0], ROW_DIMS))
SAMPLE_RUN(run_unsqueeze, tp_unsqueeze(in[0], (int)row->i[0]))

/* All of these keep the elements and their order. */
static void same_elements(const dense *in, dense *out, tp_shape shape) {
    double *y = dense_new(out, shape);
    for (int64_t n = 0; n < in->numel; n++) y[n] = in->data[n];
}

/* A size of -1 takes what is left of `numel`. */
static tp_shape filled_in(tp_shape shape, int64_t numel) {
    int64_t rest = 1;
    for (int d = 0; d < shape.ndim; d++) rest *= shape.dims[d] < 0 ? 1 : shape.dims[d];
    for (int d = 0; d < shape.ndim; d++)
        if (shape.dims[d] < 0) shape.dims[d] = numel / rest;
    return shape;
}

static void ref_reshape(const sample *row, const dense *in, dense *out) {
    same_elements(&in[0], out, filled_in(ROW_SHAPE, in[0].numel));
}

static void ref_flatten(const sample *row, const dense *in, dense *out) {
    tp_shape shape = {0};
    int start = wrapped(row->i[0], in[0].shape.ndim), end = wrapped(row->i[1], in[0].shape.ndim);
    for (int d = 0; d < in[0].shape.ndim; d++) {
        if (d > start && d <= end) shape.dims[shape.ndim - 1] *= in[0].shape.dims[d];
        else shape.dims[shape.ndim++] = in[0].shape.dims[d];
    }
    if (shape.ndim == 0) shape = TP_SHAPE(1);
    same_elements(&in[0], out, shape);
}

static void ref_unflatten(const sample *row, const dense *in, dense *out) {
    tp_shape shape = {0};
    for (int d = 0; d < in[0].shape.ndim; d++) {
        tp_shape part = TP_SHAPE(in[0].shape.dims[d]);
        if (d == wrapped(row->i[0], in[0].shape.ndim)) part = filled_in(ROW_SHAPE, in[0].shape.dims[d]);
        for (int k = 0; k < part.ndim; k++) shape.dims[shape.ndim++] = part.dims[k];
    }
    same_elements(&in[0], out, shape);
}

static void ref_squeeze(const sample *row, const dense *in, dense *out) {
    tp_shape shape = {0};
    for (int d = 0; d < in[0].shape.ndim; d++) {
        bool named = ROW_DIMS.count == 0;
        for (int k = 0; k < ROW_DIMS.count; k++)
            named = named || wrapped(ROW_DIMS.items[k], in[0].shape.ndim) == d;
        if (!named || in[0].shape.dims[d] != 1) shape.dims[shape.ndim++] = in[0].shape.dims[d];
    }
    same_elements(&in[0], out, shape);
}

static void ref_unsqueeze(const sample *row, const dense *in, dense *out) {
    int ndim = in[0].shape.ndim + 1, dim = wrapped(row->i[0], ndim);
    tp_shape shape = {ndim, {0}};
    for (int d = 0; d < ndim; d++) shape.dims[d] = d == dim ? 1 : in[0].shape.dims[d < dim ? d : d - 1];
    same_elements(&in[0], out, shape);
}

/* ---- dims in another order, expand ------------------------------------------------------------------- */

SAMPLE_RUN(run_transpose, tp_transpose(in[0], (int)row->i[0], (int)row->i[1]))
SAMPLE_RUN(run_t, tp_t(in[0]))
SAMPLE_RUN(run_permute, tp_permute(in[0], ROW_DIMS))
SAMPLE_RUN(run_expand, tp_expand(in[0], ROW_SHAPE))
SAMPLE_RUN(run_broadcast_to, tp_broadcast_to(in[0], ROW_SHAPE))

static void permuted(const dense *in, dense *out, const int *order) {
    tp_shape shape = {in->shape.ndim, {0}};
    for (int d = 0; d < shape.ndim; d++) shape.dims[d] = in->shape.dims[order[d]];
    double *y = dense_new(out, shape);
    for (int64_t n = 0; n < in->numel; n++) {
        int64_t index[TP_MAX_DIMS], from[TP_MAX_DIMS];
        dense_index(shape, n, index);
        for (int d = 0; d < shape.ndim; d++) from[order[d]] = index[d];
        y[n] = at(in, from);
    }
}

static void ref_permute(const sample *row, const dense *in, dense *out) {
    int order[TP_MAX_DIMS];
    for (int d = 0; d < ROW_DIMS.count; d++) order[d] = wrapped(ROW_DIMS.items[d], in[0].shape.ndim);
    permuted(&in[0], out, order);
}

static void ref_transpose(const sample *row, const dense *in, dense *out) {
    int order[TP_MAX_DIMS] = {0, 1, 2, 3, 4, 5, 6, 7}, ndim = in[0].shape.ndim;
    if (ndim > 0) {
        order[wrapped(row->i[0], ndim)] = wrapped(row->i[1], ndim);
        order[wrapped(row->i[1], ndim)] = wrapped(row->i[0], ndim);
    }
    permuted(&in[0], out, order);
}

static void ref_t(const sample *row, const dense *in, dense *out) {
    (void)row;
    permuted(&in[0], out, in[0].shape.ndim == 2 ? (const int[]){1, 0} : (const int[]){0});
}

static void ref_expand(const sample *row, const dense *in, dense *out) {
    tp_shape shape = ROW_SHAPE;
    int more = shape.ndim - in[0].shape.ndim;
    for (int d = more; d < shape.ndim; d++)
        if (shape.dims[d] < 0) shape.dims[d] = in[0].shape.dims[d - more];
    double *y = dense_new(out, shape);
    for (int64_t n = 0; n < out->numel; n++) y[n] = in[0].data[dense_broadcast(in[0].shape, shape, n)];
}

/* ---- parts of a dim ---------------------------------------------------------------------------------- */

SAMPLE_RUN(run_narrow, tp_narrow(in[0], (int)row->i[0], row->i[1], row->i[2]))
SAMPLE_RUN(run_slice, tp_slice(in[0], (int)row->i[0], row->i[1], row->i[2], row->i[3]))
SAMPLE_RUN(run_select, tp_select(in[0], (int)row->i[0], row->i[1]))
SAMPLE_RUN(run_slice_scatter, tp_slice_scatter(in[0], in[1], (int)row->i[0], row->i[1], row->i[2], row->i[3]))
SAMPLE_RUN(run_select_scatter, tp_select_scatter(in[0], in[1], (int)row->i[0], row->i[1]))

/* `count` indices of a dim, `step` apart from `start` on. */
static void part(const dense *in, dense *out, int64_t dim, int64_t start, int64_t step, int64_t count) {
    int64_t outer, size, inner;
    dense_around(in->shape, (int)dim, &outer, &size, &inner);
    tp_shape shape = in->shape;
    shape.dims[wrapped(dim, shape.ndim)] = count;
    double *y = dense_new(out, shape);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < count; k++)
            for (int64_t j = 0; j < inner; j++) *y++ = in->data[(o * size + start + k * step) * inner + j];
}

static void ref_narrow(const sample *row, const dense *in, dense *out) {
    int64_t size = in[0].shape.dims[wrapped(row->i[0], in[0].shape.ndim)];
    part(&in[0], out, row->i[0], row->i[1] < 0 ? row->i[1] + size : row->i[1], 1, row->i[2]);
}

/* Python's slice of a dim of `size`, index by index. */
static int64_t sliced(const sample *row, int64_t size, int64_t *indices) {
    int64_t n = 0, start = row->i[1], end = row->i[2];
    for (int64_t k = 0; k < size; k++) {
        int64_t first = start < 0 ? (start + size < 0 ? 0 : start + size) : start;
        int64_t last = end < 0 ? end + size : end;
        if (k >= first && k < last && (k - first) % row->i[3] == 0) indices[n++] = k;
    }
    return n;
}

static void ref_slice(const sample *row, const dense *in, dense *out) {
    int64_t indices[64];
    int64_t n = sliced(row, in[0].shape.dims[wrapped(row->i[0], in[0].shape.ndim)], indices);
    part(&in[0], out, row->i[0], n ? indices[0] : 0, row->i[3], n);
}

static void ref_select(const sample *row, const dense *in, dense *out) {
    int dim = wrapped(row->i[0], in[0].shape.ndim);
    part(&in[0], out, dim, wrapped(row->i[1], (int)in[0].shape.dims[dim]), 1, 1);
    out->shape.ndim--;
    for (int d = dim; d < out->shape.ndim; d++) out->shape.dims[d] = in[0].shape.dims[d + 1];
}

/* `source` put at `count` indices of a dim of a copy of in[0]. */
static void scattered(const dense *in, dense *out, int64_t dim, const int64_t *indices, int64_t count) {
    int64_t outer, size, inner;
    same_elements(&in[0], out, in[0].shape);
    dense_around(in[0].shape, (int)dim, &outer, &size, &inner);
    const double *source = in[1].data;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < count; k++)
            for (int64_t j = 0; j < inner; j++) out->data[(o * size + indices[k]) * inner + j] = *source++;
}

static void ref_slice_scatter(const sample *row, const dense *in, dense *out) {
    int64_t indices[64];
    int64_t n = sliced(row, in[0].shape.dims[wrapped(row->i[0], in[0].shape.ndim)], indices);
    scattered(in, out, row->i[0], indices, n);
}

static void ref_select_scatter(const sample *row, const dense *in, dense *out) {
    int64_t size = in[0].shape.dims[wrapped(row->i[0], in[0].shape.ndim)];
    scattered(in, out, row->i[0], &(int64_t){row->i[1] < 0 ? row->i[1] + size : row->i[1]}, 1);
}

/* i: dim, size of a piece, number of pieces. */
static int run_split(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_split(in[0], row->i[1], (int)row->i[0], out, (int)row->i[2]);
    return (int)row->i[2];
}

static void ref_split(const sample *row, const dense *in, dense *out) {
    int64_t size = in[0].shape.dims[wrapped(row->i[0], in[0].shape.ndim)];
    for (int64_t k = 0; k < row->i[2]; k++) {
        int64_t left = size - k * row->i[1];
        part(&in[0], &out[k], row->i[0], k * row->i[1], 1, left < row->i[1] ? left : row->i[1]);
    }
}

/* ---- joining: i[0] is the dim, i[1] the number of inputs --------------------------------------------- */

SAMPLE_RUN(run_cat, tp_cat((tp_tensors){(int)row->i[1], (tp_tensor **)(uintptr_t)in}, (int)row->i[0]))
SAMPLE_RUN(run_stack, tp_stack((tp_tensors){(int)row->i[1], (tp_tensor **)(uintptr_t)in}, (int)row->i[0]))

static void joined(const sample *row, const dense *in, dense *out, tp_shape shape, int dim) {
    int64_t outer = 1;
    for (int d = 0; d < dim; d++) outer *= shape.dims[d];
    double *y = dense_new(out, shape);
    for (int64_t o = 0; o < outer; o++)
        for (int k = 0; k < row->i[1]; k++) {
            int64_t run = outer ? in[k].numel / outer : 0;
            for (int64_t j = 0; j < run; j++) *y++ = in[k].data[o * run + j];
        }
}

static void ref_cat(const sample *row, const dense *in, dense *out) {
    tp_shape shape = {0};
    int64_t size = 0;
    for (int k = 0; k < row->i[1]; k++) {
        if (in[k].shape.ndim == 1 && in[k].numel == 0 && shape.ndim > 0) continue;
        shape = in[k].shape;
        size += shape.dims[wrapped(row->i[0], shape.ndim)];
    }
    int dim = wrapped(row->i[0], shape.ndim);
    shape.dims[dim] = size;
    joined(row, in, out, shape, dim);
}

static void ref_stack(const sample *row, const dense *in, dense *out) {
    int ndim = in[0].shape.ndim + 1, dim = wrapped(row->i[0], ndim);
    tp_shape shape = {ndim, {0}};
    for (int d = 0; d < ndim; d++)
        shape.dims[d] = d == dim ? row->i[1] : in[0].shape.dims[d < dim ? d : d - 1];
    joined(row, in, out, shape, dim);
}

/* ---- rows -------------------------------------------------------------------------------------------- */

static const sample views_rows[] = {
    {"reshape", "3-d to 2-d", run_reshape, ref_reshape, {FLOATS(-2, 2, 2, 3, 4)}, SHAPE_ARG(6, 4)},
    {"reshape", "size -1", run_reshape, ref_reshape, {FLOATS(-2, 2, 2, 3, 4)}, SHAPE_ARG(3, -1, 2)},
    {"reshape", "one element to 0-d", run_reshape, ref_reshape, {FLOATS(-2, 2, 1, 1)}, NO_SHAPE},
    {"reshape",
     "0-d to 8 dims",
     run_reshape,
     ref_reshape,
     {{FLOAT_IN(-2, 2), SCALAR}},
     SHAPE_ARG(1, 1, 1, 1, 1, 1, 1, 1)},
    {"reshape", "no elements", run_reshape, ref_reshape, {FLOATS(-2, 2, 0, 3)}, SHAPE_ARG(3, -1)},
    {"reshape",
     "integers",
     run_reshape,
     ref_reshape,
     {INTS(-9, 9, 2, 6)},
     SHAPE_ARG(4, 3),
     .flags = SAMPLE_NO_GRAD},
    {"reshape", "bool", run_reshape, ref_reshape, {BOOLS(2, 6)}, SHAPE_ARG(12), .flags = SAMPLE_NO_GRAD},
    {"reshape",
     "large",
     run_reshape,
     ref_reshape,
     {FLOATS(-2, 2, 300, 7, 70)},
     SHAPE_ARG(70, -1),
     .flags = SAMPLE_LARGE},
    {"flatten", "all", run_flatten, ref_flatten, {FLOATS(-2, 2, 2, 3, 2)}, .i = {0, -1}},
    {"flatten", "from dim 1", run_flatten, ref_flatten, {FLOATS(-2, 2, 2, 3, 2)}, .i = {1, -1}},
    {"flatten", "in the middle", run_flatten, ref_flatten, {FLOATS(-2, 2, 2, 3, 2, 2)}, .i = {1, 2}},
    {"flatten", "one dim", run_flatten, ref_flatten, {FLOATS(-2, 2, 2, 3)}, .i = {1, 1}},
    {"flatten", "0-d", run_flatten, ref_flatten, {{FLOAT_IN(-2, 2), SCALAR}}, .i = {0, -1}},
    {"flatten", "no elements", run_flatten, ref_flatten, {FLOATS(-2, 2, 2, 0, 3)}, .i = {1, -1}},
    {"unflatten",
     "last dim",
     run_unflatten,
     ref_unflatten,
     {FLOATS(-2, 2, 2, 6)},
     .i = {-1},
     SHAPE_ARG(3, 2)},
    {"unflatten",
     "size -1",
     run_unflatten,
     ref_unflatten,
     {FLOATS(-2, 2, 6, 3)},
     .i = {0},
     SHAPE_ARG(2, -1, 1)},
    {"unflatten",
     "no elements",
     run_unflatten,
     ref_unflatten,
     {FLOATS(-2, 2, 0, 3)},
     .i = {0},
     SHAPE_ARG(5, 0)},
    {"squeeze", "all", run_squeeze, ref_squeeze, {FLOATS(-2, 2, 1, 3, 1, 2)}, ALL_DIMS},
    {"squeeze", "one of two", run_squeeze, ref_squeeze, {FLOATS(-2, 2, 1, 3, 1)}, DIMS_ARG(-1)},
    {"squeeze", "a dim of another size", run_squeeze, ref_squeeze, {FLOATS(-2, 2, 1, 3)}, DIMS_ARG(0, 1)},
    {"squeeze", "to 0-d", run_squeeze, ref_squeeze, {FLOATS(-2, 2, 1, 1)}, ALL_DIMS},
    {"unsqueeze", "first", run_unsqueeze, ref_unsqueeze, {FLOATS(-2, 2, 2, 3)}, .i = {0}},
    {"unsqueeze", "middle", run_unsqueeze, ref_unsqueeze, {FLOATS(-2, 2, 2, 3)}, .i = {1}},
    {"unsqueeze", "last", run_unsqueeze, ref_unsqueeze, {FLOATS(-2, 2, 2, 3)}, .i = {-1}},
    {"unsqueeze", "0-d", run_unsqueeze, ref_unsqueeze, {{FLOAT_IN(-2, 2), SCALAR}}, .i = {-1}},

    {"transpose", "2-d", run_transpose, ref_transpose, {FLOATS(-2, 2, 3, 4)}, .i = {0, 1}},
    {"transpose",
     "outer dims of three",
     run_transpose,
     ref_transpose,
     {FLOATS(-2, 2, 2, 3, 4)},
     .i = {0, -1}},
    {"transpose", "a dim with itself", run_transpose, ref_transpose, {FLOATS(-2, 2, 3, 2)}, .i = {1, 1}},
    {"transpose", "0-d", run_transpose, ref_transpose, {{FLOAT_IN(-2, 2), SCALAR}}, .i = {0, -1}},
    {"transpose", "no elements", run_transpose, ref_transpose, {FLOATS(-2, 2, 0, 4)}, .i = {0, 1}},
    {"transpose",
     "large",
     run_transpose,
     ref_transpose,
     {FLOATS(-2, 2, 300, 310)},
     .i = {0, 1},
     .flags = SAMPLE_LARGE},
    {"t", "matrix", run_t, ref_t, {FLOATS(-2, 2, 3, 4)}},
    {"t", "vector", run_t, ref_t, {FLOATS(-2, 2, 4)}},
    {"t", "0-d", run_t, ref_t, {{FLOAT_IN(-2, 2), SCALAR}}},
    {"permute", "3-d", run_permute, ref_permute, {FLOATS(-2, 2, 2, 3, 4)}, DIMS_ARG(2, 0, 1)},
    {"permute",
     "4-d, negative dims",
     run_permute,
     ref_permute,
     {FLOATS(-2, 2, 2, 3, 2, 2)},
     DIMS_ARG(-4, 2, -1, 1)},
    {"permute", "0-d", run_permute, ref_permute, {{FLOAT_IN(-2, 2), SCALAR}}, ALL_DIMS},
    {"permute",
     "8-d",
     run_permute,
     ref_permute,
     {FLOATS(-2, 2, 2, 1, 2, 1, 3, 1, 2, 1)},
     DIMS_ARG(7, 6, 0, 1, 5, 4, 3, 2)},
    {"permute",
     "bytes",
     run_permute,
     ref_permute,
     {{.kind = SAMPLE_U8, .lo = 0, .hi = 255, SHAPE(3, 4)}},
     DIMS_ARG(1, 0),
     .flags = SAMPLE_NO_GRAD},

    {"broadcast_to", "a dim of size 1", run_broadcast_to, ref_expand, {FLOATS(-2, 2, 3, 1)}, SHAPE_ARG(3, 4)},
    {"broadcast_to", "new dims", run_broadcast_to, ref_expand, {FLOATS(-2, 2, 1, 3)}, SHAPE_ARG(2, 2, 3)},
    {"broadcast_to", "0-d", run_broadcast_to, ref_expand, {{FLOAT_IN(-2, 2), SCALAR}}, SHAPE_ARG(2, 3)},
    {"broadcast_to", "to no elements", run_broadcast_to, ref_expand, {FLOATS(-2, 2, 1, 3)}, SHAPE_ARG(0, 3)},
    {"expand", "a dim of size 1", run_expand, ref_expand, {FLOATS(-2, 2, 3, 1)}, SHAPE_ARG(3, 4)},
    {"expand", "new dims", run_expand, ref_expand, {FLOATS(-2, 2, 1, 3)}, SHAPE_ARG(2, 2, -1)},
    {"expand", "0-d", run_expand, ref_expand, {{FLOAT_IN(-2, 2), SCALAR}}, SHAPE_ARG(2, 3)},
    {"expand", "to no elements", run_expand, ref_expand, {FLOATS(-2, 2, 1, 3)}, SHAPE_ARG(0, 3)},
    {"expand", "to itself", run_expand, ref_expand, {FLOATS(-2, 2, 2, 3)}, SHAPE_ARG(-1, 3)},
    {"expand",
     "large",
     run_expand,
     ref_expand,
     {FLOATS(-2, 2, 300, 1)},
     SHAPE_ARG(300, 400),
     .flags = SAMPLE_LARGE},

    {"narrow", "first dim", run_narrow, ref_narrow, {FLOATS(-2, 2, 5, 3)}, .i = {0, 1, 3}},
    {"narrow", "last dim, from the end", run_narrow, ref_narrow, {FLOATS(-2, 2, 3, 5)}, .i = {-1, -2, 2}},
    {"narrow", "all of it", run_narrow, ref_narrow, {FLOATS(-2, 2, 3, 2)}, .i = {0, 0, 3}},
    {"narrow", "nothing", run_narrow, ref_narrow, {FLOATS(-2, 2, 3, 2)}, .i = {0, 3, 0}},
    {"narrow",
     "large",
     run_narrow,
     ref_narrow,
     {FLOATS(-2, 2, 300, 400)},
     .i = {1, 7, 350},
     .flags = SAMPLE_LARGE},
    {"slice", "step 2", run_slice, ref_slice, {FLOATS(-2, 2, 7, 2)}, .i = {0, 1, 7, 2}},
    {"slice", "negative bounds", run_slice, ref_slice, {FLOATS(-2, 2, 2, 7)}, .i = {1, -5, -1, 3}},
    {"slice", "cut off", run_slice, ref_slice, {FLOATS(-2, 2, 4, 2)}, .i = {0, -100, 100, 3}},
    {"slice", "nothing", run_slice, ref_slice, {FLOATS(-2, 2, 4, 2)}, .i = {0, 3, 1, 1}},
    {"slice",
     "a step beyond the end",
     run_slice,
     ref_slice,
     {FLOATS(-2, 2, 2, 4)},
     .i = {1, 2, 4, INT64_MAX}},
    {"select", "first dim", run_select, ref_select, {FLOATS(-2, 2, 4, 3)}, .i = {0, 2}},
    {"select", "middle dim, from the end", run_select, ref_select, {FLOATS(-2, 2, 2, 3, 2)}, .i = {1, -1}},
    {"select", "to 0-d", run_select, ref_select, {FLOATS(-2, 2, 4)}, .i = {-1, 0}},
    {"split", "an even one", run_split, ref_split, {FLOATS(-2, 2, 3, 6)}, .i = {1, 2, 3}},
    {"split", "a smaller last piece", run_split, ref_split, {FLOATS(-2, 2, 5, 2)}, .i = {-2, 2, 3}},
    {"split", "one piece", run_split, ref_split, {FLOATS(-2, 2, 2, 3)}, .i = {0, 9, 1}},
    {"split", "no elements", run_split, ref_split, {FLOATS(-2, 2, 0, 3)}, .i = {0, 2, 1}},
    {"split",
     "large",
     run_split,
     ref_split,
     {FLOATS(-2, 2, 300, 400)},
     .i = {1, 130, 4},
     .flags = SAMPLE_LARGE},

    {"slice_scatter",
     "step 2",
     run_slice_scatter,
     ref_slice_scatter,
     {FLOATS(-2, 2, 3, 5), FLOATS(-2, 2, 3, 2)},
     .i = {1, 1, 5, 2}},
    {"slice_scatter",
     "first dim",
     run_slice_scatter,
     ref_slice_scatter,
     {FLOATS(-2, 2, 4, 3), FLOATS(-2, 2, 2, 3)},
     .i = {0, -3, -1, 1}},
    {"slice_scatter",
     "nothing",
     run_slice_scatter,
     ref_slice_scatter,
     {FLOATS(-2, 2, 4, 3), FLOATS(-2, 2, 0, 3)},
     .i = {0, 2, 2, 1}},
    {"select_scatter",
     "first dim",
     run_select_scatter,
     ref_select_scatter,
     {FLOATS(-2, 2, 4, 3), FLOATS(-2, 2, 3)},
     .i = {0, 2}},
    {"select_scatter",
     "last dim",
     run_select_scatter,
     ref_select_scatter,
     {FLOATS(-2, 2, 2, 2, 3), FLOATS(-2, 2, 2, 2)},
     .i = {-1, -3}},
    {"select_scatter",
     "of a vector",
     run_select_scatter,
     ref_select_scatter,
     {FLOATS(-2, 2, 4), {FLOAT_IN(-2, 2), SCALAR}},
     .i = {0, 1}},

    {"cat",
     "first dim",
     run_cat,
     ref_cat,
     {FLOATS(-2, 2, 2, 3), FLOATS(-2, 2, 1, 3), FLOATS(-2, 2, 3, 3)},
     .i = {0, 3}},
    {"cat", "last dim", run_cat, ref_cat, {FLOATS(-2, 2, 2, 2, 3), FLOATS(-2, 2, 2, 2, 1)}, .i = {-1, 2}},
    {"cat", "middle dim", run_cat, ref_cat, {FLOATS(-2, 2, 2, 2, 3), FLOATS(-2, 2, 2, 1, 3)}, .i = {1, 2}},
    {"cat", "one tensor", run_cat, ref_cat, {FLOATS(-2, 2, 2, 3)}, .i = {0, 1}},
    {"cat",
     "an empty one passed over",
     run_cat,
     ref_cat,
     {FLOATS(-2, 2, 2, 3), FLOATS(-2, 2, 0), FLOATS(-2, 2, 2, 2)},
     .i = {1, 3}},
    {"cat", "one of size 0", run_cat, ref_cat, {FLOATS(-2, 2, 2, 3), FLOATS(-2, 2, 0, 3)}, .i = {0, 2}},
    {"cat", "float and integer", run_cat, ref_cat, {FLOATS(-2, 2, 2, 3), INTS(-5, 5, 1, 3)}, .i = {0, 2}},
    {"cat",
     "F32 and F64",
     run_cat,
     ref_cat,
     {FLOATS(-2, 2, 2, 3), {.kind = SAMPLE_F32, .lo = -2, .hi = 2, SHAPE(1, 3)}},
     .i = {0, 2}},
    {"cat",
     "bool and bytes",
     run_cat,
     ref_cat,
     {BOOLS(3), {.kind = SAMPLE_U8, .lo = 0, .hi = 9, SHAPE(2)}},
     .i = {0, 2},
     .flags = SAMPLE_NO_GRAD},
    {"cat",
     "large",
     run_cat,
     ref_cat,
     {FLOATS(-2, 2, 300, 300), FLOATS(-2, 2, 300, 200)},
     .i = {1, 2},
     .flags = SAMPLE_LARGE},
    {"stack", "first dim", run_stack, ref_stack, {FLOATS(-2, 2, 2, 3), FLOATS(-2, 2, 2, 3)}, .i = {0, 2}},
    {"stack",
     "last dim",
     run_stack,
     ref_stack,
     {FLOATS(-2, 2, 2, 3), FLOATS(-2, 2, 2, 3), FLOATS(-2, 2, 2, 3)},
     .i = {-1, 3}},
    {"stack", "middle dim", run_stack, ref_stack, {FLOATS(-2, 2, 2, 3), FLOATS(-2, 2, 2, 3)}, .i = {1, 2}},
    {"stack",
     "0-d",
     run_stack,
     ref_stack,
     {{FLOAT_IN(-2, 2), SCALAR}, {FLOAT_IN(-2, 2), SCALAR}},
     .i = {0, 2}},
    {"stack", "float and integer", run_stack, ref_stack, {FLOATS(-2, 2, 3), INTS(-5, 5, 3)}, .i = {1, 2}},
    {"stack", "no elements", run_stack, ref_stack, {FLOATS(-2, 2, 0), FLOATS(-2, 2, 0)}, .i = {1, 2}},
    {"stack",
     "large",
     run_stack,
     ref_stack,
     {FLOATS(-2, 2, 300, 300), FLOATS(-2, 2, 300, 300)},
     .i = {2, 2},
     .flags = SAMPLE_LARGE},
};
SAMPLE_FAMILY(views, views_rows)
