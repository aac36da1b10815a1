// Normalisation of numbers whose squares or sums leave the range of their type: the same results one by one in double,
// in units of each set's largest number. It is needed so rarely that it is short and not fast.
#include "normalization/normalization_wide.h"
#include "include/tapestry_machine.h"
#include "include/tapestry_memory.h"

#include <string.h>

static double get(int32_t dtype, const void *x, int64_t i) {
  return dtype == TAPESTRY_FLOAT32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void put(int32_t dtype, void *y, int64_t i, double value) {
  if (dtype == TAPESTRY_FLOAT32) ((float *)y)[i] = (float)value;
  else ((double *)y)[i] = value;
}

static bool is_finite(double x) { return x - x == 0; }

bool tapestry_wide_is_needed(int32_t dtype, int64_t count, const void *mean, const void *variance) {
  for (int64_t set = 0; set < count; set++)
    if (!is_finite(get(dtype, mean, set)) || !is_finite(get(dtype, variance, set))) return true;
  return false;
}

// Visits the elements of a set: `at` is the element, `k` its scale.
#define FOR_ELEMENTS(...)                                                          \
  for (int64_t run = 0; run < s->runs; run++) {                                    \
    int64_t plane = set * s->set_step + run * s->run_step;                         \
    for (int64_t i = 0; i < s->pixels; i++) {                                      \
      int64_t at = plane * s->pixels + i, k = s->by_place ? i : plane % s->scales; \
      (void)k;                                                                     \
      __VA_ARGS__                                                                  \
    }                                                                              \
  }

/// Mean and variance in units; 1 / sqrt(variance + epsilon), per unit. All NaN where a number is not finite.
typedef struct {
  double unit, mean, variance, inverse;
} moments;

static moments measured(const tapestry_wide_normalization *s, int64_t set, const void *x) {
  double largest = 0, count = (double)(s->runs * s->pixels);
  bool finite = true;
  FOR_ELEMENTS({
    double v = get(s->dtype, x, at);
    finite = finite && is_finite(v);
    if (v < 0) v = -v;
    if (v > largest) largest = v;
  })
  moments m = {.unit = finite ? largest > 0 ? largest : 1 : __builtin_nan("")};
  FOR_ELEMENTS({ m.mean += get(s->dtype, x, at) / m.unit; })
  m.mean /= count;
  FOR_ELEMENTS({
    double d = get(s->dtype, x, at) / m.unit - m.mean;
    m.variance += d * d;
  })
  m.variance /= count;
  m.inverse = 1 / __builtin_sqrt(m.variance + s->epsilon / m.unit / m.unit);
  return m;
}

void tapestry_wide_forward(
    const tapestry_wide_normalization *s, const void *x, const void *scale, const void *shift, const void *addend,
    void *y, void *mean, void *variance) {
  for (int64_t set = 0; set < s->sets; set++) {
    if (is_finite(get(s->dtype, mean, set)) && is_finite(get(s->dtype, variance, set))) continue;
    moments m = measured(s, set, x);
    if (m.unit != m.unit) continue;
    put(s->dtype, mean, set, m.mean * m.unit);
    put(s->dtype, variance, set, m.variance * m.unit * m.unit);
    FOR_ELEMENTS({
      double z = (get(s->dtype, x, at) / m.unit - m.mean) * m.inverse;
      z = z * get(s->dtype, scale, k) + get(s->dtype, shift, k);
      if (addend) z += get(s->dtype, addend, at);
      put(s->dtype, y, at, s->relu && z < 0 ? 0 : z);
    })
  }
}

void tapestry_wide_gradient(
    const tapestry_wide_normalization *s, const void *g, const void *x, const void *scale,
    const tapestry_normalization_relu *relu, void *gx, void *gscale, void *gshift) {
  size_t bytes = (size_t)s->scales * 2 * sizeof(double);
  double *totals = tapestry_allocate(bytes);
  memset(totals, 0, bytes);
  for (int64_t set = 0; set < s->sets; set++) {
    moments m = measured(s, set, x);
    double count = (double)(s->runs * s->pixels), sum = 0, product = 0;
    // With an addend the cotangents that are let through are a result, which the second loop reads.
    const void *through = s->relu && relu->y ? relu->gaddend : g;
    FOR_ELEMENTS({
      double v = get(s->dtype, g, at), z = (get(s->dtype, x, at) / m.unit - m.mean) * m.inverse;
      if (s->relu && relu->y) {
        v = get(s->dtype, relu->y, at) > 0 ? v : 0;
        put(s->dtype, relu->gaddend, at, v);
      } else if (s->relu) {
        v = z * get(s->dtype, scale, k) + get(s->dtype, relu->shift, k) > 0 ? v : 0;
      }
      totals[2 * k] += v;
      totals[2 * k + 1] += v * z;
      sum += v * get(s->dtype, scale, k);
      product += v * get(s->dtype, scale, k) * z;
    })
    FOR_ELEMENTS({
      double v = get(s->dtype, through, at), z = (get(s->dtype, x, at) / m.unit - m.mean) * m.inverse;
      if (s->relu && !relu->y) v = z * get(s->dtype, scale, k) + get(s->dtype, relu->shift, k) > 0 ? v : 0;
      put(s->dtype, gx, at, (v * get(s->dtype, scale, k) - (sum + z * product) / count) * m.inverse / m.unit);
    })
  }
  for (int64_t k = 0; k < s->scales; k++) {
    put(s->dtype, gshift, k, totals[2 * k]);
    put(s->dtype, gscale, k, totals[2 * k + 1]);
  }
  tapestry_release(totals, bytes);
}
