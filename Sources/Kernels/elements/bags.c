// Maxima of rows, bag by bag: columns are shared out, and every column is scanned in the order of the rows.
#include "include/tapestry_bags.h"

#include "include/tapestry_machine.h"
#include "runtime/sharing.h"

enum { bag_columns = 256 };  // the widest strip of columns

typedef struct {
  int32_t dtype;
  int64_t bag_count, width, count;
  const int64_t *rows, *bags;
  const void *x;
  void *y;
  int64_t *places;
} bag_job;

#define STRIP(name, real)                                                         \
  static void name(const bag_job *job, int64_t begin, int64_t end) {              \
    for (int64_t b = 0; b < job->bag_count; b++)                                  \
      for (int64_t j = begin; j < end; j++) job->places[b * job->width + j] = -1; \
    for (int64_t k = 0; k < job->count; k++) {                                    \
      const real *x = (const real *)job->x + job->rows[k] * job->width;           \
      real *y = (real *)job->y + job->bags[k] * job->width;                       \
      int64_t *places = job->places + job->bags[k] * job->width;                  \
      for (int64_t j = begin; j < end; j++)                                       \
        if (places[j] < 0 || x[j] > y[j] || (x[j] != x[j] && y[j] == y[j])) {     \
          y[j] = x[j];                                                            \
          places[j] = job->rows[k] * job->width + j;                              \
        }                                                                         \
    }                                                                             \
  }
STRIP(strip_f32, float)
STRIP(strip_f64, double)

static void strip(void *context, int64_t index) {
  const bag_job *job = context;
  tapestry_range part = tapestry_part(index, bag_columns, job->width);
  (job->dtype == TAPESTRY_FLOAT32 ? strip_f32 : strip_f64)(job, part.begin, part.end);
}

void tapestry_bag_maximum(
    int32_t dtype, int64_t bag_count, int64_t width, int64_t count, const int64_t *rows, const int64_t *bags,
    const void *x, void *y, int64_t *places) {
  bag_job job = {dtype, bag_count, width, count, rows, bags, x, y, places};
  int64_t strips = tapestry_parts(width, bag_columns);
  tapestry_share(count * width >= tapestry_shared_elements, strips, &job, strip);
}
