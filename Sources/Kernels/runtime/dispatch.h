// Which variant of the kernels runs: see variants.h.
#ifndef TAPESTRY_DISPATCH_H
#define TAPESTRY_DISPATCH_H

enum { TAPESTRY_VARIANT_AVX512 = 0, TAPESTRY_VARIANT_AVX2 = 1, TAPESTRY_VARIANT_BASELINE = 2 };

/// The variant in use, decided at first call (machine.c). On arm64 the baseline build is the NEON one.
int tapestry_variant(void);

#if defined(__x86_64__)
#define DISPATCH(name)                                        \
  (tapestry_variant() == TAPESTRY_VARIANT_AVX512 ? name##_avx512 \
   : tapestry_variant() == TAPESTRY_VARIANT_AVX2 ? name##_avx2   \
                                                 : name##_baseline)
#else
#define DISPATCH(name) name##_baseline
#endif

#endif
