// Tangent, inverse trigonometric functions and functions of half turns, in float64; included after mathematics_kernel.h
// and mathematics_rounding.h. Within 3 ulp.

INLINE VECTOR NAME(tan)(VECTOR x) {
  VECTOR r, rest, cosine;
  MASK n = NAME(quarter_turns)(x, &r, &rest);
  VECTOR sine = NAME(sine_and_cosine)(r, rest, &cosine);
  VECTOR y = (n & 1) != 0 ? -cosine / sine : sine / cosine;
  return x == SPLAT(0) ? x : y;  // -0 stays -0
}

/// atan a for a >= 0: beyond tan(pi/8) as pi/4 + atan((a - 1) / (a + 1)), beyond tan(3 pi/8) as pi/2 - atan(1 / a).
INLINE VECTOR NAME(atan_positive)(VECTOR a) {
  MASK middle = a > SPLAT(0.41421356237309504880), far = a > SPLAT(2.41421356237309504880);
  VECTOR over = far ? SPLAT(-1) : middle ? a - 1.0 : a, under = far ? a : middle ? a + 1.0 : SPLAT(1);
  VECTOR t = over / under, z = t * t;
  VECTOR p = SPLAT(-0.01917688711906226);
  p = p * z + 0.03923165829558719;
  p = p * z + -0.0508544973794026;
  p = p * z + 0.0585814891280221;
  p = p * z + -0.06664511447381948;
  p = p * z + 0.07692183190826087;
  p = p * z + -0.09090904578123903;
  p = p * z + 0.11111111015256361;
  p = p * z + -0.14285714284666542;
  p = p * z + 0.1999999999999552;
  p = p * z + -0.3333333333333333;
  VECTOR base = far ? SPLAT(0x1.921fb54442d18p+0) : middle ? SPLAT(0x1.921fb54442d18p-1) : SPLAT(0);
  VECTOR low = far ? SPLAT(6.123233995736766e-17) : middle ? SPLAT(3.061616997868383e-17) : SPLAT(0);
  return base + (t + (t * z * p + low));
}
INLINE VECTOR NAME(atan)(VECTOR x) { return NAME(with_sign)(NAME(atan_positive)(NAME(magnitude)(x)), x); }

/// The angle of the point (x, y), from the smaller of the two coordinates over the larger.
INLINE VECTOR NAME(atan2)(VECTOR y, VECTOR x) {
  VECTOR a = NAME(magnitude)(y), b = NAME(magnitude)(x);
  MASK steep = a > b;
  VECTOR under = steep ? a : b, over = steep ? b : a, q = over / under;
  q = over == SPLAT(__builtin_inf()) ? SPLAT(1) : q;
  q = under == SPLAT(0) ? SPLAT(0) : q;
  VECTOR r = NAME(atan_positive)(q);
  r = steep ? 0x1.921fb54442d18p+0 - (r - 6.123233995736766e-17) : r;
  r = (MASK)x < 0 ? 0x1.921fb54442d18p+1 - (r - 1.2246467991473532e-16) : r;
  r = NAME(with_sign)(r, y);
  r = x == x ? r : x;
  return y == y ? r : y;
}

/// asin a = a + a z p(z) for z = a^2 <= 1/4: this is z p.
INLINE VECTOR NAME(asin_rest)(VECTOR z) {
  VECTOR p = SPLAT(0.028757851367421566);
  p = p * z + -0.014851887071247204;
  p = p * z + 0.01740087944269402;
  p = p * z + 0.005457506718640358;
  p = p * z + 0.01032281435018578;
  p = p * z + 0.011479177415184906;
  p = p * z + 0.013971212973552933;
  p = p * z + 0.017352392720869973;
  p = p * z + 0.02237217294214989;
  p = p * z + 0.030381944138531247;
  p = p * z + 0.04464285714635543;
  p = p * z + 0.07499999999998433;
  return z * (p * z + 0.16666666666666669);
}
/// The angle whose cosine is a, 1/2 < a <= 1: 2 asin sqrt((1 - a) / 2).
INLINE VECTOR NAME(acos_right)(VECTOR a) {
  VECTOR z = (1.0 - a) * 0.5, s = __builtin_elementwise_sqrt(z);
  return 2.0 * (s + s * NAME(asin_rest)(z));
}
INLINE VECTOR NAME(asin)(VECTOR x) {
  VECTOR a = NAME(magnitude)(x), inner = a + a * NAME(asin_rest)(a * a);
  VECTOR outer = 0x1.921fb54442d18p+0 - (NAME(acos_right)(a) - 6.123233995736766e-17);
  return NAME(with_sign)(a > SPLAT(0.5) ? outer : inner, x);
}
INLINE VECTOR NAME(acos)(VECTOR x) {
  VECTOR a = NAME(magnitude)(x), right = NAME(acos_right)(a);
  VECTOR inner = 0x1.921fb54442d18p+0 - (x + (x * NAME(asin_rest)(x * x) - 6.123233995736766e-17));
  VECTOR left = 0x1.921fb54442d18p+1 - (right - 1.2246467991473532e-16);
  return a > SPLAT(0.5) ? ((MASK)x < 0 ? left : right) : inner;
}

/// sin(pi x) and cos(pi x): whole turns drop out exactly, and the remainder of at most 1/4 is multiplied by pi in two
/// parts.
INLINE VECTOR NAME(sine_of_half_turns)(VECTOR x, VECTOR *cosine) {
  VECTOR m = x - 2.0 * NAME(truncated)(x * 0.5);  // in -2 ... 2, exactly
  VECTOR n = NAME(nearest)(m * 2.0), r = m - n * 0.5;
  VECTOR rh = NAME(head)(r), rl = r - rh, angle = r * 3.141592653589793;
  const double pi_head = 3.1415926218032837, pi_tail = 3.178650954705639e-08;
  VECTOR rest = ((rh * pi_head - angle) + rl * pi_head) + (rh * pi_tail + rl * pi_tail);
  VECTOR c, s = NAME(sine_and_cosine)(angle, rest, &c);
  MASK quarter = __builtin_convertvector(n, MASK);
  MASK odd = quarter & 1;
  *cosine = (VECTOR)((MASK)(odd != 0 ? s : c) ^ (((quarter + 1) & 2) << 62));
  VECTOR y = (VECTOR)((MASK)(odd != 0 ? c : s) ^ ((quarter & 2) << 62));
  return r == SPLAT(0) ? (odd != 0 ? y : SPLAT(0)) : y;
}
