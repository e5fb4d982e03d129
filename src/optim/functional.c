/* tp_optim_step_functional(): the optimizers' definitions, with gradients flowing. */
#include "core/scope.h"
#include "optim/optim.h"
#include "taper/creation.h"

static tp_status functional_check_like(const char *op, const char *what, int i, const tp_tensor *t,
                                       const tp_tensor *p) {
    if (!tp_shape_equal(t->shape, p->shape))
        return tp__error(TP_ERR_SHAPE, op, "%s %d is %s, the parameter %s", what, i, tp__shape_text(t->shape),
                         tp__shape_text(p->shape));
    if (t->dtype != p->dtype)
        return tp__error(TP_ERR_DTYPE, op, "%s %d is %s, the parameter %s", what, i, tp__dtype_text(t),
                         tp__dtype_text(p));
    return TP_OK;
}

static tp_status functional_check_state(const char *op, const tp_optim *o, tp_tensors state, int i) {
    for (int k = 0; state.count > 0 && k < o->n_state; k++) {
        const tp_tensor *t = state.items[i * o->n_state + k];
        if (!t) continue;
        if (k >= o->rule->n_scalars) {
            TP_TRY(functional_check_like(op, "state of parameter", i, t, o->list[i]));
        } else if (t->shape.ndim != 0 || t->dtype != TP_F64) {
            return tp__error(TP_ERR_SHAPE, op, "the %s of parameter %d is %s %s, not a 0-d float64",
                             o->state_names[k], i, tp__dtype_text(t), tp__shape_text(t->shape));
        }
    }
    return TP_OK;
}

static tp_status functional_check(const char *op, const tp_optim *o, tp_tensors params, tp_tensors grads,
                                  tp_tensors state, const tp_tensor *lr) {
    if (o->lbfgs) return tp__error(TP_ERR_STATE, op, "L-BFGS has no functional form");
    if (params.count != o->n_params || grads.count != o->n_params)
        return tp__error(TP_ERR_ARGUMENT, op, "the optimizer has %d parameters, got %d and %d gradients",
                         o->n_params, params.count, grads.count);
    if (state.count != 0 && state.count != o->n_params * o->n_state)
        return tp__error(TP_ERR_ARGUMENT, op, "there are %d state tensors for %d parameters, got %d",
                         o->n_state, o->n_params, state.count);
    TP_TRY(tp__check_list(op, "params", params.count, params.items));
    TP_TRY(tp__check_list(op, "grads", grads.count, grads.items));
    TP_TRY(tp__check_list(op, "state", state.count, state.items));
    if (lr && (lr->shape.ndim != 0 || !tp__is_floating((tp_dtype)lr->dtype)))
        return tp__error(TP_ERR_SHAPE, op, "lr is %s %s, not a 0-d floating tensor", tp__dtype_text(lr),
                         tp__shape_text(lr->shape));
    /* What may be absent may also be the NULL of a call that failed. */
    if (tp__error_pending()) {
        bool missing = !lr;
        for (int i = 0; i < grads.count; i++) missing = missing || !grads.items[i];
        for (int i = 0; i < state.count; i++) missing = missing || !state.items[i];
        if (missing) return tp__error_null(op, "grads");
    }
    for (int i = 0; i < o->n_params; i++) {
        if (!params.items[i])
            return tp__error_pending() ? tp__error_null(op, "params")
                                       : tp__error(TP_ERR_NULL, op, "parameter %d is NULL", i);
        TP_TRY(functional_check_like(op, "parameter", i, params.items[i], o->list[i]));
        if (grads.items[i]) TP_TRY(functional_check_like(op, "gradient", i, grads.items[i], o->list[i]));
        TP_TRY(functional_check_state(op, o, state, i));
    }
    return TP_OK;
}

/* One parameter, in a scope of its own inside `s`; the results go to `s`. */
static bool functional_update(const tp_optim *o, int i, tp_tensor *lr, tp_tensor *p, tp_tensor *g,
                              tp_tensor **state, tp_tensor **result) {
    const tp__optim_group *group = &o->groups[o->params[i].group];
    tp_scope *s = tp_scope_begin();
    if (!s) return false;
    if (!lr) lr = tp_scalar(group->lr, TP_F64);
    bool ready = lr != NULL;
    for (int k = 0; k < o->n_state && o->rule->n_scalars > 0; k++) {
        if (!state[k]) state[k] = tp__optim_initial(o, k, p);
        ready = ready && state[k];
    }
    if (!ready) {
        tp_scope_end(s);
        return false;
    }
    *result = tp_scope_escape(s, o->rule->update(o, group->weight_decay, lr, p, g, state));
    bool ok = *result != NULL;
    for (int k = 0; k < o->n_state; k++) {
        state[k] = tp_scope_escape(s, state[k]);
        ok = ok && state[k];
    }
    tp_scope_end(s);
    return ok;
}

typedef struct functional_result {
    tp_tensor *p, *state[TP__OPTIM_STATES];
} functional_result;

static tp_status functional_all(const char *op, const tp_optim *o, tp_tensors params, tp_tensors grads,
                                tp_tensors state, tp_tensor *lr, functional_result *results) {
    for (int i = 0; i < o->n_params; i++) {
        functional_result *r = &results[i];
        for (int k = 0; k < o->n_state; k++)
            r->state[k] = state.count ? state.items[i * o->n_state + k] : NULL;
        r->p = params.items[i];
        if (grads.items[i] && !functional_update(o, i, lr, params.items[i], grads.items[i], r->state, &r->p))
            return tp__error_null(op, "params");
    }
    return TP_OK;
}

/* Gives the results to the scope around `s`. */
static tp_status functional_hand_over(const char *op, const tp_optim *o, tp_scope *s,
                                      functional_result *results, bool state_wanted) {
    for (int i = 0; i < o->n_params; i++) {
        if (!tp_scope_escape(s, results[i].p)) return tp__error_null(op, "params");
        for (int k = 0; state_wanted && k < o->n_state; k++)
            if (results[i].state[k] && !tp_scope_escape(s, results[i].state[k]))
                return tp__error_null(op, "state");
    }
    return TP_OK;
}

/* The arrays for results may be those of the arguments, so nothing is written before all is computed. */
static tp_status functional_step(const char *op, const tp_optim *o, tp_tensors params, tp_tensors grads,
                                 tp_tensors state, tp_tensor *lr, functional_result *results,
                                 bool state_wanted) {
    TP_TRY(functional_check(op, o, params, grads, state, lr));
    tp_scope *s = tp_scope_begin();
    if (!s) return TP_ERR_MEMORY;
    tp_status status = functional_all(op, o, params, grads, state, lr, results);
    if (status == TP_OK) status = functional_hand_over(op, o, s, results, state_wanted);
    tp_scope_end(s);
    return status;
}

tp_status tp_optim_step_functional(const tp_optim *o, tp_tensors params, tp_tensors grads, tp_tensors state,
                                   tp_tensor *lr, tp_tensor **new_params, tp_tensor **new_state) {
    const char *op = "optim_step_functional";
    if (!o || !new_params) return tp__deliver(tp__error_null(op, o ? "new_params" : "optim"));
    size_t bytes = (size_t)o->n_params * sizeof(functional_result);
    functional_result *results = tp__alloc_zero(bytes);
    tp_status status = results ? functional_step(op, o, params, grads, state, lr, results, new_state != NULL)
                               : tp__error_memory(op, bytes);
    for (int i = 0; i < o->n_params; i++) {
        new_params[i] = status == TP_OK ? results[i].p : NULL;
        for (int k = 0; new_state && k < o->n_state; k++)
            new_state[i * o->n_state + k] = status == TP_OK ? results[i].state[k] : NULL;
    }
    tp__free(results);
    return tp__deliver(status);
}
