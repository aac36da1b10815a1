// Optimizer steps, divided among threads in pieces of fixed size.
#include "include/CTapestryKernels.h"
#include "runtime/denormals.h"
#include "runtime/sharing.h"

#include <string.h>

/// Rules with constants of their own, beside those of tapestry_optimizer.h.
enum { SGD_RULE = -1, ADAM_RULE = -2 };

#define REAL_SOURCE "elements/optimizer_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

enum { most_states = 3 };

typedef struct {
  int32_t rule, dtype;
  int64_t count;
  const void *constants;
  const char *gradient;
  char *state[most_states];  // NULL where absent
  char *parameter;
} step_job;

// A moment whose gradient stays zero shrinks into denormal numbers, and those cost some processors a hundred times as
// much as others: a net with dead units would train ever more slowly. While a step runs they count as zero.

/// Elements do not depend on each other, so that the pieces change no bits.
static void step_piece(void *context, int64_t piece) {
  const step_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->count);
  int64_t n = part.end - part.begin, offset = part.begin * (job->dtype == TAPESTRY_FLOAT32 ? 4 : 8);
  void *state[most_states];
  for (int i = 0; i < most_states; i++) state[i] = job->state[i] ? job->state[i] + offset : NULL;
  const void *gradient = job->gradient + offset;
  void *parameter = job->parameter + offset;
  tapestry_float_mode mode = tapestry_begin_flushing();
  if (job->dtype == TAPESTRY_FLOAT32) DISPATCH(step_f32)(job->rule, n, job->constants, gradient, state, parameter);
  else DISPATCH(step_f64)(job->rule, n, job->constants, gradient, state, parameter);
  tapestry_end_flushing(mode);
}

void tapestry_sgd_step(
    int32_t dtype, int64_t count, const tapestry_sgd *constants, const void *gradient, void *buffer, void *parameter) {
  step_job job = {SGD_RULE, dtype, count, constants, gradient, {buffer, NULL, NULL}, parameter};
  tapestry_share_elements(count, &job, step_piece);
}

void tapestry_adam_step(
    int32_t dtype, int64_t count, const tapestry_adam *constants, const void *gradient, void *first_moment,
    void *second_moment, void *largest, void *parameter) {
  step_job job = {ADAM_RULE, dtype, count, constants, gradient, {first_moment, second_moment, largest}, parameter};
  tapestry_share_elements(count, &job, step_piece);
}

void tapestry_optimizer_step(
    int32_t rule, int32_t dtype, int64_t count, const tapestry_step *constants, const void *gradient,
    void *const *state, void *parameter) {
  step_job job = {rule, dtype, count, constants, gradient, {state[0], state[1], state[2]}, parameter};
  tapestry_share_elements(count, &job, step_piece);
}
