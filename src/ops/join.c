/* Joining tensors, and writing one into a part of a copy of another. */
#include "ops/layout.h"
#include "ops/ops.h"
#include "taper/views.h"

/* Copies `x`, converted to the dtype of `y`, to where `to` and `strides` say in `y`. The conversion is never
 * recorded: the engine converts the gradient back. */
static bool join_put(const char *op, const tp_tensor *y, char *to, const int64_t *strides, tp_tensor *x) {
    size_t item = tp__itemsize((tp_dtype)y->dtype);
    if (TP__LIKELY(x->dtype == y->dtype)) {
        tp__move(item, x->shape, to, strides, tp__data(x), x->strides);
        return true;
    }
    tp_scope *s = tp_scope_begin();
    x = s ? tp__cast(op, x, (tp_dtype)y->dtype) : NULL;
    if (x) tp__move(item, x->shape, to, strides, tp__data(x), x->strides);
    tp_scope_end(s);
    return x != NULL;
}

/* The address of index `i` of dim `dim`. */
static char *join_at(const tp_tensor *y, int dim, int64_t i) {
    return tp__data(y) + i * y->strides[dim] * (int64_t)tp__itemsize((tp_dtype)y->dtype);
}

/* ---- cat --------------------------------------------------------------------------------------------- */

/* PyTorch passes over 1-d tensors without elements, whatever the others' shapes. */
static bool cat_skips(const tp_tensor *t) { return t->shape.ndim == 1 && t->numel == 0; }

typedef struct cat_attr {
    int dim, count;
    int64_t *starts; /* where in `dim` each input begins; -1 for one passed over */
} cat_attr;

static void cat_free_attr(void *attr) {
    cat_attr *at = attr;
    tp__small_free(at->starts, (size_t)at->count * sizeof *at->starts);
}

static void cat_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const cat_attr *at = tp__attr(ctx);
    for (int i = 0; i < at->count; i++) {
        if (!tp__needs(ctx, i)) continue;
        tp_shape shape = tp__input_shape(ctx, i);
        dx[i] = at->starts[i] < 0 ? tp_zeros(shape, (tp_dtype)g[0]->dtype)
                                  : tp_narrow(g[0], at->dim, at->starts[i], shape.dims[at->dim]);
    }
}

static const tp__op cat_op = {.name = "cat", .vjp = cat_vjp, .free_attr = cat_free_attr};

/* Is there a list, without NULLs? */
static bool join_check_list(const char *op, tp_tensors tensors) {
    if (tp__check_tensors(op, "tensors", tensors) != TP_OK) return false;
    if (tensors.count > 0) return true;
    tp__error(TP_ERR_ARGUMENT, op, "the list of tensors is empty");
    return false;
}

static tp_dtype join_dtype(tp_tensors tensors) {
    tp_dtype dtype = (tp_dtype)tensors.items[0]->dtype;
    for (int i = 1; i < tensors.count; i++)
        if (tensors.items[i]->dtype != dtype)
            dtype = tp_promote_types(dtype, (tp_dtype)tensors.items[i]->dtype);
    return dtype;
}

/* Are the shapes alike but in `dim`? */
static bool cat_fits(tp_shape a, tp_shape b, int dim) {
    if (a.ndim != b.ndim) return false;
    for (int d = 0; d < a.ndim; d++)
        if (d != dim && a.dims[d] != b.dims[d]) return false;
    return true;
}

/* The result's shape and the wrapped dim; false with a record. */
static bool cat_shape(tp_tensors tensors, int *dim, tp_shape *out) {
    int model = 0;
    for (int i = 0; i < tensors.count; i++)
        if (tensors.items[i]->shape.ndim == 0) {
            tp__error(TP_ERR_SHAPE, "cat", "tensors[%d] is 0-d; tp_stack() joins such", i);
            return false;
        }
    while (model < tensors.count - 1 && cat_skips(tensors.items[model])) model++;
    *out = tensors.items[model]->shape;
    *dim = tp__wrap_dim("cat", *dim, out->ndim);
    if (*dim < 0) return false;
    tp_shape first = *out;
    for (int i = model + 1; i < tensors.count; i++) {
        const tp_tensor *t = tensors.items[i];
        if (cat_skips(t)) continue;
        if (!cat_fits(first, t->shape, *dim)) {
            tp__error(TP_ERR_SHAPE, "cat",
                      "tensors[%d] is %s, tensors[%d] %s: they may differ in dim %d only", i,
                      tp__shape_text(t->shape), model, tp__shape_text(first), *dim);
            return false;
        }
        if (__builtin_add_overflow(out->dims[*dim], t->shape.dims[*dim], &out->dims[*dim])) {
            tp__error(TP_ERR_SHAPE, "cat", "the result would have too many elements");
            return false;
        }
    }
    return true;
}

/* Copies the inputs to their places and notes in `starts`, unless NULL, where those are. */
static bool cat_fill(tp_tensor *y, tp_tensors tensors, int dim, int64_t *starts) {
    int64_t start = 0;
    for (int i = 0; i < tensors.count; i++) {
        tp_tensor *t = tensors.items[i];
        bool skip = cat_skips(t);
        if (starts) starts[i] = skip ? -1 : start;
        if (skip) continue;
        if (!join_put("cat", y, join_at(y, dim, start), y->strides, t)) return false;
        start += t->shape.dims[dim];
    }
    return true;
}

tp_tensor *tp_cat(tp_tensors tensors, int dim) {
    tp_shape shape;
    if (!join_check_list("cat", tensors) || !cat_shape(tensors, &dim, &shape)) return NULL;
    tp_tensor *y = tp__tensor_new("cat", shape, join_dtype(tensors));
    if (!y) return NULL;
    if (!tp__will_record(tensors.count, tensors.items)) return cat_fill(y, tensors, dim, NULL) ? y : NULL;
    cat_attr at = {dim, tensors.count, tp__small_alloc((size_t)tensors.count * sizeof *at.starts)};
    if (!at.starts) {
        tp__error_memory("cat", (size_t)tensors.count * sizeof *at.starts);
        return NULL;
    }
    if (!cat_fill(y, tensors, dim, at.starts)) y = NULL; /* tp__record() then frees the attributes */
    return tp__record(&cat_op, y, tensors.count, tensors.items, &at, sizeof at);
}

/* ---- stack ------------------------------------------------------------------------------------------- */

static void stack_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const int *dim = tp__attr(ctx);
    for (int i = 0; i < tp__input_count(ctx); i++)
        if (tp__needs(ctx, i)) dx[i] = tp_select(g[0], *dim, i);
}

static const tp__op stack_op = {.name = "stack", .vjp = stack_vjp};

tp_tensor *tp_stack(tp_tensors tensors, int dim) {
    if (!join_check_list("stack", tensors)) return NULL;
    tp_shape one = tensors.items[0]->shape;
    for (int i = 1; i < tensors.count; i++)
        if (!tp_shape_equal(tensors.items[i]->shape, one))
            TP_FAIL(TP_ERR_SHAPE, "stack", "tensors[%d] is %s, tensors[0] %s: they must be alike", i,
                    tp__shape_text(tensors.items[i]->shape), tp__shape_text(one));
    int at = tp__wrap_new_dim("stack", dim, one);
    if (at < 0) return NULL;
    tp_tensor *y = tp__tensor_new("stack", tp__shape_insert(one, at, tensors.count), join_dtype(tensors));
    if (!y) return NULL;
    int64_t strides[TP_MAX_DIMS];
    for (int d = 0; d < one.ndim; d++) strides[d] = y->strides[d < at ? d : d + 1];
    for (int i = 0; i < tensors.count; i++)
        if (!join_put("stack", y, join_at(y, at, i), strides, tensors.items[i])) return NULL;
    return tp__record(&stack_op, y, tensors.count, tensors.items, &at, sizeof at);
}

/* ---- scatter into a slice ---------------------------------------------------------------------------- */

typedef struct scatter_attr {
    int dim;
    tp__slice part;
} scatter_attr;

/* The zeros that take the place of `source` in the gradient of `x`, which had no part in the result there. */
static tp_tensor *scatter_hole(const tp_tensor *g, const scatter_attr *at, bool select) {
    tp_shape shape = g->shape;
    shape.dims[at->dim] = at->part.length;
    return tp_zeros(select ? tp__shape_drop(shape, at->dim) : shape, (tp_dtype)g->dtype);
}

static void slice_scatter_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const scatter_attr *at = tp__attr(ctx);
    int64_t start = at->part.start, step = at->part.step;
    int64_t end = at->part.length > 0 ? start + (at->part.length - 1) * step + 1 : start;
    if (tp__needs(ctx, 0))
        dx[0] = tp_slice_scatter(g[0], scatter_hole(g[0], at, false), at->dim, start, end, step);
    if (tp__needs(ctx, 1)) dx[1] = tp_slice(g[0], at->dim, start, end, step);
}

static void select_scatter_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const scatter_attr *at = tp__attr(ctx);
    if (tp__needs(ctx, 0))
        dx[0] = tp_select_scatter(g[0], scatter_hole(g[0], at, true), at->dim, at->part.start);
    if (tp__needs(ctx, 1)) dx[1] = tp_select(g[0], at->dim, at->part.start);
}

static const tp__op slice_scatter_op = {.name = "slice_scatter", .vjp = slice_scatter_vjp};
static const tp__op select_scatter_op = {.name = "select_scatter", .vjp = select_scatter_vjp};

/* `shape` and `strides` are those of the part that `source` replaces. */
static tp_tensor *scatter_make(const tp__op *op, tp_tensor *x, tp_tensor *source, tp_shape shape,
                               const int64_t *steps, scatter_attr at) {
    if (!tp_shape_equal(source->shape, shape))
        TP_FAIL(TP_ERR_SHAPE, op->name, "source is %s, the part it replaces %s",
                tp__shape_text(source->shape), tp__shape_text(shape));
    tp_tensor *y = tp__tensor_new(op->name, x->shape, (tp_dtype)x->dtype);
    if (!y) return NULL;
    tp__move_tensor(y, x);
    if (!join_put(op->name, y, join_at(y, at.dim, at.part.start), steps, source)) return NULL;
    return tp__record(op, y, TP__INPUTS(x, source), &at, sizeof at);
}

tp_tensor *tp_slice_scatter(tp_tensor *x, tp_tensor *source, int dim, int64_t start, int64_t end,
                            int64_t step) {
    TP_REQUIRE(x, "slice_scatter");
    TP_REQUIRE(source, "slice_scatter");
    scatter_attr at = {tp__wrap_own_dim("slice_scatter", dim, x), {0, 0, 1}};
    if (at.dim < 0 || !tp__slice_resolve("slice_scatter", x->shape.dims[at.dim], start, end, step, &at.part))
        return NULL;
    int64_t steps[TP_MAX_DIMS];
    tp__dense_strides(x->shape, steps);
    steps[at.dim] *= at.part.step;
    tp_shape shape = x->shape;
    shape.dims[at.dim] = at.part.length;
    return scatter_make(&slice_scatter_op, x, source, shape, steps, at);
}

tp_tensor *tp_select_scatter(tp_tensor *x, tp_tensor *source, int dim, int64_t index) {
    TP_REQUIRE(x, "select_scatter");
    TP_REQUIRE(source, "select_scatter");
    int d = tp__wrap_own_dim("select_scatter", dim, x);
    int64_t i = d < 0 ? -1 : tp__wrap_index("select_scatter", index, x->shape.dims[d], d);
    if (i < 0) return NULL;
    int64_t steps[TP_MAX_DIMS];
    tp__dense_strides(x->shape, steps);
    for (int k = d; k < x->shape.ndim - 1; k++) steps[k] = steps[k + 1];
    return scatter_make(&select_scatter_op, x, source, tp__shape_drop(x->shape, d), steps,
                        (scatter_attr){d, {i, 1, 1}});
}
