// Volumes as images: the planes that a window along the depth sees, side by side as channels.
#ifndef TAPESTRY_DEPTH_H
#define TAPESTRY_DEPTH_H

#include <stdint.h>

/// x is [samples, channels, depth, plane], y is [samples, outputs, channels, taps, plane]; tap p of output z is the
/// plane z stride + p dilation - front, zeros outside the volume.
typedef struct {
  int64_t samples, channels, depth, plane;
  int64_t outputs, taps, stride, dilation, front;
} tapestry_depth;

/// element_size is 4 or 8.
void tapestry_depth_unfold(int32_t element_size, const tapestry_depth *shape, const void *x, void *y);

/// Its transpose: every plane of x is the sum of its copies in y, those of lower taps first. float32 and float64.
void tapestry_depth_fold(int32_t dtype, const tapestry_depth *shape, const void *y, void *x);

#endif
