import CTapestryKernels
import TapestryGraph

// max(x, 0) and what its derivatives need: one bit per element.

/// y = max(x, 0); y' = 1 for x > 0, else 0.
struct Relu: ElementwiseOperation {
  private static let kept = Kept.outputs(1)
  private static let keptUnmasked = Kept.outputs(0)
  /// Whether the signs of x are a second result, all that is kept; without it y is.
  let isMasked: Bool

  var keeps: Kept { isMasked ? Self.kept : Self.keptUnmasked }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    let spec = inputs.spec(0)
    return isMasked ? [spec, BitMask.spec(of: spec.shape)] : Specs(spec)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    guard isMasked else { return Tensors(inputs[0].mapped(TAPESTRY_RELU)) }
    return Self.masked(inputs[0])
  }

  private static func masked(_ x: Tensor) -> Tensors {
    var y: Tensor?
    let mask = Tensor(BitMask.spec(of: x.shape)) { words in
      y = Tensor(x.spec) { y in
        x.withMemory {
          tapestry_relu_masked(
            x.dtype.code, Int64(x.count), $0, y, words.assumingMemoryBound(to: UInt32.self))
        }
      }
    }
    return Tensors(y, mask)
  }

  /// y is greater than 0 where x is.
  private func mask(_ node: borrowing Differential) -> Tensor {
    isMasked ? node.output(1) : Self.masked(node.output().detached())[1]
  }

  /// g where y > 0, else 0: linear in g, constant in y, which has its shape.
  static func letThrough(_ g: Tensor, where y: Tensor) -> Tensor { Masked.of(g, masked(y)[1]) }

  func backward(_ node: borrowing Differential) -> Tensors {
    if let g = node.reusableCotangent() {
      let mask = mask(node)
      g.overwrite { BitMask.select(g, by: mask, into: $0) }
      return Tensors(g)
    }
    return Tensors(node.cotangent(0).map { Masked.of($0, mask(node)) })
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    let tangent = node.tangent(0).map { Masked.of($0, mask(node)) }
    return isMasked ? Tensors(tangent, nil) : Tensors(tangent)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: 0) }
}

/// A bit for each element of a tensor: bit i % 32 of word i / 32, in a tensor of int32 that ops keep for themselves.
private enum BitMask {
  static func spec(of shape: TensorShape) -> TensorSpec {
    TensorSpec([(shape.elementCount + 31) / 32], .int32)
  }

  /// y = g where the bit is set, else 0.
  static func select(_ g: Tensor, by mask: Tensor, into y: UnsafeMutableRawPointer) {
    withMemory(g, mask) { x, mask in
      tapestry_relu_masked_gradient(
        g.dtype.code, Int64(g.count), x, mask.assumingMemoryBound(to: UInt32.self), y)
    }
  }
}

/// y = x where the mask's bit is set, else 0: linear in x, and its own transpose.
struct Masked: TensorOperation {
  static var inputNames: [String] { ["input", "mask"] }
  private static let kept = Kept.inputs(1)
  var keeps: Kept { Self.kept }

  static func of(_ x: Tensor, _ mask: Tensor) -> Tensor { apply(Masked(), to: Tensors(x, mask))[0] }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).dtype.isFloatingPoint else {
      throw Misuse("needs float32 or float64, not \(inputs.spec(0).dtype)")
    }
    let mask = BitMask.spec(of: inputs.spec(0).shape)
    guard inputs.spec(1) == mask else { throw Misuse("the mask is \(inputs.spec(1)), not \(mask)") }
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, mask) = (inputs[0], inputs[1])
    return Tensors(Tensor(x.spec) { BitMask.select(x, by: mask, into: $0) })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.needs(0) ? Self.of(node.cotangent, node.input(1)) : nil, nil)
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { Self.of($0, node.input(1)) })
  }
}

/// max(x, 0) for every element. The gradient at 0 is 0. NaN passes through.
///
/// Nair, Hinton: "Rectified linear units improve restricted Boltzmann machines" (2010).
///
/// - Precondition: float32 or float64.
public func relu(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  let operation = Relu(isMasked: isRecording && x.isTracked)
  return apply(operation, to: Tensors(x), file: file, line: line)[0]
}
