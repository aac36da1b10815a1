// Matrix products: see gemm_kernel.h.
#include "include/CTapestryKernels.h"

#define DEFINE(real, suffix)                                                                                  \
  static void product_##suffix(                                                                               \
      bool ta, bool tb, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,           \
      int64_t ldb, real *c, int64_t ldc, bool accumulate, const tapestry_epilogue *e) {                       \
    const real *row = e ? e->row_bias : NULL, *column = e ? e->column_bias : NULL;                            \
    for (int64_t i = 0; i < m; i++)                                                                           \
      for (int64_t j = 0; j < n; j++) {                                                                       \
        real sum = 0;                                                                                         \
        for (int64_t p = 0; p < k; p++)                                                                       \
          sum += (ta ? a[p * lda + i] : a[i * lda + p]) * (tb ? b[j * ldb + p] : b[p * ldb + j]);             \
        if (accumulate) sum += c[i * ldc + j];                                                                \
        if (row) sum += row[i];                                                                               \
        if (column) sum += column[j];                                                                         \
        c[i * ldc + j] = e && e->relu && sum < 0 ? 0 : sum;                                                   \
      }                                                                                                       \
  }
DEFINE(float, f32)
DEFINE(double, f64)

void tapestry_gemm(
    int32_t dtype, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
    const void *b, int64_t ldb, void *c, int64_t ldc, bool accumulate, const tapestry_epilogue *epilogue) {
  if (dtype == TAPESTRY_FLOAT32)
    product_f32(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, accumulate, epilogue);
  else
    product_f64(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, accumulate, epilogue);
}

void tapestry_gemm_batched(
    int32_t dtype, bool transpose_a, bool transpose_b, int64_t batch, int64_t m, int64_t n, int64_t k, const void *a,
    int64_t lda, const int64_t *offsets_a, const void *b, int64_t ldb, const int64_t *offsets_b, void *c) {
  int64_t bytes = dtype == TAPESTRY_FLOAT32 ? 4 : 8;
  for (int64_t i = 0; i < batch; i++)
    tapestry_gemm(
        dtype, transpose_a, transpose_b, m, n, k, (const char *)a + offsets_a[i] * bytes, lda,
        (const char *)b + offsets_b[i] * bytes, ldb, (char *)c + i * m * n * bytes, n, false, NULL);
}
