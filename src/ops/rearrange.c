/* Repeating, turning and cutting: compositions of views, joins and index_select. Arguments are checked first, so that what is wrong is
 * told in the name of the op that was called. */
#include <string.h>

#include "ops/layout.h"
#include "ops/ops.h"
#include "taper/index.h"
#include "taper/tensor.h"

/* ---- flip and roll -------------------------------------------------------------------------------------------- */

/* I64 (n) with start, start + step, ... wrapped around n. */
static tp_tensor *rearrange_cycle(int64_t n, int64_t start, int64_t step) {
    tp_tensor *t = tp__tensor_new("arange", TP_SHAPE(n), TP_I64);
    int64_t *v = t ? tp__data_i64(t) : NULL, at = start;
    for (int64_t i = 0; t && i < n; i++) {
        v[i] = at;
        at += step;
        if (at >= n) at -= n;
        if (at < 0) at += n;
    }
    return t;
}

tp_tensor *tp_flip(tp_tensor *x, tp_dims dims) {
    const char *op = "flip";
    TP_REQUIRE(x, op);
    bool mask[TP_MAX_DIMS];
    if (!tp__dims_mask(op, dims, x->shape.ndim, mask)) return NULL;
    tp_scope *s = tp_scope_begin();
    tp_tensor *y = x;
    for (int d = 0; d < x->shape.ndim && s; d++)
        if (mask[d] && dims.count > 0 && x->shape.dims[d] > 1)
            y = tp_index_select(y, d, rearrange_cycle(x->shape.dims[d], x->shape.dims[d] - 1, -1));
    return s ? tp_scope_return(s, y == x ? tp_clone(x) : y) : NULL;
}

/* The last `shift` of a dim first. */
static tp_tensor *rearrange_roll(tp_tensor *x, int64_t shift, int d) {
    int64_t n = x ? x->shape.dims[d] : 0, first = n > 0 ? ((shift % n) + n) % n : 0;
    if (!x || first == 0) return x;
    return tp_cat(TP_TENSORS(tp_narrow(x, d, n - first, first), tp_narrow(x, d, 0, n - first)), d);
}

tp_tensor *tp_roll(tp_tensor *x, tp_shape shifts, tp_dims dims) {
    const char *op = "roll";
    TP_REQUIRE(x, op);
    bool flat = dims.count == 0;
    if (shifts.ndim != (flat ? 1 : dims.count))
        TP_FAIL(TP_ERR_ARGUMENT, op, "%d shifts for %d dims", shifts.ndim, dims.count);
    for (int k = 0; k < dims.count; k++)
        if (tp__wrap_own_dim(op, dims.items[k], x) < 0) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *y = flat ? tp_reshape(x, TP_SHAPE(x->numel)) : x;
    if (flat) y = tp_reshape(rearrange_roll(y, shifts.dims[0], 0), x->shape);
    for (int k = 0; k < dims.count && y; k++)
        y = rearrange_roll(y, shifts.dims[k], tp__wrap_own_dim(op, dims.items[k], x));
    return tp_scope_return(s, y && y->storage == x->storage ? tp_clone(y) : y);
}

/* ---- repeating -------------------------------------------------------------------------------------------------- */

/* x, taken to have as many dims as `repeats`, side by side that often in each. */
static tp_tensor *rearrange_repeat(const char *op, tp_tensor *x, tp_shape repeats) {
    tp_shape from = {0, {0}}, wide = {0, {0}}, shape = {repeats.ndim, {0}};
    int more = repeats.ndim - x->shape.ndim;
    for (int d = 0; d < repeats.ndim; d++) {
        int64_t size = d < more ? 1 : x->shape.dims[d - more];
        if (repeats.dims[d] < 0)
            TP_FAIL(TP_ERR_ARGUMENT, op, "repeats %s: none may be negative", tp__shape_text(repeats));
        if (__builtin_mul_overflow(size, repeats.dims[d], &shape.dims[d]))
            TP_FAIL(TP_ERR_SHAPE, op, "%s, repeated %s, is too large", tp__shape_text(x->shape),
                    tp__shape_text(repeats));
    }
    if (tp__shape_check(op, shape, (tp_dtype)x->dtype) < 0) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    /* Dims that are repeated become two, of which the first is stretched; in turns where eight would not do. */
    tp_tensor *y = x;
    for (int d = repeats.ndim - 1; d >= 0 && y; d--) {
        int own = d - more;
        if (repeats.dims[d] == 1 && own >= 0) continue;
        from = wide = y->shape;
        int at = own < 0 ? 0 : own;
        if (own < 0) {
            y = tp_unsqueeze(y, 0);
            if (y) wide = y->shape;
            wide.dims[0] = repeats.dims[d];
            y = tp_expand(y, wide);
            continue;
        }
        /* (a, size, b) -> (a, repeats, size b) -> (a, repeats size, b) */
        int64_t before = 1, behind = 1;
        for (int k = 0; k < at; k++) before *= from.dims[k];
        for (int k = at; k < from.ndim; k++) behind *= from.dims[k];
        y = tp_reshape(y, TP_SHAPE(before, 1, behind));
        y = tp_expand(y, TP_SHAPE(before, repeats.dims[d], behind));
        from.dims[at] *= repeats.dims[d];
        y = tp_reshape(y, from);
    }
    return tp_scope_return(s, y && y->storage == x->storage ? tp_clone(y) : tp_contiguous(y));
}

tp_tensor *tp_repeat(tp_tensor *x, tp_shape repeats) {
    const char *op = "repeat";
    TP_REQUIRE(x, op);
    if (repeats.ndim < x->shape.ndim || repeats.ndim > TP_MAX_DIMS)
        TP_FAIL(TP_ERR_ARGUMENT, op, "%d repeats for %s, which has %d dims", repeats.ndim,
                tp__shape_text(x->shape), x->shape.ndim);
    return rearrange_repeat(op, x, repeats);
}

tp_tensor *tp_tile(tp_tensor *x, tp_shape repeats) {
    const char *op = "tile";
    TP_REQUIRE(x, op);
    if (repeats.ndim < 0 || repeats.ndim > TP_MAX_DIMS)
        TP_FAIL(TP_ERR_ARGUMENT, op, "%d repeats", repeats.ndim);
    while (repeats.ndim < x->shape.ndim) {
        memmove(repeats.dims + 1, repeats.dims, (size_t)repeats.ndim * sizeof repeats.dims[0]);
        repeats.dims[0] = 1;
        repeats.ndim++;
    }
    return rearrange_repeat(op, x, repeats);
}

tp_tensor *tp_repeat_interleave(tp_tensor *x, int64_t repeats, int dim) {
    const char *op = "repeat_interleave";
    TP_REQUIRE(x, op);
    int d = tp__wrap_dim(op, dim, x->shape.ndim);
    if (d < 0) return NULL;
    if (repeats < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "repeats is %lld, must not be negative", (long long)repeats);
    tp_shape shape = x->shape;
    if (shape.ndim == 0) shape = TP_SHAPE(1);
    int64_t before = 1, behind = 1;
    for (int k = 0; k <= d; k++) before *= shape.dims[k];
    for (int k = d + 1; k < shape.ndim; k++) behind *= shape.dims[k];
    if (__builtin_mul_overflow(shape.dims[d], repeats, &shape.dims[d]))
        TP_FAIL(TP_ERR_SHAPE, op, "%s, repeated %lld times, is too large", tp__shape_text(x->shape),
                (long long)repeats);
    if (tp__shape_check(op, shape, (tp_dtype)x->dtype) < 0) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *wide =
        tp_expand(tp_reshape(x, TP_SHAPE(before, 1, behind)), TP_SHAPE(before, repeats, behind));
    tp_tensor *y = tp_reshape(wide, shape);
    return tp_scope_return(s, y && y->storage == x->storage ? tp_clone(y) : y);
}

tp_tensor *tp_repeat_interleave_each(tp_tensor *x, tp_tensor *repeats, int dim) {
    const char *op = "repeat_interleave_each";
    TP_REQUIRE(x, op);
    TP_REQUIRE(repeats, op);
    int d = tp__wrap_dim(op, dim, x->shape.ndim);
    if (d < 0) return NULL;
    if (!tp__is_index((tp_dtype)repeats->dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "repeats is %s, must be int64 or int32", tp__dtype_text(repeats));
    int64_t n = x->shape.ndim ? x->shape.dims[d] : 1, total = 0;
    if (repeats->shape.ndim != 1 || repeats->numel != n)
        TP_FAIL(TP_ERR_SHAPE, op, "repeats is %s, not (%lld,) as dim %d of x %s",
                tp__shape_text(repeats->shape), (long long)n, d, tp__shape_text(x->shape));
    tp_scope *s = tp_scope_begin();
    tp_tensor *counts = s ? tp__packed(op, repeats, TP_I64) : NULL, *index = NULL;
    const int64_t *c = counts ? tp__data_i64(counts) : NULL;
    bool ok = c != NULL;
    for (int64_t i = 0; ok && i < n; i++)
        if (c[i] < 0 || __builtin_add_overflow(total, c[i], &total)) {
            tp__error(TP_ERR_ARGUMENT, op, "repeats[%lld] is %lld, must not be negative", (long long)i,
                      (long long)c[i]);
            ok = false;
        }
    if (ok) index = tp__tensor_new(op, TP_SHAPE(total), TP_I64);
    int64_t *to = index ? tp__data_i64(index) : NULL;
    for (int64_t i = 0; to && i < n; i++)
        for (int64_t k = 0; k < c[i]; k++) *to++ = i;
    return s ? tp_scope_return(s, index ? tp_index_select(x, d, index) : NULL) : NULL;
}

/* ---- dims -------------------------------------------------------------------------------------------------------- */

tp_tensor *tp_movedim(tp_tensor *x, tp_dims source, tp_dims destination) {
    const char *op = "movedim";
    TP_REQUIRE(x, op);
    int n = x->shape.ndim;
    bool from[TP_MAX_DIMS], to[TP_MAX_DIMS];
    if (source.count != destination.count)
        TP_FAIL(TP_ERR_ARGUMENT, op, "%d dims to %d places", source.count, destination.count);
    if (source.count == 0) return tp_permute(x, (tp_dims){n, {0, 1, 2, 3, 4, 5, 6, 7}});
    if (!tp__dims_mask(op, source, n, from) || !tp__dims_mask(op, destination, n, to)) return NULL;
    tp_dims order = {n, {0}};
    for (int k = 0; k < source.count && n > 0; k++)
        order.items[tp__wrap_dim(op, destination.items[k], n)] = tp__wrap_dim(op, source.items[k], n);
    for (int place = 0, d = 0; place < n; place++) {
        if (to[place]) continue;
        while (from[d]) d++;
        order.items[place] = d++;
    }
    return tp_permute(x, order);
}

/* Is there room, and none of the tensors NULL? All results are NULL until they are made. */
static tp_status rearrange_check_list(const char *op, tp_tensors tensors, tp_tensor **outputs) {
    for (int k = 0; outputs && k < tensors.count; k++) outputs[k] = NULL;
    if (tensors.count < 1 || !tensors.items)
        return tp__error(TP_ERR_ARGUMENT, op, "an empty list of tensors");
    if (!outputs) return tp__error_null(op, "outputs");
    for (int k = 0; k < tensors.count; k++)
        if (!tensors.items[k]) return tp__error_null(op, "tensors");
    return TP_OK;
}

/* Ends a function that fills a list: all of it or nothing. */
static tp_status rearrange_finish(const char *op, tp_scope *s, tp_status status, int count, tp_tensor **made,
                                  tp_tensor **outputs) {
    for (int k = 0; status == TP_OK && k < count; k++) {
        outputs[k] = tp_scope_escape(s, made[k]);
        if (!outputs[k]) status = tp__error_null(op, "outputs");
    }
    for (int k = 0; status != TP_OK && outputs && k < count; k++) outputs[k] = NULL;
    tp_scope_end(s);
    return tp__deliver(status);
}

tp_status tp_broadcast_tensors(tp_tensors tensors, tp_tensor **outputs) {
    const char *op = "broadcast_tensors";
    tp_status status = rearrange_check_list(op, tensors, outputs);
    if (status != TP_OK) return tp__deliver(status);
    tp_shape shape = tensors.items[0]->shape;
    for (int k = 1; k < tensors.count; k++) {
        tp_shape before = shape;
        if (!tp__broadcast(before, tensors.items[k]->shape, &shape))
            return tp__deliver(tp__error(TP_ERR_SHAPE, op, "number %d, %s, does not broadcast with %s", k,
                                         tp__shape_text(tensors.items[k]->shape), tp__shape_text(before)));
    }
    for (int k = 0; k < tensors.count && status == TP_OK; k++) {
        outputs[k] = tp_expand(tensors.items[k], shape);
        if (!outputs[k]) status = tp__error_null(op, "tensors");
    }
    for (int k = 0; k < tensors.count && status != TP_OK; k++) outputs[k] = NULL;
    return tp__deliver(status);
}

tp_status tp_meshgrid(tp_tensors tensors, bool xy, tp_tensor **outputs) {
    const char *op = "meshgrid";
    tp_status status = rearrange_check_list(op, tensors, outputs);
    if (status != TP_OK) return tp__deliver(status);
    tp_shape shape = {tensors.count, {0}};
    if (tensors.count > TP_MAX_DIMS)
        return tp__deliver(
            tp__error(TP_ERR_ARGUMENT, op, "%d tensors make more than %d dims", tensors.count, TP_MAX_DIMS));
    bool turned = xy && tensors.count > 1;
    for (int k = 0; k < tensors.count; k++) {
        const tp_tensor *t = tensors.items[k];
        int d = turned && k < 2 ? 1 - k : k;
        if (t->shape.ndim > 1)
            return tp__deliver(tp__error(TP_ERR_SHAPE, op, "number %d is %s, must be a vector", k,
                                         tp__shape_text(t->shape)));
        if (t->dtype != tensors.items[0]->dtype)
            return tp__deliver(tp__error(TP_ERR_DTYPE, op, "number %d is %s, number 0 %s", k,
                                         tp__dtype_text(t), tp__dtype_text(tensors.items[0])));
        shape.dims[d] = t->numel;
    }
    if (tp__shape_check(op, shape, (tp_dtype)tensors.items[0]->dtype) < 0) return tp__deliver(TP_ERR_SHAPE);
    tp_scope *s = tp_scope_begin();
    if (!s) return tp__deliver(TP_ERR_MEMORY);
    tp_tensor *made[TP_MAX_DIMS];
    for (int k = 0; k < tensors.count; k++) {
        tp_shape one = {tensors.count, {1, 1, 1, 1, 1, 1, 1, 1}};
        one.dims[turned && k < 2 ? 1 - k : k] = tensors.items[k]->numel;
        made[k] = tp_expand(tp_reshape(tensors.items[k], one), shape);
    }
    return rearrange_finish(op, s, TP_OK, tensors.count, made, outputs);
}

/* ---- cutting ------------------------------------------------------------------------------------------------------ */

/* One piece after the other, of the given sizes. */
static tp_status rearrange_cut(const char *op, tp_tensor *x, int d, const int64_t *sizes, int count,
                               tp_tensor **outputs) {
    int64_t at = 0;
    tp_status status = TP_OK;
    for (int k = 0; k < count && status == TP_OK; k++) {
        outputs[k] = tp_narrow(x, d, at, sizes[k]);
        if (!outputs[k]) status = tp__error_null(op, "x");
        at += sizes[k];
    }
    for (int k = 0; k < count && status != TP_OK; k++) outputs[k] = NULL;
    return tp__deliver(status);
}

tp_status tp_split_sizes(tp_tensor *x, tp_shape sizes, int dim, tp_tensor **outputs) {
    const char *op = "split_sizes";
    int64_t total = 0;
    for (int k = 0; outputs && k < sizes.ndim && k < TP_MAX_DIMS; k++) outputs[k] = NULL;
    if (!x || !outputs) return tp__deliver(tp__error_null(op, x ? "outputs" : "x"));
    int d = tp__wrap_own_dim(op, dim, x);
    if (d < 0) return tp__deliver(TP_ERR_INDEX);
    bool ok = sizes.ndim >= 1 && sizes.ndim <= TP_MAX_DIMS;
    for (int k = 0; ok && k < sizes.ndim; k++)
        ok = sizes.dims[k] >= 0 && !__builtin_add_overflow(total, sizes.dims[k], &total);
    if (!ok || total != x->shape.dims[d])
        return tp__deliver(tp__error(TP_ERR_ARGUMENT, op,
                                     "sizes %s do not add up to %lld, the size of dim %d",
                                     tp__shape_text(sizes), (long long)x->shape.dims[d], d));
    return rearrange_cut(op, x, d, sizes.dims, sizes.ndim, outputs);
}

int tp_chunk(tp_tensor *x, int64_t chunks, int dim, tp_tensor **outputs) {
    const char *op = "chunk";
    for (int64_t k = 0; outputs && k < chunks; k++) outputs[k] = NULL;
    if (!x || !outputs) {
        tp__error_null(op, x ? "outputs" : "x");
        return -1;
    }
    int d = tp__wrap_own_dim(op, dim, x);
    if (d < 0) return -1;
    if (chunks < 1 || chunks > INT32_MAX) {
        tp__error(TP_ERR_ARGUMENT, op, "chunks is %lld, must be at least 1", (long long)chunks);
        return -1;
    }
    int64_t whole = x->shape.dims[d], size = (whole + chunks - 1) / chunks;
    int count = size > 0 ? (int)((whole + size - 1) / size) : (int)chunks;
    if (size > 0) return tp_split(x, size, d, outputs, count) == TP_OK ? count : -1;
    for (int k = 0; k < count; k++)
        if (!(outputs[k] = tp_narrow(x, d, 0, 0))) {
            for (int j = 0; j < k; j++) outputs[j] = NULL;
            return -1;
        }
    return count;
}

tp_status tp_unbind(tp_tensor *x, int dim, tp_tensor **outputs, int count) {
    const char *op = "unbind";
    for (int k = 0; outputs && k < count; k++) outputs[k] = NULL;
    if (!x || !outputs) return tp__deliver(tp__error_null(op, x ? "outputs" : "x"));
    int d = tp__wrap_own_dim(op, dim, x);
    if (d < 0) return tp__deliver(TP_ERR_INDEX);
    if (count != x->shape.dims[d])
        return tp__deliver(tp__error(TP_ERR_ARGUMENT, op, "dim %d is of size %lld, not %d", d,
                                     (long long)x->shape.dims[d], count));
    tp_status status = TP_OK;
    for (int k = 0; k < count && status == TP_OK; k++)
        if (!(outputs[k] = tp_select(x, d, k))) status = tp__error_null(op, "x");
    for (int k = 0; k < count && status != TP_OK; k++) outputs[k] = NULL;
    return tp__deliver(status);
}

/* ---- triangles ------------------------------------------------------------------------------------------------------ */

/* (rows, columns) BOOL: is the element within the triangle? */
static tp_tensor *rearrange_triangle(const char *op, int64_t rows, int64_t columns, int64_t diagonal,
                                     bool upper) {
    tp_tensor *mask = tp__tensor_new(op, TP_SHAPE(rows, columns), TP_BOOL);
    if (!mask) return NULL;
    char *to = tp__data(mask);
    diagonal = diagonal > columns ? columns : diagonal < -rows - 1 ? -rows - 1 : diagonal;
    const size_t width = (size_t)columns;
    for (int64_t i = 0; i < rows && columns > 0;
         i++, to += width) { /* columns up to the diagonal, for tril with it */
        const int64_t end = i + diagonal + !upper;
        const size_t left = end <= 0 ? 0 : end >= columns ? width : (size_t)end;
        memset(to, !upper, left);
        memset(to + left, upper, width - left);
    }
    return mask;
}

static tp_tensor *rearrange_keep_triangle(const char *op, tp_tensor *x, int64_t diagonal, bool upper) {
    TP_REQUIRE(x, op);
    int n = x->shape.ndim;
    if (n < 2) TP_FAIL(TP_ERR_SHAPE, op, "needs at least two dims, got %s", tp__shape_text(x->shape));
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *mask = rearrange_triangle(op, x->shape.dims[n - 2], x->shape.dims[n - 1], diagonal, upper);
    return tp_scope_return(s, tp_where(mask, x, tp_zeros(TP_SCALAR_SHAPE, (tp_dtype)x->dtype)));
}

tp_tensor *tp_tril(tp_tensor *x, int64_t diagonal) {
    return rearrange_keep_triangle("tril", x, diagonal, false);
}
tp_tensor *tp_triu(tp_tensor *x, int64_t diagonal) {
    return rearrange_keep_triangle("triu", x, diagonal, true);
}

/* How many (i, j) of rows and columns have j - i <= diagonal, which is in [-rows - 1, columns]. */
static int64_t rearrange_count_below(int64_t rows, int64_t columns, int64_t diagonal) {
    if (columns == 0 || diagonal <= -rows) return 0;
    const int64_t first = diagonal < 0 ? -diagonal : 0; /* row that has any */
    int64_t full = columns - 1 - diagonal;              /* row that has all */
    full = full < first ? first : full > rows ? rows : full;
    const int64_t ramp = full - first, least = first + diagonal + 1;
    return ramp * least + ramp * (ramp - 1) / 2 + (rows - full) * columns;
}

static tp_tensor *rearrange_triangle_indices(const char *op, int64_t rows, int64_t columns, int64_t offset,
                                             bool upper) {
    int64_t cells;
    if (rows < 0 || columns < 0 || __builtin_mul_overflow(rows, columns, &cells))
        TP_FAIL(TP_ERR_ARGUMENT, op, "a matrix of (%lld, %lld)", (long long)rows, (long long)columns);
    offset = offset > columns ? columns : offset < -rows ? -rows : offset;
    int64_t count = upper ? cells - rearrange_count_below(rows, columns, offset - 1)
                          : rearrange_count_below(rows, columns, offset);
    tp_tensor *t = tp__tensor_new(op, TP_SHAPE(2, count), TP_I64);
    int64_t *to = t && count > 0 ? tp__data_i64(t) : NULL;
    /* From the first row that has any on, each has one: no more turns than elements. */
    for (int64_t i = upper || offset > 0 ? 0 : -offset, k = 0; to && k < count; i++) {
        const int64_t begin = upper && i + offset > 0 ? i + offset : 0;
        const int64_t end = upper || columns - offset <= i ? columns : i + offset + 1;
        for (int64_t j = begin; j < end; j++, k++) {
            to[k] = i;
            to[count + k] = j;
        }
    }
    return t;
}

tp_tensor *tp_tril_indices(int64_t rows, int64_t columns, int64_t offset) {
    return rearrange_triangle_indices("tril_indices", rows, columns, offset, false);
}

tp_tensor *tp_triu_indices(int64_t rows, int64_t columns, int64_t offset) {
    return rearrange_triangle_indices("triu_indices", rows, columns, offset, true);
}
