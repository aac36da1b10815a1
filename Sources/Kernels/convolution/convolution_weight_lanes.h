// The gradient by the weight where channels fill registers, for one REAL: filters along the lanes, taps
// broadcast from the source in place (convolution_lanes.h), sums over the pixels of all images.
//
// The cotangent is rearranged to [block of filters][pixel][filters], a block being two registers; the source is copied
// with its padding, or read where it is if there is none. A unit of some hundred pixels (rows of an image, or small
// images) of a block is multiplied with one patch of taps after the other: only 128 bytes of cotangent and some
// broadcasts per 20 to 28 FMAs come from the second-level cache. Nothing is gathered and no register is reduced, so it
// does not matter how far apart a stride puts the pixels. Sums lie as [tap][filters] and are transposed once at the
// end.
//
// A 1x1 kernel is symmetric in source and cotangent: the one with fewer channels goes along the lanes.
//
// Small weights: tasks are shares of the units; each makes its copies in its own cache, and the shares' sums are added
// in order. Large weights: copies of all of a block of images come first; tasks are blocks of filters by groups of taps
// (by shares while there are few). Both depend on the sizes alone.

#define UNIT_PIXELS 512        // terms of a sum in registers
#define TASKS 32               // shares are cut until there are so many tasks
#define TASK_TAPS 160          // taps of a task, and
#define TASK_BLOCKS 4          // its blocks of filters: with 128 filters 80 kB of sums
#define LOCAL_ELEMENTS 65536   // sums of small weights: 256 kB of the second-level cache
#define COPIED_BYTES 16777216  // of source and cotangent at a time

typedef struct {
  const tapestry_convolution *shape;
  const REAL *lanes_of, *rows_of;  // cotangent and source [images, channels, pixels], exchanged if `turned`
  REAL *gw;
  bool turned, pads, local, add;
  int64_t filters, taps;          // of one group; filters lie along the lanes
  int64_t rows, columns, pixels;  // of the output
  int64_t blocks, task_blocks, block_groups;
  int64_t width, tap_rows,
      row_stride;  // taps are rows of `width` neighbours; row_stride > 0 if all rows are equally far apart
  int64_t row_group, row_groups;
  int64_t image_size, channel_size, pitch;           // of the source as it is read
  int64_t unit_rows, unit_images, image_units;       // units of an image, if it is more than one
  int64_t shares, first_image, images, units;        // images at work, and their units
  int64_t block_size, share_size, cotangent_stride;  // elements: sums of a block and a share; cotangent of a block
  int64_t copied_image;                              // elements of a padded image
  int64_t step_height, step_width;  // from one output's pixels to the next one's in the source as it is read
  int64_t copy_height, copy_width;  // of how many pixels the copy takes one
  NAME(source) padding;
  int64_t *row_offsets, *pixel_offsets;
  REAL *padded, *cotangent, *sums;
} NAME(wide);

typedef struct {
  int64_t image, images, row, rows, first, count;  // within the images at work; first: pixel counted over images
} NAME(unit);

INLINE NAME(unit) NAME(find_unit)(const NAME(wide) *s, int64_t index) {
  NAME(unit) u = {.image = index / s->image_units * s->unit_images, .row = index % s->image_units * s->unit_rows};
  u.images = s->images - u.image < s->unit_images ? s->images - u.image : s->unit_images;
  u.rows = s->rows - u.row < s->unit_rows ? s->rows - u.row : s->unit_rows;
  u.first = u.image * s->pixels + u.row * s->columns;
  u.count = u.images * u.rows * s->columns;
  return u;
}

INLINE int NAME(block_registers)(const NAME(wide) *s, int64_t block) {
  return s->filters - block * 2 * LANES > LANES ? 2 : 1;
}

/// `count` pixels of one image and one block of a group as [pixel][filters of the block].
static void NAME(copy_block)(
    const NAME(wide) *s, int64_t image, int64_t pixel, int64_t count, int64_t g, int64_t b, REAL *to) {
  int registers = NAME(block_registers)(s, b);
  int64_t all = s->filters * s->shape->groups, first = b * 2 * LANES;
  const REAL *from = s->lanes_of + ((s->first_image + image) * all + g * s->filters + first) * s->pixels + pixel;
  for (int v = 0; v < registers; v++)
    NAME(tapestry_pack_lanes)(
        s->filters - first - v * LANES, count, from + v * LANES * s->pixels, s->pixels, to + v * LANES,
        registers * LANES);
}

/// sums += the products of one unit for blocks b0 ..< b1 and rows of taps r0 ..< r1 of a group; `sums` is block b0, row
/// r0, `cotangent` block b0, `source` the unit's first pixel of the group's first channel.
static void NAME(multiply_unit)(
    const NAME(wide) *s, int64_t count, int64_t b0, int64_t b1, int64_t r0, int64_t r1, const REAL *source,
    const REAL *cotangent, REAL *sums) {
  for (int64_t b = b0; b < b1; b++, cotangent += s->cotangent_stride, sums += s->block_size) {
    int registers = NAME(block_registers)(s, b);
    int64_t stride = registers * LANES;
    if (s->row_stride) {
      int64_t panels = (r1 - r0 + COLUMN_ROWS - 1) / COLUMN_ROWS;
      for (int64_t p = 0; p < panels; p++) {
        int64_t r = r0 + (r1 - r0) * p / panels, height = r0 + (r1 - r0) * (p + 1) / panels - r;
        NAME(tapestry_columns)[height - 1][registers - 1](
            count, s->pixel_offsets, cotangent, source + s->row_offsets[r], s->row_stride, 0, sums + (r - r0) * stride,
            stride, true);
      }
    } else {
      int height = NAME(patch_height)(s->width, registers);
      for (int64_t r = r0; r < r1; r += height) {
        const REAL *rows[8];
        for (int64_t i = 0; i < height; i++) rows[i] = source + s->row_offsets[r + i < r1 ? r + i : r1 - 1];
        NAME(patch)(
            s->width, registers, count, s->pixel_offsets, cotangent, rows, sums + (r - r0) * s->width * stride, true);
      }
    }
  }
}

/// A share of the units, with all taps and filters.
static void NAME(local_task)(void *context, int64_t index) {
  const NAME(wide) *s = context;
  const tapestry_convolution *c = s->shape;
  REAL *sums = s->sums + index * s->share_size;
  memset(sums, 0, (size_t)s->share_size * sizeof(REAL));
  int64_t for_cotangent = c->groups * s->blocks * s->cotangent_stride;
  size_t bytes = (size_t)(for_cotangent + s->unit_images * s->copied_image) * sizeof(REAL);
  REAL *cotangent = tapestry_allocate(bytes), *padded = cotangent + for_cotangent;
  for (int64_t u = s->units * index / s->shares; u < s->units * (index + 1) / s->shares; u++) {
    NAME(unit) unit = NAME(find_unit)(s, u);
    const REAL *source = s->rows_of + unit.image * s->image_size + unit.row * s->step_height * s->pitch;
    if (s->pads) {
      NAME(source) window = s->padding;
      window.top -= unit.row * c->stride_height;
      for (int64_t n = 0; n < unit.images; n++)
        for (int64_t k = 0; k < c->channels; k++)
          NAME(pad_channel)(&window, unit.image + n, k, padded + n * s->image_size + k * s->channel_size);
      source = padded;
    }
    for (int64_t g = 0; g < c->groups; g++) {
      REAL *own = cotangent + g * s->blocks * s->cotangent_stride;
      for (int64_t b = 0; b < s->blocks; b++)
        for (int64_t n = 0, q = 0; n < unit.images; n++, q += unit.rows * s->columns)
          NAME(copy_block)(
              s, unit.image + n, unit.row * s->columns, unit.rows * s->columns, g, b,
              own + b * s->cotangent_stride + q * NAME(block_registers)(s, b) * LANES);
      NAME(multiply_unit)(
          s, unit.count, 0, s->blocks, 0, s->tap_rows, source + g * (c->channels / c->groups) * s->channel_size, own,
          sums + g * s->blocks * s->block_size);
    }
  }
  tapestry_release(cotangent, bytes);
}

static void NAME(copy_task)(void *context, int64_t index) {
  const NAME(wide) *s = context;
  int64_t channels = s->shape->channels, copies = s->pads ? s->images * channels : 0;
  if (index < copies) {
    int64_t n = index / channels, k = index % channels;
    NAME(pad_channel)(&s->padding, s->first_image + n, k, s->padded + n * s->image_size + k * s->channel_size);
    return;
  }
  index -= copies;
  int64_t n = index % s->images, b = index / s->images % s->blocks, g = index / s->images / s->blocks;
  NAME(copy_block)(
      s, n, 0, s->pixels, g, b,
      s->cotangent + (g * s->blocks + b) * s->cotangent_stride + n * s->pixels * NAME(block_registers)(s, b) * LANES);
}

/// A group of blocks by a group of rows of taps by a share of the units.
static void NAME(wide_task)(void *context, int64_t index) {
  const NAME(wide) *s = context;
  int64_t share = index % s->shares, row_group = index / s->shares % s->row_groups;
  int64_t group = index / s->shares / s->row_groups, g = group / s->block_groups;
  int64_t b0 = group % s->block_groups * s->task_blocks,
          b1 = b0 + s->task_blocks < s->blocks ? b0 + s->task_blocks : s->blocks;
  int64_t r0 = row_group * s->row_group, r1 = r0 + s->row_group < s->tap_rows ? r0 + s->row_group : s->tap_rows;
  REAL *sums = s->sums + share * s->share_size + ((g * s->row_groups + row_group) * s->blocks + b0) * s->block_size;
  if (!s->add) memset(sums, 0, (size_t)((b1 - b0) * s->block_size) * sizeof(REAL));
  const REAL *source = s->pads ? s->padded : s->rows_of + s->first_image * s->image_size;
  source += g * (s->shape->channels / s->shape->groups) * s->channel_size;
  for (int64_t u = s->units * share / s->shares; u < s->units * (share + 1) / s->shares; u++) {
    NAME(unit) unit = NAME(find_unit)(s, u);
    const REAL *from = source + unit.image * s->image_size + unit.row * s->step_height * s->pitch;
    // Only the last block can be narrower, and its pixels then lie closer.
    for (int64_t b = b0; b < b1; b++)
      NAME(multiply_unit)(
          s, unit.count, b, b + 1, r0, r1, from,
          s->cotangent + (g * s->blocks + b) * s->cotangent_stride + unit.first * NAME(block_registers)(s, b) * LANES,
          sums + (b - b0) * s->block_size);
  }
}

/// The sums of one block and group of rows, added over shares and written to gw[filter][tap] (gw[row][lane] if turned).
static void NAME(wide_end_task)(void *context, int64_t index) {
  const NAME(wide) *s = context;
  int64_t b = index % s->blocks, row = index / s->blocks % s->row_groups * s->row_group,
          g = index / s->blocks / s->row_groups;
  int registers = NAME(block_registers)(s, b);
  int64_t stride = registers * LANES;
  int64_t count = (s->tap_rows - row < s->row_group ? s->tap_rows - row : s->row_group) * s->width;
  REAL *sums = s->sums + index * s->block_size;
  for (int64_t share = 1; share < s->shares; share++)
    for (int64_t i = 0; i < count * stride; i += LANES)
      NAME(store)(sums + i, NAME(load)(sums + i) + NAME(load)(sums + share * s->share_size + i));
  for (int v = 0; v < registers; v++) {
    int64_t first = (2 * b + v) * LANES, lanes = s->filters - first < LANES ? s->filters - first : LANES;
    const REAL *from = sums + v * LANES;
    if (s->turned) {
      REAL *gw = s->gw + (g * s->taps + row) * s->filters + first;
      for (int64_t t = 0; t < count; t++) {
        if (lanes == LANES) NAME(store)(gw + t * s->filters, NAME(load)(from + t * stride));
        else NAME(store_part)(gw + t * s->filters, lanes, NAME(load)(from + t * stride));
      }
      continue;
    }
    REAL *gw = s->gw + (g * s->filters + first) * s->taps + row * s->width;
    NAME(tapestry_unpack_lanes)(lanes, count, from, stride, gw, s->taps);
  }
}

/// Units, and where pixels and taps lie in the source.
static void NAME(place_units)(NAME(wide) *s) {
  const tapestry_convolution *c = s->shape;
  s->unit_images = UNIT_PIXELS / s->pixels;
  s->unit_rows = s->rows;
  if (s->unit_images <= 1) {
    int64_t parts = (s->pixels + UNIT_PIXELS - 1) / UNIT_PIXELS;
    s->unit_images = 1;
    s->unit_rows = (s->rows + parts - 1) / parts;
  }
  if (s->unit_images > c->batch) s->unit_images = c->batch;
  s->image_units = (s->rows + s->unit_rows - 1) / s->unit_rows;
  s->pitch = c->width;
  s->channel_size = c->height * c->width;
  s->image_size = c->channels * s->channel_size;
  if (s->pads) {
    s->padding = (NAME(source)){
        .memory = s->rows_of,
        .images = c->batch,
        .channels = c->channels,
        .height = c->height,
        .width = c->width,
        .top = c->top,
        .left = c->left,
        .step_height = s->copy_height,
        .step_width = s->copy_width,
        .phases_height = 1,
        .phases_width = 1,
        .rows = ((s->local ? s->unit_rows : s->rows) - 1) * s->step_height +
                (c->kernel_height - 1) * c->dilation_height + 1,
        .pitch = (s->columns - 1) * s->step_width + (c->kernel_width - 1) * c->dilation_width + 1};
    NAME(source_sizes)(&s->padding);
    s->pitch = s->padding.pitch;
    s->channel_size = s->padding.channel_size;
    s->copied_image = s->image_size = s->padding.image_size;
  }
  s->row_stride = s->row_stride ? s->channel_size : 0;
  int64_t area = c->kernel_height * c->kernel_width;
  for (int64_t r = 0; r < s->tap_rows; r++) {
    int64_t t = r * s->width, kw = t % c->kernel_width, kh = t / c->kernel_width % c->kernel_height;
    s->row_offsets[r] = t / area * s->channel_size + kh * c->dilation_height * s->pitch + kw * c->dilation_width;
  }
  int64_t q = 0;
  for (int64_t n = 0; n < s->unit_images; n++)
    for (int64_t i = 0; i < s->unit_rows; i++)
      for (int64_t j = 0; j < s->columns; j++)
        s->pixel_offsets[q++] = n * s->image_size + i * s->step_height * s->pitch + j * s->step_width;
}

static void NAME(wide_weight_gradient)(const tapestry_convolution *shape, const REAL *x, const REAL *gy, REAL *gw) {
  tapestry_convolution exchanged = *shape;
  NAME(wide) s = {
      .shape = &exchanged,
      .lanes_of = gy,
      .rows_of = x,
      .gw = gw,
      .rows = shape->output_height,
      .columns = shape->output_width,
      .pixels = shape->output_height * shape->output_width,
      .pads = (shape->top | shape->left | shape->bottom | shape->right) != 0,
      .step_height = shape->stride_height,
      .step_width = shape->stride_width};
  int64_t area = shape->kernel_height * shape->kernel_width;
  if (area == 1 && (shape->stride_height > 1 || shape->stride_width > 1)) {
    // Few pixels are met: they are copied without the others.
    s.pads = true;
    s.copy_height = s.step_height, s.copy_width = s.step_width;
    s.step_height = s.step_width = 1;
  } else {
    s.copy_height = s.copy_width = 1;
  }
  if (area == 1 && !s.pads && shape->stride_height == 1 && shape->stride_width == 1 &&
      shape->channels < shape->filters &&
      (shape->channels / shape->groups > 2 * LANES || NAME(fills_registers)(shape->channels / shape->groups))) {
    exchanged.channels = shape->filters;
    exchanged.filters = shape->channels;
    s.lanes_of = x;
    s.rows_of = gy;
    s.turned = true;
  }
  const tapestry_convolution *c = s.shape;
  s.filters = c->filters / c->groups;
  s.taps = c->channels / c->groups * area;
  s.blocks = (s.filters + 2 * LANES - 1) / (2 * LANES);
  // Taps as rows of neighbours, as columns of equal distance, or each by itself.
  s.width = c->dilation_width == 1 && c->kernel_width > 1 ? c->kernel_width : 1;
  if (NAME(patch_height)(s.width, 2) == 0 || NAME(patch_height)(s.width, 1) == 0) s.width = 1;
  s.tap_rows = s.taps / s.width;
  s.row_stride = area == 1 && s.tap_rows > 1;
  s.local = c->groups * s.blocks * 2 * LANES * (s.taps + 8 * s.width) <= LOCAL_ELEMENTS;
  s.row_group = s.tap_rows;
  if (!s.local && s.tap_rows * s.width > TASK_TAPS) {  // a multiple of the patches' heights
    s.row_group = s.width == 5 ? 40 : s.width > 5 ? 24 : TASK_TAPS / s.width / 24 * 24;
  }
  if (s.row_group > s.tap_rows) s.row_group = s.tap_rows;
  s.row_groups = (s.tap_rows + s.row_group - 1) / s.row_group;
  s.task_blocks = s.blocks < TASK_BLOCKS ? s.blocks : TASK_BLOCKS;
  s.block_groups = (s.blocks + s.task_blocks - 1) / s.task_blocks;
  s.block_size = (s.row_group + 8) * s.width * 2 * LANES;  // the last patch of rows may overrun
  s.share_size = c->groups * s.row_groups * s.blocks * s.block_size;

  size_t offset_bytes = (size_t)(s.tap_rows + UNIT_PIXELS + s.columns + c->batch) * sizeof(int64_t);
  if (s.columns > UNIT_PIXELS) offset_bytes += (size_t)s.columns * sizeof(int64_t);
  s.row_offsets = tapestry_allocate(offset_bytes);
  s.pixel_offsets = s.row_offsets + s.tap_rows;
  NAME(place_units)(&s);
  double products = (double)(s.filters * c->groups * s.taps) * (double)(s.pixels * c->batch);
  bool parallel = products >= tapestry_shared_taps;
  if (s.local) {
    s.images = c->batch;
    s.units = (c->batch + s.unit_images - 1) / s.unit_images * s.image_units;
    s.shares = s.units < TASKS ? s.units : TASKS;
    s.cotangent_stride = s.unit_images * s.unit_rows * s.columns * 2 * LANES;
    size_t bytes = (size_t)(s.shares * s.share_size + 2 * LANES * LANES) * sizeof(REAL);  // unpack_lanes reads on
    s.sums = tapestry_allocate(bytes);
    tapestry_share(parallel, s.shares, &s, NAME(local_task));
    tapestry_share(
        parallel && s.share_size * s.shares >= 65536, c->groups * s.row_groups * s.blocks, &s, NAME(wide_end_task));
    tapestry_release(s.sums, bytes);
  } else {
    int64_t image_bytes = (s.copied_image + c->groups * s.blocks * 2 * LANES * s.pixels) * REAL_BYTES;
    int64_t block = COPIED_BYTES / (image_bytes + 1) / s.unit_images * s.unit_images;
    if (block < s.unit_images) block = s.unit_images;
    if (block > c->batch) block = c->batch;
    int64_t tasks = c->groups * s.block_groups * s.row_groups;
    s.units = (block + s.unit_images - 1) / s.unit_images * s.image_units;
    s.shares = (TASKS + tasks - 1) / tasks;
    if (s.shares > s.units) s.shares = s.units;
    s.cotangent_stride = block * s.pixels * 2 * LANES;
    int64_t for_sums = s.shares * s.share_size, for_cotangent = c->groups * s.blocks * s.cotangent_stride;
    size_t bytes = (size_t)(for_sums + for_cotangent + block * s.copied_image) * sizeof(REAL);
    s.sums = tapestry_allocate(bytes);
    s.cotangent = s.sums + for_sums;
    s.padded = s.cotangent + for_cotangent;
    for (s.first_image = 0; s.first_image < c->batch; s.first_image += block) {
      s.images = c->batch - s.first_image < block ? c->batch - s.first_image : block;
      s.units = (s.images + s.unit_images - 1) / s.unit_images * s.image_units;
      tapestry_share(
          parallel, (s.pads ? s.images * c->channels : 0) + c->groups * s.blocks * s.images, &s, NAME(copy_task));
      tapestry_share(parallel, tasks * s.shares, &s, NAME(wide_task));
      s.add = true;
    }
    tapestry_share(parallel, c->groups * s.row_groups * s.blocks, &s, NAME(wide_end_task));
    tapestry_release(s.sums, bytes);
  }
  tapestry_release(s.row_offsets, offset_bytes);
}
