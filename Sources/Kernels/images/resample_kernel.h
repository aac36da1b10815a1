// Rows of images in one REAL: see resample.c.

/// y[i] = Σ over `taps` of weights[k, i] x[places[k, i]], tap by tap: compilers make gathers of it where there are any.
static void NAME(resample_row)(
    int64_t outputs, int64_t taps, const int32_t *places, const REAL *weights, const REAL *x, REAL *y) {
  for (int64_t i = 0; i < outputs; i++) y[i] = weights[i] != 0 ? weights[i] * x[places[i]] : 0;
  for (int64_t k = 1; k < taps; k++) {
    const int32_t *place = places + k * outputs;
    const REAL *weight = weights + k * outputs;
    for (int64_t i = 0; i < outputs; i++) y[i] += weight[i] != 0 ? weight[i] * x[place[i]] : 0;
  }
}

/// y = Σ over `count` rows under their weights.
static void NAME(weigh_lines)(int64_t n, int64_t count, const REAL *const *lines, const double *weights, REAL *y) {
  if (count == 1 && weights[0] == 1) {
    memcpy(y, lines[0], (size_t)n * sizeof(REAL));
    return;
  }
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR sum = SPLAT(0);
    for (int64_t k = 0; k < count; k++)
      if (weights[k] != 0) sum += SPLAT((REAL)weights[k]) * NAME(load_up_to)(lines[k] + i, n - i, 0);
    NAME(store_up_to)(y + i, n - i, sum);
  }
}

/// A row of places and weights for `resample_row`: tap k of output i at [k, i], with weight 0 where there are fewer
/// taps.
static void NAME(spread_taps)(const tapestry_axis_map *map, int64_t taps, int32_t *places, REAL *weights) {
  for (int64_t i = 0; i < map->outputs; i++) {
    int64_t count = map->starts[i + 1] - map->starts[i];
    for (int64_t k = 0; k < taps; k++) {
      places[k * map->outputs + i] = (int32_t)(map->firsts[i] + (k < count ? k : 0));
      weights[k * map->outputs + i] = k < count ? (REAL)map->weights[map->starts[i] + k] : 0;
    }
  }
}
