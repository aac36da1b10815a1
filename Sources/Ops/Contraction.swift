import CTapestryKernels
import TapestryGraph

// The product of two tensors whose axes have labels, summed over some of them: what einsum is made of. Its derivatives are
// contractions again.

/// y[result] = Σ a[left] b[right] over the labels that the result lacks.
///
/// No label stands twice in a list; each of the result stands in a or b; each of a in b or the result, and the other way round.
struct Contraction: TensorOperation {
  /// The function that the user called.
  let function: String
  let left: [UInt8]
  let right: [UInt8]
  let result: [UInt8]
  var displayName: String { function }
  static var inputNames: [String] { ["left", "right"] }
  var label: String { "\(text(left)),\(text(right))->\(text(result))" }

  /// `ij`; axes of an ellipsis are numbers from the right, shown as capitals from the end of the alphabet.
  func text(_ labels: [UInt8]) -> String {
    String(labels.map { Character(UnicodeScalar($0 < 65 ? 90 - $0 : $0)) })
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    let (a, b) = (inputs.spec(0).shape, inputs.spec(1).shape)
    guard a.rank == left.count, b.rank == right.count else {
      throw Misuse("\(a) and \(b) do not have the axes of \(label)")
    }
    for (axis, label) in left.enumerated() {
      guard let other = right.firstIndex(of: label), a[axis] != b[other] else { continue }
      throw Misuse(
        "axis \(axis) of left has size \(a[axis]), but axis \(other) of right, which goes with it, \(b[other])"
      )
    }
    let sizes = sizes(a, b)
    return Specs(try TensorShape(checked: result.map { sizes[Int($0)] }), inputs.spec(0).dtype)
  }

  /// Sizes by label.
  private func sizes(_ a: TensorShape, _ b: TensorShape) -> [Int] {
    var sizes = [Int](repeating: 1, count: 128)
    for (axis, label) in left.enumerated() { sizes[Int(label)] = a[axis] }
    for (axis, label) in right.enumerated() { sizes[Int(label)] = b[axis] }
    return sizes
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (a, b) = (inputs[0], inputs[1])
    let sizes = sizes(a.shape, b.shape)
    let shape = TensorShape(result.map { sizes[Int($0)] })
    let summed = left.filter { right.contains($0) && !result.contains($0) }
    let operands = (LabelledTensor(a, left), LabelledTensor(b, right))
    if summed.isEmpty {
      return Tensors(product(operands.0, operands.1, result, shape))
    }
    let rows = result.contains { !right.contains($0) && sizes[Int($0)] != 1 }
    let columns = result.contains { !left.contains($0) && sizes[Int($0)] != 1 }
    let space = result + summed
    if !rows, !columns, shape.elementCount > 1, space.count <= TensorShape.maximumRank {
      // Many dot products: matrices of one element are not worth the matrix kernels.
      let products = product(
        operands.0, operands.1, space, TensorShape(space.map { sizes[Int($0)] }))
      var axes = AxisSet()
      for axis in result.count..<space.count { axes.insert(axis) }
      return Tensors(products.reduced(TAPESTRY_SUM, along: axes, to: shape))
    }
    var matrices = MatrixContraction(operands.0, operands.1, result, sizes)
    return Tensors(matrices.run())
  }

  /// a times b over the index space of `labels`, elementwise.
  private func product(
    _ a: LabelledTensor, _ b: LabelledTensor, _ labels: [UInt8], _ shape: TensorShape
  ) -> Tensor {
    let sizes = shape.map(Int64.init)
    let (stridesA, stridesB) = (labels.map(a.stride), labels.map(b.stride))
    return Tensor(shape, a.tensor.dtype) { y in
      if shape.elementCount == 0 { return }
      withMemory(a.tensor, b.tensor) { x, z in
        tapestry_binary(
          Int32(TAPESTRY_MULTIPLY), a.tensor.dtype.code, Int32(labels.count), sizes, stridesA,
          stridesB, x, z, y)
      }
    }
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    var gradients: (Tensor?, Tensor?)
    if node.needs(0) {
      let toLeft = Contraction(function: function, left: result, right: right, result: left)
      gradients.0 = apply(toLeft, to: Tensors(g, node.input(1)))[0]
    }
    if node.needs(1) {
      let toRight = Contraction(function: function, left: left, right: result, result: right)
      gradients.1 = apply(toRight, to: Tensors(node.input(0), g))[0]
    }
    return Tensors(gradients.0, gradients.1)
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    let first = node.tangent(0).map { apply(self, to: Tensors($0, node.input(1)))[0] }
    let second = node.tangent(1).map { apply(self, to: Tensors(node.input(0), $0))[0] }
    guard let first, let second else { return Tensors(first ?? second) }
    return Tensors(first + second)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    let sizes = sizes(inputs.spec(0).shape, inputs.spec(1).shape)
    let products = Set(left + right).reduce(1) { $0 * sizes[Int($1)] }
    return productCost(products, inputs, outputs)
  }
}

/// A tensor whose axes have labels.
struct LabelledTensor {
  let tensor: Tensor
  /// The labels, axis by axis.
  let all: [UInt8]
  private let strides: [Int]

  init(_ tensor: Tensor, _ labels: [UInt8]) {
    self.tensor = tensor
    all = labels
    strides = tensor.shape.strides
  }

  /// Elements from one position of a label to the next; 0 where the tensor does not have it.
  func stride(_ label: UInt8) -> Int64 {
    all.firstIndex(of: label).map { tensor.shape[$0] == 1 ? 0 : Int64(strides[$0]) } ?? 0
  }

  /// The stride of a group of labels taken as one axis, or `nil` where their elements do not follow each other so.
  func stride(of group: [UInt8]) -> Int? {
    var (fused, expected): (Int?, Int) = (nil, 0)
    for label in group.reversed() {
      let axis = all.firstIndex(of: label)!
      if tensor.shape[axis] == 1 { continue }
      guard fused == nil || strides[axis] == expected else { return nil }
      if fused == nil { fused = strides[axis] }
      expected = strides[axis] * tensor.shape[axis]
    }
    return fused ?? 1
  }

  /// The same elements, dense in the order of these labels.
  func ordered(_ order: [UInt8]) -> LabelledTensor {
    if order == all { return self }
    let shape = TensorShape(order.map { tensor.shape[all.firstIndex(of: $0)!] })
    let copy = tensor.copied(
      to: shape, sizes: shape, targetStrides: shape.strides.map(Int64.init),
      sourceStrides: order.map(stride))
    return LabelledTensor(copy, order)
  }
}

/// A contraction as products of matrices [rows, depth] and [depth, columns], one for each position of the labels that all three have. Operands
/// are read where they lie if their axes allow it, and copied into order if not.
struct MatrixContraction {
  private var left: LabelledTensor
  private var right: LabelledTensor
  private let result: [UInt8]
  private let sizes: [Int]
  private let batch: [UInt8]
  private var rows: [UInt8]
  private var columns: [UInt8]
  private var depth: [UInt8]

  init(_ left: LabelledTensor, _ right: LabelledTensor, _ result: [UInt8], _ sizes: [Int]) {
    (self.left, self.right, self.result, self.sizes) = (left, right, result, sizes)
    batch = result.filter { left.has($0) && right.has($0) }
    rows = result.filter { left.has($0) && !right.has($0) }
    columns = result.filter { !left.has($0) && right.has($0) }
    depth = left.all.filter { right.has($0) && !result.contains($0) }
    // The order of the sum is free: the right operand's, if that spares a copy.
    let other = right.all.filter { depth.contains($0) }
    if right.matrix(depth, columns, self.sizes) == nil
      || left.matrix(rows, depth, self.sizes) == nil,
      right.matrix(other, columns, self.sizes) != nil, left.matrix(rows, other, self.sizes) != nil
    {
      depth = other
    }
    // A result with the columns first is the transposed product.
    let natural = (batch + rows + columns).filter { sizes[Int($0)] != 1 }
    let wanted = result.filter { sizes[Int($0)] != 1 }
    if natural != wanted, wanted == (batch + columns + rows).filter({ sizes[Int($0)] != 1 }) {
      swap(&self.left, &self.right)
      swap(&rows, &columns)
    }
  }

  private func count(_ labels: [UInt8]) -> Int { labels.reduce(1) { $0 * sizes[Int($1)] } }

  mutating func run() -> Tensor {
    let (m, n, k) = (count(rows), count(columns), count(depth))
    if left.matrix(rows, depth, sizes) == nil { left = left.ordered(batch + rows + depth) }
    if right.matrix(depth, columns, sizes) == nil { right = right.ordered(batch + depth + columns) }
    guard let a = left.matrix(rows, depth, sizes), let b = right.matrix(depth, columns, sizes)
    else { trapAtCaller("an operand in order is no matrix") }
    let products = count(batch)
    let order = batch + rows + columns
    let (left, right) = (left.tensor, right.tensor)
    let (offsetsA, offsetsB) = (offsets(self.left), offsets(self.right))
    let code = left.dtype.code
    let y = Tensor(TensorShape(order.map { sizes[Int($0)] }), left.dtype) { y in
      if products * m * n == 0 { return }
      withMemory(left, right) { x, z in
        if products == 1 {
          tapestry_gemm(
            code, a.isTransposed, b.isTransposed, Int64(m), Int64(n), Int64(k), x, Int64(a.step), z,
            Int64(b.step), y, Int64(n), false, nil)
        } else {
          tapestry_gemm_batched(
            code, a.isTransposed, b.isTransposed, Int64(products), Int64(m), Int64(n), Int64(k), x,
            Int64(a.step), offsetsA, z, Int64(b.step), offsetsB, y)
        }
      }
    }
    if order == result { return y }
    let shape = TensorShape(result.map { sizes[Int($0)] })
    let isSame = order.filter { sizes[Int($0)] != 1 } == result.filter { sizes[Int($0)] != 1 }
    return isSame ? y.sharing(shape) : LabelledTensor(y, order).ordered(result).tensor
  }

  /// Where each product's matrix begins.
  private func offsets(_ operand: LabelledTensor) -> [Int64] {
    var offsets: [Int64] = [0]
    for label in batch {
      let stride = operand.stride(label)
      offsets = offsets.flatMap { start in
        (0..<Int64(sizes[Int(label)])).map { start + $0 * stride }
      }
    }
    return offsets
  }
}

extension LabelledTensor {
  func has(_ label: UInt8) -> Bool { all.contains(label) }

  /// How the matrix kernels find a matrix of these rows and columns here: elements between rows (between columns, if it lies
  /// transposed); `nil` where neither runs through neighbouring elements.
  func matrix(
    _ rows: [UInt8], _ columns: [UInt8], _ sizes: [Int]
  ) -> (step: Int, isTransposed: Bool)? {
    guard let down = stride(of: rows), let across = stride(of: columns) else { return nil }
    let height = rows.reduce(1) { $0 * sizes[Int($1)] }
    let width = columns.reduce(1) { $0 * sizes[Int($1)] }
    if height * width == 0 { return (Swift.max(width, 1), false) }
    if width == 1 { return (height == 1 ? 1 : down, false) }
    if height == 1 { return across == 1 ? (width, false) : (across, true) }
    if across == 1, down >= width { return (down, false) }
    if down == 1, across >= height { return (across, true) }
    return nil
  }
}
