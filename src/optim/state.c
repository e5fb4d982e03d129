/* An optimizer's state as named tensors: giving it out and taking it back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/scope.h"
#include "ops/ops.h"
#include "optim/optim.h"

#define STATE_NAME 40 /* a number, a dot and the longest of the rules' names */

int tp_optim_state_size(const tp_optim *o) {
    if (o) return o->n_state;
    tp__error_null("optim_state_size", "optim");
    return -1;
}

tp_named_tensors tp_optim_state(tp_optim *o) {
    const char *op = "optim_state";
    tp_named_tensors none = {0, NULL};
    if (!o) {
        tp__error_null(op, "optim");
        return none;
    }
    if (o->lbfgs) {
        tp_named_tensors list;
        return tp__lbfgs_state(o, &list) == TP_OK ? list : none;
    }
    size_t count = (size_t)o->n_params * (size_t)o->n_state;
    tp_named_tensor *items = tp__alloc((count + 1) * (sizeof *items + STATE_NAME));
    if (!items) {
        tp__error_memory(op, (count + 1) * (sizeof *items + STATE_NAME));
        return none;
    }
    char *names = (char *)(items + count + 1);
    int n = 0;
    for (int i = 0; i < o->n_params; i++)
        for (int k = 0; o->params[i].begun && k < o->n_state; k++) {
            char *name = names + (size_t)n * STATE_NAME;
            snprintf(name, STATE_NAME, "%d.%s", i, o->state_names[k]);
            items[n++] = (tp_named_tensor){name, o->params[i].state[k]};
        }
    tp__free(o->state_list);
    o->state_list = items;
    return (tp_named_tensors){n, items};
}

/* ---- loading ----------------------------------------------------------------------------------------- */

/* Which state tensor a name means: i * n_state + k, or -1. */
static int state_place(const tp_optim *o, const char *name) {
    if (!name || *name < '0' || *name > '9') return -1;
    char *rest;
    long i = strtol(name, &rest, 10);
    if (*rest != '.' || i >= o->n_params) return -1;
    for (int k = 0; k < o->n_state; k++)
        if (strcmp(rest + 1, o->state_names[k]) == 0) return (int)i * o->n_state + k;
    return -1;
}

/* A tensor of one's own with the values of what was given for state `k` of parameter `i`. */
static tp_status state_stage(const char *op, const tp_optim *o, const tp_named_tensor *given, int i, int k,
                             tp_tensor **staged) {
    const tp_tensor *p = o->list[i], *t = given->tensor;
    bool count = k < o->rule->n_scalars;
    if (!t)
        return tp__error_pending() ? tp__error_null(op, "state")
                                   : tp__error(TP_ERR_NULL, op, "\"%s\" is NULL", given->name);
    tp_shape shape = count ? TP_SCALAR_SHAPE : p->shape;
    if (!tp_shape_equal(t->shape, shape))
        return tp__error(TP_ERR_SHAPE, op, "\"%s\" is %s instead of %s", given->name,
                         tp__shape_text(t->shape), tp__shape_text(shape));
    if (!tp__is_floating((tp_dtype)t->dtype) && !(count && tp__is_index((tp_dtype)t->dtype)))
        return tp__error(TP_ERR_DTYPE, op, "\"%s\" is %s", given->name, tp__dtype_text(t));
    *staged = tp_clone(tp__cast(op, given->tensor, count ? TP_F64 : (tp_dtype)p->dtype));
    if (!*staged) return tp__error_null(op, "state");
    if (count && !tp__optim_not_negative(tp_tensor_item(*staged)))
        return tp__error(TP_ERR_ARGUMENT, op, "\"%s\" is %g", given->name, tp_tensor_item(*staged));
    return TP_OK;
}

static tp_status state_stage_all(const char *op, const tp_optim *o, tp_named_tensors state,
                                 tp_tensor **staged) {
    for (int j = 0; j < state.count; j++) {
        const tp_named_tensor *given = &state.items[j];
        int at = state_place(o, given->name);
        if (at < 0)
            return tp__error(TP_ERR_ARGUMENT, op, "\"%s\" is no state of this optimizer",
                             given->name ? given->name : "");
        if (staged[at]) return tp__error(TP_ERR_ARGUMENT, op, "\"%s\" is given twice", given->name);
        TP_TRY(state_stage(op, o, given, at / o->n_state, at % o->n_state, &staged[at]));
    }
    for (int at = 0; at < o->n_params * o->n_state; at++) {
        int first = at / o->n_state * o->n_state;
        if (!staged[at] != !staged[first])
            return tp__error(TP_ERR_ARGUMENT, op, "\"%d.%s\" is missing", at / o->n_state,
                             o->state_names[staged[at] ? 0 : at % o->n_state]);
    }
    return TP_OK;
}

static void state_commit(tp_optim *o, tp_tensor *const *staged) {
    for (int i = 0; i < o->n_params; i++) {
        tp__optim_param *param = &o->params[i];
        param->begun = o->n_state > 0 && staged[i * o->n_state];
        for (int k = 0; k < o->n_state; k++) {
            tp_release(param->state[k]);
            param->state[k] = tp_retain(staged[i * o->n_state + k]);
        }
    }
}

tp_status tp_optim_load_state(tp_optim *o, tp_named_tensors state) {
    const char *op = "optim_load_state";
    if (!o) return tp__deliver(tp__error_null(op, "optim"));
    TP_TRY(tp__deliver(tp__check_list(op, "state", state.count, state.items)));
    if (o->lbfgs) return tp__deliver(tp__lbfgs_load_state(op, o, state));
    size_t bytes = ((size_t)o->n_params * (size_t)o->n_state + 1) * sizeof(tp_tensor *);
    tp_tensor **staged = tp__alloc_zero(bytes);
    tp_scope *s = staged ? tp_scope_begin() : NULL;
    if (!s) {
        tp__free(staged);
        return tp__deliver(tp__error_memory(op, bytes));
    }
    tp_set_grad_enabled(false);
    tp_status status = state_stage_all(op, o, state, staged);
    if (status == TP_OK) state_commit(o, staged);
    tp_scope_end(s);
    tp__free(staged);
    return tp__deliver(status);
}
