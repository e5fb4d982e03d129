/* The four networks of mnist.c, trained the short way: tp_fit(), tp_evaluate(), tp_predict(). Try --help. */
#include <math.h>

#include "args.h"
#include "taper.h"

static tp_module *dense(int64_t in, int64_t out) { return tp_nn_linear(in, out, (tp_linear_options){0}); }
static tp_module *conv(int64_t in, int64_t out) {
    return tp_nn_conv2d(in, out, 3, 3, (tp_nn_conv2d_options){0});
}
static tp_module *pool(void) { return tp_nn_max_pool2d(2, 2, (tp_pool2d_options){0}); }

static tp_module *make_mlp(void) {
    return tp_nn_sequential(TP_MODULES(tp_nn_flatten(), dense(784, 128), tp_nn_relu(), dense(128, 10)));
}

static tp_module *make_mlp3(void) {
    return tp_nn_sequential(TP_MODULES(tp_nn_flatten(), dense(784, 64), tp_nn_relu(), dense(64, 64),
                                       tp_nn_relu(), dense(64, 10)));
}

static tp_module *make_conv(void) {
    return tp_nn_sequential(TP_MODULES(conv(1, 32), tp_nn_relu(), tp_nn_flatten(), dense(32 * 26 * 26, 10)));
}

static tp_module *make_cnn(void) {
    return tp_nn_sequential(TP_MODULES(conv(1, 32), tp_nn_relu(), pool(), conv(32, 64), tp_nn_relu(), pool(),
                                       tp_nn_flatten(), dense(64 * 5 * 5, 128), tp_nn_relu(),
                                       dense(128, 10)));
}

static const struct {
    const char *name;
    tp_module *(*make)(void);
    double goal; /* accuracy in percent, after five epochs */
} models[] = {{"mlp", make_mlp, 97.6},
              {"mlp3", make_mlp3, 96.8},
              {"conv", make_conv, 98.0},
              {"cnn", make_cnn, 98.9}};

/* The first `limit` samples (0: all). */
static tp_dataset *load(const char *folder, bool train, long limit) {
    tp_mnist set = tp_mnist_load(folder, train);
    if (limit > 0) {
        set.images = tp_narrow(set.images, 0, 0, limit);
        set.labels = tp_narrow(set.labels, 0, 0, limit);
    }
    return tp_dataset_tensors(TP_TENSORS(set.images, set.labels));
}

/* What the network says about the first ten test images, beside what they are. */
static void show(tp_module *net, tp_dataset *test, tp_loader_options loader) {
    const int64_t first[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    tp_dataset *ten = tp_dataset_subset(test, first, 10);
    tp_tensor *scores = tp_predict(net, ten, (tp_evaluate_options){.loader = loader}), *sample[2];
    const int64_t *said = tp_tensor_data(tp_argmax_dim(scores, 1, false));
    for (int i = 0; said && i < 10 && tp_dataset_get(ten, i, sample) == TP_OK; i++)
        printf("%s%d (%d)", i ? ", " : "said (is): ", (int)said[i], (int)tp_tensor_item_i64(sample[1]));
    printf("\n");
    tp_dataset_free(ten);
}

/* Trains and tests a network. Returns its test accuracy in percent, NaN after an error. */
static double run(tp_module *net, tp_dataset *train, tp_dataset *test, long epochs, double lr, long seed) {
    tp_metric *accuracy = tp_metric_accuracy((tp_class_options){0});
    tp_optim *optim = tp_optim_adam(tp_module_parameters(net), lr, (tp_adam_options){0});
    tp_lr *schedule = tp_lr_linear(optim, 1, 0, epochs * ((tp_dataset_size(train) + 31) / 32));
    tp_loader_options loader = {.u8_scale = 1.0 / 255, .seed = (uint64_t)seed};
    tp_fit_options options = {.loss = tp_criterion_cross_entropy,
                              .optim = optim,
                              .metrics = TP_METRICS(accuracy),
                              .epochs = epochs,
                              .loader = loader,
                              .schedule = schedule,
                              .schedule_by_step = true};
    tp_history *history = tp_fit(net, train, options);
    tp_evaluate_options asked = {.metrics = options.metrics, .batch_size = 250, .loader = loader};
    if (history) tp_evaluate(net, test, asked);
    double percent = history ? 100 * tp_metric_value(accuracy) : NAN;
    if (history) show(net, test, loader);
    tp_history_free(history);
    tp_lr_free(schedule);
    tp_optim_free(optim);
    tp_metric_free(accuracy);
    return percent;
}

int main(int argc, char **argv) {
    const char *data = "examples/data/mnist", *model = "mlp";
    long epochs = 5, seed = 0, limit = 0;
    double lr = 2e-3, goal = 0;
    const arg list[] = {{"model", "mlp, mlp3, conv or cnn", .text = &model},
                        {"epochs", "passes over the training set", .integer = &epochs},
                        {"lr", "learning rate of Adam at first; it falls to 0", .number = &lr},
                        {"seed", "chooses the first weights and the order of the images", .integer = &seed},
                        {"limit", "train on the first images only, 0: all", .integer = &limit},
                        {"goal", "test accuracy to reach in percent, 0: the model's", .number = &goal},
                        {"data", "folder of the four files", .text = &data}};
    args_read(argc, argv, "Trains a network on MNIST by tp_fit().", list, 7);

    tp_scope *s = tp_scope_begin();
    tp_manual_seed((uint64_t)seed);
    tp_module *net = NULL;
    for (int i = 0; i < 4; i++)
        if (strcmp(model, models[i].name) == 0) {
            net = models[i].make();
            if (goal == 0) goal = models[i].goal;
        }
    if (!net) tp_error_set(TP_ERR_ARGUMENT, "mnist_fit", "there is no model %s", model);
    tp_dataset *train = load(data, true, limit), *test = load(data, false, 0);
    double percent = net && train && test ? run(net, train, test, epochs, lr, seed) : NAN;
    bool reached = percent >= goal;
    if (isnan(percent)) fprintf(stderr, "%s\n", tp_last_error().message);
    else
        printf("test accuracy: %.2f %%, %s %.1f %%\n", percent, reached ? "at least" : "below the goal of",
               goal);
    tp_dataset_free(train);
    tp_dataset_free(test);
    tp_module_free(net);
    tp_scope_end(s);
    tp_shutdown();
    return reached ? 0 : 1;
}
