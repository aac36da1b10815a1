// Running sums, products, maxima and recurrences: how the work is shared out, and the loops that need no vectors of
// their own. Columns are independent of each other; a long row of sums is cut into blocks, of which every one starts
// from 0 and gets the sum of those before it added.
#include "include/tapestry_scan.h"

#include "include/tapestry_machine.h"
#include "include/tapestry_threads.h"
#include "runtime/indexing.h"

#include <string.h>

enum {
  scan_columns = 256,
  scan_block = 32768,
  scan_group = 16
};  // the widest strip of columns; elements in a block; blocks

#define REAL_SOURCE "elements/scan_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

typedef struct {
  bool reversed, from_previous;
  int32_t dtype;
  int64_t outer, count, inner;
  int64_t width, strips;  // of the strips of columns
  int64_t blocks, first;  // of a row, where rows are cut; the first of a group
  const void *x, *b;
  void *y;
  int64_t *indices;
  double *totals;
  void (*strip)(const void *job, int64_t outer, int64_t column, int64_t columns);
} scan_job;

static int64_t element_size(int32_t dtype) { return dtype == TAPESTRY_FLOAT32 || dtype == TAPESTRY_INT32 ? 4 : 8; }

static void strips_of(void *context, int64_t piece) {
  const scan_job *job = context;
  int64_t units = job->outer * job->strips, elements = job->count * job->width;
  int64_t each = elements >= tapestry_piece ? 1 : tapestry_piece / (elements > 0 ? elements : 1),
          end = (piece + 1) * each;
  for (int64_t unit = piece * each; unit < end && unit < units; unit++) {
    int64_t column = unit % job->strips * job->width, columns = job->inner - column;
    job->strip(job, unit / job->strips, column, columns < job->width ? columns : job->width);
  }
}

/// Runs `strip` for all strips of columns: narrow ones where there are few, so that threads have something to share.
static void run_strips(scan_job *job, void (*strip)(const void *, int64_t, int64_t, int64_t)) {
  if (job->outer * job->count * job->inner == 0) return;
  job->strip = strip;
  job->width = job->outer >= 8 ? scan_columns : (job->inner / 8 + 31) / 32 * 32;
  if (job->width > scan_columns) job->width = scan_columns;
  if (job->width < 32) job->width = 32;
  job->strips = (job->inner + job->width - 1) / job->width;
  int64_t width = job->inner < job->width ? job->inner : job->width, elements = job->count * width;
  job->width = width;
  int64_t each = elements >= tapestry_piece ? 1 : tapestry_piece / elements, units = job->outer * job->strips;
  int64_t pieces = (units + each - 1) / each;
  tapestry_share(job->outer * job->count * job->inner >= tapestry_shared_elements, pieces, job, strips_of);
}

/// The place of element (outer, r) of a column when r counts in the direction of the scan.
#define PLACE(r) ((o * job->count + (job->reversed ? job->count - 1 - (r) : (r))) * job->inner + column)

// MARK: Sums

static double sum_row(const scan_job *job, int64_t from, int64_t n, double before, bool writes) {
  if (job->dtype == TAPESTRY_FLOAT32)
    return DISPATCH(sum_row_f32)(
        job->reversed, n, (const float *)job->x + from, writes ? (float *)job->y + from : NULL, before);
  return DISPATCH(sum_row_f64)(
      job->reversed, n, (const double *)job->x + from, writes ? (double *)job->y + from : NULL, before);
}

/// Where a block of a row begins and ends; blocks count in the direction of the scan.
static int64_t block_range(const scan_job *job, int64_t block, int64_t *n) {
  int64_t begin = block * scan_block, end = begin + scan_block < job->count ? begin + scan_block : job->count;
  *n = end - begin;
  return job->reversed ? job->count - end : begin;
}

static void whole_rows(void *context, int64_t piece) {
  const scan_job *job = context;
  int64_t each = job->count >= tapestry_piece ? 1 : tapestry_piece / job->count, end = (piece + 1) * each;
  for (int64_t o = piece * each; o < end && o < job->outer; o++) {
    double before = 0;
    for (int64_t block = 0; block < job->blocks; block++) {
      int64_t n, from = block_range(job, block, &n);
      before += sum_row(job, o * job->count + from, n, before, true);
    }
  }
}

static void block_total(void *context, int64_t block) {
  const scan_job *job = context;
  int64_t unit = job->first + block, n, from = block_range(job, unit % job->blocks, &n);
  job->totals[block] = sum_row(job, unit / job->blocks * job->count + from, n, 0, false);
}

static void block_sums(void *context, int64_t block) {
  const scan_job *job = context;
  int64_t unit = job->first + block, n, from = block_range(job, unit % job->blocks, &n);
  sum_row(job, unit / job->blocks * job->count + from, n, job->totals[block], true);
}

static void sum_rows(scan_job *job) {
  job->blocks = (job->count + scan_block - 1) / scan_block;
  int64_t each = job->count >= tapestry_piece ? 1 : tapestry_piece / job->count,
          pieces = (job->outer + each - 1) / each;
  int32_t threads = tapestry_thread_count();
  if (threads == 1 || job->outer * job->count < 2 * tapestry_piece) {
    for (int64_t piece = 0; piece < pieces; piece++) whole_rows(job, piece);
    return;
  }
  if (job->outer >= threads || job->blocks < 4) {
    tapestry_parallel(pieces, job, whole_rows);
    return;
  }
  // Few long rows, a group of blocks at a time, so that the second reading comes from the cache: first what the blocks
  // sum to, then the blocks with what lies before each.
  double totals[scan_group], before = 0;
  job->totals = totals;
  for (int64_t o = 0; o < job->outer; o++, before = 0)
    for (int64_t first = 0; first < job->blocks; first += scan_group) {
      int64_t blocks = job->blocks - first < scan_group ? job->blocks - first : scan_group;
      job->first = o * job->blocks + first;
      tapestry_parallel(blocks, job, block_total);
      for (int64_t block = 0; block < blocks; block++) {
        double total = totals[block];
        totals[block] = before;
        before += total;
      }
      tapestry_parallel(blocks, job, block_sums);
    }
}

static void sum_strip(const void *context, int64_t o, int64_t column, int64_t columns) {
  const scan_job *job = context;
  int64_t first = PLACE(0), step = job->reversed ? -job->inner : job->inner;
  if (job->dtype == TAPESTRY_FLOAT32)
    DISPATCH(sum_columns_f32)(job->count, step, columns, (const float *)job->x + first, (float *)job->y + first);
  else DISPATCH(sum_columns_f64)(job->count, step, columns, (const double *)job->x + first, (double *)job->y + first);
}

#define INTEGER_STRIP(name, integer, start, operation)                                            \
  static void name(const void *context, int64_t o, int64_t column, int64_t columns) {             \
    const scan_job *job = context;                                                                \
    uint64_t so_far[scan_columns];                                                                \
    for (int64_t i = 0; i < columns; i++) so_far[i] = start;                                      \
    for (int64_t r = 0; r < job->count; r++) {                                                    \
      const integer *x = (const integer *)job->x + PLACE(r);                                      \
      integer *y = (integer *)job->y + PLACE(r);                                                  \
      for (int64_t i = 0; i < columns; i++) y[i] = (integer)(so_far[i] operation(uint64_t) x[i]); \
    }                                                                                             \
  }
INTEGER_STRIP(sum_strip_i32, int32_t, 0, +=)
INTEGER_STRIP(sum_strip_i64, int64_t, 0, +=)
INTEGER_STRIP(product_strip_i32, int32_t, 1, *=)
INTEGER_STRIP(product_strip_i64, int64_t, 1, *=)

void tapestry_cumulative_sum(
    bool reversed, int32_t dtype, int64_t outer, int64_t count, int64_t inner, const void *x, void *y) {
  scan_job job = {.reversed = reversed, .dtype = dtype, .outer = outer, .count = count, .inner = inner, .x = x, .y = y};
  if (outer * count * inner == 0) return;
  if (dtype == TAPESTRY_INT32) run_strips(&job, sum_strip_i32);
  else if (dtype == TAPESTRY_INT64) run_strips(&job, sum_strip_i64);
  else if (inner == 1) sum_rows(&job);
  else run_strips(&job, sum_strip);
}

// MARK: Products

#define PRODUCT_STRIP(name, real)                                                     \
  static void name(const void *context, int64_t o, int64_t column, int64_t columns) { \
    const scan_job *job = context;                                                    \
    double so_far[scan_columns];                                                      \
    for (int64_t i = 0; i < columns; i++) so_far[i] = 1;                              \
    for (int64_t r = 0; r < job->count; r++) {                                        \
      const real *x = (const real *)job->x + PLACE(r);                                \
      real *y = (real *)job->y + PLACE(r);                                            \
      for (int64_t i = 0; i < columns; i++) y[i] = (real)(so_far[i] *= (double)x[i]); \
    }                                                                                 \
  }
PRODUCT_STRIP(product_strip_f32, float)
PRODUCT_STRIP(product_strip_f64, double)

void tapestry_cumulative_product(
    bool reversed, int32_t dtype, int64_t outer, int64_t count, int64_t inner, const void *x, void *y) {
  scan_job job = {.reversed = reversed, .dtype = dtype, .outer = outer, .count = count, .inner = inner, .x = x, .y = y};
  switch (dtype) {
    case TAPESTRY_FLOAT32: run_strips(&job, product_strip_f32); break;
    case TAPESTRY_FLOAT64: run_strips(&job, product_strip_f64); break;
    case TAPESTRY_INT32: run_strips(&job, product_strip_i32); break;
    default: run_strips(&job, product_strip_i64); break;
  }
}

// MARK: Maxima

// For integers v != v is never true.
#define MAX_STRIP(name, type)                                                         \
  static void name(const void *context, int64_t o, int64_t column, int64_t columns) { \
    const scan_job *job = context;                                                    \
    type best[scan_columns];                                                          \
    int64_t where[scan_columns];                                                      \
    for (int64_t r = 0; r < job->count; r++) {                                        \
      const type *x = (const type *)job->x + PLACE(r);                                \
      type *y = (type *)job->y + PLACE(r);                                            \
      int64_t *indices = job->indices + PLACE(r);                                     \
      for (int64_t i = 0; i < columns; i++) {                                         \
        type v = x[i];                                                                \
        bool wins = r == 0 || v >= best[i] || v != v;                                 \
        best[i] = wins ? v : best[i];                                                 \
        where[i] = wins ? r : where[i];                                               \
        y[i] = best[i];                                                               \
        indices[i] = where[i];                                                        \
      }                                                                               \
    }                                                                                 \
  }
MAX_STRIP(max_strip_f32, float)
MAX_STRIP(max_strip_f64, double)
MAX_STRIP(max_strip_i32, int32_t)
MAX_STRIP(max_strip_i64, int64_t)

void tapestry_cumulative_max(
    int32_t dtype, int64_t outer, int64_t count, int64_t inner, const void *x, void *y, int64_t *indices) {
  scan_job job = {.dtype = dtype, .outer = outer, .count = count, .inner = inner, .x = x, .y = y, .indices = indices};
  switch (dtype) {
    case TAPESTRY_FLOAT32: run_strips(&job, max_strip_f32); break;
    case TAPESTRY_FLOAT64: run_strips(&job, max_strip_f64); break;
    case TAPESTRY_INT32: run_strips(&job, max_strip_i32); break;
    default: run_strips(&job, max_strip_i64); break;
  }
}

// MARK: Logarithms of sums

static void log_sum_strip(const void *context, int64_t o, int64_t column, int64_t columns) {
  const scan_job *job = context;
  bool narrow = job->dtype == TAPESTRY_FLOAT32;
  double so_far[scan_columns], row[scan_columns];
  for (int64_t i = 0; i < columns; i++) so_far[i] = -__builtin_inf();
  for (int64_t r = 0; r < job->count; r++) {
    int64_t place = PLACE(r);
    for (int64_t i = 0; i < columns; i++)
      row[i] = narrow ? (double)((const float *)job->x)[place + i] : ((const double *)job->x)[place + i];
    DISPATCH(log_add_row_f64)(columns, row, so_far);
    for (int64_t i = 0; i < columns; i++)
      if (narrow) ((float *)job->y)[place + i] = (float)so_far[i];
      else ((double *)job->y)[place + i] = so_far[i];
  }
}

void tapestry_cumulative_log_sum_exp(
    int32_t dtype, int64_t outer, int64_t count, int64_t inner, const void *x, void *y) {
  scan_job job = {.dtype = dtype, .outer = outer, .count = count, .inner = inner, .x = x, .y = y};
  run_strips(&job, log_sum_strip);
}

// MARK: Recurrences

#define RECURRENCE_STRIP(name, real)                                                         \
  static void name(const void *context, int64_t o, int64_t column, int64_t columns) {        \
    const scan_job *job = context;                                                           \
    double so_far[scan_columns];                                                             \
    for (int64_t i = 0; i < columns; i++) so_far[i] = 0;                                     \
    for (int64_t r = 0; r < job->count; r++) {                                               \
      const real *a = (const real *)job->x + PLACE(job->from_previous && r > 0 ? r - 1 : r); \
      const real *b = (const real *)job->b + PLACE(r);                                       \
      real *y = (real *)job->y + PLACE(r);                                                   \
      for (int64_t i = 0; i < columns; i++) {                                                \
        double factor = r == 0 ? 0 : (double)a[i]; /* nothing is before the first */         \
        so_far[i] = r == 0 ? (double)b[i] : factor * so_far[i] + (double)b[i];               \
        y[i] = (real)so_far[i];                                                              \
      }                                                                                      \
    }                                                                                        \
  }
RECURRENCE_STRIP(recurrence_strip_f32, float)
RECURRENCE_STRIP(recurrence_strip_f64, double)

void tapestry_linear_recurrence(
    bool reversed, bool from_previous, int32_t dtype, int64_t outer, int64_t count, int64_t inner, const void *a,
    const void *b, void *y) {
  scan_job job = {
      .reversed = reversed,
      .from_previous = from_previous,
      .dtype = dtype,
      .outer = outer,
      .count = count,
      .inner = inner,
      .x = a,
      .b = b,
      .y = y};
  run_strips(&job, dtype == TAPESTRY_FLOAT32 ? recurrence_strip_f32 : recurrence_strip_f64);
}
