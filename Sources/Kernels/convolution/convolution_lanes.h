// Output channels along the lanes, for one REAL: forward where they just fill one or two registers (8 ... 32, such
// as LeNet's 16), weight gradients of all layers that fill registers, and the products of Winograd's method. A patch of
// HEIGHT rows by WIDTH neighbouring values of the source is broadcast.
//
//   forward          sum over taps:   y[channel lane][pixel of the patch] += w[tap][lane] source[pixel + offset(tap)]
//   weight gradient  sum over pixels: gw[channel lane][tap of the patch] += gy[pixel][lane] source[tap + offset(pixel)]
//
// One or two registers of channels and HEIGHT x WIDTH broadcasts feed as many (twice as many) FMAs, so both ports are
// busy, and no lane is spent on the ragged end of a narrow image. A patch is HEIGHT rows of taps (each with an address
// of its own, which is what limits them: there are 16 address registers) by WIDTH neighbours; a column (gemm_lanes.h)
// is a patch of width 1 whose rows are equally far apart.

#define PATCH_SUMS 28  // registers of sums; with 32 of them the rest hold the channels and a broadcast
/// X(width, height with one register of channels, with two). 0: there is no such patch.
#define PATCHES(registers, X)                                                                          \
  X##registers(3, TUNED(8, 4, 4), TUNED(4, 2, 1)) X##registers(5, TUNED(5, 2, 2), TUNED(2, 1, 1))      \
      X##registers(7, TUNED(4, 1, 1), TUNED(2, 0, 0)) X##registers(11, TUNED(2, 1, 1), TUNED(1, 0, 0)) \
          X##registers(1, 8, TUNED(6, 6, 4))

/// Rows of a patch of this width with 1 or 2 registers of channels; 0: there is no such patch.
INLINE int NAME(patch_height)(int64_t width, int registers) {
#define HEIGHT1(w, one, two) \
  if (width == w) return registers == 1 ? one : two;
  PATCHES(1, HEIGHT)
#undef HEIGHT1
  return 0;
}

/// sums[i][channels] (+)= sum over p < count of vectors[p][channels] rows[i / width][offsets[p] + i % width].
INLINE void NAME(patch_body)(
    const int height, const int width, const int registers, int64_t count, const int64_t *offsets, const REAL *vectors,
    const REAL *const *rows, REAL *sums, bool add) {
  VECTOR sum[PATCH_SUMS];
  const REAL *row[8];
  UNROLLED (int r = 0; r < height; r++) row[r] = rows[r];
  UNROLLED (int i = 0; i < height * width * registers; i++) sum[i] = SPLAT(0);
#pragma clang loop unroll(disable)
  for (int64_t p = 0; p < count; p++, vectors += registers * LANES) {
    VECTOR vector[2];
    UNROLLED (int v = 0; v < registers; v++) vector[v] = NAME(load)(vectors + v * LANES);
    int64_t offset = offsets[p];
    UNROLLED (int r = 0; r < height; r++)
      UNROLLED (int w = 0; w < width; w++) {
        VECTOR value = SPLAT(row[r][offset + w]);
        UNROLLED (int v = 0; v < registers; v++) {
          const int i = (r * width + w) * registers + v;
          sum[i] = FMA(value, vector[v], sum[i]);
        }
      }
  }
  UNROLLED (int i = 0; i < height * width * registers; i++)
    NAME(store)(sums + i * LANES, add ? sum[i] + NAME(load)(sums + i * LANES) : sum[i]);
}

static void NAME(patch)(
    int64_t width, int registers, int64_t count, const int64_t *offsets, const REAL *vectors, const REAL *const *rows,
    REAL *sums, bool add) {
#define PATCH1(w, one, two) \
  if (width == w) NAME(patch_body)(one, w, 1, count, offsets, vectors, rows, sums, add);
#define PATCH2(w, one, two) \
  if (two && width == w) NAME(patch_body)(two, w, 2, count, offsets, vectors, rows, sums, add);
  if (registers == 1) {
    PATCHES(1, PATCH)
  } else {
    PATCHES(2, PATCH)
  }
#undef PATCH1
#undef PATCH2
}

/// At least three quarters of the lanes of whole registers carry a channel.
INLINE bool NAME(fills_registers)(int64_t channels) {
  return (channels + LANES - 1) / LANES * LANES * 3 <= channels * 4;
}

/// The same, and not so many that a matrix product would be better.
INLINE bool NAME(fills_lanes)(int64_t channels) { return channels <= 32 && NAME(fills_registers)(channels); }

/// The width among 3, 5, 7 that covers a row of `columns` with the least overlap; 0 if the row is too short.
INLINE int64_t NAME(patch_width)(int64_t columns) {
  int64_t best = 0, least = INT64_MAX;
  for (int64_t width = 7; width >= 3; width -= 2) {
    int64_t covered = (columns + width - 1) / width * width;
    if (width <= columns && covered < least) best = width, least = covered;
  }
  return best;
}
