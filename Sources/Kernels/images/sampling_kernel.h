// One line of a picture whose pixels come from places in another. Included once per instruction set by variants.h.

static void VARIANT(sample_line)(
    const float *restrict plane, int32_t width, float x, float y, float step_x, float step_y, int32_t first,
    int32_t last, float *restrict line) {
  for (int32_t i = first; i < last; i++) {
    float column = x + step_x * (float)i, row = y + step_y * (float)i;
    // Neither is negative: cutting off rounds down.
    int32_t left = (int32_t)column, top = (int32_t)row;
    float share_x = column - (float)left, share_y = row - (float)top;
    int32_t at = top * width + left;
    float a = plane[at], b = plane[at + 1], c = plane[at + width], d = plane[at + width + 1];
    float upper = a + (b - a) * share_x, lower = c + (d - c) * share_x;
    line[i] = upper + (lower - upper) * share_y;
  }
}
