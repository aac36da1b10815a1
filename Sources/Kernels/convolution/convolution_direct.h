// Few output channels, for one REAL: a register of pixels is loaded from the source for every tap, DIRECT_ROWS channels
// by DIRECT_VECTORS registers at a time; or channels lie along the lanes and a patch of pixels is broadcast.

/// What one call of the loop over taps computes, and where it goes: to targets[v] + r channel, or to sums[r][v] if a
/// store there would overrun.
typedef struct {
  const REAL *pixels[DIRECT_VECTORS];
  REAL *targets[DIRECT_VECTORS], *sums;
  int64_t depth, channel;
  const int64_t *offsets;
  const REAL *weights, *scale, *bias;  // scale, bias: of the first of the channels
  const NAME(epilogue) *epilogue;
  bool stores;
} NAME(direct_work);

/// Output r at register v = sum over k of weights[k rows + r] times the register at pixels[v] + offsets[k], with scale
/// and bias of r; if stored directly, with all of the epilogue.
INLINE void NAME(direct_body)(const int rows, const NAME(direct_work) *work) {
  VECTOR sum[DIRECT_ROWS][DIRECT_VECTORS];
  const REAL *at[DIRECT_VECTORS], *weights = work->weights;
  const int64_t *offset = work->offsets, *end = offset + work->depth;
  UNROLLED (int v = 0; v < DIRECT_VECTORS; v++) at[v] = work->pixels[v];
  UNROLLED (int r = 0; r < rows; r++)
    UNROLLED (int v = 0; v < DIRECT_VECTORS; v++) sum[r][v] = SPLAT(0);
#pragma clang loop unroll(disable)
  for (; offset < end; offset++, weights += rows) {
    VECTOR pixel[DIRECT_VECTORS];
    UNROLLED (int v = 0; v < DIRECT_VECTORS; v++) pixel[v] = NAME(load)(at[v] + *offset);
    UNROLLED (int r = 0; r < rows; r++) {
      VECTOR weight = SPLAT(weights[r]);
      UNROLLED (int v = 0; v < DIRECT_VECTORS; v++) sum[r][v] = FMA(weight, pixel[v], sum[r][v]);
    }
  }
  const NAME(epilogue) *e = work->epilogue;
  if (e->scale) {
    UNROLLED (int r = 0; r < rows; r++) {
      VECTOR scale = SPLAT(work->scale[r]), bias = e->bias ? SPLAT(work->bias[r]) : SPLAT(0);
      UNROLLED (int v = 0; v < DIRECT_VECTORS; v++) sum[r][v] = FMA(sum[r][v], scale, bias);
    }
  } else if (e->bias) {
    UNROLLED (int r = 0; r < rows; r++) {
      VECTOR bias = SPLAT(work->bias[r]);
      UNROLLED (int v = 0; v < DIRECT_VECTORS; v++) sum[r][v] += bias;
    }
  }
  if (work->stores && e->adds) {
    UNROLLED (int v = 0; v < DIRECT_VECTORS; v++)
      UNROLLED (int r = 0; r < rows; r++)
        sum[r][v] += NAME(load)(NAME(addend_of)(e, work->targets[v] + r * work->channel));
  }
  if (work->stores && e->relu) {
    UNROLLED (int r = 0; r < rows; r++)
      UNROLLED (int v = 0; v < DIRECT_VECTORS; v++) sum[r][v] = NAME(relu)(sum[r][v]);
  }
  if (work->stores) {
    UNROLLED (int v = 0; v < DIRECT_VECTORS; v++)
      UNROLLED (int r = 0; r < rows; r++) NAME(store)(work->targets[v] + r * work->channel, sum[r][v]);
  } else {
    UNROLLED (int r = 0; r < rows; r++)
      UNROLLED (int v = 0; v < DIRECT_VECTORS; v++)
        NAME(store)(work->sums + (r * DIRECT_VECTORS + v) * LANES, sum[r][v]);
  }
}

typedef void (*NAME(direct))(const NAME(direct_work) *work);
#define DIRECT(rows) \
  static void NAME(direct_##rows)(const NAME(direct_work) *work) { NAME(direct_body)(rows, work); }
// clang-format off
DIRECT(1) DIRECT(2) DIRECT(3) DIRECT(4)
#if DIRECT_ROWS > 4
DIRECT(5) DIRECT(6)
#endif
#undef DIRECT
static const NAME(direct) NAME(direct_kernels)[DIRECT_ROWS] = {
  NAME(direct_1), NAME(direct_2), NAME(direct_3), NAME(direct_4),
#if DIRECT_ROWS > 4
  NAME(direct_5), NAME(direct_6),
#endif
};
// clang-format on

/// Limits the taps of `work` to the kernel rows that meet the image for some output row in low ... high.
INLINE void NAME(skip_zeros)(
    const NAME(correlation) *s, const NAME(grid) *grid, int64_t low, int64_t high, const REAL *weights, int rows,
    NAME(direct_work) *work) {
  int64_t first = 0, end = grid->kernel_rows, top = s->source.top, bottom = top + s->source.height;
#define MEETS(r) (high + grid->shift + (r) * grid->step >= top && low + grid->shift + (r) * grid->step < bottom)
  while (first < end && !MEETS(first)) first++;
  while (end > first && !MEETS(end - 1)) end--;
#undef MEETS
  int64_t taps = grid->depth / grid->kernel_rows;
  work->offsets = grid->offsets + first * taps;
  work->weights = weights + first * taps * rows;
  work->depth = (end - first) * taps;
}

/// Output rows row0 ..< row1 of all channels of one group of one image, pixels read in place. Registers start at
/// multiples of LANES; the last one of a row ends with it where the row is long enough, so that some pixels are
/// computed twice.
static void NAME(correlate_direct)(
    const NAME(correlation) *s, const NAME(grid) *grid, const REAL *image, int64_t image_index, int64_t group,
    int64_t row0, int64_t row1) {
  REAL sums[DIRECT_ROWS * DIRECT_VECTORS * LANES] __attribute__((aligned(64)));
  const REAL *source = image + group * (s->source.channels / s->groups) * s->source.channel_size;
  const REAL *weights = grid->weights + group * s->outs * grid->depth;
  int64_t per_row = (grid->columns + LANES - 1) / LANES, count = (row1 - row0) * per_row;
  bool dense = s->target_column == 1 && s->target_row == grid->columns;
  const NAME(epilogue) *e = &s->epilogue;
  int64_t end = row1 * grid->columns - LANES;  // stores may not pass the last row: it may be another thread's
  NAME(direct_work) work = {
      .sums = sums, .depth = grid->depth, .channel = s->target_channel, .offsets = grid->offsets, .epilogue = e};
  for (int64_t panel = 0; panel < s->panels; panel++) {
    int64_t first, row = row0, in_row = 0;
    int rows = NAME(channel_panel)(s, panel, &first);
    REAL *target =
        s->target + grid->target_offset + image_index * s->target_image + (group * s->outs + first) * s->target_channel;
    work.weights = weights + first * grid->depth;
    work.scale = e->scale ? e->scale + group * s->outs + first : NULL;
    work.bias = e->bias ? e->bias + group * s->outs + first : NULL;
    for (int64_t v0 = 0; v0 < count; v0 += DIRECT_VECTORS) {
      int64_t column = 0, columns[DIRECT_VECTORS], low = row, high = row;
      work.stores = dense;
      for (int v = 0; v < DIRECT_VECTORS; v++) {
        if (v0 + v < count) {
          column = in_row * LANES;
          if (column + LANES > grid->columns && grid->columns >= LANES) column = grid->columns - LANES;
          work.pixels[v] = source + row * s->source.pitch + column;
          work.targets[v] = target + row * s->target_row + column * s->target_column;
          columns[v] = column;
          high = row;
          work.stores = work.stores && row * grid->columns + column <= end;
          if (++in_row == per_row) in_row = 0, row++;
        } else {  // the last one again
          work.pixels[v] = work.pixels[v - 1];
          work.targets[v] = work.targets[v - 1];
        }
      }
      if (grid->kernel_rows) NAME(skip_zeros)(s, grid, low, high, weights + first * grid->depth, rows, &work);
      NAME(direct_kernels)[rows - 1](&work);
      if (work.stores) continue;
      for (int v = 0; v < DIRECT_VECTORS && v0 + v < count; v++) {
        int64_t length = grid->columns - columns[v] < LANES ? grid->columns - columns[v] : LANES;
        for (int r = 0; r < rows; r++) {
          const REAL *sum = sums + (r * DIRECT_VECTORS + v) * LANES;
          REAL *to = work.targets[v] + r * s->target_channel;
          if (length == LANES && s->target_column == 1) {
            NAME(store)(to, NAME(added)(e, NAME(load)(sum), to));
          } else {
            for (int64_t t = 0; t < length; t++)
              to[t * s->target_column] = NAME(added_one)(e, sum[t], to + t * s->target_column);
          }
        }
      }
    }
  }
}

/// The same with channels along the lanes: see convolution_lanes.h.
static void NAME(correlate_patches)(
    const NAME(correlation) *s, const NAME(grid) *grid, const REAL *image, int64_t image_index, int64_t group,
    int64_t row0, int64_t row1) {
  enum { room = (PATCH_SUMS + LANES - 1) / LANES * LANES };
  REAL sums[room * LANES] __attribute__((aligned(64))), channels[LANES * room + LANES];
  const REAL *source = image + group * (s->source.channels / s->groups) * s->source.channel_size;
  int64_t width = s->patch, per_row = (grid->columns + width - 1) / width, count = (row1 - row0) * per_row;
  int height = NAME(patch_height)(width, 1);
  const NAME(epilogue) *e = &s->epilogue;
  int64_t end = row1 * grid->columns - LANES;
  for (int64_t panel = 0; panel < s->panels; panel++) {
    int64_t first = panel * LANES, lanes = s->outs - first < LANES ? s->outs - first : LANES;
    const REAL *weights = grid->weights + (group * s->panels + panel) * LANES * grid->depth;
    const REAL *scales = e->scale ? e->scale + group * s->outs + first : NULL;
    const REAL *biases = e->bias ? e->bias + group * s->outs + first : NULL;
    REAL *target =
        s->target + grid->target_offset + image_index * s->target_image + (group * s->outs + first) * s->target_channel;
    int64_t row = row0, in_row = 0;
    for (int64_t v0 = 0; v0 < count; v0 += height) {
      const REAL *rows[8];
      int64_t places[8], here = count - v0 < height ? count - v0 : height;
      for (int r = 0; r < height; r++) {
        if (r < here) {
          int64_t column = in_row * width + width <= grid->columns ? in_row * width : grid->columns - width;
          rows[r] = source + row * s->source.pitch + column;
          places[r] = row * grid->columns + column;
          if (++in_row == per_row) in_row = 0, row++;
        } else {
          rows[r] = rows[r - 1];
        }
      }
      NAME(patch)(width, 1, grid->depth, grid->offsets, weights, rows, sums, false);
      for (int64_t i = 0; i < here * width; i += LANES) {
        VECTOR square[LANES];
        UNROLLED (int q = 0; q < LANES; q++) square[q] = NAME(load)(sums + (i + q) * LANES);
        NAME(transpose)(square);
        UNROLLED (int q = 0; q < LANES; q++) NAME(store)(channels + q * room + i, square[q]);
      }
      for (int64_t f = 0; f < lanes; f++) {
        REAL *plane = target + f * s->target_channel;
        VECTOR scale = SPLAT(scales ? scales[f] : 1), bias = SPLAT(biases ? biases[f] : 0);
        for (int r = 0; r < here; r++)
          for (int64_t t = 0; t < width; t += LANES) {
            REAL *to = plane + places[r] + t;
            VECTOR x = NAME(scaled)(e, NAME(load)(channels + f * room + r * width + t), scale, bias);
            if (places[r] + t <= end) NAME(store)(to, NAME(added)(e, x, to));
            else NAME(store_added_part)(e, x, to, width - t < LANES ? width - t : LANES);
          }
      }
    }
  }
}
