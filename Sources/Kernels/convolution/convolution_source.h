// The padded source of a convolution and how it is addressed, for one REAL.
//
// A source image is copied once into planes with zeros around it. With a stride s the rows and columns are distributed
// over s x s planes (phases), so that the pixels that one tap meets at neighbouring outputs lie side by side: for every
// stride and dilation, tap k of output (i, j) is at offsets[k] + i pitch + j. Loads may run past a row; zeros follow
// the last plane.

typedef struct {
  const REAL *memory;  // [images, channels, height, width]
  int64_t images, channels, height, width;
  int64_t top, left;                    // zeros before the first row and column
  int64_t step_height, step_width;      // phases over which rows and columns are distributed
  int64_t phases_height, phases_width;  // how many of them any tap uses
  int64_t rows, pitch;                  // of one phase plane
  int64_t channel_size, image_size;     // elements of the padded copy
} NAME(source);

static void NAME(source_sizes)(NAME(source) *s) {
  s->channel_size = s->phases_height * s->phases_width * s->rows * s->pitch;
  s->image_size = s->channels * s->channel_size;
}

/// Elements to allocate for `images` padded images: tiles load up to two registers past the last pixel.
INLINE int64_t NAME(source_elements)(const NAME(source) *s, int64_t images) {
  return images * s->image_size + 4 * LANES + 2 * s->pitch;
}

/// `length` zeros; may overrun by a register.
INLINE void NAME(clear_over)(REAL *to, int64_t length) {
  for (int64_t c = 0; c < length; c += LANES) NAME(store)(to + c, SPLAT(0));
}

/// The planes of one channel of one image. Registers overrun the end of a row where the plane still goes on (what they
/// spoil is written afterwards) and the memory read from does too.
static void NAME(pad_channel)(const NAME(source) *s, int64_t image, int64_t channel, REAL *to) {
  const REAL *from = s->memory + (image * s->channels + channel) * s->height * s->width;
  const REAL *readable = s->memory + s->images * s->channels * s->height * s->width - LANES;
  const REAL *writable = to + s->channel_size - 3 * LANES;
  for (int64_t ph = 0; ph < s->phases_height; ph++)
    for (int64_t pw = 0; pw < s->phases_width; pw++)
      for (int64_t r = 0; r < s->rows; r++, to += s->pitch) {
        int64_t h = r * s->step_height + ph - s->top;
        bool over = to + s->pitch <= writable;
        if (h < 0 || h >= s->height) {
          if (over) NAME(clear_over)(to, s->pitch);
          else
            for (int64_t c = 0; c < s->pitch; c++) to[c] = 0;
          continue;
        }
        // Columns first ..< end of the plane lie inside the image.
        int64_t w = pw - s->left, first = 0, end = 0;
        if (s->step_width == 1) {
          first = w < 0 ? -w : 0;
          end = s->width - w;
        } else {
          if (w < 0) first = (-w + s->step_width - 1) / s->step_width;
          if (s->width > w) end = (s->width - w + s->step_width - 1) / s->step_width;
        }
        if (end > s->pitch) end = s->pitch;
        if (first > s->pitch) first = s->pitch;
        if (end < first) end = first;
        const REAL *row = from + h * s->width + w;
        if (over && s->step_width == 1 && row + end <= readable) {
          NAME(clear_over)(to, first);
          for (int64_t c = first; c < end; c += LANES) NAME(store)(to + c, NAME(load)(row + c));
          NAME(clear_over)(to + end, s->pitch - end);
        } else {
          for (int64_t c = 0; c < first; c++) to[c] = 0;
          for (int64_t c = first; c < end; c++) to[c] = row[c * s->step_width];
          for (int64_t c = end; c < s->pitch; c++) to[c] = 0;
        }
      }
}

INLINE void NAME(pad_end)(const NAME(source) *s, int64_t images, REAL *padded) {
  int64_t used = images * s->image_size;
  memset(padded + used, 0, (size_t)(NAME(source_elements)(s, images) - used) * sizeof(REAL));
}

static void NAME(pad_images)(const NAME(source) *s, int64_t first, int64_t images, REAL *padded) {
  for (int64_t n = 0; n < images; n++)
    for (int64_t c = 0; c < s->channels; c++)
      NAME(pad_channel)(s, first + n, c, padded + n * s->image_size + c * s->channel_size);
  NAME(pad_end)(s, images, padded);
}

/// One register of pixels that lie side by side in the source: from offset `source` to place `target` of a row.
typedef struct {
  int64_t source, target;
} NAME(run);

/// The runs that gather output pixels first ..< end (counted over images, rows and columns of a grid) in order. A run
/// may overrun the pixels of its row; the next one overwrites what is not its own. Returns how many runs there are: at
/// most end - first, since every run holds one pixel or more.
static int64_t NAME(find_runs)(
    const NAME(source) *s, int64_t rows, int64_t columns, int64_t first, int64_t end, NAME(run) *runs) {
  int64_t count = 0;
  for (int64_t q = first; q < end;) {
    int64_t image = q / (rows * columns), row = q / columns % rows, column = q % columns;
    int64_t length = columns - column < end - q ? columns - column : end - q;
    for (int64_t t = 0; t < length; t += LANES)
      runs[count++] = (NAME(run)){image * s->image_size + row * s->pitch + column + t, q - first + t};
    q += length;
  }
  return count;
}
