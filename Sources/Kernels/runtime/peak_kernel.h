// Chains of multiply-adds that never leave the registers; included by variants.h only.
#include <stdint.h>

typedef float VARIANT(peak_vector) __attribute__((ext_vector_type(VECTOR_BYTES / 4)));

/// Twelve independent chains: enough to hide the latency of an addition on every processor so far, and few enough for
/// 16 registers. Where the variant has fused multiply-adds, the compiler may contract to them.
static float VARIANT(peak_rounds)(int64_t rounds) {
#pragma clang fp contract(fast)
  VARIANT(peak_vector) sums[12];
  const VARIANT(peak_vector) factor = 0.999f;
#pragma clang loop unroll(full)
  for (int c = 0; c < 12; c++) sums[c] = (float)c;
  for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
    for (int c = 0; c < 12; c++) sums[c] = sums[c] * factor + factor;
  }
  float total = 0;
#pragma clang loop unroll(full)
  for (int c = 0; c < 12; c++) total += sums[c][0];
  return total;
}
