/* The references of samples_elementwise.c: f_<name> for each row of elementwise.def, in double. */
#ifndef SAMPLE_FUNCTIONS_H
#define SAMPLE_FUNCTIONS_H

#include <math.h>
#include <stdint.h>

static double f_add(double a, double b) { return a + b; }
static double f_sub(double a, double b) { return a - b; }
static double f_mul(double a, double b) { return a * b; }
static double f_div(double a, double b) { return a / b; }
static double f_pow(double a, double b) { return pow(a, b); }
static double f_maximum(double a, double b) { return isnan(a) || isnan(b) ? NAN : a > b ? a : b; }
static double f_minimum(double a, double b) { return isnan(a) || isnan(b) ? NAN : a < b ? a : b; }

static double f_add_scalar(double x, double s) { return x + s; }
static double f_sub_scalar(double x, double s) { return x - s; }
static double f_mul_scalar(double x, double s) { return x * s; }
static double f_div_scalar(double x, double s) { return x / s; }
static double f_pow_scalar(double x, double s) { return pow(x, s); }
static double f_scalar_sub(double s, double x) { return s - x; }
static double f_scalar_div(double s, double x) { return s / x; }
static double f_scalar_pow(double s, double x) { return pow(s, x); }
static double f_clamp_min(double x, double s) { return f_maximum(x, s); }
static double f_clamp_max(double x, double s) { return f_minimum(x, s); }

static double f_neg(double x) { return -x; }
static double f_abs(double x) { return fabs(x); }
static double f_sign(double x) { return (x > 0) - (x < 0); } /* of NaN 0, as torch.sign */
static double f_square(double x) { return x * x; }
static double f_exp(double x) { return exp(x); }
static double f_log(double x) { return log(x); }
static double f_sqrt(double x) { return sqrt(x); }
static double f_rsqrt(double x) { return 1 / sqrt(x); }
static double f_reciprocal(double x) { return 1 / x; }
static double f_sin(double x) { return sin(x); }
static double f_cos(double x) { return cos(x); }
static double f_tanh(double x) { return tanh(x); }
static double f_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double f_erf(double x) { return erf(x); }
static double f_clamp(double x, double lo, double hi) { return isnan(x) ? NAN : fmin(fmax(x, lo), hi); }

static double f_exp2(double x) { return exp2(x); }
static double f_expm1(double x) { return expm1(x); }
static double f_log2(double x) { return log2(x); }
static double f_log10(double x) { return log10(x); }
static double f_log1p(double x) { return log1p(x); }
static double f_tan(double x) { return tan(x); }
static double f_asin(double x) { return asin(x); }
static double f_acos(double x) { return acos(x); }
static double f_atan(double x) { return atan(x); }
static double f_sinh(double x) { return sinh(x); }
static double f_cosh(double x) { return cosh(x); }
static double f_asinh(double x) { return asinh(x); }
static double f_acosh(double x) { return acosh(x); }
static double f_atanh(double x) { return atanh(x); }
static double f_erfc(double x) { return erfc(x); }
static double f_logit(double x) { return x < 0 || x > 1 ? NAN : log(x) - log1p(-x); }
static double f_lgamma(double x) { return lgamma(x); }
static double f_floor(double x) { return floor(x); }
static double f_ceil(double x) { return ceil(x); }
static double f_round(double x) { return rint(x); }
static double f_trunc(double x) { return trunc(x); }
static double f_frac(double x) { return x - trunc(x); }

/* By bisection of erf, and of erfc in the tail. */
static double f_erfinv(double x) {
    double a = fabs(x), low = 0, high = 6;
    if (!(a < 1)) return a == 1 ? copysign(INFINITY, x) : NAN;
    for (int i = 0; i < 62; i++) {
        double mid = (low + high) / 2;
        bool below = a < 0.5 ? erf(mid) < a : erfc(mid) > 1 - a;
        if (below) low = mid;
        else high = mid;
    }
    return copysign(low, x);
}

/* The n-th derivative of digamma from its series, 60 terms and Euler and Maclaurin's formula for the rest. */
static double f_polygamma(double n, double x) {
    double sum = 0, factorial = 1, m = x + 60, s = n + 1;
    for (double i = 2; i <= n; i++) factorial *= i;
    for (double i = 59; i >= 0; i--) sum += pow(i + x, -s);
    if (n == 0) return log(m) - 0.5 / m - 1 / (12 * m * m) + 1 / (120 * m * m * m * m) - sum;
    sum += pow(m, -n) / n + 0.5 * pow(m, -s) + s * pow(m, -s - 1) / 12 -
           s * (s + 1) * (s + 2) * pow(m, -s - 3) / 720;
    return (fmod(n, 2) != 0 ? 1 : -1) * factorial * sum;
}
static double f_digamma(double x) { return f_polygamma(0, x); }

static double f_fmax(double a, double b) { return fmax(a, b); }
static double f_fmin(double a, double b) { return fmin(a, b); }
static double f_div_trunc(double a, double b) { return trunc(a / b); }
static double f_fmod(double a, double b) { return fmod(a, b); }
static double f_remainder(double a, double b) {
    double r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
static double f_div_floor(double a, double b) {
    return b == 0 || isinf(a) ? (b == 0 ? a / b : NAN) : rint((a - f_remainder(a, b)) / b);
}
static double f_atan2(double a, double b) { return atan2(a, b); }
static double f_hypot(double a, double b) { return hypot(a, b); }
static double f_xlogy(double a, double b) { return isnan(b) ? b : a == 0 ? 0 : a * log(b); }
static double f_logaddexp(double a, double b) {
    return a == b ? a + log(2) : fmax(a, b) + log1p(exp(-fabs(a - b)));
}
static double f_logaddexp2(double a, double b) { return a == b ? a + 1 : log2(exp2(a) + exp2(b)); }
static double f_lerp(double a, double b, double w) { return a + w * (b - a); }
static double f_addcmul(double a, double b, double c, double s) { return a + s * b * c; }
static double f_addcdiv(double a, double b, double c, double s) { return a + s * b / c; }
static double f_bitwise_and(double a, double b) { return (double)((int64_t)a & (int64_t)b); }
static double f_bitwise_or(double a, double b) { return (double)((int64_t)a | (int64_t)b); }
static double f_bitwise_xor(double a, double b) { return (double)((int64_t)a ^ (int64_t)b); }
static double f_bitwise_not(double x) { return -x - 1; }
static double f_bitwise_left_shift(double a, double b) { return b < 0 || b > 63 ? 0 : ldexp(a, (int)b); }
static double f_bitwise_right_shift(double a, double b) {
    return floor(ldexp(a, b < 0 || b > 63 ? -64 : -(int)b));
}

static double f_eq(double a, double b) { return a == b; }
static double f_ne(double a, double b) { return a != b; }
static double f_lt(double a, double b) { return a < b; }
static double f_le(double a, double b) { return a <= b; }
static double f_gt(double a, double b) { return a > b; }
static double f_ge(double a, double b) { return a >= b; }
static double f_eq_scalar(double x, double s) { return x == s; }
static double f_ne_scalar(double x, double s) { return x != s; }
static double f_lt_scalar(double x, double s) { return x < s; }
static double f_le_scalar(double x, double s) { return x <= s; }
static double f_gt_scalar(double x, double s) { return x > s; }
static double f_ge_scalar(double x, double s) { return x >= s; }
static double f_logical_not(double x) { return x == 0; }
static double f_isnan(double x) { return isnan(x); }
static double f_isinf(double x) { return isinf(x) != 0; }
static double f_isfinite(double x) { return isfinite(x); }
static double f_signbit(double x) { return signbit(x) != 0; }

#endif
