// Two-dimensional convolution (cross-correlation) in three directions, without an im2col matrix in memory.
#ifndef TAPESTRY_CONVOLUTION_H
#define TAPESTRY_CONVOLUTION_H

#include <stdbool.h>
#include <stdint.h>

/// x [batch, channels, height, width], weight [filters, channels / groups, kernel_height, kernel_width],
/// y [batch, filters, output_height, output_width]; the caller has made them agree:
/// output_height = floor((height + top + bottom - dilation_height (kernel_height - 1) - 1) / stride_height) + 1.
typedef struct {
  int64_t batch, channels, height, width;
  int64_t filters, kernel_height, kernel_width;
  int64_t output_height, output_width;
  int64_t stride_height, stride_width;
  int64_t top, left, bottom, right;
  int64_t dilation_height, dilation_width;
  int64_t groups;
} tapestry_convolution;

/// What is done to a sum of products before it is stored: y = relu(scale[f] sum + bias[f] + addend[n, f, i, j]), each
/// part if it is there.
typedef struct {
  const void *scale;     // NULL or one factor per filter
  const void *bias;      // NULL or one offset per filter
  const void *addend;    // NULL or elements that lie as those of y do, apart from them
  bool relu;             // max(y, 0), NaN passing through
  int64_t image_stride;  // elements from one image of y to the next, where y is a part of the channels of something
                         // larger; 0: none between
} tapestry_convolution_epilogue;

/// y = x * weight, then the epilogue (may be NULL). float32 and float64.
void tapestry_convolution_forward(
    int32_t dtype, const tapestry_convolution *shape, const void *x, const void *weight,
    const tapestry_convolution_epilogue *epilogue, void *y);

/// A batch normalisation of z + bias with given statistics, as factors and offsets with which it is factor z + offset,
/// for the epilogue: factor = scale / sqrt(variance + epsilon), offset = shift + (bias - mean) factor. bias may be
/// NULL; `filters` of each.
void tapestry_convolution_fold(
    int32_t dtype, int64_t filters, double epsilon, const void *mean, const void *variance, const void *scale,
    const void *shift, const void *bias, void *factors, void *offsets);

/// gx = the gradient by x for the cotangent gy: the transposed convolution. gx is overwritten; inputs that no window
/// reaches get 0.
void tapestry_convolution_input_gradient(
    int32_t dtype, const tapestry_convolution *shape, const void *gy, const void *weight, void *gx);

/// gw = the gradient by the weight. gw is overwritten.
void tapestry_convolution_weight_gradient(
    int32_t dtype, const tapestry_convolution *shape, const void *x, const void *gy, void *gw);

/// gb[f] = the sum of gy over batch and space.
void tapestry_convolution_bias_gradient(int32_t dtype, const tapestry_convolution *shape, const void *gy, void *gb);

#endif
