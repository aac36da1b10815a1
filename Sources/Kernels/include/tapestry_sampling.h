// Images turned, shifted and scaled: numbers between pixels.
#ifndef TAPESTRY_SAMPLING_H
#define TAPESTRY_SAMPLING_H

#include <stdint.h>

/// line[i], first <= i < last: the number at the place (x + step_x i, y + step_y i) of a plane of rows of `width`
/// pixels, between the four pixels about it by distance (bilinear). Each of these places must have all four: 0 <=
/// column < width - 1, and the row likewise. Compiled without contraction to fused multiply-add: the same bits on every
/// processor.
void tapestry_sample_line(
    const float *plane, int64_t width, float x, float y, float step_x, float step_y, int64_t first, int64_t last,
    float *line);

#endif
