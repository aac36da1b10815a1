// Running results along the middle axis of [outer, count, inner]. Sums and products run in double; how a long row is
// cut depends on its size alone, so that the bits are the same on any number of threads.
#ifndef TAPESTRY_SCAN_H
#define TAPESTRY_SCAN_H

#include <stdbool.h>
#include <stdint.h>

/// y[o, r, i] = the sum of x[o, s, i] over s <= r; over s >= r if `reversed`. float32, float64, int32, int64
/// (wrapping).
void tapestry_cumulative_sum(
    bool reversed, int32_t dtype, int64_t outer, int64_t count, int64_t inner, const void *x, void *y);

/// The same of products.
void tapestry_cumulative_product(
    bool reversed, int32_t dtype, int64_t outer, int64_t count, int64_t inner, const void *x, void *y);

/// y = the largest of x so far, indices = where it stood last. NaN is larger than everything. All dtypes but bool.
void tapestry_cumulative_max(
    int32_t dtype, int64_t outer, int64_t count, int64_t inner, const void *x, void *y, int64_t *indices);

/// y = ln of the sum of e^x so far. float32 and float64.
void tapestry_cumulative_log_sum_exp(
    int32_t dtype, int64_t outer, int64_t count, int64_t inner, const void *x, void *y);

/// y[r] = a[r] y[p] + b[r], where p is the place before r, after it if `reversed`, and y is 0 outside. If
/// `from_previous`, the factor is a[p] in place of a[r]. float32 and float64.
void tapestry_linear_recurrence(
    bool reversed, bool from_previous, int32_t dtype, int64_t outer, int64_t count, int64_t inner, const void *a,
    const void *b, void *y);

#endif
