// Rows of scatter.c for one REAL.

/// t[i ts] += s[i ss].
static void NAME(add_row)(int64_t n, const REAL *s, int64_t ss, REAL *t, int64_t ts) {
  if (ts == 1 && ss == 1) {
    for (int64_t i = 0; i < n; i += LANES) {
      int64_t rest = n - i;
      NAME(store_up_to)(t + i, rest, NAME(load_up_to)(t + i, rest, 0) + NAME(load_up_to)(s + i, rest, 0));
    }
  } else if (ts == 0) {
    REAL sum = *t;
    for (int64_t i = 0; i < n; i++) sum += s[i * ss];
    *t = sum;
  } else {
    for (int64_t i = 0; i < n; i++) t[i * ts] += s[i * ss];
  }
}

/// t[i] += scale s[i].
static void NAME(add_scaled_row)(int64_t n, REAL scale, const REAL *s, REAL *t) {
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t rest = n - i;
    NAME(store_up_to)(t + i, rest, NAME(load_up_to)(t + i, rest, 0) + NAME(load_up_to)(s + i, rest, 0) * scale);
  }
}
