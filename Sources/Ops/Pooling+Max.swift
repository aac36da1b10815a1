import CTapestryKernels
import TapestryGraph

/// y = the largest pixel of each window, and where it lies.
struct MaxPool2d: TensorOperation {
  private static let kept = Kept.outputs(1)

  /// What the second result tells of the winners; nothing can flow back without it.
  enum Winners {
    /// There is no second result.
    case forgotten
    /// row · W + column in the plane, int32: what users ask for.
    case places
    /// The element of the window in a byte, four to an int32: what is kept for the backward where windows have
    /// 256 elements or fewer.
    case numbers
  }

  let window: SlidingWindow
  let winners: Winners

  init(window: SlidingWindow, winners: Winners) {
    self.window = window
    self.winners = winners
  }

  /// With what a backward needs, if it is to be recorded.
  init(window: SlidingWindow, isRecorded: Bool) {
    let (area, overflow) = window.size.height.multipliedReportingOverflow(by: window.size.width)
    let fitsByte = !overflow && area <= tapestry_most_numbers
    self.init(window: window, winners: !isRecorded ? .forgotten : fitsByte ? .numbers : .places)
  }

  var keeps: Kept { winners == .forgotten ? .nothing : Self.kept }
  var label: String { window.description }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let x = inputs.spec(0).shape
    let shape = try window.pool(over: x, needsPixels: true).outputShape(x)
    try requireSameType(inputs)
    if winners == .numbers {
      try requireSize(shape.elementCount / 4, "the number of words for the winners")
      return [TensorSpec(shape, inputs.spec(0).dtype), .bytes(shape)]
    }
    if winners == .places { try requirePlaces(x) }
    return maxSpecs(shape, inputs.spec(0).dtype, isIndexed: winners == .places)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    var problem = accepted { () throws(Misuse) in try window.pool(over: x.shape, needsPixels: false)
    }
    let shape = problem.outputShape(x.shape)
    guard winners == .numbers else {
      return maxOutputs(x, shape, isIndexed: winners == .places) { x, y, indices in
        tapestry_max_pool(inputs.spec(0).dtype.code, &problem, x, y, indices)
      }
    }
    var values: Tensor?
    let numbers = Tensor(.bytes(shape)) { numbers in
      values = Tensor(shape, x.dtype) { y in
        x.withMemory {
          tapestry_max_pool_numbered(
            inputs.spec(0).dtype.code, &problem, $0, y,
            numbers.assumingMemoryBound(to: UInt8.self))
        }
      }
    }
    return Tensors(values, numbers)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    guard winners == .numbers else { return Tensors(scatterToWinners(node)) }
    return Tensors(
      node.cotangent(0).map { g in
        let spread = WinnerSpread(window: window, input: node.inputSpec(0).shape)
        return apply(spread, to: Tensors(g, node.output(1)))[0]
      })
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(
      node.tangent(0).map { tangent in
        let input = node.inputSpec(0).shape
        return winners == .numbers
          ? apply(WinnerGather(window: window, input: input), to: Tensors(tangent, node.output(1)))[
            0]
          : apply(PlaneGather(), to: Tensors(tangent, node.output(1)))[0]
      }, nil)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    guard
      let place = try? window.placement(
        height: inputs.spec(0).shape[2], width: inputs.spec(0).shape[3], noun: "window")
    else { return nil }
    let (window, height, width) = (window, inputs.spec(0).shape[2], inputs.spec(0).shape[3])
    return maxPoolKink(inputs[0], outputs: place.outputHeight * place.outputWidth) {
      output, visit in
      let row = output / place.outputWidth * window.stride.height - place.sides.top
      let column = output % place.outputWidth * window.stride.width - place.sides.left
      for p in 0..<window.size.height {
        for q in 0..<window.size.width {
          let (i, j) = (row + p * window.dilation.height, column + q * window.dilation.width)
          if i >= 0, i < height, j >= 0, j < width { visit(i * width + j) }
        }
      }
    }
  }
}

extension MaxPool2d: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    .reading(window, input)
  }
}

// MARK: - What max pools share

func maxSpecs(_ shape: TensorShape, _ dtype: DType, isIndexed: Bool) -> Specs {
  isIndexed ? [TensorSpec(shape, dtype), TensorSpec(shape, .int32)] : Specs(shape, dtype)
}

/// Places in a plane of images are int32.
func requirePlaces(_ images: TensorShape) throws(Misuse) {
  let noun = "the number of pixels of a plane, which int32 indices count,"
  try requireSize(try checkedProduct(images[2], images[3], noun), noun)
}

/// The results of a max pool, written by `fill`.
func maxOutputs(
  _ x: Tensor, _ shape: TensorShape, isIndexed: Bool,
  fill: (UnsafeRawPointer, UnsafeMutableRawPointer, UnsafeMutablePointer<Int32>?) -> Void
) -> Tensors {
  guard isIndexed else {
    return Tensors(Tensor(shape, x.dtype) { y in x.withMemory { fill($0, y, nil) } })
  }
  var values: Tensor?
  let indices = Tensor(shape, .int32) { places in
    values = Tensor(shape, x.dtype) { y in
      x.withMemory { fill($0, y, places.assumingMemoryBound(to: Int32.self)) }
    }
  }
  return Tensors(values, indices)
}

/// The backward of a max pool: every cotangent goes to its window's winner.
func scatterToWinners(_ node: borrowing Differential) -> Tensor? {
  guard let g = node.cotangent(0) else { return nil }
  let input = node.inputSpec(0).shape
  return apply(
    PlaneScatter(size: Pair(height: input[2], width: input[3])), to: Tensors(g, node.output(1)))[0]
}

/// How near the closest runner-up of any window is to its winner (they meet half-way), and a
/// fingerprint of all winners.
func maxPoolKink(
  _ x: Tensor, outputs: Int, window: (_ output: Int, _ visit: (Int) -> Void) -> Void
) -> Kink {
  let values = x.scalars()
  let plane = x.shape[2] * x.shape[3]
  var finder = KinkFinder()
  for offset in stride(from: 0, to: values.count, by: max(plane, 1)) {
    for output in 0..<outputs {
      var winner = -1
      var runnerUp = -Double.infinity
      window(output) { place in
        let value = values[offset + place]
        if winner < 0 || value > values[offset + winner] {
          if winner >= 0 { runnerUp = values[offset + winner] }
          winner = place
        } else {
          runnerUp = max(runnerUp, value)
        }
      }
      guard winner >= 0 else { continue }
      let gap = values[offset + winner] - runnerUp
      finder.note(index: offset + winner, distance: gap / 2, side: winner)
    }
  }
  return finder.result
}

/// y = 0, then y[plane, indices[plane, k]] += x[plane, k]: the transpose of ``PlaneGather``.
struct PlaneScatter: TensorOperation {
  static var inputNames: [String] { ["input", "indices"] }
  private static let kept = Kept.inputs(1)
  let size: Pair
  var keeps: Kept { Self.kept }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (x, indices) = (inputs.spec(0), inputs.spec(1))
    guard x.shape.rank == 4, x.shape == indices.shape, indices.dtype == .int32 else {
      throw Misuse("needs int32 indices of the input's shape, [N, C, H, W]")
    }
    return Specs(
      try TensorShape(checked: x.shape[0], x.shape[1], size.height, size.width), x.dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, indices) = (inputs[0], inputs[1])
    let s = x.shape
    return Tensors(
      Tensor(TensorShape(s[0], s[1], size.height, size.width), x.dtype) { y in
        withMemory(x, indices) { x, indices in
          tapestry_plane_scatter(
            inputs.spec(0).dtype.code, Int64(s[0] * s[1]), Int64(s[2] * s[3]),
            Int64(size.height * size.width), x,
            indices.assumingMemoryBound(to: Int32.self), y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(PlaneGather(), to: Tensors(node.cotangent, node.input(1)))[0], nil)
  }
}

/// y[plane, k] = x[plane, indices[plane, k]]
struct PlaneGather: TensorOperation {
  static var inputNames: [String] { ["input", "indices"] }
  private static let kept = Kept.inputs(1)
  var keeps: Kept { Self.kept }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (x, indices) = (inputs.spec(0), inputs.spec(1))
    guard x.shape.rank == 4, indices.shape.rank == 4, indices.dtype == .int32,
      x.shape[0] == indices.shape[0], x.shape[1] == indices.shape[1]
    else { throw Misuse("needs int32 indices [N, C, h, w] for an input [N, C, H, W]") }
    return Specs(indices.shape, x.dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, indices) = (inputs[0], inputs[1])
    let (source, target) = (x.shape, indices.shape)
    return Tensors(
      Tensor(target, x.dtype) { y in
        withMemory(x, indices) { x, indices in
          tapestry_plane_gather(
            inputs.spec(0).dtype.code, Int64(source[0] * source[1]), Int64(target[2] * target[3]),
            Int64(source[2] * source[3]), x, indices.assumingMemoryBound(to: Int32.self), y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let input = node.inputSpec(0).shape
    return Tensors(
      apply(
        PlaneScatter(size: Pair(height: input[2], width: input[3])),
        to: Tensors(node.cotangent, node.input(1)))[0], nil)
  }
}

// MARK: - Winners by their numbers in the window

extension TensorSpec {
  /// A byte for each element of `shape`, four to an int32; the last word may have some to spare.
  fileprivate static func bytes(_ shape: TensorShape) -> TensorSpec {
    TensorSpec([(shape.elementCount + 3) / 4], .int32)
  }
}

/// gx = 0, and every cotangent where its window's winner lies.
struct WinnerSpread: TensorOperation {
  static var name: String { "maxPool2dGradient" }
  static var inputNames: [String] { ["cotangent", "winners"] }
  private static let kept = Kept.inputs(1)
  let window: SlidingWindow
  /// The shape of the pooled images.
  let input: TensorShape
  var keeps: Kept { Self.kept }
  var label: String { window.description }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = try window.pool(over: input, needsPixels: false).outputShape(input)
    guard inputs.spec(0).shape == shape, inputs.spec(1) == .bytes(shape) else {
      throw Misuse("needs a cotangent of shape \(shape) and its winners")
    }
    return Specs(TensorSpec(input, inputs.spec(0).dtype))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let g = inputs[0]
    var problem = accepted { () throws(Misuse) in try window.pool(over: input, needsPixels: false) }
    return Tensors(
      Tensor(input, g.dtype) { gx in
        withMemory(g, inputs[1]) { from, numbers in
          tapestry_max_pool_spread(
            g.dtype.code, &problem, from, numbers.assumingMemoryBound(to: UInt8.self), gx)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      apply(
        WinnerGather(window: window, input: input), to: Tensors(node.cotangent, node.input(1)))[0],
      nil)
  }
}

/// The pixels of images at the winners of other images' windows: the transpose of ``WinnerSpread``.
struct WinnerGather: TensorOperation {
  static var name: String { "maxPool2dTangent" }
  static var inputNames: [String] { ["input", "winners"] }
  private static let kept = Kept.inputs(1)
  let window: SlidingWindow
  let input: TensorShape
  var keeps: Kept { Self.kept }
  var label: String { window.description }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = try window.pool(over: input, needsPixels: false).outputShape(input)
    guard inputs.spec(0).shape == input, inputs.spec(1) == .bytes(shape) else {
      throw Misuse("needs images of shape \(input) and the winners of theirs")
    }
    return Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    var problem = accepted { () throws(Misuse) in try window.pool(over: input, needsPixels: false) }
    return Tensors(
      Tensor(problem.outputShape(input), x.dtype) { y in
        withMemory(x, inputs[1]) { from, numbers in
          tapestry_max_pool_gather(
            x.dtype.code, &problem, from, numbers.assumingMemoryBound(to: UInt8.self), y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      apply(
        WinnerSpread(window: window, input: input), to: Tensors(node.cotangent, node.input(1)))[0],
      nil)
  }
}

// MARK: - Functions

/// The largest pixel of each window of each channel.
///
/// Padding never wins: it acts as minus infinity. Where pixels of a window tie, the gradient goes
/// to the first in scan order (rows from the top, each from the left). A NaN wins.
///
/// - Parameters:
///   - input: images `[N, C, H, W]`.
///   - window: the size of the window, one number or `[height, width]`.
///   - stride: pixels between neighbouring windows. Default: the window's size.
///   - padding: rows and columns around the image. Default: none.
///   - dilation: pixels between neighbouring elements of a window. Default: 1.
///   - ceilMode: whether a last window that reaches beyond the padding counts; not one that would
///     start in the far padding. Default: false.
/// - Returns: `[N, C, height, width]`, height = floor((H + top + bottom - dilation (window - 1) -
///   1) / stride) + 1, with `ceilMode` rounded up instead.
/// - Precondition: a window fits into the padded image, and each one meets a pixel.
///
/// Ranzato et al., "Unsupervised learning of invariant feature hierarchies", 2007.
public func maxPool2d(
  _ input: Tensor, window: Pair, stride: Pair? = nil, padding: Padding2d = 0, dilation: Pair = 1,
  ceilMode: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let operation = MaxPool2d(
    window: SlidingWindow(
      size: window, stride: stride ?? window, padding: padding, dilation: dilation,
      isRoundingUp: ceilMode), isRecorded: isRecording && input.isTracked)
  return apply(operation, to: Tensors(input), file: file, line: line)[0]
}

/// As `maxPool2d`, with the places of the winners: row · W + column in the unpadded image, from 0
/// in each channel.
///
/// - Returns: the maxima, and their places as int32, both `[N, C, height, width]`.
public func maxPool2dWithIndices(
  _ input: Tensor, window: Pair, stride: Pair? = nil, padding: Padding2d = 0, dilation: Pair = 1,
  ceilMode: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, indices: Tensor) {
  let operation = MaxPool2d(
    window: SlidingWindow(
      size: window, stride: stride ?? window, padding: padding, dilation: dilation,
      isRoundingUp: ceilMode), winners: .places)
  let outputs = apply(operation, to: Tensors(input), file: file, line: line)
  return (outputs[0], outputs[1])
}
