/* The part of kernels/math.h that needs more than T's precision: sin, cos, tan, pow, erfc. In f32 they
 * work in double where it matters (twice the vectors, but no double-float arithmetic, and right over the
 * whole range); in f64 they are libm's, one call per element. Included by math.h only. */

#if TP__REAL_IS_32

TP__MATH_FN double FN(math_wide_from)(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

TP__MATH_FN uint64_t FN(math_wide_bits)(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* ---- sin, cos, tan ---- */

typedef struct {
    double r;   /* |x| - quarter pi/2, in [-pi/4, pi/4] */
    uint32_t n; /* the quarter, mod 4 in its low two bits */
} FN(math_quarter);

/* |x| modulo pi/2, for every finite x. 2/pi stands as three doubles of 29, 29 and 53 bits: |x| has 24, so
 * the first two products are exact and lose nothing when their integer parts are dropped. Where |x| >=
 * 2^50, so much of 2/pi is left out in front as gives multiples of 4 only, in three steps of 26 binary
 * places (Payne and Hanek's idea without a table look-up). What is left is right to 2^-57, and no float
 * comes nearer to a multiple of pi/2 than about 2^-31. inf gives NaN. */
TP__MATH_FN FN(math_quarter) FN(math_trig_reduce)(float x) {
    const double magic = 0x1.8p52;
    const double a = (double)FN(abs)(x);
    double p0 = 0x1.45f306dp-1, p1 = 0x1.9391054p-30, p2 = 0x1.4fe13abe8fa9ap-59;
    p0 = a < 0x1p50 ? p0 : 0x1.b939105p-26;
    p1 = a < 0x1p50 ? p1 : 0x1.29fc274p-56;
    p2 = a < 0x1p50 ? p2 : 0x1.7d1f534ddc0dbp-84;
    p0 = a < 0x1p76 ? p0 : 0x1.529fc27p-52;
    p1 = a < 0x1p76 ? p1 : 0x1.5f47d4cp-82;
    p2 = a < 0x1p76 ? p2 : 0x1.377036d8a5665p-110;
    p0 = a < 0x1p102 ? p0 : 0x1.d5f47d4p-78;
    p1 = a < 0x1p102 ? p1 : 0x1.a6ee06dp-107;
    p2 = a < 0x1p102 ? p2 : 0x1.6295993c43904p-136;
    const double t0 = a * p0, z0 = t0 + magic, f0 = t0 - (z0 - magic);
    const double t1 = a * p1, z1 = t1 + magic, f1 = t1 - (z1 - magic);
    const double z2 = (f0 + f1) + magic;
    const double f = ((f0 - (z2 - magic)) + f1) + a * p2;
    FN(math_quarter) q;
    q.r = f * 0x1.921fb54442d18p+0;
    q.n = (uint32_t)(FN(math_wide_bits)(z0) + FN(math_wide_bits)(z1) + FN(math_wide_bits)(z2));
    return q;
}

/* On [-pi/4, pi/4]: 2^-28.0 and 2^-33.0. */
TP__MATH_FN float FN(math_sin_poly)(float r) {
    const float z = r * r;
    const float p = (-0x1.9954a4p-13f * z + 0x1.11077ap-7f) * z + -0x1.555546p-3f;
    return r + r * (z * p);
}

TP__MATH_FN float FN(math_cos_poly)(float r) {
    const float z = r * r;
    const float p = (0x1.99e80cp-16f * z + -0x1.6c0c28p-10f) * z + 0x1.55554ap-5f;
    return 1.0f + z * (p * z - 0.5f);
}

/* f32 <= 2 ulp; f64 libm. */
TP__MATH_FN float FN(sin)(float x) {
    const FN(math_quarter) q = FN(math_trig_reduce)(x);
    const float r = (float)q.r;
    const float y = q.n & 1u ? FN(math_cos_poly)(r) : FN(math_sin_poly)(r);
    return FN(math_from)(FN(math_bits)(y) ^ ((q.n & 2u) << 30) ^ (FN(math_bits)(x) & TP__MATH_SIGN));
}

/* f32 <= 2 ulp; f64 libm. */
TP__MATH_FN float FN(cos)(float x) {
    const FN(math_quarter) q = FN(math_trig_reduce)(x);
    const float r = (float)q.r;
    const float y = q.n & 1u ? FN(math_sin_poly)(r) : FN(math_cos_poly)(r);
    return FN(math_from)(FN(math_bits)(y) ^ (((q.n + 1u) & 2u) << 30));
}

/* f32 <= 1 ulp; f64 libm. The same two polynomials in double: near pi/4 the slope doubles every error. */
TP__MATH_FN float FN(tan)(float x) {
    const FN(math_quarter) q = FN(math_trig_reduce)(x);
    const double z = q.r * q.r;
    const double p = (-0x1.9954a4p-13 * z + 0x1.11077ap-7) * z + -0x1.555546p-3;
    const double w = (0x1.99e80cp-16 * z + -0x1.6c0c28p-10) * z + 0x1.55554ap-5;
    const double s = q.r + q.r * (z * p), c = 1.0 + z * (w * z - 0.5);
    const float direct = (float)(s / c), turned = (float)(c / s);
    const float y = q.n & 1u ? turned : direct;
    return FN(math_from)(FN(math_bits)(y) ^ ((q.n & 1u) << 31) ^ (FN(math_bits)(x) & TP__MATH_SIGN));
}

/* ---- pow, erfc ---- */

/* 2^t in double to 2^-28.9, t held to where float has overflowed or rounded to 0. */
TP__MATH_FN double FN(math_wide_exp2)(double t) {
    const double magic = 0x1.8p52 + 1023;
    double c = t > 200.0 ? 200.0 : t;
    c = c < -200.0 ? -200.0 : c;
    const double z = c + magic;
    const double r = c - (z - magic);
    double p = 0x1.433c45db50a27p-13;
    p = p * r + 0x1.5f4f7236a3cccp-10;
    p = p * r + 0x1.3b30a2d8a369dp-7;
    p = p * r + 0x1.c6aed99b8782fp-5;
    p = p * r + 0x1.ebfbce1f484b3p-3;
    p = p * r + 0x1.62e430af262b1p-1;
    p = p * r + 1.0;
    return p * FN(math_wide_from)(FN(math_wide_bits)(z) << 52);
}

/* log2 of a float >= 0 in double, to 2^-43 of itself: as math_log_split, then 2 atanh(s) / ln2. */
TP__MATH_FN double FN(math_wide_log2)(float x) {
    const double w = (double)x; /* denormals are normal now */
    const uint64_t low = 0x3fe6a09e667f3bcdu;
    const uint64_t i = FN(math_wide_bits)(w) + (0x3ff0000000000000u - low);
    const double k = FN(math_wide_from)((i >> 52) | 0x4330000000000000u) - (0x1p52 + 1023);
    const double m = FN(math_wide_from)((i & 0xfffffffffffffu) + low);
    const double s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 0x1.2151aa18afdaap-2;
    p = p * z + 0x1.479d01419e86dp-2;
    p = p * z + 0x1.a619f5776fa82p-2;
    p = p * z + 0x1.2776c2f082545p-1;
    p = p * z + 0x1.ec709dc4c1fd1p-1;
    const double y = k + s * (0x1.71547652b82fep+1 + z * p);
    const double odd = w == 0.0 ? -__builtin_inf() : w;
    return w > 0.0 && w < __builtin_inf() ? y : odd;
}

/* x^y = 2^(y log2 |x|) in double: f32 <= 1 ulp (0.6 or so); f64 libm. Special cases are C's pow. */
TP__MATH_FN float FN(pow)(float x, float y) {
    const float a = FN(abs)(x), half = 0.5f * y;
    const int whole = FN(round)(y) == y;
    const int odd = whole & (FN(round)(half) != half);
    const float size = (float)FN(math_wide_exp2)((double)y * FN(math_wide_log2)(a));
    const float unit = ((a == 1.0f) & (y == y)) ? 1.0f : size; /* 0 * inf in (-1)^inf */
    const uint32_t sign = odd ? TP__MATH_SIGN : 0u;
    const float r = FN(math_from)(FN(math_bits)(unit) | (FN(math_bits)(x) & sign));
    const float real = ((x < 0.0f) & (a < TP__MATH_INF) & !whole) ? TP__MATH_NAN : r;
    return ((y == 0.0f) | (x == 1.0f)) ? 1.0f : real; /* even for NaN */
}

/* t P(t) e^(-x^2) with t = 1 / (1 + |x|/2), in double (2^-28.1): f32 <= 1 ulp; f64 libm. */
TP__MATH_FN float FN(erfc)(float x) {
    const double a = (double)FN(abs)(x);
    const double t = 1.0 / (1.0 + 0.5 * a);
    double p = 0x1.2507290d03301p-5;
    p = p * t + -0x1.874523382fdecp-3;
    p = p * t + 0x1.869d823ed5e86p-2;
    p = p * t + -0x1.2899d392d893fp-2;
    p = p * t + -0x1.66f50407f8a57p-6;
    p = p * t + 0x1.21cc33eae8b35p-5;
    p = p * t + 0x1.c1a83f0fcb064p-5;
    p = p * t + 0x1.7c179964bd58fp-3;
    p = p * t + 0x1.f620c0760951ap-3;
    p = p * t + 0x1.2106c2af606a3p-2;
    p = p * t + 0x1.20dbd04f1403ap-2;
    const double y = t * p * FN(math_wide_exp2)(a * a * -0x1.71547652b82fep+0);
    return (float)(x < 0.0f ? 2.0 - y : y);
}

#else

/* libm's: below 1 ulp in glibc. */
TP__MATH_FN double FN(sin)(double x) { return __builtin_sin(x); }
TP__MATH_FN double FN(cos)(double x) { return __builtin_cos(x); }
TP__MATH_FN double FN(tan)(double x) { return __builtin_tan(x); }
TP__MATH_FN double FN(pow)(double x, double y) { return __builtin_pow(x, y); }
TP__MATH_FN double FN(erfc)(double x) { return __builtin_erfc(x); }

#endif
