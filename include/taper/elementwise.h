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
 * where arithmetic makes no sense, TP_ERR_MEMORY. Integers divided by zero are TP_ERR_NUMERIC. */
#ifndef TAPER_ELEMENTWISE_H
#define TAPER_ELEMENTWISE_H

#include "taper/base.h"

TP_BEGIN_DECLS

/* Arithmetic. */
TP_API tp_tensor *tp_add(tp_tensor *a, tp_tensor *b); /* a + b; of BOOLs: or */
TP_API tp_tensor *tp_sub(tp_tensor *a, tp_tensor *b); /* a - b */
TP_API tp_tensor *tp_mul(tp_tensor *a, tp_tensor *b); /* a * b; of BOOLs: and */
TP_API tp_tensor *tp_div(tp_tensor *a, tp_tensor *b); /* a / b; of integers: F32 */
/* a^b; 0^0 = 1. Integers stay integers; a negative power of one is 0 unless it is 1 or -1. */
TP_API tp_tensor *tp_pow(tp_tensor *a, tp_tensor *b);
/* The larger, the smaller: NaN passes, ties share the gradient. */
TP_API tp_tensor *tp_maximum(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_minimum(tp_tensor *a, tp_tensor *b);
/* The same, but NaN gives way to a number; of a tie, a takes the gradient. */
TP_API tp_tensor *tp_fmax(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_fmin(tp_tensor *a, tp_tensor *b);

/* The quotient rounded towards zero, and down (torch.div with rounding_mode, torch.floor_divide); d = 0. */
TP_API tp_tensor *tp_div_trunc(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_div_floor(tp_tensor *a, tp_tensor *b);
/* What is left of a then: with the sign of b (a - b div_floor(a, b)), and with the sign of a. d by b is minus the rounded quotient. */
TP_API tp_tensor *tp_remainder(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_fmod(tp_tensor *a, tp_tensor *b);

/* The angle of the point (b, a), from -pi to pi; d = 0 at (0, 0). Integers become F32. */
TP_API tp_tensor *tp_atan2(tp_tensor *a, tp_tensor *b);
/* sqrt(a^2 + b^2), without overflow; d is NaN at (0, 0). Floating only. */
TP_API tp_tensor *tp_hypot(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_xlogy(tp_tensor *a, tp_tensor *b); /* a log b; 0 where a = 0, unless b is NaN */
TP_API tp_tensor *tp_logaddexp(tp_tensor *a,
                               tp_tensor *b); /* log(e^a + e^b), without overflow. Floating only */
TP_API tp_tensor *tp_logaddexp2(tp_tensor *a, tp_tensor *b);   /* log2(2^a + 2^b), likewise */
TP_API tp_tensor *tp_ldexp(tp_tensor *x, tp_tensor *exponent); /* x 2^exponent */

/* a + weight (b - a). Floating only. */
TP_API tp_tensor *tp_lerp(tp_tensor *a, tp_tensor *b, tp_tensor *weight);
TP_API tp_tensor *tp_lerp_scalar(tp_tensor *a, tp_tensor *b, double weight);
/* x + value a b, and x + value a / b; the latter floating only. */
TP_API tp_tensor *tp_addcmul(tp_tensor *x, tp_tensor *a, tp_tensor *b, double value);
TP_API tp_tensor *tp_addcdiv(tp_tensor *x, tp_tensor *a, tp_tensor *b, double value);

/* With a number as one operand. */
TP_API tp_tensor *tp_add_scalar(tp_tensor *x, double s); /* x + s */
TP_API tp_tensor *tp_sub_scalar(tp_tensor *x, double s); /* x - s */
TP_API tp_tensor *tp_mul_scalar(tp_tensor *x, double s); /* x * s */
TP_API tp_tensor *tp_div_scalar(tp_tensor *x, double s); /* x / s; of integers: F32 */
/* x^s; d = s x^(s-1), 0 for s = 0. Of integers: integers, and a negative s is TP_ERR_ARGUMENT. */
TP_API tp_tensor *tp_pow_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_scalar_sub(double s, tp_tensor *x); /* s - x */
TP_API tp_tensor *tp_scalar_div(double s, tp_tensor *x); /* s / x; of integers: F32 */
TP_API tp_tensor *tp_scalar_pow(double s, tp_tensor *x); /* s^x; of integers: integers */
TP_API tp_tensor *tp_div_trunc_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_div_floor_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_remainder_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_fmod_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_xlogy_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_scalar_div_trunc(double s, tp_tensor *x);
TP_API tp_tensor *tp_scalar_div_floor(double s, tp_tensor *x);
TP_API tp_tensor *tp_scalar_remainder(double s, tp_tensor *x);
TP_API tp_tensor *tp_scalar_fmod(double s, tp_tensor *x);
TP_API tp_tensor *tp_scalar_xlogy(double s, tp_tensor *x);

/* x kept from falling below lo and rising above hi; -INFINITY and INFINITY leave a side open. d = 1 within and at the bounds;
 * NaN passes. tp_clamp: min(max(x, lo), hi). */
TP_API tp_tensor *tp_clamp(tp_tensor *x, double lo, double hi);
TP_API tp_tensor *tp_clamp_min(tp_tensor *x, double lo);
TP_API tp_tensor *tp_clamp_max(tp_tensor *x, double hi);

/* Functions of one variable. */
TP_API tp_tensor *tp_neg(tp_tensor *x);        /* -x */
TP_API tp_tensor *tp_abs(tp_tensor *x);        /* |x|; d = sign(x), 0 at 0 */
TP_API tp_tensor *tp_sign(tp_tensor *x);       /* -1, 0 or 1; d = 0 */
TP_API tp_tensor *tp_square(tp_tensor *x);     /* x^2 */
TP_API tp_tensor *tp_sqrt(tp_tensor *x);       /* NaN below 0 */
TP_API tp_tensor *tp_rsqrt(tp_tensor *x);      /* 1 / sqrt(x) */
TP_API tp_tensor *tp_reciprocal(tp_tensor *x); /* 1 / x */
TP_API tp_tensor *tp_exp(tp_tensor *x);
TP_API tp_tensor *tp_exp2(tp_tensor *x);  /* 2^x */
TP_API tp_tensor *tp_expm1(tp_tensor *x); /* e^x - 1, exact near 0 */
TP_API tp_tensor *tp_log(tp_tensor *x);   /* natural; -Inf at 0, NaN below */
TP_API tp_tensor *tp_log2(tp_tensor *x);
TP_API tp_tensor *tp_log10(tp_tensor *x);
TP_API tp_tensor *tp_log1p(tp_tensor *x); /* log(1 + x), exact near 0 */
TP_API tp_tensor *tp_sin(tp_tensor *x);   /* x in radians, here and below */
TP_API tp_tensor *tp_cos(tp_tensor *x);
TP_API tp_tensor *tp_tan(tp_tensor *x);
TP_API tp_tensor *tp_asin(tp_tensor *x); /* NaN beyond -1 and 1 */
TP_API tp_tensor *tp_acos(tp_tensor *x); /* likewise */
TP_API tp_tensor *tp_atan(tp_tensor *x);
TP_API tp_tensor *tp_sinh(tp_tensor *x);
TP_API tp_tensor *tp_cosh(tp_tensor *x);
TP_API tp_tensor *tp_tanh(tp_tensor *x);
TP_API tp_tensor *tp_asinh(tp_tensor *x);
TP_API tp_tensor *tp_acosh(tp_tensor *x);   /* NaN below 1 */
TP_API tp_tensor *tp_atanh(tp_tensor *x);   /* infinite at -1 and 1, NaN beyond */
TP_API tp_tensor *tp_sigmoid(tp_tensor *x); /* 1 / (1 + exp(-x)) */
/* log(x / (1 - x)), the inverse of sigmoid: infinite at 0 and 1, NaN beyond. With eps, x is clamped to [eps, 1 - eps] first;
 * TP_ERR_ARGUMENT unless eps is from 0 to 0.5. */
TP_API tp_tensor *tp_logit(tp_tensor *x);
TP_API tp_tensor *tp_logit_eps(tp_tensor *x, double eps);
TP_API tp_tensor *tp_erf(tp_tensor *x);
TP_API tp_tensor *tp_erfc(tp_tensor *x);   /* 1 - erf(x), exact far out */
TP_API tp_tensor *tp_erfinv(tp_tensor *x); /* infinite at -1 and 1, NaN beyond */
TP_API tp_tensor *tp_lgamma(tp_tensor *x); /* log |gamma(x)| */
/* Its derivatives: digamma (NaN at the negative whole numbers), trigamma, and the n-th derivative of digamma.
 * TP_ERR_ARGUMENT if n < 0. */
TP_API tp_tensor *tp_digamma(tp_tensor *x);
TP_API tp_tensor *tp_trigamma(tp_tensor *x);
TP_API tp_tensor *tp_polygamma(int n, tp_tensor *x);

/* To whole numbers: down, up, to the nearest (halves to even), towards zero. Integers stay as they are; d = 0. */
TP_API tp_tensor *tp_floor(tp_tensor *x);
TP_API tp_tensor *tp_ceil(tp_tensor *x);
TP_API tp_tensor *tp_round(tp_tensor *x);
TP_API tp_tensor *tp_trunc(tp_tensor *x);
/* Rounded to so many decimals; a negative number rounds to tens, hundreds, ... Floating only; d = 0. */
TP_API tp_tensor *tp_round_decimals(tp_tensor *x, int decimals);
TP_API tp_tensor *tp_frac(tp_tensor *x); /* x - trunc(x). Floating only; d = 1 */

/* What stands in for NaN and the infinities: 0, and the largest and least finite numbers of the dtype; TP_ZERO for 0. */
typedef struct tp_nan_to_num_options {
    double nan, posinf, neginf;
} tp_nan_to_num_options;
TP_API tp_tensor *tp_nan_to_num(tp_tensor *x, tp_nan_to_num_options options); /* d = 0 where replaced */

/* Bits. Integers, and BOOL but for shifts; others are TP_ERR_DTYPE. A shift by less than 0 or by as many bits as there are shifts
 * all of them out. A number must fit the tensor's dtype. */
TP_API tp_tensor *tp_bitwise_and(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_bitwise_or(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_bitwise_xor(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_bitwise_left_shift(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_bitwise_right_shift(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_bitwise_not(tp_tensor *x);
TP_API tp_tensor *tp_bitwise_and_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_bitwise_or_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_bitwise_xor_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_bitwise_left_shift_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_bitwise_right_shift_scalar(tp_tensor *x, double s);
TP_API tp_tensor *tp_scalar_bitwise_left_shift(double s, tp_tensor *x);
TP_API tp_tensor *tp_scalar_bitwise_right_shift(double s, tp_tensor *x);

/* In place. */
TP_API tp_tensor *tp_add_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_sub_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_mul_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_div_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_div_trunc_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_div_floor_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_remainder_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_fmod_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_pow_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_xlogy_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_bitwise_and_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_bitwise_or_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_bitwise_xor_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_bitwise_left_shift_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_bitwise_right_shift_(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_lerp_(tp_tensor *a, tp_tensor *b, tp_tensor *weight);
TP_API tp_tensor *tp_lerp_scalar_(tp_tensor *a, tp_tensor *b, double weight);
TP_API tp_tensor *tp_addcmul_(tp_tensor *x, tp_tensor *a, tp_tensor *b, double value);
TP_API tp_tensor *tp_addcdiv_(tp_tensor *x, tp_tensor *a, tp_tensor *b, double value);
TP_API tp_tensor *tp_add_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_sub_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_mul_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_div_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_pow_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_div_trunc_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_div_floor_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_remainder_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_fmod_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_xlogy_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_bitwise_and_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_bitwise_or_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_bitwise_xor_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_bitwise_left_shift_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_bitwise_right_shift_scalar_(tp_tensor *x, double s);
TP_API tp_tensor *tp_clamp_(tp_tensor *x, double lo, double hi);
TP_API tp_tensor *tp_clamp_min_(tp_tensor *x, double lo);
TP_API tp_tensor *tp_clamp_max_(tp_tensor *x, double hi);
TP_API tp_tensor *tp_neg_(tp_tensor *x);
TP_API tp_tensor *tp_abs_(tp_tensor *x);
TP_API tp_tensor *tp_sign_(tp_tensor *x);
TP_API tp_tensor *tp_square_(tp_tensor *x);
TP_API tp_tensor *tp_sqrt_(tp_tensor *x);
TP_API tp_tensor *tp_rsqrt_(tp_tensor *x);
TP_API tp_tensor *tp_reciprocal_(tp_tensor *x);
TP_API tp_tensor *tp_exp_(tp_tensor *x);
TP_API tp_tensor *tp_exp2_(tp_tensor *x);
TP_API tp_tensor *tp_expm1_(tp_tensor *x);
TP_API tp_tensor *tp_log_(tp_tensor *x);
TP_API tp_tensor *tp_log2_(tp_tensor *x);
TP_API tp_tensor *tp_log10_(tp_tensor *x);
TP_API tp_tensor *tp_log1p_(tp_tensor *x);
TP_API tp_tensor *tp_sin_(tp_tensor *x);
TP_API tp_tensor *tp_cos_(tp_tensor *x);
TP_API tp_tensor *tp_tan_(tp_tensor *x);
TP_API tp_tensor *tp_sinh_(tp_tensor *x);
TP_API tp_tensor *tp_cosh_(tp_tensor *x);
TP_API tp_tensor *tp_tanh_(tp_tensor *x);
TP_API tp_tensor *tp_asin_(tp_tensor *x);
TP_API tp_tensor *tp_acos_(tp_tensor *x);
TP_API tp_tensor *tp_atan_(tp_tensor *x);
TP_API tp_tensor *tp_asinh_(tp_tensor *x);
TP_API tp_tensor *tp_acosh_(tp_tensor *x);
TP_API tp_tensor *tp_atanh_(tp_tensor *x);
TP_API tp_tensor *tp_sigmoid_(tp_tensor *x);
TP_API tp_tensor *tp_erf_(tp_tensor *x);
TP_API tp_tensor *tp_erfc_(tp_tensor *x);
TP_API tp_tensor *tp_floor_(tp_tensor *x);
TP_API tp_tensor *tp_ceil_(tp_tensor *x);
TP_API tp_tensor *tp_round_(tp_tensor *x);
TP_API tp_tensor *tp_trunc_(tp_tensor *x);
TP_API tp_tensor *tp_frac_(tp_tensor *x);
TP_API tp_tensor *tp_bitwise_not_(tp_tensor *x);

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
TP_API tp_tensor *tp_isinf(tp_tensor *x);
TP_API tp_tensor *tp_isfinite(tp_tensor *x);
TP_API tp_tensor *tp_signbit(tp_tensor *x); /* below 0, or -0 */

/* Of truth values: what is not zero is true. To BOOL, never recorded. */
TP_API tp_tensor *tp_logical_and(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_logical_or(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_logical_xor(tp_tensor *a, tp_tensor *b);

/* |a - b| <= atol + rtol |b|, or both the same infinity; TP_ERR_ARGUMENT for a tolerance below 0. tp_isclose says so of each
 * element, to BOOL; tp_allclose of all at once, false after an error. */
typedef struct tp_isclose_options {
    double rtol, atol; /* 1e-5 and 1e-8; TP_ZERO for 0 */
    bool equal_nan;    /* NaN is close to NaN */
} tp_isclose_options;
TP_API tp_tensor *tp_isclose(tp_tensor *a, tp_tensor *b, tp_isclose_options options);
TP_API bool tp_allclose(tp_tensor *a, tp_tensor *b, tp_isclose_options options);
TP_API bool tp_equal(tp_tensor *a, tp_tensor *b); /* the same shape and values; false after an error */

/* condition ? a : b, element by element, all three broadcast. condition: BOOL. Differentiable in a and b. */
TP_API tp_tensor *tp_where(tp_tensor *condition, tp_tensor *a, tp_tensor *b);

/* x with `value` where the mask is true; the mask broadcasts, and so does x, but in place. mask: BOOL; value: as fits the dtype of x
 * (TP_ERR_DTYPE). The gradient is 0 where filled. */
TP_API tp_tensor *tp_masked_fill(tp_tensor *x, tp_tensor *mask, double value);
TP_API tp_tensor *tp_masked_fill_(tp_tensor *x, tp_tensor *mask, double value);

TP_END_DECLS

#endif
