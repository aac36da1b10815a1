// max(x, 0) that remembers the sign of its argument in a bit per element: what its gradient needs, in 1/32 of a float's memory.
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

static void range(const rectifier_job *job, int64_t begin, int64_t n) {
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

static void piece(void *context, int64_t index) {  // a piece is a multiple of 32 elements: threads share no word
  const rectifier_job *job = context;
  int64_t begin = index * tapestry_piece, rest = job->count - begin;
  range(job, begin, rest < tapestry_piece ? rest : tapestry_piece);
}

static void run(rectifier_job job) {
  if (job.count < 2 * tapestry_piece) range(&job, 0, job.count);
  else tapestry_parallel(tapestry_pieces(job.count), &job, piece);
}

void tapestry_relu_masked(int32_t dtype, int64_t count, const void *x, void *y, uint32_t *mask) {
  run((rectifier_job){.dtype = dtype, .count = count, .from = x, .to = y, .mask = mask});
}

void tapestry_relu_masked_gradient(int32_t dtype, int64_t count, const void *g, const uint32_t *mask, void *gx) {
  run((rectifier_job){.dtype = dtype, .count = count, .from = g, .to = gx, .known = mask});
}
