/* Linear regression by gradient descent: the slope and intercept of noisy points, beside what the closed form says. */
#include <math.h>

#include "args.h"
#include "taper.h"

/* One step down the gradient of the mean squared error. */
static tp_status step(tp_tensor *slope, tp_tensor *intercept, tp_tensor *x, tp_tensor *y, double rate) {
    tp_scope *s = tp_scope_begin(); /* owns what the step makes */
    tp_tensor *error = tp_sub(tp_add(tp_mul(slope, x), intercept), y);
    tp_zero_grad(slope);
    tp_zero_grad(intercept);
    tp_status status = tp_backward(tp_mean(tp_square(error)));
    tp_no_grad_begin(); /* updates are no part of what is differentiated; the end of the scope ends this */
    tp_sub_(slope, tp_mul_scalar(tp_tensor_grad(slope), rate));
    if (!tp_sub_(intercept, tp_mul_scalar(tp_tensor_grad(intercept), rate))) status = tp_last_error().code;
    tp_scope_end(s);
    return status;
}

/* Least squares without descending: slope = cov(x, y) / var(x), and the line goes through the means. */
static void closed_form(tp_tensor *x, tp_tensor *y, double *slope, double *intercept) {
    tp_tensor *dx = tp_sub(x, tp_mean(x)), *dy = tp_sub(y, tp_mean(y));
    *slope = tp_tensor_item(tp_div(tp_sum(tp_mul(dx, dy)), tp_sum(tp_square(dx))));
    *intercept = tp_tensor_item(tp_mean(y)) - *slope * tp_tensor_item(tp_mean(x));
}

int main(int argc, char **argv) {
    long points = 1000, steps = 1000, seed = 0;
    double rate = 0.5;
    const arg list[] = {{"points", "of y = 3 x + 1 + noise in [0, 1)", .integer = &points},
                        {"steps", "of gradient descent", .integer = &steps},
                        {"rate", "learning rate", .number = &rate},
                        {"seed", "chooses the points", .integer = &seed}};
    args_read(argc, argv, "Fits a line to noisy points by gradient descent.", list, 4);

    tp_scope *s = tp_scope_begin();
    tp_manual_seed((uint64_t)seed);
    tp_tensor *x = tp_rand(TP_SHAPE(points), TP_F32, NULL), *noise = tp_rand(TP_SHAPE(points), TP_F32, NULL);
    tp_tensor *y = tp_add(tp_add_scalar(tp_mul_scalar(x, 3), 1), noise);
    tp_tensor *slope = tp_set_requires_grad(tp_zeros(TP_SCALAR_SHAPE, TP_F32), true);
    tp_tensor *intercept = tp_set_requires_grad(tp_zeros(TP_SCALAR_SHAPE, TP_F32), true);

    tp_status status = TP_OK;
    for (long i = 0; status == TP_OK && i < steps; i++) status = step(slope, intercept, x, y, rate);
    if (status != TP_OK) {
        fprintf(stderr, "%s\n", tp_last_error().message);
        return 1;
    }
    double a = tp_tensor_item(slope), b = tp_tensor_item(intercept), exact_a, exact_b;
    closed_form(x, y, &exact_a, &exact_b);
    printf("gradient descent: y = %.4f x + %.4f\n", a, b);
    printf("closed form:      y = %.4f x + %.4f\n", exact_a, exact_b);
    tp_scope_end(s);
    tp_shutdown();

    bool close = fabs(a - exact_a) < 1e-3 && fabs(b - exact_b) < 1e-3; /* the two agree, */
    bool right = fabs(a - 3) < 0.1 && fabs(b - 1.5) < 0.1;             /* on the noise's mean, too */
    if (!close || !right)
        fprintf(stderr, "it should have come to 3 x + 1.5, within 0.1, and to the closed form\n");
    return close && right ? 0 : 1;
}
