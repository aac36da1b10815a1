// Rows of attention scores, for one REAL: see attention.c.
#include "vector/mathematics_kernel.h"

#define LOWEST (-(REAL)__builtin_inf())

/// scores = scale scores + bias for the first `limit` of n, where the mask holds; -infinity elsewhere.
static void NAME(finish_scores)(
    int64_t n, int64_t limit, REAL scale, const REAL *bias, int64_t bias_column, const uint8_t *mask,
    int64_t mask_column, REAL *scores) {
  for (int64_t i = 0; i < limit; i += LANES) {
    VECTOR s = NAME(load_up_to)(scores + i, limit - i, 0) * scale;
    if (bias) s += bias_column ? NAME(load_up_to)(bias + i, limit - i, 0) : SPLAT(*bias);
    NAME(store_up_to)(scores + i, limit - i, s);
  }
  if (mask)
    for (int64_t i = 0; i < limit; i++)
      if (!mask[i * mask_column]) scores[i] = LOWEST;
  for (int64_t i = limit; i < n; i++) scores[i] = LOWEST;
}

/// scores = e^(scores - m) with m the larger of *largest and all scores, which becomes *largest; *sum goes on with
/// them. Gives the factor e^(old m - m) of what has been summed before.
static REAL NAME(continue_softmax)(int64_t n, REAL *scores, REAL *largest, REAL *sum) {
  VECTOR most = SPLAT(*largest);
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR s = NAME(load_up_to)(scores + i, n - i, LOWEST);
    most = NAME(larger)(most, s);
  }
  REAL m = most[0];
  for (int lane = 1; lane < LANES; lane++) m = m != m || m > most[lane] ? m : most[lane];
  // No key yet: e^(-infinity - 0) is 0 as it should be.
  REAL shift = m == LOWEST ? 0 : m;
  VECTOR total = SPLAT(0);
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR e = NAME(exp)(NAME(load_up_to)(scores + i, n - i, LOWEST) - shift);
    NAME(store_up_to)(scores + i, n - i, e);
    total += e;
  }
  REAL factor = *largest == m ? 1 : NAME(exp)(SPLAT(*largest - shift))[0];
  *largest = m;
  *sum = *sum * factor + (REAL)NAME(sum_of_lanes)(total);
  return factor;
}

/// y = factor y.
static void NAME(scale_row)(int64_t n, REAL factor, REAL *y) {
  for (int64_t i = 0; i < n; i += LANES) NAME(store_up_to)(y + i, n - i, NAME(load_up_to)(y + i, n - i, 0) * factor);
}

/// y = y / sum, unless there was no key; gives the logarithm of the sum of e^score.
static REAL NAME(finish_row)(int64_t n, REAL largest, REAL sum, REAL *y) {
  if (sum == 0) return (REAL)__builtin_inf();
  for (int64_t i = 0; i < n; i += LANES) NAME(store_up_to)(y + i, n - i, NAME(load_up_to)(y + i, n - i, 0) / sum);
  return largest + NAME(log)(SPLAT(sum))[0];
}

/// scores = e^(scores - logarithm).
static void NAME(probabilities)(int64_t n, REAL logarithm, REAL *scores) {
  for (int64_t i = 0; i < n; i += LANES)
    NAME(store_up_to)(scores + i, n - i, NAME(exp)(NAME(load_up_to)(scores + i, n - i, 0) - logarithm));
}

/// The sum of g y.
static REAL NAME(row_product)(int64_t n, const REAL *g, const REAL *y) {
  VECTOR sum = SPLAT(0);
  for (int64_t i = 0; i < n; i += LANES) sum += NAME(load_up_to)(g + i, n - i, 0) * NAME(load_up_to)(y + i, n - i, 0);
  return (REAL)NAME(sum_of_lanes)(sum);
}

/// p (gp - product), the gradients by the scores, in gscores unless that is NULL; and times the scale in gp.
static void NAME(score_gradients)(int64_t n, REAL product, REAL scale, const REAL *p, REAL *gp, REAL *gscores) {
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR g = NAME(load_up_to)(p + i, n - i, 0) * (NAME(load_up_to)(gp + i, n - i, 0) - product);
    if (gscores) NAME(store_up_to)(gscores + i, n - i, g);
    NAME(store_up_to)(gp + i, n - i, g * scale);
  }
}

#undef LOWEST
