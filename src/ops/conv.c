/* Convolution, and its two transposes, as a closed triple of bilinear ops: each one's gradients are the other two. */
#include "taper/conv.h"

#include "kernels/conv.h"
#include "ops/conv.h"
#include "ops/ops.h"
#include "taper/tensor.h"

/* What a node of the triple knows: the geometry, of which the batch is also the tensors'. */
typedef struct conv_attr {
    tp__conv2d g;
} conv_attr;

static tp_tensor *conv_value(const char *op, const tp__conv2d *g, tp_tensor *x, tp_tensor *w,
                             tp_tensor *bias);
static tp_tensor *conv_input_grad(const tp__conv2d *g, tp_tensor *dy, tp_tensor *w);
static tp_tensor *conv_weight_grad(const tp__conv2d *g, tp_tensor *dy, tp_tensor *x);
static tp_tensor *conv_plain(const tp__conv2d *g, tp_tensor *x, tp_tensor *w);

/* ---- kernels on threads ----------------------------------------------------------------------------------- */

typedef struct conv_job {
    const tp__conv2d *g;
    tp_dtype dtype;
    const char *a, *b, *bias; /* the operands in the kernel's order */
    char *out, *scratch;
    size_t scratch_bytes;   /* of each worker */
    int64_t chunk, weights; /* of the weight's gradient: images in a chunk, elements of the weight */
} conv_job;

static void *conv_worker_scratch(const conv_job *job, int worker) {
    return job->scratch + (size_t)worker * job->scratch_bytes;
}

static void conv_forward_range(void *context, int64_t begin, int64_t end, int worker) {
    const conv_job *job = context;
    tp__kern->conv->forward[job->dtype](job->g, job->a, job->b, job->bias, job->out, begin, end,
                                        conv_worker_scratch(job, worker));
}

static void conv_input_grad_range(void *context, int64_t begin, int64_t end, int worker) {
    const conv_job *job = context;
    tp__kern->conv->input_grad[job->dtype](job->g, job->a, job->b, job->out, begin, end,
                                           conv_worker_scratch(job, worker));
}

/* Items are chunks of images; each leaves its part of the gradient in a place of its own. */
static void conv_weight_grad_range(void *context, int64_t begin, int64_t end, int worker) {
    const conv_job *job = context;
    for (int64_t i = begin; i < end; i++) {
        int64_t n0 = i * job->chunk, n1 = n0 + job->chunk < job->g->n ? n0 + job->chunk : job->g->n;
        char *part = job->out + i * job->weights * (int64_t)tp__itemsize(job->dtype);
        tp__kern->conv->weight_grad[job->dtype](job->g, job->a, job->b, part, n0, n1,
                                                conv_worker_scratch(job, worker));
    }
}

/* Runs one of the above over `items`, with scratch for each worker. */
static bool conv_run(const char *op, conv_job *job, tp__range_fn *fn, int64_t items) {
    const tp__conv2d *g = job->g;
    double image =
        (double)g->o * (double)(g->c / g->groups) * (double)(g->kh * g->kw) * (double)(g->oh * g->ow);
    int64_t grain = image >= 65536 ? 1 : (int64_t)(65536 / (image + 1)) + 1;
    int workers = items <= grain ? 1 : tp__max_workers();
    job->scratch_bytes = (tp__kern->conv->scratch[job->dtype](g) + 63) / 64 * 64;
    size_t bytes = job->scratch_bytes * (size_t)workers;
    job->scratch = tp__buffer_alloc(bytes);
    if (!job->scratch) {
        tp__error_memory(op, bytes);
        return false;
    }
    tp__parallel_for(items, grain, fn, job);
    tp__buffer_free(job->scratch, bytes);
    return true;
}

/* ---- values ----------------------------------------------------------------------------------------------- */

static tp_tensor *conv_value(const char *op, const tp__conv2d *g, tp_tensor *x, tp_tensor *w,
                             tp_tensor *bias) {
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_tensor *y = tp__tensor_new(op, TP_SHAPE(g->n, g->o, g->oh, g->ow), dtype);
    tp_tensor *xp = y ? tp__packed(op, x, dtype) : NULL, *wp = xp ? tp__packed(op, w, dtype) : NULL,
              *bp = wp && bias ? tp__packed(op, bias, dtype) : NULL;
    if (!wp || (bias && !bp)) return NULL;
    if (y->numel == 0) return y;
    conv_job job = {.g = g,
                    .dtype = dtype,
                    .a = tp__data(xp),
                    .b = tp__data(wp),
                    .bias = bp ? tp__data(bp) : NULL,
                    .out = tp__data(y)};
    return conv_run(op, &job, conv_forward_range, g->n) ? y : NULL;
}

static tp_tensor *input_grad_value(const char *op, const tp__conv2d *g, tp_tensor *dy, tp_tensor *w) {
    tp_dtype dtype = (tp_dtype)dy->dtype;
    if (g->o == 0 || g->oh * g->ow == 0 || g->kh * g->kw == 0)
        return tp_zeros(TP_SHAPE(g->n, g->c, g->h, g->w), dtype);
    tp_tensor *dx = tp__tensor_new(op, TP_SHAPE(g->n, g->c, g->h, g->w), dtype);
    tp_tensor *gp = dx ? tp__packed(op, dy, dtype) : NULL, *wp = gp ? tp__packed(op, w, dtype) : NULL;
    if (!wp) return NULL;
    if (dx->numel == 0) return dx;
    conv_job job = {.g = g, .dtype = dtype, .a = tp__data(gp), .b = tp__data(wp), .out = tp__data(dx)};
    return conv_run(op, &job, conv_input_grad_range, g->n) ? dx : NULL;
}

/* How many images a chunk of the weight's gradient has: by the shape alone. At most 16 chunks, and so many pixels in each that
 * adding the chunks up costs little beside them, but 4 if there are images enough. */
static int64_t conv_chunk(const tp__conv2d *g) {
    int64_t least = (g->n + 15) / 16, wanted = 400 / (g->oh * g->ow + 1) + 1, most = (g->n + 3) / 4;
    if (wanted > most) wanted = most;
    return wanted > least ? wanted : least;
}

static tp_tensor *weight_grad_value(const char *op, const tp__conv2d *g, tp_tensor *dy, tp_tensor *x) {
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_shape shape = TP_SHAPE(g->o, g->c / g->groups, g->kh, g->kw);
    int64_t chunk = conv_chunk(g), chunks = chunk ? (g->n + chunk - 1) / chunk : 0;
    if (chunks == 0 || dy->numel == 0) return tp_zeros(shape, dtype);
    tp_shape all = {5, {chunks, shape.dims[0], shape.dims[1], shape.dims[2], shape.dims[3]}};
    tp_tensor *parts = tp__tensor_new(op, all, dtype);
    tp_tensor *gp = parts ? tp__packed(op, dy, dtype) : NULL, *xp = gp ? tp__packed(op, x, dtype) : NULL;
    if (!xp) return NULL;
    conv_job job = {.g = g,
                    .dtype = dtype,
                    .a = tp__data(gp),
                    .b = tp__data(xp),
                    .out = tp__data(parts),
                    .chunk = chunk,
                    .weights = parts->numel / chunks};
    if (!conv_run(op, &job, conv_weight_grad_range, chunks)) return NULL;
    tp_no_grad_begin();
    tp_tensor *dw = tp_sum_dim(parts, TP_DIMS(0), false); /* in the order of the chunks */
    tp_no_grad_end();
    return dw;
}

/* ---- the triple ------------------------------------------------------------------------------------------- */

static void conv2d_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {
    const conv_attr *attr = tp__attr(ctx);
    if (tp__needs(ctx, 0)) dx[0] = conv_input_grad(&attr->g, gs[0], tp__input(ctx, 1));
    if (tp__needs(ctx, 1)) dx[1] = conv_weight_grad(&attr->g, gs[0], tp__input(ctx, 0));
    if (tp__needs(ctx, 2)) dx[2] = tp_sum_dim(gs[0], TP_DIMS(0, 2, 3), false);
}

static void conv2d_input_grad_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {
    const conv_attr *attr = tp__attr(ctx);
    if (tp__needs(ctx, 0)) dx[0] = conv_plain(&attr->g, gs[0], tp__input(ctx, 1));
    if (tp__needs(ctx, 1)) dx[1] = conv_weight_grad(&attr->g, tp__input(ctx, 0), gs[0]);
}

static void conv2d_weight_grad_vjp(tp__ctx *ctx, tp_tensor *const *gs, tp_tensor **dx) {
    const conv_attr *attr = tp__attr(ctx);
    if (tp__needs(ctx, 0)) dx[0] = conv_plain(&attr->g, tp__input(ctx, 1), gs[0]);
    if (tp__needs(ctx, 1)) dx[1] = conv_input_grad(&attr->g, tp__input(ctx, 0), gs[0]);
}

static const tp__op conv2d_op = {.name = "conv2d", .vjp = conv2d_vjp, .save_inputs = 3};
static const tp__op conv2d_input_grad_op = {.name = "conv2d_input_grad",
                                            .vjp = conv2d_input_grad_vjp,
                                            .save_inputs = 3};
static const tp__op conv2d_weight_grad_op = {.name = "conv2d_weight_grad",
                                             .vjp = conv2d_weight_grad_vjp,
                                             .save_inputs = 3};

/* Ends `scope` with y as the recorded result of a bilinear op: each operand is saved if the other's gradient is wanted. */
static tp_tensor *conv_finish(tp_scope *scope, const tp__op *op, const tp__conv2d *g, tp_tensor *y,
                              tp_tensor *a, tp_tensor *b, tp_tensor *bias) {
    conv_attr attr = {*g};
    uint32_t used = (tp__needs_grad(a) ? 2u : 0) | (tp__needs_grad(b) ? 1u : 0);
    tp__call call = {.op = op,
                     .n_in = 3,
                     .in = (tp_tensor *[]){a, b, bias},
                     .n_out = 1,
                     .out = &y,
                     .attr = &attr,
                     .attr_size = sizeof attr,
                     .skip_inputs = ~used};
    return tp_scope_return(scope, y && tp__record_call(&call) ? y : NULL);
}

static tp_tensor *conv_plain(const tp__conv2d *g, tp_tensor *x, tp_tensor *w) {
    tp_scope *scope = x && w ? tp_scope_begin() : NULL;
    return scope ? conv_finish(scope, &conv2d_op, g, conv_value("conv2d", g, x, w, NULL), x, w, NULL) : NULL;
}

static tp_tensor *conv_input_grad(const tp__conv2d *g, tp_tensor *dy, tp_tensor *w) {
    tp_scope *scope = dy && w ? tp_scope_begin() : NULL;
    const tp__op *op = &conv2d_input_grad_op;
    return scope ? conv_finish(scope, op, g, input_grad_value(op->name, g, dy, w), dy, w, NULL) : NULL;
}

static tp_tensor *conv_weight_grad(const tp__conv2d *g, tp_tensor *dy, tp_tensor *x) {
    tp_scope *scope = dy && x ? tp_scope_begin() : NULL;
    const tp__op *op = &conv2d_weight_grad_op;
    return scope ? conv_finish(scope, op, g, weight_grad_value(op->name, g, dy, x), dy, x, NULL) : NULL;
}

tp_tensor *tp__conv2d_transposed(tp_tensor *x, tp_tensor *w, tp_conv2d_options o, int64_t out_h,
                                 int64_t out_w) {
    if (!x || !w) return NULL;
    const int64_t *d = x->shape.dims;
    tp__conv2d g = {.n = d[0],
                    .c = w->shape.dims[1] * o.groups,
                    .h = out_h,
                    .w = out_w,
                    .o = d[1],
                    .kh = w->shape.dims[2],
                    .kw = w->shape.dims[3],
                    .oh = d[2],
                    .ow = d[3],
                    .stride_h = o.stride[0],
                    .stride_w = o.stride[1],
                    .pad_h = o.padding[0],
                    .pad_w = o.padding[1],
                    .dil_h = o.dilation[0],
                    .dil_w = o.dilation[1],
                    .groups = o.groups};
    return conv_input_grad(&g, x, w);
}

/* ---- the public op ---------------------------------------------------------------------------------------- */

/* A pair in which 0 for the second repeats the first, and 0 for both is the default. */
static void conv_pair(const int64_t given[2], int64_t none, int64_t *h, int64_t *w) {
    *h = given[0] ? given[0] : none;
    *w = given[1] ? given[1] : *h;
}

static bool conv_geometry(tp__conv2d *g, const tp_tensor *x, const tp_tensor *w, const tp_tensor *bias,
                          const tp_conv2d_options *o) {
    const char *op = "conv2d";
    conv_pair(o->stride, 1, &g->stride_h, &g->stride_w);
    conv_pair(o->dilation, 1, &g->dil_h, &g->dil_w);
    g->pad_h = o->padding[0];
    g->pad_w = o->padding[1];
    g->groups = o->groups ? o->groups : 1;
    const struct {
        int64_t given, least;
    } numbers[] = {{g->stride_h, 1}, {g->stride_w, 1}, {g->dil_h, 1},
                   {g->dil_w, 1},    {g->pad_h, 0},    {g->pad_w, 0}};
    bool ok = g->groups >= 1;
    for (int k = 0; k < 6; k++)
        ok = ok && numbers[k].given >= numbers[k].least && numbers[k].given < INT32_MAX;
    if (!ok) {
        tp__error(
            TP_ERR_ARGUMENT, op,
            "stride (%lld, %lld), padding (%lld, %lld), dilation (%lld, %lld), groups %lld; padding is at "
            "least 0, the others at least 1",
            (long long)g->stride_h, (long long)g->stride_w, (long long)g->pad_h, (long long)g->pad_w,
            (long long)g->dil_h, (long long)g->dil_w, (long long)g->groups);
        return false;
    }
    if (w->shape.ndim != 4 || g->c % g->groups || w->shape.dims[0] % g->groups ||
        w->shape.dims[1] != g->c / g->groups) {
        tp__error(TP_ERR_SHAPE, op,
                  "x %s does not fit weight %s, which is (out, in / groups, kh, kw), in %lld groups",
                  tp__shape_text(x->shape), tp__shape_text(w->shape), (long long)g->groups);
        return false;
    }
    g->o = w->shape.dims[0];
    g->kh = w->shape.dims[2];
    g->kw = w->shape.dims[3];
    if (bias && (bias->shape.ndim != 1 || bias->shape.dims[0] != g->o)) {
        tp__error(TP_ERR_SHAPE, op, "bias %s does not fit weight %s", tp__shape_text(bias->shape),
                  tp__shape_text(w->shape));
        return false;
    }
    double span_h = (double)g->h + 2 * (double)g->pad_h - (double)g->dil_h * (double)(g->kh - 1) - 1;
    double span_w = (double)g->w + 2 * (double)g->pad_w - (double)g->dil_w * (double)(g->kw - 1) - 1;
    if (span_h < 0 || span_w < 0 || span_h > 0x1p31 || span_w > 0x1p31 || g->kh == 0 || g->kw == 0) {
        tp__error(TP_ERR_SHAPE, op, "x %s with padding (%lld, %lld) is smaller than the kernel of %s",
                  tp__shape_text(x->shape), (long long)g->pad_h, (long long)g->pad_w,
                  tp__shape_text(w->shape));
        return false;
    }
    g->oh = (int64_t)span_h / g->stride_h + 1;
    g->ow = (int64_t)span_w / g->stride_w + 1;
    return true;
}

static bool conv_check_dtypes(const tp_tensor *x, const tp_tensor *w, const tp_tensor *bias) {
    const char *op = "conv2d";
    if (!tp__require_floating(op, "x", x)) return false;
    if (w->dtype != x->dtype || (bias && bias->dtype != x->dtype)) {
        const tp_tensor *other = w->dtype != x->dtype ? w : bias;
        tp__error(TP_ERR_DTYPE, op, "x is %s, %s is %s", tp__dtype_text(x), other == w ? "weight" : "bias",
                  tp__dtype_text(other));
        return false;
    }
    return true;
}

tp_tensor *tp_conv2d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias, tp_conv2d_options options) {
    const char *op = "conv2d";
    TP_REQUIRE(x, op);
    TP_REQUIRE(weight, op);
    TP_OPTIONAL(bias);
    if (options.same) return tp__conv2d_same(x, weight, bias, options);
    int n = x->shape.ndim;
    if (n != 3 && n != 4)
        TP_FAIL(TP_ERR_SHAPE, op, "x must be (N, C, H, W) or (C, H, W), got %s", tp__shape_text(x->shape));
    const int64_t *d = x->shape.dims + (n - 3);
    tp__conv2d g = {.n = n == 4 ? x->shape.dims[0] : 1, .c = d[0], .h = d[1], .w = d[2]};
    if (!conv_check_dtypes(x, weight, bias) || !conv_geometry(&g, x, weight, bias, &options)) return NULL;
    tp_scope *scope = tp_scope_begin();
    if (!scope) return NULL;
    tp_tensor *images = n == 4 ? x : tp_unsqueeze(x, 0);
    if (n == 4)
        return conv_finish(scope, &conv2d_op, &g, conv_value(op, &g, x, weight, bias), x, weight, bias);
    tp_scope *inner = images ? tp_scope_begin() : NULL;
    tp_tensor *y = inner ? conv_finish(inner, &conv2d_op, &g, conv_value(op, &g, images, weight, bias),
                                       images, weight, bias)
                         : NULL;
    return tp_scope_return(scope, y ? tp_squeeze(y, TP_DIMS(0)) : NULL);
}
