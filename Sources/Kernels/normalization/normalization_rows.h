// Layer normalisation of rows with a scale and a shift per element, for one REAL: see normalization_kernel.h.
// ROWS_IN_BLOCKS is that of normalization_strips.h.

static void NAME(row_forward)(const rows_job *job, int64_t row) {
  int64_t n = job->width;
  const REAL *x = (const REAL *)job->x + row * n, *scale = job->scale, *shift = job->shift;
  REAL *y = (REAL *)job->y + row * n;
  tapestry_moments moments = {0, 0, 0};
  NAME(moments)(1, 0, n, x, &moments);
  REAL mean = (REAL)moments.mean, variance = (REAL)(moments.squares / moments.count);
  ((REAL *)job->mean)[row] = mean;
  ((REAL *)job->variance)[row] = variance;
  const VECTOR m = SPLAT(mean), r = SPLAT(NAME(inverse_deviation)((double)variance, job->epsilon));
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR v = (NAME(load_up_to)(x + i, n - i, 0) - m) * r;
    NAME(store_up_to)(y + i, n - i, v * NAME(load_up_to)(scale + i, n - i, 0) + NAME(load_up_to)(shift + i, n - i, 0));
  }
}

static void NAME(row_gradient)(const rows_job *job, int64_t row) {
  int64_t n = job->width;
  const REAL *x = (const REAL *)job->x + row * n, *g = (const REAL *)job->g + row * n, *scale = job->scale;
  REAL *gx = (REAL *)job->y + row * n, mean = ((const REAL *)job->mean)[row];
  double r = NAME(inverse_deviation)((double)((const REAL *)job->variance)[row], job->epsilon), sum = 0, product = 0;
  const VECTOR m = SPLAT(mean), inverse = SPLAT(r);
  for (int64_t first = 0; first < n; first += moments_block) {
    int64_t last = n - first < moments_block ? n : first + moments_block;
    VECTOR s = SPLAT(0), q = s;
    for (int64_t i = first; i < last; i += LANES) {
      VECTOR v = NAME(load_up_to)(g + i, last - i, 0) * NAME(load_up_to)(scale + i, last - i, 0);
      s += v;
      q += v * (NAME(load_up_to)(x + i, last - i, mean) - m);
    }
    sum += NAME(sum_of_lanes)(s);
    product += NAME(sum_of_lanes)(q);
  }
  const VECTOR b = SPLAT(-r * r * r * product / (double)n), c = SPLAT(-r * sum / (double)n);
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR u = NAME(load_up_to)(g + i, n - i, 0) * NAME(load_up_to)(scale + i, n - i, 0);
    NAME(store_up_to)(gx + i, n - i, inverse * u + (b * (NAME(load_up_to)(x + i, n - i, 0) - m) + c));
  }
}

/// The gradients of scale and shift for up to LANES elements of all rows.
static void NAME(rows_strip)(const rows_job *job, int64_t column) {
  int64_t rows = job->rows, width = job->width, n = width - column;
  const REAL *x = (const REAL *)job->x + column, *g = (const REAL *)job->g + column;
  double sums[LANES] = {0}, products[LANES] = {0};
  ROWS_IN_BLOCKS({
    VECTOR v = NAME(load_up_to)(g + row * width, n, 0);
    REAL mean = ((const REAL *)job->mean)[row];
    double r = NAME(inverse_deviation)((double)((const REAL *)job->variance)[row], job->epsilon);
    s += v;
    q += v * ((NAME(load_up_to)(x + row * width, n, mean) - SPLAT(mean)) * SPLAT(r));
  })
  for (int lane = 0; lane < LANES && lane < n; lane++) {
    ((REAL *)job->gshift)[column + lane] = (REAL)sums[lane];
    ((REAL *)job->gscale)[column + lane] = (REAL)products[lane];
  }
}
