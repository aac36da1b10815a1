// Output pixels from padded sources: the types and sizes that all ways of computing them use. Forward, and the gradient
// by the input, which is the same sum over the cotangent with other taps. For one variant and element type.
//
// Where output channels fill registers they lie along the lanes (convolution_rows.h). Other wide layers are matrix
// products over gathered pixels (convolution_pixels.h). With few output channels gathering would cost more than it
// saves: pixels are then read in place along the lanes, or channels lie along them in patches (convolution_direct.h).
// convolution_correlate.h divides the work among threads.

#define DIRECT_ROWS TUNED(6, 6, 4)  // 6 x 4 sums, 4 pixels and a weight: 29 registers; or 6 x 2, 2 and one: 15
#define DIRECT_VECTORS TUNED(4, 2, 2)
#define DEPTH (4096 / REAL_BYTES)  // terms summed in registers at a time, see gemm_kernel.h
#define GROUP 4                    // pixel panels of a task: 1024 x 128 floats, 512 kB of L2
#define TASK_PIXELS 448            // output pixels of a task with channels along the lanes: their sums take 56 kB
#define DIRECT_MOST 16             // output channels of a group up to which pixels are read in place
#define WINDOW_BYTES 524288        // of a padded window: a quarter of a second-level cache of 2 MB, next to
#define HELD_BYTES 1048576         // weights that a thread meets again and again

/// One grid of outputs that share their taps: all of them, or one phase of the gradient of a strided convolution.
typedef struct {
  int64_t rows, columns, depth;
  int64_t target_offset;
  int64_t phase_height, phase_width, weight_offset;
  int64_t *offsets;  // [depth] where a tap lies in the padded source, for the first group
  REAL *weights;     // packed: [group][block of the depth][panel][depth][rows of the panel]
  // If the taps lie in order of kernel rows: how many rows, and where row r of the kernel is: shift + r step rows below
  // the output. Rows that meet only zeros above or below the image are then left out. 0: unknown.
  int64_t kernel_rows, shift, step;
} NAME(grid);

typedef struct {
  const tapestry_convolution *shape;
  const REAL *weight;       // as it came
  bool backward;            // whether this is the gradient by the input
  int64_t weight_elements;  // of the packed weights of all grids
  NAME(source) source;
  int64_t images, groups, outs;  // outs of one group
  REAL *target;
  int64_t target_image, target_channel, target_row, target_column;  // strides
  NAME(epilogue) epilogue;
  bool direct, lanes;
  bool in_place;                  // the source is read where it is: it needs no padding
  int64_t row_step, column_step;  // elements of the source between neighbouring outputs
  bool pairs;                     // grids 2 i and 2 i + 1 hold the even and odd columns of the same rows
  int64_t blocks, task_rows;      // with channels along the lanes: blocks of 2 LANES of them, output rows of a task
  int64_t window_rows;            // output rows whose part of the source is copied at a time; 0: all of an image
  int64_t window_step,
      task_blocks;  // rows of the image from one output row to the next; blocks of a task with a window
  bool packs_own;   // every task packs the weights that it alone meets
  int64_t patch;    // few channels along the lanes, by patches of this width; 0: along the registers
  int64_t grid_count, panels;
  NAME(grid) *grids;
  const NAME(grid) *grid;  // the one at work
  // The images at work.
  int64_t first_image, block_images, chunk;
  REAL *padded;
  int64_t pixel_group, panel_groups;
} NAME(correlation);

INLINE int NAME(channel_panel)(const NAME(correlation) *s, int64_t panel, int64_t *first) {
  *first = s->outs * panel / s->panels;
  return (int)(s->outs * (panel + 1) / s->panels - *first);
}

INLINE int64_t NAME(block_depth)(int64_t depth) {
  int64_t blocks = (depth + DEPTH - 1) / DEPTH;
  return blocks ? (depth + blocks - 1) / blocks : 0;
}
