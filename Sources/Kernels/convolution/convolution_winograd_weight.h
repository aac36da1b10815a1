// The gradient by 3x3 weights by Winograd's method (convolution_winograd.h), for one variant and float32.
//
// The forward is linear in the filter, so its gradient is the same product read backwards: with tiles Y of 4x4
// cotangents and tiles d of 6x6 inputs, gw = G' [sum over tiles of (A Y A') . (B' d B)] G. Summed over tiles this is 36
// matrix products [filters, tiles] x [tiles, channels], 36 multiplications where the definition takes 144. Filters lie
// along the lanes.
//
// Small weights: a task goes through its share of the tiles with sums of its own, and the shares are added in order.
// Large weights: all threads transform a block of tiles, then take points and groups of filters and channels. Both
// depend on the sizes alone.

#define WEIGHT_SHARES 16
#define SUM_BYTES (5 << 18)  // sums of small weights: with the tiles of a task they fit a second-level cache of 2 MB
#define MOST_SUM_BYTES (64 << 20)  // of large weights
#define TILE_BYTES (32 << 20)      // of transformed tiles that threads share
#define MOST_TILES 1024            // terms of a sum in registers
#define FILTER_BLOCKS 8            // blocks of 2 LANES filters of a task
#define CHANNEL_GROUP 252          // and its channels, a multiple of COLUMN_ROWS

typedef struct {
  NAME(winograd) source, cotangent;  // how their tiles are read
  int64_t channels, filters, blocks, tiles, tile_group;
  int64_t pitch, sum_plane, shares;  // elements of a tile's row of channels; of the sums of a point
  REAL *sums;                        // [share][point][block][channel][2 LANES]
  int64_t *offsets;                  // of the tiles in a row of channels
  // The tiles at work, when threads share them: [point][tile][channel] and [point][block][tile][2 LANES].
  int64_t first_tile, end_tile, channel_groups, block_groups;
  REAL *inputs, *cotangents, *gw;
  int32_t finite;
} NAME(winograd_weight);

/// r = A y for one column of four.
INLINE void NAME(tile_spread)(const VECTOR *y, int64_t step, VECTOR *r, int64_t to) {
  VECTOR y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
  VECTOR even_a = FMA(SPLAT(0.5625), y2, y0), odd_a = FMA(SPLAT(0.421875), y3, SPLAT(0.75) * y1);
  VECTOR even_b = FMA(SPLAT(2.25), y2, y0), odd_b = FMA(SPLAT(3.375), y3, SPLAT(1.5) * y1);
  r[0] = y0;
  r[to] = even_a + odd_a;
  r[2 * to] = even_a - odd_a;
  r[3 * to] = even_b + odd_b;
  r[4 * to] = even_b - odd_b;
  r[5 * to] = y3;
}

/// g = G' m for one column of six.
INLINE void NAME(tile_gather)(const VECTOR *m, int64_t step, VECTOR *g, int64_t to) {
  const VECTOR zero = SPLAT(64.0 / 81), a = SPLAT(-128.0 / 243), b = SPLAT(32.0 / 243);
  VECTOR even_a = a * (m[step] + m[2 * step]), odd_a = a * (m[step] - m[2 * step]);
  VECTOR even_b = b * (m[3 * step] + m[4 * step]), odd_b = b * (m[3 * step] - m[4 * step]);
  g[0] = FMA(zero, m[0], even_a + even_b);
  g[to] = FMA(SPLAT(0.75), odd_a, SPLAT(1.5) * odd_b);
  g[2 * to] = FMA(SPLAT(0.5625), even_a, FMA(SPLAT(2.25), even_b, m[5 * step]));
}

/// Tiles first ..< end of one register of filters of the cotangent, transformed: to[point plane + (tile - first) 2
/// LANES + filter].
static void NAME(winograd_cotangent)(
    const NAME(winograd) *s, int64_t first, int64_t end, int64_t register_index, REAL *to, int64_t plane) {
  int64_t lanes = s->channels - register_index * LANES, slot_size = s->tile_columns * 4 * LANES;
  if (lanes <= 0) {  // the second register of the last block
    for (int i = 0; i < TILE_POINTS; i++)
      for (int64_t t = 0; t < end - first; t++) NAME(store)(to + i * plane + t * 2 * LANES, SPLAT(0));
    return;
  }
  size_t bytes = (size_t)(6 * slot_size) * sizeof(REAL);
  REAL *slots = tapestry_allocate(bytes);
  for (int64_t t = first; t < end;) {
    int64_t row = t / s->tile_columns, c0 = t % s->tile_columns, n = row / s->tile_rows, h = row % s->tile_rows * 4;
    int64_t c1 = end - t < s->tile_columns - c0 ? c0 + end - t : s->tile_columns;
    const REAL *image = s->x + (n * s->channels + register_index * LANES) * s->height * s->width;
    NAME(winograd_rows)(s, image, lanes, h, h + 4, 4 * c0, 4 * c1, slots, slot_size);
    VECTOR y[16], half[24], r[TILE_POINTS];
    for (int64_t c = c0; c < c1; c++, t++) {
      UNROLLED (int i = 0; i < 4; i++) {
        const REAL *line = slots + (h + i) % 6 * slot_size + 4 * (c - c0) * LANES;
        UNROLLED (int j = 0; j < 4; j++) y[4 * i + j] = NAME(load)(line + j * LANES);
      }
      UNROLLED (int j = 0; j < 4; j++) NAME(tile_spread)(y + j, 4, half + j, 4);
      UNROLLED (int i = 0; i < 6; i++) NAME(tile_spread)(half + 4 * i, 1, r + 6 * i, 1);
      REAL *tile = to + (t - first) * 2 * LANES;
      UNROLLED (int i = 0; i < TILE_POINTS; i++) NAME(store)(tile + i * plane, r[i]);
    }
  }
  tapestry_release(slots, bytes);
}

/// sums[channel][2 LANES] (+)= the products of one point for one block of filters and `channels` channels.
INLINE void NAME(winograd_sum)(
    const NAME(winograd_weight) *s, int64_t tiles, int64_t channels, const REAL *inputs, const REAL *cotangents,
    REAL *sums, bool add) {
  int64_t panels = (channels + COLUMN_ROWS - 1) / COLUMN_ROWS;
  for (int64_t p = 0; p < panels; p++) {
    int64_t c = channels * p / panels, rows = channels * (p + 1) / panels - c;
    NAME(tapestry_columns)[rows - 1][1](
        tiles, s->offsets, cotangents, inputs + c, 1, 0, sums + c * 2 * LANES, 2 * LANES, add);
  }
}

/// A share of the tiles, with all weights.
static void NAME(winograd_share_task)(void *context, int64_t index) {
  const NAME(winograd_weight) *s = context;
  REAL *sums = s->sums + index * TILE_POINTS * s->sum_plane;
  memset(sums, 0, (size_t)(TILE_POINTS * s->sum_plane) * sizeof(REAL));
  int64_t groups = (s->tiles + s->tile_group - 1) / s->tile_group, per_tile = s->pitch + s->blocks * 2 * LANES;
  size_t bytes = (size_t)(TILE_POINTS * s->tile_group * per_tile) * sizeof(REAL);
  REAL *inputs = tapestry_allocate(bytes);
  for (int64_t g = groups * index / s->shares; g < groups * (index + 1) / s->shares; g++) {
    int64_t first = g * s->tile_group, end = first + s->tile_group < s->tiles ? first + s->tile_group : s->tiles;
    int64_t tiles = end - first, plane = tiles * s->blocks * 2 * LANES;
    REAL *cotangents = inputs + TILE_POINTS * tiles * s->pitch;
    for (int64_t c = 0; c * LANES < s->channels; c++)
      NAME(winograd_in)(&s->source, first, end, c, inputs, tiles * s->pitch);
    for (int64_t f = 0; f < 2 * s->blocks; f++)
      NAME(winograd_cotangent)(
          &s->cotangent, first, end, f, cotangents + f / 2 * tiles * 2 * LANES + f % 2 * LANES, plane);
    for (int64_t i = 0; i < TILE_POINTS; i++)
      for (int64_t b = 0; b < s->blocks; b++)
        NAME(winograd_sum)(
            s, tiles, s->channels, inputs + i * tiles * s->pitch, cotangents + i * plane + b * tiles * 2 * LANES,
            sums + i * s->sum_plane + b * s->channels * 2 * LANES, true);
  }
  tapestry_release(inputs, bytes);
}

/// One register of channels or filters of a group of the tiles that threads share, transformed.
static void NAME(winograd_tiles_task)(void *context, int64_t index) {
  const NAME(winograd_weight) *s = context;
  int64_t in_registers = (s->channels + LANES - 1) / LANES, registers = in_registers + 2 * s->blocks,
          all = s->end_tile - s->first_tile;
  int64_t start = index / registers * s->tile_group, first = s->first_tile + start,
          f = index % registers - in_registers;
  int64_t end = first + s->tile_group < s->end_tile ? first + s->tile_group : s->end_tile;
  if (f < 0) NAME(winograd_in)(&s->source, first, end, f + in_registers, s->inputs + start * s->pitch, all * s->pitch);
  else
    NAME(winograd_cotangent)(
        &s->cotangent, first, end, f, s->cotangents + (f / 2 * all + start) * 2 * LANES + f % 2 * LANES,
        s->blocks * all * 2 * LANES);
}

/// A point by a group of filters by a group of channels.
static void NAME(winograd_point_task)(void *context, int64_t index) {
  const NAME(winograd_weight) *s = context;
  int64_t i = index / s->block_groups / s->channel_groups, all = s->end_tile - s->first_tile;
  int64_t b0 = index % s->block_groups * FILTER_BLOCKS,
          b1 = b0 + FILTER_BLOCKS < s->blocks ? b0 + FILTER_BLOCKS : s->blocks;
  int64_t c0 = index / s->block_groups % s->channel_groups * CHANNEL_GROUP;
  int64_t channels = s->channels - c0 < CHANNEL_GROUP ? s->channels - c0 : CHANNEL_GROUP;
  for (int64_t b = b0; b < b1; b++)
    NAME(winograd_sum)(
        s, all, channels, s->inputs + i * all * s->pitch + c0, s->cotangents + (i * s->blocks + b) * all * 2 * LANES,
        s->sums + i * s->sum_plane + (b * s->channels + c0) * 2 * LANES, s->first_tile > 0);
}

/// The weights of one register of filters and LANES channels, from the sums of all shares.
static void NAME(winograd_weight_end_task)(void *context, int64_t index) {
  NAME(winograd_weight) *s = context;
  int64_t f0 = index % (2 * s->blocks) * LANES, c0 = index / (2 * s->blocks) * LANES;
  int64_t lanes = s->filters - f0 < LANES ? s->filters - f0 : LANES,
          channels = s->channels - c0 < LANES ? s->channels - c0 : LANES;
  if (lanes <= 0) return;
  REAL taps[(9 * LANES + LANES) * LANES] __attribute__((aligned(64)));
  VECTOR bad = {0};
  for (int64_t c = 0; c < channels; c++) {
    const REAL *from = s->sums + (f0 / (2 * LANES) * s->channels + c0 + c) * 2 * LANES + f0 % (2 * LANES);
    VECTOR m[TILE_POINTS], half[18], g[9];
    UNROLLED (int i = 0; i < TILE_POINTS; i++) m[i] = NAME(load)(from + i * s->sum_plane);
    for (int64_t share = 1; share < s->shares; share++) {
      from += TILE_POINTS * s->sum_plane;
      UNROLLED (int i = 0; i < TILE_POINTS; i++) m[i] += NAME(load)(from + i * s->sum_plane);
    }
    UNROLLED (int j = 0; j < 6; j++) NAME(tile_gather)(m + j, 6, half + j, 6);
    UNROLLED (int i = 0; i < 3; i++) NAME(tile_gather)(half + 6 * i, 1, g + 3 * i, 1);
    UNROLLED (int t = 0; t < 9; t++) {
      bad = FMA(g[t], SPLAT(0), bad);  // NaN as soon as one value is not finite
      NAME(store)(taps + (9 * c + t) * LANES, g[t]);
    }
  }
  NAME(tapestry_unpack_lanes)(lanes, 9 * channels, taps, LANES, s->gw + (f0 * s->channels + c0) * 9, s->channels * 9);
  bool finite = true;
  for (int64_t i = 0; i < lanes; i++) finite = finite && bad[i] == 0;
  if (!finite) __atomic_store_n(&s->finite, 0, __ATOMIC_RELAXED);
}

/// Returns false, having written nothing of use, if some weight is not finite or the sums were too large.
static bool NAME(winograd_weight_gradient)(const tapestry_convolution *c, const REAL *x, const REAL *gy, REAL *gw) {
  NAME(winograd_weight) s = {
      .source =
          {.x = x,
           .batch = c->batch,
           .channels = c->channels,
           .height = c->height,
           .width = c->width,
           .top = c->top,
           .left = c->left},
      .cotangent =
          {.x = gy, .batch = c->batch, .channels = c->filters, .height = c->output_height, .width = c->output_width},
      .channels = c->channels,
      .filters = c->filters,
      .blocks = (c->filters + 2 * LANES - 1) / (2 * LANES),
      .shares = 1,
      .gw = gw,
      .finite = 1};
  s.source.tile_rows = s.cotangent.tile_rows = (c->output_height + 3) / 4;
  s.source.tile_columns = s.cotangent.tile_columns = (c->output_width + 3) / 4;
  s.tiles = c->batch * s.source.tile_rows * s.source.tile_columns;
  s.pitch = s.source.pitch_in = (c->channels + LANES - 1) / LANES * LANES + LANES;
  s.sum_plane = s.blocks * s.channels * 2 * LANES;
  int64_t sum_bytes = TILE_POINTS * s.sum_plane * REAL_BYTES,
          tile_bytes = TILE_POINTS * (s.pitch + s.blocks * 2 * LANES) * REAL_BYTES;
  if (sum_bytes > MOST_SUM_BYTES) return false;
  bool alone = sum_bytes <= SUM_BYTES;
  int64_t most = (alone ? ROOM_BYTES : TILE_BYTES) / tile_bytes;
  if (most > MOST_TILES) most = MOST_TILES;
  if (most < 1) return false;
  int64_t parts = (s.tiles + most - 1) / most;
  most = (s.tiles + parts - 1) / parts;
  if (alone) s.shares = parts < WEIGHT_SHARES ? parts : WEIGHT_SHARES;
  size_t bytes = (size_t)(s.shares * sum_bytes) + (size_t)most * sizeof(int64_t);
  s.offsets = tapestry_allocate(bytes);
  s.sums = (REAL *)(s.offsets + most);
  for (int64_t t = 0; t < most; t++) s.offsets[t] = t * s.pitch;
  if (alone) {
    s.tile_group = most;
    tapestry_parallel(s.shares, &s, NAME(winograd_share_task));
  } else {
    s.tile_group = 4 * s.source.tile_columns;
    s.block_groups = (s.blocks + FILTER_BLOCKS - 1) / FILTER_BLOCKS;
    s.channel_groups = (s.channels + CHANNEL_GROUP - 1) / CHANNEL_GROUP;
    size_t shared_bytes = (size_t)(most * tile_bytes);
    s.inputs = tapestry_allocate(shared_bytes);
    s.cotangents = s.inputs + TILE_POINTS * most * s.pitch;
    for (s.first_tile = 0; s.first_tile < s.tiles; s.first_tile = s.end_tile) {
      s.end_tile = s.first_tile + most < s.tiles ? s.first_tile + most : s.tiles;
      int64_t groups = (s.end_tile - s.first_tile + s.tile_group - 1) / s.tile_group;
      tapestry_parallel(groups * ((s.channels + LANES - 1) / LANES + 2 * s.blocks), &s, NAME(winograd_tiles_task));
      tapestry_parallel(TILE_POINTS * s.block_groups * s.channel_groups, &s, NAME(winograd_point_task));
    }
    tapestry_release(s.inputs, shared_bytes);
  }
  tapestry_parallel(2 * s.blocks * ((s.channels + LANES - 1) / LANES), &s, NAME(winograd_weight_end_task));
  tapestry_release(s.offsets, bytes);
  return s.finite != 0;
}
