// 1x1 convolutions for one REAL: C of image n = A times B of image n, where C and B hold the pixels of an image in a
// row, and A, the weights, serves all images.
//
// Pixels are counted over images, so that small images waste no lanes: a column panel is TILE_COLUMNS of them, in one
// piece or several. A stride is a matter of the pieces alone. A is packed once for all images. A task packs its own
// column panels, one after the other, and takes each through all rows; meanwhile the tiles prefetch the next panel into
// the second-level cache. So no core waits for what another has packed, and pixels come from memory while there is
// arithmetic to do.

typedef struct {
  NAME(product) product;
  const tapestry_pointwise *shape;
  int64_t plane_pixels, source_plane;  // pixels of an image of C, of B
  int64_t row_panels, column_panels, depth, tasks;
  const REAL *end;  // of B
  REAL *packed_a;   // [block of the depth][row panel][term][rows]
} NAME(pointwise);

/// Neighbouring pixels of a column panel: from B and to C of row 0, elements.
typedef struct {
  int64_t source, target, place, count;
} NAME(piece);

typedef struct {
  NAME(piece) pieces[TILE_COLUMNS];
  int64_t count, columns;
} NAME(pieces);

static void NAME(find_pieces)(const NAME(pointwise) *s, int64_t panel, NAME(pieces) *found) {
  const tapestry_pointwise *p = s->shape;
  int64_t first = panel * TILE_COLUMNS, end = first + TILE_COLUMNS < s->product.n ? first + TILE_COLUMNS : s->product.n;
  bool strided = p->stride_height > 1 || p->stride_width > 1;
  found->count = 0;
  found->columns = end - first;
  for (int64_t q = first; q < end;) {
    int64_t image = q / s->plane_pixels, pixel = q % s->plane_pixels, left = s->plane_pixels - pixel, place = pixel;
    if (strided) {
      int64_t row = pixel / p->width, column = pixel % p->width;
      left = p->width - column;
      place = row * p->stride_height * p->full_width + column * p->stride_width;
    }
    if (left > end - q) left = end - q;
    found->pieces[found->count++] = (NAME(piece)){
        .source = image * p->depth * s->source_plane + place,
        .target = image * p->target_image + pixel,
        .place = q - first,
        .count = left};
    q += left;
  }
}

/// Terms k0 ..< k0 + depth of a column panel, [term][TILE_COLUMNS]. Loads and stores go by whole registers: what
/// overruns a piece is written again by the next one or the next term, and behind the last term there is room.
static void NAME(pack_pixels)(
    const NAME(pointwise) *s, const NAME(pieces) *pieces, int64_t k0, int64_t depth, REAL *to) {
  int64_t stride = s->source_plane, step = s->shape->stride_width;
  const REAL *b = s->product.b + k0 * stride;
  int64_t sources[TILE_COLUMNS], places[TILE_COLUMNS], count = 0;
  for (int64_t i = 0; i < pieces->count; i++)
    for (int64_t t = 0; t < pieces->pieces[i].count; t += LANES) {
      sources[count] = pieces->pieces[i].source + t * step;
      places[count++] = pieces->pieces[i].place + t;
    }
  // Registers may reach beyond a plane while the next ones follow it, not beyond the end of B: small planes leave
  // several terms to the loop over single elements.
  int64_t k = 0, room = s->end - (b + sources[count - 1] + LANES * step), whole = room < 0 ? 0 : room / stride + 1;
  if (whole > depth) whole = depth;
  if (pieces->columns < TILE_COLUMNS) memset(to, 0, (size_t)(depth * TILE_COLUMNS) * sizeof(REAL));
  if (step == 1 && pieces->pieces[0].count == TILE_COLUMNS) {
    const REAL *from = b + sources[0];
    for (; k < whole; k++, from += stride) {
      __builtin_prefetch(from + PACK_AHEAD * stride);  // planes lie pages apart, so the hardware sees no stream
      UNROLLED (int v = 0; v < TILE_COLUMNS; v += LANES) NAME(store)(to + k * TILE_COLUMNS + v, NAME(load)(from + v));
    }
  } else if (step == 1) {
    for (; k < whole; k++)
      for (int64_t i = 0; i < count; i++)
        NAME(store)(to + k * TILE_COLUMNS + places[i], NAME(load)(b + k * stride + sources[i]));
  } else if (step == 2) {
    for (; k < whole; k++)
      for (int64_t i = 0; i < count; i++) {
        const REAL *from = b + k * stride + sources[i];
        __builtin_prefetch(from + PACK_AHEAD * stride);
        NAME(store)(to + k * TILE_COLUMNS + places[i], NAME(evens)(NAME(load)(from), NAME(load)(from + LANES)));
      }
  }
  for (; k < depth; k++)
    for (int64_t i = 0; i < pieces->count; i++) {
      const NAME(piece) *piece = &pieces->pieces[i];
      for (int64_t t = 0; t < piece->count; t++)
        to[k * TILE_COLUMNS + piece->place + t] = b[k * stride + piece->source + t * step];
    }
}

INLINE int NAME(pointwise_rows)(const NAME(pointwise) *s, int64_t panel, int64_t *first) {
  *first = s->product.m * panel / s->row_panels;
  return (int)(s->product.m * (panel + 1) / s->row_panels - *first);
}

/// Terms k0 ..< k0 + depth of row panel `r`.
static void NAME(pack_weights)(const NAME(pointwise) *s, int64_t r, int64_t k0, int64_t depth, REAL *to) {
  const NAME(product) *p = &s->product;
  int64_t first;
  int rows = NAME(pointwise_rows)(s, r, &first);
  const REAL *a = p->transpose_a ? p->a + k0 * p->lda + first : p->a + first * p->lda + k0;
  // A transposed row is read in whole registers; of the last ones that would run over the end of A.
  int64_t readable = p->transpose_a ? p->m - first : 0;
  NAME(tapestry_pack_rows)(p->transpose_a, rows, readable, depth, a, p->lda, to);
}

/// `count` elements; none beyond.
INLINE void NAME(copy_piece)(const REAL *from, int64_t count, REAL *to) {
  int64_t t = 0;
  for (; t + LANES <= count; t += LANES) NAME(store)(to + t, NAME(load)(from + t));
  if (t < count) NAME(store_part)(to + t, count - t, NAME(load)(from + t));
}

/// What the tiles of a column panel prefetch: `count` rows of B from `source`, a share of them with each row panel.
typedef struct {
  const REAL *source;
  int64_t stride, count, far;
} NAME(coming);

/// Row panels r0 ..< r1 of A, packed at `a`, by a column panel of B, packed at `b`: `depth` terms from k0. Partial sums
/// that cannot be kept in C are kept at `sums`, [row][TILE_COLUMNS].
static void NAME(multiply_panel)(
    const NAME(pointwise) *s, const NAME(pieces) *pieces, int64_t k0, int64_t depth, int64_t r0, int64_t r1,
    const REAL *a, const REAL *b, const NAME(coming) *coming, REAL *sums) {
  const NAME(product) *p = &s->product;
  bool add = k0 > 0, last = k0 + depth == p->k;
  int64_t vectors = (pieces->columns + LANES - 1) / LANES;
  const NAME(piece) *pixels = pieces->pieces;
  bool direct = pixels->count == vectors * LANES && !p->epilogue;
  // Rows of C are brought for each row panel, and the share of B; steps beyond the share bring what comes next.
  int64_t share = (coming->count + r1 - r0 - 1) / (r1 - r0), looks = share > TILE_ROWS ? share : TILE_ROWS;
  int64_t every = depth / (looks * TILE_STEPS);
  if (every < 1) every = 1;
  for (int64_t r = r0; r < r1; r++) {
    int64_t first, begin = coming->count * (r - r0) / (r1 - r0), most = coming->count - depth / (every * TILE_STEPS);
    int rows = NAME(pointwise_rows)(s, r, &first);
    if (begin > most) begin = most < 0 ? 0 : most;
    REAL *to = p->c + pixels->target + first * p->ldc;
    NAME(ahead) ahead = {
        .every = every,
        .target = to,
        .target_stride = p->ldc,
        .source = coming->source + begin * coming->stride,
        .source_stride = coming->stride,
        .source_far = coming->far};
    if (last && p->addend) {  // it comes while the tile multiplies
      const REAL *addend = p->addend + pixels->target + first * p->ldc;
      for (int q = 0; q < rows; q++)
        for (int64_t t = 0; t < pieces->columns; t += 64 / REAL_BYTES)
          __builtin_prefetch(addend + q * p->ldc + t, 0, 2);
    }
    NAME(tapestry_tiles)[vectors - 1][rows - 1](
        depth, a, rows, b, TILE_COLUMNS, direct ? to : sums, direct ? p->ldc : TILE_COLUMNS, add, &ahead);
    if (last && !direct) {
      for (int64_t i = 0; i < pieces->count; i++, pixels++) {
        const REAL *from = sums + pixels->place;
        if (p->epilogue) NAME(merge)(p, false, true, first, pixels->target, rows, pixels->count, from, TILE_COLUMNS);
        else
          for (int r = 0; r < rows; r++)
            NAME(copy_piece)(from + r * TILE_COLUMNS, pixels->count, p->c + pixels->target + (first + r) * p->ldc);
      }
      pixels = pieces->pieces;
    }
    sums += rows * TILE_COLUMNS;
    a += rows * depth;
  }
}

static void NAME(pointwise_weights_task)(void *context, int64_t r) {
  const NAME(pointwise) *s = context;
  int64_t first, k = s->product.k;
  NAME(pointwise_rows)(s, r, &first);
  for (int64_t k0 = 0; k0 < k; k0 += s->depth) {
    int64_t depth = k - k0 < s->depth ? k - k0 : s->depth;
    NAME(pack_weights)(s, r, k0, depth, s->packed_a + s->product.m * k0 + first * depth);
  }
}

/// A share of the column panels, with all rows.
static void NAME(pointwise_pixels_task)(void *context, int64_t index) {
  const NAME(pointwise) *s = context;
  int64_t k = s->product.k, plane = s->source_plane, end = s->column_panels * (index + 1) / s->tasks;
  int64_t panel_size = k * TILE_COLUMNS + 2 * LANES;  // with room for stores that overrun
  size_t bytes = (size_t)(panel_size + s->product.m * TILE_COLUMNS + LANES) * sizeof(REAL);
  REAL *own = tapestry_allocate(bytes);
  NAME(pieces) pieces[2];
  int64_t panel = s->column_panels * index / s->tasks;
  NAME(find_pieces)(s, panel, &pieces[panel % 2]);
  for (; panel < end; panel++) {
    const NAME(pieces) *here = &pieces[panel % 2];
    NAME(coming) coming = {.source = own};
    if (panel + 1 < end) {
      NAME(pieces) *next = &pieces[(panel + 1) % 2];
      NAME(find_pieces)(s, panel + 1, next);
      coming.source = s->product.b + next->pieces[0].source;
      coming.stride = plane;
      coming.far = LANES * s->shape->stride_width;
    }
    NAME(pack_pixels)(s, here, 0, k, own);
    for (int64_t k0 = 0; k0 < k; k0 += s->depth) {
      int64_t depth = k - k0 < s->depth ? k - k0 : s->depth;
      coming.count = coming.stride ? depth : 0;
      NAME(multiply_panel)(
          s, here, k0, depth, 0, s->row_panels, s->packed_a + s->product.m * k0, own + k0 * TILE_COLUMNS, &coming,
          own + panel_size);
      coming.source += depth * coming.stride;
    }
  }
  tapestry_release(own, bytes);
}

void NAME(tapestry_multiply_pixels)(
    const tapestry_pointwise *shape, bool transpose_a, const void *a, const void *b, void *c,
    const tapestry_epilogue *epilogue) {
  NAME(pointwise) s = {
      .shape = shape,
      .plane_pixels = shape->height * shape->width,
      .source_plane = shape->full_height * shape->full_width,
      .product =
          {.transpose_a = transpose_a,
           .m = shape->rows,
           .k = shape->depth,
           .lda = transpose_a ? shape->rows : shape->depth,
           .a = a,
           .b = b,
           .c = c},
  };
  NAME(product) *p = &s.product;
  NAME(set_epilogue)(p, epilogue);
  p->ldc = s.plane_pixels;
  p->n = shape->images * s.plane_pixels;
  p->parallel = (double)p->m * (double)p->n * (double)p->k >= tapestry_shared_products;
  s.end = (const REAL *)b + shape->images * p->k * s.source_plane;
  s.row_panels = (p->m + TILE_ROWS - 1) / TILE_ROWS;
  s.column_panels = (p->n + TILE_COLUMNS - 1) / TILE_COLUMNS;
  int64_t blocks = (p->k + DEPTH - 1) / DEPTH, least = 4 * tapestry_thread_count();
  s.depth = (p->k + blocks - 1) / blocks;
  // A task's first panel comes unprepared, so tasks have several; how many does not touch the results.
  s.tasks = s.column_panels / 6;
  if (s.tasks > 4 * least) s.tasks = 4 * least;
  if (s.tasks < least) s.tasks = s.column_panels < least ? s.column_panels : least;
  size_t bytes = (size_t)(p->m * p->k) * sizeof(REAL);
  s.packed_a = tapestry_allocate(bytes);
  tapestry_share(p->parallel, s.row_panels, &s, NAME(pointwise_weights_task));
  tapestry_share(p->parallel, s.tasks, &s, NAME(pointwise_pixels_task));
  tapestry_release(s.packed_a, bytes);
}
