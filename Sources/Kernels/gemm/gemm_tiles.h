// What matrix products and convolutions are made of, for one REAL: tiles, dot products and columns of sums in
// registers, and the rearrangements that they read. Compiled once, with the matrix product (gemm_tile.h, gemm_pack.h,
// gemm_lanes.h); declared here for the convolution.

#define TILE_ROWS TUNED(VECTOR_BYTES == 64 ? 9 : 8, 6, 4)
#define TILE_VECTORS (VECTOR_BYTES == 64 ? 3 : 2)
#define WIDE_VECTORS TUNED(VECTOR_BYTES == 64 ? 6 : 8, 4, 4)
#define WIDE_ROWS TUNED(3, 2, 2)
#define DOT_ROWS TUNED(VECTOR_BYTES == 64 ? 6 : 4, 3, 2)
#define DOT_COLUMNS 4
#define TILE_COLUMNS (TILE_VECTORS * LANES)
#define TILE_STEPS 4  // terms between two prefetches

/// What a tile prefetches into the second-level cache while it multiplies: every `every` times TILE_STEPS terms the
/// lines of a row at `target`, where its own result will go, and of one at `source`, where what comes next is read.
/// Spread over the loop they cost nothing; all at its start, they would fill the buffers of the first-level cache and
/// keep the operands waiting.
typedef struct {
  int64_t every;
  const REAL *target, *source;
  int64_t target_stride, source_stride;
  int64_t source_far;  // elements of `source` for a register of a row
} NAME(ahead);

/// Nothing to prefetch.
#define AHEAD_NONE(of) (&(NAME(ahead)){.every = INT64_MAX, .target = (of), .source = (of)})

typedef void (*NAME(tile))(
    int64_t k, const REAL *a, int64_t as, const REAL *b, int64_t bs, REAL *c, int64_t ldc, bool add,
    const NAME(ahead) *ahead);

/// tapestry_tiles[vectors - 1][rows - 1]
extern INTERNAL const NAME(tile) NAME(tapestry_tiles)[TILE_VECTORS][TILE_ROWS];

/// sums[i columns + j] = sum over p < k of a[i lda + p] b[j][p]; a row at `ahead` is prefetched.
/// `sums` has room for DOT_ROWS DOT_COLUMNS + LANES elements.
typedef void (*NAME(dot))(int64_t k, const REAL *a, int64_t lda, const REAL *const *b, const REAL *ahead, REAL *sums);

/// tapestry_dots[rows - 1][columns - 1]
extern INTERNAL const NAME(dot) NAME(tapestry_dots)[DOT_ROWS][DOT_COLUMNS];

#define COLUMN_ROWS TUNED(14, 6, 4)

/// sums[i sums_stride + channels] (+)= sum over p < count of vectors[p][channels] first[i stride + offsets[p]]. What
/// lies `ahead` elements behind the first row is prefetched.
typedef void (*NAME(column))(
    int64_t count, const int64_t *offsets, const REAL *vectors, const REAL *first, int64_t stride, int64_t ahead,
    REAL *sums, int64_t sums_stride, bool add);

/// tapestry_columns[rows - 1][registers - 1]
extern INTERNAL const NAME(column) NAME(tapestry_columns)[COLUMN_ROWS][2];

/// A panel of `rows` <= TILE_ROWS rows of A, [k][rows]: to[p rows + i] = a[i lda + p], or a[p lda + i] if transposed.
/// Writes exactly rows k elements. `readable` is how many rows A has from here on.
INTERNAL void NAME(tapestry_pack_rows)(
    bool transposed, int rows, int64_t readable, int64_t k, const REAL *a, int64_t lda, REAL *to);

/// Rows of a matrix from its columns: to[k to_stride + lane] = from[lane stride + k], zeros in lanes behind `lanes`.
INTERNAL void NAME(tapestry_pack_lanes)(
    int64_t lanes, int64_t count, const REAL *from, int64_t stride, REAL *to, int64_t to_stride);

/// The way back: to[lane to_stride + k] = from[k from_stride + lane] for k < count and lane < lanes <= LANES. Reads
/// LANES rows where there are fewer.
INTERNAL void NAME(tapestry_unpack_lanes)(
    int64_t lanes, int64_t count, const REAL *from, int64_t from_stride, REAL *to, int64_t to_stride);
