// What is done to sums of products before they are stored, for one REAL: y = relu(scale sum + bias + addend), each part
// if it is there. Scale and bias belong to a channel and the addend to an element, so some ways of computing apply the
// first two while channels lie along the lanes, and the rest when pixels do.

typedef struct {
  const REAL *scale, *bias;  // NULL, or one value per output channel
  bool adds, relu;           // adds: there is an addend
  intptr_t distance;         // bytes from an element of the target to that of the addend
} NAME(epilogue);

INLINE NAME(epilogue) NAME(epilogue_of)(const tapestry_convolution_epilogue *e, const void *y) {
  return (NAME(epilogue)){
      .scale = e->scale,
      .bias = e->bias,
      .adds = e->addend != NULL,
      .relu = e->relu,
      .distance = e->addend ? (intptr_t)e->addend - (intptr_t)y : 0};
}

/// Where the addend of the element at `to` is.
INLINE const REAL *NAME(addend_of)(const NAME(epilogue) *e, const REAL *to) {
  return (const REAL *)((intptr_t)to + e->distance);
}

/// A register of values of channels from `first` on, of which there are `count` or more; all `missing` where there are
/// no values.
INLINE VECTOR NAME(channels_of)(const REAL *values, int64_t first, int64_t count, REAL missing) {
  if (!values) return SPLAT(missing);
  return count >= LANES ? NAME(load)(values + first) : NAME(load_part)(values + first, count, 0);
}

/// The first half: scale and bias, which are 1 and 0 where there are none.
INLINE VECTOR NAME(scaled)(const NAME(epilogue) *e, VECTOR sum, VECTOR scale, VECTOR bias) {
  return e->scale ? FMA(sum, scale, bias) : e->bias ? sum + bias : sum;
}

/// The second half, for a register that goes to `to`.
INLINE VECTOR NAME(added)(const NAME(epilogue) *e, VECTOR value, const REAL *to) {
  if (e->adds) value += NAME(load)(NAME(addend_of)(e, to));
  return e->relu ? NAME(relu)(value) : value;
}

/// The same for the first `count` < LANES lanes, stored.
INLINE void NAME(store_added_part)(const NAME(epilogue) *e, VECTOR value, REAL *to, int64_t count) {
  if (e->adds) value += NAME(load_part)(NAME(addend_of)(e, to), count, 0);
  NAME(store_part)(to, count, e->relu ? NAME(relu)(value) : value);
}

/// The same for one element.
INLINE REAL NAME(added_one)(const NAME(epilogue) *e, REAL value, const REAL *to) {
  if (e->adds) value += *NAME(addend_of)(e, to);
  return e->relu && value < 0 ? 0 : value;
}

/// All of it for one element.
INLINE REAL NAME(finished)(const NAME(epilogue) *e, REAL sum, REAL scale, REAL bias, const REAL *to) {
  return NAME(added_one)(e, e->scale ? FMA(sum, scale, bias) : e->bias ? sum + bias : sum, to);
}

/// unpack_lanes with the second half.
static void NAME(unpack_added)(
    int64_t lanes, int64_t count, const REAL *from, int64_t from_stride, REAL *to, int64_t to_stride,
    const NAME(epilogue) *e) {
  for (int64_t k = 0; k < count; k += LANES) {
    if (k > count - LANES && count >= LANES) k = count - LANES;
    VECTOR square[LANES];
    UNROLLED (int i = 0; i < LANES; i++) square[i] = NAME(load)(from + (k + i) * from_stride);
    NAME(transpose)(square);
    for (int64_t i = 0; i < lanes; i++) {
      REAL *at = to + i * to_stride + k;
      if (count < LANES) NAME(store_added_part)(e, square[i], at, count);
      else NAME(store)(at, NAME(added)(e, square[i], at));
    }
  }
}
