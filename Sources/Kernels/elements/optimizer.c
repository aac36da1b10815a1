// Optimizer steps, divided among threads in pieces of fixed size.
#include "include/CTapestryKernels.h"
#include "runtime/denormals.h"
#include "runtime/indexing.h"

#include <string.h>

#define REAL_SOURCE "elements/optimizer_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

enum { arrays = 5 };

typedef struct {
  int32_t dtype;
  int64_t count;
  const void *constants;
  char *array[arrays];  // gradient, state ..., parameter; NULL where absent
} step_job;

/// The arrays from element `begin` on.
static void locate(const step_job *job, int64_t begin, char **at) {
  int64_t bytes = job->dtype == TAPESTRY_FLOAT32 ? 4 : 8;
  for (int i = 0; i < arrays; i++) at[i] = job->array[i] ? job->array[i] + begin * bytes : NULL;
}

// A moment whose gradient stays zero shrinks into denormal numbers, and those cost some processors a hundred times as
// much as others: a net with dead units would train ever more slowly. While a step runs they count as zero.
static void sgd_piece(void *context, int64_t piece) {
  const step_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->count);
  int64_t begin = part.begin, n = part.end - begin;
  char *a[arrays];
  locate(job, begin, a);
  tapestry_float_mode mode = tapestry_begin_flushing();
  if (job->dtype == TAPESTRY_FLOAT32)
    DISPATCH(sgd_f32)(n, job->constants, (const float *)a[0], (float *)a[1], (float *)a[4]);
  else DISPATCH(sgd_f64)(n, job->constants, (const double *)a[0], (double *)a[1], (double *)a[4]);
  tapestry_end_flushing(mode);
}

static void adam_piece(void *context, int64_t piece) {
  const step_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->count);
  int64_t begin = part.begin, n = part.end - begin;
  char *a[arrays];
  locate(job, begin, a);
  tapestry_float_mode mode = tapestry_begin_flushing();
  if (job->dtype == TAPESTRY_FLOAT32) DISPATCH(adam_f32)
  (n, job->constants, (const float *)a[0], (float *)a[1], (float *)a[2], (float *)a[3], (float *)a[4]);
  else DISPATCH(adam_f64)(
      n, job->constants, (const double *)a[0], (double *)a[1], (double *)a[2], (double *)a[3], (double *)a[4]);
  tapestry_end_flushing(mode);
}

void tapestry_sgd_step(
    int32_t dtype, int64_t count, const tapestry_sgd *constants, const void *gradient, void *buffer, void *parameter) {
  step_job job = {dtype, count, constants, {(char *)gradient, buffer, NULL, NULL, parameter}};
  tapestry_share_elements(count, &job, sgd_piece);
}

void tapestry_adam_step(
    int32_t dtype, int64_t count, const tapestry_adam *constants, const void *gradient, void *first_moment,
    void *second_moment, void *largest, void *parameter) {
  step_job job = {dtype, count, constants, {(char *)gradient, first_moment, second_moment, largest, parameter}};
  tapestry_share_elements(count, &job, adam_piece);
}
