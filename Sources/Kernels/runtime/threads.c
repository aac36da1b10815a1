// The worker pool.
//
// A region is one call of tapestry_parallel. The caller publishes it by opening the gate; workers that see the gate
// open join by counting themselves into it, take indices until none is left, and report that they have left. The
// caller takes indices too; when they run out it closes the gate, which tells how many workers had joined, and waits
// for those alone: a worker that was asleep never delays a region that ends without it.
//
// The indices are divided into contiguous ranges. Every thread begins with a range of its own, the same one in every
// region, and then helps with the others. So what one region has written is mostly read by the same thread in the next,
// from its cache.
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "include/tapestry_threads.h"
#include "runtime/denormals.h"
#include "runtime/sharing.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

enum { most_threads = 256, most_ranges = 16, spins = 2000 };

// One cache line for each word that different threads write.
#define LINE _Alignas(128)
static LINE _Atomic uint64_t gate;  // region number << 32 | open bit | workers that joined
static struct {
  LINE _Atomic int64_t next;
} ranges[most_ranges];                     // the next index of each
static LINE _Atomic uint32_t left;         // workers that joined and have finished
static LINE _Atomic uint32_t signal_word;  // changes whenever a sleeper should look again
static _Atomic uint32_t sleepers;
static LINE _Atomic bool busy;  // held by the caller of a region, or while the pool changes

static const uint64_t open_bit = (uint64_t)1 << 31;
static const uint64_t joined_mask = ((uint64_t)1 << 31) - 1;

// The region. Written by the holder of `busy` before it opens the gate, read by workers after they joined.
static int64_t region_count, region_ranges;
static void *region_context;
static void (*region_body)(void *, int64_t);

static pthread_t workers[most_threads];
static int32_t worker_count;                         // threads that exist; guarded by `busy`
static _Atomic int32_t workers_kept = most_threads;  // a worker whose number is not below this ends
static _Atomic int32_t thread_count;                 // 0: not yet decided
static _Atomic int32_t spin_limit = spins;           // 0 when there are more threads than processors

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// MARK: Sleep and wake-up

#if defined(__linux__)
static void sleep_while(uint32_t seen) { syscall(SYS_futex, &signal_word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0); }
static void wake(int32_t count) { syscall(SYS_futex, &signal_word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0); }
#else
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static void sleep_while(uint32_t seen) {
  pthread_mutex_lock(&mutex);
  while (atomic_load(&signal_word) == seen) pthread_cond_wait(&condition, &mutex);
  pthread_mutex_unlock(&mutex);
}
static void wake(int32_t count) {
  (void)count;
  pthread_mutex_lock(&mutex);  // after a sleeper has looked at signal_word it holds the mutex until it waits
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
}
#endif

/// Tells sleeping workers to look at the gate. Sequential consistency of the four accesses (here: change the signal,
/// read the sleepers; there: count among the sleepers, read the signal) means that either the caller sees the sleeper
/// or the sleeper sees the change.
static void wake_sleepers(int32_t most) {
  atomic_fetch_add(&signal_word, 1);
  if (atomic_load(&sleepers) > 0) wake(most);
}

// MARK: Workers

/// Where range number `range` of a region begins.
static inline int64_t first_of(int64_t range, int64_t ranges_used, int64_t count) {
  // Not count * range / ranges_used, which could overflow.
  int64_t each = count / ranges_used, rest = count % ranges_used;
  return range * each + (range < rest ? range : rest);
}

/// 1 or 0: whether bodies take denormal numbers as zero; -1: the environment has not been asked.
static _Atomic int flushing = -1;

void tapestry_flush_denormals(bool flush) { atomic_store(&flushing, flush); }

bool tapestry_flushes_denormals(void) {
  int current = atomic_load_explicit(&flushing, memory_order_relaxed);
  if (__builtin_expect(current < 0, 0)) {
    const char *asked = getenv("TAPESTRY_FLUSH_DENORMALS");
    atomic_compare_exchange_strong(&flushing, &current, asked && strcmp(asked, "1") == 0);
    current = atomic_load(&flushing);
  }
  return current;
}

void tapestry_on_caller(int64_t count, void *context, void (*body)(void *, int64_t)) {
  bool flushes = tapestry_flushes_denormals();
  tapestry_float_mode mode = flushes ? tapestry_begin_flushing() : 0;
  for (int64_t index = 0; index < count; index++) body(context, index);
  if (flushes) tapestry_end_flushing(mode);
}

/// Works on the region, beginning with the range of the `member`-th thread.
static void take_indices(int64_t member, int64_t count, int64_t used, void *context, void (*body)(void *, int64_t)) {
  bool flushes = tapestry_flushes_denormals();
  tapestry_float_mode mode = flushes ? tapestry_begin_flushing() : 0;
  for (int64_t i = 0; i < used; i++) {
    int64_t range = (member + i) % used, end = first_of(range + 1, used, count);
    _Atomic int64_t *next = &ranges[range].next;
    // Relaxed: the counters only hand out numbers; the data is ordered by the gate and by `left`.
    while (atomic_load_explicit(next, memory_order_relaxed) < end) {
      int64_t index = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
      if (index < end) body(context, index);
    }
  }
  if (flushes) tapestry_end_flushing(mode);
}

static void *work(void *number_pointer) {
  int32_t number = (int32_t)(intptr_t)number_pointer;
  uint64_t done = 0;  // the last region this worker joined
  for (;;) {
    int32_t limit = atomic_load_explicit(&spin_limit, memory_order_relaxed);
    uint32_t seen = atomic_load(&signal_word);
    uint64_t current = 0;
    for (int32_t spin = 0;; spin++) {
      if (number >= atomic_load_explicit(&workers_kept, memory_order_relaxed)) return NULL;
      current = atomic_load_explicit(&gate, memory_order_relaxed);
      if ((current & open_bit) && current >> 32 != done) break;
      if (spin < limit) {
        pause_briefly();
        continue;
      }
      // `seen` was read before the gate: a region opened since then has changed the signal, so the sleep ends at once.
      atomic_fetch_add(&sleepers, 1);
      if (atomic_load(&signal_word) == seen) sleep_while(seen);
      atomic_fetch_sub(&sleepers, 1);
      seen = atomic_load(&signal_word);
      spin = -1;
    }
    // Acquire: the region's description was written before the gate was opened. If the exchange fails, somebody joined
    // or the region was closed: look again.
    if (!atomic_compare_exchange_strong_explicit(
            &gate, &current, current + 1, memory_order_acquire, memory_order_relaxed))
      continue;
    done = current >> 32;
    take_indices(number + 1, region_count, region_ranges, region_context, region_body);
    // Release: what the bodies wrote is visible to the caller, who reads `left` with acquire.
    atomic_fetch_add_explicit(&left, 1, memory_order_release);
  }
}

/// Brings the number of existing workers to `wanted`. Called while holding `busy`.
static void resize(int32_t wanted) {
  if (wanted < worker_count) {
    atomic_store(&workers_kept, wanted);
    wake_sleepers(INT_MAX);
    for (int32_t i = wanted; i < worker_count; i++) pthread_join(workers[i], NULL);
    worker_count = wanted;
    atomic_store(&workers_kept, most_threads);
  }
  if (wanted == worker_count) return;
  sigset_t all, old;  // signals are for the program's own threads
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  while (worker_count < wanted) {
    if (pthread_create(&workers[worker_count], NULL, work, (void *)(intptr_t)worker_count) != 0) {
      fprintf(stderr, "tapestry: only %d of %d threads could be started\n", worker_count + 1, wanted + 1);
      atomic_store(&thread_count, worker_count + 1);
      break;
    }
    worker_count++;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

// MARK: How many

static int32_t processors(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online < 1 ? 1 : online > most_threads ? most_threads : (int32_t)online;
}

#if defined(__linux__)
static bool read_line(const char *path, char *line, int size) {
  FILE *file = fopen(path, "r");
  if (!file) return false;
  bool ok = fgets(line, size, file) != NULL;
  fclose(file);
  return ok;
}

/// The container's share of processors, rounded up, or 0 if there is no limit. Inside a container the cgroup's own
/// files are at the root of the mount.
static int32_t quota(void) {
  char line[128];
  double limit = 0, period = 0;
  if (read_line("/sys/fs/cgroup/cpu.max", line, sizeof line)) {
    if (sscanf(line, "%lf %lf", &limit, &period) != 2) return 0;  // "max 100000"
  } else {
    if (!read_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", line, sizeof line)) return 0;
    limit = atof(line);
    if (!read_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", line, sizeof line)) return 0;
    period = atof(line);
  }
  if (limit <= 0 || period <= 0 || limit / period > most_threads) return 0;
  return (int32_t)((limit + period - 1) / period);
}
#else
static int32_t quota(void) { return 0; }
#endif

static int32_t bounded(long count) { return count < 1 ? 1 : count > most_threads ? most_threads : (int32_t)count; }

static int32_t decide_count(void) {
  const char *asked = getenv("TAPESTRY_THREADS");
  int32_t available = processors(), limit = quota();
  if (limit > 0 && limit < available) available = limit;
  int32_t count = bounded(available);
  if (asked && *asked) {
    char *end;
    long value = strtol(asked, &end, 10);
    if (*end == 0 && value > 0) count = bounded(value);
    else fprintf(stderr, "tapestry: TAPESTRY_THREADS=%s is not a positive number; using %d\n", asked, count);
  }
  // Threads that share a processor must not spin: they would keep each other from running.
  atomic_store(&spin_limit, count > available ? 0 : spins);
  int32_t undecided = 0;
  atomic_compare_exchange_strong(&thread_count, &undecided, count);
  return atomic_load(&thread_count);
}

int32_t tapestry_thread_count(void) {
  int32_t count = atomic_load_explicit(&thread_count, memory_order_relaxed);
  return __builtin_expect(count > 0, 1) ? count : decide_count();
}

void tapestry_set_thread_count(int32_t count) {
  while (atomic_exchange_explicit(&busy, true, memory_order_acquire)) sched_yield();
  count = bounded(count);
  atomic_store(&thread_count, count);
  atomic_store(&spin_limit, count > processors() ? 0 : spins);
  if (count - 1 < worker_count) resize(count - 1);
  atomic_store_explicit(&busy, false, memory_order_release);
}

// MARK: Regions

void tapestry_parallel(int64_t count, void *context, void (*body)(void *context, int64_t index)) {
  // A nested call finds the pool busy, because its outer region holds it.
  if (count <= 1 || tapestry_thread_count() == 1 || atomic_load_explicit(&busy, memory_order_relaxed) ||
      atomic_exchange_explicit(&busy, true, memory_order_acquire)) {
    tapestry_on_caller(count, context, body);
    return;
  }
  int32_t wanted = atomic_load_explicit(&thread_count, memory_order_relaxed) - 1;
  if (worker_count != wanted) resize(wanted);

  region_count = count;
  region_context = context;
  region_body = body;
  // The gate is closed and nobody is inside, so plain order suffices until it opens; opening releases all of the above.
  int64_t used = wanted + 1 < most_ranges ? wanted + 1 : most_ranges;
  if (used > count) used = count;
  region_ranges = used;
  for (int64_t i = 0; i < used; i++)
    atomic_store_explicit(&ranges[i].next, first_of(i, used, count), memory_order_relaxed);
  atomic_store_explicit(&left, 0, memory_order_relaxed);
  uint64_t number = (atomic_load_explicit(&gate, memory_order_relaxed) >> 32) + 1;
  atomic_store_explicit(&gate, (number << 32) | open_bit, memory_order_release);
  wake_sleepers(count - 1 < wanted ? (int32_t)(count - 1) : wanted);

  take_indices(0, count, used, context, body);

  uint32_t joined = (uint32_t)(atomic_fetch_and_explicit(&gate, ~open_bit, memory_order_relaxed) & joined_mask);
  for (int32_t spin = 1; atomic_load_explicit(&left, memory_order_acquire) != joined; spin++) {
    pause_briefly();
    if (spin % 1000 == 0) sched_yield();  // a worker that joined may have lost its processor
  }
  atomic_store_explicit(&busy, false, memory_order_release);
}
