/* Normalisation of rows: layer, RMS, group and instance normalisation are one op, with other rows. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/norm.h"
#include "ops/ops.h"
#include "taper/norm.h"
#include "taper/tensor.h"

/* x seen as (rows, n); weights as tp__norm_rows_job has them. */
typedef struct norm_attr {
    int64_t rows, n, period, span;
    bool centred, channels; /* channels: weight is (C), else of x's last dims */
    double eps;
} norm_attr;

/* The inputs recorded: the statistics are kept for the fused rule alone. */
enum { NORM_X, NORM_WEIGHT, NORM_BIAS, NORM_MEAN, NORM_RSTD, NORM_INPUTS };

/* ---- the rule ------------------------------------------------------------------------------------------------- */

/* (C) as (C, 1, ...) where it is of channels. */
static tp_tensor *norm_view(const norm_attr *a, tp_tensor *t, tp_shape x) {
    if (!a->channels) return t;
    tp_shape shape = {x.ndim - 1, {x.dims[1]}};
    for (int d = 1; d < shape.ndim; d++) shape.dims[d] = 1;
    return tp_reshape(t, shape);
}

static bool norm_composite(const void *attr, tp_tensor *const *in, tp_tensor **outputs) {
    const norm_attr *a = attr;
    tp_tensor *x = in[NORM_X];
    if (!x) return false;
    tp_tensor *y = tp_reshape(x, TP_SHAPE(a->rows, a->n));
    if (a->centred) y = tp_sub(y, tp_mean_dim(y, TP_DIMS(1), true));
    y = tp_mul(y, tp_rsqrt(tp_add_scalar(tp_mean_dim(tp_square(y), TP_DIMS(1), true), a->eps)));
    y = tp_reshape(y, x->shape);
    if (in[NORM_WEIGHT]) y = tp_mul(y, norm_view(a, in[NORM_WEIGHT], x->shape));
    if (in[NORM_BIAS]) y = tp_add(y, norm_view(a, in[NORM_BIAS], x->shape));
    outputs[0] = y;
    return y != NULL;
}

static void norm_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    tp__vjp_by_composite(ctx, norm_composite, g, dx);
}

/* ---- kernels -------------------------------------------------------------------------------------------------- */

typedef struct norm_run {
    tp__norm_rows_job job;
    tp_dtype dtype;
    int64_t chunk; /* backward: rows whose parts of dweight and dbias are added up one after the other */
    char *scratch, *dweight, *dbias; /* a line each: of a worker, and of a chunk; NULL where not wanted */
} norm_run;

static void norm_forward_range(void *context, int64_t begin, int64_t end, int worker) {
    const norm_run *run = context;
    (void)worker;
    tp__kern->norm->norm_rows[run->dtype](&run->job, begin, end);
}

static void norm_backward_range(void *context, int64_t begin, int64_t end, int worker) {
    const norm_run *run = context;
    const tp__norm_rows_job *job = &run->job;
    size_t item = tp__itemsize(run->dtype), line = (size_t)(job->period * (job->n / job->span)) * item;
    for (int64_t c = begin; c < end; c++) {
        int64_t last = (c + 1) * run->chunk;
        tp__kern->norm->norm_rows_grad[run->dtype](job, c * run->chunk, last < job->rows ? last : job->rows,
                                                   run->scratch + (size_t)worker * (size_t)job->n * item,
                                                   run->dweight ? run->dweight + (size_t)c * line : NULL,
                                                   run->dbias ? run->dbias + (size_t)c * line : NULL);
    }
}

static tp__norm_rows_job norm_job(const norm_attr *a) {
    return (tp__norm_rows_job){.rows = a->rows,
                               .n = a->n,
                               .period = a->period,
                               .span = a->span,
                               .centred = a->centred,
                               .eps = a->eps};
}

/* Sums of the chunks' parts, of the weight's shape. */
static tp_tensor *norm_total(tp_tensor *parts, const tp_tensor *like) {
    return tp_reshape(tp_sum_dim(parts, TP_DIMS(0), false), like->shape);
}

static void norm_vjp_fused(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const char *op = tp__op_name(ctx);
    const norm_attr *a = tp__attr(ctx);
    norm_run run = {.job = norm_job(a)};
    tp_tensor *in[NORM_INPUTS];
    for (int i = 0; i < NORM_INPUTS; i++) {
        in[i] = tp__input(ctx, i);
        if (!in[i] && tp__has_input(ctx, i)) return;
    }
    bool affine = tp__needs(ctx, NORM_WEIGHT) || tp__needs(ctx, NORM_BIAS);
    run.dtype = (tp_dtype)in[NORM_X]->dtype;
    run.chunk = a->rows / 16 < 1 ? 1 : a->rows / 16 > 64 ? 64 : a->rows / 16;
    int64_t chunks = (a->rows + run.chunk - 1) / run.chunk;
    int64_t each = in[NORM_WEIGHT] ? in[NORM_WEIGHT]->numel : in[NORM_BIAS] ? in[NORM_BIAS]->numel : 0;
    bool good = true;
    run.job.x = tp__packed_data(op, in[NORM_X], &good);
    run.job.weight = tp__packed_data(op, in[NORM_WEIGHT], &good);
    run.job.g = tp__packed_data(op, g[0], &good);
    if (!good) return;
    tp_tensor *r = tp__needs(ctx, NORM_X) ? tp__tensor_new(op, in[NORM_X]->shape, run.dtype) : NULL;
    tp_tensor *dweight = affine ? tp_zeros(TP_SHAPE(chunks, each), run.dtype) : NULL;
    tp_tensor *dbias = affine ? tp_zeros(TP_SHAPE(chunks, each), run.dtype) : NULL;
    if ((tp__needs(ctx, NORM_X) && !r) || (affine && (!dweight || !dbias))) return;
    if (in[NORM_X]->numel > 0) {
        size_t bytes = (size_t)tp__max_workers() * (size_t)a->n * tp__itemsize(run.dtype);
        run.scratch = run.job.weight && r ? tp__alloc(bytes) : NULL;
        if (run.job.weight && r && !run.scratch) {
            tp__error_memory(op, bytes);
            return;
        }
        run.job.mean = tp__data(in[NORM_MEAN]);
        run.job.rstd = tp__data(in[NORM_RSTD]);
        run.job.dx = r ? tp__data(r) : NULL;
        run.dweight = affine ? tp__data(dweight) : NULL;
        run.dbias = affine ? tp__data(dbias) : NULL;
        tp__parallel_for(chunks, 16384 / (run.chunk * a->n) + 1, norm_backward_range, &run);
        tp__free(run.scratch);
    }
    dx[NORM_X] = r;
    if (tp__needs(ctx, NORM_WEIGHT)) dx[NORM_WEIGHT] = norm_total(dweight, in[NORM_WEIGHT]);
    if (tp__needs(ctx, NORM_BIAS)) dx[NORM_BIAS] = norm_total(dbias, in[NORM_BIAS]);
}

#define NORM_OP(NAME)                                                                                        \
    { .name = NAME, .vjp = norm_vjp, .vjp_fused = norm_vjp_fused, .save_inputs = TP__ALL }
static const tp__op layer_norm_op = NORM_OP("layer_norm"), rms_norm_op = NORM_OP("rms_norm"),
                    group_norm_op = NORM_OP("group_norm"), instance_norm_op = NORM_OP("instance_norm");

/* Everything has been checked. stats[0] (mean) and stats[1] (1 / standard deviation): of the rows, in the current scope, with the rest. */
static tp_tensor *norm_forward(const tp__op *op, const norm_attr *a, tp_tensor *x, tp_tensor *weight,
                               tp_tensor *bias, tp_tensor *stats[2]) {
    norm_run run = {.job = norm_job(a), .dtype = (tp_dtype)x->dtype};
    tp_tensor *y = tp__tensor_new(op->name, x->shape, run.dtype);
    for (int k = 0; k < 2 && y; k++)
        if (!(stats[k] = tp__tensor_new(op->name, TP_SHAPE(a->rows), run.dtype))) y = NULL;
    bool good = y != NULL;
    run.job.x = tp__packed_data(op->name, x, &good);
    run.job.weight = tp__packed_data(op->name, weight, &good);
    run.job.bias = tp__packed_data(op->name, bias, &good);
    if (!good) return NULL;
    run.job.y = tp__data(y);
    run.job.mean = tp__data(stats[0]);
    run.job.rstd = tp__data(stats[1]);
    if (y->numel > 0) tp__parallel_for(a->rows, 16384 / a->n + 1, norm_forward_range, &run);
    return tp__record(op, y, TP__INPUTS(x, weight, bias, stats[0], stats[1]), a, sizeof *a);
}

static tp_tensor *norm_run_op(const tp__op *op, const norm_attr *a, tp_tensor *x, tp_tensor *weight,
                              tp_tensor *bias) {
    tp_tensor *stats[2];
    tp_scope *s = tp_scope_begin();
    return s ? tp_scope_return(s, norm_forward(op, a, x, weight, bias, stats)) : NULL;
}

/* ---- layer and RMS -------------------------------------------------------------------------------------------- */

static bool norm_check_eps(const char *op, double eps) {
    if (eps >= 0 && isfinite(eps)) return true;
    TP_FAIL(TP_ERR_ARGUMENT, op, "eps must not be negative, got %g", eps);
}

static bool norm_last(const char *op, const tp_tensor *x, tp_shape normalized, norm_attr *a) {
    if (!tp__check_ndim(op, normalized)) return false;
    int first = x->shape.ndim - normalized.ndim;
    bool fits = normalized.ndim >= 1 && first >= 0;
    a->rows = a->n = 1;
    for (int d = 0; fits && d < x->shape.ndim; d++) {
        if (d < first) a->rows *= x->shape.dims[d];
        else {
            a->n *= x->shape.dims[d];
            fits = x->shape.dims[d] == normalized.dims[d - first];
        }
    }
    a->period = a->span = 1;
    if (fits) return true;
    TP_FAIL(TP_ERR_SHAPE, op, "x %s does not end in the normalized shape %s", tp__shape_text(x->shape),
            tp__shape_text(normalized));
}

tp_tensor *tp_layer_norm(tp_tensor *x, tp_shape normalized, tp_norm_options options) {
    const char *op = layer_norm_op.name;
    norm_attr a = {.centred = true, .eps = tp__default(options.eps, 1e-5)};
    TP_REQUIRE(x, op);
    TP_OPTIONAL(options.weight);
    TP_OPTIONAL(options.bias);
    if (!tp__require_floating(op, "x", x) || !norm_last(op, x, normalized, &a) ||
        !tp__check_part(op, x, options.weight, "weight", normalized) ||
        !tp__check_part(op, x, options.bias, "bias", normalized) || !norm_check_eps(op, a.eps))
        return NULL;
    return norm_run_op(&layer_norm_op, &a, x, options.weight, options.bias);
}

tp_tensor *tp_rms_norm(tp_tensor *x, tp_shape normalized, tp_tensor *weight, double eps) {
    const char *op = rms_norm_op.name;
    TP_REQUIRE(x, op);
    TP_OPTIONAL(weight);
    norm_attr a = {.eps = tp__default(eps, x->dtype == TP_F32 ? (double)FLT_EPSILON : DBL_EPSILON)};
    if (!tp__require_floating(op, "x", x) || !norm_last(op, x, normalized, &a) ||
        !tp__check_part(op, x, weight, "weight", normalized) || !norm_check_eps(op, a.eps))
        return NULL;
    return norm_run_op(&rms_norm_op, &a, x, weight, NULL);
}

/* ---- group and instance ---------------------------------------------------------------------------------------- */

static bool norm_channels(const char *op, const tp_tensor *x, int64_t groups, norm_attr *a) {
    if (!tp__require_floating(op, "x", x)) return false;
    if (x->shape.ndim < 2)
        TP_FAIL(TP_ERR_SHAPE, op, "x must be (N, C) or (N, C, ...), got %s", tp__shape_text(x->shape));
    int64_t images = x->shape.dims[0], channels = x->shape.dims[1];
    if (groups < 1 || channels % groups != 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "the %lld channels of %s do not make %lld groups", (long long)channels,
                tp__shape_text(x->shape), (long long)groups);
    if (channels == 0) groups = 1; /* any number of them is empty */
    a->channels = true;
    a->period = groups;
    a->rows = images * groups;
    a->span = 1;
    for (int d = 2; d < x->shape.ndim; d++) a->span *= x->shape.dims[d];
    a->n = channels / groups * a->span;
    return true;
}

tp_tensor *tp_group_norm(tp_tensor *x, int64_t groups, tp_norm_options options) {
    const char *op = group_norm_op.name;
    norm_attr a = {.centred = true, .eps = tp__default(options.eps, 1e-5)};
    TP_REQUIRE(x, op);
    TP_OPTIONAL(options.weight);
    TP_OPTIONAL(options.bias);
    if (!norm_channels(op, x, groups, &a)) return NULL;
    tp_shape channels = TP_SHAPE(x->shape.dims[1]);
    if (!tp__check_part(op, x, options.weight, "weight", channels) ||
        !tp__check_part(op, x, options.bias, "bias", channels) || !norm_check_eps(op, a.eps))
        return NULL;
    if (a.n == 1 && x->shape.dims[0] == 1)
        TP_FAIL(TP_ERR_SHAPE, op, "needs more than one value a group, got x of shape %s",
                tp__shape_text(x->shape));
    return norm_run_op(&group_norm_op, &a, x, options.weight, options.bias);
}

static bool instance_check(const char *op, tp_tensor *x, const tp_instance_norm_options *o, norm_attr *a) {
    if (!tp__require_floating(op, "x", x) || !norm_check_eps(op, o->eps)) return false;
    if (x->shape.ndim < 2)
        TP_FAIL(TP_ERR_SHAPE, op, "x must be (N, C, ...), got %s", tp__shape_text(x->shape));
    tp_shape channels = TP_SHAPE(x->shape.dims[1]);
    if (!tp__check_part(op, x, o->weight, "weight", channels) ||
        !tp__check_part(op, x, o->bias, "bias", channels) ||
        !tp__check_part(op, x, o->running_mean, "running_mean", channels) ||
        !tp__check_part(op, x, o->running_var, "running_var", channels))
        return false;
    if (!o->running_mean != !o->running_var)
        TP_FAIL(TP_ERR_ARGUMENT, op, "of running_mean and running_var only one is given");
    if (o->no_input_stats && !o->running_mean)
        TP_FAIL(TP_ERR_ARGUMENT, op, "needs running_mean and running_var without the input's statistics");
    if (x->shape.dims[1] > 0 && !norm_channels(op, x, x->shape.dims[1], a)) return false;
    if (x->numel > 0 && a->n == 1 && !o->no_input_stats)
        TP_FAIL(TP_ERR_SHAPE, op, "needs more than one value a channel, got x of shape %s",
                tp__shape_text(x->shape));
    if (!(o->momentum >= 0 && o->momentum <= 1))
        TP_FAIL(TP_ERR_ARGUMENT, op, "momentum must be in [0, 1], got %g", o->momentum);
    if (o->no_input_stats || !o->running_mean) return true;
    const char *instead = "running statistics that no graph needs";
    return tp__inplace_check(op, o->running_mean, false, instead) == TP_OK &&
           tp__inplace_check(op, o->running_var, false, instead) == TP_OK;
}

/* running = (1 - momentum) running + momentum (the mean of the images' values). of: (N, C), packed; as 1 / sqrt(var + eps) for `variance`,
 * of n elements each. */
static void instance_track(tp_tensor *running, const tp_tensor *of, double momentum, bool variance,
                           double eps, int64_t n) {
    tp_dtype dtype = (tp_dtype)running->dtype;
    int64_t item = (int64_t)tp__itemsize(dtype), channels = running->numel, images = of->numel / channels;
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0;
        for (int64_t i = 0; i < images; i++) {
            double v = tp__load_f64(tp__data(of) + (i * channels + c) * item, dtype);
            sum += variance ? (1 / (v * v) - eps) * (double)n / (double)(n - 1) : v;
        }
        char *at = tp__data(running) + c * running->strides[0] * item;
        tp__store_f64(at, dtype, (1 - momentum) * tp__load_f64(at, dtype) + momentum * sum / (double)images);
    }
    tp__touch(running);
}

tp_tensor *tp_instance_norm(tp_tensor *x, tp_instance_norm_options options) {
    const char *op = instance_norm_op.name;
    norm_attr a = {
        .centred = true, .channels = true, .eps = tp__default(options.eps, 1e-5), .period = 1, .span = 1};
    TP_REQUIRE(x, op);
    TP_OPTIONAL(options.weight);
    TP_OPTIONAL(options.bias);
    TP_OPTIONAL(options.running_mean);
    TP_OPTIONAL(options.running_var);
    if (!instance_check(op, x, &options, &a)) return NULL;
    if (options.no_input_stats)
        return tp_batch_norm(x, (tp_batch_norm_options){.weight = options.weight,
                                                        .bias = options.bias,
                                                        .running_mean = options.running_mean,
                                                        .running_var = options.running_var,
                                                        .eps = options.eps});
    tp_tensor *stats[2];
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *y =
        tp_scope_escape(s, norm_forward(&instance_norm_op, &a, x, options.weight, options.bias, stats));
    if (y && options.running_mean && x->numel > 0) { /* nothing can fail any more */
        double momentum = tp__default(options.momentum, 0.1);
        instance_track(options.running_mean, stats[0], momentum, false, 0, a.n);
        instance_track(options.running_var, stats[1], momentum, true, a.eps, a.n);
    }
    tp_scope_end(s);
    return y;
}

/* ---- normalize --------------------------------------------------------------------------------------------------- */

tp_tensor *tp_normalize(tp_tensor *x, double p, int dim, double eps) {
    const char *op = "normalize";
    TP_REQUIRE(x, op);
    if (!tp__require_floating(op, "x", x) || tp__wrap_dim(op, dim, x->shape.ndim) < 0 ||
        !norm_check_eps(op, eps))
        return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *norm = tp_norm_dim(x, p, TP_DIMS(dim), true);
    if (!norm) tp__error_rename(NULL, op);
    return tp_scope_return(s, tp_div(x, tp_clamp_min(norm, tp__default(eps, 1e-12))));
}
