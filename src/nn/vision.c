/* Modules of vision.h: what they do is in their numbers alone. */
#include "taper/vision.h"

#include "nn/nn.h"
#include "taper/nn.h"

/* ---- shuffles ------------------------------------------------------------------------------------------------ */

typedef struct nn_shuffle {
    tp_module base;
    int64_t factor;
    tp_tensor *(*op)(tp_tensor *x, int64_t factor);
    const char *what; /* PyTorch's name of the factor */
} nn_shuffle;

static tp_tensor *nn_shuffle_forward(tp_module *m, tp_tensor *x) {
    const nn_shuffle *self = (const nn_shuffle *)m;
    return self->op(x, self->factor);
}

static int nn_shuffle_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_shuffle *self = (const nn_shuffle *)m;
    tp__text text = {buffer, size, 0};
    tp__text_add(&text, "%s=%lld", self->what, (long long)self->factor);
    return (int)text.length;
}

#define NN_SHUFFLE_CLASS(NAME)                                                                               \
    {                                                                                                        \
        .name = NAME, .size = sizeof(nn_shuffle), .forward = nn_shuffle_forward,                             \
        .describe = nn_shuffle_describe                                                                      \
    }

static const tp_module_class nn_pixel_shuffle_class = NN_SHUFFLE_CLASS("PixelShuffle");
static const tp_module_class nn_pixel_unshuffle_class = NN_SHUFFLE_CLASS("PixelUnshuffle");
static const tp_module_class nn_channel_shuffle_class = NN_SHUFFLE_CLASS("ChannelShuffle");

static tp_module *nn_shuffle_new(const char *op, const tp_module_class *type, int64_t factor,
                                 nn_shuffle given) {
    if (factor < 1)
        TP_FAIL(TP_ERR_ARGUMENT, op, "%s must be at least 1, got %lld", given.what, (long long)factor);
    nn_shuffle *self = (nn_shuffle *)tp_module_new(type);
    if (!self) return NULL;
    self->factor = factor;
    self->op = given.op;
    self->what = given.what;
    return &self->base;
}

tp_module *tp_nn_pixel_shuffle(int64_t factor) {
    nn_shuffle given = {.op = tp_pixel_shuffle, .what = "upscale_factor"};
    return nn_shuffle_new("nn_pixel_shuffle", &nn_pixel_shuffle_class, factor, given);
}

tp_module *tp_nn_pixel_unshuffle(int64_t factor) {
    nn_shuffle given = {.op = tp_pixel_unshuffle, .what = "downscale_factor"};
    return nn_shuffle_new("nn_pixel_unshuffle", &nn_pixel_unshuffle_class, factor, given);
}

tp_module *tp_nn_channel_shuffle(int64_t groups) {
    nn_shuffle given = {.op = tp_channel_shuffle, .what = "groups"};
    return nn_shuffle_new("nn_channel_shuffle", &nn_channel_shuffle_class, groups, given);
}

/* ---- resampling ----------------------------------------------------------------------------------------------- */

typedef struct nn_upsample {
    tp_module base;
    tp_interpolate_options options;
} nn_upsample;

static tp_tensor *nn_upsample_forward(tp_module *m, tp_tensor *x) {
    return tp_interpolate(x, ((const nn_upsample *)m)->options);
}

static int nn_upsample_describe(const tp_module *m, char *buffer, size_t size) {
    static const char *const modes[] = {"nearest", "nearest-exact", "linear", "cubic", "area"};
    const tp_interpolate_options *o = &((const nn_upsample *)m)->options;
    tp__text text = {buffer, size, 0};
    if (o->size.ndim > 0) {
        tp__text_add(&text, "size=");
        tp__text_tuple(&text, o->size.ndim, o->size.dims);
    } else {
        int count = o->scale[2] != 0 ? 3 : o->scale[1] != 0 ? 2 : 1;
        tp__text_add(&text, count > 1 ? "scale_factor=(%g" : "scale_factor=%g", o->scale[0]);
        for (int d = 1; d < count; d++) tp__text_add(&text, ", %g", o->scale[d]);
        if (count > 1) tp__text_add(&text, ")");
    }
    tp__text_add(&text, ", mode='%s'", modes[o->mode]);
    return (int)text.length;
}

static const tp_module_class nn_upsample_class = {.name = "Upsample",
                                                  .size = sizeof(nn_upsample),
                                                  .forward = nn_upsample_forward,
                                                  .describe = nn_upsample_describe};

tp_module *tp_nn_upsample(tp_interpolate_options options) {
    const char *op = "nn_upsample";
    if ((unsigned)options.mode > TP_INTERPOLATE_AREA)
        TP_FAIL(TP_ERR_ARGUMENT, op, "mode is %d, which is none of tp_interpolate_mode", (int)options.mode);
    if (options.size.ndim < 0 || options.size.ndim > 3)
        TP_FAIL(TP_ERR_ARGUMENT, op, "a size of %d dims", options.size.ndim);
    nn_upsample *self = (nn_upsample *)tp_module_new(&nn_upsample_class);
    if (!self) return NULL;
    self->options = options;
    return &self->base;
}

/* ---- patches -------------------------------------------------------------------------------------------------- */

typedef struct nn_patches {
    tp_module base;
    int64_t out[2], kernel[2];
    tp_im2col_options options;
} nn_patches;

static tp_tensor *nn_unfold_forward(tp_module *m, tp_tensor *x) {
    const nn_patches *self = (const nn_patches *)m;
    return tp_im2col(x, self->kernel[0], self->kernel[1], self->options);
}

static tp_tensor *nn_fold_forward(tp_module *m, tp_tensor *x) {
    const nn_patches *self = (const nn_patches *)m;
    return tp_col2im(x, self->out[0], self->out[1], self->kernel[0], self->kernel[1], self->options);
}

static int nn_patches_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_patches *self = (const nn_patches *)m;
    tp__text text = {buffer, size, 0};
    if (self->out[0] > 0) {
        tp__text_add(&text, "output_size=");
        tp__text_tuple(&text, 2, self->out);
        tp__text_add(&text, ", ");
    }
    tp__text_add(&text, "kernel_size=");
    tp__text_tuple(&text, 2, self->kernel);
    tp__text_add(&text, ", dilation=");
    tp__text_tuple(&text, 2, self->options.dilation);
    tp__text_add(&text, ", padding=");
    tp__text_tuple(&text, 2, self->options.padding);
    tp__text_add(&text, ", stride=");
    tp__text_tuple(&text, 2, self->options.stride);
    return (int)text.length;
}

static const tp_module_class nn_unfold_class = {.name = "Unfold",
                                                .size = sizeof(nn_patches),
                                                .forward = nn_unfold_forward,
                                                .describe = nn_patches_describe};
static const tp_module_class nn_fold_class = {.name = "Fold",
                                              .size = sizeof(nn_patches),
                                              .forward = nn_fold_forward,
                                              .describe = nn_patches_describe};

static tp_module *nn_patches_new(const char *op, const tp_module_class *type, nn_patches given) {
    tp_im2col_options *o = &given.options;
    if (given.kernel[1] == 0) given.kernel[1] = given.kernel[0];
    bool ok = given.kernel[0] > 0 && given.kernel[1] > 0;
    for (int d = 0; d < 2; d++) {
        if (o->stride[d] == 0) o->stride[d] = d ? o->stride[0] : 1;
        if (o->dilation[d] == 0) o->dilation[d] = d ? o->dilation[0] : 1;
        ok = ok && o->stride[d] > 0 && o->dilation[d] > 0 && o->padding[d] >= 0;
        ok = ok && (type == &nn_unfold_class || given.out[d] > 0);
    }
    if (!ok) {
        char text[320];
        nn_patches_describe(&given.base, text, sizeof text);
        TP_FAIL(TP_ERR_ARGUMENT, op, "a size is out of range: %s", text);
    }
    nn_patches *self = (nn_patches *)tp_module_new(type);
    if (!self) return NULL;
    given.base = self->base;
    *self = given;
    return &self->base;
}

tp_module *tp_nn_unfold(int64_t kernel_h, int64_t kernel_w, tp_im2col_options options) {
    nn_patches given = {.kernel = {kernel_h, kernel_w}, .options = options};
    return nn_patches_new("nn_unfold", &nn_unfold_class, given);
}

tp_module *tp_nn_fold(int64_t out_h, int64_t out_w, int64_t kernel_h, int64_t kernel_w,
                      tp_im2col_options options) {
    nn_patches given = {.out = {out_h, out_w}, .kernel = {kernel_h, kernel_w}, .options = options};
    return nn_patches_new("nn_fold", &nn_fold_class, given);
}
