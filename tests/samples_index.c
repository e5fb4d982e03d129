/* Sample rows of index.h. */
#include "support/sample.h"

static int wrapped_dim(const sample *row, const dense *x) {
    return (int)(row->i[0] < 0 ? row->i[0] + x->shape.ndim : row->i[0]);
}

/* ---- gather, scatter_add: i[0] is the dim ------------------------------------------------------------ */

SAMPLE_RUN(run_gather, tp_gather(in[0], (int)row->i[0], in[1]))
SAMPLE_RUN(run_scatter_add, tp_scatter_add(in[0], (int)row->i[0], in[1], in[2]))
SAMPLE_RUN(run_index_select, tp_index_select(in[0], (int)row->i[0], in[1]))
SAMPLE_RUN(run_index_add, tp_index_add(in[0], (int)row->i[0], in[1], in[2]))

/* Where in `x` the n-th entry of `index` points to. */
static int64_t pointed_at(const sample *row, const dense *x, const dense *index, int64_t n) {
    int64_t strides[TP_MAX_DIMS], at[TP_MAX_DIMS], where = 0;
    dense_strides(x->shape, strides);
    dense_index(index->shape, n, at);
    for (int d = 0; d < x->shape.ndim; d++)
        where += strides[d] * (d == wrapped_dim(row, x) ? (int64_t)index->data[n] : at[d]);
    return where;
}

static void ref_gather(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, in[1].shape);
    for (int64_t n = 0; n < in[1].numel; n++) y[n] = in[0].data[pointed_at(row, &in[0], &in[1], n)];
}

/* The position in an array of shape `larger` of the index that position n has in one of shape `shape`. */
static int64_t same_index(tp_shape shape, tp_shape larger, int64_t n) {
    int64_t strides[TP_MAX_DIMS], at[TP_MAX_DIMS], where = 0;
    dense_strides(larger, strides);
    dense_index(shape, n, at);
    for (int d = 0; d < shape.ndim; d++) where += strides[d] * at[d];
    return where;
}

static void ref_scatter_add(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, in[0].shape);
    for (int64_t n = 0; n < in[0].numel; n++) y[n] = in[0].data[n];
    for (int64_t n = 0; n < in[1].numel; n++)
        y[pointed_at(row, &in[0], &in[1], n)] += in[2].data[same_index(in[1].shape, in[2].shape, n)];
}

static void ref_index_select(const sample *row, const dense *in, dense *out) {
    int64_t outer, size, inner, count = in[1].numel;
    dense_around(in[0].shape, (int)row->i[0], &outer, &size, &inner);
    tp_shape shape = in[0].shape;
    if (shape.ndim > 0) shape.dims[wrapped_dim(row, &in[0])] = count;
    double *y = dense_new(out, shape);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < count; k++)
            for (int64_t j = 0; j < inner; j++)
                *y++ = in[0].data[(o * size + (int64_t)in[1].data[k]) * inner + j];
}

static void ref_index_add(const sample *row, const dense *in, dense *out) {
    int64_t outer, size, inner, count = in[1].numel;
    dense_around(in[0].shape, (int)row->i[0], &outer, &size, &inner);
    double *y = dense_new(out, in[0].shape);
    for (int64_t n = 0; n < in[0].numel; n++) y[n] = in[0].data[n];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < count; k++)
            for (int64_t j = 0; j < inner; j++)
                y[(o * size + (int64_t)in[1].data[k]) * inner + j] += in[2].data[(o * count + k) * inner + j];
}

/* ---- pad: arg is the list of pads, p[0] the value ---------------------------------------------------- */

#define PADS(...)                                                                                            \
    .arg = &(const tp_shape) {                                                                               \
        TP__COUNT(int64_t, __VA_ARGS__), { __VA_ARGS__ }                                                     \
    }
#define ROW_PADS (*(const tp_shape *)row->arg)

SAMPLE_RUN(run_pad, tp_pad(in[0], ROW_PADS, row->p[0]))

static void ref_pad(const sample *row, const dense *in, dense *out) {
    tp_shape pads = ROW_PADS, shape = in[0].shape;
    int64_t before[TP_MAX_DIMS] = {0}, strides[TP_MAX_DIMS];
    for (int k = 0; k < pads.ndim / 2; k++) {
        int d = shape.ndim - 1 - k;
        before[d] = pads.dims[2 * k];
        shape.dims[d] += pads.dims[2 * k] + pads.dims[2 * k + 1];
    }
    dense_strides(in[0].shape, strides);
    double *y = dense_new(out, shape);
    for (int64_t n = 0; n < out->numel; n++) {
        int64_t at[TP_MAX_DIMS], where = 0;
        bool inside = true;
        dense_index(shape, n, at);
        for (int d = 0; d < shape.ndim; d++) {
            int64_t k = at[d] - before[d];
            inside = inside && k >= 0 && k < in[0].shape.dims[d];
            where += k * strides[d];
        }
        y[n] = inside ? in[0].data[where] : row->p[0];
    }
}

/* ---- embedding: in are index and weight; i[0] says whether i[1] is the padding ----------------------- */

SAMPLE_RUN(run_embedding, tp_embedding(in[0], in[1],
                                       (tp_embedding_options){.has_padding_idx = row->i[0] != 0,
                                                              .padding_idx = row->i[1],
                                                              .sparse = row->i[2] != 0}))

static void ref_embedding(const sample *row, const dense *in, dense *out) {
    (void)row;
    tp_shape shape = in[0].shape;
    const int64_t size = in[1].shape.dims[1];
    shape.dims[shape.ndim++] = size;
    double *y = dense_new(out, shape);
    for (int64_t n = 0; n < out->numel; n++)
        y[n] = in[1].data[(int64_t)in[0].data[n / size] * size + n % size];
}

/* ---- embedding_bag: in are index, weight, offsets or none, factors or none; arg the other options ----- */

static tp_tensor *bag_call(const sample *row, tp_tensor *const *in) {
    tp_embedding_bag_options options = *(const tp_embedding_bag_options *)row->arg;
    options.offsets = in[2];
    options.per_sample_weights = in[3];
    return tp_embedding_bag(in[0], in[1], options);
}
SAMPLE_RUN(run_embedding_bag, bag_call(row, in))

static void ref_embedding_bag(const sample *row, const dense *in, dense *out) {
    const tp_embedding_bag_options *o = row->arg;
    const int64_t n = in[0].numel, size = in[1].shape.dims[1];
    const int64_t bags = in[2].data ? in[2].numel - o->include_last_offset : in[0].shape.dims[0];
    double *y = dense_new(out, TP_SHAPE(bags, size));
    for (int64_t b = 0; b < bags; b++) {
        int64_t start = in[2].data ? (int64_t)in[2].data[b] : b * in[0].shape.dims[1], count = 0;
        int64_t end = !in[2].data           ? start + in[0].shape.dims[1]
                      : b + 1 < in[2].numel ? (int64_t)in[2].data[b + 1]
                                            : n;
        for (int64_t i = start; i < end; i++) {
            int64_t r = (int64_t)in[0].data[i];
            if (o->has_padding_idx && r == o->padding_idx) continue;
            for (int64_t k = 0; k < size; k++) {
                double v = in[1].data[r * size + k] * (in[3].data ? in[3].data[i] : 1),
                       *at = &y[b * size + k];
                if (o->mode != TP_BAG_MAX) *at += v;
                else if (count == 0 || v > *at) *at = v;
            }
            count++;
        }
        for (int64_t k = 0; k < size && o->mode == TP_BAG_MEAN && count > 0; k++)
            y[b * size + k] /= (double)count;
    }
}

/* ---- one_hot: i[0] is num_classes, i[1] what that comes to ------------------------------------------- */

SAMPLE_RUN(run_one_hot, tp_one_hot(in[0], row->i[0]))

static void ref_one_hot(const sample *row, const dense *in, dense *out) {
    tp_shape shape = in[0].shape;
    shape.dims[shape.ndim++] = row->i[1];
    double *y = dense_new(out, shape);
    for (int64_t n = 0; n < in[0].numel; n++) y[n * row->i[1] + (int64_t)in[0].data[n]] = 1;
}

/* ---- rows -------------------------------------------------------------------------------------------- */

#define I32S(low, high, ...)                                                                                 \
    { .kind = SAMPLE_I32, .lo = (low), .hi = (high), SHAPE(__VA_ARGS__) }
#define BYTES(...)                                                                                           \
    { .kind = SAMPLE_U8, .lo = 0, .hi = 200, SHAPE(__VA_ARGS__) }

static const sample index_rows[] = {
    {"gather", "first dim", run_gather, ref_gather, {FLOATS(-2, 2, 4, 3), INTS(0, 4, 5, 3)}, .i = {0}},
    {"gather", "last dim", run_gather, ref_gather, {FLOATS(-2, 2, 4, 3), INTS(0, 3, 4, 5)}, .i = {-1}},
    {"gather", "one of each row", run_gather, ref_gather, {FLOATS(-2, 2, 5, 4), INTS(0, 4, 5, 1)}, .i = {1}},
    {"gather",
     "middle dim, smaller index",
     run_gather,
     ref_gather,
     {FLOATS(-2, 2, 3, 4, 3), INTS(0, 4, 2, 3, 2)},
     .i = {1}},
    {"gather", "I32 index", run_gather, ref_gather, {FLOATS(-2, 2, 4, 3), I32S(0, 4, 2, 3)}, .i = {0}},
    {"gather", "0-d", run_gather, ref_gather, {{FLOAT_IN(-2, 2), SCALAR}, INTS(0, 1, 3)}, .i = {0}},
    {"gather", "0-d index", run_gather, ref_gather, {FLOATS(-2, 2, 4), {INT_IN(0, 4), SCALAR}}, .i = {0}},
    {"gather", "no elements", run_gather, ref_gather, {FLOATS(-2, 2, 4, 3), INTS(0, 4, 0, 3)}, .i = {0}},
    {"gather",
     "bytes",
     run_gather,
     ref_gather,
     {BYTES(4, 3), INTS(0, 3, 4, 2)},
     .i = {1},
     .flags = SAMPLE_NO_GRAD},
    {"gather",
     "large",
     run_gather,
     ref_gather,
     {FLOATS(-2, 2, 300, 200), INTS(0, 300, 400, 200)},
     .i = {0},
     .flags = SAMPLE_LARGE},
    {"gather",
     "large, last dim",
     run_gather,
     ref_gather,
     {FLOATS(-2, 2, 300, 200), INTS(0, 200, 300, 400)},
     .i = {1},
     .flags = SAMPLE_LARGE},
    {"scatter_add",
     "first dim",
     run_scatter_add,
     ref_scatter_add,
     {FLOATS(-2, 2, 3, 4), INTS(0, 3, 5, 4), FLOATS(-2, 2, 5, 4)},
     .i = {0}},
    {"scatter_add",
     "last dim",
     run_scatter_add,
     ref_scatter_add,
     {FLOATS(-2, 2, 3, 4), INTS(0, 4, 3, 6), FLOATS(-2, 2, 3, 6)},
     .i = {-1}},
    {"scatter_add",
     "smaller index",
     run_scatter_add,
     ref_scatter_add,
     {FLOATS(-2, 2, 3, 4), INTS(0, 3, 2, 3), FLOATS(-2, 2, 3, 4)},
     .i = {0}},
    {"scatter_add",
     "I32 index, vector",
     run_scatter_add,
     ref_scatter_add,
     {FLOATS(-2, 2, 3), I32S(0, 3, 7), FLOATS(-2, 2, 7)},
     .i = {0}},
    {"scatter_add",
     "0-d",
     run_scatter_add,
     ref_scatter_add,
     {{FLOAT_IN(-2, 2), SCALAR}, INTS(0, 1, 3), FLOATS(-2, 2, 3)},
     .i = {0}},
    {"scatter_add",
     "nothing added",
     run_scatter_add,
     ref_scatter_add,
     {FLOATS(-2, 2, 3, 2), INTS(0, 3, 0, 2), {FLOAT_IN(-2, 2), SHAPE(1, 2), .fixed = true}},
     .i = {0}},
    {"scatter_add",
     "integers",
     run_scatter_add,
     ref_scatter_add,
     {INTS(-9, 9, 4), INTS(0, 4, 9), INTS(-9, 9, 9)},
     .i = {0},
     .flags = SAMPLE_NO_GRAD},
    {"scatter_add",
     "large",
     run_scatter_add,
     ref_scatter_add,
     {FLOATS(-2, 2, 50, 400), INTS(0, 50, 300, 400), FLOATS(-2, 2, 300, 400)},
     .i = {0},
     .flags = SAMPLE_LARGE},
    {"scatter_add",
     "large, last dim",
     run_scatter_add,
     ref_scatter_add,
     {FLOATS(-2, 2, 300, 50), INTS(0, 50, 300, 400), FLOATS(-2, 2, 300, 400)},
     .i = {1},
     .flags = SAMPLE_LARGE},

    {"index_select",
     "first dim",
     run_index_select,
     ref_index_select,
     {FLOATS(-2, 2, 4, 3), INTS(0, 4, 6)},
     .i = {0}},
    {"index_select",
     "last dim",
     run_index_select,
     ref_index_select,
     {FLOATS(-2, 2, 3, 4), INTS(0, 4, 3)},
     .i = {-1}},
    {"index_select",
     "middle dim",
     run_index_select,
     ref_index_select,
     {FLOATS(-2, 2, 2, 4, 3), INTS(0, 4, 2)},
     .i = {1}},
    {"index_select",
     "I32 index",
     run_index_select,
     ref_index_select,
     {FLOATS(-2, 2, 4, 3), I32S(0, 4, 3)},
     .i = {0}},
    {"index_select",
     "0-d index",
     run_index_select,
     ref_index_select,
     {FLOATS(-2, 2, 4, 3), {INT_IN(0, 4), SCALAR}},
     .i = {0}},
    {"index_select",
     "0-d",
     run_index_select,
     ref_index_select,
     {{FLOAT_IN(-2, 2), SCALAR}, INTS(0, 1, 1)},
     .i = {0}},
    {"index_select",
     "no elements",
     run_index_select,
     ref_index_select,
     {FLOATS(-2, 2, 4, 3), INTS(0, 4, 0)},
     .i = {0}},
    {"index_select",
     "bool",
     run_index_select,
     ref_index_select,
     {BOOLS(4, 3), INTS(0, 3, 5)},
     .i = {1},
     .flags = SAMPLE_NO_GRAD},
    {"index_select",
     "large",
     run_index_select,
     ref_index_select,
     {FLOATS(-2, 2, 500, 64), INTS(0, 500, 2000)},
     .i = {0},
     .flags = SAMPLE_LARGE},
    {"index_add",
     "first dim",
     run_index_add,
     ref_index_add,
     {FLOATS(-2, 2, 3, 4), INTS(0, 3, 5), FLOATS(-2, 2, 5, 4)},
     .i = {0}},
    {"index_add",
     "last dim",
     run_index_add,
     ref_index_add,
     {FLOATS(-2, 2, 3, 4), INTS(0, 4, 2), FLOATS(-2, 2, 3, 2)},
     .i = {-1}},
    {"index_add",
     "middle dim, I32 index",
     run_index_add,
     ref_index_add,
     {FLOATS(-2, 2, 2, 3, 2), I32S(0, 3, 4), FLOATS(-2, 2, 2, 4, 2)},
     .i = {1}},
    {"index_add",
     "0-d index",
     run_index_add,
     ref_index_add,
     {FLOATS(-2, 2, 3, 2), {INT_IN(0, 3), SCALAR}, FLOATS(-2, 2, 1, 2)},
     .i = {0}},
    {"index_add",
     "0-d",
     run_index_add,
     ref_index_add,
     {{FLOAT_IN(-2, 2), SCALAR}, INTS(0, 1, 1), {FLOAT_IN(-2, 2), SCALAR}},
     .i = {0}},
    {"index_add",
     "nothing added",
     run_index_add,
     ref_index_add,
     {FLOATS(-2, 2, 3, 2), INTS(0, 3, 0), {FLOAT_IN(-2, 2), SHAPE(0, 2), .fixed = true}},
     .i = {0}},
    {"index_add",
     "large",
     run_index_add,
     ref_index_add,
     {FLOATS(-2, 2, 100, 64), INTS(0, 100, 2000), FLOATS(-2, 2, 2000, 64)},
     .i = {0},
     .flags = SAMPLE_LARGE},

    {"pad", "last dim", run_pad, ref_pad, {FLOATS(-2, 2, 2, 3)}, PADS(1, 2), .p = {0.5}},
    {"pad", "two dims", run_pad, ref_pad, {FLOATS(-2, 2, 2, 2, 3)}, PADS(1, 1, 2, 0)},
    {"pad", "crop", run_pad, ref_pad, {FLOATS(-2, 2, 4, 5)}, PADS(-1, -2, -1, 0)},
    {"pad", "crop and pad", run_pad, ref_pad, {FLOATS(-2, 2, 4, 5)}, PADS(-1, 2, 3, -2), .p = {-1}},
    {"pad", "nothing", run_pad, ref_pad, {FLOATS(-2, 2, 2, 3)}, PADS(0, 0)},
    {"pad", "no dims", run_pad, ref_pad, {FLOATS(-2, 2, 2, 3)}, .arg = &(const tp_shape){0, {0}}},
    {"pad",
     "no elements",
     run_pad,
     ref_pad,
     {FLOATS(-2, 2, 2, 0)},
     PADS(1, 1),
     .p = {3},
     .flags = SAMPLE_ZERO_GRAD},
    {"pad",
     "integers",
     run_pad,
     ref_pad,
     {INTS(-9, 9, 2, 3)},
     PADS(1, 1, 1, 1),
     .p = {7},
     .flags = SAMPLE_NO_GRAD},
    {"pad", "bytes", run_pad, ref_pad, {BYTES(2, 3)}, PADS(1, 0), .p = {200}, .flags = SAMPLE_NO_GRAD},
    {"pad", "large", run_pad, ref_pad, {FLOATS(-2, 2, 20, 60, 70)}, PADS(2, 2, 2, 2), .flags = SAMPLE_LARGE},

    {"one_hot", "vector", run_one_hot, ref_one_hot, {INTS(0, 5, 6)}, .i = {5, 5}, .flags = SAMPLE_NO_GRAD},
    {"one_hot",
     "matrix, I32",
     run_one_hot,
     ref_one_hot,
     {I32S(0, 3, 2, 4)},
     .i = {4, 4},
     .flags = SAMPLE_NO_GRAD},
    {"one_hot",
     "0-d",
     run_one_hot,
     ref_one_hot,
     {{INT_IN(0, 3), SCALAR}},
     .i = {3, 3},
     .flags = SAMPLE_NO_GRAD},
    {"one_hot",
     "from the largest",
     run_one_hot,
     ref_one_hot,
     {{INT_IN(0, 9), SHAPE(3), .values = VALUES(2, 6, 0)}},
     .i = {-1, 7},
     .flags = SAMPLE_NO_GRAD | SAMPLE_NO_EXPAND},
    {"one_hot",
     "no elements",
     run_one_hot,
     ref_one_hot,
     {INTS(0, 3, 0)},
     .i = {3, 3},
     .flags = SAMPLE_NO_GRAD},
    {"embedding", "vector", run_embedding, ref_embedding, {INTS(0, 5, 6), FLOATS(-2, 2, 5, 3)}},
    {"embedding", "matrix", run_embedding, ref_embedding, {INTS(0, 4, 2, 3), FLOATS(-2, 2, 4, 2)}},
    {"embedding", "0-d", run_embedding, ref_embedding, {{INT_IN(2, 3), SCALAR}, FLOATS(-2, 2, 4, 3)}},
    {"embedding", "no index", run_embedding, ref_embedding, {INTS(0, 4, 0, 2), FLOATS(-2, 2, 4, 3)}},
    {"embedding", "no dims", run_embedding, ref_embedding, {INTS(0, 4, 2), FLOATS(-2, 2, 4, 0)}},
    {"embedding",
     "padding elsewhere",
     run_embedding,
     ref_embedding,
     {INTS(0, 4, 5), FLOATS(-2, 2, 5, 3)},
     .i = {1, -1}},
    {"embedding",
     "padding alone",
     run_embedding,
     ref_embedding,
     {INTS(1, 2, 3), {FLOAT_IN(-2, 2), SHAPE(3, 2), .fixed = true}},
     .i = {1, 1},
     .flags = SAMPLE_NO_GRAD},
    {"embedding",
     "large",
     run_embedding,
     ref_embedding,
     {INTS(0, 900, 70, 40), FLOATS(-2, 2, 900, 30)},
     .flags = SAMPLE_LARGE},
    {"embedding",
     "gradient in rows",
     run_embedding,
     ref_embedding,
     {INTS(0, 5, 2, 6), FLOATS(-2, 2, 5, 3)},
     .i = {0, 0, 1},
     .no_second = "in rows"},
    {"embedding",
     "gradient in rows, padding elsewhere",
     run_embedding,
     ref_embedding,
     {INTS(0, 4, 5), FLOATS(-2, 2, 5, 3)},
     .i = {1, 4, 1},
     .no_second = "in rows"},
#define BAG(what, index, weight, offsets, factors, ...)                                                      \
    {                                                                                                        \
        "embedding_bag", what, run_embedding_bag, ref_embedding_bag, {index, weight, offsets, factors},      \
            .arg = &(const tp_embedding_bag_options) {                                                       \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define OFFSETS(...)                                                                                         \
    {                                                                                                        \
        .kind = SAMPLE_I64, .lo = 0, .hi = 6, SHAPE(TP__COUNT(double, __VA_ARGS__)),                         \
        .values = VALUES(__VA_ARGS__)                                                                        \
    }
#define FACTORS(...)                                                                                         \
    { FLOAT_IN(-1, 1), SHAPE(__VA_ARGS__), .optional = true }
#define FIXED_TABLE                                                                                          \
    { FLOAT_IN(-2, 2), SHAPE(5, 3), .fixed = true }
#define TABLE                                                                                                \
    { FLOAT_IN(-2, 2), SHAPE(5, 3), .apart = 0.05 }
    BAG("mean", INTS(0, 5, 3, 4), TABLE, ABSENT, ABSENT, .mode = TP_BAG_MEAN),
    BAG("sum", INTS(0, 5, 3, 4), TABLE, ABSENT, ABSENT, .mode = TP_BAG_SUM),
    BAG("max", INTS(0, 5, 3, 4), TABLE, ABSENT, ABSENT, .mode = TP_BAG_MAX),
    BAG("mean, ragged", INTS(0, 5, 6), TABLE, OFFSETS(0, 1, 1, 4), ABSENT, .mode = TP_BAG_MEAN),
    BAG("max, ragged", INTS(0, 5, 6), TABLE, OFFSETS(0, 1, 1, 4), ABSENT, .mode = TP_BAG_MAX),
    BAG("sum, with the last offset", INTS(0, 5, 6), TABLE, OFFSETS(0, 2, 5), ABSENT, .mode = TP_BAG_SUM,
        .include_last_offset = true),
    BAG("sum, weighed", INTS(0, 5, 3, 4), TABLE, ABSENT, FACTORS(3, 4), .mode = TP_BAG_SUM),
    BAG("sum, weighed, ragged, padding", INTS(0, 5, 6), TABLE, OFFSETS(0, 3, 4), FACTORS(6),
        .mode = TP_BAG_SUM, .has_padding_idx = true, .padding_idx = 1),
    BAG("mean, padding", INTS(0, 3, 3, 4), TABLE, ABSENT, ABSENT, .has_padding_idx = true, .padding_idx = 2),
    BAG("max, padding", INTS(0, 3, 3, 4), TABLE, ABSENT, ABSENT, .mode = TP_BAG_MAX, .has_padding_idx = true,
        .padding_idx = 0),
    BAG("no bags", INTS(0, 5, 0, 4), TABLE, ABSENT, ABSENT, .mode = TP_BAG_MEAN),
    {"embedding_bag",
     "empty bags",
     run_embedding_bag,
     ref_embedding_bag,
     {INTS(0, 5, 3, 0), FIXED_TABLE, ABSENT, ABSENT},
     .arg = &(const tp_embedding_bag_options){.mode = TP_BAG_MAX},
     .flags = SAMPLE_NO_GRAD},
    {"embedding_bag",
     "large",
     run_embedding_bag,
     ref_embedding_bag,
     {INTS(0, 900, 60, 40), FLOATS(-2, 2, 900, 30), ABSENT, ABSENT},
     .arg = &(const tp_embedding_bag_options){0},
     .flags = SAMPLE_LARGE},
};
SAMPLE_FAMILY(index, index_rows)
