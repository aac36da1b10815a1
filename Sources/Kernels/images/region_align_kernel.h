// One plane of one region in one REAL: see region_align.c. `line` is scratch as long as a row of pixels; of it and of
// the rows only the columns from `left` up to `right` are used.

/// line = the rows of a bin under their weights.
static inline __attribute__((always_inline)) void NAME(weigh_rows)(
    const REAL *plane, int64_t width, const region_bin *bin, const double *weights, int64_t left, int64_t right,
    REAL *line) {
  for (int64_t k = left; k < right; k += LANES) {
    VECTOR sum = SPLAT(0);
    for (int64_t r = 0; r < bin->count; r++)
      sum += SPLAT((REAL)weights[r]) * NAME(load_up_to)(plane + (bin->first + r) * width + k, right - k, 0);
    NAME(store_up_to)(line + k, right - k, sum);
  }
}

/// y[p, q] of rows x columns bins: all of a region, or a single one.
static void NAME(align_plane)(
    const REAL *plane, int64_t width, int64_t rows, const region_bin *row_bins, int64_t columns,
    const region_bin *column_bins, const double *weights, int64_t left, int64_t right, REAL *line, REAL *y) {
  for (int64_t p = 0; p < rows; p++) {
    NAME(weigh_rows)(plane, width, row_bins + p, weights + row_bins[p].weights, left, right, line);
    for (int64_t q = 0; q < columns; q++) {
      const region_bin *bin = column_bins + q;
      const double *w = weights + bin->weights;
      REAL sum = 0;
      for (int64_t k = 0; k < bin->count; k++) sum += (REAL)w[k] * line[bin->first + k];
      y[p * columns + q] = sum;
    }
  }
}

/// The transpose: adds gy to the plane.
static void NAME(spread_plane)(
    REAL *plane, int64_t width, int64_t rows, const region_bin *row_bins, int64_t columns,
    const region_bin *column_bins, const double *weights, int64_t left, int64_t right, REAL *line, const REAL *gy) {
  for (int64_t p = 0; p < rows; p++) {
    for (int64_t k = left; k < right; k++) line[k] = 0;
    for (int64_t q = 0; q < columns; q++) {
      const region_bin *bin = column_bins + q;
      const double *w = weights + bin->weights;
      for (int64_t k = 0; k < bin->count; k++) line[bin->first + k] += (REAL)w[k] * gy[p * columns + q];
    }
    const double *w = weights + row_bins[p].weights;
    for (int64_t r = 0; r < row_bins[p].count; r++) {
      REAL *row = plane + (row_bins[p].first + r) * width;
      VECTOR weight = SPLAT((REAL)w[r]);
      for (int64_t k = left; k < right; k += LANES) {
        VECTOR sum = NAME(load_up_to)(row + k, right - k, 0) + weight * NAME(load_up_to)(line + k, right - k, 0);
        NAME(store_up_to)(row + k, right - k, sum);
      }
    }
  }
}
