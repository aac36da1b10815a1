// Denormal numbers: results and operands that are taken as zero for a while.
#ifndef TAPESTRY_DENORMALS_H
#define TAPESTRY_DENORMALS_H

#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// The control register of the thread's floating-point unit, or the bits of it that matter.
typedef uint64_t tapestry_float_mode;

/// From now on the calling thread takes denormal numbers as zero; returns the mode before.
static inline tapestry_float_mode tapestry_begin_flushing(void) {
#if defined(__x86_64__)
  tapestry_float_mode before = _mm_getcsr();
  _mm_setcsr((unsigned int)before | 0x8040);  // flush results to zero, take denormal operands as zero
  return before;
#elif defined(__aarch64__)
  tapestry_float_mode before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"(before | (1ull << 24)));
  return before;
#else
  return 0;
#endif
}

static inline void tapestry_end_flushing(tapestry_float_mode before) {
#if defined(__x86_64__)
  _mm_setcsr((unsigned int)before);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
  (void)before;
#endif
}

#endif
