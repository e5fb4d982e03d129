/* Running a model over a dataset: tp_evaluate(), tp_predict(), and the part of tp_fit() that is the same. */
#include <math.h>

#include "ops/ops.h"
#include "taper/autograd.h"
#include "train/train.h"

tp_status tp__failed(void) {
    tp__error_repend();
    return tp_last_error().code;
}

static tp_tensor *runner_predict(const tp__runner *runner, const tp_batch *batch, int inputs) {
    if (runner->predict) return runner->predict(runner->predict_context, runner->net, batch);
    if (inputs == 1) return tp_forward(runner->net, batch->items[0]);
    return tp_forward_all(runner->net, (tp_tensors){inputs, batch->items});
}

/* A sample of one item is both input and target, as an autoencoder's. */
static int runner_inputs(const tp_batch *batch) { return batch->count > 1 ? batch->count - 1 : 1; }

static tp_tensor *runner_target(const tp_batch *batch) { return batch->items[batch->count - 1]; }

tp_status tp__runner_run(const tp__runner *runner, const tp_batch *batch, tp_tensor **prediction,
                         tp_tensor **loss) {
    *loss = NULL;
    *prediction = runner_predict(runner, batch, runner_inputs(batch));
    if (!*prediction)
        return tp__error_pending() ? tp__failed()
                                   : tp__error(TP_ERR_NULL, runner->op, "the prediction is NULL");
    if (!runner->loss) return TP_OK;
    *loss = runner->loss(runner->loss_context, *prediction, runner_target(batch));
    if (!*loss)
        return tp__error_pending() ? tp__failed() : tp__error(TP_ERR_NULL, runner->op, "the loss is NULL");
    if ((*loss)->numel == 1) return TP_OK;
    return tp__error(TP_ERR_SHAPE, runner->op, "the loss is %s, not one number",
                     tp__shape_text((*loss)->shape));
}

tp_status tp__runner_count(const tp__runner *runner, const tp_batch *batch, tp_tensor *prediction) {
    for (int i = 0; i < runner->metrics.count; i++)
        TP_TRY(tp_metric_update(runner->metrics.items[i], prediction, runner_target(batch)));
    return TP_OK;
}

static tp_status runner_batch(const tp__runner *runner, const tp_batch *batch, double *sum) {
    tp_scope *s = tp_scope_begin();
    if (!s) return TP_ERR_MEMORY;
    tp_no_grad_begin();
    tp_tensor *prediction, *loss;
    tp_status status = tp__runner_run(runner, batch, &prediction, &loss);
    if (status == TP_OK) status = tp__runner_count(runner, batch, prediction);
    if (status == TP_OK && loss) *sum += tp_tensor_item(loss) * (double)batch->size;
    tp_scope_end(s);
    return status;
}

tp_status tp__runner_evaluate(const tp__runner *runner, tp_loader *loader, double *loss) {
    for (int i = 0; i < runner->metrics.count; i++) TP_TRY(tp_metric_reset(runner->metrics.items[i]));
    bool *modes = tp__modes_eval(runner->op, runner->net);
    if (!modes) return TP_ERR_MEMORY;
    double sum = 0;
    int64_t samples = 0;
    tp_status status = TP_OK;
    tp_batch batch;
    while (status == TP_OK && tp_loader_next(loader, &batch)) {
        status = runner_batch(runner, &batch, &sum);
        samples += batch.size;
    }
    if (status == TP_OK) status = tp_loader_status(loader);
    tp__modes_restore(runner->net, modes);
    if (status == TP_OK && samples == 0)
        status = tp__error(TP_ERR_ARGUMENT, runner->op, "there are no samples");
    if (status == TP_OK) *loss = sum / (double)samples;
    return status;
}

tp_status tp__check_metrics(const char *op, const char *argument, tp_metrics metrics) {
    TP_TRY(tp__check_list(op, argument, metrics.count, metrics.items));
    for (int i = 0; i < metrics.count; i++)
        if (!metrics.items[i]) return tp__error_null(op, argument);
    return TP_OK;
}

/* ---- the public ones --------------------------------------------------------------------------------- */

/* The loader of the options; NULL with a record. */
static tp_loader *evaluate_loader(const char *op, tp_module *net, tp_dataset *data,
                                  const tp_evaluate_options *options) {
    TP_REQUIRE(net, op);
    TP_REQUIRE(data, op);
    if (options->batch_size < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "the batch size is %lld", (long long)options->batch_size);
    TP_TRY_NULL(tp__check_metrics(op, "options.metrics", options->metrics));
    /* They may be those of the training: here it is all samples, in order. */
    tp_loader_options loader = options->loader;
    loader.shuffle = loader.drop_last = false;
    loader.weights = loader.strata = NULL;
    loader.draws = 0;
    return tp_loader_new(data, options->batch_size ? options->batch_size : 32, loader);
}

static tp__runner evaluate_runner(const char *op, tp_module *net, const tp_evaluate_options *options) {
    return (tp__runner){op,
                        net,
                        options->loss,
                        options->loss_context,
                        options->predict,
                        options->predict_context,
                        options->metrics};
}

double tp_evaluate(tp_module *net, tp_dataset *data, tp_evaluate_options options) {
    tp_loader *loader = evaluate_loader("evaluate", net, data, &options);
    if (!loader) return NAN;
    tp__runner runner = evaluate_runner("evaluate", net, &options);
    double loss = NAN;
    tp_status status = tp__runner_evaluate(&runner, loader, &loss);
    tp_loader_free(loader);
    if (status == TP_OK) return loss;
    tp__error_repend();
    return NAN;
}

/* Predicts batch after batch into parts[], which has room for all. */
static tp_status predict_all(const tp__runner *runner, tp_loader *loader, tp_tensor **parts, int *count) {
    tp_batch batch;
    while (tp_loader_next(loader, &batch)) {
        tp_scope *s = tp_scope_begin();
        if (!s) return TP_ERR_MEMORY;
        tp_no_grad_begin();
        tp_tensor *prediction = runner_predict(runner, &batch, runner_inputs(&batch));
        bool there = prediction != NULL;
        if (!there && !tp__error_pending()) tp__error(TP_ERR_NULL, runner->op, "the prediction is NULL");
        parts[*count] = tp_scope_return(s, prediction);
        if (!there) return tp__failed();
        ++*count;
    }
    return tp_loader_status(loader);
}

static tp_tensor *predict_parts(const tp__runner *runner, tp_loader *loader) {
    const char *op = runner->op;
    int64_t batches = tp_loader_batches(loader);
    if (batches == 0) TP_FAIL(TP_ERR_ARGUMENT, op, "there are no samples");
    if (batches > INT32_MAX) TP_FAIL(TP_ERR_ARGUMENT, op, "%lld batches are too many", (long long)batches);
    tp_scope *s = tp_scope_begin();
    tp_tensor **parts = s ? tp__alloc((size_t)batches * sizeof *parts) : NULL;
    bool *modes = parts ? tp__modes_eval(op, runner->net) : NULL;
    tp_tensor *all = NULL;
    int count = 0;
    if (modes) {
        tp_no_grad_begin();
        tp_status status = predict_all(runner, loader, parts, &count);
        if (status == TP_OK) all = tp_cat((tp_tensors){count, parts}, 0);
        else tp__error_repend();
        tp__modes_restore(runner->net, modes);
    } else if (!parts) {
        tp__error_memory(op, (size_t)batches * sizeof *parts);
    }
    tp__free(parts);
    return tp_scope_return(s, all);
}

tp_tensor *tp_predict(tp_module *net, tp_dataset *data, tp_evaluate_options options) {
    tp_loader *loader = evaluate_loader("predict", net, data, &options);
    if (!loader) return NULL;
    tp__runner runner = evaluate_runner("predict", net, &options);
    tp_tensor *result = predict_parts(&runner, loader);
    tp_loader_free(loader);
    return result;
}
