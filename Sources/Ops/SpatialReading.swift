import TapestryGraph

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

  /// What `operation` reads of its first input, which has this shape.
  package init(of operation: any TensorOperation, input: TensorShape) {
    switch operation {
    case let operation as Convolution2d:
      self = Self.reading(operation.geometry.window, input)
    case let operation as MaxPool2d: self = Self.reading(operation.window, input)
    case let operation as any LinearPoolOperation: self = Self.reading(operation.window, input)
    case let operation as AdaptiveAveragePool2d: self = Self.bins(operation.size, input)
    case let operation as AdaptiveMaxPool2d: self = Self.bins(operation.size, input)
    case let operation as Slice: self = Self.reading(operation.ranges, input)
    case let operation as Pad: self = Self.reading(operation.before, input)
    case let operation as Concatenate: self = Self.alongChannels([operation.axis], input)
    case let operation as Split: self = Self.alongChannels([operation.axis], input)
    case let operation as Softmax: self = Self.alongChannels([operation.axis], input)
    case let operation as LogSoftmax: self = Self.alongChannels([operation.axis], input)
    case let operation as Normalize:
      // The statistics of a batch, a set of all its places, do not count; those of a sample do.
      if case .batch = operation.family { self = .samePlace } else { self = .anyPlace }
    case is any ElementwiseOperation, is any BroadcastingOperation, is Affine, is DivideBy,
      is DivideInto, is Square, is Abs, is Sign, is Clip, is Dropout, is Convert, is Compare,
      is Select, is NormalizeWithStatistics, is LocalResponseNormalization:
      self = .samePlace
    default: self = .anyPlace
    }
  }

  private static func reading(_ window: SlidingWindow, _ input: TensorShape) -> SpatialReading {
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

  private static func bins(_ size: Pair, _ input: TensorShape) -> SpatialReading {
    guard input.rank == 4,
      let window = uniformWindow(height: input[2], width: input[3], size)
    else { return .anyPlace }
    return reading(window, input)
  }

  private static func reading(_ ranges: [AxisRange], _ input: TensorShape) -> SpatialReading {
    guard input.rank == 4 else { return .anyPlace }
    var windows = [Window(), Window()]
    for range in ranges {
      guard let range = try? range.resolved(in: input) else { return .anyPlace }
      if range.axis >= 2 {
        windows[range.axis - 2] = Window(stride: range.step, before: -range.start)
      }
    }
    return .windows(height: windows[0], width: windows[1])
  }

  private static func reading(_ before: [Int], _ input: TensorShape) -> SpatialReading {
    guard input.rank == 4, before.count == 4 else { return .anyPlace }
    return .windows(height: Window(before: before[2]), width: Window(before: before[3]))
  }

  /// An op that mixes positions along these axes alone.
  private static func alongChannels(_ axes: [Int], _ input: TensorShape) -> SpatialReading {
    let isAcross = axes.contains { ($0 < 0 ? $0 + input.rank : $0) >= 2 }
    return isAcross ? .anyPlace : .samePlace
  }
}
