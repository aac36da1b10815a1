// Channels of images that are parts of something larger.
#ifndef TAPESTRY_CHANNELS_H
#define TAPESTRY_CHANNELS_H

#include <stdint.h>

/// y[n, c] = max(factors[c] x[n, c] + offsets[c], 0), NaN passing through, for planes of `pixels` elements. Image n of
/// x begins at n image_stride, image n of y at n channels pixels: x may be the first channels of something larger.
/// float32 and float64.
void tapestry_rectify_channels(
    int32_t dtype, int64_t samples, int64_t channels, int64_t pixels, const void *x, int64_t image_stride,
    const void *factors, const void *offsets, void *y);

#endif
