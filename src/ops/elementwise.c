/* The elementwise ops: everything here is generated from kernels/elementwise.def or serves what is. */
#include "taper/elementwise.h"

#include <math.h>

#include "ops/ops.h"
#include "taper/tensor.h"

/* What a derivative reads. */
enum { SAVE_NONE = 0, SAVE_X = 1, SAVE_Y = 4, USES_A = 1, USES_B = 2, PASS = 8 };

/* Do integers become F32 first, or stay? */
typedef enum ew_class { FLOAT, SAME } ew_class;

typedef struct ew_attr {
    double params[2];
} ew_attr;

/* Work of an element in units of one add, by which threads are chosen: transcendental functions cost more. */
static int ew_cost(enum tp__ew row) {
    switch (row) {
    case TP__EW_exp:
    case TP__EW_log:
    case TP__EW_sin:
    case TP__EW_cos:
    case TP__EW_tanh:
    case TP__EW_sigmoid:
    case TP__EW_erf:
    case TP__EW_gelu:
    case TP__EW_gelu_tanh:
    case TP__EW_silu:
    case TP__EW_softplus:
    case TP__EW_pow:
    case TP__EW_pow_scalar:
    case TP__EW_scalar_pow: return 4;
    default: return 1;
    }
}

static tp__loop *ew_forward_loop(enum tp__ew row, tp_dtype dtype) {
    return tp__kern->elementwise->rows[row].forward[dtype == TP_BOOL ? TP_U8 : dtype];
}

/* In-place, a result of a higher class than the tensor's has no place in it. */
static int dtype_level(tp_dtype dtype) { return tp__is_floating(dtype) ? 2 : dtype == TP_BOOL ? 0 : 1; }

/* ---- the fused backward ---------------------------------------------------------------------------------- */

/* Memory for a gradient of g's shape: g's own where nobody else will look at it again, so that a chain of
 * ops stays in cache. */
static tp_tensor *ew_gradient_buffer(const char *op, tp_tensor *g) {
    bool own = atomic_load_explicit(&g->refs, memory_order_acquire) == 1 &&
               atomic_load_explicit(&g->storage->refs, memory_order_acquire) == 1 && g->dense && !g->node &&
               !g->storage->release;
    return own ? g : tp__tensor_new(op, g->shape, (tp_dtype)g->dtype);
}

/* A value that the kernel reads, in g's dtype; g itself stands in for one that it does not. */
static tp_tensor *ew_operand(tp__ctx *ctx, uint32_t uses, uint32_t which, tp_tensor *g, const char *op) {
    if (!(uses & which)) return g;
    tp_tensor *t = which == SAVE_Y ? tp__output(ctx, 0) : tp__input(ctx, which == USES_B ? 1 : 0);
    return t ? tp__cast(op, t, (tp_dtype)g->dtype) : NULL;
}

static tp_tensor *ew_fused(tp__ctx *ctx, const tp__op *op, enum tp__ew row, int input, uint32_t uses,
                           tp_tensor *g, bool last) {
    tp_tensor *a = ew_operand(ctx, uses, SAVE_X, g, op->name),
              *b = ew_operand(ctx, uses, USES_B, g, op->name),
              *y = ew_operand(ctx, uses, SAVE_Y, g, op->name);
    if (!a || !b || !y) return NULL;
    tp_tensor *dx =
        last ? ew_gradient_buffer(op->name, g) : tp__tensor_new(op->name, g->shape, (tp_dtype)g->dtype);
    if (!dx) return NULL;
    const ew_attr *attr = tp__attr(ctx);
    tp__run_loop(tp__kern->elementwise->rows[row].vjp[input][g->dtype], g->shape, 5,
                 (tp_tensor *[]){dx, g, a, b, y}, attr->params, ew_cost(row));
    return dx;
}

/* ---- forward --------------------------------------------------------------------------------------------- */

static tp_dtype ew_dtype(ew_class class, tp_dtype dtype) {
    return class == FLOAT && !tp__is_floating(dtype) ? TP_F32 : dtype;
}

/* Of BOOLs, the sum is "or" and the product "and": largest and smallest of bytes. The other arithmetic on them is
 * an error, as in PyTorch. */
static bool ew_bool_row(const char *op, enum tp__ew *row) {
    switch (*row) {
    case TP__EW_add: *row = TP__EW_maximum; return true;
    case TP__EW_mul: *row = TP__EW_minimum; return true;
    case TP__EW_maximum:
    case TP__EW_minimum: return true;
    default:
        tp__error(TP_ERR_DTYPE, op, "is not defined for bool tensors; convert with tp_to_dtype()");
        return false;
    }
}

/* Does the row compare with its parameters? Then one beyond an integer's range is as good as its end, and infinity
 * leaves a side open. */
static bool ew_bounds_row(enum tp__ew row) {
    return row == TP__EW_clamp || row == TP__EW_maximum_scalar || row == TP__EW_minimum_scalar;
}

/* The parameters as an integer row takes them: in arithmetic they wrap around like all else, in the kernel. False with a
 * record for a number that would change the dtype class. */
static bool ew_integer_params(const char *op, enum tp__ew row, tp_dtype dtype, int count, double *params) {
    static const double low[] = {0, 0, -0x1p63, -0x1p31, 0, 0},
                        high[] = {0, 0, 0x1p63, 0x1.fffffffcp30, 255, 1};
    for (int i = 0; i < count; i++) {
        double p = params[i];
        bool bound = ew_bounds_row(row);
        if (p != trunc(p) || (!bound && !tp__holds(TP_I64, p))) {
            tp__error(TP_ERR_DTYPE, op,
                      "the number %g does not fit a tensor of %s; convert the tensor with tp_to_dtype()", p,
                      tp_dtype_name(dtype));
            return false;
        }
        if (bound) params[i] = fmin(fmax(p, low[dtype]), high[dtype]);
    }
    return true;
}

/* The value of a unary row into `out`, or a new tensor if that is NULL; not recorded. */
static tp_tensor *ew_unary_value(const char *op, enum tp__ew row, ew_class class, int n_params, tp_tensor *x,
                                 ew_attr attr, tp_tensor *out) {
    tp_dtype dtype = ew_dtype(class, (tp_dtype)x->dtype);
    if (!tp__is_floating(dtype) && !ew_integer_params(op, row, dtype, n_params, attr.params)) return NULL;
    if (dtype == TP_BOOL && !ew_bool_row(op, &row)) return NULL;
    if (out && out->dtype != dtype)
        TP_FAIL(TP_ERR_DTYPE, op, "the result is %s, which a tensor of %s cannot hold", tp_dtype_name(dtype),
                tp__dtype_text(out));
    tp_tensor *from = tp__cast(op, x, dtype);
    tp_tensor *y = !from ? NULL : out ? out : tp__tensor_new(op, x->shape, dtype);
    if (!y) return NULL;
    tp__run_loop(ew_forward_loop(row, dtype), y->shape, 2, (tp_tensor *[]){y, from}, attr.params,
                 ew_cost(row));
    return y;
}

static tp_tensor *ew_unary(const tp__op *op, enum tp__ew row, ew_class class, int n_params, tp_tensor *x,
                           ew_attr attr) {
    TP_REQUIRE(x, op->name);
    if (class == SAME || tp__is_floating((tp_dtype)x->dtype)) {
        tp_tensor *y = ew_unary_value(op->name, row, class, n_params, x, attr, NULL);
        return tp__record(op, y, TP__INPUTS(x), &attr, sizeof attr);
    }
    tp_scope *scope = tp_scope_begin(); /* for the copy in floating point */
    return scope ? tp_scope_return(scope, ew_unary_value(op->name, row, class, n_params, x, attr, NULL))
                 : NULL;
}

static tp_tensor *ew_unary_(const tp__op *op, const char *name, const char *instead, enum tp__ew row,
                            ew_class class, int n_params, tp_tensor *x, ew_attr attr) {
    TP_REQUIRE(x, name);
    bool recorded = tp__will_record(TP__INPUTS(x));
    TP_TRY_NULL(tp__inplace_check(name, x, recorded, instead));
    if (!recorded) {
        if (!ew_unary_value(name, row, class, n_params, x, attr, x)) return NULL;
        tp__touch(x);
        return x;
    }
    tp_scope *scope = tp_scope_begin();
    tp_tensor *y = scope ? ew_unary(op, row, class, n_params, x, attr) : NULL;
    if (y) tp__replace(x, y);
    tp_scope_end(scope);
    return y ? x : NULL;
}

/* Has a result of this shape and dtype a place in `out`? False with a record. */
static bool ew_inplace_fits(const char *op, const tp_tensor *out, tp_shape shape, tp_dtype dtype) {
    if (!tp_shape_equal(out->shape, shape)) {
        tp__error(TP_ERR_SHAPE, op, "the result is %s, which does not fit the tensor's %s",
                  tp__shape_text(shape), tp__shape_text(out->shape));
        return false;
    }
    if (dtype_level(dtype) > dtype_level((tp_dtype)out->dtype)) {
        tp__error(TP_ERR_DTYPE, op, "the result is %s, which a tensor of %s cannot hold",
                  tp_dtype_name(dtype), tp__dtype_text(out));
        return false;
    }
    return true;
}

static tp_tensor *ew_binary_value(const char *op, enum tp__ew row, ew_class class, tp_tensor *a, tp_tensor *b,
                                  tp_tensor *out, bool to_bool) {
    tp_shape shape;
    if (!tp__broadcast(a->shape, b->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "shapes do not broadcast: %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    tp_dtype dtype = ew_dtype(class, tp__result_type(a, b));
    if (dtype == TP_BOOL && !to_bool && !ew_bool_row(op, &row)) return NULL;
    if (out && !ew_inplace_fits(op, out, shape, dtype)) return NULL;
    if (out) dtype = (tp_dtype)out->dtype;
    tp_tensor *x = tp__cast(op, a, dtype), *z = x ? tp__cast(op, b, dtype) : NULL;
    tp_tensor *y = !z ? NULL : out ? out : tp__tensor_new(op, shape, to_bool ? TP_BOOL : dtype);
    if (!y) return NULL;
    tp__run_loop(ew_forward_loop(row, dtype), shape, 3, (tp_tensor *[]){y, x, z}, NULL, ew_cost(row));
    return y;
}

/* Records a binary op, saving for each input's derivative only what it reads, and only if it is wanted. */
static tp_tensor *ew_binary_record(const tp__op *op, tp_tensor *y, tp_tensor *a, tp_tensor *b,
                                   uint32_t a_uses, uint32_t b_uses) {
    if (!y) return NULL;
    static const ew_attr none;
    uint32_t used = (tp__needs_grad(a) ? a_uses : 0) | (tp__needs_grad(b) ? b_uses : 0);
    tp__call call = {.op = op,
                     .n_in = 2,
                     .in = (tp_tensor *[]){a, b},
                     .n_out = 1,
                     .out = &y,
                     .attr = &none,
                     .attr_size = sizeof none,
                     .skip_inputs = ~used};
    return tp__record_call(&call) ? y : NULL;
}

static tp_tensor *ew_binary(const tp__op *op, enum tp__ew row, ew_class class, tp_tensor *a, tp_tensor *b,
                            uint32_t a_uses, uint32_t b_uses) {
    TP_REQUIRE(a, op->name);
    TP_REQUIRE(b, op->name);
    if (TP__LIKELY(a->dtype == b->dtype && a->dtype <= TP_F64))
        return ew_binary_record(op, ew_binary_value(op->name, row, class, a, b, NULL, false), a, b, a_uses,
                                b_uses);
    tp_scope *scope = tp_scope_begin(); /* for the operand that is cast */
    if (!scope) return NULL;
    tp_tensor *y = ew_binary_value(op->name, row, class, a, b, NULL, false);
    return tp_scope_return(scope, ew_binary_record(op, y, a, b, a_uses, b_uses));
}

static tp_tensor *ew_binary_(const char *name, const char *instead,
                             tp_tensor *(*op)(tp_tensor *, tp_tensor *), enum tp__ew row, ew_class class,
                             tp_tensor *a, tp_tensor *b) {
    TP_REQUIRE(a, name);
    TP_REQUIRE(b, name);
    bool recorded = tp__will_record(TP__INPUTS(a, b));
    TP_TRY_NULL(tp__inplace_check(name, a, recorded, instead));
    if (tp__overlaps_partly(a, b))
        TP_FAIL(TP_ERR_ALIAS, name, "the second operand overlaps the tensor in memory");
    if (!recorded && a->dtype == b->dtype &&
        a->dtype <= TP_F64) { /* needs no memory: delivering gradients counts on it */
        if (!ew_binary_value(name, row, class, a, b, a, false)) return NULL;
        tp__touch(a);
        return a;
    }
    tp_scope *scope = tp_scope_begin();
    tp_tensor *y = NULL;
    if (!scope) return NULL;
    if (!recorded) {
        y = ew_binary_value(name, row, class, a, b, a, false);
        if (y) tp__touch(a);
    } else {
        y = op(a, b);
        if (y && !ew_inplace_fits(name, a, y->shape, (tp_dtype)y->dtype)) y = NULL;
        if (y) y = tp_to_dtype(y, (tp_dtype)a->dtype);
        if (y) tp__replace(a, y);
    }
    tp_scope_end(scope);
    return y ? a : NULL;
}

static tp_tensor *ew_compare(const char *op, enum tp__ew row, tp_tensor *a, tp_tensor *b) {
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    tp_scope *scope = tp_scope_begin();
    return scope ? tp_scope_return(scope, ew_binary_value(op, row, SAME, a, b, NULL, true)) : NULL;
}

/* Exact, whatever the number: integers are compared as I64 with a whole one, and in F64 with a fraction, which is small
 * enough for the rounding of large integers not to matter, or with one that is beyond them all. */
static tp_tensor *ew_compare_scalar(const char *op, enum tp__ew row, tp_tensor *x, double s) {
    TP_REQUIRE(x, op);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_dtype dtype = (tp_dtype)x->dtype;
    if (!tp__is_floating(dtype)) {
        bool beyond = !tp__holds(TP_I64, s);
        if (beyond && s == trunc(s)) s = s < 0 ? -INFINITY : INFINITY;
        dtype = beyond || dtype == TP_BOOL || dtype == TP_U8 ? TP_F64 : TP_I64;
    }
    tp_tensor *from = tp__cast(op, x, dtype), *y = from ? tp__tensor_new(op, x->shape, TP_BOOL) : NULL;
    if (y) tp__run_loop(ew_forward_loop(row, dtype), x->shape, 2, (tp_tensor *[]){y, from}, &s, 1);
    return tp_scope_return(scope, y);
}

/* ---- the words of the rows as ops -------------------------------------------------------------------------- */

#define ADD(a, b) tp_add(a, b)
#define SUB(a, b) tp_sub(a, b)
#define MUL(a, b) tp_mul(a, b)
#define DIV(a, b) tp_div(a, b)
#define NEG(a) tp_neg(a)
#define SQUARE(a) tp_square(a)
#define WHERE(c, a, b) tp_where(c, a, b)
#define AND(a, b) tp_mul(a, b)
#define EQ(a, b) tp_eq(a, b)
#define LT(a, b) tp_lt(a, b)
#define LE(a, b) tp_le(a, b)
#define GT(a, b) tp_gt(a, b)
#define GE(a, b) tp_ge(a, b)
#define SIGN(a) tp_sign(a)
#define EXP(a) tp_exp(a)
#define LOG(a) tp_log(a)
#define SIN(a) tp_sin(a)
#define COS(a) tp_cos(a)
#define TANH(a) tp_tanh(a)
#define SIGMOID(a) tp_sigmoid(a)
#define ERF(a) tp_erf(a)
#define POW(a, b) tp_pow(a, b)
#define NUM(c) tp__constant(g, c)
#define P0 tp__constant(g, attr->params[0])
#define P1 tp__constant(g, attr->params[1])

/* ---- descriptors and rules ----------------------------------------------------------------------------------- */

#define EW_ATTR                                                                                              \
    const ew_attr *attr = tp__attr(ctx);                                                                     \
    (void)attr

#define UNARY(NAME, y_, dx_, saves, class, low, high)                                                        \
    static void NAME##_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {                             \
        EW_ATTR;                                                                                             \
        tp_tensor *g = gs[0], *x = (saves)&SAVE_X ? tp__input(ctx, 0) : g,                                   \
                  *y = (saves)&SAVE_Y ? tp__output(ctx, 0) : g;                                              \
        dx[0] = x && y ? dx_ : NULL;                                                                         \
    }                                                                                                        \
    static void NAME##_vjp_fused(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx);                        \
    static const tp__op NAME##_op = {.name = #NAME,                                                          \
                                     .vjp = NAME##_vjp,                                                      \
                                     .vjp_fused = NAME##_vjp_fused,                                          \
                                     .save_inputs = (saves)&SAVE_X ? 1 : 0,                                  \
                                     .save_outputs = (saves)&SAVE_Y ? 1 : 0};                                \
    static void NAME##_vjp_fused(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {                       \
        if ((saves)&PASS) NAME##_vjp(ctx, gs, dx);                                                           \
        else dx[0] = ew_fused(ctx, &NAME##_op, TP__EW_##NAME, 0, saves, gs[0], true);                        \
    }
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#define SCALAR_FIRST UNARY
#define BINARY(NAME, y_, da, da_uses, db, db_uses, class, low, high)                                         \
    static void NAME##_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {                             \
        bool need_a = tp__needs(ctx, 0), need_b = tp__needs(ctx, 1);                                         \
        uint32_t uses = (need_a ? (da_uses) : 0) | (need_b ? (db_uses) : 0);                                 \
        tp_tensor *g = gs[0], *a = uses & USES_A ? tp__input(ctx, 0) : g,                                    \
                  *b = uses & USES_B ? tp__input(ctx, 1) : g;                                                \
        if (!a || !b) return;                                                                                \
        if (need_a) dx[0] = da;                                                                              \
        if (need_b) dx[1] = db;                                                                              \
    }                                                                                                        \
    static void NAME##_vjp_fused(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx);                        \
    static const tp__op NAME##_op = {.name = #NAME,                                                          \
                                     .vjp = NAME##_vjp,                                                      \
                                     .vjp_fused = NAME##_vjp_fused,                                          \
                                     .save_inputs = ((da_uses) | (db_uses)) & (USES_A | USES_B)};            \
    static void NAME##_vjp_fused(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {                       \
        if ((da_uses)&PASS) {                                                                                \
            NAME##_vjp(ctx, gs, dx);                                                                         \
            return;                                                                                          \
        }                                                                                                    \
        bool need_b = tp__needs(ctx, 1);                                                                     \
        if (tp__needs(ctx, 0)) dx[0] = ew_fused(ctx, &NAME##_op, TP__EW_##NAME, 0, da_uses, gs[0], !need_b); \
        if (need_b) dx[1] = ew_fused(ctx, &NAME##_op, TP__EW_##NAME, 1, db_uses, gs[0], true);               \
    }
#define COMPARE(NAME, y)
#define COMPARE_P1(NAME, y)
#define TEST(NAME, y)
#include "kernels/elementwise.def"

/* ---- public functions ------------------------------------------------------------------------------------------ */

#define UNARY(NAME, y, dx, saves, class, low, high)                                                          \
    tp_tensor *tp_##NAME(tp_tensor *x) {                                                                     \
        return ew_unary(&NAME##_op, TP__EW_##NAME, class, 0, x, (ew_attr){{0}});                             \
    }
#define UNARY_P1(NAME, y, dx, saves, class, low, high)                                                       \
    tp_tensor *tp_##NAME(tp_tensor *x, double p0) {                                                          \
        return ew_unary(&NAME##_op, TP__EW_##NAME, class, 1, x, (ew_attr){{p0}});                            \
    }
#define UNARY_P2(NAME, y, dx, saves, class, low, high)                                                       \
    tp_tensor *tp_##NAME(tp_tensor *x, double p0, double p1) {                                               \
        return ew_unary(&NAME##_op, TP__EW_##NAME, class, 2, x, (ew_attr){{p0, p1}});                        \
    }
#define SCALAR_FIRST(NAME, y, dx, saves, class, low, high)                                                   \
    tp_tensor *tp_##NAME(double p0, tp_tensor *x) {                                                          \
        return ew_unary(&NAME##_op, TP__EW_##NAME, class, 1, x, (ew_attr){{p0}});                            \
    }
#define BINARY(NAME, y, da, da_uses, db, db_uses, class, low, high)                                          \
    tp_tensor *tp_##NAME(tp_tensor *a, tp_tensor *b) {                                                       \
        return ew_binary(&NAME##_op, TP__EW_##NAME, class, a, b, da_uses, db_uses);                          \
    }
#define COMPARE(NAME, y)                                                                                     \
    tp_tensor *tp_##NAME(tp_tensor *a, tp_tensor *b) { return ew_compare(#NAME, TP__EW_##NAME, a, b); }
#define COMPARE_P1(NAME, y)                                                                                  \
    tp_tensor *tp_##NAME(tp_tensor *x, double s) { return ew_compare_scalar(#NAME, TP__EW_##NAME, x, s); }
#define TEST(NAME, y)                                                                                        \
    tp_tensor *tp_##NAME(tp_tensor *x) { return ew_compare_scalar(#NAME, TP__EW_##NAME, x, 0); }
#include "kernels/elementwise.def"

#define INPLACE_UNARY(NAME, class)                                                                           \
    tp_tensor *tp_##NAME##_(tp_tensor *x) {                                                                  \
        return ew_unary_(&NAME##_op, #NAME "_", "tp_" #NAME, TP__EW_##NAME, class, 0, x, (ew_attr){{0}});    \
    }
INPLACE_UNARY(neg, SAME)
INPLACE_UNARY(exp, FLOAT)
INPLACE_UNARY(sqrt, FLOAT)
INPLACE_UNARY(tanh, FLOAT)
INPLACE_UNARY(sigmoid, FLOAT)
INPLACE_UNARY(relu, SAME)

#define INPLACE_SCALAR(NAME, class)                                                                          \
    tp_tensor *tp_##NAME##_(tp_tensor *x, double s) {                                                        \
        return ew_unary_(&NAME##_op, #NAME "_", "tp_" #NAME, TP__EW_##NAME, class, 1, x, (ew_attr){{s}});    \
    }
INPLACE_SCALAR(add_scalar, SAME)
INPLACE_SCALAR(sub_scalar, SAME)
INPLACE_SCALAR(mul_scalar, SAME)
INPLACE_SCALAR(div_scalar, FLOAT)

tp_tensor *tp_clamp_(tp_tensor *x, double lo, double hi) {
    return ew_unary_(&clamp_op, "clamp_", "tp_clamp", TP__EW_clamp, SAME, 2, x, (ew_attr){{lo, hi}});
}

#define INPLACE_BINARY(NAME, class)                                                                          \
    tp_tensor *tp_##NAME##_(tp_tensor *a, tp_tensor *b) {                                                    \
        return ew_binary_(#NAME "_", "tp_" #NAME, tp_##NAME, TP__EW_##NAME, class, a, b);                    \
    }
INPLACE_BINARY(add, SAME)
INPLACE_BINARY(sub, SAME)
INPLACE_BINARY(mul, SAME)
INPLACE_BINARY(div, FLOAT)
