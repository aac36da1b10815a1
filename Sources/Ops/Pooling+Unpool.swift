import TapestryGraph

/// y = 0, and every pixel of x at its place: a scatter whose indices have been looked at.
struct MaxUnpool2d: TensorOperation {
  static var inputNames: [String] { ["input", "indices"] }
  private static let kept = Kept.inputs(1)
  let size: Pair
  var keeps: Kept { Self.kept }
  var label: String { "to \(size)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (x, indices) = (inputs.spec(0), inputs.spec(1))
    guard x.shape.rank == 4 else {
      throw Misuse("the input needs 4 axes, [batch, channels, height, width], not \(x.shape.rank)")
    }
    guard x.shape == indices.shape else {
      throw Misuse("the indices have shape \(indices.shape), but the input \(x.shape)")
    }
    guard indices.dtype == .int32 else {
      throw Misuse("the indices are int32, not \(indices.dtype)")
    }
    guard x.dtype.isFloatingPoint else { throw Misuse("needs float32 or float64, not \(x.dtype)") }
    guard size.height > 0, size.width > 0 else { throw Misuse("the output size is \(size)") }
    return Specs(
      try TensorShape(checked: x.shape[0], x.shape[1], size.height, size.width), x.dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let indices = inputs[1]
    let bound = Int64(size.height) * Int64(size.width)
    indices.withMemory { memory in
      let places = UnsafeBufferPointer(
        start: memory.assumingMemoryBound(to: Int32.self), count: indices.count)
      for place in places where place < 0 || Int64(place) >= bound {
        trapAtCaller("maxUnpool2d: index \(place) lies outside an output of \(size)")
      }
    }
    return PlaneScatter(size: size).forward(inputs)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    PlaneScatter(size: size).backward(node)
  }
}

/// An image of zeros in which every pixel of the input lies at its index: what
/// `maxPool2dWithIndices` has taken, put back.
///
/// - Parameters:
///   - input: `[N, C, h, w]`.
///   - indices: places row · W + column in the output, int32, shaped like the input. Pixels whose
///     places coincide add up (as overlapping windows can make them do; PyTorch keeps one of them).
///   - outputSize: height and width of the result.
/// - Returns: `[N, C, H, W]`.
/// - Precondition: every index lies in the output.
///
/// Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2013.
public func maxUnpool2d(
  _ input: Tensor, indices: Tensor, outputSize: Pair, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  apply(MaxUnpool2d(size: outputSize), to: Tensors(input, indices), file: file, line: line)[0]
}
