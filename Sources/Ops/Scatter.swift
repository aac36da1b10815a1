import CTapestryKernels
import TapestryGraph

// Writing and adding at places that index tensors name.

/// y = x, then y[.., indices[.., i, ..], ..] = updates[.., i, ..], or += where it adds.
struct Scatter: TensorOperation {
  let axis: Int
  let adds: Bool
  /// The user's line, for an index out of range.
  let site: CallSite
  var displayName: String { adds ? "scatterAdd" : "scatter" }
  static var inputNames: [String] { ["input", "indices", "updates"] }
  var keeps: Kept { .inputs(1) }
  var label: String { "along \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (x, indices, updates) = (inputs.spec(0), inputs.spec(1), inputs.spec(2))
    let axis = try normalizedAxis(axis, rank: x.shape.rank)
    try requireUpdates(x, indices, updates, adds: adds)
    guard indices.shape == updates.shape else {
      throw Misuse("the indices are \(indices.shape), but the updates \(updates.shape)")
    }
    let fits =
      indices.shape.rank == x.shape.rank
      && x.shape.indices.allSatisfy { $0 == axis || indices.shape[$0] <= x.shape[$0] }
    guard fits else {
      throw Misuse(
        "the indices are \(indices.shape), but the input \(x.shape): only axis \(axis) may be larger"
      )
    }
    return Specs(x)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let axis = axis < 0 ? axis + inputs.spec(0).shape.rank : axis
    return Tensors(
      inputs[0].scattered(
        inputs[2], at: inputs[1], axis, indexStrides: inputs.spec(1).shape.strides, adds: adds,
        scale: 1, displayName, site))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, indices) = (node.cotangent, node.input(1))
    var gradientX: Tensor?
    var gradientUpdates: Tensor?
    if node.needs(0) {
      let zeros = Tensor.zeros(indices.shape, dtype: g.dtype)
      let overwrite = Scatter(axis: axis, adds: false, site: site)
      gradientX = adds ? g : apply(overwrite, to: Tensors(g, indices, zeros))[0]
    }
    if node.needs(2) {
      var part = g
      let own = axis < 0 ? axis + g.rank : axis
      for other in 0..<g.rank where other != own && indices.shape[other] != g.shape[other] {
        part = part.sliced(0..<indices.shape[other], along: other)
      }
      gradientUpdates = apply(TakeAlongAxis(axis: axis, site: site), to: Tensors(part, indices))[0]
    }
    return Tensors(gradientX, nil, gradientUpdates)
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    let (x, updates) = (node.tangent(0), node.tangent(2))
    guard x != nil || updates != nil else { return Tensors(nil) }
    let (own, other) = (node.inputSpec(0), node.inputSpec(2))
    return Tensors(
      apply(
        self,
        to: Tensors(
          x ?? .zeros(own.shape, dtype: own.dtype), node.input(1),
          updates ?? .zeros(other.shape, dtype: other.dtype)))[0])
  }
}

/// y = x, then slice indices[i] of an axis += scale times slice i of the updates.
struct IndexAdd: TensorOperation {
  let axis: Int
  let scale: Double
  let site: CallSite
  static var inputNames: [String] { ["input", "indices", "updates"] }
  var keeps: Kept { .inputs(1) }
  var label: String { "along \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (x, indices, updates) = (inputs.spec(0), inputs.spec(1), inputs.spec(2))
    let axis = try normalizedAxis(axis, rank: x.shape.rank)
    try requireUpdates(x, indices, updates, adds: true)
    guard indices.shape.rank == 1 else {
      throw Misuse(
        "the indices are a vector, not a tensor with \(counted(indices.shape.rank, "axis", "axes"))"
      )
    }
    guard x.dtype.isFloatingPoint || scale == 1 else {
      throw Misuse("the scale \(scale) needs float32 or float64, not \(x.dtype)")
    }
    var expected = x.shape
    expected[axis] = indices.shape[0]
    guard updates.shape == expected else {
      throw Misuse(
        "\(counted(indices.shape[0], "index", "indices")) along axis \(axis) of \(x.shape) need updates"
          + " \(expected), not \(updates.shape)")
    }
    return Specs(x)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let rank = inputs.spec(0).shape.rank
    let axis = axis < 0 ? axis + rank : axis
    var strides = [Int](repeating: 0, count: rank)
    strides[axis] = 1
    return Tensors(
      inputs[0].scattered(
        inputs[2], at: inputs[1], axis, indexStrides: strides, adds: true, scale: scale,
        displayName, site))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    var gradientUpdates: Tensor?
    if node.needs(2) {
      let slices = apply(Gather(axis: axis, site: site), to: Tensors(g, node.input(1)))[0]
      gradientUpdates = scale == 1 ? slices : slices * scale
    }
    return Tensors(node.needs(0) ? g : nil, nil, gradientUpdates)
  }
}

private func requireUpdates(
  _ x: TensorSpec, _ indices: TensorSpec, _ updates: TensorSpec, adds: Bool
) throws(Misuse) {
  guard indices.dtype == .int64 || indices.dtype == .int32 else {
    throw Misuse("the indices are \(indices.dtype), but must be int64 or int32")
  }
  guard x.dtype == updates.dtype else {
    throw Misuse(
      "the input is \(x.dtype), but the updates \(updates.dtype); convert one with converted(to:)")
  }
  guard !adds || x.dtype != .bool else { throw Misuse("bool masks have no arithmetic") }
}

extension Tensor {
  /// As int64, each in 0 ..< `end`: one out of range ends the process with words and the user's line.
  func checkedIndices(below end: Int, _ function: String, _ site: CallSite) -> Tensor {
    let wide = dtype == .int64 ? self : converted(to: .int64)
    wide.withMemory { memory in
      let indices = memory.assumingMemoryBound(to: Int64.self)
      let place = Int(tapestry_first_outside(Int64(wide.count), indices, Int64(end)))
      if place >= 0 {
        trap(
          "\(function): index \(indices[place]) (element \(place) of the indices) is not in 0 ..< \(end)",
          file: site.file, line: site.line)
      }
    }
    return wide
  }

  /// A copy with updates written or added; shapes have been checked.
  fileprivate func scattered(
    _ updates: Tensor, at indices: Tensor, _ axis: Int, indexStrides: [Int], adds: Bool,
    scale: Double, _ function: String, _ site: CallSite
  ) -> Tensor {
    let indices = indices.checkedIndices(below: shape[axis], function, site)
    var space = tapestry_scatter_space()
    space.rank = Int32(rank)
    space.axis = Int32(axis)
    func fill<Numbers>(_ target: inout Numbers, _ numbers: some Sequence<Int>) {
      withUnsafeMutableBytes(of: &target) { bytes in
        for (place, number) in numbers.enumerated() {
          bytes.storeBytes(of: Int64(number), toByteOffset: place * 8, as: Int64.self)
        }
      }
    }
    fill(&space.sizes, updates.shape)
    fill(&space.target_strides, shape.strides)
    fill(&space.index_strides, indexStrides)
    return Tensor(spec) { y in
      TapestryGraph.withMemory(self, indices, updates) { x, indices, updates in
        y.copyMemory(from: x, byteCount: spec.byteCount)
        tapestry_scatter(
          dtype.code, adds, scale, &space, indices.assumingMemoryBound(to: Int64.self), updates, y)
      }
    }
  }

  /// A copy with updates written where the indices say: y[.., indices[.., i, ..], ..] = updates[.., i, ..].
  ///
  /// The gradient of this tensor is 0 where it was overwritten. Where an index repeats the last update stays, and only indices without
  /// repeats have right gradients. Integers and masks too.
  ///
  /// - Parameters:
  ///   - updates: as many axes as this tensor has; along the others than `axis` no longer.
  ///   - indices: int64 or int32, shaped like the updates.
  ///   - axis: counted from 0, or from the end if negative.
  /// - Precondition: shapes as above, one type; every index is in 0 ..< size of the axis.
  public func scatter(
    _ updates: Tensor, at indices: Tensor, along axis: Int, file: StaticString = #fileID,
    line: UInt = #line
  ) -> Tensor {
    let operation = Scatter(axis: axis, adds: false, site: CallSite(file: file, line: line))
    return apply(operation, to: Tensors(self, indices, updates), file: file, line: line)[0]
  }

  /// A copy with updates added where the indices say: y[.., indices[.., i, ..], ..] += updates[.., i, ..]. Where an index repeats they add up.
  /// Integers too.
  ///
  /// - Parameters:
  ///   - updates: as many axes as this tensor has; along the others than `axis` no longer.
  ///   - indices: int64 or int32, shaped like the updates.
  ///   - axis: counted from 0, or from the end if negative.
  /// - Precondition: shapes as above, one type; every index is in 0 ..< size of the axis.
  public func scatterAdd(
    _ updates: Tensor, at indices: Tensor, along axis: Int, file: StaticString = #fileID,
    line: UInt = #line
  ) -> Tensor {
    let operation = Scatter(axis: axis, adds: true, site: CallSite(file: file, line: line))
    return apply(operation, to: Tensors(self, indices, updates), file: file, line: line)[0]
  }

  /// A copy with slices added: slice indices[i] of the axis += scale times slice i of the updates. Where an index repeats they add up.
  ///
  /// - Parameters:
  ///   - updates: this tensor's shape but for the axis, which is as long as there are indices.
  ///   - indices: a vector, int64 or int32.
  ///   - axis: counted from 0, or from the end if negative.
  ///   - scale: Default: 1; integers take no other.
  /// - Precondition: shapes as above, one type; every index is in 0 ..< size of the axis.
  public func indexAdd(
    _ updates: Tensor, at indices: Tensor, along axis: Int, scale: Double = 1,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let operation = IndexAdd(axis: axis, scale: scale, site: CallSite(file: file, line: line))
    return apply(operation, to: Tensors(self, indices, updates), file: file, line: line)[0]
  }
}
