/* Modules that convolve and pad: what they print, their parameters and their errors. Their numbers are held to PyTorch's by
 * golden_modules.c. */
#include "check.h"

#include <math.h>
#include <string.h>

#define PRINTS(module, expected)                                                                             \
    do {                                                                                                     \
        tp_module *made = module;                                                                            \
        char text[256];                                                                                      \
        assert_non_null(made);                                                                               \
        tp_module_format(made, text, sizeof text);                                                           \
        tp_module_free(made);                                                                                \
        assert_string_equal(text, expected);                                                                 \
    } while (0)

static void prints_as_pytorch(void **state) {
    (void)state;
    PRINTS(tp_nn_conv1d(1, 2, 3, (tp_nn_conv1d_options){0}), "Conv1d(1, 2, kernel_size=(3,), stride=(1,))");
    PRINTS(tp_nn_conv1d(2, 4, 3, (tp_nn_conv1d_options){.same = true, .padding_mode = TP_PAD_CIRCULAR}),
           "Conv1d(2, 4, kernel_size=(3,), stride=(1,), padding=same, padding_mode=circular)");
    PRINTS(tp_nn_conv3d(1, 2, 3, 0, 1, (tp_nn_conv3d_options){.padding = {0, 1}, .no_bias = true}),
           "Conv3d(1, 2, kernel_size=(3, 3, 1), stride=(1, 1, 1), padding=(0, 1, 0), bias=False)");
    PRINTS(tp_nn_conv_transpose1d(
               4, 2, 3, (tp_nn_conv_transpose1d_options){.stride = 2, .output_padding = 1, .groups = 2}),
           "ConvTranspose1d(4, 2, kernel_size=(3,), stride=(2,), output_padding=(1,), groups=2)");
    PRINTS(tp_nn_conv_transpose2d(1, 2, 3, 2, (tp_nn_conv_transpose2d_options){.dilation = {1, 2}}),
           "ConvTranspose2d(1, 2, kernel_size=(3, 2), stride=(1, 1), dilation=(1, 2))");
    PRINTS(tp_nn_conv_transpose3d(1, 2, 2, 0, 0, (tp_nn_conv_transpose3d_options){.stride = {2}}),
           "ConvTranspose3d(1, 2, kernel_size=(2, 2, 2), stride=(2, 2, 2))");
    PRINTS(tp_nn_pad(TP_SHAPE(1, 2), TP_PAD_REFLECT), "ReflectionPad1d((1, 2))");
    PRINTS(tp_nn_pad(TP_SHAPE(1, 2, 0, 0), TP_PAD_REPLICATE), "ReplicationPad2d((1, 2, 0, 0))");
    PRINTS(tp_nn_pad(TP_SHAPE(1, 2, 0, 0, 3, 4), TP_PAD_CIRCULAR), "CircularPad3d((1, 2, 0, 0, 3, 4))");
    PRINTS(tp_nn_constant_pad(TP_SHAPE(1, 2), 3.5), "ConstantPad1d(padding=(1, 2), value=3.5)");
    PRINTS(tp_nn_pad(TP_SHAPE(1, 2), TP_PAD_CONSTANT), "ConstantPad1d(padding=(1, 2), value=0)");
}

static double largest(tp_tensor *t) {
    return tp_tensor_item(tp_amax(tp_abs(tp_detach(t)), TP_NO_DIMS, false));
}

/* PyTorch takes the fan-in of a transposed convolution from the second dim of its weight too. */
static void initialisation(void **state) {
    (void)state;
    tp_manual_seed(3);
    tp_module *m = tp_nn_conv_transpose2d(60, 8, 3, 2, (tp_nn_conv_transpose2d_options){.groups = 2});
    tp_tensor *w = tp_module_find(m, "weight"), *b = tp_module_find(m, "bias");
    double bound = 1 / sqrt(4 * 3 * 2);
    assert_true(tp_shape_equal(tp_tensor_shape(w), TP_SHAPE(60, 4, 3, 2)));
    assert_true(tp_shape_equal(tp_tensor_shape(b), TP_SHAPE(8)));
    assert_true(largest(w) <= bound && largest(w) > 0.98 * bound);
    assert_true(largest(b) <= bound && largest(b) > 0);
    tp_module_free(m);
    m = tp_nn_conv1d(20, 30, 5, (tp_nn_conv1d_options){.dtype = TP_F64});
    assert_true(tp_shape_equal(tp_tensor_shape(tp_module_find(m, "weight")), TP_SHAPE(30, 20, 5)));
    assert_int_equal(tp_tensor_dtype(tp_module_find(m, "weight")), TP_F64);
    assert_true(largest(tp_module_find(m, "weight")) <= 0.1 && largest(tp_module_find(m, "bias")) <= 0.1);
    tp_module_free(m);
}

static void constructor_errors(void **state) {
    (void)state;
    assert_null(tp_nn_conv1d(2, 4, 0, (tp_nn_conv1d_options){0}));
    assert_error(TP_ERR_ARGUMENT, "nn_conv1d: a size is out of range: 2, 4, kernel_size=(0,), stride=(1,)");
    assert_null(tp_nn_conv3d(2, 3, 1, 1, 1, (tp_nn_conv3d_options){.groups = 2}));
    assert_error(TP_ERR_ARGUMENT, "nn_conv3d: groups must divide both numbers of channels: 2, 3, "
                                  "kernel_size=(1, 1, 1), stride=(1, 1, 1), groups=2");
    assert_null(tp_nn_conv2d(2, 3, 1, 1, (tp_nn_conv2d_options){.same = true, .stride = {2}}));
    assert_error(TP_ERR_ARGUMENT, "nn_conv2d: same padding goes with stride 1 and no other padding: 2, 3, "
                                  "kernel_size=(1, 1), stride=(2, 2), padding=same");
    assert_null(tp_nn_conv2d(2, 3, 1, 1, (tp_nn_conv2d_options){.padding_mode = (tp_pad_mode)9}));
    assert_error(TP_ERR_ARGUMENT, "nn_conv2d: padding_mode is 9, which is none of tp_pad_mode");
    assert_null(tp_nn_conv_transpose1d(1, 1, 1, (tp_nn_conv_transpose1d_options){.dtype = TP_U8}));
    assert_error(TP_ERR_DTYPE, "nn_conv_transpose1d: parameters are float32 or float64, got uint8");
    assert_null(tp_nn_conv_transpose2d(1, 1, 1, 1, (tp_nn_conv_transpose2d_options){.output_padding = {-1}}));
    assert_int_equal(tp_last_error().code, TP_ERR_ARGUMENT);
    assert_null(tp_nn_conv_transpose3d(1, 1, 1, 1, 1, (tp_nn_conv_transpose3d_options){.groups = -1}));
    assert_int_equal(tp_last_error().code, TP_ERR_ARGUMENT);
    assert_null(tp_nn_conv1d(1 << 20, 1 << 20, 1 << 30, (tp_nn_conv1d_options){0}));
    assert_true(tp_last_error().code == TP_ERR_SHAPE || tp_last_error().code == TP_ERR_MEMORY);
    assert_null(tp_nn_pad(TP_SHAPE(1, 2, 3), TP_PAD_REFLECT));
    assert_error(TP_ERR_ARGUMENT, "nn_pad: takes 2, 4 or 6 pads, (before, after) of each dim, got 3");
    assert_null(tp_nn_pad(TP_SHAPE(1, 2), (tp_pad_mode)-1));
    assert_error(TP_ERR_ARGUMENT, "nn_pad: mode is -1, which is none of tp_pad_mode");
    assert_null(tp_nn_constant_pad(TP_SCALAR_SHAPE, 1));
    assert_error(TP_ERR_ARGUMENT,
                 "nn_constant_pad: takes 2, 4 or 6 pads, (before, after) of each dim, got 0");
}

/* What is wrong with x is told by the op, and nothing is left. */
static void forward_errors(void **state) {
    (void)state;
    tp_module *m =
        tp_nn_conv1d(2, 2, 3, (tp_nn_conv1d_options){.padding = 4, .padding_mode = TP_PAD_REFLECT});
    assert_null(tp_forward(m, tp_ones(TP_SHAPE(1, 2, 4), TP_F32)));
    assert_int_equal(tp_last_error().code, TP_ERR_ARGUMENT);
    assert_null(tp_forward(m, tp_ones(TP_SHAPE(3, 9), TP_F32)));
    assert_int_equal(tp_last_error().code, TP_ERR_SHAPE);
    tp_error_clear();
    tp_module_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(prints_as_pytorch),
        CHECK_TEST(initialisation),
        CHECK_TEST(constructor_errors),
        CHECK_TEST(forward_errors),
    };
    return cmocka_run_group_tests_name("nn_conv", tests, NULL, NULL);
}
