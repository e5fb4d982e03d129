/* Golden cases: the learning rates of 70 steps of each schedule. Half way a second optimizer takes over from the saved state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "optim/optim.h"
#include "support/golden.h"
#include "taper.h"

enum { LR_STEPS = 70, LR_RESUME = 33 };

static bool lr_flag(const char *args, const char *key) { return args_number(args, key, 0) != 0; }

static tp_lr *make_one_cycle(const char *args, tp_optim *o) {
    return tp_lr_one_cycle(o, args_number(args, "max_lr", 0), (int64_t)args_number(args, "total_steps", 0),
                           (tp_one_cycle_options){
                               .pct_start = args_number(args, "pct_start", 0),
                               .linear = lr_flag(args, "linear"),
                               .three_phase = lr_flag(args, "three_phase"),
                               .div_factor = args_number(args, "div_factor", 0),
                               .final_div_factor = args_number(args, "final_div_factor", 0),
                               .no_cycle_momentum = lr_flag(args, "no_cycle_momentum"),
                               .base_momentum = args_number(args, "base_momentum", 0),
                               .max_momentum = args_number(args, "max_momentum", 0),
                           });
}

static tp_lr *make_plateau(const char *args, tp_optim *o) {
    return tp_lr_plateau(o, (tp_plateau_options){
                                .maximize = lr_flag(args, "maximize"),
                                .factor = args_number(args, "factor", 0),
                                .patience = (int)args_number(args, "patience", 0),
                                .threshold = args_number(args, "threshold", 0),
                                .absolute = lr_flag(args, "absolute"),
                                .cooldown = (int)args_number(args, "cooldown", 0),
                                .min_lr = args_number(args, "min_lr", 0),
                                .eps = args_number(args, "eps", 0),
                            });
}

static tp_lr *make_of_parts(const char *op, tp_optim *o) {
    tp_lr *parts[3];
    if (strcmp(op, "sequence") == 0) {
        parts[0] = tp_lr_linear(o, 0.1, 1, 8);
        parts[1] = tp_lr_cosine(o, 50, 0.001);
        return tp_lr_sequential(parts, 2, (const int64_t[]){8});
    }
    if (strcmp(op, "sequence_of_three") == 0) {
        parts[0] = tp_lr_exponential(o, 0.9);
        parts[1] = tp_lr_step(o, 4, 0.5);
        parts[2] = tp_lr_cosine_restarts(o, 6, 2, 0);
        return tp_lr_sequential(parts, 3, (const int64_t[]){12, 33});
    }
    parts[0] = tp_lr_linear(o, 0.2, 1, 10);
    parts[1] = strcmp(op, "chain") == 0 ? tp_lr_exponential(o, 0.97) : tp_lr_cosine(o, 40, 0.001);
    return tp_lr_chained(parts, 2);
}

static tp_lr *make_schedule(const char *args, tp_optim *o) {
    const char *op = args_text(args, "op");
    double gamma = args_number(args, "gamma", 0), eta_min = args_number(args, "eta_min", 0), numbers[8];
    int64_t milestones[8];
    if (strcmp(op, "step") == 0) return tp_lr_step(o, (int64_t)args_number(args, "step_size", 0), gamma);
    op = args_text(args, "op");
    if (strcmp(op, "multi_step") == 0) {
        int count = args_numbers(args, "milestones", numbers, 8);
        for (int i = 0; i < count; i++) milestones[i] = (int64_t)numbers[i];
        return tp_lr_multi_step(o, milestones, count, gamma);
    }
    if (strcmp(op, "exponential") == 0) return tp_lr_exponential(o, gamma);
    if (strcmp(op, "cosine") == 0) return tp_lr_cosine(o, (int64_t)args_number(args, "T_max", 0), eta_min);
    if (strcmp(op, "restarts") == 0)
        return tp_lr_cosine_restarts(o, (int64_t)args_number(args, "T_0", 0),
                                     (int64_t)args_number(args, "T_mult", 0), eta_min);
    if (strcmp(op, "linear") == 0)
        return tp_lr_linear(o, args_number(args, "start_factor", 0), args_number(args, "end_factor", 0),
                            (int64_t)args_number(args, "total_iters", 0));
    if (strcmp(op, "one_cycle") == 0) return make_one_cycle(args, o);
    return strcmp(op, "plateau") == 0 ? make_plateau(args, o) : make_of_parts(op, o);
}

static tp_optim *make_groups(bool adam) {
    tp_tensor *a = tp_zeros(TP_SHAPE(2), TP_F32), *b = tp_zeros(TP_SHAPE(2), TP_F32);
    tp_optim *o = adam ? tp_optim_adam(TP_TENSORS(a), 0.1, (tp_adam_options){0})
                       : tp_optim_sgd(TP_TENSORS(a), 0.1, (tp_sgd_options){.momentum = 0.9});
    assert_int_equal(tp_optim_add_group(o, TP_TENSORS(b), (tp_group_options){.lr = 0.03}), 1);
    return o;
}

static double apart(double got, double want) {
    double difference = got > want ? got - want : want - got;
    return difference / (want > 0 ? want : 1e-3);
}

static void run_schedule(const golden *file, int number, bool adam) {
    const char *name = golden_name(file, number);
    tp_tensor *rates = golden_tensor(file, TP_F64, "%s/%s", name, adam ? "adam" : "sgd");
    tp_tensor *metric = golden_tensor(file, TP_F64, "metric");
    tp_optim *o[2] = {make_groups(adam), make_groups(adam)};
    tp_lr *lr[2];
    for (int k = 0; k < 2; k++) lr[k] = make_schedule(golden_args(file, number), o[k]);
    assert_non_null(rates);
    assert_non_null(lr[0]);
    double error = 0;
    for (int t = 0; t < LR_STEPS; t++) {
        int k = t >= LR_RESUME;
        if (t == LR_RESUME) assert_int_equal(tp_lr_load_state(lr[1], tp_lr_state(lr[0])), TP_OK);
        for (int group = 0; group < 2; group++) {
            double now = apart(tp_optim_lr(o[k], group), tp_tensor_at(rates, TP_SHAPE(t, group)));
            if (!(now <= error)) error = now;
        }
        double now =
            apart(adam ? o[k]->hyper.beta1 : o[k]->hyper.momentum, tp_tensor_at(rates, TP_SHAPE(t, 2)));
        if (!(now <= error)) error = now;
        assert_int_equal(tp_lr_report(lr[k], tp_tensor_at(metric, TP_SHAPE(t))), TP_OK);
    }
    if (!(error <= 1e-12)) golden_failed(name, TP_F64, "rates", 0, error);
    for (int k = 0; k < 2; k++) {
        tp_lr_free(lr[k]);
        tp_optim_free(o[k]);
    }
}

void golden_check_schedules(void) {
    golden *file = golden_open("lr");
    golden_failures = 0;
    for (int k = 0; k < 2 * golden_count(file); k++) {
        tp_scope *s = tp_scope_begin();
        run_schedule(file, k / 2, k % 2);
        tp_scope_end(s);
    }
    golden_close(file);
    assert_int_equal(golden_failures, 0);
}
