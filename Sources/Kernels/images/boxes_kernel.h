// Overlaps of boxes in one REAL: see boxes.c. Boxes lie in four planes (x1, y1, x2, y2) with their areas in a fifth,
// `stride` apart.

/// y[j] = overlap of one box with m boxes.
static void NAME(overlaps)(const REAL *box, REAL area, int64_t m, const REAL *planes, int64_t stride, REAL *y) {
  const VECTOR zero = SPLAT(0);
  for (int64_t j = 0; j < m; j += LANES) {
    int64_t rest = m - j;
    const REAL *p = planes + j;
    VECTOR left = NAME(load_up_to)(p, rest, 0), top = NAME(load_up_to)(p + stride, rest, 0);
    VECTOR right = NAME(load_up_to)(p + 2 * stride, rest, 0), bottom = NAME(load_up_to)(p + 3 * stride, rest, 0);
    VECTOR areas = NAME(load_up_to)(p + 4 * stride, rest, 0);
    VECTOR width = NAME(smaller)(right, SPLAT(box[2])) - NAME(larger)(left, SPLAT(box[0]));
    VECTOR height = NAME(smaller)(bottom, SPLAT(box[3])) - NAME(larger)(top, SPLAT(box[1]));
    VECTOR shared = (width < zero ? zero : width) * (height < zero ? zero : height);
    NAME(store_up_to)(y + j, rest, shared / (SPLAT(area) + areas - shared));
  }
}

/// Marks those of m boxes as suppressed that overlap one box by more than the threshold. `suppressed` has 0 or -1 a
/// box.
static void NAME(suppress)(
    const REAL *box, REAL area, int64_t m, const REAL *planes, int64_t stride, REAL threshold, REAL_INT *suppressed) {
  const VECTOR zero = SPLAT(0);
  for (int64_t j = 0; j < m; j += LANES) {
    const REAL *p = planes + j;  // the planes are long enough for whole vectors
    VECTOR left = NAME(load)(p), top = NAME(load)(p + stride);
    VECTOR right = NAME(load)(p + 2 * stride), bottom = NAME(load)(p + 3 * stride), areas = NAME(load)(p + 4 * stride);
    VECTOR width = NAME(smaller)(right, SPLAT(box[2])) - NAME(larger)(left, SPLAT(box[0]));
    VECTOR height = NAME(smaller)(bottom, SPLAT(box[3])) - NAME(larger)(top, SPLAT(box[1]));
    VECTOR shared = (width < zero ? zero : width) * (height < zero ? zero : height);
    MASK isMore = shared / (SPLAT(area) + areas - shared) > SPLAT(threshold);
    MASK before;
    memcpy(&before, suppressed + j, sizeof before);
    before |= isMore;
    memcpy(suppressed + j, &before, sizeof before);
  }
}
