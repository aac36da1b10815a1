import TapestryGraph

/// An op that says which places of an image it reads. Of an op that does not conform nothing is known.
package protocol SpatialOperation: TensorOperation {
  /// What the op reads of its first input, which has this shape.
  func spatialReading(of input: TensorShape) -> SpatialReading
}

extension TensorOperation {
  /// What the op reads of its first input, which has this shape; any place where it does not say.
  package func knownSpatialReading(of input: TensorShape) -> SpatialReading {
    (self as? any SpatialOperation)?.spatialReading(of: input) ?? .anyPlace
  }
}

/// An op whose result at a place depends on that place of its operands alone.
protocol PointwiseOperation: SpatialOperation {}

extension PointwiseOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading { .samePlace }
}

/// Which places of an image an op reads for one place of its result: what receptive fields are made of.
package enum SpatialReading: Sendable, Equatable {
  /// The same place.
  case samePlace
  /// A window along each axis.
  case windows(height: Window, width: Window)
  /// Any place, as far as is known.
  case anyPlace

  /// Result `i` reads positions `i stride - before + k dilation` for `k` in 0 ..< size.
  package struct Window: Sendable, Equatable {
    package var size = 1
    package var stride = 1
    package var dilation = 1
    package var before = 0
  }

  /// That of a window, of an input of this shape.
  static func reading(_ window: SlidingWindow, _ input: TensorShape) -> SpatialReading {
    guard input.rank == 4,
      let place = try? window.placement(height: input[2], width: input[3], noun: "window")
    else { return .anyPlace }
    return .windows(
      height: Window(
        size: window.size.height, stride: window.stride.height, dilation: window.dilation.height,
        before: place.sides.top),
      width: Window(
        size: window.size.width, stride: window.stride.width, dilation: window.dilation.width,
        before: place.sides.left))
  }

  /// That of an op that mixes positions along this axis alone.
  static func mixing(along axis: Int, _ input: TensorShape) -> SpatialReading {
    (axis < 0 ? axis + input.rank : axis) >= 2 ? .anyPlace : .samePlace
  }
}
