// Rounding to whole numbers, the same on every variant: baseline x86-64 has no instruction for it. Included by sources
// after mathematics_kernel.h. Zeros keep their sign, and what rounds to zero gets it from x.

/// |x| to the nearest whole number, halves to even: adding and subtracting 2^52 (2^23) rounds, and larger numbers are
/// whole.
INLINE VECTOR NAME(nearest_magnitude)(VECTOR a) {
#if IS_DOUBLE
  const VECTOR shift = SPLAT(0x1p52);
#else
  const VECTOR shift = SPLAT(0x1p23f);
#endif
  VECTOR rounded = (a + shift) - shift;
  return a < shift ? rounded : a;
}
INLINE VECTOR NAME(nearest)(VECTOR x) { return NAME(with_sign)(NAME(nearest_magnitude)(NAME(magnitude)(x)), x); }
INLINE VECTOR NAME(truncated)(VECTOR x) {
  VECTOR a = NAME(magnitude)(x), whole = NAME(nearest_magnitude)(a);
  return NAME(with_sign)(whole > a ? whole - (REAL)1 : whole, x);
}
INLINE VECTOR NAME(floor)(VECTOR x) {
  VECTOR whole = NAME(nearest)(x);
  return whole > x ? whole - (REAL)1 : whole;
}
INLINE VECTOR NAME(ceil)(VECTOR x) { return -NAME(floor)(-x); }
