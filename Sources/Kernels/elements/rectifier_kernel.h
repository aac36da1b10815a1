// max(x, 0) and its gradient by a mask of bits, for one REAL: see rectifier.c.

static void NAME(relu_masked)(int64_t n, const REAL *x, REAL *y, uint32_t *mask) {
  const VECTOR zero = SPLAT(0);
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
    for (int q = 0; q < 32; q += LANES) NAME(store)(gx + i + q, NAME(where_set)(bits >> q, NAME(load)(g + i + q)));
  }
  for (int64_t q = 0; i + q < n; q += LANES) {
    VECTOR v = NAME(load_up_to)(g + i + q, n - i - q, 0);
    NAME(store_up_to)(gx + i + q, n - i - q, NAME(where_set)(mask[i / 32] >> q, v));
  }
}
