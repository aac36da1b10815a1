// The convolution for the variant that convolution_avx512.c and its neighbours choose: each is a translation unit of
// its own, so that they compile side by side.
#include "convolution/convolution_variants.h"
#include "include/tapestry_gemm.h"
#include "include/tapestry_machine.h"
#include "include/tapestry_memory.h"
#include "runtime/sharing.h"

#define REAL_SOURCE "convolution/convolution_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"
