/* Activations, pools and other small modules: each is the op it stands for, and prints as PyTorch's does. */
#include "check.h"

static void modules_are_their_ops(void **state) {
    (void)state;
    tp_manual_seed(8);
    tp_tensor *x = tp_mul_scalar(tp_randn(TP_SHAPE(2, 4, 6), TP_F32, NULL), 4);
    tp_softplus_options steep = {.beta = 2, .threshold = TP_ZERO};
    const module_row rows[] = {
        {tp_nn_relu(), tp_relu(x), "ReLU()"},
        {tp_nn_relu6(), tp_relu6(x), "ReLU6()"},
        {tp_nn_leaky_relu(0.01), tp_leaky_relu(x, 0.01), "LeakyReLU(negative_slope=0.01)"},
        {tp_nn_elu(1), tp_elu(x, 1), "ELU(alpha=1.0)"},
        {tp_nn_celu(0.5), tp_celu(x, 0.5), "CELU(alpha=0.5)"},
        {tp_nn_selu(), tp_selu(x), "SELU()"},
        {tp_nn_gelu(), tp_gelu(x), "GELU(approximate='none')"},
        {tp_nn_gelu_tanh(), tp_gelu_tanh(x), "GELU(approximate='tanh')"},
        {tp_nn_silu(), tp_silu(x), "SiLU()"},
        {tp_nn_mish(), tp_mish(x), "Mish()"},
        {tp_nn_tanh(), tp_tanh(x), "Tanh()"},
        {tp_nn_sigmoid(), tp_sigmoid(x), "Sigmoid()"},
        {tp_nn_logsigmoid(), tp_logsigmoid(x), "LogSigmoid()"},
        {tp_nn_softsign(), tp_softsign(x), "Softsign()"},
        {tp_nn_softplus((tp_softplus_options){0}), tp_softplus_with(x, (tp_softplus_options){0}),
         "Softplus(beta=1.0, threshold=20.0)"},
        {tp_nn_softplus(steep), tp_softplus_with(x, steep), "Softplus(beta=2.0, threshold=0.0)"},
        {tp_nn_hardtanh(-1, 1), tp_hardtanh(x, -1, 1), "Hardtanh(min_val=-1.0, max_val=1.0)"},
        {tp_nn_hardsigmoid(), tp_hardsigmoid(x), "Hardsigmoid()"},
        {tp_nn_hardswish(), tp_hardswish(x), "Hardswish()"},
        {tp_nn_threshold(0.1, 20), tp_threshold(x, 0.1, 20), "Threshold(threshold=0.1, value=20.0)"},
        {tp_nn_hardshrink(0.5), tp_hardshrink(x, 0.5), "Hardshrink(0.5)"},
        {tp_nn_softshrink(0.5), tp_softshrink(x, 0.5), "Softshrink(0.5)"},
        {tp_nn_tanhshrink(), tp_tanhshrink(x), "Tanhshrink()"},
        {tp_nn_glu(-1), tp_glu(x, -1), "GLU(dim=-1)"},
        {tp_nn_softmax(1), tp_softmax(x, 1), "Softmax(dim=1)"},
        {tp_nn_softmin(1), tp_softmin(x, 1), "Softmin(dim=1)"},
        {tp_nn_log_softmax(2), tp_log_softmax(x, 2), "LogSoftmax(dim=2)"},
        {tp_nn_identity(), x, "Identity()"},
        {tp_nn_unflatten(2, TP_SHAPE(2, -1)), tp_unflatten(x, 2, TP_SHAPE(2, 3)),
         "Unflatten(dim=2, unflattened_size=(2, -1))"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_module(&rows[i], TP_TENSORS(x));
}

static void vision_modules_are_their_ops(void **state) {
    (void)state;
    tp_manual_seed(9);
    tp_tensor *x = tp_randn(TP_SHAPE(2, 4, 6, 4), TP_F32, NULL), *columns = tp_flatten(x, 2, 3);
    tp_interpolate_options twice = {.scale = {2}},
                           wide = {.mode = TP_INTERPOLATE_LINEAR, .size = TP_SHAPE(3, 9)},
                           uneven = {.mode = TP_INTERPOLATE_AREA, .scale = {0.5, 1.5}};
    tp_im2col_options none = {.stride = {0}}, dense = {.stride = {2, 1}, .padding = {1, 0}};
    const module_row rows[] = {
        {tp_nn_pixel_shuffle(2), tp_pixel_shuffle(x, 2), "PixelShuffle(upscale_factor=2)"},
        {tp_nn_pixel_unshuffle(2), tp_pixel_unshuffle(x, 2), "PixelUnshuffle(downscale_factor=2)"},
        {tp_nn_channel_shuffle(2), tp_channel_shuffle(x, 2), "ChannelShuffle(groups=2)"},
        {tp_nn_upsample(twice), tp_interpolate(x, twice), "Upsample(scale_factor=2, mode='nearest')"},
        {tp_nn_upsample(wide), tp_interpolate(x, wide), "Upsample(size=(3, 9), mode='linear')"},
        {tp_nn_upsample(uneven), tp_interpolate(x, uneven), "Upsample(scale_factor=(0.5, 1.5), mode='area')"},
        {tp_nn_unfold(3, 2, dense), tp_im2col(x, 3, 2, dense),
         "Unfold(kernel_size=(3, 2), dilation=(1, 1), padding=(1, 0), stride=(2, 1))"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_module(&rows[i], TP_TENSORS(x));
    module_row fold = {
        tp_nn_fold(7, 5, 2, 0, none), tp_col2im(columns, 7, 5, 2, 2, none),
        "Fold(output_size=(7, 5), kernel_size=(2, 2), dilation=(1, 1), padding=(0, 0), stride=(1, 1))"};
    check_module(&fold, TP_TENSORS(columns));
    assert_null(tp_nn_pixel_shuffle(0));
    assert_error(TP_ERR_ARGUMENT, "nn_pixel_shuffle: upscale_factor must be at least 1, got 0");
    assert_null(tp_nn_upsample((tp_interpolate_options){.mode = (tp_interpolate_mode)-1}));
    assert_error(TP_ERR_ARGUMENT, "nn_upsample: mode is -1, which is none of tp_interpolate_mode");
    assert_null(tp_nn_fold(0, 5, 2, 0, none));
    assert_error(TP_ERR_ARGUMENT, "nn_fold: a size is out of range: kernel_size=(2, 2), dilation=(1, 1), "
                                  "padding=(0, 0), stride=(1, 1)");
}

static void pools_are_their_ops(void **state) {
    (void)state;
    tp_manual_seed(10);
    tp_tensor *x1 = tp_rand(TP_SHAPE(2, 3, 9), TP_F32, NULL),
              *x2 = tp_rand(TP_SHAPE(2, 3, 8, 9), TP_F32, NULL),
              *x3 = tp_rand(TP_SHAPE(2, 4, 6, 8), TP_F32, NULL);
    tp_pool1d_options o1 = {.stride = 2, .padding = 1}, plain1 = {.ceil_mode = true};
    tp_pool2d_options o2 = {.stride = {2, 1}, .ceil_mode = true};
    tp_pool3d_options o3 = {.stride = {1, 2, 2}, .padding = {1, 0, 1}}, plain3 = {.divisor = 0};
    const module_row lines[] = {
        {tp_nn_max_pool1d(3, o1), tp_max_pool1d(x1, 3, o1),
         "MaxPool1d(kernel_size=3, stride=2, padding=1, dilation=1, ceil_mode=False)"},
        {tp_nn_avg_pool1d(2, o1), tp_avg_pool1d(x1, 2, o1), "AvgPool1d(kernel_size=2, stride=2, padding=1)"},
        {tp_nn_lp_pool1d(2, 3, plain1), tp_lp_pool1d(x1, 2, 3, plain1),
         "LPPool1d(norm_type=2, kernel_size=3, stride=3, ceil_mode=True)"},
        {tp_nn_adaptive_avg_pool1d(4), tp_adaptive_avg_pool1d(x1, 4), "AdaptiveAvgPool1d(output_size=4)"},
        {tp_nn_adaptive_max_pool1d(-1), tp_adaptive_max_pool1d(x1, -1),
         "AdaptiveMaxPool1d(output_size=None)"},
    };
    const module_row planes[] = {
        {tp_nn_lp_pool2d(1.5, 3, 2, o2), tp_lp_pool2d(x2, 1.5, 3, 2, o2),
         "LPPool2d(norm_type=1.5, kernel_size=(3, 2), stride=(2, 1), ceil_mode=True)"},
        {tp_nn_adaptive_max_pool2d(3, -1), tp_adaptive_max_pool2d(x2, 3, -1),
         "AdaptiveMaxPool2d(output_size=(3, None))"},
    };
    const module_row volumes[] = {
        {tp_nn_max_pool3d(2, 2, 3, o3), tp_max_pool3d(x3, 2, 2, 3, o3),
         "MaxPool3d(kernel_size=(2, 2, 3), stride=(1, 2, 2), padding=(1, 0, 1), dilation=1, ceil_mode=False)"},
        {tp_nn_avg_pool3d(2, 0, 0, plain3), tp_avg_pool3d(x3, 2, 2, 2, plain3),
         "AvgPool3d(kernel_size=2, stride=2, padding=0)"},
        {tp_nn_lp_pool3d(2, 2, 0, 0, plain3), tp_lp_pool3d(x3, 2, 2, 2, 2, plain3),
         "LPPool3d(norm_type=2, kernel_size=2, stride=2, ceil_mode=False)"},
        {tp_nn_adaptive_avg_pool3d(2, 3, 1), tp_adaptive_avg_pool3d(x3, 2, 3, 1),
         "AdaptiveAvgPool3d(output_size=(2, 3, 1))"},
        {tp_nn_adaptive_max_pool3d(2, 3, 1), tp_adaptive_max_pool3d(x3, 2, 3, 1),
         "AdaptiveMaxPool3d(output_size=(2, 3, 1))"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) check_module(&lines[i], TP_TENSORS(x1));
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++) check_module(&planes[i], TP_TENSORS(x2));
    for (size_t i = 0; i < sizeof volumes / sizeof *volumes; i++) check_module(&volumes[i], TP_TENSORS(x3));
    assert_null(tp_nn_avg_pool3d(2, 2, -1, plain3));
    assert_error(TP_ERR_ARGUMENT, "nn_avg_pool3d: a size is out of range: kernel_size=(2, 2, -1), "
                                  "stride=(2, 2, -1), padding=0, dilation=1, ceil_mode=False");
    assert_null(tp_nn_lp_pool1d(0, 2, plain1));
    assert_error(TP_ERR_ARGUMENT, "nn_lp_pool1d: p must be above 0, got 0");
}

static void embedding_is_a_table(void **state) {
    (void)state;
    tp_manual_seed(12);
    tp_module *m = tp_nn_embedding(5, 3,
                                   (tp_nn_embedding_options){.has_padding_idx = true, .padding_idx = -2}),
              *plain = tp_nn_embedding(4000, 4, (tp_nn_embedding_options){.dtype = TP_F64});
    tp_tensor *x = tp_from_i64(TP_SHAPE(2, 2), (const int64_t[]){3, 1, 1, 4}, 4),
              *w = tp_module_find(m, "weight");
    assert_values(tp_select(tp_detach(w), 0, 3), 0, 0, 0);
    tp_tensor *y = tp_forward(m, x);
    assert_true(tp_shape_equal(tp_tensor_shape(y), TP_SHAPE(2, 2, 3)));
    assert_true(tp_equal(tp_select(tp_select(y, 0, 1), 0, 1), tp_select(w, 0, 4)));
    assert_ok(tp_backward(tp_sum(y)));
    assert_values(tp_select(tp_tensor_grad(w), 1, 0), 0, 2, 0, 0, 1);
    char text[64];
    tp_module_format(m, text, sizeof text);
    assert_string_equal(text, "Embedding(5, 3, padding_idx=3)");
    tp_tensor *table = tp_detach(tp_module_find(plain, "weight"));
    assert_float_equal(tp_tensor_item(tp_mean(table)), 0, 0.05);
    assert_float_equal(tp_tensor_item(tp_mean(tp_square(table))), 1, 0.05);
    tp_module_free(m);
    tp_module_free(plain);
    assert_null(tp_nn_embedding(-1, 3, (tp_nn_embedding_options){0}));
    assert_error(TP_ERR_ARGUMENT, "nn_embedding: -1 embeddings of 3 dims");
    assert_null(tp_nn_embedding(4, 3, (tp_nn_embedding_options){.has_padding_idx = true, .padding_idx = 4}));
    assert_error(TP_ERR_ARGUMENT, "nn_embedding: padding_idx 4 is none of the 4 embeddings");
}

static void embedding_bag_is_a_module(void **state) {
    (void)state;
    tp_module *m = tp_nn_embedding_bag(
        5, 3, (tp_nn_embedding_bag_options){.mode = TP_BAG_SUM, .has_padding_idx = true, .padding_idx = -1});
    tp_tensor *w = tp_module_find(m, "weight"),
              *index = tp_from_i64(TP_SHAPE(4), (const int64_t[]){3, 1, 4, 1}, 4);
    assert_values(tp_select(tp_detach(w), 0, 4), 0, 0, 0);
    tp_tensor *two = tp_forward(m, tp_reshape(index, TP_SHAPE(2, 2)));
    tp_tensor *all = tp_forward_all(m, TP_TENSORS(index, tp_from_i64(TP_SHAPE(1), (const int64_t[]){0}, 1)));
    assert_true(tp_equal(tp_select(two, 0, 1), tp_select(w, 0, 1)));
    tp_tensor *sum = tp_add(tp_add(tp_select(w, 0, 3), tp_select(w, 0, 1)), tp_select(w, 0, 1));
    assert_true(tp_equal(tp_select(all, 0, 0), sum));
    tp_tensor *zero = tp_from_i64(TP_SHAPE(1), (const int64_t[]){0}, 1),
              *none = tp_zeros(TP_SHAPE(4), TP_F32);
    tp_tensor *nothing = tp_forward_all(m, TP_TENSORS(index, zero, none));
    assert_values(nothing, 0, 0, 0);
    char text[64];
    tp_module_format(m, text, sizeof text);
    assert_string_equal(text, "EmbeddingBag(5, 3, mode='sum', padding_idx=4)");
    assert_null(tp_forward_all(m, TP_TENSORS(index, zero, none, none)));
    assert_error(TP_ERR_ARGUMENT, "embedding_bag: takes an index, offsets and factors, got 4 tensors");
    tp_module_free(m);
    assert_null(tp_nn_embedding_bag(4, 3, (tp_nn_embedding_bag_options){.mode = (tp_bag_mode)7}));
    assert_error(TP_ERR_ARGUMENT, "nn_embedding_bag: there is no mode 7");
}

/* Random slopes in training, their mean in evaluation. */
static void rrelu_by_mode(void **state) {
    (void)state;
    tp_tensor *x = tp_full(TP_SHAPE(100), -1, TP_F64);
    tp_module *m = tp_nn_rrelu((tp_rrelu_options){0});
    char text[128];
    tp_module_format(m, text, sizeof text);
    assert_string_equal(text, "RReLU(lower=0.125, upper=0.3333333333)");
    tp_tensor *y = tp_forward(m, x);
    double least = -tp_tensor_item(tp_amax(y, TP_NO_DIMS, false)),
           most = -tp_tensor_item(tp_amin(y, TP_NO_DIMS, false));
    assert_true(least >= 1. / 8 && most <= 1. / 3 && most - least > 0.1);
    assert_ok(tp_module_eval(m));
    assert_true(tp_allclose(tp_forward(m, x), tp_full(TP_SHAPE(100), -(1. / 8 + 1. / 3) / 2, TP_F64),
                            (tp_isclose_options){0}));
    tp_module_free(m);
}

static void prelu_has_a_weight(void **state) {
    (void)state;
    tp_module *m = tp_nn_prelu(3, (tp_nn_prelu_options){0}),
              *flat = tp_nn_prelu(1, (tp_nn_prelu_options){.init = TP_ZERO});
    tp_tensor *x = TP_F32_TENSOR(TP_SHAPE(1, 3), -4, -8, 2);
    assert_values(tp_module_find(m, "weight"), 0.25, 0.25, 0.25);
    assert_values(tp_forward(m, x), -1, -2, 2);
    assert_values(tp_forward(flat, x), 0, 0, 2);
    assert_ok(tp_backward(tp_sum(tp_forward(m, x))));
    assert_values(tp_tensor_grad(tp_module_find(m, "weight")), -4, -8, 0);
    char text[64];
    tp_module_format(m, text, sizeof text);
    assert_string_equal(text, "PReLU(num_parameters=3)");
    tp_module_free(m);
    tp_module_free(flat);
    assert_null(tp_nn_prelu(0, (tp_nn_prelu_options){0}));
    assert_error(TP_ERR_ARGUMENT, "nn_prelu: num_parameters must be at least 1, got 0");
    assert_null(tp_nn_prelu(1, (tp_nn_prelu_options){.dtype = TP_I64}));
    assert_error(TP_ERR_DTYPE, "nn_prelu: parameters are float32 or float64, got int64");
}

static void bilinear_takes_two(void **state) {
    (void)state;
    tp_manual_seed(2);
    tp_module *m = tp_nn_bilinear(4, 3, 5, (tp_linear_options){0});
    tp_tensor *w = tp_module_find(m, "weight"), *b = tp_module_find(m, "bias");
    assert_true(tp_shape_equal(tp_tensor_shape(w), TP_SHAPE(5, 4, 3)) &&
                tp_shape_equal(tp_tensor_shape(b), TP_SHAPE(5)));
    double largest = tp_tensor_item(tp_amax(tp_abs(tp_detach(w)), TP_NO_DIMS, false));
    assert_true(largest <= 0.5 && largest > 0.4);
    tp_tensor *x1 = tp_randn(TP_SHAPE(2, 4), TP_F32, NULL), *x2 = tp_randn(TP_SHAPE(2, 3), TP_F32, NULL);
    assert_true(tp_equal(tp_forward_all(m, TP_TENSORS(x1, x2)), tp_bilinear(x1, x2, w, b)));
    assert_null(tp_forward(m, x1));
    assert_error(TP_ERR_STATE, "forward: a Bilinear has no forward of one tensor; use tp_forward_all()");
    char text[128];
    tp_module_format(m, text, sizeof text);
    assert_string_equal(text, "Bilinear(in1_features=4, in2_features=3, out_features=5, bias=True)");
    tp_module *relu = tp_nn_relu();
    assert_null(tp_forward_all(m, TP_TENSORS(x1)));
    assert_error(TP_ERR_ARGUMENT, "forward_all: a Bilinear takes 2 tensors, got 1");
    assert_true(tp_equal(tp_forward_all(relu, TP_TENSORS(x1)), tp_relu(x1)));
    assert_null(tp_forward_all(relu, TP_TENSORS(x1, x2)));
    assert_error(TP_ERR_ARGUMENT, "forward_all: a ReLU takes one tensor, got 2");
    assert_null(tp_forward_all(NULL, TP_TENSORS(x1, x2)));
    assert_error(TP_ERR_NULL, "forward_all: argument m is NULL");
    assert_null(tp_nn_bilinear(0, 3, 5, (tp_linear_options){0}));
    assert_error(TP_ERR_ARGUMENT,
                 "nn_bilinear: 0 and 3 inputs and 5 outputs; the first must be positive, none negative");
    tp_module_free(relu);
    tp_module_free(m);
    m = tp_nn_bilinear(2, 2, 1, (tp_linear_options){.no_bias = true});
    assert_int_equal(tp_module_parameters(m).count, 1);
    tp_module_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(modules_are_their_ops), CHECK_TEST(vision_modules_are_their_ops),
        CHECK_TEST(pools_are_their_ops),   CHECK_TEST(rrelu_by_mode),
        CHECK_TEST(prelu_has_a_weight),    CHECK_TEST(bilinear_takes_two),
        CHECK_TEST(embedding_is_a_table),  CHECK_TEST(embedding_bag_is_a_module),
    };
    return cmocka_run_group_tests_name("nn_small", tests, NULL, NULL);
}
