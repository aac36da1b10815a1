// Products that read operands in place, for one REAL: dot products of rows, and fully connected layers with the
// batch along the lanes. Included by gemm_kernel.h, whose types they use.

#define DOT_GROUP 64       // columns of a task of the dot product path
#define DOT_ROW_GROUP 240  // and its rows: a multiple of every DOT_ROWS

/// DOT_GROUP columns by DOT_ROW_GROUP rows of A B^T with both operands in place. The smaller of m and DOT_COLUMNS goes
/// along the columns of the inner loop, so that a single row still fills it.
static void NAME(dot_task)(void *context, int64_t index) {
  const NAME(product) *p = context;
  int64_t groups = (p->n + DOT_GROUP - 1) / DOT_GROUP;
  int64_t j0 = index % groups * DOT_GROUP, j1 = j0 + DOT_GROUP < p->n ? j0 + DOT_GROUP : p->n;
  int64_t i0 = index / groups * DOT_ROW_GROUP, i1 = i0 + DOT_ROW_GROUP < p->m ? i0 + DOT_ROW_GROUP : p->m;
  REAL sums[DOT_ROWS * DOT_COLUMNS + LANES], tile[DOT_ROWS * DOT_COLUMNS + LANES];
  int64_t blocks = (p->k + DOT_DEPTH - 1) / DOT_DEPTH, depth = (p->k + blocks - 1) / blocks;
  bool few = p->m <= DOT_COLUMNS;
  for (int64_t k0 = 0; k0 < p->k; k0 += depth) {
    int64_t here = p->k - k0 < depth ? p->k - k0 : depth;
    bool add = p->accumulate || k0 > 0, last = k0 + here == p->k;
    for (int64_t j = j0; j < j1; j += few ? DOT_ROWS : DOT_COLUMNS) {
      int columns = (int)(j1 - j < (few ? DOT_ROWS : DOT_COLUMNS) ? j1 - j : few ? DOT_ROWS : DOT_COLUMNS);
      const REAL *rows_of[DOT_COLUMNS];
      for (int q = 0; q < DOT_COLUMNS; q++)
        rows_of[q] = few ? p->a + (q < p->m ? q : 0) * p->lda + k0 : p->b + (j + (q < columns ? q : 0)) * p->ldb + k0;
      if (few) {
        NAME(tapestry_dots)[columns - 1][p->m - 1](here, p->b + j * p->ldb + k0, p->ldb, rows_of, rows_of[0], sums);
        for (int64_t i = 0; i < p->m; i++)
          for (int q = 0; q < columns; q++) tile[i * columns + q] = sums[q * p->m + i];
        NAME(merge)(p, add, last, 0, j, p->m, columns, tile, columns);
      } else {
        for (int64_t i = i0; i < i1; i += DOT_ROWS) {
          int rows = (int)(i1 - i < DOT_ROWS ? i1 - i : DOT_ROWS);
          // Row q of the next columns is fetched while the q-th rows are multiplied.
          int64_t next = j + DOT_COLUMNS + (i - i0) / DOT_ROWS;
          const REAL *ahead = next < j1 && next < j + 2 * DOT_COLUMNS ? p->b + next * p->ldb + k0 : rows_of[0];
          NAME(tapestry_dots)[rows - 1][columns - 1](here, p->a + i * p->lda + k0, p->lda, rows_of, ahead, sums);
          NAME(merge)(p, add, last, i, j, rows, columns, sums, columns);
        }
      }
    }
  }
}

// A fully connected layer, A B^T with few rows of A: these lie along the lanes, [term][row], and B is read in place,
// eight rows side by side. So each byte of the weights is read once, in eight streams, and meets all of the batch.
// (Rows of weights are often a multiple of 4 kB apart and fall into the same sets of L1: more than eight would push
// each other out.)

#define CONNECTED_ROWS (COLUMN_ROWS < 8 ? COLUMN_ROWS : 8)
#define CONNECTED_GROUP 64    // rows of B of a task
#define CONNECTED_DEPTH 1024  // terms of a sum in registers
#define CONNECTED_AHEAD (256 / REAL_BYTES)

typedef struct {
  const NAME(product) *of;
  REAL *packed;  // [block of 2 LANES rows of A][term][rows]
  int64_t *identity;
} NAME(connected);

static void NAME(connected_pack_task)(void *context, int64_t index) {
  const NAME(connected) *s = context;
  const NAME(product) *p = s->of;
  int64_t steps = (p->k + 255) / 256, k0 = index % steps * 256, block = index / steps, first = block * 2 * LANES;
  int registers = p->m - first > LANES ? 2 : 1;
  for (int v = 0; v < registers; v++)
    NAME(tapestry_pack_lanes)(
        p->m - first - v * LANES, p->k - k0 < 256 ? p->k - k0 : 256, p->a + (first + v * LANES) * p->lda + k0, p->lda,
        s->packed + (block * 2 * p->k + k0 * registers) * LANES + v * LANES, registers * LANES);
}

static void NAME(connected_task)(void *context, int64_t index) {
  const NAME(connected) *s = context;
  const NAME(product) *p = s->of;
  int64_t j0 = index * CONNECTED_GROUP, columns = p->n - j0 < CONNECTED_GROUP ? p->n - j0 : CONNECTED_GROUP;
  int64_t blocks = (p->m + 2 * LANES - 1) / (2 * LANES), steps = (p->k + CONNECTED_DEPTH - 1) / CONNECTED_DEPTH;
  int64_t depth = (p->k + steps - 1) / steps;
  REAL sums[(CONNECTED_GROUP + LANES) * 2 * LANES] __attribute__((aligned(64))), tile[2 * LANES * CONNECTED_GROUP];
  int64_t panels = (columns + CONNECTED_ROWS - 1) / CONNECTED_ROWS;
  for (int64_t block = 0; block < blocks; block++) {
    int64_t first = block * 2 * LANES, lanes = p->m - first < 2 * LANES ? p->m - first : 2 * LANES;
    int registers = lanes > LANES ? 2 : 1;
    for (int64_t r = 0; r < panels; r++) {
      int64_t j = columns * r / panels, rows = columns * (r + 1) / panels - j;
      for (int64_t k0 = 0; k0 < p->k; k0 += depth)
        NAME(tapestry_columns)[rows - 1][registers - 1](
            p->k - k0 < depth ? p->k - k0 : depth, s->identity, s->packed + (block * 2 * p->k + k0 * registers) * LANES,
            p->b + (j0 + j) * p->ldb + k0, p->ldb, CONNECTED_AHEAD, sums + j * registers * LANES, registers * LANES,
            k0 > 0);
    }
    for (int v = 0; v < registers; v++)
      NAME(tapestry_unpack_lanes)(
          lanes - v * LANES < LANES ? lanes - v * LANES : LANES, columns, sums + v * LANES, registers * LANES,
          tile + v * LANES * CONNECTED_GROUP, CONNECTED_GROUP);
    NAME(merge)(p, p->accumulate, true, first, j0, lanes, columns, tile, CONNECTED_GROUP);
  }
}

static void NAME(connected_product)(const NAME(product) *p) {
  int64_t blocks = (p->m + 2 * LANES - 1) / (2 * LANES);
  size_t packed_bytes = (size_t)(blocks * 2 * LANES * p->k) * sizeof(REAL);
  size_t bytes = packed_bytes + CONNECTED_DEPTH * sizeof(int64_t);
  NAME(connected) s = {.of = p, .packed = tapestry_allocate(bytes)};
  s.identity = (int64_t *)((char *)s.packed + packed_bytes);
  for (int64_t i = 0; i < CONNECTED_DEPTH; i++) s.identity[i] = i;
  tapestry_share(p->parallel, blocks * ((p->k + 255) / 256), &s, NAME(connected_pack_task));
  tapestry_share(p->parallel, (p->n + CONNECTED_GROUP - 1) / CONNECTED_GROUP, &s, NAME(connected_task));
  tapestry_release(s.packed, bytes);
}
