// The gradient by the weight with images along the lanes, for one REAL: see convolution_images.h.

/// sums[f][q][image] += sum over the pixels of some rows of g[f][pixel][image] x[pixel + q][image].
INLINE void NAME(image_products)(
    const int filters, const int taps, int64_t rows, int64_t columns, const REAL *g, int64_t filter_size, const REAL *x,
    int64_t pitch, REAL *sums, int64_t sums_filter) {
  VECTOR sum[IMAGE_FILTERS][IMAGE_TAPS];
  UNROLLED (int f = 0; f < filters; f++)
    UNROLLED (int q = 0; q < taps; q++) sum[f][q] = *(const VECTOR *)(sums + f * sums_filter + q * LANES);
  for (int64_t i = 0; i < rows; i++, x += (pitch - columns) * LANES) {
    const REAL *end = g + columns * LANES;
#pragma clang loop unroll(disable)
    for (; g < end; g += LANES, x += LANES) {
      VECTOR pixel[IMAGE_TAPS];
      UNROLLED (int q = 0; q < taps; q++) pixel[q] = *(const VECTOR *)(x + q * LANES);
      UNROLLED (int f = 0; f < filters; f++) {
        VECTOR value = *(const VECTOR *)(g + f * filter_size);
        UNROLLED (int q = 0; q < taps; q++) sum[f][q] = FMA(value, pixel[q], sum[f][q]);
      }
    }
  }
  UNROLLED (int f = 0; f < filters; f++)
    UNROLLED (int q = 0; q < taps; q++) *(VECTOR *)(sums + f * sums_filter + q * LANES) = sum[f][q];
}

static void NAME(add_image_products)(
    int64_t filters, int64_t taps, int64_t rows, int64_t columns, const REAL *g, int64_t filter_size, const REAL *x,
    int64_t pitch, REAL *sums, int64_t sums_filter) {
#define TAPS(f, q) \
  if (filters == f && taps == q) NAME(image_products)(f, q, rows, columns, g, filter_size, x, pitch, sums, sums_filter);
#define FILTERS(f) TAPS(f, 1) TAPS(f, 2) TAPS(f, 3) TAPS(f, 4) TAPS(f, 5)
  FILTERS(1)
  FILTERS(2)
#if IMAGE_FILTERS > 2
  FILTERS(3) FILTERS(4)
#endif
#undef FILTERS
#undef TAPS
}

/// Some rows of the cotangents of up to LANES images, to a share of their own.
static void NAME(image_weights_task)(void *context, int64_t index) {
  const NAME(images) *s = context;
  int64_t n0 = index / s->splits * LANES, lanes = s->batch - n0 < LANES ? s->batch - n0 : LANES;
  int64_t split = index % s->splits, i0 = s->rows * split / s->splits, i1 = s->rows * (split + 1) / s->splits;
  int64_t r0 = i0 - s->top > 0 ? i0 - s->top : 0, r1 = i1 - 1 + s->kernel_height - s->top;
  if (r1 > s->height) r1 = s->height;
  if (r1 < r0) r1 = r0;
  int64_t area = s->kernel_height * s->kernel_width, weights = s->outs * s->ins * area;
  int64_t row_size = s->pitch * LANES, channel_size = (r1 - r0) * row_size,
          filter_size = (i1 - i0) * s->columns * LANES;
  int64_t for_source = s->ins * channel_size + IMAGE_TAPS * LANES, for_sums = (weights + LANES) * LANES;
  size_t bytes = (size_t)(for_source + for_sums + s->outs * filter_size) * sizeof(REAL);
  REAL *source = tapestry_allocate(bytes), *sums = source + for_source, *cotangent = sums + for_sums;
  NAME(transpose_images)(
      lanes, s->from + n0 * s->ins * s->height * s->width, s->ins * s->height * s->width, s->ins, s->height, s->width,
      r0, r1, s->left, s->pitch, source);
  NAME(transpose_images)(
      lanes, s->gy + n0 * s->outs * s->rows * s->columns, s->outs * s->rows * s->columns, s->outs, s->rows, s->columns,
      i0, i1, 0, s->columns, cotangent);
  memset(sums, 0, (size_t)for_sums * sizeof(REAL));
  // Rows that the first-level cache holds for all filters.
  int64_t step = 24576 / (s->outs * s->columns * LANES * REAL_BYTES);
  if (step < 1) step = 1;
  for (int64_t b0 = i0; b0 < i1; b0 += step) {
    int64_t b1 = b0 + step < i1 ? b0 + step : i1;
    for (int64_t c = 0; c < s->ins; c++)
      for (int64_t p = 0; p < s->kernel_height; p++) {
        // Those of them that meet the image under kernel row p.
        int64_t first = s->top - p > b0 ? s->top - p : b0,
                end = s->height + s->top - p < b1 ? s->height + s->top - p : b1;
        if (first >= end) continue;
        const REAL *x = source + c * channel_size + (first + p - s->top - r0) * row_size;
        for (int64_t panel = 0; panel < s->panels; panel++) {
          int64_t f, filters = NAME(image_panel)(s, panel, &f);
          const REAL *g = cotangent + f * filter_size + (first - i0) * s->columns * LANES;
          REAL *to = sums + ((f * s->ins + c) * area + p * s->kernel_width) * LANES;
          int64_t chunks = (s->kernel_width + IMAGE_TAPS - 1) / IMAGE_TAPS;
          for (int64_t k = 0; k < chunks; k++) {
            int64_t q = s->kernel_width * k / chunks, taps = s->kernel_width * (k + 1) / chunks - q;
            NAME(add_image_products)(
                filters, taps, end - first, s->columns, g, filter_size, x + q * LANES, s->pitch, to + q * LANES,
                s->ins * area * LANES);
          }
        }
      }
  }
  REAL *share = s->shares + index * weights;
  for (int64_t w = 0; w < weights; w += LANES) {
    VECTOR row[LANES];
    UNROLLED (int i = 0; i < LANES; i++) row[i] = *(const VECTOR *)(sums + (w + i) * LANES);
    VECTOR total = NAME(sum_each)(row, LANES);
    if (weights - w >= LANES) NAME(store)(share + w, total);
    else NAME(store_part)(share + w, weights - w, total);
  }
  tapestry_release(source, bytes);
}

/// The gradient by the weight; false, and nothing done, where another way is better.
static bool NAME(images_weight_gradient)(const tapestry_convolution *c, const REAL *x, const REAL *gy, REAL *gw) {
  int64_t area = c->kernel_height * c->kernel_width, weights = c->filters * c->channels * area;
  if (!NAME(fills_images)(c) || c->filters > IMAGE_MOST || weights > 2048) return false;
  NAME(images) s = {
      .from = x,
      .gy = gy,
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
      .pitch = c->output_width + c->kernel_width - 1,
      .panels = (c->filters + IMAGE_FILTERS - 1) / IMAGE_FILTERS};
  int64_t groups = (s.batch + LANES - 1) / LANES;
  s.splits = NAME(image_splits)(&s, (s.ins * s.pitch + s.outs * s.columns) * LANES * REAL_BYTES, IMAGE_SHARES);
  if (s.splits == 0) return false;
  while (s.rows / s.splits * s.columns > IMAGE_TERMS && s.splits < s.rows) s.splits++;
  int64_t shares = groups * s.splits;
  size_t bytes = (size_t)(shares * weights) * sizeof(REAL);
  s.shares = tapestry_allocate(bytes);
  bool parallel = (double)weights * (double)(c->batch * s.rows * s.columns) >= tapestry_shared_taps;
  tapestry_share(parallel, shares, &s, NAME(image_weights_task));
  memcpy(gw, s.shares, (size_t)weights * sizeof(REAL));
  for (int64_t i = 1; i < shares; i++)
    for (int64_t w = 0; w < weights; w++) gw[w] += s.shares[i * weights + w];
  tapestry_release(s.shares, bytes);
  return true;
}
