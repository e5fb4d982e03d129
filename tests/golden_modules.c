/* Golden cases: networks, their state and gradients by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden.h"
#include "taper.h"

static tp_module *build(const char *net, tp_dtype real) {
    tp_linear_options linear = {.dtype = real}, bare = {.dtype = real, .no_bias = true};
    tp_nn_batch_norm_options norm = {.dtype = real};
    if (strcmp(net, "mlp") == 0)
        return tp_nn_sequential(TP_MODULES(tp_nn_linear(6, 5, linear), tp_nn_relu(),
                                           tp_nn_linear(5, 4, linear), tp_nn_tanh(),
                                           tp_nn_linear(4, 3, linear)));
    if (strcmp(net, "no_bias") == 0)
        return tp_nn_sequential(
            TP_MODULES(tp_nn_linear(6, 5, bare), tp_nn_gelu(), tp_nn_linear(5, 3, linear), tp_nn_softmax(1)));
    if (strcmp(net, "batch_norm_1d") == 0)
        return tp_nn_sequential(TP_MODULES(tp_nn_linear(6, 5, linear), tp_nn_batch_norm1d(5, norm),
                                           tp_nn_sigmoid(), tp_nn_linear(5, 3, linear)));
    if (strcmp(net, "cnn") == 0)
        return tp_nn_sequential(
            TP_MODULES(tp_nn_conv2d(1, 3, 3, 3, (tp_nn_conv2d_options){.padding = {1, 1}, .dtype = real}),
                       tp_nn_batch_norm2d(3, norm), tp_nn_relu(),
                       tp_nn_max_pool2d(2, 0, (tp_pool2d_options){0}),
                       tp_nn_conv2d(3, 4, 3, 3,
                                    (tp_nn_conv2d_options){
                                        .stride = {2}, .padding = {1, 1}, .no_bias = true, .dtype = real}),
                       tp_nn_relu(), tp_nn_avg_pool2d(2, 0, (tp_pool2d_options){0}), tp_nn_flatten(),
                       tp_nn_linear(4, 3, linear)));
    if (strcmp(net, "groups") == 0)
        return tp_nn_sequential(
            TP_MODULES(tp_nn_conv2d(4, 4, 3, 3,
                                    (tp_nn_conv2d_options){.groups = 2, .dilation = {2}, .dtype = real}),
                       tp_nn_flatten(), tp_nn_linear(36, 2, linear)));
    if (strcmp(net, "conv1d") == 0)
        return tp_nn_sequential(TP_MODULES(
            tp_nn_conv1d(2, 4, 3,
                         (tp_nn_conv1d_options){
                             .stride = 2, .padding = 2, .padding_mode = TP_PAD_CIRCULAR, .dtype = real}),
            tp_nn_conv1d(4, 4, 2, (tp_nn_conv1d_options){.same = true, .groups = 2, .dtype = real}),
            tp_nn_pad(TP_SHAPE(1, 2), TP_PAD_REFLECT),
            tp_nn_conv_transpose1d(4, 2, 3,
                                   (tp_nn_conv_transpose1d_options){
                                       .stride = 2, .output_padding = 1, .groups = 2, .dtype = real})));
    if (strcmp(net, "conv2d") == 0)
        return tp_nn_sequential(TP_MODULES(
            tp_nn_conv2d(2, 3, 2, 3,
                         (tp_nn_conv2d_options){.same = true, .padding_mode = TP_PAD_REFLECT, .dtype = real}),
            tp_nn_pad(TP_SHAPE(1, 0, 2, 1), TP_PAD_REPLICATE),
            tp_nn_conv2d(
                3, 2, 3, 0,
                (tp_nn_conv2d_options){.padding = {1, 2}, .padding_mode = TP_PAD_REPLICATE, .dtype = real}),
            tp_nn_constant_pad(TP_SHAPE(0, 1, -1, 0), 0.5),
            tp_nn_conv_transpose2d(2, 3, 3, 2,
                                   (tp_nn_conv_transpose2d_options){.stride = {2, 1},
                                                                    .padding = {1, 1},
                                                                    .dilation = {1, 2},
                                                                    .no_bias = true,
                                                                    .dtype = real})));
    if (strcmp(net, "conv3d") == 0)
        return tp_nn_sequential(TP_MODULES(
            tp_nn_conv3d(1, 2, 2, 1, 2,
                         (tp_nn_conv3d_options){.stride = {1, 2, 1}, .padding = {1, 0, 0}, .dtype = real}),
            tp_nn_pad(TP_SHAPE(1, 1, 0, 1, 1, 0), TP_PAD_CIRCULAR),
            tp_nn_conv_transpose3d(2, 2, 2, 0, 0,
                                   (tp_nn_conv_transpose3d_options){.stride = {2, 1, 1},
                                                                    .padding = {0, 1, 0},
                                                                    .output_padding = {1, 0, 0},
                                                                    .groups = 2,
                                                                    .dtype = real})));
    if (strcmp(net, "norms") == 0)
        return tp_nn_sequential(TP_MODULES(
            tp_nn_linear(6, 8, linear), tp_nn_layer_norm(TP_SHAPE(8), (tp_nn_norm_options){.dtype = real}),
            tp_nn_rms_norm(TP_SHAPE(8), (tp_nn_norm_options){.eps = 1e-3, .dtype = real}),
            tp_nn_unflatten(1, TP_SHAPE(4, 2)), tp_nn_group_norm(2, 4, (tp_nn_norm_options){.dtype = real}),
            tp_nn_instance_norm1d(
                4, (tp_nn_instance_norm_options){.affine = true, .track_running_stats = true, .dtype = real}),
            tp_nn_batch_norm1d(4, (tp_nn_batch_norm_options){.cumulative = true, .dtype = real}),
            tp_nn_layer_norm(TP_SHAPE(4, 2), (tp_nn_norm_options){.no_bias = true, .dtype = real}),
            tp_nn_flatten()));
    if (strcmp(net, "norms_3d") == 0)
        return tp_nn_sequential(
            TP_MODULES(tp_nn_batch_norm3d(2, (tp_nn_batch_norm_options){.cumulative = true, .dtype = real}),
                       tp_nn_instance_norm3d(2, (tp_nn_instance_norm_options){.momentum = 0.3,
                                                                              .track_running_stats = true,
                                                                              .dtype = real}),
                       tp_nn_group_norm(1, 2, (tp_nn_norm_options){.no_affine = true, .dtype = real}),
                       tp_nn_batch_norm3d(2, (tp_nn_batch_norm_options){.no_affine = true, .dtype = real})));
    tp_nn_cell_options cell = {.dtype = real};
    if (strcmp(net, "recurrent") == 0)
        return tp_nn_sequential(TP_MODULES(
            tp_nn_lstm(
                4, 3,
                (tp_nn_recurrent_options){
                    .layers = 2, .batch_first = true, .bidirectional = true, .proj_size = 2, .dtype = real}),
            tp_nn_gru(4, 3, (tp_nn_recurrent_options){.batch_first = true, .dtype = real}),
            tp_nn_rnn(3, 2, (tp_nn_recurrent_options){.relu = true, .no_bias = true, .dtype = real})));
    if (strcmp(net, "cells") == 0)
        return tp_nn_sequential(
            TP_MODULES(tp_nn_gru_cell(4, 3, cell), tp_nn_rnn_cell(3, 3, cell),
                       tp_nn_lstm_cell(3, 2, (tp_nn_cell_options){.no_bias = true, .dtype = real})));
    tp_nn_transformer_options layer = {.dim_feedforward = 5, .dropout = TP_ZERO, .dtype = real};
    if (strcmp(net, "transformer") == 0)
        return tp_nn_sequential(
            TP_MODULES(tp_nn_multihead_attention(4, 2, (tp_nn_multihead_attention_options){.dtype = real}),
                       tp_nn_transformer_encoder_layer(4, 2, layer)));
    layer.batch_first = layer.norm_first = layer.gelu = layer.final_norm = true;
    if (strcmp(net, "transformer_encoder") == 0) return tp_nn_transformer_encoder(4, 2, 2, layer);
    layer.is_causal = layer.no_bias = true;
    if (strcmp(net, "decoder_only") == 0)
        return tp_nn_sequential(
            TP_MODULES(tp_nn_positional_encoding(
                           6, 4, (tp_nn_positional_encoding_options){.batch_first = true, .dtype = real}),
                       tp_nn_positional_encoding(5, 4,
                                                 (tp_nn_positional_encoding_options){
                                                     .batch_first = true, .learned = true, .dtype = real}),
                       tp_nn_transformer_encoder_layer(4, 1, layer), tp_nn_linear(4, 3, linear)));
    return NULL;
}

/* Loads "<case>/before/..." by PyTorch's names, all of them and nothing else. */
static void load_state(tp_module *m, const golden *file, const char *name, tp_dtype real) {
    tp_named_tensor items[32];
    tp_named_tensors state = {0, items};
    char prefix[128];
    size_t length = (size_t)snprintf(prefix, sizeof prefix, "%s/before/", name);
    for (int k = 0; k < golden_tensor_count(file); k++) {
        const char *full = golden_tensor_name(file, k);
        if (strncmp(full, prefix, length) != 0) continue;
        items[state.count++] = (tp_named_tensor){full + length, golden_tensor(file, real, "%s", full)};
    }
    assert_true(state.count > 0);
    if (tp_module_load_state(m, state, (tp_load_options){0}) != TP_OK) golden_broken(name, real);
}

/* Compares every "<case>/<part>/..." with the tensor of that name, or with its gradient. */
static void compare_part(tp_module *m, const golden *file, const char *name, const char *part, bool grad,
                         tp_dtype real) {
    char prefix[128];
    size_t length = (size_t)snprintf(prefix, sizeof prefix, "%s/%s/", name, part);
    for (int k = 0; k < golden_tensor_count(file); k++) {
        const char *full = golden_tensor_name(file, k);
        if (strncmp(full, prefix, length) != 0) continue;
        tp_tensor *got = tp_module_find(m, full + length);
        if (grad) got = tp_tensor_grad(got);
        golden_compare(full, real, part, 0, got, golden_tensor(file, real, "%s", full),
                       golden_tolerance(real));
    }
}

static void run_module(const golden *file, int number, tp_dtype real) {
    const char *name = golden_name(file, number), *args = golden_args(file, number);
    char net[64];
    snprintf(net, sizeof net, "%s", args_text(args, "net"));
    tp_module *m = build(net, real);
    assert_non_null(m);
    load_state(m, file, name, real);
    tp_status status = args_number(args, "training", 0) != 0 ? tp_module_train(m) : tp_module_eval(m);
    assert_int_equal(status, TP_OK);
    tp_tensor *x = golden_tensor(file, real, "%s/in0", name);
    tp_set_requires_grad(x, true);
    tp_tensor *y = tp_forward(m, x);
    golden_compare(name, real, "result", 0, y, golden_tensor(file, real, "%s/out0", name),
                   golden_tolerance(real));
    tp_backward_options options = {.grad = golden_tensor(file, real, "%s/seed0", name)};
    if (tp_backward_with(y, options) != TP_OK) golden_broken(name, real);
    golden_compare(name, real, "gradient of the input", 0, tp_tensor_grad(x),
                   golden_tensor(file, real, "%s/grad0", name), golden_tolerance(real));
    compare_part(m, file, name, "grad", true, real);
    compare_part(m, file, name, "after", false, real);
    tp_module_free(m);
}

void golden_check_modules(void) {
    golden *file = golden_open("modules");
    golden_failures = 0;
    for (int k = 0; k < golden_count(file); k++)
        for (int real = 0; real < 2; real++) {
            tp_scope *s = tp_scope_begin();
            run_module(file, k, real ? TP_F32 : TP_F64);
            tp_scope_end(s);
        }
    golden_close(file);
    assert_int_equal(golden_failures, 0);
}
