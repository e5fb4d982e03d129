/* Rows of a table. */
#include "ops/ops.h"
#include "taper/index.h"
#include "taper/creation.h"
#include "taper/sort.h"
#include "taper/tensor.h"
#include "taper/views.h"

/* The rows picked, as they are, whose gradient stops where the mask is set: inputs are the rows (n, D) and the mask (n, 1). */
static void embedding_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *mask = tp__input(ctx, 1);
    if (mask) dx[0] = tp_masked_fill(g[0], mask, 0);
}

static const tp__op embedding_op = {.name = "embedding", .vjp = embedding_vjp, .save_inputs = 2};

/* The same for a weight whose gradient is kept in rows: inputs are the weight (V, D) and the index (n), and the padding's row is the
 * attribute, -1 for none. */
static void sparse_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const int64_t padding = *(const int64_t *)tp__attr(ctx);
    tp_tensor *index = tp__input(ctx, 1), *rows = g[0];
    if (!index) return;
    if (padding >= 0) rows = tp_masked_fill(rows, tp_unsqueeze(tp_eq_scalar(index, (double)padding), 1), 0);
    dx[0] = tp_index_add(tp_zeros(tp__input_shape(ctx, 0), tp__input_dtype(ctx, 0)), 0, index, rows);
}

static void sparse_rows(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **index, tp_tensor **values) {
    const int64_t padding = *(const int64_t *)tp__attr(ctx);
    *index = tp__input(ctx, 1);
    *values = g[0];
    if (padding < 0 || !*index) return;
    tp_tensor *kept = tp_reshape(tp_nonzero(tp_ne_scalar(*index, (double)padding)), TP_SHAPE(-1));
    *index = tp_index_select(*index, 0, kept);
    *values = tp_index_select(*values, 0, kept);
}

static const tp__op sparse_op = {
    .name = "embedding", .vjp = sparse_vjp, .vjp_rows = sparse_rows, .save_inputs = 2, .once = true};

static tp_tensor *embedding_sparse(tp_tensor *flat, tp_tensor *weight, int64_t padding) {
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_no_grad_begin();
    flat = tp_to_dtype(flat, TP_I64);
    tp_tensor *rows = flat ? tp_index_select(weight, 0, flat) : NULL;
    if (!rows) tp__error_rename("index_select", sparse_op.name);
    tp_no_grad_end();
    return tp_scope_return(s, rows ? tp__record(&sparse_op, rows, TP__INPUTS(weight, flat), &padding,
                                                sizeof padding)
                                   : NULL);
}

static bool embedding_check(const tp_tensor *index, const tp_tensor *weight, const tp_embedding_options *o) {
    const char *op = embedding_op.name;
    if (!tp__is_index((tp_dtype)index->dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "index must be int64 or int32, got %s", tp__dtype_text(index));
    if (index->shape.ndim >= TP_MAX_DIMS)
        TP_FAIL(TP_ERR_SHAPE, op, "index has %d dims, too many for a further one", index->shape.ndim);
    if (!tp__require_floating(op, "weight", weight)) return false;
    if (weight->shape.ndim != 2)
        TP_FAIL(TP_ERR_SHAPE, op, "weight must be (V, D), got %s", tp__shape_text(weight->shape));
    const int64_t rows = weight->shape.dims[0];
    if (o->has_padding_idx && (o->padding_idx < -rows || o->padding_idx >= rows))
        TP_FAIL(TP_ERR_INDEX, op, "padding_idx %lld is none of the %lld rows", (long long)o->padding_idx,
                (long long)rows);
    return true;
}

static tp_tensor *embedding_rows(tp_tensor *index, tp_tensor *weight, const tp_embedding_options *o) {
    int64_t padding = o->has_padding_idx ? o->padding_idx : -1;
    if (padding < 0 && o->has_padding_idx) padding += weight->shape.dims[0];
    tp_tensor *flat = tp_reshape(index, TP_SHAPE(index->numel));
    if (flat && o->sparse) return embedding_sparse(flat, weight, padding);
    tp_tensor *rows = flat ? tp_index_select(weight, 0, flat) : NULL;
    if (!rows) tp__error_rename("index_select", embedding_op.name);
    if (!rows || !o->has_padding_idx) return rows;
    tp_tensor *mask = tp_unsqueeze(tp_eq_scalar(flat, (double)padding), 1);
    tp_tensor *same =
        mask ? tp__tensor_alias(embedding_op.name, rows, rows->shape, rows->strides, rows->offset) : NULL;
    return tp__record(&embedding_op, same, TP__INPUTS(rows, mask), NULL, 0);
}

tp_tensor *tp_embedding(tp_tensor *index, tp_tensor *weight, tp_embedding_options options) {
    const char *op = embedding_op.name;
    TP_REQUIRE(index, op);
    TP_REQUIRE(weight, op);
    if (!embedding_check(index, weight, &options)) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_shape shape = index->shape;
    shape.dims[shape.ndim++] = weight->shape.dims[1];
    tp_tensor *rows = embedding_rows(index, weight, &options);
    return tp_scope_return(s, rows ? tp_reshape(rows, shape) : NULL);
}
