/* Picking by index, and adding to what was picked: each is the other's transpose. One loop serves them
 * all. It runs over the elements of `part` (what is picked, or added), with an index for each of them,
 * which says where along the indexed dim of `whole` its partner lies. */
#include "taper/index.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "ops/index.h"
#include "ops/layout.h"
#include "ops/ops.h"

/* One row of that loop: n elements; steps in elements. `dim_step` is the step of the indexed dim of
 * `whole`. */
typedef struct index_row {
    int64_t n, part_step, index_step, whole_step, dim_step;
} index_row;

typedef void index_row_fn(const index_row *row, char *part, const int64_t *index, char *whole);

/* part = whole[index] */
#define INDEX_GET(bits, type)                                                                                \
    static void index_get##bits(const index_row *r, char *part, const int64_t *index, char *whole) {         \
        type *p = (type *)(void *)part;                                                                      \
        const type *w = (const type *)(const void *)whole;                                                   \
        if (r->index_step == 0 && r->part_step == 1 && r->whole_step == 1) {                                 \
            memcpy(p, w + index[0] * r->dim_step, (size_t)r->n * sizeof *p);                                 \
            return;                                                                                          \
        }                                                                                                    \
        if (r->index_step == 1 && r->part_step == 1 && r->whole_step == 0 && r->dim_step == 1) {             \
            for (int64_t j = 0; j < r->n; j++) p[j] = w[index[j]];                                           \
            return;                                                                                          \
        }                                                                                                    \
        for (int64_t j = 0; j < r->n; j++)                                                                   \
            p[j * r->part_step] = w[index[j * r->index_step] * r->dim_step + j * r->whole_step];             \
    }
INDEX_GET(1, tp__item1)
INDEX_GET(4, tp__item4)
INDEX_GET(8, tp__item8)
#undef INDEX_GET

/* whole[index] += part, in the order of the row. Integers wrap around. */
#define INDEX_ADD(suffix, type, ADDED)                                                                       \
    static void index_add_##suffix(const index_row *r, char *part, const int64_t *index, char *whole) {      \
        const type *p = (const type *)(const void *)part;                                                    \
        type *w = (type *)(void *)whole;                                                                     \
        if (r->index_step == 0 && r->part_step == 1 && r->whole_step == 1) {                                 \
            w += index[0] * r->dim_step;                                                                     \
            for (int64_t j = 0; j < r->n; j++) w[j] = (type)(ADDED(w[j], p[j]));                             \
            return;                                                                                          \
        }                                                                                                    \
        for (int64_t j = 0; j < r->n; j++) {                                                                 \
            type *at = &w[index[j * r->index_step] * r->dim_step + j * r->whole_step];                       \
            *at = (type)(ADDED(*at, p[j * r->part_step]));                                                   \
        }                                                                                                    \
    }
#define INDEX_PLUS(a, b) ((a) + (b))
#define INDEX_OR(a, b) ((a) | (b))
INDEX_ADD(f32, float, INDEX_PLUS)
INDEX_ADD(f64, double, INDEX_PLUS)
INDEX_ADD(i64, tp__item8, INDEX_PLUS)
INDEX_ADD(i32, tp__item4, INDEX_PLUS)
INDEX_ADD(u8, tp__item1, INDEX_PLUS)
INDEX_ADD(bool, tp__item1, INDEX_OR)
#undef INDEX_ADD

/* whole[index] = part: of places named twice the last one stays. */
#define INDEX_SET(bits, type)                                                                                \
    static void index_set##bits(const index_row *r, char *part, const int64_t *index, char *whole) {         \
        const type *p = (const type *)(const void *)part;                                                    \
        type *w = (type *)(void *)whole;                                                                     \
        for (int64_t j = 0; j < r->n; j++)                                                                   \
            w[index[j * r->index_step] * r->dim_step + j * r->whole_step] = p[j * r->part_step];             \
    }
INDEX_SET(1, tp__item1)
INDEX_SET(4, tp__item4)
INDEX_SET(8, tp__item8)
#undef INDEX_SET

typedef enum index_way { INDEX_GETS, INDEX_ADDS, INDEX_SETS } index_way;

static index_row_fn *index_get_row(const tp_tensor *t) {
    size_t item = tp__itemsize((tp_dtype)t->dtype);
    return item == 1 ? index_get1 : item == 4 ? index_get4 : index_get8;
}

static index_row_fn *index_set_row(const tp_tensor *t) {
    size_t item = tp__itemsize((tp_dtype)t->dtype);
    return item == 1 ? index_set1 : item == 4 ? index_set4 : index_set8;
}

static index_row_fn *index_add_row(const tp_tensor *t) {
    switch ((tp_dtype)t->dtype) {
    case TP_F32: return index_add_f32;
    case TP_F64: return index_add_f64;
    case TP_I64: return index_add_i64;
    case TP_I32: return index_add_i32;
    case TP_U8: return index_add_u8;
    case TP_BOOL: break;
    }
    return index_add_bool;
}

/* ---- the loop ---------------------------------------------------------------------------------------- */

typedef struct index_loop {
    index_row_fn *row;
    int64_t item, dim_step;
    char *part, *whole;
    const int64_t *index;
    int ndim, along; /* which of the dims below is the indexed one; -1 if it has size 1 */
    int split;       /* the dim shared out among threads */
    int64_t size[TP_MAX_DIMS], part_step[TP_MAX_DIMS], index_step[TP_MAX_DIMS];
    int64_t whole_step[TP_MAX_DIMS]; /* 0 for the indexed dim: dim_step is its */
} index_loop;

/* Strides of a tensor that may be 0-d and is then taken for one of a single element. */
static const int64_t *index_strides(const tp_tensor *t) {
    static const int64_t one[1] = {1};
    return t->shape.ndim ? t->strides : one;
}

/* Adds a dim behind the others, as one with the last where the steps allow it. */
static void index_add_dim(index_loop *loop, int64_t size, int64_t part, int64_t index, int64_t whole,
                          bool along) {
    if (size == 1) return;
    int n = loop->ndim;
    if (n > 0 && !along && loop->along != n - 1 && loop->part_step[n - 1] == size * part &&
        loop->index_step[n - 1] == size * index && loop->whole_step[n - 1] == size * whole) {
        size *= loop->size[n - 1];
        n--;
    }
    if (along) loop->along = n;
    loop->size[n] = size;
    loop->part_step[n] = part;
    loop->index_step[n] = index;
    loop->whole_step[n] = whole;
    loop->ndim = n + 1;
}

static void index_run(const index_loop *loop) {
    int last = loop->ndim - 1;
    int64_t at[TP_MAX_DIMS] = {0}, item = loop->item;
    char *part = loop->part, *whole = loop->whole;
    const int64_t *index = loop->index;
    index_row row = {loop->size[last], loop->part_step[last], loop->index_step[last], loop->whole_step[last],
                     loop->dim_step};
    for (;;) {
        loop->row(&row, part, index, whole);
        int d = last - 1;
        for (; d >= 0; d--) {
            part += loop->part_step[d] * item;
            index += loop->index_step[d];
            whole += loop->whole_step[d] * item;
            if (++at[d] < loop->size[d]) break;
            part -= loop->part_step[d] * loop->size[d] * item;
            index -= loop->index_step[d] * loop->size[d];
            whole -= loop->whole_step[d] * loop->size[d] * item;
            at[d] = 0;
        }
        if (d < 0) return;
    }
}

static void index_range(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const index_loop *all = context;
    index_loop loop = *all;
    int d = all->split;
    loop.size[d] = end - begin;
    loop.part += begin * loop.part_step[d] * loop.item;
    loop.index += begin * loop.index_step[d];
    loop.whole += begin * loop.whole_step[d] * loop.item;
    index_run(&loop);
}

/* Runs over the first elements of `part`, of `shape`; `index_step` are the steps of the packed `index`.
 * Where `whole` is written, threads share any dim but the indexed one: each of its elements is then written by one
 * thread, in the order of that dim. */
static void index_walk(tp_tensor *part, tp_shape shape, tp_tensor *index, const int64_t *index_step,
                       tp_tensor *whole, int dim, index_way way) {
    int64_t n = tp_shape_numel(shape);
    if (n == 0) return;
    const int64_t *part_step = index_strides(part), *whole_step = index_strides(whole);
    index_loop loop = {.row = way == INDEX_GETS   ? index_get_row(part)
                              : way == INDEX_ADDS ? index_add_row(part)
                                                  : index_set_row(part),
                       .item = (int64_t)tp__itemsize((tp_dtype)part->dtype),
                       .dim_step = whole_step[dim],
                       .part = tp__data(part),
                       .whole = tp__data(whole),
                       .index = tp__data_i64(index),
                       .along = -1,
                       .split = -1};
    for (int d = 0; d < shape.ndim; d++)
        index_add_dim(&loop, shape.dims[d], part_step[d], index_step[d], d == dim ? 0 : whole_step[d],
                      d == dim);
    if (loop.ndim == 0) { /* one element */
        loop.ndim = 1;
        loop.size[0] = 1;
        loop.part_step[0] = loop.index_step[0] = loop.whole_step[0] = 0;
    }
    for (int d = 0; d < loop.ndim; d++)
        if (!(way != INDEX_GETS && d == loop.along) &&
            (loop.split < 0 || loop.size[d] > loop.size[loop.split]))
            loop.split = d;
    if (loop.split < 0) {
        index_run(&loop);
        return;
    }
    int64_t each = n / loop.size[loop.split];
    tp__parallel_for(loop.size[loop.split], (TP__MOVE_GRAIN / 2 + each - 1) / each, index_range, &loop);
}

/* ---- checks ------------------------------------------------------------------------------------------ */

static bool index_check_dtype(const char *op, const tp_tensor *index) {
    if (tp__is_index((tp_dtype)index->dtype)) return true;
    tp__error(TP_ERR_DTYPE, op, "index is %s, must be int64 or int32", tp__dtype_text(index));
    return false;
}

TP__COLD static void index_error(const char *op, const tp_tensor *index, int64_t n, int64_t value,
                                 const char *range) {
    char where[TP_MAX_DIMS * 22 + 4] = "";
    int64_t at[TP_MAX_DIMS];
    for (int d = index->shape.ndim - 1; d >= 0; d--) {
        at[d] = n % index->shape.dims[d];
        n /= index->shape.dims[d];
    }
    size_t used = 0;
    for (int d = 0; d < index->shape.ndim; d++)
        used +=
            (size_t)snprintf(where + used, sizeof where - used, "%s%lld", d ? ", " : "[", (long long)at[d]);
    if (used > 0) snprintf(where + used, sizeof where - used, "]");
    tp__error(TP_ERR_INDEX, op, "index%s is %lld, out of range for %s", where, (long long)value, range);
}

typedef struct index_check_job {
    const int64_t *v;
    int64_t size;
    atomic_bool bad;
} index_check_job;

static void index_check_range(void *context, int64_t begin, int64_t end, int worker) {
    index_check_job *job = context;
    (void)worker;
    bool bad = false;
    for (int64_t i = begin; i < end; i++) bad |= (uint64_t)job->v[i] >= (uint64_t)job->size;
    if (bad) atomic_store_explicit(&job->bad, true, memory_order_relaxed);
}

/* Are all elements of the packed I64 `index` in [0, size)? Else a record of the first that is not. */
static bool index_check_values(const char *op, const tp_tensor *index, int64_t size, int dim) {
    const int64_t *v = tp__data_i64(index);
    index_check_job job = {.v = v, .size = size};
    tp__parallel_for(index->numel, TP__MOVE_GRAIN, index_check_range, &job);
    if (TP__LIKELY(!job.bad)) return true;
    int64_t i = 0;
    while ((uint64_t)v[i] < (uint64_t)size) i++;
    char range[64];
    snprintf(range, sizeof range, "size %lld of dim %d", (long long)size, dim);
    index_error(op, index, i, v[i], range);
    return false;
}

static int64_t index_size(const tp_tensor *t, int dim) { return t->shape.ndim ? t->shape.dims[dim] : 1; }
static int index_ndim(const tp_tensor *t) { return t->shape.ndim ? t->shape.ndim : 1; }

/* Has `index` as many dims as `t`, and is it no larger, but for dim `skip`? 0-d counts as one element in
 * one dim. One without elements fits everything, as in PyTorch. */
static bool index_check_shape(const char *op, const tp_tensor *index, const tp_tensor *t, const char *name,
                              int skip) {
    if (index->numel == 0) return true;
    bool fits = index_ndim(index) == index_ndim(t);
    for (int d = 0; fits && d < index_ndim(index); d++)
        fits = d == skip || index_size(index, d) <= index_size(t, d);
    if (fits) return true;
    if (skip >= 0)
        tp__error(TP_ERR_SHAPE, op, "index is %s, %s %s: it must be no larger but in dim %d",
                  tp__shape_text(index->shape), name, tp__shape_text(t->shape), skip);
    else
        tp__error(TP_ERR_SHAPE, op, "index is %s, %s %s: it must be no larger", tp__shape_text(index->shape),
                  name, tp__shape_text(t->shape));
    return false;
}

/* The steps of a vector `index` that says which slices of `dim` are meant. */
static void index_vector_steps(int64_t *steps, int ndim, int dim) {
    for (int d = 0; d < ndim; d++) steps[d] = d == dim;
}

/* Is `index` a vector or 0-d? */
static bool index_check_vector(const char *op, const tp_tensor *index) {
    if (!index_check_dtype(op, index)) return false;
    if (index->shape.ndim <= 1) return true;
    tp__error(TP_ERR_SHAPE, op, "index is %s, must be a vector", tp__shape_text(index->shape));
    return false;
}

/* What is added must be of the dtype of what it is added to: a sum is not converted silently. */
static bool index_check_source(const char *op, const tp_tensor *x, const tp_tensor *source) {
    if (x->dtype == source->dtype) return true;
    tp__error(TP_ERR_DTYPE, op, "x is %s, source %s: they must be of one dtype", tp__dtype_text(x),
              tp__dtype_text(source));
    return false;
}

/* ---- adding ------------------------------------------------------------------------------------------ */

/* A copy of `x`, or zeros of `shape` where that is NULL, with `source` added at the indices. `vector`:
 * index_add's index, a vector of slices; else scatter_add's, one for each element. Not recorded. */
static tp_tensor *index_sum(const char *op, tp_tensor *x, tp_shape shape, int dim, tp_tensor *index,
                            tp_tensor *source, bool vector) {
    tp_scope *s = tp_scope_begin();
    tp_tensor *at = s ? tp__packed(op, index, TP_I64) : NULL;
    tp_tensor *y = at ? tp__tensor_new(op, shape, (tp_dtype)source->dtype) : NULL;
    if (!y || !index_check_values(op, at, index_size(y, dim), dim)) {
        tp_scope_end(s);
        return NULL;
    }
    if (x) tp__move_tensor(y, x);
    else tp__move_fill(tp__itemsize((tp_dtype)y->dtype), tp__data(y), NULL, y->numel);
    int64_t steps[TP_MAX_DIMS];
    if (vector) index_vector_steps(steps, source->shape.ndim, dim);
    index_walk(source, vector ? source->shape : index->shape, at, vector ? steps : index_strides(at), y, dim,
               INDEX_ADDS);
    return tp_scope_return(s, y);
}

tp_tensor *tp__index_set(const char *op, tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source) {
    tp_scope *s = tp_scope_begin();
    tp_tensor *at = s ? tp__packed(op, index, TP_I64) : NULL, *y = NULL;
    if (at && index_check_values(op, at, index_size(x, dim), dim))
        y = tp__tensor_new(op, x->shape, (tp_dtype)x->dtype);
    if (y) {
        tp__move_tensor(y, x);
        index_walk(source, index->shape, at, index_strides(at), y, dim, INDEX_SETS);
    }
    return s ? tp_scope_return(s, y) : NULL;
}

/* ---- gather and scatter_add -------------------------------------------------------------------------- */

static void gather_backward_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const int *dim = tp__attr(ctx);
    dx[0] = tp_gather(g[0], *dim, tp__input(ctx, 1));
}

static const tp__op gather_backward_op = {.name = "gather_backward",
                                          .vjp = gather_backward_vjp,
                                          .save_inputs = 2};

/* scatter_add into zeros. */
static tp_tensor *gather_backward(tp_tensor *g, tp_shape shape, int dim, tp_tensor *index) {
    TP_REQUIRE(g, "gather_backward");
    TP_REQUIRE(index, "gather_backward");
    tp_tensor *y = index_sum("gather_backward", NULL, shape, dim, index, g, false);
    return tp__record(&gather_backward_op, y, TP__INPUTS(g, index), &dim, sizeof dim);
}

static void gather_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const int *dim = tp__attr(ctx);
    dx[0] = gather_backward(g[0], tp__input_shape(ctx, 0), *dim, tp__input(ctx, 1));
}

static const tp__op gather_op = {.name = "gather", .vjp = gather_vjp, .save_inputs = 2};

tp_tensor *tp_gather(tp_tensor *x, int dim, tp_tensor *index) {
    TP_REQUIRE(x, "gather");
    TP_REQUIRE(index, "gather");
    int d = tp__wrap_dim("gather", dim, x->shape.ndim);
    if (d < 0 || !index_check_dtype("gather", index) || !index_check_shape("gather", index, x, "x", d))
        return NULL;
    tp_scope *s = tp_scope_begin();
    tp_tensor *at = s ? tp__packed("gather", index, TP_I64) : NULL;
    tp_tensor *y = NULL;
    if (at && index_check_values("gather", at, index_size(x, d), d))
        y = tp__tensor_new("gather", index->shape, (tp_dtype)x->dtype);
    if (y) index_walk(y, y->shape, at, index_strides(at), x, d, INDEX_GETS);
    return tp_scope_return(s, tp__record(&gather_op, y, TP__INPUTS(x, index), &d, sizeof d));
}

static void scatter_add_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const int *dim = tp__attr(ctx);
    dx[0] = g[0];
    if (!tp__needs(ctx, 2)) return;
    tp_tensor *index = tp__input(ctx, 1);
    if (index && index->numel == 0) dx[2] = tp_zeros(tp__input_shape(ctx, 2), (tp_dtype)g[0]->dtype);
    else dx[2] = tp_gather(g[0], *dim, index);
}

static const tp__op scatter_add_op = {.name = "scatter_add", .vjp = scatter_add_vjp, .save_inputs = 2};

/* The part of `source` that an index of `shape` reads, differentiably, in that shape. */
static tp_tensor *scatter_source(tp_tensor *source, tp_shape shape) {
    for (int d = 0; source && d < shape.ndim && d < source->shape.ndim; d++)
        if (source->shape.dims[d] != shape.dims[d]) source = tp_narrow(source, d, 0, shape.dims[d]);
    if (source && shape.ndim < source->shape.ndim) source = tp_narrow(source, 0, 0, 1);
    return source && shape.ndim != source->shape.ndim ? tp_reshape(source, shape) : source;
}

tp_tensor *tp_scatter_add(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source) {
    const char *op = "scatter_add";
    TP_REQUIRE(x, op);
    TP_REQUIRE(index, op);
    TP_REQUIRE(source, op);
    int d = tp__wrap_dim(op, dim, x->shape.ndim);
    if (d < 0 || !index_check_dtype(op, index) || !index_check_shape(op, index, x, "x", d) ||
        !index_check_shape(op, index, source, "source", -1) || !index_check_source(op, x, source))
        return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    if (index->numel > 0 && !tp_shape_equal(index->shape, source->shape))
        source = scatter_source(source, index->shape);
    tp_tensor *y = source ? index_sum(op, x, x->shape, d, index, source, false) : NULL;
    return tp_scope_return(s, tp__record(&scatter_add_op, y, TP__INPUTS(x, index, source), &d, sizeof d));
}

/* ---- index_select and index_add ---------------------------------------------------------------------- */

static void index_select_backward_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const int *dim = tp__attr(ctx);
    dx[0] = tp_index_select(g[0], *dim, tp__input(ctx, 1));
}

static const tp__op index_select_backward_op = {.name = "index_select_backward",
                                                .vjp = index_select_backward_vjp,
                                                .save_inputs = 2};

/* index_add to zeros. */
static tp_tensor *index_select_backward(tp_tensor *g, tp_shape shape, int dim, tp_tensor *index) {
    TP_REQUIRE(g, "index_select_backward");
    TP_REQUIRE(index, "index_select_backward");
    tp_tensor *y = index_sum("index_select_backward", NULL, shape, dim, index, g, true);
    return tp__record(&index_select_backward_op, y, TP__INPUTS(g, index), &dim, sizeof dim);
}

static void index_select_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const int *dim = tp__attr(ctx);
    dx[0] = index_select_backward(g[0], tp__input_shape(ctx, 0), *dim, tp__input(ctx, 1));
}

static const tp__op index_select_op = {.name = "index_select", .vjp = index_select_vjp, .save_inputs = 2};

tp_tensor *tp_index_select(tp_tensor *x, int dim, tp_tensor *index) {
    const char *op = "index_select";
    TP_REQUIRE(x, op);
    TP_REQUIRE(index, op);
    int d = tp__wrap_dim(op, dim, x->shape.ndim);
    if (d < 0 || !index_check_vector(op, index)) return NULL;
    if (x->shape.ndim == 0 && index->numel != 1)
        TP_FAIL(TP_ERR_SHAPE, op, "index is %s, for a 0-d tensor it must have one element",
                tp__shape_text(index->shape));
    tp_shape shape = x->shape;
    if (shape.ndim > 0) shape.dims[d] = index->numel;
    tp_scope *s = tp_scope_begin();
    tp_tensor *at = s ? tp__packed(op, index, TP_I64) : NULL;
    tp_tensor *y = NULL;
    if (at && index_check_values(op, at, index_size(x, d), d))
        y = tp__tensor_new(op, shape, (tp_dtype)x->dtype);
    int64_t steps[TP_MAX_DIMS];
    index_vector_steps(steps, shape.ndim, d);
    if (y) index_walk(y, shape, at, steps, x, d, INDEX_GETS);
    return tp_scope_return(s, tp__record(&index_select_op, y, TP__INPUTS(x, index), &d, sizeof d));
}

static void index_add_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const int *dim = tp__attr(ctx);
    dx[0] = g[0];
    if (tp__needs(ctx, 2)) dx[2] = tp_index_select(g[0], *dim, tp__input(ctx, 1));
}

static const tp__op index_add_op = {.name = "index_add", .vjp = index_add_vjp, .save_inputs = 2};

/* Has `source` the shape of `x`, but for as many slices of `dim` as `index` has elements? */
static bool index_add_fits(const tp_tensor *x, int dim, const tp_tensor *index, const tp_tensor *source) {
    tp_shape shape = x->shape;
    if (shape.ndim > 0) shape.dims[dim] = index->numel;
    if (tp_shape_equal(shape, source->shape) && (shape.ndim > 0 || index->numel == 1)) return true;
    tp__error(TP_ERR_SHAPE, "index_add",
              "source is %s, must be %s for x %s, dim %d and an index of %lld elements",
              tp__shape_text(source->shape), tp__shape_text(shape), tp__shape_text(x->shape), dim,
              (long long)index->numel);
    return false;
}

tp_tensor *tp_index_add(tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source) {
    const char *op = "index_add";
    TP_REQUIRE(x, op);
    TP_REQUIRE(index, op);
    TP_REQUIRE(source, op);
    int d = tp__wrap_dim(op, dim, x->shape.ndim);
    if (d < 0 || !index_check_vector(op, index) || !index_check_source(op, x, source) ||
        !index_add_fits(x, d, index, source))
        return NULL;
    tp_tensor *y = index_sum(op, x, x->shape, d, index, source, true);
    return tp__record(&index_add_op, y, TP__INPUTS(x, index, source), &d, sizeof d);
}

/* ---- one_hot ----------------------------------------------------------------------------------------- */

/* The number of classes: as given, or the largest index + 1; -1 with a record. `at` is packed I64. */
static int64_t one_hot_classes(const tp_tensor *at, int64_t given) {
    if (given >= 1) return given;
    if (given != -1) {
        tp__error(TP_ERR_ARGUMENT, "one_hot", "num_classes is %lld, must be at least 1, or -1",
                  (long long)given);
        return -1;
    }
    if (at->numel == 0) {
        tp__error(TP_ERR_ARGUMENT, "one_hot", "an index without elements does not tell num_classes");
        return -1;
    }
    const int64_t *v = tp__data_i64(at);
    int64_t most = 0;
    for (int64_t i = 0; i < at->numel; i++) most = v[i] > most ? v[i] : most;
    return most < INT64_MAX ? most + 1 : most; /* far too many either way: tp__tensor_new() says so */
}

static bool one_hot_check(const tp_tensor *at, int64_t classes) {
    const int64_t *v = tp__data_i64(at);
    for (int64_t i = 0; i < at->numel; i++) {
        if ((uint64_t)v[i] < (uint64_t)classes) continue;
        char range[48];
        snprintf(range, sizeof range, "%lld classes", (long long)classes);
        index_error("one_hot", at, i, v[i], range);
        return false;
    }
    return true;
}

static tp_tensor *one_hot_make(const tp_tensor *at, int64_t classes) {
    tp_tensor *y = tp__tensor_new("one_hot", tp__shape_insert(at->shape, at->shape.ndim, classes), TP_I64);
    if (!y) return NULL;
    tp__move_fill(sizeof(int64_t), tp__data(y), NULL, y->numel);
    const int64_t *v = tp__data_i64(at);
    int64_t *row = tp__data_i64(y);
    for (int64_t i = 0; i < at->numel; i++, row += classes) row[v[i]] = 1;
    return y;
}

tp_tensor *tp_one_hot(tp_tensor *index, int64_t num_classes) {
    TP_REQUIRE(index, "one_hot");
    if (!index_check_dtype("one_hot", index) || tp__wrap_new_dim("one_hot", -1, index->shape) < 0)
        return NULL;
    tp_scope *s = tp_scope_begin();
    tp_tensor *at = s ? tp__packed("one_hot", index, TP_I64) : NULL;
    int64_t classes = at ? one_hot_classes(at, num_classes) : -1;
    return tp_scope_return(s, classes > 0 && one_hot_check(at, classes) ? one_hot_make(at, classes) : NULL);
}
