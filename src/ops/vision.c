/* Rearrangements of images, patches and affine grids, made of other ops. */
#include "taper/vision.h"

#include "ops/window.h"
#include "taper/index.h"
#include "taper/linalg.h"
#include "taper/tensor.h"

/* ---- shuffles ------------------------------------------------------------------------------------------------ */

/* All dims but the last three as one, with room for `factor` to be split off those three. */
static bool shuffle_check(const char *op, const tp_tensor *x, int64_t factor, int64_t *batch) {
    if (factor < 1 || factor > INT32_MAX) {
        tp__error(TP_ERR_ARGUMENT, op, "a factor of %lld; it must be at least 1", (long long)factor);
        return false;
    }
    if (x->shape.ndim < 3) {
        tp__error(TP_ERR_SHAPE, op, "x must be (..., C, H, W), got %s", tp__shape_text(x->shape));
        return false;
    }
    *batch = 1;
    for (int d = 0; d < x->shape.ndim - 3; d++) *batch *= x->shape.dims[d];
    return true;
}

/* The same leading dims, other last three. */
static tp_shape shuffled(tp_shape shape, int64_t c, int64_t h, int64_t w) {
    int n = shape.ndim;
    shape.dims[n - 3] = c;
    shape.dims[n - 2] = h;
    shape.dims[n - 1] = w;
    return shape;
}

tp_tensor *tp_pixel_shuffle(tp_tensor *x, int64_t factor) {
    const char *op = "pixel_shuffle";
    int64_t batch, r = factor;
    TP_REQUIRE(x, op);
    if (!shuffle_check(op, x, r, &batch)) return NULL;
    const int64_t *last = x->shape.dims + x->shape.ndim - 3;
    int64_t c = last[0], h = last[1], w = last[2];
    if (c % (r * r) != 0)
        TP_FAIL(TP_ERR_SHAPE, op, "the channels of %s are no multiple of %lld^2", tp__shape_text(x->shape),
                (long long)r);
    c /= r * r;
    tp_shape shape = shuffled(x->shape, c, 0, 0);
    if (__builtin_mul_overflow(h, r, &shape.dims[shape.ndim - 2]) ||
        __builtin_mul_overflow(w, r, &shape.dims[shape.ndim - 1]))
        TP_FAIL(TP_ERR_SHAPE, op, "%s times %lld is too large", tp__shape_text(x->shape), (long long)r);
    tp_scope *s = tp_scope_begin();
    tp_tensor *y = s ? tp_reshape(x, TP_SHAPE(batch, c, r, r, h, w)) : NULL;
    return s ? tp_scope_return(s, y ? tp_reshape(tp_permute(y, TP_DIMS(0, 1, 4, 2, 5, 3)), shape) : NULL)
             : NULL;
}

tp_tensor *tp_pixel_unshuffle(tp_tensor *x, int64_t factor) {
    const char *op = "pixel_unshuffle";
    int64_t batch, r = factor;
    TP_REQUIRE(x, op);
    if (!shuffle_check(op, x, r, &batch)) return NULL;
    const int64_t *last = x->shape.dims + x->shape.ndim - 3;
    int64_t c = last[0], h = last[1], w = last[2];
    if (h % r != 0 || w % r != 0)
        TP_FAIL(TP_ERR_SHAPE, op, "height and width of %s are no multiples of %lld", tp__shape_text(x->shape),
                (long long)r);
    h /= r;
    w /= r;
    tp_shape shape = shuffled(x->shape, 0, h, w);
    if (__builtin_mul_overflow(c, r * r, &shape.dims[shape.ndim - 3]))
        TP_FAIL(TP_ERR_SHAPE, op, "%s by %lld is too large", tp__shape_text(x->shape), (long long)r);
    tp_scope *s = tp_scope_begin();
    tp_tensor *y = s ? tp_reshape(x, TP_SHAPE(batch, c, h, r, w, r)) : NULL;
    return s ? tp_scope_return(s, y ? tp_reshape(tp_permute(y, TP_DIMS(0, 1, 3, 5, 2, 4)), shape) : NULL)
             : NULL;
}

tp_tensor *tp_channel_shuffle(tp_tensor *x, int64_t groups) {
    const char *op = "channel_shuffle";
    TP_REQUIRE(x, op);
    if (groups < 1) TP_FAIL(TP_ERR_ARGUMENT, op, "%lld groups; there must be at least 1", (long long)groups);
    if (x->shape.ndim < 3)
        TP_FAIL(TP_ERR_SHAPE, op, "x must be (N, C, ...) with three dims or more, got %s",
                tp__shape_text(x->shape));
    int64_t n = x->shape.dims[0], c = x->shape.dims[1], rest = 1;
    for (int d = 2; d < x->shape.ndim; d++) rest *= x->shape.dims[d];
    if (c % groups != 0)
        TP_FAIL(TP_ERR_SHAPE, op, "the channels of %s do not make %lld groups", tp__shape_text(x->shape),
                (long long)groups);
    tp_scope *s = tp_scope_begin();
    tp_tensor *y = s ? tp_reshape(x, TP_SHAPE(n, groups, c / groups, rest)) : NULL;
    return s ? tp_scope_return(s, y ? tp_reshape(tp_transpose(y, 1, 2), x->shape) : NULL) : NULL;
}

/* ---- patches -------------------------------------------------------------------------------------------------- */

/* (N, C, H, W) with kernel, and the padded size and the patches that follow. */
typedef struct patches {
    int64_t n, c, h, w, kh, kw, stride[2], pad[2], dilation[2], oh, ow;
    tp_shape padded;
    tp__window window; /* (N, C, KH, KW, OH, OW) of the padded images */
} patches;

static bool patches_options(const char *op, patches *p, int64_t kernel_h, int64_t kernel_w,
                            const tp_im2col_options *o) {
    p->kh = kernel_h;
    p->kw = kernel_w ? kernel_w : kernel_h;
    for (int d = 0; d < 2; d++) {
        p->stride[d] = o->stride[d] ? o->stride[d] : d ? p->stride[0] : 1;
        p->dilation[d] = o->dilation[d] ? o->dilation[d] : d ? p->dilation[0] : 1;
        p->pad[d] = o->padding[d];
    }
    const int64_t limit = INT32_MAX;
    bool ok = p->kh >= 1 && p->kw >= 1 && p->kh < limit && p->kw < limit;
    for (int d = 0; d < 2; d++)
        ok = ok && p->stride[d] >= 1 && p->stride[d] < limit && p->dilation[d] >= 1 &&
             p->dilation[d] < limit && p->pad[d] >= 0 && p->pad[d] < limit;
    if (ok) return true;
    tp__error(
        TP_ERR_ARGUMENT, op,
        "kernel (%lld, %lld), stride (%lld, %lld), padding (%lld, %lld), dilation (%lld, %lld); padding is at "
        "least 0, the others at least 1",
        (long long)p->kh, (long long)p->kw, (long long)p->stride[0], (long long)p->stride[1],
        (long long)p->pad[0], (long long)p->pad[1], (long long)p->dilation[0], (long long)p->dilation[1]);
    return false;
}

/* The patches of images whose n, c, h and w are set; false with a record if there are none. */
static bool patches_of(const char *op, patches *p, tp_dtype dtype) {
    int64_t h, w;
    bool ok =
        !__builtin_add_overflow(p->h, 2 * p->pad[0], &h) && !__builtin_add_overflow(p->w, 2 * p->pad[1], &w);
    int64_t span_h = ok ? h - p->dilation[0] * (p->kh - 1) - 1 : -1;
    int64_t span_w = ok ? w - p->dilation[1] * (p->kw - 1) - 1 : -1;
    if (span_h < 0 || span_w < 0) {
        tp__error(TP_ERR_SHAPE, op,
                  "an image of %lld x %lld has no patch of %lld x %lld with padding (%lld, %lld)",
                  (long long)p->h, (long long)p->w, (long long)p->kh, (long long)p->kw, (long long)p->pad[0],
                  (long long)p->pad[1]);
        return false;
    }
    p->oh = span_h / p->stride[0] + 1;
    p->ow = span_w / p->stride[1] + 1;
    p->padded = TP_SHAPE(p->n, p->c, h, w);
    if (tp__shape_check(op, p->padded, dtype) < 0) return false;
    const int64_t down = p->kh > 1 ? p->dilation[0] * w : 0, next = p->oh > 1 ? p->stride[0] * w : 0;
    p->window = (tp__window){.shape = TP_SHAPE(p->n, p->c, p->kh, p->kw, p->oh, p->ow),
                             .steps = {p->c * h * w, h * w, down, p->dilation[1], next, p->stride[1]}};
    return tp__shape_check(op, p->window.shape, dtype) >= 0;
}

static const tp__op im2col_op = {.name = "im2col", .vjp = tp__window_vjp};
static const tp__op col2im_op = {.name = "col2im", .vjp = tp__window_scatter_vjp};

tp_tensor *tp_im2col(tp_tensor *x, int64_t kernel_h, int64_t kernel_w, tp_im2col_options options) {
    const char *op = "im2col";
    patches p;
    TP_REQUIRE(x, op);
    int nd = x->shape.ndim;
    if (nd != 3 && nd != 4)
        TP_FAIL(TP_ERR_SHAPE, op, "x must be (N, C, H, W) or (C, H, W), got %s", tp__shape_text(x->shape));
    const int64_t *last = x->shape.dims + nd - 3;
    p.n = nd == 4 ? x->shape.dims[0] : 1;
    p.c = last[0], p.h = last[1], p.w = last[2];
    if (!patches_options(op, &p, kernel_h, kernel_w, &options) || !patches_of(op, &p, (tp_dtype)x->dtype))
        return NULL;
    tp_shape shape = TP_SHAPE(p.n, p.c * p.kh * p.kw, p.oh * p.ow);
    if (nd == 3) shape = TP_SHAPE(shape.dims[1], shape.dims[2]);
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *images =
        tp_pad(nd == 3 ? tp_unsqueeze(x, 0) : x, TP_SHAPE(p.pad[1], p.pad[1], p.pad[0], p.pad[0]), 0);
    images = tp_contiguous(images);
    tp_tensor *view =
        images ? tp__tensor_alias(op, images, p.window.shape, p.window.steps, images->offset) : NULL;
    if (view) view = tp__window_record(&im2col_op, view, images, &p.window);
    return tp_scope_return(s, view ? tp_reshape(view, shape) : NULL);
}

tp_tensor *tp_col2im(tp_tensor *x, int64_t out_h, int64_t out_w, int64_t kernel_h, int64_t kernel_w,
                     tp_im2col_options options) {
    const char *op = "col2im";
    patches p;
    TP_REQUIRE(x, op);
    int nd = x->shape.ndim;
    if (nd != 2 && nd != 3)
        TP_FAIL(TP_ERR_SHAPE, op, "x must be (N, C KH KW, L) or (C KH KW, L), got %s",
                tp__shape_text(x->shape));
    if (!patches_options(op, &p, kernel_h, kernel_w, &options)) return NULL;
    if (out_h < 1 || out_w < 1)
        TP_FAIL(TP_ERR_ARGUMENT, op, "images of %lld x %lld", (long long)out_h, (long long)out_w);
    if (x->dtype == TP_BOOL) TP_FAIL(TP_ERR_DTYPE, op, "booleans cannot be added");
    int64_t rows = x->shape.dims[nd - 2], columns = x->shape.dims[nd - 1];
    p.n = nd == 3 ? x->shape.dims[0] : 1;
    p.c = rows / (p.kh * p.kw);
    p.h = out_h, p.w = out_w;
    if (!patches_of(op, &p, (tp_dtype)x->dtype)) return NULL;
    if (p.c * p.kh * p.kw != rows || p.oh * p.ow != columns)
        TP_FAIL(
            TP_ERR_SHAPE, op,
            "x %s is not (N, C KH KW, L) of the %lld x %lld patches of %lld x %lld in images of %lld x %lld",
            tp__shape_text(x->shape), (long long)p.oh, (long long)p.ow, (long long)p.kh, (long long)p.kw,
            (long long)out_h, (long long)out_w);
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *part = tp_reshape(x, p.window.shape);
    tp_tensor *y = part ? tp__window_scatter(&col2im_op, part, p.padded, &p.window) : NULL;
    if (y) y = tp_pad(y, TP_SHAPE(-p.pad[1], -p.pad[1], -p.pad[0], -p.pad[0]), 0);
    return tp_scope_return(s, y && nd == 2 ? tp_squeeze(y, TP_DIMS(0)) : y);
}

/* ---- affine grids ---------------------------------------------------------------------------------------------- */

/* -1 ... 1 over n elements, their centres or their outer edges at the ends. */
static double affine_place(int64_t i, int64_t n, bool align) {
    if (n == 1) return 0;
    double at = 2 * (double)i / (double)(n - 1) - 1;
    return align ? at : at * (double)(n - 1) / (double)n;
}

/* (points, nd + 1): w, h, (d), 1 of each, a constant. */
static tp_tensor *affine_base(const char *op, tp_shape size, int nd, bool align, tp_dtype dtype) {
    const int64_t *extent = size.dims + 2;
    int64_t points = 1;
    for (int d = 0; d < nd; d++) points *= extent[d];
    tp_tensor *base = tp__tensor_new(op, TP_SHAPE(points, nd + 1), dtype);
    if (!base) return NULL;
    char *to = tp__data(base);
    size_t item = tp__itemsize(dtype);
    for (int64_t p = 0; p < points; p++) {
        int64_t rest = p;
        for (int d = nd - 1; d >= 0; d--, to += item) {
            tp__store_f64(to, dtype, affine_place(rest % extent[d], extent[d], align));
            rest /= extent[d];
        }
        tp__store_f64(to, dtype, 1);
        to += item;
    }
    return base;
}

tp_tensor *tp_affine_grid(tp_tensor *theta, tp_shape size, bool align_corners) {
    const char *op = "affine_grid";
    TP_REQUIRE(theta, op);
    if (!tp__require_floating(op, "theta", theta)) return NULL;
    if (!tp__check_ndim(op, size)) return NULL;
    int nd = size.ndim - 2;
    bool fits = (nd == 2 || nd == 3) && tp_shape_equal(theta->shape, TP_SHAPE(size.dims[0], nd, nd + 1));
    for (int d = 0; fits && d < size.ndim; d++) fits = size.dims[d] >= 1;
    if (!fits)
        TP_FAIL(
            TP_ERR_SHAPE, op,
            "theta %s and size %s are not (N, 2, 3) with (N, C, H, W) or (N, 3, 4) with (N, C, D, H, W), all "
            "at least 1",
            tp__shape_text(theta->shape), tp__shape_text(size));
    tp_shape shape = {nd + 2, {size.dims[0]}};
    for (int d = 0; d < nd; d++) shape.dims[1 + d] = size.dims[2 + d];
    shape.dims[nd + 1] = nd;
    if (tp__shape_check(op, shape, (tp_dtype)theta->dtype) < 0) return NULL;
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *base = affine_base(op, size, nd, align_corners, (tp_dtype)theta->dtype);
    tp_tensor *y = base ? tp_matmul(base, tp_transpose(theta, 1, 2)) : NULL;
    return tp_scope_return(s, y ? tp_reshape(y, shape) : NULL);
}
