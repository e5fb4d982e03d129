/* An op of one's own, with a gradient rule in plain C, and what the checks say of it.
 *
 *     ./custom_op [--help]
 *
 * The op is the logarithm of the sum of exponentials of neighbours, a smooth maximum over a window of three:
 *     y_i = log(e^x_{i-1} + e^x_i + e^x_{i+1}),    with what lies outside left out.
 * As a chain of taper's ops it would make six tensors. Here the forward is one loop, and so is the rule, which needs x and y:
 *     dx_j = sum_i g_i e^(x_j - y_i)   over the windows i that j lies in.
 * A loop in C is invisible to the tape, so the class says `.once`: a second derivative is an error, not a wrong number. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "taper.h"

static tp_status smooth_max_forward(tp_tensors in, tp_tensor **y, tp_tensor **saved, const void *attr) {
    (void)saved;
    double sharpness = *(const double *)attr;
    tp_tensor *x = in.items[0];
    if (tp_tensor_ndim(x) != 1 || tp_tensor_dtype(x) != TP_F64)
        return tp_error_set(TP_ERR_SHAPE, "smooth_max", "x must be one row of float64, got %d dims of %s",
                            tp_tensor_ndim(x), tp_dtype_name(tp_tensor_dtype(x)));
    int64_t n = tp_tensor_numel(x);
    x = tp_contiguous(x); /* packed, whatever the caller's strides */
    y[0] = tp_empty(TP_SHAPE(n), TP_F64);
    if (!x || !y[0]) return tp_last_error().code;
    const double *from = tp_tensor_data(x);
    double *to = tp_tensor_data_mut(y[0]);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t j = i > 0 ? i - 1 : 0; j <= i + 1 && j < n; j++) sum += exp(sharpness * from[j]);
        to[i] = log(sum) / sharpness;
    }
    return TP_OK;
}

static tp_status smooth_max_vjp(tp_op_call *call, tp_tensor *const *g, tp_tensor **dx) {
    double sharpness = *(const double *)tp_op_attr(call);
    tp_tensor *x = tp_contiguous(tp_op_input(call, 0)), *y = tp_op_output(call, 0), *gy = tp_contiguous(g[0]);
    dx[0] = tp_zeros(tp_op_input_shape(call, 0), TP_F64);
    if (!x || !y || !gy || !dx[0]) return tp_last_error().code;
    const double *xs = tp_tensor_data(x), *ys = tp_tensor_data(y), *gs = tp_tensor_data(gy);
    double *to = tp_tensor_data_mut(dx[0]);
    int64_t n = tp_tensor_numel(x);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i > 0 ? i - 1 : 0; j <= i + 1 && j < n; j++)
            to[j] += gs[i] * exp(sharpness * (xs[j] - ys[i]));
    return TP_OK;
}

static const tp_op_class smooth_max = {.name = "smooth_max",
                                       .forward = smooth_max_forward,
                                       .vjp = smooth_max_vjp,
                                       .save_inputs = TP_OP_ALL,
                                       .save_outputs = TP_OP_ALL,
                                       .once = true,
                                       .attr_size = sizeof(double)};

/* What the check calls. */
static int function(tp_tensors inputs, tp_tensor **outputs, void *context) {
    outputs[0] = tp_op_apply(&smooth_max, inputs, context);
    return 1;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        printf("usage: %s\nDefines an op in C, uses it and checks its gradient.\n", argv[0]);
        return strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    tp_scope *s = tp_scope_begin();
    double sharpness = 2;
    tp_tensor *x = tp_set_requires_grad(TP_F64_TENSOR(TP_SHAPE(5), 0, 1, -1, 3, 0.5), true);

    tp_tensor *y = tp_op_apply(&smooth_max, TP_TENSORS(x), &sharpness);
    if (tp_backward(tp_sum(y)) != TP_OK) fprintf(stderr, "%s\n", tp_last_error().message);
    printf("y  = ");
    tp_tensor_fprint(stdout, tp_detach(y));
    printf("\ndx = ");
    tp_tensor_fprint(stdout, tp_tensor_grad(x));

    tp_status first = tp_gradcheck(function, &sharpness, TP_TENSORS(x), (tp_gradcheck_options){0});
    printf("\nthe rule:          %s\n", first == TP_OK ? "right" : tp_last_error().message);
    tp_status second = tp_gradgradcheck(function, &sharpness, TP_TENSORS(x), (tp_gradcheck_options){0});
    printf("second derivative: %s\n", second == TP_OK ? "right?" : tp_last_error().message);
    tp_scope_end(s);
    return first == TP_OK && second == TP_ERR_AUTOGRAD ? 0 : 1;
}
