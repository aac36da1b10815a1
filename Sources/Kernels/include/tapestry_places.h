// Elements picked by a position along the middle axis of [outer, rows, inner], and put back.
#ifndef TAPESTRY_PLACES_H
#define TAPESTRY_PLACES_H

#include <stdint.h>

/// y[o, t, i] = x[o, places[o, t, i], i] for t < taken; elements of `size` bytes, 1, 4 or 8.
void tapestry_take_places(
    int32_t size, int64_t outer, int64_t rows, int64_t taken, int64_t inner, const int64_t *places, const void *x,
    void *y);

/// x = 0, then x[o, places[o, t, i], i] += g[o, t, i] in the order of t. All dtypes but bool.
void tapestry_put_places(
    int32_t dtype, int64_t outer, int64_t rows, int64_t taken, int64_t inner, const int64_t *places, const void *g,
    void *x);

#endif
