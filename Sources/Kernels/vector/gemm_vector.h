// The vector type of one variant and one element type, for the matrix product and the convolution.
// No include guard: included once per variant and element type, with REAL, REAL_BYTES and TYPED(name) defined.
//   V       a register of LANES elements, naturally aligned
//   LOAD    unaligned load, STORE unaligned store, SPLAT one value in all lanes, FMA(a, b, c) = a b + c

#define LANES (VECTOR_BYTES / REAL_BYTES)
#define V TYPED(vector)
#define V_UNALIGNED TYPED(vector_unaligned)
#define V_MASK TYPED(vector_mask)

typedef REAL V __attribute__((vector_size(VECTOR_BYTES)));
typedef REAL V_UNALIGNED __attribute__((vector_size(VECTOR_BYTES), aligned(REAL_BYTES), may_alias));
#if REAL_BYTES == 4
typedef int32_t V_MASK __attribute__((vector_size(VECTOR_BYTES)));
#else
typedef int64_t V_MASK __attribute__((vector_size(VECTOR_BYTES)));
#endif

#define LOAD(pointer) (*(const V_UNALIGNED *)(pointer))
#define STORE(pointer, value) (*(V_UNALIGNED *)(pointer) = (value))
// x - 0 is x for every x, -0 included; x + 0 is not, and costs a real addition.
#define SPLAT(x) ((x) - (V){0})
#if VARIANT_BASELINE
#define FMA(a, b, c) ((a) * (b) + (c))  // a call to the library's fma would be far slower
#else
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#endif
#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("clang loop unroll(full)")

// The four ways of merging two registers that transposition and summation are built from.
#if LANES == 16
#define LOW_HALVES(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_HALVES(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#elif LANES == 8
#define LOW_HALVES(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_HALVES(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#elif LANES == 4
#define LOW_HALVES(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH_HALVES(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#else
#define LOW_HALVES(a, b) __builtin_shufflevector(a, b, 0, 2)
#define HIGH_HALVES(a, b) __builtin_shufflevector(a, b, 1, 3)
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3)
#endif

/// Transposes a square of LANES registers: log2(LANES) rounds, each a perfect shuffle of rows.
INLINE void TYPED(transpose)(V *square) {
  V other[LANES];
  UNROLL for (int round = 1; round < LANES; round *= 2) {
    UNROLL for (int i = 0; i < LANES / 2; i++) {
      other[2 * i] = LOW_HALVES(square[i], square[i + LANES / 2]);
      other[2 * i + 1] = HIGH_HALVES(square[i], square[i + LANES / 2]);
    }
    UNROLL for (int i = 0; i < LANES; i++) square[i] = other[i];
  }
}

/// Lane i of the result is the sum of the lanes of rows[i], for `count` <= LANES rows: a tree that halves the rows each round.
INLINE V TYPED(sum_each)(const V *rows, const int count) {
  V tree[LANES];
  UNROLL for (int i = 0; i < LANES; i++) tree[i] = i < count ? rows[i] : (V){0};
  UNROLL for (int left = LANES / 2; left > 0; left /= 2)
    UNROLL for (int i = 0; i < left; i++) {
      V a = tree[2 * i], b = tree[2 * i + 1];
      tree[i] = EVENS(a, b) + ODDS(a, b);
    }
  return tree[0];
}

/// max(x, 0), NaN passing through.
INLINE V TYPED(relu)(V x) { return (V)((V_MASK)x & ~(V_MASK)(x < 0)); }

/// The first `count` < LANES elements at `from`, zeros behind.
INLINE V TYPED(load_part)(const REAL *from, int64_t count) {
#if VARIANT_AVX512 && REAL_BYTES == 4
  return (V)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#elif VARIANT_AVX512
  return (V)_mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1), from);
#else
  REAL part[LANES] __attribute__((aligned(VECTOR_BYTES))) = {0};
  for (int64_t i = 0; i < count; i++) part[i] = from[i];
  return *(const V *)part;
#endif
}

/// Of `count` >= LANES elements at `from` the last count % LANES, in the last lanes, zeros before.
INLINE V TYPED(load_rest)(const REAL *from, int64_t count) {
#if REAL_BYTES == 4
  static const int32_t masks[2 * LANES] = {
#else
  static const int64_t masks[2 * LANES] = {
#endif
    [LANES ... 2 * LANES - 1] = -1,
  };
  V_MASK mask;
  __builtin_memcpy(&mask, masks + count % LANES, sizeof(mask));
  return (V)((V_MASK)LOAD(from + count - LANES) & mask);
}

/// Writes the first `count` < LANES lanes and nothing beyond.
INLINE void TYPED(store_part)(REAL *to, V value, int64_t count) {
#if VARIANT_AVX512 && REAL_BYTES == 4
  _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)value);
#elif VARIANT_AVX512
  _mm512_mask_storeu_pd(to, (__mmask8)((1u << count) - 1), (__m512d)value);
#else
  REAL part[LANES] __attribute__((aligned(VECTOR_BYTES)));
  *(V *)part = value;
  for (int64_t i = 0; i < count; i++) to[i] = part[i];
#endif
}
