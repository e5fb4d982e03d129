/* Convolutions of one and three dims, and transposed ones, by way of those of two: a row is an image of one line, and a volume's
 * convolution is the sum, over the depth of the kernel, of those of its slices. What is wrong is told in the name of the op that was
 * called, so all is checked here. */
#include "ops/conv.h"

#include "ops/layout.h"
#include "ops/ops.h"
#include "taper/conv.h"
#include "taper/index.h"
#include "taper/tensor.h"

/* The options of any of them, defaults filled in, for `nd` dims. */
typedef struct conv_nd {
    const char *op;
    int nd;
    bool transposed, same;
    int64_t groups, stride[3], padding[3], output_padding[3], dilation[3];
    int64_t size[3], kernel[3], out[3]; /* of x, of the weight and of the result */
    int64_t batch, channels, out_channels;
} conv_nd;

/* 0 is the default for the first, and repeats the one before for the others. */
static void conv_nd_list(const int64_t *given, int nd, int64_t none, int64_t *to) {
    for (int d = 0; d < nd; d++) to[d] = given[d] ? given[d] : d ? to[d - 1] : none;
}

static void conv_nd_copy(const int64_t *given, int nd, int64_t *to) {
    for (int d = 0; d < nd; d++) to[d] = given[d];
}

static const char *conv_nd_text(const conv_nd *c, const int64_t *values) {
    tp_shape list = {c->nd, {values[0], c->nd > 1 ? values[1] : 0, c->nd > 2 ? values[2] : 0}};
    return tp__shape_text(list);
}

static bool conv_nd_check_options(const conv_nd *c) {
    bool ok = c->groups >= 1;
    for (int d = 0; d < c->nd; d++) {
        ok =
            ok && c->stride[d] >= 1 && c->dilation[d] >= 1 && c->padding[d] >= 0 && c->output_padding[d] >= 0;
        ok = ok && c->stride[d] < INT32_MAX && c->dilation[d] < INT32_MAX && c->padding[d] < INT32_MAX;
    }
    if (!ok) {
        tp__error(
            TP_ERR_ARGUMENT, c->op,
            "stride %s, padding %s, dilation %s, groups %lld; padding is at least 0, the others at least 1",
            conv_nd_text(c, c->stride), conv_nd_text(c, c->padding), conv_nd_text(c, c->dilation),
            (long long)c->groups);
        return false;
    }
    for (int d = 0; d < c->nd; d++) {
        if (c->same && (c->stride[d] != 1 || c->padding[d] != 0)) {
            tp__error(TP_ERR_ARGUMENT, c->op,
                      "same padding goes with stride 1 and no other padding, got %s and %s",
                      conv_nd_text(c, c->stride), conv_nd_text(c, c->padding));
            return false;
        }
        if (c->output_padding[d] >= c->stride[d] && c->output_padding[d] >= c->dilation[d] &&
            c->output_padding[d] > 0) {
            tp__error(TP_ERR_ARGUMENT, c->op, "output padding %s must be less than stride %s or dilation %s",
                      conv_nd_text(c, c->output_padding), conv_nd_text(c, c->stride),
                      conv_nd_text(c, c->dilation));
            return false;
        }
    }
    return true;
}

static bool conv_nd_check_dtypes(const char *op, const tp_tensor *x, const tp_tensor *w,
                                 const tp_tensor *bias) {
    if (!tp__require_floating(op, "x", x)) return false;
    const tp_tensor *other = w->dtype != x->dtype ? w : bias && bias->dtype != x->dtype ? bias : NULL;
    if (!other) return true;
    tp__error(TP_ERR_DTYPE, op, "x is %s, %s is %s", tp__dtype_text(x), other == w ? "weight" : "bias",
              tp__dtype_text(other));
    return false;
}

/* The sizes of the result. */
static bool conv_nd_check_sizes(conv_nd *c, const tp_tensor *x, const tp_tensor *w) {
    for (int d = 0; d < c->nd; d++) {
        double reach = (double)c->dilation[d] * (double)(c->kernel[d] - 1) + 1;
        double pads = c->same ? reach - 1 : 2 * (double)c->padding[d], out;
        if (c->transposed)
            out =
                (double)(c->size[d] - 1) * (double)c->stride[d] - pads + reach + (double)c->output_padding[d];
        else {
            double span = (double)c->size[d] + pads - reach;
            out = span < 0 ? 0 : (double)((int64_t)(span > 0x1p40 ? 0x1p40 : span) / c->stride[d]) + 1;
        }
        if (c->kernel[d] < 1 || out < 1 || out > 0x1p31) {
            tp__error(TP_ERR_SHAPE, c->op,
                      "x %s with weight %s and padding %s gives a result of size %.0f in dim %d",
                      tp__shape_text(x->shape), tp__shape_text(w->shape), conv_nd_text(c, c->padding), out,
                      d);
            return false;
        }
        c->out[d] = (int64_t)out;
    }
    return true;
}

/* All of it. The weight is (out, in / groups, kernel), transposed (in, out / groups, kernel). */
static bool conv_nd_check(conv_nd *c, const tp_tensor *x, const tp_tensor *w, const tp_tensor *bias) {
    static const char *const forms[] = {"(N, C, L) or (C, L)", "(N, C, H, W) or (C, H, W)",
                                        "(N, C, D, H, W) or (C, D, H, W)"};
    int n = x->shape.ndim, first = n - c->nd;
    if (!conv_nd_check_dtypes(c->op, x, w, bias) || !conv_nd_check_options(c)) return false;
    if (first != 1 && first != 2) {
        tp__error(TP_ERR_SHAPE, c->op, "x must be %s, got %s", forms[c->nd - 1], tp__shape_text(x->shape));
        return false;
    }
    c->batch = first == 2 ? x->shape.dims[0] : 1;
    c->channels = x->shape.dims[first - 1];
    bool fits = w->shape.ndim == c->nd + 2 && c->channels % c->groups == 0;
    if (fits && c->transposed) fits = w->shape.dims[0] == c->channels;
    else if (fits) fits = w->shape.dims[1] == c->channels / c->groups && w->shape.dims[0] % c->groups == 0;
    if (!fits) {
        tp__error(TP_ERR_SHAPE, c->op, "x %s does not fit weight %s, which is (%s, kernel), in %lld groups",
                  tp__shape_text(x->shape), tp__shape_text(w->shape),
                  c->transposed ? "in, out / groups" : "out, in / groups", (long long)c->groups);
        return false;
    }
    c->out_channels = c->transposed ? w->shape.dims[1] * c->groups : w->shape.dims[0];
    if (bias && (bias->shape.ndim != 1 || bias->shape.dims[0] != c->out_channels)) {
        tp__error(TP_ERR_SHAPE, c->op, "bias %s does not fit %lld channels", tp__shape_text(bias->shape),
                  (long long)c->out_channels);
        return false;
    }
    for (int d = 0; d < c->nd; d++) {
        c->size[d] = x->shape.dims[first + d];
        c->kernel[d] = w->shape.dims[2 + d];
    }
    return conv_nd_check_sizes(c, x, w);
}

/* Same padding: half of it by x itself where it is uneven, the longer part behind. */
static tp_tensor *conv_nd_pad_same(conv_nd *c, tp_tensor *x) {
    tp_shape pads = {2 * c->nd, {0}};
    bool uneven = false;
    for (int d = 0; d < c->nd && c->same; d++) {
        int64_t total = c->dilation[d] * (c->kernel[d] - 1), pair = 2 * (c->nd - 1 - d);
        c->padding[d] = total / 2;
        pads.dims[pair + 1] = total % 2;
        uneven = uneven || total % 2;
    }
    return uneven ? tp_pad(x, pads, 0) : x;
}

/* ---- two dims ---------------------------------------------------------------------------------------------- */

/* The plane of the last two dims of `c` (one dim: of one row): x (N, C, H, W), w of 4 dims, no bias. */
static tp_tensor *conv_nd_plane(const conv_nd *c, tp_tensor *x, tp_tensor *w) {
    int h = c->nd == 3 ? 1 : 0, last = c->nd - 1;
    bool row = c->nd == 1;
    tp_conv2d_options o = {.groups = c->groups,
                           .stride = {row ? 1 : c->stride[h], c->stride[last]},
                           .padding = {row ? 0 : c->padding[h], c->padding[last]},
                           .dilation = {row ? 1 : c->dilation[h], c->dilation[last]}};
    if (!c->transposed) return tp_conv2d(x, w, NULL, o);
    return tp__conv2d_transposed(x, w, o, row ? 1 : c->out[h], c->out[last]);
}

/* One bias a channel, of a result with `nd` spatial dims. */
static tp_tensor *conv_nd_add_bias(const conv_nd *c, tp_tensor *y, tp_tensor *bias) {
    tp_shape shape = {c->nd + 1, {c->out_channels, 1, 1, 1}};
    return bias ? tp_add(y, tp_reshape(bias, shape)) : y;
}

/* ---- three dims ---------------------------------------------------------------------------------------------- */

/* (N, C, D, H, W) -> (N D, C, H, W) */
static tp_tensor *conv_nd_slices(tp_tensor *x) {
    if (!x) return NULL;
    const int64_t *d = x->shape.dims;
    return tp_reshape(tp_permute(x, TP_DIMS(0, 2, 1, 3, 4)), TP_SHAPE(d[0] * d[2], d[1], d[3], d[4]));
}

/* (N D, C, H, W) -> (N, C, D, H, W) */
static tp_tensor *conv_nd_volumes(tp_tensor *y, int64_t batch, int64_t depth) {
    if (!y) return NULL;
    const int64_t *d = y->shape.dims;
    tp_tensor *t = tp_reshape(y, TP_SHAPE(batch, depth, d[1], d[2], d[3]));
    return tp_permute(t, TP_DIMS(0, 2, 1, 3, 4));
}

static tp_tensor *conv_nd_forward_volume(const conv_nd *c, tp_tensor *x, tp_tensor *w) {
    tp_tensor *padded = c->padding[0] ? tp_pad(x, TP_SHAPE(0, 0, 0, 0, c->padding[0], c->padding[0]), 0) : x,
              *y = NULL;
    for (int64_t k = 0; k < c->kernel[0] && padded; k++) {
        int64_t start = k * c->dilation[0], end = start + (c->out[0] - 1) * c->stride[0] + 1;
        tp_tensor *part = conv_nd_plane(c, conv_nd_slices(tp_slice(padded, 2, start, end, c->stride[0])),
                                        tp_select(w, 2, k));
        y = y ? tp_add(y, part) : part;
    }
    return tp_contiguous(conv_nd_volumes(y, c->batch, c->out[0]));
}

static tp_tensor *conv_nd_transposed_volume(const conv_nd *c, tp_tensor *x, tp_tensor *w) {
    tp_tensor *slices = conv_nd_slices(x), *y = NULL;
    int64_t whole =
        (c->size[0] - 1) * c->stride[0] + c->dilation[0] * (c->kernel[0] - 1) + 1 + c->output_padding[0];
    tp_shape shape = {5, {c->batch, c->out_channels, whole, c->out[1], c->out[2]}};
    if (slices) y = tp_zeros(shape, (tp_dtype)x->dtype);
    for (int64_t k = 0; k < c->kernel[0] && y; k++) {
        tp_tensor *part = conv_nd_volumes(conv_nd_plane(c, slices, tp_select(w, 2, k)), c->batch, c->size[0]);
        int64_t start = k * c->dilation[0], end = start + (c->size[0] - 1) * c->stride[0] + 1;
        tp_tensor *before = tp_slice(y, 2, start, end, c->stride[0]);
        y = tp_slice_scatter(y, tp_add(before, part), 2, start, end, c->stride[0]);
    }
    return tp_contiguous(tp_narrow(y, 2, c->padding[0], c->out[0]));
}

/* ---- all ------------------------------------------------------------------------------------------------------- */

static tp_tensor *conv_nd_run(conv_nd *c, tp_tensor *x, tp_tensor *w, tp_tensor *bias) {
    if (!conv_nd_check(c, x, w, bias)) return NULL;
    bool single = x->shape.ndim == c->nd + 1;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *y = single ? tp_unsqueeze(x, 0) : x;
    y = conv_nd_pad_same(c, y);
    if (c->nd == 1) y = tp_squeeze(conv_nd_plane(c, tp_unsqueeze(y, 2), tp_unsqueeze(w, 2)), TP_DIMS(2));
    else if (c->nd == 2) y = conv_nd_plane(c, y, w);
    else y = c->transposed ? conv_nd_transposed_volume(c, y, w) : conv_nd_forward_volume(c, y, w);
    y = conv_nd_add_bias(c, y, bias);
    return tp_scope_return(s, single && y ? tp_squeeze(y, TP_DIMS(0)) : y);
}

tp_tensor *tp_conv1d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias, tp_conv1d_options o) {
    TP_REQUIRE(x, "conv1d");
    TP_REQUIRE(weight, "conv1d");
    TP_OPTIONAL(bias);
    conv_nd c = {.op = "conv1d", .nd = 1, .same = o.same, .groups = o.groups ? o.groups : 1};
    conv_nd_list(&o.stride, 1, 1, c.stride);
    conv_nd_list(&o.dilation, 1, 1, c.dilation);
    c.padding[0] = o.padding;
    return conv_nd_run(&c, x, weight, bias);
}

tp_tensor *tp_conv3d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias, tp_conv3d_options o) {
    TP_REQUIRE(x, "conv3d");
    TP_REQUIRE(weight, "conv3d");
    TP_OPTIONAL(bias);
    conv_nd c = {.op = "conv3d", .nd = 3, .same = o.same, .groups = o.groups ? o.groups : 1};
    conv_nd_list(o.stride, 3, 1, c.stride);
    conv_nd_list(o.dilation, 3, 1, c.dilation);
    conv_nd_copy(o.padding, 3, c.padding);
    return conv_nd_run(&c, x, weight, bias);
}

tp_tensor *tp_conv_transpose1d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias,
                               tp_conv_transpose1d_options o) {
    const char *op = "conv_transpose1d";
    TP_REQUIRE(x, op);
    TP_REQUIRE(weight, op);
    TP_OPTIONAL(bias);
    conv_nd c = {.op = op, .nd = 1, .transposed = true, .groups = o.groups ? o.groups : 1};
    conv_nd_list(&o.stride, 1, 1, c.stride);
    conv_nd_list(&o.dilation, 1, 1, c.dilation);
    c.padding[0] = o.padding;
    c.output_padding[0] = o.output_padding;
    return conv_nd_run(&c, x, weight, bias);
}

tp_tensor *tp_conv_transpose2d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias,
                               tp_conv_transpose2d_options o) {
    const char *op = "conv_transpose2d";
    TP_REQUIRE(x, op);
    TP_REQUIRE(weight, op);
    TP_OPTIONAL(bias);
    conv_nd c = {.op = op, .nd = 2, .transposed = true, .groups = o.groups ? o.groups : 1};
    conv_nd_list(o.stride, 2, 1, c.stride);
    conv_nd_list(o.dilation, 2, 1, c.dilation);
    conv_nd_copy(o.padding, 2, c.padding);
    conv_nd_copy(o.output_padding, 2, c.output_padding);
    return conv_nd_run(&c, x, weight, bias);
}

tp_tensor *tp_conv_transpose3d(tp_tensor *x, tp_tensor *weight, tp_tensor *bias,
                               tp_conv_transpose3d_options o) {
    const char *op = "conv_transpose3d";
    TP_REQUIRE(x, op);
    TP_REQUIRE(weight, op);
    TP_OPTIONAL(bias);
    conv_nd c = {.op = op, .nd = 3, .transposed = true, .groups = o.groups ? o.groups : 1};
    conv_nd_list(o.stride, 3, 1, c.stride);
    conv_nd_list(o.dilation, 3, 1, c.dilation);
    conv_nd_copy(o.padding, 3, c.padding);
    conv_nd_copy(o.output_padding, 3, c.output_padding);
    return conv_nd_run(&c, x, weight, bias);
}

/* Same padding of conv2d() that is uneven. */
tp_tensor *tp__conv2d_same(tp_tensor *x, tp_tensor *weight, tp_tensor *bias, tp_conv2d_options o) {
    conv_nd c = {.op = "conv2d", .nd = 2, .same = true, .groups = o.groups ? o.groups : 1};
    conv_nd_list(o.stride, 2, 1, c.stride);
    conv_nd_list(o.dilation, 2, 1, c.dilation);
    conv_nd_copy(o.padding, 2, c.padding);
    return conv_nd_run(&c, x, weight, bias);
}
