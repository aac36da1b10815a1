// Depthwise convolutions, where each channel has filters of its own, for one REAL. There is little arithmetic per
// pixel (nine products for 3x3), so memory decides: a task copies a plane with its padding to its first-level cache,
// and everything else is read from there. Pixels lie along the lanes. A 3x3 kernel holds its nine weights in registers
// and uses every register of pixels for up to three output rows.
//
//   forward          every output plane from one input plane
//   input gradient   (stride 1) every input plane from the cotangents of its filters, kernels turned round
//   weight gradient  a filter's taps from all images, DEPTHWISE_TAPS sums at a time

#define DEPTHWISE_ROWS 4        // output rows that share a tap's weight
#define DEPTHWISE_TAPS 9        // taps whose sums are in registers at a time
#define DEPTHWISE_PIXELS 16384  // of the planes of a task

typedef struct {
  const tapestry_convolution *shape;
  NAME(source) source;
  const REAL *weight, *gy;
  NAME(epilogue) epilogue;
  REAL *target;
  int64_t target_image;   // elements from one image of the target to the next
  bool square, turned;    // square: 3x3 with neighbouring taps; turned: its taps run backwards
  int64_t rows, columns;  // of an output plane
  int64_t planes, group;  // output planes of all images; of a task
  int64_t sources,
      outputs;  // input planes that an output is summed over, output planes that share an input plane: one of them is 1
  int64_t taps;      // of one input plane
  int64_t *offsets;  // [sources][taps] in the padded planes
} NAME(depthwise);

INLINE bool NAME(is_depthwise)(const tapestry_convolution *c) {
  return c->groups == c->channels && c->channels >= 4 && c->filters <= 4 * c->channels;
}

/// `rows` sums to rows `columns` apart. `affine`: scale and bias, in memory until here, for the loops before need all
/// registers.
INLINE void NAME(store_depthwise)(
    const int rows, const NAME(depthwise) *s, VECTOR *sum, const REAL *affine, int64_t stored, REAL *to) {
  const NAME(epilogue) *e = &s->epilogue;
  if (e->scale)
    UNROLLED (int r = 0; r < rows; r++) sum[r] = FMA(sum[r], SPLAT(affine[0]), SPLAT(affine[1]));
  if (e->adds)
    UNROLLED (int r = 0; r < rows; r++) {
      const REAL *addend = NAME(addend_of)(e, to + r * s->columns);
      sum[r] += stored == LANES ? NAME(load)(addend) : NAME(load_part)(addend, stored, 0);
    }
  UNROLLED (int r = 0; r < rows; r++) {
    VECTOR y = e->relu ? NAME(relu)(sum[r]) : sum[r];
    if (stored == LANES) NAME(store)(to + r * s->columns, y);
    else NAME(store_part)(to + r * s->columns, stored, y);
  }
}

/// `rows` output rows by a register of columns.
INLINE void NAME(depthwise_rows)(
    const int rows, const NAME(depthwise) *s, const REAL *at, const REAL *weights, VECTOR first, const REAL *affine,
    int64_t stored, REAL *to) {
  VECTOR sum[DEPTHWISE_ROWS];
  UNROLLED (int r = 0; r < rows; r++) sum[r] = first;
  int64_t count = s->sources * s->taps, pitch = s->source.pitch;
  for (int64_t t = 0; t < count; t++) {
    VECTOR weight = SPLAT(weights[t]);
    const REAL *pixel = at + s->offsets[t];
    UNROLLED (int r = 0; r < rows; r++) sum[r] = FMA(weight, NAME(load)(pixel + r * pitch), sum[r]);
  }
  NAME(store_depthwise)(rows, s, sum, affine, stored, to);
}

/// The same for DEPTHWISE_ROWS rows and a 3x3 kernel.
INLINE void NAME(depthwise_square)(
    const NAME(depthwise) *s, const REAL *at, const REAL *weights, VECTOR first, const REAL *affine, int64_t stored,
    REAL *to) {
  VECTOR sum[DEPTHWISE_ROWS], weight[9];
  UNROLLED (int t = 0; t < 9; t++) weight[t] = SPLAT(weights[s->turned ? 8 - t : t]);
  UNROLLED (int r = 0; r < DEPTHWISE_ROWS; r++) sum[r] = first;
  UNROLLED (int h = 0; h < DEPTHWISE_ROWS + 2; h++, at += s->source.pitch)
    UNROLLED (int w = 0; w < 3; w++) {
      VECTOR pixel = NAME(load)(at + w);
      UNROLLED (int r = 0; r < DEPTHWISE_ROWS; r++)
        if (r <= h && h <= r + 2) sum[r] = FMA(weight[(h - r) * 3 + w], pixel, sum[r]);
    }
  NAME(store_depthwise)(DEPTHWISE_ROWS, s, sum, affine, stored, to);
}

/// One output plane from padded planes.
static void NAME(depthwise_plane)(
    const NAME(depthwise) *s, const REAL *padded, const REAL *weights, const REAL *affine, REAL *to) {
  VECTOR first = SPLAT(s->epilogue.scale ? 0 : affine[1]);  // a bias alone is what the sums begin with
  int64_t last = s->columns > LANES ? s->columns - LANES : 0, stored = s->columns < LANES ? s->columns : LANES;
  for (int64_t i = 0; i < s->rows;) {
    bool many = s->rows >= DEPTHWISE_ROWS;
    if (many && i > s->rows - DEPTHWISE_ROWS) i = s->rows - DEPTHWISE_ROWS;  // the last rows overlap those before
    for (int64_t j = 0; j < s->columns; j += LANES) {
      int64_t column = j < last ? j : last;
      const REAL *at = padded + i * s->source.pitch + column;
      REAL *out = to + i * s->columns + column;
      if (many && s->square) NAME(depthwise_square)(s, at, weights, first, affine, stored, out);
      else if (many) NAME(depthwise_rows)(DEPTHWISE_ROWS, s, at, weights, first, affine, stored, out);
      else NAME(depthwise_rows)(1, s, at, weights, first, affine, stored, out);
    }
    i += many ? DEPTHWISE_ROWS : 1;
  }
}

static void NAME(depthwise_task)(void *context, int64_t index) {
  const NAME(depthwise) *s = context;
  int64_t plane = s->rows * s->columns, inputs = s->source.channels,
          all = s->outputs > 1 ? inputs * s->outputs : inputs / s->sources;
  size_t bytes = (size_t)(s->sources * s->source.channel_size + 2 * LANES) * sizeof(REAL);
  REAL *padded = tapestry_allocate(bytes);
  int64_t end = (index + 1) * s->group < s->planes ? (index + 1) * s->group : s->planes;
  for (int64_t p = index * s->group, held = -1; p < end; p++) {
    int64_t image = p / all, output = p % all, first = output / s->outputs * s->sources;
    if (held != image * inputs + first)
      for (int64_t k = 0; k < s->sources; k++)
        NAME(pad_channel)(&s->source, image, first + k, padded + k * s->source.channel_size);
    held = image * inputs + first;
    const NAME(epilogue) *e = &s->epilogue;
    REAL affine[2] = {e->scale ? e->scale[output] : 1, e->bias ? e->bias[output] : 0};
    NAME(depthwise_plane)(
        s, padded, s->weight + output * s->sources * s->taps, affine,
        s->target + image * s->target_image + output * plane);
  }
  tapestry_release(padded, bytes);
}

static void NAME(run_depthwise)(NAME(depthwise) *s, double products) {
  s->group = DEPTHWISE_PIXELS / (s->rows * s->columns);
  if (s->group < 1) s->group = 1;
  int64_t tasks = (s->planes + s->group - 1) / s->group;
  tapestry_share(products >= tapestry_shared_taps, tasks, s, NAME(depthwise_task));
}

INLINE bool NAME(is_square)(const tapestry_convolution *c) {
  return c->kernel_height == 3 && c->kernel_width == 3 && c->stride_height == 1 && c->stride_width == 1 &&
         c->dilation_height == 1 && c->dilation_width == 1;
}

INLINE double NAME(depthwise_products)(const tapestry_convolution *c) {
  return (double)(c->batch * c->filters * c->kernel_height * c->kernel_width) *
         (double)(c->output_height * c->output_width);
}

static void NAME(depthwise_forward)(
    const tapestry_convolution *c, const REAL *x, const REAL *weight, const NAME(epilogue) *epilogue,
    int64_t output_image, REAL *y) {
  NAME(depthwise) s = {
      .shape = c,
      .weight = weight,
      .epilogue = *epilogue,
      .target = y,
      .target_image = output_image,
      .rows = c->output_height,
      .columns = c->output_width,
      .planes = c->batch * c->filters,
      .sources = 1,
      .outputs = c->filters / c->channels,
      .taps = c->kernel_height * c->kernel_width,
      .square = NAME(is_square)(c)};
  size_t bytes = (size_t)s.taps * sizeof(int64_t);
  s.offsets = tapestry_allocate(bytes);
  s.source = NAME(forward_source)(c, x, true, 0, s.offsets);
  NAME(run_depthwise)(&s, NAME(depthwise_products)(c));
  tapestry_release(s.offsets, bytes);
}

/// For stride 1: tap (kh, kw) of x at (i, j) meets gy at (i + top - kh dilation, j + left - kw dilation).
static void NAME(depthwise_input_gradient)(
    const tapestry_convolution *c, const REAL *gy, const REAL *weight, REAL *gx) {
  int64_t reach_height = (c->kernel_height - 1) * c->dilation_height,
          reach_width = (c->kernel_width - 1) * c->dilation_width;
  NAME(depthwise) s = {
      .shape = c,
      .weight = weight,
      .target = gx,
      .target_image = c->channels * c->height * c->width,
      .rows = c->height,
      .columns = c->width,
      .planes = c->batch * c->channels,
      .sources = c->filters / c->channels,
      .outputs = 1,
      .taps = c->kernel_height * c->kernel_width,
      .square = NAME(is_square)(c) && c->filters == c->channels,
      .turned = true,
      .source =
          {.memory = gy,
           .images = c->batch,
           .channels = c->filters,
           .height = c->output_height,
           .width = c->output_width,
           .top = reach_height - c->top,
           .left = reach_width - c->left,
           .step_height = 1,
           .step_width = 1,
           .phases_height = 1,
           .phases_width = 1,
           .rows = c->height + reach_height,
           .pitch = c->width + reach_width},
  };
  NAME(source_sizes)(&s.source);
  size_t bytes = (size_t)(s.sources * s.taps) * sizeof(int64_t);
  s.offsets = tapestry_allocate(bytes);
  int64_t *offset = s.offsets;
  for (int64_t k = 0; k < s.sources; k++)
    for (int64_t kh = c->kernel_height - 1; kh >= 0; kh--)
      for (int64_t kw = c->kernel_width - 1; kw >= 0; kw--)
        *offset++ = k * s.source.channel_size + kh * c->dilation_height * s.source.pitch + kw * c->dilation_width;
  NAME(run_depthwise)(&s, NAME(depthwise_products)(c));
  tapestry_release(s.offsets, bytes);
}

/// The products of one cotangent plane with DEPTHWISE_TAPS taps of a padded plane, added to `sums`.
static void NAME(add_depthwise_taps)(
    const NAME(depthwise) *s, const REAL *padded, const REAL *gy, const int64_t *offsets, VECTOR *sums) {
  VECTOR sum[DEPTHWISE_TAPS];
  UNROLLED (int t = 0; t < DEPTHWISE_TAPS; t++) sum[t] = SPLAT(0);
  int64_t offset[DEPTHWISE_TAPS], columns = s->columns, whole = columns / LANES * LANES;
  for (int t = 0; t < DEPTHWISE_TAPS; t++) offset[t] = offsets[t];
  int64_t i = 0;
  if (s->square && whole > 0)
    for (; i + DEPTHWISE_ROWS <= s->rows; i += DEPTHWISE_ROWS)
      for (int64_t j = 0; j < columns; j += LANES) {
        // The last register overlaps the one before; both sides are then zero in the lanes that were counted already.
        bool rest = j + LANES > columns;
        const REAL *at = padded + i * s->source.pitch + (rest ? columns - LANES : j);
        VECTOR g[DEPTHWISE_ROWS];
        UNROLLED (int r = 0; r < DEPTHWISE_ROWS; r++)
          g[r] = rest ? NAME(load_rest)(gy + (i + r) * columns, columns) : NAME(load)(gy + (i + r) * columns + j);
        UNROLLED (int h = 0; h < DEPTHWISE_ROWS + 2; h++, at += s->source.pitch)
          UNROLLED (int w = 0; w < 3; w++) {
            VECTOR pixel = rest ? NAME(load_rest)(at + w - (columns - LANES), columns) : NAME(load)(at + w);
            UNROLLED (int r = 0; r < DEPTHWISE_ROWS; r++)
              if (r <= h && h <= r + 2) sum[(h - r) * 3 + w] = FMA(g[r], pixel, sum[(h - r) * 3 + w]);
          }
      }
  padded += i * s->source.pitch;
  gy += i * columns;
  for (; i < s->rows; i++, padded += s->source.pitch, gy += columns) {
    for (int64_t j = 0; j < whole; j += LANES) {
      VECTOR g = NAME(load)(gy + j);
      UNROLLED (int t = 0; t < DEPTHWISE_TAPS; t++) sum[t] = FMA(g, NAME(load)(padded + offset[t] + j), sum[t]);
    }
    if (whole == columns) continue;
    // Both sides are zero in the other lanes: zero times an infinity would be NaN.
    if (whole > 0) {
      VECTOR g = NAME(load_rest)(gy, columns);
      UNROLLED (int t = 0; t < DEPTHWISE_TAPS; t++)
        sum[t] = FMA(g, NAME(load_rest)(padded + offset[t], columns), sum[t]);
    } else {
      VECTOR g = NAME(load_part)(gy, columns, 0);
      UNROLLED (int t = 0; t < DEPTHWISE_TAPS; t++)
        sum[t] = FMA(g, NAME(load_part)(padded + offset[t], columns, 0), sum[t]);
    }
  }
  UNROLLED (int t = 0; t < DEPTHWISE_TAPS; t++) sums[t] += sum[t];
}

/// All taps of the filters of one channel.
static void NAME(depthwise_weight_task)(void *context, int64_t channel) {
  const NAME(depthwise) *s = context;
  int64_t pixels = s->rows * s->columns, chunks = (s->taps + DEPTHWISE_TAPS - 1) / DEPTHWISE_TAPS;
  int64_t all = s->outputs * chunks * DEPTHWISE_TAPS;
  size_t sum_bytes = (size_t)all * VECTOR_BYTES,
         bytes = sum_bytes + (size_t)(s->source.channel_size + 2 * LANES) * sizeof(REAL);
  VECTOR *sums = tapestry_allocate(bytes);
  REAL *padded = (REAL *)sums + all * LANES;
  for (int64_t t = 0; t < all; t++) sums[t] = SPLAT(0);
  for (int64_t n = 0; n < s->shape->batch; n++) {
    NAME(pad_channel)(&s->source, n, channel, padded);
    for (int64_t m = 0; m < s->outputs; m++)
      for (int64_t k = 0; k < chunks; k++)
        NAME(add_depthwise_taps)(
            s, padded, s->gy + (n * s->shape->filters + channel * s->outputs + m) * pixels,
            s->offsets + k * DEPTHWISE_TAPS, sums + (m * chunks + k) * DEPTHWISE_TAPS);
  }
  for (int64_t m = 0; m < s->outputs; m++)
    for (int64_t t = 0; t < s->taps; t++)
      s->target[(channel * s->outputs + m) * s->taps + t] =
          NAME(sum_each)(sums + m * chunks * DEPTHWISE_TAPS + t, 1)[0];
  tapestry_release(sums, bytes);
}

static void NAME(depthwise_weight_gradient)(const tapestry_convolution *c, const REAL *x, const REAL *gy, REAL *gw) {
  NAME(depthwise) s = {
      .shape = c,
      .gy = gy,
      .target = gw,
      .rows = c->output_height,
      .columns = c->output_width,
      .outputs = c->filters / c->channels,
      .taps = c->kernel_height * c->kernel_width,
      .square = NAME(is_square)(c)};
  // The last taps' registers are filled up with the last tap.
  size_t bytes = (size_t)(s.taps + DEPTHWISE_TAPS) * sizeof(int64_t);
  s.offsets = tapestry_allocate(bytes);
  s.source = NAME(forward_source)(c, x, true, 0, s.offsets);
  for (int t = 0; t < DEPTHWISE_TAPS; t++) s.offsets[s.taps + t] = s.offsets[s.taps - 1];
  tapestry_share(NAME(depthwise_products)(c) >= tapestry_shared_taps, c->channels, &s, NAME(depthwise_weight_task));
  tapestry_release(s.offsets, bytes);
}
