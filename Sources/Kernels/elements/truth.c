// Masks and counts: plain loops that the compiler vectorises.
#include "include/tapestry_truth.h"

#include "include/tapestry_machine.h"
#include "include/tapestry_threads.h"
#include "runtime/indexing.h"

#include <string.h>

typedef struct {
  int32_t kind, dtype;
  int64_t outer, reduced, inner;
  const void *x;
  void *y;
} truth_job;

#define CLASSIFY(real)                                                                 \
  {                                                                                    \
    const real *x = (const real *)job->x + begin, infinity = (real)__builtin_inf();    \
    if (job->kind == TAPESTRY_IS_NAN)                                                  \
      for (int64_t i = 0; i < n; i++) y[i] = x[i] != x[i];                             \
    else if (job->kind == TAPESTRY_IS_FINITE)                                          \
      for (int64_t i = 0; i < n; i++) y[i] = x[i] - x[i] == 0;                         \
    else                                                                               \
      for (int64_t i = 0; i < n; i++) y[i] = (x[i] == infinity) | (x[i] == -infinity); \
  }                                                                                    \
  break

static void classify_piece(void *context, int64_t piece) {
  const truth_job *job = context;
  tapestry_range part = tapestry_part(piece, tapestry_piece, job->inner);
  int64_t begin = part.begin, n = part.end - begin;
  uint8_t *restrict y = (uint8_t *)job->y + begin;
  switch (job->dtype) {
    case TAPESTRY_FLOAT32: CLASSIFY(float);
    case TAPESTRY_FLOAT64: CLASSIFY(double);
    default: memset(y, job->kind == TAPESTRY_IS_FINITE, (size_t)n);
  }
}

void tapestry_classify(int32_t kind, int32_t dtype, int64_t count, const void *x, uint8_t *y) {
  truth_job job = {.kind = kind, .dtype = dtype, .inner = count, .x = x, .y = y};
  tapestry_share_elements(count, &job, classify_piece);
}

// MARK: Reductions

// A row by itself is read in stretches, so that `any` and `all` can stop early; columns are counted side by side.
#define COUNT(type)                                                                        \
  {                                                                                        \
    const type *x = (const type *)job->x + o * reduced * inner;                            \
    if (inner == 1) {                                                                      \
      int64_t total = 0;                                                                   \
      for (int64_t r = 0; r < reduced; r += 4096) {                                        \
        int64_t end = r + 4096 < reduced ? r + 4096 : reduced;                             \
        int32_t some = 0;                                                                  \
        for (int64_t j = r; j < end; j++) some += x[j] != 0;                               \
        total += some;                                                                     \
        if (job->kind == TAPESTRY_ANY && total > 0) break;                                 \
        if (job->kind == TAPESTRY_ALL && total < end) break;                               \
      }                                                                                    \
      counts[0] = total;                                                                   \
    } else {                                                                               \
      for (int64_t i = 0; i < columns; i++) counts[i] = 0;                                 \
      for (int64_t r = 0; r < reduced; r++)                                                \
        for (int64_t i = 0; i < columns; i++) counts[i] += x[r * inner + column + i] != 0; \
    }                                                                                      \
  }                                                                                        \
  break

static void truth_outer(void *context, int64_t o) {
  const truth_job *job = context;
  enum { most = 256 };
  int64_t reduced = job->reduced, inner = job->inner, counts[most];
  for (int64_t column = 0; column < inner; column += most) {
    int64_t columns = inner - column < most ? inner - column : most;
    switch (job->dtype) {
      case TAPESTRY_FLOAT32: COUNT(float);
      case TAPESTRY_FLOAT64: COUNT(double);
      case TAPESTRY_INT32: COUNT(int32_t);
      case TAPESTRY_INT64: COUNT(int64_t);
      default: COUNT(uint8_t);
    }
    int64_t at = o * inner + column;
    for (int64_t i = 0; i < columns; i++)
      if (job->kind == TAPESTRY_COUNT_NONZERO) ((int64_t *)job->y)[at + i] = counts[i];
      else ((uint8_t *)job->y)[at + i] = job->kind == TAPESTRY_ANY ? counts[i] > 0 : counts[i] == reduced;
  }
}

void tapestry_truth(
    int32_t kind, int32_t dtype, int64_t outer, int64_t reduced, int64_t inner, const void *x, void *y) {
  truth_job job = {kind, dtype, outer, reduced, inner, x, y};
  tapestry_share(outer * reduced * inner >= tapestry_shared_elements, outer, &job, truth_outer);
}
