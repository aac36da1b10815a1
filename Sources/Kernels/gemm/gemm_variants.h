// What gemm.c calls of the variant that runs here: the kernels of gemm_kernel.h.
#ifndef TAPESTRY_GEMM_VARIANTS_H
#define TAPESTRY_GEMM_VARIANTS_H

#include "include/tapestry_gemm.h"
#include "runtime/dispatch.h"

#define PARAMETERS                                                                                                 \
  (bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b, \
   int64_t ldb, void *c, int64_t ldc, bool accumulate, const tapestry_epilogue *epilogue)
DECLARE_VARIANTS(tapestry_multiply_f32, PARAMETERS)
DECLARE_VARIANTS(tapestry_multiply_f64, PARAMETERS)
#undef PARAMETERS

#define PARAMETERS                                                                           \
  (const tapestry_pointwise *shape, bool transpose_a, const void *a, const void *b, void *c, \
   const tapestry_epilogue *epilogue)
DECLARE_VARIANTS(tapestry_multiply_pixels_f32, PARAMETERS)
DECLARE_VARIANTS(tapestry_multiply_pixels_f64, PARAMETERS)
#undef PARAMETERS

#endif
