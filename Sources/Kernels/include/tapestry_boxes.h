// Boxes in images: overlaps, the suppression of boxes that overlap a better one, and features of regions.
// A box is x1, y1, x2, y2 with y down; its area is (x2 - x1) (y2 - y1). Boxes are dense rows of four.
#ifndef TAPESTRY_BOXES_H
#define TAPESTRY_BOXES_H

#include <stdint.h>

/// y[i, j] = shared area of a[i] and b[j] over the area of both together; 0 / 0 is NaN. `dtype` is a floating type.
void tapestry_box_overlaps(int32_t dtype, int64_t n, const void *a, int64_t m, const void *b, void *y);

/// Goes through boxes in the order given, run by run, and keeps each that overlaps no kept box of its run by more than
/// `threshold`. A NaN overlap is not more.
///
/// order: the rows of `boxes` to visit, best first. runs: where each of the `run_count` runs of `order` ends.
/// kept: one byte per place in `order`, 1 or 0.
void tapestry_suppress_boxes(
    int32_t dtype, const void *boxes, const int64_t *order, int64_t run_count, const int64_t *runs, double threshold,
    uint8_t *kept);

/// How the points of a region lie: those of y[p, q] are sampling x sampling points, evenly, in bin (p, q) of rows x
/// columns.
typedef struct {
  int64_t rows, columns;
  /// Points per bin and axis; 0 for as many as the bin has pixels, rounded up.
  int64_t sampling;
  /// Pixels of the map per unit of the regions.
  double scale;
  /// Added to the scaled corners: -1/2 where pixel centres lie at halves, 0 where at whole numbers.
  double shift;
  /// The least height and width of a region, after scaling; 0 for none.
  double least;
  /// 0: every channel has all bins. 1: channel (c rows + p) columns + q of x has bin (p, q) of output channel c.
  int32_t is_position_sensitive;
} tapestry_region_grid;

/// The mean of bilinearly interpolated points of each bin of each region. regions: rows of image, x1, y1, x2, y2 as
/// doubles. x: [images, channels, height, width]; y: [regions, output channels, rows, columns]. A point more than one
/// pixel outside counts 0. A region whose image does not exist, or with a corner that is not finite, gives 0.
void tapestry_align_regions(
    int32_t dtype, const tapestry_region_grid *grid, int64_t images, int64_t channels, int64_t height, int64_t width,
    int64_t region_count, const double *regions, const void *x, void *y);

/// The transpose: adds each gradient of y to the pixels its value came from. gx is written whole.
void tapestry_align_regions_transposed(
    int32_t dtype, const tapestry_region_grid *grid, int64_t images, int64_t channels, int64_t height, int64_t width,
    int64_t region_count, const double *regions, const void *gy, void *gx);

#endif
