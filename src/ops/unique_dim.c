/* Distinct slices of a tensor. */
#include "ops/layout.h"
#include "ops/sort.h"
#include "taper/autograd.h"
#include "taper/index.h"
#include "taper/sort.h"

static const tp_unique_out slices_none = {NULL, NULL, NULL};

/* The order of two slices of m elements, the first that differ deciding, NaN the largest. `same` is set if they
 * are equal, which none is that holds NaN. */
#define SLICES_COMPARE(suffix, type)                                                                         \
    static int slices_compare_##suffix(int64_t m, const char *a_, const char *b_, bool *same) {              \
        const type *a = (const type *)(const void *)a_, *b = (const type *)(const void *)b_;                 \
        *same = true;                                                                                        \
        for (int64_t i = 0; i < m; i++) {                                                                    \
            if (a[i] == b[i]) continue;                                                                      \
            *same = false;                                                                                   \
            bool a_number = a[i] == a[i], b_number = b[i] == b[i];                                           \
            if (a_number && b_number) return a[i] < b[i] ? -1 : 1;                                           \
            if (a_number != b_number) return a_number ? -1 : 1;                                              \
        }                                                                                                    \
        return 0;                                                                                            \
    }
SLICES_COMPARE(f32, float)
SLICES_COMPARE(f64, double)
SLICES_COMPARE(i64, int64_t)
SLICES_COMPARE(i32, int32_t)
SLICES_COMPARE(u8, uint8_t)
#undef SLICES_COMPARE

typedef struct slices {
    int (*compare)(int64_t m, const char *a, const char *b, bool *same);
    const char *rows;
    int64_t count, m, bytes;
} slices;

static void slices_open(slices *s, const tp_tensor *rows, int64_t count) {
    static int (*const compare[TP_DTYPE_COUNT])(int64_t, const char *, const char *, bool *) = {
        [TP_F32] = slices_compare_f32, [TP_F64] = slices_compare_f64, [TP_I64] = slices_compare_i64,
        [TP_I32] = slices_compare_i32, [TP_U8] = slices_compare_u8,   [TP_BOOL] = slices_compare_u8};
    int64_t m = count > 0 ? rows->numel / count : 0;
    *s = (slices){compare[rows->dtype], tp__data(rows), count, m,
                  m * (int64_t)tp__itemsize((tp_dtype)rows->dtype)};
}

static bool slices_after(const slices *s, int64_t a, int64_t b, bool *same) {
    return s->compare(s->m, s->rows + a * s->bytes, s->rows + b * s->bytes, same) > 0;
}

/* Merges by doubling; stable. Returns where the order is, in one of the two. */
static int64_t *slices_sort(const slices *s, int64_t *order, int64_t *spare) {
    bool same;
    for (int64_t i = 0; i < s->count; i++) order[i] = i;
    for (int64_t run = 1; run < s->count; run *= 2) {
        for (int64_t begin = 0; begin < s->count; begin += 2 * run) {
            int64_t middle = begin + run < s->count ? begin + run : s->count;
            int64_t end = middle + run < s->count ? middle + run : s->count, i = begin, j = middle;
            for (int64_t to = begin; to < end; to++) {
                bool second = i == middle || (j < end && slices_after(s, order[i], order[j], &same));
                spare[to] = order[second ? j++ : i++];
            }
        }
        int64_t *other = order;
        order = spare;
        spare = other;
    }
    return order;
}

/* The slices in order become runs: how many, which is the first of each, its length, and where each slice went;
 * each of the last three may be NULL. */
static int64_t slices_runs(const slices *s, const int64_t *order, int64_t *first, int64_t *counts,
                           int64_t *inverse) {
    int64_t runs = 0;
    bool same;
    for (int64_t i = 0; i < s->count; i++) {
        if (i > 0) slices_after(s, order[i - 1], order[i], &same);
        if (i == 0 || !same) {
            if (first) first[runs] = order[i];
            if (counts) counts[runs] = 0;
            runs++;
        }
        if (counts) counts[runs - 1]++;
        if (inverse) inverse[order[i]] = runs - 1;
    }
    return runs;
}

static int64_t *slices_data(const tp_tensor *t) { return t ? tp__data_i64(t) : NULL; }

static tp_unique_out slices_new(const char *op, tp_tensor *x, int dim, tp_unique_options options) {
    tp_shape line = {1, {x->shape.dims[dim]}};
    tp_dims dims = {1, {dim}};
    for (int i = 0; i < x->shape.ndim; i++)
        if (i != dim) dims.items[dims.count++] = i;
    tp_tensor *front = tp_permute(x, dims);
    tp_tensor *rows = front ? tp__packed(op, front, (tp_dtype)x->dtype) : NULL;
    tp_tensor *work[2] = {rows ? tp__tensor_new(op, line, TP_I64) : NULL, NULL};
    if (work[0]) work[1] = tp__tensor_new(op, line, TP_I64);
    if (!work[1]) return slices_none;
    slices s;
    slices_open(&s, rows, line.dims[0]);
    const int64_t *order = slices_sort(&s, slices_data(work[0]), slices_data(work[1]));
    tp_shape runs = {1, {slices_runs(&s, order, NULL, NULL, NULL)}};
    tp_unique_out y = slices_none;
    tp_tensor *first = tp__tensor_new(op, runs, TP_I64);
    if (first && options.inverse) y.inverse = tp__tensor_new(op, line, TP_I64);
    if (first && options.counts) y.counts = tp__tensor_new(op, runs, TP_I64);
    if (!first || !y.inverse != !options.inverse || !y.counts != !options.counts) return slices_none;
    slices_runs(&s, order, slices_data(first), slices_data(y.counts), slices_data(y.inverse));
    y.values = tp_index_select(x, dim, first);
    return y.values ? y : slices_none;
}

tp_unique_out tp_unique_dim(tp_tensor *x, int dim, tp_unique_options options) {
    const char *op = "unique_dim";
    if (!x) tp__error_null(op, "x");
    if (!x || (dim = tp__wrap_own_dim(op, dim, x)) < 0) return slices_none;
    if (x->numel == 0 && x->shape.dims[dim] > 0) {
        tp__error(TP_ERR_SHAPE, op, "slices without elements: dim %d of x of shape %s", dim,
                  tp__shape_text(x->shape));
        return slices_none;
    }
    tp_scope *scope = tp_scope_begin();
    if (!scope) return slices_none;
    bool before = tp_set_grad_enabled(false);
    tp_unique_out y = slices_new(op, x, dim, options);
    tp_set_grad_enabled(before);
    return tp__escape_unique(scope, y, options);
}
