/* The highest temperatures of the next days from those of the last weeks: an LSTM that forecasts several steps at once, against
 * two naive forecasts. Try --help. */
#include "args.h"
#include "series.h"

/* Where the parts of the series begin, and how far the network sees: in days. */
typedef struct plan {
    int64_t days, validation, test;
    int64_t window, horizon;
} plan;

/* What `lag` days before each of the test days was measured: (N, 1). */
static tp_tensor *days_before(const plan *p, tp_tensor *values, int64_t lag) {
    return tp_narrow(values, 0, p->test - lag, p->days - p->test);
}

/* The last known value for each day of a forecast: every `horizon` days there is a new one. */
static tp_tensor *last_known(const plan *p, tp_tensor *values) {
    int64_t n = p->days - p->test;
    tp_tensor *day = tp_arange(0, (double)n, 1, TP_I64);
    tp_tensor *begin = tp_sub(day, tp_remainder_scalar(day, (double)p->horizon));
    return tp_index_select(values, 0, tp_add_scalar(begin, (double)(p->test - 1)));
}

/* Forecasts of the test days in degrees, (N, 1), by a network trained on the days before. NULL after an error. */
static tp_tensor *forecast(const plan *p, tp_tensor *values, long epochs) {
    tp_prepare *scale = tp_prepare_new(TP_STEPS({.kind = TP_PREPARE_STANDARDIZE}));
    if (tp_prepare_fit(scale, tp_narrow(values, 0, 0, p->validation)) != TP_OK) return NULL;
    tp_tensor *z = tp_to_dtype(tp_prepare_apply(scale, values), TP_F32), *said = NULL;
    tp_dataset *parts[] = {windows_of(z, 0, p->validation, p->window, p->horizon, 1),
                           windows_of(z, p->validation, p->test, p->window, p->horizon, 1),
                           windows_of(z, p->test, p->days, p->window, p->horizon, p->horizon)};
    tp_nn_recurrent_options order = {.batch_first = true};
    tp_module *net = tp_nn_sequential(TP_MODULES(tp_nn_lstm(1, 32, order), tp_module_new(&last_class),
                                                 tp_nn_linear(32, p->horizon, (tp_linear_options){0})));
    if (train_on(net, parts[0], parts[1], 2e-3, epochs) == TP_OK) {
        said = tp_to_dtype(tp_predict(net, parts[2], (tp_evaluate_options){0}), TP_F64);
        said = tp_prepare_inverse(scale, tp_reshape(said, TP_SHAPE(-1, 1)));
    }
    tp_module_free(net);
    for (int i = 0; i < 3; i++) tp_dataset_free(parts[i]);
    tp_prepare_free(scale);
    return said;
}

static tp_status run(const char *data, const char *svg, plan p, long epochs) {
    tp_table *table = tp_table_read_csv(data, (tp_csv_options){0});
    tp_tensor *values = table ? tp_table_tensor(table, TP_NAMES("temp_max"), TP_F64) : NULL;
    tp_table_free(table);
    if (!values) return tp_last_error().code;
    p.days = tp_tensor_size(values, 0);
    p.validation = p.days * 7 / 10;
    p.test = p.days * 85 / 100;
    p.days -= (p.days - p.test) % p.horizon; /* whole forecasts only */
    values = tp_narrow(values, 0, 0, p.days);

    tp_tensor *said = forecast(&p, values, epochs), *actual = days_before(&p, values, 0);
    if (!said) return tp_last_error().code;
    double error = rmse(said, actual), year = rmse(days_before(&p, values, 365), actual);
    printf("the last %d of %d days, %d at a time, from the %d before them. RMSE in degrees Celsius:\n",
           (int)(p.days - p.test), (int)p.days, (int)p.horizon, (int)p.window);
    printf("as a year before:   %.3f\nas the last known:  %.3f\nnetwork:            %.3f\n", year,
           rmse(last_known(&p, values), actual), error);
    tp_plot_options picture = {.title = "Highest temperature of the day in Seattle",
                               .x_label = "year",
                               .y_label = "degrees Celsius",
                               .first_x = 2012};
    tp_status status = svg ? draw_forecast(svg, picture, 1 / 365.25, values, said) : TP_OK;
    if (status != TP_OK || error < year) return status;
    return tp_error_set(TP_ERR_STATE, "series_lstm", "the forecast by the year before is better");
}

int main(int argc, char **argv) {
    const char *data = "examples/data/seattle-weather.csv", *svg = NULL;
    long window = 28, horizon = 7, epochs = 60, seed = 0;
    const arg list[] = {{"data", "table with a column temp_max", .text = &data},
                        {"window", "days the network sees", .integer = &window},
                        {"horizon", "days it forecasts", .integer = &horizon},
                        {"epochs", "passes over the training days, at most", .integer = &epochs},
                        {"seed", "chooses the first weights", .integer = &seed},
                        {"svg", "file for a picture of series and forecast", .text = &svg}};
    args_read(argc, argv, "Forecasts temperatures by an LSTM.", list, 6);
    if (window < 1 || horizon < 1) return fprintf(stderr, "window and horizon are at least 1 day\n"), 1;
    tp_scope *s = tp_scope_begin();
    tp_manual_seed((uint64_t)seed);
    tp_status status = run(data, svg, (plan){.window = window, .horizon = horizon}, epochs);
    if (status != TP_OK) fprintf(stderr, "%s\n", tp_last_error().message);
    tp_scope_end(s);
    tp_shutdown();
    return status == TP_OK ? 0 : 1;
}
