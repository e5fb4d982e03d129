#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

typedef struct fixture {
    tp_memory_info before;
    tp_scope *scope;
} fixture;

int check_setup(void **state) {
    fixture *f = malloc(sizeof *f);
    tp_error_clear();
    f->before = tp_memory_stats();
    f->scope = tp_scope_begin();
    *state = f;
    return f->scope ? 0 : -1;
}

/* Prints what lives now and did not live before; false if there is something. */
static bool as_before(const tp_memory_info *before) {
    tp_memory_info now = tp_memory_stats();
    if (now.live_tensors == before->live_tensors && now.live_storages == before->live_storages &&
        now.live_nodes == before->live_nodes && now.live_objects == before->live_objects &&
        now.in_use == before->in_use)
        return true;
    print_error("left behind: %lld tensors, %lld storages, %lld nodes, %lld objects, %lld bytes\n",
                (long long)(now.live_tensors - before->live_tensors),
                (long long)(now.live_storages - before->live_storages),
                (long long)(now.live_nodes - before->live_nodes),
                (long long)(now.live_objects - before->live_objects),
                (long long)now.in_use - (long long)before->in_use);
    return false;
}

int check_teardown(void **state) {
    fixture *f = *state;
    tp_scope_end(f->scope);
    bool good = as_before(&f->before);
    free(f);
    return good ? 0 : -1;
}

void assert_survives_no_memory(check_run *run, void *context, int64_t least) {
    for (int64_t n = 1;; n++) {
        tp_memory_info before = tp_memory_stats();
        tp_generator_state random = tp_generator_get_state(tp_default_generator());
        tp_scope *s = tp_scope_begin();
        tp__alloc_fail_at(n, false);
        tp_status status = run(context);
        bool reached = tp__alloc_fail_count() >= n;
        tp__alloc_fail_at(0, false);
        tp_scope_end(s);
        tp_generator_set_state(tp_default_generator(), random);
        if (status != (reached ? TP_ERR_MEMORY : TP_OK))
            fail_msg("allocation %lld: %s %s", (long long)n, tp_status_name(status), tp_last_error().message);
        tp_error_clear();
        if (!as_before(&before)) fail_msg("allocation %lld failed", (long long)n);
        if (reached) continue;
        assert_true(n > least);
        return;
    }
}

void check_error(tp_status code, const char *message, const char *file, int line) {
    tp_error e = tp_last_error();
    if (e.code != code || strcmp(e.message, message) != 0) {
        print_error("expected %s \"%s\"\n     got %s \"%s\"\n", tp_status_name(code), message,
                    tp_status_name(e.code), e.message);
        _fail(file, line);
    }
    tp_error_clear();
}

void check_values(const tp_tensor *t, const double *values, int count, const char *file, int line) {
    double *got = malloc((size_t)count * sizeof *got);
    if (!t || tp_tensor_copy_out_f64(t, got, count) != TP_OK) {
        print_error("%s\n", t ? tp_last_error().message : "NULL");
        free(got);
        _fail(file, line);
        return;
    }
    for (int i = 0; i < count; i++) {
        int equal = isnan(values[i])
                        ? isnan(got[i])
                        : got[i] == values[i] || fabs(got[i] - values[i]) <= 1e-6 + 1e-6 * fabs(values[i]);
        if (equal) continue;
        print_error("element %d is %.10g, not %.10g\n", i, got[i], values[i]);
        free(got);
        _fail(file, line);
        return;
    }
    free(got);
}

void check_module(const module_row *row, tp_tensors inputs) {
    char text[160];
    assert_non_null(row->module);
    assert_tensor(row->expected);
    tp_tensor *y = tp_forward_all(row->module, inputs);
    assert_tensor(y);
    if (!tp_equal(y, row->expected)) fail_msg("%s is not its op", row->printed);
    tp_module_format(row->module, text, sizeof text);
    assert_string_equal(text, row->printed);
    tp_module_free(row->module);
}
