/* Copies and conversions. */
#include "ops/layout.h"
#include "ops/ops.h"

#include <math.h>
#include <string.h>

#include "taper/tensor.h"

/* ---- one row from dtype to dtype ----------------------------------------------------------------------- */

/* Conversions to integer truncate and saturate; NaN is 0. Integers among themselves wrap, as in C and PyTorch. */
static inline int64_t whole_i64(double v) { return tp__saturate_i64(v); }
static inline int32_t whole_i32(double v) {
    return v != v ? 0 : v >= 2147483647.0 ? INT32_MAX : v <= -2147483648.0 ? INT32_MIN : (int32_t)v;
}
static inline uint8_t whole_u8(double v) {
    return (uint8_t)(v != v || v <= 0 ? 0 : v >= 255 ? 255 : (int32_t)v);
}

#define CONVERT(name, from, to, expr)                                                                        \
    static void convert_##name(int64_t n, char *const *p, const double *params) {                            \
        (void)params;                                                                                        \
        to *d = (to *)(void *)p[0];                                                                          \
        const from *s = (const from *)(const void *)p[1];                                                    \
        for (int64_t i = 0; i < n; i++) {                                                                    \
            from v = s[i];                                                                                   \
            d[i] = (to)(expr);                                                                               \
        }                                                                                                    \
    }

#define CONVERT_FROM_REAL(short, from)                                                                       \
    CONVERT(short##_f32, from, float, v)                                                                     \
    CONVERT(short##_f64, from, double, v)                                                                    \
    CONVERT(short##_i64, from, int64_t, whole_i64((double)v))                                                \
    CONVERT(short##_i32, from, int32_t, whole_i32((double)v))                                                \
    CONVERT(short##_u8, from, uint8_t, whole_u8((double)v))                                                  \
    CONVERT(short##_bool, from, uint8_t, v != 0)

#define CONVERT_FROM_WHOLE(short, from)                                                                      \
    CONVERT(short##_f32, from, float, v)                                                                     \
    CONVERT(short##_f64, from, double, v)                                                                    \
    CONVERT(short##_i64, from, int64_t, v)                                                                   \
    CONVERT(short##_i32, from, int32_t, (uint32_t)v)                                                         \
    CONVERT(short##_u8, from, uint8_t, v)                                                                    \
    CONVERT(short##_bool, from, uint8_t, v != 0)

CONVERT_FROM_REAL(f32, float)
CONVERT_FROM_REAL(f64, double)
CONVERT_FROM_WHOLE(i64, int64_t)
CONVERT_FROM_WHOLE(i32, int32_t)
CONVERT_FROM_WHOLE(u8, uint8_t)

#define CONVERT_ROW(short)                                                                                   \
    {                                                                                                        \
        convert_##short##_f32, convert_##short##_f64, convert_##short##_i64, convert_##short##_i32,          \
            convert_##short##_u8, convert_##short##_bool                                                     \
    }

/* By source, then target dtype; BOOL as a source is U8. */
static tp__loop *const convert_loops[TP_DTYPE_COUNT][TP_DTYPE_COUNT] = {
    CONVERT_ROW(f32), CONVERT_ROW(f64), CONVERT_ROW(i64), CONVERT_ROW(i32), CONVERT_ROW(u8), CONVERT_ROW(u8),
};

void tp__copy_values(tp_tensor *to, tp_tensor *from) {
    if (to->numel == 0) return;
    if (to->dtype != from->dtype) {
        tp__run_loop(convert_loops[from->dtype][to->dtype], to->shape, 2, (tp_tensor *[]){to, from}, NULL, 1);
        return;
    }
    int64_t strides[TP_MAX_DIMS]; /* of `from`, broadcast */
    int lead = to->shape.ndim - from->shape.ndim;
    for (int i = 0; i < to->shape.ndim; i++)
        strides[i] = i < lead || from->shape.dims[i - lead] == 1 ? 0 : from->strides[i - lead];
    tp__move(tp__itemsize((tp_dtype)to->dtype), to->shape, tp__data(to), to->strides, tp__data(from),
             strides);
}

/* ---- the ops ------------------------------------------------------------------------------------------- */

/* All three pass the gradient on; the engine casts it to the input's dtype. */
static void copy_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    (void)ctx;
    dx[0] = g[0];
}

static const tp__op to_dtype_op = {.name = "to_dtype", .vjp = copy_vjp};
static const tp__op contiguous_op = {.name = "contiguous", .vjp = copy_vjp};
static const tp__op clone_op = {.name = "clone", .vjp = copy_vjp};

static tp_tensor *copy_as(const tp__op *op, tp_tensor *t, tp_dtype dtype) {
    tp_tensor *y = tp__tensor_new(op->name, t->shape, dtype);
    if (!y) return NULL;
    tp__copy_values(y, t);
    return tp__record(op, y, TP__INPUTS(t), NULL, 0);
}

tp_tensor *tp_to_dtype(tp_tensor *t, tp_dtype dtype) {
    TP_REQUIRE(t, "to_dtype");
    if ((unsigned)dtype >= TP_DTYPE_COUNT) TP_FAIL(TP_ERR_DTYPE, "to_dtype", "%d is no dtype", (int)dtype);
    return t->dtype == dtype ? t : copy_as(&to_dtype_op, t, dtype);
}

tp_tensor *tp_contiguous(tp_tensor *t) {
    TP_REQUIRE(t, "contiguous");
    return t->dense ? t : copy_as(&contiguous_op, t, (tp_dtype)t->dtype);
}

tp_tensor *tp_clone(tp_tensor *t) {
    TP_REQUIRE(t, "clone");
    return copy_as(&clone_op, t, (tp_dtype)t->dtype);
}

/* ---- in place ------------------------------------------------------------------------------------------ */

/* t's old value is an input too, for its shape alone: it gets zeros. */
static void copy_into_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    if (tp__needs(ctx, 0)) dx[0] = tp_zeros_like(g[0]);
    if (tp__needs(ctx, 1)) dx[1] = g[0];
}

static const tp__op copy_into_op = {.name = "copy_", .vjp = copy_into_vjp};

tp_tensor *tp_copy_(tp_tensor *t, tp_tensor *source) {
    const char *op = "copy_";
    TP_REQUIRE(t, op);
    TP_REQUIRE(source, op);
    tp_shape shape;
    if (!tp__broadcast(t->shape, source->shape, &shape) || !tp_shape_equal(shape, t->shape))
        TP_FAIL(TP_ERR_SHAPE, op, "%s does not broadcast to %s", tp__shape_text(source->shape),
                tp__shape_text(t->shape));
    bool recorded = tp__is_floating((tp_dtype)t->dtype) && tp__will_record(TP__INPUTS(t, source));
    TP_TRY_NULL(tp__inplace_check(op, t, recorded, "tp_slice_scatter or a new tensor"));
    if (!recorded) {
        if (t == source) return t;
        if (tp__overlaps_partly(t, source))
            TP_FAIL(TP_ERR_ALIAS, op, "the source overlaps the tensor in memory");
        tp__copy_values(t, source);
        tp__touch(t);
        return t;
    }
    tp_scope *scope = tp_scope_begin();
    tp_tensor *y = scope ? tp__tensor_new(op, t->shape, (tp_dtype)t->dtype) : NULL;
    if (y) tp__copy_values(y, source);
    y = tp__record(&copy_into_op, y, TP__INPUTS(t, source), NULL, 0);
    if (y) tp__replace(t, y);
    tp_scope_end(scope);
    return y ? t : NULL;
}

tp_tensor *tp_fill_(tp_tensor *t, double value) {
    const char *op = "fill_";
    TP_REQUIRE(t, op);
    if (!tp__holds((tp_dtype)t->dtype, value))
        TP_FAIL(TP_ERR_DTYPE, op, "%g into a tensor of %s", value, tp__dtype_text(t));
    TP_TRY_NULL(tp__inplace_check(op, t, tp__will_record(TP__INPUTS(t)), "tp_full"));
    tp_scope *scope = tp_scope_begin();
    tp_tensor *s = scope ? tp__tensor_new(op, TP_SCALAR_SHAPE, (tp_dtype)t->dtype) : NULL;
    if (s) tp__store_f64(tp__data(s), (tp_dtype)t->dtype, value);
    tp_tensor *r = s ? tp_copy_(t, s) : NULL;
    tp_scope_end(scope);
    return r;
}
