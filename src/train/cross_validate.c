#include <stdio.h>

#include "ops/ops.h"
#include "train/train.h"

/* Trains and tests one fold, whose numbers it writes to row[0 .. metrics]. */
static tp_status fold_run(tp_fold *fold, tp_fold_fn *make, void *context, tp_fit_options fit, double *row) {
    const char *op = "cross_validate";
    TP_TRY(make(context, fold));
    if (!fold->net || !fold->optim || !fold->train || !fold->test) {
        const char *missing = !fold->net     ? "fold->net"
                              : !fold->optim ? "fold->optim"
                                             : "a dataset of the fold";
        return tp__error_null(op, missing);
    }
    fit.optim = fold->optim;
    fit.schedule = fold->schedule;
    fit.ema = fold->ema;
    fit.validation = NULL;
    tp_history *history = tp_fit(fold->net, fold->train, fit);
    if (!history) return tp__failed();
    tp_history_free(history);
    tp_evaluate_options options = {.loss = fit.loss,
                                   .loss_context = fit.loss_context,
                                   .metrics = fit.metrics,
                                   .predict = fit.predict,
                                   .predict_context = fit.predict_context,
                                   .batch_size = fit.batch_size,
                                   .loader = {.u8_scale = fit.loader.u8_scale,
                                              .pad = fit.loader.pad,
                                              .pad_value = fit.loader.pad_value}};
    row[0] = tp_evaluate(fold->net, fold->test, options);
    if (tp__error_pending()) return tp__failed();
    for (int i = 0; i < fit.metrics.count; i++) row[1 + i] = tp_metric_value(fit.metrics.items[i]);
    return TP_OK;
}

static void fold_report(const tp_fit_options *fit, int64_t number, int64_t folds, const double *row) {
    char name[TP__COLUMN_SIZE];
    FILE *out = fit->verbosity == TP_SILENT ? NULL : fit->progress ? fit->progress : stdout;
    if (!out) return;
    fprintf(out, "fold %lld/%lld  loss %.4f", (long long)number + 1, (long long)folds, row[0]);
    for (int i = 0; i < fit->metrics.count; i++)
        fprintf(out, "  %s %.4f", tp__metric_column(fit->metrics, i, "", name), row[1 + i]);
    fprintf(out, "\n");
    fflush(out);
}

static tp_status fold_all(tp_dataset *data, tp_fold_fn *make, void *context,
                          const tp_cross_validate_options *options, tp_history *history, double *row) {
    int64_t folds = options->folds ? options->folds : 5;
    tp_status status = TP_OK;
    for (int64_t number = 0; status == TP_OK && number < folds; number++) {
        tp_dataset *parts[2];
        TP_TRY(tp_kfold(data, folds, number, options->kfold, parts));
        tp_scope *s = tp_scope_begin();
        tp_fold fold = {.number = number, .train = parts[0], .test = parts[1]};
        status = s ? fold_run(&fold, make, context, options->fit, row) : TP_ERR_MEMORY;
        tp_lr_free(fold.schedule);
        tp_ema_free(fold.ema);
        tp_optim_free(fold.optim);
        tp_module_free(fold.net);
        tp_dataset_free(fold.train);
        tp_dataset_free(fold.test);
        tp_scope_end(s);
        if (status == TP_OK) status = tp__history_append("cross_validate", history, row);
        if (status == TP_OK) fold_report(&options->fit, number, folds, row);
    }
    return status;
}

tp_history *tp_cross_validate(tp_dataset *data, tp_fold_fn *make, void *context,
                              tp_cross_validate_options options) {
    const char *op = "cross_validate";
    TP_REQUIRE(data, op);
    TP_REQUIRE(make, op);
    if (options.fit.schedule || options.fit.ema)
        TP_FAIL(TP_ERR_ARGUMENT, op, "options.fit has %s, which is not the folds': each makes its own",
                options.fit.schedule ? "a schedule" : "an ema");
    TP_TRY_NULL(tp__check_metrics(op, "options.fit.metrics", options.fit.metrics));
    int count = 1 + options.fit.metrics.count;
    size_t bytes = (size_t)count * (sizeof(char *) + sizeof(double) + TP__COLUMN_SIZE);
    double *row = tp__alloc(bytes);
    if (!row) {
        tp__error_memory(op, bytes);
        return NULL;
    }
    const char **names = (const char **)(void *)(row + count);
    char *text = (char *)(names + count);
    names[0] = "loss";
    for (int i = 1; i < count; i++, text += TP__COLUMN_SIZE)
        names[i] = tp__metric_column(options.fit.metrics, i - 1, "", text);
    tp_history *history = tp__history_new(op, names, count);
    tp_status status = history ? fold_all(data, make, context, &options, history, row) : TP_ERR_MEMORY;
    tp__free(row);
    if (status == TP_OK) return history;
    tp_history_free(history);
    tp__error_repend();
    return NULL;
}
