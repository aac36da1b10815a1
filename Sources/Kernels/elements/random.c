// Counter-based random numbers.
//
// Philox4x32-10 maps a counter of four 32-bit words and a key of two to four random words w0 ... w3. Block b of the
// stream (key, counter) has
//   key words      key mod 2^32, key / 2^32
//   counter words  counter mod 2^32, counter / 2^32, b mod 2^32, b / 2^32
// so streams of different (key, counter) never share a block. `low` is w0 + 2^32 w1 and `high` is w2 + 2^32 w3.
// Element i of an array:
//   uniform float32   block i / 4, word i mod 4: its upper 24 bits / 2^24
//   uniform float64   block i / 2, low for even i, high for odd: its upper 53 bits / 2^53
//   normal            block i / 2: u = (upper 53 bits of low + 1) / 2^53, v = upper 53 bits of high / 2^53;
//                     sqrt(-2 ln u) times cos(2 pi v) for even i, sin(2 pi v) for odd (Box and Muller 1958)
//   mask              block i / 4, word i mod 4: dropped if word < probability 2^32
#include "include/CTapestryKernels.h"
#include "runtime/indexing.h"

#include <string.h>

enum { random_blocks = 32 };  // that are computed side by side

// Without contraction every operation is rounded by itself, so vectors of any width give the same bits.
#pragma clang fp contract(off)
#define REAL_SOURCE "elements/random_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

void tapestry_random_block(uint64_t key, uint64_t counter, uint64_t *low, uint64_t *high) {
  uint32_t w[4];
  DISPATCH(philox_f64)(key, counter, 0, 1, w);
  *low = w[0] | (uint64_t)w[1] << 32;
  *high = w[2] | (uint64_t)w[3] << 32;
}

enum { random_piece = 8192 };  // elements of a piece of work: a multiple of 4

typedef struct {
  int32_t dtype;
  uint64_t key, counter;
  int64_t count;
  double a, b;  // low and width; mean and deviation; value and threshold
  void *y;
} random_job;

/// Fills `words` with those for elements begin ..< begin + n, at `per_block` elements to a block; gives n.
static inline int64_t batch_of_words(
    const random_job *job, int64_t begin, int64_t end, int64_t per_block, uint32_t *words) {
  int64_t most = per_block * random_blocks, n = end - begin < most ? end - begin : most;
  DISPATCH(philox_f64)
  (job->key, job->counter, (uint64_t)(begin / per_block), (n + per_block - 1) / per_block, words);
  return n;
}

static inline uint64_t pair(const uint32_t *words, int64_t i) {
  return words[2 * i] | (uint64_t)words[2 * i + 1] << 32;
}

static inline int64_t end_of(const random_job *job, int64_t piece) {
  int64_t end = (piece + 1) * random_piece;
  return end < job->count ? end : job->count;
}

static void uniform_piece(void *context, int64_t piece) {
  const random_job *job = context;
  uint32_t words[4 * random_blocks];
  for (int64_t begin = piece * random_piece, end = end_of(job, piece), n; begin < end; begin += n) {
    if (job->dtype == TAPESTRY_FLOAT32) {
      n = batch_of_words(job, begin, end, 4, words);
      float *y = (float *)job->y + begin, low = (float)job->a, high = (float)(job->a + job->b);
      for (int64_t i = 0; i < n; i++) {
        float v = (float)(job->a + job->b * ((double)(words[i] >> 8) * 0x1p-24));
        y[i] = v < high ? v : low;  // rounding may reach the excluded end
      }
    } else {
      n = batch_of_words(job, begin, end, 2, words);
      double *y = (double *)job->y + begin, high = job->a + job->b;
      for (int64_t i = 0; i < n; i++) {
        double v = job->a + job->b * ((double)(pair(words, i) >> 11) * 0x1p-53);
        y[i] = v < high ? v : job->a;
      }
    }
  }
}

static void normal_piece(void *context, int64_t piece) {
  const random_job *job = context;
  uint32_t words[4 * random_blocks];
  uint64_t low[random_blocks] = {0}, high[random_blocks] = {0};
  double first[random_blocks], second[random_blocks];
  for (int64_t begin = piece * random_piece, end = end_of(job, piece), n; begin < end; begin += n) {
    n = batch_of_words(job, begin, end, 2, words);
    for (int64_t i = 0; i < (n + 1) / 2; i++) {
      low[i] = pair(words, 2 * i);
      high[i] = pair(words, 2 * i + 1);
    }
    DISPATCH(normal_pairs_f64)((n + 1) / 2, low, high, first, second);
    for (int64_t i = 0; i < n; i++) {
      double v = job->a + job->b * (i % 2 == 0 ? first : second)[i / 2];
      if (job->dtype == TAPESTRY_FLOAT32) ((float *)job->y)[begin + i] = (float)v;
      else ((double *)job->y)[begin + i] = v;
    }
  }
}

static void mask_piece(void *context, int64_t piece) {
  const random_job *job = context;
  uint32_t words[4 * random_blocks];
  uint64_t threshold = (uint64_t)job->b;
  for (int64_t begin = piece * random_piece, end = end_of(job, piece), n; begin < end; begin += n) {
    n = batch_of_words(job, begin, end, 4, words);
    if (job->dtype == TAPESTRY_FLOAT32) {
      float *y = (float *)job->y + begin, value = (float)job->a;
      for (int64_t i = 0; i < n; i++) y[i] = words[i] < threshold ? 0 : value;
    } else {
      double *y = (double *)job->y + begin;
      for (int64_t i = 0; i < n; i++) y[i] = words[i] < threshold ? 0 : job->a;
    }
  }
}

static void run(random_job *job, void (*piece)(void *, int64_t)) {
  tapestry_share(job->count > tapestry_shared_functions, tapestry_parts(job->count, random_piece), job, piece);
}

void tapestry_random_uniform(
    int32_t dtype, uint64_t key, uint64_t counter, int64_t count, double low, double high, void *y) {
  random_job job = {dtype, key, counter, count, low, high - low, y};
  run(&job, uniform_piece);
}

void tapestry_random_normal(
    int32_t dtype, uint64_t key, uint64_t counter, int64_t count, double mean, double deviation, void *y) {
  random_job job = {dtype, key, counter, count, mean, deviation, y};
  run(&job, normal_piece);
}

void tapestry_random_mask(
    int32_t dtype, uint64_t key, uint64_t counter, int64_t count, double probability, double value, void *y) {
  double threshold = probability <= 0 ? 0 : probability >= 1 ? 0x1p32 : probability * 0x1p32;
  random_job job = {dtype, key, counter, count, value, threshold, y};
  run(&job, mask_piece);
}
