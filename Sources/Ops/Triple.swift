import TapestryGraph

/// A depth, a height and a width: `2` means all three, `[2, 1, 1]` depth 2, height 1 and width 1.
public struct Triple: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
  CustomStringConvertible
{
  public var depth: Int
  public var height: Int
  public var width: Int

  public init(depth: Int, height: Int, width: Int) {
    self.depth = depth
    self.height = height
    self.width = width
  }

  /// The same number for all three.
  public init(_ all: Int) { self.init(depth: all, height: all, width: all) }

  public init(integerLiteral value: Int) { self.init(value) }

  /// `[depth, height, width]`
  ///
  /// - Precondition: three numbers.
  public init(arrayLiteral elements: Int...) {
    guard elements.count == 3 else {
      trapAtCaller(
        "a triple is written [depth, height, width]; this literal has \(elements.count) numbers")
    }
    self.init(depth: elements[0], height: elements[1], width: elements[2])
  }

  /// `3x5x5`
  public var description: String { "\(depth)x\(height)x\(width)" }

  /// `2`, or `2x1x1` where they differ.
  var shortDescription: String {
    depth == height && height == width ? "\(depth)" : description
  }

  /// Height and width.
  var plane: Pair { Pair(height: height, width: width) }
}

/// How many planes, rows and columns of padding surround a volume.
///
/// ```swift
/// conv3d(x, weight, padding: 1)
/// conv3d(x, weight, padding: .same)
/// conv3d(x, weight, padding: Padding3d(depth: 0, height: 1, width: 1))
/// ```
public struct Padding3d: Hashable, Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
  var front: Int
  var back: Int
  /// Rows and columns of every plane; this says, too, whether the padding is `same`.
  var plane: Padding2d

  /// A number for each side.
  public init(front: Int, top: Int, left: Int, back: Int, bottom: Int, right: Int) {
    self.front = front
    self.back = back
    plane = Padding2d(top: top, left: left, bottom: bottom, right: right)
  }

  /// `depth` planes in front and behind, `height` rows above and below, `width` columns on the left and on the right.
  public init(depth: Int, height: Int, width: Int) {
    self.init(front: depth, top: height, left: width, back: depth, bottom: height, right: width)
  }

  /// As many on all six sides.
  public init(_ all: Int) { self.init(depth: all, height: all, width: all) }

  public init(integerLiteral value: Int) { self.init(value) }

  /// As much as makes each size of the output that of the input divided by the stride, rounded up; of an odd number
  /// the larger part goes behind, to the bottom and to the right.
  public static var same: Padding3d {
    var padding = Padding3d(0)
    padding.plane = .same
    return padding
  }

  /// `1`, `same` or `front 1, back 0, top 1, left 1, bottom 1, right 1`
  public var description: String {
    if plane.isSame { return "same" }
    let sides = plane.sides
    if Set([front, back, sides.top, sides.left, sides.bottom, sides.right]).count == 1 {
      return "\(front)"
    }
    return "front \(front), back \(back), top \(sides.top), left \(sides.left),"
      + " bottom \(sides.bottom), right \(sides.right)"
  }
}
