// Vector types and memory access for one REAL in one variant; included by reals.h only.
// Comparisons give masks of 0 and -1, and `mask ? a : b` chooses lane by lane.
#include <stdint.h>
#include <string.h>

#undef VECTOR
#undef MASK
#define VECTOR NAME(vector)
#define MASK NAME(mask)
#define INLINE static inline __attribute__((always_inline))

typedef REAL VECTOR __attribute__((ext_vector_type(LANES)));
typedef __typeof__((VECTOR){} < (VECTOR){}) MASK;  // of REAL_INT
/// The same in memory, where it is aligned as an element is.
typedef REAL NAME(unaligned) __attribute__((ext_vector_type(LANES), aligned(sizeof(REAL))));

INLINE VECTOR NAME(load)(const REAL *p) { return *(const NAME(unaligned) *)p; }
INLINE void NAME(store)(REAL *p, VECTOR v) { *(NAME(unaligned) *)p = v; }
INLINE VECTOR NAME(splat)(REAL x) { return (VECTOR)x; }

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

/// The larger lane by lane; NaN if either is NaN.
INLINE VECTOR NAME(larger)(VECTOR a, VECTOR b) {
  VECTOR m = a > b ? a : b;  // b if either is NaN
  return a == a ? m : a;
}
INLINE VECTOR NAME(smaller)(VECTOR a, VECTOR b) {
  VECTOR m = a < b ? a : b;
  return a == a ? m : a;
}
#undef INLINE
