/* Elementwise operations.
 *
 * Operands broadcast as in PyTorch: dims are matched from the last, a size of 1 stretches. The result is
 * computed in the promoted dtype (dtype.h), in which a 0-d tensor takes part only if it is of a higher class
 * (a 0-d F64 does not make an F32 tensor F64). The functions of one real variable turn integer tensors to
 * F32 first. All are differentiable, any number of times, where they are in mathematics; at a kink the
 * gradient is PyTorch's, given beside the function.
 *
 * A scalar (double) operand never changes the dtype class, except in division: a scalar that is not whole,
 * with an integer tensor, is TP_ERR_DTYPE. Integer arithmetic wraps around. Comparisons with a scalar are exact.
 *
 * In-place forms end in _ and return their first argument; NULL means that nothing was changed. They never
 * change its shape or dtype (TP_ERR_SHAPE, TP_ERR_DTYPE if the result would need another). Recording one needs a tensor
 * that alone holds its storage, in memory of the library's own (TP_ERR_ALIAS), and that neither is nor was a leaf
 * requiring grad and has been given no gradient (TP_ERR_AUTOGRAD). Where nothing is recorded, any tensor will do but one
 * whose own elements overlap in memory, or a second operand that overlaps it in part (TP_ERR_ALIAS).
 *
 * Errors common to all: TP_ERR_NULL, TP_ERR_SHAPE for shapes that do not broadcast, TP_ERR_DTYPE for BOOL
 * where arithmetic makes no sense, TP_ERR_MEMORY. */
#ifndef TAPER_ELEMENTWISE_H
#define TAPER_ELEMENTWISE_H

#include "taper/base.h"

TP_BEGIN_DECLS

/* Arithmetic. */
TP_API tp_tensor *tp_add(tp_tensor *a, tp_tensor *b); /* a + b; of BOOLs: or */
TP_API tp_tensor *tp_sub(tp_tensor *a, tp_tensor *b); /* a - b */
TP_API tp_tensor *tp_mul(tp_tensor *a, tp_tensor *b); /* a * b; of BOOLs: and */
TP_API tp_tensor *tp_div(tp_tensor *a, tp_tensor *b); /* a / b; of integers: F32 */
TP_API tp_tensor *tp_pow(tp_tensor *a, tp_tensor *b); /* a^b, floating; 0^0 = 1 */
TP_API tp_tensor *tp_maximum(tp_tensor *a,
                             tp_tensor *b); /* the larger; NaN passes; ties share the gradient */
TP_API tp_tensor *tp_minimum(tp_tensor *a,
                             tp_tensor *b); /* the smaller; NaN passes; ties share the gradient */

TP_API tp_tensor *tp_add_scalar(tp_tensor *x, double s); /* x + s */
TP_API tp_tensor *tp_sub_scalar(tp_tensor *x, double s); /* x - s */
TP_API tp_tensor *tp_mul_scalar(tp_tensor *x, double s); /* x * s */
TP_API tp_tensor *tp_div_scalar(tp_tensor *x, double s); /* x / s; of integers: F32 */
TP_API tp_tensor *tp_pow_scalar(tp_tensor *x, double s); /* x^s, floating; d = s x^(s-1), 0 for s = 0 */
TP_API tp_tensor *tp_scalar_sub(double s, tp_tensor *x); /* s - x */
TP_API tp_tensor *tp_scalar_div(double s, tp_tensor *x); /* s / x; of integers: F32 */
TP_API tp_tensor *tp_scalar_pow(double s, tp_tensor *x); /* s^x, floating */
TP_API tp_tensor *tp_maximum_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_minimum_scalar(tp_tensor *x, double s);

/* In place. */
TP_API tp_tensor *tp_add_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_sub_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_mul_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_div_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_add_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_sub_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_mul_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_div_scalar_(tp_tensor *x, double s);

/* Functions of one variable. */
TP_API tp_tensor *tp_neg(tp_tensor *x);    /* -x */
TP_API tp_tensor *tp_abs(tp_tensor *x);    /* |x|; d = sign(x), 0 at 0 */
TP_API tp_tensor *tp_sign(tp_tensor *x);   /* -1, 0 or 1; d = 0 */
TP_API tp_tensor *tp_square(tp_tensor *x); /* x^2 */
TP_API tp_tensor *tp_exp(tp_tensor *x);
TP_API tp_tensor *tp_log(tp_tensor *x);        /* natural; -Inf at 0, NaN below */
TP_API tp_tensor *tp_sqrt(tp_tensor *x);       /* NaN below 0 */
TP_API tp_tensor *tp_rsqrt(tp_tensor *x);      /* 1 / sqrt(x) */
TP_API tp_tensor *tp_reciprocal(tp_tensor *x); /* 1 / x */
TP_API tp_tensor *tp_sin(tp_tensor *x);        /* x in radians */
TP_API tp_tensor *tp_cos(tp_tensor *x);        /* x in radians */
TP_API tp_tensor *tp_tanh(tp_tensor *x);
TP_API tp_tensor *tp_sigmoid(tp_tensor *x); /* 1 / (1 + exp(-x)) */
TP_API tp_tensor *tp_erf(tp_tensor *x);

TP_API tp_tensor *tp_neg_(tp_tensor *x);
TP_API tp_tensor *tp_exp_(tp_tensor *x);
TP_API tp_tensor *tp_sqrt_(tp_tensor *x);
TP_API tp_tensor *tp_tanh_(tp_tensor *x);
TP_API tp_tensor *tp_sigmoid_(tp_tensor *x);
TP_API tp_tensor *tp_relu_(tp_tensor *x);

/* Activations. */
TP_API tp_tensor *tp_relu(tp_tensor *x);                        /* max(x, 0); NaN passes; d = 0 at 0 */
TP_API tp_tensor *tp_leaky_relu(tp_tensor *x, double slope);    /* x > 0 ? x : slope x */
TP_API tp_tensor *tp_gelu(tp_tensor *x);                        /* x (1 + erf(x / sqrt 2)) / 2 */
TP_API tp_tensor *tp_gelu_tanh(tp_tensor *x);                   /* the tanh approximation of gelu */
TP_API tp_tensor *tp_silu(tp_tensor *x);                        /* x sigmoid(x) */
TP_API tp_tensor *tp_softplus(tp_tensor *x);                    /* log(1 + exp(x)), without overflow */
TP_API tp_tensor *tp_clamp(tp_tensor *x, double lo, double hi); /* min(max(x, lo), hi), -INFINITY and INFINITY
                                                                   leave a side open; d = 1 within and at the
                                                                   bounds; NaN passes */
TP_API tp_tensor *tp_clamp_(tp_tensor *x, double lo, double hi);

/* Comparisons, to BOOL; never recorded. NaN compares unequal to all. */
TP_API tp_tensor *tp_eq(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_ne(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_lt(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_le(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_gt(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_ge(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_eq_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_ne_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_lt_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_le_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_gt_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_ge_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_logical_not(tp_tensor *x); /* x == 0, to BOOL */
TP_API tp_tensor *tp_isnan(tp_tensor *x);

/* condition ? a : b, element by element, all three broadcast. condition: BOOL. Differentiable in a and b. */
TP_API tp_tensor *tp_where(tp_tensor *condition, tp_tensor *a, tp_tensor *b);

TP_END_DECLS

#endif
