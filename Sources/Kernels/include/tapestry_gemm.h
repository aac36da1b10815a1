// Matrix products.
#ifndef TAPESTRY_GEMM_H
#define TAPESTRY_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/// What is done to a tile of the product before it is stored: c = relu(scale c + bias + addend), each part if it is
/// there.
typedef struct {
  const void *row_scale;     // NULL or one factor per row of C
  const void *column_scale;  // NULL or one factor per column of C
  const void *row_bias;      // NULL or one value per row of C, added
  const void *column_bias;   // NULL or one value per column of C, added
  const void *addend;        // NULL or a matrix with the rows, columns and row stride of C, apart from it, added
  bool relu;                 // then max(c, 0), NaN passing through
} tapestry_epilogue;

/// C[m, n] = A[m, k] B[k, n], plus C's old contents if `accumulate`, then the epilogue (may be NULL). With transpose_a
/// the memory at `a` holds A transposed, [k, m]; likewise b, [n, k]. Row strides lda, ldb, ldc count elements. Any size
/// may be 0 (k = 0 gives zeros, or C as it was). float32 and float64. Same bits for any number of threads.
void tapestry_gemm(
    int32_t dtype, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
    const void *b, int64_t ldb, void *c, int64_t ldc, bool accumulate, const tapestry_epilogue *epilogue);

/// `batch` products, the operands of product i at offsets_a[i], offsets_b[i] (elements) and its result at i * m * n of
/// c.
void tapestry_gemm_batched(
    int32_t dtype, bool transpose_a, bool transpose_b, int64_t batch, int64_t m, int64_t n, int64_t k, const void *a,
    int64_t lda, const int64_t *offsets_a, const void *b, int64_t ldb, const int64_t *offsets_b, void *c);

/// A 1x1 convolution, or with a stride of 1 its gradient by the input: C[rows, pixels] of every image = A[rows, depth]
/// B[depth, pixels] of that image. Images of C have [height, width] pixels; they are every stride-th row and column of
/// [full_height, full_width] of B.
typedef struct {
  int64_t images, rows, depth, height, width;
  int64_t full_height, full_width, stride_height, stride_width;
  int64_t target_image;  // elements from one image of C, and of the epilogue's addend, to the next
} tapestry_pointwise;

/// No size may be 0. A is [rows, depth], or with transpose_a [depth, rows]. The epilogue (may be NULL) has nothing for
/// columns.
void tapestry_pointwise_product(
    int32_t dtype, const tapestry_pointwise *shape, bool transpose_a, const void *a, const void *b, void *c,
    const tapestry_epilogue *epilogue);

#endif
