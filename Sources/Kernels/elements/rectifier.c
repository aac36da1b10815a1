// max(x, 0) that remembers the sign of its argument in a bit per element: what its gradient needs, in 1/32 of a float's
// memory.
#include "include/tapestry_elementwise.h"
#include "include/tapestry_machine.h"
#include "include/tapestry_threads.h"
#include "runtime/indexing.h"

#define REAL_SOURCE "elements/rectifier_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

typedef struct {
  int32_t dtype;
  int64_t count;
  const void *from;
  void *to;
  uint32_t *mask;
  const uint32_t *known;  // in the gradient
} rectifier_job;

static void piece(void *context, int64_t index) {  // a piece is a multiple of 32 elements: threads share no word
  const rectifier_job *job = context;
  tapestry_range part = tapestry_part(index, tapestry_piece, job->count);
  int64_t begin = part.begin, n = part.end - begin;
  int64_t bytes = job->dtype == TAPESTRY_FLOAT32 ? 4 : 8;
  const void *from = (const char *)job->from + begin * bytes;
  void *to = (char *)job->to + begin * bytes;
  if (job->known) {
    const uint32_t *known = job->known + begin / 32;
    if (bytes == 4) DISPATCH(relu_masked_gradient_f32)(n, from, known, to);
    else DISPATCH(relu_masked_gradient_f64)(n, from, known, to);
  } else {
    uint32_t *mask = job->mask + begin / 32;
    if (bytes == 4) DISPATCH(relu_masked_f32)(n, from, to, mask);
    else DISPATCH(relu_masked_f64)(n, from, to, mask);
  }
}

void tapestry_relu_masked(int32_t dtype, int64_t count, const void *x, void *y, uint32_t *mask) {
  rectifier_job job = {.dtype = dtype, .count = count, .from = x, .to = y, .mask = mask};
  tapestry_share_elements(count, &job, piece);
}

void tapestry_relu_masked_gradient(int32_t dtype, int64_t count, const void *g, const uint32_t *mask, void *gx) {
  rectifier_job job = {.dtype = dtype, .count = count, .from = g, .to = gx, .known = mask};
  tapestry_share_elements(count, &job, piece);
}
