#include "ops/window.h"

#include <string.h>

#include "taper/linalg.h"
#include "taper/tensor.h"

/* ---- windows and their transposes -------------------------------------------------------------------------- */

/* to[at of the window] += part, in order, so that overlaps add up the same way always. */
#define WINDOW_ADD(name, T)                                                                                  \
    static void name(char *to, const char *part, const tp__window *w) {                                      \
        int n = w->shape.ndim;                                                                               \
        int64_t inner = n ? w->shape.dims[n - 1] : 1, step = n ? w->steps[n - 1] : 0,                        \
                index[TP_MAX_DIMS] = {0};                                                                    \
        int64_t rows = inner ? tp_shape_numel(w->shape) / inner : 0, at = w->offset;                         \
        T *y = (T *)(void *)to;                                                                              \
        const T *x = (const T *)(const void *)part;                                                          \
        for (int64_t r = 0; r < rows; r++, x += inner) {                                                     \
            for (int64_t i = 0; i < inner; i++) y[at + i * step] += x[i];                                    \
            for (int d = n - 2; d >= 0; d--) {                                                               \
                at += w->steps[d];                                                                           \
                if (++index[d] < w->shape.dims[d]) break;                                                    \
                at -= w->steps[d] * index[d];                                                                \
                index[d] = 0;                                                                                \
            }                                                                                                \
        }                                                                                                    \
    }
WINDOW_ADD(window_add_f32, float)
WINDOW_ADD(window_add_f64, double)
WINDOW_ADD(window_add_i64, uint64_t)
WINDOW_ADD(window_add_i32, uint32_t)
WINDOW_ADD(window_add_u8, uint8_t)

static void window_add(tp_dtype dtype, char *to, const char *part, const tp__window *w) {
    switch (dtype) {
    case TP_F32: window_add_f32(to, part, w); break;
    case TP_F64: window_add_f64(to, part, w); break;
    case TP_I64: window_add_i64(to, part, w); break;
    case TP_I32: window_add_i32(to, part, w); break;
    default: window_add_u8(to, part, w);
    }
}

tp_tensor *tp__window_scatter(const tp__op *op, tp_tensor *part, tp_shape shape, const tp__window *window) {
    TP_REQUIRE(part, op->name);
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *y = tp__tensor_new(op->name, shape, (tp_dtype)part->dtype);
    tp_tensor *packed = y ? tp__packed(op->name, part, (tp_dtype)part->dtype) : NULL;
    if (packed) {
        memset(tp__data(y), 0, (size_t)y->numel * tp__itemsize((tp_dtype)y->dtype));
        window_add((tp_dtype)y->dtype, tp__data(y), tp__data(packed), window);
        y = tp__record(op, y, TP__INPUTS(part), window, sizeof *window);
    } else y = NULL;
    return tp_scope_return(s, y);
}

static const tp__op window_scatter_op = {.name = "window_backward", .vjp = tp__window_scatter_vjp};
static const tp__op window_op = {.name = "window", .vjp = tp__window_vjp};

/* The window on any tensor: a view of its packed form. */
static tp_tensor *window_of(tp_tensor *x, const tp__window *w) {
    tp_tensor *packed = tp_contiguous(x);
    if (!packed) return NULL;
    tp_tensor *view = tp__tensor_alias("window", packed, w->shape, w->steps, packed->offset + w->offset);
    return tp__window_record(&window_op, view, packed, w);
}

void tp__window_scatter_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = window_of(g[0], tp__attr(ctx));
}

void tp__window_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    dx[0] = tp__window_scatter(&window_scatter_op, g[0], tp__input_shape(ctx, 0), tp__attr(ctx));
}

tp_tensor *tp__window_record(const tp__op *op, tp_tensor *view, tp_tensor *x, const tp__window *window) {
    return tp__record(op, view, TP__INPUTS(x), window, sizeof *window);
}

/* ---- as_strided and unfold ----------------------------------------------------------------------------------- */

static const tp__op as_strided_op = {.name = "as_strided", .vjp = tp__window_vjp};

/* The last element the window shows; -1 with a record for sizes and strides that make no window. */
static int64_t strided_last(const char *op, tp_shape shape, tp_shape strides, int64_t offset) {
    int64_t last = offset;
    bool empty = false, ok = offset >= 0 && strides.ndim == shape.ndim;
    for (int d = 0; d < shape.ndim && ok; d++) {
        int64_t span;
        ok = strides.dims[d] >= 0 && shape.dims[d] >= 0;
        empty = empty || shape.dims[d] == 0;
        if (ok && shape.dims[d] > 0)
            ok = !__builtin_mul_overflow(shape.dims[d] - 1, strides.dims[d], &span) &&
                 !__builtin_add_overflow(last, span, &last);
    }
    if (ok) return empty ? 0 : last;
    tp__error(TP_ERR_ARGUMENT, op, "size %s, stride %s and offset %lld make no window", tp__shape_text(shape),
              tp__shape_text(strides), (long long)offset);
    return -1;
}

tp_tensor *tp_as_strided(tp_tensor *x, tp_shape size, tp_shape stride, int64_t offset) {
    const char *op = "as_strided";
    TP_REQUIRE(x, op);
    int64_t numel = tp__shape_check(op, size, (tp_dtype)x->dtype);
    int64_t last = numel < 0 ? -1 : strided_last(op, size, stride, offset);
    if (last < 0) return NULL;
    if (numel > 0 && last >= x->numel)
        TP_FAIL(TP_ERR_INDEX, op, "size %s, stride %s and offset %lld reach beyond the %lld elements of %s",
                tp__shape_text(size), tp__shape_text(stride), (long long)offset, (long long)x->numel,
                tp__shape_text(x->shape));
    tp__window w = {.shape = size, .offset = numel > 0 ? offset : 0};
    for (int d = 0; d < size.ndim; d++) w.steps[d] = stride.dims[d];
    tp_scope *s = tp_scope_begin();
    tp_tensor *packed = s ? tp_contiguous(x) : NULL;
    tp_tensor *view = packed ? tp__tensor_alias(op, packed, size, w.steps, packed->offset + w.offset) : NULL;
    return s ? tp_scope_return(s, packed ? tp__window_record(&as_strided_op, view, packed, &w) : NULL) : NULL;
}

static const tp__op unfold_op = {.name = "unfold", .vjp = tp__window_vjp};

tp_tensor *tp_unfold(tp_tensor *x, int dim, int64_t size, int64_t step) {
    const char *op = "unfold";
    TP_REQUIRE(x, op);
    int n = x->shape.ndim, d = tp__wrap_dim(op, dim, n);
    if (d < 0) return NULL;
    int64_t whole = n ? x->shape.dims[d] : 1;
    if (size < 0 || size > whole || step < 1)
        TP_FAIL(TP_ERR_ARGUMENT, op,
                "size %lld must be 0 to %lld, the size of dim %d, and step %lld at least 1", (long long)size,
                (long long)whole, d, (long long)step);
    if (n == TP_MAX_DIMS) TP_FAIL(TP_ERR_SHAPE, op, "%s has %d dims already", tp__shape_text(x->shape), n);
    if (step > whole) step = whole + 1; /* there is one window, and its stride must not overflow */
    tp__window w = {.shape = x->shape};
    int64_t strides[TP_MAX_DIMS], own = n ? x->strides[d] : 1;
    tp__dense_strides(x->shape, w.steps);
    int64_t packed = n ? w.steps[d] : 1;
    memcpy(strides, x->strides, sizeof strides);
    if (n) {
        w.shape.dims[d] = (whole - size) / step + 1;
        w.steps[d] = packed * step;
        strides[d] = own * step;
    }
    w.shape.dims[w.shape.ndim] = size;
    w.steps[w.shape.ndim] = packed;
    strides[w.shape.ndim++] = own;
    tp_tensor *view = tp__tensor_alias(op, x, w.shape, strides, x->offset);
    return tp__window_record(&unfold_op, view, x, &w);
}

/* ---- diagonals ------------------------------------------------------------------------------------------------ */

static const tp__op diagonal_op = {.name = "diagonal", .vjp = tp__window_vjp};
static const tp__op diag_embed_op = {.name = "diag_embed", .vjp = tp__window_scatter_vjp};

/* The two dims, wrapped and different. */
static bool diagonal_dims(const char *op, int ndim, int dim1, int dim2, int *d1, int *d2) {
    if (ndim < 2) {
        tp__error(TP_ERR_SHAPE, op, "needs at least two dims, got %d", ndim);
        return false;
    }
    *d1 = tp__wrap_dim(op, dim1, ndim);
    *d2 = *d1 < 0 ? -1 : tp__wrap_dim(op, dim2, ndim);
    if (*d2 < 0) return false;
    if (*d1 != *d2) return true;
    tp__error(TP_ERR_ARGUMENT, op, "dims %d and %d are the same", dim1, dim2);
    return false;
}

/* The window on the diagonal of `shape`; strides[] are turned likewise, and *start gets where it begins in them. */
static tp__window diagonal_window(tp_shape shape, int64_t offset, int d1, int d2, int64_t *strides,
                                  int64_t *start) {
    int64_t rows = shape.dims[d1], columns = shape.dims[d2], length;
    int64_t row = offset < 0 ? -(offset + (offset == INT64_MIN)) : 0, column = offset > 0 ? offset : 0,
            steps[TP_MAX_DIMS];
    length = row >= rows || column >= columns ? 0
             : rows - row < columns - column  ? rows - row
                                              : columns - column;
    tp__dense_strides(shape, steps);
    tp__window w = {.shape = {0, {0}}};
    int64_t turned[TP_MAX_DIMS];
    for (int d = 0; d < shape.ndim; d++) {
        if (d == d1 || d == d2) continue;
        turned[w.shape.ndim] = strides[d];
        w.steps[w.shape.ndim] = steps[d];
        w.shape.dims[w.shape.ndim++] = shape.dims[d];
    }
    *start = length > 0 ? row * strides[d1] + column * strides[d2] : 0;
    w.offset = length > 0 ? row * steps[d1] + column * steps[d2] : 0;
    turned[w.shape.ndim] = strides[d1] + strides[d2];
    w.steps[w.shape.ndim] = steps[d1] + steps[d2];
    w.shape.dims[w.shape.ndim++] = length;
    memcpy(strides, turned, (size_t)w.shape.ndim * sizeof *turned);
    return w;
}

tp_tensor *tp_diagonal(tp_tensor *x, int64_t offset, int dim1, int dim2) {
    const char *op = "diagonal";
    TP_REQUIRE(x, op);
    int d1, d2;
    if (!diagonal_dims(op, x->shape.ndim, dim1, dim2, &d1, &d2)) return NULL;
    int64_t strides[TP_MAX_DIMS], start;
    memcpy(strides, x->strides, sizeof strides);
    tp__window w = diagonal_window(x->shape, offset, d1, d2, strides, &start);
    tp_tensor *view = tp__tensor_alias(op, x, w.shape, strides, x->offset + start);
    return tp__window_record(&diagonal_op, view, x, &w);
}

tp_tensor *tp_diag_embed(tp_tensor *x, int64_t offset, int dim1, int dim2) {
    const char *op = "diag_embed";
    TP_REQUIRE(x, op);
    int n = x->shape.ndim + 1, d1, d2;
    if (n == 1) TP_FAIL(TP_ERR_SHAPE, op, "needs at least one dim, got a 0-d tensor");
    if (n > TP_MAX_DIMS) TP_FAIL(TP_ERR_SHAPE, op, "%s has %d dims already", tp__shape_text(x->shape), n - 1);
    if (!diagonal_dims(op, n, dim1, dim2, &d1, &d2)) return NULL;
    int64_t size, more = offset < 0 ? -(offset + 1) : offset - 1, strides[TP_MAX_DIMS] = {0}, start;
    if (__builtin_add_overflow(x->shape.dims[n - 2], more, &size) || __builtin_add_overflow(size, 1, &size))
        TP_FAIL(TP_ERR_SHAPE, op, "offset %lld is too large", (long long)offset);
    if (offset == 0) size = x->shape.dims[n - 2];
    tp_shape shape = {n, {0}};
    for (int d = 0, from = 0; d < n; d++) shape.dims[d] = d == d1 || d == d2 ? size : x->shape.dims[from++];
    if (tp__shape_check(op, shape, (tp_dtype)x->dtype) < 0) return NULL;
    tp__window w = diagonal_window(shape, offset, d1, d2, strides, &start);
    return tp__window_scatter(&diag_embed_op, x, shape, &w);
}

tp_tensor *tp_diag(tp_tensor *x, int64_t offset) {
    const char *op = "diag";
    TP_REQUIRE(x, op);
    if (x->shape.ndim == 1) return tp_diag_embed(x, offset, 0, 1);
    if (x->shape.ndim == 2) return tp_diagonal(x, offset, 0, 1);
    TP_FAIL(TP_ERR_SHAPE, op, "takes a vector or a matrix, got %s", tp__shape_text(x->shape));
}

tp_tensor *tp_trace(tp_tensor *x) {
    const char *op = "trace";
    TP_REQUIRE(x, op);
    if (x->shape.ndim != 2) TP_FAIL(TP_ERR_SHAPE, op, "takes a matrix, got %s", tp__shape_text(x->shape));
    tp_scope *s = tp_scope_begin();
    return s ? tp_scope_return(s, tp_sum(tp_diagonal(x, 0, 0, 1))) : NULL;
}
