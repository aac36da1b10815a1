// Hyperbolic functions, their inverses, powers of two and logarithms to other bases, in float64; included after
// mathematics_kernel.h. Within 3 ulp.
#define LN2 0.69314718055994530942

/// e^a / 2 for a > 22, where e^-a no longer counts: in two halves, because e^a overflows first.
INLINE VECTOR NAME(half_exp)(VECTOR a) {
  VECTOR half = NAME(exp)(a * 0.5);
  return half * 0.5 * half;
}
INLINE VECTOR NAME(sinh)(VECTOR x) {
  VECTOR a = NAME(magnitude)(x), t = NAME(expm1)(a < SPLAT(22) ? a : SPLAT(22));
  VECTOR near = 0.5 * (t + t / (t + 1.0));
  VECTOR y = NAME(with_sign)(a < SPLAT(22) ? near : NAME(half_exp)(a), x);
  return a == a ? y : x;
}
INLINE VECTOR NAME(cosh)(VECTOR x) {
  VECTOR a = NAME(magnitude)(x), e = NAME(exp)(a < SPLAT(22) ? a : SPLAT(22));
  VECTOR y = a < SPLAT(22) ? 0.5 * e + 0.5 / e : NAME(half_exp)(a);
  return a == a ? y : x;
}
INLINE VECTOR NAME(asinh)(VECTOR x) {
  VECTOR a = NAME(magnitude)(x), z = a * a;
  VECTOR near = NAME(log1p)(a + z / (1.0 + __builtin_elementwise_sqrt(1.0 + z)));
  return NAME(with_sign)(a < SPLAT(0x1p28) ? near : NAME(log)(a) + LN2, x);
}
INLINE VECTOR NAME(acosh)(VECTOR x) {
  VECTOR t = x - 1.0, near = NAME(log1p)(t + __builtin_elementwise_sqrt(2.0 * t + t * t));
  VECTOR y = x < SPLAT(0x1p28) ? near : NAME(log)(x) + LN2;
  return x >= SPLAT(1) ? y : SPLAT(__builtin_nan(""));
}
INLINE VECTOR NAME(atanh)(VECTOR x) {
  VECTOR a = NAME(magnitude)(x), twice = a + a, over = 1.0 - a;
  VECTOR ratio = a < SPLAT(0.5) ? twice + twice * a / over : twice / over;
  return NAME(with_sign)(0.5 * NAME(log1p)(ratio), x);
}

INLINE VECTOR NAME(exp2)(VECTOR x) {
  VECTOR bounded = x > SPLAT(1030) ? SPLAT(1030) : x;
  bounded = bounded < SPLAT(-1080) ? SPLAT(-1080) : bounded;
  VECTOR shifted = bounded + 0x1.8p52;
  MASK n = (MASK)shifted - (MASK)SPLAT(0x1.8p52), half = n >> 1;
  VECTOR r = (bounded - (shifted - 0x1.8p52)) * LN2;
  VECTOR y = 1.0 + (r + r * r * NAME(exp_rest)(r));
  return y * NAME(two_to)(half) * NAME(two_to)(n - half);
}

/// ln x / ln base with both in two parts, so that powers of the base come out whole.
INLINE VECTOR NAME(log_to_base)(VECTOR x, double inverse_head, double inverse_tail) {
  VECTOR low, high = NAME(log_in_parts)(x > SPLAT(0) ? x : SPLAT(1), &low);
  VECTOR h = NAME(head)(high), t = (high - h) + low;
  VECTOR y = h * inverse_head + (t * inverse_head + (h * inverse_tail + t * inverse_tail));
  y = x == SPLAT(__builtin_inf()) ? x : y;
  y = x == SPLAT(0) ? SPLAT(-__builtin_inf()) : y;
  return x >= SPLAT(0) ? y : SPLAT(__builtin_nan(""));
}
INLINE VECTOR NAME(log2)(VECTOR x) { return NAME(log_to_base)(x, 1.4426950216293335, 1.9259629911266175e-08); }
INLINE VECTOR NAME(log10)(VECTOR x) { return NAME(log_to_base)(x, 0.4342944771051407, 4.798111141615973e-09); }

/// ln(e^a + e^b); of equal infinities that infinity.
INLINE VECTOR NAME(log_add_exp)(VECTOR a, VECTOR b) {
  VECTOR larger = NAME(larger)(a, b), distance = NAME(magnitude)(a - b);
  VECTOR y = larger + NAME(log1p)(NAME(exp)(-distance));
  return a == b ? a + LN2 : y;
}
#undef LN2
