// The normal distribution on vectors of doubles: see random.c, which switches contraction off around this file.
#include "vector/mathematics_kernel.h"

#if IS_DOUBLE
/// Blocks first ..< first + n of Philox4x32-10 (see random.c), n <= random_blocks: words[4 b + w].
static void NAME(philox)(uint64_t key, uint64_t counter, uint64_t first, int64_t n, uint32_t *words) {
  uint32_t c[4][random_blocks];
  for (int b = 0; b < random_blocks; b++) {
    c[0][b] = (uint32_t)counter;
    c[1][b] = (uint32_t)(counter >> 32);
    c[2][b] = (uint32_t)(first + (uint64_t)b);
    c[3][b] = (uint32_t)((first + (uint64_t)b) >> 32);
  }
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    for (int b = 0; b < random_blocks; b++) {
      uint64_t p0 = (uint64_t)0xD2511F53 * c[0][b], p1 = (uint64_t)0xCD9E8D57 * c[2][b];
      c[0][b] = (uint32_t)(p1 >> 32) ^ c[1][b] ^ k0;
      c[2][b] = (uint32_t)(p0 >> 32) ^ c[3][b] ^ k1;
      c[1][b] = (uint32_t)p1;
      c[3][b] = (uint32_t)p0;
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  for (int64_t b = 0; b < n; b++)
    for (int w = 0; w < 4; w++) words[4 * b + w] = c[w][b];
}

/// Box and Muller's pair for `2 * LANES` words, first uniform u from 53 bits in (0, 1], then v in [0, 1):
/// radius sqrt(-2 ln u), angle 2 pi v. `first` gets radius * cos, `second` radius * sin.
static void NAME(normal_pairs)(int64_t n, const uint64_t *low, const uint64_t *high, double *first, double *second) {
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR u, v;
    for (int lane = 0; lane < LANES; lane++) {
      u[lane] = (double)((low[i + lane] >> 11) + 1) * 0x1p-53;
      v[lane] = (double)(high[i + lane] >> 11) * 0x1p-53;
    }
    VECTOR radius = __builtin_elementwise_sqrt(NAME(log)(u) * -2.0);
    VECTOR angle = v * 6.28318530717958647692;
    NAME(store)(first + i, radius * NAME(cos)(angle));
    NAME(store)(second + i, radius * NAME(sin)(angle));
  }
}
#endif
