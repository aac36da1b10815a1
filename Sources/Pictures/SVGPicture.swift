import TapestryFiles

/// A picture of shapes and text, written as SVG.
///
/// Coordinates are pixels, y downwards. Colours are names of the palette, which follows the reader's light or dark
/// theme, or any colour of SVG. Every element has its colour as a plain attribute, which every reader of SVG knows;
/// the dark theme is a style sheet on top.
public struct SVGPicture: Sendable {
  public let width: Double
  public let height: Double
  /// What the picture is called, for readers that do not see it.
  public let title: String
  /// The elements so far.
  public private(set) var body = ""
  /// Further rules of style. They may change colours, but no element may need them to be seen.
  package var style = ""
  /// A script at the end; empty in most.
  package var script = ""

  public init(width: Double, height: Double, title: String) {
    self.width = width
    self.height = height
    self.title = title
  }

  /// Which point of a text its x coordinate names.
  public enum Anchor: String, Sendable { case start, middle, end }

  /// Adds elements as they are.
  package mutating func append(_ element: String) { body += element + "\n" }

  /// Adds a rectangle.
  public mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, fill: String, stroke: String? = nil,
    radius: Double = 0, tip: String? = nil
  ) {
    let round = radius > 0 ? " rx=\"\(number(radius))\"" : ""
    let shape =
      "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\""
      + " height=\"\(number(height))\"\(round)\(Self.paint(fill: fill, stroke: stroke))"
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
        + " text-anchor=\"\(anchor.rawValue)\"\(Self.paint(fill: color))\(weight)>"
        + "\(escaped(text))</text>")
  }

  /// Adds a line of text that is legible on top of lines: its shape is widened by a colour before it is drawn.
  package mutating func text(
    _ text: String, x: Double, y: Double, size: Double, color: String, isBold: Bool, halo: String
  ) {
    let place = "x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(number(size))\""
    let weight = isBold ? " font-weight=\"600\"" : ""
    // Two elements, because not every reader knows `paint-order`.
    append(
      "<text \(place)\(Self.paint(fill: halo, stroke: halo)) stroke-width=\"4\" aria-hidden=\"true\""
        + "\(weight)>\(escaped(text))</text>")
    append("<text \(place)\(Self.paint(fill: color))\(weight)>\(escaped(text))</text>")
  }

  /// Adds a line through points.
  public mutating func line(
    _ points: [(x: Double, y: Double)], stroke: String, width: Double = 1.5, tip: String? = nil
  ) {
    line(points, stroke: stroke, width: width, dashes: [], tip: tip)
  }

  /// Adds a line through points with dashes and gaps of these lengths.
  package mutating func line(
    _ points: [(x: Double, y: Double)], stroke: String, width: Double, dashes: [Double],
    tip: String? = nil
  ) {
    let places = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    let lengths = dashes.map { number($0) }.joined(separator: " ")
    let shape =
      "<polyline points=\"\(places)\"\(Self.paint(fill: "none", stroke: stroke))"
      + " stroke-width=\"\(number(width))\" stroke-linejoin=\"round\""
      + (dashes.isEmpty ? "" : " stroke-dasharray=\"\(lengths)\"")
    append(tip.map { "\(shape)><title>\(escaped($0))</title></polyline>" } ?? shape + "/>")
  }

  /// Adds a disc.
  package mutating func disc(x: Double, y: Double, radius: Double, fill: String) {
    append(
      "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(radius))\""
        + "\(Self.paint(fill: fill))/>")
  }

  /// Adds an image, its pixels drawn as squares, or blended where `isSmooth`.
  public mutating func image(
    _ image: RasterImage, x: Double, y: Double, width: Double, height: Double,
    isSmooth: Bool = false, tip: String? = nil
  ) {
    let data = base64(image.png())
    // The older names of attribute and property come first: readers that do not know them skip the newer ones.
    let rendering =
      isSmooth ? "" : " image-rendering=\"optimizeSpeed\" style=\"image-rendering:pixelated\""
    let shape =
      "<image x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\""
      + " height=\"\(number(height))\"\(rendering)"
      + " preserveAspectRatio=\"none\" xlink:href=\"data:image/png;base64,\(data)\""
    append(tip.map { "\(shape)><title>\(escaped($0))</title></image>" } ?? shape + "/>")
  }

  /// The text of the file.
  public var text: String {
    let size = "width=\"\(number(width))\" height=\"\(number(height))\""
    return """
      <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" \(size) \
      viewBox="0 0 \(number(width)) \(number(height))" role="img"
       font-family="system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif">
      <title>\(escaped(title))</title>
      <style>
      text{font-variant-numeric:tabular-nums}
      \(style)@media (prefers-color-scheme:dark){
      \(Palette.darkRules)
      }
      </style>
      <rect width="100%" height="100%"\(Self.paint(fill: "paper"))/>
      \(body)\(script.isEmpty ? "" : "<script><![CDATA[\n\(script)\n]]></script>\n")</svg>

      """
  }

  /// Writes the file, all or nothing.
  public func write(to path: String) throws(FileError) { try AtomicFile.write(text, to: path) }

  /// The attributes that colour an element, with a space in front: its plain colours, and for colours of the palette
  /// the classes by which the style sheet changes them on dark paper.
  package static func paint(
    fill: String, stroke: String? = nil, classes: [String] = []
  ) -> String {
    var classes = classes
    var text = " fill=\"\(Palette.light(fill))\""
    if Palette.entry(fill) != nil { classes.append("fill-\(fill)") }
    if let stroke {
      text += " stroke=\"\(Palette.light(stroke))\""
      if Palette.entry(stroke) != nil { classes.append("stroke-\(stroke)") }
    }
    return text + (classes.isEmpty ? "" : " class=\"\(classes.joined(separator: " "))\"")
  }
}
