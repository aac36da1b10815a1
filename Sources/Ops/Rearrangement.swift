import CTapestryKernels
import TapestryGraph

// The same elements in another shape or order, each once, or repeated by broadcasting. Joining and cutting
// are in Joining.swift, picking by index in Indexing.swift.

/// y = x with another shape, on the same memory. One size may be left open, as -1.
struct Reshape: TensorOperation {
  /// The sizes, with 1 in place of the open one.
  private var shape = TensorShape()
  private var open: Int?
  private var problem: String?
  var keeps: Kept { .nothing }

  /// A shape that its rule refuses with these words.
  init(problem: String) { self.problem = problem }

  init(_ sizes: some Collection<Int>) {
    for (axis, size) in sizes.enumerated() {
      if size < -1 || (size == -1 && open != nil) {
        problem =
          "the sizes \(Array(sizes)) must be at most 6, none negative but one -1 for what remains"
        return
      }
      if size == -1 { open = axis }
    }
    let known = sizes.map { $0 == -1 ? 1 : $0 }
    if let shape = TensorShape(validating: known) {
      self.shape = shape
    } else {
      problem =
        "the sizes \(Array(sizes)) must be at most 6, none negative but one -1 for what remains;"
        + " \(TensorShape.limits)"
    }
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    if let problem { throw Misuse(problem) }
    return Specs(try resolved(inputs.spec(0).shape), inputs.spec(0).dtype)
  }

  private func resolved(_ source: TensorShape) throws(Misuse) -> TensorShape {
    let (count, known) = (source.elementCount, shape.elementCount)
    guard let open else {
      if known == count { return shape }
      throw Misuse("\(source) has \(count) elements, but \(shape) has \(known)")
    }
    guard known > 0, count % known == 0 else {
      throw Misuse(
        "\(count) elements of \(source) do not divide by the \(known) of the given sizes")
    }
    var sizes = Array(shape)
    sizes[open] = count / known
    return try TensorShape(checked: sizes)
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    Tensors(inputs[0].sharing(specs[0].shape))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent.reshaped(to: node.inputSpec(0).shape))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0)?.reshaped(to: node.outputSpec().shape))
  }
}

/// y = x with its axes in another order: axis k of y is axis permutation[k] of x.
struct Transpose: TensorOperation {
  /// Empty to swap the last two.
  let permutation: [Int]
  var keeps: Kept { .nothing }
  var label: String { permutation.isEmpty ? "" : "\(permutation)" }

  private func order(_ rank: Int) throws(Misuse) -> [Int] {
    if permutation.isEmpty {
      guard rank >= 2 else {
        throw Misuse("there are \(rank) axes, but two are needed to swap them")
      }
      return Array(0..<rank - 2) + [rank - 1, rank - 2]
    }
    var seen = AxisSet()
    var order: [Int] = []
    for axis in permutation {
      let axis = try normalizedAxis(axis, rank: rank)
      guard !seen.contains(axis) else {
        throw Misuse("axis \(axis) is named twice in \(permutation)")
      }
      seen.insert(axis)
      order.append(axis)
    }
    guard order.count == rank else {
      throw Misuse("\(permutation) names \(order.count) axes, but there are \(rank)")
    }
    return order
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = inputs.spec(0).shape
    return Specs(TensorShape(try order(shape.rank).map { shape[$0] }), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    guard let order = try? order(x.rank) else {
      trapAtCaller("transpose: the shape rule was passed over")
    }
    let shape = TensorShape(order.map { x.shape[$0] })
    let strides = x.shape.strides
    return Tensors(
      x.copied(
        to: shape, sizes: shape, targetStrides: shape.strides.map(Int64.init),
        sourceStrides: order.map { Int64(strides[$0]) }))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    if permutation.isEmpty { return Tensors(node.cotangent.transposed()) }
    var inverse = permutation
    for (place, axis) in permutation.enumerated() {
      inverse[axis < 0 ? axis + permutation.count : axis] = place
    }
    return Tensors(node.cotangent.transposed(inverse))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

/// y = x repeated along axes of size 1 and along new axes in front.
struct Broadcast: TensorOperation {
  let shape: TensorShape
  var keeps: Kept { .nothing }
  var label: String { "to \(shape)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard TensorShape.broadcast(inputs.spec(0).shape, shape) == shape else {
      throw Misuse(
        "\(inputs.spec(0).shape) does not broadcast to \(shape): aligned at the last axis, each size must be"
          + " 1 or equal")
    }
    return Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return Tensors(
      Tensor(shape, x.dtype) { y in
        if shape.elementCount == 0 { return }
        x.withMemory { source in
          BroadcastLayout.with(shape, x.shape, shape) { layout in
            // The target is dense; along axes of size 1 any stride will do.
            tapestry_strided_copy(
              Int32(x.dtype.size), Int32(shape.rank), layout.sizes, layout.strides(1), y,
              layout.strides(0), source)
          }
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent.summed(to: node.inputSpec(0).shape))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0)?.broadcast(to: shape))
  }
}

/// y = x in reverse order along some axes.
struct Flip: TensorOperation {
  let axes: [Int]
  var keeps: Kept { .nothing }
  var label: String { "along \(axes)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    _ = try AxisSet(axes, rank: inputs[0].rank)
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    guard let set = try? AxisSet(axes, rank: x.rank) else {
      trapAtCaller("flip: the shape rule was passed over")
    }
    let strides = x.shape.strides
    var source = strides.map(Int64.init)
    var start = 0
    for axis in 0..<x.rank where set.contains(axis) {
      source[axis] = -source[axis]
      start += (x.shape[axis] - 1) * strides[axis]
    }
    return Tensors(
      x.copied(
        to: x.shape, sizes: x.shape, targetStrides: strides.map(Int64.init), sourceStrides: source,
        sourceStart: start))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent.flipped(along: axes))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0)?.flipped(along: axes))
  }
}

/// Whether the results of `operation` are its input's memory with other sizes of the axes.
package func isView(_ operation: any TensorOperation) -> Bool {
  operation is Reshape || operation is ExpandDimensions || operation is Squeeze
}
