// How output pixels are divided among threads, for one REAL: see convolution_grid.h.

INLINE void NAME(correlate_in_place)(
    const NAME(correlation) *s, const NAME(grid) *grid, const REAL *image, int64_t image_index, int64_t group,
    int64_t row0, int64_t row1) {
  (s->patch ? NAME(correlate_patches) : NAME(correlate_direct))(s, grid, image, image_index, group, row0, row1);
}

/// One chunk of images, padded copy and outputs, on one thread: small images stay in its cache.
static void NAME(chunk_task)(void *context, int64_t index) {
  const NAME(correlation) *s = context;
  int64_t first = index * s->chunk, images = s->images - first < s->chunk ? s->images - first : s->chunk;
  size_t bytes = s->in_place ? 0 : (size_t)NAME(source_elements)(&s->source, images) * sizeof(REAL);
  REAL *own = tapestry_allocate(bytes);
  const REAL *padded = s->in_place ? s->source.memory + first * s->source.image_size : own;
  if (!s->in_place) NAME(pad_images)(&s->source, first, images, own);
  for (int64_t p = 0; p < s->grid_count; p++) {
    const NAME(grid) *grid = &s->grids[p];
    int64_t pixels = images * grid->rows * grid->columns, step = GROUP * TILE_COLUMNS;
    bool paired = NAME(is_paired)(s, p);
    p += paired;
    for (int64_t group = 0; group < s->groups; group++) {
      if (s->lanes) {
        int64_t all = images * grid->rows, output_rows = NAME(rows_of_task)(grid->columns);
        for (int64_t block = 0; block < s->blocks && pixels; block++)
          for (int64_t l = 0; l < all; l += output_rows)
            NAME(correlate_lanes)(
                s, grid, paired, padded, first, group, block, l, l + output_rows < all ? l + output_rows : all);
      } else if (s->direct) {
        for (int64_t n = 0; n < images && pixels; n++)
          NAME(correlate_in_place)(s, grid, padded + n * s->source.image_size, first + n, group, 0, grid->rows);
      } else {
        for (int64_t q = 0; q < pixels; q += step)
          NAME(correlate_pixels)(s, grid, padded, first, group, q, q + step < pixels ? q + step : pixels, 0, s->panels);
      }
    }
  }
  tapestry_release(own, bytes);
}

static void NAME(pad_task)(void *context, int64_t index) {
  const NAME(correlation) *s = context;
  int64_t n = index / s->source.channels, c = index % s->source.channels;
  NAME(pad_channel)(
      &s->source, s->first_image + n, c, s->padded + n * s->source.image_size + c * s->source.channel_size);
}

static void NAME(pixels_task)(void *context, int64_t index) {
  const NAME(correlation) *s = context;
  int64_t pixels = s->block_images * s->grid->rows * s->grid->columns;
  int64_t step = s->pixel_group * TILE_COLUMNS, steps = (pixels + step - 1) / step;
  int64_t q = index % steps * step, g = index / steps % s->groups, split = index / steps / s->groups;
  NAME(correlate_pixels)(
      s, s->grid, s->padded, s->first_image, g, q, q + step < pixels ? q + step : pixels,
      s->panels * split / s->panel_groups, s->panels * (split + 1) / s->panel_groups);
}

static void NAME(rows_task)(void *context, int64_t index) {
  const NAME(correlation) *s = context;
  int64_t block = index % s->blocks, group = index / s->blocks % s->groups,
          l = index / s->blocks / s->groups * s->task_rows;
  int64_t all = s->block_images * s->grid->rows, end = l + s->task_rows < all ? l + s->task_rows : all;
  bool paired = NAME(is_paired)(s, s->grid - s->grids);
  const REAL *images = s->in_place ? s->source.memory : s->padded;
  if (!s->packs_own) {
    NAME(correlate_lanes)(s, s->grid, paired, images, s->first_image, group, block, l, end);
    return;
  }
  int64_t elements = s->grid->depth * 2 * LANES;
  REAL *own = tapestry_allocate((size_t)elements * sizeof(REAL));
  NAME(grid) grid = *s->grid;
  grid.weights = own - (group * s->blocks + block) * elements;
  (s->backward ? NAME(pack_gradient) : NAME(pack_forward))(s, &grid, group * s->blocks + block);
  NAME(correlate_lanes)(s, &grid, false, images, s->first_image, group, block, l, end);
  tapestry_release(own, (size_t)elements * sizeof(REAL));
}

/// Some blocks of channels of one window of one image, padded copy and outputs. Windows of the same blocks follow one
/// another, so that their weights stay in the cache.
static void NAME(window_task)(void *context, int64_t index) {
  const NAME(correlation) *s = context;
  int64_t windows = (s->grids[0].rows + s->window_rows - 1) / s->window_rows, l0 = index % windows * s->window_rows;
  int64_t image = index / windows % s->images, b0 = index / windows / s->images * s->task_blocks;
  int64_t b1 = b0 + s->task_blocks < s->blocks ? b0 + s->task_blocks : s->blocks;
  size_t bytes = (size_t)NAME(source_elements)(&s->source, 1) * sizeof(REAL);
  REAL *own = tapestry_allocate(bytes);
  NAME(source) window = s->source;
  window.top -= l0 * s->window_step;
  NAME(pad_images)(&window, image, 1, own);
  for (int64_t p = 0; p < s->grid_count; p++) {
    const NAME(grid) *grid = &s->grids[p];
    bool paired = NAME(is_paired)(s, p);
    p += paired;
    int64_t l1 = l0 + s->window_rows < grid->rows ? l0 + s->window_rows : grid->rows;
    for (int64_t group = 0; group < s->groups && l0 < l1 && grid->columns > 0; group++)
      for (int64_t block = b0; block < b1; block++)
        NAME(correlate_lanes)(s, grid, paired, own - l0 * s->row_step, image, group, block, l0, l1);
  }
  tapestry_release(own, bytes);
}

#define ROW_GROUP 16  // output rows of a task when pixels are read in place
static void NAME(direct_task)(void *context, int64_t index) {
  const NAME(correlation) *s = context;
  int64_t steps = (s->grid->rows + ROW_GROUP - 1) / ROW_GROUP, row = index % steps * ROW_GROUP;
  int64_t n = index / steps % s->block_images, g = index / steps / s->block_images;
  NAME(correlate_in_place)(
      s, s->grid, (s->in_place ? s->source.memory : s->padded) + n * s->source.image_size, s->first_image + n, g, row,
      row + ROW_GROUP < s->grid->rows ? row + ROW_GROUP : s->grid->rows);
}

static void NAME(correlate)(NAME(correlation) *s) {
  double products = 0;
  int64_t deepest = 0;
  for (int64_t p = 0; p < s->grid_count; p++) {
    const NAME(grid) *grid = &s->grids[p];
    products += (double)(s->images * s->groups * s->outs * grid->rows * grid->columns) * (double)grid->depth;
    if (grid->depth > deepest) deepest = grid->depth;
  }
  bool parallel = products >= tapestry_shared_taps;
  int64_t threads = parallel ? tapestry_thread_count() : 1;
  int64_t image_bytes = s->source.image_size * REAL_BYTES;
  // Registers of pixels end with their row, so that nothing beyond an image is read, where rows are long enough.
  bool ends = s->lanes || s->patch || (s->direct && s->grids[0].columns >= LANES && s->grid_count == 1);
  s->in_place = ends && s->source.step_height == 1 && s->source.step_width == 1 && s->source.rows == s->source.height &&
                s->source.pitch == s->source.width && s->source.top == 0 && s->source.left == 0;
  int64_t weight_bytes = s->weight_elements * REAL_BYTES;
  size_t released_bytes = (size_t)weight_bytes;
  if (s->window_rows) {
    REAL *weights = NAME(pack_weights)(s);
    int64_t windows = (s->grids[0].rows + s->window_rows - 1) / s->window_rows;
    int64_t tasks = windows * s->images * ((s->blocks + s->task_blocks - 1) / s->task_blocks);
    tapestry_share(parallel, tasks, s, NAME(window_task));
    tapestry_release(weights, released_bytes);
    return;
  }
  // Chunks: at least four per thread, and no more than 512 kB padded each.
  s->chunk = s->images / (4 * threads);
  if (s->chunk * image_bytes > 524288) s->chunk = 524288 / (image_bytes + 1);
  // Where all weights are larger than all images, threads take blocks of weights instead.
  bool weighty = s->lanes && weight_bytes > HELD_BYTES / 2 && weight_bytes > s->images * image_bytes;
  if ((s->chunk >= 1 || (threads == 1 && image_bytes <= 524288)) && !weighty) {
    REAL *weights = NAME(pack_weights)(s);
    if (s->chunk < 1) s->chunk = 1;
    int64_t chunks = (s->images + s->chunk - 1) / s->chunk;
    tapestry_share(parallel, chunks, s, NAME(chunk_task));
    tapestry_release(weights, released_bytes);
    return;
  }
  int64_t block = 8388608 / (image_bytes + 1);  // up to 8 MB of padded images at a time
  if (block < 1) block = 1;
  if (block > s->images || s->in_place) block = s->images;
  size_t bytes = s->in_place ? 0 : (size_t)NAME(source_elements)(&s->source, block) * sizeof(REAL);
  s->padded = tapestry_allocate(bytes);
  // Where a single task uses a block of weights, it packs the block itself, and then reads it from its cache.
  s->packs_own = s->lanes && s->grid_count == 1 && block == s->images && s->groups * s->blocks >= 2 * threads &&
                 s->images * s->grids[0].rows <= NAME(rows_of_task)(s->grids[0].columns);
  REAL *weights = s->packs_own ? NULL : NAME(pack_weights)(s);
  for (s->first_image = 0; s->first_image < s->images; s->first_image += block) {
    s->block_images = s->images - s->first_image < block ? s->images - s->first_image : block;
    if (!s->in_place) {
      tapestry_parallel(s->block_images * s->source.channels, s, NAME(pad_task));
      NAME(pad_end)(&s->source, s->block_images, s->padded);
    }
    for (int64_t p = 0; p < s->grid_count; p++) {
      const NAME(grid) *grid = s->grid = &s->grids[p];
      int64_t pixels = s->block_images * grid->rows * grid->columns;
      if (pixels == 0) continue;
      if (s->lanes) {
        p += NAME(is_paired)(s, p);
        s->task_rows = NAME(rows_of_task)(grid->columns);
        int64_t all = s->block_images * grid->rows;
        tapestry_parallel((all + s->task_rows - 1) / s->task_rows * s->groups * s->blocks, s, NAME(rows_task));
      } else if (s->direct) {
        tapestry_parallel(
            s->block_images * s->groups * ((grid->rows + ROW_GROUP - 1) / ROW_GROUP), s, NAME(direct_task));
      } else {
        int64_t panels = (pixels + TILE_COLUMNS - 1) / TILE_COLUMNS;
        s->pixel_group = GROUP;
        while (s->pixel_group > 2 && panels / s->pixel_group * s->groups < 4 * threads) s->pixel_group /= 2;
        int64_t steps = (panels + s->pixel_group - 1) / s->pixel_group;
        s->panel_groups = 1;
        while (s->panel_groups * 4 <= s->panels && steps * s->groups * s->panel_groups < 3 * threads)
          s->panel_groups *= 2;
        tapestry_parallel(steps * s->groups * s->panel_groups, s, NAME(pixels_task));
      }
    }
  }
  tapestry_release(s->padded, bytes);
  tapestry_release(weights, released_bytes);
}
