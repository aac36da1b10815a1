// Trigonometric, hyperbolic, rounding and special functions: see functions_kernel.h.
#include "elements/functions.h"

#include "include/tapestry_elementwise.h"
#include "include/tapestry_machine.h"
#include "include/tapestry_threads.h"
#include "runtime/indexing.h"

#include <stdbool.h>
#include <string.h>

/// a - b trunc(a / b), exactly: long division of the significands, eleven bits a step, as many as fit into 64.
static double truncating_remainder(double a, double b) {
  uint64_t u, v;
  memcpy(&u, &a, sizeof u);
  memcpy(&v, &b, sizeof v);
  const uint64_t sign = u & 0x8000000000000000, hidden = 0x10000000000000;
  u ^= sign;
  v &= 0x7fffffffffffffff;
  if (v == 0 || u >= 0x7ff0000000000000 || v > 0x7ff0000000000000) return __builtin_nan("");
  if (u < v) return a;
  int eu = (int)(u >> 52), ev = (int)(v >> 52);
  u = eu ? (u & (hidden - 1)) | hidden : u;
  v = ev ? (v & (hidden - 1)) | hidden : v;
  int difference = (eu ? eu : 1) - (ev ? ev : 1), exponent = ev ? ev : 1;
  u %= v;
  for (; difference > 0 && u != 0; difference -= 11) {
    u <<= difference < 11 ? difference : 11;
    u %= v;
  }
  // u 2^(exponent - 1075), normalised if it can be.
  if (u != 0) {
    int shift = __builtin_clzll(u) - 11;
    if (shift >= exponent) shift = exponent - 1;
    u <<= shift;
    exponent -= shift;
    u = u & hidden ? (u & (hidden - 1)) | (uint64_t)exponent << 52 : u;
  }
  u |= sign;
  double r;
  memcpy(&r, &u, sizeof r);
  return r;
}

/// a - b floor(a / b): the sign of b.
static double flooring_remainder(double a, double b) {
  double r = truncating_remainder(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

#define REAL_SOURCE "elements/functions_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

void tapestry_function(int32_t function, int32_t dtype, int64_t n, const void *x, void *y, double alpha) {
  if (dtype == TAPESTRY_FLOAT32) DISPATCH(function_f32)(function, n, x, y, alpha);
  else DISPATCH(function_f64)(function, n, x, y, alpha);
}

void tapestry_function_of_two(
    int32_t function, int32_t dtype, int64_t n, const void *a, int64_t stride_a, const void *b, int64_t stride_b,
    void *y) {
  if (dtype == TAPESTRY_FLOAT32) DISPATCH(function_of_two_f32)(function, n, a, stride_a, b, stride_b, y);
  else DISPATCH(function_of_two_f64)(function, n, a, stride_a, b, stride_b, y);
}

// MARK: Replacing what is not finite

typedef struct {
  int32_t dtype;
  int64_t count;
  const void *x;
  void *y;
  double nan, positive, negative;
} replace_job;

#define REPLACE(real)                                                                          \
  {                                                                                            \
    const real *x = (const real *)job->x + begin, infinity = (real)__builtin_inf();            \
    real *y = (real *)job->y + begin;                                                          \
    real nan = (real)job->nan, positive = (real)job->positive, negative = (real)job->negative; \
    for (int64_t i = 0; i < n; i++) {                                                          \
      real v = x[i];                                                                           \
      y[i] = v != v ? nan : v == infinity ? positive : v == -infinity ? negative : v;          \
    }                                                                                          \
  }

static void replace_piece(void *context, int64_t piece) {
  const replace_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->count);
  int64_t begin = part.begin, n = part.end - begin;
  if (job->dtype == TAPESTRY_FLOAT32) REPLACE(float) else REPLACE(double)
}

void tapestry_replace_nonfinite(
    int32_t dtype, int64_t count, const void *x, void *y, double nan, double positive, double negative) {
  replace_job job = {dtype, count, x, y, nan, positive, negative};
  tapestry_share_elements(count, &job, replace_piece);
}
