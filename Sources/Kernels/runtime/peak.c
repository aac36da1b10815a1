// The rate that a kernel could reach at best: for shares of peak in benchmarks and profiles.
#include "include/CTapestryKernels.h"

#define KERNEL_SOURCE "runtime/peak_kernel.h"
#include "runtime/variants.h"

typedef struct {
  int64_t rounds;
  float results[64];
} peak_job;

static void peak_unit(void *context, int64_t unit) {
  peak_job *job = context;
  job->results[unit] = DISPATCH(peak_rounds)(job->rounds);
}

int64_t tapestry_peak_operations(int64_t rounds) {
  peak_job job = {.rounds = rounds};
  tapestry_parallel(64, &job, peak_unit);
  // Read, so that no compiler finds the work to be in vain.
  volatile float sink = job.results[0];
  (void)sink;
#if defined(__x86_64__)
  const int64_t lanes = tapestry_variant() == TAPESTRY_VARIANT_AVX512 ? 16
                        : tapestry_variant() == TAPESTRY_VARIANT_AVX2 ? 8
                                                                      : 4;
#else
  const int64_t lanes = 4;
#endif
  return 64 * rounds * 12 * lanes * 2;
}
