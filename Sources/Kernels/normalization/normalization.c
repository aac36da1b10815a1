// Normalisation: division among threads. The loops are in normalization_kernel.h.
//
// A unit is a set, or a part of one where there are few sets; units depend on the sizes alone. Where a unit is a whole
// set, its second sweep follows its first one at once and finds the elements in the cache.
#include "include/CTapestryKernels.h"
#include "normalization/normalization_wide.h"
#include "runtime/indexing.h"

#include <string.h>

enum { moments_block = 4096, fewest_units = 16 };  // elements that are centred on one mean

typedef struct {
  double count, mean, squares;  // squares: the sum of squared differences from the mean
} tapestry_moments;

static inline void join_moments(tapestry_moments *total, double count, double mean, double squares) {
  double all = total->count + count, difference = mean - total->mean;
  total->mean += difference * count / all;
  // Rounding must not make a constant's variance negative.
  total->squares += (squares > 0 ? squares : 0) + difference * difference * total->count * count / all;
  total->count = all;
}

typedef struct {
  int32_t dtype;
  bool fixed;
  tapestry_normalization shape;
  // Run r of set s is the plane s * set_step + r * run_step of [samples, channels].
  int64_t sets, runs, set_step, run_step;
  int64_t parts, pairs;  // parts of a set; pairs of sums of a set
  int64_t each;          // units in a piece of work
  const void *x, *g, *scale, *shift, *addend;
  void *mean, *variance;  // written where they are results
  void *y, *gscale, *gshift;
  tapestry_normalization_relu relu;  // of the gradient
  tapestry_moments *moments;         // [sets, parts], if parts > 1
  double *sums;                      // [sets, pairs, 2]
} normalize_job;

typedef struct {
  int32_t dtype;
  int64_t rows, width, each;
  double epsilon;
  const void *x, *g, *scale, *shift;
  void *mean, *variance, *y, *gscale, *gshift;
} rows_job;

#define REAL_SOURCE "normalization/normalization_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

#define CALL(name, ...) \
  (job->dtype == TAPESTRY_FLOAT32 ? DISPATCH(name##_f32)(__VA_ARGS__) : DISPATCH(name##_f64)(__VA_ARGS__))

static normalize_job planned(int32_t dtype, const tapestry_normalization *shape) {
  normalize_job job = {.dtype = dtype, .shape = *shape};
  if (shape->groups == 0) {
    job.sets = shape->channels;
    job.runs = shape->samples;
    job.set_step = 1;
    job.run_step = shape->channels;
  } else {
    job.sets = shape->samples * shape->groups;
    job.runs = job.set_step = shape->channels / shape->groups;
    job.run_step = 1;
  }
  int64_t per_set = job.runs * shape->pixels;
  job.parts = 1;
  if (job.sets > 0 && job.sets < fewest_units && per_set >= tapestry_shared_elements) {
    job.parts = fewest_units / job.sets;
    if (job.parts > job.runs) job.parts = job.runs;
  }
  job.pairs = shape->groups == 0 ? job.parts : job.runs;
  int64_t per_unit = per_set / job.parts;
  job.each = tapestry_units(per_unit);
  return job;
}

/// The same sets for the functions of normalization_wide.h.
static tapestry_wide_normalization wide(const normalize_job *job) {
  return (tapestry_wide_normalization){
      .dtype = job->dtype,
      .sets = job->sets,
      .runs = job->runs,
      .set_step = job->set_step,
      .run_step = job->run_step,
      .pixels = job->shape.pixels,
      .scales = job->shape.channels,
      .relu = job->shape.relu,
      .epsilon = job->shape.epsilon};
}

static tapestry_wide_normalization wide_rows(int32_t dtype, int64_t rows, int64_t width, double epsilon) {
  return (tapestry_wide_normalization){
      .dtype = dtype,
      .sets = rows,
      .runs = 1,
      .set_step = 1,
      .pixels = width,
      .scales = width,
      .by_place = true,
      .epsilon = epsilon};
}

static int64_t count(const normalize_job *job) { return job->shape.samples * job->shape.channels * job->shape.pixels; }

/// Runs body(context, piece) for all pieces of `each` units.
static void share(int64_t units, int64_t each, void *job, void (*body)(void *, int64_t)) {
  int64_t pieces = tapestry_parts(units, each);
  tapestry_share(pieces > 2, pieces, job, body);
}

/// Runs first ..< end of a set.
typedef struct {
  int64_t index, set, part, first, end;
} normalize_unit;

static normalize_unit unit_at(const normalize_job *job, int64_t index) {
  int64_t part = index % job->parts;
  return (normalize_unit){
      .index = index,
      .set = index / job->parts,
      .part = part,
      .first = job->runs * part / job->parts,
      .end = job->runs * (part + 1) / job->parts};
}

#define FOR_UNITS(u)                                                       \
  int64_t end_ = (piece + 1) * job->each, units_ = job->sets * job->parts; \
  if (end_ > units_) end_ = units_;                                        \
  normalize_unit u = unit_at(job, piece * job->each);                      \
  for (; u.index < end_; u = unit_at(job, u.index + 1))

// MARK: Forward

static void forward_units(void *context, int64_t piece) {
  const normalize_job *job = context;
  FOR_UNITS(u) {
    tapestry_moments moments = {0, 0, 0};
    CALL(forward_part, job, u.set, u.first, u.end, &moments);
    if (job->parts > 1) {
      job->moments[u.index] = moments;
      continue;
    }
    CALL(finish_moments, job, u.set, &moments);
    CALL(apply_part, job, u.set, u.first, u.end);
  }
}

static void apply_units(void *context, int64_t piece) {
  const normalize_job *job = context;
  FOR_UNITS(u) CALL(apply_part, job, u.set, u.first, u.end);
}

static int64_t lanes(int32_t dtype) { return (dtype == TAPESTRY_FLOAT32 ? 16 : 8); }

/// A piece is as wide as the widest vector; narrower ones take several strips.
#define FOR_STRIPS(name, width)                                                                           \
  int64_t widest = lanes(job->dtype), from = piece * widest, to = from + widest;                          \
  for (int64_t column = from; column < to && column < (width);) {                                         \
    CALL(name, job, column);                                                                              \
    column += job->dtype == TAPESTRY_FLOAT32 ? DISPATCH(strip_lanes_f32)() : DISPATCH(strip_lanes_f64)(); \
  }

static void strips_forward(void *context, int64_t piece) {
  const normalize_job *job = context;
  FOR_STRIPS(strip_forward, job->shape.channels)
}

/// Whether channels lie side by side.
static bool has_strips(const normalize_job *job) { return job->shape.groups == 0 && job->shape.pixels == 1; }

static void share_strips(normalize_job *job, void (*body)(void *, int64_t)) {
  int64_t strips = (job->shape.channels + lanes(job->dtype) - 1) / lanes(job->dtype);
  tapestry_share(count(job) >= tapestry_shared_elements, strips, job, body);
}

static void normalize_in_range(normalize_job job) {
  int32_t dtype = job.dtype;
  if (has_strips(&job)) {
    share_strips(&job, strips_forward);
    return;
  }
  size_t bytes = (size_t)(job.sets * job.parts) * sizeof(tapestry_moments);
  if (job.parts > 1) job.moments = tapestry_allocate(bytes);
  share(job.sets * job.parts, job.each, &job, forward_units);
  if (job.parts == 1) return;
  for (int64_t set = 0; set < job.sets; set++) {
    tapestry_moments *all = job.moments + set * job.parts;
    for (int64_t part = 1; part < job.parts; part++)
      join_moments(all, all[part].count, all[part].mean, all[part].squares);
    if (dtype == TAPESTRY_FLOAT32) DISPATCH(finish_moments_f32)(&job, set, all);
    else DISPATCH(finish_moments_f64)(&job, set, all);
  }
  tapestry_release(job.moments, bytes);
  share(job.sets * job.parts, job.each, &job, apply_units);
}

void tapestry_normalize(
    int32_t dtype, const tapestry_normalization *shape, const void *x, const void *scale, const void *shift,
    const void *addend, void *y, void *mean, void *variance) {
  normalize_job job = planned(dtype, shape);
  job.x = x, job.scale = scale, job.shift = shift, job.addend = addend, job.y = y, job.mean = mean,
  job.variance = variance;
  if (count(&job) == 0) return;
  normalize_in_range(job);
  if (!tapestry_wide_is_needed(dtype, job.sets, mean, variance)) return;
  tapestry_wide_normalization sets = wide(&job);
  tapestry_wide_forward(&sets, x, scale, shift, addend, y, mean, variance);
}

void tapestry_normalize_with(
    int32_t dtype, const tapestry_normalization *shape, const void *x, const void *mean, const void *variance,
    const void *scale, const void *shift, const void *addend, void *y) {
  normalize_job job = planned(dtype, shape);
  job.x = x, job.scale = scale, job.shift = shift, job.addend = addend, job.y = y;
  job.mean = (void *)mean, job.variance = (void *)variance;
  job.fixed = true;
  if (count(&job) == 0) return;
  if (has_strips(&job)) share_strips(&job, strips_forward);
  else share(job.sets * job.parts, job.each, &job, apply_units);
}

// MARK: Gradient

static void gradient_units(void *context, int64_t piece) {
  const normalize_job *job = context;
  FOR_UNITS(u) {
    // A pair per part, or per run.
    double *sums = job->sums + 2 * (u.set * job->pairs + (job->shape.groups == 0 ? u.part : u.first));
    CALL(sums_part, job, u.set, u.first, u.end, sums);
    if (job->parts == 1) CALL(gradient_part, job, u.set, u.first, u.end);
  }
}

static void gradient_apply_units(void *context, int64_t piece) {
  const normalize_job *job = context;
  FOR_UNITS(u) CALL(gradient_part, job, u.set, u.first, u.end);
}

static void strips_gradient(void *context, int64_t piece) {
  const normalize_job *job = context;
  FOR_STRIPS(strip_gradient, job->shape.channels)
}

void tapestry_normalize_gradient(
    int32_t dtype, const tapestry_normalization *shape, bool fixed, const void *g, const void *x, const void *mean,
    const void *variance, const void *scale, const tapestry_normalization_relu *relu, void *gx, void *gscale,
    void *gshift) {
  normalize_job job = planned(dtype, shape);
  if (shape->relu) job.relu = *relu, job.shift = relu->shift;
  job.g = g, job.x = x, job.mean = (void *)mean, job.variance = (void *)variance, job.scale = scale;
  job.y = gx, job.gscale = gscale, job.gshift = gshift, job.fixed = fixed;
  if (count(&job) == 0) {
    size_t bytes = (size_t)shape->channels * (dtype == TAPESTRY_FLOAT32 ? 4 : 8);
    memset(gscale, 0, bytes);
    memset(gshift, 0, bytes);
    return;
  }
  if (!fixed && tapestry_wide_is_needed(dtype, job.sets, mean, variance)) {
    tapestry_wide_normalization sets = wide(&job);
    tapestry_wide_gradient(&sets, g, x, scale, relu, gx, gscale, gshift);
    return;
  }
  if (has_strips(&job)) {
    share_strips(&job, strips_gradient);
    return;
  }
  size_t sums = (size_t)(job.sets * job.pairs) * 2, totals = (size_t)shape->channels * 2;
  size_t bytes = (sums + totals) * sizeof(double);
  job.sums = tapestry_allocate(bytes);
  share(job.sets * job.parts, job.each, &job, gradient_units);
  if (job.parts > 1) share(job.sets * job.parts, job.each, &job, gradient_apply_units);
  if (dtype == TAPESTRY_FLOAT32) DISPATCH(affine_gradients_f32)(&job, job.sums + sums, gscale, gshift);
  else DISPATCH(affine_gradients_f64)(&job, job.sums + sums, gscale, gshift);
  tapestry_release(job.sums, bytes);
}

// MARK: Rows

static void rows_forward(void *context, int64_t piece) {
  const rows_job *job = context;
  int64_t end = (piece + 1) * job->each;
  for (int64_t row = piece * job->each; row < end && row < job->rows; row++) CALL(row_forward, job, row);
}

static void rows_gradient(void *context, int64_t piece) {
  const rows_job *job = context;
  int64_t end = (piece + 1) * job->each;
  for (int64_t row = piece * job->each; row < end && row < job->rows; row++) CALL(row_gradient, job, row);
}

static void rows_strips(void *context, int64_t piece) {
  const rows_job *job = context;
  FOR_STRIPS(rows_strip, job->width)
}

void tapestry_normalize_rows(
    int32_t dtype, int64_t rows, int64_t width, double epsilon, const void *x, const void *scale, const void *shift,
    void *y, void *mean, void *variance) {
  if (rows * width == 0) return;
  rows_job job = {
      .dtype = dtype,
      .rows = rows,
      .width = width,
      .each = tapestry_units(width),
      .epsilon = epsilon,
      .x = x,
      .scale = scale,
      .shift = shift,
      .y = y,
      .mean = mean,
      .variance = variance};
  share(rows, job.each, &job, rows_forward);
  if (!tapestry_wide_is_needed(dtype, rows, mean, variance)) return;
  tapestry_wide_normalization sets = wide_rows(dtype, rows, width, epsilon);
  tapestry_wide_forward(&sets, x, scale, shift, NULL, y, mean, variance);
}

void tapestry_normalize_rows_gradient(
    int32_t dtype, int64_t rows, int64_t width, double epsilon, const void *g, const void *x, const void *mean,
    const void *variance, const void *scale, void *gx, void *gscale, void *gshift) {
  if (rows * width == 0) {
    size_t bytes = (size_t)width * (dtype == TAPESTRY_FLOAT32 ? 4 : 8);
    memset(gscale, 0, bytes);
    memset(gshift, 0, bytes);
    return;
  }
  if (tapestry_wide_is_needed(dtype, rows, mean, variance)) {
    tapestry_wide_normalization sets = wide_rows(dtype, rows, width, epsilon);
    tapestry_wide_gradient(&sets, g, x, scale, NULL, gx, gscale, gshift);
    return;
  }
  rows_job job = {
      .dtype = dtype,
      .rows = rows,
      .width = width,
      .each = tapestry_units(width),
      .epsilon = epsilon,
      .x = x,
      .g = g,
      .scale = scale,
      .mean = (void *)mean,
      .variance = (void *)variance,
      .y = gx,
      .gscale = gscale,
      .gshift = gshift};
  int64_t strips = (width + lanes(dtype) - 1) / lanes(dtype);
  tapestry_share(rows * width >= tapestry_shared_elements, strips, &job, rows_strips);
  share(rows, job.each, &job, rows_gradient);  // last, as it may write over g
}
