// The matrix product for the variant that gemm_avx512.c and its neighbours choose: each is a translation unit of its
// own, so that they compile side by side.
#include "gemm/gemm_variants.h"
#include "include/tapestry_memory.h"
#include "runtime/sharing.h"

#define REAL_SOURCE "gemm/gemm_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"
