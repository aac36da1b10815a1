// Output pixels as a matrix product, for one REAL: weights [outs, depth] by pixels [depth, 32], where a panel of
// 2 LANES pixels is gathered from the padded images by runs (flattened over rows and images: no lane is wasted on
// narrow images) and used for all outs.

/// Outputs q0 ..< q1 (counted over the images at work) of channel panels r0 ..< r1 of one group.
static void NAME(correlate_pixels)(
    const NAME(correlation) *s, const NAME(grid) *grid, const REAL *padded, int64_t first_image, int64_t group,
    int64_t q0, int64_t q1, int64_t r0, int64_t r1) {
  int64_t count = q1 - q0, panels = (count + TILE_COLUMNS - 1) / TILE_COLUMNS, stride = panels * TILE_COLUMNS;
  int64_t depth = NAME(block_depth)(grid->depth), from_channel, to_channel;
  NAME(channel_panel)(s, r0, &from_channel);
  to_channel = s->outs * r1 / s->panels;
  int64_t for_pixels = stride * depth + LANES, for_sums = (to_channel - from_channel) * stride;
  for_pixels = (for_pixels + 15) / 16 * 16;
  size_t bytes = (size_t)(for_pixels + for_sums) * sizeof(REAL);
  REAL *pixels = tapestry_allocate(bytes), *sums = pixels + for_pixels;
  NAME(run) runs[GROUP][TILE_COLUMNS];
  int64_t run_counts[GROUP];
  for (int64_t c = 0; c < panels; c++) {
    int64_t first = q0 + c * TILE_COLUMNS, end = first + TILE_COLUMNS < q1 ? first + TILE_COLUMNS : q1;
    run_counts[c] = NAME(find_runs)(&s->source, grid->rows, grid->columns, first, end, runs[c]);
  }
  const REAL *source = padded + group * (s->source.channels / s->groups) * s->source.channel_size;
  const REAL *weights = grid->weights + group * s->outs * grid->depth;
  if (grid->depth == 0) memset(sums, 0, (size_t)for_sums * sizeof(REAL));
  for (int64_t k0 = 0; k0 < grid->depth; k0 += depth) {
    int64_t here = grid->depth - k0 < depth ? grid->depth - k0 : depth;
    for (int64_t c = 0; c < panels; c++) {
      REAL *to = pixels + c * TILE_COLUMNS * depth;
      const NAME(run) *run = runs[c];
      int64_t run_count = run_counts[c];
      if (run_count == 2) {
        for (int64_t k = 0; k < here; k++, to += TILE_COLUMNS) {
          const REAL *tap = source + grid->offsets[k0 + k];
          VECTOR a = NAME(load)(tap + run[0].source), b = NAME(load)(tap + run[1].source);
          NAME(store)(to + run[0].target, a);
          NAME(store)(to + run[1].target, b);
        }
      } else {
        for (int64_t k = 0; k < here; k++, to += TILE_COLUMNS) {
          const REAL *tap = source + grid->offsets[k0 + k];
          for (int64_t r = 0; r < run_count; r++) NAME(store)(to + run[r].target, NAME(load)(tap + run[r].source));
        }
      }
    }
    for (int64_t r = r0; r < r1; r++) {
      int64_t first;
      int rows = NAME(channel_panel)(s, r, &first);
      const REAL *a = weights + s->outs * k0 + first * here;
      for (int64_t c = 0; c < panels; c++) {
        int64_t left = count - c * TILE_COLUMNS,
                vectors = left < TILE_COLUMNS ? (left + LANES - 1) / LANES : TILE_VECTORS;
        NAME(tapestry_tiles)[vectors - 1][rows - 1](
            here, a, rows, pixels + c * TILE_COLUMNS * depth, TILE_COLUMNS,
            sums + (first - from_channel) * stride + c * TILE_COLUMNS, stride, k0 > 0, AHEAD_NONE(a));
      }
    }
  }
  int64_t plane = grid->rows * grid->columns;
  for (int64_t o = from_channel; o < to_channel; o++) {
    const REAL *sum = sums + (o - from_channel) * stride;
    const NAME(epilogue) *e = &s->epilogue;
    REAL bias = e->bias ? e->bias[group * s->outs + o] : 0, scale = e->scale ? e->scale[group * s->outs + o] : 1;
    REAL *channel = s->target + grid->target_offset + (group * s->outs + o) * s->target_channel;
    for (int64_t q = q0; q < q1;) {
      int64_t image = q / plane, place = q % plane, length;
      REAL *to = channel + (first_image + image) * s->target_image;
      if (s->target_column == 1 && s->target_row == grid->columns) {
        length = plane - place < q1 - q ? plane - place : q1 - q;
        to += place;
        int64_t t = 0;
        for (; t + LANES <= length; t += LANES) {
          VECTOR x = NAME(scaled)(e, NAME(load)(sum + t), SPLAT(scale), SPLAT(bias));
          NAME(store)(to + t, NAME(added)(e, x, to + t));
        }
        for (; t < length; t++) to[t] = NAME(finished)(e, sum[t], scale, bias, to + t);
      } else {
        int64_t column = place % grid->columns;
        length = grid->columns - column < q1 - q ? grid->columns - column : q1 - q;
        to += place / grid->columns * s->target_row + column * s->target_column;
        for (int64_t t = 0; t < length; t++)
          to[t * s->target_column] = NAME(finished)(e, sum[t], scale, bias, to + t * s->target_column);
      }
      q += length;
      sum += length;
    }
  }
  tapestry_release(pixels, bytes);
}
