// Factored second moments of one REAL: see factored.c.

/// The sum of the squares of `scale` x.
static REAL NAME(sum_of_row)(int64_t n, REAL scale, const REAL *x) {
  VECTOR sum = SPLAT(0);
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR v = SPLAT(scale) * NAME(load_up_to)(x + i, n - i, 0);
    sum += v * v;
  }
  REAL total = 0;
  for (int i = 0; i < LANES; i++) total += sum[i];
  return total;
}

/// The rows begin ..< end of all matrices together.
static void NAME(factored_rows)(const factored_job *job, int64_t begin, int64_t end) {
  const REAL *x = job->gradient;
  REAL *squares = job->row_squares, past = (REAL)job->beta, fresh = (REAL)((1 - job->beta) / (double)job->columns);
  for (int64_t row = begin; row < end; row++)
    squares[row] =
        past * squares[row] + fresh * NAME(sum_of_row)(job->columns, (REAL)job->scale, x + row * job->columns);
}

/// The columns begin ..< end of one matrix, down its rows.
static void NAME(factored_columns)(const factored_job *job, int64_t matrix, int64_t begin, int64_t end) {
  const REAL *x = (const REAL *)job->gradient + matrix * job->rows * job->columns;
  REAL *squares = (REAL *)job->column_squares + matrix * job->columns;
  const VECTOR past = SPLAT(job->beta), fresh = SPLAT((1 - job->beta) / (double)job->rows), scale = SPLAT(job->scale);
  for (int64_t j = begin; j < end; j += LANES) {
    VECTOR sum = SPLAT(0);
    for (int64_t row = 0; row < job->rows; row++) {
      VECTOR v = scale * NAME(load_up_to)(x + row * job->columns + j, end - j, 0);
      sum += v * v;
    }
    NAME(store_up_to)(squares + j, end - j, past * NAME(load_up_to)(squares + j, end - j, 0) + fresh * sum);
  }
}

/// The directions in the rows begin ..< end of one matrix.
static void NAME(factored_directions)(const factored_job *job, int64_t matrix, int64_t begin, int64_t end) {
  const int64_t columns = job->columns, offset = matrix * job->rows * columns;
  const REAL *x = (const REAL *)job->gradient + offset;
  REAL *direction = (REAL *)job->direction + offset;
  const REAL *row_squares = (const REAL *)job->row_squares + matrix * job->rows;
  const REAL *column_squares = (const REAL *)job->column_squares + matrix * columns;
  double sum = 0;
  for (int64_t row = 0; row < job->rows; row++) sum += row_squares[row];
  const double mean = sum / (double)job->rows;
  const REAL divisor = (REAL)(mean < job->epsilon ? job->epsilon : mean);
  const VECTOR epsilon = SPLAT(job->epsilon), scale = SPLAT(job->scale);
  for (int64_t row = begin; row < end; row++) {
    const VECTOR share = SPLAT(row_squares[row] / divisor);
    for (int64_t j = 0; j < columns; j += LANES) {
      VECTOR v = share * NAME(load_up_to)(column_squares + j, columns - j, 0);
      VECTOR root = NAME(larger)(__builtin_elementwise_sqrt(v), epsilon);
      VECTOR g = scale * NAME(load_up_to)(x + row * columns + j, columns - j, 0);
      NAME(store_up_to)(direction + row * columns + j, columns - j, g / root);
    }
  }
}
