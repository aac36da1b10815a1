// Normalisation of rows by the root of their mean square: division among threads. A unit is a row; for the gradient of
// the scale a strip of columns, which needs every row's inverse root first.
#include "include/CTapestryKernels.h"
#include "runtime/indexing.h"

#include <string.h>

enum { root_block = 4096, root_rows = 256 };  // elements, and rows, whose sums are joined in double

typedef struct {
  int32_t dtype;
  int64_t rows, width, each;  // each: rows of a piece
  double epsilon;
  const void *x, *g, *scale;
  void *y, *gscale;
  double *inverses;  // one a row
} root_job;

#define REAL_SOURCE "normalization/root_mean_square_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

#define CALL(name, index) \
  (job->dtype == TAPESTRY_FLOAT32 ? DISPATCH(name##_f32)(job, index) : DISPATCH(name##_f64)(job, index))

static void forward_rows(void *context, int64_t piece) {
  const root_job *job = context;
  tapestry_range part = tapestry_part(piece, job->each, job->rows);
  for (int64_t row = part.begin; row < part.end; row++) CALL(root_row, row);
}

static void gradient_rows(void *context, int64_t piece) {
  const root_job *job = context;
  tapestry_range part = tapestry_part(piece, job->each, job->rows);
  for (int64_t row = part.begin; row < part.end; row++) CALL(root_gradient_row, row);
}

static void gradient_strip(void *context, int64_t strip) {
  const root_job *job = context;
  CALL(root_gradient_strip, strip);
}

static void run_rows(root_job *job, void (*rows)(void *, int64_t)) {
  tapestry_share(job->rows * job->width >= tapestry_shared_elements, tapestry_parts(job->rows, job->each), job, rows);
}

void tapestry_normalize_root_rows(
    int32_t dtype, int64_t rows, int64_t width, double epsilon, const void *x, const void *scale, void *y) {
  if (rows * width == 0) return;
  root_job job = {
      .dtype = dtype,
      .rows = rows,
      .width = width,
      .each = tapestry_units(width),
      .epsilon = epsilon,
      .x = x,
      .scale = scale,
      .y = y};
  run_rows(&job, forward_rows);
}

void tapestry_normalize_root_rows_gradient(
    int32_t dtype, int64_t rows, int64_t width, double epsilon, const void *g, const void *x, const void *scale,
    void *gx, void *gscale) {
  if (rows * width == 0) {
    memset(gscale, 0, (size_t)width * (dtype == TAPESTRY_FLOAT32 ? 4 : 8));
    return;
  }
  size_t bytes = (size_t)rows * sizeof(double);
  root_job job = {
      .dtype = dtype,
      .rows = rows,
      .width = width,
      .each = tapestry_units(width),
      .epsilon = epsilon,
      .x = x,
      .g = g,
      .scale = scale,
      .y = gx,
      .gscale = gscale,
      .inverses = tapestry_allocate(bytes)};
  run_rows(&job, gradient_rows);
  // A strip is 16 columns in every variant, so that neither threads nor registers change which sums are joined.
  tapestry_share(rows * width >= tapestry_shared_elements, tapestry_parts(width, 16), &job, gradient_strip);
  tapestry_release(job.inverses, bytes);
}
