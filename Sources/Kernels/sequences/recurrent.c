// Recurrent nets: the loop over steps. Each is a matrix product with the states, then the gates, row by row: see
// recurrent_kernel.h.
#include "include/CTapestryKernels.h"
#include "runtime/sharing.h"

#include <string.h>

#define REAL_SOURCE "sequences/recurrent_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

enum { recurrent_piece = 2048 };  // elements of a group of rows

typedef struct {
  int32_t dtype;
  const tapestry_recurrence *shape;
  int64_t bytes, blocks, step, rows;  // of an element; of gates; which step; in a group
  // Forward: what there is of this step.
  const char *p, *q;
  char *gates, *y, *cells, *hidden, *cell;
  // Backward.
  const char *first_hidden, *first_cell, *all_y, *all_cells, *gy;
  char *before, *gh, *gc, *gp, *gq;
} recurrent_job;

static int64_t blocks_of(int32_t cell) { return cell == TAPESTRY_CELL_LSTM ? 4 : cell == TAPESTRY_CELL_GRU ? 3 : 1; }

static bool is_over(const recurrent_job *job, int64_t row) {
  return job->shape->lengths && job->step >= job->shape->lengths[row];
}

/// Runs unit(job, group) for groups of rows of one step.
static void run_rows(recurrent_job *job, void (*unit)(void *context, int64_t group)) {
  int64_t size = job->shape->size, elements = job->shape->samples * size * job->blocks;
  if (elements == 0) return;
  job->rows = size < recurrent_piece ? recurrent_piece / size : 1;
  tapestry_share(elements >= tapestry_shared_functions, tapestry_parts(job->shape->samples, job->rows), job, unit);
}

#define ROW(pointer, width) (job->pointer ? (void *)(job->pointer + row * (width) * size * job->bytes) : NULL)

static void step_rows(void *context, int64_t group) {
  const recurrent_job *job = context;
  int64_t size = job->shape->size, state = size * job->bytes;
  int32_t cell = job->shape->cell;
  tapestry_range part = tapestry_part(group, job->rows, job->shape->samples);
  for (int64_t row = part.begin; row < part.end; row++) {
    void *y = ROW(y, 1), *h = ROW(hidden, 1), *c = ROW(cell, 1), *cells = ROW(cells, 1);
    void *p = ROW(p, job->blocks), *q = ROW(q, job->blocks), *gates = ROW(gates, cell < TAPESTRY_CELL_GRU ? 1 : 4);
    if (is_over(job, row)) {
      memset(y, 0, (size_t)state);
      if (gates) memset(gates, 0, (size_t)((cell < TAPESTRY_CELL_GRU ? 1 : 4) * state));
      if (cells) memcpy(cells, c, (size_t)state);
    } else if (job->dtype == TAPESTRY_FLOAT32) {
      if (cell == TAPESTRY_CELL_LSTM) DISPATCH(lstm_row_f32)(size, gates, c, h, y, cells);
      else if (cell == TAPESTRY_CELL_GRU) DISPATCH(gru_row_f32)(size, p, q, h, y, gates);
      else DISPATCH(plain_row_f32)(cell, size, gates, h, y);
    } else {
      if (cell == TAPESTRY_CELL_LSTM) DISPATCH(lstm_row_f64)(size, gates, c, h, y, cells);
      else if (cell == TAPESTRY_CELL_GRU) DISPATCH(gru_row_f64)(size, p, q, h, y, gates);
      else DISPATCH(plain_row_f64)(cell, size, gates, h, y);
    }
  }
}

void tapestry_recurrent_forward(
    int32_t dtype, const tapestry_recurrence *shape, const void *projected, const void *weight, const void *bias,
    const void *first_hidden, const void *first_cell, void *y, void *hidden, void *cell, void *gates, void *cells) {
  recurrent_job job = {.dtype = dtype, .shape = shape, .hidden = hidden, .cell = cell};
  job.bytes = dtype == TAPESTRY_FLOAT32 ? 4 : 8;
  job.blocks = blocks_of(shape->cell);
  int64_t states = shape->samples * shape->size, width = job.blocks * shape->size;
  bool is_gru = shape->cell == TAPESTRY_CELL_GRU, is_lstm = shape->cell == TAPESTRY_CELL_LSTM;
  memcpy(hidden, first_hidden, (size_t)(states * job.bytes));
  if (is_lstm) memcpy(cell, first_cell, (size_t)(states * job.bytes));
  // The product of one step, where it is not kept.
  bool has_scratch = is_gru || !gates;
  size_t scratch_bytes = (size_t)(states * job.blocks * job.bytes);
  char *scratch = has_scratch ? tapestry_allocate(scratch_bytes) : NULL;
  for (int64_t place = 0; place < shape->steps; place++) {
    int64_t t = shape->reversed ? shape->steps - 1 - place : place;
    job.step = t;
    job.p = (const char *)projected + t * states * job.blocks * job.bytes;
    job.y = (char *)y + t * states * job.bytes;
    job.cells = cells ? (char *)cells + t * states * job.bytes : NULL;
    job.gates = gates ? (char *)gates + t * states * 4 * job.bytes : is_gru ? NULL : scratch;
    job.q = is_gru ? scratch : NULL;
    tapestry_epilogue epilogue = {.column_bias = is_gru ? bias : NULL, .addend = is_gru ? NULL : job.p};
    tapestry_gemm(
        dtype, false, true, shape->samples, width, shape->size, hidden, shape->size, weight, shape->size,
        is_gru ? scratch : job.gates, width, false, &epilogue);
    run_rows(&job, step_rows);
  }
  if (has_scratch) tapestry_release(scratch, scratch_bytes);
}

// MARK: Backward

/// The state before a step: that of the first step, or the result of the step before.
static const char *state_before(const recurrent_job *job, int64_t row, const char *first, const char *all) {
  const tapestry_recurrence *shape = job->shape;
  int64_t end = shape->lengths ? shape->lengths[row] : shape->steps, state = shape->size * job->bytes;
  int64_t before = shape->reversed ? job->step + 1 : job->step - 1;
  if (before < 0 || before >= end) return first + row * state;
  return all + (before * shape->samples + row) * state;
}

static void step_rows_gradient(void *context, int64_t group) {
  const recurrent_job *job = context;
  int64_t size = job->shape->size, state = size * job->bytes;
  int32_t cell = job->shape->cell;
  tapestry_range part = tapestry_part(group, job->rows, job->shape->samples);
  for (int64_t row = part.begin; row < part.end; row++) {
    void *before = ROW(before, 1), *gh = ROW(gh, 1), *gc = ROW(gc, 1), *gy = ROW(gy, 1);
    void *gp = ROW(gp, job->blocks), *gq = ROW(gq, job->blocks), *y = ROW(y, 1), *cells = ROW(cells, 1);
    void *gates = ROW(gates, 4);
    if (is_over(job, row)) {
      memset(before, 0, (size_t)state);
      memset(gp, 0, (size_t)(job->blocks * state));
      if (gq != gp) memset(gq, 0, (size_t)(job->blocks * state));
      continue;
    }
    memcpy(before, state_before(job, row, job->first_hidden, job->all_y), (size_t)state);
    const void *cell_before =
        cell == TAPESTRY_CELL_LSTM ? state_before(job, row, job->first_cell, job->all_cells) : NULL;
    if (job->dtype == TAPESTRY_FLOAT32) {
      if (cell == TAPESTRY_CELL_LSTM) DISPATCH(lstm_row_gradient_f32)(size, gates, cell_before, cells, gy, gh, gc, gp);
      else if (cell == TAPESTRY_CELL_GRU) DISPATCH(gru_row_gradient_f32)(size, gates, before, gy, gh, gp, gq);
      else DISPATCH(plain_row_gradient_f32)(cell, size, y, gy, gh, gp);
    } else {
      if (cell == TAPESTRY_CELL_LSTM) DISPATCH(lstm_row_gradient_f64)(size, gates, cell_before, cells, gy, gh, gc, gp);
      else if (cell == TAPESTRY_CELL_GRU) DISPATCH(gru_row_gradient_f64)(size, gates, before, gy, gh, gp, gq);
      else DISPATCH(plain_row_gradient_f64)(cell, size, y, gy, gh, gp);
    }
  }
}

static void copy_or_clear(void *target, const void *source, int64_t bytes) {
  if (source) memcpy(target, source, (size_t)bytes);
  else memset(target, 0, (size_t)bytes);
}

void tapestry_recurrent_backward(
    int32_t dtype, const tapestry_recurrence *shape, const void *weight, const void *first_hidden,
    const void *first_cell, const void *y, const void *gates, const void *cells, const void *gy, const void *ghidden,
    const void *gcell, void *gprojected, void *gweight, void *gbias, void *gfirst_hidden, void *gfirst_cell) {
  recurrent_job job = {.dtype = dtype, .shape = shape, .gh = gfirst_hidden, .gc = gfirst_cell};
  job.bytes = dtype == TAPESTRY_FLOAT32 ? 4 : 8;
  job.blocks = blocks_of(shape->cell);
  job.first_hidden = first_hidden;
  job.first_cell = first_cell;
  job.all_y = y;
  job.all_cells = cells;
  int64_t states = shape->samples * shape->size, width = job.blocks * shape->size, bytes = states * job.bytes;
  int64_t rows = shape->steps * shape->samples;
  bool is_gru = shape->cell == TAPESTRY_CELL_GRU;
  copy_or_clear(gfirst_hidden, ghidden, bytes);
  if (shape->cell == TAPESTRY_CELL_LSTM) copy_or_clear(gfirst_cell, gcell, bytes);
  // The states before all steps, side by side for one product at the end; and the gradients by the hidden products,
  // where they are not those by the inputs' share.
  size_t before_bytes = (size_t)(shape->steps * bytes), product_bytes = is_gru ? 3 * before_bytes : 0;
  char *before = tapestry_allocate(before_bytes), *products = is_gru ? tapestry_allocate(product_bytes) : gprojected;
  for (int64_t place = shape->steps - 1; place >= 0; place--) {
    int64_t t = shape->reversed ? shape->steps - 1 - place : place;
    job.step = t;
    job.y = (char *)y + t * bytes;
    job.cells = cells ? (char *)cells + t * bytes : NULL;
    job.gates = gates ? (char *)gates + 4 * t * bytes : NULL;
    job.gy = gy ? (const char *)gy + t * bytes : NULL;
    job.before = before + t * bytes;
    job.gp = (char *)gprojected + t * job.blocks * bytes;
    job.gq = products + t * job.blocks * bytes;
    run_rows(&job, step_rows_gradient);
    tapestry_gemm(
        dtype, false, false, shape->samples, shape->size, width, job.gq, width, weight, shape->size, gfirst_hidden,
        shape->size, true, NULL);
  }
  tapestry_gemm(
      dtype, true, false, width, shape->size, rows, products, width, before, shape->size, gweight, shape->size, false,
      NULL);
  if (gbias) tapestry_reduce(TAPESTRY_SUM, dtype, 1, rows, width, products, gbias);
  tapestry_release(before, before_bytes);
  if (is_gru) tapestry_release(products, product_bytes);
}
