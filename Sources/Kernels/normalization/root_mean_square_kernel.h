// Normalisation by the root mean square for one REAL: see root_mean_square.c.

INLINE double NAME(lane_total)(VECTOR v) {
  double total = 0;
  for (int lane = 0; lane < LANES; lane++) total += (double)v[lane];
  return total;
}

/// 1 / sqrt(mean of x^2 + epsilon)
INLINE double NAME(inverse_root)(const root_job *job, double squares) {
  return 1 / __builtin_sqrt(squares / (double)job->width + job->epsilon);
}

static void NAME(root_row)(const root_job *job, int64_t row) {
  int64_t n = job->width;
  const REAL *x = (const REAL *)job->x + row * n, *scale = job->scale;
  REAL *y = (REAL *)job->y + row * n;
  double squares = 0;
  for (int64_t first = 0; first < n; first += root_block) {
    int64_t last = n - first < root_block ? n : first + root_block, i = first;
    VECTOR s = SPLAT(0), t = s;
    for (; i + 2 * LANES <= last; i += 2 * LANES) {
      VECTOR u = NAME(load)(x + i), v = NAME(load)(x + i + LANES);
      s += u * u;
      t += v * v;
    }
    for (; i < last; i += LANES) {
      VECTOR u = NAME(load_up_to)(x + i, last - i, 0);
      s += u * u;
    }
    squares += NAME(lane_total)(s + t);
  }
  const VECTOR r = SPLAT(NAME(inverse_root)(job, squares));
  for (int64_t i = 0; i < n; i += LANES) NAME(store_up_to)
  (y + i, n - i, NAME(load_up_to)(x + i, n - i, 0) * r * NAME(load_up_to)(scale + i, n - i, 0));
}

/// gx = r (u - x r^2 mean(u x)), u = g scale; the row's r is kept for the strips.
static void NAME(root_gradient_row)(const root_job *job, int64_t row) {
  int64_t n = job->width;
  const REAL *x = (const REAL *)job->x + row * n, *g = (const REAL *)job->g + row * n, *scale = job->scale;
  REAL *gx = (REAL *)job->y + row * n;
  double squares = 0, products = 0;
  for (int64_t first = 0; first < n; first += root_block) {
    int64_t last = n - first < root_block ? n : first + root_block;
    VECTOR s = SPLAT(0), p = s;
    for (int64_t i = first; i < last; i += LANES) {
      VECTOR v = NAME(load_up_to)(x + i, last - i, 0);
      s += v * v;
      p += v * (NAME(load_up_to)(g + i, last - i, 0) * NAME(load_up_to)(scale + i, last - i, 0));
    }
    squares += NAME(lane_total)(s);
    products += NAME(lane_total)(p);
  }
  double r = NAME(inverse_root)(job, squares);
  job->inverses[row] = r;
  const VECTOR a = SPLAT(r), b = SPLAT(-r * r * r * products / (double)n);
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR u = NAME(load_up_to)(g + i, n - i, 0) * NAME(load_up_to)(scale + i, n - i, 0);
    NAME(store_up_to)(gx + i, n - i, a * u + b * NAME(load_up_to)(x + i, n - i, 0));
  }
}

/// The gradient of the scale for 16 columns: the sum of g x r over all rows.
static void NAME(root_gradient_strip)(const root_job *job, int64_t strip) {
  int64_t width = job->width, end = strip * 16 + 16 < width ? strip * 16 + 16 : width;
  for (int64_t column = strip * 16; column < end; column += LANES) {
    const REAL *x = (const REAL *)job->x + column, *g = (const REAL *)job->g + column;
    double totals[LANES] = {0};
    for (int64_t first = 0; first < job->rows; first += root_rows) {
      int64_t last = job->rows - first < root_rows ? job->rows : first + root_rows;
      VECTOR s = SPLAT(0);
      for (int64_t row = first; row < last; row++) {
        VECTOR v = NAME(load_up_to)(x + row * width, end - column, 0) * SPLAT(job->inverses[row]);
        s += v * NAME(load_up_to)(g + row * width, end - column, 0);
      }
      for (int lane = 0; lane < LANES; lane++) totals[lane] += (double)s[lane];
    }
    for (int lane = 0; lane < LANES && column + lane < end; lane++)
      ((REAL *)job->gscale)[column + lane] = (REAL)totals[lane];
  }
}
