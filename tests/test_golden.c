/* taper against PyTorch: values and gradients of ops, modules and optimizers, from tests/golden.
 *
 *     test_golden            all
 *     test_golden conv       one family of ops, or modules, optim or lr */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_op.h"

enum { MAX_IN = 24, MAX_OUT = 8 };

#define DECLARE_FAMILY(family) extern const golden_family golden_##family;
GOLDEN_FAMILIES(DECLARE_FAMILY)
#undef DECLARE_FAMILY

static const golden_family *const families[] = {
#define NAME_FAMILY(family) &golden_##family,
    GOLDEN_FAMILIES(NAME_FAMILY)
#undef NAME_FAMILY
};
enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

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
    const golden_row *row;
    const char *name, *args;
    tp_dtype real;
    double tol;
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
        golden_broken(c->name, c->real);
        return;
    }
    for (int i = 0; i < n_in; i++)
        golden_compare(c->name, c->real, "gradient", place[i], grads[i],
                       golden_tensor(c->file, c->real, "%s/grad%d", c->name, place[i]), c->tol);
}

static const golden_row *find_row(const golden_family *family, const char *op) {
    for (int k = 0; k < family->count; k++)
        if (strcmp(family->rows[k].op, op) == 0) return &family->rows[k];
    return NULL;
}

static void run_case(const golden_family *family, const golden *file, int number, tp_dtype real) {
    op_case c = {.file = file,
                 .name = golden_name(file, number),
                 .args = golden_args(file, number),
                 .real = real};
    c.row = find_row(family, args_text(c.args, "op"));
    if (!c.row) golden_broken(c.name, real);
    if (!c.row || !load_inputs(&c)) return;
    double given = real == TP_F64 ? c.row->tol : c.row->tol_f32;
    c.tol = given > 0 ? given : golden_tolerance(real);
    tp_error_clear();
    golden_call call = {c.args, c.in, c.n_in, c.out};
    c.n_out = c.row->run(&call);
    for (int k = 0; k < c.n_out; k++) {
        if (!c.out[k]) {
            golden_broken(c.name, real);
            return;
        }
        golden_compare(c.name, real, "result", k, c.out[k], golden_tensor(file, real, "%s/out%d", c.name, k),
                       c.tol);
    }
    if (c.n_out > 0) check_gradients(&c);
}

static void test_family(void **state) {
    const golden_family *family = *state;
#if !TP_HAVE_LAPACK
    if (strcmp(family->name, "decompose") == 0) return; /* they are errors: errors/decompose.def */
#endif
    golden *file = golden_open(family->name);
    golden_failures = 0;
    assert_true(golden_count(file) > 0);
    for (int k = 0; k < golden_count(file); k++)
        for (int real = 0; real < 2; real++) {
            tp_scope *s = tp_scope_begin();
            run_case(family, file, k, real ? TP_F32 : TP_F64);
            tp_scope_end(s);
        }
    golden_close(file);
    assert_int_equal(golden_failures, 0);
}

static void test_modules(void **state) {
    (void)state;
    golden_check_modules();
}

static void test_optimizers(void **state) {
    (void)state;
    golden_check_optimizers();
}

static void test_schedules(void **state) {
    (void)state;
    golden_check_schedules();
}

int main(int argc, char **argv) {
    struct CMUnitTest tests[FAMILIES + 3];
    size_t count = 0;
    const char *chosen = argc > 1 ? argv[1] : NULL;
    for (int f = 0; f < FAMILIES; f++)
        if (!chosen || strcmp(chosen, families[f]->name) == 0)
            tests[count++] = (struct CMUnitTest){.name = families[f]->name,
                                                 .test_func = test_family,
                                                 .initial_state = (void *)(uintptr_t)families[f]};
    if (!chosen || strcmp(chosen, "modules") == 0)
        tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_modules);
    if (!chosen || strcmp(chosen, "optim") == 0)
        tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_optimizers);
    if (!chosen || strcmp(chosen, "lr") == 0)
        tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_schedules);
    return _cmocka_run_group_tests("golden", tests, count, NULL, NULL);
}
