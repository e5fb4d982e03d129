// A user who writes C++: the macros of the public headers, in every position where C++ differs from C.
#include <cmath>
#include <cstdio>

#include "taper.h"

static int failures = 0;

static void check(bool ok, const char *what) {
    if (ok) return;
    std::printf("failed: %s (%s)\n", what, tp_last_error().message);
    failures++;
}

static bool near(double a, double b) { return std::fabs(a - b) < 1e-12; }

static void shapes_and_dims() {
    const int rows = 2;
    const int64_t columns = 3;
    tp_shape shape = TP_SHAPE(rows, columns); // mixed integer types, no narrowing
    check(shape.ndim == 2 && shape.dims[0] == 2 && shape.dims[1] == 3, "TP_SHAPE");
    check(TP_SHAPE(7).ndim == 1 && TP_SHAPE(7).dims[0] == 7, "TP_SHAPE of one");
    check(tp_shape(TP_SCALAR_SHAPE).ndim == 0, "TP_SCALAR_SHAPE");

    tp_tensor *x = tp_ones(shape, TP_F64);
    tp_tensor *columns_summed = tp_sum_dim(x, TP_DIMS(0), false);
    check(near(tp_tensor_at(columns_summed, TP_SHAPE(-1)), 2), "TP_DIMS");
    check(near(tp_tensor_item(tp_sum_dim(x, TP_NO_DIMS, false)), 6), "TP_NO_DIMS");
    check(tp_tensor_ndim(tp_sum_dim(x, TP_DIMS(0, -1), true)) == 2, "TP_DIMS of two");
}

static void lists_of_tensors() {
    tp_tensor *a = tp_ones(TP_SHAPE(2, 2), TP_F64);
    tp_tensor *b = tp_zeros(TP_SHAPE(1, 2), TP_F64);
    tp_tensor *both = tp_cat(TP_TENSORS(a, b, a), 0);
    check(tp_tensor_size(both, 0) == 5 && near(tp_tensor_item(tp_sum(both)), 8), "TP_TENSORS");
}

static void gradients() {
    tp_tensor *x = tp_set_requires_grad(tp_scalar(3.0, TP_F64), true);
    check(tp_backward(tp_mul(x, tp_sin(x))) == TP_OK, "backward");
    check(near(tp_tensor_item(tp_tensor_grad(x)), std::sin(3.0) + 3 * std::cos(3.0)), "gradient");
}

static void modules() {
    tp_module *net = tp_nn_sequential(TP_MODULES(tp_nn_linear(4, 8, tp_linear_options{}), tp_nn_relu(),
                                                 tp_nn_linear(8, 1, tp_linear_options{})));
    tp_tensor *y = tp_forward(net, tp_ones(TP_SHAPE(5, 4), TP_F32));
    check(tp_tensor_size(y, 0) == 5 && tp_tensor_size(y, 1) == 1, "TP_MODULES");
    tp_module_free(net);
}

int main() {
    tp_scope *scope = tp_scope_begin();
    shapes_and_dims();
    lists_of_tensors();
    gradients();
    modules();
    tp_scope_end(scope);
    tp_shutdown();
    return failures == 0 ? 0 : 1;
}
