// The rarer functions of one REAL: see functions.c. Most exist in float64 only, and float32 goes through them.
#include "vector/mathematics_kernel.h"
#include "vector/mathematics_rounding.h"

#if IS_DOUBLE
#include "vector/mathematics_circular.h"
#include "vector/mathematics_hyperbolic.h"
#include "vector/mathematics_special.h"
#else
INLINE WIDE(vector) NAME(low_half)(VECTOR x) { return __builtin_convertvector(x.lo, WIDE(vector)); }
INLINE WIDE(vector) NAME(high_half)(VECTOR x) { return __builtin_convertvector(x.hi, WIDE(vector)); }
INLINE VECTOR NAME(halves)(WIDE(vector) low, WIDE(vector) high) {
  VECTOR y;
  y.lo = __builtin_convertvector(low, __typeof__(y.lo));
  y.hi = __builtin_convertvector(high, __typeof__(y.hi));
  return y;
}
#endif

// One vector of REAL through a function of float64 vectors; `call(v)` is the function with its other arguments.
#if IS_DOUBLE
#define THROUGH(call) call(v)
#define THROUGH_TWO(call) call(u, v)
#else
#define THROUGH(call) NAME(halves)(call(NAME(low_half)(v)), call(NAME(high_half)(v)))
#define THROUGH_TWO(call) \
  NAME(halves)(call(NAME(low_half)(u), NAME(low_half)(v)), call(NAME(high_half)(u), NAME(high_half)(v)))
#endif
#define LOOP(expression)                          \
  for (int64_t i = 0; i < n; i += LANES) {        \
    VECTOR v = NAME(load_up_to)(x + i, n - i, 1); \
    VECTOR result = expression;                   \
    NAME(store_up_to)(y + i, n - i, result);      \
  }                                               \
  break

static void NAME(function)(int32_t function, int64_t n, const REAL *x, REAL *y, double alpha) {
  const int order = (int)alpha;
  switch (function) {
    case TAPESTRY_TAN: LOOP(THROUGH(WIDE(tan)));
    case TAPESTRY_ASIN: LOOP(THROUGH(WIDE(asin)));
    case TAPESTRY_ACOS: LOOP(THROUGH(WIDE(acos)));
    case TAPESTRY_ATAN: LOOP(THROUGH(WIDE(atan)));
    case TAPESTRY_SINH: LOOP(THROUGH(WIDE(sinh)));
    case TAPESTRY_COSH: LOOP(THROUGH(WIDE(cosh)));
    case TAPESTRY_ASINH: LOOP(THROUGH(WIDE(asinh)));
    case TAPESTRY_ACOSH: LOOP(THROUGH(WIDE(acosh)));
    case TAPESTRY_ATANH: LOOP(THROUGH(WIDE(atanh)));
    case TAPESTRY_EXP2: LOOP(THROUGH(WIDE(exp2)));
    case TAPESTRY_LOG2: LOOP(THROUGH(WIDE(log2)));
    case TAPESTRY_LOG10: LOOP(THROUGH(WIDE(log10)));
    case TAPESTRY_RSQRT: LOOP((REAL)1 / __builtin_elementwise_sqrt(v));
    case TAPESTRY_FLOOR: LOOP(NAME(floor)(v));
    case TAPESTRY_CEIL: LOOP(NAME(ceil)(v));
    case TAPESTRY_ROUND: LOOP(NAME(nearest)(v));
    case TAPESTRY_TRUNCATE: LOOP(NAME(truncated)(v));
    case TAPESTRY_ERFC: LOOP(THROUGH(WIDE(erfc)));
    case TAPESTRY_ERF_INVERSE: LOOP(THROUGH(WIDE(erf_inverse)));
    case TAPESTRY_LGAMMA: LOOP(THROUGH(WIDE(lgamma)));
#define CALL(v) WIDE(polygamma)(order, v)
    case TAPESTRY_POLYGAMMA: LOOP(THROUGH(CALL));
#undef CALL
#define CALL(v) WIDE(sinc)(order, v)
    case TAPESTRY_SINC: LOOP(THROUGH(CALL));
#undef CALL
    default: break;
  }
}
#undef LOOP

/// sqrt(u^2 + v^2) in units of the larger; infinite if either is, NaN or not.
INLINE VECTOR NAME(hypot)(VECTOR u, VECTOR v) {
  const VECTOR infinity = SPLAT(__builtin_inf());
  VECTOR a = NAME(magnitude)(u), b = NAME(magnitude)(v), large = a > b ? a : b, small = a > b ? b : a;
  VECTOR ratio = large == SPLAT(0) ? SPLAT(0) : small / large;
  VECTOR y = large * __builtin_elementwise_sqrt((REAL)1 + ratio * ratio);
  return ((a == infinity) | (b == infinity)) != 0 ? infinity : y;
}

INLINE VECTOR NAME(xlogy)(VECTOR u, VECTOR v) {
  VECTOR y = u * NAME(log)(v);
  return ((u == SPLAT(0)) & (v == v)) != 0 ? SPLAT(0) : y;
}

#define FETCH                                                          \
  VECTOR u = stride_a ? NAME(load_up_to)(a + i, n - i, 1) : SPLAT(*a); \
  VECTOR v = stride_b ? NAME(load_up_to)(b + i, n - i, 1) : SPLAT(*b)
#define LOOP(expression)                     \
  for (int64_t i = 0; i < n; i += LANES) {   \
    FETCH;                                   \
    VECTOR result = expression;              \
    NAME(store_up_to)(y + i, n - i, result); \
  }                                          \
  break
#define LANE_LOOP(expression)                                        \
  for (int64_t i = 0; i < n; i++) {                                  \
    double u = (double)a[i * stride_a], v = (double)b[i * stride_b]; \
    y[i] = (REAL)(expression);                                       \
  }                                                                  \
  break

/// One row with strides 0 or 1, not both 0.
static void NAME(function_of_two)(
    int32_t function, int64_t n, const REAL *a, int64_t stride_a, const REAL *b, int64_t stride_b, REAL *y) {
  switch (function) {
    case TAPESTRY_ATAN2: LOOP(THROUGH_TWO(WIDE(atan2)));
    case TAPESTRY_HYPOT: LOOP(NAME(hypot)(u, v));
    case TAPESTRY_REMAINDER: LANE_LOOP(flooring_remainder(u, v));
    case TAPESTRY_TRUNCATING_REMAINDER: LANE_LOOP(truncating_remainder(u, v));
    case TAPESTRY_XLOGY: LOOP(NAME(xlogy)(u, v));
    case TAPESTRY_LOG_ADD_EXP: LOOP(THROUGH_TWO(WIDE(log_add_exp)));
    case TAPESTRY_PRELU: LOOP(u > SPLAT(0) ? u : v * u);
    default: break;
  }
}
#undef LANE_LOOP
#undef LOOP
#undef FETCH
#undef THROUGH_TWO
#undef THROUGH
