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

static tp_optim *make_optimizer(const char *args, tp_tensors params) {
    double lr = args_number(args, "lr", 0), betas[2] = {0, 0};
    double decay = args_number(args, "weight_decay", 0);
    if (strcmp(args_text(args, "op"), "sgd") == 0)
        return tp_optim_sgd(params, lr,
                            (tp_sgd_options){.momentum = args_number(args, "momentum", 0),
                                             .dampening = args_number(args, "dampening", 0),
                                             .weight_decay = decay,
                                             .nesterov = args_number(args, "nesterov", 0) != 0,
                                             .maximize = args_number(args, "maximize", 0) != 0});
    args_numbers(args, "betas", betas, 2);
    bool given = args_text(args, "weight_decay")[0] != 0;
    tp_adam_options options = {.beta1 = betas[0],
                               .beta2 = betas[1],
                               .eps = args_number(args, "eps", 0),
                               .weight_decay = given && decay == 0 ? TP_ZERO : decay,
                               .amsgrad = args_number(args, "amsgrad", 0) != 0,
                               .maximize = args_number(args, "maximize", 0) != 0};
    bool adamw = strcmp(args_text(args, "op"), "adamw") == 0;
    return adamw ? tp_optim_adamw(params, lr, options) : tp_optim_adam(params, lr, options);
}

static void run_optimizer(const golden *file, int number, tp_dtype real) {
    const char *name = golden_name(file, number), *tag = real == TP_F64 ? "f64" : "f32";
    double tol = real == TP_F64 ? 1e-12 : 1e-6;
    tp_tensor *params[2], *grads[2];
    for (int k = 0; k < 2; k++) {
        params[k] = tp_set_requires_grad(golden_tensor(file, real, "start%d", k), true);
        grads[k] = golden_tensor(file, real, "grads%d", k);
    }
    tp_optim *optim = make_optimizer(golden_args(file, number), (tp_tensors){2, params});
    assert_non_null(optim);
    for (int step = 1; step <= 20; step++) {
        for (int k = 0; k < 2; k++)
            assert_int_equal(tp_tensor_set_grad(params[k], tp_clone(tp_select(grads[k], 0, step - 1))),
                             TP_OK);
        assert_int_equal(tp_optim_step(optim), TP_OK);
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
