// Channels of images that are parts of something larger: dividing them among threads. The loops are in
// channels_kernel.h.
#include "include/CTapestryKernels.h"
#include "runtime/indexing.h"

#include <string.h>

typedef struct {
  int32_t dtype;
  int64_t channels, pixels, planes, image_stride, each;  // each: planes of a piece of work
  const char *x;
  const void *factors, *offsets;
  char *y;
} rectify_job;

#define REAL_SOURCE "elements/channels_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

static void rectify_planes(void *context, int64_t piece) {
  const rectify_job *job = context;
  tapestry_range part = tapestry_part(piece, job->each, job->planes);
  for (int64_t p = part.begin; p < part.end; p++) {
    int64_t c = p % job->channels, from = p / job->channels * job->image_stride + c * job->pixels, to = p * job->pixels;
    if (job->dtype == TAPESTRY_FLOAT64) DISPATCH(rectify_plane_f64)
    (job->pixels, (const double *)job->x + from, ((const double *)job->factors)[c], ((const double *)job->offsets)[c],
     (double *)job->y + to);
    else DISPATCH(rectify_plane_f32)(
        job->pixels, (const float *)job->x + from, ((const float *)job->factors)[c], ((const float *)job->offsets)[c],
        (float *)job->y + to);
  }
}

void tapestry_rectify_channels(
    int32_t dtype, int64_t samples, int64_t channels, int64_t pixels, const void *x, int64_t image_stride,
    const void *factors, const void *offsets, void *y) {
  rectify_job job = {
      .dtype = dtype,
      .channels = channels,
      .pixels = pixels,
      .planes = samples * channels,
      .image_stride = image_stride,
      .each = tapestry_units(pixels),
      .x = x,
      .factors = factors,
      .offsets = offsets,
      .y = y};
  tapestry_share(
      job.planes * pixels >= tapestry_shared_elements, tapestry_parts(job.planes, job.each), &job, rectify_planes);
}
