// The innermost loops of the matrix product, for one REAL (see vector/vectors.h).
//
// tile:  C[rows, width] = sum over p of a[p as + i] b[p bs + j]: vectors over the columns, a broadcast. The whole block
//        of C stays in registers: of 32 registers 9 x 3 (AVX-512) or 8 x 2 (NEON), of 16 registers 6 x 2 (AVX2) or
//        4 x 2 (no FMA: a product needs one more). With 9 x 3 three loads and nine broadcasts feed 27 FMAs: fewer
//        instructions for an FMA than with 14 x 2, which is felt where another thread shares the core.
// wide:  the same for the fewest rows, where 2 or 3 vectors per row would wait for the latency of the FMA.
// dot:   sums of products of contiguous rows: vectors along the sum, reduced at the end. Six (AVX-512) rows
//        against four: 10 loads feed 24 FMAs, and neither operand is rearranged.

INLINE void NAME(tile_step)(
    const int rows, const int vectors, const REAL *a, const REAL *b, VECTOR sum[][WIDE_VECTORS]) {
  VECTOR row[WIDE_VECTORS];
  UNROLLED (int v = 0; v < vectors; v++) row[v] = NAME(load)(b + v * LANES);
  UNROLLED (int i = 0; i < rows; i++) {
    VECTOR value = SPLAT(a[i]);
    UNROLLED (int v = 0; v < vectors; v++) sum[i][v] = FMA(value, row[v], sum[i][v]);
  }
}

INLINE void NAME(tile_body)(
    const int rows, const int vectors, int64_t k, const REAL *a, int64_t as, const REAL *b, int64_t bs, REAL *c,
    int64_t ldc, bool add, const NAME(ahead) *ahead) {
  VECTOR sum[TILE_ROWS][WIDE_VECTORS];
  UNROLLED (int i = 0; i < rows; i++)
    UNROLLED (int v = 0; v < vectors; v++) sum[i][v] = SPLAT(0);
  const REAL *target = ahead->target, *source = ahead->source;
  int64_t every = ahead->every, target_stride = ahead->target_stride, source_stride = ahead->source_stride;
  int64_t far = ahead->source_far;
  while (k >= TILE_STEPS) {
    UNROLLED (int v = 0; v < vectors; v += 64 / VECTOR_BYTES) __builtin_prefetch(target + v * LANES, 0, 2);
    target += target_stride;
    UNROLLED (int v = 0; v < TILE_VECTORS; v += 64 / VECTOR_BYTES) __builtin_prefetch(source + v * far, 0, 2);
    source += source_stride;
    int64_t here = every;
#pragma clang loop unroll(disable)
    do {
      UNROLLED (int step = 0; step < TILE_STEPS; step++, a += as, b += bs) NAME(tile_step)(rows, vectors, a, b, sum);
      k -= TILE_STEPS;
    } while (--here > 0 && k >= TILE_STEPS);
  }
#pragma clang loop unroll(disable)
  for (; k > 0; k--, a += as, b += bs) NAME(tile_step)(rows, vectors, a, b, sum);
  if (add) {
    UNROLLED (int i = 0; i < rows; i++)
      UNROLLED (int v = 0; v < vectors; v++)
        NAME(store)(c + i * ldc + v * LANES, sum[i][v] + NAME(load)(c + i * ldc + v * LANES));
  } else {
    UNROLLED (int i = 0; i < rows; i++)
      UNROLLED (int v = 0; v < vectors; v++) NAME(store)(c + i * ldc + v * LANES, sum[i][v]);
  }
}

#define TILE(rows, vectors, name)                                                                      \
  static void NAME(tile_##rows##_##name)(                                                              \
      int64_t k, const REAL *a, int64_t as, const REAL *b, int64_t bs, REAL *c, int64_t ldc, bool add, \
      const NAME(ahead) *ahead) {                                                                      \
    NAME(tile_body)(rows, vectors, k, a, as, b, bs, c, ldc, add, ahead);                               \
  }
#define TILES_UP_TO_4(vectors, name) \
  TILE(1, vectors, name) TILE(2, vectors, name) TILE(3, vectors, name) TILE(4, vectors, name)
#if TILE_ROWS == 9
#define TILES(vectors)            \
  TILES_UP_TO_4(vectors, vectors) \
  TILE(5, vectors, vectors)       \
  TILE(6, vectors, vectors) TILE(7, vectors, vectors) TILE(8, vectors, vectors) TILE(9, vectors, vectors)
#elif TILE_ROWS == 8
#define TILES(vectors)            \
  TILES_UP_TO_4(vectors, vectors) \
  TILE(5, vectors, vectors) TILE(6, vectors, vectors) TILE(7, vectors, vectors) TILE(8, vectors, vectors)
#elif TILE_ROWS == 6
#define TILES(vectors) TILES_UP_TO_4(vectors, vectors) TILE(5, vectors, vectors) TILE(6, vectors, vectors)
#else
#define TILES(vectors) TILES_UP_TO_4(vectors, vectors)
#endif
#if WIDE_ROWS == 3
#define WIDE_TILES TILE(1, WIDE_VECTORS, wide) TILE(2, WIDE_VECTORS, wide) TILE(3, WIDE_VECTORS, wide)
#else
#define WIDE_TILES TILE(1, WIDE_VECTORS, wide) TILE(2, WIDE_VECTORS, wide)
#endif
// clang-format off
TILES(1) TILES(2)
#if TILE_VECTORS > 2
TILES(3)
#endif
WIDE_TILES
#undef TILE

/// tiles[vectors - 1][rows - 1]
const NAME(tile) NAME(tapestry_tiles)[TILE_VECTORS][TILE_ROWS] = {
#define TILE(rows, vectors, name) NAME(tile_##rows##_##name),
  {TILES(1)}, {TILES(2)},
#if TILE_VECTORS > 2
  {TILES(3)},
#endif
};
// clang-format on
static const NAME(tile) NAME(wide_tiles)[WIDE_ROWS] = {WIDE_TILES};
#undef TILE
#undef TILES_UP_TO_4
#undef TILES
#undef WIDE_TILES

/// sums[i columns + j] = sum over p < k of a[i lda + p] b[j][p]. Behind the last whole vector both operands are masked:
/// a lane counted before would spoil the sum if it held an infinity. A row at `ahead` is brought to the cache
/// meanwhile.
INLINE void NAME(dot_body)(
    const int rows, const int columns, int64_t k, const REAL *a, int64_t lda, const REAL *const *b, const REAL *ahead,
    REAL *sums) {
  VECTOR sum[DOT_ROWS * DOT_COLUMNS];
  UNROLLED (int i = 0; i < rows * columns; i++) sum[i] = SPLAT(0);
  const REAL *as[DOT_ROWS], *bs[DOT_COLUMNS];
  UNROLLED (int i = 0; i < rows; i++) as[i] = a + i * lda;
  UNROLLED (int j = 0; j < columns; j++) bs[j] = b[j];
  int64_t p = 0;
#pragma clang loop unroll(disable)
  for (; p + LANES <= k; p += LANES) {
    VECTOR left[DOT_ROWS];
    __builtin_prefetch(ahead + p);
    UNROLLED (int i = 0; i < rows; i++) left[i] = NAME(load)(as[i] + p);
    UNROLLED (int j = 0; j < columns; j++) {
      VECTOR right = NAME(load)(bs[j] + p);
      UNROLLED (int i = 0; i < rows; i++) sum[i * columns + j] = FMA(left[i], right, sum[i * columns + j]);
    }
  }
  if (p < k) {
    VECTOR left[DOT_ROWS];
    UNROLLED (int i = 0; i < rows; i++) left[i] = k >= LANES ? NAME(load_rest)(as[i], k) : NAME(load_part)(as[i], k, 0);
    UNROLLED (int j = 0; j < columns; j++) {
      VECTOR right = k >= LANES ? NAME(load_rest)(bs[j], k) : NAME(load_part)(bs[j], k, 0);
      UNROLLED (int i = 0; i < rows; i++) sum[i * columns + j] = FMA(left[i], right, sum[i * columns + j]);
    }
  }
  UNROLLED (int i = 0; i < rows * columns; i += LANES) {
    const int count = rows * columns - i < LANES ? rows * columns - i : LANES;
    NAME(store)(sums + i, NAME(sum_each)(sum + i, count));
  }
}

#define DOT(rows, columns)                                                                          \
  static void NAME(dot_##rows##_##columns)(                                                         \
      int64_t k, const REAL *a, int64_t lda, const REAL *const *b, const REAL *ahead, REAL *sums) { \
    NAME(dot_body)(rows, columns, k, a, lda, b, ahead, sums);                                       \
  }
#define DOTS(rows) DOT(rows, 1) DOT(rows, 2) DOT(rows, 3) DOT(rows, 4)
// clang-format off
DOTS(1) DOTS(2)
#if DOT_ROWS > 2
DOTS(3)
#endif
#if DOT_ROWS > 3
DOTS(4)
#endif
#if DOT_ROWS > 4
DOTS(5) DOTS(6)
#endif
#undef DOT
#undef DOTS

/// dots[rows - 1][columns - 1]
const NAME(dot) NAME(tapestry_dots)[DOT_ROWS][DOT_COLUMNS] = {
#define DOTS(rows) {NAME(dot_##rows##_1), NAME(dot_##rows##_2), NAME(dot_##rows##_3), NAME(dot_##rows##_4)},
  DOTS(1) DOTS(2)
#if DOT_ROWS > 2
  DOTS(3)
#endif
#if DOT_ROWS > 3
  DOTS(4)
#endif
#if DOT_ROWS > 4
  DOTS(5) DOTS(6)
#endif
#undef DOTS
};
// clang-format on
