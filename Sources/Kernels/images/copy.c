// Strided copies, gather and scatter.
//
// Axes are ordered by the target's strides, so that the target is written in order, and merged. Then the inner part
// is one of: a contiguous run, a repeated element, a transpose in tiles, or a plain strided loop.
#include "include/CTapestryKernels.h"
#include "runtime/indexing.h"

#include <string.h>

typedef struct {
  int64_t bytes;         // per element
  tapestry_space space;  // operand 0 the target, 1 the source
  char *target;
  const char *source;
  int32_t tile_axis;  // the axis along which the source is contiguous while the target runs along the last, or -1
  int64_t outer_count, rows_per_piece;
} copy_job;

static inline int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

// MARK: Rows

#define STRIDED(type)                                        \
  {                                                          \
    type *t = (type *)target;                                \
    const type *s = (const type *)source;                    \
    if (ts == 1 && ss == 1)                                  \
      for (int64_t i = 0; i < n; i++) t[i] = s[i];           \
    else if (ts == 1 && ss == 0) {                           \
      type v = *s;                                           \
      for (int64_t i = 0; i < n; i++) t[i] = v;              \
    } else if (ts == 1 && ss == -1)                          \
      for (int64_t i = 0; i < n; i++) t[i] = s[-i];          \
    else if (ts == 1 && ss == 2)                             \
      for (int64_t i = 0; i < n; i++) t[i] = s[2 * i];       \
    else                                                     \
      for (int64_t i = 0; i < n; i++) t[i * ts] = s[i * ss]; \
  }                                                          \
  break

static void row(const copy_job *job, char *target, int64_t ts, const char *source, int64_t ss, int64_t n) {
  if (ts == 1 && ss == 1 && n * job->bytes >= 128) {
    memcpy(target, source, (size_t)(n * job->bytes));
    return;
  }
  switch (job->bytes) {
    case 4: STRIDED(uint32_t);
    case 8: STRIDED(uint64_t);
    default: STRIDED(uint8_t);
  }
}

// MARK: Tiles

enum { tile = 16 };

typedef uint32_t four __attribute__((ext_vector_type(4), aligned(4), may_alias));
typedef uint64_t two __attribute__((ext_vector_type(2), aligned(8), may_alias));

/// turned[j][i] = s[i * stride + j] for a whole tile, by blocks of 4 x 4 or 2 x 2 in registers.
static inline void turn_4(const uint32_t *s, int64_t stride, uint32_t *turned) {
  for (int i = 0; i < tile; i += 4, s += 4 * stride)
    for (int j = 0; j < tile; j += 4) {
      four a = *(const four *)(s + j), b = *(const four *)(s + stride + j);
      four c = *(const four *)(s + 2 * stride + j), d = *(const four *)(s + 3 * stride + j);
      four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
      four ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
      uint32_t *t = turned + j * tile + i;
      *(four *)t = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
      *(four *)(t + tile) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
      *(four *)(t + 2 * tile) = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
      *(four *)(t + 3 * tile) = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
    }
}

static inline void turn_8(const uint64_t *s, int64_t stride, uint64_t *turned) {
  for (int i = 0; i < tile; i += 2, s += 2 * stride)
    for (int j = 0; j < tile; j += 2) {
      two a = *(const two *)(s + j), b = *(const two *)(s + stride + j);
      *(two *)(turned + j * tile + i) = __builtin_shufflevector(a, b, 0, 2);
      *(two *)(turned + (j + 1) * tile + i) = __builtin_shufflevector(a, b, 1, 3);
    }
}

static inline void turn_1(const uint8_t *s, int64_t stride, uint8_t *turned) {
  for (int i = 0; i < tile; i++)
    for (int j = 0; j < tile; j++) turned[j * tile + i] = s[i * stride + j];
}

/// A tile of a transpose: `down` target rows of `along` elements each. Source elements are contiguous down, target
/// elements along; whole tiles have constant bounds, so they stay in registers or one or two cache lines per row.
#define TILE(type, turn)                                                                         \
  {                                                                                              \
    type *t = (type *)target;                                                                    \
    const type *s = (const type *)source;                                                        \
    if (down == tile && along == tile) {                                                         \
      _Alignas(64) type turned[tile * tile];                                                     \
      turn(s, source_stride, turned);                                                            \
      for (int j = 0; j < tile; j++)                                                             \
        for (int i = 0; i < tile; i++) t[j * target_stride + i] = turned[j * tile + i];          \
    } else                                                                                       \
      for (int64_t j = 0; j < down; j++)                                                         \
        for (int64_t i = 0; i < along; i++) t[j * target_stride + i] = s[i * source_stride + j]; \
  }                                                                                              \
  break

static void transpose_tile(
    const copy_job *job, char *target, int64_t target_stride, const char *source, int64_t source_stride, int64_t down,
    int64_t along) {
  switch (job->bytes) {
    case 4: TILE(uint32_t, turn_4);
    case 8: TILE(uint64_t, turn_8);
    default: TILE(uint8_t, turn_1);
  }
}

/// Units of work are: with tiles, bands of `tile` indices of the tile axis within one index of the other outer axes;
/// otherwise rows of the last axis.
static void run_units(const copy_job *job, int64_t begin, int64_t end) {
  const tapestry_space *s = &job->space;
  int32_t last = s->rank - 1;
  int64_t n = s->sizes[last], ts = s->strides[0][last], ss = s->strides[1][last], bytes = job->bytes;
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t rest = unit, to = 0, from = 0, first = 0;
    for (int32_t axis = last - 1; axis >= 0; axis--) {
      int64_t size = s->sizes[axis], index;
      if (axis == job->tile_axis) {
        int64_t bands = (size + tile - 1) / tile;
        first = index = rest % bands * tile;
        rest /= bands;
      } else {
        index = rest % size;
        rest /= size;
      }
      to += index * s->strides[0][axis];
      from += index * s->strides[1][axis];
    }
    char *target = job->target + to * bytes;
    const char *source = job->source + from * bytes;
    if (job->tile_axis < 0) {
      row(job, target, ts, source, ss, n);
      continue;
    }
    int64_t down = s->sizes[job->tile_axis] - first;
    if (down > tile) down = tile;
    for (int64_t i = 0; i < n; i += tile)
      transpose_tile(
          job, target + i * bytes, s->strides[0][job->tile_axis], source + i * ss * bytes, ss, down,
          n - i < tile ? n - i : tile);
  }
}

static void copy_piece(void *context, int64_t piece) {
  const copy_job *job = context;
  tapestry_range part = tapestry_part(piece, job->rows_per_piece, job->outer_count);
  run_units(job, part.begin, part.end);
}

/// One long contiguous run in pieces.
static void run_piece(void *context, int64_t piece) {
  const copy_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->space.count);
  int64_t begin = part.begin, n = part.end - begin;
  int64_t ts = job->space.strides[0][0], ss = job->space.strides[1][0];
  row(job, job->target + begin * ts * job->bytes, ts, job->source + begin * ss * job->bytes, ss, n);
}

void tapestry_strided_copy(
    int32_t element_size, int32_t rank, const int64_t *sizes, const int64_t *target_strides, void *target,
    const int64_t *source_strides, const void *source) {
  int64_t ordered[3][tapestry_most_axes];  // sizes, target strides, source strides; the target's descending
  int32_t axes = 0;
  for (int32_t axis = 0; axis < rank; axis++) {
    if (sizes[axis] == 0) return;
    if (sizes[axis] == 1) continue;
    int32_t at = axes++;
    for (; at > 0 && magnitude(ordered[1][at - 1]) < magnitude(target_strides[axis]); at--)
      for (int k = 0; k < 3; k++) ordered[k][at] = ordered[k][at - 1];
    ordered[0][at] = sizes[axis];
    ordered[1][at] = target_strides[axis];
    ordered[2][at] = source_strides[axis];
  }
  copy_job job = {.bytes = element_size, .target = target, .source = source, .tile_axis = -1};
  job.space = tapestry_merged(axes, ordered[0], 2, (const int64_t *const[]){ordered[1], ordered[2]});
  const tapestry_space *s = &job.space;
  int32_t last = s->rank - 1;
  if (s->rank == 1) {
    tapestry_share_elements(s->count, &job, run_piece);
    return;
  }
  if (s->strides[0][last] == 1 && s->strides[1][last] != 1 && s->strides[1][last] != 0 && s->sizes[last] >= 4)
    for (int32_t axis = 0; axis < last; axis++)
      if (s->strides[1][axis] == 1 && s->sizes[axis] >= 4) job.tile_axis = axis;
  int64_t per_unit = s->sizes[last];
  job.outer_count = 1;
  for (int32_t axis = 0; axis < last; axis++)
    if (axis == job.tile_axis) {
      job.outer_count *= (s->sizes[axis] + tile - 1) / tile;
      per_unit *= tile;
    } else {
      job.outer_count *= s->sizes[axis];
    }
  job.rows_per_piece = tapestry_units(per_unit);
  tapestry_share(
      s->count >= tapestry_shared_elements, tapestry_parts(job.outer_count, job.rows_per_piece), &job, copy_piece);
}

// MARK: Gather and scatter

typedef struct {
  int32_t kind;
  int64_t bytes, outer, rows, inner, count, per_piece;
  const int64_t *indices;
  const char *x;
  char *y;
} gather_job;

static void gather_piece(void *context, int64_t piece) {
  const gather_job *job = context;
  tapestry_range part = tapestry_part(piece, job->per_piece, job->outer * job->count);
  int64_t run = job->inner * job->bytes;
  for (int64_t k = part.begin; k < part.end; k++) {
    int64_t o = k / job->count, j = k % job->count;
    const char *from = job->x + (o * job->rows + job->indices[j]) * run;
    char *to = job->y + k * run;
    if (run == 4) memcpy(to, from, 4);
    else if (run == 8) memcpy(to, from, 8);
    else memcpy(to, from, (size_t)run);
  }
}

void tapestry_gather(
    int32_t element_size, int64_t outer, int64_t rows, int64_t inner, int64_t count, const int64_t *indices,
    const void *x, void *y) {
  if (outer * count * inner == 0) return;
  gather_job job = {0, element_size, outer, rows, inner, count, 0, indices, x, y};
  job.per_piece = tapestry_units(inner);
  tapestry_share(
      outer * count * inner >= tapestry_shared_elements, tapestry_parts(outer * count, job.per_piece), &job,
      gather_piece);
}

#define SCATTER(type)                                              \
  {                                                                \
    const type *x = (const type *)job->x + o * job->count * inner; \
    type *y = (type *)job->y + o * job->rows * inner;              \
    for (int64_t j = 0; j < job->count; j++) {                     \
      type *to = y + job->indices[j] * inner;                      \
      const type *from = x + j * inner;                            \
      for (int64_t i = first; i < end; i++) to[i] += from[i];      \
    }                                                              \
  }

/// Piece = (outer index, band of inner indices): within it the additions keep their order.
static void scatter_piece(void *context, int64_t piece) {
  const gather_job *job = context;
  int64_t inner = job->inner, bands = (inner + job->per_piece - 1) / job->per_piece;
  int64_t o = piece / bands, first = piece % bands * job->per_piece, end = first + job->per_piece;
  if (end > inner) end = inner;
  for (int64_t r = 0; r < job->rows; r++)
    memset(job->y + ((o * job->rows + r) * inner + first) * job->bytes, 0, (size_t)((end - first) * job->bytes));
  if (job->kind == TAPESTRY_FLOAT32) SCATTER(float)
  else SCATTER(double)
}

void tapestry_scatter_add(
    int32_t dtype, int64_t outer, int64_t rows, int64_t inner, int64_t count, const int64_t *indices, const void *x,
    void *y) {
  if (outer * rows * inner == 0) return;
  gather_job job = {dtype, dtype == TAPESTRY_FLOAT32 ? 4 : 8, outer, rows, inner, count, 0, indices, x, y};
  int64_t work = (count + rows) * inner;  // per outer index
  // Bands of at least 64 elements (whole cache lines), as many as the work is worth.
  int64_t bands = work / tapestry_piece > 0 ? work / tapestry_piece : 1;
  job.per_piece = (inner + bands - 1) / bands;
  job.per_piece = (job.per_piece + 63) / 64 * 64;
  int64_t pieces = outer * ((inner + job.per_piece - 1) / job.per_piece);
  tapestry_share(outer * work >= tapestry_shared_elements, pieces, &job, scatter_piece);
}
