// Lanes as bits and as bytes: see vectors.h.

/// Bit q says whether lane q is greater than 0.
INLINE uint32_t NAME(positive_bits)(VECTOR v) {
#if VARIANT_AVX512 && IS_DOUBLE
  return _mm512_cmp_pd_mask((__m512d)v, _mm512_setzero_pd(), _CMP_GT_OQ);
#elif VARIANT_AVX512
  return _mm512_cmp_ps_mask((__m512)v, _mm512_setzero_ps(), _CMP_GT_OQ);
#elif VARIANT_AVX2 && IS_DOUBLE
  return (uint32_t)_mm256_movemask_pd((__m256d)(v > SPLAT(0)));
#elif VARIANT_AVX2
  return (uint32_t)_mm256_movemask_ps((__m256)(v > SPLAT(0)));
#elif defined(__x86_64__) && IS_DOUBLE
  return (uint32_t)_mm_movemask_pd((__m128d)(v > SPLAT(0)));
#elif defined(__x86_64__)
  return (uint32_t)_mm_movemask_ps((__m128)(v > SPLAT(0)));
#else
  MASK bit;
  for (int q = 0; q < LANES; q++) bit[q] = (REAL_INT)1 << q;
  return (uint32_t)__builtin_reduce_add((v > SPLAT(0)) & bit);
#endif
}

/// The lanes whose bit is set, 0 in the others.
INLINE VECTOR NAME(where_set)(uint32_t bits, VECTOR v) {
#if VARIANT_AVX512 && IS_DOUBLE
  return (VECTOR)_mm512_maskz_mov_pd((__mmask8)bits, (__m512d)v);
#elif VARIANT_AVX512
  return (VECTOR)_mm512_maskz_mov_ps((__mmask16)bits, (__m512)v);
#else
  MASK bit;
  for (int q = 0; q < LANES; q++) bit[q] = (REAL_INT)1 << q;
  return ((MASK)(REAL_INT)bits & bit) == bit ? v : SPLAT(0);
#endif
}

typedef uint8_t NAME(bytes) __attribute__((ext_vector_type(LANES), aligned(1)));

/// The first `count` numbers as bytes, or all of them.
INLINE void NAME(store_bytes)(uint8_t *to, int64_t count, MASK numbers) {
#if VARIANT_AVX512 && IS_DOUBLE
  _mm512_mask_cvtepi64_storeu_epi8(to, (__mmask8)(count < LANES ? (1u << count) - 1 : 255), (__m512i)numbers);
#elif VARIANT_AVX512
  _mm512_mask_cvtepi32_storeu_epi8(to, (__mmask16)(count < LANES ? (1u << count) - 1 : 65535), (__m512i)numbers);
#else
  NAME(bytes) narrow = __builtin_convertvector(numbers, NAME(bytes));
  if (count >= LANES) *(NAME(bytes) *)to = narrow;
  else
    for (int64_t q = 0; q < count; q++) to[q] = narrow[q];
#endif
}

/// The way back; 0 in lanes from `count` on.
INLINE MASK NAME(load_bytes)(const uint8_t *from, int64_t count) {
#if VARIANT_AVX512
  __m128i narrow = _mm_maskz_loadu_epi8((__mmask16)(count < LANES ? (1u << count) - 1 : (1u << LANES) - 1), from);
  return (MASK)(IS_DOUBLE ? _mm512_cvtepu8_epi64(narrow) : _mm512_cvtepu8_epi32(narrow));
#else
  NAME(bytes) narrow = (NAME(bytes))(uint8_t)0;
  if (count >= LANES) narrow = *(const NAME(bytes) *)from;
  else
    for (int64_t q = 0; q < count; q++) narrow[q] = from[q];
  return __builtin_convertvector(narrow, MASK);
#endif
}
