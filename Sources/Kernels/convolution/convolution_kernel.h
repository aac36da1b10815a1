// The convolution in three directions for one REAL: sizes, taps and packed weights.

#include "gemm/gemm_tiles.h"
#include "convolution/convolution_source.h"
#include "convolution/convolution_epilogue.h"
#include "convolution/convolution_lanes.h"
#include "convolution/convolution_grid.h"
#include "convolution/convolution_pixels.h"
#include "convolution/convolution_direct.h"
#include "convolution/convolution_rows.h"
#include "convolution/convolution_pack.h"
#include "convolution/convolution_correlate.h"
#include "convolution/convolution_weight.h"
#include "convolution/convolution_weight_lanes.h"
#include "convolution/convolution_winograd.h"
#include "convolution/convolution_winograd_weight.h"
#include "convolution/convolution_bias.h"
#include "convolution/convolution_images.h"
#include "convolution/convolution_images_weight.h"

/// How the source lies for the forward direction and the weight gradient, and where the taps of one group are in it.
/// `phases`: rows and columns are distributed over planes, so that neighbouring outputs meet neighbouring pixels.
/// `output_rows`: output rows whose part of an image is copied at a time, or 0.
static NAME(source) NAME(forward_source)(
    const tapestry_convolution *c, const REAL *x, bool phases, int64_t output_rows, int64_t *offsets) {
  bool pads = (c->top | c->left | c->bottom | c->right) != 0 || output_rows > 0;
  if (output_rows == 0) output_rows = c->output_height;
  int64_t stride_height = phases ? c->stride_height : 1, stride_width = phases ? c->stride_width : 1;
  NAME(source) s = {
      .memory = x,
      .images = c->batch,
      .channels = c->channels,
      .height = c->height,
      .width = c->width,
      .top = c->top,
      .left = c->left,
      .step_height = stride_height,
      .step_width = stride_width,
      .phases_height = c->kernel_height > 1 ? stride_height : 1,
      .phases_width = c->kernel_width > 1 ? stride_width : 1};
  int64_t reach_height = (c->kernel_height - 1) * c->dilation_height,
          reach_width = (c->kernel_width - 1) * c->dilation_width;
  if (phases) {
    s.rows = output_rows + reach_height / c->stride_height;
    s.pitch = c->output_width + reach_width / c->stride_width;
  } else if (pads) {
    s.rows = (output_rows - 1) * c->stride_height + reach_height + 1;
    s.pitch = (c->output_width - 1) * c->stride_width + reach_width + 1;
  } else {
    s.rows = c->height;
    s.pitch = c->width;
  }
  NAME(source_sizes)(&s);
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
INLINE bool NAME(is_connected)(const tapestry_convolution *c) {
  return c->groups == 1 && c->kernel_height == c->height && c->kernel_width == c->width && c->dilation_height == 1 &&
         c->dilation_width == 1 && (c->top | c->left | c->bottom | c->right) == 0;
}

/// A 1x1 kernel that makes `rows` channels is a matrix product with all images' pixels. Fewer pixels than rows are
/// better off where each thread takes blocks of weights.
INLINE bool NAME(is_pointwise)(const tapestry_convolution *c, int64_t rows) {
  return c->groups == 1 && c->kernel_height == 1 && c->kernel_width == 1 &&
         (c->top | c->left | c->bottom | c->right) == 0 && c->channels > 0 && c->filters > 0 &&
         c->batch * c->output_height * c->output_width >= rows;
}

INLINE bool NAME(is_strided)(const tapestry_convolution *c) { return c->stride_height > 1 || c->stride_width > 1; }

#include "convolution/convolution_depthwise.h"

/// The product of a 1x1 kernel that makes `rows` channels of `depth`.
INLINE tapestry_pointwise NAME(pointwise_shape)(
    const tapestry_convolution *c, int64_t rows, int64_t depth, int64_t target_image) {
  return (tapestry_pointwise){
      .images = c->batch,
      .rows = rows,
      .depth = depth,
      .height = c->output_height,
      .width = c->output_width,
      .full_height = c->height,
      .full_width = c->width,
      .stride_height = c->stride_height,
      .stride_width = c->stride_width,
      .target_image = target_image};
}

#define DTYPE (REAL_BYTES == 4 ? TAPESTRY_FLOAT32 : TAPESTRY_FLOAT64)

INLINE bool NAME(choose_direct)(NAME(correlation) *s, int64_t deepest) {
  s->direct = s->outs <= DIRECT_MOST && deepest <= DEPTH;
  s->lanes = s->outs > 2 * LANES || (s->outs > DIRECT_ROWS && NAME(fills_registers)(s->outs));
  s->blocks = (s->outs + 2 * LANES - 1) / (2 * LANES);
  if (s->lanes) s->direct = false;
  s->panels = s->direct ? (s->outs + DIRECT_ROWS - 1) / DIRECT_ROWS : (s->outs + TILE_ROWS - 1) / TILE_ROWS;
  return s->direct;
}

/// Decides whether parts of images are copied, each for `output_rows` output rows at most, and computed from the copy
/// by the same thread, so that the copy is read from its cache. `row`: elements of a row of the copy over all channels;
/// `step` and `reach`: how many of its rows lie between output rows, and how many one of them meets. Small images are
/// copied whole, and so are all images where weights are larger: each thread then takes blocks of weights.
static void NAME(choose_window)(
    NAME(correlation) *s, int64_t output_rows, int64_t columns, int64_t row, int64_t step, int64_t reach) {
  int64_t image_bytes = ((output_rows - 1) * step + reach) * row * REAL_BYTES,
          weight_bytes = s->weight_elements * REAL_BYTES;
  if (image_bytes <= WINDOW_BYTES / 2 || image_bytes * s->images <= weight_bytes) return;
  int64_t most = NAME(rows_of_task)(columns);
  while (most > 1 && ((most - 1) * step + reach) * row * REAL_BYTES > WINDOW_BYTES) most /= 2;
  int64_t windows = (output_rows + most - 1) / most, splits = (weight_bytes + HELD_BYTES - 1) / HELD_BYTES;
  s->window_rows = (output_rows + windows - 1) / windows;
  s->task_blocks = (s->blocks + splits - 1) / splits;
}

void NAME(tapestry_convolve_forward)(
    const tapestry_convolution *c, const void *x, const void *weight, const tapestry_convolution_epilogue *e, void *y) {
  NAME(correlation) s = {
      .images = c->batch,
      .groups = c->groups,
      .outs = c->filters / c->groups,
      .target = y,
      .epilogue = NAME(epilogue_of)(e, y),
      .shape = c,
      .weight = weight,
      .grid_count = 1,
      .target_channel = c->output_height * c->output_width,
      .target_row = c->output_width,
      .target_column = 1,
      .target_image = e->image_stride ? e->image_stride : c->filters * c->output_height * c->output_width};
  NAME(grid) grid = {
      .rows = c->output_height,
      .columns = c->output_width,
      .depth = c->channels / c->groups * c->kernel_height * c->kernel_width};
  if (c->channels == c->groups && c->stride_height == 1 && (c->top | c->bottom) != 0) {
    grid.kernel_rows = c->kernel_height;
    grid.step = c->dilation_height;
  }
  if (c->batch * c->filters * grid.rows * grid.columns == 0) return;
  if (NAME(is_connected)(c)) {
    tapestry_epilogue epilogue = {
        .column_scale = e->scale, .column_bias = e->bias, .addend = e->addend, .relu = e->relu};
    tapestry_gemm(
        DTYPE, false, true, c->batch, c->filters, grid.depth, x, grid.depth, weight, grid.depth, y, s.target_image,
        false, &epilogue);
    return;
  }
  if (NAME(is_pointwise)(c, c->filters)) {
    tapestry_epilogue epilogue = {.row_scale = e->scale, .row_bias = e->bias, .addend = e->addend, .relu = e->relu};
    tapestry_pointwise products = NAME(pointwise_shape)(c, c->filters, c->channels, s.target_image);
    tapestry_pointwise_product(DTYPE, &products, false, weight, x, y, &epilogue);
    return;
  }
  if (NAME(suits_winograd)(c, c->output_height, c->output_width) &&
      NAME(winograd_forward)(c, x, weight, &s.epilogue, s.target_image, y))
    return;
  if (NAME(images_forward)(c, x, weight, &s.epilogue, s.target_image, y)) return;
  if (NAME(is_depthwise)(c)) {
    NAME(depthwise_forward)(c, x, weight, &s.epilogue, s.target_image, y);
    return;
  }
  s.grids = &grid;
  s.grid = &grid;
  if (NAME(fills_lanes)(s.outs) && s.outs > DIRECT_ROWS && grid.depth <= DEPTH && NAME(patch_width)(grid.columns)) {
    s.direct = true;
    s.patch = NAME(patch_width)(grid.columns);
    s.panels = (s.outs + LANES - 1) / LANES;
  } else {
    NAME(choose_direct)(&s, grid.depth);
  }
  int64_t padded_outs = s.patch ? s.panels * LANES : s.lanes ? s.blocks * 2 * LANES : s.outs;
  s.weight_elements = s.groups * padded_outs * grid.depth;
  size_t bytes = (size_t)grid.depth * sizeof(int64_t);
  grid.offsets = tapestry_allocate(bytes);
  // A strided 1x1 kernel meets so few pixels that a copy without the others pays.
  bool phases = !s.lanes || c->kernel_height * c->kernel_width == 1;
  if (s.lanes && (phases ? c->stride_height * c->stride_width > 1 : (c->top | c->left | c->bottom | c->right) != 0)) {
    int64_t reach = (c->kernel_width - 1) * c->dilation_width + 1;
    int64_t pitch = phases ? c->output_width : (c->output_width - 1) * c->stride_width + reach;
    NAME(choose_window)(
        &s, grid.rows, grid.columns, c->channels * pitch, phases ? 1 : c->stride_height,
        (c->kernel_height - 1) * c->dilation_height + 1);
    s.window_step = c->stride_height;
  }
  s.source = NAME(forward_source)(c, x, phases, s.window_rows, grid.offsets);
  s.row_step = phases ? s.source.pitch : c->stride_height * s.source.pitch;
  s.column_step = phases ? 1 : c->stride_width;
  NAME(correlate)(&s);
  tapestry_release(grid.offsets, bytes);
}

/// gx at row i stride + a meets kernel row kh where a + top - kh dilation is a multiple of the stride, at cotangent row
/// i + that multiple. Every phase (a, b) is therefore a convolution of stride 1 over the cotangent with some of the
/// taps.
void NAME(tapestry_convolve_input_gradient)(
    const tapestry_convolution *c, const void *gy, const void *weight, void *gx) {
  int64_t filters = c->filters / c->groups, area = c->kernel_height * c->kernel_width;
  NAME(correlation) s = {
      .images = c->batch,
      .groups = c->groups,
      .outs = c->channels / c->groups,
      .target = gx,
      .target_image = c->channels * c->height * c->width,
      .target_channel = c->height * c->width,
      .target_row = c->width * c->stride_height,
      .target_column = c->stride_width,
      .shape = c,
      .weight = weight,
      .backward = true};
  if (s.target_image * s.images == 0) return;
  if (NAME(is_connected)(c)) {
    tapestry_gemm(
        DTYPE, false, false, c->batch, s.target_image, c->filters, gy, c->filters, weight, s.target_image, gx,
        s.target_image, false, NULL);
    return;
  }
  if (NAME(is_pointwise)(c, c->channels) && !NAME(is_strided)(c)) {
    tapestry_pointwise products = NAME(pointwise_shape)(c, c->channels, c->filters, s.target_image);
    tapestry_pointwise_product(DTYPE, &products, true, weight, gy, gx, NULL);
    return;
  }
  if (NAME(suits_winograd)(c, c->height, c->width) && NAME(winograd_input_gradient)(c, gy, weight, gx)) return;
  if (NAME(images_input_gradient)(c, gy, weight, gx)) return;
  if (NAME(is_depthwise)(c) && c->stride_height == 1 && c->stride_width == 1) {
    NAME(depthwise_input_gradient)(c, gy, weight, gx);
    return;
  }
  s.source = (NAME(source)){
      .memory = gy,
      .images = c->batch,
      .channels = c->filters,
      .height = c->output_height,
      .width = c->output_width,
      .step_height = 1,
      .step_width = 1,
      .phases_height = 1,
      .phases_width = 1};
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
  s.source.pitch = (c->width + c->stride_width - 1) / c->stride_width + high_w - low_w;
  int64_t phases_h = c->stride_height < c->height ? c->stride_height : c->height;
  int64_t phases_w = c->stride_width < c->width ? c->stride_width : c->width;
  s.grid_count = phases_h * phases_w;
  s.pairs = phases_w == 2 && c->stride_width == 2;
  NAME(choose_direct)(&s, filters * area);
  // Every tap belongs to one phase (or to none, beyond the image), so all grids together have no more than all weights.
  int64_t padded_channels = s.lanes ? c->groups * s.blocks * 2 * LANES : c->channels;
  s.weight_elements = filters * padded_channels * area;
  int64_t output_rows = (c->height + c->stride_height - 1) / c->stride_height;
  if (s.lanes && (high_h | low_h | high_w | low_w) != 0) {
    int64_t columns = (c->width + c->stride_width - 1) / c->stride_width;
    NAME(choose_window)(&s, output_rows, columns, c->filters * s.source.pitch, 1, high_h - low_h + 1);
    s.window_step = 1;
  }
  s.source.rows = (s.window_rows ? s.window_rows : output_rows) + high_h - low_h;
  NAME(source_sizes)(&s.source);
  size_t grid_bytes = (size_t)s.grid_count * sizeof(NAME(grid)),
         offset_bytes = (size_t)(filters * area) * sizeof(int64_t);
  size_t bytes = grid_bytes + offset_bytes;
  s.grids = tapestry_allocate(bytes);
  int64_t *offsets = (int64_t *)(s.grids + s.grid_count), weights = 0;
  s.row_step = s.source.pitch;
  s.column_step = 1;
  for (int64_t a = 0; a < phases_h; a++)
    for (int64_t b = 0; b < phases_w; b++) {
      NAME(grid) *grid = &s.grids[a * phases_w + b];
      *grid = (NAME(grid)){
          .rows = (c->height - a + c->stride_height - 1) / c->stride_height,
          .columns = (c->width - b + c->stride_width - 1) / c->stride_width,
          .target_offset = a * c->width + b,
          .phase_height = a,
          .phase_width = b,
          .offsets = offsets,
          .weight_offset = weights};
      for (int64_t kh = 0; kh < c->kernel_height; kh++) {
        int64_t h = a + c->top - kh * c->dilation_height;
        if (h % c->stride_height != 0) continue;
        int64_t row = h / c->stride_height - low_h;
        if (grid->kernel_rows == 0) grid->shift = row;
        if (grid->kernel_rows == 1) grid->step = row - grid->shift;
        grid->kernel_rows++;
        for (int64_t f = 0; f < filters; f++)
          for (int64_t kw = 0; kw < c->kernel_width; kw++) {
            int64_t w = b + c->left - kw * c->dilation_width;
            if (w % c->stride_width != 0) continue;
            grid->offsets[grid->depth++] =
                f * s.source.channel_size + row * s.source.pitch + w / c->stride_width - low_w;
          }
      }
      offsets += grid->depth;
      weights += grid->depth * padded_channels;
    }
  NAME(correlate)(&s);
  tapestry_release(s.grids, bytes);
}

void NAME(tapestry_convolve_weight_gradient)(const tapestry_convolution *c, const void *x, const void *gy, void *gw) {
  NAME(weights) s = {
      .gy = gy,
      .gw = gw,
      .images = c->batch,
      .groups = c->groups,
      .filters = c->filters / c->groups,
      .taps = c->channels / c->groups * c->kernel_height * c->kernel_width,
      .rows = c->output_height,
      .columns = c->output_width};
  if (NAME(is_connected)(c)) {
    tapestry_gemm(DTYPE, true, false, c->filters, s.taps, c->batch, gy, c->filters, x, s.taps, gw, s.taps, false, NULL);
    return;
  }
  if (NAME(suits_winograd)(c, c->output_height, c->output_width) && NAME(winograd_weight_gradient)(c, x, gy, gw))
    return;
  if (s.filters > 2 * LANES || NAME(fills_registers)(s.filters)) {
    if ((double)s.filters * (double)s.taps * (double)(c->batch * s.rows * s.columns) > 0) {
      NAME(wide_weight_gradient)(c, x, gy, gw);
      return;
    }
  }
  if (NAME(images_weight_gradient)(c, x, gy, gw)) return;
  if (NAME(is_pointwise)(c, 0) && !NAME(is_strided)(c) && s.rows * s.columns >= 512 && c->batch > 0) {
    int64_t pixels = s.rows * s.columns;
    for (int64_t n = 0; n < c->batch; n++)
      tapestry_gemm(
          DTYPE, false, true, c->filters, c->channels, pixels, s.gy + n * c->filters * pixels, pixels,
          (const REAL *)x + n * c->channels * pixels, pixels, gw, c->channels, n > 0, NULL);
    return;
  }
  if (NAME(is_depthwise)(c) && c->batch * s.rows * s.columns > 0) {
    NAME(depthwise_weight_gradient)(c, x, gy, gw);
    return;
  }
  size_t bytes = (size_t)s.taps * sizeof(int64_t);
  int64_t *offsets = tapestry_allocate(bytes);
  s.source = NAME(forward_source)(c, x, true, 0, offsets);
  s.offsets = offsets;
  NAME(add_weights)(&s, true);
  tapestry_release(offsets, bytes);
}
