// The matrix product for one variant and one element type: blocks, threads, and which inner loop serves which shape.
//
// Sums are cut into blocks of at most DEPTH (or DOT_DEPTH) terms; a block's sum starts at zero in registers and is
// then added to C, which bounds the rounding error and depends on k alone. Every element of C goes through the same
// operations in whatever tile it falls, so how tiles are spread over threads cannot change the bits.

#include "gemm/gemm_tiles.h"
#include "gemm/gemm_tile.h"
#include "gemm/gemm_pack.h"
#include "gemm/gemm_lanes.h"

#define DEPTH (1024 / REAL_BYTES)            // a column panel of 256 x 32 floats, 32 kB, stays in L1
#define DOT_DEPTH (4096 / REAL_BYTES)        // rows read in place: six and four of 4 kB fit L1
#define IN_PLACE_BITS 19                     // B of up to 2^19 bytes is read in place by few rows
#define DOT_ROWS_MOST 64                     // rows of A up to which A B^T is computed in place
#define SPAN 8192                            // rows or columns packed at a time: at most 8 MB each
#define ROW_GROUP (112 / TILE_ROWS)          // row panels of a task: 112 x 256 floats, 112 kB of L2
#define COLUMN_GROUP (256 / TILE_COLUMNS)    // column panels of a task: 256 columns, 256 kB of L2
#define PACK_AHEAD 8                         // rows of B that packing is ahead of with fetching
#define PACK_GROUP 4                         // column panels packed by one task
#define OWN_ELEMENTS 131072                  // of A up to which every task takes all of its rows: 512 kB of L2
#define STACK_ELEMENTS (32768 / REAL_BYTES)  // smaller scratch lives on the stack

typedef struct {
  bool transpose_a, transpose_b, accumulate, relu, parallel;
  bool epilogue;  // whether anything at all happens to the sums
  int64_t m, n, k, lda, ldb, ldc;
  const REAL *a, *b, *row_scale, *column_scale, *row_bias, *column_bias, *addend;
  REAL *c;
} NAME(product);

/// A block of the product: rows and columns from (i0, j0), terms from k0.
typedef struct {
  const NAME(product) *of;
  int64_t i0, j0, k0, rows, columns, depth;
  int64_t row_panels, column_panels, row_groups, column_groups, row_group, column_group;
  bool add, last;
  REAL *packed_a, *packed_b;  // NULL: in place
  REAL *last_panel;           // the ragged last column panel when B is in place
  bool own_b;                 // every task packs the columns it uses: all rows are its own
} NAME(block);

/// C[rows, columns] = tile (+ C if `add`), then the epilogue if this was the last block of the sum.
static void NAME(merge)(
    const NAME(product) *product, bool add, bool last, int64_t i, int64_t j, int64_t rows, int64_t columns,
    const REAL *tile, int64_t stride) {
  last = last && product->epilogue;
  const REAL *row_bias = last ? product->row_bias : NULL, *column_bias = last ? product->column_bias : NULL;
  const REAL *row_scale = last ? product->row_scale : NULL, *column_scale = last ? product->column_scale : NULL;
  const REAL *addend = last ? product->addend : NULL;
  bool relu = last && product->relu;
  for (int64_t r = 0; r < rows; r++, tile += stride) {
    int64_t place = (i + r) * product->ldc + j, q = 0;
    REAL *c = product->c + place;
    REAL bias = row_bias ? row_bias[i + r] : 0, scale = row_scale ? row_scale[i + r] : 1;
    for (; q + LANES <= columns; q += LANES) {
      VECTOR x = NAME(load)(tile + q);
      if (add) x += NAME(load)(c + q);
      if (column_scale) x *= NAME(load)(column_scale + j + q);
      if (row_scale) x = FMA(x, SPLAT(scale), SPLAT(bias));
      else if (row_bias) x += SPLAT(bias);
      if (column_bias) x += NAME(load)(column_bias + j + q);
      if (addend) x += NAME(load)(addend + place + q);
      NAME(store)(c + q, relu ? NAME(relu)(x) : x);
    }
    if (q == columns) continue;
#if HAS_MASKS
    int64_t rest = columns - q;
    VECTOR x = NAME(load_part)(tile + q, rest, 0);
    if (add) x += NAME(load_part)(c + q, rest, 0);
    if (column_scale) x *= NAME(load_part)(column_scale + j + q, rest, 0);
    if (row_scale) x = FMA(x, SPLAT(scale), SPLAT(bias));
    else if (row_bias) x += SPLAT(bias);
    if (column_bias) x += NAME(load_part)(column_bias + j + q, rest, 0);
    if (addend) x += NAME(load_part)(addend + place + q, rest, 0);
    NAME(store_part)(c + q, rest, relu ? NAME(relu)(x) : x);
#else
    for (bool plain = !column_scale && !row_scale && !addend; plain && q < columns;
         q++) {  // the usual case, without the tests
      REAL x = tile[q];
      if (add) x += c[q];
      if (row_bias) x += bias;
      if (column_bias) x += column_bias[j + q];
      c[q] = relu && x < 0 ? 0 : x;
    }
    for (; q < columns; q++) {
      REAL x = tile[q];
      if (add) x += c[q];
      if (column_scale) x *= column_scale[j + q];
      if (row_scale) x = FMA(x, scale, bias);
      else if (row_bias) x += bias;
      if (column_bias) x += column_bias[j + q];
      if (addend) x += addend[place + q];
      c[q] = relu && x < 0 ? 0 : x;
    }
#endif
  }
}

/// Row panel r is rows first ... first + count - 1: the panels differ by one row at most.
INLINE int NAME(panel)(const NAME(block) *block, int64_t r, int64_t *first) {
  *first = block->rows * r / block->row_panels;
  return (int)(block->rows * (r + 1) / block->row_panels - *first);
}

/// Column panels c0 ..< c1 of B, one behind the other. Whole panels of a B that is not transposed go row by row through
/// all of them, so that memory is read in long runs: with rows of some kB every row is a page of its own.
static void NAME(pack_panels)(const NAME(block) *block, int64_t c0, int64_t c1, REAL *to) {
  const NAME(product) *p = block->of;
  if (!p->transpose_b) {
    int64_t whole = block->columns / TILE_COLUMNS < c1 ? block->columns / TILE_COLUMNS : c1;
    const REAL *b = p->b + block->k0 * p->ldb + block->j0;
    if (c0 < whole)
      for (int64_t q = 0; q < block->depth; q++)
        for (int64_t c = c0; c < whole; c++) {
          const REAL *from = b + q * p->ldb + c * TILE_COLUMNS;
          __builtin_prefetch(from + PACK_AHEAD * p->ldb);  // rows often lie pages apart, so the hardware sees no stream
          REAL *at = to + ((c - c0) * block->depth + q) * TILE_COLUMNS;
          UNROLLED (int v = 0; v < TILE_COLUMNS; v += LANES) NAME(store)(at + v, NAME(load)(from + v));
        }
    if (c0 < whole) to += (whole - c0) * block->depth * TILE_COLUMNS, c0 = whole;
  }
  for (int64_t c = c0; c < c1; c++, to += block->depth * TILE_COLUMNS) {
    int64_t first = c * TILE_COLUMNS, columns = block->columns - first;
    const REAL *b = p->transpose_b ? p->b + (block->j0 + first) * p->ldb + block->k0
                                   : p->b + block->k0 * p->ldb + block->j0 + first;
    NAME(pack_columns)(p->transpose_b, columns < TILE_COLUMNS ? columns : TILE_COLUMNS, block->depth, b, p->ldb, to);
  }
}

static void NAME(pack_task)(void *context, int64_t index) {
  const NAME(block) *block = context;
  const NAME(product) *p = block->of;
  if (block->packed_a && index < block->row_panels) {
    int64_t first;
    int rows = NAME(panel)(block, index, &first);
    const REAL *a = p->transpose_a ? p->a + block->k0 * p->lda + block->i0 + first
                                   : p->a + (block->i0 + first) * p->lda + block->k0;
    NAME(tapestry_pack_rows)(
        p->transpose_a, rows, p->m - block->i0 - first, block->depth, a, p->lda,
        block->packed_a + first * block->depth);
    return;
  }
  if (block->packed_a) index -= block->row_panels;
  if (!block->packed_b) {
    NAME(pack_panels)(block, block->column_panels - 1, block->column_panels, block->last_panel);
  } else {
    int64_t c0 = index * PACK_GROUP,
            c1 = c0 + PACK_GROUP < block->column_panels ? c0 + PACK_GROUP : block->column_panels;
    NAME(pack_panels)(block, c0, c1, block->packed_b + c0 * TILE_COLUMNS * block->depth);
  }
}

static void NAME(tile_task)(void *context, int64_t index) {
  const NAME(block) *block = context;
  const NAME(product) *p = block->of;
  REAL temporary[TILE_ROWS * TILE_COLUMNS + WIDE_ROWS * WIDE_VECTORS * LANES] __attribute__((aligned(64)));
  int64_t r0 = index % block->row_groups * block->row_group, c0 = index / block->row_groups * block->column_group;
  int64_t r1 = r0 + block->row_group, c1 = c0 + block->column_group;
  if (r1 > block->row_panels) r1 = block->row_panels;
  if (c1 > block->column_panels) c1 = block->column_panels;
  const REAL *packed_b = block->packed_b;
  REAL *own = NULL;
  size_t own_bytes = (size_t)((c1 - c0) * TILE_COLUMNS * block->depth) * sizeof(REAL);
  if (block->own_b) {
    own = tapestry_allocate(own_bytes);
    NAME(pack_panels)(block, c0, c1, own);
    packed_b = own - c0 * TILE_COLUMNS * block->depth;
  }
  bool epilogue = block->last && p->epilogue;

  for (int64_t c = c0; c < c1;) {
    int64_t j = c * TILE_COLUMNS, columns = block->columns - j;
    const REAL *b;
    int64_t bs = TILE_COLUMNS, width = TILE_COLUMNS;
    if (packed_b) {
      b = packed_b + j * block->depth;
    } else {
      b = p->b + block->k0 * p->ldb + block->j0 + j;
      bs = p->ldb;
      if (columns < TILE_COLUMNS) {
        b = block->last_panel;
        bs = TILE_COLUMNS;
      } else if (block->rows <= WIDE_ROWS && columns >= WIDE_VECTORS * LANES && c + WIDE_VECTORS / TILE_VECTORS <= c1) {
        width = WIDE_VECTORS * LANES;
      }
    }
    if (columns > width) columns = width;
    int64_t vectors = (columns + LANES - 1) / LANES;
    for (int64_t r = r0; r < r1; r++) {
      int64_t first;
      int rows = NAME(panel)(block, r, &first);
      const REAL *a;
      int64_t as = rows;
      if (block->packed_a) {
        a = block->packed_a + first * block->depth;
      } else {
        a = p->transpose_a ? p->a + block->k0 * p->lda + block->i0 + first : p->a + block->i0 * p->lda + block->k0;
        as = p->transpose_a ? p->lda : 1;
      }
      NAME(tile) tile = width > TILE_COLUMNS ? NAME(wide_tiles)[rows - 1] : NAME(tapestry_tiles)[vectors - 1][rows - 1];
      int64_t i = block->i0 + first;
      REAL *to = p->c + i * p->ldc + block->j0 + j;
      // Every row panel brings its share of the next column panel.
      int64_t share = packed_b && c + 1 < c1 ? block->depth * (r - r0) / (r1 - r0) : -1;
      NAME(ahead) ahead = {
          .every = block->depth / (2 * TILE_ROWS * TILE_STEPS) + 1,
          .target = to,
          .target_stride = p->ldc,
          .source = share < 0 ? to : b + (block->depth + share) * TILE_COLUMNS,
          .source_stride = share < 0 ? 0 : TILE_COLUMNS,
          .source_far = LANES};
      if (!epilogue && columns == (width > TILE_COLUMNS ? width : vectors * LANES)) {
        tile(block->depth, a, as, b, bs, to, p->ldc, block->add, &ahead);
      } else {
        tile(block->depth, a, as, b, bs, temporary, width, false, &ahead);
        NAME(merge)(p, block->add, block->last, i, block->j0 + j, rows, columns, temporary, width);
      }
    }
    c += width / TILE_COLUMNS;
  }
  if (own) tapestry_release(own, own_bytes);
}

/// A is read in place when its rows lie side by side (transposed, or one row) and there are few of them; B in place
/// when few row panels use it: packing costs about one pass of a row panel.
static void NAME(packed_product)(const NAME(product) *p) {
  NAME(block) block = {.of = p};
  bool large_b = (double)p->k * (double)p->n * REAL_BYTES > 1 << IN_PLACE_BITS;
  bool own_b = (p->m <= 64 && p->m > WIDE_ROWS && (p->transpose_b || large_b)) ||
               (p->m > 64 && p->m * p->k <= OWN_ELEMENTS && large_b && !p->transpose_b);
  bool pack_b = !own_b && (p->transpose_b || p->m > 64);
  bool pack_a = !(p->transpose_a ? p->m * REAL_BYTES <= 65536 && p->k <= 256 : p->m == 1);
  REAL stack[STACK_ELEMENTS] __attribute__((aligned(64)));
  for (block.j0 = 0; block.j0 < p->n; block.j0 += SPAN)
    for (block.i0 = 0; block.i0 < p->m; block.i0 += SPAN) {
      block.rows = p->m - block.i0 < SPAN ? p->m - block.i0 : SPAN;
      block.columns = p->n - block.j0 < SPAN ? p->n - block.j0 : SPAN;
      block.row_panels = (block.rows + TILE_ROWS - 1) / TILE_ROWS;
      block.column_panels = (block.columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
      block.row_group = ROW_GROUP;
      block.column_group = COLUMN_GROUP;
      // Narrower groups when there would be too few tasks to share.
      while (p->parallel && block.column_group > WIDE_VECTORS / TILE_VECTORS &&
             (block.row_panels + block.row_group - 1) / block.row_group * (block.column_panels / block.column_group) <
                 16)
        block.column_group /= 2;
      while (p->parallel && block.row_group > 1 &&
             (block.row_panels / block.row_group) * (block.column_panels / block.column_group + 1) < 8)
        block.row_group /= 2;
      if (own_b) block.row_group = block.row_panels;
      block.row_groups = (block.row_panels + block.row_group - 1) / block.row_group;
      block.column_groups = (block.column_panels + block.column_group - 1) / block.column_group;
      int64_t blocks = (p->k + DEPTH - 1) / DEPTH, depth = (p->k + blocks - 1) / blocks;
      bool ragged = !own_b && !pack_b && block.columns % TILE_COLUMNS;
      int64_t for_a = pack_a ? block.rows * depth : 0;
      for_a = (for_a + 15) / 16 * 16;
      int64_t for_b = (pack_b ? block.column_panels : ragged) * TILE_COLUMNS * depth;
      size_t bytes = (size_t)(for_a + for_b) * sizeof(REAL);
      REAL *scratch = for_a + for_b <= STACK_ELEMENTS ? stack : tapestry_allocate(bytes);
      block.packed_a = pack_a ? scratch : NULL;
      block.packed_b = pack_b ? scratch + for_a : NULL;
      block.own_b = own_b;
      block.last_panel = scratch + for_a;
      for (block.k0 = 0; block.k0 < p->k; block.k0 += depth) {
        block.depth = p->k - block.k0 < depth ? p->k - block.k0 : depth;
        block.add = p->accumulate || block.k0 > 0;
        block.last = block.k0 + block.depth == p->k;
        int64_t b_tasks = pack_b ? (block.column_panels + PACK_GROUP - 1) / PACK_GROUP : ragged;
        tapestry_share(p->parallel, (pack_a ? block.row_panels : 0) + b_tasks, &block, NAME(pack_task));
        tapestry_share(p->parallel, block.row_groups * block.column_groups, &block, NAME(tile_task));
      }
      if (scratch != stack) tapestry_release(scratch, bytes);
    }
}

#include "gemm/gemm_in_place.h"

static void NAME(set_epilogue)(NAME(product) *p, const tapestry_epilogue *epilogue) {
  if (!epilogue) return;
  p->row_scale = epilogue->row_scale;
  p->column_scale = epilogue->column_scale;
  p->row_bias = epilogue->row_bias;
  p->column_bias = epilogue->column_bias;
  p->addend = epilogue->addend;
  p->relu = epilogue->relu;
  p->epilogue = p->row_scale || p->column_scale || p->row_bias || p->column_bias || p->addend || p->relu;
}

void NAME(tapestry_multiply)(
    bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
    int64_t ldb, void *c, int64_t ldc, bool accumulate, const tapestry_epilogue *epilogue) {
  NAME(product) p = {
      .transpose_a = transpose_a,
      .transpose_b = transpose_b,
      .accumulate = accumulate,
      .m = m,
      .n = n,
      .k = k,
      .lda = lda,
      .ldb = ldb,
      .ldc = ldc,
      .a = a,
      .b = b,
      .c = c};
  NAME(set_epilogue)(&p, epilogue);
  if (m <= 0 || n <= 0) return;
  if (n == 1 && ldc == 1 && m > 1) {  // a column of C is a row of its transpose
    const REAL *bias = p.row_bias, *scale = p.row_scale;
    p.transpose_a = !transpose_b, p.transpose_b = !transpose_a, p.m = 1, p.n = m, p.ldc = m;
    p.a = b, p.lda = ldb, p.b = a, p.ldb = lda, p.row_bias = p.column_bias, p.column_bias = bias;
    p.row_scale = p.column_scale, p.column_scale = scale;
  }
  if (p.m == 1 && p.transpose_a && p.lda == 1) p.transpose_a = false, p.lda = k;
  if (p.n == 1 && !p.transpose_b && p.ldb == 1) p.transpose_b = true, p.ldb = k;
  if (k <= 0) {
    REAL zeros[LANES] = {0};
    for (int64_t i = 0; i < p.m; i++)
      for (int64_t j = 0; j < p.n; j += LANES)
        NAME(merge)(&p, accumulate, true, i, j, 1, p.n - j < LANES ? p.n - j : LANES, zeros, LANES);
    return;
  }
  p.parallel = (double)p.m * (double)p.n * (double)k >= tapestry_shared_products;
  if (p.transpose_b && !p.transpose_a && p.m >= LANES / 2 && p.m <= DOT_ROWS_MOST && p.n >= 256 && k >= 256)
    NAME(connected_product)(&p);
  else if (p.transpose_b && !p.transpose_a && (p.m <= DOT_ROWS_MOST || p.n <= DOT_COLUMNS))
    tapestry_share(
        p.parallel, (p.n + DOT_GROUP - 1) / DOT_GROUP * ((p.m + DOT_ROW_GROUP - 1) / DOT_ROW_GROUP), &p,
        NAME(dot_task));
  else NAME(packed_product)(&p);
}

#include "gemm/gemm_pointwise.h"
