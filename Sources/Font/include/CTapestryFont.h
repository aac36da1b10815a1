// The outlines of a sans-serif font, for text in pictures of pixels.
#ifndef CTAPESTRY_FONT_H
#define CTAPESTRY_FONT_H

/// Units per size of the font.
#define TAPESTRY_FONT_UNITS 2048

/// The outline of the letter with a Unicode code point; null where there is none.
///
/// Its advance in units, the number of its contours; of each of those the number of points; of each of those 2 x + 1
/// when it lies on the curve and 2 x when it is the control point of a parabola, then y upwards from the base line.
/// Between two control points lies a point on the curve, halfway.
const short *tapestry_font_outline(unsigned code);

#endif
