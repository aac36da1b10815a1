// Normalisation to mean 0 and variance 1, scaled and shifted: batch, group and layer normalisation. Below, local
// response normalisation.
//
// Elements that share a mean are a set. Means and variances are those of the sets in order, the variances biased;
// scales, shifts and their gradients are float32 or float64 like the elements. Statistics are computed in blocks that
// fit the first-level cache, each centred on its own mean, and joined in double.
#ifndef TAPESTRY_NORMALIZATION_H
#define TAPESTRY_NORMALIZATION_H

#include <stdbool.h>
#include <stdint.h>

/// x is [samples, channels, pixels], with a scale and a shift per channel. If `groups` is 0 a set is a channel of all
/// samples (batch normalisation, `channels` sets), else one of `groups` equal runs of channels of one sample
/// (`samples` * `groups` sets). If `relu`, negative results become 0; with batch normalisation only.
typedef struct {
  int64_t samples, channels, pixels, groups;
  double epsilon;
  bool relu;
} tapestry_normalization;

/// y = (x - mean) / sqrt(variance + epsilon) * scale + shift, the statistics being results, then + `addend`, shaped
/// like x, where there is one (with `relu` only), then max(y, 0) if `relu`. One pass over memory where a set fits a
/// cache, else two.
void tapestry_normalize(
    int32_t dtype, const tapestry_normalization *shape, const void *x, const void *scale, const void *shift,
    const void *addend, void *y, void *mean, void *variance);

/// The same with statistics that are given: one pass.
void tapestry_normalize_with(
    int32_t dtype, const tapestry_normalization *shape, const void *x, const void *mean, const void *variance,
    const void *scale, const void *shift, const void *addend, void *y);

/// What tells the gradient where max(y, 0) let a cotangent through; all NULL without `relu`.
typedef struct {
  const void *shift;  // without addend: y is computed again
  const void *y;      // with addend: the result
  void *gaddend;      // with addend: receives its gradient, the cotangents let through; may be g
} tapestry_normalization_relu;

/// The gradients of x, scale and shift for the cotangent g of y. If `fixed`, mean and variance were given; otherwise
/// they depend on x, and gx takes that into account. gx may be g where there is no addend. Reads g and x twice where a
/// set fits no cache.
void tapestry_normalize_gradient(
    int32_t dtype, const tapestry_normalization *shape, bool fixed, const void *g, const void *x, const void *mean,
    const void *variance, const void *scale, const tapestry_normalization_relu *relu, void *gx, void *gscale,
    void *gshift);

/// Layer normalisation: x is [rows, width], a set is a row, scale and shift have `width` elements.
void tapestry_normalize_rows(
    int32_t dtype, int64_t rows, int64_t width, double epsilon, const void *x, const void *scale, const void *shift,
    void *y, void *mean, void *variance);

/// Its gradients; gx may be g.
void tapestry_normalize_rows_gradient(
    int32_t dtype, int64_t rows, int64_t width, double epsilon, const void *g, const void *x, const void *mean,
    const void *variance, const void *scale, void *gx, void *gscale, void *gshift);

/// y = x / sqrt(mean of x^2 over the row + epsilon) scale: x is [rows, width], scale has `width` elements.
void tapestry_normalize_root_rows(
    int32_t dtype, int64_t rows, int64_t width, double epsilon, const void *x, const void *scale, void *y);

/// Its gradients for the cotangent g of y.
void tapestry_normalize_root_rows_gradient(
    int32_t dtype, int64_t rows, int64_t width, double epsilon, const void *g, const void *x, const void *scale,
    void *gx, void *gscale);

/// x is [samples, channels, pixels]; a window is the channels c - size / 2 ... c + (size - 1) / 2 that exist.
typedef struct {
  int64_t samples, channels, pixels, size;
  double alpha, beta, k;
} tapestry_local_response;

/// y = x / d^beta, d = k + alpha / size * the sum of x^2 over the window.
void tapestry_local_response_normalize(int32_t dtype, const tapestry_local_response *shape, const void *x, void *y);

/// The gradient of x for the cotangent g of y; d is computed again.
void tapestry_local_response_gradient(
    int32_t dtype, const tapestry_local_response *shape, const void *g, const void *x, void *gx);

#endif
