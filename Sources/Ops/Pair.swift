import TapestryGraph

/// A height and a width: `2` means both, `[2, 1]` height 2 and width 1.
public struct Pair: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
  CustomStringConvertible
{
  public var height: Int
  public var width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// The same number for both.
  public init(_ both: Int) { self.init(height: both, width: both) }

  public init(integerLiteral value: Int) { self.init(value) }

  /// `[height, width]`
  ///
  /// - Precondition: two numbers.
  public init(arrayLiteral elements: Int...) {
    guard elements.count == 2 else {
      trapAtCaller("a pair is written [height, width]; this literal has \(elements.count) numbers")
    }
    self.init(height: elements[0], width: elements[1])
  }

  /// `3x5`
  public var description: String { "\(height)x\(width)" }

  /// `2`, or `2x1` where the two differ.
  var shortDescription: String { height == width ? "\(height)" : description }
}

/// How many rows and columns of padding surround an image.
///
/// ```swift
/// conv2d(x, weight, padding: 2)
/// conv2d(x, weight, padding: .same)
/// conv2d(x, weight, padding: Padding2d(top: 0, left: 1, bottom: 0, right: 1))
/// ```
public struct Padding2d: Hashable, Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
  var sides: Sides
  var isSame: Bool

  /// What is added on each side.
  struct Sides: Hashable, Sendable {
    var top = 0
    var left = 0
    var bottom = 0
    var right = 0
  }

  init(_ sides: Sides) {
    self.sides = sides
    isSame = false
  }

  /// A number for each side.
  public init(top: Int, left: Int, bottom: Int, right: Int) {
    self.init(Sides(top: top, left: left, bottom: bottom, right: right))
  }

  /// `height` rows above and below, `width` columns on the left and on the right.
  public init(height: Int, width: Int) {
    self.init(top: height, left: width, bottom: height, right: width)
  }

  /// As many on all four sides.
  public init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }

  public init(integerLiteral value: Int) { self.init(value) }

  /// As much as makes the output size the input size divided by the stride, rounded up. An odd
  /// number is split unevenly: the larger part goes to the bottom and to the right, as in
  /// TensorFlow.
  public static var same: Padding2d {
    var padding = Padding2d(0)
    padding.isSame = true
    return padding
  }

  /// `2`, `1x0`, `same` or `top 1, left 0, bottom 2, right 0`
  public var description: String {
    if isSame { return "same" }
    guard sides.top == sides.bottom, sides.left == sides.right else {
      return "top \(sides.top), left \(sides.left), bottom \(sides.bottom), right \(sides.right)"
    }
    return Pair(height: sides.top, width: sides.left).shortDescription
  }
}
