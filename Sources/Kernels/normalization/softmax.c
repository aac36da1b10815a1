// Softmax and cross-entropy: division among threads. Units are groups of rows where classes lie side by side (inner =
// 1), else bands of positions of one outer index.
#include "include/CTapestryKernels.h"
#include "runtime/indexing.h"

#include <string.h>

enum { softmax_columns = 64, softmax_piece = 8192 };  // positions in a band; elements of a group of rows

#define REAL_SOURCE "normalization/softmax_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

typedef struct {
  int32_t dtype;
  bool logarithm;
  int64_t outer, classes, inner, rows, bands;  // rows in a group; bands in `inner`
  const void *x, *y;
  const int64_t *labels;
  const void *scales;
  void *out, *losses;
} softmax_job;

/// Runs unit(context, u) for all units.
static void run(softmax_job *job, void (*unit)(void *, int64_t)) {
  if (job->outer * job->classes * job->inner == 0) return;
  job->rows = job->classes < softmax_piece ? softmax_piece / job->classes : 1;
  job->bands = (job->inner + softmax_columns - 1) / softmax_columns;
  int64_t units = job->inner == 1 ? (job->outer + job->rows - 1) / job->rows : job->outer * job->bands;
  tapestry_share(job->outer * job->classes * job->inner >= tapestry_shared_functions, units, job, unit);
}

// In the macros, `at` is the unit's first element in [outer, classes, inner] and `position` in [outer, inner].
#define FOR_ROWS(call)                                           \
  {                                                              \
    int64_t begin = u * job->rows, end = begin + job->rows;      \
    if (end > job->outer) end = job->outer;                      \
    for (int64_t position = begin; position < end; position++) { \
      int64_t at = position * job->classes;                      \
      call;                                                      \
    }                                                            \
  }
#define FOR_BAND(call)                                                                     \
  {                                                                                        \
    int64_t o = u / job->bands, first = u % job->bands * softmax_columns;                  \
    int64_t columns = job->inner - first;                                                  \
    if (columns > softmax_columns) columns = softmax_columns;                              \
    int64_t at = o * job->classes * job->inner + first, position = o * job->inner + first; \
    (void)position;                                                                        \
    call;                                                                                  \
  }
#define UNIT(name, float_row, double_row, float_band, double_band) \
  static void name(void *context, int64_t u) {                     \
    const softmax_job *job = context;                              \
    if (job->dtype == TAPESTRY_FLOAT32) {                          \
      if (job->inner == 1) FOR_ROWS(float_row)                     \
      else FOR_BAND(float_band)                                    \
    } else {                                                       \
      if (job->inner == 1) FOR_ROWS(double_row)                    \
      else FOR_BAND(double_band)                                   \
    }                                                              \
  }
#define IN(type, pointer, offset) ((const type *)job->pointer + (offset))
#define OUT(type, pointer, offset) ((type *)job->pointer + (offset))
#define OPTIONAL(type, pointer, offset) (job->pointer ? (type *)job->pointer + (offset) : NULL)

#define ROW(type, suffix) \
  DISPATCH(softmax_row_##suffix)(job->logarithm, job->classes, IN(type, x, at), OUT(type, out, at))
#define BAND(type, suffix)           \
  DISPATCH(softmax_columns_##suffix) \
  (job->logarithm, job->classes, job->inner, columns, IN(type, x, at), OUT(type, out, at))
UNIT(softmax_unit, ROW(float, f32), ROW(double, f64), BAND(float, f32), BAND(double, f64))
#undef ROW
#undef BAND

#define ROW(type, suffix)                 \
  DISPATCH(softmax_gradient_row_##suffix) \
  (job->logarithm, job->classes, IN(type, x, at), IN(type, y, at), OUT(type, out, at))
#define BAND(type, suffix)                    \
  DISPATCH(softmax_gradient_columns_##suffix) \
  (job->logarithm, job->classes, job->inner, columns, IN(type, x, at), IN(type, y, at), OUT(type, out, at))
UNIT(gradient_unit, ROW(float, f32), ROW(double, f64), BAND(float, f32), BAND(double, f64))
#undef ROW
#undef BAND

#define ROW(type, suffix)              \
  DISPATCH(cross_entropy_row_##suffix) \
  (job->classes, IN(type, x, at), job->labels[position], OUT(type, losses, position), OPTIONAL(type, out, at))
#define BAND(type, suffix)                                                                                  \
  DISPATCH(cross_entropy_columns_##suffix)                                                                  \
  (job->classes, job->inner, columns, IN(type, x, at), job->labels + position, OUT(type, losses, position), \
   OPTIONAL(type, out, at))
UNIT(cross_entropy_unit, ROW(float, f32), ROW(double, f64), BAND(float, f32), BAND(double, f64))
#undef ROW
#undef BAND

#define ROW(type, suffix)                       \
  DISPATCH(cross_entropy_gradient_row_##suffix) \
  (job->classes, IN(type, x, at), job->labels[position], *IN(type, scales, position), OUT(type, out, at))
#define BAND(type, suffix)                                                                                 \
  DISPATCH(cross_entropy_gradient_columns_##suffix)                                                        \
  (job->classes, job->inner, columns, IN(type, x, at), job->labels + position, IN(type, scales, position), \
   OUT(type, out, at))
UNIT(cross_entropy_gradient_unit, ROW(float, f32), ROW(double, f64), BAND(float, f32), BAND(double, f64))
#undef ROW
#undef BAND

void tapestry_softmax(
    int32_t dtype, bool logarithm, int64_t outer, int64_t classes, int64_t inner, const void *x, void *y) {
  softmax_job job = {
      .dtype = dtype, .logarithm = logarithm, .outer = outer, .classes = classes, .inner = inner, .x = x, .out = y};
  run(&job, softmax_unit);
}

void tapestry_softmax_gradient(
    int32_t dtype, bool logarithm, int64_t outer, int64_t classes, int64_t inner, const void *g, const void *y,
    void *gx) {
  softmax_job job = {
      .dtype = dtype,
      .logarithm = logarithm,
      .outer = outer,
      .classes = classes,
      .inner = inner,
      .x = g,
      .y = y,
      .out = gx};
  run(&job, gradient_unit);
}

void tapestry_cross_entropy(
    int32_t dtype, int64_t outer, int64_t classes, int64_t inner, const void *x, const int64_t *labels, void *losses,
    void *probabilities) {
  softmax_job job = {
      .dtype = dtype,
      .outer = outer,
      .classes = classes,
      .inner = inner,
      .x = x,
      .labels = labels,
      .losses = losses,
      .out = probabilities};
  run(&job, cross_entropy_unit);
}

void tapestry_cross_entropy_gradient(
    int32_t dtype, int64_t outer, int64_t classes, int64_t inner, const void *x, const int64_t *labels,
    const void *scales, void *gx) {
  softmax_job job = {
      .dtype = dtype,
      .outer = outer,
      .classes = classes,
      .inner = inner,
      .x = x,
      .labels = labels,
      .scales = scales,
      .out = gx};
  run(&job, cross_entropy_gradient_unit);
}
