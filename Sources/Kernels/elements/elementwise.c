// Elementwise functions: division among threads and strides here, the loops of floating types in elementwise_kernel.h,
// those of integers, comparisons and selections plain loops that the compiler vectorises.
#include "include/CTapestryKernels.h"
#include "elements/functions.h"
#include "runtime/indexing.h"

#include <string.h>

#define REAL_SOURCE "elements/elementwise_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

static const int64_t element_bytes[] = {4, 8, 4, 8, 1};

// MARK: Integers

/// A bound or factor given as a double; beyond the range it saturates.
static int64_t whole(double x) { return x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : x != x ? 0 : (int64_t)x; }

#define UNARY_INTEGERS(integer, name)                                                                      \
  static void name(int32_t function, int64_t n, const integer *x, integer *y, double alpha, double beta) { \
    uint64_t factor = (uint64_t)whole(alpha), addend = (uint64_t)whole(beta);                              \
    int64_t low = whole(alpha), high = whole(beta);                                                        \
    switch (function) {                                                                                    \
      case TAPESTRY_NEGATE:                                                                                \
        for (int64_t i = 0; i < n; i++) y[i] = (integer)(0 - (uint64_t)x[i]);                              \
        break;                                                                                             \
      case TAPESTRY_SQUARE:                                                                                \
        for (int64_t i = 0; i < n; i++) y[i] = (integer)((uint64_t)x[i] * (uint64_t)x[i]);                 \
        break;                                                                                             \
      case TAPESTRY_ABS:                                                                                   \
        for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0 ? (integer)(0 - (uint64_t)x[i]) : x[i];            \
        break;                                                                                             \
      case TAPESTRY_SIGN:                                                                                  \
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] > 0) - (x[i] < 0);                                    \
        break;                                                                                             \
      case TAPESTRY_RELU:                                                                                  \
        for (int64_t i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : 0;                                        \
        break;                                                                                             \
      case TAPESTRY_AFFINE:                                                                                \
        for (int64_t i = 0; i < n; i++) y[i] = (integer)((uint64_t)(int64_t)x[i] * factor + addend);       \
        break;                                                                                             \
      case TAPESTRY_CLIP:                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                  \
          int64_t v = x[i] < low ? low : x[i];                                                             \
          y[i] = (integer)(v > high ? high : v);                                                           \
        }                                                                                                  \
        break;                                                                                             \
      default: break;                                                                                      \
    }                                                                                                      \
  }
UNARY_INTEGERS(int32_t, unary_i32)
UNARY_INTEGERS(int64_t, unary_i64)

#define FOR_PAIRS(expression)                         \
  for (int64_t i = 0; i < n; i++) {                   \
    integer u = a[i * stride_a], v = b[i * stride_b]; \
    y[i] = (integer)(expression);                     \
  }                                                   \
  break
#define BINARY_INTEGERS(type, name)                                                                                   \
  static void name(                                                                                                   \
      int32_t function, int64_t n, const type *a, int64_t stride_a, const type *b, int64_t stride_b, type *y) {       \
    typedef type integer;                                                                                             \
    switch (function) {                                                                                               \
      case TAPESTRY_ADD: FOR_PAIRS((uint64_t)u + (uint64_t)v);                                                        \
      case TAPESTRY_SUBTRACT: FOR_PAIRS((uint64_t)u - (uint64_t)v);                                                   \
      case TAPESTRY_MULTIPLY: FOR_PAIRS((uint64_t)u *(uint64_t)v);                                                    \
      case TAPESTRY_DIVIDE: /* the smallest number by -1 wraps to itself */                                           \
        FOR_PAIRS(v == 0 ? 0 : v == -1 ? (int64_t)(0 - (uint64_t)u) : (int64_t)(u / v));                              \
      case TAPESTRY_MAXIMUM: FOR_PAIRS(u > v ? u : v);                                                                \
      case TAPESTRY_MINIMUM: FOR_PAIRS(u < v ? u : v);                                                                \
      case TAPESTRY_TRUNCATING_REMAINDER: FOR_PAIRS(v == 0 || v == -1 ? 0 : u % v);                                   \
      case TAPESTRY_REMAINDER: FOR_PAIRS(v == 0 || v == -1 ? 0 : u % v + (u % v != 0 && (u < 0) != (v < 0) ? v : 0)); \
      default: break;                                                                                                 \
    }                                                                                                                 \
  }
BINARY_INTEGERS(int32_t, binary_i32)
BINARY_INTEGERS(int64_t, binary_i64)

// MARK: Unary

typedef struct {
  int32_t function, dtype;
  int64_t count;
  const char *x;
  char *y;
  double alpha, beta;
} unary_job;

static void unary_piece(void *context, int64_t piece) {
  const unary_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->count);
  int64_t begin = part.begin, n = part.end - begin;
  const void *x = job->x + begin * element_bytes[job->dtype];
  void *y = job->y + begin * element_bytes[job->dtype];
  if (job->function >= TAPESTRY_TAN) {
    if (job->function < TAPESTRY_SILU) tapestry_function(job->function, job->dtype, n, x, y, job->alpha);
    else tapestry_activation(job->function, job->dtype, n, x, y, job->alpha, job->beta);
    return;
  }
  switch (job->dtype) {
    case TAPESTRY_FLOAT32: DISPATCH(unary_f32)(job->function, n, x, y, job->alpha, job->beta); break;
    case TAPESTRY_FLOAT64: DISPATCH(unary_f64)(job->function, n, x, y, job->alpha, job->beta); break;
    case TAPESTRY_INT32: unary_i32(job->function, n, x, y, job->alpha, job->beta); break;
    case TAPESTRY_INT64: unary_i64(job->function, n, x, y, job->alpha, job->beta); break;
    default: break;
  }
}

void tapestry_unary(int32_t function, int32_t dtype, int64_t count, const void *x, void *y, double alpha, double beta) {
  unary_job job = {function, dtype, count, x, y, alpha, beta};
  tapestry_share_elements(count, &job, unary_piece);
}

// MARK: Binary

typedef struct {
  int32_t function, dtype;
  int64_t bytes, output_bytes;
  const char *a, *b, *c;
  char *y;
  const uint8_t *condition;
  tapestry_space space;
} pair_job;

/// Strides 0 and 1, not both 0.
static inline void binary_flat(
    int32_t function, int32_t dtype, int64_t n, const void *a, int64_t stride_a, const void *b, int64_t stride_b,
    void *y) {
  if (function >= TAPESTRY_ATAN2 && (dtype == TAPESTRY_FLOAT32 || dtype == TAPESTRY_FLOAT64)) {
    tapestry_function_of_two(function, dtype, n, a, stride_a, b, stride_b, y);
    return;
  }
  switch (dtype) {
    case TAPESTRY_FLOAT32: DISPATCH(binary_f32)(function, n, a, stride_a, b, stride_b, y); break;
    case TAPESTRY_FLOAT64: DISPATCH(binary_f64)(function, n, a, stride_a, b, stride_b, y); break;
    case TAPESTRY_INT32: binary_i32(function, n, a, stride_a, b, stride_b, y); break;
    case TAPESTRY_INT64: binary_i64(function, n, a, stride_a, b, stride_b, y); break;
    default: break;
  }
}

/// `n` elements from `stride` apart to side by side.
static void collect(int64_t bytes, int64_t n, const char *from, int64_t stride, void *to) {
  if (bytes == 4)
    for (int64_t i = 0; i < n; i++) ((uint32_t *)to)[i] = ((const uint32_t *)from)[i * stride];
  else if (bytes == 8)
    for (int64_t i = 0; i < n; i++) ((uint64_t *)to)[i] = ((const uint64_t *)from)[i * stride];
  else
    for (int64_t i = 0; i < n; i++) ((uint8_t *)to)[i] = ((const uint8_t *)from)[i * stride];
}

static void binary_row(void *context, int64_t position, const int64_t *offsets, int64_t length) {
  const pair_job *job = context;
  int64_t inner = job->space.rank - 1, bytes = job->bytes;
  int64_t stride_a = job->space.strides[0][inner], stride_b = job->space.strides[1][inner];
  const char *a = job->a + offsets[0] * bytes, *b = job->b + offsets[1] * bytes;
  char *y = job->y + position * bytes;
  bool plain = (stride_a == 0 || stride_a == 1) && (stride_b == 0 || stride_b == 1) && stride_a + stride_b > 0;
  if (plain || length == 1) {
    binary_flat(job->function, job->dtype, length, a, plain ? stride_a : 1, b, plain ? stride_b : 1, y);
    return;
  }
  // Other strides: through small dense copies.
  enum { most = 256 };
  _Alignas(64) char dense_a[most * 8], dense_b[most * 8];
  for (int64_t i = 0; i < length; i += most) {
    int64_t n = length - i < most ? length - i : most;
    const char *row_a = a + i * stride_a * bytes, *row_b = b + i * stride_b * bytes;
    if (stride_a != 1) {
      collect(bytes, n, row_a, stride_a, dense_a);
      row_a = dense_a;
    }
    if (stride_b != 1) {
      collect(bytes, n, row_b, stride_b, dense_b);
      row_b = dense_b;
    }
    binary_flat(job->function, job->dtype, n, row_a, 1, row_b, 1, y + i * bytes);
  }
}

static void binary_piece(void *context, int64_t piece) {
  pair_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->space.count);
  tapestry_for_rows(&job->space, part.begin, part.end, job, binary_row);
}

void tapestry_binary(
    int32_t function, int32_t dtype, int32_t rank, const int64_t *sizes, const int64_t *strides_a,
    const int64_t *strides_b, const void *a, const void *b, void *y) {
  if (rank == 1 && sizes[0] < tapestry_shared_elements && strides_a[0] + strides_b[0] > 0 &&
      (strides_a[0] | strides_b[0]) == 1) {
    binary_flat(function, dtype, sizes[0], a, strides_a[0], b, strides_b[0], y);
    return;
  }
  pair_job job = {.function = function, .dtype = dtype, .bytes = element_bytes[dtype], .a = a, .b = b, .y = y};
  job.space = tapestry_merged(rank, sizes, 2, (const int64_t *const[]){strides_a, strides_b});
  tapestry_share_elements(job.space.count, &job, binary_piece);
}

// MARK: Comparison and selection

#define COMPARE(type, operation)                                                        \
  {                                                                                     \
    const type *u = a, *v = b;                                                          \
    if (stride_a == 1 && stride_b == 1)                                                 \
      for (int64_t i = 0; i < n; i++) y[i] = u[i] operation v[i];                       \
    else if (stride_a == 1 && stride_b == 0)                                            \
      for (int64_t i = 0; i < n; i++) y[i] = u[i] operation v[0];                       \
    else                                                                                \
      for (int64_t i = 0; i < n; i++) y[i] = u[i * stride_a] operation v[i * stride_b]; \
  }                                                                                     \
  break
#define COMPARE_ALL(type)                           \
  switch (comparison) {                             \
    case TAPESTRY_EQUAL: COMPARE(type, ==);         \
    case TAPESTRY_NOT_EQUAL: COMPARE(type, !=);     \
    case TAPESTRY_LESS: COMPARE(type, <);           \
    case TAPESTRY_LESS_EQUAL: COMPARE(type, <=);    \
    case TAPESTRY_GREATER: COMPARE(type, >);        \
    case TAPESTRY_GREATER_EQUAL: COMPARE(type, >=); \
    default: break;                                 \
  }                                                 \
  break

static void compare_row(void *context, int64_t position, const int64_t *offsets, int64_t n) {
  const pair_job *job = context;
  int64_t inner = job->space.rank - 1, comparison = job->function;
  int64_t stride_a = job->space.strides[0][inner], stride_b = job->space.strides[1][inner];
  const void *a = job->a + offsets[0] * job->bytes, *b = job->b + offsets[1] * job->bytes;
  uint8_t *restrict y = (uint8_t *)job->y + position;
  switch (job->dtype) {
    case TAPESTRY_FLOAT32: COMPARE_ALL(float);
    case TAPESTRY_FLOAT64: COMPARE_ALL(double);
    case TAPESTRY_INT32: COMPARE_ALL(int32_t);
    case TAPESTRY_INT64: COMPARE_ALL(int64_t);
    case TAPESTRY_BOOL:
      switch (comparison) {
        case TAPESTRY_AND: COMPARE(uint8_t, &);
        case TAPESTRY_OR: COMPARE(uint8_t, |);
        default: COMPARE_ALL(uint8_t);
      }
      break;
    default: break;
  }
}

static void compare_piece(void *context, int64_t piece) {
  pair_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->space.count);
  tapestry_for_rows(&job->space, part.begin, part.end, job, compare_row);
}

void tapestry_compare(
    int32_t comparison, int32_t dtype, int32_t rank, const int64_t *sizes, const int64_t *strides_a,
    const int64_t *strides_b, const void *a, const void *b, uint8_t *y) {
  pair_job job = {
      .function = comparison, .dtype = dtype, .bytes = element_bytes[dtype], .a = a, .b = b, .y = (char *)y};
  job.space = tapestry_merged(rank, sizes, 2, (const int64_t *const[]){strides_a, strides_b});
  tapestry_share_elements(job.space.count, &job, compare_piece);
}

#define SELECT(type)                                                                   \
  {                                                                                    \
    const type *u = a, *v = b;                                                         \
    type *w = y;                                                                       \
    if (stride_c == 1 && stride_a == 1 && stride_b == 1)                               \
      for (int64_t i = 0; i < n; i++) {                                                \
        type chosen = u[i], other = v[i]; /* read both: the loop then has no branch */ \
        w[i] = c[i] ? chosen : other;                                                  \
      }                                                                                \
    else                                                                               \
      for (int64_t i = 0; i < n; i++) {                                                \
        type chosen = u[i * stride_a], other = v[i * stride_b];                        \
        w[i] = c[i * stride_c] ? chosen : other;                                       \
      }                                                                                \
  }                                                                                    \
  break

static void select_row(void *context, int64_t position, const int64_t *offsets, int64_t n) {
  const pair_job *job = context;
  int64_t inner = job->space.rank - 1;
  int64_t stride_c = job->space.strides[0][inner], stride_a = job->space.strides[1][inner],
          stride_b = job->space.strides[2][inner];
  const uint8_t *c = job->condition + offsets[0];
  const void *a = job->a + offsets[1] * job->bytes, *b = job->b + offsets[2] * job->bytes;
  void *y = job->y + position * job->bytes;
  switch (job->bytes) {
    case 4: SELECT(uint32_t);
    case 8: SELECT(uint64_t);
    default: SELECT(uint8_t);
  }
}

static void select_piece(void *context, int64_t piece) {
  pair_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->space.count);
  tapestry_for_rows(&job->space, part.begin, part.end, job, select_row);
}

void tapestry_select(
    int32_t dtype, int32_t rank, const int64_t *sizes, const int64_t *strides_condition, const int64_t *strides_a,
    const int64_t *strides_b, const uint8_t *condition, const void *a, const void *b, void *y) {
  pair_job job = {.dtype = dtype, .bytes = element_bytes[dtype], .a = a, .b = b, .y = y, .condition = condition};
  job.space = tapestry_merged(rank, sizes, 3, (const int64_t *const[]){strides_condition, strides_a, strides_b});
  tapestry_share_elements(job.space.count, &job, select_piece);
}

// MARK: Interpolation

#define LERP(real)                                                                             \
  {                                                                                            \
    const real *u = (const real *)job->a + offsets[0], *v = (const real *)job->b + offsets[1]; \
    const real *w = (const real *)job->c + offsets[2];                                         \
    real *y = (real *)job->y + position;                                                       \
    if (stride_a == 1 && stride_b == 1 && stride_c == 1)                                       \
      for (int64_t i = 0; i < n; i++) y[i] = u[i] + w[i] * (v[i] - u[i]);                      \
    else                                                                                       \
      for (int64_t i = 0; i < n; i++) {                                                        \
        real from = u[i * stride_a];                                                           \
        y[i] = from + w[i * stride_c] * (v[i * stride_b] - from);                              \
      }                                                                                        \
  }

static void lerp_row(void *context, int64_t position, const int64_t *offsets, int64_t n) {
  const pair_job *job = context;
  int64_t inner = job->space.rank - 1;
  int64_t stride_a = job->space.strides[0][inner], stride_b = job->space.strides[1][inner],
          stride_c = job->space.strides[2][inner];
  if (job->dtype == TAPESTRY_FLOAT32) LERP(float) else LERP(double)
}

static void lerp_piece(void *context, int64_t piece) {
  pair_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->space.count);
  tapestry_for_rows(&job->space, part.begin, part.end, job, lerp_row);
}

void tapestry_lerp(
    int32_t dtype, int32_t rank, const int64_t *sizes, const int64_t *strides_start, const int64_t *strides_end,
    const int64_t *strides_weight, const void *start, const void *end, const void *weight, void *y) {
  pair_job job = {.dtype = dtype, .bytes = element_bytes[dtype], .a = start, .b = end, .c = weight, .y = y};
  job.space = tapestry_merged(rank, sizes, 3, (const int64_t *const[]){strides_start, strides_end, strides_weight});
  tapestry_share_elements(job.space.count, &job, lerp_piece);
}

// MARK: Accumulation

void tapestry_accumulate(int32_t dtype, int64_t count, const void *x, void *accumulator) {
  int64_t one = 1;
  tapestry_binary(TAPESTRY_ADD, dtype, 1, &count, &one, &one, accumulator, x, accumulator);
}

// MARK: Finding what is not finite

static int64_t first_nonfinite_in(int32_t dtype, int64_t n, const void *x) {
  return dtype == TAPESTRY_FLOAT32 ? DISPATCH(first_nonfinite_f32)(n, x) : DISPATCH(first_nonfinite_f64)(n, x);
}

int64_t tapestry_first_nonfinite(int32_t dtype, int64_t count, const void *x) {
  if (dtype != TAPESTRY_FLOAT32 && dtype != TAPESTRY_FLOAT64) return -1;
  return first_nonfinite_in(dtype, count, x);
}
