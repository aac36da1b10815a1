// Features of regions by bilinear interpolation (He et al., "Mask R-CNN", 2017, section 3).
//
// A bin's value is the mean of points whose weights are products of a weight for the row and one for the column, and
// whether a point lies outside is decided for rows and columns apart, too. So a region is two small sparse matrices,
// and its value is rows x image x columnsᵀ: a few rows of pixels are added up in vectors, then a few of those sums.
// That costs as many operations as the region has pixels, not as it has points.
#include "include/CTapestryKernels.h"
#include "runtime/sharing.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/// A row or column of bins: `count` pixels from `first` on, with the weights at `weights`.
typedef struct {
  int64_t first, count, weights;
} region_bin;

#define REAL_SOURCE "images/region_align_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

/// The points of one bin of one axis that can be inside the image, `step` apart.
typedef struct {
  double start, step;
  int64_t from, to, sampling;
} bin_points;

static bin_points points_of(
    const tapestry_region_grid *grid, double start, double length, int64_t bins, int64_t bin, int64_t size) {
  double width = length / (double)bins;
  double sampling = grid->sampling > 0 ? (double)grid->sampling : ceil(width);
  bin_points points = {.sampling = sampling < 0 ? 0 : sampling > 0x1p62 ? INT64_C(1) << 62 : (int64_t)sampling};
  if (points.sampling == 0) return points;
  points.step = width / (double)points.sampling;
  points.start = start + (double)bin * width + points.step / 2;
  points.to = points.sampling;
  if (points.step > 0) {
    // Only these can lie between -1 and `size`; one more on each side for rounding. A region may be much larger than
    // its image.
    double from = floor((-1 - points.start) / points.step) - 1,
           to = ceil(((double)size - points.start) / points.step) + 2;
    if (from > 0) points.from = from < (double)points.to ? (int64_t)from : points.to;
    if (to < (double)points.to) points.to = to > (double)points.from ? (int64_t)to : points.from;
  }
  return points;
}

/// The pixels that the points reach, as a bin without weights.
static region_bin reach_of(bin_points points, int64_t size) {
  int64_t low = size, high = -1;
  for (int64_t k = points.from; k < points.to; k++) {
    double at = points.start + (double)k * points.step;
    if (!(at >= -1 && at <= (double)size)) continue;
    int64_t pixel = at <= 0 ? 0 : (int64_t)at < size - 1 ? (int64_t)at : size - 1;
    if (pixel < low) low = pixel;
    int64_t next = pixel + 1 < size ? pixel + 1 : size - 1;
    if (next > high) high = next;
  }
  return (region_bin){.first = high < 0 ? 0 : low, .count = high < 0 ? 0 : high - low + 1};
}

static void weigh(bin_points points, int64_t size, const region_bin *bin, double *weights) {
  for (int64_t k = 0; k < bin->count; k++) weights[k] = 0;
  double share = 1 / (double)(points.sampling > 0 ? points.sampling : 1);
  for (int64_t k = points.from; k < points.to; k++) {
    double at = points.start + (double)k * points.step;
    if (!(at >= -1 && at <= (double)size)) continue;
    if (at < 0) at = 0;
    int64_t pixel = (int64_t)at;
    double part = at - (double)pixel;
    if (pixel >= size - 1) pixel = size - 1, part = 0;
    weights[pixel - bin->first] += (1 - part) * share;
    if (part > 0) weights[pixel + 1 - bin->first] += part * share;
  }
}

/// A region's place in the tables below.
typedef struct {
  int64_t image;  // -1: it gives 0
  int64_t left, right;
} region_place;

typedef struct {
  int32_t dtype;
  const tapestry_region_grid *grid;
  int64_t images, channels, height, width, region_count, outputs;  // outputs: channels of y
  int64_t block, blocks;                                           // channels of a piece of work
  region_place *places;
  region_bin *bins;  // rows, then columns, a region
  double *weights;
  size_t place_bytes, bin_bytes, weight_bytes;
  const char *from;
  char *to;
} region_job;

/// Fills the tables: what every region takes from where.
static void prepare(region_job *job, const double *regions) {
  const tapestry_region_grid *grid = job->grid;
  int64_t each = grid->rows + grid->columns, total = 0;
  job->place_bytes = (size_t)job->region_count * sizeof(region_place);
  job->bin_bytes = (size_t)(job->region_count * each) * sizeof(region_bin);
  job->places = tapestry_allocate(job->place_bytes);
  job->bins = tapestry_allocate(job->bin_bytes);
  for (int pass = 0; pass < 2; pass++) {
    if (pass == 1) {
      job->weight_bytes = (size_t)(total + 1) * sizeof(double);
      job->weights = tapestry_allocate(job->weight_bytes);
    }
    for (int64_t r = 0; r < job->region_count; r++) {
      const double *region = regions + 5 * r;
      region_place *place = job->places + r;
      bool exists = region[0] >= 0 && region[0] < (double)job->images && job->height > 0 && job->width > 0;
      double corner[4], sum = 0;
      for (int k = 0; k < 4; k++) {
        corner[k] = region[1 + k] * grid->scale + grid->shift;
        sum += corner[k] - corner[k];  // NaN if one is not finite
      }
      *place = (region_place){.image = exists && sum == 0 ? (int64_t)region[0] : -1, .left = job->width};
      for (int axis = 0; axis < 2; axis++) {  // rows, then columns
        double start = corner[1 - axis], length = corner[3 - axis] - start;
        if (grid->least > 0 && length < grid->least) length = grid->least;
        int64_t count = axis ? grid->columns : grid->rows, size = axis ? job->width : job->height;
        for (int64_t b = 0; b < count; b++) {
          region_bin *bin = job->bins + r * each + (axis ? grid->rows : 0) + b;
          if (place->image < 0) {
            *bin = (region_bin){0};
            continue;
          }
          bin_points points = points_of(grid, start, length, count, b, size);
          if (pass == 0) {
            *bin = reach_of(points, size);
            bin->weights = total;
            total += bin->count;
          } else {
            weigh(points, size, bin, job->weights + bin->weights);
          }
          if (axis && bin->count > 0) {
            if (bin->first < place->left) place->left = bin->first;
            if (bin->first + bin->count > place->right) place->right = bin->first + bin->count;
          }
        }
      }
    }
  }
}

static void finish(region_job *job) {
  tapestry_release(job->weights, job->weight_bytes);
  tapestry_release(job->bins, job->bin_bytes);
  tapestry_release(job->places, job->place_bytes);
}

/// Runs `plane` of one region and one channel of y, forward or transposed.
#define VISIT(real, suffix, visit, map_x, map_y)                                                                \
  {                                                                                                             \
    const region_bin *rows = job->bins + r * each, *columns = rows + grid->rows;                                \
    if (!grid->is_position_sensitive) DISPATCH(visit##_##suffix)                                                \
    ((real *)map_x + (place->image * job->channels + c) * pixels, job->width, grid->rows, rows, grid->columns,  \
     columns, job->weights, place->left, place->right, line, map_y);                                            \
    else for (int64_t p = 0; p < grid->rows; p++) for (int64_t q = 0; q < grid->columns; q++)                   \
        DISPATCH(visit##_##suffix)(                                                                             \
            (real *)map_x + (place->image * job->channels + (c * grid->rows + p) * grid->columns + q) * pixels, \
            job->width, 1, rows + p, 1, columns + q, job->weights, columns[q].first,                            \
            columns[q].first + columns[q].count, line, map_y + p * grid->columns + q);                          \
  }

#define PIECES(real, suffix)                                                                                         \
  static void align_piece_##suffix(void *context, int64_t piece) {                                                   \
    const region_job *job = context;                                                                                 \
    const tapestry_region_grid *grid = job->grid;                                                                    \
    int64_t r = piece / job->blocks, begin = piece % job->blocks * job->block, pixels = job->height * job->width;    \
    int64_t each = grid->rows + grid->columns, bins = grid->rows * grid->columns;                                    \
    int64_t end = begin + job->block < job->outputs ? begin + job->block : job->outputs;                             \
    const region_place *place = job->places + r;                                                                     \
    real *y = (real *)job->to + (r * job->outputs + begin) * bins;                                                   \
    if (place->image < 0) {                                                                                          \
      memset(y, 0, (size_t)((end - begin) * bins) * sizeof(real));                                                   \
      return;                                                                                                        \
    }                                                                                                                \
    size_t bytes = (size_t)job->width * sizeof(real);                                                                \
    real *line = tapestry_allocate(bytes);                                                                           \
    for (int64_t c = begin; c < end; c++, y += bins) VISIT(real, suffix, align_plane, job->from, y)                  \
    tapestry_release(line, bytes);                                                                                   \
  }                                                                                                                  \
                                                                                                                     \
  static void spread_piece_##suffix(void *context, int64_t c) {                                                      \
    const region_job *job = context;                                                                                 \
    const tapestry_region_grid *grid = job->grid;                                                                    \
    int64_t pixels = job->height * job->width, each = grid->rows + grid->columns, bins = grid->rows * grid->columns; \
    size_t bytes = (size_t)job->width * sizeof(real);                                                                \
    real *line = tapestry_allocate(bytes);                                                                           \
    for (int64_t r = 0; r < job->region_count; r++) {                                                                \
      const region_place *place = job->places + r;                                                                   \
      if (place->image < 0) continue;                                                                                \
      const real *gy = (const real *)job->from + (r * job->outputs + c) * bins;                                      \
      VISIT(real, suffix, spread_plane, job->to, gy)                                                                 \
    }                                                                                                                \
    tapestry_release(line, bytes);                                                                                   \
  }
PIECES(float, f32)
PIECES(double, f64)

static region_job job_of(
    int32_t dtype, const tapestry_region_grid *grid, int64_t images, int64_t channels, int64_t height, int64_t width,
    int64_t region_count) {
  int64_t bins = grid->rows * grid->columns;
  return (region_job){
      .dtype = dtype,
      .grid = grid,
      .images = images,
      .channels = channels,
      .height = height,
      .width = width,
      .region_count = region_count,
      .outputs = grid->is_position_sensitive ? channels / bins : channels};
}

void tapestry_align_regions(
    int32_t dtype, const tapestry_region_grid *grid, int64_t images, int64_t channels, int64_t height, int64_t width,
    int64_t region_count, const double *regions, const void *x, void *y) {
  region_job job = job_of(dtype, grid, images, channels, height, width, region_count);
  if (region_count <= 0 || job.outputs <= 0) return;
  prepare(&job, regions);
  job.from = x, job.to = y;
  job.block = 32, job.blocks = tapestry_parts(job.outputs, job.block);
  bool worthwhile = region_count * job.outputs * grid->rows * grid->columns >= tapestry_shared_functions;
  tapestry_share(
      worthwhile, region_count * job.blocks, &job, dtype == TAPESTRY_FLOAT64 ? align_piece_f64 : align_piece_f32);
  finish(&job);
}

void tapestry_align_regions_transposed(
    int32_t dtype, const tapestry_region_grid *grid, int64_t images, int64_t channels, int64_t height, int64_t width,
    int64_t region_count, const double *regions, const void *gy, void *gx) {
  size_t bytes = (size_t)(images * channels * height * width) * (dtype == TAPESTRY_FLOAT64 ? 8 : 4);
  memset(gx, 0, bytes);
  region_job job = job_of(dtype, grid, images, channels, height, width, region_count);
  if (region_count <= 0 || job.outputs <= 0) return;
  prepare(&job, regions);
  job.from = gy, job.to = gx;
  // A piece is an output channel of all images: pieces write to planes of their own, in the order of the regions.
  bool worthwhile = region_count * job.outputs * grid->rows * grid->columns >= tapestry_shared_functions;
  tapestry_share(worthwhile, job.outputs, &job, dtype == TAPESTRY_FLOAT64 ? spread_piece_f64 : spread_piece_f32);
  finish(&job);
}
