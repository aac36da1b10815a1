// Images turned, shifted and scaled. The loop is plain: with gathers compilers make vectors of it, where there are any.
#include "include/CTapestryKernels.h"

// Without contraction every operation is rounded by itself, so vectors of any width give the same bits.
#pragma clang fp contract(off)
#define KERNEL_SOURCE "images/sampling_kernel.h"
#include "runtime/variants.h"

void tapestry_sample_line(
    const float *plane, int64_t width, float x, float y, float step_x, float step_y, int64_t first, int64_t last,
    float *line) {
  DISPATCH(sample_line)(plane, (int32_t)width, x, y, step_x, step_y, (int32_t)first, (int32_t)last, line);
}
