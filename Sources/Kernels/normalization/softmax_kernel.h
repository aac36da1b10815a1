// Softmax of one REAL: see softmax.c. `row` functions have classes side by side; `columns` functions have `columns`
// <= softmax_columns positions side by side and classes `inner` elements apart, a vector of positions at a time.
// Shifting by the maximum makes the largest exponent 0; a row of -infinity gives -inf - -inf = NaN, as it should.
#include "vector/mathematics_kernel.h"
#define LOWEST SPLAT(-__builtin_inf())
#define LANES_FROM(v, join)                      \
  REAL result = v[0];                            \
  for (int lane = 1; lane < LANES; lane++) join; \
  return result

INLINE REAL NAME(lane_sum)(VECTOR v) { LANES_FROM(v, result += v[lane]); }
INLINE REAL NAME(log_scalar)(REAL x) { return NAME(log)(SPLAT(x))[0]; }

INLINE REAL NAME(row_max)(int64_t n, const REAL *x) {
  VECTOR m = LOWEST;
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR v = NAME(load_up_to)(x + i, n - i, (REAL)-__builtin_inf());
    m = NAME(larger)(m, v);
  }
  LANES_FROM(m, result = result != result || result > m[lane] ? result : m[lane]);
}

/// The sum of e^(x - m), and those values in y unless it is NULL. Blocks of 64 vectors, joined in double. Lanes beyond
/// the row hold e^-infinity = 0, or NaN where the row itself gives NaN.
INLINE double NAME(row_exp_sum)(int64_t n, const REAL *x, REAL m, REAL *y) {
  double total = 0;
  for (int64_t first = 0; first < n; first += 64 * LANES) {
    int64_t end = n - first < 64 * LANES ? n : first + 64 * LANES;
    VECTOR sum = SPLAT(0);
    for (int64_t i = first; i < end; i += LANES) {
      VECTOR e = NAME(exp)(NAME(load_up_to)(x + i, n - i, (REAL)-__builtin_inf()) - m);
      if (y) NAME(store_up_to)(y + i, n - i, e);
      sum += e;
    }
    total += (double)NAME(lane_sum)(sum);
  }
  return total;
}

static void NAME(softmax_row)(bool logarithm, int64_t n, const REAL *x, REAL *y) {
  REAL m = NAME(row_max)(n, x);
  if (logarithm) {
    REAL log_sum = NAME(log_scalar)((REAL)NAME(row_exp_sum)(n, x, m, NULL));
    for (int64_t i = 0; i < n; i += LANES)
      NAME(store_up_to)(y + i, n - i, (NAME(load_up_to)(x + i, n - i, 0) - m) - log_sum);
    return;
  }
  REAL sum = (REAL)NAME(row_exp_sum)(n, x, m, y);
  for (int64_t i = 0; i < n; i += LANES) NAME(store_up_to)(y + i, n - i, NAME(load_up_to)(y + i, n - i, 0) / sum);
}

static void NAME(softmax_gradient_row)(bool logarithm, int64_t n, const REAL *g, const REAL *y, REAL *gx) {
  double total = 0;
  for (int64_t first = 0; first < n; first += 64 * LANES) {
    int64_t end = n - first < 64 * LANES ? n : first + 64 * LANES;
    VECTOR sum = SPLAT(0);
    for (int64_t i = first; i < end; i += LANES) {
      VECTOR u = NAME(load_up_to)(g + i, n - i, 0);
      sum += logarithm ? u : u * NAME(load_up_to)(y + i, n - i, 0);
    }
    total += (double)NAME(lane_sum)(sum);
  }
  REAL sum = (REAL)total;
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR u = NAME(load_up_to)(g + i, n - i, 0), v = NAME(load_up_to)(y + i, n - i, 0);
    NAME(store_up_to)(gx + i, n - i, logarithm ? u - NAME(exp)(v) * sum : v * (u - sum));
  }
}

/// One row; *loss, and the probabilities unless NULL.
static void NAME(cross_entropy_row)(int64_t n, const REAL *x, int64_t label, REAL *loss, REAL *probabilities) {
  bool counted = label >= 0 && label < n;
  if (!counted) *loss = 0;
  if (!counted && !probabilities) return;
  REAL m = NAME(row_max)(n, x), at_label = counted ? x[label] - m : 0;
  REAL sum = (REAL)NAME(row_exp_sum)(n, x, m, probabilities);
  if (counted) *loss = NAME(log_scalar)(sum) - at_label;
  if (probabilities)
    for (int64_t i = 0; i < n; i += LANES)
      NAME(store_up_to)(probabilities + i, n - i, NAME(load_up_to)(probabilities + i, n - i, 0) / sum);
}

static void NAME(cross_entropy_gradient_row)(int64_t n, const REAL *x, int64_t label, REAL scale, REAL *gx) {
  if (label < 0 || label >= n) {
    memset(gx, 0, (size_t)n * sizeof(REAL));
    return;
  }
  REAL m = NAME(row_max)(n, x), sum = (REAL)NAME(row_exp_sum)(n, x, m, gx);
  REAL p = gx[label] / sum;
  for (int64_t i = 0; i < n; i += LANES)
    NAME(store_up_to)(gx + i, n - i, NAME(load_up_to)(gx + i, n - i, 0) / sum * scale);
  gx[label] = (p - 1) * scale;
}

// MARK: Columns

INLINE VECTOR NAME(column_max)(int64_t classes, int64_t inner, int64_t n, const REAL *x) {
  VECTOR m = LOWEST;
  for (int64_t c = 0; c < classes; c++) m = NAME(larger)(m, NAME(load_up_to)(x + c * inner, n, 0));
  return m;
}

/// Sums of e^(x - m), blocks of 64 classes joined afterwards.
INLINE VECTOR NAME(column_exp_sum)(int64_t classes, int64_t inner, int64_t n, const REAL *x, VECTOR m, REAL *y) {
  VECTOR total = SPLAT(0);
  for (int64_t first = 0; first < classes; first += 64) {
    int64_t end = classes - first < 64 ? classes : first + 64;
    VECTOR sum = SPLAT(0);
    for (int64_t c = first; c < end; c++) {
      VECTOR e = NAME(exp)(NAME(load_up_to)(x + c * inner, n, 0) - m);
      if (y) NAME(store_up_to)(y + c * inner, n, e);
      sum += e;
    }
    total += sum;
  }
  return total;
}

static void NAME(softmax_columns)(
    bool logarithm, int64_t classes, int64_t inner, int64_t columns, const REAL *x, REAL *y) {
  for (int64_t i = 0; i < columns; i += LANES, x += LANES, y += LANES) {
    int64_t n = columns - i;
    VECTOR m = NAME(column_max)(classes, inner, n, x);
    VECTOR sum = NAME(column_exp_sum)(classes, inner, n, x, m, logarithm ? NULL : y);
    VECTOR log_sum = logarithm ? NAME(log)(sum) : sum;
    for (int64_t c = 0; c < classes; c++) {
      VECTOR v = NAME(load_up_to)((logarithm ? x : y) + c * inner, n, 0);
      NAME(store_up_to)(y + c * inner, n, logarithm ? (v - m) - log_sum : v / sum);
    }
  }
}

static void NAME(softmax_gradient_columns)(
    bool logarithm, int64_t classes, int64_t inner, int64_t columns, const REAL *g, const REAL *y, REAL *gx) {
  for (int64_t i = 0; i < columns; i += LANES, g += LANES, y += LANES, gx += LANES) {
    int64_t n = columns - i;
    VECTOR total = SPLAT(0);
    for (int64_t first = 0; first < classes; first += 64) {
      int64_t end = classes - first < 64 ? classes : first + 64;
      VECTOR sum = SPLAT(0);
      for (int64_t c = first; c < end; c++) {
        VECTOR u = NAME(load_up_to)(g + c * inner, n, 0);
        sum += logarithm ? u : u * NAME(load_up_to)(y + c * inner, n, 0);
      }
      total += sum;
    }
    for (int64_t c = 0; c < classes; c++) {
      VECTOR u = NAME(load_up_to)(g + c * inner, n, 0), v = NAME(load_up_to)(y + c * inner, n, 0);
      NAME(store_up_to)(gx + c * inner, n, logarithm ? u - NAME(exp)(v) * total : v * (u - total));
    }
  }
}

static void NAME(cross_entropy_columns)(
    int64_t classes, int64_t inner, int64_t columns, const REAL *x, const int64_t *labels, REAL *losses,
    REAL *probabilities) {
  for (int64_t i = 0; i < columns; i += LANES) {
    int64_t n = columns - i < LANES ? columns - i : LANES;
    VECTOR m = NAME(column_max)(classes, inner, n, x + i);
    VECTOR sum = NAME(column_exp_sum)(classes, inner, n, x + i, m, probabilities ? probabilities + i : NULL);
    VECTOR log_sum = NAME(log)(sum);
    for (int64_t k = 0; k < n; k++) {
      int64_t label = labels[i + k];
      losses[i + k] = label < 0 || label >= classes ? 0 : log_sum[k] - (x[label * inner + i + k] - m[k]);
    }
    if (probabilities)
      for (int64_t c = 0; c < classes; c++) {
        REAL *p = probabilities + c * inner + i;
        NAME(store_up_to)(p, n, NAME(load_up_to)(p, n, 0) / sum);
      }
  }
}

static void NAME(cross_entropy_gradient_columns)(
    int64_t classes, int64_t inner, int64_t columns, const REAL *x, const int64_t *labels, const REAL *scales,
    REAL *gx) {
  for (int64_t i = 0; i < columns; i += LANES) {
    int64_t n = columns - i < LANES ? columns - i : LANES;
    VECTOR m = NAME(column_max)(classes, inner, n, x + i);
    VECTOR sum = NAME(column_exp_sum)(classes, inner, n, x + i, m, gx + i);
    VECTOR scale = NAME(load_up_to)(scales + i, n, 0);
    MASK label, counted;
    for (int lane = 0; lane < LANES; lane++) {
      int64_t l = lane < n ? labels[i + lane] : -1;
      counted[lane] = l >= 0 && l < classes ? -1 : 0;
      label[lane] = counted[lane] ? (REAL_INT)l : -1;
    }
    for (int64_t c = 0; c < classes; c++) {
      REAL *g = gx + c * inner + i;
      VECTOR p = NAME(load_up_to)(g, n, 0) / sum;
      p = label == (REAL_INT)c ? p - (REAL)1 : p;
      NAME(store_up_to)(g, n, counted ? p * scale : SPLAT(0));
    }
  }
}
#undef LANES_FROM
#undef LOWEST
