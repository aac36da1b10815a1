// The pool of tensor memory: free lists by size class under one spin lock.
//
// Classes are spaced eight to a power of two, so a block is at most 1/8 larger than asked for. A free block's
// first bytes link to the next free one. Everything inside the lock takes a few nanoseconds; calls to the
// system happen outside it.
#include "include/tapestry_memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/mman.h>

enum { alignment = 64, steps_log2 = 3, class_count = 512 };
static const size_t huge_page = (size_t)2 << 20;

/// The pool keeps idle blocks as long as live and idle together stay within the most that was ever live at once
/// (since the last trim) plus this. A program of steady steps therefore never returns memory to the system, and one
/// whose shapes change does not hoard.
static const int64_t slack = (int64_t)1 << 30;

typedef struct free_block {
  struct free_block *next;
} free_block;

static free_block *free_lists[class_count];
static int64_t live_bytes, idle_bytes, peak_bytes;  // live_bytes counts whole blocks of the classes
static atomic_flag locked = ATOMIC_FLAG_INIT;

static void lock(void) {
  for (int attempt = 1; atomic_flag_test_and_set_explicit(&locked, memory_order_acquire); attempt++)
    if (attempt % 64 == 0) sched_yield();
}

static void unlock(void) { atomic_flag_clear_explicit(&locked, memory_order_release); }

/// The class of a request and, in `size`, the bytes of that class's blocks. Up to 1024 bytes the classes are the
/// multiples of 64; above, with 2^e < bytes <= 2^(e+1), the multiples of 2^(e-3).
static inline int class_of(size_t bytes, size_t *size) {
  if (bytes <= 1024) {
    size_t lines = bytes == 0 ? 1 : (bytes + alignment - 1) / alignment;
    *size = lines * alignment;
    return (int)lines - 1;
  }
  int exponent = 63 - __builtin_clzll((unsigned long long)bytes - 1);  // >= 10
  int shift = exponent - steps_log2;
  size_t units = (bytes + ((size_t)1 << shift) - 1) >> shift;  // 9 ... 16
  *size = units << shift;
  return 16 + (exponent - 10) * (1 << steps_log2) + (int)units - 9;
}

static void *from_system(size_t size) {
  if (size < huge_page) return aligned_alloc(alignment, size);
  // Classes from 2 MB up are multiples of 256 KB, so of any page size. More is mapped than needed, then the ends
  // outside the aligned part are given back.
  char *mapped = mmap(NULL, size + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (mapped == MAP_FAILED) return NULL;
  size_t before = (huge_page - (size_t)mapped % huge_page) % huge_page;
  if (before > 0) munmap(mapped, before);
  if (before < huge_page) munmap(mapped + before + size, huge_page - before);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  madvise(mapped + before, size, MADV_HUGEPAGE);
#endif
  return mapped + before;
}

static void to_system(void *block, size_t size) {
  if (size < huge_page) free(block);
  else munmap(block, size);
}

static _Noreturn void exhausted(size_t bytes) {
  fprintf(
      stderr, "tapestry: out of memory: %zu bytes (%.1f MB) asked for while %.1f MB are in use\n", bytes,
      (double)bytes / 1048576, (double)live_bytes / 1048576);
  abort();
}

void *tapestry_allocate(size_t bytes) {
  if (bytes > (size_t)1 << 62) exhausted(bytes);
  size_t size;
  int class = class_of(bytes, &size);
  lock();
  live_bytes += (int64_t)size;
  if (live_bytes > peak_bytes) peak_bytes = live_bytes;
  free_block *block = free_lists[class];
  if (block) {
    free_lists[class] = block->next;
    idle_bytes -= (int64_t)size;
    unlock();
    return block;
  }
  unlock();
  void *fresh = from_system(size);
  if (!fresh) {
    tapestry_pool_trim();
    fresh = from_system(size);
  }
  if (!fresh) exhausted(bytes);
  return fresh;
}

void tapestry_release(void *block, size_t bytes) {
  if (!block) return;
  size_t size;
  int class = class_of(bytes, &size);
  lock();
  live_bytes -= (int64_t)size;
  idle_bytes += (int64_t)size;
  ((free_block *)block)->next = free_lists[class];
  free_lists[class] = block;
  bool full = live_bytes + idle_bytes > peak_bytes + slack;
  unlock();
  // The pool holds blocks of sizes that are no longer asked for: it starts anew.
  if (full) tapestry_pool_trim();
}

/// The size of the blocks of a class: the inverse of class_of.
static size_t size_of_class(int class) {
  if (class < 16) return (size_t)(class + 1) * alignment;
  int exponent = 10 + (class - 16) / (1 << steps_log2), units = 9 + (class - 16) % (1 << steps_log2);
  return (size_t)units << (exponent - steps_log2);
}

void tapestry_pool_trim(void) {
  for (int class = 0; class < class_count; class++) {
    size_t size = size_of_class(class);
    lock();
    free_block *block = free_lists[class];
    free_lists[class] = NULL;
    for (free_block *each = block; each; each = each->next) idle_bytes -= (int64_t)size;
    if (class == class_count - 1) peak_bytes = live_bytes;
    unlock();
    while (block) {
      free_block *next = block->next;
      to_system(block, size);
      block = next;
    }
  }
}

int64_t tapestry_pool_idle_bytes(void) {
  lock();
  int64_t idle = idle_bytes;
  unlock();
  return idle;
}
