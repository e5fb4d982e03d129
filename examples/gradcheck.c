/* Checking the gradient of a function of one's own against finite differences, and a mistake that is caught.
 *
 * The function is the energy of a spring network: points in the plane, each joined to the next by a spring,
 *     E(x, k) = sum_i k_i (|x_{i+1} - x_i| - 1)^2 .
 * Its gradient comes from the operations it is made of, so it can only be wrong where somebody takes a part
 * out of the record. That is a common slip: a value is computed once, detached "since it is just a number",
 * and used again. */
#include <stdio.h>

#include "taper.h"

enum { POINTS = 5 };

/* x: (POINTS, 2), k: (POINTS - 1) -> () */
static tp_tensor *energy(tp_tensor *x, tp_tensor *k, bool mistaken) {
    tp_tensor *steps = tp_sub(tp_narrow(x, 0, 1, POINTS - 1), tp_narrow(x, 0, 0, POINTS - 1));
    tp_tensor *length = tp_sqrt(tp_sum_dim(tp_square(steps), TP_DIMS(1), false));
    tp_tensor *stretch = tp_sub_scalar(length, 1);
    if (mistaken)
        return tp_sum(tp_mul(k, tp_mul(stretch, tp_detach(stretch)))); /* half of the gradient is lost */
    return tp_sum(tp_mul(k, tp_square(stretch)));
}

/* What the check calls. It has several outputs in general; `context` is ours. */
static int energy_function(tp_tensors inputs, tp_tensor **outputs, void *context) {
    outputs[0] = energy(inputs.items[0], inputs.items[1], *(const bool *)context);
    return 1;
}

int main(void) {
    tp_scope *s = tp_scope_begin();
    tp_manual_seed(1);

    /* Finite differences need double precision. */
    tp_tensor *x = tp_set_requires_grad(tp_randn(TP_SHAPE(POINTS, 2), TP_F64, NULL), true);
    tp_tensor *k = tp_set_requires_grad(tp_rand(TP_SHAPE(POINTS - 1), TP_F64, NULL), true);
    tp_tensors inputs = TP_TENSORS(x, k);

    bool mistaken = false;
    tp_status first = tp_gradcheck(energy_function, &mistaken, inputs, (tp_gradcheck_options){0});
    printf("energy:               %s\n", first == TP_OK ? "gradient is right" : tp_last_error().message);
    tp_status second = tp_gradgradcheck(energy_function, &mistaken, inputs, (tp_gradcheck_options){0});
    printf("its gradient:         %s\n", second == TP_OK ? "gradient is right" : tp_last_error().message);

    mistaken = true;
    tp_status third = tp_gradcheck(energy_function, &mistaken, inputs, (tp_gradcheck_options){0});
    printf("with a detached part: %s\n", third == TP_OK ? "not noticed!" : tp_last_error().message);

    tp_scope_end(s);
    return first == TP_OK && second == TP_OK && third == TP_ERR_GRADCHECK ? 0 : 1;
}
