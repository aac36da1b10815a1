// The convolution in three directions for one variant and element type: sizes, taps and packed weights.

#include "gemm_vector.h"
#include "gemm_tile.h"
#include "gemm_pack.h"
#include "gemm_lanes.h"
#include "convolution_source.h"
#include "convolution_lanes.h"
#include "convolution_correlate.h"
#include "convolution_weight.h"
#include "convolution_weight_lanes.h"
#include "convolution_winograd.h"

/// How the source lies for the forward direction and the weight gradient, and where the taps of one group are in it.
/// `phases`: rows and columns are dealt out to planes, so that neighbouring outputs meet neighbouring pixels.
static TYPED(source) TYPED(forward_source)(
    const tapestry_convolution *c, const REAL *x, bool phases, int64_t *offsets) {
  int64_t stride_height = phases ? c->stride_height : 1, stride_width = phases ? c->stride_width : 1;
  TYPED(source) s = {
    .memory = x, .images = c->batch, .channels = c->channels, .height = c->height, .width = c->width, .top = c->top, .left = c->left,
    .step_height = stride_height, .step_width = stride_width,
    .phases_height = c->kernel_height > 1 ? stride_height : 1,
    .phases_width = c->kernel_width > 1 ? stride_width : 1,
  };
  int64_t reach_height = (c->kernel_height - 1) * c->dilation_height, reach_width = (c->kernel_width - 1) * c->dilation_width;
  if (phases) {
    s.rows = c->output_height + reach_height / c->stride_height;
    s.pitch = c->output_width + reach_width / c->stride_width;
  } else if (c->top | c->left | c->bottom | c->right) {
    s.rows = (c->output_height - 1) * c->stride_height + reach_height + 1;
    s.pitch = (c->output_width - 1) * c->stride_width + reach_width + 1;
  } else {
    s.rows = c->height;
    s.pitch = c->width;
  }
  TYPED(source_sizes)(&s);
  for (int64_t channel = 0; channel < c->channels / c->groups; channel++)
    for (int64_t kh = 0; kh < c->kernel_height; kh++)
      for (int64_t kw = 0; kw < c->kernel_width; kw++) {
        int64_t h = kh * c->dilation_height, w = kw * c->dilation_width;
        int64_t plane = h % stride_height * s.phases_width + w % stride_width;
        *offsets++ = channel * s.channel_size + (plane * s.rows + h / stride_height) * s.pitch + w / stride_width;
      }
  return s;
}

/// A kernel as large as the unpadded image is a fully connected layer: y[batch, filters] = x W^T.
INLINE bool TYPED(is_connected)(const tapestry_convolution *c) {
  return c->groups == 1 && c->kernel_height == c->height && c->kernel_width == c->width && c->dilation_height == 1 &&
         c->dilation_width == 1 && (c->top | c->left | c->bottom | c->right) == 0;
}

/// A 1x1 kernel on images of some size is one matrix product per image.
INLINE bool TYPED(is_pointwise)(const tapestry_convolution *c) {
  return c->groups == 1 && c->kernel_height == 1 && c->kernel_width == 1 && c->stride_height == 1 && c->stride_width == 1 &&
         (c->top | c->left | c->bottom | c->right) == 0 && c->height * c->width >= 512;
}

#define DTYPE (REAL_BYTES == 4 ? TAPESTRY_FLOAT32 : TAPESTRY_FLOAT64)

INLINE bool TYPED(choose_few)(TYPED(correlation) *s, int64_t deepest) {
  s->few = s->outs <= FEW_MOST && deepest <= DEPTH;
  s->lanes = s->outs > 2 * LANES || (s->outs > FEW_ROWS && TYPED(fills_registers)(s->outs));
  s->blocks = (s->outs + 2 * LANES - 1) / (2 * LANES);
  if (s->lanes) s->few = false;
  s->panels = s->few ? (s->outs + FEW_ROWS - 1) / FEW_ROWS : (s->outs + TILE_ROWS - 1) / TILE_ROWS;
  return s->few;
}

/// One panel of the weights of the forward direction: index runs over groups and panels.
typedef struct {
  const TYPED(correlation) *correlation;
  const tapestry_convolution *shape;
  const REAL *weight;
  int64_t phase_height, phase_width;
} TYPED(packing);

static void TYPED(pack_forward_task)(void *context, int64_t index) {
  const TYPED(packing) *p = context;
  const TYPED(correlation) *s = p->correlation;
  const TYPED(part) *part = s->part;
  int64_t first, group = s->panels ? index / s->panels : 0, depth = TYPED(block_depth)(part->depth);
  if (s->patch) {
    first = index % s->panels * LANES;
    TYPED(pack_lanes)(
        s->outs - first, part->depth, p->weight + (group * s->outs + first) * part->depth, part->depth,
        part->weights + index * LANES * part->depth, LANES);
    return;
  }
  if (s->lanes) {
    group = index / s->blocks, first = index % s->blocks * 2 * LANES;
    int registers = s->outs - first > LANES ? 2 : 1;
    for (int v = 0; v < registers; v++)
      TYPED(pack_lanes)(
          s->outs - first - v * LANES, part->depth, p->weight + (group * s->outs + first + v * LANES) * part->depth, part->depth,
          part->weights + index * 2 * LANES * part->depth + v * LANES, registers * LANES);
    return;
  }
  int rows = TYPED(channel_panel)(s, index % s->panels, &first);
  for (int64_t k0 = 0; k0 < part->depth; k0 += depth) {
    int64_t here = part->depth - k0 < depth ? part->depth - k0 : depth;
    TYPED(pack_rows)(
        false, rows, s->outs - first, here, p->weight + (group * s->outs + first) * part->depth + k0, part->depth,
        part->weights + group * s->outs * part->depth + k0 * s->outs + first * here);
  }
}

static void TYPED(forward)(
    const tapestry_convolution *c, const void *x, const void *weight, const void *bias, bool relu, void *y) {
  TYPED(correlation) s = {
    .images = c->batch, .groups = c->groups, .outs = c->filters / c->groups, .target = y, .bias = bias, .relu = relu,
    .part_count = 1, .target_channel = c->output_height * c->output_width, .target_row = c->output_width,
    .target_column = 1, .target_image = c->filters * c->output_height * c->output_width,
  };
  TYPED(part) part = {
    .rows = c->output_height, .columns = c->output_width,
    .depth = c->channels / c->groups * c->kernel_height * c->kernel_width,
  };
  if (c->channels == c->groups && c->stride_height == 1) {
    part.kernel_rows = c->kernel_height;
    part.step = c->dilation_height;
  }
  if (c->batch * c->filters * part.rows * part.columns == 0) return;
  if (TYPED(is_connected)(c)) {
    tapestry_epilogue epilogue = {.column_bias = bias, .relu = relu};
    tapestry_gemm(
        DTYPE, false, true, c->batch, c->filters, part.depth, x, part.depth, weight, part.depth, y, c->filters, false,
        &epilogue);
    return;
  }
  if (TYPED(is_pointwise)(c)) {
    tapestry_epilogue epilogue = {.row_bias = bias, .relu = relu};
    int64_t pixels = part.rows * part.columns;
    for (int64_t n = 0; n < c->batch; n++)
      tapestry_gemm(
          DTYPE, false, false, c->filters, pixels, c->channels, weight, c->channels,
          (const REAL *)x + n * c->channels * pixels, pixels, s.target + n * c->filters * pixels, pixels, false, &epilogue);
    return;
  }
  if (TYPED(suits_winograd)(c, c->output_height, c->output_width) && TYPED(winograd_forward)(c, x, weight, bias, relu, y)) return;
  s.parts = &part;
  s.part = &part;
  if (TYPED(fills_lanes)(s.outs) && s.outs > FEW_ROWS && part.depth <= DEPTH && TYPED(patch_width)(part.columns)) {
    s.few = true;
    s.patch = TYPED(patch_width)(part.columns);
    s.panels = (s.outs + LANES - 1) / LANES;
  } else {
    TYPED(choose_few)(&s, part.depth);
  }
  int64_t padded_outs = s.patch ? s.panels * LANES : s.lanes ? s.blocks * 2 * LANES : s.outs;
  size_t weight_bytes = (size_t)(s.groups * padded_outs * part.depth) * sizeof(REAL);
  size_t bytes = weight_bytes + (size_t)part.depth * sizeof(int64_t);
  part.offsets = tapestry_allocate(bytes);
  part.weights = (REAL *)(part.offsets + part.depth);
  // A strided 1x1 kernel meets so few pixels that a copy without the others pays.
  bool phases = !s.lanes || c->kernel_height * c->kernel_width == 1;
  s.source = TYPED(forward_source)(c, x, phases, part.offsets);
  s.row_step = phases ? s.source.pitch : c->stride_height * s.source.pitch;
  s.column_step = phases ? 1 : c->stride_width;
  TYPED(packing) packing = {.correlation = &s, .weight = weight};
  int64_t panels = s.groups * (s.lanes ? s.blocks : s.panels);
  if (weight_bytes > 65536) tapestry_parallel(panels, &packing, TYPED(pack_forward_task));
  else for (int64_t i = 0; i < panels; i++) TYPED(pack_forward_task)(&packing, i);
  TYPED(correlate)(&s);
  tapestry_release(part.offsets, bytes);
}

/// One block of the weights of one phase of the input gradient, input channels along the lanes.
static void TYPED(pack_gradient_lanes)(const TYPED(packing) *p, int64_t group, int64_t block) {
  const TYPED(correlation) *s = p->correlation;
  const TYPED(part) *part = s->part;
  const tapestry_convolution *c = p->shape;
  int64_t filters = c->filters / c->groups, area = c->kernel_height * c->kernel_width, first = block * 2 * LANES, taps = 0;
  int registers = s->outs - first > LANES ? 2 : 1;
  // The phase's kernel rows and columns.
  size_t bytes = (size_t)(area * LANES) * sizeof(REAL) + (size_t)(2 * area) * sizeof(int64_t);
  int64_t *tap_of = tapestry_allocate(bytes), *place_of = tap_of + area;
  REAL *turned = (REAL *)(place_of + area);
  int64_t columns = 0, rows = 0;
  for (int64_t kw = 0; kw < c->kernel_width; kw++)
    columns += (p->phase_width + c->left - kw * c->dilation_width) % c->stride_width == 0;
  for (int64_t kh = 0; kh < c->kernel_height; kh++) {
    if ((p->phase_height + c->top - kh * c->dilation_height) % c->stride_height != 0) continue;
    int64_t column = 0;
    for (int64_t kw = 0; kw < c->kernel_width; kw++) {
      if ((p->phase_width + c->left - kw * c->dilation_width) % c->stride_width != 0) continue;
      tap_of[taps] = kh * c->kernel_width + kw;
      place_of[taps++] = rows * filters * columns + column++;
    }
    rows++;
  }
  REAL *to = part->weights + (group * s->blocks + block) * 2 * LANES * part->depth;
  for (int v = 0; v < registers; v++) {
    int64_t lanes = s->outs - first - v * LANES;
    for (int64_t f = 0; f < filters; f++) {
      const REAL *from = p->weight + ((group * filters + f) * s->outs + first + v * LANES) * area;
      if (area == 1) {
        STORE(to + f * registers * LANES + v * LANES, lanes >= LANES ? LOAD(from) : TYPED(load_part)(from, lanes));
        continue;
      }
      TYPED(pack_lanes)(lanes, area, from, area, turned, LANES);
      for (int64_t t = 0; t < taps; t++)
        STORE(to + ((place_of[t] + f * columns) * registers + v) * LANES, LOAD(turned + tap_of[t] * LANES));
    }
  }
  tapestry_release(tap_of, bytes);
}

/// One panel of the weights of one phase of the input gradient: rows are input channels, the depth runs over the phase's
/// kernel rows, filters and the phase's kernel columns.
static void TYPED(pack_gradient_task)(void *context, int64_t index) {
  const TYPED(packing) *p = context;
  const TYPED(correlation) *s = p->correlation;
  const TYPED(part) *part = s->part;
  const tapestry_convolution *c = p->shape;
  if (s->lanes) {
    TYPED(pack_gradient_lanes)(p, index / s->blocks, index % s->blocks);
    return;
  }
  int64_t first, group = index / s->panels, depth = TYPED(block_depth)(part->depth);
  int rows = TYPED(channel_panel)(s, index % s->panels, &first);
  int64_t filters = c->filters / c->groups, area = c->kernel_height * c->kernel_width, k = 0;
  REAL *block = part->weights + group * s->outs * part->depth;
  for (int64_t kh = 0; kh < c->kernel_height; kh++) {
    if ((p->phase_height + c->top - kh * c->dilation_height) % c->stride_height != 0) continue;
    for (int64_t f = 0; f < filters; f++) {
      const REAL *from = p->weight + ((group * filters + f) * s->outs + first) * area + kh * c->kernel_width;
      for (int64_t kw = 0; kw < c->kernel_width; kw++) {
        if ((p->phase_width + c->left - kw * c->dilation_width) % c->stride_width != 0) continue;
        int64_t k0 = k / depth * depth, here = part->depth - k0 < depth ? part->depth - k0 : depth;
        REAL *to = block + k0 * s->outs + first * here + (k - k0) * rows;
        for (int i = 0; i < rows; i++) to[i] = from[i * area + kw];
        k++;
      }
    }
  }
}

/// gx at row i stride + a meets kernel row kh where a + top - kh dilation is a multiple of the stride, at cotangent row i + that
/// multiple. Every phase (a, b) is therefore a convolution of stride 1 over the cotangent with some of the taps.
static void TYPED(input_gradient)(const tapestry_convolution *c, const void *gy, const void *weight, void *gx) {
  int64_t filters = c->filters / c->groups, area = c->kernel_height * c->kernel_width;
  TYPED(correlation) s = {
    .images = c->batch, .groups = c->groups, .outs = c->channels / c->groups, .target = gx,
    .target_image = c->channels * c->height * c->width, .target_channel = c->height * c->width,
    .target_row = c->width * c->stride_height, .target_column = c->stride_width,
  };
  if (s.target_image * s.images == 0) return;
  if (TYPED(is_connected)(c)) {
    tapestry_gemm(
        DTYPE, false, false, c->batch, s.target_image, c->filters, gy, c->filters, weight, s.target_image, gx,
        s.target_image, false, NULL);
    return;
  }
  if (TYPED(is_pointwise)(c)) {
    int64_t pixels = c->height * c->width;
    for (int64_t n = 0; n < c->batch; n++)
      tapestry_gemm(
          DTYPE, true, false, c->channels, pixels, c->filters, weight, c->channels,
          (const REAL *)gy + n * c->filters * pixels, pixels, s.target + n * c->channels * pixels, pixels, false, NULL);
    return;
  }
  if (TYPED(suits_winograd)(c, c->height, c->width) && TYPED(winograd_input_gradient)(c, gy, weight, gx)) return;
  s.source = (TYPED(source)){
    .memory = gy, .images = c->batch, .channels = c->filters, .height = c->output_height, .width = c->output_width, .step_height = 1,
    .step_width = 1, .phases_height = 1, .phases_width = 1,
  };
  // How far the taps reach before the first and behind the last row and column.
  int64_t low_h = 0, low_w = 0, high_h = 0, high_w = 0;
  for (int64_t a = 0; a < c->stride_height && a < c->height; a++)
    for (int64_t kh = 0; kh < c->kernel_height; kh++) {
      int64_t d = a + c->top - kh * c->dilation_height;
      if (d % c->stride_height != 0) continue;
      d /= c->stride_height;
      if (d < low_h) low_h = d;
      if (d > high_h) high_h = d;
    }
  for (int64_t b = 0; b < c->stride_width && b < c->width; b++)
    for (int64_t kw = 0; kw < c->kernel_width; kw++) {
      int64_t d = b + c->left - kw * c->dilation_width;
      if (d % c->stride_width != 0) continue;
      d /= c->stride_width;
      if (d < low_w) low_w = d;
      if (d > high_w) high_w = d;
    }
  s.source.top = -low_h;
  s.source.left = -low_w;
  s.source.rows = (c->height + c->stride_height - 1) / c->stride_height + high_h - low_h;
  s.source.pitch = (c->width + c->stride_width - 1) / c->stride_width + high_w - low_w;
  TYPED(source_sizes)(&s.source);
  int64_t phases_h = c->stride_height < c->height ? c->stride_height : c->height;
  int64_t phases_w = c->stride_width < c->width ? c->stride_width : c->width;
  s.part_count = phases_h * phases_w;
  s.pairs = phases_w == 2 && c->stride_width == 2;
  // Every tap belongs to one phase (or to none, beyond the image), so all parts together have no more than all weights.
  size_t part_bytes = (size_t)s.part_count * sizeof(TYPED(part)), offset_bytes = (size_t)(filters * area) * sizeof(int64_t);
  TYPED(choose_few)(&s, filters * area);
  int64_t padded_channels = s.lanes ? c->groups * s.blocks * 2 * LANES : c->channels;
  size_t weight_bytes = (size_t)(filters * padded_channels * area) * sizeof(REAL);
  size_t bytes = part_bytes + offset_bytes + weight_bytes;
  s.parts = tapestry_allocate(bytes);
  int64_t *offsets = (int64_t *)(s.parts + s.part_count);
  REAL *weights = (REAL *)(offsets + filters * area);
  s.row_step = s.source.pitch;
  s.column_step = 1;
  for (int64_t a = 0; a < phases_h; a++)
    for (int64_t b = 0; b < phases_w; b++) {
      TYPED(part) *part = &s.parts[a * phases_w + b];
      *part = (TYPED(part)){
        .rows = (c->height - a + c->stride_height - 1) / c->stride_height,
        .columns = (c->width - b + c->stride_width - 1) / c->stride_width,
        .target_offset = a * c->width + b, .offsets = offsets, .weights = weights,
      };
      for (int64_t kh = 0; kh < c->kernel_height; kh++) {
        int64_t h = a + c->top - kh * c->dilation_height;
        if (h % c->stride_height != 0) continue;
        int64_t row = h / c->stride_height - low_h;
        if (part->kernel_rows == 0) part->shift = row;
        if (part->kernel_rows == 1) part->step = row - part->shift;
        part->kernel_rows++;
        for (int64_t f = 0; f < filters; f++)
          for (int64_t kw = 0; kw < c->kernel_width; kw++) {
            int64_t w = b + c->left - kw * c->dilation_width;
            if (w % c->stride_width != 0) continue;
            part->offsets[part->depth++] =
                f * s.source.channel_size + row * s.source.pitch + w / c->stride_width - low_w;
          }
      }
      offsets += part->depth;
      weights += part->depth * padded_channels;
      if (part->depth == 0) continue;
      s.part = part;
      TYPED(packing) packing = {.correlation = &s, .shape = c, .weight = weight, .phase_height = a, .phase_width = b};
      int64_t panels = s.groups * (s.lanes ? s.blocks : s.panels);
      if (weight_bytes > 65536) tapestry_parallel(panels, &packing, TYPED(pack_gradient_task));
      else for (int64_t i = 0; i < panels; i++) TYPED(pack_gradient_task)(&packing, i);
    }
  TYPED(correlate)(&s);
  tapestry_release(s.parts, bytes);
}

static void TYPED(weight_gradient)(const tapestry_convolution *c, const void *x, const void *gy, void *gw) {
  TYPED(weights) s = {
    .gy = gy, .gw = gw, .images = c->batch, .groups = c->groups, .filters = c->filters / c->groups,
    .taps = c->channels / c->groups * c->kernel_height * c->kernel_width, .rows = c->output_height,
    .columns = c->output_width,
  };
  if (TYPED(is_connected)(c)) {
    tapestry_gemm(
        DTYPE, true, false, c->filters, s.taps, c->batch, gy, c->filters, x, s.taps, gw, s.taps, false, NULL);
    return;
  }
  if (s.filters > 2 * LANES || TYPED(fills_registers)(s.filters)) {
    if ((double)s.filters * (double)s.taps * (double)(c->batch * s.rows * s.columns) > 0) {
      TYPED(wide_weight_gradient)(c, x, gy, gw);
      return;
    }
  }
  if (TYPED(is_pointwise)(c) && c->batch > 0) {
    int64_t pixels = s.rows * s.columns;
    for (int64_t n = 0; n < c->batch; n++)
      tapestry_gemm(
          DTYPE, false, true, c->filters, c->channels, pixels, s.gy + n * c->filters * pixels, pixels,
          (const REAL *)x + n * c->channels * pixels, pixels, gw, c->channels, n > 0, NULL);
    return;
  }
  size_t bytes = (size_t)s.taps * sizeof(int64_t);
  int64_t *offsets = tapestry_allocate(bytes);
  s.source = TYPED(forward_source)(c, x, true, offsets);
  s.offsets = offsets;
  TYPED(add_weights)(&s, true);
  tapestry_release(offsets, bytes);
}

typedef struct {
  const tapestry_convolution *shape;
  const REAL *gy;
  REAL *gb;
} TYPED(bias_sum);

static void TYPED(bias_task)(void *context, int64_t f) {
  const TYPED(bias_sum) *s = context;
  int64_t pixels = s->shape->output_height * s->shape->output_width;
  REAL total = 0;
  for (int64_t n = 0; n < s->shape->batch; n++) {
    const REAL *from = s->gy + (n * s->shape->filters + f) * pixels;
    // Blocks of 4096 terms, four sums each.
    for (int64_t start = 0; start < pixels; start += 4096) {
      int64_t end = start + 4096 < pixels ? start + 4096 : pixels, p = start;
      V sum[4] = {{0}, {0}, {0}, {0}};
      for (; p + 4 * LANES <= end; p += 4 * LANES)
        UNROLL for (int v = 0; v < 4; v++) sum[v] += LOAD(from + p + v * LANES);
      for (; p + LANES <= end; p += LANES) sum[0] += LOAD(from + p);
      V all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
      REAL block = TYPED(sum_each)(&all, 1)[0];
      for (; p < end; p++) block += from[p];
      total += block;
    }
  }
  s->gb[f] = total;
}

static void TYPED(bias_gradient)(const tapestry_convolution *c, const void *gy, void *gb) {
  TYPED(bias_sum) s = {c, gy, gb};
  if (c->batch * c->filters * c->output_height * c->output_width >= 65536)
    tapestry_parallel(c->filters, &s, TYPED(bias_task));
  else
    for (int64_t f = 0; f < c->filters; f++) TYPED(bias_task)(&s, f);
}

#undef DTYPE
#undef PATCHES
#undef COLUMN_ROWS
#undef PATCH_SUMS
#undef DEPTH
#undef GROUP
#undef ROW_GROUP
#undef PIXELS
#undef SHARES
#undef TAP_GROUP
#undef SHARED_ELEMENTS
#undef FEW_ROWS
#undef FEW_VECTORS
#undef FEW_MOST
#undef LINE_PIXELS
#undef TILE_ROWS
#undef TILE_COLUMNS
#undef WIDE
#undef WIDE_ROWS
#undef DOT_ROWS
#undef DOT_COLUMNS
#include "gemm_vector_end.h"
