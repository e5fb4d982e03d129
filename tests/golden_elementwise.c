/* Golden cases: elementwise. */
#include "support/golden_op.h"

#define Z c->in[2]

static tp_isclose_options tolerances(const golden_call *c) {
    return (tp_isclose_options){golden_number(c, "rtol"), golden_number(c, "atol"),
                                golden_flag(c, "equal_nan")};
}

/* clang-format off */
#define OPS(OP) \
    OP(neg, (X)) OP(abs, (X)) OP(square, (X)) OP(exp, (X)) OP(sin, (X)) OP(cos, (X)) OP(tanh, (X)) \
    OP(sigmoid, (X)) OP(erf, (X)) OP(relu, (X)) OP(gelu, (X)) OP(gelu_tanh, (X)) OP(silu, (X)) \
    OP(softplus, (X)) OP(sign, (X)) OP(log, (X)) OP(sqrt, (X)) OP(rsqrt, (X)) OP(reciprocal, (X)) \
    OP(add, (X, Y)) OP(sub, (X, Y)) OP(mul, (X, Y)) OP(div, (X, Y)) OP(maximum, (X, Y)) \
    OP(minimum, (X, Y)) OP(pow, (X, Y)) OP(pow_scalar, (X, S)) OP(scalar_pow, (S, X)) \
    OP(scalar_sub, (S, X)) OP(scalar_div, (S, X)) OP(leaky_relu, (X, S)) \
    OP(exp2, (X)) OP(expm1, (X)) OP(log2, (X)) OP(log10, (X)) OP(log1p, (X)) OP(tan, (X)) OP(asin, (X)) \
    OP(acos, (X)) OP(atan, (X)) OP(sinh, (X)) OP(cosh, (X)) OP(asinh, (X)) OP(acosh, (X)) OP(atanh, (X)) \
    OP(logit, (X)) OP(erfc, (X)) OP(erfinv, (X)) OP(lgamma, (X))   \
    OP(floor, (X)) OP(ceil, (X)) OP(round, (X)) OP(trunc, (X)) OP(frac, (X)) OP(isnan, (X)) OP(isinf, (X)) \
    OP(isfinite, (X)) OP(signbit, (X)) OP(logical_not, (X)) OP(bitwise_not, (X)) OP(fmax, (X, Y)) \
    OP(fmin, (X, Y)) OP(remainder, (X, Y)) OP(fmod, (X, Y)) OP(div_trunc, (X, Y)) OP(div_floor, (X, Y)) \
    OP(atan2, (X, Y)) OP(hypot, (X, Y)) OP(xlogy, (X, Y)) OP(logaddexp, (X, Y)) OP(logaddexp2, (X, Y)) \
    OP(ldexp, (X, Y)) OP(eq, (X, Y)) OP(ne, (X, Y)) OP(lt, (X, Y)) OP(le, (X, Y)) OP(gt, (X, Y)) \
    OP(ge, (X, Y)) OP(logical_and, (X, Y)) OP(logical_or, (X, Y)) OP(logical_xor, (X, Y)) \
    OP(bitwise_and, (X, Y)) OP(bitwise_or, (X, Y)) OP(bitwise_xor, (X, Y)) OP(bitwise_left_shift, (X, Y)) \
    OP(bitwise_right_shift, (X, Y)) OP(eq_scalar, (X, S)) OP(ne_scalar, (X, S)) OP(lt_scalar, (X, S)) \
    OP(le_scalar, (X, S)) OP(gt_scalar, (X, S)) OP(ge_scalar, (X, S)) OP(add_scalar, (X, S)) \
    OP(sub_scalar, (X, S)) OP(mul_scalar, (X, S)) OP(div_scalar, (X, S)) OP(div_trunc_scalar, (X, S)) \
    OP(div_floor_scalar, (X, S)) OP(remainder_scalar, (X, S)) OP(fmod_scalar, (X, S)) \
    OP(xlogy_scalar, (X, S)) OP(bitwise_and_scalar, (X, S)) OP(bitwise_or_scalar, (X, S)) \
    OP(bitwise_xor_scalar, (X, S)) OP(bitwise_left_shift_scalar, (X, S)) \
    OP(bitwise_right_shift_scalar, (X, S)) OP(clamp_min, (X, S)) OP(clamp_max, (X, S)) \
    OP(logit_eps, (X, S)) OP(scalar_xlogy, (S, X)) OP(scalar_remainder, (S, X)) OP(scalar_fmod, (S, X)) \
    OP(scalar_div_trunc, (S, X)) OP(scalar_div_floor, (S, X)) OP(scalar_bitwise_left_shift, (S, X)) \
    OP(scalar_bitwise_right_shift, (S, X)) OP(lerp, (X, Y, Z)) OP(lerp_scalar, (X, Y, S)) \
    OP(addcmul, (X, Y, Z, S)) OP(addcdiv, (X, Y, Z, S)) OP(masked_fill, (X, Y, S)) \
     OP(round_decimals, (X, golden_int(c, "n"))) \
    OP(isclose, (X, Y, tolerances(c))) OP(clamp, (X, golden_number(c, "lo"), golden_number(c, "hi"))) \
    OP(where, (X, Y, Z)) \
    OP(nan_to_num, (X, (tp_nan_to_num_options){golden_number(c, "nan"), golden_number(c, "posinf"), golden_number(c, "neginf")}))
/* clang-format on */

OPS(GOLDEN_RUNNER)

/* PyTorch's trigamma has ten digits; ours is held to other references in test_special.c. */
GOLDEN_RUNNER(digamma, (X))
GOLDEN_RUNNER(trigamma, (X))
GOLDEN_RUNNER(polygamma, (golden_int(c, "n"), X))

static int run_allclose(const golden_call *c) {
    c->out[0] = tp_scalar(tp_allclose(X, Y, tolerances(c)), TP_BOOL);
    return 1;
}

static int run_equal(const golden_call *c) {
    c->out[0] = tp_scalar(tp_equal(X, Y), TP_BOOL);
    return 1;
}

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
    {"digamma", run_digamma, 1e-9, 0},
    {"trigamma", run_trigamma, 1e-9, 0},
    {"polygamma", run_polygamma, 1e-9, 0},
    {"allclose", run_allclose, 0, 0},
    {"equal", run_equal, 0, 0},
};
/* clang-format on */
GOLDEN_FAMILY(elementwise, rows)
