/* Calls an op as a golden case's arguments say. */
#include <string.h>

#include "support/golden.h"
#include "taper/conv.h"
#include "taper/elementwise.h"
#include "taper/index.h"
#include "taper/linalg.h"
#include "taper/loss.h"
#include "taper/norm.h"
#include "taper/pool.h"
#include "taper/reduce.h"
#include "taper/tensor.h"
#include "taper/views.h"

typedef struct call {
    const char *args;
    tp_tensor *const *in;
    int n_in;
    tp_tensor **out;
} call;

static double number(const call *c, const char *key) { return args_number(c->args, key, 0); }
static int whole(const call *c, const char *key) { return (int)args_number(c->args, key, 0); }
static bool flag(const call *c, const char *key) { return args_number(c->args, key, 0) != 0; }

static tp_dims dims_of(const call *c) {
    double values[TP_MAX_DIMS];
    tp_dims dims = {.count = args_numbers(c->args, "dims", values, TP_MAX_DIMS)};
    for (int k = 0; k < dims.count; k++) dims.items[k] = (int)values[k];
    return dims;
}

static tp_shape shape_of(const call *c, const char *key) {
    double values[TP_MAX_DIMS];
    tp_shape shape = {.ndim = args_numbers(c->args, key, values, TP_MAX_DIMS)};
    for (int k = 0; k < shape.ndim; k++) shape.dims[k] = (int64_t)values[k];
    return shape;
}

static void pair_of(const call *c, const char *key, int64_t pair[2]) {
    double values[2] = {0, 0};
    args_numbers(c->args, key, values, 2);
    pair[0] = (int64_t)values[0];
    pair[1] = (int64_t)values[1];
}

static tp_reduction reduction_of(const call *c) {
    const char *text = args_text(c->args, "reduction");
    return strstr(text, "sum") ? TP_SUM : strstr(text, "none") ? TP_NONE : TP_MEAN;
}

static tp_conv2d_options conv_options(const call *c) {
    tp_conv2d_options o = {.groups = whole(c, "groups")};
    pair_of(c, "stride", o.stride);
    pair_of(c, "padding", o.padding);
    pair_of(c, "dilation", o.dilation);
    return o;
}

static tp_pool2d_options pool_options(const call *c) {
    tp_pool2d_options o = {.ceil_mode = flag(c, "ceil_mode"),
                           .count_exclude_pad = args_number(c->args, "count_include_pad", 1) == 0,
                           .divisor = whole(c, "divisor_override")};
    pair_of(c, "stride", o.stride);
    pair_of(c, "padding", o.padding);
    pair_of(c, "dilation", o.dilation);
    return o;
}

static int64_t kernel(const call *c, int k) {
    int64_t pair[2];
    pair_of(c, "kernel", pair);
    return pair[k];
}

static tp_ce_options ce_options(const call *c) {
    return (tp_ce_options){.weight = c->n_in > 2 ? c->in[2] : NULL,
                           .has_ignore_index = args_number(c->args, "ignore_index", -1) != -1,
                           .ignore_index = whole(c, "ignore_index"),
                           .label_smoothing = number(c, "label_smoothing"),
                           .reduction = reduction_of(c)};
}

static int run_batch_norm(const call *c) {
    tp_tensor *mean = tp_clone(c->in[3]), *var = tp_clone(c->in[4]);
    tp_batch_norm_options options = {.weight = c->in[1],
                                     .bias = c->in[2],
                                     .running_mean = mean,
                                     .running_var = var,
                                     .training = flag(c, "training"),
                                     .momentum = number(c, "momentum"),
                                     .eps = number(c, "eps")};
    c->out[0] = tp_batch_norm(c->in[0], options);
    c->out[1] = mean;
    c->out[2] = var;
    return 3;
}

static int run_values(const call *c, tp_values both) {
    c->out[0] = both.values;
    c->out[1] = both.indices;
    return 2;
}

static int64_t extent(const call *c, int k) {
    int64_t pair[2];
    pair_of(c, "size", pair);
    return pair[k];
}

/* Tables, laid out by hand. */
/* clang-format off */
/* op, call: what goes to out[0]. */
#define X c->in[0]
#define Y c->in[1]
#define S number(c, "s")
#define DIM whole(c, "dim")
#define KEEP flag(c, "keep")
#define ONE_RESULT(OP)                                                                                       \
    OP(neg, (X)) OP(abs, (X)) OP(square, (X)) OP(exp, (X)) OP(sin, (X)) OP(cos, (X)) OP(tanh, (X))           \
    OP(sigmoid, (X)) OP(erf, (X)) OP(relu, (X)) OP(gelu, (X)) OP(gelu_tanh, (X)) OP(silu, (X))               \
    OP(softplus, (X)) OP(sign, (X)) OP(log, (X)) OP(sqrt, (X)) OP(rsqrt, (X)) OP(reciprocal, (X))            \
    OP(add, (X, Y)) OP(sub, (X, Y)) OP(mul, (X, Y)) OP(div, (X, Y)) OP(maximum, (X, Y))                      \
    OP(minimum, (X, Y)) OP(pow, (X, Y)) OP(pow_scalar, (X, S)) OP(scalar_pow, (S, X))                        \
    OP(scalar_sub, (S, X)) OP(scalar_div, (S, X)) OP(leaky_relu, (X, S))                                     \
    OP(clamp, (X, number(c, "lo"), number(c, "hi"))) OP(where, (X, Y, c->in[2]))                             \
    OP(sum, (X)) OP(mean, (X)) OP(var, (X)) OP(std, (X)) OP(sum_dim, (X, dims_of(c), KEEP))                  \
    OP(mean_dim, (X, dims_of(c), KEEP)) OP(amax, (X, dims_of(c), KEEP)) OP(amin, (X, dims_of(c), KEEP))      \
    OP(logsumexp, (X, dims_of(c), KEEP)) OP(var_dim, (X, dims_of(c), number(c, "correction"), KEEP))         \
    OP(std_dim, (X, dims_of(c), number(c, "correction"), KEEP)) OP(argmax, (X)) OP(argmin, (X))              \
    OP(argmax_dim, (X, DIM, KEEP)) OP(argmin_dim, (X, DIM, KEEP)) OP(softmax, (X, DIM))                      \
    OP(log_softmax, (X, DIM)) OP(any, (X)) OP(all, (X)) OP(matmul, (X, Y)) OP(linear, (X, Y, c->in[2]))      \
    OP(dot, (X, Y)) OP(outer, (X, Y)) OP(gather, (X, DIM, Y)) OP(scatter_add, (X, DIM, Y, c->in[2]))         \
    OP(index_select, (X, DIM, Y)) OP(index_add, (X, DIM, Y, c->in[2]))                                       \
    OP(pad, (X, shape_of(c, "pads"), number(c, "value"))) OP(one_hot, (X, whole(c, "n")))                    \
    OP(permute, (X, dims_of(c))) OP(transpose, (X, dims_of(c).items[0], dims_of(c).items[1]))                \
    OP(slice, (X, DIM, whole(c, "start"), whole(c, "end"), whole(c, "step")))                                \
    OP(slice_scatter, (X, Y, DIM, whole(c, "start"), whole(c, "end"), whole(c, "step")))                     \
    OP(select_scatter, (X, Y, DIM, whole(c, "index")))                                                       \
    OP(cat, ((tp_tensors){c->n_in, (tp_tensor **)c->in}, DIM))                                               \
    OP(stack, ((tp_tensors){c->n_in, (tp_tensor **)c->in}, DIM))                                             \
    OP(conv2d, (X, Y, c->in[2], conv_options(c))) OP(max_pool2d, (X, kernel(c, 0), kernel(c, 1),             \
     pool_options(c)))                                                                                       \
    OP(avg_pool2d, (X, kernel(c, 0), kernel(c, 1), pool_options(c)))                                         \
    OP(adaptive_avg_pool2d, (X, extent(c, 0), extent(c, 1))) OP(cross_entropy, (X, Y, ce_options(c)))        \
    OP(nll_loss, (X, Y, ce_options(c))) OP(mse_loss, (X, Y, reduction_of(c)))                                \
    OP(bce_with_logits, (X, Y, (tp_bce_options){c->in[2], c->in[3], reduction_of(c)}))

/* clang-format on */

#define RUNNER(op, arguments)                                                                                \
    static int run_##op(const call *c) {                                                                     \
        c->out[0] = tp_##op arguments;                                                                       \
        return 1;                                                                                            \
    }
ONE_RESULT(RUNNER)

static int run_max_dim(const call *c) { return run_values(c, tp_max_dim(X, DIM, KEEP)); }
static int run_min_dim(const call *c) { return run_values(c, tp_min_dim(X, DIM, KEEP)); }
static int run_max_pool2d_indices(const call *c) {
    return run_values(c, tp_max_pool2d_indices(X, kernel(c, 0), kernel(c, 1), pool_options(c)));
}

/* Tables, laid out by hand. */
/* clang-format off */
static const struct {
    const char *op;
    int (*run)(const call *c);
} runners[] = {
#define RUNNER_ROW(op, arguments) {#op, run_##op},
    ONE_RESULT(RUNNER_ROW){"max_dim", run_max_dim},
    {"min_dim", run_min_dim},
    {"max_pool2d_indices", run_max_pool2d_indices},
    {"batch_norm", run_batch_norm},
};
/* clang-format on */

int golden_run_op(const char *args, tp_tensor *const *in, int n_in, tp_tensor **out) {
    const char *op = args_text(args, "op");
    call c = {args, in, n_in, out};
    for (size_t k = 0; k < sizeof runners / sizeof runners[0]; k++)
        if (strcmp(runners[k].op, op) == 0) return runners[k].run(&c);
    return -1;
}
