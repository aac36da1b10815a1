// The gradient by the weight where filters fill registers, for one variant and element type: filters along the lanes, taps
// broadcast from the source in place (convolution_lanes.h), sums over the pixels of all images.
//
// The cotangent is rearranged to [block of filters][pixel][filters], a block being two registers; the source is copied with its
// padding, or read where it is if there is none. For a block of filters a unit of some hundred pixels, at most 64 kB of cotangent,
// is multiplied with one patch of taps after the other: only 128 bytes of cotangent and some broadcasts per 20 to 28 FMAs come from
// the second-level cache. Nothing is gathered and no register is reduced, so it does not matter how far apart a stride puts the
// pixels. Sums lie as [tap][filters] and are transposed once at the end.
//
// Tasks are blocks of filters by groups of taps by shares of the pixels, the shares added in order; sizes alone decide how many.

#define UNIT_PIXELS 384  // terms of a sum in registers
#define TASKS 32         // shares are cut until there are so many tasks
#define TASK_TAPS 160    // taps of a task: with 32 filters 20 kB of sums

typedef struct {
  const tapestry_convolution *shape;
  const REAL *gy, *source;  // source: of the first image at work
  REAL *gw, *padded, *cotangent, *sums;
  int64_t filters, taps, pixels, blocks;  // filters and taps of one group
  int64_t image_size, channel_size;       // elements of the source
  TYPED(source) padding;
  int64_t width, rows, row_stride;  // taps are rows of `width` neighbours; row_stride > 0 if all rows are equally far apart
  int64_t row_group, row_groups, sums_size;  // rows of taps of a task; elements of its sums
  int64_t shares, units;
  int64_t first_image, images;  // at work
  int64_t *row_offsets, *pixel_offsets;
  bool add;
} TYPED(wide);

INLINE int TYPED(block_registers)(const TYPED(wide) *s, int64_t block) {
  return s->filters - block * 2 * LANES > LANES ? 2 : 1;
}

static void TYPED(wide_pad_task)(void *context, int64_t index) {
  const TYPED(wide) *s = context;
  int64_t channels = s->shape->channels, copies = s->padded ? s->images * channels : 0, pixels = s->pixels;
  if (index < copies) {
    int64_t n = index / channels, c = index % channels;
    TYPED(pad_channel)(
        &s->padding, s->first_image + n, c, s->padded + n * s->image_size + c * s->channel_size);
    return;
  }
  index -= copies;
  int64_t n = index % s->images, b = index / s->images % s->blocks, g = index / s->images / s->blocks;
  int registers = TYPED(block_registers)(s, b);
  const REAL *from = s->gy + ((s->first_image + n) * s->shape->filters + g * s->filters + b * 2 * LANES) * pixels;
  REAL *to = s->cotangent + ((g * s->blocks + b) * s->images * 2 + n * registers) * pixels * LANES;
  for (int v = 0; v < registers; v++)
    TYPED(pack_lanes)(
        s->filters - (2 * b + v) * LANES, pixels, from + v * LANES * pixels, pixels, to + v * LANES, registers * LANES);
}

static void TYPED(wide_task)(void *context, int64_t index) {
  const TYPED(wide) *s = context;
  int64_t share = index % s->shares, group_of_rows = index / s->shares % s->row_groups;
  int64_t b = index / s->shares / s->row_groups % s->blocks, g = index / s->shares / s->row_groups / s->blocks;
  int registers = TYPED(block_registers)(s, b), stride = registers * LANES;
  int64_t row0 = group_of_rows * s->row_group, row1 = row0 + s->row_group < s->rows ? row0 + s->row_group : s->rows;
  REAL *sums = s->sums + index * s->sums_size;
  if (!s->add) memset(sums, 0, (size_t)s->sums_size * sizeof(REAL));
  const REAL *source = s->source + g * (s->shape->channels / s->shape->groups) * s->channel_size;
  const REAL *cotangent = s->cotangent + (g * s->blocks + b) * s->images * s->pixels * 2 * LANES;
  int64_t all = s->images * s->pixels;
  for (int64_t u = s->units * share / s->shares; u < s->units * (share + 1) / s->shares; u++) {
    int64_t q = all * u / s->units, count = all * (u + 1) / s->units - q;
    const int64_t *offsets = s->pixel_offsets + q;
    const REAL *vectors = cotangent + q * stride;
    if (s->row_stride) {
      int64_t panels = (row1 - row0 + COLUMN_ROWS - 1) / COLUMN_ROWS;
      for (int64_t p = 0; p < panels; p++) {
        int64_t r = row0 + (row1 - row0) * p / panels, height = row0 + (row1 - row0) * (p + 1) / panels - r;
        TYPED(columns)[height - 1][registers - 1](
            count, offsets, vectors, source + s->row_offsets[r], s->row_stride, sums + (r - row0) * stride, stride, true);
      }
    } else {
      int height = TYPED(patch_height)(s->width, registers);
      for (int64_t r = row0; r < row1; r += height) {
        const REAL *rows[8];
        for (int64_t i = 0; i < height; i++) rows[i] = source + s->row_offsets[r + i < row1 ? r + i : row1 - 1];
        TYPED(patch)(
            s->width, registers, count, offsets, vectors, rows, sums + (r - row0) * s->width * stride, true);
      }
    }
  }
}

/// The sums of one task of every share, added and turned: gw[filter][tap].
static void TYPED(wide_end_task)(void *context, int64_t index) {
  const TYPED(wide) *s = context;
  int64_t row = index % s->row_groups * s->row_group, b = index / s->row_groups % s->blocks;
  int64_t g = index / s->row_groups / s->blocks;
  int registers = TYPED(block_registers)(s, b), stride = registers * LANES;
  int64_t count = (s->rows - row < s->row_group ? s->rows - row : s->row_group) * s->width;
  REAL *sums = s->sums + index * s->shares * s->sums_size;
  for (int64_t share = 1; share < s->shares; share++)
    for (int64_t i = 0; i < count * stride; i += LANES)
      STORE(sums + i, LOAD(sums + i) + LOAD(sums + share * s->sums_size + i));
  for (int v = 0; v < registers; v++) {
    int64_t first = (2 * b + v) * LANES, lanes = s->filters - first < LANES ? s->filters - first : LANES;
    REAL *gw = s->gw + (g * s->filters + first) * s->taps + row * s->width;
    const REAL *from = sums + v * LANES;
    int64_t t = 0;
    for (; t + LANES <= count; t += LANES) {
      V square[LANES];
      UNROLL for (int i = 0; i < LANES; i++) square[i] = LOAD(from + (t + i) * stride);
      TYPED(transpose)(square);
      for (int64_t i = 0; i < lanes; i++) STORE(gw + i * s->taps + t, square[i]);
    }
    for (; t < count; t++)
      for (int64_t i = 0; i < lanes; i++) gw[i * s->taps + t] = from[t * stride + i];
  }
}

static void TYPED(wide_weight_gradient)(const tapestry_convolution *c, const REAL *x, const REAL *gy, REAL *gw) {
  int64_t channels = c->channels / c->groups, area = c->kernel_height * c->kernel_width;
  TYPED(wide) s = {
    .shape = c, .gy = gy, .gw = gw, .filters = c->filters / c->groups, .taps = channels * area,
    .pixels = c->output_height * c->output_width, .image_size = c->channels * c->height * c->width,
    .channel_size = c->height * c->width,
  };
  s.blocks = (s.filters + 2 * LANES - 1) / (2 * LANES);
  int64_t pitch = c->width;
  bool pads = (c->top | c->left | c->bottom | c->right) != 0;
  if (pads) {
    s.padding = (TYPED(source)){
      .memory = x, .images = c->batch, .channels = c->channels, .height = c->height, .width = c->width, .top = c->top,
      .left = c->left, .step_height = 1, .step_width = 1, .phases_height = 1, .phases_width = 1,
      .rows = (c->output_height - 1) * c->stride_height + (c->kernel_height - 1) * c->dilation_height + 1,
      .pitch = (c->output_width - 1) * c->stride_width + (c->kernel_width - 1) * c->dilation_width + 1,
    };
    TYPED(source_sizes)(&s.padding);
    s.image_size = s.padding.image_size;
    s.channel_size = s.padding.channel_size;
    pitch = s.padding.pitch;
  }
  // Taps as rows of neighbours, as columns of equal distance, or each by itself.
  s.width = c->dilation_width == 1 && c->kernel_width > 1 ? c->kernel_width : 1;
  if (s.width > 1 && (TYPED(patch_height)(s.width, 2) == 0 || TYPED(patch_height)(s.width, 1) == 0)) s.width = 1;
  s.rows = s.taps / s.width;
  if (area == 1 && channels > 1) s.row_stride = s.channel_size;
  // A multiple of every patch height (1, 2, 4, 5, 6, 8), so that only the last group overruns; its sums have room.
  s.row_group = TASK_TAPS / s.width / 24 * 24;
  if (s.row_group == 0) s.row_group = 24;
  if (s.width == 5) s.row_group = 40;
  if (s.row_group > s.rows) s.row_group = s.rows;
  s.row_groups = (s.rows + s.row_group - 1) / s.row_group;
  s.sums_size = (s.row_group + 8) * s.width * 2 * LANES;
  int64_t tasks = c->groups * s.blocks * s.row_groups;

  int64_t image_bytes = ((pads ? s.image_size : 0) + c->groups * s.blocks * 2 * LANES * s.pixels) * REAL_BYTES;
  int64_t block = 16777216 / (image_bytes + 1);
  if (block < 1) block = 1;
  if (block > c->batch) block = c->batch;
  s.units = (block * s.pixels + UNIT_PIXELS - 1) / UNIT_PIXELS;
  s.shares = (TASKS + tasks - 1) / tasks;
  if (s.shares > s.units) s.shares = s.units;

  size_t for_offsets = (size_t)(s.rows + block * s.pixels) * sizeof(int64_t);
  int64_t for_padded = pads ? (block * s.image_size + 15) / 16 * 16 : 0, for_sums = tasks * s.shares * s.sums_size;
  int64_t for_cotangent = c->groups * s.blocks * 2 * LANES * block * s.pixels;
  size_t bytes = (size_t)(for_sums + for_cotangent + for_padded) * sizeof(REAL) + for_offsets;
  s.sums = tapestry_allocate(bytes);
  s.cotangent = s.sums + for_sums;
  s.padded = pads ? s.cotangent + for_cotangent : NULL;
  s.row_offsets = (int64_t *)(s.cotangent + for_cotangent + for_padded);
  s.pixel_offsets = s.row_offsets + s.rows;
  for (int64_t r = 0; r < s.rows; r++) {
    int64_t t = r * s.width, kw = t % c->kernel_width, kh = t / c->kernel_width % c->kernel_height;
    s.row_offsets[r] = t / area * s.channel_size + kh * c->dilation_height * pitch + kw * c->dilation_width;
  }
  for (int64_t n = 0, q = 0; n < block; n++)
    for (int64_t i = 0; i < c->output_height; i++)
      for (int64_t j = 0; j < c->output_width; j++, q++)
        s.pixel_offsets[q] = n * s.image_size + i * c->stride_height * pitch + j * c->stride_width;
  bool parallel = (double)(s.filters * c->groups * s.taps) * (double)(s.pixels * c->batch) >= PARALLEL_PRODUCTS;
  for (s.first_image = 0; s.first_image < c->batch; s.first_image += block) {
    s.images = c->batch - s.first_image < block ? c->batch - s.first_image : block;
    s.units = (s.images * s.pixels + UNIT_PIXELS - 1) / UNIT_PIXELS;
    s.source = pads ? s.padded : x + s.first_image * s.image_size;
    int64_t copies = (pads ? s.images * c->channels : 0) + c->groups * s.blocks * s.images;
    if (parallel) {
      tapestry_parallel(copies, &s, TYPED(wide_pad_task));
      tapestry_parallel(tasks * s.shares, &s, TYPED(wide_task));
    } else {
      for (int64_t i = 0; i < copies; i++) TYPED(wide_pad_task)(&s, i);
      for (int64_t i = 0; i < tasks * s.shares; i++) TYPED(wide_task)(&s, i);
    }
    s.add = true;
  }
  if (parallel && s.filters * s.taps >= 16384) tapestry_parallel(tasks, &s, TYPED(wide_end_task));
  else for (int64_t i = 0; i < tasks; i++) TYPED(wide_end_task)(&s, i);
  tapestry_release(s.sums, bytes);
}

#undef UNIT_PIXELS
#undef TASKS
#undef TASK_TAPS
