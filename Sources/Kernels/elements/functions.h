// The rarer elementwise functions, a range at a time: elementwise.c shares out the work.
#ifndef TAPESTRY_FUNCTIONS_H
#define TAPESTRY_FUNCTIONS_H

#include <stdint.h>

/// TAPESTRY_TAN to TAPESTRY_SINC; float32 and float64.
void tapestry_function(int32_t function, int32_t dtype, int64_t n, const void *x, void *y, double alpha);

/// TAPESTRY_SILU and what follows it.
void tapestry_activation(int32_t function, int32_t dtype, int64_t n, const void *x, void *y, double alpha, double beta);

/// TAPESTRY_ATAN2 and what follows it, of one row with strides 0 or 1, not both 0.
void tapestry_function_of_two(
    int32_t function, int32_t dtype, int64_t n, const void *a, int64_t stride_a, const void *b, int64_t stride_b,
    void *y);

#endif
