// Masks: what kind of number an element is, and how many are not zero. Anything but 0 and -0 is true, NaN included.
#ifndef TAPESTRY_TRUTH_H
#define TAPESTRY_TRUTH_H

#include <stdint.h>

enum { TAPESTRY_IS_NAN = 0, TAPESTRY_IS_FINITE, TAPESTRY_IS_INFINITE };

/// y[i] = 1 where x[i] is of that kind, else 0. All dtypes; integers and masks are finite.
void tapestry_classify(int32_t kind, int32_t dtype, int64_t count, const void *x, uint8_t *y);

enum { TAPESTRY_ANY = 0, TAPESTRY_ALL, TAPESTRY_COUNT_NONZERO };

/// y[o, i] = whether any or all of x[o, r, i] are true (uint8_t), or how many (int64_t). Of nothing: 0, 1, 0. All
/// dtypes.
void tapestry_truth(int32_t kind, int32_t dtype, int64_t outer, int64_t reduced, int64_t inner, const void *x, void *y);

#endif
