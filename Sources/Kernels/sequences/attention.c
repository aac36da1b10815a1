// Attention by blocks: for a block of queries the blocks of keys one after the other, with the largest score so far and
// the sum so far kept for each query (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et
// al., "FlashAttention", 2022). The backward pass makes the scores again.
#include "include/CTapestryKernels.h"
#include "runtime/sharing.h"

#include <string.h>

#define REAL_SOURCE "sequences/attention_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

enum { query_block = 64, key_block = 256 };

typedef struct {
  int32_t dtype;
  int64_t bytes;
  const tapestry_attention *shape;
  const char *q, *k, *v, *g;
  char *y, *logarithms, *gq, *gk, *gv, *gscores;
} attention_job;

/// A block of scores: queries and keys `begin ..< end` of one batch index.
typedef struct {
  int64_t batch;
  tapestry_range queries, keys;
} score_block;

static int64_t count(tapestry_range range) { return range.end - range.begin; }

/// Whether some query of the block sees some key of it.
static bool is_seen(const attention_job *job, const score_block *block) {
  return !job->shape->causal || block->keys.begin < block->queries.end;
}

static const char *rows(const attention_job *job, const void *base, int64_t row, int64_t width) {
  return (const char *)base + row * width * job->bytes;
}
static const char *query_rows(const attention_job *job, const score_block *block, const void *base, int64_t width) {
  return rows(job, base, block->batch * job->shape->queries + block->queries.begin, width);
}
static const char *key_rows(const attention_job *job, const score_block *block, const void *base, int64_t width) {
  return rows(job, base, block->batch * job->shape->keys + block->keys.begin, width);
}

/// The finished scores of a block, a row for each query.
static void make_scores(const attention_job *job, const score_block *block, char *scores) {
  const tapestry_attention *shape = job->shape;
  int64_t m = count(block->queries), n = count(block->keys);
  tapestry_gemm(
      job->dtype, false, true, m, n, shape->width, query_rows(job, block, job->q, shape->width), shape->width,
      key_rows(job, block, job->k, shape->width), shape->width, scores, n, false, NULL);
  for (int64_t i = 0; i < m; i++) {
    int64_t query = block->queries.begin + i, limit = shape->causal ? query + 1 - block->keys.begin : n;
    limit = limit < 0 ? 0 : limit < n ? limit : n;
    const uint8_t *mask = shape->mask;
    if (mask)
      mask += shape->mask_offsets[block->batch] + query * shape->mask_row + block->keys.begin * shape->mask_column;
    const char *bias = shape->bias;
    if (bias)
      bias += (shape->bias_offsets[block->batch] + query * shape->bias_row + block->keys.begin * shape->bias_column) *
              job->bytes;
    void *row = scores + i * n * job->bytes;
    if (job->bytes == 4) DISPATCH(finish_scores_f32)
    (n, limit, (float)shape->scale, (const void *)bias, shape->bias_column, mask, shape->mask_column, row);
    else DISPATCH(finish_scores_f64)(
        n, limit, shape->scale, (const void *)bias, shape->bias_column, mask, shape->mask_column, row);
  }
}

/// All keys for one block of queries.
static void forward_block(void *context, int64_t index) {
  const attention_job *job = context;
  const tapestry_attention *shape = job->shape;
  int64_t blocks = tapestry_parts(shape->queries, query_block), width = shape->value_width;
  score_block block = {index / blocks, tapestry_part(index % blocks, query_block, shape->queries), {0, 0}};
  int64_t m = count(block.queries);
  char *y = (char *)query_rows(job, &block, job->y, width);
  char *logarithms = (char *)query_rows(job, &block, job->logarithms, 1);
  memset(y, 0, (size_t)(m * width * job->bytes));
  size_t scratch_bytes = (size_t)(query_block * key_block * job->bytes);
  char *scores = tapestry_allocate(scratch_bytes);
  double largest[query_block], sums[query_block];
  float *largest_f32 = (float *)largest, *sums_f32 = (float *)sums;
  for (int64_t i = 0; i < m; i++) {
    if (job->bytes == 4) largest_f32[i] = -__builtin_inff(), sums_f32[i] = 0;
    else largest[i] = -__builtin_inf(), sums[i] = 0;
  }
  for (int64_t part = 0; part < tapestry_parts(shape->keys, key_block); part++) {
    block.keys = tapestry_part(part, key_block, shape->keys);
    if (!is_seen(job, &block)) break;
    int64_t n = count(block.keys);
    make_scores(job, &block, scores);
    for (int64_t i = 0; i < m; i++) {
      void *row = scores + i * n * job->bytes, *result = y + i * width * job->bytes;
      if (job->bytes == 4) {
        float factor = DISPATCH(continue_softmax_f32)(n, row, largest_f32 + i, sums_f32 + i);
        if (factor != 1 && part > 0) DISPATCH(scale_row_f32)(width, factor, result);
      } else {
        double factor = DISPATCH(continue_softmax_f64)(n, row, largest + i, sums + i);
        if (factor != 1 && part > 0) DISPATCH(scale_row_f64)(width, factor, result);
      }
    }
    tapestry_gemm(
        job->dtype, false, false, m, width, n, scores, n, key_rows(job, &block, job->v, width), width, y, width, true,
        NULL);
  }
  for (int64_t i = 0; i < m; i++) {
    void *row = y + i * width * job->bytes;
    if (job->bytes == 4) ((float *)logarithms)[i] = DISPATCH(finish_row_f32)(width, largest_f32[i], sums_f32[i], row);
    else ((double *)logarithms)[i] = DISPATCH(finish_row_f64)(width, largest[i], sums[i], row);
  }
  tapestry_release(scores, scratch_bytes);
}

static bool is_worthwhile(const tapestry_attention *shape) {
  double pairs = (double)shape->batch * (double)shape->queries * (double)shape->keys;
  return pairs * (double)(shape->width + shape->value_width) >= tapestry_shared_products;
}

void tapestry_attention_forward(
    int32_t dtype, const tapestry_attention *shape, const void *q, const void *k, const void *v, void *y,
    void *logarithms) {
  attention_job job = {.dtype = dtype, .bytes = dtype == TAPESTRY_FLOAT32 ? 4 : 8, .shape = shape, .q = q, .k = k};
  job.v = v;
  job.y = y;
  job.logarithms = logarithms;
  int64_t blocks = shape->batch * tapestry_parts(shape->queries, query_block);
  tapestry_share(is_worthwhile(shape), blocks, &job, forward_block);
}

// MARK: Backward

/// The gradients of one block of scores, added to those by queries, keys and values.
static void backward_block(const attention_job *job, const score_block *block, char *p, char *gp) {
  const tapestry_attention *shape = job->shape;
  int64_t m = count(block->queries), n = count(block->keys), width = shape->width, value_width = shape->value_width;
  const char *g = query_rows(job, block, job->g, value_width), *y = query_rows(job, block, job->y, value_width);
  const char *logarithms = query_rows(job, block, job->logarithms, 1);
  make_scores(job, block, p);
  for (int64_t i = 0; i < m; i++) {
    void *row = p + i * n * job->bytes;
    if (job->bytes == 4) DISPATCH(probabilities_f32)(n, ((const float *)logarithms)[i], row);
    else DISPATCH(probabilities_f64)(n, ((const double *)logarithms)[i], row);
  }
  tapestry_gemm(
      job->dtype, true, false, n, value_width, m, p, n, g, value_width,
      (char *)key_rows(job, block, job->gv, value_width), value_width, true, NULL);
  tapestry_gemm(
      job->dtype, false, true, m, n, value_width, g, value_width, key_rows(job, block, job->v, value_width),
      value_width, gp, n, false, NULL);
  for (int64_t i = 0; i < m; i++) {
    int64_t at = i * n * job->bytes, row = i * value_width * job->bytes;
    int64_t pair = (block->batch * shape->queries + block->queries.begin + i) * shape->keys + block->keys.begin;
    void *gscores = job->gscores ? job->gscores + pair * job->bytes : NULL;
    if (job->bytes == 4) {
      float product = DISPATCH(row_product_f32)(value_width, (const void *)(g + row), (const void *)(y + row));
      DISPATCH(score_gradients_f32)
      (n, product, (float)shape->scale, (const void *)(p + at), (void *)(gp + at), gscores);
    } else {
      double product = DISPATCH(row_product_f64)(value_width, (const void *)(g + row), (const void *)(y + row));
      DISPATCH(score_gradients_f64)(n, product, shape->scale, (const void *)(p + at), (void *)(gp + at), gscores);
    }
  }
  tapestry_gemm(
      job->dtype, false, false, m, width, n, gp, n, key_rows(job, block, job->k, width), width,
      (char *)query_rows(job, block, job->gq, width), width, true, NULL);
  tapestry_gemm(
      job->dtype, true, false, n, width, m, gp, n, query_rows(job, block, job->q, width), width,
      (char *)key_rows(job, block, job->gk, width), width, true, NULL);
}

/// All blocks of one batch index, in one order: gradients by keys add up over the queries.
static void backward_batch(void *context, int64_t index) {
  const attention_job *job = context;
  const tapestry_attention *shape = job->shape;
  size_t block_bytes = (size_t)(query_block * key_block * job->bytes);
  char *p = tapestry_allocate(2 * block_bytes), *gp = p + block_bytes;
  for (int64_t i = 0; i < tapestry_parts(shape->queries, query_block); i++)
    for (int64_t j = 0; j < tapestry_parts(shape->keys, key_block); j++) {
      score_block block = {
          index, tapestry_part(i, query_block, shape->queries), tapestry_part(j, key_block, shape->keys)};
      if (is_seen(job, &block)) backward_block(job, &block, p, gp);
    }
  tapestry_release(p, 2 * block_bytes);
}

void tapestry_attention_backward(
    int32_t dtype, const tapestry_attention *shape, const void *q, const void *k, const void *v, const void *y,
    const void *logarithms, const void *g, void *gq, void *gk, void *gv, void *gscores) {
  attention_job job = {.dtype = dtype, .bytes = dtype == TAPESTRY_FLOAT32 ? 4 : 8, .shape = shape, .q = q, .k = k};
  job.v = v;
  job.g = g;
  job.y = (char *)y;
  job.logarithms = (char *)logarithms;
  job.gq = gq;
  job.gk = gk;
  job.gv = gv;
  job.gscores = gscores;
  int64_t query_rows = shape->batch * shape->queries, keys = shape->batch * shape->keys;
  memset(gq, 0, (size_t)(query_rows * shape->width * job.bytes));
  memset(gk, 0, (size_t)(keys * shape->width * job.bytes));
  memset(gv, 0, (size_t)(keys * shape->value_width * job.bytes));
  if (gscores) memset(gscores, 0, (size_t)(query_rows * shape->keys * job.bytes));
  // A single batch index leaves the threads to its products.
  tapestry_share(shape->batch > 1 && is_worthwhile(shape), shape->batch, &job, backward_batch);
}
