// Error functions and the gamma function's family, in float64; included after mathematics_kernel.h,
// mathematics_rounding.h and mathematics_circular.h.

/// Coefficients from the highest power down.
INLINE VECTOR NAME(polynomial)(int count, const double *coefficients, VECTOR x) {
  VECTOR y = SPLAT(coefficients[0]);
  for (int i = 1; i < count; i++) y = y * x + coefficients[i];
  return y;
}

// MARK: Error functions

INLINE VECTOR NAME(erfc)(VECTOR x) {
  VECTOR a = NAME(magnitude)(x), right = a > SPLAT(0.75) ? a : SPLAT(0.75);
  VECTOR tail = NAME(erfc_right)(right, right, 1), inner = 1.0 - (x + x * NAME(erf_rest)(x * x));
  VECTOR y = a < SPLAT(0.75) ? inner : x < SPLAT(0) ? 2.0 - tail : tail;
  return x == x ? y : x;
}

/// x times a function of w = -ln(1 - x^2), smooth in w near 0 and in its root further out.
INLINE VECTOR NAME(erf_inverse)(VECTOR x) {
  static const double near[] = {
      -6.890747263782666e-20,  3.960001804019825e-18,  -1.0350553716829025e-16, 1.6090319045571103e-15,
      -1.6256824781182754e-14, 1.0889621576168297e-13, -4.720191835482685e-13,  1.3241519030404648e-12,
      -4.024889366473407e-12,  2.163123461334697e-11,  -3.19816551203337e-11,   -5.034243614405025e-10,
      7.328493332230435e-10,   2.2810717376713785e-08, -3.7305538432280765e-08, -1.0125499088838222e-06,
      2.0199875410115092e-06,  4.6611440619793335e-05, -0.00012804329426957493, -0.0023351016416132786,
      0.011549342038271269,    0.23201366653465447,    0.886226925452758};
  static const double middle[] = {
      -2.690294981388183e-09, 3.893885380471021e-09,  1.4731521304805202e-08, -4.635509531707211e-08,
      3.119290856064415e-08,  1.3550551871304654e-07, -5.336226877594434e-07, 7.479415698957349e-07,
      8.884383240253333e-07,  -6.270877591328788e-06, 1.1405593951118076e-05, 2.184049269448833e-06,
      -5.885361285192253e-05, 0.00013610495541553841, -8.955311429703573e-05, -0.00032866218028024046,
      0.0012606698678665287,  -0.0025198826912928205, 0.0037944200159770103,  -0.005301010608496317,
      0.007047884417791018,   1.003718691797925,      2.958320150240462};
  static const double far[] = {
      -1.4386446242363291e-11, 2.6048228659691358e-11,  7.826551524548171e-11, -3.7346007841372697e-10,
      9.87011400656914e-10,    -2.449011385263865e-09,  5.382653799987644e-09, -1.0372598334526127e-08,
      2.0345516823606276e-08,  -5.2295574459178795e-08, 1.955868508334529e-07, -8.872288603049178e-07,
      4.11535735939531e-06,    -1.8062951474179973e-05, 7.010167454796058e-05, -0.00019677853808005522,
      -0.0001773033612940883,  1.0102806778035616,      4.913049587233785};
  VECTOR a = NAME(magnitude)(x);
  VECTOR w = -(a < SPLAT(0.5) ? NAME(log1p)(-(x * x)) : NAME(log)((1.0 - a) * (1.0 + a)));
  VECTOR s = __builtin_elementwise_sqrt(w);
  VECTOR f = w < SPLAT(5)    ? NAME(polynomial)(23, near, w)
             : w < SPLAT(16) ? NAME(polynomial)(23, middle, s - 3.125)
                             : NAME(polynomial)(19, far, s - 5.0625);
  return a == SPLAT(1) ? x * __builtin_inf() : x * f;
}

// MARK: Gamma function

/// ln gamma(a) for a > 0: Stirling's series from 8 on; below, the recurrence leads to 3/2 ... 5/2.
INLINE VECTOR NAME(lgamma_positive)(VECTOR a) {
  static const double around_two[] = {2.7475390051909663e-07,  -5.811277768921246e-07,  9.242852225162277e-07,
                                      -1.9743106888421067e-06, 4.3828545383846665e-06,  -9.45628851510172e-06,
                                      2.050601970174762e-05,   -4.4923727564247656e-05, 9.945761692157133e-05,
                                      -0.00022315497746292723, 0.0005096695196526673,   -0.0011927539009983087,
                                      0.002890510330865901,    -0.007385551028935545,   0.02058080842778338,
                                      -0.06735230105319563,    0.3224670334241132,      0.42278433509846713};
  VECTOR v = a < SPLAT(8) ? a : SPLAT(2), product = SPLAT(1);
  for (int step = 0; step < 6; step++) {
    MASK more = v > SPLAT(2.5);
    v = more ? v - 1.0 : v;
    product = more ? product * v : product;
  }
  // Upwards: gamma(a) = gamma(a + 1) / a, twice below 1/2.
  MASK low = v < SPLAT(0.5), up = v < SPLAT(1.5);
  product = low ? v * (1.0 + v) : up ? v : product;
  VECTOR e = low ? v : up ? v - 1.0 : v - 2.0;
  VECTOR factor = NAME(log)(product), near = e * NAME(polynomial)(18, around_two, e);
  near = up ? near - factor : near + factor;

  VECTOR large = a < SPLAT(8) ? SPLAT(8) : a, r = 1.0 / large, z = r * r;
  VECTOR s = SPLAT(-0.029550653594771242);
  s = s * z + 0.00641025641025641;
  s = s * z + -0.0019175269175269176;
  s = s * z + 0.0008417508417508417;
  s = s * z + -0.0005952380952380953;
  s = s * z + 0.0007936507936507937;
  s = s * z + -0.002777777777777778;
  s = s * z + 0.08333333333333333;
  VECTOR far = (large - 0.5) * (NAME(log)(large) - 1.0) + (0.4189385332046728 + s * r);
  far = a == SPLAT(__builtin_inf()) ? a : far;
  VECTOR y = a < SPLAT(8) ? near : far;
  return a == a ? y : a;
}

/// On the left by reflection, gamma(-a) gamma(1 + a) = -pi / sin(pi a): infinite at 0, -1, ...
INLINE VECTOR NAME(lgamma)(VECTOR x) {
  MASK right = x > SPLAT(0);
  VECTOR a = NAME(magnitude)(x), cosine, sine = NAME(sine_of_half_turns)(right ? SPLAT(0) : a, &cosine);
  VECTOR positive = NAME(lgamma_positive)(right ? a : 1.0 + a);
  VECTOR left = (1.1447298858494002 - NAME(log)(NAME(magnitude)(sine))) - positive;
  left = a == SPLAT(__builtin_inf()) ? a : left;
  VECTOR y = right ? positive : left;
  return x == x ? y : x;
}

/// The derivative of `order` n of psi(x) = gamma'(x) / gamma(x): psi for 0, trigamma for 1. By the recurrence up to a
/// point from which the asymptotic series serves, on the left by reflection:
/// (-1)^n psi_n(1 - x) - psi_n(x) = the n-th derivative of pi cot(pi x), a polynomial of the cotangent.
INLINE VECTOR NAME(polygamma)(int order, VECTOR x) {
  static const double bernoulli[] = {
      0.16666666666666666, -0.03333333333333333, 0.023809523809523808, -0.03333333333333333, 0.07575757575757576,
      -0.2531135531135531, 1.1666666666666667,   -7.092156862745098,   54.971177944862156,   -529.1242424242424};
  const int n = order < 20 ? order : 20;
  double factorial = 1, polynomial[24] = {0, 1}, pi_power = 3.141592653589793;
  for (int k = 2; k <= n; k++) factorial *= k;
  for (int k = 0; k < n; k++) {  // Q' of the cotangent c, times -(1 + c^2)
    double next[24] = {0};
    for (int i = 1; i <= k + 1; i++) {
      next[i - 1] -= i * polynomial[i];
      next[i + 1] -= i * polynomial[i];
    }
    memcpy(polynomial, next, sizeof next);
    pi_power *= 3.141592653589793;
  }
  const double sign = n % 2 ? 1 : -1;  // psi_n of positive numbers, but psi itself, has this sign
  MASK left = x < SPLAT(0);
  VECTOR v = left ? 1.0 - x : x;
  v = v == v ? v : SPLAT(1);

  VECTOR sum = SPLAT(0);
  const double enough = 10 + n;
  for (int step = 0; step < 10 + n; step++) {
    MASK more = v < SPLAT(enough);
    VECTOR term = SPLAT(sign * factorial) / v, inverse = 1.0 / v;
    for (int k = 0; k < n; k++) term *= inverse;
    sum = more ? sum + term : sum;
    v = more ? v + 1.0 : v;
  }
  VECTOR r = 1.0 / v, z = r * r, power = SPLAT(1), series = SPLAT(0);
  for (int k = 0; k < n; k++) power *= r;
  double rising = factorial * (n + 1);  // (2k + n - 1)! / (2k)! for k = 1: (n + 1)! / 2
  VECTOR t = power * z;
  for (int k = 1; k <= 10; k++) {
    double ratio = k == 1 ? rising / 2 : rising;
    series += bernoulli[k - 1] * ratio * t;
    rising = ratio * (2 * k + n) * (2 * k + n + 1) / ((2.0 * k + 1) * (2.0 * k + 2));
    t *= z;
  }
  VECTOR y = n == 0 ? sum + (NAME(log)(v) - 0.5 * r - series)
                    : sum + sign * (power * (factorial / n) + 0.5 * factorial * power * r + series);

  VECTOR cosine, sine = NAME(sine_of_half_turns)(left ? x : SPLAT(0.25), &cosine), c = cosine / sine;
  VECTOR reflected = SPLAT(polynomial[n + 1]);
  for (int k = n; k >= 0; k--) reflected = reflected * c + polynomial[k];
  VECTOR mirrored = (n % 2 ? -y : y) - pi_power * reflected;
  if (n == 0) mirrored = sine == SPLAT(0) ? SPLAT(__builtin_nan("")) : mirrored;
  else mirrored = sine == SPLAT(0) ? SPLAT(n % 2 ? __builtin_inf() : __builtin_nan("")) : mirrored;
  y = left ? mirrored : y;
  VECTOR pole = n % 2 ? SPLAT(__builtin_inf()) : NAME(with_sign)(SPLAT(__builtin_inf()), -x);
  y = x == SPLAT(0) ? pole : y;
  y = x == SPLAT(__builtin_inf()) ? (n == 0 ? x : SPLAT(0)) : y;
  return x == x ? y : x;
}

// MARK: Cardinal sine

/// The derivative of `order` n of f(x) = sin(pi x) / (pi x). Near 0 by f's power series; further out by
/// x f_n + n f_(n-1) = the n-th derivative of sin(pi x) / pi.
INLINE VECTOR NAME(sinc)(int order, VECTOR x) {
  enum { terms = 24 };
  const int n = order < 20 ? order : 20;
  const double pi = 3.141592653589793, border = n == 0 ? 0x1p-20 : n < 4 ? 1 : n / 3.0;
  // (-1)^k pi^2k x^(2k - n) / ((2k + 1) (2k - n)!) for k from n / 2 rounded up on.
  double coefficients[terms], power = 1, factorial = 1;
  const int first = (n + 1) / 2;
  for (int k = 0; k < first; k++) power *= -pi * pi;
  for (int i = 0; i < terms; i++) {
    int k = first + i;
    if (i > 0) {
      power *= -pi * pi;
      factorial *= (double)(2 * k - n) * (2 * k - n - 1);
    }
    coefficients[terms - 1 - i] = power / ((2 * k + 1) * (factorial > 0 ? factorial : 1));
  }
  VECTOR a = NAME(magnitude)(x), small = a < SPLAT(border) ? x : SPLAT(0);
  VECTOR near = NAME(polynomial)(terms, coefficients, small * small);
  if (n % 2) near *= small;

  VECTOR far_x = a < SPLAT(border) ? SPLAT(border) : x;
  VECTOR cosine, sine = NAME(sine_of_half_turns)(far_x, &cosine), f = sine / (pi * far_x);
  double pi_power = 1;
  for (int k = 1; k <= n; k++) {
    VECTOR derivative = k % 2 ? cosine : sine;
    double signed_power = k % 4 == 2 || k % 4 == 3 ? -pi_power : pi_power;
    f = (signed_power * derivative - (double)k * f) / far_x;
    pi_power *= pi;
  }
  VECTOR y = a < SPLAT(border) ? near : f;
  y = a == SPLAT(__builtin_inf()) ? (n == 0 ? SPLAT(0) : SPLAT(__builtin_nan(""))) : y;
  return x == x ? y : x;
}
