// The pool of tensor memory, under one spin lock.
//
// Small blocks lie in free lists by size class. Classes are spaced eight to a power of two, so a block is at most 1/8
// larger than asked for, and a free block's first bytes link to the next free one.
//
// Large blocks are cut from segments: long ranges of address space of which the system provides a page when it is first
// touched. Free neighbours join, and a request takes the smallest span that is large enough. So memory that layers of a
// net have released serves layers of other sizes, and memory in use stays near the most that was ever live at once;
// lists by size alone would keep the most that was ever live of each size.
//
// Huge blocks have segments of their own. A gradient of hundreds of MB lives for a part of each step; if activations
// were cut from the span that it released, the next gradient would find none that is large enough.
#include "include/tapestry_memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/mman.h>

enum { alignment = 64, steps_log2 = 3, class_count = 512 };
static const size_t huge_page = (size_t)2 << 20, page = (size_t)64 << 10;  // `page` is a multiple of any real one
/// From here on blocks are cut from segments.
static const size_t smallest_large = (size_t)32 << 10;
/// And from here on from those for huge ones.
static const size_t smallest_huge = (size_t)128 << 20;

/// The pool keeps idle memory as long as live and idle together stay within the most that was ever live at once
/// (since the last trim) plus this. A program of steady steps therefore never returns memory to the system, and one
/// whose shapes change does not hoard.
static const int64_t slack = (int64_t)1 << 30;

static int64_t live_bytes, idle_bytes, peak_bytes, taken_bytes;  // live_bytes counts whole blocks
static atomic_flag locked = ATOMIC_FLAG_INIT;

static void lock(void) {
  for (int attempt = 1; atomic_flag_test_and_set_explicit(&locked, memory_order_acquire); attempt++)
    if (attempt % 64 == 0) sched_yield();
}

static void unlock(void) { atomic_flag_clear_explicit(&locked, memory_order_release); }

// MARK: Small blocks

typedef struct free_block {
  struct free_block *next;
} free_block;

static free_block *free_lists[class_count];

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

/// The size of the blocks of a class: the inverse of class_of.
static size_t size_of_class(int class) {
  if (class < 16) return (size_t)(class + 1) * alignment;
  int exponent = 10 + (class - 16) / (1 << steps_log2), units = 9 + (class - 16) % (1 << steps_log2);
  return (size_t)units << (exponent - steps_log2);
}

// MARK: Segments

typedef struct segment segment;

/// Stands before a large block; 64 bytes, so that what follows it is aligned.
typedef struct span {
  size_t size;          // with this header; a multiple of 64
  struct span *before;  // the neighbour at lower addresses, NULL at the segment's beginning
  segment *home;
  bool is_free, is_returned;     // returned: free, and its pages are the system's
  struct span *next, *previous;  // in its bin, while free
} __attribute__((aligned(64))) span;

/// Stretches lie side by side from the beginning up to `top`; the one before `top` is never free. Behind it nothing has
/// been handed out since the top was last lowered, behind `touched` nothing ever.
struct segment {
  char *begin, *top, *touched, *end;
  span *last;    // the span that ends at top
  bool is_huge;  // serves requests of that size only
  segment *next;
};

static segment *segments;
enum { bin_count = 256 };         // four to a power of two
static span *bins[2][bin_count];  // [of segments for huge blocks]

static int bin_of(size_t size) {
  int exponent = 63 - __builtin_clzll((unsigned long long)size);
  return (exponent * 4 + (int)(size >> (exponent - 2) & 3)) & (bin_count - 1);
}

static void insert(span *s) {
  span **bin = &bins[s->home->is_huge][bin_of(s->size)];
  s->is_free = true;
  s->previous = NULL;
  s->next = *bin;
  if (*bin) (*bin)->previous = s;
  *bin = s;
  if (!s->is_returned) idle_bytes += (int64_t)s->size;
}

static void extract(span *s) {
  if (s->previous) s->previous->next = s->next;
  else bins[s->home->is_huge][bin_of(s->size)] = s->next;
  if (s->next) s->next->previous = s->previous;
  s->is_free = false;
  if (!s->is_returned) idle_bytes -= (int64_t)s->size;
}

static inline span *after(span *s) {
  char *end = (char *)s + s->size;
  return end == s->home->top ? NULL : (span *)end;
}

static void set_top(segment *home, char *top) {
  idle_bytes -= home->touched - home->top;
  home->top = top;
  if (top > home->touched) home->touched = top;
  idle_bytes += home->touched - home->top;
}

/// The smallest free span of at least `size` bytes, or NULL. A bin's spans differ by less than a quarter: the first
/// bin that has one large enough has the smallest.
static span *find(size_t size) {
  for (int bin = bin_of(size); bin < bin_count; bin++) {
    span *best = NULL;
    for (span *each = bins[size >= smallest_huge][bin]; each; each = each->next)
      if (each->size >= size && (!best || each->size < best->size)) best = each;
    if (best) return best;
  }
  return NULL;
}

/// A span of at least `size` bytes from a bin or from the top of a segment, or NULL.
static span *cut(size_t size) {
  span *s = find(size);
  if (s) {
    extract(s);
    if (s->size - size >= smallest_large) {
      span *rest = (span *)((char *)s + size);
      *rest = (span){.size = s->size - size, .before = s, .home = s->home, .is_returned = s->is_returned};
      after(s)->before = rest;  // s was free, so it is not the last
      s->size = size;
      insert(rest);
    }
    s->is_returned = false;
    return s;
  }
  for (segment *home = segments; home; home = home->next) {
    if (home->is_huge != (size >= smallest_huge) || (size_t)(home->end - home->top) < size) continue;
    s = (span *)home->top;
    *s = (span){.size = size, .before = home->last, .home = home};
    home->last = s;
    set_top(home, home->top + size);
    return s;
  }
  return NULL;
}

/// Takes a span back and joins it to free neighbours, or to the free end of its segment.
static void put_back(span *s) {
  span *behind = after(s);
  if (behind && behind->is_free) {
    extract(behind);
    s->size += behind->size;
    span *next = after(s);
    if (next) next->before = s;
  }
  if (s->before && s->before->is_free) {
    span *first = s->before;
    extract(first);
    first->size += s->size;
    first->is_returned = false;
    span *next = after(first);
    if (next) next->before = first;
    s = first;
  }
  if (after(s)) {
    insert(s);
  } else {
    s->home->last = s->before;
    set_top(s->home, (char *)s);
  }
}

/// Address space for a span of `size` bytes and more, aligned for huge pages.
static segment *from_system(size_t size) {
  size_t needed = (size + huge_page - 1) / huge_page * huge_page, length = (size_t)1 << 30;
  if (length < needed) length = needed;
  segment *fresh = malloc(sizeof *fresh);
  if (!fresh) return NULL;
  char *mapped = MAP_FAILED;
  for (; mapped == MAP_FAILED; length = needed) {
    // More than needed, then the ends outside the aligned part are given back.
    mapped = mmap(NULL, length + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
    if (mapped != MAP_FAILED || length == needed) break;
  }
  if (mapped == MAP_FAILED) {
    free(fresh);
    return NULL;
  }
  size_t before = (huge_page - (size_t)mapped % huge_page) % huge_page;
  if (before > 0) munmap(mapped, before);
  if (before < huge_page) munmap(mapped + before + length, huge_page - before);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  madvise(mapped + before, length, MADV_HUGEPAGE);
#endif
  char *begin = mapped + before;
  *fresh = (segment){
      .begin = begin, .top = begin, .touched = begin, .end = begin + length, .is_huge = size >= smallest_huge};
  return fresh;
}

/// Returns the pages between two addresses.
static void give_back(char *from, char *to) {
  from += (page - (size_t)from % page) % page;
  to -= (size_t)to % page;
  if (from < to) madvise(from, (size_t)(to - from), MADV_DONTNEED);
}

// MARK: The pool

static _Noreturn void exhausted(size_t bytes) {
  fprintf(
      stderr, "tapestry: out of memory: %zu bytes (%.1f MB) asked for while %.1f MB are in use\n", bytes,
      (double)bytes / 1048576, (double)live_bytes / 1048576);
  abort();
}

static inline void count_live(int64_t size) {
  live_bytes += size;
  if (live_bytes > peak_bytes) peak_bytes = live_bytes;
}

static void *allocate_large(size_t bytes) {
  size_t size = (bytes + 1023) / 1024 * 1024 + sizeof(span);
  for (int attempt = 0;; attempt++) {
    lock();
    int64_t known = idle_bytes;
    span *s = cut(size);
    if (s) {
      // What did not come out of idle memory is new to the process.
      if (known - idle_bytes < (int64_t)s->size) taken_bytes += (int64_t)s->size - (known - idle_bytes);
      count_live((int64_t)s->size);
      unlock();
      return s + 1;
    }
    unlock();
    if (attempt == 2) exhausted(bytes);
    segment *fresh = from_system(size);
    if (!fresh) {
      tapestry_pool_trim();
      continue;
    }
    lock();
    segment **place = &segments;
    while (*place) place = &(*place)->next;
    *place = fresh;
    unlock();
  }
}

static void *allocate_small(size_t bytes) {
  size_t size;
  int class = class_of(bytes, &size);
  lock();
  count_live((int64_t)size);
  free_block *block = free_lists[class];
  if (block) {
    free_lists[class] = block->next;
    idle_bytes -= (int64_t)size;
  } else {
    taken_bytes += (int64_t)size;
  }
  unlock();
  if (block) return block;
  void *fresh = aligned_alloc(alignment, size);
  if (!fresh) {
    tapestry_pool_trim();
    fresh = aligned_alloc(alignment, size);
  }
  if (!fresh) exhausted(bytes);
  return fresh;
}

void *tapestry_allocate(size_t bytes) {
  if (bytes > (size_t)1 << 62) exhausted(bytes);
  return bytes < smallest_large ? allocate_small(bytes) : allocate_large(bytes);
}

void tapestry_release(void *block, size_t bytes) {
  if (!block) return;
  lock();
  if (bytes < smallest_large) {
    size_t size;
    int class = class_of(bytes, &size);
    live_bytes -= (int64_t)size;
    idle_bytes += (int64_t)size;
    ((free_block *)block)->next = free_lists[class];
    free_lists[class] = block;
  } else {
    span *s = (span *)block - 1;
    live_bytes -= (int64_t)s->size;
    put_back(s);
  }
  bool full = live_bytes + idle_bytes > peak_bytes + slack;
  unlock();
  // The pool holds memory that is no longer asked for: it starts anew.
  if (full) tapestry_pool_trim();
}

void tapestry_pool_trim(void) {
  for (int class = 0; class < class_count; class ++) {
    lock();
    free_block *block = free_lists[class];
    free_lists[class] = NULL;
    for (free_block *each = block; each; each = each->next) idle_bytes -= (int64_t)size_of_class(class);
    unlock();
    while (block) {
      free_block *next = block->next;
      free(block);
      block = next;
    }
  }
  lock();
  peak_bytes = live_bytes;
  for (int bin = 0; bin < 2 * bin_count; bin++)
    for (span *each = bins[bin / bin_count][bin % bin_count]; each; each = each->next) {
      if (each->is_returned) continue;
      give_back((char *)(each + 1), (char *)each + each->size);
      each->is_returned = true;
      idle_bytes -= (int64_t)each->size;
    }
  for (segment **place = &segments; *place;) {
    segment *home = *place;
    idle_bytes -= home->touched - home->top;
    if (home->top == home->begin) {
      *place = home->next;
      munmap(home->begin, (size_t)(home->end - home->begin));
      free(home);
      continue;
    }
    give_back(home->top, home->touched);
    home->touched = home->top;
    place = &home->next;
  }
  unlock();
}

int64_t tapestry_pool_idle_bytes(void) {
  lock();
  int64_t idle = idle_bytes;
  unlock();
  return idle;
}

int64_t tapestry_pool_taken_bytes(void) {
  lock();
  int64_t taken = taken_bytes;
  unlock();
  return taken;
}
