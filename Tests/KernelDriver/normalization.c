// Batch, group, layer, root-mean-square and local response normalisation, and their gradients.
#include "driver.h"

#include <math.h>

static void batch_or_group_case(int32_t dtype) {
  int64_t groups = chance(2) ? 0 : pick(1, 4), channels = groups ? groups * pick(1, 6) : pick(1, 40);
  int64_t samples = pick(1, chance(4) ? 40 : 5), pixels = chance(3) ? 1 : pick(1, chance(4) ? 400 : 40);
  if (groups == 0 && samples * pixels < 2) samples = 2;
  bool relu = groups == 0 && chance(2), has_addend = relu && chance(2), fixed = chance(3);
  tapestry_normalization shape = {samples, channels, pixels, groups, 1e-3, relu};
  describe(
      "normalisation of %lld samples, %lld channels, %lld pixels, %lld groups%s%s%s", (long long)samples,
      (long long)channels, (long long)pixels, (long long)groups, relu ? ", relu" : "", has_addend ? ", addend" : "",
      fixed ? ", fixed" : "");
  int64_t count = samples * channels * pixels, set_count = groups ? samples * groups : channels;
  array x = operand(dtype, count), scale = operand(dtype, channels), shift = operand(dtype, channels),
        addend = operand(dtype, count);
  array g = operand(dtype, count), y = result(dtype, count), gx = result(dtype, count), gaddend = result(dtype, count);
  array gscale = result(dtype, channels), gshift = result(dtype, channels);
  array mean = fixed ? operand(dtype, set_count) : result(dtype, set_count);
  array variance = fixed ? operand_between(dtype, set_count, 0.1, 1) : result(dtype, set_count);
#define SET(i) (groups ? (i) / pixels / (channels / groups) : (i) / pixels % channels)
  double per_set = (double)count / (double)set_count;
  if (!fixed) {
    for (int64_t i = 0; i < count; i++) mean.values[SET(i)] += x.values[i] / per_set;
    for (int64_t i = 0; i < count; i++) variance.values[SET(i)] += pow(x.values[i] - mean.values[SET(i)], 2) / per_set;
  }
  for (int64_t i = 0; i < count; i++) {
    int64_t c = i / pixels % channels;
    double z =
        (x.values[i] - mean.values[SET(i)]) / sqrt(variance.values[SET(i)] + 1e-3) * scale.values[c] + shift.values[c];
    if (has_addend) z += addend.values[i];
    y.values[i] = relu && z < 0 ? 0 : z;
  }
  if (fixed)
    tapestry_normalize_with(
        dtype, &shape, x.memory, mean.memory, variance.memory, scale.memory, shift.memory,
        has_addend ? addend.memory : NULL, y.memory);
  else
    tapestry_normalize(
        dtype, &shape, x.memory, scale.memory, shift.memory, has_addend ? addend.memory : NULL, y.memory, mean.memory,
        variance.memory);
  check(&y, 1e-5, 1e-12, "normalised");
  check(&mean, 2e-6, 1e-14, "means");
  check(&variance, 2e-6, 1e-14, "variances");

  // The gradients with statistics as the kernel rounded them, and the gate that its y decides, so that no element is at
  // the edge.
  enum { most_sets = 256 };
  double sums[most_sets] = {0}, products[most_sets] = {0};
  const float *y32 = y.memory;
  const double *y64 = y.memory;
  for (int64_t i = 0; i < count; i++) {
    int64_t c = i / pixels % channels, k = SET(i);
    bool open = !relu || (dtype == TAPESTRY_FLOAT32 ? y32[i] > 0 : y64[i] > 0);
    double through = open ? g.values[i] : 0, r = 1 / sqrt(variance.values[k] + 1e-3),
           n = (x.values[i] - mean.values[k]) * r;
    gaddend.values[i] = through;
    gshift.values[c] += through;
    gscale.values[c] += through * n;
    sums[k] += scale.values[c] * through;
    products[k] += scale.values[c] * through * n;
  }
  for (int64_t i = 0; i < count; i++) {
    int64_t c = i / pixels % channels, k = SET(i);
    double r = 1 / sqrt(variance.values[k] + 1e-3), n = (x.values[i] - mean.values[k]) * r;
    gx.values[i] = r * scale.values[c] * gaddend.values[i];
    if (!fixed) gx.values[i] -= r * (sums[k] + n * products[k]) / per_set;
  }
#undef SET
  tapestry_normalization_relu gate = {0};
  if (relu && has_addend) gate.y = y.memory, gate.gaddend = gaddend.memory;
  else if (relu) gate.shift = shift.memory;
  tapestry_normalize_gradient(
      dtype, &shape, fixed, g.memory, x.memory, mean.memory, variance.memory, scale.memory, relu ? &gate : NULL,
      gx.memory, gscale.memory, gshift.memory);
  check(&gx, 2e-5, 1e-12, "gradient");
  check(&gscale, 2e-5, 1e-12, "gradient of the scale");
  check(&gshift, 2e-5, 1e-12, "gradient of the shift");
  if (relu && has_addend) check(&gaddend, 0, 0, "gradient of the addend");
}

static void rows_case(int32_t dtype) {
  int64_t rows = pick(1, 20), width = pick(2, chance(4) ? 600 : 60);
  describe("rows: %lld of %lld", (long long)rows, (long long)width);
  array x = operand(dtype, rows * width), g = operand(dtype, rows * width), scale = operand(dtype, width),
        shift = operand(dtype, width);
  array y = result(dtype, rows * width), gx = result(dtype, rows * width), gscale = result(dtype, width),
        gshift = result(dtype, width);
  array mean = result(dtype, rows), variance = result(dtype, rows);
  for (int64_t r = 0; r < rows; r++) {
    const double *v = x.values + r * width, *c = g.values + r * width;
    double m = 0, q = 0, sum = 0, product = 0;
    for (int64_t i = 0; i < width; i++) m += v[i] / (double)width;
    for (int64_t i = 0; i < width; i++) q += (v[i] - m) * (v[i] - m) / (double)width;
    mean.values[r] = m, variance.values[r] = q;
    double inverse = 1 / sqrt(q + 1e-3);
    for (int64_t i = 0; i < width; i++) {
      double n = (v[i] - m) * inverse;
      y.values[r * width + i] = n * scale.values[i] + shift.values[i];
      gshift.values[i] += c[i];
      gscale.values[i] += c[i] * n;
      sum += c[i] * scale.values[i];
      product += c[i] * scale.values[i] * n;
    }
    for (int64_t i = 0; i < width; i++)
      gx.values[r * width + i] =
          inverse * (c[i] * scale.values[i] - (sum + (v[i] - m) * inverse * product) / (double)width);
  }
  tapestry_normalize_rows(
      dtype, rows, width, 1e-3, x.memory, scale.memory, shift.memory, y.memory, mean.memory, variance.memory);
  check(&y, 1e-5, 1e-12, "rows");
  check(&mean, 2e-6, 1e-14, "means of rows");
  check(&variance, 2e-6, 1e-14, "variances of rows");
  tapestry_normalize_rows_gradient(
      dtype, rows, width, 1e-3, g.memory, x.memory, mean.memory, variance.memory, scale.memory, gx.memory,
      gscale.memory, gshift.memory);
  check(&gx, 2e-5, 1e-12, "gradient of rows");
  check(&gscale, 2e-5, 1e-12, "gradient of the scale");
  check(&gshift, 2e-5, 1e-12, "gradient of the shift");
}

static void local_response_case(int32_t dtype) {
  tapestry_local_response s = {pick(1, 3), pick(1, 20), pick(1, 150), pick(1, 6), 0.3, 0.75, 1.5};
  if (chance(3)) s.beta = chance(2) ? 0.5 : 0.6;
  describe(
      "local response: %lld samples, %lld channels, %lld pixels, size %lld", (long long)s.samples,
      (long long)s.channels, (long long)s.pixels, (long long)s.size);
  int64_t count = s.samples * s.channels * s.pixels;
  array x = operand(dtype, count), g = operand(dtype, count), y = result(dtype, count), gx = result(dtype, count);
  for (int64_t i = 0; i < count; i++) {
    int64_t c = i / s.pixels % s.channels;
    double d = 0;
    for (int64_t k = c - s.size / 2; k <= c + (s.size - 1) / 2; k++)
      if (k >= 0 && k < s.channels) d += pow(x.values[i + (k - c) * s.pixels], 2);
    d = s.k + s.alpha / (double)s.size * d;
    y.values[i] = x.values[i] * pow(d, -s.beta);
    gx.values[i] += g.values[i] * pow(d, -s.beta);
    for (int64_t k = c - s.size / 2; k <= c + (s.size - 1) / 2; k++)
      if (k >= 0 && k < s.channels)
        gx.values[i + (k - c) * s.pixels] -= 2 * s.beta * s.alpha / (double)s.size * g.values[i] * x.values[i] *
                                             pow(d, -s.beta - 1) * x.values[i + (k - c) * s.pixels];
  }
  tapestry_local_response_normalize(dtype, &s, x.memory, y.memory);
  check(&y, 2e-6, 1e-14, "local response");
  tapestry_local_response_gradient(dtype, &s, g.memory, x.memory, gx.memory);
  check(&gx, 4e-6, 1e-14, "gradient of the local response");
}

static void root_rows_case(int32_t dtype) {
  int64_t rows = pick(1, chance(4) ? 600 : 9), width = pick(1, chance(4) ? 5000 : 70);
  if (rows * width > 100000) rows = pick(1, 20);
  describe("root mean square of %lld rows of %lld", (long long)rows, (long long)width);
  int64_t count = rows * width;
  array x = operand(dtype, count), g = operand(dtype, count), scale = operand(dtype, width);
  array y = result(dtype, count), gx = result(dtype, count), gscale = result(dtype, width);
  for (int64_t row = 0; row < rows; row++) {
    int64_t at = row * width;
    double squares = 0, products = 0;
    for (int64_t i = 0; i < width; i++) {
      squares += x.values[at + i] * x.values[at + i];
      products += x.values[at + i] * g.values[at + i] * scale.values[i];
    }
    double r = 1 / sqrt(squares / (double)width + 1e-3);
    for (int64_t i = 0; i < width; i++) {
      y.values[at + i] = x.values[at + i] * r * scale.values[i];
      gx.values[at + i] =
          r * g.values[at + i] * scale.values[i] - r * r * r * products / (double)width * x.values[at + i];
      gscale.values[i] += g.values[at + i] * x.values[at + i] * r;
    }
  }
  tapestry_normalize_root_rows(dtype, rows, width, 1e-3, x.memory, scale.memory, y.memory);
  check(&y, 1e-5, 1e-12, "divided by the root");
  tapestry_normalize_root_rows_gradient(
      dtype, rows, width, 1e-3, g.memory, x.memory, scale.memory, gx.memory, gscale.memory);
  check(&gx, 2e-5, 1e-12, "gradient");
  check(&gscale, 2e-5, 1e-12, "gradient of the scale");
}

void normalization_case(void) {
  int32_t dtype = pick_dtype();
  if (chance(4)) rows_case(dtype);
  else if (chance(4)) root_rows_case(dtype);
  else if (chance(4)) local_response_case(dtype);
  else batch_or_group_case(dtype);
}
