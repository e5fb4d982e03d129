/* Modules of normalisation and dropout. */
#include "check.h"

#include <math.h>

static void norms_are_their_ops(void **state) {
    (void)state;
    tp_manual_seed(11);
    tp_tensor *x = tp_randn(TP_SHAPE(3, 6, 5), TP_F32, NULL);
    tp_norm_options none = {.eps = 0};
    const module_row rows[] = {
        {tp_nn_layer_norm(TP_SHAPE(5), (tp_nn_norm_options){0}), tp_layer_norm(x, TP_SHAPE(5), none),
         "LayerNorm((5,), eps=1e-05, elementwise_affine=True, bias=True)"},
        {tp_nn_layer_norm(TP_SHAPE(6, 5), (tp_nn_norm_options){.no_affine = true}),
         tp_layer_norm(x, TP_SHAPE(6, 5), none),
         "LayerNorm((6, 5), eps=1e-05, elementwise_affine=False, bias=False)"},
        {tp_nn_rms_norm(TP_SHAPE(5), (tp_nn_norm_options){0}), tp_rms_norm(x, TP_SHAPE(5), NULL, 0),
         "RMSNorm((5,), eps=None, elementwise_affine=True)"},
        {tp_nn_rms_norm(TP_SHAPE(5), (tp_nn_norm_options){.eps = 1e-3, .no_affine = true}),
         tp_rms_norm(x, TP_SHAPE(5), NULL, 1e-3), "RMSNorm((5,), eps=0.001, elementwise_affine=False)"},
        {tp_nn_group_norm(3, 6, (tp_nn_norm_options){0}), tp_group_norm(x, 3, none),
         "GroupNorm(3, 6, eps=1e-05, affine=True, bias=True)"},
        {tp_nn_instance_norm1d(6, (tp_nn_instance_norm_options){0}),
         tp_instance_norm(x, (tp_instance_norm_options){0}),
         "InstanceNorm1d(6, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)"},
        {tp_nn_batch_norm1d(6, (tp_nn_batch_norm_options){.cumulative = true}),
         tp_batch_norm(x, (tp_batch_norm_options){.training = true}),
         "BatchNorm1d(6, eps=1e-05, momentum=None, affine=True, bias=True, track_running_stats=True)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_module(&rows[i], TP_TENSORS(x));
    tp_tensor *pixels = tp_randn(TP_SHAPE(2, 3, 2, 2, 3), TP_F32, NULL), *image = tp_select(pixels, 0, 0);
    const module_row volumes[] = {
        {tp_nn_batch_norm3d(3, (tp_nn_batch_norm_options){.momentum = TP_ZERO}),
         tp_batch_norm(pixels, (tp_batch_norm_options){.training = true}),
         "BatchNorm3d(3, eps=1e-05, momentum=0, affine=True, bias=True, track_running_stats=True)"},
        {tp_nn_instance_norm3d(3, (tp_nn_instance_norm_options){.affine = true}),
         tp_instance_norm(pixels, (tp_instance_norm_options){0}),
         "InstanceNorm3d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=False)"},
    };
    for (size_t i = 0; i < sizeof volumes / sizeof *volumes; i++)
        check_module(&volumes[i], TP_TENSORS(pixels));
    const module_row alone = {
        tp_nn_instance_norm3d(3, (tp_nn_instance_norm_options){.eps = 0.5}),
        tp_squeeze(tp_instance_norm(tp_unsqueeze(image, 0), (tp_instance_norm_options){.eps = 0.5}),
                   TP_DIMS(0)),
        "InstanceNorm3d(3, eps=0.5, momentum=0.1, affine=False, bias=False, track_running_stats=False)"};
    check_module(&alone, TP_TENSORS(image));
}

static void batch_norm_keeps_count(void **state) {
    (void)state;
    tp_module *m = tp_nn_batch_norm1d(2, (tp_nn_batch_norm_options){0});
    tp_tensor *x = TP_F32_TENSOR(TP_SHAPE(4, 2), 1, 10, 2, 20, 3, 30, 4, 40);
    tp_tensor *y = tp_forward(m, x);
    assert_float_equal(tp_tensor_item(tp_mean(y)), 0, 1e-6);
    assert_values(tp_module_find(m, "running_mean"), 0.25, 2.5);
    assert_values(tp_module_find(m, "running_var"), 0.9 + 0.1 * 5.0 / 3, 0.9 + 0.1 * 500.0 / 3);
    assert_int_equal(tp_tensor_item_i64(tp_module_find(m, "num_batches_tracked")), 1);
    assert_ok(tp_module_eval(m));
    double expected = (1 - 0.25) / sqrt(0.9 + 0.1 * 5.0 / 3 + 1e-5);
    assert_float_equal(tp_tensor_at(tp_forward(m, x), TP_SHAPE(0, 0)), expected, 1e-5);
    assert_int_equal(tp_tensor_item_i64(tp_module_find(m, "num_batches_tracked")), 1);
    assert_null(tp_forward(m, tp_ones(TP_SHAPE(1, 2, 3, 4), TP_F32)));
    assert_error(TP_ERR_SHAPE, "nn_batch_norm1d: takes (N, C) or (N, C, L), got (1, 2, 3, 4)");
    tp_module_free(m);
    m = tp_nn_batch_norm2d(2, (tp_nn_batch_norm_options){.no_running_stats = true, .no_bias = true});
    assert_int_equal(tp_module_state(m).count, 1);
    assert_ok(tp_module_eval(m)); /* the batch's statistics all the same */
    assert_float_equal(tp_tensor_item(tp_mean(tp_forward(m, tp_rand(TP_SHAPE(3, 2, 2, 2), TP_F32, NULL)))), 0,
                       1e-6);
    assert_null(tp_forward(m, x));
    assert_error(TP_ERR_SHAPE, "nn_batch_norm2d: takes (N, C, H, W), got (4, 2)");
    tp_module_free(m);
}

static void dropout_follows_the_mode(void **state) {
    (void)state;
    tp_generator *g = tp_generator_new(3);
    tp_module *m = tp_nn_dropout(0.5, g);
    tp_tensor *x = tp_ones(TP_SHAPE(1000), TP_F32), *y = tp_forward(m, x);
    double kept = tp_tensor_item(tp_sum(tp_to_dtype(tp_ne_scalar(y, 0), TP_F32)));
    assert_true(kept > 400 && kept < 600);
    assert_float_equal(tp_tensor_item(tp_sum(y)), 2 * kept, 1e-3);
    assert_ok(tp_module_eval(m));
    assert_ptr_equal(tp_forward(m, x), x);
    tp_module_free(m);
    tp_generator_free(g);
}

/* The running statistics are the mean of all batches' seen. */
static void cumulative_statistics(void **state) {
    (void)state;
    tp_module *m = tp_nn_batch_norm1d(1, (tp_nn_batch_norm_options){.cumulative = true});
    for (int k = 0; k < 3; k++)
        assert_tensor(tp_forward(m, TP_F32_TENSOR(TP_SHAPE(2, 1), k * k - 1.f, k * k + 1.f)));
    assert_values(tp_module_find(m, "running_mean"), 5.0 / 3); /* of 0, 1 and 4 */
    assert_values(tp_module_find(m, "running_var"), 2);
    tp_module_free(m);
}

/* Evaluation uses what was tracked, and alone then is one element a channel enough. */
static void instance_norm_tracks(void **state) {
    (void)state;
    tp_nn_instance_norm_options options = {.track_running_stats = true, .momentum = 0.5};
    tp_module *m = tp_nn_instance_norm1d(1, options),
              *plain = tp_nn_instance_norm2d(1, (tp_nn_instance_norm_options){0});
    assert_tensor(tp_forward(m, TP_F32_TENSOR(TP_SHAPE(1, 1, 2), 1, 3)));
    assert_values(tp_module_find(m, "running_mean"), 1);
    assert_values(tp_module_find(m, "running_var"), 1.5);
    assert_ok(tp_module_eval(m));
    assert_values(tp_forward(m, tp_zeros(TP_SHAPE(1, 1, 1), TP_F32)), -1 / sqrt(1.5 + 1e-5));
    assert_null(tp_forward(m, tp_zeros(TP_SHAPE(1, 2, 1), TP_F32)));
    assert_error(TP_ERR_SHAPE, "nn_instance_norm: InstanceNorm1d of 1 channels takes no (1, 2, 1)");
    assert_ok(tp_module_eval(plain));
    assert_null(tp_forward(plain, tp_zeros(TP_SHAPE(1, 1, 1, 1), TP_F32)));
    assert_error(TP_ERR_SHAPE,
                 "instance_norm: needs more than one value a channel, got x of shape (1, 1, 1, 1)");
    tp_module_free(m);
    tp_module_free(plain);
}

static void dropouts_are_their_ops(void **state) {
    (void)state;
    tp_generator *g = tp_generator_new(4);
    tp_tensor *x = tp_ones(TP_SHAPE(6, 4, 2, 2), TP_F32);
    typedef tp_module *make_fn(double p, tp_generator *generator);
    typedef tp_tensor *op_fn(tp_tensor * x, double p, bool training, tp_generator *generator);
    const struct {
        make_fn *make;
        op_fn *op;
        int first; /* this many dims of x are given */
        const char *printed;
    } kinds[] = {
        {tp_nn_dropout1d, tp_dropout1d, 3, "Dropout1d(p=0.5, inplace=False)"},
        {tp_nn_dropout2d, tp_dropout2d, 4, "Dropout2d(p=0.5, inplace=False)"},
        {tp_nn_dropout3d, tp_dropout3d, 4, "Dropout3d(p=0.5, inplace=False)"},
        {tp_nn_alpha_dropout, tp_alpha_dropout, 4, "AlphaDropout(p=0.5, inplace=False)"},
        {tp_nn_feature_alpha_dropout, tp_feature_alpha_dropout, 4,
         "FeatureAlphaDropout(p=0.5, inplace=False)"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        tp_tensor *given = kinds[i].first == 3 ? tp_select(x, 3, 0) : x;
        tp_generator_state before = tp_generator_get_state(g);
        tp_tensor *expected = kinds[i].op(given, 0.5, true, g);
        tp_generator_set_state(g, before);
        const module_row row = {kinds[i].make(0.5, g), expected, kinds[i].printed};
        check_module(&row, TP_TENSORS(given));
        tp_module *m = kinds[i].make(0.5, g);
        assert_ok(tp_module_eval(m));
        assert_ptr_equal(tp_forward(m, given), given);
        tp_module_free(m);
    }
    tp_generator_free(g);
}

static void bad_modules(void **state) {
    (void)state;
    assert_null(tp_nn_layer_norm(TP_SCALAR_SHAPE, (tp_nn_norm_options){0}));
    assert_error(TP_ERR_ARGUMENT, "nn_layer_norm: a normalized shape of ()");
    assert_null(tp_nn_rms_norm(TP_SHAPE(-3), (tp_nn_norm_options){0}));
    assert_error(TP_ERR_ARGUMENT, "nn_rms_norm: a normalized shape of (-3,)");
    assert_null(tp_nn_rms_norm(TP_SHAPE(3), (tp_nn_norm_options){.eps = -1}));
    assert_error(TP_ERR_ARGUMENT, "nn_rms_norm: eps must not be negative, got -1");
    assert_null(tp_nn_group_norm(4, 6, (tp_nn_norm_options){0}));
    assert_error(TP_ERR_ARGUMENT, "nn_group_norm: 6 channels do not make 4 groups");
    assert_null(tp_nn_group_norm(2, 6, (tp_nn_norm_options){.dtype = TP_I64}));
    assert_error(TP_ERR_DTYPE, "nn_group_norm: parameters are float32 or float64, got int64");
    assert_null(tp_nn_instance_norm2d(-1, (tp_nn_instance_norm_options){0}));
    assert_error(TP_ERR_ARGUMENT, "nn_instance_norm2d: -1 features");
    assert_null(tp_nn_instance_norm2d(1, (tp_nn_instance_norm_options){.momentum = 2}));
    assert_error(TP_ERR_ARGUMENT,
                 "nn_instance_norm2d: eps must not be negative and momentum in [0, 1], got 0 and 2");
    assert_null(tp_nn_dropout3d(NAN, NULL));
    assert_error(TP_ERR_ARGUMENT, "nn_dropout3d: p must be in [0, 1], got nan");
    tp_module *m = tp_nn_group_norm(2, 6, (tp_nn_norm_options){0});
    assert_null(tp_forward(m, tp_zeros(TP_SHAPE(2, 4), TP_F32)));
    assert_error(TP_ERR_SHAPE, "nn_group_norm: x (2, 4) has not 6 channels");
    tp_module_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(norms_are_their_ops),
        CHECK_TEST(batch_norm_keeps_count),
        CHECK_TEST(cumulative_statistics),
        CHECK_TEST(instance_norm_tracks),
        CHECK_TEST(dropout_follows_the_mode),
        CHECK_TEST(dropouts_are_their_ops),
        CHECK_TEST(bad_modules),
    };
    return cmocka_run_group_tests_name("nn_norm", tests, NULL, NULL);
}
