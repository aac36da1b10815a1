// Filling, ramps and conversion between element types, and the scalar functions.
#include "include/CTapestryKernels.h"
#include "runtime/indexing.h"

#include <string.h>

// MARK: Saturating conversion

static inline int32_t int32_from(double x) {
  return x >= 0x1p31 ? INT32_MAX : x <= -0x1p31 ? INT32_MIN : x != x ? 0 : (int32_t)x;
}
static inline int32_t int32_within(int64_t x) {
  return x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : (int32_t)x;
}

static inline int64_t int64_from(double x) {
  return x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : x != x ? 0 : (int64_t)x;
}

typedef struct {
  int32_t from, to;
  int64_t count;
  const void *x;
  void *y;
  double start, step;
} job;

// MARK: Fill

#define FILL(type, value)                        \
  {                                              \
    type *y = (type *)j->y + begin, v = (value); \
    for (int64_t i = 0; i < n; i++) y[i] = v;    \
  }                                              \
  break

static void fill_piece(void *context, int64_t piece) {
  const job *j = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, j->count);
  int64_t begin = part.begin, n = part.end - begin;
  switch (j->to) {
    case TAPESTRY_FLOAT32: FILL(float, (float)j->start);
    case TAPESTRY_FLOAT64: FILL(double, j->start);
    case TAPESTRY_INT32: FILL(int32_t, int32_from(j->start));
    case TAPESTRY_INT64: FILL(int64_t, int64_from(j->start));
    case TAPESTRY_BOOL: memset((uint8_t *)j->y + begin, j->start != 0, (size_t)n); break;
    default: break;
  }
}

void tapestry_fill(int32_t dtype, int64_t count, double value, void *y) {
  job j = {.to = dtype, .count = count, .y = y, .start = value};
  tapestry_share_elements(count, &j, fill_piece);
}

#define RAMP(type, convert)                                                                   \
  {                                                                                           \
    type *y = (type *)j->y + begin;                                                           \
    for (int64_t i = 0; i < n; i++) y[i] = convert(j->start + (double)(begin + i) * j->step); \
  }                                                                                           \
  break

static void ramp_piece(void *context, int64_t piece) {
  const job *j = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, j->count);
  int64_t begin = part.begin, n = part.end - begin;
  switch (j->to) {
    case TAPESTRY_FLOAT32: RAMP(float, (float));
    case TAPESTRY_FLOAT64: RAMP(double, (double));
    case TAPESTRY_INT32: RAMP(int32_t, int32_from);
    case TAPESTRY_INT64: RAMP(int64_t, int64_from);
    default: break;
  }
}

void tapestry_ramp(int32_t dtype, int64_t count, double start, double step, void *y) {
  job j = {.to = dtype, .count = count, .y = y, .start = start, .step = step};
  tapestry_share_elements(count, &j, ramp_piece);
}

// MARK: Conversion

#define CONVERT(source, target, expression)              \
  {                                                      \
    const source *x = (const source *)j->x + begin;      \
    target *y = (target *)j->y + begin;                  \
    for (int64_t i = 0; i < n; i++) y[i] = (expression); \
  }                                                      \
  break
#define CONVERT_FROM(source, to_int32, to_int64)                   \
  switch (j->to) {                                                 \
    case TAPESTRY_FLOAT32: CONVERT(source, float, (float)x[i]);    \
    case TAPESTRY_FLOAT64: CONVERT(source, double, (double)x[i]);  \
    case TAPESTRY_INT32: CONVERT(source, int32_t, to_int32(x[i])); \
    case TAPESTRY_INT64: CONVERT(source, int64_t, to_int64(x[i])); \
    case TAPESTRY_BOOL: CONVERT(source, uint8_t, x[i] != 0);       \
    default: break;                                                \
  }                                                                \
  break

static void convert_piece(void *context, int64_t piece) {
  const job *j = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, j->count);
  int64_t begin = part.begin, n = part.end - begin;
  switch (j->from) {
    case TAPESTRY_FLOAT32: CONVERT_FROM(float, int32_from, int64_from);
    case TAPESTRY_FLOAT64: CONVERT_FROM(double, int32_from, int64_from);
    case TAPESTRY_INT32: CONVERT_FROM(int32_t, (int32_t), (int64_t));
    case TAPESTRY_INT64: CONVERT_FROM(int64_t, int32_within, (int64_t));
    case TAPESTRY_BOOL: CONVERT_FROM(uint8_t, (int32_t), (int64_t));
    default: break;
  }
}

void tapestry_convert(int32_t from, int32_t to, int64_t count, const void *x, void *y) {
  job j = {.from = from, .to = to, .count = count, .x = x, .y = y};
  tapestry_share_elements(count, &j, convert_piece);
}

// MARK: Scalars

// The vector functions on one lane, without contraction to fused multiply-add: the same bits on every processor.
#pragma clang fp contract(off)
#define VARIANT(name) name##_scalar
#define VECTOR_BYTES 16
#define VECTOR_REGISTERS 16
#define HAS_FMA 0
#define VARIANT_AVX512 0
#define VARIANT_AVX2 0
#define NAME(name) VARIANT(name##_f64)
#define REAL double
#define REAL_INT long
#define IS_DOUBLE 1
#define REAL_BYTES 8
#define LANES 2
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "vector/vectors.h"
#include "vector/mathematics_kernel.h"

double tapestry_exp(double x) { return exp_f64_scalar(splat_f64_scalar(x))[0]; }
double tapestry_log(double x) { return log_f64_scalar(splat_f64_scalar(x))[0]; }
double tapestry_sqrt(double x) { return __builtin_elementwise_sqrt(splat_f64_scalar(x))[0]; }
double tapestry_sin(double x) { return sin_f64_scalar(splat_f64_scalar(x))[0]; }
double tapestry_cos(double x) { return cos_f64_scalar(splat_f64_scalar(x))[0]; }
double tapestry_pow(double x, double y) { return pow_f64_scalar(splat_f64_scalar(x), splat_f64_scalar(y))[0]; }
