/* Modules without parameters: pooling, dropout and shapes. */
#include <math.h>
#include <stdio.h>

#include "nn/nn.h"
#include "taper/activation.h"
#include "taper/elementwise.h"
#include "taper/nn.h"
#include "taper/norm.h"
#include "taper/pool.h"
#include "taper/reduce.h"
#include "taper/views.h"

/* ---- pooling ----------------------------------------------------------------------------------------- */

typedef struct nn_pool2d {
    tp_module base;
    int64_t size[2]; /* the kernel's, or for adaptive pooling the output's */
    tp_pool2d_options options;
} nn_pool2d;

static tp_tensor *nn_max_pool2d_forward(tp_module *m, tp_tensor *x) {
    nn_pool2d *self = (nn_pool2d *)m;
    return tp_max_pool2d(x, self->size[0], self->size[1], self->options);
}

static tp_tensor *nn_avg_pool2d_forward(tp_module *m, tp_tensor *x) {
    nn_pool2d *self = (nn_pool2d *)m;
    return tp_avg_pool2d(x, self->size[0], self->size[1], self->options);
}

static tp_tensor *nn_adaptive_avg_pool2d_forward(tp_module *m, tp_tensor *x) {
    nn_pool2d *self = (nn_pool2d *)m;
    return tp_adaptive_avg_pool2d(x, self->size[0], self->size[1]);
}

typedef struct nn_pair_text {
    char text[48];
} nn_pair_text;

/* "2" for equal sizes, else "(2, 3)". A size of zero stands for the other pair's. */
static nn_pair_text nn_pair(const int64_t pair[2], const int64_t otherwise[2]) {
    int64_t h = pair[0] ? pair[0] : otherwise[0];
    int64_t w = pair[1] ? pair[1] : pair[0] ? pair[0] : otherwise[1];
    nn_pair_text t;
    if (h == w) snprintf(t.text, sizeof t.text, "%lld", (long long)h);
    else snprintf(t.text, sizeof t.text, "(%lld, %lld)", (long long)h, (long long)w);
    return t;
}

static int nn_max_pool2d_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_pool2d *self = (const nn_pool2d *)m;
    const tp_pool2d_options *o = &self->options;
    static const int64_t one[2] = {1, 1};
    return snprintf(buffer, size, "kernel_size=%s, stride=%s, padding=%s, dilation=%s, ceil_mode=%s",
                    nn_pair(self->size, self->size).text, nn_pair(o->stride, self->size).text,
                    nn_pair(o->padding, o->padding).text, nn_pair(o->dilation, one).text,
                    o->ceil_mode ? "True" : "False");
}

static int nn_avg_pool2d_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_pool2d *self = (const nn_pool2d *)m;
    const tp_pool2d_options *o = &self->options;
    return snprintf(buffer, size, "kernel_size=%s, stride=%s, padding=%s",
                    nn_pair(self->size, self->size).text, nn_pair(o->stride, self->size).text,
                    nn_pair(o->padding, o->padding).text);
}

static int nn_adaptive_avg_pool2d_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_pool2d *self = (const nn_pool2d *)m;
    char text[2][24];
    for (int i = 0; i < 2; i++) {
        if (self->size[i] < 0) snprintf(text[i], sizeof text[i], "None");
        else snprintf(text[i], sizeof text[i], "%lld", (long long)self->size[i]);
    }
    return snprintf(buffer, size, "output_size=(%s, %s)", text[0], text[1]);
}

static const tp_module_class nn_max_pool2d_class = {.name = "MaxPool2d",
                                                    .size = sizeof(nn_pool2d),
                                                    .forward = nn_max_pool2d_forward,
                                                    .describe = nn_max_pool2d_describe};
static const tp_module_class nn_avg_pool2d_class = {.name = "AvgPool2d",
                                                    .size = sizeof(nn_pool2d),
                                                    .forward = nn_avg_pool2d_forward,
                                                    .describe = nn_avg_pool2d_describe};
static const tp_module_class nn_adaptive_avg_pool2d_class = {.name = "AdaptiveAvgPool2d",
                                                             .size = sizeof(nn_pool2d),
                                                             .forward = nn_adaptive_avg_pool2d_forward,
                                                             .describe = nn_adaptive_avg_pool2d_describe};

static tp_module *nn_pool2d_new(const tp_module_class *type, int64_t h, int64_t w,
                                tp_pool2d_options options) {
    nn_pool2d *self = (nn_pool2d *)tp_module_new(type);
    if (!self) return NULL;
    self->size[0] = h;
    self->size[1] = w;
    self->options = options;
    return &self->base;
}

static bool nn_pool2d_check(const char *op, int64_t kernel_h, int64_t kernel_w, const tp_pool2d_options *o) {
    bool ok = kernel_h > 0 && kernel_w >= 0 && o->divisor >= 0;
    for (int i = 0; i < 2; i++) ok = ok && o->stride[i] >= 0 && o->padding[i] >= 0 && o->dilation[i] >= 0;
    if (!ok)
        tp__error(TP_ERR_ARGUMENT, op,
                  "a size is out of range: kernel (%lld, %lld), stride (%lld, %lld), padding "
                  "(%lld, %lld), dilation (%lld, %lld)",
                  (long long)kernel_h, (long long)kernel_w, (long long)o->stride[0], (long long)o->stride[1],
                  (long long)o->padding[0], (long long)o->padding[1], (long long)o->dilation[0],
                  (long long)o->dilation[1]);
    return ok;
}

tp_module *tp_nn_max_pool2d(int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options) {
    if (!nn_pool2d_check("nn_max_pool2d", kernel_h, kernel_w, &options)) return NULL;
    return nn_pool2d_new(&nn_max_pool2d_class, kernel_h, kernel_w ? kernel_w : kernel_h, options);
}

tp_module *tp_nn_avg_pool2d(int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options) {
    if (!nn_pool2d_check("nn_avg_pool2d", kernel_h, kernel_w, &options)) return NULL;
    return nn_pool2d_new(&nn_avg_pool2d_class, kernel_h, kernel_w ? kernel_w : kernel_h, options);
}

tp_module *tp_nn_adaptive_avg_pool2d(int64_t out_h, int64_t out_w) {
    if (out_h < -1 || out_w < -1)
        TP_FAIL(TP_ERR_ARGUMENT, "nn_adaptive_avg_pool2d", "an output size of (%lld, %lld)", (long long)out_h,
                (long long)out_w);
    return nn_pool2d_new(&nn_adaptive_avg_pool2d_class, out_h, out_w, (tp_pool2d_options){0});
}

/* ---- what has a number or two ------------------------------------------------------------------------ */

typedef struct nn_simple {
    tp_module base;
    double number;
    int dims[2];
    tp_generator *generator;
} nn_simple;

static tp_module *nn_simple_new(const tp_module_class *type, double number, int dim0, int dim1,
                                tp_generator *generator) {
    nn_simple *self = (nn_simple *)tp_module_new(type);
    if (!self) return NULL;
    self->number = number;
    self->dims[0] = dim0;
    self->dims[1] = dim1;
    self->generator = generator;
    return &self->base;
}

static tp_tensor *nn_dropout_forward(tp_module *m, tp_tensor *x) {
    nn_simple *self = (nn_simple *)m;
    return tp_dropout(x, self->number, m->training, self->generator);
}

static int nn_dropout_describe(const tp_module *m, char *buffer, size_t size) {
    return snprintf(buffer, size, "p=%g, inplace=False", ((const nn_simple *)m)->number);
}

static const tp_module_class nn_dropout_class = {.name = "Dropout",
                                                 .size = sizeof(nn_simple),
                                                 .forward = nn_dropout_forward,
                                                 .describe = nn_dropout_describe};

tp_module *tp_nn_dropout(double p, tp_generator *generator) {
    if (!(p >= 0 && p <= 1)) TP_FAIL(TP_ERR_ARGUMENT, "nn_dropout", "p must be in [0, 1], got %g", p);
    return nn_simple_new(&nn_dropout_class, p, 0, 0, generator);
}

static tp_tensor *nn_flatten_forward(tp_module *m, tp_tensor *x) {
    nn_simple *self = (nn_simple *)m;
    return tp_flatten(x, self->dims[0], self->dims[1]);
}

static int nn_flatten_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_simple *self = (const nn_simple *)m;
    return snprintf(buffer, size, "start_dim=%d, end_dim=%d", self->dims[0], self->dims[1]);
}

static const tp_module_class nn_flatten_class = {.name = "Flatten",
                                                 .size = sizeof(nn_simple),
                                                 .forward = nn_flatten_forward,
                                                 .describe = nn_flatten_describe};

tp_module *tp_nn_flatten(void) { return tp_nn_flatten_with(1, -1); }

tp_module *tp_nn_flatten_with(int start_dim, int end_dim) {
    return nn_simple_new(&nn_flatten_class, 0, start_dim, end_dim, NULL);
}

typedef struct nn_unflatten {
    tp_module base;
    int dim;
    tp_shape sizes;
} nn_unflatten;

static tp_tensor *nn_unflatten_forward(tp_module *m, tp_tensor *x) {
    const nn_unflatten *self = (const nn_unflatten *)m;
    return tp_unflatten(x, self->dim, self->sizes);
}

static int nn_unflatten_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_unflatten *self = (const nn_unflatten *)m;
    return snprintf(buffer, size, "dim=%d, unflattened_size=%s", self->dim, tp__shape_text(self->sizes));
}

static const tp_module_class nn_unflatten_class = {.name = "Unflatten",
                                                   .size = sizeof(nn_unflatten),
                                                   .forward = nn_unflatten_forward,
                                                   .describe = nn_unflatten_describe};

tp_module *tp_nn_unflatten(int dim, tp_shape sizes) {
    nn_unflatten *self = (nn_unflatten *)tp_module_new(&nn_unflatten_class);
    if (!self) return NULL;
    self->dim = dim;
    self->sizes = sizes;
    return &self->base;
}

static tp_tensor *nn_identity_forward(tp_module *m, tp_tensor *x) {
    (void)m;
    return x;
}

static const tp_module_class nn_identity_class = {.name = "Identity",
                                                  .size = sizeof(tp_module),
                                                  .forward = nn_identity_forward};

tp_module *tp_nn_identity(void) { return tp_module_new(&nn_identity_class); }
