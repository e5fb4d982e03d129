/* How the elementwise ops run, forward, in place and backward, and how they are recorded. */
#include "ops/elementwise.h"

#include <math.h>

#include "taper/tensor.h"

/* Work of an element in units of one add, by which threads are chosen: transcendental functions cost more. */
static int ew_cost(const tp__ew_def *def) {
    return (def->uses[0] | def->uses[1] | def->uses[2]) & SLOW ? 4 : 1;
}

/* Of BOOLs, not the bits but the value is turned round. */
static void ew_not_loop(int64_t n, char *const *p, const double *params) {
    (void)params;
    for (int64_t i = 0; i < n; i++) p[0][i] = !p[1][i];
}

static tp__loop *ew_forward_loop(enum tp__ew row, tp_dtype dtype) {
    if (dtype == TP_BOOL && row == TP__EW_bitwise_not) return ew_not_loop;
    int type = dtype == TP_BOOL ? TP_U8 : dtype;
    tp__loop *loop = tp__kern->elementwise->rows[row].forward[type];
    return loop ? loop : tp__ew_once[row][type];
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

tp_tensor *tp__ew_fused(tp__ctx *ctx, const tp__ew_def *def, int input, tp_tensor *g, bool last) {
    const char *op = def->op.name;
    uint32_t uses = def->uses[input];
    tp_tensor *a = ew_operand(ctx, uses, SAVE_X, g, op), *b = ew_operand(ctx, uses, USES_B, g, op),
              *y = ew_operand(ctx, uses, SAVE_Y, g, op);
    if (!a || !b || !y) return NULL;
    tp_tensor *dx = last ? ew_gradient_buffer(op, g) : tp__tensor_new(op, g->shape, (tp_dtype)g->dtype);
    if (!dx) return NULL;
    const tp__ew_attr *attr = tp__attr(ctx);
    tp__run_loop(tp__kern->elementwise->rows[def->row].vjp[input][g->dtype], g->shape, 5,
                 (tp_tensor *[]){dx, g, a, b, y}, attr->params, ew_cost(def));
    return dx;
}

/* ---- forward --------------------------------------------------------------------------------------------- */

static tp_dtype ew_dtype(tp__ew_class class, tp_dtype dtype) {
    return class <= RARE && !tp__is_floating(dtype) ? TP_F32 : dtype;
}

/* Of BOOLs, the sum is "or" and the product "and": largest and smallest of bytes, and their bits are their values. The other
 * arithmetic on them is an error, as in PyTorch. */
static bool ew_bool_row(const char *op, enum tp__ew *row) {
    switch (*row) {
    case TP__EW_add:
    case TP__EW_fmax: *row = TP__EW_maximum; return true;
    case TP__EW_mul:
    case TP__EW_fmin: *row = TP__EW_minimum; return true;
    case TP__EW_bitwise_not:
    case TP__EW_maximum:
    case TP__EW_minimum:
    case TP__EW_bitwise_and:
    case TP__EW_bitwise_or:
    case TP__EW_bitwise_xor: return true;
    default:
        tp__error(TP_ERR_DTYPE, op, "is not defined for bool tensors; convert with tp_to_dtype()");
        return false;
    }
}

/* Is the row defined for the dtype it would be computed in? False with a record. */
static bool ew_defined(const char *op, tp__ew_class class, enum tp__ew *row, tp_dtype dtype) {
    bool floating = tp__is_floating(dtype);
    if (TP__UNLIKELY(class >= REAL) && floating != (class == REAL)) {
        tp__error(TP_ERR_DTYPE, op,
                  class == REAL ? "takes float32 or float64, got %s" : "takes integers or bool, got %s",
                  tp_dtype_name(dtype));
        return false;
    }
    return dtype != TP_BOOL || ew_bool_row(op, row);
}

/* Does the row compare with its parameters? Then one beyond an integer's range is as good as its end, and infinity
 * leaves a side open. */
static bool ew_bounds_row(enum tp__ew row) {
    return row == TP__EW_clamp || row == TP__EW_clamp_min || row == TP__EW_clamp_max ||
           row == TP__EW_hardtanh;
}

static bool ew_number_misfit(const char *op, tp_dtype dtype, double number) {
    tp__error(TP_ERR_DTYPE, op,
              "the number %g does not fit a tensor of %s; convert the tensor with tp_to_dtype()", number,
              tp_dtype_name(dtype));
    return false;
}

/* Would every element have to become a number that the dtype does not hold? */
static bool ew_bound_misfit(enum tp__ew row, int i, double p, double low, double high) {
    const bool lower = row == TP__EW_clamp_min || (row != TP__EW_clamp_max && i == 0);
    const bool open = isinf(p) && (lower ? p < 0 : p > 0);
    return !open && (lower ? p > high : p < low);
}

/* The parameters as an integer row takes them: in arithmetic they wrap around like all else, in the kernel. False with a
 * record for a number that would change the dtype class. */
static bool ew_integer_params(const char *op, enum tp__ew row, tp_dtype dtype, int count, double *params) {
    static const double low[] = {0, 0, -0x1p63, -0x1p31, 0, 0},
                        high[] = {0, 0, 0x1p63, 0x1.fffffffcp30, 255, 1};
    for (int i = 0; i < count; i++) {
        double p = params[i];
        bool bound = ew_bounds_row(row);
        if (p != trunc(p) || (!bound && !tp__holds(TP_I64, p))) return ew_number_misfit(op, dtype, p);
        if (row == TP__EW_threshold && i == 1 && !tp__holds(dtype, p)) return ew_number_misfit(op, dtype, p);
        if (bound && ew_bound_misfit(row, i, p, low[dtype], high[dtype]))
            return ew_number_misfit(op, dtype, p);
        if (bound) params[i] = fmin(fmax(p, low[dtype]), high[dtype]);
    }
    if (row == TP__EW_pow_scalar && params[0] < 0) {
        tp__error(TP_ERR_ARGUMENT, op, "integers to a negative power: %g", params[0]);
        return false;
    }
    return true;
}

/* Do the parameters make sense at all? False with a record. */
static bool ew_valid_params(const char *op, enum tp__ew row, const double *params) {
    switch (row) {
    case TP__EW_hardtanh:
        if (!(params[0] > params[1])) return true;
        tp__error(TP_ERR_ARGUMENT, op, "the lower bound is above the upper one: %g and %g", params[0],
                  params[1]);
        return false;
    case TP__EW_celu:
        if (params[0] != 0) return true;
        tp__error(TP_ERR_ARGUMENT, op, "alpha must not be 0");
        return false;
    case TP__EW_softshrink:
        if (params[0] >= 0) return true;
        tp__error(TP_ERR_ARGUMENT, op, "lambda must be 0 or more, got %g", params[0]);
        return false;
    default: return true;
    }
}

/* Integers divided by zero are an error, found before anything is written. */
static bool ew_divides(const char *op, enum tp__ew row, tp_dtype dtype, tp_tensor *divisor) {
    bool division =
        row == TP__EW_div_trunc || row == TP__EW_div_floor || row == TP__EW_remainder || row == TP__EW_fmod;
    if (!division || tp__is_floating(dtype)) return true;
    tp_scope *scope = tp_scope_begin();
    tp_tensor *zeros = scope ? tp_any(tp__ew_compare_scalar(op, TP__EW_eq_scalar, divisor, 0)) : NULL;
    bool found = zeros && *tp__data(zeros);
    tp_scope_end(scope);
    if (found) tp__error(TP_ERR_NUMERIC, op, "integers divided by zero");
    return zeros && !found;
}

/* The value of a unary row into `out`, or a new tensor if that is NULL; not recorded. */
static tp_tensor *ew_unary_value(const char *op, const tp__ew_def *def, tp_tensor *x, tp__ew_attr attr,
                                 tp_tensor *out) {
    enum tp__ew row = def->row;
    tp_dtype dtype = ew_dtype(def->class, (tp_dtype)x->dtype);
    if (!ew_defined(op, def->class, &row, dtype)) return NULL;
    if (def->n_params > 0 && !ew_valid_params(op, row, attr.params)) return NULL;
    if (!tp__is_floating(dtype) && !ew_integer_params(op, row, dtype, def->n_params, attr.params))
        return NULL;
    if (out && out->dtype != dtype)
        TP_FAIL(TP_ERR_DTYPE, op, "the result is %s, which a tensor of %s cannot hold", tp_dtype_name(dtype),
                tp__dtype_text(out));
    tp_tensor *from = tp__cast(op, x, dtype);
    tp_tensor *y = !from ? NULL : out ? out : tp__tensor_new(op, x->shape, dtype);
    if (!y) return NULL;
    tp__run_loop(ew_forward_loop(row, dtype), y->shape, 2, (tp_tensor *[]){y, from}, attr.params,
                 ew_cost(def));
    return y;
}

tp_tensor *tp__ew_unary(const tp__ew_def *def, tp_tensor *x, tp__ew_attr attr) {
    const char *name = def->op.name;
    TP_REQUIRE(x, name);
    if (def->class > RARE || tp__is_floating((tp_dtype)x->dtype)) {
        tp_tensor *y = ew_unary_value(name, def, x, attr, NULL);
        return tp__record(&def->op, y, TP__INPUTS(x), &attr, sizeof attr);
    }
    tp_scope *scope = tp_scope_begin(); /* for the copy in floating point */
    return scope ? tp_scope_return(scope, ew_unary_value(name, def, x, attr, NULL)) : NULL;
}

tp_tensor *tp__ew_unary_(const tp__ew_def *def, tp_tensor *x, tp__ew_attr attr) {
    const char *name = def->inplace;
    TP_REQUIRE(x, name);
    bool recorded = tp__will_record(TP__INPUTS(x));
    TP_TRY_NULL(tp__inplace_check(name, x, recorded, def->instead));
    if (!recorded) {
        if (!ew_unary_value(name, def, x, attr, x)) return NULL;
        tp__touch(x);
        return x;
    }
    tp_scope *scope = tp_scope_begin();
    tp_tensor *y = scope ? tp__ew_unary(def, x, attr) : NULL;
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

static tp_tensor *ew_binary_value(const char *op, const tp__ew_def *def, tp_tensor *a, tp_tensor *b,
                                  tp_tensor *out) {
    tp_shape shape;
    if (!tp__broadcast(a->shape, b->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "shapes do not broadcast: %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    tp_dtype dtype = ew_dtype(def->class, tp__result_type(a, b));
    enum tp__ew row = def->row;
    if (!ew_defined(op, def->class, &row, dtype)) return NULL;
    if (out && !ew_inplace_fits(op, out, shape, dtype)) return NULL;
    if (out) dtype = (tp_dtype)out->dtype;
    tp_tensor *x = tp__cast(op, a, dtype), *z = x ? tp__cast(op, b, dtype) : NULL;
    if (!z || !ew_divides(op, row, dtype, z)) return NULL;
    tp_tensor *y = out ? out : tp__tensor_new(op, shape, dtype);
    if (!y) return NULL;
    tp__run_loop(ew_forward_loop(row, dtype), shape, 3, (tp_tensor *[]){y, x, z}, NULL, ew_cost(def));
    return y;
}

/* Records an op, saving for each input's derivative only what it reads, and only if it is wanted. */
static tp_tensor *ew_record(const tp__ew_def *def, tp_tensor *y, int n, tp_tensor *const *in,
                            const tp__ew_attr *attr) {
    if (!y) return NULL;
    uint32_t used = 0;
    for (int i = 0; i < n; i++) used |= tp__needs_grad(in[i]) ? def->uses[i] : 0;
    tp__call call = {.op = &def->op,
                     .n_in = n,
                     .in = in,
                     .n_out = 1,
                     .out = &y,
                     .attr = attr,
                     .attr_size = sizeof *attr,
                     .skip_inputs = ~used};
    return tp__record_call(&call) ? y : NULL;
}

static const tp__ew_attr ew_no_attr;

tp_tensor *tp__ew_binary(const tp__ew_def *def, const char *name, tp_tensor *a, tp_tensor *b) {
    TP_REQUIRE(a, name);
    TP_REQUIRE(b, name);
    tp_tensor *const in[] = {a, b};
    if (TP__LIKELY(a->dtype == b->dtype && a->dtype <= TP_F64))
        return ew_record(def, ew_binary_value(name, def, a, b, NULL), 2, in, &ew_no_attr);
    tp_scope *scope = tp_scope_begin(); /* for the operand that is cast */
    if (!scope) return NULL;
    tp_tensor *y = ew_binary_value(name, def, a, b, NULL);
    return tp_scope_return(scope, ew_record(def, y, 2, in, &ew_no_attr));
}

/* Ends a recorded in-place op: `a` becomes `y`, if that has a place in it. */
static tp_tensor *ew_become(const char *name, tp_tensor *a, tp_tensor *y) {
    if (y && !ew_inplace_fits(name, a, y->shape, (tp_dtype)y->dtype)) return NULL;
    if (y) y = tp_to_dtype(y, (tp_dtype)a->dtype);
    if (!y) return NULL;
    tp__replace(a, y);
    return a;
}

static tp_tensor *ew_binary_inplace(const tp__ew_def *def, const char *name, tp_tensor *a, tp_tensor *b) {
    bool recorded = tp__will_record(TP__INPUTS(a, b));
    TP_TRY_NULL(tp__inplace_check(name, a, recorded, def->instead));
    if (tp__overlaps_partly(a, b))
        TP_FAIL(TP_ERR_ALIAS, name, "the second operand overlaps the tensor in memory");
    if (!recorded && a->dtype == b->dtype &&
        a->dtype <= TP_F64) { /* needs no memory: delivering gradients counts on it */
        if (!ew_binary_value(name, def, a, b, a)) return NULL;
        tp__touch(a);
        return a;
    }
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *y =
        recorded ? ew_become(name, a, tp__ew_binary(def, name, a, b)) : ew_binary_value(name, def, a, b, a);
    if (y && !recorded) tp__touch(a);
    tp_scope_end(scope);
    return y;
}

tp_tensor *tp__ew_binary_(const tp__ew_def *def, tp_tensor *a, tp_tensor *b) {
    TP_REQUIRE(a, def->inplace);
    TP_REQUIRE(b, def->inplace);
    return ew_binary_inplace(def, def->inplace, a, b);
}

/* ---- numbers as operands ----------------------------------------------------------------------------------- */

tp_tensor *tp__ew_number(const char *op, tp_dtype dtype, double s) {
    if (!tp__is_floating(dtype) &&
        (s != trunc(s) || !tp__holds(dtype, s) || (dtype == TP_BOOL && s != 0 && s != 1))) {
        ew_number_misfit(op, dtype, s);
        return NULL;
    }
    tp_tensor *t = tp__tensor_new(op, TP_SCALAR_SHAPE, dtype);
    if (t) tp__store_f64(tp__data(t), dtype, s);
    return t;
}

tp_tensor *tp__ew_scalar(const tp__ew_def *def, const char *name, tp_tensor *x, double s, bool first) {
    TP_REQUIRE(x, name);
    tp_scope *scope = tp_scope_begin();
    tp_tensor *number = scope ? tp__ew_number(name, ew_dtype(def->class, (tp_dtype)x->dtype), s) : NULL;
    tp_tensor *y = !number ? NULL
                   : first ? tp__ew_binary(def, name, number, x)
                           : tp__ew_binary(def, name, x, number);
    return tp_scope_return(scope, y);
}

tp_tensor *tp__ew_scalar_(const tp__ew_def *def, const char *name, tp_tensor *x, double s) {
    TP_REQUIRE(x, name);
    tp_scope *scope = tp_scope_begin();
    tp_tensor *number = scope ? tp__ew_number(name, ew_dtype(def->class, (tp_dtype)x->dtype), s) : NULL;
    tp_tensor *y = number ? ew_binary_inplace(def, name, x, number) : NULL;
    tp_scope_end(scope);
    return y;
}

/* ---- three operands ------------------------------------------------------------------------------------------ */

/* The dtype of three: as of two, 0-d tensors counting less. */
static tp_dtype ew_dtype_of_three(tp_tensor *const *in) {
    tp_tensor like = *in[0];
    for (int i = 1; i < 3; i++) {
        like.dtype = (uint8_t)tp__result_type(&like, in[i]);
        if (in[i]->shape.ndim > 0) like.shape = in[i]->shape;
    }
    return (tp_dtype)like.dtype;
}

static tp_tensor *ew_ternary_value(const char *op, const tp__ew_def *def, tp_tensor *const *in,
                                   tp__ew_attr attr, tp_tensor *out) {
    tp_shape both, shape;
    if (!tp__broadcast(in[0]->shape, in[1]->shape, &both) || !tp__broadcast(both, in[2]->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "shapes do not broadcast: %s, %s and %s", tp__shape_text(in[0]->shape),
                tp__shape_text(in[1]->shape), tp__shape_text(in[2]->shape));
    tp_dtype dtype = ew_dtype(def->class, ew_dtype_of_three(in));
    enum tp__ew row = def->row;
    if (!ew_defined(op, def->class, &row, dtype)) return NULL;
    if (!tp__is_floating(dtype) && !ew_integer_params(op, row, dtype, def->n_params, attr.params))
        return NULL;
    if (out && !ew_inplace_fits(op, out, shape, dtype)) return NULL;
    if (out) dtype = (tp_dtype)out->dtype;
    tp_tensor *x[3] = {NULL};
    for (int i = 0; i < 3; i++)
        if (!(x[i] = tp__cast(op, in[i], dtype))) return NULL;
    tp_tensor *y = out ? out : tp__tensor_new(op, shape, dtype);
    if (y)
        tp__run_loop(ew_forward_loop(row, dtype), shape, 4, (tp_tensor *[]){y, x[0], x[1], x[2]}, attr.params,
                     ew_cost(def));
    return y;
}

tp_tensor *tp__ew_ternary(const tp__ew_def *def, const char *name, tp_tensor *a, tp_tensor *b, tp_tensor *c,
                          tp__ew_attr attr) {
    TP_REQUIRE(a, name);
    TP_REQUIRE(b, name);
    TP_REQUIRE(c, name);
    tp_scope *scope = tp_scope_begin(); /* for operands that are cast */
    if (!scope) return NULL;
    tp_tensor *const in[] = {a, b, c};
    return tp_scope_return(scope, ew_record(def, ew_ternary_value(name, def, in, attr, NULL), 3, in, &attr));
}

tp_tensor *tp__ew_ternary_(const tp__ew_def *def, const char *name, tp_tensor *a, tp_tensor *b, tp_tensor *c,
                           tp__ew_attr attr) {
    TP_REQUIRE(a, name);
    TP_REQUIRE(b, name);
    TP_REQUIRE(c, name);
    tp_tensor *const in[] = {a, b, c};
    bool recorded = tp__will_record(3, in);
    TP_TRY_NULL(tp__inplace_check(name, a, recorded, def->instead));
    if (tp__overlaps_partly(a, b) || tp__overlaps_partly(a, c))
        TP_FAIL(TP_ERR_ALIAS, name, "another operand overlaps the tensor in memory");
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *y = recorded ? ew_become(name, a, tp__ew_ternary(def, name, a, b, c, attr))
                            : ew_ternary_value(name, def, in, attr, a);
    if (y && !recorded) tp__touch(a);
    tp_scope_end(scope);
    return y;
}

/* ---- comparisons --------------------------------------------------------------------------------------------- */

static tp_tensor *ew_compare_value(const char *op, enum tp__ew row, tp_tensor *a, tp_tensor *b) {
    tp_shape shape;
    if (!tp__broadcast(a->shape, b->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "shapes do not broadcast: %s and %s", tp__shape_text(a->shape),
                tp__shape_text(b->shape));
    tp_dtype dtype = tp__result_type(a, b);
    tp_tensor *x = tp__cast(op, a, dtype), *z = x ? tp__cast(op, b, dtype) : NULL;
    tp_tensor *y = z ? tp__tensor_new(op, shape, TP_BOOL) : NULL;
    if (y) tp__run_loop(ew_forward_loop(row, dtype), shape, 3, (tp_tensor *[]){y, x, z}, NULL, 1);
    return y;
}

tp_tensor *tp__ew_compare(const char *op, enum tp__ew row, tp_tensor *a, tp_tensor *b) {
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    tp_scope *scope = tp_scope_begin();
    return scope ? tp_scope_return(scope, ew_compare_value(op, row, a, b)) : NULL;
}

/* Exact, whatever the number: integers are compared as I64 with a whole one, and in F64 with a fraction, which is small
 * enough for the rounding of large integers not to matter, or with one that is beyond them all. */
tp_tensor *tp__ew_compare_scalar(const char *op, enum tp__ew row, tp_tensor *x, double s) {
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
