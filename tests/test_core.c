/* Making tensors, asking them things, and what the library says of itself. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"

#define EACH(d) for (int d = 0; d < TP_DTYPE_COUNT; d++)

static void assert_shape(const tp_tensor *t, tp_shape shape) {
    assert_tensor(t);
    assert_true(tp_shape_equal(tp_tensor_shape(t), shape));
}

/* ---- the library --------------------------------------------------------------------------------------- */

static void version_and_build(void **state) {
    (void)state;
    char want[32];
    snprintf(want, sizeof want, "%d.%d.%d", TP_VERSION_MAJOR, TP_VERSION_MINOR, TP_VERSION_PATCH);
    assert_string_equal(tp_version(), want);
    const char *info = tp_build_info();
    assert_ptr_equal(tp_build_info(), info);
    assert_non_null(strstr(info, want));
    assert_non_null(strstr(info, "kernels "));
    assert_null(strchr(info, '\n'));
    assert_true(strlen(info) < 511); /* not cut off */
}

static void number_of_threads(void **state) {
    (void)state;
    int standard = tp_num_threads();
    assert_true(standard >= 1);
    for (int n = 1; n <= 5; n++) {
        assert_int_equal(tp_set_num_threads(n), n);
        assert_int_equal(tp_num_threads(), n);
    }
    assert_int_equal(tp_set_num_threads(0), standard);
    tp_set_num_threads(3);
    assert_int_equal(tp_set_num_threads(-4), standard);
    int most = tp_set_num_threads(1000000);
    assert_true(most >= 64 && most < 1000000); /* a bound, but not a low one */
    tp_set_num_threads(0);
}

/* ---- shapes -------------------------------------------------------------------------------------------- */

static void numbers_of_elements(void **state) {
    (void)state;
    assert_int_equal(tp_shape_numel(TP_SCALAR_SHAPE), 1);
    assert_int_equal(tp_shape_numel(TP_SHAPE(2, 3, 4)), 24);
    assert_int_equal(tp_shape_numel(TP_SHAPE(2, 0, 4)), 0);
    assert_int_equal(tp_shape_numel(TP_SHAPE(1, 2, 3, 4, 5, 6, 7, 8)), 40320);
    assert_int_equal(tp_shape_numel(TP_SHAPE(INT64_MAX)), INT64_MAX);
    assert_int_equal(tp_shape_numel(TP_SHAPE(INT64_MAX, 2)), -1);
    assert_int_equal(tp_shape_numel(TP_SHAPE(-1)), -1);
    assert_int_equal(tp_shape_numel(TP_SHAPE(0, -1)), -1);
    assert_int_equal(tp_shape_numel(TP_SHAPE(-2, -2)), -1);
    assert_int_equal(tp_shape_numel(TP_SHAPE(0, INT64_MAX)), 0);
    assert_int_equal(tp_shape_numel(TP_SHAPE(0, INT64_MAX, 2)), -1); /* its strides would not fit */
    assert_int_equal(tp_shape_numel((tp_shape){9, {1}}), -1);
    assert_int_equal(tp_shape_numel((tp_shape){-1, {1}}), -1);
}

static void equal_shapes(void **state) {
    (void)state;
    assert_true(tp_shape_equal(TP_SHAPE(2, 3), TP_SHAPE(2, 3)));
    assert_true(tp_shape_equal(TP_SCALAR_SHAPE, TP_SCALAR_SHAPE));
    assert_false(tp_shape_equal(TP_SHAPE(2, 3), TP_SHAPE(3, 2)));
    assert_false(tp_shape_equal(TP_SHAPE(2), TP_SHAPE(2, 1)));
    assert_false(tp_shape_equal(TP_SCALAR_SHAPE, TP_SHAPE(1)));
}

static void shapes_as_text(void **state) {
    (void)state;
    char text[256];
    static const struct {
        tp_shape shape;
        const char *text;
    } rows[] = {{{0, {0}}, "()"},
                {{1, {4}}, "(4,)"},
                {{2, {2, 3}}, "(2, 3)"},
                {{3, {-1, 0, INT64_MIN}}, "(-1, 0, -9223372036854775808)"},
                {{8, {1, 2, 3, 4, 5, 6, 7, 8}}, "(1, 2, 3, 4, 5, 6, 7, 8)"}};
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        int length = (int)strlen(rows[k].text);
        assert_int_equal(tp_shape_format(rows[k].shape, text, sizeof text), length);
        assert_string_equal(text, rows[k].text);
        assert_int_equal(tp_shape_format(rows[k].shape, NULL, 0), length);
        for (int size = 1; size <= length; size++) {
            memset(text, '#', sizeof text);
            assert_int_equal(tp_shape_format(rows[k].shape, text, (size_t)size), length);
            assert_int_equal(strlen(text), size - 1);
            assert_int_equal(text[size], '#');
        }
    }
}

/* ---- creation ------------------------------------------------------------------------------------------ */

static void constant_tensors(void **state) {
    (void)state;
    EACH(d) {
        tp_dtype dtype = (tp_dtype)d;
        assert_values(tp_zeros(TP_SHAPE(2, 2), dtype), 0, 0, 0, 0);
        assert_values(tp_ones(TP_SHAPE(2, 2), dtype), 1, 1, 1, 1);
        assert_values(tp_full(TP_SHAPE(3), 1, dtype), 1, 1, 1);
        assert_shape(tp_empty(TP_SHAPE(3, 4), dtype), TP_SHAPE(3, 4));
        tp_tensor *s = tp_scalar(1, dtype);
        assert_shape(s, TP_SCALAR_SHAPE);
        assert_int_equal(tp_tensor_dtype(s), d);
        tp_tensor *like = tp_transpose(tp_zeros(TP_SHAPE(2, 3), dtype), 0, 1),
                  *of[] = {tp_empty_like(like), tp_zeros_like(like), tp_ones_like(like),
                           tp_full_like(like, 1)};
        for (int k = 0; k < 4; k++) {
            assert_shape(of[k], TP_SHAPE(3, 2));
            assert_int_equal(tp_tensor_dtype(of[k]), d);
            assert_true(tp_tensor_is_contiguous(of[k]));
            if (k > 0) assert_true(tp_tensor_at(of[k], TP_SHAPE(2, 1)) == (k > 1));
        }
        assert_int_equal(tp_tensor_numel(tp_ones(TP_SHAPE(0, 5), dtype)), 0);
    }
    assert_values(tp_full(TP_SHAPE(2), -0.25, TP_F32), -0.25, -0.25);
    assert_values(tp_full(TP_SHAPE(1), 2.9, TP_I64), 2);
    assert_values(tp_full(TP_SHAPE(1), 255.5, TP_U8), 255);
    assert_null(tp_full(TP_SHAPE(1), 256, TP_U8));
    assert_error(TP_ERR_DTYPE, "full: 256 into a tensor of uint8");
    assert_null(tp_scalar(NAN, TP_I32));
    assert_error(TP_ERR_DTYPE, "scalar: nan into a tensor of int32");
    assert_values(tp_full(TP_SHAPE(1), 0.1, TP_BOOL), 1);
    assert_true(signbit(tp_tensor_item(tp_full(TP_SHAPE(1), -0.0, TP_F32))));
    assert_false(tp_requires_grad(tp_ones_like(tp_set_requires_grad(tp_ones(TP_SHAPE(1), TP_F32), true))));
    tp_tensor *large = tp_full(TP_SHAPE(100003), 2, TP_F64);
    assert_true(tp_tensor_item(tp_sum(large)) == 200006);
}

static void ranges(void **state) {
    (void)state;
    assert_values(tp_arange(0, 5, 1, TP_I64), 0, 1, 2, 3, 4);
    assert_values(tp_arange(1, 5, 2, TP_I32), 1, 3);
    assert_values(tp_arange(1, 2, 0.3, TP_F32), 1, 1.3, 1.6, 1.9);
    assert_values(tp_arange(0, -1, -0.25, TP_F64), 0, -0.25, -0.5, -0.75);
    assert_values(tp_arange(3, -3, -2, TP_I64), 3, 1, -1);
    assert_values(tp_arange(5, 7, 10, TP_F32), 5);
    assert_shape(tp_arange(0, 1, 0.1, TP_F32), TP_SHAPE(10));
    assert_shape(tp_arange(5, 5, 1, TP_F32), TP_SHAPE(0));
    assert_shape(tp_arange(5, 5, -1, TP_F32), TP_SHAPE(0));
    tp_tensor *t = tp_arange(0x1p53 - 4, 0x1p53, 1, TP_I64);
    assert_true(tp_tensor_item_i64(tp_select(t, 0, 3)) == ((int64_t)1 << 53) - 1);
    assert_null(tp_arange(0, 5, NAN, TP_F32));
    assert_error(TP_ERR_ARGUMENT, "arange: from 0 to 5 by nan is not finite");
    assert_null(tp_arange(5, 0, 1, TP_F32));
    assert_error(TP_ERR_ARGUMENT, "arange: steps of 1 lead from 5 away from 0");
    assert_null(tp_arange(0, 5, 1, (tp_dtype)6));
    assert_error(TP_ERR_DTYPE, "arange: 6 is no dtype");
}

static void even_spacing(void **state) {
    (void)state;
    assert_values(tp_linspace(0, 1, 5, TP_F32), 0, 0.25, 0.5, 0.75, 1);
    assert_values(tp_linspace(5, -5, 3, TP_F64), 5, 0, -5);
    assert_values(tp_linspace(3, 3, 4, TP_F32), 3, 3, 3, 3);
    assert_values(tp_linspace(1, 2, 1, TP_F32), 1);
    assert_values(tp_linspace(1, 2, 2, TP_F32), 1, 2);
    assert_shape(tp_linspace(1, 2, 0, TP_F32), TP_SHAPE(0));
    for (int n = 2; n < 200; n++) { /* the ends themselves, whatever rounding there is between them */
        tp_tensor *t = tp_linspace(0.1, 0.7, n, TP_F64);
        assert_true(tp_tensor_at(t, TP_SHAPE(0)) == 0.1 && tp_tensor_at(t, TP_SHAPE(-1)) == 0.7);
    }
    assert_null(tp_linspace(0, 1, -1, TP_F32));
    assert_error(TP_ERR_SHAPE, "linspace: shape (-1,) has a negative size or too many elements");
    assert_null(tp_linspace(0, 1, 3, (tp_dtype)6));
    assert_error(TP_ERR_DTYPE, "linspace: makes float32 or float64, not ?");
}

static void identity(void **state) {
    (void)state;
    EACH(d) assert_values(tp_eye(2, 3, (tp_dtype)d), 1, 0, 0, 0, 1, 0);
    assert_values(tp_eye(3, 2, TP_F32), 1, 0, 0, 1, 0, 0);
    assert_shape(tp_eye(0, 4, TP_F32), TP_SHAPE(0, 4));
    assert_shape(tp_eye(4, 0, TP_F32), TP_SHAPE(4, 0));
    assert_null(tp_eye(-1, 2, TP_F32));
    assert_error(TP_ERR_SHAPE, "eye: shape (-1, 2) has a negative size or too many elements");
}

static void from_data(void **state) {
    (void)state;
    int32_t ints[6] = {1, 2, 3, 4, 5, 6};
    tp_tensor *t = tp_from_data(ints, TP_SHAPE(2, 3), TP_I32);
    ints[0] = 9;
    assert_values(t, 1, 2, 3, 4, 5, 6); /* a copy */
    uint8_t bytes[4] = {0, 1, 2, 255};
    assert_values(tp_from_data(bytes, TP_SHAPE(4), TP_BOOL), 0, 1, 1, 1);
    char unaligned[9];
    double v = 2.5;
    memcpy(unaligned + 1, &v, sizeof v);
    assert_values(tp_from_data(unaligned + 1, TP_SHAPE(1), TP_F64), 2.5);
    assert_shape(tp_from_data(NULL, TP_SHAPE(0, 3), TP_F64), TP_SHAPE(0, 3));
    assert_values(tp_from_data(&v, TP_SCALAR_SHAPE, TP_F64), 2.5);
    assert_null(tp_from_data(&v, TP_SHAPE(1), (tp_dtype)7));
    assert_error(TP_ERR_DTYPE, "from_data: 7 is no dtype");
}

static void from_literals(void **state) {
    (void)state;
    assert_values(TP_F32_TENSOR(TP_SHAPE(2, 2), 1, 2.5, 3, -4), 1, 2.5, 3, -4);
    assert_values(TP_F64_TENSOR(TP_SHAPE(1, 3), 0.1, 2, 3), 0.1, 2, 3);
    tp_tensor *t = TP_I64_TENSOR(TP_SHAPE(2), INT64_MAX, INT64_MIN);
    assert_true(tp_tensor_item_i64(tp_select(t, 0, 0)) == INT64_MAX);
    assert_int_equal(tp_tensor_dtype(t), TP_I64);
    assert_null(TP_F64_TENSOR(TP_SHAPE(3), 1, 2));
    assert_error(TP_ERR_SHAPE, "from_f64: 2 values for shape (3,)");
    assert_null(TP_I64_TENSOR(TP_SHAPE(0), 1));
    assert_error(TP_ERR_SHAPE, "from_i64: 1 values for shape (0,)");
    assert_null(TP_F32_TENSOR(TP_SHAPE(2, -1), 1, 2));
    assert_error(TP_ERR_SHAPE, "from_f32: shape (2, -1) has a negative size or too many elements");
    assert_null(tp_from_f32(TP_SHAPE(2), NULL, 2));
    assert_error(TP_ERR_NULL, "from_f32: argument values is NULL");
    assert_shape(tp_from_i64(TP_SHAPE(0), NULL, 0), TP_SHAPE(0));
}

static void count_release(void *data, void *context) {
    (void)data;
    ++*(int *)context;
}

static void from_memory(void **state) {
    (void)state;
    int released = 0;
    double data[4] = {1, 2, 3, 4};
    tp_scope *s = tp_scope_begin();
    tp_tensor *t = tp_from_memory(data, TP_SHAPE(2, 2), TP_F64, count_release, &released);
    data[3] = 7;
    assert_values(t, 1, 2, 3, 7);
    tp_fill_(t, 5);
    assert_true(data[0] == 5);
    assert_false(tp_tensor_shares_storage(tp_add_(t, t), tp_clone(t)));
    tp_detach(tp_transpose(t, 0, 1));
    tp_scope_end(s);
    assert_int_equal(released, 1);
    s = tp_scope_begin(); /* a saved value holds it, until the graph goes */
    tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(4), TP_F64), true);
    tp_scope *inner = tp_scope_begin();
    tp_tensor *y = tp_mul(x, tp_from_memory(data, TP_SHAPE(4), TP_F64, count_release, &released));
    y = tp_scope_return(inner, y);
    assert_int_equal(released, 1);
    assert_ok(tp_backward(tp_sum(y)));
    assert_values(tp_tensor_grad(x), 10, 10, 10, 10);
    tp_scope_end(s);
    assert_int_equal(released, 2);
    s = tp_scope_begin();
    assert_shape(tp_from_memory(data, TP_SHAPE(0), TP_F64, count_release, &released), TP_SHAPE(0));
    assert_non_null(tp_from_memory(data, TP_SHAPE(2), TP_F64, NULL, NULL)); /* nothing to call */
    tp_scope_end(s);
    assert_int_equal(released, 3);
    assert_null(tp_from_memory(NULL, TP_SHAPE(2), TP_F64, count_release, &released));
    assert_error(TP_ERR_NULL, "from_memory: argument data is NULL");
    assert_null(tp_from_memory((char *)data + 4, TP_SHAPE(2), TP_F64, count_release, &released));
    assert_error(TP_ERR_ARGUMENT, "from_memory: the address is not aligned to 8 bytes, the size of float64");
    assert_null(tp_from_memory(data, TP_SHAPE(-2), TP_F64, count_release, &released));
    assert_error(TP_ERR_SHAPE, "from_memory: shape (-2,) has a negative size or too many elements");
    assert_null(tp_from_memory(data, TP_SHAPE(2), (tp_dtype)8, count_release, &released));
    assert_error(TP_ERR_DTYPE, "from_memory: 8 is no dtype");
    tp__alloc_fail_at(1, true);
    assert_null(tp_from_memory(data, TP_SHAPE(4), TP_F64, count_release, &released));
    tp__alloc_fail_at(0, false);
    assert_error(TP_ERR_MEMORY, "from_memory: out of memory (32 bytes asked for)");
    assert_int_equal(released, 3); /* what failed has released nothing */
}

static void bad_shapes(void **state) {
    (void)state;
    tp_shape nine = {9, {1, 1, 1, 1, 1, 1, 1, 1}}, less = {-1, {0}};
    assert_null(tp_empty(nine, TP_F32));
    assert_error(TP_ERR_SHAPE, "empty: a tensor has 0 to 8 dims, not 9");
    assert_null(tp_ones(less, TP_F32));
    assert_error(TP_ERR_SHAPE, "ones: a tensor has 0 to 8 dims, not -1");
    assert_null(tp_full(TP_SHAPE(0, -3), 1, TP_F32));
    assert_error(TP_ERR_SHAPE, "full: shape (0, -3) has a negative size or too many elements");
    assert_null(tp_zeros(TP_SHAPE(INT64_MAX / 4), TP_F64)); /* bytes overflow, elements do not */
    assert_error(TP_ERR_SHAPE,
                 "zeros: shape (2305843009213693951,) has a negative size or too many elements");
    assert_null(tp_zeros(TP_SHAPE(0, INT64_MAX, INT64_MAX), TP_F32)); /* strides overflow */
    assert_error(
        TP_ERR_SHAPE,
        "zeros: shape (0, 9223372036854775807, 9223372036854775807) has a negative size or too many elements");
    assert_null(tp_expand(tp_ones(TP_SHAPE(1), TP_F32), TP_SHAPE(INT64_MAX, 3)));
    assert_int_equal(tp_last_error().code, TP_ERR_SHAPE);
    assert_null(tp_expand(tp_ones(TP_SHAPE(0, 1), TP_F32), TP_SHAPE(INT64_MAX, 0, INT64_MAX)));
    assert_int_equal(tp_last_error().code, TP_ERR_SHAPE);
    assert_null(tp_reshape(tp_ones(TP_SHAPE(0), TP_F32), TP_SHAPE(INT64_MAX, 0, INT64_MAX)));
    assert_int_equal(tp_last_error().code, TP_ERR_SHAPE);
    assert_null(tp_zeros_like(NULL));
    assert_error(TP_ERR_NULL, "zeros_like: argument t is NULL");
    assert_null(tp_empty_like(NULL));
    assert_error(TP_ERR_NULL, "empty_like: argument t is NULL");
    assert_null(tp_ones_like(NULL));
    assert_error(TP_ERR_NULL, "ones_like: argument t is NULL");
    assert_null(tp_full_like(NULL, 3));
    assert_error(TP_ERR_NULL, "full_like: argument t is NULL");
    assert_null(tp_scalar(1, (tp_dtype)-1));
    assert_int_equal(tp_last_error().code, TP_ERR_DTYPE);
    assert_int_equal(tp_tensor_ndim(tp_ones(TP_SHAPE(1, 1, 1, 1, 1, 1, 1, 1), TP_F32)), 8);
}

/* ---- getters ------------------------------------------------------------------------------------------- */

static void layout(void **state) {
    (void)state;
    tp_tensor *t = tp_zeros(TP_SHAPE(2, 3, 4), TP_F32), *p = tp_permute(t, TP_DIMS(2, 0, 1));
    assert_int_equal(tp_tensor_ndim(t), 3);
    assert_int_equal(tp_tensor_numel(p), 24);
    assert_int_equal(tp_tensor_size(p, 0), 4);
    assert_int_equal(tp_tensor_size(p, -1), 3);
    assert_int_equal(tp_tensor_stride(t, 0), 12);
    assert_int_equal(tp_tensor_stride(p, 0), 1);
    assert_int_equal(tp_tensor_stride(p, -1), 4);
    assert_true(tp_tensor_is_contiguous(t));
    assert_false(tp_tensor_is_contiguous(p));
    assert_true(tp_tensor_is_contiguous(
        tp_transpose(tp_zeros(TP_SHAPE(1, 5), TP_F32), 0, 1))); /* sizes of one do not count */
    assert_true(tp_tensor_is_contiguous(tp_narrow(t, 0, 1, 1)));
    assert_true(tp_tensor_is_contiguous(tp_transpose(tp_zeros(TP_SHAPE(0, 5), TP_F32), 0, 1)));
    assert_true(tp_tensor_shares_storage(t, p));
    assert_false(tp_tensor_shares_storage(t, tp_clone(t)));
    assert_ptr_equal(tp_tensor_data(tp_select(t, 0, 1)), (const float *)tp_tensor_data(t) + 12);
    assert_ptr_equal(tp_contiguous(t), t);
    assert_true(tp_tensor_is_contiguous(tp_contiguous(p)));
    assert_int_equal(tp_tensor_ndim(tp_scalar(1, TP_F32)), 0);
    assert_int_equal(tp_tensor_size(tp_scalar(1, TP_F32), 0), -1);
    assert_error(TP_ERR_INDEX, "tensor_size: dim 0 is out of range for 0 dims");
    assert_int_equal(tp_tensor_stride(tp_scalar(1, TP_F32), -1), -1);
    assert_error(TP_ERR_INDEX, "tensor_stride: dim -1 is out of range for 0 dims");
}

static void versions(void **state) {
    (void)state;
    tp_tensor *t = tp_zeros(TP_SHAPE(3), TP_F32), *view = tp_narrow(t, 0, 0, 2);
    assert_int_equal(tp_tensor_version(t), 0);
    assert_non_null(tp_tensor_data(t));
    assert_int_equal(tp_tensor_version(t), 0);
    float *data = tp_tensor_data_mut(t);
    data[0] = 4;
    assert_int_equal(tp_tensor_version(view), 1);
    assert_ok(tp_tensor_set_at(view, TP_SHAPE(1), 2));
    assert_int_equal(tp_tensor_version(t), 2);
    tp_add_scalar_(t, 1);
    assert_int_equal(tp_tensor_version(t), 3);
    assert_values(t, 5, 3, 1);
    assert_int_equal(tp_tensor_version(tp_clone(t)), 0);
}

static void items(void **state) {
    (void)state;
    assert_true(tp_tensor_item(tp_reshape(tp_full(TP_SHAPE(1), 2.5, TP_F64), TP_SHAPE(1, 1, 1))) == 2.5);
    tp_tensor *big = TP_I64_TENSOR(TP_SHAPE(1), INT64_MAX);
    assert_true(tp_tensor_item(big) == 0x1p63);
    assert_true(tp_tensor_item_i64(big) == INT64_MAX);
    assert_int_equal(tp_tensor_item_i64(tp_scalar(255, TP_U8)), 255);
    assert_int_equal(tp_tensor_item_i64(tp_scalar(-7, TP_I32)), -7);
    assert_int_equal(tp_tensor_item_i64(tp_scalar(3, TP_BOOL)), 1);
    assert_true(isnan(tp_tensor_item(tp_zeros(TP_SHAPE(0), TP_F32))));
    assert_error(TP_ERR_SHAPE, "tensor_item: takes a tensor of one element, got shape (0,)");
    assert_int_equal(tp_tensor_item_i64(tp_zeros(TP_SHAPE(2, 1), TP_I64)), 0);
    assert_error(TP_ERR_SHAPE, "tensor_item_i64: takes a tensor of one element, got shape (2, 1)");
}

static void elements(void **state) {
    (void)state;
    tp_tensor *t = tp_reshape(tp_arange(0, 6, 1, TP_I32), TP_SHAPE(2, 3)), *c = tp_transpose(t, 0, 1);
    assert_true(tp_tensor_at(t, TP_SHAPE(1, 2)) == 5 && tp_tensor_at(t, TP_SHAPE(-2, -1)) == 2);
    assert_true(tp_tensor_at(c, TP_SHAPE(2, 0)) == 2);
    assert_true(tp_tensor_at(tp_scalar(3, TP_U8), TP_SCALAR_SHAPE) == 3);
    assert_ok(tp_tensor_set_at(c, TP_SHAPE(-1, -1), 50.9)); /* converted as tp_to_dtype() does */
    assert_values(t, 0, 1, 2, 3, 4, 50);
    assert_ok(tp_tensor_set_at(t, TP_SHAPE(0, 0), -1e30));
    assert_true(tp_tensor_at(t, TP_SHAPE(0, 0)) == INT32_MIN);
    tp_tensor *flag = tp_zeros(TP_SHAPE(1), TP_BOOL);
    assert_ok(tp_tensor_set_at(flag, TP_SHAPE(0), 0.5));
    assert_values(flag, 1);
    uint64_t version = tp_tensor_version(t);
    assert_true(isnan(tp_tensor_at(t, TP_SHAPE(-3, 0))));
    assert_error(TP_ERR_INDEX, "tensor_at: index (-3, 0) is out of range for shape (2, 3)");
    assert_int_equal(tp_tensor_set_at(t, TP_SHAPE(0), 1), TP_ERR_INDEX);
    assert_error(TP_ERR_INDEX, "tensor_set_at: index (0,) needs one entry for each dim of shape (2, 3)");
    assert_true(isnan(tp_tensor_at(tp_zeros(TP_SHAPE(0), TP_F32), TP_SHAPE(0))));
    assert_error(TP_ERR_INDEX, "tensor_at: index (0,) is out of range for shape (0,)");
    assert_int_equal(tp_tensor_set_at(tp_expand(tp_ones(TP_SHAPE(1), TP_F32), TP_SHAPE(2)), TP_SHAPE(0), 1),
                     TP_ERR_ALIAS);
    assert_error(TP_ERR_ALIAS, "tensor_set_at: elements of the tensor overlap in memory, of shape (2,)");
    tp_tensor *y = tp_exp(tp_set_requires_grad(tp_ones(TP_SHAPE(2), TP_F32), true));
    assert_int_equal(tp_tensor_set_at(y, TP_SHAPE(0), 1), TP_ERR_AUTOGRAD);
    assert_error(TP_ERR_AUTOGRAD,
                 "tensor_set_at: the tensor is the result of a recorded op; write to a tp_detach() of it");
    assert_int_equal(tp_tensor_version(t), version);
    assert_int_equal(tp_last_error().code, TP_OK);
}

static void copies_out(void **state) {
    (void)state;
    EACH(d) {
        tp_tensor *t =
            tp_transpose(tp_to_dtype(TP_I64_TENSOR(TP_SHAPE(2, 3), 0, 1, 1, 0, 0, 1), (tp_dtype)d), 0, 1);
        double packed[6] = {0}, values[6];
        assert_ok(tp_tensor_copy_out(t, packed, 6));
        tp_tensor *again = tp_from_data(packed, TP_SHAPE(3, 2), (tp_dtype)d);
        assert_values(again, 0, 0, 1, 0, 1, 1);
        assert_ok(tp_tensor_copy_out_f64(t, values, 6));
        for (int i = 0; i < 6; i++) assert_true(values[i] == (i == 2 || i >= 4));
    }
    double one = 0;
    assert_ok(tp_tensor_copy_out(tp_scalar(2.5, TP_F64), &one, 1));
    assert_true(one == 2.5);
    assert_ok(tp_tensor_copy_out(tp_zeros(TP_SHAPE(0), TP_F64), NULL, 0));
    assert_int_equal(tp_tensor_copy_out(tp_ones(TP_SHAPE(2), TP_F64), NULL, 2), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "tensor_copy_out: argument out is NULL");
    assert_int_equal(tp_tensor_copy_out_f64(tp_ones(TP_SHAPE(2), TP_F32), &one, 1), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "tensor_copy_out_f64: room for 1 elements, the tensor has 2");
    assert_int_equal(tp_tensor_copy_out(tp_ones(TP_SHAPE(2), TP_F32), &one, -2), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "tensor_copy_out: room for -2 elements, the tensor has 2");
    assert_int_equal(tp_tensor_copy_out_f64(NULL, &one, 1), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "tensor_copy_out_f64: argument t is NULL");
}

static void of_null(void **state) {
    (void)state;
    assert_int_equal(tp_tensor_shape(NULL).ndim, 0);
    assert_error(TP_ERR_NULL, "tensor_shape: argument t is NULL");
    assert_int_equal(tp_tensor_ndim(NULL), -1);
    assert_error(TP_ERR_NULL, "tensor_ndim: argument t is NULL");
    assert_int_equal(tp_tensor_numel(NULL), -1);
    assert_int_equal(tp_tensor_dtype(NULL), TP_F32); /* passed on: the record stays numel's */
    assert_error(TP_ERR_NULL, "tensor_numel: argument t is NULL");
    assert_int_equal(tp_tensor_size(NULL, 0), -1);
    assert_error(TP_ERR_NULL, "tensor_size: argument t is NULL");
    assert_int_equal(tp_tensor_stride(NULL, 0), -1);
    assert_error(TP_ERR_NULL, "tensor_stride: argument t is NULL");
    assert_false(tp_tensor_is_contiguous(NULL));
    assert_error(TP_ERR_NULL, "tensor_is_contiguous: argument t is NULL");
    tp_tensor *t = tp_scalar(1, TP_F32);
    assert_false(tp_tensor_shares_storage(t, NULL));
    assert_error(TP_ERR_NULL, "tensor_shares_storage: argument b is NULL");
    assert_false(tp_tensor_shares_storage(NULL, t));
    assert_error(TP_ERR_NULL, "tensor_shares_storage: argument a is NULL");
    assert_int_equal(tp_tensor_version(NULL), 0);
    assert_error(TP_ERR_NULL, "tensor_version: argument t is NULL");
    assert_null(tp_tensor_data(NULL));
    assert_error(TP_ERR_NULL, "tensor_data: argument t is NULL");
    assert_null(tp_tensor_data_mut(NULL));
    assert_error(TP_ERR_NULL, "tensor_data_mut: argument t is NULL");
    assert_true(isnan(tp_tensor_item(NULL)));
    assert_error(TP_ERR_NULL, "tensor_item: argument t is NULL");
    assert_int_equal(tp_tensor_item_i64(NULL), 0);
    assert_error(TP_ERR_NULL, "tensor_item_i64: argument t is NULL");
    assert_true(isnan(tp_tensor_at(NULL, TP_SHAPE(0))));
    assert_error(TP_ERR_NULL, "tensor_at: argument t is NULL");
    assert_int_equal(tp_tensor_set_at(NULL, TP_SHAPE(0), 1), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "tensor_set_at: argument t is NULL");
}

/* ---- copies -------------------------------------------------------------------------------------------- */

static void clones(void **state) {
    (void)state;
    tp_tensor *t = tp_transpose(tp_reshape(tp_arange(0, 6, 1, TP_F32), TP_SHAPE(2, 3)), 0, 1),
              *c = tp_clone(t);
    assert_true(tp_tensor_is_contiguous(c));
    assert_values(c, 0, 3, 1, 4, 2, 5);
    tp_fill_(c, 9);
    assert_values(t, 0, 3, 1, 4, 2, 5);
    EACH(d) assert_values(tp_clone(tp_expand(tp_ones(TP_SHAPE(1), (tp_dtype)d), TP_SHAPE(3))), 1, 1, 1);
    tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(2, 3), TP_F64), true);
    assert_ok(tp_backward(tp_sum(tp_mul_scalar(tp_clone(tp_contiguous(tp_transpose(x, 0, 1))), 2))));
    assert_values(tp_tensor_grad(x), 2, 2, 2, 2, 2, 2);
    assert_null(tp_clone(NULL));
    assert_error(TP_ERR_NULL, "clone: argument t is NULL");
    assert_null(tp_contiguous(NULL));
    assert_error(TP_ERR_NULL, "contiguous: argument t is NULL");
    assert_null(tp_to_dtype(NULL, TP_F32));
    assert_error(TP_ERR_NULL, "to_dtype: argument t is NULL");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(version_and_build),
        CHECK_TEST(number_of_threads),
        CHECK_TEST(numbers_of_elements),
        CHECK_TEST(equal_shapes),
        CHECK_TEST(shapes_as_text),
        CHECK_TEST(constant_tensors),
        CHECK_TEST(ranges),
        CHECK_TEST(even_spacing),
        CHECK_TEST(identity),
        CHECK_TEST(from_data),
        CHECK_TEST(from_literals),
        CHECK_TEST(from_memory),
        CHECK_TEST(bad_shapes),
        CHECK_TEST(layout),
        CHECK_TEST(versions),
        CHECK_TEST(items),
        CHECK_TEST(elements),
        CHECK_TEST(copies_out),
        CHECK_TEST(of_null),
        CHECK_TEST(clones),
    };
    return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
