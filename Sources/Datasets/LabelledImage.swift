/// One image of a set, and what it shows.
public struct LabelledImage: Sendable {
  /// Its position in the set.
  public let index: Int
  /// Its class, counted from 0.
  public let label: Int
  /// What the class is called.
  public let className: String
  /// The number of values a pixel has.
  public let channels: Int
  /// The number of rows.
  public let height: Int
  /// The number of columns.
  public let width: Int
  /// The pixel value of full brightness.
  public let maximumValue: Int
  /// The pixels, `[channels, height, width]` row-major. The slice begins where it lies in the set.
  public let pixels: ArraySlice<UInt8>

  /// The pixel value at a place.
  public func pixel(channel: Int = 0, row: Int, column: Int) -> Int {
    Int(pixels[pixels.startIndex + (channel * height + row) * width + column])
  }

  /// The image in characters, a line per row, brightness as ` .:-=+*#%@`; of several channels the mean.
  public var text: String {
    let shades = Array(" .:-=+*#%@")
    let brightest = channels * maximumValue
    let rows = (0..<height).map { row in
      String(
        (0..<width).map { column in
          let sum = (0..<channels).reduce(0) { $0 + pixel(channel: $1, row: row, column: column) }
          return shades[(sum * (shades.count - 1) + brightest / 2) / brightest]
        })
    }
    return rows.joined(separator: "\n")
  }
}
