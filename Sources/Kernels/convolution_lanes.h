// Output channels along the lanes, for one variant and element type: forward where they just fill one or two registers (8 ... 32, such
// as LeNet's 16), weight gradients of all layers that fill registers, and the products of Winograd's method. A patch of HEIGHT rows by WIDTH neighbouring
// values of the source is broadcast.
//
//   forward          sum over taps:   y[channel lane][pixel of the patch] += w[tap][lane] source[pixel + offset(tap)]
//   weight gradient  sum over pixels: gw[channel lane][tap of the patch]  += gy[pixel][lane] source[tap + offset(pixel)]
//
// One or two registers of channels and HEIGHT x WIDTH broadcasts feed as many (twice as many) FMAs, so both ports are busy, and no
// lane is spent on the ragged end of a narrow image. A patch is HEIGHT rows of taps (each with an address of its own, which is what
// limits them: there are 16 address registers) by WIDTH neighbours; a column is a patch of width 1 whose rows are equally far apart.

#define PATCH_SUMS 28  // registers of sums; with 32 of them the rest hold the channels and a broadcast
#if VARIANT_AVX512 || VARIANT_NEON
#define PATCHES(registers, X) \
  X##registers(3, 8, 4) X##registers(5, 5, 2) X##registers(7, 4, 2) X##registers(11, 2, 1) X##registers(1, 8, 6)
#define COLUMN_ROWS 14
#elif VARIANT_AVX2
#define PATCHES(registers, X) \
  X##registers(3, 4, 2) X##registers(5, 2, 1) X##registers(7, 1, 0) X##registers(11, 1, 0) X##registers(1, 8, 6)
#define COLUMN_ROWS 6
#else
#define PATCHES(registers, X) \
  X##registers(3, 4, 1) X##registers(5, 2, 1) X##registers(7, 1, 0) X##registers(11, 1, 0) X##registers(1, 8, 4)
#define COLUMN_ROWS 4
#endif

/// Rows of a patch of this width with 1 or 2 registers of channels; 0: there is no such patch.
INLINE int TYPED(patch_height)(int64_t width, int registers) {
#define HEIGHT1(w, one, two) if (width == w) return registers == 1 ? one : two;
  PATCHES(1, HEIGHT)
#undef HEIGHT1
  return 0;
}

/// sums[i][channels] (+)= sum over p < count of vectors[p][channels] rows[i / width][offsets[p] + i % width].
INLINE void TYPED(patch_body)(
    const int height, const int width, const int registers, int64_t count, const int64_t *offsets, const REAL *vectors,
    const REAL *const *rows, REAL *sums, bool add) {
  V sum[PATCH_SUMS];
  const REAL *row[8];
  UNROLL for (int r = 0; r < height; r++) row[r] = rows[r];
  UNROLL for (int i = 0; i < height * width * registers; i++) sum[i] = (V){0};
  _Pragma("clang loop unroll(disable)") for (int64_t p = 0; p < count; p++, vectors += registers * LANES) {
    V vector[2];
    UNROLL for (int v = 0; v < registers; v++) vector[v] = LOAD(vectors + v * LANES);
    int64_t offset = offsets[p];
    UNROLL for (int r = 0; r < height; r++) UNROLL for (int w = 0; w < width; w++) {
      V value = SPLAT(row[r][offset + w]);
      UNROLL for (int v = 0; v < registers; v++) {
        const int i = (r * width + w) * registers + v;
        sum[i] = FMA(value, vector[v], sum[i]);
      }
    }
  }
  UNROLL for (int i = 0; i < height * width * registers; i++)
    STORE(sums + i * LANES, add ? sum[i] + LOAD(sums + i * LANES) : sum[i]);
}

static void TYPED(patch)(
    int64_t width, int registers, int64_t count, const int64_t *offsets, const REAL *vectors, const REAL *const *rows,
    REAL *sums, bool add) {
#define PATCH1(w, one, two) \
  if (width == w) TYPED(patch_body)(one, w, 1, count, offsets, vectors, rows, sums, add);
#define PATCH2(w, one, two) \
  if (two && width == w) TYPED(patch_body)(two, w, 2, count, offsets, vectors, rows, sums, add);
  if (registers == 1) { PATCHES(1, PATCH) } else { PATCHES(2, PATCH) }
#undef PATCH1
#undef PATCH2
}

/// sums[i sums_stride + channels] (+)= sum over p < count of vectors[p][channels] first[i stride + offsets[p]]. What lies `ahead` of
/// the first row is brought to the cache meanwhile.
INLINE void TYPED(column_body)(
    const int rows, const int registers, int64_t count, const int64_t *offsets, const REAL *vectors, const REAL *first,
    int64_t stride, int64_t ahead, REAL *sums, int64_t sums_stride, bool add) {
  V sum[COLUMN_ROWS][2];
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < registers; v++) sum[r][v] = (V){0};
  // Three addresses and the strides 1, 2, 3, 4 reach 15 rows.
  const REAL *fifth = first + 5 * stride, *tenth = first + 10 * stride;
  int64_t thrice = 3 * stride;
  _Pragma("clang loop unroll(disable)") for (int64_t p = 0; p < count; p++, vectors += registers * LANES) {
    V vector[2];
    UNROLL for (int v = 0; v < registers; v++) vector[v] = LOAD(vectors + v * LANES);
    int64_t offset = offsets[p];
    __builtin_prefetch(first + offset + ahead);
    UNROLL for (int r = 0; r < rows; r++) {
      const REAL *at = (r < 5 ? first : r < 10 ? fifth : tenth) + offset;
      V value = SPLAT(at[r % 5 == 3 ? thrice : r % 5 * stride]);
      UNROLL for (int v = 0; v < registers; v++) sum[r][v] = FMA(value, vector[v], sum[r][v]);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < registers; v++) {
    REAL *to = sums + r * sums_stride + v * LANES;
    STORE(to, add ? sum[r][v] + LOAD(to) : sum[r][v]);
  }
}

typedef void (*TYPED(column))(
    int64_t count, const int64_t *offsets, const REAL *vectors, const REAL *first, int64_t stride, int64_t ahead,
    REAL *sums, int64_t sums_stride, bool add);
#define COLUMN(rows, registers)                                                                                     \
  static void TYPED(column_##rows##_##registers)(                                                                   \
      int64_t count, const int64_t *offsets, const REAL *vectors, const REAL *first, int64_t stride, int64_t ahead, \
      REAL *sums, int64_t sums_stride, bool add) {                                                                  \
    TYPED(column_body)(rows, registers, count, offsets, vectors, first, stride, ahead, sums, sums_stride, add);     \
  }
#define BOTH(rows) COLUMN(rows, 1) COLUMN(rows, 2)
BOTH(1) BOTH(2) BOTH(3) BOTH(4)
#if COLUMN_ROWS > 4
BOTH(5) BOTH(6)
#endif
#if COLUMN_ROWS > 6
BOTH(7) BOTH(8) BOTH(9) BOTH(10) BOTH(11) BOTH(12) BOTH(13) BOTH(14)
#endif
#undef COLUMN
#undef BOTH

/// columns[rows - 1][registers - 1]
static const TYPED(column) TYPED(columns)[COLUMN_ROWS][2] = {
#define BOTH(rows) {TYPED(column_##rows##_1), TYPED(column_##rows##_2)},
  BOTH(1) BOTH(2) BOTH(3) BOTH(4)
#if COLUMN_ROWS > 4
  BOTH(5) BOTH(6)
#endif
#if COLUMN_ROWS > 6
  BOTH(7) BOTH(8) BOTH(9) BOTH(10) BOTH(11) BOTH(12) BOTH(13) BOTH(14)
#endif
#undef BOTH
};

/// At least three quarters of the lanes of whole registers carry a channel.
INLINE bool TYPED(fills_registers)(int64_t channels) {
  return (channels + LANES - 1) / LANES * LANES * 3 <= channels * 4;
}

/// The same, and not so many that a matrix product would be better.
INLINE bool TYPED(fills_lanes)(int64_t channels) { return channels <= 32 && TYPED(fills_registers)(channels); }

/// The width among 3, 5, 7 that covers a row of `columns` with the least overlap; 0 if the row is too short.
INLINE int64_t TYPED(patch_width)(int64_t columns) {
  int64_t best = 0, least = INT64_MAX;
  for (int64_t width = 7; width >= 3; width -= 2) {
    int64_t covered = (columns + width - 1) / width * width;
    if (width <= columns && covered < least) best = width, least = covered;
  }
  return best;
}

/// Rows of a matrix from its columns: to[k to_stride + lane] = from[lane stride + k], zeros in lanes behind `lanes`.
static void TYPED(pack_lanes)(int64_t lanes, int64_t count, const REAL *from, int64_t stride, REAL *to, int64_t to_stride) {
  if (count < LANES) {  // loads overrun a row where others follow
    V square[LANES];
    for (int i = 0; i < LANES; i++) {
      if (i >= lanes) square[i] = (V){0};
      else if (i * stride + LANES <= (lanes - 1) * stride + count) square[i] = LOAD(from + i * stride);
      else square[i] = TYPED(load_part)(from + i * stride, count);
    }
    TYPED(transpose)(square);
    for (int64_t i = 0; i < count; i++) STORE(to + i * to_stride, square[i]);
    return;
  }
  for (int64_t k = 0; k < count; k += LANES) {
    if (k > count - LANES) k = count - LANES;  // the last square overlaps the one before
    V square[LANES];
    if (lanes >= LANES) {
      UNROLL for (int i = 0; i < LANES; i++) square[i] = LOAD(from + i * stride + k);
    } else {
      UNROLL for (int i = 0; i < LANES; i++) square[i] = i < lanes ? LOAD(from + i * stride + k) : (V){0};
    }
    TYPED(transpose)(square);
    UNROLL for (int i = 0; i < LANES; i++) STORE(to + (k + i) * to_stride, square[i]);
  }
}

/// The way back: to[lane to_stride + k] = from[k from_stride + lane] for k < count and lane < lanes <= LANES. Reads LANES rows
/// where there are fewer.
static void TYPED(unpack_lanes)(
    int64_t lanes, int64_t count, const REAL *from, int64_t from_stride, REAL *to, int64_t to_stride) {
  for (int64_t k = 0; k < count; k += LANES) {
    if (k > count - LANES && count >= LANES) k = count - LANES;
    V square[LANES];
    UNROLL for (int i = 0; i < LANES; i++) square[i] = LOAD(from + (k + i) * from_stride);
    TYPED(transpose)(square);
    if (count < LANES) {
      for (int64_t i = 0; i < lanes; i++) TYPED(store_part)(to + i * to_stride, square[i], count);
    } else if (lanes == LANES) {
      UNROLL for (int i = 0; i < LANES; i++) STORE(to + i * to_stride + k, square[i]);
    } else {
      for (int64_t i = 0; i < lanes; i++) STORE(to + i * to_stride + k, square[i]);
    }
  }
}

/// The same from two matrices, interleaved: to[lane to_stride + 2 k] is the first's, to[... + 2 k + 1] the second's. The second has
/// `count` or `count - 1` rows.
static void TYPED(unpack_pairs)(
    int64_t lanes, int64_t count, int64_t second_count, const REAL *first, const REAL *second, int64_t from_stride, REAL *to,
    int64_t to_stride) {
  for (int64_t k = 0; k < count; k += LANES) {
    V even[LANES], odd[LANES];
    UNROLL for (int i = 0; i < LANES; i++) even[i] = LOAD(first + (k + i) * from_stride);
    TYPED(transpose)(even);
    UNROLL for (int i = 0; i < LANES; i++) odd[i] = LOAD(second + (k + i) * from_stride);
    TYPED(transpose)(odd);
    int64_t left = count + second_count - 2 * k;
    for (int64_t i = 0; i < lanes; i++) {
      REAL *at = to + i * to_stride + 2 * k;
      V low = LOW_HALVES(even[i], odd[i]), high = HIGH_HALVES(even[i], odd[i]);
      if (left >= LANES) STORE(at, low);
      else TYPED(store_part)(at, low, left);
      if (left >= 2 * LANES) STORE(at + LANES, high);
      else if (left > LANES) TYPED(store_part)(at + LANES, high, left - LANES);
    }
  }
}
