/* Exponential moving averages of weights. */
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "core/scope.h"
#include "optim/optim.h"
#include "taper/autograd.h"
#include "taper/lr.h"

#define EMA_GRAIN 16384
#define EMA_NAME 12 /* a number */

struct tp_ema {
    int count;
    double decay;
    tp_ema_options options;
    bool swapped;
    tp_tensor **params, **averages;
    tp_tensor *updates; /* how many: 0-d, I64 */
    tp_named_tensor *named;
    char *names;
};

static int64_t *ema_updates(const tp_ema *ema) { return tp__data_i64(ema->updates); }

/* ---- making ------------------------------------------------------------------------------------------ */

static bool ema_check(const char *op, tp_tensors params, double decay) {
    if (params.count < 1 || !params.items) {
        if (tp__error_pending()) tp__error_null(op, "params");
        else tp__error(TP_ERR_ARGUMENT, op, "no parameters");
        return false;
    }
    if (!(decay >= 0 && decay <= 1)) {
        tp__error(TP_ERR_ARGUMENT, op, "decay must be in [0, 1], got %g", decay);
        return false;
    }
    for (int i = 0; i < params.count; i++) {
        const tp_tensor *p = params.items[i];
        if (p && p->dense && tp__is_floating((tp_dtype)p->dtype)) continue;
        if (!p) tp__error_null(op, "params");
        else if (!p->dense)
            tp__error(TP_ERR_ARGUMENT, op, "parameter %d is not packed, of shape %s", i,
                      tp__shape_text(p->shape));
        else tp__error(TP_ERR_DTYPE, op, "parameter %d is %s, not float32 or float64", i, tp__dtype_text(p));
        return false;
    }
    return true;
}

static bool ema_fill(const char *op, tp_ema *ema, tp_tensors params) {
    size_t n = (size_t)params.count;
    ema->params = tp__alloc_zero(2 * n * sizeof *ema->params);
    ema->named = tp__alloc_zero((n + 1) * sizeof *ema->named);
    ema->names = tp__alloc_zero(n * EMA_NAME);
    if (!ema->params || !ema->named || !ema->names) {
        tp__error_memory(op, 2 * n * sizeof *ema->params);
        return false;
    }
    ema->averages = ema->params + n;
    ema->count = params.count;
    for (int i = 0; i < params.count; i++) {
        char *name = ema->names + (size_t)i * EMA_NAME;
        snprintf(name, EMA_NAME, "%d", i);
        ema->params[i] = tp_retain(params.items[i]);
        ema->averages[i] = tp_clone(tp_detach(params.items[i]));
        if (!tp_retain(ema->averages[i])) return false;
        ema->named[i] = (tp_named_tensor){name, ema->averages[i]};
    }
    ema->updates = tp_zeros(TP_SCALAR_SHAPE, TP_I64);
    if (!tp_retain(ema->updates)) return false;
    ema->named[params.count] = (tp_named_tensor){"n_averaged", ema->updates};
    return true;
}

tp_ema *tp_ema_new(tp_tensors params, double decay, tp_ema_options options) {
    const char *op = "ema_new";
    if (!ema_check(op, params, decay)) return NULL;
    tp_ema *ema = tp__alloc_zero(sizeof *ema);
    if (!ema) {
        tp__error_memory(op, sizeof *ema);
        return NULL;
    }
    tp__count(&tp__self()->counters.objects, 1);
    ema->decay = decay;
    ema->options = options;
    tp_scope *s = tp_scope_begin();
    bool good = s && ema_fill(op, ema, params);
    tp_scope_end(s);
    if (good) return ema;
    tp_ema_free(ema);
    return NULL;
}

void tp_ema_free(tp_ema *ema) {
    if (!ema) return;
    for (int i = 0; i < ema->count; i++) {
        tp_release(ema->params[i]);
        tp_release(ema->averages[i]);
    }
    tp_release(ema->updates);
    tp__free(ema->params);
    tp__free(ema->named);
    tp__free(ema->names);
    tp__free(ema);
    tp__count(&tp__self()->counters.objects, -1);
}

/* ---- averages and parameters ------------------------------------------------------------------------- */

typedef struct ema_job {
    char *average, *param;
    tp_dtype dtype;
    double share; /* of the parameter in the new average; negative: the two are exchanged */
} ema_job;

/* torch.lerp's two forms: each exact at its own end. */
#define EMA_RUN(T)                                                                                           \
    do {                                                                                                     \
        T *a = (T *)(void *)job->average, *p = (T *)(void *)job->param, share = (T)job->share;               \
        for (int64_t i = begin; i < end; i++) {                                                              \
            T old = a[i], apart = p[i] - old;                                                                \
            a[i] = job->share < 0     ? p[i]                                                                 \
                   : job->share < 0.5 ? old + share * apart                                                  \
                                      : p[i] - apart * (1 - share);                                          \
            if (job->share < 0) p[i] = old;                                                                  \
        }                                                                                                    \
    } while (0)

static void ema_range(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const ema_job *job = context;
    if (job->dtype == TP_F64) EMA_RUN(double);
    else EMA_RUN(float);
}

static void ema_run(const tp_ema *ema, double share) {
    for (int i = 0; i < ema->count; i++) {
        tp_tensor *a = ema->averages[i], *p = ema->params[i];
        ema_job job = {tp__data(a), tp__data(p), (tp_dtype)p->dtype, share};
        tp__touch(a);
        if (share < 0) tp__touch(p);
        tp__parallel_for(p->numel, EMA_GRAIN, ema_range, &job);
    }
}

static void ema_copy(tp_tensor *to, const tp_tensor *from) {
    if (to->numel > 0)
        memcpy(tp__data(to), tp__data(from), (size_t)to->numel * tp__itemsize((tp_dtype)to->dtype));
    tp__touch(to);
}

static tp_status ema_ready(const char *op, const tp_ema *ema) {
    if (!ema) return tp__error_null(op, "ema");
    return ema->swapped ? tp__error(TP_ERR_STATE, op, "averages and parameters are swapped") : TP_OK;
}

tp_status tp_ema_update(tp_ema *ema) {
    TP_TRY(tp__deliver(ema_ready("ema_update", ema)));
    double n = (double)*ema_updates(ema), decay = ema->decay;
    if (ema->options.warmup) decay = fmin(decay, (1 + n) / (10 + n));
    if (n > 0) ema_run(ema, 1 - decay);
    else /* not by ema_run(): what has not been finite would stay in the average */
        for (int i = 0; i < ema->count; i++) ema_copy(ema->averages[i], ema->params[i]);
    ++*ema_updates(ema);
    return TP_OK;
}

tp_status tp_ema_swap(tp_ema *ema) {
    if (!ema) return tp__deliver(tp__error_null("ema_swap", "ema"));
    ema_run(ema, -1);
    ema->swapped = !ema->swapped;
    return TP_OK;
}

bool tp_ema_swapped(const tp_ema *ema) {
    if (ema) return ema->swapped;
    tp__error_null("ema_swapped", "ema");
    return false;
}

tp_status tp_ema_copy_to(tp_ema *ema) {
    TP_TRY(tp__deliver(ema_ready("ema_copy_to", ema)));
    for (int i = 0; i < ema->count; i++) ema_copy(ema->params[i], ema->averages[i]);
    return TP_OK;
}

/* ---- state ------------------------------------------------------------------------------------------- */

tp_named_tensors tp_ema_state(tp_ema *ema) {
    if (ema_ready("ema_state", ema) != TP_OK) return (tp_named_tensors){0, NULL};
    return (tp_named_tensors){ema->count + 1, ema->named};
}

/* The entry of the state for the k-th name, checked; NULL with a record. */
static const tp_tensor *ema_find(const char *op, const tp_ema *ema, tp_named_tensors state, int k) {
    const tp_named_tensor *own = &ema->named[k];
    const tp_tensor *found = NULL;
    for (int i = 0; i < state.count; i++) {
        if (!state.items[i].name || strcmp(state.items[i].name, own->name) != 0) continue;
        TP_REQUIRE(state.items[i].tensor, op);
        found = state.items[i].tensor;
    }
    if (!found) TP_FAIL(TP_ERR_ARGUMENT, op, "\"%s\" is missing", own->name);
    if (!tp_shape_equal(found->shape, own->tensor->shape))
        TP_FAIL(TP_ERR_SHAPE, op, "\"%s\" is %s instead of %s", own->name, tp__shape_text(found->shape),
                tp__shape_text(own->tensor->shape));
    if (found->dtype != own->tensor->dtype || !found->dense)
        TP_FAIL(TP_ERR_DTYPE, op, "\"%s\" is not packed %s but %s", own->name, tp__dtype_text(own->tensor),
                tp__dtype_text(found));
    if (k == ema->count && *tp__data_i64(found) < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "\"%s\" is negative", own->name);
    return found;
}

tp_status tp_ema_load_state(tp_ema *ema, tp_named_tensors state) {
    const char *op = "ema_load_state";
    TP_TRY(tp__deliver(ema_ready(op, ema)));
    TP_TRY(tp__deliver(tp__check_list(op, "state", state.count, state.items)));
    if (state.count > ema->count + 1)
        return tp__deliver(tp__error(TP_ERR_ARGUMENT, op, "%d tensors are given, averages and number are %d",
                                     state.count, ema->count + 1));
    for (int k = 0; k <= ema->count; k++)
        if (!ema_find(op, ema, state, k)) return tp__deliver(tp_last_error().code);
    for (int k = 0; k <= ema->count; k++) ema_copy(ema->named[k].tensor, ema_find(op, ema, state, k));
    return TP_OK;
}
