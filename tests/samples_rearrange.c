/* Samples of views.h: repeating, turning and cutting; of index.h: padding with what is there. */
#include <string.h>

#include "support/sample.h"

/* Element n of the result is element from(n) of the input; -1 is zero. */
typedef int64_t rearrange_from(const sample *row, tp_shape in, tp_shape out, const int64_t *index);

static void rearrange(const sample *row, const dense *in, dense *out, tp_shape shape, rearrange_from *from) {
    double *y = dense_new(out, shape);
    int64_t index[TP_MAX_DIMS] = {0};
    for (int64_t n = 0; n < out->numel; n++) {
        dense_index(shape, n, index);
        int64_t at = from(row, in->shape, shape, index);
        y[n] = at < 0 ? 0 : in->data[at];
    }
}

static int64_t offset_of(tp_shape shape, const int64_t *index) {
    int64_t strides[TP_MAX_DIMS] = {0}, at = 0;
    dense_strides(shape, strides);
    for (int d = 0; d < shape.ndim; d++) at += index[d] * strides[d];
    return at;
}

/* i: 1 for each dim that is flipped. */
static int64_t from_flip(const sample *row, tp_shape in, tp_shape out, const int64_t *index) {
    (void)out;
    int64_t at[TP_MAX_DIMS];
    for (int d = 0; d < in.ndim; d++) at[d] = row->i[d] ? in.dims[d] - 1 - index[d] : index[d];
    return offset_of(in, at);
}

/* i: the shift of each dim; p[0]: flattened, by i[0]. */
static int64_t from_roll(const sample *row, tp_shape in, tp_shape out, const int64_t *index) {
    (void)out;
    int64_t at[TP_MAX_DIMS], n = tp_shape_numel(in);
    if (row->p[0] != 0) return (((offset_of(in, index) - row->i[0]) % n) + n) % n;
    for (int d = 0; d < in.ndim; d++)
        at[d] = (((index[d] - row->i[d]) % in.dims[d]) + in.dims[d]) % in.dims[d];
    return offset_of(in, at);
}

static int64_t from_repeat(const sample *row, tp_shape in, tp_shape out, const int64_t *index) {
    (void)row;
    int64_t at[TP_MAX_DIMS];
    int more = out.ndim - in.ndim;
    for (int d = 0; d < in.ndim; d++) at[d] = index[d + more] % in.dims[d];
    return offset_of(in, at);
}

/* i: repeats, dim. */
static int64_t from_interleave(const sample *row, tp_shape in, tp_shape out, const int64_t *index) {
    (void)out;
    int64_t at[TP_MAX_DIMS];
    for (int d = 0; d < in.ndim; d++) at[d] = d == row->i[1] ? index[d] / row->i[0] : index[d];
    return offset_of(in, at);
}

/* i: diagonal, upper. */
static int64_t from_triangle(const sample *row, tp_shape in, tp_shape out, const int64_t *index) {
    (void)out;
    int64_t r = index[in.ndim - 2], c = index[in.ndim - 1];
    return (row->i[1] ? c - r >= row->i[0] : c - r <= row->i[0]) ? offset_of(in, index) : -1;
}

/* i: mode, then pads in pairs from the last dim. */
static int64_t from_pad(const sample *row, tp_shape in, tp_shape out, const int64_t *index) {
    (void)out;
    int64_t at[TP_MAX_DIMS];
    for (int d = 0; d < in.ndim; d++) {
        int pair = in.ndim - 1 - d;
        int64_t before = pair < 3 ? row->i[1 + 2 * pair] : 0, k = index[d] - before, n = in.dims[d];
        if (row->i[0] == TP_PAD_CONSTANT && (k < 0 || k >= n)) return -1;
        if (row->i[0] == TP_PAD_REFLECT) k = k < 0 ? -k : k >= n ? 2 * n - 2 - k : k;
        if (row->i[0] == TP_PAD_REPLICATE) k = k < 0 ? 0 : k >= n ? n - 1 : k;
        if (row->i[0] == TP_PAD_CIRCULAR) k = (k + n) % n;
        at[d] = k;
    }
    return offset_of(in, at);
}

static void ref_flip(const sample *row, const dense *in, dense *out) {
    rearrange(row, in, out, in->shape, from_flip);
}
static void ref_roll(const sample *row, const dense *in, dense *out) {
    rearrange(row, in, out, in->shape, from_roll);
}
static void ref_triangle(const sample *row, const dense *in, dense *out) {
    rearrange(row, in, out, in->shape, from_triangle);
}

/* arg: the repeats. */
static void ref_repeat(const sample *row, const dense *in, dense *out) {
    tp_shape shape = *(const tp_shape *)row->arg, own = in->shape;
    while (shape.ndim < own.ndim) { /* tile */
        memmove(shape.dims + 1, shape.dims, (size_t)shape.ndim * sizeof shape.dims[0]);
        shape.dims[0] = 1;
        shape.ndim++;
    }
    for (int d = 0; d < own.ndim; d++) shape.dims[d + shape.ndim - own.ndim] *= own.dims[d];
    rearrange(row, in, out, shape, from_repeat);
}

static void ref_interleave(const sample *row, const dense *in, dense *out) {
    tp_shape shape = in->shape;
    shape.dims[row->i[1]] *= row->i[0];
    rearrange(row, in, out, shape, from_interleave);
}

static void ref_interleave_each(const sample *row, const dense *in, dense *out) {
    int64_t total = 0, outer, size, inner;
    (void)row;
    for (int64_t k = 0; k < in[1].numel; k++) total += (int64_t)in[1].data[k];
    tp_shape shape = in[0].shape;
    shape.dims[row->i[0]] = total;
    double *y = dense_new(out, shape);
    dense_around(in[0].shape, (int)row->i[0], &outer, &size, &inner);
    for (int64_t o = 0; o < outer; o++) {
        int64_t to = 0;
        for (int64_t k = 0; k < size; k++)
            for (int64_t r = 0; r < (int64_t)in[1].data[k]; r++, to++)
                for (int64_t j = 0; j < inner; j++)
                    y[(o * total + to) * inner + j] = in[0].data[(o * size + k) * inner + j];
    }
}

static void ref_pad(const sample *row, const dense *in, dense *out) {
    tp_shape shape = in->shape;
    for (int k = 0; k < 3 && k < shape.ndim; k++)
        shape.dims[shape.ndim - 1 - k] += row->i[1 + 2 * k] + row->i[2 + 2 * k];
    rearrange(row, in, out, shape, from_pad);
}

/* i: the permutation. */
static void ref_permute(const sample *row, const dense *in, dense *out) {
    tp_shape shape = in->shape;
    for (int d = 0; d < shape.ndim; d++) shape.dims[d] = in->shape.dims[row->i[d]];
    double *y = dense_new(out, shape);
    int64_t index[TP_MAX_DIMS] = {0}, at[TP_MAX_DIMS] = {0};
    for (int64_t n = 0; n < out->numel; n++) {
        dense_index(shape, n, index);
        for (int d = 0; d < shape.ndim; d++) at[row->i[d]] = index[d];
        y[n] = in->data[offset_of(in->shape, at)];
    }
}

/* i[0]: dim; then the sizes of the pieces, 0 ends them. i[7]: the dim is dropped. */
static void ref_cut(const sample *row, const dense *in, dense *out) {
    int64_t outer, size, inner, at = 0;
    int d = (int)row->i[0];
    dense_around(in->shape, d, &outer, &size, &inner);
    for (int k = 0; k < 6 && row->i[1 + k] > 0; k++) {
        tp_shape shape = in->shape;
        shape.dims[d] = row->i[1 + k];
        if (row->i[7]) {
            memmove(shape.dims + d, shape.dims + d + 1, (size_t)(shape.ndim - d - 1) * sizeof shape.dims[0]);
            shape.ndim--;
        }
        double *y = dense_new(&out[k], shape);
        for (int64_t o = 0; o < outer; o++)
            memcpy(y + o * row->i[1 + k] * inner, in->data + (o * size + at) * inner,
                   (size_t)(row->i[1 + k] * inner) * sizeof *y);
        at += row->i[1 + k];
    }
}

static void ref_broadcast(const sample *row, const dense *in, dense *out) {
    (void)row;
    tp_shape shape = dense_broadcast_shape(in[0].shape, in[1].shape);
    for (int k = 0; k < 2; k++) {
        double *y = dense_new(&out[k], shape);
        for (int64_t n = 0; n < out[k].numel; n++) y[n] = in[k].data[dense_broadcast(in[k].shape, shape, n)];
    }
}

static void ref_meshgrid(const sample *row, const dense *in, dense *out) {
    int64_t a = in[0].numel, b = in[1].numel;
    tp_shape shape = row->i[0] ? TP_SHAPE(b, a) : TP_SHAPE(a, b);
    double *x = dense_new(&out[0], shape), *y = dense_new(&out[1], shape);
    for (int64_t i = 0; i < a; i++)
        for (int64_t j = 0; j < b; j++) {
            int64_t at = row->i[0] ? j * a + i : i * b + j;
            x[at] = in[0].data[i];
            y[at] = in[1].data[j];
        }
}

/* ---- calls ------------------------------------------------------------------------------------------------- */

static tp_dims flipped_dims(const sample *row) {
    tp_dims dims = {0, {0}};
    for (int d = 0; d < 3; d++)
        if (row->i[d]) dims.items[dims.count++] = d;
    return dims;
}

static int run_roll(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_shape shifts = {2, {row->i[0], row->i[1]}};
    if (row->p[0] != 0) shifts.ndim = 1;
    out[0] = tp_roll(in[0], shifts, row->p[0] != 0 ? TP_NO_DIMS : TP_DIMS(0, -2 + 1));
    return 1;
}

static int run_pad(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_shape pads = {in[0] ? 2 * tp_tensor_ndim(in[0]) : 2,
                     {row->i[1], row->i[2], row->i[3], row->i[4], row->i[5], row->i[6]}};
    out[0] = tp_pad_with(in[0], pads, (tp_pad_mode)row->i[0]);
    return 1;
}

static int run_split_sizes(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_shape sizes = {0, {0}};
    while (sizes.ndim < 6 && row->i[1 + sizes.ndim] > 0) {
        sizes.dims[sizes.ndim] = row->i[1 + sizes.ndim];
        sizes.ndim++;
    }
    tp_split_sizes(in[0], sizes, (int)row->i[0], out);
    return sizes.ndim;
}

static int run_chunk(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    int count = tp_chunk(in[0], (int64_t)row->p[0], (int)row->i[0], out);
    return count < 0 ? 1 : count;
}

static int run_unbind(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    int count = in[0] ? (int)tp_tensor_size(in[0], (int)row->i[0]) : 1;
    tp_unbind(in[0], (int)row->i[0], out, count);
    return count;
}

static int run_broadcast(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    (void)row;
    tp_broadcast_tensors((tp_tensors){2, (tp_tensor **)(uintptr_t)in}, out);
    return 2;
}

static int run_meshgrid(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_meshgrid((tp_tensors){2, (tp_tensor **)(uintptr_t)in}, row->i[0] != 0, out);
    return 2;
}

SAMPLE_RUN(run_flip, tp_flip(in[0], flipped_dims(row)))
SAMPLE_RUN(run_repeat, tp_repeat(in[0], *(const tp_shape *)row->arg))
SAMPLE_RUN(run_tile, tp_tile(in[0], *(const tp_shape *)row->arg))
SAMPLE_RUN(run_interleave, tp_repeat_interleave(in[0], row->i[0], (int)row->i[1]))
SAMPLE_RUN(run_interleave_each, tp_repeat_interleave_each(in[0], in[1], (int)row->i[0]))
SAMPLE_RUN(run_movedim, tp_movedim(in[0], TP_DIMS((int)row->p[0], (int)row->p[1]),
                                   TP_DIMS((int)row->p[2], (int)row->p[3])))
SAMPLE_RUN(run_tril, tp_tril(in[0], row->i[0]))
SAMPLE_RUN(run_triu, tp_triu(in[0], row->i[0]))

/* Tables, laid out by hand. */
/* clang-format off */
#define OF(...) FLOATS(-1.5, 1.5, __VA_ARGS__)
#define TIMES(...) .arg = &(const tp_shape){TP__COUNT(int64_t, __VA_ARGS__), {__VA_ARGS__}}
#define COUNTS {INT_IN(0, 4), SHAPE(3), .values = VALUES(2, 0, 3)}

static const sample rearrange_rows[] = {
    {"flip", "one", run_flip, ref_flip, {OF(4)}, .i = {1}},
    {"flip", "two of three", run_flip, ref_flip, {OF(2, 3, 4)}, .i = {1, 0, 1}},
    {"flip", "none", run_flip, ref_flip, {OF(2, 3)}},
    {"flip", "integers", run_flip, ref_flip, {INTS(-9, 9, 2, 3)}, .i = {0, 1}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
    {"flip", "no elements", run_flip, ref_flip, {OF(0, 3)}, .i = {1, 1}},
    {"flip", "large", run_flip, ref_flip, {OF(300, 400)}, .i = {1, 1}, .flags = SAMPLE_LARGE},
    {"roll", "both", run_roll, ref_roll, {OF(3, 4)}, .i = {1, -2}},
    {"roll", "far", run_roll, ref_roll, {OF(3, 4)}, .i = {-7, 9}},
    {"roll", "flattened", run_roll, ref_roll, {OF(3, 4)}, .i = {5}, .p = {1}},
    {"roll", "nowhere", run_roll, ref_roll, {OF(3, 4)}, .i = {3, 0}},
    {"roll", "bools", run_roll, ref_roll, {BOOLS(3, 4)}, .i = {1, 1}, .flags = SAMPLE_NO_GRAD, .dtype = "bool"},
    {"repeat", "same dims", run_repeat, ref_repeat, {OF(2, 3)}, TIMES(2, 3)},
    {"repeat", "more dims", run_repeat, ref_repeat, {OF(2)}, TIMES(2, 1, 3)},
    {"repeat", "once", run_repeat, ref_repeat, {OF(2, 3)}, TIMES(1, 1)},
    {"repeat", "0-d", run_repeat, ref_repeat, {{FLOAT_IN(-2, 2), SCALAR}}, TIMES(3)},
    {"repeat", "never", run_repeat, ref_repeat, {OF(2, 3)}, TIMES(2, 0)},
    {"tile", "fewer", run_tile, ref_repeat, {OF(2, 3)}, TIMES(2)},
    {"tile", "as many", run_tile, ref_repeat, {OF(2, 2)}, TIMES(3, 2)},
    {"tile", "more", run_tile, ref_repeat, {OF(2)}, TIMES(2, 2)},
    {"repeat_interleave", "last", run_interleave, ref_interleave, {OF(2, 3)}, .i = {2, 1}},
    {"repeat_interleave", "first", run_interleave, ref_interleave, {OF(2, 3)}, .i = {3, 0}},
    {"repeat_interleave", "never", run_interleave, ref_interleave, {OF(2, 3)}, .i = {0, 0}},
    {"repeat_interleave", "once", run_interleave, ref_interleave, {OF(2, 3)}, .i = {1, 0}},
    {"repeat_interleave_each", "first", run_interleave_each, ref_interleave_each, {OF(3, 2), COUNTS}, .flags = SAMPLE_NO_EXPAND},
    {"repeat_interleave_each", "last", run_interleave_each, ref_interleave_each, {OF(2, 3), COUNTS}, .i = {1}, .flags = SAMPLE_NO_EXPAND},
    {"movedim", "one there, one back", run_movedim, ref_permute, {OF(2, 3, 4)}, .p = {0, 2, 2, 0}, .i = {2, 1, 0}},
    {"movedim", "negative", run_movedim, ref_permute, {OF(2, 3, 4)}, .p = {-1, 0, 0, 1}, .i = {2, 0, 1}},
    {"tril", "square", run_tril, ref_triangle, {OF(4, 4)}, .i = {0, 0}},
    {"tril", "above", run_tril, ref_triangle, {OF(2, 3, 4)}, .i = {1, 0}},
    {"tril", "integers", run_tril, ref_triangle, {INTS(-9, 9, 3, 3)}, .i = {-1, 0}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
    {"tril", "NaN outside", run_tril, ref_triangle, {{FLOAT_IN(-1, 1), SHAPE(2, 2), .values = VALUES(1, NAN, 2, 3)}}, .flags = SAMPLE_NAN},
    {"triu", "square", run_triu, ref_triangle, {OF(4, 4)}, .i = {0, 1}},
    {"triu", "below", run_triu, ref_triangle, {OF(4, 3)}, .i = {-2, 1}},
    {"triu", "no elements", run_triu, ref_triangle, {OF(0, 3)}, .i = {0, 1}},
    {"split_sizes", "three", run_split_sizes, ref_cut, {OF(2, 6)}, .i = {1, 2, 1, 3}},
    {"split_sizes", "one", run_split_sizes, ref_cut, {OF(3, 2)}, .i = {0, 3}},
    {"chunk", "even", run_chunk, ref_cut, {OF(2, 6)}, .i = {1, 2, 2, 2}, .p = {3}},
    {"chunk", "fewer than asked for", run_chunk, ref_cut, {OF(2, 5)}, .i = {1, 2, 2, 1}, .p = {4}},
    {"unbind", "first", run_unbind, ref_cut, {OF(3, 2)}, .i = {0, 1, 1, 1, 0, 0, 0, 1}},
    {"unbind", "last", run_unbind, ref_cut, {OF(2, 2, 2)}, .i = {2, 1, 1, 0, 0, 0, 0, 1}},
    {"broadcast_tensors", "two", run_broadcast, ref_broadcast, {OF(2, 1, 3), OF(4, 1)}},
    {"broadcast_tensors", "0-d", run_broadcast, ref_broadcast, {OF(3), {FLOAT_IN(-2, 2), SCALAR}}},
    {"meshgrid", "ij", run_meshgrid, ref_meshgrid, {OF(3), OF(2)}},
    {"meshgrid", "xy", run_meshgrid, ref_meshgrid, {OF(3), OF(2)}, .i = {1}},
    {"pad_with", "reflect", run_pad, ref_pad, {OF(2, 5)}, .i = {TP_PAD_REFLECT, 3, 4, 1, 0}},
    {"pad_with", "reflect, cropped", run_pad, ref_pad, {OF(6)}, .i = {TP_PAD_REFLECT, -2, 3}},
    {"pad_with", "replicate", run_pad, ref_pad, {OF(2, 3)}, .i = {TP_PAD_REPLICATE, 4, 2, 1, 3}},
    {"pad_with", "circular", run_pad, ref_pad, {OF(2, 3)}, .i = {TP_PAD_CIRCULAR, 3, 2, 1, 2}},
    {"pad_with", "three dims", run_pad, ref_pad, {OF(2, 3, 2)}, .i = {TP_PAD_REPLICATE, 1, 0, 0, 2, 1, 1}},
    {"pad_with", "constant", run_pad, ref_pad, {OF(2, 3)}, .i = {TP_PAD_CONSTANT, 1, 2, 0, 1}},
    {"pad_with", "nothing", run_pad, ref_pad, {OF(2, 3)}, .i = {TP_PAD_REFLECT}},
    {"pad_with", "integers", run_pad, ref_pad, {INTS(-9, 9, 4)}, .i = {TP_PAD_CIRCULAR, 2, 1}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
};
/* clang-format on */

SAMPLE_FAMILY(rearrange, rearrange_rows)
