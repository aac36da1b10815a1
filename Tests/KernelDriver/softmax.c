// Softmax, its logarithm, the cross-entropy and their gradients.
#include "driver.h"

#include <math.h>

void softmax_case(void) {
  int32_t dtype = pick_dtype();
  bool logarithm = chance(2);
  int64_t outer = pick(1, 12), classes = pick(1, chance(4) ? 300 : 30), inner = chance(2) ? 1 : pick(1, 80);
  if (outer * classes * inner > 40000) inner = 1;
  describe(
      "softmax of %lldx%lldx%lld%s", (long long)outer, (long long)classes, (long long)inner,
      logarithm ? ", logarithm" : "");
  int64_t count = outer * classes * inner, positions = outer * inner;
  array x = operand_between(dtype, count, -8, 8), g = operand(dtype, count), y = result(dtype, count),
        gx = result(dtype, count);
  array labels = integers(TAPESTRY_INT64, positions, -1, classes - 1), scales = operand(dtype, positions);
  array losses = result(dtype, positions), probabilities = result(dtype, count), gl = result(dtype, count);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < inner; i++) {
      int64_t first = o * classes * inner + i, label = (int64_t)labels.values[o * inner + i];
      double largest = -INFINITY, sum = 0, total = 0;
      for (int64_t c = 0; c < classes; c++) largest = fmax(largest, x.values[first + c * inner]);
      for (int64_t c = 0; c < classes; c++) sum += exp(x.values[first + c * inner] - largest);
      for (int64_t c = 0; c < classes; c++) {
        int64_t at = first + c * inner;
        double p = exp(x.values[at] - largest) / sum;
        probabilities.values[at] = p;
        y.values[at] = logarithm ? x.values[at] - largest - log(sum) : p;
        total += logarithm ? g.values[at] : g.values[at] * p;
        gl.values[at] = label < 0 ? 0 : scales.values[o * inner + i] * (p - (c == label));
      }
      for (int64_t c = 0; c < classes; c++) {
        int64_t at = first + c * inner;
        double p = probabilities.values[at];
        gx.values[at] = logarithm ? g.values[at] - p * total : p * (g.values[at] - total);
      }
      losses.values[o * inner + i] = label < 0 ? 0 : largest + log(sum) - x.values[first + label * inner];
    }
  tapestry_softmax(dtype, logarithm, outer, classes, inner, x.memory, y.memory);
  check(&y, 2e-6, 1e-14, "softmax");
  tapestry_softmax_gradient(dtype, logarithm, outer, classes, inner, g.memory, y.memory, gx.memory);
  check(&gx, 6e-6, 1e-13, "gradient of softmax");
  bool wanted = chance(2);
  tapestry_cross_entropy(
      dtype, outer, classes, inner, x.memory, labels.memory, losses.memory, wanted ? probabilities.memory : NULL);
  check(&losses, 2e-6, 1e-14, "cross-entropy");
  if (wanted) check(&probabilities, 2e-6, 1e-14, "probabilities");
  tapestry_cross_entropy_gradient(dtype, outer, classes, inner, x.memory, labels.memory, scales.memory, gl.memory);
  check(&gl, 2e-6, 1e-14, "gradient of the cross-entropy");
}
