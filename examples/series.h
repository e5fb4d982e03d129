/* What the forecasts of series share. */
#ifndef EXAMPLES_SERIES_H
#define EXAMPLES_SERIES_H

#include <math.h>

#include "taper.h"

/* (N, T, H) -> (N, H): what a recurrent layer knows after the last step. A module of one's own needs no more than this. */
static tp_tensor *last_forward(tp_module *m, tp_tensor *x) {
    (void)m;
    return tp_select(x, 1, -1);
}
static const tp_module_class last_class = {.name = "Last",
                                           .size = sizeof(tp_module),
                                           .forward = last_forward};

/* Windows whose targets are the steps [from, to) of a series (T, C): inputs (N, length, C) and targets (N, horizon C). Inputs may
 * reach back before `from`, to what is known by then. */
static tp_dataset *windows_of(tp_tensor *series, int64_t from, int64_t to, int64_t length, int64_t horizon,
                              int64_t stride) {
    int64_t begin = from > length ? from - length : 0;
    tp_windows_out w = tp_windows(tp_narrow(series, 0, begin, to - begin), length, horizon, stride);
    return tp_dataset_tensors(TP_TENSORS(w.inputs, tp_flatten(w.targets, 1, -1)));
}

/* Trains until the validation data have shown no gain for a while, and keeps what was best for them. */
static tp_status train_on(tp_module *net, tp_dataset *train, tp_dataset *validation, double lr, long epochs) {
    tp_optim *optim = tp_optim_adam(tp_module_parameters(net), lr, (tp_adam_options){0});
    tp_fit_options options = {.loss = tp_criterion_mse,
                              .optim = optim,
                              .epochs = epochs,
                              .validation = validation,
                              .patience = 1 + epochs / 5,
                              .clip_norm = 1,
                              .verbosity = TP_SILENT};
    tp_history *history = tp_fit(net, train, options);
    tp_status status = history ? TP_OK : tp_last_error().code;
    char line[256];
    if (history) {
        int64_t count = tp_history_epochs(history), best = tp_history_best(history);
        tp_sparkline(tp_history_values(history, "val_loss"), count, 40, line, sizeof line);
        printf("validation loss %s, best %.4f in epoch %d\n", line,
               tp_history_value(history, "val_loss", best), (int)best + 1);
    }
    tp_history_free(history);
    tp_optim_free(optim);
    return status;
}

static double rmse(tp_tensor *forecast, tp_tensor *actual) {
    return sqrt(tp_tensor_item(tp_mse_loss(forecast, actual, TP_MEAN)));
}

/* The series (n), F64, and a dashed forecast of its last steps (m). */
static tp_status draw_forecast(const char *path, tp_plot_options options, double step, tp_tensor *actual,
                               tp_tensor *forecast) {
    actual = tp_contiguous(actual);
    forecast = tp_contiguous(forecast);
    int64_t n = tp_tensor_numel(actual), m = tp_tensor_numel(forecast);
    tp_tensor *x = tp_add_scalar(tp_mul_scalar(tp_arange(0, (double)n, 1, TP_F64), step), options.first_x);
    const double *at = tp_tensor_data(x);
    if (!at || !forecast) return tp_last_error().code;
    tp_series lines[] = {
        {.name = "measured", .x = at, .y = tp_tensor_data(actual), .count = n},
        {.name = "forecast", .x = at + n - m, .y = tp_tensor_data(forecast), .count = m, .dashed = true}};
    return tp_plot_lines(path, lines, 2, options);
}

#endif
