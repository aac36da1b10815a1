/// The five ways in which a row of a PNG file is stored as differences to bytes that come before.
enum PNGFilter: UInt8, CaseIterable {
  case none, left, above, average, paeth

  /// Replaces the differences in `row` by the bytes.
  ///
  /// - Parameters:
  ///   - previous: the row above, of the same length; zeros for the first.
  ///   - distance: to the byte on the left that belongs to `row[i]`: `i - distance`.
  func undo(
    _ row: UnsafeMutableBufferPointer<UInt8>, previous: UnsafeMutableBufferPointer<UInt8>,
    distance: Int
  ) {
    switch self {
    case .none: break
    case .left:
      for i in stride(from: distance, to: row.count, by: 1) { row[i] &+= row[i - distance] }
    case .above:
      for i in 0..<row.count { row[i] &+= previous[i] }
    case .average:
      for i in 0..<row.count {
        let left = i < distance ? 0 : Int(row[i - distance])
        row[i] &+= UInt8((left + Int(previous[i])) / 2)
      }
    case .paeth:
      for i in 0..<min(distance, row.count) { row[i] &+= previous[i] }
      for i in stride(from: distance, to: row.count, by: 1) {
        row[i] &+= Self.paeth(row[i - distance], previous[i], previous[i - distance])
      }
    }
  }

  /// The difference that stands for `row[i]`.
  @inline(__always)
  func difference(
    _ row: UnsafeBufferPointer<UInt8>, _ previous: UnsafeBufferPointer<UInt8>, _ i: Int,
    distance: Int
  ) -> UInt8 {
    let left = i < distance ? 0 : row[i - distance]
    switch self {
    case .none: return row[i]
    case .left: return row[i] &- left
    case .above: return row[i] &- previous[i]
    case .average: return row[i] &- UInt8((Int(left) + Int(previous[i])) / 2)
    case .paeth:
      return row[i] &- Self.paeth(left, previous[i], i < distance ? 0 : previous[i - distance])
    }
  }

  /// Whichever of the three neighbours is nearest to left + above - corner.
  @inline(__always)
  private static func paeth(_ left: UInt8, _ above: UInt8, _ corner: UInt8) -> UInt8 {
    let (a, b, c) = (Int(left), Int(above), Int(corner))
    let (toLeft, toAbove, toCorner) = (abs(b - c), abs(a - c), abs(a + b - 2 * c))
    if toLeft <= toAbove, toLeft <= toCorner { return left }
    return toAbove <= toCorner ? above : corner
  }
}
