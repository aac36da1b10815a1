// Columns: one or two registers of a packed operand [term][lanes] by up to 14 equally distant rows of one that is read
// in place and broadcast; and the transpositions that pack and unpack lanes. For one variant and element type; see also
// convolution_lanes.h.

/// sums[i sums_stride + channels] (+)= sum over p < count of vectors[p][channels] first[i stride + offsets[p]]. What
/// lies `ahead` of the first row is brought to the cache meanwhile.
INLINE void NAME(column_body)(
    const int rows, const int registers, int64_t count, const int64_t *offsets, const REAL *vectors, const REAL *first,
    int64_t stride, int64_t ahead, REAL *sums, int64_t sums_stride, bool add) {
  VECTOR sum[COLUMN_ROWS][2];
  UNROLLED (int r = 0; r < rows; r++)
    UNROLLED (int v = 0; v < registers; v++) sum[r][v] = SPLAT(0);
  // Three addresses and the strides 1, 2, 3, 4 reach 15 rows. In bytes: a register then serves for 1, 2 and 4.
  int64_t once = stride * REAL_BYTES, thrice = 3 * once, fifth = 5 * once;
#pragma clang loop unroll(disable)
  for (int64_t p = 0; p < count; p++, vectors += registers * LANES) {
    VECTOR vector[2];
    UNROLLED (int v = 0; v < registers; v++) vector[v] = NAME(load)(vectors + v * LANES);
    const char *at = (const char *)(first + offsets[p]);
    __builtin_prefetch((const REAL *)at + ahead);
    UNROLLED (int r = 0; r < rows; r++) {
      if (r == 5 || r == 10) at += fifth;
      VECTOR value = SPLAT(*(const REAL *)(at + (r % 5 == 3 ? thrice : r % 5 * once)));
      UNROLLED (int v = 0; v < registers; v++) sum[r][v] = FMA(value, vector[v], sum[r][v]);
    }
  }
  UNROLLED (int r = 0; r < rows; r++)
    UNROLLED (int v = 0; v < registers; v++) {
      REAL *to = sums + r * sums_stride + v * LANES;
      NAME(store)(to, add ? sum[r][v] + NAME(load)(to) : sum[r][v]);
    }
}

#define COLUMN(rows, registers)                                                                                     \
  static void NAME(column_##rows##_##registers)(                                                                    \
      int64_t count, const int64_t *offsets, const REAL *vectors, const REAL *first, int64_t stride, int64_t ahead, \
      REAL *sums, int64_t sums_stride, bool add) {                                                                  \
    NAME(column_body)(rows, registers, count, offsets, vectors, first, stride, ahead, sums, sums_stride, add);      \
  }
#define BOTH(rows) COLUMN(rows, 1) COLUMN(rows, 2)
// clang-format off
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
const NAME(column) NAME(tapestry_columns)[COLUMN_ROWS][2] = {
#define BOTH(rows) {NAME(column_##rows##_1), NAME(column_##rows##_2)},
  BOTH(1) BOTH(2) BOTH(3) BOTH(4)
#if COLUMN_ROWS > 4
  BOTH(5) BOTH(6)
#endif
#if COLUMN_ROWS > 6
  BOTH(7) BOTH(8) BOTH(9) BOTH(10) BOTH(11) BOTH(12) BOTH(13) BOTH(14)
#endif
#undef BOTH
};
// clang-format on

/// Rows of a matrix from its columns: to[k to_stride + lane] = from[lane stride + k], zeros in lanes behind `lanes`.
void NAME(tapestry_pack_lanes)(
    int64_t lanes, int64_t count, const REAL *from, int64_t stride, REAL *to, int64_t to_stride) {
  if (count < LANES) {  // loads overrun a row where others follow
    VECTOR square[LANES];
    for (int i = 0; i < LANES; i++) {
      if (i >= lanes) square[i] = SPLAT(0);
      else if (i * stride + LANES <= (lanes - 1) * stride + count) square[i] = NAME(load)(from + i * stride);
      else square[i] = NAME(load_part)(from + i * stride, count, 0);
    }
    NAME(transpose)(square);
    for (int64_t i = 0; i < count; i++) NAME(store)(to + i * to_stride, square[i]);
    return;
  }
  for (int64_t k = 0; k < count; k += LANES) {
    if (k > count - LANES) k = count - LANES;  // the last square overlaps the one before
    VECTOR square[LANES];
    if (lanes >= LANES) {
      UNROLLED (int i = 0; i < LANES; i++) square[i] = NAME(load)(from + i * stride + k);
    } else {
      UNROLLED (int i = 0; i < LANES; i++) square[i] = i < lanes ? NAME(load)(from + i * stride + k) : SPLAT(0);
    }
    NAME(transpose)(square);
    UNROLLED (int i = 0; i < LANES; i++) NAME(store)(to + (k + i) * to_stride, square[i]);
  }
}

/// The way back: to[lane to_stride + k] = from[k from_stride + lane] for k < count and lane < lanes <= LANES. Reads
/// LANES rows where there are fewer.
void NAME(tapestry_unpack_lanes)(
    int64_t lanes, int64_t count, const REAL *from, int64_t from_stride, REAL *to, int64_t to_stride) {
  for (int64_t k = 0; k < count; k += LANES) {
    if (k > count - LANES && count >= LANES) k = count - LANES;
    VECTOR square[LANES];
    UNROLLED (int i = 0; i < LANES; i++) square[i] = NAME(load)(from + (k + i) * from_stride);
    NAME(transpose)(square);
    if (count < LANES) {
      for (int64_t i = 0; i < lanes; i++) NAME(store_part)(to + i * to_stride, count, square[i]);
    } else if (lanes == LANES) {
      UNROLLED (int i = 0; i < LANES; i++) NAME(store)(to + i * to_stride + k, square[i]);
    } else {
      for (int64_t i = 0; i < lanes; i++) NAME(store)(to + i * to_stride + k, square[i]);
    }
  }
}
