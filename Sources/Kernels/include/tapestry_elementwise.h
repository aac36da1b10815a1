// Elementwise mathematics. The output may be the same memory as an input of the same size.
// NaN passes through everything, also through relu, maximum and minimum.
#ifndef TAPESTRY_ELEMENTWISE_H
#define TAPESTRY_ELEMENTWISE_H

#include <stdbool.h>
#include <stdint.h>

/// Unary functions y = f(x; alpha, beta). Results are within 2 ulp of the exact value on the normal range
/// (tanh 2.2; GELU in float64 5); infinities, zeros and NaN as in C's mathematics library.
enum {
  TAPESTRY_NEGATE = 0,
  TAPESTRY_EXP,
  TAPESTRY_LOG,
  TAPESTRY_SQRT,
  TAPESTRY_SQUARE,
  TAPESTRY_ABS,
  TAPESTRY_SIGN,  // -1, 0, 1
  TAPESTRY_TANH,
  TAPESTRY_SIGMOID,
  TAPESTRY_RELU,
  TAPESTRY_RECIPROCAL,
  TAPESTRY_SIN,
  TAPESTRY_COS,
  TAPESTRY_ERF,
  TAPESTRY_LOG1P,
  TAPESTRY_EXPM1,
  TAPESTRY_SOFTPLUS,     // ln(1 + e^x), stable at both ends
  TAPESTRY_AFFINE,       // alpha * x + beta
  TAPESTRY_DIVIDE_INTO,  // alpha / x
  TAPESTRY_POWER,  // x to the alpha; whole alpha allows negative x; alpha 0, 1, 2, 3, -1, 0.5 are exact short forms
  TAPESTRY_CLIP,   // min(max(x, alpha), beta)
  TAPESTRY_LEAKY_RELU,     // x > 0 ? x : alpha x
  TAPESTRY_ELU,            // x > 0 ? x : alpha (e^x - 1)
  TAPESTRY_GELU,           // x / 2 (1 + erf(x / sqrt 2))
  TAPESTRY_POSITIVE_MASK,  // x > 0 ? 1 : 0  (NaN: 0)
  TAPESTRY_ZERO_MASK,      // x == 0 ? 1 : 0
  // The rarer functions, of functions.c: within 4 ulp, where the value is not near a zero of lgamma and polygamma.
  TAPESTRY_TAN,
  TAPESTRY_ASIN,
  TAPESTRY_ACOS,
  TAPESTRY_ATAN,
  TAPESTRY_SINH,
  TAPESTRY_COSH,
  TAPESTRY_ASINH,
  TAPESTRY_ACOSH,
  TAPESTRY_ATANH,
  TAPESTRY_EXP2,
  TAPESTRY_LOG2,
  TAPESTRY_LOG10,
  TAPESTRY_RSQRT,  // 1 / sqrt x
  TAPESTRY_FLOOR,
  TAPESTRY_CEIL,
  TAPESTRY_ROUND,  // halves to even
  TAPESTRY_TRUNCATE,
  TAPESTRY_ERFC,
  TAPESTRY_ERF_INVERSE,
  TAPESTRY_LGAMMA,     // ln |gamma(x)|
  TAPESTRY_POLYGAMMA,  // the derivative of order alpha (0 ... 20) of gamma'(x) / gamma(x)
  TAPESTRY_SINC,       // the derivative of order alpha (0 ... 20) of sin(pi x) / (pi x)
  // The activations of activation.c, whose derivatives are kernels too.
  TAPESTRY_SILU,          // x sigmoid(x)
  TAPESTRY_HARD_SWISH,    // x min(max(x + 3, 0), 6) / 6
  TAPESTRY_HARD_SIGMOID,  // min(max(x + 3, 0), 6) / 6
  TAPESTRY_HARD_TANH,     // min(max(x, alpha), beta), with the slope 0 at both bounds
  TAPESTRY_MISH,          // x tanh(ln(1 + e^x))
  TAPESTRY_SOFTSIGN,      // x / (1 + |x|)
  TAPESTRY_SELU,          // alpha x for x > 0, else alpha beta (e^x - 1)
  TAPESTRY_CELU,          // x for x > 0, else alpha (e^(x / alpha) - 1)
  TAPESTRY_LOG_SIGMOID,   // -ln(1 + e^-x)
  TAPESTRY_SOFT_SHRINK,   // x - alpha for x > alpha, x + alpha for x < -alpha, else 0
  TAPESTRY_HARD_SHRINK,   // x where |x| > alpha, else 0
  TAPESTRY_TANH_SHRINK,   // x - tanh x
  TAPESTRY_GELU_TANH,     // x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  TAPESTRY_UNARY_COUNT
};

/// y[i] = f(x[i]) for i < count. float32 and float64: all functions; int32 and int64: NEGATE, SQUARE, ABS, SIGN,
/// RELU, AFFINE, CLIP (in 64-bit wrapping arithmetic).
void tapestry_unary(int32_t function, int32_t dtype, int64_t count, const void *x, void *y, double alpha, double beta);

/// y[i] = max(x[i], 0) as TAPESTRY_RELU, and bit i % 32 of mask[i / 32] = x[i] > 0 (NaN: 0); the bits behind the last
/// are 0. float32 and float64.
void tapestry_relu_masked(int32_t dtype, int64_t count, const void *x, void *y, uint32_t *mask);

/// gx[i] = g[i] where the mask's bit is set, else 0; gx may be g.
void tapestry_relu_masked_gradient(int32_t dtype, int64_t count, const void *g, const uint32_t *mask, void *gx);

/// Binary functions y = f(a, b).
enum {
  TAPESTRY_ADD = 0,
  TAPESTRY_SUBTRACT,
  TAPESTRY_MULTIPLY,
  TAPESTRY_DIVIDE,
  TAPESTRY_MAXIMUM,
  TAPESTRY_MINIMUM,
  TAPESTRY_POW,               // a to the b
  TAPESTRY_TANH_GRADIENT,     // a (1 - b b), b = tanh x
  TAPESTRY_SIGMOID_GRADIENT,  // a b (1 - b), b = sigmoid x
  TAPESTRY_ATAN2,             // the angle of the point (b, a)
  TAPESTRY_HYPOT,
  TAPESTRY_REMAINDER,             // a - b floor(a / b)
  TAPESTRY_TRUNCATING_REMAINDER,  // a - b trunc(a / b), exact
  TAPESTRY_XLOGY,                 // a ln b, 0 where a = 0 unless b is NaN
  TAPESTRY_LOG_ADD_EXP,           // ln(e^a + e^b)
  TAPESTRY_PRELU,                 // a for a > 0, else b a
  TAPESTRY_BINARY_COUNT
};

/// y = f(a, b) over a row-major index space of `rank` axes (0 ... 6) with `sizes`; y is dense, `strides_a` and
/// `strides_b` count elements and are 0 along broadcast axes. Equal dense shapes are rank 1 with strides 1.
/// The kernel merges axes where the strides allow it, so callers need not. float32 and float64: all; int32 and
/// int64: ADD to MINIMUM and the remainders (division truncates; by zero all give 0).
void tapestry_binary(
    int32_t function, int32_t dtype, int32_t rank, const int64_t *sizes, const int64_t *strides_a,
    const int64_t *strides_b, const void *a, const void *b, void *y);

/// gx[i] = g[i] f'(x[i]; alpha, beta), for the functions f from TAPESTRY_SILU on. float32 and float64.
void tapestry_activation_gradient(
    int32_t function, int32_t dtype, int64_t count, const void *g, const void *x, void *gx, double alpha, double beta);

/// Gated linear units: x is [outer, 2, half], y[o, i] = x[o, 0, i] sigmoid(x[o, 1, i]); the gradient gx is shaped like
/// x.
void tapestry_glu(int32_t dtype, int64_t outer, int64_t half, const void *x, void *y);
void tapestry_glu_gradient(int32_t dtype, int64_t outer, int64_t half, const void *g, const void *x, void *gx);

/// y[i] = x[i], but `nan` for NaN, `positive` and `negative` for infinities. float32 and float64.
void tapestry_replace_nonfinite(
    int32_t dtype, int64_t count, const void *x, void *y, double nan, double positive, double negative);

/// y[i] = start + weight (end - start), indexed as in tapestry_select. float32 and float64.
void tapestry_lerp(
    int32_t dtype, int32_t rank, const int64_t *sizes, const int64_t *strides_start, const int64_t *strides_end,
    const int64_t *strides_weight, const void *start, const void *end, const void *weight, void *y);

/// Comparisons; the output is TAPESTRY_BOOL.
enum {
  TAPESTRY_EQUAL = 0,
  TAPESTRY_NOT_EQUAL,
  TAPESTRY_LESS,
  TAPESTRY_LESS_EQUAL,
  TAPESTRY_GREATER,
  TAPESTRY_GREATER_EQUAL,
  TAPESTRY_AND,  // of masks
  TAPESTRY_OR
};

/// y = a (comparison) b, indexed as in tapestry_binary; all dtypes, AND and OR of TAPESTRY_BOOL only.
void tapestry_compare(
    int32_t comparison, int32_t dtype, int32_t rank, const int64_t *sizes, const int64_t *strides_a,
    const int64_t *strides_b, const void *a, const void *b, uint8_t *y);

/// y = condition ? a : b, indexed likewise; a NaN in the value not chosen stays out. All dtypes.
void tapestry_select(
    int32_t dtype, int32_t rank, const int64_t *sizes, const int64_t *strides_condition, const int64_t *strides_a,
    const int64_t *strides_b, const uint8_t *condition, const void *a, const void *b, void *y);

/// accumulator[i] += x[i]. float32, float64, int32, int64.
void tapestry_accumulate(int32_t dtype, int64_t count, const void *x, void *accumulator);

/// y[i] = value, rounded once to dtype.
void tapestry_fill(int32_t dtype, int64_t count, double value, void *y);

/// y[i] = start + i * step, for all dtypes but bool.
void tapestry_ramp(int32_t dtype, int64_t count, double start, double step, void *y);

/// y[i] = (to) x[i]. Between floating types rounded to nearest; floating to integer truncates, saturates, NaN gives 0;
/// to bool: x != 0.
void tapestry_convert(int32_t from, int32_t to, int64_t count, const void *x, void *y);

/// Index of the first NaN or infinity, or -1. Integers and bools: always -1.
int64_t tapestry_first_nonfinite(int32_t dtype, int64_t count, const void *x);

/// Scalar functions for callers that link no mathematics library.
double tapestry_exp(double x);
double tapestry_log(double x);
double tapestry_sqrt(double x);
double tapestry_sin(double x);
double tapestry_cos(double x);
double tapestry_pow(double x, double y);

#endif
