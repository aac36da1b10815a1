// The gradient by the weight, for one REAL: gw[f, tap] is the product of two rows of pixels, the cotangent's
// row of filter f and the source's row at tap, summed over images in a fixed order.
//
// Pixels of a block of images are laid out in rows: [filters, pixels] of the cotangent and, gathered by runs as in
// convolution_pixels.h, [taps, pixels] of the source; `dot` multiplies DOT_ROWS filters by DOT_COLUMNS taps in
// registers. Where rows of the source are read in place (few filters, wide images) the cotangent is copied with the
// source's pitch instead, zeros in the columns between. It serves where filters fill no register; see
// convolution_weight_lanes.h for the others.
//
// Small weights: images are cut into at most SHARES shares, each summed by itself and the shares added in order. Large
// weights: taps are cut into tasks that go through all images. Both depend on the sizes alone.

#define PIXELS (4096 / REAL_BYTES)  // terms of a sum in registers: six rows of the cotangent, 24 kB, stay in L1
#define SHARES 16
#define TAP_GROUP 64               // taps gathered at a time: 64 x 1024 floats, 256 kB of L2
#define SHARED_ELEMENTS (1 << 15)  // weights up to which images are shared out

typedef struct {
  NAME(source) source;
  const REAL *gy;
  REAL *gw, *shares;
  int64_t images, groups, filters, taps;  // filters and taps of one group
  int64_t rows, columns;                  // of the output
  const int64_t *offsets;
  bool in_place;
  int64_t share, share_count;
  // The images at work when taps are shared out.
  int64_t first_image, block_images, tap_group;
  REAL *padded, *cotangent;
} NAME(weights);

/// Pixels of one row of the cotangent for `images` images, and how far apart rows are: whole registers, zeros behind.
INLINE int64_t NAME(cotangent_length)(const NAME(weights) *s, int64_t images) {
  return s->in_place ? (s->rows - 1) * s->source.pitch + s->columns : images * s->rows * s->columns;
}

INLINE int64_t NAME(cotangent_stride)(const NAME(weights) *s, int64_t images) {
  return (NAME(cotangent_length)(s, images) / LANES + 2) * LANES;  // room to overrun
}

static void NAME(copy_cotangent)(
    const NAME(weights) *s, int64_t first_image, int64_t images, int64_t first, int64_t end, REAL *to) {
  int64_t stride = NAME(cotangent_stride)(s, images), pixels = s->rows * s->columns;
  const REAL *readable = s->gy + s->images * s->groups * s->filters * pixels - LANES;
  for (int64_t f = first; f < end; f++) {
    REAL *row = to + f * stride, *row_end = row + stride;
    for (int64_t n = 0; n < images; n++) {
      const REAL *from = s->gy + ((first_image + n) * s->groups * s->filters + f) * pixels;
      int64_t lines = s->in_place ? s->rows : 1, length = s->in_place ? s->columns : pixels;
      int64_t gap = s->in_place ? s->source.pitch - s->columns : 0;  // in place there is one image at a time
      for (int64_t i = 0; i < lines; i++, from += length, row += length + gap) {
        // Loads and stores overrun where both may; what they spoil is written afterwards.
        int64_t c = 0;
        if (from + length <= readable && row + length + gap + LANES <= row_end) {
          for (; c < length; c += LANES) NAME(store)(row + c, NAME(load)(from + c));
        } else {
          for (; c < length; c++) row[c] = from[c];
        }
        if (i + 1 == lines) break;
        if (row + length + gap + LANES <= row_end) {
          for (c = 0; c < gap; c += LANES) NAME(store)(row + length + c, SPLAT(0));
        } else {
          for (c = 0; c < gap; c++) row[length + c] = 0;
        }
      }
      row += length;
    }
    for (; row < row_end; row++) *row = 0;
  }
}

/// gw[filters, taps t0 ..< t1] of one group += the products over the images of `padded` and `cotangent`.
static void NAME(add_taps)(
    const NAME(weights) *s, const REAL *padded, const REAL *cotangent, int64_t images, int64_t group, int64_t t0,
    int64_t t1, REAL *gw) {
  int64_t length = NAME(cotangent_length)(s, images), stride = NAME(cotangent_stride)(s, images);
  const REAL *source = padded + group * (s->source.channels / s->groups) * s->source.channel_size;
  const REAL *rows = cotangent + group * s->filters * stride;
  REAL sums[DOT_ROWS * DOT_COLUMNS + LANES];
  REAL *gathered = NULL;
  // Gathered rows are a register longer than a block: 4096 bytes apart they would all fall into the same sets of L1.
  enum { gathered_stride = PIXELS + LANES };
  size_t gathered_bytes = (size_t)(TAP_GROUP * gathered_stride) * sizeof(REAL), run_bytes = PIXELS * sizeof(NAME(run));
  NAME(run) *runs = NULL;
  if (!s->in_place) {
    gathered = tapestry_allocate(gathered_bytes);
    runs = tapestry_allocate(run_bytes);
  }
  int64_t blocks = (length + PIXELS - 1) / PIXELS, depth = blocks ? (length + blocks - 1) / blocks : 1;
  depth = (depth + LANES - 1) / LANES * LANES;
  for (int64_t q = 0; q < length; q += depth) {
    int64_t here = length - q < depth ? length - q : depth, run_count = 0;
    int64_t whole = (here + LANES - 1) / LANES * LANES;  // the last register ends in zeros
    if (!s->in_place) run_count = NAME(find_runs)(&s->source, s->rows, s->columns, q, q + here, runs);
    for (int64_t g0 = t0; g0 < t1; g0 += TAP_GROUP) {
      int64_t g1 = g0 + TAP_GROUP < t1 ? g0 + TAP_GROUP : t1;
      if (!s->in_place)
        for (int64_t t = g0; t < g1; t++) {
          const REAL *tap = source + s->offsets[t];
          REAL *to = gathered + (t - g0) * gathered_stride;
          for (int64_t r = 0; r < run_count; r++) NAME(store)(to + runs[r].target, NAME(load)(tap + runs[r].source));
          for (int64_t p = here; p < whole; p++) to[p] = 0;
        }
      for (int64_t f = 0; f < s->filters; f += DOT_ROWS) {
        int height = (int)(s->filters - f < DOT_ROWS ? s->filters - f : DOT_ROWS);
        for (int64_t t = g0; t < g1; t += DOT_COLUMNS) {
          int width = (int)(g1 - t < DOT_COLUMNS ? g1 - t : DOT_COLUMNS);
          const REAL *columns[DOT_COLUMNS];
          for (int c = 0; c < DOT_COLUMNS; c++) {
            int64_t tap = c < width ? t + c : t;
            columns[c] = s->in_place ? source + s->offsets[tap] + q : gathered + (tap - g0) * gathered_stride;
          }
          NAME(tapestry_dots)[height - 1][width - 1](whole, rows + f * stride + q, stride, columns, columns[0], sums);
          for (int i = 0; i < height; i++)
            for (int c = 0; c < width; c++) gw[(f + i) * s->taps + t + c] += sums[i * width + c];
        }
      }
    }
  }
  if (gathered) {
    tapestry_release(gathered, gathered_bytes);
    tapestry_release(runs, run_bytes);
  }
}

/// One share of the images, from the copies to its own sum.
static void NAME(share_task)(void *context, int64_t index) {
  const NAME(weights) *s = context;
  int64_t weights = s->groups * s->filters * s->taps;
  REAL *gw = s->share_count == 1 ? s->gw : s->shares + index * weights;
  int64_t end = (index + 1) * s->share < s->images ? (index + 1) * s->share : s->images;
  memset(gw, 0, (size_t)weights * sizeof(REAL));
  // In place one image at a time; otherwise as many as fill a block of the sum and fit the cache.
  int64_t pixels = s->rows * s->columns, step = s->in_place || pixels == 0 ? 1 : PIXELS / pixels;
  if (step * s->source.image_size * REAL_BYTES > 524288) step = 524288 / (s->source.image_size * REAL_BYTES);
  if (step < 1) step = 1;
  if (step > end - index * s->share) step = end - index * s->share;
  size_t padded_bytes = (size_t)NAME(source_elements)(&s->source, step) * sizeof(REAL);
  size_t cotangent_bytes = (size_t)(s->groups * s->filters * NAME(cotangent_stride)(s, step)) * sizeof(REAL);
  REAL *padded = tapestry_allocate(padded_bytes), *cotangent = tapestry_allocate(cotangent_bytes);
  for (int64_t n = index * s->share; n < end; n += step) {
    int64_t images = end - n < step ? end - n : step;
    NAME(pad_images)(&s->source, n, images, padded);
    NAME(copy_cotangent)(s, n, images, 0, s->groups * s->filters, cotangent);
    for (int64_t g = 0; g < s->groups; g++)
      NAME(add_taps)(s, padded, cotangent, images, g, 0, s->taps, gw + g * s->filters * s->taps);
  }
  tapestry_release(padded, padded_bytes);
  tapestry_release(cotangent, cotangent_bytes);
}

static void NAME(weights_pad_task)(void *context, int64_t index) {
  const NAME(weights) *s = context;
  int64_t planes = s->block_images * s->source.channels;
  if (index < planes) {
    int64_t n = index / s->source.channels, c = index % s->source.channels;
    NAME(pad_channel)(
        &s->source, s->first_image + n, c, s->padded + n * s->source.image_size + c * s->source.channel_size);
  } else {
    NAME(copy_cotangent)(s, s->first_image, s->block_images, index - planes, index - planes + 1, s->cotangent);
  }
}

static void NAME(taps_task)(void *context, int64_t index) {
  const NAME(weights) *s = context;
  int64_t steps = (s->taps + s->tap_group - 1) / s->tap_group, g = index / steps, t0 = index % steps * s->tap_group;
  NAME(add_taps)(
      s, s->padded, s->cotangent, s->block_images, g, t0, t0 + s->tap_group < s->taps ? t0 + s->tap_group : s->taps,
      s->gw + g * s->filters * s->taps);
}

static bool NAME(has_nan)(const REAL *values, int64_t count) {
  bool found = false;
  for (int64_t i = 0; i < count; i++) found |= values[i] != values[i];
  return found;
}

static void NAME(add_weights)(NAME(weights) *s, bool may_read_in_place) {
  int64_t weights = s->groups * s->filters * s->taps, pixels = s->rows * s->columns;
  if (weights == 0) return;
  double products = (double)weights * (double)(pixels * s->images);
  if (products == 0) {
    memset(s->gw, 0, (size_t)weights * sizeof(REAL));
    return;
  }
  bool parallel = products >= tapestry_shared_taps;
  int64_t image_bytes = s->source.image_size * REAL_BYTES;
  if (weights <= SHARED_ELEMENTS && (s->images >= 4 || products < 16 * tapestry_shared_taps)) {
    // Rows in place cost the zeros between; gathering costs about three products per tap and register.
    s->in_place = may_read_in_place && s->filters <= 16 && s->rows * s->source.pitch * 4 <= pixels * 5 && pixels >= 256;
    s->share = (s->images + SHARES - 1) / SHARES;
    if (s->share == 0) s->share = 1;
    s->share_count = (s->images + s->share - 1) / s->share;
    size_t bytes = (size_t)(s->share_count * weights) * sizeof(REAL);
    if (s->share_count > 1) s->shares = tapestry_allocate(bytes);
    tapestry_share(parallel, s->share_count, s, NAME(share_task));
    if (s->share_count > 1) {
      memcpy(s->gw, s->shares, (size_t)weights * sizeof(REAL));
      for (int64_t i = 1; i < s->share_count; i++)
        for (int64_t w = 0; w < weights; w++) s->gw[w] += s->shares[i * weights + w];
      tapestry_release(s->shares, bytes);
    }
    // In place an infinity that a tap does not meet is multiplied by the zeros between the cotangent's rows.
    if (s->in_place && NAME(has_nan)(s->gw, weights)) NAME(add_weights)(s, false);
    return;
  }
  memset(s->gw, 0, (size_t)weights * sizeof(REAL));
  s->tap_group = (s->taps + 7) / 8;  // eight tasks or more
  s->tap_group = (s->tap_group + DOT_COLUMNS - 1) / DOT_COLUMNS * DOT_COLUMNS;
  if (s->tap_group > TAP_GROUP) s->tap_group = TAP_GROUP;
  int64_t block = 8388608 / (image_bytes + 1);
  if (block < 1) block = 1;
  if (block > s->images) block = s->images;
  size_t padded_bytes = (size_t)NAME(source_elements)(&s->source, block) * sizeof(REAL);
  size_t cotangent_bytes = (size_t)(s->groups * s->filters * NAME(cotangent_stride)(s, block)) * sizeof(REAL);
  s->padded = tapestry_allocate(padded_bytes);
  s->cotangent = tapestry_allocate(cotangent_bytes);
  for (s->first_image = 0; s->first_image < s->images; s->first_image += block) {
    s->block_images = s->images - s->first_image < block ? s->images - s->first_image : block;
    tapestry_parallel(s->block_images * s->source.channels + s->groups * s->filters, s, NAME(weights_pad_task));
    NAME(pad_end)(&s->source, s->block_images, s->padded);
    tapestry_parallel(s->groups * ((s->taps + s->tap_group - 1) / s->tap_group), s, NAME(taps_task));
  }
  tapestry_release(s->padded, padded_bytes);
  tapestry_release(s->cotangent, cotangent_bytes);
}
