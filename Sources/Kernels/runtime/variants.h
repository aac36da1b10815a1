// Compiles one kernel source several times in the same translation unit, once per instruction set.
//
//   #define KERNEL_SOURCE "images/sampling_kernel.h"
//   #include "runtime/variants.h"
//
// includes sampling_kernel.h with these macros set anew each time:
//   VARIANT(name)      name with the variant's suffix, for every function and type the source defines
//   VECTOR_BYTES       width of the widest register: 64, 32 or 16
//   VECTOR_REGISTERS   how many there are: 32 or 16
//   HAS_FMA            1 where there is an instruction for a b + c
//   HAS_MASKS          1 where loads and stores of a part of a register cost no more than whole ones
//   VARIANT_AVX512, VARIANT_AVX2, VARIANT_BASELINE, VARIANT_NEON   exactly one of them is 1; for vector/ alone
// Kernels of float64 and float32 pass through vector/reals.h, which says how. The target attribute stands around the
// include, so the package needs no compiler flags. Vectors must not cross a function boundary outside it (the calling
// convention would differ).
//
// A source that takes long to compile has a translation unit per variant, which defines ONLY_AVX512, ONLY_AVX2 or
// ONLY_BASELINE first and gets that variant alone (NEON is the baseline of arm64); its kernels are then not static, and
// DECLARE_VARIANTS declares them.
//
// DISPATCH(name) is then an expression: the pointer to the variant of `name` that runs here.
//
// Another processor is an entry here, its name in dispatch.h and machine.c, and what its instructions do better in
// vector/.

#include "runtime/dispatch.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(ONLY_AVX512) || defined(ONLY_AVX2) || defined(ONLY_BASELINE)
#define ONLY_ONE 1
#else
#define ONLY_ONE 0
#endif

#if defined(__x86_64__) && (!ONLY_ONE || defined(ONLY_AVX512))
#define VARIANT(name) name##_avx512
#define VECTOR_BYTES 64
#define VECTOR_REGISTERS 32
#define HAS_FMA 1
#define HAS_MASKS 1
#define VARIANT_AVX512 1
#define VARIANT_AVX2 0
#define VARIANT_BASELINE 0
#define VARIANT_NEON 0
#pragma clang attribute push(                                                                          \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx2,avx,fma,f16c,bmi,bmi2"))), \
    apply_to = function)
#include KERNEL_SOURCE
#pragma clang attribute pop
#include "runtime/variant_end.h"
#endif

#if defined(__x86_64__) && (!ONLY_ONE || defined(ONLY_AVX2))
#define VARIANT(name) name##_avx2
#define VECTOR_BYTES 32
#define VECTOR_REGISTERS 16
#define HAS_FMA 1
#define HAS_MASKS 0
#define VARIANT_AVX512 0
#define VARIANT_AVX2 1
#define VARIANT_BASELINE 0
#define VARIANT_NEON 0
#pragma clang attribute push(__attribute__((target("avx2,avx,fma,f16c,bmi,bmi2"))), apply_to = function)
#include KERNEL_SOURCE
#pragma clang attribute pop
#include "runtime/variant_end.h"
#endif

#if !defined(__aarch64__) && (!ONLY_ONE || defined(ONLY_BASELINE))
#define VARIANT(name) name##_baseline
#define VECTOR_BYTES 16
#define VECTOR_REGISTERS 16
#define HAS_FMA 0
#define HAS_MASKS 0
#define VARIANT_AVX512 0
#define VARIANT_AVX2 0
#define VARIANT_BASELINE 1
#define VARIANT_NEON 0
#include KERNEL_SOURCE
#include "runtime/variant_end.h"

#endif

#if defined(__aarch64__) && (!ONLY_ONE || defined(ONLY_BASELINE))
#define VARIANT(name) name##_baseline
#define VECTOR_BYTES 16
#define VECTOR_REGISTERS 32
#define HAS_FMA 1
#define HAS_MASKS 0
#define VARIANT_AVX512 0
#define VARIANT_AVX2 0
#define VARIANT_BASELINE 0
#define VARIANT_NEON 1
#include KERNEL_SOURCE
#include "runtime/variant_end.h"

#endif

#undef ONLY_ONE
#undef KERNEL_SOURCE
