// The normal distribution on vectors of doubles: see random.c, which switches contraction off around this file.
#include "mathematics_kernel.h"

#if IS_DOUBLE
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
