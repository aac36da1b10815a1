// Reductions of one REAL: see reduction.c. Results are double, in which both types are exact.
#include "vector/mathematics_kernel.h"

/// The sum of a run in blocks of 1024: in a block four vectors of partial sums, then their lanes and the blocks in
/// double.
static double NAME(sum_run)(int64_t n, const REAL *x) {
  double total = 0;
  while (n > 0) {
    int64_t end = n < 1024 ? n : 1024, i = 0;
    VECTOR s0 = SPLAT(0), s1 = s0, s2 = s0, s3 = s0;
    for (; i + 4 * LANES <= end; i += 4 * LANES) {
      s0 += NAME(load)(x + i);
      s1 += NAME(load)(x + i + LANES);
      s2 += NAME(load)(x + i + 2 * LANES);
      s3 += NAME(load)(x + i + 3 * LANES);
    }
    for (; i + LANES <= end; i += LANES) s0 += NAME(load)(x + i);
    if (i < end) s1 += NAME(load_part)(x + i, end - i, 0);
    total += NAME(sum_of_lanes)((s0 + s1) + (s2 + s3));
    x += end;
    n -= end;
  }
  return total;
}

/// The sum of x[i] y[i], in double from the first product on, in blocks of 1024.
static double NAME(dot_run)(int64_t n, const REAL *x, const REAL *y) {
  enum { step = VECTOR_BYTES / 8 };  // doubles in a vector
  typedef REAL part __attribute__((ext_vector_type(step), aligned(sizeof(REAL))));
  double total = 0;
  while (n > 0) {
    int64_t end = n < 1024 ? n : 1024, i = 0;
    WIDE(vector) s0 = (WIDE(vector))0.0, s1 = s0;
#define PRODUCT(at)                                                   \
  (__builtin_convertvector(*(const part *)(x + (at)), WIDE(vector)) * \
   __builtin_convertvector(*(const part *)(y + (at)), WIDE(vector)))
    for (; i + 2 * step <= end; i += 2 * step) {
      s0 += PRODUCT(i);
      s1 += PRODUCT(i + step);
    }
#undef PRODUCT
    s0 += s1;
    double sum = 0, rest = 0;
    for (int lane = 0; lane < step; lane++) sum += s0[lane];
    for (; i < end; i++) rest += (double)x[i] * (double)y[i];
    total += sum + rest;
    x += end;
    y += end;
    n -= end;
  }
  return total;
}

/// The product of x[i], in double.
static double NAME(product_run)(int64_t n, const REAL *x) {
  enum { step = VECTOR_BYTES / 8 };  // doubles in a vector
  typedef REAL part __attribute__((ext_vector_type(step), aligned(sizeof(REAL))));
  WIDE(vector) p0 = (WIDE(vector))1.0, p1 = p0;
  int64_t i = 0;
  for (; i + 2 * step <= n; i += 2 * step) {
    p0 *= __builtin_convertvector(*(const part *)(x + i), WIDE(vector));
    p1 *= __builtin_convertvector(*(const part *)(x + i + step), WIDE(vector));
  }
  p0 *= p1;
  double product = 1;
  for (int lane = 0; lane < step; lane++) product *= p0[lane];
  for (; i < n; i++) product *= (double)x[i];
  return product;
}

static double NAME(extreme_run)(int32_t reduction, int64_t n, const REAL *x) {
  bool largest = reduction == TAPESTRY_MAX;
#define JOIN(a, b) (largest ? NAME(larger)(a, b) : NAME(smaller)(a, b))
  int64_t i = 0;
  VECTOR m0 = SPLAT(*x), m1 = m0;
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    VECTOR a = NAME(load)(x + i), b = NAME(load)(x + i + LANES);
    m0 = JOIN(m0, a);
    m1 = JOIN(m1, b);
  }
  if (i + LANES <= n) {
    VECTOR a = NAME(load)(x + i);
    m0 = JOIN(m0, a);
    i += LANES;
  }
  if (i < n) {
    VECTOR a = NAME(load_part)(x + i, n - i, *x);
    m1 = JOIN(m1, a);
  }
  m0 = JOIN(m0, m1);
#undef JOIN
  REAL m = m0[0];
  for (int lane = 1; lane < LANES; lane++) {
    REAL v = m0[lane];
    m = m != m ? m : v != v ? v : largest ? (v > m ? v : m) : (v < m ? v : m);
  }
  return (double)m;
}

static double NAME(reduce_run)(int32_t reduction, int64_t n, const REAL *x) {
  switch (reduction) {
    case TAPESTRY_SUM: return NAME(sum_run)(n, x);
    case TAPESTRY_SUM_OF_SQUARES: return NAME(dot_run)(n, x, x);
    case TAPESTRY_PRODUCT: return NAME(product_run)(n, x);
    default: return NAME(extreme_run)(reduction, n, x);
  }
}

/// out[i] = the reduction of x[r * stride + i] over r < rows, for i < columns <= reduction_columns.
/// Sums: 256 rows at a time in REAL, those in double.
static void NAME(reduce_columns)(
    int32_t reduction, int64_t rows, int64_t stride, int64_t columns, const REAL *x, double *out) {
  _Alignas(64) REAL partial[reduction_columns];
  if (reduction == TAPESTRY_MAX || reduction == TAPESTRY_MIN) {
    memcpy(partial, x, (size_t)columns * sizeof(REAL));
    for (int64_t r = 1; r < rows; r++) {
      const REAL *row = x + r * stride;
      for (int64_t i = 0; i < columns; i += LANES) {
        VECTOR a = NAME(load)(partial + i), b = NAME(load_up_to)(row + i, columns - i, 0);
        NAME(store)(partial + i, reduction == TAPESTRY_MAX ? NAME(larger)(a, b) : NAME(smaller)(a, b));
      }
    }
    for (int64_t i = 0; i < columns; i++) out[i] = (double)partial[i];
    return;
  }
  if (reduction == TAPESTRY_PRODUCT) {
    for (int64_t i = 0; i < columns; i++) out[i] = 1;
    for (int64_t r = 0; r < rows; r++)
      for (int64_t i = 0; i < columns; i++) out[i] *= (double)x[r * stride + i];
    return;
  }
  for (int64_t i = 0; i < columns; i++) out[i] = 0;
  if (reduction == TAPESTRY_SUM_OF_SQUARES) {
    for (int64_t r = 0; r < rows; r++) {
      const REAL *row = x + r * stride;
      for (int64_t i = 0; i < columns; i++) out[i] += (double)row[i] * (double)row[i];
    }
    return;
  }
  for (int64_t first = 0; first < rows; first += 256) {
    int64_t end = rows - first < 256 ? rows : first + 256, r = first;
    for (int64_t i = 0; i < reduction_columns && i < columns + LANES; i++) partial[i] = 0;
    for (; r + 4 <= end; r += 4) {
      const REAL *a = x + r * stride, *b = a + stride, *c = b + stride, *d = c + stride;
      for (int64_t i = 0; i < columns; i += LANES) {
        int64_t n = columns - i;
        VECTOR u = NAME(load_up_to)(a + i, n, 0) + NAME(load_up_to)(b + i, n, 0);
        VECTOR v = NAME(load_up_to)(c + i, n, 0) + NAME(load_up_to)(d + i, n, 0);
        NAME(store)(partial + i, NAME(load)(partial + i) + (u + v));
      }
    }
    for (; r < end; r++)
      for (int64_t i = 0; i < columns; i += LANES)
        NAME(store)(partial + i, NAME(load)(partial + i) + NAME(load_up_to)(x + r * stride + i, columns - i, 0));
    for (int64_t i = 0; i < columns; i++) out[i] += (double)partial[i];
  }
}
