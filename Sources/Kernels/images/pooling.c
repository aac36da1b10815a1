// Pooling: groups of planes are divided among threads. The work on a plane is in pooling_kernel.h.
#include "include/CTapestryKernels.h"
#include "runtime/indexing.h"

#include <string.h>

enum { band_elements = 4096, most_lanes = 16 };

/// Elements of a run of the band's columns with the same remainder: what the last whole vector of outputs reads, and a
/// vector more, for columns are stored in whole ones.
static inline int64_t band_run(const tapestry_pooling *s) {
  int64_t reach = (s->kernel_width - 1) * s->dilation_width / s->stride_width;
  return (s->output_width + reach + 2 * most_lanes - 1) / most_lanes * most_lanes + most_lanes;
}

static inline int64_t rows_read(const tapestry_pooling *s, int64_t output_rows) {
  return (output_rows - 1) * s->stride_height + (s->kernel_height - 1) * s->dilation_height + 1;
}

/// Output rows of a band: as many as fit L1 comfortably, but one at least.
static inline int64_t band_rows(const tapestry_pooling *s) {
  int64_t row = band_run(s) * s->stride_width, others = rows_read(s, 1) - 1;
  int64_t rows = (band_elements / row - others) / s->stride_height;
  return rows < 1 ? 1 : rows < s->output_height ? rows : s->output_height;
}

static inline int64_t band_rows_read(const tapestry_pooling *s) { return rows_read(s, band_rows(s)); }

/// With one more row, for intermediate results.
static inline size_t band_bytes(const tapestry_pooling *s) {
  return (size_t)((band_rows_read(s) + 1) * s->stride_width * band_run(s)) * sizeof(double);
}

/// Where the winners of a plane's windows are written: as numbers in the window, or as places in the plane, or nowhere.
typedef struct {
  uint8_t *numbers;
  int32_t *places;
} tapestry_winners;

static inline int32_t place_of(const tapestry_pooling *s, int64_t i, int64_t j, int32_t number) {
  int32_t width = (int32_t)s->kernel_width, a = number / width, b = number % width;
  int64_t row = i * s->stride_height - s->top + a * s->dilation_height,
          column = j * s->stride_width - s->left + b * s->dilation_width;
  return (int32_t)(row * s->width + column);
}

#define REAL_SOURCE "images/pooling_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

typedef struct {
  int32_t dtype;
  const tapestry_pooling *shape;
  int64_t planes, inputs, outputs, group;  // elements of an input and an output plane; planes in a group
  const void *from;
  void *to;
  tapestry_winners winners;
  const uint8_t *numbers;  // winners that are known
  const int32_t *known;
  const int64_t *offsets;  // of element n of a window, from the window's first
  const void *divisors;
} pool_job;

/// The same windows, with a stride that is never made as 1: it would only make the band larger.
static tapestry_pooling plain(const tapestry_pooling *shape) {
  tapestry_pooling s = *shape;
  if (s.output_height == 1) s.stride_height = 1;
  if (s.output_width == 1) s.stride_width = 1;
  return s;
}

/// Runs group(context, g) over the planes in groups.
static void run(pool_job *job, void (*group)(void *, int64_t)) {
  int64_t each = job->inputs + job->outputs;
  job->group = tapestry_units(each);
  tapestry_share(job->planes * each > tapestry_piece, tapestry_parts(job->planes, job->group), job, group);
}

#define FOR_PLANES(body)                                           \
  const pool_job *job = context;                                   \
  tapestry_range part = tapestry_part(g, job->group, job->planes); \
  for (int64_t p = part.begin; p < part.end; p++) {                \
    int64_t in = p * job->inputs, out = p * job->outputs;          \
    if (job->dtype == TAPESTRY_FLOAT32) {                          \
      body(float, f32)                                             \
    } else {                                                       \
      body(double, f64)                                            \
    }                                                              \
  }

// MARK: Maximum

/// Windows of 2 x 2 side by side, all of them in the image.
static bool is_quarter(const tapestry_pooling *s) {
  return s->kernel_height == 2 && s->kernel_width == 2 && s->stride_height == 2 && s->stride_width == 2 &&
         s->top == 0 && s->left == 0 && s->dilation_height == 1 && s->dilation_width == 1 &&
         2 * s->output_height <= s->height && 2 * s->output_width <= s->width;
}

#define BODY(type, suffix)                                                                                   \
  const type *x = (const type *)job->from + in;                                                              \
  type *y = (type *)job->to + out;                                                                           \
  tapestry_winners winners = {                                                                               \
      job->winners.numbers ? job->winners.numbers + out : NULL,                                              \
      job->winners.places ? job->winners.places + out : NULL};                                               \
  if (quarter) DISPATCH(max_plane_2x2_##suffix)(job->shape, x, y, winners);                                  \
  else if (winners.numbers || winners.places) DISPATCH(max_plane_##suffix)(job->shape, x, y, winners, band); \
  else DISPATCH(max_plane_alone_##suffix)(job->shape, x, y, band);
static void max_group(void *context, int64_t g) {
  const tapestry_pooling *s = ((const pool_job *)context)->shape;
  bool quarter = is_quarter(s);
  size_t bytes = quarter ? 0 : band_bytes(s);
  void *band = bytes ? tapestry_allocate(bytes) : NULL;
  FOR_PLANES(BODY)
  tapestry_release(band, bytes);
}
#undef BODY

/// A job over the planes of `s`, from inputs to outputs or back.
static pool_job job_over(int32_t dtype, const tapestry_pooling *s, const void *from, void *to) {
  return (pool_job){
      .dtype = dtype,
      .shape = s,
      .planes = s->planes,
      .inputs = s->height * s->width,
      .outputs = s->output_height * s->output_width,
      .from = from,
      .to = to};
}

void tapestry_max_pool(int32_t dtype, const tapestry_pooling *shape, const void *x, void *y, int32_t *indices) {
  tapestry_pooling s = plain(shape);
  pool_job job = job_over(dtype, &s, x, y);
  job.winners.places = indices;
  run(&job, max_group);
}

void tapestry_max_pool_numbered(
    int32_t dtype, const tapestry_pooling *shape, const void *x, void *y, uint8_t *numbers) {
  tapestry_pooling s = plain(shape);
  pool_job job = job_over(dtype, &s, x, y);
  job.winners.numbers = numbers;
  run(&job, max_group);
}

#define BODY(type, suffix)                                                                    \
  const type *from = (const type *)job->from + out;                                           \
  type *to = (type *)job->to + in;                                                            \
  if (quarter) DISPATCH(spread_plane_2x2_##suffix)(job->shape, from, job->numbers + out, to); \
  else DISPATCH(spread_plane_##suffix)(job->shape, job->offsets, from, job->numbers + out, to);
static void spread_group(void *context, int64_t g) {
  bool quarter = is_quarter(((const pool_job *)context)->shape);
  FOR_PLANES(BODY)
}
#undef BODY

#define BODY(type, suffix)        \
  DISPATCH(gather_plane_##suffix) \
  (job->shape, job->offsets, (const type *)job->from + in, job->numbers + out, (type *)job->to + out);
static void gather_numbered_group(void *context, int64_t g) { FOR_PLANES(BODY) }
#undef BODY

static void run_numbered(
    int32_t dtype, const tapestry_pooling *shape, const void *from, const uint8_t *numbers, void *to,
    void (*group)(void *, int64_t)) {
  int64_t offsets[tapestry_most_numbers];
  for (int64_t a = 0; a < shape->kernel_height; a++)
    for (int64_t b = 0; b < shape->kernel_width; b++)
      offsets[a * shape->kernel_width + b] = a * shape->dilation_height * shape->width + b * shape->dilation_width;
  pool_job job = job_over(dtype, shape, from, to);
  job.numbers = numbers;
  job.offsets = offsets;
  run(&job, group);
}

void tapestry_max_pool_spread(
    int32_t dtype, const tapestry_pooling *shape, const void *g, const uint8_t *numbers, void *gx) {
  run_numbered(dtype, shape, g, numbers, gx, spread_group);
}

void tapestry_max_pool_gather(
    int32_t dtype, const tapestry_pooling *shape, const void *x, const uint8_t *numbers, void *y) {
  run_numbered(dtype, shape, x, numbers, y, gather_numbered_group);
}

// MARK: Scatter and gather within planes

#define BODY(type, suffix)                           \
  const type *from = (const type *)job->from + out;  \
  type *to = (type *)job->to + in;                   \
  const int32_t *known = job->known + out;           \
  memset(to, 0, (size_t)job->inputs * sizeof(type)); \
  for (int64_t j = 0; j < job->outputs; j++) to[known[j]] += from[j];
static void scatter_group(void *context, int64_t g) { FOR_PLANES(BODY) }
#undef BODY

#define BODY(type, suffix)                         \
  const type *from = (const type *)job->from + in; \
  type *to = (type *)job->to + out;                \
  const int32_t *known = job->known + out;         \
  for (int64_t j = 0; j < job->outputs; j++) to[j] = from[known[j]];
static void gather_group(void *context, int64_t g) { FOR_PLANES(BODY) }
#undef BODY

void tapestry_plane_scatter(
    int32_t dtype, int64_t planes, int64_t outputs, int64_t inputs, const void *g, const int32_t *indices, void *gx) {
  pool_job job = {
      .dtype = dtype, .planes = planes, .inputs = inputs, .outputs = outputs, .from = g, .to = gx, .known = indices};
  run(&job, scatter_group);
}

void tapestry_plane_gather(
    int32_t dtype, int64_t planes, int64_t outputs, int64_t inputs, const void *x, const int32_t *indices, void *y) {
  pool_job job = {
      .dtype = dtype, .planes = planes, .inputs = inputs, .outputs = outputs, .from = x, .to = y, .known = indices};
  run(&job, gather_group);
}

// MARK: Sums

#define BODY(type, suffix)     \
  DISPATCH(sum_plane_##suffix) \
  (job->shape, job->divisors, (const type *)job->from + in, (type *)job->to + out, band);
static void sum_group(void *context, int64_t g) {
  size_t bytes = band_bytes(((const pool_job *)context)->shape);
  void *band = tapestry_allocate(bytes);
  FOR_PLANES(BODY)
  tapestry_release(band, bytes);
}
#undef BODY

#define BODY(type, suffix)              \
  DISPATCH(sum_plane_gradient_##suffix) \
  (job->shape, job->divisors, (const type *)job->from + out, (type *)shares, (type *)job->to + in);
static void sum_gradient_group(void *context, int64_t g) {
  size_t bytes = (size_t)((const pool_job *)context)->shape->output_width * 8;
  void *shares = tapestry_allocate(bytes);
  FOR_PLANES(BODY)
  tapestry_release(shares, bytes);
}
#undef BODY

static void run_sums(
    int32_t dtype, int32_t mode, const tapestry_pooling *shape, const void *from, void *to,
    void (*group)(void *, int64_t)) {
  tapestry_pooling plain_shape = plain(shape), *s = &plain_shape;
  pool_job job = job_over(dtype, s, from, to);
  size_t bytes = (size_t)job.outputs * 8;
  void *divisors = mode == TAPESTRY_POOL_SUM ? NULL : tapestry_allocate(bytes);
  if (divisors && dtype == TAPESTRY_FLOAT32) DISPATCH(divisors_f32)(mode, s, divisors);
  else if (divisors) DISPATCH(divisors_f64)(mode, s, divisors);
  job.divisors = divisors;
  run(&job, group);
  tapestry_release(divisors, bytes);
}

void tapestry_sum_pool(int32_t dtype, int32_t mode, const tapestry_pooling *shape, const void *x, void *y) {
  // A window that is the whole plane (global average): one reduction.
  if (shape->output_height * shape->output_width == 1 && shape->top == 0 && shape->left == 0 &&
      shape->kernel_height == shape->height && shape->kernel_width == shape->width && shape->dilation_height == 1 &&
      shape->dilation_width == 1) {
    int64_t pixels = shape->height * shape->width;
    tapestry_reduce(TAPESTRY_SUM, dtype, shape->planes, pixels, 1, x, y);
    if (mode != TAPESTRY_POOL_SUM)
      for (int64_t p = 0; p < shape->planes; p++) {
        if (dtype == TAPESTRY_FLOAT32) ((float *)y)[p] /= (float)pixels;
        else ((double *)y)[p] /= (double)pixels;
      }
    return;
  }
  run_sums(dtype, mode, shape, x, y, sum_group);
}

void tapestry_sum_pool_gradient(int32_t dtype, int32_t mode, const tapestry_pooling *shape, const void *gy, void *gx) {
  run_sums(dtype, mode, shape, gy, gx, sum_gradient_group);
}
