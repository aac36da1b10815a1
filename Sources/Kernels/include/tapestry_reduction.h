// Reductions of the middle axis of [outer, reduced, inner]. How a sum is split depends on the sizes
// alone, never on the number of threads, and sums are blocked so that the error grows slowly.
#ifndef TAPESTRY_REDUCTION_H
#define TAPESTRY_REDUCTION_H

#include <stdint.h>

enum { TAPESTRY_SUM = 0, TAPESTRY_MAX, TAPESTRY_MIN, TAPESTRY_SUM_OF_SQUARES, TAPESTRY_PRODUCT };

/// y[o, i] = reduction over r of x[o, r, i]. A sum over nothing is 0, a product 1. MAX and MIN need reduced >= 1 and
/// pass NaN on. float32, float64, int32, int64 (sums and products wrap).
void tapestry_reduce(
    int32_t reduction, int32_t dtype, int64_t outer, int64_t reduced, int64_t inner, const void *x, void *y);

/// y[o, i] = the first r at which x[o, r, i] is largest (NaN counts as largest). All dtypes but bool.
void tapestry_argmax(int32_t dtype, int64_t outer, int64_t reduced, int64_t inner, const void *x, int64_t *y);

/// The first r at which x[o, r, i] is smallest (NaN counts as smallest).
void tapestry_argmin(int32_t dtype, int64_t outer, int64_t reduced, int64_t inner, const void *x, int64_t *y);

/// Sum of squares in double precision, blocked by index: the same bits on any number of threads. float32, float64.
double tapestry_sum_of_squares(int32_t dtype, int64_t count, const void *x);

/// The sum of the products x[i] y[i] in double precision. float32, float64.
double tapestry_dot(int32_t dtype, int64_t count, const void *x, const void *y);

#endif
