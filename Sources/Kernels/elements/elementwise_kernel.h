// Elementwise functions of one REAL: see elementwise.c. Each loop handles whole vectors, then one masked rest.
#include "vector/mathematics_kernel.h"

#define LOOP(expression)                           \
  {                                                \
    int64_t i = 0;                                 \
    for (; i + LANES <= n; i += LANES) {           \
      VECTOR v = NAME(load)(x + i);                \
      NAME(store)(y + i, expression);              \
    }                                              \
    if (i < n) {                                   \
      VECTOR v = NAME(load_part)(x + i, n - i, 1); \
      NAME(store_part)(y + i, n - i, expression);  \
    }                                              \
  }                                                \
  break
// For long expressions: one copy of the code, with the test for the rest inside the loop.
#define LONG_LOOP(expression)                     \
  for (int64_t i = 0; i < n; i += LANES) {        \
    VECTOR v = NAME(load_up_to)(x + i, n - i, 1); \
    VECTOR result = expression;                   \
    NAME(store_up_to)(y + i, n - i, result);      \
  }                                               \
  break

static void NAME(power)(int64_t n, const REAL *x, REAL *y, double alpha) {
  const VECTOR one = SPLAT(1);
  // The exponents with exact short forms; 0.5 differs from sqrt at -0 and -infinity.
  switch (alpha == 0 ? 0 : alpha == 1 ? 1 : alpha == 2 ? 2 : alpha == 3 ? 3 : alpha == -1 ? 4 : alpha == 0.5 ? 5 : 6) {
    case 0: LOOP(v == v ? one : one);
    case 1: LOOP(v);
    case 2: LOOP(v * v);
    case 3: LOOP(v * v * v);
    case 4: LOOP(one / v);
    case 5: LOOP(__builtin_elementwise_sqrt(v == SPLAT(-__builtin_inf()) ? -v : v + SPLAT(0)));
    default: LONG_LOOP(NAME(pow)(v, SPLAT(alpha)));
  }
}

static void NAME(unary)(int32_t function, int64_t n, const REAL *x, REAL *y, double alpha_wide, double beta_wide) {
  const VECTOR zero = SPLAT(0), one = SPLAT(1), alpha = SPLAT(alpha_wide), beta = SPLAT(beta_wide);
  switch (function) {
    case TAPESTRY_NEGATE: LOOP(-v);
    case TAPESTRY_EXP: LONG_LOOP(NAME(exp)(v));
    case TAPESTRY_LOG: LONG_LOOP(NAME(log)(v));
    case TAPESTRY_SQRT: LOOP(__builtin_elementwise_sqrt(v));
    case TAPESTRY_SQUARE: LOOP(v * v);
    case TAPESTRY_ABS: LOOP(NAME(magnitude)(v));
    case TAPESTRY_SIGN: LOOP(v > zero ? one : v < zero ? -one : v);
    case TAPESTRY_TANH: LONG_LOOP(NAME(tanh)(v));
    case TAPESTRY_SIGMOID: LONG_LOOP(NAME(sigmoid)(v));
    case TAPESTRY_RELU: LOOP(zero > v ? zero : v);
    case TAPESTRY_RECIPROCAL: LOOP(one / v);
    case TAPESTRY_SIN: LONG_LOOP(NAME(sin)(v));
    case TAPESTRY_COS: LONG_LOOP(NAME(cos)(v));
    case TAPESTRY_ERF: LONG_LOOP(NAME(erf)(v));
    case TAPESTRY_LOG1P: LONG_LOOP(NAME(log1p)(v));
    case TAPESTRY_EXPM1: LONG_LOOP(NAME(expm1)(v));
    case TAPESTRY_SOFTPLUS: LONG_LOOP(NAME(softplus)(v));
    case TAPESTRY_AFFINE: LOOP(alpha * v + beta);
    case TAPESTRY_DIVIDE_INTO: LOOP(alpha / v);
    case TAPESTRY_POWER: NAME(power)(n, x, y, alpha_wide); break;
    case TAPESTRY_CLIP: {
      // Named first: a macro argument may not hold two statements.
#define CLIPPED(v) ((v < alpha ? alpha : v) > beta ? beta : v < alpha ? alpha : v)
      LOOP(CLIPPED(v));
#undef CLIPPED
    }
    case TAPESTRY_LEAKY_RELU: LOOP(v > zero ? v : alpha * v);
    case TAPESTRY_ELU: LONG_LOOP(v > zero ? v : alpha * NAME(expm1)(v));
    case TAPESTRY_GELU: LONG_LOOP(NAME(gelu)(v));
    case TAPESTRY_POSITIVE_MASK: LOOP(v > zero ? one : zero);
    case TAPESTRY_ZERO_MASK: LOOP(v == zero ? one : zero);
    default: break;
  }
}
#undef LOOP
#undef LONG_LOOP

#define LOOP(fetch_a, fetch_a_part, fetch_b, fetch_b_part, expression) \
  {                                                                    \
    int64_t i = 0;                                                     \
    for (; i + LANES <= n; i += LANES) {                               \
      VECTOR u = fetch_a, v = fetch_b;                                 \
      NAME(store)(y + i, expression);                                  \
    }                                                                  \
    if (i < n) {                                                       \
      VECTOR u = fetch_a_part, v = fetch_b_part;                       \
      NAME(store_part)(y + i, n - i, expression);                      \
    }                                                                  \
  }
#define LOAD(p) NAME(load)(p + i), NAME(load_part)(p + i, n - i, 1)
#define CONSTANT(p) p##_splat, p##_splat
#define APPLY(macro, ...) macro(__VA_ARGS__)
#define LOOPS(expression)                         \
  if (stride_a == 0) {                            \
    const VECTOR a_splat = SPLAT(*a);             \
    APPLY(LOOP, CONSTANT(a), LOAD(b), expression) \
  } else if (stride_b == 0) {                     \
    const VECTOR b_splat = SPLAT(*b);             \
    APPLY(LOOP, LOAD(a), CONSTANT(b), expression) \
  } else {                                        \
    APPLY(LOOP, LOAD(a), LOAD(b), expression)     \
  }                                               \
  break

/// One row with strides 0 or 1, not both 0.
static void NAME(binary)(
    int32_t function, int64_t n, const REAL *a, int64_t stride_a, const REAL *b, int64_t stride_b, REAL *y) {
  const VECTOR one = SPLAT(1);
  switch (function) {
    case TAPESTRY_ADD: LOOPS(u + v);
    case TAPESTRY_SUBTRACT: LOOPS(u - v);
    case TAPESTRY_MULTIPLY: LOOPS(u * v);
    case TAPESTRY_DIVIDE: LOOPS(u / v);
    case TAPESTRY_MAXIMUM: LOOPS(NAME(larger)(u, v));
    case TAPESTRY_MINIMUM: LOOPS(NAME(smaller)(u, v));
    case TAPESTRY_POW:
      for (int64_t i = 0; i < n; i += LANES) {
        VECTOR u = stride_a ? NAME(load_up_to)(a + i, n - i, 1) : SPLAT(*a);
        VECTOR v = stride_b ? NAME(load_up_to)(b + i, n - i, 1) : SPLAT(*b);
        VECTOR result = NAME(pow)(u, v);
        NAME(store_up_to)(y + i, n - i, result);
      }
      break;
    case TAPESTRY_TANH_GRADIENT: LOOPS(u * (one - v * v));
    case TAPESTRY_SIGMOID_GRADIENT: LOOPS(u * v * (one - v));
    default: break;
  }
}
#undef LOOPS
#undef APPLY
#undef CONSTANT
#undef LOAD
#undef LOOP

/// The first lane that is infinite or NaN, or -1: x - x is 0 for finite numbers alone.
static int64_t NAME(first_nonfinite)(int64_t n, const REAL *x) {
  enum { block = 16 * LANES };
  int64_t i = 0;
  for (; i + block <= n; i += block) {
    VECTOR sum = SPLAT(0);
    for (int64_t j = i; j < i + block; j += LANES) {
      VECTOR v = NAME(load)(x + j);
      sum += v - v;
    }
    REAL any = 0;
    for (int lane = 0; lane < LANES; lane++) any += sum[lane];
    if (any != 0 || any != any) break;
  }
  for (; i < n; i++)
    if (x[i] - x[i] != 0) return i;
  return -1;
}
