/* Selection by a condition. */
#include "ops/ops.h"
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
