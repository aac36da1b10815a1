// Rearranging operands into the panels that the tiles read in order, for one REAL.

/// A panel of `rows` <= TILE_ROWS rows of A, [k][rows]: to[p rows + i] = a[i lda + p], or a[p lda + i] if transposed.
/// Writes exactly rows k elements. `readable` is how many rows A has from here on.
void NAME(tapestry_pack_rows)(
    bool transposed, int rows, int64_t readable, int64_t k, const REAL *a, int64_t lda, REAL *to) {
  enum { squares = (TILE_ROWS + LANES - 1) / LANES };
  if (transposed) {
    int64_t p = 0;
    if (readable >= squares * LANES)
      for (; (k - p) * rows >= squares * LANES; p++)
        UNROLLED (int s = 0; s < squares; s++) {
          VECTOR part = NAME(load)(a + p * lda + s * LANES);
          NAME(store)(to + p * rows + s * LANES, part);
        }
    for (; p < k; p++)
      for (int i = 0; i < rows; i++) to[p * rows + i] = a[p * lda + i];
    return;
  }
  // Squares of LANES columns: each is loaded by rows, transposed in registers and stored by columns. A column's
  // store overruns into the next one, which is written later; the last square is stored exactly.
  VECTOR square[squares][LANES];
  int64_t p = 0;
  for (; p + LANES <= k; p += LANES) {
    for (int s = 0; s * LANES < rows; s++) {
      int here = rows - s * LANES < LANES ? rows - s * LANES : LANES;
      UNROLLED (int i = 0; i < LANES; i++)
        square[s][i] = i < here ? NAME(load)(a + (s * LANES + i) * lda + p) : SPLAT(0);
      NAME(transpose)(square[s]);
    }
    int64_t room = (k - p) * rows;  // what is left of the panel
    if (room >= (LANES - 1) * rows + squares * LANES) {
      for (int q = 0; q < LANES; q++)
        for (int s = 0; s * LANES < rows; s++) NAME(store)(to + (p + q) * rows + s * LANES, square[s][q]);
    } else {
      for (int q = 0; q < LANES; q++)
        for (int i = 0; i < rows; i++) to[(p + q) * rows + i] = square[i / LANES][q][i % LANES];
    }
  }
  for (; p < k; p++)
    for (int i = 0; i < rows; i++) to[p * rows + i] = a[i * lda + p];
}

/// A panel of `columns` <= TILE_COLUMNS columns of B, [k][TILE_COLUMNS] with zeros behind:
/// to[p TILE_COLUMNS + j] = b[p ldb + j], or b[j ldb + p] if transposed.
static void NAME(pack_columns)(bool transposed, int64_t columns, int64_t k, const REAL *b, int64_t ldb, REAL *to) {
  if (!transposed) {
    if (columns == TILE_COLUMNS) {
      for (int64_t p = 0; p < k; p++) {
        UNROLLED (int v = 0; v < TILE_COLUMNS; v += LANES)
          NAME(store)(to + p * TILE_COLUMNS + v, NAME(load)(b + p * ldb + v));
      }
    } else {
      for (int64_t p = 0; p < k; p++) {
        for (int64_t j = 0; j < columns; j++) to[p * TILE_COLUMNS + j] = b[p * ldb + j];
        for (int64_t j = columns; j < TILE_COLUMNS; j++) to[p * TILE_COLUMNS + j] = 0;
      }
    }
    return;
  }
  for (int v = 0; v < TILE_VECTORS; v++) {
    const REAL *from = b + v * LANES * ldb;
    int64_t here = columns - v * LANES;
    here = here < 0 ? 0 : here > LANES ? LANES : here;
    int64_t p = 0;
    for (; p + LANES <= k; p += LANES) {
      VECTOR square[LANES];
      UNROLLED (int j = 0; j < LANES; j++) square[j] = j < here ? NAME(load)(from + j * ldb + p) : SPLAT(0);
      NAME(transpose)(square);
      UNROLLED (int q = 0; q < LANES; q++) NAME(store)(to + (p + q) * TILE_COLUMNS + v * LANES, square[q]);
    }
    for (; p < k; p++)
      for (int64_t j = 0; j < LANES; j++) to[p * TILE_COLUMNS + v * LANES + j] = j < here ? from[j * ldb + p] : 0;
  }
}
