// Strided copies (permuted, reversed, broadcast, every other element), gather and scatter.
#include "driver.h"

#include <stdlib.h>

static void strided_case(void) {
  static const int32_t dtypes[] = {TAPESTRY_FLOAT32, TAPESTRY_FLOAT64, TAPESTRY_BOOL};
  int32_t dtype = dtypes[pick(0, 2)], rank = (int32_t)pick(0, 4);
  int64_t sizes[4], order[4] = {0, 1, 2, 3}, source_strides[4], target_strides[4], count = 1, needed = 1, first = 0;
  for (int32_t axis = 0; axis < rank; axis++) sizes[axis] = pick(1, 24);
  for (int32_t axis = rank - 1; axis > 0; axis--) {
    int64_t other = pick(0, axis), held = order[axis];
    order[axis] = order[other], order[other] = held;
  }
  for (int32_t axis = rank - 1; axis >= 0; axis--) {
    target_strides[axis] = count;
    count *= sizes[axis];
  }
  if (count > 100000) return;
  // The source: axes in another order, some of them backwards, every other element, or one for all.
  for (int32_t k = 0; k < rank; k++) {
    int64_t axis = order[k], step = chance(5) ? 2 : 1;
    if (chance(6)) {
      source_strides[axis] = 0;
      continue;
    }
    bool backwards = chance(5);
    source_strides[axis] = (backwards ? -1 : 1) * needed * step;
    if (backwards) first += needed * step * (sizes[axis] - 1);
    needed *= (sizes[axis] - 1) * step + 1;
  }
  describe("strided copy of rank %d, %lld elements", rank, (long long)count);
  array source = dtype == TAPESTRY_BOOL ? integers(dtype, needed, 0, 1) : operand(dtype, needed),
        target = result(dtype, count);
  for (int64_t i = 0; i < count; i++) {
    int64_t from = first;
    for (int32_t axis = 0; axis < rank; axis++) from += i / target_strides[axis] % sizes[axis] * source_strides[axis];
    target.values[i] = source.values[from];
  }
  int32_t bytes = dtype == TAPESTRY_FLOAT32 ? 4 : dtype == TAPESTRY_FLOAT64 ? 8 : 1;
  tapestry_strided_copy(
      bytes, rank, sizes, target_strides, target.memory, source_strides, (const char *)source.memory + first * bytes);
  check(&target, 0, 0, "strided copy");
}

static void gather_case(void) {
  int32_t dtype = pick_dtype();
  int64_t outer = pick(1, 4), rows = pick(1, 20), inner = pick(1, 40), count = pick(1, 20);
  describe("gather of %lld from %lldx%lldx%lld", (long long)count, (long long)outer, (long long)rows, (long long)inner);
  array x = operand(dtype, outer * rows * inner), indices = integers(TAPESTRY_INT64, count, 0, rows - 1);
  array y = result(dtype, outer * count * inner), g = operand(dtype, outer * count * inner),
        gx = result(dtype, x.count);
  for (int64_t i = 0; i < y.count; i++) {
    int64_t o = i / inner / count, j = i / inner % count,
            from = (o * rows + (int64_t)indices.values[j]) * inner + i % inner;
    y.values[i] = x.values[from];
    gx.values[from] += g.values[i];
  }
  tapestry_gather(dtype == TAPESTRY_FLOAT32 ? 4 : 8, outer, rows, inner, count, indices.memory, x.memory, y.memory);
  check(&y, 0, 0, "gather");
  tapestry_scatter_add(dtype, outer, rows, inner, count, indices.memory, g.memory, gx.memory);
  check(&gx, 2e-6, 1e-14, "scatter");
}

void copy_case(void) {
  if (chance(3)) gather_case();
  else strided_case();
}
