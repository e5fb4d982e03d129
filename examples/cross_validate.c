/* How well can a day's highest temperature be told from its other figures? A linear model, judged by cross-validation: in k
 * folds, and leaving out one day at a time. Try --help. */
#include "args.h"
#include "taper.h"

/* Days of the table, evenly spread: (days, 3) of minimum, wind and precipitation, and the maximum (days, 1), in F32. */
static tp_dataset *load(const char *path, long days) {
    tp_table *table = tp_table_read_csv(path, (tp_csv_options){0});
    if (!table) return NULL;
    int64_t rows = tp_table_rows(table);
    tp_tensor *x = tp_table_tensor(table, TP_NAMES("temp_min", "wind", "precipitation"), TP_F32);
    tp_tensor *y = tp_table_tensor(table, TP_NAMES("temp_max"), TP_F32);
    tp_table_free(table);
    tp_tensor *chosen = tp_linspace(0, (double)(rows - 1), days, TP_F64);
    chosen = tp_to_dtype(chosen, TP_I64);
    return tp_dataset_tensors(TP_TENSORS(tp_index_select(x, 0, chosen), tp_index_select(y, 0, chosen)));
}

/* All samples of a dataset in one batch, which its loader lends. */
static tp_loader *whole(tp_dataset *data, tp_batch *batch) {
    tp_loader *loader = tp_loader_new(data, tp_dataset_size(data), (tp_loader_options){0});
    tp_loader_next(loader, batch);
    return loader;
}

/* The dataset with its inputs standardised by the figures in `columns`, which come from the training part if `fit` is set. The
 * one that was given is freed. */
static tp_dataset *prepare(tp_prepare *columns, tp_dataset *data, bool fit) {
    tp_batch batch;
    tp_loader *loader = whole(data, &batch);
    tp_dataset *prepared = NULL;
    if (batch.count == 2 && (!fit || tp_prepare_fit(columns, batch.items[0]) == TP_OK))
        prepared = tp_dataset_tensors(TP_TENSORS(tp_prepare_apply(columns, batch.items[0]), batch.items[1]));
    tp_loader_free(loader);
    tp_dataset_free(data);
    return prepared;
}

/* A new model for a fold. What the days left out are like must not be known to it, nor to the preparation. */
static tp_status make_fold(void *context, tp_fold *fold) {
    tp_prepare *columns = context;
    fold->train = prepare(columns, fold->train, true);
    fold->test = prepare(columns, fold->test, false);
    fold->net = tp_nn_linear(3, 1, (tp_linear_options){0});
    fold->optim = tp_optim_adam(tp_module_parameters(fold->net), 0.3, (tp_adam_options){0});
    return fold->train && fold->test && fold->optim ? TP_OK : tp_last_error().code;
}

/* Validates in `folds` folds and prints each figure's mean over the folds and its deviation. */
static tp_status validate(tp_dataset *data, tp_prepare *columns, int64_t folds, const char *name,
                          tp_fit_options fit) {
    tp_cross_validate_options options = {.folds = folds, .kfold = {.shuffle = true}, .fit = fit};
    tp_history *scores = tp_cross_validate(data, make_fold, columns, options);
    if (!scores) return tp_last_error().code;
    printf("%-14s", name);
    for (int i = 1; i < tp_history_columns(scores); i++) {
        const char *figure = tp_history_name(scores, i);
        printf("  %s %.2f +- %.2f", figure, tp_history_mean(scores, figure),
               tp_history_deviation(scores, figure));
    }
    printf("\n");
    tp_history_free(scores);
    return TP_OK;
}

int main(int argc, char **argv) {
    const char *data = "examples/data/seattle-weather.csv";
    long days = 120, folds = 5, epochs = 60;
    const arg list[] = {{"data", "table of days", .text = &data},
                        {"days", "of it that are used", .integer = &days},
                        {"folds", "of the first validation", .integer = &folds},
                        {"epochs", "passes over the training days", .integer = &epochs}};
    args_read(argc, argv, "Cross-validates a linear model of a day's highest temperature.", list, 4);

    tp_scope *s = tp_scope_begin();
    tp_dataset *set = load(data, days);
    tp_prepare *columns = tp_prepare_new(TP_STEPS({.kind = TP_PREPARE_STANDARDIZE}));
    tp_metric *mae = tp_metric_mae(), *rmse = tp_metric_rmse(), *r2 = tp_metric_r2();
    tp_fit_options fit = {.loss = tp_criterion_mse,
                          .epochs = epochs,
                          .batch_size = 16,
                          .verbosity = TP_SILENT};
    tp_status status = set && columns ? TP_OK : tp_last_error().code;
    fit.metrics = TP_METRICS(mae, rmse, r2);
    if (status == TP_OK) status = validate(set, columns, folds, "k-fold", fit);
    fit.metrics = TP_METRICS(mae, rmse); /* R2 of a single day means nothing */
    if (status == TP_OK) status = validate(set, columns, days, "leave-one-out", fit);
    if (status != TP_OK) fprintf(stderr, "%s\n", tp_last_error().message);
    tp_metric_free(mae);
    tp_metric_free(rmse);
    tp_metric_free(r2);
    tp_prepare_free(columns);
    tp_dataset_free(set);
    tp_scope_end(s);
    tp_shutdown();
    return status == TP_OK ? 0 : 1;
}
