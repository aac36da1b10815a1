// Reductions of the middle axis: how the work is cut, and the integers. The loops are in reduction_kernel.h.
//
// A reduction is cut into units (outer index, block of the reduced axis, band of inner indices) by the sizes alone.
// Each unit gives partial results in double; where there is more than one block, partials are combined in ascending
// order.
#include "include/CTapestryKernels.h"
#include "runtime/indexing.h"

#include <string.h>

enum { reduction_columns = 512, reduction_block = 16384 };  // the width of a band; elements in a block

#define REAL_SOURCE "elements/reduction_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

// MARK: Floating types

typedef struct {
  int32_t reduction, dtype;
  int64_t outer, reduced, inner;
  int64_t rows, blocks, bands;  // reduced indices per block; blocks; bands of inner indices
  const char *x;
  void *y;
  double *partials;  // [outer, blocks, inner], if blocks > 1
} reduce_job;

static void deliver(int32_t dtype, int64_t n, const double *values, void *y, int64_t at) {
  if (dtype == TAPESTRY_FLOAT32)
    for (int64_t i = 0; i < n; i++) ((float *)y)[at + i] = (float)values[i];
  else
    for (int64_t i = 0; i < n; i++) ((double *)y)[at + i] = values[i];
}

static void reduce_unit(void *context, int64_t unit) {
  const reduce_job *job = context;
  int64_t band = unit % job->bands, block = unit / job->bands % job->blocks, o = unit / job->bands / job->blocks;
  int64_t first = block * job->rows, rows = job->reduced - first;
  if (rows > job->rows) rows = job->rows;
  int64_t column = band * reduction_columns, columns = job->inner - column;
  if (columns > reduction_columns) columns = reduction_columns;
  int64_t at = (o * job->reduced + first) * job->inner + column;
  double values[reduction_columns];
  if (job->inner == 1) {
    values[0] = job->dtype == TAPESTRY_FLOAT32
                    ? DISPATCH(reduce_run_f32)(job->reduction, rows, (const float *)job->x + at)
                    : DISPATCH(reduce_run_f64)(job->reduction, rows, (const double *)job->x + at);
  } else if (job->dtype == TAPESTRY_FLOAT32) {
    DISPATCH(reduce_columns_f32)(job->reduction, rows, job->inner, columns, (const float *)job->x + at, values);
  } else {
    DISPATCH(reduce_columns_f64)(job->reduction, rows, job->inner, columns, (const double *)job->x + at, values);
  }
  if (job->blocks == 1) deliver(job->dtype, columns, values, job->y, o * job->inner + column);
  else
    memcpy(job->partials + (o * job->blocks + block) * job->inner + column, values, (size_t)columns * sizeof(double));
}

static void several_units(void *context, int64_t piece) {
  const reduce_job *job = context;
  int64_t units = job->outer * job->blocks * job->bands;
  int64_t elements = (job->rows < job->reduced ? job->rows : job->reduced) *
                     (job->inner < reduction_columns ? job->inner : reduction_columns);
  tapestry_range part = tapestry_part(piece, tapestry_units(elements), units);
  for (int64_t unit = part.begin; unit < part.end; unit++) reduce_unit(context, unit);
}

/// One partial result joined to another.
static inline double joined(int32_t reduction, double a, double b) {
  if (reduction == TAPESTRY_SUM || reduction == TAPESTRY_SUM_OF_SQUARES) return a + b;
  if (reduction == TAPESTRY_PRODUCT) return a * b;
  if (a != a || b != b) return a != a ? a : b;
  return reduction == TAPESTRY_MAX ? (b > a ? b : a) : (b < a ? b : a);
}

static void reduce_floating(reduce_job *job) {
  int64_t outer = job->outer, inner = job->inner, reduced = job->reduced;
  job->bands = (inner + reduction_columns - 1) / reduction_columns;
  job->rows = inner == 1 ? reduction_block : reduction_block / inner > 256 ? reduction_block / inner : 256;
  job->blocks = (reduced + job->rows - 1) / job->rows;
  if (job->blocks <= 1 || reduced < 2 * job->rows) {
    job->blocks = 1;
    job->rows = reduced;
  }
  size_t bytes = (size_t)(outer * job->blocks * inner) * sizeof(double);
  job->partials = job->blocks > 1 ? tapestry_allocate(bytes) : NULL;
  int64_t units = outer * job->blocks * job->bands, elements = outer * reduced * inner;
  int64_t per_unit = job->rows * (inner < reduction_columns ? inner : reduction_columns);
  tapestry_share(
      elements >= tapestry_shared_elements, tapestry_parts(units, tapestry_units(per_unit)), job, several_units);
  if (job->blocks == 1) return;
  for (int64_t o = 0; o < outer; o++) {
    double *first = job->partials + o * job->blocks * inner;
    for (int64_t block = 1; block < job->blocks; block++)
      for (int64_t i = 0; i < inner; i++) first[i] = joined(job->reduction, first[i], first[block * inner + i]);
    deliver(job->dtype, inner, first, job->y, o * inner);
  }
  tapestry_release(job->partials, bytes);
}

// MARK: Integers

#define REDUCE_INTEGERS(integer, name)                                                                               \
  static void name(int32_t reduction, int64_t outer, int64_t reduced, int64_t inner, const integer *x, integer *y) { \
    for (int64_t o = 0; o < outer; o++, x += reduced * inner, y += inner) {                                          \
      for (int64_t i = 0; i < inner; i++)                                                                            \
        y[i] = reduction == TAPESTRY_MAX || reduction == TAPESTRY_MIN ? x[i] : reduction == TAPESTRY_PRODUCT;        \
      for (int64_t r = 0; r < reduced; r++) {                                                                        \
        const integer *row = x + r * inner;                                                                          \
        switch (reduction) {                                                                                         \
          case TAPESTRY_SUM:                                                                                         \
            for (int64_t i = 0; i < inner; i++) y[i] = (integer)((uint64_t)y[i] + (uint64_t)row[i]);                 \
            break;                                                                                                   \
          case TAPESTRY_SUM_OF_SQUARES:                                                                              \
            for (int64_t i = 0; i < inner; i++)                                                                      \
              y[i] = (integer)((uint64_t)y[i] + (uint64_t)row[i] * (uint64_t)row[i]);                                \
            break;                                                                                                   \
          case TAPESTRY_PRODUCT:                                                                                     \
            for (int64_t i = 0; i < inner; i++) y[i] = (integer)((uint64_t)y[i] * (uint64_t)row[i]);                 \
            break;                                                                                                   \
          case TAPESTRY_MAX:                                                                                         \
            for (int64_t i = 0; i < inner; i++) y[i] = row[i] > y[i] ? row[i] : y[i];                                \
            break;                                                                                                   \
          default:                                                                                                   \
            for (int64_t i = 0; i < inner; i++) y[i] = row[i] < y[i] ? row[i] : y[i];                                \
        }                                                                                                            \
      }                                                                                                              \
    }                                                                                                                \
  }
REDUCE_INTEGERS(int32_t, reduce_i32)
REDUCE_INTEGERS(int64_t, reduce_i64)

void tapestry_reduce(
    int32_t reduction, int32_t dtype, int64_t outer, int64_t reduced, int64_t inner, const void *x, void *y) {
  if (outer * inner == 0) return;
  if (dtype == TAPESTRY_INT32) {
    reduce_i32(reduction, outer, reduced, inner, x, y);
  } else if (dtype == TAPESTRY_INT64) {
    reduce_i64(reduction, outer, reduced, inner, x, y);
  } else {
    reduce_job job = {
        .reduction = reduction, .dtype = dtype, .outer = outer, .reduced = reduced, .inner = inner, .x = x, .y = y};
    reduce_floating(&job);
  }
}

// MARK: Where the largest and the smallest are

typedef struct {
  bool smallest;
  int32_t dtype;
  int64_t reduced, inner;
  const void *x;
  int64_t *y;
} argmax_job;

/// For one outer index, columns in bands: the best so far and where it was. For integers v != v is never true.
#define ARGMAX(type)                                                           \
  {                                                                            \
    const type *x = (const type *)job->x + o * job->reduced * job->inner;      \
    int64_t *y = job->y + o * job->inner;                                      \
    for (int64_t first = 0; first < job->inner; first += 64) {                 \
      int64_t n = job->inner - first < 64 ? job->inner - first : 64;           \
      type best[64];                                                           \
      for (int64_t i = 0; i < n; i++) best[i] = x[first + i];                  \
      for (int64_t i = 0; i < n; i++) y[first + i] = 0;                        \
      for (int64_t r = 1; r < job->reduced; r++)                               \
        for (int64_t i = 0; i < n; i++) {                                      \
          type v = x[r * job->inner + first + i], b = best[i];                 \
          bool wins = (job->smallest ? v < b : v > b) | ((v != v) & (b == b)); \
          best[i] = wins ? v : b;                                              \
          y[first + i] = wins ? r : y[first + i];                              \
        }                                                                      \
    }                                                                          \
  }                                                                            \
  break

static void argmax_outer(void *context, int64_t o) {
  const argmax_job *job = context;
  switch (job->dtype) {
    case TAPESTRY_FLOAT32: ARGMAX(float);
    case TAPESTRY_FLOAT64: ARGMAX(double);
    case TAPESTRY_INT32: ARGMAX(int32_t);
    case TAPESTRY_INT64: ARGMAX(int64_t);
    default: break;
  }
}

static void run_argmax(argmax_job job, int64_t outer) {
  tapestry_share(outer * job.reduced * job.inner >= tapestry_shared_elements, outer, &job, argmax_outer);
}

void tapestry_argmax(int32_t dtype, int64_t outer, int64_t reduced, int64_t inner, const void *x, int64_t *y) {
  run_argmax((argmax_job){false, dtype, reduced, inner, x, y}, outer);
}

void tapestry_argmin(int32_t dtype, int64_t outer, int64_t reduced, int64_t inner, const void *x, int64_t *y) {
  run_argmax((argmax_job){true, dtype, reduced, inner, x, y}, outer);
}

// MARK: Products in double

typedef struct {
  int32_t dtype;
  int64_t count;
  const char *x, *y;
  double *partials;
} dot_job;

static double dot_block(const dot_job *job, int64_t block) {
  int64_t begin = block * reduction_block, n = job->count - begin;
  if (n > reduction_block) n = reduction_block;
  return job->dtype == TAPESTRY_FLOAT32
             ? DISPATCH(dot_run_f32)(n, (const float *)job->x + begin, (const float *)job->y + begin)
             : DISPATCH(dot_run_f64)(n, (const double *)job->x + begin, (const double *)job->y + begin);
}

static void dot_unit(void *context, int64_t block) {
  dot_job *job = context;
  job->partials[block] = dot_block(job, block);
}

double tapestry_dot(int32_t dtype, int64_t count, const void *x, const void *y) {
  int64_t blocks = (count + reduction_block - 1) / reduction_block;
  dot_job job = {dtype, count, x, y, NULL};
  double sum = 0;
  if (blocks <= 4) {
    for (int64_t i = 0; i < blocks; i++) sum += dot_block(&job, i);
    return sum;
  }
  size_t bytes = (size_t)blocks * sizeof(double);
  job.partials = tapestry_allocate(bytes);
  tapestry_parallel(blocks, &job, dot_unit);
  for (int64_t i = 0; i < blocks; i++) sum += job.partials[i];
  tapestry_release(job.partials, bytes);
  return sum;
}

double tapestry_sum_of_squares(int32_t dtype, int64_t count, const void *x) { return tapestry_dot(dtype, count, x, x); }
