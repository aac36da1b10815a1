// The language in which kernels are written: registers of one REAL in one variant. Included by reals.h only.
//
//   VECTOR, MASK            LANES elements; LANES integers of REAL_INT, 0 or -1, which comparisons give
//   mask ? a : b            chooses lane by lane; scalars mix with vectors as if splat
//   SPLAT(x)                x in every lane
//   NAME(load)(p), NAME(store)(p, v)    whole registers, at any element
//   NAME(load_part), NAME(store_part), NAME(load_up_to), NAME(store_up_to), NAME(load_rest)    the ends of rows
//   FMA(a, b, c)            a b + c of vectors or scalars, rounded once where the processor has an instruction for it
//   NAME(larger), NAME(smaller), NAME(relu)    NaN passes through
//   TUNED(...)              a constant that depends on how many registers there are
//   INLINE                  before a function
//   UNROLLED(int i = 0; i < n; i++)    a loop with constant bounds that is to disappear
// and those of shuffles.h and bits.h.
//
// Reads: a function reads what its comment says and nothing else. A kernel reads its operands' elements only, never
// beyond the first or last of them, even where what it reads there would not matter: an operand may end where its page
// does. It may read on in scratch memory of its own.

#define VECTOR NAME(vector)
#define MASK NAME(mask)
#define INLINE static inline __attribute__((always_inline))
#define UNROLLED(...) _Pragma("clang loop unroll(full)") for (__VA_ARGS__)
#define SPLAT(x) NAME(splat)((REAL)(x))

typedef REAL VECTOR __attribute__((ext_vector_type(LANES)));
typedef __typeof__((VECTOR){} < (VECTOR){}) MASK;  // of REAL_INT
/// The same in memory, where it is aligned as an element is.
typedef REAL NAME(unaligned) __attribute__((ext_vector_type(LANES), aligned(sizeof(REAL))));

INLINE VECTOR NAME(load)(const REAL *p) { return *(const NAME(unaligned) *)p; }
INLINE void NAME(store)(REAL *p, VECTOR v) { *(NAME(unaligned) *)p = v; }
INLINE VECTOR NAME(splat)(REAL x) { return (VECTOR)x; }

#undef FMA
#if HAS_FMA
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))  // a call to the library's fma would be far slower
#endif

/// A size of a loop's block of registers: for processors with 32 registers, with 16 and fused multiply-adds, with 16
/// without.
#define TUNED(many, fused, plain) (VECTOR_REGISTERS == 32 ? (many) : HAS_FMA ? (fused) : (plain))

/// The first `count` < LANES elements, the other lanes filled with `rest`: nothing beyond them is read.
INLINE VECTOR NAME(load_part)(const REAL *p, int64_t count, REAL rest) {
#if VARIANT_AVX512 && IS_DOUBLE
  return (VECTOR)_mm512_mask_loadu_pd((__m512d)NAME(splat)(rest), (__mmask8)((1u << count) - 1), p);
#elif VARIANT_AVX512
  return (VECTOR)_mm512_mask_loadu_ps((__m512)NAME(splat)(rest), (__mmask16)((1u << count) - 1), p);
#else
  REAL lanes[LANES];
  for (int i = 0; i < LANES; i++) lanes[i] = rest;
  for (int64_t i = 0; i < count; i++) lanes[i] = p[i];
  return NAME(load)(lanes);
#endif
}

/// Writes the first `count` < LANES lanes and nothing beyond.
INLINE void NAME(store_part)(REAL *p, int64_t count, VECTOR v) {
#if VARIANT_AVX512 && IS_DOUBLE
  _mm512_mask_storeu_pd(p, (__mmask8)((1u << count) - 1), (__m512d)v);
#elif VARIANT_AVX512
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
#else
  REAL lanes[LANES];
  NAME(store)(lanes, v);
  for (int64_t i = 0; i < count; i++) p[i] = lanes[i];
#endif
}

/// As load_part and store_part, for any count >= 1: whole vectors when they fit.
INLINE VECTOR NAME(load_up_to)(const REAL *p, int64_t count, REAL rest) {
  return count >= LANES ? NAME(load)(p) : NAME(load_part)(p, count, rest);
}
INLINE void NAME(store_up_to)(REAL *p, int64_t count, VECTOR v) {
  if (count >= LANES) NAME(store)(p, v);
  else NAME(store_part)(p, count, v);
}

/// Of `count` >= LANES elements the last count % LANES, in the last lanes, zeros before.
INLINE VECTOR NAME(load_rest)(const REAL *p, int64_t count) {
  static const REAL_INT masks[2 * LANES] = {[LANES... 2 * LANES - 1] = -1};
  MASK mask;
  __builtin_memcpy(&mask, masks + count % LANES, sizeof(mask));
  return (VECTOR)((MASK)NAME(load)(p + count - LANES) & mask);
}

/// The larger lane by lane; NaN if either is NaN.
INLINE VECTOR NAME(larger)(VECTOR a, VECTOR b) {
  VECTOR m = a > b ? a : b;  // b if either is NaN
  return a == a ? m : a;
}
INLINE VECTOR NAME(smaller)(VECTOR a, VECTOR b) {
  VECTOR m = a < b ? a : b;
  return a == a ? m : a;
}

/// max(x, 0), NaN passing through; -0 stays -0.
INLINE VECTOR NAME(relu)(VECTOR x) { return SPLAT(0) > x ? SPLAT(0) : x; }

#include "vector/bits.h"
#include "vector/shuffles.h"
