// Which variant of the kernels runs on this processor.
#include "runtime/dispatch.h"
#include "include/tapestry_machine.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
static const char *const names[] = {"avx512", "avx2", "baseline"};
enum { name_count = 3 };

static bool runs_here(int variant) {
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  switch (variant) {
    case TAPESTRY_VARIANT_AVX512:
      return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512cd");
    case TAPESTRY_VARIANT_AVX2: return avx2;
    default: return true;
  }
}
static int variant_at(int position) { return position; }
#else
#if defined(__aarch64__)
static const char *const names[] = {"neon"};
#else
static const char *const names[] = {"baseline"};
#endif
enum { name_count = 1 };
static bool runs_here(int variant) { return variant == TAPESTRY_VARIANT_BASELINE; }
static int variant_at(int position) { return TAPESTRY_VARIANT_BASELINE + position; }
#endif

static _Atomic int chosen = -1;

/// The n-th variant that runs here, best first, or -1.
static int runnable(int32_t n) {
  for (int position = 0; position < name_count; position++)
    if (runs_here(variant_at(position)) && n-- == 0) return position;
  return -1;
}

int32_t tapestry_cpu_variant_count(void) {
  int32_t count = 0;
  while (runnable(count) >= 0) count++;
  return count;
}

const char *tapestry_cpu_variant_name(int32_t index) {
  int position = index < 0 ? -1 : runnable(index);
  return position < 0 ? NULL : names[position];
}

bool tapestry_cpu_select(const char *name) {
  for (int position = 0; position < name_count; position++)
    if (strcmp(names[position], name) == 0 && runs_here(variant_at(position))) {
      atomic_store(&chosen, variant_at(position));
      return true;
    }
  return false;
}

static int choose(void) {
  const char *asked = getenv("TAPESTRY_CPU");
  if (asked && *asked && !tapestry_cpu_select(asked)) {
    fprintf(stderr, "tapestry: TAPESTRY_CPU=%s cannot run here; what can:", asked);
    for (int32_t n = 0; tapestry_cpu_variant_name(n); n++) fprintf(stderr, " %s", tapestry_cpu_variant_name(n));
    fprintf(stderr, "\n");
  }
  int current = atomic_load(&chosen);
  if (current < 0) {
    current = variant_at(runnable(0));
    atomic_store(&chosen, current);
  }
  return current;
}

int tapestry_variant(void) {
  int current = atomic_load_explicit(&chosen, memory_order_relaxed);
  return __builtin_expect(current >= 0, 1) ? current : choose();
}

const char *tapestry_cpu_current(void) {
  int current = tapestry_variant();
  for (int position = 0; position < name_count; position++)
    if (variant_at(position) == current) return names[position];
  return names[name_count - 1];
}
