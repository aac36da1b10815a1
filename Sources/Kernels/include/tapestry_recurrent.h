// Recurrent nets: one layer in one direction, all steps of it.
#ifndef TAPESTRY_RECURRENT_H
#define TAPESTRY_RECURRENT_H

#include <stdbool.h>
#include <stdint.h>

enum {
  TAPESTRY_CELL_TANH = 0,  // h' = tanh(sums)
  TAPESTRY_CELL_RELU,      // h' = max(sums, 0)
  TAPESTRY_CELL_GRU,       // blocks r, z, n; n = tanh(p_n + r q_n), h' = n + z (h - n)
  TAPESTRY_CELL_LSTM       // blocks i, f, g, o; c' = f c + i g, h' = o tanh c'
};

/// T steps of N sequences with states of H numbers. `blocks` below is 1, 3 for GRU, 4 for LSTM.
typedef struct {
  int32_t cell;
  bool reversed;  // from the last step to the first
  int64_t steps, samples, size;
  const int64_t *lengths;  // NULL, or in 0 ... T: behind it y is 0 and the state stays
} tapestry_recurrence;

/// y [T, N, H] and the last states hidden and cell [N, H] (cell of LSTM only), from the inputs' share of the gates p
/// [T, N, blocks H], and q = W h + bias with weight [blocks H, H], bias [blocks H] or NULL (GRU only). For the backward
/// pass, unless NULL: gates [T, N, 4 H] (LSTM: i, f, g, o; GRU: r, z, n, q_n), cells [T, N, H] (LSTM). float32 and
/// float64. Same bits for any number of threads.
void tapestry_recurrent_forward(
    int32_t dtype, const tapestry_recurrence *shape, const void *projected, const void *weight, const void *bias,
    const void *first_hidden, const void *first_cell, void *y, void *hidden, void *cell, void *gates, void *cells);

/// The gradients by all operands, for cotangents of y, hidden and cell, each of which may be NULL for zeros. gbias may
/// be NULL (it is GRU's), gcell is LSTM's.
void tapestry_recurrent_backward(
    int32_t dtype, const tapestry_recurrence *shape, const void *weight, const void *first_hidden,
    const void *first_cell, const void *y, const void *gates, const void *cells, const void *gy, const void *ghidden,
    const void *gcell, void *gprojected, void *gweight, void *gbias, void *gfirst_hidden, void *gfirst_cell);

#endif
