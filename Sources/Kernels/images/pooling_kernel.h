// Pooling of one plane of one REAL: see pooling.c.
//
// A band of the image is first copied with everything around it that windows reach, and with the columns of one
// remainder by the stride side by side. Then every column of the windows is a run of memory for neighbouring outputs,
// whatever stride, dilation and padding are, and the edges are like the middle.

#define LARGEST ((REAL)__builtin_inf())

/// Does a pixel replace the best so far? Larger, or the first NaN: not smaller or equal, while the best is a number.
#define WINS(v, best) ((((v) <= (best)) == 0) & ((best) == (best)))

/// even[q] = from[2 q] and odd[q] = from[2 q + 1] for 2 q < count, in whole vectors, with `outside` behind.
INLINE void NAME(part)(int64_t count, const REAL *from, REAL outside, REAL *even, REAL *odd) {
  for (int64_t q = 0; 2 * q < count; q += LANES) {
    int64_t more = count - 2 * q - LANES;
    VECTOR a = NAME(load_up_to)(from + 2 * q, count - 2 * q, outside), b = SPLAT(outside);
    if (more > 0) b = NAME(load_up_to)(from + 2 * q + LANES, more, outside);
    NAME(store)(even + q, NAME(evens)(a, b));
    NAME(store)(odd + q, NAME(odds)(a, b));
  }
}

/// Rows first ..< first + count of the image, counted from -top on, to band[row][column % stride][column / stride],
/// columns counted from -left on; `outside` where there is no pixel.
INLINE void NAME(copy_band)(
    const tapestry_pooling *s, int64_t first, int64_t count, REAL outside, const REAL *x, REAL *band) {
  int64_t run = band_run(s), stride = s->stride_width, left = s->left;
  int64_t reached = (s->output_width - 1) * stride + (s->kernel_width - 1) * s->dilation_width + 1;
  int64_t end =
      left + s->width < reached ? left + s->width : reached;  // behind the last column with a pixel that is read
  for (int64_t r = 0; r < count; r++, band += stride * run) {
    bool none = first + r < 0 || first + r >= s->height || end <= left;
    for (int64_t p = 0; p < stride; p++) {
      REAL *to = band + p * run;
      int64_t before = none ? run : (left - p + stride - 1) / stride,
              after = none ? run : (end - p + stride - 1) / stride;
      for (int64_t q = 0; q < before; q++) to[q] = outside;
      for (int64_t q = after; q < run; q++) to[q] = outside;
    }
    if (none) continue;
    const REAL *from = x + (first + r) * s->width - left;
    int64_t c = left;
    if (stride == 1) {
      for (; c < end; c += LANES) NAME(store)(band + c, NAME(load_up_to)(from + c, end - c, outside));
    } else if (stride == 2) {
      if (c % 2) band[run + c / 2] = from[c], c++;
      NAME(part)(end - c, from + c, outside, band + c / 2, band + run + c / 2);
    } else {
      for (; c < end; c++) band[c % stride * run + c / stride] = from[c];
    }
  }
}

/// Copies what output rows i0 and following read; returns the row behind the last of them.
INLINE int64_t NAME(next_band)(const tapestry_pooling *s, int64_t i0, REAL outside, const REAL *x, REAL *band) {
  int64_t rows = band_rows(s);
  if (rows > s->output_height - i0) rows = s->output_height - i0;
  NAME(copy_band)(s, i0 * s->stride_height - s->top, rows_read(s, rows), outside, x, band);
  return i0 + rows;
}

/// Where column b of the windows begins in a row of the band. Dividing by a stride that is not constant takes longer
/// than what is done there: hence the cases of callers.
INLINE int64_t NAME(column_start)(const tapestry_pooling *s, int64_t run, int64_t stride, int64_t b) {
  int64_t column = b * s->dilation_width;
  return stride == 1 ? column : column % stride * run + column / stride;
}

#include "images/pooling_maximum.h"
#include "images/pooling_sum.h"
