import TapestryFiles

/// A picture of images, rectangles, lines and text, written as SVG or as PNG.
///
/// Coordinates are pixels, y downwards. Colours are names of the palette: `paper`, `ink`, `soft`, `faint`, `wash`,
/// `blue`, `orange`, `green`, `red`, `violet`, `teal`. SVG follows the reader's light or dark theme; PNG is light, with
/// letters from a font of its own.
public struct Figure: Sendable {
  enum Element: Sendable {
    case rectangle(x: Double, y: Double, width: Double, height: Double, color: Color)
    case text(
      String, x: Double, y: Double, size: Double, anchor: SVGPicture.Anchor, color: Color,
      isBold: Bool)
    case line([Point], width: Double, dashes: [Double], color: Color)
    case disc(Point, radius: Double, color: Color)
    case image(RasterImage, x: Double, y: Double, width: Double, height: Double, isSmooth: Bool)
  }

  struct Point: Sendable, Equatable {
    var x: Double
    var y: Double
  }

  /// A colour of the palette, or one that is the same on every paper.
  public enum Color: Sendable, Equatable {
    case named(String)
    case rgb(UInt8, UInt8, UInt8)
  }

  public let width: Double
  public let height: Double
  /// What the picture shows.
  public let title: String
  private(set) var elements: [Element] = []

  public init(width: Double, height: Double, title: String) {
    self.width = width.rounded(.up)
    self.height = height.rounded(.up)
    self.title = title
  }

  /// Adds a filled rectangle.
  public mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, color: Color
  ) {
    elements.append(.rectangle(x: x, y: y, width: width, height: height, color: color))
  }

  /// Adds a line of text; `y` is its base line.
  public mutating func text(
    _ text: String, x: Double, y: Double, size: Double = 12,
    anchor: SVGPicture.Anchor = .start, color: Color = .named("ink"), isBold: Bool = false
  ) {
    elements.append(
      .text(text, x: x, y: y, size: size, anchor: anchor, color: color, isBold: isBold))
  }

  /// Adds a line through points.
  public mutating func line(
    _ points: [(x: Double, y: Double)], width: Double = 1.5, color: Color = .named("soft")
  ) {
    line(points, width: width, dashes: [], color: color)
  }

  /// Adds a line in dashes and gaps of these two lengths.
  package mutating func line(
    _ points: [(x: Double, y: Double)], width: Double, dashes: [Double], color: Color
  ) {
    elements.append(
      .line(
        points.map { Point(x: $0.x, y: $0.y) }, width: width, dashes: dashes, color: color))
  }

  /// Adds a disc.
  package mutating func disc(x: Double, y: Double, radius: Double, color: Color) {
    elements.append(.disc(Point(x: x, y: y), radius: radius, color: color))
  }

  /// Adds an image. Its pixels are drawn as squares, or blended where `isSmooth`.
  public mutating func image(
    _ image: RasterImage, x: Double, y: Double, width: Double, height: Double,
    isSmooth: Bool = false
  ) {
    elements.append(
      .image(image, x: x, y: y, width: width, height: height, isSmooth: isSmooth))
  }

  /// The picture as SVG, images as PNG inside it.
  public func svg() -> SVGPicture {
    var picture = SVGPicture(width: width, height: height, title: title)
    for element in elements {
      switch element {
      case .rectangle(let x, let y, let width, let height, let color):
        picture.rectangle(x: x, y: y, width: width, height: height, fill: color.svgName)
      case .text(let text, let x, let y, let size, let anchor, let color, let isBold):
        picture.text(
          text, x: x, y: y, size: size, anchor: anchor, color: color.svgName, isBold: isBold)
      case .line(let points, let width, let dashes, let color):
        picture.line(
          points.map { ($0.x, $0.y) }, stroke: color.svgName, width: width, dashes: dashes)
      case .disc(let center, let radius, let color):
        picture.disc(x: center.x, y: center.y, radius: radius, fill: color.svgName)
      case .image(let image, let x, let y, let width, let height, let isSmooth):
        picture.image(image, x: x, y: y, width: width, height: height, isSmooth: isSmooth)
      }
    }
    return picture
  }

  /// Writes the picture at `path`, all or nothing: as PNG where the name ends in `.png`, else as SVG.
  public func write(to path: String) throws(FileError) {
    if path.lowercased().hasSuffix(".png") {
      try raster().write(to: path)
    } else {
      try svg().write(to: path)
    }
  }
}

extension Figure.Color {
  var svgName: String {
    switch self {
    case .named(let name): name
    case .rgb(let red, let green, let blue): "rgb(\(red),\(green),\(blue))"
    }
  }

  /// What it is on light paper.
  var light: Canvas.Pixel {
    switch self {
    case .rgb(let red, let green, let blue): return (red, green, blue)
    case .named(let name):
      let value = UInt32(Palette.light(name).dropFirst(), radix: 16) ?? 0
      return (UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255))
    }
  }
}
