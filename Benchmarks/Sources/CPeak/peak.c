// The rate of fused multiply-adds that a kernel could reach at best: chains that never leave registers.
#include "peak.h"

#define CHAINS 12

#define LOOP(name, lanes, attributes)                                                     \
  typedef float name##_vector __attribute__((vector_size(lanes * 4)));                   \
  attributes static int64_t name(int64_t rounds, float *sink) {                           \
    name##_vector sums[CHAINS];                                                           \
    name##_vector factor = {0};                                                           \
    factor += 0.999f;                                                                     \
    _Pragma("clang loop unroll(full)") for (int c = 0; c < CHAINS; c++) {                 \
      name##_vector start = {0};                                                          \
      sums[c] = start + (float)c;                                                         \
    }                                                                                     \
    for (int64_t round = 0; round < rounds; round++) {                                    \
      _Pragma("clang loop unroll(full)") for (int c = 0; c < CHAINS; c++) sums[c] =       \
          __builtin_elementwise_fma(sums[c], factor, factor);                             \
    }                                                                                     \
    float total = 0;                                                                      \
    for (int c = 0; c < CHAINS; c++) total += sums[c][0];                                 \
    *sink = total;                                                                        \
    return rounds * CHAINS * lanes * 2;                                                   \
  }

#if defined(__x86_64__)
LOOP(peak_avx512, 16, __attribute__((target("avx512f"))))
LOOP(peak_avx2, 8, __attribute__((target("avx2,fma"))))

int64_t peak_fused_multiply_adds(int64_t rounds, float *sink) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") ? peak_avx512(rounds, sink) : peak_avx2(rounds, sink);
}
#else
LOOP(peak_four, 4, )

int64_t peak_fused_multiply_adds(int64_t rounds, float *sink) { return peak_four(rounds, sink); }
#endif
