// Which variant of the kernels runs: see variants.h.
#ifndef TAPESTRY_DISPATCH_H
#define TAPESTRY_DISPATCH_H

enum { TAPESTRY_VARIANT_AVX512 = 0, TAPESTRY_VARIANT_AVX2 = 1, TAPESTRY_VARIANT_BASELINE = 2 };

/// The variant in use, decided at first call (machine.c). On arm64 the baseline build is the NEON one.
int tapestry_variant(void);

/// What translation units of the kernels share, and no other library sees.
#define INTERNAL __attribute__((visibility("hidden")))

/// Declares a kernel of every variant, for sources that are compiled in a unit per variant.
#if defined(__x86_64__)
#define DECLARE_VARIANTS(name, parameters) \
  INTERNAL void name##_avx512 parameters;  \
  INTERNAL void name##_avx2 parameters;    \
  INTERNAL void name##_baseline parameters;
#else
#define DECLARE_VARIANTS(name, parameters) INTERNAL void name##_baseline parameters;
#endif

#if defined(__x86_64__)
#define DISPATCH(name)                                           \
  (tapestry_variant() == TAPESTRY_VARIANT_AVX512 ? name##_avx512 \
   : tapestry_variant() == TAPESTRY_VARIANT_AVX2 ? name##_avx2   \
                                                 : name##_baseline)
#else
#define DISPATCH(name) name##_baseline
#endif

#endif
