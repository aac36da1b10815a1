// Activations and their derivatives, each one pass over memory: see activation_kernel.h.
#include "elements/functions.h"

#include "include/tapestry_elementwise.h"
#include "include/tapestry_machine.h"
#include "include/tapestry_threads.h"
#include "runtime/indexing.h"

#include <string.h>

#define REAL_SOURCE "elements/activation_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

void tapestry_activation(
    int32_t function, int32_t dtype, int64_t n, const void *x, void *y, double alpha, double beta) {
  if (dtype == TAPESTRY_FLOAT32) DISPATCH(activation_f32)(function, n, x, y, alpha, beta);
  else DISPATCH(activation_f64)(function, n, x, y, alpha, beta);
}

typedef struct {
  int32_t function, dtype;
  int64_t count;  // elements; of gated units, of one of the two halves
  const char *g, *x;
  char *y;
  double alpha, beta;
} activation_job;

static void gradient_piece(void *context, int64_t piece) {
  const activation_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->count);
  int64_t begin = part.begin, n = part.end - begin;
  int64_t at = begin * (job->dtype == TAPESTRY_FLOAT32 ? 4 : 8);
  const void *g = job->g + at, *x = job->x + at;
  if (job->dtype == TAPESTRY_FLOAT32)
    DISPATCH(activation_gradient_f32)(job->function, n, g, x, (void *)(job->y + at), job->alpha, job->beta);
  else DISPATCH(activation_gradient_f64)(job->function, n, g, x, (void *)(job->y + at), job->alpha, job->beta);
}

void tapestry_activation_gradient(
    int32_t function, int32_t dtype, int64_t count, const void *g, const void *x, void *gx, double alpha, double beta) {
  activation_job job = {function, dtype, count, g, x, gx, alpha, beta};
  tapestry_share_elements(count, &job, gradient_piece);
}

// MARK: Gated units

/// A piece is a stretch of one outer index's half.
static void glu_piece(void *context, int64_t piece) {
  const activation_job *job = context;
  int64_t half = job->count, pieces = tapestry_parts(half, tapestry_piece), outer = piece / pieces;
  tapestry_range part = tapestry_part(piece % pieces, tapestry_piece, half);
  int64_t begin = part.begin, n = part.end - begin;
  int64_t bytes = job->dtype == TAPESTRY_FLOAT32 ? 4 : 8;
  const char *x = job->x + (2 * outer * half + begin) * bytes, *gate = x + half * bytes;
  if (!job->g) {
    void *y = job->y + (outer * half + begin) * bytes;
    if (bytes == 4) DISPATCH(glu_f32)(n, (const void *)x, (const void *)gate, y);
    else DISPATCH(glu_f64)(n, (const void *)x, (const void *)gate, y);
    return;
  }
  const void *g = job->g + (outer * half + begin) * bytes;
  char *gx = job->y + (2 * outer * half + begin) * bytes, *g_gate = gx + half * bytes;
  if (bytes == 4) DISPATCH(glu_gradient_f32)(n, g, (const void *)x, (const void *)gate, (void *)gx, (void *)g_gate);
  else DISPATCH(glu_gradient_f64)(n, g, (const void *)x, (const void *)gate, (void *)gx, (void *)g_gate);
}

static void share_halves(activation_job *job, int64_t outer) {
  int64_t pieces = outer * tapestry_parts(job->count, tapestry_piece);
  tapestry_share(outer * job->count >= tapestry_shared_functions, pieces, job, glu_piece);
}

void tapestry_glu(int32_t dtype, int64_t outer, int64_t half, const void *x, void *y) {
  activation_job job = {.dtype = dtype, .count = half, .x = x, .y = y};
  share_halves(&job, outer);
}

void tapestry_glu_gradient(int32_t dtype, int64_t outer, int64_t half, const void *g, const void *x, void *gx) {
  activation_job job = {.dtype = dtype, .count = half, .g = g, .x = x, .y = gx};
  share_halves(&job, outer);
}
