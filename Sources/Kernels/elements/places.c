// Picking and putting back along an axis. An outer index is one unit of work; it shares no element with another.
#include "include/tapestry_places.h"

#include "include/tapestry_machine.h"
#include "include/tapestry_threads.h"
#include "runtime/indexing.h"

#include <string.h>

typedef struct {
  int32_t type;  // the size of an element where they are taken, the dtype where they are put
  int64_t outer, rows, taken, inner;
  const int64_t *places;
  const void *from;
  void *to;
  void (*one)(const void *job, int64_t outer);
} places_job;

#define TAKE(type)                                                        \
  {                                                                       \
    const type *x = (const type *)job->from + o * job->rows * job->inner; \
    type *y = (type *)job->to + o * job->taken * job->inner;              \
    for (int64_t t = 0; t < job->taken; t++)                              \
      for (int64_t i = 0; i < job->inner; i++) {                          \
        int64_t at = t * job->inner + i;                                  \
        y[at] = x[places[at] * job->inner + i];                           \
      }                                                                   \
  }                                                                       \
  break
#define PUT(type, sum)                                                     \
  {                                                                        \
    const type *g = (const type *)job->from + o * job->taken * job->inner; \
    type *x = (type *)job->to + o * job->rows * job->inner;                \
    memset(x, 0, (size_t)(job->rows * job->inner) * sizeof(type));         \
    for (int64_t t = 0; t < job->taken; t++)                               \
      for (int64_t i = 0; i < job->inner; i++) {                           \
        int64_t at = t * job->inner + i, to = places[at] * job->inner + i; \
        x[to] = (type)((sum)x[to] + (sum)g[at]);                           \
      }                                                                    \
  }                                                                        \
  break

static void take(const void *context, int64_t o) {
  const places_job *job = context;
  const int64_t *places = job->places + o * job->taken * job->inner;
  switch (job->type) {
    case 4: TAKE(uint32_t);
    case 8: TAKE(uint64_t);
    default: TAKE(uint8_t);
  }
}

static void put(const void *context, int64_t o) {
  const places_job *job = context;
  const int64_t *places = job->places + o * job->taken * job->inner;
  switch (job->type) {
    case TAPESTRY_FLOAT32: PUT(float, float);
    case TAPESTRY_FLOAT64: PUT(double, double);
    case TAPESTRY_INT32: PUT(int32_t, uint32_t);
    default: PUT(int64_t, uint64_t);
  }
}

static void several(void *context, int64_t piece) {
  const places_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_units((job->taken + job->rows) * job->inner), job->outer);
  for (int64_t o = part.begin; o < part.end; o++) job->one(job, o);
}

static void run(places_job job) {
  int64_t elements = (job.taken + job.rows) * job.inner;
  if (job.outer * elements == 0) return;
  int64_t pieces = tapestry_parts(job.outer, tapestry_units(elements));
  tapestry_share(job.outer * elements >= tapestry_shared_elements, pieces, &job, several);
}

void tapestry_take_places(
    int32_t size, int64_t outer, int64_t rows, int64_t taken, int64_t inner, const int64_t *places, const void *x,
    void *y) {
  run((places_job){size, outer, rows, taken, inner, places, x, y, take});
}

void tapestry_put_places(
    int32_t dtype, int64_t outer, int64_t rows, int64_t taken, int64_t inner, const int64_t *places, const void *g,
    void *x) {
  run((places_job){dtype, outer, rows, taken, inner, places, g, x, put});
}
