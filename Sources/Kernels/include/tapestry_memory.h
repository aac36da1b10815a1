// The pool that large tensor memory comes from: a fresh large allocation costs 14 times what
// writing it does (page faults), so released blocks are kept, joined to their neighbours, and handed out again.
#ifndef TAPESTRY_MEMORY_H
#define TAPESTRY_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/// At least `bytes` uninitialised bytes, aligned to 64; blocks of 32 KB and more lie in memory that is
/// advised to use huge pages. Never NULL: when memory is exhausted the process ends with a message
/// that says how much was asked for. Thread-safe.
void *tapestry_allocate(size_t bytes);

/// Gives back what `tapestry_allocate(bytes)` returned; the same `bytes` must be passed. Thread-safe.
void tapestry_release(void *block, size_t bytes);

/// Returns what the pool holds unused to the system.
void tapestry_pool_trim(void);

/// Bytes that the pool holds unused at the moment.
int64_t tapestry_pool_idle_bytes(void);

/// Bytes that the pool has taken from the system since the process started, those it has returned included. A steady
/// program on one thread comes to a point from which on it takes none.
int64_t tapestry_pool_taken_bytes(void);

#endif
