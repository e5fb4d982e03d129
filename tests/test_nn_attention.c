/* Modules of attention and transformers. Their values are held to PyTorch's in test_golden.c. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double largest(tp_tensor *t) { return tp_tensor_item(tp_amax(tp_abs(t), TP_NO_DIMS, false)); }

static const tp_isclose_options near = {.rtol = 1e-12, .atol = 1e-12};

/* ---- parameters --------------------------------------------------------------------------------------- */

static void prints(void **state) {
    (void)state;
    char text[1024];
    tp_module *m =
        tp_nn_transformer_encoder_layer(8, 2,
                                        (tp_nn_transformer_options){.dim_feedforward = 16, .no_bias = true});
    tp_module_format(m, text, sizeof text);
    assert_string_equal(text, "TransformerEncoderLayer(\n"
                              "  (self_attn): MultiheadAttention(\n"
                              "    (out_proj): Linear(in_features=8, out_features=8, bias=False)\n"
                              "  )\n"
                              "  (linear1): Linear(in_features=8, out_features=16, bias=False)\n"
                              "  (dropout): Dropout(p=0.1, inplace=False)\n"
                              "  (linear2): Linear(in_features=16, out_features=8, bias=False)\n"
                              "  (norm1): LayerNorm((8,), eps=1e-05, elementwise_affine=True, bias=False)\n"
                              "  (norm2): LayerNorm((8,), eps=1e-05, elementwise_affine=True, bias=False)\n"
                              "  (dropout1): Dropout(p=0.1, inplace=False)\n"
                              "  (dropout2): Dropout(p=0.1, inplace=False)\n"
                              ")");
    tp_module_free(m);
    m = tp_nn_positional_encoding(5, 4, (tp_nn_positional_encoding_options){.learned = true});
    tp_module_format(m, text, sizeof text);
    assert_string_equal(text, "PositionalEncoding(5, 4, dropout=0, learned=True, batch_first=False)");
    tp_module_free(m);
}

static void assert_names(tp_module *m, const char *expected) {
    char text[1024] = "";
    size_t at = 0;
    const tp_named_tensors state = tp_module_state(m);
    for (int k = 0; k < state.count; k++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s ", state.items[k].name);
    assert_string_equal(text, expected);
}

static void parameters_of_attention(void **state) {
    (void)state;
    tp_manual_seed(3);
    tp_module *m = tp_nn_multihead_attention(32, 4, (tp_nn_multihead_attention_options){.add_bias_kv = true});
    assert_names(m, "in_proj_weight in_proj_bias bias_k bias_v out_proj.weight out_proj.bias ");
    assert_true(tp_shape_equal(tp_tensor_shape(tp_module_find(m, "in_proj_weight")), TP_SHAPE(96, 32)));
    const double bound = sqrt(6.0 / (96 + 32)), most = largest(tp_module_find(m, "in_proj_weight"));
    assert_true(most <= bound && most > 0.98 * bound);
    assert_true(largest(tp_module_find(m, "in_proj_bias")) == 0 &&
                largest(tp_module_find(m, "out_proj.bias")) == 0);
    tp_module_free(m);

    m = tp_nn_multihead_attention(
        32, 4, (tp_nn_multihead_attention_options){.kdim = 5, .no_bias = true, .dtype = TP_F64});
    assert_names(m, "q_proj_weight k_proj_weight v_proj_weight out_proj.weight ");
    assert_true(tp_shape_equal(tp_tensor_shape(tp_module_find(m, "k_proj_weight")), TP_SHAPE(32, 5)));
    assert_int_equal(tp_tensor_dtype(tp_module_find(m, "v_proj_weight")), TP_F64);
    tp_module_free(m);
}

static void parameters_of_transformers(void **state) {
    (void)state;
    tp_manual_seed(3);
    tp_nn_transformer_options options = {.dim_feedforward = 12, .final_norm = true, .no_bias = true};
    tp_module *m = tp_nn_transformer_encoder(8, 2, 2, options);
    assert_names(
        m, "layers.0.self_attn.in_proj_weight layers.0.self_attn.out_proj.weight "
           "layers.0.linear1.weight layers.0.linear2.weight layers.0.norm1.weight layers.0.norm2.weight "
           "layers.1.self_attn.in_proj_weight layers.1.self_attn.out_proj.weight "
           "layers.1.linear1.weight layers.1.linear2.weight layers.1.norm1.weight layers.1.norm2.weight "
           "norm.weight ");
    assert_false(
        tp_equal(tp_module_find(m, "layers.0.linear1.weight"), tp_module_find(m, "layers.1.linear1.weight")));
    tp_module_free(m);
    m = tp_nn_transformer_encoder_layer(8, 2, (tp_nn_transformer_options){0});
    assert_true(tp_shape_equal(tp_tensor_shape(tp_module_find(m, "linear1.weight")), TP_SHAPE(2048, 8)));
    tp_module_free(m);
}

/* ---- attention ---------------------------------------------------------------------------------------- */

static void weights_are_given_on_request(void **state) {
    (void)state;
    tp_manual_seed(4);
    tp_module *m = tp_nn_multihead_attention(8, 2, (tp_nn_multihead_attention_options){.dtype = TP_F64});
    tp_tensor *x = tp_randn(TP_SHAPE(5, 3, 8), TP_F64, NULL), *y = tp_randn(TP_SHAPE(4, 3, 8), TP_F64, NULL);
    tp_attention_out plain = tp_nn_multihead_attention_forward(m, x, y, y, (tp_attention_masks){0}),
                     mean = tp_nn_multihead_attention_forward(m, x, y, y,
                                                              (tp_attention_masks){.need_weights = true}),
                     each = tp_nn_multihead_attention_forward(m, x, y, y,
                                                              (tp_attention_masks){.need_weights = true,
                                                                                   .per_head = true});
    assert_true(plain.output && !plain.weights && mean.weights && each.weights);
    assert_true(tp_allclose(plain.output, mean.output, near));
    assert_true(tp_shape_equal(tp_tensor_shape(mean.weights), TP_SHAPE(3, 5, 4)) &&
                tp_shape_equal(tp_tensor_shape(each.weights), TP_SHAPE(3, 2, 5, 4)));
    assert_true(tp_allclose(tp_mean_dim(each.weights, TP_DIMS(1), false), mean.weights, near));
    assert_true(largest(tp_sub_scalar(tp_sum_dim(mean.weights, TP_DIMS(-1), false), 1)) < 1e-12);
    assert_true(tp_equal(tp_forward_all(m, TP_TENSORS(x, y, y)), plain.output));
    assert_true(tp_allclose(tp_forward(m, x), tp_forward_all(m, TP_TENSORS(x, tp_clone(x), x)), near));
    tp_module_free(m);
}

/* Keys that are all hidden give what no keys give, and no NaN. */
static void nothing_to_see(void **state) {
    (void)state;
    tp_module *m = tp_nn_multihead_attention(4, 2, (tp_nn_multihead_attention_options){.batch_first = true});
    tp_tensor *x = tp_randn(TP_SHAPE(2, 3, 4), TP_F32, NULL);
    tp_tensor *hidden =
        tp_cat(TP_TENSORS(tp_ones(TP_SHAPE(1, 3), TP_BOOL), tp_zeros(TP_SHAPE(1, 3), TP_BOOL)), 0);
    for (int weights = 0; weights < 2; weights++) {
        tp_attention_out y = tp_nn_multihead_attention_forward(
            m, x, x, x, (tp_attention_masks){.key_padding_mask = hidden, .need_weights = weights != 0});
        assert_tensor(y.output);
        assert_true(largest(tp_select(y.output, 0, 0)) == 0 && largest(tp_select(y.output, 0, 1)) > 0);
        if (weights) assert_true(largest(tp_select(y.weights, 0, 0)) == 0);
        assert_ok(tp_backward(tp_sum(y.output)));
        assert_true(isfinite(largest(tp_tensor_grad(tp_module_find(m, "in_proj_weight")))));
    }
    tp_module_free(m);
}

/* Masks of the other floating type count the same, whether weights are asked for or not. */
static void masks_of_either_type(void **state) {
    (void)state;
    tp_module *m = tp_nn_multihead_attention(4, 2, (tp_nn_multihead_attention_options){.batch_first = true});
    tp_tensor *x = tp_randn(TP_SHAPE(2, 3, 4), TP_F32, NULL), *mask = tp_randn(TP_SHAPE(3, 3), TP_F32, NULL),
              *padding = tp_randn(TP_SHAPE(2, 3), TP_F32, NULL);
    for (int weights = 0; weights < 2; weights++) {
        tp_attention_masks masks = {.attn_mask = mask,
                                    .key_padding_mask = padding,
                                    .need_weights = weights != 0};
        tp_attention_out y = tp_nn_multihead_attention_forward(m, x, x, x, masks);
        masks.attn_mask = tp_to_dtype(mask, TP_F64);
        tp_attention_out z = tp_nn_multihead_attention_forward(m, x, x, x, masks);
        assert_tensor(y.output);
        assert_tensor(z.output);
        assert_int_equal(tp_tensor_dtype(z.output), TP_F32);
        assert_true(tp_allclose(y.output, z.output, (tp_isclose_options){.rtol = 1e-5, .atol = 1e-6}));
    }
    tp_module_free(m);
}

/* An error of before that was not looked at does not make a call with all masks fail without a word of its own. */
static void an_earlier_error_stays_its_own(void **state) {
    (void)state;
    tp_module *m = tp_nn_multihead_attention(4, 2, (tp_nn_multihead_attention_options){.batch_first = true});
    tp_tensor *x = tp_ones(TP_SHAPE(1, 3, 4), TP_F32);
    tp_attention_masks masks = {.attn_mask = tp_zeros(TP_SHAPE(3, 3), TP_BOOL),
                                .key_padding_mask = tp_zeros(TP_SHAPE(1, 3), TP_BOOL)};
    assert_null(tp_reshape(x, TP_SHAPE(7)));
    assert_non_null(tp_nn_multihead_attention_forward(m, x, x, x, masks).output);
    tp_error_clear();
    tp_module_free(m);
}

static void dropout_in_training_alone(void **state) {
    (void)state;
    tp_tensor *x = tp_randn(TP_SHAPE(5, 2, 8), TP_F32, NULL);
    tp_module *rows[] = {
        tp_nn_multihead_attention(8, 2, (tp_nn_multihead_attention_options){.dropout = 0.5}),
        tp_nn_transformer_encoder_layer(8, 2, (tp_nn_transformer_options){0}),
        tp_nn_positional_encoding(5, 8, (tp_nn_positional_encoding_options){.dropout = 0.5}),
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        assert_false(tp_equal(tp_forward(rows[k], x), tp_forward(rows[k], x)));
        assert_ok(tp_module_eval(rows[k]));
        assert_true(tp_equal(tp_forward(rows[k], x), tp_forward(rows[k], x)));
        tp_module_free(rows[k]);
    }
}

/* ---- transformers ------------------------------------------------------------------------------------- */

/* What a position gives depends on it and those before, by the flag, by the option or by a mask alike. */
static void causal_layers(void **state) {
    (void)state;
    tp_manual_seed(5);
    tp_nn_transformer_options options = {.dim_feedforward = 8,
                                         .dropout = TP_ZERO,
                                         .batch_first = true,
                                         .dtype = TP_F64};
    tp_tensor *x = tp_set_requires_grad(tp_randn(TP_SHAPE(2, 6, 4), TP_F64, NULL), true);
    tp_manual_seed(6);
    tp_module *m = tp_nn_transformer_encoder(4, 2, 2, options);
    options.is_causal = true;
    tp_manual_seed(6);
    tp_module *causal = tp_nn_transformer_encoder(4, 2, 2, options);
    tp_tensor *y = tp_forward(causal, x);
    assert_tensor(y);
    assert_false(tp_allclose(y, tp_forward(m, x), near));
    assert_true(tp_allclose(y,
                            tp_nn_transformer_encoder_forward(m, x, (tp_attention_masks){.is_causal = true}),
                            near));
    tp_tensor *later = tp_triu(tp_ones(TP_SHAPE(6, 6), TP_BOOL), 1);
    assert_true(tp_allclose(y,
                            tp_nn_transformer_encoder_forward(m, x, (tp_attention_masks){.attn_mask = later}),
                            near));
    assert_ok(tp_backward(tp_sum(tp_mul(tp_select(y, 1, 2), tp_select(y, 1, 2)))));
    tp_tensor *g = tp_tensor_grad(x);
    assert_true(largest(tp_narrow(g, 1, 0, 3)) > 0 && largest(tp_narrow(g, 1, 3, 3)) == 0);

    tp_module *layer = tp_module_child(m, "layers.0");
    assert_true(tp_equal(tp_nn_transformer_encoder_layer_forward(layer, x, (tp_attention_masks){0}),
                         tp_forward(layer, x)));
    tp_module_free(m);
    tp_module_free(causal);
}

static void padding_is_not_seen(void **state) {
    (void)state;
    tp_manual_seed(7);
    tp_module *m = tp_nn_transformer_encoder(4, 2, 2,
                                             (tp_nn_transformer_options){.dim_feedforward = 8,
                                                                         .dropout = TP_ZERO,
                                                                         .batch_first = true,
                                                                         .dtype = TP_F64});
    tp_tensor *x = tp_randn(TP_SHAPE(1, 5, 4), TP_F64, NULL),
              *other =
                  tp_cat(TP_TENSORS(tp_narrow(x, 1, 0, 3), tp_randn(TP_SHAPE(1, 2, 4), TP_F64, NULL)), 1);
    tp_tensor *padding =
        tp_cat(TP_TENSORS(tp_zeros(TP_SHAPE(1, 3), TP_BOOL), tp_ones(TP_SHAPE(1, 2), TP_BOOL)), 1);
    const tp_attention_masks masks = {.key_padding_mask = padding};
    tp_tensor *y = tp_narrow(tp_nn_transformer_encoder_forward(m, x, masks), 1, 0, 3);
    assert_true(tp_allclose(y, tp_narrow(tp_nn_transformer_encoder_forward(m, other, masks), 1, 0, 3), near));
    assert_true(tp_allclose(y, tp_forward(m, tp_narrow(x, 1, 0, 3)), near));
    tp_module_free(m);
}

/* Layers one after the other hold no more than two results when nothing is recorded. */
static void layers_drop_their_inputs(void **state) {
    (void)state;
    tp_nn_transformer_options options = {.dim_feedforward = 16, .batch_first = true};
    tp_tensor *x = tp_randn(TP_SHAPE(8, 64, 16), TP_F32, NULL);
    size_t peak[2];
    tp_no_grad_begin();
    for (int k = 0; k < 2; k++) {
        tp_module *m = tp_nn_transformer_encoder(16, 2, k ? 12 : 3, options);
        assert_ok(tp_module_eval(m));
        tp_memory_reset_peak();
        const size_t before = tp_memory_stats().in_use;
        tp_scope *s = tp_scope_begin();
        assert_tensor(tp_forward(m, x));
        tp_scope_end(s);
        peak[k] = tp_memory_stats().peak - before;
        tp_module_free(m);
    }
    tp_no_grad_end();
    assert_true(peak[1] <= peak[0] + 64 * 1024);
}

/* ---- positions ---------------------------------------------------------------------------------------- */

static void positions_are_added(void **state) {
    (void)state;
    tp_tensor *zero = tp_zeros(TP_SHAPE(2, 3, 4), TP_F32), *waves = tp_sinusoidal_positions(3, 4, TP_F32);
    tp_module *m = tp_nn_positional_encoding(7, 4, (tp_nn_positional_encoding_options){.batch_first = true});
    assert_names(m, "pe ");
    assert_int_equal(tp_module_parameters(m).count, 0);
    assert_true(tp_equal(tp_select(tp_forward(m, zero), 0, 1), waves));
    assert_true(tp_equal(tp_forward(m, tp_select(zero, 0, 0)), waves));
    assert_null(tp_forward(m, tp_zeros(TP_SHAPE(2, 8, 4), TP_F32)));
    assert_error(TP_ERR_SHAPE, "nn_positional_encoding: x must be (N, T, E) with at most 7 positions and 4 "
                               "features, got (2, 8, 4)");
    tp_module_free(m);

    tp_manual_seed(8);
    m = tp_nn_positional_encoding(500, 8, (tp_nn_positional_encoding_options){.learned = true});
    assert_names(m, "weight ");
    tp_tensor *y = tp_forward(m, tp_zeros(TP_SHAPE(3, 2, 8), TP_F32));
    assert_true(tp_equal(tp_select(y, 1, 0), tp_narrow(tp_module_find(m, "weight"), 0, 0, 3)));
    assert_ok(tp_backward(tp_sum(y)));
    assert_true(tp_tensor_item(tp_sum(tp_tensor_grad(tp_module_find(m, "weight")))) == 3 * 2 * 8);
    const double deviation = tp_tensor_item(tp_std(tp_detach(tp_module_find(m, "weight"))));
    assert_true(fabs(deviation - 0.02) < 0.001);
    tp_module_free(m);
}

/* ---- a small decoder ---------------------------------------------------------------------------------- */

/* Learns to go on with 0 1 2 3 4 from any place, which takes the one before. */
static void a_decoder_learns(void **state) {
    (void)state;
    enum { CHARS = 5, LENGTH = 12, SIZE = 16 };
    tp_manual_seed(11);
    tp_module *gpt = tp_nn_sequential(TP_MODULES(
        tp_nn_embedding(CHARS, SIZE, (tp_nn_embedding_options){0}),
        tp_nn_positional_encoding(LENGTH, SIZE,
                                  (tp_nn_positional_encoding_options){.learned = true, .batch_first = true}),
        tp_nn_transformer_encoder(SIZE, 2, 2,
                                  (tp_nn_transformer_options){.dim_feedforward = 32,
                                                              .dropout = TP_ZERO,
                                                              .gelu = true,
                                                              .batch_first = true,
                                                              .norm_first = true,
                                                              .is_causal = true,
                                                              .final_norm = true}),
        tp_nn_linear(SIZE, CHARS, (tp_linear_options){.no_bias = true})));
    assert_non_null(gpt);
    tp_optim *optim = tp_optim_adam(tp_module_parameters(gpt), 1e-2, (tp_adam_options){0});
    int64_t text[4 * (LENGTH + 1)];
    for (int64_t k = 0; k < 4 * (LENGTH + 1); k++) text[k] = (k / (LENGTH + 1) + k % (LENGTH + 1)) % CHARS;
    tp_tensor *all = tp_from_i64(TP_SHAPE(4, LENGTH + 1), text, 4 * (LENGTH + 1)),
              *x = tp_narrow(all, 1, 0, LENGTH), *y = tp_narrow(all, 1, 1, LENGTH);
    double last = INFINITY;
    for (int step = 0; step < 60; step++) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *loss =
            tp_cross_entropy(tp_flatten(tp_forward(gpt, x), 0, 1), tp_flatten(y, 0, 1), (tp_ce_options){0});
        assert_ok(tp_optim_zero_grad(optim));
        assert_ok(tp_backward(loss));
        assert_ok(tp_optim_step(optim));
        last = tp_tensor_item(loss);
        tp_scope_end(s);
    }
    assert_true(last < 0.05);
    tp_optim_free(optim);
    tp_module_free(gpt);
}

/* ---- failures ----------------------------------------------------------------------------------------- */

/* Made, run with every kind of mask, differentiated. */
static tp_status everything(void *context) {
    (void)context;
    tp_tensor *x = tp_ones(TP_SHAPE(1, 3, 4), TP_F32), *padding = tp_zeros(TP_SHAPE(1, 3), TP_BOOL),
              *mask = tp_set_requires_grad(tp_zeros(TP_SHAPE(3, 3), TP_F32), true);
    tp_module *a = tp_nn_multihead_attention(4, 2,
                                             (tp_nn_multihead_attention_options){.batch_first = true,
                                                                                 .add_bias_kv = true,
                                                                                 .add_zero_attn = true,
                                                                                 .dropout = 0.1,
                                                                                 .kdim = 4});
    tp_module *m =
        a ? tp_nn_sequential(TP_MODULES(
                a, tp_nn_positional_encoding(4, 4, (tp_nn_positional_encoding_options){.batch_first = true}),
                tp_nn_transformer_encoder(4, 2, 1,
                                          (tp_nn_transformer_options){.batch_first = true,
                                                                      .dim_feedforward = 3,
                                                                      .final_norm = true,
                                                                      .is_causal = true})))
          : NULL;
    tp_tensor *y = m ? tp_forward(m, x) : NULL;
    tp_attention_out out = {NULL, NULL};
    if (y)
        out = tp_nn_multihead_attention_forward(a, y, y, y,
                                                (tp_attention_masks){.attn_mask = mask,
                                                                     .key_padding_mask = padding,
                                                                     .is_causal = true,
                                                                     .need_weights = true});
    tp_status status = tp_backward(tp_add(tp_sum(out.output), tp_sum(out.weights)));
    tp_module_free(m);
    return status;
}

static void memory_runs_out(void **state) {
    (void)state;
    assert_survives_no_memory(everything, NULL, 100);
}

static void bad_modules(void **state) {
    (void)state;
    assert_null(tp_nn_multihead_attention(5, 2, (tp_nn_multihead_attention_options){0}));
    assert_error(TP_ERR_ARGUMENT,
                 "nn_multihead_attention: embed_dim 5 must be a multiple of num_heads 2, and both positive");
    assert_null(tp_nn_multihead_attention(4, 2, (tp_nn_multihead_attention_options){.kdim = -1}));
    assert_error(TP_ERR_ARGUMENT, "nn_multihead_attention: kdim -1 and vdim 0; neither may be negative");
    assert_null(tp_nn_multihead_attention(4, 2, (tp_nn_multihead_attention_options){.dropout = 2}));
    assert_error(TP_ERR_ARGUMENT, "nn_multihead_attention: dropout must be in [0, 1], got 2");
    assert_null(tp_nn_multihead_attention(4, 2, (tp_nn_multihead_attention_options){.dtype = TP_I64}));
    assert_error(TP_ERR_DTYPE, "nn_multihead_attention: parameters are float32 or float64, got int64");
    assert_null(tp_nn_transformer_encoder_layer(0, 2, (tp_nn_transformer_options){0}));
    assert_error(
        TP_ERR_ARGUMENT,
        "nn_transformer_encoder_layer: d_model 0 must be a multiple of num_heads 2, and both positive");
    assert_null(tp_nn_transformer_encoder_layer(4, 2, (tp_nn_transformer_options){.dim_feedforward = -1}));
    assert_error(TP_ERR_ARGUMENT, "nn_transformer_encoder_layer: dim_feedforward -1 is negative");
    assert_null(tp_nn_transformer_encoder(4, 2, -1, (tp_nn_transformer_options){0}));
    assert_error(TP_ERR_ARGUMENT, "nn_transformer_encoder: -1 layers");
    assert_null(tp_nn_transformer_encoder(4, 2, 1, (tp_nn_transformer_options){.dropout = -1}));
    assert_error(TP_ERR_ARGUMENT, "nn_transformer_encoder: dropout must be in [0, 1], got -1");
    assert_null(tp_nn_positional_encoding(-1, 2, (tp_nn_positional_encoding_options){0}));
    assert_error(TP_ERR_ARGUMENT, "nn_positional_encoding: max_len -1 and dim 2; neither may be negative");
}

static void bad_calls(void **state) {
    (void)state;
    tp_module *m = tp_nn_multihead_attention(4, 2, (tp_nn_multihead_attention_options){.kdim = 3}),
              *layer =
                  tp_nn_transformer_encoder_layer(4, 2, (tp_nn_transformer_options){.dim_feedforward = 3});
    tp_tensor *q = tp_ones(TP_SHAPE(5, 2, 4), TP_F32), *k = tp_ones(TP_SHAPE(6, 2, 3), TP_F32),
              *v = tp_ones(TP_SHAPE(6, 2, 4), TP_F32);
    const tp_attention_masks none = {0};
    assert_null(tp_forward(m, q));
    assert_error(TP_ERR_SHAPE,
                 "nn_multihead_attention_forward: q, k and v must be (L, N, ...) and twice (S, N, ...) "
                 "with 4, 3 and 4 features, got (5, 2, 4), (5, 2, 4) and (5, 2, 4)");
    assert_null(tp_nn_multihead_attention_forward(m, q, k, tp_narrow(v, 0, 0, 5), none).output);
    assert_error(TP_ERR_SHAPE,
                 "nn_multihead_attention_forward: q, k and v must be (L, N, ...) and twice (S, N, ...) "
                 "with 4, 3 and 4 features, got (5, 2, 4), (6, 2, 3) and (5, 2, 4)");
    assert_null(tp_nn_multihead_attention_forward(m, q, NULL, v, none).output);
    assert_error(TP_ERR_NULL, "nn_multihead_attention_forward: argument k is NULL");
    assert_null(tp_nn_multihead_attention_forward(
                    m, q, k, v, (tp_attention_masks){.attn_mask = tp_ones(TP_SHAPE(2, 5, 6), TP_BOOL)})
                    .output);
    assert_error(TP_ERR_SHAPE,
                 "nn_multihead_attention_forward: attn_mask must be (5, 6) or (4, 5, 6), got (2, 5, 6)");
    assert_null(tp_nn_multihead_attention_forward(m, q, k, v,
                                                  (tp_attention_masks){.key_padding_mask =
                                                                           tp_ones(TP_SHAPE(2, 6), TP_I64)})
                    .output);
    assert_error(TP_ERR_DTYPE, "nn_multihead_attention_forward: key_padding_mask must be bool, float32 or "
                               "float64, got int64");
    assert_null(tp_nn_multihead_attention_forward(m, q, k, v,
                                                  (tp_attention_masks){.key_padding_mask =
                                                                           tp_ones(TP_SHAPE(6, 2), TP_BOOL)})
                    .output);
    assert_error(TP_ERR_SHAPE, "nn_multihead_attention_forward: key_padding_mask must be (2, 6), got (6, 2)");
    assert_null(tp_nn_multihead_attention_forward(layer, q, k, v, none).output);
    assert_error(TP_ERR_ARGUMENT,
                 "nn_multihead_attention_forward: a TransformerEncoderLayer is no MultiheadAttention");
    assert_null(tp_forward_all(m, TP_TENSORS(q, k)));
    assert_error(TP_ERR_ARGUMENT, "forward_all: a MultiheadAttention takes 1 or 3 tensors, got 2");
    assert_null(tp_nn_transformer_encoder_forward(layer, q, none));
    assert_error(TP_ERR_ARGUMENT,
                 "nn_transformer_encoder_forward: a TransformerEncoderLayer is no TransformerEncoder");
    assert_null(tp_nn_transformer_encoder_layer_forward(layer, NULL, none));
    assert_error(TP_ERR_NULL, "nn_transformer_encoder_layer_forward: argument x is NULL");
    tp_module_free(m);
    tp_module_free(layer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(prints),
        CHECK_TEST(parameters_of_attention),
        CHECK_TEST(parameters_of_transformers),
        CHECK_TEST(weights_are_given_on_request),
        CHECK_TEST(nothing_to_see),
        CHECK_TEST(masks_of_either_type),
        CHECK_TEST(an_earlier_error_stays_its_own),
        CHECK_TEST(dropout_in_training_alone),
        CHECK_TEST(causal_layers),
        CHECK_TEST(padding_is_not_seen),
        CHECK_TEST(layers_drop_their_inputs),
        CHECK_TEST(positions_are_added),
        CHECK_TEST(a_decoder_learns),
        CHECK_TEST(memory_runs_out),
        CHECK_TEST(bad_modules),
        CHECK_TEST(bad_calls),
    };
    return cmocka_run_group_tests_name("nn_attention", tests, NULL, NULL);
}
