import CTapestryKernels
import TapestryGraph

/// How the rows of a bag become one.
public enum BagReduction: Sendable {
  case sum, mean, max
}

/// The rows of each bag, without those that do not count.
private struct Bags {
  var rows: [Int64] = []
  /// The bag of each of `rows`, ascending.
  var bags: [Int64] = []
  /// Where each of `rows` stands among all the indices.
  var places: [Int64] = []
  var count: Int

  init(_ indices: [Int64], _ ends: [Int], without padding: Int?) {
    count = ends.count
    var place = 0
    for (bag, end) in ends.enumerated() {
      while place < end {
        if indices[place] != padding.map(Int64.init) {
          rows.append(indices[place])
          bags.append(Int64(bag))
          places.append(Int64(place))
        }
        place += 1
      }
    }
  }

  /// How many rows count in each bag.
  var sizes: [Double] {
    var sizes = [Double](repeating: 0, count: count)
    for bag in bags { sizes[Int(bag)] += 1 }
    return sizes
  }
}

/// y[b, j] = the largest of x[i, j] over the rows i of bag b, and which element of x that is; 0 and -1 where a bag is empty.
struct BagMaximum: TensorOperation {
  let rows: [Int64]
  let bags: [Int64]
  let count: Int
  var keeps: Kept { .outputs(1) }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = try TensorShape(checked: [count, inputs.spec(0).shape[1]])
    return [TensorSpec(shape, inputs.spec(0).dtype), TensorSpec(shape, .int64)]
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    let x = inputs[0]
    let width = Int64(x.shape[1])
    let y = Tensor(specs[0]) { tapestry_fill(x.dtype.code, Int64(count) * width, 0, $0) }
    let places = Tensor(specs[1]) { places in
      x.withMemory { x in
        y.overwrite { y in
          tapestry_bag_maximum(
            inputs.spec(0).dtype.code, Int64(count), width, Int64(rows.count), rows, bags, x, y,
            places.assumingMemoryBound(to: Int64.self))
        }
      }
    }
    return Tensors(y, places)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    guard let g = node.cotangent(0) else { return Tensors(nil) }
    return Tensors(
      apply(FlatScatter(shape: node.inputSpec(0).shape), to: Tensors(g, node.output(1)))[0])
  }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    let (values, width) = (inputs[0].scalars(), inputs[0].shape[1])
    var finder = KinkFinder()
    for bag in 0..<count {
      let members = Set(rows.indices.filter { bags[$0] == Int64(bag) }.map { Int(rows[$0]) })
      for column in 0..<width {
        let sorted = members.sorted().map { (index: $0 * width + column, row: $0) }
          .sorted { values[$0.index] > values[$1.index] }
        guard let best = sorted.first else { continue }
        let gap = sorted.count > 1 ? values[best.index] - values[sorted[1].index] : .infinity
        finder.note(index: best.index, distance: gap / 2, side: best.index)
      }
    }
    return finder.result
  }
}

/// Sums, means or maxima of rows of a table, bag by bag: `embedding` and the reduction in one.
///
/// - Parameters:
///   - table: `[count, width]`.
///   - indices: int64 or int32, each in `0 ..< count`: a matrix, whose rows are the bags, or a vector with `offsets`.
///   - offsets: where the bags begin in the vector, ascending from 0; the last bag ends with the vector.
///   - weights: a factor for each index, shaped like the indices; with sums only. Default: 1 each.
///   - reduction: what becomes of a bag's rows. Default: their mean.
///   - includesLastOffset: the last offset is an end and begins no bag. Default: false.
///   - paddingIndex: an index that does not count, in the mean's divisor either. Default: none.
/// - Returns: `[bags, width]`; zeros for an empty bag.
/// - Precondition: shapes and ranges as above.
public func embeddingBag(
  _ table: Tensor, _ indices: Tensor, offsets: Tensor? = nil, weights: Tensor? = nil,
  reduction: BagReduction = .mean, includesLastOffset: Bool = false, paddingIndex: Int? = nil,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  var operands = [(name: "table", tensor: table), ("indices", indices)]
  if let offsets { operands.append(("offsets", offsets)) }
  if let weights { operands.append(("weights", weights)) }
  let refused = refusal(
    of: "embeddingBag", operands, file: file, line: line,
    rule: { () throws(Misuse) in
      try checkBags(
        table.spec, indices.spec, offsets?.spec, weights?.spec, reduction, includesLastOffset)
    })
  if let refused { return refused }
  let bags = bags(
    of: indices, offsets, includesLastOffset, paddingIndex, rows: table.shape[0],
    CallSite(file: file, line: line))
  let site = CallSite(file: file, line: line)
  if reduction == .max {
    let maximum = BagMaximum(rows: bags.rows, bags: bags.bags, count: bags.count)
    return apply(maximum, to: Tensors(table), file: file, line: line)[0]
  }
  var rows = table.gathered(
    Tensor(scalars: bags.rows, shape: [bags.rows.count]), along: 0, file: file, line: line)
  if let weights {
    let factors = weights.reshaped(to: [weights.count], file: file, line: line)
      .gathered(
        Tensor(scalars: bags.places, shape: [bags.places.count]), along: 0, file: file, line: line)
    rows = rows * factors.expandedDimensions(at: 1, file: file, line: line)
  }
  let sum = ScatterAdd(axis: 0, shape: [bags.count, table.shape[1]], site: site)
  let sums = apply(
    sum, to: Tensors(rows, Tensor(scalars: bags.bags, shape: [bags.bags.count])), file: file,
    line: line)[0]
  guard reduction == .mean else { return sums }
  let divisors = Tensor(bags.sizes.map { max($0, 1) }, shape: [bags.count, 1], dtype: table.dtype)
  return sums / divisors
}

private func checkBags(
  _ table: TensorSpec, _ indices: TensorSpec, _ offsets: TensorSpec?, _ weights: TensorSpec?,
  _ reduction: BagReduction, _ includesLastOffset: Bool
) throws(Misuse) {
  guard table.shape.rank == 2, table.dtype.isFloatingPoint else {
    throw Misuse("the table needs 2 axes, [count, width], of float32 or float64, not \(table)")
  }
  for (name, spec) in [("indices", indices), ("offsets", offsets ?? indices)] {
    guard spec.dtype == .int64 || spec.dtype == .int32 else {
      throw Misuse("the \(name) are int64 (or int32), not \(spec.dtype)")
    }
  }
  guard indices.shape.rank == (offsets == nil ? 2 : 1) else {
    let end = offsets == nil ? "" : " with offsets"
    throw Misuse(
      "the indices are a matrix of bags, or a vector with offsets, not \(indices.shape)\(end)")
  }
  if let offsets {
    guard offsets.shape.rank == 1, offsets.shape[0] > 0 || !includesLastOffset else {
      throw Misuse(
        "the offsets are a vector\(includesLastOffset ? ", at least one" : ""), not \(offsets.shape)"
      )
    }
  }
  if let weights {
    guard reduction == .sum else { throw Misuse("weights go with sums, not with \(reduction)") }
    guard weights.shape == indices.shape, weights.dtype == table.dtype else {
      throw Misuse(
        "the weights need the shape \(indices.shape) of the indices and the type \(table.dtype), not"
          + " \(weights)")
    }
  }
}

/// The bags as lists of rows; an index or offset out of range ends the process with the user's line.
private func bags(
  of indices: Tensor, _ offsets: Tensor?, _ includesLastOffset: Bool, _ padding: Int?, rows: Int,
  _ site: CallSite
) -> Bags {
  let count = offsets.map { $0.count - (includesLastOffset ? 1 : 0) } ?? indices.shape[0]
  // A dry run knows the number of bags, not what is in them.
  if indices.isPlaceholder || offsets?.isPlaceholder == true {
    return Bags([], [Int](repeating: 0, count: count), without: nil)
  }
  let values = indices.scalars(as: Int64.self)
  if let place = values.firstIndex(where: { $0 < 0 || $0 >= Int64(rows) }) {
    trap(
      "embeddingBag: index \(values[place]) (element \(place) of the indices) is not in 0 ..< \(rows)",
      file: site.file, line: site.line)
  }
  guard let offsets else {
    let width = indices.shape[1]
    return Bags(values, (0..<count).map { ($0 + 1) * width }, without: padding)
  }
  let starts = offsets.scalars(as: Int64.self).map { Int($0) }
  let isAscending = zip(starts, starts.dropFirst()).allSatisfy { $0 <= $1 }
  guard starts.first ?? 0 == 0, isAscending, starts.last ?? 0 <= values.count else {
    trap(
      "embeddingBag: offsets ascend from 0 to at most \(values.count), the number of indices, unlike"
        + " \(starts)", file: site.file, line: site.line)
  }
  let ends = Array(starts.dropFirst()) + (includesLastOffset ? [] : [values.count])
  return Bags(values, ends, without: padding)
}
