// Batches of small images with few channels, for one REAL: images along the lanes.
//
// LANES images are transposed to [channel][row][column][image]. Then every load is aligned, no lane is spent on the
// ragged end of a narrow row, and zeros around the image are hardly ever multiplied: only where some of the neighbours
// that are computed together meet a pixel and others do not. Every number is transposed when it is read and when it is
// stored, a quarter of a cycle each, so this pays for kernels with some arithmetic per pixel only.
//
//   y[o][i][j] = epilogue(sum over c, p, q of w[o][c][p][q] x[c][i + p - top][j + q - left])
//
// which with turned weights is the gradient by the input, too. Two or four neighbours by some channels are in
// registers. The gradient by the weight sums over pixels in every lane for itself and adds up lanes in the end; some
// filters by up to five neighbouring taps are in registers.

#define IMAGE_ROWS TUNED(8, 6, 4)          // channels by two neighbours: 16 sums
#define IMAGE_ROWS_OF_FOUR TUNED(6, 0, 0)  // channels by four neighbours: 24 sums; 0: two neighbours only
#define IMAGE_FILTERS TUNED(4, 2, 2)       // filters by five taps: 20 sums
#define IMAGE_TAPS 5
#define IMAGE_MOST 16       // output channels; with more of them the channels go along the lanes
#define IMAGE_BYTES 393216  // of transposed images that a task holds
#define IMAGE_OUTPUTS \
  49152  // bytes of outputs that are computed before they are transposed: they stay in the first-level cache
#define IMAGE_LEAST 64    // products per output that pay for its transposition
#define IMAGE_TERMS 1024  // of a sum in one lane
#define IMAGE_SHARES 16   // parts of the batch whose weight gradients are summed by themselves

typedef struct {
  const REAL *from;  // [batch, ins, height, width]
  int64_t batch, ins, height, width;
  int64_t outs, rows, columns;  // of y
  int64_t kernel_height, kernel_width, top, left;
  int64_t pitch;        // vectors in a row of the transposed source: with the zeros beside it
  int64_t splits;       // tasks for the rows of one group of images
  const REAL *weights;  // [panel][p][c][q][channels of the panel]
  NAME(epilogue) epilogue;
  REAL *to;
  int64_t to_image;  // elements from one image of y to the next
  int vectors;       // neighbours that are computed together: 2 or 4
  int64_t panels;
  // For the gradient by the weight.
  const REAL *gy;
  REAL *shares;
} NAME(images);

INLINE int64_t NAME(image_panel)(const NAME(images) *s, int64_t panel, int64_t *first) {
  *first = s->outs * panel / s->panels;
  return s->outs * (panel + 1) / s->panels - *first;
}

/// Rows r0 ..< r1 of `channels` channels of up to LANES images, from `from` on, to [channel][row][pitch][image]: `left`
/// zeros before each row, zeros behind it.
static void NAME(transpose_images)(
    int64_t lanes, const REAL *from, int64_t image_size, int64_t channels, int64_t height, int64_t width, int64_t r0,
    int64_t r1, int64_t left, int64_t pitch, REAL *to) {
  int64_t count = (r1 - r0) * width;
  for (int64_t c = 0; c < channels; c++, from += height * width, to += (r1 - r0) * pitch * LANES) {
    const REAL *rows = from + r0 * width;
    for (int64_t r = 0; r < r1 - r0 && pitch > width; r++) {
      REAL *row = to + r * pitch * LANES;
      for (int64_t q = 0; q < left; q++) NAME(store)(row + q * LANES, SPLAT(0));
      for (int64_t q = left + width; q < pitch; q++) NAME(store)(row + q * LANES, SPLAT(0));
    }
    int64_t row = 0, column = 0;
    for (int64_t k = 0; k < count; k += LANES) {
      int64_t here = count - k < LANES ? count - k : LANES;
      VECTOR square[LANES];
      UNROLLED (int i = 0; i < LANES; i++) {
        const REAL *at = rows + i * image_size + k;
        square[i] = i >= lanes ? SPLAT(0) : here == LANES ? NAME(load)(at) : NAME(load_part)(at, here, 0);
      }
      NAME(transpose)(square);
      REAL *target = to + (row * pitch + left + column) * LANES;
      for (int64_t i = 0; i < here; i++) {
        NAME(store)(target, square[i]);
        target += LANES;
        if (++column == width) column = 0, row++, target += (pitch - width) * LANES;
      }
    }
  }
}

// MARK: Outputs

/// What one call of the loop over taps computes: neighbours from `source` on for the channels of a panel, over lines
/// (p, c) of `taps` neighbouring taps each.
typedef struct {
  const REAL *source, *weights;
  REAL *target;
  const int64_t *lines, *lines_end;  // offsets of the lines from `source`
  int64_t taps, line_weights, channel;
  const REAL *scale, *bias;  // of the channels; NULL, or one value each
  bool relu;
} NAME(image_work);

INLINE void NAME(image_body)(const int rows, const int vectors, const NAME(image_work) *work) {
  VECTOR sum[IMAGE_ROWS * 3][4];
  const REAL *weights = work->weights;
  UNROLLED (int r = 0; r < rows; r++)
    UNROLLED (int v = 0; v < vectors; v++) sum[r][v] = SPLAT(0);
  int64_t taps = work->taps * LANES, skipped = work->line_weights - work->taps * rows;
  for (const int64_t *line = work->lines, *end = work->lines_end; line < end; line++, weights += skipped) {
    const REAL *pixels = work->source + *line, *last = pixels + taps;
#pragma clang loop unroll(disable)
    for (; pixels < last; pixels += LANES, weights += rows) {
      VECTOR pixel[4];
      UNROLLED (int v = 0; v < vectors; v++) pixel[v] = *(const VECTOR *)(pixels + v * LANES);
      UNROLLED (int r = 0; r < rows; r++) {
        VECTOR weight = SPLAT(weights[r]);
        UNROLLED (int v = 0; v < vectors; v++) sum[r][v] = FMA(weight, pixel[v], sum[r][v]);
      }
    }
  }
  UNROLLED (int r = 0; r < rows; r++)
    UNROLLED (int v = 0; v < vectors; v++) {
      VECTOR x = sum[r][v];
      VECTOR bias = work->bias ? SPLAT(work->bias[r]) : SPLAT(0);
      if (work->scale) x = FMA(x, SPLAT(work->scale[r]), bias);
      else if (work->bias) x += bias;
      if (work->relu) x = NAME(relu)(x);
      *(VECTOR *)(work->target + r * work->channel + v * LANES) = x;
    }
}

typedef void (*NAME(image_kernel))(const NAME(image_work) *work);
#define IMAGE_KERNEL(rows, vectors) \
  static void NAME(image_##rows##x##vectors)(const NAME(image_work) *work) { NAME(image_body)(rows, vectors, work); }
// clang-format off
IMAGE_KERNEL(1, 2) IMAGE_KERNEL(2, 2) IMAGE_KERNEL(3, 2) IMAGE_KERNEL(4, 2)
#if IMAGE_ROWS > 4
IMAGE_KERNEL(5, 2) IMAGE_KERNEL(6, 2)
#endif
#if IMAGE_ROWS > 6
IMAGE_KERNEL(7, 2) IMAGE_KERNEL(8, 2)
IMAGE_KERNEL(1, 4) IMAGE_KERNEL(2, 4) IMAGE_KERNEL(3, 4) IMAGE_KERNEL(4, 4) IMAGE_KERNEL(5, 4) IMAGE_KERNEL(6, 4)
#endif
#undef IMAGE_KERNEL
static const NAME(image_kernel) NAME(image_kernels)[2][IMAGE_ROWS] = {
  {
    NAME(image_1x2), NAME(image_2x2), NAME(image_3x2), NAME(image_4x2),
#if IMAGE_ROWS > 4
    NAME(image_5x2), NAME(image_6x2),
#endif
#if IMAGE_ROWS > 6
    NAME(image_7x2), NAME(image_8x2),
#endif
  },
#if IMAGE_ROWS > 6
  {NAME(image_1x4), NAME(image_2x4), NAME(image_3x4), NAME(image_4x4), NAME(image_5x4), NAME(image_6x4)},
#endif
};
// clang-format on

/// Taps q of a kernel row that meet the image from some of the outputs j ..< j + vectors.
INLINE void NAME(image_taps)(const NAME(images) *s, int64_t j, int64_t vectors, int64_t *first, int64_t *end) {
  *first = s->left - (j + vectors - 1) > 0 ? s->left - (j + vectors - 1) : 0;
  *end = s->width + s->left - j < s->kernel_width ? s->width + s->left - j : s->kernel_width;
  if (*end < *first) *end = *first;
}

/// Where the `tile`-th group of neighbours begins: the last one ends with the row.
INLINE int64_t NAME(image_column)(const NAME(images) *s, int64_t j) {
  return j + s->vectors > s->columns && s->columns >= s->vectors ? s->columns - s->vectors : j;
}

/// Some output rows of up to LANES images.
static void NAME(images_task)(void *context, int64_t index) {
  const NAME(images) *s = context;
  int64_t n0 = index / s->splits * LANES, lanes = s->batch - n0 < LANES ? s->batch - n0 : LANES;
  int64_t split = index % s->splits, i0 = s->rows * split / s->splits, i1 = s->rows * (split + 1) / s->splits;
  // Rows of the source that they meet.
  int64_t r0 = i0 - s->top > 0 ? i0 - s->top : 0, r1 = i1 - 1 + s->kernel_height - s->top;
  if (r1 > s->height) r1 = s->height;
  if (r1 < r0) r1 = r0;
  int64_t row_size = s->pitch * LANES, channel_size = (r1 - r0) * row_size;
  int64_t step = IMAGE_OUTPUTS / (s->columns * s->outs * LANES * REAL_BYTES);
  // Rows whose outputs fill registers are stored without crossing lines.
  int64_t whole = 1;
  while (whole * s->columns % LANES != 0) whole *= 2;
  if (whole <= 2 * step) step = step < whole ? whole : step / whole * whole;
  if (step < 1) step = 1;
  if (step > i1 - i0) step = i1 - i0;
  int64_t for_source = s->ins * channel_size + 4 * LANES, for_sums = (s->outs * step * s->columns + 4 + LANES) * LANES;
  size_t bytes = (size_t)(for_source + for_sums) * sizeof(REAL) + (size_t)(s->ins * s->kernel_height) * sizeof(int64_t);
  REAL *source = tapestry_allocate(bytes), *sums = source + for_source;
  int64_t *lines = (int64_t *)(sums + for_sums);
  NAME(transpose_images)(
      lanes, s->from + n0 * s->ins * s->height * s->width, s->ins * s->height * s->width, s->ins, s->height, s->width,
      r0, r1, s->left, s->pitch, source);
  for (int64_t p = 0; p < s->kernel_height; p++)
    for (int64_t c = 0; c < s->ins; c++) lines[p * s->ins + c] = c * channel_size + p * row_size;
  for (int64_t b0 = i0; b0 < i1; b0 += step) {
    int64_t b1 = b0 + step < i1 ? b0 + step : i1, pixels = (b1 - b0) * s->columns;
    for (int64_t panel = 0; panel < s->panels; panel++) {
      int64_t first, rows = NAME(image_panel)(s, panel, &first), line_weights = s->kernel_width * rows;
      const REAL *weights = s->weights + first * s->ins * s->kernel_height * s->kernel_width;
      NAME(image_kernel) kernel = NAME(image_kernels)[s->vectors / 4][rows - 1];
      NAME(image_work) work = {
          .scale = s->epilogue.scale ? s->epilogue.scale + first : NULL,
          .bias = s->epilogue.bias ? s->epilogue.bias + first : NULL,
          .line_weights = line_weights,
          .channel = pixels * LANES,
          .relu = s->epilogue.relu && !s->epilogue.adds};
      for (int64_t i = b0; i < b1; i++) {
        int64_t p0 = s->top - i > 0 ? s->top - i : 0, p1 = s->height + s->top - i;
        if (p1 > s->kernel_height) p1 = s->kernel_height;
        if (p1 < p0) p1 = p0;
        work.lines = lines + p0 * s->ins;
        work.lines_end = lines + p1 * s->ins;
        for (int64_t j = 0; j < s->columns; j += s->vectors) {
          int64_t q0, q1, column = NAME(image_column)(s, j);
          NAME(image_taps)(s, column, s->vectors, &q0, &q1);
          work.taps = q1 - q0;
          work.source = source + (i - s->top - r0) * row_size + (column + q0) * LANES;
          work.weights = weights + p0 * s->ins * line_weights + q0 * rows;
          work.target = sums + (first * pixels + (i - b0) * s->columns + column) * LANES;
          kernel(&work);
        }
      }
    }
    for (int64_t o = 0; o < s->outs; o++) {
      const REAL *from = sums + o * pixels * LANES;
      REAL *to = s->to + n0 * s->to_image + (o * s->rows + b0) * s->columns;
      if (s->epilogue.adds) NAME(unpack_added)(lanes, pixels, from, LANES, to, s->to_image, &s->epilogue);
      else NAME(tapestry_unpack_lanes)(lanes, pixels, from, LANES, to, s->to_image);
    }
  }
  tapestry_release(source, bytes);
}

/// Whether a batch fills the lanes of its registers by three quarters or more.
INLINE bool NAME(fills_images)(const tapestry_convolution *c) {
  return c->batch > 0 && (c->batch + LANES - 1) / LANES * LANES * 3 <= c->batch * 4 && c->groups == 1 &&
         c->stride_height == 1 && c->stride_width == 1 && c->dilation_height == 1 && c->dilation_width == 1 &&
         c->kernel_height * c->kernel_width > 1;
}

/// How many tasks share the rows of LANES images so that what each holds fits; 0: even few rows do not.
static int64_t NAME(image_splits)(const NAME(images) *s, int64_t row_bytes, int64_t wanted) {
  int64_t rows = IMAGE_BYTES / (row_bytes + 1) - (s->kernel_height - 1);  // that a task may have
  if (rows < 2 * (s->kernel_height - 1) && rows < s->rows) return 0;
  int64_t splits = (s->rows + rows - 1) / rows, groups = (s->batch + LANES - 1) / LANES;
  while (groups * splits < wanted && s->rows / (splits + 1) >= s->kernel_height) splits++;
  return splits;
}

/// Products that are computed for one output row and channel, by groups of `vectors` neighbours.
static int64_t NAME(image_cost)(NAME(images) s, int vectors) {
  int64_t cost = 0;
  s.vectors = vectors;
  for (int64_t j = 0; j < s.columns; j += vectors) {
    int64_t q0, q1;
    NAME(image_taps)(&s, NAME(image_column)(&s, j), vectors, &q0, &q1);
    cost += vectors * (q1 - q0);
  }
  return cost;
}

/// Decides how, and computes. `weights` are read as weights[o * out_step + c * in_step + tap], backwards in both axes
/// if `turned`. Returns false, and has done nothing, where another way is better.
static bool NAME(correlate_images)(
    NAME(images) *s, const REAL *weight, int64_t out_step, int64_t in_step, bool turned) {
  int64_t area = s->kernel_height * s->kernel_width;
  if (s->outs > IMAGE_MOST || s->ins * area < IMAGE_LEAST || s->ins * area > 4096 || s->columns < 4) return false;
  s->pitch = s->columns + s->kernel_width - 1;
  if (s->left + s->width > s->pitch) return false;
  s->vectors = IMAGE_ROWS_OF_FOUR && NAME(image_cost)(*s, 4) * 9 <= NAME(image_cost)(*s, 2) * 10 ? 4 : 2;
  int64_t most = s->vectors == 4 ? IMAGE_ROWS_OF_FOUR : IMAGE_ROWS;
  s->panels = (s->outs + most - 1) / most;
  int64_t threads = tapestry_thread_count(), groups = (s->batch + LANES - 1) / LANES;
  s->splits = NAME(image_splits)(s, s->ins * s->pitch * LANES * REAL_BYTES, 4 * threads);
  if (s->splits == 0) return false;
  size_t bytes = (size_t)(s->outs * s->ins * area) * sizeof(REAL);
  REAL *packed = tapestry_allocate(bytes), *to = packed;
  for (int64_t panel = 0; panel < s->panels; panel++) {
    int64_t first, rows = NAME(image_panel)(s, panel, &first);
    for (int64_t p = 0; p < s->kernel_height; p++)
      for (int64_t c = 0; c < s->ins; c++)
        for (int64_t q = 0; q < s->kernel_width; q++) {
          int64_t tap = p * s->kernel_width + q;
          const REAL *at = weight + first * out_step + c * in_step + (turned ? area - 1 - tap : tap);
          for (int64_t r = 0; r < rows; r++) *to++ = at[r * out_step];
        }
  }
  s->weights = packed;
  bool parallel = (double)(s->batch * s->outs * s->ins * area) * (double)(s->rows * s->columns) >= tapestry_shared_taps;
  tapestry_share(parallel, groups * s->splits, s, NAME(images_task));
  tapestry_release(packed, bytes);
  return true;
}

static bool NAME(images_forward)(
    const tapestry_convolution *c, const REAL *x, const REAL *weight, const NAME(epilogue) *epilogue, int64_t to_image,
    REAL *y) {
  if (!NAME(fills_images)(c)) return false;
  int64_t area = c->kernel_height * c->kernel_width;
  NAME(images) s = {
      .from = x,
      .batch = c->batch,
      .ins = c->channels,
      .height = c->height,
      .width = c->width,
      .outs = c->filters,
      .rows = c->output_height,
      .columns = c->output_width,
      .kernel_height = c->kernel_height,
      .kernel_width = c->kernel_width,
      .top = c->top,
      .left = c->left,
      .to = y,
      .to_image = to_image,
      .epilogue = *epilogue};
  return NAME(correlate_images)(&s, weight, c->channels * area, area, false);
}

static bool NAME(images_input_gradient)(const tapestry_convolution *c, const REAL *gy, const REAL *weight, REAL *gx) {
  if (!NAME(fills_images)(c)) return false;
  int64_t area = c->kernel_height * c->kernel_width;
  NAME(images) s = {
      .from = gy,
      .batch = c->batch,
      .ins = c->filters,
      .height = c->output_height,
      .width = c->output_width,
      .outs = c->channels,
      .rows = c->height,
      .columns = c->width,
      .kernel_height = c->kernel_height,
      .kernel_width = c->kernel_width,
      .top = c->kernel_height - 1 - c->top,
      .left = c->kernel_width - 1 - c->left,
      .to = gx,
      .to_image = c->channels * c->height * c->width};
  return s.top >= 0 && s.left >= 0 && NAME(correlate_images)(&s, weight, area, c->channels * area, true);
}
