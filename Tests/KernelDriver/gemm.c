// Matrix products, alone and in batches.
#include "driver.h"

static int64_t size(void) { return chance(4) ? pick(1, 200) : chance(2) ? pick(1, 40) : pick(1, 8); }

static void batched_case(int32_t dtype) {
  int64_t batch = pick(1, 9), m = pick(1, 20), n = pick(1, 20), k = pick(1, 20);
  bool ta = chance(2), tb = chance(2);
  describe(
      "batch of %lld, %lldx%lldx%lld%s%s", (long long)batch, (long long)m, (long long)n, (long long)k, ta ? " aT" : "",
      tb ? " bT" : "");
  array a = operand(dtype, batch * m * k), b = operand(dtype, 2 * k * n), c = result(dtype, batch * m * n);
  int64_t offsets_a[9], offsets_b[9];
  for (int64_t p = 0; p < batch; p++) {
    offsets_a[p] = (batch - 1 - p) * m * k;
    offsets_b[p] = p % 2 * k * n;
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++)
        for (int64_t q = 0; q < k; q++)
          c.values[(p * m + i) * n + j] += a.values[offsets_a[p] + (ta ? q * m + i : i * k + q)] *
                                           b.values[offsets_b[p] + (tb ? j * k + q : q * n + j)];
  }
  tapestry_gemm_batched(
      dtype, ta, tb, batch, m, n, k, a.memory, ta ? m : k, offsets_a, b.memory, tb ? k : n, offsets_b, c.memory);
  check(&c, 2e-6, 1e-14, "batched product");
}

void gemm_case(void) {
  int32_t dtype = pick_dtype();
  if (chance(8)) {
    batched_case(dtype);
    return;
  }
  int64_t m, n, k;
  do {
    m = size(), n = size(), k = chance(6) ? pick(200, 1400) : size();
  } while ((double)m * (double)n * (double)k > (chance(20) ? 4e6 : 3e5));
  if (chance(50)) k = 0;
  bool ta = chance(2), tb = chance(2), add = chance(3);
  bool row_scale = chance(4), column_scale = chance(4), row_bias = chance(3), column_bias = chance(3),
       has_addend = chance(4), relu = chance(3);
  int64_t lda = (ta ? m : k) + (chance(3) ? pick(0, 5) : 0), ldb = (tb ? k : n) + (chance(3) ? pick(0, 5) : 0);
  int64_t ldc = n + (chance(3) ? pick(0, 5) : 0);
  describe(
      "float%d %lldx%lldx%lld%s%s%s strides %lld %lld %lld%s%s%s%s%s%s", dtype == TAPESTRY_FLOAT64 ? 64 : 32,
      (long long)m, (long long)n, (long long)k, ta ? " aT" : "", tb ? " bT" : "", add ? " added" : "", (long long)lda,
      (long long)ldb, (long long)ldc, row_scale ? " row scale" : "", column_scale ? " column scale" : "",
      row_bias ? " row bias" : "", column_bias ? " column bias" : "", has_addend ? " addend" : "", relu ? " relu" : "");
  // The last row of a matrix ends with its last element, not with its stride.
  int64_t rows_a = ta ? k : m, rows_b = tb ? n : k;
  array a = operand(dtype, rows_a ? (rows_a - 1) * lda + (ta ? m : k) : 0);
  array b = operand(dtype, rows_b ? (rows_b - 1) * ldb + (tb ? k : n) : 0);
  array c = result_with(dtype, (m - 1) * ldc + n), addend = operand(dtype, c.count);
  array rs = operand(dtype, m), rb = operand(dtype, m), cs = operand(dtype, n), cb = operand(dtype, n);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = add ? c.values[i * ldc + j] : 0;
      for (int64_t p = 0; p < k; p++)
        sum += a.values[ta ? p * lda + i : i * lda + p] * b.values[tb ? j * ldb + p : p * ldb + j];
      if (row_scale) sum *= rs.values[i];
      if (column_scale) sum *= cs.values[j];
      if (row_bias) sum += rb.values[i];
      if (column_bias) sum += cb.values[j];
      if (has_addend) sum += addend.values[i * ldc + j];
      c.values[i * ldc + j] = relu && sum < 0 ? 0 : sum;
    }
  tapestry_epilogue epilogue = {
      .row_scale = row_scale ? rs.memory : NULL,
      .column_scale = column_scale ? cs.memory : NULL,
      .row_bias = row_bias ? rb.memory : NULL,
      .column_bias = column_bias ? cb.memory : NULL,
      .addend = has_addend ? addend.memory : NULL,
      .relu = relu};
  bool none = !row_scale && !column_scale && !row_bias && !column_bias && !has_addend && !relu;
  tapestry_gemm(
      dtype, ta, tb, m, n, k, a.memory, lda, b.memory, ldb, c.memory, ldc, add, none && chance(2) ? NULL : &epilogue);
  check(&c, 2e-6, 1e-14, "product");
}
