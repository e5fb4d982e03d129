/* Elementary functions for kernel templates: FN(exp)(x) and so on, for T. Included after kernels/real.h,
 * once for each T; later inclusions for the same T do nothing.
 *
 * Everything here is scalar and branch-free (comparisons and selects only), so that a plain loop over
 * FN(f) is vectorised by gcc and clang under the kernel flags. The exceptions call libm and stay scalar:
 * sin, cos, tan, erfc and pow in f64.
 *
 * The code has to be right both with and without FMA, since the compiler may contract a*b+c. Hence the
 * high parts of split constants carry few enough bits for their products to be exact, so that fusing
 * changes nothing that an error term relies on. It needs round-to-nearest, denormals (no FTZ/DAZ) and no
 * -ffast-math.
 *
 * Bounds are in units in the last place of the result, over all inputs, denormals included; the tests in
 * tests/test_math.c hold them. Special values are C's (Annex F). Polynomials are minimax fits (Remez
 * exchange in 45 digits, weighted by the relative error of the result), unless said otherwise. */
#if (TP__REAL_IS_32 && !defined TP__MATH_F32) || (!TP__REAL_IS_32 && !defined TP__MATH_F64)

#include <string.h>

#undef TP__MATH_BUILTIN
#undef TP__MATH_MANT
#undef TP__MATH_BIAS
#undef TP__MATH_SIGN
#undef TP__MATH_MAGIC
#undef TP__MATH_TINY
#undef TP__MATH_EXP_MIN
#undef TP__MATH_EXP_MAX

#ifndef TP__MATH_FN
#define TP__MATH_FN static inline __attribute__((always_inline, unused))
#define TP__MATH_INF NUM(__builtin_inf())
#define TP__MATH_NAN NUM(__builtin_nan(""))
#endif

#if TP__REAL_IS_32
#define TP__MATH_F32
#define TP__MATH_BUILTIN(name) __builtin_##name##f
#define TP__MATH_MANT 23
#define TP__MATH_BIAS 127
#define TP__MATH_SIGN 0x80000000u
#define TP__MATH_MAGIC NUM(0x1.8p23) /* adding it leaves the nearest integer in the low bits */
#define TP__MATH_TINY NUM(0x1p-24)   /* below it x + O(x^2) is x within the bound */
#define TP__MATH_EXP_MIN NUM(-104)   /* e^x rounds to 0 */
#define TP__MATH_EXP_MAX NUM(89)     /* e^x overflows */
#else
#define TP__MATH_F64
#define TP__MATH_BUILTIN(name) __builtin_##name
#define TP__MATH_MANT 52
#define TP__MATH_BIAS 1023
#define TP__MATH_SIGN 0x8000000000000000u
#define TP__MATH_MAGIC NUM(0x1.8p52)
#define TP__MATH_TINY NUM(0x1p-54)
#define TP__MATH_EXP_MIN NUM(-746)
#define TP__MATH_EXP_MAX NUM(710)
#endif

TP__MATH_FN TU FN(math_bits)(T x) {
    TU u;
    memcpy(&u, &x, sizeof u);
    return u;
}

TP__MATH_FN T FN(math_from)(TU u) {
    T x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* ---- exact functions ---- */

TP__MATH_FN T FN(abs)(T x) { return FN(math_from)(FN(math_bits)(x) & ~TP__MATH_SIGN); }

TP__MATH_FN T FN(copysign)(T x, T y) {
    return FN(math_from)((FN(math_bits)(x) & ~TP__MATH_SIGN) | (FN(math_bits)(y) & TP__MATH_SIGN));
}

TP__MATH_FN int FN(isnan)(T x) { return x != x; }

/* -1, 0 or 1; 0 for NaN and for -0, as torch.sign. */
TP__MATH_FN T FN(sign)(T x) {
    const T neg = x < NUM(0) ? NUM(-1) : NUM(0);
    return x > NUM(0) ? NUM(1) : neg;
}

/* torch.maximum and torch.minimum: NaN if either is NaN. */
TP__MATH_FN T FN(max)(T a, T b) {
    const T m = a > b ? a : b; /* b where either is NaN */
    return a != a ? a : m;
}

TP__MATH_FN T FN(min)(T a, T b) {
    const T m = a < b ? a : b;
    return a != a ? a : m;
}

/* torch.fmax and torch.fmin, C's fmax and fmin: the other one if one is NaN. */
TP__MATH_FN T FN(fmax)(T a, T b) {
    const T m = a > b ? a : b;
    return b != b ? a : m;
}

TP__MATH_FN T FN(fmin)(T a, T b) {
    const T m = a < b ? a : b;
    return b != b ? a : m;
}

#if TP__ISA >= 3
/* One instruction each. The baseline has none (SSE2), and clang would call libm. */
TP__MATH_FN T FN(round)(T x) { return TP__MATH_BUILTIN(rint)(x); } /* halves to even, as torch.round */
TP__MATH_FN T FN(floor)(T x) { return TP__MATH_BUILTIN(floor)(x); }
TP__MATH_FN T FN(ceil)(T x) { return TP__MATH_BUILTIN(ceil)(x); }
TP__MATH_FN T FN(trunc)(T x) { return TP__MATH_BUILTIN(trunc)(x); }
#else
/* Halves to even, as torch.round. From 2^MANT on x is an integer, infinite or NaN already. */
TP__MATH_FN T FN(round)(T x) {
    const T big = TP__REAL_IS_32 ? NUM(0x1p23) : NUM(0x1p52);
    const T a = FN(abs)(x);
    const T r = FN(copysign)((a + big) - big, x);
    return a < big ? r : x;
}

TP__MATH_FN T FN(floor)(T x) {
    const T r = FN(round)(x);
    return r - (r > x ? NUM(1) : NUM(0));
}

TP__MATH_FN T FN(ceil)(T x) {
    const T r = FN(round)(x);
    return FN(copysign)(r + (r < x ? NUM(1) : NUM(0)), x); /* ceil(-0.7) is -0 */
}

TP__MATH_FN T FN(trunc)(T x) {
    const T a = FN(abs)(x);
    const T r = FN(round)(a);
    return FN(copysign)(r - (r > a ? NUM(1) : NUM(0)), x);
}
#endif

/* Correctly rounded: the machine's own (needs -fno-math-errno). */
TP__MATH_FN T FN(sqrt)(T x) { return TP__MATH_BUILTIN(sqrt)(x); }

/* 1/sqrt(x). f32 < 1 ulp: the rounding error of the square root is measured (s^2 - x with s split into two
 * exact halves) and taken back to first order. f64 <= 1.5 ulp: two rounded operations. */
TP__MATH_FN T FN(rsqrt)(T x) {
#if TP__REAL_IS_32
    const float w = x < 0x1p-90f ? x * 0x1p48f : x; /* the residual must not be denormal */
    const float s = __builtin_sqrtf(w);
    const float y = 1.0f / s;
    const float hi = FN(math_from)(FN(math_bits)(s) & 0xfffff000u);
    const float lo = s - hi;
    const float e = ((w - hi * hi) - 2.0f * hi * lo) - lo * lo; /* w - s^2 */
    const float c = y - y * (0.5f * e * y * y);
    const float r = w > 0.0f && w < TP__MATH_INF ? c : y;
    return x < 0x1p-90f ? r * 0x1p24f : r;
#else
    return 1.0 / __builtin_sqrt(x);
#endif
}

/* ---- exponentials ----
 * x = k ln2 + r, |r| <= ln2/2, k taken from the low bits of x log2(e) + magic. The magic number is offset
 * by twice the exponent bias, so that those bits are n = k + 2 bias > 0: n/2 and n - n/2 are then biased
 * exponents already, shifts are logical (AVX2 has no arithmetic ones for 64 bits), and 2^k comes as two
 * factors which are normal for every k a result may have, so the result is rounded once, also when it is
 * denormal. */

typedef struct {
    T r;  /* reduced argument */
    T lo; /* what rounding r lost */
    TU n; /* k + 2 bias in the low bits, rubbish above */
} FN(math_red);

/* x must be within the range of exp or NaN. */
TP__MATH_FN FN(math_red) FN(math_exp_reduce)(T x) {
#if TP__REAL_IS_32
    const T ln2_hi = NUM(0x1.62e8p-1), ln2_lo = NUM(-0x1.e8082ep-16), log2e = NUM(0x1.715476p+0);
#else
    const T ln2_hi = NUM(0x1.62e42fefa4p-1), ln2_lo = NUM(-0x1.8432a1b0e2634p-43),
            log2e = NUM(0x1.71547652b82fep+0);
#endif
    const T magic = TP__MATH_MAGIC + NUM(2 * TP__MATH_BIAS);
    const T z = x * log2e + magic;
    const T k = z - magic;
    const T hi = x - k * ln2_hi; /* exact */
    FN(math_red) red;
    red.r = hi - k * ln2_lo;
    red.lo = (hi - red.r) - k * ln2_lo;
    red.n = FN(math_bits)(z);
    return red;
}

/* q with e^r = 1 + r + r^2/2 + r^3 q; relative error of e^r 2^-32.4, 2^-60.0. A term less would do for exp, but
 * not for expm1 near ln2/2, where the 1 cancels. */
TP__MATH_FN T FN(math_exp_poly)(T r) {
    T q;
#if TP__REAL_IS_32
    q = NUM(0x1.9dd632p-13);
    q = q * r + NUM(0x1.6d4e54p-10);
    q = q * r + NUM(0x1.111332p-7);
    q = q * r + NUM(0x1.5554e6p-5);
    q = q * r + NUM(0x1.555554p-3);
#else
    q = NUM(0x1.1e66d1dc859e0p-29);
    q = q * r + NUM(0x1.af68e44d50847p-26);
    q = q * r + NUM(0x1.27e58d8333010p-22);
    q = q * r + NUM(0x1.71ddf22776282p-19);
    q = q * r + NUM(0x1.a01a015207008p-16);
    q = q * r + NUM(0x1.a01a01b284e68p-13);
    q = q * r + NUM(0x1.6c16c16c271f3p-10);
    q = q * r + NUM(0x1.111111110ef7fp-7);
    q = q * r + NUM(0x1.5555555555530p-5);
    q = q * r + NUM(0x1.555555555555ap-3);
#endif
    return q;
}

/* e^(r + lo) - 1, to half an ulp of e^r or better */
TP__MATH_FN T FN(math_exp_rest)(FN(math_red) red) {
    const T r = red.r, q = NUM(0.5) + r * FN(math_exp_poly)(r);
    return r + (red.lo + r * r * q);
}

/* p * 2^k for n = k + 2 bias (see above). Multiplying, not adding to the exponent, keeps NaN. */
TP__MATH_FN T FN(math_scale)(T p, TU n) {
    const TU half = n >> 1;
    return p * FN(math_from)(half << TP__MATH_MANT) * FN(math_from)((n - half) << TP__MATH_MANT);
}

/* e^x for x in the range of exp, or NaN. */
TP__MATH_FN T FN(math_exp_in_range)(T x) {
    const FN(math_red) red = FN(math_exp_reduce)(x);
    return FN(math_scale)(NUM(1) + FN(math_exp_rest)(red), red.n);
}

/* x held to [lo, hi]; NaN stays. */
TP__MATH_FN T FN(math_clip)(T x, T lo, T hi) {
    const T y = x > hi ? hi : x;
    return y < lo ? lo : y;
}

/* f32 <= 1 ulp, f64 <= 1 ulp. */
TP__MATH_FN T FN(exp)(T x) {
    return FN(math_exp_in_range)(FN(math_clip)(x, TP__MATH_EXP_MIN, TP__MATH_EXP_MAX));
}

/* 2^x: f32 <= 1 ulp, f64 <= 1 ulp. As exp, but k = x rounded and x - k are exact. The linear term is
 * r and ln2 in two parts each, the product of the first ones exact. */
TP__MATH_FN T FN(exp2)(T x) {
    const T magic = TP__MATH_MAGIC + NUM(2 * TP__MATH_BIAS);
#if TP__REAL_IS_32
    const T c = FN(math_clip)(x, NUM(-151), NUM(129));
#else
    const T c = FN(math_clip)(x, NUM(-1076), NUM(1025));
#endif
    const T z = c + magic;
    const T r = c - (z - magic);
    T q;
#if TP__REAL_IS_32 /* 2^r = 1 + r ln2 + r^2 q: 2^-28.0 */
    const T ln2_hi = NUM(0x1.62ep-1), ln2_lo = NUM(0x1.0bfbe8p-15);
    const TU mask = 0xfffff000u;
    q = NUM(0x1.414ea6p-13);
    q = q * r + NUM(0x1.5f04p-10);
    q = q * r + NUM(0x1.3b2e0cp-7);
    q = q * r + NUM(0x1.c6af88p-5);
    q = q * r + NUM(0x1.ebfbdcp-3);
#else /* 2^-57.7 */
    const T ln2_hi = NUM(0x1.62e43p-1), ln2_lo = NUM(-0x1.05c610ca86c39p-29);
    const TU mask = 0xfffffffff8000000u;
    q = NUM(0x1.e7c6c35c7902bp-32);
    q = q * r + NUM(0x1.e617d6bef4427p-28);
    q = q * r + NUM(0x1.b52653116cbbep-24);
    q = q * r + NUM(0x1.62bfc9e31342fp-20);
    q = q * r + NUM(0x1.ffcbfbc79c780p-17);
    q = q * r + NUM(0x1.4309130dcc23cp-13);
    q = q * r + NUM(0x1.5d87fe78c3805p-10);
    q = q * r + NUM(0x1.3b2ab6fba0774p-7);
    q = q * r + NUM(0x1.c6b08d704a045p-5);
    q = q * r + NUM(0x1.ebfbdff82c5a1p-3);
#endif
    const T hi = FN(math_from)(FN(math_bits)(r) & mask);
    const T p = NUM(1) + (hi * ln2_hi + (((r - hi) * ln2_hi + r * ln2_lo) + r * r * q));
    return FN(math_scale)(p, FN(math_bits)(z));
}

/* (e^x - 1) / 4, which does not overflow before sinh does. With s = 2^k it is (s - 1) + s r + s (r^2 q +
 * lo), the rounding errors of the first sum, and of the second, going into the third: under 1 ulp.
 * `wide` takes in what rounding s - 1 loses for |k| > MANT; tanh and sinh do not feel it. */
TP__MATH_FN T FN(math_expm1_quarter)(T x, int wide) {
    const FN(math_red) red = FN(math_exp_reduce)(x);
    const T s = FN(math_from)((red.n - (TP__MATH_BIAS + 2)) << TP__MATH_MANT);
    const T a = s - NUM(0.25);
    const T b = s * red.r; /* exact */
    const T sum = a + b;
    const T sq = red.r * red.r; /* r^2/2 is the large part of the rest: added last, it is rounded once */
    T rest = s * (red.lo + sq * (red.r * FN(math_exp_poly)(red.r))) + (b - (sum - a));
    if (wide) {
        const T back = a - s;
        rest += (s - (a - back)) + (NUM(-0.25) - back);
    }
    rest += s * (NUM(0.5) * sq);
    return sum + rest;
}

/* e^x - 1: f32 <= 1 ulp, f64 <= 1.1 ulp. */
TP__MATH_FN T FN(expm1)(T x) {
    const T lowest = TP__REAL_IS_32 ? NUM(-18) : NUM(-38); /* the result has rounded to -1 */
    const T y = NUM(4) * FN(math_expm1_quarter)(FN(math_clip)(x, lowest, TP__MATH_EXP_MAX), 1);
    return FN(abs)(x) < TP__MATH_TINY ? x : y; /* s r would lose bits of a denormal, and the sign of -0 */
}

/* f32 <= 2 ulp, f64 <= 2 ulp: x + x^3 P(x^2) below 0.35; m / (m + 2) with m = e^2|x| - 1 above, where the
 * rounding errors of m and m + 2 weigh less. */
TP__MATH_FN T FN(tanh)(T x) {
    const T a = FN(abs)(x), z = x * x;
    const T top = TP__REAL_IS_32 ? NUM(10) : NUM(20); /* the result has rounded to 1 */
    const T m = FN(math_expm1_quarter)(NUM(2) * (a > top ? top : a), 0);
#if TP__REAL_IS_32 /* 2^-29.0 */
    T p = NUM(0x1.3e43fp-6);
    p = p * z + NUM(-0x1.b81ab6p-5);
    p = p * z + NUM(0x1.110bf2p-3);
    p = p * z + NUM(-0x1.55554ep-2);
#else /* 2^-56.2 */
    T p = NUM(0x1.f1cf046cabcf2p-12);
    p = p * z + NUM(-0x1.770fc658c4097p-10);
    p = p * z + NUM(0x1.d66f2e24c851ep-9);
    p = p * z + NUM(-0x1.226c72e4da363p-7);
    p = p * z + NUM(0x1.664f3f4ad54afp-6);
    p = p * z + NUM(-0x1.ba1ba19f54b58p-5);
    p = p * z + NUM(0x1.11111110fe3c5p-3);
    p = p * z + NUM(-0x1.55555555554c4p-2);
#endif
    const T y = a < NUM(0.35) ? a + a * (z * p) : m / (m + NUM(0.5));
    return FN(copysign)(y, x);
}

/* 1/(1 + e^-x): f32 <= 2 ulp, f64 <= 2 ulp. Where the result is just below a power of two, errors of 1 +
 * e^-x count twice, so it is summed from 1 + 2^k and 2^k (e^r - 1) and what rounding loses is made good
 * after the division. All terms carry a factor small enough for e^-x to reach the results that are
 * denormal. */
TP__MATH_FN T FN(sigmoid)(T x) {
    const T one = TP__REAL_IS_32 ? NUM(0x1p-24) : NUM(0x1p-56); /* the factor, that is */
    const T inverse = TP__REAL_IS_32 ? NUM(0x1p24) : NUM(0x1p56);
    const T high = TP__REAL_IS_32 ? NUM(20) : NUM(40); /* the result has rounded to 1 */
    const TU n_of_one = TP__MATH_BIAS + (TP__REAL_IS_32 ? 24 : 56);
    const FN(math_red) red = FN(math_exp_reduce)(-FN(math_clip)(x, TP__MATH_EXP_MIN, high));
    const T s = FN(math_from)((red.n - n_of_one) << TP__MATH_MANT);
    const T w = FN(math_exp_rest)(red);
    const T a = one + s, d = a + s * w; /* s w is exact */
    const T lost = (s * w - (d - a)) + (one - (a - s));
    const T y = one / d;
    return y - y * (lost * (y * inverse));
}

/* f32 <= 2 ulp, f64 <= 2 ulp: x + x^3 P(x^2) below 0.5, (m + m / (m + 1)) / 2 with m = e^|x| - 1 above. */
TP__MATH_FN T FN(sinh)(T x) {
    const T a = FN(abs)(x), z = x * x;
    const T top = TP__REAL_IS_32 ? NUM(89.6) : NUM(710.6); /* the result has overflowed, 2^(k - 2) has not */
    const T m = FN(math_expm1_quarter)(a > top ? top : a, 0);
#if TP__REAL_IS_32 /* 2^-30.2 */
    T p = NUM(0x1.a2e2bep-13);
    p = p * z + NUM(0x1.110f74p-7);
    p = p * z + NUM(0x1.555556p-3);
#else /* 2^-58.9 */
    T p = NUM(0x1.6299039f6d4f9p-33);
    p = p * z + NUM(0x1.ae635a97fe395p-26);
    p = p * z + NUM(0x1.71de3aa9299eap-19);
    p = p * z + NUM(0x1.a01a019ffddd1p-13);
    p = p * z + NUM(0x1.1111111111157p-7);
    p = p * z + NUM(0x1.5555555555555p-3);
#endif
    const T y = NUM(2) * m + NUM(2) * (m / (NUM(4) * m + NUM(1)));
    return FN(copysign)(a < NUM(0.5) ? a + a * (z * p) : y, x);
}

/* f32 <= 2 ulp, f64 <= 2 ulp: (e + 1 / e) / 2 with e = e^|x|, a quarter of which does not overflow too
 * soon. */
TP__MATH_FN T FN(cosh)(T x) {
    const T a = FN(abs)(x);
    const T top = TP__REAL_IS_32 ? NUM(89.6) : NUM(710.6);
    const FN(math_red) red = FN(math_exp_reduce)(a > top ? top : a);
    const T e = FN(math_scale)(NUM(1) + FN(math_exp_rest)(red), red.n - 2);
    return NUM(2) * e + NUM(0.125) / e;
}

/* ---- logarithms ----
 * x = 2^k (1 + f) with 1 + f in [2/3, 4/3) for f32 and [sqrt(1/2), sqrt(2)) for f64, found by integer
 * arithmetic on the bits; log(1 + f) = f - f^2/2 + tail. */

typedef struct {
    T k;    /* as a real */
    T f;    /* exact */
    TU exp; /* biased k */
} FN(math_split);

/* x must be positive and normal; otherwise rubbish comes out, for the caller to select away. */
TP__MATH_FN FN(math_split) FN(math_log_split)(T x) {
#if TP__REAL_IS_32
    const TU one = 0x3f800000u, low = 0x3f2aaaabu, mant = 0x7fffffu, real = 0x4b000000u;
    const T bias = NUM(0x1p23 + 127);
#else
    const TU one = 0x3ff0000000000000u, low = 0x3fe6a09e667f3bcdu, mant = 0xfffffffffffffu,
             real = 0x4330000000000000u;
    const T bias = NUM(0x1p52 + 1023);
#endif
    const TU i = FN(math_bits)(x) + (one - low);
    FN(math_split) s;
    s.exp = i >> TP__MATH_MANT;
    s.k = FN(math_from)(s.exp | real) - bias; /* no integer conversion: AVX2 has none for 64 bits */
    s.f = FN(math_from)((i & mant) + low) - NUM(1);
    return s;
}

/* The same for any x >= 0: denormals are scaled up first. */
TP__MATH_FN FN(math_split) FN(math_log_split_any)(T x) {
    const T least = TP__REAL_IS_32 ? NUM(0x1p-126) : NUM(0x1p-1022);
    const T up = TP__REAL_IS_32 ? NUM(0x1p24) : NUM(0x1p53);
    FN(math_split) s = FN(math_log_split)(x < least ? x * up : x);
    s.k -= x < least ? NUM(TP__MATH_MANT + 1) : NUM(0);
    return s;
}

TP__MATH_FN T FN(math_log_tail)(T f) {
#if TP__REAL_IS_32 /* f^3 P(f): 2^-27.4 */
    T p = NUM(-0x1.08057cp-3);
    p = p * f + NUM(0x1.1e6674p-3);
    p = p * f + NUM(-0x1.f3114p-4);
    p = p * f + NUM(0x1.1ed726p-3);
    p = p * f + NUM(-0x1.559dccp-3);
    p = p * f + NUM(0x1.99d028p-3);
    p = p * f + NUM(-0x1.fffefp-3);
    p = p * f + NUM(0x1.555506p-2);
    return f * f * f * p;
#else /* log(1 + f) = 2 atanh(s), s = f / (2 + f), as in fdlibm: a division for half the terms. 2^-58.5 */
    const T s = f / (NUM(2) + f), z = s * s;
    T p = NUM(0x1.2f03c8251f631p-3);
    p = p * z + NUM(0x1.39a1e7b69936ap-3);
    p = p * z + NUM(0x1.74663cf4b8ebap-3);
    p = p * z + NUM(0x1.c71c52143e9d6p-3);
    p = p * z + NUM(0x1.24924941e1574p-2);
    p = p * z + NUM(0x1.999999997ff1ap-2);
    p = p * z + NUM(0x1.5555555555592p-1);
    return s * (NUM(0.5) * f * f + z * p);
#endif
}

/* y, or what a logarithm is outside 0 < x < inf. */
TP__MATH_FN T FN(math_log_special)(T x, T y) {
    const T low = x < NUM(0) ? TP__MATH_NAN : x; /* inf and NaN are their own results */
    const T odd = x == NUM(0) ? -TP__MATH_INF : low;
    return x > NUM(0) && x < TP__MATH_INF ? y : odd;
}

/* log(1 + f + fe) + k ln2, |fe| <= ulp(f)/2. */
TP__MATH_FN T FN(math_log_sum)(T k, T f, T fe) {
#if TP__REAL_IS_32
    const T ln2_hi = NUM(0x1.62e8p-1), ln2_lo = NUM(-0x1.e8082ep-16);
#else
    const T ln2_hi = NUM(0x1.62e42fefa4p-1), ln2_lo = NUM(-0x1.8432a1b0e2634p-43);
#endif
    const T low = k * ln2_lo + (fe - fe * f);
    return k * ln2_hi + (f - (NUM(0.5) * f * f - (FN(math_log_tail)(f) + low)));
}

/* f32 <= 1 ulp, f64 <= 1 ulp. */
TP__MATH_FN T FN(log)(T x) {
    const FN(math_split) s = FN(math_log_split_any)(x);
    return FN(math_log_special)(x, FN(math_log_sum)(s.k, s.f, NUM(0)));
}

/* log(1 + x): f32 <= 1 ulp, f64 <= 1 ulp. u = 1 + x is split; what rounding u lost joins f. */
TP__MATH_FN T FN(log1p)(T x) {
    const T u = NUM(1) + x;
    const T back = u - NUM(1);
    const T lost = (NUM(1) - (u - back)) + (x - back);
    const FN(math_split) s = FN(math_log_split)(u);
    const T scaled = lost * FN(math_from)((2 * TP__MATH_BIAS - s.exp) << TP__MATH_MANT); /* lost 2^-k */
    const T c = x < NUM(0x1p60) ? scaled : NUM(0); /* 2^-k may not exist further up */
    const T f = s.f + c;
    const T y = FN(math_log_sum)(s.k, f, c - (f - s.f));
    return x == NUM(0) ? x : FN(math_log_special)(u, y);
}

/* c log(1 + f) + k c' for c = 1/ln2, c' = 1, and c = 1/ln10, c' = log10(2), constants in two parts: the
 * product of the high halves is exact, and so is the error of adding it to k c'_hi. */
TP__MATH_FN T FN(math_log_base)(T f, T k_hi, T k_lo, T c_hi, T c_lo) {
    const T sq = NUM(0.5) * f * f;
#if TP__REAL_IS_32
    const T hi = FN(math_from)(FN(math_bits)(f - sq) & 0xfffff000u);
#else
    const T hi = FN(math_from)(FN(math_bits)(f - sq) & 0xffffffff00000000u);
#endif
    const T lo = ((f - hi) - sq) + FN(math_log_tail)(f);
    const T p = hi * c_hi;
    const T sum = k_hi + p;
    return sum + (((k_hi - sum) + p) + (k_lo + ((lo + hi) * c_lo + lo * c_hi)));
}

/* f32 <= 1 ulp, f64 <= 1 ulp. */
TP__MATH_FN T FN(log2)(T x) {
    const FN(math_split) s = FN(math_log_split_any)(x);
#if TP__REAL_IS_32
    const T y = FN(math_log_base)(s.f, s.k, NUM(0), NUM(0x1.716p+0), NUM(-0x1.7135a8p-13));
#else
    const T y = FN(math_log_base)(s.f, s.k, NUM(0), NUM(0x1.71547p+0), NUM(0x1.94ae0bf85ddf4p-22));
#endif
    return FN(math_log_special)(x, y);
}

/* f32 <= 1 ulp, f64 <= 1 ulp. */
TP__MATH_FN T FN(log10)(T x) {
    const FN(math_split) s = FN(math_log_split_any)(x);
#if TP__REAL_IS_32
    const T y = FN(math_log_base)(s.f, s.k * NUM(0x1.344p-2), s.k * NUM(0x1.3509f8p-18), NUM(0x1.bccp-2),
                                  NUM(-0x1.09d5b2p-15));
#else
    const T y = FN(math_log_base)(s.f, s.k * NUM(0x1.34413509f8p-2), s.k * NUM(-0x1.80433b83b532ap-44),
                                  NUM(0x1.bcb7bp-2), NUM(0x1.526e50e32a6abp-26));
#endif
    return FN(math_log_special)(x, y);
}

/* ---- error function ---- */

/* f32 <= 2 ulp, f64 <= 2 ulp. Below the border x + x P(x^2); above it 1 - e^-Q(|x|), Q = -log(erfc),
 * which needs no division and few good bits, since erfc is small there. */
TP__MATH_FN T FN(erf)(T x) {
    const T a = FN(abs)(x), z = x * x;
    T p, q;
#if TP__REAL_IS_32 /* P 2^-30.1; Q 2^-29.1 on [0.9, 4] */
    const T border = NUM(0.9), top = NUM(4);
    const T c = a > top ? top : a;
    p = NUM(0x1.4d2864p-14);
    p = p * z + NUM(-0x1.a583bcp-11);
    p = p * z + NUM(0x1.543f2ap-8);
    p = p * z + NUM(-0x1.b80062p-6);
    p = p * z + NUM(0x1.ce2d6p-4);
    p = p * z + NUM(-0x1.81274p-2);
    p = p * z + NUM(0x1.06eba8p-3);
    q = NUM(-0x1.9fae4p-13);
    q = q * c + NUM(0x1.91ca4cp-9);
    q = q * c + NUM(-0x1.6d9b92p-6);
    q = q * c + NUM(0x1.aa727ep-4);
    q = q * c + NUM(0x1.4621dp-1);
    q = q * c + NUM(0x1.20b74cp+0);
    q = q * c + NUM(0x1.5d3b66p-13);
#else /* P 2^-56.3; Q 2^-54.8 on [1, 6] */
    const T border = NUM(1), top = NUM(6);
    const T c = a > top ? top : a;
    p = NUM(0x1.3db8ca30631f0p-33);
    p = p * z + NUM(-0x1.c62a1f3c6aa2ap-30);
    p = p * z + NUM(0x1.135769cc8a1dep-26);
    p = p * z + NUM(-0x1.639a048382b70p-23);
    p = p * z + NUM(0x1.ba6a0e3aef85ep-20);
    p = p * z + NUM(-0x1.f4dd0266cb99ap-17);
    p = p * z + NUM(0x1.f9a3ba14eaf6dp-14);
    p = p * z + NUM(-0x1.c02db9388b868p-11);
    p = p * z + NUM(0x1.565bcd2c7a364p-8);
    p = p * z + NUM(-0x1.b82ce31355366p-6);
    p = p * z + NUM(0x1.ce2f21a0458e3p-4);
    p = p * z + NUM(-0x1.812746b037a25p-2);
    p = p * z + NUM(0x1.06eba8214db69p-3);
    q = NUM(-0x1.37636c0b55b6cp-36);
    q = q * c + NUM(0x1.6643e44ac5741p-31);
    q = q * c + NUM(-0x1.768fef8ddf3b8p-27);
    q = q * c + NUM(0x1.d0b723bacfdbap-24);
    q = q * c + NUM(-0x1.7128e942b2999p-21);
    q = q * c + NUM(0x1.66acf5047ec90p-19);
    q = q * c + NUM(-0x1.e45f74de17c32p-19);
    q = q * c + NUM(-0x1.d5cdc9ec5f4c2p-16);
    q = q * c + NUM(0x1.e3b72354990f6p-13);
    q = q * c + NUM(-0x1.e2510ed9f14b3p-11);
    q = q * c + NUM(0x1.1317185b3b637p-9);
    q = q * c + NUM(-0x1.3236af261cbf1p-11);
    q = q * c + NUM(-0x1.351730cadd72fp-6);
    q = q * c + NUM(0x1.a46761aefd6dap-4);
    q = q * c + NUM(0x1.45f94ae8b474dp-1);
    q = q * c + NUM(0x1.20dcc59eee3abp+0);
    q = q * c + NUM(0x1.1d7d80d8abdc2p-20);
#endif
    const T tail = NUM(1) - FN(math_exp_in_range)(-q);
    return a < border ? x + x * p : FN(copysign)(tail, x);
}

#include "kernels/math_trig.h"

#endif
