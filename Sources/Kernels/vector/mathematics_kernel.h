// Elementary functions on vectors, included through reals.h at the head of a REAL_SOURCE. None of them needs a
// mathematics library, a fused multiply-add or a division that is not written here; results are within 2 ulp.
//
// Coefficients: interpolation at Chebyshev nodes, computed with 60 digits and rounded. Where a source has float32
// versions of its own they are the fast ones; the rarely used functions go through float64.

#if IS_DOUBLE
#define SIGNIFICAND 52
#define ONE_BITS 0x3ff0000000000000
#define ROUNDER 0x1.8p52  // adding it rounds to a whole number, which then stands in the low bits
#define LN2_HIGH 0x1.62e42fefa2p-1
#define LN2_LOW 0x1.9ef35793c7673p-41
#define INFINITE __builtin_inf()
#define NOT_A_NUMBER __builtin_nan("")
#define SMALLEST_NORMAL 0x1p-1022
#define EXP_HIGHEST 710
#define EXP_LOWEST -746
#else
#define SIGNIFICAND 23
#define ONE_BITS 0x3f800000
#define ROUNDER 0x1.8p23f
#define LN2_HIGH 0x1.62ep-1f
#define LN2_LOW 3.1946184945309415e-05f
#define INFINITE __builtin_inff()
#define NOT_A_NUMBER __builtin_nanf("")
#define SMALLEST_NORMAL 0x1p-126f
#define EXP_HIGHEST 89
#define EXP_LOWEST -104
#endif

INLINE VECTOR NAME(from_bits)(MASK bits) { return (VECTOR)bits; }
INLINE MASK NAME(bits)(VECTOR v) { return (MASK)v; }
INLINE VECTOR NAME(magnitude)(VECTOR x) { return (VECTOR)((MASK)x & ~((MASK)SPLAT(-0.0))); }
/// |x| with the sign of s.
INLINE VECTOR NAME(with_sign)(VECTOR x, VECTOR s) {
  MASK sign = (MASK)SPLAT(-0.0);
  return (VECTOR)(((MASK)x & ~sign) | ((MASK)s & sign));
}
/// 2^n for whole n for which that is a normal number.
INLINE VECTOR NAME(two_to)(MASK n) { return (VECTOR)((n << SIGNIFICAND) + (REAL_INT)ONE_BITS); }

// MARK: Exponentials

/// e^r - 1 = r + r^2 q(r) for |r| <= ln 2 / 2: this is q.
INLINE VECTOR NAME(exp_rest)(VECTOR r) {
#if IS_DOUBLE
  VECTOR q = SPLAT(2.0914680780540263e-09);
  q = q * r + 2.5105208339987698e-08;
  q = q * r + 2.7557273657975953e-07;
  q = q * r + 2.7557255421023506e-06;
  q = q * r + 2.4801587325536023e-05;
  q = q * r + 0.00019841269874804214;
  q = q * r + 0.0013888888888883752;
  q = q * r + 0.00833333333332614;
  q = q * r + 0.04166666666666667;
  q = q * r + 0.1666666666666667;
  return q * r + 0.5;
#else
  VECTOR q = SPLAT(0.0001989098236663267f);
  q = q * r + 0.0013933642767369747f;
  q = q * r + 0.00833331048488617f;
  q = q * r + 0.04166646674275398f;
  q = q * r + 0.1666666716337204f;
  return q * r + 0.5f;
#endif
}

/// x = n ln 2 + r + rest with whole n; the products n * LN2_HIGH are exact. x must be bounded.
INLINE VECTOR NAME(exp_reduce)(VECTOR x, MASK *n, VECTOR *rest) {
  VECTOR shifted = x * (REAL)1.44269504088896340736 + (REAL)ROUNDER;
  *n = (MASK)shifted - (MASK)SPLAT(ROUNDER);
  VECTOR whole = shifted - (REAL)ROUNDER;
  VECTOR high = x - whole * (REAL)LN2_HIGH;
  VECTOR r = high - whole * (REAL)LN2_LOW;
  *rest = (high - r) - whole * (REAL)LN2_LOW;
  return r;
}

/// e^(x + small), where |small| is far below 1 and refines x; a little more accurate than exp.
INLINE VECTOR NAME(exp_of_sum)(VECTOR x, VECTOR small) {
  x = x > SPLAT(EXP_HIGHEST) ? SPLAT(EXP_HIGHEST) : x;
  x = x < SPLAT(EXP_LOWEST) ? SPLAT(EXP_LOWEST) : x;
  MASK n;
  VECTOR rest, first = NAME(exp_reduce)(x, &n, &rest), r = first + small;
  rest += (first - r) + small;
  VECTOR y = (REAL)1 + (r + (r * r * NAME(exp_rest)(r) + rest * ((REAL)1 + r)));
  MASK half = n >> 1;  // in two steps, so that the result may be denormal or overflow
  return y * NAME(two_to)(half) * NAME(two_to)(n - half);
}

INLINE VECTOR NAME(exp)(VECTOR x) {
  x = x > SPLAT(EXP_HIGHEST) ? SPLAT(EXP_HIGHEST) : x;
  x = x < SPLAT(EXP_LOWEST) ? SPLAT(EXP_LOWEST) : x;
  MASK n;
  VECTOR rest, r = NAME(exp_reduce)(x, &n, &rest);
  VECTOR y = (REAL)1 + (r + r * r * NAME(exp_rest)(r));
  MASK half = n >> 1;
  return y * NAME(two_to)(half) * NAME(two_to)(n - half);
}

/// e^x - 1 = 2^n (e^r - 1) + (2^n - 1), doubled at the end because 2^n may be too large by one step.
INLINE VECTOR NAME(expm1)(VECTOR x) {
  VECTOR bounded = x > SPLAT(EXP_HIGHEST) ? SPLAT(EXP_HIGHEST) : x;
  bounded = bounded < SPLAT(-50) ? SPLAT(-50) : bounded;
  MASK n;
  VECTOR rest, r = NAME(exp_reduce)(bounded, &n, &rest);
  VECTOR p = r + (r * r * NAME(exp_rest)(r) + rest);
  VECTOR scale = NAME(two_to)(n - 1);
  VECTOR y = (p * scale + (scale - (REAL)0.5)) * (REAL)2;
  return n == 0 ? (x == SPLAT(0) ? x : p) : y;  // -0 stays -0
}

/// With t = e^(-2|x|) - 1: -t / (t + 2); away from zero, with t = e^(2|x|) - 1, 1 - 2 / (t + 2) loses less.
INLINE VECTOR NAME(tanh)(VECTOR x) {
  VECTOR twice = NAME(magnitude)(x) * (REAL)2;
  MASK outer = twice > SPLAT(1.25);
  VECTOR t = NAME(expm1)(outer ? twice : -twice);
  VECTOR sum = t + (REAL)2, lost = t - (sum - (REAL)2);
  VECTOR quotient = (outer ? SPLAT(2) : t) / sum;
  // Inside, what rounding the sum lost is made good; 1 / 2 - t / 4 is near enough to 1 / (t + 2) for that.
  VECTOR inner = quotient - quotient * (lost * ((REAL)0.5 - t * (REAL)0.25));
  return NAME(with_sign)(outer ? (REAL)1 - quotient : inner, x);
}

/// With z = e^-|x| <= 1: 1 / (1 + z) on the right, z / (1 + z) on the left, corrected by what rounding 1 + z lost
/// (1 - z / 2 is near enough to 1 / (1 + z) for that).
INLINE VECTOR NAME(sigmoid)(VECTOR x) {
  VECTOR z = NAME(exp)(-NAME(magnitude)(x));
  VECTOR sum = (REAL)1 + z, lost = z - (sum - (REAL)1);
  VECTOR y = (x < SPLAT(0) ? z : SPLAT(1)) / sum;
  return y - y * (lost * ((REAL)1 - z * (REAL)0.5));
}

// MARK: Logarithms

/// ln(1 + f) for 1 + f within [sqrt 1/2, sqrt 2] is 2 atanh(s), s = f / (2 + f), = 2 s + s z l(z), z = s^2: this is z
/// l(z).
INLINE VECTOR NAME(log_rest)(VECTOR z) {
#if IS_DOUBLE
  VECTOR l = SPLAT(0.14616576421644387);
  l = l * z + 0.15331711346672997;
  l = l * z + 0.18182889433757515;
  l = l * z + 0.22222211130560726;
  l = l * z + 0.28571428626001427;
  l = l * z + 0.3999999999989945;
  return z * (l * z + 0.666666666666667);
#else
  VECTOR l = SPLAT(0.23330573737621307f);
  l = l * z + 0.2855081558227539f;
  l = l * z + 0.4000012278556824f;
  return z * (l * z + 0.6666666865348816f);
#endif
}

/// x = 2^k (1 + f) for finite x > 0.
INLINE VECTOR NAME(log_reduce)(VECTOR x, VECTOR *k) {
  MASK denormal = x < SPLAT(SMALLEST_NORMAL);
  VECTOR scaled = denormal ? x * (REAL)((REAL_INT)1 << SIGNIFICAND) : x;
  MASK root = (MASK)SPLAT(0.70710678118654752440);
  MASK exponent = ((MASK)scaled - root) >> SIGNIFICAND;
  VECTOR m = (VECTOR)((MASK)scaled - (exponent << SIGNIFICAND));
  exponent -= denormal & SIGNIFICAND;
  *k = __builtin_convertvector(exponent, VECTOR);
  return m - (REAL)1;
}

/// ln x + small, for finite x > 0.
INLINE VECTOR NAME(log_of_positive)(VECTOR x, VECTOR small) {
  VECTOR k, f = NAME(log_reduce)(x, &k);
  VECTOR s = f / (f + (REAL)2), half_square = f * f * (REAL)0.5;
  VECTOR rest = s * (half_square + NAME(log_rest)(s * s)) + (k * (REAL)LN2_LOW + small);
  return k * (REAL)LN2_HIGH - ((half_square - rest) - f);
}

INLINE VECTOR NAME(log_limits)(VECTOR x, VECTOR y) {
  y = x == SPLAT(INFINITE) ? x : y;
  y = x == SPLAT(0) ? SPLAT(-INFINITE) : y;
  return x >= SPLAT(0) ? y : SPLAT(NOT_A_NUMBER);
}

INLINE VECTOR NAME(log)(VECTOR x) { return NAME(log_limits)(x, NAME(log_of_positive)(x, SPLAT(0))); }

/// ln u for the rounded u = 1 + x, corrected by what rounding lost.
INLINE VECTOR NAME(log1p)(VECTOR x) {
  VECTOR u = x + (REAL)1, lost = (x - (u - (REAL)1)) / u;
  lost = NAME(magnitude)(x) < SPLAT(0x1p60) ? lost : SPLAT(0);
  VECTOR y = NAME(log_limits)(u, NAME(log_of_positive)(u, lost));
  return NAME(magnitude)(x) < SPLAT(SMALLEST_NORMAL) ? x : y;
}

/// max(x, 0) + ln(1 + e^-|x|)
INLINE VECTOR NAME(softplus)(VECTOR x) {
  VECTOR y = NAME(log1p)(NAME(exp)(-NAME(magnitude)(x)));
  return (x > SPLAT(0) ? x : SPLAT(0)) + y;
}

#if IS_DOUBLE
#include "vector/mathematics_wide.h"
#else

// MARK: float32 through float64

#define THROUGH_WIDE(function)                                                                                     \
  INLINE VECTOR NAME(function)(VECTOR x) {                                                                         \
    VECTOR y;                                                                                                      \
    y.lo = __builtin_convertvector(WIDE(function)(__builtin_convertvector(x.lo, WIDE(vector))), __typeof__(y.lo)); \
    y.hi = __builtin_convertvector(WIDE(function)(__builtin_convertvector(x.hi, WIDE(vector))), __typeof__(y.hi)); \
    return y;                                                                                                      \
  }
THROUGH_WIDE(sin)
THROUGH_WIDE(cos)
THROUGH_WIDE(erf)
THROUGH_WIDE(gelu)
#undef THROUGH_WIDE

INLINE VECTOR NAME(pow)(VECTOR x, VECTOR e) {
  VECTOR y;
  y.lo = __builtin_convertvector(
      WIDE(pow)(__builtin_convertvector(x.lo, WIDE(vector)), __builtin_convertvector(e.lo, WIDE(vector))),
      __typeof__(y.lo));
  y.hi = __builtin_convertvector(
      WIDE(pow)(__builtin_convertvector(x.hi, WIDE(vector)), __builtin_convertvector(e.hi, WIDE(vector))),
      __typeof__(y.hi));
  return y;
}
#endif

#undef SIGNIFICAND
#undef ONE_BITS
#undef ROUNDER
#undef LN2_HIGH
#undef LN2_LOW
#undef INFINITE
#undef NOT_A_NUMBER
#undef SMALLEST_NORMAL
#undef EXP_HIGHEST
#undef EXP_LOWEST
