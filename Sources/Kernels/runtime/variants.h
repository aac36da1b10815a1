// Compiles one kernel source several times in the same translation unit, once per instruction set.
//
//   #define KERNEL_SOURCE "gemm/gemm_kernel.h"
//   #include "runtime/variants.h"
//
// includes gemm_kernel.h with these macros set anew each time:
//   VARIANT(name)   name with the variant's suffix, for every function and type the source defines
//   VECTOR_BYTES    width of the widest register: 64, 32 or 16
//   VARIANT_AVX512, VARIANT_AVX2, VARIANT_BASELINE, VARIANT_NEON   exactly one of them is 1
// The target attribute stands around the include, so the package needs no compiler flags. Vectors must not
// cross a function boundary outside it (the calling convention would differ).
//
// DISPATCH(name) is then an expression: the pointer to the variant of `name` that runs here.

#include "runtime/dispatch.h"

#if defined(__x86_64__)

#define VARIANT(name) name##_avx512
#define VECTOR_BYTES 64
#define VARIANT_AVX512 1
#define VARIANT_AVX2 0
#define VARIANT_BASELINE 0
#define VARIANT_NEON 0
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx2,avx,fma,f16c,bmi,bmi2"))), apply_to = function)
#include KERNEL_SOURCE
#pragma clang attribute pop
#undef VARIANT
#undef VECTOR_BYTES
#undef VARIANT_AVX512
#undef VARIANT_AVX2

#define VARIANT(name) name##_avx2
#define VECTOR_BYTES 32
#define VARIANT_AVX512 0
#define VARIANT_AVX2 1
#pragma clang attribute push(__attribute__((target("avx2,avx,fma,f16c,bmi,bmi2"))), apply_to = function)
#include KERNEL_SOURCE
#pragma clang attribute pop
#undef VARIANT
#undef VECTOR_BYTES
#undef VARIANT_AVX2
#undef VARIANT_BASELINE

#define VARIANT(name) name##_baseline
#define VECTOR_BYTES 16
#define VARIANT_AVX2 0
#define VARIANT_BASELINE 1
#include KERNEL_SOURCE

#else

#define VARIANT(name) name##_baseline
#define VECTOR_BYTES 16
#define VARIANT_AVX512 0
#define VARIANT_AVX2 0
#if defined(__aarch64__)
#define VARIANT_BASELINE 0
#define VARIANT_NEON 1
#else
#define VARIANT_BASELINE 1
#define VARIANT_NEON 0
#endif
#include KERNEL_SOURCE

#endif

#undef VARIANT
#undef VECTOR_BYTES
#undef VARIANT_AVX512
#undef VARIANT_AVX2
#undef VARIANT_BASELINE
#undef VARIANT_NEON
#undef KERNEL_SOURCE
