// The worker pool: persistent threads that spin briefly, then sleep.
#ifndef TAPESTRY_THREADS_H
#define TAPESTRY_THREADS_H

#include <stdbool.h>
#include <stdint.h>

/// Calls body(context, i) once for every i in 0 ..< count, spread over the pool's threads and the
/// caller, and returns when all are done. Which thread runs which i is not defined, so a body must
/// write to places that depend on i alone: results are then the same for any number of threads.
/// Called from inside a body, or while another thread uses the pool, it runs everything on the caller.
void tapestry_parallel(int64_t count, void *context, void (*body)(void *context, int64_t index));

/// How many threads take part, the caller included: TAPESTRY_THREADS if set to a positive number, else
/// the number of processors that this process may use (its affinity mask and, in a container, its quota).
int32_t tapestry_thread_count(void);

/// Sets that number (1 or more). Not for use while another thread computes.
void tapestry_set_thread_count(int32_t count);

/// Whether kernels take denormal numbers (float32 below 1.2e-38, float64 below 2.2e-308), operands and results, as
/// zero. Off at first, unless the environment says TAPESTRY_FLUSH_DENORMALS=1. Many processors take a hundred times as
/// long over a denormal number as over another: a convolution whose weights have shrunk so far is 400 times slower
/// without this. It changes results by no more than those numbers. For all of a process; not for use while another
/// thread computes.
void tapestry_flush_denormals(bool flush);
bool tapestry_flushes_denormals(void);

#endif
