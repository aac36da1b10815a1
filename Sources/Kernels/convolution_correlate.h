// Output pixels from padded sources: forward, and the gradient by the input, which is the same sum over the cotangent with other
// taps. For one variant and element type.
//
// Where output channels fill registers they lie along the lanes, and pixels are broadcast from the source in place
// (convolution_lanes.h): up to 14 neighbours of a row against two registers of weights [tap][channels]. Sums lie as
// [pixel][channels] and are transposed on their way out.
//
// Other wide layers are matrix products: weights [outs, depth] by pixels [depth, 32], where a panel of 2 LANES pixels is gathered from
// the padded images by runs (flattened over rows and images: no lane is wasted on narrow images) and used for all outs.
// With few output channels gathering would cost more than it saves: a register of pixels is then read in place for every
// tap, FEW_ROWS channels by FEW_VECTORS registers at a time.
//
// Over 400 lines, because all ways share the padded source and the tasks: apart, each would need the other's half.

#if VARIANT_AVX512 || VARIANT_NEON
#define FEW_ROWS 6      // 6 x 4 sums, 4 pixels and a weight: 29 registers
#define FEW_VECTORS 4
#elif VARIANT_AVX2
#define FEW_ROWS 6      // 6 x 2 sums, 2 pixels and a weight: 15 registers
#define FEW_VECTORS 2
#else
#define FEW_ROWS 4
#define FEW_VECTORS 2
#endif
#define DEPTH (4096 / REAL_BYTES)  // terms summed in registers at a time, see gemm_typed.h
#define GROUP 4                    // pixel panels of a task: 1024 x 128 floats, 512 kB of L2
#define LINE_PIXELS 448            // output pixels of a task with channels along the lanes: their sums take 56 kB
#define FEW_MOST 16                // output channels of a group up to which pixels are read in place

/// One grid of outputs that share their taps: all of them, or one phase of the gradient of a strided convolution.
typedef struct {
  int64_t rows, columns, depth;
  int64_t target_offset;
  int64_t *offsets;  // [depth] where a tap lies in the padded source, for the first group
  REAL *weights;     // packed: [group][block of the depth][panel][depth][rows of the panel]
  // If the taps lie in order of kernel rows: how many rows, and where row r of the kernel is: shift + r step rows below the
  // output. Rows that meet only zeros above or below the image are then left out. 0: unknown.
  int64_t kernel_rows, shift, step;
} TYPED(part);

typedef struct {
  TYPED(source) source;
  int64_t images, groups, outs;  // outs of one group
  REAL *target;
  int64_t target_image, target_channel, target_row, target_column;  // strides
  const REAL *bias;
  bool relu, few, lanes;
  bool in_place;                    // the source is read where it is: it needs no padding
  int64_t row_step, column_step;    // elements of the source between neighbouring outputs
  bool pairs;                       // parts 2 i and 2 i + 1 hold the even and odd columns of the same rows
  int64_t blocks, task_lines;       // with channels along the lanes: blocks of 2 LANES of them, output rows of a task
  int64_t patch;  // few channels along the lanes, by patches of this width; 0: along the registers
  int64_t part_count, panels;
  TYPED(part) *parts;
  const TYPED(part) *part;  // the one at work
  // The images at work.
  int64_t first_image, block_images, chunk;
  REAL *padded;
  int64_t pixel_group, panel_groups;
} TYPED(correlation);

INLINE int TYPED(channel_panel)(const TYPED(correlation) *s, int64_t panel, int64_t *first) {
  *first = s->outs * panel / s->panels;
  return (int)(s->outs * (panel + 1) / s->panels - *first);
}

INLINE int64_t TYPED(block_depth)(int64_t depth) {
  int64_t blocks = (depth + DEPTH - 1) / DEPTH;
  return blocks ? (depth + blocks - 1) / blocks : 0;
}

/// Outputs q0 ..< q1 (counted over the images at work) of channel panels r0 ..< r1 of one group.
static void TYPED(correlate_pixels)(
    const TYPED(correlation) *s, const TYPED(part) *part, const REAL *padded, int64_t first_image, int64_t group,
    int64_t q0, int64_t q1, int64_t r0, int64_t r1) {
  int64_t count = q1 - q0, panels = (count + TILE_COLUMNS - 1) / TILE_COLUMNS, stride = panels * TILE_COLUMNS;
  int64_t depth = TYPED(block_depth)(part->depth), from_channel, to_channel;
  TYPED(channel_panel)(s, r0, &from_channel);
  to_channel = s->outs * r1 / s->panels;
  int64_t for_pixels = stride * depth + LANES, for_sums = (to_channel - from_channel) * stride;
  for_pixels = (for_pixels + 15) / 16 * 16;
  size_t bytes = (size_t)(for_pixels + for_sums) * sizeof(REAL);
  REAL *pixels = tapestry_allocate(bytes), *sums = pixels + for_pixels;
  TYPED(run) runs[GROUP][TILE_COLUMNS];
  int64_t run_counts[GROUP];
  for (int64_t c = 0; c < panels; c++) {
    int64_t first = q0 + c * TILE_COLUMNS, end = first + TILE_COLUMNS < q1 ? first + TILE_COLUMNS : q1;
    run_counts[c] = TYPED(find_runs)(&s->source, part->rows, part->columns, first, end, runs[c]);
  }
  const REAL *source = padded + group * (s->source.channels / s->groups) * s->source.channel_size;
  const REAL *weights = part->weights + group * s->outs * part->depth;
  if (part->depth == 0) memset(sums, 0, (size_t)for_sums * sizeof(REAL));
  for (int64_t k0 = 0; k0 < part->depth; k0 += depth) {
    int64_t here = part->depth - k0 < depth ? part->depth - k0 : depth;
    for (int64_t c = 0; c < panels; c++) {
      REAL *to = pixels + c * TILE_COLUMNS * depth;
      const TYPED(run) *run = runs[c];
      int64_t run_count = run_counts[c];
      if (run_count == 2) {
        for (int64_t k = 0; k < here; k++, to += TILE_COLUMNS) {
          const REAL *tap = source + part->offsets[k0 + k];
          V a = LOAD(tap + run[0].source), b = LOAD(tap + run[1].source);
          STORE(to + run[0].target, a);
          STORE(to + run[1].target, b);
        }
      } else {
        for (int64_t k = 0; k < here; k++, to += TILE_COLUMNS) {
          const REAL *tap = source + part->offsets[k0 + k];
          for (int64_t r = 0; r < run_count; r++) STORE(to + run[r].target, LOAD(tap + run[r].source));
        }
      }
    }
    for (int64_t r = r0; r < r1; r++) {
      int64_t first;
      int rows = TYPED(channel_panel)(s, r, &first);
      const REAL *a = weights + s->outs * k0 + first * here;
      for (int64_t c = 0; c < panels; c++) {
        int vectors = count - c * TILE_COLUMNS <= LANES ? 1 : 2;
        TYPED(tiles)[vectors - 1][rows - 1](
            here, a, rows, pixels + c * TILE_COLUMNS * depth, TILE_COLUMNS,
            sums + (first - from_channel) * stride + c * TILE_COLUMNS, stride, k0 > 0);
      }
    }
  }
  int64_t plane = part->rows * part->columns;
  for (int64_t o = from_channel; o < to_channel; o++) {
    const REAL *sum = sums + (o - from_channel) * stride;
    REAL bias = s->bias ? s->bias[group * s->outs + o] : 0;
    REAL *channel = s->target + part->target_offset + (group * s->outs + o) * s->target_channel;
    for (int64_t q = q0; q < q1;) {
      int64_t image = q / plane, place = q % plane, length;
      REAL *to = channel + (first_image + image) * s->target_image;
      if (s->target_column == 1 && s->target_row == part->columns) {
        length = plane - place < q1 - q ? plane - place : q1 - q;
        to += place;
        int64_t t = 0;
        for (; t + LANES <= length; t += LANES) {
          V x = LOAD(sum + t);
          if (s->bias) x += SPLAT(bias);
          STORE(to + t, s->relu ? TYPED(relu)(x) : x);
        }
        for (; t < length; t++) {
          REAL x = sum[t];
          if (s->bias) x += bias;
          to[t] = s->relu && x < 0 ? 0 : x;
        }
      } else {
        int64_t column = place % part->columns;
        length = part->columns - column < q1 - q ? part->columns - column : q1 - q;
        to += place / part->columns * s->target_row + column * s->target_column;
        for (int64_t t = 0; t < length; t++) {
          REAL x = sum[t];
          if (s->bias) x += bias;
          to[t * s->target_column] = s->relu && x < 0 ? 0 : x;
        }
      }
      q += length;
      sum += length;
    }
  }
  tapestry_release(pixels, bytes);
}

/// What one call of the loop over taps computes, and where it goes: to targets[v] + r channel, or to sums[r][v] if a store there
/// would overrun.
typedef struct {
  const REAL *pixels[FEW_VECTORS];
  REAL *targets[FEW_VECTORS], *sums;
  int64_t depth, channel;
  const int64_t *offsets;
  const REAL *weights, *bias;
  bool relu, direct;
} TYPED(few_work);

/// Output r at register v = sum over k of weights[k rows + r] times the register at pixels[v] + offsets[k], plus bias[r].
INLINE void TYPED(few_body)(const int rows, const TYPED(few_work) *work) {
  V sum[FEW_ROWS][FEW_VECTORS];
  const REAL *at[FEW_VECTORS], *weights = work->weights;
  const int64_t *offset = work->offsets, *end = offset + work->depth;
  UNROLL for (int v = 0; v < FEW_VECTORS; v++) at[v] = work->pixels[v];
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < FEW_VECTORS; v++) sum[r][v] = (V){0};
  _Pragma("clang loop unroll(disable)") for (; offset < end; offset++, weights += rows) {
    V pixel[FEW_VECTORS];
    UNROLL for (int v = 0; v < FEW_VECTORS; v++) pixel[v] = LOAD(at[v] + *offset);
    UNROLL for (int r = 0; r < rows; r++) {
      V weight = SPLAT(weights[r]);
      UNROLL for (int v = 0; v < FEW_VECTORS; v++) sum[r][v] = FMA(weight, pixel[v], sum[r][v]);
    }
  }
  if (work->bias) {
    UNROLL for (int r = 0; r < rows; r++) {
      V bias = SPLAT(work->bias[r]);
      UNROLL for (int v = 0; v < FEW_VECTORS; v++) sum[r][v] += bias;
    }
  }
  if (work->relu) {
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < FEW_VECTORS; v++)
      sum[r][v] = TYPED(relu)(sum[r][v]);
  }
  if (work->direct) {
    UNROLL for (int v = 0; v < FEW_VECTORS; v++) UNROLL for (int r = 0; r < rows; r++)
      STORE(work->targets[v] + r * work->channel, sum[r][v]);
  } else {
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < FEW_VECTORS; v++)
      STORE(work->sums + (r * FEW_VECTORS + v) * LANES, sum[r][v]);
  }
}

typedef void (*TYPED(few))(const TYPED(few_work) *work);
#define FEW(rows) \
  static void TYPED(few_##rows)(const TYPED(few_work) *work) { TYPED(few_body)(rows, work); }
FEW(1) FEW(2) FEW(3) FEW(4)
#if FEW_ROWS > 4
FEW(5) FEW(6)
#endif
#undef FEW
static const TYPED(few) TYPED(few_rows)[FEW_ROWS] = {
  TYPED(few_1), TYPED(few_2), TYPED(few_3), TYPED(few_4),
#if FEW_ROWS > 4
  TYPED(few_5), TYPED(few_6),
#endif
};

/// Limits the taps of `work` to the kernel rows that meet the image for some output row in low ... high.
INLINE void TYPED(skip_zeros)(
    const TYPED(correlation) *s, const TYPED(part) *part, int64_t low, int64_t high, const REAL *weights, int rows,
    TYPED(few_work) *work) {
  int64_t first = 0, end = part->kernel_rows, top = s->source.top, bottom = top + s->source.height;
#define MEETS(r) (high + part->shift + (r) * part->step >= top && low + part->shift + (r) * part->step < bottom)
  while (first < end && !MEETS(first)) first++;
  while (end > first && !MEETS(end - 1)) end--;
#undef MEETS
  int64_t taps = part->depth / part->kernel_rows;
  work->offsets = part->offsets + first * taps;
  work->weights = weights + first * taps * rows;
  work->depth = (end - first) * taps;
}

/// Output rows row0 ..< row1 of all channels of one group of one image, pixels read in place. Registers start at multiples of
/// LANES; the last one of a row ends with it where the row is long enough, so that some pixels are computed twice.
static void TYPED(correlate_rows)(
    const TYPED(correlation) *s, const TYPED(part) *part, const REAL *image, int64_t image_index, int64_t group,
    int64_t row0, int64_t row1) {
  REAL sums[FEW_ROWS * FEW_VECTORS * LANES] __attribute__((aligned(64)));
  const REAL *source = image + group * (s->source.channels / s->groups) * s->source.channel_size;
  const REAL *weights = part->weights + group * s->outs * part->depth;
  int64_t per_row = (part->columns + LANES - 1) / LANES, count = (row1 - row0) * per_row;
  bool dense = s->target_column == 1 && s->target_row == part->columns;
  int64_t end = row1 * part->columns - LANES;  // stores may not pass the last row: it may be another thread's
  TYPED(few_work) work = {
    .sums = sums, .depth = part->depth, .channel = s->target_channel, .offsets = part->offsets, .relu = s->relu,
  };
  for (int64_t panel = 0; panel < s->panels; panel++) {
    int64_t first, row = row0, in_row = 0;
    int rows = TYPED(channel_panel)(s, panel, &first);
    REAL *target = s->target + part->target_offset + image_index * s->target_image +
                   (group * s->outs + first) * s->target_channel;
    work.weights = weights + first * part->depth;
    work.bias = s->bias ? s->bias + group * s->outs + first : NULL;
    for (int64_t v0 = 0; v0 < count; v0 += FEW_VECTORS) {
      int64_t column = 0, columns[FEW_VECTORS], low = row, high = row;
      work.direct = dense;
      for (int v = 0; v < FEW_VECTORS; v++) {
        if (v0 + v < count) {
          column = in_row * LANES;
          if (column + LANES > part->columns && part->columns >= LANES) column = part->columns - LANES;
          work.pixels[v] = source + row * s->source.pitch + column;
          work.targets[v] = target + row * s->target_row + column * s->target_column;
          columns[v] = column;
          high = row;
          work.direct = work.direct && row * part->columns + column <= end;
          if (++in_row == per_row) in_row = 0, row++;
        } else {  // the last one again
          work.pixels[v] = work.pixels[v - 1];
          work.targets[v] = work.targets[v - 1];
        }
      }
      if (part->kernel_rows) TYPED(skip_zeros)(s, part, low, high, weights + first * part->depth, rows, &work);
      TYPED(few_rows)[rows - 1](&work);
      if (work.direct) continue;
      for (int v = 0; v < FEW_VECTORS && v0 + v < count; v++) {
        int64_t length = part->columns - columns[v] < LANES ? part->columns - columns[v] : LANES;
        for (int r = 0; r < rows; r++) {
          const REAL *sum = sums + (r * FEW_VECTORS + v) * LANES;
          REAL *to = work.targets[v] + r * s->target_channel;
          if (length == LANES && s->target_column == 1) {
            STORE(to, LOAD(sum));
          } else {
            for (int64_t t = 0; t < length; t++) to[t * s->target_column] = sum[t];
          }
        }
      }
    }
  }
}

/// The same with channels along the lanes: see convolution_lanes.h.
static void TYPED(correlate_patches)(
    const TYPED(correlation) *s, const TYPED(part) *part, const REAL *image, int64_t image_index, int64_t group,
    int64_t row0, int64_t row1) {
  enum { room = (PATCH_SUMS + LANES - 1) / LANES * LANES };
  REAL sums[room * LANES] __attribute__((aligned(64))), channels[LANES * room + LANES];
  const REAL *source = image + group * (s->source.channels / s->groups) * s->source.channel_size;
  int64_t width = s->patch, per_row = (part->columns + width - 1) / width, count = (row1 - row0) * per_row;
  int height = TYPED(patch_height)(width, 1);
  int64_t end = row1 * part->columns - LANES;
  for (int64_t panel = 0; panel < s->panels; panel++) {
    int64_t first = panel * LANES, lanes = s->outs - first < LANES ? s->outs - first : LANES;
    const REAL *weights = part->weights + (group * s->panels + panel) * LANES * part->depth;
    const REAL *bias = s->bias ? s->bias + group * s->outs + first : NULL;
    REAL *target = s->target + part->target_offset + image_index * s->target_image +
                   (group * s->outs + first) * s->target_channel;
    int64_t row = row0, in_row = 0;
    for (int64_t v0 = 0; v0 < count; v0 += height) {
      const REAL *rows[8];
      int64_t places[8], here = count - v0 < height ? count - v0 : height;
      for (int r = 0; r < height; r++) {
        if (r < here) {
          int64_t column = in_row * width + width <= part->columns ? in_row * width : part->columns - width;
          rows[r] = source + row * s->source.pitch + column;
          places[r] = row * part->columns + column;
          if (++in_row == per_row) in_row = 0, row++;
        } else {
          rows[r] = rows[r - 1];
        }
      }
      TYPED(patch)(width, 1, part->depth, part->offsets, weights, rows, sums, false);
      for (int64_t i = 0; i < here * width; i += LANES) {
        V square[LANES];
        UNROLL for (int q = 0; q < LANES; q++) square[q] = LOAD(sums + (i + q) * LANES);
        TYPED(transpose)(square);
        UNROLL for (int q = 0; q < LANES; q++) STORE(channels + q * room + i, square[q]);
      }
      for (int64_t f = 0; f < lanes; f++) {
        REAL *to = target + f * s->target_channel;
        for (int r = 0; r < here; r++)
          for (int64_t t = 0; t < width; t += LANES) {
            V x = LOAD(channels + f * room + r * width + t);
            if (bias) x += SPLAT(bias[f]);
            if (s->relu) x = TYPED(relu)(x);
            if (places[r] + t <= end) STORE(to + places[r] + t, x);
            else TYPED(store_part)(to + places[r] + t, x, width - t < LANES ? width - t : LANES);
          }
      }
    }
  }
}

/// Sums of output rows l0 ..< l1 (counted over the images at work) and one block of channels: sums[row][column][channels].
static void TYPED(sum_lines)(
    const TYPED(correlation) *s, const TYPED(part) *part, const REAL *images, int64_t group, int64_t block, int64_t l0,
    int64_t l1, int registers, REAL *sums) {
  int64_t stride = registers * LANES, columns = part->columns, depth = TYPED(block_depth)(part->depth);
  const REAL *source = images + group * (s->source.channels / s->groups) * s->source.channel_size;
  const REAL *weights = part->weights + (group * s->blocks + block) * part->depth * 2 * LANES;
  int height = s->column_step == 1 ? TYPED(patch_height)(columns, registers) : 0;
  if (columns == 1) height = 0;
  if (part->depth == 0) memset(sums, 0, (size_t)((l1 - l0) * columns * stride) * sizeof(REAL));
  for (int64_t k0 = 0; k0 < part->depth; k0 += depth) {
    int64_t here = part->depth - k0 < depth ? part->depth - k0 : depth;
    for (int64_t l = l0; l < l1; l += height ? height : 1) {
      REAL *to = sums + (l - l0) * columns * stride;
      const REAL *lines[8];
      for (int64_t i = 0; i < (height ? height : 1); i++) {
        int64_t line = l + i < l1 ? l + i : l1 - 1;
        lines[i] = source + line / part->rows * s->source.image_size + line % part->rows * s->row_step;
      }
      if (height) {
        TYPED(patch)(columns, registers, here, part->offsets + k0, weights + k0 * stride, lines, to, k0 > 0);
        continue;
      }
      int64_t panels = (columns + COLUMN_ROWS - 1) / COLUMN_ROWS;
      for (int64_t p = 0; p < panels; p++) {
        int64_t column = columns * p / panels, rows = columns * (p + 1) / panels - column;
        TYPED(columns)[rows - 1][registers - 1](
            here, part->offsets + k0, weights + k0 * stride, lines[0] + column * s->column_step, s->column_step,
            2 * rows * s->column_step, to + column * stride, stride, k0 > 0);
      }
    }
  }
}

/// The same rows to the outputs. `paired`: the part is followed by the one whose columns lie between its own.
static void TYPED(correlate_lanes)(
    const TYPED(correlation) *s, const TYPED(part) *part, bool paired, const REAL *images, int64_t first_image, int64_t group,
    int64_t block, int64_t l0, int64_t l1) {
  int64_t first = group * s->outs + block * 2 * LANES, rows = part->rows, columns = part->columns;
  int64_t lanes = s->outs - block * 2 * LANES < 2 * LANES ? s->outs - block * 2 * LANES : 2 * LANES;
  int registers = lanes > LANES ? 2 : 1;
  // Patches overrun by up to seven rows, transposition by up to LANES pixels.
  int64_t stride = registers * LANES, room = ((l1 - l0 + 7) * columns + LANES) * stride;
  size_t bytes = (size_t)(room * (paired ? 2 : 1)) * sizeof(REAL);
  REAL *sums = tapestry_allocate(bytes);
  TYPED(sum_lines)(s, part, images, group, block, l0, l1, registers, sums);
  if (paired) TYPED(sum_lines)(s, part + 1, images, group, block, l0, l1, registers, sums + room);
  if (s->bias || s->relu) {
    V bias[2] = {{0}, {0}};
    for (int v = 0; v < registers && s->bias; v++)
      bias[v] = lanes - v * LANES >= LANES ? LOAD(s->bias + first + v * LANES)
                                           : TYPED(load_part)(s->bias + first + v * LANES, lanes - v * LANES);
    for (int64_t q = 0; q < (l1 - l0) * columns * registers; q++) {
      V x = LOAD(sums + q * LANES);
      if (s->bias) x += bias[q % registers];
      STORE(sums + q * LANES, s->relu ? TYPED(relu)(x) : x);
    }
  }
  bool dense = s->target_column == 1 && s->target_row == columns;  // rows of an image follow one another
  for (int64_t l = l0; l < l1;) {
    int64_t image = l / rows, row = l % rows, lines = dense ? (rows - row < l1 - l ? rows - row : l1 - l) : 1;
    REAL *to = s->target + part->target_offset + (first_image + image) * s->target_image + first * s->target_channel +
               row * s->target_row;
    for (int v = 0; v < registers; v++, to += LANES * s->target_channel) {
      int64_t count = lanes - v * LANES < LANES ? lanes - v * LANES : LANES;
      const REAL *from = sums + (l - l0) * columns * stride + v * LANES;
      if (paired) {
        int64_t second = part[1].columns;
        TYPED(unpack_pairs)(
            count, columns, second, from, sums + room + (l - l0) * second * stride + v * LANES, stride, to, s->target_channel);
      } else if (s->target_column == 1) {
        TYPED(unpack_lanes)(count, lines * columns, from, stride, to, s->target_channel);
      } else {
        for (int64_t i = 0; i < count; i++)
          for (int64_t c = 0; c < columns; c++) to[i * s->target_channel + c * s->target_column] = from[c * stride + i];
      }
    }
    l += lines;
  }
  tapestry_release(sums, bytes);
}

INLINE bool TYPED(is_paired)(const TYPED(correlation) *s, int64_t part) {
  return s->lanes && s->pairs && part % 2 == 0;
}

/// Output rows of one task: whole groups of lines that patches take together.
INLINE int64_t TYPED(lines_of)(const TYPED(part) *part) {
  int64_t lines = LINE_PIXELS / (part->columns ? part->columns : 1) / 4 * 4;
  return lines < 4 ? part->columns >= LINE_PIXELS ? 1 : 4 : lines;
}

INLINE void TYPED(correlate_in_place)(
    const TYPED(correlation) *s, const TYPED(part) *part, const REAL *image, int64_t image_index, int64_t group,
    int64_t row0, int64_t row1) {
  (s->patch ? TYPED(correlate_patches) : TYPED(correlate_rows))(s, part, image, image_index, group, row0, row1);
}

/// One chunk of images from the copy to the outputs, all on one thread: small images stay in its cache.
static void TYPED(chunk_task)(void *context, int64_t index) {
  const TYPED(correlation) *s = context;
  int64_t first = index * s->chunk, images = s->images - first < s->chunk ? s->images - first : s->chunk;
  size_t bytes = s->in_place ? 0 : (size_t)TYPED(source_elements)(&s->source, images) * sizeof(REAL);
  REAL *own = tapestry_allocate(bytes);
  const REAL *padded = s->in_place ? s->source.memory + first * s->source.image_size : own;
  if (!s->in_place) TYPED(pad_images)(&s->source, first, images, own);
  for (int64_t p = 0; p < s->part_count; p++) {
    const TYPED(part) *part = &s->parts[p];
    int64_t pixels = images * part->rows * part->columns, step = GROUP * TILE_COLUMNS;
    bool paired = TYPED(is_paired)(s, p);
    p += paired;
    for (int64_t group = 0; group < s->groups; group++) {
      if (s->lanes) {
        int64_t all = images * part->rows, lines = TYPED(lines_of)(part);
        for (int64_t block = 0; block < s->blocks && pixels; block++)
          for (int64_t l = 0; l < all; l += lines)
            TYPED(correlate_lanes)(s, part, paired, padded, first, group, block, l, l + lines < all ? l + lines : all);
      } else if (s->few) {
        for (int64_t n = 0; n < images && pixels; n++)
          TYPED(correlate_in_place)(s, part, padded + n * s->source.image_size, first + n, group, 0, part->rows);
      } else {
        for (int64_t q = 0; q < pixels; q += step)
          TYPED(correlate_pixels)(s, part, padded, first, group, q, q + step < pixels ? q + step : pixels, 0, s->panels);
      }
    }
  }
  tapestry_release(own, bytes);
}

static void TYPED(pad_task)(void *context, int64_t index) {
  const TYPED(correlation) *s = context;
  int64_t n = index / s->source.channels, c = index % s->source.channels;
  TYPED(pad_channel)(
      &s->source, s->first_image + n, c, s->padded + n * s->source.image_size + c * s->source.channel_size);
}

static void TYPED(pixels_task)(void *context, int64_t index) {
  const TYPED(correlation) *s = context;
  int64_t pixels = s->block_images * s->part->rows * s->part->columns;
  int64_t step = s->pixel_group * TILE_COLUMNS, steps = (pixels + step - 1) / step;
  int64_t q = index % steps * step, g = index / steps % s->groups, split = index / steps / s->groups;
  TYPED(correlate_pixels)(
      s, s->part, s->padded, s->first_image, g, q, q + step < pixels ? q + step : pixels,
      s->panels * split / s->panel_groups, s->panels * (split + 1) / s->panel_groups);
}

static void TYPED(lines_task)(void *context, int64_t index) {
  const TYPED(correlation) *s = context;
  int64_t block = index % s->blocks, group = index / s->blocks % s->groups, l = index / s->blocks / s->groups * s->task_lines;
  int64_t all = s->block_images * s->part->rows;
  TYPED(correlate_lanes)(
      s, s->part, TYPED(is_paired)(s, s->part - s->parts), s->in_place ? s->source.memory : s->padded, s->first_image, group,
      block, l, l + s->task_lines < all ? l + s->task_lines : all);
}

#define ROW_GROUP 16  // output rows of a task when pixels are read in place
static void TYPED(rows_task)(void *context, int64_t index) {
  const TYPED(correlation) *s = context;
  int64_t steps = (s->part->rows + ROW_GROUP - 1) / ROW_GROUP, row = index % steps * ROW_GROUP;
  int64_t n = index / steps % s->block_images, g = index / steps / s->block_images;
  TYPED(correlate_in_place)(
      s, s->part, s->padded + n * s->source.image_size, s->first_image + n, g, row,
      row + ROW_GROUP < s->part->rows ? row + ROW_GROUP : s->part->rows);
}

static void TYPED(correlate)(TYPED(correlation) *s) {
  double products = 0;
  int64_t deepest = 0;
  for (int64_t p = 0; p < s->part_count; p++) {
    const TYPED(part) *part = &s->parts[p];
    products += (double)(s->images * s->groups * s->outs * part->rows * part->columns) * (double)part->depth;
    if (part->depth > deepest) deepest = part->depth;
  }
  bool parallel = products >= PARALLEL_PRODUCTS;
  int64_t threads = parallel ? tapestry_thread_count() : 1;
  int64_t image_bytes = s->source.image_size * REAL_BYTES;
  s->in_place = s->lanes && s->source.step_height == 1 && s->source.step_width == 1 && s->source.rows == s->source.height && s->source.pitch == s->source.width && s->source.top == 0 &&
                s->source.left == 0;
  // Chunks: at least four per thread, and no more than 512 kB padded each.
  s->chunk = s->images / (4 * threads);
  if (s->chunk * image_bytes > 524288) s->chunk = 524288 / (image_bytes + 1);
  if (s->chunk >= 1 || (threads == 1 && image_bytes <= 524288)) {
    if (s->chunk < 1) s->chunk = 1;
    int64_t chunks = (s->images + s->chunk - 1) / s->chunk;
    if (parallel && chunks > 1) tapestry_parallel(chunks, s, TYPED(chunk_task));
    else for (int64_t i = 0; i < chunks; i++) TYPED(chunk_task)(s, i);
    return;
  }
  int64_t block = 8388608 / (image_bytes + 1);  // up to 8 MB of padded images at a time
  if (block < 1) block = 1;
  if (block > s->images || s->in_place) block = s->images;
  size_t bytes = s->in_place ? 0 : (size_t)TYPED(source_elements)(&s->source, block) * sizeof(REAL);
  s->padded = tapestry_allocate(bytes);
  for (s->first_image = 0; s->first_image < s->images; s->first_image += block) {
    s->block_images = s->images - s->first_image < block ? s->images - s->first_image : block;
    if (!s->in_place) {
      tapestry_parallel(s->block_images * s->source.channels, s, TYPED(pad_task));
      TYPED(pad_end)(&s->source, s->block_images, s->padded);
    }
    for (int64_t p = 0; p < s->part_count; p++) {
      const TYPED(part) *part = s->part = &s->parts[p];
      int64_t pixels = s->block_images * part->rows * part->columns;
      if (pixels == 0) continue;
      if (s->lanes) {
        p += TYPED(is_paired)(s, p);
        s->task_lines = TYPED(lines_of)(part);
        int64_t all = s->block_images * part->rows;
        tapestry_parallel((all + s->task_lines - 1) / s->task_lines * s->groups * s->blocks, s, TYPED(lines_task));
      } else if (s->few) {
        tapestry_parallel(s->block_images * s->groups * ((part->rows + ROW_GROUP - 1) / ROW_GROUP), s, TYPED(rows_task));
      } else {
        int64_t panels = (pixels + TILE_COLUMNS - 1) / TILE_COLUMNS;
        s->pixel_group = GROUP;
        while (s->pixel_group > 2 && panels / s->pixel_group * s->groups < 4 * threads) s->pixel_group /= 2;
        int64_t steps = (panels + s->pixel_group - 1) / s->pixel_group;
        s->panel_groups = 1;
        while (s->panel_groups * 4 <= s->panels && steps * s->groups * s->panel_groups < 3 * threads) s->panel_groups *= 2;
        tapestry_parallel(steps * s->groups * s->panel_groups, s, TYPED(pixels_task));
      }
    }
  }
  tapestry_release(s->padded, bytes);
}
