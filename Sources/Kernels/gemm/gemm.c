// Matrix products: which variant computes them, and batches. The blocks are in gemm_kernel.h, the inner loops in
// gemm_tile.h.
#include "gemm/gemm_variants.h"
#include "include/tapestry_machine.h"
#include "runtime/sharing.h"

void tapestry_gemm(
    int32_t dtype, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
    const void *b, int64_t ldb, void *c, int64_t ldc, bool accumulate, const tapestry_epilogue *epilogue) {
  (dtype == TAPESTRY_FLOAT64 ? DISPATCH(tapestry_multiply_f64) : DISPATCH(tapestry_multiply_f32))(
      transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, accumulate, epilogue);
}

void tapestry_pointwise_product(
    int32_t dtype, const tapestry_pointwise *shape, bool transpose_a, const void *a, const void *b, void *c,
    const tapestry_epilogue *epilogue) {
  if (dtype == TAPESTRY_FLOAT64) DISPATCH(tapestry_multiply_pixels_f64)(shape, transpose_a, a, b, c, epilogue);
  else DISPATCH(tapestry_multiply_pixels_f32)(shape, transpose_a, a, b, c, epilogue);
}

typedef struct {
  int32_t dtype;
  bool transpose_a, transpose_b;
  int64_t m, n, k, lda, ldb;
  const int64_t *offsets_a, *offsets_b;
  const char *a, *b;
  char *c;
} batched;

static void one_of_batch(void *context, int64_t i) {
  const batched *s = context;
  int64_t bytes = s->dtype == TAPESTRY_FLOAT64 ? 8 : 4;
  tapestry_gemm(
      s->dtype, s->transpose_a, s->transpose_b, s->m, s->n, s->k, s->a + s->offsets_a[i] * bytes, s->lda,
      s->b + s->offsets_b[i] * bytes, s->ldb, s->c + i * s->m * s->n * bytes, s->n, false, NULL);
}

void tapestry_gemm_batched(
    int32_t dtype, bool transpose_a, bool transpose_b, int64_t batch, int64_t m, int64_t n, int64_t k, const void *a,
    int64_t lda, const int64_t *offsets_a, const void *b, int64_t ldb, const int64_t *offsets_b, void *c) {
  batched s = {dtype, transpose_a, transpose_b, m, n, k, lda, ldb, offsets_a, offsets_b, a, b, c};
  double products = (double)m * (double)n * (double)k;
  // Products large enough to share out are shared out one after the other; small ones whole.
  bool worthwhile = products < 32 * tapestry_shared_products && products * (double)batch >= tapestry_shared_products;
  tapestry_share(worthwhile, batch, &s, one_of_batch);
}
