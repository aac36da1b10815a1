import CTapestryKernels
import TapestryGraph

// Products of matrices, and the fully connected layer.

/// y = op(a) op(b), where op transposes the last two axes if asked; leading axes are a batch and
/// broadcast.
struct MatrixProduct: TensorOperation {
  static var name: String { "matmul" }
  static var inputNames: [String] { ["left", "right"] }
  let transposesA: Bool
  let transposesB: Bool

  /// Rows, columns and the length of the sums.
  private struct Sizes {
    var m, n, k: Int
  }

  private func sizes(_ a: TensorShape, _ b: TensorShape) -> Sizes {
    Sizes(
      m: a[a.rank - (transposesA ? 1 : 2)], n: b[b.rank - (transposesB ? 2 : 1)],
      k: a[a.rank - (transposesA ? 2 : 1)])
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (a, b) = (inputs.spec(0).shape, inputs.spec(1).shape)
    guard a.rank >= 2, b.rank >= 2 else {
      throw Misuse("needs at least 2 axes each, not \(a.rank) and \(b.rank)")
    }
    try requireSameType(inputs)
    let sizes = sizes(a, b)
    let rows = b[b.rank - (transposesB ? 1 : 2)]
    guard sizes.k == rows else {
      throw Misuse(
        "left has \(counted(sizes.k, "column"))\(transposesA ? " after transposing" : ""), but right has"
          + " \(counted(rows, "row"))\(transposesB ? " after transposing" : "")")
    }
    var shape = TensorShape()
    if a.rank > 2 || b.rank > 2 {
      guard let batch = TensorShape.broadcast(a.batch, b.batch) else {
        throw Misuse("the batch axes \(a.batch) and \(b.batch) do not broadcast")
      }
      shape = batch
    }
    return Specs(
      try TensorShape(checked: Array(shape) + [sizes.m, sizes.n]), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (a, b) = (inputs[0], inputs[1])
    var sizes = sizes(a.shape, b.shape)
    var shape = TensorShape()
    if a.rank > 2 || b.rank > 2 {
      shape = TensorShape.broadcast(a.shape.batch, b.shape.batch)!
    }
    let batch = shape
    shape.append(sizes.m)
    shape.append(sizes.n)
    // One right operand for all: the batch is only more rows.
    let isOneProduct = b.rank == 2 && (a.rank == 2 || !transposesA)
    if isOneProduct { sizes.m *= batch.elementCount }
    return Tensors(
      Tensor(shape, a.dtype) { y in
        withMemory(a, b) { left, right in
          if isOneProduct {
            tapestry_gemm(
              a.dtype.code, transposesA, transposesB, Int64(sizes.m), Int64(sizes.n),
              Int64(sizes.k), left,
              Int64(transposesA ? sizes.m : sizes.k), right, Int64(transposesB ? sizes.k : sizes.n),
              y,
              Int64(sizes.n), false, nil)
          } else {
            tapestry_gemm_batched(
              a.dtype.code, transposesA, transposesB, Int64(batch.elementCount), Int64(sizes.m),
              Int64(sizes.n), Int64(sizes.k), left, Int64(transposesA ? sizes.m : sizes.k),
              offsets(of: a.shape.batch, in: batch, matrix: sizes.m * sizes.k), right,
              Int64(transposesB ? sizes.k : sizes.n),
              offsets(of: b.shape.batch, in: batch, matrix: sizes.k * sizes.n), y)
          }
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    var gradientA: Tensor?
    var gradientB: Tensor?
    if node.needs(0) {
      let b = node.input(1)
      gradientA =
        (transposesA
        ? matrixProduct(b, g, transposingA: transposesB, transposingB: true)
        : matrixProduct(g, b, transposingB: !transposesB)).summed(to: node.inputSpec(0).shape)
    }
    if node.needs(1) {
      let a = node.input(0)
      gradientB =
        (transposesB
        ? matrixProduct(g, a, transposingA: true, transposingB: transposesA)
        : matrixProduct(a, g, transposingA: !transposesA)).summed(to: node.inputSpec(1).shape)
    }
    return Tensors(gradientA, gradientB)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    let depth = sizes(inputs.spec(0).shape, inputs.spec(1).shape).k
    return productCost(outputs[0].shape.elementCount * depth, inputs, outputs)
  }
}

extension TensorShape {
  /// The axes before the last two.
  var batch: TensorShape {
    var batch = TensorShape()
    for axis in 0..<(rank - 2) { batch.append(self[axis]) }
    return batch
  }
}

/// Where the matrix of each index of `target` begins in a tensor whose batch axes broadcast to it.
func offsets(of batch: TensorShape, in target: TensorShape, matrix: Int) -> [Int64] {
  let missing = target.rank - batch.rank
  return (0..<target.elementCount).map { position in
    var (remaining, offset, step) = (position, 0, matrix)
    for axis in stride(from: target.rank - 1, through: missing, by: -1) {
      let size = batch[axis - missing]
      if size > 1 { offset += remaining % target[axis] * step }
      step *= size
      remaining /= target[axis]
    }
    return Int64(offset)
  }
}

private func matrixProduct(
  _ a: Tensor, _ b: Tensor, transposingA: Bool = false, transposingB: Bool = false,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(
    MatrixProduct(transposesA: transposingA, transposesB: transposingB), to: Tensors(a, b),
    file: file,
    line: line)[0]
}

/// The matrix product a b.
///
/// y[i, j] = Σ over k of a[i, k] b[k, j]. More than two axes: the leading ones are a batch of
/// matrices and broadcast. A vector as `a` is a row, as `b` a column; that axis is then dropped
/// from the result, so the product of two vectors is a scalar.
///
/// - Parameters:
///   - a: `[..., m, k]`, or `[..., k, m]` when transposed.
///   - b: `[..., k, n]`, or `[..., n, k]` when transposed.
///   - transposingA: swap the last two axes of `a` first; no copy is made. No effect on a vector.
///     Default: false.
///   - transposingB: likewise for `b`.
/// - Returns: `[..., m, n]`.
/// - Precondition: the inner sizes agree, and the batch axes broadcast.
public func matmul(
  _ a: Tensor, _ b: Tensor, transposingA: Bool = false, transposingB: Bool = false,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  guard a.rank == 1 || b.rank == 1 else {
    return matrixProduct(
      a, b, transposingA: transposingA, transposingB: transposingB, file: file, line: line)
  }
  let left = a.rank == 1 ? a.reshaped(to: [1, a.count], file: file, line: line) : a
  let right = b.rank == 1 ? b.reshaped(to: [b.count, 1], file: file, line: line) : b
  let y = matrixProduct(
    left, right, transposingA: transposingA && a.rank > 1, transposingB: transposingB && b.rank > 1,
    file: file, line: line)
  // A refused product in a dry run has no axes to drop.
  guard y.rank >= 2 else { return y }
  var shape = y.shape.batch
  if a.rank > 1 { shape.append(y.shape[y.rank - 2]) }
  if b.rank > 1 { shape.append(y.shape[y.rank - 1]) }
  return y.reshaped(to: shape, file: file, line: line)
}

/// y = x weightᵀ + bias.
struct Linear: TensorOperation {
  static var inputNames: [String] { ["input", "weight", "bias"] }
  private static let kept = Kept.inputs(0, 1)
  var keeps: Kept { Self.kept }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (x, weight) = (inputs.spec(0).shape, inputs.spec(1).shape)
    guard weight.rank == 2 else {
      throw Misuse("the weight needs 2 axes, [outputs, inputs], not \(weight.rank)")
    }
    guard x.rank >= 1 else { throw Misuse("the input is a scalar; it needs an axis of features") }
    guard x[x.rank - 1] == weight[1] else {
      throw Misuse(
        "input has \(counted(x[x.rank - 1], "feature")), but the weight expects \(weight[1])")
    }
    try requireSameType(inputs)
    try requireBias(inputs, channels: weight[0])
    let shape = try TensorShape(checked: Array(x.dropLast()) + [weight[0]])
    return Specs(shape, inputs.spec(0).dtype)
  }

  private static func outputShape(_ x: TensorShape, _ weight: TensorShape) -> TensorShape {
    var shape = x
    shape[x.rank - 1] = weight[0]
    return shape
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(Self.product(inputs, relu: false))
  }

  /// The result, negative elements replaced by 0 if `relu`.
  static func product(_ inputs: borrowing Tensors, relu: Bool) -> Tensor {
    let (x, weight, bias) = (inputs[0], inputs[1], inputs.at(2))
    let shape = Self.outputShape(x.shape, weight.shape)
    let (outputs, depth) = (Int64(weight.shape[0]), Int64(weight.shape[1]))
    var rows = 1
    for axis in 0..<(x.rank - 1) { rows *= shape[axis] }
    let rowCount = Int64(rows)
    return Tensor(shape, x.dtype) { y in
      withMemory(x, weight, bias ?? weight) { x, w, b in
        var epilogue = tapestry_epilogue()
        epilogue.column_bias = bias == nil ? nil : b
        epilogue.relu = relu
        tapestry_gemm(
          weight.dtype.code, false, true, rowCount, outputs, depth, x, depth, w, depth, y, outputs,
          false, &epilogue)
      }
    }
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, input) = (node.cotangent, node.inputSpec(0).shape)
    let outputs = node.inputSpec(1).shape[0]
    let rows = g.asMatrix()
    var gradientX: Tensor?
    if node.needs(0) {
      let product = matrixProduct(rows, node.input(1))
      gradientX = input.rank == 2 ? product : product.reshaped(to: input)
    }
    return Tensors(
      gradientX,
      node.needs(1) ? matrixProduct(rows, node.input(0).asMatrix(), transposingA: true) : nil,
      node.inputCount > 2 && node.needs(2) ? rows.summed(to: TensorShape([outputs])) : nil)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    productCost(outputs[0].shape.elementCount * inputs.spec(1).shape[1], inputs, outputs)
  }
}

extension Tensor {
  /// All axes but the last as rows.
  func asMatrix() -> Tensor {
    if rank == 2 { return self }
    let columns = shape[rank - 1]
    var rows = 1
    for axis in 0..<(rank - 1) { rows *= shape[axis] }
    return reshaped(to: TensorShape([rows, columns]))
  }
}

/// The fully connected layer: y = x weightᵀ + bias.
///
/// - Parameters:
///   - input: `[..., in]`; the leading axes are a batch, and may be missing.
///   - weight: `[out, in]`.
///   - bias: `[out]`, added while the product is in registers. Default: none.
/// - Returns: `[..., out]`.
/// - Precondition: the input's last axis is as long as the weight's.
public func linear(
  _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let inputs = bias.map { Tensors(input, weight, $0) } ?? Tensors(input, weight)
  return apply(Linear(), to: inputs, file: file, line: line)[0]
}
