/* First steps: tensors, gradients, a gradient of a gradient, and a minimum found by following one. */
#include <stdio.h>

#include "taper.h"

static void show(const char *name, const tp_tensor *t) {
    printf("%s =\n", name);
    if (t) tp_tensor_fprint(stdout, t);
    printf("\n");
}

int main(void) {
    tp_scope *s = tp_scope_begin(); /* owns every tensor made below */

    /* Tensors. Shapes broadcast as in PyTorch: (2, 3) + (3,) is (2, 3). */
    tp_tensor *a = TP_F32_TENSOR(TP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    tp_tensor *b = TP_F32_TENSOR(TP_SHAPE(3), 10, 20, 30);
    show("a + b", tp_add(a, b));
    show("a a^T", tp_matmul(a, tp_t(a)));
    show("mean of each row", tp_mean_dim(a, TP_DIMS(1), false));

    /* Gradients. What is computed from x is recorded; tp_backward() walks back over it. */
    tp_tensor *x = tp_set_requires_grad(TP_F64_TENSOR(TP_SHAPE(3), 0, 1, 2), true);
    tp_tensor *y = tp_sum(tp_mul(x, tp_sin(x)));
    tp_backward(y);
    show("y = sum of x sin x", y);
    show("dy/dx = sin x + x cos x", tp_tensor_grad(x));

    /* Higher derivatives. A gradient is a tensor, recorded in its turn if one asks for it. */
    tp_tensor *t = tp_set_requires_grad(tp_scalar(2, TP_F64), true);
    tp_tensor *f = tp_pow_scalar(t, 4);
    for (int order = 1; order <= 3; order++) {
        tp_grad(TP_TENSORS(f), TP_TENSORS(t), (tp_tensors){0}, &f, (tp_grad_options){.create_graph = true});
        printf("derivative %d of t^4 at 2: %g\n", order, tp_tensor_item(f)); /* 4 t^3, 12 t^2, 24 t */
    }

    /* Following the gradient down (w - 3)^2. */
    tp_tensor *w = tp_set_requires_grad(tp_scalar(0, TP_F32), true);
    tp_optim *opt = tp_optim_sgd(TP_TENSORS(w), 0.1, (tp_sgd_options){0});
    for (int step = 0; step < 50; step++) {
        tp_scope *inner = tp_scope_begin(); /* a step's tensors go with it */
        tp_optim_zero_grad(opt);
        tp_backward(tp_square(tp_sub_scalar(w, 3)));
        tp_optim_step(opt);
        tp_scope_end(inner);
    }
    printf("(w - 3)^2 is smallest at w = %.4f\n", tp_tensor_item(w));
    tp_optim_free(opt);

    tp_scope_end(s);
    if (tp_last_error().code == TP_OK) return 0; /* nothing above has failed */
    fprintf(stderr, "%s\n", tp_last_error().message);
    return 1;
}
