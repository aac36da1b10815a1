// Sums and means of windows, and their gradient, for one REAL: see pooling_kernel.h.

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

/// `stride` is constant where it is inlined.
INLINE void NAME(sum_row)(const tapestry_pooling *s, int64_t stride, const REAL *from, const REAL *divisors, REAL *y) {
  int64_t run = band_run(s), down = s->dilation_height * stride * run;
  for (int64_t j = 0; j < s->output_width; j += LANES) {
    const REAL *row = from + j;
    VECTOR sum = SPLAT(0);
    for (int64_t a = 0; a < s->kernel_height; a++, row += down)
      for (int64_t b = 0; b < s->kernel_width; b++) sum += NAME(load)(row + NAME(column_start)(s, run, stride, b));
    int64_t count = s->output_width - j;
    NAME(store_up_to)(y + j, count, divisors ? sum / NAME(load_up_to)(divisors + j, count, 1) : sum);
  }
}

static void NAME(sum_plane)(const tapestry_pooling *s, const REAL *divisors, const REAL *x, REAL *y, REAL *band) {
  int64_t stride = s->stride_width;
  for (int64_t i0 = 0, i1; i0 < s->output_height; i0 = i1) {
    i1 = NAME(next_band)(s, i0, 0, x, band);
    for (int64_t i = i0; i < i1; i++) {
      const REAL *from = band + (i - i0) * s->stride_height * stride * band_run(s);
      const REAL *divide = divisors ? divisors + i * s->output_width : NULL;
      REAL *to = y + i * s->output_width;
      if (stride == 1) NAME(sum_row)(s, 1, from, divide, to);
      else if (stride == 2) NAME(sum_row)(s, 2, from, divide, to);
      else NAME(sum_row)(s, stride, from, divide, to);
    }
  }
}

/// Rows first ..< end of the window at output row i lie in the image.
INLINE void NAME(rows_inside)(const tapestry_pooling *s, int64_t i, int64_t *first, int64_t *end) {
  int64_t row = i * s->stride_height - s->top;  // of window row 0
  *first = row >= 0 ? 0 : (-row + s->dilation_height - 1) / s->dilation_height;
  *end = row >= s->height ? 0 : (s->height - 1 - row) / s->dilation_height + 1;
  if (*end > s->kernel_height) *end = s->kernel_height;
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
