// Running sums of one REAL in double, and of logarithms: see scan.c.
#include "vector/mathematics_kernel.h"
#if IS_DOUBLE
#include "vector/mathematics_hyperbolic.h"
#endif

#if IS_DOUBLE
// The lanes moved up by `by`, zeros below: lane i of the result is lane i - by, and lane LANES + i of the pair is 0.
#if LANES == 8
#define MOVED_UP(v, by) \
  __builtin_shufflevector((VECTOR)0.0, v, 8 - by, 9 - by, 10 - by, 11 - by, 12 - by, 13 - by, 14 - by, 15 - by)
#define MOVED_DOWN(v, by) \
  __builtin_shufflevector(v, (VECTOR)0.0, by, 1 + by, 2 + by, 3 + by, 4 + by, 5 + by, 6 + by, 7 + by)
#define ALL_LAST(v) __builtin_shufflevector(v, v, 7, 7, 7, 7, 7, 7, 7, 7)
#define ALL_FIRST(v) __builtin_shufflevector(v, v, 0, 0, 0, 0, 0, 0, 0, 0)
#elif LANES == 4
#define MOVED_UP(v, by) __builtin_shufflevector((VECTOR)0.0, v, 4 - by, 5 - by, 6 - by, 7 - by)
#define MOVED_DOWN(v, by) __builtin_shufflevector(v, (VECTOR)0.0, by, 1 + by, 2 + by, 3 + by)
#define ALL_LAST(v) __builtin_shufflevector(v, v, 3, 3, 3, 3)
#define ALL_FIRST(v) __builtin_shufflevector(v, v, 0, 0, 0, 0)
#else
#define MOVED_UP(v, by) __builtin_shufflevector((VECTOR)0.0, v, 2 - by, 3 - by)
#define MOVED_DOWN(v, by) __builtin_shufflevector(v, (VECTOR)0.0, by, 1 + by)
#define ALL_LAST(v) __builtin_shufflevector(v, v, 1, 1)
#define ALL_FIRST(v) __builtin_shufflevector(v, v, 0, 0)
#endif

/// The sums of the lanes up to each, or from each on.
INLINE VECTOR NAME(lane_sums)(VECTOR v, bool reversed) {
  v += reversed ? MOVED_DOWN(v, 1) : MOVED_UP(v, 1);
#if LANES >= 4
  v += reversed ? MOVED_DOWN(v, 2) : MOVED_UP(v, 2);
#endif
#if LANES >= 8
  v += reversed ? MOVED_DOWN(v, 4) : MOVED_UP(v, 4);
#endif
  return v;
}
/// The sum of all lanes in every lane, from lane_sums.
INLINE VECTOR NAME(lane_total)(VECTOR sums, bool reversed) { return reversed ? ALL_FIRST(sums) : ALL_LAST(sums); }
#undef MOVED_UP
#undef MOVED_DOWN
#undef ALL_LAST
#undef ALL_FIRST
#endif

INLINE double NAME(sum_row_towards)(bool reversed, int64_t n, const REAL *x, REAL *y, double before) {
  enum { step = VECTOR_BYTES / 8 };  // doubles in a vector
  typedef REAL part __attribute__((ext_vector_type(step), aligned(sizeof(REAL))));
  WIDE(vector) run = (WIDE(vector))0.0;
  int64_t done = 0;
  for (; done + step <= n; done += step) {
    int64_t at = reversed ? n - done - step : done;
    WIDE(vector) v = WIDE(lane_sums)(__builtin_convertvector(*(const part *)(x + at), WIDE(vector)), reversed) + run;
    if (y) *(part *)(y + at) = __builtin_convertvector(v + before, part);
    run = WIDE(lane_total)(v, reversed);
  }
  double total = run[0];
  for (; done < n; done++) {
    int64_t at = reversed ? n - 1 - done : done;
    total += (double)x[at];
    if (y) y[at] = (REAL)(total + before);
  }
  return total;
}

/// y[i] = before + the sum of x up to i, or from i on; y may be NULL. Gives the sum of all.
static double NAME(sum_row)(bool reversed, int64_t n, const REAL *x, REAL *y, double before) {
  return reversed ? NAME(sum_row_towards)(true, n, x, y, before) : NAME(sum_row_towards)(false, n, x, y, before);
}

/// Columns side by side, rows `step` elements apart.
static void NAME(sum_columns)(int64_t count, int64_t step, int64_t columns, const REAL *x, REAL *y) {
  double so_far[scan_columns];
  for (int64_t i = 0; i < columns; i++) so_far[i] = 0;
  for (int64_t r = 0; r < count; r++, x += step, y += step)
    for (int64_t i = 0; i < columns; i++) {
      so_far[i] += (double)x[i];
      y[i] = (REAL)so_far[i];
    }
}

#if IS_DOUBLE
/// so_far = ln(e^so_far + e^row).
static void NAME(log_add_row)(int64_t n, const double *row, double *so_far) {
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR a = NAME(load_up_to)(so_far + i, n - i, 0), b = NAME(load_up_to)(row + i, n - i, 0);
    VECTOR result = NAME(log_add_exp)(a, b);
    NAME(store_up_to)(so_far + i, n - i, result);
  }
}
#endif
