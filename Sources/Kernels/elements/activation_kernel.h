// Activations of one REAL: see activation.c.
#include "vector/mathematics_kernel.h"

/// x within -bound ... bound; NaN stays.
INLINE VECTOR NAME(bounded)(VECTOR x, REAL bound) {
  VECTOR y = x > SPLAT(bound) ? SPLAT(bound) : x;
  return y < SPLAT(-bound) ? SPLAT(-bound) : y;
}
INLINE VECTOR NAME(between)(VECTOR x, VECTOR low, VECTOR high) {
  VECTOR y = x < low ? low : x;
  return y > high ? high : y;
}

/// x from -1000 on: gates are 0 long before, and an infinite x must not meet them. NaN stays.
INLINE VECTOR NAME(gated)(VECTOR x) { return x < SPLAT(-1000) ? SPLAT(-1000) : x; }

/// tanh(ln(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2). From 25 on it is 1.
INLINE VECTOR NAME(mish_gate)(VECTOR x) {
  VECTOR e = NAME(exp)(x < SPLAT(25) ? x : SPLAT(25)), n = e * (e + (REAL)2);
  return x == x ? n / (n + (REAL)2) : x;
}
/// t + 4 x e^x (1 + e^x) / (n + 2)^2.
INLINE VECTOR NAME(mish_slope)(VECTOR x) {
  VECTOR v = NAME(gated)(x < SPLAT(25) ? x : SPLAT(25));
  VECTOR e = NAME(exp)(v), n = e * (e + (REAL)2), d = n + (REAL)2;
  VECTOR t = n / d, slope = t + v * ((REAL)4 * e / d) * (((REAL)1 + e) / d);
  return x == x ? slope : x;
}

/// x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3); beyond 100 the cube would overflow, and the sigmoid is 0
/// or 1.
INLINE VECTOR NAME(gelu_gate)(VECTOR x) {
  VECTOR v = NAME(bounded)(x, 100);
  return NAME(sigmoid)((v + (REAL)0.044715 * v * v * v) * (REAL)1.5957691216057308);
}
INLINE VECTOR NAME(gelu_tanh_slope)(VECTOR x) {
  VECTOR v = NAME(bounded)(x, 100), s = NAME(gelu_gate)(x);
  VECTOR inner = ((REAL)1 + (REAL)0.134145 * v * v) * (REAL)1.5957691216057308;
  return s + v * (s * ((REAL)1 - s)) * inner;
}

/// x / (1 + |x|); from 10^30 on the 1 is lost anyhow.
INLINE VECTOR NAME(softsign)(VECTOR x) {
  VECTOR v = NAME(bounded)(x, (REAL)1e30);
  return v / ((REAL)1 + NAME(magnitude)(v));
}

/// x - tanh x: x^3 times a polynomial in x^2 where the two are close.
INLINE VECTOR NAME(tanh_shrink)(VECTOR x) {
  VECTOR z = x * x;
#if IS_DOUBLE
  VECTOR p = SPLAT(-6.975000764238647e-07);
  p = p * z + 4.162262723492026e-06;
  p = p * z + -1.4084425166515292e-05;
  p = p * z + 3.82612234121944e-05;
  p = p * z + -9.651684638043199e-05;
  p = p * z + 0.0002390177332544402;
  p = p * z + -0.000590005289667198;
  p = p * z + 0.001455831296329324;
  p = p * z + -0.0035921277424722058;
  p = p * z + 0.008863235511707769;
  p = p * z + -0.02186948853547906;
  p = p * z + 0.05396825396824083;
  p = p * z + -0.13333333333333322;
#else
  VECTOR p = SPLAT(-0.00030473862139463766f);
  p = p * z + 0.001285205024976424f;
  p = p * z + -0.003537755613185771f;
  p = p * z + 0.00885406740227712f;
  p = p * z + -0.021868740416657182f;
  p = p * z + 0.053968230834772396f;
  p = p * z + -0.1333333332155489f;
#endif
  VECTOR near = x * z * (p * z + (REAL)0.3333333333333333);
  return z < SPLAT(0.5) ? near : x - NAME(tanh)(x);
}

#define LOOP(expression)                          \
  for (int64_t i = 0; i < n; i += LANES) {        \
    VECTOR v = NAME(load_up_to)(x + i, n - i, 1); \
    VECTOR result = expression;                   \
    NAME(store_up_to)(y + i, n - i, result);      \
  }                                               \
  break

static void NAME(activation)(int32_t function, int64_t n, const REAL *x, REAL *y, double alpha_wide, double beta_wide) {
  const VECTOR zero = SPLAT(0), three = SPLAT(3), six = SPLAT(6);
  const VECTOR alpha = SPLAT(alpha_wide), beta = SPLAT(beta_wide), product = SPLAT(alpha_wide * beta_wide);
  switch (function) {
    case TAPESTRY_SILU: LOOP(NAME(gated)(v) * NAME(sigmoid)(v));
    case TAPESTRY_HARD_SWISH: LOOP(NAME(gated)(v) * NAME(between)(v + three, zero, six) / six);
    case TAPESTRY_HARD_SIGMOID: LOOP(NAME(between)(v + three, zero, six) / six);
    case TAPESTRY_HARD_TANH: LOOP(NAME(between)(v, alpha, beta));
    case TAPESTRY_MISH: LOOP(NAME(gated)(v) * NAME(mish_gate)(v));
    case TAPESTRY_SOFTSIGN: LOOP(NAME(softsign)(v));
    case TAPESTRY_SELU: LOOP(v > zero ? alpha * v : product * NAME(expm1)(v));
    case TAPESTRY_CELU: LOOP(v > zero ? v : alpha * NAME(expm1)(v / alpha));
    case TAPESTRY_LOG_SIGMOID: LOOP(-NAME(softplus)(-v));
    case TAPESTRY_SOFT_SHRINK: LOOP(v > alpha ? v - alpha : v < -alpha ? v + alpha : v == v ? zero : v);
    case TAPESTRY_HARD_SHRINK: LOOP(NAME(magnitude)(v) <= alpha ? zero : v);
    case TAPESTRY_TANH_SHRINK: LOOP(NAME(tanh_shrink)(v));
    case TAPESTRY_GELU_TANH: LOOP(NAME(gated)(v) * NAME(gelu_gate)(v));
    default: break;
  }
}
#undef LOOP

#define LOOP(expression)                                                                 \
  for (int64_t i = 0; i < n; i += LANES) {                                               \
    VECTOR u = NAME(load_up_to)(g + i, n - i, 1), v = NAME(load_up_to)(x + i, n - i, 1); \
    VECTOR result = expression;                                                          \
    NAME(store_up_to)(gx + i, n - i, result);                                            \
  }                                                                                      \
  break

INLINE VECTOR NAME(silu_slope)(VECTOR x) {
  VECTOR s = NAME(sigmoid)(x);
  return s * ((REAL)1 + NAME(bounded)(x, 1000) * ((REAL)1 - s));
}
INLINE VECTOR NAME(squared)(VECTOR x) { return x * x; }

static void NAME(activation_gradient)(
    int32_t function, int64_t n, const REAL *g, const REAL *x, REAL *gx, double alpha_wide, double beta_wide) {
  const VECTOR zero = SPLAT(0), one = SPLAT(1), three = SPLAT(3), six = SPLAT(6), half = SPLAT(0.5);
  const VECTOR alpha = SPLAT(alpha_wide), beta = SPLAT(beta_wide), product = SPLAT(alpha_wide * beta_wide);
  switch (function) {
    case TAPESTRY_SILU: LOOP(u * NAME(silu_slope)(v));
    case TAPESTRY_HARD_SWISH: LOOP(v <= -three ? zero : v >= three ? u : u * (v / three + half));
    case TAPESTRY_HARD_SIGMOID: LOOP(NAME(magnitude)(v) < three ? u / six : zero);
    case TAPESTRY_HARD_TANH: LOOP(((v > alpha) & (v < beta)) != 0 ? u : zero);
    case TAPESTRY_MISH: LOOP(u * NAME(mish_slope)(v));
    case TAPESTRY_SOFTSIGN: LOOP(u * NAME(squared)(one / (one + NAME(magnitude)(v))));
    case TAPESTRY_SELU: LOOP(u * (v > zero ? alpha : product * NAME(exp)(v)));
    case TAPESTRY_CELU: LOOP(v > zero ? u : u * NAME(exp)(v / alpha));
    case TAPESTRY_LOG_SIGMOID: LOOP(u * NAME(sigmoid)(-v));
    case TAPESTRY_SOFT_SHRINK:
    case TAPESTRY_HARD_SHRINK: LOOP(NAME(magnitude)(v) <= alpha ? zero : u);
    case TAPESTRY_TANH_SHRINK: LOOP(u * NAME(squared)(NAME(tanh)(v)));
    case TAPESTRY_GELU_TANH: LOOP(u * NAME(gelu_tanh_slope)(v));
    default: break;
  }
}
#undef LOOP

static void NAME(glu)(int64_t n, const REAL *x, const REAL *gate, REAL *y) {
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR v = NAME(load_up_to)(x + i, n - i, 1), w = NAME(load_up_to)(gate + i, n - i, 1);
    VECTOR result = v * NAME(sigmoid)(w);
    NAME(store_up_to)(y + i, n - i, result);
  }
}

static void NAME(glu_gradient)(int64_t n, const REAL *g, const REAL *x, const REAL *gate, REAL *gx, REAL *g_gate) {
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR u = NAME(load_up_to)(g + i, n - i, 1), v = NAME(load_up_to)(x + i, n - i, 1);
    VECTOR s = NAME(sigmoid)(NAME(load_up_to)(gate + i, n - i, 1));
    VECTOR first = u * s, second = first * (v * ((REAL)1 - s));
    NAME(store_up_to)(gx + i, n - i, first);
    NAME(store_up_to)(g_gate + i, n - i, second);
  }
}
