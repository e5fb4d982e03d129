/* Views: another layout over the same storage. Their gradients are views too, or a view put into zeros. */
#include "taper/views.h"

#include <string.h>

#include "ops/layout.h"
#include "ops/ops.h"

static tp_tensor *view_make(const tp__op *op, tp_tensor *x, tp_shape shape, const int64_t *strides,
                            int64_t offset, const void *attr, size_t attr_size) {
    tp_tensor *y = tp__tensor_alias(op->name, x, shape, strides, offset);
    return tp__record(op, y, TP__INPUTS(x), attr, attr_size);
}

static int64_t view_itemsize(const tp_tensor *x) { return (int64_t)tp__itemsize((tp_dtype)x->dtype); }

/* ---- the same elements under another shape ----------------------------------------------------------- */

static void reshape_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp_reshape(g[0], tp__input_shape(ctx, 0));
}

static const tp__op reshape_op = {.name = "reshape", .vjp = reshape_vjp};
static const tp__op flatten_op = {.name = "flatten", .vjp = reshape_vjp};
static const tp__op unflatten_op = {.name = "unflatten", .vjp = reshape_vjp};
static const tp__op squeeze_op = {.name = "squeeze", .vjp = reshape_vjp};
static const tp__op unsqueeze_op = {.name = "unsqueeze", .vjp = reshape_vjp};

/* Strides that show the elements of `x` under another shape; false if there are none. Runs of dims of `x`
 * that are packed among themselves are matched, from the last, with runs of dims of `shape`. */
static bool reshape_strides(const tp_tensor *x, tp_shape shape, int64_t *strides) {
    if (x->dense) {
        tp__dense_strides(shape, strides);
        return true;
    }
    int v = shape.ndim - 1;
    int64_t step = x->strides[x->shape.ndim - 1], run = 1;
    for (int d = x->shape.ndim - 1; d >= 0; d--) {
        run *= x->shape.dims[d];
        if (d > 0 && (x->shape.dims[d - 1] == 1 || x->strides[d - 1] == run * step)) continue;
        int64_t filled = 1;
        while (v >= 0 && (filled < run || shape.dims[v] == 1)) {
            strides[v] = filled * step;
            filled *= shape.dims[v--];
        }
        if (filled != run) return false;
        if (d > 0) step = x->strides[d - 1];
        run = 1;
    }
    return v == -1;
}

/* `shape` has as many elements as `x`. */
static tp_tensor *reshape_make(const tp__op *op, tp_tensor *x, tp_shape shape) {
    int64_t strides[TP_MAX_DIMS];
    if (reshape_strides(x, shape, strides)) return view_make(op, x, shape, strides, x->offset, NULL, 0);
    tp_tensor *y = tp__tensor_new(op->name, shape, (tp_dtype)x->dtype);
    if (!y) return NULL;
    tp__dense_strides(x->shape, strides);
    tp__move((size_t)view_itemsize(x), x->shape, tp__data(y), strides, tp__data(x), x->strides);
    return tp__record(op, y, TP__INPUTS(x), NULL, 0);
}

/* Replaces a size of -1 in `shape` by what `numel` elements leave for it. `of` is what they were, for
 * messages. */
static bool reshape_infer(const char *op, tp_shape of, int64_t numel, tp_shape *shape) {
    if (!tp__check_ndim(op, *shape)) return false;
    tp_shape given = *shape;
    int open = -1;
    for (int d = 0; d < given.ndim; d++) {
        if (given.dims[d] >= 0) continue;
        if (given.dims[d] < -1 || open >= 0) {
            tp__error(TP_ERR_SHAPE, op, "only one size may be -1 and none less: %s", tp__shape_text(given));
            return false;
        }
        open = d;
    }
    if (open >= 0) shape->dims[open] = 1;
    int64_t rest = tp_shape_numel(*shape);
    if (open >= 0 && rest == 0 && numel == 0) {
        tp__error(TP_ERR_SHAPE, op, "the size -1 could be any: %s of no elements to %s", tp__shape_text(of),
                  tp__shape_text(given));
        return false;
    }
    if (open >= 0 && rest > 0 && numel % rest == 0) {
        shape->dims[open] = numel / rest;
        rest = numel;
    }
    if (rest == numel) return true;
    tp__error(TP_ERR_SHAPE, op, "the numbers of elements differ: %s to %s", tp__shape_text(of),
              tp__shape_text(given));
    return false;
}

tp_tensor *tp_reshape(tp_tensor *x, tp_shape shape) {
    TP_REQUIRE(x, "reshape");
    if (!reshape_infer("reshape", x->shape, x->numel, &shape)) return NULL;
    return reshape_make(&reshape_op, x, shape);
}

tp_tensor *tp_flatten(tp_tensor *x, int start_dim, int end_dim) {
    TP_REQUIRE(x, "flatten");
    int start = tp__wrap_dim("flatten", start_dim, x->shape.ndim);
    int end = start < 0 ? -1 : tp__wrap_dim("flatten", end_dim, x->shape.ndim);
    if (end < 0) return NULL;
    if (start > end)
        TP_FAIL(TP_ERR_ARGUMENT, "flatten", "start_dim %d lies behind end_dim %d of %s", start_dim, end_dim,
                tp__shape_text(x->shape));
    if (x->shape.ndim == 0) return reshape_make(&flatten_op, x, TP_SHAPE(1));
    tp_shape shape = {x->shape.ndim - (end - start), {0}};
    for (int d = 0; d < start; d++) shape.dims[d] = x->shape.dims[d];
    shape.dims[start] = 1;
    for (int d = start; d <= end; d++) shape.dims[start] *= x->shape.dims[d];
    for (int d = start + 1; d < shape.ndim; d++) shape.dims[d] = x->shape.dims[d + end - start];
    return reshape_make(&flatten_op, x, shape);
}

tp_tensor *tp_unflatten(tp_tensor *x, int dim, tp_shape sizes) {
    TP_REQUIRE(x, "unflatten");
    int d = tp__wrap_own_dim("unflatten", dim, x);
    if (d < 0) return NULL;
    if (sizes.ndim == 0) TP_FAIL(TP_ERR_ARGUMENT, "unflatten", "the list of sizes is empty");
    if (!reshape_infer("unflatten", TP_SHAPE(x->shape.dims[d]), x->shape.dims[d], &sizes)) return NULL;
    int more = sizes.ndim - 1;
    if (x->shape.ndim + more > TP_MAX_DIMS)
        TP_FAIL(TP_ERR_SHAPE, "unflatten", "%s with dim %d split into %s has more than %d dims",
                tp__shape_text(x->shape), d, tp__shape_text(sizes), TP_MAX_DIMS);
    tp_shape shape = {x->shape.ndim + more, {0}};
    for (int i = 0; i < d; i++) shape.dims[i] = x->shape.dims[i];
    for (int i = 0; i < sizes.ndim; i++) shape.dims[d + i] = sizes.dims[i];
    for (int i = d + 1; i < x->shape.ndim; i++) shape.dims[i + more] = x->shape.dims[i];
    return reshape_make(&unflatten_op, x, shape);
}

tp_tensor *tp_squeeze(tp_tensor *x, tp_dims dims) {
    TP_REQUIRE(x, "squeeze");
    bool mask[TP_MAX_DIMS];
    if (!tp__dims_mask("squeeze", dims, x->shape.ndim, mask)) return NULL;
    tp_shape shape = {0};
    int64_t strides[TP_MAX_DIMS];
    for (int d = 0; d < x->shape.ndim; d++) {
        if (mask[d] && x->shape.dims[d] == 1) continue;
        strides[shape.ndim] = x->strides[d];
        shape.dims[shape.ndim++] = x->shape.dims[d];
    }
    return view_make(&squeeze_op, x, shape, strides, x->offset, NULL, 0);
}

tp_tensor *tp_unsqueeze(tp_tensor *x, int dim) {
    TP_REQUIRE(x, "unsqueeze");
    int at = tp__wrap_new_dim("unsqueeze", dim, x->shape);
    if (at < 0) return NULL;
    int ndim = x->shape.ndim;
    int64_t strides[TP_MAX_DIMS];
    for (int d = 0; d < at; d++) strides[d] = x->strides[d];
    strides[at] = at < ndim ? x->shape.dims[at] * x->strides[at] : 1;
    for (int d = at; d < ndim; d++) strides[d + 1] = x->strides[d];
    return view_make(&unsqueeze_op, x, tp__shape_insert(x->shape, at, 1), strides, x->offset, NULL, 0);
}

/* ---- dims in another order --------------------------------------------------------------------------- */

static void transpose_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const int *dims = tp__attr(ctx);
    dx[0] = tp_transpose(g[0], dims[0], dims[1]);
}

static const tp__op transpose_op = {.name = "transpose", .vjp = transpose_vjp};
static const tp__op t_op = {.name = "t", .vjp = transpose_vjp};

static tp_tensor *transpose_make(const tp__op *op, tp_tensor *x, int a, int b) {
    tp_shape shape = x->shape;
    int64_t strides[TP_MAX_DIMS];
    for (int d = 0; d < shape.ndim; d++) strides[d] = x->strides[d];
    if (a != b) { /* in a 0-d tensor they are both 0, and there is nothing to read */
        shape.dims[a] = x->shape.dims[b];
        shape.dims[b] = x->shape.dims[a];
        strides[a] = x->strides[b];
        strides[b] = x->strides[a];
    }
    return view_make(op, x, shape, strides, x->offset, (int[]){a, b}, 2 * sizeof(int));
}

tp_tensor *tp_transpose(tp_tensor *x, int dim0, int dim1) {
    TP_REQUIRE(x, "transpose");
    int a = tp__wrap_dim("transpose", dim0, x->shape.ndim);
    int b = a < 0 ? -1 : tp__wrap_dim("transpose", dim1, x->shape.ndim);
    return b < 0 ? NULL : transpose_make(&transpose_op, x, a, b);
}

tp_tensor *tp_t(tp_tensor *x) {
    TP_REQUIRE(x, "t");
    if (x->shape.ndim > 2)
        TP_FAIL(TP_ERR_SHAPE, "t", "takes at most 2 dims, got shape %s", tp__shape_text(x->shape));
    return transpose_make(&t_op, x, 0, x->shape.ndim == 2);
}

static void permute_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const tp_dims *inverse = tp__attr(ctx);
    dx[0] = tp_permute(g[0], *inverse);
}

static const tp__op permute_op = {.name = "permute", .vjp = permute_vjp};

tp_tensor *tp_permute(tp_tensor *x, tp_dims dims) {
    TP_REQUIRE(x, "permute");
    int ndim = x->shape.ndim;
    if (dims.count != ndim)
        TP_FAIL(TP_ERR_ARGUMENT, "permute", "%d dims for a tensor of shape %s", dims.count,
                tp__shape_text(x->shape));
    tp_shape shape = {ndim, {0}};
    int64_t strides[TP_MAX_DIMS];
    tp_dims inverse = {ndim, {0}};
    unsigned seen = 0;
    for (int i = 0; i < ndim; i++) {
        int d = tp__wrap_dim("permute", dims.items[i], ndim);
        if (d < 0) return NULL;
        if (seen >> d & 1) TP_FAIL(TP_ERR_ARGUMENT, "permute", "dim %d is given twice", d);
        seen |= 1u << d;
        shape.dims[i] = x->shape.dims[d];
        strides[i] = x->strides[d];
        inverse.items[d] = i;
    }
    return view_make(&permute_op, x, shape, strides, x->offset, &inverse, sizeof inverse);
}

/* ---- expand ------------------------------------------------------------------------------------------ */

static void expand_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp_sum_to_shape(g[0], tp__input_shape(ctx, 0));
}

static const tp__op expand_op = {.name = "expand", .vjp = expand_vjp};

tp_tensor *tp_broadcast_to(tp_tensor *x, tp_shape shape) {
    const char *op = "broadcast_to";
    TP_REQUIRE(x, op);
    tp_tensor *y = tp_expand(x, shape);
    if (!y) tp__error_rename("expand", op);
    return y;
}

tp_tensor *tp_expand(tp_tensor *x, tp_shape shape) {
    TP_REQUIRE(x, "expand");
    tp_shape given = shape;
    if (!tp__check_ndim("expand", shape)) return NULL;
    int more = shape.ndim - x->shape.ndim;
    if (more < 0)
        TP_FAIL(TP_ERR_SHAPE, "expand", "fewer dims than the tensor has: %s to %s", tp__shape_text(x->shape),
                tp__shape_text(given));
    int64_t strides[TP_MAX_DIMS];
    for (int d = 0; d < shape.ndim; d++) {
        bool is_new = d < more;
        int64_t size = is_new ? 1 : x->shape.dims[d - more];
        if (shape.dims[d] == -1 && !is_new) shape.dims[d] = size;
        bool stretched = shape.dims[d] != size;
        if (shape.dims[d] < 0 || (stretched && size != 1))
            TP_FAIL(TP_ERR_SHAPE, "expand", "%s does not stretch to %s, at size %lld",
                    tp__shape_text(x->shape), tp__shape_text(given), (long long)given.dims[d]);
        strides[d] = stretched || is_new ? 0 : x->strides[d - more];
    }
    if (tp__shape_check("expand", shape, (tp_dtype)x->dtype) < 0) return NULL;
    return view_make(&expand_op, x, shape, strides, x->offset, NULL, 0);
}

/* ---- parts of a dim ---------------------------------------------------------------------------------- */

typedef struct slice_attr {
    int dim;
    int64_t start, step;
} slice_attr;

static void slice_backward_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const slice_attr *at = tp__attr(ctx);
    int64_t length = tp__input_shape(ctx, 0).dims[at->dim];
    int64_t end = length > 0 ? at->start + (length - 1) * at->step + 1 : at->start;
    dx[0] = tp_slice(g[0], at->dim, at->start, end, at->step);
}

static const tp__op slice_backward_op = {.name = "slice_backward", .vjp = slice_backward_vjp};

/* `part` in place of a slice of zeros: the transpose of tp_slice(). */
static tp_tensor *slice_backward(tp_tensor *part, tp_shape shape, slice_attr at) {
    TP_REQUIRE(part, "slice_backward");
    tp_tensor *y = tp__tensor_new("slice_backward", shape, (tp_dtype)part->dtype);
    if (!y) return NULL;
    int64_t item = view_itemsize(part), strides[TP_MAX_DIMS];
    if (part->numel != y->numel) tp__move_fill((size_t)item, tp__data(y), NULL, y->numel);
    for (int d = 0; d < shape.ndim; d++) strides[d] = y->strides[d] * (d == at.dim ? at.step : 1);
    tp__move((size_t)item, part->shape, tp__data(y) + at.start * y->strides[at.dim] * item, strides,
             tp__data(part), part->strides);
    return tp__record(&slice_backward_op, y, TP__INPUTS(part), &at, sizeof at);
}

static void slice_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const slice_attr *at = tp__attr(ctx);
    dx[0] = slice_backward(g[0], tp__input_shape(ctx, 0), *at);
}

static void select_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const slice_attr *at = tp__attr(ctx);
    dx[0] = slice_backward(tp_unsqueeze(g[0], at->dim), tp__input_shape(ctx, 0), *at);
}

static const tp__op narrow_op = {.name = "narrow", .vjp = slice_vjp};
static const tp__op slice_op = {.name = "slice", .vjp = slice_vjp};
static const tp__op select_op = {.name = "select", .vjp = select_vjp};

static tp_tensor *slice_make(const tp__op *op, tp_tensor *x, int dim, tp__slice part) {
    tp_shape shape = x->shape;
    int64_t strides[TP_MAX_DIMS];
    for (int d = 0; d < shape.ndim; d++) strides[d] = x->strides[d];
    shape.dims[dim] = part.length;
    strides[dim] *= part.step;
    slice_attr at = {dim, part.start, part.step};
    return view_make(op, x, shape, strides, x->offset + part.start * x->strides[dim], &at, sizeof at);
}

tp_tensor *tp_narrow(tp_tensor *x, int dim, int64_t start, int64_t length) {
    TP_REQUIRE(x, "narrow");
    int d = tp__wrap_own_dim("narrow", dim, x);
    if (d < 0) return NULL;
    int64_t size = x->shape.dims[d], first = start < 0 ? start + size : start;
    if (first < 0 || first > size || length < 0 || length > size - first)
        TP_FAIL(TP_ERR_INDEX, "narrow", "start %lld and length %lld are out of range for size %lld of dim %d",
                (long long)start, (long long)length, (long long)size, d);
    return slice_make(&narrow_op, x, d, (tp__slice){first, length, 1});
}

tp_tensor *tp_slice(tp_tensor *x, int dim, int64_t start, int64_t end, int64_t step) {
    TP_REQUIRE(x, "slice");
    int d = tp__wrap_own_dim("slice", dim, x);
    tp__slice part;
    if (d < 0 || !tp__slice_resolve("slice", x->shape.dims[d], start, end, step, &part)) return NULL;
    return slice_make(&slice_op, x, d, part);
}

tp_tensor *tp_select(tp_tensor *x, int dim, int64_t index) {
    TP_REQUIRE(x, "select");
    int d = tp__wrap_own_dim("select", dim, x);
    int64_t i = d < 0 ? -1 : tp__wrap_index("select", index, x->shape.dims[d], d);
    if (i < 0) return NULL;
    int64_t strides[TP_MAX_DIMS];
    for (int k = 0; k < d; k++) strides[k] = x->strides[k];
    for (int k = d + 1; k < x->shape.ndim; k++) strides[k - 1] = x->strides[k];
    slice_attr at = {d, i, 1};
    return view_make(&select_op, x, tp__shape_drop(x->shape, d), strides, x->offset + i * x->strides[d], &at,
                     sizeof at);
}

/* ---- split ------------------------------------------------------------------------------------------- */

/* One node for all pieces: their gradients are joined once, where as many narrows would each fill a tensor
 * of the whole size. */
static void split_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const slice_attr *at = tp__attr(ctx);
    tp_shape shape = tp__input_shape(ctx, 0);
    int64_t size = shape.dims[at->dim];
    int count = size > at->step ? (int)((size + at->step - 1) / at->step) : 1;
    dx[0] = tp_cat((tp_tensors){count, (tp_tensor **)(uintptr_t)g}, at->dim);
}

static const tp__op split_op = {.name = "split", .vjp = split_vjp};

/* Checks the arguments of tp_split(), wraps the dim; -1 with a record. */
static int split_check(const tp_tensor *x, int64_t size, int dim, tp_tensor **outputs, int count) {
    if (!outputs) {
        tp__error_null("split", "outputs");
        return -1;
    }
    int d = tp__wrap_own_dim("split", dim, x);
    if (d < 0) return -1;
    int64_t whole = x->shape.dims[d];
    if (size < 0 || (size == 0 && whole > 0)) {
        tp__error(TP_ERR_ARGUMENT, "split", "size is %lld, must be at least 1", (long long)size);
        return -1;
    }
    int64_t pieces = whole > size ? 1 + (whole - 1) / size : 1;
    if (count != pieces) {
        tp__error(TP_ERR_ARGUMENT, "split", "size %lld of dim %d in pieces of %lld makes %lld, not %d",
                  (long long)whole, d, (long long)size, (long long)pieces, count);
        return -1;
    }
    return d;
}

static bool split_make(tp_tensor *x, int64_t size, int d, tp_tensor **outputs, int count) {
    tp_shape shape = x->shape;
    for (int k = 0; k < count; k++) {
        int64_t start = k * size, left = x->shape.dims[d] - start;
        shape.dims[d] = left < size ? left : size;
        outputs[k] = tp__tensor_alias("split", x, shape, x->strides, x->offset + start * x->strides[d]);
        if (!outputs[k]) return false;
    }
    slice_attr at = {d, 0, size};
    return tp__record_call(&(tp__call){.op = &split_op,
                                       .n_in = 1,
                                       .in = &x,
                                       .n_out = count,
                                       .out = outputs,
                                       .attr = &at,
                                       .attr_size = sizeof at});
}

tp_status tp_split(tp_tensor *x, int64_t size, int dim, tp_tensor **outputs, int count) {
    for (int k = 0; outputs && k < count; k++) outputs[k] = NULL;
    if (!x) return tp__deliver(tp__error_null("split", "x"));
    int d = split_check(x, size, dim, outputs, count);
    if (d >= 0 && split_make(x, size, d, outputs, count)) return TP_OK;
    for (int k = 0; outputs && k < count; k++) outputs[k] = NULL;
    return tp__deliver(tp_last_error().code);
}
