// Convolutions in three directions: which variant computes them. convolution_kernel.h says how.
#include "convolution/convolution_variants.h"
#include "include/tapestry_machine.h"

void tapestry_convolution_forward(
    int32_t dtype, const tapestry_convolution *shape, const void *x, const void *weight,
    const tapestry_convolution_epilogue *epilogue, void *y) {
  static const tapestry_convolution_epilogue none = {0};
  (dtype == TAPESTRY_FLOAT64 ? DISPATCH(tapestry_convolve_forward_f64) : DISPATCH(tapestry_convolve_forward_f32))(
      shape, x, weight, epilogue ? epilogue : &none, y);
}

void tapestry_convolution_input_gradient(
    int32_t dtype, const tapestry_convolution *shape, const void *gy, const void *weight, void *gx) {
  (dtype == TAPESTRY_FLOAT64 ? DISPATCH(tapestry_convolve_input_gradient_f64)
                             : DISPATCH(tapestry_convolve_input_gradient_f32))(shape, gy, weight, gx);
}

void tapestry_convolution_weight_gradient(
    int32_t dtype, const tapestry_convolution *shape, const void *x, const void *gy, void *gw) {
  (dtype == TAPESTRY_FLOAT64 ? DISPATCH(tapestry_convolve_weight_gradient_f64)
                             : DISPATCH(tapestry_convolve_weight_gradient_f32))(shape, x, gy, gw);
}

void tapestry_convolution_bias_gradient(int32_t dtype, const tapestry_convolution *shape, const void *gy, void *gb) {
  (dtype == TAPESTRY_FLOAT64 ? DISPATCH(tapestry_convolve_bias_gradient_f64)
                             : DISPATCH(tapestry_convolve_bias_gradient_f32))(shape, gy, gb);
}

#define FOLD(REAL)                                                                                                   \
  static void fold_##REAL(                                                                                           \
      int64_t filters, double epsilon, const REAL *mean, const REAL *variance, const REAL *scale, const REAL *shift, \
      const REAL *bias, REAL *factors, REAL *offsets) {                                                              \
    for (int64_t f = 0; f < filters; f++) {                                                                          \
      double factor = (double)scale[f] / __builtin_sqrt((double)variance[f] + epsilon);                              \
      factors[f] = (REAL)factor;                                                                                     \
      offsets[f] = (REAL)((double)shift[f] + ((bias ? (double)bias[f] : 0) - (double)mean[f]) * factor);             \
    }                                                                                                                \
  }
FOLD(float)
FOLD(double)

void tapestry_convolution_fold(
    int32_t dtype, int64_t filters, double epsilon, const void *mean, const void *variance, const void *scale,
    const void *shift, const void *bias, void *factors, void *offsets) {
  if (dtype == TAPESTRY_FLOAT64) fold_double(filters, epsilon, mean, variance, scale, shift, bias, factors, offsets);
  else fold_float(filters, epsilon, mean, variance, scale, shift, bias, factors, offsets);
}
