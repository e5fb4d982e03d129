/* Modules without parameters that change the shape, or nothing. */
#include <stdio.h>

#include "nn/nn.h"
#include "taper/nn.h"
#include "taper/views.h"

typedef struct nn_flatten {
    tp_module base;
    int dims[2];
} nn_flatten;

static tp_tensor *nn_flatten_forward(tp_module *m, tp_tensor *x) {
    const nn_flatten *self = (const nn_flatten *)m;
    return tp_flatten(x, self->dims[0], self->dims[1]);
}

static int nn_flatten_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_flatten *self = (const nn_flatten *)m;
    return snprintf(buffer, size, "start_dim=%d, end_dim=%d", self->dims[0], self->dims[1]);
}

static const tp_module_class nn_flatten_class = {.name = "Flatten",
                                                 .size = sizeof(nn_flatten),
                                                 .forward = nn_flatten_forward,
                                                 .describe = nn_flatten_describe};

tp_module *tp_nn_flatten(void) { return tp_nn_flatten_with(1, -1); }

tp_module *tp_nn_flatten_with(int start_dim, int end_dim) {
    nn_flatten *self = (nn_flatten *)tp_module_new(&nn_flatten_class);
    if (!self) return NULL;
    self->dims[0] = start_dim;
    self->dims[1] = end_dim;
    return &self->base;
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
