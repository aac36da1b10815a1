// Stable sorting and selection along the middle axis of [outer, count, inner]. Equal elements keep their order in both
// directions, 0 equals -0, NaN is greater than everything. All dtypes but bool; fewer than 2^32 elements in a row.
#ifndef TAPESTRY_SORTING_H
#define TAPESTRY_SORTING_H

#include <stdbool.h>
#include <stdint.h>

/// The first `kept` places of the sorted order: values and indices are [outer, kept, inner]; values may be NULL.
void tapestry_sort(
    int32_t dtype, bool descending, int64_t kept, int64_t outer, int64_t count, int64_t inner, const void *x,
    void *values, int64_t *indices);

/// Number `place` (from 0) of the ascending order: values and indices are [outer, inner].
void tapestry_select_place(
    int32_t dtype, int64_t place, int64_t outer, int64_t count, int64_t inner, const void *x, void *values,
    int64_t *indices);

#endif
