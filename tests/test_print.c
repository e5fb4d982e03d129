/* Tensors as text: PyTorch's, character by character; and the contract of snprintf. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 0, by, 2 by, ...; integers wrap around. */
static tp_tensor *steps(int64_t n, double by, tp_dtype dtype) {
    tp_tensor *t = tp_mul_scalar(tp_arange(0, (double)n, 1, TP_F64), by);
    return tp_to_dtype(tp_dtype_is_floating(dtype) ? t : tp_to_dtype(t, TP_I64), dtype);
}

static tp_tensor *reals(tp_dtype dtype, tp_shape shape, const double *values) {
    return tp_to_dtype(tp_from_data(values, shape, TP_F64), dtype);
}

/* ---- every row ----------------------------------------------------------------------------------------- */

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define MADE(tensor, text)                                                                                   \
    static tp_tensor *PASTE(row_, __LINE__)(void) { return tensor; }
#define REALS(dtype, shape, text, ...) MADE(reals(dtype, shape, (const double[]){__VA_ARGS__, 0}), text)
#define INTS(shape, text, ...) MADE(tp_from_data((const int64_t[]){__VA_ARGS__, 0}, shape, TP_I64), text)
#include "print.def"
#undef MADE

static const struct {
    int line;
    tp_tensor *(*make)(void);
    const char *text;
} rows[] = {
#define MADE(tensor, text) {__LINE__, PASTE(row_, __LINE__), text},
#include "print.def"
#undef MADE
};

static void every_row(void **state) {
    (void)state;
    int wrong = 0;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *t = rows[k].make();
        assert_tensor(t);
        char text[8192];
        int length = tp_tensor_format(t, text, sizeof text);
        if (strcmp(text, rows[k].text) != 0 || length != (int)strlen(text)) {
            print_error("print.def:%d: expected (%d)\n%s\ngot (%d)\n%s\n", rows[k].line,
                        (int)strlen(rows[k].text), rows[k].text, length, text);
            wrong++;
        }
        tp_scope_end(s);
    }
    assert_int_equal(wrong, 0);
}

static void recorded_tensors_name_their_op(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(steps(3, 1, TP_F32), true);
    char text[200];
    tp_tensor_format(tp_mul_scalar(x, 2), text, sizeof text);
    assert_string_equal(text, "tensor([0., 2., 4.], grad_fn=<mul_scalar>)");
    tp_tensor_format(tp_detach(tp_mul_scalar(x, 2)), text, sizeof text);
    assert_string_equal(text, "tensor([0., 2., 4.])");
    tp_tensor_format(tp_sum(tp_to_dtype(x, TP_F64)), text, sizeof text);
    assert_string_equal(text, "tensor(3., dtype=float64, grad_fn=<sum>)");
}

/* Eight dims, none of which is cut: the widest text there is. */
static void many_dims(void **state) {
    (void)state;
    tp_tensor *t = tp_zeros(TP_SHAPE(3, 3, 3, 3, 3, 3, 3, 3), TP_F32);
    int length = tp_tensor_format(t, NULL, 0);
    char *text = malloc((size_t)length + 1);
    assert_non_null(text);
    assert_int_equal(tp_tensor_format(t, text, (size_t)length + 1), length);
    assert_int_equal(strlen(text), length);
    static const char start[] = "tensor([[[[[[[[0., 0., 0.],\n              [0., 0., 0.],";
    assert_int_equal(strncmp(text, start, strlen(start)), 0);
    free(text);
}

/* ---- the contract of snprintf -------------------------------------------------------------------------- */

static void lengths(void **state) {
    (void)state;
    tp_tensor *t = TP_F32_TENSOR(TP_SHAPE(2), 1, 2.5);
    const char *whole = "tensor([1.0000, 2.5000])";
    int length = (int)strlen(whole);
    assert_int_equal(tp_tensor_format(t, NULL, 0), length);
    for (int size = 1; size <= length + 3; size++) {
        char buffer[64];
        memset(buffer, '#', sizeof buffer);
        assert_int_equal(tp_tensor_format(t, buffer, (size_t)size), length);
        int kept = size - 1 < length ? size - 1 : length;
        assert_int_equal(strncmp(buffer, whole, (size_t)kept), 0);
        assert_int_equal(buffer[kept], 0);
        for (int i = kept + 1; i < (int)sizeof buffer; i++) assert_int_equal(buffer[i], '#');
    }
    char untouched = '#';
    assert_int_equal(tp_tensor_format(t, &untouched, 0), length);
    assert_int_equal(untouched, '#');
}

static void bad_arguments(void **state) {
    (void)state;
    char buffer[8];
    assert_int_equal(tp_tensor_format(NULL, buffer, sizeof buffer), -1);
    assert_error(TP_ERR_NULL, "tensor_format: argument t is NULL");
    assert_int_equal(tp_tensor_format(tp_scalar(1, TP_F32), NULL, 8), -1);
    assert_error(TP_ERR_NULL, "tensor_format: argument buffer is NULL");
    assert_int_equal(tp_tensor_fprint(NULL, tp_scalar(1, TP_F32)), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "tensor_fprint: argument file is NULL");
}

/* ---- files --------------------------------------------------------------------------------------------- */

static void to_a_file(void **state) {
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_ok(tp_tensor_fprint(file, steps(30, 1, TP_F64)));
    rewind(file);
    char got[512], want[512];
    size_t n = fread(got, 1, sizeof got - 1, file);
    got[n] = 0;
    fclose(file);
    tp_tensor_format(steps(30, 1, TP_F64), want, sizeof want);
    assert_string_equal(got, want);
}

/* What is not written is told, as far as the stream knows. */
static void to_a_file_that_takes_nothing(void **state) {
    (void)state;
    FILE *file = fopen("/dev/full", "w");
    if (!file) skip();
    setvbuf(file, NULL, _IONBF, 0);
    assert_int_equal(tp_tensor_fprint(file, tp_scalar(1, TP_F32)), TP_ERR_IO);
    assert_error(TP_ERR_IO, "tensor_fprint: the file cannot be written");
    fclose(file);
    file = fopen("/dev/null", "r"); /* for reading alone */
    assert_non_null(file);
    assert_int_equal(tp_tensor_fprint(file, tp_scalar(1, TP_F32)), TP_ERR_IO);
    assert_error(TP_ERR_IO, "tensor_fprint: the file cannot be written");
    fclose(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(every_row),
        CHECK_TEST(recorded_tensors_name_their_op),
        CHECK_TEST(many_dims),
        CHECK_TEST(lengths),
        CHECK_TEST(bad_arguments),
        CHECK_TEST(to_a_file),
        CHECK_TEST(to_a_file_that_takes_nothing),
    };
    return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}
