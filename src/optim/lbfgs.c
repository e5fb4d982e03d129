/* L-BFGS. All parameters are one vector here; the arithmetic is that of torch.optim.LBFGS. */
#include "optim/lbfgs.h"

#include <string.h>

#include "core/scope.h"
#include "ops/ops.h"
#include "taper/linalg.h"

/* What is carried from step to step. Slots hold references. */
typedef struct lbfgs_memory {
    double func_evals, n_iter, t, h_diag, prev_loss;
    tp_tensor *d, *prev_grad; /* the last direction and gradient; NULL before the first iteration */
    int count;                /* pairs in memory, the oldest first */
    tp_tensor **y, **s;       /* changes of the gradient and of the parameters: room for history_size */
    double *rho;              /* 1 / (y . s) */
} lbfgs_memory;

enum { LBFGS_NUMBERS = 5, LBFGS_TENSORS = 4, LBFGS_ENTRIES = LBFGS_NUMBERS + LBFGS_TENSORS };

struct tp__lbfgs {
    tp_lbfgs_options options;
    int64_t numel;
    lbfgs_memory memory;
    tp_tensor *given_out[LBFGS_ENTRIES]; /* what tp_optim_state() gave last */
};

/* ---- memory -------------------------------------------------------------------------------------------- */

static void memory_free(lbfgs_memory *m) {
    for (int k = 0; k < m->count; k++) {
        tp_release(m->y[k]);
        tp_release(m->s[k]);
    }
    tp_release(m->d);
    tp_release(m->prev_grad);
    tp__free(m->y);
    tp__free(m->s);
    tp__free(m->rho);
    *m = (lbfgs_memory){0};
}

/* A memory with room, empty or with what `from` holds. */
static tp_status memory_make(const char *op, int room, const lbfgs_memory *from, lbfgs_memory *m) {
    size_t bytes = (size_t)room * sizeof(tp_tensor *);
    *m = (lbfgs_memory){.h_diag = 1};
    if (from) *m = *from;
    m->count = 0;
    m->d = from ? tp_retain(from->d) : NULL;
    m->prev_grad = from ? tp_retain(from->prev_grad) : NULL;
    m->y = tp__alloc_zero(bytes);
    m->s = tp__alloc_zero(bytes);
    m->rho = tp__alloc_zero((size_t)room * sizeof *m->rho);
    if (!m->y || !m->s || !m->rho) {
        memory_free(m);
        return tp__error_memory(op, bytes);
    }
    for (int k = 0; from && k < from->count; k++) {
        m->y[k] = tp_retain(from->y[k]);
        m->s[k] = tp_retain(from->s[k]);
        m->rho[k] = from->rho[k];
        m->count++;
    }
    return TP_OK;
}

static void memory_forget_oldest(lbfgs_memory *m) {
    tp_release(m->y[0]);
    tp_release(m->s[0]);
    m->count--;
    memmove(m->y, m->y + 1, (size_t)m->count * sizeof *m->y);
    memmove(m->s, m->s + 1, (size_t)m->count * sizeof *m->s);
    memmove(m->rho, m->rho + 1, (size_t)m->count * sizeof *m->rho);
}

/* ---- parameters and gradients as one vector -------------------------------------------------------------- */

/* Writes the values of the vector, t times `d` added if that is given, to the parameters. */
static tp_status lbfgs_write(const char *op, tp_optim *o, const tp_tensor *x, tp_tensor *d, double t) {
    tp_tensor *values =
        d ? tp_add((tp_tensor *)(uintptr_t)x, tp_mul_scalar(d, t)) : (tp_tensor *)(uintptr_t)x;
    if (!values) return tp__error_null(op, "direction");
    const char *from = tp__data(values);
    for (int i = 0; i < o->n_params; i++) {
        size_t bytes = (size_t)o->list[i]->numel * tp__itemsize((tp_dtype)o->list[i]->dtype);
        if (bytes > 0) memcpy(tp__data(o->list[i]), from, bytes);
        tp__touch(o->list[i]);
        from += bytes;
    }
    return TP_OK;
}

/* One new vector of all parameters, or of all gradients. */
static tp_tensor *lbfgs_read(const char *op, const tp_optim *o, bool gradients) {
    tp_tensor *flat = tp__tensor_new(op, TP_SHAPE(o->lbfgs->numel), (tp_dtype)o->list[0]->dtype);
    if (!flat) return NULL;
    char *to = tp__data(flat);
    for (int i = 0; i < o->n_params; i++) {
        size_t bytes = (size_t)o->list[i]->numel * tp__itemsize((tp_dtype)flat->dtype);
        tp_tensor *from = gradients ? tp_tensor_grad(o->list[i]) : o->list[i];
        if (from) from = tp__packed(op, from, (tp_dtype)flat->dtype);
        if (tp__error_pending()) return NULL;
        if (bytes > 0 && from) memcpy(to, tp__data(from), bytes);
        else if (bytes > 0) memset(to, 0, bytes);
        to += bytes;
    }
    return flat;
}

static double lbfgs_dot(tp_tensor *a, tp_tensor *b) { return tp_tensor_item(tp_dot(a, b)); }

static double lbfgs_largest(tp_tensor *v) {
    return v->numel ? tp_tensor_item(tp_amax(tp_abs(v), TP_NO_DIMS, false)) : 0;
}

/* The loss and its gradient where the parameters are. */
static tp_status lbfgs_evaluate(const tp__lbfgs_run *run, tp__lbfgs_point *point) {
    TP_TRY(tp__optim_evaluate(run->op, run->o, run->loss, run->context, &point->value));
    tp_tensor *grad = lbfgs_read(run->op, run->o, true);
    if (!grad) return tp__error_null(run->op, "grad");
    tp_tensor *old = point->grad;
    point->grad = tp_retain(grad);
    tp_release(old);
    return TP_OK;
}

tp_status tp__lbfgs_probe(const tp__lbfgs_run *run, const tp_tensor *x, tp_tensor *d, double t,
                          tp__lbfgs_point *point) {
    tp_scope *s = tp_scope_begin();
    if (!s) return TP_ERR_MEMORY;
    tp_status status = lbfgs_write(run->op, run->o, x, d, t);
    if (status == TP_OK) status = lbfgs_evaluate(run, point);
    if (status == TP_OK) status = lbfgs_write(run->op, run->o, x, NULL, 0);
    point->t = t;
    if (status == TP_OK) point->slope = lbfgs_dot(point->grad, d);
    if (status == TP_OK && tp__error_pending()) status = tp__error_null(run->op, "direction");
    tp_scope_end(s);
    return status;
}

/* ---- a step ------------------------------------------------------------------------------------------------ */

/* Takes the last step into memory, if its curvature is positive. */
static tp_status lbfgs_remember(const char *op, lbfgs_memory *m, tp_tensor *grad, int history_size) {
    tp_tensor *y = tp_sub(grad, m->prev_grad), *s = tp_mul_scalar(m->d, m->t);
    double ys = lbfgs_dot(y, s), yy = lbfgs_dot(y, y);
    if (tp__error_pending()) return tp__error_null(op, "direction");
    if (!(ys > 1e-10)) return TP_OK;
    if (m->count == history_size) memory_forget_oldest(m);
    m->y[m->count] = tp_retain(y);
    m->s[m->count] = tp_retain(s);
    m->rho[m->count++] = 1 / ys;
    m->h_diag = ys / yy;
    return TP_OK;
}

/* -H grad, by the two loops over the pairs in memory; `along` has room for as many numbers. */
static tp_tensor *lbfgs_direction(const lbfgs_memory *m, tp_tensor *grad, double *along) {
    tp_tensor *q = tp_neg(grad);
    for (int k = m->count - 1; k >= 0; k--) {
        along[k] = lbfgs_dot(m->s[k], q) * m->rho[k];
        q = tp_add(q, tp_mul_scalar(m->y[k], -along[k]));
    }
    q = tp_mul_scalar(q, m->h_diag);
    for (int k = 0; k < m->count; k++) {
        double back = lbfgs_dot(m->y[k], q) * m->rho[k];
        q = tp_add(q, tp_mul_scalar(m->s[k], along[k] - back));
    }
    return q;
}

typedef struct lbfgs_progress {
    tp__lbfgs_point here; /* t = 0 */
    int iterations, evaluations;
    bool done;
} lbfgs_progress;

/* Moves along the direction, by a search or by t. */
static tp_status lbfgs_move(const tp__lbfgs_run *run, const tp_lbfgs_options *options, lbfgs_memory *m,
                            lbfgs_progress *now) {
    tp_tensor *x = lbfgs_read(run->op, run->o, false);
    int evaluations = 0;
    if (!x) return tp__error_null(run->op, "params");
    if (options->strong_wolfe) {
        tp__lbfgs_point found = {0};
        int most = options->max_eval - now->evaluations;
        TP_TRY(tp__lbfgs_search(run, x, m->d, m->t, &now->here, options->tolerance_change, most, &found,
                                &evaluations));
        m->t = found.t;
        tp__lbfgs_point_set(&now->here, &found);
        tp__lbfgs_point_clear(&found);
        TP_TRY(lbfgs_write(run->op, run->o, x, m->d, m->t));
    } else {
        TP_TRY(lbfgs_write(run->op, run->o, x, m->d, m->t));
        if (now->iterations < options->max_iter) { /* where the last step leads is seen at the next */
            TP_TRY(lbfgs_evaluate(run, &now->here));
            evaluations = 1;
        }
    }
    now->evaluations += evaluations;
    m->func_evals += evaluations;
    return TP_OK;
}

static bool lbfgs_finished(const tp_lbfgs_options *options, const lbfgs_memory *m, lbfgs_progress *now) {
    return now->iterations == options->max_iter || now->evaluations >= options->max_eval ||
           lbfgs_largest(now->here.grad) <= options->tolerance_grad ||
           lbfgs_largest(m->d) * fabs(m->t) <= options->tolerance_change ||
           fabs(now->here.value - m->prev_loss) < options->tolerance_change;
}

static tp_status lbfgs_iterate(const tp__lbfgs_run *run, const tp_lbfgs_options *options, lbfgs_memory *m,
                               lbfgs_progress *now, double *along) {
    tp_tensor *grad = now->here.grad;
    double lr = run->o->groups[0].lr;
    bool first = m->n_iter == 0;
    now->iterations++;
    m->n_iter++;
    if (!first) TP_TRY(lbfgs_remember(run->op, m, grad, options->history_size));
    TP_TRY(tp_keep(&m->d, first ? tp_neg(grad) : lbfgs_direction(m, grad, along)));
    TP_TRY(tp_keep(&m->prev_grad, grad));
    m->prev_loss = now->here.value;
    m->t = first ? fmin(1, 1 / tp_tensor_item(tp_sum(tp_abs(grad)))) * lr : lr;
    now->here.t = 0;
    now->here.slope = lbfgs_dot(grad, m->d);
    if (tp__error_pending()) return tp__error_null(run->op, "direction");
    if (now->here.slope > -options->tolerance_change) {
        now->done = true;
        return TP_OK;
    }
    TP_TRY(lbfgs_move(run, options, m, now));
    now->done = lbfgs_finished(options, m, now);
    return tp__error_pending() ? tp__error_null(run->op, "direction") : TP_OK;
}

static tp_status lbfgs_run_step(const tp__lbfgs_run *run, lbfgs_memory *m, double *along, double *value) {
    const tp_lbfgs_options *options = &run->o->lbfgs->options;
    lbfgs_progress now = {.evaluations = 1};
    tp_status status = lbfgs_evaluate(run, &now.here);
    m->func_evals++;
    *value = now.here.value;
    if (status == TP_OK) now.done = lbfgs_largest(now.here.grad) <= options->tolerance_grad;
    while (status == TP_OK && !now.done) {
        tp_scope *s = tp_scope_begin();
        status = s ? lbfgs_iterate(run, options, m, &now, along) : TP_ERR_MEMORY;
        tp_scope_end(s);
    }
    tp__lbfgs_point_clear(&now.here);
    return status;
}

tp_status tp__lbfgs_step(const char *op, tp_optim *o, tp_loss_fn *loss, void *context, double *value) {
    tp__lbfgs *l = o->lbfgs;
    const tp__lbfgs_run run = {op, o, loss, context};
    lbfgs_memory next;
    TP_TRY(memory_make(op, l->options.history_size, &l->memory, &next));
    double *along = tp__alloc_zero((size_t)l->options.history_size * sizeof *along);
    tp_scope *s = along ? tp_scope_begin() : NULL;
    tp_tensor *before = NULL;
    tp_status status = s ? TP_OK : tp__error_memory(op, (size_t)l->options.history_size * sizeof *along);
    if (s) tp_set_grad_enabled(false);
    if (s && !(before = lbfgs_read(op, o, false))) status = tp__error_null(op, "params");
    if (status == TP_OK) status = lbfgs_run_step(&run, &next, along, value);
    lbfgs_memory unwanted = next;
    if (status == TP_OK) {
        unwanted = l->memory;
        l->memory = next;
    } else if (before) {
        lbfgs_write(op, o, before, NULL, 0);
    }
    memory_free(&unwanted);
    tp_scope_end(s);
    tp__free(along);
    return status;
}

/* ---- state, as tensors ------------------------------------------------------------------------------------- */

static const char *const lbfgs_names[LBFGS_ENTRIES] = {"0.func_evals",     "0.n_iter",    "0.t",
                                                       "0.H_diag",         "0.prev_loss", "0.d",
                                                       "0.prev_flat_grad", "0.old_dirs",  "0.old_stps"};

static double *lbfgs_number(lbfgs_memory *m, int k) {
    double *const numbers[LBFGS_NUMBERS] = {&m->func_evals, &m->n_iter, &m->t, &m->h_diag, &m->prev_loss};
    return numbers[k];
}

/* (count, numel) of the vectors. */
static tp_tensor *lbfgs_stacked(const tp_optim *o, int count, tp_tensor **vectors) {
    if (count == 0) return tp_zeros(TP_SHAPE(0, o->lbfgs->numel), (tp_dtype)o->list[0]->dtype);
    return tp_stack((tp_tensors){count, vectors}, 0);
}

tp_status tp__lbfgs_state(tp_optim *o, tp_named_tensors *state) {
    const char *op = "optim_state";
    tp__lbfgs *l = o->lbfgs;
    lbfgs_memory *m = &l->memory;
    *state = (tp_named_tensors){0, NULL};
    if (m->n_iter == 0) return TP_OK;
    tp_named_tensor *items = o->state_list ? o->state_list : tp__alloc(LBFGS_ENTRIES * sizeof *items);
    if (!items) return tp__error_memory(op, LBFGS_ENTRIES * sizeof *items);
    o->state_list = items;
    tp_scope *s = tp_scope_begin();
    if (!s) return TP_ERR_MEMORY;
    tp_set_grad_enabled(false);
    tp_tensor *made[LBFGS_ENTRIES];
    for (int k = 0; k < LBFGS_NUMBERS; k++) made[k] = tp_scalar(*lbfgs_number(m, k), TP_F64);
    made[5] = m->d;
    made[6] = m->prev_grad;
    made[7] = lbfgs_stacked(o, m->count, m->y);
    made[8] = lbfgs_stacked(o, m->count, m->s);
    bool ok = true;
    for (int k = 0; k < LBFGS_ENTRIES; k++) ok = ok && made[k];
    for (int k = 0; ok && k < LBFGS_ENTRIES; k++) {
        tp_release(l->given_out[k]);
        l->given_out[k] = tp_retain(made[k]);
        items[k] = (tp_named_tensor){lbfgs_names[k], made[k]};
    }
    tp_scope_end(s);
    if (!ok) return tp__error_null(op, "state");
    *state = (tp_named_tensors){LBFGS_ENTRIES, items};
    return TP_OK;
}

/* Sorts what is given into the order of the names, each once. */
static tp_status lbfgs_sort_state(const char *op, tp_named_tensors state, tp_tensor **sorted) {
    for (int j = 0; j < state.count; j++) {
        const tp_named_tensor *given = &state.items[j];
        int k = 0;
        while (k < LBFGS_ENTRIES && (!given->name || strcmp(given->name, lbfgs_names[k]) != 0)) k++;
        if (k == LBFGS_ENTRIES)
            return tp__error(TP_ERR_ARGUMENT, op, "\"%s\" is no state of this optimizer",
                             given->name ? given->name : "");
        if (sorted[k]) return tp__error(TP_ERR_ARGUMENT, op, "\"%s\" is given twice", given->name);
        if (!given->tensor)
            return tp__error_pending() ? tp__error_null(op, "state")
                                       : tp__error(TP_ERR_NULL, op, "\"%s\" is NULL", given->name);
        sorted[k] = given->tensor;
    }
    for (int k = 0; k < LBFGS_ENTRIES; k++)
        if (!sorted[k]) return tp__error(TP_ERR_ARGUMENT, op, "\"%s\" is missing", lbfgs_names[k]);
    return TP_OK;
}

static tp_status lbfgs_check_state(const char *op, const tp_optim *o, tp_tensor *const *sorted) {
    int64_t count = sorted[7]->shape.ndim == 2 ? sorted[7]->shape.dims[0] : 0, n = o->lbfgs->numel;
    for (int k = 0; k < LBFGS_ENTRIES; k++) {
        tp_shape shape = k < LBFGS_NUMBERS ? TP_SCALAR_SHAPE : k < 7 ? TP_SHAPE(n) : TP_SHAPE(count, n);
        if (!tp_shape_equal(sorted[k]->shape, shape))
            return tp__error(TP_ERR_SHAPE, op, "\"%s\" is %s instead of %s", lbfgs_names[k],
                             tp__shape_text(sorted[k]->shape), tp__shape_text(shape));
        bool whole = k < 2 && tp__is_index((tp_dtype)sorted[k]->dtype);
        if (!tp__is_floating((tp_dtype)sorted[k]->dtype) && !whole)
            return tp__error(TP_ERR_DTYPE, op, "\"%s\" is %s", lbfgs_names[k], tp__dtype_text(sorted[k]));
    }
    if (count <= o->lbfgs->options.history_size) return TP_OK;
    return tp__error(TP_ERR_SHAPE, op, "\"%s\" holds %lld vectors; history_size is %d", lbfgs_names[7],
                     (long long)count, o->lbfgs->options.history_size);
}

static tp_status lbfgs_fill(const char *op, const tp_optim *o, tp_tensor *const *sorted, lbfgs_memory *m) {
    tp_dtype dtype = (tp_dtype)o->list[0]->dtype;
    tp_tensor *made[LBFGS_TENSORS];
    for (int k = 0; k < LBFGS_NUMBERS; k++) *lbfgs_number(m, k) = tp_tensor_item(sorted[k]);
    for (int k = 0; k < LBFGS_TENSORS; k++)
        made[k] = tp_clone(tp_to_dtype(tp_detach(sorted[LBFGS_NUMBERS + k]), dtype));
    TP_TRY(tp_keep(&m->d, made[0]));
    TP_TRY(tp_keep(&m->prev_grad, made[1]));
    int count = made[2] && made[3] ? (int)tp_tensor_size(made[2], 0) : 0;
    for (int k = 0; k < count; k++) {
        tp_tensor *y = tp_clone(tp_select(made[2], 0, k)), *s = tp_clone(tp_select(made[3], 0, k));
        double ys = lbfgs_dot(y, s);
        if (!y || !s || tp__error_pending()) break;
        m->y[k] = tp_retain(y);
        m->s[k] = tp_retain(s);
        m->rho[k] = 1 / ys;
        m->count++;
    }
    return tp__error_pending() ? tp__error_null(op, "state") : TP_OK;
}

tp_status tp__lbfgs_load_state(const char *op, tp_optim *o, tp_named_tensors state) {
    tp__lbfgs *l = o->lbfgs;
    tp_tensor *sorted[LBFGS_ENTRIES] = {0};
    lbfgs_memory loaded;
    if (state.count > 0) TP_TRY(lbfgs_sort_state(op, state, sorted));
    if (state.count > 0) TP_TRY(lbfgs_check_state(op, o, sorted));
    TP_TRY(memory_make(op, l->options.history_size, NULL, &loaded));
    tp_scope *s = tp_scope_begin();
    tp_status status = s ? TP_OK : TP_ERR_MEMORY;
    if (s) tp_set_grad_enabled(false);
    if (s && state.count > 0) status = lbfgs_fill(op, o, sorted, &loaded);
    tp_scope_end(s);
    lbfgs_memory unwanted = status == TP_OK ? l->memory : loaded;
    if (status == TP_OK) l->memory = loaded;
    memory_free(&unwanted);
    return status;
}

/* ---- making and freeing -------------------------------------------------------------------------------------- */

void tp__lbfgs_free(tp__lbfgs *l) {
    if (!l) return;
    memory_free(&l->memory);
    for (int k = 0; k < LBFGS_ENTRIES; k++) tp_release(l->given_out[k]);
    tp__free(l);
}

static const tp__optim_rule lbfgs_rule = {.name = "optim_lbfgs"};

static tp_status lbfgs_check_options(const char *op, const tp_lbfgs_options *options) {
    if (options->max_iter < 1 || options->max_eval < 1 || options->history_size < 1)
        return tp__error(TP_ERR_ARGUMENT, op,
                         "max_iter, max_eval and history_size must be positive, got %d, %d and %d",
                         options->max_iter, options->max_eval, options->history_size);
    if (tp__optim_not_negative(options->tolerance_grad) && tp__optim_not_negative(options->tolerance_change))
        return TP_OK;
    return tp__error(TP_ERR_ARGUMENT, op, "tolerances must be finite and not negative, got %g and %g",
                     options->tolerance_grad, options->tolerance_change);
}

/* The parts that only L-BFGS has. */
static tp_status lbfgs_attach(const char *op, tp_optim *o, const tp_lbfgs_options *options) {
    for (int i = 1; i < o->n_params; i++)
        if (o->list[i]->dtype != o->list[0]->dtype)
            return tp__error(TP_ERR_DTYPE, op, "parameter %d is %s, parameter 0 %s; all must be alike", i,
                             tp__dtype_text(o->list[i]), tp__dtype_text(o->list[0]));
    tp__lbfgs *l = tp__alloc_zero(sizeof *l);
    if (!l) return tp__error_memory(op, sizeof *l);
    o->lbfgs = l;
    l->options = *options;
    for (int i = 0; i < o->n_params; i++) l->numel += o->list[i]->numel;
    return memory_make(op, options->history_size, NULL, &l->memory);
}

tp_optim *tp_optim_lbfgs(tp_tensors params, double lr, tp_lbfgs_options options) {
    const char *op = lbfgs_rule.name;
    if (options.max_iter == 0) options.max_iter = 20;
    if (options.max_eval == 0) options.max_eval = (int)((int64_t)options.max_iter * 5 / 4);
    if (options.history_size == 0) options.history_size = 100;
    options.tolerance_grad = tp__default(options.tolerance_grad, 1e-7);
    options.tolerance_change = tp__default(options.tolerance_change, 1e-9);
    if (lbfgs_check_options(op, &options) != TP_OK) return NULL;
    tp_optim *o = tp__optim_new(&lbfgs_rule, (tp__optim_hyper){0}, 0, NULL, NULL, params, lr, 0);
    if (!o || lbfgs_attach(op, o, &options) == TP_OK) return o;
    tp_optim_free(o);
    return NULL;
}
