// Overlaps of boxes, and the suppression of boxes that overlap a better one.
//
// Boxes are sorted into planes of coordinates first, so that vectors run over boxes. Suppression sweeps once over the
// boxes behind each kept one, in rows of vectors: what is compared is the quotient itself, since a threshold may be met
// exactly.
#include "include/CTapestryKernels.h"
#include "runtime/sharing.h"

#include <string.h>

// Without contraction an overlap has the same bits for vectors of any width, and equal overlaps are equal.
#pragma clang fp contract(off)
#define REAL_SOURCE "images/boxes_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

enum { widest_vector = 16 };

/// Five planes of boxes, the last of their areas, each `stride` long: room for whole vectors behind the last box.
static int64_t plane_stride(int64_t count) { return (count + 2 * widest_vector) / widest_vector * widest_vector; }

#define PLANES(real, name)                                                                                 \
  static void name(int64_t count, const real *boxes, const int64_t *order, int64_t stride, real *planes) { \
    for (int64_t i = 0; i < stride; i++) {                                                                 \
      const real *box = boxes + 4 * (i >= count ? 0 : order ? order[i] : i);                               \
      for (int k = 0; k < 4; k++) planes[k * stride + i] = i < count ? box[k] : 0;                         \
      planes[4 * stride + i] = i < count ? (box[2] - box[0]) * (box[3] - box[1]) : 0;                      \
    }                                                                                                      \
  }
PLANES(float, planes_f32)
PLANES(double, planes_f64)

// MARK: Overlaps

typedef struct {
  int32_t dtype;
  int64_t n, m, stride, each;
  const void *a;
  void *planes, *y;
} overlap_job;

static void overlap_rows(void *context, int64_t piece) {
  const overlap_job *job = context;
  tapestry_range part = tapestry_part(piece, job->each, job->n);
  for (int64_t i = part.begin; i < part.end; i++) {
    if (job->dtype == TAPESTRY_FLOAT64) {
      const double *box = (const double *)job->a + 4 * i;
      double area = (box[2] - box[0]) * (box[3] - box[1]);
      DISPATCH(overlaps_f64)(box, area, job->m, job->planes, job->stride, (double *)job->y + i * job->m);
    } else {
      const float *box = (const float *)job->a + 4 * i;
      float area = (box[2] - box[0]) * (box[3] - box[1]);
      DISPATCH(overlaps_f32)(box, area, job->m, job->planes, job->stride, (float *)job->y + i * job->m);
    }
  }
}

void tapestry_box_overlaps(int32_t dtype, int64_t n, const void *a, int64_t m, const void *b, void *y) {
  if (n <= 0 || m <= 0) return;
  int64_t stride = plane_stride(m);
  size_t bytes = (size_t)(5 * stride) * (dtype == TAPESTRY_FLOAT64 ? 8 : 4);
  overlap_job job = {
      .dtype = dtype, .n = n, .m = m, .stride = stride, .a = a, .planes = tapestry_allocate(bytes), .y = y};
  if (dtype == TAPESTRY_FLOAT64) planes_f64(m, b, NULL, stride, job.planes);
  else planes_f32(m, b, NULL, stride, job.planes);
  job.each = tapestry_units(m);
  tapestry_share(n * m >= tapestry_shared_functions, tapestry_parts(n, job.each), &job, overlap_rows);
  tapestry_release(job.planes, bytes);
}

// MARK: Suppression

typedef struct {
  int32_t dtype;
  const void *boxes;
  const int64_t *order, *runs;
  double threshold;
  uint8_t *kept;
} suppression_job;

#define SUPPRESS(real, integer, suffix)                                                                               \
  static void suppress_run_##suffix(const suppression_job *job, int64_t begin, int64_t count) {                       \
    int64_t stride = plane_stride(count);                                                                             \
    size_t bytes = (size_t)(6 * stride) * sizeof(real);                                                               \
    real *planes = tapestry_allocate(bytes);                                                                          \
    integer *suppressed = (integer *)(planes + 5 * stride);                                                           \
    planes_##suffix(count, job->boxes, job->order + begin, stride, planes);                                           \
    memset(suppressed, 0, (size_t)stride * sizeof(integer));                                                          \
    uint8_t *kept = job->kept + begin;                                                                                \
    for (int64_t i = 0; i < count; i++) {                                                                             \
      kept[i] = suppressed[i] == 0;                                                                                   \
      if (!kept[i] || i + 1 == count) continue;                                                                       \
      real box[4] = {planes[i], planes[stride + i], planes[2 * stride + i], planes[3 * stride + i]};                  \
      DISPATCH(suppress_##suffix)                                                                                     \
      (box, planes[4 * stride + i], count - i - 1, planes + i + 1, stride, (real)job->threshold, suppressed + i + 1); \
    }                                                                                                                 \
    tapestry_release(planes, bytes);                                                                                  \
  }
SUPPRESS(float, int, f32)
SUPPRESS(double, long, f64)

static void suppress_run(void *context, int64_t run) {
  const suppression_job *job = context;
  int64_t begin = run > 0 ? job->runs[run - 1] : 0, count = job->runs[run] - begin;
  if (count <= 0) return;
  if (job->dtype == TAPESTRY_FLOAT64) suppress_run_f64(job, begin, count);
  else suppress_run_f32(job, begin, count);
}

void tapestry_suppress_boxes(
    int32_t dtype, const void *boxes, const int64_t *order, int64_t run_count, const int64_t *runs, double threshold,
    uint8_t *kept) {
  suppression_job job = {
      .dtype = dtype, .boxes = boxes, .order = order, .runs = runs, .threshold = threshold, .kept = kept};
  tapestry_share(run_count > 1, run_count, &job, suppress_run);
}
