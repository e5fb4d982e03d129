/* Learning to learn: model-agnostic meta-learning (Finn et al. 2017) on sine waves.
 *
 * A task is a sine of random amplitude and phase, of which ten points are given. The network is not trained on a task but
 * for being quickly trainable: its loss is what remains after one step of SGD on the ten points, taken as a function
 * (tp_optim_step_functional), so that the gradient flows through the step, to the initial weights and to the step's
 * learning rate too. At the end, one step on a new sine must leave much less than before it.
 *
 *     maml [--iterations N] [--seed N] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taper.h"

enum { TASKS = 8, SHOTS = 10, PARAMETERS = 6 };

/* Ten points of a sine to learn from, and ten to be judged by: (SHOTS, 1) each. */
typedef struct task {
    tp_tensor *x, *y, *x_new, *y_new;
} task;

static task draw_task(void) {
    double amplitude = 0.1 + 4.9 * tp_generator_uniform(NULL),
           phase = 3.14159265 * tp_generator_uniform(NULL);
    tp_tensor *x = tp_sub_scalar(tp_mul_scalar(tp_rand(TP_SHAPE(2 * SHOTS, 1), TP_F32, NULL), 10), 5);
    tp_tensor *y = tp_mul_scalar(tp_sin(tp_add_scalar(x, phase)), amplitude);
    return (task){tp_narrow(x, 0, 0, SHOTS), tp_narrow(y, 0, 0, SHOTS), tp_narrow(x, 0, SHOTS, SHOTS),
                  tp_narrow(y, 0, SHOTS, SHOTS)};
}

/* The loss on the new points before and after one step on the given ones; both keep their graphs. */
static tp_status adapt(tp_module *net, const tp_optim *inner, tp_tensor *log_lr, task t, tp_tensor **before,
                       tp_tensor **after) {
    tp_tensors params = tp_module_parameters(net);
    tp_tensor *grads[PARAMETERS], *moved[PARAMETERS];
    *before = tp_mse_loss(tp_forward(net, t.x_new), t.y_new, TP_MEAN);
    tp_tensor *loss = tp_mse_loss(tp_forward(net, t.x), t.y, TP_MEAN);
    tp_status status =
        tp_grad(TP_TENSORS(loss), params, (tp_tensors){0}, grads, (tp_grad_options){.create_graph = true});
    if (status == TP_OK)
        status = tp_optim_step_functional(inner, params, (tp_tensors){PARAMETERS, grads}, (tp_tensors){0},
                                          tp_exp(log_lr), moved, NULL);
    if (status != TP_OK) return status;
    tp_tensor *y = tp_functional_call(net, (tp_tensors){PARAMETERS, moved}, t.x_new);
    *after = tp_mse_loss(y, t.y_new, TP_MEAN);
    return *after ? TP_OK : tp_last_error().code;
}

/* One meta-step: the mean loss after adaptation, over a few tasks. */
static tp_status train(tp_module *net, const tp_optim *inner, tp_optim *outer, tp_tensor *log_lr) {
    tp_scope *s = tp_scope_begin();
    tp_tensor *total = tp_scalar(0, TP_F32), *before, *after;
    tp_status status = TP_OK;
    for (int k = 0; k < TASKS && status == TP_OK; k++) {
        status = adapt(net, inner, log_lr, draw_task(), &before, &after);
        if (status == TP_OK) total = tp_add(total, tp_div_scalar(after, TASKS));
    }
    if (status == TP_OK) status = tp_optim_zero_grad(outer);
    if (status == TP_OK) status = tp_backward(total);
    if (status == TP_OK) status = tp_optim_step(outer);
    tp_scope_end(s);
    return status;
}

static tp_status judge(tp_module *net, const tp_optim *inner, tp_tensor *log_lr, double *before,
                       double *after) {
    const int count = 100;
    *before = *after = 0;
    for (int k = 0; k < count; k++) {
        tp_scope *s = tp_scope_begin();
        tp_tensor *a, *b;
        tp_status status = adapt(net, inner, log_lr, draw_task(), &a, &b);
        if (status == TP_OK) {
            *before += tp_tensor_item(a) / count;
            *after += tp_tensor_item(b) / count;
        }
        tp_scope_end(s);
        if (status != TP_OK) return status;
    }
    return TP_OK;
}

static int usage(FILE *file, int code) {
    fprintf(file,
            "usage: maml [--iterations N] [--seed N]\n"
            "Meta-learns sine waves: after N (1500) iterations one step on ten points must fit a new one.\n");
    return code;
}

int main(int argc, char **argv) {
    int iterations = 1500, seed = 1;
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) return usage(stdout, 0);
        int *value = strcmp(argv[i], "--iterations") == 0 ? &iterations
                     : strcmp(argv[i], "--seed") == 0     ? &seed
                                                          : NULL;
        if (!value || i + 1 == argc) return usage(stderr, 2);
        *value = atoi(argv[i + 1]);
    }
    tp_manual_seed((uint64_t)seed);
    tp_module *net = tp_nn_sequential(TP_MODULES(tp_nn_linear(1, 40, (tp_linear_options){0}), tp_nn_relu(),
                                                 tp_nn_linear(40, 40, (tp_linear_options){0}), tp_nn_relu(),
                                                 tp_nn_linear(40, 1, (tp_linear_options){0})));
    tp_tensor *log_lr = tp_set_requires_grad(tp_scalar(log(0.01), TP_F32), true);
    tp_optim *inner = tp_optim_sgd(tp_module_parameters(net), 0, (tp_sgd_options){0});
    tp_optim *outer = tp_optim_adam(tp_module_parameters(net), 1e-3, (tp_adam_options){0});
    tp_status status = tp_optim_add_group(outer, TP_TENSORS(log_lr), (tp_group_options){0}) < 0
                           ? tp_last_error().code
                           : TP_OK;
    for (int i = 0; i < iterations && status == TP_OK; i++) status = train(net, inner, outer, log_lr);
    double before = 0, after = 0;
    if (status == TP_OK) status = judge(net, inner, log_lr, &before, &after);
    if (status == TP_OK)
        printf("mean squared error on 100 new sines: %.3f before a step, %.3f after it; learned rate %.4f\n",
               before, after, exp(tp_tensor_item(log_lr)));
    else fprintf(stderr, "%s\n", tp_last_error().message);
    tp_optim_free(outer);
    tp_optim_free(inner);
    tp_module_free(net);
    tp_shutdown();
    return status == TP_OK && (iterations < 1000 || after < before / 2) ? 0 : 1;
}
