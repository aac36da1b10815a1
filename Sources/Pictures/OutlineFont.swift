import CTapestryFont

/// The font of pictures: outlines of the letters of European languages, and a box for all others.
enum OutlineFont {
  /// A letter as a font has it.
  struct Glyph {
    /// How far the next letter is, as a share of the size.
    let advance: Double
    /// Numbers as `tapestry_font_outline` describes them, from the number of contours on.
    fileprivate let outline: UnsafePointer<Int16>
  }

  /// How much wider a bold letter is, as a share of the size.
  static let boldness = 0.05

  static func glyph(_ letter: Character) -> Glyph {
    let scalars = letter.unicodeScalars
    // A letter with its accent behind it is the same letter as the one that Unicode has for both.
    let scalar = scalars.count == 1 ? scalars.first! : composed[letter] ?? scalars.first!
    let outline =
      tapestry_font_outline(scalar.value) ?? tapestry_font_outline(0x25A1)
      ?? tapestry_font_outline(0x20)!
    return Glyph(
      advance: Double(outline[0]) / Double(TAPESTRY_FONT_UNITS), outline: outline + 1)
  }

  /// Letters with accents.
  private static let composed: [Character: Unicode.Scalar] = Dictionary(
    uniqueKeysWithValues: (0xC0..<0x180).map { code in
      let scalar = Unicode.Scalar(UInt32(code))!
      return (Character(scalar), scalar)
    })
}

extension OutlineFont.Glyph {
  /// The closed polygons of the letter, y downwards.
  ///
  /// - Parameters:
  ///   - x: where the letter begins.
  ///   - y: its base line.
  ///   - size: pixels of the size of the font.
  func polygons(x: Double, y: Double, size: Double) -> [[Canvas.Point]] {
    let scale = size / Double(TAPESTRY_FONT_UNITS)
    // Chords of a parabola are off by less than a twentieth of a pixel with so many of them.
    let steps = max(Int((size / 12).squareRoot().rounded(.up)) + 1, 2)
    var place = 1
    var polygons: [[Canvas.Point]] = []
    for _ in 0..<Int(outline[0]) {
      let count = Int(outline[place])
      let start = place + 1
      place = start + 2 * count
      func point(_ index: Int) -> (point: Canvas.Point, isOnCurve: Bool) {
        let number = Int(outline[start + 2 * (index % count)])
        let height = Double(outline[start + 2 * (index % count) + 1])
        return (
          Canvas.Point(x: x + Double(number >> 1) * scale, y: y - height * scale), number & 1 == 1
        )
      }
      guard let first = (0..<count).first(where: { point($0).isOnCurve }) else { continue }
      var polygon = [point(first).point]
      var control: Canvas.Point?
      func add(curveTo end: Canvas.Point) {
        guard let middle = control else { return polygon.append(end) }
        let from = polygon[polygon.count - 1]
        for step in 1...steps {
          let t = Double(step) / Double(steps)
          let (a, b, c) = ((1 - t) * (1 - t), 2 * t * (1 - t), t * t)
          polygon.append(
            Canvas.Point(
              x: a * from.x + b * middle.x + c * end.x, y: a * from.y + b * middle.y + c * end.y))
        }
      }
      for index in first + 1...first + count {
        let (next, isOnCurve) = point(index)
        if isOnCurve {
          add(curveTo: next)
          control = nil
        } else {
          if let before = control {
            add(curveTo: Canvas.Point(x: (before.x + next.x) / 2, y: (before.y + next.y) / 2))
          }
          control = next
        }
      }
      polygons.append(polygon)
    }
    return polygons
  }
}

/// How wide a text is in the font of pictures; other sans-serif fonts, which a reader of SVG may take, are hardly ever
/// wider.
package func textWidth(_ text: String, size: Double, isBold: Bool = false) -> Double {
  let sum = text.reduce(0.0) { $0 + OutlineFont.glyph($1).advance }
  // A bold font of a reader is wider than our own.
  return sum * size * (isBold ? 1.14 : 1)
}

/// `text`, or what fits of its beginning and its end when it is wider than `width`.
package func fitted(_ text: String, width: Double, size: Double, isBold: Bool = false) -> String {
  guard textWidth(text, size: size, isBold: isBold) > width else { return text }
  let letters = Array(text)
  for kept in stride(from: letters.count - 1, to: 1, by: -1) {
    // Names differ at their ends as often as at their beginnings.
    let candidate =
      String(letters.prefix((kept + 1) / 2)) + "…" + String(letters.suffix(kept / 2))
    if textWidth(candidate, size: size, isBold: isBold) <= width { return candidate }
  }
  return letters.first.map(String.init) ?? ""
}
