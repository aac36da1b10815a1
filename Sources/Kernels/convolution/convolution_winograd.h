// 3x3 convolutions of stride 1 by Winograd's minimal filtering F(4x4, 3x3), for one variant and float32: forward, and
// the gradient by the input, which is the same with the filters turned round.
//
// A tile of 4x4 outputs sees 6x6 inputs d and filters g: y = A' [(G g G') . (B' d B)] A, 36 products where the
// definition takes 144. Summed over channels this is 36 matrix products [tiles, channels] x [channels, filters].
// Everything here has channels along the lanes, so images of any size waste no lane; inputs and outputs are transposed
// in registers when they are read and stored.
//
// The points are 0, +-3/4, +-3/2 and infinity. Their largest error over all outputs is 3 to 5e-6 of the largest output,
// 1.3 to 1.8e-5 for the customary 0, +-1, +-2 (Alam et al., "Winograd convolution for deep neural networks: efficient
// point selection", 2022, search for such points).
//
// The transforms add and subtract pixels of a tile, so one infinite pixel would make NaN of the whole tile. Outputs are
// therefore checked, and where one is not finite the caller computes everything again directly.
//
// A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", 2015.

#define TILE_POINTS 36
#define ROOM_BYTES \
  (1 << 20)  // of transformed tiles that one thread works on by itself: half of a second-level cache of 2 MB
#define SHARED_BYTES (16 << 20)  // of transformed tiles when threads work on the same ones
#define OUT_TILES 140            // of which a block of filters has its products at a time: 630 kB
#define WEIGHT_CHANNELS 16

typedef struct {
  const REAL *x, *weight;
  NAME(epilogue) epilogue;
  REAL *y;
  int64_t output_image;              // elements from one image of y to the next
  int64_t batch, channels, filters;  // of this direction: for the gradient by the input they change places
  int64_t height, width, output_height, output_width, top, left;
  int64_t tile_rows, tile_columns, tiles;
  bool turned;                          // weight is [channels, filters, 3, 3] and rotated by half a turn
  int64_t blocks, pitch_in, pitch_out;  // blocks of 2 LANES filters; elements of a tile's row of channels, of filters
  REAL *transformed;                    // weights: [point][block][channel][2 LANES]
  int64_t *identity;                    // 0, 1, 2, ... channels - 1
  int64_t tile_group;                   // tiles of a task
  // The tiles at work, when threads share them.
  int64_t first_tile, end_tile, splits;
  REAL *shared;
  int32_t finite;
} NAME(winograd);

/// r = B' d for one column of six.
INLINE void NAME(tile_in)(const VECTOR *d, int64_t step, VECTOR *r, int64_t to) {
  const VECTOR a = SPLAT(0.75), b = SPLAT(1.5), aa = SPLAT(0.5625), bb = SPLAT(2.25);
  const VECTOR product = SPLAT(1.265625), sum = SPLAT(2.8125);
  VECTOR d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  VECTOR even_a = d4 - bb * d2, odd_a = a * (d3 - bb * d1), even_b = d4 - aa * d2, odd_b = b * (d3 - aa * d1);
  r[0] = FMA(product, d0, FMA(-sum, d2, d4));
  r[to] = even_a + odd_a;
  r[2 * to] = even_a - odd_a;
  r[3 * to] = even_b + odd_b;
  r[4 * to] = even_b - odd_b;
  r[5 * to] = FMA(product, d1, FMA(-sum, d3, d5));
}

/// y = A' m for one column of six.
INLINE void NAME(tile_out)(const VECTOR *m, int64_t step, VECTOR *y, int64_t to) {
  const VECTOR a = SPLAT(0.75), b = SPLAT(1.5), aa = SPLAT(0.5625), bb = SPLAT(2.25);
  const VECTOR aaa = SPLAT(0.421875), bbb = SPLAT(3.375);
  VECTOR even_a = m[step] + m[2 * step], odd_a = m[step] - m[2 * step];
  VECTOR even_b = m[3 * step] + m[4 * step], odd_b = m[3 * step] - m[4 * step];
  y[0] = m[0] + even_a + even_b;
  y[to] = FMA(a, odd_a, b * odd_b);
  y[2 * to] = FMA(aa, even_a, bb * even_b);
  y[3 * to] = FMA(aaa, odd_a, FMA(bbb, odd_b, m[5 * step]));
}

/// u = G g for one column of three: row i is (1, p, p p) of its point p over the product of p's distances to the
/// others.
INLINE void NAME(tile_weight)(const VECTOR *g, int64_t step, VECTOR *u, int64_t to) {
  const VECTOR zero = SPLAT(64.0 / 81), a = SPLAT(-128.0 / 243), b = SPLAT(32.0 / 243);
  VECTOR g0 = g[0], g1 = g[step], g2 = g[2 * step];
  VECTOR even_a = FMA(SPLAT(0.5625), g2, g0), odd_a = SPLAT(0.75) * g1;
  VECTOR even_b = FMA(SPLAT(2.25), g2, g0), odd_b = SPLAT(1.5) * g1;
  u[0] = zero * g0;
  u[to] = a * (even_a + odd_a);
  u[2 * to] = a * (even_a - odd_a);
  u[3 * to] = b * (even_b + odd_b);
  u[4 * to] = b * (even_b - odd_b);
  u[5 * to] = g2;
}

/// The weights of channels c0 ..< c1 (16 at most) and LANES filters from `first`: to[point plane + channel 2 LANES +
/// filter].
static void NAME(winograd_weights)(
    const NAME(winograd) *s, int64_t first, int64_t c0, int64_t c1, REAL *to, int64_t plane) {
  int64_t lanes = s->filters - first;
  REAL taps[9 * WEIGHT_CHANNELS * LANES] __attribute__((aligned(64)));
  if (lanes <= 0) {  // the second register of the last block
    for (int64_t c = c0; c < c1; c++)
      for (int i = 0; i < TILE_POINTS; i++) NAME(store)(to + i * plane + c * 2 * LANES, SPLAT(0));
    return;
  }
  if (!s->turned)
    NAME(tapestry_pack_lanes)(
        lanes, (c1 - c0) * 9, s->weight + (first * s->channels + c0) * 9, s->channels * 9, taps, LANES);
  else
    for (int64_t c = c0; c < c1; c++)
      NAME(tapestry_pack_lanes)(
          lanes, 9, s->weight + (c * s->filters + first) * 9, 9, taps + (c - c0) * 9 * LANES, LANES);
  for (int64_t c = c0; c < c1; c++) {
    VECTOR g[9], half[18], u[TILE_POINTS];
    UNROLLED (int t = 0; t < 9; t++) g[t] = NAME(load)(taps + ((c - c0) * 9 + (s->turned ? 8 - t : t)) * LANES);
    UNROLLED (int w = 0; w < 3; w++) NAME(tile_weight)(g + w, 3, half + w, 3);
    UNROLLED (int h = 0; h < 6; h++) NAME(tile_weight)(half + 3 * h, 1, u + 6 * h, 1);
    UNROLLED (int i = 0; i < TILE_POINTS; i++) NAME(store)(to + i * plane + c * 2 * LANES, u[i]);
  }
}

/// All weights of one block of filters.
static void NAME(winograd_block_weights)(const NAME(winograd) *s, int64_t block, REAL *to, int64_t plane) {
  for (int64_t c = 0; c < s->channels; c += WEIGHT_CHANNELS)
    for (int v = 0; v < 2; v++)
      NAME(winograd_weights)(
          s, (2 * block + v) * LANES, c, c + WEIGHT_CHANNELS < s->channels ? c + WEIGHT_CHANNELS : s->channels,
          to + v * LANES, plane);
}

static void NAME(winograd_weight_task)(void *context, int64_t index) {
  const NAME(winograd) *s = context;
  int64_t halves = 2 * s->blocks, block = index % halves / 2, v = index % 2, c0 = index / halves * WEIGHT_CHANNELS;
  NAME(winograd_weights)(
      s, (2 * block + v) * LANES, c0, c0 + WEIGHT_CHANNELS < s->channels ? c0 + WEIGHT_CHANNELS : s->channels,
      s->transformed + block * s->channels * 2 * LANES + v * LANES, s->blocks * s->channels * 2 * LANES);
}

/// Six padded rows of LANES channels as [row][column][channel], of which a tile row reads columns 4 c0 ..< 4 c1 + 2;
/// rows that the tile row above has left are kept: row r lies in slot r % 6.
static void NAME(winograd_rows)(
    const NAME(winograd) *s, const REAL *image, int64_t lanes, int64_t row0, int64_t row1, int64_t column0,
    int64_t column1, REAL *slots, int64_t slot_size) {
  int64_t pixels = s->height * s->width;
  for (int64_t r = row0; r < row1; r++) {
    REAL *to = slots + r % 6 * slot_size;
    int64_t h = r - s->top, first = column0 - s->left, end = column1 - s->left;  // columns of the image
    int64_t w0 = first < 0 ? 0 : first, w1 = end > s->width ? s->width : end;
    if (h < 0 || h >= s->height || w0 >= w1) {
      memset(to, 0, (size_t)((column1 - column0) * LANES) * sizeof(REAL));
      continue;
    }
    memset(to, 0, (size_t)((w0 - first) * LANES) * sizeof(REAL));
    NAME(tapestry_pack_lanes)(lanes, w1 - w0, image + h * s->width + w0, pixels, to + (w0 - first) * LANES, LANES);
    memset(to + (w1 - first) * LANES, 0, (size_t)((end - w1) * LANES) * sizeof(REAL));
  }
}

/// Tiles first ..< end of one register of channels, transformed: to[point][tile - first][channel].
static void NAME(winograd_in)(
    const NAME(winograd) *s, int64_t first, int64_t end, int64_t register_index, REAL *to, int64_t plane) {
  int64_t lanes = s->channels - register_index * LANES, slot_size = (s->tile_columns * 4 + 2) * LANES;
  size_t bytes = (size_t)(6 * slot_size) * sizeof(REAL);
  REAL *slots = tapestry_allocate(bytes);
  to += register_index * LANES;
  for (int64_t t = first; t < end;) {
    int64_t row = t / s->tile_columns, c0 = t % s->tile_columns, n = row / s->tile_rows, h = row % s->tile_rows * 4;
    int64_t c1 = end - t < s->tile_columns - c0 ? c0 + end - t : s->tile_columns;
    const REAL *image = s->x + (n * s->channels + register_index * LANES) * s->height * s->width;
    bool follows = t > first && h > 0 && t - first >= s->tile_columns && c0 == 0;  // the whole row above was there
    NAME(winograd_rows)(s, image, lanes, follows ? h + 2 : h, h + 6, 4 * c0, 4 * c1 + 2, slots, slot_size);
    VECTOR d[TILE_POINTS], half[TILE_POINTS], r[TILE_POINTS];
    for (int64_t c = c0; c < c1; c++, t++) {
      const REAL *from = slots + 4 * (c - c0) * LANES;
      UNROLLED (int i = 0; i < 6; i++) {
        const REAL *line = from + (h + i) % 6 * slot_size;
        UNROLLED (int j = 0; j < 6; j++) d[6 * i + j] = NAME(load)(line + j * LANES);
      }
      UNROLLED (int j = 0; j < 6; j++) NAME(tile_in)(d + j, 6, half + j, 6);
      UNROLLED (int i = 0; i < 6; i++) NAME(tile_in)(half + 6 * i, 1, r + 6 * i, 1);
      REAL *tile = to + (t - first) * s->pitch_in;
      UNROLLED (int i = 0; i < TILE_POINTS; i++) NAME(store)(tile + i * plane, r[i]);
    }
  }
  tapestry_release(slots, bytes);
}

/// The products of one point for `tiles` tiles and one block of filters.
static void NAME(winograd_multiply)(
    const NAME(winograd) *s, int64_t tiles, const REAL *weights, const REAL *in, REAL *out, int64_t pitch_out) {
  int64_t panels = (tiles + COLUMN_ROWS - 1) / COLUMN_ROWS;
  for (int64_t p = 0; p < panels; p++) {
    int64_t t = tiles * p / panels, rows = tiles * (p + 1) / panels - t;
    NAME(tapestry_columns)[rows - 1][1](
        s->channels, s->identity, weights, in + t * s->pitch_in, s->pitch_in, 0, out + t * pitch_out, pitch_out, false);
  }
}

/// Outputs of tiles first ..< end and one register of filters, from[point plane + (tile - first) pitch + filter].
/// Returns whether all are finite.
static bool NAME(winograd_out)(
    const NAME(winograd) *s, int64_t first, int64_t end, int64_t register_index, const REAL *from, int64_t pitch,
    int64_t plane) {
  int64_t f0 = register_index * LANES, lanes = s->filters - f0 < LANES ? s->filters - f0 : LANES;
  int64_t room = (s->tile_columns * 4 + LANES - 1) / LANES * LANES;
  size_t bytes = (size_t)(4 * room * LANES) * sizeof(REAL);
  REAL *strip = tapestry_allocate(bytes);
  const NAME(epilogue) *e = &s->epilogue;
  bool relu = e->relu && !e->adds;
  VECTOR scale = NAME(channels_of)(e->scale, f0, lanes, 1), bias = NAME(channels_of)(e->bias, f0, lanes, 0), bad = {0};
  for (int64_t t = first; t < end;) {
    int64_t row = t / s->tile_columns, c0 = t % s->tile_columns, n = row / s->tile_rows, h = row % s->tile_rows * 4;
    int64_t c1 = end - t < s->tile_columns - c0 ? c0 + end - t : s->tile_columns;
    for (int64_t c = c0; c < c1; c++, t++) {
      const REAL *tile = from + (t - first) * pitch;
      VECTOR m[TILE_POINTS], half[24], y[16];
      UNROLLED (int i = 0; i < TILE_POINTS; i++) m[i] = NAME(load)(tile + i * plane);
      UNROLLED (int j = 0; j < 6; j++) NAME(tile_out)(m + j, 6, half + j, 6);
      UNROLLED (int i = 0; i < 4; i++) NAME(tile_out)(half + 6 * i, 1, y + 4 * i, 1);
      UNROLLED (int i = 0; i < 16; i++) {
        bad = FMA(y[i], SPLAT(0), bad);  // NaN as soon as one value is not finite
        VECTOR value = FMA(y[i], scale, bias);
        NAME(store)(strip + (i / 4 * room + 4 * (c - c0) + i % 4) * LANES, relu ? NAME(relu)(value) : value);
      }
    }
    int64_t w0 = 4 * c0, columns = (4 * c1 < s->output_width ? 4 * c1 : s->output_width) - w0;
    for (int64_t i = 0; i < 4 && h + i < s->output_height; i++) {
      REAL *to = s->y + n * s->output_image + (f0 * s->output_height + h + i) * s->output_width + w0;
      if (e->adds)
        NAME(unpack_added)(lanes, columns, strip + i * room * LANES, LANES, to, s->output_height * s->output_width, e);
      else
        NAME(tapestry_unpack_lanes)(
            lanes, columns, strip + i * room * LANES, LANES, to, s->output_height * s->output_width);
    }
  }
  tapestry_release(strip, bytes);
  bool finite = true;
  for (int64_t i = 0; i < lanes; i++) finite = finite && bad[i] == 0;
  return finite;
}

/// A group of tiles from images to images on one thread, in its own cache.
static void NAME(winograd_task)(void *context, int64_t index) {
  NAME(winograd) *s = context;
  int64_t first = index * s->tile_group, end = first + s->tile_group < s->tiles ? first + s->tile_group : s->tiles;
  int64_t tiles = end - first, plane_in = tiles * s->pitch_in, plane_out = tiles * s->pitch_out;
  size_t bytes = (size_t)(TILE_POINTS * (plane_in + plane_out)) * sizeof(REAL);
  REAL *in = tapestry_allocate(bytes), *out = in + TILE_POINTS * plane_in;
  bool finite = true;
  for (int64_t c = 0; c * LANES < s->channels; c++) NAME(winograd_in)(s, first, end, c, in, plane_in);
  for (int64_t i = 0; i < TILE_POINTS; i++)
    for (int64_t b = 0; b < s->blocks; b++)
      NAME(winograd_multiply)(
          s, tiles, s->transformed + (i * s->blocks + b) * s->channels * 2 * LANES, in + i * plane_in,
          out + i * plane_out + b * 2 * LANES, s->pitch_out);
  for (int64_t f = 0; f * LANES < s->filters; f++)
    finite = NAME(winograd_out)(s, first, end, f, out + f * LANES, s->pitch_out, plane_out) && finite;
  if (!finite) __atomic_store_n(&s->finite, 0, __ATOMIC_RELAXED);
  tapestry_release(in, bytes);
}

// The same where weights are large: threads share the transformed tiles, and each takes blocks of filters from the
// transform of their weights, which then never leave its cache, to the outputs.

static void NAME(winograd_in_task)(void *context, int64_t index) {
  const NAME(winograd) *s = context;
  int64_t registers = (s->channels + LANES - 1) / LANES;
  int64_t first = s->first_tile + index / registers * s->tile_group;
  int64_t end = first + s->tile_group < s->end_tile ? first + s->tile_group : s->end_tile;
  NAME(winograd_in)(
      s, first, end, index % registers, s->shared + (first - s->first_tile) * s->pitch_in,
      (s->end_tile - s->first_tile) * s->pitch_in);
}

static void NAME(winograd_block_task)(void *context, int64_t index) {
  NAME(winograd) *s = context;
  int64_t all = s->end_tile - s->first_tile, block = index / s->splits, split = index % s->splits;
  int64_t plane_in = all * s->pitch_in, plane_out = OUT_TILES * 2 * LANES + LANES, plane = s->channels * 2 * LANES;
  size_t bytes = (size_t)(TILE_POINTS * (plane + plane_out)) * sizeof(REAL);
  REAL *weights = tapestry_allocate(bytes), *out = weights + TILE_POINTS * plane;
  NAME(winograd_block_weights)(s, block, weights, plane);
  bool finite = true;
  int64_t start = all * split / s->splits, count = all * (split + 1) / s->splits - start;
  int64_t parts = (count + OUT_TILES - 1) / OUT_TILES;
  for (int64_t p = 0; p < parts; p++) {
    int64_t t = start + count * p / parts, tiles = start + count * (p + 1) / parts - t, first = s->first_tile + t;
    for (int64_t i = 0; i < TILE_POINTS; i++)
      NAME(winograd_multiply)(
          s, tiles, weights + i * plane, s->shared + i * plane_in + t * s->pitch_in, out + i * plane_out, 2 * LANES);
    for (int v = 0; v < 2 && (2 * block + v) * LANES < s->filters; v++)
      finite =
          NAME(winograd_out)(s, first, first + tiles, 2 * block + v, out + v * LANES, 2 * LANES, plane_out) && finite;
  }
  if (!finite) __atomic_store_n(&s->finite, 0, __ATOMIC_RELAXED);
  tapestry_release(weights, bytes);
}

/// Whether it pays: see the tables in docs/decisions.md. Nine of the 16 outputs of a tile, on average, must be there,
/// and there must be tiles enough for the weights to be worth transforming.
INLINE bool NAME(suits_winograd)(const tapestry_convolution *c, int64_t output_height, int64_t output_width) {
  int64_t plane_tiles = ((output_height + 3) / 4) * ((output_width + 3) / 4), tiles = c->batch * plane_tiles;
  return REAL_BYTES == 4 && c->groups == 1 && c->kernel_height == 3 && c->kernel_width == 3 && c->stride_height == 1 &&
         c->stride_width == 1 && c->dilation_height == 1 && c->dilation_width == 1 && c->top <= 2 && c->left <= 2 &&
         c->bottom <= 2 && c->right <= 2 && c->channels >= 16 && c->filters >= 16 &&
         output_height * output_width >= 9 * plane_tiles && tiles >= 16 && tiles * 10000 >= c->channels * c->filters;
}

/// Returns false, having written nothing of use, if some output is not finite.
static bool NAME(winograd_correlate)(NAME(winograd) *s) {
  s->tile_rows = (s->output_height + 3) / 4;
  s->tile_columns = (s->output_width + 3) / 4;
  s->tiles = s->batch * s->tile_rows * s->tile_columns;
  s->blocks = (s->filters + 2 * LANES - 1) / (2 * LANES);
  // Rows an odd number of lines apart fall into different sets of the cache.
  s->pitch_in = (s->channels + LANES - 1) / LANES * LANES + LANES;
  s->pitch_out = s->blocks * 2 * LANES + LANES;
  s->finite = 1;
  int64_t tile_bytes = TILE_POINTS * (s->pitch_in + s->pitch_out) * REAL_BYTES, threads = tapestry_thread_count();
  s->tile_group = ROOM_BYTES / tile_bytes / COLUMN_ROWS * COLUMN_ROWS;
  bool alone = s->tile_group > 0 && s->tiles / s->tile_group >= 4 * threads;
  int64_t for_weights = alone ? TILE_POINTS * s->blocks * 2 * LANES * s->channels : 0;
  size_t bytes = (size_t)for_weights * sizeof(REAL) + (size_t)s->channels * sizeof(int64_t);
  s->transformed = tapestry_allocate(bytes);
  s->identity = (int64_t *)(s->transformed + for_weights);
  for (int64_t c = 0; c < s->channels; c++) s->identity[c] = c;
  if (alone) {
    tapestry_parallel(
        (s->channels + WEIGHT_CHANNELS - 1) / WEIGHT_CHANNELS * 2 * s->blocks, s, NAME(winograd_weight_task));
    tapestry_parallel((s->tiles + s->tile_group - 1) / s->tile_group, s, NAME(winograd_task));
  } else {
    int64_t tile_in = TILE_POINTS * s->pitch_in * REAL_BYTES, most = SHARED_BYTES / tile_in;
    most = (s->tiles + (s->tiles + most - 1) / most - 1) / ((s->tiles + most - 1) / most);  // blocks of even size
    size_t shared_bytes = (size_t)(most * tile_in);
    s->shared = tapestry_allocate(shared_bytes);
    s->tile_group = 4 * s->tile_columns;
    s->splits = s->blocks >= 2 * threads ? 1 : (2 * threads + s->blocks - 1) / s->blocks;
    if (s->splits > most / COLUMN_ROWS) s->splits = most / COLUMN_ROWS > 0 ? most / COLUMN_ROWS : 1;
    for (s->first_tile = 0; s->first_tile < s->tiles; s->first_tile = s->end_tile) {
      s->end_tile = s->first_tile + most < s->tiles ? s->first_tile + most : s->tiles;
      int64_t groups = (s->end_tile - s->first_tile + s->tile_group - 1) / s->tile_group;
      tapestry_parallel(groups * ((s->channels + LANES - 1) / LANES), s, NAME(winograd_in_task));
      tapestry_parallel(s->blocks * s->splits, s, NAME(winograd_block_task));
    }
    tapestry_release(s->shared, shared_bytes);
  }
  tapestry_release(s->transformed, bytes);
  return s->finite != 0;
}

static bool NAME(winograd_forward)(
    const tapestry_convolution *c, const REAL *x, const REAL *weight, const NAME(epilogue) *epilogue,
    int64_t output_image, REAL *y) {
  NAME(winograd) s = {
      .x = x,
      .weight = weight,
      .epilogue = *epilogue,
      .y = y,
      .output_image = output_image,
      .batch = c->batch,
      .channels = c->channels,
      .filters = c->filters,
      .height = c->height,
      .width = c->width,
      .output_height = c->output_height,
      .output_width = c->output_width,
      .top = c->top,
      .left = c->left};
  return NAME(winograd_correlate)(&s);
}

static bool NAME(winograd_input_gradient)(const tapestry_convolution *c, const REAL *gy, const REAL *weight, REAL *gx) {
  NAME(winograd) s = {
      .x = gy,
      .weight = weight,
      .y = gx,
      .batch = c->batch,
      .channels = c->filters,
      .filters = c->channels,
      .height = c->output_height,
      .width = c->output_width,
      .output_height = c->height,
      .output_width = c->width,
      .top = 2 - c->top,
      .left = 2 - c->left,
      .turned = true,
      .output_image = c->channels * c->height * c->width};
  return NAME(winograd_correlate)(&s);
}
