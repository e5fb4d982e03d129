/* The error function's inverse and the gamma family, in double. */
#include "ops/special.h"

#include <math.h>

#define SPECIAL_PI 3.14159265358979323846

/* Giles' approximation ("Approximating the erfinv function", GPU Computing Gems, 2012) is good to 3.5e-7; two Newton
 * steps by Halley's formula double and triple its digits. */
static double erfinv_start(double x, double tail) {
    double w = -log(tail * (1 + fabs(x))), p;
    if (w < 5) {
        w -= 2.5;
        p = 2.81022636e-08;
        p = 3.43273939e-07 + p * w;
        p = -3.5233877e-06 + p * w;
        p = -4.39150654e-06 + p * w;
        p = 0.00021858087 + p * w;
        p = -0.00125372503 + p * w;
        p = -0.00417768164 + p * w;
        p = 0.246640727 + p * w;
        p = 1.50140941 + p * w;
    } else {
        w = sqrt(w) - 3;
        p = -0.000200214257;
        p = 0.000100950558 + p * w;
        p = 0.00134934322 + p * w;
        p = -0.00367342844 + p * w;
        p = 0.00573950773 + p * w;
        p = -0.0076224613 + p * w;
        p = 0.00943887047 + p * w;
        p = 1.00167406 + p * w;
        p = 2.83297682 + p * w;
    }
    return p * fabs(x);
}

double tp__erfinv(double x) {
    double a = fabs(x), tail = 1 - a;
    if (!(a < 1)) return a == 1 ? copysign(INFINITY, x) : NAN;
    if (a < 1e-10) return x * 0.88622692545275801365;
    double y = erfinv_start(a, tail);
    for (int i = 0; i < 2; i++) {
        /* near 1 the difference is taken of the complements, which keep their digits */
        double error = a < 0.5 ? erf(y) - a : tail - erfc(y);
        double step = error / (1.12837916709551257390 * exp(-y * y));
        y -= step / (1 + y * step);
    }
    return copysign(y, x);
}

double tp__lgamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

double tp__digamma(double x) {
    if (x == 0) return copysign(INFINITY, -x);
    if (isinf(x)) return x > 0 ? x : NAN;
    double y = 0;
    if (x < 0) { /* reflected, the argument of the tangent reduced first */
        double part = x - rint(x);
        if (part == 0) return NAN;
        y = fabs(part) == 0.5 ? 0 : -SPECIAL_PI / tan(SPECIAL_PI * part);
        x = 1 - x;
    }
    if (x < 10 && x == floor(x)) { /* the harmonic numbers */
        for (double k = 1; k < x; k++) y += 1 / k;
        return y - 0.57721566490153286061;
    }
    for (; x < 12; x++) y -= 1 / x;
    double z = 1 / (x * x);
    double tail =
        z *
        (1.0 / 12 - z * (1.0 / 120 -
                         z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12))))));
    return y + (log(x) - 0.5 / x - tail);
}

/* Hurwitz' zeta(s, q) = sum (q + k)^-s for q > 0, s > 1, by the formula of Euler and Maclaurin. */
static double hurwitz(double s, double q) {
    static const double bernoulli[] = {/* B(2k) / (2k)! */
                                       1.0 / 12,
                                       -1.0 / 720,
                                       1.0 / 30240,
                                       -1.0 / 1209600,
                                       1.0 / 47900160,
                                       -691.0 / 1307674368000.0,
                                       1.0 / 74724249600.0,
                                       -3617.0 / 10670622842880000.0,
                                       43867.0 / 5109094217170944000.0};
    double sum = 0;
    for (; q < 12; q++) {
        double term = pow(q, -s);
        sum += term;
        if (term < sum * 1e-17) return sum;
    }
    double power = pow(q, -s), factor = s / q;
    sum += pow(q, 1 - s) / (s - 1) + 0.5 * power; /* not power q, which is gone for large q */
    for (int k = 0; k < 9; k++) {
        double term = bernoulli[k] * factor * power;
        sum += term;
        if (fabs(term) < fabs(sum) * 1e-17) break;
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (q * q);
    }
    return sum;
}

double tp__polygamma_of(double n, double x) {
    if (n == 0) return tp__digamma(x);
    if (isnan(x)) return x;
    double s = n + 1, odd = fmod(n, 2) != 0 ? 1 : -1, zeta; /* (-1)^s too */
    if (x == -INFINITY) return NAN;
    if (x == INFINITY) return 0 * odd;
    if (x <= 0 && x == floor(x)) return odd * INFINITY;
    if (x > 0) {
        zeta = hurwitz(s, x);
    } else { /* the terms below zero are those above, mirrored: a sum from the nearest of them up, less what lies beyond x */
        double above = x - floor(x), below = -x - floor(-x);
        zeta = hurwitz(s, above) + odd * (hurwitz(s, below) - hurwitz(s, 1 - x));
    }
    return odd * exp(tp__lgamma(s)) * zeta;
}
