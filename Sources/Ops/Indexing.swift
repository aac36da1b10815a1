import CTapestryKernels
import TapestryGraph

// Picking elements by index tensors, and the transposes, which add up where an index repeats.

/// y[.., j.., ..] = x[.., indices[j..], ..]: whole slices along an axis; the axes of the indices take its place.
struct Gather: TensorOperation {
  let axis: Int
  /// The user's line, for an index out of range.
  let site: CallSite
  var keeps: Kept { .inputs(1) }
  static var inputNames: [String] { ["values", "indices"] }
  var label: String { "along \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (shape, indices) = (inputs.spec(0).shape, inputs.spec(1))
    let axis = try normalizedAxis(axis, rank: shape.rank)
    try requireIndices(indices.dtype)
    let sizes = shape[..<axis] + Array(indices.shape) + shape[(axis + 1)...]
    guard sizes.count <= TensorShape.maximumRank else {
      throw Misuse("the result \(Array(sizes)) would have more than six axes")
    }
    return Specs(try TensorShape(checked: Array(sizes)), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    let (x, indices, spec) = (inputs[0], inputs[1], specs[0])
    let extents = Extents(x.shape, axis)
    let positions = indices.positions(below: extents.rows, "gather", site)
    return Tensors(
      Tensor(spec) { y in
        x.withMemory { x in
          tapestry_gather(
            Int32(spec.dtype.size), extents.outer, Int64(extents.rows), extents.inner,
            Int64(positions.count), positions, x, y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let scatter = ScatterAdd(axis: axis, shape: node.inputSpec(0).shape, site: site)
    return Tensors(
      node.needs(0) ? apply(scatter, to: Tensors(node.cotangent, node.input(1)))[0] : nil, nil)
  }
}

/// x[.., indices[j..], ..] += g[.., j.., ..] into zeros of `shape`: the transpose of gathering.
struct ScatterAdd: TensorOperation {
  let axis: Int
  let shape: TensorShape
  let site: CallSite
  var keeps: Kept { .inputs(1) }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (g, indices) = (inputs[0], inputs[1])
    let extents = Extents(shape, axis)
    let positions = indices.positions(below: extents.rows, "gather", site)
    return Tensors(
      Tensor(shape, g.dtype) { x in
        g.withMemory { g in
          tapestry_scatter_add(
            inputs.spec(0).dtype.code, extents.outer, Int64(extents.rows), extents.inner,
            Int64(positions.count), positions, g, x)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let gather = Gather(axis: axis, site: site)
    return Tensors(
      node.needs(0) ? apply(gather, to: Tensors(node.cotangent, node.input(1)))[0] : nil, nil)
  }
}

/// y[.., i, ..] = x[.., indices[.., i, ..], ..]: one element per index.
struct TakeAlongAxis: TensorOperation {
  let axis: Int
  let site: CallSite
  var keeps: Kept { .inputs(1) }
  static var inputNames: [String] { ["values", "indices"] }
  var label: String { "along \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (shape, indices) = (inputs.spec(0).shape, inputs.spec(1).shape)
    let axis = try normalizedAxis(axis, rank: shape.rank)
    try requireIndices(inputs.spec(1).dtype)
    let agrees =
      indices.rank == shape.rank
      && shape.indices.allSatisfy { $0 == axis || shape[$0] == indices[$0] }
    guard agrees else {
      throw Misuse(
        "the indices are \(indices), but the values \(shape): only axis \(axis) may differ")
    }
    return Specs(indices, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, indices) = (inputs[0], inputs[1])
    let line = AxisLine(x.shape, axis)
    let positions = indices.positions(below: Int(line.count), "takeAlongAxis", site)
    let taken = Int64(indices.shape[line.axis])
    return Tensors(
      Tensor(indices.shape, x.dtype) { y in
        x.withMemory { values in
          tapestry_take_places(
            Int32(x.dtype.size), line.outer, line.count, taken, line.inner, positions, values, y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let put = PutAlongAxis(axis: axis, shape: node.inputSpec(0).shape, site: site)
    return Tensors(
      node.needs(0) ? apply(put, to: Tensors(node.cotangent, node.input(1)))[0] : nil, nil)
  }
}

/// x[.., indices[.., i, ..], ..] += g[.., i, ..] into zeros of `shape`: the transpose of taking.
struct PutAlongAxis: TensorOperation {
  let axis: Int
  let shape: TensorShape
  let site: CallSite
  var keeps: Kept { .inputs(1) }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (g, indices) = (inputs[0], inputs[1])
    let line = AxisLine(shape, axis)
    let positions = indices.positions(below: Int(line.count), "takeAlongAxis", site)
    let taken = Int64(indices.shape[line.axis])
    return Tensors(
      Tensor(shape, g.dtype) { x in
        g.withMemory { values in
          // Nothing to put still leaves zeros.
          tapestry_fill(g.dtype.code, positions.isEmpty ? Int64(shape.elementCount) : 0, 0, x)
          tapestry_put_places(
            g.dtype.code, line.outer, line.count, taken, line.inner, positions, values, x)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let take = TakeAlongAxis(axis: axis, site: site)
    return Tensors(
      node.needs(0) ? apply(take, to: Tensors(node.cotangent, node.input(1)))[0] : nil, nil)
  }
}

/// A shape seen as [outer, rows, inner] around an axis that exists.
private struct Extents {
  let outer: Int64
  let rows: Int
  let inner: Int64

  init(_ shape: TensorShape, _ axis: Int) {
    let axis = axis < 0 ? axis + shape.rank : axis
    outer = Int64(shape[..<axis].reduce(1, *))
    rows = shape[axis]
    inner = Int64(shape[(axis + 1)...].reduce(1, *))
  }
}

private func requireIndices(_ dtype: DType) throws(Misuse) {
  guard dtype == .int64 || dtype == .int32 else {
    throw Misuse("the indices are \(dtype), but must be int64 or int32")
  }
}

extension Tensor {
  /// The elements as positions of an axis with `rows` positions. One out of range ends the process, with the
  /// user's line.
  fileprivate func positions(below rows: Int, _ name: String, _ site: CallSite) -> [Int64] {
    let positions = scalars(as: Int64.self)
    if let place = positions.firstIndex(where: { $0 < 0 || $0 >= Int64(rows) }) {
      trap(
        "\(name): index \(positions[place]) (element \(place) of the indices) is not in 0 ..< \(rows)",
        file: site.file, line: site.line)
    }
    return positions
  }

  /// The slices at `indices` along an axis: y[.., j, ..] = x[.., indices[j], ..].
  ///
  /// The axes of the indices take the place of the axis, so that a vector of n indices gives it the size n. Where an
  /// index repeats, gradients add up.
  ///
  /// - Parameters:
  ///   - indices: int64 or int32.
  ///   - axis: counted from 0, or from the end if negative.
  /// - Precondition: every index is in 0 ..< size of the axis.
  public func gathered(
    _ indices: Tensor, along axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let gather = Gather(axis: axis, site: CallSite(file: file, line: line))
    return apply(gather, to: Tensors(self, indices), file: file, line: line)[0]
  }

  /// One element per index along an axis: y[.., i, ..] = x[.., indices[.., i, ..], ..], such as the probability of
  /// each row's label. Where an index repeats, gradients add up.
  ///
  /// - Parameters:
  ///   - indices: int64 or int32, shaped like this tensor but for the axis; the result has their shape.
  ///   - axis: counted from 0, or from the end if negative.
  /// - Precondition: every index is in 0 ..< size of the axis.
  public func takenAlongAxis(
    _ indices: Tensor, axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let take = TakeAlongAxis(axis: axis, site: CallSite(file: file, line: line))
    return apply(take, to: Tensors(self, indices), file: file, line: line)[0]
  }
}
