// The weights of a correlation as its inner loops read them, for one REAL.

/// One panel of the weights of the forward direction: index runs over groups and panels.
static void NAME(pack_forward)(const NAME(correlation) *s, const NAME(grid) *grid, int64_t index) {
  int64_t first, group = s->panels ? index / s->panels : 0, depth = NAME(block_depth)(grid->depth);
  if (s->patch) {
    first = index % s->panels * LANES;
    NAME(tapestry_pack_lanes)(
        s->outs - first, grid->depth, s->weight + (group * s->outs + first) * grid->depth, grid->depth,
        grid->weights + index * LANES * grid->depth, LANES);
    return;
  }
  if (s->lanes) {
    group = index / s->blocks, first = index % s->blocks * 2 * LANES;
    int registers = s->outs - first > LANES ? 2 : 1;
    for (int v = 0; v < registers; v++)
      NAME(tapestry_pack_lanes)(
          s->outs - first - v * LANES, grid->depth, s->weight + (group * s->outs + first + v * LANES) * grid->depth,
          grid->depth, grid->weights + index * 2 * LANES * grid->depth + v * LANES, registers * LANES);
    return;
  }
  int rows = NAME(channel_panel)(s, index % s->panels, &first);
  for (int64_t k0 = 0; k0 < grid->depth; k0 += depth) {
    int64_t here = grid->depth - k0 < depth ? grid->depth - k0 : depth;
    NAME(tapestry_pack_rows)(
        false, rows, s->outs - first, here, s->weight + (group * s->outs + first) * grid->depth + k0, grid->depth,
        grid->weights + group * s->outs * grid->depth + k0 * s->outs + first * here);
  }
}

/// One block of the weights of one phase of the input gradient, input channels along the lanes.
static void NAME(pack_gradient_lanes)(
    const NAME(correlation) *s, const NAME(grid) *grid, int64_t group, int64_t block) {
  const tapestry_convolution *c = s->shape;
  int64_t filters = c->filters / c->groups, area = c->kernel_height * c->kernel_width, first = block * 2 * LANES,
          taps = 0;
  int registers = s->outs - first > LANES ? 2 : 1;
  // The phase's kernel rows and columns.
  size_t bytes = (size_t)(area * LANES) * sizeof(REAL) + (size_t)(2 * area) * sizeof(int64_t);
  int64_t *tap_of = tapestry_allocate(bytes), *place_of = tap_of + area;
  REAL *turned = (REAL *)(place_of + area);
  int64_t columns = 0, rows = 0;
  for (int64_t kw = 0; kw < c->kernel_width; kw++)
    columns += (grid->phase_width + c->left - kw * c->dilation_width) % c->stride_width == 0;
  for (int64_t kh = 0; kh < c->kernel_height; kh++) {
    if ((grid->phase_height + c->top - kh * c->dilation_height) % c->stride_height != 0) continue;
    int64_t column = 0;
    for (int64_t kw = 0; kw < c->kernel_width; kw++) {
      if ((grid->phase_width + c->left - kw * c->dilation_width) % c->stride_width != 0) continue;
      tap_of[taps] = kh * c->kernel_width + kw;
      place_of[taps++] = rows * filters * columns + column++;
    }
    rows++;
  }
  REAL *to = grid->weights + (group * s->blocks + block) * 2 * LANES * grid->depth;
  for (int v = 0; v < registers; v++) {
    int64_t lanes = s->outs - first - v * LANES;
    for (int64_t f = 0; f < filters; f++) {
      const REAL *from = s->weight + ((group * filters + f) * s->outs + first + v * LANES) * area;
      if (area == 1) {
        NAME(store)(
            to + f * registers * LANES + v * LANES,
            lanes >= LANES ? NAME(load)(from) : NAME(load_part)(from, lanes, 0));
        continue;
      }
      NAME(tapestry_pack_lanes)(lanes, area, from, area, turned, LANES);
      for (int64_t t = 0; t < taps; t++)
        NAME(store)(to + ((place_of[t] + f * columns) * registers + v) * LANES, NAME(load)(turned + tap_of[t] * LANES));
    }
  }
  tapestry_release(tap_of, bytes);
}

/// One panel of the weights of one phase of the input gradient: rows are input channels, the depth runs over the
/// phase's kernel rows, filters and the phase's kernel columns.
static void NAME(pack_gradient)(const NAME(correlation) *s, const NAME(grid) *grid, int64_t index) {
  const tapestry_convolution *c = s->shape;
  if (s->lanes) {
    NAME(pack_gradient_lanes)(s, grid, index / s->blocks, index % s->blocks);
    return;
  }
  int64_t first, group = index / s->panels, depth = NAME(block_depth)(grid->depth);
  int rows = NAME(channel_panel)(s, index % s->panels, &first);
  int64_t filters = c->filters / c->groups, area = c->kernel_height * c->kernel_width, k = 0;
  REAL *block = grid->weights + group * s->outs * grid->depth;
  for (int64_t kh = 0; kh < c->kernel_height; kh++) {
    if ((grid->phase_height + c->top - kh * c->dilation_height) % c->stride_height != 0) continue;
    for (int64_t f = 0; f < filters; f++) {
      const REAL *from = s->weight + ((group * filters + f) * s->outs + first) * area + kh * c->kernel_width;
      for (int64_t kw = 0; kw < c->kernel_width; kw++) {
        if ((grid->phase_width + c->left - kw * c->dilation_width) % c->stride_width != 0) continue;
        int64_t k0 = k / depth * depth, here = grid->depth - k0 < depth ? grid->depth - k0 : depth;
        REAL *to = block + k0 * s->outs + first * here + (k - k0) * rows;
        for (int i = 0; i < rows; i++) to[i] = from[i * area + kw];
        k++;
      }
    }
  }
}

static void NAME(pack_task)(void *context, int64_t index) {
  const NAME(correlation) *s = context;
  (s->backward ? NAME(pack_gradient) : NAME(pack_forward))(s, s->grid, index);
}

/// The weights of all grids, in memory that the caller releases.
static REAL *NAME(pack_weights)(NAME(correlation) *s) {
  size_t bytes = (size_t)s->weight_elements * sizeof(REAL);
  REAL *weights = tapestry_allocate(bytes);
  int64_t panels = s->groups * (s->lanes ? s->blocks : s->panels);
  for (int64_t p = 0; p < s->grid_count; p++) {
    s->grids[p].weights = weights + s->grids[p].weight_offset;
    if (s->grids[p].depth == 0) continue;
    s->grid = &s->grids[p];
    tapestry_share(bytes > 65536, panels, s, NAME(pack_task));
  }
  return weights;
}
