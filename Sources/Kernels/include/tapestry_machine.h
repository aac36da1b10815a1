// Element types, and which build of the kernels runs on this processor.
#ifndef TAPESTRY_MACHINE_H
#define TAPESTRY_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  TAPESTRY_FLOAT32 = 0,
  TAPESTRY_FLOAT64 = 1,
  TAPESTRY_INT32 = 2,
  TAPESTRY_INT64 = 3,
  TAPESTRY_BOOL = 4,  // one byte, 0 or 1
};

/// The number of kernel variants that were compiled for this architecture and that this processor
/// can run, best first: on x86-64 some of "avx512", "avx2", "baseline"; on arm64 "neon".
int32_t tapestry_cpu_variant_count(void);

/// The name of variant `index`, or NULL.
const char *tapestry_cpu_variant_name(int32_t index);

/// The name of the variant in use. It is chosen at first use: the environment variable TAPESTRY_CPU
/// if it names one that can run here (otherwise a line on standard error says what can), else the best.
const char *tapestry_cpu_current(void);

/// Makes `name` the variant in use. False, and no change, when it cannot run here.
/// Not for use while another thread computes.
bool tapestry_cpu_select(const char *name);

/// Does 64 times `rounds` rounds of multiplications and additions of float32 vectors of the variant in use, on all
/// threads of the pool and in registers alone: the time it takes tells the peak rate. Returns how many multiplications
/// and additions those were.
int64_t tapestry_peak_operations(int64_t rounds);

/// Bytes of memory of this machine, swap space included where that is known; 0 where nothing is known.
int64_t tapestry_machine_memory(void);

#endif
