import TapestryFiles
import TapestryGraph

/// Which column of a table of pixels is the class.
public enum LabelColumn: String, CaseIterable, Sendable {
  case first
  case last
}

extension ImageSet {
  /// The images in a table of pixels: a line for each, with commas, its class in the first or last column.
  ///
  /// A first line of names is passed over. Pixels are whole numbers 0 ... 255 (`12` or `12.0`), in the order
  /// `[channels, height, width]`; classes whole numbers from 0. The largest pixel of the file is full brightness. The
  /// file may be compressed by gzip.
  ///
  /// - Parameters:
  ///   - label: the column of the class. Default: the last where the first line calls the last column `label`,
  ///     `class` or `target`, else the first.
  ///   - size: of the images. Default: square and gray, or square with three channels, whichever the number of
  ///     columns allows.
  ///   - classNames: of the classes. Default `0` ... the largest that occurs.
  /// - Throws: `DatasetError` with every line that is wrong.
  public static func load(
    csv path: String, label: LabelColumn? = nil, size: ImageSize? = nil,
    classNames: [String]? = nil, name: String? = nil
  ) throws(DatasetError) -> ImageSet {
    let bytes: [UInt8]
    do throws(FileError) {
      // The text, and half as much again for the pixels and for the sets that are made from them.
      bytes = try readPossiblyCompressed(path, limit: ResourceLimits.current.memory / 4)
    } catch {
      throw DatasetError(path: path, problems: [.file(error)])
    }
    var table = PixelTable(bytes, label: label)
    table.read()
    func failure(_ problems: [String]) -> DatasetError {
      DatasetError(path: path, problems: problems.map { .inconsistent($0) })
    }
    guard table.problems.isEmpty else { throw failure(table.problems) }
    let count = table.columns - 1
    guard let size = size ?? PixelTable.size(pixels: count),
      checkedProduct(size.channels, size.height, size.width) == count
    else {
      throw failure([
        "has \(count) pixels in a line, which is no square image of 1 or 3 channels"
          + (size.map { " and not \($0)" } ?? "") + "; give the size"
      ])
    }
    guard TensorShape(validating: [table.labels.count, count]) != nil else {
      throw failure(["is too large"])
    }
    let largest = table.labels.max() ?? 0
    let names = classNames ?? (0...largest).map(String.init)
    if let problem = labelProblem(in: table.labels, "table", names.count) {
      throw failure([problem])
    }
    let brightest = table.pixels.contains(255) ? 255 : Swift.max(1, Int(table.pixels.max() ?? 1))
    return ImageSet(
      name: name ?? lastComponent(path), size: size, maximumValue: brightest, classNames: names,
      labels: table.labels, storage: .memory(table.pixels))
  }
}

/// The numbers in a table of pixels.
private struct PixelTable {
  private(set) var labels: [Int] = []
  private(set) var pixels: [UInt8] = []
  private(set) var problems: [String] = []
  private(set) var columns = 0
  private let bytes: [UInt8]
  private var label: LabelColumn?

  /// A class with a larger number is a mistake: as many outputs would be made.
  private static let largestLabel = 65_535
  /// After so many wrong lines the rest is not looked at.
  private static let largestProblemCount = 100

  init(_ bytes: [UInt8], label: LabelColumn?) {
    self.bytes = bytes
    self.label = label
  }

  /// The square image with so many numbers, gray if it can be.
  static func size(pixels: Int) -> ImageSize? {
    for channels in [1, 3] where pixels > 0 && pixels % channels == 0 {
      let side = TapestryFiles.wholeNumber(Double(pixels / channels).squareRoot()) ?? 0
      if checkedProduct(side, side, channels) == pixels {
        return ImageSize(channels: channels, height: side, width: side)
      }
    }
    return nil
  }

  mutating func read() {
    var number = 0
    var start = 0
    while start < bytes.count, problems.count < Self.largestProblemCount {
      // A file of empty lines is passed over at the speed of memory.
      if let next = emptyLinesEnd(from: start, &number) {
        start = next
        continue
      }
      let end = place(of: UInt8(ascii: "\n"), in: start..<bytes.count) ?? bytes.count
      var line = start..<end
      if let last = bytes[line].last, last == UInt8(ascii: "\r") { line = start..<end - 1 }
      start = end + 1
      number += 1
      guard bytes[line].contains(where: { $0 != UInt8(ascii: " ") }) else { continue }
      if columns == 0 {
        columns = columnCount(line)
        guard columns >= 2 else {
          problems.append("line \(number) has no commas, but must have a class and pixels")
          return
        }
        if isHeader(line) { continue }
      }
      take(line, number)
    }
    if problems.isEmpty, labels.isEmpty { problems.append("has no lines with images") }
  }

  /// Where the first line begins that is not empty, nil where one that is not begins at `start`; counts the others.
  private func emptyLinesEnd(from start: Int, _ number: inout Int) -> Int? {
    bytes.withUnsafeBufferPointer { bytes in
      var position = start
      while position < bytes.count, bytes[position] == UInt8(ascii: "\n") { position += 1 }
      number += position - start
      return position > start ? position : nil
    }
  }

  // Loops over pointers: lines may have millions of columns, and slices and closures take ten times as long in a debug
  // build.

  /// The first place of `byte` in `range`.
  private func place(of byte: UInt8, in range: Range<Int>) -> Int? {
    bytes.withUnsafeBufferPointer { bytes in
      var position = range.lowerBound
      while position < range.upperBound {
        if bytes[position] == byte { return position }
        position += 1
      }
      return nil
    }
  }

  /// The number of columns of a line.
  private func columnCount(_ line: Range<Int>) -> Int {
    bytes.withUnsafeBufferPointer { bytes in
      var count = 1
      var position = line.lowerBound
      while position < line.upperBound {
        if bytes[position] == UInt8(ascii: ",") { count += 1 }
        position += 1
      }
      return count
    }
  }

  /// Whether a line has nothing but digits and what may stand between them.
  private func hasOnlyNumbers(_ line: Range<Int>) -> Bool {
    bytes.withUnsafeBufferPointer { bytes in
      var position = line.lowerBound
      while position < line.upperBound {
        switch bytes[position] {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ","), UInt8(ascii: "."),
          UInt8(ascii: " "):
          position += 1
        default: return false
        }
      }
      return true
    }
  }

  /// Whether the first line has names in it; then they may say where the class is.
  private mutating func isHeader(_ line: Range<Int>) -> Bool {
    if hasOnlyNumbers(line) { return false }
    let text = String(decoding: bytes[line].prefix(1 << 20), as: UTF8.self)
    let words = text.lowercased().split(separator: ",").map { word in
      String(word.filter { $0 != "\"" && $0 != " " && $0 != "\u{FEFF}" })
    }
    guard words.contains(where: { Double($0) == nil }) else { return false }
    let isLast = words.last.map(["label", "class", "target"].contains) ?? false
    label = label ?? (isLast ? .last : .first)
    return true
  }

  private mutating func take(_ line: Range<Int>, _ number: Int) {
    let found = columnCount(line)
    guard found == columns else {
      problems.append("line \(number) has \(found) columns, but the first has \(columns)")
      return
    }
    let labelColumn = label == .last ? columns - 1 : 0
    var position = line.lowerBound
    for column in 0..<columns {
      let end =
        place(of: UInt8(ascii: ","), in: position..<line.upperBound) ?? line.upperBound
      let isLabel = column == labelColumn
      let limit = isLabel ? Self.largestLabel : 255
      guard let value = wholeNumber(position..<end), value <= limit else {
        let text = String(decoding: bytes[position..<end].prefix(60), as: UTF8.self)
        problems.append(
          "line \(number), column \(column + 1): \(quoted(text)) is no \(isLabel ? "class" : "pixel"), a"
            + " whole number from 0 to \(limit)")
        // What was taken of the line does no harm: with a problem nothing is made of it.
        return
      }
      if isLabel { labels.append(value) } else { pixels.append(UInt8(value)) }
      position = end + 1
    }
  }

  /// The number in `range`, with or without a fraction of zeros; `nil` when it is none.
  private func wholeNumber(_ range: Range<Int>) -> Int? {
    bytes.withUnsafeBufferPointer { bytes in
      var value = 0
      var digits = 0
      var isFraction = false
      var position = range.lowerBound
      while position < range.upperBound {
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
          digits += 1
          if isFraction {
            guard byte == UInt8(ascii: "0") else { return nil }
          } else {
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            guard value <= 1_000_000 else { return nil }
          }
        case UInt8(ascii: ".") where digits > 0 && !isFraction: isFraction = true
        case UInt8(ascii: " "): continue
        default: return nil
        }
      }
      return digits > 0 ? value : nil
    }
  }
}
