// Writing and adding at places that are computed or looked up: the transposes of strided copies and of gathering.
#ifndef TAPESTRY_SCATTER_H
#define TAPESTRY_SCATTER_H

#include <stdbool.h>
#include <stdint.h>

/// target[sum of i_k target_strides_k] += source[sum of i_k source_strides_k] for every index of a space of `rank` axes
/// (0 ... 8) with `sizes`. Strides count elements and may be 0 or negative; target elements may coincide, and then add
/// up in an order that depends on sizes and strides alone. float32 and float64.
void tapestry_strided_add(
    int32_t dtype, int32_t rank, const int64_t *sizes, const int64_t *target_strides, void *target,
    const int64_t *source_strides, const void *source);

/// Updates of up to six axes and where they go: along `axis` to the position that the indices name, along the others to
/// their own.
typedef struct {
  int32_t rank, axis;
  int64_t sizes[6];           // of the updates, which are dense
  int64_t target_strides[6];  // that of the last axis is 1, unless it is `axis`
  int64_t index_strides[6];   // 0 along axes that share their indices
} tapestry_scatter_space;

/// y[.., indices[..], ..] = updates, or += scale * updates if `adds`, in ascending order along the axis, so that the
/// last one wins where an index repeats. Indices have been checked. All dtypes; `adds` not for bool. An integer scale
/// is 1.
void tapestry_scatter(
    int32_t dtype, bool adds, double scale, const tapestry_scatter_space *space, const int64_t *indices,
    const void *updates, void *y);

/// The place of the first of `count` indices that is not in 0 ..< end, or -1.
int64_t tapestry_first_outside(int64_t count, const int64_t *indices, int64_t end);

/// y[m, i, j] = x[m, i, j] where j - i <= offset (upper: j - i >= offset), 0 elsewhere.
void tapestry_triangle(
    int32_t element_size, bool upper, int64_t offset, int64_t matrices, int64_t rows, int64_t columns, const void *x,
    void *y);

#endif
