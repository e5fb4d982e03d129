/* Golden cases: 20 steps of each optimizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden.h"
#include "taper.h"

/* An option as it stands in the case: a zero that is given is one, what is not given is the default. */
static double option(const char *args, const char *key) {
    double value = args_number(args, key, 0);
    return value == 0 && args_text(args, key)[0] != 0 ? TP_ZERO : value;
}

static bool flag(const char *args, const char *key) { return args_number(args, key, 0) != 0; }

static tp_optim *make_sgd(const char *args, tp_tensors params, double lr) {
    return tp_optim_sgd(params, lr,
                        (tp_sgd_options){.momentum = args_number(args, "momentum", 0),
                                         .dampening = args_number(args, "dampening", 0),
                                         .weight_decay = args_number(args, "weight_decay", 0),
                                         .nesterov = flag(args, "nesterov"),
                                         .maximize = flag(args, "maximize")});
}

static tp_optim *make_adam(const char *args, tp_tensors params, double lr) {
    double betas[2] = {0, 0};
    args_numbers(args, "betas", betas, 2);
    tp_adam_options options = {.beta1 = betas[0],
                               .beta2 = betas[1],
                               .eps = option(args, "eps"),
                               .weight_decay = option(args, "weight_decay"),
                               .amsgrad = flag(args, "amsgrad"),
                               .maximize = flag(args, "maximize")};
    bool adamw = strcmp(args_text(args, "op"), "adamw") == 0;
    return adamw ? tp_optim_adamw(params, lr, options) : tp_optim_adam(params, lr, options);
}

static tp_optim *make_nadam(const char *args, tp_tensors params, double lr) {
    double betas[2] = {0, 0};
    args_numbers(args, "betas", betas, 2);
    return tp_optim_nadam(params, lr,
                          (tp_nadam_options){.beta1 = betas[0],
                                             .beta2 = betas[1],
                                             .eps = option(args, "eps"),
                                             .weight_decay = args_number(args, "weight_decay", 0),
                                             .momentum_decay = option(args, "momentum_decay"),
                                             .decoupled_weight_decay = flag(args, "decoupled_weight_decay"),
                                             .maximize = flag(args, "maximize")});
}

static tp_optim *make_radam(const char *args, tp_tensors params, double lr) {
    double betas[2] = {0, 0};
    args_numbers(args, "betas", betas, 2);
    return tp_optim_radam(params, lr,
                          (tp_radam_options){.beta1 = betas[0],
                                             .beta2 = betas[1],
                                             .eps = option(args, "eps"),
                                             .weight_decay = args_number(args, "weight_decay", 0),
                                             .decoupled_weight_decay = flag(args, "decoupled_weight_decay"),
                                             .maximize = flag(args, "maximize")});
}

static tp_optim *make_rmsprop(const char *args, tp_tensors params, double lr) {
    return tp_optim_rmsprop(params, lr,
                            (tp_rmsprop_options){.alpha = option(args, "alpha"),
                                                 .eps = option(args, "eps"),
                                                 .weight_decay = args_number(args, "weight_decay", 0),
                                                 .momentum = args_number(args, "momentum", 0),
                                                 .centered = flag(args, "centered"),
                                                 .maximize = flag(args, "maximize")});
}

static tp_optim *make_adagrad(const char *args, tp_tensors params, double lr) {
    double initial = args_number(args, "initial_accumulator_value", 0);
    return tp_optim_adagrad(params, lr,
                            (tp_adagrad_options){.lr_decay = args_number(args, "lr_decay", 0),
                                                 .weight_decay = args_number(args, "weight_decay", 0),
                                                 .initial_accumulator_value = initial,
                                                 .eps = option(args, "eps"),
                                                 .maximize = flag(args, "maximize")});
}

static tp_optim *make_lbfgs(const char *args, tp_tensors params, double lr) {
    return tp_optim_lbfgs(params, lr,
                          (tp_lbfgs_options){.max_iter = (int)args_number(args, "max_iter", 0),
                                             .max_eval = (int)args_number(args, "max_eval", 0),
                                             .history_size = (int)args_number(args, "history_size", 0),
                                             .strong_wolfe = flag(args, "strong_wolfe")});
}

static tp_optim *make_optimizer(const char *args, tp_tensors params) {
    static const struct {
        const char *op;
        tp_optim *(*make)(const char *args, tp_tensors params, double lr);
    } makers[] = {{"sgd", make_sgd},         {"adam", make_adam},   {"adamw", make_adam},
                  {"nadam", make_nadam},     {"radam", make_radam}, {"rmsprop", make_rmsprop},
                  {"adagrad", make_adagrad}, {"lbfgs", make_lbfgs}};
    const char *op = args_text(args, "op");
    for (size_t k = 0; k < sizeof makers / sizeof makers[0]; k++)
        if (strcmp(makers[k].op, op) == 0) return makers[k].make(args, params, args_number(args, "lr", 0));
    return NULL;
}

/* sum (a^2 - 1)^2 / 2 + sum_i i (b_i - 0.3)^2 + sum a sum b / 10 */
static tp_tensor *loss(void *context) {
    tp_tensor *const *params = context, *a = params[0], *b = params[1];
    tp_tensor *weights = TP_F64_TENSOR(TP_SHAPE(5), 1, 2, 3, 4, 5);
    tp_tensor *first = tp_mul_scalar(tp_sum(tp_square(tp_sub_scalar(tp_square(a), 1))), 0.5);
    tp_tensor *second = tp_sum(tp_mul(tp_square(tp_sub_scalar(b, 0.3)), weights));
    return tp_add(tp_add(first, second), tp_mul(tp_mul_scalar(tp_sum(a), 0.1), tp_sum(b)));
}

static void take_step(tp_optim *optim, bool by_loss, int step, tp_tensor **params, tp_tensor *const *grads) {
    if (by_loss) {
        assert_int_equal(tp_optim_step_closure(optim, loss, params, NULL), TP_OK);
        return;
    }
    for (int k = 0; k < 2; k++)
        assert_int_equal(tp_tensor_set_grad(params[k], tp_clone(tp_select(grads[k], 0, step - 1))), TP_OK);
    assert_int_equal(tp_optim_step(optim), TP_OK);
}

static void run_optimizer(const golden *file, int number, tp_dtype real) {
    const char *name = golden_name(file, number), *tag = real == TP_F64 ? "f64" : "f32";
    bool by_loss = strcmp(args_text(golden_args(file, number), "op"), "lbfgs") == 0;
    double tol = real == TP_F64 ? 1e-12 : 1e-6;
    tp_tensor *params[2], *grads[2];
    if (by_loss && real == TP_F32) return;
    for (int k = 0; k < 2; k++) {
        params[k] = tp_set_requires_grad(golden_tensor(file, real, "start%d", k), true);
        grads[k] = golden_tensor(file, real, "grads%d", k);
    }
    tp_optim *optim = make_optimizer(golden_args(file, number), (tp_tensors){2, params});
    assert_non_null(optim);
    for (int step = 1; step <= 20; step++) {
        take_step(optim, by_loss, step, params, grads);
        if (step != 1 && step != 5 && step != 20) continue;
        for (int k = 0; k < 2; k++) {
            double error =
                golden_error(params[k], golden_tensor(file, real, "%s/%s/%d/%d", name, tag, step, k));
            if (!(error <= tol)) golden_failed(name, real, "parameters after step", step, error);
        }
    }
    tp_optim_free(optim);
}

void golden_check_optimizers(void) {
    golden *file = golden_open("optim");
    golden_failures = 0;
    for (int k = 0; k < golden_count(file); k++)
        for (int real = 0; real < 2; real++) {
            tp_scope *s = tp_scope_begin();
            run_optimizer(file, k, real ? TP_F32 : TP_F64);
            tp_scope_end(s);
        }
    golden_close(file);
    assert_int_equal(golden_failures, 0);
}
