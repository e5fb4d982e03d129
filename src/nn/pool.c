/* Modules of pooling, of one to three dims. One struct serves them all; each class calls its op. */
#include "nn/nn.h"
#include "taper/nn.h"
#include "taper/pool.h"

typedef struct nn_pool {
    tp_module base;
    int nd;
    int64_t size[3]; /* the kernel's, or for adaptive pooling the output's */
    double p;        /* of the p-norm */
    tp_pool1d_options o1;
    tp_pool2d_options o2;
    tp_pool3d_options o3; /* that of `nd` */
} nn_pool;

/* The options, whatever the number of dims. */
typedef struct nn_pool_lists {
    const int64_t *stride, *padding, *dilation;
    bool ceil_mode;
} nn_pool_lists;

static nn_pool_lists nn_pool_lists_of(const nn_pool *self) {
    if (self->nd == 1)
        return (nn_pool_lists){&self->o1.stride, &self->o1.padding, &self->o1.dilation, self->o1.ceil_mode};
    if (self->nd == 2)
        return (nn_pool_lists){self->o2.stride, self->o2.padding, self->o2.dilation, self->o2.ceil_mode};
    return (nn_pool_lists){self->o3.stride, self->o3.padding, self->o3.dilation, self->o3.ceil_mode};
}

/* ---- printing ------------------------------------------------------------------------------------------------ */

/* "2" for equal sizes, else "(2, 3)". */
static void nn_pool_print(tp__text *text, const char *name, int nd, const int64_t *sizes) {
    bool equal = true;
    for (int d = 1; d < nd; d++) equal = equal && sizes[d] == sizes[0];
    tp__text_add(text, "%s=", name);
    if (equal) tp__text_add(text, "%lld", (long long)sizes[0]);
    else tp__text_tuple(text, nd, sizes);
}

/* Of sizes of which zeros stand for the one before, and a first zero for `otherwise`. */
static void nn_pool_print_filled(tp__text *text, const char *name, int nd, const int64_t *given,
                                 const int64_t *otherwise) {
    int64_t sizes[3];
    for (int d = 0; d < nd; d++) sizes[d] = given[d] ? given[d] : d && given[0] ? sizes[d - 1] : otherwise[d];
    nn_pool_print(text, name, nd, sizes);
}

static void nn_pool_print_windows(tp__text *text, const nn_pool *self) {
    nn_pool_lists o = nn_pool_lists_of(self);
    nn_pool_print(text, "kernel_size", self->nd, self->size);
    nn_pool_print_filled(text, ", stride", self->nd, o.stride, self->size);
    nn_pool_print(text, ", padding", self->nd, o.padding);
}

static int nn_max_pool_describe(const tp_module *m, char *buffer, size_t size) {
    static const int64_t ones[] = {1, 1, 1};
    const nn_pool *self = (const nn_pool *)m;
    nn_pool_lists o = nn_pool_lists_of(self);
    tp__text text = {buffer, size, 0};
    nn_pool_print_windows(&text, self);
    nn_pool_print_filled(&text, ", dilation", self->nd, o.dilation, ones);
    tp__text_add(&text, ", ceil_mode=%s", o.ceil_mode ? "True" : "False");
    return (int)text.length;
}

static int nn_avg_pool_describe(const tp_module *m, char *buffer, size_t size) {
    tp__text text = {buffer, size, 0};
    nn_pool_print_windows(&text, (const nn_pool *)m);
    return (int)text.length;
}

static int nn_lp_pool_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_pool *self = (const nn_pool *)m;
    nn_pool_lists o = nn_pool_lists_of(self);
    tp__text text = {buffer, size, 0};
    tp__text_add(&text, "norm_type=%g", self->p);
    nn_pool_print(&text, ", kernel_size", self->nd, self->size);
    nn_pool_print_filled(&text, ", stride", self->nd, o.stride, self->size);
    tp__text_add(&text, ", ceil_mode=%s", o.ceil_mode ? "True" : "False");
    return (int)text.length;
}

static int nn_adaptive_pool_describe(const tp_module *m, char *buffer, size_t size) {
    const nn_pool *self = (const nn_pool *)m;
    tp__text text = {buffer, size, 0};
    tp__text_add(&text, self->nd > 1 ? "output_size=(" : "output_size=");
    for (int d = 0; d < self->nd; d++) {
        if (d) tp__text_add(&text, ", ");
        if (self->size[d] == -1) tp__text_add(&text, "None");
        else tp__text_add(&text, "%lld", (long long)self->size[d]);
    }
    if (self->nd > 1) tp__text_add(&text, ")");
    return (int)text.length;
}

/* ---- classes -------------------------------------------------------------------------------------------------- */

/* Defines nn_word_class, whose forward is `call` on self, s (its sizes) and x. */
#define NN_POOL_CLASS(word, NAME, description, call)                                                         \
    static tp_tensor *nn_##word##_forward(tp_module *m, tp_tensor *x) {                                      \
        const nn_pool *self = (const nn_pool *)m;                                                            \
        const int64_t *s = self->size;                                                                       \
        return call;                                                                                         \
    }                                                                                                        \
    static const tp_module_class nn_##word##_class = {.name = NAME,                                          \
                                                      .size = sizeof(nn_pool),                               \
                                                      .forward = nn_##word##_forward,                        \
                                                      .describe = description};

NN_POOL_CLASS(max_pool1d, "MaxPool1d", nn_max_pool_describe, tp_max_pool1d(x, s[0], self->o1))
NN_POOL_CLASS(max_pool2d, "MaxPool2d", nn_max_pool_describe, tp_max_pool2d(x, s[0], s[1], self->o2))
NN_POOL_CLASS(max_pool3d, "MaxPool3d", nn_max_pool_describe, tp_max_pool3d(x, s[0], s[1], s[2], self->o3))
NN_POOL_CLASS(avg_pool1d, "AvgPool1d", nn_avg_pool_describe, tp_avg_pool1d(x, s[0], self->o1))
NN_POOL_CLASS(avg_pool2d, "AvgPool2d", nn_avg_pool_describe, tp_avg_pool2d(x, s[0], s[1], self->o2))
NN_POOL_CLASS(avg_pool3d, "AvgPool3d", nn_avg_pool_describe, tp_avg_pool3d(x, s[0], s[1], s[2], self->o3))
NN_POOL_CLASS(lp_pool1d, "LPPool1d", nn_lp_pool_describe, tp_lp_pool1d(x, self->p, s[0], self->o1))
NN_POOL_CLASS(lp_pool2d, "LPPool2d", nn_lp_pool_describe, tp_lp_pool2d(x, self->p, s[0], s[1], self->o2))
NN_POOL_CLASS(lp_pool3d, "LPPool3d", nn_lp_pool_describe,
              tp_lp_pool3d(x, self->p, s[0], s[1], s[2], self->o3))
NN_POOL_CLASS(adaptive_avg_pool1d, "AdaptiveAvgPool1d", nn_adaptive_pool_describe,
              tp_adaptive_avg_pool1d(x, s[0]))
NN_POOL_CLASS(adaptive_avg_pool2d, "AdaptiveAvgPool2d", nn_adaptive_pool_describe,
              tp_adaptive_avg_pool2d(x, s[0], s[1]))
NN_POOL_CLASS(adaptive_avg_pool3d, "AdaptiveAvgPool3d", nn_adaptive_pool_describe,
              tp_adaptive_avg_pool3d(x, s[0], s[1], s[2]))
NN_POOL_CLASS(adaptive_max_pool1d, "AdaptiveMaxPool1d", nn_adaptive_pool_describe,
              tp_adaptive_max_pool1d(x, s[0]))
NN_POOL_CLASS(adaptive_max_pool2d, "AdaptiveMaxPool2d", nn_adaptive_pool_describe,
              tp_adaptive_max_pool2d(x, s[0], s[1]))
NN_POOL_CLASS(adaptive_max_pool3d, "AdaptiveMaxPool3d", nn_adaptive_pool_describe,
              tp_adaptive_max_pool3d(x, s[0], s[1], s[2]))

/* ---- construction ---------------------------------------------------------------------------------------------- */

static tp_module *nn_pool_make(const tp_module_class *type, const nn_pool *given) {
    nn_pool *self = (nn_pool *)tp_module_new(type);
    if (!self) return NULL;
    tp_module base = self->base;
    *self = *given;
    self->base = base;
    return &self->base;
}

static tp_module *nn_pool_new(const char *op, const tp_module_class *type, nn_pool given) {
    nn_pool_lists o = nn_pool_lists_of(&given);
    bool ok = true;
    for (int d = 0; d < given.nd; d++) {
        if (given.size[d] == 0 && d) given.size[d] = given.size[d - 1];
        ok = ok && given.size[d] > 0 && o.stride[d] >= 0 && o.padding[d] >= 0 && o.dilation[d] >= 0;
    }
    if (ok && given.o2.divisor >= 0 && given.o3.divisor >= 0) return nn_pool_make(type, &given);
    char text[320];
    nn_max_pool_describe(&given.base, text, sizeof text);
    TP_FAIL(TP_ERR_ARGUMENT, op, "a size is out of range: %s", text);
}

static tp_module *nn_adaptive_new(const char *op, const tp_module_class *type, nn_pool given) {
    for (int d = 0; d < given.nd; d++)
        if (given.size[d] < -1 || given.size[d] == 0) {
            char text[128];
            nn_adaptive_pool_describe(&given.base, text, sizeof text);
            TP_FAIL(TP_ERR_ARGUMENT, op, "sizes are at least 1, or -1 for the input's: %s", text);
        }
    return nn_pool_make(type, &given);
}

static tp_module *nn_lp_new(const char *op, const tp_module_class *type, nn_pool given) {
    if (!(given.p > 0)) TP_FAIL(TP_ERR_ARGUMENT, op, "p must be above 0, got %g", given.p);
    return nn_pool_new(op, type, given);
}

#define NN_POOL_1D(make, name, ...) make("nn_" #name, &nn_##name##_class, (nn_pool){.nd = 1, __VA_ARGS__})
#define NN_POOL_2D(make, name, ...) make("nn_" #name, &nn_##name##_class, (nn_pool){.nd = 2, __VA_ARGS__})
#define NN_POOL_3D(make, name, ...) make("nn_" #name, &nn_##name##_class, (nn_pool){.nd = 3, __VA_ARGS__})

tp_module *tp_nn_max_pool1d(int64_t kernel, tp_pool1d_options options) {
    return NN_POOL_1D(nn_pool_new, max_pool1d, .size = {kernel}, .o1 = options);
}

tp_module *tp_nn_max_pool2d(int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options) {
    return NN_POOL_2D(nn_pool_new, max_pool2d, .size = {kernel_h, kernel_w}, .o2 = options);
}

tp_module *tp_nn_max_pool3d(int64_t kernel_d, int64_t kernel_h, int64_t kernel_w, tp_pool3d_options options) {
    return NN_POOL_3D(nn_pool_new, max_pool3d, .size = {kernel_d, kernel_h, kernel_w}, .o3 = options);
}

tp_module *tp_nn_avg_pool1d(int64_t kernel, tp_pool1d_options options) {
    return NN_POOL_1D(nn_pool_new, avg_pool1d, .size = {kernel}, .o1 = options);
}

tp_module *tp_nn_avg_pool2d(int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options) {
    return NN_POOL_2D(nn_pool_new, avg_pool2d, .size = {kernel_h, kernel_w}, .o2 = options);
}

tp_module *tp_nn_avg_pool3d(int64_t kernel_d, int64_t kernel_h, int64_t kernel_w, tp_pool3d_options options) {
    return NN_POOL_3D(nn_pool_new, avg_pool3d, .size = {kernel_d, kernel_h, kernel_w}, .o3 = options);
}

tp_module *tp_nn_lp_pool1d(double p, int64_t kernel, tp_pool1d_options options) {
    return NN_POOL_1D(nn_lp_new, lp_pool1d, .p = p, .size = {kernel}, .o1 = options);
}

tp_module *tp_nn_lp_pool2d(double p, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options) {
    return NN_POOL_2D(nn_lp_new, lp_pool2d, .p = p, .size = {kernel_h, kernel_w}, .o2 = options);
}

tp_module *tp_nn_lp_pool3d(double p, int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                           tp_pool3d_options options) {
    return NN_POOL_3D(nn_lp_new, lp_pool3d, .p = p, .size = {kernel_d, kernel_h, kernel_w}, .o3 = options);
}

tp_module *tp_nn_adaptive_avg_pool1d(int64_t out) {
    return NN_POOL_1D(nn_adaptive_new, adaptive_avg_pool1d, .size = {out});
}

tp_module *tp_nn_adaptive_avg_pool2d(int64_t out_h, int64_t out_w) {
    return NN_POOL_2D(nn_adaptive_new, adaptive_avg_pool2d, .size = {out_h, out_w});
}

tp_module *tp_nn_adaptive_avg_pool3d(int64_t out_d, int64_t out_h, int64_t out_w) {
    return NN_POOL_3D(nn_adaptive_new, adaptive_avg_pool3d, .size = {out_d, out_h, out_w});
}

tp_module *tp_nn_adaptive_max_pool1d(int64_t out) {
    return NN_POOL_1D(nn_adaptive_new, adaptive_max_pool1d, .size = {out});
}

tp_module *tp_nn_adaptive_max_pool2d(int64_t out_h, int64_t out_w) {
    return NN_POOL_2D(nn_adaptive_new, adaptive_max_pool2d, .size = {out_h, out_w});
}

tp_module *tp_nn_adaptive_max_pool3d(int64_t out_d, int64_t out_h, int64_t out_w) {
    return NN_POOL_3D(nn_adaptive_new, adaptive_max_pool3d, .size = {out_d, out_h, out_w});
}
