// Layers whose output channels just fill one or two registers (8 ... 32, such as LeNet's 16), for one variant and element type:
// output channels along the lanes, and a patch of HEIGHT rows by WIDTH neighbouring values of the source broadcast.
//
//   forward          sum over taps:   y[channel lane][pixel of the patch] += w[tap][lane] source[pixel + offset(tap)]
//   weight gradient  sum over pixels: gw[channel lane][tap of the patch]  += gy[pixel][lane] source[tap + offset(pixel)]
//
// One load and HEIGHT x WIDTH broadcasts feed as many FMAs, so both ports are busy, and no lane is spent on the ragged end of a
// narrow image. Patches are 8 x 3, 5 x 5 and 4 x 7 (up to 28 of 32 registers), or as many rows of these widths as 16 registers hold.

#if VARIANT_AVX512 || VARIANT_NEON
#define PATCH_3 8
#define PATCH_5 5
#define PATCH_7 4
#else
#define PATCH_3 4
#define PATCH_5 2
#define PATCH_7 1
#endif
#define PATCH_SUMS 28

INLINE int TYPED(patch_height)(int64_t width) { return width == 3 ? PATCH_3 : width == 5 ? PATCH_5 : PATCH_7; }

/// sums[i][lane] (+)= sum over p < count of vectors[p][lane] rows[i / width][offsets[p] + i % width].
INLINE void TYPED(patch_body)(
    const int height, const int width, int64_t count, const int64_t *offsets, const REAL *vectors, const REAL *const *rows,
    REAL *sums, bool add) {
  V sum[PATCH_SUMS];
  const REAL *row[8];
  UNROLL for (int r = 0; r < height; r++) row[r] = rows[r];
  UNROLL for (int i = 0; i < height * width; i++) sum[i] = (V){0};
  _Pragma("clang loop unroll(disable)") for (int64_t p = 0; p < count; p++) {
    V vector = LOAD(vectors + p * LANES);
    int64_t offset = offsets[p];
    UNROLL for (int r = 0; r < height; r++) UNROLL for (int w = 0; w < width; w++)
      sum[r * width + w] = FMA(SPLAT(row[r][offset + w]), vector, sum[r * width + w]);
  }
  UNROLL for (int i = 0; i < height * width; i++)
    STORE(sums + i * LANES, add ? sum[i] + LOAD(sums + i * LANES) : sum[i]);
}

static void TYPED(patch)(
    int64_t width, int64_t count, const int64_t *offsets, const REAL *vectors, const REAL *const *rows, REAL *sums,
    bool add) {
  if (width == 3) TYPED(patch_body)(PATCH_3, 3, count, offsets, vectors, rows, sums, add);
  else if (width == 5) TYPED(patch_body)(PATCH_5, 5, count, offsets, vectors, rows, sums, add);
  else TYPED(patch_body)(PATCH_7, 7, count, offsets, vectors, rows, sums, add);
}

/// At least three quarters of the lanes carry a channel, and not so many that a matrix product would be better.
INLINE bool TYPED(fills_lanes)(int64_t channels) {
  return channels <= 32 && (channels + LANES - 1) / LANES * LANES * 3 <= channels * 4;
}

/// The width among 3, 5, 7 that covers a row of `columns` with the least overlap; 0 if the row is too short.
INLINE int64_t TYPED(patch_width)(int64_t columns) {
  int64_t best = 0, least = INT64_MAX;
  for (int64_t width = 7; width >= 3; width -= 2) {
    int64_t covered = (columns + width - 1) / width * width;
    if (width <= columns && covered < least) best = width, least = covered;
  }
  return best;
}

/// Rows [count][LANES] of a matrix from its columns: to[k LANES + lane] = from[lane stride + k], zeros in lanes behind `lanes`.
static void TYPED(pack_lanes)(int64_t lanes, int64_t count, const REAL *from, int64_t stride, REAL *to) {
  int64_t k = 0;
  for (; k + LANES <= count; k += LANES) {
    V square[LANES];
    UNROLL for (int i = 0; i < LANES; i++) square[i] = i < lanes ? LOAD(from + i * stride + k) : (V){0};
    TYPED(transpose)(square);
    UNROLL for (int i = 0; i < LANES; i++) STORE(to + (k + i) * LANES, square[i]);
  }
  for (; k < count; k++)
    for (int i = 0; i < LANES; i++) to[k * LANES + i] = i < lanes ? from[i * stride + k] : 0;
}
