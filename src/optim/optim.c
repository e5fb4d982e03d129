/* Making optimizers, their groups, and what may be asked of them. */
#include "optim/optim.h"

#include "taper/autograd.h"

/* ---- parameters -------------------------------------------------------------------------------------- */

static bool optim_memory_shared(const tp_tensor *a, const tp_tensor *b) {
    const char *a_lo = tp__data(a), *b_lo = tp__data(b);
    const char *a_hi = a_lo + (size_t)a->numel * tp__itemsize((tp_dtype)a->dtype);
    const char *b_hi = b_lo + (size_t)b->numel * tp__itemsize((tp_dtype)b->dtype);
    return a->numel > 0 && b->numel > 0 && a_lo < b_hi && b_lo < a_hi;
}

static tp_status optim_check_alone(const char *op, int i, const tp_tensor *p, int k, const tp_tensor *other) {
    if (p == other) return tp__error(TP_ERR_ARGUMENT, op, "parameter %d is parameter %d too", i, k);
    if (optim_memory_shared(p, other))
        return tp__error(TP_ERR_ALIAS, op, "parameter %d shares memory with parameter %d", i, k);
    return TP_OK;
}

/* Checks parameter i of `params`, which would be number base + i over all groups. */
static tp_status optim_check_param(const char *op, const tp_optim *o, tp_tensors params, int i) {
    const tp_tensor *p = params.items[i];
    int number = o->n_params + i;
    if (!p)
        return tp__error_pending() ? tp__error_null(op, "params")
                                   : tp__error(TP_ERR_NULL, op, "parameter %d is NULL", number);
    if (p->node)
        return tp__error(TP_ERR_AUTOGRAD, op,
                         "parameter %d is the result of the recorded op %s; only leaves are optimized",
                         number, tp_grad_op_name(p));
    if (!tp__is_floating((tp_dtype)p->dtype))
        return tp__error(TP_ERR_DTYPE, op, "parameter %d is %s, not float32 or float64", number,
                         tp__dtype_text(p));
    if (!p->dense)
        return tp__error(TP_ERR_ARGUMENT, op, "parameter %d is not packed, of shape %s", number,
                         tp__shape_text(p->shape));
    if (o->rule->matrices && p->shape.ndim != 2)
        return tp__error(TP_ERR_SHAPE, op, "parameter %d is of shape %s, not a matrix", number,
                         tp__shape_text(p->shape));
    for (int k = 0; k < o->n_params; k++) TP_TRY(optim_check_alone(op, number, p, k, o->list[k]));
    for (int k = 0; k < i; k++) TP_TRY(optim_check_alone(op, number, p, o->n_params + k, params.items[k]));
    return TP_OK;
}

static bool optim_grow(void **array, int count, size_t item) {
    void *grown = tp__realloc(*array, (size_t)count * item);
    if (grown) *array = grown;
    return grown != NULL;
}

static tp_status optim_add(const char *op, tp_optim *o, tp_tensors params, tp__optim_group group) {
    if (params.count < 1 || !params.items)
        return tp__error_pending() ? tp__error_null(op, "params")
                                   : tp__error(TP_ERR_ARGUMENT, op, "no parameters");
    if (!tp__optim_not_negative(group.lr))
        return tp__error(TP_ERR_ARGUMENT, op, "the learning rate must be finite and not negative, got %g",
                         group.lr);
    if (!tp__optim_not_negative(group.weight_decay))
        return tp__error(TP_ERR_ARGUMENT, op, "the weight decay must be finite and not negative, got %g",
                         group.weight_decay);
    for (int i = 0; i < params.count; i++) TP_TRY(optim_check_param(op, o, params, i));
    int count = o->n_params + params.count;
    if (!optim_grow((void **)&o->params, count, sizeof *o->params) ||
        !optim_grow((void **)&o->list, count, sizeof *o->list) ||
        !optim_grow((void **)&o->jobs, count, sizeof *o->jobs) ||
        !optim_grow((void **)&o->groups, o->n_groups + 1, sizeof *o->groups))
        return tp__error_memory(op, (size_t)count * sizeof *o->jobs);
    for (int i = 0; i < params.count; i++) {
        o->params[o->n_params + i] =
            (tp__optim_param){.tensor = tp_retain(params.items[i]), .group = o->n_groups};
        o->list[o->n_params + i] = params.items[i];
    }
    o->n_params = count;
    o->groups[o->n_groups++] = group;
    return TP_OK;
}

/* ---- making and freeing ------------------------------------------------------------------------------ */

tp_optim *tp__optim_new(const tp__optim_rule *rule, tp__optim_hyper hyper, int n_state,
                        const char *const *state_names, const double *initial, tp_tensors params, double lr,
                        double weight_decay) {
    tp_optim *o = tp__alloc_zero(sizeof *o);
    if (!o) {
        tp__error_memory(rule->name, sizeof *o);
        return NULL;
    }
    tp__count(&tp__self()->counters.objects, 1);
    o->rule = rule;
    o->hyper = hyper;
    o->n_state = n_state;
    for (int k = 0; k < n_state; k++) {
        o->state_names[k] = state_names[k];
        o->initial[k] = initial ? initial[k] : 0;
    }
    if (optim_add(rule->name, o, params, (tp__optim_group){.lr = lr, .weight_decay = weight_decay}) == TP_OK)
        return o;
    tp_optim_free(o);
    return NULL;
}

tp_tensor *tp__optim_initial(const tp_optim *o, int k, tp_tensor *p) {
    if (k < o->rule->n_scalars) return tp_scalar(o->initial[k], TP_F64);
    return tp_full_like(p, o->initial[k]);
}

void tp_optim_free(tp_optim *o) {
    if (!o) return;
    for (int i = 0; i < o->n_params; i++) {
        for (int k = 0; k < TP__OPTIM_STATES; k++) tp_release(o->params[i].state[k]);
        tp_release(o->params[i].tensor);
    }
    tp__free(o->params);
    tp__free(o->list);
    tp__free(o->jobs);
    tp__free(o->groups);
    tp__free(o->state_list);
    tp__lbfgs_free(o->lbfgs);
    tp__free(o);
    tp__count(&tp__self()->counters.objects, -1);
}

/* ---- groups ------------------------------------------------------------------------------------------ */

int tp_optim_add_group(tp_optim *o, tp_tensors params, tp_group_options options) {
    const char *op = "optim_add_group";
    if (!o) {
        tp__error_null(op, "optim");
        return -1;
    }
    if (o->lbfgs) {
        tp__error(TP_ERR_STATE, op, "L-BFGS has one group only");
        return -1;
    }
    tp__optim_group group = {.lr = tp__default(options.lr, o->groups[0].lr),
                             .weight_decay = tp__default(options.weight_decay, o->groups[0].weight_decay)};
    return optim_add(op, o, params, group) == TP_OK ? o->n_groups - 1 : -1;
}

int tp_optim_group_count(const tp_optim *o) {
    if (o) return o->n_groups;
    tp__error_null("optim_group_count", "optim");
    return -1;
}

static tp_status optim_check_group(const char *op, const tp_optim *o, int group, int first) {
    if (!o) return tp__error_null(op, "optim");
    if (group >= first && group < o->n_groups) return TP_OK;
    return tp__error(TP_ERR_INDEX, op, "there are %d groups, got group %d", o->n_groups, group);
}

double tp_optim_lr(const tp_optim *o, int group) {
    return optim_check_group("optim_lr", o, group, 0) == TP_OK ? o->groups[group].lr : NAN;
}

double tp_optim_weight_decay(const tp_optim *o, int group) {
    return optim_check_group("optim_weight_decay", o, group, 0) == TP_OK ? o->groups[group].weight_decay
                                                                         : NAN;
}

static tp_status optim_check_setting(const char *op, const tp_optim *o, int group, double value) {
    TP_TRY(optim_check_group(op, o, group, -1));
    if (tp__optim_not_negative(value)) return TP_OK;
    return tp__error(TP_ERR_ARGUMENT, op, "the value must be finite and not negative, got %g", value);
}

tp_status tp_optim_set_lr(tp_optim *o, int group, double lr) {
    tp_status status = optim_check_setting("optim_set_lr", o, group, lr);
    for (int k = 0; status == TP_OK && k < o->n_groups; k++)
        if (group < 0 || k == group) {
            o->groups[k].lr = lr;
            o->groups[k].has_base = false;
        }
    return tp__deliver(status);
}

tp_status tp_optim_set_weight_decay(tp_optim *o, int group, double weight_decay) {
    tp_status status = optim_check_setting("optim_set_weight_decay", o, group, weight_decay);
    for (int k = 0; status == TP_OK && k < o->n_groups; k++)
        if (group < 0 || k == group) o->groups[k].weight_decay = weight_decay;
    return tp__deliver(status);
}

tp_tensors tp_optim_parameters(const tp_optim *o) {
    if (o) return (tp_tensors){o->n_params, o->list};
    tp__error_null("optim_parameters", "optim");
    return (tp_tensors){0, NULL};
}

tp_status tp_optim_zero_grad(tp_optim *o) {
    if (!o) return tp__deliver(tp__error_null("optim_zero_grad", "optim"));
    for (int i = 0; i < o->n_params; i++) tp_zero_grad(o->list[i]);
    return TP_OK;
}
