#!/usr/bin/env python3
"""Writes the outlines of Sources/Font/outlines.c from a TrueType font.

  apt-get install fonts-dejavu-core python3-fonttools
  scripts/make-font.py /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf > Sources/Font/outlines.c

Takes the letters of European languages and some signs. Composed letters are written out; hints, kerning and names are
left behind.
"""
import sys

from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

CODES = (
    list(range(0x20, 0x7F)) + list(range(0xA0, 0x180)) + list(range(0x391, 0x3CA)) + [0x401, 0x451]
    + list(range(0x410, 0x450))
    + [0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2026, 0x2032, 0x20AC, 0x2190, 0x2191, 0x2192, 0x2193]
    + [0x2212, 0x221E, 0x2248, 0x2260, 0x2264, 0x2265, 0x25A1]
)


class Points(DecomposingRecordingPen):
    """Collects contours as (x, y, is on the curve)."""

    def __init__(self, glyphs):
        super().__init__(glyphs)
        self.contours = []

    def moveTo(self, place):
        self.contours.append([(*place, 1)])

    def lineTo(self, place):
        self.contours[-1].append((*place, 1))

    def qCurveTo(self, *places):
        if places[-1] is None:
            self.contours.append([(*place, 0) for place in places[:-1]])
            return
        self.contours[-1] += [(*place, 0) for place in places[:-1]] + [(*places[-1], 1)]

    def closePath(self):
        contour = self.contours[-1]
        if len(contour) > 1 and contour[0] == contour[-1]:
            contour.pop()


def main():
    font = TTFont(sys.argv[1])
    names, glyphs = font.getBestCmap(), font.getGlyphSet()
    print(open(__file__.replace("make-font.py", "font-licence.txt")).read(), end="")
    print('#include "CTapestryFont.h"\n')
    print("// Of each glyph: its advance, the number of contours; of each of those the number of points; of each of those")
    print("// 2 x + 1 when it lies on the curve and 2 x when it controls a parabola, then y. A glyph a line.")
    print("static const short outlines[] = {")
    index, place = [], 0
    for code in sorted(CODES):
        if code not in names:
            continue
        pen = Points(glyphs)
        glyphs[names[code]].draw(pen)
        numbers = [round(glyphs[names[code]].width), len(pen.contours)]
        for contour in pen.contours:
            numbers.append(len(contour))
            for x, y, is_on in contour:
                numbers += [2 * round(x) + is_on, round(y)]
        print("  " + ",".join(map(str, numbers)) + ",")
        index.append((code, place))
        place += len(numbers)
    print("};\n\n// Code points in rising order, and where their outlines begin.")
    print("static const struct { unsigned code, start; } glyphs[] = {")
    for start in range(0, len(index), 8):
        print("  " + " ".join(f"{{{code},{place}}}," for code, place in index[start : start + 8]))
    print("};\n")
    print(
        """const short *tapestry_font_outline(unsigned code) {
  int low = 0, high = (int)(sizeof glyphs / sizeof *glyphs) - 1;
  while (low <= high) {
    int middle = (low + high) / 2;
    if (glyphs[middle].code == code) return outlines + glyphs[middle].start;
    if (glyphs[middle].code < code) low = middle + 1; else high = middle - 1;
  }
  return 0;
}"""
    )


main()
