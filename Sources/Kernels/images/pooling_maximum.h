// The largest pixel of each window, and where it lies, for one REAL: see pooling_kernel.h.

/// One output, its window cut at the image's edges; the winner's number in the window.
static int64_t NAME(max_single)(const tapestry_pooling *s, int64_t i, int64_t j, const REAL *x, REAL *to) {
  REAL best = 0;
  int64_t where = -1;
  for (int64_t a = 0; a < s->kernel_height; a++) {
    int64_t row = i * s->stride_height - s->top + a * s->dilation_height;
    for (int64_t b = 0; b < s->kernel_width; b++) {
      int64_t column = j * s->stride_width - s->left + b * s->dilation_width;
      if (row < 0 || row >= s->height || column < 0 || column >= s->width) continue;
      REAL v = x[row * s->width + column];
      bool wins = where < 0 || WINS(v, best);
      best = wins ? v : best;
      where = wins ? a * s->kernel_width + b : where;
    }
  }
  *to = best;
  return where;
}

/// The winners of `count` outputs from (i, j) on, as numbers in their windows or as places in the plane.
INLINE void NAME(store_winners)(
    const tapestry_pooling *s, int64_t i, int64_t j, int64_t count, MASK numbers, tapestry_winners to) {
  int64_t at = i * s->output_width + j;
  if (to.numbers) {
    NAME(store_bytes)(to.numbers + at, count, numbers);
  } else if (to.places) {
    for (int64_t q = 0; q < LANES && q < count; q++) to.places[at + q] = place_of(s, i, j + q, (int32_t)numbers[q]);
  }
}

/// An output row; the size of the kernel and the stride are constant where it is inlined. Pads are -infinity, so they
/// win only where a window has nothing greater: such outputs are computed again.
INLINE void NAME(max_row)(
    const tapestry_pooling *s, int64_t height, int64_t width, int64_t stride, int64_t i, const REAL *from,
    const REAL *x, REAL *y, tapestry_winners winners) {
  int64_t run = band_run(s), down = s->dilation_height * stride * run;
  MASK lane_number;
  for (int lane = 0; lane < LANES; lane++) lane_number[lane] = lane;
  for (int64_t j = 0; j < s->output_width; j += LANES) {
    int64_t count = s->output_width - j < LANES ? s->output_width - j : LANES;
    const REAL *row = from + j;
    VECTOR best = SPLAT(-LARGEST);
    MASK where = (MASK)(REAL_INT)0;
    for (int64_t a = 0; a < height; a++, row += down)
      for (int64_t b = 0; b < width; b++) {
        VECTOR v = NAME(load)(row + NAME(column_start)(s, run, stride, b));
        MASK wins = WINS(v, best);
        best = wins ? v : best;
        where = wins ? (MASK)(REAL_INT)(a * width + b) : where;
      }
    NAME(store_up_to)(y + j, count, best);
    if (__builtin_reduce_or((best == SPLAT(-LARGEST)) & (lane_number < (REAL_INT)count)))
      for (int64_t q = 0; q < count; q++) where[q] = (REAL_INT)NAME(max_single)(s, i, j + q, x, y + j + q);
    NAME(store_winners)(s, i, j, count, where, winners);
  }
}

/// An output row without places: the larger of each column's pixels first, for all columns of the band, then those of
/// the window's columns. Over the four operations that a 3 x 3 window of stride 1 takes so, places would take nine
/// times five.
INLINE void NAME(max_row_alone)(
    const tapestry_pooling *s, int64_t height, int64_t width, int64_t stride, const REAL *from, REAL *columns,
    REAL *y) {
  int64_t run = band_run(s), down = s->dilation_height * stride * run;
  int64_t needed = s->output_width + LANES - 1 + (width - 1) * s->dilation_width / stride;
  for (int64_t p = 0; p < stride; p++)
    for (int64_t q = p * run; q < p * run + needed; q += LANES) {
      VECTOR best = NAME(load)(from + q);
      for (int64_t a = 1; a < height; a++) best = NAME(larger)(NAME(load)(from + q + a * down), best);
      NAME(store)(columns + q, best);
    }
  for (int64_t j = 0; j < s->output_width; j += LANES) {
    VECTOR best = NAME(load)(columns + j);
    for (int64_t b = 1; b < width; b++)
      best = NAME(larger)(NAME(load)(columns + j + NAME(column_start)(s, run, stride, b)), best);
    NAME(store_up_to)(y + j, s->output_width - j, best);
  }
}

/// The larger of every three neighbours of a row that fits `stride` registers, the first three from -left on; -infinity
/// for a row outside.
INLINE VECTOR NAME(max_neighbours)(const tapestry_pooling *s, int stride, int64_t row, const REAL *x) {
  VECTOR outside = SPLAT(-LARGEST), last = outside;
  if (row < 0 || row >= s->height) return outside;
  const REAL *from = x + row * s->width;
  VECTOR first = NAME(load_up_to)(from, s->width, -LARGEST);
  if (stride == 1)
    return NAME(larger)(NAME(shift_up)(first, outside), NAME(larger)(first, NAME(shift_down)(first, outside)));
  if (s->width > LANES) last = NAME(load_up_to)(from + LANES, s->width - LANES, -LARGEST);
  VECTOR even = NAME(evens)(first, last), odd = NAME(odds)(first, last), both = NAME(larger)(even, odd);
  return NAME(larger)(s->left ? NAME(shift_up)(odd, outside) : NAME(shift_down)(even, outside), both);
}

/// Windows of 3 x 3 over rows that fit `stride` registers: no copy, every row is read once.
INLINE void NAME(max_plane_narrow)(const tapestry_pooling *s, int stride, const REAL *x, REAL *y) {
  VECTOR above = NAME(max_neighbours)(s, stride, -s->top, x), next = NAME(max_neighbours)(s, stride, 1 - s->top, x);
  for (int64_t i = 0; i < s->output_height; i++) {
    int64_t row = i * stride - s->top;
    VECTOR below = NAME(max_neighbours)(s, stride, row + 2, x);
    NAME(store_up_to)(y + i * s->output_width, s->output_width, NAME(larger)(above, NAME(larger)(next, below)));
    above = stride == 1 ? next : below;
    next = stride == 1 ? below : NAME(max_neighbours)(s, stride, row + 3, x);
  }
}

static void NAME(max_plane_alone)(const tapestry_pooling *s, const REAL *x, REAL *y, REAL *band) {
  if (s->kernel_height == 3 && s->kernel_width == 3 && s->dilation_height == 1 && s->dilation_width == 1 &&
      s->stride_height == s->stride_width && s->width <= s->stride_width * LANES && s->output_width <= LANES) {
    if (s->stride_width == 1 && s->left == 1) {
      NAME(max_plane_narrow)(s, 1, x, y);
      return;
    }
    if (s->stride_width == 2 && s->left <= 1) {
      NAME(max_plane_narrow)(s, 2, x, y);
      return;
    }
  }
  int64_t height = s->kernel_height, width = s->kernel_width, stride = s->stride_width;
  bool three = height == 3 && width == 3;
  REAL *columns = band + band_rows_read(s) * stride * band_run(s);
  for (int64_t i0 = 0, i1; i0 < s->output_height; i0 = i1) {
    i1 = NAME(next_band)(s, i0, -LARGEST, x, band);
    for (int64_t i = i0; i < i1; i++) {
      const REAL *from = band + (i - i0) * s->stride_height * stride * band_run(s);
      REAL *to = y + i * s->output_width;
      if (three && stride == 1) NAME(max_row_alone)(s, 3, 3, 1, from, columns, to);
      else if (three && stride == 2) NAME(max_row_alone)(s, 3, 3, 2, from, columns, to);
      else NAME(max_row_alone)(s, height, width, stride, from, columns, to);
    }
  }
}

static void NAME(max_plane)(const tapestry_pooling *s, const REAL *x, REAL *y, tapestry_winners winners, REAL *band) {
  int64_t height = s->kernel_height, width = s->kernel_width, stride = s->stride_width;
  bool three = height == 3 && width == 3;
  for (int64_t i0 = 0, i1; i0 < s->output_height; i0 = i1) {
    i1 = NAME(next_band)(s, i0, -LARGEST, x, band);
    for (int64_t i = i0; i < i1; i++) {
      const REAL *from = band + (i - i0) * s->stride_height * stride * band_run(s);
      REAL *to = y + i * s->output_width;
      if (three && stride == 1) NAME(max_row)(s, 3, 3, 1, i, from, x, to, winners);
      else if (three && stride == 2) NAME(max_row)(s, 3, 3, 2, i, from, x, to, winners);
      else if (stride == 1) NAME(max_row)(s, height, width, 1, i, from, x, to, winners);
      else NAME(max_row)(s, height, width, stride, i, from, x, to, winners);
    }
  }
}

/// Pixels 2 q and 2 q + 1 of `count` pairs, in the first lanes.
INLINE void NAME(load_pairs)(const REAL *from, int64_t count, VECTOR *even, VECTOR *odd) {
  VECTOR a = NAME(load_up_to)(from, 2 * count, 0);
  VECTOR b = 2 * count > LANES ? NAME(load_up_to)(from + LANES, 2 * count - LANES, 0) : a;
  *even = NAME(evens)(a, b);
  *odd = NAME(odds)(a, b);
}

/// Windows of 2 x 2, stride 2, no padding: both rows at once. Scan order is upper left, upper right, lower left, lower
/// right.
static void NAME(max_plane_2x2)(const tapestry_pooling *s, const REAL *x, REAL *y, tapestry_winners winners) {
  int64_t width = s->width, n = s->output_width;
  for (int64_t i = 0; i < s->output_height; i++, y += n) {
    const REAL *upper = x + 2 * i * width;
    for (int64_t j = 0; j < n; j += LANES) {
      int64_t count = n - j < LANES ? n - j : LANES;
      VECTOR a, b, c, d;
      NAME(load_pairs)(upper + 2 * j, count, &a, &b);
      NAME(load_pairs)(upper + width + 2 * j, count, &c, &d);
      MASK right = WINS(b, a), lower_right = WINS(d, c);
      VECTOR ab = right ? b : a, cd = lower_right ? d : c;
      MASK lower = WINS(cd, ab);
      NAME(store_up_to)(y + j, count, lower ? cd : ab);
      if (!winners.numbers && !winners.places) continue;
      MASK number = lower ? 2 - lower_right : -right;
      NAME(store_winners)(s, i, j, count, number, winners);
    }
  }
}

/// The gradient of max_plane_2x2: every pixel is written once.
static void NAME(spread_plane_2x2)(const tapestry_pooling *s, const REAL *g, const uint8_t *numbers, REAL *gx) {
  const VECTOR zero = SPLAT(0);
  int64_t width = s->width, n = s->output_width;
  for (int64_t i = 0; i < s->output_height; i++, g += n, numbers += n) {
    REAL *upper = gx + 2 * i * width, *lower = upper + width;
    for (int64_t j = 0; j < n; j += LANES) {
      int64_t count = n - j < LANES ? n - j : LANES;
      MASK number = NAME(load_bytes)(numbers + j, count);
      VECTOR v = NAME(load_up_to)(g + j, count, 0);
      VECTOR a = number == 0 ? v : zero, b = number == 1 ? v : zero, c = number == 2 ? v : zero,
             d = number == 3 ? v : zero;
      NAME(store_up_to)(upper + 2 * j, 2 * count, NAME(interleave_low)(a, b));
      NAME(store_up_to)(lower + 2 * j, 2 * count, NAME(interleave_low)(c, d));
      if (2 * count <= LANES) continue;
      NAME(store_up_to)(upper + 2 * j + LANES, 2 * count - LANES, NAME(interleave_high)(a, b));
      NAME(store_up_to)(lower + 2 * j + LANES, 2 * count - LANES, NAME(interleave_high)(c, d));
    }
    for (int64_t j = 2 * n; j < width; j++) upper[j] = lower[j] = 0;
  }
  int64_t written = 2 * s->output_height * width;
  memset(gx + written, 0, (size_t)(s->height * width - written) * sizeof(REAL));
}

/// gx = 0, then every g is added where its window's winner lies.
static void NAME(spread_plane)(
    const tapestry_pooling *s, const int64_t *offsets, const REAL *g, const uint8_t *numbers, REAL *gx) {
  memset(gx, 0, (size_t)(s->height * s->width) * sizeof(REAL));
  for (int64_t i = 0; i < s->output_height; i++, g += s->output_width, numbers += s->output_width) {
    REAL *row = gx + (i * s->stride_height - s->top) * s->width - s->left;
    for (int64_t j = 0; j < s->output_width; j++) row[j * s->stride_width + offsets[numbers[j]]] += g[j];
  }
}

/// The winners' pixels of x: the transpose of spread_plane.
static void NAME(gather_plane)(
    const tapestry_pooling *s, const int64_t *offsets, const REAL *x, const uint8_t *numbers, REAL *y) {
  for (int64_t i = 0; i < s->output_height; i++, y += s->output_width, numbers += s->output_width) {
    const REAL *row = x + (i * s->stride_height - s->top) * s->width - s->left;
    for (int64_t j = 0; j < s->output_width; j++) y[j] = row[j * s->stride_width + offsets[numbers[j]]];
  }
}
