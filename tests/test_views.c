/* Views by hand: what shares storage and how it lies in memory, writes seen through views, gradients through
 * views of views, and what errors say. What each op computes is in the sample tables. */
#include "check.h"

#include <limits.h>
#include <string.h>

#include "core/alloc.h"

static tp_tensor *counted(tp_shape shape) { /* 0, 1, 2, ... */
    int64_t n = tp_shape_numel(shape);
    return tp_reshape(tp_arange(0, (double)n, 1, TP_F64), shape);
}

static tp_tensor *leaf(tp_shape shape) { return tp_set_requires_grad(tp_clone(counted(shape)), true); }

static void check_layout(const tp_tensor *t, const tp_tensor *base, tp_shape shape, tp_shape strides,
                         int64_t offset, int line) {
    if (!t) fail_msg("line %d: %s", line, tp_last_error().message);
    char got[128], want[128];
    tp_shape steps = tp_tensor_shape(t);
    for (int d = 0; d < steps.ndim; d++) steps.dims[d] = tp_tensor_stride(t, d);
    tp_shape_format(tp_tensor_shape(t), got, sizeof got);
    tp_shape_format(shape, want, sizeof want);
    if (strcmp(got, want) != 0) fail_msg("line %d: shape %s, not %s", line, got, want);
    tp_shape_format(steps, got, sizeof got);
    tp_shape_format(strides, want, sizeof want);
    if (strcmp(got, want) != 0) fail_msg("line %d: strides %s, not %s", line, got, want);
    if (!tp_tensor_shares_storage(t, base)) fail_msg("line %d: is no view", line);
    int64_t at = (const double *)tp_tensor_data(t) - (const double *)tp_tensor_data(base);
    if (at != offset) fail_msg("line %d: offset %lld, not %lld", line, (long long)at, (long long)offset);
}
#define assert_layout(t, base, shape, strides, offset) check_layout(t, base, shape, strides, offset, __LINE__)

/* ---- layouts ---------------------------------------------------------------------------------------- */

static void layouts(void **state) {
    (void)state;
    tp_tensor *x = counted(TP_SHAPE(2, 3, 4));
    assert_layout(tp_reshape(x, TP_SHAPE(6, -1)), x, TP_SHAPE(6, 4), TP_SHAPE(4, 1), 0);
    assert_layout(tp_flatten(x, 0, 1), x, TP_SHAPE(6, 4), TP_SHAPE(4, 1), 0);
    assert_layout(tp_unflatten(x, -1, TP_SHAPE(2, 2)), x, TP_SHAPE(2, 3, 2, 2), TP_SHAPE(12, 4, 2, 1), 0);
    assert_layout(tp_transpose(x, 0, 2), x, TP_SHAPE(4, 3, 2), TP_SHAPE(1, 4, 12), 0);
    assert_layout(tp_permute(x, TP_DIMS(1, 2, 0)), x, TP_SHAPE(3, 4, 2), TP_SHAPE(4, 1, 12), 0);
    assert_layout(tp_unsqueeze(x, 1), x, TP_SHAPE(2, 1, 3, 4), TP_SHAPE(12, 12, 4, 1), 0);
    assert_layout(tp_squeeze(tp_unsqueeze(x, 1), TP_NO_DIMS), x, TP_SHAPE(2, 3, 4), TP_SHAPE(12, 4, 1), 0);
    assert_layout(tp_narrow(x, 1, 1, 2), x, TP_SHAPE(2, 2, 4), TP_SHAPE(12, 4, 1), 4);
    assert_layout(tp_slice(x, 2, 1, 4, 2), x, TP_SHAPE(2, 3, 2), TP_SHAPE(12, 4, 2), 1);
    assert_layout(tp_select(x, 1, -1), x, TP_SHAPE(2, 4), TP_SHAPE(12, 1), 8);
    assert_layout(tp_expand(tp_narrow(x, 1, 2, 1), TP_SHAPE(5, 2, 3, 4)), x, TP_SHAPE(5, 2, 3, 4),
                  TP_SHAPE(0, 12, 0, 1), 8);
    assert_layout(tp_t(tp_select(x, 0, 1)), x, TP_SHAPE(4, 3), TP_SHAPE(1, 4), 12);
}

static void views_of_views(void **state) {
    (void)state;
    tp_tensor *x = counted(TP_SHAPE(4, 6));
    tp_tensor *v = tp_slice(tp_transpose(tp_narrow(x, 1, 1, 4), 0, 1), 0, 0, 4, 2); /* columns 1 and 3 */
    assert_layout(v, x, TP_SHAPE(2, 4), TP_SHAPE(2, 6), 1);
    assert_values(v, 1, 7, 13, 19, 3, 9, 15, 21);
    assert_layout(tp_select(v, 1, 2), x, TP_SHAPE(2), TP_SHAPE(2), 13);
    assert_layout(tp_reshape(v, TP_SHAPE(2, 2, 2)), x, TP_SHAPE(2, 2, 2), TP_SHAPE(2, 12, 6), 1);
}

/* A view where the strides allow it, else a copy. */
static void reshape_views_or_copies(void **state) {
    (void)state;
    tp_tensor *x = counted(TP_SHAPE(2, 3, 4));
    tp_tensor *turned = tp_permute(x, TP_DIMS(2, 0, 1)); /* (4, 2, 3), of which the last two are packed */
    assert_layout(tp_reshape(turned, TP_SHAPE(4, 6)), x, TP_SHAPE(4, 6), TP_SHAPE(1, 4), 0);
    assert_layout(tp_reshape(turned, TP_SHAPE(2, 2, 1, 6)), x, TP_SHAPE(2, 2, 1, 6), TP_SHAPE(2, 1, 24, 4),
                  0);
    assert_false(tp_tensor_shares_storage(tp_reshape(turned, TP_SHAPE(8, 3)), x));
    tp_tensor *flat = tp_reshape(turned, TP_SHAPE(-1));
    assert_false(tp_tensor_shares_storage(flat, x));
    assert_true(tp_tensor_is_contiguous(flat));
    assert_float_equal(tp_tensor_at(flat, TP_SHAPE(6)), 1, 0);
    assert_float_equal(tp_tensor_at(flat, TP_SHAPE(5)), 20, 0);
    /* The repetitions of what is expanded are regular among themselves, but not beside what differs. */
    tp_tensor *wide = tp_expand(counted(TP_SHAPE(3, 1)), TP_SHAPE(3, 4));
    assert_true(tp_tensor_shares_storage(tp_reshape(wide, TP_SHAPE(3, 2, 2)), wide));
    assert_false(tp_tensor_shares_storage(tp_reshape(wide, TP_SHAPE(12)), wide));
}

static void zero_size_and_0d(void **state) {
    (void)state;
    tp_tensor *none = tp_zeros(TP_SHAPE(3, 0, 2), TP_F32), *one = tp_scalar(7, TP_F64);
    assert_int_equal(tp_tensor_size(tp_reshape(none, TP_SHAPE(2, -1)), 1), 0);
    assert_int_equal(tp_tensor_ndim(tp_flatten(none, 0, -1)), 1);
    assert_int_equal(tp_tensor_size(tp_narrow(none, 1, 0, 0), 0), 3);
    assert_int_equal(tp_tensor_size(tp_transpose(none, 0, 1), 0), 0);
    assert_int_equal(tp_tensor_numel(tp_expand(tp_ones(TP_SHAPE(1, 3), TP_F32), TP_SHAPE(0, 3))), 0);
    assert_int_equal(tp_tensor_numel(tp_cat(TP_TENSORS(none, none), 1)), 0);
    assert_int_equal(tp_tensor_size(tp_stack(TP_TENSORS(none, none, none), 1), 1), 3);
    assert_int_equal(tp_tensor_ndim(tp_transpose(one, 0, -1)), 0);
    assert_int_equal(tp_tensor_ndim(tp_permute(one, TP_NO_DIMS)), 0);
    assert_int_equal(tp_tensor_ndim(tp_squeeze(one, TP_DIMS(-1))), 0);
    assert_int_equal(tp_tensor_ndim(tp_t(one)), 0);
    assert_values(tp_flatten(one, 0, -1), 7);
    assert_values(tp_expand(one, TP_SHAPE(2, 2)), 7, 7, 7, 7);
    assert_int_equal(tp_last_error().code, TP_OK);
}

static void eight_dims(void **state) {
    (void)state;
    tp_tensor *x = counted(TP_SHAPE(2, 1, 3, 1, 2, 1, 2, 2));
    tp_tensor *turned = tp_permute(x, TP_DIMS(7, 6, 5, 4, 3, 2, 1, 0));
    assert_float_equal(tp_tensor_at(turned, TP_SHAPE(1, 0, 0, 1, 0, 2, 0, 1)), 24 + 16 + 4 + 1, 0);
    tp_tensor *packed = tp_reshape(turned, TP_SHAPE(2, 2, 2, 1, 1, 3, 2, 1));
    assert_float_equal(tp_tensor_at(packed, TP_SHAPE(1, 0, 1, 0, 0, 2, 1, 0)), 24 + 16 + 4 + 1, 0);
    assert_null(tp_unsqueeze(x, 0));
    assert_error(TP_ERR_SHAPE,
                 "unsqueeze: (2, 1, 3, 1, 2, 1, 2, 2) has 8 dims already, the most there can be");
    assert_null(tp_stack(TP_TENSORS(x, x), 0));
    assert_error(TP_ERR_SHAPE, "stack: (2, 1, 3, 1, 2, 1, 2, 2) has 8 dims already, the most there can be");
    assert_null(tp_unflatten(x, 2, TP_SHAPE(3, 1)));
    assert_error(TP_ERR_SHAPE,
                 "unflatten: (2, 1, 3, 1, 2, 1, 2, 2) with dim 2 split into (3, 1) has more than 8 dims");
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static void writes_are_seen(void **state) {
    (void)state;
    tp_tensor *x = tp_zeros(TP_SHAPE(3, 4), TP_F32);
    tp_tensor *column = tp_select(x, 1, 2), *corner = tp_slice(tp_slice(x, 0, 0, 3, 2), 1, 0, 4, 3);
    assert_tensor(tp_fill_(column, 5));
    assert_values(x, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 5, 0);
    assert_tensor(tp_copy_(corner, TP_F32_TENSOR(TP_SHAPE(2, 2), 1, 2, 3, 4)));
    assert_values(x, 1, 0, 5, 2, 0, 0, 5, 0, 3, 0, 5, 4);
    assert_tensor(tp_fill_(x, 9));
    assert_values(column, 9, 9, 9);
    assert_int_equal(tp_tensor_version(x), tp_tensor_version(corner));
    assert_null(tp_fill_(tp_expand(tp_narrow(x, 0, 0, 1), TP_SHAPE(3, 4)), 1));
    assert_int_equal(tp_last_error().code, TP_ERR_ALIAS);
    assert_values(column, 9, 9, 9);
}

/* What copies does so: writing to it leaves the source alone. */
static void copies_are_copies(void **state) {
    (void)state;
    tp_tensor *x = tp_ones(TP_SHAPE(2, 2), TP_F32);
    tp_tensor *index = TP_I64_TENSOR(TP_SHAPE(2), 0, 1);
    tp_tensor *copies[] = {tp_cat(TP_TENSORS(x), 0),           tp_stack(TP_TENSORS(x), 0),
                           tp_pad(x, TP_SHAPE(0, 0), 0),       tp_index_select(x, 0, index),
                           tp_slice_scatter(x, x, 0, 0, 2, 1), tp_index_add(x, 0, index, tp_zeros_like(x))};
    for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++) {
        assert_tensor(copies[i]);
        assert_false(tp_tensor_shares_storage(copies[i], x));
        assert_tensor(tp_fill_(copies[i], 3));
    }
    assert_values(x, 1, 1, 1, 1);
}

/* ---- gradients -------------------------------------------------------------------------------------- */

static void gradient_through_views_of_views(void **state) {
    (void)state;
    tp_tensor *x = leaf(TP_SHAPE(3, 4));
    tp_tensor *v = tp_slice(tp_t(tp_narrow(x, 1, 1, 3)), 0, 0, 3, 2); /* columns 1 and 3 */
    tp_tensor *twice = tp_add(v, tp_select(tp_t(x), 0, 1));           /* column 1 again, to both rows */
    assert_ok(tp_backward(tp_sum(tp_mul(twice, counted(TP_SHAPE(2, 3))))));
    assert_values(tp_tensor_grad(x), 0, 0 + 0 + 3, 0, 3, 0, 1 + 1 + 4, 0, 4, 0, 2 + 2 + 5, 0, 5);
}

static void gradient_of_expanded(void **state) {
    (void)state;
    tp_tensor *x = leaf(TP_SHAPE(2, 1));
    tp_tensor *wide = tp_expand(x, TP_SHAPE(3, 2, 4));
    assert_ok(tp_backward(tp_sum(tp_mul(wide, wide))));
    assert_values(tp_tensor_grad(x), 2 * 0 * 12, 2 * 1 * 12);
    tp_zero_grad(x);
    assert_ok(tp_backward(tp_sum(tp_narrow(tp_expand(x, TP_SHAPE(3, 2, 4)), 2, 1, 2))));
    assert_values(tp_tensor_grad(x), 6, 6);
}

static void gradient_of_some_pieces(void **state) {
    (void)state;
    tp_tensor *x = leaf(TP_SHAPE(5, 2)), *piece[3];
    assert_ok(tp_split(x, 2, 0, piece, 3));
    assert_int_equal(tp_tensor_size(piece[2], 0), 1);
    assert_true(tp_tensor_shares_storage(piece[1], x));
    assert_values(piece[1], 4, 5, 6, 7);
    assert_ok(tp_backward(tp_add(tp_sum(tp_mul(piece[0], piece[0])), tp_sum(piece[2]))));
    assert_values(tp_tensor_grad(x), 0, 2, 4, 6, 0, 0, 0, 0, 1, 1);
}

/* More inputs than a descriptor has bits for. */
static void gradient_of_many_joined(void **state) {
    (void)state;
    enum { COUNT = 100 };
    tp_tensor *x[COUNT];
    for (int i = 0; i < COUNT; i++) x[i] = i % 3 == 1 ? counted(TP_SHAPE(2)) : leaf(TP_SHAPE(2));
    tp_tensor *joined = tp_cat((tp_tensors){COUNT, x}, 0), *piled = tp_stack((tp_tensors){COUNT, x}, 1);
    assert_ok(tp_backward(tp_sum(tp_mul(joined, counted(TP_SHAPE(2 * COUNT))))));
    for (int i = 0; i < COUNT; i++) {
        if (i % 3 != 1) assert_values(tp_tensor_grad(x[i]), 2 * i, 2 * i + 1);
        tp_zero_grad(x[i]);
    }
    assert_ok(tp_backward(tp_sum(tp_mul(piled, counted(TP_SHAPE(2, COUNT))))));
    for (int i = 0; i < COUNT; i++)
        if (i % 3 != 1) assert_values(tp_tensor_grad(x[i]), i, COUNT + i);
}

/* Each input's gradient has its own dtype. */
static void gradient_of_promoted(void **state) {
    (void)state;
    tp_tensor *a = tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true), *b = leaf(TP_SHAPE(3));
    tp_tensor *empty = tp_set_requires_grad(tp_zeros(TP_SHAPE(0), TP_F32), true);
    tp_tensor *y = tp_cat(TP_TENSORS(a, tp_ones(TP_SHAPE(1), TP_I64), empty, b), 0);
    assert_int_equal(tp_tensor_dtype(y), TP_F64);
    assert_ok(tp_backward(tp_sum(tp_mul(y, counted(TP_SHAPE(6))))));
    assert_int_equal(tp_tensor_dtype(tp_tensor_grad(a)), TP_F32);
    assert_values(tp_tensor_grad(a), 0, 1);
    assert_values(tp_tensor_grad(b), 3, 4, 5);
    assert_int_equal(tp_tensor_numel(tp_tensor_grad(empty)), 0);
}

static void names_of_recorded_ops(void **state) {
    (void)state;
    tp_tensor *x = leaf(TP_SHAPE(2, 6)), *piece[2];
    assert_string_equal(tp_grad_op_name(tp_flatten(x, 0, -1)), "flatten");
    assert_string_equal(tp_grad_op_name(tp_t(x)), "t");
    assert_string_equal(tp_grad_op_name(tp_narrow(x, 0, 0, 1)), "narrow");
    assert_ok(tp_split(x, 3, 1, piece, 2));
    assert_string_equal(tp_grad_op_name(piece[1]), "split");
    assert_null(tp_grad_op_name(tp_t(counted(TP_SHAPE(2, 2)))));
}

/* The index is saved, and must be what it was. */
static void changed_index(void **state) {
    (void)state;
    tp_tensor *x = leaf(TP_SHAPE(3)), *index = TP_I64_TENSOR(TP_SHAPE(2), 2, 2);
    tp_tensor *y = tp_sum(tp_index_select(x, 0, index));
    assert_tensor(tp_fill_(index, 1));
    assert_int_equal(tp_backward(y), TP_ERR_AUTOGRAD);
    tp_error_clear();
    y = tp_sum(tp_index_select(x, 0, index));
    assert_ok(tp_backward(y));
    assert_values(tp_tensor_grad(x), 0, 2, 0);
}

/* ---- memory that runs out --------------------------------------------------------------------------- */

/* One call of each op that makes more than a view, forward and backward. */
static tp_status each_op(tp_tensor *x, tp_tensor *index) {
    tp_tensor *piece[2] = {NULL, NULL};
    tp_status status = tp_split(x, 2, 0, piece, 2);
    if (status != TP_OK) return status;
    tp_tensor *half = tp_set_requires_grad(tp_ones(TP_SHAPE(1, 4), TP_F32), true);
    tp_tensor *joined = tp_cat(TP_TENSORS(piece[1], x, half), 0);                   /* (7, 4) */
    tp_tensor *turned = tp_reshape(tp_t(tp_narrow(joined, 0, 1, 4)), TP_SHAPE(16)); /* a copy */
    tp_tensor *piled = tp_stack(TP_TENSORS(turned, turned), 1);
    tp_tensor *picked = tp_index_add(tp_index_select(x, 0, index), 0, index, x);
    tp_tensor *spread = tp_scatter_add(x, 1, tp_expand(tp_unsqueeze(index, 1), TP_SHAPE(4, 2)), x);
    tp_tensor *set = tp_select_scatter(tp_pad(spread, TP_SHAPE(1, -1), 2), tp_select(x, 0, 1), 0, 3);
    tp_tensor *y = tp_add(tp_sum(tp_mul(picked, set)), tp_sum(piled));
    status = tp_backward(y);
    if (status != TP_OK) return status;
    return tp_one_hot(index, -1) ? TP_OK : tp_last_error().code;
}

static void memory_runs_out(void **state) {
    (void)state;
    tp_tensor *x = leaf(TP_SHAPE(4, 4)), *index = TP_I64_TENSOR(TP_SHAPE(4), 3, 0, 0, 2);
    tp_status status = TP_ERR_MEMORY;
    int64_t failed = 0;
    for (int64_t n = 0; status == TP_ERR_MEMORY; n++) { /* n = 0 is a run without failures */
        tp_memory_info before = tp_memory_stats();
        tp_scope *s = tp_scope_begin();
        tp__alloc_fail_at(n, false);
        status = each_op(x, index);
        tp__alloc_fail_at(0, false);
        tp_scope_end(s);
        tp_zero_grad(x);
        tp_error_clear();
        if (n == 0) {
            assert_int_equal(status, TP_OK);
            status = TP_ERR_MEMORY;
            continue;
        }
        if (status != TP_OK) assert_int_equal(status, TP_ERR_MEMORY);
        failed += status != TP_OK;
        assert_int_equal(tp_memory_stats().live_tensors, before.live_tensors);
        assert_int_equal(tp_memory_stats().live_nodes, before.live_nodes);
        assert_int_equal(tp_memory_stats().live_storages, before.live_storages);
    }
    assert_true(failed > 100);
}

/* ---- errors ----------------------------------------------------------------------------------------- */

#define assert_fails(expr, code, message)                                                                    \
    do {                                                                                                     \
        assert_null(expr);                                                                                   \
        assert_error(code, message);                                                                         \
    } while (0)

static void errors_of_shapes(void **state) {
    (void)state;
    tp_tensor *x = counted(TP_SHAPE(2, 3)), *none = counted(TP_SHAPE(0, 3)),
              *cube = counted(TP_SHAPE(2, 3, 4));
    assert_fails(tp_reshape(x, TP_SHAPE(4, 2)), TP_ERR_SHAPE,
                 "reshape: the numbers of elements differ: (2, 3) to (4, 2)");
    assert_fails(tp_reshape(x, TP_SHAPE(4, -1)), TP_ERR_SHAPE,
                 "reshape: the numbers of elements differ: (2, 3) to (4, -1)");
    assert_fails(tp_reshape(x, TP_SHAPE(-1, -1)), TP_ERR_SHAPE,
                 "reshape: only one size may be -1 and none less: (-1, -1)");
    assert_fails(tp_reshape(x, TP_SHAPE(-2, 3)), TP_ERR_SHAPE,
                 "reshape: only one size may be -1 and none less: (-2, 3)");
    assert_fails(tp_reshape(none, TP_SHAPE(0, -1)), TP_ERR_SHAPE,
                 "reshape: the size -1 could be any: (0, 3) of no elements to (0, -1)");
    assert_fails(tp_reshape(x, (tp_shape){.ndim = 9}), TP_ERR_SHAPE,
                 "reshape: a tensor has 0 to 8 dims, not 9");
    assert_fails(
        tp_reshape(x, TP_SHAPE(INT64_MAX, INT64_MAX)), TP_ERR_SHAPE,
        "reshape: the numbers of elements differ: (2, 3) to (9223372036854775807, 9223372036854775807)");
    assert_fails(tp_flatten(cube, 2, 1), TP_ERR_ARGUMENT,
                 "flatten: start_dim 2 lies behind end_dim 1 of (2, 3, 4)");
    assert_fails(tp_flatten(x, 0, 2), TP_ERR_INDEX, "flatten: dim 2 is out of range for 2 dims");
    assert_fails(tp_unflatten(x, 1, TP_SHAPE(2, 2)), TP_ERR_SHAPE,
                 "unflatten: the numbers of elements differ: (3,) to (2, 2)");
    assert_fails(tp_unflatten(x, 1, TP_SCALAR_SHAPE), TP_ERR_ARGUMENT,
                 "unflatten: the list of sizes is empty");
    assert_fails(tp_transpose(x, 0, 2), TP_ERR_INDEX, "transpose: dim 2 is out of range for 2 dims");
    assert_fails(tp_t(cube), TP_ERR_SHAPE, "t: takes at most 2 dims, got shape (2, 3, 4)");
    assert_fails(tp_permute(x, TP_DIMS(0)), TP_ERR_ARGUMENT, "permute: 1 dims for a tensor of shape (2, 3)");
    assert_fails(tp_permute(x, TP_DIMS(1, -1)), TP_ERR_ARGUMENT, "permute: dim 1 is given twice");
    assert_fails(tp_permute(x, TP_DIMS(1, 5)), TP_ERR_INDEX, "permute: dim 5 is out of range for 2 dims");
    assert_fails(tp_squeeze(x, TP_DIMS(0, -2)), TP_ERR_ARGUMENT, "squeeze: dim -2 is given twice");
    assert_fails(tp_unsqueeze(x, 3), TP_ERR_INDEX, "unsqueeze: dim 3 is out of range for 3 dims");
    assert_fails(tp_expand(x, TP_SHAPE(2, 6)), TP_ERR_SHAPE,
                 "expand: (2, 3) does not stretch to (2, 6), at size 6");
    assert_fails(tp_expand(x, TP_SHAPE(3)), TP_ERR_SHAPE,
                 "expand: fewer dims than the tensor has: (2, 3) to (3,)");
    assert_fails(tp_expand(x, TP_SHAPE(-1, 2, 3)), TP_ERR_SHAPE,
                 "expand: (2, 3) does not stretch to (-1, 2, 3), at size -1");
}

static void errors_of_parts(void **state) {
    (void)state;
    tp_tensor *x = counted(TP_SHAPE(2, 3)), *one = tp_scalar(1, TP_F32);
    assert_fails(tp_narrow(x, 1, 2, 2), TP_ERR_INDEX,
                 "narrow: start 2 and length 2 are out of range for size 3 of dim 1");
    assert_fails(tp_narrow(x, 1, -4, 1), TP_ERR_INDEX,
                 "narrow: start -4 and length 1 are out of range for size 3 of dim 1");
    assert_fails(tp_narrow(x, 0, 0, -1), TP_ERR_INDEX,
                 "narrow: start 0 and length -1 are out of range for size 2 of dim 0");
    assert_fails(tp_narrow(one, 0, 0, 1), TP_ERR_INDEX, "narrow: a 0-d tensor has no dim to take a part of");
    assert_fails(tp_slice(x, 0, 0, 2, 0), TP_ERR_ARGUMENT, "slice: step is 0, must be at least 1");
    assert_fails(tp_slice(x, 2, 0, 2, 1), TP_ERR_INDEX, "slice: dim 2 is out of range for 2 dims");
    assert_fails(tp_select(x, 1, 3), TP_ERR_INDEX, "select: index 3 is out of range for size 3 of dim 1");
    assert_fails(tp_select(x, 0, -3), TP_ERR_INDEX, "select: index -3 is out of range for size 2 of dim 0");
    assert_fails(tp_slice_scatter(x, x, 1, 0, 2, 1), TP_ERR_SHAPE,
                 "slice_scatter: source is (2, 3), the part it replaces (2, 2)");
    assert_fails(tp_select_scatter(x, x, 1, 0), TP_ERR_SHAPE,
                 "select_scatter: source is (2, 3), the part it replaces (2,)");
    assert_fails(tp_select_scatter(x, x, 0, 2), TP_ERR_INDEX,
                 "select_scatter: index 2 is out of range for size 2 of dim 0");
}

static void errors_of_split(void **state) {
    (void)state;
    tp_tensor *x = counted(TP_SHAPE(5, 3)), *piece[3] = {x, x, x};
    assert_int_equal(tp_split(x, 2, 0, piece, 2), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "split: size 5 of dim 0 in pieces of 2 makes 3, not 2");
    assert_null(piece[0]);
    assert_null(piece[1]);
    assert_ptr_equal(piece[2], x); /* beyond count */
    assert_int_equal(tp_split(x, 0, 0, piece, 3), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "split: size is 0, must be at least 1");
    assert_int_equal(tp_split(x, 2, 2, piece, 3), TP_ERR_INDEX);
    assert_error(TP_ERR_INDEX, "split: dim 2 is out of range for 2 dims");
    assert_int_equal(tp_split(x, 2, 0, NULL, 3), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "split: argument outputs is NULL");
    for (int i = 0; i < 3; i++) assert_null(piece[i]);
}

static void errors_of_joining(void **state) {
    (void)state;
    tp_tensor *x = counted(TP_SHAPE(2, 3)), *y = counted(TP_SHAPE(2, 4)), *one = tp_scalar(1, TP_F64);
    assert_fails(tp_cat((tp_tensors){0, NULL}, 0), TP_ERR_ARGUMENT, "cat: the list of tensors is empty");
    assert_fails(tp_cat((tp_tensors){2, NULL}, 0), TP_ERR_NULL, "cat: tensors.items is NULL, for 2");
    assert_fails(tp_cat(TP_TENSORS(x, NULL), 0), TP_ERR_NULL, "cat: argument tensors[1] is NULL");
    assert_fails(tp_cat(TP_TENSORS(x, y), 0), TP_ERR_SHAPE,
                 "cat: tensors[1] is (2, 4), tensors[0] (2, 3): they may differ in dim 0 only");
    assert_fails(tp_cat(TP_TENSORS(x, x), 2), TP_ERR_INDEX, "cat: dim 2 is out of range for 2 dims");
    assert_fails(tp_cat(TP_TENSORS(one, one), 0), TP_ERR_SHAPE,
                 "cat: tensors[0] is 0-d; tp_stack() joins such");
    assert_fails(tp_stack(TP_TENSORS(x, y), 0), TP_ERR_SHAPE,
                 "stack: tensors[1] is (2, 4), tensors[0] (2, 3): they must be alike");
    assert_fails(tp_stack((tp_tensors){0, NULL}, 0), TP_ERR_ARGUMENT, "stack: the list of tensors is empty");
    assert_fails(tp_stack(TP_TENSORS(x), 3), TP_ERR_INDEX, "stack: dim 3 is out of range for 3 dims");
    /* The NULL of a call that failed is passed on, and the record keeps naming that call. */
    assert_null(tp_stack(TP_TENSORS(x, tp_t(tp_select(x, 0, 9))), 0));
    assert_error(TP_ERR_INDEX, "select: index 9 is out of range for size 2 of dim 0");
}

/* What no size in memory bounds: nothing overflows, and what is empty takes no time. */
static void numbers_as_large_as_they_go(void **state) {
    (void)state;
    const int64_t many = (int64_t)1 << 40;
    tp_tensor *x = counted(TP_SHAPE(3, 2));
    assert_true(tp_equal(tp_unfold(x, 0, 2, INT64_MAX), tp_unfold(x, 0, 2, 2)));
    assert_true(tp_equal(tp_unfold(x, 0, 0, 4), tp_zeros(TP_SHAPE(1, 2, 0), TP_F64)));
    assert_true(
        tp_shape_equal(tp_tensor_shape(tp_tril(tp_zeros(TP_SHAPE(many, 0), TP_F32), 1)), TP_SHAPE(many, 0)));
    assert_true(tp_shape_equal(tp_tensor_shape(tp_sinusoidal_positions(many, 0, TP_F32)), TP_SHAPE(many, 0)));
    assert_true(tp_shape_equal(tp_tensor_shape(tp_group_norm(tp_zeros(TP_SHAPE(2, 0, 3), TP_F32), INT64_MAX,
                                                             (tp_norm_options){0})),
                               TP_SHAPE(2, 0, 3)));
    assert_non_null(tp_round_decimals(x, INT_MIN));
}

static void errors_of_indexing(void **state) {
    (void)state;
    tp_tensor *x = counted(TP_SHAPE(5, 2)), *bad = TP_I64_TENSOR(TP_SHAPE(3, 2), 0, 4, 1, 2, 3, 7);
    tp_tensor *good = TP_I64_TENSOR(TP_SHAPE(2), 0, 1), *minus = TP_I64_TENSOR(TP_SHAPE(2), 0, -1);
    assert_fails(tp_gather(x, 0, bad), TP_ERR_INDEX,
                 "gather: index[2, 1] is 7, out of range for size 5 of dim 0");
    assert_fails(tp_gather(x, 0, tp_to_dtype(bad, TP_I32)), TP_ERR_INDEX,
                 "gather: index[2, 1] is 7, out of range for size 5 of dim 0");
    assert_fails(tp_gather(x, 0, x), TP_ERR_DTYPE, "gather: index is float64, must be int64 or int32");
    assert_fails(tp_gather(x, 0, good), TP_ERR_SHAPE,
                 "gather: index is (2,), x (5, 2): it must be no larger but in dim 0");
    assert_fails(tp_scatter_add(x, 0, bad, tp_zeros_like(x)), TP_ERR_INDEX,
                 "scatter_add: index[2, 1] is 7, out of range for size 5 of dim 0");
    assert_fails(tp_scatter_add(x, 0, bad, counted(TP_SHAPE(2, 2))), TP_ERR_SHAPE,
                 "scatter_add: index is (3, 2), source (2, 2): it must be no larger");
    assert_fails(tp_scatter_add(x, 0, bad, tp_ones(TP_SHAPE(3, 2), TP_F32)), TP_ERR_DTYPE,
                 "scatter_add: x is float64, source float32: they must be of one dtype");
    assert_fails(tp_index_select(x, 0, minus), TP_ERR_INDEX,
                 "index_select: index[1] is -1, out of range for size 5 of dim 0");
    assert_fails(tp_index_select(x, 0, bad), TP_ERR_SHAPE, "index_select: index is (3, 2), must be a vector");
    assert_fails(tp_index_select(x, 1, tp_select(bad, 0, 0)), TP_ERR_INDEX,
                 "index_select: index[1] is 4, out of range for size 2 of dim 1");
    assert_fails(tp_index_select(tp_scalar(1, TP_F32), 0, good), TP_ERR_SHAPE,
                 "index_select: index is (2,), for a 0-d tensor it must have one element");
    assert_fails(
        tp_index_add(x, 0, good, x), TP_ERR_SHAPE,
        "index_add: source is (5, 2), must be (2, 2) for x (5, 2), dim 0 and an index of 2 elements");
    assert_fails(tp_index_add(x, 0, minus, counted(TP_SHAPE(2, 2))), TP_ERR_INDEX,
                 "index_add: index[1] is -1, out of range for size 5 of dim 0");
    assert_values(x, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
}

static void errors_of_pad_and_one_hot(void **state) {
    (void)state;
    tp_tensor *x = counted(TP_SHAPE(5, 2)), *index = TP_I64_TENSOR(TP_SHAPE(2), 0, 3);
    assert_fails(tp_pad(x, TP_SHAPE(1), 0), TP_ERR_ARGUMENT,
                 "pad: 1 pads for shape (5, 2): takes (before, after) pairs from the last dim on");
    assert_fails(tp_pad(x, TP_SHAPE(1, 1, 1, 1, 1, 1), 0), TP_ERR_ARGUMENT,
                 "pad: 6 pads for shape (5, 2): takes (before, after) pairs from the last dim on");
    assert_fails(tp_pad(x, TP_SHAPE(-2, -1), 0), TP_ERR_SHAPE,
                 "pad: pads -2 and -1 of dim 1 do not fit its size 2");
    assert_fails(tp_pad(index, TP_SHAPE(1, 1), 0.5), TP_ERR_DTYPE, "pad: 0.5 into a tensor of int64");
    assert_fails(tp_one_hot(index, 3), TP_ERR_INDEX, "one_hot: index[1] is 3, out of range for 3 classes");
    assert_fails(tp_one_hot(index, 0), TP_ERR_ARGUMENT,
                 "one_hot: num_classes is 0, must be at least 1, or -1");
    assert_fails(tp_one_hot(x, 3), TP_ERR_DTYPE, "one_hot: index is float64, must be int64 or int32");
    assert_fails(tp_one_hot(tp_narrow(index, 0, 0, 0), -1), TP_ERR_ARGUMENT,
                 "one_hot: an index without elements does not tell num_classes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(layouts),
        CHECK_TEST(views_of_views),
        CHECK_TEST(reshape_views_or_copies),
        CHECK_TEST(zero_size_and_0d),
        CHECK_TEST(eight_dims),
        CHECK_TEST(writes_are_seen),
        CHECK_TEST(copies_are_copies),
        CHECK_TEST(gradient_through_views_of_views),
        CHECK_TEST(gradient_of_expanded),
        CHECK_TEST(gradient_of_some_pieces),
        CHECK_TEST(gradient_of_many_joined),
        CHECK_TEST(gradient_of_promoted),
        CHECK_TEST(names_of_recorded_ops),
        CHECK_TEST(changed_index),
        CHECK_TEST(memory_runs_out),
        CHECK_TEST(numbers_as_large_as_they_go),
        CHECK_TEST(errors_of_shapes),
        CHECK_TEST(errors_of_parts),
        CHECK_TEST(errors_of_split),
        CHECK_TEST(errors_of_joining),
        CHECK_TEST(errors_of_indexing),
        CHECK_TEST(errors_of_pad_and_one_hot),
    };
    return cmocka_run_group_tests_name("views", tests, NULL, NULL);
}
