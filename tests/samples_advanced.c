/* Samples of index.h: writing by index, several index tensors at once, masks. */
#include <string.h>

#include "support/sample.h"

/* ---- scatter ------------------------------------------------------------------------------------------------ */

/* Where element n of the index goes in x, and where its value stands in the source. i[0]: dim. */
static int64_t target_of(const sample *row, const dense *in, int64_t n, int64_t *origin) {
    int64_t index[TP_MAX_DIMS] = {0}, to[TP_MAX_DIMS] = {0}, from[TP_MAX_DIMS] = {0}, at = 0;
    dense_index(in[1].shape, n, index);
    dense_strides(in[0].shape, to);
    if (in[2].data) dense_strides(in[2].shape, from);
    *origin = 0;
    for (int d = 0; d < in[0].shape.ndim; d++) {
        at += (d == row->i[0] ? (int64_t)in[1].data[n] : index[d]) * to[d];
        *origin += index[d] * from[d];
    }
    return at;
}

/* p[0]: the number, where there is no source. */
static void ref_scatter(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, in[0].shape);
    memcpy(y, in[0].data, (size_t)in[0].numel * sizeof *y);
    for (int64_t n = 0; n < in[1].numel; n++) {
        int64_t origin, at = target_of(row, in, n, &origin);
        y[at] = in[2].data ? in[2].data[origin] : row->p[0];
    }
}

/* i[1]: reduction, i[2]: without x itself. */
static void ref_scatter_reduce(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, in[0].shape), count[64];
    tp_scatter_reduction r = (tp_scatter_reduction)row->i[1];
    for (int64_t n = 0; n < in[0].numel; n++) {
        y[n] = in[0].data[n];
        count[n] = 1;
    }
    for (int64_t n = 0; row->i[2] && n < in[1].numel; n++) {
        int64_t origin, at = target_of(row, in, n, &origin);
        y[at] = r == TP_SCATTER_PROD   ? 1
                : r == TP_SCATTER_AMAX ? -INFINITY
                : r == TP_SCATTER_AMIN ? INFINITY
                                       : 0;
        count[at] = 0;
    }
    for (int64_t n = 0; n < in[1].numel; n++) {
        int64_t origin, at = target_of(row, in, n, &origin);
        double v = in[2].data[origin];
        count[at]++;
        if (r == TP_SCATTER_PROD) y[at] *= v;
        else if (r == TP_SCATTER_AMAX) y[at] = fmax(y[at], v);
        else if (r == TP_SCATTER_AMIN) y[at] = fmin(y[at], v);
        else y[at] += v;
    }
    for (int64_t n = 0; r == TP_SCATTER_MEAN && n < in[0].numel; n++) {
        y[n] /= count[n] > 0 ? count[n] : 1;
        if (row->in[0].kind == SAMPLE_I64) y[n] = floor(y[n]);
    }
}

/* ---- slices of one dim ---------------------------------------------------------------------------------------- */

static void ref_index_copy(const sample *row, const dense *in, dense *out) {
    int64_t outer, size, inner, count = in[1].numel;
    double *y = dense_new(out, in[0].shape);
    memcpy(y, in[0].data, (size_t)in[0].numel * sizeof *y);
    dense_around(in[0].shape, (int)row->i[0], &outer, &size, &inner);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < count; k++)
            for (int64_t j = 0; j < inner; j++)
                y[(o * size + (int64_t)in[1].data[k]) * inner + j] =
                    in[2].data ? in[2].data[(o * count + k) * inner + j] : row->p[0];
}

static void ref_take_along(const sample *row, const dense *in, dense *out) {
    tp_shape a = in[0].shape, b = in[1].shape, shape;
    int64_t size = a.dims[row->i[0]], own = b.dims[row->i[0]], index[TP_MAX_DIMS] = {0},
            strides[TP_MAX_DIMS] = {0};
    a.dims[row->i[0]] = b.dims[row->i[0]] = 1;
    shape = dense_broadcast_shape(a, b);
    shape.dims[row->i[0]] = own;
    double *y = dense_new(out, shape);
    (void)size;
    dense_strides(in[0].shape, strides);
    for (int64_t n = 0; n < out->numel; n++) {
        int64_t at = 0;
        dense_index(shape, n, index);
        for (int d = 0; d < shape.ndim; d++) {
            int64_t k =
                d == row->i[0] ? (int64_t)in[1].data[dense_broadcast(in[1].shape, shape, n)] : index[d];
            if (d != row->i[0] && in[0].shape.dims[d] == 1) k = 0;
            at += k * strides[d];
        }
        y[n] = in[0].data[at];
    }
}

/* ---- several indices --------------------------------------------------------------------------------------------- */

/* Of x (2, 3, 4). i[0]: which of the forms below; the indices are inputs 1 and 2. Calls each with the place in the result. */
typedef void place_fn(void *context, int64_t at_result, int64_t at_x);

static int64_t wrapped(double v, int64_t size) { return (int64_t)v < 0 ? (int64_t)v + size : (int64_t)v; }

enum { FIRST, MIDDLE, BOTH_ENDS, FIRST_TWO, MASK, MASK_BEHIND };

/* The result's shape; fn may be NULL. */
static tp_shape indexed(const sample *row, const dense *in, place_fn *fn, void *context) {
    const dense *a = &in[1], *b = &in[2];
    int64_t n = 0;
    tp_shape shape = {0, {0}};
    switch (row->i[0]) {
    case FIRST: /* x[a]: a (2, 2) */
        shape = TP_SHAPE(2, 2, 3, 4);
        for (int64_t i = 0; i < 4; i++)
            for (int64_t j = 0; j < 12; j++, n++)
                if (fn) fn(context, n, wrapped(a->data[i], 2) * 12 + j);
        break;
    case MIDDLE: /* x[:, a]: a (2) */
        shape = TP_SHAPE(2, 2, 4);
        for (int64_t o = 0; o < 2; o++)
            for (int64_t i = 0; i < 2; i++)
                for (int64_t j = 0; j < 4; j++, n++)
                    if (fn) fn(context, n, o * 12 + wrapped(a->data[i], 3) * 4 + j);
        break;
    case BOTH_ENDS: /* x[a, :, b]: (3), in front */
        shape = TP_SHAPE(3, 3);
        for (int64_t i = 0; i < 3; i++)
            for (int64_t j = 0; j < 3; j++, n++)
                if (fn) fn(context, n, wrapped(a->data[i], 2) * 12 + j * 4 + wrapped(b->data[i], 4));
        break;
    case FIRST_TWO: /* x[a, b]: (2, 1) and (3) */
        shape = TP_SHAPE(2, 3, 4);
        for (int64_t i = 0; i < 2; i++)
            for (int64_t k = 0; k < 3; k++)
                for (int64_t j = 0; j < 4; j++, n++)
                    if (fn) fn(context, n, wrapped(a->data[i], 2) * 12 + wrapped(b->data[k], 3) * 4 + j);
        break;
    default: { /* x[mask] (2, 3), x[:, mask] (3, 4) */
        bool behind = row->i[0] == MASK_BEHIND;
        int64_t count = 0, c = 0;
        for (int64_t k = 0; k < a->numel; k++) count += a->data[k] != 0;
        shape = behind ? TP_SHAPE(2, count) : TP_SHAPE(count, 4);
        for (int64_t k = 0; k < a->numel; k++) {
            if (a->data[k] == 0) continue;
            for (int64_t j = 0; fn && j < (behind ? 2 : 4); j++)
                fn(context, behind ? j * count + c : c * 4 + j, behind ? j * 12 + k : k * 4 + j);
            c++;
        }
    }
    }
    return shape;
}

typedef struct moved {
    const double *x, *values;
    double *y;
    tp_shape shape, values_shape;
    bool accumulate;
} moved;

static void take(void *context, int64_t at_result, int64_t at_x) {
    moved *m = context;
    m->y[at_result] = m->x[at_x];
}

static void put(void *context, int64_t at_result, int64_t at_x) {
    moved *m = context;
    double v = m->values[dense_broadcast(m->values_shape, m->shape, at_result)];
    m->y[at_x] = m->accumulate ? m->y[at_x] + v : v;
}

static void ref_index(const sample *row, const dense *in, dense *out) {
    moved m = {.x = in[0].data};
    m.y = dense_new(out, indexed(row, in, NULL, NULL));
    indexed(row, in, take, &m);
}

/* Input 3: the values. i[1]: accumulate. */
static void ref_index_put(const sample *row, const dense *in, dense *out) {
    moved m = {.values = in[3].data, .values_shape = in[3].shape, .accumulate = row->i[1] != 0};
    m.y = dense_new(out, in[0].shape);
    memcpy(m.y, in[0].data, (size_t)in[0].numel * sizeof(double));
    m.shape = indexed(row, in, NULL, NULL);
    indexed(row, in, put, &m);
}

static tp_tensors indices_of(const sample *row, tp_tensor *const *in, tp_tensor **list) {
    bool first = row->i[0] != MIDDLE && row->i[0] != MASK_BEHIND;
    list[0] = first ? in[1] : NULL;
    list[1] = first ? (row->i[0] == FIRST_TWO ? in[2] : NULL) : in[1];
    list[2] = row->i[0] == BOTH_ENDS ? in[2] : NULL;
    return (tp_tensors){row->i[0] == BOTH_ENDS ? 3 : row->i[0] == FIRST || row->i[0] == MASK ? 1 : 2, list};
}

/* ---- masks --------------------------------------------------------------------------------------------------------- */

static void ref_masked_select(const sample *row, const dense *in, dense *out) {
    (void)row;
    tp_shape shape = dense_broadcast_shape(in[0].shape, in[1].shape);
    int64_t n = tp_shape_numel(shape), count = 0, k = 0;
    for (int64_t i = 0; i < n; i++) count += in[1].data[dense_broadcast(in[1].shape, shape, i)] != 0;
    double *y = dense_new(out, TP_SHAPE(count));
    for (int64_t i = 0; i < n; i++)
        if (in[1].data[dense_broadcast(in[1].shape, shape, i)] != 0)
            y[k++] = in[0].data[dense_broadcast(in[0].shape, shape, i)];
}

static void ref_masked_scatter(const sample *row, const dense *in, dense *out) {
    (void)row;
    tp_shape shape = dense_broadcast_shape(in[0].shape, in[1].shape);
    double *y = dense_new(out, shape);
    int64_t k = 0;
    for (int64_t i = 0; i < out->numel; i++)
        y[i] = in[1].data[dense_broadcast(in[1].shape, shape, i)] != 0
                   ? in[2].data[k++]
                   : in[0].data[dense_broadcast(in[0].shape, shape, i)];
}

static void ref_nonzero(const sample *row, const dense *in, dense *out) {
    (void)row;
    int64_t count = 0, k = 0, index[TP_MAX_DIMS] = {0};
    for (int64_t n = 0; n < in->numel; n++) count += in->data[n] != 0;
    double *y = dense_new(out, TP_SHAPE(count, in->shape.ndim));
    for (int64_t n = 0; n < in->numel; n++) {
        if (in->data[n] == 0) continue;
        dense_index(in->shape, n, index);
        for (int d = 0; d < in->shape.ndim; d++) y[k++] = (double)index[d];
    }
}

/* ---- calls ---------------------------------------------------------------------------------------------------------- */

static int run_index(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_tensor *list[3];
    out[0] = tp_index(in[0], indices_of(row, in, list));
    return 1;
}

static int run_index_put(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_tensor *list[3];
    out[0] = tp_index_put(in[0], indices_of(row, in, list), in[3], row->i[1] != 0);
    return 1;
}

static int run_index_put_(const sample *row, tp_tensor *const *in, tp_tensor **out) {
    tp_tensor *list[3];
    out[0] = tp_index_put_(in[0], indices_of(row, in, list), in[3], row->i[1] != 0);
    return 1;
}

SAMPLE_RUN(run_scatter, tp_scatter(in[0], (int)row->i[0], in[1], in[2]))
SAMPLE_RUN(run_scatter_, tp_scatter_(in[0], (int)row->i[0], in[1], in[2]))
SAMPLE_RUN(run_scatter_scalar, tp_scatter_scalar(in[0], (int)row->i[0], in[1], row->p[0]))
SAMPLE_RUN(run_scatter_scalar_, tp_scatter_scalar_(in[0], (int)row->i[0], in[1], row->p[0]))
SAMPLE_RUN(run_scatter_reduce, tp_scatter_reduce(in[0], (int)row->i[0], in[1], in[2],
                                                 (tp_scatter_reduction)row->i[1], row->i[2] != 0))
SAMPLE_RUN(run_scatter_add, tp_scatter_add(in[0], (int)row->i[0], in[1], in[2]))
SAMPLE_RUN(run_scatter_add_, tp_scatter_add_(in[0], (int)row->i[0], in[1], in[2]))
SAMPLE_RUN(run_index_copy, tp_index_copy(in[0], (int)row->i[0], in[1], in[2]))
SAMPLE_RUN(run_index_copy_, tp_index_copy_(in[0], (int)row->i[0], in[1], in[2]))
SAMPLE_RUN(run_index_fill, tp_index_fill(in[0], (int)row->i[0], in[1], row->p[0]))
SAMPLE_RUN(run_index_fill_, tp_index_fill_(in[0], (int)row->i[0], in[1], row->p[0]))
SAMPLE_RUN(run_index_add, tp_index_add(in[0], (int)row->i[0], in[1], in[2]))
SAMPLE_RUN(run_index_add_, tp_index_add_(in[0], (int)row->i[0], in[1], in[2]))
SAMPLE_RUN(run_take_along, tp_take_along_dim(in[0], in[1], (int)row->i[0]))
SAMPLE_RUN(run_masked_select, tp_masked_select(in[0], in[1]))
SAMPLE_RUN(run_masked_scatter, tp_masked_scatter(in[0], in[1], in[2]))
SAMPLE_RUN(run_masked_scatter_, tp_masked_scatter_(in[0], in[1], in[2]))
SAMPLE_RUN(run_nonzero, tp_nonzero(in[0]))

static void ref_index_sum(const sample *row, const dense *in, dense *out) {
    int64_t outer, size, inner, count = in[1].numel;
    double *y = dense_new(out, in[0].shape);
    memcpy(y, in[0].data, (size_t)in[0].numel * sizeof *y);
    dense_around(in[0].shape, (int)row->i[0], &outer, &size, &inner);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < count; k++)
            for (int64_t j = 0; j < inner; j++)
                y[(o * size + (int64_t)in[1].data[k]) * inner + j] += in[2].data[(o * count + k) * inner + j];
}

static void ref_scatter_sum(const sample *row, const dense *in, dense *out) {
    double *y = dense_new(out, in[0].shape);
    memcpy(y, in[0].data, (size_t)in[0].numel * sizeof *y);
    for (int64_t n = 0; n < in[1].numel; n++) {
        int64_t origin, at = target_of(row, in, n, &origin);
        y[at] += in[2].data[origin];
    }
}

/* Tables, laid out by hand. */
/* clang-format off */
#define OF(...) FLOATS(-1.5, 1.5, __VA_ARGS__)
#define SPREAD(...) {FLOAT_IN(-3, 3), SHAPE(__VA_ARGS__), .apart = 0.05}
#define REDUCE(what, reduction, exclude, ...) \
    {"scatter_reduce", what, run_scatter_reduce, ref_scatter_reduce, __VA_ARGS__, .i = {0, reduction, exclude}, .flags = SAMPLE_NO_EXPAND}
#define REDUCE_INTS(what, reduction, exclude) \
    {"scatter_reduce", "integers, " what, run_scatter_reduce, ref_scatter_reduce, \
     {INTS(-9, 9, 3, 4), INTS(0, 3, 5, 4), INTS(-9, 9, 5, 4)}, .i = {0, reduction, exclude}, \
     .flags = SAMPLE_NO_GRAD | SAMPLE_NO_EXPAND, .dtype = "int64"}
#define X {FLOAT_IN(-2, 2), SHAPE(2, 3, 4)}
#define AT(...) {INT_IN(0, 2), __VA_ARGS__}

static const sample advanced_rows[] = {
    {"scatter", "first dim", run_scatter, ref_scatter, {OF(3, 4), INTS(0, 3, 2, 4), OF(2, 4)}, .inplace = run_scatter_},
    {"scatter", "last dim, more source", run_scatter, ref_scatter, {OF(3, 4), INTS(0, 4, 2, 2), OF(3, 3)}, .i = {1}, .inplace = run_scatter_},
    {"scatter", "one place thrice", run_scatter, ref_scatter, {OF(4), {INT_IN(0, 1), SHAPE(3)}, OF(3)}},
    {"scatter", "no indices", run_scatter, ref_scatter, {OF(3, 4), INTS(0, 3, 0, 4), OF(2, 4)}},
    {"scatter", "integers", run_scatter, ref_scatter, {INTS(-9, 9, 5), INTS(0, 5, 3), INTS(-9, 9, 3)}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
    {"scatter_scalar", "number", run_scatter_scalar, ref_scatter, {OF(3, 4), INTS(0, 4, 3, 2)}, .i = {1}, .p = {2.5}, .inplace = run_scatter_scalar_},
    {"scatter_scalar", "bools", run_scatter_scalar, ref_scatter, {BOOLS(5), INTS(0, 5, 2)}, .p = {1}, .flags = SAMPLE_NO_GRAD, .dtype = "bool"},
    {"scatter_add", "in place", run_scatter_add, ref_scatter_sum, {OF(3, 4), INTS(0, 3, 2, 4), OF(2, 4)}, .inplace = run_scatter_add_},
    REDUCE("sum", TP_SCATTER_SUM, 0, {OF(3, 4), INTS(0, 3, 5, 4), OF(5, 4)}),
    REDUCE("sum without x", TP_SCATTER_SUM, 1, {OF(3, 4), INTS(0, 3, 2, 4), OF(2, 4)}),
    REDUCE("mean", TP_SCATTER_MEAN, 0, {OF(3, 4), INTS(0, 3, 5, 4), OF(5, 4)}),
    REDUCE("mean without x", TP_SCATTER_MEAN, 1, {OF(3, 4), INTS(0, 3, 5, 3), OF(6, 4)}),
    REDUCE("prod", TP_SCATTER_PROD, 0, {FLOATS(0.5, 2, 3, 4), INTS(0, 3, 5, 4), FLOATS(0.5, 2, 5, 4)}),
    REDUCE("prod without x", TP_SCATTER_PROD, 1, {FLOATS(0.5, 2, 3, 4), INTS(0, 3, 4, 4), FLOATS(-2, -0.5, 4, 4)}),
    REDUCE("amax", TP_SCATTER_AMAX, 0, {SPREAD(3, 4), INTS(0, 3, 5, 4), SPREAD(5, 4)}),
    REDUCE("amax without x", TP_SCATTER_AMAX, 1, {SPREAD(3, 4), INTS(0, 3, 5, 4), SPREAD(5, 4)}),
    REDUCE("amin, smaller index", TP_SCATTER_AMIN, 0, {SPREAD(3, 4), INTS(0, 3, 2, 3), SPREAD(5, 4)}),
    REDUCE("amin without x", TP_SCATTER_AMIN, 1, {SPREAD(4), INTS(0, 4, 6), SPREAD(6)}),
    REDUCE_INTS("sum", TP_SCATTER_SUM, 0), REDUCE_INTS("mean", TP_SCATTER_MEAN, 0), REDUCE_INTS("mean without x", TP_SCATTER_MEAN, 1),
    REDUCE_INTS("prod", TP_SCATTER_PROD, 1), REDUCE_INTS("amax", TP_SCATTER_AMAX, 1), REDUCE_INTS("amin", TP_SCATTER_AMIN, 0),

    {"index_copy", "rows", run_index_copy, ref_index_copy, {OF(4, 3), INTS(0, 4, 2), OF(2, 3)}, .inplace = run_index_copy_},
    {"index_copy", "columns, one twice", run_index_copy, ref_index_copy, {OF(2, 4), {INT_IN(0, 4), SHAPE(3), .values = VALUES(1, 3, 1)}, OF(2, 3)}, .i = {1}},
    {"index_copy", "none", run_index_copy, ref_index_copy, {OF(2, 4), INTS(0, 4, 0), OF(2, 0)}, .i = {1}},
    {"index_fill", "rows", run_index_fill, ref_index_copy, {OF(4, 3), INTS(0, 4, 2)}, .p = {1.5}, .inplace = run_index_fill_},
    {"index_fill", "integers", run_index_fill, ref_index_copy, {INTS(-9, 9, 2, 4), INTS(0, 4, 2)}, .i = {1}, .p = {7}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
    {"index_add", "in place", run_index_add, ref_index_sum, {OF(4, 3), INTS(0, 4, 2), OF(2, 3)}, .inplace = run_index_add_},
    {"take_along_dim", "sorted order", run_take_along, ref_take_along, {OF(3, 4), INTS(0, 4, 3, 4)}, .i = {1}},
    {"take_along_dim", "stretched", run_take_along, ref_take_along, {OF(3, 4), INTS(0, 3, 2, 1)}, .i = {0}},
    {"take_along_dim", "x stretched", run_take_along, ref_take_along, {OF(1, 4), INTS(0, 4, 3, 2)}, .i = {1}},

    {"index", "first dim", run_index, ref_index, {X, {INT_IN(-2, 2), SHAPE(2, 2), .optional = true}}, .i = {FIRST}},
    {"index", "middle dim", run_index, ref_index, {X, {INT_IN(-3, 3), SHAPE(2), .optional = true}}, .i = {MIDDLE}},
    {"index", "both ends", run_index, ref_index, {X, {INT_IN(0, 2), SHAPE(3), .optional = true}, {INT_IN(-4, 4), SHAPE(3), .optional = true}}, .i = {BOTH_ENDS}},
    {"index", "two that broadcast", run_index, ref_index, {X, {INT_IN(0, 2), SHAPE(2, 1), .optional = true}, {INT_IN(0, 3), SHAPE(3), .optional = true}}, .i = {FIRST_TWO}},
    {"index", "mask", run_index, ref_index, {X, {.kind = SAMPLE_BOOL, SHAPE(2, 3), .optional = true, .values = VALUES(1, 0, 1, 0, 1, 1)}}, .i = {MASK}, .flags = SAMPLE_NO_EXPAND},
    {"index", "mask behind", run_index, ref_index, {X, {.kind = SAMPLE_BOOL, SHAPE(3, 4), .optional = true, .values = VALUES(1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0)}},
     .i = {MASK_BEHIND}, .flags = SAMPLE_NO_EXPAND},
    {"index_put", "written", run_index_put, ref_index_put, {X, {INT_IN(0, 3), SHAPE(2), .optional = true, .values = VALUES(2, 0)}, ABSENT, OF(2, 2, 4)},
     .i = {MIDDLE, 0}, .inplace = run_index_put_, .flags = SAMPLE_COMPOSED},
    {"index_put", "added, one place twice", run_index_put, ref_index_put, {X, {INT_IN(0, 2), SHAPE(3), .optional = true, .values = VALUES(1, 1, 0)}, {INT_IN(0, 4), SHAPE(3), .optional = true, .values = VALUES(2, 2, 3)}, OF(3, 3)},
     .i = {BOTH_ENDS, 1}, .inplace = run_index_put_, .flags = SAMPLE_COMPOSED},
    {"index_put", "values that broadcast", run_index_put, ref_index_put, {X, {INT_IN(0, 2), SHAPE(2, 1), .optional = true}, {INT_IN(0, 3), SHAPE(3), .optional = true}, OF(4)}, .i = {FIRST_TWO, 1}},
    {"index_put", "mask, a number", run_index_put, ref_index_put,
     {X, {.kind = SAMPLE_BOOL, SHAPE(2, 3), .optional = true, .values = VALUES(1, 0, 1, 0, 1, 1)}, ABSENT, {FLOAT_IN(-2, 2), SCALAR}}, .i = {MASK, 0}, .flags = SAMPLE_NO_EXPAND},

    {"masked_select", "same shape", run_masked_select, ref_masked_select, {OF(3, 4), BOOLS(3, 4)}, .flags = SAMPLE_NO_EXPAND},
    {"masked_select", "stretched", run_masked_select, ref_masked_select, {OF(3, 1), {.kind = SAMPLE_BOOL, SHAPE(4), .values = VALUES(1, 0, 1, 1)}}, .flags = SAMPLE_NO_EXPAND},
    {"masked_select", "nothing", run_masked_select, ref_masked_select, {OF(0, 3), BOOLS(3)}},
    {"masked_scatter", "more source", run_masked_scatter, ref_masked_scatter, {OF(2, 3), {.kind = SAMPLE_BOOL, SHAPE(2, 3), .values = VALUES(1, 0, 1, 0, 1, 1)}, OF(5)},
     .flags = SAMPLE_NO_EXPAND, .inplace = run_masked_scatter_},
    {"masked_scatter", "stretched mask", run_masked_scatter, ref_masked_scatter, {OF(2, 3), {.kind = SAMPLE_BOOL, SHAPE(3), .values = VALUES(1, 0, 1)}, OF(4)}, .flags = SAMPLE_NO_EXPAND},
    {"nonzero", "floats", run_nonzero, ref_nonzero, {{FLOAT_IN(-1, 1), SHAPE(2, 3), .values = VALUES(0, 1, NAN, -0., 2, 0)}}, .flags = SAMPLE_NO_GRAD | SAMPLE_NO_EXPAND, .dtype = "int64"},
    {"nonzero", "bools", run_nonzero, ref_nonzero, {BOOLS(2, 2, 3)}, .flags = SAMPLE_NO_GRAD | SAMPLE_NO_EXPAND, .dtype = "int64"},
    {"nonzero", "0-d", run_nonzero, ref_nonzero, {{.kind = SAMPLE_I64, SCALAR, .values = VALUES(3)}}, .flags = SAMPLE_NO_GRAD, .dtype = "int64"},
};
/* clang-format on */

SAMPLE_FAMILY(advanced, advanced_rows)
