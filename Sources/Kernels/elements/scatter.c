// Additions and writes at places that may coincide. What is shared out among threads are parts of the target that no
// other part touches, so results do not depend on the number of threads.
#include "include/CTapestryKernels.h"
#include "runtime/indexing.h"

#include <string.h>

#define REAL_SOURCE "elements/scatter_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

// MARK: Strided addition

typedef struct {
  int32_t dtype;
  tapestry_space space;  // operand 0 the target, 1 the source; the last axis is the inner loop
  const char *source;
  char *target;
  int32_t shared;     // the axis whose positions lie apart in the target, or -1
  int64_t per_piece;  // positions of it in a piece of work
} add_job;

/// The whole space, but for positions begin ..< end alone of the shared axis.
static void add_part(const add_job *job, int64_t begin, int64_t end) {
  const tapestry_space *s = &job->space;
  int64_t bytes = job->dtype == TAPESTRY_FLOAT32 ? 4 : 8;
  int64_t first[tapestry_most_axes], sizes[tapestry_most_axes], index[tapestry_most_axes] = {0};
  int32_t inner = s->rank - 1;
  int64_t t = 0, f = 0, rows = 1;
  for (int32_t axis = 0; axis <= inner; axis++) {
    first[axis] = axis == job->shared ? begin : 0;
    sizes[axis] = axis == job->shared ? end - begin : s->sizes[axis];
    t += first[axis] * s->strides[0][axis];
    f += first[axis] * s->strides[1][axis];
    if (axis < inner) rows *= sizes[axis];
  }
  for (int64_t row = 0; row < rows; row++) {
    if (bytes == 4) DISPATCH(add_row_f32)
    (sizes[inner], (const float *)job->source + f, s->strides[1][inner], (float *)job->target + t,
     s->strides[0][inner]);
    else DISPATCH(add_row_f64)(
        sizes[inner], (const double *)job->source + f, s->strides[1][inner], (double *)job->target + t,
        s->strides[0][inner]);
    for (int32_t axis = inner - 1; axis >= 0; axis--) {
      t += s->strides[0][axis], f += s->strides[1][axis];
      if (++index[axis] < sizes[axis]) break;
      t -= sizes[axis] * s->strides[0][axis], f -= sizes[axis] * s->strides[1][axis];
      index[axis] = 0;
    }
  }
}

static void add_piece(void *context, int64_t piece) {
  const add_job *job = context;
  int64_t begin = piece * job->per_piece;
  add_part(job, begin, least(begin + job->per_piece, job->space.sizes[job->shared]));
}

/// Whether different positions of an axis never meet in the target: they lie further apart than all the rest reaches,
/// or on residues of their own.
static bool lies_apart(const tapestry_space *s, int32_t axis) {
  int64_t step = magnitude(s->strides[0][axis]), reach = 0;
  bool residues = step > 0;
  for (int32_t other = 0; other < s->rank; other++) {
    if (other == axis) continue;
    int64_t stride = magnitude(s->strides[0][other]);
    reach += (s->sizes[other] - 1) * stride;
    residues = residues && stride % (step * s->sizes[axis]) == 0;
  }
  return step > reach || residues;
}

static void exchange_axes(tapestry_space *s, int32_t a, int32_t b) {
  int64_t size = s->sizes[a];
  s->sizes[a] = s->sizes[b], s->sizes[b] = size;
  for (int32_t o = 0; o < 2; o++) {
    int64_t stride = s->strides[o][a];
    s->strides[o][a] = s->strides[o][b], s->strides[o][b] = stride;
  }
}

void tapestry_strided_add(
    int32_t dtype, int32_t rank, const int64_t *sizes, const int64_t *target_strides, void *target,
    const int64_t *source_strides, const void *source) {
  const int64_t *strides[2] = {target_strides, source_strides};
  add_job job = {.dtype = dtype, .space = tapestry_merged(rank, sizes, 2, strides), .source = source, .target = target};
  tapestry_space *s = &job.space;
  if (s->count == 0) return;
  // The inner loop: contiguous in the target and, better still, in the source.
  int32_t inner = s->rank - 1, best = inner;
  int best_score = -1;
  for (int32_t axis = inner; axis >= 0; axis--) {
    int score = (s->strides[0][axis] == 1) * 2 + (s->strides[1][axis] == 1);
    if (s->sizes[axis] >= 8 && score > best_score) best = axis, best_score = score;
  }
  exchange_axes(s, best, inner);
  job.shared = -1;
  for (int32_t axis = 0; axis < s->rank; axis++)
    if (lies_apart(s, axis) && (job.shared < 0 || s->sizes[axis] > s->sizes[job.shared])) job.shared = axis;
  bool shares = job.shared >= 0 && s->count >= tapestry_shared_elements;
  if (job.shared < 0) job.shared = 0;
  int64_t extent = s->sizes[job.shared];
  job.per_piece = shares ? tapestry_units(s->count / extent) : extent;
  if (job.shared == inner) job.per_piece = (job.per_piece + 15) / 16 * 16;
  tapestry_share(shares, tapestry_parts(extent, job.per_piece), &job, add_piece);
}

// MARK: Scatter

typedef struct {
  int32_t dtype;
  bool adds;
  double scale;
  const tapestry_scatter_space *space;
  int64_t update_strides[6];
  const int64_t *indices;
  const char *updates;
  char *y;
  int32_t inner;        // the last axis where that is not the one of the indices, else -1
  int64_t bands, band;  // of the inner axis: how many, how wide
} scatter_job;

/// t[i ts] (op) u[i] for one index per element, or for one index of all where `shared`.
#define SCATTER_ROW(type, statement)                                 \
  {                                                                  \
    const type *u = (const type *)updates;                           \
    type *t = (type *)target;                                        \
    for (int64_t i = 0; i < n; i++) {                                \
      type *to = t + i * step + index[i * index_step] * axis_stride; \
      statement;                                                     \
    }                                                                \
  }

static void scatter_row(
    const scatter_job *job, int64_t n, const int64_t *index, int64_t index_step, int64_t axis_stride,
    int64_t update_step, const void *updates, void *target, int64_t step) {
  if (!job->adds) {
    if (job->dtype == TAPESTRY_BOOL) SCATTER_ROW(uint8_t, *to = u[i * update_step])
    else if (job->dtype == TAPESTRY_FLOAT32 || job->dtype == TAPESTRY_INT32)
      SCATTER_ROW(uint32_t, *to = u[i * update_step])
    else SCATTER_ROW(uint64_t, *to = u[i * update_step])
    return;
  }
  // One index for a contiguous run, as when whole slices are added.
  bool contiguous = index_step == 0 && step == 1 && update_step == 1;
  if (job->dtype == TAPESTRY_FLOAT32) {
    float scale = (float)job->scale;
    if (contiguous) DISPATCH(add_scaled_row_f32)(n, scale, updates, (float *)target + index[0] * axis_stride);
    else SCATTER_ROW(float, *to += scale * u[i * update_step])
  } else if (job->dtype == TAPESTRY_FLOAT64) {
    double scale = job->scale;
    if (contiguous) DISPATCH(add_scaled_row_f64)(n, scale, updates, (double *)target + index[0] * axis_stride);
    else SCATTER_ROW(double, *to += scale * u[i * update_step])
  } else if (job->dtype == TAPESTRY_INT32) {
    SCATTER_ROW(uint32_t, *to += u[i * update_step])
  } else {
    SCATTER_ROW(uint64_t, *to += u[i * update_step])
  }
}

/// A line: one position of every axis but the indices' and the inner one; a piece is a band of the inner axis in one
/// line. Lines and bands write to places of their own.
static void scatter_piece(void *context, int64_t piece) {
  const scatter_job *job = context;
  const tapestry_scatter_space *s = job->space;
  int64_t bytes = job->dtype == TAPESTRY_FLOAT32 || job->dtype == TAPESTRY_INT32 ? 4
                  : job->dtype == TAPESTRY_BOOL                                  ? 1
                                                                                 : 8;
  int64_t line = piece / job->bands, first = piece % job->bands * job->band;
  int64_t u = 0, t = 0, x = 0;
  for (int32_t axis = s->rank - 1; axis >= 0; axis--) {
    if (axis == s->axis || axis == job->inner) continue;
    int64_t i = line % s->sizes[axis];
    line /= s->sizes[axis];
    u += i * job->update_strides[axis], t += i * s->target_strides[axis], x += i * s->index_strides[axis];
  }
  int64_t count = s->sizes[s->axis], axis_stride = s->target_strides[s->axis];
  if (job->inner < 0) {
    scatter_row(
        job, count, job->indices + x, s->index_strides[s->axis], axis_stride, job->update_strides[s->axis],
        job->updates + u * bytes, job->y + t * bytes, 0);
    return;
  }
  int64_t n = least(job->band, s->sizes[job->inner] - first), index_step = s->index_strides[job->inner];
  u += first * job->update_strides[job->inner], t += first * s->target_strides[job->inner], x += first * index_step;
  for (int64_t j = 0; j < count; j++)
    scatter_row(
        job, n, job->indices + x + j * s->index_strides[s->axis], index_step, axis_stride,
        job->update_strides[job->inner], job->updates + (u + j * job->update_strides[s->axis]) * bytes,
        job->y + t * bytes, s->target_strides[job->inner]);
}

void tapestry_scatter(
    int32_t dtype, bool adds, double scale, const tapestry_scatter_space *space, const int64_t *indices,
    const void *updates, void *y) {
  scatter_job job = {
      .dtype = dtype, .adds = adds, .scale = scale, .space = space, .indices = indices, .updates = updates, .y = y};
  int64_t count = 1, lines = 1;
  job.inner = space->axis == space->rank - 1 ? -1 : space->rank - 1;
  for (int32_t axis = space->rank - 1; axis >= 0; axis--) {
    job.update_strides[axis] = count;
    count *= space->sizes[axis];
    if (axis != space->axis && axis != job.inner) lines *= space->sizes[axis];
  }
  if (count == 0) return;
  int64_t width = job.inner < 0 ? 1 : space->sizes[job.inner];
  // Bands of whole cache lines, as many as the work of a line is worth.
  int64_t wanted = count / lines / tapestry_piece;
  job.band = wanted > 1 ? ((width + wanted - 1) / wanted + 63) / 64 * 64 : width;
  job.bands = (width + job.band - 1) / job.band;
  tapestry_share(count >= tapestry_shared_elements, lines * job.bands, &job, scatter_piece);
}

int64_t tapestry_first_outside(int64_t count, const int64_t *indices, int64_t end) {
  for (int64_t i = 0; i < count; i++)
    if (indices[i] < 0 || indices[i] >= end) return i;
  return -1;
}

// MARK: Triangles

typedef struct {
  int64_t bytes, offset, rows, columns, per_piece, all;
  bool upper;
  const char *x;
  char *y;
} triangle_job;

static void triangle_piece(void *context, int64_t piece) {
  const triangle_job *job = context;
  int64_t end = least((piece + 1) * job->per_piece, job->all), run = job->columns * job->bytes;
  for (int64_t row = piece * job->per_piece; row < end; row++) {
    // Columns up to `edge` are below the border.
    int64_t edge = row % job->rows + job->offset + (job->upper ? 0 : 1);
    edge = (edge < 0 ? 0 : least(edge, job->columns)) * job->bytes;
    const char *x = job->x + row * run;
    char *y = job->y + row * run;
    if (job->upper) {
      memset(y, 0, (size_t)edge);
      memcpy(y + edge, x + edge, (size_t)(run - edge));
    } else {
      memcpy(y, x, (size_t)edge);
      memset(y + edge, 0, (size_t)(run - edge));
    }
  }
}

void tapestry_triangle(
    int32_t element_size, bool upper, int64_t offset, int64_t matrices, int64_t rows, int64_t columns, const void *x,
    void *y) {
  if (matrices * rows * columns == 0) return;
  triangle_job job = {element_size, offset, rows, columns, tapestry_units(columns), matrices * rows, upper, x, y};
  bool shares = job.all * columns >= tapestry_shared_elements;
  tapestry_share(shares, tapestry_parts(job.all, job.per_piece), &job, triangle_piece);
}
