import CTapestryKernels
import TapestryGraph

/// What the sum of a window is divided by.
enum PoolDivisor: Sendable {
  /// 1.
  case one
  /// The pixels inside the image.
  case pixels
  /// The pixels inside the image and its padding.
  case pixelsAndPadding

  var mode: Int32 {
    switch self {
    case .one: Int32(TAPESTRY_POOL_SUM)
    case .pixels: Int32(TAPESTRY_POOL_AVERAGE_INSIDE)
    case .pixelsAndPadding: Int32(TAPESTRY_POOL_AVERAGE_PADDED)
    }
  }
}

/// y = the sum of each window over its divisor.
protocol LinearPoolOperation: SpatialOperation {
  var window: SlidingWindow { get }
  var divisor: PoolDivisor { get }
}

/// y = the mean of each window.
struct AveragePool2d: LinearPoolOperation {
  let window: SlidingWindow
  let divisor: PoolDivisor
}

/// y = the sum of each window.
struct SumPool2d: LinearPoolOperation {
  let window: SlidingWindow
  var divisor: PoolDivisor { .one }
}

extension LinearPoolOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    .reading(window, input)
  }

  var keeps: Kept { .nothing }
  var label: String { window.description }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let x = inputs.spec(0).shape
    let problem = try window.pool(over: x, needsPixels: divisor == .pixels)
    try requireSameType(inputs)
    return Specs(problem.outputShape(x), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    var problem = accepted { () throws(Misuse) in try window.pool(over: x.shape, needsPixels: false)
    }
    return Tensors(
      Tensor(problem.outputShape(x.shape), x.dtype) { y in
        x.withMemory { tapestry_sum_pool(x.dtype.code, divisor.mode, &problem, $0, y) }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let input = node.inputSpec(0).shape
    return Tensors(
      apply(
        LinearPoolGradient(
          window: window, divisor: divisor, size: Pair(height: input[2], width: input[3])),
        to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

/// The transpose of a linear pool on images of a size: each pixel gets its share of every window it
/// is in.
struct LinearPoolGradient: TensorOperation {
  static var name: String { "averagePool2dGradient" }
  let window: SlidingWindow
  let divisor: PoolDivisor
  let size: Pair
  var keeps: Kept { .nothing }
  var label: String { window.description }

  private func pooling(_ g: TensorShape) throws(Misuse) -> tapestry_pooling {
    guard g.rank == 4 else { throw Misuse("needs 4 axes, not \(g.rank)") }
    return try window.pool(
      over: try TensorShape(checked: g[0], g[1], size.height, size.width), needsPixels: false)
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let g = inputs.spec(0).shape
    guard try pooling(g).outputShape(g) == g else {
      throw Misuse("the cotangent \(g) does not belong to images of \(size)")
    }
    return Specs(
      try TensorShape(checked: g[0], g[1], size.height, size.width), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let g = inputs[0]
    var problem = accepted { () throws(Misuse) in try pooling(g.shape) }
    return Tensors(
      Tensor(TensorShape(g.shape[0], g.shape[1], size.height, size.width), g.dtype) { gx in
        g.withMemory { tapestry_sum_pool_gradient(g.dtype.code, divisor.mode, &problem, $0, gx) }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      apply(AveragePool2d(window: window, divisor: divisor), to: Tensors(node.cotangent))[0])
  }
}

/// The mean of each window of each channel.
///
/// - Parameters:
///   - input: images `[N, C, H, W]`.
///   - window: the size of the window, one number or `[height, width]`.
///   - stride: pixels between neighbouring windows. Default: the window's size.
///   - padding: rows and columns of zeros around the image. Default: none.
///   - ceilMode: whether a last window that reaches beyond the padding counts; what lies beyond is
///     never counted in the divisor. Default: false.
///   - countingPadding: whether padding counts in the divisor, as in PyTorch (TensorFlow and ONNX
///     do not count it). Default: true.
/// - Returns: `[N, C, height, width]`, sized as by `maxPool2d`.
/// - Precondition: a window fits into the padded image; without `countingPadding` each one meets a
///   pixel.
///
/// LeCun et al., "Gradient-based learning applied to document recognition", 1998, has it with
/// trained factors.
public func averagePool2d(
  _ input: Tensor, window: Pair, stride: Pair? = nil, padding: Padding2d = 0,
  ceilMode: Bool = false,
  countingPadding: Bool = true, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let operation = AveragePool2d(
    window: SlidingWindow(
      size: window, stride: stride ?? window, padding: padding, isRoundingUp: ceilMode),
    divisor: countingPadding ? .pixelsAndPadding : .pixels)
  return apply(operation, to: Tensors(input), file: file, line: line)[0]
}

/// The sum of each window of each channel; parameters as in `averagePool2d`.
public func sumPool2d(
  _ input: Tensor, window: Pair, stride: Pair? = nil, padding: Padding2d = 0,
  ceilMode: Bool = false,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let operation = SumPool2d(
    window: SlidingWindow(
      size: window, stride: stride ?? window, padding: padding, isRoundingUp: ceilMode))
  return apply(operation, to: Tensors(input), file: file, line: line)[0]
}
