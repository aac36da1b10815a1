// Rearranging memory: transpose, slice, broadcast, flip, concatenate and pad are all strided copies.
#ifndef TAPESTRY_COPY_H
#define TAPESTRY_COPY_H

#include <stdint.h>

/// target[sum of i_k target_strides_k] = source[sum of i_k source_strides_k] for every index of a space of `rank` axes
/// (0 ... 8) with `sizes`. Strides count elements and may be 0 (source only) or negative (the pointer is then to the
/// element of index 0). element_size is 1, 4 or 8. Target elements must not coincide. Axes are merged where strides
/// allow; contiguous runs are copied whole, and transposes go by cache-sized tiles.
void tapestry_strided_copy(
    int32_t element_size, int32_t rank, const int64_t *sizes, const int64_t *target_strides, void *target,
    const int64_t *source_strides, const void *source);

/// y[o, j, i] = x[o, indices[j], i]: x is [outer, rows, inner], y is [outer, count, inner]. Indices are in 0 ..< rows
/// (the caller has checked).
void tapestry_gather(
    int32_t element_size, int64_t outer, int64_t rows, int64_t inner, int64_t count, const int64_t *indices,
    const void *x, void *y);

/// y[o, indices[j], i] += x[o, j, i], in ascending j, after y has been set to zero. float32, float64.
void tapestry_scatter_add(
    int32_t dtype, int64_t outer, int64_t rows, int64_t inner, int64_t count, const int64_t *indices, const void *x,
    void *y);

#endif
