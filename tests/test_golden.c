/* taper against PyTorch: values and gradients of ops, modules and optimizers, from tests/golden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden.h"
#include "taper.h"

enum { MAX_IN = 8, MAX_OUT = 8 };

static int failures;

static void failed(const char *name, tp_dtype real, const char *what, int k, double error) {
    if (failures++ < 40)
        fprintf(stderr, "    %s, %s: %s %d is off by %.3g\n", name, tp_dtype_name(real), what, k, error);
}

static double tolerance(tp_dtype real) { return real == TP_F64 ? 1e-12 : 2e-5; }

static void compare(const char *name, tp_dtype real, const char *what, int k, const tp_tensor *got,
                    const tp_tensor *want) {
    double error = golden_error(got, want);
    if (!(error <= tolerance(real))) failed(name, real, what, k, error);
}

static void broken(const char *name, tp_dtype real) {
    failures++;
    tp_error error = tp_last_error();
    fprintf(stderr, "    %s, %s: %s\n", name, tp_dtype_name(real), error.code ? error.message : "unknown op");
}

/* Do all values fit F32, neither overflowing nor denormal? */
static bool fits_f32(const tp_tensor *t) {
    double values[4096];
    int64_t n = tp_tensor_numel(t);
    if (n > 4096 || tp_tensor_copy_out_f64(t, values, n) != TP_OK) return false;
    for (int64_t k = 0; k < n; k++) {
        double size = values[k] < 0 ? -values[k] : values[k];
        if (size != 0 && size < 1e300 && (size < 1e-37 || size > 1e37)) return false;
    }
    return true;
}

/* ---- ops ----------------------------------------------------------------------------------------------- */

typedef struct op_case {
    const golden *file;
    const char *name, *args;
    tp_dtype real;
    int n_in, n_out;
    tp_tensor *in[MAX_IN], *out[MAX_OUT];
} op_case;

/* False if the case says nothing in this dtype. */
static bool load_inputs(op_case *c) {
    for (int i = 0; i < MAX_IN; i++) {
        c->in[i] = golden_tensor(c->file, c->real, "%s/in%d", c->name, i);
        if (!c->in[i]) continue;
        c->n_in = i + 1;
        if (c->real == TP_F32 && !fits_f32(golden_tensor(c->file, TP_F64, "%s/in%d", c->name, i)))
            return false;
        if (golden_tensor(c->file, c->real, "%s/grad%d", c->name, i)) tp_set_requires_grad(c->in[i], true);
    }
    return true;
}

static void check_gradients(op_case *c) {
    tp_tensor *outputs[MAX_OUT], *seeds[MAX_OUT], *inputs[MAX_IN], *grads[MAX_IN];
    int n_out = 0, n_in = 0, place[MAX_IN];
    for (int k = 0; k < c->n_out; k++) {
        if (!tp_requires_grad(c->out[k])) continue;
        seeds[n_out] = golden_tensor(c->file, c->real, "%s/seed%d", c->name, n_out);
        outputs[n_out++] = c->out[k];
    }
    for (int i = 0; i < c->n_in; i++) {
        if (!c->in[i] || !tp_requires_grad(c->in[i])) continue;
        place[n_in] = i;
        inputs[n_in++] = c->in[i];
    }
    if (n_in == 0) return;
    if (tp_grad((tp_tensors){n_out, outputs}, (tp_tensors){n_in, inputs}, (tp_tensors){n_out, seeds}, grads,
                (tp_grad_options){0}) != TP_OK) {
        broken(c->name, c->real);
        return;
    }
    for (int i = 0; i < n_in; i++)
        compare(c->name, c->real, "gradient", place[i], grads[i],
                golden_tensor(c->file, c->real, "%s/grad%d", c->name, place[i]));
}

static void run_case(const golden *file, int number, tp_dtype real) {
    op_case c = {.file = file,
                 .name = golden_name(file, number),
                 .args = golden_args(file, number),
                 .real = real};
    if (!load_inputs(&c)) return;
    tp_error_clear();
    c.n_out = golden_run_op(c.args, c.in, c.n_in, c.out);
    if (c.n_out < 0) broken(c.name, real);
    for (int k = 0; k < c.n_out; k++) {
        if (!c.out[k]) {
            broken(c.name, real);
            return;
        }
        compare(c.name, real, "result", k, c.out[k], golden_tensor(file, real, "%s/out%d", c.name, k));
    }
    if (c.n_out > 0) check_gradients(&c);
}

static void run_file(const char *name) {
    golden *file = golden_open(name);
    failures = 0;
    assert_true(golden_count(file) > 0);
    for (int k = 0; k < golden_count(file); k++)
        for (int real = 0; real < 2; real++) {
            tp_scope *s = tp_scope_begin();
            run_case(file, k, real ? TP_F32 : TP_F64);
            tp_scope_end(s);
        }
    golden_close(file);
    assert_int_equal(failures, 0);
}

static void test_ops(void **state) {
    (void)state;
    run_file("ops");
}

static void test_convolutions(void **state) {
    (void)state;
    run_file("conv");
}

static void test_losses_and_norms(void **state) {
    (void)state;
    run_file("loss");
}

/* ---- modules ------------------------------------------------------------------------------------------- */

static tp_module *build(const char *net, tp_dtype real) {
    tp_linear_options linear = {.dtype = real}, bare = {.dtype = real, .no_bias = true};
    tp_nn_batch_norm_options norm = {.dtype = real};
    if (strcmp(net, "mlp") == 0)
        return tp_nn_sequential(TP_MODULES(tp_nn_linear(6, 5, linear), tp_nn_relu(),
                                           tp_nn_linear(5, 4, linear), tp_nn_tanh(),
                                           tp_nn_linear(4, 3, linear)));
    if (strcmp(net, "no_bias") == 0)
        return tp_nn_sequential(
            TP_MODULES(tp_nn_linear(6, 5, bare), tp_nn_gelu(), tp_nn_linear(5, 3, linear), tp_nn_softmax(1)));
    if (strcmp(net, "batch_norm_1d") == 0)
        return tp_nn_sequential(TP_MODULES(tp_nn_linear(6, 5, linear), tp_nn_batch_norm1d(5, norm),
                                           tp_nn_sigmoid(), tp_nn_linear(5, 3, linear)));
    if (strcmp(net, "cnn") == 0)
        return tp_nn_sequential(
            TP_MODULES(tp_nn_conv2d(1, 3, 3, 3, (tp_nn_conv2d_options){.padding = {1, 1}, .dtype = real}),
                       tp_nn_batch_norm2d(3, norm), tp_nn_relu(),
                       tp_nn_max_pool2d(2, 0, (tp_pool2d_options){0}),
                       tp_nn_conv2d(3, 4, 3, 3,
                                    (tp_nn_conv2d_options){
                                        .stride = {2}, .padding = {1, 1}, .no_bias = true, .dtype = real}),
                       tp_nn_relu(), tp_nn_avg_pool2d(2, 0, (tp_pool2d_options){0}), tp_nn_flatten(),
                       tp_nn_linear(4, 3, linear)));
    if (strcmp(net, "groups") == 0)
        return tp_nn_sequential(
            TP_MODULES(tp_nn_conv2d(4, 4, 3, 3,
                                    (tp_nn_conv2d_options){.groups = 2, .dilation = {2}, .dtype = real}),
                       tp_nn_flatten(), tp_nn_linear(36, 2, linear)));
    return NULL;
}

/* Loads "<case>/before/..." by PyTorch's names, all of them and nothing else. */
static void load_state(tp_module *m, const golden *file, const char *name, tp_dtype real) {
    tp_named_tensor items[32];
    tp_named_tensors state = {0, items};
    char prefix[128];
    size_t length = (size_t)snprintf(prefix, sizeof prefix, "%s/before/", name);
    for (int k = 0; k < golden_tensor_count(file); k++) {
        const char *full = golden_tensor_name(file, k);
        if (strncmp(full, prefix, length) != 0) continue;
        items[state.count++] = (tp_named_tensor){full + length, golden_tensor(file, real, "%s", full)};
    }
    assert_true(state.count > 0);
    if (tp_module_load_state(m, state, (tp_load_options){0}) != TP_OK) broken(name, real);
}

/* Compares every "<case>/<part>/..." with the tensor of that name, or with its gradient. */
static void compare_part(tp_module *m, const golden *file, const char *name, const char *part, bool grad,
                         tp_dtype real) {
    char prefix[128];
    size_t length = (size_t)snprintf(prefix, sizeof prefix, "%s/%s/", name, part);
    for (int k = 0; k < golden_tensor_count(file); k++) {
        const char *full = golden_tensor_name(file, k);
        if (strncmp(full, prefix, length) != 0) continue;
        tp_tensor *got = tp_module_find(m, full + length);
        if (grad) got = tp_tensor_grad(got);
        compare(full, real, part, 0, got, golden_tensor(file, real, "%s", full));
    }
}

static void run_module(const golden *file, int number, tp_dtype real) {
    const char *name = golden_name(file, number), *args = golden_args(file, number);
    char net[64];
    snprintf(net, sizeof net, "%s", args_text(args, "net"));
    tp_module *m = build(net, real);
    assert_non_null(m);
    load_state(m, file, name, real);
    tp_status status = args_number(args, "training", 0) != 0 ? tp_module_train(m) : tp_module_eval(m);
    assert_int_equal(status, TP_OK);
    tp_tensor *x = golden_tensor(file, real, "%s/in0", name);
    tp_set_requires_grad(x, true);
    tp_tensor *y = tp_forward(m, x);
    compare(name, real, "result", 0, y, golden_tensor(file, real, "%s/out0", name));
    tp_backward_options options = {.grad = golden_tensor(file, real, "%s/seed0", name)};
    if (tp_backward_with(y, options) != TP_OK) broken(name, real);
    compare(name, real, "gradient of the input", 0, tp_tensor_grad(x),
            golden_tensor(file, real, "%s/grad0", name));
    compare_part(m, file, name, "grad", true, real);
    compare_part(m, file, name, "after", false, real);
    tp_module_free(m);
}

static void test_modules(void **state) {
    (void)state;
    golden *file = golden_open("modules");
    failures = 0;
    for (int k = 0; k < golden_count(file); k++)
        for (int real = 0; real < 2; real++) {
            tp_scope *s = tp_scope_begin();
            run_module(file, k, real ? TP_F32 : TP_F64);
            tp_scope_end(s);
        }
    golden_close(file);
    assert_int_equal(failures, 0);
}

/* ---- optimizers ---------------------------------------------------------------------------------------- */

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
            if (!(error <= tol)) failed(name, real, "parameters after step", step, error);
        }
    }
    tp_optim_free(optim);
}

static void test_optimizers(void **state) {
    (void)state;
    golden *file = golden_open("optim");
    failures = 0;
    for (int k = 0; k < golden_count(file); k++)
        for (int real = 0; real < 2; real++) {
            tp_scope *s = tp_scope_begin();
            run_optimizer(file, k, real ? TP_F32 : TP_F64);
            tp_scope_end(s);
        }
    golden_close(file);
    assert_int_equal(failures, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ops),
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_losses_and_norms),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_optimizers),
    };
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
