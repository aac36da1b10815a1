// Local response normalisation: division among threads. A unit is a band of pixels of one sample in all channels,
// narrow enough that the windows of neighbouring channels find it in the cache.
#include "include/CTapestryKernels.h"
#include "runtime/indexing.h"

#include <string.h>

enum { response_band = 64 };  // pixels

typedef struct {
  int32_t dtype;
  int64_t channels, pixels, bands, before, after;
  double weight, beta, k;  // weight: alpha / size
  const void *x, *g;
  void *y;
} response_job;

#define REAL_SOURCE "normalization/local_response_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

static response_job planned(int32_t dtype, const tapestry_local_response *shape) {
  return (response_job){
      .dtype = dtype,
      .channels = shape->channels,
      .pixels = shape->pixels,
      .bands = (shape->pixels + response_band - 1) / response_band,
      .before = shape->size / 2,
      .after = (shape->size - 1) / 2,
      .weight = shape->alpha / (double)shape->size,
      .beta = shape->beta,
      .k = shape->k};
}

/// Runs band(context, unit) for all bands.
static void run(response_job *job, int64_t samples, void (*band)(void *, int64_t)) {
  tapestry_share(samples * job->channels * job->pixels >= tapestry_shared_functions, samples * job->bands, job, band);
}

/// The first element and the number of pixels of a band.
static int64_t locate(const response_job *job, int64_t unit, int64_t *n) {
  int64_t pixel = unit % job->bands * response_band;
  *n = job->pixels - pixel < response_band ? job->pixels - pixel : response_band;
  return unit / job->bands * job->channels * job->pixels + pixel;
}

static void forward_band(void *context, int64_t unit) {
  const response_job *job = context;
  int64_t n, at = locate(job, unit, &n);
  if (job->dtype == TAPESTRY_FLOAT32)
    DISPATCH(response_band_f32)(job, n, (const float *)job->x + at, (float *)job->y + at);
  else DISPATCH(response_band_f64)(job, n, (const double *)job->x + at, (double *)job->y + at);
}

void tapestry_local_response_normalize(int32_t dtype, const tapestry_local_response *shape, const void *x, void *y) {
  response_job job = planned(dtype, shape);
  job.x = x, job.y = y;
  run(&job, shape->samples, forward_band);
}

static void gradient_band(void *context, int64_t unit) {
  const response_job *job = context;
  int64_t n, at = locate(job, unit, &n);
  size_t bytes = (size_t)(job->channels * response_band) * (job->dtype == TAPESTRY_FLOAT32 ? 4 : 8);
  void *products = tapestry_allocate(bytes);
  if (job->dtype == TAPESTRY_FLOAT32) DISPATCH(response_gradient_band_f32)
  (job, n, (const float *)job->g + at, (const float *)job->x + at, (float *)job->y + at, products);
  else DISPATCH(response_gradient_band_f64)(
      job, n, (const double *)job->g + at, (const double *)job->x + at, (double *)job->y + at, products);
  tapestry_release(products, bytes);
}

void tapestry_local_response_gradient(
    int32_t dtype, const tapestry_local_response *shape, const void *g, const void *x, void *gx) {
  response_job job = planned(dtype, shape);
  job.g = g, job.x = x, job.y = gx;
  run(&job, shape->samples, gradient_band);
}
