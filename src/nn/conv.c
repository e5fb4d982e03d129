/* Modules of convolution, of one to three dims, and transposed. One struct serves them all. */
#include "core/scope.h"
#include "nn/nn.h"
#include "taper/conv.h"
#include "taper/creation.h"
#include "taper/index.h"
#include "taper/nn.h"

typedef struct nn_conv {
    tp_module base;
    tp_tensor *weight, *bias;
    int nd;
    int64_t in, out, groups;
    int64_t kernel[3], stride[3], padding[3], output_padding[3], dilation[3];
    bool transposed, same, no_bias;
    tp_pad_mode padding_mode;
} nn_conv;

/* ---- forward ------------------------------------------------------------------------------------------- */

static tp_tensor *nn_conv_run(const nn_conv *c, tp_tensor *x) {
    if (c->nd == 1) {
        tp_conv1d_options o = {c->groups, c->stride[0], c->padding[0], c->dilation[0], c->same};
        return tp_conv1d(x, c->weight, c->bias, o);
    }
    if (c->nd == 2) {
        tp_conv2d_options o = {.groups = c->groups, .same = c->same};
        for (int d = 0; d < 2; d++)
            o.stride[d] = c->stride[d], o.padding[d] = c->padding[d], o.dilation[d] = c->dilation[d];
        return tp_conv2d(x, c->weight, c->bias, o);
    }
    tp_conv3d_options o = {.groups = c->groups, .same = c->same};
    for (int d = 0; d < 3; d++)
        o.stride[d] = c->stride[d], o.padding[d] = c->padding[d], o.dilation[d] = c->dilation[d];
    return tp_conv3d(x, c->weight, c->bias, o);
}

static tp_tensor *nn_conv_run_transposed(const nn_conv *c, tp_tensor *x) {
    if (c->nd == 1) {
        tp_conv_transpose1d_options o = {c->groups, c->stride[0], c->padding[0], c->output_padding[0],
                                         c->dilation[0]};
        return tp_conv_transpose1d(x, c->weight, c->bias, o);
    }
    if (c->nd == 2) {
        tp_conv_transpose2d_options o = {.groups = c->groups};
        for (int d = 0; d < 2; d++) {
            o.stride[d] = c->stride[d], o.padding[d] = c->padding[d], o.dilation[d] = c->dilation[d];
            o.output_padding[d] = c->output_padding[d];
        }
        return tp_conv_transpose2d(x, c->weight, c->bias, o);
    }
    tp_conv_transpose3d_options o = {.groups = c->groups};
    for (int d = 0; d < 3; d++) {
        o.stride[d] = c->stride[d], o.padding[d] = c->padding[d], o.dilation[d] = c->dilation[d];
        o.output_padding[d] = c->output_padding[d];
    }
    return tp_conv_transpose3d(x, c->weight, c->bias, o);
}

/* Padding with what stands in x, which the op does not know. */
static tp_tensor *nn_conv_run_padded(const nn_conv *c, tp_tensor *x) {
    nn_conv bare = *c;
    tp_shape pads = {2 * c->nd, {0}};
    for (int d = 0; d < c->nd; d++) {
        int64_t total = c->same ? c->dilation[d] * (c->kernel[d] - 1) : 2 * c->padding[d];
        int at = 2 * (c->nd - 1 - d); /* pads begin at the last dim */
        pads.dims[at] = total / 2;
        pads.dims[at + 1] = total - total / 2;
        bare.padding[d] = 0;
    }
    bare.same = false;
    return nn_conv_run(&bare, tp_pad_with(x, pads, c->padding_mode));
}

static tp_tensor *nn_conv_forward(tp_module *m, tp_tensor *x) {
    const nn_conv *c = (const nn_conv *)m;
    if (c->transposed) return nn_conv_run_transposed(c, x);
    return c->padding_mode == TP_PAD_CONSTANT ? nn_conv_run(c, x) : nn_conv_run_padded(c, x);
}

/* ---- printing ------------------------------------------------------------------------------------------ */

static bool nn_conv_all(const nn_conv *c, const int64_t *values, int64_t value) {
    for (int d = 0; d < c->nd; d++)
        if (values[d] != value) return false;
    return true;
}

static void nn_conv_tuple(tp__text *text, const nn_conv *c, const char *name, const int64_t *values) {
    tp__text_add(text, ", %s=", name);
    tp__text_tuple(text, c->nd, values);
}

static int nn_conv_describe(const tp_module *m, char *buffer, size_t size) {
    static const char *const modes[] = {"zeros", "reflect", "replicate", "circular"};
    const nn_conv *c = (const nn_conv *)m;
    tp__text text = {buffer, size, 0};
    tp__text_add(&text, "%lld, %lld", (long long)c->in, (long long)c->out);
    nn_conv_tuple(&text, c, "kernel_size", c->kernel);
    nn_conv_tuple(&text, c, "stride", c->stride);
    if (c->same) tp__text_add(&text, ", padding=same");
    else if (!nn_conv_all(c, c->padding, 0)) nn_conv_tuple(&text, c, "padding", c->padding);
    if (!nn_conv_all(c, c->dilation, 1)) nn_conv_tuple(&text, c, "dilation", c->dilation);
    if (!nn_conv_all(c, c->output_padding, 0)) nn_conv_tuple(&text, c, "output_padding", c->output_padding);
    if (c->groups != 1) tp__text_add(&text, ", groups=%lld", (long long)c->groups);
    if (c->no_bias) tp__text_add(&text, ", bias=False");
    if (c->padding_mode != TP_PAD_CONSTANT) tp__text_add(&text, ", padding_mode=%s", modes[c->padding_mode]);
    return (int)text.length;
}

/* ---- construction -------------------------------------------------------------------------------------- */

static bool nn_conv_check(const char *op, const nn_conv *c) {
    const char *wrong = NULL;
    if (c->in < 0 || c->out < 0 || c->groups < 1) wrong = "a size is out of range";
    for (int d = 0; d < c->nd; d++)
        if (c->kernel[d] < 1 || c->stride[d] < 1 || c->dilation[d] < 1 || c->padding[d] < 0 ||
            c->output_padding[d] < 0 || c->kernel[d] > INT32_MAX || c->dilation[d] > INT32_MAX ||
            c->padding[d] > INT32_MAX)
            wrong = "a size is out of range";
    if ((unsigned)c->padding_mode > TP_PAD_CIRCULAR)
        TP_FAIL(TP_ERR_ARGUMENT, op, "padding_mode is %d, which is none of tp_pad_mode",
                (int)c->padding_mode);
    if (!wrong && (c->in % c->groups != 0 || c->out % c->groups != 0))
        wrong = "groups must divide both numbers of channels";
    if (!wrong && c->same && (!nn_conv_all(c, c->stride, 1) || !nn_conv_all(c, c->padding, 0)))
        wrong = "same padding goes with stride 1 and no other padding";
    if (!wrong) return true;
    char text[320];
    nn_conv_describe(&c->base, text, sizeof text);
    tp__error(TP_ERR_ARGUMENT, op, "%s: %s", wrong, text);
    return false;
}

/* A size of zero is 1, or what the one before it says. */
static void nn_conv_fill(const nn_conv *c, int64_t *sizes) {
    for (int d = 0; d < c->nd; d++)
        if (sizes[d] == 0) sizes[d] = d ? sizes[d - 1] : 1;
}

static tp_module *nn_conv_new(const char *op, const tp_module_class *type, nn_conv given, tp_dtype dtype,
                              tp_generator *generator) {
    nn_conv_fill(&given, given.stride);
    nn_conv_fill(&given, given.dilation);
    for (int d = 1; d < given.nd; d++)
        if (given.kernel[d] == 0) given.kernel[d] = given.kernel[d - 1];
    if (given.groups == 0) given.groups = 1;
    if (!nn_conv_check(op, &given) || !tp__nn_check_dtype(op, dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_conv *self = s ? (nn_conv *)tp_module_new(type) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    given.base = self->base;
    *self = given;
    tp_shape shape = {2 + given.nd, {given.out, given.in / given.groups}};
    if (given.transposed) shape.dims[0] = given.in, shape.dims[1] = given.out / given.groups;
    for (int d = 0; d < given.nd; d++) shape.dims[2 + d] = given.kernel[d];
    bool ok = tp__nn_add_weights(&self->base, &self->weight, shape, given.no_bias ? NULL : &self->bias,
                                 given.out, dtype, generator);
    return tp__module_finish(&self->base, s, ok);
}

#define NN_CONV_CLASS(NAME)                                                                                  \
    { .name = NAME, .size = sizeof(nn_conv), .forward = nn_conv_forward, .describe = nn_conv_describe }

static const tp_module_class nn_conv_classes[2][3] = {
    {NN_CONV_CLASS("Conv1d"), NN_CONV_CLASS("Conv2d"), NN_CONV_CLASS("Conv3d")},
    {NN_CONV_CLASS("ConvTranspose1d"), NN_CONV_CLASS("ConvTranspose2d"), NN_CONV_CLASS("ConvTranspose3d")}};

/* What the options have under the same names, whatever the number of dims. */
#define NN_CONV_GIVEN .in = in_channels, .out = out_channels, .groups = o.groups, .no_bias = o.no_bias
#define NN_CONV_PLAIN NN_CONV_GIVEN, .same = o.same, .padding_mode = o.padding_mode
#define NN_CONV_TRANSPOSED NN_CONV_GIVEN, .transposed = true
#define NN_CONV_PAIR(name) .name = {o.name[0], o.name[1]}
#define NN_CONV_TRIPLE(name) .name = {o.name[0], o.name[1], o.name[2]}

tp_module *tp_nn_conv1d(int64_t in_channels, int64_t out_channels, int64_t kernel, tp_nn_conv1d_options o) {
    nn_conv given = {.nd = 1,
                     NN_CONV_PLAIN,
                     .kernel = {kernel},
                     .stride = {o.stride},
                     .padding = {o.padding},
                     .dilation = {o.dilation}};
    return nn_conv_new("nn_conv1d", &nn_conv_classes[0][0], given, o.dtype, o.generator);
}

tp_module *tp_nn_conv2d(int64_t in_channels, int64_t out_channels, int64_t kernel_h, int64_t kernel_w,
                        tp_nn_conv2d_options o) {
    nn_conv given = {.nd = 2,
                     NN_CONV_PLAIN,
                     .kernel = {kernel_h, kernel_w},
                     NN_CONV_PAIR(stride),
                     NN_CONV_PAIR(padding),
                     NN_CONV_PAIR(dilation)};
    return nn_conv_new("nn_conv2d", &nn_conv_classes[0][1], given, o.dtype, o.generator);
}

tp_module *tp_nn_conv3d(int64_t in_channels, int64_t out_channels, int64_t kernel_d, int64_t kernel_h,
                        int64_t kernel_w, tp_nn_conv3d_options o) {
    nn_conv given = {.nd = 3,
                     NN_CONV_PLAIN,
                     .kernel = {kernel_d, kernel_h, kernel_w},
                     NN_CONV_TRIPLE(stride),
                     NN_CONV_TRIPLE(padding),
                     NN_CONV_TRIPLE(dilation)};
    return nn_conv_new("nn_conv3d", &nn_conv_classes[0][2], given, o.dtype, o.generator);
}

tp_module *tp_nn_conv_transpose1d(int64_t in_channels, int64_t out_channels, int64_t kernel,
                                  tp_nn_conv_transpose1d_options o) {
    nn_conv given = {.nd = 1,
                     NN_CONV_TRANSPOSED,
                     .kernel = {kernel},
                     .stride = {o.stride},
                     .padding = {o.padding},
                     .output_padding = {o.output_padding},
                     .dilation = {o.dilation}};
    return nn_conv_new("nn_conv_transpose1d", &nn_conv_classes[1][0], given, o.dtype, o.generator);
}

tp_module *tp_nn_conv_transpose2d(int64_t in_channels, int64_t out_channels, int64_t kernel_h,
                                  int64_t kernel_w, tp_nn_conv_transpose2d_options o) {
    nn_conv given = {.nd = 2,
                     NN_CONV_TRANSPOSED,
                     .kernel = {kernel_h, kernel_w},
                     NN_CONV_PAIR(stride),
                     NN_CONV_PAIR(padding),
                     NN_CONV_PAIR(output_padding),
                     NN_CONV_PAIR(dilation)};
    return nn_conv_new("nn_conv_transpose2d", &nn_conv_classes[1][1], given, o.dtype, o.generator);
}

tp_module *tp_nn_conv_transpose3d(int64_t in_channels, int64_t out_channels, int64_t kernel_d,
                                  int64_t kernel_h, int64_t kernel_w, tp_nn_conv_transpose3d_options o) {
    nn_conv given = {.nd = 3,
                     NN_CONV_TRANSPOSED,
                     .kernel = {kernel_d, kernel_h, kernel_w},
                     NN_CONV_TRIPLE(stride),
                     NN_CONV_TRIPLE(padding),
                     NN_CONV_TRIPLE(output_padding),
                     NN_CONV_TRIPLE(dilation)};
    return nn_conv_new("nn_conv_transpose3d", &nn_conv_classes[1][2], given, o.dtype, o.generator);
}
