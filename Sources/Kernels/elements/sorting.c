// Sorting and selection: every element becomes an unsigned key whose order is wanted, with its place. Short rows are
// sorted by insertion and merging, others by radix from the lowest digit up, which is stable; long rows by all threads,
// stretch by stretch.
#include "include/tapestry_sorting.h"

#include "include/tapestry_machine.h"
#include "include/tapestry_memory.h"
#include "include/tapestry_threads.h"
#include "runtime/indexing.h"

#include <string.h>

enum { by_merging = 192, short_row = 2048, long_row = 1 << 17, most_stretches = 16 };

typedef struct {
  int32_t dtype;
  bool descending, selects;
  int64_t kept, place;
  int64_t outer, count, inner;
  const void *x;
  void *values;
  int64_t *indices;
} sort_job;

// Zeros and NaN share a key each, so that their bits are read again where they are written.
static inline uint32_t key_f32(uint32_t bits) {
  if ((bits & 0x7fffffff) > 0x7f800000) return 0xffffffff;
  if (bits == 0x80000000) bits = 0;
  return bits & 0x80000000 ? ~bits : bits | 0x80000000;
}
static inline uint64_t key_f64(uint64_t bits) {
  if ((bits & 0x7fffffffffffffff) > 0x7ff0000000000000) return UINT64_MAX;
  if (bits == 0x8000000000000000) bits = 0;
  return bits & 0x8000000000000000 ? ~bits : bits | 0x8000000000000000;
}
static inline uint32_t key_i32(uint32_t bits) { return bits ^ 0x80000000; }
static inline uint64_t key_i64(uint64_t bits) { return bits ^ 0x8000000000000000; }

typedef struct {
  uint64_t key, place;
} wide_item;

#define ITEM uint64_t
#define KEY uint32_t
#define KEY_BITS 32
#define ITEM_KEY(item) ((uint32_t)((item) >> 32))
#define ITEM_PLACE(item) ((int64_t)(uint32_t)(item))
#define MAKE_ITEM(key, place) ((uint64_t)(key) << 32 | (uint32_t)(place))
#define SORTED(name) name##_32
#define KEY_OF(bits) (job->dtype == TAPESTRY_FLOAT32 ? key_f32(bits) : key_i32(bits))
#include "elements/sorting_row.h"

#define ITEM wide_item
#define KEY uint64_t
#define KEY_BITS 64
#define ITEM_KEY(item) ((item).key)
#define ITEM_PLACE(item) ((int64_t)(item).place)
#define MAKE_ITEM(key, place) ((wide_item){key, (uint64_t)(place)})
#define SORTED(name) name##_64
#define KEY_OF(bits) (job->dtype == TAPESTRY_FLOAT64 ? key_f64(bits) : key_i64(bits))
#include "elements/sorting_row.h"

static void row_range(const sort_job *job, int64_t begin, int64_t end, bool shares) {
  bool narrow = job->dtype == TAPESTRY_FLOAT32 || job->dtype == TAPESTRY_INT32;
  size_t bytes = (size_t)job->count * (narrow ? sizeof(uint64_t) : sizeof(wide_item));
  void *items = tapestry_allocate(bytes), *others = tapestry_allocate(bytes);
  for (int64_t row = begin; row < end; row++)
    if (narrow) row_32(job, row / job->inner, row % job->inner, items, others, shares);
    else row_64(job, row / job->inner, row % job->inner, items, others, shares);
  tapestry_release(items, bytes);
  tapestry_release(others, bytes);
}

static int64_t rows_per_piece(const sort_job *job) {
  return job->count >= tapestry_piece / 8 ? 1 : tapestry_piece / 8 / job->count;
}

static void rows_of(void *context, int64_t piece) {
  const sort_job *job = context;
  int64_t each = rows_per_piece(job), rows = job->outer * job->inner, begin = piece * each, end = begin + each;
  row_range(job, begin, end < rows ? end : rows, false);
}

static void run(sort_job *job) {
  int64_t rows = job->outer * job->inner;
  if (rows * job->count == 0) return;
  if (rows < 4 && job->count >= long_row) {
    row_range(job, 0, rows, true);
    return;
  }
  int64_t each = rows_per_piece(job), pieces = (rows + each - 1) / each;
  tapestry_share(rows * job->count >= tapestry_piece / 4, pieces, job, rows_of);
}

void tapestry_sort(
    int32_t dtype, bool descending, int64_t kept, int64_t outer, int64_t count, int64_t inner, const void *x,
    void *values, int64_t *indices) {
  sort_job job = {
      .dtype = dtype,
      .descending = descending,
      .kept = kept,
      .outer = outer,
      .count = count,
      .inner = inner,
      .x = x,
      .values = values,
      .indices = indices};
  run(&job);
}

void tapestry_select_place(
    int32_t dtype, int64_t place, int64_t outer, int64_t count, int64_t inner, const void *x, void *values,
    int64_t *indices) {
  sort_job job = {
      .dtype = dtype,
      .selects = true,
      .kept = 1,
      .place = place,
      .outer = outer,
      .count = count,
      .inner = inner,
      .x = x,
      .values = values,
      .indices = indices};
  run(&job);
}
