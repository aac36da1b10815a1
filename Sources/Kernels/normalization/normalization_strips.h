// Batch normalisation of channels side by side, [rows, channels], for one REAL: a strip of up to LANES channels at a
// time. See normalization_kernel.h.

static int64_t NAME(strip_lanes)(void) { return LANES; }

#define ROWS_IN_BLOCKS(body)                                                    \
  for (int64_t first = 0; first < rows; first += 256) {                         \
    int64_t last = rows - first < 256 ? rows : first + 256;                     \
    VECTOR s = SPLAT(0), q = s;                                                 \
    for (int64_t row = first; row < last; row++) body;                          \
    for (int lane = 0; lane < LANES; lane++) sums[lane] += (double)s[lane];     \
    for (int lane = 0; lane < LANES; lane++) products[lane] += (double)q[lane]; \
  }

static void NAME(strip_forward)(const normalize_job *job, int64_t column) {
  int64_t rows = job->shape.samples, width = job->shape.channels, n = width - column;
  const REAL *x = (const REAL *)job->x + column;
  REAL *y = (REAL *)job->y + column, *mean = (REAL *)job->mean + column, *variance = (REAL *)job->variance + column;
  if (!job->fixed) {
    double sums[LANES] = {0}, products[LANES] = {0};
    ROWS_IN_BLOCKS(s += NAME(load_up_to)(x + row * width, n, 0))
    VECTOR centre;
    for (int lane = 0; lane < LANES; lane++) {
      centre[lane] = (REAL)(sums[lane] / (double)rows);
      sums[lane] = products[lane] = 0;
    }
    ROWS_IN_BLOCKS({
      VECTOR d = NAME(load_up_to)(x + row * width, n, 0) - centre;
      s += d;
      q += d * d;
    })
    for (int lane = 0; lane < LANES && lane < n; lane++) {
      double rest = sums[lane] / (double)rows;
      mean[lane] = (REAL)((double)centre[lane] + rest);
      double v = products[lane] / (double)rows - rest * rest;
      variance[lane] = (REAL)(v > 0 ? v : 0);
    }
  }
  VECTOR factor = SPLAT(0), m = NAME(load_up_to)(mean, n, 0),
         t = NAME(load_up_to)((const REAL *)job->shift + column, n, 0);
  for (int lane = 0; lane < LANES && lane < n; lane++)
    factor[lane] = (REAL)((double)((const REAL *)job->scale)[column + lane] *
                          NAME(inverse_deviation)((double)variance[lane], job->shape.epsilon));
  const REAL *addend = job->addend ? (const REAL *)job->addend + column : NULL;
  for (int64_t row = 0; row < rows; row++) {
    VECTOR z = NAME(normalized)(NAME(load_up_to)(x + row * width, n, 0), m, factor, t);
    if (addend) z += NAME(load_up_to)(addend + row * width, n, 0);
    NAME(store_up_to)(y + row * width, n, job->shape.relu ? NAME(relu)(z) : z);
  }
}

static void NAME(strip_gradient)(const normalize_job *job, int64_t column) {
  int64_t rows = job->shape.samples, width = job->shape.channels, n = width - column;
  const REAL *x = (const REAL *)job->x + column, *g = (const REAL *)job->g + column;
  REAL *gx = (REAL *)job->y + column;
  const VECTOR m = NAME(load_up_to)((const REAL *)job->mean + column, n, 0), zero = SPLAT(0);
  const int kind = NAME(gate_kind)(job);
  VECTOR factor = zero,
         shift = kind == NAME(computed) ? NAME(load_up_to)((const REAL *)job->shift + column, n, 0) : zero;
  for (int lane = 0; lane < LANES && lane < n; lane++)
    factor[lane] =
        (REAL)((double)((const REAL *)job->scale)[column + lane] *
               NAME(inverse_deviation)((double)((const REAL *)job->variance)[column + lane], job->shape.epsilon));
  double sums[LANES] = {0}, products[LANES] = {0};
  ROWS_IN_BLOCKS({
    VECTOR v = NAME(load_up_to)(g + row * width, n, 0);
    VECTOR u = NAME(load_up_to)(x + row * width, n, 0);
    if (kind == NAME(computed)) v = NAME(normalized)(u, m, factor, shift) > 0 ? v : zero;
    if (kind == NAME(kept)) {
      v = NAME(load_up_to)((const REAL *)job->relu.y + column + row * width, n, 0) > 0 ? v : zero;
      NAME(store_up_to)((REAL *)job->relu.gaddend + column + row * width, n, v);
    }
    s += v;
    q += v * (u - m);
  })
  if (kind == NAME(kept)) g = (const REAL *)job->relu.gaddend + column;
  VECTOR a = SPLAT(0), b = a, c = a;
  for (int lane = 0; lane < LANES && lane < n; lane++) {
    double r = NAME(inverse_deviation)((double)((const REAL *)job->variance)[column + lane], job->shape.epsilon);
    double s = r * (double)((const REAL *)job->scale)[column + lane];
    ((REAL *)job->gshift)[column + lane] = (REAL)sums[lane];
    ((REAL *)job->gscale)[column + lane] = (REAL)(products[lane] * r);
    a[lane] = (REAL)s;
    if (job->fixed) continue;
    b[lane] = (REAL)(-s * r * r * products[lane] / (double)rows);
    c[lane] = (REAL)(-s * sums[lane] / (double)rows);
  }
  for (int64_t row = 0; row < rows; row++) {
    VECTOR u = NAME(load_up_to)(g + row * width, n, 0), v = NAME(load_up_to)(x + row * width, n, 0);
    if (kind == NAME(computed)) u = NAME(normalized)(v, m, factor, shift) > 0 ? u : zero;
    NAME(store_up_to)(gx + row * width, n, job->fixed ? a * u + c : a * u + (b * (v - m) + c));
  }
}
