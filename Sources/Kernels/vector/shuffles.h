// Lanes changing places, and sums across lanes: see vectors.h.

/// interleave_low, interleave_high: lanes of a and b in turn, those of the lower and of the upper half. evens, odds:
/// every other lane of a, then of b. shift_up: the lanes of v one place higher, the first lane of `edge` below them;
/// shift_down: one place lower, the first lane of `edge` above.
#if LANES == 16
#define LANE_LISTS(X)                                                              \
  X(interleave_low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)        \
  X(interleave_high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31) \
  X(evens, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)              \
  X(odds, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)               \
  X(shift_up, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)                \
  X(shift_down, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
#elif LANES == 8
#define LANE_LISTS(X)                            \
  X(interleave_low, 0, 8, 1, 9, 2, 10, 3, 11)    \
  X(interleave_high, 4, 12, 5, 13, 6, 14, 7, 15) \
  X(evens, 0, 2, 4, 6, 8, 10, 12, 14)            \
  X(odds, 1, 3, 5, 7, 9, 11, 13, 15)             \
  X(shift_up, 8, 0, 1, 2, 3, 4, 5, 6)            \
  X(shift_down, 1, 2, 3, 4, 5, 6, 7, 8)
#elif LANES == 4
#define LANE_LISTS(X)            \
  X(interleave_low, 0, 4, 1, 5)  \
  X(interleave_high, 2, 6, 3, 7) \
  X(evens, 0, 2, 4, 6)           \
  X(odds, 1, 3, 5, 7)            \
  X(shift_up, 4, 0, 1, 2)        \
  X(shift_down, 1, 2, 3, 4)
#else
#define LANE_LISTS(X)      \
  X(interleave_low, 0, 2)  \
  X(interleave_high, 1, 3) \
  X(evens, 0, 2)           \
  X(odds, 1, 3)            \
  X(shift_up, 2, 0)        \
  X(shift_down, 1, 2)
#endif
#define SHUFFLE(name, ...) \
  INLINE VECTOR NAME(name)(VECTOR a, VECTOR b) { return __builtin_shufflevector(a, b, __VA_ARGS__); }
LANE_LISTS(SHUFFLE)
#undef SHUFFLE
#undef LANE_LISTS

/// Transposes a square of LANES registers: log2(LANES) rounds, each a perfect shuffle of rows.
INLINE void NAME(transpose)(VECTOR *square) {
  VECTOR other[LANES];
  UNROLLED (int round = 1; round < LANES; round *= 2) {
    UNROLLED (int i = 0; i < LANES / 2; i++) {
      other[2 * i] = NAME(interleave_low)(square[i], square[i + LANES / 2]);
      other[2 * i + 1] = NAME(interleave_high)(square[i], square[i + LANES / 2]);
    }
    UNROLLED (int i = 0; i < LANES; i++) square[i] = other[i];
  }
}

/// Lane i of the result is the sum of the lanes of rows[i], for `count` <= LANES rows: a tree that halves the rows each
/// round.
INLINE VECTOR NAME(sum_each)(const VECTOR *rows, const int count) {
  VECTOR tree[LANES];
  UNROLLED (int i = 0; i < LANES; i++) tree[i] = i < count ? rows[i] : SPLAT(0);
  UNROLLED (int left = LANES / 2; left > 0; left /= 2)
    UNROLLED (int i = 0; i < left; i++) {
      VECTOR a = tree[2 * i], b = tree[2 * i + 1];
      tree[i] = NAME(evens)(a, b) + NAME(odds)(a, b);
    }
  return tree[0];
}

/// The sum of all lanes in order, in double.
INLINE double NAME(sum_of_lanes)(VECTOR v) {
  double sum = 0;
  for (int lane = 0; lane < LANES; lane++) sum += (double)v[lane];
  return sum;
}
