/* tp_optim_step(): one pass over all parameters, gradients and states. */
#include <string.h>

#include "core/scope.h"
#include "ops/ops.h"
#include "optim/optim.h"

/* All jobs' elements stand in one row, each job's from a multiple of STEP_ALIGN on, and the row is cut into
 * blocks: the cuts follow from the shapes alone, and every worker gets as much as the others. */
#define STEP_BLOCK 4096
#define STEP_ALIGN 16
#define STEP_GRAIN 4 /* blocks: below that a thread is not worth waking */

typedef struct step_plan {
    const tp__optim_job *jobs;
    int n_jobs;
} step_plan;

/* The first job that ends after element `at` of the row. */
static int step_find(const step_plan *plan, int64_t at) {
    int low = 0, high = plan->n_jobs;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (plan->jobs[middle].start + plan->jobs[middle].n <= at) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* n elements: those of the gradient from `from` on, of parameter and state from `at` on. */
static void step_run(const tp__optim_job *job, int64_t n, int64_t from, int64_t at) {
    size_t skip = (size_t)at * job->item;
    void *state[TP__OPTIM_ARRAYS];
    for (int k = 0; k < TP__OPTIM_ARRAYS; k++) state[k] = job->state[k] ? job->state[k] + skip : NULL;
    job->kernel(n, job->p + skip, job->g + (size_t)from * job->item, state, &job->coefs);
}

static void step_piece(const tp__optim_job *job, int64_t from, int64_t to) {
    if (!job->index) {
        step_run(job, to - from, from, from);
        return;
    }
    for (int64_t next; from < to; from = next) { /* row by row, which may lie anywhere */
        int64_t row = from / job->row;
        next = (row + 1) * job->row < to ? (row + 1) * job->row : to;
        step_run(job, next - from, from, job->index[row] * job->row + from % job->row);
    }
}

static void step_blocks(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const step_plan *plan = context;
    int first = step_find(plan, begin * STEP_BLOCK);
    for (int64_t block = begin; block < end; block++) {
        int64_t low = block * STEP_BLOCK, high = low + STEP_BLOCK;
        for (int k = first; k < plan->n_jobs && plan->jobs[k].start < high; k++) {
            const tp__optim_job *job = &plan->jobs[k];
            int64_t from = job->start < low ? low - job->start : 0;
            int64_t to = job->start + job->n < high ? job->n : high - job->start;
            if (from < to) step_piece(job, from, to);
            first = k; /* the next block begins in this job or after it */
        }
    }
}

/* The gradient as the kernel reads it: packed, and nobody's memory but its own. NULL with TP_OK if there is
 * none. Of one in rows *index says which they are, else it is NULL. */
static tp_status step_gradient(const char *op, const tp_optim *o, const tp__optim_param *param, int number,
                               tp_tensor **index, tp_tensor **result) {
    const tp_tensor *p = param->tensor;
    tp_tensor *g;
    *index = NULL;
    if (o->rule->takes_rows && o->rule->takes_rows(o, &o->groups[param->group]))
        TP_TRY(tp__grad_rows(p, index, result));
    if (*index) return TP_OK;
    TP_TRY(tp__grad_dense(p, &g));
    *result = g;
    if (!g) return TP_OK;
    if (!tp_shape_equal(g->shape, p->shape) || g->dtype != p->dtype)
        return tp__error(TP_ERR_SHAPE, op, "the gradient of parameter %d is %s %s, the parameter %s %s",
                         number, tp__dtype_text(g), tp__shape_text(g->shape), tp__dtype_text(p),
                         tp__shape_text(p->shape));
    bool shared = g->requires_grad || atomic_load_explicit(&g->storage->refs, memory_order_acquire) != 1;
    *result = g->dense && !shared ? g : tp_clone(g);
    return *result ? TP_OK : tp__error_null(op, "grad");
}

/* Makes what the parameter has not got of its state yet. */
static tp_status step_make_state(const char *op, const tp_optim *o, tp__optim_param *param) {
    for (int k = 0; k < o->n_state; k++) {
        if (param->state[k]) continue;
        tp_tensor *initial = tp__optim_initial(o, k, param->tensor);
        if (!initial) return tp__error_null(op, "state");
        param->state[k] = tp_retain(initial);
    }
    return TP_OK;
}

static void step_fill_job(const tp_optim *o, tp__optim_param *param, const tp_tensor *index,
                          const tp_tensor *g, int64_t start, tp__optim_job *job) {
    tp_tensor *p = param->tensor;
    int n_scalars = o->rule->n_scalars;
    *job = (tp__optim_job){.param = param,
                           .n = g->numel,
                           .start = start,
                           .index = index ? tp__data_i64(index) : NULL,
                           .row = index && g->numel > 0 ? g->numel / index->numel : 0,
                           .p = tp__data(p),
                           .g = tp__data(g),
                           .item = tp__itemsize((tp_dtype)p->dtype),
                           .kernel = o->rule->kernel(o, (tp_dtype)p->dtype)};
    for (int k = 0; k < n_scalars; k++)
        job->scalars[k] = *(const double *)(const void *)tp__data(param->state[k]);
    job->scalars[0] += 1;
    for (int k = n_scalars; k < o->n_state; k++) job->state[k - n_scalars] = tp__data(param->state[k]);
    o->rule->coefs(o, &o->groups[param->group], !param->begun, job->scalars, &job->coefs);
}

/* Of a rule without a kernel: the results of its definition, in the step's scope. */
static tp_status step_define_job(const char *op, const tp_optim *o, tp__optim_param *param, tp_tensor *g,
                                 tp__optim_job *job) {
    const tp__optim_group *group = &o->groups[param->group];
    *job = (tp__optim_job){.param = param};
    for (int k = 0; k < o->n_state; k++) job->result[1 + k] = param->state[k];
    tp_scope *s = tp_scope_begin();
    if (!s) return TP_ERR_MEMORY;
    tp_tensor *p = o->rule->update(o, group->weight_decay, tp_scalar(group->lr, TP_F64), param->tensor, g,
                                   job->result + 1);
    bool ok = (job->result[0] = tp_scope_escape(s, tp_contiguous(p))) != NULL;
    for (int k = 0; k < o->n_state; k++)
        ok = (job->result[1 + k] = tp_scope_escape(s, tp_contiguous(job->result[1 + k]))) && ok;
    tp_scope_end(s);
    return ok ? TP_OK : tp__error_null(op, "grad");
}

/* Everything that can fail. Fills in a job for each parameter that has a gradient. */
static tp_status step_prepare(const char *op, tp_optim *o, step_plan *plan, int64_t *elements) {
    int64_t at = 0;
    for (int i = 0; i < o->n_params; i++) {
        tp_tensor *g = NULL, *index = NULL;
        TP_TRY(step_gradient(op, o, &o->params[i], i, &index, &g));
        if (!g) continue;
        TP_TRY(step_make_state(op, o, &o->params[i]));
        tp__optim_job *job = &o->jobs[plan->n_jobs++];
        if (!o->rule->kernel) {
            TP_TRY(step_define_job(op, o, &o->params[i], g, job));
            continue;
        }
        step_fill_job(o, &o->params[i], index, g, at, job);
        at += (g->numel + STEP_ALIGN - 1) / STEP_ALIGN * STEP_ALIGN;
    }
    *elements = at;
    return TP_OK;
}

/* Writes what a rule without a kernel has computed. */
static void step_copy_results(const tp_optim *o, const tp__optim_job *job) {
    tp_tensor *to[1 + TP__OPTIM_STATES] = {job->param->tensor};
    for (int k = 0; k < o->n_state; k++) to[1 + k] = job->param->state[k];
    for (int k = 0; k < 1 + o->n_state; k++)
        if (to[k]->numel > 0)
            memcpy(tp__data(to[k]), tp__data(job->result[k]),
                   (size_t)to[k]->numel * tp__itemsize((tp_dtype)to[k]->dtype));
}

static tp_status step_take(const char *op, tp_optim *o) {
    step_plan plan = {o->jobs, 0};
    int64_t elements = 0;
    if (o->lbfgs) return tp__error(TP_ERR_STATE, op, "L-BFGS needs tp_optim_step_closure()");
    TP_TRY(step_prepare(op, o, &plan, &elements));
    for (int i = 0; i < plan.n_jobs; i++) {
        const tp__optim_job *job = &plan.jobs[i];
        tp__optim_param *param = job->param;
        tp__touch(param->tensor);
        for (int k = 0; k < o->n_state; k++) tp__touch(param->state[k]);
        for (int k = 0; k < o->rule->n_scalars; k++)
            *(double *)(void *)tp__data(param->state[k]) = job->scalars[k];
        if (!o->rule->kernel) step_copy_results(o, job);
        param->begun = true;
    }
    tp__parallel_for((elements + STEP_BLOCK - 1) / STEP_BLOCK, STEP_GRAIN, step_blocks, &plan);
    return TP_OK;
}

tp_status tp_optim_step(tp_optim *o) {
    const char *op = "optim_step";
    if (!o) return tp__deliver(tp__error_null(op, "optim"));
    tp_scope *s = tp_scope_begin();
    if (!s) return tp__deliver(TP_ERR_MEMORY);
    tp_set_grad_enabled(false);
    tp_status status = step_take(op, o);
    tp_scope_end(s);
    return tp__deliver(status);
}

/* The loss, recorded and walked. */
tp_status tp__optim_evaluate(const char *op, tp_optim *o, tp_loss_fn *loss, void *context, double *value) {
    TP_TRY(tp_optim_zero_grad(o));
    tp_scope *s = tp_scope_begin();
    if (!s) return TP_ERR_MEMORY;
    tp_set_grad_enabled(true);
    tp_tensor *t = loss(context);
    tp_status status =
        t || tp__error_pending() ? tp_backward(t) : tp__error(TP_ERR_NULL, op, "the loss is NULL");
    if (status == TP_OK) *value = tp_tensor_item(t);
    tp_scope_end(s);
    return status;
}

tp_status tp_optim_step_closure(tp_optim *o, tp_loss_fn *loss, void *context, double *value) {
    const char *op = "optim_step_closure";
    double found = NAN;
    if (value) *value = NAN;
    if (!o || !loss) return tp__deliver(tp__error_null(op, o ? "loss" : "optim"));
    tp_status status = o->lbfgs ? tp__lbfgs_step(op, o, loss, context, &found)
                                : tp__optim_evaluate(op, o, loss, context, &found);
    if (status == TP_OK && !o->lbfgs) status = tp_optim_step(o);
    if (status == TP_OK && value) *value = found;
    return tp__deliver(status);
}
