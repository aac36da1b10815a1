// A plane of a channel, for one REAL: see channels.c.

/// y = factor x + offset for n elements, then max(y, 0), NaN passing through.
static void NAME(rectify_plane)(int64_t n, const REAL *x, REAL factor, REAL offset, REAL *y) {
  VECTOR scale = SPLAT(factor), shift = SPLAT(offset), zero = SPLAT(0);
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR v = NAME(load_up_to)(x + i, n - i, 0) * scale + shift;
    NAME(store_up_to)(y + i, n - i, v < zero ? zero : v);
  }
}
