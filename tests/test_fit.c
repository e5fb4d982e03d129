/* tp_fit(), tp_evaluate(), tp_predict(): the short way to train. */
/* ctest: threads */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "core/alloc.h"

enum { N = 48, IN = 3 };

/* y = 2 a - b + c / 2 + 1, exactly. */
static tp_dataset *planes(void) {
    tp_generator *g = tp_generator_new(1);
    tp_tensor *x = tp_randn(TP_SHAPE(N, IN), TP_F32, g), *w = TP_F32_TENSOR(TP_SHAPE(IN, 1), 2, -1, 0.5);
    tp_generator_free(g);
    return tp_dataset_tensors(TP_TENSORS(x, tp_add_scalar(tp_matmul(x, w), 1)));
}

static tp_module *make_net(void) {
    tp_manual_seed(3);
    return tp_nn_sequential(TP_MODULES(tp_nn_linear(IN, 1, (tp_linear_options){0})));
}

static tp_optim *make_sgd(tp_module *net) {
    return tp_optim_sgd(tp_module_parameters(net), 0.05, (tp_sgd_options){0});
}

/* A training with these options, of a new net; the history, and the net's weight in *weight. */
static tp_history *train(tp_fit_options options, tp_tensor **weight) {
    tp_dataset *data = planes();
    tp_module *net = make_net();
    tp_optim *optim = make_sgd(net);
    options.optim = optim;
    if (!options.loss) options.loss = tp_criterion_mse;
    options.verbosity = TP_SILENT;
    tp_history *history = tp_fit(net, data, options);
    if (weight) *weight = tp_clone(tp_detach(tp_module_find(net, "0.weight")));
    tp_optim_free(optim);
    tp_module_free(net);
    tp_dataset_free(data);
    return history;
}

static void test_fit(void **state) {
    (void)state;
    tp_tensor *weight;
    tp_history *h = train((tp_fit_options){.epochs = 60, .batch_size = 8, .validation_split = 0.25}, &weight);
    assert_tensor(h);
    assert_int_equal(tp_history_epochs(h), 60);
    assert_int_equal(tp_history_columns(h), 4);
    const char *const names[] = {"loss", "val_loss", "lr", "seconds"};
    for (int i = 0; i < 4; i++) assert_string_equal(tp_history_name(h, i), names[i]);
    assert_true(tp_history_value(h, "loss", 0) > 0.1);
    assert_true(tp_history_value(h, "loss", -1) < 1e-4);
    assert_true(tp_history_value(h, "val_loss", -1) < 1e-4);
    assert_true(tp_history_values(h, "val_loss")[59] == tp_history_value(h, "val_loss", 59));
    assert_true(tp_history_value(h, "lr", 7) == 0.05);
    assert_true(tp_history_best(h) > 30);
    assert_float_equal(((const float *)tp_tensor_data(weight))[0], 2, 0.01);

    assert_true(isnan(tp_history_value(h, "loss", 60)));
    assert_error(TP_ERR_INDEX, "history_value: epoch 60, there are 60");
    assert_null(tp_history_values(h, "val_accuracy"));
    assert_error(TP_ERR_ARGUMENT, "history_values: there is no \"val_accuracy\" in the history");
    assert_null(tp_history_name(h, 4));
    assert_error(TP_ERR_INDEX, "history_name: column 4, there are 4");
    tp_history_free(h);
    tp_history_free(NULL);
    assert_int_equal(tp_history_epochs(NULL), -1);
    assert_int_equal(tp_history_columns(NULL), -1);
    assert_int_equal(tp_history_best(NULL), -1);
    assert_true(isnan(tp_history_value(NULL, "loss", 0)));
    assert_error(TP_ERR_NULL, "history_epochs: argument history is NULL");
}

/* Neither threads nor workers change a bit; a seed does. */
static void test_reproducible(void **state) {
    (void)state;
    tp_tensor *first, *again, *other;
    tp_history_free(train((tp_fit_options){.epochs = 3, .batch_size = 5, .loader = {.seed = 9}}, &first));
    tp_set_num_threads(1);
    tp_fit_options options = {.epochs = 3, .batch_size = 5, .loader = {.seed = 9, .workers = 2}};
    tp_history_free(train(options, &again));
    tp_set_num_threads(0);
    options.loader.seed = 10;
    tp_history_free(train(options, &other));
    assert_true(tp_equal(first, again));
    assert_false(tp_equal(first, other));
}

/* Batches whose gradients are gathered make the step that one large batch makes, the smaller last ones too. */
static void test_accumulate(void **state) {
    (void)state;
    tp_tensor *large, *small;
    tp_history_free(train((tp_fit_options){.epochs = 4, .batch_size = 20, .no_shuffle = true}, &large));
    tp_fit_options options = {.epochs = 4, .batch_size = 5, .no_shuffle = true, .accumulate = 4};
    tp_history_free(train(options, &small));
    assert_true(tp_allclose(large, small, (tp_isclose_options){0}));
}

/* ---- what is watched ----------------------------------------------------------------------------------- */

typedef struct spoiler {
    int64_t epoch, stop;
    tp_tensor *best; /* the weight after the epoch before */
} spoiler;

/* Spoils the weights after an epoch; everything after that is worse. */
static tp_status spoil(void *context, tp_module *net, const tp_history *history, bool *stop) {
    spoiler *self = context;
    int64_t epoch = tp_history_epochs(history) - 1;
    if (epoch == self->stop) *stop = true;
    if (epoch != self->epoch) return TP_OK;
    tp_no_grad_begin();
    tp_tensor *weight = tp_module_find(net, "0.weight");
    tp_keep(&self->best, tp_clone(weight));
    tp_status status = tp_fill_(weight, 1e5) ? TP_OK : tp_last_error().code;
    tp_no_grad_end();
    return status;
}

static void test_early_stop(void **state) {
    (void)state;
    char folder[] = "/tmp/taper-fit-XXXXXX", checkpoint[64], log[64], text[2048] = "";
    assert_non_null(mkdtemp(folder));
    snprintf(checkpoint, sizeof checkpoint, "%s/best", folder);
    snprintf(log, sizeof log, "%s/log.csv", folder);
    spoiler self = {.epoch = 4, .stop = -1};
    tp_fit_options options = {.epochs = 50,
                              .patience = 3,
                              .validation_split = 0.5,
                              .checkpoint = checkpoint,
                              .csv_log = log,
                              .each_epoch = spoil,
                              .each_epoch_context = &self};
    tp_tensor *weight;
    tp_history *h = train(options, &weight);
    assert_tensor(h);
    assert_int_equal(tp_history_epochs(h), 8);
    assert_int_equal(tp_history_best(h), 4);
    assert_true(tp_equal(weight, self.best));
    tp_safetensors *file = tp_safetensors_open(checkpoint);
    assert_true(tp_equal(tp_safetensors_get(file, "0.weight"), self.best));
    tp_safetensors_close(file);
    FILE *f = fopen(log, "rb");
    assert_true(fread(text, 1, sizeof text - 1, f) > 100);
    fclose(f);
    assert_memory_equal(text, "epoch,loss,val_loss,lr,seconds\n0,", 33);
    int lines = 0;
    for (const char *p = text; *p; p++) lines += *p == '\n';
    assert_int_equal(lines, 9);
    tp_history_free(h);
    assert_int_equal(unlink(checkpoint), 0);
    assert_int_equal(unlink(log), 0);
    assert_int_equal(rmdir(folder), 0);

    options = (tp_fit_options){.epochs = 50, .patience = 3, .keep_last = true, .each_epoch = spoil};
    options.each_epoch_context = &self;
    h = train(options, &weight);
    assert_false(tp_equal(weight, self.best));
    assert_true(tp_history_epochs(h) < 50);
    tp_history_free(h);

    self.stop = 2; /* the user's function ends it */
    options = (tp_fit_options){.epochs = 50, .each_epoch = spoil, .each_epoch_context = &self};
    options.monitor = "lr";
    options.monitor_largest = true;
    h = train(options, NULL);
    assert_int_equal(tp_history_epochs(h), 3);
    assert_int_equal(tp_history_best(h), 0);
    tp_history_free(h);
    tp_release(self.best);
}

static void test_schedule_and_clipping(void **state) {
    (void)state;
    tp_dataset *data = planes();
    tp_module *net = make_net();
    tp_tensor *before = tp_clone(tp_detach(tp_module_find(net, "0.weight")));
    tp_optim *optim = make_sgd(net);
    tp_lr *schedule = tp_lr_exponential(optim, 0.5);
    tp_ema *ema = tp_ema_new(tp_module_parameters(net), 0.9, (tp_ema_options){0});
    tp_fit_options options = {.loss = tp_criterion_mse,
                              .optim = optim,
                              .epochs = 3,
                              .batch_size = 24,
                              .schedule = schedule,
                              .ema = ema,
                              .clip_norm = 1e-3,
                              .clip_value = 1,
                              .verbosity = TP_SILENT};
    tp_history *h = tp_fit(net, data, options);
    for (int e = 0; e < 3; e++) assert_float_equal(tp_history_value(h, "lr", e), 0.05 * pow(0.5, e), 1e-15);
    tp_tensor *moved = tp_sub(tp_detach(tp_module_find(net, "0.weight")), before);
    assert_true(tp_tensor_item(tp_norm(moved, 2)) < 2 * 1e-3 * 0.05 * 1.75 + 1e-6);
    assert_true(tp_tensor_item(tp_norm(moved, 2)) > 0);
    tp_history_free(h);
    options.schedule_by_step = true;
    h = tp_fit(net, data, options);
    assert_float_equal(tp_history_value(h, "lr", 0), 0.05 * pow(0.5, 3 + 2), 1e-15);
    tp_history_free(h);
    tp_ema_free(ema);
    tp_lr_free(schedule);
    tp_optim_free(optim);
    tp_module_free(net);
    tp_dataset_free(data);
}

/* ---- what goes wrong ----------------------------------------------------------------------------------- */

/* Counts the batches; the loss of one of them is not finite. */
typedef struct faulty {
    int count, at;
    double factor; /* of that loss; 0: it is finite, but its gradient is not */
    bool gone;
} faulty;

static tp_tensor *faulty_loss(void *context, tp_tensor *prediction, tp_tensor *target) {
    faulty *self = context;
    tp_tensor *loss = tp_mse_loss(prediction, target, TP_MEAN);
    if (++self->count != self->at) return loss;
    if (self->gone) return NULL;
    if (self->factor != 0) return tp_mul_scalar(loss, self->factor);
    return tp_add(loss, tp_sqrt(tp_mul_scalar(tp_sum(prediction), 0))); /* its slope is NaN */
}

static void test_not_finite(void **state) {
    (void)state;
    tp_tensor *six, *broken;
    tp_history_free(train((tp_fit_options){.epochs = 1, .batch_size = 8}, &six)); /* six steps an epoch */
    faulty self = {.at = 7, .factor = NAN};
    tp_fit_options options = {.epochs = 2, .batch_size = 8, .loss = faulty_loss, .loss_context = &self};
    assert_null(train(options, &broken));
    assert_error(TP_ERR_NUMERIC,
                 "fit: epoch 2, batch 1: the loss is nan; the weights are those that gave it");
    assert_true(tp_equal(broken, six));

    self = (faulty){.at = 9}; /* finite, but its gradients are not: the next loss tells */
    assert_null(train(options, &broken));
    assert_true(strstr(tp_last_error().message, "fit: epoch 2, batch 4: the loss is ") ==
                tp_last_error().message);
    assert_true(strstr(tp_last_error().message, "at the beginning of the epoch") != NULL);
    assert_true(tp_equal(broken, six));

    self = (faulty){.at = 12}; /* the last step: no loss follows that would tell */
    assert_null(train(options, &broken));
    assert_error(TP_ERR_NUMERIC,
                 "fit: epoch 2: its last step made weights that are not finite; they are again those at "
                 "the beginning of the epoch");
    assert_true(tp_equal(broken, six));

    self = (faulty){.at = 2, .gone = true};
    assert_null(train(options, NULL));
    assert_error(TP_ERR_NULL, "fit: the loss is NULL");
}

/* A batch that is not a number leaves no trace in running statistics either. */
static void test_not_finite_statistics(void **state) {
    (void)state;
    tp_tensor *x = tp_ones(TP_SHAPE(8, 2), TP_F32), *y = tp_zeros(TP_SHAPE(8, 2), TP_F32);
    tp_fill_(tp_narrow(x, 0, 7, 1), NAN);
    tp_dataset *data = tp_dataset_tensors(TP_TENSORS(x, y));
    tp_module *net = tp_nn_batch_norm1d(2, (tp_nn_batch_norm_options){0});
    tp_optim *optim = make_sgd(net);
    tp_fit_options options = {.loss = tp_criterion_mse,
                              .optim = optim,
                              .batch_size = 4,
                              .no_shuffle = true,
                              .verbosity = TP_SILENT};
    assert_null(tp_fit(net, data, options));
    assert_error(
        TP_ERR_NUMERIC,
        "fit: epoch 1, batch 2: the loss is nan; the weights are those at the beginning of the epoch");
    assert_values(tp_module_find(net, "running_mean"), 0, 0);
    tp_optim_free(optim);
    tp_module_free(net);
    tp_dataset_free(data);
}

static tp_tensor *each_loss(void *context, tp_tensor *prediction, tp_tensor *target) {
    (void)context;
    return tp_mse_loss(prediction, target, TP_NONE);
}

static void test_errors(void **state) {
    (void)state;
    tp_dataset *data = planes();
    tp_module *net = make_net();
    tp_optim *optim = make_sgd(net);
    const tp_fit_options good = {.loss = tp_criterion_mse, .optim = optim, .verbosity = TP_SILENT};
    const struct {
        tp_fit_options change;
        tp_status code;
        const char *message;
    } bad[] = {
        {{.epochs = -1}, TP_ERR_ARGUMENT, "fit: epochs is -1"},
        {{.batch_size = -2}, TP_ERR_ARGUMENT, "fit: batch_size is -2"},
        {{.accumulate = -1}, TP_ERR_ARGUMENT, "fit: accumulate is -1"},
        {{.clip_norm = NAN}, TP_ERR_ARGUMENT, "fit: clip_norm is nan"},
        {{.clip_value = -1}, TP_ERR_ARGUMENT, "fit: clip_value is -1"},
        {{.validation_split = 1},
         TP_ERR_ARGUMENT,
         "fit: validation_split 1 of 48 samples leaves none to train"},
        {{.validation_split = -1e300},
         TP_ERR_ARGUMENT,
         "fit: validation_split -1e+300 is no share of the samples"},
        {{.validation_split = NAN}, TP_ERR_ARGUMENT, "fit: validation_split nan is no share of the samples"},
        {{.validation_split = 0.01},
         TP_ERR_ARGUMENT,
         "fit: validation_split 0.01 of 48 samples leaves none to validate"},
        {{.validation_split = 0.5, .validation = data},
         TP_ERR_ARGUMENT,
         "fit: validation data are given, and a split too"},
        {{.monitor = "accuracy"}, TP_ERR_ARGUMENT, "fit: the history has no column \"accuracy\" to monitor"},
        {{.batch_size = 100, .loader = {.drop_last = true}},
         TP_ERR_ARGUMENT,
         "fit: 48 samples make no batch of 100"},
        {{.loader = {.workers = -1}}, TP_ERR_ARGUMENT, "loader_new: workers is -1"},
        {{.loss = each_loss}, TP_ERR_SHAPE, "fit: the loss is (32, 1), not one number"},
        {{.checkpoint = "/nowhere/x"}, TP_ERR_IO, "module_save: /nowhere/x: No such file or directory"},
        {{.csv_log = "/nowhere/x"}, TP_ERR_IO, "fit: /nowhere/x: No such file or directory"},
        {{.metrics = {1, (tp_metric *[]){NULL}}}, TP_ERR_NULL, "fit: argument options.metrics is NULL"},
        {{.metrics = {1, NULL}}, TP_ERR_NULL, "fit: options.metrics.items is NULL, for 1"},
        {{.metrics = {-1, NULL}}, TP_ERR_ARGUMENT, "fit: options.metrics.count is -1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tp_fit_options options = bad[i].change;
        if (!options.loss) options.loss = good.loss;
        options.optim = optim;
        options.verbosity = TP_SILENT;
        assert_null(tp_fit(net, data, options));
        assert_error(bad[i].code, bad[i].message);
    }
    assert_null(tp_fit(NULL, data, good));
    assert_error(TP_ERR_NULL, "fit: argument net is NULL");
    assert_null(tp_fit(net, NULL, good));
    assert_error(TP_ERR_NULL, "fit: argument data is NULL");
    assert_null(tp_fit(net, data, (tp_fit_options){.optim = optim}));
    assert_error(TP_ERR_NULL, "fit: argument options.loss is NULL");
    assert_null(tp_fit(net, data, (tp_fit_options){.loss = tp_criterion_mse}));
    assert_error(TP_ERR_NULL, "fit: argument options.optim is NULL");
    tp_dataset *wide =
        tp_dataset_tensors(TP_TENSORS(tp_zeros(TP_SHAPE(4, 7), TP_F32), tp_zeros(TP_SHAPE(4), TP_F32)));
    assert_null(tp_fit(net, wide, good));
    assert_error(TP_ERR_SHAPE, "linear: x (4, 7) does not fit weight (1, 3), which is (out, in)");
    assert_true(isnan(tp_evaluate(NULL, wide, (tp_evaluate_options){0})));
    assert_error(TP_ERR_NULL, "evaluate: argument net is NULL");
    assert_true(isnan(tp_evaluate(net, data, (tp_evaluate_options){.metrics = {1, NULL}})));
    assert_error(TP_ERR_NULL, "evaluate: options.metrics.items is NULL, for 1");
    assert_null(tp_predict(net, wide, (tp_evaluate_options){.batch_size = -1}));
    assert_error(TP_ERR_ARGUMENT, "predict: the batch size is -1");
    tp_dataset *none = tp_dataset_subset(data, NULL, 0);
    assert_true(isnan(tp_evaluate(net, none, (tp_evaluate_options){0})));
    assert_error(TP_ERR_ARGUMENT, "evaluate: there are no samples");
    assert_null(tp_predict(net, none, (tp_evaluate_options){0}));
    assert_error(TP_ERR_ARGUMENT, "predict: there are no samples");
    tp_dataset_free(none);
    tp_dataset_free(wide);
    tp_dataset_free(data);
    tp_optim_free(optim);
    tp_module_free(net);
}

/* ---- evaluating and predicting ------------------------------------------------------------------------- */

static tp_tensor *doubled(void *context, tp_module *net, const tp_batch *batch) {
    (void)context;
    return tp_mul_scalar(tp_forward(net, batch->items[0]), 2);
}

static void test_evaluate(void **state) {
    (void)state;
    tp_dataset *data = planes();
    tp_module *net =
        tp_nn_sequential(TP_MODULES(tp_nn_dropout(0.5, NULL), tp_nn_linear(IN, 1, (tp_linear_options){0})));
    tp_tensor *items[2], *x = tp_empty(TP_SHAPE(N, IN), TP_F32), *y = tp_empty(TP_SHAPE(N, 1), TP_F32);
    for (int64_t i = 0; i < N; i++) {
        assert_ok(tp_dataset_get(data, i, items));
        tp_copy_(tp_select(x, 0, i), items[0]);
        tp_copy_(tp_select(y, 0, i), items[1]);
    }
    tp_module *dropout = tp_module_child(net, "0");
    assert_ok(tp_module_eval(dropout)); /* a part with a mode of its own */
    tp_evaluate_options options = {.loss = tp_criterion_mse, .batch_size = 7};
    double loss = tp_evaluate(net, data, options);
    tp_tensor *predicted = tp_predict(net, data, options);
    assert_true(net->training);
    assert_false(dropout->training);
    assert_false(tp_requires_grad(predicted));
    assert_ok(tp_module_eval(net));
    tp_tensor *direct = tp_forward(net, x);
    assert_true(tp_allclose(predicted, direct, (tp_isclose_options){0}));
    assert_float_equal(loss, tp_tensor_item(tp_mse_loss(direct, y, TP_MEAN)), 1e-6);
    options.predict = doubled;
    assert_true(tp_equal(tp_predict(net, data, options), tp_mul_scalar(predicted, 2)));
    options.loader = (tp_loader_options){.shuffle = true, .drop_last = true}; /* as the training has them */
    assert_true(tp_equal(tp_predict(net, data, options), tp_mul_scalar(predicted, 2)));
    tp_dataset *inputs = tp_dataset_tensors(TP_TENSORS(x)); /* without what is to be predicted */
    options.predict = NULL;
    assert_true(tp_equal(tp_predict(net, inputs, options), predicted));
    assert_true(tp_evaluate(net, inputs, (tp_evaluate_options){0}) == 0);
    tp_dataset_free(inputs);
    tp_dataset_free(data);
    tp_module_free(net);
}

/* Metrics go by in training, and again over the validation data; afterwards they tell of these. */
static void test_metrics(void **state) {
    (void)state;
    tp_metric *mae = tp_metric_mae(), *r2 = tp_metric_r2();
    tp_fit_options options = {.epochs = 40,
                              .batch_size = 8,
                              .validation_split = 0.25,
                              .metrics = TP_METRICS(mae, r2)};
    options.monitor = "val_r2";
    options.monitor_largest = true;
    tp_history *h = train(options, NULL);
    assert_tensor(h);
    const char *const names[] = {"loss", "mae", "r2", "val_loss", "val_mae", "val_r2", "lr", "seconds"};
    assert_int_equal(tp_history_columns(h), 8);
    for (int i = 0; i < 8; i++) assert_string_equal(tp_history_name(h, i), names[i]);
    assert_true(tp_history_value(h, "val_r2", -1) > 0.999);
    assert_true(tp_history_value(h, "r2", 0) < 0.9);
    assert_true(tp_history_value(h, "val_mae", -1) == tp_metric_value(mae));
    assert_true(tp_history_best(h) > 20);
    tp_history_free(h);
    tp_metric_free(mae);
    tp_metric_free(r2);
}

static void test_criteria(void **state) {
    (void)state;
    tp_tensor *scores = TP_F32_TENSOR(TP_SHAPE(2, 1), 0.5, -1),
              *labels = tp_from_i64(TP_SHAPE(2), (const int64_t[]){1, 0}, 2);
    tp_tensor *flat = tp_reshape(scores, TP_SHAPE(2)), *as_floats = TP_F32_TENSOR(TP_SHAPE(2), 1, 0);
    tp_bce_options weighted = {.pos_weight = TP_F32_TENSOR(TP_SHAPE(1), 3)};
    assert_true(tp_equal(tp_criterion_bce_with_logits(NULL, scores, labels),
                         tp_bce_with_logits(flat, as_floats, (tp_bce_options){0})));
    assert_true(tp_equal(tp_criterion_bce_with_logits(&weighted, scores, labels),
                         tp_bce_with_logits(flat, as_floats, weighted)));
    assert_true(tp_equal(tp_criterion_bce(NULL, tp_sigmoid(flat), labels),
                         tp_bce(tp_sigmoid(flat), as_floats, (tp_bce_options){0})));
    assert_true(tp_equal(tp_criterion_mse(NULL, scores, as_floats), tp_mse_loss(flat, as_floats, TP_MEAN)));
    assert_true(tp_equal(tp_criterion_l1(NULL, scores, as_floats), tp_l1_loss(flat, as_floats, TP_MEAN)));
    tp_tensor *two = TP_F32_TENSOR(TP_SHAPE(2, 2), 1, 2, 0, 1);
    tp_ce_options ce = {.weight = TP_F32_TENSOR(TP_SHAPE(2), 1, 5)};
    assert_true(tp_equal(tp_criterion_cross_entropy(&ce, two, labels), tp_cross_entropy(two, labels, ce)));

    tp_tensor *classes = tp_from_i64(TP_SHAPE(6), (const int64_t[]){0, 0, 0, 2, 2, 0}, 6);
    assert_values(tp_class_weights(classes, 3), 0.5, 0, 1);
    assert_null(tp_class_weights(classes, 2));
    assert_error(TP_ERR_INDEX, "class_weights: labels[3] is 2, there are 2 classes");
    assert_null(tp_class_weights(classes, 0));
    assert_error(TP_ERR_ARGUMENT, "class_weights: there cannot be 0 classes");
    assert_null(tp_class_weights(two, 2));
    assert_error(TP_ERR_SHAPE, "class_weights: labels is (2, 2), not (N)");
    assert_null(tp_class_weights(flat, 2));
    assert_error(TP_ERR_DTYPE, "class_weights: labels is float32, not I64");
}

static void class_weights_count(void **state) {
    (void)state;
    tp_manual_seed(4);
    tp_tensor *x = tp_randn(TP_SHAPE(4, IN), TP_F32, NULL),
              *labels = tp_from_i64(TP_SHAPE(4), (const int64_t[]){0, 0, 1, 0}, 4);
    tp_dataset *data = tp_dataset_tensors(TP_TENSORS(x, labels));
    tp_ce_options balanced = {.weight = tp_class_weights(labels, 2)};
    double loss[2];
    for (int k = 0; k < 2; k++) {
        tp_manual_seed(3);
        tp_module *net = tp_nn_linear(IN, 2, (tp_linear_options){0});
        tp_optim *optim = make_sgd(net);
        tp_ce_options options = k ? balanced : (tp_ce_options){0};
        loss[k] = tp_tensor_item(tp_cross_entropy(tp_forward(net, x), labels, options));
        tp_history *h = tp_fit(net, data,
                               (tp_fit_options){.loss = tp_criterion_cross_entropy,
                                                .loss_context = k ? &balanced : NULL,
                                                .optim = optim,
                                                .batch_size = 4,
                                                .verbosity = TP_SILENT});
        assert_tensor(h);
        assert_float_equal(tp_history_value(h, "loss", 0), loss[k], 1e-6);
        tp_history_free(h);
        tp_optim_free(optim);
        tp_module_free(net);
    }
    assert_true(fabs(loss[0] - loss[1]) > 1e-4);
    tp_dataset_free(data);
}

/* ---- cross-validation ---------------------------------------------------------------------------------- */

typedef struct folds {
    int64_t count, tested;
    bool fails, schedules;
} folds;

static tp_status make_fold(void *context, tp_fold *fold) {
    folds *self = context;
    assert_int_equal(fold->number, self->count++);
    assert_int_equal(tp_dataset_size(fold->train) + tp_dataset_size(fold->test), N);
    self->tested += tp_dataset_size(fold->test);
    if (self->fails && fold->number == 1) return tp_error_set(TP_ERR_STATE, "make_fold", "no second one");
    fold->net = make_net();
    fold->optim = make_sgd(fold->net);
    if (!self->schedules) return TP_OK;
    fold->schedule = tp_lr_exponential(fold->optim, 1);
    fold->ema = tp_ema_new(tp_module_parameters(fold->net), 0.5, (tp_ema_options){0});
    return fold->schedule && fold->ema ? TP_OK : tp_last_error().code;
}

static void test_cross_validate(void **state) {
    (void)state;
    tp_dataset *data = planes();
    folds self = {0};
    tp_cross_validate_options options = {
        .fit = {.loss = tp_criterion_mse, .epochs = 80, .verbosity = TP_SILENT}};
    options.fit.batch_size = 4;
    tp_history *h = tp_cross_validate(data, make_fold, &self, options);
    assert_tensor(h);
    assert_int_equal(tp_history_epochs(h), 5);
    assert_int_equal(self.tested, N);
    const double *loss = tp_history_values(h, "loss");
    double mean = 0, sum = 0;
    for (int i = 0; i < 5; i++) mean += loss[i] / 5;
    for (int i = 0; i < 5; i++) sum += (loss[i] - mean) * (loss[i] - mean);
    assert_true(mean < 1e-4);
    assert_float_equal(tp_history_mean(h, "loss"), mean, 1e-12);
    assert_float_equal(tp_history_deviation(h, "loss"), sqrt(sum / 4), 1e-12);
    tp_history_free(h);
    self = (folds){0};
    options.folds = N;
    options.fit.epochs = 1;
    h = tp_cross_validate(data, make_fold, &self, options);
    assert_int_equal(tp_history_epochs(h), N);
    tp_history_free(h);
    self = (folds){.schedules = true};
    tp_metric *mse = tp_metric_mse(), *again = tp_metric_mse();
    options.folds = 3;
    options.fit.metrics = TP_METRICS(mse, again);
    h = tp_cross_validate(data, make_fold, &self, options);
    assert_tensor(h);
    assert_string_equal(tp_history_name(h, 2), "mse_1"); /* the second of its name */
    assert_true(tp_history_mean(h, "mse_1") == tp_history_mean(h, "mse"));
    tp_history_free(h);
    options.fit.metrics = (tp_metrics){1, NULL};
    assert_null(tp_cross_validate(data, make_fold, &self, options));
    assert_error(TP_ERR_NULL, "cross_validate: options.fit.metrics.items is NULL, for 1");
    options.fit.metrics = (tp_metrics){0};
    tp_metric_free(mse);
    tp_metric_free(again);
    tp_module *other = make_net();
    tp_optim *optim = make_sgd(other);
    options.fit.schedule = tp_lr_exponential(optim, 0.5);
    assert_null(tp_cross_validate(data, make_fold, &self, options));
    assert_error(TP_ERR_ARGUMENT,
                 "cross_validate: options.fit has a schedule, which is not the folds': each makes its own");
    tp_lr_free(options.fit.schedule);
    options.fit.schedule = NULL;
    tp_optim_free(optim);
    tp_module_free(other);
    self = (folds){.fails = true};
    assert_null(tp_cross_validate(data, make_fold, &self, options));
    assert_error(TP_ERR_STATE, "make_fold: no second one");
    options.folds = N + 1;
    assert_null(tp_cross_validate(data, make_fold, &self, options));
    assert_int_equal(tp_last_error().code, TP_ERR_ARGUMENT);
    assert_null(tp_cross_validate(NULL, make_fold, &self, options));
    assert_error(TP_ERR_NULL, "cross_validate: argument data is NULL");
    assert_null(tp_cross_validate(data, NULL, &self, options));
    assert_error(TP_ERR_NULL, "cross_validate: argument make is NULL");
    assert_true(isnan(tp_history_mean(NULL, "loss")));
    assert_true(isnan(tp_history_deviation(NULL, "loss")));
    tp_error_clear();
    tp_dataset_free(data);
}

/* Plain lines where the output is no terminal. */
static void test_progress(void **state) {
    (void)state;
    tp_dataset *data = planes();
    tp_module *net = make_net();
    tp_optim *optim = make_sgd(net);
    FILE *out = tmpfile();
    tp_fit_options options = {
        .loss = tp_criterion_mse, .optim = optim, .epochs = 2, .validation_split = 0.5, .progress = out};
    tp_history_free(tp_fit(net, data, options));
    char text[1024] = "";
    rewind(out);
    assert_true(fread(text, 1, sizeof text - 1, out) > 0);
    fclose(out);
    assert_memory_equal(text, "epoch 1/2  batch 1/1  ", 22);
    assert_true(strstr(text, "  loss ") && strstr(text, "  val_loss ") &&
                strstr(text, " s left\nepoch 2/2  batch 1/1  "));
    assert_null(strchr(text, '\r'));
    tp_optim_free(optim);
    tp_module_free(net);
    tp_dataset_free(data);
}

static void test_no_memory(void **state) {
    (void)state;
    tp_fit_options options = {
        .epochs = 2, .batch_size = 20, .validation_split = 0.25, .patience = 1, .clip_norm = 1};
    for (int64_t n = 1, ok = 0; !ok; n += 1 + n / 40) {
        tp_memory_info before = tp_memory_stats();
        tp_scope *s = tp_scope_begin();
        tp_dataset *data = planes();
        tp_module *net = make_net();
        tp_optim *optim = make_sgd(net);
        options.loss = tp_criterion_mse;
        options.optim = optim;
        options.verbosity = TP_SILENT;
        tp__alloc_fail_at(n, false);
        tp_history *h = tp_fit(net, data, options);
        ok = h && tp_predict(net, data, (tp_evaluate_options){0}) &&
             !isnan(tp_evaluate(net, data, (tp_evaluate_options){.loss = tp_criterion_mse}));
        tp__alloc_fail_at(0, false);
        if (!ok) assert_int_equal(tp_last_error().code, TP_ERR_MEMORY);
        tp_history_free(h);
        tp_optim_free(optim);
        tp_module_free(net);
        tp_dataset_free(data);
        tp_scope_end(s);
        assert_int_equal(tp_memory_stats().live_tensors, before.live_tensors);
        assert_int_equal(tp_memory_stats().live_objects, before.live_objects);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_fit),
        CHECK_TEST(test_reproducible),
        CHECK_TEST(test_accumulate),
        CHECK_TEST(test_early_stop),
        CHECK_TEST(test_schedule_and_clipping),
        CHECK_TEST(test_not_finite),
        CHECK_TEST(test_not_finite_statistics),
        CHECK_TEST(test_errors),
        CHECK_TEST(test_evaluate),
        CHECK_TEST(test_criteria),
        CHECK_TEST(class_weights_count),
        CHECK_TEST(test_progress),
        CHECK_TEST(test_no_memory),
        CHECK_TEST(test_metrics),
        CHECK_TEST(test_cross_validate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
