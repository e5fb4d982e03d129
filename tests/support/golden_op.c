/* Arguments of golden cases, as ops take them. */
#include "support/golden_op.h"

#include <assert.h>
#include <string.h>

double golden_number(const golden_call *c, const char *key) { return args_number(c->args, key, 0); }
int golden_int(const golden_call *c, const char *key) { return (int)args_number(c->args, key, 0); }
bool golden_flag(const golden_call *c, const char *key) { return args_number(c->args, key, 0) != 0; }

tp_dims golden_dims(const golden_call *c) {
    double values[TP_MAX_DIMS];
    tp_dims dims = {.count = args_numbers(c->args, "dims", values, TP_MAX_DIMS)};
    for (int k = 0; k < dims.count; k++) dims.items[k] = (int)values[k];
    return dims;
}

tp_shape golden_shape(const golden_call *c, const char *key) {
    double values[TP_MAX_DIMS];
    tp_shape shape = {.ndim = args_numbers(c->args, key, values, TP_MAX_DIMS)};
    for (int k = 0; k < shape.ndim; k++) shape.dims[k] = (int64_t)values[k];
    return shape;
}

tp_reduction golden_reduction(const golden_call *c) {
    const char *text = args_text(c->args, "reduction");
    return strstr(text, "sum") ? TP_SUM : strstr(text, "none") ? TP_NONE : TP_MEAN;
}

void golden_ints(const golden_call *c, const char *key, int count, int64_t *values) {
    double numbers[TP_MAX_DIMS] = {0};
    assert(count <= TP_MAX_DIMS);
    args_numbers(c->args, key, numbers, count);
    for (int k = 0; k < count; k++) values[k] = (int64_t)numbers[k];
}

int golden_values(const golden_call *c, tp_values both) {
    c->out[0] = both.values;
    c->out[1] = both.indices;
    return 2;
}
