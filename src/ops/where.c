/* Selection by a condition. */
#include "ops/elementwise.h"
#include "taper/tensor.h"

static void where_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *condition = tp__input(ctx, 0);
    if (!condition) return;
    tp_tensor *zero = tp__constant(g[0], 0);
    if (tp__needs(ctx, 1)) dx[1] = tp_where(condition, g[0], zero);
    if (tp__needs(ctx, 2)) dx[2] = tp_where(condition, zero, g[0]);
}

static const tp__op where_op = {.name = "where", .vjp = where_vjp, .save_inputs = 1};

tp_tensor *tp_where(tp_tensor *condition, tp_tensor *a, tp_tensor *b) {
    const char *op = "where";
    TP_REQUIRE(condition, op);
    TP_REQUIRE(a, op);
    TP_REQUIRE(b, op);
    if (condition->dtype != TP_BOOL)
        TP_FAIL(TP_ERR_DTYPE, op, "the condition must be bool, got %s", tp__dtype_text(condition));
    tp_shape both, shape;
    if (!tp__broadcast(a->shape, b->shape, &both) || !tp__broadcast(both, condition->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "shapes do not broadcast: %s ? %s : %s", tp__shape_text(condition->shape),
                tp__shape_text(a->shape), tp__shape_text(b->shape));
    tp_dtype dtype = tp__result_type(a, b);
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *x = tp__cast(op, a, dtype), *z = x ? tp__cast(op, b, dtype) : NULL;
    tp_tensor *y = z ? tp__tensor_new(op, shape, dtype) : NULL;
    if (y)
        tp__run_loop(tp__kern->elementwise->where[dtype == TP_BOOL ? TP_U8 : dtype], shape, 4,
                     (tp_tensor *[]){y, condition, x, z}, NULL, 1);
    return tp_scope_return(scope, tp__record(&where_op, y, TP__INPUTS(condition, a, b), NULL, 0));
}

/* The mask and the value of masked_fill, in the tensor's dtype; NULL with a record for what does not fit. */
static tp_tensor *masked_value(const char *op, const tp_tensor *x, const tp_tensor *mask, double value) {
    if (mask->dtype != TP_BOOL)
        TP_FAIL(TP_ERR_DTYPE, op, "the mask must be bool, got %s", tp__dtype_text(mask));
    tp_shape shape;
    if (!tp__broadcast(x->shape, mask->shape, &shape))
        TP_FAIL(TP_ERR_SHAPE, op, "shapes do not broadcast: %s and a mask of %s", tp__shape_text(x->shape),
                tp__shape_text(mask->shape));
    return tp__ew_number(op, (tp_dtype)x->dtype, value);
}

tp_tensor *tp_masked_fill(tp_tensor *x, tp_tensor *mask, double value) {
    const char *op = "masked_fill";
    TP_REQUIRE(x, op);
    TP_REQUIRE(mask, op);
    tp_scope *scope = tp_scope_begin();
    tp_tensor *number = scope ? masked_value(op, x, mask, value) : NULL;
    return tp_scope_return(scope, number ? tp_where(mask, number, x) : NULL);
}

tp_tensor *tp_masked_fill_(tp_tensor *x, tp_tensor *mask, double value) {
    const char *op = "masked_fill_";
    TP_REQUIRE(x, op);
    TP_REQUIRE(mask, op);
    bool recorded = tp__will_record(TP__INPUTS(x));
    TP_TRY_NULL(tp__inplace_check(op, x, recorded, "tp_masked_fill"));
    tp_scope *scope = tp_scope_begin();
    tp_tensor *number = scope ? masked_value(op, x, mask, value) : NULL, *y = NULL;
    tp_shape shape;
    if (number && tp__broadcast(x->shape, mask->shape, &shape) && !tp_shape_equal(shape, x->shape))
        tp__error(TP_ERR_SHAPE, op, "the mask is %s, which does not fit the tensor's %s",
                  tp__shape_text(mask->shape), tp__shape_text(x->shape));
    else if (number && tp__overlaps_partly(x, mask))
        tp__error(TP_ERR_ALIAS, op, "the mask overlaps the tensor in memory");
    else if (number && recorded && (y = tp_where(mask, number, x))) tp__replace(x, y);
    else if (number && !recorded) {
        tp_dtype dtype = x->dtype == TP_BOOL ? TP_U8 : (tp_dtype)x->dtype;
        y = x;
        tp__run_loop(tp__kern->elementwise->where[dtype], x->shape, 4, (tp_tensor *[]){x, mask, number, x},
                     NULL, 1);
        tp__touch(x);
    }
    tp_scope_end(scope);
    return y ? x : NULL;
}
