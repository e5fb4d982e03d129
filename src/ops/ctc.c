/* Connectionist temporal classification. Differentiable once: the gradient is found along with the loss. */
#include <math.h>
#include <string.h>

#include "ops/loss.h"
#include "taper/tensor.h"

/* A sample's labels with blanks around them and in between make the 2 S + 1 states of a path, which stays in its state or
 * goes one further, or two past a blank between different labels. alpha and beta are the logarithms of the probabilities
 * of all ways to a state and on from it, each with the state's own step. */
typedef struct ctc_job {
    const tp_tensor *x;                               /* (T, N, C), packed */
    const int64_t *labels, *starts, *lengths, *steps; /* of sample n: labels[starts[n]] on; its T */
    int64_t blank, states;                            /* the most that a sample has */
    bool zero_infinity;
    double *alpha;          /* T x states of each worker; two rows of them without a gradient */
    double *beta, *sums;    /* two rows and C numbers of each worker, for a gradient */
    tp_tensor *loss, *grad; /* (N), and x's shape, zeros; grad NULL if not wanted */
} ctc_job;

/* exp(x), of which most are 0 or 1 here. */
static double ctc_exp(double x) { return x == 0 ? 1 : x == -INFINITY ? 0 : exp(x); }

/* log(exp(a) + exp(b) + exp(c)) */
static double ctc_log_add(double a, double b, double c) {
    const double most = a > b ? (a > c ? a : c) : (b > c ? b : c);
    if (most == -INFINITY) return most;
    return most + log(ctc_exp(a - most) + ctc_exp(b - most) + ctc_exp(c - most));
}

static double ctc_at(const ctc_job *job, int64_t t, int64_t n, int64_t c) {
    const tp_tensor *x = job->x;
    const int64_t at = (t * x->shape.dims[1] + n) * x->shape.dims[2] + c;
    return tp__load_f64(tp__data(x) + at * (int64_t)tp__itemsize((tp_dtype)x->dtype), (tp_dtype)x->dtype);
}

/* The class of state s. */
static int64_t ctc_class(const ctc_job *job, int64_t n, int64_t s) {
    return s % 2 ? job->labels[job->starts[n] + s / 2] : job->blank;
}

/* May a path go from state s - 2 to state s? */
static bool ctc_skips(const ctc_job *job, int64_t n, int64_t s) {
    const int64_t *label = job->labels + job->starts[n];
    return s % 2 && s > 1 && label[s / 2] != label[s / 2 - 1];
}

/* The alphas of step t from those before. */
static void ctc_forward_step(const ctc_job *job, int64_t n, int64_t t, int64_t states, const double *before,
                             double *alpha) {
    for (int64_t s = 0; s < states; s++) {
        double sum = t == 0 && s < 2 ? 0 : -INFINITY;
        if (t > 0) {
            sum = ctc_log_add(before[s], s > 0 ? before[s - 1] : -INFINITY,
                              ctc_skips(job, n, s) ? before[s - 2] : -INFINITY);
        }
        alpha[s] = sum == -INFINITY ? sum : sum + ctc_at(job, t, n, ctc_class(job, n, s));
    }
}

/* The betas of step t from those after. */
static void ctc_backward_step(const ctc_job *job, int64_t n, int64_t t, int64_t states, const double *after,
                              double *beta) {
    for (int64_t s = 0; s < states; s++) {
        double sum = t + 1 == job->steps[n] && s + 2 >= states ? 0 : -INFINITY;
        if (t + 1 < job->steps[n]) {
            sum = ctc_log_add(after[s], s + 1 < states ? after[s + 1] : -INFINITY,
                              s + 2 < states && ctc_skips(job, n, s + 2) ? after[s + 2] : -INFINITY);
        }
        beta[s] = sum == -INFINITY ? sum : sum + ctc_at(job, t, n, ctc_class(job, n, s));
    }
}

/* Minus the logarithm of the probability of all paths. */
static double ctc_loss_of(const ctc_job *job, int64_t n, double *rows) {
    const int64_t states = 2 * job->lengths[n] + 1, steps = job->steps[n];
    if (steps == 0) return states == 1 ? 0 : INFINITY;
    double *alpha = rows;
    for (int64_t t = 0; t < steps; t++) {
        const double *before = alpha;
        alpha = rows + (job->grad ? t : t % 2) * states;
        ctc_forward_step(job, n, t, states, before, alpha);
    }
    return -ctc_log_add(alpha[states - 1], states > 1 ? alpha[states - 2] : -INFINITY, -INFINITY);
}

static void ctc_store(const ctc_job *job, int64_t t, int64_t n, int64_t c, double v) {
    const tp_tensor *grad = job->grad;
    const int64_t at = (t * grad->shape.dims[1] + n) * grad->shape.dims[2] + c;
    tp__store_f64(tp__data(grad) + at * (int64_t)tp__itemsize((tp_dtype)grad->dtype), (tp_dtype)grad->dtype,
                  v);
}

/* d loss / d x[t, n, c] = minus the share of the paths that are in a state of class c at step t. */
static void ctc_gradient_of(const ctc_job *job, int64_t n, double loss, const double *rows, double *beta,
                            double *sums) {
    const int64_t states = 2 * job->lengths[n] + 1;
    double *after = beta;
    for (int64_t t = job->steps[n] - 1; t >= 0; t--) {
        double *now = beta + t % 2 * states;
        const double *alpha = rows + t * states;
        ctc_backward_step(job, n, t, states, after, now);
        after = now;
        for (int64_t s = 0; s < states; s++) {
            if (alpha[s] == -INFINITY || now[s] == -INFINITY) continue;
            const int64_t c = ctc_class(job, n, s);
            sums[c] += exp(alpha[s] + now[s] - ctc_at(job, t, n, c) + loss);
        }
        for (int64_t s = 0; s < states; s++) {
            const int64_t c = ctc_class(job, n, s);
            if (sums[c] != 0) ctc_store(job, t, n, c, -sums[c]);
        }
        for (int64_t s = 0; s < states; s++) sums[ctc_class(job, n, s)] = 0;
    }
}

static void ctc_range(void *context, int64_t begin, int64_t end, int worker) {
    const ctc_job *job = context;
    const tp_dtype dtype = (tp_dtype)job->x->dtype;
    const int64_t rows = job->grad ? job->x->shape.dims[0] : 2;
    double *alpha = job->alpha + worker * rows * job->states, *beta = job->beta + worker * 2 * job->states,
           *sums = job->sums + worker * job->x->shape.dims[2];
    for (int64_t n = begin; n < end; n++) {
        double loss = ctc_loss_of(job, n, alpha);
        const bool none = loss == INFINITY; /* no path at all */
        if (none && job->zero_infinity) loss = 0;
        tp__store_f64(tp__data(job->loss) + n * (int64_t)tp__itemsize(dtype), dtype, loss);
        if (!job->grad || (none && job->zero_infinity)) continue;
        if (!none) ctc_gradient_of(job, n, loss, alpha, beta, sums);
        for (int64_t t = 0; none && t < job->steps[n]; t++)
            for (int64_t c = 0; c < job->x->shape.dims[2]; c++) ctc_store(job, t, n, c, NAN);
    }
}

/* ---- the op ------------------------------------------------------------------------------------------- */

enum { CTC_X, CTC_GRAD };

/* dx = (N) as (1, N, 1) times what the forward found. */
static void ctc_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp_tensor *grad = tp__input(ctx, CTC_GRAD);
    if (grad) dx[CTC_X] = tp_mul(grad, tp_reshape(g[0], TP_SHAPE(1, grad->shape.dims[1], 1)));
}

static const tp__op ctc_op = {.name = "ctc_loss",
                              .vjp = ctc_vjp,
                              .save_inputs = 1u << CTC_GRAD,
                              .once = true};

/* Three parts of one allocation. */
static bool ctc_scratch(ctc_job *job, double **memory) {
    const size_t workers = (size_t)tp__max_workers(), states = (size_t)job->states;
    const size_t rows = job->grad ? (size_t)job->x->shape.dims[0] : 2,
                 classes = (size_t)job->x->shape.dims[2];
    size_t all, sums, bytes;
    bool fits = !__builtin_mul_overflow(rows + 2, states, &all) &&
                !__builtin_add_overflow(all, classes, &sums) &&
                !__builtin_mul_overflow(sums, workers * sizeof(double), &bytes);
    *memory = fits ? tp__alloc(bytes) : NULL;
    if (!*memory) {
        tp__error_memory(ctc_op.name, fits ? bytes : SIZE_MAX);
        return false;
    }
    job->alpha = *memory;
    job->beta = job->alpha + workers * rows * states;
    job->sums = job->beta + workers * 2 * states;
    memset(job->sums, 0, workers * classes * sizeof(double));
    return true;
}

/* The loss of each sample, (N). Everything has been checked. */
static tp_tensor *ctc_each(tp_tensor *x, ctc_job job) {
    const tp_dtype dtype = (tp_dtype)x->dtype;
    const int64_t batch = x->shape.dims[1];
    job.x = tp__packed(ctc_op.name, x, dtype);
    job.loss = tp__tensor_new(ctc_op.name, TP_SHAPE(batch), dtype);
    const bool wanted = tp__will_record(1, &x);
    if (wanted) job.grad = tp_zeros(x->shape, dtype);
    if (!job.x || !job.loss || (wanted && !job.grad)) return NULL;
    double *memory;
    if (!ctc_scratch(&job, &memory)) return NULL;
    tp__parallel_for(batch, 1, ctc_range, &job);
    tp__free(memory);
    return tp__record(&ctc_op, job.loss, TP__INPUTS(x, job.grad), NULL, 0);
}

/* ---- arguments ---------------------------------------------------------------------------------------- */

/* Lengths, (N): those given, or all of `most`. As packed I64; NULL with a record unless each is in [0, most]. */
static tp_tensor *ctc_lengths(const char *name, tp_tensor *given, int64_t batch, int64_t most) {
    const char *op = ctc_op.name;
    if (!given) return tp_full(TP_SHAPE(batch), (double)most, TP_I64);
    if (!tp__is_index((tp_dtype)given->dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "%s must be int64 or int32, got %s", name, tp__dtype_text(given));
    if (given->shape.ndim > 1 || given->numel != batch)
        TP_FAIL(TP_ERR_SHAPE, op, "%s must be (%lld,), one a sample, got %s", name, (long long)batch,
                tp__shape_text(given->shape));
    tp_tensor *lengths = tp__packed(op, given, TP_I64);
    const int64_t *length = lengths ? tp__data_i64(lengths) : NULL;
    for (int64_t n = 0; lengths && n < batch; n++)
        if (length[n] < 0 || length[n] > most)
            TP_FAIL(TP_ERR_ARGUMENT, op, "%s[%lld] is %lld, not in [0, %lld]", name, (long long)n,
                    (long long)length[n], (long long)most);
    return lengths;
}

static bool ctc_check(const tp_tensor *x, const tp_tensor *targets, const tp_ctc_options *o) {
    const char *op = ctc_op.name;
    if (!tp__require_floating(op, "x", x) || !tp__loss_check_reduction(op, o->reduction)) return false;
    const int rank = x->shape.ndim;
    if ((rank != 2 && rank != 3) || x->shape.dims[rank - 1] == 0)
        TP_FAIL(TP_ERR_SHAPE, op, "x must be (T, N, C) or (T, C), with classes, got %s",
                tp__shape_text(x->shape));
    if (!tp__is_index((tp_dtype)targets->dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "targets must be int64 or int32, got %s", tp__dtype_text(targets));
    if (targets->shape.ndim != 1 &&
        !(rank == 3 && targets->shape.ndim == 2 && targets->shape.dims[0] == x->shape.dims[1]))
        TP_FAIL(TP_ERR_SHAPE, op, "x of shape %s needs targets of shape %s, got %s", tp__shape_text(x->shape),
                rank == 3 ? "(N, S), or all in one row" : "(S,)", tp__shape_text(targets->shape));
    if (o->blank < 0 || o->blank >= x->shape.dims[rank - 1])
        TP_FAIL(TP_ERR_INDEX, op, "blank %lld is no class in [0, %lld)", (long long)o->blank,
                (long long)x->shape.dims[rank - 1]);
    return true;
}

/* Where each sample's labels start, (N) I64: rows of S, or one after the other. Checks them all. */
static tp_tensor *ctc_starts(tp_tensor *targets, ctc_job *job, int64_t batch, int64_t classes) {
    const char *op = ctc_op.name;
    const bool rows = targets->shape.ndim == 2;
    tp_tensor *starts = tp_empty(TP_SHAPE(batch), TP_I64);
    int64_t *start = starts ? tp__data_i64(starts) : NULL, next = 0;
    for (int64_t n = 0; starts && n < batch; n++) {
        start[n] = rows ? n * targets->shape.dims[1] : next;
        next += job->lengths[n];
        if (!rows && next > targets->numel) break;
        for (int64_t k = start[n]; k < start[n] + job->lengths[n]; k++) {
            if (job->labels[k] < 0 || job->labels[k] >= classes)
                TP_FAIL(TP_ERR_INDEX, op, "label %lld of sample %lld is %lld, which is no class in [0, %lld)",
                        (long long)(k - start[n]), (long long)n, (long long)job->labels[k],
                        (long long)classes);
            if (job->labels[k] == job->blank)
                TP_FAIL(TP_ERR_ARGUMENT, op, "label %lld of sample %lld is %lld, the blank",
                        (long long)(k - start[n]), (long long)n, (long long)job->blank);
        }
    }
    if (starts && !rows && next != targets->numel)
        TP_FAIL(TP_ERR_SHAPE, op, "the target lengths do not add up to the %lld labels",
                (long long)targets->numel);
    job->starts = start;
    return starts;
}

/* x: (T, N, C). */
static tp_tensor *ctc_batch(tp_tensor *x, tp_tensor *targets, tp_tensor *input_lengths,
                            tp_tensor *target_lengths, const tp_ctc_options *o) {
    const int64_t batch = x->shape.dims[1], widest = targets->shape.dims[targets->shape.ndim - 1];
    ctc_job job = {.blank = o->blank, .zero_infinity = o->zero_infinity, .states = 1};
    tp_tensor *steps = ctc_lengths("input_lengths", input_lengths, batch, x->shape.dims[0]);
    tp_tensor *lengths = steps ? ctc_lengths("target_lengths", target_lengths, batch, widest) : NULL;
    tp_tensor *labels = lengths ? tp__packed(ctc_op.name, targets, TP_I64) : NULL;
    if (!labels) return NULL;
    job.steps = tp__data_i64(steps);
    job.lengths = tp__data_i64(lengths);
    job.labels = tp__data_i64(labels);
    if (!ctc_starts(targets, &job, batch, x->shape.dims[2])) return NULL;
    for (int64_t n = 0; n < batch; n++)
        if (2 * job.lengths[n] + 1 > job.states) job.states = 2 * job.lengths[n] + 1;
    tp_tensor *loss = ctc_each(x, job);
    if (o->reduction != TP_MEAN) return loss;
    return tp_div(loss, tp_clamp_min(tp_to_dtype(lengths, (tp_dtype)x->dtype), 1));
}

tp_tensor *tp_ctc_loss(tp_tensor *x, tp_tensor *targets, tp_tensor *input_lengths, tp_tensor *target_lengths,
                       tp_ctc_options options) {
    const char *op = ctc_op.name;
    TP_REQUIRE(x, op);
    TP_REQUIRE(targets, op);
    TP_OPTIONAL(input_lengths);
    TP_OPTIONAL(target_lengths);
    if (!ctc_check(x, targets, &options)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    const bool alone = x->shape.ndim == 2;
    tp_tensor *wide = alone ? tp_unsqueeze(x, 1) : x;
    tp_tensor *loss = wide ? ctc_batch(wide, targets, input_lengths, target_lengths, &options) : NULL;
    if (loss && alone) loss = tp_reshape(loss, TP_SCALAR_SHAPE);
    return tp_scope_return(scope, loss ? tp__loss_reduce(loss, options.reduction) : NULL);
}
