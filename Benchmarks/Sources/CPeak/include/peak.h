#ifndef PEAK_H
#define PEAK_H

#include <stdint.h>

/// Runs `rounds` of 12 independent chains of fused multiply-adds in the widest registers of this processor, and
/// returns how many float32 operations that were. `sink` keeps the compiler from leaving them out.
int64_t peak_fused_multiply_adds(int64_t rounds, float *sink);

#endif
