// Normalisation of numbers whose squares or sums leave the range of their type: see normalization_wide.c.
#ifndef TAPESTRY_NORMALIZATION_WIDE_H
#define TAPESTRY_NORMALIZATION_WIDE_H

#include "include/tapestry_normalization.h"

/// Run r of set s is the plane s * set_step + r * run_step of `pixels` elements. Scales belong to channels, the plane
/// modulo their number, or with `by_place` to the places of a plane.
typedef struct {
  int32_t dtype;
  int64_t sets, runs, set_step, run_step, pixels, scales;
  bool by_place, relu;
  double epsilon;
} tapestry_wide_normalization;

/// Whether any of `count` statistics is infinite or NaN.
bool tapestry_wide_is_needed(int32_t dtype, int64_t count, const void *mean, const void *variance);

/// The results, once more, of sets whose mean or variance is infinite or NaN though their numbers are not.
void tapestry_wide_forward(
    const tapestry_wide_normalization *shape, const void *x, const void *scale, const void *shift, const void *addend,
    void *y, void *mean, void *variance);

/// The gradients of all sets, each from moments of its own. Operands as tapestry_normalize_gradient.
void tapestry_wide_gradient(
    const tapestry_wide_normalization *shape, const void *g, const void *x, const void *scale,
    const tapestry_normalization_relu *relu, void *gx, void *gscale, void *gshift);

#endif
