// What convolution.c calls of the variant that runs here: the kernels of convolution_kernel.h.
#ifndef TAPESTRY_CONVOLUTION_VARIANTS_H
#define TAPESTRY_CONVOLUTION_VARIANTS_H

#include "include/tapestry_convolution.h"
#include "runtime/dispatch.h"

#define PARAMETERS                                                       \
  (const tapestry_convolution *shape, const void *x, const void *weight, \
   const tapestry_convolution_epilogue *epilogue, void *y)
DECLARE_VARIANTS(tapestry_convolve_forward_f32, PARAMETERS)
DECLARE_VARIANTS(tapestry_convolve_forward_f64, PARAMETERS)
#undef PARAMETERS

#define PARAMETERS (const tapestry_convolution *shape, const void *gy, const void *weight, void *gx)
DECLARE_VARIANTS(tapestry_convolve_input_gradient_f32, PARAMETERS)
DECLARE_VARIANTS(tapestry_convolve_input_gradient_f64, PARAMETERS)
#undef PARAMETERS

#define PARAMETERS (const tapestry_convolution *shape, const void *x, const void *gy, void *gw)
DECLARE_VARIANTS(tapestry_convolve_weight_gradient_f32, PARAMETERS)
DECLARE_VARIANTS(tapestry_convolve_weight_gradient_f64, PARAMETERS)
#undef PARAMETERS

#define PARAMETERS (const tapestry_convolution *shape, const void *gy, void *gb)
DECLARE_VARIANTS(tapestry_convolve_bias_gradient_f32, PARAMETERS)
DECLARE_VARIANTS(tapestry_convolve_bias_gradient_f64, PARAMETERS)
#undef PARAMETERS

#endif
