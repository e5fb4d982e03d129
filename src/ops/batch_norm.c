/* Batch normalisation. */
#include "kernels/norm.h"

#include <math.h>

#include "ops/ops.h"
#include "taper/norm.h"
#include "taper/tensor.h"

typedef struct batch_norm_attr {
    bool training;
    double eps;
} batch_norm_attr;

/* The inputs recorded: mean and var are the running ones, or when training the batch's, kept for the fused
 * rule alone. */
enum { BN_X, BN_WEIGHT, BN_BIAS, BN_MEAN, BN_VAR, BN_INPUTS };

/* ---- kernels ------------------------------------------------------------------------------------------ */

typedef struct batch_norm_run {
    tp__batch_norm_job job;
    tp__batch_norm_fn *kernel;
    int64_t each; /* channels an item */
} batch_norm_run;

static void batch_norm_range(void *context, int64_t begin, int64_t end, int worker) {
    const batch_norm_run *run = context;
    (void)worker;
    int64_t last = end * run->each;
    run->kernel(&run->job, begin * run->each, last < run->job.channels ? last : run->job.channels);
}

static void batch_norm_go(batch_norm_run *run, tp_shape shape) {
    tp__batch_norm_job *job = &run->job;
    job->images = shape.dims[0];
    job->channels = shape.dims[1];
    job->size = 1;
    for (int i = 2; i < shape.ndim; i++) job->size *= shape.dims[i];
    int64_t work = job->images * job->size;
    if (work == 0 || job->channels == 0) return;
    run->each = job->size == 1 ? TP__NORM_COLS : 1;
    tp__parallel_for((job->channels + run->each - 1) / run->each, ((int64_t)1 << 15) / (work * run->each),
                     batch_norm_range, run);
}

/* The data of an optional tensor, packed; false if out of memory. */
static bool batch_norm_data(tp_tensor *t, void **data) {
    *data = NULL;
    if (!t) return true;
    t = tp__packed("batch_norm", t, (tp_dtype)t->dtype);
    if (t) *data = tp__data(t);
    return t != NULL;
}

/* ---- the rule ----------------------------------------------------------------------------------------- */

/* (C) as (1, C, 1, ...). */
static tp_tensor *batch_norm_view(tp_tensor *t, tp_shape x) {
    if (!t) return NULL;
    tp_shape shape = {x.ndim, {0}};
    for (int i = 0; i < x.ndim; i++) shape.dims[i] = i == 1 ? x.dims[1] : 1;
    return tp_reshape(t, shape);
}

/* What batch normalisation is, in public ops. */
static bool batch_norm_composite(const void *attr, tp_tensor *const *in, tp_tensor **outputs) {
    const batch_norm_attr *a = attr;
    tp_tensor *x = in[BN_X], *mean, *var, *centred;
    if (!x) return false;
    if (a->training) {
        tp_dims dims = TP_NO_DIMS;
        for (int i = 0; i < x->shape.ndim; i++)
            if (i != 1) dims.items[dims.count++] = i;
        centred = tp_sub(x, mean = tp_mean_dim(x, dims, true));
        var = tp_mean_dim(tp_square(centred), dims, true);
    } else {
        mean = batch_norm_view(in[BN_MEAN], x->shape);
        var = batch_norm_view(in[BN_VAR], x->shape);
        centred = tp_sub(x, mean);
    }
    tp_tensor *y = tp_mul(centred, tp_rsqrt(tp_add_scalar(var, a->eps)));
    if (in[BN_WEIGHT]) y = tp_mul(y, batch_norm_view(in[BN_WEIGHT], x->shape));
    if (in[BN_BIAS]) y = tp_add(y, batch_norm_view(in[BN_BIAS], x->shape));
    outputs[0] = y;
    return y != NULL;
}

static void batch_norm_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__vjp_by_composite(ctx, batch_norm_composite, g, dx);
}

static void batch_norm_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    if (tp__needs(ctx, BN_MEAN) || tp__needs(ctx, BN_VAR)) {
        batch_norm_vjp(ctx, g, dx);
        return;
    }
    const char *op = "batch_norm";
    const batch_norm_attr *a = tp__attr(ctx);
    batch_norm_run run = {.job = {.eps = a->eps, .training = a->training}};
    tp_tensor *in[BN_INPUTS];
    for (int i = 0; i < BN_INPUTS; i++) {
        in[i] = tp__input(ctx, i);
        if (!in[i] && tp__has_input(ctx, i)) return;
    }
    tp_dtype dtype = (tp_dtype)in[BN_X]->dtype;
    tp_shape shape = in[BN_X]->shape, channels = TP_SHAPE(shape.dims[1]);
    void *x, *grad, *weight, *mean, *var;
    if (!batch_norm_data(in[BN_X], &x) || !batch_norm_data(g[0], &grad) ||
        !batch_norm_data(in[BN_WEIGHT], &weight) || !batch_norm_data(in[BN_MEAN], &mean) ||
        !batch_norm_data(in[BN_VAR], &var))
        return;
    tp_tensor *r = tp__needs(ctx, BN_X) ? tp__tensor_new(op, shape, dtype) : NULL;
    tp_tensor *dweight = tp_zeros(channels, dtype), *dbias = tp_zeros(channels, dtype);
    if ((tp__needs(ctx, BN_X) && !r) || !dweight || !dbias) return;
    run.job.x = x;
    run.job.g = grad;
    run.job.weight = weight;
    run.job.mean = mean;
    run.job.var = var;
    run.job.dx = r ? tp__data(r) : NULL;
    run.job.dweight = tp__data(dweight);
    run.job.dbias = tp__data(dbias);
    run.kernel = tp__kern->norm->batch_norm_grad[dtype];
    batch_norm_go(&run, shape);
    dx[BN_X] = r;
    dx[BN_WEIGHT] = dweight;
    dx[BN_BIAS] = dbias;
}

static const tp__op batch_norm_op = {.name = "batch_norm",
                                     .vjp = batch_norm_vjp,
                                     .vjp_fused = batch_norm_vjp_fused,
                                     .save_inputs = TP__ALL};

/* ---- the forward -------------------------------------------------------------------------------------- */

static bool batch_norm_check_channels(const tp_tensor *x, const tp_tensor *t, const char *name) {
    if (!t) return true;
    const char *op = "batch_norm";
    if (t->shape.ndim != 1 || t->shape.dims[0] != x->shape.dims[1]) {
        tp__error(TP_ERR_SHAPE, op, "%s is %s, but x %s has %lld channels", name, tp__shape_text(t->shape),
                  tp__shape_text(x->shape), (long long)x->shape.dims[1]);
        return false;
    }
    if (t->dtype != x->dtype) {
        tp__error(TP_ERR_DTYPE, op, "%s is %s, but x %s", name, tp__dtype_text(t), tp__dtype_text(x));
        return false;
    }
    return true;
}

static bool batch_norm_check(tp_tensor *x, const tp_batch_norm_options *o) {
    const char *op = "batch_norm";
    if (!tp__require_floating(op, "x", x)) return false;
    if (x->shape.ndim < 2) {
        tp__error(TP_ERR_SHAPE, op, "x must be (N, C) or (N, C, ...), got %s", tp__shape_text(x->shape));
        return false;
    }
    if (!o->running_mean != !o->running_var) {
        tp__error(TP_ERR_ARGUMENT, op, "of running_mean and running_var only one is given");
        return false;
    }
    if (!o->training && !o->running_mean) {
        tp__error(TP_ERR_ARGUMENT, op, "needs running_mean and running_var when not training");
        return false;
    }
    if (o->training && x->numel > 0 && x->numel == x->shape.dims[1]) {
        tp__error(TP_ERR_SHAPE, op, "training needs more than one value a channel, got x of shape %s",
                  tp__shape_text(x->shape));
        return false;
    }
    if (!batch_norm_check_channels(x, o->weight, "weight") ||
        !batch_norm_check_channels(x, o->bias, "bias") ||
        !batch_norm_check_channels(x, o->running_mean, "running_mean") ||
        !batch_norm_check_channels(x, o->running_var, "running_var"))
        return false;
    if (!o->training || !o->running_mean) return true;
    const char *instead = "running statistics that no graph needs";
    return tp__inplace_check(op, o->running_mean, false, instead) == TP_OK &&
           tp__inplace_check(op, o->running_var, false, instead) == TP_OK;
}

/* running = (1 - momentum) running + momentum batch * factor */
static void batch_norm_track(tp_tensor *running, const tp_tensor *batch, double momentum, double factor) {
    tp_dtype dtype = (tp_dtype)running->dtype;
    size_t item = tp__itemsize(dtype);
    char *to = tp__data(running);
    const char *from = tp__data(batch);
    for (int64_t c = 0; c < batch->numel; c++) {
        char *at = to + c * running->strides[0] * (int64_t)item;
        double now = tp__load_f64(from + c * (int64_t)item, dtype) * factor;
        tp__store_f64(at, dtype, (1 - momentum) * tp__load_f64(at, dtype) + momentum * now);
    }
    tp__touch(running);
}

/* Returns y, and the statistics in stats[0] (mean) and stats[1] (variance). */
static tp_tensor *batch_norm_forward(tp_tensor *x, const tp_batch_norm_options *o, tp_tensor *stats[2]) {
    const char *op = "batch_norm";
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_shape channels = TP_SHAPE(x->shape.dims[1]);
    batch_norm_attr attr = {o->training, tp__default(o->eps, 1e-5)};
    tp_tensor *mean = stats[0] = o->training ? tp_zeros(channels, dtype) : o->running_mean;
    tp_tensor *var = stats[1] = o->training ? tp_zeros(channels, dtype) : o->running_var;
    tp_tensor *y = mean && var ? tp__tensor_new(op, x->shape, dtype) : NULL;
    void *xs, *weight, *bias;
    batch_norm_run run = {.job = {.eps = attr.eps, .training = o->training}};
    if (!y || !batch_norm_data(x, &xs) || !batch_norm_data(o->weight, &weight) ||
        !batch_norm_data(o->bias, &bias) || !batch_norm_data(mean, &run.job.mean) ||
        !batch_norm_data(var, &run.job.var))
        return NULL;
    run.job.x = xs;
    run.job.weight = weight;
    run.job.bias = bias;
    run.job.y = tp__data(y);
    run.kernel = tp__kern->norm->batch_norm[dtype];
    batch_norm_go(&run, x->shape);
    return tp__record(&batch_norm_op, y, TP__INPUTS(x, o->weight, o->bias, mean, var), &attr, sizeof attr);
}

tp_tensor *tp_batch_norm(tp_tensor *x, tp_batch_norm_options options) {
    TP_REQUIRE(x, "batch_norm");
    TP_OPTIONAL(options.weight);
    TP_OPTIONAL(options.bias);
    TP_OPTIONAL(options.running_mean);
    TP_OPTIONAL(options.running_var);
    if (!batch_norm_check(x, &options)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *stats[2];
    tp_tensor *y = tp_scope_escape(scope, batch_norm_forward(x, &options, stats));
    if (y && options.training && options.running_mean && x->numel > 0) { /* nothing can fail any more */
        double momentum = tp__default(options.momentum, 0.1), n = (double)(x->numel / x->shape.dims[1]);
        batch_norm_track(options.running_mean, stats[0], momentum, 1);
        batch_norm_track(options.running_var, stats[1], momentum, n / (n - 1));
    }
    tp_scope_end(scope);
    return y;
}
