// The embedded digits: 1,797 gray images of 8 x 8 pixels with values 0 ... 16, and their classes 0 ... 9.
// Origin, licence and attribution: digits.c.
#ifndef CTAPESTRY_DIGITS_H
#define CTAPESTRY_DIGITS_H

enum {
  TAPESTRY_DIGITS_COUNT = 1797,
  TAPESTRY_DIGITS_HEIGHT = 8,
  TAPESTRY_DIGITS_WIDTH = 8,
  TAPESTRY_DIGITS_MAXIMUM = 16,
  TAPESTRY_DIGITS_CLASSES = 10
};

/// The pixels, [count, height, width] row-major. A function, because Swift imports a C array as a tuple.
const unsigned char *tapestry_digits_pixels(void);

/// The class of each image.
const unsigned char *tapestry_digits_labels(void);

#endif
