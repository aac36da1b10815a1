// Local response normalisation of one REAL: see local_response.c.
#include "vector/mathematics_kernel.h"

/// d to the power -beta; the usual exponents by roots.
INLINE VECTOR NAME(decay)(VECTOR d, double beta) {
  const VECTOR one = SPLAT(1);
  if (beta == 0.75) {
    VECTOR root = __builtin_elementwise_sqrt(d);
    return one / (root * __builtin_elementwise_sqrt(root));
  }
  if (beta == 0.5) return one / __builtin_elementwise_sqrt(d);
  if (beta == 1) return one / d;
  return NAME(pow)(d, SPLAT(-beta));
}

/// k + alpha / size * the sum of the squares in the window of channel `c`; x is the pixels in channel 0.
INLINE VECTOR NAME(energy)(const response_job *job, int64_t c, const REAL *x, int64_t n) {
  int64_t first = c - job->before < 0 ? 0 : c - job->before;
  int64_t end = c + job->after + 1 > job->channels ? job->channels : c + job->after + 1;
  VECTOR sum = SPLAT(0);
  for (int64_t i = first; i < end; i++) {
    VECTOR v = NAME(load_up_to)(x + i * job->pixels, n, 0);
    sum += v * v;
  }
  return SPLAT(job->weight) * sum + SPLAT(job->k);
}

/// `n` pixels of all channels, those of channel 0 at x and y.
static void NAME(response_band)(const response_job *job, int64_t n, const REAL *x, REAL *y) {
  for (int64_t c = 0; c < job->channels; c++)
    for (int64_t i = 0; i < n; i += LANES) {
      VECTOR scale = NAME(decay)(NAME(energy)(job, c, x + i, n - i), job->beta);
      int64_t at = c * job->pixels + i;
      NAME(store_up_to)(y + at, n - i, NAME(load_up_to)(x + at, n - i, 0) * scale);
    }
}

/// gx[c] = g[c] d[c]^-beta - 2 beta weight x[c] sum of t over the channels whose window holds c, t = g x d^(-beta - 1).
/// `products` has room for t: response_band pixels of all channels.
static void NAME(response_gradient_band)(
    const response_job *job, int64_t n, const REAL *g, const REAL *x, REAL *gx, REAL *products) {
  int64_t channels = job->channels;
  for (int64_t c = 0; c < channels; c++)
    for (int64_t i = 0; i < n; i += LANES) {
      VECTOR d = NAME(energy)(job, c, x + i, n - i);
      int64_t at = c * job->pixels + i;
      VECTOR u = NAME(load_up_to)(g + at, n - i, 0) * NAME(decay)(d, job->beta);
      NAME(store_up_to)(gx + at, n - i, u);
      NAME(store)(products + c * response_band + i, u * NAME(load_up_to)(x + at, n - i, 0) / d);
    }
  const VECTOR factor = SPLAT(-2 * job->beta * job->weight);
  for (int64_t c = 0; c < channels; c++) {
    // Channel j's window is j - before ... j + after.
    int64_t first = c - job->after < 0 ? 0 : c - job->after;
    int64_t end = c + job->before + 1 > channels ? channels : c + job->before + 1;
    for (int64_t i = 0; i < n; i += LANES) {
      VECTOR sum = SPLAT(0);
      for (int64_t j = first; j < end; j++) sum += NAME(load)(products + j * response_band + i);
      int64_t at = c * job->pixels + i;
      VECTOR rest = factor * NAME(load_up_to)(x + at, n - i, 0) * sum;
      NAME(store_up_to)(gx + at, n - i, NAME(load_up_to)(gx + at, n - i, 0) + rest);
    }
  }
}
