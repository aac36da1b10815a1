// Options, memory between unreadable pages, comparison. See driver.h.
#define _GNU_SOURCE
#include "driver.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char description[512];
static const char *variant = "", *family = "";

void describe(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(description, sizeof description, format, arguments);
  va_end(arguments);
}

static _Noreturn void fail(const char *format, ...) {
  fprintf(stderr, "%s, %s: %s: ", variant, family, description);
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fprintf(stderr, "\n");
  exit(1);
}

// MARK: Random numbers (splitmix64)

static uint64_t state;

static uint64_t next(void) {
  state += 0x9E3779B97F4A7C15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

int64_t pick(int64_t low, int64_t high) { return low + (int64_t)(next() % (uint64_t)(high - low + 1)); }
bool chance(int64_t times) { return pick(1, times) == 1; }
int32_t pick_dtype(void) { return chance(3) ? TAPESTRY_FLOAT64 : TAPESTRY_FLOAT32; }

// MARK: Memory

enum { slot_count = 24, slot_bytes = 4 << 20, margin = 512 };
typedef struct {
  char *begin;  // of slot_bytes readable bytes between two unreadable pages
  array array;
  size_t bytes;
  bool is_operand, at_end;
} slot;
static slot slots[slot_count];
static int used;

static void map_slots(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  for (int i = 0; i < slot_count; i++) {
    char *all = mmap(NULL, slot_bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(all + page, slot_bytes, PROT_READ | PROT_WRITE) != 0) {
      perror("mmap");
      exit(2);
    }
    slots[i].begin = all + page;
  }
}

static size_t element_bytes(int32_t dtype) {
  return dtype == TAPESTRY_BOOL ? 1 : dtype == TAPESTRY_FLOAT32 || dtype == TAPESTRY_INT32 ? 4 : 8;
}

static void put(array *a, int64_t i, double value) {
  switch (a->dtype) {
    case TAPESTRY_FLOAT32: ((float *)a->memory)[i] = (float)value; break;
    case TAPESTRY_FLOAT64: ((double *)a->memory)[i] = value; break;
    case TAPESTRY_INT32: ((int32_t *)a->memory)[i] = (int32_t)value; break;
    case TAPESTRY_INT64: ((int64_t *)a->memory)[i] = (int64_t)value; break;
    default: ((uint8_t *)a->memory)[i] = (uint8_t)value;
  }
}

static double at(const array *a, int64_t i) {
  switch (a->dtype) {
    case TAPESTRY_FLOAT32: return (double)((const float *)a->memory)[i];
    case TAPESTRY_FLOAT64: return ((const double *)a->memory)[i];
    case TAPESTRY_INT32: return ((const int32_t *)a->memory)[i];
    case TAPESTRY_INT64: return (double)((const int64_t *)a->memory)[i];
    default: return ((const uint8_t *)a->memory)[i];
  }
}

/// The readable bytes beside an array are 0xFF, which is NaN for both floating types.
static array take(int32_t dtype, int64_t count, bool is_operand) {
  size_t bytes = (size_t)count * element_bytes(dtype);
  if (used == slot_count || bytes + margin > slot_bytes) fail("too many or too large arrays in a case");
  slot *s = &slots[used++];
  s->bytes = bytes;
  s->is_operand = is_operand;
  s->at_end = chance(2);
  char *memory = s->at_end ? s->begin + slot_bytes - bytes : s->begin;
  memset(s->at_end ? memory - margin : memory, 0xFF, bytes + margin);
  double *values = calloc((size_t)count + 1, sizeof(double));
  s->array = (array){.dtype = dtype, .count = count, .memory = memory, .values = values};
  return s->array;
}

static void take_back(void) {
  for (int i = 0; i < used; i++) {
    slot *s = &slots[i];
    array *a = &s->array;
    const unsigned char *beside = (unsigned char *)a->memory + (s->at_end ? -margin : (int64_t)s->bytes);
    for (int k = 0; k < margin; k++)
      if (beside[k] != 0xFF) fail("wrote beside array %d", i);
    if (s->is_operand)
      for (int64_t k = 0; k < a->count; k++)
        if (at(a, k) != a->values[k]) fail("changed operand %d at %lld", i, (long long)k);
    free(a->values);
  }
  used = 0;
}

static array filled(int32_t dtype, int64_t count, double low, double high, bool is_operand) {
  array a = take(dtype, count, is_operand);
  for (int64_t i = 0; i < count; i++) {
    put(&a, i, low + (high - low) * ((double)(next() >> 40) * 0x1p-24));
    a.values[i] = at(&a, i);
  }
  return a;
}

array operand_between(int32_t dtype, int64_t count, double low, double high) {
  return filled(dtype, count, low, high, true);
}
array operand(int32_t dtype, int64_t count) { return filled(dtype, count, -0.5, 0.5, true); }
array result_with(int32_t dtype, int64_t count) { return filled(dtype, count, -0.5, 0.5, false); }
array result(int32_t dtype, int64_t count) { return take(dtype, count, false); }

array integers(int32_t dtype, int64_t count, int64_t low, int64_t high) {
  array a = take(dtype, count, true);
  for (int64_t i = 0; i < count; i++) {
    a.values[i] = (double)pick(low, high);
    put(&a, i, a.values[i]);
  }
  return a;
}

// MARK: Comparison

static uint64_t hash;
static double worst;

static void compare(const array *r, double single, double precise, const char *what, bool each) {
  double tolerance = r->dtype == TAPESTRY_FLOAT32 ? single : r->dtype == TAPESTRY_FLOAT64 ? precise : 0, largest = 1;
  for (int64_t i = 0; i < r->count; i++) largest = fmax(largest, fabs(r->values[i]));
  for (int64_t i = 0; i < r->count; i++) {
    double expected = r->values[i], value = at(r, i), unit = each ? fmax(fabs(expected), 0x1p-12) : largest;
    double error = value == expected ? 0 : fabs(value - expected) / unit;
    if (!(error <= tolerance))
      fail(
          "%s: element %lld of %lld is %.17g, expected %.17g (error %g)", what, (long long)i, (long long)r->count,
          value, expected, error);
    if (tolerance > 0 && error / tolerance > worst) worst = error / tolerance;
  }
  const unsigned char *bytes = r->memory;
  for (size_t i = 0; i < (size_t)r->count * element_bytes(r->dtype); i++) hash = (hash ^ bytes[i]) * 0x100000001B3;
}

void check(const array *r, double single, double precise, const char *what) {
  compare(r, single, precise, what, false);
}
void check_each(const array *r, double single, double precise, const char *what) {
  compare(r, single, precise, what, true);
}

// MARK: Running

static const struct {
  const char *name;
  void (*run)(void);
  int share;  // of 100 cases
} families[] = {
    {"convolution", convolution_case, 36},     {"gemm", gemm_case, 16},      {"images", images_case, 14},
    {"normalization", normalization_case, 10}, {"softmax", softmax_case, 5}, {"elements", elements_case, 9},
    {"reduction", reduction_case, 5},          {"copy", copy_case, 5},
};

static void fault(int number, siginfo_t *info, void *context) {
  (void)context;
  fprintf(stderr, "%s, %s: %s: signal %d at %p", variant, family, description, number, info->si_addr);
  for (int i = 0; i < used; i++) {
    int64_t offset = (char *)info->si_addr - (char *)slots[i].array.memory;
    if (offset > -65536 && offset < (int64_t)slots[i].bytes + 65536)
      fprintf(stderr, ", byte %lld of array %d of %zu bytes", (long long)offset, i, slots[i].bytes);
  }
  fprintf(stderr, "\n");
  _exit(1);
}

int main(int count, char **arguments) {
  int64_t cases = 2000, seed = 1;
  const char *only_variant = NULL, *only_family = NULL;
  for (int i = 1; i + 1 < count; i += 2) {
    if (strcmp(arguments[i], "--cases") == 0) cases = atoll(arguments[i + 1]);
    else if (strcmp(arguments[i], "--seed") == 0) seed = atoll(arguments[i + 1]);
    else if (strcmp(arguments[i], "--variant") == 0) only_variant = arguments[i + 1];
    else if (strcmp(arguments[i], "--family") == 0) only_family = arguments[i + 1];
    else {
      fprintf(stderr, "usage: driver [--cases N] [--seed N] [--variant NAME] [--family NAME]\n");
      return 2;
    }
  }
  map_slots();
  struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
  for (int32_t v = 0; v < tapestry_cpu_variant_count(); v++) {
    variant = tapestry_cpu_variant_name(v);
    if (only_variant && strcmp(only_variant, variant) != 0) continue;
    if (!tapestry_cpu_select(variant)) fail("cannot be selected");
    int64_t all = 0;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
      family = families[f].name;
      if (only_family && strcmp(only_family, family) != 0) continue;
      hash = 0xCBF29CE484222325;
      worst = 0;
      int64_t here = only_family ? cases : cases * families[f].share / 100;
      for (int64_t i = 0; i < here; i++) {
        state = (uint64_t)seed * 0x100000000 + (uint64_t)i;
        if (i % 64 == 0) tapestry_set_thread_count((int32_t)pick(1, 3));
        families[f].run();
        take_back();
      }
      all += here;
      printf(
          "%-9s %-14s %7lld cases, largest error %.2f of what is allowed, bits %016llx\n", variant, family,
          (long long)here, worst, (unsigned long long)hash);
      fflush(stdout);
    }
    printf("%-9s %lld cases\n", variant, (long long)all);
  }
  return 0;
}
