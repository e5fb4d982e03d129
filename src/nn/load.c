/* Loading a state: everything is checked and converted before anything is written. */
#include "nn/nn.h"

#include <stdio.h>
#include <string.h>

#include "ops/ops.h"

/* The names that are wrong in one way, for a message: "missing: a, b and 2 more". */
typedef struct load_fault {
    const char *what;
    int count;
    size_t length;
    char text[120];
} load_fault;

static void load_add_fault(load_fault *fault, const char *name) {
    fault->count++;
    size_t room = sizeof fault->text - fault->length;
    if (strlen(name) + 3 > room) return; /* counted as one of those that follow "and" */
    fault->length +=
        (size_t)snprintf(fault->text + fault->length, room, "%s%s", fault->length ? ", " : "", name);
}

static int load_shown(const load_fault *fault) {
    int n = fault->length > 0;
    for (const char *c = fault->text; n && *c; c++) n += *c == ',';
    return n;
}

static void load_write_fault(const load_fault *fault, char *message, size_t size) {
    if (fault->count == 0) return;
    size_t length = strlen(message);
    int more = fault->count - load_shown(fault);
    int n =
        snprintf(message + length, size - length, "%s%s: %s", length ? "; " : "", fault->what, fault->text);
    if (n > 0 && more > 0 && (length += (size_t)n) < size)
        snprintf(message + length, size - length, "%s%d more", fault->length ? " and " : "", more);
}

enum { LOAD_MISSING, LOAD_UNEXPECTED, LOAD_TWICE, LOAD_NULL, LOAD_SHAPE, LOAD_DTYPE, LOAD_FAULTS };

static const struct {
    const char *what;
    tp_status code;
} load_faults[LOAD_FAULTS] = {
    [LOAD_MISSING] = {"missing", TP_ERR_ARGUMENT},     [LOAD_UNEXPECTED] = {"unexpected", TP_ERR_ARGUMENT},
    [LOAD_TWICE] = {"given twice", TP_ERR_ARGUMENT},   [LOAD_NULL] = {"NULL", TP_ERR_NULL},
    [LOAD_SHAPE] = {"of another shape", TP_ERR_SHAPE}, [LOAD_DTYPE] = {"of another dtype", TP_ERR_DTYPE},
};

static bool load_converts(const tp_tensor *from, const tp_tensor *to) {
    tp_dtype a = (tp_dtype)from->dtype, b = (tp_dtype)to->dtype;
    return a == b || (tp__is_floating(a) && tp__is_floating(b)) || (tp__is_index(a) && tp__is_index(b));
}

/* Checks one tensor against what it is to be written to. */
static void load_check(const tp_named_tensor *to, const tp_tensor *from, load_fault *faults) {
    if (!from) {
        load_add_fault(&faults[LOAD_NULL], to->name);
    } else if (!tp_shape_equal(from->shape, to->tensor->shape)) {
        char text[200];
        snprintf(text, sizeof text, "%s %s for %s", to->name, tp__shape_text(from->shape),
                 tp__shape_text(to->tensor->shape));
        load_add_fault(&faults[LOAD_SHAPE], text);
    } else if (!load_converts(from, to->tensor)) {
        char text[200];
        snprintf(text, sizeof text, "%s %s for %s", to->name, tp__dtype_text(from),
                 tp__dtype_text(to->tensor));
        load_add_fault(&faults[LOAD_DTYPE], text);
    }
}

static int load_find(tp_named_tensors list, const char *name, int guess) {
    if (guess < list.count && strcmp(list.items[guess].name, name) == 0) return guess;
    for (int i = 0; i < list.count; i++)
        if (strcmp(list.items[i].name, name) == 0) return i;
    return -1;
}

/* Sets from[i] to what is given for targets[i], or NULL. Notes what is wrong. */
static void load_match(tp_named_tensors targets, tp_named_tensors state, tp_tensor **from, bool *given,
                       load_fault *faults) {
    for (int k = 0; k < state.count; k++) {
        const char *name = state.items[k].name ? state.items[k].name : "";
        int i = load_find(targets, name, k);
        if (i < 0) {
            load_add_fault(&faults[LOAD_UNEXPECTED], name);
        } else if (given[i]) {
            load_add_fault(&faults[LOAD_TWICE], name);
        } else {
            given[i] = true;
            from[i] = state.items[k].tensor;
            load_check(&targets.items[i], from[i], faults);
        }
    }
    for (int i = 0; i < targets.count; i++)
        if (!given[i]) load_add_fault(&faults[LOAD_MISSING], targets.items[i].name);
}

static tp_status load_report(const char *op, const tp_module *m, const load_fault *faults,
                             tp_load_options options) {
    tp_status code = TP_OK;
    char message[400] = "";
    for (int k = 0; k < LOAD_FAULTS; k++) {
        if (faults[k].count == 0 || (k == LOAD_MISSING && options.allow_missing) ||
            (k == LOAD_UNEXPECTED && options.allow_unexpected))
            continue;
        if (code == TP_OK) code = load_faults[k].code;
        load_write_fault(&faults[k], message, sizeof message);
    }
    /* A NULL that an earlier failure left is no new one. */
    if (code == TP_ERR_NULL && tp__error_pending()) return tp__error_null(op, "state");
    return code == TP_OK ? TP_OK : tp__error(code, op, "%s: %s", m->type->name, message);
}

/* A packed tensor with the values to write, in memory that none of the writes before it changes. */
static tp_tensor *load_stage(const char *op, tp_named_tensors targets, int i, tp_tensor *from) {
    tp_tensor *to = targets.items[i].tensor;
    tp_tensor *staged = tp__packed(op, from, (tp_dtype)to->dtype);
    if (!staged || staged == to) return staged;
    for (int k = 0; k < targets.count; k++)
        if (staged->storage == targets.items[k].tensor->storage) return tp_clone(staged);
    return staged;
}

static tp_status load_write(const char *op, tp_named_tensors targets, tp_tensor **from) {
    for (int i = 0; i < targets.count; i++)
        if (from[i] && !(from[i] = load_stage(op, targets, i, from[i]))) return tp__error_null(op, "state");
    for (int i = 0; i < targets.count; i++) {
        tp_tensor *to = targets.items[i].tensor;
        if (!from[i] || from[i] == to) continue;
        tp__touch(to);
        if (to->numel > 0)
            memcpy(tp__data(to), tp__data(from[i]), (size_t)to->numel * tp__itemsize((tp_dtype)to->dtype));
    }
    return TP_OK;
}

static tp_status load_state(const char *op, tp_module *m, tp_named_tensors state, tp_load_options options) {
    const tp__module_lists *lists = tp__module_lists_of(op, m);
    if (!lists) return TP_ERR_MEMORY;
    tp_named_tensors targets = lists->state;
    size_t bytes = ((size_t)targets.count + 1) * (sizeof(tp_tensor *) + sizeof(bool));
    tp_tensor **from = tp__alloc_zero(bytes);
    if (!from) return tp__error_memory(op, bytes);
    load_fault faults[LOAD_FAULTS] = {{0}};
    for (int k = 0; k < LOAD_FAULTS; k++) faults[k].what = load_faults[k].what;
    load_match(targets, state, from, (bool *)(from + targets.count), faults);
    tp_status status = load_report(op, m, faults, options);
    if (status == TP_OK) status = load_write(op, targets, from);
    tp__free(from);
    return status;
}

tp_status tp_module_load_state(tp_module *m, tp_named_tensors state, tp_load_options options) {
    const char *op = "module_load_state";
    if (!m) return tp__deliver(tp__error_null(op, "m"));
    TP_TRY(tp__deliver(tp__check_list(op, "state", state.count, state.items)));
    tp_scope *s = tp_scope_begin();
    if (!s) return tp__deliver(TP_ERR_MEMORY);
    tp_no_grad_begin();
    tp_status status = load_state(op, m, state, options);
    tp_scope_end(s);
    return tp__deliver(status);
}
