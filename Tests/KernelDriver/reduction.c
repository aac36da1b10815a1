// Sums, extremes and where they are, over the middle axis; products of two arrays.
#include "driver.h"

#include <math.h>

void reduction_case(void) {
  int32_t dtype = pick_dtype(), reduction = (int32_t)pick(TAPESTRY_SUM, TAPESTRY_SUM_OF_SQUARES);
  int64_t outer = pick(1, 6), reduced = pick(1, chance(4) ? 900 : 40), inner = chance(2) ? 1 : pick(1, 60);
  describe("reduction %d of %lldx%lldx%lld", reduction, (long long)outer, (long long)reduced, (long long)inner);
  array x = operand(dtype, outer * reduced * inner), z = operand(dtype, x.count), y = result(dtype, outer * inner);
  array where = result(TAPESTRY_INT64, outer * inner), dot = result(TAPESTRY_FLOAT64, 2);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < inner; i++) {
      const double *v = x.values + o * reduced * inner + i;
      double total = reduction == TAPESTRY_MAX || reduction == TAPESTRY_MIN ? v[0] : 0, best = v[0];
      for (int64_t r = 0; r < reduced; r++) {
        double u = v[r * inner];
        total = reduction == TAPESTRY_SUM              ? total + u
                : reduction == TAPESTRY_SUM_OF_SQUARES ? total + u * u
                : reduction == TAPESTRY_MAX            ? fmax(total, u)
                                                       : fmin(total, u);
        if (u > best) best = u, where.values[o * inner + i] = (double)r;
      }
      y.values[o * inner + i] = total;
    }
  for (int64_t i = 0; i < x.count; i++) {
    dot.values[0] += x.values[i] * z.values[i];
    dot.values[1] += x.values[i] * x.values[i];
  }
  tapestry_reduce(reduction, dtype, outer, reduced, inner, x.memory, y.memory);
  check(&y, 2e-6, 1e-13, "reduction");
  tapestry_argmax(dtype, outer, reduced, inner, x.memory, where.memory);
  check(&where, 0, 0, "place of the largest");
  ((double *)dot.memory)[0] = tapestry_dot(dtype, x.count, x.memory, z.memory);
  ((double *)dot.memory)[1] = tapestry_sum_of_squares(dtype, x.count, x.memory);
  check(&dot, 0, 1e-12, "products");
}
