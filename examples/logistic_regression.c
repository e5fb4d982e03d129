/* Logistic regression: which points of the unit square lie right of its middle? Trained, tested and drawn. Try --help. */
#include "args.h"
#include "taper.h"

/* Points (N, 2), uniform in the unit square, and whether the first coordinate is above a half: (N), 0 or 1. */
static tp_dataset *make_points(int64_t n, tp_generator *generator) {
    tp_tensor *x = tp_rand(TP_SHAPE(n, 2), TP_F32, generator);
    tp_tensor *label = tp_to_dtype(tp_gt_scalar(tp_select(x, 1, 0), 0.5), TP_I64);
    return tp_dataset_tensors(TP_TENSORS(x, label));
}

/* The curve of all thresholds: the share of right alarms over that of false ones. */
static tp_status draw_roc(const char *path, const tp_metric *auc) {
    tp_roc roc = tp_metric_roc_curve(auc, false);
    tp_series curve = {.name = "logistic regression",
                       .x = tp_tensor_data(roc.fpr),
                       .y = tp_tensor_data(roc.tpr),
                       .count = tp_tensor_numel(roc.fpr)};
    tp_plot_options options = {.title = "ROC",
                               .x_label = "false positives",
                               .y_label = "true positives",
                               .diagonal = true};
    return tp_plot_lines(path, &curve, 1, options);
}

/* Trains on one set of points and tests on another. */
static tp_status run(tp_module *net, tp_optim *optim, tp_dataset *train, tp_dataset *test, tp_metrics metrics,
                     long epochs) {
    tp_fit_options options = {.loss = tp_criterion_bce_with_logits,
                              .optim = optim,
                              .metrics = metrics,
                              .epochs = epochs,
                              .verbosity = TP_SILENT};
    tp_history *history = tp_fit(net, train, options);
    if (!history) return tp_last_error().code;
    char line[256];
    tp_sparkline(tp_history_values(history, "loss"), epochs, 40, line, sizeof line);
    printf("loss       %s  %.4f\n", line, tp_history_value(history, "loss", -1));
    tp_history_free(history);
    double loss = tp_evaluate(net, test, (tp_evaluate_options){.loss = options.loss, .metrics = metrics});
    if (!(loss >= 0)) return tp_last_error().code;
    printf("held out:  loss %.4f  accuracy %.4f  AUC %.5f\n", loss, tp_metric_value(metrics.items[0]),
           tp_metric_value(metrics.items[1]));
    return TP_OK;
}

int main(int argc, char **argv) {
    const char *svg = NULL;
    long points = 1000, epochs = 60, seed = 0;
    const arg list[] = {{"points", "to train on", .integer = &points},
                        {"epochs", "passes over them", .integer = &epochs},
                        {"seed", "chooses points and first weights", .integer = &seed},
                        {"svg", "file for a picture of the ROC curve", .text = &svg}};
    args_read(argc, argv, "Logistic regression on points of the unit square.", list, 4);

    tp_scope *s = tp_scope_begin();
    tp_manual_seed((uint64_t)seed);
    tp_dataset *train = make_points(points, NULL), *test = make_points(2000, NULL);
    tp_module *net = tp_nn_linear(2, 1, (tp_linear_options){0}); /* the sigmoid is part of the loss */
    tp_optim *optim = tp_optim_adam(tp_module_parameters(net), 0.1, (tp_adam_options){0});
    tp_class_options logits = {.threshold = TP_ZERO}; /* a score above 0 is a probability above a half */
    tp_metric *accuracy = tp_metric_accuracy(logits), *auc = tp_metric_roc_auc();

    tp_status status = run(net, optim, train, test, TP_METRICS(accuracy, auc), epochs);
    if (status == TP_OK && svg) status = draw_roc(svg, auc);
    bool reached = status == TP_OK && tp_metric_value(accuracy) >= 0.97 && tp_metric_value(auc) >= 0.99;
    if (status != TP_OK) fprintf(stderr, "%s\n", tp_last_error().message);
    else if (!reached) fprintf(stderr, "accuracy and AUC should have reached 0.97 and 0.99\n");

    tp_metric_free(accuracy);
    tp_metric_free(auc);
    tp_optim_free(optim);
    tp_module_free(net);
    tp_dataset_free(train);
    tp_dataset_free(test);
    tp_scope_end(s);
    tp_shutdown();
    return reached ? 0 : 1;
}
