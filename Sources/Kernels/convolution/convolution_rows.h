// Output channels along the lanes, for one REAL: up to 14 neighbours of a row, broadcast from the source in place
// (convolution_lanes.h), against two registers of weights [tap][channels]. Sums lie as [pixel][channels] and are
// transposed when they are stored.

/// Sums of output rows l0 ..< l1 (counted over the images at work) and one block of channels:
/// sums[row][column][channels].
static void NAME(sum_rows)(
    const NAME(correlation) *s, const NAME(grid) *grid, const REAL *images, int64_t group, int64_t block, int64_t l0,
    int64_t l1, int registers, REAL *sums) {
  int64_t stride = registers * LANES, columns = grid->columns, depth = NAME(block_depth)(grid->depth);
  const REAL *source = images + group * (s->source.channels / s->groups) * s->source.channel_size;
  const REAL *weights = grid->weights + (group * s->blocks + block) * grid->depth * 2 * LANES;
  int height = s->column_step == 1 ? NAME(patch_height)(columns, registers) : 0;
  if (columns == 1) height = 0;
  if (grid->depth == 0) memset(sums, 0, (size_t)((l1 - l0) * columns * stride) * sizeof(REAL));
  for (int64_t k0 = 0; k0 < grid->depth; k0 += depth) {
    int64_t here = grid->depth - k0 < depth ? grid->depth - k0 : depth;
    for (int64_t l = l0; l < l1; l += height ? height : 1) {
      REAL *to = sums + (l - l0) * columns * stride;
      const REAL *source_rows[8];
      for (int64_t i = 0; i < (height ? height : 1); i++) {
        int64_t line = l + i < l1 ? l + i : l1 - 1;
        source_rows[i] = source + line / grid->rows * s->source.image_size + line % grid->rows * s->row_step;
      }
      if (height) {
        NAME(patch)(columns, registers, here, grid->offsets + k0, weights + k0 * stride, source_rows, to, k0 > 0);
        continue;
      }
      int64_t panels = (columns + COLUMN_ROWS - 1) / COLUMN_ROWS;
      for (int64_t p = 0; p < panels; p++) {
        int64_t column = columns * p / panels, rows = columns * (p + 1) / panels - column;
        NAME(tapestry_columns)[rows - 1][registers - 1](
            here, grid->offsets + k0, weights + k0 * stride, source_rows[0] + column * s->column_step, s->column_step,
            2 * rows * s->column_step, to + column * stride, stride, k0 > 0);
      }
    }
  }
}

/// unpack_lanes from two matrices, interleaved: to[lane to_stride + 2 k] is the first's, to[... + 2 k + 1] the
/// second's. The second has `count` or `count - 1` rows.
static void NAME(unpack_pairs)(
    int64_t lanes, int64_t count, int64_t second_count, const REAL *first, const REAL *second, int64_t from_stride,
    REAL *to, int64_t to_stride) {
  for (int64_t k = 0; k < count; k += LANES) {
    VECTOR even[LANES], odd[LANES];
    UNROLLED (int i = 0; i < LANES; i++) even[i] = NAME(load)(first + (k + i) * from_stride);
    NAME(transpose)(even);
    UNROLLED (int i = 0; i < LANES; i++) odd[i] = NAME(load)(second + (k + i) * from_stride);
    NAME(transpose)(odd);
    int64_t left = count + second_count - 2 * k;
    for (int64_t i = 0; i < lanes; i++) {
      REAL *at = to + i * to_stride + 2 * k;
      VECTOR low = NAME(interleave_low)(even[i], odd[i]), high = NAME(interleave_high)(even[i], odd[i]);
      if (left >= LANES) NAME(store)(at, low);
      else NAME(store_part)(at, left, low);
      if (left >= 2 * LANES) NAME(store)(at + LANES, high);
      else if (left > LANES) NAME(store_part)(at + LANES, left - LANES, high);
    }
  }
}

/// The same rows to the outputs. `paired`: the grid is followed by the one whose columns lie between its own.
static void NAME(correlate_lanes)(
    const NAME(correlation) *s, const NAME(grid) *grid, bool paired, const REAL *images, int64_t first_image,
    int64_t group, int64_t block, int64_t l0, int64_t l1) {
  int64_t first = group * s->outs + block * 2 * LANES, rows = grid->rows, columns = grid->columns;
  int64_t lanes = s->outs - block * 2 * LANES < 2 * LANES ? s->outs - block * 2 * LANES : 2 * LANES;
  int registers = lanes > LANES ? 2 : 1;
  // Patches overrun by up to seven rows, transposition by up to LANES pixels.
  int64_t stride = registers * LANES, room = ((l1 - l0 + 7) * columns + LANES) * stride;
  size_t bytes = (size_t)(room * (paired ? 2 : 1)) * sizeof(REAL);
  REAL *sums = tapestry_allocate(bytes);
  NAME(sum_rows)(s, grid, images, group, block, l0, l1, registers, sums);
  if (paired) NAME(sum_rows)(s, grid + 1, images, group, block, l0, l1, registers, sums + room);
  const NAME(epilogue) *e = &s->epilogue;
  if (e->scale || e->bias || (e->relu && !e->adds)) {
    VECTOR scale[2], bias[2];
    for (int v = 0; v < registers; v++) {
      scale[v] = NAME(channels_of)(e->scale, first + v * LANES, lanes - v * LANES, 1);
      bias[v] = NAME(channels_of)(e->bias, first + v * LANES, lanes - v * LANES, 0);
    }
    for (int64_t q = 0; q < (l1 - l0) * columns * registers; q++) {
      VECTOR x = NAME(scaled)(e, NAME(load)(sums + q * LANES), scale[q % registers], bias[q % registers]);
      NAME(store)(sums + q * LANES, e->relu && !e->adds ? NAME(relu)(x) : x);
    }
  }
  bool dense = s->target_column == 1 && s->target_row == columns;  // rows of an image follow one another
  for (int64_t l = l0; l < l1;) {
    int64_t image = l / rows, row = l % rows, output_rows = dense ? (rows - row < l1 - l ? rows - row : l1 - l) : 1;
    REAL *to = s->target + grid->target_offset + (first_image + image) * s->target_image + first * s->target_channel +
               row * s->target_row;
    for (int v = 0; v < registers; v++, to += LANES * s->target_channel) {
      int64_t count = lanes - v * LANES < LANES ? lanes - v * LANES : LANES;
      const REAL *from = sums + (l - l0) * columns * stride + v * LANES;
      if (paired) {
        int64_t second = grid[1].columns;
        NAME(unpack_pairs)(
            count, columns, second, from, sums + room + (l - l0) * second * stride + v * LANES, stride, to,
            s->target_channel);
      } else if (e->adds) {
        NAME(unpack_added)(count, output_rows * columns, from, stride, to, s->target_channel, e);
      } else if (s->target_column == 1) {
        NAME(tapestry_unpack_lanes)(count, output_rows * columns, from, stride, to, s->target_channel);
      } else {
        for (int64_t i = 0; i < count; i++)
          for (int64_t c = 0; c < columns; c++) to[i * s->target_channel + c * s->target_column] = from[c * stride + i];
      }
    }
    l += output_rows;
  }
  tapestry_release(sums, bytes);
}

INLINE bool NAME(is_paired)(const NAME(correlation) *s, int64_t grid) { return s->lanes && s->pairs && grid % 2 == 0; }

/// Output rows of one task: whole groups of rows that patches take together.
INLINE int64_t NAME(rows_of_task)(int64_t columns) {
  int64_t output_rows = TASK_PIXELS / (columns ? columns : 1) / 4 * 4;
  return output_rows < 4 ? columns >= TASK_PIXELS ? 1 : 4 : output_rows;
}
