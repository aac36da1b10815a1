// Sharing work over threads: in what pieces, and from what amount on it is worth waking them.
//
// How work is cut depends on its sizes alone, so results have the same bits for any number of threads.
#ifndef TAPESTRY_SHARING_H
#define TAPESTRY_SHARING_H

#include "include/tapestry_threads.h"
#include "runtime/dispatch.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  tapestry_piece = 32768,  // elements of a piece of cheap work
  // Below these amounts waking a thread costs more than it saves.
  tapestry_shared_elements = 2 * tapestry_piece,  // elements that are read, changed a little and written
  tapestry_shared_functions = 16384,              // elements with a root, an exponential or a random number each
  tapestry_shared_products = 100000,              // multiplications of a matrix product
  tapestry_shared_taps = 500000,                  // multiplications of a convolution, which copies its source first
};

/// Runs body(context, i) for i in 0 ..< count on the caller; in threads.c.
INTERNAL void tapestry_on_caller(int64_t count, void *context, void (*body)(void *context, int64_t index));

/// Runs body(context, i) for i in 0 ..< count, on the threads of the pool if that is `worthwhile`, else on the caller.
static inline void tapestry_share(
    bool worthwhile, int64_t count, void *context, void (*body)(void *context, int64_t index)) {
  if (worthwhile) tapestry_parallel(count, context, body);
  else tapestry_on_caller(count, context, body);
}

/// How many parts of size `each` make up `count`.
static inline int64_t tapestry_parts(int64_t count, int64_t each) { return (count + each - 1) / each; }

/// How many units of `elements` each make a piece of cheap work.
static inline int64_t tapestry_units(int64_t elements) {
  return elements >= tapestry_piece ? 1 : tapestry_piece / (elements > 0 ? elements : 1);
}

/// Part `index` of `count` in parts of size `each`: begin ..< end.
typedef struct {
  int64_t begin, end;
} tapestry_range;

static inline tapestry_range tapestry_part(int64_t index, int64_t each, int64_t count) {
  tapestry_range range = {index * each, (index + 1) * each};
  if (range.end > count) range.end = count;
  return range;
}

/// Runs body(context, i) for the pieces of `count` elements of cheap work; piece i is tapestry_part(i, tapestry_piece,
/// count).
static inline void tapestry_share_elements(int64_t count, void *context, void (*body)(void *context, int64_t piece)) {
  tapestry_share(count >= tapestry_shared_elements, tapestry_parts(count, tapestry_piece), context, body);
}

#endif
