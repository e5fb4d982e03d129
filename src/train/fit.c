/* tp_fit(). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ops/ops.h"
#include "taper/autograd.h"
#include "taper/io.h"
#include "train/train.h"

/* A training under way. */
typedef struct fit {
    tp_fit_options options;
    tp__runner runner;
    tp_dataset *parts[2]; /* of a validation split */
    tp_loader *loader, *validation;
    tp_history *history;
    double *row;
    int monitor;              /* the column that tells the best epoch */
    tp__snapshot best, start; /* weights: of the best epoch; at the beginning of this one */
    tp__progress progress;
    double loss_sum; /* of this epoch's samples */
    int64_t samples;
    bool stop;
} fit;

/* ---- what is to be done ------------------------------------------------------------------------------ */

static tp_status fit_check(const fit *f, const tp_module *net, const tp_dataset *data) {
    const tp_fit_options *o = &f->options;
    const char *op = "fit";
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {{"epochs", o->epochs},
                  {"batch_size", o->batch_size},
                  {"accumulate", o->accumulate},
                  {"patience", o->patience}};
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"clip_norm", o->clip_norm}, {"clip_value", o->clip_value}, {"min_delta", o->min_delta}};
    if (!net || !data || !o->loss || !o->optim)
        return tp__error_null(op, !net       ? "net"
                                  : !data    ? "data"
                                  : !o->loss ? "options.loss"
                                             : "options.optim");
    TP_TRY(tp__check_metrics(op, "options.metrics", o->metrics));
    for (int i = 0; i < 4; i++)
        if (counts[i].value < 0)
            return tp__error(TP_ERR_ARGUMENT, op, "%s is %lld", counts[i].name, (long long)counts[i].value);
    for (int i = 0; i < 3; i++)
        if (!(numbers[i].value >= 0) || isinf(numbers[i].value))
            return tp__error(TP_ERR_ARGUMENT, op, "%s is %g", numbers[i].name, numbers[i].value);
    if (o->validation && o->validation_split != 0)
        return tp__error(TP_ERR_ARGUMENT, op, "validation data are given, and a split too");
    return TP_OK;
}

/* Cuts off the last samples. */
static tp_status fit_split(fit *f, tp_dataset *data, double share) {
    int64_t n = tp_dataset_size(data);
    if (!(share > 0 && share <= 1))
        return tp__error(TP_ERR_ARGUMENT, "fit", "validation_split %g is no share of the samples", share);
    int64_t left = n - (int64_t)((double)n * share);
    if (left == 0 || left == n)
        return tp__error(TP_ERR_ARGUMENT, "fit", "validation_split %g of %lld samples leaves %s", share,
                         (long long)n, left == n ? "none to validate" : "none to train");
    int64_t *indices = tp__alloc((size_t)n * sizeof *indices);
    if (!indices) return tp__error_memory("fit", (size_t)n * sizeof *indices);
    for (int64_t i = 0; i < n; i++) indices[i] = i;
    f->parts[0] = tp_dataset_subset(data, indices, left);
    f->parts[1] = f->parts[0] ? tp_dataset_subset(data, indices + left, n - left) : NULL;
    tp__free(indices);
    return f->parts[1] ? TP_OK : tp__failed();
}

static tp_status fit_loaders(fit *f, tp_dataset *data) {
    tp_fit_options *o = &f->options;
    tp_dataset *validation = o->validation;
    if (o->validation_split != 0) {
        TP_TRY(fit_split(f, data, o->validation_split));
        data = f->parts[0];
        validation = f->parts[1];
    }
    tp_loader_options options = o->loader;
    options.shuffle = !o->no_shuffle && !options.strata && !options.weights;
    int64_t batch_size = o->batch_size ? o->batch_size : 32;
    f->loader = tp_loader_new(data, batch_size, options);
    if (!f->loader) return tp__failed();
    if (tp_loader_batches(f->loader) == 0)
        return tp__error(TP_ERR_ARGUMENT, "fit", "%lld samples make no batch of %lld",
                         (long long)tp_dataset_size(data), (long long)batch_size);
    if (!validation) return TP_OK;
    options = (tp_loader_options){.u8_scale = o->loader.u8_scale,
                                  .pad = o->loader.pad,
                                  .pad_value = o->loader.pad_value,
                                  .workers = o->loader.workers,
                                  .prefetch = o->loader.prefetch};
    f->validation = tp_loader_new(validation, batch_size, options);
    return f->validation ? TP_OK : tp__failed();
}

/* The history's columns, and which of them is the monitor. */
static tp_status fit_columns(fit *f) {
    const tp_fit_options *o = &f->options;
    int each = 1 + o->metrics.count, count = each * (f->validation ? 2 : 1) + 2;
    size_t bytes = (size_t)count * (sizeof(char *) + TP__COLUMN_SIZE);
    const char **names = tp__alloc(bytes);
    f->row = tp__alloc((size_t)count * sizeof *f->row);
    if (!names || !f->row) {
        tp__free(names);
        return tp__error_memory("fit", bytes);
    }
    char *text = (char *)(names + count);
    for (int i = 0; i < count - 2; i++, text += TP__COLUMN_SIZE) {
        const char *before = i >= each ? "val_" : "";
        names[i] = text;
        if (i % each == 0) snprintf(text, TP__COLUMN_SIZE, "%sloss", before);
        else tp__metric_column(o->metrics, i % each - 1, before, text);
    }
    names[count - 2] = "lr";
    names[count - 1] = "seconds";
    f->history = tp__history_new("fit", names, count);
    tp__free(names);
    if (!f->history) return TP_ERR_MEMORY;
    const char *monitor = o->monitor ? o->monitor : f->validation ? "val_loss" : "loss";
    f->monitor = tp__history_find(f->history, monitor);
    if (f->monitor < 0)
        return tp__error(TP_ERR_ARGUMENT, "fit", "the history has no column \"%.100s\" to monitor", monitor);
    return TP_OK;
}

static tp_status fit_prepare(fit *f, tp_module *net, tp_dataset *data) {
    TP_TRY(fit_check(f, net, data));
    TP_TRY(fit_loaders(f, data));
    TP_TRY(fit_columns(f));
    const tp_fit_options *o = &f->options;
    FILE *out = o->verbosity == TP_SILENT ? NULL : o->progress ? o->progress : stdout;
    tp__progress_start(&f->progress, out, o->epochs ? o->epochs : 1, tp_loader_batches(f->loader));
    f->runner =
        (tp__runner){"fit", net, o->loss, o->loss_context, o->predict, o->predict_context, o->metrics};
    return TP_OK;
}

static void fit_free(fit *f) {
    tp_loader_free(f->loader);
    tp_loader_free(f->validation);
    tp_dataset_free(f->parts[0]);
    tp_dataset_free(f->parts[1]);
    tp__free(f->row);
    tp__snapshot_free(&f->best);
    tp__snapshot_free(&f->start);
}

/* ---- a step ------------------------------------------------------------------------------------------ */

/* Puts back weights that are good, and says what was wrong. */
static tp_status fit_not_finite(fit *f, double loss) {
    bool finite;
    TP_TRY(tp__finite(f->runner.net, &finite));
    if (!finite) TP_TRY(tp__snapshot_restore(&f->start, f->runner.net));
    return tp__error(TP_ERR_NUMERIC, "fit",
                     "epoch %lld, batch %lld: the loss is %g; the weights are those %s",
                     (long long)f->progress.epoch + 1, (long long)f->progress.batch + 1, loss,
                     finite ? "that gave it" : "at the beginning of the epoch");
}

/* The last step of an epoch is followed by no loss that would tell. */
static tp_status fit_check_weights(fit *f) {
    bool finite;
    TP_TRY(tp__finite(f->runner.net, &finite));
    if (finite) return TP_OK;
    TP_TRY(tp__snapshot_restore(&f->start, f->runner.net));
    return tp__error(
        TP_ERR_NUMERIC, "fit",
        "epoch %lld: its last step made weights that are not finite; they are again those at the "
        "beginning of the epoch",
        (long long)f->progress.epoch + 1);
}

static int64_t fit_accumulate(const fit *f) { return f->options.accumulate ? f->options.accumulate : 1; }

/* The share that a batch has in the samples of its step. */
static double fit_share(const fit *f, int64_t number, int64_t size) {
    int64_t each = fit_accumulate(f), first = number - number % each, last = first + each;
    int64_t batch_size = f->loader->batch_size, batches = tp_loader_batches(f->loader);
    int64_t end = last < batches ? last * batch_size : f->loader->sampler.size;
    if (f->loader->options.drop_last && end > batches * batch_size) end = batches * batch_size;
    return (double)size / (double)(end - first * batch_size);
}

static tp_status fit_update(fit *f) {
    const tp_fit_options *o = &f->options;
    tp_tensors parameters = tp_optim_parameters(o->optim);
    if (o->clip_value != 0) TP_TRY(tp_clip_grad_value(parameters, o->clip_value));
    if (o->clip_norm != 0 && isnan(tp_clip_grad_norm(parameters, o->clip_norm, (tp_clip_options){0})) &&
        tp__error_pending())
        return tp__failed();
    TP_TRY(tp_optim_step(o->optim));
    if (o->ema) TP_TRY(tp_ema_update(o->ema));
    if (o->schedule && o->schedule_by_step) TP_TRY(tp_lr_next(o->schedule));
    return TP_OK;
}

static tp_status fit_train(fit *f, const tp_batch *batch) {
    int64_t number = f->progress.batch, each = fit_accumulate(f);
    tp_tensor *prediction, *loss;
    TP_TRY(tp__runner_run(&f->runner, batch, &prediction, &loss));
    double value = tp_tensor_item(loss);
    if (!isfinite(value)) return fit_not_finite(f, value);
    if (number % each == 0) TP_TRY(tp_optim_zero_grad(f->options.optim));
    TP_TRY(tp_backward(each == 1 ? loss : tp_mul_scalar(loss, fit_share(f, number, batch->size))));
    if ((number + 1) % each == 0 || number + 1 == tp_loader_batches(f->loader)) TP_TRY(fit_update(f));
    tp_no_grad_begin();
    TP_TRY(tp__runner_count(&f->runner, batch, prediction));
    f->loss_sum += value * (double)batch->size;
    f->samples += batch->size;
    return TP_OK;
}

/* ---- an epoch ---------------------------------------------------------------------------------------- */

static tp_status fit_batches(fit *f) {
    for (int i = 0; i < f->runner.metrics.count; i++) TP_TRY(tp_metric_reset(f->runner.metrics.items[i]));
    f->loss_sum = 0;
    f->samples = 0;
    tp_batch batch;
    while (tp_loader_next(f->loader, &batch)) {
        tp_scope *s = tp_scope_begin();
        if (!s) return TP_ERR_MEMORY;
        tp_set_grad_enabled(true);
        tp_status status = fit_train(f, &batch);
        tp_scope_end(s);
        TP_TRY(status);
        tp__progress_batch(&f->progress, batch.size, f->loss_sum / (double)f->samples, f->runner.metrics);
    }
    return tp_loader_status(f->loader);
}

static double *fit_write_metrics(const fit *f, double *row) {
    for (int i = 0; i < f->runner.metrics.count; i++) *row++ = tp_metric_value(f->runner.metrics.items[i]);
    return row;
}

/* The epoch's row of figures. */
static tp_status fit_figures(fit *f) {
    double *row = f->row;
    *row++ = f->loss_sum / (double)f->samples;
    row = fit_write_metrics(f, row);
    if (f->validation) {
        TP_TRY(tp__runner_evaluate(&f->runner, f->validation, row++));
        row = fit_write_metrics(f, row);
    }
    *row++ = tp_optim_lr(f->options.optim, 0);
    *row++ = tp__seconds() - f->progress.epoch_start;
    return tp__history_append("fit", f->history, f->row);
}

/* Is the epoch the best so far? Then its weights are kept. */
static tp_status fit_judge(fit *f) {
    const tp_fit_options *o = &f->options;
    const double *values = f->history->values[f->monitor];
    int64_t epoch = f->progress.epoch;
    double value = values[epoch], before = f->history->best < 0 ? NAN : values[f->history->best];
    double gain = o->monitor_largest ? value - before : before - value;
    if (gain > o->min_delta || (isnan(before) && !isnan(value))) {
        f->history->best = epoch;
        if (o->patience > 0 && !o->keep_last) TP_TRY(tp__snapshot_take("fit", &f->best, f->runner.net));
        if (o->checkpoint) TP_TRY(tp_module_save(f->runner.net, o->checkpoint));
    } else if (o->patience > 0 && epoch - f->history->best >= o->patience) {
        f->stop = true;
    }
    return TP_OK;
}

static tp_status fit_epoch(fit *f, int64_t epoch) {
    const tp_fit_options *o = &f->options;
    tp__progress_epoch(&f->progress, epoch);
    TP_TRY(tp_module_train(f->runner.net));
    TP_TRY(tp__snapshot_take("fit", &f->start, f->runner.net));
    TP_TRY(fit_batches(f));
    TP_TRY(fit_check_weights(f));
    TP_TRY(fit_figures(f));
    TP_TRY(fit_judge(f));
    tp__progress_row(&f->progress, f->history);
    if (o->schedule && !o->schedule_by_step)
        TP_TRY(tp_lr_report(o->schedule, f->history->values[f->monitor][epoch]));
    if (o->csv_log) TP_TRY(tp__history_save("fit", f->history, o->csv_log));
    if (o->each_epoch) TP_TRY(o->each_epoch(o->each_epoch_context, f->runner.net, f->history, &f->stop));
    return TP_OK;
}

static tp_status fit_run(fit *f) {
    int64_t epochs = f->options.epochs ? f->options.epochs : 1;
    for (int64_t epoch = 0; epoch < epochs && !f->stop; epoch++) TP_TRY(fit_epoch(f, epoch));
    return f->best.copies ? tp__snapshot_restore(&f->best, f->runner.net) : TP_OK;
}

tp_history *tp_fit(tp_module *net, tp_dataset *data, tp_fit_options options) {
    fit f = {.options = options};
    tp_scope *s = tp_scope_begin();
    tp_status status = s ? fit_prepare(&f, net, data) : TP_ERR_MEMORY;
    if (status == TP_OK) status = fit_run(&f);
    if (status != TP_OK) {
        tp_history_free(f.history);
        f.history = NULL;
        tp__error_repend();
    }
    tp__progress_end(&f.progress);
    fit_free(&f);
    tp_scope_end(s);
    return f.history;
}
