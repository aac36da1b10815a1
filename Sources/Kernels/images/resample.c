// Images of another size, separably and in one pass: rows are resampled along themselves when an output row first needs
// them, kept in a ring of as many lines as the vertical matrix has taps, and added up under their weights.
//
// The transpose of such a matrix has runs of neighbours, too, so gradients take the same way with other tables.
#include "include/CTapestryKernels.h"
#include "runtime/sharing.h"

#include <stdbool.h>
#include <string.h>

#define REAL_SOURCE "images/resample_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

/// Output rows of a piece of work: about 64 kB of results.
enum { piece_elements = 16384 };

static int64_t most_taps(const tapestry_axis_map *map) {
  int64_t most = 1;
  for (int64_t i = 0; i < map->outputs; i++) {
    int64_t count = map->starts[i + 1] - map->starts[i];
    if (count > most) most = count;
  }
  return most;
}

static bool is_identity(const tapestry_axis_map *map) {
  if (map->inputs != map->outputs) return false;
  for (int64_t i = 0; i < map->outputs; i++)
    if (map->firsts[i] != i || map->starts[i + 1] - map->starts[i] != 1 || map->weights[map->starts[i]] != 1)
      return false;
  return true;
}

typedef struct {
  int32_t dtype;
  const tapestry_axis_map *rows, *columns;
  int64_t row_taps, column_taps, bands, band_rows;
  bool keeps_columns;
  int32_t *places;
  void *weights;
  const char *x;
  char *y;
} plane_job;

#define BAND(real, suffix)                                                                                     \
  static void resample_band_##suffix(void *context, int64_t piece) {                                           \
    const plane_job *job = context;                                                                            \
    const tapestry_axis_map *rows = job->rows, *columns = job->columns;                                        \
    int64_t plane = piece / job->bands, begin = piece % job->bands * job->band_rows, width = columns->outputs; \
    int64_t end = begin + job->band_rows < rows->outputs ? begin + job->band_rows : rows->outputs;             \
    const real *x = (const real *)job->x + plane * rows->inputs * columns->inputs;                             \
    real *y = (real *)job->y + plane * rows->outputs * width;                                                  \
    size_t line_bytes = (size_t)(job->row_taps * width) * sizeof(real);                                        \
    size_t table_bytes = (size_t)job->row_taps * (sizeof(real *) + sizeof(int64_t));                           \
    real *ring = job->keeps_columns ? NULL : tapestry_allocate(line_bytes);                                    \
    const real **lines = tapestry_allocate(table_bytes);                                                       \
    int64_t *held = (int64_t *)(lines + job->row_taps); /* which row each line of the ring has */              \
    for (int64_t k = 0; k < job->row_taps; k++) held[k] = -1;                                                  \
    for (int64_t i = begin; i < end; i++) {                                                                    \
      int64_t count = rows->starts[i + 1] - rows->starts[i];                                                   \
      for (int64_t k = 0; k < count; k++) {                                                                    \
        int64_t row = rows->firsts[i] + k, slot = row % job->row_taps;                                         \
        if (job->keeps_columns) {                                                                              \
          lines[k] = x + row * columns->inputs;                                                                \
          continue;                                                                                            \
        }                                                                                                      \
        real *line = ring + slot * width;                                                                      \
        lines[k] = line;                                                                                       \
        if (held[slot] == row) continue;                                                                       \
        held[slot] = row;                                                                                      \
        DISPATCH(resample_row_##suffix)                                                                        \
        (width, job->column_taps, job->places, job->weights, x + row * columns->inputs, line);                 \
      }                                                                                                        \
      DISPATCH(weigh_lines_##suffix)(width, count, lines, rows->weights + rows->starts[i], y + i * width);     \
    }                                                                                                          \
    tapestry_release((void *)lines, table_bytes);                                                              \
    if (ring) tapestry_release(ring, line_bytes);                                                              \
  }
BAND(float, f32)
BAND(double, f64)

void tapestry_resample_planes(
    int32_t dtype, int64_t planes, const tapestry_axis_map *rows, const tapestry_axis_map *columns, const void *x,
    void *y) {
  if (planes <= 0 || rows->outputs <= 0 || columns->outputs <= 0) return;
  plane_job job = {.dtype = dtype, .rows = rows, .columns = columns, .x = x, .y = y};
  job.row_taps = most_taps(rows), job.column_taps = most_taps(columns);
  job.keeps_columns = is_identity(columns);
  int64_t table = job.column_taps * columns->outputs;
  size_t place_bytes = (size_t)table * sizeof(int32_t), weight_bytes = (size_t)table * sizeof(double);
  job.places = tapestry_allocate(place_bytes);
  job.weights = tapestry_allocate(weight_bytes);
  if (dtype == TAPESTRY_FLOAT64) DISPATCH(spread_taps_f64)(columns, job.column_taps, job.places, job.weights);
  else DISPATCH(spread_taps_f32)(columns, job.column_taps, job.places, job.weights);
  // Bands of rows where planes are large: each resamples the rows at its edges once more. Small planes are one band.
  job.band_rows = piece_elements / columns->outputs;
  if (job.band_rows < 4 * job.row_taps) job.band_rows = 4 * job.row_taps;
  if (job.band_rows > rows->outputs) job.band_rows = rows->outputs;
  job.bands = tapestry_parts(rows->outputs, job.band_rows);
  bool worthwhile = planes * rows->outputs * columns->outputs >= tapestry_shared_elements;
  tapestry_share(
      worthwhile, planes * job.bands, &job, dtype == TAPESTRY_FLOAT64 ? resample_band_f64 : resample_band_f32);
  tapestry_release(job.weights, weight_bytes);
  tapestry_release(job.places, place_bytes);
}

typedef struct {
  const tapestry_axis_map *map;
  int64_t inner, most;
  const char *x;
  char *y;
} axis_job;

#define AXIS(real, suffix)                                                                                       \
  static void resample_place_##suffix(void *context, int64_t piece) {                                            \
    const axis_job *job = context;                                                                               \
    const tapestry_axis_map *map = job->map;                                                                     \
    int64_t outer = piece / map->outputs, i = piece % map->outputs, count = map->starts[i + 1] - map->starts[i]; \
    size_t table_bytes = (size_t)job->most * sizeof(real *);                                                     \
    const real **lines = tapestry_allocate(table_bytes);                                                         \
    for (int64_t k = 0; k < count; k++)                                                                          \
      lines[k] = (const real *)job->x + (outer * map->inputs + map->firsts[i] + k) * job->inner;                 \
    DISPATCH(weigh_lines_##suffix)                                                                               \
    (job->inner, count, lines, map->weights + map->starts[i], (real *)job->y + piece * job->inner);              \
    tapestry_release((void *)lines, table_bytes);                                                                \
  }
AXIS(float, f32)
AXIS(double, f64)

void tapestry_resample_axis(
    int32_t dtype, int64_t outer, const tapestry_axis_map *map, int64_t inner, const void *x, void *y) {
  if (outer <= 0 || map->outputs <= 0 || inner <= 0) return;
  axis_job job = {.map = map, .inner = inner, .most = most_taps(map), .x = x, .y = y};
  tapestry_share(
      outer * map->outputs * inner >= tapestry_shared_elements, outer * map->outputs, &job,
      dtype == TAPESTRY_FLOAT64 ? resample_place_f64 : resample_place_f32);
}
