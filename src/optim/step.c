/* tp_optim_step(): one pass over all parameters, gradients and states. */
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

static void step_piece(const tp__optim_job *job, int64_t from, int64_t to) {
    size_t skip = (size_t)from * job->item;
    void *state[TP__OPTIM_ARRAYS];
    for (int k = 0; k < TP__OPTIM_ARRAYS; k++) state[k] = job->state[k] ? job->state[k] + skip : NULL;
    job->kernel(to - from, job->p + skip, job->g + skip, state, &job->coefs);
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
 * none. */
static tp_status step_gradient(const char *op, const tp__optim_param *param, int number, tp_tensor **result) {
    const tp_tensor *p = param->tensor;
    if (!tp__scope_reserve()) return tp__error_memory(op, sizeof(tp_tensor *));
    tp_tensor *g = tp_tensor_grad(p); /* there is room in the scope: NULL means that there is none */
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

/* Makes what the parameter has not got of its state yet: zeros. */
static tp_status step_make_state(const char *op, const tp_optim *o, tp__optim_param *param) {
    for (int k = 0; k < o->n_state; k++) {
        if (param->state[k]) continue;
        bool count = k == 0 && o->rule->counts;
        tp_tensor *zeros = count ? tp_zeros(TP_SCALAR_SHAPE, TP_F64) : tp_zeros_like(param->tensor);
        if (!zeros) return tp__error_null(op, "state");
        param->state[k] = tp_retain(zeros);
    }
    return TP_OK;
}

static void step_fill_job(const tp_optim *o, tp__optim_param *param, const tp_tensor *g, int64_t start,
                          tp__optim_job *job) {
    tp_tensor *p = param->tensor;
    bool counts = o->rule->counts;
    *job = (tp__optim_job){.param = param,
                           .n = p->numel,
                           .start = start,
                           .p = tp__data(p),
                           .g = tp__data(g),
                           .item = tp__itemsize((tp_dtype)p->dtype),
                           .kernel = o->rule->kernel(o, (tp_dtype)p->dtype),
                           .step = counts ? *(const double *)(const void *)tp__data(param->state[0]) + 1 : 0};
    for (int k = counts; k < o->n_state; k++) job->state[k - counts] = tp__data(param->state[k]);
    o->rule->coefs(o, &o->groups[param->group], !param->begun, job->step, &job->coefs);
}

/* Everything that can fail. Fills in a job for each parameter that has a gradient. */
static tp_status step_prepare(const char *op, tp_optim *o, step_plan *plan, int64_t *elements) {
    int64_t at = 0;
    for (int i = 0; i < o->n_params; i++) {
        tp_tensor *g = NULL;
        TP_TRY(step_gradient(op, &o->params[i], i, &g));
        if (!g) continue;
        TP_TRY(step_make_state(op, o, &o->params[i]));
        step_fill_job(o, &o->params[i], g, at, &o->jobs[plan->n_jobs++]);
        at += (o->params[i].tensor->numel + STEP_ALIGN - 1) / STEP_ALIGN * STEP_ALIGN;
    }
    *elements = at;
    return TP_OK;
}

static tp_status step_take(const char *op, tp_optim *o) {
    step_plan plan = {o->jobs, 0};
    int64_t elements;
    TP_TRY(step_prepare(op, o, &plan, &elements));
    for (int i = 0; i < plan.n_jobs; i++) {
        tp__optim_param *param = plan.jobs[i].param;
        tp__touch(param->tensor);
        for (int k = 0; k < o->n_state; k++) tp__touch(param->state[k]);
        if (o->rule->counts) *(double *)(void *)tp__data(param->state[0]) = plan.jobs[i].step;
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
