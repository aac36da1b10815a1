// Second moments of matrices as a vector for the rows and one for the columns, for Adafactor.
#include "include/CTapestryKernels.h"
#include "runtime/denormals.h"
#include "runtime/sharing.h"

typedef struct {
  int64_t batch, rows, columns;
  int64_t pieces;  // of one matrix, or of all rows
  int64_t length;  // rows or columns of a piece
  int32_t dtype;
  double scale, beta, epsilon;
  const void *gradient;
  void *row_squares, *column_squares, *direction;
} factored_job;

#define REAL_SOURCE "elements/factored_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

enum { piece_columns = 512 };  // some registers wide for every row that is visited

static void rows_piece(void *context, int64_t piece) {
  const factored_job *job = context;
  tapestry_range part = tapestry_part(piece, job->length, job->batch * job->rows);
  tapestry_float_mode mode = tapestry_begin_flushing();
  if (job->dtype == TAPESTRY_FLOAT32) DISPATCH(factored_rows_f32)(job, part.begin, part.end);
  else DISPATCH(factored_rows_f64)(job, part.begin, part.end);
  tapestry_end_flushing(mode);
}

static void columns_piece(void *context, int64_t piece) {
  const factored_job *job = context;
  tapestry_range part = tapestry_part(piece % job->pieces, job->length, job->columns);
  tapestry_float_mode mode = tapestry_begin_flushing();
  if (job->dtype == TAPESTRY_FLOAT32) DISPATCH(factored_columns_f32)(job, piece / job->pieces, part.begin, part.end);
  else DISPATCH(factored_columns_f64)(job, piece / job->pieces, part.begin, part.end);
  tapestry_end_flushing(mode);
}

static void directions_piece(void *context, int64_t piece) {
  const factored_job *job = context;
  tapestry_range part = tapestry_part(piece % job->pieces, job->length, job->rows);
  tapestry_float_mode mode = tapestry_begin_flushing();
  if (job->dtype == TAPESTRY_FLOAT32) DISPATCH(factored_directions_f32)(job, piece / job->pieces, part.begin, part.end);
  else DISPATCH(factored_directions_f64)(job, piece / job->pieces, part.begin, part.end);
  tapestry_end_flushing(mode);
}

static void run(factored_job *job, int64_t pieces, void (*body)(void *, int64_t)) {
  tapestry_share(job->batch * job->rows * job->columns >= tapestry_shared_elements, pieces, job, body);
}

void tapestry_factored_squares(
    int32_t dtype, int64_t batch, int64_t rows, int64_t columns, double scale, double beta, const void *gradient,
    void *row_squares, void *column_squares) {
  if (batch == 0 || rows == 0 || columns == 0) return;
  factored_job job = {
      .batch = batch,
      .rows = rows,
      .columns = columns,
      .dtype = dtype,
      .scale = scale,
      .beta = beta,
      .gradient = gradient,
      .row_squares = row_squares,
      .column_squares = column_squares};
  job.length = tapestry_units(columns);
  run(&job, tapestry_parts(batch * rows, job.length), rows_piece);
  job.length = piece_columns;
  job.pieces = tapestry_parts(columns, job.length);
  run(&job, batch * job.pieces, columns_piece);
}

void tapestry_factored_direction(
    int32_t dtype, int64_t batch, int64_t rows, int64_t columns, double scale, double epsilon, const void *gradient,
    const void *row_squares, const void *column_squares, void *direction) {
  if (batch == 0 || rows == 0 || columns == 0) return;
  factored_job job = {
      .batch = batch,
      .rows = rows,
      .columns = columns,
      .dtype = dtype,
      .scale = scale,
      .epsilon = epsilon,
      .gradient = gradient,
      .row_squares = (void *)row_squares,
      .column_squares = (void *)column_squares,
      .direction = direction};
  job.length = tapestry_units(columns);
  job.pieces = tapestry_parts(rows, job.length);
  run(&job, batch * job.pieces, directions_piece);
}
