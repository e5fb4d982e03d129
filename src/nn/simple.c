/* Modules without parameters: dropout and shapes. */
#include <math.h>
#include <stdio.h>

#include "nn/nn.h"
#include "taper/activation.h"
#include "taper/elementwise.h"
#include "taper/nn.h"
#include "taper/norm.h"
#include "taper/reduce.h"
#include "taper/views.h"

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
