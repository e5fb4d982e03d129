/* Rows of a table, summed up bag by bag. */
#include <math.h>

#include "ops/ops.h"
#include "taper/creation.h"
#include "taper/index.h"
#include "taper/tensor.h"
#include "taper/views.h"

static const char bag_name[] = "embedding_bag";

/* Which entries of the flat index there are, and whose they are. */
typedef struct bag_plan {
    int64_t bags;
    tp_tensor *index;  /* (n), I64, without padding */
    tp_tensor *kept;   /* (n): their places among all that were given; NULL: all */
    tp_tensor *bag;    /* (n) */
    int64_t *count;    /* of each bag, in `counts` */
    tp_tensor *counts; /* (bags), I64 */
} bag_plan;

static bool bag_check(const tp_tensor *index, const tp_tensor *weight, const tp_embedding_bag_options *o) {
    const char *op = bag_name;
    const tp_tensor *w = o->per_sample_weights;
    if (!tp__is_index((tp_dtype)index->dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "index must be int64 or int32, got %s", tp__dtype_text(index));
    if (!tp__require_floating(op, "weight", weight)) return false;
    if (weight->shape.ndim != 2)
        TP_FAIL(TP_ERR_SHAPE, op, "weight must be (V, D), got %s", tp__shape_text(weight->shape));
    if (index->shape.ndim == 1 && !o->offsets) {
        tp__error_null(op, "offsets");
        return false;
    }
    if (index->shape.ndim != (o->offsets ? 1 : 2))
        TP_FAIL(TP_ERR_SHAPE, op, "index must be %s, got %s",
                o->offsets ? "(n) with offsets" : "(B, L) without offsets", tp__shape_text(index->shape));
    if (o->offsets && (o->offsets->shape.ndim != 1 || !tp__is_index((tp_dtype)o->offsets->dtype)))
        TP_FAIL(TP_ERR_SHAPE, op, "offsets must be (B) of int64 or int32, got %s %s",
                tp__dtype_text(o->offsets), tp__shape_text(o->offsets->shape));
    if ((unsigned)o->mode > TP_BAG_MAX) TP_FAIL(TP_ERR_ARGUMENT, op, "there is no mode %d", (int)o->mode);
    if (w && o->mode != TP_BAG_SUM) TP_FAIL(TP_ERR_ARGUMENT, op, "per_sample_weights go with the sum only");
    if (w && (!tp_shape_equal(w->shape, index->shape) || w->dtype != weight->dtype))
        TP_FAIL(TP_ERR_SHAPE, op, "per_sample_weights are %s %s, for an index %s and a weight of %s",
                tp__dtype_text(w), tp__shape_text(w->shape), tp__shape_text(index->shape),
                tp__dtype_text(weight));
    if (o->has_padding_idx &&
        (o->padding_idx < -weight->shape.dims[0] || o->padding_idx >= weight->shape.dims[0]))
        TP_FAIL(TP_ERR_INDEX, op, "padding_idx %lld is none of the %lld rows", (long long)o->padding_idx,
                (long long)weight->shape.dims[0]);
    return true;
}

/* Where bag b begins, of bags + 1 places; NULL with a record. */
static tp_tensor *bag_starts(const tp_tensor *index, const tp_embedding_bag_options *o) {
    int64_t n = index->numel,
            bags = o->offsets ? o->offsets->numel - o->include_last_offset : index->shape.dims[0];
    if (bags < 0) TP_FAIL(TP_ERR_SHAPE, bag_name, "offsets are empty, but must include the last one");
    tp_tensor *starts = tp__tensor_new(bag_name, TP_SHAPE(bags + 1), TP_I64);
    tp_tensor *offsets = o->offsets ? tp__packed(bag_name, o->offsets, TP_I64) : NULL;
    if (!starts || (o->offsets && !offsets)) return NULL;
    int64_t *start = tp__data_i64(starts), length = o->offsets ? 0 : index->shape.dims[1];
    for (int64_t b = 0; b < bags; b++) start[b] = offsets ? tp__data_i64(offsets)[b] : b * length;
    start[bags] = o->include_last_offset && offsets ? tp__data_i64(offsets)[bags] : n;
    for (int64_t b = 0; b <= bags; b++)
        if (start[b] < (b ? start[b - 1] : 0) || start[b] > n || (b == 0 && bags > 0 && start[b] != 0))
            TP_FAIL(TP_ERR_INDEX, bag_name, "offsets[%lld] is %lld: they go from 0 upwards to at most %lld",
                    (long long)b, (long long)start[b], (long long)n);
    return starts;
}

static bool bag_make_plan(const tp_tensor *starts, tp_tensor *flat, int64_t rows, int64_t padding,
                          bag_plan *plan) {
    int64_t bags = starts->numel - 1, n = 0;
    const int64_t *start = tp__data_i64(starts), *index = tp__data_i64(flat);
    plan->bags = bags;
    plan->bag = tp__tensor_new(bag_name, TP_SHAPE(flat->numel), TP_I64);
    plan->kept = plan->bag ? tp__tensor_new(bag_name, TP_SHAPE(flat->numel), TP_I64) : NULL;
    plan->counts = plan->kept ? tp_zeros(TP_SHAPE(bags), TP_I64) : NULL;
    if (!plan->counts) return false;
    plan->count = tp__data_i64(plan->counts);
    for (int64_t b = 0; b < bags; b++)
        for (int64_t i = start[b]; i < start[b + 1]; i++) {
            if (index[i] < 0 || index[i] >= rows)
                TP_FAIL(TP_ERR_INDEX, bag_name, "index[%lld] is %lld, out of range for size %lld of dim 0",
                        (long long)i, (long long)index[i], (long long)rows);
            if (index[i] == padding) continue;
            tp__data_i64(plan->bag)[n] = b;
            tp__data_i64(plan->kept)[n++] = i;
            plan->count[b]++;
        }
    plan->bag = tp_narrow(plan->bag, 0, 0, n);
    if (n == flat->numel) plan->kept = NULL;
    else plan->kept = tp_narrow(plan->kept, 0, 0, n);
    plan->index = plan->kept ? tp_index_select(flat, 0, plan->kept) : flat;
    return plan->bag && plan->index;
}

/* Which row has the largest element of each column of a bag, the first of several; NaN is larger than anything. */
#define BAG_WINNERS(T)                                                                                       \
    do {                                                                                                     \
        const T *x = (const T *)(const void *)tp__data(packed);                                              \
        for (int64_t b = 0, at = 0; b < plan->bags; b++, to += size)                                         \
            for (int64_t k = 0; k < plan->count[b]; k++, at++)                                               \
                for (int64_t d = 0; d < size; d++) {                                                         \
                    const T value = x[at * size + d], best = x[to[d] * size + d];                            \
                    if (k == 0 || value > best || (isnan(value) && !isnan(best))) to[d] = at;                \
                }                                                                                            \
    } while (0)

static tp_tensor *bag_max(const bag_plan *plan, tp_tensor *rows) {
    const int64_t size = tp_tensor_size(rows, 1);
    tp_tensor *winners = tp_zeros(TP_SHAPE(plan->bags, size), TP_I64),
              *packed = winners ? tp__packed(bag_name, rows, (tp_dtype)rows->dtype) : NULL;
    if (!packed) return NULL;
    int64_t *to = tp__data_i64(winners);
    if (rows->dtype == TP_F64) BAG_WINNERS(double);
    else BAG_WINNERS(float);
    tp_tensor *empty = tp_unsqueeze(tp_eq_scalar(plan->counts, 0), 1);
    return tp_masked_fill(tp_gather(rows, 0, winners), empty, 0);
}

static tp_tensor *bag_reduce(const bag_plan *plan, tp_tensor *rows, tp_bag_mode mode) {
    tp_tensor *none = tp_zeros(TP_SHAPE(plan->bags, tp_tensor_size(rows, 1)), tp_tensor_dtype(rows));
    if (mode == TP_BAG_MAX && plan->index->numel > 0) return bag_max(plan, rows);
    tp_tensor *sum = tp_index_add(none, 0, plan->bag, rows);
    if (mode != TP_BAG_MEAN) return sum;
    tp_tensor *counts = tp_clamp_min(tp_to_dtype(plan->counts, tp_tensor_dtype(rows)), 1);
    return tp_div(sum, tp_unsqueeze(counts, 1));
}

static tp_tensor *bag_run(tp_tensor *index, tp_tensor *weight, const tp_embedding_bag_options *o) {
    int64_t padding = o->has_padding_idx ? o->padding_idx : -1;
    if (padding < 0 && o->has_padding_idx) padding += weight->shape.dims[0];
    bag_plan plan = {.bags = 0};
    tp_tensor *starts = bag_starts(index, o), *flat = starts ? tp__packed(bag_name, index, TP_I64) : NULL;
    flat = flat ? tp_reshape(flat, TP_SHAPE(flat->numel)) : NULL;
    if (!flat || !bag_make_plan(starts, flat, weight->shape.dims[0], padding, &plan)) return NULL;
    tp_tensor *rows = tp_embedding(plan.index, weight, (tp_embedding_options){.sparse = o->sparse});
    if (!rows) tp__error_rename("embedding", bag_name);
    if (rows && o->per_sample_weights) {
        tp_tensor *factor = tp_reshape(o->per_sample_weights, TP_SHAPE(flat->numel));
        if (plan.kept) factor = tp_index_select(factor, 0, plan.kept);
        rows = tp_mul(rows, tp_unsqueeze(factor, 1));
    }
    return rows ? bag_reduce(&plan, rows, o->mode) : NULL;
}

tp_tensor *tp_embedding_bag(tp_tensor *index, tp_tensor *weight, tp_embedding_bag_options options) {
    TP_REQUIRE(index, bag_name);
    TP_REQUIRE(weight, bag_name);
    TP_OPTIONAL(options.offsets);
    TP_OPTIONAL(options.per_sample_weights);
    if (!bag_check(index, weight, &options)) return NULL;
    tp_scope *s = tp_scope_begin();
    return s ? tp_scope_return(s, bag_run(index, weight, &options)) : NULL;
}
