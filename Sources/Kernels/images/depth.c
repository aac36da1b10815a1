// Volumes as images. A unit is the taps of one channel of one output, or a plane that is put together again.
#include "include/CTapestryKernels.h"
#include "runtime/sharing.h"

#include <string.h>

typedef struct {
  const tapestry_depth *shape;
  int32_t dtype;
  int64_t bytes, each, units;  // of a plane; units of a piece; all units
  const char *from;
  char *to;
} depth_job;

static void unfold_piece(void *context, int64_t piece) {
  const depth_job *job = context;
  const tapestry_depth *s = job->shape;
  tapestry_range part = tapestry_part(piece, job->each, job->units);
  for (int64_t unit = part.begin; unit < part.end; unit++) {
    int64_t channel = unit % s->channels, output = unit / s->channels % s->outputs,
            sample = unit / s->channels / s->outputs;
    const char *from = job->from + (sample * s->channels + channel) * s->depth * job->bytes;
    char *to = job->to + unit * s->taps * job->bytes;
    for (int64_t p = 0; p < s->taps; p++, to += job->bytes) {
      int64_t z = output * s->stride + p * s->dilation - s->front;
      if (z < 0 || z >= s->depth) memset(to, 0, (size_t)job->bytes);
      else memcpy(to, from + z * job->bytes, (size_t)job->bytes);
    }
  }
}

#define ADD(type)                                      \
  {                                                    \
    const type *restrict from = (const type *)source;  \
    type *restrict sum = (type *)to;                   \
    for (int64_t i = 0; i < n; i++) sum[i] += from[i]; \
  }
static void fold_piece(void *context, int64_t piece) {
  const depth_job *job = context;
  const tapestry_depth *s = job->shape;
  tapestry_range part = tapestry_part(piece, job->each, job->units);
  for (int64_t unit = part.begin; unit < part.end; unit++) {
    int64_t z = unit % s->depth, channel = unit / s->depth % s->channels, sample = unit / s->depth / s->channels;
    int64_t n = s->plane;
    char *to = job->to + unit * job->bytes;
    bool empty = true;
    for (int64_t p = 0; p < s->taps; p++) {
      int64_t place = z + s->front - p * s->dilation, output = place / s->stride;
      if (place < 0 || place % s->stride != 0 || output >= s->outputs) continue;
      const char *source =
          job->from + (((sample * s->outputs + output) * s->channels + channel) * s->taps + p) * job->bytes;
      if (empty) memcpy(to, source, (size_t)job->bytes);
      else if (job->dtype == TAPESTRY_FLOAT32) ADD(float)
      else ADD(double)
      empty = false;
    }
    if (empty) memset(to, 0, (size_t)job->bytes);
  }
}
#undef ADD

/// Runs piece(context, i) over `units` of `elements` each.
static void run(depth_job *job, int64_t units, int64_t elements, void (*piece)(void *, int64_t)) {
  job->units = units;
  job->each = tapestry_units(elements);
  tapestry_share(units * elements >= tapestry_shared_elements, tapestry_parts(units, job->each), job, piece);
}

void tapestry_depth_unfold(int32_t element_size, const tapestry_depth *shape, const void *x, void *y) {
  depth_job job = {.shape = shape, .bytes = shape->plane * element_size, .from = x, .to = y};
  run(&job, shape->samples * shape->outputs * shape->channels, shape->taps * shape->plane, unfold_piece);
}

void tapestry_depth_fold(int32_t dtype, const tapestry_depth *shape, const void *y, void *x) {
  depth_job job = {
      .shape = shape, .dtype = dtype, .bytes = shape->plane * (dtype == TAPESTRY_FLOAT32 ? 4 : 8), .from = y, .to = x};
  run(&job, shape->samples * shape->channels * shape->depth, shape->taps * shape->plane, fold_piece);
}
