// Pooling of one plane of one REAL: see pooling.c.
#include "mathematics_kernel.h"
#define INLINE static inline __attribute__((always_inline))

/// Does a pixel replace the best so far? Larger, or the first NaN.
#define WINS(v, best) (((v) > (best)) | (((v) != (v)) & ((best) == (best))))

#define TAKE(step)                                         \
  for (int64_t j = 0; j < n; j++) {                        \
    REAL v = row[j * (step)], b = best[j];                 \
    best[j] = WINS(v, b) ? v : b;                          \
  }
#define TAKE_WITH_INDEX(step)                              \
  for (int64_t j = 0; j < n; j++) {                        \
    REAL v = row[j * (step)], b = best[j];                 \
    int32_t here = index + (int32_t)(j * (step));          \
    where[j] = WINS(v, b) ? here : where[j];               \
    best[j] = WINS(v, b) ? v : b;                          \
  }

/// One tap of the window for n output columns of a row: pixels row[j * stride], the first of which has number `index`.
static void NAME(max_tap)(int64_t n, int64_t stride, const REAL *row, int32_t index, REAL *restrict best, int32_t *restrict where) {
  if (where) {
    if (stride == 1) TAKE_WITH_INDEX(1)
    else if (stride == 2) TAKE_WITH_INDEX(2)
    else TAKE_WITH_INDEX(stride)
  } else {
    if (stride == 1) TAKE(1)
    else if (stride == 2) TAKE(2)
    else TAKE(stride)
  }
}

/// Output columns j whose pixel j * stride - left + offset lies in the image.
INLINE void NAME(columns_inside)(
    const tapestry_pooling *s, int64_t offset, int64_t *first, int64_t *end) {
  int64_t at = offset - s->left;  // of column 0
  *first = at >= 0 ? 0 : (-at + s->stride_width - 1) / s->stride_width;
  *end = at >= s->width ? 0 : (s->width - 1 - at) / s->stride_width + 1;
  if (*end > s->output_width) *end = s->output_width;
}

static void NAME(max_plane)(const tapestry_pooling *s, const REAL *x, REAL *y, int32_t *indices) {
  for (int64_t i = 0; i < s->output_height; i++) {
    REAL *best = y + i * s->output_width;
    int32_t *where = indices ? indices + i * s->output_width : NULL;
    // Every column starts from the first pixel of its window that lies in the image, so that a window of -infinity
    // only has a winner as well.
    int64_t row_begin = i * s->stride_height - s->top, first_row = 0;
    while (row_begin + first_row * s->dilation_height < 0) first_row++;
    for (int64_t j = 0; j < s->output_width; j++) {
      int64_t column = j * s->stride_width - s->left;
      if (column < 0) column += (-column + s->dilation_width - 1) / s->dilation_width * s->dilation_width;
      int64_t pixel = (row_begin + first_row * s->dilation_height) * s->width + column;
      best[j] = x[pixel];
      if (where) where[j] = (int32_t)pixel;
    }
    for (int64_t a = first_row; a < s->kernel_height; a++) {
      int64_t row = row_begin + a * s->dilation_height;
      if (row >= s->height) break;
      for (int64_t b = 0; b < s->kernel_width; b++) {
        int64_t first, end;
        NAME(columns_inside)(s, b * s->dilation_width, &first, &end);
        if (first >= end) continue;
        int64_t pixel = row * s->width + first * s->stride_width - s->left + b * s->dilation_width;
        NAME(max_tap)
        (end - first, s->stride_width, x + pixel, (int32_t)pixel, best + first, where ? where + first : NULL);
      }
    }
  }
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

#define FOR_TAPS(s, i, body)                                                                   \
  for (int64_t a = 0; a < s->kernel_height; a++) {                                             \
    int64_t image_row = i * s->stride_height - s->top + a * s->dilation_height;                \
    if (image_row < 0 || image_row >= s->height) continue;                                     \
    for (int64_t b = 0; b < s->kernel_width; b++) {                                            \
      int64_t first, end;                                                                      \
      NAME(columns_inside)(s, b * s->dilation_width, &first, &end);                            \
      int64_t n = end - first, stride = s->stride_width;                                       \
      int64_t pixel = image_row * s->width + first * stride - s->left + b * s->dilation_width; \
      body                                                                                     \
    }                                                                                          \
  }

static void NAME(sum_plane)(const tapestry_pooling *s, const REAL *divisors, const REAL *x, REAL *y) {
  for (int64_t i = 0; i < s->output_height; i++) {
    REAL *out = y + i * s->output_width;
    memset(out, 0, (size_t)s->output_width * sizeof(REAL));
    FOR_TAPS(s, i, {
      const REAL *restrict row = x + pixel;
      REAL *restrict to = out + first;
      if (stride == 1)
        for (int64_t j = 0; j < n; j++) to[j] += row[j];
      else if (stride == 2)
        for (int64_t j = 0; j < n; j++) to[j] += row[2 * j];
      else
        for (int64_t j = 0; j < n; j++) to[j] += row[j * stride];
    })
    if (divisors)
      for (int64_t j = 0; j < s->output_width; j++) out[j] /= divisors[i * s->output_width + j];
  }
}

/// `shares` has room for a row of outputs.
static void NAME(sum_plane_gradient)(const tapestry_pooling *s, const REAL *divisors, const REAL *gy, REAL *shares, REAL *gx) {
  memset(gx, 0, (size_t)(s->height * s->width) * sizeof(REAL));
  for (int64_t i = 0; i < s->output_height; i++) {
    const REAL *g = gy + i * s->output_width;
    if (divisors) {
      for (int64_t j = 0; j < s->output_width; j++) shares[j] = g[j] / divisors[i * s->output_width + j];
      g = shares;
    }
    FOR_TAPS(s, i, {
      const REAL *restrict from = g + first;
      REAL *restrict row = gx + pixel;
      if (stride == 1)
        for (int64_t j = 0; j < n; j++) row[j] += from[j];
      else
        for (int64_t j = 0; j < n; j++) row[j * stride] += from[j];
    })
  }
}
#undef FOR_TAPS
#undef TAKE
#undef TAKE_WITH_INDEX
#undef WINS
#undef INLINE
