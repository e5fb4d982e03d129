#include "support/golden.h"

#include <setjmp.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "taper/io.h"
#include "taper/tensor.h"

struct golden {
    tp_safetensors *file;
    int count;
    const char **names; /* the metadata's keys, but for those about the file as a whole */
};

golden *golden_open(const char *name) {
    char path[1024];
    snprintf(path, sizeof path, "%s/golden/%s.safetensors", TP_TEST_DIR, name);
    golden *file = calloc(1, sizeof *file);
    assert_non_null(file);
    file->file = tp_safetensors_open(path);
    if (!file->file) fail_msg("%s", tp_last_error().message);
    int keys = tp_safetensors_metadata_count(file->file);
    file->names = calloc((size_t)keys, sizeof *file->names);
    assert_non_null(file->names);
    for (int k = 0; k < keys; k++) {
        const char *key = tp_safetensors_metadata_key(file->file, k);
        if (strncmp(tp_safetensors_metadata(file->file, key), "op=", 3) == 0)
            file->names[file->count++] = key;
    }
    return file;
}

void golden_close(golden *file) {
    tp_safetensors_close(file->file);
    free(file->names);
    free(file);
}

int golden_count(const golden *file) { return file->count; }
const char *golden_name(const golden *file, int i) { return file->names[i]; }
const char *golden_args(const golden *file, int i) {
    return tp_safetensors_metadata(file->file, file->names[i]);
}
int golden_tensor_count(const golden *file) { return tp_safetensors_count(file->file); }
const char *golden_tensor_name(const golden *file, int i) { return tp_safetensors_name(file->file, i); }

tp_tensor *golden_tensor(const golden *file, tp_dtype real, const char *format, ...) {
    char name[256];
    va_list list;
    va_start(list, format);
    vsnprintf(name, sizeof name, format, list);
    va_end(list);
    if (!tp_safetensors_has(file->file, name)) return NULL;
    tp_tensor *t = tp_safetensors_get(file->file, name);
    if (!t) fail_msg("%s", tp_last_error().message);
    return tp_dtype_is_floating(tp_tensor_dtype(t)) ? tp_to_dtype(t, real) : t;
}

/* What stands behind " key=". */
static const char *args_find(const char *args, const char *key) {
    size_t length = strlen(key);
    for (const char *at = args; (at = strstr(at, key)); at++)
        if ((at == args || at[-1] == ' ') && at[length] == '=') return at + length + 1;
    return NULL;
}

int args_numbers(const char *args, const char *key, double *values, int max) {
    const char *at = args_find(args, key);
    int count = 0;
    while (at && count < max) {
        char *stop;
        double value = strtod(at, &stop);
        if (stop == at) break;
        values[count++] = value;
        if (*stop != ',') break;
        at = stop + 1;
    }
    return count;
}

double args_number(const char *args, const char *key, double otherwise) {
    double value = otherwise;
    args_numbers(args, key, &value, 1);
    return value;
}

const char *args_text(const char *args, const char *key) {
    static char text[64];
    const char *at = args_find(args, key);
    snprintf(text, sizeof text, "%.*s", at ? (int)strcspn(at, " ") : 0, at ? at : "");
    return text;
}

double golden_error(const tp_tensor *got, const tp_tensor *want) {
    if (!got || !want || !tp_shape_equal(tp_tensor_shape(got), tp_tensor_shape(want))) return INFINITY;
    int64_t n = tp_tensor_numel(want);
    double *values = calloc((size_t)(2 * n + 1), sizeof *values), worst = 0;
    assert_non_null(values);
    assert_int_equal(tp_tensor_copy_out_f64(got, values, n), TP_OK);
    assert_int_equal(tp_tensor_copy_out_f64(want, values + n, n), TP_OK);
    for (int64_t k = 0; k < n; k++) {
        double a = values[k], b = values[n + k];
        double error = a == b || (isnan(a) && isnan(b)) ? 0 : fabs(a - b) / (1 + fabs(b));
        if (!(error <= worst)) worst = isnan(error) ? INFINITY : error;
    }
    free(values);
    return worst;
}
