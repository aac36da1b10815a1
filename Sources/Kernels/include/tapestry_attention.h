// Scaled dot-product attention without the matrix of scores in memory.
#ifndef TAPESTRY_ATTENTION_H
#define TAPESTRY_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

/// Queries q [batch, queries, width], keys k [batch, keys, width], values v [batch, keys, value_width]. Mask and bias
/// may be NULL; their row strides and column strides (0 or 1) count elements, and those of batch index b begin at
/// mask_offsets[b] and bias_offsets[b].
typedef struct {
  int64_t batch, queries, keys, width, value_width;
  double scale;
  bool causal;          // query i sees keys 0 ... i
  const uint8_t *mask;  // 1 takes part
  const int64_t *mask_offsets;
  int64_t mask_row, mask_column;
  const void *bias;
  const int64_t *bias_offsets;
  int64_t bias_row, bias_column;
} tapestry_attention;

/// y [batch, queries, value_width] = softmax(scale q k^T + bias) v over the keys that take part, zeros where none does;
/// logarithms [batch, queries] = ln of the sum of e^score, infinite where none does. Scores are made block by block.
/// float32 and float64. Same bits for any number of threads.
void tapestry_attention_forward(
    int32_t dtype, const tapestry_attention *shape, const void *q, const void *k, const void *v, void *y,
    void *logarithms);

/// The gradients for the cotangent g of y; gscores [batch, queries, keys], those by the biased scores, unless NULL.
void tapestry_attention_backward(
    int32_t dtype, const tapestry_attention *shape, const void *q, const void *k, const void *v, const void *y,
    const void *logarithms, const void *g, void *gq, void *gk, void *gv, void *gscores);

#endif
