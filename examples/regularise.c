/* Overfitting, and five remedies: a network learns a thousand digits by heart, and then with L1, with L2, with dropout, with
 * augmented images and with early stopping. Try --help. */
#include <math.h>

#include "args.h"
#include "taper.h"

typedef struct remedy {
    const char *name;
    double l1, l2, dropout;
    bool augment, stop_early;
    tp_module *net; /* whose weights the penalties are on */
} remedy;

static const remedy remedies[] = {{.name = "none"},
                                  {.name = "L1", .l1 = 1e-4},
                                  {.name = "L2", .l2 = 1e-3},
                                  {.name = "dropout", .dropout = 0.5},
                                  {.name = "augmentation", .augment = true},
                                  {.name = "early stopping", .stop_early = true}};
enum { REMEDIES = sizeof remedies / sizeof *remedies };

static tp_module *make_net(double dropout) {
    return tp_nn_sequential(TP_MODULES(tp_nn_flatten(), tp_nn_linear(784, 256, (tp_linear_options){0}),
                                       tp_nn_relu(), tp_nn_dropout(dropout, NULL),
                                       tp_nn_linear(256, 10, (tp_linear_options){0})));
}

/* Cross-entropy, and in training l1 sum |w| + l2 sum w^2 over all weight matrices. (For SGD the latter is what the optimizer's
 * weight_decay = 2 l2 does; Adam divides that by its own scale.) */
static tp_tensor *penalised(void *context, tp_tensor *scores, tp_tensor *labels) {
    const remedy *r = context;
    tp_tensor *loss = tp_cross_entropy(scores, labels, (tp_ce_options){0});
    tp_tensors parameters = tp_module_parameters(r->net);
    for (int i = 0; i < parameters.count && r->net->training; i++) {
        tp_tensor *w = parameters.items[i];
        if (tp_tensor_ndim(w) < 2) continue; /* biases go free */
        if (r->l1 > 0) loss = tp_add(loss, tp_mul_scalar(tp_sum(tp_abs(w)), r->l1));
        if (r->l2 > 0) loss = tp_add(loss, tp_mul_scalar(tp_sum(tp_square(w)), r->l2));
    }
    return loss;
}

/* Images [from, from + count) of MNIST. */
static tp_dataset *load(const char *folder, bool train, int64_t from, int64_t count) {
    tp_mnist set = tp_mnist_load(folder, train);
    return tp_dataset_tensors(
        TP_TENSORS(tp_narrow(set.images, 0, from, count), tp_narrow(set.labels, 0, from, count)));
}

/* What came of one training: accuracies in percent, the loss on the test images, and the history. */
typedef struct outcome {
    double train, test, loss;
    tp_history *history;
} outcome;

static outcome run(remedy r, tp_dataset *const *sets, long epochs) {
    tp_manual_seed(0); /* all begin with the same weights */
    r.net = make_net(r.dropout);
    tp_metric *accuracy = tp_metric_accuracy((tp_class_options){0});
    tp_optim *optim = tp_optim_adam(tp_module_parameters(r.net), 1e-3, (tp_adam_options){0});
    tp_augment_options moves = {.rotation = 10, .shift_x = 0.1, .shift_y = 0.1};
    tp_loader_options plain = {.u8_scale = 1.0 / 255}, moved = plain;
    moved.transform = tp_augment_batch, moved.transform_context = &moves;
    tp_fit_options options = {.loss = penalised,
                              .loss_context = &r,
                              .optim = optim,
                              .metrics = TP_METRICS(accuracy),
                              .epochs = epochs,
                              .loader = r.augment ? moved : plain,
                              .validation = sets[1],
                              .patience = r.stop_early ? 3 : 0,
                              .verbosity = TP_SILENT};
    outcome result = {.loss = NAN, .history = tp_fit(r.net, sets[0], options)};
    tp_evaluate_options asked = {.loss = penalised,
                                 .loss_context = &r,
                                 .metrics = options.metrics,
                                 .loader = plain};
    if (result.history) {
        tp_evaluate(r.net, sets[0], asked);
        result.train = 100 * tp_metric_value(accuracy);
        result.loss = tp_evaluate(r.net, sets[2], asked);
        result.test = 100 * tp_metric_value(accuracy);
    }
    tp_optim_free(optim);
    tp_metric_free(accuracy);
    tp_module_free(r.net);
    return result;
}

/* The validation losses of all trainings. */
static tp_status draw(const char *path, const outcome *outcomes) {
    tp_series curves[REMEDIES];
    for (int i = 0; i < REMEDIES; i++) {
        const tp_history *h = outcomes[i].history;
        curves[i] = (tp_series){.name = remedies[i].name,
                                .y = tp_history_values(h, "val_loss"),
                                .count = tp_history_epochs(h)};
    }
    tp_plot_options options = {.title = "200,000 weights learn 1,000 digits",
                               .x_label = "epoch",
                               .y_label = "validation loss",
                               .first_x = 1};
    return tp_plot_lines(path, curves, REMEDIES, options);
}

static const char *compare(double a, double b) { return a > b ? "better" : a < b ? "worse" : "the same"; }

int main(int argc, char **argv) {
    const char *data = "examples/data/mnist", *svg = NULL;
    long epochs = 60, tests = 10000;
    const arg list[] = {{"epochs", "passes over the training images", .integer = &epochs},
                        {"tests", "images to test on", .integer = &tests},
                        {"data", "folder of MNIST's four files", .text = &data},
                        {"svg", "file for a picture of the validation losses", .text = &svg}};
    args_read(argc, argv, "Compares remedies against overfitting.", list, 4);

    tp_scope *s = tp_scope_begin();
    tp_dataset *sets[] = {load(data, true, 0, 1000), load(data, true, 1000, 1000),
                          load(data, false, 0, tests)};
    outcome outcomes[REMEDIES] = {{0}};
    bool sound = sets[0] && sets[1] && sets[2];
    double best = 0; /* gain in accuracy */
    printf("%-16s %8s %8s %10s  %s\n", "", "training", "test", "test loss",
           "validation loss over the epochs");
    for (int i = 0; sound && i < REMEDIES; i++) {
        outcomes[i] = run(remedies[i], sets, epochs);
        const outcome *o = &outcomes[i];
        if (!(sound = !isnan(o->loss))) break;
        best = fmax(best, o->test - outcomes[0].test);
        char line[256];
        tp_sparkline(tp_history_values(o->history, "val_loss"), tp_history_epochs(o->history), 20, line,
                     sizeof line);
        printf("%-16s %6.2f %% %6.2f %% %10.3f  %s", remedies[i].name, o->train, o->test, o->loss, line);
        if (i > 0)
            printf("  accuracy %s, loss %s", compare(o->test, outcomes[0].test),
                   compare(outcomes[0].loss, o->loss));
        printf("\n");
    }
    if (sound && svg) sound = draw(svg, outcomes) == TP_OK;
    if (!sound) fprintf(stderr, "%s\n", tp_last_error().message);
    bool shown = sound && outcomes[0].train >= 99.5 && best >= 1; /* learned by heart, and something helps */
    if (sound && !shown) fprintf(stderr, "no overfitting, or nothing helped against it\n");
    for (int i = 0; i < REMEDIES; i++) tp_history_free(outcomes[i].history);
    for (int i = 0; i < 3; i++) tp_dataset_free(sets[i]);
    tp_scope_end(s);
    tp_shutdown();
    return shown ? 0 : 1;
}
