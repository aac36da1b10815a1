// The gradient by the bias, for one REAL.

typedef struct {
  const tapestry_convolution *shape;
  const REAL *gy;
  REAL *gb;
} NAME(bias_sum);

static void NAME(bias_task)(void *context, int64_t f) {
  const NAME(bias_sum) *s = context;
  int64_t pixels = s->shape->output_height * s->shape->output_width;
  REAL total = 0;
  for (int64_t n = 0; n < s->shape->batch; n++) {
    const REAL *from = s->gy + (n * s->shape->filters + f) * pixels;
    // Blocks of 4096 terms, four sums each.
    for (int64_t start = 0; start < pixels; start += 4096) {
      int64_t end = start + 4096 < pixels ? start + 4096 : pixels, p = start;
      VECTOR sum[4] = {{0}, {0}, {0}, {0}};
      for (; p + 4 * LANES <= end; p += 4 * LANES)
        UNROLLED (int v = 0; v < 4; v++) sum[v] += NAME(load)(from + p + v * LANES);
      for (; p + LANES <= end; p += LANES) sum[0] += NAME(load)(from + p);
      VECTOR all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
      REAL block = NAME(sum_each)(&all, 1)[0];
      for (; p < end; p++) block += from[p];
      total += block;
    }
  }
  s->gb[f] = total;
}

void NAME(tapestry_convolve_bias_gradient)(const tapestry_convolution *c, const void *gy, void *gb) {
  NAME(bias_sum) s = {c, gy, gb};
  int64_t elements = c->batch * c->filters * c->output_height * c->output_width;
  tapestry_share(elements >= tapestry_shared_elements, c->filters, &s, NAME(bias_task));
}
