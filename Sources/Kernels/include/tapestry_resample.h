// Images of another size: every axis is multiplied by a sparse matrix whose rows are runs of neighbouring weights.
#ifndef TAPESTRY_RESAMPLE_H
#define TAPESTRY_RESAMPLE_H

#include <stdint.h>

/// y[i] = the sum over k from starts[i] up to starts[i + 1] of weights[k] x[firsts[i] + k - starts[i]].
typedef struct {
  int64_t inputs, outputs;
  const int64_t *firsts;  // outputs of them, never falling
  const int64_t *starts;  // outputs + 1 of them
  const double *weights;
} tapestry_axis_map;

/// x: [planes, rows.inputs, columns.inputs], y: [planes, rows.outputs, columns.outputs]. A weight of 0 does not read
/// its element. `dtype` is a floating type.
void tapestry_resample_planes(
    int32_t dtype, int64_t planes, const tapestry_axis_map *rows, const tapestry_axis_map *columns, const void *x,
    void *y);

/// x: [outer, map.inputs, inner], y: [outer, map.outputs, inner].
void tapestry_resample_axis(
    int32_t dtype, int64_t outer, const tapestry_axis_map *map, int64_t inner, const void *x, void *y);

#endif
