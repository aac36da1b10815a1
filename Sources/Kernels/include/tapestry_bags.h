// Rows of a table, bag by bag.
#ifndef TAPESTRY_BAGS_H
#define TAPESTRY_BAGS_H

#include <stdint.h>

/// y[bags[k], j] = the largest x[rows[k], j] of a bag's rows, and places[bags[k], j] = rows[k] width + j where it was
/// found first; NaN counts as largest. `bags` ascend, and those without a row keep y as it was and get the place -1.
/// x has rows of `width`, y and places are [bag_count, width]. float32 and float64.
void tapestry_bag_maximum(
    int32_t dtype, int64_t bag_count, int64_t width, int64_t count, const int64_t *rows, const int64_t *bags,
    const void *x, void *y, int64_t *places);

#endif
