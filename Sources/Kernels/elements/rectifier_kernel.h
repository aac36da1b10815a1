// max(x, 0) and its gradient by a mask of bits, for one REAL: see rectifier.c.

#define INLINE static inline __attribute__((always_inline))

/// Bit q says whether lane q is greater than 0.
INLINE uint32_t NAME(positive_bits)(VECTOR v) {
#if VARIANT_AVX512 && IS_DOUBLE
  return _mm512_cmp_pd_mask((__m512d)v, _mm512_setzero_pd(), _CMP_GT_OQ);
#elif VARIANT_AVX512
  return _mm512_cmp_ps_mask((__m512)v, _mm512_setzero_ps(), _CMP_GT_OQ);
#elif VARIANT_AVX2 && IS_DOUBLE
  return (uint32_t)_mm256_movemask_pd((__m256d)(v > NAME(splat)(0)));
#elif VARIANT_AVX2
  return (uint32_t)_mm256_movemask_ps((__m256)(v > NAME(splat)(0)));
#elif defined(__x86_64__) && IS_DOUBLE
  return (uint32_t)_mm_movemask_pd((__m128d)(v > NAME(splat)(0)));
#elif defined(__x86_64__)
  return (uint32_t)_mm_movemask_ps((__m128)(v > NAME(splat)(0)));
#else
  MASK bit;
  for (int q = 0; q < LANES; q++) bit[q] = (REAL_INT)1 << q;
  return (uint32_t)__builtin_reduce_add((v > NAME(splat)(0)) & bit);
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
  return ((MASK)(REAL_INT)bits & bit) == bit ? v : NAME(splat)(0);
#endif
}

static void NAME(relu_masked)(int64_t n, const REAL *x, REAL *y, uint32_t *mask) {
  const VECTOR zero = NAME(splat)(0);
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    uint32_t bits = 0;
    for (int q = 0; q < 32; q += LANES) {
      VECTOR v = NAME(load)(x + i + q);
      bits |= NAME(positive_bits)(v) << q;
      NAME(store)(y + i + q, zero > v ? zero : v);
    }
    mask[i / 32] = bits;
  }
  if (i == n) return;
  uint32_t bits = 0;
  for (int64_t q = 0; i + q < n; q += LANES) {
    VECTOR v = NAME(load_up_to)(x + i + q, n - i - q, 0);
    bits |= NAME(positive_bits)(v) << q;
    NAME(store_up_to)(y + i + q, n - i - q, zero > v ? zero : v);
  }
  mask[i / 32] = bits;
}

static void NAME(relu_masked_gradient)(int64_t n, const REAL *g, const uint32_t *mask, REAL *gx) {
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    uint32_t bits = mask[i / 32];
    for (int q = 0; q < 32; q += LANES)
      NAME(store)(gx + i + q, NAME(where_set)(bits >> q, NAME(load)(g + i + q)));
  }
  for (int64_t q = 0; i + q < n; q += LANES) {
    VECTOR v = NAME(load_up_to)(g + i + q, n - i - q, 0);
    NAME(store_up_to)(gx + i + q, n - i - q, NAME(where_set)(mask[i / 32] >> q, v));
  }
}
#undef INLINE
