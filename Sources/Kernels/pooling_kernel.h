// Pooling of one plane of one REAL: see pooling.c.
#include "mathematics_kernel.h"
#define INLINE static inline __attribute__((always_inline))

/// Does a pixel replace the best so far? Larger, or the first NaN.
#define WINS(v, best) (((v) > (best)) | (((v) != (v)) & ((best) == (best))))

/// Rows first ..< end of the window at output row i lie in the image.
INLINE void NAME(rows_inside)(const tapestry_pooling *s, int64_t i, int64_t *first, int64_t *end) {
  int64_t row = i * s->stride_height - s->top;  // of window row 0
  *first = row >= 0 ? 0 : (-row + s->dilation_height - 1) / s->dilation_height;
  *end = row >= s->height ? 0 : (s->height - 1 - row) / s->dilation_height + 1;
  if (*end > s->kernel_height) *end = s->kernel_height;
}

/// Output columns first ..< end have windows whose columns all lie in the image.
INLINE void NAME(whole_windows)(const tapestry_pooling *s, int64_t *first, int64_t *end) {
  int64_t room = s->width - 1 - (s->kernel_width - 1) * s->dilation_width + s->left;  // most of j * stride_width
  *first = (s->left + s->stride_width - 1) / s->stride_width;
  *end = room < 0 ? 0 : room / s->stride_width + 1;
  if (*end > s->output_width) *end = s->output_width;
  if (*first > *end) *first = *end;
}

// A second width of 16 bytes, for images too narrow for whole vectors.
#define NARROW_LANES (16 / (IS_DOUBLE ? 8 : 4))
typedef REAL NAME(narrow) __attribute__((ext_vector_type(NARROW_LANES)));
typedef REAL NAME(unaligned_narrow) __attribute__((ext_vector_type(NARROW_LANES), aligned(sizeof(REAL))));
typedef __typeof__((NAME(narrow)){} < (NAME(narrow)){}) NAME(narrow_mask);
typedef int32_t NAME(places) __attribute__((ext_vector_type(LANES), aligned(4)));
typedef int32_t NAME(narrow_places) __attribute__((ext_vector_type(NARROW_LANES), aligned(4)));

/// Functions on `lanes` output columns from column j on, all with whole windows:
///   every(p, stride)   p[0], p[stride], ...: with stride 2 the even lanes of two loads, of which the second begins one
///                      element early so that nothing past the last lane's pixel is read
///   max_chunk, sum_chunk   the output row at `best`, of window rows first_row ..< end_row
#define CHUNK(suffix, lanes, vector, unaligned, mask, places, EVEN)                                                   \
  INLINE vector NAME(every##suffix)(const REAL *p, int64_t stride) {                                                  \
    if (stride == 1) return *(const unaligned *)p;                                                                    \
    if (stride == 2) {                                                                                                \
      vector low = *(const unaligned *)p, high = *(const unaligned *)(p + lanes - 1);                                 \
      return EVEN(low, high);                                                                                         \
    }                                                                                                                 \
    vector v;                                                                                                         \
    for (int lane = 0; lane < lanes; lane++) v[lane] = p[lane * stride];                                              \
    return v;                                                                                                         \
  }                                                                                                                   \
  INLINE void NAME(max_chunk##suffix)(                                                                                \
      const tapestry_pooling *s, int64_t i, int64_t j, int64_t first_row, int64_t end_row, int64_t stride,            \
      const REAL *x, REAL *best_row, int32_t *where_row) {                                                            \
    int64_t column = j * s->stride_width - s->left;                                                                   \
    int64_t corner = (i * s->stride_height - s->top + first_row * s->dilation_height) * s->width + column;            \
    vector best = NAME(every##suffix)(x + corner, stride);                                                            \
    mask lane_place, where;                                                                                           \
    for (int lane = 0; lane < lanes; lane++) lane_place[lane] = (REAL_INT)(lane * s->stride_width);                   \
    where = lane_place + (REAL_INT)corner;                                                                            \
    for (int64_t a = first_row; a < end_row; a++, corner += s->dilation_height * s->width) {                          \
      int64_t pixel = corner;                                                                                         \
      for (int64_t b = 0; b < s->kernel_width; b++, pixel += s->dilation_width) {                                     \
        vector v = NAME(every##suffix)(x + pixel, stride);                                                            \
        mask wins = WINS(v, best);                                                                                    \
        best = wins ? v : best;                                                                                       \
        if (where_row) where = wins ? lane_place + (REAL_INT)pixel : where;                                           \
      }                                                                                                               \
    }                                                                                                                 \
    *(unaligned *)(best_row + j) = best;                                                                              \
    if (where_row) *(places *)(where_row + j) = __builtin_convertvector(where, places);                               \
  }                                                                                                                   \
  INLINE void NAME(sum_chunk##suffix)(                                                                                \
      const tapestry_pooling *s, int64_t i, int64_t j, int64_t first_row, int64_t end_row, int64_t stride,            \
      const REAL *divisors, const REAL *x, REAL *out) {                                                               \
    int64_t column = j * s->stride_width - s->left;                                                                   \
    vector sum = (vector)(REAL)0;                                                                                     \
    for (int64_t a = first_row; a < end_row; a++) {                                                                   \
      const REAL *p = x + (i * s->stride_height - s->top + a * s->dilation_height) * s->width + column;               \
      for (int64_t b = 0; b < s->kernel_width; b++, p += s->dilation_width) sum += NAME(every##suffix)(p, stride);    \
    }                                                                                                                 \
    *(unaligned *)(out + j) = divisors ? sum / *(const unaligned *)(divisors + j) : sum;                              \
  }

#if IS_DOUBLE
#define EVEN_NARROW(low, high) __builtin_shufflevector(low, high, 0, 3)
#else
#define EVEN_NARROW(low, high) __builtin_shufflevector(low, high, 0, 2, 5, 7)
#endif
#if LANES == 16
#define EVEN(low, high) \
  __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31)
#elif LANES == 8
#define EVEN(low, high) __builtin_shufflevector(low, high, 0, 2, 4, 6, 9, 11, 13, 15)
#elif LANES == 4 && IS_DOUBLE
#define EVEN(low, high) __builtin_shufflevector(low, high, 0, 2, 5, 7)
#else
#define EVEN EVEN_NARROW
#endif
CHUNK(, LANES, VECTOR, NAME(unaligned), MASK, NAME(places), EVEN)
CHUNK(_narrow, NARROW_LANES, NAME(narrow), NAME(unaligned_narrow), NAME(narrow_mask), NAME(narrow_places), EVEN_NARROW)
#undef CHUNK
#undef EVEN
#undef EVEN_NARROW

/// Calls chunk(j) or narrow(j) so that every column of first ..< end is covered; the last one may go over columns again.
/// Still fewer columns are left to `single`.
#define COVER(first, end, chunk, narrow, single)                                  \
  if (end - first >= LANES) {                                                     \
    for (int64_t j = first; j < end; j += LANES) chunk(j + LANES <= end ? j : end - LANES); \
  } else if (end - first >= NARROW_LANES) {                                       \
    for (int64_t j = first; j < end; j += NARROW_LANES) narrow(j + NARROW_LANES <= end ? j : end - NARROW_LANES); \
  } else {                                                                        \
    for (int64_t j = first; j < end; j++) single(j);                              \
  }

/// One output, its window cut at the image's edges.
INLINE void NAME(max_single)(
    const tapestry_pooling *s, int64_t i, int64_t j, int64_t first_row, int64_t end_row, const REAL *x, REAL *best_row,
    int32_t *where_row) {
  REAL best = 0;
  int64_t where = -1;
  for (int64_t a = first_row; a < end_row; a++) {
    int64_t row = (i * s->stride_height - s->top + a * s->dilation_height) * s->width;
    for (int64_t b = 0; b < s->kernel_width; b++) {
      int64_t column = j * s->stride_width - s->left + b * s->dilation_width;
      if (column < 0 || column >= s->width) continue;
      REAL v = x[row + column];
      bool wins = where < 0 || WINS(v, best);
      best = wins ? v : best;
      where = wins ? row + column : where;
    }
  }
  best_row[j] = best;
  if (where_row) where_row[j] = (int32_t)where;
}

/// `stride` is the horizontal stride, constant where it is inlined.
INLINE void NAME(max_rows)(const tapestry_pooling *s, int64_t stride, const REAL *x, REAL *y, int32_t *indices) {
  int64_t first, end;
  NAME(whole_windows)(s, &first, &end);
  for (int64_t i = 0; i < s->output_height; i++) {
    REAL *best = y + i * s->output_width;
    int32_t *where = indices ? indices + i * s->output_width : NULL;
    int64_t first_row, end_row;
    NAME(rows_inside)(s, i, &first_row, &end_row);
#define MAX_CHUNK(j) NAME(max_chunk)(s, i, j, first_row, end_row, stride, x, best, where)
#define MAX_NARROW(j) NAME(max_chunk_narrow)(s, i, j, first_row, end_row, stride, x, best, where)
#define MAX_SINGLE(j) NAME(max_single)(s, i, j, first_row, end_row, x, best, where)
    for (int64_t j = 0; j < first; j++) MAX_SINGLE(j);
    COVER(first, end, MAX_CHUNK, MAX_NARROW, MAX_SINGLE)
    for (int64_t j = end; j < s->output_width; j++) MAX_SINGLE(j);
#undef MAX_CHUNK
#undef MAX_NARROW
#undef MAX_SINGLE
  }
}

static void NAME(max_plane)(const tapestry_pooling *s, const REAL *x, REAL *y, int32_t *indices) {
  if (s->stride_width == 1) NAME(max_rows)(s, 1, x, y, indices);
  else if (s->stride_width == 2) NAME(max_rows)(s, 2, x, y, indices);
  else NAME(max_rows)(s, s->stride_width, x, y, indices);
}

/// Windows of 2 x 2, stride 2, no padding: both rows at once. Scan order is upper left, upper right, lower left, lower right.
static void NAME(max_plane_2x2)(const tapestry_pooling *s, const REAL *x, REAL *restrict y, int32_t *restrict indices) {
  int64_t width = s->width, n = s->output_width;
  for (int64_t i = 0; i < s->output_height; i++, y += n) {
    const REAL *upper = x + 2 * i * width, *lower = upper + width;
    if (!indices) {
      for (int64_t j = 0; j < n; j++) {
        REAL a = upper[2 * j], b = upper[2 * j + 1], c = lower[2 * j], d = lower[2 * j + 1];
        REAL ab = WINS(b, a) ? b : a, cd = WINS(d, c) ? d : c;
        y[j] = WINS(cd, ab) ? cd : ab;
      }
      continue;
    }
    int32_t corner = (int32_t)(2 * i * width), down = (int32_t)width;
    for (int64_t j = 0; j < n; j++) {
      REAL a = upper[2 * j], b = upper[2 * j + 1], c = lower[2 * j], d = lower[2 * j + 1];
      int32_t at = corner + (int32_t)(2 * j);
      int32_t at_ab = WINS(b, a) ? at + 1 : at, at_cd = at + down + (WINS(d, c) ? 1 : 0);
      REAL ab = WINS(b, a) ? b : a, cd = WINS(d, c) ? d : c;
      y[j] = WINS(cd, ab) ? cd : ab;
      indices[j] = WINS(cd, ab) ? at_cd : at_ab;
    }
    indices += n;
  }
}

// MARK: Sums

/// The divisor of output (i, j), or 1.
INLINE REAL NAME(divisor)(int32_t mode, const tapestry_pooling *s, int64_t i, int64_t j) {
  if (mode == TAPESTRY_POOL_SUM) return 1;
  bool padded = mode == TAPESTRY_POOL_AVERAGE_PADDED;
  int64_t low_h = padded ? -s->top : 0, high_h = s->height + (padded ? s->bottom : 0);
  int64_t low_w = padded ? -s->left : 0, high_w = s->width + (padded ? s->right : 0);
  int64_t rows = 0, columns = 0;
  for (int64_t a = 0; a < s->kernel_height; a++) {
    int64_t row = i * s->stride_height - s->top + a * s->dilation_height;
    rows += row >= low_h && row < high_h;
  }
  for (int64_t b = 0; b < s->kernel_width; b++) {
    int64_t column = j * s->stride_width - s->left + b * s->dilation_width;
    columns += column >= low_w && column < high_w;
  }
  return rows * columns > 0 ? (REAL)(rows * columns) : 1;  // an empty window's sum is 0, whatever divides it
}

/// divisors[i * output_width + j], the same for all planes.
static void NAME(divisors)(int32_t mode, const tapestry_pooling *s, REAL *divisors) {
  for (int64_t i = 0; i < s->output_height; i++)
    for (int64_t j = 0; j < s->output_width; j++) divisors[i * s->output_width + j] = NAME(divisor)(mode, s, i, j);
}

INLINE void NAME(sum_single)(
    const tapestry_pooling *s, int64_t i, int64_t j, int64_t first_row, int64_t end_row, const REAL *divisors,
    const REAL *x, REAL *out) {
  REAL sum = 0;
  for (int64_t a = first_row; a < end_row; a++) {
    const REAL *row = x + (i * s->stride_height - s->top + a * s->dilation_height) * s->width;
    for (int64_t b = 0; b < s->kernel_width; b++) {
      int64_t column = j * s->stride_width - s->left + b * s->dilation_width;
      if (column >= 0 && column < s->width) sum += row[column];
    }
  }
  out[j] = divisors ? sum / divisors[j] : sum;
}

INLINE void NAME(sum_rows)(const tapestry_pooling *s, int64_t stride, const REAL *divisors, const REAL *x, REAL *y) {
  int64_t first, end;
  NAME(whole_windows)(s, &first, &end);
  for (int64_t i = 0; i < s->output_height; i++) {
    REAL *out = y + i * s->output_width;
    const REAL *divide = divisors ? divisors + i * s->output_width : NULL;
    int64_t first_row, end_row;
    NAME(rows_inside)(s, i, &first_row, &end_row);
#define SUM_CHUNK(j) NAME(sum_chunk)(s, i, j, first_row, end_row, stride, divide, x, out)
#define SUM_NARROW(j) NAME(sum_chunk_narrow)(s, i, j, first_row, end_row, stride, divide, x, out)
#define SUM_SINGLE(j) NAME(sum_single)(s, i, j, first_row, end_row, divide, x, out)
    for (int64_t j = 0; j < first; j++) SUM_SINGLE(j);
    COVER(first, end, SUM_CHUNK, SUM_NARROW, SUM_SINGLE)
    for (int64_t j = end; j < s->output_width; j++) SUM_SINGLE(j);
#undef SUM_CHUNK
#undef SUM_NARROW
#undef SUM_SINGLE
  }
}

static void NAME(sum_plane)(const tapestry_pooling *s, const REAL *divisors, const REAL *x, REAL *y) {
  if (s->stride_width == 1) NAME(sum_rows)(s, 1, divisors, x, y);
  else if (s->stride_width == 2) NAME(sum_rows)(s, 2, divisors, x, y);
  else NAME(sum_rows)(s, s->stride_width, divisors, x, y);
}

/// Output columns j whose pixel j * stride - left + offset lies in the image.
INLINE void NAME(columns_inside)(const tapestry_pooling *s, int64_t offset, int64_t *first, int64_t *end) {
  int64_t at = offset - s->left;  // of column 0
  *first = at >= 0 ? 0 : (-at + s->stride_width - 1) / s->stride_width;
  *end = at >= s->width ? 0 : (s->width - 1 - at) / s->stride_width + 1;
  if (*end > s->output_width) *end = s->output_width;
}

/// `shares` has room for a row of outputs.
static void NAME(sum_plane_gradient)(
    const tapestry_pooling *s, const REAL *divisors, const REAL *gy, REAL *restrict shares, REAL *restrict gx) {
  bool quarter = s->kernel_width == 2 && s->stride_width == 2 && s->left == 0 && s->dilation_width == 1 &&
                 2 * s->output_width <= s->width;
  memset(gx, 0, (size_t)(s->height * s->width) * sizeof(REAL));
  for (int64_t i = 0; i < s->output_height; i++) {
    const REAL *g = gy + i * s->output_width;
    if (divisors) {
      for (int64_t j = 0; j < s->output_width; j++) shares[j] = g[j] / divisors[i * s->output_width + j];
      g = shares;
    }
    int64_t first_row, end_row;
    NAME(rows_inside)(s, i, &first_row, &end_row);
    for (int64_t a = first_row; a < end_row; a++) {
      REAL *restrict row = gx + (i * s->stride_height - s->top + a * s->dilation_height) * s->width;
      if (quarter) {
        for (int64_t j = 0; j < s->output_width; j++) {
          row[2 * j] += g[j];
          row[2 * j + 1] += g[j];
        }
        continue;
      }
      for (int64_t b = 0; b < s->kernel_width; b++) {
        int64_t first, end;
        NAME(columns_inside)(s, b * s->dilation_width, &first, &end);
        REAL *restrict to = row + b * s->dilation_width - s->left;
        if (s->stride_width == 1)
          for (int64_t j = first; j < end; j++) to[j] += g[j];
        else
          for (int64_t j = first; j < end; j++) to[j * s->stride_width] += g[j];
      }
    }
  }
}
#undef COVER
#undef NARROW_LANES
#undef WINS
#undef INLINE
