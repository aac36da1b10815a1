import TapestryFiles

/// A picture of shapes and text, written as SVG.
///
/// Coordinates are pixels, y downwards. Colours are names of the palette, which follows the reader's light or dark
/// theme, or any colour of SVG.
public struct SVGPicture: Sendable {
  public let width: Double
  public let height: Double
  /// What the picture is called, for readers that do not see it.
  public let title: String
  /// The elements so far.
  public private(set) var body = ""
  /// Further rules of style.
  package var style = ""
  /// A script at the end; empty in most.
  package var script = ""

  public init(width: Double, height: Double, title: String) {
    self.width = width
    self.height = height
    self.title = title
  }

  /// Where a text is held.
  public enum Anchor: String, Sendable { case start, middle, end }

  /// Adds elements as they are.
  package mutating func append(_ element: String) { body += element + "\n" }

  /// Adds a rectangle.
  public mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, fill: String, stroke: String? = nil,
    radius: Double = 0, tip: String? = nil
  ) {
    let border = stroke.map { " stroke=\"\(Self.color($0))\"" } ?? ""
    let round = radius > 0 ? " rx=\"\(number(radius))\"" : ""
    let shape =
      "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\""
      + " height=\"\(number(height))\"\(round) fill=\"\(Self.color(fill))\"\(border)"
    append(tip.map { "\(shape)><title>\(escaped($0))</title></rect>" } ?? shape + "/>")
  }

  /// Adds a line of text. `y` is the base line.
  public mutating func text(
    _ text: String, x: Double, y: Double, size: Double = 12, anchor: Anchor = .start,
    color: String = "ink", isBold: Bool = false
  ) {
    let weight = isBold ? " font-weight=\"600\"" : ""
    append(
      "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(number(size))\""
        + " text-anchor=\"\(anchor.rawValue)\" fill=\"\(Self.color(color))\"\(weight)>"
        + "\(escaped(text))</text>")
  }

  /// Adds a line through points.
  public mutating func line(
    _ points: [(x: Double, y: Double)], stroke: String, width: Double = 1.5, tip: String? = nil
  ) {
    let places = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    let shape =
      "<polyline points=\"\(places)\" fill=\"none\" stroke=\"\(Self.color(stroke))\""
      + " stroke-width=\"\(number(width))\""
    append(tip.map { "\(shape)><title>\(escaped($0))</title></polyline>" } ?? shape + "/>")
  }

  /// Adds an image, its pixels drawn as squares, or blended where `isSmooth`.
  public mutating func image(
    _ image: RasterImage, x: Double, y: Double, width: Double, height: Double,
    isSmooth: Bool = false, tip: String? = nil
  ) {
    let data = base64(image.png())
    let shape =
      "<image x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\""
      + " height=\"\(number(height))\" style=\"image-rendering:\(isSmooth ? "auto" : "pixelated")\""
      + " preserveAspectRatio=\"none\" href=\"data:image/png;base64,\(data)\""
    append(tip.map { "\(shape)><title>\(escaped($0))</title></image>" } ?? shape + "/>")
  }

  /// The text of the file.
  public var text: String {
    let light = Self.palette.map { "--\($0.name):\($0.light)" }.joined(separator: ";")
    let dark = Self.palette.map { "--\($0.name):\($0.dark)" }.joined(separator: ";")
    let size = "width=\"\(number(width))\" height=\"\(number(height))\""
    return """
      <svg xmlns="http://www.w3.org/2000/svg" \(size) viewBox="0 0 \(number(width)) \(number(height))" role="img"
       font-family="system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif">
      <title>\(escaped(title))</title>
      <style>
      svg{\(light)}
      @media (prefers-color-scheme:dark){svg{\(dark)}}
      text{font-variant-numeric:tabular-nums}
      \(style)</style>
      <rect width="100%" height="100%" fill="var(--paper)"/>
      \(body)\(script.isEmpty ? "" : "<script><![CDATA[\n\(script)\n]]></script>\n")</svg>

      """
  }

  /// Writes the file, all or nothing.
  public func write(to path: String) throws(FileError) { try AtomicFile.write(text, to: path) }

  /// Names of colours with what they are on light and on dark paper.
  package static let palette: [(name: String, light: String, dark: String)] = [
    ("paper", "#ffffff", "#15181d"), ("ink", "#1c2128", "#e6e9ee"), ("soft", "#5d6673", "#9aa4b2"),
    ("faint", "#d5dae1", "#3a424d"), ("wash", "#f5f7f9", "#1c2129"),
    ("blue", "#2f6fd0", "#6ea8ff"), ("orange", "#c8641a", "#f0a35e"),
    ("green", "#2c8a4b", "#69c588"), ("red", "#c0392f", "#f08079"),
  ]

  private static func color(_ name: String) -> String {
    palette.contains { $0.name == name } ? "var(--\(name))" : name
  }
}

/// `value` with at most two digits behind the point.
package func number(_ value: Double) -> String {
  guard value.isFinite, abs(value) < 1e12 else { return "0" }
  let hundredths = Int((value * 100).rounded())
  let whole = abs(hundredths) / 100
  let rest = abs(hundredths) % 100
  let sign = hundredths < 0 ? "-" : ""
  if rest == 0 { return "\(sign)\(whole)" }
  return "\(sign)\(whole).\(rest % 10 == 0 ? "\(rest / 10)" : rest < 10 ? "0\(rest)" : "\(rest)")"
}

/// `text` as XML has it, without characters that XML cannot have.
package func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "\n", "\t": result.unicodeScalars.append(scalar)
    default: if scalar.value >= 32 { result.unicodeScalars.append(scalar) } else { result += "?" }
    }
  }
  return result
}

/// The bytes in the letters of RFC 4648, section 4.
package func base64(_ bytes: [UInt8]) -> String {
  let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var text: [UInt8] = []
  text.reserveCapacity((bytes.count + 2) / 3 * 4)
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let rest = bytes.count - start
    let word =
      UInt32(bytes[start]) << 16 | (rest > 1 ? UInt32(bytes[start + 1]) << 8 : 0)
      | (rest > 2 ? UInt32(bytes[start + 2]) : 0)
    for place in 0..<4 {
      let letter = letters[Int(word >> UInt32(18 - 6 * place) & 63)]
      text.append(place <= rest ? letter : UInt8(ascii: "="))
    }
  }
  return String(decoding: text, as: UTF8.self)
}

/// About how wide a text is in a sans-serif font of that size: rather too wide than too narrow.
package func textWidth(_ text: String, size: Double) -> Double {
  text.unicodeScalars.reduce(0.0) { sum, scalar in
    let share =
      switch scalar {
      case "i", "j", "l", ".", ",", ":", "'", "|", "!", "I", "t", "f", "r", " ", "(", ")", "[", "]":
        0.38
      case "m", "w", "M", "W", "…": 0.95
      case "A"..."Z": 0.72
      default: 0.62
      }
    return sum + share * size
  }
}
