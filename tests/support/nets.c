#include "support/nets.h"

static tp_module *new_mlp(int64_t inputs, int64_t classes, tp_generator *generator) {
    tp_linear_options options = {.generator = generator};
    return tp_nn_sequential(TP_MODULES(tp_nn_flatten(), tp_nn_linear(inputs, 32, options), tp_nn_relu(),
                                       tp_nn_linear(32, classes, options)));
}

static tp_module *new_cnn(int64_t side, int64_t classes, tp_generator *generator) {
    tp_nn_conv2d_options conv = {.generator = generator, .padding = {1, 1}};
    return tp_nn_sequential(TP_MODULES(
        tp_nn_conv2d(1, 8, 3, 3, conv), tp_nn_batch_norm2d(8, (tp_nn_batch_norm_options){0}), tp_nn_relu(),
        tp_nn_max_pool2d(2, 0, (tp_pool2d_options){0}), tp_nn_conv2d(8, 16, 3, 3, conv), tp_nn_relu(),
        tp_nn_avg_pool2d(2, 0, (tp_pool2d_options){0}), tp_nn_flatten(), tp_nn_dropout(0.25, NULL),
        tp_nn_linear(16 * (side / 4) * (side / 4), classes, (tp_linear_options){.generator = generator})));
}

static tp_module *new_transformer(int64_t side, int64_t classes, tp_generator *generator) {
    return tp_nn_sequential(
        TP_MODULES(tp_nn_flatten_with(1, 2),
                   tp_nn_positional_encoding(side, side,
                                             (tp_nn_positional_encoding_options){.learned = true,
                                                                                 .batch_first = true,
                                                                                 .generator = generator}),
                   tp_nn_transformer_encoder(side, 2, 2,
                                             (tp_nn_transformer_options){.dim_feedforward = 2 * side,
                                                                         .dropout = TP_ZERO,
                                                                         .batch_first = true,
                                                                         .is_causal = true,
                                                                         .generator = generator}),
                   tp_nn_flatten(), tp_nn_dropout(0.25, NULL),
                   tp_nn_linear(side * side, classes, (tp_linear_options){.generator = generator})));
}

tp_module *net_new(net_kind kind, int64_t side, int64_t classes, uint64_t seed) {
    tp_generator *generator = tp_generator_new(seed);
    if (!generator) return NULL;
    tp_module *net = kind == NET_MLP   ? new_mlp(side * side, classes, generator)
                     : kind == NET_CNN ? new_cnn(side, classes, generator)
                                       : new_transformer(side, classes, generator);
    tp_generator_free(generator);
    return net;
}

net_batch net_draw(int64_t n, int64_t side, int64_t classes, uint64_t seed) {
    tp_generator *generator = tp_generator_new(seed);
    net_batch batch = {0};
    if (!generator) return batch;
    batch.x = tp_rand(TP_SHAPE(n, 1, side, side), TP_F32, generator);
    batch.y = tp_randint(0, classes, TP_SHAPE(n), TP_I64, generator);
    tp_generator_free(generator);
    /* The label shows in the image's brightness. */
    tp_tensor *brightness = tp_mul_scalar(tp_to_dtype(batch.y, TP_F32), 0.3);
    batch.x = tp_add(batch.x, tp_reshape(brightness, TP_SHAPE(n, 1, 1, 1)));
    return batch;
}

tp_status net_step(tp_module *net, tp_optim *optim, net_batch batch, double *loss) {
    tp_scope *s = tp_scope_begin();
    if (!s) return tp_last_error().code;
    tp_tensor *value = tp_cross_entropy(tp_forward(net, batch.x), batch.y, (tp_ce_options){0});
    tp_status status = tp_optim_zero_grad(optim);
    if (status == TP_OK) status = tp_backward(value);
    if (status == TP_OK) status = tp_optim_step(optim);
    if (status == TP_OK && loss) *loss = tp_tensor_item(value);
    tp_scope_end(s);
    return status;
}

uint64_t net_hash(const tp_module *net) {
    uint64_t hash = 1469598103934665603u;
    tp_named_tensors state = tp_module_state(net);
    for (int k = 0; k < state.count; k++) {
        const unsigned char *bytes = tp_tensor_data(state.items[k].tensor);
        size_t size = (size_t)tp_tensor_numel(state.items[k].tensor) *
                      tp_dtype_size(tp_tensor_dtype(state.items[k].tensor));
        for (size_t b = 0; b < size; b++) hash = (hash ^ bytes[b]) * 1099511628211u;
    }
    return hash;
}
