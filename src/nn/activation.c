/* Activations as modules: each holds its numbers and calls the op of its name. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/scope.h"
#include "nn/nn.h"
#include "taper/activation.h"
#include "taper/creation.h"
#include "taper/elementwise.h"
#include "taper/nn.h"
#include "taper/reduce.h"

typedef struct nn_activation {
    tp_module base;
    double a, b;
    int dim;
    tp_generator *generator;
} nn_activation;

static tp_module *nn_activation_new(const tp_module_class *type, double a, double b, int dim,
                                    tp_generator *generator) {
    nn_activation *self = (nn_activation *)tp_module_new(type);
    if (!self) return NULL;
    self->a = a;
    self->b = b;
    self->dim = dim;
    self->generator = generator;
    return &self->base;
}

typedef struct nn_number_text {
    char text[32];
} nn_number_text;

/* As Python writes it: a whole number with a point. */
static nn_number_text nn_number(double value) {
    nn_number_text t;
    snprintf(t.text, sizeof t.text, "%.10g", value + 0.0); /* no minus before a zero */
    if (!strpbrk(t.text, ".einf")) strcat(t.text, ".0");
    return t;
}
#define A nn_number(self->a).text
#define B nn_number(self->b).text

/* name, as printed, y = f(x) */
#define NN_PLAIN(X)                                                                                          \
    X(relu, "ReLU", tp_relu(x))                                                                              \
    X(relu6, "ReLU6", tp_relu6(x))                                                                           \
    X(selu, "SELU", tp_selu(x))                                                                              \
    X(silu, "SiLU", tp_silu(x))                                                                              \
    X(mish, "Mish", tp_mish(x))                                                                              \
    X(tanh, "Tanh", tp_tanh(x))                                                                              \
    X(sigmoid, "Sigmoid", tp_sigmoid(x))                                                                     \
    X(logsigmoid, "LogSigmoid", tp_logsigmoid(x))                                                            \
    X(softsign, "Softsign", tp_softsign(x))                                                                  \
    X(tanhshrink, "Tanhshrink", tp_tanhshrink(x))                                                            \
    X(hardsigmoid, "Hardsigmoid", tp_hardsigmoid(x))                                                         \
    X(hardswish, "Hardswish", tp_hardswish(x))

#define NN_PLAIN_MODULE(name_, printed, y)                                                                   \
    static tp_tensor *nn_##name_##_forward(tp_module *m, tp_tensor *x) {                                     \
        (void)m;                                                                                             \
        return y;                                                                                            \
    }                                                                                                        \
    static const tp_module_class nn_##name_##_class = {.name = printed,                                      \
                                                       .size = sizeof(tp_module),                            \
                                                       .forward = nn_##name_##_forward};                     \
    tp_module *tp_nn_##name_(void) { return tp_module_new(&nn_##name_##_class); }
NN_PLAIN(NN_PLAIN_MODULE)

/* name, as printed, arguments of the constructor, the values kept (a, b, dim, generator), y = f(x), and what is printed of
 * them. */
#define NN_MODULE(name_, printed, arguments, values, y, ...)                                                 \
    static tp_tensor *nn_##name_##_forward(tp_module *m, tp_tensor *x) {                                     \
        const nn_activation *self = (const nn_activation *)m;                                                \
        (void)self;                                                                                          \
        return y;                                                                                            \
    }                                                                                                        \
    static int nn_##name_##_describe(const tp_module *m, char *buffer, size_t size) {                        \
        const nn_activation *self = (const nn_activation *)m;                                                \
        (void)self;                                                                                          \
        return snprintf(buffer, size, __VA_ARGS__);                                                          \
    }                                                                                                        \
    static const tp_module_class nn_##name_##_class = {.name = printed,                                      \
                                                       .size = sizeof(nn_activation),                        \
                                                       .forward = nn_##name_##_forward,                      \
                                                       .describe = nn_##name_##_describe};                   \
    tp_module *tp_nn_##name_ arguments { return nn_activation_new(&nn_##name_##_class, values); }
#define VALUES(...) __VA_ARGS__

NN_MODULE(gelu, "GELU", (void), VALUES(0, 0, 0, NULL), tp_gelu(x), "approximate='none'")
NN_MODULE(gelu_tanh, "GELU", (void), VALUES(0, 0, 0, NULL), tp_gelu_tanh(x), "approximate='tanh'")
NN_MODULE(leaky_relu, "LeakyReLU", (double slope), VALUES(slope, 0, 0, NULL), tp_leaky_relu(x, self->a),
          "negative_slope=%s", A)
NN_MODULE(elu, "ELU", (double alpha), VALUES(alpha, 0, 0, NULL), tp_elu(x, self->a), "alpha=%s", A)
NN_MODULE(celu, "CELU", (double alpha), VALUES(alpha, 0, 0, NULL), tp_celu(x, self->a), "alpha=%s", A)
NN_MODULE(hardshrink, "Hardshrink", (double lambda), VALUES(lambda, 0, 0, NULL), tp_hardshrink(x, self->a),
          "%s", A)
NN_MODULE(softshrink, "Softshrink", (double lambda), VALUES(lambda, 0, 0, NULL), tp_softshrink(x, self->a),
          "%s", A)
NN_MODULE(hardtanh, "Hardtanh", (double lo, double hi), VALUES(lo, hi, 0, NULL),
          tp_hardtanh(x, self->a, self->b), "min_val=%s, max_val=%s", A, B)
NN_MODULE(threshold, "Threshold", (double threshold, double value), VALUES(threshold, value, 0, NULL),
          tp_threshold(x, self->a, self->b), "threshold=%s, value=%s", A, B)
NN_MODULE(softplus, "Softplus", (tp_softplus_options options),
          VALUES(options.beta == 0 ? 1 : options.beta, /* a negative zero stays one, for the op to see */
                 options.threshold == 0 && !signbit(options.threshold) ? 20 : options.threshold, 0, NULL),
          tp_softplus_with(x, (tp_softplus_options){self->a, self->b}), "beta=%s, threshold=%s", A, B)
NN_MODULE(rrelu, "RReLU", (tp_rrelu_options options),
          VALUES(options.lower == 0 && !signbit(options.lower) ? 1. / 8 : options.lower,
                 options.upper == 0 && !signbit(options.upper) ? 1. / 3 : options.upper, 0,
                 options.generator),
          tp_rrelu(x, m->training, (tp_rrelu_options){self->a, self->b, self->generator}),
          "lower=%s, upper=%s", A, B)
NN_MODULE(glu, "GLU", (int dim), VALUES(0, 0, dim, NULL), tp_glu(x, self->dim), "dim=%d", self->dim)
NN_MODULE(softmin, "Softmin", (int dim), VALUES(0, 0, dim, NULL), tp_softmin(x, self->dim), "dim=%d",
          self->dim)
NN_MODULE(softmax, "Softmax", (int dim), VALUES(0, 0, dim, NULL), tp_softmax(x, self->dim), "dim=%d",
          self->dim)
NN_MODULE(log_softmax, "LogSoftmax", (int dim), VALUES(0, 0, dim, NULL), tp_log_softmax(x, self->dim),
          "dim=%d", self->dim)

/* ---- with a parameter ---------------------------------------------------------------------------------- */

typedef struct nn_prelu {
    tp_module base;
    tp_tensor *weight;
    int64_t count;
} nn_prelu;

static tp_tensor *nn_prelu_forward(tp_module *m, tp_tensor *x) {
    return tp_prelu(x, ((nn_prelu *)m)->weight);
}

static int nn_prelu_describe(const tp_module *m, char *buffer, size_t size) {
    return snprintf(buffer, size, "num_parameters=%lld", (long long)((const nn_prelu *)m)->count);
}

static const tp_module_class nn_prelu_class = {.name = "PReLU",
                                               .size = sizeof(nn_prelu),
                                               .forward = nn_prelu_forward,
                                               .describe = nn_prelu_describe};

tp_module *tp_nn_prelu(int64_t num_parameters, tp_nn_prelu_options options) {
    const char *op = "nn_prelu";
    double init = tp__default(options.init, 0.25);
    if (num_parameters < 1)
        TP_FAIL(TP_ERR_ARGUMENT, op, "num_parameters must be at least 1, got %lld",
                (long long)num_parameters);
    if (!tp__nn_check_dtype(op, options.dtype)) return NULL;
    tp_scope *s = tp_scope_begin();
    nn_prelu *self = s ? (nn_prelu *)tp_module_new(&nn_prelu_class) : NULL;
    if (!self) {
        tp_scope_end(s);
        return NULL;
    }
    self->count = num_parameters;
    tp_tensor *weight = tp_full(TP_SHAPE(num_parameters), init, options.dtype);
    bool ok = tp_module_register_parameter(&self->base, "weight", &self->weight, weight) != NULL;
    return tp__module_finish(&self->base, s, ok);
}
