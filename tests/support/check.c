#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

int check_teardown(void **state) {
    fixture *f = *state;
    tp_scope_end(f->scope);
    tp_memory_info now = tp_memory_stats();
    int bad = now.live_tensors != f->before.live_tensors || now.live_storages != f->before.live_storages ||
              now.live_nodes != f->before.live_nodes || now.live_objects != f->before.live_objects ||
              now.in_use != f->before.in_use;
    if (bad)
        print_error("left behind: %lld tensors, %lld storages, %lld nodes, %lld objects, %lld bytes\n",
                    (long long)(now.live_tensors - f->before.live_tensors),
                    (long long)(now.live_storages - f->before.live_storages),
                    (long long)(now.live_nodes - f->before.live_nodes),
                    (long long)(now.live_objects - f->before.live_objects),
                    (long long)now.in_use - (long long)f->before.in_use);
    free(f);
    return bad ? -1 : 0;
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
