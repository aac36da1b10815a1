// Walking a row-major index space in which up to three operands have their own strides.
#ifndef TAPESTRY_INDEXING_H
#define TAPESTRY_INDEXING_H

#include "runtime/sharing.h"

#include <stdbool.h>
#include <stdint.h>

enum { tapestry_most_axes = 8, tapestry_most_operands = 3 };

/// An index space after merging: axes whose strides continue each other in every operand are one axis.
typedef struct {
  int32_t rank;  // at least 1
  int32_t operands;
  int64_t count;
  int64_t sizes[tapestry_most_axes];
  int64_t strides[tapestry_most_operands][tapestry_most_axes];
} tapestry_space;

static inline tapestry_space tapestry_merged(
    int32_t rank, const int64_t *sizes, int32_t operands, const int64_t *const *strides) {
  tapestry_space s;
  s.rank = 0;
  s.operands = operands;
  s.count = 1;
  for (int32_t axis = 0; axis < rank; axis++) {
    int64_t size = sizes[axis];
    s.count *= size;
    if (size == 1) continue;
    bool continues = s.rank > 0;
    for (int32_t o = 0; o < operands && continues; o++) continues = s.strides[o][s.rank - 1] == strides[o][axis] * size;
    if (!continues) {
      s.sizes[s.rank] = 1;
      s.rank++;
    }
    s.sizes[s.rank - 1] *= size;
    for (int32_t o = 0; o < operands; o++) s.strides[o][s.rank - 1] = strides[o][axis];
  }
  if (s.rank == 0) {
    s.rank = 1;
    s.sizes[0] = 1;
    for (int32_t o = 0; o < operands; o++) s.strides[o][0] = 0;
  }
  return s;
}

/// Calls row(context, position, offsets, length) for the runs of the innermost axis that make up positions
/// begin ..< end of the space; offsets[o] is where operand o's run begins.
static inline __attribute__((always_inline)) void tapestry_for_rows(
    const tapestry_space *s, int64_t begin, int64_t end, void *context,
    void (*row)(void *context, int64_t position, const int64_t *offsets, int64_t length)) {
  int64_t index[tapestry_most_axes], offsets[tapestry_most_operands] = {0, 0, 0};
  int32_t inner = s->rank - 1;
  int64_t rest = begin;
  for (int32_t axis = inner; axis >= 0; axis--) {
    index[axis] = axis == 0 ? rest : rest % s->sizes[axis];
    rest /= s->sizes[axis];
    for (int32_t o = 0; o < s->operands; o++) offsets[o] += index[axis] * s->strides[o][axis];
  }
  while (begin < end) {
    int64_t length = s->sizes[inner] - index[inner];
    if (length > end - begin) length = end - begin;
    row(context, begin, offsets, length);
    begin += length;
    // Only the first run can begin inside a row.
    for (int32_t o = 0; o < s->operands; o++) offsets[o] -= index[inner] * s->strides[o][inner];
    index[inner] = 0;
    for (int32_t axis = inner - 1; axis >= 0; axis--) {
      index[axis]++;
      for (int32_t o = 0; o < s->operands; o++) offsets[o] += s->strides[o][axis];
      if (index[axis] < s->sizes[axis]) break;
      for (int32_t o = 0; o < s->operands; o++) offsets[o] -= s->sizes[axis] * s->strides[o][axis];
      index[axis] = 0;
    }
  }
}

#endif
