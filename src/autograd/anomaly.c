/* Where numbers went wrong: the checks of anomaly mode, and the labels that tell where an op was recorded. */
#include <math.h>
#include <stdio.h>

#include "autograd/node.h"

void tp_set_anomaly_mode(bool on) { tp__self()->anomaly = on; }

void tp_set_nan_check(bool on) { tp__self()->nan_check = on; }

const char *tp_set_label(const char *label) {
    tp__thread *self = tp__self();
    const char *before = self->label;
    self->label = label;
    return before;
}

const char *tp_grad_label(const tp_tensor *t) {
    if (!t) tp__error_null("grad_label", "t");
    return t && t->node ? tp__node_of(t)->label : NULL;
}

/* The first element, row-major, that is NaN or, unless `nan_only`, infinite: its index and value. */
static bool find_bad(const tp_tensor *t, bool nan_only, int64_t index[TP_MAX_DIMS], double *value) {
    size_t item = tp__itemsize((tp_dtype)t->dtype);
    int64_t at = 0;
    for (int d = 0; d < t->shape.ndim; d++) index[d] = 0;
    for (int64_t n = 0; n < t->numel; n++) {
        *value = tp__load_f64(tp__data(t) + at * (int64_t)item, (tp_dtype)t->dtype);
        if (isnan(*value) || (!nan_only && isinf(*value))) return true;
        for (int d = t->shape.ndim - 1; d >= 0; d--) {
            at += t->strides[d];
            if (++index[d] < t->shape.dims[d]) break;
            at -= index[d] * t->strides[d];
            index[d] = 0;
        }
    }
    return false;
}

static tp_status report(const char *op, const char *what, int i, const int64_t *index, int ndim, double value,
                        const char *label) {
    char place[TP_MAX_DIMS * 24 + 4] = "[";
    size_t length = 1;
    for (int d = 0; d < ndim; d++)
        length += (size_t)snprintf(place + length, sizeof place - length, d ? ", %lld" : "%lld",
                                   (long long)index[d]);
    snprintf(place + length, sizeof place - length, "]");
    const char *name = isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
    return tp__error(TP_ERR_NUMERIC, op, "%s %d, first at %s: %s%s%s", what, i, place, name,
                     label ? "; recorded under the label " : "", label ? label : "");
}

tp_status tp__check_gradient(const tp__node *node, int i, const tp_tensor *g) {
    int64_t index[TP_MAX_DIMS];
    double value;
    if (!find_bad(g, false, index, &value)) return TP_OK;
    return report(node->op->name, "its backward gave a NaN or infinite gradient for input", i, index,
                  g->shape.ndim, value, node->label);
}

tp_status tp__check_outputs(const tp__call *call) {
    int64_t index[TP_MAX_DIMS];
    double value;
    for (int k = 0; k < call->n_out; k++) {
        const tp_tensor *y = call->out[k];
        if (tp__is_floating((tp_dtype)y->dtype) && find_bad(y, true, index, &value))
            return report(call->op->name, "it made a NaN, in output", k, index, y->shape.ndim, value,
                          tp__tls.label);
    }
    return TP_OK;
}
