// Pooling over two spatial axes; batch and channels are one count of planes.
#ifndef TAPESTRY_POOLING_H
#define TAPESTRY_POOLING_H

#include <stdbool.h>
#include <stdint.h>

/// x [planes, height, width] to y [planes, output_height, output_width]. Window (i, j) starts at i stride_height - top.
/// The caller has fixed the output size (floor or ceil); windows are cut at the image's edges, and every window of a
/// max pool reaches at least one pixel.
typedef struct {
  int64_t planes, height, width;
  int64_t output_height, output_width;
  int64_t kernel_height, kernel_width;
  int64_t stride_height, stride_width;
  int64_t top, left, bottom, right;
  int64_t dilation_height, dilation_width;
} tapestry_pooling;

/// The maximum of every window and, if `indices` is not NULL, where it lies: row * width + column of the first winner
/// in scan order; a NaN wins. float32 and float64.
void tapestry_max_pool(int32_t dtype, const tapestry_pooling *shape, const void *x, void *y, int32_t *indices);

/// The most elements of a window whose places in it are numbered by bytes.
enum { tapestry_most_numbers = 256 };

/// The same with the winner's place in its window: kernel row * kernel_width + kernel column, for windows of up to 256
/// elements.
void tapestry_max_pool_numbered(int32_t dtype, const tapestry_pooling *shape, const void *x, void *y, uint8_t *numbers);

/// gx = 0, then every g [planes, output_height, output_width] is added where its window's winner lies, in row-major
/// order.
void tapestry_max_pool_spread(
    int32_t dtype, const tapestry_pooling *shape, const void *g, const uint8_t *numbers, void *gx);

/// The pixel of x at every window's winner: the transpose of the above.
void tapestry_max_pool_gather(
    int32_t dtype, const tapestry_pooling *shape, const void *x, const uint8_t *numbers, void *y);

/// gx = 0, then gx[plane, indices[plane, j]] += g[plane, j] in ascending j.
void tapestry_plane_scatter(
    int32_t dtype, int64_t planes, int64_t outputs, int64_t inputs, const void *g, const int32_t *indices, void *gx);

/// y[plane, j] = x[plane, indices[plane, j]]: the transpose of the scatter.
void tapestry_plane_gather(
    int32_t dtype, int64_t planes, int64_t outputs, int64_t inputs, const void *x, const int32_t *indices, void *y);

enum {
  TAPESTRY_POOL_SUM = 0,
  TAPESTRY_POOL_AVERAGE_INSIDE,  // divided by the entries inside the image
  TAPESTRY_POOL_AVERAGE_PADDED,  // divided by the entries inside the image and its padding (top, left, bottom, right),
                                 // not beyond
};

/// The sum of every window, divided as `mode` says. float32 and float64.
void tapestry_sum_pool(int32_t dtype, int32_t mode, const tapestry_pooling *shape, const void *x, void *y);

/// The transpose of tapestry_sum_pool: gx is overwritten.
void tapestry_sum_pool_gradient(int32_t dtype, int32_t mode, const tapestry_pooling *shape, const void *gy, void *gx);

#endif
