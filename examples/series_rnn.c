/* Next month's CO2 in the air, from the months before it: a simple recurrent network against two naive forecasts. Try --help. */
#include "args.h"
#include "series.h"

/* Forecasts of the test months in ppm, by a network that reads `window` months. NULL after an error.
 * values: (T, 1). It learns how the values change from month to month, which unlike the values themselves has no trend, scaled by
 * what the training part tells: changes[t] leads from month t to month t + 1. */
static tp_tensor *forecast(tp_tensor *values, int64_t validation, int64_t test, long window, long epochs) {
    int64_t months = tp_tensor_size(values, 0);
    tp_tensor *before = tp_narrow(values, 0, 0, months - 1), *after = tp_narrow(values, 0, 1, months - 1);
    tp_tensor *changes = tp_sub(after, before), *changed = NULL;
    tp_prepare *scale = tp_prepare_new(TP_STEPS({.kind = TP_PREPARE_STANDARDIZE}));
    if (tp_prepare_fit(scale, tp_narrow(changes, 0, 0, validation - 1)) != TP_OK) return NULL;
    tp_tensor *z = tp_to_dtype(tp_prepare_apply(scale, changes), TP_F32);

    tp_dataset *parts[] = {windows_of(z, 0, validation - 1, window, 1, 1),
                           windows_of(z, validation - 1, test - 1, window, 1, 1),
                           windows_of(z, test - 1, months - 1, window, 1, 1)};
    tp_module *net =
        tp_nn_sequential(TP_MODULES(tp_nn_rnn(1, 32, (tp_nn_recurrent_options){.batch_first = true}),
                                    tp_module_new(&last_class), tp_nn_linear(32, 1, (tp_linear_options){0})));
    if (train_on(net, parts[0], parts[1], 3e-3, epochs) == TP_OK)
        changed = tp_prepare_inverse(scale, tp_to_dtype(tp_predict(net, parts[2], (tp_evaluate_options){0}),
                                                        TP_F64));

    tp_module_free(net);
    for (int i = 0; i < 3; i++) tp_dataset_free(parts[i]);
    tp_prepare_free(scale);
    return tp_add(tp_narrow(values, 0, test - 1, months - test), changed);
}

static tp_status run(const char *data, const char *svg, long only, long epochs) {
    tp_table *table = tp_table_read_csv(data, (tp_csv_options){0});
    tp_tensor *values = table ? tp_table_tensor(table, TP_NAMES("CO2"), TP_F64) : NULL;
    tp_table_free(table);
    if (!values) return tp_last_error().code;
    int64_t months = tp_tensor_size(values, 0), validation = months * 7 / 10, test = months * 85 / 100;
    tp_tensor *actual = tp_narrow(values, 0, test, months - test);
    double last = rmse(tp_narrow(values, 0, test - 1, months - test), actual);
    double year = rmse(tp_narrow(values, 0, test - 12, months - test), actual);
    printf("%d months, the last %d of them are forecast, each from those before it. RMSE in ppm:\n",
           (int)months, (int)(months - test));
    printf("as the month before:   %.3f\nas a year before:      %.3f\n", last, year);

    bool better = true;
    const long windows[] = {10, 24};
    for (int i = 0; i < 2; i++) {
        if (only != 0 && i > 0) break;
        long window = only != 0 ? only : windows[i];
        tp_tensor *said = forecast(values, validation, test, window, epochs);
        if (!said) return tp_last_error().code;
        double error = rmse(said, actual);
        printf("network, %2ld months:    %.3f\n", window, error);
        better = better && error < last && error < year;
        tp_plot_options picture = {.title = "CO2 at Mauna Loa",
                                   .x_label = "year",
                                   .y_label = "ppm",
                                   .first_x = 1958 + 2.5 / 12};
        if (svg) {
            tp_status status = draw_forecast(svg, picture, 1.0 / 12, values, said);
            if (status != TP_OK) return status;
        }
    }
    return better ? TP_OK : tp_error_set(TP_ERR_STATE, "series_rnn", "a naive forecast is better");
}

int main(int argc, char **argv) {
    const char *data = "examples/data/co2-concentration.csv", *svg = NULL;
    long window = 0, epochs = 150, seed = 0;
    const arg list[] = {{"data", "table with a column CO2", .text = &data},
                        {"window", "months the network sees, 0: 10, then 24", .integer = &window},
                        {"epochs", "passes over the training months, at most", .integer = &epochs},
                        {"seed", "chooses the first weights", .integer = &seed},
                        {"svg", "file for a picture of series and forecast", .text = &svg}};
    args_read(argc, argv, "Forecasts CO2 by a recurrent network.", list, 5);
    tp_scope *s = tp_scope_begin();
    tp_manual_seed((uint64_t)seed);
    tp_status status = run(data, svg, window, epochs);
    if (status != TP_OK) fprintf(stderr, "%s\n", tp_last_error().message);
    tp_scope_end(s);
    tp_shutdown();
    return status == TP_OK ? 0 : 1;
}
