/* Modules that pad. Their classes are named by the number of dims, as PyTorch's are. */
#include "nn/nn.h"
#include "taper/index.h"
#include "taper/nn.h"

typedef struct nn_pad {
    tp_module base;
    tp_shape pads;
    tp_pad_mode mode;
    double value;
} nn_pad;

static tp_tensor *nn_pad_forward(tp_module *m, tp_tensor *x) {
    const nn_pad *self = (const nn_pad *)m;
    if (self->mode == TP_PAD_CONSTANT) return tp_pad(x, self->pads, self->value);
    return tp_pad_with(x, self->pads, self->mode);
}

static int nn_pad_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_pad *self = (const nn_pad *)m;
    tp__text text = {buffer, size, 0};
    if (self->mode == TP_PAD_CONSTANT) tp__text_add(&text, "padding=");
    tp__text_tuple(&text, self->pads.ndim, self->pads.dims);
    if (self->mode == TP_PAD_CONSTANT) tp__text_add(&text, ", value=%g", self->value);
    return (int)text.length;
}

#define NN_PAD_CLASS(NAME)                                                                                   \
    { .name = NAME, .size = sizeof(nn_pad), .forward = nn_pad_forward, .describe = nn_pad_describe }

static const tp_module_class nn_pad_classes[4][3] = {
    {NN_PAD_CLASS("ConstantPad1d"), NN_PAD_CLASS("ConstantPad2d"), NN_PAD_CLASS("ConstantPad3d")},
    {NN_PAD_CLASS("ReflectionPad1d"), NN_PAD_CLASS("ReflectionPad2d"), NN_PAD_CLASS("ReflectionPad3d")},
    {NN_PAD_CLASS("ReplicationPad1d"), NN_PAD_CLASS("ReplicationPad2d"), NN_PAD_CLASS("ReplicationPad3d")},
    {NN_PAD_CLASS("CircularPad1d"), NN_PAD_CLASS("CircularPad2d"), NN_PAD_CLASS("CircularPad3d")}};

static tp_module *nn_pad_new(const char *op, tp_shape pads, tp_pad_mode mode, double value) {
    if (pads.ndim != 2 && pads.ndim != 4 && pads.ndim != 6)
        TP_FAIL(TP_ERR_ARGUMENT, op, "takes 2, 4 or 6 pads, (before, after) of each dim, got %d", pads.ndim);
    if ((unsigned)mode > TP_PAD_CIRCULAR)
        TP_FAIL(TP_ERR_ARGUMENT, op, "mode is %d, which is none of tp_pad_mode", (int)mode);
    nn_pad *self = (nn_pad *)tp_module_new(&nn_pad_classes[mode][pads.ndim / 2 - 1]);
    if (!self) return NULL;
    self->pads = pads;
    self->mode = mode;
    self->value = value;
    return &self->base;
}

tp_module *tp_nn_pad(tp_shape pads, tp_pad_mode mode) { return nn_pad_new("nn_pad", pads, mode, 0); }

tp_module *tp_nn_constant_pad(tp_shape pads, double value) {
    return nn_pad_new("nn_constant_pad", pads, TP_PAD_CONSTANT, value);
}
