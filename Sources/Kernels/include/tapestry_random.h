// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
// Element i depends on (key, counter, i) alone, so results are the same on any number of threads, processor and
// platform: these kernels are compiled without contraction to fused multiply-add and use their own logarithm and
// cosine.
#ifndef TAPESTRY_RANDOM_H
#define TAPESTRY_RANDOM_H

#include <stdint.h>

/// The two 64-bit words of block `counter` of the stream `key`, for callers that need integers.
void tapestry_random_block(uint64_t key, uint64_t counter, uint64_t *low, uint64_t *high);

/// y[i] uniform in [low, high): 24 random bits (float32) or 53 (float64). `counter` selects a stream of up to 2^40
/// elements: (key, counter) pairs that differ give independent numbers.
void tapestry_random_uniform(
    int32_t dtype, uint64_t key, uint64_t counter, int64_t count, double low, double high, void *y);

/// y[i] normal with that mean and deviation (Box and Muller), computed in double precision, rounded once.
void tapestry_random_normal(
    int32_t dtype, uint64_t key, uint64_t counter, int64_t count, double mean, double deviation, void *y);

/// y[i] = kept ? value : 0, where each i is dropped with `probability`. float32 and float64.
void tapestry_random_mask(
    int32_t dtype, uint64_t key, uint64_t counter, int64_t count, double probability, double value, void *y);

#endif
