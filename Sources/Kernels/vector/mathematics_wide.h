// The functions that exist in float64 only (float32 goes through them); included by mathematics_kernel.h.

// MARK: Sine and cosine

#ifndef TAPESTRY_FAR_ANGLE
#define TAPESTRY_FAR_ANGLE
/// 2/pi in binary, from 2^-1 on.
static const uint64_t tapestry_two_over_pi[20] = {
    0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
    0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4,
    0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d};

/// 64 bits of 2/pi from bit `position` on (bit 0 is worth 2^-1); bits before it are 0.
static inline uint64_t tapestry_angle_bits(int position) {
  if (position <= -64) return 0;
  if (position < 0) return tapestry_two_over_pi[0] >> -position;
  int word = position / 64, shift = position % 64;
  return shift == 0 ? tapestry_two_over_pi[word]
                    : tapestry_two_over_pi[word] << shift | tapestry_two_over_pi[word + 1] >> (64 - shift);
}

/// |x| >= 2^20 as n quarter turns (mod 4) and the remainder high + low in radians (Payne and Hanek 1983): of the
/// product of x = m 2^e and 2/pi only 192 bits matter, because whole turns drop out above and precision ends below.
static inline int64_t tapestry_far_angle(double x, double *high, double *low) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  int e = (int)(bits >> 52 & 0x7ff) - 1075;
  uint64_t m = (bits & 0xfffffffffffff) | 0x10000000000000;
  // Bits of 2/pi worth 2^(-e + 1) ... : times m 2^e they are worth 2^1 m and below; what is left out is a multiple
  // of 4.
  uint64_t w0 = tapestry_angle_bits(e - 2), w1 = tapestry_angle_bits(e + 62), w2 = tapestry_angle_bits(e + 126);
  // The window is W = w0 2^128 + w1 2^64 + w2 in units of 2^-190; m W mod 2^192 counts 2^-190 quarter turns.
  unsigned __int128 p2 = (unsigned __int128)m * w2, p1 = (unsigned __int128)m * w1 + (uint64_t)(p2 >> 64);
  uint64_t r0 = m * w0 + (uint64_t)(p1 >> 64), r1 = (uint64_t)p1;
  int64_t n = (int64_t)(r0 >> 62);
  unsigned __int128 fraction = ((unsigned __int128)r0 << 64 | r1) << 2;  // in units of 2^-128
  bool up = fraction >> 127;
  if (up) {  // to the nearer quarter: the remainder is in -1/2 ... 1/2
    n++;
    fraction = -fraction;
  }
  // The leading 53 bits and the next 53 as two numbers.
  double a = 0, b = 0;
  if (fraction != 0) {
    uint64_t top = (uint64_t)(fraction >> 64);
    int zeros = top ? __builtin_clzll(top) : 64 + __builtin_clzll((uint64_t)fraction);
    unsigned __int128 normal = fraction << zeros;
    union {
      double value;
      uint64_t bits;
    } scale = {.bits = (uint64_t)(1023 - 53 - zeros) << 52};
    union {
      double value;
      uint64_t bits;
    } scale_low = {.bits = (uint64_t)(1023 - 106 - zeros) << 52};
    a = (double)(int64_t)(uint64_t)(normal >> 75) * scale.value;
    b = (double)(int64_t)((uint64_t)(normal >> 22) & 0x1fffffffffffff) * scale_low.value;
  }
  // Times pi/2 = 0x1.921fb54442d18p+0 + 0x1.1a62633145c07p-54, the product of the heads exact by splitting.
  const double head = 0x1.921fb54p+0, middle = 0x1.10b4611a62633p-30;
  double a_head = (double)(float)a, a_tail = a - a_head;
  double product = a_head * head;
  double rest = a_tail * head + (a * middle + b * 0x1.921fb54442d18p+0);
  double sum = product + rest, lost = (product - sum) + rest;
  *high = (x < 0) != up ? -sum : sum;
  *low = (x < 0) != up ? -lost : lost;
  return x < 0 ? -n : n;
}
#endif

/// x as n quarter turns and the remainder r + rest in radians, found with pi/2 in four parts, three of them of 33 bits,
/// whose products with n < 2^20 are exact.
INLINE MASK NAME(quarter_turns)(VECTOR x, VECTOR *remainder, VECTOR *remainder_low) {
  MASK far = !(NAME(magnitude)(x) < SPLAT(0x1p20));
  VECTOR near_x = far ? SPLAT(0) : x;
  VECTOR shifted = near_x * 0.63661977236758134308 + ROUNDER;
  MASK n = (MASK)shifted - (MASK)SPLAT(ROUNDER);
  VECTOR whole = shifted - ROUNDER;
  VECTOR a = near_x - whole * 0x1.921fb544p+0;
  VECTOR part = whole * 0x1.0b4611a6p-34, b = a - part;
  VECTOR t = b - a, lost = (a - (b - t)) - (part + t);  // a - part = b + lost exactly
  part = whole * 0x1.3198a2ep-69;
  VECTOR tail = lost - (part + whole * 0x1.b839a252049c1p-104);
  VECTOR r = b + tail, rest = (b - r) + tail;
  MASK any = far & (MASK)(near_x == near_x);
  for (int lane = 0; lane < LANES; lane++)
    if (__builtin_expect(any[lane] != 0, 0)) {
      double v = x[lane], high, low;
      if (v - v != 0) {  // infinite or NaN
        r[lane] = __builtin_nan("");
        continue;
      }
      n[lane] = tapestry_far_angle(v, &high, &low);
      r[lane] = high;
      rest[lane] = low;
    }
  *remainder = r;
  *remainder_low = rest;
  return n;
}

/// The sine and the cosine of r + rest, |r| <= pi/4.
INLINE VECTOR NAME(sine_and_cosine)(VECTOR r, VECTOR rest, VECTOR *cosine) {
  VECTOR z = r * r;
  VECTOR s = SPLAT(1.5918127082718618e-10);
  s = s * z + -2.5051131814298756e-08;
  s = s * z + 2.7557316102405114e-06;
  s = s * z + -0.0001984126983675829;
  s = s * z + 0.008333333333330948;
  s = s * z + -0.16666666666666666;
  VECTOR sine = r + (r * z * s + rest * (1.0 - 0.5 * z));
  VECTOR c = SPLAT(-1.1382631041621262e-11);
  c = c * z + 2.0876146249194634e-09;
  c = c * z + -2.755731727163763e-07;
  c = c * z + 2.480158729876551e-05;
  c = c * z + -0.0013888888888887398;
  c = c * z + 0.041666666666666664;
  VECTOR half = 0.5 * z, w = 1.0 - half;
  *cosine = w + (((1.0 - w) - half) + (z * z * c - r * rest));
  return sine;
}

/// sin(x + quarter turns).
INLINE VECTOR NAME(sine)(VECTOR x, REAL_INT quarters) {
  VECTOR r, rest, cosine;
  MASK n = NAME(quarter_turns)(x, &r, &rest) + quarters;
  VECTOR sine = NAME(sine_and_cosine)(r, rest, &cosine);
  VECTOR y = (n & 1) != 0 ? cosine : sine;
  y = (VECTOR)((MASK)y ^ ((n & 2) << 62));
  return quarters == 0 ? (x == SPLAT(0) ? x : y) : y;  // -0 stays -0
}
INLINE VECTOR NAME(sin)(VECTOR x) { return NAME(sine)(x, 0); }
INLINE VECTOR NAME(cos)(VECTOR x) { return NAME(sine)(x, 1); }

// MARK: Error function

/// The half of a number that has at most 26 significant bits: products of two such are exact.
INLINE VECTOR NAME(head)(VECTOR x) { return (VECTOR)((MASK)x & ~(REAL_INT)0x7ffffff); }

/// 1 - erf x for x >= 3/4: e^(-x^2) / (1 + 2x) times a slowly varying function of x, fitted in t = (x - 3) / (x + 3).
/// The square is passed, scale v^2: its rounding would be magnified 2 x^2 times, so v is split to find it in two parts.
INLINE VECTOR NAME(erfc_right)(VECTOR x, VECTOR v, double scale) {
  x = x > SPLAT(40) ? SPLAT(40) : x;  // there all is 0
  v = v > SPLAT(40) ? SPLAT(40) : v;
  VECTOR t = (x - 3.0) / (x + 3.0);
  VECTOR c = SPLAT(-1.1418115133494937e-08);
  c = c * t + 1.0859169095127807e-07;
  c = c * t + -6.618546852720672e-08;
  c = c * t + -6.511257597936046e-07;
  c = c * t + 3.078244898516307e-07;
  c = c * t + 3.5036225655867095e-06;
  c = c * t + -7.139918954031167e-07;
  c = c * t + -2.0114501939785845e-05;
  c = c * t + 4.945850228502425e-06;
  c = c * t + 0.00012510294530364443;
  c = c * t + -0.00010515936826308141;
  c = c * t + -0.0007798328279112202;
  c = c * t + 0.001888690332355618;
  c = c * t + 0.002529391866642988;
  c = c * t + -0.023770514917980722;
  c = c * t + 0.06830802734147084;
  c = c * t + -0.11927366341530697;
  c = c * t + 0.1296451587028176;
  c = c * t + -0.04756229435345092;
  c = c * t + -0.13562110612458156;
  c = c * t + 1.2530080582697296;
  VECTOR h = NAME(head)(v);  // v^2 = h^2 + (v + h)(v - h)
  return NAME(exp_of_sum)(-scale * (h * h), -scale * ((v + h) * (v - h))) * (c / (1.0 + 2.0 * x));
}

/// erf x = x + x p(x^2) for |x| <= 1: this is p.
INLINE VECTOR NAME(erf_rest)(VECTOR z) {
  VECTOR p = SPLAT(5.957176147748911e-11);
  p = p * z + -1.1372848856791674e-09;
  p = p * z + 1.4659775274047436e-08;
  p = p * z + -1.6350312701054695e-07;
  p = p * z + 1.6461000484121368e-06;
  p = p * z + -1.4925595266831182e-05;
  p = p * z + 0.0001205533111164271;
  p = p * z + -0.000854832698083379;
  p = p * z + 0.0052239776248180145;
  p = p * z + -0.026866170645076792;
  p = p * z + 0.11283791670954879;
  p = p * z + -0.3761263890318375;
  return p * z + 0.1283791670955126;
}

INLINE VECTOR NAME(erf)(VECTOR x) {
  VECTOR a = NAME(magnitude)(x);
  VECTOR inner = x + x * NAME(erf_rest)(x * x);
  VECTOR right = a > SPLAT(0.75) ? a : SPLAT(0.75);
  VECTOR outer = NAME(with_sign)(1.0 - NAME(erfc_right)(right, right, 1), x);
  VECTOR y = a < SPLAT(1) ? inner : outer;
  return x == x ? y : x;
}

/// x / 2 (1 + erf u), u = x / sqrt 2; on the left 1 + erf u = 1 - erf |u| without cancellation.
INLINE VECTOR NAME(gelu)(VECTOR x) {
  VECTOR u = x * 0.70710678118654752440, a = NAME(magnitude)(u);
  VECTOR inner = 1.0 + (u + u * NAME(erf_rest)(u * u));
  VECTOR tail = NAME(erfc_right)(a > SPLAT(0.75) ? a : SPLAT(0.75), NAME(magnitude)(x), 0.5);
  VECTOR twice = a < SPLAT(0.75) ? inner : x < SPLAT(0) ? tail : 2.0 - tail;
  VECTOR y = 0.5 * x * twice;
  y = x == SPLAT(-__builtin_inf()) ? SPLAT(-0.0) : y;
  return x == x ? y : x;
}

// MARK: Powers

/// ln a for finite a > 0, in two parts.
INLINE VECTOR NAME(log_in_parts)(VECTOR a, VECTOR *low) {
  VECTOR k, f = NAME(log_reduce)(a, &k);
  // s + s_low = f / (2 + f): the quotient and what its product with the divisor leaves.
  VECTOR d = f + 2.0, d_low = f - (d - 2.0), s = f / d;
  VECTOR sh = NAME(head)(s), sl = s - sh, dh = NAME(head)(d), dl = d - dh;
  VECTOR s_low = ((((f - sh * dh) - sh * dl) - sl * dh) - sl * dl - s * d_low) / d;
  // ln(1 + f) = 2 s + 2/3 s^3 + s^5 w(s^2); the cube in two parts as well.
  VECTOR z = s * s, z_low = ((sh * sh - z) + 2.0 * sh * sl) + sl * sl + 2.0 * s * s_low;
  VECTOR w = SPLAT(0.12913609606437132);
  w = w * z + 0.13285958087797103;
  w = w * z + 0.15385574776827135;
  w = w * z + 0.18181808247814057;
  w = w * z + 0.2222222227110069;
  w = w * z + 0.2857142857133851;
  w = w * z + 0.40000000000000024;
  // c + c_low = 2/3 z, then times s.
  VECTOR zh = NAME(head)(z), zl = z - zh;
  const double third = 0x1.555555p-1, third_low = 0x1.5555555555555p-27;  // 2/3
  VECTOR c = zh * third, c_low = zl * third + (z * third_low + z_low * 0x1.5555555555555p-1);
  VECTOR ch = NAME(head)(c + c_low), cl = (c - ch) + c_low;
  VECTOR cube = sh * ch, cube_low = sl * ch + (s * cl + s_low * (ch + cl)) + s * z * z * w;
  // k LN2_HIGH is exact; sum largest first, keeping what each addition loses.
  VECTOR base = k * LN2_HIGH, twice = 2.0 * s;
  VECTOR sum = base + twice, from = sum - base, lost = (base - (sum - from)) + (twice - from);
  VECTOR high = sum + cube;
  from = high - sum;
  lost += (sum - (high - from)) + (cube - from);
  lost += 2.0 * s_low + (cube_low + k * LN2_LOW);
  VECTOR log_high = high + lost;
  *low = (high - log_high) + lost;
  return log_high;
}

/// x^e = e^(e ln |x|) with the logarithm in two parts, because its error is multiplied by up to 745.
INLINE VECTOR NAME(pow)(VECTOR x, VECTOR e) {
  VECTOR a = NAME(magnitude)(x), log_low, log_high = NAME(log_in_parts)(a, &log_low);
  log_high = a == SPLAT(0) ? SPLAT(-__builtin_inf()) : a == SPLAT(__builtin_inf()) ? a : log_high;
  log_high = a == a ? log_high : a;
  // e (log_high + log_low)
  VECTOR eh = NAME(head)(e), el = e - eh, lh = NAME(head)(log_high), ll = log_high - lh;
  VECTOR p = e * log_high;
  VECTOR p_low = (((eh * lh - p) + eh * ll) + el * lh) + el * ll + e * log_low;
  p_low = NAME(magnitude)(p) < SPLAT(800) ? p_low : SPLAT(0);
  VECTOR y = NAME(exp_of_sum)(p, p_low);

  // Signs and limits as in C. A whole e is odd if half of it is not whole.
  VECTOR ae = NAME(magnitude)(e), half = ae * 0.5;
  MASK large = !(ae < SPLAT(0x1p52));
  MASK whole = large | ((ae + 0x1p52) - 0x1p52 == ae);
  MASK odd = whole & (ae < SPLAT(0x1p53)) & !((half + 0x1p52) - 0x1p52 == half);
  MASK negative = (MASK)x < 0;
  y = (negative & odd) != 0 ? -y : y;
  y = (negative & ~whole & (x > SPLAT(-__builtin_inf())) & (x < SPLAT(0))) != 0 ? SPLAT(__builtin_nan("")) : y;
  y = ((a == SPLAT(1)) & (ae == SPLAT(__builtin_inf()))) != 0 ? SPLAT(1) : y;
  y = x == x ? y : x;
  y = e == e ? y : e;
  return ((x == SPLAT(1)) | (e == SPLAT(0))) != 0 ? SPLAT(1) : y;
}
